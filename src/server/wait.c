/* wait.c - WAIT: until enough voters hold the client's last write.
 *
 * In Redis a replica may lack what was acknowledged, and WAIT tells how many have it. Here every acknowledged
 * write is durable on a majority of the voters already; WAIT says how many hold it, the one that answers
 * included, and can wait for all.
 *
 * A request stays with the node until its answer, and the client may be gone by then; so the node is asked
 * for a minute at a time, again and again for a client that waits longer. */
#include "server.h"

#define ASK_US 60000000u

static uint32_t majority(const struct fl_server *server)
{
    struct fl_node_status status;
    uint32_t voters, up;
    fl_node_status(server->node, &status);
    fl__snapshot_voters(&status, &voters, &up);
    return voters / 2 + 1;
}

/* What is certain without asking anybody. */
static int64_t count_certain(const struct fl__client *client)
{
    const struct fl_server *server = client->server;
    return client->last_write > 0 && server->node != NULL ? majority(server) : 0;
}

static void ask(struct fl__pending *p)
{
    struct fl_server *server = p->server;
    fl_time_us left = p->until > server->now ? p->until - server->now : 1;
    fl_time_us timeout = p->until == 0 || left > ASK_US ? ASK_US : left;
    int result = server->stopping || server->broken
                     ? FL_ESTOPPED
                     : fl_node_wait(server->node, &p->request, p->index, p->count, timeout);
    p->with_node = result == FL_OK;
    if (result < 0)
        fl__pending_fail(p, result);
}

static bool parse_args(const struct fl__bytes *args, struct fl__reply *reply, int64_t *count,
                       int64_t *timeout_ms)
{
    if (!fl__number_parse(args[1], count))
        fl__reply_error(reply, "ERR value is not an integer or out of range");
    else if (!fl__number_parse(args[2], timeout_ms) || *timeout_ms > INT64_MAX / 2000)
        fl__reply_error(reply, "ERR timeout is not an integer or out of range");
    else if (*timeout_ms < 0)
        fl__reply_error(reply, "ERR timeout is negative");
    else
        return true;
    return false;
}

void fl__local_wait(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    struct fl_server *server = client->server;
    int64_t count, timeout_ms;
    (void)arg_count;
    if (!parse_args(args, reply, &count, &timeout_ms))
        return;
    if (client->in_exec) {
        fl__reply_integer(reply, count_certain(client));
        return;
    }
    struct fl__pending *p = NULL;
    if (server->wait_count < FL__WAITS_MAX)
        p = fl__pending_begin(client, FL__PENDING_WAIT, NULL);
    if (p == NULL) {
        fl__error(reply, FL__CODE_BUSY, "too many commands wait; try again later");
        return;
    }
    client->deferred = true;
    p->index = client->last_write;
    p->count = count < 0 ? 0 : count > FL_MEMBERS_MAX ? FL_MEMBERS_MAX + 1 : (uint32_t)count;
    p->until = timeout_ms == 0 ? 0 : server->now + (uint64_t)timeout_ms * 1000;
    ask(p);
}

void fl__wait_answered(struct fl__pending *p, int outcome)
{
    struct fl_server *server = p->server;
    bool is_over = p->client == NULL || (p->until != 0 && server->now >= p->until);
    if (outcome == FL_OK && (is_over || p->request.holders >= p->count)) {
        /* While nothing is known of the disks, more may be certain than was counted. */
        int64_t certain = p->client != NULL ? count_certain(p->client) : 0;
        fl__reply_integer(fl__pending_reply(p), p->request.holders > certain ? p->request.holders : certain);
        fl__pending_end(p);
    } else if (outcome == FL_OK) {
        fl__client_resume_soon(p->client);
    } else if (outcome != FL_EUNAVAILABLE || p->client == NULL) {
        fl__pending_fail(p, outcome);
    } else if (is_over) {
        fl__reply_integer(fl__pending_reply(p), count_certain(p->client));
        fl__pending_end(p);
    } else {
        /* Nobody knows, for now; a client that wants to wait does not mind. The next round asks again. */
        fl__link_append(&server->ticking, &p->client->tick);
    }
}

void fl__wait_resume(struct fl__client *client)
{
    struct fl__pending *p = client->first;
    if (p == NULL || p->kind != FL__PENDING_WAIT || p->with_node)
        return;
    fl__link_remove(&client->tick);
    if (p->until == 0 || client->server->now < p->until) {
        ask(p);
        return;
    }
    fl__reply_integer(fl__pending_reply(p), count_certain(client));
    fl__pending_end(p);
}

bool fl__wait_unblock(struct fl__client *client, bool is_error)
{
    struct fl__pending *p = client->first;
    if (p == NULL || p->kind != FL__PENDING_WAIT)
        return false;
    struct fl__reply *reply = fl__pending_reply(p);
    fl__link_remove(&client->tick);
    if (is_error)
        fl__reply_error(reply, "UNBLOCKED client unblocked via CLIENT UNBLOCK");
    else
        fl__reply_integer(reply, count_certain(client));
    if (p->with_node)
        fl__pending_leave(p);
    else
        fl__pending_end(p);
    return true;
}
