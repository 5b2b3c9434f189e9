/* scenario_internal.h - what the files of the scenario folder share. See scenario.h for the tour. */
#ifndef FAIRLEAD_SCENARIO_INTERNAL_H
#define FAIRLEAD_SCENARIO_INTERNAL_H

#include "scenario.h"

/* The only functions of a C library that are called; a freestanding compiler may call them by itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

static inline uint64_t fl__lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t fl__higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ------------------------------------------------------------------------------------------------- text.c */

/* What a sentence speaks of. */
struct fl__facts {
    uint32_t node, peer;
    fl_term term;
    fl_index index, other;
    struct fl_word word;
};

/* Fills in {node} {peer} (names), {term} {index} {other} (numbers) and {word}; cuts what does not fit. */
void fl__text_fill(char *out, size_t size, const struct fl_world *world, const char *sentence,
                   const struct fl__facts *facts);
/* A number in decimal, all of it. */
bool fl__word_number(struct fl_word word, uint64_t *out);
/* TERM, or TERMxCOUNT. */
bool fl__word_terms(struct fl_word word, uint64_t *term, uint64_t *count);

/* -------------------------------------------------------------------------------------------------- map.c */

bool fl__map_get(const struct fl_map *map, uint64_t a, uint64_t b, uint64_t *value);
/* False: no memory. */
bool fl__map_set(struct fl_world *world, struct fl_map *map, uint64_t a, uint64_t b, uint64_t value);
uint64_t fl__mix(uint64_t value);

/* ------------------------------------------------------------------------------------------------ chain.c */

void fl__chain_append(struct fl_world *world, struct fl_world_log *log, fl_term term, enum fl_entry_kind kind,
                      uint32_t value);
void fl__chain_truncate(struct fl_world_log *log, fl_index from);
void fl__chain_copy(struct fl_world *world, struct fl_world_log *to, const struct fl_world_log *from);
void fl__chain_free(struct fl_world *world, struct fl_world_log *log);
fl_term fl__chain_term(const struct fl_world_log *log, fl_index index); /* 0 if there is none. */
uint64_t fl__chain_at(const struct fl_world_log *log, fl_index index);  /* 0 at index 0. */

/* ------------------------------------------------------------------------------------------------ world.c */

void *fl__world_allocate(struct fl_world *world, size_t size); /* NULL: world->error is set. */
void fl__world_release(struct fl_world *world, void *memory);
/* An array that holds at least `need` elements: the old one, or a larger copy. On failure the old one, and
 * world->error is set. */
void *fl__world_grow(struct fl_world *world, void *array, size_t count, size_t *capacity, size_t need,
                     size_t each);
void fl__world_emit(struct fl_world *world, struct fl_event event);
/* After each call of a core that may have changed it, before its work is taken: brings the host's log up to
 * date, and has the judge look. */
void fl__world_look(struct fl_world *world, uint32_t node);
/* Takes and carries out all work. */
void fl__world_drain(struct fl_world *world, uint32_t node);
/* Alive, and not paused. */
static inline bool fl__world_is_usable(const struct fl_world *world, uint32_t node)
{
    return world->error == FL_OK && node < world->count && world->nodes[node].is_alive &&
           !world->nodes[node].is_paused;
}
/* Whether anything more may be done: the world has not stopped, and its line may do more. */
bool fl__world_may_go_on(struct fl_world *world);
/* The same, and something is done now. */
bool fl__world_begin(struct fl_world *world);
/* Tells all whose deadline has come. */
void fl__world_tick_due(struct fl_world *world);
int fl__world_boot(struct fl_world *world, uint32_t node, fl_index commit, fl_index damaged);
/* Appends to the host's log what the core has accepted from the packet. */
void fl__world_accept(struct fl_world *world, uint32_t node, const struct fl_packet *packet,
                      const struct fl_accepted *accepted);

/* ---------------------------------------------------------------------------------------------- network.c */

