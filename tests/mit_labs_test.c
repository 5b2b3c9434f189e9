/* mit_labs_test.c - the scenarios of the Raft labs of MIT's course 6.5840, parts 2A (elections), 2B (logs)
 * and 2C (persistence), under the names that their students know. What each checks is checked here; the judge
 * checks the rest of Raft at every step besides.
 *
 * Time is virtual: election time-outs are 200 ms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "cluster.h"

#define PATIENCE (10 * SECOND)

/* ------------------------------------------------------------------------------------------------ steps */

static void begin(struct fl__cores *cluster, uint32_t servers, uint64_t seed)
{
    struct fl__core_plan plan;
    fl__plan_calm(&plan, servers, seed);
    cluster_open(cluster, &plan);
}

/* Messages get lost, come late or twice, and out of order. */
static void begin_unreliable(struct fl__cores *cluster, uint32_t servers, uint64_t seed)
{
    struct fl__core_plan plan;
    fl__plan_calm(&plan, servers, seed);
    plan.loss_chance = 100;
    plan.late_chance = 100;
    plan.late_max = 300 * MILLISECOND;
    plan.double_chance = 30;
    plan.museum_chance = 10;
    plan.may_reorder = true;
    cluster_open(cluster, &plan);
}

static void end(struct fl__cores *cluster)
{
    cluster_check(cluster);
    fl__cores_close(cluster);
}

static uint32_t one_leader(struct fl__cores *cluster)
{
    int leader = fl__cores_run_to_leader(cluster, PATIENCE);
    cluster_check(cluster);
    assert_in_range(leader, 0, FL_WORLD_NODES_MAX - 1);
    assert_int_equal(fl__cores_leaders(cluster, fl_world_status(cluster->world, (uint32_t)leader).term), 1);
    return (uint32_t)leader;
}

/* A write that so many servers come to apply. */
static void agree(struct fl__cores *cluster, uint32_t servers)
{
    bool agreed = fl__cores_write(cluster, servers, PATIENCE);
    cluster_check(cluster);
    assert_true(agreed);
}

static uint32_t after(const struct fl__cores *cluster, uint32_t node, uint32_t by)
{
    return (node + by) % cluster->world->count;
}

static void write_to(struct fl__cores *cluster, uint32_t leader, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        (void)fl_world_propose(cluster->world, leader, 1);
}

/* The same connected servers lead, and their term does not rise. */
static void check_calm(struct fl__cores *cluster)
{
    uint32_t leader = one_leader(cluster);
    fl_term term = fl_world_status(cluster->world, leader).term;
    fl__cores_run(cluster, 5 * SECOND);
    assert_int_equal(fl_world_status(cluster->world, leader).term, term);
    assert_int_equal(fl_world_status(cluster->world, leader).role, FL_LEADER);
}

/* A leader that reaches nobody steps down: so nobody leads when nobody has a quorum. */
static void check_no_leader(struct fl__cores *cluster)
{
    fl__cores_run(cluster, 2 * SECOND);
    assert_int_equal(fl__cores_leaders(cluster, 0), 0);
}

static void crash_and_restart(struct fl__cores *cluster, uint32_t node)
{
    fl__cores_crash(cluster, node);
    fl__cores_restart(cluster, node);
}

/* --------------------------------------------------------------------------------------------------- 2A */

static void test_initial_election_2a(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 1);
    one_leader(&cluster);
    assert_true(fl_world_status(cluster.world, 0).term >= 1);
    check_calm(&cluster);
    end(&cluster);
}

static void test_re_election_2a(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 2);
    uint32_t first = one_leader(&cluster);
    fl__cores_isolate(&cluster, first, true);
    fl__cores_run(&cluster, SECOND);
    uint32_t second = one_leader(&cluster);
    assert_int_not_equal(first, second);
    fl__cores_isolate(&cluster, first, false); /* An old leader that comes back disturbs nobody. */
    check_calm(&cluster);
    second = one_leader(&cluster);
    fl__cores_isolate(&cluster, second, true);
    fl__cores_isolate(&cluster, after(&cluster, second, 1), true);
    check_no_leader(&cluster);
    fl__cores_isolate(&cluster, after(&cluster, second, 1), false);
    one_leader(&cluster);
    fl__cores_isolate(&cluster, second, false);
    one_leader(&cluster);
    end(&cluster);
}

