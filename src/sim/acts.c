/* acts.c - what can be done to a world of cores, one act at a time.
 *
 * A life is a list of acts. Whoever plays them again on the same world gets the same life, and whoever leaves
 * some out gets another one, which is just as legal: that is how a failure is made short, and how it becomes
 * a scenario file. A packet is named by its link and by how many older ones fly there, which means much the
 * same packet after other acts have been left out. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------------------- stage */

static void *allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

struct fl_allocator fl__stage_allocator(void)
{
    return (struct fl_allocator){.allocate = allocate, .release = release};
}

static void need(bool holds)
{
    if (!holds)
        fl_panic(__FILE__, __LINE__, "the simulator has no memory left, or its plan is impossible");
}

/* A log of so many terms, one to three entries each, committed everywhere. */
static void give_logs(struct fl_world *world, const struct fl__core_plan *plan)
{
    fl_term terms[3 * 128];
    size_t count = 0;
    struct fl__chance dice = fl__chance_begin(plan->seed, FL__STREAM_DISK);
    need(plan->start_terms <= 128);
    for (fl_term term = 1; term <= plan->start_terms; term++)
        for (uint64_t k = fl__chance_from(&dice, 1, 3); k > 0; k--)
            terms[count++] = term;
    for (uint32_t n = 0; n < world->count; n++) {
        fl_world_give_log(world, n, terms, count);
        fl_world_give_commit(world, n, count);
    }
}

const char *fl__stage_name(uint32_t node)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"};
    need(node < sizeof names / sizeof *names);
    return names[node];
}

void fl__stage_open(struct fl__stage *stage, const struct fl__core_plan *plan,
                    void (*observe)(void *context, const struct fl_world *world,
                                    const struct fl_event *event),
                    void *context)
{
    *stage = (struct fl__stage){0};
    struct fl_world_settings settings = plan->world;
    if (!settings.allocator.allocate)
        settings.allocator = fl__stage_allocator();
    settings.observe = observe;
    settings.observe_context = context;
    need(fl_world_create(&stage->world, &settings) == FL_OK);
    for (uint32_t n = 0; n < plan->voters + plan->learners; n++) {
        enum fl_member_kind kind = n < plan->voters ? FL_VOTER : FL_LEARNER;
        need(fl_world_add(stage->world, fl__stage_name(n), 1, kind) == (int)n);
        stage->world->nodes[n].disk.by_hand = plan->disk_max > 0;
    }
    give_logs(stage->world, plan);
    need(fl_world_start(stage->world) == FL_OK);
}

void fl__stage_close(struct fl__stage *stage)
{
    for (uint32_t k = 0; k < FL__MUSEUM_MAX; k++)
        if (stage->museum[k])
            fl_world_free(stage->world, stage->museum[k]);
    fl_world_destroy(stage->world);
    *stage = (struct fl__stage){0};
}

/* --------------------------------------------------------------------------------------------- one by one */

/* Where the a-th oldest packet of the link is among all that fly; -1: there are not so many. */
static int find_packet(const struct fl_world *world, const struct fl__act *act)
{
    uint32_t older = act->a;
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        if (packet->from == act->node && packet->to == act->peer && older-- == 0)
            return (int)k;
    }
    return -1;
}

static struct fl_packet *copy_of(struct fl_world *world, const struct fl_packet *packet)
{
    struct fl_packet *copy = fl_world_copy(world, packet);
    need(copy != NULL);
    return copy;
}

static void keep(struct fl__stage *stage, const struct fl_packet *packet, uint32_t place)
{
    if (stage->museum[place])
        fl_world_free(stage->world, stage->museum[place]);
    stage->museum[place] = copy_of(stage->world, packet);
}

static bool act_on_packet(struct fl__stage *stage, const struct fl__act *act)
{
    struct fl_world *world = stage->world;
    int at = find_packet(world, act);
    if (at < 0)
        return false;
    if (act->kind == FL__ACT_DELIVER)
        fl_world_deliver(world, (uint32_t)at);
    else if (act->kind == FL__ACT_DROP)
        fl_world_drop(world, (uint32_t)at);
    else if (act->kind == FL__ACT_COPY)
        fl_world_throw(world, copy_of(world, world->flying.list[at]));
    else
        keep(stage, world->flying.list[at], act->b);
    return true;
}

static bool act_on_disk(struct fl_world *world, const struct fl__act *act)
{
    struct fl_world_node *node = &world->nodes[act->node];
    bool is_alive = node->is_alive;
    switch (act->kind) {
    case FL__ACT_SYNC:
        fl_world_sync(world, act->node, act->a);
        return is_alive;
    case FL__ACT_LOAD:
        if (act->a >= node->loading.count)
            return false;
        fl_world_load(world, act->node, act->a);
        return true;
    case FL__ACT_CRASH:
        fl_world_crash(world, act->node, act->a, act->b);
        return is_alive;
    case FL__ACT_RESTART:
        fl_world_restart(world, act->node, act->a, act->b);
        return !is_alive;
    default:
        node->disk.by_hand = act->a == 1;
        return true;
    }
}

static bool perform(struct fl__stage *stage, const struct fl__act *act)
{
    struct fl_world *world = stage->world;
    switch (act->kind) {
    case FL__ACT_TICK:
        fl_world_tick(world, act->node);
        return world->nodes[act->node].is_alive;
    case FL__ACT_REPLAY:
        if (!stage->museum[act->a])
            return false;
        fl_world_throw(world, copy_of(world, stage->museum[act->a]));
        return true;
    case FL__ACT_LINK:
        fl_world_link(world, act->node, act->peer, act->a == 1);
        return true;
    case FL__ACT_PEER:
        fl_world_peer(world, act->node, act->peer, act->a == 1);
        return world->nodes[act->node].is_alive;
    case FL__ACT_WRITE:
        return fl_world_propose(world, act->node, act->a) > 0;
    case FL__ACT_READ:
        return fl_world_read(world, act->node) >= 0;
    case FL__ACT_CAMPAIGN:
        fl_world_campaign(world, act->node);
        return world->nodes[act->node].is_alive;
    case FL__ACT_DELIVER:
    case FL__ACT_DROP:
    case FL__ACT_COPY:
    case FL__ACT_KEEP:
        return act_on_packet(stage, act);
    default:
        return act_on_disk(world, act);
    }
}

static void remember(struct fl__acts *acts, const struct fl__act *act)
{
    if (acts->count == acts->capacity) {
        acts->capacity = acts->capacity ? 2 * acts->capacity : 1024;
        acts->list = realloc(acts->list, acts->capacity * sizeof *acts->list);
        need(acts->list != NULL);
    }
    acts->list[acts->count++] = *act;
}

bool fl__stage_act(struct fl__stage *stage, const struct fl__act *act)
{
    if (act->at > stage->world->now)
        fl_world_advance(stage->world, act->at - stage->world->now);
    if (stage->acts) {
        struct fl__act done = *act;
        done.at = stage->world->now;
        remember(stage->acts, &done);
    }
    return perform(stage, act);
}

void fl__acts_release(struct fl__acts *acts)
{
    free(acts->list);
    *acts = (struct fl__acts){0};
}
