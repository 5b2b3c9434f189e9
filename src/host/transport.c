/* transport.c - one connection to each peer: dialling, accepting, keeping, losing.
 *
 * Each member has a slot. Both sides dial, so that whoever comes back is back at once; greeting.c decides
 * which connection of a pair stays. What was in flight on a lost connection is lost: everything above is made
 * for that.
 *
 * Dialling again waits a little and at random, quickly at first, up to a second. A connection on which
 * nothing came for four election time-outs is given up, though the system may still believe in it; an idle
 * one carries a ping in each. All is driven by fl__transport_tick() and by what arrives; there is no timer
 * here. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIAL_FIRST_US ((fl_time_us)20000)
#define DIAL_DOUBLINGS 6
#define CONNECT_MAX_US ((fl_time_us)2000000)
#define GREETING_MAX_US ((fl_time_us)2000000)
#define GREETINGS_MAX 64 /* Accepted connections that have not said who they are. */
#define SILENCE_TIMEOUTS 4

static void on_connected(struct fl_io_op *op);

static fl_time_us random_below(struct fl__transport *transport, fl_time_us below)
{
    uint64_t random;
    transport->io->vtable->random(transport->io, &random, sizeof random);
    return below ? random % below : 0;
}

static fl_time_us now_of(struct fl__transport *transport)
{
    return transport->io->vtable->now(transport->io);
}

void fl__transport_news(struct fl__transport *transport, enum fl_node_event_kind kind, const char *name,
                        int level, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    transport->events->on_news(transport->context, kind, name, level, text);
}

/* -------------------------------------------------------------------------------------------------- slots */

struct fl__slot *fl__transport_slot(struct fl__transport *transport, fl_id id)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &transport->slots[k];
        if (slot->used && slot->member.id_known && slot->member.id == id)
            return slot;
    }
    return NULL;
}

struct fl__slot *fl__transport_named(struct fl__transport *transport, const char *name)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &transport->slots[k];
        if (slot->used && strcmp(slot->member.name, name) == 0)
            return slot;
    }
    return NULL;
}

static void drop_slot(struct fl__slot *slot)
{
    slot->used = slot->is_up = false;
    if (slot->channel)
        fl__channel_close(slot->channel);
    if (slot->dialling)
        fl__channel_close(slot->dialling);
    slot->channel = slot->dialling = NULL;
    fl__slot_stop_dialling(slot);
}

static bool is_free(const struct fl__slot *slot)
{
    return !slot->used && !slot->is_connecting && !slot->load.is_busy;
}

static void add_slot(struct fl__transport *transport, const struct fl_node_member *member)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &transport->slots[k];
        if (!is_free(slot))
            continue;
        memset(slot, 0, sizeof *slot);
        slot->used = true;
        slot->transport = transport;
        slot->member = *member;
        slot->dial_at = now_of(transport);
        return;
    }
}

static bool is_same_member(const struct fl_node_member *a, const struct fl_node_member *b)
{
    bool other_id = a->id_known && b->id_known && a->id != b->id;
    return !other_id && strcmp(a->name, b->name) == 0 && strcmp(a->address, b->address) == 0;
}

static const struct fl_node_member *find_same(const struct fl_node_member *members, uint32_t count,
                                              const struct fl_node_member *member)
{
    for (uint32_t k = 0; k < count; k++)
        if (is_same_member(&members[k], member))
            return &members[k];
    return NULL;
}

void fl__transport_set_members(struct fl__transport *transport, const struct fl_node_member *members,
                               uint32_t count)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &transport->slots[k];
        if (!slot->used)
            continue;
        const struct fl_node_member *same = find_same(members, count, &slot->member);
        if (!same) {
            drop_slot(slot);
            continue;
        }
        if (same->id_known) {
            slot->member.id = same->id;
            slot->member.id_known = true;
        }
        if (slot->member.client[0] == '\0')
            memcpy(slot->member.client, same->client, sizeof slot->member.client);
    }
    for (uint32_t k = 0; k < count; k++) {
        const struct fl__slot *slot = fl__transport_named(transport, members[k].name);
        if (!slot && strcmp(members[k].name, transport->name) != 0)
            add_slot(transport, &members[k]);
    }
}

/* ----------------------------------------------------------------------------------------------- channels */

