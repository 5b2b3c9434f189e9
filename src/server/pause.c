/* pause.c - CLIENT PAUSE and UNPAUSE: this node's clients wait for a time.
 *
 * A call that is paused stalls its client, like one that may not start yet: it stays where it was received,
 * and is started when the pause ends. Nothing is refused and nothing is lost. What is on its way already
 * comes to its end. Other nodes know nothing of it: who wants a cluster without writes pauses each node.
 *
 * Who operates the cluster is not held up: FAIRLEAD is answered, so that a paused node does not look like one
 * that is down, and so is what a new connection needs for that. */
#include "server.h"

#include <string.h>

#define PAUSE_MS_MAX (INT64_MAX / 2000)

static bool writes(const struct fl__client *client, const struct fl__command *command)
{
    if (command->local == fl__local_exec)
        return fl__transaction_has_write(client);
    return command->class == FL__CLASS_WRITE && client->multi == NULL;
}

/* A pause that nobody could end would help nobody. */
static bool is_for_operators(const struct fl__command *command)
{
    return command->local == fl__local_client_unpause || (command->flags & FL__NO_AUTH) != 0 ||
           strcmp(command->group, "fairlead") == 0;
}

bool fl__pause_holds(const struct fl__client *client, const struct fl__command *command)
{
    const struct fl_server *server = client->server;
    if (server->pause_until == 0 || is_for_operators(command))
        return false;
    return server->pause_is_all || writes(client, command);
}

static void end_pause(struct fl_server *server)
{
    server->pause_until = 0;
    server->pause_is_all = false;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next) {
        struct fl__client *client = fl__container(link, struct fl__client, all);
        if (client->stalled)
            fl__client_resume_soon(client);
    }
}

void fl__pause_round(struct fl_server *server)
{
    if (server->pause_until != 0 && server->now >= server->pause_until)
        end_pause(server);
}

void fl__local_client_pause(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    struct fl_server *server = client->server;
    int64_t time_ms;
    bool is_write = arg_count == 4 && fl__bytes_is(args[3], "write");
    if (arg_count > 4) {
        fl__command_complain_count(args, reply);
    } else if (arg_count == 4 && !is_write && !fl__bytes_is(args[3], "all")) {
        fl__reply_error(reply, "ERR CLIENT PAUSE mode must be WRITE or ALL");
    } else if (!fl__number_parse(args[2], &time_ms) || time_ms > PAUSE_MS_MAX) {
        fl__reply_error(reply, "ERR timeout is not an integer or out of range");
    } else if (time_ms < 0) {
        fl__reply_error(reply, "ERR timeout is negative");
    } else {
        /* A second pause makes the first one longer or stricter, and never the opposite. */
        fl_time_us until = server->now + (uint64_t)time_ms * 1000;
        server->pause_until = until > server->pause_until ? until : server->pause_until;
        server->pause_is_all |= !is_write;
        fl__reply_ok(reply);
    }
}

void fl__local_client_unpause(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    end_pause(client->server);
    fl__reply_ok(reply);
}
