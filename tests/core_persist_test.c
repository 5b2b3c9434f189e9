/* core_persist_test.c - what is handed to the disk, in which order, and what counts as durable (paper Figure
 * 2, "updated on stable storage before responding"), one replica at a time.
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

#define TIMEOUT 1000000u
#define HEARTBEAT 100000u
#define PERSISTS_MAX 64 /* FL__PERSISTS_MAX */

/* Follows with the log 1 1 1 on its disk, which answers when told. */
static void follow(struct single *single)
{
    const struct fl_run runs[] = {{1, 1}};
    single_init(single, 3, 1, runs, 1, 3);
    single->persist_at_once = false;
}

/* Entries (prev, last], all of the leader's term; work is not taken. */
static void push(struct single *single, fl_id leader, fl_term term, fl_index prev, fl_index last)
{
    const struct fl_run run = {term, prev + 1};
    struct fl_message message = single_append(leader, term, prev, fl_raft_term_at(single->raft, prev), 0);
    message.last = last;
    message.runs = &run;
    message.run_count = 1;
    assert_int_equal(fl_raft_receive(single->raft, single->now, &message, &single->accepted), FL_OK);
    assert_int_equal(single->accepted.first, prev + 1);
    assert_int_equal(single->accepted.last, last);
}

static void push_and_take(struct single *single, fl_id leader, fl_term term, fl_index prev, fl_index last)
{
    push(single, leader, term, prev, last);
    single_take(single);
}

static void complete(struct single *single, fl_ticket ticket)
{
    assert_int_equal(fl_raft_persisted(single->raft, single->now, ticket), FL_OK);
    single_take(single);
}

/* The n-th persist since single_clear(); NULL if there is none. */
static const struct fl_persist *persist_of(const struct single *single, uint32_t n)
{
    for (uint32_t k = 0; k < single->count; k++)
        if (single->list[k].work.type == FL_WORK_PERSIST && n-- == 0)
            return &single->list[k].work.persist;
    return NULL;
}

static void check_log_persist(const struct single *single, uint32_t n, fl_index truncate_from, fl_index first,
                              fl_index last)
{
    const struct fl_persist *persist = persist_of(single, n);
    assert_non_null(persist);
    assert_false(persist->is_vote);
    assert_int_equal(persist->truncate_from, truncate_from);
    assert_int_equal(persist->first, first);
    assert_int_equal(persist->last, last);
}

/* What the latest acknowledgement to `leader` said; UINT64_MAX if there was none. */
static fl_index acknowledged(const struct single *single, fl_id leader)
{
    fl_index last = UINT64_MAX;
    const struct fl_message *reply;
    for (uint32_t k = 0; (reply = single_sent(single, FL_MSG_APPEND_REPLY, leader, k)); k++)
        last = reply->last;
    return last;
}

/* ------------------------------------------------------------------------------------------------ tickets */

static void test_tickets_rise_through_votes_and_entries(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (fl_term term = 2; term < 12; term += 2) {
        push_and_take(&single, 2, term, 3, 3 + term);
        single_campaign(&single); /* Begins the next term. */
    }
    uint32_t count = single_count(&single, FL_WORK_PERSIST);
    assert_int_equal(count, 15); /* A term and entries of the leader's, then a vote. */
    for (uint32_t k = 1; k < count; k++)
        assert_true(persist_of(&single, k)->ticket > persist_of(&single, k - 1)->ticket);
    single_release(&single);
}

