/* wal_space_test.c - the write-ahead log and the space it takes: disks that are full, how the next file
 * is made while the current one is written, and what becomes of files that were never used. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "records.h"
#include "wal_machine.h"

/* -------------------------------------------------------------------------------------------- a full disk */

enum { PLAIN_SIZE = 300 };

/* Appends what there is room for, and says why there is no more. */
static int fill_up(struct machine *machine, fl_index *last)
{
    int room = FL_OK;
    while (*last < 1000) {
        room = fl__wal_room(machine->wal, 1, FL__ENVELOPE_SIZE + PLAIN_SIZE);
        if (room == FL_OK) {
            append_plain(machine, ++*last, PLAIN_SIZE);
        } else if (room == FL_EFULL) {
            fl__wal_make_room(machine->wal, 1, FL__ENVELOPE_SIZE + PLAIN_SIZE);
            fl__world_run(machine->world);
        } else {
            break;
        }
    }
    return room;
}

static void boot_full(struct machine *machine, struct fl__disk *disk, uint64_t segment_size, fl_index *last)
{
    *last = 0;
    boot(machine, disk);
    machine->segment_size = segment_size;
    assert_int_equal(open_log(machine), FL_OK);
    fl__disk_set_capacity(disk, fl__disk_used(disk) + 4 * segment_size);
    assert_int_equal(fill_up(machine, last), FL_ENOSPC);
    assert_true(*last > 20);
    assert_true(machine->full);
    assert_int_equal(machine->durable, *last); /* What was accepted is on disk. */
}

static void test_a_full_disk_refuses_more_and_takes_it_once_there_is_space(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    fl_index last;
    boot_full(&machine, disk, SEGMENT_SIZE, &last);
    fl__world_advance(machine.world, 60000000);
    assert_true(machine.full);
    fl__disk_set_capacity(disk, UINT64_MAX);
    fl__world_advance(machine.world, 60000000);
    assert_false(machine.full);
    assert_int_equal(fill_up(&machine, &last), FL_OK);
    assert_int_equal(machine.durable, 1000);
    assert_false(machine.failed);
    halt(&machine);

    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    assert_int_equal(machine.found.last, 1000);
    assert_int_equal(machine.found.damaged, 0);
    halt(&machine);
    fl__disk_destroy(disk);
}

/* Asks for room as a leader does, and appends what there is room for, while the disk takes its time; *last
 * is then the last one. Why there is no more. */
static int lead(struct machine *machine, size_t size, fl_index *last)
{
    for (;;) {
        int room = fl__wal_room(machine->wal, 1, FL__ENVELOPE_SIZE + size);
        if (room == FL_EFULL) {
            fl__wal_make_room(machine->wal, 1, FL__ENVELOPE_SIZE + size);
            fl__world_advance(machine->world, 1000);
        } else if (room != FL_OK || *last == 1000) {
            return room;
        } else {
            append_plain(machine, ++*last, size);
        }
    }
}

/* However slow the disk is, and whenever it turns out to be full. The end of the file is still free for a
 * term to open. */
static void test_what_a_leader_takes_has_its_place_on_the_disk(void **unused)
{
    (void)unused;
    const struct fl__world_settings settings = {.file_time_us_min = 1000, .file_time_us_max = 1000};
    for (size_t size = 100; size < 12000; size += 700) {
        for (uint64_t capacity = 1; capacity < 6; capacity++) {
            struct machine machine;
            struct fl__disk *disk = fl__disk_create();
            fl_index last = 0;
            boot(&machine, disk);
            machine.segment_size = 4 * SEGMENT_SIZE;
            assert_int_equal(open_log(&machine), FL_OK);
            append_plain(&machine, ++last, 0);
            fl__disk_set_capacity(disk, fl__disk_used(disk) + capacity * 3 * SEGMENT_SIZE);
            fl__world_set(machine.world, &settings);
            assert_int_equal(lead(&machine, size, &last), FL_ENOSPC);
            append_plain(&machine, ++last, 0);
            fl__world_advance(machine.world, 60000000);
            assert_int_equal(machine.durable, last);
            assert_false(machine.failed);
            halt(&machine);
            fl__disk_destroy(disk);
        }
    }
}

