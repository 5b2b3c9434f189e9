/* forward.c - commands on their way to the leader's log, and what became of them.
 *
 * A command is handed to the leader of one term: proposed here if this node leads, otherwise forwarded to the
 * leader with that term's number and (origin, boot, sequence). Only the leader of that very term appends it,
 * in sequence, dropping what it has seen; so a connection that broke is no question: everything not answered
 * is forwarded again.
 *
 * What became of it, the log itself says. The origin applies the log like everybody; it either meets its
 * command, or meets an entry of a higher term than the one it was handed under. From then on no entry of that
 * older term can follow, so the command never was in the log and never will be: it is handed on to the new
 * leader. Until then nothing new is handed under a later term, so commands enter the log in the order in
 * which they were proposed, across any number of leaders, each once.
 *
 *     proposed -> [ queued ] --hand--> [ handed under T ] --met in the log---------------> applied
 *                     ^                       |            --refused by T's leader-------> answered, definite
 *                     |                       |            --time runs out---------------> answered, unknown
 *                     +--a higher term met----+
 *     queued --time runs out--> answered, definite
 *
 * Invariants: the queue is in order of sequence; handed ones come first, all handed under handed_term;
 * `unhanded` is the first queued one. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define INCOMING_FIRST 256

struct batch {
    struct fl__entry *entries[FL__BATCH_MAX];
    uint32_t count;
    uint64_t size;
    bool others_are_full; /* As when it was begun. */
};

struct fl__commands {
    struct fl__queue queue;
    struct fl_request *unhanded;
    uint64_t size; /* Bytes of all. */
    uint64_t next_sequence;
    fl_term handed_term;
    uint64_t handed_size;  /* Bytes. */
    uint64_t sent_channel; /* The connection over which they were forwarded; 0: they were proposed here. */

    /* Forwarded to us, not proposed yet: a ring, in the order of arrival. */
    struct fl__entry **incoming;
    uint32_t incoming_first, incoming_count, incoming_capacity;
    uint64_t incoming_size;
    fl_term incoming_term; /* They are for the leader of this term alone. */

    struct batch batch;
};

/* ------------------------------------------------------------------------------------------------- queues */

void fl__queue_add(struct fl__queue *queue, struct fl_request *request)
{
    request->next = NULL;
    request->previous = queue->tail;
    if (queue->tail)
        queue->tail->next = request;
    else
        queue->head = request;
    queue->tail = request;
    queue->count++;
}

void fl__queue_remove(struct fl__queue *queue, struct fl_request *request)
{
    if (request->previous)
        request->previous->next = request->next;
    else
        queue->head = request->next;
    if (request->next)
        request->next->previous = request->previous;
    else
        queue->tail = request->previous;
    request->next = request->previous = NULL;
    queue->count--;
}

void fl__queue_prepend(struct fl__queue *queue, struct fl__queue *older)
{
    if (!older->head)
        return;
    older->tail->next = queue->head;
    if (queue->head)
        queue->head->previous = older->tail;
    else
        queue->tail = older->tail;
    queue->head = older->head;
    queue->count += older->count;
    *older = (struct fl__queue){0};
}

/* ----------------------------------------------------------------------------------------- making, ending */

int fl__forward_create(struct fl_node *node)
{
    node->commands = calloc(1, sizeof *node->commands);
    return node->commands ? FL_OK : FL_ENOMEM;
}

static struct fl__entry *pop_incoming(struct fl__commands *commands)
{
    struct fl__entry *entry = commands->incoming[commands->incoming_first];
    commands->incoming_first = (commands->incoming_first + 1) % commands->incoming_capacity;
    commands->incoming_count--;
    commands->incoming_size -= entry->size;
    return entry;
}

static void drop_incoming(struct fl__commands *commands)
{
    while (commands->incoming_count > 0)
        fl__entry_release(pop_incoming(commands));
}

void fl__forward_destroy(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    if (!commands)
        return;
    drop_incoming(commands);
    free(commands->incoming);
    free(commands);
    node->commands = NULL;
}

int fl__forward_add(struct fl_node *node, struct fl_request *request)
{
    struct fl__commands *commands = node->commands;
    bool full = commands->queue.count >= FL__REQUESTS_MAX ||
                request->size > node->options.pending_size_max - commands->size;
    if (full)
        return FL_EFULL;
    request->state = FL__REQUEST_QUEUED;
    request->sequence = ++commands->next_sequence;
    fl__queue_add(&commands->queue, request);
    commands->size += request->size;
    if (!commands->unhanded)
        commands->unhanded = request;
    return FL_OK;
}

