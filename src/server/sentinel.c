/* sentinel.c - SENTINEL: each node is a Sentinel too, and watches the one master there is, the leader.
 *
 * Clients that are given a list of Sentinels ask any of them for the master's address, and subscribe to hear
 * when it changes. The addresses of the members are such a list. The master has one name, by which events
 * name it as well (--sentinel-name); asked for another one, a node knows no such master. Asked for the right
 * one it always tells an address, see places.c: flags say if that member is not reached. Only what a node
 * that serves nobody guesses is no MASTER: some clients stay with the first Sentinel that describes one, and
 * ask the next only after an error.
 *
 * Events are messages on channels, for subscribers of this node; nobody else publishes them here:
 *
 *     +switch-master NAME OLD-HOST OLD-PORT HOST PORT    another member leads
 *     +slave INSTANCE                                    then, of each other: its master is the new one
 *     +sdown INSTANCE, -sdown INSTANCE                   this node lost or found its connection to a member
 *
 * INSTANCE is "master NAME HOST PORT" or "slave HOST:PORT HOST PORT @ NAME MASTER-HOST MASTER-PORT". */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define INSTANCE_SIZE (3 * FL_ADDRESS_MAX + FL_NAME_MAX + 64)

/* ------------------------------------------------------------------------------------------------- events */

static void tell(struct fl_server *server, const char *channel, const char *message)
{
    (void)fl__pubsub_deliver(server, fl__bytes_of(channel), fl__bytes_of(message));
}

static void print_instance(const struct fl_server *server, const struct fl__places *places, uint32_t k,
                           char out[INSTANCE_SIZE])
{
    const struct fl__place *place = &places->list[k], *leader = fl__places_leader(places);
    if (k == places->leader)
        snprintf(out, INSTANCE_SIZE, "master %s %s %u", server->sentinel_name, place->host,
                 (unsigned)place->port);
    else
        snprintf(out, INSTANCE_SIZE, "slave %s:%u %s %u @ %s %s %u", place->host, (unsigned)place->port,
                 place->host, (unsigned)place->port, server->sentinel_name, leader->host,
                 (unsigned)leader->port);
}

void fl__sentinel_switched(struct fl_server *server, const struct fl__place *from,
                           const struct fl__places *after)
{
    const struct fl__place *to = fl__places_leader(after);
    char message[INSTANCE_SIZE];
    snprintf(message, sizeof message, "%s %s %u %s %u", server->sentinel_name, from->host,
             (unsigned)from->port, to->host, (unsigned)to->port);
    tell(server, "+switch-master", message);
    for (uint32_t k = 0; k < after->count; k++) {
        if (k == after->leader)
            continue;
        print_instance(server, after, k, message);
        tell(server, "+slave", message);
    }
}

void fl__sentinel_round(struct fl_server *server)
{
    struct fl__places places;
    char message[INSTANCE_SIZE];
    uint32_t down = 0;
    fl__places_take(server, &places);
    for (uint32_t k = 0; k < places.count; k++)
        down |= (uint32_t)!places.list[k].up << k;
    uint32_t changed = places.count == server->places_count ? down ^ server->places_down : 0;
    server->places_count = places.count;
    server->places_down = down;
    for (uint32_t k = 0; k < places.count; k++) {
        if ((changed >> k & 1) == 0)
            continue;
        print_instance(server, &places, k, message);
        tell(server, places.list[k].up ? "-sdown" : "+sdown", message);
    }
}

/* ------------------------------------------------------------------------------------------------ replies */

static void put_pair(struct fl__reply *reply, const char *name, const char *value)
{
    fl__reply_text(reply, name);
    fl__reply_text(reply, value);
}

/* Numbers are texts in this protocol. */
static void put_number(struct fl__reply *reply, const char *name, uint64_t value)
{
    char text[FL__NUMBER_SIZE + 1];
    snprintf(text, sizeof text, "%" PRIu64, value);
    put_pair(reply, name, text);
}

/* What Redis tells of every instance; this many pairs. */
#define COMMON_PAIRS 11

static void put_common(struct fl__reply *reply, const struct fl_server *server, const struct fl__place *place,
                       const char *name, const char *kind)
{
    char flags[64];
    snprintf(flags, sizeof flags, "%s%s%s", place->up ? "" : "s_down,", kind,
             place->up ? "" : ",disconnected");
    put_pair(reply, "name", name);
    put_pair(reply, "ip", place->host);
    put_number(reply, "port", place->port);
    put_pair(reply, "runid", place->id);
    put_pair(reply, "flags", flags);
    put_number(reply, "link-pending-commands", 0);
    put_number(reply, "link-refcount", 1);
    put_number(reply, "last-ping-sent", 0);
    put_number(reply, "last-ok-ping-reply", 0);
    put_number(reply, "last-ping-reply", 0);
    put_number(reply, "down-after-milliseconds", server->options.node.election_timeout_us / 1000);
}

static void count_voters(const struct fl_server *server, uint32_t *needed, uint32_t *up)
{
    struct fl_node_status status = {.peer_count = 0};
    uint32_t voters;
    if (server->node != NULL)
        fl_node_status(server->node, &status);
    fl__snapshot_voters(&status, &voters, up);
    *needed = voters / 2 + 1;
}

