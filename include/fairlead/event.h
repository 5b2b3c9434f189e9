/* fairlead/event.h - something that happened in a simulated cluster, as people and programs are told of it:
 * docs/events.md has the fields. Included by fairlead/sim.h. */
#ifndef FAIRLEAD_EVENT_H
#define FAIRLEAD_EVENT_H

#include <fairlead/raft.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Borrowed for the call. Numbers are 0 and texts NULL where they say nothing. */
struct fl_sim_event {
    fl_time_us time_us;
    const char *type; /* "leader", "crashed", ... */
    const char *node; /* Whose it is; NULL: nobody's. */
    uint32_t node_number;
    const char *peer;
    fl_term term;
    fl_index index, other;
    bool is_detail;      /* A message, a write: what only a close look needs. */
    const char *message; /* Of a message: its type. */
    const char *text;    /* A sentence, without the node's name in front. */
    uint64_t number;     /* Of a message among cores: rises with each that is sent, copies included. */
    uint32_t line;       /* Of a scenario file: the line that was played. */
    bool has_granted;    /* Of a reply to somebody who asked for a vote or a pre-vote. */
    bool granted;
    bool has_rejected; /* Of such a reply, or one to an append. */
    bool rejected;
    bool is_stale;       /* Of a reply: what it answers was of an older term than its sender's. */
    const char *outcome; /* Of a client's request: "done", "refused", ... */
    const char *leader;  /* Of a request for a vote that is ignored: whose sake that is for. */
    const char *words;   /* Of a scenario file: what was expected, or done, as it stands there. */
};

/* The event as a JSON object in one line. Returns its length; not all of it is there unless that is less than
 * `size`. `out` is terminated. */
size_t fl_sim_event_json(const struct fl_sim_event *event, char *out, size_t size);

#ifdef __cplusplus
}
#endif

#endif