static void take_out(struct fl__commands *commands, struct fl_request *request)
{
    if (commands->unhanded == request)
        commands->unhanded = request->next;
    if (request->state == FL__REQUEST_HANDED)
        commands->handed_size -= request->size;
    commands->size -= request->size;
    fl__queue_remove(&commands->queue, request);
    request->state = FL__REQUEST_NONE;
}

void fl__forward_answer(struct fl_node *node, struct fl_request *request, int outcome)
{
    if (outcome == FL_EUNKNOWN)
        node->unknown_count++;
    else if (outcome != FL_OK)
        node->refused_count++;
    node->machine.answer(node->machine.state, request, outcome);
}

static void end_command(struct fl_node *node, struct fl_request *request, int outcome)
{
    take_out(node->commands, request);
    fl__forward_answer(node, request, outcome);
}

static bool has_handed(const struct fl__commands *commands)
{
    return commands->queue.head != commands->unhanded;
}

fl_time_us fl__forward_deadline(const struct fl_node *node)
{
    const struct fl_request *head = node->commands->queue.head;
    return head ? head->expires : UINT64_MAX;
}

uint64_t fl__forward_pending(const struct fl_node *node)
{
    return node->commands->queue.count;
}

void fl__forward_expire(struct fl_node *node, fl_time_us now)
{
    struct fl_request *head;
    while ((head = node->commands->queue.head) && head->expires <= now)
        end_command(node, head, head->state == FL__REQUEST_HANDED ? FL_EUNKNOWN : FL_EUNAVAILABLE);
}

void fl__forward_end(struct fl_node *node, int queued_outcome)
{
    struct fl_request *head;
    while ((head = node->commands->queue.head))
        end_command(node, head, head->state == FL__REQUEST_HANDED ? FL_EUNKNOWN : queued_outcome);
    drop_incoming(node->commands);
}

/* ----------------------------------------------------------------------------------------------- verdicts */

void fl__forward_verdict(struct fl_node *node, fl_term term)
{
    struct fl__commands *commands = node->commands;
    if (!has_handed(commands) || term <= commands->handed_term)
        return;
    for (struct fl_request *request = commands->queue.head; request != commands->unhanded;
         request = request->next)
        request->state = FL__REQUEST_QUEUED;
    commands->unhanded = commands->queue.head;
    commands->handed_size = 0;
}

struct fl_request *fl__forward_match(struct fl_node *node, const struct fl__entry *entry)
{
    struct fl__commands *commands = node->commands;
    if (entry->boot != node->boot || entry->origin != node->identity.incarnation)
        return NULL;
    struct fl_request *head;
    while ((head = commands->queue.head) && head->state == FL__REQUEST_HANDED) {
        if (head->sequence == entry->sequence) {
            take_out(commands, head);
            return head;
        }
        if (head->sequence > entry->sequence)
            return NULL; /* Its time had run out. */
        /* The leader appends in sequence: it refused this one, and only the message that said so was lost. */
        end_command(node, head, FL_EUNAVAILABLE);
    }
    return NULL;
}

int fl__forward_on_refused(struct fl_node *node, const struct fl__frame *frame)
{
    struct fl__commands *commands = node->commands;
    struct fl__forward_refused refused;
    if (fl__frame_get_forward_refused(frame, &refused) != FL_OK)
        return FL_EMESSAGE;
    if (refused.boot != node->boot || refused.term != commands->handed_term)
        return FL_OK;
    bool known = refused.error == FL_ELOGFULL || refused.error == FL_ENOSPC || refused.error == FL_ETOOBIG;
    int outcome = known ? refused.error : FL_EUNAVAILABLE;
    struct fl_request *request = commands->queue.head, *next;
    for (; request && request->state == FL__REQUEST_HANDED && request->sequence <= refused.last;
         request = next) {
        next = request->next;
        if (request->sequence >= refused.first)
            end_command(node, request, outcome);
    }
    return FL_OK;
}

/* ------------------------------------------------------------------------------------- from other members */

static void refuse(struct fl_node *node, struct fl__slot *slot, fl_term term, uint64_t sequence, int error)
{
    struct fl__buffer *control = slot && slot->channel ? fl__channel_control(slot->channel) : NULL;
    const struct fl__forward_refused refused = {
        .term = term, .boot = slot ? slot->boot : 0, .first = sequence, .last = sequence, .error = error};
    if (control)
        fl__frame_put_forward_refused(control, &refused);
    node->refused_count++;
}

