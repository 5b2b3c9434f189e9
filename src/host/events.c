/* events.c - what happens on a node, told when it happens: a line for people, an event for the machine.
 *
 * The core hands out notes, the transport its news, the disk its troubles. What else there is to tell is seen
 * from here, at the boundary: messages on their way into the core, and the status before and after. So the
 * core carries none of it.
 *
 * Each thing is told once. A role is told again only when role, term or leader differ from what was told
 * last; a member that lacked part of this leader's log is followed from the moment when that may be so until
 * its log is as this one, and is told of only if it lacked something. Whoever asks for votes in vain, again
 * and again, is told of once. docs/events.md has the table. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>

typedef unsigned long long ull;

#define FAR_BEHIND                                                                                           \
    1000 /* Committed entries; whoever lacks fewer has them before anybody can read about it. */
#define ASKED_ANEW_US ((fl_time_us)10 * 1000000) /* Without a request for a vote: the next one is news. */

void fl__say(const struct fl__logger *logger, int level, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    if (!logger->log)
        return;
    va_start(arguments, format);
    (void)vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    logger->log(logger->context, level, line);
}

void fl__tell(struct fl_node *node, int level, const struct fl_node_event *event, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fl__say(&node->log, level, "%s", text);
    if (!node->machine.event)
        return;
    struct fl_node_event told = *event;
    told.time_us = node->io->vtable->now(node->io);
    told.wall_us = node->io->vtable->wall_clock_us(node->io);
    told.term = event->term ? event->term : node->status.term;
    told.text = text;
    node->machine.event(node->machine.state, &told);
}

/* A member's name, or what stands for it. */
static const char *name_of(const struct fl_node *node, fl_id id)
{
    const struct fl_node_member *member = fl__roster_find(&node->roster, id);
    return member ? member->name : "an unknown node";
}

/* ---------------------------------------------------------------------------------------------- elections */

static bool stands(enum fl_role role)
{
    return role == FL_CANDIDATE || role == FL_PRECANDIDATE;
}

static uint32_t count_voters(const struct fl_node *node)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < node->roster.count; k++)
        count += node->roster.kinds[k] == FL_VOTER;
    return count;
}

/* The node's own vote, and those that came. */
static uint32_t count_votes(const struct fl_node *node)
{
    uint32_t count = 1;
    for (uint32_t votes = node->teller.votes; votes; votes &= votes - 1)
        count++;
    return count;
}

void fl__events_message(struct fl_node *node, const struct fl_message *message)
{
    const struct fl_status *status = &node->status;
    bool elects = message->type == FL_MSG_VOTE_REPLY && status->role == FL_CANDIDATE;
    if (!elects || !message->granted || message->term != status->term)
        return;
    for (uint32_t k = 0; k < node->roster.count; k++)
        if (node->roster.members[k].id == message->from && node->roster.kinds[k] == FL_VOTER)
            node->teller.votes |= (uint32_t)1 << k;
}

static void tell_lost_election(struct fl_node *node, fl_term term)
{
    const struct fl_node_event event = {.kind = FL_NODE_ELECTION_LOST,
                                        .term = term,
                                        .votes = count_votes(node),
                                        .voters = count_voters(node)};
    fl__tell(node, FL_LOG_INFO, &event, "did not win term %llu: it had %u of %u votes", (ull)term,
             (unsigned)event.votes, (unsigned)event.voters);
}

/* ---------------------------------------------------------------------------- making logs like this one's */

static bool find_peer(const struct fl_node *node, fl_id id, struct fl_peer_status *out)
{
    for (uint32_t k = 0; fl_raft_peer(node->raft, k, out); k++)
        if (out->id == id)
            return true;
    return false;
}

