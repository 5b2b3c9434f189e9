/* view.c - FAIRLEAD VIEW: this node as a picture of the cluster shows it.
 *
 *   VIEW [SINCE sequence] [COUNT n]   [boot nonce, next sequence, [event, ...], node]
 *
 * The first three are what EVENTS replies; the last one is a JSON object: the node's numbers, and the newest
 * entries of its log. The web port's thread asks all members for it several times a second while somebody
 * looks, so it is cheap: entries come from memory, and only after a restart, until there are new ones, from
 * disk.
 *
 * Invariant: no number of a view speaks of an entry behind its `last`, and where the log could be read, the
 * entries shown end there: a log that grew while they were collected is shown as it was before. */
#include "server.h"

#include <inttypes.h>
#include <stdlib.h>

#define ENTRIES_MAX 64 /* Shown, the newest ones. */
#define TEXT_SIZE 65   /* Of an entry's text, with its terminator. */
#define JSON_SIZE_MAX (256u << 10)

struct entry {
    fl_term term;
    enum fl_entry_kind kind;
    char text[TEXT_SIZE];
};

/* A view on its way, kept in its pending call. */
struct view {
    struct fl__events_range range;
    fl_index first; /* Of the entries, */
    uint32_t count; /* and how many were read so far. */
    struct entry entries[ENTRIES_MAX];
};

/* --------------------------------------------------------------------------------------------------- JSON */

static fl_index at_most(fl_index index, fl_index last)
{
    return index < last ? index : last;
}

static const char *progress_text(enum fl_progress progress)
{
    switch (progress) {
    case FL_PROGRESS_PROBE:
        return "probe";
    case FL_PROGRESS_STREAM:
        return "stream";
    case FL_PROGRESS_STOPPED:
        return "stopped";
    }
    return "unknown";
}

static const char *name_of(const struct fl_node_status *node, fl_id id)
{
    for (uint32_t k = 0; k < node->peer_count; k++)
        if (node->peers[k].member.id_known && node->peers[k].member.id == id)
            return node->peers[k].member.name;
    return "";
}

static bool is_voter(const struct fl_node_status *node)
{
    for (uint32_t k = 0; k < node->peer_count; k++)
        if (node->peers[k].self)
            return node->peers[k].voter;
    return false;
}

static void add_who(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    const struct fl_node_status *node = &snapshot->node;
    char health[FL_NAME_MAX + 64];
    fl__snapshot_health(snapshot, health, sizeof health);
    fl__reply_print(out, "{\"name\":");
    fl__json_text(out, node->name);
    fl__reply_print(out, ",\"up\":true,\"paused\":false,\"voter\":%s", is_voter(node) ? "true" : "false");
    fl__reply_print(out, ",\"role\":\"%s\",\"term\":%" PRIu64 ",\"vote\":", fl__role_text(node->role),
                    node->term);
    fl__json_text(out, node->has_vote ? name_of(node, node->vote) : "");
    fl__reply_print(out, ",\"leader\":");
    fl__json_text(out, fl__snapshot_leader(snapshot));
    fl__reply_print(out, ",\"health\":");
    fl__json_text(out, health);
    fl__reply_print(out, ",\"damage\":");
    fl__json_text(out, node->damaged ? node->damage : "");
    fl__reply_print(out, ",\"founded\":%s,\"leaderless_us\":%" PRIu64 ",\"election_timeout_us\":%" PRIu64,
                    node->founded ? "true" : "false", snapshot->leaderless_us, snapshot->election_timeout_us);
}

static void add_entries(struct fl__reply *out, const struct view *view, uint32_t count)
{
    static const char kinds[] = {
        [FL_ENTRY_COMMAND] = 'c', [FL_ENTRY_NOOP] = 'n', [FL_ENTRY_CONFIGURATION] = 'm'};
    fl__reply_print(out, ",\"first\":%" PRIu64 ",\"log\":[", view->first);
    for (uint32_t k = 0; k < count; k++) {
        const struct entry *entry = &view->entries[k];
        fl__reply_print(out, "%s[%" PRIu64 ",\"%c\",", k > 0 ? "," : "", entry->term, kinds[entry->kind]);
        fl__json_text(out, entry->text);
        fl__reply_print(out, "]");
    }
    fl__reply_print(out, "]");
}

static void add_peers(struct fl__reply *out, const struct fl_node_status *node, fl_index last)
{
    const char *comma = "";
    fl__reply_print(out, ",\"peers\":[");
    for (uint32_t k = 0; k < node->peer_count && node->role == FL_LEADER; k++) {
        const struct fl_node_peer *peer = &node->peers[k];
        if (peer->self)
            continue;
        fl__reply_print(out, "%s{\"name\":", comma);
        fl__json_text(out, peer->member.name);
        fl__reply_print(out, ",\"match\":%" PRIu64 ",\"next\":%" PRIu64 ",\"progress\":\"%s\"",
                        at_most(peer->match, last), at_most(peer->next, last + 1),
                        progress_text(peer->progress));
        fl__reply_print(out, ",\"rejections\":%" PRIu64 ",\"sent\":%" PRIu64, peer->rejections,
                        peer->entries_sent);
        fl__reply_print(out, ",\"round_trip_us\":%" PRIu64 ",\"up\":%s}", peer->round_trip_us,
                        peer->up ? "true" : "false");
        comma = ",";
    }
    fl__reply_print(out, "]");
}

