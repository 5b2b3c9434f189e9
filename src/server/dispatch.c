/* dispatch.c - writes, reads and ticks: what is asked of the node, and what its answers mean.
 *
 * A write becomes a log entry; when the entry is applied here, its answer is computed straight into the
 * client's output.
 *
 * A read asks the node for a moment at which the state holds everything that was acknowledged before; then it
 * is executed. Reads of one client are executed in their order. Keys expire by the log's clock alone, and
 * that may be behind the leader's, which came with the node's answer: where the difference decides, a tick is
 * proposed first, one for all reads that wait for one, and the read is looked at again once it is applied. It
 * needs no second moment: the state only moves forward.
 *
 * Reads that are long work leave the node its turns in between: it has heartbeats to send and to hear.
 *
 * With `reads stale` there is neither: a read is executed at once. But who subscribes waits for a moment even
 * then, so that nobody hears what was published before (docs/decisions/010-messages-are-entries.md). */
#include "server.h"

#define WORK_MAX (64u << 20) /* Of the reads of one turn, as fl__store_spend() counts it. */

static bool is_read(const struct fl__pending *p)
{
    return p->kind == FL__PENDING_READ || p->kind == FL__PENDING_READ_TRANSACTION ||
           p->kind == FL__PENDING_WATCH || p->kind == FL__PENDING_SUBSCRIBE;
}

/* Why nothing can be asked of the node; FL_OK if it can. */
static int find_obstacle(const struct fl_server *server)
{
    if (server->broken)
        return FL_EDAMAGED;
    return server->stopping || server->node == NULL ? FL_ESTOPPED : FL_OK;
}

static struct fl__pending *begin(struct fl__client *client, enum fl__pending_kind kind,
                                 const struct fl__command *command)
{
    struct fl__pending *p = fl__pending_begin(client, kind, command);
    if (p != NULL)
        return p;
    if (client->depth > 0) {
        fl__client_cut(client, "memory is short");
    } else {
        fl__error(&client->out, FL__CODE_BUSY, "too many commands are on their way; not done, safe to retry");
        fl__client_touch(client);
    }
    return NULL;
}

/* ------------------------------------------------------------------------------------------------- writes */

void fl__dispatch_propose(struct fl__pending *p, const void *data, size_t size)
{
    int result = find_obstacle(p->server);
    p->with_node = result == FL_OK;
    if (result == FL_OK)
        result = fl_node_propose(p->server->node, &p->request, data, size);
    if (result < 0) {
        p->with_node = false;
        fl__pending_fail(p, result);
    }
}

static void refuse_growth(struct fl__client *client, const struct fl__command *command)
{
    struct fl__pending *p = begin(client, FL__PENDING_TEXT, command);
    if (p == NULL)
        return;
    struct fl__reply *reply = fl__pending_reply(p);
    size_t before = reply != NULL ? reply->size : 0;
    fl__error(reply, FL__CODE_MEMORY_MAX, "command not allowed when used memory > 'maxmemory'.");
    if (reply != NULL)
        fl__stats_refused(client->server, command, fl__reply_since(reply, before));
    fl__pending_end(p);
}

void fl__dispatch_write(struct fl__client *client, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count)
{
    if ((command->flags & FL__DENYOOM) && fl__session_is_over_memory(client->server)) {
        refuse_growth(client, command);
        return;
    }
    struct fl__pending *p = begin(client, FL__PENDING_WRITE, command);
    if (p == NULL)
        return;
    if (!fl__pending_reserve(p, fl__payload_command_size(args, arg_count))) {
        fl__pending_fail(p, FL_ENOMEM);
        return;
    }
    fl__payload_command_write(p->data, args, arg_count);
    fl__dispatch_propose(p, p->data, p->size);
}

/* ------------------------------------------------------------------------------------------------- reads */

void fl__dispatch_ask(struct fl__pending *p)
{
    struct fl_server *server = p->server;
    int result = find_obstacle(server);
    if (result == FL_OK && server->options.reads == FL_READS_STALE && !p->subscribes) {
        p->confirmed = true;
        fl__dispatch_advance(p->client);
        return;
    }
    p->with_node = result == FL_OK;
    if (result == FL_OK)
        result = fl_node_read(server->node, &p->request);
    if (result < 0) {
        p->with_node = false;
        fl__pending_fail(p, result);
    }
}

