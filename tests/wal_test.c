/* wal_test.c - the write-ahead log on lying disks: nothing that was called durable is lost, nothing that was
 * not written appears, and what cannot be told is said.
 *
 * A workload is a fixed series of steps, each an append or a truncation; the log after the first j steps is
 * state j. Whatever happens, recovery must give some state j that is at least as late as the last step called
 * durable. */
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
#include "wal_machine.h"

enum { STEPS = 40 };

struct step {
    fl_index truncate_from; /* 0: an append */
    fl_index index;
    fl_term term;
    size_t size;
};

/* A log with everything: several terms, bodies from nothing to more than a segment, cuts, and continuing
 * after them. */
static const struct step *get_steps(void)
{
    static const struct step steps[STEPS] = {
        {0, 1, 1, 0},    {0, 2, 1, 100},  {0, 3, 1, 7},     {0, 4, 2, 600},  {0, 5, 2, 900},
        {0, 6, 2, 30},   {5, 0, 0, 0},    {0, 5, 3, 40},    {0, 6, 3, 41},   {0, 7, 3, 700},
        {0, 8, 3, 1500}, {0, 9, 3, 8},    {0, 10, 4, 5000}, {0, 11, 4, 16},  {0, 12, 4, 17},
        {9, 0, 0, 0},    {0, 9, 5, 10},   {0, 10, 5, 9000}, {0, 11, 5, 64},  {0, 12, 5, 65},
        {0, 13, 5, 66},  {13, 0, 0, 0},   {12, 0, 0, 0},    {0, 12, 6, 300}, {0, 13, 6, 301},
        {0, 14, 6, 302}, {0, 15, 6, 303}, {0, 16, 6, 304},  {0, 17, 6, 305}, {0, 18, 6, 306},
        {0, 19, 7, 1},   {0, 20, 7, 2},   {0, 21, 7, 3},    {0, 22, 7, 4},   {0, 23, 7, 5},
        {20, 0, 0, 0},   {0, 20, 8, 77},  {0, 21, 8, 78},   {0, 22, 8, 79},  {0, 23, 8, 80},
    };
    return steps;
}

/* ---------------------------------------------------------------------------------------------- the model */

struct state {
    fl_index last;
    int made_by[64]; /* By index: which step appended it. */
};

static void apply_step(struct state *state, int k)
{
    const struct step *step = &get_steps()[k];
    if (step->truncate_from) {
        state->last = step->truncate_from - 1;
        return;
    }
    state->last = step->index;
    state->made_by[step->index] = k;
}

static struct fl__entry *make_entry(int k)
{
    const struct step *step = &get_steps()[k];
    struct fl__entry model = {.index = step->index,
                              .term = step->term,
                              .kind = k == 0 ? FL_ENTRY_CONFIGURATION : FL_ENTRY_COMMAND,
                              .time_us = 1000 + (uint64_t)k,
                              .origin = 7};
    char *data = malloc(step->size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < step->size; i++)
        data[i] = (char)(k * 31 + (int)i * 7);
    struct fl__entry *entry = fl__entry_create(&model, data, step->size);
    free(data);
    assert_non_null(entry);
    return entry;
}

/* Ticket k + 1 stands for step k. */
static void queue_step(struct machine *machine, int k)
{
    const struct step *step = &get_steps()[k];
    if (step->truncate_from) {
        assert_int_equal(fl__wal_truncate(machine->wal, step->truncate_from), FL_OK);
    } else {
        struct fl__entry *entry = make_entry(k);
        assert_int_equal(fl__wal_append(machine->wal, entry), FL_OK);
        fl__entry_release(entry);
    }
    fl__wal_commit_hint(machine->wal, 1);
    fl__wal_ticket(machine->wal, (fl_ticket)k + 1);
}

/* Takes one, until the moment in which it is durable. */
static void take_step(struct machine *machine, int k)
{
    queue_step(machine, k);
    fl__wal_flush(machine->wal);
    while (machine->durable <= (fl_ticket)k)
        assert_true(fl__world_step(machine->world));
}

/* Takes the steps from `first` on, some of them together in one batch. */
static void take_steps(struct machine *machine, int first, int end)
{
    for (int k = first; k < end && !machine->failed; k++) {
        queue_step(machine, k);
        if (k % 3 != 1)
            continue;
        fl__wal_flush(machine->wal);
        if (k % 2)
            fl__world_run(machine->world);
    }
    if (!machine->failed)
        fl__wal_flush(machine->wal);
    fl__world_run(machine->world);
}