/* The log waits for space on its disk, for as long as it takes. The vote is in another file. */
static void test_a_log_that_waits_keeps_nobody_from_voting(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 1, 3, 5);
    fl_ticket waiting = single.ticket;
    single_tick(&single, 2 * TIMEOUT);
    struct fl_message vote = single_vote(3, 7, 5, 1);
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    assert_true(single.ticket > waiting);
    assert_null(single_sent(&single, FL_MSG_VOTE_REPLY, 3, 0));
    assert_int_equal(fl_raft_vote_persisted(single.raft, single.now, single.ticket + 1), FL_EINVAL);
    assert_int_equal(fl_raft_vote_persisted(single.raft, single.now, waiting), FL_OK); /* An older one. */
    single_take(&single);
    assert_null(single_sent(&single, FL_MSG_VOTE_REPLY, 3, 0));

    assert_int_equal(fl_raft_vote_persisted(single.raft, single.now, single.ticket), FL_OK);
    single_take(&single);
    const struct fl_message *reply = single_sent(&single, FL_MSG_VOTE_REPLY, 3, 0);
    assert_non_null(reply);
    assert_true(reply->granted);
    assert_int_equal(single_look(&single).durable, 3);
    assert_int_equal(reply->outline.durable, 3);
    complete(&single, waiting);
    assert_int_equal(single_look(&single).durable, 5);
    single_release(&single);
}

static void test_a_ticket_that_was_never_handed_out_is_refused(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(fl_raft_persisted(single.raft, single.now, 1), FL_EINVAL);
    push_and_take(&single, 2, 1, 3, 5);
    assert_int_equal(fl_raft_persisted(single.raft, single.now, single.ticket + 1), FL_EINVAL);
    assert_int_equal(fl_raft_persisted(single.raft, single.now, UINT64_MAX), FL_EINVAL);
    assert_int_equal(single_look(&single).durable, 3);
    complete(&single, single.ticket);
    assert_int_equal(single_look(&single).durable, 5);
    complete(&single, single.ticket); /* Again: harmless. */
    complete(&single, 0);
    assert_int_equal(single_look(&single).durable, 5);
    single_release(&single);
}

static void test_one_completion_stands_for_all_earlier_tickets(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (fl_index last = 4; last <= 9; last++)
        push_and_take(&single, 2, 1, last - 1, last);
    complete(&single, persist_of(&single, 2)->ticket);
    assert_int_equal(single_look(&single).durable, 6);
    complete(&single, single.ticket);
    assert_int_equal(single_look(&single).durable, 9);
    assert_int_equal(acknowledged(&single, 2), 9);
    single_release(&single);
}

static void test_what_comes_between_two_takes_is_one_write(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (fl_index last = 4; last <= 9; last++)
        push(&single, 2, 1, last - 1, last);
    single_take(&single);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 1);
    check_log_persist(&single, 0, 0, 4, 9);
    single_release(&single);
}

static void test_a_disk_that_answers_nothing_is_given_no_more_than_its_limit(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (fl_index last = 4; last < 4 + PERSISTS_MAX + 10; last++)
        push_and_take(&single, 2, 1, last - 1, last);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), PERSISTS_MAX);
    fl_ticket first = persist_of(&single, 0)->ticket;
    single_clear(&single);
    complete(&single, first);
    check_log_persist(&single, 0, 0, 4 + PERSISTS_MAX, 13 + PERSISTS_MAX); /* What waited, in one piece. */
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 1);
    complete(&single, single.ticket);
    assert_int_equal(single_look(&single).durable, 13 + PERSISTS_MAX);
    single_release(&single);
}

/* -------------------------------------------------------------------------------- the term before the log */

static void test_a_term_is_handed_out_before_entries_of_it(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 7, 3, 5);
    const struct fl_persist *term = persist_of(&single, 0);
    assert_true(term->is_vote);
    assert_int_equal(term->term, 7);
    assert_false(term->has_vote);
    check_log_persist(&single, 1, 0, 4, 5);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 2);
    single_release(&single);
}

static void test_terms_that_nobody_took_are_one_write_of_the_latest(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (fl_term term = 5; term < 9; term++) {
        struct fl_message vote = single_vote(2 + term % 2, term, 3, 1);
        assert_int_equal(fl_raft_receive(single.raft, single.now, &vote, &single.accepted), FL_OK);
    }
    single_take(&single);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 1);
    assert_int_equal(persist_of(&single, 0)->term, 8);
    assert_int_equal(persist_of(&single, 0)->vote, 2);
    single_release(&single);
}

