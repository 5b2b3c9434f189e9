/* core_election_test.c - votes and pre-votes by the paper's rules, one replica at a time: whom it votes for,
 * what must be durable before it says so, and whose votes make it a leader. What terms and time-outs do
 * beside that is in core_term_test.c.
 *
 * Replica 1 is the one looked at; its peers are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "votes.h"

#define TIMEOUT 1000000u
#define HEARTBEAT 100000u

/* ------------------------------------------------------------ votes: paper §5.2, Figure 2 RequestVote RPC */

static void test_a_replica_votes_for_one_candidate_in_a_term(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 0, NULL, 0, 0);
    assert_true(votes_grants(&single, 2, 1));
    assert_false(votes_grants(&single, 3, 1));
    assert_true(votes_grants(&single, 2, 1)); /* Its answer may have been lost. */
    assert_true(votes_grants(&single, 3, 2));
    assert_false(votes_grants(&single, 2, 2));
    single_release(&single);
}

static void test_a_vote_is_kept_over_a_restart(void **state)
{
    struct single single;
    struct votes_setup setup;
    (void)state;
    votes_set_up(&setup, 3, 4);
    setup.start.has_vote = true;
    setup.start.vote = 2;
    votes_start(&single, &setup);
    assert_false(votes_grants(&single, 3, 4));
    assert_true(votes_grants(&single, 2, 4));
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 0); /* It was durable before. */
    assert_true(votes_grants(&single, 3, 5));
    single_release(&single);
}

static void test_id_0_is_a_candidate_like_any_other(void **state)
{
    (void)state;
    for (int before = 0; before < 3; before++) { /* No vote yet, voted for 0, voted for 2. */
        struct single single;
        struct votes_setup setup;
        votes_set_up(&setup, 3, 4);
        setup.list[2].id = 0;
        setup.start.has_vote = before > 0;
        setup.start.vote = before == 2 ? 2 : 0;
        votes_start(&single, &setup);
        if (before > 0)
            assert_int_equal(votes_grants(&single, 2, 4), before == 2);
        assert_int_equal(votes_grants(&single, 0, 4), before < 2);
        assert_int_equal(votes_grants(&single, 2, 4), before == 2);
        assert_true(single_look(&single).has_vote);
        assert_int_equal(single_look(&single).vote, before == 2 ? 2 : 0);
        single_release(&single);
    }
}

static void test_a_candidate_has_voted_for_itself(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    single_campaign(&single);
    votes_check_role(&single, FL_CANDIDATE, 5);
    const struct fl_persist *persist = &single_last(&single, FL_WORK_PERSIST)->persist;
    assert_true(persist->is_vote && persist->has_vote);
    assert_int_equal(persist->vote, 1);
    assert_int_equal(persist->term, 5);
    assert_false(votes_grants(&single, 2, 5));
    single_release(&single);
}

static void test_a_term_that_has_a_leader_gets_no_vote_for_another(void **state)
{
    struct single single;
    struct fl_message heartbeat = single_append(2, 4, 0, 0, 0), vote = single_vote(3, 4, 0, 0);
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    const struct fl_message *reply = votes_ask(&single, &vote); /* Late: 2 has won. */
    assert_false(reply->granted);
    assert_false(reply->rejected);
    assert_false(single_look(&single).has_vote);
    single_release(&single);
}

static void test_a_vote_request_names_the_candidates_term_and_last_entry(void **state)
{
    const struct fl_run runs[] = {{1, 1}, {4, 6}};
    struct single single;
    (void)state;
    single_init(&single, 3, 7, runs, 2, 9);
    single_campaign(&single);
    for (fl_id peer = 2; peer <= 3; peer++) {
        const struct fl_message *request = single_sent(&single, FL_MSG_VOTE, peer, 0);
        assert_non_null(request);
        assert_int_equal(request->term, 8);
        assert_int_equal(request->prev, 9);
        assert_int_equal(request->prev_term, 4);
    }
    single_release(&single);
}