static bool push_incoming(struct fl__commands *commands, struct fl__entry *entry)
{
    if (commands->incoming_count == commands->incoming_capacity) {
        uint32_t capacity = commands->incoming_capacity ? 2 * commands->incoming_capacity : INCOMING_FIRST;
        struct fl__entry **ring = malloc(capacity * sizeof(struct fl__entry *));
        if (!ring)
            return false;
        for (uint32_t k = 0; k < commands->incoming_count; k++)
            ring[k] = commands->incoming[(commands->incoming_first + k) % commands->incoming_capacity];
        free(commands->incoming);
        commands->incoming = ring;
        commands->incoming_first = 0;
        commands->incoming_capacity = capacity;
    }
    uint32_t at = (commands->incoming_first + commands->incoming_count++) % commands->incoming_capacity;
    commands->incoming[at] = entry;
    commands->incoming_size += entry->size;
    return true;
}

/* FL_EFULL, FL_ETOOBIG, FL_ENOMEM: refused, and nobody will ever append it in this term. */
static int accept_command(struct fl_node *node, struct fl__slot *slot, uint64_t sequence, const uint8_t *data,
                          uint32_t size)
{
    struct fl__commands *commands = node->commands;
    if (size > FL_COMMAND_MAX)
        return FL_ETOOBIG;
    if (commands->incoming_size > 0 && commands->incoming_size + size > node->options.pending_size_max)
        return FL_EFULL;
    const struct fl__entry model = {
        .kind = FL_ENTRY_COMMAND,
        .time_us = fl__driver_time(node),
        .seed = fl__driver_seed(node),
        .origin = slot->member.id,
        .boot = slot->boot,
        .sequence = sequence,
    };
    struct fl__entry *entry = fl__entry_create(&model, data, size);
    if (!entry || !push_incoming(commands, entry)) {
        fl__entry_release(entry);
        return FL_ENOMEM;
    }
    return FL_OK;
}

int fl__forward_take(struct fl_node *node, struct fl__slot *slot, const struct fl__frame *frame)
{
    struct fl__commands *commands = node->commands;
    struct fl__forward forward;
    if (fl__frame_get_forward(frame, &forward) != FL_OK || forward.boot != slot->boot)
        return FL_EMESSAGE;
    /* Another term's leader must not take them; whoever sent them learns from the log that nobody did. */
    if (!node->raft || node->status.role != FL_LEADER || forward.term != node->status.term)
        return FL_OK;
    if (commands->incoming_term != forward.term) {
        drop_incoming(commands);
        commands->incoming_term = forward.term;
    }
    if (slot->forward_term != forward.term || slot->forward_boot != forward.boot) {
        slot->forward_term = forward.term;
        slot->forward_boot = forward.boot;
        slot->forward_last = 0;
    }
    for (uint32_t k = 0; k < forward.count; k++) {
        uint64_t sequence;
        const uint8_t *data;
        uint32_t size;
        if (fl__frame_get_command(&forward, &sequence, &data, &size) != FL_OK)
            return FL_EMESSAGE;
        if (sequence <= slot->forward_last)
            continue; /* Sent again over a new connection. */
        slot->forward_last = sequence;
        int result = accept_command(node, slot, sequence, data, size);
        if (result != FL_OK)
            refuse(node, slot, forward.term, sequence, result);
    }
    return FL_OK;
}

/* The origin waits for the commit, not for the next heartbeat. */
void fl__forward_committed(struct fl_node *node, fl_index commit)
{
    if (node->status.role != FL_LEADER)
        return;
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &node->transport.slots[k];
        if (slot->hurry > commit)
            fl_raft_hurry(node->raft, slot->member.id, commit + 1);
        else
            slot->hurry = 0;
    }
}

/* ------------------------------------------------------------------------------------- proposing, leading */

bool fl__forward_others_are_full(const struct fl_node *node)
{
    uint32_t full = 0, roomy = 1;
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        const struct fl__slot *slot = &node->transport.slots[k];
        full += slot->used && slot->is_up && slot->standing.is_full;
        roomy += slot->used && slot->is_up && !slot->standing.is_full;
    }
    return full > 0 && roomy <= node->roster.count / 2;
}

