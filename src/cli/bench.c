/* bench.c - `bench`: a load test.
 *
 * Finds out whom to ask, fills the key space if there will be reads, measures, removes the keys, and tells.
 * What people are told meanwhile goes to stderr: on a terminal a line that is written over each second,
 * elsewhere one every ten seconds. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND_NS 1000000000ull
#define FILL_TIME (60 * 1000000ull)
#define MEMORY_MAX (1ull << 30)

struct bench {
    const struct fl__settings *settings;
    struct fl__plan plan;
    struct fl__load *load;
    bool quiet, terminal, shows; /* Shows: a line is there to be written over. */
    uint64_t told_at;
};

/* ------------------------------------------------------------------------------------------ while it runs */

static void clear_line(struct bench *bench)
{
    if (bench->shows)
        fputs("\r\033[K", stderr);
    bench->shows = false;
}

static void on_tick(void *context, struct fl__load *load)
{
    struct bench *bench = context;
    char line[160];
    uint64_t every = bench->terminal ? SECOND_NS : 10 * SECOND_NS;
    if (bench->quiet || load->phase != FL__PHASE_MEASURE)
        return;
    if (bench->told_at < load->begin)
        bench->told_at = load->begin;
    if (load->now - bench->told_at < every)
        return;
    fl__bench_progress(load, (double)(load->now - bench->told_at) / 1e9, line, sizeof line);
    clear_line(bench);
    fprintf(stderr, bench->terminal ? "%.*s" : "%.*s\n", (int)fl__text_bytes(line, fl__terminal_width() - 1),
            line);
    fflush(stderr);
    bench->shows = bench->terminal;
    bench->told_at = load->now;
    memset(&load->interval, 0, sizeof load->interval);
}

static void on_change(void *context, struct fl__load *load)
{
    struct bench *bench = context;
    double at = (double)(load->now - load->begin) / 1e9;
    if (bench->quiet || load->phase != FL__PHASE_MEASURE)
        return;
    clear_line(bench);
    if (load->scouts)
        fprintf(stderr, "%7.1f s  %s: %s; looking for the leader\n", at, load->leader, load->lost_word);
    else
        fprintf(stderr, "%7.1f s  %s leads, found after %.2f s\n", at, load->leader,
                (double)(load->now - load->lost_at) / 1e9);
}

/* ---------------------------------------------------------------------------------------------- beginning */

static enum fl__to target_of(const char *word)
{
    return word[0] == 'l' ? FL__TO_LEADER : word[0] == 'a' ? FL__TO_ALL : FL__TO_NODE;
}

static bool read_plan(struct fl__plan *plan, const struct fl__settings *settings)
{
    *plan = (struct fl__plan){
        .clients = (unsigned)fl__settings_number(settings, "clients"),
        .depth = (unsigned)fl__settings_number(settings, "depth"),
        .writes = (unsigned)fl__settings_number(settings, "writes"),
        .size = (size_t)fl__settings_number(settings, "size"),
        .keys = fl__settings_number(settings, "keys"),
        .duration = fl__settings_number(settings, "for"),
        .count = UINT64_MAX,
        .counters = fl__settings_flag(settings, "incr"),
        .keep = fl__settings_flag(settings, "keep"),
        .to = target_of(fl__settings_text(settings, "to")),
    };
    if (fl__settings_text(settings, "rate") != NULL)
        plan->rate = fl__settings_number(settings, "rate");
    if (fl__settings_text(settings, "count") != NULL) {
        plan->count = fl__settings_number(settings, "count");
        if (!fl__settings_given(settings, "for"))
            plan->duration = 365 * 86400 * 1000000ull;
    }
    if (plan->clients * (plan->depth + 16) * (plan->size + 128) <= MEMORY_MAX)
        return true;
    fl__say_error(FL__CODE_CONTRADICTION,
                  "--clients x --depth x --size would need more than 1 GiB of memory");
    fl__say_fact("do", "lower one of them");
    return false;
}

