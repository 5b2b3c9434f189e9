/* wal_test.c - the write-ahead log on lying disks: nothing that was called durable is lost, nothing that was
 * not written appears. What becomes of damage is in wal_damage_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "records.h"
#include "seeds.h"
#include "wal_steps.h"

static uint64_t count_calls(void)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_take(&machine, 0, STEPS);
    close_log(&machine);
    uint64_t calls = fl__memory_calls(machine.io);
    halt(&machine);
    fl__disk_destroy(disk);
    return calls;
}

/* -------------------------------------------------------------------------------------------------- tests */

static void test_log_gives_back_what_was_written(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_take(&machine, 0, STEPS);
    assert_int_equal(machine.durable, STEPS);
    halt(&machine);

    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_check(&machine, STEPS, "reopened", 0, 0);
    assert_int_equal(machine.found.commit, 1);
    assert_int_equal(machine.found.torn_size, 0);
    assert_non_null(machine.found.configuration);
    assert_int_equal(machine.found.configuration->index, 1);
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_log_continues_after_each_step(void **unused)
{
    (void)unused;
    struct fl__disk *disk = fl__disk_create();
    for (int k = 0; k < STEPS; k++) {
        struct machine machine;
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        steps_check(&machine, k, "before step", (uint64_t)k, 0);
        steps_take(&machine, k, k + 1);
        assert_int_equal(machine.durable, k + 1);
        halt(&machine);
    }
    fl__disk_destroy(disk);
}

static const struct {
    enum fl__survival what;
    int choices;
} survivals[] = {
    {FL__SURVIVES_NONE, 1}, {FL__SURVIVES_ALL, 1}, {FL__SURVIVES_PREFIX, 6}, {FL__SURVIVES_SOME, 6}};

/* Power fails during call k of the workload, then (if j is not 0) during call j of the recovery: nothing
 * durable may be missing. False if the recovery was over before. */
static bool crash_twice(uint64_t k, uint64_t j, enum fl__survival what, uint64_t choice)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create(), *found, *again;
    boot(&machine, disk);
    fl__memory_crash_at(machine.io, k);
    if (open_log(&machine) == FL_OK)
        steps_take(&machine, 0, STEPS);
    int least = (int)machine.durable;
    halt(&machine);
    found = fl__disk_after_power_loss(disk, what, choice);

    bool crashed = true;
    if (j > 0) {
        boot(&machine, found);
        fl__memory_crash_at(machine.io, j);
        assert_true(open_log(&machine) <= FL_OK); /* It may get as far as that, or not. */
        crashed = fl__memory_calls(machine.io) >= j;
        halt(&machine);
        again = fl__disk_after_power_loss(found, what, choice);
        fl__disk_destroy(found);
        found = again;
    }
    boot(&machine, found);
    int result = open_log(&machine);
    if (result != FL_OK)
        print_error("crash %llu %llu: %s\n", (unsigned long long)k, (unsigned long long)j,
                    machine.report.text);
    assert_int_equal(result, FL_OK);
    assert_int_equal(machine.found.damaged, 0);
    steps_check(&machine, least, "crash at call", k, j);
    halt(&machine);
    fl__disk_destroy(found);
    fl__disk_destroy(disk);
    return crashed;
}

static void test_log_survives_a_crash_between_any_two_calls(void **unused)
{
    (void)unused;
    uint64_t calls = count_calls();
    for (uint64_t k = 1; k <= calls + 1; k++)
        for (size_t s = 0; s < sizeof survivals / sizeof *survivals; s++)
            for (int choice = 0; choice < survivals[s].choices; choice++)
                (void)crash_twice(k, 0, survivals[s].what, (uint64_t)choice * 5 + 1);
}

static void test_log_survives_a_crash_during_recovery(void **unused)
{
    (void)unused;
    uint64_t calls = count_calls();
    for (uint64_t k = 5; k <= calls; k++)
        for (uint64_t choice = 0; choice < 2; choice++)
            for (uint64_t j = 1;; j++)
                if (!crash_twice(k, j, choice ? FL__SURVIVES_SOME : FL__SURVIVES_PREFIX, k * 7 + j + choice))
                    break;
}

