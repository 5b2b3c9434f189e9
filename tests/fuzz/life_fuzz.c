/* life_fuzz.c - the life of a cluster of cores, each of whose choices is a byte of the input: which message
 * is lost or late, who crashes and when, what a disk keeps. The judge of src/scenario looks on.
 *
 * To libFuzzer a new line of code is news, and so is a new state of the cluster: who has which role, how
 * terms and logs stand to each other, and what arrives then. Each such state has a counter of its own. */
#include "../../src/sim/sim.h"

#include <stdlib.h>
#include <string.h>

enum { COUNTERS = 1 << 14, STEPS_MAX = 1000 };

__attribute__((used, section("__libfuzzer_extra_counters"))) static uint8_t counters[COUNTERS];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* How a node stands to the one with the highest term: its role, its term, its log. */
static uint64_t describe(const struct fl_world *world, uint32_t n, uint32_t first)
{
    const struct fl_world_node *node = &world->nodes[n], *other = &world->nodes[first];
    struct fl_status status = fl_world_status(world, n), top = fl_world_status(world, first);
    if (!node->is_alive)
        return 1;
    fl_index fork = fl_world_fork(world, n, first);
    uint64_t log = (uint64_t)(fork < node->log.last) << 1 | (fork < other->log.last);
    uint64_t commit = status.commit < top.commit ? 0 : status.commit == top.commit ? 1 : 2;
    return 2 + (((uint64_t)status.role * 2 + (status.term < top.term)) * 4 + log) * 3 + commit;
}

static uint32_t find_first(const struct fl_world *world)
{
    uint32_t first = 0;
    for (uint32_t n = 1; n < world->count; n++)
        if (fl_world_status(world, n).term > fl_world_status(world, first).term)
            first = n;
    return first;
}

static void observe(void *context, const struct fl_world *world, const struct fl_event *event)
{
    (void)context;
    if (event->type != FL_EVENT_DELIVERED && event->type != FL_EVENT_RESTARTED)
        return;
    uint32_t first = find_first(world);
    uint64_t state = event->packet ? (uint64_t)event->packet->message.type : 0;
    for (uint32_t n = 0; n < world->count && n < 3; n++)
        state = fl__mix64(state) + describe(world, n, first);
    uint8_t *counter = &counters[fl__mix64(state) % COUNTERS];
    *counter = (uint8_t)(*counter + (*counter < UINT8_MAX));
}

static void stop_if_broken(const struct fl__cores *cores)
{
    const struct fl_judge *judge = &cores->world->judge;
    if (judge->trip_count == 0)
        return;
    fprintf(stderr, "%s\n", judge->trips[0].text);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl__core_plan plan;
    struct fl__cores cores;
    uint16_t seed = 0;
    if (size < sizeof seed)
        return 0;
    memcpy(&seed, data, sizeof seed);
    struct fl__tape tape = {data + sizeof seed, size - sizeof seed};
    fl__plan_draw(&plan, seed, 0);
    plan.tape = &tape;
    fl__cores_open(&cores, &plan, NULL, observe, NULL);
    while (cores.steps < STEPS_MAX && fl__cores_step(&cores, FL__SECOND))
        continue;
    stop_if_broken(&cores);
    fl__cores_heal_all(&cores);
    fl__cores_run(&cores, FL__SECOND / 5);
    stop_if_broken(&cores);
    fl__cores_close(&cores);
    return 0;
}