static void unlink_channel(struct fl__transport *transport, struct fl__channel *channel)
{
    struct fl__channel **at = &transport->channels;
    while (*at && *at != channel)
        at = &(*at)->next;
    if (*at)
        *at = channel->next;
}

static void maybe_closed(struct fl__transport *transport)
{
    if (!transport->is_closing || transport->channels || transport->connecting_count > 0 ||
        transport->discard_is_busy)
        return;
    void (*closed)(void *context) = transport->closed;
    transport->closed = NULL;
    if (closed)
        closed(transport->context);
}

static void on_freed(void *context, struct fl__channel *channel)
{
    struct fl__transport *transport = context;
    if (!channel->is_greeted && !channel->is_dialled)
        transport->greeting_count--;
    unlink_channel(transport, channel);
    maybe_closed(transport);
}

void fl__slot_dial_later(struct fl__slot *slot)
{
    struct fl__transport *transport = slot->transport;
    uint32_t doublings = slot->failures < DIAL_DOUBLINGS ? slot->failures : DIAL_DOUBLINGS;
    fl_time_us delay = DIAL_FIRST_US << doublings;
    slot->failures++;
    slot->dial_at = now_of(transport) + delay / 2 + random_below(transport, delay / 2);
}

static void dial_failed(struct fl__slot *slot, int error)
{
    struct fl__transport *transport = slot->transport;
    fl__slot_dial_later(slot);
    if (slot->channel || slot->logged_error == error)
        return;
    slot->logged_error = error;
    bool is_plain = error == FL_EUNREACHABLE;
    fl__transport_news(transport, FL_NODE_UNREACHABLE, slot->member.name, FL_LOG_INFO,
                       "cannot reach %s at %s%s%s; trying again", slot->member.name, slot->member.address,
                       is_plain ? "" : ": ", is_plain ? "" : fl_error_text(error));
}

static void on_broken(void *context, struct fl__channel *channel, int error)
{
    struct fl__transport *transport = context;
    struct fl__slot *slot = channel->slot;
    if (error == FL_EMESSAGE || error == FL_ETOOBIG)
        transport->bad_frames++;
    if (!slot)
        return;
    if (slot->dialling == channel) {
        slot->dialling = NULL;
        if (!channel->is_finishing)
            dial_failed(slot, error);
    }
    if (slot->channel != channel)
        return;
    slot->channel = NULL;
    slot->failures = 0;
    slot->dial_at = now_of(transport) + random_below(transport, DIAL_FIRST_US);
    if (slot->is_up)
        fl__transport_news(transport, FL_NODE_DISCONNECTED, slot->member.name, FL_LOG_INFO,
                           "lost the connection to %s: %s", slot->member.name, fl_error_text(error));
    fl__slot_down(slot);
}

void fl__slot_down(struct fl__slot *slot)
{
    bool was_up = slot->is_up;
    slot->is_up = slot->standing.takes_part = false;
    if (was_up)
        slot->transport->events->on_down(slot->transport->context, slot);
}

/* The first STATE on a connection also says that we were accepted. */
static int on_state(struct fl__slot *slot, const struct fl__frame *frame)
{
    struct fl__transport *transport = slot->transport;
    struct fl__channel *channel = slot->channel;
    if (fl__frame_get_state(frame, &slot->standing) != FL_OK)
        return FL_EMESSAGE;
    if (!channel->is_confirmed) {
        channel->is_confirmed = true;
        if (!slot->is_up)
            fl__transport_news(transport, FL_NODE_CONNECTED, slot->member.name, FL_LOG_INFO,
                               "connected to %s", slot->member.name);
        slot->is_up = true;
        slot->logged_error = FL_OK;
        slot->logged_refusal = FL__REFUSED_NOT;
        transport->events->on_up(transport->context, slot);
    }
    transport->events->on_state(transport->context, slot);
    return FL_OK;
}

