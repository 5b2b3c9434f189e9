/* core_random_test.c - random runs of whole clusters under the judge's eyes: whatever the network, the disks
 * and the power do, no invariant of Raft breaks; and once they stop, the cluster agrees and answers
 * everything.
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
#include <unistd.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "cluster.h"

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

static uint64_t case_count(uint64_t usual, uint64_t many)
{
    const char *cases = getenv("FL_TEST_CASES");
    if (cases)
        return strtoull(cases, NULL, 10);
    const char *is_long = getenv("FL_TEST_LONG");
    return is_long && *is_long == '1' ? many : usual;
}

/* Enough time, without faults, for everybody to agree: elections, repair one index at a time and entries
 * shipped one by one where that is drawn. */
static fl_time_us patience(const struct cluster *cluster)
{
    const struct fl_raft_config *raft = &cluster->settings.world.raft;
    fl_index longest = 0;
    for (uint32_t n = 0; n < cluster->world->count; n++)
        if (cluster->world->nodes[n].log.last > longest)
            longest = cluster->world->nodes[n].log.last;
    return 60 * raft->election_timeout_us + 1000 * raft->heartbeat_us +
           longest * 3 * cluster->settings.delay_max;
}

static void run_seed(uint64_t seed, uint64_t *checks)
{
    struct cluster_settings settings;
    struct cluster cluster;
    current_seed = seed;
    cluster_draw(&settings, seed);
    cluster_init(&cluster, &settings);
    cluster_run(&cluster, 1500 * MILLISECOND);
    cluster_check(&cluster);
    cluster_heal(&cluster);
    bool agreed = cluster_run_to_agreement(&cluster, patience(&cluster));
    cluster_check(&cluster);
    if (!agreed) {
        print_error("seed %" PRIu64 ": no agreement after all faults ended\n", seed);
        fail();
    }
    *checks += cluster.world->judge.checks;
    cluster_release(&cluster);
}

static void test_random_clusters_keep_every_invariant_and_agree_when_faults_end(void **state)
{
    (void)state;
    uint64_t checks = 0;
    const char *seed = getenv("FL_TEST_SEED");
    if (seed) {
        run_seed(strtoull(seed, NULL, 10), &checks);
        return;
    }
    uint64_t count = case_count(600, 20000);
    for (uint64_t k = 1; k <= count; k++)
        run_seed(k, &checks);
    assert_true(checks > 1000 * count); /* The judge was there. */
}

int main(void)
{
    signal(SIGABRT, on_abort);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_clusters_keep_every_invariant_and_agree_when_faults_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
