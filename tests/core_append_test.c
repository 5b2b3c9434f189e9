/* core_append_test.c - the follower's side of replication by the paper's rules (§5.3), one replica at a time:
 * which appends it takes, what it cuts, and what it acknowledges.
 *
 * Replica 1 is the one looked at; its leader is written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "single.h"

/* ------------------------------------------------------------------ the follower: Figure 2, AppendEntries */

/* Follows 2, its leader of term 5, with the log 1 1 1 2 2 2. */
static void follow(struct single *single)
{
    const struct fl_run runs[] = {{1, 1}, {2, 4}};
    single_init(single, 3, 5, runs, 2, 6);
}

static int append(struct single *single, fl_index prev, fl_term prev_term, const struct fl_run *runs,
                  uint32_t run_count, fl_index last)
{
    struct fl_message message = single_append(2, 5, prev, prev_term, 0);
    message.runs = runs;
    message.run_count = run_count;
    message.last = last;
    single_clear(single);
    return single_receive(single, &message);
}

/* Entries of one term. */
static int append_some(struct single *single, fl_index prev, fl_term prev_term, fl_term term, fl_index last)
{
    const struct fl_run run = {term, prev + 1};
    return append(single, prev, prev_term, &run, 1, last);
}

static void check_log(const struct single *single, const fl_term *terms, fl_index last)
{
    assert_int_equal(single_look(single).last, last);
    for (fl_index index = 1; index <= last; index++)
        assert_int_equal(fl_raft_term_at(single->raft, index), terms[index - 1]);
    assert_int_equal(fl_raft_term_at(single->raft, last + 1), 0);
}

static void check_accepted(const struct single *single, fl_index first, fl_index last)
{
    assert_int_equal(single->accepted.first, first);
    assert_int_equal(single->accepted.last, last);
}

static const struct fl_message *reply_of(const struct single *single)
{
    const struct fl_message *reply = single_sent(single, FL_MSG_APPEND_REPLY, 2, 0);
    assert_non_null(reply);
    assert_null(single_sent(single, FL_MSG_APPEND_REPLY, 2, 1));
    return reply;
}

static void check_rejected(struct single *single, fl_index prev, fl_term prev_term, fl_index top)
{
    const fl_term same[] = {1, 1, 1, 2, 2, 2};
    assert_int_equal(append_some(single, prev, prev_term, 5, prev + 1), FL_OK);
    const struct fl_message *reply = reply_of(single);
    assert_int_equal(reply->number, 1);
    assert_true(reply->rejected && reply->outline.present && reply->outline.low_is_floor);
    assert_int_equal(reply->prev, prev);
    assert_int_equal(reply->last, 0);
    assert_int_equal(reply->outline.top, top);
    assert_int_equal(reply->outline.last, 6);
    assert_int_equal(reply->outline.durable, 6);
    check_accepted(single, 0, 0);
    check_log(single, same, 6);
}

static void test_an_append_whose_prev_is_missing_or_of_another_term_is_rejected(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    check_rejected(&single, 7, 2, 6);
    check_rejected(&single, 100, 5, 6);
    check_rejected(&single, 6, 3, 6);
    check_rejected(&single, 4, 1, 3); /* No run above term 1 can be in the leader's log there. */
    check_rejected(&single, 3, 2, 3);
    single_release(&single);
}

static void test_an_append_that_fits_the_end_is_taken(void **state)
{
    const struct fl_run runs[] = {{2, 7}, {5, 8}};
    const fl_term longer[] = {1, 1, 1, 2, 2, 2, 2, 5, 5};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append(&single, 6, 2, runs, 2, 9), FL_OK);
    check_accepted(&single, 7, 9);
    check_log(&single, longer, 9);
    const struct fl_persist *persist = &single_last(&single, FL_WORK_PERSIST)->persist;
    assert_int_equal(persist->truncate_from, 0);
    assert_int_equal(persist->first, 7);
    assert_int_equal(persist->last, 9);
    assert_int_equal(reply_of(&single)->last, 9);
    single_release(&single);
}

