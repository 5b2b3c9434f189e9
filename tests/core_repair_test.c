/* core_repair_test.c - random legal pairs of histories: a leader and a follower whose logs part anywhere. The
 * leader finds exactly where they part, makes the follower's log a copy of its own, and is rejected once at
 * most: not at all if the follower's answer to the election arrived first.
 *
 * A pair is legal if it could come from a real cluster: terms never decrease, and two logs with an entry of
 * the same index and term are the same up to there (Log Matching, paper §5.3).
 *
 * FL_TEST_CASES sets the number of pairs, FL_TEST_LONG=1 makes it many. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "scenario.h"
#include "seeds.h"
#include "sim.h"
#include "trace.h"

#define LOG_MAX 1024
#define LEADER 0u
#define FOLLOWER 1u
#define OTHER 2u

struct history {
    fl_term terms[LOG_MAX];
    uint32_t last;
    uint32_t runs;
};

struct pair {
    struct history leader, follower;
    uint32_t fork, commit;
};

/* -------------------------------------------------------------------------------------------------- pairs */

static uint64_t draw(uint64_t *state, uint64_t below)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static void extend(struct history *history, fl_term term, uint64_t count)
{
    history->runs += count > 0 && (history->last == 0 || history->terms[history->last - 1] != term);
    for (; count > 0 && history->last < LOG_MAX; count--)
        history->terms[history->last++] = term;
}

/* What both share, then what each has for itself. After the fork no term is in both: its leader's log would
 * have to be both. */
static void pair_draw(struct pair *pair, uint64_t *state)
{
    fl_term term = 1;
    uint64_t length_max = 1 + draw(state, 8);
    memset(pair, 0, sizeof *pair);
    for (uint64_t k = draw(state, 12); k > 0; k--, term += 1 + draw(state, 2)) {
        uint64_t count = 1 + draw(state, length_max);
        extend(&pair->leader, term, count);
        extend(&pair->follower, term, count);
    }
    pair->fork = pair->leader.last;
    pair->commit = (uint32_t)draw(state, pair->fork + 1);
    struct history *one = draw(state, 2) ? &pair->leader : &pair->follower;
    if (pair->fork > 0 && draw(state, 2)) /* The last common term goes on in one of them. */
        extend(one, pair->leader.terms[pair->fork - 1], 1 + draw(state, length_max));
    uint64_t shape = draw(state, 4); /* The leader has more, the follower has, both have. */
    for (uint64_t k = draw(state, 24); k > 0; k--, term += 1 + draw(state, 2)) {
        bool to_leader = shape == 0 || (shape > 1 && draw(state, 2));
        extend(to_leader ? &pair->leader : &pair->follower, term, 1 + draw(state, length_max));
    }
}

static fl_term last_term(const struct history *history)
{
    return history->last > 0 ? history->terms[history->last - 1] : 0;
}

/* ------------------------------------------------------------------------------------------------- worlds */

static struct fl_world *create(const struct pair *pair, uint32_t outline_runs, uint32_t message_entries,
                               enum fl_repair repair)
{
    struct fl_world *world;
    struct fl_world_settings settings;
    fl_world_settings_init(&settings);
    settings.allocator = fl__stage_allocator();
    settings.observe = trace_event;
    settings.raft.pre_vote = settings.raft.check_quorum = false;
    settings.raft.outline_runs_max = outline_runs;
    settings.raft.message_entries_max = message_entries;
    settings.raft.repair = repair;
    assert_int_equal(fl_world_create(&world, &settings), FL_OK);
    static const char *const names[] = {"L", "F", "V"};
    for (uint32_t n = 0; n < 3; n++) {
        const struct history *history = n == FOLLOWER ? &pair->follower : &pair->leader;
        assert_int_equal(fl_world_add(world, names[n], 1, FL_VOTER), (int)n);
        fl_world_give_log(world, n, history->terms, history->last);
        fl_world_give_commit(world, n, pair->commit);
    }
    fl_term highest = last_term(&pair->leader);
    if (last_term(&pair->follower) > highest)
        highest = last_term(&pair->follower);
    fl_world_give_term(world, LEADER, highest);
    assert_int_equal(fl_world_start(world), FL_OK);
    return world;
}

/* The votes between the leader to be and `voter`, there and back. */
static void deliver_votes(struct fl_world *world, uint32_t voter)
{
    for (uint32_t k = 0; k < world->flying.count;) {
        const struct fl_packet *packet = world->flying.list[k];
        bool vote = packet->message.type == FL_MSG_VOTE || packet->message.type == FL_MSG_VOTE_REPLY;
        if (vote && (packet->from == voter || packet->to == voter)) {
            fl_world_deliver(world, k);
            k = 0;
        } else {
            k++;
        }
    }
}

static void drop_votes(struct fl_world *world, uint32_t voter)
{
    for (uint32_t k = world->flying.count; k > 0; k--) {
        const struct fl_packet *packet = world->flying.list[k - 1];
        if (packet->message.type == FL_MSG_VOTE && packet->to == voter)
            fl_world_drop(world, k - 1);
    }
}

static void elect(struct fl_world *world, bool follower_answers)
{
    fl_world_campaign(world, LEADER);
    if (follower_answers)
        deliver_votes(world, FOLLOWER);
    else
        drop_votes(world, FOLLOWER);
    deliver_votes(world, OTHER);
    assert_int_equal(fl_world_status(world, LEADER).role, FL_LEADER);
}