/* There is no space for a file as large as it needs, and there is for others: they are taken meanwhile. */
static void test_an_entry_too_large_for_the_disk_is_refused_and_others_are_taken(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    fl_index last = 0;
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    append_plain(&machine, ++last, 0);
    fl__disk_set_capacity(disk, fl__disk_used(disk) + SEGMENT_SIZE);
    assert_int_equal(lead(&machine, 3 * SEGMENT_SIZE, &last), FL_ENOSPC);
    assert_int_equal(last, 1);
    assert_false(machine.full);
    assert_int_equal(lead(&machine, PLAIN_SIZE, &last), FL_ENOSPC);
    assert_true(last > 8);
    assert_int_equal(machine.durable, last);
    fl__disk_set_capacity(disk, UINT64_MAX);
    fl__world_advance(machine.world, 6000000);
    append_plain(&machine, ++last, 3 * SEGMENT_SIZE);
    assert_int_equal(machine.durable, last);
    halt(&machine);

    boot(&machine, disk); /* Nothing is prepared yet. */
    assert_int_equal(open_log(&machine), FL_OK);
    fl__disk_set_capacity(disk, fl__disk_used(disk) + SEGMENT_SIZE);
    assert_int_equal(lead(&machine, 3 * SEGMENT_SIZE, &last), FL_ENOSPC);
    assert_true(machine.full);
    fl__disk_set_capacity(disk,
                          fl__disk_used(disk) + SEGMENT_SIZE); /* What was removed counts for a while. */
    fl__world_advance(machine.world, 6000000);
    assert_false(machine.full);
    halt(&machine);
    fl__disk_destroy(disk);
}

