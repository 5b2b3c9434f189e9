/* core_replication_test.c - the leader's side of replication by the paper's rules (§5.3), one replica at a
 * time: what it sends, when, where it begins, and what it learns from the answers. The follower's side is in
 * core_append_test.c.
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
#define ENTRY_SIZE 16u

/* ------------------------------------------------------------------------- the leader: whom it sends what */

struct limits {
    uint32_t message_entries, messages;
    uint64_t entries, message_size, size;
};

/* Voter 2 elects it and tells its log; nobody else answers. */
static void win(struct single *single, const struct fl_outline *outline)
{
    single_campaign(single);
    struct fl_message reply = {
        .type = FL_MSG_VOTE_REPLY, .granted = true, .from = 2, .to = 1, .boot = 2, .term = 6};
    reply.outline = *outline;
    assert_int_equal(single_receive(single, &reply), FL_OK);
    assert_int_equal(single_look(single).role, FL_LEADER);
}

/* Leads term 6 with the log 1 1 1 2 2 2 4 4 4 and its opening entry at 10. Voter 2 elected it and said that
 * it has all of that log; voter 3 said nothing. Limits that are 0 are the usual ones. */
static void lead_with(struct single *single, const struct limits *limits)
{
    const struct fl_run runs[] = {{1, 1}, {2, 4}, {4, 7}};
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_config config;
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    if (limits->message_entries)
        config.message_entries_max = limits->message_entries;
    if (limits->messages)
        config.window_messages = limits->messages;
    if (limits->entries)
        config.window_entries = limits->entries;
    if (limits->message_size)
        config.message_size_max = limits->message_size;
    if (limits->size)
        config.window_size = limits->size;
    struct fl_raft_start start = {
        .term = 5, .runs = runs, .run_count = 3, .last = 9, .members = {.count = 3, .list = list}};
    single_init_with(single, &config, &start);
    const struct fl_outline same = {.present = true,
                                    .runs = runs,
                                    .run_count = 3,
                                    .low_is_floor = true,
                                    .top = 9,
                                    .last = 9,
                                    .durable = 9};
    win(single, &same);
    assert_int_equal(single_look(single).last, 10);
}

static void lead(struct single *single)
{
    lead_with(single, &(const struct limits){0});
}

static struct fl_peer_status peer_of(const struct single *single, fl_id id)
{
    struct fl_peer_status status = {0};
    for (uint32_t k = 0; fl_raft_peer(single->raft, k, &status); k++)
        if (status.id == id)
            return status;
    fail_msg("no peer %u", (unsigned)id);
    return status;
}

static const struct fl_message *sent(const struct single *single, fl_id to, uint32_t n)
{
    return single_sent(single, FL_MSG_APPEND, to, n);
}

static void check_sent(const struct single *single, fl_id to, uint32_t n, fl_index prev, fl_index last)
{
    const struct fl_message *message = sent(single, to, n);
    assert_non_null(message);
    assert_int_equal(message->prev, prev);
    assert_int_equal(message->prev_term, fl_raft_term_at(single->raft, prev));
    assert_int_equal(message->last, last);
}

static struct fl_message make_ack(fl_id from, uint64_t number, fl_index last, fl_index held)
{
    return (struct fl_message){.type = FL_MSG_APPEND_REPLY,
                               .from = from,
                               .to = 1,
                               .boot = from,
                               .term = 6,
                               .number = number,
                               .last = last,
                               .held = held};
}

