/* flow_test.c - what scenarios are played by hand with: time that flows, nodes that are paused, single
 * messages, and as many names as somebody likes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "sim.h"
#include "story.h"

static void check_refused(const char *text, uint32_t line, const char *words)
{
    struct fl_scenario_result result;
    assert_int_equal(story_play(text, NULL, &result), FL_EINVAL);
    assert_int_equal(result.line, line);
    if (!strstr(result.text, words))
        fail_msg("%s\nhas nothing of: %s", result.text, words);
}

/* --------------------------------------------------------------------------------------------------- flow */

static void test_a_message_arrives_when_its_latency_has_passed(void **state)
{
    (void)state;
    story("nodes A B\noption pre-vote off\n"
          "at x campaign A; flow 9999us\nexpect in-flight 1 vote to B\n"
          "at y flow 1us\nexpect in-flight 0 vote\nexpect in-flight 1 vote-reply to A\n"
          "at z flow 10ms\nexpect leader A\n");
    story("nodes A B\noption pre-vote off\n"
          "at x campaign A; flow 39ms latency 40ms\nexpect in-flight 1 vote to B\n"
          "at y flow 1ms\nexpect in-flight 1 vote-reply to A\n"
          "at z flow 40ms\nexpect leader A\n");
}

static void test_a_flow_has_its_elections_and_heartbeats(void **state)
{
    (void)state;
    story("nodes A B C\n"
          "at x flow 3s\nexpect some leader\nexpect index 1 committed\nexpect logs equal\n");
}

static void test_what_arrives_at_the_same_moment_arrives_in_the_order_it_was_sent(void **state)
{
    (void)state;
    story("nodes A B C\noption pre-vote off\n"
          "at x campaign A; flow 10ms\n"
          "expect in-flight 1 vote-reply from B #3\nexpect in-flight 1 vote-reply from C #4\n");
}

static void test_a_delayed_message_is_overtaken(void **state)
{
    (void)state;
    story("nodes A B C\n"
          "at x elect A term 1 with B C; settle; write A w; delay append to B by 50ms; write A v; flow 15ms\n"
          "expect last 3 on C\nexpect last 1 on B\n"
          "at y flow 40ms\nexpect last 3 on B\n");
}

/* ----------------------------------------------------------------------------------- one message of many */

static void test_a_message_is_meant_by_its_number(void **state)
{
    (void)state;
    story("nodes A B C\noption pre-vote off\n"
          "at x campaign A\nexpect in-flight 2 vote\n"
          "at x drop #1 # the one to B\nexpect in-flight 0 vote to B\nexpect in-flight 1 #2\n"
          "at y deliver #2; deliver #9 # which there is not\nexpect in-flight 1 vote-reply from C to A #3\n"
          "at z again #3\nexpect in-flight 2 vote-reply\n");
}

static void test_a_number_sign_without_a_number_begins_a_comment(void **state)
{
    (void)state;
    story("nodes A B C # three\nat x elect A term 1 with B C #and so on\nexpect leader A\n");
    check_refused("nodes A B\nat x deliver #1a\n", 2, "#1a");
    check_refused("nodes A B\nat x deliver #0\n", 2, "#0");
}

/* -------------------------------------------------------------------------------------------------- pause */

static void test_a_paused_node_hears_nothing_and_goes_on_where_it_was(void **state)
{
    (void)state;
    story("nodes A B C\n"
          "at x elect A term 1 with B C; settle; pause C; write A w; settle\n"
          "expect write w done\nexpect last 1 on C\nexpect last 2 on A B\n"
          "expect in-flight 0 append to B\nexpect C refuses writes\n"
          "at y resume C; settle\nexpect logs equal\n");
}

static void test_a_paused_leader_is_replaced_and_learns_so_when_it_goes_on(void **state)
{
    (void)state;
    story("nodes A B C\n"
          "at x elect A term 1 with B C; settle; pause A; flow 5s\n"
          "expect A is leader\nexpect term 1 on A\nexpect some leader\nexpect last 2 on B C\n"
          "at y resume A; flow 1s\nexpect A is follower\nexpect logs equal\n");
}

static void test_what_waits_for_a_paused_node_waits_for_every_verb(void **state)
{
    (void)state;
    story("nodes A B C\noption pre-vote off\n"
          "at x pause B; campaign A; deliver to B; deliver; run 1ms; tick B; sync B; flow 1ms\n"
          "expect in-flight 1 vote to B\n"
          "at y elect A term 2 with B C; replicate A index 1 to C\nexpect leader A\nexpect term 0 on B\n"
          "at z disk B slow; disk B fast; load B; connection B A down; campaign B\nexpect term 0 on B\n"
          "at u crash B; restart B; settle\nexpect logs equal\n");
}

/* ------------------------------------------------------------------------------------------------- limits */

static void test_a_name_may_be_given_again_and_there_may_be_hundreds(void **state)
{
    char text[20000];
    size_t size = (size_t)snprintf(text, sizeof text, "nodes A\nat x elect A term 1 with A\n");
    (void)state;
    for (int k = 0; k < 400; k++)
        size += (size_t)snprintf(text + size, sizeof text - size, "at y write A x=%d\n", k % 100);
    snprintf(text + size, sizeof text - size, "expect write x=99 done\nexpect last 401 on A\n");
    story(text);
}

static void test_a_world_that_moves_too_often_stops(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    const struct fl_scenario_settings settings = {.allocator = fl__stage_allocator(), .moves_max = 1000};
    const char *text = "nodes A B C\noption heartbeat 1us\nat x elect A term 1 with B C; run 900s\n";
    assert_int_equal(fl_scenario_play(text, strlen(text), &settings, &result), FL_EFULL);
    text = "nodes A B C\nat x elect A term 900000000 with B C\n";
    assert_int_equal(fl_scenario_play(text, strlen(text), &settings, &result), FL_EFULL);
}

static void test_options_that_no_core_could_bear_are_refused(void **state)
{
    (void)state;
    check_refused("nodes A\noption entry-size 0\n", 2, "entry-size");
    check_refused("nodes A\noption runs 4000000000\n", 2, "runs");
    check_refused("nodes A\nat x settle; flow 1ms latency\n", 2, "flow");
    check_refused("nodes A\nat x delay append 5ms\n", 2, "delay");
    check_refused("nodes A\nat x delay append by soon\n", 2, "delay");
    check_refused("nodes A\nat x pause\n", 2, "pause");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_arrives_when_its_latency_has_passed),
        cmocka_unit_test(test_a_flow_has_its_elections_and_heartbeats),
        cmocka_unit_test(test_what_arrives_at_the_same_moment_arrives_in_the_order_it_was_sent),
        cmocka_unit_test(test_a_delayed_message_is_overtaken),
        cmocka_unit_test(test_a_message_is_meant_by_its_number),
        cmocka_unit_test(test_a_number_sign_without_a_number_begins_a_comment),
        cmocka_unit_test(test_a_paused_node_hears_nothing_and_goes_on_where_it_was),
        cmocka_unit_test(test_a_paused_leader_is_replaced_and_learns_so_when_it_goes_on),
        cmocka_unit_test(test_what_waits_for_a_paused_node_waits_for_every_verb),
        cmocka_unit_test(test_a_name_may_be_given_again_and_there_may_be_hundreds),
        cmocka_unit_test(test_a_world_that_moves_too_often_stops),
        cmocka_unit_test(test_options_that_no_core_could_bear_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