/* As on a follower, which is not asked. */
static void test_what_a_full_disk_cannot_take_waits_for_space(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {1000, 9000}; /* The second needs a file larger than others. */
    for (size_t k = 0; k < 2; k++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        fl_index last;
        boot_full(&machine, disk, SEGMENT_SIZE, &last);
        for (int n = 0; n < 5; n++)
            append_plain(&machine, ++last, sizes[k]);
        fl__world_advance(machine.world, 60000000);
        assert_true(machine.durable < last);
        fl__disk_set_capacity(disk, UINT64_MAX);
        fl__world_advance(machine.world, 60000000);
        assert_int_equal(machine.durable, last);
        assert_false(machine.failed);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

static void test_a_log_on_a_full_disk_closes_and_opens_again(void **unused)
{
    (void)unused;
    for (int waiting = 0; waiting < 5; waiting++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        fl_index last;
        boot_full(&machine, disk, SEGMENT_SIZE, &last);
        for (int n = 0; n < waiting; n++)
            append_plain(&machine, ++last, 2000);
        fl_ticket durable = machine.durable;
        close_log(&machine);
        assert_int_equal(machine.failed, waiting > 0); /* What waited was never on disk. */
        halt(&machine);

        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        assert_int_equal(machine.found.last, durable);
        assert_int_equal(machine.found.damaged, 0);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

/* Power fails during the last write that a full disk has room for. */
static struct fl__disk *make_torn(uint64_t choice, fl_index *last)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot_full(&machine, disk, 16 * SEGMENT_SIZE, last);
    fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + 1);
    append_plain(&machine, *last + 1, 1000 + 50 * choice); /* How much of it is written depends on this. */
    assert_true(machine.failed);
    halt(&machine);
    struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_SOME, choice);
    fl__disk_destroy(disk);
    return found;
}

/* It needs no new file, for which there would be no room. */
static void test_a_log_goes_on_behind_a_torn_write_on_a_full_disk(void **unused)
{
    (void)unused;
    unsigned torn_count = 0;
    for (uint64_t choice = 0; choice < 40; choice++) {
        struct machine machine;
        fl_index last;
        struct fl__disk *disk = make_torn(choice, &last);
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        torn_count += machine.found.torn_size > 0;
        last = machine.found.last;
        append_plain(&machine, last + 1, 0); /* The entry that opens a leader's term. */
        assert_int_equal(machine.durable, last + 1);
        fl__memory_crash(machine.io);
        halt(&machine);

        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        assert_int_equal(machine.found.last, last + 1);
        assert_int_equal(machine.found.torn_size, 0);
        halt(&machine);
        fl__disk_destroy(disk);
    }
    assert_true(torn_count > 5);
}

/* ------------------------------------------------------------------------------------------ the next file */

enum { LONG_SEGMENT = 1 << 20, PIECE = 4096 };

#define SECOND_SEGMENT "data/log-0000000000000002"

static size_t size_of(struct fl__disk *disk, const char *path)
{
    size_t size = 0;
    (void)fl__disk_bytes(disk, path, &size);
    return size;
}

/* The disk takes a millisecond for anything. The first file is made, and one entry is in it. */
static void boot_long(struct machine *machine, struct fl__disk *disk)
{
    const struct fl__world_settings settings = {.file_time_us_min = 1000, .file_time_us_max = 1000};
    boot(machine, disk);
    machine->segment_size = LONG_SEGMENT;
    assert_int_equal(open_log(machine), FL_OK);
    fl__world_set(machine->world, &settings);
    append_plain(machine, 1, PLAIN_SIZE);
    fl__world_advance(machine->world, 20000);
    assert_int_equal(machine->durable, 1);
}

static void on_vote_saved(void *context, int result)
{
    (void)context;
    (void)result;
}

static void test_the_next_file_is_filled_piece_by_piece(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot_long(&machine, disk);
    for (size_t size = size_of(disk, SECOND_SEGMENT); size < LONG_SEGMENT;) {
        size_t before = size;
        fl__world_advance(machine.world, 40000); /* In which the disk works for ten milliseconds. */
        size = size_of(disk, SECOND_SEGMENT);
        assert_true(size > before && size - before <= 5 * PIECE);
    }
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_the_next_file_is_not_paused_for_where_the_log_waits_for_it(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot_long(&machine, disk);
    fl__world_advance(machine.world, 40000);
    fl_index last = 1;
    while (last < 80)
        append_plain(&machine, ++last, 16384);
    assert_true(size_of(disk, SECOND_SEGMENT) < LONG_SEGMENT / 2);
    fl__world_advance(machine.world, 40000);
    assert_int_equal(machine.durable, 80);
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_a_log_closes_while_its_next_file_is_filled(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    for (int k = 0; k < 12; k++) {
        boot_long(&machine, disk);
        fl__world_advance(machine.world, 40000 + 1000 * (fl_time_us)k);
        append_plain(&machine, 2, PLAIN_SIZE); /* Is being written, */
        append_plain(&machine, 3, PLAIN_SIZE); /* and queued behind it. */
        close_log(&machine);
        assert_false(machine.failed);
        assert_int_equal(machine.durable, 3);
        halt(&machine);
        assert_int_equal(size_of(disk, SECOND_SEGMENT), 0); /* Nothing half made is left behind. */
        fl__disk_destroy(disk);
        disk = fl__disk_create();
    }
    fl__disk_destroy(disk);
}

static void test_a_next_file_that_cannot_be_made_is_closed(void **unused)
{
    (void)unused;
    static const enum fl__memory_call calls[] = {FL__CALL_OPEN, FL__CALL_ALLOCATE, FL__CALL_SYNC,
                                                 FL__CALL_WRITE, FL__CALL_SYNC_DIRECTORY};
    for (size_t k = 0; k < sizeof calls / sizeof *calls; k++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        const struct fl__memory_failure failure = {.call = calls[k], .count = 1, .error = FL_EIO};
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        fl__memory_fail(machine.io, &failure);
        append_plain(&machine, 1, PLAIN_SIZE);
        assert_true(machine.failed);
        close_log(&machine);
        assert_int_equal(fl__memory_open_files(machine.io), 0);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

/* What the disk left in it when it had no space, nobody knows. */
static void test_a_next_file_that_could_not_be_removed_is_emptied(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    fl_index last;
    const struct fl__memory_failure failure = {.call = FL__CALL_UNLINK, .count = 1, .error = FL_EIO};
    uint8_t garbage[SEGMENT_SIZE];
    size_t size;
    memset(garbage, 0xab, sizeof garbage);
    boot_full(&machine, disk, SEGMENT_SIZE, &last);
    fl__memory_fail(machine.io, &failure);
    fl__world_advance(machine.world, 6000000);
    assert_non_null(fl__disk_bytes(disk, "data/log-0000000000000005", &size));
    fl__disk_overwrite(disk, "data/log-0000000000000005", 0, garbage, sizeof garbage);
    fl__disk_set_capacity(disk, UINT64_MAX);
    append_plain(&machine, ++last, 2000);
    fl__world_advance(machine.world, 60000000);
    assert_int_equal(machine.durable, last);
    halt(&machine);

    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    assert_int_equal(machine.found.last, last);
    assert_int_equal(machine.found.torn_size, 0);
    halt(&machine);
    fl__disk_destroy(disk);
}

/* ----------------------------------------------------------------------------------- files never used */

/* As after a power failure that took the first batch of one while the next was being made. */
static void make_file(struct machine *machine, uint64_t number, size_t size)
{
    char path[FL__PATH_MAX];
    struct fl_io_op op = {0};
    const struct fl_io_vtable *io = machine->io->vtable;
    fl__segment_path("data", number, path, sizeof path);
    io->open(machine->io, &op, path, FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE);
    assert_true(io->wait(machine->io, &op) >= 0);
    struct fl_io_file *file = op.file;
    io->allocate(machine->io, &op, file, size);
    assert_true(io->wait(machine->io, &op) >= 0);
    io->sync(machine->io, &op, file);
    assert_true(io->wait(machine->io, &op) >= 0);
    io->close_file(machine->io, &op, file);
    assert_true(io->wait(machine->io, &op) >= 0);
    io->sync_directory(machine->io, &op, "data");
    assert_true(io->wait(machine->io, &op) >= 0);
}

static bool has_file(struct fl__disk *disk, uint64_t number)
{
    char path[FL__PATH_MAX];
    size_t size;
    fl__segment_path("data", number, path, sizeof path);
    return fl__disk_bytes(disk, path, &size) != NULL;
}

/* A log of some entries, and files behind it in which there is nothing. */
static struct fl__disk *make_unused_files(fl_index entries)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    for (fl_index index = 1; index <= entries; index++)
        append_plain(&machine, index, PLAIN_SIZE);
    close_log(&machine);
    uint64_t number = 1;
    while (has_file(disk, number))
        number++;
    for (uint64_t end = number + 3; number < end; number++)
        make_file(&machine, number, number % 2 ? SEGMENT_SIZE : SEGMENT_SIZE / 2);
    halt(&machine);
    return disk;
}

/* Power fails during call `call` of the recovery; false: it was over before. */
static bool crash_while_files_are_removed(struct fl__disk *disk, fl_index entries, uint64_t call,
                                          uint64_t choice)
{
    struct machine machine;
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    boot(&machine, copy);
    fl__memory_crash_at(machine.io, call);
    assert_true(open_log(&machine) <= FL_OK);
    bool crashed = fl__memory_calls(machine.io) >= call;
    halt(&machine);
    struct fl__disk *found = fl__disk_after_power_loss(copy, FL__SURVIVES_SOME, choice);
    fl__disk_destroy(copy);

    boot(&machine, found);
    assert_int_equal(open_log(&machine), FL_OK);
    assert_int_equal(machine.found.last, entries);
    append_plain(&machine, entries + 1, PLAIN_SIZE);
    assert_int_equal(machine.durable, entries + 1);
    halt(&machine);
    fl__disk_destroy(found);
    return crashed;
}

static void test_files_never_used_are_removed_whenever_power_fails(void **unused)
{
    (void)unused;
    for (fl_index entries = 0; entries <= 30; entries += 15) {
        struct fl__disk *disk = make_unused_files(entries);
        for (uint64_t choice = 0; choice < 16; choice++) {
            uint64_t call = 1;
            while (crash_while_files_are_removed(disk, entries, call, choice))
                call++;
        }
        fl__disk_destroy(disk);
    }
}

/* Power fails in call `call` while the log fills its first file and goes on in the next; *last: what was
 * durable. */
static struct fl__disk *crash_while_files_change(uint64_t call, fl_index *last)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    machine.segment_size = 4 * SEGMENT_SIZE;
    assert_int_equal(open_log(&machine), FL_OK);
    fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + call);
    for (fl_index index = 1; index <= 30 && !machine.failed; index++)
        append_plain(&machine, index, 1000);
    *last = machine.durable;
    halt(&machine);
    struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
    fl__disk_destroy(disk);
    return found;
}

/* Opens the log, and appends what does not fit into one file. */
static void go_on_for_long(struct fl__disk *disk, fl_index *last)
{
    struct machine machine;
    boot(&machine, disk);
    machine.segment_size = 4 * SEGMENT_SIZE;
    assert_int_equal(open_log(&machine), FL_OK);
    assert_true(machine.found.last >= *last && machine.found.damaged == 0);
    for (fl_index index = machine.found.last + 1; index <= *last + 30; index++)
        append_plain(&machine, index, 1000);
    *last += 30;
    assert_int_equal(machine.durable, *last);
    halt(&machine);
}

static size_t used_size(struct fl__disk *disk, const char *path)
{
    size_t size = 0;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return size;
}

/* The second file is in use, and holds nothing. */
static bool is_second_empty(struct fl__disk *disk)
{
    struct machine machine;
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine), FL_OK);
    bool is_in_use = fl__vote_newest(machine.vote).number == 2;
    halt(&machine);
    return is_in_use && used_size(disk, SECOND_SEGMENT) <= FL__SEGMENT_HEADER;
}

