/* check.c - what makes a configuration, a start or a message acceptable, and the invariants.
 *
 * What comes from outside is checked and refused, never asserted on. What the core itself keeps true is
 * asserted. */
#include "core.h"

int fl__check_config(const struct fl_raft_config *config)
{
    bool limits = config->members_max >= 1 && config->members_max <= 63 && config->runs_max >= 8 &&
                  config->outline_runs_max >= 1 && config->outline_runs_max <= config->runs_max &&
                  config->message_entries_max >= 1 && config->window_entries >= 1 &&
                  config->window_messages >= 1 && config->window_messages <= 1024 &&
                  config->uncommitted_entries_max >= 1;
    bool times = config->heartbeat_us >= 1 && config->election_timeout_us >= 2 * config->heartbeat_us &&
                 config->election_timeout_us < (uint64_t)1 << 48;
    bool sizes = config->message_size_max >= 1 && config->window_size >= 1;
    return limits && times && sizes && config->repair <= FL_REPAIR_ONE ? FL_OK : FL_EINVAL;
}

/* Runs rise strictly in term and index; the first begins at `first`; none beyond `last`. */
static bool are_runs_legal(const struct fl_run *runs, uint32_t count, fl_index first, fl_index last)
{
    if (count == 0)
        return true;
    if (!runs || runs[0].first != first || runs[0].term == 0 || runs[count - 1].first > last)
        return false;
    for (uint32_t k = 1; k < count; k++)
        if (runs[k].term <= runs[k - 1].term || runs[k].first <= runs[k - 1].first)
            return false;
    return true;
}

static bool are_members_legal(const struct fl_members *members, uint32_t max)
{
    if (members->count > max || (members->count > 0 && !members->list))
        return false;
    for (uint32_t k = 0; k < members->count; k++) {
        if (members->list[k].kind != FL_VOTER && members->list[k].kind != FL_LEARNER)
            return false;
        for (uint32_t other = 0; other < k; other++)
            if (members->list[other].id == members->list[k].id)
                return false;
    }
    return true;
}

int fl__check_start(const struct fl_raft_config *config, const struct fl_raft_start *start)
{
    if (!are_runs_legal(start->runs, start->run_count, 1, start->last))
        return FL_EINVAL;
    if ((start->run_count == 0) != (start->last == 0) || start->commit > start->last ||
        start->damaged > start->last)
        return FL_EINVAL;
    if (start->term >= FL__TERM_MAX ||
        (start->run_count > 0 && start->runs[start->run_count - 1].term > start->term))
        return FL_EINVAL;
    if (start->run_count > config->runs_max && !config->term_at)
        return FL_EINVAL;
    if (!are_members_legal(&start->members, config->members_max) ||
        !are_members_legal(&start->previous, config->members_max))
        return FL_EINVAL;
    if (start->members.index > start->last ||
        (start->members.index > 0 && start->previous.index >= start->members.index))
        return FL_EINVAL;
    return FL_OK;
}

static bool is_outline_legal(const struct fl_outline *outline)
{
    if (!are_runs_legal(outline->runs, outline->run_count, outline->low + 1, outline->top))
        return false;
    if (outline->run_count == 0 && outline->top != outline->low)
        return false;
    if (outline->run_count > 0 && outline->runs[0].term < outline->low_term)
        return false;
    return outline->low < UINT64_MAX / 2 && outline->top <= outline->last &&
           outline->durable <= outline->last;
}

static bool are_configs_legal(const struct fl_raft *raft, const struct fl_message *message)
{
    fl_index before = message->prev;
    for (uint32_t k = 0; k < message->config_count; k++) {
        const struct fl_members *config = &message->configs[k];
        if (config->index <= before || config->index > message->last)
            return false;
        if (!are_members_legal(config, raft->config.members_max))
            return false;
        before = config->index;
    }
    return true;
}