static void ack(struct single *single, fl_id from, uint64_t number, fl_index last)
{
    struct fl_message reply = make_ack(from, number, last, last);
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

static void propose(struct single *single, uint32_t count)
{
    fl_index first;
    assert_int_equal(single_propose(single, count, &first), FL_OK);
}

static void test_who_answered_the_election_gets_entries_at_once_and_others_are_probed(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    check_sent(&single, 2, 0, 9, 9); /* The heartbeat that announces the leader carries nothing. */
    check_sent(&single, 2, 1, 9, 10);
    assert_int_equal(sent(&single, 2, 1)->run_count, 1);
    assert_int_equal(sent(&single, 2, 1)->runs[0].term, 6);
    check_sent(&single, 3, 0, 9, 9);
    assert_null(sent(&single, 3, 1));
    propose(&single, 5); /* And no more until it has answered. */
    assert_null(sent(&single, 3, 1));
    assert_int_equal(peer_of(&single, 2).match, 9);
    assert_int_equal(peer_of(&single, 3).match, 0);
    single_release(&single);
}

static void test_a_probe_that_fits_starts_the_stream(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    uint64_t number = sent(&single, 3, 0)->number;
    single_clear(&single);
    ack(&single, 3, number, 9);
    check_sent(&single, 3, 0, 9, 10);
    assert_int_equal(peer_of(&single, 3).progress, FL_PROGRESS_STREAM);
    single_release(&single);
}

static void test_appends_are_sent_one_after_the_other_without_waiting(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    single_clear(&single);
    for (uint32_t k = 0; k < 20; k++) {
        propose(&single, 2);
        check_sent(&single, 2, k, 10 + 2 * k, 12 + 2 * k);
        if (k > 0)
            assert_true(sent(&single, 2, k)->number > sent(&single, 2, k - 1)->number);
    }
    single_release(&single);
}

static void test_the_window_of_entries_is_respected(void **state)
{
    struct single single;
    (void)state;
    lead_with(&single, &(const struct limits){.message_entries = 4, .entries = 10});
    ack(&single, 2, 2, 10);
    single_clear(&single);
    propose(&single, 100);
    check_sent(&single, 2, 0, 10, 14);
    check_sent(&single, 2, 1, 14, 18);
    check_sent(&single, 2, 2, 18, 20);
    assert_null(sent(&single, 2, 3));
    ack(&single, 2, sent(&single, 2, 0)->number, 13);
    assert_null(sent(&single, 2, 3)); /* The oldest append counts until all of it is acknowledged. */
    ack(&single, 2, sent(&single, 2, 0)->number, 14);
    check_sent(&single, 2, 3, 20, 24);
    assert_null(sent(&single, 2, 4));
    single_release(&single);
}

static void test_the_window_of_messages_is_respected(void **state)
{
    struct single single;
    (void)state;
    lead_with(&single, &(const struct limits){.messages = 3});
    ack(&single, 2, 2, 10);
    single_clear(&single);
    for (uint32_t k = 0; k < 6; k++)
        propose(&single, 1);
    check_sent(&single, 2, 2, 12, 13);
    assert_null(sent(&single, 2, 3));
    ack(&single, 2, sent(&single, 2, 1)->number, 12);
    check_sent(&single, 2, 3, 13, 16); /* What waited goes as one. */
    assert_null(sent(&single, 2, 4));
    single_release(&single);
}

/* The n-th append to 2, and the bytes that it may carry. */
static uint64_t room_of(const struct single *single, uint32_t n)
{
    for (uint32_t k = 0; k < single->count; k++) {
        const struct single_work *work = &single->list[k];
        if (work->work.type == FL_WORK_SEND && work->message.type == FL_MSG_APPEND && work->message.to == 2 &&
            n-- == 0)
            return work->work.send.size_max;
    }
    return 0;
}

static int report(struct single *single, const struct fl_message *message, fl_index last, uint64_t size)
{
    int result = fl_raft_sent(single->raft, message->to, message->term, message->number, last, size);
    single_take(single);
    return result;
}

static void test_the_window_of_bytes_is_respected(void **state)
{
    struct single single;
    (void)state;
    lead_with(&single, &(const struct limits){.message_size = 64, .size = 150});
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 100);
    assert_int_equal(room_of(&single, 0), 64);
    assert_int_equal(report(&single, sent(&single, 2, 0), 14, 64), FL_OK);
    assert_int_equal(room_of(&single, 1), 64);
    assert_int_equal(report(&single, sent(&single, 2, 1), 18, 64), FL_OK);
    assert_int_equal(room_of(&single, 2), 22);
    assert_int_equal(report(&single, sent(&single, 2, 2), 19, ENTRY_SIZE), FL_OK);
    assert_int_equal(room_of(&single, 3), 6); /* One entry always fits a message. */
    assert_int_equal(report(&single, sent(&single, 2, 3), 20, ENTRY_SIZE), FL_OK);
    assert_null(sent(&single, 2, 4));
    ack(&single, 2, sent(&single, 2, 0)->number, 14);
    assert_int_equal(room_of(&single, 4), 54);
    single_release(&single);
}

