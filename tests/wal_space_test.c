/* wal_space_test.c - the write-ahead log and the space it takes: disks that are full, and how the next file
 * is made while the current one is written. */
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

enum { FULL_SIZE = 4 * SEGMENT_SIZE, PLAIN_SIZE = 300 };

/* Entries of term 1, without bodies to remember. The last one is index `last`. */
static void append_plain(struct machine *machine, fl_index index, size_t size)
{
    static const char data[16384];
    const struct fl__entry model = {.index = index, .term = 1, .kind = FL_ENTRY_COMMAND};
    struct fl__entry *entry = fl__entry_create(&model, data, size);
    assert_non_null(entry);
    assert_int_equal(fl__wal_append(machine->wal, entry), FL_OK);
    fl__entry_release(entry);
    fl__wal_ticket(machine->wal, index);
    fl__wal_flush(machine->wal);
    fl__world_run(machine->world);
}

/* Appends what there is room for, and says why there is no more. */
static int fill_up(struct machine *machine, fl_index *last)
{
    int room = FL_OK;
    while ((room = fl__wal_room(machine->wal, 1, FL__ENVELOPE_SIZE + PLAIN_SIZE)) == FL_OK && *last < 1000)
        append_plain(machine, ++*last, PLAIN_SIZE);
    return room;
}

static void boot_full(struct machine *machine, struct fl__disk *disk, fl_index *last)
{
    *last = 0;
    fl__disk_set_capacity(disk, FULL_SIZE);
    boot(machine, disk);
    assert_int_equal(open_log(machine), FL_OK);
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
    boot_full(&machine, disk, &last);
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

/* As on a follower, which is not asked. */
static void test_what_a_full_disk_cannot_take_waits_for_space(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {1000, 9000}; /* The second needs a file larger than others. */
    for (size_t k = 0; k < 2; k++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        fl_index last;
        boot_full(&machine, disk, &last);
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
        boot_full(&machine, disk, &last);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_full_disk_refuses_more_and_takes_it_once_there_is_space),
        cmocka_unit_test(test_what_a_full_disk_cannot_take_waits_for_space),
        cmocka_unit_test(test_a_log_on_a_full_disk_closes_and_opens_again),
        cmocka_unit_test(test_the_next_file_is_filled_piece_by_piece),
        cmocka_unit_test(test_the_next_file_is_not_paused_for_where_the_log_waits_for_it),
        cmocka_unit_test(test_a_log_closes_while_its_next_file_is_filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
