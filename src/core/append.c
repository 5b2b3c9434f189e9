/* append.c - the follower's side of replication (paper Figure 2, AppendEntries RPC, receiver).
 *
 * An entry is cut only when a different one was received for its place, never because a message ends early
 * (rows B02 and B05 of the catalogue). What is acknowledged is min(held, durable): held is how far the log is
 * known to be the leader's, durable how far the disk has it. */
#include "core.h"

/* Where run k of the message ends. */
static fl_index run_end(const struct fl_message *message, uint32_t k)
{
    return k + 1 < message->run_count ? fl__min(message->last, message->runs[k + 1].first - 1)
                                      : message->last;
}

fl_index fl__append_first_new(const struct fl__log *log, const struct fl_message *message)
{
    if (message->prev == log->last)
        return message->prev + 1;
    for (uint32_t k = 0; k < message->run_count; k++) {
        const struct fl_run *run = &message->runs[k];
        if (run->first > message->last)
            break;
        fl_index end = run_end(message, k);
        fl_index equal = fl__log_last_at_most(log, end, run->term);
        if (equal < run->first || fl__log_term(log, equal) != run->term)
            return run->first;
        if (equal < end)
            return equal + 1;
    }
    return message->last + 1;
}

/* How far the message can be taken: to its end, or as far as there is room for its runs. first - 1: not at
 * all. */
static fl_index find_end(struct fl_raft *raft, const struct fl_message *message, fl_index first)
{
    uint32_t old = 0, count = message->run_count;
    while (count > 0 && message->runs[count - 1].first > message->last)
        count--;
    while (old < count && run_end(message, old) < first)
        old++;
    uint32_t room = fl__log_make_room(&raft->log, raft->durable, first, count - old);
    return room > 0 ? run_end(message, old + room - 1) : first - 1;
}

/* Those of [first, last]. */
static void append_runs(struct fl__log *log, const struct fl_message *message, fl_index first, fl_index last)
{
    for (uint32_t k = 0; k < message->run_count && log->last < last; k++) {
        fl_index end = run_end(message, k);
        if (end >= first && end > log->last)
            fl__log_append(log, message->runs[k].term, end - log->last);
    }
}

static void truncate(struct fl_raft *raft, fl_index from)
{
    fl_assert(from > raft->commit && raft->role != FL_LEADER); /* I4 */
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_TRUNCATED,
                                    .term = fl__log_term(&raft->log, from),
                                    .index = from,
                                    .other = raft->log.last});
    raft->truncated_entries += raft->log.last - from + 1;
    fl__persist_truncated(raft, from);
    fl__log_truncate(&raft->log, from);
    fl__members_truncate(raft, from);
    raft->held = fl__min(raft->held, from - 1);
    if (raft->damaged >= from)
        raft->damaged = 0;
}

int fl__append_entries(struct fl_raft *raft, const struct fl_message *message, bool may_truncate,
                       struct fl_accepted *accepted)
{
    struct fl__log *log = &raft->log;
    /* Nearly always a message continues the log within its last term. */
    if (message->prev == log->last && message->run_count == 1 && message->config_count == 0 &&
        message->runs[0].term == log->last_term && message->last > message->prev) {
        log->last = message->last;
        raft->work |= FL__WORK_PERSIST;
        *accepted = (struct fl_accepted){.first = message->prev + 1, .last = message->last};
        return FL_OK;
    }
    fl_index first = fl__append_first_new(log, message);
    if (first > message->last)
        return FL_OK;
    bool conflict = first <= raft->log.last;
    if (conflict && first <= raft->commit) {
        fl__note(raft,
                 (struct fl_note){.kind = FL_NOTE_CONTRADICTION, .peer = message->from, .index = first});
        return FL_EMESSAGE;
    }
    /* A leader does not contradict what it sent before in its term (Leader Append-Only, paper §5.3). */
    if (conflict && (!may_truncate || first <= raft->held))
        return FL_EMESSAGE;
    fl_index last = find_end(raft, message, first);
    if (last < first)
        return FL_EFULL;
    if (conflict)
        truncate(raft, first);
    append_runs(&raft->log, message, first, last);
    raft->work |= FL__WORK_PERSIST;
    for (uint32_t k = 0; k < message->config_count; k++)
        if (message->configs[k].index >= first && message->configs[k].index <= last)
            fl__members_adopt(raft, &message->configs[k]);
    *accepted = (struct fl_accepted){.first = first, .last = last};
    return FL_OK;
}

