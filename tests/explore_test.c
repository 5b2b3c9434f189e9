/* explore_test.c - every state of small clusters, within small bounds: no invariant breaks in any; and what
 * an explorer must do to be believed: find a mistake that is there, call states alike that differ by names
 * alone, and count the same with any number of threads. */
#include <pthread.h>
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

static struct fl_sim_explore_result explore(const struct fl_sim_bounds *bounds,
                                            const struct fl_sim_explore_hooks *hooks)
{
    struct fl_sim_explore_result result;
    assert_int_equal(fl_sim_explore(bounds, hooks, &result), FL_OK);
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
    struct fl_sim_explore_result result = explore(&bounds, NULL);
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
        struct fl_sim_explore_result result = explore(&bounds, NULL);
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
    struct fl_sim_explore_result result = explore(&bounds, NULL);
    assert_int_equal(result.moves, 3);  /* Each of the three may campaign, */
    assert_int_equal(result.states, 2); /* and whoever does it, it is the same. */
}

struct task {
    void (*work)(void *argument);
    void *argument;
};

static void *run_task(void *context)
{
    const struct task *task = context;
    task->work(task->argument);
    return NULL;
}

static void in_two(void *context, void (*work)(void *argument), void *argument)
{
    (void)context;
    pthread_t other;
    struct task task = {.work = work, .argument = argument};
    assert_int_equal(pthread_create(&other, NULL, run_task, &task), 0);
    work(argument);
    pthread_join(other, NULL);
}

static void test_two_threads_see_the_same_states_as_one(void **state)
{
    (void)state;
    struct fl_sim_bounds bounds;
    const struct fl_sim_explore_hooks hooks = {.in_parallel = in_two};
    fl_sim_bounds_init(&bounds);
    bounds.depth = 9;
    bounds.states_max = 100000;
    struct fl_sim_explore_result one = explore(&bounds, NULL), two = explore(&bounds, &hooks);
    assert_int_equal(one.states, two.states);
    assert_int_equal(one.moves, two.moves);
    assert_int_equal(two.depth, 9);
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
        cmocka_unit_test(test_two_threads_see_the_same_states_as_one),
        cmocka_unit_test(test_impossible_bounds_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
