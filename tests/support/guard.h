/* guard.h - memory that ends at an unreadable page: who reads one byte too far, dies at once. */
#ifndef FAIRLEAD_TEST_GUARD_H
#define FAIRLEAD_TEST_GUARD_H

#include <stddef.h>

struct guard {
    char *base; /* Of the mapping; the last page of it is unreadable. */
    size_t size;
};

void guard_create(struct guard *guard, size_t size_max);
void guard_destroy(struct guard *guard);
/* Copies `size` bytes so that they end where the unreadable page begins, and returns where they are. */
char *guard_copy(const struct guard *guard, const void *data, size_t size);

#endif
