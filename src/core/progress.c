/* progress.c - what a leader knows of each follower's log, and what it sends next (paper §5.3).
 *
 * nextIndex and matchIndex are the paper's. New is how they are found: a rejection carries the follower's
 * outline, and so the leader sees at once where the logs part. The consistency check stays on every append:
 * the outline chooses where to start, the check proves it. While the fork is unknown one empty append at a
 * time asks for it (probing); once it is known, entries are pipelined (streaming) within a window of
 * messages, entries and bytes.
 *
 * Answers may come late, twice or in any order. matchIndex only believes what stays true: in one term a
 * follower never loses what matched. nextIndex is only a guess, and is corrected by answers to appends sent
 * after its last reset. */
#include "core.h"

static bool is_textbook(const struct fl_raft *raft)
{
    return raft->config.repair != FL_REPAIR_OUTLINE;
}

/* Around the ring without a division. */
static uint32_t next_flight(const struct fl_raft *raft, uint32_t slot, uint32_t steps)
{
    uint32_t at = slot + steps;
    return at < raft->config.window_messages ? at : at - raft->config.window_messages;
}

static void raise_match(struct fl_raft *raft, struct fl__peer *peer, fl_index match)
{
    match = fl__min(match, raft->log.last);
    if (match <= peer->match)
        return;
    peer->match = match;
    peer->moved_at = raft->now;
    if (peer->next <= match) {
        peer->next = match + 1; /* I5 */
        peer->sending = false;
    }
    while (peer->flight_count > 0 && peer->flights[peer->flight_first].last <= match) {
        peer->flight_size -= peer->flights[peer->flight_first].size;
        peer->flight_first = next_flight(raft, peer->flight_first, 1);
        peer->flight_count--;
    }
    raft->match_max = fl__max(raft->match_max, match);
    if (peer->voter && match > raft->commit)
        fl__commit_count(raft);
    fl__commit_maybe_hurry(raft, peer);
}

void fl__progress_start(struct fl_raft *raft, struct fl__peer *peer, fl_index last)
{
    peer->match = 0;
    peer->next = last + 1;
    peer->number = peer->sent_number = peer->boot_number = 0;
    peer->boot_match = 0;
    peer->round = 0;
    peer->hurry = 0;
    peer->heard_at = peer->moved_at = raft->now;
    peer->rejections = peer->entries_sent = 0;
    peer->read_waiting = peer->read_in_round = peer->read_ready = peer->read_round = 0;
    fl__progress_rewind(raft, peer, last + 1, FL_PROGRESS_PROBE);
    if (peer->fork_known && !is_textbook(raft)) {
        peer->match = fl__min(peer->fork, peer->fork_durable);
        fl__progress_rewind(raft, peer, peer->fork + 1, FL_PROGRESS_STREAM);
    }
}

void fl__progress_rewind(struct fl_raft *raft, struct fl__peer *peer, fl_index next,
                         enum fl_progress progress)
{
    peer->next = next;
    peer->progress = progress;
    peer->reset_number = peer->number + 1;
    peer->flight_first = peer->flight_count = 0;
    peer->flight_size = 0;
    peer->sending = peer->stalled = peer->probing = false;
    fl__peer_want(raft, peer, FL__DO_APPEND);
}

void fl__progress_heartbeat_all(struct fl_raft *raft)
{
    for (uint32_t k = 0; k < raft->peer_count; k++) {
        struct fl__peer *peer = &raft->peers[k];
        peer->probing = peer->stalled = false;
        if (peer->match == raft->log.last)
            peer->moved_at = raft->now;
        fl__peer_want(raft, peer, FL__DO_HEARTBEAT | FL__DO_APPEND);
    }
}

void fl__progress_entries_added(struct fl_raft *raft)
{
    for (uint32_t k = 0; k < raft->peer_count; k++)
        fl__peer_want(raft, &raft->peers[k], FL__DO_APPEND);
}

/* Whoever answers heartbeats and stores nothing, because its log is damaged or its disk hangs, helps to
 * commit nothing; and those who hear this leader elect no other. */
static bool supports(const struct fl_raft *raft, const struct fl__peer *peer)
{
    fl_time_us timeout = raft->config.election_timeout_us;
    bool heard = raft->now - peer->heard_at < timeout;
    return heard && raft->now - peer->moved_at < FL__STALL_TIMEOUTS * timeout;
}

bool fl__progress_has_quorum(const struct fl_raft *raft)
{
    uint32_t supporters = raft->is_voter;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        supporters += raft->peers[k].voter && supports(raft, &raft->peers[k]);
    return supporters >= fl__quorum_size(raft->voter_count);
}

/* ------------------------------------------------------------------------------------------------ answers */

/* The follower's process is another one: what was in flight is lost, what it acknowledged is not. */
static void on_new_boot(struct fl_raft *raft, struct fl__peer *peer, uint64_t boot)
{
    bool restarted = peer->boot != 0;
    peer->boot = boot;
    peer->boot_match = restarted ? peer->match : 0;
    if (restarted && peer->progress == FL_PROGRESS_STREAM)
        fl__progress_rewind(raft, peer, peer->next, FL_PROGRESS_PROBE);
}