static int on_frame(void *context, struct fl__channel *channel, const struct fl__frame *frame)
{
    struct fl__transport *transport = context;
    struct fl__slot *slot = channel->slot;
    if (!channel->is_greeted)
        return fl__greeting_take(transport, channel, frame);
    if (!slot || slot->channel != channel)
        return FL_OK; /* Another connection has taken its place. */
    switch (frame->kind) {
    case FL__FRAME_HELLO:
        return FL_EMESSAGE;
    case FL__FRAME_REFUSE:
        return fl__greeting_take(transport, channel, frame);
    case FL__FRAME_PING:
        return FL_OK;
    case FL__FRAME_STATE:
        return on_state(slot, frame);
    default:
        return channel->is_confirmed ? transport->events->on_frame(transport->context, slot, frame)
                                     : FL_EMESSAGE;
    }
}

static const struct fl__channel_events channel_events = {on_frame, on_broken, on_freed};

static void on_discarded(struct fl_io_op *op)
{
    struct fl__transport *transport = op->owner;
    transport->discard_is_busy = false;
    maybe_closed(transport);
}

/* Without memory for a channel the stream can still be closed, one at a time. */
static void discard(struct fl__transport *transport, struct fl_io_stream *stream)
{
    if (transport->discard_is_busy)
        return;
    transport->discard_is_busy = true;
    transport->discard = (struct fl_io_op){.done = on_discarded, .owner = transport};
    transport->io->vtable->close(transport->io, &transport->discard, stream);
}

static struct fl__channel *add_channel(struct fl__transport *transport, struct fl_io_stream *stream,
                                       bool is_dialled)
{
    fl_time_us now = now_of(transport);
    struct fl__channel *channel = fl__channel_create(transport->io, stream, &channel_events, transport, now);
    if (!channel) {
        discard(transport, stream);
        return NULL;
    }
    channel->is_dialled = is_dialled;
    channel->deadline = now + GREETING_MAX_US;
    channel->next = transport->channels;
    transport->channels = channel;
    if (!is_dialled)
        transport->greeting_count++;
    return channel;
}

/* ------------------------------------------------------------------------------------ dialling, accepting */

static void dial(struct fl__slot *slot, fl_time_us now)
{
    struct fl__transport *transport = slot->transport;
    slot->is_connecting = true;
    slot->connect_deadline = now + CONNECT_MAX_US;
    slot->connect = (struct fl_io_op){.done = on_connected, .owner = slot};
    transport->connecting_count++;
    transport->io->vtable->connect(transport->io, &slot->connect, slot->member.address);
}

static void on_connected(struct fl_io_op *op)
{
    struct fl__slot *slot = op->owner;
    struct fl__transport *transport = slot->transport;
    slot->is_connecting = false;
    transport->connecting_count--;
    bool wanted = slot->used && !slot->channel && !transport->is_closing;
    if (op->result < 0) {
        if (wanted)
            dial_failed(slot, op->result == FL_ECANCELED ? FL_ETIMEOUT : (int)op->result);
        maybe_closed(transport);
        return;
    }
    struct fl__channel *channel = add_channel(transport, op->stream, true);
    if (!channel || !wanted) {
        if (channel)
            fl__channel_close(channel);
        else if (wanted)
            fl__slot_dial_later(slot);
        return;
    }
    channel->slot = slot;
    slot->dialling = channel;
    fl__channel_start(channel);
    fl__greeting_send(transport, channel, slot->member.name);
}

static void on_accept(void *context, struct fl_io_stream *stream)
{
    struct fl__transport *transport = context;
    struct fl__channel *channel = stream ? add_channel(transport, stream, false) : NULL;
    if (!channel)
        return;
    if (transport->is_closing || !transport->is_started || transport->greeting_count > GREETINGS_MAX)
        fl__channel_close(channel);
    else
        fl__channel_start(channel);
}

void fl__slot_stop_dialling(struct fl__slot *slot)
{
    if (slot->is_connecting)
        slot->transport->io->vtable->cancel(slot->transport->io, &slot->connect);
}

/* --------------------------------------------------------------------------------------------------- time */

static void earlier(fl_time_us *deadline, fl_time_us at)
{
    if (at < *deadline)
        *deadline = at;
}

static void tick_slot(struct fl__slot *slot, fl_time_us now, fl_time_us *deadline)
{
    if (slot->is_connecting) {
        if (now >= slot->connect_deadline) {
            slot->connect_deadline = UINT64_MAX;
            fl__slot_stop_dialling(slot);
        }
        earlier(deadline, slot->connect_deadline);
    } else if (slot->used && !slot->channel && !slot->dialling) {
        if (now >= slot->dial_at)
            dial(slot, now);
        earlier(deadline, slot->is_connecting ? slot->connect_deadline : slot->dial_at);
    }
}