static void test_one_append_always_fits_the_windows(void **state)
{
    struct single single;
    (void)state;
    lead_with(&single, &(const struct limits){.entries = 1, .size = 1});
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 3);
    for (uint32_t k = 0; k < 3; k++) {
        const struct fl_message *message = sent(&single, 2, k);
        assert_non_null(message);
        assert_int_equal(report(&single, message, 11 + k, 1000), FL_OK);
        assert_null(sent(&single, 2, k + 1));
        ack(&single, 2, message->number, 11 + k);
    }
    single_release(&single);
}

/* ----------------------------------------------------------------------- the leader: what really was sent */

static void test_the_next_append_continues_where_the_host_stopped(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 20);
    check_sent(&single, 2, 0, 10, 30);
    single_tick(&single, HEARTBEAT);
    check_sent(&single, 2, 1, 10, 10); /* Heartbeats go on; entries wait for the report. */
    propose(&single, 1);
    assert_null(sent(&single, 2, 2));
    assert_int_equal(report(&single, sent(&single, 2, 0), 13, 48), FL_OK);
    check_sent(&single, 2, 2, 13, 31);
    assert_int_equal(peer_of(&single, 2).next, 14);
    assert_int_equal(peer_of(&single, 2).entries_sent, 1 + 3);
    single_release(&single);
}

static void test_entries_that_could_not_be_loaded_are_tried_again_with_the_next_heartbeat(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 3);
    assert_int_equal(report(&single, sent(&single, 2, 0), 10, 0), FL_OK);
    propose(&single, 1);
    assert_null(sent(&single, 2, 1));
    single_tick(&single, HEARTBEAT);
    check_sent(&single, 2, 1, 10, 10);
    check_sent(&single, 2, 2, 10, 14);
    single_release(&single);
}

static void test_a_report_that_was_overtaken_is_stale(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 3);
    const struct fl_message message = *sent(&single, 2, 0);
    assert_int_equal(fl_raft_sent(single.raft, 2, 6, message.number + 1, 13, 48), FL_ESTALE);
    assert_int_equal(fl_raft_sent(single.raft, 2, 5, message.number, 13, 48), FL_ESTALE);
    assert_int_equal(fl_raft_sent(single.raft, 3, 6, message.number, 13, 48), FL_ESTALE);
    assert_int_equal(fl_raft_sent(single.raft, 99, 6, message.number, 13, 48), FL_ESTALE);
    assert_int_equal(report(&single, &message, 13, 48), FL_OK);
    assert_int_equal(report(&single, &message, 13, 48), FL_ESTALE); /* Reported already. */
    propose(&single, 1);
    const struct fl_message again = *sent(&single, 2, 1);
    fl_raft_peer_up(single.raft, single.now, 2); /* What was in flight is lost, this one too. */
    assert_int_equal(report(&single, &again, 14, 16), FL_ESTALE);
    single_release(&single);
}

static void test_a_report_after_the_term_is_stale(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    single_clear(&single);
    single.send_all = false;
    propose(&single, 3);
    const struct fl_message message = *sent(&single, 2, 0);
    struct fl_message vote = single_vote(3, 7, 0, 0);
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    assert_int_equal(report(&single, &message, 13, 48), FL_ESTALE);
    single_release(&single);
}

/* --------------------------------------------------------- the leader: heartbeats and answers, paper §5.3 */

