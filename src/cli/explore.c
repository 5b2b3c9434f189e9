/* explore.c - `sim explore`: every state that a small cluster of cores can reach, within bounds. */
#include "cli.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MAX = 256 };

struct dig {
    unsigned jobs;
    fl_time_us begun_at, until; /* 0: no end. */
    bool is_quiet;
};

struct task {
    void (*work)(void *argument);
    void *argument;
};

static void *run_task(void *context)
{
    const struct task *task = context;
    task->work(task->argument);
    return NULL;
}

/* Where threads cannot be had, this one does all. */
static void in_parallel(void *context, void (*work)(void *argument), void *argument)
{
    const struct dig *dig = context;
    pthread_t threads[JOBS_MAX];
    unsigned started = 0;
    struct task task = {.work = work, .argument = argument};
    while (started + 1 < dig->jobs && pthread_create(&threads[started], NULL, run_task, &task) == 0)
        started++;
    work(argument);
    for (unsigned k = 0; k < started; k++)
        pthread_join(threads[k], NULL);
}

static bool is_late(const struct dig *dig)
{
    return dig->until > 0 && fl__now_us() >= dig->until;
}

static bool go_on(void *context)
{
    return !is_late(context);
}

static void print_so_far(const struct dig *dig, const struct fl_sim_explore_result *so_far)
{
    char states[32], moves[32], rate[32];
    double spent = (double)(fl__now_us() - dig->begun_at + 1) / 1e6;
    printf("%5" PRIu32 "  %14s  %15s  %8.1f s  %11s/s\n", so_far->depth, fl__grouped(so_far->states, states),
           fl__grouped(so_far->moves, moves), spent,
           fl__grouped((uint64_t)((double)so_far->moves / spent), rate));
    fflush(stdout);
}

static void progress(void *context, const struct fl_sim_explore_result *so_far)
{
    const struct dig *dig = context;
    if (!dig->is_quiet)
        print_so_far(dig, so_far);
}

static void read_bounds(const struct fl__settings *settings, struct fl_sim_bounds *bounds)
{
    fl_sim_bounds_init(bounds);
    bounds->nodes = (uint32_t)fl__settings_number(settings, "nodes");
    bounds->terms = (uint32_t)fl__settings_number(settings, "terms");
    bounds->writes = (uint32_t)fl__settings_number(settings, "writes");
    bounds->crashes = (uint32_t)fl__settings_number(settings, "crashes");
    bounds->doubles = (uint32_t)fl__settings_number(settings, "doubles");
    bounds->heartbeats = (uint32_t)fl__settings_number(settings, "heartbeats");
    bounds->slow_disks = !fl__settings_flag(settings, "fast-disks");
    bounds->pre_vote = fl__settings_flag(settings, "pre-vote");
    bounds->unsafe_commit_any_term = fl__settings_flag(settings, "figure-8");
    if (fl__settings_text(settings, "depth"))
        bounds->depth = (uint32_t)fl__settings_number(settings, "depth");
    bounds->states_max = fl__settings_number(settings, "states");
}

static int say_failure(const struct fl_sim_explore_result *result, const char *path)
{
    fl__say_error(FL__CODE_STORY, "a broken invariant, %" PRIu32 " moves from the start", result->depth);
    fl__say_fact("now", "%s", result->text);
    if (result->script && fl__write_file(path, result->script))
        fl__say_fact("see", "fairlead sim run %s", path);
    return FL__EXIT_REFUSED;
}

static int sum_up(const struct dig *dig, const struct fl_sim_bounds *bounds,
                  const struct fl_sim_explore_result *result)
{
    if (dig->is_quiet)
        return FL__EXIT_OK;
    if (result->is_complete)
        printf("Every state within these bounds was seen; no invariant broke.\n");
    else if (bounds->depth == result->depth)
        printf("Every state up to %" PRIu32 " moves was seen; no invariant broke.\n", result->depth);
    else
        printf("Every state up to %" PRIu32
               " moves was seen, and some beyond, until %s; no invariant broke.\n",
               result->depth, is_late(dig) ? "the time was over" : "there was no room for more");
    return FL__EXIT_OK;
}

int fl__run_sim_explore(const struct fl__call *call)
{
    const struct fl__settings *settings = &call->settings;
    struct fl_sim_bounds bounds;
    struct fl_sim_explore_result result;
    struct dig dig = {
        .jobs = fl__processors(), .begun_at = fl__now_us(), .is_quiet = fl__settings_flag(settings, "quiet")};
    const struct fl_sim_explore_hooks hooks = {
        .context = &dig, .in_parallel = in_parallel, .go_on = go_on, .progress = progress};
    read_bounds(settings, &bounds);
    if (fl__settings_text(settings, "jobs"))
        dig.jobs = (unsigned)fl__settings_number(settings, "jobs");
    if (fl__settings_text(settings, "for"))
        dig.until = dig.begun_at + fl__settings_number(settings, "for");
    if (!dig.is_quiet)
        printf("depth          states            moves      time         rate\n");
    int error = fl_sim_explore(&bounds, &hooks, &result);
    if (error != FL_OK) {
        fl__say_error(FL__CODE_SYSTEM, "these states have no room in memory");
        fl__say_fact("do", "lower --states");
        return FL__EXIT_REFUSED;
    }
    if (!dig.is_quiet)
        print_so_far(&dig, &result);
    int code = result.failed ? say_failure(&result, fl__settings_text(settings, "out"))
                             : sum_up(&dig, &bounds, &result);
    free(result.script);
    return code;
}
