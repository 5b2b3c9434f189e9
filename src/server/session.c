/* session.c - what a parsed call may do now.
 *
 * A connection's commands work as if each was executed before the next one was looked at; and yet they
 * overlap where nobody can tell: consecutive writes are in the log's hands together, in order, and so are
 * consecutive reads. What starts when:
 *
 *     the call                     starts while on their way are
 *     a read                       nothing, or reads only
 *     a write                      nothing, or writes only; nothing, if it makes a value much longer
 *     WATCH                        as a read
 *     SUBSCRIBE and its like       nothing, or their like
 *     MULTI, QUIT                  any; they concern the connection, and their replies wait for their turn.
 *                                  Of a client that listens, or is about to: nothing. Never beside a
 *                                  WAIT, or a transaction whose local commands are yet to be run
 *     a call within MULTI          any; it is queued
 *     DISCARD, RESET               the same; and not beside WATCH, which would note keys for them to
 *                                  forget
 *     EXEC                         as a write, or as a read if its commands all read; nothing, if one of
 *                                  them may make a value longer; but never beside the WATCH on whose
 *                                  answer it depends
 *     all others, and errors       nothing
 *
 * A call that may not start stalls its client: it is asked again when something was answered. So does a call
 * that CLIENT PAUSE holds back, until the pause ends. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

bool fl__session_may_start(const struct fl__client *client, enum fl__flight flight)
{
    return client->flight == FL__FLIGHT_NONE || (client->flight == flight && flight != FL__FLIGHT_ALONE);
}

bool fl__session_is_over_memory(const struct fl_server *server)
{
    return server->options.memory_max > 0 && fl__store_memory(server->store) > server->options.memory_max;
}

void fl__session_reset(struct fl__client *client)
{
    fl__transaction_drop(client);
    fl__pubsub_leave(client);
    client->protocol = 2;
    if (client->authenticated)
        client->anonymous_since = client->server->now;
    client->authenticated = client->server->password[0] == '\0';
    client->parser.restricted = !client->authenticated;
    client->reply_off = client->reply_skip = client->reply_skip_next = false;
    client->no_evict = client->no_touch = client->readonly = false;
    free(client->name);
    client->name = NULL;
}

/* In constant time for a given length of what was tried, so that the time tells nothing about the
 * password. */
static bool is_password(const struct fl_server *server, struct fl__bytes tried)
{
    size_t size = strlen(server->password);
    unsigned char difference = size != tried.size;
    for (size_t k = 0; k < tried.size; k++)
        difference |= (unsigned char)(tried.data[k] ^ server->password[size > 0 ? k % size : 0]);
    return difference == 0;
}

bool fl__session_login(struct fl__client *client, struct fl__bytes user, struct fl__bytes password)
{
    const struct fl_server *server = client->server;
    /* Without a password the default user gets in with any, as in Redis. */
    if (!fl__bytes_equal(user, fl__bytes_of("default")) ||
        (server->password[0] != '\0' && !is_password(server, password)))
        return false;
    client->authenticated = true;
    client->parser.restricted = false;
    return true;
}

/* ----------------------------------------------------------------------------------------------- refusing */

/* Browsers can be made to send requests to our port; a line of theirs ends the connection, as in Redis. */
static bool is_http(struct fl__bytes name)
{
    return fl__bytes_is(name, "post") || fl__bytes_is(name, "host:");
}

static void after_reply(struct fl__client *client)
{
    if (client->out.failed)
        fl__client_cut(client, "replies that it did not read exceed client-output-max");
    else
        fl__client_touch(client);
}

static bool is_silent(const struct fl__client *client)
{
    return client->reply_off || client->reply_skip;
}

/* EXEC can only have too many arguments, or be called by who listens; and it ends the transaction. */
static void complain(struct fl__client *client, const struct fl__bytes *args, uint32_t arg_count,
                     bool is_exec)
{
    const char *prefix = is_exec ? "EXECABORT Transaction discarded because of:" : "ERR";
    const struct fl__command *command = fl__command_find(args, arg_count, is_exec ? NULL : &client->out);
    if (command == NULL && is_exec)
        fl__reply_error_format(&client->out, "%s wrong number of arguments for 'exec' command", prefix);
    else if (command != NULL && !client->authenticated)
        fl__reply_error(&client->out, "NOAUTH Authentication required.");
    else if (command != NULL)
        fl__reply_error_format(
            &client->out,
            "%s Can't execute '%s': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / "
            "RESET are allowed in this context",
            prefix, command->name);
}

static bool refuse_call(struct fl__client *client, const struct fl__bytes *args, uint32_t arg_count)
{
    if (client->depth > 0)
        return false;
    if (is_http(args[0])) {
        fl__client_cut(client, "it speaks HTTP to the Redis port");
        return true;
    }
    client->out.protocol = client->protocol;
    size_t before = client->out.size;
    bool is_exec = client->authenticated && fl__bytes_is(args[0], "exec");
    complain(client, args, arg_count, is_exec);
    fl__stats_refused(client->server, fl__command_named(args[0]), fl__reply_since(&client->out, before));
    if (is_silent(client))
        client->out.size = before;
    if (is_exec)
        fl__transaction_drop(client);
    else
        fl__transaction_abort(client);
    if (arg_count > 1 && fl__bytes_is(args[0], "watch"))
        fl__watch_failed(client);
    after_reply(client);
    return true;
}

/* ----------------------------------------------------------------------------------------------- starting */

typedef void run_fn(struct fl__client *client, const struct fl__command *command,
                    const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply);

