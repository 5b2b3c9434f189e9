/* io_memory_test.c - the engine in memory keeps the contract of fairlead/io.h, in a world where all is quick
 * and in one where nothing is; and its disks, crashes and failures are what memory.h says. */
#include "io_contract.h"
#include "letters.h"

#include <stdlib.h>
#include <string.h>

/* ----------------------------------------------------------------------------------------------- contract */

struct contract {
    struct io_world world;
    struct fl__world *memory;
    struct fl__disk *disk;
};

static int set_up(void **state)
{
    struct contract *contract = calloc(1, sizeof *contract);
    struct fl_io_op op = {0};
    contract->memory = fl__world_create(7);
    contract->disk = fl__disk_create();
    contract->world = (struct io_world){
        .io = fl__memory_create(contract->memory, contract->disk), .directory = "test", .engine = contract};
    contract->world.io->vtable->make_directory(contract->world.io, &op, "test");
    *state = &contract->world;
    return contract->world.io->vtable->wait(contract->world.io, &op) == FL_OK ? 0 : -1;
}

static int set_up_slow(void **state)
{
    int result = set_up(state);
    struct contract *contract = ((struct io_world *)*state)->engine;
    const struct fl__world_settings settings = {.file_time_us_min = 1,
                                                .file_time_us_max = 900,
                                                .network_time_us_min = 10,
                                                .network_time_us_max = 90,
                                                .chunk_size_max = 3000,
                                                .pipe_size = 20000};
    fl__world_set(contract->memory, &settings);
    return result;
}

/* The tests have cleaned up, so nothing is left of what they opened. */
static int tear_down(void **state)
{
    struct contract *contract = ((struct io_world *)*state)->engine;
    struct fl__memory *engine = fl__memory_of(contract->world.io);
    fl__world_run(contract->memory);
    bool is_clean = !engine->files && !engine->streams && !engine->first_request && engine->hook_count == 0;
    fl__memory_destroy(contract->world.io);
    is_clean = is_clean && fl__world_next(contract->memory) == UINT64_MAX;
    fl__world_destroy(contract->memory);
    fl__disk_destroy(contract->disk);
    free(contract);
    return is_clean ? 0 : -1;
}

/* -------------------------------------------------------------------------------------------------- crash */

static void count_done(struct fl_io_op *op)
{
    ++*(int *)op->owner;
}

static void test_after_a_crash_only_timers_and_closing_work(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct machine machine = boot_with_file(1, &file);
    const struct fl_io_vtable *v = machine.io->vtable;
    struct fl_io_op timer = {0}, op = {0};
    uint64_t calls = fl__memory_calls(machine.io);
    v->timer(machine.io, &timer, v->now(machine.io) + 500);
    fl__memory_crash_at(machine.io, calls + 2);
    assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, 0, true), SECTOR);
    assert_false(fl__memory_is_crashed(machine.io));
    assert_int_equal(put_letters(machine.io, file, 'C', SECTOR, 0, true), FL_EIO);
    assert_true(fl__memory_is_crashed(machine.io));
    assert_int_equal(fl__memory_calls(machine.io), calls + 2);
    assert_int_equal(put_letters(machine.io, file, 'D', SECTOR, 0, true), FL_EIO);
    assert_int_equal(sync_of(machine.io, file), FL_EIO);
    assert_int_equal(unlink_path(machine.io, "a"), FL_EIO);
    v->open(machine.io, &op, "b", ANY_FILE);
    assert_int_equal(v->wait(machine.io, &op), FL_EIO);
    assert_null(op.file);
    assert_int_equal(v->wait(machine.io, &timer), FL_OK);
    close_file(machine.io, file);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, SECTOR), 'B');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_ALL, 0, "a", 0, SECTOR), 'C');
    halt(&machine);
}

