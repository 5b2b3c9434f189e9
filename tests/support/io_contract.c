/* io_contract.c - helpers of the contract's tests, and those about files, time and the loop. Those about
 * streams are in io_contract_net.c. */
#include "io_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool *flag_of(struct fl_io_op *op)
{
    return op->owner;
}

static void set_flag(struct fl_io_op *op)
{
    assert_false(*flag_of(op)); /* Once. */
    *flag_of(op) = true;
}

void io_turn(struct io_world *world)
{
    struct fl_io_op op = {0};
    const struct fl_io_vtable *v = world->io->vtable;
    v->timer(world->io, &op, v->now(world->io) + 200);
    assert_int_equal(v->wait(world->io, &op), FL_OK);
}

void io_await(struct io_world *world, const bool *flag)
{
    for (int k = 0; !*flag; k++) {
        if (k == 60000)
            fail_msg("it never happened");
        io_turn(world);
    }
}

struct io_path io_path(const struct io_world *world, const char *name)
{
    struct io_path path;
    int size = snprintf(path.text, sizeof path.text, "%s/%s", world->directory, name);
    assert_in_range(size, 1, sizeof path.text - 1);
    return path;
}

struct fl_io_file *io_open(struct io_world *world, const char *name, int flags)
{
    struct fl_io_op op = {0};
    world->io->vtable->open(world->io, &op, io_path(world, name).text, flags);
    assert_true(world->io->vtable->wait(world->io, &op) >= 0);
    return op.file;
}

void io_close(struct io_world *world, struct fl_io_file *file)
{
    struct fl_io_op op = {0};
    world->io->vtable->close_file(world->io, &op, file);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
}

int64_t io_write(struct io_world *world, struct fl_io_file *file, const void *data, size_t size,
                 uint64_t offset, bool durable)
{
    struct fl_io_op op = {0};
    struct fl_io_buffer buffer = {.data = data, .size = size};
    world->io->vtable->write(world->io, &op, file, &buffer, 1, offset, durable);
    return world->io->vtable->wait(world->io, &op);
}

int64_t io_read(struct io_world *world, struct fl_io_file *file, void *data, size_t size, uint64_t offset)
{
    struct fl_io_op op = {0};
    world->io->vtable->read(world->io, &op, file, data, size, offset);
    return world->io->vtable->wait(world->io, &op);
}

int64_t io_sync_directory(struct io_world *world)
{
    struct fl_io_op op = {0};
    world->io->vtable->sync_directory(world->io, &op, world->directory);
    return world->io->vtable->wait(world->io, &op);
}

static int64_t open_result(struct io_world *world, const char *name, int flags)
{
    struct fl_io_op op = {0};
    world->io->vtable->open(world->io, &op, io_path(world, name).text, flags);
    int64_t result = world->io->vtable->wait(world->io, &op);
    if (result >= 0)
        io_close(world, op.file);
    return result;
}

enum { NEW_FILE = FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE };

/* -------------------------------------------------------------------------------------------------- files */

void test_a_file_reads_back_what_was_written(void **state)
{
    struct io_world *world = *state;
    char found[32] = {0};
    struct fl_io_file *file = io_open(world, "a", NEW_FILE | FL_IO_EXCLUSIVE);
    struct fl_io_buffer buffers[] = {{"one ", 4}, {"", 0}, {"two ", 4}, {"three", 5}};
    struct fl_io_op op = {0};
    world->io->vtable->write(world->io, &op, file, buffers, 4, 3, true);
    assert_int_equal(world->io->vtable->wait(world->io, &op), 13);
    assert_int_equal(io_write(world, file, "abc", 3, 0, false), 3);
    assert_int_equal(io_read(world, file, found, 16, 0), 16);
    assert_string_equal(found, "abcone two three");
    world->io->vtable->sync(world->io, &op, file);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    io_close(world, file);
    assert_int_equal(open_result(world, "a", FL_IO_READ), 16); /* Its size. */
}

