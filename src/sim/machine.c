/* machine.c - a state machine of the user's on each node, and a judge between the node and it.
 *
 * What is applied passes through here: each node must apply the same entries in the same order (R5, R7), and
 * have the same state after each of them (R21), in this life of its process and in later ones; what was
 * acknowledged once is there in the end (L2). */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define WORK_US (3 * FL__SECOND) /* In peace, so that new commands are seen to get through. */

/* What is known of an entry once some node has applied it. */
struct applied {
    uint64_t entry, state; /* Hashes. */
};

struct home;

/* A process, and the machine in it. */
struct lodging {
    struct home *home;
    struct fl__life_node *node;
    struct fl_machine machine;
    fl_index applied;
};

struct home {
    struct fl_sim_life *life;
    const struct fl_sim_machine *user;
    struct lodging lodgings[FL__LIFE_NODES_MAX];
    struct applied *list; /* Entry i is at i - 1. */
    size_t count, capacity;
    fl_index acknowledged; /* The highest. */
    fl_time_us work_until;
    uint64_t checks;
};

static struct home *home_of(const struct fl_sim_life *life)
{
    return life->home;
}

__attribute__((format(printf, 3, 4))) static void fail(const struct lodging *lodging, const char *rule,
                                                       const char *format, ...)
{
    char text[320];
    int size = snprintf(text, sizeof text, "%s: %s ", rule, lodging->node->name);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text + size, sizeof text - (size_t)size, format, arguments);
    va_end(arguments);
    fl__life_fail(lodging->home->life, rule, text);
}

/* ---------------------------------------------------------------------------------------- what is applied */

static uint64_t hash_entry(const struct fl_entry *entry)
{
    uint64_t hash = fl__history_hash(entry->data, entry->data ? entry->size : 0);
    hash = fl__mix64(hash ^ entry->term) + entry->time_us;
    return fl__mix64(hash ^ entry->seed) + entry->origin + (entry->data != NULL);
}

static struct applied *remember(struct home *home)
{
    if (home->count == home->capacity) {
        home->capacity = home->capacity ? 2 * home->capacity : 256;
        home->list = realloc(home->list, home->capacity * sizeof *home->list);
        if (!home->list)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    return &home->list[home->count++];
}

static void apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct lodging *lodging = state;
    struct home *home = lodging->home;
    if (entry->index != lodging->applied + 1 || entry->index > home->count + 1) {
        fail(lodging, "R7", "applies entry %" PRIu64 " after entry %" PRIu64, entry->index, lodging->applied);
        return;
    }
    bool is_new = entry->index > home->count;
    uint64_t hash = hash_entry(entry);
    lodging->applied = entry->index;
    lodging->machine.apply(lodging->machine.state, entry, request);
    if (request && entry->index > home->acknowledged)
        home->acknowledged = entry->index;
    uint64_t after = home->user->hash ? home->user->hash(lodging->machine.state) : 0;
    if (!is_new)
        fl__mark(&home->life->result->marks, FL__MARK_SAME_STATE);
    struct applied *known = is_new ? remember(home) : &home->list[entry->index - 1];
    if (is_new)
        *known = (struct applied){.entry = hash, .state = after};
    if (known->entry != hash)
        fail(lodging, "R5", "applies another entry %" PRIu64 " than was applied before", entry->index);
    else if (known->state != after)
        fail(lodging, "R21", "has another state after entry %" PRIu64 " than was there before", entry->index);
    home->checks++;
}

static void answer(void *state, struct fl_request *request, int outcome)
{
    struct lodging *lodging = state;
    lodging->machine.answer(lodging->machine.state, request, outcome);
}

static void notice(void *state, struct fl_node *node)
{
    struct lodging *lodging = state;
    lodging->machine.notice(lodging->machine.state, node);
}

static void event(void *state, const struct fl_node_event *event)
{
    struct lodging *lodging = state;
    if (lodging->machine.event)
        lodging->machine.event(lodging->machine.state, event);
}

/* ---------------------------------------------------------------------------------------------- processes */

static void stop(struct lodging *lodging)
{
    const struct fl_sim_machine *user = lodging->home->user;
    user->stop(user->context, lodging->node->number, lodging->machine.state);
    lodging->machine = (struct fl_machine){0};
}

