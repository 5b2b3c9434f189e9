/* core_read_test.c - linearizable reads without a log entry (ReadIndex, thesis §6.4), one replica at a time:
 * a read is served once its leader has proved that it still led after the read was asked, and knows what is
 * committed.
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

static fl_ticket ask(struct single *single)
{
    fl_ticket ticket = 0;
    assert_int_equal(fl_raft_read(single->raft, single->now, &ticket), FL_OK);
    assert_true(ticket > 0);
    return ticket;
}

static fl_ticket ask_and_take(struct single *single)
{
    fl_ticket ticket = ask(single);
    single_take(single);
    return ticket;
}

/* The peer holds the log up to `last` and echoes the round. */
static void echo(struct single *single, fl_id from, uint64_t round, fl_index last)
{
    struct fl_message reply = {.type = FL_MSG_APPEND_REPLY,
                               .from = from,
                               .to = 1,
                               .boot = from,
                               .term = single_look(single).term,
                               .last = last,
                               .held = last,
                               .number = 1,
                               .round = round};
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

/* The round of the latest append to `to`. */
static uint64_t round_of(const struct single *single, fl_id to)
{
    uint64_t round = 0;
    const struct fl_message *message;
    for (uint32_t k = 0; (message = single_sent(single, FL_MSG_APPEND, to, k)); k++)
        round = message->round;
    return round;
}

static void check_unanswered(const struct single *single)
{
    assert_int_equal(single_count(single, FL_WORK_READ), 0);
}

/* Exactly one answer since single_clear(). */
static void check_answer(const struct single *single, fl_ticket ticket, int outcome, fl_index index)
{
    assert_int_equal(single_count(single, FL_WORK_READ), 1);
    const struct fl_read *read = &single_last(single, FL_WORK_READ)->read;
    assert_int_equal(read->ticket, ticket);
    assert_int_equal(read->outcome, outcome);
    assert_int_equal(read->index, index);
}

/* Leads term 6 with entries up to 3, the last of its own term, and with nothing committed yet. */
static void lead(struct single *single, uint32_t voters)
{
    const struct fl_run runs[] = {{2, 1}};
    single_init(single, voters, 5, runs, 1, 2);
    single_win(single, NULL);
    single_clear(single);
}

/* The same, ready. */
static void lead_ready(struct single *single, uint32_t voters)
{
    lead(single, voters);
    for (fl_id peer = 2; peer <= voters; peer++)
        echo(single, peer, 0, 3);
    assert_true(single_look(single).leader_ready);
    single_clear(single);
}

/* ------------------------------------------------------------------ the leader: thesis §6.4, steps 1 to 4 */

static void test_a_read_waits_for_an_entry_of_the_leaders_own_term(void **state)
{
    struct single single;
    (void)state;
    lead(&single, 3);
    fl_ticket ticket = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    assert_true(round > 0);
    echo(&single, 2, round, 2); /* It leads; but what of the older entries is committed? */
    echo(&single, 3, round, 2);
    check_unanswered(&single);
    echo(&single, 2, round, 3);
    check_answer(&single, ticket, FL_OK, 3);
    single_release(&single);
}

static void test_a_read_is_confirmed_by_a_round_that_began_after_it(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    fl_ticket ticket = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    assert_int_equal(round_of(&single, 3), round);
    check_unanswered(&single);
    echo(&single, 2, round, 3);
    check_answer(&single, ticket, FL_OK, 3);
    single_release(&single);
}

static void test_b40_an_old_echo_confirms_no_read(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    ask_and_take(&single);
    uint64_t old = round_of(&single, 2);
    echo(&single, 2, old, 3);
    single_clear(&single);
    fl_ticket ticket = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    assert_true(round > old);
    for (fl_id peer = 2; peer <= 3; peer++) { /* Answers to heartbeats sent before the read. */
        echo(&single, peer, 0, 3);
        echo(&single, peer, old, 3);
    }
    check_unanswered(&single);
    echo(&single, 3, round, 3);
    check_answer(&single, ticket, FL_OK, 3);
    single_release(&single);
}

static void test_an_echo_of_a_round_that_never_was_confirms_no_later_read(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    echo(&single, 2, 1000, 3);
    ask_and_take(&single);
    check_unanswered(&single);
    single_release(&single);
}

static void test_reads_asked_before_a_round_starts_share_it_and_later_ones_start_another(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    fl_ticket first = ask(&single);
    assert_int_equal(ask(&single), first);
    single_take(&single);
    uint64_t round = round_of(&single, 2);
    fl_ticket second = ask_and_take(&single);
    assert_true(second > first);
    assert_int_equal(round_of(&single, 2), round + 1);
    echo(&single, 2, round, 3);
    check_answer(&single, first, FL_OK, 3);
    single_clear(&single);
    echo(&single, 3, round, 3); /* Still of the first round. */
    check_unanswered(&single);
    echo(&single, 3, round + 1, 3);
    check_answer(&single, second, FL_OK, 3);
    single_release(&single);
}

static void test_an_echo_confirms_every_round_before_its_own(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 5);
    ask_and_take(&single);
    ask_and_take(&single);
    fl_ticket third = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    echo(&single, 2, round, 3); /* The heartbeats before were lost. */
    check_unanswered(&single);
    echo(&single, 4, round, 3);
    check_answer(&single, third, FL_OK, 3);
    single_release(&single);
}

