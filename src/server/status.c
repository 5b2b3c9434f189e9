/* status.c - what people look at: one snapshot of the node and the server, and the forms it takes.
 *
 * FAIRLEAD STATUS, /status.json, /readyz and /metrics all come from it, so they agree. */
#include "server.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void copy_text(char *out, size_t out_size, const char *text)
{
    snprintf(out, out_size, "%s", text);
}

void fl__snapshot_take(struct fl_server *server, struct fl__snapshot *out)
{
    struct fl__store_counts counts;
    fl__store_counts(server->store, &counts);
    memset(out, 0, sizeof *out);
    if (server->node != NULL)
        fl_node_status(server->node, &out->node);
    fl_server_counts(server, &out->counts);
    out->expires = counts.expires;
    out->expired = counts.expired;
    out->hits = counts.hits;
    out->misses = counts.misses;
    out->clients_memory = server->clients_memory;
    out->clients_refused = server->clients_refused;
    out->clients_accepted = server->clients_accepted;
    out->bytes_received = server->bytes_received;
    out->bytes_sent = server->bytes_sent;
    out->applied_commands = server->applied_commands;
    out->process_id = server->options.process_id;
    out->memory_max = server->options.memory_max;
    out->clients_max = server->options.clients_max;
    out->log_max = server->options.node.log_size_max;
    out->election_timeout_us = server->options.node.election_timeout_us;
    out->heartbeat_us = server->options.node.heartbeat_us;
    out->wall_us = server->io->vtable->wall_clock_us(server->io);
    fl__events_counts(server->events, out->events);
    out->uptime_us = server->now - server->started;
    out->leaderless_us = out->node.has_leader ? 0 : server->now - server->leaderless_since;
    out->broken = server->broken;
    copy_text(out->listen, sizeof out->listen, server->listen);
    copy_text(out->peer, sizeof out->peer, server->peer);
    copy_text(out->web, sizeof out->web, server->web);
    copy_text(out->version, sizeof out->version, server->version);
    if (server->broken && !out->node.damaged) {
        out->node.damaged = true;
        snprintf(out->node.damage, sizeof out->node.damage,
                 "keyspace: memory ran out while entry %" PRIu64 " was applied; restart this node",
                 fl__store_index(server->store));
    }
}

void fl__snapshot_voters(const struct fl_node_status *status, uint32_t *voters, uint32_t *up)
{
    *voters = *up = 0;
    for (uint32_t k = 0; k < status->peer_count; k++) {
        const struct fl_node_peer *peer = &status->peers[k];
        *voters += peer->voter;
        *up += peer->voter && (peer->self || peer->up);
    }
}

/* What is full, if something is. */
static const char *full_text(int log_room)
{
    return log_room == FL_ELOGFULL ? "log" : log_room == FL_ENOSPC ? "disk" : "";
}

void fl__snapshot_health(const struct fl__snapshot *snapshot, char *out, size_t out_size)
{
    uint32_t voters, up;
    fl__snapshot_voters(&snapshot->node, &voters, &up);
    uint32_t needed = voters / 2 + 1;
    if (voters == 0 || !snapshot->node.founded)
        copy_text(out, out_size, "unknown");
    else if (!snapshot->node.has_leader || up < needed)
        copy_text(out, out_size, "unavailable");
    else if (snapshot->node.role == FL_LEADER && snapshot->node.log_room == FL_ENOSPC)
        snprintf(out, out_size, "degraded: the disk of %s or of a majority is full, writes are refused",
                 snapshot->node.name);
    else if (snapshot->node.role == FL_LEADER && snapshot->node.log_room != FL_OK)
        snprintf(out, out_size, "degraded: %s's log is full, writes are refused", snapshot->node.name);
    else if (up == voters)
        copy_text(out, out_size, "healthy");
    else
        snprintf(out, out_size, "degraded: %u of %u up, tolerates %u more", (unsigned)up, (unsigned)voters,
                 (unsigned)(up - needed));
}

const char *fl__snapshot_leader(const struct fl__snapshot *snapshot)
{
    const struct fl_node_status *node = &snapshot->node;
    for (uint32_t k = 0; node->has_leader && k < node->peer_count; k++)
        if (node->peers[k].member.id_known && node->peers[k].member.id == node->leader)
            return node->peers[k].member.name;
    return "";
}

const char *fl__role_text(enum fl_role role)
{
    switch (role) {
    case FL_FOLLOWER:
        return "follower";
    case FL_PRECANDIDATE:
        return "precandidate";
    case FL_CANDIDATE:
        return "candidate";
    case FL_LEADER:
        return "leader";
    }
    return "unknown";
}

static void add_number(cJSON *object, const char *name, uint64_t value)
{
    cJSON_AddNumberToObject(object, name, (double)value);
}

/* Identities have 64 bits, and JSON's numbers have not. */
static void add_id(cJSON *object, const char *name, fl_id id)
{
    char text[17];
    snprintf(text, sizeof text, "%016" PRIx64, id);
    cJSON_AddStringToObject(object, name, text);
}

static void add_cluster_id(cJSON *object, const uint8_t *id)
{
    char text[33];
    for (int k = 0; k < 16; k++)
        snprintf(text + 2 * k, 3, "%02x", id[k]);
    cJSON_AddStringToObject(object, "cluster_id", text);
}

