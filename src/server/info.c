/* info.c - INFO: what monitoring and client libraries read, section by section.
 *
 * The roles in the section Replication are those of ROLE. loading:0 always, because a node that still catches
 * up holds reads until it has, instead of refusing them. More about the cluster is in the section Raft. */
#include "server.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct info {
    struct fl_server *server;
    struct fl__snapshot snapshot;
    struct fl__reply text;
};

static void add(struct info *info, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct info *info, const char *format, ...)
{
    char line[2 * FL_ADDRESS_MAX + 512];
    va_list list;
    va_start(list, format);
    int size = vsnprintf(line, sizeof line - 2, format, list);
    va_end(list);
    size_t end = size < 0 ? 0 : (size_t)size < sizeof line - 2 ? (size_t)size : sizeof line - 3;
    memcpy(line + end, "\r\n", 2);
    fl__reply_raw(&info->text, (struct fl__bytes){line, end + 2});
}

static void add_memory(struct info *info, const char *name, uint64_t size)
{
    static const char units[] = "BKMGTP";
    double value = (double)size;
    int unit = 0;
    for (; value >= 1024 && unit < 5; unit++)
        value /= 1024;
    add(info, "%s:%" PRIu64, name, size);
    if (unit == 0)
        add(info, "%s_human:%" PRIu64 "B", name, size);
    else
        add(info, "%s_human:%.2f%c", name, value, units[unit]);
}

/* ----------------------------------------------------------------------------------------------- sections */

static void add_server(struct info *info)
{
    const struct fl_server *server = info->server;
    const char *colon = strrchr(server->listen, ':');
    add(info, "redis_version:%s", FL__REDIS_VERSION);
    add(info, "fairlead_version:%s", server->version);
    add(info, "redis_mode:cluster");
    add(info, "arch_bits:%d", (int)sizeof(void *) * 8);
    add(info, "process_id:%" PRIu64, info->snapshot.process_id);
    add(info, "run_id:%s", server->run_id);
    add(info, "tcp_port:%s", colon != NULL ? colon + 1 : "0");
    add(info, "server_time_usec:%" PRIu64, server->io->vtable->wall_clock_us(server->io));
    add(info, "uptime_in_seconds:%" PRIu64, info->snapshot.uptime_us / 1000000);
    add(info, "uptime_in_days:%" PRIu64, info->snapshot.uptime_us / 1000000 / 86400);
    add(info, "hz:10");
    add(info, "configured_hz:10");
}

static uint32_t count_blocked(const struct fl_server *server)
{
    uint32_t count = 0;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next) {
        const struct fl__client *client = fl__container(link, struct fl__client, all);
        count += client->first != NULL && client->first->kind == FL__PENDING_WAIT;
    }
    return count;
}

static void add_clients(struct info *info)
{
    add(info, "connected_clients:%u", (unsigned)info->server->client_count);
    add(info, "cluster_connections:0");
    add(info, "maxclients:%u", (unsigned)info->server->options.clients_max);
    add(info, "blocked_clients:%u", (unsigned)count_blocked(info->server));
    add(info, "tracking_clients:0");
    add(info, "pubsub_clients:%u", (unsigned)fl__pubsub_clients(info->server));
    add(info, "clients_buffers:%" PRIu64, info->snapshot.clients_memory);
    add(info, "paused_actions:%s",
        info->server->pause_until == 0 ? "none"
        : info->server->pause_is_all   ? "all"
                                       : "write");
    add(info, "paused_timeout_milliseconds:%" PRIu64,
        info->server->pause_until > info->server->now ? (info->server->pause_until - info->server->now) / 1000
                                                      : 0);
    add(info, "commands_on_their_way:%u", (unsigned)info->server->pending_count);
}

static void add_memory_section(struct info *info)
{
    add_memory(info, "used_memory", info->snapshot.counts.memory);
    add_memory(info, "maxmemory", info->snapshot.memory_max);
    add(info, "maxmemory_policy:noeviction");
    add(info, "mem_clients_normal:%" PRIu64, info->snapshot.clients_memory);
    struct fl__store_counts counts;
    fl__store_counts(info->server->store, &counts);
    add(info, "lazyfree_pending_objects:%" PRIu64, counts.discarded);
}

static void add_persistence(struct info *info)
{
    add(info, "loading:0");
    add(info, "async_loading:0");
    add(info, "rdb_changes_since_last_save:0");
    add(info, "rdb_bgsave_in_progress:0");
    add(info, "rdb_last_bgsave_status:ok");
    add(info, "aof_enabled:1");
    add(info, "aof_rewrite_in_progress:0");
    add(info, "aof_rewrite_scheduled:0");
    add(info, "aof_last_bgrewrite_status:ok");
    add(info, "aof_last_write_status:%s", info->snapshot.node.damaged ? "err" : "ok");
    add(info, "aof_current_size:%" PRIu64, info->snapshot.node.log_size);
}

