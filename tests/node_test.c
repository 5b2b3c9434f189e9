/* node_test.c - whole nodes (log, transport, core, forwarding, reads) in clusters, on disks and a network in
 * memory: what node.h promises, while nodes crash, lose power, are wiped, and disks fail or fill.
 *
 * FL_TEST_CASES sets the number of random runs, FL_TEST_LONG=1 makes it many, FL_TEST_SEED runs one,
 * FL_TEST_TRACE=1 shows what nodes say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "nodes.h"
#include "records.h"
#include "seeds.h"

static void begin(struct nodes *nodes, uint32_t count, uint64_t seed)
{
    nodes_init(nodes, count, seed);
    nodes_open_all(nodes);
    nodes_await_leader(nodes);
}

static void end(struct nodes *nodes)
{
    nodes_check(nodes);
    nodes_release(nodes);
}

static void settle(struct nodes *nodes)
{
    if (!nodes_settle(nodes, 20 * NODES_SECOND))
        fail_msg("seed %llu: it never came to rest", (unsigned long long)nodes->seed);
}

static uint32_t other(const struct nodes *nodes, uint32_t n)
{
    return (n + 1) % nodes->count;
}

static void propose_everywhere(struct nodes *nodes, uint32_t each)
{
    for (uint32_t k = 0; k < each; k++)
        for (uint32_t n = 0; n < nodes->count; n++)
            (void)nodes_propose(nodes, n);
}

/* ----------------------------------------------------------------------------------------- what it is for */

static void test_nodes_found_a_cluster_and_agree_whoever_is_asked(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint32_t count = 1; count <= 5; count += 2) {
        begin(&nodes, count, count);
        propose_everywhere(&nodes, 50);
        settle(&nodes);
        assert_int_equal(nodes.told_count, 50 * count);
        for (uint32_t n = 0; n < count; n++)
            assert_int_equal(nodes.hosts[n].count, 50 * count);
        end(&nodes);
    }
}

static void test_commands_proposed_on_one_node_keep_their_order(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 4);
    uint32_t follower = other(&nodes, nodes_await_leader(&nodes));
    for (uint32_t k = 0; k < 200; k++)
        (void)nodes_propose(&nodes, follower);
    settle(&nodes);
    assert_int_equal(nodes.hosts[0].count, 200);
    for (uint32_t k = 0; k < 200; k++)
        assert_int_equal(nodes.hosts[0].list[k], k + 1);
    end(&nodes);
}

static void test_a_read_anywhere_holds_what_was_acknowledged_anywhere(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 5);
    for (uint32_t k = 0; k < 100; k++) {
        (void)nodes_propose(&nodes, k % 3);
        nodes_run(&nodes, 1 + nodes_random(&nodes, 5000));
        for (uint32_t n = 0; n < 3; n++)
            (void)nodes_read(&nodes, n); /* Looks at the state by itself. */
    }
    settle(&nodes);
    for (const struct nodes_ask *ask = nodes.asks; ask; ask = ask->next)
        assert_int_equal(ask->outcome, FL_OK);
    end(&nodes);
}

static void test_the_same_seed_gives_the_same_history(void **state)
{
    fl_time_us times[2];
    uint64_t calls[2];
    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        struct nodes nodes;
        begin(&nodes, 3, 6);
        propose_everywhere(&nodes, 30);
        settle(&nodes);
        times[k] = fl__world_now(nodes.world);
        calls[k] = fl__memory_calls(nodes.hosts[1].io);
        end(&nodes);
    }
    assert_int_equal(times[0], times[1]);
    assert_int_equal(calls[0], calls[1]);
}

/* What it missed is old, and nothing new is written: else keys would live for hours under it, and die at once
 * under the next leader. */
