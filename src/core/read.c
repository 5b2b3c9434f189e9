/* read.c - linearizable reads without a log entry (ReadIndex, thesis §6.4).
 *
 * A read asked of a leader may be served from any state that holds what is committed now, provided that it
 * still led after the read was asked, and that it has committed an entry of its own term (before, it does not
 * know what is committed). To prove the former it sends a heartbeat with a round number of its own making and
 * waits until a majority echo that number: numbers are never reused in a leadership, so an answer to an
 * earlier heartbeat proves nothing for a later read (row B40 of the catalogue). One round serves every read
 * that waits for it, and its echo every round before it.
 *
 * Rounds overlap: whoever comes while one is under way starts another, so a read waits for one exchange of
 * messages and not for the rest of a former one too. Only when FL__ROUNDS_MAX are under way does it wait;
 * then those that wait share the next.
 *
 * Readers share tickets. A ticket is open until a round (or a follower's request to its leader) starts with
 * it; who comes later waits for the next. */
#include "core.h"

int fl_raft_read(struct fl_raft *raft, fl_time_us now, fl_ticket *ticket)
{
    raft->now = fl__max(raft->now, now);
    if (!raft->has_leader)
        return FL_ENOLEADER;
    raft->read_has_open = true;
    raft->work |= FL__WORK_START_READ;
    *ticket = raft->read_open;
    return FL_OK;
}

/* Closes the open ticket and returns it; 0 if nobody waits under it. */
static fl_ticket close_ticket(struct fl_raft *raft)
{
    if (!raft->read_has_open)
        return 0;
    raft->read_has_open = false;
    return raft->read_open++;
}

static void start_round(struct fl_raft *raft)
{
    bool wanted = raft->read_has_open;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        wanted |= raft->peers[k].read_waiting != 0;
    if (!wanted)
        return;
    raft->round++;
    raft->rounds[raft->round_count++] =
        (struct fl__round){.number = raft->round, .ticket = close_ticket(raft)};
    for (uint32_t k = 0; k < raft->peer_count; k++) {
        struct fl__peer *peer = &raft->peers[k];
        if (peer->read_waiting) {
            peer->read_in_round = peer->read_waiting;
            peer->read_round = raft->round;
            peer->read_waiting = 0;
        }
        if (peer->voter)
            fl__peer_want(raft, peer, FL__DO_HEARTBEAT);
    }
    fl__read_maybe_confirm(raft);
}

static void ask_leader(struct fl_raft *raft)
{
    raft->read_asked = close_ticket(raft);
    if (raft->read_asked == 0)
        return;
    raft->read_repeat_at = raft->now + raft->config.heartbeat_us;
    fl__peer_want(raft, fl__peer_slot(raft, raft->leader), FL__DO_READ);
}

void fl__read_maybe_start(struct fl_raft *raft)
{
    raft->work &= (uint32_t)~FL__WORK_START_READ;
    if (raft->role == FL_LEADER) {
        if (raft->round_count < FL__ROUNDS_MAX)
            start_round(raft);
    } else if (raft->has_leader && raft->read_asked == 0) {
        ask_leader(raft);
    }
}

/* The newest round that a majority of the voters echoed. */
static uint64_t confirmed_round(const struct fl_raft *raft)
{
    uint64_t echoed[FL__VOTERS_MAX];
    uint32_t count = 1;
    echoed[0] = raft->round; /* A leader is a voter: invariant I11. */
    for (uint32_t k = 0; k < raft->peer_count; k++)
        if (raft->peers[k].voter)
            echoed[count++] = raft->peers[k].round;
    return fl__quorum_value(echoed, count);
}

/* Ends the rounds up to this one; returns the newest of their tickets, 0 if there is none. */
static fl_ticket end_rounds(struct fl_raft *raft, uint64_t confirmed)
{
    fl_ticket ticket = 0;
    uint32_t ended = 0;
    for (; ended < raft->round_count && raft->rounds[ended].number <= confirmed; ended++)
        ticket = fl__max(ticket, raft->rounds[ended].ticket);
    raft->round_count -= ended;
    memmove(raft->rounds, raft->rounds + ended, raft->round_count * sizeof *raft->rounds);
    return ticket;
}