static void add_stats(struct info *info)
{
    const struct fl__snapshot *snapshot = &info->snapshot;
    const struct fl__counted *from = &info->server->counted_from;
    add(info, "total_connections_received:%" PRIu64, info->server->clients_accepted - from->accepted);
    add(info, "total_commands_processed:%" PRIu64, snapshot->counts.commands - from->commands);
    add(info, "rejected_connections:%" PRIu64, snapshot->clients_refused - from->refused);
    add(info, "expired_keys:%" PRIu64, snapshot->expired - from->expired);
    add(info, "evicted_keys:0");
    add(info, "keyspace_hits:%" PRIu64, snapshot->hits - from->hits);
    add(info, "keyspace_misses:%" PRIu64, snapshot->misses - from->misses);
    add(info, "total_error_replies:%" PRIu64, info->server->errors.total);
    add(info, "pubsub_channels:%u", (unsigned)fl__pubsub_topics(info->server, FL__TOPIC_CHANNEL));
    add(info, "pubsub_patterns:%u", (unsigned)fl__pubsub_topics(info->server, FL__TOPIC_PATTERN));
    add(info, "pubsubshard_channels:%u", (unsigned)fl__pubsub_topics(info->server, FL__TOPIC_SHARD));
}

static void add_master(struct info *info, const struct fl__places *places)
{
    uint32_t number = 0;
    add(info, "role:master");
    add(info, "connected_slaves:%u", (unsigned)fl__places_replicas(places));
    for (uint32_t k = 0; k < places->count; k++) {
        const struct fl__place *place = &places->list[k];
        if (fl__places_is_replica(places, k))
            add(info, "slave%u:ip=%s,port=%u,state=online,offset=%" PRIu64 ",lag=0", (unsigned)number++,
                place->host, (unsigned)place->port, place->offset);
    }
}

static void add_slave(struct info *info, const struct fl__places *places)
{
    const struct fl__place *leader = fl__places_leader(places);
    fl_index offset = places->list[places->self].offset;
    add(info, "role:slave");
    add(info, "master_host:%s", leader->host);
    add(info, "master_port:%u", (unsigned)leader->port);
    add(info, "master_link_status:%s", places->has_leader ? "up" : "down");
    add(info, "master_last_io_seconds_ago:%d", places->has_leader ? 0 : -1);
    add(info, "master_sync_in_progress:%d", places->has_leader && !places->is_ready);
    add(info, "slave_read_repl_offset:%" PRIu64, offset);
    add(info, "slave_repl_offset:%" PRIu64, offset);
    add(info, "slave_priority:100");
    add(info, "slave_read_only:%d", info->server->options.follower == FL_FOLLOWER_MOVED);
    add(info, "replica_announced:1");
    add(info, "connected_slaves:0");
}

static void add_replication(struct info *info)
{
    const struct fl__snapshot *snapshot = &info->snapshot;
    struct fl__places places;
    char replication_id[41] = "";
    for (int k = 0; k < 20; k++) /* One history, that of the cluster; its identity is shorter than Redis'. */
        snprintf(replication_id + 2 * k, 3, "%02x", k < 16 ? snapshot->node.cluster_id[k] : 0);
    fl__places_of(info->server, &snapshot->node, &places);
    if (places.leads)
        add_master(info, &places);
    else
        add_slave(info, &places);
    add(info, "master_failover_state:no-failover");
    add(info, "master_replid:%s", replication_id);
    add(info, "master_repl_offset:%" PRIu64, snapshot->node.applied);
}

static void add_raft(struct info *info)
{
    const struct fl__snapshot *snapshot = &info->snapshot;
    const struct fl_node_status *node = &snapshot->node;
    char health[FL_NAME_MAX + 64];
    fl__snapshot_health(snapshot, health, sizeof health);
    add(info, "raft_name:%s", node->name);
    add(info, "raft_id:%016" PRIx64, node->id);
    add(info, "raft_role:%s", fl__role_text(node->role));
    add(info, "raft_term:%" PRIu64, node->term);
    add(info, "raft_leader:%s", fl__snapshot_leader(snapshot));
    add(info, "raft_health:%s", health);
    add(info, "raft_ready:%d", node->ready && !node->damaged);
    add(info, "raft_last_index:%" PRIu64, node->last);
    add(info, "raft_durable_index:%" PRIu64, node->durable);
    add(info, "raft_commit_index:%" PRIu64, node->commit);
    add(info, "raft_applied_index:%" PRIu64, node->applied);
    add(info, "raft_members:%u", (unsigned)node->peer_count);
    for (uint32_t k = 0; k < node->peer_count; k++) {
        const struct fl_node_peer *peer = &node->peers[k];
        add(info, "raft_member_%u:name=%s,peer=%s,client=%s,voter=%d,up=%d,match=%" PRIu64 ",next=%" PRIu64,
            (unsigned)k, peer->member.name, peer->member.address,
            peer->self ? snapshot->listen : peer->member.client, peer->voter, peer->up || peer->self,
            peer->self ? node->durable : peer->match, peer->self ? node->last + 1 : peer->next);
    }
}

