/* io_memory_test.c - the engine in memory keeps the contract of fairlead/io.h, quick or slow, in pieces or
 * whole; and beyond it what only such an engine can promise: what a loss of power leaves, failures on demand,
 * and the same run for the same seed. */
#include "memory.h"
#include "support/io_contract.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct engine {
    struct fl__world *world;
    struct fl__disk *disk;
};

static void make_directory(struct io_world *world)
{
    struct fl_io_op op = {0};
    snprintf(world->directory, sizeof world->directory, "data");
    world->io->vtable->make_directory(world->io, &op, "data");
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    op = (struct fl_io_op){0};
    world->io->vtable->sync_directory(world->io, &op, "");
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
}

static int set_up_with(void **state, const struct fl__world_settings *settings)
{
    struct io_world *world = calloc(1, sizeof *world);
    struct engine *engine = calloc(1, sizeof *engine);
    engine->world = fl__world_create(5);
    engine->disk = fl__disk_create();
    fl__world_set(engine->world, settings);
    world->io = fl__memory_create(engine->world, engine->disk);
    world->engine = engine;
    make_directory(world);
    *state = world;
    return 0;
}

static int set_up(void **state)
{
    return set_up_with(state, &(struct fl__world_settings){0});
}

static int set_up_slow(void **state)
{
    return set_up_with(state, &(struct fl__world_settings){.file_time_us_min = 10,
                                                           .file_time_us_max = 5000,
                                                           .network_time_us_min = 10,
                                                           .network_time_us_max = 3000,
                                                           .chunk_size_max = 900,
                                                           .pipe_size = 5000});
}

static int tear_down(void **state)
{
    struct io_world *world = *state;
    struct engine *engine = world->engine;
    fl__memory_destroy(world->io);
    fl__disk_destroy(engine->disk);
    fl__world_destroy(engine->world);
    free(engine);
    free(world);
    return 0;
}

/* ------------------------------------------------------------------------------------------ loss of power */

static struct fl__disk *disk_of(const struct io_world *world)
{
    return ((struct engine *)world->engine)->disk;
}

static void fill(uint8_t *bytes, size_t size, uint8_t with)
{
    memset(bytes, with, size);
}

/* How many bytes of the file are so after a loss of power; -1: there is no such file. */
static int64_t count_after(const struct io_world *world, const char *path, uint8_t what,
                           enum fl__survival how, uint64_t choice)
{
    struct fl__disk *after = fl__disk_after_power_loss(disk_of(world), how, choice);
    size_t size;
    int64_t count = 0;
    const uint8_t *bytes = fl__disk_bytes(after, path, &size);
    for (size_t k = 0; bytes && k < size; k++)
        count += bytes[k] == what;
    fl__disk_destroy(after);
    return bytes ? count : -1;
}

enum { PAGE = 4 * FL__SECTOR_SIZE, NEW_FILE = FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE };

static void test_what_was_synced_survives_and_what_was_not_may(void **state)
{
    struct io_world *world = *state;
    uint8_t bytes[PAGE];
    struct fl_io_file *file = io_open(world, "file", NEW_FILE);
    assert_int_equal(count_after(world, "data/file", 1, FL__SURVIVES_NONE, 0), -1);
    assert_int_equal(io_sync_directory(world), FL_OK);
    fill(bytes, PAGE, 1);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), PAGE);
    assert_int_equal(count_after(world, "data/file", 1, FL__SURVIVES_NONE, 0), PAGE);
    fill(bytes, PAGE, 2);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, false), PAGE);
    assert_int_equal(count_after(world, "data/file", 2, FL__SURVIVES_NONE, 0), 0);
    assert_int_equal(count_after(world, "data/file", 2, FL__SURVIVES_ALL, 0), PAGE);
    io_close(world, file);
}

