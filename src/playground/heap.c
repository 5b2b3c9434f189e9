/* heap.c - memory for a module that has nothing but its own.
 *
 * Sizes are rounded up to classes: four to each doubling, so a block wastes a fifth at most. A block that is
 * released waits in the list of its class and is handed out again; it is never split or joined with another.
 * Playing one text again and again asks for the same sizes each time, and so needs no new memory. */
#include "playground.h"

#define UNIT 16 /* Of alignment; and room for the class before each block. */

struct fl__heap_block {
    uint32_t class;
    struct fl__heap_block *next; /* Of those that are free. */
};

_Static_assert(sizeof(struct fl__heap_block) <= UNIT, "a block's head does not fit");

/* The smallest class that holds `size`, and how much it holds: (4 + step) << shift units. */
static uint32_t class_of(size_t size, size_t *holds)
{
    size_t units = size / UNIT + (size % UNIT > 0);
    uint32_t shift = 0;
    while (units > (size_t)7 << shift)
        shift++;
    size_t step = units >> shift << shift < units ? (units >> shift) + 1 : units >> shift;
    step = step < 4 ? 4 : step;
    *holds = (step << shift) * UNIT;
    return shift * 4 + (uint32_t)(step - 4);
}

void *fl__heap_allocate(struct fl__heap *heap, size_t size)
{
    size_t holds;
    if (size > SIZE_MAX / 4)
        return NULL;
    uint32_t class = class_of(size, &holds);
    if (class >= FL__HEAP_CLASSES)
        return NULL;
    struct fl__heap_block *block = heap->free[class];
    if (block) {
        heap->free[class] = block->next;
        return (uint8_t *)block + UNIT;
    }
    if ((size_t)(heap->end - heap->next) < holds + UNIT && !heap->grow(heap, holds + UNIT))
        return NULL;
    block = (struct fl__heap_block *)(void *)heap->next;
    block->class = class;
    heap->next += holds + UNIT;
    return (uint8_t *)block + UNIT;
}

void fl__heap_release(struct fl__heap *heap, void *memory)
{
    if (!memory)
        return;
    struct fl__heap_block *block = (struct fl__heap_block *)(void *)((uint8_t *)memory - UNIT);
    block->next = heap->free[block->class];
    heap->free[block->class] = block;
}
