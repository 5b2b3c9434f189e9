/* playground_test.c - sessions of the playground, compiled for this machine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cjson/cJSON.h>
#include <cmocka.h>

#include "playground.h"
#include "playing.h"
#include "sim.h"
#include "story.h"

/* A string that is a member of the view's n-th node. */
static void check_node(struct fl_session *session, uint32_t k, int n, const char *member, const char *value)
{
    cJSON *view = parse(fl_session_view(session, k));
    cJSON *node = cJSON_GetArrayItem(cJSON_GetObjectItem(view, "nodes"), n);
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(node, member)), value);
    cJSON_Delete(view);
}

/* ----------------------------------------------------------------------------------------------- sessions */

static void test_a_cluster_that_nothing_happened_to_has_one_step(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B C\n");
    assert_int_equal(fl_session_count(session), 0);
    assert_int_equal(fl_session_line(session, 0), 0);
    assert_string_equal(fl_session_event(session, 0), "");
    assert_string_equal(fl_session_event(session, 1), "");
    check_node(session, 0, 2, "role", "follower");
    fl_session_close(session);
}

static void test_what_is_not_understood_opens_no_session(void **state)
{
    struct fl_session *session;
    struct fl_scenario_result result;
    const char *text = "nodes A B\n\nat x explode A\n";
    struct fl_session_start start = {.allocator = fl__stage_allocator(), .text = text, .size = strlen(text)};
    (void)state;
    assert_int_equal(fl_session_open(&session, &start, &result), FL_EINVAL);
    assert_null(session);
    assert_int_equal(result.line, 3);
    assert_string_equal(result.text, "nothing that can happen: explode");
    start.size = 0;
    assert_int_equal(fl_session_open(&session, &start, &result), FL_EINVAL);
}

static void test_a_story_without_end_is_refused(void **state)
{
    struct fl_session *session;
    struct fl_scenario_result result;
    const char *text = "nodes A B\noption heartbeat 1us\nat x elect A term 1 with B; run 900s\n";
    const struct fl_session_start start = {
        .allocator = fl__stage_allocator(), .text = text, .size = strlen(text)};
    (void)state;
    assert_int_equal(fl_session_open(&session, &start, &result), FL_EFULL);
    assert_int_equal(result.line, 3);
    assert_non_null(strstr(result.text, "longer than"));
}

static const char *const actions[] = {"campaign A",   "settle",    "write A x=1", "crash B",
                                      "write A y=2",  "restart B", "cut A C",     "write A z=3 times 3",
                                      "read A r",     "pause B",   "heal all",    "disk A slow",
                                      "write A last", "sync A",    "resume B",    "campaign C"};

static void test_actions_one_by_one_are_what_their_text_plays(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B C\n");
    for (size_t k = 0; k < sizeof actions / sizeof *actions; k++) {
        act_at_end(session, actions[k]);
        for (int frame = 0; frame < 9; frame++)
            flow(session, 16667);
    }
    check_reopened(session);
    fl_session_close(session);
}

static void test_the_past_is_the_same_however_often_one_looks(void **state)
{
    char *text = story_read("figure-7");
    (void)state;
    struct fl_session *session = open_text(text);
    for (uint32_t k = 0; k <= fl_session_count(session); k++) {
        char *first = strdup(fl_session_view(session, k));
        cJSON_Delete(parse(first));
        assert_string_equal(fl_session_view(session, k), first);
        free(first);
    }
    free(text);
    fl_session_close(session);
}

