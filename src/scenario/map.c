/* map.c - a hash table from two numbers to one, with open addressing. Nothing is ever removed. */
#include "scenario_internal.h"

/* The finalizer of splitmix64: every bit of the input moves every bit of the output. */
uint64_t fl__mix(uint64_t value)
{
    value += 0x9e3779b97f4a7c15u;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

/* The slot of (a, b), or the free one where it belongs. There is always a free one. */
static struct fl_map_slot *find(const struct fl_map *map, uint64_t a, uint64_t b)
{
    size_t mask = map->capacity - 1;
    size_t at = (size_t)fl__mix(a * 0x9e3779b97f4a7c15u + b) & mask;
    while (map->slots[at].used && (map->slots[at].a != a || map->slots[at].b != b))
        at = (at + 1) & mask;
    return &map->slots[at];
}

bool fl__map_get(const struct fl_map *map, uint64_t a, uint64_t b, uint64_t *value)
{
    if (map->capacity == 0)
        return false;
    const struct fl_map_slot *slot = find(map, a, b);
    if (slot->used)
        *value = slot->value;
    return slot->used;
}

static bool enlarge(struct fl_world *world, struct fl_map *map)
{
    struct fl_map larger = {.count = map->count, .capacity = map->capacity ? map->capacity * 2 : 256};
    larger.slots = fl__world_allocate(world, larger.capacity * sizeof *larger.slots);
    if (!larger.slots)
        return false;
    memset(larger.slots, 0, larger.capacity * sizeof *larger.slots);
    for (size_t k = 0; k < map->capacity; k++)
        if (map->slots[k].used)
            *find(&larger, map->slots[k].a, map->slots[k].b) = map->slots[k];
    fl__world_release(world, map->slots);
    *map = larger;
    return true;
}

bool fl__map_set(struct fl_world *world, struct fl_map *map, uint64_t a, uint64_t b, uint64_t value)
{
    if ((map->count + 1) * 3 > map->capacity * 2 && !enlarge(world, map))
        return false;
    struct fl_map_slot *slot = find(map, a, b);
    map->count += !slot->used;
    *slot = (struct fl_map_slot){.a = a, .b = b, .value = value, .used = true};
    return true;
}