static void test_a_node_that_comes_back_late_leads_by_the_clock_of_today(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 7);
    uint32_t before = nodes_await_leader(&nodes), late = other(&nodes, before);
    nodes_close(&nodes, late);
    (void)nodes_propose(&nodes, before);
    nodes_run(&nodes, 300 * NODES_SECOND);
    nodes_open_all(&nodes);
    settle(&nodes);
    nodes_close(&nodes, before);
    assert_int_equal(nodes_await_leader(&nodes), late);
    uint64_t wall_us = nodes.hosts[late].io->vtable->wall_clock_us(nodes.hosts[late].io);
    assert_in_range(nodes_status(&nodes, late).leader_time_us, wall_us - NODES_SECOND, wall_us);
    end(&nodes);
}

static uint64_t leaders_time(const struct nodes *nodes, uint32_t n)
{
    return nodes_status(nodes, n).leader_time_us;
}

/* Else the log's clock would hurry after the wall's for as long as nobody was there, and keys' lives would be
 * short. */
static void test_after_hours_without_any_node_the_clock_is_right_at_once(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 8);
    (void)nodes_propose(&nodes, 0);
    settle(&nodes);
    for (uint32_t n = 0; n < 3; n++)
        nodes_close(&nodes, n);
    nodes_run(&nodes, 7200 * NODES_SECOND);
    nodes_open_all(&nodes);
    uint32_t leader = nodes_await_leader(&nodes);
    uint64_t wall_us = nodes.hosts[leader].io->vtable->wall_clock_us(nodes.hosts[leader].io);
    assert_in_range(leaders_time(&nodes, leader), wall_us - NODES_SECOND, wall_us);
    end(&nodes);
}

static void test_a_node_whose_wall_clock_is_far_ahead_does_not_take_the_others_with_it(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 12);
    uint32_t before = nodes_await_leader(&nodes), odd = other(&nodes, before);
    (void)nodes_propose(&nodes, before);
    settle(&nodes);
    nodes_close(&nodes, odd);
    nodes_run(&nodes, 2 * NODES_SECOND);
    nodes_open_all(&nodes);
    fl__memory_jump_wall_clock(nodes.hosts[odd].io, 86400 * (int64_t)NODES_SECOND);
    settle(&nodes);
    uint64_t time_us = leaders_time(&nodes, before);
    nodes_close(&nodes, before);
    assert_int_equal(nodes_await_leader(&nodes), odd);
    assert_in_range(leaders_time(&nodes, odd), time_us, time_us + NODES_SECOND);
    end(&nodes);
}

/* ------------------------------------------------------------------------------------------------ crashes */

static struct {
    const struct fl_io_vtable *real;
    const struct nodes_host *host;
    uint32_t turns; /* Asked for at once. */
} slow_machine;

static fl_time_us slow_now(struct fl_io *io)
{
    return slow_machine.real->now(io) + slow_machine.host->count * (fl_time_us)30000;
}

static void count_turns(struct fl_io *io, struct fl_io_op *op, fl_time_us at)
{
    slow_machine.turns += at == 0;
    slow_machine.real->timer(io, op, at);
}

/* Each command keeps the machine busy for 30 ms, and then it is everybody else's turn: the heartbeats'. */
static void test_entries_that_take_long_are_applied_one_in_a_turn(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 1, 1);
    struct nodes_host *host = &nodes.hosts[0];
    struct fl_io_vtable vtable = *host->io->vtable;
    vtable.now = slow_now;
    vtable.timer = count_turns;
    slow_machine.real = host->io->vtable;
    slow_machine.host = host;
    host->io->vtable = &vtable;
    propose_everywhere(&nodes, 20);
    slow_machine.turns = 0;
    nodes_run(&nodes, NODES_SECOND);
    assert_int_equal(host->count, 20);
    assert_in_range(slow_machine.turns, 19, 30);
    host->io->vtable = slow_machine.real;
    settle(&nodes);
    end(&nodes);
}

static void test_a_leader_that_dies_takes_nothing_acknowledged_with_it(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 10; seed < 20; seed++) {
        begin(&nodes, 3, seed);
        propose_everywhere(&nodes, 20);
        nodes_run(&nodes, nodes_random(&nodes, 10000));
        uint32_t dead = nodes_await_leader(&nodes);
        propose_everywhere(&nodes, 20);
        nodes_run(&nodes, nodes_random(&nodes, 4000));
        nodes_crash(&nodes, dead, FL__SURVIVES_SOME, seed);
        assert_int_not_equal(nodes_await_leader(&nodes), dead);
        propose_everywhere(&nodes, 20);
        settle(&nodes);
        nodes_open_all(&nodes);
        settle(&nodes);
        assert_int_equal(nodes.hosts[dead].count, nodes.hosts[other(&nodes, dead)].count);
        end(&nodes);
    }
}

