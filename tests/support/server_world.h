/* server_world.h - a world for the server's tests: an engine, a node and clients, all in the test's hand.
 *
 * The engine keeps streams and timers only, on a clock that the test moves. The node is a fake one: it
 * defines fairlead/node.h, keeps what it is asked, and applies, answers or refuses as the test wants; with
 * `automatic` it does what a healthy cluster would do, at the end of each batch of events. So this header is
 * included by one file of a test program, and that program has no real node.
 *
 * Time passes only through world_wait(); events are handled only through world_run(), which goes on until
 * nothing is due. */
#ifndef FAIRLEAD_TEST_SERVER_WORLD_H
#define FAIRLEAD_TEST_SERVER_WORLD_H

#include <fairlead/server.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORLD_OPS 4096
#define WORLD_START_US 1000000000u
#define WORLD_WALL_US 1700000000000000u

/* --------------------------------------------------------------------------------------------- the engine */

struct fl_io_listener {
    void (*on_accept)(void *context, struct fl_io_stream *stream);
    void *context;
};

/* The server's end of a client's connection. */
struct fl_io_stream {
    struct world *world;
    struct fl_io_stream_events events;
    bool started, closed, was_shutdown;
    uint64_t credit;
    char *inbox; /* Sent by the test, not received yet. */
    size_t inbox_size;
    bool inbox_ended;
    size_t chunk_max; /* Bytes handed over at once; 0: as credit allows. */
    char *output;     /* Sent by the server. */
    size_t output_size;
    uint32_t send_count;
    bool holds_sends; /* The client does not read: sends do not complete. */
    struct fl_io_op *held;
};

struct due_op {
    struct fl_io_op *op;
    int64_t result;
    fl_time_us at;
    bool is_timer;
};

/* A node's entry, for fl_node_log(). */
struct world_entry {
    fl_term term;
    char *data;
    size_t size;
};

struct fl_node {
    struct world *world;
    struct fl_machine machine;
    struct fl_node_status status;
    struct fl_request *first, *last; /* What it was asked and did not answer, oldest first. */
    uint32_t waiting;
    bool automatic;                                 /* Answers everything at the end of a batch. */
    int refuse_propose, refuse_read, refuse_wait;   /* Not FL_OK: what a call returns. */
    bool holds_proposals, holds_reads, holds_waits; /* With automatic: but not these. */
    uint32_t holders;
    uint64_t proposed, asked, waited; /* Calls so far. */
    fl_index wait_index;
    fl_time_us wait_timeout_us;
    uint64_t clock_us; /* The leader's clock. */
    struct world_entry *log;
    size_t log_count;
    fl_index damaged;    /* fl_node_log(): entries from here on cannot be read; 0: all can, */
    fl_index cut_to;     /* and while they are read the log is cut to this; 0: it is not, */
    fl_index grown_by;   /* or grows by so many; */
    int refuse_log;      /* and not FL_OK: what it returns. */
    uint32_t campaigns;  /* fl_node_campaign(): calls so far, */
    int refuse_campaign; /* and what they return. */
    bool in_callback;
};

enum world_ask { ASK_PROPOSE, ASK_READ, ASK_WAIT };

struct world {
    struct fl_io io;
    fl_time_us now;
    struct due_op due[WORLD_OPS];
    size_t due_count;
    struct {
        void (*flush)(void *context);
        void *context;
    } flushes[FL_IO_FLUSH_MAX];
    size_t flush_count;
    struct fl_io_listener listener;
    struct fl_io_stream *streams[256];
    size_t stream_count;
    bool listening;
    struct fl_server *server;
    struct fl_node *node; /* NULL while there is none. */
    int open_result;      /* Not FL_OK: what fl_node_open() returns. */
    bool server_closed;
};

static inline struct world *world_of(struct fl_io *io)
{
    return (struct world *)(void *)io;
}

static inline void world_complete(struct world *world, struct fl_io_op *op, int64_t result, fl_time_us at,
                                  bool is_timer)
{
    assert_true(world->due_count < WORLD_OPS);
    op->engine = world;
    world->due[world->due_count++] = (struct due_op){op, result, at, is_timer};
}