/* From now on the member is followed. `has`: it lacks nothing if it has all up to here. */
static void follow(struct fl_node *node, struct fl__slot *slot, fl_index has)
{
    struct fl_peer_status peer;
    if (!slot->used || !slot->member.id_known || !find_peer(node, slot->member.id, &peer))
        return;
    slot->repair_from = peer.next;
    slot->repair_to = node->status.last;
    slot->repair_sent = peer.entries_sent;
    slot->repair_rejections = peer.rejections;
    slot->repair_is_needed = peer.next <= has;
}

/* A new leader's own first entry is news to everybody. */
static void follow_all(struct fl_node *node)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++)
        follow(node, &node->transport.slots[k], node->status.last - 1);
}

void fl__events_status(struct fl_node *node, const struct fl_status *before)
{
    const struct fl_status *now = &node->status;
    if (now->role == before->role && now->term == before->term)
        return;
    if (before->role == FL_CANDIDATE && now->role != FL_LEADER)
        tell_lost_election(node, before->term);
    if (stands(now->role))
        node->teller.votes = 0;
    if (now->role == FL_LEADER)
        follow_all(node);
}

void fl__events_up(struct fl_node *node, struct fl__slot *slot)
{
    bool is_under_repair = slot->repair_to != 0 && slot->repair_is_needed;
    if (node->status.role == FL_LEADER && !is_under_repair)
        follow(node, slot, node->status.last);
}

static void tell_conflict(struct fl_node *node, const struct fl_note *note)
{
    const char *peer = name_of(node, note->peer);
    const struct fl_node_event event = {
        .kind = FL_NODE_CONFLICT, .peer = peer, .index = note->index, .other = note->other};
    struct fl__slot *slot = fl__transport_slot(&node->transport, note->peer);
    if (slot) {
        slot->conflicts_total++;
        slot->repair_from = note->other + 1;
        slot->repair_is_needed = true;
    }
    fl__tell(
        node, FL_LOG_INFO, &event,
        "learns from %s, which refused what follows entry %llu, that their logs part after entry %llu; sends it "
        "the rest",
        peer, (ull)note->index, (ull)note->other);
}

static void tell_repair(struct fl_node *node, const struct fl__slot *slot, const struct fl_peer_status *peer)
{
    const struct fl_node_event event = {
        .kind = FL_NODE_REPAIRED,
        .peer = slot->member.name,
        .index = slot->repair_from,
        .other = slot->repair_to,
        .entries = peer->entries_sent - slot->repair_sent,
        .round_trips = (uint32_t)(peer->rejections - slot->repair_rejections),
    };
    char found[64] = "without having to ask where the logs part";
    if (event.round_trips > 0)
        (void)snprintf(found, sizeof found, "after %u round trip%s to find where the logs part",
                       (unsigned)event.round_trips, event.round_trips == 1 ? "" : "s");
    fl__tell(node, FL_LOG_INFO, &event, "repaired the log of %s from entry %llu on: sent it %llu entr%s, %s",
             event.peer, (ull)event.index, (ull)event.entries, event.entries == 1 ? "y" : "ies", found);
}

/* Told as soon as the member holds, on its disk, what this leader held when the repair began. */
static void maybe_tell_repair(struct fl_node *node, struct fl__slot *slot)
{
    struct fl_peer_status peer;
    if (slot->repair_to == 0 || !find_peer(node, slot->member.id, &peer) || peer.match < slot->repair_to)
        return;
    if (slot->repair_is_needed && slot->repair_from <= slot->repair_to)
        tell_repair(node, slot, &peer);
    slot->repair_to = 0;
}

/* A leader's append says how much is committed. */
static void maybe_tell_catching_up(struct fl_node *node, const struct fl_message *append)
{
    fl_index applied = node->applier.applied;
    bool is_far = append->commit > applied && append->commit - applied >= FAR_BEHIND;
    if (node->teller.is_ready || node->teller.is_catching_up || !is_far)
        return;
    node->teller.is_catching_up = true;
    const struct fl_node_event event = {.kind = FL_NODE_CATCHING_UP,
                                        .peer = name_of(node, append->from),
                                        .index = applied,
                                        .other = append->commit,
                                        .entries = append->commit - applied};
    fl__tell(node, FL_LOG_INFO, &event, "catches up: has applied %llu of %llu committed entries",
             (ull)event.index, (ull)event.other);
}