static void test_a_conflicting_suffix_is_cut_and_what_matches_is_not(void **state)
{
    const struct fl_run runs[] = {{1, 2}, {2, 4}, {3, 5}};
    const fl_term mended[] = {1, 1, 1, 2, 3};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append(&single, 1, 1, runs, 3, 5), FL_OK);
    check_accepted(&single, 5, 5);
    check_log(&single, mended, 5);
    const struct fl_persist *persist = &single_last(&single, FL_WORK_PERSIST)->persist;
    assert_int_equal(persist->truncate_from, 5);
    assert_int_equal(persist->first, 5);
    assert_int_equal(persist->last, 5);
    assert_int_equal(single_look(&single).truncated_entries, 2);
    single_release(&single);
}

static void test_of_a_run_that_conflicts_in_its_middle_the_matching_part_stays(void **state)
{
    const fl_term mended[] = {1, 1, 1, 1, 1};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append_some(&single, 1, 1, 1, 5), FL_OK); /* The leader's term 1 was longer. */
    check_accepted(&single, 4, 5);
    check_log(&single, mended, 5);
    assert_int_equal(single_look(&single).truncated_entries, 3);
    single_release(&single);
}

static void test_entries_that_are_there_are_not_taken_again(void **state)
{
    const struct fl_run runs[] = {{1, 2}, {2, 4}};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append(&single, 1, 1, runs, 2, 8), FL_OK);
    check_accepted(&single, 7, 8);
    assert_int_equal(single_last(&single, FL_WORK_PERSIST)->persist.first, 7);
    assert_int_equal(single_look(&single).truncated_entries, 0);
    single_release(&single);
}

static void test_b02_a_late_append_cuts_nothing(void **state)
{
    const fl_term same[] = {1, 1, 1, 2, 2, 2};
    struct single single;
    (void)state;
    follow(&single);
    for (fl_index last = 1; last <= 3; last++) {
        assert_int_equal(append_some(&single, 0, 0, 1, last), FL_OK);
        check_accepted(&single, 0, 0);
        assert_int_equal(single_count(&single, FL_WORK_PERSIST), 0);
        assert_int_equal(append(&single, last, 1, NULL, 0, last), FL_OK); /* A heartbeat. */
        check_accepted(&single, 0, 0);
    }
    check_log(&single, same, 6);
    assert_int_equal(reply_of(&single)->last, 3); /* What lies above nobody compared. */
    single_release(&single);
}

static void test_b05_a_short_batch_cuts_the_stale_tail(void **state)
{
    const fl_term mended[] = {1, 1, 1, 4};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append_some(&single, 3, 1, 4, 4), FL_OK);
    check_accepted(&single, 4, 4);
    check_log(&single, mended, 4);
    assert_int_equal(single_last(&single, FL_WORK_PERSIST)->persist.truncate_from, 4);
    assert_int_equal(reply_of(&single)->held, 4);
    single_release(&single);
}

static void test_appends_in_the_wrong_order_end_in_the_right_log(void **state)
{
    const fl_term both[] = {1, 1, 1, 2, 2, 2, 5, 5, 5, 5};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append_some(&single, 8, 5, 5, 10), FL_OK);
    assert_true(reply_of(&single)->rejected);
    assert_int_equal(append_some(&single, 6, 2, 5, 8), FL_OK);
    assert_int_equal(append_some(&single, 8, 5, 5, 10), FL_OK);
    assert_int_equal(append_some(&single, 6, 2, 5, 8), FL_OK);
    check_log(&single, both, 10);
    assert_int_equal(reply_of(&single)->last, 10);
    single_release(&single);
}

