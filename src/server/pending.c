/* pending.c - calls on their way, and their replies in the order of the requests.
 *
 * Redis answers a connection's commands in the order in which they came; ours are answered by the cluster, in
 * an order of its own. So each call on its way stands in its client's queue. The first one's reply is written
 * straight into the client's output; a later one keeps its reply until its turn. So does each one of a client
 * that listens to channels, or whose call may make it listen: a message goes into the output whenever it
 * comes, and would stand within a reply that is only half there.
 *
 * Invariants: a client's depth is the length of its queue; the queue's first call is not answered; flight is
 * FL__FLIGHT_NONE if and only if no call in the queue waits for the node.
 *
 * Calls are recycled, so that a command costs no allocation: they carry room for what most commands need. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#define FREE_MAX 8192      /* As many are kept for later. */
#define SLOW_TEXT_SIZE 128 /* Of a slow transaction. */

size_t fl__args_size(const struct fl__bytes *args, uint32_t arg_count)
{
    size_t size = arg_count * sizeof *args;
    for (uint32_t k = 0; k < arg_count; k++)
        size += args[k].size;
    return size;
}

struct fl__bytes *fl__args_pack(void *out, const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__bytes *packed = out;
    char *bytes = (char *)(packed + arg_count);
    for (uint32_t k = 0; k < arg_count; k++) {
        packed[k] = (struct fl__bytes){bytes, args[k].size};
        if (args[k].size > 0)
            memcpy(bytes, args[k].data, args[k].size);
        bytes += args[k].size;
    }
    return packed;
}

static enum fl__flight flight_of(enum fl__pending_kind kind)
{
    switch (kind) {
    case FL__PENDING_TEXT:
        return FL__FLIGHT_NONE;
    case FL__PENDING_WRITE:
    case FL__PENDING_PROBE:
        return FL__FLIGHT_WRITES;
    case FL__PENDING_READ:
    case FL__PENDING_READ_TRANSACTION:
    case FL__PENDING_WATCH:
        return FL__FLIGHT_READS;
    case FL__PENDING_SUBSCRIBE:
        return FL__FLIGHT_SUBSCRIBES;
    case FL__PENDING_WAIT:
    case FL__PENDING_LOG:
    case FL__PENDING_FILE:
        return FL__FLIGHT_ALONE;
    }
    return FL__FLIGHT_ALONE;
}

static struct fl__pending *take_free(struct fl_server *server)
{
    struct fl__pending *p = server->free;
    if (p != NULL) {
        server->free = p->next;
        server->free_count--;
        return p;
    }
    return malloc(sizeof *p);
}

struct fl__pending *fl__pending_begin(struct fl__client *client, enum fl__pending_kind kind,
                                      const struct fl__command *command)
{
    struct fl_server *server = client->server;
    if (server->pending_count >= FL__PENDING_MAX)
        return NULL;
    struct fl__pending *p = take_free(server);
    if (p == NULL)
        return NULL;
    /* Everything but the room, which is large and about to be written. */
    memset(p, 0, offsetof(struct fl__pending, room));
    server->pending_count++;
    server->wait_count += kind == FL__PENDING_WAIT;
    p->request.owner = p;
    p->server = server;
    p->client = client;
    p->command = command;
    p->kind = kind;
    p->protocol = client->protocol;
    p->subscribes = kind == FL__PENDING_SUBSCRIBE;
    p->silent = (client->reply_off || client->reply_skip) && !p->subscribes;
    p->started = server->now;
    p->deadline = server->now + server->options.node.request_timeout_us;
    if (client->last != NULL)
        client->last->next = p;
    else
        client->first = p;
    client->last = p;
    client->depth++;
    client->watched.open += kind == FL__PENDING_WATCH;
    if (kind != FL__PENDING_TEXT)
        client->flight = flight_of(kind);
    return p;
}

bool fl__pending_reserve(struct fl__pending *p, size_t size)
{
    if (size <= sizeof p->room) {
        p->data = (char *)p->room;
        p->size = size;
        return true;
    }
    if (p->server->clients_memory > FL__CLIENTS_MEMORY_MAX)
        return false;
    char *data = malloc(size);
    if (data == NULL)
        return false;
    fl__pending_adopt(p, data, size);
    return true;
}

void fl__pending_adopt(struct fl__pending *p, char *data, size_t size)
{
    p->data = data;
    p->size = size;
    p->server->clients_memory += size;
}

static void recycle(struct fl__pending *p)
{
    struct fl_server *server = p->server;
    server->wait_count -= p->kind == FL__PENDING_WAIT;
    server->pending_count--;
    if (p->data != (char *)p->room) {
        free(p->data);
        server->clients_memory -= p->size;
    }
    fl__holes_release(p->holes);
    free(p->reply.data);
    if (server->free_count >= FREE_MAX) {
        free(p);
        return;
    }
    p->next = server->free;
    server->free = p;
    server->free_count++;
}