void fl__events_received(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message)
{
    if (message->type == FL_MSG_APPEND_REPLY && node->status.role == FL_LEADER)
        maybe_tell_repair(node, slot);
    else if (message->type == FL_MSG_APPEND && message->term == node->status.term)
        maybe_tell_catching_up(node, message);
}

/* -------------------------------------------------------------------------------------------------- roles */

static void tell_leading(struct fl_node *node, const struct fl_status *now)
{
    const struct fl_node_event event = {.kind = FL_NODE_LEADER,
                                        .term = now->term,
                                        .index = now->last,
                                        .votes = count_votes(node),
                                        .voters = count_voters(node)};
    fl__tell(node, FL_LOG_INFO, &event,
             "became leader of term %llu with %u of %u votes, its log at entry %llu", (ull)now->term,
             (unsigned)event.votes, (unsigned)event.voters, (ull)now->last);
}

static void tell_standing(struct fl_node *node, const struct fl_status *now, const char *lost)
{
    struct fl_node_event event = {
        .kind = FL_NODE_CANDIDATE, .term = now->term, .index = now->last, .voters = count_voters(node)};
    if (now->role == FL_CANDIDATE) {
        fl__tell(node, FL_LOG_INFO, &event, "stands for election in term %llu", (ull)now->term);
        return;
    }
    event.kind = FL_NODE_PRECANDIDATE;
    event.peer = lost;
    if (lost)
        fl__tell(node, FL_LOG_INFO, &event,
                 "does not hear %s, its leader; asks whether it could win term %llu", lost,
                 (ull)now->term + 1);
    else
        fl__tell(node, FL_LOG_INFO, &event, "hears no leader; asks whether it could win term %llu",
                 (ull)now->term + 1);
}

static void tell_following(struct fl_node *node, const struct fl_status *now, const char *lost,
                           bool is_new_term)
{
    struct fl_node_event event = {.kind = FL_NODE_FOLLOWER, .term = now->term, .index = now->last};
    if (now->has_leader) {
        event.peer = name_of(node, now->leader);
        fl__tell(node, FL_LOG_INFO, &event, "follows %s in term %llu", event.peer, (ull)now->term);
    } else if (is_new_term && now->has_vote) {
        fl__tell(node, FL_LOG_INFO, &event, "votes for %s in term %llu", name_of(node, now->vote),
                 (ull)now->term);
    } else if (lost) {
        fl__tell(node, FL_LOG_INFO, &event, "has lost its leader %s; the term is %llu", lost, (ull)now->term);
    } else {
        fl__tell(node, FL_LOG_INFO, &event, "knows no leader of term %llu", (ull)now->term);
    }
}

static void tell_role(struct fl_node *node)
{
    struct fl_status now;
    struct fl__teller *teller = &node->teller;
    fl_raft_status(node->raft, &now);
    bool same = now.role == teller->role && now.term == teller->term &&
                now.has_leader == teller->has_leader && now.leader == teller->leader;
    if (same)
        return;
    bool had_other = teller->has_leader && teller->leader != now.id;
    const char *lost = had_other ? name_of(node, teller->leader) : NULL;
    bool is_new_term = now.term != teller->term;
    teller->role = now.role;
    teller->term = now.term;
    teller->has_leader = now.has_leader;
    teller->leader = now.leader;
    if (now.role == FL_LEADER)
        tell_leading(node, &now);
    else if (now.role == FL_FOLLOWER)
        tell_following(node, &now, lost, is_new_term);
    else
        tell_standing(node, &now, lost);
}

/* --------------------------------------------------------------------------------------- the core's notes */