static void test_power_that_fails_everywhere_takes_nothing_acknowledged(void **state)
{
    static const enum fl__survival ways[] = {FL__SURVIVES_NONE, FL__SURVIVES_PREFIX, FL__SURVIVES_SOME};
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 20; seed < 50; seed++) {
        begin(&nodes, 3, seed);
        nodes_slow_disks(&nodes, seed % 2 ? 2000 : 10000);
        for (uint32_t k = 0; k < 6; k++) {
            propose_everywhere(&nodes, 10);
            nodes_run(&nodes, nodes_random(&nodes, 12000));
            for (uint32_t n = 0; n < 3; n++)
                nodes_crash(&nodes, n, ways[seed % 3], nodes_random(&nodes, 1000));
            nodes_open_all(&nodes);
            nodes_await_leader(&nodes);
        }
        settle(&nodes);
        end(&nodes);
    }
}

/* Its process dies during call k, the next one's power fails during call j, and later once more, when
 * something has been acknowledged. False: the second was not over by then. */
static bool die_early(uint64_t k, uint64_t j, enum fl__survival way, const char *directory)
{
    struct nodes nodes;
    nodes_init(&nodes, 1, 1000 * k + j);
    nodes.options.directory = directory;
    for (int life = 0; life < 2; life++) {
        nodes.hosts[0].crash_at = life ? j : k;
        if (nodes_open(&nodes, 0) == FL_OK) {
            (void)nodes_propose(&nodes, 0);
            nodes_run(&nodes, NODES_SECOND / 5);
        }
        if (life == 0)
            nodes_kill(&nodes, 0);
    }
    bool crashed = !nodes.hosts[0].node || fl__memory_is_crashed(nodes.hosts[0].io);
    nodes_crash(&nodes, 0, way, 7 * k + j);
    for (int life = 0; life < 2; life++) {
        nodes_open_all(&nodes);
        nodes_await_leader(&nodes);
        struct nodes_ask *ask = nodes_propose(&nodes, 0);
        settle(&nodes);
        assert_int_equal(ask->outcome, FL_OK);
        if (life == 0)
            nodes_crash(&nodes, 0, FL__SURVIVES_NONE, 0);
    }
    end(&nodes);
    return crashed;
}

static void test_processes_that_die_in_their_first_moments_leave_nothing_to_be_lost(void **state)
{
    static const enum fl__survival ways[] = {FL__SURVIVES_NONE, FL__SURVIVES_PREFIX, FL__SURVIVES_SOME};
    static const char *const directories[] = {"data", "data/", "./data//"};
    (void)state;
    for (uint64_t k = 1; k <= 40; k++)
        for (uint64_t j = 1; die_early(k, j, ways[(k + j) % 3], directories[(k + j / 3) % 3]); j++) {
        }
}

/* In the first life, or in the second, call `skip` fails; then the process dies, and later power fails.
 * False: there was no such call. */
static bool fail_once(int failing, enum fl__memory_call call, uint64_t skip, int error)
{
    struct nodes nodes;
    bool has_failed = false;
    nodes_init(&nodes, 1, 1000 * skip + (uint64_t)failing);
    nodes.options.segment_size = 4 << 10;
    for (int life = 0; life < 4; life++) {
        struct nodes_host *host = &nodes.hosts[0];
        if (life == failing)
            host->failure = (struct fl__memory_failure){
                .call = call, .skip = skip, .count = 1, .error = error, .reverts = skip % 2};
        if (life != failing)
            nodes_open_all(&nodes);
        else if (nodes_open(&nodes, 0) != FL_OK)
            has_failed = true;
        for (int k = 0; k < 30 && host->node; k++) {
            (void)nodes_propose(&nodes, 0);
            nodes_run(&nodes, k ? 20000 : 2 * NODES_SECOND);
        }
        if (life == failing && host->node)
            has_failed = fl__memory_of(host->io)->failure.count == 0;
        if (life < failing || life == 2)
            nodes_crash(&nodes, 0, FL__SURVIVES_NONE, 0);
        else if (life < 3)
            nodes_kill(&nodes, 0);
    }
    settle(&nodes);
    end(&nodes);
    return has_failed;
}