/* A process dies during call k of the workload, and what it wrote without a sync is still there for the next
 * one, which opens the log. */
static struct fl__disk *boot_after_a_dead_process(struct machine *machine, uint64_t k)
{
    struct fl__disk *disk = fl__disk_create();
    boot(machine, disk);
    fl__memory_crash_at(machine->io, k);
    if (open_log(machine) == FL_OK)
        steps_take(machine, 0, STEPS);
    halt(machine);

    boot(machine, disk);
    assert_int_equal(open_log(machine), FL_OK);
    return disk;
}

/* Power fails: only what was synced is there. Ends the machine, and its disk. */
static void check_after_power_loss(struct machine *machine, struct fl__disk *disk, int least,
                                   const char *what, uint64_t k)
{
    struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
    halt(machine);

    boot(machine, found);
    assert_int_equal(open_log(machine), FL_OK);
    steps_check(machine, least, what, k, 0);
    halt(machine);
    fl__disk_destroy(found);
    fl__disk_destroy(disk);
}

/* What the next process takes for the log, power may not take away any more. */
static void test_what_recovery_gave_is_durable(void **unused)
{
    (void)unused;
    uint64_t calls = count_calls();
    for (uint64_t k = 1; k <= calls + 1; k++) {
        struct machine machine;
        struct fl__disk *disk = boot_after_a_dead_process(&machine, k);
        int given = steps_find_state(&machine, 0);
        assert_true(given >= 0);
        check_after_power_loss(&machine, disk, given, "process and then power lost at call", k);
    }
}

/* What the next process calls durable stays so, also where the file it lies in was made by the dead one. */
static void test_log_continues_durably_on_what_a_dead_process_left(void **unused)
{
    (void)unused;
    uint64_t calls = count_calls();
    for (uint64_t k = 1; k <= calls + 1; k++) {
        struct machine machine;
        struct fl__disk *disk = boot_after_a_dead_process(&machine, k);
        int given = steps_find_state(&machine, 0);
        assert_true(given >= 0);
        if (given < STEPS)
            steps_take_one(&machine, given++);
        check_after_power_loss(&machine, disk, given, "continued after the process died at call", k);
    }
}

/* ---------------------------------------------------------------------------------------- lives in a row */

/* What fails in this life, if anything does. True: opening the log may. */
static bool draw_failure(struct machine *machine, uint64_t *random)
{
    static const enum fl__memory_call calls[] = {
        FL__CALL_OPEN, FL__CALL_CLOSE,  FL__CALL_WRITE,          FL__CALL_SYNC_OF_WRITE, FL__CALL_ALLOCATE,
        FL__CALL_SYNC, FL__CALL_UNLINK, FL__CALL_SYNC_DIRECTORY, FL__CALL_READ};
    const struct fl__memory_failure failure = {
        .call = calls[fl__memory_random(random) % (sizeof calls / sizeof *calls)],
        .path = "data",
        .skip = fl__memory_draw(random, 0, 12),
        .count = fl__memory_draw(random, 1, 3),
        .error = fl__memory_random(random) % 3 ? FL_EIO : FL_ENOSPC,
        .reverts = fl__memory_random(random) % 2};
    if (fl__memory_random(random) % 2)
        return false;
    fl__memory_fail(machine->io, &failure);
    return true;
}

/* One process: it opens the log, which is in a state not older than `least`, goes on, and ends somehow. What
 * the next one must find, at least. */
