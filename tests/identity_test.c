/* identity_test.c - who a data directory is: written once, whole or not at all, and believed only if it is
 * whole. */
#include "log.h"
#include "memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static const struct fl__identity mine = {
    .cluster_id = {1, 2, 3},
    .incarnation = 77,
    .name = "n1",
    .founders = {{.name = "n1", .address = "127.0.0.1:7601"}, {.name = "n2", .address = "127.0.0.1:7611"}},
    .founder_count = 2,
};

struct machine {
    struct fl__world *world;
    struct fl_io *io;
};

static void boot(struct machine *machine, struct fl__disk *disk)
{
    machine->world = fl__world_create(1);
    machine->io = fl__memory_create(machine->world, disk);
}

static void halt(struct machine *machine)
{
    fl__memory_destroy(machine->io);
    fl__world_destroy(machine->world);
}

static void make_directory(struct fl_io *io)
{
    struct fl_io_op op = {0};
    io->vtable->make_directory(io, &op, "data");
    (void)io->vtable->wait(io, &op);
    op = (struct fl_io_op){0};
    io->vtable->sync_directory(io, &op, "");
    (void)io->vtable->wait(io, &op);
}

static int load(struct fl__disk *disk, struct fl__identity *out, struct fl_error_report *report)
{
    struct machine machine;
    boot(&machine, disk);
    make_directory(machine.io);
    int result = fl__identity_load(machine.io, "data", out, report);
    halt(&machine);
    return result;
}

static void check_mine(const struct fl__identity *found)
{
    assert_memory_equal(found->cluster_id, mine.cluster_id, 16);
    assert_int_equal(found->incarnation, 77);
    assert_string_equal(found->name, "n1");
    assert_int_equal(found->founder_count, 2);
    assert_string_equal(found->founders[1].name, "n2");
    assert_string_equal(found->founders[1].address, "127.0.0.1:7611");
}

/* Creates it, with a loss of power during call k (0: none); the result, and what is left of the disk. */
static int create(uint64_t k, uint64_t choice, struct fl__disk **left)
{
    struct machine machine;
    struct fl_error_report report;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    make_directory(machine.io);
    if (k > 0)
        fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + k);
    int result = fl__identity_create(machine.io, "data", &mine, &report);
    halt(&machine);
    *left = fl__disk_after_power_loss(disk, FL__SURVIVES_SOME, choice);
    fl__disk_destroy(disk);
    return result;
}

static void test_a_directory_knows_who_it_is(void **state)
{
    struct fl__disk *disk;
    struct fl__identity found;
    struct fl_error_report report;
    (void)state;
    assert_int_equal(create(0, 1, &disk), FL_OK);
    assert_int_equal(load(disk, &found, &report), FL_OK);
    check_mine(&found);
    fl__disk_destroy(disk);
    disk = fl__disk_create();
    assert_int_equal(load(disk, &found, &report), FL_ENOENT);
    fl__disk_destroy(disk);
}

static void test_power_that_fails_meanwhile_leaves_all_of_it_or_none(void **state)
{
    (void)state;
    for (uint64_t k = 1; k < 12; k++)
        for (uint64_t choice = 0; choice < 16; choice++) {
            struct fl__disk *disk;
            struct fl__identity found;
            struct fl_error_report report;
            int created = create(k, choice, &disk), loaded = load(disk, &found, &report);
            assert_true(loaded == FL_OK || (loaded == FL_ENOENT && created != FL_OK));
            if (loaded == FL_OK)
                check_mine(&found);
            fl__disk_destroy(disk);
        }
}

/* A process dies during call k of creating it. What the next one reads, it tells others: power may not take
 * it away any more, not even where the dead one had not synced the directory. */
static void test_what_a_dead_process_left_is_durable_once_it_is_read(void **state)
{
    (void)state;
    unsigned loaded = 0;
    for (uint64_t k = 1; k < 12; k++) {
        struct machine machine;
        struct fl__identity found;
        struct fl_error_report report;
        struct fl__disk *disk = fl__disk_create(), *left;
        boot(&machine, disk);
        make_directory(machine.io);
        fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + k);
        int created = fl__identity_create(machine.io, "data", &mine, &report);
        assert_true(created == FL_OK || created == FL_EIO);
        halt(&machine);
        if (load(disk, &found, &report) == FL_OK) {
            left = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
            assert_int_equal(load(left, &found, &report), FL_OK);
            check_mine(&found);
            fl__disk_destroy(left);
            loaded++;
        }
        fl__disk_destroy(disk);
    }
    assert_true(loaded > 1);
}

static void test_each_flipped_bit_and_each_lost_byte_is_seen(void **state)
{
    struct fl__disk *disk;
    size_t size;
    (void)state;
    assert_int_equal(create(0, 1, &disk), FL_OK);
    (void)fl__disk_bytes(disk, "data/identity", &size);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        struct fl__identity found;
        struct fl_error_report report = {0};
        fl__disk_flip(disk, "data/identity", bit / 8, (uint8_t)(1u << bit % 8));
        int result = load(disk, &found, &report);
        assert_true(result < 0 && result != FL_ENOENT);
        assert_non_null(strstr(report.text, "identity"));
        fl__disk_flip(disk, "data/identity", bit / 8, (uint8_t)(1u << bit % 8));
    }
    for (size_t cut = size; cut > 0; cut--) {
        struct fl__identity found;
        struct fl_error_report report;
        fl__disk_cut(disk, "data/identity", cut - 1);
        int result = load(disk, &found, &report);
        assert_true(result < 0 && result != FL_ENOENT);
    }
    fl__disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_directory_knows_who_it_is),
        cmocka_unit_test(test_power_that_fails_meanwhile_leaves_all_of_it_or_none),
        cmocka_unit_test(test_what_a_dead_process_left_is_durable_once_it_is_read),
        cmocka_unit_test(test_each_flipped_bit_and_each_lost_byte_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