static void test_a_call_that_fails_once_costs_one_restart_and_nothing_acknowledged(void **state)
{
    (void)state;
    for (int failing = 0; failing < 2; failing++)
        for (int k = 0; k < 4; k++) {
            enum fl__memory_call call = k < 2 ? FL__CALL_ANY : FL__CALL_SYNC_OF_WRITE;
            for (uint64_t skip = 0; skip < 60 && fail_once(failing, call, skip, k % 2 ? FL_EIO : FL_ENOSPC);)
                skip++;
        }
}

static void test_without_a_quorum_each_command_is_refused_or_unknown_once(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 60);
    uint32_t leader = nodes_await_leader(&nodes);
    nodes_close(&nodes, other(&nodes, leader));
    nodes_close(&nodes, (leader + 2) % 3);
    struct nodes_ask *sent = nodes_propose(&nodes, leader);
    nodes_run(&nodes, 3 * NODES_SECOND);
    struct nodes_ask *kept = nodes_propose(&nodes, leader), *read = nodes_read(&nodes, leader);
    nodes_run(&nodes, 6 * NODES_SECOND);
    /* It is in the leader's log, and may be committed one day. */
    assert_int_equal(sent->outcome, FL_EUNKNOWN);
    assert_int_equal(kept->outcome, FL_EUNAVAILABLE);
    assert_int_equal(read->outcome, FL_EUNAVAILABLE);
    nodes_open_all(&nodes);
    nodes_await_leader(&nodes);
    propose_everywhere(&nodes, 1);
    settle(&nodes);
    end(&nodes);
}

static void test_a_node_may_stand_for_election_and_wins_only_without_a_leader(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 65);
    uint32_t leader = nodes_await_leader(&nodes), follower = other(&nodes, leader);
    fl_term term = nodes_status(&nodes, leader).term;
    assert_int_equal(fl_node_campaign(nodes.hosts[leader].node), FL_EINVAL);
    assert_int_equal(fl_node_campaign(nodes.hosts[follower].node), FL_OK);
    struct nodes_ask *read = nodes_read(&nodes, follower);
    nodes_run(&nodes, NODES_SECOND);
    assert_int_equal(nodes_await_leader(&nodes), leader);
    assert_int_equal(nodes_status(&nodes, leader).term, term);
    assert_int_equal(read->outcome, FL_OK);
    nodes_close(&nodes, leader);
    propose_everywhere(&nodes, 3);
    uint32_t next = nodes_await_leader(&nodes);
    assert_int_not_equal(next, leader);
    nodes_close(&nodes, next);
    uint32_t last = 3 - leader - next;
    nodes_run(&nodes, 3 * NODES_SECOND); /* Nobody is left whom it could hear. */
    assert_int_equal(nodes_open(&nodes, next), FL_OK);
    nodes_run(&nodes, NODES_SECOND / 20);
    int result = fl_node_campaign(nodes.hosts[last].node);
    assert_true(result == FL_OK || result == FL_EINVAL);
    nodes_run(&nodes, NODES_SECOND / 10);
    assert_int_equal(nodes_status(&nodes, last).role, FL_LEADER);
    assert_int_equal(nodes_open(&nodes, leader), FL_OK);
    settle(&nodes);
    end(&nodes);
}

/* ---------------------------------------------------------------------------------- disks and directories */

