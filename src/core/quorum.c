/* quorum.c - what a majority agrees on. Knows no Raft: values go in, one comes out. */
#include "core.h"

uint64_t fl__quorum_value(uint64_t *values, uint32_t count)
{
    fl_assert(count >= 1);
    if (count == 3) /* The common cluster: the median of three. */
        return fl__max(fl__min(values[0], values[1]), fl__min(fl__max(values[0], values[1]), values[2]));
    /* Insertion sort, largest first: a handful of values, mostly in order already. */
    for (uint32_t i = 1; i < count; i++) {
        uint64_t value = values[i];
        uint32_t k = i;
        for (; k > 0 && values[k - 1] < value; k--)
            values[k] = values[k - 1];
        values[k] = value;
    }
    return values[fl__quorum_size(count) - 1];
}
