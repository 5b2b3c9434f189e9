/* playground.h - scenarios that somebody plays by hand, step by step, back and forth.
 *
 * A session is a scenario's text, played. Its steps are the events that were told: step 0 is the
 * beginning, step k the moment at which event k was told. Whatever the reader does adds a line to the
 * text, and the past is had by playing the text again up to there: the text is all there is to save, to
 * share or to go back to.
 *
 * Like the core this folder is freestanding. With src/core and src/scenario it makes the WebAssembly
 * module that the web view's playground runs on; there module.c is the door to JavaScript.
 *
 * It sees what others may not: the core's state, for the timers that a page draws (core.h, which also
 * declares the four functions of memory that a freestanding program has).
 *
 *   session.c  sessions: open, look, act
 *   record.c   a player, and what was told as it played
 *   view.c     a world as JSON: what the page draws
 *   edit.c     a scenario's text: cut, add to, set an option
 *   heap.c     memory for a module that has nothing but its own
 *   module.c   what JavaScript calls, and what a freestanding compiler does; of the module alone */
#ifndef FAIRLEAD_PLAYGROUND_H
#define FAIRLEAD_PLAYGROUND_H

#include "../scenario/scenario.h"

/* ---------------------------------------------------------------------------------------------- session.c */

struct fl_session;

/* What a session is opened with; copied. */
struct fl_session_start {
    struct fl_allocator allocator;
    const char *text;
    size_t size;
    uint32_t branch;     /* Which one is played after the common part, from 1; 0: none. */
    const char *options; /* Lines that override the text's options; NULL: none. */
};

/* Plays the whole text. On an error *out is NULL, and *result says which line and why: FL_EINVAL: it is not
 * understood. FL_EFULL: it is longer than a session may be. FL_ENOMEM. */
FL_MUST_USE int fl_session_open(struct fl_session **out, const struct fl_session_start *start,
                                struct fl_scenario_result *result);
void fl_session_close(struct fl_session *session);

/* How many events there are: the last step's number. */
uint32_t fl_session_count(const struct fl_session *session);
/* Event k, from 1: a JSON object (docs/events.md). All texts are valid until the next call with the
 * session. */
const char *fl_session_event(const struct fl_session *session, uint32_t k);
/* The text's line that step k belongs to, from 1; 0 for step 0. */
uint32_t fl_session_line(const struct fl_session *session, uint32_t k);
/* The cluster at step k, as JSON; at the last one with all that has passed since. NULL: no memory. */
const char *fl_session_view(struct fl_session *session, uint32_t k);
/* The session but for its steps, as JSON: text, branch, branches, what failed. NULL: no memory. */
const char *fl_session_state(struct fl_session *session);

/* Something happens after step k: a line `at you EVENT`. What comes after step k is cut from the text
 * before, in the midst of a line too. On an error nothing has changed, and *result says why. */
FL_MUST_USE int fl_session_act(struct fl_session *session, uint32_t k, const char *event, size_t size,
                               struct fl_scenario_result *result);
/* Time passes after the last step; what passes in a row is one line of the text. Errors likewise. */
FL_MUST_USE int fl_session_flow(struct fl_session *session, fl_time_us by, struct fl_scenario_result *result);
/* Sets an option, given as "NAME VALUE", in the text, and plays all of it again. Errors likewise. */
FL_MUST_USE int fl_session_option(struct fl_session *session, const char *option, size_t size,
                                  struct fl_scenario_result *result);

/* The text as it becomes. From the allocator; NULL: no memory. */
struct fl__edited {
    char *text;
    size_t size;
    size_t line;     /* Where the line begins that was added, behind its blanks. */
    uint32_t branch; /* To be played. */
};

/* ----------------------------------------------------------------------------------------------- record.c */

/* An event that was told. */
struct fl__told {
    size_t at;   /* Where its JSON begins in the bytes. */
    size_t room; /* For it, with its zero byte. */
    uint32_t line;
    uint64_t inputs; /* That the line had given by then. */
};