static inline fl_time_us world_io_now(struct fl_io *io)
{
    return world_of(io)->now;
}

static inline uint64_t world_io_wall(struct fl_io *io)
{
    return WORLD_WALL_US + world_of(io)->now;
}

static inline void world_io_random(struct fl_io *io, void *out, size_t size)
{
    (void)io;
    memset(out, 0x5a, size);
}

static inline void world_io_timer(struct fl_io *io, struct fl_io_op *op, fl_time_us at)
{
    world_complete(world_of(io), op, FL_OK, at, true);
}

static inline void world_io_cancel(struct fl_io *io, struct fl_io_op *op)
{
    struct world *world = world_of(io);
    for (size_t k = 0; k < world->due_count; k++)
        if (world->due[k].op == op && world->due[k].is_timer)
            world->due[k] = (struct due_op){op, FL_ECANCELED, 0, false};
}

static inline int world_io_listen(struct fl_io *io, struct fl_io_listener **out, const char *address,
                                  bool privileged,
                                  void (*on_accept)(void *context, struct fl_io_stream *stream),
                                  void *context)
{
    struct world *world = world_of(io);
    (void)privileged;
    if (strstr(address, ":1111") != NULL)
        return FL_EADDR;
    if (strstr(address, ":1112") != NULL)
        return FL_EMFILE;
    world->listener = (struct fl_io_listener){on_accept, context};
    world->listening = true;
    *out = &world->listener;
    return FL_OK;
}

static inline void world_io_close_listener(struct fl_io *io, struct fl_io_listener *listener)
{
    (void)listener;
    world_of(io)->listening = false;
}

static inline void world_io_start(struct fl_io *io, struct fl_io_stream *stream,
                                  const struct fl_io_stream_events *events, uint64_t credit)
{
    (void)io;
    assert_false(stream->started || stream->closed);
    stream->started = true;
    stream->events = *events;
    stream->credit = credit;
}

static inline void world_io_add_credit(struct fl_io *io, struct fl_io_stream *stream, uint64_t bytes)
{
    (void)io;
    assert_false(stream->closed);
    stream->credit += bytes;
}

static inline void world_io_send(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream,
                                 const struct fl_io_buffer *buffers, uint32_t count)
{
    assert_false(stream->closed || stream->was_shutdown);
    stream->send_count++;
    for (uint32_t k = 0; k < count; k++) {
        stream->output = realloc(stream->output, stream->output_size + buffers[k].size + 1);
        memcpy(stream->output + stream->output_size, buffers[k].data, buffers[k].size);
        stream->output_size += buffers[k].size;
        stream->output[stream->output_size] = '\0';
    }
    if (stream->holds_sends) {
        assert_null(stream->held);
        op->engine = stream->world;
        stream->held = op;
    } else {
        world_complete(world_of(io), op, FL_OK, 0, false);
    }
}

static inline void world_io_shutdown(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    stream->was_shutdown = true;
    world_complete(world_of(io), op, FL_OK, 0, false);
}

static inline void world_io_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    assert_false(stream->closed);
    stream->closed = true;
    if (stream->held != NULL)
        world_complete(world_of(io), stream->held, FL_ECANCELED, 0, false);
    stream->held = NULL;
    world_complete(world_of(io), op, FL_OK, 0, false);
}

static inline void world_io_address(struct fl_io *io, struct fl_io_stream *stream, char *out, size_t size)
{
    (void)io;
    (void)stream;
    snprintf(out, size, "127.0.0.1:50001");
}

static inline void world_io_local(struct fl_io *io, struct fl_io_listener *listener, char *out, size_t size)
{
    (void)io;
    (void)listener;
    snprintf(out, size, "127.0.0.1:7600");
}

static inline void world_io_add_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct world *world = world_of(io);
    world->flushes[world->flush_count].flush = flush;
    world->flushes[world->flush_count++].context = context;
}

