/* keymap.c - the hash table: keys in the order of a replicated hash.
 *
 * A bucket is the top bits of the hash, and its items are a list in the order of (hash, key); so walking the
 * buckets walks all keys in one order, which depends on the keys alone and not on the number of buckets or on
 * what happened before. That makes SCAN's cursor a position in this order, valid on every node and whatever
 * the table does.
 *
 * The number of buckets follows the number of keys without ever stopping the world. A resized table is two
 * tables: the items move from the old one to the main one in their order, a few with each insertion and
 * removal, and the frontier says how far they are. Invariants:
 *   M1  Items with hashes below the frontier are in main, others in old. The frontier lies between buckets of
 *       both.
 *   M2  Segments of main below the frontier exist, as do those of old from it on; others do not. A table that
 *       is not being resized has a frontier at FL__HASH_END, and no old table.
 *   M3  A resize ends before the next one is due: keys between 1/16 and 2 of the buckets. */
#include "keyspace.h"

#include <stdlib.h>
#include <string.h>

#define BITS_MIN 6
#define BITS_MAX 40
#define SEGMENT_BITS 12
#define STEP_BUCKETS 4       /* Moved with each insertion and removal; at least 2 for M3. */
#define SPARE_MAX (1u << 20) /* Largest room taken in advance for a value that grows. */
#define SHRINK_SLACK 64      /* Waste that is not worth a move. */

/* What malloc takes for a block, near enough. */
static uint64_t block_size(size_t size)
{
    uint64_t rounded = ((uint64_t)size + 8 + 15) & ~(uint64_t)15;
    return rounded < 32 ? 32 : rounded;
}

/* ------------------------------------------------------------------------------------------------ buckets */

static uint32_t segment_bits(const struct fl__buckets *buckets)
{
    return buckets->bits < SEGMENT_BITS ? buckets->bits : SEGMENT_BITS;
}

static size_t segment_size(const struct fl__buckets *buckets)
{
    return sizeof(struct fl__item *) << segment_bits(buckets);
}

static size_t segment_count(const struct fl__buckets *buckets)
{
    return (size_t)1 << (buckets->bits - segment_bits(buckets));
}

static inline uint64_t bucket_of(const struct fl__buckets *buckets, uint64_t hash)
{
    return hash >> (FL__HASH_BITS - buckets->bits);
}

/* The position where a bucket begins. */
static inline uint64_t bucket_start(const struct fl__buckets *buckets, uint64_t bucket)
{
    return bucket << (FL__HASH_BITS - buckets->bits);
}

static inline struct fl__item **bucket_at(const struct fl__buckets *buckets, uint64_t bucket)
{
    uint32_t bits = segment_bits(buckets);
    return &buckets->segments[bucket >> bits][bucket & (((uint64_t)1 << bits) - 1)];
}

/* The table in which a hash is to be found (M1). */
static inline const struct fl__buckets *table_of(const struct fl__map *map, uint64_t hash)
{
    return hash < map->frontier ? &map->main : &map->old;
}

static bool allocate_directory(struct fl__map *map, struct fl__buckets *buckets, uint32_t bits)
{
    buckets->bits = bits;
    buckets->segments = calloc(segment_count(buckets), sizeof *buckets->segments);
    if (buckets->segments == NULL)
        return false;
    map->memory += block_size(segment_count(buckets) * sizeof *buckets->segments);
    return true;
}

static void free_directory(struct fl__map *map, struct fl__buckets *buckets)
{
    map->memory -= block_size(segment_count(buckets) * sizeof *buckets->segments);
    free(buckets->segments);
    *buckets = (struct fl__buckets){0};
}

static bool allocate_segment(struct fl__map *map, const struct fl__buckets *buckets, uint64_t bucket)
{
    struct fl__item ***segment = &buckets->segments[bucket >> segment_bits(buckets)];
    if (*segment != NULL)
        return true;
    *segment = calloc(1, segment_size(buckets));
    if (*segment == NULL)
        return false;
    map->memory += block_size(segment_size(buckets));
    return true;
}

/* Frees the segment that ends where `bucket` begins, if one does. */
static void free_segment_before(struct fl__map *map, const struct fl__buckets *buckets, uint64_t bucket)
{
    uint32_t bits = segment_bits(buckets);
    if ((bucket & (((uint64_t)1 << bits) - 1)) != 0)
        return;
    struct fl__item ***segment = &buckets->segments[(bucket >> bits) - 1];
    free(*segment);
    *segment = NULL;
    map->memory -= block_size(segment_size(buckets));
}

