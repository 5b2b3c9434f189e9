/* deadline.c - when keys expire: a heap with four children to a node, whose root is the earliest deadline.
 *
 * Equal deadlines stand in the order of their keys, so that the order in which keys expire depends on the
 * deadlines that there are, and not on the heap's history.
 *
 * An item knows its place (counted from 1; 0 is none), so its deadline can be found, moved and dropped.
 * Invariant: the item at place p says p, and no child is earlier than its parent. */
#include "keyspace.h"

#include <stdlib.h>
#include <string.h>

#define CHILDREN 4
#define SEGMENT_BITS 12
#define SEGMENT_LENGTH (1u << SEGMENT_BITS)
#define LEVELS_MAX 17 /* Of a heap with fewer than 2^32 places. */

struct fl__deadline {
    uint64_t time_ms;
    struct fl__item *item;
};

_Static_assert(sizeof(struct fl__deadline) == FL__DEADLINE_SIZE || sizeof(void *) != 8, "as it is told");

static inline struct fl__deadline *place(const struct fl__deadlines *deadlines, uint32_t at)
{
    return &deadlines->segments[at >> SEGMENT_BITS][at & (SEGMENT_LENGTH - 1)];
}

static inline void put(struct fl__deadlines *deadlines, uint32_t at, struct fl__deadline deadline)
{
    *place(deadlines, at) = deadline;
    deadline.item->deadline = at + 1;
}

/* Whether a deadline comes before another one. */
static bool precedes(const struct fl__deadline *a, const struct fl__deadline *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms;
    return fl__item_precedes(a->item, b->item->hash, fl__item_key(b->item));
}

static bool grow_heap(struct fl__deadlines *deadlines)
{
    if (deadlines->count < deadlines->segment_count * SEGMENT_LENGTH)
        return true;
    if (deadlines->segment_count == deadlines->segment_capacity) {
        uint32_t capacity = deadlines->segment_capacity == 0 ? 16 : deadlines->segment_capacity * 2;
        struct fl__deadline **segments = realloc(deadlines->segments, capacity * sizeof(*segments));
        if (segments == NULL)
            return false;
        deadlines->segments = segments;
        deadlines->segment_capacity = capacity;
    }
    struct fl__deadline *segment = malloc(SEGMENT_LENGTH * sizeof *segment);
    if (segment == NULL)
        return false;
    deadlines->segments[deadlines->segment_count++] = segment;
    return true;
}

/* One empty segment is kept, so that a heap that stays about as large does not allocate. */
static void shrink_heap(struct fl__deadlines *deadlines)
{
    uint32_t needed = deadlines->count / SEGMENT_LENGTH + 2;
    while (deadlines->segment_count > needed)
        free(deadlines->segments[--deadlines->segment_count]);
}

void fl__deadlines_release(struct fl__deadlines *deadlines)
{
    while (deadlines->segment_count > 0)
        free(deadlines->segments[--deadlines->segment_count]);
    free(deadlines->segments);
    *deadlines = (struct fl__deadlines){0};
}

/* Puts a deadline where it belongs, at or above a free place. */
static void sift_up(struct fl__deadlines *deadlines, uint32_t at, struct fl__deadline deadline)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / CHILDREN;
        if (!precedes(&deadline, place(deadlines, parent)))
            break;
        put(deadlines, at, *place(deadlines, parent));
        at = parent;
    }
    put(deadlines, at, deadline);
}

/* Puts a deadline where it belongs, at or below a free place. */
static void sift_down(struct fl__deadlines *deadlines, uint32_t at, struct fl__deadline deadline)
{
    for (;;) {
        uint64_t first = (uint64_t)at * CHILDREN + 1;
        uint32_t best = at;
        const struct fl__deadline *earliest = &deadline;
        for (uint64_t child = first; child < first + CHILDREN && child < deadlines->count; child++) {
            if (precedes(place(deadlines, (uint32_t)child), earliest)) {
                best = (uint32_t)child;
                earliest = place(deadlines, best);
            }
        }
        if (best == at)
            break;
        put(deadlines, at, *place(deadlines, best));
        at = best;
    }
    put(deadlines, at, deadline);
}

/* Puts a deadline near a free place, wherever it belongs. */
static void sift(struct fl__deadlines *deadlines, uint32_t at, struct fl__deadline deadline)
{
    if (at > 0 && precedes(&deadline, place(deadlines, (at - 1) / CHILDREN)))
        sift_up(deadlines, at, deadline);
    else
        sift_down(deadlines, at, deadline);
}

int fl__deadlines_set(struct fl__deadlines *deadlines, struct fl__item *item, uint64_t time_ms)
{
    struct fl__deadline deadline = {time_ms, item};
    if (item->deadline != 0) {
        sift(deadlines, item->deadline - 1, deadline);
        return FL_OK;
    }
    if (deadlines->count == UINT32_MAX || !grow_heap(deadlines))
        return FL_ENOMEM;
    sift_up(deadlines, deadlines->count++, deadline);
    return FL_OK;
}

void fl__deadlines_clear(struct fl__deadlines *deadlines, struct fl__item *item)
{
    if (item->deadline == 0)
        return;
    uint32_t at = item->deadline - 1;
    struct fl__deadline last = *place(deadlines, --deadlines->count);
    item->deadline = 0;
    if (last.item != item)
        sift(deadlines, at, last);
    shrink_heap(deadlines);
}

void fl__deadlines_moved(struct fl__deadlines *deadlines, struct fl__item *item)
{
    if (item->deadline != 0)
        place(deadlines, item->deadline - 1)->item = item;
}

uint64_t fl__deadlines_of(const struct fl__deadlines *deadlines, const struct fl__item *item)
{
    return item->deadline == 0 ? FL__NO_DEADLINE : place(deadlines, item->deadline - 1)->time_ms;
}

struct fl__item *fl__deadlines_first(const struct fl__deadlines *deadlines)
{
    return deadlines->count == 0 ? NULL : place(deadlines, 0)->item;
}

uint64_t fl__deadlines_memory(const struct fl__deadlines *deadlines)
{
    return (uint64_t)deadlines->segment_count * SEGMENT_LENGTH * sizeof(struct fl__deadline) +
           deadlines->segment_capacity * sizeof *deadlines->segments;
}

/* Goes down only where parents lie before the time, so it meets few others. */
uint32_t fl__deadlines_before(const struct fl__deadlines *deadlines, uint64_t time_ms)
{
    uint32_t open[LEVELS_MAX * CHILDREN];
    uint32_t open_count = 0, found = 0;
    if (deadlines->count > 0)
        open[open_count++] = 0;
    while (open_count > 0) {
        uint32_t at = open[--open_count];
        if (place(deadlines, at)->time_ms >= time_ms)
            continue;
        found++;
        uint64_t first = (uint64_t)at * CHILDREN + 1;
        for (uint64_t child = first; child < first + CHILDREN && child < deadlines->count; child++)
            open[open_count++] = (uint32_t)child;
    }
    return found;
}
