/* role.c - terms, and changes of role (paper Figure 4). */
#include "core.h"

void fl__note(struct fl_raft *raft, struct fl_note note)
{
    if (note.term == 0)
        note.term = raft->term;
    if (raft->note_count == FL__NOTES_MAX) {
        raft->note_first = (raft->note_first + 1) % FL__NOTES_MAX;
        raft->note_count--;
    }
    raft->work |= FL__WORK_NOTE;
    raft->notes[(raft->note_first + raft->note_count++) % FL__NOTES_MAX] = note;
}

static void note_role(struct fl_raft *raft)
{
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_ROLE});
}

/* xorshift64*: chance enough to keep candidates apart, and the same everywhere for the same seed. */
uint64_t fl__role_random(struct fl_raft *raft, uint64_t below)
{
    raft->random ^= raft->random >> 12;
    raft->random ^= raft->random << 25;
    raft->random ^= raft->random >> 27;
    return below ? (raft->random * 2685821657736338717u >> 16) % below : 0;
}

void fl__role_restart_timer(struct fl_raft *raft)
{
    uint64_t timeout = raft->config.election_timeout_us;
    raft->timeout_us = timeout + fl__role_random(raft, timeout);
    raft->election_at = raft->now + raft->timeout_us;
}

/* What belongs to one term only ends with it. */
static void change_term(struct fl_raft *raft, fl_term term)
{
    fl_assert(term > raft->term);
    raft->term = term;
    raft->has_vote = false;
    raft->vote = 0;
    raft->vote_dirty = true;
    raft->work |= FL__WORK_PERSIST;
    raft->held = 0;
    raft->acknowledged = 0;
    raft->append_number = raft->append_round = raft->echoed_round = 0;
    raft->echo = false;
    raft->log_promised = false;
    raft->leader_heard = false;
    for (uint32_t k = 0; k <= raft->config.members_max; k++) {
        struct fl__peer *peer = &raft->peers[k];
        peer->todo &= (uint32_t)FL__DO_STALE; /* Answers promised under the old term are void. */
        peer->vote = FL__VOTE_NONE;
        peer->fork_known = false;
    }
}

/* Work that only the role we leave would have done. */
static void leave_role(struct fl_raft *raft)
{
    raft->fetching = false;
    for (uint32_t k = 0; k <= raft->config.members_max; k++) {
        struct fl__peer *peer = &raft->peers[k];
        peer->todo &= (uint32_t) ~(FL__DO_VOTE | FL__DO_APPEND | FL__DO_HEARTBEAT | FL__DO_READ |
                                   FL__DO_READ_REPLY | FL__DO_FETCH | FL__DO_FETCH_REPLY);
        peer->sending = false;
        peer->read_waiting = peer->read_in_round = peer->read_ready = peer->read_round = 0;
    }
    fl__read_fail(raft);
}

void fl__become_follower(struct fl_raft *raft, fl_term term, bool has_leader, fl_id leader)
{
    bool same = term == raft->term && raft->role == FL_FOLLOWER && has_leader == raft->has_leader &&
                (!has_leader || leader == raft->leader);
    if (same)
        return;
    if (raft->role == FL_LEADER || raft->role == FL_CANDIDATE || raft->role == FL_PRECANDIDATE ||
        raft->has_leader)
        leave_role(raft);
    if (raft->role != FL_FOLLOWER)
        fl__role_restart_timer(raft);
    if (term > raft->term)
        change_term(raft, term);
    raft->role = FL_FOLLOWER;
    raft->has_leader = has_leader;
    raft->leader = has_leader ? leader : 0;
    note_role(raft);
}

static void forget_votes(struct fl_raft *raft)
{
    for (uint32_t k = 0; k < raft->peer_count; k++) {
        raft->peers[k].vote = FL__VOTE_NONE;
        raft->peers[k].fork_known = false;
    }
}

static void start_campaign(struct fl_raft *raft, enum fl_role role)
{
    fl_assert(raft->is_voter); /* I11 */
    leave_role(raft);
    raft->role = role;
    raft->has_leader = false;
    raft->leader = 0;
    raft->leader_heard = false;
    forget_votes(raft);
    fl__role_restart_timer(raft);
    note_role(raft);
}

void fl__become_precandidate(struct fl_raft *raft)
{
    start_campaign(raft, FL_PRECANDIDATE);
}

void fl__become_candidate(struct fl_raft *raft)
{
    change_term(raft, raft->term + 1);
    start_campaign(raft, FL_CANDIDATE);
    raft->has_vote = true;
    raft->vote = raft->config.id;
    raft->elections_started++;
}

/* Every entry that this leader's term will ever hold comes after the opening one, which makes older entries
 * commit with it (paper §5.4.2 and §8). */
/* For one more term in the log. It may have grown since a candidate asked for votes. */
bool fl__role_has_room(struct fl_raft *raft)
{
    return fl__log_make_room(&raft->log, raft->durable, raft->log.last + 1, 1) > 0;
}

void fl__become_leader(struct fl_raft *raft)
{
    fl_assert(raft->role == FL_CANDIDATE && raft->has_vote && raft->vote == raft->config.id); /* I6 */
    leave_role(raft);
    fl_index last = raft->log.last;
    raft->role = FL_LEADER;
    raft->has_leader = true;
    raft->leader = raft->config.id;
    raft->elections_won++;
    raft->round = 0;
    raft->match_max = raft->log.last; /* Votes' outlines may have told of matches up to here. */
    raft->repeat_at = raft->now + raft->config.heartbeat_us;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        fl__progress_start(raft, &raft->peers[k], last);

    bool founding = last == 0 && raft->members.index == 0;
    fl__log_append(&raft->log, raft->term, 1);
    raft->work |= FL__WORK_PERSIST;
    raft->opening = last + 1;
    raft->opening_term = raft->term;
    raft->opening_kind = founding ? FL_ENTRY_CONFIGURATION : FL_ENTRY_NOOP;
    if (founding)
        fl__members_found(raft, raft->opening);
    note_role(raft);
    fl__progress_heartbeat_all(raft);
    fl__progress_entries_added(raft);
}