static void test_a_candidate_of_an_older_term_is_told_of_the_newer_one(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 5, NULL, 0, 0);
    struct fl_message vote = single_vote(2, 4, 0, 0);
    assert_null(votes_ask(&single, &vote));
    assert_false(single_look(&single).has_vote);
    const struct fl_message *told = single_sent(&single, FL_MSG_APPEND_REPLY, 2, 0);
    assert_non_null(told);
    assert_int_equal(told->term, 5);
    single_release(&single);
}

/* --------------------------------------------------- durable first: paper §5.2, Figure 2 persistent state */

static void test_no_vote_request_leaves_before_term_and_vote_are_durable(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    single.persist_at_once = false;
    single_campaign(&single);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 1);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    single_tick(&single, HEARTBEAT);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    single_persist(&single);
    assert_non_null(single_sent(&single, FL_MSG_VOTE, 2, 0));
    assert_non_null(single_sent(&single, FL_MSG_VOTE, 3, 0));
    single_release(&single);
}

static void test_no_grant_leaves_before_term_and_vote_are_durable(void **state)
{
    (void)state;
    for (fl_term term = 4; term <= 5; term++) { /* In the voter's term, and in a new one. */
        struct single single;
        single_init(&single, 3, 4, NULL, 0, 0);
        single.persist_at_once = false;
        struct fl_message vote = single_vote(2, term, 0, 0);
        assert_null(votes_ask(&single, &vote));
        assert_int_equal(single_count(&single, FL_WORK_PERSIST), 1);
        const struct fl_persist *persist = &single_last(&single, FL_WORK_PERSIST)->persist;
        assert_true(persist->is_vote && persist->has_vote);
        assert_int_equal(persist->vote, 2);
        assert_int_equal(persist->term, term);
        single_persist(&single);
        const struct fl_message *reply = single_sent(&single, FL_MSG_VOTE_REPLY, 2, 0);
        assert_non_null(reply);
        assert_true(reply->granted);
        single_release(&single);
    }
}

static void test_an_older_vote_on_disk_does_not_let_a_newer_one_leave(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    single.persist_at_once = false;
    struct fl_message first = single_vote(2, 5, 0, 0), second = single_vote(3, 6, 0, 0);
    assert_int_equal(single_receive(&single, &first), FL_OK);
    fl_ticket older = single.ticket;
    assert_int_equal(single_receive(&single, &second), FL_OK);
    assert_true(single.ticket > older);
    assert_int_equal(fl_raft_persisted(single.raft, single.now, older), FL_OK);
    single_take(&single);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    single_persist(&single);
    assert_null(single_sent(&single, FL_MSG_VOTE_REPLY, 2, 0)); /* Void: that term is over. */
    assert_true(single_sent(&single, FL_MSG_VOTE_REPLY, 3, 0)->granted);
    single_release(&single);
}

static void test_a_candidates_own_vote_counts_once_it_is_durable(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    single.persist_at_once = false;
    single_campaign(&single);
    votes_grant(&single, 2, 5);
    votes_check_role(&single, FL_CANDIDATE, 5);
    single_persist(&single);
    votes_check_role(&single, FL_LEADER, 5);
    single_release(&single);
}

/* ----------------------------------------------------------------------------- counting votes: paper §5.2 */

static void test_a_majority_of_voters_elects(void **state)
{
    (void)state;
    for (uint32_t voters = 2; voters <= 9; voters++) {
        struct single single;
        single_init(&single, voters, 0, NULL, 0, 0);
        single_campaign(&single);
        for (fl_id voter = 2; voter < voters / 2 + 1; voter++)
            votes_grant(&single, voter, 1);
        votes_check_role(&single, FL_CANDIDATE, 1);
        votes_grant(&single, voters, 1);
        votes_check_role(&single, FL_LEADER, 1);
        single_release(&single);
    }
}

static void test_a_voter_counts_once_however_often_it_answers(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 5, 0, NULL, 0, 0);
    single_campaign(&single);
    for (int k = 0; k < 5; k++)
        votes_grant(&single, 2, 1);
    votes_check_role(&single, FL_CANDIDATE, 1);
    votes_grant(&single, 3, 1);
    votes_check_role(&single, FL_LEADER, 1);
    single_release(&single);
}