static inline void world_io_remove_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct world *world = world_of(io);
    for (size_t k = 0; k < world->flush_count; k++) {
        if (world->flushes[k].flush != flush || world->flushes[k].context != context)
            continue;
        memmove(&world->flushes[k], &world->flushes[k + 1],
                (world->flush_count - k - 1) * sizeof world->flushes[0]);
        world->flush_count--;
        return;
    }
}

/* Completes one operation that is due; false if none is. */
static inline bool world_complete_one(struct world *world)
{
    for (size_t k = 0; k < world->due_count; k++) {
        struct due_op due = world->due[k];
        if (due.is_timer && due.at > world->now)
            continue;
        memmove(&world->due[k], &world->due[k + 1], (world->due_count - k - 1) * sizeof world->due[0]);
        world->due_count--;
        due.op->result = due.result;
        due.op->engine = NULL;
        if (due.op->done != NULL)
            due.op->done(due.op);
        return true;
    }
    return false;
}

/* Hands over bytes that a client sent, as far as it has credit; false if there were none. */
static inline bool world_receive_one(struct world *world)
{
    for (size_t k = 0; k < world->stream_count; k++) {
        struct fl_io_stream *stream = world->streams[k];
        if (!stream->started || stream->closed)
            continue;
        size_t size = stream->inbox_size;
        if (size > stream->credit)
            size = stream->credit;
        if (stream->chunk_max > 0 && size > stream->chunk_max)
            size = stream->chunk_max;
        if (size == 0 && !(stream->inbox_ended && stream->inbox_size == 0))
            continue;
        char *data = malloc(size + 1);
        if (size > 0) {
            memcpy(data, stream->inbox, size);
            stream->inbox_size -= size;
            memmove(stream->inbox, stream->inbox + size, stream->inbox_size);
            stream->credit -= size;
        } else {
            stream->inbox_ended = false;
        }
        stream->events.on_data(stream->events.context, data, size);
        free(data);
        return true;
    }
    return false;
}

static inline void world_flush(struct world *world)
{
    for (size_t k = 0; k < world->flush_count; k++)
        world->flushes[k].flush(world->flushes[k].context);
}

static inline int64_t world_io_wait(struct fl_io *io, struct fl_io_op *op)
{
    struct world *world = world_of(io);
    while (op->engine != NULL) {
        if (!world_complete_one(world))
            world->now += 1000;
        world_flush(world);
    }
    return op->result;
}

static const struct fl_io_vtable world_vtable = {
    .now = world_io_now,
    .wall_clock_us = world_io_wall,
    .random = world_io_random,
    .timer = world_io_timer,
    .cancel = world_io_cancel,
    .listen = world_io_listen,
    .close_listener = world_io_close_listener,
    .start = world_io_start,
    .add_credit = world_io_add_credit,
    .send = world_io_send,
    .shutdown = world_io_shutdown,
    .close = world_io_close,
    .peer_address = world_io_address,
    .local_address = world_io_local,
    .add_flush = world_io_add_flush,
    .remove_flush = world_io_remove_flush,
    .wait = world_io_wait,
};

/* ----------------------------------------------------------------------------------------------- the node */

void fl_node_options_init(struct fl_node_options *options)
{
    *options = (struct fl_node_options){
        .election_timeout_us = 1000000,
        .heartbeat_us = 100000,
        .request_timeout_us = 4000000,
        .log_size_max = 16ull << 30,
    };
}

static inline struct fl_request *node_pop(struct fl_node *node, struct fl_request *request)
{
    if (request->previous != NULL)
        request->previous->next = request->next;
    else
        node->first = request->next;
    if (request->next != NULL)
        request->next->previous = request->previous;
    else
        node->last = request->previous;
    request->next = request->previous = NULL;
    node->waiting--;
    return request;
}

static inline void node_push(struct fl_node *node, struct fl_request *request, enum world_ask what)
{
    request->state = (uint8_t)what;
    request->next = NULL;
    request->previous = node->last;
    if (node->last != NULL)
        node->last->next = request;
    else
        node->first = request;
    node->last = request;
    node->waiting++;
}

