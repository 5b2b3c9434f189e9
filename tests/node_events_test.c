/* node_events_test.c - what nodes tell of their lives: each thing once, in the order in which it happened,
 * with the right numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "nodes.h"

static void begin(struct nodes *nodes, uint32_t count, uint64_t seed)
{
    nodes_init(nodes, count, seed);
    nodes_open_all(nodes);
    nodes_await_leader(nodes);
    assert_true(nodes_settle(nodes, 5 * NODES_SECOND));
}

/* A reader puts the name of whoever tells it in front: "n3 cannot reach n1". */
static void assert_told_of_itself(const struct nodes_event *told)
{
    size_t length = strlen(told->peer);
    if (length > 0 && strncmp(told->text, told->peer, length) == 0)
        fail_msg("this is told of another node: %s", told->text);
}

static void end(struct nodes *nodes)
{
    nodes_check(nodes);
    for (uint32_t n = 0; n < nodes->count; n++)
        for (uint32_t k = 0; k < nodes->hosts[n].event_count; k++)
            assert_told_of_itself(&nodes->hosts[n].events[k]);
    nodes_release(nodes);
}

static uint32_t count_of(const struct nodes *nodes, uint32_t n, enum fl_node_event_kind kind)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < nodes->hosts[n].event_count; k++)
        count += nodes->hosts[n].events[k].event.kind == kind;
    return count;
}

static uint32_t count_everywhere(const struct nodes *nodes, enum fl_node_event_kind kind)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < nodes->count; n++)
        count += count_of(nodes, n, kind);
    return count;
}

/* The node's only event of that kind. */
static const struct nodes_event *only(const struct nodes *nodes, uint32_t n, enum fl_node_event_kind kind)
{
    const struct nodes_event *found = NULL;
    assert_int_equal(count_of(nodes, n, kind), 1);
    for (uint32_t k = 0; k < nodes->hosts[n].event_count; k++)
        if (nodes->hosts[n].events[k].event.kind == kind)
            found = &nodes->hosts[n].events[k];
    return found;
}

static void forget(struct nodes *nodes)
{
    for (uint32_t n = 0; n < nodes->count; n++)
        nodes->hosts[n].event_count = 0;
}

/* These kinds, in this order; others may stand between them. */
static void assert_order(const struct nodes *nodes, uint32_t n, const enum fl_node_event_kind *kinds,
                         uint32_t count)
{
    uint32_t at = 0;
    for (uint32_t k = 0; k < nodes->hosts[n].event_count && at < count; k++)
        at += nodes->hosts[n].events[k].event.kind == kinds[at];
    if (at < count)
        fail_msg("node %u: the event of kind %d did not come in its turn", n, (int)kinds[at]);
}

#define ASSERT_ORDER(nodes, n, ...)                                                                          \
    assert_order(nodes, n, (const enum fl_node_event_kind[]){__VA_ARGS__},                                   \
                 sizeof((const enum fl_node_event_kind[]){__VA_ARGS__}) / sizeof(enum fl_node_event_kind))

/* ---------------------------------------------------------------------------------------------- elections */

static void test_a_founding_is_told_by_everybody_once_and_in_order(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 1);
    ASSERT_ORDER(&nodes, 0, FL_NODE_OPENED, FL_NODE_FOUNDING, FL_NODE_CANDIDATE, FL_NODE_LEADER,
                 FL_NODE_FOUNDED, FL_NODE_READY);
    for (uint32_t n = 0; n < 3; n++) {
        assert_int_equal(only(&nodes, n, FL_NODE_OPENED)->event.index, 0);
        assert_int_equal(only(&nodes, n, FL_NODE_FOUNDED)->event.index, 1);
        assert_int_equal(count_of(&nodes, n, FL_NODE_READY), 1);
        assert_int_equal(count_of(&nodes, n, FL_NODE_CONNECTED), 2);
    }
    const struct nodes_event *led = only(&nodes, 0, FL_NODE_LEADER);
    assert_int_equal(led->event.term, 1);
    assert_int_equal(led->event.index, 1);
    assert_int_equal(led->event.voters, 3);
    assert_in_range(led->event.votes, 2, 3);
    assert_int_equal(count_everywhere(&nodes, FL_NODE_LEADER), 1);
    end(&nodes);
}

