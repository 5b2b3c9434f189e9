/* client.c - connections: bytes in, bytes out, and what each may take of them.
 *
 * In: a client may send as many bytes as it has credit for. Received bytes are cut into calls at once; a call
 * that may not start yet stalls the client: it and what is behind it stay in the query buffer, no credit is
 * given, and so the kernel's buffers fill and the client waits. Most bytes never touch a query buffer: they
 * are parsed in the server's scratch, and only what is left over is copied.
 *
 * Out: replies are gathered and leave with one send per client and batch of events; while one send is in
 * flight the next bytes gather in a second buffer. A client that does not read gets no more calls started
 * once a quarter of client-output-max waits for it, and is cut off when a reply does not fit within the
 * whole.
 *
 * Closing: fl__client_finish() lets a client have what it asked for, tells it the end and waits a moment for
 * its end, so that a reset does not take the last reply away; fl__client_cut() does not wait. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#define REFUSED_MAX 128           /* Refused clients that are being told so at the same time. */
#define KEEP_SIZE (16u << 10)     /* An empty output buffer of at most this size is kept. */
#define CREDIT_MAX (1u << 20)     /* Given at once for a call that is known to be large. */
#define MEMORY_FAIR (1u << 20)    /* No client with less is cut off because all have too much. */
#define ARGS_KEPT_MAX 1024        /* A parser that had to hold more is emptied. */
#define AUTHENTICATE_US 10000000u /* Who has to authenticate does so within this time. */
#define STALL_US 60000000u        /* Without progress for so long, a client that holds much is cut off. */
#define IDLE_US 2000000u          /* Then its buffers are given back. */
#define FINISH_US 10000000u       /* To read the last replies. */
#define MISSED_US 10000000u       /* Between lines about clients for whom there was no descriptor. */
#define LINGER_US 1000000u        /* To close after them. */

static void on_sent(struct fl_io_op *op);
static void on_shutdown(struct fl_io_op *op);
static void on_closed(struct fl_io_op *op);

/* ----------------------------------------------------------------------------------------------- bytes in */

/* A stalled call's arguments follow the buffer that they point into. */
static void move_args(struct fl__client *client, const char *from, char *to)
{
    for (uint32_t k = 0; client->stalled && k < client->parser.arg_count; k++) {
        struct fl__bytes *arg = &client->parser.args[k];
        if (arg->size > 0)
            arg->data = to + (arg->data - from);
    }
}

/* Room for `size` more bytes behind those that are there; false if memory is short. */
static bool reserve_query(struct fl__client *client, size_t size)
{
    if (client->query_capacity - client->query_start - client->query_size >= size)
        return true;
    size_t needed = client->query_size + size;
    size_t capacity = client->query_capacity * 2 < needed ? needed : client->query_capacity * 2;
    char *query = malloc(capacity);
    if (query == NULL)
        return false;
    if (client->query_size > 0) {
        char *from = client->query + client->query_start;
        memcpy(query, from, client->query_size);
        move_args(client, from, query);
    }
    free(client->query);
    client->query = query;
    client->query_capacity = capacity;
    client->query_start = 0;
    return true;
}

static void drop_query(struct fl__client *client)
{
    free(client->query);
    client->query = NULL;
    client->query_start = client->query_size = client->query_capacity = 0;
}

static void consume(struct fl__client *client, size_t size)
{
    client->query_start += size;
    client->query_size -= size;
    if (client->query_size > 0)
        return;
    drop_query(client);
    if (client->parser.arg_capacity > ARGS_KEPT_MAX) {
        bool restricted = client->parser.restricted;
        fl__parser_release(&client->parser);
        fl__parser_init(&client->parser);
        client->parser.restricted = restricted;
    }
}

static void refuse_bytes(struct fl__client *client)
{
    struct fl__pending *p = fl__pending_begin(client, FL__PENDING_TEXT, NULL);
    if (p == NULL) {
        fl__client_cut(client, "it sent what is not the protocol");
        return;
    }
    fl__reply_error(fl__pending_reply(p), client->parser.error);
    fl__pending_end(p);
    fl__client_finish(client);
}

/* Starts the calls in data[0, size), as far as they are complete and may start; returns how many bytes that
 * was. */
static size_t handle(struct fl__client *client, char *data, size_t size)
{
    size_t at = 0;
    while (at < size && !client->closing && !client->is_closed && !fl__client_is_full(client)) {
        size_t used = 0;
        switch (fl__parser_next(&client->parser, data + at, size - at, &used)) {
        case FL__PARSED_CALL:
            if (!fl__session_call(client, client->parser.args, client->parser.arg_count)) {
                client->stalled = true;
                client->stalled_used = used;
                return at;
            }
            at += used;
            break;
        case FL__PARSED_EMPTY:
            at += used;
            break;
        case FL__PARSED_MORE:
            return at;
        case FL__PARSED_ERROR:
            refuse_bytes(client);
            break;
        }
    }
    /* Whatever a client sends behind its last command is nobody's. */
    return client->closing || client->is_closed ? size : at;
}

