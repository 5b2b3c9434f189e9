/* view.c - a world as JSON: what the page draws. docs/events.md has the fields that a live
 * cluster's view has not. */
#include "../core/core.h"
#include "playground.h"

/* What is being written, and of which moment. */
struct look {
    struct fl_json json;
    const struct fl_player *player;
    const struct fl_world *world;
    const struct fl_event *event; /* That is being told; NULL: none. */
};

static bool is_told(const struct look *look, enum fl_event_type type, uint32_t node)
{
    return look->event && look->event->type == type && look->event->node == node;
}

/* Also of a node that is about to start. */
static bool is_up(const struct look *look, uint32_t n)
{
    const struct fl_world_node *node = &look->world->nodes[n];
    return node->is_alive || is_told(look, FL_EVENT_RESTARTED, n);
}

static const char *name_of(const struct fl_world *world, bool known, fl_id id)
{
    return known && id < world->count ? world->nodes[id].name : "";
}

/* -------------------------------------------------------------------------------------------------- nodes */

/* The log that people see: the host's, or what is on the disk of a node that is down. */
static const struct fl_world_log *log_of(const struct fl_world_node *node)
{
    return node->is_alive ? &node->log : &node->disk.log;
}

static fl_index last_of(const struct look *look, uint32_t n)
{
    return is_told(look, FL_EVENT_TRUNCATED, n) ? look->event->index - 1
                                                : log_of(&look->world->nodes[n])->last;
}

static void write_log(struct look *look, uint32_t n)
{
    static const char *const kinds[] = {
        [FL_ENTRY_COMMAND] = "c", [FL_ENTRY_NOOP] = "n", [FL_ENTRY_CONFIGURATION] = "m"};
    const struct fl_world_log *log = log_of(&look->world->nodes[n]);
    fl_json_begin(&look->json, "log", '[');
    for (fl_index k = 0; k < last_of(look, n); k++) {
        fl_json_begin(&look->json, NULL, '[');
        fl_json_number(&look->json, NULL, log->entries[k].term);
        fl_json_text(&look->json, NULL, kinds[log->entries[k].kind]);
        fl_json_word(&look->json, NULL, fl_player_word(look->player, log->entries[k].value));
        fl_json_end(&look->json, ']');
    }
    fl_json_end(&look->json, ']');
}

static void write_timer(struct look *look, uint32_t n)
{
    const struct fl_raft *raft = look->world->nodes[n].raft;
    fl_time_us now = look->world->now;
    bool runs = raft && raft->role != FL_LEADER && raft->election_at != FL__NEVER;
    if (!runs) {
        fl_json_none(&look->json, "election_us");
        fl_json_none(&look->json, "timeout_us");
        return;
    }
    fl_json_number(&look->json, "election_us", raft->election_at > now ? raft->election_at - now : 0);
    fl_json_number(&look->json, "timeout_us", raft->timeout_us);
}

static void write_peers(struct look *look, uint32_t n)
{
    static const char *const progress[] = {"probe", "stream", "stopped"};
    const struct fl_raft *raft = look->world->nodes[n].raft;
    struct fl_peer_status peer;
    fl_json_begin(&look->json, "peers", '[');
    for (uint32_t k = 0; raft && raft->role == FL_LEADER && fl_raft_peer(raft, k, &peer); k++) {
        fl_json_begin(&look->json, NULL, '{');
        fl_json_text(&look->json, "name", name_of(look->world, true, peer.id));
        fl_json_number(&look->json, "match", peer.match);
        fl_json_number(&look->json, "next", peer.next);
        fl_json_text(&look->json, "progress", progress[peer.progress]);
        fl_json_number(&look->json, "rejections", peer.rejections);
        fl_json_number(&look->json, "sent", peer.entries_sent);
        fl_json_number(&look->json, "round_trip_us", 0);
        fl_json_flag(&look->json, "up", peer.is_up);
        fl_json_end(&look->json, '}');
    }
    fl_json_end(&look->json, ']');
}