static void test_a_node_alone_wins_with_its_own_vote(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 1, 2);
    const struct nodes_event *led = only(&nodes, 0, FL_NODE_LEADER);
    assert_int_equal(led->event.votes, 1);
    assert_int_equal(led->event.voters, 1);
    end(&nodes);
}

static void test_a_leader_that_dies_is_lost_once_and_followed_by_one_other(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 3; seed < 13; seed++) {
        begin(&nodes, 3, seed);
        uint32_t dead = nodes_await_leader(&nodes);
        forget(&nodes);
        nodes_crash(&nodes, dead, FL__SURVIVES_ALL, seed);
        uint32_t leader = nodes_await_leader(&nodes);
        assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
        ASSERT_ORDER(&nodes, leader, FL_NODE_DISCONNECTED, FL_NODE_PRECANDIDATE, FL_NODE_CANDIDATE,
                     FL_NODE_LEADER, FL_NODE_READY);
        assert_string_equal(only(&nodes, leader, FL_NODE_DISCONNECTED)->peer, dead == 0   ? "n0"
                                                                              : dead == 1 ? "n1"
                                                                                          : "n2");
        const struct nodes_event *led = only(&nodes, leader, FL_NODE_LEADER);
        assert_int_equal(led->event.votes, 2);
        assert_int_equal(led->event.term, nodes_status(&nodes, leader).term);
        assert_int_equal(count_everywhere(&nodes, FL_NODE_READY), 2);
        end(&nodes);
    }
}

static void test_who_is_left_alone_says_once_that_it_hears_no_leader(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 14);
    uint32_t left = (nodes_await_leader(&nodes) + 1) % 3;
    for (uint32_t n = 0; n < 3; n++)
        if (n != left)
            nodes_crash(&nodes, n, FL__SURVIVES_ALL, 0);
    nodes_run(&nodes, 20 * NODES_SECOND); /* It asks for pre-votes ten times and more. */
    assert_int_equal(count_of(&nodes, left, FL_NODE_PRECANDIDATE), 1);
    assert_int_equal(count_of(&nodes, left, FL_NODE_DISCONNECTED), 2);
    assert_true(count_of(&nodes, left, FL_NODE_UNREACHABLE) > 0);
    end(&nodes);
}

/* A follower hears nothing of its leader for so long, and asks for pre-votes all the while. */
static void deafen(struct nodes *nodes, uint32_t leader, uint32_t deaf, fl_time_us duration)
{
    nodes_link(nodes, leader, deaf, false);
    nodes_run(nodes, duration);
    nodes_link(nodes, leader, deaf, true);
}

static void test_whose_pre_votes_are_refused_for_a_leader_is_told_of_once(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 15);
    uint32_t leader = nodes_await_leader(&nodes), deaf = (leader + 1) % 3, other = (leader + 2) % 3;
    forget(&nodes);
    deafen(&nodes, leader, deaf, 5 * NODES_SECOND);
    const struct nodes_event *told = only(&nodes, other, FL_NODE_IGNORED);
    assert_string_equal(told->event.message, "prevote");
    assert_int_equal(told->event.term, nodes_status(&nodes, other).term + 1);
    char expected[128];
    snprintf(expected, sizeof expected,
             "refuses n%u a pre-vote for term %u: it has just heard its leader, n%u", deaf,
             (unsigned)told->event.term, leader);
    assert_string_equal(told->text, expected);
    assert_string_equal(only(&nodes, leader, FL_NODE_IGNORED)->text +
                            strlen("refuses n1 a pre-vote for term 2"),
                        ": it leads");
    assert_int_equal(count_of(&nodes, deaf, FL_NODE_IGNORED), 0);
    nodes_run(&nodes, 11 * NODES_SECOND);
    deafen(&nodes, leader, deaf, 5 * NODES_SECOND); /* After so long it is news. */
    assert_int_equal(count_of(&nodes, other, FL_NODE_IGNORED), 2);
    assert_int_equal(count_everywhere(&nodes, FL_NODE_LEADER), 0);
    end(&nodes);
}

