/* life.c - the life of whole nodes, in a world of bytes: every layer of them is the real code; files,
 * network, clocks and chance are src/io/memory.h's.
 *
 * First trouble, then peace, then the verdict: a majority that is whole again must lead, answer everything,
 * hold equal content, and have lost nothing that it had acknowledged. What runs on the nodes, and who uses
 * it, is the tenant's affair. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>

#define TROUBLE_US (20 * FL__SECOND)
#define PEACE_US (60 * FL__SECOND)
#define DRIFT_MAX 100000

fl_time_us fl__life_now(const struct fl_sim_life *life)
{
    return fl__world_now(life->world);
}

fl_time_us fl__life_after(struct fl_sim_life *life, fl_time_us mean)
{
    return fl__life_now(life) + 1 + fl__chance_below(&life->faults, 2 * mean);
}

void fl__life_fail(struct fl_sim_life *life, const char *rule, const char *text)
{
    struct fl_sim_result *result = life->result;
    if (result->failed || life->is_over)
        return;
    result->failed = true;
    snprintf(result->rule, sizeof result->rule, "%s", rule);
    snprintf(result->text, sizeof result->text, "%s", text);
}

void fl__life_tell(const struct fl__life_node *node, const char *type, bool is_detail, const char *text)
{
    const struct fl_sim_options *options = node->life->options;
    const struct fl_sim_event event = {.time_us = fl__life_now(node->life),
                                       .type = type,
                                       .node = node->name,
                                       .node_number = node->number,
                                       .is_detail = is_detail,
                                       .text = text};
    if (options->tell && !node->life->is_over)
        options->tell(options->tell_context, &event);
}

/* Those whose power failed by themselves, those that are gone, and those whose time to start has come. */
static void look_after_all(struct fl_sim_life *life)
{
    for (uint32_t n = 0; n < life->plan.count; n++)
        fl__node_look_after(&life->nodes[n]);
}

/* When the next thing happens that is not the world's own. */
static fl_time_us next_deed(const struct fl_sim_life *life)
{
    fl_time_us next = life->fault_at < life->work_at ? life->fault_at : life->work_at;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        fl_time_us start_at = fl__node_start_time(&life->nodes[n]);
        next = start_at < next ? start_at : next;
    }
    return next;
}

/* Each has dice of its own, so that the others stay as they are if it is left out. */
static void strike(struct fl_sim_life *life)
{
    fl__chance_restart(&life->faults, life->plan.seed, life->strikes);
    life->fault_at = fl__life_after(life, life->plan.fault_every);
    if (fl__strikes_has(&life->options->strikes, life->strikes++))
        fl__harm_strike(life);
}

/* Runs the world until then, or until so many events have happened; what is due to nodes is done between. */
static void run(struct fl_sim_life *life, fl_time_us until, uint64_t events_max)
{
    while (fl__life_now(life) < until && fl__world_events(life->world) < events_max &&
           !life->result->failed) {
        fl_time_us next = fl__world_next(life->world), deed = next_deed(life);
        next = deed < next ? deed : next;
        next = next < until ? next : until;
        fl__world_advance(life->world, next > fl__life_now(life) ? next - fl__life_now(life) : 0);
        look_after_all(life);
        fl__census_take(life);
        if (life->fault_at <= fl__life_now(life)) {
            strike(life);
            look_after_all(life);
        }
        if (life->work_at <= fl__life_now(life))
            life->tenant->work(life);
    }
}

static void open_all(struct fl_sim_life *life)
{
    for (uint32_t n = 0; n < life->plan.count; n++) {
        struct fl__life_node *node = &life->nodes[n];
        node->life = life;
        node->number = n;
        node->disk = fl__disk_create();
        if (life->plan.weights[FL_SIM_CLOCK] > 0)
            node->drift = (int32_t)fl__chance_below(&life->faults, 2 * DRIFT_MAX + 1) - DRIFT_MAX;
        snprintf(node->name, sizeof node->name, "n%" PRIu32, n + 1);
        snprintf(node->peer, sizeof node->peer, "127.0.0.1:%" PRIu32, 7601 + 10 * n);
        snprintf(node->client, sizeof node->client, "127.0.0.1:%" PRIu32, 7600 + 10 * n);
    }
    life->tenant->begin(life);
    look_after_all(life);
}

static void close_all(struct fl_sim_life *life)
{
    for (uint32_t n = 0; n < life->plan.count; n++) {
        struct fl__life_node *node = &life->nodes[n];
        if (node->power == FL__POWER_ON)
            fl__node_die(node, true);
        for (uint32_t k = 0; node->power == FL__POWER_DYING && !node->is_closed && k < 10000; k++)
            fl__world_advance(life->world, FL__MILLISECOND);
        fl_assert(node->power == FL__POWER_OFF || node->is_closed);
        fl__memory_destroy(node->io);
        fl__disk_destroy(node->disk);
    }
    life->tenant->end(life);
    fl__disk_destroy(life->image);
    fl__world_destroy(life->world);
    fl__promises_destroy(life->promises);
    fl__census_destroy(life->census);
}

/* -------------------------------------------------------------------------------------------------- peace */

/* A majority, or all; without the node whose disk is hurt. */
static uint32_t draw_healthy(struct fl_sim_life *life)
{
    uint32_t count = life->plan.count;
    bool is_all = fl__chance_is(&life->faults, 400) || !life->is_founded;
    uint32_t hurt = life->is_hurt ? 1u << life->plan.victim : 0;
    return is_all ? ((1u << count) - 1) & ~hurt : fl__chance_majority(&life->faults, count, hurt);
}