static void run_local(struct fl__client *client, const struct fl__command *command,
                      const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply)
{
    command->local(client, reply, args, arg_count);
}

/* A call that was answered here and now; its reply is empty if that comes later. */
static void count(struct fl__client *client, const struct fl__command *command, const struct fl__bytes *args,
                  uint32_t arg_count, struct fl__bytes reply)
{
    struct fl_server *server = client->server;
    if (client->deferred || client->multi != NULL)
        return;
    fl__stats_done(server, command, 0, reply);
    if (!client->is_closed && !(command->flags & FL__SKIP_SLOWLOG) && fl__slowlog_wants(server, 0))
        fl__slowlog_add(client, command, args, arg_count, 0);
}

/* Runs what is answered here and now, while calls before it are still on their way: its reply waits for its
 * turn. */
static bool run_behind(struct fl__client *client, run_fn *run, const struct fl__command *command,
                       const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__pending *p = fl__pending_begin(client, FL__PENDING_TEXT, command);
    if (p == NULL)
        return false;
    fl__reply_init(&p->reply, p->protocol, client->out.size_max);
    client->deferred = false;
    run(client, command, args, arg_count, &p->reply);
    count(client, command, args, arg_count, fl__reply_since(&p->reply, 0));
    /* The first call may have been answered at once, and p may be the first in the queue now; that is no
     * matter, because a kept reply goes out in its turn. */
    p->silent = is_silent(client);
    fl__pending_end(p);
    return true;
}

/* Runs what is answered here and now. Whether anybody hears of it is looked at afterwards: CLIENT REPLY may
 * change it. */
static bool run_now(struct fl__client *client, run_fn *run, const struct fl__command *command,
                    const struct fl__bytes *args, uint32_t arg_count)
{
    if (client->depth > 0)
        return run_behind(client, run, command, args, arg_count);
    size_t before = client->out.size;
    client->out.protocol = client->protocol;
    client->deferred = false;
    run(client, command, args, arg_count, &client->out);
    count(client, command, args, arg_count, fl__reply_since(&client->out, before));
    if (is_silent(client) && !client->deferred && !client->out.failed)
        client->out.size = before;
    after_reply(client);
    return true;
}

static bool start_transaction_command(struct fl__client *client, const struct fl__command *command,
                                      const struct fl__bytes *args, uint32_t arg_count)
{
    enum fl__flight flight = FL__FLIGHT_NONE;
    if (command->local == fl__local_watch && client->multi == NULL) {
        if (!fl__session_may_start(client, FL__FLIGHT_READS))
            return false;
        fl__dispatch_watch(client, command, args, arg_count);
        return true;
    }
    if (client->depth > 0 && (client->subscriber != NULL || client->flight == FL__FLIGHT_SUBSCRIBES ||
                              client->flight == FL__FLIGHT_ALONE))
        return false;
    if (client->watched.open > 0 && command->local != fl__local_multi && command->local != fl__local_quit)
        return false;
    if (command->local == fl__local_exec)
        flight = fl__transaction_flight(client);
    if (flight != FL__FLIGHT_NONE && !fl__session_may_start(client, flight))
        return false;
    return run_now(client, run_local, command, args, arg_count);
}

/* Whether a write is better seen applied before the next one is measured against maxmemory. */
static bool has_to_wait(const struct fl__client *client, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count)
{
    return client->depth > 0 && fl__store_stretches(client->server->store, command, args, arg_count);
}

static bool start(struct fl__client *client, const struct fl__command *command, const struct fl__bytes *args,
                  uint32_t arg_count)
{
    if (fl__role_redirects(client, command, arg_count))
        return run_now(client, fl__role_redirect, command, args, arg_count);
    if (client->multi != NULL && command->class != FL__CLASS_TRANSACTION)
        return run_now(client, fl__transaction_queue, command, args, arg_count);
    switch (command->class) {
    case FL__CLASS_READ:
        if (!fl__session_may_start(client, FL__FLIGHT_READS))
            return false;
        fl__dispatch_read(client, command, args, arg_count);
        return true;
    case FL__CLASS_WRITE:
        if (!fl__session_may_start(client, FL__FLIGHT_WRITES) ||
            has_to_wait(client, command, args, arg_count))
            return false;
        fl__dispatch_write(client, command, args, arg_count);
        return true;
    case FL__CLASS_SUBSCRIBE:
        if (!fl__session_may_start(client, FL__FLIGHT_SUBSCRIBES))
            return false;
        fl__dispatch_read(client, command, args, arg_count);
        return true;
    case FL__CLASS_TRANSACTION:
        return start_transaction_command(client, command, args, arg_count);
    case FL__CLASS_LOCAL:
    case FL__CLASS_WAIT:
        return client->depth == 0 && run_now(client, run_local, command, args, arg_count);
    }
    return false;
}

bool fl__session_call(struct fl__client *client, const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl_server *server = client->server;
    if (client->depth >= FL__PIPELINE_MAX || (client->depth > 0 && server->pending_count >= FL__PENDING_MAX))
        return false;
    const struct fl__command *command = fl__command_find(args, arg_count, NULL);
    bool may_run = command != NULL && (client->authenticated || (command->flags & FL__NO_AUTH)) &&
                   fl__pubsub_allows(client, command);
    if (may_run && fl__pause_holds(client, command))
        return false;
    if (may_run ? !start(client, command, args, arg_count) : !refuse_call(client, args, arg_count))
        return false;
    if (may_run) {
        client->last_command = command;
        fl__stats_taken(server, command);
    }
    client->reply_skip = client->reply_skip_next;
    client->reply_skip_next = false;
    return true;
}