static void test_many_elections_2a(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 7, 3);
    one_leader(&cluster);
    for (uint32_t k = 0; k < 10; k++) {
        uint32_t away[3];
        for (uint32_t i = 0; i < 3; i++) {
            away[i] = (uint32_t)fl__chance_below(&cluster.workload, 7);
            fl__cores_isolate(&cluster, away[i], true);
        }
        one_leader(&cluster); /* Four at least are connected. */
        for (uint32_t i = 0; i < 3; i++)
            fl__cores_isolate(&cluster, away[i], false);
    }
    one_leader(&cluster);
    end(&cluster);
}

/* --------------------------------------------------------------------------------------------------- 2B */

static void test_basic_agree_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 4);
    one_leader(&cluster);
    fl_index before = cluster.world->judge.committed;
    for (uint32_t k = 1; k <= 3; k++) {
        assert_int_equal(fl__cores_holders(&cluster, before + k),
                         0); /* Nothing is committed before it is written. */
        agree(&cluster, 3);
        assert_int_equal(cluster.world->judge.committed, before + k);
    }
    end(&cluster);
}

/* Each payload goes to each follower once. */
static void test_rpc_bytes_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 5);
    one_leader(&cluster);
    agree(&cluster, 3);
    uint64_t before = cluster.world->sent_entries;
    for (uint32_t k = 0; k < 10; k++)
        agree(&cluster, 3);
    assert_int_equal(cluster.world->sent_entries - before, 10 * 2);
    end(&cluster);
}

static void test_follower_failure_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 6);
    agree(&cluster, 3);
    uint32_t leader = one_leader(&cluster);
    fl__cores_isolate(&cluster, after(&cluster, leader, 1), true);
    agree(&cluster, 2);
    fl__cores_run(&cluster, SECOND);
    agree(&cluster, 2);
    leader = one_leader(&cluster);
    fl__cores_isolate(&cluster, after(&cluster, leader, 1), true);
    fl__cores_isolate(&cluster, after(&cluster, leader, 2), true);
    fl_index before = cluster.world->judge.committed;
    write_to(&cluster, leader, 1);
    fl__cores_run(&cluster, 2 * SECOND);
    assert_int_equal(cluster.world->judge.committed, before);
    end(&cluster);
}

static void test_leader_failure_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 7);
    agree(&cluster, 3);
    fl__cores_isolate(&cluster, one_leader(&cluster), true);
    fl__cores_run(&cluster, SECOND);
    agree(&cluster, 2);
    agree(&cluster, 2);
    fl__cores_isolate(&cluster, one_leader(&cluster), true);
    fl_index before = cluster.world->judge.committed;
    for (uint32_t n = 0; n < 3; n++)
        write_to(&cluster, n, 1);
    fl__cores_run(&cluster, 2 * SECOND);
    assert_int_equal(cluster.world->judge.committed, before);
    end(&cluster);
}

static void test_fail_agree_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 8);
    agree(&cluster, 3);
    uint32_t away = after(&cluster, one_leader(&cluster), 1);
    fl__cores_isolate(&cluster, away, true);
    agree(&cluster, 2);
    agree(&cluster, 2);
    fl__cores_run(&cluster, SECOND);
    agree(&cluster, 2);
    agree(&cluster, 2);
    fl__cores_isolate(&cluster, away, false);
    agree(&cluster, 3);
    fl__cores_run(&cluster, SECOND);
    agree(&cluster, 3);
    end(&cluster);
}

static void test_fail_no_agree_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 5, 9);
    agree(&cluster, 5);
    uint32_t leader = one_leader(&cluster);
    for (uint32_t k = 1; k <= 3; k++)
        fl__cores_isolate(&cluster, after(&cluster, leader, k), true);
    fl_index before = cluster.world->judge.committed;
    write_to(&cluster, leader, 1);
    fl__cores_run(&cluster, 2 * SECOND);
    assert_int_equal(cluster.world->judge.committed, before);
    for (uint32_t k = 1; k <= 3; k++)
        fl__cores_isolate(&cluster, after(&cluster, leader, k), false);
    one_leader(&cluster);
    agree(&cluster, 5);
    end(&cluster);
}