void fl__network_send(struct fl_world *world, uint32_t node, const struct fl_send *send);
/* Whether it can arrive now: its receiver is not paused. */
bool fl__network_may_deliver(const struct fl_world *world, const struct fl_packet *packet);
void fl__packets_free(struct fl_world *world, struct fl_packets *packets);

/* ------------------------------------------------------------------------------------------------- disk.c */

void fl__disk_take(struct fl_world *world, uint32_t node, const struct fl_persist *persist);
void fl__disk_forget_writes(struct fl_world *world, uint32_t node);

/* ----------------------------------------------------------------------------------------------- client.c */

void fl__client_on_answer(struct fl_world *world, uint32_t node, const struct fl_answer *answer);
void fl__client_on_read(struct fl_world *world, uint32_t node, const struct fl_read *read);
void fl__client_on_crash(struct fl_world *world, uint32_t node);

/* ------------------------------------------------------------------------------------------------ ghost.c */

struct fl_ghost_leader *fl__ghost_leader(struct fl_world *world, fl_term term); /* NULL if nobody led. */
struct fl_ghost_leader *fl__ghost_crown(struct fl_world *world, fl_term term, uint32_t node);
void fl__ghost_extend(struct fl_world *world, struct fl_ghost_leader *leader, const struct fl_world_log *log);
void fl__ghost_commit(struct fl_world *world, const struct fl_world_log *log, fl_index index, fl_term by);
void fl__ghost_free(struct fl_world *world);
void fl__judge_trip(struct fl_world *world, const char *rule, const char *sentence, struct fl__facts facts);
/* Trips unless it holds; says whether it does. */
static inline bool fl__judge_check(struct fl_world *world, bool holds, const char *rule, const char *sentence,
                                   struct fl__facts facts)
{
    world->judge.checks++;
    if (!holds)
        fl__judge_trip(world, rule, sentence, facts);
    return holds;
}

/* ------------------------------------------------------------------------------- judge.c, judge_message.c */

/* A node's state before a message. */
struct fl__before {
    struct fl_status status;
    bool had_prev; /* An APPEND's entry before the first was in its log. */
};

void fl__judge_given_commit(struct fl_world *world, uint32_t node, fl_index commit);
void fl__judge_look(struct fl_world *world, uint32_t node);
void fl__judge_appended(struct fl_world *world, uint32_t node, fl_index index);
void fl__judge_truncating(struct fl_world *world, uint32_t node, fl_index from,
                          const struct fl_packet *packet);
void fl__judge_committing(struct fl_world *world, uint32_t node, fl_index index);
void fl__judge_sending(struct fl_world *world, uint32_t node, const struct fl_message *message);
void fl__judge_before(struct fl_world *world, uint32_t node, const struct fl_packet *packet,
                      struct fl__before *before);
void fl__judge_after(struct fl_world *world, uint32_t node, const struct fl_packet *packet, int result,
                     const struct fl__before *before);
void fl__judge_writing(struct fl_world *world, uint32_t node, const struct fl_persist *persist);
void fl__judge_answered(struct fl_world *world, uint32_t node, const struct fl_answer *answer);
void fl__judge_read(struct fl_world *world, const struct fl_world_read *read);

/* ----------------------------------------------------------------------------------------------- player.c */

/* What a line gave a name to, for a later line: a packet held back, a write, a read. */
struct fl__label {
    char kind;           /* 'p', 'w', 'r' */
    struct fl_word name; /* Its own copy. */
    struct fl_packet *packet;
    uint32_t number; /* Of the write or read. */
};

#define FL__LATENCY_US 10000 /* Of a flow that names none. */