/* The moment of a message is one at which it can be seen: flying from when it was sent until it arrives. */
static void test_a_message_flies_from_the_step_that_sent_it_to_the_one_that_delivers_it(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B C\noption pre-vote off\nat x campaign A; flow 1s\n");
    uint32_t flown = 0;
    for (uint32_t k = 1; k <= fl_session_count(session); k++) {
        cJSON *event = parse(fl_session_event(session, k)), *view = parse(fl_session_view(session, k));
        const char *type = cJSON_GetStringValue(cJSON_GetObjectItem(event, "event"));
        bool is_sent = strcmp(type, "sent") == 0, flies = false;
        const cJSON *packet;
        cJSON_ArrayForEach(packet, cJSON_GetObjectItem(view, "flying")) flies |=
            cJSON_Compare(cJSON_GetObjectItem(packet, "number"), cJSON_GetObjectItem(event, "number"), true);
        if (is_sent || strcmp(type, "delivered") == 0)
            assert_int_equal(flies, is_sent);
        flown += is_sent;
        cJSON_Delete(event);
        cJSON_Delete(view);
    }
    assert_true(flown > 10);
    fl_session_close(session);
}

static void test_over_a_cut_link_no_message_flies(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B\noption pre-vote off\nat x cut A to B; campaign A\n");
    uint32_t sent = 0;
    for (uint32_t k = 1; k <= fl_session_count(session); k++) {
        sent += strstr(fl_session_event(session, k), "\"sent\"") != NULL;
        assert_non_null(strstr(fl_session_view(session, k), "\"flying\":[]"));
    }
    assert_int_equal(sent, 1);
    fl_session_close(session);
}

static double number_of(const cJSON *event, const char *name)
{
    const cJSON *item = cJSON_GetObjectItem(event, name);
    return item ? item->valuedouble : 0;
}

/* A heartbeat's answer comes back just when the next heartbeat is due. */
static void test_at_the_same_moment_messages_arrive_before_time_outs(void **state)
{
    (void)state;
    struct fl_session *session =
        open_text("nodes A B\noption heartbeat 20ms\nat x elect A term 1 with B; settle\nat y flow 200ms\n");
    uint32_t met = 0;
    for (uint32_t k = 2; k <= fl_session_count(session); k++) {
        cJSON *before = parse(fl_session_event(session, k - 1)), *event = parse(fl_session_event(session, k));
        bool is_append = strstr(fl_session_event(session, k), "\"sent\",\"node\":\"A\"") != NULL;
        bool arrived = strstr(fl_session_event(session, k - 1), "\"delivered\",\"node\":\"A\"") != NULL;
        bool is_flow = fl_session_line(session, k) == 4 && number_of(event, "time_us") > 30000;
        met += is_append && is_flow && arrived && number_of(before, "time_us") == number_of(event, "time_us");
        cJSON_Delete(before);
        cJSON_Delete(event);
    }
    assert_in_range(met, 5, 10);
    fl_session_close(session);
}

static void test_entries_that_are_cut_are_gone_at_the_step_that_says_so(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B C\nlog A 1 1\nlog B 1 1\nlog C 1 2\n"
                                           "term A 2\nterm B 2\nat x elect A term 3 with B; settle\n");
    bool found = false;
    for (uint32_t k = 1; k <= fl_session_count(session); k++) {
        if (!strstr(fl_session_event(session, k), "\"truncated\""))
            continue;
        cJSON *view = parse(fl_session_view(session, k));
        cJSON *node = cJSON_GetArrayItem(cJSON_GetObjectItem(view, "nodes"), 2);
        assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(node, "log")), 1);
        assert_int_equal(cJSON_GetNumberValue(cJSON_GetObjectItem(node, "last")), 1);
        cJSON_Delete(view);
        found = true;
    }
    assert_true(found);
    fl_session_close(session);
}

/* ------------------------------------------------------------------------------------------------- acting */

/* The first step of the line. */
static uint32_t begin_of(const struct fl_session *session, uint32_t line)
{
    uint32_t k = 1;
    while (fl_session_line(session, k) != line)
        k++;
    return k;
}

