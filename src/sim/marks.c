/* marks.c - interesting states, and whether a campaign has seen them.
 *
 * A judge that never sees a log cut has not judged cutting. Each mark is a state that a campaign of some
 * size must have reached, or it has tested less than it seems. */
#include "sim.h"

enum mark {
    MARK_LEADER,
    MARK_TWO_LEADERS,
    MARK_QUORUM_LOST,
    MARK_SLOW_DISK,
    MARK_PREVOTE_REFUSED,
    MARK_VOTE_REFUSED,
    MARK_REJECTED,
    MARK_TRUNCATED,
    MARK_TRUNCATED_CONFIGURATION,
    MARK_TRUNCATED_MANY,
    MARK_FETCHED,
    MARK_COMMITTED_OLDER,
    MARK_REFUSED,
    MARK_READ_LEADER,
    MARK_READ_FOLLOWER,
    MARK_READ_AGAIN,
    MARK_OLD_TERM,
    MARK_COPY,
    MARK_CRASHED_WRITING,
    MARK_ALL_DOWN,
    MARK_DAMAGED,
    MARK_COUNT,
};

static const char *const names[MARK_COUNT] = {
    [MARK_LEADER] = "a leader was elected",
    [MARK_TWO_LEADERS] = "two led at once, in different terms",
    [MARK_QUORUM_LOST] = "a leader that heard no majority stepped down",
    [MARK_SLOW_DISK] = "a leader with a slow disk stepped down",
    [MARK_PREVOTE_REFUSED] = "a pre-vote was refused",
    [MARK_VOTE_REFUSED] = "a vote was refused",
    [MARK_REJECTED] = "a follower rejected an append",
    [MARK_TRUNCATED] = "a follower cut its log",
    [MARK_TRUNCATED_CONFIGURATION] = "a follower cut a configuration entry",
    [MARK_TRUNCATED_MANY] = "a follower cut entries of several terms at once",
    [MARK_FETCHED] = "a candidate fetched what its log lacked",
    [MARK_COMMITTED_OLDER] = "a leader committed entries of an older term, by one of its own",
    [MARK_REFUSED] = "a write was refused",
    [MARK_READ_LEADER] = "a leader served a read",
    [MARK_READ_FOLLOWER] = "a follower served a read",
    [MARK_READ_AGAIN] = "a read had to be asked again",
    [MARK_OLD_TERM] = "a message of an older term arrived",
    [MARK_COPY] = "a message arrived a second time",
    [MARK_CRASHED_WRITING] = "power failed in the midst of a write",
    [MARK_ALL_DOWN] = "no node was up",
    [MARK_DAMAGED] = "a node found its log damaged",
};

const char *fl_sim_mark_name(uint32_t mark)
{
    return mark < MARK_COUNT ? names[mark] : NULL;
}

static uint64_t bit(bool is_seen, enum mark mark)
{
    return is_seen ? (uint64_t)1 << mark : 0;
}

static uint64_t see_role(const struct fl_world *world, const struct fl_event *event)
{
    uint32_t leaders = 0;
    for (uint32_t n = 0; n < world->count; n++)
        leaders += fl_world_status(world, n).role == FL_LEADER;
    return bit(world->nodes[event->node].seen_role == FL_LEADER, MARK_LEADER) |
           bit(leaders > 1, MARK_TWO_LEADERS);
}

static uint64_t see_truncation(const struct fl_world *world, const struct fl_event *event)
{
    const struct fl_world_log *log = &world->nodes[event->node].log;
    bool has_configuration = false;
    for (fl_index index = event->index; index <= event->other; index++)
        has_configuration |= log->entries[index - 1].kind == FL_ENTRY_CONFIGURATION;
    bool many = log->entries[event->index - 1].term != log->entries[event->other - 1].term;
    return bit(true, MARK_TRUNCATED) | bit(has_configuration, MARK_TRUNCATED_CONFIGURATION) |
           bit(many, MARK_TRUNCATED_MANY);
}

static uint64_t see_delivery(const struct fl_world *world, const struct fl_event *event)
{
    const struct fl_message *message = &event->packet->message;
    return bit(message->type == FL_MSG_PREVOTE_REPLY && !message->granted, MARK_PREVOTE_REFUSED) |
           bit(message->type == FL_MSG_VOTE_REPLY && !message->granted, MARK_VOTE_REFUSED) |
           bit(message->type == FL_MSG_APPEND_REPLY && message->rejected, MARK_REJECTED) |
           bit(message->term < world->nodes[event->node].seen_term, MARK_OLD_TERM) |
           bit(event->packet->is_copy, MARK_COPY);
}

static uint64_t see_note(const struct fl_note *note)
{
    return bit(note->kind == FL_NOTE_QUORUM_LOST, MARK_QUORUM_LOST) |
           bit(note->kind == FL_NOTE_SLOW_DISK, MARK_SLOW_DISK) |
           bit(note->kind == FL_NOTE_FETCHED, MARK_FETCHED);
}

/* The committed entry before those of the leader's term, if any of them had to wait for its opening entry. */
static uint64_t see_commit(const struct fl_world *world, const struct fl_event *event)
{
    const struct fl_world_node *node = &world->nodes[event->node];
    fl_index index = event->index;
    if (node->seen_role != FL_LEADER || node->log.entries[index - 1].term != node->seen_term)
        return 0;
    while (index > 1 && node->log.entries[index - 2].term == node->seen_term)
        index--;
    return bit(index > 1 && world->judge.commits[index - 2].by == node->seen_term, MARK_COMMITTED_OLDER);
}

static uint64_t see_read(const struct fl_world *world, const struct fl_event *event)
{
    bool is_done = event->text[0] == 'd';
    bool is_leader = world->nodes[event->node].seen_role == FL_LEADER;
    return bit(is_done && is_leader, MARK_READ_LEADER) | bit(is_done && !is_leader, MARK_READ_FOLLOWER) |
           bit(!is_done, MARK_READ_AGAIN);
}

static uint64_t see_crash(const struct fl_world *world)
{
    bool is_any_alive = false;
    for (uint32_t n = 0; n < world->count; n++)
        is_any_alive |= world->nodes[n].is_alive;
    return bit(!is_any_alive, MARK_ALL_DOWN);
}

void fl__marks_see(uint64_t *marks, const struct fl_world *world, const struct fl_event *event)
{
    switch (event->type) {
    case FL_EVENT_ROLE:
        *marks |= see_role(world, event);
        break;
    case FL_EVENT_TRUNCATED:
        *marks |= see_truncation(world, event);
        break;
    case FL_EVENT_DELIVERED:
        *marks |= see_delivery(world, event);
        break;
    case FL_EVENT_NOTE:
        *marks |= see_note(event->note);
        break;
    case FL_EVENT_COMMITTED:
        *marks |= see_commit(world, event);
        break;
    case FL_EVENT_ANSWERED:
        *marks |= bit(event->text[0] == 'r', MARK_REFUSED);
        break;
    case FL_EVENT_READ:
        *marks |= see_read(world, event);
        break;
    case FL_EVENT_CRASHED:
        *marks |= see_crash(world) | bit(event->index > 0, MARK_CRASHED_WRITING);
        break;
    case FL_EVENT_RESTARTED:
        *marks |= bit(event->index > 0, MARK_DAMAGED);
        break;
    default:
        break;
    }
}
