/* marks.c - interesting states, and whether a campaign has seen them.
 *
 * A judge that never sees a log cut has not judged cutting. Each mark is a state that a campaign of some
 * size must have reached, or it has tested less than it seems. */
#include "sim.h"

static const char *const names[FL__MARK_COUNT] = {
    [FL__MARK_LEADER] = "a leader was elected",
    [FL__MARK_TWO_LEADERS] = "two led at once, in different terms",
    [FL__MARK_QUORUM_LOST] = "a leader that heard no majority stepped down",
    [FL__MARK_SLOW_DISK] = "a leader with a slow disk stepped down",
    [FL__MARK_PREVOTE_REFUSED] = "a pre-vote was refused",
    [FL__MARK_VOTE_REFUSED] = "a vote was refused",
    [FL__MARK_REJECTED] = "a follower rejected an append",
    [FL__MARK_TRUNCATED] = "a follower cut its log",
    [FL__MARK_TRUNCATED_CONFIGURATION] = "a follower cut a configuration entry",
    [FL__MARK_TRUNCATED_MANY] = "a follower cut entries of several terms at once",
    [FL__MARK_FETCHED] = "a candidate fetched what its log lacked",
    [FL__MARK_COMMITTED_OLDER] = "a leader committed entries of an older term, by one of its own",
    [FL__MARK_REFUSED] = "a write was refused",
    [FL__MARK_READ_LEADER] = "a leader served a read",
    [FL__MARK_READ_FOLLOWER] = "a follower served a read",
    [FL__MARK_READ_AGAIN] = "a read had to be asked again",
    [FL__MARK_OLD_TERM] = "a message of an older term arrived",
    [FL__MARK_COPY] = "a message arrived a second time",
    [FL__MARK_CRASHED_WRITING] = "power failed in the midst of a write",
    [FL__MARK_ALL_DOWN] = "no node was up",
    [FL__MARK_DAMAGED] = "a node found its log damaged",
    [FL__MARK_UNKNOWN] = "a server told a client that the outcome is unknown",
    [FL__MARK_DEFINITE] = "a server told a client that nothing was written",
    [FL__MARK_CRASHED_STARTING] = "a server lost power while it started",
    [FL__MARK_HALTED] = "a server refused to start from a damaged disk",
    [FL__MARK_FLIPPED] = "a server hung up on a peer whose bytes were damaged",
    [FL__MARK_FULL] = "a server's disk was full",
    [FL__MARK_DISK_FAILED] = "a server stopped because its disk failed",
    [FL__MARK_WIPED] = "a server whose disk was empty was refused by the others",
    [FL__MARK_LOG_FULL] = "a server refused a command because the log was as large as it may be",
    [FL__MARK_BUSY] = "a server refused a command because too many bytes waited",
    [FL__MARK_SWAPPED] = "a client compared and set",
    [FL__MARK_NOT_SWAPPED] = "a client compared and did not set, because another was faster",
    [FL__MARK_SAME_STATE] = "the content of two servers after the same entry was compared",
    [FL__MARK_SERVED_ALL] = "every list was read in the end, and judged",
    [FL__MARK_HEARD] = "what clients had heard on channels was judged",
    [FL__MARK_SENT_ON] = "a server that serves nobody told who leads, and not itself",
};

const char *fl_sim_mark_name(uint32_t mark)
{
    return mark < FL__MARK_COUNT ? names[mark] : NULL;
}

static uint64_t bit(bool is_seen, enum fl__mark mark)
{
    return is_seen ? (uint64_t)1 << mark : 0;
}

static uint64_t see_role(const struct fl_world *world, const struct fl_event *event)
{
    uint32_t leaders = 0;
    for (uint32_t n = 0; n < world->count; n++)
        leaders += fl_world_status(world, n).role == FL_LEADER;
    return bit(world->nodes[event->node].seen_role == FL_LEADER, FL__MARK_LEADER) |
           bit(leaders > 1, FL__MARK_TWO_LEADERS);
}

static uint64_t see_truncation(const struct fl_world *world, const struct fl_event *event)
{
    const struct fl_world_log *log = &world->nodes[event->node].log;
    bool has_configuration = false;
    for (fl_index index = event->index; index <= event->other; index++)
        has_configuration |= log->entries[index - 1].kind == FL_ENTRY_CONFIGURATION;
    bool many = log->entries[event->index - 1].term != log->entries[event->other - 1].term;
    return bit(true, FL__MARK_TRUNCATED) | bit(has_configuration, FL__MARK_TRUNCATED_CONFIGURATION) |
           bit(many, FL__MARK_TRUNCATED_MANY);
}

static uint64_t see_delivery(const struct fl_world *world, const struct fl_event *event)
{
    const struct fl_message *message = &event->packet->message;
    return bit(message->type == FL_MSG_PREVOTE_REPLY && !message->granted, FL__MARK_PREVOTE_REFUSED) |
           bit(message->type == FL_MSG_VOTE_REPLY && !message->granted, FL__MARK_VOTE_REFUSED) |
           bit(message->type == FL_MSG_APPEND_REPLY && message->rejected, FL__MARK_REJECTED) |
           bit(message->term < world->nodes[event->node].seen_term, FL__MARK_OLD_TERM) |
           bit(event->packet->is_copy, FL__MARK_COPY);
}

static uint64_t see_note(const struct fl_note *note)
{
    return bit(note->kind == FL_NOTE_QUORUM_LOST, FL__MARK_QUORUM_LOST) |
           bit(note->kind == FL_NOTE_SLOW_DISK, FL__MARK_SLOW_DISK) |
           bit(note->kind == FL_NOTE_FETCHED, FL__MARK_FETCHED);
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
    return bit(index > 1 && world->judge.commits[index - 2].by == node->seen_term, FL__MARK_COMMITTED_OLDER);
}

static uint64_t see_read(const struct fl_world *world, const struct fl_event *event)
{
    bool is_done = event->outcome == FL_OK;
    bool is_leader = world->nodes[event->node].seen_role == FL_LEADER;
    return bit(is_done && is_leader, FL__MARK_READ_LEADER) |
           bit(is_done && !is_leader, FL__MARK_READ_FOLLOWER) | bit(!is_done, FL__MARK_READ_AGAIN);
}

static uint64_t see_crash(const struct fl_world *world)
{
    bool is_any_alive = false;
    for (uint32_t n = 0; n < world->count; n++)
        is_any_alive |= world->nodes[n].is_alive;
    return bit(!is_any_alive, FL__MARK_ALL_DOWN);
}

void fl__mark(uint64_t *marks, enum fl__mark mark)
{
    *marks |= bit(true, mark);
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
        *marks |= bit(event->outcome != FL_OK, FL__MARK_REFUSED);
        break;
    case FL_EVENT_READ:
        *marks |= see_read(world, event);
        break;
    case FL_EVENT_CRASHED:
        *marks |= see_crash(world) | bit(event->index > 0, FL__MARK_CRASHED_WRITING);
        break;
    case FL_EVENT_RESTARTED:
        *marks |= bit(event->index > 0, FL__MARK_DAMAGED);
        break;
    default:
        break;
    }
}