/* Five at the same time in one term have five indexes. */
static void test_concurrent_starts_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 10);
    uint32_t leader = one_leader(&cluster);
    int first = fl_world_propose(cluster.world, leader, 1);
    assert_true(first > 0);
    write_to(&cluster, leader, 4);
    assert_true(fl__cores_run_to_agreement(&cluster, PATIENCE));
    const struct fl_world_proposal *writes = cluster.world->proposals + first - 1;
    for (uint32_t k = 0; k < 5; k++) {
        assert_int_equal(writes[k].outcome, FL_DONE);
        assert_int_equal(writes[k].index, writes[0].index + k);
        assert_int_equal(fl__cores_holders(&cluster, writes[k].index), 3);
    }
    end(&cluster);
}

static void test_rejoin_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 11);
    agree(&cluster, 3);
    uint32_t first = one_leader(&cluster);
    fl__cores_isolate(&cluster, first, true);
    write_to(&cluster, first, 3); /* Which will be lost. */
    agree(&cluster, 2);
    uint32_t second = one_leader(&cluster);
    assert_int_not_equal(first, second);
    fl__cores_isolate(&cluster, second, true);
    fl__cores_isolate(&cluster, first, false);
    agree(&cluster, 2);
    fl__cores_isolate(&cluster, second, false);
    agree(&cluster, 3);
    end(&cluster);
}

/* Five servers, of which two and then two others gather fifty entries that nobody else has. */
static void test_backup_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 5, 12);
    agree(&cluster, 5);
    uint32_t first = one_leader(&cluster);
    for (uint32_t k = 2; k <= 4; k++)
        fl__cores_isolate(&cluster, after(&cluster, first, k), true);
    write_to(&cluster, first, 50);
    fl__cores_run(&cluster, 500 * MILLISECOND);
    fl__cores_isolate(&cluster, first, true);
    fl__cores_isolate(&cluster, after(&cluster, first, 1), true);
    for (uint32_t k = 2; k <= 4; k++)
        fl__cores_isolate(&cluster, after(&cluster, first, k), false);
    for (uint32_t k = 0; k < 50; k++)
        agree(&cluster, 3);
    uint32_t second = one_leader(&cluster), third = after(&cluster, first, 2);
    third = third == second ? after(&cluster, first, 3) : third;
    fl__cores_isolate(&cluster, third, true);
    write_to(&cluster, second, 50);
    fl__cores_run(&cluster, 500 * MILLISECOND);
    for (uint32_t n = 0; n < 5; n++)
        fl__cores_isolate(&cluster, n, true);
    fl__cores_isolate(&cluster, first, false);
    fl__cores_isolate(&cluster, after(&cluster, first, 1), false);
    fl__cores_isolate(&cluster, third, false);
    for (uint32_t k = 0; k < 50; k++)
        agree(&cluster, 3);
    for (uint32_t n = 0; n < 5; n++)
        fl__cores_isolate(&cluster, n, false);
    agree(&cluster, 5);
    for (uint32_t n = 0; n < 5; n++)
        assert_in_range(cluster.world->nodes[n].repair.rejections, 0, 1);
    end(&cluster);
}

/* Elections, agreement and rest take few messages. The course counts calls: a message and its answer. */
static void test_count_2b(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 13);
    uint32_t leader = one_leader(&cluster);
    assert_in_range(cluster.world->sent_messages, 1, 30);
    uint64_t before = cluster.world->sent_messages;
    write_to(&cluster, leader, 10);
    assert_true(fl__cores_run_to_agreement(&cluster, PATIENCE));
    assert_in_range(cluster.world->sent_messages - before, 1, 2 * (10 + 1 + 3) * 3);
    before = cluster.world->sent_messages;
    fl__cores_run(&cluster, SECOND); /* 50 heartbeats to two followers, and their answers. */
    assert_in_range(cluster.world->sent_messages - before, 1, 50 * 2 * 2 + 10);
    end(&cluster);
}