static void test_what_contradicts_a_committed_entry_is_refused(void **state)
{
    const fl_term same[] = {1, 1, 1, 2, 2, 2};
    struct single single;
    (void)state;
    follow(&single);
    struct fl_message heartbeat = single_append(2, 5, 5, 2, 5);
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    assert_int_equal(single_look(&single).commit, 5);
    assert_int_equal(append_some(&single, 3, 1, 4, 6), FL_EMESSAGE);
    assert_int_equal(single_last(&single, FL_WORK_NOTE)->note.kind, FL_NOTE_CONTRADICTION);
    assert_int_equal(append_some(&single, 4, 1, 5, 5), FL_EMESSAGE);
    check_log(&single, same, 6);
    assert_int_equal(append_some(&single, 5, 2, 4, 6), FL_OK); /* The sixth is not committed. */
    check_accepted(&single, 6, 6);
    single_release(&single);
}

static void test_an_append_of_an_older_term_changes_nothing(void **state)
{
    const fl_term same[] = {1, 1, 1, 2, 2, 2};
    const struct fl_run run = {3, 4};
    struct single single;
    (void)state;
    follow(&single);
    struct fl_message message = single_append(2, 4, 3, 1, 3);
    message.runs = &run;
    message.run_count = 1;
    message.last = 4;
    assert_int_equal(single_receive(&single, &message), FL_OK);
    check_accepted(&single, 0, 0);
    check_log(&single, same, 6);
    assert_false(single_look(&single).has_leader);
    assert_int_equal(single_look(&single).commit, 0);
    assert_int_equal(reply_of(&single)->term, 5);
    assert_int_equal(reply_of(&single)->last, 0);
    single_release(&single);
}

static void test_impossible_appends_are_refused(void **state)
{
    const struct fl_run gap[] = {{2, 8}}, back[] = {{3, 7}, {2, 8}}, future[] = {{6, 7}}, older[] = {{1, 7}},
                        none[] = {{0, 7}}, beyond[] = {{2, 7}, {3, 10}}, same[] = {{2, 7}, {3, 7}};
    struct single single;
    (void)state;
    follow(&single);
    assert_int_equal(append(&single, 6, 2, gap, 1, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, back, 2, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, future, 1, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, older, 1, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, none, 1, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, beyond, 2, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, same, 2, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, NULL, 0, 9), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, NULL, 0, 5), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 0, NULL, 0, 6), FL_EMESSAGE);
    assert_int_equal(append(&single, 0, 1, NULL, 0, 0), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 6, NULL, 0, 6), FL_EMESSAGE);
    assert_int_equal(append(&single, 6, 2, gap, 1, UINT64_MAX), FL_EMESSAGE);
    assert_int_equal(single_look(&single).last, 6);
    assert_false(single_look(&single).has_leader);
    single_release(&single);
}

static void test_a_term_beyond_runs_max_is_dropped_like_a_lost_message(void **state)
{
    struct fl_run runs[8];
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct single single;
    struct fl_raft_config config;
    (void)state;
    for (uint32_t k = 0; k < 8; k++)
        runs[k] = (struct fl_run){k / 7 + k + 1, k + 1}; /* The last one is of term 9. */
    fl_raft_config_init(&config);
    config.id = 1;
    config.runs_max = config.outline_runs_max = 8;
    struct fl_raft_start start = {
        .term = 9, .runs = runs, .run_count = 8, .last = 8, .members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    const struct fl_run same = {9, 9}, other = {10, 10};
    struct fl_message message = single_append(2, 10, 8, 9, 0);
    message.runs = &same;
    message.run_count = 1;
    message.last = 9;
    assert_int_equal(single_receive(&single, &message), FL_OK);
    message.prev = 9;
    message.runs = &other;
    message.last = 12;
    single_clear(&single);
    assert_int_equal(single_receive(&single, &message), FL_EFULL);
    check_accepted(&single, 0, 0);
    assert_int_equal(single.count, 0);
    assert_int_equal(single_look(&single).last, 9);
    assert_int_equal(fl_raft_campaign(single.raft, single.now), FL_EREFUSED); /* Nor could it lead. */
    single_release(&single);
}

/* ----------------------------------------------------------- what a follower acknowledges: §5.3, and §5.6 */

static void test_an_answer_says_what_is_durable_and_what_is_only_held(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    single.persist_at_once = false;
    assert_int_equal(append_some(&single, 6, 2, 5, 8), FL_OK);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 1); /* Told of what its disk had: up to prev. */
    assert_int_equal(reply_of(&single)->last, 6);
    assert_int_equal(append(&single, 8, 5, NULL, 0, 8), FL_OK);
    assert_int_equal(reply_of(&single)->last, 6);
    assert_int_equal(reply_of(&single)->held, 8);
    single_clear(&single);
    single_persist(&single);
    assert_int_equal(reply_of(&single)->last, 8);
    assert_int_equal(reply_of(&single)->held, 8);
    single_release(&single);
}