/* FL_EFULL: whether there is space on the disk is not known yet; what comes waits for that. */
static int room_for(struct fl_node *node, const struct batch *batch, uint64_t size)
{
    if (batch->others_are_full)
        return FL_ENOSPC;
    int result = fl__wal_room(node->wal, batch->count + 1, batch->size + size);
    if (result == FL_ELOGFULL)
        fl__events_log_full(node);
    if (result == FL_EFULL)
        fl__wal_make_room(node->wal, batch->count + 1, batch->size + size);
    return result;
}

static void add_to_batch(struct batch *batch, struct fl__entry *entry)
{
    batch->entries[batch->count++] = entry;
    batch->size += entry->size;
}

/* Takes what was forwarded into the batch, the oldest first. */
static void gather_incoming(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    struct batch *batch = &commands->batch;
    while (commands->incoming_count > 0 && batch->count < FL__BATCH_MAX) {
        struct fl__entry *entry = commands->incoming[commands->incoming_first];
        int room = room_for(node, batch, entry->size);
        if (room == FL_EFULL)
            break;
        (void)pop_incoming(commands);
        if (room == FL_OK) {
            add_to_batch(batch, entry);
            continue;
        }
        struct fl__slot *slot = fl__transport_slot(&node->transport, entry->origin);
        refuse(node, slot, commands->incoming_term, entry->sequence, room);
        fl__entry_release(entry);
    }
}

/* Makes entries of own commands, in their order; returns how many. */
static uint32_t gather_own(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    struct batch *batch = &commands->batch;
    uint32_t count = 0;
    struct fl_request *request = commands->unhanded, *next;
    for (; request && batch->count < FL__BATCH_MAX; request = next) {
        next = request->next;
        int room = room_for(node, batch, FL__ENVELOPE_SIZE + request->size);
        if (room == FL_EFULL)
            break;
        if (room != FL_OK) {
            end_command(node, request, room);
            continue;
        }
        const struct fl__entry model = {
            .kind = FL_ENTRY_COMMAND,
            .time_us = fl__driver_time(node),
            .seed = fl__driver_seed(node),
            .origin = node->identity.incarnation,
            .boot = node->boot,
            .sequence = request->sequence,
        };
        struct fl__entry *entry = fl__entry_create(&model, request->data, request->size);
        if (!entry)
            break; /* Tried again with the next event, until its time runs out. */
        add_to_batch(batch, entry);
        count++;
    }
    return count;
}

static void mark_handed(struct fl_node *node, uint32_t count, fl_index first, fl_term term)
{
    struct fl__commands *commands = node->commands;
    for (uint32_t k = 0; k < count; k++) {
        struct fl_request *request = commands->unhanded;
        request->state = FL__REQUEST_HANDED;
        request->index = first + k;
        request->term = term;
        commands->handed_size += request->size;
        commands->unhanded = request->next;
    }
    if (count > 0) {
        commands->handed_term = term;
        commands->sent_channel = 0;
    }
}

/* The batch has its places in the log: [first, first + count). */
static void keep_batch(struct fl_node *node, fl_index first, fl_term term)
{
    const struct batch *batch = &node->commands->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
        struct fl__entry *entry = batch->entries[k];
        entry->index = first + k; /* Nobody else has seen the entry yet. */
        entry->term = term;
        if (fl__cache_put(node->cache, entry) != FL_OK) {
            fl__driver_fail(node,
                            "memory ran out for the log's entries; give it more, then start the node again");
            return;
        }
        if (entry->origin == node->identity.incarnation)
            continue;
        struct fl__slot *slot = fl__transport_slot(&node->transport, entry->origin);
        if (!slot)
            continue;
        if (slot->hurry == 0)
            fl_raft_hurry(node->raft, entry->origin, entry->index);
        slot->hurry = entry->index;
    }
}

/* The core has no room after all (leaderships that nothing was decided of). What was forwarded is refused for
 * good; own commands stay queued. */
static void give_up_batch(struct fl_node *node)
{
    const struct batch *batch = &node->commands->batch;
    for (uint32_t k = 0; k < batch->count; k++) {
        struct fl__entry *entry = batch->entries[k];
        if (entry->origin != node->identity.incarnation)
            refuse(node, fl__transport_slot(&node->transport, entry->origin), node->commands->incoming_term,
                   entry->sequence, FL_EFULL);
        fl__entry_release(entry);
    }
}

