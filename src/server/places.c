/* places.c - where the members are, and which of them leads, as clients are told of it.
 *
 * CLUSTER, SENTINEL, ROLE, INFO and MOVED all come from it, so they agree. What is told:
 *
 *     addresses  those that members announced for clients (node.h), on each node alike; a member that was
 *                never heard of has none, and is left out. Who listens on all interfaces and advertises
 *                nothing has announced no host: it is told as being where its peers find it.
 *     leader     the one that leads now; while none does, the one that did last; this node if it knows of
 *                none. So there is always one to be told, and to whom nobody is told as nil.
 *     up         whether this node reaches it.
 *
 * It is this node's view, and asks nobody. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------- addresses */

/* "[::1]:7600" is the host "::1" and the port 7600. False: there is no port. */
static bool split_address(const char *address, char host[FL_ADDRESS_MAX], uint16_t *port)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL)
        return false;
    bool is_bracketed = address[0] == '[' && colon > address + 1 && colon[-1] == ']';
    const char *start = is_bracketed ? address + 1 : address;
    const char *end = is_bracketed ? colon - 1 : colon;
    snprintf(host, FL_ADDRESS_MAX, "%.*s", (int)(end - start), start);
    *port = (uint16_t)strtoul(colon + 1, NULL, 10);
    return true;
}

static bool is_everywhere(const char *host)
{
    return host[0] == '\0' || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

bool fl__places_locate(const char *client, const char *peer, struct fl__place *out)
{
    char peer_host[FL_ADDRESS_MAX] = "";
    if (!split_address(client, out->host, &out->port))
        return false;
    (void)split_address(peer, peer_host, &out->peer_port);
    if (is_everywhere(out->host))
        memcpy(out->host, peer_host, sizeof out->host);
    return out->host[0] != '\0';
}

/* ------------------------------------------------------------------------------------------------- places */

/* 40 digits as Redis' nodes have them: the member's own, then the beginning of the cluster's. */
static void print_id(const struct fl_node_status *node, fl_id id, char out[FL__PLACE_ID_SIZE])
{
    snprintf(out, FL__PLACE_ID_SIZE, "%016" PRIx64, id);
    for (int k = 0; k < 12; k++)
        snprintf(out + 16 + 2 * k, 3, "%02x", node->cluster_id[k]);
}

/* How far its log is known to go. */
static fl_index offset_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    if (peer->self)
        return node->role == FL_LEADER ? node->last : node->durable;
    return node->role == FL_LEADER ? peer->match : 0;
}

static void add_place(struct fl__places *places, const struct fl_server *server,
                      const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    struct fl__place *place = &places->list[places->count];
    fl_id id = peer->self ? node->id : peer->member.id;
    const char *client = peer->self ? server->client : peer->member.client;
    *place = (struct fl__place){
        .self = peer->self,
        .up = peer->self || peer->up,
        .offset = offset_of(node, peer),
    };
    if (!(peer->self || peer->member.id_known) || !fl__places_locate(client, peer->member.address, place))
        return;
    print_id(node, id, place->id);
    if (peer->self)
        places->self = places->count;
    if (server->has_led && id == server->led_by)
        places->leader = places->count;
    places->count++;
}

void fl__places_of(const struct fl_server *server, const struct fl_node_status *node, struct fl__places *out)
{
    *out = (struct fl__places){
        .self = FL_MEMBERS_MAX,
        .leader = FL_MEMBERS_MAX,
        .leads = node->role == FL_LEADER,
        .has_leader = node->has_leader,
        .is_ready = node->ready,
        .term = node->term,
    };
    for (uint32_t k = 0; k < node->peer_count; k++)
        add_place(out, server, node, &node->peers[k]);
    if (out->self == FL_MEMBERS_MAX) {
        /* Not among the members that it knows, or it knows none: they leave room for it then. */
        struct fl_node_peer self = {.self = true};
        snprintf(self.member.address, sizeof self.member.address, "%s", server->peer);
        out->count -= out->count == FL_MEMBERS_MAX;
        add_place(out, server, node, &self);
    }
    if (out->leader >= out->count)
        out->leader = out->self;
}

void fl__places_take(const struct fl_server *server, struct fl__places *out)
{
    struct fl_node_status status = {.peer_count = 0};
    if (server->node != NULL)
        fl_node_status(server->node, &status);
    fl__places_of(server, &status, out);
}

const struct fl__place *fl__places_leader(const struct fl__places *places)
{
    return &places->list[places->leader];
}

bool fl__places_is_replica(const struct fl__places *places, uint32_t k)
{
    return k != places->leader && places->list[k].up;
}

uint32_t fl__places_replicas(const struct fl__places *places)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < places->count; k++)
        count += fl__places_is_replica(places, k);
    return count;
}

void fl__places_notice(struct fl_server *server, const struct fl_node_status *node)
{
    struct fl__places before, after;
    bool is_first = !server->has_led;
    bool is_other = node->has_leader && (is_first || server->led_by != node->leader);
    fl__places_of(server, node, &before);
    if (server->is_led && !node->has_leader)
        server->leaderless_since = server->now;
    server->is_led = node->has_leader;
    if (node->has_leader) {
        server->has_led = true;
        server->led_by = node->leader;
    }
    fl__places_of(server, node, &after);
    server->is_led_elsewhere = after.has_leader && !fl__places_leader(&after)->self;
    if (is_other && !is_first)
        fl__sentinel_switched(server, &before, &after);
}