int fl__map_init(struct fl__map *map)
{
    *map = (struct fl__map){.frontier = FL__HASH_END};
    if (!allocate_directory(map, &map->main, BITS_MIN))
        return FL_ENOMEM;
    if (!allocate_segment(map, &map->main, 0)) {
        free_directory(map, &map->main);
        return FL_ENOMEM;
    }
    return FL_OK;
}

/* The table, and of its segments the one that a resize had filled in part. */
static void free_rest(struct fl__map *map, struct fl__buckets *buckets)
{
    if (buckets->segments == NULL)
        return;
    for (uint64_t k = 0; k < segment_count(buckets); k++) {
        map->memory -= buckets->segments[k] != NULL ? block_size(segment_size(buckets)) : 0;
        free(buckets->segments[k]);
    }
    free_directory(map, buckets);
}

bool fl__map_drain(struct fl__map *map, uint64_t *position, uint64_t bucket_count)
{
    for (; bucket_count > 0 && *position < FL__HASH_END; bucket_count--) {
        const struct fl__buckets *buckets = table_of(map, *position);
        uint64_t bucket = bucket_of(buckets, *position);
        struct fl__item *next;
        for (struct fl__item *item = *bucket_at(buckets, bucket); item != NULL; item = next) {
            next = item->next;
            map->count--;
            map->memory -= block_size(sizeof *item + item->capacity);
            free(item);
        }
        free_segment_before(map, buckets, bucket + 1);
        *position = bucket_start(buckets, bucket + 1);
    }
    if (*position < FL__HASH_END)
        return false;
    free_rest(map, &map->old);
    free_rest(map, &map->main);
    return true;
}

/* ----------------------------------------------------------------------------------------------- resizing */

/* Begins to move to a table of another size. Without memory for it, the table stays as it is: slower, and
 * right. */
static void start_resize(struct fl__map *map, uint32_t bits)
{
    struct fl__buckets buckets;
    if (!allocate_directory(map, &buckets, bits))
        return;
    map->old = map->main;
    map->main = buckets;
    map->frontier = 0;
}

static void maybe_resize(struct fl__map *map)
{
    if (map->frontier != FL__HASH_END)
        return;
    uint32_t bits = map->main.bits;
    uint64_t bucket_count = (uint64_t)1 << bits;
    if (map->count > bucket_count && bits < BITS_MAX) {
        start_resize(map, bits + 1);
    } else if (map->count < bucket_count / 8 && bits > BITS_MIN) {
        while (bits > BITS_MIN && (uint64_t)1 << bits > map->count * 4)
            bits--;
        start_resize(map, bits);
    }
}

/* Moves the items of one bucket of the table with fewer buckets. They come in order, so each bucket of main
 * is filled from its head to its end, and is not met again. */
static bool move_bucket(struct fl__map *map)
{
    const struct fl__buckets *old = &map->old, *main = &map->main;
    uint64_t bucket = bucket_of(old, map->frontier);
    uint64_t bucket_end =
        old->bits > main->bits ? bucket + ((uint64_t)1 << (old->bits - main->bits)) : bucket + 1;
    if (!allocate_segment(map, main, bucket_of(main, map->frontier)))
        return false;

    struct fl__item **head = NULL, **tail = NULL;
    for (; bucket < bucket_end; bucket++) {
        struct fl__item *next;
        for (struct fl__item *item = *bucket_at(old, bucket); item != NULL; item = next) {
            next = item->next;
            struct fl__item **target = bucket_at(main, bucket_of(main, item->hash));
            if (target != head)
                head = tail = target;
            *tail = item;
            tail = &item->next;
            item->next = NULL;
        }
        free_segment_before(map, old, bucket + 1);
    }
    map->frontier = bucket_start(old, bucket_end);
    return true;
}

/* A little of the work of a resize. */
static void step_resize(struct fl__map *map)
{
    maybe_resize(map);
    for (int k = 0; k < STEP_BUCKETS && map->frontier != FL__HASH_END; k++) {
        if (!move_bucket(map))
            return;
        if (map->frontier == FL__HASH_END)
            free_directory(map, &map->old);
    }
}

/* -------------------------------------------------------------------------------------------------- items */

bool fl__item_precedes(const struct fl__item *item, uint64_t hash, struct fl__bytes key)
{
    if (item->hash != hash)
        return item->hash < hash;
    size_t common = item->key_size < key.size ? item->key_size : key.size;
    int order = memcmp(item->data, key.data, common);
    return order != 0 ? order < 0 : item->key_size < key.size;
}