/* ------------------------------------------------------------------------------------------------- checks */

static void print_history(const char *name, const struct history *history)
{
    print_error("log %s", name);
    for (uint32_t k = 0; k < history->last; k++)
        print_error(" %llu", (unsigned long long)history->terms[k]);
    print_error("\n");
}

static void check(const struct fl_world *world, const struct pair *pair, uint64_t number,
                  uint32_t rejections_max)
{
    const struct fl_world_repair *repair = &world->nodes[FOLLOWER].repair;
    uint32_t last = pair->leader.last + 1; /* With the entry that opens the leader's term. */
    bool good = world->error == FL_OK && world->judge.trip_count == 0 && fl_world_is_equal(world) &&
                world->nodes[FOLLOWER].log.last == last && repair->fork_known && repair->fork == pair->fork &&
                repair->rejections <= rejections_max && repair->entries_shipped == last - pair->fork &&
                world->judge.committed == last;
    if (good)
        return;
    print_history("L", &pair->leader);
    print_history("F", &pair->follower);
    fail_msg(
        "pair %llu: fork %llu, is %u; %u rejections, at most %u; %llu entries sent, %llu needed; equal %d; %s",
        (unsigned long long)number, (unsigned long long)repair->fork, pair->fork, repair->rejections,
        rejections_max, (unsigned long long)repair->entries_shipped, (unsigned long long)(last - pair->fork),
        fl_world_is_equal(world),
        world->judge.trip_count > 0 ? world->judge.trips[0].text : "no rule broken");
}

/* Counts what the pairs were, so that a generator that makes only easy ones fails. */
struct kinds {
    uint64_t behind, ahead, both, rejected;
};

static void count_kind(struct kinds *kinds, const struct pair *pair, const struct fl_world *world)
{
    bool lacks = pair->leader.last > pair->fork, extra = pair->follower.last > pair->fork;
    kinds->behind += lacks && !extra;
    kinds->ahead += extra && !lacks;
    kinds->both += lacks && extra;
    kinds->rejected += world->nodes[FOLLOWER].repair.rejections;
}

/* -------------------------------------------------------------------------------------------------- tests */

static void play_pairs(bool follower_answers, uint32_t rejections_max, struct kinds *kinds)
{
    uint64_t state = follower_answers ? 1 : 2, count = seeds_count(25000, 500000);
    memset(kinds, 0, sizeof *kinds);
    for (uint64_t k = 0; k < count; k++) {
        struct pair pair;
        pair_draw(&pair, &state);
        uint32_t message_entries = draw(&state, 2) ? 1 + (uint32_t)draw(&state, 5) : 1024;
        struct fl_world *world = create(&pair, 1024, message_entries, FL_REPAIR_OUTLINE);
        elect(world, follower_answers);
        fl_world_settle(world);
        check(world, &pair, k, rejections_max);
        count_kind(kinds, &pair, world);
        fl_world_destroy(world);
    }
    assert_true(kinds->behind > count / 20);
    assert_true(kinds->ahead > count / 20);
    assert_true(kinds->both > count / 20);
}

static void test_a_follower_that_was_away_rejects_once_at_most(void **state)
{
    struct kinds kinds;
    (void)state;
    play_pairs(false, 1, &kinds);
    assert_true(kinds.rejected > 0);
}

static void test_a_voter_whose_answer_to_the_election_came_first_rejects_nothing(void **state)
{
    struct kinds kinds;
    (void)state;
    play_pairs(true, 0, &kinds);
}

/* An outline that does not fit a message shows its newest runs; each further rejection shows the next
 * ones. */
static void test_a_log_of_more_terms_than_a_message_holds_takes_a_rejection_for_each_part(void **state)
{
    uint64_t random = 3;
    (void)state;
    for (uint64_t k = 0; k < seeds_count(1000, 10000); k++) {
        struct pair pair;
        pair_draw(&pair, &random);
        uint32_t outline_runs = 1 + (uint32_t)draw(&random, 4);
        struct fl_world *world = create(&pair, outline_runs, 1024, FL_REPAIR_OUTLINE);
        elect(world, draw(&random, 2));
        fl_world_settle(world);
        check(world, &pair, k, 1 + pair.follower.runs / outline_runs);
        fl_world_destroy(world);
    }
}

static void test_the_textbook_strategies_find_the_same_fork(void **state)
{
    uint64_t random = 4;
    (void)state;
    for (uint64_t k = 0; k < seeds_count(1000, 10000); k++) {
        struct pair pair;
        pair_draw(&pair, &random);
        enum fl_repair repair = k % 2 ? FL_REPAIR_ONE : FL_REPAIR_TERM;
        struct fl_world *world = create(&pair, 1024, 1024, repair);
        elect(world, draw(&random, 2));
        fl_world_settle(world);
        assert_int_equal(world->judge.trip_count, 0);
        assert_true(fl_world_is_equal(world));
        assert_int_equal(world->nodes[FOLLOWER].log.last, pair.leader.last + 1);
        fl_world_destroy(world);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_follower_that_was_away_rejects_once_at_most),
        cmocka_unit_test(test_a_voter_whose_answer_to_the_election_came_first_rejects_nothing),
        cmocka_unit_test(test_a_log_of_more_terms_than_a_message_holds_takes_a_rejection_for_each_part),
        cmocka_unit_test(test_the_textbook_strategies_find_the_same_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
