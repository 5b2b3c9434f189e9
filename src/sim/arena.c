/* arena.c - memory that can be put back as it was.
 *
 * A world whose every allocation lies in one block is copied, and put back at the same place, by copying that
 * block: that is how the explorer goes back to a state and takes another way out of it. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define ALIGN ((size_t)16)
#define CLASSES_MAX 40 /* Sizes of powers of two. */

struct freed {
    struct freed *next;
};

struct fl__arena {
    size_t size, used; /* Bytes, this head included. */
    struct freed *freed[CLASSES_MAX];
};

/* In front of each piece: its class. */
struct head {
    size_t class;
    size_t unused;
};

static void *allocate(void *context, size_t size)
{
    struct fl__arena *arena = context;
    size_t class = 5;
    while (((size_t)1 << class) < size)
        class ++;
    struct freed *old = arena->freed[class];
    if (old) {
        arena->freed[class] = old->next;
        return old;
    }
    size_t need = sizeof(struct head) + ((size_t)1 << class);
    if (need > arena->size - arena->used)
        fl_panic(__FILE__, __LINE__, "the arena of a world is full");
    struct head *head = (struct head *)(void *)((char *)arena + arena->used);
    head->class = class;
    arena->used += need;
    return head + 1;
}

static void release(void *context, void *memory)
{
    struct fl__arena *arena = context;
    struct freed *freed = memory;
    size_t class = ((struct head *)memory - 1)->class;
    freed->next = arena->freed[class];
    arena->freed[class] = freed;
}

struct fl__arena *fl__arena_open(size_t size)
{
    struct fl__arena *arena = malloc(size);
    if (!arena)
        fl_panic(__FILE__, __LINE__, "no memory left");
    *arena = (struct fl__arena){.size = size, .used = (sizeof *arena + ALIGN - 1) / ALIGN * ALIGN};
    return arena;
}

void fl__arena_close(struct fl__arena *arena)
{
    free(arena);
}

struct fl_allocator fl__arena_allocator(struct fl__arena *arena)
{
    return (struct fl_allocator){.context = arena, .allocate = allocate, .release = release};
}

void fl__arena_save(const struct fl__arena *arena, void *copy)
{
    memcpy(copy, arena, arena->used);
}

void fl__arena_restore(struct fl__arena *arena, const void *copy)
{
    const struct fl__arena *saved = copy;
    memcpy(arena, copy, saved->used);
}
