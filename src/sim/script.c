/* script.c - a life as a scenario file (docs/scenarios.md has the grammar): the same world, the same acts. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

static void write_option(FILE *out, const char *name, uint64_t value, uint64_t usual)
{
    if (value != usual)
        fprintf(out, "option %s %" PRIu64 "\n", name, value);
}

static void write_switch(FILE *out, const char *name, bool value)
{
    if (!value)
        fprintf(out, "option %s off\n", name);
}

static void write_options(FILE *out, const struct fl_world_settings *settings)
{
    static const char *const repairs[] = {"outline", "term", "one"};
    struct fl_world_settings usual;
    fl_world_settings_init(&usual);
    const struct fl_raft_config *raft = &settings->raft, *ours = &usual.raft;
    write_option(out, "seed", settings->seed, usual.seed);
    fprintf(out, "option heartbeat %" PRIu64 "us\n", raft->heartbeat_us);
    fprintf(out, "option election-timeout %" PRIu64 "us\n", raft->election_timeout_us);
    write_switch(out, "pre-vote", raft->pre_vote);
    write_switch(out, "check-quorum", raft->check_quorum);
    if (raft->repair != FL_REPAIR_OUTLINE)
        fprintf(out, "option repair %s\n", repairs[raft->repair]);
    if (raft->unsafe_commit_any_term)
        fprintf(out, "option commit-any-term unsafe\n");
    if (settings->fold)
        fprintf(out, "option fold on\n");
    write_option(out, "runs", raft->runs_max, ours->runs_max);
    write_option(out, "outline-runs", raft->outline_runs_max, ours->outline_runs_max);
    write_option(out, "max-entries-per-message", raft->message_entries_max, ours->message_entries_max);
    write_option(out, "max-message-size", raft->message_size_max, ours->message_size_max);
    write_option(out, "window-messages", raft->window_messages, ours->window_messages);
    write_option(out, "window-entries", raft->window_entries, ours->window_entries);
    write_option(out, "window-size", raft->window_size, ours->window_size);
    write_option(out, "uncommitted-entries", raft->uncommitted_entries_max, ours->uncommitted_entries_max);
    write_option(out, "slow-reads", settings->slow_reads, usual.slow_reads);
}

static void write_names(FILE *out, const char *verb, uint32_t first, uint32_t count)
{
    if (count == 0)
        return;
    fputs(verb, out);
    for (uint32_t n = first; n < first + count; n++)
        fprintf(out, " %s", fl__stage_name(n));
    fputs("\n", out);
}

/* The log that everybody has at the start. */
static void write_logs(FILE *out, const struct fl__core_plan *plan)
{
    struct fl__stage stage;
    fl__stage_open(&stage, plan, NULL, NULL);
    for (uint32_t n = 0; n < stage.world->count; n++) {
        const struct fl_world_log *log = &stage.world->nodes[n].disk.log;
        if (log->last == 0)
            continue;
        fprintf(out, "log %s", fl__stage_name(n));
        for (fl_index first = 1, last; first <= log->last; first = last + 1) {
            fl_term term = log->entries[first - 1].term;
            for (last = first; last < log->last && log->entries[last].term == term; last++)
                continue;
            fprintf(out, " %" PRIu64 "x%" PRIu64, term, last - first + 1);
        }
        fprintf(out, "\ncommit %s %" PRIu64 "\n", fl__stage_name(n), log->last);
    }
    fl__stage_close(&stage);
}

static void write_packet(FILE *out, const char *verb, const struct fl__act *act)
{
    fprintf(out, "%s nth %" PRIu32 " from %s to %s", verb, act->a + 1, fl__stage_name(act->node),
            fl__stage_name(act->peer));
}

static void write_crash(FILE *out, const struct fl__act *act)
{
    fprintf(out, "crash %s", fl__stage_name(act->node));
    if (act->a > 0)
        fprintf(out, " kept %" PRIu32, act->a);
    if (act->b > 0)
        fprintf(out, " torn %" PRIu32, act->b);
}

static void write_restart(FILE *out, const struct fl__act *act)
{
    fprintf(out, "restart %s", fl__stage_name(act->node));
    if (act->a > 0)
        fprintf(out, " commit %" PRIu32, act->a);
    if (act->b > 0)
        fprintf(out, " damaged %" PRIu32, act->b);
}

/* What was kept in the museum has the name of the act that kept it. */
static size_t find_keep(const struct fl__acts *acts, size_t before, uint32_t place)
{
    while (before-- > 0)
        if (acts->list[before].kind == FL__ACT_KEEP && acts->list[before].b == place)
            return before;
    return 0;
}

static void write_act(FILE *out, const struct fl__acts *acts, size_t k)
{
    const struct fl__act *act = &acts->list[k];
    const char *node = fl__stage_name(act->node), *peer = fl__stage_name(act->peer);
    char verb[40];
    switch (act->kind) {
    case FL__ACT_TICK:
        fprintf(out, "tick %s", node);
        break;
    case FL__ACT_DELIVER:
        write_packet(out, "deliver", act);
        break;
    case FL__ACT_DROP:
        write_packet(out, "drop", act);
        break;
    case FL__ACT_COPY:
        write_packet(out, "again", act);
        break;
    case FL__ACT_KEEP:
        snprintf(verb, sizeof verb, "copy m%zu", k);
        write_packet(out, verb, act);
        break;
    case FL__ACT_REPLAY:
        fprintf(out, "fly m%zu", find_keep(acts, k, act->a));
        break;
    case FL__ACT_SYNC:
        fprintf(out, "sync %s %" PRIu32, node, act->a);
        break;
    case FL__ACT_LOAD:
        fprintf(out, "load %s %" PRIu32, node, act->a + 1);
        break;
    case FL__ACT_CRASH:
        write_crash(out, act);
        break;
    case FL__ACT_RESTART:
        write_restart(out, act);
        break;
    case FL__ACT_LINK:
        fprintf(out, "%s %s to %s", act->a ? "heal" : "cut", node, peer);
        break;
    case FL__ACT_PEER:
        fprintf(out, "connection %s %s %s", node, peer, act->a ? "up" : "down");
        break;
    case FL__ACT_WRITE:
        fprintf(out, "write %s w%zu times %" PRIu32, node, k, act->a);
        break;
    case FL__ACT_READ:
        fprintf(out, "read %s r%zu", node, k);
        break;
    case FL__ACT_CAMPAIGN:
        fprintf(out, "campaign %s", node);
        break;
    case FL__ACT_DISK:
        fprintf(out, "disk %s %s", node, act->a ? "slow" : "fast");
        break;
    }
}

void fl__acts_write(const struct fl__acts *acts, const struct fl__core_plan *plan, FILE *out)
{
    fl_time_us now = 0;
    write_names(out, "nodes", 0, plan->voters);
    write_names(out, "learners", plan->voters, plan->learners);
    write_options(out, &plan->world);
    write_logs(out, plan);
    for (uint32_t n = 0; n < plan->voters + plan->learners && plan->disk_max > 0; n++)
        fprintf(out, "at start disk %s slow\n", fl__stage_name(n));
    for (size_t k = 0; k < acts->count; k++) {
        fprintf(out, "at a%zu ", k);
        if (acts->list[k].at > now)
            fprintf(out, "clock %" PRIu64 "us; ", acts->list[k].at - now);
        now = acts->list[k].at > now ? acts->list[k].at : now;
        write_act(out, acts, k);
        fputs("\n", out);
    }
}