void fl__read_maybe_confirm(struct fl_raft *raft)
{
    if (raft->round_count == 0 || raft->commit < raft->opening)
        return;
    uint64_t confirmed = confirmed_round(raft);
    if (confirmed < raft->rounds[0].number)
        return;
    fl_ticket ticket = end_rounds(raft, confirmed);
    if (ticket) {
        raft->read_done = ticket;
        raft->read_done_index = raft->commit;
        raft->read_done_stamp = 0;
    }
    for (uint32_t k = 0; k < raft->peer_count; k++) {
        struct fl__peer *peer = &raft->peers[k];
        if (peer->read_in_round == 0 || peer->read_round > confirmed)
            continue;
        peer->read_ready = peer->read_in_round;
        peer->read_in_round = 0;
        fl__peer_want(raft, peer, FL__DO_READ_REPLY);
    }
    raft->work |= FL__WORK_READ | FL__WORK_START_READ; /* There is room for another round. */
}

void fl__read_on_request(struct fl_raft *raft, const struct fl_message *message)
{
    struct fl__peer *peer = fl__peer_find(raft, message->from);
    if (!peer || raft->role != FL_LEADER || message->term != raft->term)
        return;
    if (peer->read_boot != message->round) {
        peer->read_boot = message->round;
        peer->read_waiting = peer->read_in_round = peer->read_ready = 0;
    }
    if (message->number != peer->read_in_round)
        peer->read_waiting = fl__max(peer->read_waiting, message->number);
    raft->work |= FL__WORK_START_READ;
}

void fl__read_on_reply(struct fl_raft *raft, const struct fl_message *message)
{
    if (message->term != raft->term || raft->role != FL_FOLLOWER || !raft->has_leader)
        return;
    if (raft->leader != message->from || message->round != raft->config.boot)
        return;
    if (raft->read_asked == 0 || message->number != raft->read_asked)
        return;
    raft->read_done = raft->read_asked;
    raft->read_done_index = message->commit;
    raft->read_done_stamp = message->stamp;
    raft->read_asked = 0;
    raft->work |= FL__WORK_READ | FL__WORK_START_READ;
    /* What this term's leader committed and we hold of its log is committed here too. */
    fl__commit_to(raft, fl__min(message->commit, raft->held));
}

void fl__read_repeat(struct fl_raft *raft)
{
    if (raft->role == FL_LEADER || raft->read_asked == 0 || !raft->has_leader)
        return;
    if (raft->now < raft->read_repeat_at)
        return;
    raft->read_repeat_at = raft->now + raft->config.heartbeat_us;
    fl__peer_want(raft, fl__peer_slot(raft, raft->leader), FL__DO_READ);
}

void fl__read_fail(struct fl_raft *raft)
{
    fl_ticket newest = fl__max(raft->read_asked, end_rounds(raft, raft->round));
    newest = fl__max(newest, close_ticket(raft));
    if (newest)
        raft->read_failed = newest;
    raft->read_asked = 0;
    raft->work |= FL__WORK_READ;
}

bool fl__read_take(struct fl_raft *raft, struct fl_read *out)
{
    raft->work &= (uint32_t)~FL__WORK_READ;
    if (raft->read_done) {
        *out = (struct fl_read){
            .ticket = raft->read_done, .index = raft->read_done_index, .stamp = raft->read_done_stamp};
        raft->read_done = 0;
        raft->work |= raft->read_failed ? FL__WORK_READ : 0;
        return true;
    }
    if (raft->read_failed) {
        *out = (struct fl_read){.ticket = raft->read_failed, .outcome = FL_ENOLEADER};
        raft->read_failed = 0;
        return true;
    }
    return false;
}