static void test_an_idle_leader_sends_heartbeats(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    for (int k = 0; k < 5; k++) {
        single_clear(&single);
        assert_true(fl_raft_deadline(single.raft) <= single.now + HEARTBEAT);
        single_tick(&single, HEARTBEAT);
        check_sent(&single, 2, 0, 10, 10);
        assert_int_equal(sent(&single, 2, 0)->commit, 10);
        check_sent(&single, 3, 0, 9, 9); /* Not probed to its end yet. */
        assert_null(sent(&single, 2, 1));
        assert_null(sent(&single, 3, 1));
    }
    single_release(&single);
}

static void test_b08_swapped_answers_move_nothing_back(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3);
    propose(&single, 3);
    uint64_t number = sent(&single, 2, 3)->number;
    check_sent(&single, 2, 3, 13, 16);
    single_clear(&single);
    ack(&single, 2, number, 16);
    ack(&single, 2, number - 1, 13);
    assert_int_equal(peer_of(&single, 2).match, 16);
    assert_int_equal(peer_of(&single, 2).next, 17);
    assert_null(sent(&single, 2, 0));
    single_release(&single);
}

static void test_b09_an_answer_of_another_term_is_ignored(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3);
    struct fl_message reply = make_ack(2, 3, 13, 13);
    reply.term = 5;
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(peer_of(&single, 2).match, 9);
    reply.term = 6;
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(peer_of(&single, 2).match, 13);
    single_release(&single);
}

static void test_b09_an_answer_of_an_earlier_life_is_ignored(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    propose(&single, 3);
    ack(&single, 2, 2, 10);
    struct fl_message reply = make_ack(2, 3, 10, 10);
    reply.boot = 99; /* It restarted, and lost what was on the way. */
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(peer_of(&single, 2).progress, FL_PROGRESS_PROBE);
    ack(&single, 2, 3, 13); /* By the process that is gone. */
    assert_int_equal(peer_of(&single, 2).match, 10);
    assert_int_equal(peer_of(&single, 2).progress, FL_PROGRESS_PROBE);
    single_release(&single);
}

static void test_an_answer_by_no_member_or_beyond_the_log_raises_no_match(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 99, 2, 10);
    assert_int_equal(single_look(&single).commit, 0);
    ack(&single, 2, 2, 1000);
    assert_int_equal(peer_of(&single, 2).match, 10);
    assert_int_equal(peer_of(&single, 2).next, 11);
    single_release(&single);
}

static void test_b55_a_lost_append_is_repaired_by_the_heartbeats_answer(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    propose(&single, 3); /* Lost. */
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    check_sent(&single, 2, 0, 10, 10);
    uint64_t number = sent(&single, 2, 0)->number;
    ack(&single, 2, number - 2, 10); /* An answer to what left before the entries shows nothing. */
    ack(&single, 2, number + 1, 10); /* Nor does one to what was never sent. */
    assert_null(sent(&single, 2, 1));
    ack(&single, 2, number, 10);
    check_sent(&single, 2, 1, 10, 13);
    ack(&single, 2, number, 10); /* The same answer again repairs nothing again. */
    assert_null(sent(&single, 2, 2));
    single_release(&single);
}

static void test_what_is_held_but_not_durable_is_not_sent_again(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    propose(&single, 3);
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    struct fl_message reply = make_ack(2, sent(&single, 2, 0)->number, 10, 13);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_null(sent(&single, 2, 1));
    assert_int_equal(peer_of(&single, 2).match, 10);
    single_release(&single);
}

static void test_a_peer_that_is_down_gets_no_entries_and_then_all_of_them(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 2, 2, 10);
    propose(&single, 2); /* On the way when the connection breaks. */
    fl_raft_peer_down(single.raft, single.now, 2);
    single_clear(&single);
    propose(&single, 2);
    assert_null(sent(&single, 2, 0));
    fl_raft_peer_up(single.raft, single.now, 2);
    single_take(&single);
    check_sent(&single, 2, 0, 12, 12); /* Did the two arrive? */
    ack(&single, 2, sent(&single, 2, 0)->number, 12);
    check_sent(&single, 2, 1, 12, 14);
    single_release(&single);
}

/* ------------------------------------------------------------------------ where the logs part: paper §5.3 */