struct fl_player {
    struct fl_scenario_settings settings;
    struct fl_world *world;
    struct fl_scenario_result result;
    struct fl_script script;    /* How far the text was played. */
    uint32_t branch;            /* Which is played, from 1; 0 where there is none. */
    struct fl_line line, other; /* `other`: where one has to look ahead. */
    struct fl_word clause;      /* The event or predicate that is played now, as it stands there. */
    struct fl__label *labels;
    uint32_t label_count;
    size_t label_capacity;
    fl_time_us latency_us;   /* Of the last flow. */
    uint32_t trips_expected; /* Broken invariants that a line expected. */
    bool misunderstood;
};

/* Words of one event or predicate. */
struct fl__words {
    const struct fl_word *list;
    uint32_t count;
};

/* Both count a failure and keep the first one's words. */
void fl__player_fail(struct fl_player *player, const char *sentence, struct fl__facts facts);
/* What is not understood ends the play. Returns false. */
bool fl__player_misunderstand(struct fl_player *player, const char *sentence, struct fl_word word);
/* A node by name; false, and misunderstood, if there is none. */
bool fl__player_node(struct fl_player *player, struct fl_word word, uint32_t *node);
/* Names, as a set of bits. */
bool fl__player_nodes(struct fl_player *player, struct fl__words words, uint32_t *set);

/* ------------------------------------------------------------------------------------- setup.c, options.c */

/* Whether a line that begins with this word comes before the first event. */
bool fl__setup_is(struct fl_word verb);
/* Plays such a line. False: misunderstood. */
bool fl__setup_play(struct fl_player *player);
/* One option. False: misunderstood. */
bool fl__option_set(struct fl_player *player, struct fl__words words);

/* ----------------------------------------------------------------- events.c, drive.c, label.c, expect.c */

/* One event. False: misunderstood. */
bool fl__events_play(struct fl_player *player, struct fl__words words);
/* Misunderstands unless there are so many words. */
bool fl__events_count_words(struct fl_player *player, struct fl__words words, uint32_t least, uint32_t most);
/* Has the node campaign until it leads `term` (0: any), which it hears of the named voters alone. */
bool fl__drive_elect(struct fl_world *world, uint32_t candidate, fl_term term, uint32_t voters);
/* Delivers appends and answers between the two until the follower holds the leader's entry; false if it never
 * does. */
bool fl__drive_replicate(struct fl_world *world, uint32_t leader, uint32_t follower, fl_index index);
/* The name is copied. False: the world is out of memory. */
bool fl__label_add(struct fl_player *player, struct fl__label label);
bool fl__label_write(struct fl_player *player, struct fl_word name, uint32_t number, uint32_t count);
/* The newest one of this kind and name; NULL. */
const struct fl__label *fl__label_find(const struct fl_player *player, char kind, struct fl_word name);
void fl__labels_free(struct fl_player *player);
/* hold WORD [FILTER], copy WORD [FILTER]; release WORD; fly WORD */
bool fl__label_hold(struct fl_player *player, struct fl__words words);
bool fl__label_release(struct fl_player *player, struct fl__words words);
bool fl__label_fly(struct fl_player *player, struct fl__words words);
/* One predicate. False: misunderstood. */
bool fl__expect_play(struct fl_player *player, struct fl__words words);

/* ----------------------------------------------------------------------------------------------- filter.c */

/* Which packets a line speaks of: [oldest|newest|nth K] [TYPE] [from NAME] [to NAME] [#N]. */
struct fl__filter {
    uint32_t type;       /* 0: any */
    int from, to;        /* -1: any */
    bool oldest, newest; /* Only this one of them. */
    uint32_t skip;       /* Not the oldest, but the one after so many. */
    uint64_t number;     /* 0: any */
    bool deliverable;    /* Not those for paused nodes. */
};

bool fl__filter_read(struct fl_player *player, struct fl__words words, struct fl__filter *filter);
bool fl__filter_matches(const struct fl__filter *filter, const struct fl_packet *packet);
/* The next packet in flight that is meant, from position `from` on; -1 if there is none. */
int fl__filter_find(const struct fl__filter *filter, const struct fl_world *world, uint32_t from);

#endif
