/* cluster.c - CLUSTER: the members told as a Redis cluster of one shard.
 *
 * The shard has all 16,384 slots; its master is the member that leads, the others are its replicas. So a
 * cluster client finds all members through any of them, and where to go when the one it talks to is gone.
 * What belongs to Redis' own way of changing a cluster (MEET, ADDSLOTS, FAILOVER, ...) is answered with an
 * error that says how it is here: its row in the table has the words.
 *
 * A member that this node does not reach is told as failed; the leader, until another one is elected, as
 * suspected ("fail?"): so clients keep their map, and do not read from replicas that are down. A node that
 * serves nobody and has hung up on all others suspects them all, and is the one that failed. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>

/* The text becomes the reply. */
static void put_text(struct fl__reply *reply, struct fl__reply *text)
{
    if (text->failed)
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
    else
        fl__reply_verbatim(reply, "txt", (struct fl__bytes){text->data, text->size});
    fl__reply_release(text);
}

static void put_pair(struct fl__reply *reply, const char *name, const char *value)
{
    fl__reply_text(reply, name);
    fl__reply_text(reply, value);
}

static void put_number(struct fl__reply *reply, const char *name, uint64_t value)
{
    fl__reply_text(reply, name);
    fl__reply_integer(reply, (int64_t)value);
}

/* --------------------------------------------------------------------------------------------------- maps */

static void put_slot_node(struct fl__reply *reply, const struct fl__place *place)
{
    fl__reply_array(reply, 4);
    fl__reply_text(reply, place->host);
    fl__reply_integer(reply, place->port);
    fl__reply_text(reply, place->id);
    fl__reply_map(reply, 0);
}

void fl__local_cluster_slots(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    struct fl__places places;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_array(reply, 1);
    fl__reply_array(reply, 3 + fl__places_replicas(&places));
    fl__reply_integer(reply, 0);
    fl__reply_integer(reply, FL__SLOT_COUNT - 1);
    put_slot_node(reply, fl__places_leader(&places));
    for (uint32_t k = 0; k < places.count; k++)
        if (fl__places_is_replica(&places, k))
            put_slot_node(reply, &places.list[k]);
}

static void put_shard_node(struct fl__reply *reply, const struct fl__places *places, uint32_t k)
{
    const struct fl__place *place = &places->list[k];
    fl__reply_map(reply, 7);
    put_pair(reply, "id", place->id);
    put_number(reply, "port", place->port);
    put_pair(reply, "ip", place->host);
    put_pair(reply, "endpoint", place->host);
    put_pair(reply, "role", k == places->leader ? "master" : "replica");
    put_number(reply, "replication-offset", place->offset);
    put_pair(reply, "health", place->up ? "online" : "fail");
}

void fl__local_cluster_shards(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_array(reply, 1);
    fl__reply_map(reply, 2);
    fl__reply_text(reply, "slots");
    fl__reply_array(reply, 2);
    fl__reply_integer(reply, 0);
    fl__reply_integer(reply, FL__SLOT_COUNT - 1);
    fl__reply_text(reply, "nodes");
    fl__reply_array(reply, places.count);
    put_shard_node(reply, &places, places.leader);
    for (uint32_t k = 0; k < places.count; k++)
        if (k != places.leader)
            put_shard_node(reply, &places, k);
}

/* A member's line in CLUSTER NODES. The epochs are terms: only the leader's is known. */
static void print_node(struct fl__reply *text, const struct fl__places *places, uint32_t k)
{
    const struct fl__place *place = &places->list[k];
    bool is_master = k == places->leader;
    bool is_suspected = is_master || (places->is_blind && !place->self);
    const char *failed = place->up ? "" : is_suspected ? ",fail?" : ",fail";
    fl__reply_print(text, "%s %s:%u@%u %s%s%s %s 0 0 %" PRIu64 " %s", place->id, place->host,
                    (unsigned)place->port, (unsigned)place->peer_port, place->self ? "myself," : "",
                    is_master ? "master" : "slave", failed, is_master ? "-" : fl__places_leader(places)->id,
                    is_master ? places->term : 0, place->up ? "connected" : "disconnected");
    if (is_master)
        fl__reply_print(text, " 0-%d", FL__SLOT_COUNT - 1);
}