/* A player, and what was told as it played. */
struct fl__record {
    struct fl_allocator allocator;
    struct fl_player *player; /* NULL: what it was to play last could not be played. */
    char *bytes;
    size_t size, capacity;
    struct fl__told *list; /* [k] is event k + 1. */
    uint32_t count;
    size_t list_capacity;
    uint32_t beginning;  /* So many were told before the first line that makes something happen. */
    uint32_t setup_line; /* The last line before the first event. */
    uint32_t line_event; /* The event that told of the line played last, from 1. */
    fl_time_us line_time_us;
    bool is_full;   /* No memory for the next one. */
    bool is_silent; /* Nothing is told: it was told before. */
};

/* Errors as of fl_session_open(); what was recorded until then is kept, and is the caller's to release. */
FL_MUST_USE int fl__record_create(struct fl__record **out, const struct fl_session_start *start);
void fl__record_destroy(struct fl__record *record);
/* Gives a record that has lost its player another one, which plays the text up to where it was told. */
FL_MUST_USE int fl__record_play_again(struct fl__record *record, const struct fl_session_start *start);
/* Plays what was added to the text. On an error *result says why; what was told is as before, and the player
 * is gone. */
FL_MUST_USE int fl__record_go_on(struct fl__record *record, const char *text, size_t size,
                                 struct fl_scenario_result *result);
/* Time passes in the last line, a flow, which is told with other words now. Errors likewise. */
FL_MUST_USE int fl__record_flow_on(struct fl__record *record, fl_time_us by, const struct fl__edited *edited,
                                   struct fl_scenario_result *result);
/* Why playing ended with this error. */
void fl__record_explain(const struct fl__record *record, int error, struct fl_scenario_result *result);

/* ------------------------------------------------------------------------------------------------- view.c */

/* Memory that grows with what is written into it. */
struct fl__page {
    struct fl_allocator allocator;
    char *bytes;
    size_t size;
};

/* Writes the world as the moment shows it at which the event is told; NULL: between events. False: no
 * memory. */
bool fl__view_write(struct fl__page *page, struct fl_player *player, const struct fl_event *event);
/* Room for so many bytes; what was there may be gone. */
bool fl__page_grow(struct fl__page *page, size_t size);

/* ------------------------------------------------------------------------------------------------- edit.c */

/* Where the text ends that is kept if all statements after this line go; the whole size if there are none. */
size_t fl__edit_cut(const char *text, size_t size, uint32_t line);
/* The first `size` bytes of the text, of whose last statement only so many inputs happen. (An expectation
 * that tries something is tried whole.) */
struct fl__edited fl__edit_part(const struct fl_allocator *allocator, const char *text, size_t size,
                                uint64_t inputs);
/* The first `size` bytes of the text, and a line `at you EVENT` in the last branch of those, or in the common
 * part. */
struct fl__edited fl__edit_add(const struct fl_allocator *allocator, const char *text, size_t size,
                               struct fl_word event);
/* With the option NAME VALUE: in its old place, or before the first statement. */
struct fl__edited fl__edit_option(const struct fl_allocator *allocator, const char *text, size_t size,
                                  struct fl_word option);
/* If the last line is of this branch, and a flow that `add` may be added to: where it begins, and how long it
 * is then; else false. */
bool fl__edit_last_flow(const char *text, size_t size, uint32_t branch, fl_time_us add, size_t *at,
                        fl_time_us *sum);
#define FL__FLOW_MAX 32
/* "flow 150ms"; returns its length. */
size_t fl__edit_flow(char out[FL__FLOW_MAX], fl_time_us duration);

/* ------------------------------------------------------------------------------------------------- heap.c */

#define FL__HEAP_CLASSES 112

struct fl__heap_block;

/* Memory that only ever grows at its end. A block that was released is used again for blocks of its class of
 * sizes. */
struct fl__heap {
    uint8_t *next, *end;
    /* More room at the end, for `size` bytes at least; false: there is none. */
    bool (*grow)(struct fl__heap *heap, size_t size);
    struct fl__heap_block *free[FL__HEAP_CLASSES];
};

void *fl__heap_allocate(struct fl__heap *heap, size_t size); /* Aligned to 16; NULL: no room. */
void fl__heap_release(struct fl__heap *heap, void *memory);  /* NULL is allowed. */

#endif