/* The first unanswered request of that kind, or NULL. */
static inline struct fl_request *node_find(struct fl_node *node, enum world_ask what)
{
    struct fl_request *request = node->first;
    while (request != NULL && request->state != what)
        request = request->next;
    return request;
}

/* Commits and applies an entry, for the request that asked for it or for nobody. */
static inline void node_apply_data(struct fl_node *node, const void *data, size_t size,
                                   struct fl_request *request)
{
    node->log = realloc(node->log, (node->log_count + 1) * sizeof *node->log);
    struct world_entry *entry = &node->log[node->log_count++];
    *entry = (struct world_entry){.term = node->status.term, .data = malloc(size + 1), .size = size};
    memcpy(entry->data, data != NULL ? data : "", data != NULL ? size : 0);
    node->status.last = node->status.durable = node->status.commit = node->status.applied = node->log_count;
    node->status.time_us = node->clock_us;
    struct fl_entry applied = {
        .index = node->log_count,
        .term = node->status.term,
        .time_us = node->clock_us,
        .seed = node->log_count * 77,
        .data = data != NULL ? entry->data : NULL,
        .size = size,
    };
    node->in_callback = true;
    node->machine.apply(node->machine.state, &applied, request);
    node->in_callback = false;
}

/* Applies the oldest proposal. */
static inline void node_apply(struct fl_node *node)
{
    struct fl_request *request = node_find(node, ASK_PROPOSE);
    assert_non_null(request);
    node_pop(node, request);
    node_apply_data(node, request->data, request->size, request);
}

/* Answers the oldest request of a kind. */
static inline void node_answer(struct fl_node *node, enum world_ask what, int outcome)
{
    struct fl_request *request = node_find(node, what);
    assert_non_null(request);
    node_pop(node, request);
    request->time_us = node->clock_us;
    request->holders = node->holders;
    node->in_callback = true;
    node->machine.answer(node->machine.state, request, outcome);
    node->in_callback = false;
}

/* What a healthy cluster does with what it was asked. */
static inline void node_flush(void *context)
{
    struct fl_node *node = context;
    while (node->automatic && !node->holds_proposals && node_find(node, ASK_PROPOSE) != NULL)
        node_apply(node);
    while (node->automatic && !node->holds_reads && node_find(node, ASK_READ) != NULL)
        node_answer(node, ASK_READ, FL_OK);
    struct fl_request *wait = node_find(node, ASK_WAIT);
    if (wait != NULL && node->automatic && !node->holds_waits &&
        (node->holders >= wait->count || node->world->now >= wait->expires))
        node_answer(node, ASK_WAIT, FL_OK);
}

int fl_node_open(struct fl_node **out, struct fl_io *io, const struct fl_node_options *options,
                 const struct fl_machine *machine, struct fl_error_report *report)
{
    struct world *world = world_of(io);
    *out = NULL;
    if (world->open_result != FL_OK) {
        report->error = world->open_result;
        snprintf(report->text, sizeof report->text, "the test wants it so");
        return world->open_result;
    }
    struct fl_node *node = calloc(1, sizeof *node);
    node->world = world;
    node->machine = *machine;
    node->automatic = true;
    node->holders = 2;
    node->clock_us = WORLD_WALL_US;
    snprintf(node->status.name, sizeof node->status.name, "%s", options->name);
    node->status.term = 3;
    node->status.role = FL_LEADER;
    node->status.has_leader = node->status.founded = node->status.ready = true;
    node->status.id = node->status.leader = 0xabc1;
    node->status.leader_time_us = node->clock_us;
    node->status.peer_count = 3;
    for (uint32_t k = 0; k < 3; k++) {
        struct fl_node_peer *peer = &node->status.peers[k];
        snprintf(peer->member.name, sizeof peer->member.name, "n%u", (unsigned)k + 1);
        snprintf(peer->member.address, sizeof peer->member.address, "127.0.0.1:%u", 7601 + 10 * (unsigned)k);
        peer->member.id = 0xabc1 + k;
        peer->member.id_known = peer->voter = true;
        peer->up = k > 0;
        peer->self = k == 0;
    }
    io->vtable->add_flush(io, node_flush, node);
    world->node = *out = node;
    return FL_OK;
}