static void test_no_answer_leaves_before_its_term_is_durable(void **state)
{
    struct single single;
    struct fl_message heartbeat = single_append(2, 7, 3, 1, 0);
    (void)state;
    follow(&single);
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    single_persist(&single);
    assert_int_equal(acknowledged(&single, 2), 3);
    single_release(&single);
}

static void test_a_leaders_appends_need_not_wait_for_its_own_disk(void **state)
{
    struct single single;
    fl_index first;
    (void)state;
    follow(&single);
    single.persist_at_once = true;
    single_win(&single, NULL);
    single.persist_at_once = false;
    single_clear(&single);
    assert_int_equal(single_propose(&single, 2, &first), FL_OK); /* Thesis §10.2.1. */
    assert_int_equal(single_sent(&single, FL_MSG_APPEND, 2, 0)->last, 6);
    assert_int_equal(single_look(&single).durable, 4);
    single_release(&single);
}

/* ---------------------------------------------------------------------------------------- what is durable */

static void test_entries_are_acknowledged_once_they_are_durable(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 1, 3, 5);
    assert_int_equal(acknowledged(&single, 2), 3);
    fl_ticket before = single.ticket;
    single_clear(&single);
    push_and_take(&single, 2, 1, 5, 8);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0); /* Nothing new is durable. */
    complete(&single, before);
    assert_int_equal(acknowledged(&single, 2), 5);
    complete(&single, single.ticket);
    assert_int_equal(acknowledged(&single, 2), 8);
    single_release(&single);
}

static void test_b52_an_entry_overwritten_before_it_was_written_is_not_acknowledged(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 2, 3, 5);
    fl_ticket older = single.ticket;
    push_and_take(&single, 3, 3, 3, 5); /* Others of the same indexes. */
    fl_ticket newer = single.ticket;
    single_clear(&single);
    complete(&single, older);
    assert_int_equal(single_look(&single).durable, 3);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    complete(&single, newer - 1); /* The new term. */
    assert_int_equal(acknowledged(&single, 3), 3);
    complete(&single, newer);
    assert_int_equal(single_look(&single).durable, 5);
    assert_int_equal(acknowledged(&single, 3), 5);
    single_release(&single);
}

static void test_b52_also_if_it_was_overwritten_twice(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 2, 3, 9);
    fl_ticket first = single.ticket;
    push_and_take(&single, 3, 3, 5, 6);
    fl_ticket second = single.ticket;
    push_and_take(&single, 2, 4, 4, 9);
    complete(&single, first);
    assert_int_equal(single_look(&single).durable, 4); /* Only these are still the ones written. */
    complete(&single, second);
    assert_int_equal(single_look(&single).durable, 4);
    complete(&single, single.ticket);
    assert_int_equal(single_look(&single).durable, 9);
    single_release(&single);
}

static void test_what_was_durable_and_is_cut_is_no_longer(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 2, 1, 2);
    assert_int_equal(single_look(&single).durable, 1);
    check_log_persist(&single, 1, 2, 2, 2);
    single_release(&single);
}

static void test_a_cut_of_what_the_disk_was_never_given_is_not_told_to_it(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push(&single, 2, 2, 3, 9);
    push_and_take(&single, 3, 3, 5, 6);
    assert_true(persist_of(&single, 0)->is_vote);
    check_log_persist(&single, 1, 0, 4, 6);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 2);
    single_release(&single);
}

static void test_cuts_between_two_takes_are_one_at_the_lowest(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    push_and_take(&single, 2, 2, 3, 9);
    single_clear(&single);
    push(&single, 3, 3, 7, 8);
    push(&single, 2, 4, 5, 6);
    push(&single, 3, 5, 6, 7);
    single_take(&single);
    check_log_persist(&single, 1, 6, 6, 7);
    single_release(&single);
}