static void add_commandstats(struct info *info)
{
    for (uint32_t k = 0; k < fl__command_count; k++) {
        const struct fl__usage *usage = &info->server->usage[k];
        if (usage->calls == 0 && usage->rejected == 0)
            continue;
        double each = usage->calls == 0 ? 0 : (double)usage->usec / (double)usage->calls;
        add(info,
            "cmdstat_%s:calls=%" PRIu64 ",usec=%" PRIu64 ",usec_per_call=%.2f,rejected_calls=%" PRIu64
            ",failed_calls=%" PRIu64,
            fl__commands[k].name, usage->calls, usage->usec, each, usage->rejected, usage->failed);
    }
}

static void add_errorstats(struct info *info)
{
    const struct fl__errors *errors = &info->server->errors;
    for (uint32_t k = 0; k < FL__ERROR_WORDS_MAX && errors->words[k].count > 0; k++)
        add(info, "errorstat_%s:count=%" PRIu64, errors->words[k].word, errors->words[k].count);
}

/* What was set by a name of Redis and has no effect. */
static void add_settings(struct info *info)
{
    uint32_t count = 0;
    fl__reply_raw(&info->text, fl__bytes_of("stored_not_honoured:"));
    for (uint32_t k = 0; k < fl__setting_count(); k++) {
        if (!fl__setting_is_unused(info->server, k))
            continue;
        fl__reply_raw(&info->text, fl__bytes_of(count++ > 0 ? "," : ""));
        fl__reply_raw(&info->text, fl__bytes_of(fl__setting_name(k)));
    }
    fl__reply_raw(&info->text, fl__bytes_of("\r\n"));
    add(info, "config_file:%s", info->server->config_file != NULL ? info->server->config_file : "");
}

static void add_cluster(struct info *info)
{
    add(info, "cluster_enabled:1");
}

static void add_keyspace(struct info *info)
{
    if (info->snapshot.counts.keys > 0)
        add(info, "db0:keys=%" PRIu64 ",expires=%" PRIu64 ",avg_ttl=0", info->snapshot.counts.keys,
            info->snapshot.expires);
}

static const struct {
    const char *name, *title;
    void (*add)(struct info *info);
    bool is_default;
} sections[] = {
    {"server", "Server", add_server, true},
    {"clients", "Clients", add_clients, true},
    {"memory", "Memory", add_memory_section, true},
    {"persistence", "Persistence", add_persistence, true},
    {"stats", "Stats", add_stats, true},
    {"replication", "Replication", add_replication, true},
    {"raft", "Raft", add_raft, true},
    {"commandstats", "Commandstats", add_commandstats, false},
    {"errorstats", "Errorstats", add_errorstats, true},
    {"settings", "Settings", add_settings, true},
    {"cluster", "Cluster", add_cluster, true},
    {"keyspace", "Keyspace", add_keyspace, true},
};

/* -------------------------------------------------------------------------------------------- the command */

static bool is_wanted(size_t section, const struct fl__bytes *names, uint32_t name_count)
{
    if (name_count == 0)
        return sections[section].is_default;
    for (uint32_t k = 0; k < name_count; k++) {
        if (fl__bytes_is(names[k], "all") || fl__bytes_is(names[k], "everything") ||
            fl__bytes_is(names[k], sections[section].name))
            return true;
        if (fl__bytes_is(names[k], "default") && sections[section].is_default)
            return true;
    }
    return false;
}

void fl__local_info(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    struct info info = {.server = client->server};
    fl__snapshot_take(client->server, &info.snapshot);
    fl__reply_init(&info.text, 2, FL__CLIENT_OUTPUT_MIN);
    for (size_t k = 0; k < sizeof sections / sizeof sections[0]; k++) {
        if (!is_wanted(k, args + 1, arg_count - 1))
            continue;
        add(&info, "%s# %s", info.text.size > 0 ? "\r\n" : "", sections[k].title);
        sections[k].add(&info);
    }
    if (info.text.failed)
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
    else
        fl__reply_verbatim(reply, "txt", (struct fl__bytes){info.text.data, info.text.size});
    fl__reply_release(&info.text);
}
