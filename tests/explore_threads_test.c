/* explore_threads_test.c - the explorer counts the same states with any number of threads. A program of its
 * own, so that the thread sanitizer has no other test to slow down. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_threads_see_the_same_states_as_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