/* Voter 3's log 1 1 1 3 3 3 3 3, as it tells of it. */
static struct fl_message make_rejection(uint64_t number, const struct fl_run *runs)
{
    struct fl_message reply = make_ack(3, number, 0, 0);
    reply.rejected = true;
    reply.prev = 9;
    reply.outline = (struct fl_outline){.present = true,
                                        .runs = runs,
                                        .run_count = 2,
                                        .low_is_floor = true,
                                        .top = 8,
                                        .last = 8,
                                        .durable = 7};
    return reply;
}

static void test_one_rejection_with_its_outline_is_enough(void **state)
{
    const struct fl_run runs[] = {{1, 1}, {3, 4}};
    struct single single;
    (void)state;
    lead(&single);
    struct fl_message reply = make_rejection(sent(&single, 3, 0)->number, runs);
    single_clear(&single);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    check_sent(&single, 3, 0, 3, 10);
    const struct fl_message *message = sent(&single, 3, 0);
    const struct fl_run expected[] = {{2, 4}, {4, 7}, {6, 10}};
    assert_int_equal(message->run_count, 3);
    assert_memory_equal(message->runs, expected, sizeof expected);
    assert_int_equal(peer_of(&single, 3).rejections, 1);
    assert_int_equal(peer_of(&single, 3).match, 3);
    single_clear(&single);
    assert_int_equal(single_receive(&single, &reply), FL_OK); /* Twice by the network. */
    assert_null(sent(&single, 3, 0));
    assert_int_equal(peer_of(&single, 3).rejections, 1);
    single_release(&single);
}

static void test_a_rejection_moves_no_match_back_and_cuts_nothing_of_the_leader(void **state)
{
    const struct fl_run runs[] = {{1, 1}, {3, 4}};
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 3, sent(&single, 3, 0)->number, 9);
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    struct fl_message reply = make_rejection(sent(&single, 3, 0)->number, runs);
    single_clear(&single);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(peer_of(&single, 3).match, 9);
    assert_int_equal(peer_of(&single, 3).rejections, 0);
    assert_null(sent(&single, 3, 0));
    assert_int_equal(single_look(&single).last, 10);
    assert_int_equal(single_look(&single).truncated_entries, 0);
    single_release(&single);
}

static void test_a_voter_that_told_its_log_with_its_vote_is_never_probed(void **state)
{
    const struct fl_run mine[] = {{1, 1}, {2, 4}, {4, 7}}, theirs[] = {{1, 1}, {3, 4}};
    const struct fl_outline outline = {.present = true,
                                       .runs = theirs,
                                       .run_count = 2,
                                       .low_is_floor = true,
                                       .top = 8,
                                       .last = 8,
                                       .durable = 2};
    struct single single;
    (void)state;
    single_init(&single, 3, 5, mine, 3, 9);
    win(&single, &outline);
    check_sent(&single, 2, 0, 2, 2);  /* The heartbeat: at what surely matches. */
    check_sent(&single, 2, 1, 3, 10); /* From the fork on. */
    assert_int_equal(peer_of(&single, 2).match, 2);
    assert_int_equal(peer_of(&single, 2).progress, FL_PROGRESS_STREAM);
    single_clear(&single); /* 3's answer comes after the election: its outline serves as well. */
    struct fl_message vote = {.type = FL_MSG_VOTE_REPLY, .from = 3, .to = 1, .boot = 3, .term = 6};
    vote.outline = outline;
    assert_int_equal(single_receive(&single, &vote), FL_OK);
    check_sent(&single, 3, 0, 3, 10);
    assert_int_equal(peer_of(&single, 3).rejections, 0);
    single_release(&single);
}

static void test_who_contradicts_what_it_calls_committed_is_left_alone(void **state)
{
    struct single single;
    (void)state;
    lead(&single);
    struct fl_message reply = make_rejection(sent(&single, 3, 0)->number, NULL);
    reply.outline.run_count = 0;
    reply.outline.low = reply.outline.top = 8; /* It committed an entry of term 3 at 8. */
    reply.outline.low_term = 3;
    single_clear(&single);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(peer_of(&single, 3).progress, FL_PROGRESS_STOPPED);
    const struct fl_note *note = &single_last(&single, FL_WORK_NOTE)->note;
    assert_int_equal(note->kind, FL_NOTE_CONTRADICTION);
    assert_int_equal(note->peer, 3);
    assert_int_equal(note->index, 8);
    propose(&single, 3);
    assert_null(sent(&single, 3, 0));
    single_release(&single);
}

