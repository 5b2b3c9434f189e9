/* core_commit_test.c - the commit index by the paper's rules (§5.3, §5.4.2), one replica at a time: what a
 * leader counts, what it must not count, and how far a follower believes it.
 *
 * Replica 1 is the one looked at; its peers are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "single.h"

#define HEARTBEAT 100000u
#define VOTERS_MAX 9

static fl_index commit_of(const struct single *single)
{
    return single_look(single).commit;
}

/* The peer's disk has the leader's log up to `last`. */
static void ack(struct single *single, fl_id from, fl_index last)
{
    struct fl_message reply = {.type = FL_MSG_APPEND_REPLY,
                               .from = from,
                               .to = 1,
                               .boot = from,
                               .term = single_look(single).term,
                               .last = last,
                               .held = last,
                               .number = 1};
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

static void propose(struct single *single, uint32_t count)
{
    fl_index first;
    assert_int_equal(single_propose(single, count, &first), FL_OK);
}

/* Leads term 6 with two entries of term 2 and the opening entry at 3; all others' logs are empty. */
static void lead(struct single *single, uint32_t voters)
{
    const struct fl_run runs[] = {{2, 1}};
    single_init(single, voters, 5, runs, 1, 2);
    single_win(single, NULL);
    single_clear(single);
}

/* --------------------------------------------------- only entries of its own term: paper §5.4.2, Figure 8 */

static void test_b01_a_majority_that_holds_an_older_terms_entry_does_not_commit_it(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 5);
    for (fl_id peer = 2; peer <= 5; peer++)
        ack(&single, peer, 2);
    assert_int_equal(commit_of(&single), 0);
    assert_int_equal(single_count(&single, FL_WORK_COMMIT), 0);
    ack(&single, 2, 3);
    assert_int_equal(commit_of(&single), 0);
    ack(&single, 3, 3); /* An entry of its own term takes the older ones with it. */
    assert_int_equal(commit_of(&single), 3);
    assert_int_equal(single_last(&single, FL_WORK_COMMIT)->commit, 3);
    single_release(&single);
}

static void test_figure_8s_mistake_can_be_switched_on(void **state)
{
    const struct fl_run runs[] = {{2, 1}};
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_config config;
    struct single single;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    config.unsafe_commit_any_term = true;
    struct fl_raft_start start = {
        .term = 5, .runs = runs, .run_count = 1, .last = 2, .members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    single_win(&single, NULL);
    ack(&single, 2, 2);
    assert_int_equal(commit_of(&single), 2);
    single_release(&single);
}

static void test_a_leader_is_ready_once_an_entry_of_its_term_is_committed(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 3);
    ack(&single, 2, 2);
    assert_false(single_look(&single).leader_ready);
    ack(&single, 2, 3);
    assert_true(single_look(&single).leader_ready);
    single_release(&single);
}

/* ----------------------------------------------------------------------------------- counting: paper §5.3 */

static void test_an_entry_is_committed_once_a_majority_of_voters_hold_it(void **state)
{
    (void)state;
    for (uint32_t voters = 2; voters <= VOTERS_MAX; voters++) { /* Even numbers of voters too. */
        struct single single;
        lead(&single, voters);
        for (uint32_t holders = 1; holders < voters; holders++) {
            assert_int_equal(commit_of(&single), holders > voters / 2 ? 3 : 0);
            ack(&single, holders + 1, 3);
        }
        assert_int_equal(commit_of(&single), 3);
        single_release(&single);
    }
}

/* The same with no array sorted: the largest index that more than half hold. */
static fl_index naive_commit(const fl_index *held, uint32_t voters, fl_index opening)
{
    for (fl_index index = 100; index >= opening; index--) {
        uint32_t holders = 0;
        for (uint32_t k = 0; k < voters; k++)
            holders += held[k] >= index;
        if (holders > voters / 2)
            return index;
    }
    return 0;
}

static uint64_t draw(uint64_t *state, uint64_t below)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

static void check_random_acks(uint64_t *random)
{
    struct single single;
    uint32_t voters = 2 + (uint32_t)draw(random, VOTERS_MAX - 1);
    fl_index held[VOTERS_MAX] = {33}, before = 0;
    lead(&single, voters);
    propose(&single, 30);
    single_clear(&single);
    for (int k = 0; k < 40; k++) {
        uint64_t peer = 1 + draw(random, voters - 1);
        fl_index last = draw(random, 34);
        held[peer] = last > held[peer] ? last : held[peer]; /* What is late takes nothing back. */
        single_clear(&single);
        ack(&single, peer + 1, last);
        fl_index commit = commit_of(&single);
        assert_int_equal(commit, naive_commit(held, voters, 3));
        assert_int_equal(single_count(&single, FL_WORK_COMMIT), commit > before);
        if (commit > before)
            assert_int_equal(single_last(&single, FL_WORK_COMMIT)->commit, commit);
        before = commit;
    }
    single_release(&single);
}