/* False: it was not even begun. */
static bool read_keys(struct fl__client *client, enum fl__pending_kind kind,
                      const struct fl__command *command, const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__pending *p = begin(client, kind, command);
    if (p == NULL)
        return false;
    if (!fl__pending_reserve(p, fl__args_size(args, arg_count))) {
        fl__pending_fail(p, FL_ENOMEM);
        return true;
    }
    p->args = fl__args_pack(p->data, args, arg_count);
    p->arg_count = arg_count;
    fl__dispatch_ask(p);
    return true;
}

void fl__dispatch_read(struct fl__client *client, const struct fl__command *command,
                       const struct fl__bytes *args, uint32_t arg_count)
{
    bool is_keys = command->class == FL__CLASS_READ;
    (void)read_keys(client, is_keys ? FL__PENDING_READ : FL__PENDING_SUBSCRIBE, command, args, arg_count);
}

void fl__dispatch_watch(struct fl__client *client, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count)
{
    if (!read_keys(client, FL__PENDING_WATCH, command, args, arg_count))
        fl__watch_failed(client);
}

static bool needs_tick(const struct fl__pending *p)
{
    struct fl__store *store = p->server->store;
    if (p->server->options.reads == FL_READS_STALE || p->kind == FL__PENDING_SUBSCRIBE)
        return false;
    if (p->kind != FL__PENDING_READ_TRANSACTION)
        return fl__store_needs_tick(store, p->command, p->args, p->arg_count, p->request.time_us);
    return fl__store_transaction_needs_tick(store, (struct fl__bytes){p->data, p->size}, p->request.time_us);
}

static void execute_read(struct fl__pending *p)
{
    struct fl__store *store = p->server->store;
    struct fl__reply *reply = fl__pending_reply(p);
    uint64_t seed = p->server->read_seed += UINT64_C(0x9e3779b97f4a7c15); /* Another one for each read. */
    if (p->kind == FL__PENDING_READ) {
        fl__store_read(store, p->command, p->args, p->arg_count, seed, reply);
    } else if (p->kind == FL__PENDING_WATCH) {
        fl__watch_execute(p, reply);
    } else if (p->kind == FL__PENDING_SUBSCRIBE) {
        p->command->local(p->client, reply, p->args, p->arg_count);
    } else {
        struct fl__context context = {.seed = seed, .hole = fl__transaction_hole, .owner = p};
        fl__store_read_transaction(store, &context, (struct fl__bytes){p->data, p->size}, reply);
    }
    fl__pending_end(p);
}

static void wait_for_tick(struct fl__client *client)
{
    struct fl_server *server = client->server;
    fl__link_append(&server->ticking, &client->tick);
    server->tick_is_wanted = true;
    fl__server_kick(server);
}

void fl__dispatch_advance(struct fl__client *client)
{
    if (client == NULL)
        return;
    for (;;) {
        struct fl__pending *p = client->first;
        if (p == NULL || !is_read(p) || !p->confirmed || fl__client_is_full(client))
            return;
        if (client->server->work > WORK_MAX) {
            fl__client_resume_soon(client);
            return;
        }
        if (needs_tick(p)) {
            wait_for_tick(client);
            return;
        }
        struct fl_server *server = client->server;
        execute_read(p);
        server->work += fl__store_work(server->store);
    }
}

/* It was confirmed, but the log's clock never got there. */
static void expire_read(struct fl__pending *p)
{
    struct fl__client *client = p->client;
    fl__pending_fail(p, FL_EUNAVAILABLE);
    fl__dispatch_advance(client);
}

/* ------------------------------------------------------------------------------------------------- ticks */

void fl__dispatch_tick(struct fl_server *server)
{
    server->tick_is_wanted = false;
    if (server->tick_is_open || find_obstacle(server) != FL_OK)
        return;
    struct fl__bytes data = fl__payload_tick();
    /* A refusal is made good by the next round, which asks again while somebody waits. */
    server->tick_is_open = fl_node_propose(server->node, &server->tick, data.data, data.size) == FL_OK;
}

