/* trace.c - prints what happens in a world. */
#include "trace.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const event_names[] = {
    "",         "line",     "say",     "sent",      "delivered", "lost",     "persisting", "persisted",
    "role",     "appended", "cut log", "committed", "answered",  "read",     "crashed",    "restarted",
    "cut link", "healed",   "time",    "note",      "TRIPPED",   "expected", "paused",     "resumed",
};

static const char *const message_names[] = {
    "",     "prevote",    "prevote-reply", "vote",        "vote-reply", "append", "append-reply",
    "read", "read-reply", "fetch",         "fetch-reply",
};

static const char *const role_names[] = {"follower", "precandidate", "candidate", "leader"};

static const char *name_of(const struct fl_world *world, uint32_t node)
{
    return node < world->count ? world->nodes[node].name : "?";
}

static void print_outline(const struct fl_outline *outline)
{
    printf(" outline %" PRIu64 "/%" PRIu64 "%s", outline->low, outline->low_term,
           outline->low_is_floor ? " floor" : "");
    for (uint32_t k = 0; k < outline->run_count; k++)
        printf(" %" PRIu64 "@%" PRIu64, outline->runs[k].term, outline->runs[k].first);
    printf(" top %" PRIu64 " last %" PRIu64 " durable %" PRIu64, outline->top, outline->last,
           outline->durable);
}

static void print_packet(const struct fl_world *world, const struct fl_packet *packet)
{
    const struct fl_message *m = &packet->message;
    printf("%s>%s %s%s%s term %" PRIu64 " prev %" PRIu64 "/%" PRIu64 " last %" PRIu64 " commit %" PRIu64
           " held %" PRIu64 " number %" PRIu64 " round %" PRIu64 "%s",
           name_of(world, packet->from), name_of(world, packet->to), message_names[m->type],
           m->granted ? " granted" : "", m->rejected ? " rejected" : "", m->term, m->prev, m->prev_term,
           m->last, m->commit, m->held, m->number, m->round, packet->is_copy ? " copy" : "");
    if (m->outline.present)
        print_outline(&m->outline);
}

static void print_event(const struct fl_world *world, const struct fl_event *event)
{
    printf("%9" PRIu64 " %-10s ", world->now, event_names[event->type]);
    if (event->packet) {
        print_packet(world, event->packet);
    } else if (event->note) {
        printf("%s kind %d peer %" PRIu64 " index %" PRIu64 " other %" PRIu64, name_of(world, event->node),
               event->note->kind, event->note->peer, event->note->index, event->note->other);
    } else if (event->type == FL_EVENT_ROLE) {
        struct fl_status status = fl_world_status(world, event->node);
        printf("%s %s of term %" PRIu64, name_of(world, event->node), role_names[status.role], status.term);
    } else {
        printf("%s %" PRIu64 " %" PRIu64 " %s", name_of(world, event->node), event->index, event->other,
               event->text ? event->text : "");
    }
    printf("\n");
}

void trace_event(void *context, const struct fl_world *world, const struct fl_event *event)
{
    (void)context;
    bool failed = event->type == FL_EVENT_EXPECTED && event->index == 0;
    if (failed || event->type == FL_EVENT_TRIPPED)
        fprintf(stderr, "    %s\n", event->text);
    if (getenv("FL_TEST_TRACE"))
        print_event(world, event);
}