static void test_whatever_acknowledgements_come_the_commit_index_is_the_majoritys_and_rises(void **state)
{
    uint64_t random = 1;
    (void)state;
    for (int k = 0; k < 500; k++)
        check_random_acks(&random);
}

static void test_a_learner_is_not_counted(void **state)
{
    const struct fl_member list[] = {
        {1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}, {4, FL_LEARNER}, {5, FL_LEARNER}};
    struct fl_raft_config config;
    struct single single;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    struct fl_raft_start start = {.term = 5, .members = {.count = 5, .list = list}};
    single_init_with(&single, &config, &start);
    single_win(&single, NULL);
    ack(&single, 4, 1);
    ack(&single, 5, 1);
    assert_int_equal(commit_of(&single), 0);
    ack(&single, 3, 1);
    assert_int_equal(commit_of(&single), 1);
    single_release(&single);
}

/* ------------------------------------------------------------------ the leader's own disk: thesis §10.2.1 */

static void test_b51_a_leader_counts_its_own_entry_once_it_is_durable(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 3);
    single.persist_at_once = false;
    ack(&single, 2, 3);
    propose(&single, 2);
    ack(&single, 2, 5);
    assert_int_equal(commit_of(&single), 3);
    single_persist(&single);
    assert_int_equal(commit_of(&single), 5);
    single_release(&single);
}

static void test_b51_a_sole_voters_disk_is_the_majority(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 1, 5, NULL, 0, 0);
    single_campaign(&single);
    assert_int_equal(commit_of(&single), 1);
    single.persist_at_once = false;
    propose(&single, 3);
    assert_int_equal(commit_of(&single), 1);
    single_persist(&single);
    assert_int_equal(commit_of(&single), 4);
    single_release(&single);
}

static void test_a_majority_of_others_commits_before_the_leaders_own_disk(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 3);
    single.persist_at_once = false;
    propose(&single, 2);
    ack(&single, 2, 5);
    assert_int_equal(commit_of(&single), 3);
    ack(&single, 3, 5);
    assert_int_equal(commit_of(&single), 5);
    assert_int_equal(single_look(&single).durable, 3);
    single_release(&single);
}

/* -------------------------------------------------------------------------- telling followers: paper §5.3 */

static void test_the_next_heartbeat_tells_what_is_committed(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 3);
    ack(&single, 2, 3);
    assert_null(single_sent(&single, FL_MSG_APPEND, 2, 0)); /* At rest nobody waits for it. */
    single_tick(&single, HEARTBEAT);
    assert_int_equal(single_sent(&single, FL_MSG_APPEND, 2, 0)->commit, 3);
    single_release(&single);
}

static void test_whoever_hurries_is_told_at_once_and_not_before_it_can_use_it(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 5);
    fl_raft_hurry(single.raft, 2, 3);
    ack(&single, 3, 3);
    ack(&single, 4, 3);
    assert_int_equal(commit_of(&single), 3);
    assert_null(single_sent(&single, FL_MSG_APPEND, 2, 0)); /* It does not hold the entry yet. */
    ack(&single, 2, 3);
    const struct fl_message *told = single_sent(&single, FL_MSG_APPEND, 2, 0);
    assert_non_null(told);
    assert_int_equal(told->commit, 3);
    assert_int_equal(told->prev, 3);
    assert_null(single_sent(&single, FL_MSG_APPEND, 3, 0));
    single_release(&single);
}

static void test_whoever_hurries_is_not_told_before_its_entry_is_committed(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 5);
    fl_raft_hurry(single.raft, 2, 3);
    ack(&single, 2, 3);
    assert_null(single_sent(&single, FL_MSG_APPEND, 2, 0));
    ack(&single, 3, 3);
    assert_int_equal(single_sent(&single, FL_MSG_APPEND, 2, 0)->commit, 3);
    single_release(&single);
}

/* ---------------------------------------------------------- the follower: paper Figure 2, AppendEntries 5 */

