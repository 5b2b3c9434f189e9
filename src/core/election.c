/* election.c - votes and pre-votes (paper §5.2 and §5.4.1, thesis §4.2.3 and §9.6).
 *
 * A pre-vote asks "would you vote for me in the next term?" and changes nothing anywhere, so a server that
 * cannot win does not disturb those that have a leader. A vote is a promise: term and vote are durable before
 * the answer leaves.
 *
 * The answer to a RequestVote of the voter's current term, granted or not, carries the outline of the voter's
 * log. While the voter stays in that term only that term's leader changes its log, and never removes what
 * agrees; so if this candidate wins, it knows the fork with this voter from the start. */
#include "core.h"

bool fl__election_is_sticky(const struct fl_raft *raft)
{
    if (!raft->config.check_quorum)
        return false;
    if (raft->role == FL_LEADER)
        return true;
    return raft->has_leader && raft->leader_heard &&
           raft->now - raft->heard_at < raft->config.election_timeout_us;
}

static bool is_up_to_date(const struct fl_raft *raft, const struct fl_message *message)
{
    if (message->prev_term != raft->log.last_term)
        return message->prev_term > raft->log.last_term;
    return message->prev >= raft->log.last;
}

/* ---------------------------------------------------------------------------------------------- candidate */

static uint32_t count_votes(const struct fl_raft *raft, enum fl__vote vote)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        count += raft->peers[k].voter && raft->peers[k].vote == vote;
    return count;
}

static void ask_voters(struct fl_raft *raft)
{
    raft->repeat_at = raft->now + raft->config.heartbeat_us;
    for (uint32_t k = 0; k < raft->peer_count; k++) {
        struct fl__peer *peer = &raft->peers[k];
        /* A refused pre-vote may be granted later, when the voter too has lost its leader. A refused vote
         * stays. */
        bool again =
            peer->vote == FL__VOTE_NONE || (raft->role == FL_PRECANDIDATE && peer->vote == FL__VOTE_REFUSED);
        if (peer->voter && again)
            fl__peer_want(raft, peer, FL__DO_VOTE);
    }
}

static void campaign(struct fl_raft *raft)
{
    fl__become_candidate(raft);
    ask_voters(raft);
    fl__election_count(raft);
}

int fl__election_start(struct fl_raft *raft)
{
    fl__role_restart_timer(raft);
    if (!raft->is_voter || raft->damaged || raft->slow_disk)
        return FL_EREFUSED;
    if (!fl__role_has_room(raft))
        return FL_EREFUSED;
    if (!raft->config.pre_vote) {
        campaign(raft);
        return FL_OK;
    }
    fl__become_precandidate(raft);
    ask_voters(raft);
    fl__election_count(raft);
    return FL_OK;
}

void fl__election_ask_again(struct fl_raft *raft)
{
    ask_voters(raft);
}

/* Moves on if a majority said yes. A candidate's own vote counts once it is durable. */
void fl__election_count(struct fl_raft *raft)
{
    if (raft->role != FL_PRECANDIDATE && raft->role != FL_CANDIDATE)
        return;
    if (count_votes(raft, FL__VOTE_GRANTED) + 1 < fl__quorum_size(raft->voter_count))
        return;
    if (raft->role == FL_PRECANDIDATE)
        campaign(raft);
    else if (fl__persist_is_term_durable(raft) && fl__role_has_room(raft))
        fl__become_leader(raft);
}

/* -------------------------------------------------------------------------------------------------- voter */

/* Thesis §4.2.3: whoever has a leader gives no vote, whatever the candidate's log. */
static bool is_ignored(struct fl_raft *raft, const struct fl_message *message)
{
    if (!fl__election_is_sticky(raft))
        return false;
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_IGNORED,
                                    .message = message->type,
                                    .peer = message->from,
                                    .term = message->term});
    return true;
}

void fl__election_on_prevote(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_slot(raft, message->from);
    bool would = message->term > raft->term && !is_ignored(raft, message);
    peer->prevote_granted = would && is_up_to_date(raft, message);
    peer->prevote_log_refused = would && !peer->prevote_granted;
    peer->prevote_term = peer->prevote_granted ? message->term : raft->term;
    fl__peer_want(raft, peer, FL__DO_PREVOTE_REPLY);
}

void fl__election_on_vote(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_slot(raft, message->from);
    if (message->term > raft->term) {
        if (is_ignored(raft, message))
            return; /* Its term is not taken either. */
        fl__become_follower(raft, message->term, false, 0);
    }
    if (message->term < raft->term) {
        fl__peer_want(raft, peer, FL__DO_STALE);
        return;
    }
    bool already = raft->has_vote && raft->vote == message->from; /* Told again, whatever came since. */
    bool free = !raft->has_vote && !raft->has_leader;
    peer->vote_granted = already || (free && is_up_to_date(raft, message));
    peer->vote_log_refused = free && !peer->vote_granted;
    if (peer->vote_granted && !already) {
        fl__become_follower(raft, raft->term, false, 0);
        raft->has_vote = true;
        raft->vote = message->from;
        raft->vote_dirty = true;
        raft->work |= FL__WORK_PERSIST;
        fl__role_restart_timer(raft);
    }
    raft->log_promised = true;
    fl__peer_want(raft, peer, FL__DO_VOTE_REPLY);
}

/* ------------------------------------------------------------------------------------------------ answers */

void fl__election_on_prevote_reply(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_find(raft, message->from);
    if (!message->granted && message->term > raft->term) {
        fl__become_follower(raft, message->term, false, 0);
        return;
    }
    if (raft->role != FL_PRECANDIDATE || !peer)
        return;
    if (message->granted && message->term != raft->term + 1)
        return;
    if (peer->vote == FL__VOTE_GRANTED)
        return;
    peer->vote = message->granted ? FL__VOTE_GRANTED : FL__VOTE_REFUSED;
    if (message->rejected)
        fl__fetch_start(raft, peer);
    fl__election_count(raft);
}

/* What the outline says is kept for the leadership that may follow. The voter's floor is its commit index:
 * where this log agrees with it, that much is committed. */
static void learn_outline(struct fl_raft *raft, struct fl__peer *peer, const struct fl_outline *outline)
{
    fl_index fork;
    if (!outline->present || fl__log_fork(&raft->log, outline, &fork) != FL__FORK_FOUND)
        return;
    peer->fork_known = true;
    peer->fork = fork;
    peer->fork_durable = outline->durable;
    if (outline->low_is_floor && outline->low <= fork)
        fl__commit_to(raft, outline->low);
}

void fl__election_on_vote_reply(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_find(raft, message->from);
    if (!peer || message->term != raft->term)
        return;
    if (raft->role == FL_LEADER) {
        fl__progress_on_late_vote(raft, peer, message);
        return;
    }
    if (raft->role != FL_CANDIDATE || peer->vote == FL__VOTE_GRANTED)
        return;
    peer->vote = message->granted ? FL__VOTE_GRANTED : FL__VOTE_REFUSED;
    peer->boot = message->boot;
    learn_outline(raft, peer, &message->outline);
    if (message->rejected)
        fl__fetch_start(raft, peer);
    fl__election_count(raft);
}
