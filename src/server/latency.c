/* latency.c - LATENCY: how long commands took, from their counters.
 *
 * HISTOGRAM tells what stats.c counted. Redis' monitor of events (fork, a slow expire cycle, ...) watches
 * what its own process does between commands; none of these events exists here, so there are no samples. */
#include "server.h"

#include <stdio.h>

void fl__local_latency_doctor(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_verbatim(reply, "txt",
                       fl__bytes_of("There are no latency events in Fairlead. LATENCY HISTOGRAM tells how "
                                    "long each command took, SLOWLOG GET which calls took longest.\n"));
}

void fl__local_latency_graph(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)client;
    (void)arg_count;
    fl__reply_error_format(reply, "ERR No samples available for event '%.*s'",
                           (int)(args[2].size < 128 ? args[2].size : 128), args[2].data);
}

void fl__local_latency_history(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_array(reply, 0);
}

void fl__local_latency_latest(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    fl__local_latency_history(client, reply, args, arg_count);
}

void fl__local_latency_reset(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_integer(reply, 0);
}

/* ---------------------------------------------------------------------------------------------- HISTOGRAM */

/* A row with calls that took time; a command's name also means its subcommands. */
static bool is_chosen(const struct fl_server *server, uint32_t row, const struct fl__bytes *names,
                      uint32_t name_count)
{
    const char *name = fl__commands[row].name;
    uint64_t count = 0;
    for (uint32_t k = 0; k < FL__USAGE_POWERS; k++)
        count += server->usage[row].by_power[k];
    if (count == 0)
        return false;
    for (uint32_t k = 0; k < name_count; k++) {
        struct fl__bytes start = {name, __builtin_strcspn(name, "|")};
        if (fl__bytes_is(names[k], name))
            return true;
        if (names[k].size == start.size && name[start.size] == '|' &&
            fl__command_named(names[k]) == fl__command_named(start))
            return true;
    }
    return name_count == 0;
}

/* How many calls took at most so many microseconds, for each power of two up to the slowest. */
static void put_histogram(struct fl__reply *reply, const struct fl__usage *usage)
{
    uint32_t powers = 0;
    uint64_t count = 0;
    for (uint32_t k = 0; k < FL__USAGE_POWERS; k++) {
        count += usage->by_power[k];
        powers += usage->by_power[k] > 0;
    }
    fl__reply_map(reply, 2);
    fl__reply_text(reply, "calls");
    fl__reply_integer(reply, (int64_t)count);
    fl__reply_text(reply, "histogram_usec");
    fl__reply_map(reply, powers);
    count = 0;
    for (uint32_t k = 0; k < FL__USAGE_POWERS; k++) {
        count += usage->by_power[k];
        if (usage->by_power[k] == 0)
            continue;
        fl__reply_integer(reply, (int64_t)1 << k);
        fl__reply_integer(reply, (int64_t)count);
    }
}

void fl__local_latency_histogram(struct fl__client *client, struct fl__reply *reply,
                                 const struct fl__bytes *args, uint32_t arg_count)
{
    const struct fl_server *server = client->server;
    size_t count = 0;
    for (uint32_t row = 0; row < fl__command_count; row++)
        count += is_chosen(server, row, args + 2, arg_count - 2);
    fl__reply_map(reply, count);
    for (uint32_t row = 0; row < fl__command_count; row++) {
        if (!is_chosen(server, row, args + 2, arg_count - 2))
            continue;
        fl__reply_text(reply, fl__commands[row].name);
        put_histogram(reply, &server->usage[row]);
    }
}