/* Whether one of the targets answers, and none with an error. */
static int try_targets(const struct fl__load *load)
{
    struct fl__ask asks[FL_MEMBERS_MAX] = {{.words = {NULL}}};
    int code = FL__EXIT_UNREACHABLE;
    unsigned which = 0;
    for (unsigned i = 0; i < load->target_count; i++) {
        memcpy(asks[i].address, load->targets[i], sizeof asks[i].address);
        asks[i].words[0] = "PING";
    }
    fl__ask_all(&load->asker, asks, load->target_count);
    for (unsigned i = 0; i < load->target_count && code != FL__EXIT_REFUSED; i++) {
        if (asks[i].reply != NULL)
            code = asks[i].problem[0] != '\0' ? FL__EXIT_REFUSED : FL__EXIT_OK;
        which = code == FL__EXIT_REFUSED ? i : which;
    }
    if (code != FL__EXIT_OK) {
        bool refused = code == FL__EXIT_REFUSED;
        fl__say_error(refused ? FL__CODE_NODE_REFUSED : FL__CODE_UNREACHABLE, "%s",
                      refused ? "the node does not let us in" : "no node answers");
        fl__say_fact("now", "%s: %s", asks[which].address, asks[which].problem);
        fl__say_fact("do", refused ? "--password-file FILE" : "name a node that runs: --node HOST:PORT");
    }
    fl__ask_release(asks, load->target_count);
    return code;
}

/* With --to node nobody is asked who leads: any server of the Redis protocol will do. */
static int take_targets(struct fl__load *load, const struct fl__settings *settings)
{
    const char *list = fl__settings_text(settings, "node");
    for (list = list == NULL ? FL__DEFAULT_ADDRESS : list;
         *list != '\0' && load->target_count < FL_MEMBERS_MAX;) {
        size_t size = strcspn(list, ",");
        snprintf(load->targets[load->target_count++], FL_ADDRESS_MAX, "%.*s", (int)size, list);
        list += size + (list[size] == ',');
    }
    return try_targets(load);
}

static int say_no_leader(const struct fl__survey *survey)
{
    fl__say_error(FL__CODE_NO_LEADER, "no node leads: nothing can be written or read");
    fl__say_fact("now", "%s", survey->verdict);
    fl__say_fact("do", "fairlead doctor%s%s", survey->directory == NULL ? "" : " --dir ",
                 survey->directory == NULL ? "" : survey->directory);
    return FL__EXIT_NO_QUORUM;
}

static int find_targets(struct fl__load *load, const struct fl__settings *settings)
{
    struct fl__survey *survey = load->survey;
    if (load->plan->to == FL__TO_NODE)
        return take_targets(load, settings);
    if (!fl__survey_log_in(&load->asker, settings))
        return FL__EXIT_REFUSED;
    int code = fl__survey_take(survey, &load->asker, settings);
    if (code != FL__EXIT_OK)
        return code;
    if (survey->health == FL__HEALTH_UNKNOWN)
        return (fl__survey_say_unreachable(survey), FL__EXIT_UNREACHABLE);
    if (survey->leader == survey->count)
        return say_no_leader(survey);
    for (unsigned i = 0; i < survey->count; i++) {
        if (survey->views[i].address[0] != '\0')
            memcpy(load->nodes[load->node_count++], survey->views[i].address, FL_ADDRESS_MAX);
    }
    const struct fl__view *leader = &survey->views[survey->leader];
    snprintf(load->leader, sizeof load->leader, "%s", leader->name);
    memcpy(load->targets[0], leader->address, FL_ADDRESS_MAX);
    load->target_count = 1;
    if (load->plan->to == FL__TO_ALL) {
        memcpy(load->targets, load->nodes, sizeof load->targets);
        load->target_count = load->node_count;
    }
    return FL__EXIT_OK;
}

static void say_plan(const struct bench *bench)
{
    const struct fl__load *load = bench->load;
    const struct fl__plan *plan = &bench->plan;
    char size[32], keys[32], time[32], depth[48] = "", much[64];
    if (bench->quiet)
        return;
    fl__value_size_text(plan->size, size, sizeof size);
    fl__value_duration_text(plan->duration, time, sizeof time);
    if (plan->depth > 1)
        snprintf(depth, sizeof depth, ", %u commands in flight each", plan->depth);
    if (plan->writes == 0 || plan->writes == 100)
        snprintf(much, sizeof much, "%s", plan->writes == 0 ? "GET" : plan->counters ? "INCR" : "SET");
    else
        snprintf(much, sizeof much, "%u %% %s, %u %% GET", plan->writes, plan->counters ? "INCR" : "SET",
                 100 - plan->writes);
    fprintf(stderr, "%u client%s to ", plan->clients, plan->clients == 1 ? "" : "s");
    if (plan->to == FL__TO_LEADER)
        fprintf(stderr, "%s (leader, %s)%s\n", load->leader, load->targets[0], depth);
    else
        fprintf(stderr, "%u node%s%s\n", load->target_count, load->target_count == 1 ? "" : "s", depth);
    fprintf(stderr, "%s of %s key%s %s..., ", much, fl__grouped(plan->keys, keys), plan->keys == 1 ? "" : "s",
            plan->counters ? FL__BENCH_COUNTERS : FL__BENCH_PREFIX);
    if (!plan->counters)
        fprintf(stderr, "values of %s, ", size);
    if (plan->count == UINT64_MAX)
        fprintf(stderr, "for %s\n", time);
    else
        fprintf(stderr, "%s command%s\n", fl__grouped(plan->count, keys), plan->count == 1 ? "" : "s");
}

