/* seed.c - one seed's life: trouble, then peace, then the verdict. */
#include "sim.h"

#include <inttypes.h>

#define TROUBLE_US (1500 * FL__MILLISECOND)

/* Who listens to a world. */
struct ear {
    const struct fl_sim_options *options;
    uint64_t hash, marks;
};

void fl_sim_options_init(struct fl_sim_options *options)
{
    *options = (struct fl_sim_options){.seed = 1, .events_max = 20000, .clients_max = UINT32_MAX};
}

/* ----------------------------------------------------------------------------------------- the trace hash */

static void fold(uint64_t *hash, uint64_t value)
{
    *hash = fl__mix64(*hash ^ value) + 0x9e3779b97f4a7c15u;
}

static void fold_event(uint64_t *hash, const struct fl_world *world, const struct fl_event *event)
{
    if (event->note && event->note->kind == FL_NOTE_IGNORED)
        return; /* It follows from what was delivered. */
    fold(hash, world->now);
    fold(hash, (uint64_t)event->type << 32 | event->node << 16 | event->peer);
    fold(hash, event->term);
    fold(hash, event->index);
    fold(hash, event->other);
    if (event->packet)
        fold(hash, event->packet->number << 8 | (uint64_t)event->packet->message.type);
    if (event->note)
        fold(hash, (uint64_t)event->note->kind << 32 ^ event->note->index ^ event->note->other << 16);
}

static void on_event(void *context, const struct fl_world *world, const struct fl_event *event)
{
    struct ear *ear = context;
    struct fl_sim_event told;
    char text[FL_STORY_TEXT_MAX];
    fold_event(&ear->hash, world, event);
    fl__marks_see(&ear->marks, world, event);
    if (ear->options->tell && fl_story_tell(&told, text, sizeof text, world, event))
        ear->options->tell(ear->options->tell_context, &told);
}

/* ------------------------------------------------------------------------------------------------ verdict */

static void fail(struct fl_sim_result *result, const char *rule, const char *text)
{
    if (result->failed)
        return;
    result->failed = true;
    snprintf(result->rule, sizeof result->rule, "%s", rule);
    snprintf(result->text, sizeof result->text, "%s", text);
}

static void look_at_judge(const struct fl__cores *cores, struct fl_sim_result *result)
{
    const struct fl_judge *judge = &cores->world->judge;
    if (judge->trip_count > 0)
        fail(result, judge->trips[0].rule, judge->trips[0].text);
    else if (cores->world->error != FL_OK)
        fail(result, "V6", "V6: the world grew beyond its limits.");
}

/* Enough time for everybody to agree: elections, repair one index at a time and entries shipped one by one
 * where that is drawn. Where an outsider leads and its links lose messages, three have to arrive for each:
 * the entry, and the heartbeat and answer that show whether it did. One index at a time walks back, besides,
 * over all that was on its way behind each message lost. */
static fl_time_us patience(const struct fl__cores *cores)
{
    const struct fl_raft_config *raft = &cores->plan.world.raft;
    fl_index longest = 0;
    for (uint32_t n = 0; n < cores->world->count; n++)
        if (cores->world->nodes[n].log.last > longest)
            longest = cores->world->nodes[n].log.last;
    fl_time_us entry = raft->heartbeat_us + 3 * cores->plan.delay_max;
    uint64_t arrive = 1000 - cores->plan.loss_chance; /* Of a thousand. */
    uint64_t steps = raft->repair == FL_REPAIR_ONE ? raft->window_messages : 1;
    return 60 * raft->election_timeout_us + 1000 * raft->heartbeat_us +
           longest * steps * entry * 1000 / arrive * 1000 / arrive * 1000 / arrive;
}

/* A majority of voters without the damaged one, drawn by chance; all, where the options that keep outsiders
 * from disturbing are off. */