static void test_rounds_are_confirmed_by_what_a_majority_echoed_of_each(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 5);
    fl_ticket first = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    fl_ticket second = ask_and_take(&single);
    ask_and_take(&single);
    echo(&single, 2, round + 2, 3);
    echo(&single, 3, round, 3); /* A majority reached the first round, one peer the third. */
    check_answer(&single, first, FL_OK, 3);
    single_clear(&single);
    echo(&single, 4, round + 1, 3);
    check_answer(&single, second, FL_OK, 3);
    single_release(&single);
}

static void test_only_so_many_rounds_are_under_way_and_the_next_takes_all_who_wait(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    fl_ticket first = ask_and_take(&single);
    uint64_t round = round_of(&single, 2), newest = round;
    for (int k = 0; k < 20; k++) { /* It ends somewhere. */
        ask_and_take(&single);
        newest = round_of(&single, 2);
    }
    assert_true(newest > round && newest < round + 20);
    fl_ticket waiting = ask_and_take(&single);
    assert_int_equal(ask_and_take(&single), waiting);
    assert_int_equal(round_of(&single, 2), newest);
    echo(&single, 2, round, 3);
    check_answer(&single, first, FL_OK, 3);
    assert_int_equal(round_of(&single, 2), newest + 1);
    single_clear(&single);
    echo(&single, 3, newest, 3);
    check_answer(&single, waiting - 1, FL_OK, 3); /* It came before the last one started. */
    single_clear(&single);
    echo(&single, 3, newest + 1, 3);
    check_answer(&single, waiting, FL_OK, 3);
    single_release(&single);
}

static void test_a_majority_of_voters_must_echo(void **state)
{
    (void)state;
    for (uint32_t voters = 2; voters <= 9; voters++) {
        struct single single;
        lead_ready(&single, voters);
        fl_ticket ticket = ask_and_take(&single);
        for (fl_id peer = 2; peer <= voters / 2 + 1; peer++) {
            check_unanswered(&single);
            echo(&single, peer, round_of(&single, peer), 3);
        }
        check_answer(&single, ticket, FL_OK, 3);
        single_release(&single);
    }
}

static void test_a_learners_echo_is_not_counted(void **state)
{
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}, {4, FL_LEARNER}};
    struct fl_raft_config config;
    struct single single;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    struct fl_raft_start start = {.term = 5, .members = {.count = 4, .list = list}};
    single_init_with(&single, &config, &start);
    single_win(&single, NULL);
    echo(&single, 2, 0, 1);
    single_clear(&single);
    fl_ticket ticket = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    echo(&single, 4, round, 1);
    check_unanswered(&single);
    echo(&single, 2, round, 1);
    check_answer(&single, ticket, FL_OK, 1);
    single_release(&single);
}