struct fl__reply *fl__pending_reply(struct fl__pending *p)
{
    struct fl__client *client = p->client;
    /* A transaction's local commands do what they do even if nobody reads the answer. */
    if (client == NULL || (p->silent && p->holes == NULL))
        return NULL;
    bool is_disturbed = client->subscriber != NULL || p->holes != NULL;
    if (p == client->first && !p->silent && !is_disturbed) {
        client->out.protocol = p->protocol;
        p->is_direct = true;
        p->reply_at = client->out.size;
        return &client->out;
    }
    fl__reply_init(&p->reply, p->protocol, client->out.size_max);
    return &p->reply;
}

static struct fl__bytes reply_of(const struct fl__pending *p)
{
    return p->is_direct ? fl__reply_since(&p->client->out, p->reply_at) : fl__reply_since(&p->reply, 0);
}

static void log_slow(const struct fl__pending *p, fl_time_us duration)
{
    struct fl__payload_reader reader = {0};
    struct fl__bytes data = {p->data, p->size};
    if (p->data == NULL)
        return;
    if (p->args != NULL) {
        fl__slowlog_add(p->client, p->command, p->args, p->arg_count, duration);
        return;
    }
    fl__payload_open(&reader, data);
    if (reader.kind != FL__PAYLOAD_COMMAND) {
        char text[SLOW_TEXT_SIZE];
        fl__payload_describe(data, text, sizeof text);
        const struct fl__bytes words[] = {fl__bytes_of("EXEC"), fl__bytes_of(text)};
        fl__slowlog_add(p->client, p->command, words, 2, duration);
    } else if (fl__payload_next(&reader) == FL_OK)
        fl__slowlog_add(p->client, p->command, reader.args, reader.arg_count, duration);
    fl__payload_release(&reader);
}

/* Of a call that the cluster had a part in. */
static void count(const struct fl__pending *p)
{
    struct fl_server *server = p->server;
    if (p->command == NULL || p->kind == FL__PENDING_TEXT)
        return;
    fl_time_us now = server->io->vtable->now(server->io);
    fl_time_us duration = now > p->started ? now - p->started : 0;
    fl__stats_done(server, p->command, duration, reply_of(p));
    if (fl__slowlog_wants(server, duration))
        log_slow(p, duration);
}

/* Takes the first call from the queue, and puts the reply that it kept, if it did, into the output. */
static struct fl__pending *pop_first(struct fl__client *client)
{
    struct fl__pending *p = client->first;
    client->first = p->next;
    if (client->first == NULL)
        client->last = NULL;
    client->depth--;
    if (p->reply.failed)
        client->out.failed = true;
    if (p->reply.size > 0 && !p->silent)
        fl__reply_raw(&client->out, (struct fl__bytes){p->reply.data, p->reply.size});
    return p;
}

/* Takes the answered calls from the front of the queue. */
static void pop_answered(struct fl__client *client)
{
    while (client->first != NULL && client->first->answered)
        recycle(pop_first(client));
    /* Answered or not, whoever stands behind an unanswered call was allowed to start beside it. */
    if (client->first == NULL)
        client->flight = FL__FLIGHT_NONE;
}

/* What was answered may let a client go on. */
static void go_on(struct fl__client *client)
{
    if (client->out.failed) {
        fl__client_cut(client, "replies that it did not read exceed client-output-max");
        return;
    }
    fl__client_touch(client);
    if (client->stalled || client->query_size > 0)
        fl__client_resume_soon(client);
}

void fl__pending_leave(struct fl__pending *p)
{
    struct fl__client *client = p->client;
    fl_assert(p == client->first && p->with_node);
    (void)pop_first(client);
    p->client = NULL;
    p->next = NULL;
    pop_answered(client);
    go_on(client);
}

void fl__pending_end(struct fl__pending *p)
{
    struct fl__client *client = p->client;
    p->answered = true;
    if (client == NULL) {
        recycle(p);
        return;
    }
    client->watched.open -= p->kind == FL__PENDING_WATCH;
    count(p);
    if (p == client->first)
        pop_answered(client);
    go_on(client);
}

void fl__pending_fail(struct fl__pending *p, int outcome)
{
    bool is_write = p->kind == FL__PENDING_WRITE || p->kind == FL__PENDING_PROBE;
    fl__error_outcome(fl__pending_reply(p), p->server, outcome, is_write);
    if (p->kind == FL__PENDING_WATCH && p->client != NULL)
        fl__watch_failed(p->client);
    fl__pending_end(p);
}

void fl__pending_abandon(struct fl__client *client)
{
    struct fl__pending *p = client->first;
    client->first = client->last = NULL;
    client->depth = 0;
    client->flight = FL__FLIGHT_NONE;
    while (p != NULL) {
        struct fl__pending *next = p->next;
        p->client = NULL;
        p->next = NULL;
        if (!p->with_node)
            recycle(p);
        p = next;
    }
}

void fl__pending_free_all(struct fl_server *server)
{
    while (server->free != NULL) {
        struct fl__pending *p = server->free;
        server->free = p->next;
        free(p);
    }
    server->free_count = 0;
}