void fl__local_cluster_nodes(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    struct fl__places places;
    struct fl__reply text;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_init(&text, 2, FL__CLIENT_OUTPUT_MIN);
    for (uint32_t k = 0; k < places.count; k++) {
        print_node(&text, &places, k);
        fl__reply_print(&text, "\n");
    }
    put_text(reply, &text);
}

static void put_node(struct fl__reply *reply, const struct fl__places *places, uint32_t k)
{
    struct fl__reply text;
    fl__reply_init(&text, 2, FL__CLIENT_OUTPUT_MIN);
    print_node(&text, places, k);
    fl__reply_bulk(reply, (struct fl__bytes){text.data, text.size});
    fl__reply_release(&text);
}

void fl__local_cluster_replicas(struct fl__client *client, struct fl__reply *reply,
                                const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__places places;
    uint32_t found = 0;
    (void)arg_count;
    fl__places_take(client->server, &places);
    while (found < places.count && !fl__bytes_equal(args[2], fl__bytes_of(places.list[found].id)))
        found++;
    if (found == places.count) {
        fl__reply_error_format(reply, "ERR Unknown node %.*s", (int)(args[2].size < 128 ? args[2].size : 128),
                               args[2].data);
        return;
    }
    if (found != places.leader) {
        fl__reply_error(reply, "ERR The specified node is not a master");
        return;
    }
    fl__reply_array(reply, places.count - 1);
    for (uint32_t k = 0; k < places.count; k++)
        if (k != places.leader)
            put_node(reply, &places, k);
}

/* ------------------------------------------------------------------------------------------- single facts */

/* A node that takes no commands says so; one that waits for a leader holds them meanwhile, which is ok. */
static bool is_failed(const struct fl_server *server)
{
    struct fl_node_status status;
    if (server->node == NULL)
        return true;
    fl_node_status(server->node, &status);
    return fl__server_is_out(server, &status);
}

void fl__local_cluster_info(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    struct fl__places places;
    struct fl__reply text;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_init(&text, 2, FL__CLIENT_OUTPUT_MIN);
    fl__reply_print(&text, "cluster_state:%s\r\n", is_failed(client->server) ? "fail" : "ok");
    fl__reply_print(&text, "cluster_slots_assigned:%d\r\ncluster_slots_ok:%d\r\n", FL__SLOT_COUNT,
                    FL__SLOT_COUNT);
    fl__reply_print(&text, "cluster_slots_pfail:0\r\ncluster_slots_fail:0\r\n");
    fl__reply_print(&text, "cluster_known_nodes:%u\r\ncluster_size:1\r\n", (unsigned)places.count);
    fl__reply_print(&text, "cluster_current_epoch:%" PRIu64 "\r\ncluster_my_epoch:%" PRIu64 "\r\n",
                    places.term, places.term);
    fl__reply_print(&text, "cluster_stats_messages_sent:0\r\ncluster_stats_messages_received:0\r\n");
    fl__reply_print(&text, "total_cluster_links_buffer_limit_exceeded:0\r\n");
    put_text(reply, &text);
}

void fl__local_cluster_myid(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    struct fl__places places;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    fl__reply_text(reply, places.list[places.self].id);
}

void fl__local_cluster_keyslot(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client, (void)arg_count;
    fl__reply_integer(reply, fl__slot_of(args[2]));
}

/* One link to each member that is reached. Their ages and buffers are not known on this floor. */
void fl__local_cluster_links(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    struct fl__places places;
    uint32_t count = 0;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    for (uint32_t k = 0; k < places.count; k++)
        count += places.list[k].up && !places.list[k].self;
    fl__reply_array(reply, count);
    for (uint32_t k = 0; k < places.count; k++) {
        if (!places.list[k].up || places.list[k].self)
            continue;
        fl__reply_map(reply, 6);
        put_pair(reply, "direction", "to");
        put_pair(reply, "node", places.list[k].id);
        put_number(reply, "create-time", 0);
        put_pair(reply, "events", "rw");
        put_number(reply, "send-buffer-allocated", 0);
        put_number(reply, "send-buffer-used", 0);
    }
}

/* --------------------------------------------------------------------------------------- what is not here */

void fl__local_not_here(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                        uint32_t arg_count)
{
    const struct fl__command *command = fl__command_find(args, arg_count, NULL);
    (void)client;
    fl__error(reply, FL__CODE_NOT_HERE, "%s", command->summary);
}