static void test_a_sole_voter_confirms_by_itself_once_its_own_entry_is_committed(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 1, 5, NULL, 0, 0);
    single.persist_at_once = false;
    single_campaign(&single);
    single_persist(&single); /* The vote; then the opening entry is handed out. */
    fl_ticket ticket = ask_and_take(&single);
    check_unanswered(&single);
    single_persist(&single);
    check_answer(&single, ticket, FL_OK, 1);
    single_clear(&single);
    ticket = ask_and_take(&single);
    check_answer(&single, ticket, FL_OK, 1);
    single_release(&single);
}

static void test_each_read_is_answered_once(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    fl_ticket ticket = ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    for (int k = 0; k < 3; k++) {
        echo(&single, 2, round, 3);
        echo(&single, 3, round, 3);
    }
    struct fl_message vote = single_vote(3, 9, 9, 8); /* Nothing is left to fail either. */
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    check_answer(&single, ticket, FL_OK, 3);
    single_release(&single);
}

static void test_a_round_that_waits_for_the_commit_is_not_forgotten_for_another(void **state)
{
    struct single single;
    struct fl_message request = {
        .type = FL_MSG_READ, .from = 3, .to = 1, .boot = 3, .term = 6, .number = 1, .round = 3};
    (void)state;
    lead(&single, 3);
    fl_ticket ticket = ask_and_take(&single);
    echo(&single, 2, round_of(&single, 2), 2); /* Confirmed; its own entry is not committed. */
    assert_int_equal(single_receive(&single, &request), FL_OK);
    check_unanswered(&single);
    echo(&single, 2, 1, 3);
    check_answer(&single, ticket, FL_OK, 3);
    echo(&single, 2, round_of(&single, 2), 3);
    assert_non_null(single_sent(&single, FL_MSG_READ_REPLY, 3, 0));
    single_release(&single);
}

static void test_lost_leadership_answers_what_waits_with_no_leader(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    fl_ticket second = ask_and_take(&single); /* For the next round. */
    struct fl_message vote = single_vote(3, 9, 9, 8);
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    check_answer(&single, second, FL_ENOLEADER, 0); /* All tickets up to it. */
    fl_ticket ticket;
    assert_int_equal(fl_raft_read(single.raft, single.now, &ticket), FL_ENOLEADER);
    single_clear(&single);
    single_win(&single, NULL);
    echo(&single, 2, round, 3);
    check_unanswered(&single);
    single_release(&single);
}

/* ------------------------------------------------------------------- the follower: thesis §6.4, last part */

static void hear(struct single *single, fl_id leader, fl_term term)
{
    struct fl_message append = single_append(leader, term, 0, 0, 0);
    assert_int_equal(single_receive(single, &append), FL_OK);
}

static void follow(struct single *single)
{
    const struct fl_run runs[] = {{2, 1}};
    single_init(single, 3, 5, runs, 1, 9);
    hear(single, 2, 5);
    single_clear(single);
}

static struct fl_message make_reply(fl_ticket ticket)
{
    return (struct fl_message){.type = FL_MSG_READ_REPLY,
                               .from = 2,
                               .to = 1,
                               .boot = 2,
                               .term = 5,
                               .commit = 7,
                               .number = ticket,
                               .round = 77, /* Replica 1's boot nonce. */
                               .stamp = 4711};
}

static void test_a_replica_without_a_leader_refuses_reads(void **state)
{
    struct single single;
    fl_ticket ticket;
    (void)state;
    single_init(&single, 3, 5, NULL, 0, 0);
    assert_int_equal(fl_raft_read(single.raft, single.now, &ticket), FL_ENOLEADER);
    single_campaign(&single);
    assert_int_equal(fl_raft_read(single.raft, single.now, &ticket), FL_ENOLEADER);
    single_release(&single);
}