static void give_credit(struct fl__client *client)
{
    uint64_t credit = FL__CREDIT;
    if (client->is_closed || client->ended)
        return;
    if (!client->closing && (client->stalled || fl__client_is_full(client)))
        return;
    if (client->query_size > 0 && client->parser.wanted > client->query_size + credit) {
        credit = client->parser.wanted - client->query_size;
        credit = credit < CREDIT_MAX ? credit : CREDIT_MAX;
    }
    if (client->credit > credit / 2)
        return;
    client->server->io->vtable->add_credit(client->server->io, client->stream, credit - client->credit);
    client->credit = credit;
}

static void handle_query(struct fl__client *client)
{
    if (client->query_size == 0 || client->stalled)
        return;
    size_t used = handle(client, client->query + client->query_start, client->query_size);
    if (!client->is_closed)
        consume(client, used);
}

/* Keeps what could not be handled yet, with room for what may still come while it can't. */
static void keep_bytes(struct fl__client *client, char *data, size_t size)
{
    if (!reserve_query(client, size + client->credit)) {
        fl__client_cut(client, "memory is short");
        return;
    }
    char *to = client->query + client->query_start + client->query_size;
    memcpy(to, data, size);
    move_args(client, data, to);
    client->query_size += size;
}

static void take_bytes(struct fl__client *client, const void *data, size_t size)
{
    struct fl_server *server = client->server;
    if (client->query_size == 0 && size <= FL__CREDIT) {
        /* Parsing may write to the bytes, and these are the engine's: hence the scratch. */
        memcpy(server->scratch, data, size);
        size_t used = handle(client, server->scratch, size);
        if (used < size && !client->is_closed)
            keep_bytes(client, server->scratch + used, size - used);
        return;
    }
    if (!reserve_query(client, size)) {
        fl__client_cut(client, "memory is short");
        return;
    }
    memcpy(client->query + client->query_start + client->query_size, data, size);
    client->query_size += size;
    handle_query(client);
}

static void on_end(struct fl__client *client)
{
    client->ended = true;
    /* A WAIT may last for ever, and who has gone does not wait. */
    if (client->is_shutdown || (client->first != NULL && client->first->kind == FL__PENDING_WAIT))
        fl__client_cut(client, NULL);
    else
        fl__client_touch(client);
}

static void on_data(void *context, const void *data, size_t size)
{
    struct fl__client *client = context;
    struct fl_server *server = client->server;
    server->now = server->io->vtable->now(server->io);
    if (size == 0) {
        on_end(client);
        return;
    }
    client->progress = client->active = server->now;
    server->bytes_received += size;
    client->credit -= size < client->credit ? size : client->credit;
    if (!client->closing)
        take_bytes(client, data, size);
    if (!client->is_closed) {
        give_credit(client);
        fl__client_account(client);
    }
}

static void on_error(void *context, int error)
{
    (void)error; /* A reset is how many clients say good-bye. */
    fl__client_cut(context, NULL);
}

void fl__client_resume(struct fl__client *client)
{
    fl__link_remove(&client->resume);
    if (client->is_closed)
        return;
    fl__wait_resume(client);
    fl__dispatch_advance(client);
    if (client->stalled && !client->closing && !client->is_closed) {
        if (!fl__session_call(client, client->parser.args, client->parser.arg_count))
            return;
        client->stalled = false;
        if (!client->is_closed)
            consume(client, client->closing ? client->query_size : client->stalled_used);
    }
    if (!client->is_closed)
        handle_query(client);
    if (client->is_closed)
        return;
    give_credit(client);
    fl__client_account(client);
    fl__client_touch(client);
}

/* ---------------------------------------------------------------------------------------------- bytes out */

bool fl__client_is_full(const struct fl__client *client)
{
    return client->out.size + client->sending_size > client->server->options.client_output_max / 4;
}

void fl__client_touch(struct fl__client *client)
{
    if (client->is_closed)
        return;
    fl__link_append(&client->server->dirty, &client->dirty);
}

void fl__client_resume_soon(struct fl__client *client)
{
    if (client->is_closed)
        return;
    fl__link_append(&client->server->resumable, &client->resume);
    fl__server_kick(client->server);
}

static void start_send(struct fl__client *client)
{
    struct fl_io *io = client->server->io;
    char *spare = client->sending;
    size_t spare_capacity = client->sending_capacity;
    client->sending = client->out.data;
    client->sending_size = client->out.size;
    client->sending_capacity = client->out.capacity;
    client->out.data = spare;
    client->out.capacity = spare_capacity;
    client->out.size = 0;
    client->is_sending = true;
    client->server->bytes_sent += client->sending_size;
    client->ops++;
    client->send = (struct fl_io_op){.done = on_sent, .owner = client};
    struct fl_io_buffer buffer = {client->sending, client->sending_size};
    io->vtable->send(io, &client->send, client->stream, &buffer, 1);
}

