/* reads.c - linearizable reads, waiting for voters, and whether this node is ready.
 *
 * A read goes through three queues: fresh (to be asked of the core), asked (under a ticket of the core's; all
 * that were fresh at once share one), confirmed (an index is known; the answer is given once that much is
 * applied). Without a leader reads stay fresh, and those that the core lost with a leader become fresh again,
 * ahead of newer ones; only time ends that.
 *
 * A wait asks how many voters hold an entry durably. The leader knows; others ask it for the voters' durable
 * indexes, one question at a time whatever the number of waits, and it answers when they have changed or a
 * heartbeat has passed. What a leader counted is true of the log that it leads: a later leader may have had
 * entries overwritten that an earlier one counted (Figure 8), so with the leader goes what it knew.
 *
 * Ready means: everything that was committed when the present leader was met is applied. That is a read of
 * the node's own. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

struct fl__reads {
    struct fl__queue fresh;
    struct fl__queue asked;     /* request->sequence is the core's ticket. */
    struct fl__queue confirmed; /* request->index is to be applied first. */

    struct fl__queue waits;
    fl_time_us waits_deadline;         /* The earliest of them. */
    bool waits_changed;                /* New ones came, or progress did. */
    fl_index progress[FL_MEMBERS_MAX]; /* The last durable index of each voter, as far as is known here. */
    uint32_t progress_count;
    uint64_t progress_version; /* Rises with each change of it. */
    bool is_asking;            /* The leader was asked for it, */
    uint64_t asked_channel;    /* over this connection, */
    fl_time_us asked_at;

    /* The own read. */
    bool is_wanted, is_asked, is_confirmed, is_ready;
    fl_ticket ticket;
    fl_index index;
};

int fl__reads_create(struct fl_node *node)
{
    node->reads = calloc(1, sizeof *node->reads);
    if (!node->reads)
        return FL_ENOMEM;
    node->reads->waits_deadline = UINT64_MAX;
    return FL_OK;
}

void fl__reads_destroy(struct fl_node *node)
{
    free(node->reads);
    node->reads = NULL;
}

uint64_t fl__reads_pending(const struct fl_node *node)
{
    const struct fl__reads *reads = node->reads;
    return (uint64_t)reads->fresh.count + reads->asked.count + reads->confirmed.count + reads->waits.count;
}

int fl__reads_add(struct fl_node *node, struct fl_request *request)
{
    if (fl__reads_pending(node) >= FL__REQUESTS_MAX)
        return FL_EFULL;
    request->state = FL__REQUEST_READ;
    fl__queue_add(&node->reads->fresh, request);
    return FL_OK;
}

int fl__reads_add_wait(struct fl_node *node, struct fl_request *request)
{
    struct fl__reads *reads = node->reads;
    if (fl__reads_pending(node) >= FL__REQUESTS_MAX)
        return FL_EFULL;
    request->state = FL__REQUEST_WAIT;
    fl__queue_add(&reads->waits, request);
    reads->waits_changed = true;
    if (request->expires < reads->waits_deadline)
        reads->waits_deadline = request->expires;
    return FL_OK;
}

static void answer(struct fl_node *node, struct fl__queue *queue, struct fl_request *request, int outcome)
{
    fl__queue_remove(queue, request);
    request->state = FL__REQUEST_NONE;
    fl__forward_answer(node, request, outcome);
}

/* -------------------------------------------------------------------------------------------------- reads */

void fl__reads_pump(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    bool wants = reads->fresh.head || (reads->is_wanted && !reads->is_asked);
    fl_ticket ticket;
    if (!wants || node->is_failed || fl_raft_read(node->raft, node->now, &ticket) != FL_OK)
        return;
    if (reads->is_wanted && !reads->is_asked) {
        reads->is_asked = true;
        reads->ticket = ticket;
    }
    struct fl_request *request;
    while ((request = reads->fresh.head)) {
        fl__queue_remove(&reads->fresh, request);
        request->sequence = ticket;
        fl__queue_add(&reads->asked, request);
    }
}

static void confirm_own(struct fl__reads *reads, const struct fl_read *read)
{
    if (!reads->is_asked || reads->is_confirmed || reads->ticket > read->ticket)
        return;
    if (read->outcome == FL_OK) {
        reads->is_confirmed = true;
        reads->index = read->index;
    } else {
        reads->is_asked = false;
    }
}