/* The leader of the fork strategy: where to continue after `outline`. */
static void step_to_fork(struct fl_raft *raft, struct fl__peer *peer, const struct fl_message *message)
{
    fl_index fork;
    enum fl__fork_kind kind = fl__log_fork(&raft->log, &message->outline, &fork);
    if (kind == FL__FORK_CONTRADICTED) {
        peer->progress = FL_PROGRESS_STOPPED;
        fl__note(raft, (struct fl_note){.kind = FL_NOTE_CONTRADICTION, .peer = peer->id, .index = fork});
        return;
    }
    fork = fl__max(fl__min(fork, message->prev - 1), peer->match);
    fl__note(raft, (struct fl_note){
                       .kind = FL_NOTE_CONFLICT, .peer = peer->id, .index = message->prev, .other = fork});
    fl__progress_rewind(raft, peer, fork + 1,
                        kind == FL__FORK_FOUND ? FL_PROGRESS_STREAM : FL_PROGRESS_PROBE);
    if (kind == FL__FORK_FOUND)
        raise_match(raft, peer, fl__min(fork, message->outline.durable));
}

/* The paper's: one index back. */
static fl_index step_one(const struct fl__peer *peer, const struct fl_message *message)
{
    return fl__max(message->prev, peer->match + 1);
}

/* The paper's improvement (§5.3): past all entries of the conflicting term at once. */
static fl_index step_term(const struct fl_raft *raft, const struct fl__peer *peer,
                          const struct fl_message *message)
{
    const struct fl_outline *outline = &message->outline;
    fl_index next = outline->low + 1;
    if (outline->last < message->prev) {
        next = outline->last + 1; /* Its log is shorter. */
    } else if (outline->run_count > 0) {
        const struct fl_run *run = &outline->runs[outline->run_count - 1];
        fl_index last = fl__log_last_at_most(&raft->log, message->prev - 1, run->term);
        bool shared = last >= run->first && fl__log_term(&raft->log, last) == run->term;
        next = shared ? last + 1 : run->first;
    }
    return fl__max(fl__min(next, message->prev), peer->match + 1);
}

/* A follower that restarted and has less on its disk than it had acknowledged before: not counted for what it
 * lost. */
static void check_for_loss(struct fl_raft *raft, struct fl__peer *peer, const struct fl_outline *outline)
{
    if (!outline->present || outline->durable >= peer->boot_match)
        return;
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_DATA_LOSS,
                                    .peer = peer->id,
                                    .index = peer->boot_match,
                                    .other = outline->durable});
    if (peer->match == peer->boot_match)
        peer->match = outline->durable;
    peer->boot_match = outline->durable;
}

static void on_rejection(struct fl_raft *raft, struct fl__peer *peer, const struct fl_message *message)
{
    if (message->number < peer->reset_number || message->number > peer->number ||
        message->prev > raft->log.last || peer->progress == FL_PROGRESS_STOPPED)
        return;
    check_for_loss(raft, peer, &message->outline);
    if (message->prev <= peer->match)
        return;
    peer->rejections++;
    peer->moved_at = raft->now;
    if (raft->config.repair == FL_REPAIR_ONE)
        fl__progress_rewind(raft, peer, step_one(peer, message), FL_PROGRESS_PROBE);
    else if (raft->config.repair == FL_REPAIR_TERM)
        fl__progress_rewind(raft, peer, step_term(raft, peer, message), FL_PROGRESS_PROBE);
    else if (message->outline.present)
        step_to_fork(raft, peer, message);
}

static void on_success(struct fl_raft *raft, struct fl__peer *peer, const struct fl_message *message)
{
    raise_match(raft, peer, message->last);
    if (message->number < peer->reset_number || message->number > peer->number)
        return;
    fl_index held = fl__min(message->held, raft->log.last);
    if (peer->progress == FL_PROGRESS_PROBE) {
        peer->probing = false;
        if (held + 1 >= peer->next)
            fl__progress_rewind(raft, peer, held + 1, FL_PROGRESS_STREAM);
    } else if (peer->progress == FL_PROGRESS_STREAM && message->number > peer->sent_number &&
               held + 1 < peer->next) {
        /* It answers an append that left after all entries, and does not hold them: they were lost. */
        fl__progress_rewind(raft, peer, fl__max(held, peer->match) + 1, FL_PROGRESS_STREAM);
    }
    if (peer->next <= raft->log.last)
        fl__peer_want(raft, peer, FL__DO_APPEND);
}

void fl__progress_on_reply(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_find(raft, message->from);
    if (raft->role != FL_LEADER || message->term != raft->term || !peer)
        return;
    if (message->boot != peer->boot) {
        /* Numbers rise through a leadership: a new life soon echoes higher ones, an old one never does
         * again. */
        if (peer->boot != 0 && message->number <= peer->boot_number)
            return;
        on_new_boot(raft, peer, message->boot);
    }
    peer->boot_number = fl__max(peer->boot_number, fl__min(message->number, peer->number));
    peer->heard_at = raft->now;
    peer->round = fl__max(peer->round, fl__min(message->round, raft->round));
    if (message->rejected)
        on_rejection(raft, peer, message);
    else
        on_success(raft, peer, message);
    fl__read_maybe_confirm(raft);
}