static void tell_truncation(struct fl_node *node, const struct fl_note *note)
{
    const struct fl_status *status = &node->status;
    const struct fl_node_event event = {
        .kind = FL_NODE_TRUNCATED,
        .term = note->term,
        .peer = status->has_leader ? name_of(node, status->leader) : NULL,
        .index = note->index,
        .other = note->other,
        .entries = note->other - note->index + 1,
    };
    fl__tell(node, FL_LOG_INFO, &event,
             "cut its entries %llu to %llu (from term %llu on): never committed, and not in the leader's log",
             (ull)note->index, (ull)note->other, (ull)note->term);
}

static void tell_fetch(struct fl_node *node, const struct fl_note *note)
{
    const struct fl_node_event event = {.kind = FL_NODE_FETCHED,
                                        .peer = name_of(node, note->peer),
                                        .index = note->index,
                                        .other = note->other,
                                        .entries = note->other - note->index};
    fl__tell(node, FL_LOG_INFO, &event,
             "took entries above %llu up to %llu from %s to stand for election again", (ull)note->index,
             (ull)note->other, event.peer);
}

/* Whether the peer goes on with what was told already. */
static bool asks_again(struct fl__slot *slot, enum fl_message_type message, fl_time_us now)
{
    bool is_same = slot->ignored == message && now - slot->ignored_at < ASKED_ANEW_US;
    slot->ignored = message;
    slot->ignored_at = now;
    return is_same;
}

/* What has come since the note may have changed role and leader. */
static void tell_ignored(struct fl_node *node, const struct fl_note *note)
{
    struct fl_status now;
    struct fl__slot *slot = fl__transport_slot(&node->transport, note->peer);
    if (!slot || asks_again(slot, note->message, node->io->vtable->now(node->io)))
        return;
    fl_raft_status(node->raft, &now);
    bool is_prevote = note->message == FL_MSG_PREVOTE;
    const struct fl_node_event event = {.kind = FL_NODE_IGNORED,
                                        .term = note->term,
                                        .peer = slot->member.name,
                                        .message = is_prevote ? "prevote" : "vote",
                                        .leader = now.has_leader ? name_of(node, now.leader) : NULL};
    char why[FL_NAME_MAX + 64] = "it leads";
    if (now.role != FL_LEADER)
        (void)snprintf(why, sizeof why, "it has just heard its leader%s%s", event.leader ? ", " : "",
                       event.leader ? event.leader : "");
    fl__tell(node, FL_LOG_INFO, &event,
             is_prevote ? "refuses %s a pre-vote for term %llu: %s"
                        : "ignores that %s asks for its vote in term %llu: %s",
             event.peer, (ull)note->term, why);
}

static void tell_contradiction(struct fl_node *node, const struct fl_note *note)
{
    const struct fl_node_event event = {
        .kind = FL_NODE_CONTRADICTION, .peer = name_of(node, note->peer), .index = note->index};
    fl__tell(
        node, FL_LOG_ERROR, &event,
        "finds that %s contradicts entry %llu, which is committed, and sends it nothing more: its disk is damaged or "
        "from another time; replace it",
        event.peer, (ull)note->index);
}

static void tell_loss(struct fl_node *node, const struct fl_note *note)
{
    const struct fl_node_event event = {.kind = FL_NODE_DATA_LOSS,
                                        .peer = name_of(node, note->peer),
                                        .index = note->index,
                                        .other = note->other};
    fl__tell(
        node, FL_LOG_ERROR, &event,
        "finds that %s has lost entries: it had acknowledged %llu and now has %llu; its disk lost what it had synced",
        event.peer, (ull)note->index, (ull)note->other);
}

