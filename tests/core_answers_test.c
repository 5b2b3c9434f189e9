/* core_answers_test.c - what becomes of proposals, one replica at a time: each that was accepted is answered
 * once, FL_OK if it is committed, FL_EREFUSED if it never will be, and not before one of them is certain.
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

#define PROPOSALS_MAX 64u /* FL__PROPOSALS_MAX */

/* Leads term 6 of three voters; its log is its opening entry. */
static void lead(struct single *single)
{
    single_init(single, 3, 5, NULL, 0, 0);
    single_win(single, NULL);
    single_clear(single);
}

static void propose(struct single *single, uint32_t count, fl_index expected)
{
    fl_index first = 0;
    assert_int_equal(single_propose(single, count, &first), FL_OK);
    assert_int_equal(first, expected);
}

static void ack(struct single *single, fl_index last)
{
    struct fl_message reply = {.type = FL_MSG_APPEND_REPLY,
                               .from = 2,
                               .to = 1,
                               .boot = 2,
                               .term = single_look(single).term,
                               .last = last,
                               .held = last,
                               .number = 1};
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

/* 3 leads `term`; it has our log up to prev, then entries of its own up to last. */
static void depose(struct single *single, fl_term term, fl_index prev, fl_index last, fl_index commit)
{
    const struct fl_run run = {term, prev + 1};
    struct fl_message message = single_append(3, term, prev, fl_raft_term_at(single->raft, prev), commit);
    message.last = last;
    message.runs = last > prev ? &run : NULL;
    message.run_count = last > prev;
    assert_int_equal(single_receive(single, &message), FL_OK);
}

/* Takes the next answer off the list. */
static void check_answer(struct single *single, fl_term term, fl_index first, fl_index last, int outcome)
{
    for (uint32_t k = 0; k < single->count; k++) {
        struct fl_work *work = &single->list[k].work;
        if (work->type != FL_WORK_ANSWER)
            continue;
        assert_int_equal(work->answer.term, term);
        assert_int_equal(work->answer.first, first);
        assert_int_equal(work->answer.last, last);
        assert_int_equal(work->answer.outcome, outcome);
        work->type = FL_WORK_NOTE;
        return;
    }
    fail_msg("no answer");
}

static void check_no_more(const struct single *single)
{
    assert_int_equal(single_count(single, FL_WORK_ANSWER), 0);
}

/* --------------------------------------------------------------------------------------- committed: FL_OK */

static void test_proposals_are_answered_once_as_they_are_committed(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3, 2);
    propose(&single, 4, 5);
    ack(&single, 1); /* The opening entry is nobody's proposal. */
    check_no_more(&single);
    ack(&single, 5);
    check_answer(&single, 6, 2, 5, FL_OK);
    check_no_more(&single);
    ack(&single, 5);
    check_no_more(&single);
    ack(&single, 8);
    check_answer(&single, 6, 6, 8, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

static void test_an_answer_comes_after_the_commit_that_it_follows_from(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 1, 2);
    ack(&single, 2);
    bool committed = false, answered = false;
    for (uint32_t k = 0; k < single.count; k++) {
        const struct fl_work *work = &single.list[k].work;
        committed |= work->type == FL_WORK_COMMIT && work->commit == 2;
        assert_true(work->type != FL_WORK_ANSWER || committed);
        answered |= work->type == FL_WORK_ANSWER;
    }
    assert_true(answered);
    single_release(&single);
}

static void test_a_sole_voters_proposal_is_answered_once_it_is_durable(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 1, 5, NULL, 0, 0);
    single_campaign(&single);
    single.persist_at_once = false;
    propose(&single, 2, 2);
    check_no_more(&single);
    single_persist(&single);
    check_answer(&single, 6, 2, 3, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

static void test_a_proposal_that_a_later_leader_commits_is_answered_ok(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3, 2);
    depose(&single, 7, 4, 5, 0); /* Leadership is lost, the entries are not. */
    assert_int_equal(single_look(&single).role, FL_FOLLOWER);
    check_no_more(&single);
    depose(&single, 7, 5, 5, 5);
    check_answer(&single, 6, 2, 4, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

static void test_a_proposal_that_the_same_replica_commits_in_a_later_term_is_answered_ok(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3, 2);
    struct fl_message vote = single_vote(3, 7, 0, 0);
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    single_win(&single, NULL);
    propose(&single, 1, 6); /* After the opening entry of term 8. */
    check_no_more(&single);
    ack(&single, 6);
    check_answer(&single, 6, 2, 4, FL_OK);
    check_answer(&single, 8, 6, 6, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

/* ------------------------------------------------------------------------------- overwritten: FL_EREFUSED */

static void test_an_overwritten_proposal_is_refused_once_another_entry_is_committed_there(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3, 2);
    depose(&single, 7, 1, 2, 1);
    check_no_more(&single); /* Cut here; elsewhere it may be, and it may yet win. */
    depose(&single, 7, 2, 2, 2);
    check_answer(&single, 6, 2, 4, FL_EREFUSED); /* None of the term can follow an entry of term 7. */
    check_no_more(&single);
    single_release(&single);
}

static void test_of_a_batch_the_part_that_survives_is_ok_and_the_rest_refused(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 5, 2);
    depose(&single, 7, 3, 4, 0);
    check_no_more(&single);
    depose(&single, 7, 4, 4, 4);
    check_answer(&single, 6, 2, 3, FL_OK);
    check_answer(&single, 6, 4, 6, FL_EREFUSED);
    check_no_more(&single);
    single_release(&single);
}

static void test_a_part_committed_before_is_not_answered_again_with_the_rest(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 5, 2);
    ack(&single, 3);
    check_answer(&single, 6, 2, 3, FL_OK);
    depose(&single, 7, 4, 6, 4);
    check_answer(&single, 6, 4, 4, FL_OK);
    check_no_more(&single);
    depose(&single, 7, 6, 6, 6);
    check_answer(&single, 6, 5, 6, FL_EREFUSED);
    check_no_more(&single);
    single_release(&single);
}

static void test_proposals_above_a_committed_entry_of_a_higher_term_are_refused(void **state)
{
    const struct fl_run runs[] = {{2, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 5, runs, 1, 9);
    single_win(&single, NULL);
    propose(&single, 2, 11);
    depose(&single, 7, 4, 5, 5); /* The log ends with 5 now, far below 11. */
    assert_int_equal(single_look(&single).last, 5);
    check_answer(&single, 6, 11, 12, FL_EREFUSED);
    check_no_more(&single);
    single_release(&single);
}

static void test_a_cut_proposal_that_comes_back_and_is_committed_is_answered_ok(void **state)
{
    const struct fl_run runs[] = {{6, 2}, {8, 4}};
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 2, 2);
    depose(&single, 7, 1, 2, 0); /* 3 leads, cuts both, and commits nothing. */
    assert_int_equal(fl_raft_term_at(single.raft, 2), 7);
    struct fl_message message = single_append(2, 8, 1, 6, 4); /* 2 had them. */
    message.runs = runs;
    message.run_count = 2;
    message.last = 4;
    assert_int_equal(single_receive(&single, &message), FL_OK);
    check_answer(&single, 6, 2, 3, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

/* --------------------------------------------------------------------------------------- many leaderships */

/* Leads, proposes one entry, loses: each time two terms later. */
static void lead_and_lose(struct single *single)
{
    single_win(single, NULL);
    propose(single, 1, single_look(single).last + 1);
    struct fl_message vote = single_vote(3, single_look(single).term + 1, 0, 0);
    assert_int_equal(single_receive(single, &vote), FL_OK);
    assert_int_equal(single_look(single).role, FL_FOLLOWER);
}

static void test_the_proposals_of_many_leaderships_are_answered_in_order(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 0, NULL, 0, 0);
    for (uint32_t k = 0; k < 20; k++) {
        lead_and_lose(&single);
        check_no_more(&single);
        single_clear(&single);
    }
    single_win(&single, NULL);
    ack(&single, 41);
    for (uint32_t k = 0; k < 20; k++)
        check_answer(&single, 2 * k + 1, 2 * k + 2, 2 * k + 2, FL_OK);
    check_no_more(&single);
    single_release(&single);
}

static void test_too_many_leaderships_with_open_proposals_refuse_further_ones(void **state)
{
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_config config;
    struct single single;
    fl_index first;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.outline_runs_max = SINGLE_RUNS_MAX;
    config.pre_vote = config.check_quorum = false;
    struct fl_raft_start start = {.members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    for (uint32_t k = 0; k < PROPOSALS_MAX; k++) {
        lead_and_lose(&single);
        single_clear(&single);
    }
    single_win(&single, NULL);
    fl_index last = single_look(&single).last;
    assert_int_equal(single_propose(&single, 1, &first), FL_EFULL);
    assert_int_equal(single_look(&single).last, last);
    ack(&single, last);
    assert_int_equal(single_count(&single, FL_WORK_ANSWER), PROPOSALS_MAX);
    propose(&single, 1, last + 1);
    single_release(&single);
}

/* ----------------------------------------------------------------------------------------------- refusals */

static void test_a_leader_refuses_more_uncommitted_entries_than_its_limit(void **state)
{
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_config config;
    struct single single;
    fl_index first = 0;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    config.uncommitted_entries_max = 10;
    struct fl_raft_start start = {.members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    single_win(&single, NULL);
    assert_int_equal(single_propose(&single, 10, &first), FL_EFULL); /* One is the opening entry. */
    assert_int_equal(single_propose(&single, UINT32_MAX, &first), FL_EFULL);
    assert_int_equal(single_look(&single).last, 1);
    propose(&single, 9, 2);
    assert_int_equal(single_propose(&single, 1, &first), FL_EFULL);
    ack(&single, 4);
    check_answer(&single, 1, 2, 4, FL_OK);
    assert_int_equal(single_propose(&single, 5, &first), FL_EFULL);
    propose(&single, 4, 11);
    single_release(&single);
}

static void test_whoever_does_not_lead_refuses_proposals(void **state)
{
    struct single single;
    fl_index first;
    (void)state;
    single_init(&single, 3, 5, NULL, 0, 0);
    assert_int_equal(single_propose(&single, 1, &first), FL_ENOTLEADER);
    depose(&single, 5, 0, 0, 0);
    assert_int_equal(single_propose(&single, 1, &first), FL_ENOTLEADER);
    single_campaign(&single);
    assert_int_equal(single_propose(&single, 1, &first), FL_ENOTLEADER);
    single_win(&single, NULL);
    propose(&single, 1, 2);
    depose(&single, 9, 0, 0, 0);
    assert_int_equal(single_propose(&single, 1, &first), FL_ENOTLEADER);
    assert_int_equal(single_look(&single).last, 2);
    single_release(&single);
}

static void test_a_proposal_of_nothing_is_refused(void **state)
{
    struct single single;
    fl_index first;
    (void)state;
    lead(&single);
    assert_int_equal(single_propose(&single, 0, &first), FL_EINVAL);
    assert_int_equal(single_look(&single).last, 1);
    single_release(&single);
}

static void test_only_the_opening_entry_is_not_a_command(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 2, 2);
    assert_int_equal(fl_raft_kind_at(single.raft, 1), FL_ENTRY_CONFIGURATION); /* A founder's. */
    assert_int_equal(fl_raft_kind_at(single.raft, 2), FL_ENTRY_COMMAND);
    struct fl_message vote = single_vote(3, 7, 0, 0);
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    single_win(&single, NULL);
    assert_int_equal(fl_raft_kind_at(single.raft, 4), FL_ENTRY_NOOP);
    assert_int_equal(fl_raft_kind_at(single.raft, 3), FL_ENTRY_COMMAND);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_proposals_are_answered_once_as_they_are_committed),
        cmocka_unit_test(test_an_answer_comes_after_the_commit_that_it_follows_from),
        cmocka_unit_test(test_a_sole_voters_proposal_is_answered_once_it_is_durable),
        cmocka_unit_test(test_a_proposal_that_a_later_leader_commits_is_answered_ok),
        cmocka_unit_test(test_a_proposal_that_the_same_replica_commits_in_a_later_term_is_answered_ok),
        cmocka_unit_test(test_an_overwritten_proposal_is_refused_once_another_entry_is_committed_there),
        cmocka_unit_test(test_of_a_batch_the_part_that_survives_is_ok_and_the_rest_refused),
        cmocka_unit_test(test_a_part_committed_before_is_not_answered_again_with_the_rest),
        cmocka_unit_test(test_proposals_above_a_committed_entry_of_a_higher_term_are_refused),
        cmocka_unit_test(test_a_cut_proposal_that_comes_back_and_is_committed_is_answered_ok),
        cmocka_unit_test(test_the_proposals_of_many_leaderships_are_answered_in_order),
        cmocka_unit_test(test_too_many_leaderships_with_open_proposals_refuse_further_ones),
        cmocka_unit_test(test_a_leader_refuses_more_uncommitted_entries_than_its_limit),
        cmocka_unit_test(test_whoever_does_not_lead_refuses_proposals),
        cmocka_unit_test(test_a_proposal_of_nothing_is_refused),
        cmocka_unit_test(test_only_the_opening_entry_is_not_a_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