static void test_a_follower_asks_its_leader(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    fl_ticket ticket = ask_and_take(&single);
    const struct fl_message *request = single_sent(&single, FL_MSG_READ, 2, 0);
    assert_non_null(request);
    assert_int_equal(request->number, ticket);
    assert_int_equal(request->round, 77);
    struct fl_message reply = make_reply(ticket);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    check_answer(&single, ticket, FL_OK, 7);
    assert_int_equal(single_last(&single, FL_WORK_READ)->read.stamp, 4711);
    assert_int_equal(single_look(&single).commit, 0); /* Nothing of its log was compared yet. */
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    check_answer(&single, ticket, FL_OK, 7); /* Twice by the network: still one answer. */
    single_release(&single);
}

static void test_only_the_leaders_answer_to_this_very_request_counts(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    ask_and_take(&single);
    fl_ticket asked = single_sent(&single, FL_MSG_READ, 2, 0)->number;
    fl_ticket later = ask_and_take(&single);
    struct fl_message good = make_reply(asked), other = good;
    other.round = 78; /* To the process before. */
    assert_int_equal(single_receive(&single, &other), FL_OK);
    other = good;
    other.from = 3;
    assert_int_equal(single_receive(&single, &other), FL_OK);
    other = good;
    other.term = 4;
    assert_int_equal(single_receive(&single, &other), FL_OK);
    other = good;
    other.number = later; /* Not asked yet. */
    assert_int_equal(single_receive(&single, &other), FL_OK);
    check_unanswered(&single);
    assert_int_equal(single_receive(&single, &good), FL_OK);
    check_answer(&single, asked, FL_OK, 7);
    assert_int_equal(single_sent(&single, FL_MSG_READ, 2, 1)->number, later);
    single_release(&single);
}

static void test_a_follower_asks_again_while_it_is_not_answered(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    fl_ticket ticket = ask_and_take(&single);
    single_clear(&single);
    assert_true(fl_raft_deadline(single.raft) <= single.now + HEARTBEAT);
    single_tick(&single, HEARTBEAT);
    assert_int_equal(single_sent(&single, FL_MSG_READ, 2, 0)->number, ticket);
    check_unanswered(&single);
    single_release(&single);
}

static void test_a_follower_whose_leader_changes_answers_no_leader(void **state)
{
    struct single single;
    (void)state;
    for (int how = 0; how < 3; how++) {
        follow(&single);
        fl_ticket ticket = ask_and_take(&single);
        if (how == 0)
            hear(&single, 3, 6);
        else if (how == 1)
            fl_raft_peer_down(single.raft, single.now, 2);
        else
            single_campaign(&single);
        single_take(&single);
        check_answer(&single, ticket, FL_ENOLEADER, 0);
        struct fl_message reply = make_reply(ticket);
        assert_int_equal(single_receive(&single, &reply), FL_OK);
        check_answer(&single, ticket, FL_ENOLEADER, 0);
        single_release(&single);
    }
}

/* ------------------------------------------------------------------------- the leader asked by a follower */

static struct fl_message make_request(fl_id from, fl_ticket ticket, uint64_t boot)
{
    return (struct fl_message){
        .type = FL_MSG_READ, .from = from, .to = 1, .boot = boot, .term = 6, .number = ticket, .round = boot};
}

static void test_a_leader_answers_a_follower_once_a_round_is_confirmed(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    struct fl_message request = make_request(2, 5, 2);
    assert_int_equal(single_receive(&single, &request), FL_OK);
    uint64_t round = round_of(&single, 3);
    assert_true(round > 0);
    assert_null(single_sent(&single, FL_MSG_READ_REPLY, 2, 0));
    echo(&single, 3, round, 3);
    const struct fl_message *reply = single_sent(&single, FL_MSG_READ_REPLY, 2, 0);
    assert_non_null(reply);
    assert_int_equal(reply->number, 5);
    assert_int_equal(reply->round, 2);
    assert_int_equal(reply->commit, 3);
    check_unanswered(&single); /* Nobody here asked. */
    single_release(&single);
}

