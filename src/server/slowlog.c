/* slowlog.c - SLOWLOG: the calls that took long, the newest first.
 *
 * A ring of entries, as many as slowlog-max-len says; each keeps a call's first arguments, cut to a size, in
 * one allocation. Without memory for one it is not logged. What a password may stand in is not shown. How
 * long a call took is said in stats.c. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARGS_MAX 32
#define ARG_SIZE_MAX 128
#define NAME_SHOWN_MAX 128
#define DEFAULT_COUNT 10

struct fl__slow {
    struct fl__slow *older;
    uint64_t id, time_s, duration_us;
    char address[FL_ADDRESS_MAX];
    char name[NAME_SHOWN_MAX];
    uint32_t arg_count;
    struct fl__bytes args[]; /* And their bytes. */
};

/* ------------------------------------------------------------------------------------------- what is kept */

static bool is_secret(const struct fl__command *command, const struct fl__bytes *args, uint32_t k)
{
    if (command->local == fl__local_auth)
        return k > 0;
    if (command->local == fl__local_hello)
        return k > 1;
    return command->local == fl__local_config_set && k > 2 &&
           (fl__bytes_is(args[k - 1], "requirepass") || fl__bytes_is(args[k - 1], "masterauth") ||
            fl__bytes_is(args[k - 1], "tls-key-file-pass") ||
            fl__bytes_is(args[k - 1], "tls-client-key-file-pass"));
}

/* An argument as it is kept; a note in `room` stands for what does not fit. */
static struct fl__bytes shorten(struct fl__bytes arg, char room[ARG_SIZE_MAX + 40])
{
    if (arg.size <= ARG_SIZE_MAX)
        return arg;
    memcpy(room, arg.data, ARG_SIZE_MAX);
    int size = snprintf(room + ARG_SIZE_MAX, 40, "... (%zu more bytes)", arg.size - ARG_SIZE_MAX);
    return (struct fl__bytes){room, ARG_SIZE_MAX + (size_t)size};
}

static struct fl__slow *create(const struct fl__command *command, const struct fl__bytes *args,
                               uint32_t arg_count)
{
    char rooms[ARGS_MAX][ARG_SIZE_MAX + 40];
    struct fl__bytes kept[ARGS_MAX];
    uint32_t count = arg_count < ARGS_MAX ? arg_count : ARGS_MAX;
    for (uint32_t k = 0; k < count; k++)
        kept[k] = is_secret(command, args, k) ? fl__bytes_of("(redacted)") : shorten(args[k], rooms[k]);
    if (count < arg_count) {
        int size = snprintf(rooms[count - 1], sizeof rooms[0], "... (%u more arguments)",
                            (unsigned)(arg_count - count + 1));
        kept[count - 1] = (struct fl__bytes){rooms[count - 1], (size_t)size};
    }
    struct fl__slow *slow = malloc(sizeof *slow + fl__args_size(kept, count));
    if (slow == NULL)
        return NULL;
    slow->arg_count = count;
    fl__args_pack(slow->args, kept, count);
    return slow;
}

static void trim(struct fl_server *server)
{
    struct fl__slow **end = &server->slow;
    uint32_t left = server->slow_max;
    for (; *end != NULL && left > 0; left--)
        end = &(*end)->older;
    while (*end != NULL) {
        struct fl__slow *slow = *end;
        *end = slow->older;
        server->slow_count--;
        free(slow);
    }
}

void fl__slowlog_limit(struct fl_server *server, uint32_t count)
{
    server->slow_max = count;
    trim(server);
}

void fl__slowlog_release(struct fl_server *server)
{
    fl__slowlog_limit(server, 0);
}

void fl__slowlog_add(struct fl__client *client, const struct fl__command *command,
                     const struct fl__bytes *args, uint32_t arg_count, fl_time_us duration)
{
    struct fl_server *server = client->server;
    struct fl_io *io = server->io;
    if (server->slow_max == 0)
        return;
    struct fl__slow *slow = create(command, args, arg_count);
    if (slow == NULL)
        return;
    slow->id = server->slow_next_id++;
    slow->time_s = io->vtable->wall_clock_us(io) / 1000000;
    slow->duration_us = duration;
    io->vtable->peer_address(io, client->stream, slow->address, sizeof slow->address);
    snprintf(slow->name, sizeof slow->name, "%s", client->name != NULL ? client->name : "");
    slow->older = server->slow;
    server->slow = slow;
    if (++server->slow_count > server->slow_max)
        trim(server);
}

bool fl__slowlog_wants(const struct fl_server *server, fl_time_us duration)
{
    return server->slower_than_us >= 0 && duration >= (uint64_t)server->slower_than_us;
}

/* ----------------------------------------------------------------------------------------------- commands */

static void put_entry(struct fl__reply *reply, const struct fl__slow *slow)
{
    fl__reply_array(reply, 6);
    fl__reply_integer(reply, (int64_t)slow->id);
    fl__reply_integer(reply, (int64_t)slow->time_s);
    fl__reply_integer(reply, (int64_t)slow->duration_us);
    fl__reply_array(reply, slow->arg_count);
    for (uint32_t k = 0; k < slow->arg_count; k++)
        fl__reply_bulk(reply, slow->args[k]);
    fl__reply_text(reply, slow->address);
    fl__reply_text(reply, slow->name);
}

void fl__local_slowlog_get(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                           uint32_t arg_count)
{
    const struct fl_server *server = client->server;
    int64_t count = DEFAULT_COUNT;
    if (arg_count > 3) {
        fl__command_complain_count(args, reply);
        return;
    }
    if (arg_count == 3 && (!fl__number_parse(args[2], &count) || count < -1)) {
        fl__reply_error(reply, "ERR count should be greater than or equal to -1");
        return;
    }
    if (count < 0 || count > server->slow_count)
        count = server->slow_count;
    fl__reply_array(reply, (size_t)count);
    for (const struct fl__slow *slow = server->slow; slow != NULL && count > 0; slow = slow->older, count--)
        put_entry(reply, slow);
}

void fl__local_slowlog_len(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                           uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    fl__reply_integer(reply, client->server->slow_count);
}

void fl__local_slowlog_reset(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    uint32_t limit = client->server->slow_max;
    (void)args;
    (void)arg_count;
    fl__slowlog_limit(client->server, 0);
    client->server->slow_max = limit;
    fl__reply_ok(reply);
}
