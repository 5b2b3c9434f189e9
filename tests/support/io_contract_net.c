/* io_contract_net.c - the contract's tests about streams. */
#include "io_contract.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------------ helpers */

static void on_accept(void *context, struct fl_io_stream *stream)
{
    struct io_server *server = context;
    server->stream = stream;
    server->has_stream = true;
    server->count++;
}

void io_server_open(struct io_world *world, struct io_server *server, bool privileged)
{
    *server = (struct io_server){.world = world};
    assert_int_equal(
        world->io->vtable->listen(world->io, &server->listener, "127.0.0.1:0", privileged, on_accept, server),
        FL_OK);
    world->io->vtable->local_address(world->io, server->listener, server->address, sizeof server->address);
    assert_memory_equal(server->address, "127.0.0.1:", 10);
}

void io_server_close(struct io_server *server)
{
    server->world->io->vtable->close_listener(server->world->io, server->listener);
}

void io_connect(struct io_world *world, struct io_server *server, struct io_end *client,
                struct io_end *accepted)
{
    struct fl_io_op op = {0};
    server->has_stream = false;
    world->io->vtable->connect(world->io, &op, server->address);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    *client = (struct io_end){.world = world, .stream = op.stream};
    io_await(world, &server->has_stream);
    *accepted = (struct io_end){.world = world, .stream = server->stream};
}

static void on_data(void *context, const void *data, size_t size)
{
    struct io_end *end = context;
    assert_false(end->is_ended || end->is_broken || end->close.engine);
    if (size == 0) {
        end->is_ended = true;
        return;
    }
    if (end->size + size > end->capacity) {
        end->capacity = 2 * (end->size + size);
        end->data = realloc(end->data, end->capacity);
        assert_non_null(end->data);
    }
    memcpy(end->data + end->size, data, size);
    end->size += size;
    end->calls++;
    end->largest = size > end->largest ? size : end->largest;
    end->has_data = true;
    if (end->refills)
        end->world->io->vtable->add_credit(end->world->io, end->stream, size);
    if (end->closes_itself)
        end->world->io->vtable->close(end->world->io, &end->close, end->stream);
}

static void on_error(void *context, int error)
{
    struct io_end *end = context;
    assert_false(end->is_ended || end->is_broken || end->close.engine);
    end->is_broken = true;
    end->error = error;
}

void io_end_start(struct io_end *end, uint64_t credit)
{
    struct fl_io_stream_events events = {.on_data = on_data, .on_error = on_error, .context = end};
    end->world->io->vtable->start(end->world->io, end->stream, &events, credit);
}

void io_end_close(struct io_end *end)
{
    if (!end->closes_itself)
        end->world->io->vtable->close(end->world->io, &end->close, end->stream);
    assert_int_equal(end->world->io->vtable->wait(end->world->io, &end->close), FL_OK);
    free(end->data);
}

static int64_t send_text(struct io_end *end, const char *text)
{
    struct fl_io_op op = {0};
    struct fl_io_buffer buffer = {.data = text, .size = strlen(text)};
    end->world->io->vtable->send(end->world->io, &op, end->stream, &buffer, 1);
    return end->world->io->vtable->wait(end->world->io, &op);
}

static void await_size(struct io_end *end, size_t size)
{
    while (end->size < size) {
        end->has_data = false;
        io_await(end->world, &end->has_data);
    }
}

static void set_flag(struct fl_io_op *op)
{
    assert_false(*(bool *)op->owner);
    *(bool *)op->owner = true;
}

/* -------------------------------------------------------------------------------------------------- bytes */