static void put_master(struct fl__reply *reply, const struct fl_server *server,
                       const struct fl__places *places)
{
    uint32_t needed, up;
    count_voters(server, &needed, &up);
    fl__reply_map(reply, COMMON_PAIRS + 9);
    put_common(reply, server, fl__places_leader(places), server->sentinel_name, "master");
    put_number(reply, "info-refresh", 0);
    put_pair(reply, "role-reported", "master");
    put_number(reply, "role-reported-time", 0);
    put_number(reply, "config-epoch", places->term);
    put_number(reply, "num-slaves", places->count - 1);
    put_number(reply, "num-other-sentinels", places->count - 1);
    put_number(reply, "quorum", needed);
    put_number(reply, "failover-timeout", server->options.node.election_timeout_us / 1000);
    put_number(reply, "parallel-syncs", 1);
}

static void put_replica(struct fl__reply *reply, const struct fl_server *server,
                        const struct fl__places *places, const struct fl__place *place)
{
    const struct fl__place *leader = fl__places_leader(places);
    char name[FL_ADDRESS_MAX + 8];
    snprintf(name, sizeof name, "%s:%u", place->host, (unsigned)place->port);
    fl__reply_map(reply, COMMON_PAIRS + 10);
    put_common(reply, server, place, name, "slave");
    put_number(reply, "info-refresh", 0);
    put_pair(reply, "role-reported", "slave");
    put_number(reply, "role-reported-time", 0);
    put_number(reply, "master-link-down-time", 0);
    put_pair(reply, "master-link-status", places->has_leader && place->up ? "ok" : "err");
    put_pair(reply, "master-host", leader->host);
    put_number(reply, "master-port", leader->port);
    put_number(reply, "slave-priority", 100);
    put_number(reply, "slave-repl-offset", place->offset);
    put_number(reply, "replica-announced", 1);
}

static void put_sentinel(struct fl__reply *reply, const struct fl_server *server,
                         const struct fl__places *places, const struct fl__place *place)
{
    fl__reply_map(reply, COMMON_PAIRS + 3);
    put_common(reply, server, place, place->id, "sentinel");
    put_number(reply, "last-hello-message", 0);
    put_pair(reply, "voted-leader", places->has_leader ? fl__places_leader(places)->id : "?");
    put_number(reply, "voted-leader-epoch", places->term);
}

/* ----------------------------------------------------------------------------------------------- commands */

/* Replies and returns false if the name is another one. */
static bool check_name(const struct fl__client *client, struct fl__bytes name, struct fl__reply *reply)
{
    if (fl__bytes_equal(name, fl__bytes_of(client->server->sentinel_name)))
        return true;
    fl__reply_error(reply, "ERR No such master with that name");
    return false;
}

void fl__local_sentinel_address(struct fl__client *client, struct fl__reply *reply,
                                const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)arg_count;
    if (!fl__bytes_equal(args[2], fl__bytes_of(client->server->sentinel_name))) {
        fl__reply_null_array(reply);
        return;
    }
    fl__places_take(client->server, &places);
    const struct fl__place *leader = fl__places_leader(&places);
    char port[8];
    snprintf(port, sizeof port, "%u", (unsigned)leader->port);
    fl__reply_array(reply, 2);
    put_pair(reply, leader->host, port);
}

void fl__local_sentinel_masters(struct fl__client *client, struct fl__reply *reply,
                                const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_array(reply, 1);
    put_master(reply, client->server, &places);
}

void fl__local_sentinel_master(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)arg_count;
    if (!check_name(client, args[2], reply))
        return;
    fl__places_take(client->server, &places);
    if (places.is_blind)
        fl__error(reply, FL__CODE_DAMAGED, "%s is damaged, and reaches nobody; ask another Sentinel",
                  client->server->name);
    else
        put_master(reply, client->server, &places);
}

typedef void put_fn(struct fl__reply *reply, const struct fl_server *server, const struct fl__places *places,
                    const struct fl__place *place);

/* All members but one, each as `put` shows it. */
static void put_others(struct fl__reply *reply, const struct fl_server *server,
                       const struct fl__places *places, uint32_t left_out, put_fn *put)
{
    fl__reply_array(reply, places->count - 1);
    for (uint32_t k = 0; k < places->count; k++)
        if (k != left_out)
            put(reply, server, places, &places->list[k]);
}

void fl__local_sentinel_replicas(struct fl__client *client, struct fl__reply *reply,
                                 const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)arg_count;
    if (!check_name(client, args[2], reply))
        return;
    fl__places_take(client->server, &places);
    put_others(reply, client->server, &places, places.leader, put_replica);
}

void fl__local_sentinel_sentinels(struct fl__client *client, struct fl__reply *reply,
                                  const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)arg_count;
    if (!check_name(client, args[2], reply))
        return;
    fl__places_take(client->server, &places);
    put_others(reply, client->server, &places, places.self, put_sentinel);
}

void fl__local_sentinel_ckquorum(struct fl__client *client, struct fl__reply *reply,
                                 const struct fl__bytes *args, uint32_t arg_count)
{
    uint32_t needed, up;
    char text[96];
    (void)arg_count;
    if (!check_name(client, args[2], reply))
        return;
    count_voters(client->server, &needed, &up);
    if (up < needed) {
        fl__reply_error_format(reply,
                               "NOQUORUM %u usable Sentinels. Not enough available Sentinels to reach the "
                               "specified quorum for this master. Not enough available Sentinels to reach "
                               "the majority and authorize a failover",
                               (unsigned)up);
        return;
    }
    snprintf(text, sizeof text, "OK %u usable Sentinels. Quorum and failover authorization can be reached",
             (unsigned)up);
    fl__reply_status(reply, text);
}