/* Proposes one batch. False: nothing more can be proposed now. */
static bool propose_batch(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    struct batch *batch = &commands->batch;
    fl_index first;
    fl_term term;
    batch->count = 0;
    batch->size = 0;
    if (commands->incoming_count == 0 && !commands->unhanded)
        return false;
    batch->others_are_full = fl__forward_others_are_full(node);
    gather_incoming(node);
    bool may_hand = !has_handed(commands) || commands->handed_term == node->status.term;
    uint32_t own = may_hand ? gather_own(node) : 0;
    if (batch->count == 0)
        return false;
    if (fl_raft_propose(node->raft, node->now, batch->count, &first, &term) != FL_OK) {
        give_up_batch(node);
        return false;
    }
    mark_handed(node, own, first + batch->count - own, term);
    keep_batch(node, first, term);
    for (uint32_t k = 0; k < batch->count; k++)
        fl__entry_release(batch->entries[k]);
    fl__driver_event(node);
    return batch->count == FL__BATCH_MAX;
}

static bool can_propose(const struct fl_node *node)
{
    const struct fl_status *status = &node->status;
    return !node->is_failed && status->role == FL_LEADER && fl__driver_is_founded(node) &&
           status->last - status->commit + FL__BATCH_MAX <= node->raft_config.uncommitted_entries_max &&
           fl__tickets_unsynced(node) < FL__UNSYNCED_MAX;
}

/* -------------------------------------------------------------------------------- forwarding, not leading */

/* Writes one frame of commands from `request` on, and returns the first that is not in it; `request` if there
 * is no room. */
static struct fl_request *write_frame(struct fl_node *node, struct fl__channel *channel,
                                      struct fl_request *request, const struct fl_request *end, fl_term term)
{
    struct fl__buffer *out = fl__channel_bulk_begin(channel);
    if (!out)
        return request;
    struct fl_request *next = request;
    size_t begin = fl__frame_begin_forward(out, term, node->boot);
    uint32_t count = 0;
    while (next != end && (count == 0 || out->size - begin + next->size < FL__FORWARD_FRAME_MAX)) {
        fl__frame_put_command(out, next->sequence, next->data, next->size);
        count++;
        next = next->next;
    }
    if (fl__frame_end_forward(out, begin, count) != FL_OK || fl__channel_bulk_end(channel, begin) != FL_OK)
        return request;
    return next;
}

/* On a new connection everything not answered goes again; the leader drops what it has. */
static bool repeat_handed(struct fl_node *node, struct fl__channel *channel)
{
    struct fl__commands *commands = node->commands;
    struct fl_request *request = commands->queue.head;
    while (request != commands->unhanded) {
        struct fl_request *next =
            write_frame(node, channel, request, commands->unhanded, commands->handed_term);
        if (next == request)
            return false;
        request = next;
    }
    commands->sent_channel = channel->number;
    return true;
}

/* As many as the window lets go; at least one if none is under way. */
static struct fl_request *end_of_window(const struct fl__commands *commands)
{
    uint64_t size = commands->handed_size;
    struct fl_request *request = commands->unhanded;
    while (request && (size == 0 || size + request->size <= FL__FORWARD_WINDOW)) {
        size += request->size + 1; /* Empty commands are bounded too. */
        request = request->next;
    }
    return request;
}

static void forward_to_leader(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    const struct fl_status *status = &node->status;
    struct fl__slot *slot = fl__transport_slot(&node->transport, status->leader);
    if (!commands->queue.head || !slot || !slot->is_up || !slot->channel || !slot->channel->is_confirmed)
        return;
    if (has_handed(commands) && commands->handed_term != status->term)
        return; /* The log has not said yet what became of them. */
    if (has_handed(commands) && commands->sent_channel != slot->channel->number &&
        !repeat_handed(node, slot->channel))
        return;
    struct fl_request *end = end_of_window(commands);
    while (commands->unhanded != end) {
        struct fl_request *first = commands->unhanded;
        struct fl_request *next = write_frame(node, slot->channel, first, end, status->term);
        if (next == first)
            return;
        commands->handed_term = status->term;
        commands->sent_channel = slot->channel->number;
        for (; commands->unhanded != next; commands->unhanded = commands->unhanded->next) {
            commands->unhanded->state = FL__REQUEST_HANDED;
            commands->handed_size += commands->unhanded->size;
        }
    }
}

void fl__forward_pump(struct fl_node *node)
{
    struct fl__commands *commands = node->commands;
    if (commands->incoming_count > 0 &&
        (node->status.role != FL_LEADER || commands->incoming_term != node->status.term))
        drop_incoming(commands); /* Their origins learn it from the log. */
    if (node->status.role == FL_LEADER) {
        while (can_propose(node) && propose_batch(node))
            continue;
    } else if (node->status.has_leader) {
        forward_to_leader(node);
    }
}