void fl__events_note(struct fl_node *node, const struct fl_note *note)
{
    switch (note->kind) {
    case FL_NOTE_ROLE:
        tell_role(node);
        break;
    case FL_NOTE_CONFLICT:
        tell_conflict(node, note);
        break;
    case FL_NOTE_TRUNCATED:
        tell_truncation(node, note);
        break;
    case FL_NOTE_CONTRADICTION:
        tell_contradiction(node, note);
        break;
    case FL_NOTE_DATA_LOSS:
        tell_loss(node, note);
        break;
    case FL_NOTE_SLOW_DISK:
        fl__tell(node, FL_LOG_WARN, &(struct fl_node_event){.kind = FL_NODE_SLOW_DISK, .term = note->term},
                 "steps down: its disk has stalled, and the others can do without it");
        break;
    case FL_NOTE_QUORUM_LOST:
        fl__tell(node, FL_LOG_WARN, &(struct fl_node_event){.kind = FL_NODE_QUORUM_LOST, .term = note->term},
                 "steps down: it hears no majority of the members");
        break;
    case FL_NOTE_CONFIGURATION:
        fl__tell(node, FL_LOG_INFO, &(struct fl_node_event){.kind = FL_NODE_MEMBERS, .index = note->index},
                 "takes the members of entry %llu for the present ones", (ull)note->index);
        break;
    case FL_NOTE_FETCHED:
        tell_fetch(node, note);
        break;
    case FL_NOTE_IGNORED:
        tell_ignored(node, note);
        break;
    }
}

/* The log's size has a limit, and nothing makes a log smaller: this is told once in a life. */
void fl__events_log_full(struct fl_node *node)
{
    if (node->teller.is_log_full)
        return;
    node->teller.is_log_full = true;
    fl__tell(node, FL_LOG_ERROR,
             &(struct fl_node_event){.kind = FL_NODE_LOG_FULL, .index = node->status.last},
             "has a log at its size limit of %llu bytes: writes are refused while this node leads; "
             "reads work; start it with a larger --log-max",
             (ull)node->options.log_size_max);
}

/* ---------------------------------------------------------------------------------------- after each turn */

static void tell_founding(struct fl_node *node)
{
    struct fl__teller *teller = &node->teller;
    if (teller->is_founded || !fl__driver_is_founded(node))
        return;
    teller->is_founded = true;
    if (teller->is_new)
        fl__tell(node, FL_LOG_INFO,
                 &(struct fl_node_event){
                     .kind = FL_NODE_FOUNDED, .index = node->roster.index, .voters = count_voters(node)},
                 "learns that the cluster is founded: its %u member%s entry %llu of the log",
                 (unsigned)node->roster.count, node->roster.count == 1 ? " stands in" : "s stand in",
                 (ull)node->roster.index);
}

static void tell_readiness(struct fl_node *node, bool is_ready)
{
    struct fl__teller *teller = &node->teller;
    bool news = is_ready && !teller->is_ready;
    teller->is_ready = is_ready;
    if (!news)
        return;
    teller->is_catching_up = false;
    fl__tell(node, FL_LOG_INFO,
             &(struct fl_node_event){.kind = FL_NODE_READY, .index = node->applier.applied},
             "is ready: has applied all that was committed, up to entry %llu", (ull)node->applier.applied);
}

static void tell_turn(struct fl_node *node, bool is_ready)
{
    if (node->is_closing)
        return;
    tell_founding(node);
    tell_readiness(node, is_ready);
}

void fl__events_notice(struct fl_node *node)
{
    const struct fl_status *status = &node->status;
    struct fl__noticed now = {
        .role = status->role,
        .term = status->term,
        .has_leader = status->has_leader,
        .ready = fl__reads_is_ready(node) && !node->is_failed,
        .founded = fl__driver_is_founded(node),
        .damaged = node->is_failed || node->damaged > 0 || node->transport.refusal != NULL,
        .leader = status->leader,
        .members = node->roster.index,
    };
    const struct fl__noticed *then = &node->noticed;
    bool same = now.role == then->role && now.term == then->term && now.has_leader == then->has_leader &&
                now.ready == then->ready && now.founded == then->founded && now.damaged == then->damaged &&
                now.leader == then->leader && now.members == then->members;
    tell_turn(node, now.ready);
    node->noticed = now;
    if (!same && node->machine.notice)
        node->machine.notice(node->machine.state, node);
}
