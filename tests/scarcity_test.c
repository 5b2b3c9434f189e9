/* scarcity_test.c - memory that is refused once: the k-th allocation of log, host and server fails, for one k
 * after the other. A request may be refused, a connection may end, a node may stop; nothing crashes, nothing
 * is half done, and nothing acknowledged is lost.
 *
 * The floors are linked with their malloc, calloc and realloc renamed (CMakeLists.txt), so that neither the
 * world nor the tests run short. FL_TEST_CASES sets how many allocations fail, FL_TEST_LONG=1 makes it
 * all. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "listeners.h"
#include "nodes.h"
#include "seeds.h"
#include "sim.h"

/* ------------------------------------------------------------------------------------------ scarce memory */

void *fl__scarce_malloc(size_t size);
void *fl__scarce_calloc(size_t count, size_t size);
void *fl__scarce_realloc(void *memory, size_t size);

static uint64_t asked, refused_at; /* Allocations so far; the one that fails, 0: none. */

static bool is_refused(void)
{
    return ++asked == refused_at;
}

void *fl__scarce_malloc(size_t size)
{
    return is_refused() ? NULL : malloc(size);
}

void *fl__scarce_calloc(size_t count, size_t size)
{
    return is_refused() ? NULL : calloc(count, size);
}

void *fl__scarce_realloc(void *memory, size_t size)
{
    return is_refused() ? NULL : realloc(memory, size);
}

/* Calls story(k) for one k after the other, of as many as the story without failures asks for. */
static void for_each_allocation(void (*story)(uint64_t k), uint64_t cases)
{
    story(0);
    uint64_t count = asked, stride = cases < count ? count / cases : 1;
    assert_true(count > 100);
    for (uint64_t k = 1; k <= count; k += stride)
        story(k);
}

/* -------------------------------------------------------------------------------------------------- nodes */

static void open_all(struct nodes *nodes)
{
    for (uint32_t n = 0; n < nodes->count; n++)
        if (!nodes->hosts[n].node && nodes_open(nodes, n) != FL_OK)
            assert_int_equal(nodes_open(nodes, n), FL_OK); /* The second time there is memory. */
}

/* Three nodes are founded, take commands and start again. */
static void live_as_nodes(uint64_t k)
{
    struct nodes nodes;
    asked = 0;
    refused_at = k;
    nodes_init(&nodes, 3, 7);
    nodes.options.segment_size = 4096;
    open_all(&nodes);
    nodes_run(&nodes, 3 * NODES_SECOND);
    for (uint32_t round = 0; round < 10; round++) {
        for (uint32_t n = 0; n < nodes.count; n++)
            (void)nodes_propose(&nodes, n);
        (void)nodes_read(&nodes, round % nodes.count);
        nodes_run(&nodes, NODES_SECOND / 20);
    }
    nodes_run(&nodes, 6 * NODES_SECOND);
    for (uint32_t n = 0; n < nodes.count; n++)
        nodes_close(&nodes, n);
    open_all(&nodes);
    (void)nodes_await_leader(&nodes);
    if (!nodes_settle(&nodes, 20 * NODES_SECOND))
        fail_msg("allocation %" PRIu64 ": it never came to rest", k);
    assert_true(k > 0 || nodes.told_count >= 30); /* Founding may have had to wait. */
    nodes_check(&nodes);
    nodes_release(&nodes);
}

static void test_nodes_survive_each_allocation_that_fails(void **state)
{
    (void)state;
    for_each_allocation(live_as_nodes, seeds_count(150, 1000000));
}

/* ------------------------------------------------------------------------------------------------ servers */

static uint64_t seed;

/* A node that has stopped for want of memory is no failure of the others, but they may be too few. */
static void live_as_servers(uint64_t k)
{
    struct fl_sim_options options;
    struct fl_sim_result result;
    asked = 0;
    refused_at = k;
    fl_sim_options_init(&options);
    options.seed = seed;
    options.mode = FL_SIM_SERVERS;
    fl_sim_run(&options, &result);
    bool is_stopped = k > 0 && (strcmp(result.rule, "V1") == 0 || strcmp(result.rule, "S1") == 0);
    if (result.failed && !is_stopped)
        fail_msg("seed %" PRIu64 ", allocation %" PRIu64 ": %s", seed, k, result.text);
}

static void test_servers_survive_each_allocation_that_fails(void **state)
{
    (void)state;
    for (seed = 1; seed <= 3; seed++)
        for_each_allocation(live_as_servers, seeds_count(60, 3000));
}

/* ---------------------------------------------------------------------------------------------- listeners */

static void live_as_listeners(uint64_t k)
{
    asked = 0;
    refused_at = k;
    listeners_live();
}

static void test_listeners_survive_each_allocation_that_fails(void **state)
{
    (void)state;
    for_each_allocation(live_as_listeners, 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listeners_survive_each_allocation_that_fails),
        cmocka_unit_test(test_nodes_survive_each_allocation_that_fails),
        cmocka_unit_test(test_servers_survive_each_allocation_that_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
