/* core_limits_test.c - numbers at the edge: counts that must come back to zero, indexes and terms beyond 32
 * bits, and terms that nobody should believe. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "cluster.h"
#include "single.h"

/* ------------------------------------------------------------------- B54: counts that leak stop a cluster */

#define UNCOMMITTED_MAX 64u

static void churn(struct fl__cores *cluster)
{
    for (uint32_t k = 0; k < 8000; k++) {
        int leader = fl__cores_run_to_leader(cluster, 10 * SECOND);
        assert_in_range(leader, 0, 2);
        (void)fl_world_propose(cluster->world, (uint32_t)leader,
                               1 + (uint32_t)fl__chance_below(&cluster->workload, 50));
        fl__cores_run(cluster, 1 + fl__chance_below(&cluster->workload, 3 * MILLISECOND));
        if (k % 20 == 19) { /* The leader is away for a while, with what it did not commit. */
            fl__cores_isolate(cluster, (uint32_t)leader, true);
            (void)fl_world_propose(cluster->world, (uint32_t)leader, 10);
            assert_true(fl__cores_run_to_leader(cluster, 10 * SECOND) >= 0);
            fl__cores_run(cluster, 500 * MILLISECOND);
            fl__cores_isolate(cluster, (uint32_t)leader, false);
        }
    }
}

static void test_b54_after_100000_proposals_and_400_leaders_all_of_every_limit_is_free(void **state)
{
    struct fl__cores cluster;
    struct fl__core_plan plan;
    (void)state;
    fl__plan_calm(&plan, 3, 54);
    plan.world.raft.uncommitted_entries_max = UNCOMMITTED_MAX;
    plan.world.raft.window_entries = 40;
    plan.world.raft.window_messages = 3;
    plan.world.raft.window_size = 40 * plan.world.entry_size;
    plan.world.entries_max = 1u << 20;
    cluster_open(&cluster, &plan);
    churn(&cluster);
    assert_true(cluster.world->proposal_count > 100000);
    assert_true(fl__cores_run_to_agreement(&cluster, 10 * SECOND));
    int leader = fl_world_leader(cluster.world);
    assert_true(fl_world_propose(cluster.world, (uint32_t)leader, UNCOMMITTED_MAX) > 0);
    assert_int_equal(fl_world_propose(cluster.world, (uint32_t)leader, 1), FL_EFULL);
    assert_true(fl__cores_run_to_agreement(&cluster, 10 * SECOND));
    cluster_check(&cluster);
    fl__cores_close(&cluster);
}

/* ------------------------------------------------------------------ B63: indexes and terms beyond 32 bits */

/* A leader and what it sends across `last`, for a log that ends there. */
static void cross(fl_index last, fl_term term)
{
    struct single single;
    struct fl_raft_config config;
    fl_index first = 0;
    const struct fl_run runs[] = {{.term = term - 1, .first = 1}, {.term = term, .first = last / 2}};
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    fl_raft_config_init(&config);
    config.id = 1;
    config.pre_vote = config.check_quorum = false;
    struct fl_raft_start start = {.term = term,
                                  .runs = runs,
                                  .run_count = 2,
                                  .last = last,
                                  .commit = last - 1,
                                  .members = {.count = 3, .list = list}};
    single_init_with(&single, &config, &start);
    struct fl_outline same = {.present = true,
                              .runs = runs,
                              .run_count = 2,
                              .top = last,
                              .last = last,
                              .durable = last,
                              .low_is_floor = true};
    single_win(&single, &same);
    single_clear(&single);
    assert_int_equal(single_propose(&single, 5, &first), FL_OK);
    assert_int_equal(first, last + 2);
    const struct fl_message *append = single_sent(&single, FL_MSG_APPEND, 2, 0);
    assert_non_null(append);
    assert_int_equal(append->last, last + 6);
    struct fl_message reply = {.type = FL_MSG_APPEND_REPLY,
                               .from = 2,
                               .to = 1,
                               .boot = 2,
                               .term = term + 1,
                               .last = last + 6,
                               .held = last + 6,
                               .number = append->number,
                               .round = append->round};
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    struct fl_status status;
    fl_raft_status(single.raft, &status);
    assert_int_equal(status.commit, last + 6);
    assert_int_equal(fl_raft_term_at(single.raft, last), term);
    assert_int_equal(fl_raft_term_at(single.raft, last + 6), term + 1);
    single_release(&single);
}