/* A vote's answer that comes after the election was won without it: its outline still holds, for since it was
 * made only our own appends changed that log, and they removed nothing that agrees. */
void fl__progress_on_late_vote(struct fl_raft *raft, struct fl__peer *peer, const struct fl_message *message)
{
    fl_index fork;
    if (is_textbook(raft) || !message->outline.present)
        return;
    if (peer->boot != 0 && peer->boot != message->boot)
        return;
    peer->boot = message->boot;
    peer->heard_at = raft->now;
    if (fl__log_fork(&raft->log, &message->outline, &fork) != FL__FORK_FOUND)
        return;
    if (peer->progress == FL_PROGRESS_PROBE && peer->match <= fork)
        fl__progress_rewind(raft, peer, fork + 1, FL_PROGRESS_STREAM);
    raise_match(raft, peer, fl__min(fork, message->outline.durable));
}

/* ------------------------------------------------------------------------------------------------ sending */

static bool may_stream(const struct fl_raft *raft, const struct fl__peer *peer)
{
    const struct fl_raft_config *config = &raft->config;
    if (peer->progress != FL_PROGRESS_STREAM || peer->next > raft->log.last)
        return false;
    if (!peer->is_up || peer->sending || peer->stalled)
        return false;
    if (peer->flight_count == 0)
        return true;
    fl_index in_flight = peer->next - 1 - peer->flights[peer->flight_first].prev;
    return peer->flight_count < config->window_messages && in_flight < config->window_entries &&
           peer->flight_size < config->window_size;
}

static void fill_append(struct fl_raft *raft, struct fl__peer *peer, fl_index prev, fl_index last)
{
    struct fl_message *message = fl__message_start(raft, peer, FL_MSG_APPEND);
    if (last > prev) {
        message->runs = raft->message_runs;
        message->run_count =
            fl__log_copy_runs(&raft->log, prev, &last, raft->message_runs, raft->config.outline_runs_max);
    }
    message->prev = prev;
    message->prev_term = fl__log_term(&raft->log, prev);
    message->last = last;
    message->commit = raft->commit;
    message->number = ++peer->number;
    message->round = raft->round;
}

static bool fill_entries(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    const struct fl_raft_config *config = &raft->config;
    fl_index last = fl__min(raft->log.last, peer->next - 1 + config->message_entries_max);
    uint64_t room = config->message_size_max;
    if (peer->flight_count > 0) {
        last = fl__min(last, peer->flights[peer->flight_first].prev + config->window_entries);
        room = fl__min(room, config->window_size - peer->flight_size);
    }
    fill_append(raft, peer, peer->next - 1, last);
    out->size_max = room;
    peer->todo &= (uint32_t)~FL__DO_APPEND;
    peer->sending = true;
    peer->sending_number = peer->number;
    peer->sending_prev = peer->next - 1;
    return true;
}

/* One append at a time asks where the logs part. The textbook's carries entries, as the paper's does. */
static bool fill_probe(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    peer->probing = true;
    if (is_textbook(raft) && peer->next <= raft->log.last && !peer->sending)
        return fill_entries(raft, peer, out);
    fill_append(raft, peer, peer->next - 1, peer->next - 1);
    return true;
}

bool fl__progress_take(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out)
{
    out->message = &raft->message;
    out->size_max = 0;
    if (peer->todo & FL__DO_HEARTBEAT) {
        peer->todo &= (uint32_t)~FL__DO_HEARTBEAT;
        if (peer->progress == FL_PROGRESS_PROBE)
            return fill_probe(raft, peer, out);
        fill_append(raft, peer, peer->match, peer->match);
        return true;
    }
    if (peer->progress == FL_PROGRESS_PROBE && !peer->probing)
        return fill_probe(raft, peer, out);
    if (may_stream(raft, peer))
        return fill_entries(raft, peer, out);
    peer->todo &= (uint32_t)~FL__DO_APPEND;
    return false;
}

int fl__progress_sent(struct fl_raft *raft, struct fl__peer *peer, uint64_t number, fl_index last,
                      uint64_t size)
{
    if (!peer->sending || peer->sending_number != number)
        return FL_ESTALE;
    peer->sending = false;
    peer->sent_number = peer->number;
    if (last <= peer->sending_prev) {
        peer->stalled = true;
        return FL_OK;
    }
    fl_assert(last <= raft->log.last);
    peer->entries_sent += last - peer->sending_prev;
    if (peer->progress == FL_PROGRESS_STREAM) {
        fl_assert(peer->flight_count < raft->config.window_messages);
        uint32_t slot = next_flight(raft, peer->flight_first, peer->flight_count++);
        peer->flights[slot] = (struct fl__flight){.prev = peer->sending_prev, .last = last, .size = size};
        peer->flight_size += size;
        peer->next = last + 1;
    }
    if (peer->next <= raft->log.last)
        fl__peer_want(raft, peer, FL__DO_APPEND);
    return FL_OK;
}
