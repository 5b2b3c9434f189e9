/* plan.c - what a seed draws: sizes, limits, and which faults at which rate.
 *
 * Each class of faults is off in half of the seeds, so that each is also seen alone, and otherwise as likely
 * to be rare as frequent (Groce and others, "Swarm Testing", 2012). */
#include "sim.h"

static const char *const fault_names[FL_SIM_FAULTS] = {
    [FL_SIM_LOSS] = "loss",
    [FL_SIM_LATE] = "late",
    [FL_SIM_REORDER] = "reorder",
    [FL_SIM_DOUBLE] = "double",
    [FL_SIM_REPLAY] = "replay",
    [FL_SIM_CUT] = "cut",
    [FL_SIM_ISOLATE] = "isolate",
    [FL_SIM_PARTITION] = "partition",
    [FL_SIM_CONNECTION] = "connect",
    [FL_SIM_CRASH] = "crash",
    [FL_SIM_BLACKOUT] = "blackout",
    [FL_SIM_PAUSE] = "pause",
    [FL_SIM_SLOW_DISK] = "slow-disk",
    [FL_SIM_SLOW_READ] = "slow-read",
    [FL_SIM_DAMAGE] = "damage",
    [FL_SIM_RESET] = "reset",
    [FL_SIM_FLIP] = "flip",
    [FL_SIM_DISK_FULL] = "disk-full",
    [FL_SIM_DISK_FAILS] = "disk-fails",
    [FL_SIM_CLOCK] = "clock",
    [FL_SIM_HANG] = "hang",
    [FL_SIM_STALE] = "stale",
    [FL_SIM_WIPE] = "wipe",
};

const char *fl_sim_fault_name(enum fl_sim_fault fault)
{
    return (unsigned)fault < FL_SIM_FAULTS ? fault_names[fault] : NULL;
}

void fl__plan_calm(struct fl__core_plan *plan, uint32_t voters, uint64_t seed)
{
    *plan = (struct fl__core_plan){
        .seed = seed,
        .voters = voters,
        .delay_min = 200,
        .delay_max = 1000,
        .batch_max = 1,
        .damaged = -1,
    };
    fl_world_settings_init(&plan->world);
    plan->world.seed = seed;
    plan->world.raft.election_timeout_us = 200 * FL__MILLISECOND;
    plan->world.raft.heartbeat_us = 20 * FL__MILLISECOND;
}

/* The limit as the product has it, or a tight one in so many of a thousand seeds. */
static uint64_t draw_limit(struct fl__chance *dice, uint32_t in_a_thousand, uint64_t tight_max,
                           uint64_t usual)
{
    bool is_tight = fl__chance_is(dice, in_a_thousand);
    uint64_t tight = fl__chance_octave(dice, 1, tight_max);
    return is_tight ? tight : usual;
}

static void draw_core(struct fl__core_plan *plan, struct fl__chance *dice)
{
    struct fl_raft_config *raft = &plan->world.raft;
    plan->world.fold = fl__chance_is(dice, 300);
    /* A log with more terms than fit, so that some are folded away. */
    raft->runs_max = plan->world.fold ? 8 + (uint32_t)fl__chance_below(dice, 24) : 1024;
    plan->start_terms = (uint32_t)fl__chance_below(dice, plan->world.fold ? 60 : 6);
    raft->outline_runs_max = (uint32_t)fl__chance_octave(dice, 1, raft->runs_max);
    raft->message_entries_max = (uint32_t)fl__chance_octave(dice, 1, 1000);
    raft->message_size_max = draw_limit(dice, 300, 100, 1u << 20);
    raft->window_entries = draw_limit(dice, 300, 20, 65536);
    raft->window_size = draw_limit(dice, 300, 400, 1u << 20);
    raft->window_messages = (uint32_t)fl__chance_octave(dice, 1, 32);
    raft->uncommitted_entries_max = draw_limit(dice, 200, 40, 1u << 20);
    raft->pre_vote = !fl__chance_is(dice, 250);
    raft->check_quorum = !fl__chance_is(dice, 250);
    bool textbook = fl__chance_is(dice, 200);
    enum fl_repair other = (enum fl_repair)fl__chance_from(dice, FL_REPAIR_TERM, FL_REPAIR_ONE);
    raft->repair = textbook ? other : FL_REPAIR_OUTLINE;
    raft->heartbeat_us = fl__chance_octave(dice, 2, 32) * FL__MILLISECOND;
    raft->election_timeout_us = raft->heartbeat_us * fl__chance_from(dice, 5, 14);
}