static void test_a_refusal_and_a_vote_of_another_term_do_not_count(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    single_campaign(&single);
    single_campaign(&single);
    votes_grant(&single, 2, 5); /* For the campaign before. */
    votes_answer(&single, FL_MSG_VOTE_REPLY, 3, 6, false);
    votes_check_role(&single, FL_CANDIDATE, 6);
    votes_grant(&single, 2, 6);
    votes_check_role(&single, FL_LEADER, 6);
    single_release(&single);
}

static void test_a_vote_that_no_voter_gave_is_not_counted(void **state)
{
    struct single single;
    struct votes_setup setup;
    (void)state;
    votes_set_up(&setup, 4, 0);
    setup.list[3].kind = FL_LEARNER;
    votes_start(&single, &setup);
    single_campaign(&single);
    votes_grant(&single, 4, 1);  /* A learner. */
    votes_grant(&single, 99, 1); /* A stranger. */
    votes_check_role(&single, FL_CANDIDATE, 1);
    assert_null(single_sent(&single, FL_MSG_VOTE, 4, 0));
    votes_grant(&single, 2, 1);
    votes_check_role(&single, FL_LEADER, 1);
    single_release(&single);
}

static void test_a_candidate_asks_again_whoever_did_not_answer(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 5, 0, NULL, 0, 0);
    single_campaign(&single);
    votes_grant(&single, 2, 1);
    votes_answer(&single, FL_MSG_VOTE_REPLY, 3, 1, false);
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    assert_null(single_sent(&single, FL_MSG_VOTE, 2, 0));
    assert_null(single_sent(&single, FL_MSG_VOTE, 3, 0)); /* A vote refused stays refused. */
    assert_non_null(single_sent(&single, FL_MSG_VOTE, 4, 0));
    assert_non_null(single_sent(&single, FL_MSG_VOTE, 5, 0));
    single_release(&single);
}

static void test_a_sole_voter_leads_a_new_term_once_its_disk_has_it(void **state)
{
    (void)state;
    for (int pre_vote = 0; pre_vote < 2; pre_vote++) {
        struct single single;
        struct votes_setup setup;
        votes_set_up(&setup, 1, 4);
        setup.config.pre_vote = pre_vote;
        votes_start(&single, &setup);
        single.persist_at_once = false;
        single_tick(&single, 2 * TIMEOUT);
        votes_check_role(&single, FL_CANDIDATE, 5);
        single_persist(&single);
        votes_check_role(&single, FL_LEADER, 5);
        assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
        single_release(&single);
    }
}

/* ------------------------------------------------------------------------ who is up to date: paper §5.4.1 */

static void check_compare(fl_index last, fl_term last_term, bool up_to_date)
{
    const struct fl_run runs[] = {{2, 1}, {5, 4}}; /* Ends with (index 8, term 5). */
    for (int pre = 0; pre < 2; pre++) {
        struct single single;
        single_init(&single, 3, 9, runs, 2, 8);
        struct fl_message request =
            pre ? votes_prevote(2, 10, last, last_term) : single_vote(2, 10, last, last_term);
        const struct fl_message *reply = votes_ask(&single, &request);
        assert_non_null(reply);
        assert_int_equal(reply->granted, up_to_date);
        assert_int_equal(reply->rejected, !up_to_date); /* And only for its log. */
        single_release(&single);
    }
}

static void test_the_higher_last_term_is_more_up_to_date_whatever_the_lengths(void **state)
{
    (void)state;
    check_compare(1, 6, true);
    check_compare(8, 6, true);
    check_compare(100, 6, true);
    check_compare(1, 4, false);
    check_compare(8, 4, false);
    check_compare(100, 4, false);
    check_compare(0, 0, false);
}

static void test_of_equal_last_terms_the_longer_log_is_more_up_to_date(void **state)
{
    (void)state;
    check_compare(7, 5, false);
    check_compare(8, 5, true);
    check_compare(9, 5, true);
}

