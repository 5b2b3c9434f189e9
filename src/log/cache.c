/* cache.c - recent entries by (index, term): a ring that holds a reference to each, contiguous up to the last
 * one. */
#include "log.h"
#include <stdlib.h>

struct fl__cache {
    struct fl__entry **ring; /* capacity is a power of two; an entry lies at index % capacity */
    uint64_t capacity;
    fl_index first; /* The oldest one; last + 1 if there is none. */
    fl_index last;
    uint64_t size, size_max;
};

enum { CAPACITY_MIN = 1024, OVERHEAD = sizeof(struct fl__entry) };

struct fl__cache *fl__cache_create(uint64_t size_max)
{
    struct fl__cache *cache = calloc(1, sizeof *cache);
    struct fl__entry **ring = calloc(CAPACITY_MIN, sizeof *ring);
    if (!cache || !ring) {
        free(cache);
        free(ring);
        return NULL;
    }
    *cache = (struct fl__cache){.ring = ring, .capacity = CAPACITY_MIN, .first = 1, .size_max = size_max};
    return cache;
}

static struct fl__entry **place(const struct fl__cache *cache, fl_index index)
{
    return &cache->ring[index & (cache->capacity - 1)];
}

static bool is_empty(const struct fl__cache *cache)
{
    return cache->first > cache->last;
}

static void drop(struct fl__cache *cache, fl_index index)
{
    struct fl__entry **at = place(cache, index);
    cache->size -= (*at)->size + OVERHEAD;
    fl__entry_release(*at);
    *at = NULL;
}

void fl__cache_destroy(struct fl__cache *cache)
{
    if (!cache)
        return;
    for (fl_index index = cache->first; index <= cache->last; index++)
        drop(cache, index);
    free(cache->ring);
    free(cache);
}

static int grow(struct fl__cache *cache)
{
    uint64_t capacity = cache->capacity * 2;
    struct fl__entry **ring = calloc(capacity, sizeof *ring);
    if (!ring)
        return FL_ENOMEM;
    for (fl_index index = cache->first; index <= cache->last; index++)
        ring[index & (capacity - 1)] = *place(cache, index);
    free(cache->ring);
    cache->ring = ring;
    cache->capacity = capacity;
    return FL_OK;
}

int fl__cache_put(struct fl__cache *cache, struct fl__entry *entry)
{
    fl__cache_truncate(cache, entry->index);
    if (is_empty(cache)) {
        cache->first = entry->index;
        cache->last = entry->index - 1;
    }
    fl_assert(entry->index == cache->last + 1);
    if (cache->last - cache->first + 1 == cache->capacity && grow(cache) != FL_OK)
        return FL_ENOMEM;
    *place(cache, entry->index) = fl__entry_hold(entry);
    cache->last = entry->index;
    cache->size += entry->size + OVERHEAD;
    return FL_OK;
}

void fl__cache_truncate(struct fl__cache *cache, fl_index from)
{
    while (!is_empty(cache) && cache->last >= from)
        drop(cache, cache->last--);
}

struct fl__entry *fl__cache_get(const struct fl__cache *cache, fl_index index, fl_term term)
{
    if (index < cache->first || index > cache->last)
        return NULL;
    struct fl__entry *entry = *place(cache, index);
    return entry->term == term ? entry : NULL;
}

void fl__cache_trim(struct fl__cache *cache, fl_index keep_above)
{
    while (cache->size > cache->size_max && !is_empty(cache) && cache->first <= keep_above)
        drop(cache, cache->first++);
}