/* In half of the seeds 0, otherwise 1 to max. Always takes as much of the dice. */
static uint64_t draw_rate(struct fl__chance *dice, uint32_t without, enum fl_sim_fault fault, uint64_t max)
{
    bool is_on = fl__chance_is(dice, 500) && !(without >> fault & 1);
    uint64_t rate = fl__chance_octave(dice, 1, max);
    return is_on ? rate : 0;
}

static void draw_messages(struct fl__core_plan *plan, struct fl__chance *dice, uint32_t without)
{
    plan->delay_max = plan->delay_min + fl__chance_octave(dice, 1, 4 * FL__MILLISECOND);
    plan->late_chance = (uint32_t)draw_rate(dice, without, FL_SIM_LATE, 100);
    plan->late_max = fl__chance_octave(dice, FL__MILLISECOND, 500 * FL__MILLISECOND);
    plan->loss_chance = (uint32_t)draw_rate(dice, without, FL_SIM_LOSS, 500);
    plan->double_chance = (uint32_t)draw_rate(dice, without, FL_SIM_DOUBLE, 200);
    plan->museum_chance = (uint32_t)draw_rate(dice, without, FL_SIM_REPLAY, 100);
    plan->may_reorder = draw_rate(dice, without, FL_SIM_REORDER, 1) > 0;
}

static void draw_faults(struct fl__core_plan *plan, struct fl__chance *dice, uint32_t without)
{
    plan->fault_every = fl__chance_octave(dice, 5 * FL__MILLISECOND, 500 * FL__MILLISECOND);
    for (enum fl_sim_fault fault = FL_SIM_CUT; fault <= FL_SIM_PAUSE; fault++)
        plan->weights[fault] = (uint32_t)draw_rate(dice, without, fault, 64);
    plan->disk_max = draw_rate(dice, without, FL_SIM_SLOW_DISK, 64 * FL__MILLISECOND);
    plan->world.slow_reads = (uint32_t)draw_rate(dice, without, FL_SIM_SLOW_READ, 500);
    bool has_minority = plan->voters >= 3;
    uint32_t damaged = (uint32_t)fl__chance_below(dice, plan->voters);
    bool is_rare = fl__chance_is(dice, 200);
    if (draw_rate(dice, without, FL_SIM_DAMAGE, 1) > 0 && is_rare && has_minority)
        plan->damaged = (int)damaged;
}

void fl__plan_draw(struct fl__core_plan *plan, uint64_t seed, uint32_t without)
{
    static const uint32_t sizes[] = {3, 3, 3, 3, 5, 5, 5, 1, 2, 4, 6, 7};
    struct fl__chance dice = fl__chance_begin(seed, FL__STREAM_PLAN);
    fl__plan_calm(plan, sizes[fl__chance_below(&dice, sizeof sizes / sizeof *sizes)], seed);
    plan->learners = fl__chance_is(&dice, 150) ? 1 : 0;
    draw_core(plan, &dice);
    draw_messages(plan, &dice, without);
    draw_faults(plan, &dice, without);
    plan->write_every = fl__chance_octave(&dice, FL__MILLISECOND / 2, 50 * FL__MILLISECOND);
    plan->read_every = fl__chance_octave(&dice, FL__MILLISECOND, 100 * FL__MILLISECOND);
    plan->batch_max = (uint32_t)fl__chance_octave(&dice, 1, 16);
}

/* ------------------------------------------------------------------------------------------------ servers */

static void draw_sizes(struct fl__life_plan *plan, struct fl__chance *dice)
{
    static const uint32_t counts[] = {3, 3, 3, 3, 5, 5, 1, 2, 4};
    plan->count = counts[fl__chance_below(dice, sizeof counts / sizeof *counts)];
    plan->heartbeat_us = fl__chance_octave(dice, 10, 100) * FL__MILLISECOND;
    plan->election_timeout_us = plan->heartbeat_us * fl__chance_from(dice, 6, 12);
    plan->segment_size = fl__chance_octave(dice, 4096, 256 << 10);
    plan->cache_size = fl__chance_octave(dice, 1024, 1 << 20);
    plan->client_count = (uint32_t)fl__chance_octave(dice, 1, 8);
    plan->depth = (uint32_t)fl__chance_octave(dice, 1, 8);
    plan->key_count = (uint32_t)fl__chance_octave(dice, 2, 8);
    plan->value_max = (uint32_t)fl__chance_octave(dice, 1, 20000);
    plan->think_us = fl__chance_octave(dice, FL__MILLISECOND, 200 * FL__MILLISECOND);
}