static void test_a_write_is_torn_between_sectors_only(void **state)
{
    struct io_world *world = *state;
    uint8_t bytes[PAGE];
    bool torn = false, reordered = false;
    struct fl_io_file *file = io_open(world, "file", NEW_FILE);
    assert_int_equal(io_sync_directory(world), FL_OK);
    fill(bytes, PAGE, 1);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), PAGE);
    fill(bytes, PAGE, 2);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, false), PAGE);
    assert_int_equal(fl__disk_unsure_parts(disk_of(world)), PAGE / FL__SECTOR_SIZE);
    for (uint64_t choice = 0; choice < 64; choice++) {
        int64_t some = count_after(world, "data/file", 2, FL__SURVIVES_SOME, choice);
        int64_t first = count_after(world, "data/file", 2, FL__SURVIVES_PREFIX, choice % 5);
        assert_int_equal(some % FL__SECTOR_SIZE, 0);
        assert_int_equal(first, (int64_t)(choice % 5) * FL__SECTOR_SIZE);
        torn |= some > 0 && some < PAGE;
        struct fl__disk *after = fl__disk_after_power_loss(disk_of(world), FL__SURVIVES_SOME, choice);
        size_t size;
        const uint8_t *found = fl__disk_bytes(after, "data/file", &size);
        reordered |= found[0] == 1 && found[PAGE - 1] == 2;
        fl__disk_destroy(after);
    }
    assert_true(torn && reordered);
    io_close(world, file);
}

/* Whether the bytes of a durable write whose sync failed are on the disk, after a later sync that did not. */
static bool is_saved_after_all(struct io_world *world, const char *name)
{
    const struct fl__memory_failure failure = {.call = FL__CALL_SYNC_OF_WRITE, .count = 1, .error = FL_EIO};
    uint8_t bytes[PAGE], read[PAGE];
    struct fl_io_op op = {0};
    struct fl_io_file *file = io_open(world, name, NEW_FILE);
    assert_int_equal(io_sync_directory(world), FL_OK);
    fill(bytes, PAGE, 1);
    fl__memory_fail(world->io, &failure);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), FL_EIO);
    world->io->vtable->sync(world->io, &op, file);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK); /* A lie, as real kernels tell it. */
    assert_int_equal(io_read(world, file, read, PAGE, 0), PAGE);
    assert_memory_equal(read, bytes, PAGE); /* A reader sees them, on the disk or not. */
    io_close(world, file);
    int64_t count = count_after(world, io_path(world, name).text, 1, FL__SURVIVES_ALL, 0);
    assert_true(count == 0 || count == PAGE);
    return count == PAGE;
}

static void test_a_sync_after_a_failed_one_saves_nothing(void **state)
{
    struct io_world *world = *state;
    uint32_t saved = 0;
    char name[16];
    for (uint32_t k = 0; k < 20; k++) {
        snprintf(name, sizeof name, "file-%u", k);
        saved += is_saved_after_all(world, name);
    }
    assert_in_range(saved, 1, 19);
}

static void test_a_full_disk_takes_what_fits_and_says_so(void **state)
{
    struct io_world *world = *state;
    uint8_t bytes[PAGE];
    struct fl_io_file *file = io_open(world, "file", NEW_FILE);
    fill(bytes, PAGE, 1);
    fl__disk_set_capacity(disk_of(world), PAGE + 100);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), PAGE);
    assert_int_equal(io_write(world, file, bytes, PAGE, PAGE, true), FL_ENOSPC);
    fl__disk_set_capacity(disk_of(world), UINT64_MAX);
    assert_int_equal(io_write(world, file, bytes, PAGE, PAGE, true), PAGE);
    io_close(world, file);
}

static void test_an_unreadable_sector_fails_until_it_is_written(void **state)
{
    struct io_world *world = *state;
    uint8_t bytes[PAGE];
    struct fl_io_file *file = io_open(world, "file", NEW_FILE);
    fill(bytes, PAGE, 1);
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), PAGE);
    fl__disk_set_unreadable(disk_of(world), "data/file", 512, 512);
    assert_int_equal(io_read(world, file, bytes, PAGE, 0), FL_EIO);
    assert_int_equal(io_read(world, file, bytes, 512, 0), 512);
    assert_int_equal(io_write(world, file, bytes, 512, 512, true), 512);
    assert_int_equal(io_read(world, file, bytes, PAGE, 0), PAGE);
    io_close(world, file);
}