/* Durable writes, many in flight: what completed survives, what did not may, and each completes once. */
/* Power can fail while a disk does not answer; a process that ends does not wait for it. */
static void test_a_file_that_a_hung_disk_was_closing_is_closed_after_a_crash(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct machine machine = boot_with_file(1, &file);
    struct fl_io_op op = {0};
    fl__memory_hang(machine.io, UINT64_MAX / 2);
    machine.io->vtable->close_file(machine.io, &op, file);
    fl__world_advance(machine.world, 1000000);
    assert_non_null(op.engine);
    fl__memory_crash(machine.io);
    fl__world_advance(machine.world, 1000000);
    assert_null(op.engine);
    assert_int_equal(op.result, FL_OK);
    halt(&machine);
}

static void test_a_crash_keeps_what_completed_and_any_of_what_was_in_flight(void **unused)
{
    (void)unused;
    enum { COUNT = 6 };
    const struct fl__world_settings slow = {.file_time_us_min = 1, .file_time_us_max = 1000};
    bool lost = false, kept = false;
    for (fl_time_us when = 0; when < 1000; when += 50) {
        struct fl_io_file *file;
        struct fl_io_op ops[COUNT];
        struct machine machine = boot_with_file(COUNT, &file);
        int done = 0;
        fl__world_set(machine.world, &slow);
        for (size_t k = 0; k < COUNT; k++) {
            ops[k] = (struct fl_io_op){.done = count_done, .owner = &done};
            submit_letters(machine.io, &ops[k], file, 'B', SECTOR, k * SECTOR, true);
        }
        fl__world_advance(machine.world, when);
        fl__memory_crash(machine.io);
        fl__world_run(machine.world);
        assert_int_equal(done, COUNT);
        struct fl__disk *found = fl__disk_after_power_loss(machine.disk, FL__SURVIVES_SOME, when);
        for (size_t k = 0; k < COUNT; k++) {
            char letter = letter_of(found, "a", k * SECTOR, (k + 1) * SECTOR);
            assert_true(ops[k].result == SECTOR ? letter == 'B' : ops[k].result == FL_EIO);
            lost = lost || letter == 'A';
            kept = kept || (letter == 'B' && ops[k].result == FL_EIO);
        }
        fl__disk_destroy(found);
        halt(&machine);
    }
    assert_true(lost && kept);
}

static void test_a_lock_ends_with_its_process_and_with_power(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io *other = fl__memory_create(machine.world, machine.disk);
    struct fl_io_op op = {0}, other_op = {0};
    machine.io->vtable->lock(machine.io, &op, "lock");
    assert_int_equal(machine.io->vtable->wait(machine.io, &op), FL_OK);
    other->vtable->lock(other, &other_op, "lock");
    assert_int_equal(other->vtable->wait(other, &other_op), FL_ELOCKED);

    struct machine after = boot(fl__disk_after_power_loss(machine.disk, FL__SURVIVES_ALL, 0));
    struct fl_io_op after_op = {0};
    after.io->vtable->lock(after.io, &after_op, "lock");
    assert_int_equal(after.io->vtable->wait(after.io, &after_op), FL_OK);
    halt(&after);

    fl__memory_destroy(machine.io);
    other->vtable->lock(other, &other_op, "lock");
    assert_int_equal(other->vtable->wait(other, &other_op), FL_OK);
    machine.io = other;
    halt(&machine);
}

/* ------------------------------------------------------------------------------------------- virtual time */

static void test_time_stands_still_unless_the_world_is_run(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    const struct fl_io_vtable *v = machine.io->vtable;
    int done = 0;
    struct fl_io_op early = {.done = count_done, .owner = &done}, late = early;
    fl_time_us begin = v->now(machine.io);
    assert_int_equal(fl__world_next(machine.world), UINT64_MAX);
    v->timer(machine.io, &early, begin + 1000);
    v->timer(machine.io, &late, begin + 3600000000u);
    assert_int_equal(fl__world_next(machine.world), begin + 1000);
    fl__world_run(machine.world);
    assert_false(fl__world_step(machine.world));
    fl__world_advance(machine.world, 999);
    assert_int_equal(done, 0);
    fl__world_advance(machine.world, 1);
    assert_int_equal(done, 1);
    assert_int_equal(v->now(machine.io), begin + 1000);
    assert_int_equal(v->wait(machine.io, &late), FL_OK); /* An hour, at once. */
    assert_int_equal(v->now(machine.io), begin + 3600000000u);
    assert_int_equal(fl__world_now(machine.world), begin + 3600000000u);
    halt(&machine);
}

