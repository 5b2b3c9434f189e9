/* metrics.c - a snapshot in Prometheus' text format 0.0.4: base units, counters in _total, prefix fairlead_.
 *
 * Figures about a peer carry its name. Those that only a leader knows are absent elsewhere, rather than
 * stale. docs/metrics.md lists all of them; a test holds the two together. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add_head(struct fl__reply *out, const char *name, const char *type, const char *help)
{
    fl__reply_print(out, "# HELP fairlead_%s %s\n# TYPE fairlead_%s %s\n", name, help, name, type);
}

static void add_counter(struct fl__reply *out, const char *name, uint64_t value, const char *help)
{
    add_head(out, name, "counter", help);
    fl__reply_print(out, "fairlead_%s %" PRIu64 "\n", name, value);
}

static void add_gauge(struct fl__reply *out, const char *name, uint64_t value, const char *help)
{
    add_head(out, name, "gauge", help);
    fl__reply_print(out, "fairlead_%s %" PRIu64 "\n", name, value);
}

static void add_histogram(struct fl__reply *out, const char *name, const struct fl_histogram *histogram,
                          const char *help)
{
    const size_t bucket_count = sizeof histogram->buckets / sizeof histogram->buckets[0];
    uint64_t up_to = 0; /* Prometheus' buckets hold what all the smaller ones hold too. */
    add_head(out, name, "histogram", help);
    for (size_t k = 0; k < bucket_count; k++) {
        up_to += histogram->buckets[k];
        fl__reply_print(out, "fairlead_%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
                        (double)((uint64_t)10 << k) / 1e6, up_to);
    }
    fl__reply_print(out, "fairlead_%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, histogram->count);
    fl__reply_print(out, "fairlead_%s_sum %" PRIu64 ".%06" PRIu64 "\n", name, histogram->sum_us / 1000000,
                    histogram->sum_us % 1000000);
    fl__reply_print(out, "fairlead_%s_count %" PRIu64 "\n", name, histogram->count);
}

/* ------------------------------------------------------------------------------------------------- peers */

typedef double peer_figure(const struct fl_node_status *node, const struct fl_node_peer *peer);

static double next_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return (double)peer->next;
}

static double match_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return (double)peer->match;
}

static double lag_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    return node->last > peer->match ? (double)(node->last - peer->match) : 0;
}

static double conflicts_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return (double)peer->conflicts_total;
}

static double rejections_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return (double)peer->rejections;
}

static double round_trip_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return (double)peer->round_trip_us / 1e6;
}

static double up_of(const struct fl_node_status *node, const struct fl_node_peer *peer)
{
    (void)node;
    return peer->up ? 1 : 0;
}

static const struct {
    const char *name, *type;
    peer_figure *figure;
    bool leader_only;
    const char *help;
} peer_metrics[] = {
    {"peer_up", "gauge", up_of, false, "Whether this node is connected to the peer."},
    {"raft_next_index", "gauge", next_of, true, "Next log index to send to the peer."},
    {"raft_match_index", "gauge", match_of, true, "Highest log index known to be replicated on the peer."},
    {"raft_peer_lag_entries", "gauge", lag_of, true, "Entries that the peer's log is behind."},
    {"raft_conflicts_total", "counter", conflicts_of, false,
     "Logs of the peer found to differ from this leader's."},
    {"raft_repair_round_trips", "gauge", rejections_of, true,
     "Rejections it took to repair the peer's log in this leadership."},
    {"peer_round_trip_seconds", "gauge", round_trip_of, false, "Latest heartbeat's round trip to the peer."},
};

static void add_peers(struct fl__reply *out, const struct fl_node_status *node)
{
    for (size_t m = 0; m < sizeof peer_metrics / sizeof peer_metrics[0]; m++) {
        if (peer_metrics[m].leader_only && node->role != FL_LEADER)
            continue;
        add_head(out, peer_metrics[m].name, peer_metrics[m].type, peer_metrics[m].help);
        for (uint32_t k = 0; k < node->peer_count; k++)
            if (!node->peers[k].self)
                fl__reply_print(out, "fairlead_%s{peer=\"%s\"} %.15g\n", peer_metrics[m].name,
                                node->peers[k].member.name, peer_metrics[m].figure(node, &node->peers[k]));
    }
}

/* ----------------------------------------------------------------------------------------------- the rest */

static void add_raft(struct fl__reply *out, const struct fl_node_status *node)
{
    /* The one that is under way is not lost yet: a counter must not fall. */
    uint64_t lost = node->elections_started - node->elections_won - (node->role == FL_CANDIDATE);
    add_gauge(out, "raft_has_leader", node->has_leader, "Whether this node knows a leader.");
    add_gauge(out, "raft_is_leader", node->role == FL_LEADER, "Whether this node is the leader.");
    add_gauge(out, "raft_term", node->term, "Current term.");
    add_counter(out, "raft_leader_changes_total", node->leader_changes,
                "Changes of leader that this node saw.");
    add_head(out, "raft_elections_total", "counter",
             "Elections that this node stood for, by how they ended.");
    fl__reply_print(out, "fairlead_raft_elections_total{result=\"won\"} %" PRIu64 "\n", node->elections_won);
    fl__reply_print(out, "fairlead_raft_elections_total{result=\"lost\"} %" PRIu64 "\n", lost);
    add_gauge(out, "raft_last_index", node->last, "Last index of the log.");
    add_gauge(out, "raft_durable_index", node->durable, "Last index of the log that is on disk for sure.");
    add_gauge(out, "raft_commit_index", node->commit, "Highest index known to be committed.");
    add_gauge(out, "raft_applied_index", node->applied, "Highest index applied to the keyspace.");
    add_counter(out, "raft_truncated_entries_total", node->truncated_entries,
                "Uncommitted entries that a leader's log replaced.");
    add_histogram(out, "wal_fsync_duration_seconds", &node->sync_time, "Time to make a batch durable.");
    add_histogram(out, "commit_duration_seconds", &node->commit_time,
                  "Time from a proposal to its commitment.");
    add_histogram(out, "apply_duration_seconds", &node->apply_time, "Time to apply a batch of entries.");
}