/* ----------------------------------------------------------------------------------------------- checking */

static fl_term term_in(const struct fl__wal_recovered *found, fl_index index)
{
    fl_term term = 0;
    for (uint32_t k = 0; k < found->run_count && found->runs[k].first <= index; k++)
        term = found->runs[k].term;
    return term;
}

static void on_read(struct fl__wal_read *read)
{
    read->owner = NULL;
}

/* Whether the entry on disk is what step k appended; damaged ones are compared by their term alone. */
static bool is_entry(struct machine *machine, fl_index index, int k)
{
    if (term_in(&machine->found, index) != get_steps()[k].term)
        return false;
    struct fl__wal_read read = {
        .first = index, .last = index, .size_max = 1, .done = on_read, .owner = machine};
    fl__wal_read(machine->wal, &read);
    fl__world_run(machine->world);
    assert_null(read.owner);
    bool is_damaged = machine->found.damaged && index >= machine->found.damaged;
    struct fl__entry *expected = make_entry(k);
    bool same = read.result == FL_OK && read.entry_count == 1 && read.entries[0]->size == expected->size &&
                memcmp(read.entries[0]->body, expected->body, expected->size) == 0;
    if (read.result != FL_OK)
        same = is_damaged && (read.result == FL_EDAMAGED || read.result == FL_EIO);
    for (uint32_t n = 0; n < read.entry_count; n++)
        fl__entry_release(read.entries[n]);
    free(read.entries);
    fl__entry_release(expected);
    return same;
}

/* Which state the recovered log is in, at least `least`; -1 if in none. */
static int find_state(struct machine *machine, int least)
{
    struct state state = {0};
    for (int j = 0; j <= STEPS; j++) {
        bool same = j >= least && state.last == machine->found.last;
        for (fl_index index = 1; same && index <= state.last; index++)
            same = is_entry(machine, index, state.made_by[index]);
        if (same)
            return j;
        if (j < STEPS)
            apply_step(&state, j);
    }
    return -1;
}

static void check_recovered(struct machine *machine, int least, const char *what, uint64_t a, uint64_t b)
{
    if (find_state(machine, least) >= 0)
        return;
    print_error("%s %llu %llu: last %llu, %u runs, at least step %d expected\n", what, (unsigned long long)a,
                (unsigned long long)b, (unsigned long long)machine->found.last, machine->found.run_count,
                least);
    fail();
}

static uint64_t count_calls(void)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    take_steps(&machine, 0, STEPS);
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
    take_steps(&machine, 0, STEPS);
    assert_int_equal(machine.durable, STEPS);
    halt(&machine);

    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    check_recovered(&machine, STEPS, "reopened", 0, 0);
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
        check_recovered(&machine, k, "before step", (uint64_t)k, 0);
        take_steps(&machine, k, k + 1);
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
        take_steps(&machine, 0, STEPS);
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
    check_recovered(&machine, least, "crash at call", k, j);
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

/* A small log, closed. */
static struct fl__disk *make_small_log(int steps)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    take_steps(&machine, 0, steps);
    halt(&machine);
    return disk;
}

/* A process dies during call k of the workload, and what it wrote without a sync is still there for the next
 * one, which opens the log. */
static struct fl__disk *boot_after_a_dead_process(struct machine *machine, uint64_t k)
{
    struct fl__disk *disk = fl__disk_create();
    boot(machine, disk);
    fl__memory_crash_at(machine->io, k);
    if (open_log(machine) == FL_OK)
        take_steps(machine, 0, STEPS);
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
    check_recovered(machine, least, what, k, 0);
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
        int given = find_state(&machine, 0);
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
        int given = find_state(&machine, 0);
        assert_true(given >= 0);
        if (given < STEPS)
            take_step(&machine, given++);
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
        int given = find_state(&machine, least);
        if (given < 0)
            fail_msg("it has %llu entries, at least step %d expected", (unsigned long long)machine.found.last,
                     least);
        assert_true(may_fail || machine.found.damaged == 0);
        (void)draw_failure(&machine, random);
        if (fl__memory_random(random) % 3)
            fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + fl__memory_draw(random, 1, 40));
        /* A node with a damaged log appends nothing. */
        uint64_t more = machine.found.damaged ? 0 : fl__memory_draw(random, 0, 8);
        take_steps(&machine, given, given + (int)more < STEPS ? given + (int)more : STEPS);
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