static void test_a_step_completes_one_operation(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io_op ops[4];
    int done = 0;
    for (size_t k = 0; k < 4; k++) {
        ops[k] = (struct fl_io_op){.done = count_done, .owner = &done};
        machine.io->vtable->timer(machine.io, &ops[k], 0);
    }
    for (int k = 1; k <= 4; k++) {
        assert_true(fl__world_step(machine.world));
        assert_int_equal(done, k);
        assert_null(ops[k - 1].engine); /* In the order in which they were submitted. */
    }
    assert_false(fl__world_step(machine.world));
    halt(&machine);
}

/* Two writes to the same place in flight: which one lasts, and when it was done. */
static uint64_t race(uint64_t seed)
{
    const struct fl__world_settings slow = {.file_time_us_min = 100, .file_time_us_max = 1000};
    struct machine machine = boot(NULL);
    struct fl_io_file *file = open_path(machine.io, "a");
    struct fl__world *world = fl__world_create(seed);
    struct fl_io *io = fl__memory_create(world, machine.disk);
    close_file(machine.io, file);
    file = open_path(io, "a");
    fl__world_set(world, &slow);
    struct fl_io_op first = {0}, second = {0};
    fl_time_us begin = fl__world_now(world);
    submit_letters(io, &first, file, 'A', 1, 0, false);
    submit_letters(io, &second, file, 'B', 1, 0, false);
    assert_int_equal(io->vtable->wait(io, &first), 1);
    assert_int_equal(io->vtable->wait(io, &second), 1);
    fl_time_us duration = fl__world_now(world) - begin;
    assert_in_range(duration, 100, 1000);
    uint64_t result = duration * 256 + (uint64_t)letter_of(machine.disk, "a", 0, 1);
    fl__memory_destroy(io);
    fl__world_destroy(world);
    halt(&machine);
    return result;
}

static void test_a_seed_gives_one_run_and_seeds_give_all_orders(void **unused)
{
    (void)unused;
    bool first = false, second = false, differs = false;
    for (uint64_t seed = 0; seed < 40; seed++) {
        uint64_t result = race(seed);
        assert_int_equal(result, race(seed));
        first = first || result % 256 == 'A';
        second = second || result % 256 == 'B';
        differs = differs || result != race(0);
    }
    assert_true(first && second && differs);
}

static void test_the_wall_clock_jumps_alone(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    const struct fl_io_vtable *v = machine.io->vtable;
    fl_time_us now = v->now(machine.io);
    uint64_t wall = v->wall_clock_us(machine.io);
    fl__memory_jump_wall_clock(machine.io, -5000000);
    assert_int_equal(v->wall_clock_us(machine.io), wall - 5000000);
    assert_int_equal(v->now(machine.io), now);
    fl__world_advance(machine.world, 70);
    assert_int_equal(v->wall_clock_us(machine.io), wall - 5000000 + 70);
    halt(&machine);
}

/* ------------------------------------------------------------------------------------------------ network */

/* Two machines, connected and started. */
struct pair {
    struct contract *contract;
    struct io_world far; /* The one that was dialled. */
    struct io_server server;
    struct io_end near_end, far_end;
};

