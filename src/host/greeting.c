/* greeting.c - who is at the other end, and which connection of a pair stays.
 *
 * Whoever dialled says hello first, the other answers; each checks the other's protocol, cluster, name and
 * incarnation, and either goes on with a STATE or refuses, saying why. Each kind of refusal is logged once
 * per outage on both sides, not with each attempt.
 *
 * Both sides dial, so two connections of one pair may stand for a moment. The one dialled by the lower name
 * stays, which both sides decide alike; but one on which nothing was heard lately does not defend its place:
 * its other end may not know of it any more.
 *
 * A member has one process. If a connection comes from another process of the same incarnation (another boot
 * nonce) while the first is heard, the newcomer is refused: most likely the data directory was copied. Since
 * the first may just have died unnoticed, that is an alarm only if it is heard after the refusal. */
#include "host.h"

#include <stdio.h>
#include <string.h>

#define FINISH_MAX_US ((fl_time_us)1000000)
#define REFUSED_FAILURES 7 /* As many as make the wait before the next attempt the longest. */
#define STRANGER_EVERY_US ((fl_time_us)60000000)

void fl__greeting_send(struct fl__transport *transport, struct fl__channel *channel, const char *target)
{
    struct fl__buffer *control = fl__channel_control(channel);
    if (!control)
        return;
    struct fl__hello hello = {.protocol_min = FL__PROTOCOL_MIN, .protocol_max = FL__PROTOCOL_MAX};
    transport->events->fill_hello(transport->context, &hello);
    (void)snprintf(hello.target, sizeof hello.target, "%s", target);
    fl__frame_put_hello(control, &hello);
}

/* -------------------------------------------------------------------------------------------------- words */

/* Why we refuse `who`. */
static const char *why_we_refuse(enum fl__refusal why)
{
    switch (why) {
    case FL__REFUSED_VERSION:
        return "it speaks no protocol version that this node speaks; upgrade the older of the two";
    case FL__REFUSED_CLUSTER:
        return "it belongs to another cluster; check its peer addresses and its cluster id";
    case FL__REFUSED_NOT_MEMBER:
        return "no member of this cluster has that name";
    case FL__REFUSED_INCARNATION:
        return "its data directory is not the one that this cluster knows under that name (wiped or replaced); start it "
               "with its old directory";
    case FL__REFUSED_DUPLICATE:
        return "another process with the same data directory's identity is connected; if the directory was copied, stop one "
               "of the two for good";
    case FL__REFUSED_SELF:
        return "that is this node itself; check the members' addresses";
    case FL__REFUSED_WRONG_NAME:
        return "the address leads to another member than it should; check the members' addresses";
    case FL__REFUSED_ROLLBACK:
        return "its disk has gone back in time: it announces an older term than it has promised; it must not vote again with "
               "this directory";
    case FL__REFUSED_NOT:
        break;
    }
    return "for a reason that this version does not know";
}

/* Why a peer refuses us. */
static const char *why_it_refuses(enum fl__refusal why)
{
    switch (why) {
    case FL__REFUSED_VERSION:
        return "no protocol version in common; upgrade the older of the two";
    case FL__REFUSED_CLUSTER:
        return "it belongs to another cluster; check the cluster id and the members' addresses";
    case FL__REFUSED_NOT_MEMBER:
        return "it knows no member of this name; this node takes no part";
    case FL__REFUSED_INCARNATION:
        return "this data directory is not the one that the cluster knows under this node's name (wiped or replaced); it takes "
               "no part: start it with the old directory";
    case FL__REFUSED_DUPLICATE:
        return "another process with this directory's identity is connected to it; if the directory was copied, stop one of "
               "the two for good";
    case FL__REFUSED_SELF:
        return "its address leads back to this node; check the members' addresses";
    case FL__REFUSED_WRONG_NAME:
        return "another member answers at its address; check the members' addresses";
    case FL__REFUSED_ROLLBACK:
        return "this data directory is older than what this node has promised; it must not vote again with it";
    case FL__REFUSED_NOT:
        break;
    }
    return "for a reason that this version does not know";
}

/* ----------------------------------------------------------------------------------------------- refusing */