static void test_acting_in_the_past_cuts_what_followed(void **state)
{
    (void)state;
    struct fl_session *session =
        open_text("# why\nnodes A B C\nat a campaign A\nat b settle # all\n# what now\nat c crash A\n");
    act(session, begin_of(session, 6) - 1, "crash B");
    check_text(session, "# why\nnodes A B C\nat a campaign A\nat b settle # all\nat you crash B\n");
    check_node(session, UINT32_MAX, 1, "role", "down");
    uint32_t elected = begin_of(session, 4);
    while (!strstr(fl_session_event(session, elected), "\"leader\""))
        elected++;
    act(session, elected, "crash B");
    check_text(session,
               "# why\nnodes A B C\nat a campaign A\nat you first 7 of settle # all\nat you crash B\n");
    check_node(session, UINT32_MAX, 0, "role", "leader");
    act(session, begin_of(session, 4) + 1, "crash B");
    check_text(session,
               "# why\nnodes A B C\nat a campaign A\nat you first 1 of settle # all\nat you crash B\n");
    act(session, begin_of(session, 4), "crash B");
    check_text(session, "# why\nnodes A B C\nat a campaign A\nat you crash B\n");
    act(session, 0, "crash C");
    check_text(session, "# why\nnodes A B C\nat you crash C\n");
    fl_session_close(session);
}

static void test_acting_in_a_branch_adds_to_it_and_drops_those_behind(void **state)
{
    (void)state;
    const char *text = "title t\nnodes A B C\nat x elect A term 1 with B C; settle\n"
                       "branch one  first\n  at y write A w; settle\nbranch two\n  at y crash A\n";
    struct fl_session *session = open_branch(text, 2);
    act_at_end(session, "restart A");
    check_text(session, "title t\nnodes A B C\nat x elect A term 1 with B C; settle\n"
                        "branch one  first\n  at y write A w; settle\nbranch two\n  at y crash A\n"
                        "  at you restart A\n");
    fl_session_close(session);
    session = open_branch(text, 1);
    act_at_end(session, "crash B");
    check_text(session, "title t\nnodes A B C\nat x elect A term 1 with B C; settle\n"
                        "branch one  first\n  at y write A w; settle\n  at you crash B\n");
    act(session, begin_of(session, 5) + 3, "crash C");
    check_text(session, "title t\nnodes A B C\nat x elect A term 1 with B C; settle\n"
                        "branch one  first\n  at you first 1 of write A w; settle\n  at you crash C\n");
    act(session, begin_of(session, 3) + 1, "crash C");
    check_text(session, "title t\nnodes A B C\n"
                        "at you first 1 of elect A term 1 with B C; settle\nat you crash C\n");
    fl_session_close(session);
}

static bool is_line(const struct fl_session *session, uint32_t k)
{
    return strstr(fl_session_event(session, k), "\"event\":\"line\"") != NULL;
}

static void check_same_member(const char *name, const char *a, const char *b)
{
    cJSON *one = parse(a), *other = parse(b);
    if (!cJSON_Compare(cJSON_GetObjectItem(one, name), cJSON_GetObjectItem(other, name), true))
        fail_msg("%s differs: %s\n%s", name, a, b);
    cJSON_Delete(one);
    cJSON_Delete(other);
}

/* Something that changes nothing, done at step k: all that was told until then is told again, perhaps with
 * what followed from it at once, and time has not gone on, unless it was all that the line did. */
static void check_fork(const char *text, uint32_t branch, struct fl_session *whole, uint32_t k)
{
    struct fl_session *forked = open_branch(text, branch);
    act(forked, k, "clock 0us");
    uint32_t count = fl_session_count(forked) - 1; /* Without the act itself. */
    assert_true(count + is_line(whole, k) >= k);
    for (uint32_t j = 1; j <= count; j++) {
        assert_int_equal(fl_session_line(forked, j), fl_session_line(whole, j));
        if (!is_line(whole, j))
            assert_string_equal(fl_session_event(forked, j), fl_session_event(whole, j));
    }
    if (count > 0 && count < fl_session_count(whole) && !is_line(whole, count + 1))
        check_same_member("time_us", fl_session_event(forked, count + 1), fl_session_event(whole, count));
    fl_session_close(forked);
}

static void test_at_each_step_one_may_act_and_all_before_it_stays(void **state)
{
    static const char *const names[] = {"figure-8", "disruptive-server", "split-vote"};
    (void)state;
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        char *text = story_read(names[n]);
        uint32_t branch = fl_scenario_branches(text, strlen(text)) > 0;
        struct fl_session *whole = open_branch(text, branch);
        uint32_t k = 1;
        while (!is_line(whole, k))
            k++;
        for (; k <= fl_session_count(whole); k++)
            check_fork(text, branch, whole, k);
        fl_session_close(whole);
        free(text);
    }
}