static bool is_role(const struct fl_node_event *event)
{
    return event->kind >= FL_NODE_FOLLOWER && event->kind <= FL_NODE_LEADER &&
           event->kind != FL_NODE_ELECTION_LOST;
}

/* No role is told again before there was another. */
static void check_roles(const struct nodes *nodes, uint32_t n)
{
    const struct nodes_event *then = NULL;
    for (uint32_t k = 0; k < nodes->hosts[n].event_count; k++) {
        const struct nodes_event *now = &nodes->hosts[n].events[k];
        if (!is_role(&now->event))
            continue;
        bool same = then && then->event.kind == now->event.kind && then->event.term == now->event.term &&
                    strcmp(then->peer, now->peer) == 0;
        assert_false(same);
        then = now;
    }
}

/* It is won with the vote that completes the majority, and lost with fewer. */
static void check_votes(const struct nodes *nodes, uint32_t n, uint32_t majority)
{
    for (uint32_t k = 0; k < nodes->hosts[n].event_count; k++) {
        const struct fl_node_event *event = &nodes->hosts[n].events[k].event;
        if (event->kind == FL_NODE_LEADER)
            assert_int_equal(event->votes, majority);
        if (event->kind == FL_NODE_ELECTION_LOST)
            assert_in_range(event->votes, 1, majority - 1);
    }
}

/* An election begun is won or lost, and both are told. */
static void test_every_election_ends_once(void **state)
{
    struct nodes nodes;
    uint32_t lost = 0;
    (void)state;
    for (uint64_t seed = 20; seed < 60; seed++) {
        nodes_init(&nodes, 5, seed);
        nodes.options.election_timeout_us = 20000; /* So short that many stand at the same time. */
        nodes.options.heartbeat_us = 5000;
        nodes_open_all(&nodes);
        nodes_await_leader(&nodes);
        nodes_crash(&nodes, nodes_await_leader(&nodes), FL__SURVIVES_ALL, seed);
        nodes_run(&nodes, NODES_SECOND);
        for (uint32_t n = 0; n < nodes.count; n++) {
            uint32_t stood = count_of(&nodes, n, FL_NODE_CANDIDATE);
            uint32_t ended = count_of(&nodes, n, FL_NODE_LEADER) + count_of(&nodes, n, FL_NODE_ELECTION_LOST);
            lost += count_of(&nodes, n, FL_NODE_ELECTION_LOST);
            check_votes(&nodes, n, 3);
            check_roles(&nodes, n);
            bool is_standing = nodes_status(&nodes, n).role == FL_CANDIDATE;
            if (nodes.hosts[n].node)
                assert_int_equal(stood, ended + is_standing);
        }
        end(&nodes);
    }
    assert_true(lost > 0);
}

/* ------------------------------------------------------------------------------------------------- repair */

/* The leader takes commands that reach nobody, and dies; the others elect one of their own, and go on. */
static uint32_t part_logs(struct nodes *nodes, uint32_t commands)
{
    uint32_t old = nodes_await_leader(nodes);
    for (uint32_t n = 0; n < nodes->count; n++)
        if (n != old)
            nodes_crash(nodes, n, FL__SURVIVES_ALL, 0);
    for (uint32_t k = 0; k < commands; k++)
        (void)nodes_propose(nodes, old);
    nodes_run(nodes, NODES_SECOND / 10);
    assert_int_equal(nodes_status(nodes, old).durable, 1 + commands);
    nodes_crash(nodes, old, FL__SURVIVES_ALL, 0);
    for (uint32_t n = 0; n < nodes->count; n++)
        if (n != old)
            assert_int_equal(nodes_open(nodes, n), FL_OK);
    uint32_t leader = nodes_await_leader(nodes);
    (void)nodes_propose(nodes, leader);
    assert_true(nodes_settle(nodes, 5 * NODES_SECOND));
    return old;
}