void fl_node_close(struct fl_node *node, void (*closed)(void *context), void *context)
{
    struct world *world = node->world;
    while (node->first != NULL)
        node_answer(node, (enum world_ask)node->first->state,
                    node->first->state == ASK_PROPOSE ? FL_EUNKNOWN : FL_ESTOPPED);
    world->io.vtable->remove_flush(&world->io, node_flush, node);
    for (size_t k = 0; k < node->log_count; k++)
        free(node->log[k].data);
    free(node->log);
    free(node);
    world->node = NULL;
    closed(context);
}

int fl_node_propose(struct fl_node *node, struct fl_request *request, const void *data, size_t size)
{
    assert_false(node->in_callback); /* The server's own rule. */
    node->proposed++;
    if (node->refuse_propose != FL_OK)
        return node->refuse_propose;
    request->data = data;
    request->size = size;
    node_push(node, request, ASK_PROPOSE);
    return FL_OK;
}

int fl_node_read(struct fl_node *node, struct fl_request *request)
{
    assert_false(node->in_callback);
    node->asked++;
    if (node->refuse_read != FL_OK)
        return node->refuse_read;
    node_push(node, request, ASK_READ);
    return FL_OK;
}

int fl_node_wait(struct fl_node *node, struct fl_request *request, fl_index index, uint32_t count,
                 fl_time_us timeout_us)
{
    assert_false(node->in_callback);
    request->count = count;
    request->expires = node->world->now + timeout_us;
    node->waited++;
    node->wait_index = index;
    node->wait_timeout_us = timeout_us;
    if (node->refuse_wait != FL_OK)
        return node->refuse_wait;
    node_push(node, request, ASK_WAIT);
    return FL_OK;
}

int fl_node_campaign(struct fl_node *node)
{
    assert_false(node->in_callback);
    node->campaigns++;
    return node->refuse_campaign;
}

void fl_node_status(const struct fl_node *node, struct fl_node_status *out)
{
    *out = node->status;
    out->leader_time_us = node->status.role == FL_LEADER ? node->clock_us : 0;
}

int fl_node_log(struct fl_node *node, fl_index first, fl_index last,
                void (*line)(void *context, const struct fl_log_line *line),
                void (*done)(void *context, int result), void *context)
{
    if (node->refuse_log != FL_OK)
        return node->refuse_log;
    for (fl_index index = first; index <= last; index++) {
        if (node->damaged != 0 && index >= node->damaged) {
            done(context, FL_EDAMAGED);
            return FL_OK;
        }
        const struct world_entry *entry = &node->log[index - 1];
        struct fl_log_line out = {
            .index = index,
            .term = entry->term,
            .kind = FL_ENTRY_COMMAND,
            .committed = true,
            .durable = true,
            .data = entry->data,
            .size = entry->size,
        };
        line(context, &out);
    }
    node->status.last = node->cut_to != 0 ? node->cut_to : node->status.last + node->grown_by;
    done(context, FL_OK);
    return FL_OK;
}

/* ---------------------------------------------------------------------------------------------- the world */

/* Handles everything that is due now. */
static inline void world_run(struct world *world)
{
    bool more = true;
    while (more) {
        more = world_receive_one(world);
        while (world_complete_one(world))
            more = true;
        world_flush(world);
        for (size_t k = 0; k < world->due_count; k++)
            more = more || !world->due[k].is_timer || world->due[k].at <= world->now;
    }
}

/* Lets time pass, in steps of 10 ms. */
static inline void world_wait(struct world *world, fl_time_us us)
{
    fl_time_us until = world->now + us;
    world_run(world);
    while (world->now < until) {
        world->now = until - world->now > 10000 ? world->now + 10000 : until;
        world_run(world);
    }
}

static inline void world_options(struct fl_server_options *options)
{
    fl_server_options_init(options);
    options->node.name = "n1";
    options->node.directory = "unused";
    options->node.listen = "127.0.0.1:7601";
    options->listen = "127.0.0.1:7600";
    options->process_id = 4711;
}