static void test_what_cannot_be_done_changes_nothing(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    struct fl_session *session = open_text("nodes A B C\nat x campaign A; settle\n");
    struct fl_session *untouched = open_text("nodes A B C\nat x campaign A; settle\n");
    static const char *const refused[] = {"explode",  "crash D", "crash A; explode",
                                          "drop #1x", "flow 1d", "crash A\nat you crash B"};
    for (size_t k = 0; k < sizeof refused / sizeof *refused; k++) {
        uint32_t count = fl_session_count(session);
        assert_int_equal(fl_session_act(session, count, refused[k], strlen(refused[k]), &result), FL_EINVAL);
        assert_true(result.text[0] != '\0');
        check_same(session, untouched);
        check_text(session, "nodes A B C\nat x campaign A; settle\n");
    }
    fl_session_close(untouched);
    fl_session_close(session);
}

static void test_a_step_that_is_expected_at_is_not_added_to_behind_its_back(void **state)
{
    (void)state;
    struct fl_session *session =
        open_text("nodes A B C\nat x campaign A; settle\nexpect at you last 2 on A\n");
    act_at_end(session, "write A w");
    act_at_end(session, "settle");
    flow(session, 1000);
    flow(session, 1000);
    check_reopened(session);
    fl_session_close(session);
}

static void test_flows_in_a_row_are_one_line(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A B C\n");
    flow(session, 16667);
    flow(session, 16667);
    check_text(session, "nodes A B C\nat you flow 33334us\n");
    flow(session, 66666);
    check_text(session, "nodes A B C\nat you flow 100ms\n");
    act_at_end(session, "crash A");
    flow(session, 1000);
    act_at_end(session, "flow 5ms latency 3ms");
    flow(session, 1000);
    check_text(session, "nodes A B C\nat you flow 100ms\nat you crash A\nat you flow 1ms\n"
                        "at you flow 5ms latency 3ms\nat you flow 1ms\n");
    fl_session_close(session);
}

static void test_a_flow_in_a_branch_stays_there(void **state)
{
    (void)state;
    struct fl_session *session = open_branch("nodes A\nbranch b\n  at x tick A\n", 1);
    flow(session, 1000);
    flow(session, 2000);
    check_text(session, "nodes A\nbranch b\n  at x tick A\n  at you flow 3ms\n");
    fl_session_close(session);
}

static void test_a_flow_with_a_comment_keeps_it(void **state)
{
    (void)state;
    struct fl_session *session = open_text("nodes A\nat you flow 1ms # so long\n");
    flow(session, 1000);
    check_text(session, "nodes A\nat you flow 1ms # so long\nat you flow 1ms\n");
    fl_session_close(session);
}

/* The flow at the text's end is of a branch that is not played. */
static void test_a_flow_of_another_branch_is_not_made_longer(void **state)
{
    (void)state;
    const char *text = "nodes A\nbranch a\n  at x tick A\nbranch b\n  at you flow 3ms\n";
    struct fl_session *session = open_branch(text, 1);
    flow(session, 1000);
    check_text(session, "nodes A\nbranch a\n  at x tick A\n  at you flow 1ms\n");
    fl_session_close(session);
    session = open_branch(text, 0);
    flow(session, 1000);
    check_text(session, "nodes A\nat you flow 1ms\n");
    fl_session_close(session);
}

static void test_a_flow_is_told_as_it_stands_however_it_was_indented(void **state)
{
    (void)state;
    struct fl_session *session = open_branch("nodes A\nbranch b\n\t    at you flow 1ms\n", 1);
    flow(session, 1000);
    check_text(session, "nodes A\nbranch b\n  at you flow 2ms\n");
    struct fl_session *again = open_branch("nodes A\nbranch b\n  at you flow 2ms\n", 1);
    check_same(session, again);
    fl_session_close(again);
    fl_session_close(session);
}