static uint32_t draw_healthy(struct fl__cores *cores)
{
    const struct fl__core_plan *plan = &cores->plan;
    const struct fl_raft_config *raft = &plan->world.raft;
    uint32_t all = (1u << cores->world->count) - 1;
    if (!raft->pre_vote || !raft->check_quorum || fl__chance_is(&cores->faults, 400))
        return all;
    return fl__chance_majority(&cores->faults, plan->voters, plan->damaged < 0 ? 0 : 1u << plan->damaged);
}

static void live(struct fl__cores *cores, const struct fl_sim_options *options, struct fl_sim_result *result)
{
    fl_time_us begin = cores->world->now, end = begin + TROUBLE_US;
    while (cores->steps < options->events_max / 2 && fl__cores_step(cores, end))
        continue;
    look_at_judge(cores, result);
    if (result->failed)
        return;
    fl__cores_heal(cores, draw_healthy(cores));
    bool agreed = fl__cores_run_to_agreement(cores, patience(cores));
    look_at_judge(cores, result);
    if (!agreed)
        fail(result, "V1", "V1: no agreement long after the faults of a majority ended.");
}

static void sum_up(const struct fl__cores *cores, struct fl_sim_result *result)
{
    result->events = cores->steps;
    result->time_us = cores->world->now;
    result->checks = cores->world->judge.checks;
}

void fl__seed_live(const struct fl_sim_options *options, const struct fl__core_plan *plan,
                   struct fl__acts *acts, struct fl_sim_result *result)
{
    struct fl__cores cores;
    struct ear ear = {.options = options, .hash = plan->seed};
    *result = (struct fl_sim_result){0};
    fl__cores_open(&cores, plan, acts, on_event, &ear);
    live(&cores, options, result);
    sum_up(&cores, result);
    result->strikes = cores.strikes;
    fl__cores_close(&cores);
    result->trace_hash = ear.hash;
    result->marks = ear.marks;
}

/* Whole nodes cost more: one of five seeds is of servers. */
bool fl__seed_is_whole(const struct fl_sim_options *options)
{
    bool is_servers =
        options->mode == FL_SIM_SERVERS || (options->mode == FL_SIM_ANY && options->seed % 5 == 0);
    return is_servers || options->machine;
}

uint32_t fl_sim_names(const struct fl_sim_options *options, char names[16][16])
{
    struct fl__core_plan plan;
    struct fl__life_plan whole;
    if (fl__seed_is_whole(options)) {
        fl__plan_draw_life(&whole, options->seed, options->without);
        for (uint32_t n = 0; n < whole.count; n++)
            snprintf(names[n], sizeof names[n], "n%u", (unsigned)n + 1);
        return whole.count;
    }
    fl__plan_draw(&plan, options->seed, options->without);
    for (uint32_t n = 0; n < plan.voters + plan.learners; n++)
        snprintf(names[n], sizeof names[n], "%s", fl__stage_name(n));
    return plan.voters + plan.learners;
}

void fl_sim_run(const struct fl_sim_options *options, struct fl_sim_result *result)
{
    struct fl__core_plan plan;
    struct fl__life_plan whole;
    if (fl__seed_is_whole(options)) {
        fl__plan_draw_life(&whole, options->seed, options->without);
        fl__life_live(options, &whole, result);
        return;
    }
    fl__plan_draw(&plan, options->seed, options->without);
    plan.strikes = &options->strikes;
    fl__seed_live(options, &plan, NULL, result);
}

/* ---------------------------------------------------------------------------------------- scenario files */

int fl_sim_play(const char *script, size_t size, const struct fl_sim_options *options,
                struct fl_sim_play_result *result)
{
    struct ear ear = {.options = options};
    struct fl_scenario_result played;
    const struct fl_scenario_settings settings = {
        .allocator = fl__stage_allocator(), .observe = on_event, .observe_context = &ear};
    int error = fl_scenario_play(script, size, &settings, &played);
    *result = (struct fl_sim_play_result){
        .expectations = played.expectations,
        .failures = played.failures + played.trips,
        .branches = played.branches,
        .line = played.line,
        .trace_hash = ear.hash,
    };
    snprintf(result->text, sizeof result->text, "%s", played.text);
    return error;
}