void fl__reads_confirmed(struct fl_node *node, const struct fl_read *read)
{
    struct fl__reads *reads = node->reads;
    struct fl__queue again = {0};
    uint64_t time_us = 0;
    confirm_own(reads, read);
    struct fl_request *request;
    while ((request = reads->asked.head) && request->sequence <= read->ticket) {
        fl__queue_remove(&reads->asked, request);
        if (read->outcome != FL_OK) {
            fl__queue_add(&again, request);
            continue;
        }
        if (time_us == 0)
            time_us = read->stamp != 0 ? read->stamp : fl__driver_time(node);
        request->time_us = time_us;
        request->index = read->index;
        fl__queue_add(&reads->confirmed, request);
    }
    fl__queue_prepend(&reads->fresh, &again);
    if (reads->fresh.head)
        node->is_dirty = true;
}

void fl__reads_applied(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    struct fl_request *request;
    while ((request = reads->confirmed.head) && request->index <= node->applier.applied)
        answer(node, &reads->confirmed, request, FL_OK);
    if (reads->is_confirmed && reads->index <= node->applier.applied) {
        reads->is_confirmed = reads->is_asked = reads->is_wanted = false;
        reads->is_ready = true;
    }
}

void fl__reads_leader_changed(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    reads->is_ready = reads->is_asked = reads->is_confirmed = false;
    reads->is_wanted = node->status.has_leader;
    reads->is_asking = false;
    reads->progress_count = 0;
}

bool fl__reads_is_ready(const struct fl_node *node)
{
    return node->reads->is_ready;
}

/* -------------------------------------------------------------------------------------------------- waits */

static uint32_t count_holders(const struct fl__reads *reads, fl_index index)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < reads->progress_count; k++)
        count += reads->progress[k] >= index;
    return count;
}

/* Answers the waits that have enough holders or no time left. */
static void look_at_waits(struct fl_node *node, fl_time_us now)
{
    struct fl__reads *reads = node->reads;
    struct fl_request *request = reads->waits.head, *next;
    reads->waits_changed = false;
    reads->waits_deadline = UINT64_MAX;
    for (; request; request = next) {
        next = request->next;
        request->holders = count_holders(reads, request->index);
        if (request->holders >= request->count || request->expires <= now)
            answer(node, &reads->waits, request, FL_OK);
        else if (request->expires < reads->waits_deadline)
            reads->waits_deadline = request->expires;
    }
}

/* What a leader knows of the voters' disks, its own included. */
static uint32_t collect_progress(struct fl_node *node, fl_index durable[FL_MEMBERS_MAX])
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < node->roster.count; k++)
        if (node->roster.kinds[k] == FL_VOTER && node->roster.members[k].id == node->identity.incarnation)
            durable[count++] = node->status.durable;
    struct fl_peer_status peer;
    for (uint32_t k = 0; count < FL_MEMBERS_MAX && fl_raft_peer(node->raft, k, &peer); k++) {
        for (uint32_t member = 0; member < node->roster.count; member++)
            if (node->roster.members[member].id == peer.id && node->roster.kinds[member] == FL_VOTER)
                durable[count++] = peer.match;
    }
    return count;
}

static void set_progress(struct fl__reads *reads, const fl_index *durable, uint32_t count)
{
    bool same =
        count == reads->progress_count && memcmp(durable, reads->progress, count * sizeof *durable) == 0;
    if (same)
        return;
    memcpy(reads->progress, durable, count * sizeof *durable);
    reads->progress_count = count;
    reads->progress_version++;
    reads->waits_changed = true;
}

static void tell_progress(struct fl_node *node, struct fl__slot *slot)
{
    struct fl__buffer *control = slot->channel ? fl__channel_control(slot->channel) : NULL;
    if (!control)
        return;
    fl__frame_put_progress(control, node->reads->progress, node->reads->progress_count);
    slot->progress_asked = false;
    slot->progress_told = node->reads->progress_version;
    slot->progress_at = node->now;
}