static void test_a_wiped_node_is_not_let_in_under_its_old_name(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 70);
    propose_everywhere(&nodes, 10);
    settle(&nodes);
    uint32_t wiped = other(&nodes, nodes_await_leader(&nodes));
    nodes_close(&nodes, wiped);
    nodes_wipe(&nodes, wiped);
    assert_int_equal(nodes_open(&nodes, wiped), FL_OK);
    nodes_run(&nodes, 10 * NODES_SECOND);
    struct fl_node_status status = nodes_status(&nodes, wiped);
    assert_true(status.damaged);
    assert_non_null(strstr(status.damage, "refuse it"));
    assert_int_equal(status.term, 0); /* It voted for nobody. */
    assert_int_equal(nodes.hosts[wiped].count, 0);
    struct nodes_ask *ask = nodes_propose(&nodes, wiped);
    nodes_run(&nodes, 5 * NODES_SECOND);
    assert_int_equal(ask->outcome, FL_EUNAVAILABLE);
    end(&nodes);
}

static void test_a_node_of_another_cluster_is_kept_out(void **state)
{
    struct nodes nodes;
    (void)state;
    nodes_init(&nodes, 3, 71);
    assert_int_equal(nodes_open(&nodes, 0), FL_OK);
    assert_int_equal(nodes_open(&nodes, 1), FL_OK);
    memcpy(nodes.cluster_id, "another one's id", 16);
    assert_int_equal(nodes_open(&nodes, 2), FL_OK);
    nodes_run(&nodes, 5 * NODES_SECOND);
    struct fl_node_status status = nodes_status(&nodes, 2);
    assert_true(status.damaged);
    assert_non_null(strstr(status.damage, "another cluster"));
    assert_int_equal(status.last, 0);
    nodes_release(&nodes);
}

static void test_a_failed_sync_ends_a_nodes_part_and_nothing_acknowledged_is_lost(void **state)
{
    struct nodes nodes;
    (void)state;
    for (uint64_t seed = 80; seed < 90; seed++) {
        begin(&nodes, 3, seed);
        propose_everywhere(&nodes, 10);
        settle(&nodes);
        uint32_t failing = seed % 2 ? nodes_await_leader(&nodes) : other(&nodes, nodes_await_leader(&nodes));
        const struct fl__memory_failure failure = {.call = FL__CALL_SYNC_OF_WRITE,
                                                   .path = "log",
                                                   .count = 1,
                                                   .error = FL_EIO,
                                                   .reverts = seed % 3 == 0};
        fl__memory_fail(nodes.hosts[failing].io, &failure);
        propose_everywhere(&nodes, 10);
        nodes_run(&nodes, 100000);
        struct fl_node_status status = nodes_status(&nodes, failing);
        assert_true(status.damaged);
        assert_int_equal(status.role, FL_FOLLOWER); /* And leads no more, if it did. */
        assert_false(status.has_leader);
        assert_int_equal(nodes_propose(&nodes, failing)->outcome, FL_EDAMAGED);
        settle(&nodes);
        propose_everywhere(&nodes, 10);
        settle(&nodes);
        nodes_crash(&nodes, failing, FL__SURVIVES_SOME, seed);
        nodes_open_all(&nodes);
        settle(&nodes);
        end(&nodes);
    }
}

/* Flips a bit of the command, wherever its number is found; opened again, the node finds it damaged. */
static void damage(struct nodes *nodes, uint32_t n, uint32_t number)
{
    static const char path[] = "data/log-0000000000000001";
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(nodes->hosts[n].disk, path, &size);
    for (size_t k = 64; k + 4 < size; k += 8) {
        if (memcmp(bytes + k, &number, 4) != 0)
            continue;
        fl__disk_flip(nodes->hosts[n].disk, path, k, 4);
        assert_int_equal(nodes_open(nodes, n), FL_OK);
        if (nodes_status(nodes, n).damaged)
            return;
        nodes_close(nodes, n); /* That was in a head, of which there are two. */
        bytes = fl__disk_bytes(nodes->hosts[n].disk, path, &size);
    }
    fail_msg("command %u is not in the log", number);
}

