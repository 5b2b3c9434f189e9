/* story.c - events as sentences, in the paper's words. */
#include "sim.h"

#include <inttypes.h>
#include <string.h>

/* Each writes the sentence without the node's name; false: nothing worth telling. */
typedef bool (*teller)(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                       const struct fl_event *event);

static const char *name_of(const struct fl_world *world, uint64_t node)
{
    return node < world->count ? world->nodes[node].name : "?";
}

static const char *plural(uint64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

/* "entry 7", "entries 7 to 9" */
static void write_range(char *out, size_t size, fl_index first, fl_index last)
{
    if (first == last)
        snprintf(out, size, "entry %" PRIu64, first);
    else
        snprintf(out, size, "entries %" PRIu64 " to %" PRIu64, first, last);
}

/* ----------------------------------------------------------------------------------------------- messages */

static const char *const message_names[] = {
    [FL_MSG_PREVOTE] = "prevote", [FL_MSG_PREVOTE_REPLY] = "prevote-reply",
    [FL_MSG_VOTE] = "vote",       [FL_MSG_VOTE_REPLY] = "vote-reply",
    [FL_MSG_APPEND] = "append",   [FL_MSG_APPEND_REPLY] = "append-reply",
    [FL_MSG_READ] = "read",       [FL_MSG_READ_REPLY] = "read-reply",
    [FL_MSG_FETCH] = "fetch",     [FL_MSG_FETCH_REPLY] = "fetch-reply",
};

static void describe_append(char *out, size_t size, const struct fl_message *message)
{
    char range[64];
    if (message->last == message->prev) {
        snprintf(out, size, "heartbeat after entry %" PRIu64 ", commit %" PRIu64, message->prev,
                 message->commit);
        return;
    }
    write_range(range, sizeof range, message->prev + 1, message->last);
    snprintf(out, size, "%s after %" PRIu64 " of term %" PRIu64 ", commit %" PRIu64, range, message->prev,
             message->prev_term, message->commit);
}

static void describe_append_reply(char *out, size_t size, const struct fl_message *message)
{
    if (message->rejected)
        snprintf(out, size, "no entry %" PRIu64 " of that term here; an outline of %" PRIu32 " %s",
                 message->prev, message->outline.run_count,
                 plural(message->outline.run_count, "run", "runs"));
    else
        snprintf(out, size, "holds all up to %" PRIu64, message->last);
}

static void describe_vote(char *out, size_t size, const struct fl_message *message)
{
    bool is_pre = message->type == FL_MSG_PREVOTE || message->type == FL_MSG_PREVOTE_REPLY;
    const char *vote = is_pre ? "pre-vote" : "vote";
    if (message->type == FL_MSG_PREVOTE || message->type == FL_MSG_VOTE)
        snprintf(out, size, "%s asked; last entry %" PRIu64 " of term %" PRIu64, vote, message->prev,
                 message->prev_term);
    else
        snprintf(out, size, "%s %s", vote,
                 message->granted    ? "granted"
                 : message->rejected ? "refused: the log lacks entries"
                                     : "refused");
}

static void describe(char *out, size_t size, const struct fl_message *message)
{
    switch (message->type) {
    case FL_MSG_APPEND:
        describe_append(out, size, message);
        break;
    case FL_MSG_APPEND_REPLY:
        describe_append_reply(out, size, message);
        break;
    case FL_MSG_READ:
        snprintf(out, size, "asks for a read index");
        break;
    case FL_MSG_READ_REPLY:
        snprintf(out, size, "read index %" PRIu64, message->commit);
        break;
    case FL_MSG_FETCH:
        snprintf(out, size, "asks for the entries it lacks");
        break;
    case FL_MSG_FETCH_REPLY:
        snprintf(out, size, "the entries up to %" PRIu64, message->last);
        break;
    default:
        describe_vote(out, size, message);
        break;
    }
}

static bool tell_message(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                         const struct fl_event *event)
{
    const struct fl_message *message = &event->packet->message;
    bool arrives = event->type == FL_EVENT_DELIVERED;
    char what[160];
    describe(what, sizeof what, message);
    out->type = arrives ? "delivered" : event->type == FL_EVENT_SENT ? "sent" : "lost";
    out->message = message_names[message->type];
    out->is_detail = true;
    out->term = message->term;
    out->index = message->prev;
    out->other = message->last;
    snprintf(text, size, "%s%s %s (term %" PRIu64 "): %s", event->type == FL_EVENT_LOST ? "lost: " : "",
             arrives ? "from" : "to", name_of(world, event->peer), message->term, what);
    return true;
}

/* --------------------------------------------------------------------------------------------------- Raft */

static bool tell_role(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                      const struct fl_event *event)
{
    static const char *const types[] = {"follower", "precandidate", "candidate", "leader"};
    enum fl_role role = world->nodes[event->node].seen_role;
    out->type = types[role];
    out->term = event->term;
    out->index = world->nodes[event->node].log.last;
    if (role == FL_LEADER)
        snprintf(text, size, "LEADS term %" PRIu64, event->term);
    else if (role == FL_CANDIDATE)
        snprintf(text, size, "stands for election in term %" PRIu64, event->term);
    else if (role == FL_PRECANDIDATE)
        snprintf(text, size, "hears no leader: asks for pre-votes for term %" PRIu64, event->term + 1);
    else
        snprintf(text, size, "follower in term %" PRIu64, event->term);
    return true;
}

static bool tell_log(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                     const struct fl_event *event)
{
    char range[64];
    bool is_cut = event->type == FL_EVENT_TRUNCATED;
    write_range(range, sizeof range, event->index, event->other);
    out->type = is_cut ? "truncated" : "appended";
    out->is_detail = !is_cut;
    out->index = event->index;
    out->other = event->other;
    out->term = fl_world_term(world, event->node, event->index);
    if (is_cut)
        snprintf(text, size, "cuts %s (term %" PRIu64 "): the leader's log has another entry there", range,
                 out->term);
    else
        snprintf(text, size, "appends %s (term %" PRIu64 ")", range, out->term);
    return true;
}

static bool tell_commit(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                        const struct fl_event *event)
{
    out->type = "committed";
    out->index = event->index;
    out->term = fl_world_term(world, event->node, event->index);
    out->is_detail = world->nodes[event->node].seen_role != FL_LEADER;
    snprintf(text, size, "commits up to %" PRIu64, event->index);
    return true;
}

static bool tell_note(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                      const struct fl_event *event)
{
    const struct fl_note *note = event->note;
    const char *peer = name_of(world, note->peer);
    out->index = note->index;
    out->other = note->other;
    out->term = note->term;
    switch (note->kind) {
    case FL_NOTE_CONFLICT:
        out->type = "conflict";
        out->peer = peer;
        snprintf(text, size, "learns that %s's log parts from its own after %" PRIu64, peer, note->other);
        return true;
    case FL_NOTE_CONTRADICTION:
        out->type = "contradiction";
        out->peer = peer;
        snprintf(text, size, "finds that %s contradicts committed entry %" PRIu64, peer, note->index);
        return true;
    case FL_NOTE_DATA_LOSS:
        out->type = "data-loss";
        out->peer = peer;
        snprintf(text, size, "hears that %s lost entries it had acknowledged", peer);
        return true;
    case FL_NOTE_SLOW_DISK:
        out->type = "slow-disk";
        snprintf(text, size, "steps down: its disk has stalled");
        return true;
    case FL_NOTE_QUORUM_LOST:
        out->type = "quorum-lost";
        snprintf(text, size, "steps down: it hears no majority");
        return true;
    case FL_NOTE_FETCHED:
        out->type = "fetched";
        out->peer = peer;
        snprintf(text, size, "takes the entries up to %" PRIu64 " that it lacked from %s", note->other, peer);
        return true;
    default:
        return false;
    }
}

/* ------------------------------------------------------------------------------------ clients and disks */

static bool tell_client(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                        const struct fl_event *event)
{
    char range[64];
    (void)world;
    write_range(range, sizeof range, event->index, event->other);
    bool is_read = event->type == FL_EVENT_READ;
    out->type = is_read ? "read" : "answered";
    out->is_detail = true;
    out->index = event->index;
    out->other = event->other;
    out->term = event->term;
    if (is_read)
        snprintf(text, size, "answers a read at %" PRIu64 ": %s", event->index, event->text);
    else
        snprintf(text, size, "answers the client of %s: %s", range, event->text);
    return true;
}

static bool tell_disk(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                      const struct fl_event *event)
{
    char range[64];
    (void)world;
    bool is_done = event->type == FL_EVENT_PERSISTED;
    out->type = is_done ? "persisted" : "persisting";
    out->is_detail = true;
    out->term = event->term;
    out->index = event->index;
    out->other = event->other;
    write_range(range, sizeof range, event->index, event->other);
    if (is_done)
        snprintf(text, size, "write %" PRIu64 " is durable", event->index);
    else if (event->term > 0)
        snprintf(text, size, "writes term %" PRIu64 " to disk", event->term);
    else if (event->index == 0)
        snprintf(text, size, "writes a truncation to disk");
    else
        snprintf(text, size, "writes %s to disk", range);
    return true;
}

static bool tell_power(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                       const struct fl_event *event)
{
    (void)world;
    bool is_crash = event->type == FL_EVENT_CRASHED;
    out->type = is_crash ? "crashed" : "restarted";
    out->index = event->index;
    if (is_crash && event->index > 0)
        snprintf(text, size, "CRASHES; %" PRIu64 " %s not complete", event->index,
                 plural(event->index, "write was", "writes were"));
    else if (is_crash)
        snprintf(text, size, "CRASHES");
    else if (event->index > 0)
        snprintf(text, size, "restarts; entry %" PRIu64 " of its log is damaged", event->index);
    else
        snprintf(text, size, "restarts");
    return true;
}

static bool tell_link(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                      const struct fl_event *event)
{
    bool is_cut = event->type == FL_EVENT_CUT;
    out->type = is_cut ? "cut" : "healed";
    out->peer = name_of(world, event->peer);
    snprintf(text, size, is_cut ? "no longer reaches %s" : "reaches %s again", out->peer);
    return true;
}

/* What a scenario file says, and what it expects. */
static bool tell_script(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                        const struct fl_event *event)
{
    (void)world;
    out->node = NULL;
    out->index = event->index;
    if (event->type == FL_EVENT_EXPECTED) {
        out->type = event->index ? "held" : "not-held";
        snprintf(text, size, "%s%s", event->index ? "as expected: " : "NOT AS EXPECTED: ", event->text);
        return true;
    }
    out->type = event->type == FL_EVENT_LINE ? "line" : "say";
    snprintf(text, size, "%s", event->text);
    return true;
}

static bool tell_trip(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                      const struct fl_event *event)
{
    (void)world;
    out->type = "broken";
    snprintf(text, size, "BROKEN INVARIANT %s", event->text);
    return true;
}

static const teller tellers[] = {
    [FL_EVENT_SENT] = tell_message,     [FL_EVENT_DELIVERED] = tell_message,
    [FL_EVENT_LOST] = tell_message,     [FL_EVENT_PERSISTING] = tell_disk,
    [FL_EVENT_PERSISTED] = tell_disk,   [FL_EVENT_ROLE] = tell_role,
    [FL_EVENT_APPENDED] = tell_log,     [FL_EVENT_TRUNCATED] = tell_log,
    [FL_EVENT_COMMITTED] = tell_commit, [FL_EVENT_ANSWERED] = tell_client,
    [FL_EVENT_READ] = tell_client,      [FL_EVENT_CRASHED] = tell_power,
    [FL_EVENT_RESTARTED] = tell_power,  [FL_EVENT_CUT] = tell_link,
    [FL_EVENT_HEALED] = tell_link,      [FL_EVENT_NOTE] = tell_note,
    [FL_EVENT_TRIPPED] = tell_trip,     [FL_EVENT_EXPECTED] = tell_script,
    [FL_EVENT_LINE] = tell_script,      [FL_EVENT_SAY] = tell_script,
};

bool fl__story_tell(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                    const struct fl_event *event)
{
    if ((size_t)event->type >= sizeof tellers / sizeof *tellers || !tellers[event->type])
        return false;
    *out = (struct fl_sim_event){
        .time_us = world->now, .node = name_of(world, event->node), .node_number = event->node, .text = text};
    if (event->packet)
        out->peer = name_of(world, event->peer);
    return tellers[event->type](out, text, size, world, event);
}
