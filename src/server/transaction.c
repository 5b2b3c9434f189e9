/* transaction.c - MULTI, EXEC, DISCARD.
 *
 * Between MULTI and EXEC commands are checked and put into an entry as they come; EXEC proposes that entry,
 * and it is applied as a whole. Commands about the connection or the node have no place in a log: they stay
 * here, as holes of the entry, and are run when its answer is computed. A transaction that only reads needs
 * no entry: it is served as one read. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

/* Of one transaction. Nothing comes in between when they are run, and some tell much. */
#define HOLES_MAX 4096

/* A local command queued in a transaction. */
struct fl__hole {
    struct fl__hole *next;
    const struct fl__command *command;
    uint32_t arg_count;
    struct fl__bytes args[]; /* And their bytes. */
};

/* A transaction from MULTI on. */
struct fl__multi {
    struct fl__transaction transaction;
    struct fl__hole *holes, *last_hole;
    size_t holes_size;
    bool subscribes; /* A hole is of FL__CLASS_SUBSCRIBE, and waits for a moment as a read does. */
    bool aborted;    /* A command was refused: EXEC will be, too. */
};

void fl__holes_release(struct fl__hole *hole)
{
    while (hole != NULL) {
        struct fl__hole *next = hole->next;
        free(hole);
        hole = next;
    }
}

void fl__transaction_drop(struct fl__client *client)
{
    struct fl__multi *multi = client->multi;
    fl__watch_drop(client);
    if (multi == NULL)
        return;
    fl__transaction_release(&multi->transaction);
    fl__holes_release(multi->holes);
    free(multi);
    client->multi = NULL;
}

void fl__transaction_abort(struct fl__client *client)
{
    if (client->multi != NULL)
        client->multi->aborted = true;
}

size_t fl__transaction_memory(const struct fl__client *client)
{
    const struct fl__multi *multi = client->multi;
    return client->watched.capacity +
           (multi != NULL ? sizeof *multi + multi->transaction.capacity + multi->holes_size : 0);
}

int fl__transaction_count(const struct fl__client *client)
{
    return client->multi != NULL ? (int)client->multi->transaction.count : -1;
}

/* ----------------------------------------------------------------------------------------------- queueing */

static int add_hole(struct fl__multi *multi, const struct fl__command *command, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    size_t size = sizeof(struct fl__hole) + fl__args_size(args, arg_count);
    if (multi->holes_size + size > FL__TRANSACTION_SIZE_MAX || multi->transaction.holes == HOLES_MAX)
        return FL_ETOOBIG;
    struct fl__hole *hole = malloc(size);
    if (hole == NULL)
        return FL_ENOMEM;
    int result = fl__transaction_add(&multi->transaction, command, args, arg_count);
    if (result < 0) {
        free(hole);
        return result;
    }
    hole->next = NULL;
    hole->command = command;
    hole->arg_count = arg_count;
    fl__args_pack(hole->args, args, arg_count);
    if (multi->last_hole != NULL)
        multi->last_hole->next = hole;
    else
        multi->holes = hole;
    multi->last_hole = hole;
    multi->holes_size += size;
    multi->subscribes |= command->class == FL__CLASS_SUBSCRIBE;
    return FL_OK;
}

void fl__transaction_queue(struct fl__client *client, const struct fl__command *command,
                           const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply)
{
    struct fl__multi *multi = client->multi;
    if ((command->flags & FL__DENYOOM) && fl__session_is_over_memory(client->server)) {
        fl__error(reply, FL__CODE_MEMORY_MAX, "command not allowed when used memory > 'maxmemory'.");
        multi->aborted = true;
        return;
    }
    int result;
    if (multi->aborted)
        result = FL_OK; /* Nobody will need it. */
    else if (command->class == FL__CLASS_READ || command->class == FL__CLASS_WRITE)
        result = fl__transaction_add(&multi->transaction, command, args, arg_count);
    else
        result = add_hole(multi, command, args, arg_count);
    if (result == FL_OK) {
        fl__reply_status(reply, "QUEUED");
        return;
    }
    multi->aborted = true;
    if (result == FL_ETOOBIG)
        fl__error(reply, FL__CODE_TRANSACTION_TOO_BIG,
                  "the transaction is larger than %u MiB or %u commands, or %u of them are not about keys; "
                  "EXEC will discard it",
                  FL__TRANSACTION_SIZE_MAX >> 20, (unsigned)FL__ARGS_MAX, (unsigned)HOLES_MAX);
    else
        fl__error_outcome(reply, client->server, result, true);
}

/* ----------------------------------------------------------------------------------------------- commands */

void fl__local_multi(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                     uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    if (client->multi != NULL) {
        fl__reply_error(reply, "ERR MULTI calls can not be nested");
        return;
    }
    client->multi = calloc(1, sizeof *client->multi);
    if (client->multi == NULL) {
        /* Commands behind it would be executed one by one: none of them is taken. */
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated; the connection is closed");
        fl__client_finish(client);
        return;
    }
    fl__transaction_init(&client->multi->transaction);
    fl__reply_ok(reply);
}

