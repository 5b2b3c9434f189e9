/* look.c - FAIRLEAD: what the command line asks a node, over the Redis port.
 *
 *   STATUS            one JSON object: see status.c
 *   LOG [first [last]]  entries of this node's log as they are, committed or not: an array, for each entry
 *                     [index, term, kind, committed, durable, text]
 *   HASH              [index, hash]: equal on all nodes that have applied up to the same index
 *   EVENTS            what the node lived through: see events.c
 *   VIEW              the node as a picture of the cluster shows it: see view.c
 *   PROBE             +OK once an entry that changes nothing is committed and applied here
 *   CAMPAIGN          +OK if this node stands for election now
 *
 * All but the last two tell about this node alone and need neither leader nor quorum. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>

#define LINES_MAX 1000   /* That one LOG shows. */
#define LINES_DEFAULT 20 /* The last ones, if none are named. */
#define TEXT_SIZE 256

static void refuse_in_transaction(struct fl__reply *reply, const char *name)
{
    fl__error(reply, FL__CODE_NOT_IN_TRANSACTION, "FAIRLEAD %s cannot be part of a transaction", name);
}

void fl__local_fairlead_status(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__snapshot snapshot;
    (void)args;
    (void)arg_count;
    fl__snapshot_take(client->server, &snapshot);
    char *json = fl__snapshot_json(&snapshot);
    if (json != NULL)
        fl__reply_text(reply, json);
    else
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
    free(json);
}

void fl__local_fairlead_hash(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    const struct fl__store *store = client->server->store;
    char text[17];
    (void)args;
    (void)arg_count;
    snprintf(text, sizeof text, "%016llx", (unsigned long long)fl__store_hash(store));
    fl__reply_array(reply, 2);
    fl__reply_integer(reply, (int64_t)fl__store_index(store));
    fl__reply_text(reply, text);
}

void fl__local_fairlead_probe(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__bytes data = fl__payload_tick();
    (void)args;
    (void)arg_count;
    if (client->in_exec) {
        refuse_in_transaction(reply, "PROBE");
        return;
    }
    struct fl__pending *p = fl__pending_begin(client, FL__PENDING_PROBE, NULL);
    if (p == NULL) {
        fl__error(reply, FL__CODE_BUSY, "too many commands are on their way; not done, safe to retry");
        return;
    }
    client->deferred = true;
    fl__dispatch_propose(p, data.data, data.size);
}

void fl__local_fairlead_campaign(struct fl__client *client, struct fl__reply *reply,
                                 const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl_server *server = client->server;
    (void)args;
    (void)arg_count;
    if (client->in_exec) {
        refuse_in_transaction(reply, "CAMPAIGN");
        return;
    }
    int result = server->stopping ? FL_ESTOPPED : fl_node_campaign(server->node);
    if (result == FL_OK)
        fl__reply_ok(reply);
    else if (result == FL_EINVAL)
        fl__reply_error_format(reply, "ERR %s leads already", server->name);
    else if (result == FL_EREFUSED)
        fl__reply_error_format(reply,
                               "ERR %s may not stand for election: no voter, not founded, or slow to write",
                               server->name);
    else
        fl__error_outcome(reply, server, result, false);
}

/* ------------------------------------------------------------------------------------------------- LOG */

static const char *kind_text(enum fl_entry_kind kind)
{
    switch (kind) {
    case FL_ENTRY_COMMAND:
        return "command";
    case FL_ENTRY_NOOP:
        return "noop";
    case FL_ENTRY_CONFIGURATION:
        return "configuration";
    }
    return "unknown";
}

/* Each line is kept until all are there: how many there will be is not known before. */
static void on_line(void *context, const struct fl_log_line *line)
{
    struct fl__pending *p = context;
    char text[TEXT_SIZE] = "";
    if (line->kind == FL_ENTRY_COMMAND)
        fl__payload_describe((struct fl__bytes){line->data, line->size}, text, sizeof text);
    fl__reply_array(&p->reply, 6);
    fl__reply_integer(&p->reply, (int64_t)line->index);
    fl__reply_integer(&p->reply, (int64_t)line->term);
    fl__reply_text(&p->reply, kind_text(line->kind));
    fl__reply_integer(&p->reply, line->committed);
    fl__reply_integer(&p->reply, line->durable);
    fl__reply_text(&p->reply, text);
    p->count++;
}

static void on_lines_done(void *context, int result)
{
    struct fl__pending *p = context;
    struct fl__reply lines = p->reply;
    p->with_node = false;
    p->reply = (struct fl__reply){.data = NULL};
    if (result < 0) {
        fl__error(fl__pending_reply(p), FL__CODE_IO, "the log cannot be read: %s", fl_error_text(result));
    } else if (lines.failed) {
        fl__error(fl__pending_reply(p), FL__CODE_NO_MEMORY, "memory could not be allocated");
    } else {
        struct fl__reply *reply = fl__pending_reply(p);
        fl__reply_array(reply, p->count);
        fl__reply_raw(reply, (struct fl__bytes){lines.data, lines.size});
    }
    free(lines.data);
    fl__pending_end(p);
}

/* The range asked for, as far as it exists; false: an error was replied. An empty one has first above
 * last. */
static bool parse_range(struct fl_server *server, const struct fl__bytes *args, uint32_t arg_count,
                        struct fl__reply *reply, fl_index *first, fl_index *last)
{
    struct fl_node_status status;
    int64_t from, to;
    fl_node_status(server->node, &status);
    from = status.last > LINES_DEFAULT ? (int64_t)status.last - LINES_DEFAULT + 1 : 1;
    to = (int64_t)status.last;
    if (arg_count > 4) {
        fl__reply_error(reply, "ERR wrong number of arguments for 'fairlead|log' command");
        return false;
    }
    if ((arg_count > 2 && !fl__number_parse(args[2], &from)) ||
        (arg_count > 3 && !fl__number_parse(args[3], &to))) {
        fl__reply_error(reply, "ERR value is not an integer or out of range");
        return false;
    }
    from = from < 1 ? 1 : from;
    to = to > (int64_t)status.last ? (int64_t)status.last : to;
    if (to >= from && to - from >= LINES_MAX)
        to = from + LINES_MAX - 1;
    *first = (fl_index)from;
    *last = to < 0 ? 0 : (fl_index)to;
    return true;
}

void fl__local_fairlead_log(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    struct fl_server *server = client->server;
    fl_index first, last;
    if (client->in_exec) {
        refuse_in_transaction(reply, "LOG");
        return;
    }
    if (server->stopping) {
        fl__error_outcome(reply, server, FL_ESTOPPED, false);
        return;
    }
    if (!parse_range(server, args, arg_count, reply, &first, &last))
        return;
    if (first > last) {
        fl__reply_array(reply, 0);
        return;
    }
    struct fl__pending *p = fl__pending_begin(client, FL__PENDING_LOG, NULL);
    if (p == NULL) {
        fl__error(reply, FL__CODE_BUSY, "too many commands are on their way; try again later");
        return;
    }
    client->deferred = true;
    fl__reply_init(&p->reply, p->protocol, client->out.size_max);
    p->with_node = true;
    int result = fl_node_log(server->node, first, last, on_line, on_lines_done, p);
    if (result < 0)
        on_lines_done(p, result);
}