static void test_an_outdated_candidate_still_moves_the_voter_to_its_term(void **state)
{
    const struct fl_run runs[] = {{3, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 3, runs, 1, 2);
    struct fl_message vote = single_vote(2, 8, 1, 3);
    assert_false(votes_is_granted(&single, &vote));
    assert_int_equal(single_look(&single).term, 8);
    assert_false(single_look(&single).has_vote);
    vote = single_vote(3, 8, 2, 3); /* Its vote is still free. */
    assert_true(votes_is_granted(&single, &vote));
    single_release(&single);
}

static void test_a_refusal_because_of_a_vote_given_is_not_blamed_on_the_log(void **state)
{
    const struct fl_run runs[] = {{3, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 3, runs, 1, 2);
    struct fl_message vote = single_vote(2, 4, 2, 3);
    assert_true(votes_is_granted(&single, &vote));
    vote = single_vote(3, 4, 1, 3);
    const struct fl_message *reply = votes_ask(&single, &vote);
    assert_false(reply->granted);
    assert_false(reply->rejected);
    single_release(&single);
}

/* --------------------------------------------------------------------------------- pre-votes: thesis §9.6 */

static void test_a_pre_vote_changes_neither_term_nor_vote(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    for (fl_id candidate = 2; candidate <= 3; candidate++) { /* Unlike a vote it is no promise. */
        struct fl_message request = votes_prevote(candidate, 5, 0, 0);
        const struct fl_message *reply = votes_ask(&single, &request);
        assert_true(reply->granted);
        assert_int_equal(reply->term, 5);
        assert_int_equal(single_count(&single, FL_WORK_PERSIST), 0);
    }
    assert_int_equal(single_look(&single).term, 4);
    assert_false(single_look(&single).has_vote);
    single_release(&single);
}

static void test_a_pre_vote_for_a_term_that_is_not_higher_is_refused(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    struct fl_message request = votes_prevote(2, 4, 0, 0);
    const struct fl_message *reply = votes_ask(&single, &request);
    assert_false(reply->granted);
    assert_false(reply->rejected);
    assert_int_equal(reply->term, 4);
    single_release(&single);
}

static void test_a_precandidate_changes_nothing_until_a_majority_would_vote_for_it(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 5, 4);
    single_tick(&single, 2 * TIMEOUT);
    votes_check_role(&single, FL_PRECANDIDATE, 4);
    assert_int_equal(single_sent(&single, FL_MSG_PREVOTE, 2, 0)->term, 5);
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 2, 5, true);
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 2, 5, true);
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 3, 6, true); /* Asked for another term. */
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 4, 4, false);
    votes_check_role(&single, FL_PRECANDIDATE, 4);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 0);
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 5, 5, true);
    votes_check_role(&single, FL_CANDIDATE, 5);
    assert_non_null(single_sent(&single, FL_MSG_VOTE, 2, 0)); /* A pre-vote is no vote. */
    single_release(&single);
}

static void test_a_precandidate_still_grants(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    single_campaign(&single);
    struct fl_message request = votes_prevote(2, 5, 0, 0);
    assert_true(votes_is_granted(&single, &request));
    votes_check_role(&single, FL_PRECANDIDATE, 4);
    assert_true(votes_grants(&single, 3, 5));
    votes_check_role(&single, FL_FOLLOWER, 5);
    single_release(&single);
}

static void test_a_precandidate_asks_again_whoever_refused(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    single_campaign(&single);
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 2, 4, false); /* It may lose its leader soon. */
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    assert_non_null(single_sent(&single, FL_MSG_PREVOTE, 2, 0));
    votes_answer(&single, FL_MSG_PREVOTE_REPLY, 2, 5, true);
    votes_check_role(&single, FL_CANDIDATE, 5);
    single_release(&single);
}

/* Thesis §4.2.3. */
static void check_ignored(struct single *single, const struct fl_message *request)
{
    const struct fl_message *reply = votes_ask(single, request);
    assert_int_equal(reply != NULL, request->type == FL_MSG_PREVOTE);
    assert_true(reply == NULL || !reply->granted);
    assert_int_equal(single_count(single, FL_WORK_NOTE), 1);
    const struct fl_note *note = &single_last(single, FL_WORK_NOTE)->note;
    assert_int_equal(note->kind, FL_NOTE_IGNORED);
    assert_int_equal(note->message, request->type);
    assert_int_equal(note->peer, request->from);
    assert_int_equal(note->term, request->term);
}