static bool is_asked_for_progress(const struct fl_node *node)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++)
        if (node->transport.slots[k].progress_asked)
            return true;
    return false;
}

static void lead_progress(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    if (!reads->waits.head && !is_asked_for_progress(node))
        return;
    fl_index durable[FL_MEMBERS_MAX];
    uint32_t count = collect_progress(node, durable);
    set_progress(reads, durable, count);
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &node->transport.slots[k];
        bool is_due = slot->progress_told != reads->progress_version ||
                      node->now >= slot->progress_at + node->options.heartbeat_us;
        if (slot->progress_asked && is_due)
            tell_progress(node, slot);
    }
}

static void follow_progress(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    const struct fl_status *status = &node->status;
    struct fl__slot *slot = status->has_leader ? fl__transport_slot(&node->transport, status->leader) : NULL;
    if (!reads->waits.head || !slot || !slot->is_up || !slot->channel)
        return;
    bool is_waiting = reads->is_asking && reads->asked_channel == slot->channel->number &&
                      node->now < reads->asked_at + node->options.election_timeout_us;
    struct fl__buffer *control = is_waiting ? NULL : fl__channel_control(slot->channel);
    if (!control)
        return;
    fl__frame_put_empty(control, FL__FRAME_PROGRESS_ASK);
    reads->is_asking = true;
    reads->asked_channel = slot->channel->number;
    reads->asked_at = node->now;
}

void fl__reads_progress(struct fl_node *node)
{
    struct fl__reads *reads = node->reads;
    if (!node->is_failed && node->status.role == FL_LEADER)
        lead_progress(node);
    if (reads->waits_changed)
        look_at_waits(node, node->now);
    if (!node->is_failed && node->status.role != FL_LEADER)
        follow_progress(node);
}

int fl__reads_on_progress(struct fl_node *node, const struct fl__slot *slot, const struct fl__frame *frame)
{
    struct fl__reads *reads = node->reads;
    fl_index durable[FL_MEMBERS_MAX];
    uint32_t count;
    if (fl__frame_get_progress(frame, durable, &count) != FL_OK)
        return FL_EMESSAGE;
    /* Of an earlier leader, which was asked while it was one, the answer may still come. */
    if (!reads->is_asking || reads->asked_channel != slot->channel->number)
        return FL_OK;
    reads->is_asking = false;
    set_progress(reads, durable, count);
    return FL_OK;
}

/* --------------------------------------------------------------------------------------------------- ends */

static void expire_queue(struct fl_node *node, struct fl__queue *queue, fl_time_us now)
{
    struct fl_request *head;
    while ((head = queue->head) && head->expires <= now)
        answer(node, queue, head, FL_EUNAVAILABLE);
}

void fl__reads_expire(struct fl_node *node, fl_time_us now)
{
    struct fl__reads *reads = node->reads;
    expire_queue(node, &reads->confirmed, now);
    expire_queue(node, &reads->asked, now);
    expire_queue(node, &reads->fresh, now);
    if (reads->waits_deadline <= now)
        look_at_waits(node, now);
}

static fl_time_us head_expires(const struct fl__queue *queue)
{
    return queue->head ? queue->head->expires : UINT64_MAX;
}

fl_time_us fl__reads_deadline(const struct fl_node *node)
{
    const struct fl__reads *reads = node->reads;
    fl_time_us at = reads->waits_deadline;
    const struct fl__queue *const queues[] = {&reads->fresh, &reads->asked, &reads->confirmed};
    for (size_t k = 0; k < sizeof queues / sizeof *queues; k++)
        if (head_expires(queues[k]) < at)
            at = head_expires(queues[k]);
    return at;
}

static void end_queue(struct fl_node *node, struct fl__queue *queue, int outcome)
{
    while (queue->head)
        answer(node, queue, queue->head, outcome);
}

void fl__reads_end(struct fl_node *node, int outcome)
{
    struct fl__reads *reads = node->reads;
    end_queue(node, &reads->confirmed, outcome);
    end_queue(node, &reads->asked, outcome);
    end_queue(node, &reads->fresh, outcome);
    for (struct fl_request *request = reads->waits.head; request; request = request->next)
        request->holders = count_holders(reads, request->index);
    end_queue(node, &reads->waits, outcome);
}
