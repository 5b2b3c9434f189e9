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
 * A node that serves nobody until somebody acts (its disk failed, the others refuse it, its keyspace cannot
 * follow) is not up, and never tells itself as long as it knows of another member: clients would come, and
 * stay. If it led last, it tells who is likely to lead next. That may be wrong, and is told with the flags of
 * a member that is not reached; but it is a member that works, or sends clients on.
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

static bool does_lead(const struct fl_server *server, const struct fl_node_status *node)
{
    return node->role == FL_LEADER && !fl__server_is_out(server, node);
}

/* How far its log is known to go. */
static fl_index offset_of(const struct fl_server *server, const struct fl_node_status *node,
                          const struct fl_node_peer *peer)
{
    bool leads = does_lead(server, node);
    if (peer->self)
        return leads ? node->last : node->durable;
    return leads ? peer->match : 0;
}

static void add_place(struct fl__places *places, const struct fl_server *server,
                      const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    struct fl__place *place = &places->list[places->count];
    fl_id id = peer->self ? node->id : peer->member.id;
    const char *client = peer->self ? server->client : peer->member.client;
    *place = (struct fl__place){
        .self = peer->self,
        .up = peer->self ? !fl__server_is_out(server, node) : peer->up,
        .is_voter = peer->voter,
        .offset = offset_of(server, node, peer),
        .match = peer->match,
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

static bool is_likelier(const struct fl__place *one, const struct fl__place *other)
{
    if (one->up != other->up)
        return one->up;
    return one->is_voter != other->is_voter ? one->is_voter : one->match > other->match;
}

/* Who of the others is likely to lead next; this node if it knows none. */
static uint32_t find_likely(const struct fl__places *places)
{
    uint32_t found = places->self;
    for (uint32_t k = 0; k < places->count; k++)
        if (k != places->self &&
            (found == places->self || is_likelier(&places->list[k], &places->list[found])))
            found = k;
    return found;
}

static bool reaches_nobody(const struct fl__places *places)
{
    uint32_t others = 0;
    for (uint32_t k = 0; k < places->count; k++)
        others += k != places->self && places->list[k].up;
    return others == 0;
}

void fl__places_of(const struct fl_server *server, const struct fl_node_status *node, struct fl__places *out)
{
    bool is_out = fl__server_is_out(server, node);
    *out = (struct fl__places){
        .self = FL_MEMBERS_MAX,
        .leader = FL_MEMBERS_MAX,
        .leads = does_lead(server, node),
        .has_leader = node->has_leader && !(is_out && node->leader == node->id),
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
    if (is_out && out->leader == out->self)
        out->leader = find_likely(out);
    out->is_blind = is_out && reaches_nobody(out);
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
    return k != places->leader && (places->list[k].up || (places->is_blind && !places->list[k].self));
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
    struct fl__places places;
    if (server->is_led && !node->has_leader)
        server->leaderless_since = server->now;
    server->is_led = node->has_leader;
    if (node->has_leader) {
        server->has_led = true;
        server->led_by = node->leader;
    }
    fl__places_of(server, node, &places);
    const struct fl__place *leader = fl__places_leader(&places);
    server->is_leader = places.leads;
    server->is_led_elsewhere = places.has_leader && !leader->self;
    if (!server->has_led)
        return;
    if (server->told.id[0] != '\0' && strcmp(server->told.id, leader->id) != 0)
        fl__sentinel_switched(server, &server->told, &places);
    server->told = *leader;
}
