/* persist.c - what was handed to the disk, and what of it is durable.
 *
 * Two kinds of work share one sequence of tickets: the term with its vote, and the log. A vote may be durable
 * before the log work that was handed out earlier, which may wait for long, on a full disk. Handing out is
 * lazy: all that changed since the last take goes out as one piece, so a burst of events costs one write.
 * The disk's truth is kept apart from memory's: a truncation lowers at once what older tickets can make
 * durable. */
#include "core.h"

static struct fl__persisting *persisting_at(struct fl_raft *raft, uint32_t k)
{
    return &raft->persisting[(raft->persisting_first + k) % FL__PERSISTS_MAX];
}

fl_time_us fl__persist_waiting_since(const struct fl_raft *raft)
{
    if (raft->persisting_count == 0)
        return FL__NEVER;
    return raft->persisting[raft->persisting_first].since;
}

static bool take_vote(struct fl_raft *raft, struct fl_work *work)
{
    raft->vote_dirty = false;
    raft->vote_ticket = ++raft->ticket_issued;
    work->type = FL_WORK_PERSIST;
    work->persist = (struct fl_persist){
        .ticket = raft->vote_ticket,
        .is_vote = true,
        .term = raft->term,
        .has_vote = raft->has_vote,
        .vote = raft->vote,
    };
    return true;
}

bool fl__persist_take(struct fl_raft *raft, struct fl_work *work)
{
    /* The term first: it is durable before any entry of it. */
    if (raft->vote_dirty)
        return take_vote(raft, work);
    raft->work &= (uint32_t)~FL__WORK_PERSIST;
    fl_index last = raft->log.last;
    bool has_entries = raft->unhanded <= last;
    if ((!has_entries && raft->truncate_from == 0) || raft->persisting_count == FL__PERSISTS_MAX)
        return false;
    work->type = FL_WORK_PERSIST;
    work->persist.ticket = ++raft->ticket_issued;
    work->persist.is_vote = false; /* So its vote means nothing. */
    work->persist.term = raft->term;
    work->persist.truncate_from = raft->truncate_from;
    work->persist.first = has_entries ? raft->unhanded : 0;
    work->persist.last = has_entries ? last : 0;
    raft->truncate_from = 0;
    raft->unhanded = last + 1;
    *persisting_at(raft, raft->persisting_count++) =
        (struct fl__persisting){.ticket = raft->ticket_issued, .last = last, .since = raft->now};
    return true;
}

void fl__persist_truncated(struct fl_raft *raft, fl_index from)
{
    if (from < raft->unhanded) {
        raft->truncate_from = raft->truncate_from ? fl__min(raft->truncate_from, from) : from;
        raft->unhanded = from;
    }
    raft->durable = fl__min(raft->durable, from - 1);
    for (uint32_t k = 0; k < raft->persisting_count; k++) {
        struct fl__persisting *persisting = persisting_at(raft, k);
        persisting->last = fl__min(persisting->last, from - 1);
    }
}

/* The log is durable up to `last`, except from the first damaged entry on. */
static void advance_durable(struct fl_raft *raft, fl_index last)
{
    if (raft->damaged)
        last = fl__min(last, raft->damaged - 1);
    if (last <= raft->durable)
        return;
    raft->durable = last;
    fl_assert(raft->durable <= raft->log.last); /* I2 */
    if (raft->role == FL_LEADER)
        fl__commit_count(raft);
    else
        fl__append_durable(raft);
}

/* Votes up to this ticket are durable. */
static void complete_votes(struct fl_raft *raft, fl_ticket ticket)
{
    bool was_term_durable = fl__persist_is_term_durable(raft);
    raft->vote_completed = fl__max(raft->vote_completed, ticket);
    if (!was_term_durable && fl__persist_is_term_durable(raft))
        fl__election_count(raft);
}

int fl_raft_vote_persisted(struct fl_raft *raft, fl_time_us now, fl_ticket ticket)
{
    if (ticket > raft->ticket_issued)
        return FL_EINVAL;
    raft->now = fl__max(raft->now, now);
    complete_votes(raft, ticket);
    return FL_OK;
}

int fl_raft_persisted(struct fl_raft *raft, fl_time_us now, fl_ticket ticket)
{
    if (ticket > raft->ticket_issued)
        return FL_EINVAL;
    raft->now = fl__max(raft->now, now);
    if (ticket <= raft->ticket_completed)
        return FL_OK;
    raft->ticket_completed = ticket;
    if (raft->persisting_count == FL__PERSISTS_MAX)
        raft->work |= FL__WORK_PERSIST; /* What a full ring kept back. */
    fl_index last = 0;
    while (raft->persisting_count > 0 && persisting_at(raft, 0)->ticket <= ticket) {
        last = fl__max(last, persisting_at(raft, 0)->last);
        raft->persisting_first = (raft->persisting_first + 1) % FL__PERSISTS_MAX;
        raft->persisting_count--;
    }
    raft->slow_disk = false;
    complete_votes(raft, ticket);
    advance_durable(raft, last);
    return FL_OK;
}