static void test_after_a_crash_nothing_reaches_the_disk_and_all_completes(void **state)
{
    struct io_world *world = *state;
    uint8_t bytes[PAGE];
    struct fl_io_file *file = io_open(world, "file", NEW_FILE);
    assert_int_equal(io_sync_directory(world), FL_OK);
    fill(bytes, PAGE, 1);
    fl__memory_crash(world->io);
    assert_true(fl__memory_is_crashed(world->io));
    assert_int_equal(io_write(world, file, bytes, PAGE, 0, true), FL_EIO);
    io_turn(world); /* Timers still run. */
    io_close(world, file);
    assert_int_equal(count_after(world, "data/file", 1, FL__SURVIVES_ALL, 0), 0);
}

/* -------------------------------------------------------------------------------------------- determinism */

struct race {
    uint64_t order;
    uint32_t place;
};

static void note_end(struct fl_io_op *op)
{
    struct race *race = op->owner;
    race->order = race->order * 31 + (uint64_t)op->result;
    race->place++;
}

/* The order in which eight writes of slow disks end. */
static uint64_t play_race(uint64_t seed)
{
    struct fl__world *world = fl__world_create(seed);
    struct fl__disk *disk = fl__disk_create();
    struct fl_io *io = fl__memory_create(world, disk);
    struct race race = {0};
    struct fl_io_op ops[8];
    fl__world_set(world, &(struct fl__world_settings){.file_time_us_min = 1, .file_time_us_max = 10000});
    struct fl_io_op open = {0};
    io->vtable->open(io, &open, "file", NEW_FILE);
    assert_true(io->vtable->wait(io, &open) >= 0);
    for (uint32_t k = 0; k < 8; k++) {
        const struct fl_io_buffer buffer = {"12345678", k + 1};
        ops[k] = (struct fl_io_op){.done = note_end, .owner = &race};
        io->vtable->write(io, &ops[k], open.file, &buffer, 1, k * 100, false);
    }
    fl__world_advance(world, 20000);
    assert_int_equal(race.place, 8);
    fl__memory_destroy(io);
    fl__disk_destroy(disk);
    fl__world_destroy(world);
    return race.order;
}

static void test_the_same_seed_gives_the_same_run_and_others_do_not(void **state)
{
    bool differs = false;
    (void)state;
    for (uint64_t seed = 1; seed < 20; seed++) {
        assert_int_equal(play_race(seed), play_race(seed));
        differs |= play_race(seed) != play_race(seed + 1);
    }
    assert_true(differs);
}

static void test_time_passes_only_when_it_is_told_to(void **state)
{
    struct io_world *world = *state;
    struct engine *engine = world->engine;
    const struct fl_io_vtable *io = world->io->vtable;
    fl_time_us before = io->now(world->io);
    uint64_t wall = io->wall_clock_us(world->io);
    fl__world_run(engine->world);
    assert_int_equal(io->now(world->io), before);
    fl__world_advance(engine->world, 12345);
    assert_int_equal(io->now(world->io), before + 12345);
    assert_int_equal(io->wall_clock_us(world->io), wall + 12345);
    fl__memory_jump_wall_clock(world->io, -1000000);
    assert_int_equal(io->wall_clock_us(world->io), wall + 12345 - 1000000);
    assert_int_equal(io->now(world->io), before + 12345);
}

int main(void)
{
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down),
#define IO_SLOW_TEST(name) {#name " (slow, in pieces)", name, set_up_slow, tear_down, NULL},
    const struct CMUnitTest tests[] = {
        IO_CONTRACT_TESTS(IO_TEST) IO_CONTRACT_TESTS(IO_SLOW_TEST)
            IO_TEST(test_what_was_synced_survives_and_what_was_not_may)
                IO_TEST(test_a_write_is_torn_between_sectors_only)
                    IO_TEST(test_a_sync_after_a_failed_one_saves_nothing)
                        IO_TEST(test_a_full_disk_takes_what_fits_and_says_so)
                            IO_TEST(test_an_unreadable_sector_fails_until_it_is_written)
                                IO_TEST(test_after_a_crash_nothing_reaches_the_disk_and_all_completes)
                                    IO_TEST(test_time_passes_only_when_it_is_told_to) cmocka_unit_test(
                                        test_the_same_seed_gives_the_same_run_and_others_do_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