/* A copy of the disk on which another process went on, until `end`. */
static struct fl__disk *go_on(struct fl__disk *disk, uint64_t seed, int first, int end)
{
    struct machine machine;
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    boot_seeded(&machine, copy, seed);
    assert_int_equal(open_log(&machine), FL_OK);
    for (int k = first; k < end; k++)
        take_steps(&machine, k, k + 1);
    struct fl__disk *result = fl__disk_after_power_loss(copy, FL__SURVIVES_ALL, 0);
    halt(&machine);
    fl__disk_destroy(copy);
    return result;
}

static size_t used_bytes(struct fl__disk *disk, const char *path)
{
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return (size + 7) & ~(size_t)7;
}

/* Intact records of the right place, from another life of the same log, are not part of this one: each record
 * names the one before it. */
static void test_records_of_another_history_are_none(void **unused)
{
    (void)unused;
    struct machine machine;
    const char *path = "data/log-0000000000000001";
    struct fl__disk *common = make_small_log(2), *one = go_on(common, 2, 2, 4),
                    *other = go_on(common, 3, 2, 3);
    size_t size, end = used_bytes(other, path);
    const uint8_t *bytes = fl__disk_bytes(one, path, &size);
    assert_true(used_bytes(one, path) > end);
    fl__disk_overwrite(other, path, end, bytes + end, size - end);
    boot(&machine, other);
    assert_int_equal(open_log(&machine), FL_OK);
    assert_int_equal(machine.found.last, 3);
    check_recovered(&machine, 3, "another history", 0, 0);
    halt(&machine);
    fl__disk_destroy(common);
    fl__disk_destroy(one);
    fl__disk_destroy(other);
}

/* Every bit of a small log flipped, one at a time. */
static void test_each_flipped_bit_is_harmless_reported_or_refused(void **unused)
{
    (void)unused;
    enum { SMALL = 6 };
    struct fl__disk *disk = make_small_log(SMALL);
    const char *path = "data/log-0000000000000001";
    size_t size;
    assert_non_null(fl__disk_bytes(disk, path, &size));
    size_t used = size;
    while (used > 0 && fl__disk_bytes(disk, path, &size)[used - 1] == 0)
        used--;
    unsigned harmless = 0, reported = 0, refused = 0;
    for (size_t bit = 0; bit < (used + 64) * 8; bit++) {
        struct machine machine;
        fl__disk_flip(disk, path, bit / 8, (uint8_t)(1 << bit % 8));
        struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
        fl__disk_flip(disk, path, bit / 8, (uint8_t)(1 << bit % 8));
        boot(&machine, copy);
        if (open_log(&machine) != FL_OK) {
            assert_true(strlen(machine.report.text) > 20);
            refused++;
        } else {
            check_recovered(&machine, SMALL, "bit", bit, 0);
            reported += machine.found.damaged != 0;
            harmless += machine.found.damaged == 0;
            assert_true(!machine.found.damaged || strlen(machine.found.damage) > 20);
        }
        halt(&machine);
        fl__disk_destroy(copy);
    }
    print_message("harmless %u, reported %u, refused %u\n", harmless, reported, refused);
    /* Of each record's two outer copies a single flip leaves one. */
    assert_true(harmless > 0 && reported > 0 && refused == 0);
    fl__disk_destroy(disk);
}

/* Opens a copy of the disk with a page that cannot be read. True: it opens, and says what is damaged. */
static bool open_unreadable(struct fl__disk *disk, uint64_t number, uint64_t page, int step_count,
                            bool *damaged)
{
    struct machine machine;
    char path[64];
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    fl__segment_path("data", number, path, sizeof path);
    fl__disk_set_unreadable(copy, path, page, 4096);
    boot(&machine, copy);
    bool opens = open_log(&machine) == FL_OK;
    if (opens)
        check_recovered(&machine, step_count, "unreadable page", number, page);
    else
        assert_int_equal(machine.report.error, FL_EDAMAGED);
    *damaged = machine.found.damaged != 0;
    halt(&machine);
    fl__disk_destroy(copy);
    return opens;
}