static void pair_open(struct pair *pair, void **state)
{
    struct io_world *near = *state;
    struct fl_io_op op = {0};
    pair->contract = near->engine;
    pair->far = *near;
    pair->far.io = fl__memory_create(pair->contract->memory, pair->contract->disk);
    io_server_open(&pair->far, &pair->server, false);
    near->io->vtable->connect(near->io, &op, pair->server.address);
    assert_int_equal(near->io->vtable->wait(near->io, &op), FL_OK);
    pair->near_end = (struct io_end){.world = near, .stream = op.stream};
    io_await(near, &pair->server.has_stream);
    pair->far_end = (struct io_end){.world = &pair->far, .stream = pair->server.stream};
    io_end_start(&pair->near_end, 1000);
    io_end_start(&pair->far_end, 1000);
}

static void pair_close(struct pair *pair)
{
    io_end_close(&pair->near_end);
    io_end_close(&pair->far_end);
    io_server_close(&pair->server);
    fl__memory_destroy(pair->far.io);
}

static void test_a_reset_is_heard_at_both_ends(void **state)
{
    struct pair pair;
    struct fl_io_op op = {0};
    struct fl_io_buffer buffer = {.data = "x", .size = 1};
    pair_open(&pair, state);
    fl__memory_reset(pair.far.io, pair.far_end.stream);
    fl__world_run(pair.contract->memory);
    assert_true(pair.near_end.is_broken && pair.far_end.is_broken);
    assert_int_equal(pair.near_end.error, FL_ECLOSED);
    assert_int_equal(pair.far_end.error, FL_ECLOSED);
    pair.far.io->vtable->send(pair.far.io, &op, pair.far_end.stream, &buffer, 1);
    assert_int_equal(pair.far.io->vtable->wait(pair.far.io, &op), FL_ECLOSED);
    pair_close(&pair);
}

static void test_a_crash_resets_what_peers_hold(void **state)
{
    struct pair pair;
    struct fl_io_op op = {0};
    struct fl_io_buffer buffer = {.data = "x", .size = 1};
    pair_open(&pair, state);
    fl__memory_crash(pair.far.io);
    pair.far.io->vtable->send(pair.far.io, &op, pair.far_end.stream, &buffer, 1);
    assert_int_equal(pair.far.io->vtable->wait(pair.far.io, &op), FL_EIO);
    io_await(*state, &pair.near_end.is_broken);
    assert_int_equal(pair.near_end.error, FL_ECLOSED);
    pair_close(&pair);
}

static void test_a_process_that_ends_is_the_end_of_its_streams(void **state)
{
    struct pair pair;
    pair_open(&pair, state);
    fl__memory_destroy(pair.far.io);
    io_await(*state, &pair.near_end.is_ended);
    assert_false(pair.near_end.is_broken);
    io_end_close(&pair.near_end);
}

/* --------------------------------------------------------------------------------------------------- list */

#define QUICK(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down),
#define SLOW(name) {#name "_in_a_slow_world", name, set_up_slow, tear_down, NULL},

int main(void)
{
    const struct CMUnitTest tests[] = {
        IO_CONTRACT_TESTS(QUICK) /**/
        IO_CONTRACT_TESTS(SLOW)  /**/
        cmocka_unit_test(test_after_a_crash_only_timers_and_closing_work),
        cmocka_unit_test(test_a_file_that_a_hung_disk_was_closing_is_closed_after_a_crash),
        cmocka_unit_test(test_a_crash_keeps_what_completed_and_any_of_what_was_in_flight),
        cmocka_unit_test(test_a_lock_ends_with_its_process_and_with_power),
        cmocka_unit_test(test_time_stands_still_unless_the_world_is_run),
        cmocka_unit_test(test_a_step_completes_one_operation),
        cmocka_unit_test(test_a_seed_gives_one_run_and_seeds_give_all_orders),
        cmocka_unit_test(test_the_wall_clock_jumps_alone),
        QUICK(test_a_reset_is_heard_at_both_ends)                 /**/
        QUICK(test_a_crash_resets_what_peers_hold)                /**/
        QUICK(test_a_process_that_ends_is_the_end_of_its_streams) /**/
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