/* Only what runs on real machines is counted; here the fields are there, so that readers find them. */
static void write_counters(struct look *look)
{
    static const char *const names[] = {"committed", "syncs",   "sync_us", "commits",
                                        "commit_us", "clients", "memory",  "disk"};
    fl_json_begin(&look->json, "counters", '{');
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        fl_json_number(&look->json, names[k], 0);
    fl_json_end(&look->json, '}');
}

static void write_raft(struct look *look, uint32_t n)
{
    static const char *const roles[] = {"follower", "precandidate", "candidate", "leader"};
    const struct fl_world *world = look->world;
    const struct fl_world_node *node = &world->nodes[n];
    struct fl_status status = fl_world_status(world, n);
    if (!node->is_alive) {
        status.term = node->disk.term;
        status.has_vote = node->disk.has_vote;
        status.vote = node->disk.vote;
        status.durable = node->disk.log.last;
    }
    fl_index last = last_of(look, n);
    fl_json_text(&look->json, "role", is_up(look, n) ? roles[status.role] : "down");
    fl_json_number(&look->json, "term", status.term);
    fl_json_text(&look->json, "vote", name_of(world, status.has_vote, status.vote));
    fl_json_text(&look->json, "leader", name_of(world, status.has_leader, status.leader));
    fl_json_number(&look->json, "last", last);
    fl_json_number(&look->json, "durable", status.durable < last ? status.durable : last);
    fl_json_number(&look->json, "commit", status.commit);
    fl_json_number(&look->json, "applied", node->applied);
    fl_json_number(&look->json, "first", 1);
}

static void write_node(struct look *look, uint32_t n)
{
    const struct fl_world_node *node = &look->world->nodes[n];
    fl_json_begin(&look->json, NULL, '{');
    fl_json_text(&look->json, "name", node->name);
    fl_json_flag(&look->json, "up", is_up(look, n));
    fl_json_flag(&look->json, "paused", node->is_paused);
    fl_json_flag(&look->json, "voter", node->kind == FL_VOTER);
    write_raft(look, n);
    write_log(look, n);
    write_timer(look, n);
    fl_json_text(&look->json, "disk", node->disk.by_hand ? "slow" : "fast");
    fl_json_number(&look->json, "writes", node->disk.write_count);
    write_peers(look, n);
    write_counters(look);
    fl_json_text(&look->json, "health", "");
    fl_json_end(&look->json, '}');
}

/* ----------------------------------------------------------------------------------------------- messages */

static void write_packet(struct look *look, const struct fl_packet *packet)
{
    const struct fl_message *message = &packet->message;
    struct fl_json *json = &look->json;
    fl_json_begin(json, NULL, '{');
    fl_json_number(json, "number", packet->number);
    fl_json_text(json, "from", look->world->nodes[packet->from].name);
    fl_json_text(json, "to", look->world->nodes[packet->to].name);
    fl_json_text(json, "type", fl_message_name(message->type));
    fl_json_number(json, "term", message->term);
    fl_json_number(json, "prev", message->prev);
    fl_json_number(json, "prev_term", message->prev_term);
    fl_json_number(json, "last", message->last);
    fl_json_number(json, "commit", message->commit);
    fl_json_flag(json, "granted", message->granted);
    fl_json_flag(json, "rejected", message->rejected);
    fl_json_number(json, "sent_us", packet->sent_at);
    fl_json_number(json, "due_us", fl_world_due(packet, fl_player_latency(look->player)));
    fl_json_begin(json, "outline", '[');
    for (uint32_t k = 0; k < message->outline.run_count; k++) {
        fl_json_begin(json, NULL, '[');
        fl_json_number(json, NULL, message->outline.runs[k].term);
        fl_json_number(json, NULL, message->outline.runs[k].first);
        fl_json_end(json, ']');
    }
    fl_json_end(json, ']');
    fl_json_end(json, '}');
}