/* What comes after it would not fit. */
static void test_time_that_cannot_pass_changes_nothing(void **state)
{
    struct fl_scenario_result result;
    const char *text = "nodes A B\noption heartbeat 1us\nat x elect A term 1 with B\nat you flow 1ms\n";
    (void)state;
    struct fl_session *session = open_text(text), *untouched = open_text(text);
    for (int k = 0; k < 2; k++) {
        assert_int_equal(fl_session_flow(session, 60000000, &result), FL_EFULL);
        assert_non_null(strstr(result.text, "longer than"));
        check_same(session, untouched);
        check_text(session, text);
    }
    act_at_end(session, "crash A");
    act_at_end(untouched, "crash A");
    check_same(session, untouched);
    fl_session_close(untouched);
    fl_session_close(session);
}

static void test_a_refusal_speaks_of_what_was_refused(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    struct fl_session *session = open_text("nodes A B C\nat x settle\nexpect some leader\n");
    assert_int_equal(fl_session_act(session, fl_session_count(session), "explode", 7, &result), FL_EINVAL);
    assert_string_equal(result.text, "nothing that can happen: explode");
    assert_int_equal(result.line, 4);
    fl_session_close(session);
}

static void test_an_option_stands_before_the_first_statement_once(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    struct fl_session *session = open_text("# why\n\nnodes A B C\noption seed 7\nat x campaign A; settle");
    assert_int_equal(fl_session_option(session, "pre-vote off", 12, &result), FL_OK);
    assert_int_equal(fl_session_option(session, "seed 8", 6, &result), FL_OK);
    assert_int_equal(fl_session_option(session, "repair guess", 12, &result), FL_EINVAL);
    check_text(session, "# why\n\noption pre-vote off\nnodes A B C\noption seed 8\nat x campaign A; settle");
    fl_session_close(session);
}

/* ------------------------------------------------------------------------------------------------ writing */

static void test_every_character_of_a_text_survives_json(void **state)
{
    (void)state;
    struct fl_session *session =
        open_text("title say \"it\" \\ with \x01 and \t and \xe4\xb8\xad\xe6\x96\x87\nnodes A\n");
    cJSON *json = parse(fl_session_event(session, 1));
    assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "text")),
                        "say \"it\" \\ with \x01 and \t and \xe4\xb8\xad\xe6\x96\x87");
    cJSON_Delete(json);
    fl_session_close(session);
}

static void test_a_long_text_is_cut_between_characters(void **state)
{
    char text[1200] = "nodes A\nsay ";
    size_t size = strlen(text);
    (void)state;
    for (int shift = 0; shift < 3; shift++) {
        memset(text + size, 'a', (size_t)shift);
        for (int k = 0; k < 300; k++)
            memcpy(text + size + shift + 3 * k, "\xe4\xb8\xad", 4);
        struct fl_session *session = open_text(text);
        cJSON *json = parse(fl_session_event(session, 1));
        const char *told = cJSON_GetStringValue(cJSON_GetObjectItem(json, "text"));
        assert_in_range(strlen(told), 300, FL_WORLD_TEXT_MAX - 1);
        assert_string_equal(told + strlen(told) - 3, "\xe4\xb8\xad");
        cJSON_Delete(json);
        fl_session_close(session);
    }
}

/* ----------------------------------------------------------------------------------------------- anything */

static const char *const words[] = {
    "nodes",     "A",       "B",         "C",          "learners", "log",    "term",       "commit",
    "option",    "at",      "you",       "elect",      "with",     "to",     "replicate",  "index",
    "write",     "read",    "deliver",   "drop",       "hold",     "copy",   "release",    "again",
    "fly",       "cut",     "heal",      "all",        "isolate",  "crash",  "kept",       "torn",
    "restart",   "damaged", "disk",      "slow",       "fast",     "sync",   "load",       "clock",
    "time",      "run",     "flow",      "latency",    "delay",    "by",     "pause",      "resume",
    "campaign",  "tick",    "settle",    "expect",     "leader",   "no",     "is",         "branch",
    "say",       ";",       "#1",        "#7",         "1",        "2",      "0",          "1x5",
    "999999999", "10ms",    "1s",        "900s",       "pre-vote", "off",    "repair",     "one",
    "runs",      "seed",    "heartbeat", "1us",        "fold",     "on",     "oldest",     "append",
    "from",      "x",       "times",     "slow-reads", "500",      "newest", "vote-reply", "\n",
    "\n  ",      "\nat x"};

