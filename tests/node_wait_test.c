/* node_wait_test.c - how many voters hold an entry durably, asked of any node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "nodes.h"

/* Three nodes at rest; who leads, who follows, and the last entry. */
struct trio {
    struct nodes nodes;
    uint32_t leader, follower, third;
    fl_index last;
};

static void rest(struct trio *trio)
{
    assert_true(nodes_settle(&trio->nodes, 20 * NODES_SECOND));
    trio->leader = nodes_await_leader(&trio->nodes);
    trio->follower = (trio->leader + 1) % 3;
    trio->third = (trio->leader + 2) % 3;
    trio->last = nodes_status(&trio->nodes, trio->leader).last;
}

static void begin(struct trio *trio, uint64_t seed)
{
    nodes_init(&trio->nodes, 3, seed);
    nodes_open_all(&trio->nodes);
    nodes_await_leader(&trio->nodes);
    rest(trio);
}

static void end(struct trio *trio)
{
    nodes_check(&trio->nodes);
    nodes_release(&trio->nodes);
}

static void expect_holders(const struct nodes_ask *wait, uint32_t holders)
{
    assert_int_equal(wait->answers, 1);
    assert_int_equal(wait->outcome, FL_OK);
    assert_int_equal(wait->request.holders, holders);
}

static void test_a_wait_says_how_many_hold_an_entry_durably(void **state)
{
    struct trio trio;
    (void)state;
    begin(&trio, 66);
    struct nodes *nodes = &trio.nodes;
    nodes_close(nodes, trio.third);
    nodes_propose(nodes, trio.follower);
    assert_true(nodes_settle(nodes, 20 * NODES_SECOND));
    fl_index last = nodes_status(nodes, trio.leader).last;
    const uint32_t asked[] = {trio.leader, trio.follower};
    for (uint32_t k = 0; k < 2; k++) {
        struct nodes_ask *all = nodes_wait(nodes, asked[k], last, 3, NODES_SECOND / 2);
        struct nodes_ask *most = nodes_wait(nodes, asked[k], last, 2, 0);
        nodes_run(nodes, NODES_SECOND / 4);
        expect_holders(most, 2);
        assert_int_equal(all->answers, 0);
        nodes_run(nodes, NODES_SECOND / 2);
        expect_holders(all, 2);
    }
    struct nodes_ask *all = nodes_wait(nodes, trio.follower, last, 3, 0);
    nodes_open_all(nodes);
    nodes_run(nodes, 3 * NODES_SECOND);
    expect_holders(all, 3);
    end(&trio);
}

/* It may have counted entries that were overwritten since (paper, Figure 8). */
static void test_a_wait_does_not_count_by_what_an_earlier_leader_knew(void **state)
{
    struct trio trio;
    (void)state;
    begin(&trio, 67);
    struct nodes *nodes = &trio.nodes;
    const uint32_t left[] = {trio.follower, trio.third};
    struct nodes_ask *waits[2];
    for (uint32_t k = 0; k < 2; k++)
        waits[k] = nodes_wait(nodes, left[k], trio.last, 3, 0);
    nodes_run(nodes, NODES_SECOND);
    for (uint32_t k = 0; k < 2; k++)
        expect_holders(waits[k], 3);
    nodes_kill(nodes, trio.leader);
    uint32_t next = nodes_await_leader(nodes);
    assert_int_not_equal(next, trio.leader);
    for (uint32_t k = 0; k < 2; k++)
        waits[k] = nodes_wait(nodes, left[k], trio.last, 3, NODES_SECOND);
    nodes_run(nodes, 2 * NODES_SECOND);
    for (uint32_t k = 0; k < 2; k++)
        expect_holders(waits[k], 2);
    end(&trio);
}

/* Its answer was on the way, slowly, when it was deposed. */
static void test_an_answer_of_an_earlier_leader_that_comes_late_does_not_count(void **state)
{
    struct trio trio;
    (void)state;
    begin(&trio, 68);
    struct nodes *nodes = &trio.nodes;
    nodes_link(nodes, trio.leader, trio.follower, false);
    nodes_link(nodes, trio.leader, trio.third, false);
    struct nodes_ask *wait = nodes_wait(nodes, trio.follower, trio.last, 3, 4 * NODES_SECOND);
    nodes_run(nodes, 2 * NODES_SECOND);
    assert_int_not_equal(nodes_status(nodes, trio.follower).leader, nodes_status(nodes, trio.leader).id);
    nodes_link(nodes, trio.leader, trio.follower, true);
    nodes_run(nodes, NODES_SECOND);
    assert_int_equal(wait->answers, 0);
    nodes_run(nodes, 2 * NODES_SECOND);
    expect_holders(wait, 2);
    nodes_link(nodes, trio.leader, trio.third, true);
    end(&trio);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_wait_says_how_many_hold_an_entry_durably),
        cmocka_unit_test(test_a_wait_does_not_count_by_what_an_earlier_leader_knew),
        cmocka_unit_test(test_an_answer_of_an_earlier_leader_that_comes_late_does_not_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