/* In flight, the one that is just being sent among them. */
static void write_flying(struct look *look)
{
    const struct fl_world *world = look->world;
    fl_json_begin(&look->json, "flying", '[');
    for (uint32_t k = 0; k < world->flying.count; k++)
        write_packet(look, world->flying.list[k]);
    if (look->event && look->event->type == FL_EVENT_SENT &&
        !world->cut[look->event->node][look->event->peer])
        write_packet(look, look->event->packet);
    fl_json_end(&look->json, ']');
}

static void write_cut(struct look *look)
{
    const struct fl_world *world = look->world;
    fl_json_begin(&look->json, "cut", '[');
    for (uint32_t k = 0; k < world->count * world->count; k++) {
        if (!world->cut[k / world->count][k % world->count])
            continue;
        fl_json_begin(&look->json, NULL, '[');
        fl_json_text(&look->json, NULL, world->nodes[k / world->count].name);
        fl_json_text(&look->json, NULL, world->nodes[k % world->count].name);
        fl_json_end(&look->json, ']');
    }
    fl_json_end(&look->json, ']');
}

/* -------------------------------------------------------------------------------------------------- world */

static void write_broken(struct look *look)
{
    const struct fl_judge *judge = &look->world->judge;
    fl_json_begin(&look->json, "broken", '[');
    for (uint32_t k = 0; k < judge->trip_count && k < FL_WORLD_TRIPS_MAX; k++) {
        fl_json_begin(&look->json, NULL, '{');
        fl_json_text(&look->json, "rule", judge->trips[k].rule);
        fl_json_text(&look->json, "text", judge->trips[k].text);
        fl_json_end(&look->json, '}');
    }
    fl_json_end(&look->json, ']');
}

static void write_options(struct look *look)
{
    static const char *const repairs[] = {"outline", "term", "one"};
    const struct fl_raft_config *raft = &look->world->settings.raft;
    fl_json_begin(&look->json, "options", '{');
    fl_json_text(&look->json, "pre-vote", raft->pre_vote ? "on" : "off");
    fl_json_text(&look->json, "check-quorum", raft->check_quorum ? "on" : "off");
    fl_json_text(&look->json, "repair", repairs[raft->repair]);
    fl_json_text(&look->json, "commit-any-term", raft->unsafe_commit_any_term ? "unsafe" : "never");
    fl_json_end(&look->json, '}');
}

static size_t write_world(struct look *look)
{
    const struct fl_world *world = look->world;
    fl_json_begin(&look->json, NULL, '{');
    fl_json_number(&look->json, "time_us", world->now);
    fl_json_flag(&look->json, "live", false);
    fl_json_text(&look->json, "name", "");
    fl_json_begin(&look->json, "nodes", '[');
    for (uint32_t n = 0; n < world->count; n++)
        write_node(look, n);
    fl_json_end(&look->json, ']');
    write_flying(look);
    write_cut(look);
    fl_json_number(&look->json, "committed", world->judge.committed);
    write_broken(look);
    write_options(look);
    fl_json_number(&look->json, "latency_us", fl_player_latency(look->player));
    fl_json_number(&look->json, "line", world->line);
    fl_json_flag(&look->json, "sampled", false);
    fl_json_end(&look->json, '}');
    return fl_json_finish(&look->json);
}

bool fl__view_write(struct fl__page *page, struct fl_player *player, const struct fl_event *event)
{
    for (;;) {
        struct look look = {.json = {.out = page->bytes, .size = page->size},
                            .player = player,
                            .world = fl_player_world(player),
                            .event = event};
        size_t length = write_world(&look);
        if (length < page->size)
            return true;
        if (!fl__page_grow(page, length + 1))
            return false;
    }
}

bool fl__page_grow(struct fl__page *page, size_t size)
{
    if (size <= page->size)
        return true;
    size_t larger = size + size / 4;
    char *bytes = page->allocator.allocate(page->allocator.context, larger);
    if (!bytes)
        return false;
    if (page->bytes)
        page->allocator.release(page->allocator.context, page->bytes);
    page->bytes = bytes;
    page->size = larger;
    return true;
}