static void test_what_is_cut_and_what_is_sent_instead_is_told_once_by_either_side(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 70; seed < 90; seed++) {
        begin(&nodes, 3, seed);
        uint32_t old = part_logs(&nodes, 4);
        uint32_t leader = nodes_await_leader(&nodes);
        forget(&nodes);
        assert_int_equal(nodes_open(&nodes, old), FL_OK);
        assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
        nodes_run(&nodes, NODES_SECOND); /* The leader hears of it. */
        const struct nodes_event *cut = only(&nodes, old, FL_NODE_TRUNCATED);
        assert_int_equal(cut->event.index, 2);
        assert_int_equal(cut->event.other, 5);
        assert_int_equal(cut->event.entries, 4);
        assert_int_equal(cut->event.term, 1); /* Theirs. */
        const struct nodes_event *repaired = only(&nodes, leader, FL_NODE_REPAIRED);
        assert_int_equal(repaired->event.index, 2);
        assert_int_equal(repaired->event.entries, 2);
        assert_int_equal(repaired->event.round_trips, 0); /* The entry before its first one fits. */
        assert_int_equal(count_of(&nodes, leader, FL_NODE_CONFLICT), 0);
        ASSERT_ORDER(&nodes, old, FL_NODE_OPENED, FL_NODE_FOLLOWER, FL_NODE_TRUNCATED, FL_NODE_READY);
        assert_int_equal(count_everywhere(&nodes, FL_NODE_REPAIRED), 1);
        end(&nodes);
    }
}

/* A leader whose log was longer than the other's from the beginning has to ask where they part. */
static void test_a_conflict_is_told_before_its_repair(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 90; seed < 100; seed++) {
        begin(&nodes, 3, seed);
        uint32_t old = part_logs(&nodes, 4), first = nodes_await_leader(&nodes);
        for (uint32_t k = 0; k < 10; k++)
            (void)nodes_propose(&nodes, first);
        assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
        nodes_crash(&nodes, first, FL__SURVIVES_ALL, 0);
        assert_int_equal(nodes_open(&nodes, first), FL_OK);
        uint32_t leader = nodes_await_leader(&nodes);
        assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
        fl_index last = nodes_status(&nodes, leader).last;
        forget(&nodes);
        assert_int_equal(nodes_open(&nodes, old), FL_OK);
        assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
        nodes_run(&nodes, NODES_SECOND); /* The leader hears of it. */
        ASSERT_ORDER(&nodes, leader, FL_NODE_CONNECTED, FL_NODE_CONFLICT, FL_NODE_REPAIRED);
        assert_int_equal(only(&nodes, leader, FL_NODE_CONFLICT)->event.other, 1);
        const struct fl_node_event *repaired = &only(&nodes, leader, FL_NODE_REPAIRED)->event;
        assert_int_equal(repaired->round_trips, 1);
        assert_int_equal(repaired->index, 2);
        assert_int_equal(repaired->entries, last - 1);
        assert_int_equal(only(&nodes, old, FL_NODE_TRUNCATED)->event.entries, 4);
        end(&nodes);
    }
}

static void test_a_member_that_lacks_nothing_is_not_repaired(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 5);
    uint32_t leader = nodes_await_leader(&nodes);
    nodes_reset(&nodes, leader, (leader + 1) % 3);
    nodes_run(&nodes, 2 * NODES_SECOND);
    assert_int_equal(count_everywhere(&nodes, FL_NODE_REPAIRED), 0);
    assert_int_equal(count_everywhere(&nodes, FL_NODE_CONFLICT), 0);
    end(&nodes);
}

static void test_who_comes_back_far_behind_says_that_it_catches_up(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 6);
    uint32_t leader = nodes_await_leader(&nodes), late = (leader + 1) % 3;
    nodes_crash(&nodes, late, FL__SURVIVES_ALL, 0);
    for (uint32_t k = 0; k < 3000; k++)
        (void)nodes_propose(&nodes, leader);
    assert_true(nodes_settle(&nodes, 20 * NODES_SECOND));
    forget(&nodes);
    assert_int_equal(nodes_open(&nodes, late), FL_OK);
    assert_true(nodes_settle(&nodes, 20 * NODES_SECOND));
    nodes_run(&nodes, NODES_SECOND); /* The leader hears of it. */
    ASSERT_ORDER(&nodes, late, FL_NODE_OPENED, FL_NODE_CATCHING_UP, FL_NODE_READY);
    assert_true(only(&nodes, late, FL_NODE_CATCHING_UP)->event.entries >= 3000);
    assert_int_equal(only(&nodes, leader, FL_NODE_REPAIRED)->event.entries, 3000);
    end(&nodes);
}