static void test_b63_indexes_and_terms_cross_every_width(void **state)
{
    (void)state;
    for (uint32_t bits = 15; bits < 62; bits++) {
        cross(((fl_index)1 << bits) - 3, 7);
        if (bits < 48)
            cross(1000, ((fl_term)1 << bits) - 1);
    }
}

/* ----------------------------------------------------------------------------- more terms than have room */

static fl_index on_disk; /* What the host knows of: entry i is of term i. */

static fl_term term_on_disk(void *context, fl_index index)
{
    (void)context;
    assert_in_range(index, 1, on_disk);
    return index;
}

/* Entries first to first + 3, of the terms of the same numbers. */
static int give_four_terms(struct single *single, fl_index first)
{
    struct fl_run runs[4];
    struct fl_message message = single_append(2, 30, first - 1, first - 1, 0);
    for (uint32_t k = 0; k < 4; k++)
        runs[k] = (struct fl_run){.term = first + k, .first = first + k};
    message.runs = runs;
    message.run_count = 4;
    message.last = first + 3;
    return single_receive(single, &message);
}

/* The host is asked for the terms of old entries, and knows what is on its disk. */
static void test_what_is_not_durable_is_not_folded_away(void **state)
{
    struct single single;
    struct fl_raft_config config;
    (void)state;
    fl_raft_config_init(&config);
    config.id = 1;
    config.runs_max = config.outline_runs_max = 8;
    config.term_at = term_on_disk;
    const struct fl_run runs[] = {{.term = 1, .first = 1}, {.term = 2, .first = 2}};
    const struct fl_member list[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    struct fl_raft_start start = {
        .term = 30, .runs = runs, .run_count = 2, .last = 2, .members = {.count = 3, .list = list}};
    on_disk = 2;
    single_init_with(&single, &config, &start);
    single.persist_at_once = false;
    assert_int_equal(give_four_terms(&single, 3), FL_OK);
    assert_int_equal(give_four_terms(&single, 7), FL_OK);
    assert_int_equal(single_look(&single).last, 10); /* 1 and 2 are folded away. */
    assert_int_equal(give_four_terms(&single, 11), FL_EFULL);
    assert_int_equal(single_look(&single).last, 10);
    assert_int_equal(fl_raft_term_at(single.raft, 3), 3);
    on_disk = 10;
    single_persist(&single);
    assert_int_equal(give_four_terms(&single, 11), FL_OK);
    assert_int_equal(single_look(&single).last, 14);
    assert_int_equal(fl_raft_term_at(single.raft, 3), 3);
    single_release(&single);
}

/* ------------------------------------------------------------------------------------ terms out of bounds */

static void test_a_term_that_leaps_is_refused_and_changes_nothing(void **state)
{
    struct single single;
    struct fl_status status;
    (void)state;
    single_init(&single, 3, 5, NULL, 0, 0);
    const fl_term leaps[] = {UINT64_MAX, UINT64_MAX - 1, (fl_term)1 << 63, ((fl_term)1 << 33) + 5};
    for (size_t k = 0; k < sizeof leaps / sizeof *leaps; k++) {
        struct fl_message vote = single_vote(2, leaps[k], 0, 0), append = single_append(2, leaps[k], 0, 0, 0);
        assert_int_equal(single_receive(&single, &vote), FL_EMESSAGE);
        assert_int_equal(single_receive(&single, &append), FL_EMESSAGE);
    }
    fl_raft_status(single.raft, &status);
    assert_int_equal(status.term, 5);
    assert_int_equal(single_count(&single, FL_WORK_PERSIST), 0);
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    single_release(&single);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_b54_after_100000_proposals_and_400_leaders_all_of_every_limit_is_free),
        cmocka_unit_test(test_b63_indexes_and_terms_cross_every_width),
        cmocka_unit_test(test_what_is_not_durable_is_not_folded_away),
        cmocka_unit_test(test_a_term_that_leaps_is_refused_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