void fl__local_discard(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                       uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    if (client->multi == NULL) {
        fl__reply_error(reply, "ERR DISCARD without MULTI");
        return;
    }
    fl__transaction_drop(client);
    fl__reply_ok(reply);
}

bool fl__transaction_has_write(const struct fl__client *client)
{
    return client->multi != NULL && client->multi->transaction.has_write;
}

static bool is_refused_by_memory(const struct fl__client *client)
{
    return client->multi->transaction.may_grow && fl__session_is_over_memory(client->server);
}

static bool is_refused(const struct fl__client *client)
{
    return client->multi->aborted || client->watched.failed;
}

/* Neither the keyspace nor what was watched has a say in it. */
static bool is_about_nothing(const struct fl__client *client)
{
    const struct fl__transaction *transaction = &client->multi->transaction;
    return transaction->count == transaction->holes && client->watched.count == 0 &&
           !client->multi->subscribes;
}

enum fl__flight fl__transaction_flight(const struct fl__client *client)
{
    const struct fl__multi *multi = client->multi;
    if (multi == NULL || is_refused(client) || is_refused_by_memory(client) ||
        (is_about_nothing(client) && multi->holes == NULL))
        return FL__FLIGHT_NONE;
    if (multi->holes != NULL || multi->transaction.stretches)
        return FL__FLIGHT_ALONE;
    return multi->transaction.has_write ? FL__FLIGHT_WRITES : FL__FLIGHT_READS;
}

static void run_hole(struct fl__client *client, const struct fl__hole *hole, struct fl__reply *reply)
{
    if (reply->failed) /* The client is about to be disconnected. */
        return;
    client->in_exec = true;
    hole->command->local(client, reply, hole->args, hole->arg_count);
    client->in_exec = false;
}

void fl__transaction_hole(void *context, uint32_t k, struct fl__reply *reply)
{
    struct fl__pending *p = context;
    struct fl__hole *hole = p->holes;
    (void)k; /* They are asked for in order, each once. */
    fl_assert(hole != NULL && p->client != NULL);
    run_hole(p->client, hole, reply);
    p->holes = hole->next;
    free(hole);
}

/* Nothing but local commands: there is nobody to ask. */
static void answer_here(struct fl__client *client, struct fl__reply *reply)
{
    struct fl__hole *holes = client->multi->holes;
    client->multi->holes = NULL;
    fl__reply_array(reply, client->multi->transaction.count);
    for (const struct fl__hole *hole = holes; hole != NULL; hole = hole->next)
        run_hole(client, hole, reply);
    fl__holes_release(holes);
}

/* False: an error was replied. */
static bool guard(struct fl__client *client, struct fl__reply *reply)
{
    const struct fl__watched *watched = &client->watched;
    if (watched->count == 0)
        return true;
    int result = fl__transaction_guard(
        &client->multi->transaction, (struct fl__bytes){watched->conditions, watched->size}, watched->count);
    if (result == FL_ETOOBIG)
        fl__error(reply, FL__CODE_TRANSACTION_TOO_BIG,
                  "the transaction and the keys watched for it are larger than %u MiB; not done",
                  FL__TRANSACTION_SIZE_MAX >> 20);
    else if (result != FL_OK)
        fl__error_outcome(reply, client->server, result, true);
    return result == FL_OK;
}

static void send_off(struct fl__client *client, struct fl__reply *reply)
{
    const struct fl__command *exec = fl__command_named(fl__bytes_of("exec"));
    struct fl__multi *multi = client->multi;
    bool has_write = multi->transaction.has_write;
    if (!guard(client, reply))
        return;
    struct fl__pending *p =
        fl__pending_begin(client, has_write ? FL__PENDING_WRITE : FL__PENDING_READ_TRANSACTION, exec);
    if (p == NULL) {
        fl__error(reply, FL__CODE_BUSY, "too many commands are on their way; not done, safe to retry");
        return;
    }
    client->deferred = true;
    p->holes = multi->holes;
    p->subscribes = multi->subscribes;
    if (p->holes != NULL)
        client->flight = p->subscribes ? FL__FLIGHT_SUBSCRIBES : FL__FLIGHT_ALONE;
    fl__pending_adopt(p, multi->transaction.data, multi->transaction.size);
    multi->holes = NULL;
    multi->transaction.data = NULL;
    multi->transaction.size = multi->transaction.capacity = 0;
    if (has_write)
        fl__dispatch_propose(p, p->data, p->size);
    else
        fl__dispatch_ask(p);
}

void fl__local_exec(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    if (client->multi == NULL) {
        fl__reply_error(reply, "ERR EXEC without MULTI");
        return;
    }
    if (is_refused(client))
        fl__reply_error(reply, "EXECABORT Transaction discarded because of previous errors.");
    else if (is_refused_by_memory(client))
        fl__reply_error(
            reply, "EXECABORT Transaction discarded because of: OOM command not allowed when used memory "
                   "> 'maxmemory'.");
    else if (is_about_nothing(client))
        answer_here(client, reply);
    else
        send_off(client, reply);
    fl__transaction_drop(client);
}