/* The log's clock moved: looks again at the reads that waited for that. */
static void advance_all(struct fl_server *server)
{
    struct fl__link waiting;
    fl__link_take_all(&server->ticking, &waiting);
    while (!fl__link_is_alone(&waiting)) {
        struct fl__client *client = fl__container(waiting.next, struct fl__client, tick);
        fl__link_remove(&client->tick);
        if (client->first != NULL && client->first->kind == FL__PENDING_WAIT)
            fl__link_append(&server->ticking, &client->tick);
        else
            fl__dispatch_advance(client);
    }
}

void fl__dispatch_round(struct fl_server *server)
{
    struct fl__link waiting;
    fl__link_take_all(&server->ticking, &waiting);
    while (!fl__link_is_alone(&waiting)) {
        struct fl__client *client = fl__container(waiting.next, struct fl__client, tick);
        struct fl__pending *p = client->first;
        fl__link_remove(&client->tick);
        if (p == NULL)
            continue;
        if (p->kind == FL__PENDING_WAIT)
            fl__wait_resume(client);
        else if (server->now >= p->deadline)
            expire_read(p);
        else
            wait_for_tick(client);
    }
}

/* ------------------------------------------------------------------------------------------------ answers */

static void break_server(struct fl_server *server, fl_index index)
{
    if (server->broken)
        return;
    server->broken = true;
    server->is_leader = false;
    server->publish_is_due = true;
    fl__server_log(
        server, FL_LOG_ERROR,
        "memory ran out while entry %llu was applied: this node takes no more commands; restart it with more "
        "memory (it still votes and keeps the log)",
        (unsigned long long)index);
}

static void apply_entry(struct fl_server *server, const struct fl_entry *entry, struct fl__pending *p,
                        struct fl__reply *reply)
{
    struct fl__context context = {
        .time_us = entry->time_us,
        .seed = entry->seed,
        .index = entry->index,
        .hole = fl__transaction_hole,
        .owner = p,
    };
    size_t before = reply != NULL ? reply->size : 0;
    int result =
        fl__store_apply(server->store, &context, (struct fl__bytes){entry->data, entry->size}, reply);
    if (result != FL_ENOMEM)
        return;
    break_server(server, entry->index);
    if (reply != NULL) {
        reply->size = before;
        reply->failed = false;
        fl__error(reply, FL__CODE_ANSWER_LOST,
                  "written, but its answer is lost: memory ran out; read from another node");
    }
}

void fl__dispatch_apply(void *context, const struct fl_entry *entry, struct fl_request *request)
{
    struct fl_server *server = context;
    server->applied_commands += entry->data != NULL;
    if (request == NULL || request == &server->tick) {
        apply_entry(server, entry, NULL, NULL);
        if (request != NULL) {
            server->tick_is_open = false;
            advance_all(server);
        }
        return;
    }
    struct fl__pending *p = request->owner;
    p->with_node = false;
    if (p->kind == FL__PENDING_PROBE) {
        apply_entry(server, entry, NULL, NULL);
        fl__reply_ok(fl__pending_reply(p));
    } else {
        apply_entry(server, entry, p, fl__pending_reply(p));
        if (p->client != NULL)
            p->client->last_write = entry->index;
    }
    fl__pending_end(p);
}

void fl__dispatch_answer(void *context, struct fl_request *request, int outcome)
{
    struct fl_server *server = context;
    if (request == &server->tick) {
        /* Who waits for it stays on the list; the next round asks again, or gives up. */
        server->tick_is_open = false;
        return;
    }
    struct fl__pending *p = request->owner;
    struct fl__client *client = p->client;
    p->with_node = false;
    if (p->kind == FL__PENDING_WAIT) {
        server->now = server->io->vtable->now(server->io);
        fl__wait_answered(p, outcome);
        return;
    }
    if (client == NULL || outcome != FL_OK)
        fl__pending_fail(p, outcome);
    else
        p->confirmed = true;
    /* A failed read may have stood before others that are confirmed. */
    fl__dispatch_advance(client);
}
