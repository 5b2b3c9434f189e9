/* watch.c - WATCH, UNWATCH: what a client's next EXEC depends on.
 *
 * WATCH is a read of its keys' revisions, which are noted here, with the connection. EXEC puts what was noted
 * into the entry, as conditions; whether they hold is decided where the entry stands in the log, on each node
 * alike. So nothing about a watching client is in the log or on other nodes, and a client that vanishes
 * leaves nothing behind.
 *
 * A key watched twice makes two conditions; if it changed in between they contradict each other, and EXEC
 * fails, as it must. A WATCH that was not answered with OK has noted nothing, or not all; so the EXEC behind
 * it is refused. See docs/decisions/011. */
#include "server.h"

#include <stdlib.h>

#define COUNT_MAX 65536      /* Keys that one client watches. */
#define BYTES_MAX (4u << 20) /* Bytes of their conditions. */
#define CAPACITY_MIN 128

void fl__watch_drop(struct fl__client *client)
{
    uint32_t open = client->watched.open;
    free(client->watched.conditions);
    client->watched = (struct fl__watched){.open = open};
}

void fl__watch_failed(struct fl__client *client)
{
    client->watched.failed = true;
}

/* Room for so many more bytes; false: memory is short. */
static bool reserve(struct fl__watched *watched, size_t size)
{
    if (watched->capacity - watched->size >= size)
        return true;
    size_t capacity = 2 * watched->capacity + size + CAPACITY_MIN;
    char *conditions = realloc(watched->conditions, capacity);
    if (conditions == NULL)
        return false;
    watched->conditions = conditions;
    watched->capacity = capacity;
    return true;
}

/* Notes the keys of one call, all or none. */
static int note_keys(struct fl__watched *watched, const struct fl__store *store, const struct fl__bytes *keys,
                     uint32_t key_count)
{
    size_t size = 0;
    for (uint32_t k = 0; k < key_count; k++)
        size += fl__payload_condition_size(keys[k]);
    if (key_count > COUNT_MAX - watched->count || size > BYTES_MAX - watched->size)
        return FL_ETOOBIG;
    if (!reserve(watched, size))
        return FL_ENOMEM;
    for (uint32_t k = 0; k < key_count; k++) {
        fl__payload_condition_write(watched->conditions + watched->size, keys[k],
                                    fl__store_revision(store, keys[k]));
        watched->size += fl__payload_condition_size(keys[k]);
    }
    watched->count += key_count;
    return FL_OK;
}

void fl__watch_execute(struct fl__pending *p, struct fl__reply *reply)
{
    struct fl__client *client = p->client;
    int result = p->server->broken
                     ? FL_EDAMAGED
                     : note_keys(&client->watched, p->server->store, p->args + 1, p->arg_count - 1);
    if (result == FL_OK) {
        fl__reply_ok(reply);
        return;
    }
    client->watched.failed = true;
    if (result == FL_ETOOBIG)
        fl__error(reply, FL__CODE_TRANSACTION_TOO_BIG,
                  "more than %u keys, or %u MiB of them, are watched; EXEC will be refused until UNWATCH",
                  (unsigned)COUNT_MAX, (unsigned)(BYTES_MAX >> 20));
    else
        fl__error_outcome(reply, p->server, result, false);
}

/* Outside of a transaction fl__dispatch_watch() does it. */
void fl__local_watch(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                     uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_error(reply, "ERR WATCH inside MULTI is not allowed");
}

/* Queued in a transaction it finds nothing to forget: EXEC already did. */
void fl__local_unwatch(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                       uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    if (!client->in_exec)
        fl__watch_drop(client);
    fl__reply_ok(reply);
}
