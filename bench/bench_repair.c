/* bench_repair.c - what it takes to make a follower's log, which differs, a copy of its leader's.
 *
 * bench_repair [PAIRS [SEED]]
 *
 * The leader is elected by OTHER, whose log is the leader's; FOLLOWER is away meanwhile and then comes back.
 * In the strategy "voter" (outlines) it was there, and its answer to the election arrived first. Prints
 * "repair.STRATEGY.CASE.FIGURE value unit" lines for chosen cases, and of PAIRS random pairs of logs (made
 * from SEED: the same for every strategy) the median, the 99th percentile and the maximum:
 *
 *   rejections       appends refused by the follower
 *   round_trips      messages one after the other, over 2, until the follower's log is the copy
 *   messages         appends and their answers
 *   entries_shipped  carried by them, again where repeated
 *   bytes            as the wire formats of both libraries have them, with 128 bytes for each payload
 *   heartbeats       heartbeat intervals during which nothing happened
 *
 * Every pair could come from a real group: terms never decrease, two entries with the same index and term
 * have the same logs before them, and the leader's last term is the highest. */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4096, TERMS_MAX = 64, RUN_LENGTH_MAX = 50, COMMON_MAX = 1000, FIGURES = 6 };

static const char *const figure_names[FIGURES] = {
    "rejections", "round_trips", "messages", "entries_shipped", "bytes", "heartbeats",
};

struct strategy {
    const char *name;
    const struct group_side *side;
    enum fl_repair repair;
    bool is_voter; /* FOLLOWER takes part in the election. */
};

static const struct strategy strategies[] = {
    {"voter", &group_fairlead, FL_REPAIR_OUTLINE, true},
    {"outline", &group_fairlead, FL_REPAIR_OUTLINE, false},
    {"term", &group_fairlead, FL_REPAIR_TERM, false},
    {"one", &group_fairlead, FL_REPAIR_ONE, false},
    {"canonical", &group_canonical, FL_REPAIR_ONE, false},
};

enum { STRATEGIES = sizeof strategies / sizeof strategies[0] };

/* A log that is being made. */
struct draft {
    struct fl_run runs[RUNS_MAX];
    uint32_t run_count;
    fl_index last;
};

struct pair {
    struct draft leader, follower;
    fl_index fork;
};

static void append(struct draft *draft, fl_term term, fl_index count)
{
    if (count == 0)
        return;
    if (draft->run_count == 0 || draft->runs[draft->run_count - 1].term < term) {
        if (draft->run_count == RUNS_MAX)
            group_fail("too many terms");
        draft->runs[draft->run_count++] = (struct fl_run){.term = term, .first = draft->last + 1};
    }
    draft->last += count;
}

static void append_both(struct pair *pair, fl_term term, fl_index count)
{
    append(&pair->leader, term, count);
    append(&pair->follower, term, count);
    pair->fork = pair->leader.last;
}

/* ---------------------------------------------------------------------------------------------- measuring */

static void measure(const struct strategy *strategy, const struct pair *pair, uint64_t figures[FIGURES])
{
    struct group_log leader = {pair->leader.runs, pair->leader.run_count, pair->leader.last, pair->fork / 2};
    struct group_log follower = {pair->follower.runs, pair->follower.run_count, pair->follower.last,
                                 pair->fork / 2};
    const struct group_log logs[REPLICAS] = {[LEADER] = leader, [FOLLOWER] = follower, [OTHER] = leader};
    struct group_traffic traffic;
    void *group = strategy->side->create(logs, strategy->repair);
    strategy->side->elect(group, !strategy->is_voter);
    strategy->side->repair(group, &traffic);
    strategy->side->destroy(group);
    figures[0] = traffic.rejections;
    figures[1] = (traffic.hops + 1) / 2;
    figures[2] = traffic.messages;
    figures[3] = traffic.entries;
    figures[4] = traffic.bytes;
    figures[5] = traffic.heartbeats;
}

static const char *unit(uint32_t figure)
{
    return strcmp(figure_names[figure], "bytes") == 0 ? "bytes" : "count";
}

static void measure_case(const char *name, const struct pair *pair)
{
    for (uint32_t s = 0; s < STRATEGIES; s++) {
        uint64_t figures[FIGURES];
        measure(&strategies[s], pair, figures);
        for (uint32_t f = 0; f < FIGURES; f++)
            printf("repair.%s.%s.%s %llu %s\n", strategies[s].name, name, figure_names[f],
                   (unsigned long long)figures[f], unit(f));
    }
}

/* ------------------------------------------------------------------------------------------- chosen cases */

/* What the follower lacks, the entry that opens the leader's new term included, is a round number. */
static void make_conflict(struct pair *pair, uint32_t terms)
{
    append_both(pair, 1, 1000);
    for (uint32_t k = 0; k < terms; k++)
        append(&pair->follower, 2 + k, 1000 / terms);
    append(&pair->leader, 2 + terms, 999);
}