/* Limits of the product, or small ones, so that what is rare with the former happens often. */
static void draw_limits(struct fl__life_plan *plan, struct fl__chance *dice)
{
    struct fl_node_options usual;
    struct fl_node_limits *limits = &plan->limits;
    fl_node_options_init(&usual);
    *limits = usual.limits;
    limits->message_entries = (uint32_t)draw_limit(dice, 300, 16, limits->message_entries);
    limits->message_size = draw_limit(dice, 300, 4096, limits->message_size);
    limits->window_messages = (uint32_t)draw_limit(dice, 300, 8, limits->window_messages);
    limits->window_entries = draw_limit(dice, 200, 32, limits->window_entries);
    limits->window_size = draw_limit(dice, 200, 8192, limits->window_size);
    limits->write_size = draw_limit(dice, 300, 8192, limits->write_size);
    limits->turn_entries = (uint32_t)draw_limit(dice, 300, 8, limits->turn_entries);
    limits->turn_size = draw_limit(dice, 200, 8192, limits->turn_size);
    limits->terms = 7 + (uint32_t)draw_limit(dice, 400, 16, limits->terms);
    plan->log_size_max = plan->segment_size + draw_limit(dice, 150, 4 << 20, usual.log_size_max);
    plan->pending_size_max = draw_limit(dice, 150, 65536, usual.pending_size_max);
    uint64_t more = draw_limit(dice, 300, 4 * FL__SECOND, usual.request_timeout_us);
    plan->request_timeout_us = 300 * FL__MILLISECOND + more; /* A calm cluster answers in this. */
}

static void draw_world(struct fl__life_plan *plan, struct fl__chance *dice, uint32_t without)
{
    struct fl__world_settings *world = &plan->world;
    world->network_time_us_min = 50;
    world->network_time_us_max = 50 + fl__chance_octave(dice, 1, 4 * FL__MILLISECOND);
    world->chunk_size_max = (uint32_t)draw_limit(dice, 500, 10000, 0);
    if (world->chunk_size_max > 0) /* Else all events are single bytes. */
        world->chunk_size_max += plan->value_max / 8;
    world->pipe_size = (uint32_t)draw_limit(dice, 300, 8192, 0);
    if (world->pipe_size > 0) /* A heartbeat must get through within an election time-out. */
        world->pipe_size += 4096;
    world->file_time_us_min = 20;
    world->file_time_us_max = 20 + fl__chance_octave(dice, 1, FL__MILLISECOND);
    world->file_time_us_max += draw_rate(dice, without, FL_SIM_SLOW_DISK, 64000);
    world->late_chance = (uint32_t)draw_rate(dice, without, FL_SIM_LATE, 100000);
    world->late_us_max = fl__chance_octave(dice, FL__MILLISECOND, 2000 * FL__MILLISECOND);
    world->flip_chance = (uint32_t)draw_rate(dice, without, FL_SIM_FLIP, 10000);
}

void fl__plan_draw_life(struct fl__life_plan *plan, uint64_t seed, uint32_t without)
{
    struct fl__chance dice = fl__chance_begin(seed, FL__STREAM_PLAN);
    *plan = (struct fl__life_plan){.seed = seed};
    draw_sizes(plan, &dice);
    draw_limits(plan, &dice);
    draw_world(plan, &dice, without);
    plan->fault_every = fl__chance_octave(&dice, 10 * FL__MILLISECOND, 1000 * FL__MILLISECOND);
    for (enum fl_sim_fault fault = FL_SIM_CUT; fault < FL_SIM_FAULTS; fault++)
        plan->weights[fault] = (uint32_t)draw_rate(&dice, without, fault, 64);
    plan->weights[FL_SIM_SLOW_DISK] = plan->weights[FL_SIM_SLOW_READ] = plan->weights[FL_SIM_FLIP] = 0;
    plan->victim = (uint32_t)fl__chance_below(&dice, plan->count);
    if (plan->count < 3) /* There is no minority to damage. */
        plan->weights[FL_SIM_DAMAGE] = plan->weights[FL_SIM_DISK_FAILS] = plan->weights[FL_SIM_STALE] =
            plan->weights[FL_SIM_WIPE] = 0;
}
