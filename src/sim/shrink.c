/* shrink.c - the shortest way to the same failure.
 *
 * First whole classes of faults are left out, then acts: half of them, a quarter, and so on down to one by
 * one, as long as the same rule breaks (Zeller and Hildebrandt, "Simplifying and Isolating Failure-Inducing
 * Input", 2002). A list of acts with some left out is as legal as the whole one, so what is left is a life,
 * and a short one. Where what happens cannot be told as a list of acts (whole nodes; a cluster that comes to
 * no agreement however long one waits), the faults themselves are left out in this way. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Whether these acts break the rule; *used is how many of them it took. */
static bool breaks(const struct fl__core_plan *plan, const struct fl__acts *acts, const char *rule,
                   size_t *used)
{
    struct fl__stage stage;
    fl__stage_open(&stage, plan, NULL, NULL);
    const struct fl_judge *judge = &stage.world->judge;
    for (*used = 0; *used < acts->count && judge->trip_count == 0 && stage.world->error == FL_OK; ++*used)
        (void)fl__stage_act(&stage, &acts->list[*used]);
    bool same = judge->trip_count > 0 && strcmp(judge->trips[0].rule, rule) == 0;
    fl__stage_close(&stage);
    return same;
}

/* Leaves [from, from + count) out if the rule still breaks without it. */
static bool leave_out(const struct fl__core_plan *plan, struct fl__acts *acts, const char *rule, size_t from,
                      size_t count)
{
    size_t size = count * sizeof *acts->list, used;
    struct fl__act *gone = malloc(size);
    if (!gone)
        fl_panic(__FILE__, __LINE__, "out of memory");
    memcpy(gone, acts->list + from, size);
    memmove(acts->list + from, acts->list + from + count, (acts->count - from - count) * sizeof *acts->list);
    acts->count -= count;
    bool still = breaks(plan, acts, rule, &used);
    if (still) {
        acts->count = used;
    } else {
        memmove(acts->list + from + count, acts->list + from, (acts->count - from) * sizeof *acts->list);
        memcpy(acts->list + from, gone, size);
        acts->count += count;
    }
    free(gone);
    return still;
}

void fl__acts_shrink(struct fl__acts *acts, const struct fl__core_plan *plan, const char *rule)
{
    size_t used, before;
    if (!breaks(plan, acts, rule, &used))
        return;
    acts->count = used;
    do {
        before = acts->count;
        for (size_t size = acts->count / 2 + 1; size > 0; size /= 2)
            for (size_t end = acts->count; end > 0;) { /* What came last matters most: begin there. */
                size_t from = end > size ? end - size : 0;
                (void)leave_out(plan, acts, rule, from, end - from);
                end = from < acts->count ? from : acts->count;
            }
    } while (acts->count < before);
}

/* ------------------------------------------------------------------------------------ as long as it fails */

/* Lives again; *options becomes what was tried if the same rule broke. */
static bool try(struct fl_sim_options *options, const struct fl_sim_options *tried, const char *rule)
{
    struct fl_sim_result result;
    fl_sim_run(tried, &result);
    if (!result.failed || strcmp(result.rule, rule) != 0)
        return false;
    *options = *tried;
    return true;
}

static void leave_out_classes(struct fl_sim_options *options, const char *rule)
{
    for (uint32_t fault = 0; fault < FL_SIM_FAULTS; fault++) {
        struct fl_sim_options fewer = *options;
        fewer.without |= 1u << fault;
        (void)try(options, &fewer, rule);
    }
}

/* Peace comes earlier. */
static void shorten(struct fl_sim_options *options, const char *rule)
{
    for (uint64_t low = 0; options->events_max - low > options->events_max / 16 + 1;) {
        struct fl_sim_options shorter = *options;
        shorter.events_max = low + (options->events_max - low) / 2;
        if (!try(options, &shorter, rule))
            low = shorter.events_max;
    }
}

/* Leaves out those from here on, before `end`. */
static void leave_out_strikes(struct fl_sim_options *options, const char *rule, uint32_t from, uint32_t end)
{
    struct fl_sim_options fewer = *options;
    bool has_some = false;
    for (uint32_t k = from; k < end; k++) {
        has_some = has_some || fl__strikes_has(&fewer.strikes, k);
        fewer.strikes.bits[k / 64] &= ~((uint64_t)1 << k % 64);
    }
    if (has_some)
        (void)try(options, &fewer, rule);
}

static void choose_strikes(struct fl_sim_options *options, const char *rule)
{
    struct fl_sim_result result;
    fl_sim_run(options, &result);
    uint32_t count = result.strikes < FL_SIM_STRIKES_MAX ? result.strikes : FL_SIM_STRIKES_MAX;
    struct fl_sim_options chosen = *options;
    chosen.strikes.is_chosen = true;
    for (uint32_t k = 0; k < count; k++)
        chosen.strikes.bits[k / 64] |= (uint64_t)1 << k % 64;
    if (!try(options, &chosen, rule))
        return;
    for (uint32_t size = count; size > 0; size /= 2)
        for (uint32_t end = count; end > 0; end = end > size ? end - size : 0)
            leave_out_strikes(options, rule, end > size ? end - size : 0, end);
}

static void send_clients_away(struct fl_sim_options *options, const char *rule)
{
    for (uint32_t count = 1; count < FL__SIM_CLIENTS_MAX && count < options->clients_max; count *= 2) {
        struct fl_sim_options fewer = *options;
        fewer.clients_max = count;
        if (try(options, &fewer, rule))
            return;
    }
}

static char *write_script(const struct fl_sim_options *options, const struct fl_sim_result *result,
                          const struct fl__acts *acts, const struct fl__core_plan *plan)
{
    char *script = NULL;
    size_t size;
    FILE *out = open_memstream(&script, &size);
    if (!out)
        fl_panic(__FILE__, __LINE__, "out of memory");
    fprintf(out, "# Seed %" PRIu64 " of the simulator, made short. It broke this:\n# %s\n", options->seed,
            result->text);
    fprintf(out, "title Seed %" PRIu64 ": %s\n", options->seed, result->rule);
    fl__acts_write(acts, plan, out);
    fputs("expect leader appends only\n", out);
    if (fclose(out) != 0)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return script;
}

static char *shrink_cores(const struct fl_sim_options *options, struct fl_sim_result *result)
{
    struct fl__core_plan plan;
    struct fl__acts acts = {0};
    fl__plan_draw(&plan, options->seed, options->without);
    plan.strikes = &options->strikes;
    fl__seed_live(options, &plan, &acts, result);
    fl__acts_shrink(&acts, &plan, result->rule);
    result->events = acts.count;
    char *script = write_script(options, result, &acts, &plan);
    fl__acts_release(&acts);
    return script;
}

bool fl_sim_shrink(struct fl_sim_options *options, char **script, struct fl_sim_result *result)
{
    *script = NULL;
    options->tell = NULL;
    fl_sim_run(options, result);
    if (!result->failed)
        return false;
    char rule[sizeof result->rule];
    snprintf(rule, sizeof rule, "%s", result->rule);
    bool is_whole = fl__seed_is_whole(options), is_moment = strcmp(rule, "V1") != 0;
    leave_out_classes(options, rule);
    if (!is_whole && is_moment) {
        *script = shrink_cores(options, result);
        return true;
    }
    if (is_whole)
        send_clients_away(options, rule);
    shorten(options, rule);
    choose_strikes(options, rule);
    fl_sim_run(options, result);
    return true;
}