static inline struct world *world_create_with(const struct fl_server_options *options)
{
    struct fl_error_report report;
    struct world *world = calloc(1, sizeof *world);
    world->io.vtable = &world_vtable;
    world->now = WORLD_START_US;
    assert_int_equal(fl_server_open(&world->server, &world->io, options, &report), FL_OK);
    world_run(world);
    return world;
}

static inline struct world *world_create(void)
{
    struct fl_server_options options;
    world_options(&options);
    return world_create_with(&options);
}

static inline void world_on_closed(void *context)
{
    ((struct world *)context)->server_closed = true;
}

static inline void world_free(struct world *world)
{
    for (size_t k = 0; k < world->stream_count; k++) {
        assert_true(world->streams[k]->closed);
        free(world->streams[k]->inbox);
        free(world->streams[k]->output);
        free(world->streams[k]);
    }
    assert_int_equal(world->due_count, 0);
    assert_int_equal(world->flush_count, 0);
    free(world);
}

static inline void world_destroy(struct world *world)
{
    fl_server_close(world->server, world_on_closed, world);
    world_wait(world, 3000000);
    assert_true(world->server_closed);
    world_free(world);
}

/* ------------------------------------------------------------------------------------------------ clients */

static inline struct fl_io_stream *client_connect(struct world *world)
{
    struct fl_io_stream *stream = calloc(1, sizeof *stream);
    assert_true(world->listening);
    stream->world = world;
    world->streams[world->stream_count++] = stream;
    assert_true(world->stream_count < 256);
    world->listener.on_accept(world->listener.context, stream);
    world_run(world);
    return stream;
}

/* Sends without letting anything happen. */
static inline void client_queue(struct fl_io_stream *stream, const char *data, size_t size)
{
    stream->inbox = realloc(stream->inbox, stream->inbox_size + size + 1);
    memcpy(stream->inbox + stream->inbox_size, data, size);
    stream->inbox_size += size;
}

static inline void client_queue_text(struct fl_io_stream *stream, const char *text)
{
    client_queue(stream, text, strlen(text));
}

static inline void client_send(struct fl_io_stream *stream, const char *text)
{
    client_queue_text(stream, text);
    world_run(stream->world);
}

static inline void client_end(struct fl_io_stream *stream)
{
    stream->inbox_ended = true;
    world_run(stream->world);
}

/* The connection breaks. */
static inline void client_reset(struct fl_io_stream *stream)
{
    stream->events.on_error(stream->events.context, FL_ECLOSED);
    world_run(stream->world);
}

/* Everything that the server has sent since the last look. */
static inline const char *client_take(struct fl_io_stream *stream)
{
    static char text[1 << 20]; /* Tests run one at a time. */
    size_t size = stream->output_size < sizeof text - 1 ? stream->output_size : sizeof text - 1;
    memcpy(text, stream->output != NULL ? stream->output : "", size);
    text[size] = '\0';
    stream->output_size = 0;
    return text;
}

/* Lets a held send complete. */
static inline void client_read(struct fl_io_stream *stream)
{
    struct fl_io_op *op = stream->held;
    stream->held = NULL;
    if (op != NULL)
        world_complete(stream->world, op, FL_OK, 0, false);
    world_run(stream->world);
}

/* Sends a line and expects this reply. */
#define expect(stream, line, reply)                                                                          \
    do {                                                                                                     \
        client_send((stream), line "\r\n");                                                                  \
        assert_string_equal(client_take(stream), reply);                                                     \
    } while (0)

#define expect_text(stream, reply) assert_string_equal(client_take(stream), reply)

static inline void expect_part(struct fl_io_stream *stream, const char *line, const char *part)
{
    client_send(stream, line);
    client_send(stream, "\r\n");
    const char *text = client_take(stream);
    if (strstr(text, part) == NULL)
        fail_msg("%s: no \"%s\" in \"%s\"", line, part, text);
}

#endif