static void test_a_followers_read_does_not_join_a_round_under_way(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    ask_and_take(&single);
    uint64_t round = round_of(&single, 2);
    struct fl_message request = make_request(2, 5, 2);
    assert_int_equal(single_receive(&single, &request), FL_OK);
    echo(&single, 3, round, 3);
    assert_null(single_sent(&single, FL_MSG_READ_REPLY, 2, 0));
    echo(&single, 3, round + 1, 3);
    assert_non_null(single_sent(&single, FL_MSG_READ_REPLY, 2, 0));
    single_release(&single);
}

static void test_a_restarted_follower_is_not_given_its_former_lifes_answer(void **state)
{
    struct single single;
    (void)state;
    lead_ready(&single, 3);
    struct fl_message before = make_request(2, 50, 2), after = make_request(2, 1, 99);
    assert_int_equal(single_receive(&single, &before), FL_OK);
    uint64_t round = round_of(&single, 3);
    assert_int_equal(single_receive(&single, &after), FL_OK);
    echo(&single, 3, round, 3);
    assert_null(single_sent(&single, FL_MSG_READ_REPLY, 2, 0));
    echo(&single, 3, round + 1, 3);
    const struct fl_message *reply = single_sent(&single, FL_MSG_READ_REPLY, 2, 0);
    assert_int_equal(reply->number, 1);
    assert_int_equal(reply->round, 99);
    single_release(&single);
}

static void test_whoever_does_not_lead_answers_no_request(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    struct fl_message request = make_request(3, 5, 3);
    request.term = 5;
    assert_int_equal(single_receive(&single, &request), FL_OK);
    assert_int_equal(single.count, 0);
    single_release(&single);
    lead_ready(&single, 3); /* Nor a leader one of an older term, or a stranger's. */
    request.term = 5;
    assert_int_equal(single_receive(&single, &request), FL_OK);
    request = make_request(99, 5, 99);
    assert_int_equal(single_receive(&single, &request), FL_OK);
    assert_int_equal(single.count, 0);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_read_waits_for_an_entry_of_the_leaders_own_term),
        cmocka_unit_test(test_a_read_is_confirmed_by_a_round_that_began_after_it),
        cmocka_unit_test(test_b40_an_old_echo_confirms_no_read),
        cmocka_unit_test(test_an_echo_of_a_round_that_never_was_confirms_no_later_read),
        cmocka_unit_test(test_reads_asked_before_a_round_starts_share_it_and_later_ones_start_another),
        cmocka_unit_test(test_an_echo_confirms_every_round_before_its_own),
        cmocka_unit_test(test_rounds_are_confirmed_by_what_a_majority_echoed_of_each),
        cmocka_unit_test(test_only_so_many_rounds_are_under_way_and_the_next_takes_all_who_wait),
        cmocka_unit_test(test_a_majority_of_voters_must_echo),
        cmocka_unit_test(test_a_learners_echo_is_not_counted),
        cmocka_unit_test(test_a_sole_voter_confirms_by_itself_once_its_own_entry_is_committed),
        cmocka_unit_test(test_each_read_is_answered_once),
        cmocka_unit_test(test_a_round_that_waits_for_the_commit_is_not_forgotten_for_another),
        cmocka_unit_test(test_lost_leadership_answers_what_waits_with_no_leader),
        cmocka_unit_test(test_a_replica_without_a_leader_refuses_reads),
        cmocka_unit_test(test_a_follower_asks_its_leader),
        cmocka_unit_test(test_only_the_leaders_answer_to_this_very_request_counts),
        cmocka_unit_test(test_a_follower_asks_again_while_it_is_not_answered),
        cmocka_unit_test(test_a_follower_whose_leader_changes_answers_no_leader),
        cmocka_unit_test(test_a_leader_answers_a_follower_once_a_round_is_confirmed),
        cmocka_unit_test(test_a_followers_read_does_not_join_a_round_under_way),
        cmocka_unit_test(test_a_restarted_follower_is_not_given_its_former_lifes_answer),
        cmocka_unit_test(test_whoever_does_not_lead_answers_no_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