/* -------------------------------------------------------------------------------------- damaged, and slow */

static void test_nothing_from_a_damaged_entry_on_is_acknowledged_until_it_is_replaced(void **state)
{
    const struct fl_run runs[] = {{1, 1}};
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_config config;
    struct single single;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.check_quorum = false;
    struct fl_raft_start start = {.term = 1,
                                  .runs = runs,
                                  .run_count = 1,
                                  .last = 6,
                                  .damaged = 4,
                                  .members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    assert_int_equal(single_look(&single).durable, 3);
    push_and_take(&single, 2, 1, 6, 8);
    assert_int_equal(single_look(&single).durable, 3);
    assert_int_equal(acknowledged(&single, 2), 3);
    struct fl_message vote = single_vote(3, 2, 8, 1); /* It votes by its outline all the same. */
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    assert_true(single_sent(&single, FL_MSG_VOTE_REPLY, 3, 0)->granted);
    push_and_take(&single, 3, 2, 3, 5); /* Others in its place. */
    assert_int_equal(single_look(&single).durable, 5);
    assert_int_equal(acknowledged(&single, 3), 5);
    single_release(&single);
}

static void test_a_leader_whose_own_disk_stalls_gives_up_until_the_disk_answers(void **state)
{
    struct single single;
    fl_index first;
    (void)state;
    follow(&single);
    single.persist_at_once = true;
    single_win(&single, NULL);
    single.persist_at_once = false;
    assert_int_equal(single_propose(&single, 1, &first), FL_OK);
    for (fl_time_us at = 0; at < TIMEOUT; at += HEARTBEAT) {
        assert_int_equal(single_look(&single).role, FL_LEADER);
        single_clear(&single);
        single_tick(&single, HEARTBEAT);
    }
    assert_int_equal(single_look(&single).role, FL_FOLLOWER);
    assert_int_equal(single.list[0].work.note.kind, FL_NOTE_SLOW_DISK);
    assert_int_equal(fl_raft_campaign(single.raft, single.now), FL_EREFUSED);
    single_persist(&single);
    single_campaign(&single);
    assert_int_equal(single_look(&single).role, FL_CANDIDATE);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tickets_rise_through_votes_and_entries),
        cmocka_unit_test(test_a_log_that_waits_keeps_nobody_from_voting),
        cmocka_unit_test(test_a_ticket_that_was_never_handed_out_is_refused),
        cmocka_unit_test(test_one_completion_stands_for_all_earlier_tickets),
        cmocka_unit_test(test_what_comes_between_two_takes_is_one_write),
        cmocka_unit_test(test_a_disk_that_answers_nothing_is_given_no_more_than_its_limit),
        cmocka_unit_test(test_a_term_is_handed_out_before_entries_of_it),
        cmocka_unit_test(test_terms_that_nobody_took_are_one_write_of_the_latest),
        cmocka_unit_test(test_no_answer_leaves_before_its_term_is_durable),
        cmocka_unit_test(test_a_leaders_appends_need_not_wait_for_its_own_disk),
        cmocka_unit_test(test_entries_are_acknowledged_once_they_are_durable),
        cmocka_unit_test(test_b52_an_entry_overwritten_before_it_was_written_is_not_acknowledged),
        cmocka_unit_test(test_b52_also_if_it_was_overwritten_twice),
        cmocka_unit_test(test_what_was_durable_and_is_cut_is_no_longer),
        cmocka_unit_test(test_a_cut_of_what_the_disk_was_never_given_is_not_told_to_it),
        cmocka_unit_test(test_cuts_between_two_takes_are_one_at_the_lowest),
        cmocka_unit_test(test_nothing_from_a_damaged_entry_on_is_acknowledged_until_it_is_replaced),
        cmocka_unit_test(test_a_leader_whose_own_disk_stalls_gives_up_until_the_disk_answers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