struct fl__item **fl__map_find(const struct fl__map *map, uint64_t hash, struct fl__bytes key, bool *found)
{
    const struct fl__buckets *buckets = table_of(map, hash);
    struct fl__item **link = bucket_at(buckets, bucket_of(buckets, hash));
    for (; *link != NULL; link = &(*link)->next) {
        struct fl__item *item = *link;
        if (item->hash == hash && fl__bytes_equal(fl__item_key(item), key)) {
            *found = true;
            return link;
        }
        if (!fl__item_precedes(item, hash, key))
            break;
    }
    *found = false;
    return link;
}

struct fl__item *fl__map_seek(const struct fl__map *map, uint64_t position)
{
    while (position < FL__HASH_END) {
        const struct fl__buckets *buckets = table_of(map, position);
        uint64_t bucket = bucket_of(buckets, position);
        for (struct fl__item *item = *bucket_at(buckets, bucket); item != NULL; item = item->next) {
            if (item->hash >= position)
                return item;
        }
        position = bucket_start(buckets, bucket + 1);
    }
    return NULL;
}

struct fl__item *fl__map_after(const struct fl__map *map, const struct fl__item *item)
{
    return item->next != NULL ? item->next : fl__map_seek(map, item->hash + 1);
}

struct fl__item *fl__map_insert(struct fl__map *map, struct fl__item **link, uint64_t hash,
                                struct fl__bytes key, uint32_t value_size)
{
    size_t size = sizeof(struct fl__item) + key.size + value_size;
    struct fl__item *item = malloc(size);
    if (item == NULL)
        return NULL;
    *item = (struct fl__item){
        .next = *link,
        .hash = hash,
        .key_size = (uint32_t)key.size,
        .value_size = value_size,
        .capacity = (uint32_t)key.size + value_size,
    };
    if (key.size > 0)
        memcpy(item->data, key.data, key.size);
    *link = item;
    map->count++;
    map->memory += block_size(size);
    step_resize(map);
    return item;
}

struct fl__item *fl__map_resize(struct fl__map *map, struct fl__item **link, uint32_t value_size, bool spare)
{
    struct fl__item *item = *link;
    uint32_t needed = item->key_size + value_size;
    bool fits = needed <= item->capacity;
    if (fits && (spare || item->capacity - needed <= needed / 2 + SHRINK_SLACK)) {
        item->value_size = value_size;
        return item;
    }
    uint32_t capacity = needed;
    if (spare)
        capacity += needed < SPARE_MAX ? needed : SPARE_MAX;
    struct fl__item *moved = realloc(item, sizeof *item + capacity);
    if (moved == NULL && !fits)
        return NULL;
    if (moved != NULL) {
        map->memory += block_size(sizeof *item + capacity) - block_size(sizeof *item + moved->capacity);
        moved->capacity = capacity;
        item = *link = moved;
    }
    item->value_size = value_size;
    return item;
}

struct fl__item *fl__map_rename(struct fl__map *map, struct fl__item **link, uint64_t hash,
                                struct fl__bytes key)
{
    struct fl__item *item = *link;
    size_t needed = key.size + item->value_size;
    if (needed > item->capacity) {
        struct fl__item *moved = realloc(item, sizeof *item + needed);
        if (moved == NULL)
            return NULL;
        map->memory += block_size(sizeof *item + needed) - block_size(sizeof *item + moved->capacity);
        moved->capacity = (uint32_t)needed;
        item = moved;
    }
    *link = item->next;
    memmove(item->data + key.size, item->data + item->key_size, item->value_size);
    if (key.size > 0)
        memcpy(item->data, key.data, key.size);
    item->key_size = (uint32_t)key.size;
    item->hash = hash;
    bool found;
    link = fl__map_find(map, hash, key, &found);
    item->next = *link;
    *link = item;
    return fl__map_resize(map, link, item->value_size, false); /* Where the key became much shorter. */
}

void fl__map_remove(struct fl__map *map, struct fl__item **link)
{
    struct fl__item *item = *link;
    *link = item->next;
    map->count--;
    map->memory -= block_size(sizeof *item + item->capacity);
    free(item);
    step_resize(map);
}

uint64_t fl__item_memory(const struct fl__item *item)
{
    return block_size(sizeof *item + item->capacity);
}
