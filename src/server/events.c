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
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEPT 1024
#define COUNT_DEFAULT 100
#define TEXT_SIZE 256
#define JSON_SIZE 1024

struct kept {
    struct fl_node_event event; /* Its texts are these: */
    char peer[FL_NAME_MAX], text[TEXT_SIZE];
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
    snprintf(kept->text, sizeof kept->text, "%s", event->text);
    kept->event.peer = kept->event.text = NULL;
    events->counts[event->kind]++;
    events->next++;
}

/* --------------------------------------------------------------------------------------------------- JSON */

/* Text that is being put together; what does not fit is left out. */
struct writing {
    char *out;
    size_t size, used;
};

static void add(struct writing *writing, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void add(struct writing *writing, const char *format, ...)
{
    va_list list;
    size_t room = writing->size - writing->used;
    va_start(list, format);
    int size = vsnprintf(writing->out + writing->used, room, format, list);
    va_end(list);
    if (size > 0)
        writing->used += (size_t)size < room ? (size_t)size : room - 1;
}

static void add_number(struct writing *writing, const char *name, uint64_t value)
{
    if (value != 0)
        add(writing, ",\"%s\":%" PRIu64, name, value);
}

/* Bytes that JSON would not take as they are become a question mark: a stranger's name may hold any. */
static void add_text(struct writing *writing, const char *name, const char *text)
{
    if (text[0] == '\0')
        return;
    add(writing, ",\"%s\":\"", name);
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '"' || c == '\\')
            add(writing, "\\%c", c);
        else
            add(writing, "%c", c < 0x20 || c > 0x7e ? '?' : c);
    }
    add(writing, "\"");
}

static void write_json(const struct kept *kept, uint64_t sequence, const char *node, char out[JSON_SIZE])
{
    struct writing writing = {.out = out, .size = JSON_SIZE};
    const struct fl_node_event *event = &kept->event;
    add(&writing, "{\"sequence\":%" PRIu64 ",\"time_us\":%" PRIu64 ",\"wall_us\":%" PRIu64, sequence,
        (uint64_t)event->time_us, event->wall_us);
    add_text(&writing, "event", names[event->kind]);
    add_text(&writing, "node", node);
    add_text(&writing, "peer", kept->peer);
    add_number(&writing, "term", event->term);
    add_number(&writing, "index", event->index);
    add_number(&writing, "other", event->other);
    add_number(&writing, "entries", event->entries);
    add_number(&writing, "votes", event->votes);
    add_number(&writing, "voters", event->voters);
    add_number(&writing, "round_trips", event->round_trips);
    add_text(&writing, "text", kept->text);
    add(&writing, "}");
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
    char boot[17], json[JSON_SIZE];
    if (range->since >= 0) {
        uint64_t since = (uint64_t)range->since;
        first = since < oldest ? oldest : since < end ? since : end;
        end = end - first > most ? first + most : end;
    }
    snprintf(boot, sizeof boot, "%016" PRIx64, boot_of(server));
    fl__reply_text(reply, boot);
    fl__reply_integer(reply, (int64_t)end);
    fl__reply_array(reply, (uint32_t)(end - first));
    for (uint64_t k = first; k < end; k++) {
        write_json(&events->ring[k % KEPT], k, server->name, json);
        fl__reply_text(reply, json);
    }
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