/* It was noted that the log goes on in it, and then power failed. If part of it cannot be read, the log goes
 * on in yet another one. All that is in the file before it was durable, though no mark there says so. */
static void test_a_file_in_use_may_hold_nothing(void **unused)
{
    (void)unused;
    static const char first[] = "data/log-0000000000000001";
    enum { WHOLE, UNREADABLE, CUT, WAYS };
    unsigned empty_count = 0;
    for (uint64_t call = 1; call < 200; call++) {
        for (int way = WHOLE; way < WAYS; way++) {
            struct machine machine;
            fl_index last;
            struct fl__disk *disk = crash_while_files_change(call, &last);
            bool is_empty = is_second_empty(disk);
            empty_count += is_empty;
            if (is_empty && way == UNREADABLE)
                fl__disk_set_unreadable(disk, SECOND_SEGMENT, SEGMENT_SIZE, SEGMENT_SIZE);
            if (is_empty && way == CUT) {
                fl__disk_cut(disk, first, used_size(disk, first) - 1);
                boot(&machine, disk);
                machine.segment_size = 4 * SEGMENT_SIZE;
                assert_int_equal(open_log(&machine), FL_EDAMAGED);
                assert_non_null(strstr(machine.report.text, first));
                halt(&machine);
            } else {
                go_on_for_long(disk, &last);
                go_on_for_long(disk, &last);
            }
            fl__disk_destroy(disk);
        }
    }
    assert_true(empty_count >= WAYS);
}