static void test_a_damaged_log_is_reported_and_its_node_answers_nobody(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 91);
    propose_everywhere(&nodes, 300);
    settle(&nodes);
    uint32_t damaged = other(&nodes, nodes_await_leader(&nodes));
    nodes_close(&nodes, damaged);
    damage(&nodes, damaged, 100);
    assert_non_null(strstr(nodes_status(&nodes, damaged).damage, "log-0000000000000001"));
    assert_int_equal(nodes_read(&nodes, damaged)->outcome, FL_EDAMAGED);
    assert_int_equal(nodes_propose(&nodes, damaged)->outcome, FL_EDAMAGED);
    struct nodes_ask *ask = nodes_propose(&nodes, nodes_await_leader(&nodes));
    settle(&nodes);
    assert_int_equal(ask->outcome, FL_OK);
    assert_in_range(nodes.hosts[damaged].count, 1, 300); /* What comes before the damage. */
    end(&nodes);
}

/* What it has just recovered, reading the log's file twice, cannot be read a moment later: so it does not
 * know the log's time, and must not give its next entry an earlier one. */
static void test_a_node_that_cannot_read_its_last_entry_takes_no_part(void **state)
{
    struct nodes nodes;
    (void)state;
    nodes_init(&nodes, 1, 93);
    nodes_open_all(&nodes);
    propose_everywhere(&nodes, 10);
    settle(&nodes);
    nodes_close(&nodes, 0);
    nodes.hosts[0].failure = (struct fl__memory_failure){
        .call = FL__CALL_READ, .path = "log-", .skip = 2, .count = 2, .error = FL_EIO};
    assert_int_equal(nodes_open(&nodes, 0), FL_OK);
    nodes_run(&nodes, 5 * NODES_SECOND);
    struct fl_node_status status = nodes_status(&nodes, 0);
    assert_true(status.damaged);
    assert_non_null(strstr(status.damage, "could not be read"));
    assert_int_equal(status.role, FL_FOLLOWER);
    nodes_release(&nodes);
}

/* It cannot read who its members are, but that it has some it knows: whoever lost everything does not make a
 * new cluster of it. */
static void test_a_node_whose_first_entry_is_damaged_founds_nothing_with_wiped_ones(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 92);
    propose_everywhere(&nodes, 10);
    settle(&nodes);
    for (uint32_t n = 0; n < 3; n++)
        nodes_close(&nodes, n);
    const uint64_t first_entry = FL__SEGMENT_HEADER + fl__record_size(FL__MARK_SIZE);
    fl__disk_flip(nodes.hosts[0].disk, "data/log-0000000000000001",
                  first_entry + FL__RECORD_COPY + FL__ENVELOPE_SIZE, 1);
    nodes_wipe(&nodes, 1);
    nodes_wipe(&nodes, 2);
    nodes_open_all(&nodes);
    nodes_run(&nodes, 10 * NODES_SECOND);
    assert_true(nodes_status(&nodes, 0).damaged);
    assert_int_equal(nodes_status(&nodes, 1).commit, 0);
    assert_int_equal(nodes_status(&nodes, 2).commit, 0);
    nodes_release(&nodes);
}

static void test_a_full_log_and_a_full_disk_refuse_commands_and_go_on_reading(void **state)
{
    static const int reasons[] = {FL_ELOGFULL, FL_ENOSPC};
    (void)state;
    for (uint32_t k = 0; k < 2; k++) {
        struct nodes nodes;
        struct nodes_ask *ask;
        nodes_init(&nodes, 3, 95 + k);
        if (reasons[k] == FL_ELOGFULL)
            nodes.options.log_size_max = 256 << 10;
        nodes_open_all(&nodes);
        uint32_t leader = nodes_await_leader(&nodes);
        if (reasons[k] == FL_ENOSPC)
            fl__disk_set_capacity(nodes.hosts[leader].disk, 200 << 10);
        do {
            ask = nodes_propose(&nodes, other(&nodes, leader));
            nodes_run(&nodes, 3000);
            settle(&nodes);
        } while (ask->outcome == FL_OK && nodes.commands < 5000);
        assert_int_equal(ask->outcome, reasons[k]);
        ask = nodes_read(&nodes, other(&nodes, leader));
        settle(&nodes);
        assert_int_equal(ask->outcome, FL_OK);
        assert_false(nodes_status(&nodes, leader).damaged);
        end(&nodes);
    }
}