static bool is_done(const struct fl__client *client)
{
    return client->depth == 0 && client->out.size == 0 && !client->is_sending &&
           (client->closing || (client->ended && !client->stalled && fl__link_is_alone(&client->resume)));
}

void fl__client_flush(struct fl__client *client)
{
    struct fl_server *server = client->server;
    fl__link_remove(&client->dirty);
    if (client->out.failed)
        fl__client_cut(client, "it did not read its messages, or its patterns take too long to match");
    if (client->is_closed || client->is_sending)
        return;
    if (client->out.size > 0) {
        start_send(client);
    } else if (is_done(client)) {
        if (client->ended) {
            fl__client_cut(client, NULL);
        } else if (!client->is_shutdown) {
            client->is_shutdown = true;
            client->close_by = server->now + LINGER_US;
            client->ops++;
            client->shutdown = (struct fl_io_op){.done = on_shutdown, .owner = client};
            server->io->vtable->shutdown(server->io, &client->shutdown, client->stream);
        }
    }
}

static void release_memory(struct fl__client *client);

static void end_op(struct fl__client *client)
{
    client->ops--;
    if (client->is_closed && client->ops == 0)
        release_memory(client);
}

static void free_spare(struct fl__client *client)
{
    free(client->sending);
    client->sending = NULL;
    client->sending_capacity = 0;
}

static void on_sent(struct fl_io_op *op)
{
    struct fl__client *client = op->owner;
    struct fl_server *server = client->server;
    bool was_full = fl__client_is_full(client);
    server->now = server->io->vtable->now(server->io);
    client->is_sending = false;
    client->sending_size = 0;
    client->progress = server->now;
    if (client->sending_capacity > KEEP_SIZE)
        free_spare(client);
    if (op->result < 0)
        fl__client_cut(client, NULL);
    if (!client->is_closed) {
        if (client->out.size > 0 || client->closing || client->ended)
            fl__client_touch(client);
        if (was_full)
            fl__client_resume_soon(client);
        fl__client_account(client);
    }
    end_op(client);
}

static void on_shutdown(struct fl_io_op *op)
{
    struct fl__client *client = op->owner;
    if (op->result < 0)
        fl__client_cut(client, NULL);
    end_op(client);
}

/* --------------------------------------------------------------------------------------- coming and going */

static struct fl__client *create_client(struct fl_server *server, struct fl_io_stream *stream)
{
    struct fl__client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    fl__link_init(&client->all);
    fl__link_init(&client->dirty);
    fl__link_init(&client->resume);
    fl__link_init(&client->tick);
    client->server = server;
    client->stream = stream;
    client->id = ++server->next_client_id;
    client->created = client->active = client->progress = client->anonymous_since = server->now;
    fl__parser_init(&client->parser);
    fl__reply_init(&client->out, 2, server->options.client_output_max);
    fl__session_reset(client);
    fl__link_append(&server->clients, &client->all);
    return client;
}

static void on_spare_closed(struct fl_io_op *op)
{
    op->done = NULL;
}

static void close_stream(struct fl_server *server, struct fl_io_stream *stream)
{
    /* One at a time: without memory for a client this is all that can be done. */
    if (server->spare.done != NULL)
        return;
    server->spare = (struct fl_io_op){.done = on_spare_closed};
    server->io->vtable->close(server->io, &server->spare, stream);
}

/* One client too many is told so, if not too many are. */
static void refuse_client(struct fl__client *client)
{
    struct fl_server *server = client->server;
    client->refused = true;
    server->clients_refused++;
    if (server->refused_count++ >= REFUSED_MAX) {
        fl__client_cut(client, NULL);
        return;
    }
    fl__reply_error(&client->out, "ERR max number of clients reached");
    fl__client_finish(client);
    fl__client_start(client);
}

/* A connection was closed as it came: the process has no more descriptors. Told now and then. */
static void miss_client(struct fl_server *server)
{
    server->clients_refused++;
    if (server->missed_told_at != 0 && server->now - server->missed_told_at < MISSED_US)
        return;
    server->missed_told_at = server->now;
    fl__server_log(server, FL_LOG_WARN,
                   "closes connections of clients at once: %s; raise ulimit -n (LimitNOFILE=)",
                   fl_error_text(FL_EMFILE));
}

