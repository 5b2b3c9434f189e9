/* explore_test.c - every state of small clusters, within small bounds: no invariant breaks in any; and what
 * an explorer must do to be believed: find a mistake that is there, and call states alike that differ by
 * names alone. explore_threads_test.c: count the same with any number of threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "seeds.h"
#include "sim.h"

static struct fl_sim_explore_result explore(const struct fl_sim_bounds *bounds)
{
    struct fl_sim_explore_result result;
    assert_int_equal(fl_sim_explore(bounds, NULL, &result), FL_OK);
    if (result.failed)
        print_error("%s\n%s\n", result.text, result.script);
    return result;
}

static void test_all_states_of_one_term_keep_every_invariant(void **state)
{
    (void)state;
    struct fl_sim_bounds bounds;
    fl_sim_bounds_init(&bounds);
    bounds.terms = 1;
    bounds.writes = 0;
    bounds.slow_disks = false;
    bounds.states_max = 4000000;
    struct fl_sim_explore_result result = explore(&bounds);
    assert_false(result.failed);
    assert_true(result.is_complete);
    assert_in_range(result.states, 1000, 4000000);
}

/* Each of these goes as deep as some seconds allow, into another corner. */
static void test_the_states_near_the_start_keep_every_invariant(void **state)
{
    (void)state;
    static const struct fl_sim_bounds corners[] = {
        {.nodes = 3, .terms = 2, .writes = 1, .crashes = 1, .slow_disks = true},
        {.nodes = 3, .terms = 4},
        {.nodes = 3, .terms = 3, .writes = 1, .crashes = 2},
        {.nodes = 3, .terms = 2, .writes = 2, .doubles = 2, .heartbeats = 1},
        {.nodes = 3, .terms = 2, .writes = 1, .crashes = 1, .pre_vote = true},
        {.nodes = 2, .terms = 3, .writes = 2, .crashes = 2, .slow_disks = true},
        {.nodes = 4, .terms = 2, .writes = 1},
    };
    for (size_t k = 0; k < sizeof corners / sizeof *corners; k++) {
        struct fl_sim_bounds bounds = corners[k];
        bounds.states_max = seeds_count(30000, 4000000);
        struct fl_sim_explore_result result = explore(&bounds);
        assert_false(result.failed);
        assert_in_range(result.depth, 5, 200);
    }
}

/* Figure 8 with three nodes: found, by a shortest way, and written as a story that fails the same way. */
static void test_figure_8s_mistake_is_found_and_told(void **state)
{
    (void)state;
    struct fl_sim_bounds bounds;
    struct fl_sim_options options;
    struct fl_sim_play_result played;
    fl_sim_bounds_init(&bounds);
    bounds.terms = 3;
    bounds.writes = bounds.crashes = 0;
    bounds.slow_disks = false;
    bounds.unsafe_commit_any_term = true;
    bounds.states_max = 1000000;
    struct fl_sim_explore_result result;
    assert_int_equal(fl_sim_explore(&bounds, NULL, &result), FL_OK);
    assert_true(result.failed);
    assert_string_equal(result.rule, "R6");
    assert_int_equal(result.depth, 7);
    fl_sim_options_init(&options);
    assert_int_equal(fl_sim_play(result.script, strlen(result.script), &options, &played), FL_OK);
    assert_int_equal(played.failures, 1);
    assert_non_null(strstr(played.text, "R6"));
    free(result.script);
}

static void test_states_that_differ_by_names_alone_are_one(void **state)
{
    (void)state;
    struct fl_sim_bounds bounds;
    fl_sim_bounds_init(&bounds);
    bounds.crashes = 0;
    bounds.depth = 1;
    bounds.states_max = 1000;
    struct fl_sim_explore_result result = explore(&bounds);
    assert_int_equal(result.moves, 3);  /* Each of the three may campaign, */
    assert_int_equal(result.states, 2); /* and whoever does it, it is the same. */
}

static void test_impossible_bounds_are_refused(void **state)
{
    (void)state;
    struct fl_sim_bounds bounds;
    struct fl_sim_explore_result result;
    fl_sim_bounds_init(&bounds);
    bounds.nodes = 6;
    assert_int_equal(fl_sim_explore(&bounds, NULL, &result), FL_EINVAL);
    fl_sim_bounds_init(&bounds);
    bounds.states_max = 0;
    assert_int_equal(fl_sim_explore(&bounds, NULL, &result), FL_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_states_of_one_term_keep_every_invariant),
        cmocka_unit_test(test_the_states_near_the_start_keep_every_invariant),
        cmocka_unit_test(test_figure_8s_mistake_is_found_and_told),
        cmocka_unit_test(test_states_that_differ_by_names_alone_are_one),
        cmocka_unit_test(test_impossible_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