/* A member's refusals are logged when they change, a stranger's once a minute: anybody can connect. */
static bool is_worth_a_line(struct fl__transport *transport, struct fl__slot *slot, enum fl__refusal why)
{
    if (slot) {
        bool news = slot->logged_refusal != why;
        slot->logged_refusal = why;
        return news;
    }
    fl_time_us now = transport->io->vtable->now(transport->io);
    bool due = transport->stranger_logged_at == 0 || now - transport->stranger_logged_at >= STRANGER_EVERY_US;
    if (due)
        transport->stranger_logged_at = now;
    return due;
}

static void refuse(struct fl__transport *transport, struct fl__channel *channel, struct fl__slot *slot,
                   const char *name, enum fl__refusal why)
{
    bool silent = why == FL__REFUSED_DUPLICATE; /* on_duplicate() decides whether that is an alarm. */
    if (!silent && is_worth_a_line(transport, slot, why)) {
        char address[FL_ADDRESS_MAX];
        transport->io->vtable->peer_address(transport->io, channel->stream, address, sizeof address);
        fl__transport_news(transport, FL_NODE_REFUSED, name, FL_LOG_ERROR, "refused %s at %s: %s", name,
                           address, why_we_refuse(why));
    }
    struct fl__buffer *control = fl__channel_control(channel);
    if (control)
        fl__frame_put_refuse(control, why);
    fl__channel_finish(channel, transport->io->vtable->now(transport->io) + FINISH_MAX_US);
    struct fl__slot *own = channel->slot;
    if (own && own->dialling == channel) {
        own->dialling = NULL;
        own->failures = REFUSED_FAILURES;
        fl__slot_dial_later(own);
    }
}

static int on_refused(struct fl__transport *transport, struct fl__channel *channel,
                      const struct fl__frame *frame)
{
    struct fl__refuse refused;
    if (fl__frame_get_refuse(frame, &refused) != FL_OK)
        return FL_EMESSAGE;
    struct fl__slot *slot = channel->slot;
    if (!slot)
        return FL_EMESSAGE;
    if (is_worth_a_line(transport, slot, refused.why))
        fl__transport_news(transport, FL_NODE_REFUSED, slot->member.name,
                           refused.why == FL__REFUSED_DUPLICATE ? FL_LOG_WARN : FL_LOG_ERROR,
                           "is refused by %s at %s: %s", slot->member.name, slot->member.address,
                           why_it_refuses(refused.why));
    if (refused.why != FL__REFUSED_DUPLICATE)
        transport->refusal = why_it_refuses(refused.why);
    slot->failures = REFUSED_FAILURES;
    fl__slot_dial_later(slot);
    fl__channel_close(channel);
    if (slot->dialling == channel)
        slot->dialling = NULL;
    if (slot->channel == channel) {
        slot->channel = NULL;
        fl__slot_down(slot);
    }
    return FL_OK;
}

/* ----------------------------------------------------------------------------------------------- deciding */

static bool is_heard(const struct fl__transport *transport, const struct fl__channel *channel)
{
    fl_time_us now = transport->io->vtable->now(transport->io);
    return now - channel->heard_at < 2 * transport->ping_us;
}

/* Another process of the same incarnation. True if the newcomer is refused. */
static bool on_duplicate(struct fl__transport *transport, struct fl__slot *slot, uint64_t boot)
{
    if (!is_heard(transport, slot->channel))
        return false;
    bool heard_since = slot->duplicate_boot == boot && slot->channel->heard_at > slot->duplicate_at;
    if (heard_since && slot->logged_refusal != FL__REFUSED_DUPLICATE) {
        slot->logged_refusal = FL__REFUSED_DUPLICATE;
        fl__transport_news(transport, FL_NODE_REFUSED, slot->member.name, FL_LOG_ERROR,
                           "hears two processes that claim to be %s: %s", slot->member.name,
                           why_we_refuse(FL__REFUSED_DUPLICATE));
    }
    if (slot->duplicate_boot != boot) {
        slot->duplicate_boot = boot;
        slot->duplicate_at = transport->io->vtable->now(transport->io);
    }
    return true;
}