static void acknowledge_if_new(struct fl_raft *raft)
{
    if (raft->has_leader && (raft->echo || fl__min(raft->held, raft->durable) > raft->acknowledged))
        fl__peer_want(raft, fl__peer_slot(raft, raft->leader), FL__DO_ACK);
}

bool fl__append_has_entry(const struct fl_raft *raft, fl_index index, fl_term term)
{
    if (index == raft->log.last)
        return term == raft->log.last_term;
    return index < raft->log.last && fl__log_term(&raft->log, index) == term;
}

static int receive_current(struct fl_raft *raft, const struct fl_message *message,
                           struct fl_accepted *accepted)
{
    /* A heartbeat and a new round are answered at once; entries once they are durable, and again if they come
     * again: the first answer may have been lost. */
    bool answer_at_once = message->last == message->prev || message->round > raft->append_round ||
                          message->last <= raft->acknowledged;
    raft->append_number = fl__max(raft->append_number, message->number);
    raft->append_round = fl__max(raft->append_round, message->round);
    if (!fl__append_has_entry(raft, message->prev, message->prev_term)) {
        if (message->prev <= raft->commit) {
            fl__note(raft, (struct fl_note){
                               .kind = FL_NOTE_CONTRADICTION, .peer = message->from, .index = message->prev});
            return FL_EMESSAGE;
        }
        raft->reject_prev = message->prev;
        raft->reject_term = message->prev_term;
        raft->reject_number = message->number;
        fl__peer_want(raft, fl__peer_slot(raft, message->from), FL__DO_REJECT);
        return FL_OK;
    }
    raft->held = fl__max(raft->held, message->prev);
    int result = fl__append_entries(raft, message, true, accepted);
    if (result != FL_OK)
        return result;
    fl_index last = accepted->first ? accepted->last : message->last;
    raft->held = fl__max(raft->held, last);
    fl__commit_to(raft, fl__min(message->commit, last));
    raft->echo |= answer_at_once;
    acknowledge_if_new(raft);
    return FL_OK;
}

int fl__append_receive(struct fl_raft *raft, const struct fl_message *message, struct fl_accepted *accepted)
{
    if (message->term < raft->term) {
        fl__peer_want(raft, fl__peer_slot(raft, message->from), FL__DO_STALE);
        return FL_OK;
    }
    if (message->term == raft->term) {
        bool other_leader = raft->has_leader && raft->leader != message->from;
        if (raft->role == FL_LEADER || other_leader)
            return FL_EMESSAGE; /* Two leaders in one term: impossible (paper §5.2). */
    }
    if (message->term != raft->term || raft->role != FL_FOLLOWER || !raft->has_leader)
        fl__become_follower(raft, message->term, true, message->from);
    raft->leader_heard = true;
    raft->heard_at = raft->now;
    raft->election_at = raft->now + raft->timeout_us;
    raft->log_promised = true;
    return receive_current(raft, message, accepted);
}

void fl__append_durable(struct fl_raft *raft)
{
    acknowledge_if_new(raft);
}

static void fill_rejection(struct fl_raft *raft, struct fl_message *message)
{
    bool one_term = raft->config.repair == FL_REPAIR_TERM;
    message->rejected = true;
    message->number = raft->reject_number;
    message->prev = raft->reject_prev;
    fl__log_describe(&raft->log, raft->commit, raft->reject_prev, one_term ? UINT64_MAX : raft->reject_term,
                     raft->message_runs, one_term ? 1 : raft->config.outline_runs_max, &message->outline);
    message->outline.durable = raft->durable;
}

/* Fills in raft->message for FL__DO_REJECT, else FL__DO_ACK, and takes that bit. */
void fl__append_fill_reply(struct fl_raft *raft, struct fl__peer *peer)
{
    bool reject = peer->todo & FL__DO_REJECT;
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_APPEND_REPLY);
    message->last = fl__min(raft->held, raft->durable);
    message->held = raft->held;
    message->round = raft->append_round;
    if (reject) {
        fill_rejection(raft, message);
        peer->todo &= (uint32_t)~FL__DO_REJECT;
        return;
    }
    message->number = raft->append_number;
    peer->todo &= (uint32_t)~FL__DO_ACK;
    raft->echo = false;
    raft->acknowledged = message->last; /* I10 */
}