/* A page of the disk cannot be read any more: either the log is whole but for payloads, and says which, or it
 * is refused. It is never taken for the end of the log, whatever the marks say: a tear reads well. */
static void test_each_unreadable_page_is_reported_or_refused(void **unused)
{
    (void)unused;
    unsigned reported = 0, refused = 0;
    for (int step_count = 1; step_count <= STEPS; step_count++) {
        struct fl__disk *disk = make_small_log(step_count);
        for (uint64_t number = 1; number <= 5; number++) {
            char path[64];
            size_t size;
            bool is_damaged;
            fl__segment_path("data", number, path, sizeof path);
            if (!fl__disk_bytes(disk, path, &size))
                break;
            for (size_t page = 0; page < size; page += 4096) {
                bool opens = open_unreadable(disk, number, page, step_count, &is_damaged);
                reported += opens && is_damaged;
                refused += !opens;
            }
        }
        fl__disk_destroy(disk);
    }
    assert_true(reported > 0 && refused > 0);
}

/* The end of the file is lost, and zeros, garbage or old bytes stand there instead. Above the highest mark
 * that is a tear, below it damage; never a different log. */
static void test_log_cut_at_every_byte(void **unused)
{
    (void)unused;
    enum { SMALL = 6 };
    struct fl__disk *disk = make_small_log(SMALL);
    const char *path = "data/log-0000000000000001";
    size_t size;
    assert_non_null(fl__disk_bytes(disk, path, &size));
    for (size_t cut = 0; cut < 2600; cut++) {
        for (int filling = 0; filling < 3; filling++) {
            struct machine machine;
            struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
            uint8_t *bytes = malloc(size);
            assert_non_null(bytes);
            for (size_t k = 0; k < size; k++)
                bytes[k] = filling == 0 ? 0 : filling == 1 ? (uint8_t)(k * 2654435761u >> 13) : 0xff;
            fl__disk_overwrite(copy, path, cut, bytes + cut, size - cut);
            free(bytes);
            boot(&machine, copy);
            if (open_log(&machine) == FL_OK)
                check_recovered(&machine, 0, "cut at", cut, (uint64_t)filling);
            else
                assert_true(machine.report.error < 0);
            halt(&machine);
            fl__disk_destroy(copy);
        }
    }
    fl__disk_destroy(disk);
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
        take_steps(&machine, 0, STEPS);
        int least = (int)machine.durable;
        assert_true(machine.failed || least == STEPS);
        halt(&machine);
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        boot(&machine, found);
        assert_int_equal(open_log(&machine), FL_OK);
        check_recovered(&machine, least, "failed sync", skip, 0);
        halt(&machine);
        fl__disk_destroy(found);
        fl__disk_destroy(disk);
    }
}

static void test_log_of_another_node_is_refused(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = make_small_log(3);
    boot(&machine, disk);
    struct fl__wal_options options = {.directory = "data",
                                      .cluster_id = {9, 9, 9},
                                      .incarnation = 99,
                                      .segment_size = SEGMENT_SIZE,
                                      .log_size_max = 1 << 30,
                                      .on_durable = on_durable,
                                      .on_failed = on_failed,
                                      .context = &machine};
    int result = fl__wal_open(&machine.wal, machine.io, &options, &machine.found, &machine.report);
    assert_int_equal(result, FL_ECLUSTER);
    assert_null(machine.wal);
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_records_copied_elsewhere_are_none(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = make_small_log(4);
    const char *path = "data/log-0000000000000001";
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    size_t used = size;
    while (copy[used - 1] == 0)
        used--;
    used = (used + 7) & ~(size_t)7;
    /* The log's own first records, again at its end: as a misdirected write might leave them. */
    fl__disk_overwrite(disk, path, used, copy + FL__SEGMENT_HEADER, 400);
    free(copy);
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    check_recovered(&machine, 4, "misdirected", 0, 0);
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
        cmocka_unit_test(test_records_of_another_history_are_none),
        cmocka_unit_test(test_each_flipped_bit_is_harmless_reported_or_refused),
        cmocka_unit_test(test_each_unreadable_page_is_reported_or_refused),
        cmocka_unit_test(test_log_cut_at_every_byte),
        cmocka_unit_test(test_failed_sync_is_never_trusted),
        cmocka_unit_test(test_log_of_another_node_is_refused),
        cmocka_unit_test(test_records_copied_elsewhere_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