void test_a_write_may_have_thousands_of_buffers(void **state)
{
    enum { COUNT = 3000 };
    struct io_world *world = *state;
    struct fl_io_buffer *buffers = calloc(COUNT, sizeof *buffers);
    uint8_t *bytes = malloc(COUNT * 3), *found = malloc(COUNT * 3);
    size_t size = 0;
    for (size_t k = 0; k < COUNT; k++) {
        buffers[k] = (struct fl_io_buffer){.data = bytes + size, .size = k % 4};
        size += k % 4;
    }
    for (size_t k = 0; k < size; k++)
        bytes[k] = (uint8_t)(k * 7 + k / 256);
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    struct fl_io_op op = {0};
    world->io->vtable->write(world->io, &op, file, buffers, COUNT, 5, true);
    memset(buffers, 0, COUNT * sizeof *buffers); /* The array was copied. */
    assert_int_equal(world->io->vtable->wait(world->io, &op), size);
    assert_int_equal(io_read(world, file, found, size, 5), size);
    assert_memory_equal(found, bytes, size);
    io_close(world, file);
    free(buffers);
    free(bytes);
    free(found);
}

void test_a_read_is_short_only_at_the_end(void **state)
{
    struct io_world *world = *state;
    char found[16];
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    assert_int_equal(io_read(world, file, found, sizeof found, 0), 0);
    assert_int_equal(io_write(world, file, "0123456789", 10, 0, false), 10);
    assert_int_equal(io_read(world, file, found, sizeof found, 4), 6);
    assert_int_equal(io_read(world, file, found, sizeof found, 10), 0);
    assert_int_equal(io_read(world, file, found, sizeof found, 1000), 0);
    io_close(world, file);
}

void test_open_says_what_is_wrong(void **state)
{
    struct io_world *world = *state;
    assert_int_equal(open_result(world, "a", FL_IO_READ), FL_ENOENT);
    assert_int_equal(open_result(world, "no/a", NEW_FILE), FL_ENOENT);
    assert_int_equal(open_result(world, "a", NEW_FILE | FL_IO_EXCLUSIVE), 0);
    assert_int_equal(open_result(world, "a", NEW_FILE | FL_IO_EXCLUSIVE), FL_EEXIST);
    assert_int_equal(open_result(world, "a", NEW_FILE), 0);
    assert_int_equal(open_result(world, "a/b", FL_IO_READ), FL_ENOENT);
}

void test_a_file_opened_for_reading_cannot_be_written(void **state)
{
    struct io_world *world = *state;
    struct fl_io_file *file = io_open(world, "a", FL_IO_READ | FL_IO_CREATE);
    assert_int_equal(io_write(world, file, "x", 1, 0, false), FL_EIO);
    io_close(world, file);
}

void test_allocate_adds_zeros_and_keeps_the_rest(void **state)
{
    enum { SIZE = 200000 };
    struct io_world *world = *state;
    struct fl_io_op op = {0};
    char *found = malloc(SIZE + 1);
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    assert_int_equal(io_write(world, file, "abc", 3, 0, false), 3);
    world->io->vtable->allocate(world->io, &op, file, SIZE);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    world->io->vtable->allocate(world->io, &op, file, 10); /* It is larger already. */
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    assert_int_equal(io_read(world, file, found, SIZE + 1, 0), SIZE);
    assert_memory_equal(found, "abc", 3);
    for (size_t k = 3; k < SIZE; k++)
        assert_int_equal(found[k], 0);
    io_close(world, file);
    free(found);
}

void test_truncate_cuts_and_extends(void **state)
{
    struct io_world *world = *state;
    struct fl_io_op op = {0};
    char found[16];
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    assert_int_equal(io_write(world, file, "0123456789", 10, 0, false), 10);
    world->io->vtable->truncate(world->io, &op, file, 4);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    world->io->vtable->truncate(world->io, &op, file, 6);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    assert_int_equal(io_read(world, file, found, sizeof found, 0), 6);
    assert_memory_equal(found, "0123\0\0", 6);
    io_close(world, file);
}

static int64_t rename_result(struct io_world *world, const char *from, const char *to)
{
    struct fl_io_op op = {0};
    struct io_path from_path = io_path(world, from), to_path = io_path(world, to);
    world->io->vtable->rename(world->io, &op, from_path.text, to_path.text);
    return world->io->vtable->wait(world->io, &op);
}

