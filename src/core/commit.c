/* commit.c - the commit index, and the answers that follow from it.
 *
 * A leader commits an entry of its own term once a majority of voters hold it durably, itself counted like
 * any other; what came before is committed with it. An entry of an older term is never committed by counting
 * (paper §5.4.2, Figure 8): a majority that holds it may still lose it to a leader whose last term is higher.
 *
 * Answers need no list of single proposals: those of one leadership are consecutive, and how the log looks at
 * and below commit decides them all. */
#include "core.h"

/* A heartbeat can tell a peer of a commit index only as far as the peer is known to match. */
void fl__commit_maybe_hurry(struct fl_raft *raft, struct fl__peer *peer)
{
    if (peer->hurry == 0 || peer->hurry > raft->commit || peer->hurry > peer->match)
        return;
    peer->hurry = 0;
    fl__peer_want(raft, peer, FL__DO_HEARTBEAT);
}

void fl__commit_to(struct fl_raft *raft, fl_index index)
{
    if (index <= raft->commit)
        return;
    fl_assert(index <= raft->log.last); /* I1 */
    raft->commit = index;
    raft->work |= FL__WORK_COMMIT | (raft->proposals_count > 0 ? FL__WORK_ANSWER : 0);
    if (raft->role != FL_LEADER)
        return;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        fl__commit_maybe_hurry(raft, &raft->peers[k]);
    fl__read_maybe_confirm(raft);
}

void fl__commit_count(struct fl_raft *raft)
{
    uint64_t held[FL__VOTERS_MAX];
    uint32_t count = 0;
    if (raft->match_max <= raft->commit && raft->voter_count > 1)
        return; /* Nobody else holds more than is committed. */
    if (raft->is_voter)
        held[count++] = raft->durable;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        if (raft->peers[k].voter)
            held[count++] = raft->peers[k].match;
    if (count == 0)
        return;
    fl_index index = fl__quorum_value(held, count);
    if (index >= raft->opening || raft->config.unsafe_commit_any_term)
        fl__commit_to(raft, index);
}

static void drop_first_proposals(struct fl_raft *raft, fl_index answered)
{
    struct fl__proposals *first = &raft->proposals[0];
    if (answered < first->last) {
        first->first = answered + 1;
        return;
    }
    raft->proposals_count--;
    memmove(raft->proposals, raft->proposals + 1, raft->proposals_count * sizeof *raft->proposals);
}

bool fl__commit_take_answer(struct fl_raft *raft, struct fl_answer *out)
{
    raft->work &= (uint32_t)~FL__WORK_ANSWER;
    if (raft->proposals_count == 0)
        return false;
    const struct fl__proposals *mine = &raft->proposals[0];
    *out = (struct fl_answer){
        .term = mine->term, .first = mine->first, .last = mine->last, .outcome = FL_EREFUSED};
    if (mine->first > raft->commit) {
        /* Nothing committed there yet; but behind a higher term no entry of this one can follow. */
        if (fl__log_term(&raft->log, raft->commit) <= mine->term)
            return false;
    } else if (fl__log_term(&raft->log, mine->first) == mine->term) {
        out->outcome = FL_OK;
        out->last = fl__min(mine->last, raft->commit);
        if (mine->term != raft->log.last_term)
            out->last = fl__log_last_at_most(&raft->log, out->last, mine->term);
    }
    drop_first_proposals(raft, out->last);
    if (raft->proposals_count > 0 &&
        (raft->proposals[0].first <= raft->commit || raft->proposals[0].term < raft->term))
        raft->work |= FL__WORK_ANSWER;
    return true;
}

int fl_raft_propose(struct fl_raft *raft, fl_time_us now, uint32_t count, fl_index *first, fl_term *term)
{
    raft->now = fl__max(raft->now, now);
    if (raft->role != FL_LEADER)
        return FL_ENOTLEADER;
    if (count == 0)
        return FL_EINVAL;
    if (raft->log.last - raft->commit + count > raft->config.uncommitted_entries_max)
        return FL_EFULL;
    struct fl__proposals *mine = raft->proposals_count ? &raft->proposals[raft->proposals_count - 1] : NULL;
    fl_index at = raft->log.last + 1;
    if (!mine || mine->term != raft->term) {
        if (raft->proposals_count == FL__PROPOSALS_MAX)
            return FL_EFULL;
        mine = &raft->proposals[raft->proposals_count++];
        *mine = (struct fl__proposals){.term = raft->term, .first = at};
    }
    mine->last = at + count - 1;
    fl__log_append(&raft->log, raft->term, count);
    raft->work |= FL__WORK_PERSIST;
    fl__progress_entries_added(raft);
    *first = at;
    *term = raft->term;
    return FL_OK;
}

void fl_raft_hurry(struct fl_raft *raft, fl_id peer_id, fl_index index)
{
    struct fl__peer *peer = fl__peer_find(raft, peer_id);
    if (raft->role != FL_LEADER || !peer)
        return;
    if (peer->hurry == 0 || index < peer->hurry)
        peer->hurry = index;
    fl__commit_maybe_hurry(raft, peer);
}
