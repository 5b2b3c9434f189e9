/* take.c - hands out the work.
 *
 * Nothing is queued: what is to be done follows from the state when it is taken. So work is bounded, later
 * events replace what was not taken (one acknowledgement for many appends), and a promise that has become
 * void is simply never made. A message that speaks for a term leaves only once that term is durable; the
 * check stands here, once for all. */
#include "core.h"

static void fill_vote_request(struct fl_raft *raft, struct fl__peer *peer)
{
    bool pre = raft->role == FL_PRECANDIDATE;
    struct fl_message *message = fl__message_start(raft, peer, pre ? FL_MSG_PREVOTE : FL_MSG_VOTE);
    message->term = raft->term + pre;
    message->prev = raft->log.last;
    message->prev_term = raft->log.last_term;
}

static void fill_prevote_reply(struct fl_raft *raft, struct fl__peer *peer)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_PREVOTE_REPLY);
    message->term = peer->prevote_term;
    message->granted = peer->prevote_granted;
    message->rejected = peer->prevote_log_refused;
}

static void fill_vote_reply(struct fl_raft *raft, struct fl__peer *peer)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_VOTE_REPLY);
    message->granted = peer->vote_granted;
    message->rejected = peer->vote_log_refused;
    fl__log_describe(&raft->log, raft->commit, raft->log.last, raft->log.last_term, raft->message_runs,
                     raft->config.outline_runs_max, &message->outline);
    message->outline.durable = raft->durable;
}

static void fill_read(struct fl_raft *raft, struct fl__peer *peer)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_READ);
    message->number = raft->read_asked;
    message->round = raft->config.boot;
}

static void fill_read_reply(struct fl_raft *raft, struct fl__peer *peer)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_READ_REPLY);
    message->commit = raft->commit;
    message->number = peer->read_ready;
    message->round = peer->read_boot;
}

/* Clears the bit in the peer's todo if it is set, and says whether it was. */
static bool take_bit(struct fl__peer *peer, uint32_t bit)
{
    bool was_set = peer->todo & bit;
    peer->todo &= ~bit;
    return was_set;
}

/* What is asked or said rarely. */
static bool take_rare_message(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    if (take_bit(peer, FL__DO_VOTE_REPLY))
        fill_vote_reply(raft, peer);
    else if (take_bit(peer, FL__DO_PREVOTE_REPLY))
        fill_prevote_reply(raft, peer);
    else if (take_bit(peer, FL__DO_STALE)) /* Tells the sender of an older term's message about ours. */
        (void)fl__message_start(raft, peer, FL_MSG_APPEND_REPLY);
    else if (take_bit(peer, FL__DO_READ))
        fill_read(raft, peer);
    else if (take_bit(peer, FL__DO_READ_REPLY))
        fill_read_reply(raft, peer);
    else if (take_bit(peer, FL__DO_VOTE))
        fill_vote_request(raft, peer);
    else if (take_bit(peer, FL__DO_FETCH))
        fl__fetch_fill_request(raft, peer);
    else if (take_bit(peer, FL__DO_FETCH_REPLY))
        fl__fetch_fill_reply(raft, peer, out);
    else
        return false;
    return true;
}

/* The next message for this peer; false if there is none now. */
static bool take_message(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    out->message = &raft->message;
    out->size_max = 0;
    if (peer->todo & (FL__DO_REJECT | FL__DO_ACK)) {
        fl__append_fill_reply(raft, peer);
        return true;
    }
    if ((peer->todo & (FL__DO_HEARTBEAT | FL__DO_APPEND)) && fl__progress_take(raft, peer, out))
        return true;
    return peer->todo && take_rare_message(raft, peer, out);
}

static bool take_send(struct fl_raft *raft, struct fl_work *work)
{
    if (!fl__persist_is_term_durable(raft))
        return false;
    for (uint32_t k = 0; raft->send_mask >> k; k++) {
        struct fl__peer *peer = &raft->peers[k];
        if (!peer->todo)
            continue;
        bool taken = take_message(raft, peer, &work->send);
        if (!peer->todo)
            raft->send_mask &= ~((uint64_t)1 << k);
        if (taken) {
            work->type = FL_WORK_SEND;
            return true;
        }
    }
    raft->send_mask = 0;
    return false;
}

static bool take_note(struct fl_raft *raft, struct fl_note *out)
{
    raft->work &= (uint32_t)(raft->note_count > 1 ? ~0 : ~FL__WORK_NOTE);
    if (raft->note_count == 0)
        return false;
    *out = raft->notes[raft->note_first];
    raft->note_first = (raft->note_first + 1) % FL__NOTES_MAX;
    raft->note_count--;
    return true;
}

/* What happens seldom: kept out of the way of what happens with every entry. */
static bool take_rare(struct fl_raft *raft, struct fl_work *work)
{
    if (raft->work & FL__WORK_START_READ)
        fl__read_maybe_start(raft);
    work->type = FL_WORK_NOTE;
    if ((raft->work & FL__WORK_NOTE) && take_note(raft, &work->note))
        return true;
    work->type = FL_WORK_READ;
    return (raft->work & FL__WORK_READ) && fl__read_take(raft, &work->read);
}

static bool take_commit(struct fl_raft *raft, struct fl_work *work)
{
    if (raft->work & FL__WORK_COMMIT) {
        raft->work &= (uint32_t)~FL__WORK_COMMIT;
        work->type = FL_WORK_COMMIT;
        work->commit = raft->commit_taken = raft->commit;
        return true;
    }
    work->type = FL_WORK_ANSWER;
    return (raft->work & FL__WORK_ANSWER) && fl__commit_take_answer(raft, &work->answer);
}

/* Apart, so that an empty-handed call saves no registers. */
static __attribute__((noinline)) bool take_some(struct fl_raft *raft, struct fl_work *work)
{
    if ((raft->work & FL__WORK_PERSIST) && fl__persist_take(raft, work))
        return true;
    if (raft->send_mask && take_send(raft, work))
        return true;
    if ((raft->work & (FL__WORK_COMMIT | FL__WORK_ANSWER)) && take_commit(raft, work))
        return true;
    /* Reads start only here, after all else: whoever asks in one batch of events shares a round. */
    if (raft->work == 0)
        return false;
    return take_rare(raft, work) || (raft->send_mask && take_send(raft, work));
}

bool fl_raft_take(struct fl_raft *raft, struct fl_work *work)
{
#ifdef FL_CHECK_INVARIANTS
    fl__check_invariants(raft);
#endif
    return (raft->work != 0 || raft->send_mask != 0) && take_some(raft, work);
}