static int64_t unlink_result(struct io_world *world, const char *name)
{
    struct fl_io_op op = {0};
    world->io->vtable->unlink(world->io, &op, io_path(world, name).text);
    return world->io->vtable->wait(world->io, &op);
}

void test_rename_replaces_and_unlink_removes(void **state)
{
    struct io_world *world = *state;
    struct fl_io_file *file = io_open(world, "new", NEW_FILE);
    assert_int_equal(io_write(world, file, "new", 3, 0, true), 3);
    io_close(world, file);
    assert_int_equal(open_result(world, "old", NEW_FILE), 0);
    assert_int_equal(rename_result(world, "new", "old"), FL_OK);
    assert_int_equal(open_result(world, "new", FL_IO_READ), FL_ENOENT);
    assert_int_equal(open_result(world, "old", FL_IO_READ), 3);
    assert_int_equal(rename_result(world, "new", "old"), FL_ENOENT);
    assert_int_equal(rename_result(world, "old", "no/old"), FL_ENOENT);
    assert_int_equal(unlink_result(world, "old"), FL_OK);
    assert_int_equal(unlink_result(world, "old"), FL_ENOENT);
    assert_int_equal(io_sync_directory(world), FL_OK);
}

void test_an_unlinked_file_stays_readable_while_open(void **state)
{
    struct io_world *world = *state;
    char found[4] = {0};
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    assert_int_equal(io_write(world, file, "abc", 3, 0, true), 3);
    assert_int_equal(unlink_result(world, "a"), FL_OK);
    assert_int_equal(io_read(world, file, found, 3, 0), 3);
    assert_string_equal(found, "abc");
    io_close(world, file);
}

struct names {
    uint32_t a, b, c, others;
};

static void count_name(void *context, const char *name)
{
    struct names *names = context;
    names->a += strcmp(name, "a") == 0;
    names->b += strcmp(name, "b") == 0;
    names->c += strcmp(name, "c") == 0;
    names->others += strlen(name) != 1;
}

static int64_t list_result(struct io_world *world, const char *path, struct names *names)
{
    struct fl_io_op op = {0};
    *names = (struct names){0};
    world->io->vtable->list(world->io, &op, path, count_name, names);
    assert_int_equal(names->a + names->b + names->c + names->others, 0);
    return world->io->vtable->wait(world->io, &op);
}

static int64_t make_directory_result(struct io_world *world, const char *name)
{
    struct fl_io_op op = {0};
    world->io->vtable->make_directory(world->io, &op, io_path(world, name).text);
    return world->io->vtable->wait(world->io, &op);
}

void test_directories_are_made_once_and_listed(void **state)
{
    struct io_world *world = *state;
    struct names names;
    assert_int_equal(list_result(world, world->directory, &names), FL_OK);
    assert_int_equal(names.a + names.b + names.c + names.others, 0);
    assert_int_equal(make_directory_result(world, "a"), FL_OK);
    assert_int_equal(make_directory_result(world, "a"), FL_EEXIST);
    assert_int_equal(make_directory_result(world, "no/a"), FL_ENOENT);
    assert_int_equal(open_result(world, "a/c", NEW_FILE), 0);
    assert_int_equal(open_result(world, "b", NEW_FILE), 0);
    assert_int_equal(list_result(world, world->directory, &names), FL_OK);
    assert_int_equal(names.a, 1);
    assert_int_equal(names.b, 1);
    assert_int_equal(names.c + names.others, 0);
    assert_int_equal(list_result(world, io_path(world, "a").text, &names), FL_OK);
    assert_int_equal(names.c, 1);
    assert_int_equal(list_result(world, io_path(world, "no").text, &names), FL_ENOENT);
    assert_int_equal(list_result(world, io_path(world, "b").text, &names), FL_ENOENT);
}

void test_a_lock_excludes_others_until_it_is_closed(void **state)
{
    struct io_world *world = *state;
    struct fl_io_op first = {0}, second = {0};
    struct io_path path = io_path(world, "lock");
    world->io->vtable->lock(world->io, &first, path.text);
    assert_int_equal(world->io->vtable->wait(world->io, &first), FL_OK);
    world->io->vtable->lock(world->io, &second, path.text);
    assert_int_equal(world->io->vtable->wait(world->io, &second), FL_ELOCKED);
    io_close(world, first.file);
    world->io->vtable->lock(world->io, &second, path.text);
    assert_int_equal(world->io->vtable->wait(world->io, &second), FL_OK);
    io_close(world, second.file);
}