static void add_member(cJSON *members, const struct fl__snapshot *snapshot, const struct fl_node_peer *peer)
{
    const struct fl_node_status *node = &snapshot->node;
    cJSON *member = cJSON_CreateObject();
    cJSON_AddStringToObject(member, "name", peer->member.name);
    add_id(member, "id", peer->member.id);
    cJSON_AddStringToObject(member, "address", peer->member.address);
    cJSON_AddStringToObject(member, "client", peer->self ? snapshot->listen : peer->member.client);
    cJSON_AddBoolToObject(member, "voter", peer->voter);
    cJSON_AddBoolToObject(member, "self", peer->self);
    cJSON_AddBoolToObject(member, "up", peer->up || peer->self);
    if (node->role == FL_LEADER) {
        fl_index match = peer->self ? node->durable : peer->match;
        add_number(member, "match", match);
        add_number(member, "next", peer->self ? node->last + 1 : peer->next);
        add_number(member, "lag", node->last > match ? node->last - match : 0);
    }
    add_number(member, "round_trip_us", peer->round_trip_us);
    cJSON_AddItemToArray(members, member);
}

static void add_node(cJSON *root, const struct fl__snapshot *snapshot)
{
    const struct fl_node_status *node = &snapshot->node;
    cJSON_AddStringToObject(root, "name", node->name);
    add_id(root, "id", node->id);
    add_cluster_id(root, node->cluster_id);
    cJSON_AddStringToObject(root, "version", snapshot->version);
    cJSON_AddStringToObject(root, "role", fl__role_text(node->role));
    add_number(root, "term", node->term);
    cJSON_AddStringToObject(root, "leader", fl__snapshot_leader(snapshot));
    cJSON_AddBoolToObject(root, "founded", node->founded);
    cJSON_AddBoolToObject(root, "ready", node->ready && !node->damaged);
    cJSON_AddBoolToObject(root, "damaged", node->damaged);
    cJSON_AddStringToObject(root, "damage", node->damage);
    add_number(root, "last", node->last);
    add_number(root, "durable", node->durable);
    add_number(root, "commit", node->commit);
    add_number(root, "applied", node->applied);
    add_number(root, "log_size", node->log_size);
    add_number(root, "pending", node->pending);
}

/* The upper end of the bucket in which the given part of all, in hundredths, is reached. */
static uint64_t percentile(const struct fl_histogram *histogram, uint64_t hundredths)
{
    const uint32_t bucket_count = sizeof histogram->buckets / sizeof histogram->buckets[0];
    uint64_t up_to = 0;
    uint32_t k = 0;
    if (histogram->count == 0)
        return 0;
    for (; k < bucket_count; k++) {
        up_to += histogram->buckets[k];
        if (up_to * 100 >= histogram->count * hundredths)
            break;
    }
    return (uint64_t)10 << k;
}

/* What tells a healthy machine from an ailing one. */
static void add_vitals(cJSON *root, const struct fl__snapshot *snapshot)
{
    add_id(root, "boot", snapshot->node.boot);
    add_number(root, "wall_us", snapshot->wall_us);
    add_number(root, "syncs", snapshot->node.sync_time.count);
    add_number(root, "sync_p50_us", percentile(&snapshot->node.sync_time, 50));
    add_number(root, "sync_p99_us", percentile(&snapshot->node.sync_time, 99));
    add_number(root, "commit_p99_us", percentile(&snapshot->node.commit_time, 99));
    add_number(root, "log_used", snapshot->node.log_used);
    add_number(root, "log_max", snapshot->log_max);
    cJSON_AddStringToObject(root, "full", full_text(snapshot->node.log_room));
    add_number(root, "memory_max", snapshot->memory_max);
    add_number(root, "clients_max", snapshot->clients_max);
    add_number(root, "clients_refused", snapshot->clients_refused);
    add_number(root, "election_timeout_us", snapshot->election_timeout_us);
    add_number(root, "heartbeat_us", snapshot->heartbeat_us);
}

char *fl__snapshot_json(const struct fl__snapshot *snapshot)
{
    char health[FL_NAME_MAX + 64];
    fl__snapshot_health(snapshot, health, sizeof health);
    cJSON *root = cJSON_CreateObject();
    add_node(root, snapshot);
    cJSON_AddStringToObject(root, "health", health);
    add_number(root, "pid", snapshot->process_id);
    cJSON_AddStringToObject(root, "listen", snapshot->listen);
    cJSON_AddStringToObject(root, "peer", snapshot->peer);
    cJSON_AddStringToObject(root, "web", snapshot->web);
    add_number(root, "uptime_us", snapshot->uptime_us);
    add_number(root, "clients", snapshot->counts.clients);
    add_number(root, "commands", snapshot->counts.commands);
    add_number(root, "keys", snapshot->counts.keys);
    add_number(root, "memory", snapshot->counts.memory);
    add_vitals(root, snapshot);
    cJSON *members = cJSON_AddArrayToObject(root, "members");
    for (uint32_t k = 0; members != NULL && k < snapshot->node.peer_count; k++)
        add_member(members, snapshot, &snapshot->node.peers[k]);
    /* cJSON passes over what it had no memory for; an object without its last part is none. */
    char *text = members != NULL ? cJSON_PrintUnformatted(root) : NULL;
    cJSON_Delete(root);
    return text;
}