static void test_who_hears_a_leader_or_leads_notes_whom_it_ignores(void **state)
{
    (void)state;
    for (uint32_t leads = 0; leads < 2; leads++) {
        struct single single;
        struct fl_message pre = votes_prevote(3, 6, 9, 5), vote = single_vote(3, 6, 9, 5);
        votes_start_as_served(&single, 3, 4);
        if (leads) {
            single_campaign(&single);
            votes_answer(&single, FL_MSG_PREVOTE_REPLY, 2, 5, true);
            votes_grant(&single, 2, 5);
        } else {
            votes_hear(&single, 2, 5);
        }
        check_ignored(&single, &pre);
        check_ignored(&single, &vote);
        check_ignored(&single, &vote); /* Each time: who listens knows what is news. */
        votes_check_role(&single, leads ? FL_LEADER : FL_FOLLOWER, 5);
        single_release(&single);
    }
}

static void test_what_is_refused_for_another_reason_is_not_noted(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    struct fl_message pre = votes_prevote(3, 4, 0, 0), vote = single_vote(3, 3, 0, 0);
    votes_hear(&single, 2, 4);
    assert_false(votes_is_granted(&single, &pre)); /* Of a term that the voter is in, */
    assert_int_equal(single_count(&single, FL_WORK_NOTE), 0);
    assert_null(votes_ask(&single, &vote)); /* and of one before. */
    assert_int_equal(single_count(&single, FL_WORK_NOTE), 0);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_replica_votes_for_one_candidate_in_a_term),
        cmocka_unit_test(test_a_vote_is_kept_over_a_restart),
        cmocka_unit_test(test_id_0_is_a_candidate_like_any_other),
        cmocka_unit_test(test_a_candidate_has_voted_for_itself),
        cmocka_unit_test(test_a_term_that_has_a_leader_gets_no_vote_for_another),
        cmocka_unit_test(test_a_vote_request_names_the_candidates_term_and_last_entry),
        cmocka_unit_test(test_a_candidate_of_an_older_term_is_told_of_the_newer_one),
        cmocka_unit_test(test_no_vote_request_leaves_before_term_and_vote_are_durable),
        cmocka_unit_test(test_no_grant_leaves_before_term_and_vote_are_durable),
        cmocka_unit_test(test_an_older_vote_on_disk_does_not_let_a_newer_one_leave),
        cmocka_unit_test(test_a_candidates_own_vote_counts_once_it_is_durable),
        cmocka_unit_test(test_a_majority_of_voters_elects),
        cmocka_unit_test(test_a_voter_counts_once_however_often_it_answers),
        cmocka_unit_test(test_a_refusal_and_a_vote_of_another_term_do_not_count),
        cmocka_unit_test(test_a_vote_that_no_voter_gave_is_not_counted),
        cmocka_unit_test(test_a_candidate_asks_again_whoever_did_not_answer),
        cmocka_unit_test(test_a_sole_voter_leads_a_new_term_once_its_disk_has_it),
        cmocka_unit_test(test_the_higher_last_term_is_more_up_to_date_whatever_the_lengths),
        cmocka_unit_test(test_of_equal_last_terms_the_longer_log_is_more_up_to_date),
        cmocka_unit_test(test_an_outdated_candidate_still_moves_the_voter_to_its_term),
        cmocka_unit_test(test_a_refusal_because_of_a_vote_given_is_not_blamed_on_the_log),
        cmocka_unit_test(test_a_pre_vote_changes_neither_term_nor_vote),
        cmocka_unit_test(test_a_pre_vote_for_a_term_that_is_not_higher_is_refused),
        cmocka_unit_test(test_a_precandidate_changes_nothing_until_a_majority_would_vote_for_it),
        cmocka_unit_test(test_a_precandidate_still_grants),
        cmocka_unit_test(test_a_precandidate_asks_again_whoever_refused),
        cmocka_unit_test(test_who_hears_a_leader_or_leads_notes_whom_it_ignores),
        cmocka_unit_test(test_what_is_refused_for_another_reason_is_not_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