static void test_an_answer_echoes_the_latest_number_and_round(void **state)
{
    struct single single;
    struct fl_message heartbeat = single_append(2, 5, 6, 2, 0);
    (void)state;
    follow(&single);
    heartbeat.number = 9;
    heartbeat.round = 4;
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    assert_int_equal(reply_of(&single)->number, 9);
    assert_int_equal(reply_of(&single)->round, 4);
    assert_int_equal(reply_of(&single)->boot, 77);
    heartbeat.number = 7; /* Late. */
    heartbeat.round = 3;
    single_clear(&single);
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    assert_int_equal(reply_of(&single)->number, 9);
    assert_int_equal(reply_of(&single)->round, 4);
    single_release(&single);
}

static void test_an_append_that_comes_again_is_answered_again(void **state)
{
    struct single single;
    (void)state;
    follow(&single);
    for (int k = 0; k < 3; k++) {
        assert_int_equal(append_some(&single, 6, 2, 5, 8), FL_OK);
        assert_int_equal(reply_of(&single)->last, 8);
    }
    single_release(&single);
}

static void test_a_new_leader_is_not_told_what_matched_the_old_one(void **state)
{
    struct single single;
    struct fl_message heartbeat = single_append(3, 6, 3, 1, 0);
    (void)state;
    follow(&single);
    assert_int_equal(append_some(&single, 6, 2, 5, 8), FL_OK);
    assert_int_equal(reply_of(&single)->last, 8);
    assert_int_equal(single_receive(&single, &heartbeat), FL_OK);
    const struct fl_message *reply = single_sent(&single, FL_MSG_APPEND_REPLY, 3, 0);
    assert_int_equal(reply->last, 3);
    assert_int_equal(reply->held, 3);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_append_whose_prev_is_missing_or_of_another_term_is_rejected),
        cmocka_unit_test(test_an_append_that_fits_the_end_is_taken),
        cmocka_unit_test(test_a_conflicting_suffix_is_cut_and_what_matches_is_not),
        cmocka_unit_test(test_of_a_run_that_conflicts_in_its_middle_the_matching_part_stays),
        cmocka_unit_test(test_entries_that_are_there_are_not_taken_again),
        cmocka_unit_test(test_b02_a_late_append_cuts_nothing),
        cmocka_unit_test(test_b05_a_short_batch_cuts_the_stale_tail),
        cmocka_unit_test(test_appends_in_the_wrong_order_end_in_the_right_log),
        cmocka_unit_test(test_what_contradicts_a_committed_entry_is_refused),
        cmocka_unit_test(test_an_append_of_an_older_term_changes_nothing),
        cmocka_unit_test(test_impossible_appends_are_refused),
        cmocka_unit_test(test_a_term_beyond_runs_max_is_dropped_like_a_lost_message),
        cmocka_unit_test(test_an_answer_says_what_is_durable_and_what_is_only_held),
        cmocka_unit_test(test_an_answer_echoes_the_latest_number_and_round),
        cmocka_unit_test(test_an_append_that_comes_again_is_answered_again),
        cmocka_unit_test(test_a_new_leader_is_not_told_what_matched_the_old_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