void test_bytes_go_both_ways(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    char text[FL_ADDRESS_MAX], small[4] = {'x', 'x', 'x', 'x'};
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    io_end_start(&client, 1000);
    io_end_start(&accepted, 1000);
    struct fl_io_buffer buffers[] = {{"he", 2}, {"", 0}, {"llo", 3}};
    struct fl_io_op op = {0};
    world->io->vtable->send(world->io, &op, client.stream, buffers, 3);
    memset(buffers, 0, sizeof buffers); /* The array was copied. */
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    await_size(&accepted, 5);
    assert_memory_equal(accepted.data, "hello", 5);
    assert_int_equal(send_text(&accepted, "world!"), FL_OK);
    await_size(&client, 6);
    assert_memory_equal(client.data, "world!", 6);

    world->io->vtable->peer_address(world->io, client.stream, text, sizeof text);
    assert_string_equal(text, server.address);
    world->io->vtable->peer_address(world->io, accepted.stream, text, sizeof text);
    assert_memory_equal(text, "127.0.0.1:", 10);
    world->io->vtable->peer_address(world->io, accepted.stream, small, 3);
    assert_memory_equal(small, "12\0x", 4);
    io_end_close(&client);
    io_end_close(&accepted);
    io_server_close(&server);
}

enum { SENDS = 40, SEND_SIZE = 500000, SEND_PARTS = 200 };

static uint8_t byte_at(size_t k)
{
    return (uint8_t)(k * 31 + k / 251);
}

/* More than any socket holds (4 MiB where Linux lets it grow), in sends that are all in flight together. */
void test_a_large_transfer_arrives_in_order_and_in_pieces(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    struct fl_io_op ops[SENDS];
    bool done[SENDS] = {false};
    uint8_t *bytes = malloc((size_t)SENDS * SEND_SIZE);
    for (size_t k = 0; k < (size_t)SENDS * SEND_SIZE; k++)
        bytes[k] = byte_at(k);
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    for (size_t k = 0; k < SENDS; k++) {
        struct fl_io_buffer parts[SEND_PARTS];
        for (size_t part = 0; part < SEND_PARTS; part++)
            parts[part] = (struct fl_io_buffer){bytes + k * SEND_SIZE + part * (SEND_SIZE / SEND_PARTS),
                                                SEND_SIZE / SEND_PARTS};
        ops[k] = (struct fl_io_op){.done = set_flag, .owner = &done[k]};
        world->io->vtable->send(world->io, &ops[k], client.stream, parts, SEND_PARTS);
    }
    io_turn(world);
    assert_false(done[SENDS - 1]); /* Nobody reads yet: not all of it fits anywhere. */
    accepted.refills = true;
    io_end_start(&accepted, 70000);
    await_size(&accepted, (size_t)SENDS * SEND_SIZE);
    assert_memory_equal(accepted.data, bytes, (size_t)SENDS * SEND_SIZE);
    assert_true(accepted.largest <= 70000 && accepted.calls > 1);
    for (size_t k = 0; k < SENDS; k++) {
        io_await(world, &done[k]);
        assert_int_equal(ops[k].result, FL_OK);
    }
    io_end_close(&client);
    io_end_close(&accepted);
    io_server_close(&server);
    free(bytes);
}

void test_nothing_is_received_beyond_credit(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    io_end_start(&accepted, 10);
    assert_int_equal(send_text(&client, "0123456789abcdefghij"), FL_OK);
    await_size(&accepted, 10);
    for (int k = 0; k < 10; k++)
        io_turn(world);
    assert_int_equal(accepted.size, 10);
    world->io->vtable->add_credit(world->io, accepted.stream, 3);
    await_size(&accepted, 13);
    for (int k = 0; k < 10; k++)
        io_turn(world);
    assert_int_equal(accepted.size, 13);
    world->io->vtable->add_credit(world->io, accepted.stream, 100);
    await_size(&accepted, 20);
    assert_memory_equal(accepted.data, "0123456789abcdefghij", 20);
    io_end_close(&client);
    io_end_close(&accepted);
    io_server_close(&server);
}

void test_credit_given_back_while_receiving_keeps_bytes_coming(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    accepted.refills = true;
    io_end_start(&accepted, 1);
    assert_int_equal(send_text(&client, "0123456789"), FL_OK);
    await_size(&accepted, 10);
    assert_int_equal(accepted.calls, 10); /* One byte each. */
    assert_int_equal(accepted.largest, 1);
    io_end_close(&client);
    io_end_close(&accepted);
    io_server_close(&server);
}