static int live(struct fl__disk *disk, uint64_t *random, int least)
{
    struct machine machine;
    boot_seeded(&machine, disk, fl__memory_random(random));
    uint64_t crash_in = fl__memory_random(random) % 3 ? 0 : fl__memory_draw(random, 1, 25);
    bool may_fail = fl__memory_random(random) % 4 == 0 && draw_failure(&machine, random);
    fl__memory_crash_at(machine.io, crash_in);
    int result = open_log(&machine);
    if (result != FL_OK && !may_fail && !fl__memory_is_crashed(machine.io))
        fail_msg("it does not open: %s", machine.report.text);
    if (result == FL_OK && !fl__memory_is_crashed(machine.io)) {
        fl__memory_crash_at(machine.io, 0);
        fl__memory_fail(machine.io, &(struct fl__memory_failure){0});
        int given = steps_find_state(&machine, least);
        if (given < 0)
            fail_msg("it has %llu entries, at least step %d expected", (unsigned long long)machine.found.last,
                     least);
        assert_true(may_fail || machine.found.damaged == 0);
        (void)draw_failure(&machine, random);
        if (fl__memory_random(random) % 3)
            fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + fl__memory_draw(random, 1, 40));
        /* A node with a damaged log appends nothing. */
        uint64_t more = machine.found.damaged ? 0 : fl__memory_draw(random, 0, 8);
        steps_take(&machine, given, given + (int)more < STEPS ? given + (int)more : STEPS);
        least = (int)machine.durable > given ? (int)machine.durable : given;
    }
    if (fl__memory_random(random) % 2)
        fl__memory_crash(machine.io);
    halt(&machine);
    return least;
}

/* Processes are killed, power fails, calls fail: in any order, and again while the log recovers from it. */
static void test_log_survives_lives_that_end_in_any_way(void **unused)
{
    (void)unused;
    const char *chosen = getenv("FL_TEST_SEED");
    uint64_t first = chosen ? strtoull(chosen, NULL, 10) : 1,
             end = chosen ? first + 1 : first + seeds_count(600, 50000);
    for (uint64_t seed = first; seed < end; seed++) {
        uint64_t random = seed;
        int least = 0;
        struct fl__disk *disk = fl__disk_create();
        for (int life = 0; life < 16; life++) {
            least = live(disk, &random, least);
            size_t way = fl__memory_random(&random) % (2 * sizeof survivals / sizeof *survivals);
            if (way >= sizeof survivals / sizeof *survivals)
                continue; /* Only the process died. */
            struct fl__disk *found =
                fl__disk_after_power_loss(disk, survivals[way].what, fl__memory_random(&random) % 100);
            fl__disk_destroy(disk);
            disk = found;
        }
        fl__disk_destroy(disk);
    }
}

static void test_failed_sync_is_never_trusted(void **unused)
{
    (void)unused;
    for (uint64_t skip = 0; skip < 12; skip++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        const struct fl__memory_failure failure = {
            .call = FL__CALL_SYNC_OF_WRITE, .skip = skip, .count = 1, .error = FL_EIO};
        fl__memory_fail(machine.io, &failure);
        steps_take(&machine, 0, STEPS);
        int least = (int)machine.durable;
        assert_true(machine.failed || least == STEPS);
        halt(&machine);
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        boot(&machine, found);
        assert_int_equal(open_log(&machine), FL_OK);
        steps_check(&machine, least, "failed sync", skip, 0);
        halt(&machine);
        fl__disk_destroy(found);
        fl__disk_destroy(disk);
    }
}

static void test_log_of_another_node_is_refused(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = steps_make_log(3);
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine), FL_OK);
    struct fl__wal_options options = wal_options(&machine);
    options.cluster_id[0] = 9;
    int result = fl__wal_open(&machine.wal, machine.io, &options, &machine.found, &machine.report);
    assert_int_equal(result, FL_ECLUSTER);
    assert_null(machine.wal);
    halt(&machine);
    fl__disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_gives_back_what_was_written),
        cmocka_unit_test(test_log_continues_after_each_step),
        cmocka_unit_test(test_log_survives_a_crash_between_any_two_calls),
        cmocka_unit_test(test_log_survives_a_crash_during_recovery),
        cmocka_unit_test(test_what_recovery_gave_is_durable),
        cmocka_unit_test(test_log_continues_durably_on_what_a_dead_process_left),
        cmocka_unit_test(test_log_survives_lives_that_end_in_any_way),
        cmocka_unit_test(test_failed_sync_is_never_trusted),
        cmocka_unit_test(test_log_of_another_node_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
