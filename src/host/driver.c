/* driver.c - runs the core: events go in, the work that comes out is carried out.
 *
 * Events (a frame, a completed write, time) are handed to the core where they arrive, and change nothing
 * else. Once per turn of the loop, when the engine flushes, all that follows from them is done together:
 * commands are proposed in one piece, the core's work is taken, entries are applied, the log is written,
 * messages leave in one send per peer. So a burst of events costs one write to disk and one send to each
 * peer.
 *
 * Whatever could take long is bounded per turn (entries applied, rounds of new work), and the rest is left to
 * the next turn, which fl__driver_wake() makes sure of: heartbeats wait for none of it. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 4 /* In one turn: what answers cause is done at once, within reason. */
#define TURN_US 20000u

fl_time_us fl__driver_now(struct fl_node *node)
{
    return node->now = node->io->vtable->now(node->io);
}

bool fl__driver_is_late(const struct fl_node *node, fl_time_us started)
{
    return node->io->vtable->now(node->io) - started > TURN_US;
}

uint64_t fl__driver_time(struct fl_node *node)
{
    return fl__clock_now(&node->clock, node->now, node->io->vtable->wall_clock_us(node->io));
}

/* splitmix64, from a random beginning: nothing secret depends on it. */
uint64_t fl__driver_seed(struct fl_node *node)
{
    uint64_t z = node->random += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* The founding configuration is the first entry: committed, the cluster is founded. */
bool fl__driver_is_founded(const struct fl_node *node)
{
    return node->raft && node->status.commit >= 1 && node->roster.index > 0;
}

/* ------------------------------------------------------------------------------------------------- waking */

static void on_wake(struct fl_io_op *op)
{
    struct fl_node *node = op->owner;
    node->wake_is_set = false; /* The flush that follows every batch does the rest. */
    fl__node_maybe_closed(node);
}

void fl__driver_wake(struct fl_node *node)
{
    node->is_dirty = true;
    if (node->is_flushing || node->wake_is_set)
        return;
    node->wake_is_set = true;
    node->wake = (struct fl_io_op){.done = on_wake, .owner = node};
    node->io->vtable->timer(node->io, &node->wake, 0);
}

static void on_timer(struct fl_io_op *op)
{
    struct fl_node *node = op->owner;
    node->timer_is_set = false;
    fl__node_maybe_closed(node);
}

static void earlier(fl_time_us *deadline, fl_time_us at)
{
    if (at < *deadline)
        *deadline = at;
}

/* One timer for everything. One that is set for a later time is asked to end, and set again in the flush
 * after that. */
static void set_timer(struct fl_node *node)
{
    fl_time_us at = node->transport_at;
    if (node->raft)
        earlier(&at, fl_raft_deadline(node->raft));
    earlier(&at, fl__forward_deadline(node));
    earlier(&at, fl__reads_deadline(node));
    if (at == UINT64_MAX || node->is_failed)
        return;
    if (node->timer_is_set) {
        if (at < node->timer_at) {
            node->timer_at = at;
            node->io->vtable->cancel(node->io, &node->timer);
        }
        return;
    }
    node->timer_is_set = true;
    node->timer_at = at;
    node->timer = (struct fl_io_op){.done = on_timer, .owner = node};
    node->io->vtable->timer(node->io, &node->timer, at);
}

/* --------------------------------------------------------------------------------------- after each event */

struct fl__entry *fl__driver_cached(struct fl_node *node, fl_index index)
{
    return fl__cache_get(node->cache, index, fl_raft_term_at(node->raft, index));
}

static struct fl__entry *make_opening(struct fl_node *node, fl_index index, fl_term term)
{
    struct fl__entry model = {
        .index = index,
        .term = term,
        .kind = fl_raft_kind_at(node->raft, index),
        .time_us = fl__driver_time(node),
        .origin = node->identity.incarnation,
    };
    fl_assert(model.kind != FL_ENTRY_COMMAND);
    struct fl__buffer data = {0};
    struct fl__entry *entry = NULL;
    if (model.kind == FL_ENTRY_NOOP || fl__roster_encode(&node->roster, &data) == FL_OK)
        entry = fl__entry_create(&model, data.data, data.size);
    fl__buffer_release(&data);
    return entry;
}

/* A new leader's core has appended an opening entry, whose payload is made here. */
static void add_opening(struct fl_node *node)
{
    fl_index index = node->status.last;
    struct fl__entry *entry = make_opening(node, index, node->status.term);
    if (!entry || fl__cache_put(node->cache, entry) != FL_OK)
        fl__driver_fail(node,
                        "memory ran out while becoming leader; give it more, then start the node again");
    fl__entry_release(entry);
}

/* The leader hears of it before there is no room at all: what is on its way still finds some. */
#define ROOM_PART 4 /* Of a file. */

static bool is_full(const struct fl_node *node)
{
    return node->wal && fl__wal_room(node->wal, 1, node->options.segment_size / ROOM_PART) == FL_ENOSPC;
}

void fl__driver_tell_state(struct fl_node *node)
{
    const struct fl__standing standing = {
        .takes_part = node->raft != NULL, .founded = fl__founding_is_done(node), .is_full = is_full(node)};
    fl__transport_tell_state(&node->transport, &standing);
}

/* The core's configuration moved: on a founding leader to its opening entry, otherwise back because an entry
 * was cut. Forward it moves where entries are accepted. */
static void follow_configuration(struct fl_node *node)
{
    fl_index index = node->members_index;
    if (index == node->roster.index)
        return;
    if (index < node->roster.index)
        node->roster = node->previous;
    else
        node->previous = node->roster;
    node->roster.index = index;
    fl__transport_set_members(&node->transport, node->roster.members, node->roster.count);
    fl__driver_tell_state(node);
}

static void note_leader(struct fl_node *node, const struct fl_status *before)
{
    const struct fl_status *now = &node->status;
    bool same =
        now->has_leader == before->has_leader && now->leader == before->leader && now->term == before->term;
    if (same)
        return;
    if (now->has_leader) {
        node->leader_changes += !node->had_leader || node->last_leader != now->leader;
        node->had_leader = true;
        node->last_leader = now->leader;
    }
    fl__reads_leader_changed(node);
}

void fl__driver_event(struct fl_node *node)
{
    struct fl_status before = node->status;
    fl_raft_status(node->raft, &node->status);
    node->members_index = node->status.members.index;
    node->status.members = (struct fl_members){0};
    node->is_dirty = true;
    follow_configuration(node);
    if (node->status.role == FL_LEADER && node->led_term != node->status.term) {
        node->led_term = node->status.term;
        add_opening(node);
    }
    note_leader(node, &before);
    fl__events_status(node, &before);
}

/* -------------------------------------------------------------------------------------- received messages */

static fl_term term_of(const struct fl_message *message, fl_index index)
{
    fl_term term = 0;
    for (uint32_t k = 0; k < message->run_count && message->runs[k].first <= index; k++)
        term = message->runs[k].term;
    return term;
}

static void release_received(struct fl_node *node, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        fl__entry_release(node->received[k]);
}

/* Makes entries of the bodies, each checked against its checksum. On failure none is left. */
static int decode_entries(struct fl_node *node, const struct fl_message *message)
{
    const struct fl__message_space *space = node->space;
    for (uint32_t k = 0; k < space->entry_count; k++) {
        const struct fl__frame_entry *entry = &space->entries[k];
        fl_index index = message->prev + 1 + k;
        int error = FL_OK;
        node->received[k] =
            fl__entry_decode(index, term_of(message, index), entry->kind, entry->body, entry->size, &error);
        if (node->received[k] && node->received[k]->checksum == entry->checksum)
            continue;
        release_received(node, node->received[k] ? k + 1 : k);
        return node->received[k] ? FL_EMESSAGE : error;
    }
    return FL_OK;
}

/* Finds the configurations among the entries. Too many for one message: it is cut before the first that is
 * too many, which makes it a shorter append. */
static int decode_configurations(struct fl_node *node, struct fl_message *message, struct fl_members *configs,
                                 struct fl_member lists[][FL_MEMBERS_MAX])
{
    for (uint32_t at = 0; at < node->space->entry_count; at++) {
        const struct fl__entry *entry = node->received[at];
        if (entry->kind != FL_ENTRY_CONFIGURATION)
            continue;
        uint32_t k = message->config_count;
        if (k == FL__CONFIGS_MAX) {
            message->last = entry->index - 1;
            break;
        }
        if (fl__roster_from_entry(entry, &node->decoded[k]) != FL_OK)
            return FL_EMESSAGE;
        configs[k] = fl__roster_members(&node->decoded[k], lists[k]);
        message->config_count++;
    }
    message->configs = configs;
    return FL_OK;
}

static void keep_accepted(struct fl_node *node, const struct fl_message *message,
                          const struct fl_accepted *accepted)
{
    for (fl_index index = accepted->first; accepted->first && index <= accepted->last; index++) {
        struct fl__entry *entry = node->received[index - message->prev - 1];
        if (fl__cache_put(node->cache, entry) != FL_OK) {
            fl__driver_fail(node,
                            "memory ran out for the log's entries; give it more, then start the node again");
            return;
        }
        fl__clock_observe(&node->clock, node->now, entry->time_us);
    }
    if (accepted->first && node->damaged >= accepted->first)
        node->damaged = 0; /* What could not be read has been replaced. */
    if (accepted->first && node->roster.index >= accepted->first)
        node->roster = node->previous; /* Its entry was cut. */
    for (uint32_t k = 0; accepted->first && k < message->config_count; k++) {
        if (node->decoded[k].index < accepted->first || node->decoded[k].index > accepted->last)
            continue;
        node->previous = node->roster;
        node->roster = node->decoded[k];
        fl__transport_set_members(&node->transport, node->roster.members, node->roster.count);
        fl__driver_tell_state(node);
    }
}

static int hand_to_core(struct fl_node *node, struct fl_message *message)
{
    struct fl_member lists[FL__CONFIGS_MAX][FL_MEMBERS_MAX];
    struct fl_members configs[FL__CONFIGS_MAX];
    struct fl_accepted accepted;
    int result = decode_configurations(node, message, configs, lists);
    if (result == FL_OK)
        result = fl_raft_receive(node->raft, node->now, message, &accepted);
    if (result == FL_OK) {
        keep_accepted(node, message, &accepted);
        fl__driver_event(node);
    }
    return result == FL_EFULL ? FL_OK : result; /* Beyond a limit of the core: as if it had been lost. */
}

static int on_message(struct fl_node *node, struct fl__slot *slot, const struct fl__frame *frame)
{
    struct fl_message message;
    if (!node->raft)
        return FL_OK;
    if (fl__frame_get_message(frame, node->space, &message) != FL_OK)
        return FL_EMESSAGE;
    if (message.from != slot->member.id || message.boot != slot->boot ||
        message.to != node->identity.incarnation)
        return FL_EMESSAGE;
    uint32_t entry_count = node->space->entry_count;
    int result = decode_entries(node, &message);
    if (result != FL_OK)
        return result == FL_ENOMEM ? FL_OK : result; /* Without memory it is lost. */
    fl__events_message(node, &message);
    result = hand_to_core(node, &message);
    release_received(node, entry_count);
    if (result == FL_OK && message.type == FL_MSG_APPEND && node->status.has_leader &&
        node->status.leader == message.from && message.term == node->status.term)
        fl__clock_hear(&node->clock, node->now, message.stamp);
    bool own_term = message.type != FL_MSG_PREVOTE && message.type != FL_MSG_PREVOTE_REPLY;
    if (result == FL_OK && own_term && message.term > slot->term_promised)
        slot->term_promised = message.term;
    if (result == FL_OK) {
        fl__sender_on_reply(node, slot, &message);
        fl__events_received(node, slot, &message);
    }
    return result;
}

/* ------------------------------------------------------------------------------------- transport's events */

static void fill_hello(void *context, struct fl__hello *hello)
{
    fl__founding_fill_hello(context, hello);
}

static enum fl__refusal check(void *context, const struct fl__hello *hello, const struct fl__slot *slot)
{
    return fl__founding_check(context, hello, slot);
}

static void on_up(void *context, struct fl__slot *slot)
{
    struct fl_node *node = context;
    slot->probe_number = 0;
    slot->progress_asked = false;
    node->is_dirty = true;
}

static void on_down(void *context, struct fl__slot *slot)
{
    struct fl_node *node = context;
    fl__driver_now(node);
    slot->told_channel = 0;
    slot->progress_asked = false;
    if (!node->raft || node->is_failed || node->is_closing)
        return;
    fl_raft_peer_down(node->raft, node->now, slot->member.id);
    fl__driver_event(node);
}

/* A peer that takes part is up, once per connection. */
static void tell_up(struct fl_node *node, struct fl__slot *slot)
{
    if (!node->raft || !slot->is_up || !slot->standing.takes_part ||
        slot->told_channel == slot->channel->number)
        return;
    slot->told_channel = slot->channel->number;
    fl_raft_peer_up(node->raft, node->now, slot->member.id);
    fl__driver_event(node);
    fl__events_up(node, slot);
}

static void on_state(void *context, struct fl__slot *slot)
{
    struct fl_node *node = context;
    fl__driver_now(node);
    if (node->is_failed || node->is_closing)
        return;
    fl__founding_advance(node);
    tell_up(node, slot);
}

static int on_frame(void *context, struct fl__slot *slot, const struct fl__frame *frame)
{
    struct fl_node *node = context;
    if (node->is_failed || node->is_closing)
        return FL_OK;
    fl__driver_now(node);
    node->is_dirty = true;
    switch (frame->kind) {
    case FL__FRAME_MESSAGE:
        return on_message(node, slot, frame);
    case FL__FRAME_FORWARD:
        return fl__forward_take(node, slot, frame);
    case FL__FRAME_FORWARD_REFUSED:
        return fl__forward_on_refused(node, frame);
    case FL__FRAME_PROGRESS_ASK:
        slot->progress_asked = true;
        return FL_OK;
    case FL__FRAME_PROGRESS:
        return fl__reads_on_progress(node, slot, frame);
    default:
        return FL_EMESSAGE;
    }
}

static void on_news(void *context, enum fl_node_event_kind kind, const char *name, int level,
                    const char *text)
{
    fl__tell(context, level, &(struct fl_node_event){.kind = kind, .peer = name}, "%s", text);
}

const struct fl__transport_events fl__driver_transport_events = {
    fill_hello, check, on_up, on_down, on_state, on_frame, on_news,
};

/* --------------------------------------------------------------------------------------------------- work */

static void carry_out(struct fl_node *node, const struct fl_work *work)
{
    switch (work->type) {
    case FL_WORK_PERSIST:
        fl__tickets_take(node, &work->persist);
        break;
    case FL_WORK_SEND:
        fl__sender_send(node, &work->send);
        break;
    case FL_WORK_COMMIT:
        fl__apply_commit(node, work->commit);
        fl__forward_committed(node, work->commit);
        break;
    case FL_WORK_ANSWER:
        /* Applying the log gives the same verdicts, on every node in the same way: see forward.c. */
        break;
    case FL_WORK_READ:
        fl__reads_confirmed(node, &work->read);
        break;
    case FL_WORK_NOTE:
        fl__events_note(node, &work->note);
        break;
    }
}

static void take_work(struct fl_node *node)
{
    struct fl_work work;
    while (!node->is_failed && fl_raft_take(node->raft, &work))
        carry_out(node, &work);
    if (!node->is_failed)
        fl__driver_event(node);
}

static void run_round(struct fl_node *node)
{
    fl__forward_pump(node);
    fl__reads_pump(node);
    if (!node->is_failed)
        take_work(node);
    node->is_dirty = false;
    if (!node->is_failed)
        fl__apply_some(node);
    fl__reads_applied(node);
    fl__reads_progress(node);
}

static void handle_failure(struct fl_node *node)
{
    if (node->is_failure_handled)
        return;
    node->is_failure_handled = true;
    fl__forward_end(node, FL_EUNAVAILABLE);
    fl__reads_end(node, FL_EUNAVAILABLE);
    fl__look_end(node);
    fl__transport_close(&node->transport, NULL);
}

static void run_core(struct fl_node *node)
{
    if (node->now >= fl_raft_deadline(node->raft)) {
        fl_raft_tick(node->raft, node->now);
        fl__driver_event(node);
    }
    fl_time_us started = node->now;
    for (int round = 0; round < ROUNDS_MAX && !node->is_failed; round++) {
        run_round(node);
        if (!node->is_dirty || fl__driver_is_late(node, started))
            break;
    }
    if (!node->is_failed)
        fl__wal_flush(node->wal);
}

void fl__driver_flush(void *context)
{
    struct fl_node *node = context;
    if (node->is_closing) {
        fl__transport_flush(&node->transport, fl__driver_now(node));
        return;
    }
    fl__driver_now(node);
    node->is_flushing = true;
    fl__forward_expire(node, node->now);
    fl__reads_expire(node, node->now);
    node->transport_at = fl__transport_tick(&node->transport, node->now);
    if (node->transport.standing_is_due || is_full(node) != node->transport.standing.is_full)
        fl__driver_tell_state(node);
    if (node->raft && !node->is_failed)
        run_core(node);
    else
        node->is_dirty = false;
    fl__look_jobs(node);
    if (node->is_failed)
        handle_failure(node);
    fl__transport_flush(&node->transport, node->now);
    fl__events_notice(node);
    node->is_flushing = false;
    if (!node->is_closing)
        set_timer(node);
    if (node->is_dirty || node->is_closing)
        fl__driver_wake(node);
}

void fl__driver_fail(struct fl_node *node, const char *format, ...)
{
    if (node->is_failed)
        return;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(node->damage, sizeof node->damage, format, arguments);
    va_end(arguments);
    node->is_failed = true;
    fl__tell(node, FL_LOG_ERROR, &(struct fl_node_event){.kind = FL_NODE_FAILED},
             "takes no part any more: %s", node->damage);
    fl__driver_wake(node);
}
