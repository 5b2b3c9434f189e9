/* census.c - what nodes hold, looked at now and then: after the same entry all must hold the same, in all
 * their lives (R21), and in the end no more files and connections are open than there is use for (S9). */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define EVERY_US (250 * FL__MILLISECOND)
#define FILES_BESIDE 4       /* Open without a name, or twice: what is being removed, or read again. */
#define STREAMS_PER_MEMBER 2 /* One in use, one that is dialled. */

/* A state that some node had. */
struct held {
    fl_index applied;
    uint64_t state;
};

struct fl__census {
    fl_time_us next;
    struct held *list; /* By applied, ascending. */
    size_t count, capacity;
};

struct fl__census *fl__census_create(void)
{
    struct fl__census *census = calloc(1, sizeof *census);
    if (!census)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return census;
}

void fl__census_destroy(struct fl__census *census)
{
    free(census->list);
    free(census);
}

/* The first that is not before this entry. */
static size_t place_of(const struct fl__census *census, fl_index applied)
{
    size_t low = 0, high = census->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (census->list[middle].applied < applied)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct fl__census *census, size_t place, const struct held *held)
{
    if (census->count == census->capacity) {
        census->capacity = census->capacity ? 2 * census->capacity : 128;
        census->list = realloc(census->list, census->capacity * sizeof *census->list);
        if (!census->list)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    memmove(&census->list[place + 1], &census->list[place], (census->count - place) * sizeof *census->list);
    census->list[place] = *held;
    census->count++;
}

static void compare_state(struct fl__life_node *node)
{
    struct fl_sim_life *life = node->life;
    struct fl__census *census = life->census;
    struct held held = {0};
    held.state = life->tenant->state(node, &held.applied);
    if (held.applied == 0)
        return;
    size_t place = place_of(census, held.applied);
    bool is_known = place < census->count && census->list[place].applied == held.applied;
    if (!is_known) {
        insert(census, place, &held);
        return;
    }
    fl__mark(&life->result->marks, FL__MARK_SAME_STATE);
    if (census->list[place].state == held.state)
        return;
    char text[160];
    snprintf(text, sizeof text, "R21: %s has another state after entry %" PRIu64 " than was there before",
             node->name, held.applied);
    fl__life_fail(life, "R21", text);
}

static void look_at_all(struct fl_sim_life *life)
{
    if (!life->tenant->state)
        return;
    for (uint32_t n = 0; n < life->plan.count; n++)
        if (life->nodes[n].power == FL__POWER_ON)
            compare_state(&life->nodes[n]);
}

void fl__census_take(struct fl_sim_life *life)
{
    if (life->census->next > fl__life_now(life))
        return;
    life->census->next = fl__life_now(life) + EVERY_US;
    look_at_all(life);
}

static void count_file(void *context, const char *path)
{
    (void)path;
    ++*(uint32_t *)context;
}

/* True: no more than there is use for. */
static bool is_lean(struct fl__life_node *node, char *text, size_t text_size)
{
    const struct fl_sim_life *life = node->life;
    uint32_t files = FILES_BESIDE, open_files = fl__memory_open_files(node->io);
    uint32_t streams =
        STREAMS_PER_MEMBER * life->plan.count + life->plan.client_count + FL__SIM_LISTENERS_MAX + 1;
    uint32_t open_streams = fl__memory_open_streams(node->io);
    fl__disk_each(node->disk, count_file, &files);
    snprintf(text, text_size,
             "S9: %s has %" PRIu32 " files and %" PRIu32 " connections open at rest; %" PRIu32 " and %" PRIu32
             " would do",
             node->name, open_files, open_streams, files, streams);
    return open_files <= files && open_streams <= streams;
}

bool fl__census_close(struct fl_sim_life *life, char *text, size_t text_size)
{
    look_at_all(life);
    for (uint32_t n = 0; n < life->plan.count; n++)
        if (life->nodes[n].power == FL__POWER_ON && !is_lean(&life->nodes[n], text, text_size))
            return false;
    return true;
}