static void test_a_log_whose_first_file_is_missing_is_refused(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = make_unused_files(15);
    struct fl_io_op op = {0};
    boot(&machine, disk);
    machine.io->vtable->unlink(machine.io, &op, "data/log-0000000000000001");
    assert_int_equal(machine.io->vtable->wait(machine.io, &op), FL_OK);
    assert_int_equal(open_log(&machine), FL_EDAMAGED);
    assert_non_null(strstr(machine.report.text, "log-0000000000000001"));
    halt(&machine);
    fl__disk_destroy(disk);
}

/* Term and vote could not be saved, and the log is closed before it heard of that: with what is queued behind
 * a batch in flight, or behind the next file that is being made. */
static void test_a_log_closes_after_a_save_of_the_vote_failed(void **unused)
{
    (void)unused;
    const struct fl__vote_state state = {.term = 1};
    const struct fl__memory_failure failure = {
        .call = FL__CALL_SYNC_OF_WRITE, .path = "vote-", .count = 1, .error = FL_EIO};
    for (fl_time_us ahead = 0; ahead < 60000; ahead += 500) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        boot_long(&machine, disk);
        fl__memory_fail(machine.io, &failure);
        fl__vote_save(machine.vote, &state, on_vote_saved, &machine);
        for (fl_index index = 2; index < 80; index++)
            append_plain(&machine, index, 16384);
        fl__world_advance(machine.world, ahead);
        close_log(&machine);
        assert_int_equal(fl__memory_open_files(machine.io), 0);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

/* docs/disks.md: one flipped bit is harmless, or costs the payload of one entry. The file is empty, and the
 * newest; or it stays empty for ever, because the log went on in another. */
static void test_one_flipped_bit_in_a_file_that_holds_nothing_is_harmless(void **unused)
{
    (void)unused;
    unsigned empty_count = 0, refused[2] = {0};
    for (uint64_t call = 1; call < 200; call++) {
        for (int is_newest = 0; is_newest < 2; is_newest++) {
            struct machine machine;
            fl_index last;
            struct fl__disk *disk = crash_while_files_change(call, &last);
            if (is_second_empty(disk)) {
                empty_count++;
                if (!is_newest) {
                    fl__disk_set_unreadable(disk, SECOND_SEGMENT, SEGMENT_SIZE, SEGMENT_SIZE);
                    go_on_for_long(disk, &last);
                }
                fl__disk_flip(disk, SECOND_SEGMENT, 20, 1);
                boot(&machine, disk);
                machine.segment_size = 4 * SEGMENT_SIZE;
                if (open_log(&machine) != FL_OK) {
                    refused[is_newest]++;
                    print_message("%s: %s\n", is_newest ? "newest" : "between", machine.report.text);
                }
                halt(&machine);
            }
            fl__disk_destroy(disk);
        }
    }
    assert_true(empty_count > 0);
    assert_int_equal(refused[0], 0);
    assert_int_equal(refused[1], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_refuses_more_and_takes_it_once_there_is_space),
        cmocka_unit_test(test_what_a_leader_takes_has_its_place_on_the_disk),
        cmocka_unit_test(test_an_entry_too_large_for_the_disk_is_refused_and_others_are_taken),
        cmocka_unit_test(test_what_a_full_disk_cannot_take_waits_for_space),
        cmocka_unit_test(test_a_log_on_a_full_disk_closes_and_opens_again),
        cmocka_unit_test(test_a_log_goes_on_behind_a_torn_write_on_a_full_disk),
        cmocka_unit_test(test_the_next_file_is_filled_piece_by_piece),
        cmocka_unit_test(test_the_next_file_is_not_paused_for_where_the_log_waits_for_it),
        cmocka_unit_test(test_a_log_closes_while_its_next_file_is_filled),
        cmocka_unit_test(test_a_next_file_that_cannot_be_made_is_closed),
        cmocka_unit_test(test_a_next_file_that_could_not_be_removed_is_emptied),
        cmocka_unit_test(test_files_never_used_are_removed_whenever_power_fails),
        cmocka_unit_test(test_a_file_in_use_may_hold_nothing),
        cmocka_unit_test(test_a_log_whose_first_file_is_missing_is_refused),
        cmocka_unit_test(test_one_flipped_bit_in_a_file_that_holds_nothing_is_harmless),
        cmocka_unit_test(test_a_log_closes_after_a_save_of_the_vote_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