/* --------------------------------------------------------------------------------------------------- 2C */

static void test_persist_1_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 14);
    agree(&cluster, 3);
    for (uint32_t n = 0; n < 3; n++)
        crash_and_restart(&cluster, n);
    agree(&cluster, 3);
    uint32_t first = one_leader(&cluster);
    crash_and_restart(&cluster, first);
    agree(&cluster, 3);
    uint32_t second = one_leader(&cluster);
    fl__cores_crash(&cluster, second);
    agree(&cluster, 2);
    fl__cores_restart(&cluster, second);
    fl__cores_run(&cluster, SECOND);
    uint32_t third = after(&cluster, one_leader(&cluster), 1);
    fl__cores_crash(&cluster, third);
    agree(&cluster, 2);
    fl__cores_restart(&cluster, third);
    agree(&cluster, 3);
    end(&cluster);
}

static void persist_2_round(struct fl__cores *cluster)
{
    agree(cluster, 5);
    uint32_t leader = one_leader(cluster);
    fl__cores_crash(cluster, after(cluster, leader, 1));
    fl__cores_crash(cluster, after(cluster, leader, 2));
    agree(cluster, 3);
    for (uint32_t k = 0; k < 5; k++)
        if (k != 1 && k != 2)
            fl__cores_crash(cluster, after(cluster, leader, k));
    fl__cores_restart(cluster, after(cluster, leader, 1));
    fl__cores_restart(cluster, after(cluster, leader, 2));
    fl__cores_run(cluster, SECOND);
    fl__cores_restart(cluster, after(cluster, leader, 3));
    agree(cluster, 3);
    fl__cores_restart(cluster, after(cluster, leader, 4));
    fl__cores_restart(cluster, leader);
}

static void test_persist_2_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 5, 15);
    for (uint32_t k = 0; k < 5; k++)
        persist_2_round(&cluster);
    agree(&cluster, 5);
    end(&cluster);
}

static void test_persist_3_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 3, 16);
    agree(&cluster, 3);
    uint32_t leader = one_leader(&cluster);
    fl__cores_isolate(&cluster, after(&cluster, leader, 2), true);
    agree(&cluster, 2);
    fl__cores_crash(&cluster, leader);
    fl__cores_crash(&cluster, after(&cluster, leader, 1));
    fl__cores_isolate(&cluster, after(&cluster, leader, 2), false);
    fl__cores_restart(&cluster, leader);
    agree(&cluster, 2);
    fl__cores_restart(&cluster, after(&cluster, leader, 1));
    agree(&cluster, 3);
    end(&cluster);
}

static uint32_t count_alive(const struct fl__cores *cluster)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < cluster->world->count; n++)
        count += cluster->world->nodes[n].is_alive;
    return count;
}

/* Leaders that write and crash, some at once and some after a while; servers come back when fewer than a
 * majority are left. */
static void test_figure_8_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 5, 17);
    agree(&cluster, 1);
    for (uint32_t k = 0; k < 1000; k++) {
        int leader = fl_world_leader(cluster.world);
        if (leader >= 0)
            write_to(&cluster, (uint32_t)leader, 1);
        bool long_wait = fl__chance_below(&cluster.workload, 1000) < 100;
        fl__cores_run(&cluster,
                      fl__chance_below(&cluster.workload, long_wait ? 500 * MILLISECOND : 13 * MILLISECOND));
        if (leader >= 0)
            fl__cores_crash(&cluster, (uint32_t)leader);
        uint32_t other = (uint32_t)fl__chance_below(&cluster.workload, 5);
        if (count_alive(&cluster) < 3)
            fl__cores_restart(&cluster, other);
    }
    for (uint32_t n = 0; n < 5; n++)
        fl__cores_restart(&cluster, n);
    agree(&cluster, 5);
    end(&cluster);
}