/* Somebody starts them with a smaller limit. */
static void test_a_log_larger_than_its_limit_is_opened_and_read(void **state)
{
    struct nodes nodes;
    (void)state;
    begin(&nodes, 3, 98);
    for (uint32_t k = 0; k < 40; k++) {
        propose_everywhere(&nodes, 20);
        nodes_run(&nodes, 10000);
    }
    settle(&nodes);
    uint32_t count = nodes.hosts[0].count;
    for (uint32_t n = 0; n < 3; n++)
        nodes_crash(&nodes, n, FL__SURVIVES_SOME, n);
    nodes.options.log_size_max = nodes.options.segment_size;
    nodes_open_all(&nodes);
    uint32_t leader = nodes_await_leader(&nodes);
    struct nodes_ask *ask = nodes_propose(&nodes, leader), *read = nodes_read(&nodes, other(&nodes, leader));
    settle(&nodes);
    assert_int_equal(ask->outcome, FL_ELOGFULL);
    assert_int_equal(read->outcome, FL_OK);
    for (uint32_t n = 0; n < 3; n++)
        assert_int_equal(nodes.hosts[n].count, count);
    end(&nodes);
}

/* A leader with little room refuses some of what others hand it, and the connection breaks that would have
 * said so: what comes behind in the log is not the answer. */
static void test_a_refusal_that_is_lost_gives_nobody_anothers_answer(void **state)
{
    struct nodes nodes;
    uint32_t refused = 0;
    (void)state;
    nodes_init(&nodes, 3, 31);
    nodes.options.pending_size_max = 64;
    nodes_open_all(&nodes);
    uint32_t leader = nodes_await_leader(&nodes);
    for (uint32_t round = 0; round < 600; round++) {
        uint32_t n = (leader + 1 + round % 2) % 3;
        propose_everywhere(&nodes, 5);
        nodes_run(&nodes, nodes_random(&nodes, 1500));
        nodes_reset(&nodes, leader, n);
        nodes_run(&nodes, nodes_random(&nodes, 30000));
        leader = nodes_await_leader(&nodes);
    }
    settle(&nodes);
    for (const struct nodes_ask *ask = nodes.asks; ask; ask = ask->next)
        refused += ask->outcome == FL_EUNAVAILABLE;
    assert_true(refused > 10 && nodes.told_count > 1000);
    end(&nodes);
}

/* ---------------------------------------------------------------------------------------------- at random */

static void trouble(struct nodes *nodes)
{
    static const enum fl__survival ways[] = {FL__SURVIVES_NONE, FL__SURVIVES_ALL, FL__SURVIVES_PREFIX,
                                             FL__SURVIVES_SOME};
    uint32_t n = (uint32_t)nodes_random(nodes, nodes->count);
    enum fl__survival way = ways[nodes_random(nodes, 4)];
    switch (nodes_random(nodes, 9)) {
    case 0:
        nodes_close(nodes, n);
        break;
    case 1:
        nodes_crash(nodes, n, way, nodes_random(nodes, 100));
        break;
    case 2:
        nodes_kill(nodes, n);
        break;
    case 3: /* Everywhere at once. */
        for (uint32_t k = 0; k < nodes->count; k++)
            nodes_crash(nodes, k, way, nodes_random(nodes, 100));
        break;
    case 4:
    case 5:
        for (uint32_t k = 0; k < nodes->count; k++)
            if (k != n)
                nodes_reset(nodes, n, k);
        break;
    default:
        for (uint32_t k = 0; k < nodes->count; k++)
            if (!nodes->hosts[k].node && nodes_random(nodes, 2) && nodes_open(nodes, k) != FL_OK)
                fail_msg("seed %llu: node %u: %s", (unsigned long long)nodes->seed, k,
                         nodes->hosts[k].report.text);
        break;
    }
}