static void test_random_texts_are_played_or_refused(void **state)
{
    uint32_t random = 7, opened = 0;
    bool is_long = getenv("FL_TEST_LONG") != NULL && strcmp(getenv("FL_TEST_LONG"), "1") == 0;
    (void)state;
    for (uint32_t round = 0; round < (is_long ? 300000 : 6000); round++) {
        char text[1024] = "nodes A B C\n";
        size_t size = strlen(text);
        random = random * 1664525 + 1013904223;
        for (uint32_t k = 0; k < 4 + (random >> 27); k++) {
            random = random * 1664525 + 1013904223;
            size += (size_t)snprintf(text + size, sizeof text - size, "%s ",
                                     words[(random >> 12) % (sizeof words / sizeof *words)]);
        }
        struct fl_session *session;
        struct fl_scenario_result result;
        const struct fl_session_start start = {.allocator = fl__stage_allocator(),
                                               .text = text,
                                               .size = size,
                                               .branch = fl_scenario_branches(text, size) > 0};
        if (fl_session_open(&session, &start, &result) != FL_OK) {
            assert_true(result.text[0] != '\0');
            continue;
        }
        opened++;
        cJSON_Delete(parse(fl_session_view(session, fl_session_count(session) / 2)));
        cJSON_Delete(parse(fl_session_view(session, UINT32_MAX)));
        cJSON_Delete(parse(fl_session_state(session)));
        fl_session_close(session);
    }
    assert_true(opened > 100);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_that_nothing_happened_to_has_one_step),
        cmocka_unit_test(test_what_is_not_understood_opens_no_session),
        cmocka_unit_test(test_a_story_without_end_is_refused),
        cmocka_unit_test(test_actions_one_by_one_are_what_their_text_plays),
        cmocka_unit_test(test_the_past_is_the_same_however_often_one_looks),
        cmocka_unit_test(test_a_message_flies_from_the_step_that_sent_it_to_the_one_that_delivers_it),
        cmocka_unit_test(test_over_a_cut_link_no_message_flies),
        cmocka_unit_test(test_at_the_same_moment_messages_arrive_before_time_outs),
        cmocka_unit_test(test_entries_that_are_cut_are_gone_at_the_step_that_says_so),
        cmocka_unit_test(test_acting_in_the_past_cuts_what_followed),
        cmocka_unit_test(test_at_each_step_one_may_act_and_all_before_it_stays),
        cmocka_unit_test(test_acting_in_a_branch_adds_to_it_and_drops_those_behind),
        cmocka_unit_test(test_what_cannot_be_done_changes_nothing),
        cmocka_unit_test(test_a_step_that_is_expected_at_is_not_added_to_behind_its_back),
        cmocka_unit_test(test_flows_in_a_row_are_one_line),
        cmocka_unit_test(test_a_flow_in_a_branch_stays_there),
        cmocka_unit_test(test_a_flow_with_a_comment_keeps_it),
        cmocka_unit_test(test_a_flow_of_another_branch_is_not_made_longer),
        cmocka_unit_test(test_a_flow_is_told_as_it_stands_however_it_was_indented),
        cmocka_unit_test(test_time_that_cannot_pass_changes_nothing),
        cmocka_unit_test(test_a_refusal_speaks_of_what_was_refused),
        cmocka_unit_test(test_an_option_stands_before_the_first_statement_once),
        cmocka_unit_test(test_every_character_of_a_text_survives_json),
        cmocka_unit_test(test_a_long_text_is_cut_between_characters),
        cmocka_unit_test(test_random_texts_are_played_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