void test_shutdown_ends_one_direction(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    struct fl_io_op op = {0};
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    io_end_start(&client, 100);
    io_end_start(&accepted, 100);
    assert_int_equal(send_text(&client, "last"), FL_OK);
    world->io->vtable->shutdown(world->io, &op, client.stream);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
    io_await(world, &accepted.is_ended);
    assert_int_equal(accepted.size, 4);
    assert_int_equal(send_text(&client, "more"), FL_ECLOSED);
    assert_int_equal(send_text(&accepted, "answer"), FL_OK);
    await_size(&client, 6);
    assert_false(client.is_ended);
    io_end_close(&accepted);
    io_await(world, &client.is_ended);
    assert_false(client.is_broken);
    io_end_close(&client);
    io_server_close(&server);
}

void test_an_accepted_stream_may_be_started_late(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, true);
    io_connect(world, &server, &client, &accepted);
    assert_int_equal(send_text(&client, "early"), FL_OK);
    io_end_close(&client);
    io_turn(world);
    io_end_start(&accepted, 100);
    io_await(world, &accepted.is_ended);
    assert_int_equal(accepted.size, 5);
    io_end_close(&accepted);
    io_server_close(&server);
}

/* ------------------------------------------------------------------------------------------------ closing */

struct closing {
    struct fl_io_op send, close;
    bool send_done, close_done;
};

static void on_send_canceled(struct fl_io_op *op)
{
    struct closing *closing = op->owner;
    assert_false(closing->close_done); /* Sends first. */
    closing->send_done = true;
}

static void on_close_done(struct fl_io_op *op)
{
    struct closing *closing = op->owner;
    closing->close_done = true;
}

void test_close_cancels_sends_in_flight_and_completes_after_them(void **state)
{
    enum { SIZE = 32 << 20 };
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    struct closing closing = {0};
    char *bytes = calloc(1, SIZE);
    struct fl_io_buffer buffer = {.data = bytes, .size = SIZE};
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    closing.send = (struct fl_io_op){.done = on_send_canceled, .owner = &closing};
    closing.close = (struct fl_io_op){.done = on_close_done, .owner = &closing};
    world->io->vtable->send(world->io, &closing.send, client.stream, &buffer, 1);
    io_turn(world);
    assert_false(closing.send_done); /* Nobody reads. */
    world->io->vtable->close(world->io, &closing.close, client.stream);
    assert_false(closing.send_done);
    io_await(world, &closing.close_done);
    assert_true(closing.send_done);
    assert_int_equal(closing.send.result, FL_ECANCELED);
    assert_int_equal(closing.close.result, FL_OK);
    io_end_close(&accepted);
    io_server_close(&server);
    free(bytes);
}

void test_no_event_is_called_after_close(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    accepted.closes_itself = true;
    io_end_start(&accepted, 2);
    assert_int_equal(send_text(&client, "0123456789"), FL_OK);
    await_size(&accepted, 2);
    io_end_close(&accepted); /* The events would fail the test. */
    io_turn(world);
    io_end_close(&client);
    io_server_close(&server);
}

void test_closing_with_unread_bytes_resets_the_other_end(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    io_end_start(&client, 100);
    assert_int_equal(send_text(&client, "never read"), FL_OK);
    io_turn(world);
    io_end_close(&accepted);
    io_await(world, &client.is_broken);
    assert_int_equal(client.error, FL_ECLOSED);
    assert_false(client.is_ended);
    assert_int_equal(send_text(&client, "more"), FL_ECLOSED);
    io_end_close(&client);
    io_server_close(&server);
}

void test_sends_to_a_closed_peer_fail_in_the_end(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct io_end client, accepted;
    io_server_open(world, &server, false);
    io_connect(world, &server, &client, &accepted);
    io_end_start(&client, 100);
    io_end_close(&accepted);
    io_await(world, &client.is_ended);
    int64_t result = FL_OK; /* The first may be on its way before the peer's answer comes. */
    for (int k = 0; k < 1000 && result == FL_OK; k++) {
        result = send_text(&client, "x");
        io_turn(world);
    }
    assert_int_equal(result, FL_ECLOSED);
    io_end_close(&client);
    io_server_close(&server);
}

