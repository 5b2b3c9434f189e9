/* sender.c - messages on their way out, with the entries that belong to them.
 *
 * The core says which entries a message is to carry; their bodies are in the cache, or are read from disk.
 * While they are being read the core sends that peer no further entries, so one read per peer is all there
 * can be; heartbeats go on. What was read is checked against the terms that the core named, for the log may
 * have changed meanwhile, and the core has the last word: what it calls stale is not sent. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

/* Walks along a message's runs. */
struct terms {
    const struct fl_run *runs;
    uint32_t count, at;
};

static fl_term term_at(struct terms *terms, fl_index index)
{
    while (terms->at + 1 < terms->count && terms->runs[terms->at + 1].first <= index)
        terms->at++;
    return terms->runs[terms->at].term;
}

static void report_nothing(struct fl_node *node, const struct fl_message *message)
{
    int result = fl_raft_sent(node->raft, message->to, message->term, message->number, message->prev, 0);
    fl_assert(result == FL_OK || result == FL_ESTALE);
}

/* Sends `message` with the first `count` of its entries, if the core still wants that. */
static void send_entries(struct fl_node *node, struct fl__slot *slot, struct fl_message *message,
                         struct fl__entry *const *entries, uint32_t count, uint64_t size)
{
    if (!slot->channel || !fl__channel_has_room(slot->channel)) {
        report_nothing(node, message);
        return;
    }
    message->last = message->prev + count;
    while (message->run_count > 0 && message->runs[message->run_count - 1].first > message->last)
        message->run_count--;
    int result = fl_raft_sent(node->raft, message->to, message->term, message->number, message->last, size);
    if (result == FL_OK)
        fl__slot_send_message(slot, message, entries, count);
}

/* ------------------------------------------------------------------------------------------ from the disk */

static void release_load(struct fl__load *load)
{
    for (uint32_t k = 0; k < load->read.entry_count; k++)
        fl__entry_release(load->read.entries[k]);
    free(load->read.entries);
    free(load->runs);
    load->runs = NULL;
    load->is_busy = false;
}

/* How many of the entries read are still those that the core named. */
static uint32_t count_right(const struct fl__load *load, uint64_t *size)
{
    struct terms terms = {.runs = load->message.runs, .count = load->message.run_count};
    uint32_t count = 0;
    *size = 0;
    while (count < load->read.entry_count) {
        const struct fl__entry *entry = load->read.entries[count];
        if (entry->term != term_at(&terms, load->message.prev + 1 + count))
            break;
        *size += entry->size;
        count++;
    }
    return count;
}

static void on_loaded(struct fl__wal_read *read)
{
    struct fl__load *load = read->owner;
    struct fl_node *node = load->node;
    bool is_new_damage = (read->result == FL_EIO || read->result == FL_EDAMAGED) && node->damaged == 0;
    if (!node->is_failed && !node->is_closing) {
        uint64_t size;
        fl__driver_now(node);
        uint32_t count = read->result == FL_OK ? count_right(load, &size) : 0;
        if (is_new_damage)
            fl__driver_fail(node,
                            "entries %llu to %llu of its log could not be read: %s; check the disk under %s",
                            (unsigned long long)read->first, (unsigned long long)read->last,
                            fl_error_text(read->result), node->directory);
        else if (count > 0)
            send_entries(node, load->slot, &load->message, read->entries, count, size);
        else
            report_nothing(node, &load->message);
        if (!node->is_failed)
            fl__driver_event(node);
    }
    release_load(load);
    fl__node_maybe_closed(node);
}

static bool start_load(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message,
                       uint64_t size_max)
{
    struct fl__load *load = &slot->load;
    fl_index last = message->last < node->status.durable ? message->last : node->status.durable;
    if (load->is_busy || message->prev + 1 > last)
        return false;
    load->runs = malloc(message->run_count * sizeof *load->runs);
    if (!load->runs)
        return false;
    memcpy(load->runs, message->runs, message->run_count * sizeof *load->runs);
    load->is_busy = true;
    load->node = node;
    load->slot = slot;
    load->message = *message;
    load->message.runs = load->runs;
    load->read = (struct fl__wal_read){
        .first = message->prev + 1, .last = last, .size_max = size_max, .done = on_loaded, .owner = load};
    fl__wal_read(node->wal, &load->read);
    return true;
}

/* ----------------------------------------------------------------------------------------- from the cache */

static uint32_t gather(struct fl_node *node, const struct fl_message *message, uint64_t size_max,
                       uint64_t *size)
{
    struct terms terms = {.runs = message->runs, .count = message->run_count};
    uint32_t count = 0;
    *size = 0;
    for (fl_index index = message->prev + 1; index <= message->last && count < FL__FRAME_ENTRIES_MAX;
         index++) {
        struct fl__entry *entry = fl__cache_get(node->cache, index, term_at(&terms, index));
        if (!entry || (count > 0 && *size + entry->size > size_max))
            break;
        node->received[count++] = entry;
        *size += entry->size;
    }
    return count;
}

static void send_with_entries(struct fl_node *node, struct fl__slot *slot, const struct fl_send *send)
{
    /* What the core lends is its own again with the next call, and that is made before the message is
     * written. */
    struct fl_message message = *send->message;
    fl_assert(message.run_count <= FL__FRAME_RUNS_MAX);
    memcpy(node->space->runs, message.runs, message.run_count * sizeof *message.runs);
    message.runs = node->space->runs;
    uint64_t size_max = send->size_max;
    uint64_t size;
    uint32_t count = gather(node, &message, size_max, &size);
    if (!slot)
        report_nothing(node, &message);
    else if (count > 0)
        send_entries(node, slot, &message, node->received, count, size);
    else if (!slot->channel || !start_load(node, slot, &message, size_max))
        report_nothing(node, &message);
}

/* ----------------------------------------------------------------------------------------------- messages */

/* A heartbeat is answered at once, so it measures the way there and back. */
static void start_probe(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message)
{
    if (slot->probe_number != 0 && node->now - slot->probe_at < node->options.election_timeout_us)
        return;
    slot->probe_number = message->number;
    slot->probe_at = node->now;
}

void fl__sender_send(struct fl_node *node, const struct fl_send *send)
{
    const struct fl_message *message = send->message;
    struct fl__slot *slot = fl__transport_slot(&node->transport, message->to);
    bool may_carry = message->type == FL_MSG_APPEND || message->type == FL_MSG_FETCH_REPLY;
    if (may_carry && message->last > message->prev) {
        send_with_entries(node, slot, send);
        return;
    }
    if (!slot || !slot->channel)
        return;
    if (message->type == FL_MSG_APPEND)
        start_probe(node, slot, message);
    /* What the leader's clock says: a read's moment; and with heartbeats, so that others keep it. */
    if (message->type == FL_MSG_READ_REPLY || message->type == FL_MSG_APPEND) {
        struct fl_message stamped = *message;
        stamped.stamp = fl__driver_time(node);
        fl__slot_send_message(slot, &stamped, NULL, 0);
        return;
    }
    fl__slot_send_message(slot, message, NULL, 0);
}

void fl__sender_on_reply(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message)
{
    bool answers = message->type == FL_MSG_APPEND_REPLY && slot->probe_number != 0 &&
                   message->number >= slot->probe_number;
    if (!answers)
        return;
    slot->round_trip_us = node->now > slot->probe_at ? node->now - slot->probe_at : 1;
    slot->probe_number = 0;
}