/* ------------------------------------------------------------------------------------------------ trouble */

static void test_a_full_log_is_told_once(void **state)
{
    struct nodes nodes;
    (void)state;
    nodes_init(&nodes, 1, 7);
    nodes.options.segment_size = 64 << 10;
    nodes.options.log_size_max = 256 << 10;
    nodes_open_all(&nodes);
    nodes_await_leader(&nodes);
    for (uint32_t round = 0; round < 60; round++) {
        for (uint32_t k = 0; k < 100; k++)
            (void)nodes_propose(&nodes, 0);
        nodes_run(&nodes, NODES_SECOND / 10);
    }
    assert_true(nodes_status(&nodes, 0).refused > 0);
    assert_int_equal(count_of(&nodes, 0, FL_NODE_LOG_FULL), 1);
    assert_true(nodes_status(&nodes, 0).log_used <= 256 << 10);
    assert_int_equal(nodes_status(&nodes, 0).log_room, FL_ELOGFULL);
    end(&nodes);
}

static void test_a_wiped_node_is_refused_and_both_sides_say_so(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 8);
    uint32_t wiped = (nodes_await_leader(&nodes) + 1) % 3;
    nodes_close(&nodes, wiped);
    nodes_wipe(&nodes, wiped);
    forget(&nodes);
    assert_int_equal(nodes_open(&nodes, wiped), FL_OK);
    nodes_run(&nodes, 5 * NODES_SECOND);
    assert_int_equal(count_of(&nodes, wiped, FL_NODE_REFUSED), 2);
    assert_int_equal(count_everywhere(&nodes, FL_NODE_REFUSED), 4);
    nodes_close(&nodes, wiped);
    end(&nodes);
}

/* The time of each event is not before the one before it. */
static void test_events_are_told_in_the_order_of_their_times_and_no_role_twice(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 9);
    nodes_crash(&nodes, nodes_await_leader(&nodes), FL__SURVIVES_SOME, 9);
    nodes_await_leader(&nodes);
    nodes_open_all(&nodes);
    assert_true(nodes_settle(&nodes, 5 * NODES_SECOND));
    for (uint32_t n = 0; n < 3; n++) {
        check_roles(&nodes, n);
        for (uint32_t k = 1; k < nodes.hosts[n].event_count; k++)
            assert_true(nodes.hosts[n].events[k - 1].event.time_us <= nodes.hosts[n].events[k].event.time_us);
    }
    end(&nodes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_founding_is_told_by_everybody_once_and_in_order),
        cmocka_unit_test(test_a_node_alone_wins_with_its_own_vote),
        cmocka_unit_test(test_a_leader_that_dies_is_lost_once_and_followed_by_one_other),
        cmocka_unit_test(test_who_is_left_alone_says_once_that_it_hears_no_leader),
        cmocka_unit_test(test_whose_pre_votes_are_refused_for_a_leader_is_told_of_once),
        cmocka_unit_test(test_every_election_ends_once),
        cmocka_unit_test(test_what_is_cut_and_what_is_sent_instead_is_told_once_by_either_side),
        cmocka_unit_test(test_a_conflict_is_told_before_its_repair),
        cmocka_unit_test(test_a_member_that_lacks_nothing_is_not_repaired),
        cmocka_unit_test(test_who_comes_back_far_behind_says_that_it_catches_up),
        cmocka_unit_test(test_a_full_log_is_told_once),
        cmocka_unit_test(test_a_wiped_node_is_refused_and_both_sides_say_so),
        cmocka_unit_test(test_events_are_told_in_the_order_of_their_times_and_no_role_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