/* --------------------------------------------------------------------------------------------------- loop */

void test_nothing_completes_inside_the_call_that_submits_it(void **state)
{
    struct io_world *world = *state;
    bool timer_done = false, open_done = false;
    struct fl_io_op timer = {.done = set_flag, .owner = &timer_done};
    struct fl_io_op opening = {.done = set_flag, .owner = &open_done};
    world->io->vtable->timer(world->io, &timer, 0);
    world->io->vtable->open(world->io, &opening, io_path(world, "no").text, FL_IO_READ);
    assert_false(timer_done);
    assert_false(open_done);
    assert_non_null(timer.engine);
    assert_non_null(opening.engine);
    io_await(world, &timer_done);
    io_await(world, &open_done);
    assert_null(timer.engine);
    assert_int_equal(opening.result, FL_ENOENT);
}

struct repeated {
    struct io_world *world;
    struct fl_io_file *file;
    struct fl_io_op op;
    uint32_t count;
    bool done;
};

static void write_again(struct fl_io_op *op)
{
    struct repeated *repeated = op->owner;
    struct fl_io_buffer buffer = {.data = "x", .size = 1};
    assert_int_equal(op->result, repeated->count == 0 ? 0 : 1);
    assert_null(op->engine);
    if (repeated->count == 100)
        repeated->done = true;
    else
        repeated->world->io->vtable->write(repeated->world->io, op, repeated->file, &buffer, 1,
                                           repeated->count++, false);
}

void test_an_operation_may_be_reused_in_its_own_callback(void **state)
{
    struct io_world *world = *state;
    char found[200];
    struct repeated repeated = {.world = world, .file = io_open(world, "a", NEW_FILE)};
    repeated.op = (struct fl_io_op){.done = write_again, .owner = &repeated};
    world->io->vtable->timer(world->io, &repeated.op, 0);
    io_await(world, &repeated.done);
    assert_int_equal(io_read(world, repeated.file, found, sizeof found, 0), 100);
    io_close(world, repeated.file);
}

/* ------------------------------------------------------------------------------------------------- timers */

struct timers {
    struct io_world *world;
    struct fl_io_op ops[6];
    fl_time_us at[6];
    uint32_t order[6], count;
    bool done;
};

static void note_timer(struct fl_io_op *op)
{
    struct timers *timers = op->owner;
    uint32_t k = (uint32_t)(op - timers->ops);
    assert_int_equal(op->result, FL_OK);
    assert_true(timers->world->io->vtable->now(timers->world->io) >= timers->at[k]);
    timers->order[timers->count++] = k;
    timers->done = timers->count == 6;
}

void test_timers_end_in_order_and_ties_as_they_were_started(void **state)
{
    static const uint32_t delays_ms[] = {3, 1, 2, 1, 3, 1}, expected[] = {1, 3, 5, 2, 0, 4};
    struct io_world *world = *state;
    struct timers timers = {.world = world};
    fl_time_us now = world->io->vtable->now(world->io);
    for (uint32_t k = 0; k < 6; k++) {
        timers.ops[k] = (struct fl_io_op){.done = note_timer, .owner = &timers};
        timers.at[k] = now + delays_ms[k] * 1000;
        world->io->vtable->timer(world->io, &timers.ops[k], timers.at[k]);
    }
    io_await(world, &timers.done);
    assert_memory_equal(timers.order, expected, sizeof expected);
}

void test_no_timer_ends_early(void **state)
{
    struct io_world *world = *state;
    const struct fl_io_vtable *v = world->io->vtable;
    for (fl_time_us k = 0; k < 20; k++) {
        struct fl_io_op op = {0};
        fl_time_us at = v->now(world->io) + k * 137;
        v->timer(world->io, &op, at);
        assert_int_equal(v->wait(world->io, &op), FL_OK);
        assert_true(v->now(world->io) >= at);
    }
}

