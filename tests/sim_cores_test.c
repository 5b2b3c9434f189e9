/* sim_cores_test.c - random lives of whole clusters under the judge's eyes: whatever the network, the disks
 * and the power do, no invariant of Raft breaks; and once a majority is whole again, it agrees and answers.
 * And the simulator's own promises: the same seed is the same life, and a failure is found and made short.
 *
 * FL_TEST_CASES sets the number of seeds, FL_TEST_LONG=1 makes it many, FL_TEST_SEED runs one. */
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "seeds.h"
#include "sim.h"

static uint64_t current_seed; /* For the handler below. */

/* A broken invariant of the core itself aborts: say by which seed. */
static void on_abort(int signal)
{
    (void)signal;
    char text[64];
    int length = snprintf(text, sizeof text, "seed %" PRIu64 "\n", current_seed);
    if (length > 0 && write(STDERR_FILENO, text, (size_t)length) < 0)
        _exit(2);
}

static struct fl_sim_result live(uint64_t seed)
{
    struct fl_sim_options options;
    struct fl_sim_result result;
    fl_sim_options_init(&options);
    options.mode = FL_SIM_CORES;
    options.seed = current_seed = seed;
    fl_sim_run(&options, &result);
    return result;
}

static void test_random_clusters_keep_every_invariant_and_agree_when_a_majority_heals(void **state)
{
    (void)state;
    const char *only = getenv("FL_TEST_SEED");
    uint64_t count = seeds_count(600, 20000), first = 1, marks = 0, checks = 0;
    if (only)
        first = count = strtoull(only, NULL, 10);
    for (uint64_t seed = first; seed <= count; seed++) {
        struct fl_sim_result result = live(seed);
        if (result.failed) {
            print_error("seed %" PRIu64 ": %s\n", seed, result.text);
            fail();
        }
        marks |= result.marks;
        checks += result.checks;
    }
    assert_true(checks > 1000 * (count - first)); /* The judge was there. */
    for (uint32_t mark = 0; mark <= FL__MARK_DAMAGED && count >= 20000 && !only; mark++) {
        if (!(marks >> mark & 1))
            print_error("never: %s\n", fl_sim_mark_name(mark));
        assert_true(marks >> mark & 1);
    }
}

/* Found late, by the seeds that each commit lives anew: kept, though a seed's life changes with the code. */
static void test_lives_that_failed_once_end_well(void **state)
{
    (void)state;
    static const uint64_t seeds[] = {20102, 5013896, 2362155904};
    for (size_t k = 0; k < sizeof seeds / sizeof *seeds; k++) {
        struct fl_sim_result result = live(seeds[k]);
        if (result.failed)
            print_error("seed %" PRIu64 ": %s\n", seeds[k], result.text);
        assert_false(result.failed);
    }
}

/* These numbers are of this code: where they change, the code's behaviour has changed, or the simulator's.
 * Where they differ between two compilers or machines, a life depends on more than its seed. */
static void test_a_seed_is_the_same_life_everywhere(void **state)
{
    (void)state;
    uint64_t hash = 0;
    for (uint64_t seed = 1; seed <= 40; seed++)
        hash = hash * 31 + live(seed).trace_hash;
    for (uint64_t seed = 1; seed <= 3; seed++)
        assert_int_equal(live(seed).trace_hash, live(seed).trace_hash);
    print_message("    forty lives: %016" PRIx64 "\n", hash);
    assert_true(live(1).trace_hash != live(2).trace_hash);
}

/* ------------------------------------------------------------------------------------------- shrinking */

/* The first life in which Figure 8's mistake shows. */
static uint64_t find_figure_8(struct fl__core_plan *plan, struct fl__acts *acts)
{
    struct fl_sim_options options;
    fl_sim_options_init(&options);
    for (options.seed = 1; options.seed < 300; options.seed++) {
        struct fl_sim_result result;
        fl__plan_draw(plan, options.seed, 0);
        plan->world.raft.unsafe_commit_any_term = true;
        fl__seed_live(&options, plan, acts, &result);
        if (result.failed && strcmp(result.rule, "R6") == 0)
            return options.seed;
        fl__acts_release(acts);
    }
    fail_msg("nobody commits an entry of an older term by counting replicas");
    return 0;
}

static void test_a_failure_is_found_made_short_and_played_again_from_its_file(void **state)
{
    (void)state;
    struct fl__core_plan plan;
    struct fl__acts acts = {0};
    struct fl_sim_options options;
    struct fl_sim_play_result result;
    char text[1 << 16];
    uint64_t seed = find_figure_8(&plan, &acts);
    size_t before = acts.count;
    fl__acts_shrink(&acts, &plan, "R6");
    print_message("    seed %" PRIu64 ": %zu acts of %zu are left\n", seed, acts.count, before);
    assert_in_range(acts.count, 1, 120);
    FILE *file = tmpfile();
    assert_non_null(file);
    fl__acts_write(&acts, &plan, file);
    rewind(file);
    size_t size = fread(text, 1, sizeof text, file);
    fclose(file);
    assert_in_range(size, 100, sizeof text - 1);
    fl_sim_options_init(&options);
    assert_int_equal(fl_sim_play(text, size, &options, &result), FL_OK);
    if (result.failures != 1)
        print_error("line %u: %s\n%.*s", result.line, result.text, (int)size, text);
    assert_int_equal(result.failures, 1);
    assert_memory_equal(result.text, "R6", 2);
    fl__acts_release(&acts);
}

/* The same life without one class of faults still is a life. */
static void test_a_class_of_faults_can_be_left_out(void **state)
{
    (void)state;
    struct fl_sim_options options;
    struct fl_sim_result result;
    fl_sim_options_init(&options);
    options.mode = FL_SIM_CORES;
    for (uint32_t fault = 0; fault < FL_SIM_FAULTS; fault++) {
        struct fl__core_plan plan;
        options.seed = 11 + fault;
        options.without = 1u << fault;
        fl__plan_draw(&plan, options.seed, options.without);
        assert_int_equal(plan.weights[fault], 0);
        fl_sim_run(&options, &result);
        assert_false(result.failed);
        assert_non_null(fl_sim_fault_name((enum fl_sim_fault)fault));
    }
}

int main(void)
{
    signal(SIGABRT, on_abort);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_clusters_keep_every_invariant_and_agree_when_a_majority_heals),
        cmocka_unit_test(test_lives_that_failed_once_end_well),
        cmocka_unit_test(test_a_seed_is_the_same_life_everywhere),
        cmocka_unit_test(test_a_failure_is_found_made_short_and_played_again_from_its_file),
        cmocka_unit_test(test_a_class_of_faults_can_be_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
