/* events.c - what the node told of its life, the latest of it: FAIRLEAD EVENTS.
 *
 *   EVENTS [SINCE sequence] [COUNT n]   [boot nonce, next sequence, [event, ...]]
 *
 * An event is a JSON object as docs/events.md describes it. They are numbered from 1 in each life of the
 * process. SINCE: the oldest COUNT of those that are left, from that number on; without it the newest COUNT.
 * Who follows a node asks from the next sequence on: if the first event that comes has a higher number, those
 * between are lost; if the boot nonce is another one, the process is, and counts from 1 again.
 *
 * The ring has a fixed size, and keeping an event allocates nothing. */
#include "server.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024
#define COUNT_DEFAULT 100
#define TEXT_SIZE 256
#define JSON_SIZE_MAX 2048

struct kept {
    struct fl_node_event event; /* Its texts are these; `message` is static: */
    char peer[FL_NAME_MAX], leader[FL_NAME_MAX], text[TEXT_SIZE];
};

struct fl__events {
    uint64_t next; /* The next one's number; it goes to its remainder by KEPT. */
    uint64_t counts[FL_NODE_EVENT_KINDS];
    struct kept ring[KEPT];
};

static const char *const names[] = {
#define FL_NODE_EVENT_NAME(identifier, name) [identifier] = name,
    FL_NODE_EVENTS(FL_NODE_EVENT_NAME)
#undef FL_NODE_EVENT_NAME
};

struct fl__events *fl__events_create(void)
{
    struct fl__events *events = calloc(1, sizeof *events);
    if (events != NULL)
        events->next = 1;
    return events;
}

void fl__events_destroy(struct fl__events *events)
{
    free(events);
}

const char *fl__events_name(enum fl_node_event_kind kind)
{
    return names[kind];
}

void fl__events_counts(const struct fl__events *events, uint64_t out[FL_NODE_EVENT_KINDS])
{
    memcpy(out, events->counts, sizeof events->counts);
}

void fl__events_keep(struct fl__events *events, const struct fl_node_event *event)
{
    struct kept *kept = &events->ring[events->next % KEPT];
    kept->event = *event;
    snprintf(kept->peer, sizeof kept->peer, "%s", event->peer != NULL ? event->peer : "");
    snprintf(kept->leader, sizeof kept->leader, "%s", event->leader != NULL ? event->leader : "");
    snprintf(kept->text, sizeof kept->text, "%s", event->text);
    kept->event.peer = kept->event.leader = kept->event.text = NULL;
    events->counts[event->kind]++;
    events->next++;
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_number(struct fl__reply *out, const char *name, uint64_t value)
{
    if (value != 0)
        fl__reply_print(out, ",\"%s\":%" PRIu64, name, value);
}

static void add_text(struct fl__reply *out, const char *name, const char *text)
{
    if (text == NULL || text[0] == '\0')
        return;
    fl__reply_print(out, ",\"%s\":", name);
    fl__json_text(out, text);
}

static void write_json(struct fl__reply *out, const struct kept *kept, uint64_t sequence, const char *node)
{
    const struct fl_node_event *event = &kept->event;
    fl__reply_print(out, "{\"sequence\":%" PRIu64 ",\"time_us\":%" PRIu64 ",\"wall_us\":%" PRIu64, sequence,
                    (uint64_t)event->time_us, event->wall_us);
    add_text(out, "event", names[event->kind]);
    add_text(out, "node", node);
    add_text(out, "peer", kept->peer);
    add_text(out, "message", event->message);
    add_text(out, "leader", kept->leader);
    add_number(out, "term", event->term);
    add_number(out, "index", event->index);
    add_number(out, "other", event->other);
    add_number(out, "entries", event->entries);
    add_number(out, "votes", event->votes);
    add_number(out, "voters", event->voters);
    add_number(out, "round_trips", event->round_trips);
    add_text(out, "text", kept->text);
    fl__reply_print(out, "}");
}

/* ------------------------------------------------------------------------------------------------- EVENTS */

bool fl__events_range_parse(const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply,
                            struct fl__events_range *out)
{
    *out = (struct fl__events_range){.since = -1, .count = COUNT_DEFAULT};
    for (uint32_t k = 2; k < arg_count; k += 2) {
        bool is_since = fl__bytes_is(args[k], "since"), is_count = fl__bytes_is(args[k], "count");
        if ((!is_since && !is_count) || k + 1 == arg_count) {
            fl__reply_error(reply, "ERR syntax error");
            return false;
        }
        int64_t *value = is_since ? &out->since : &out->count;
        if (!fl__number_parse(args[k + 1], value) || *value < 0) {
            fl__reply_error(reply, "ERR value is not an integer or out of range");
            return false;
        }
    }
    return true;
}

static uint64_t boot_of(const struct fl_server *server)
{
    struct fl_node_status status = {.boot = 0};
    if (server->node != NULL)
        fl_node_status(server->node, &status);
    return status.boot;
}

void fl__events_reply(const struct fl_server *server, const struct fl__events_range *range,
                      struct fl__reply *reply)
{
    const struct fl__events *events = server->events;
    uint64_t end = events->next, oldest = end > KEPT ? end - KEPT : 1, most = (uint64_t)range->count;
    uint64_t first = end - oldest > most ? end - most : oldest;
    struct fl__reply json; /* One after the other. */
    char boot[17];
    if (range->since >= 0) {
        uint64_t since = (uint64_t)range->since;
        first = since < oldest ? oldest : since < end ? since : end;
        end = end - first > most ? first + most : end;
    }
    snprintf(boot, sizeof boot, "%016" PRIx64, boot_of(server));
    fl__reply_text(reply, boot);
    fl__reply_integer(reply, (int64_t)end);
    fl__reply_array(reply, (uint32_t)(end - first));
    fl__reply_init(&json, 2, JSON_SIZE_MAX);
    for (uint64_t k = first; k < end; k++) {
        json.size = 0;
        write_json(&json, &events->ring[k % KEPT], k, server->name);
        fl__reply_bulk(reply, (struct fl__bytes){json.data, json.size});
    }
    reply->failed |= json.failed;
    fl__reply_release(&json);
}

void fl__local_fairlead_events(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__events_range range;
    if (!fl__events_range_parse(args, arg_count, reply, &range))
        return;
    fl__reply_array(reply, 3);
    fl__events_reply(client->server, &range, reply);
}