void test_a_canceled_timer_ends_once_and_soon(void **state)
{
    struct io_world *world = *state;
    bool done = false, due_done = false;
    struct fl_io_op far = {.done = set_flag, .owner = &done}, due = {.done = set_flag, .owner = &due_done};
    world->io->vtable->timer(world->io, &far, UINT64_MAX);
    world->io->vtable->timer(world->io, &due, 0);
    world->io->vtable->cancel(world->io, &far);
    world->io->vtable->cancel(world->io, &far); /* Again: no effect. */
    world->io->vtable->cancel(world->io, &due);
    assert_false(done);
    io_await(world, &done);
    io_await(world, &due_done);
    assert_int_equal(far.result, FL_ECANCELED);
    assert_true(due.result == FL_ECANCELED || due.result == FL_OK);
    world->io->vtable->cancel(world->io, &far); /* Complete: no effect. */
    assert_int_equal(far.result, FL_ECANCELED);
}

void test_canceled_file_work_completes_once(void **state)
{
    enum { COUNT = 32 };
    struct io_world *world = *state;
    struct fl_io_file *file = io_open(world, "a", NEW_FILE);
    struct fl_io_op ops[COUNT];
    bool done[COUNT] = {false};
    struct fl_io_buffer buffer = {.data = "x", .size = 1};
    for (uint32_t k = 0; k < COUNT; k++) {
        ops[k] = (struct fl_io_op){.done = set_flag, .owner = &done[k]};
        world->io->vtable->write(world->io, &ops[k], file, &buffer, 1, k, k % 2);
    }
    for (uint32_t k = 0; k < COUNT; k += 3)
        world->io->vtable->cancel(world->io, &ops[k]);
    for (uint32_t k = 0; k < COUNT; k++) {
        io_await(world, &done[k]);
        assert_true(ops[k].result == 1 || (k % 3 == 0 && ops[k].result == FL_ECANCELED));
    }
    io_close(world, file);
}

/* -------------------------------------------------------------------------------------------------- hooks */

struct hooked {
    struct io_world *world;
    struct fl_io_op op;
    uint32_t flushes, chain;
    bool first_done, chain_done;
};

static void count_chain(struct fl_io_op *op)
{
    struct hooked *hooked = op->owner;
    hooked->chain_done = ++hooked->chain == 50;
}

/* Each flush starts something that is complete at once: it must not wait for anything else to happen. */
static void flush_hooked(void *context)
{
    struct hooked *hooked = context;
    hooked->flushes++;
    if (hooked->first_done && hooked->chain < 50 && !hooked->op.engine)
        hooked->world->io->vtable->timer(hooked->world->io, &hooked->op, 0);
}

void test_flush_hooks_run_after_a_batch_and_what_they_start_completes(void **state)
{
    struct io_world *world = *state;
    struct hooked hooked = {.world = world};
    hooked.op = (struct fl_io_op){.done = count_chain, .owner = &hooked};
    world->io->vtable->add_flush(world->io, flush_hooked, &hooked);
    struct fl_io_op first = {.done = set_flag, .owner = &hooked.first_done};
    world->io->vtable->timer(world->io, &first, 0);
    io_await(world, &hooked.chain_done);
    assert_true(hooked.flushes >= 50);
    world->io->vtable->remove_flush(world->io, flush_hooked, &hooked);
}

static void count_flush(void *context)
{
    ++*(uint32_t *)context;
}

void test_a_removed_flush_hook_is_not_called(void **state)
{
    struct io_world *world = *state;
    uint32_t kept = 0, removed = 0;
    world->io->vtable->add_flush(world->io, count_flush, &removed);
    world->io->vtable->add_flush(world->io, count_flush, &kept);
    io_turn(world);
    assert_true(removed > 0 && kept > 0);
    world->io->vtable->remove_flush(world->io, count_flush, &removed);
    uint32_t before = removed, kept_before = kept;
    io_turn(world);
    assert_int_equal(removed, before);
    assert_true(kept > kept_before);
    world->io->vtable->remove_flush(world->io, count_flush, &kept);
}

void test_random_numbers_differ(void **state)
{
    struct io_world *world = *state;
    uint8_t a[19] = {0}, b[19] = {0};
    world->io->vtable->random(world->io, a, sizeof a);
    world->io->vtable->random(world->io, b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(world->io->vtable->wall_clock_us(world->io) > 1600000000000000u);
}