static void test_unreliable_agree_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin_unreliable(&cluster, 5, 18);
    for (uint32_t k = 0; k < 50; k++) {
        int leader = fl_world_leader(cluster.world);
        if (leader >= 0)
            write_to(&cluster, (uint32_t)leader, 4);
        agree(&cluster, 1);
    }
    fl__cores_heal_all(&cluster);
    agree(&cluster, 5);
    end(&cluster);
}

static void test_figure_8_unreliable_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin_unreliable(&cluster, 5, 19);
    agree(&cluster, 1);
    uint32_t away = 0;
    bool is_away[5] = {false};
    for (uint32_t k = 0; k < 1000; k++) {
        int leader = fl_world_leader(cluster.world);
        for (uint32_t n = 0; n < 5; n++)
            write_to(&cluster, n, 1);
        bool long_wait = fl__chance_below(&cluster.workload, 1000) < 100;
        fl__cores_run(&cluster,
                      fl__chance_below(&cluster.workload, long_wait ? 500 * MILLISECOND : 13 * MILLISECOND));
        if (leader >= 0 && !is_away[leader] && fl__chance_below(&cluster.workload, 2)) {
            fl__cores_isolate(&cluster, (uint32_t)leader, true);
            is_away[leader] = true;
            away++;
        }
        uint32_t other = (uint32_t)fl__chance_below(&cluster.workload, 5);
        if (away > 2 && is_away[other]) {
            fl__cores_isolate(&cluster, other, false);
            is_away[other] = false;
            away--;
        }
    }
    fl__cores_heal_all(&cluster);
    agree(&cluster, 5);
    end(&cluster);
}

static void churn(struct fl__cores *cluster)
{
    for (uint32_t k = 0; k < 20; k++) {
        if (fl__chance_below(&cluster->workload, 1000) < 200)
            fl__cores_isolate(cluster, (uint32_t)fl__chance_below(&cluster->workload, 5), true);
        uint32_t restarted = (uint32_t)fl__chance_below(&cluster->workload, 5);
        if (fl__chance_below(&cluster->workload, 1000) < 500) {
            fl__cores_restart(cluster, restarted);
            fl__cores_isolate(cluster, restarted, false);
        }
        if (fl__chance_below(&cluster->workload, 1000) < 200)
            fl__cores_crash(cluster, (uint32_t)fl__chance_below(&cluster->workload, 5));
        for (uint32_t w = 0; w < 10; w++) {
            int leader = fl_world_leader(cluster->world);
            if (leader >= 0)
                write_to(cluster, (uint32_t)leader, 1);
            fl__cores_run(cluster, 14 * MILLISECOND);
        }
    }
    fl__cores_heal_all(cluster);
    agree(cluster, 5);
    assert_true(fl__cores_run_to_agreement(cluster, PATIENCE));
}

static void test_reliable_churn_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin(&cluster, 5, 20);
    churn(&cluster);
    end(&cluster);
}

static void test_unreliable_churn_2c(void **state)
{
    struct fl__cores cluster;
    (void)state;
    begin_unreliable(&cluster, 5, 21);
    churn(&cluster);
    end(&cluster);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_initial_election_2a),
        cmocka_unit_test(test_re_election_2a),
        cmocka_unit_test(test_many_elections_2a),
        cmocka_unit_test(test_basic_agree_2b),
        cmocka_unit_test(test_rpc_bytes_2b),
        cmocka_unit_test(test_follower_failure_2b),
        cmocka_unit_test(test_leader_failure_2b),
        cmocka_unit_test(test_fail_agree_2b),
        cmocka_unit_test(test_fail_no_agree_2b),
        cmocka_unit_test(test_concurrent_starts_2b),
        cmocka_unit_test(test_rejoin_2b),
        cmocka_unit_test(test_backup_2b),
        cmocka_unit_test(test_count_2b),
        cmocka_unit_test(test_persist_1_2c),
        cmocka_unit_test(test_persist_2_2c),
        cmocka_unit_test(test_persist_3_2c),
        cmocka_unit_test(test_figure_8_2c),
        cmocka_unit_test(test_unreliable_agree_2c),
        cmocka_unit_test(test_figure_8_unreliable_2c),
        cmocka_unit_test(test_reliable_churn_2c),
        cmocka_unit_test(test_unreliable_churn_2c),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