/* The world loses no bytes any more, and takes its usual time. */
static void make_peace(struct fl_sim_life *life)
{
    struct fl__world_settings calm = life->plan.world;
    calm.late_chance = calm.flip_chance = 0;
    calm.file_time_us_max = calm.file_time_us_max < 2000 ? calm.file_time_us_max : 2000;
    fl__world_set(life->world, &calm);
    life->is_peace = true;
    life->healthy = draw_healthy(life);
    life->fault_at = FL__NEVER;
    fl__harm_heal_links(life, life->healthy);
    for (uint32_t n = 0; n < life->plan.count; n++) {
        struct fl__life_node *node = &life->nodes[n];
        if (!(life->healthy >> n & 1))
            continue;
        fl__disk_set_capacity(node->disk, UINT64_MAX);
        if (node->io) {
            fl__memory_crash_at(node->io, 0);
            fl__memory_pause(node->io, 0);
            fl__memory_hang(node->io, 0);
        }
        node->start_at = node->power == FL__POWER_OFF ? fl__life_now(life) : node->start_at;
        fl__life_tell(node, "healed", false, "is whole again");
    }
    life->tenant->rest(life);
    look_after_all(life);
}

/* Time passes until all is as it must be; false: it has not come to that. */
static bool settle(struct fl_sim_life *life)
{
    fl_time_us end = fl__life_now(life) + PEACE_US;
    while (!life->tenant->settle(life)) {
        if (fl__life_now(life) >= end || life->result->failed)
            return false;
        run(life, fl__life_now(life) + 20 * FL__MILLISECOND, UINT64_MAX);
    }
    return true;
}

/* What clients left behind when they went has a while to come to its end. */
static void come_to_rest(struct fl_sim_life *life)
{
    fl_time_us end = fl__life_now(life) + PEACE_US;
    char text[200];
    while (!fl__census_close(life, text, sizeof text)) {
        if (fl__life_now(life) >= end)
            fl__life_fail(life, "S9", text);
        if (life->result->failed)
            return;
        run(life, fl__life_now(life) + 100 * FL__MILLISECOND, UINT64_MAX);
    }
}

/* Who leads the highest term, of those that run; -1: nobody. */
static int leader_of(const struct fl_sim_life *life)
{
    int leader = -1;
    fl_term term = 0;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        if (life->nodes[n].power != FL__POWER_ON)
            continue;
        struct fl_node_status status = fl__node_status_of(&life->nodes[n]);
        if (status.role != FL_LEADER || status.term < term)
            continue;
        term = status.term;
        leader = (int)n;
    }
    return leader;
}

bool fl__life_counts(const struct fl__life_node *node)
{
    const struct fl_sim_life *life = node->life;
    int leader = leader_of(life);
    bool is_healthy = life->healthy >> node->number & 1;
    if (!is_healthy || leader < 0 || life->healthy >> leader & 1)
        return is_healthy;
    uint32_t here = node->number + 1, there = (uint32_t)leader + 1;
    return !life->world->cut[here][there] && !life->world->cut[there][here];
}

/* ------------------------------------------------------------------------------------------------- a life */

static void on_send(void *context, const struct fl__disk *disk, const struct fl_io_buffer *buffers,
                    uint32_t count)
{
    struct fl_sim_life *life = context;
    for (uint32_t n = 0; n < life->plan.count; n++)
        if (life->nodes[n].disk == disk)
            fl__promises_hear(life->promises, &life->nodes[n], buffers, count);
}

void fl__life_live(const struct fl_sim_options *options, const struct fl__life_plan *plan,
                   struct fl_sim_result *result)
{
    struct fl_sim_life *life = calloc(1, sizeof *life);
    if (!life)
        fl_panic(__FILE__, __LINE__, "out of memory");
    *result = (struct fl_sim_result){0};
    life->tenant = options->machine ? &fl__machine_tenant : &fl__redis_tenant;
    life->plan = *plan;
    if (life->plan.client_count > options->clients_max)
        life->plan.client_count = options->clients_max;
    life->options = options;
    life->result = result;
    life->world = fl__world_create(fl__mix64(plan->seed) + 1);
    life->faults = fl__chance_begin(plan->seed, FL__STREAM_FAULTS);
    life->workload = fl__chance_begin(plan->seed, FL__STREAM_WORKLOAD);
    life->disk = fl__chance_begin(plan->seed, FL__STREAM_DISK);
    life->promises = fl__promises_create();
    life->census = fl__census_create();
    life->plan.world.on_send = on_send;
    life->plan.world.on_send_context = life;
    life->work_at = FL__NEVER;
    fl__world_set(life->world, &life->plan.world);
    open_all(life);
    life->fault_at = fl__life_after(life, plan->fault_every) + FL__SECOND / 2;
    run(life, fl__life_now(life) + TROUBLE_US, options->events_max / 2);
    make_peace(life);
    if (settle(life)) {
        come_to_rest(life);
        life->tenant->judge(life);
    } else {
        fl__life_fail(life, "V1", "V1: a majority is whole, and does not answer everything in a minute");
    }
    life->is_over = true;
    result->events = fl__world_events(life->world);
    result->strikes = life->strikes;
    result->time_us = fl__life_now(life);
    result->trace_hash = fl__world_hash(life->world);
    close_all(life);
    free(life);
}
