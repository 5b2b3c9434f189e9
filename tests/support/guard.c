/* guard.c - see guard.h. */
#include "guard.h"

#include <fairlead/raft.h>

#include <string.h>
#include <sys/mman.h>

#define PAGE 4096

void guard_create(struct guard *guard, size_t size_max)
{
    guard->size = (size_max + PAGE - 1) / PAGE * PAGE + PAGE;
    guard->base = mmap(NULL, guard->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    fl_assert(guard->base != MAP_FAILED);
    fl_assert(mprotect(guard->base + guard->size - PAGE, PAGE, PROT_NONE) == 0);
}

void guard_destroy(struct guard *guard)
{
    munmap(guard->base, guard->size);
}

char *guard_copy(const struct guard *guard, const void *data, size_t size)
{
    fl_assert(size <= guard->size - PAGE);
    char *copy = guard->base + guard->size - PAGE - size;
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}