static const struct fl_note *find_note(const struct single *single, enum fl_note_kind kind)
{
    for (uint32_t k = 0; k < single->count; k++)
        if (single->list[k].work.type == FL_WORK_NOTE && single->list[k].work.note.kind == kind)
            return &single->list[k].work.note;
    return NULL;
}

static void test_a_follower_that_lost_what_it_acknowledged_no_longer_counts_for_it(void **state)
{
    const struct fl_run runs[] = {{1, 1}, {2, 4}};
    struct single single;
    (void)state;
    lead(&single);
    ack(&single, 3, sent(&single, 3, 0)->number, 9);
    single_clear(&single);
    single_tick(&single, HEARTBEAT);
    struct fl_message reply = make_ack(3, sent(&single, 3, 0)->number, 0, 0);
    reply.boot = 99; /* A new process: it is asked anew. */
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    check_sent(&single, 3, 1, 10, 10);
    reply = make_rejection(sent(&single, 3, 1)->number, runs);
    reply.boot = 99;
    reply.prev = 10;
    reply.outline.top = reply.outline.last = reply.outline.durable = 5;
    single_clear(&single);
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    const struct fl_note *loss = find_note(&single, FL_NOTE_DATA_LOSS);
    assert_non_null(loss);
    assert_int_equal(loss->peer, 3);
    assert_int_equal(loss->index, 9);
    assert_int_equal(loss->other, 5);
    check_sent(&single, 3, 0, 5, 10);
    assert_int_equal(peer_of(&single, 3).match, 5);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_answered_the_election_gets_entries_at_once_and_others_are_probed),
        cmocka_unit_test(test_a_probe_that_fits_starts_the_stream),
        cmocka_unit_test(test_appends_are_sent_one_after_the_other_without_waiting),
        cmocka_unit_test(test_the_window_of_entries_is_respected),
        cmocka_unit_test(test_the_window_of_messages_is_respected),
        cmocka_unit_test(test_the_window_of_bytes_is_respected),
        cmocka_unit_test(test_one_append_always_fits_the_windows),
        cmocka_unit_test(test_the_next_append_continues_where_the_host_stopped),
        cmocka_unit_test(test_entries_that_could_not_be_loaded_are_tried_again_with_the_next_heartbeat),
        cmocka_unit_test(test_a_report_that_was_overtaken_is_stale),
        cmocka_unit_test(test_a_report_after_the_term_is_stale),
        cmocka_unit_test(test_an_idle_leader_sends_heartbeats),
        cmocka_unit_test(test_b08_swapped_answers_move_nothing_back),
        cmocka_unit_test(test_b09_an_answer_of_another_term_is_ignored),
        cmocka_unit_test(test_b09_an_answer_of_an_earlier_life_is_ignored),
        cmocka_unit_test(test_an_answer_by_no_member_or_beyond_the_log_raises_no_match),
        cmocka_unit_test(test_b55_a_lost_append_is_repaired_by_the_heartbeats_answer),
        cmocka_unit_test(test_what_is_held_but_not_durable_is_not_sent_again),
        cmocka_unit_test(test_a_peer_that_is_down_gets_no_entries_and_then_all_of_them),
        cmocka_unit_test(test_one_rejection_with_its_outline_is_enough),
        cmocka_unit_test(test_a_rejection_moves_no_match_back_and_cuts_nothing_of_the_leader),
        cmocka_unit_test(test_a_voter_that_told_its_log_with_its_vote_is_never_probed),
        cmocka_unit_test(test_who_contradicts_what_it_calls_committed_is_left_alone),
        cmocka_unit_test(test_a_follower_that_lost_what_it_acknowledged_no_longer_counts_for_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