static void give_up_greeting(struct fl__channel *channel)
{
    struct fl__slot *slot = channel->slot;
    if (slot && slot->dialling == channel) {
        slot->dialling = NULL;
        dial_failed(slot, FL_ETIMEOUT);
    }
    fl__channel_close(channel);
}

static void tick_channel(struct fl__transport *transport, struct fl__channel *channel, fl_time_us now,
                         fl_time_us *deadline)
{
    if (channel->is_closing)
        return;
    if (!channel->is_greeted || channel->is_finishing) {
        if (now >= channel->deadline)
            give_up_greeting(channel);
        else
            earlier(deadline, channel->deadline);
        return;
    }
    fl_time_us silence_at = channel->heard_at + SILENCE_TIMEOUTS * transport->ping_us;
    if (now >= silence_at) {
        on_broken(transport, channel, FL_ETIMEOUT);
        fl__channel_close(channel);
        return;
    }
    if (now >= channel->sent_at + transport->ping_us) {
        struct fl__buffer *control = fl__channel_control(channel);
        if (control)
            fl__frame_put_empty(control, FL__FRAME_PING);
        channel->sent_at = now; /* One ping each time, though it may wait behind other bytes. */
    }
    earlier(deadline, silence_at);
    earlier(deadline, channel->sent_at + transport->ping_us);
}

fl_time_us fl__transport_tick(struct fl__transport *transport, fl_time_us now)
{
    fl_time_us deadline = UINT64_MAX;
    if (transport->is_closing)
        return deadline;
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++)
        tick_slot(&transport->slots[k], now, &deadline);
    for (struct fl__channel *channel = transport->channels, *next; channel; channel = next) {
        next = channel->next;
        tick_channel(transport, channel, now, &deadline);
    }
    return deadline;
}

void fl__transport_flush(struct fl__transport *transport, fl_time_us now)
{
    for (struct fl__channel *channel = transport->channels; channel; channel = channel->next)
        fl__channel_flush(channel, now);
}

/* ------------------------------------------------------------------------------------ opening and closing */

int fl__transport_listen(struct fl__transport *transport, const char *address)
{
    return transport->io->vtable->listen(transport->io, &transport->listener, address, true, on_accept,
                                         transport);
}

void fl__transport_stop_listening(struct fl__transport *transport)
{
    if (transport->listener)
        transport->io->vtable->close_listener(transport->io, transport->listener);
    transport->listener = NULL;
}

void fl__transport_close(struct fl__transport *transport, void (*closed)(void *context))
{
    transport->is_closing = true;
    transport->closed = closed;
    fl__transport_stop_listening(transport);
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++)
        if (transport->slots[k].used || transport->slots[k].is_connecting)
            drop_slot(&transport->slots[k]);
    for (struct fl__channel *channel = transport->channels; channel; channel = channel->next)
        fl__channel_close(channel);
    maybe_closed(transport);
}

/* ------------------------------------------------------------------------------------------------ sending */

void fl__slot_send_message(struct fl__slot *slot, const struct fl_message *message,
                           struct fl__entry *const *entries, uint32_t entry_count)
{
    struct fl__channel *channel = slot->channel;
    if (!channel)
        return;
    if (message->type == FL_MSG_APPEND || message->type == FL_MSG_FETCH_REPLY) {
        /* Or lost; that is provided for. */
        (void)fl__channel_send_message(channel, message, entries, entry_count);
        return;
    }
    struct fl__buffer *control = fl__channel_control(channel);
    if (control && fl__frame_put_message(control, message, NULL, 0) != FL_OK)
        fl__say(&slot->transport->log, FL_LOG_DEBUG, "memory is short; a message to %s is lost",
                slot->member.name);
}

void fl__transport_tell_state(struct fl__transport *transport, const struct fl__standing *standing)
{
    transport->standing = *standing;
    transport->standing_is_due = false;
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__channel *channel = transport->slots[k].channel;
        struct fl__buffer *control = channel ? fl__channel_control(channel) : NULL;
        if (control)
            fl__frame_put_state(control, standing);
        transport->standing_is_due |= channel && !control;
    }
}
