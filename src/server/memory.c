/* memory.c - MEMORY, but for MEMORY USAGE, which is about a key: what this node's keys and clients take, as
 * far as it is counted here. What Redis tells of its allocator has no counterpart, and is left out. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>

static void put_number(struct fl__reply *reply, const char *name, uint64_t value)
{
    fl__reply_text(reply, name);
    fl__reply_integer(reply, (int64_t)value);
}

void fl__local_memory_stats(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)args, (void)arg_count;
    const struct fl_server *server = client->server;
    struct fl_server_counts counts;
    fl_server_counts(server, &counts);
    fl__reply_map(reply, 5);
    put_number(reply, "total.allocated", counts.memory + server->clients_memory);
    put_number(reply, "clients.normal", server->clients_memory);
    put_number(reply, "keys.count", counts.keys);
    put_number(reply, "keys.bytes-per-key", counts.keys == 0 ? 0 : counts.memory / counts.keys);
    put_number(reply, "dataset.bytes", counts.memory);
}

void fl__local_memory_doctor(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)args, (void)arg_count;
    const struct fl_server *server = client->server;
    uint64_t memory = fl__store_memory(server->store), memory_max = server->options.memory_max;
    char text[256];
    int size;
    if (memory_max == 0)
        size =
            snprintf(text, sizeof text,
                     "Keys take %" PRIu64 " bytes, and maxmemory sets no limit: set one below this machine's "
                     "memory.\n",
                     memory);
    else
        size = snprintf(
            text, sizeof text, "Keys take %" PRIu64 " bytes of the %" PRIu64 " that maxmemory allows: %s\n",
            memory, memory_max,
            memory > memory_max ? "writes that may add to them are refused. Delete keys, or raise it."
                                : "nothing is wrong with that.");
    fl__reply_verbatim(reply, "txt", (struct fl__bytes){text, (size_t)size});
}

void fl__local_memory_malloc_stats(struct fl__client *client, struct fl__reply *reply,
                                   const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client, (void)args, (void)arg_count;
    fl__reply_text(reply, "Stats not supported for the current allocator");
}

/* The allocator gives memory back by itself. */
void fl__local_memory_purge(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)client, (void)args, (void)arg_count;
    fl__reply_ok(reply);
}
