/* node_space_test.c - nodes whose disks are full: what they still do, and that they go on once there is
 * space. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "nodes.h"

static void propose_everywhere(struct nodes *nodes)
{
    for (uint32_t k = 0; k < 10; k++)
        for (uint32_t n = 0; n < nodes->count; n++)
            (void)nodes_propose(nodes, n);
}

/* Proposes at the leader, one after the other, until a command is refused for want of space. */
static void fill_disks(struct nodes *nodes, uint32_t leader)
{
    struct nodes_ask *ask;
    do {
        assert_in_range(nodes->commands, 0, 5000);
        ask = nodes_propose(nodes, leader);
        nodes_run(nodes, 20000);
        assert_int_equal(ask->answers, 1); /* None of them waits for space. */
    } while (ask->outcome == FL_OK);
    assert_int_equal(ask->outcome, FL_ENOSPC);
}

/* On disks that are full, of the leader or of the others, writes are refused, and reads, elections and starts
 * go on. */
static void test_a_cluster_on_full_disks_reads_and_elects(void **state)
{
    (void)state;
    for (uint32_t full = 1; full < 8; full++) { /* A bit for each. */
        struct nodes nodes;
        nodes_init(&nodes, 3, 600 + full);
        nodes.options.segment_size = 16384;
        nodes_open_all(&nodes);
        uint32_t leader = nodes_await_leader(&nodes), others = 0;
        propose_everywhere(&nodes);
        assert_true(nodes_settle(&nodes, 20 * NODES_SECOND));
        for (uint32_t n = 0; n < 3; n++) {
            others += n != leader && full >> n & 1;
            if (full >> n & 1)
                fl__disk_set_capacity(nodes.hosts[n].disk, fl__disk_used(nodes.hosts[n].disk) + 8000);
        }
        if (full >> leader & 1 || others == 2) {
            fill_disks(&nodes, leader);
            nodes_kill(&nodes, leader);
            leader = nodes_await_leader(&nodes);
            struct nodes_ask *read = nodes_read(&nodes, leader);
            nodes_run(&nodes, NODES_SECOND);
            assert_int_equal(read->outcome, FL_OK);
            for (uint32_t n = 0; n < 3; n++)
                nodes_kill(&nodes, n);
            nodes_open_all(&nodes);
            leader = nodes_await_leader(&nodes);
        }
        for (uint32_t n = 0; n < 3; n++)
            fl__disk_set_capacity(nodes.hosts[n].disk, UINT64_MAX);
        nodes_run(&nodes, 10 * NODES_SECOND);
        propose_everywhere(&nodes);
        assert_true(nodes_settle(&nodes, 20 * NODES_SECOND));
        nodes_check(&nodes);
        nodes_release(&nodes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cluster_on_full_disks_reads_and_elects),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