static void add_proposals(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    const struct fl_node_status *node = &snapshot->node;
    add_counter(out, "proposals_committed_total", node->committed,
                "Commands of this node's clients that committed.");
    add_counter(out, "proposals_applied_total", snapshot->applied_commands,
                "Commands applied to this node's keyspace, whoever sent them; a restart applies all again.");
    add_counter(out, "proposals_failed_total", node->refused + node->unknown,
                "Commands of this node's clients that were refused, or whose outcome is unknown.");
    add_counter(out, "proposals_unknown_total", node->unknown,
                "Of those, the ones whose outcome is unknown.");
    add_gauge(out, "proposals_pending", node->pending, "Commands and reads that wait for an answer.");
}

static void add_clients(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    add_gauge(out, "clients", snapshot->counts.clients, "Clients connected.");
    add_counter(out, "clients_accepted_total", snapshot->clients_accepted, "Clients that connected.");
    add_counter(out, "clients_refused_total", snapshot->clients_refused,
                "Clients turned away because there were as many as there may be.");
    add_gauge(out, "clients_memory_bytes", snapshot->clients_memory, "Buffers of all clients.");
    add_counter(out, "clients_received_bytes_total", snapshot->bytes_received, "Bytes that clients sent.");
    add_counter(out, "clients_sent_bytes_total", snapshot->bytes_sent, "Bytes sent to clients.");
}

static void add_keyspace(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    add_gauge(out, "keys", snapshot->counts.keys, "Keys in the keyspace.");
    add_gauge(out, "keys_with_deadline", snapshot->expires, "Keys that have a time to live.");
    add_counter(out, "keys_expired_total", snapshot->expired, "Keys removed because their time had come.");
    add_counter(out, "keyspace_hits_total", snapshot->hits, "Lookups of reads that found their key.");
    add_counter(out, "keyspace_misses_total", snapshot->misses, "Lookups of reads that found no key.");
    add_gauge(out, "memory_bytes", snapshot->counts.memory, "Memory that keys and values take.");
    add_gauge(out, "memory_max_bytes", snapshot->memory_max, "The limit, maxmemory; 0 if there is none.");
}

static void add_server(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    add_head(out, "build_info", "gauge", "Always 1; the label is the version of the program.");
    fl__reply_print(out, "fairlead_build_info{version=\"%s\"} 1\n", snapshot->version);
    add_head(out, "node_info", "gauge", "Always 1; the labels are the node's name and its Redis address.");
    fl__reply_print(out, "fairlead_node_info{name=\"%s\",listen=\"%s\"} 1\n", snapshot->node.name,
                    snapshot->listen);
    add_gauge(out, "ready", snapshot->node.ready && !snapshot->node.damaged, "Whether /readyz says yes.");
    add_gauge(out, "damaged", snapshot->node.damaged, "Whether the node takes no part until somebody acts.");
    add_gauge(out, "disk_bytes", snapshot->node.log_size, "Size of the log on disk.");
    add_gauge(out, "disk_max_bytes", snapshot->log_max, "The limit, log-max: beyond it writes are refused.");
    add_gauge(out, "uptime_seconds", snapshot->uptime_us / 1000000, "Since the server started.");
}

static void add_events(struct fl__reply *out, const uint64_t counts[FL_NODE_EVENT_KINDS])
{
    add_head(out, "events_total", "counter", "What happened on this node, by kind; see docs/events.md.");
    for (int kind = 0; kind < FL_NODE_EVENT_KINDS; kind++)
        fl__reply_print(out, "fairlead_events_total{event=\"%s\"} %" PRIu64 "\n",
                        fl__events_name((enum fl_node_event_kind)kind), counts[kind]);
}

void fl__metrics_write(struct fl__reply *out, const struct fl__snapshot *snapshot, const uint64_t *calls)
{
    add_server(out, snapshot);
    add_raft(out, &snapshot->node);
    add_peers(out, &snapshot->node);
    add_proposals(out, snapshot);
    add_clients(out, snapshot);
    add_keyspace(out, snapshot);
    add_events(out, snapshot->events);
    add_head(out, "commands_total", "counter", "Commands that clients called.");
    for (uint32_t k = 0; k < fl__command_count; k++)
        if (calls[k] > 0)
            fl__reply_print(out, "fairlead_commands_total{cmd=\"%s\"} %" PRIu64 "\n", fl__commands[k].name,
                            calls[k]);
}