/* Terms by turns here and there, as leaders that reached only themselves leave them. */
static void make_interleaved(struct pair *pair, uint32_t terms, uint32_t length)
{
    append_both(pair, 1, 1000);
    for (uint32_t k = 0; k < terms; k++) {
        bool is_last = k + 1 == terms;
        append(k % 2 == 0 ? &pair->follower : &pair->leader, 2 + k, is_last ? length - 1 : length);
    }
    if (length == 1)
        append(&pair->leader, 2 + terms, 1);
}

static void make_behind(struct pair *pair)
{
    append_both(pair, 1, 1000);
    append(&pair->leader, 2, 9999);
}

static void make_longer(struct pair *pair)
{
    append_both(pair, 2, 1000);
    append(&pair->follower, 2, 1000);
    append(&pair->leader, 3, 1);
}

static void measure_cases(void)
{
    static const char *const names[] = {
        "conflict1", "conflict100", "interleaved50", "interleaved6000", "behind10000", "longer1000",
    };
    for (uint32_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        struct pair *pair = group_allocate(sizeof *pair);
        if (k < 2)
            make_conflict(pair, k == 0 ? 1 : 100);
        else if (k < 4)
            make_interleaved(pair, k == 2 ? 50 : 6000, k == 2 ? 40 : 1);
        else if (k == 4)
            make_behind(pair);
        else
            make_longer(pair);
        measure_case(names[k], pair);
        free(pair);
    }
}

/* ---------------------------------------------------------------------------------------------- at random */

/* SplitMix64. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* From 1 to max, small ones and large ones alike. */
static uint64_t draw_scale(uint64_t *state, uint64_t max)
{
    uint64_t limit = max;
    for (uint64_t halvings = draw(state) % 6; halvings > 0 && limit > 1; halvings--)
        limit /= 2;
    return 1 + draw(state) % limit;
}

static void make_random(struct pair *pair, uint64_t *state)
{
    memset(pair, 0, sizeof *pair);
    fl_term term = 1;
    append_both(pair, term, draw_scale(state, COMMON_MAX));
    for (uint64_t k = draw(state) % 8; k > 0; k--)
        append_both(pair, ++term, draw_scale(state, RUN_LENGTH_MAX));
    /* The term of the last common entry may go on in one of the two. */
    if (draw(state) % 2)
        append(draw(state) % 2 ? &pair->leader : &pair->follower, term, draw_scale(state, RUN_LENGTH_MAX));
    for (uint64_t k = draw_scale(state, TERMS_MAX); k > 0; k--) {
        term += 1 + draw(state) % 2;
        append(draw(state) % 2 ? &pair->leader : &pair->follower, term, draw_scale(state, RUN_LENGTH_MAX));
    }
    append(&pair->leader, term + 1, draw_scale(state, RUN_LENGTH_MAX));
}

static int compare(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

static void print_distribution(const char *strategy, uint32_t figure, uint64_t *values, uint32_t count)
{
    qsort(values, count, sizeof *values, compare);
    const struct {
        const char *name;
        uint32_t at;
    } points[] = {{"median", (count - 1) / 2}, {"p99", (count - 1) * 99 / 100}, {"max", count - 1}};
    for (uint32_t k = 0; k < 3; k++)
        printf("repair.%s.random.%s.%s %llu %s\n", strategy, figure_names[figure], points[k].name,
               (unsigned long long)values[points[k].at], unit(figure));
}

static void measure_random(uint32_t pairs, uint64_t seed)
{
    uint64_t *values = group_allocate(sizeof *values * FIGURES * pairs);
    struct pair *pair = group_allocate(sizeof *pair);
    for (uint32_t s = 0; s < STRATEGIES; s++) {
        uint64_t state = seed;
        for (uint32_t k = 0; k < pairs; k++) {
            uint64_t figures[FIGURES];
            make_random(pair, &state);
            measure(&strategies[s], pair, figures);
            for (uint32_t f = 0; f < FIGURES; f++)
                values[(size_t)f * pairs + k] = figures[f];
        }
        for (uint32_t f = 0; f < FIGURES; f++)
            print_distribution(strategies[s].name, f, values + (size_t)f * pairs, pairs);
    }
    free(pair);
    free(values);
}

int main(int count, char **words)
{
    uint32_t pairs = count > 1 ? (uint32_t)strtoul(words[1], NULL, 10) : 1000;
    uint64_t seed = count > 2 ? strtoull(words[2], NULL, 10) : 1;
    if (pairs == 0)
        group_fail("usage: bench_repair [PAIRS [SEED]]");
    measure_cases();
    measure_random(pairs, seed);
    return 0;
}