static int open_node(struct fl__life_node *node, const struct fl_node_options *options)
{
    struct home *home = home_of(node->life);
    struct lodging *lodging = &home->lodgings[node->number];
    const struct fl_machine machine = {
        .state = lodging, .apply = apply, .answer = answer, .notice = notice, .event = event};
    *lodging = (struct lodging){.home = home, .node = node};
    home->user->start(home->user->context, node->life, node->number, &lodging->machine);
    int error = fl_node_open(&node->node, node->io, options, &machine, &node->report);
    if (error != FL_OK)
        stop(lodging);
    return error;
}

static void on_closed(void *context)
{
    struct lodging *lodging = context;
    stop(lodging);
    fl__node_closed(lodging->node);
}

static void close_node(struct fl__life_node *node)
{
    fl_node_close(node->node, on_closed, &home_of(node->life)->lodgings[node->number]);
}

/* --------------------------------------------------------------------------------------------------- life */

static void begin(struct fl_sim_life *life)
{
    struct home *home = calloc(1, sizeof *home);
    if (!home)
        fl_panic(__FILE__, __LINE__, "out of memory");
    life->home = home;
    home->life = life;
    home->user = life->options->machine;
    home->work_until = FL__NEVER;
    life->work_at = life->plan.think_us;
    if (home->user->begin)
        home->user->begin(home->user->context, life);
}

static void end(struct fl_sim_life *life)
{
    free(home_of(life)->list);
    free(life->home);
}

static bool is_running(const struct fl__life_node *node)
{
    return node->power == FL__POWER_ON && !fl__memory_is_crashed(node->io) &&
           fl__memory_of(node->io)->paused_until <= fl__life_now(node->life);
}

/* Nobody is asked whom peace has left out: what becomes of that is not the majority's affair. */
static void work(struct fl_sim_life *life)
{
    struct home *home = home_of(life);
    uint32_t n = (uint32_t)fl__chance_below(&life->workload, life->plan.count);
    uint64_t random = fl__mix64(fl__chance_below(&life->workload, UINT64_MAX));
    fl_time_us pause = 1 + fl__chance_below(&life->workload, 2 * life->plan.think_us);
    struct fl__life_node *node = &life->nodes[n];
    bool is_asked = is_running(node) && (!life->is_peace || fl__life_counts(node));
    if (is_asked)
        home->user->work(home->user->context, life, n, node->node, random);
    life->work_at = fl__life_now(life) + pause;
    if (life->work_at > home->work_until)
        life->work_at = FL__NEVER;
}

static void rest(struct fl_sim_life *life)
{
    home_of(life)->work_until = fl__life_now(life) + WORK_US;
}

/* Nobody waits for an answer, and all nodes that count have applied the same, all that is committed. */
static bool settle(struct fl_sim_life *life)
{
    fl_index applied = 0;
    if (life->work_at != FL__NEVER)
        return false;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        if (!fl__life_counts(&life->nodes[n]))
            continue;
        if (life->nodes[n].power != FL__POWER_ON)
            return false;
        struct fl_node_status status = fl__node_status_of(&life->nodes[n]);
        bool is_last = status.applied == status.commit && (applied == 0 || status.applied == applied);
        if (status.pending > 0 || !status.has_leader || !status.ready || !is_last)
            return false;
        applied = status.applied;
    }
    return applied > 0;
}

static void judge(struct fl_sim_life *life)
{
    struct home *home = home_of(life);
    const struct fl_sim_machine *user = home->user;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        const struct lodging *lodging = &home->lodgings[n];
        if (!fl__life_counts(&life->nodes[n]))
            continue;
        if (lodging->applied < home->acknowledged)
            fail(lodging, "L2",
                 "has applied all up to entry %" PRIu64 ", and entry %" PRIu64 " was acknowledged",
                 lodging->applied, home->acknowledged);
        if (user->judge)
            user->judge(user->context, life, n, lodging->machine.state);
    }
    life->result->checks = home->checks;
    fl__mark(&life->result->marks, FL__MARK_SERVED_ALL);
}

const struct fl__tenant fl__machine_tenant = {
    .begin = begin,
    .open = open_node,
    .close = close_node,
    .work = work,
    .rest = rest,
    .settle = settle,
    .judge = judge,
    .end = end,
};

/* ------------------------------------------------------------------------------------------- for the user */

void fl_sim_fail(struct fl_sim_life *life, const char *rule, const char *text)
{
    fl__life_fail(life, rule, text);
}

void fl_sim_tell(struct fl_sim_life *life, uint32_t n, const char *text)
{
    fl__life_tell(&life->nodes[n], "user", false, text);
}