/* --------------------------------------------------------------------------------------------- connecting */

void test_connecting_where_nobody_listens_is_refused(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct fl_io_op op = {0};
    io_server_open(world, &server, false);
    io_server_close(&server);
    world->io->vtable->connect(world->io, &op, server.address);
    int64_t result = world->io->vtable->wait(world->io, &op);
    assert_true(result == FL_EUNREACHABLE || result == FL_ECLOSED);
    assert_null(op.stream);
}

static void on_unexpected(void *context, struct fl_io_stream *stream)
{
    (void)context;
    (void)stream;
    fail();
}

void test_bad_addresses_are_refused(void **state)
{
    static const char *const bad[] = {"", "nothing", ":", "127.0.0.1", "127.0.0.1:", ":7600"};
    struct io_world *world = *state;
    struct fl_io_listener *listener;
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++) {
        struct fl_io_op op = {0};
        world->io->vtable->connect(world->io, &op, bad[k]);
        assert_int_equal(world->io->vtable->wait(world->io, &op), FL_EADDR);
        assert_int_equal(world->io->vtable->listen(world->io, &listener, bad[k], false, on_unexpected, NULL),
                         FL_EADDR);
        assert_null(listener);
    }
}

void test_a_connect_may_be_canceled(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    bool done = false;
    struct fl_io_op op = {.done = set_flag, .owner = &done};
    io_server_open(world, &server, false);
    world->io->vtable->connect(world->io, &op, server.address);
    world->io->vtable->cancel(world->io, &op);
    world->io->vtable->cancel(world->io, &op);
    assert_false(done);
    io_await(world, &done);
    assert_true(op.result == FL_ECANCELED || op.result == FL_OK);
    if (op.result == FL_OK) {
        struct io_end client = {.world = world, .stream = op.stream};
        io_end_close(&client);
    }
    for (int k = 0; k < 3; k++)
        io_turn(world);
    if (server.has_stream) { /* It may have got through. */
        struct io_end accepted = {.world = world, .stream = server.stream};
        io_end_close(&accepted);
    }
    io_server_close(&server);
}

void test_a_port_is_listened_at_once(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct fl_io_listener *listener;
    io_server_open(world, &server, false);
    assert_int_equal(
        world->io->vtable->listen(world->io, &listener, server.address, false, on_unexpected, NULL),
        FL_EADDR);
    io_server_close(&server);
    assert_int_equal(
        world->io->vtable->listen(world->io, &listener, server.address, false, on_unexpected, NULL), FL_OK);
    world->io->vtable->close_listener(world->io, listener);
}

void test_a_closed_listener_accepts_nobody(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    bool done = false;
    struct fl_io_op op = {.done = set_flag, .owner = &done};
    io_server_open(world, &server, false);
    world->io->vtable->connect(world->io, &op, server.address);
    io_server_close(&server);
    io_await(world, &done);
    io_turn(world);
    assert_false(server.has_stream);
    if (op.result == FL_OK) {
        struct io_end client = {.world = world, .stream = op.stream};
        io_end_close(&client);
    }
}

void test_many_connections_are_told_apart(void **state)
{
    enum { COUNT = 50 };
    struct io_world *world = *state;
    struct io_server server;
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    struct io_end *clients = calloc(COUNT, sizeof *clients), *accepted = calloc(COUNT, sizeof *accepted);
    io_server_open(world, &server, false);
    for (size_t k = 0; k < COUNT; k++) {
        io_connect(world, &server, &clients[k], &accepted[k]);
        io_end_start(&accepted[k], 100);
    }
    for (size_t k = 0; k < COUNT; k++) {
        char text[] = {letters[k], letters[k], '\0'};
        assert_int_equal(send_text(&clients[k], text), FL_OK);
    }
    for (size_t k = 0; k < COUNT; k++) {
        await_size(&accepted[k], 2);
        assert_int_equal(accepted[k].data[1], letters[k]);
        io_end_close(&accepted[k]);
        io_end_close(&clients[k]);
    }
    assert_int_equal(server.count, COUNT);
    io_server_close(&server);
    free(clients);
    free(accepted);
}