void fl__client_accept(void *context, struct fl_io_stream *stream)
{
    struct fl_server *server = context;
    server->now = server->io->vtable->now(server->io);
    if (stream == NULL) {
        miss_client(server);
        return;
    }
    struct fl__client *client = create_client(server, stream);
    if (client == NULL) {
        close_stream(server, stream);
        return;
    }
    server->clients_accepted++;
    if (server->stopping) {
        client->refused = true;
        server->refused_count++;
        fl__client_cut(client, NULL);
        return;
    }
    if (server->client_count >= server->options.clients_max) {
        refuse_client(client);
        return;
    }
    server->client_count++;
    if (server->node != NULL)
        fl__client_start(client);
}

void fl__client_start(struct fl__client *client)
{
    struct fl_io_stream_events events = {.on_data = on_data, .on_error = on_error, .context = client};
    if (client->is_closed || client->credit > 0)
        return;
    client->credit = FL__CREDIT;
    client->server->io->vtable->start(client->server->io, client->stream, &events, client->credit);
}

void fl__client_finish(struct fl__client *client)
{
    if (client->closing || client->is_closed)
        return;
    client->closing = true;
    fl__pubsub_leave(client);
    client->close_by = client->server->now + (client->server->stopping ? LINGER_US : FINISH_US);
    fl__client_touch(client);
}

void fl__client_cut(struct fl__client *client, const char *why)
{
    struct fl_server *server = client->server;
    if (client->is_closed)
        return;
    if (why != NULL)
        fl__server_log(server, FL_LOG_WARN, "client %llu was disconnected: %s",
                       (unsigned long long)client->id, why);
    client->is_closed = true;
    if (client->refused)
        server->refused_count--;
    else
        server->client_count--;
    fl__link_remove(&client->dirty);
    fl__link_remove(&client->resume);
    fl__link_remove(&client->tick);
    fl__pending_abandon(client);
    fl__transaction_drop(client);
    fl__pubsub_leave(client);
    client->ops++;
    client->close = (struct fl_io_op){.done = on_closed, .owner = client};
    server->io->vtable->close(server->io, &client->close, client->stream);
}

static void on_closed(struct fl_io_op *op)
{
    end_op(op->owner);
}

static void release_memory(struct fl__client *client)
{
    struct fl_server *server = client->server;
    server->clients_memory -= client->memory;
    fl__link_remove(&client->all);
    fl__parser_release(&client->parser);
    fl__reply_release(&client->out);
    free(client->query);
    free(client->sending);
    free(client->name);
    free(client->library);
    free(client->library_version);
    free(client);
    fl__server_client_gone(server);
}

/* ------------------------------------------------------------------------------------------------ budgets */

void fl__client_account(struct fl__client *client)
{
    struct fl_server *server = client->server;
    size_t memory = client->query_capacity + client->out.capacity + client->sending_capacity +
                    fl__transaction_memory(client) + fl__pubsub_memory(client);
    server->clients_memory += memory - client->memory;
    client->memory = memory;
    if (server->clients_memory <= FL__CLIENTS_MEMORY_MAX || memory <= MEMORY_FAIR || client->closing)
        return;
    fl__server_log(server, FL_LOG_WARN,
                   "client %llu is cut off: its buffers take %zu bytes, all clients' %llu",
                   (unsigned long long)client->id, memory, (unsigned long long)server->clients_memory);
    client->stalled = false;
    drop_query(client);
    fl__transaction_drop(client);
    if (client->depth == 0)
        fl__error(&client->out, FL__CODE_CLIENT_MEMORY, "clients' buffers take too much memory");
    fl__client_finish(client);
}

/* In the sense of Redis' setting `timeout`: who listens waits for others, however long. */
static bool is_idle(const struct fl__client *client)
{
    const struct fl_server *server = client->server;
    return server->idle_timeout_us > 0 && client->depth == 0 && !client->stalled &&
           client->subscriber == NULL && server->now - client->progress > server->idle_timeout_us;
}

static const char *find_exceeded(const struct fl__client *client)
{
    fl_time_us now = client->server->now;
    if (client->closing && now > client->close_by)
        return client->is_shutdown ? NULL : "it did not read its last replies";
    if (!client->authenticated && now - client->anonymous_since > AUTHENTICATE_US)
        return "it did not authenticate in time";
    size_t buffers = client->memory - fl__pubsub_memory(client);
    if (buffers > MEMORY_FAIR && client->depth == 0 && now - client->progress > STALL_US)
        return "it made no progress and holds much memory";
    return NULL;
}

void fl__client_check(struct fl__client *client)
{
    fl_time_us now = client->server->now;
    if (client->is_closed)
        return;
    const char *why = find_exceeded(client);
    if (why != NULL || is_idle(client) || (client->is_shutdown && now > client->close_by)) {
        fl__client_cut(client, why);
        return;
    }
    if (now - client->progress < IDLE_US || client->is_sending || client->out.size > 0)
        return;
    free_spare(client);
    fl__reply_release(&client->out);
    fl__client_account(client);
}