/* Whether the connection that stands stays, and the new one of the same two processes goes. */
static bool does_old_stay(const struct fl__transport *transport, const struct fl__slot *slot,
                          const struct fl__channel *channel)
{
    bool we_are_lower = strcmp(transport->name, slot->member.name) < 0;
    bool old_by_lower = slot->channel->is_dialled == we_are_lower;
    bool new_by_lower = channel->is_dialled == we_are_lower;
    return old_by_lower && !new_by_lower && is_heard(transport, slot->channel);
}

static void establish(struct fl__transport *transport, struct fl__slot *slot, struct fl__channel *channel,
                      const struct fl__hello *hello)
{
    struct fl__channel *old = slot->channel;
    slot->channel = channel;
    transport->refusal = NULL;
    if (old)
        fl__channel_close(old);
    if (slot->dialling == channel)
        slot->dialling = NULL;
    if (!channel->is_dialled)
        transport->greeting_count--;
    channel->is_greeted = true;
    channel->slot = slot;
    channel->number = ++transport->channel_number;
    channel->frame_size_max = FL__FRAME_SIZE_MAX;
    if (!slot->member.id_known || slot->member.id != hello->incarnation || hello->term > slot->term_promised)
        slot->term_promised = hello->term;
    slot->member.id = hello->incarnation;
    slot->member.id_known = true;
    memcpy(slot->member.client, hello->client, sizeof slot->member.client);
    slot->boot = hello->boot;
    slot->standing.takes_part = false; /* Until it says so on this connection. */
    slot->failures = 0;
    slot->duplicate_boot = 0;
    fl__slot_stop_dialling(slot);
    if (!channel->is_dialled)
        fl__greeting_send(transport, channel, "");
    struct fl__buffer *control = fl__channel_control(channel);
    if (control)
        fl__frame_put_state(control, &transport->standing);
}

static enum fl__refusal check(struct fl__transport *transport, const struct fl__channel *channel,
                              struct fl__slot *slot, const struct fl__hello *hello)
{
    if (hello->protocol_max < FL__PROTOCOL_MIN || hello->protocol_min > FL__PROTOCOL_MAX)
        return FL__REFUSED_VERSION;
    enum fl__refusal why = transport->events->check(transport->context, hello, slot);
    if (why != FL__REFUSED_NOT)
        return why;
    if (hello->target[0] != '\0' && strcmp(hello->target, transport->name) != 0)
        return FL__REFUSED_WRONG_NAME;
    if (channel->is_dialled && channel->slot != slot)
        return FL__REFUSED_WRONG_NAME;
    if (!slot)
        return FL__REFUSED_NOT_MEMBER;
    bool same_member = slot->member.id_known && slot->member.id == hello->incarnation;
    if (same_member && hello->term < slot->term_promised)
        return FL__REFUSED_ROLLBACK;
    return FL__REFUSED_NOT;
}

static int on_hello(struct fl__transport *transport, struct fl__channel *channel,
                    const struct fl__frame *frame)
{
    struct fl__hello hello;
    if (fl__frame_get_hello(frame, &hello) != FL_OK)
        return FL_EMESSAGE;
    struct fl__slot *slot = fl__transport_named(transport, hello.name);
    enum fl__refusal why = check(transport, channel, slot, &hello);
    if (why != FL__REFUSED_NOT) {
        refuse(transport, channel, slot, channel->slot ? channel->slot->member.name : hello.name, why);
        return FL_OK;
    }
    bool same_member = slot->member.id_known && slot->member.id == hello.incarnation;
    if (slot->channel && same_member && slot->boot != hello.boot &&
        on_duplicate(transport, slot, hello.boot)) {
        refuse(transport, channel, slot, hello.name, FL__REFUSED_DUPLICATE);
        return FL_OK;
    }
    if (slot->channel && same_member && slot->boot == hello.boot && does_old_stay(transport, slot, channel)) {
        if (slot->dialling == channel)
            slot->dialling = NULL;
        fl__channel_close(channel);
        return FL_OK;
    }
    establish(transport, slot, channel, &hello);
    return FL_OK;
}

int fl__greeting_take(struct fl__transport *transport, struct fl__channel *channel,
                      const struct fl__frame *frame)
{
    if (frame->kind == FL__FRAME_HELLO)
        return on_hello(transport, channel, frame);
    if (frame->kind == FL__FRAME_REFUSE)
        return on_refused(transport, channel, frame);
    return FL_EMESSAGE;
}