static fl_index commit_after(struct single *single, fl_index prev, fl_index last, fl_index commit)
{
    const struct fl_run run = {2, prev + 1};
    struct fl_message message = single_append(2, 5, prev, prev ? 2 : 0, commit);
    message.last = last;
    message.runs = last > prev ? &run : NULL;
    message.run_count = last > prev;
    assert_int_equal(single_receive(single, &message), FL_OK);
    return commit_of(single);
}

static void test_b04_a_follower_commits_no_further_than_what_was_compared(void **state)
{
    const struct fl_run runs[] = {{2, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 5, runs, 1, 9); /* Its tail may not be the leader's. */
    assert_int_equal(commit_after(&single, 3, 3, 8), 3);
    assert_int_equal(commit_after(&single, 4, 6, 8), 6);
    assert_int_equal(commit_after(&single, 8, 8, 7), 7);
    assert_int_equal(commit_after(&single, 9, 9, UINT64_MAX), 9);
    single_release(&single);
}

static void test_a_rejected_append_commits_nothing(void **state)
{
    const struct fl_run runs[] = {{2, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 5, runs, 1, 9);
    assert_int_equal(commit_after(&single, 10, 12, 9), 0);
    single_release(&single);
}

static void test_a_followers_commit_index_never_falls(void **state)
{
    const struct fl_run runs[] = {{2, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 5, runs, 1, 9);
    assert_int_equal(commit_after(&single, 9, 9, 8), 8);
    single_clear(&single);
    assert_int_equal(commit_after(&single, 9, 9, 4), 8); /* A late one, or a new leader's first. */
    assert_int_equal(commit_after(&single, 2, 2, 9), 8);
    assert_int_equal(single_count(&single, FL_WORK_COMMIT), 0);
    single_release(&single);
}

/* ---------------------------------------------------------------- what a vote's outline says is committed */

static fl_index commit_by_outline(const struct fl_outline *outline)
{
    const struct fl_run runs[] = {{2, 1}};
    struct single single;
    single_init(&single, 5, 5, runs, 1, 9);
    single_campaign(&single);
    struct fl_message reply = {
        .type = FL_MSG_VOTE_REPLY, .granted = true, .from = 2, .to = 1, .boot = 2, .term = 6};
    reply.outline = *outline;
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    fl_index commit = commit_of(&single);
    single_release(&single);
    return commit;
}

static void test_a_voters_committed_floor_is_committed_here_where_the_logs_agree(void **state)
{
    struct fl_outline outline = {
        .present = true, .low_is_floor = true, .low = 6, .low_term = 2, .top = 6, .last = 6, .durable = 6};
    (void)state;
    assert_int_equal(commit_by_outline(&outline), 6);
    outline.low_is_floor = false; /* Cut off there for its length. */
    assert_int_equal(commit_by_outline(&outline), 0);
    outline.low_is_floor = true;
    outline.low_term = 3; /* Not this log's. */
    assert_int_equal(commit_by_outline(&outline), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_b01_a_majority_that_holds_an_older_terms_entry_does_not_commit_it),
        cmocka_unit_test(test_figure_8s_mistake_can_be_switched_on),
        cmocka_unit_test(test_a_leader_is_ready_once_an_entry_of_its_term_is_committed),
        cmocka_unit_test(test_an_entry_is_committed_once_a_majority_of_voters_hold_it),
        cmocka_unit_test(test_whatever_acknowledgements_come_the_commit_index_is_the_majoritys_and_rises),
        cmocka_unit_test(test_a_learner_is_not_counted),
        cmocka_unit_test(test_b51_a_leader_counts_its_own_entry_once_it_is_durable),
        cmocka_unit_test(test_b51_a_sole_voters_disk_is_the_majority),
        cmocka_unit_test(test_a_majority_of_others_commits_before_the_leaders_own_disk),
        cmocka_unit_test(test_the_next_heartbeat_tells_what_is_committed),
        cmocka_unit_test(test_whoever_hurries_is_told_at_once_and_not_before_it_can_use_it),
        cmocka_unit_test(test_whoever_hurries_is_not_told_before_its_entry_is_committed),
        cmocka_unit_test(test_b04_a_follower_commits_no_further_than_what_was_compared),
        cmocka_unit_test(test_a_rejected_append_commits_nothing),
        cmocka_unit_test(test_a_followers_commit_index_never_falls),
        cmocka_unit_test(test_a_voters_committed_floor_is_committed_here_where_the_logs_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