static void add_counters(struct fl__reply *out, const struct fl__snapshot *snapshot)
{
    const struct fl_node_status *node = &snapshot->node;
    fl__reply_print(out, ",\"counters\":{\"committed\":%" PRIu64, node->committed);
    fl__reply_print(out, ",\"syncs\":%" PRIu64 ",\"sync_us\":%" PRIu64, node->sync_time.count,
                    node->sync_time.sum_us);
    fl__reply_print(out, ",\"commits\":%" PRIu64 ",\"commit_us\":%" PRIu64, node->commit_time.count,
                    node->commit_time.sum_us);
    fl__reply_print(out, ",\"clients\":%" PRIu64 ",\"memory\":%" PRIu64 ",\"disk\":%" PRIu64 "}",
                    snapshot->counts.clients, snapshot->counts.memory, node->log_size);
}

/* `is_whole`: all entries that were asked for were read. */
static void write_view(struct fl__reply *out, const struct fl__snapshot *snapshot, const struct view *view,
                       bool is_whole)
{
    const struct fl_node_status *node = &snapshot->node;
    fl_index end = view->first + view->count; /* Behind the last one read; the log may have been cut since. */
    fl_index last = is_whole ? at_most(end - 1, node->last) : node->last;
    uint32_t count = (uint32_t)(at_most(end, last + 1) - at_most(view->first, last + 1));
    add_who(out, snapshot);
    fl__reply_print(out, ",\"last\":%" PRIu64 ",\"durable\":%" PRIu64, last, at_most(node->durable, last));
    fl__reply_print(out, ",\"commit\":%" PRIu64 ",\"applied\":%" PRIu64, at_most(node->commit, last),
                    at_most(node->applied, last));
    add_entries(out, view, count);
    fl__reply_print(out, ",\"election_us\":-1,\"timeout_us\":-1,\"disk\":\"fast\",\"writes\":0");
    add_peers(out, node, last);
    add_counters(out, snapshot);
    fl__reply_print(out, "}");
}

/* ------------------------------------------------------------------------------------------------- asking */

static void reply_view(struct fl_server *server, const struct view *view, bool is_whole,
                       struct fl__reply *reply)
{
    struct fl__snapshot snapshot;
    struct fl__reply json;
    fl__snapshot_take(server, &snapshot);
    fl__reply_init(&json, 2, JSON_SIZE_MAX);
    write_view(&json, &snapshot, view, is_whole);
    if (json.failed) {
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
    } else {
        fl__reply_array(reply, 4);
        fl__events_reply(server, &view->range, reply);
        fl__reply_bulk(reply, (struct fl__bytes){json.data, json.size});
    }
    fl__reply_release(&json);
}

static void on_line(void *context, const struct fl_log_line *line)
{
    struct fl__pending *p = context;
    struct view *view = (struct view *)(void *)p->data;
    struct entry *entry = &view->entries[view->count++];
    *entry = (struct entry){.term = line->term, .kind = line->kind};
    if (line->kind == FL_ENTRY_COMMAND)
        fl__payload_describe((struct fl__bytes){line->data, line->size}, entry->text, sizeof entry->text);
}

/* Where the log could not be read, the view shows what could be, and the node's numbers. */
static void on_lines_done(void *context, int result)
{
    struct fl__pending *p = context;
    const struct view *view = (const struct view *)(const void *)p->data;
    p->with_node = false;
    if (result == FL_ESTOPPED) {
        fl__pending_fail(p, result);
        return;
    }
    reply_view(p->server, view, result == FL_OK, fl__pending_reply(p));
    fl__pending_end(p);
}

static void start_view(struct fl__client *client, const struct fl__events_range *range, fl_index last,
                       struct fl__reply *reply)
{
    struct fl__pending *p = fl__pending_begin(client, FL__PENDING_LOG, NULL);
    if (p == NULL) {
        fl__error(reply, FL__CODE_BUSY, "too many commands are on their way; try again later");
        return;
    }
    client->deferred = true;
    if (!fl__pending_reserve(p, sizeof(struct view))) {
        fl__error(fl__pending_reply(p), FL__CODE_NO_MEMORY, "memory could not be allocated");
        fl__pending_end(p);
        return;
    }
    struct view *view = (struct view *)(void *)p->data;
    view->range = *range;
    view->first = last > ENTRIES_MAX ? last - ENTRIES_MAX + 1 : 1;
    view->count = 0;
    p->with_node = true;
    int result = fl_node_log(client->server->node, view->first, last, on_line, on_lines_done, p);
    if (result < 0)
        on_lines_done(p, result);
}

void fl__local_fairlead_view(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    struct fl_server *server = client->server;
    struct fl_node_status status;
    struct fl__events_range range;
    if (client->in_exec) {
        fl__error(reply, FL__CODE_NOT_IN_TRANSACTION, "FAIRLEAD VIEW cannot be part of a transaction");
        return;
    }
    if (server->stopping) {
        fl__error_outcome(reply, server, FL_ESTOPPED, false);
        return;
    }
    if (!fl__events_range_parse(args, arg_count, reply, &range))
        return;
    fl_node_status(server->node, &status);
    if (status.last > 0)
        start_view(client, &range, status.last, reply);
    else
        reply_view(server, &(struct view){.range = range, .first = 1}, true, reply);
}