bool fl__check_entries(const struct fl_raft *raft, const struct fl_message *message)
{
    if (message->last < message->prev || message->last >= UINT64_MAX / 2)
        return false;
    if ((message->prev == 0) != (message->prev_term == 0) || message->prev_term > message->term)
        return false;
    if (message->last == message->prev)
        return message->run_count == 0 && message->config_count == 0;
    if (message->run_count == 0 || !message->runs || message->runs[0].term < message->prev_term)
        return false;
    if (message->runs[0].first != message->prev + 1 || message->runs[0].term == 0)
        return false;
    if (message->run_count > 1 &&
        !are_runs_legal(message->runs, message->run_count, message->prev + 1, message->last))
        return false;
    if (message->runs[message->run_count - 1].term > message->term)
        return false;
    return message->config_count == 0 || are_configs_legal(raft, message);
}

bool fl__check_append_reply(const struct fl_message *message)
{
    if (message->last > message->held || (message->rejected && message->prev == 0))
        return false;
    return !message->outline.present || is_outline_legal(&message->outline);
}

bool fl__check_rare(const struct fl_raft *raft, const struct fl_message *message)
{
    if (message->outline.present && !is_outline_legal(&message->outline))
        return false;
    switch (message->type) {
    case FL_MSG_PREVOTE:
    case FL_MSG_VOTE:
        return message->prev_term < message->term && (message->prev == 0) == (message->prev_term == 0);
    case FL_MSG_FETCH_REPLY:
        return fl__check_entries(raft, message);
    case FL_MSG_PREVOTE_REPLY:
    case FL_MSG_VOTE_REPLY:
    case FL_MSG_READ:
    case FL_MSG_READ_REPLY:
    case FL_MSG_FETCH:
        return true;
    default:
        return false;
    }
}

static void check_peer(const struct fl_raft *raft, const struct fl__peer *peer)
{
    if (raft->role != FL_LEADER)
        return;
    fl_assert(peer->match < peer->next && peer->next <= raft->log.last + 1); /* I5 */
    fl_assert(peer->flight_count <= raft->config.window_messages);
    fl_assert(peer->round <= raft->round && peer->read_round <= raft->round); /* I13 */
}

void fl__check_invariants(const struct fl_raft *raft)
{
    const struct fl__log *log = &raft->log;
    fl_assert(raft->commit <= log->last && raft->commit_taken <= raft->commit); /* I1 */
    fl_assert(raft->durable <= log->last);                                      /* I2 */
    fl_assert(raft->damaged == 0 || raft->durable < raft->damaged);             /* I2 */
    fl_assert(log->base <= raft->durable || raft->damaged > 0);                 /* I12 */
    for (uint32_t k = 1; k < log->count; k++)                                   /* I3 */
        fl_assert(log->runs[k - 1].term < log->runs[k].term && log->runs[k - 1].first < log->runs[k].first);
    fl_assert(log->last_term <= raft->term); /* I3 */
    if (raft->role == FL_CANDIDATE || raft->role == FL_LEADER) {
        fl_assert(raft->has_vote && raft->vote == raft->config.id); /* I6 */
        fl_assert(raft->is_voter);                                  /* I11 */
    }
    if (raft->role == FL_LEADER) /* I7 */
        fl_assert(raft->opening <= log->last && fl__log_term(log, raft->opening) == raft->term &&
                  log->last_term == raft->term);
    fl_assert(raft->ticket_completed <= raft->ticket_issued && raft->unhanded <= log->last + 1); /* I8 */
    fl_assert(raft->vote_completed <= raft->ticket_issued);
    fl_assert(raft->members.index <= log->last || raft->members.index == 0); /* I9 */
    fl_assert(raft->role == FL_LEADER || raft->acknowledged <= raft->held);  /* I10 */
    fl_assert(raft->round_count == 0 || raft->role == FL_LEADER);            /* I13 */
    for (uint32_t k = 0; k < raft->round_count; k++)                         /* I13 */
        fl_assert(raft->rounds[k].number <= raft->round &&
                  (k == 0 || raft->rounds[k - 1].number < raft->rounds[k].number));
    for (uint32_t k = 0; k < raft->peer_count; k++)
        check_peer(raft, &raft->peers[k]);
}