/* ------------------------------------------------------------------------------------------------- ending */

static int exit_code(const struct fl__load *load)
{
    int code = FL__EXIT_OK;
    bool any = load->sides[0].latency.count + load->sides[1].latency.count > 0;
    if (!any && (load->errors[0].word[0] == '\0' || load->errors[0].unknown) && !load->interrupted)
        return load->unknown > 0 ? FL__EXIT_UNKNOWN : FL__EXIT_UNREACHABLE;
    for (unsigned i = 0; i < FL__LOAD_ERRORS && load->errors[i].word[0] != '\0'; i++) {
        if (code == FL__EXIT_OK)
            code = FL__EXIT_REFUSED;
        if (strcmp(load->errors[i].word, "CLUSTERDOWN") == 0)
            code = FL__EXIT_NO_QUORUM;
    }
    return load->unknown > 0 ? FL__EXIT_UNKNOWN : code;
}

static void remove_keys(const struct bench *bench)
{
    struct fl__load *load = bench->load;
    uint64_t removals = (bench->plan.keys + 63) / 64;
    fl_time_us patience = load->asker.timeout + removals * 1000;
    if (bench->plan.keep || load->aborted || !load->wrote)
        return;
    fl__load_run(load, FL__PHASE_REMOVE, patience);
    if (load->sides[1].latency.count >= removals)
        return;
    fl__say_error(FL__CODE_KEYS_LEFT, "some keys of this run may still be there");
    fl__say_fact("now", "their names begin with %s",
                 bench->plan.counters ? FL__BENCH_COUNTERS : FL__BENCH_PREFIX);
    fl__say_fact("do", "fairlead bench --count 1, with the same --keys, once the cluster is well");
}

static int measure(struct bench *bench)
{
    struct fl__load *load = bench->load;
    if (bench->plan.writes < 100)
        fl__load_run(load, FL__PHASE_FILL, FILL_TIME);
    fl__load_run(load, FL__PHASE_MEASURE, bench->plan.duration);
    clear_line(bench);
    if (load->refused) {
        fl__say_error(FL__CODE_NODE_REFUSED, "the password was refused");
        fl__say_fact("do", "--password-file FILE");
        return FL__EXIT_REFUSED;
    }
    int code = exit_code(load);
    if (strcmp(fl__settings_text(bench->settings, "output"), "json") != 0)
        fl__bench_print(load, bench->settings);
    else if (!fl__bench_json(load))
        code = FL__EXIT_REFUSED;
    fflush(stdout);
    remove_keys(bench);
    return code;
}

int fl__run_bench(const struct fl__call *call)
{
    struct bench bench = {.settings = &call->settings, .terminal = isatty(STDERR_FILENO) == 1};
    int code = FL__EXIT_USAGE;
    bench.quiet = fl__settings_flag(&call->settings, "quiet");
    if (!read_plan(&bench.plan, &call->settings))
        return code;
    struct fl__load *load = bench.load = calloc(1, sizeof *load);
    struct fl__survey *survey = calloc(1, sizeof *survey);
    code = FL__EXIT_REFUSED;
    if (load != NULL && survey != NULL && fl__asker_init(&load->asker, &call->settings)) {
        load->plan = &bench.plan;
        load->survey = survey;
        load->context = &bench;
        load->on_tick = on_tick;
        load->on_change = on_change;
        code = find_targets(load, &call->settings);
        if (code == FL__EXIT_OK && !fl__load_init(load, &bench.plan)) {
            fl__say_error(FL__CODE_LOAD,
                          "the load test could not begin: memory or file descriptors are short");
            code = FL__EXIT_REFUSED;
        } else if (code == FL__EXIT_OK) {
            say_plan(&bench);
            code = measure(&bench);
        }
        fl__load_release(load);
        fl__asker_release(&load->asker);
    }
    free(survey);
    free(load);
    return code;
}
