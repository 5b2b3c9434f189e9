/* fetch.c - a candidate refused only for its log asks the refuser for what it lacks, and campaigns again.
 *
 * Where only one server reaches a majority and its log is behind (Omni-Paxos' constrained election), nobody
 * could ever lead: those with the entries lack the votes, the one with the votes lacks the entries. So it
 * takes the entries from a voter, who is no leader, acknowledging nothing.
 *
 * It may cut its own conflicting suffix only for a log with a higher last term: such a log holds everything
 * that was committed before its last term began, hence nothing committed is cut. And since in its current
 * term it may have told others what its log holds, and been told forks with it, it first enters a new one
 * before it cuts. */
#include "core.h"

static bool is_newer(const struct fl_raft *raft, fl_term last_term, fl_index last)
{
    if (last_term != raft->log.last_term)
        return last_term > raft->log.last_term;
    return last > raft->log.last;
}

static void request(struct fl_raft *raft, struct fl__peer *peer, fl_index limit, fl_term cap)
{
    raft->fetching = true;
    raft->fetch_from = peer->id;
    raft->fetch_limit = limit;
    raft->fetch_cap = cap;
    raft->fetch_number++;
    fl__peer_want(raft, peer, FL__DO_FETCH);
}

void fl__fetch_start(struct fl_raft *raft, struct fl__peer *peer)
{
    if (!raft->fetching)
        request(raft, peer, raft->log.last, raft->log.last_term);
}

void fl__fetch_fill_request(struct fl_raft *raft, struct fl__peer *peer)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_FETCH);
    message->number = raft->fetch_number;
    fl__log_describe(&raft->log, raft->commit, raft->fetch_limit, raft->fetch_cap, raft->message_runs,
                     raft->config.outline_runs_max, &message->outline);
    message->outline.durable = raft->durable;
}

void fl__fetch_on_request(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_slot(raft, message->from);
    /* A leader replicates to it anyway. An asker of an older term learns ours by other answers. */
    if (raft->role == FL_LEADER || message->term < raft->term || !message->outline.present)
        return;
    fl_index fork;
    if (fl__log_fork(&raft->log, &message->outline, &fork) == FL__FORK_CONTRADICTED) {
        fl__note(raft, (struct fl_note){.kind = FL_NOTE_CONTRADICTION, .peer = message->from, .index = fork});
        return;
    }
    peer->fetch_prev = fork;
    peer->fetch_number = message->number;
    fl__peer_want(raft, peer, FL__DO_FETCH_REPLY);
}

void fl__fetch_fill_reply(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    const struct fl__log *log = &raft->log;
    fl_index prev = fl__min(peer->fetch_prev, log->last);
    fl_index last = fl__min(log->last, prev + raft->config.message_entries_max);
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_FETCH_REPLY);
    message->runs = raft->message_runs;
    message->run_count =
        fl__log_copy_runs(log, prev, &last, raft->message_runs, raft->config.outline_runs_max);
    message->prev = prev;
    message->prev_term = fl__log_term(log, prev);
    message->last = last;
    message->number = peer->fetch_number;
    message->outline = (struct fl_outline){
        .present = true,
        .low = log->last,
        .low_term = log->last_term,
        .top = log->last,
        .last = log->last,
        .durable = raft->durable,
    };
    out->size_max = raft->config.message_size_max;
}

/* Takes what fits; may enter a new term first. */
static int take_entries(struct fl_raft *raft, const struct fl_message *message, struct fl_accepted *accepted)
{
    fl_index first = fl__append_first_new(&raft->log, message);
    bool conflict = first <= message->last && first <= raft->log.last;
    if (conflict && message->outline.low_term <= raft->log.last_term)
        return FL_EMESSAGE; /* Logs of the same last term do not conflict (paper §5.3). */
    /* A candidate has also been told forks, which a cut would make void. */
    if (conflict && (raft->log_promised || raft->role == FL_CANDIDATE))
        fl__become_follower(raft, raft->term + 1, false, 0);
    /* An entry of the term that we campaign for: somebody else has won it. */
    if (raft->role == FL_CANDIDATE && message->run_count > 0 &&
        message->runs[message->run_count - 1].term == raft->term)
        fl__become_follower(raft, raft->term, false, 0);
    return fl__append_entries(raft, message, true, accepted);
}

int fl__fetch_on_reply(struct fl_raft *raft, const struct fl_message *message, struct fl_accepted *accepted)
{
    struct fl__peer *peer = fl__peer_find(raft, message->from);
    bool expected = raft->fetching && peer && raft->fetch_from == message->from &&
                    raft->fetch_number == message->number && raft->role != FL_LEADER && !raft->has_leader;
    if (!expected || message->term < raft->term)
        return FL_OK;
    fl_term last_term = message->outline.low_term;
    fl_index last = message->outline.low;
    raft->fetching = false;
    if (!is_newer(raft, last_term, last))
        return FL_OK;
    if (!fl__append_has_entry(raft, message->prev, message->prev_term)) {
        request(raft, peer, message->prev, message->prev_term);
        return FL_OK;
    }
    int result = take_entries(raft, message, accepted);
    if (result != FL_OK)
        return result;
    if (accepted->first)
        fl__note(raft, (struct fl_note){.kind = FL_NOTE_FETCHED,
                                        .peer = peer->id,
                                        .index = accepted->first - 1,
                                        .other = accepted->last});
    if (!raft->is_voter) /* By a configuration among them. */
        fl__become_follower(raft, raft->term, false, 0);
    else if (is_newer(raft, last_term, last))
        request(raft, peer, raft->log.last, raft->log.last_term);
    else
        (void)fl__election_start(raft);
    return FL_OK;
}