static void play(uint64_t seed)
{
    struct nodes nodes;
    nodes_init(&nodes, seed % 5 == 0 ? 5 : 3, seed);
    nodes.options.election_timeout_us = 100000 + 100000 * (seed % 4);
    nodes.options.heartbeat_us = nodes.options.election_timeout_us / 10;
    nodes.options.request_timeout_us = seed % 3 ? 4 * NODES_SECOND : 150000;
    nodes.options.segment_size = seed % 2 ? 4 << 10 : 64 << 10;
    nodes_open_all(&nodes);
    nodes_await_leader(&nodes);
    if (seed % 7 < 3)
        nodes_slow_disks(&nodes, 15000);
    for (uint32_t k = 0; k < 150; k++) {
        for (uint64_t asks = nodes_random(&nodes, 6); asks > 0; asks--) {
            uint32_t n = (uint32_t)nodes_random(&nodes, nodes.count);
            (void)(nodes_random(&nodes, 4) ? nodes_propose(&nodes, n) : nodes_read(&nodes, n));
        }
        nodes_run(&nodes, nodes_random(&nodes, 20000));
        if (nodes_random(&nodes, 8) == 0)
            trouble(&nodes);
    }
    nodes_open_all(&nodes);
    settle(&nodes);
    end(&nodes);
}

static void test_random_crashes_lose_nothing_repeat_nothing_and_refuse_only_what_never_happened(void **state)
{
    const char *seed = getenv("FL_TEST_SEED");
    (void)state;
    if (seed) {
        play(strtoull(seed, NULL, 10));
        return;
    }
    uint64_t count = seeds_count(100, 3000);
    for (uint64_t k = 1; k <= count; k++)
        play(k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nodes_found_a_cluster_and_agree_whoever_is_asked),
        cmocka_unit_test(test_commands_proposed_on_one_node_keep_their_order),
        cmocka_unit_test(test_a_read_anywhere_holds_what_was_acknowledged_anywhere),
        cmocka_unit_test(test_the_same_seed_gives_the_same_history),
        cmocka_unit_test(test_a_node_that_comes_back_late_leads_by_the_clock_of_today),
        cmocka_unit_test(test_after_hours_without_any_node_the_clock_is_right_at_once),
        cmocka_unit_test(test_a_node_whose_wall_clock_is_far_ahead_does_not_take_the_others_with_it),
        cmocka_unit_test(test_entries_that_take_long_are_applied_one_in_a_turn),
        cmocka_unit_test(test_a_leader_that_dies_takes_nothing_acknowledged_with_it),
        cmocka_unit_test(test_power_that_fails_everywhere_takes_nothing_acknowledged),
        cmocka_unit_test(test_processes_that_die_in_their_first_moments_leave_nothing_to_be_lost),
        cmocka_unit_test(test_a_call_that_fails_once_costs_one_restart_and_nothing_acknowledged),
        cmocka_unit_test(test_without_a_quorum_each_command_is_refused_or_unknown_once),
        cmocka_unit_test(test_a_node_may_stand_for_election_and_wins_only_without_a_leader),
        cmocka_unit_test(test_a_wiped_node_is_not_let_in_under_its_old_name),
        cmocka_unit_test(test_a_node_of_another_cluster_is_kept_out),
        cmocka_unit_test(test_a_failed_sync_ends_a_nodes_part_and_nothing_acknowledged_is_lost),
        cmocka_unit_test(test_a_damaged_log_is_reported_and_its_node_answers_nobody),
        cmocka_unit_test(test_a_node_that_cannot_read_its_last_entry_takes_no_part),
        cmocka_unit_test(test_a_node_whose_first_entry_is_damaged_founds_nothing_with_wiped_ones),
        cmocka_unit_test(test_a_full_log_and_a_full_disk_refuse_commands_and_go_on_reading),
        cmocka_unit_test(test_a_log_larger_than_its_limit_is_opened_and_read),
        cmocka_unit_test(test_a_refusal_that_is_lost_gives_nobody_anothers_answer),
        cmocka_unit_test(test_random_crashes_lose_nothing_repeat_nothing_and_refuse_only_what_never_happened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
