/* sim.h - the simulator: a seed is a whole cluster's life, and a judge watches it.
 *
 * There are two ways to live. In the first one (cores) the world is src/scenario's: the real core, and a host
 * so small that a million events pass in seconds. In the second one (stack) it is src/io/memory.h's: whole
 * servers with their logs, transport and clients, and every byte of them in a world of lies.
 *
 *   chance.c   numbers from a seed, in streams of their own; or from a tape of choices
 *   plan.c     what a seed draws: sizes, limits, and which faults at which rate
 *   acts.c     what can be done to a world of cores, one at a time; what was done can be done again
 *   cores.c    drives a world of cores: who speaks next, what is lost, who fails
 *   marks.c    interesting states, and whether a campaign has seen them
 *   story.c    events as sentences
 *   seed.c     one seed's life: trouble, then peace, then the verdict
 *   shrink.c   the shortest way to the same failure
 *   script.c   a life as a scenario file
 *
 * Everything follows from the seed, on every machine and with every compiler: no floating point, no
 * addresses, no order but the one of the list. */
#ifndef FAIRLEAD_SIM_PRIVATE_H
#define FAIRLEAD_SIM_PRIVATE_H

#include "../scenario/scenario.h"

#include <fairlead/sim.h>

#include <stdio.h>

#define FL__MILLISECOND ((fl_time_us)1000)
#define FL__SECOND ((fl_time_us)1000000)
#define FL__NEVER UINT64_MAX

/* ----------------------------------------------------------------------------------------------- chance.c */

/* What a number is drawn for. Each stream is independent of the others: drawing more from one changes none
 * of the others. */
enum fl__stream {
    FL__STREAM_PLAN = 1,
    FL__STREAM_NETWORK,
    FL__STREAM_DISK,
    FL__STREAM_FAULTS,
    FL__STREAM_WORKLOAD,
};

/* Choices from outside: what the fuzzer feeds. When it is used up, the seed goes on. */
struct fl__tape {
    const uint8_t *data;
    size_t size, at;
};

struct fl__chance {
    uint64_t state;
    struct fl__tape *tape; /* NULL: none. */
};

struct fl__chance fl__chance_begin(uint64_t seed, enum fl__stream stream);
/* 0 to below - 1; 0 if below is 0. */
uint64_t fl__chance_below(struct fl__chance *chance, uint64_t below);
/* min to max, both included. */
uint64_t fl__chance_from(struct fl__chance *chance, uint64_t min, uint64_t max);
/* The same, but each power of two as likely as any other: small numbers often, large ones sometimes. min is
 * at least 1. */
uint64_t fl__chance_octave(struct fl__chance *chance, uint64_t min, uint64_t max);
bool fl__chance_is(struct fl__chance *chance, uint32_t in_a_thousand);
uint64_t fl__mix64(uint64_t value);

/* ------------------------------------------------------------------------------------------------- plan.c */

/* Chances are in a thousand, for each message where it concerns messages; times are means. 0: never. */
struct fl__core_plan {
    uint64_t seed;
    uint32_t voters, learners;
    uint32_t start_terms; /* Of the log that everybody has at the start, all of it committed. At most 128. */
    struct fl_world_settings world;

    fl_time_us delay_min, delay_max;
    uint32_t late_chance; /* Of a delay up to late_max instead. */
    fl_time_us late_max;
    uint32_t loss_chance, double_chance, museum_chance;
    bool may_reorder; /* Else each link keeps its order, as a connection does. */

    fl_time_us disk_max; /* A write takes up to this; 0: no time at all. */

    fl_time_us write_every, read_every;
    uint32_t batch_max; /* Entries of one write. */

    fl_time_us fault_every;
    uint32_t weights[FL_SIM_FAULTS]; /* Of each class of fault that strikes at such a moment. */
    int damaged;                     /* The node whose disk is found damaged when it restarts; -1: none. */
};

/* A calm network of so many voters: no faults, delays around a millisecond. */
void fl__plan_calm(struct fl__core_plan *plan, uint32_t voters, uint64_t seed);
/* What the seed draws; fault classes in the set `without` (bits of enum fl_sim_fault) are left out, and all
 * else stays as it is. */
void fl__plan_draw(struct fl__core_plan *plan, uint64_t seed, uint32_t without);

/* ------------------------------------------------------------------------------------------------- acts.c */

enum fl__act_kind {
    FL__ACT_TICK = 1, /* node notices the time */
    FL__ACT_DELIVER,  /* of what flies from node to peer, the a-th oldest */
    FL__ACT_DROP,     /* likewise */
    FL__ACT_COPY,     /* likewise: flies twice */
    FL__ACT_KEEP,     /* likewise: a copy is kept in the museum, at place b */
    FL__ACT_REPLAY,   /* what the museum has at place a flies again */
    FL__ACT_SYNC,     /* node's oldest a writes complete */
    FL__ACT_LOAD,     /* node's a-th waiting send has its payloads now */
    FL__ACT_CRASH,    /* of node's writes a are kept, and of the next one b - 1 entries */
    FL__ACT_RESTART,  /* node knows a to be committed; from b on its log is damaged (0: nowhere) */
    FL__ACT_LINK,     /* from node to peer: up if a is 1 */
    FL__ACT_PEER,     /* node hears that its connection to peer is up if a is 1 */
    FL__ACT_WRITE,    /* a entries, through node */
    FL__ACT_READ,     /* through node */
    FL__ACT_DISK,     /* node's disk is slow if a is 1: writes wait for FL__ACT_SYNC */
};

struct fl__act {
    fl_time_us at;
    enum fl__act_kind kind;
    uint32_t node, peer, a, b;
};

struct fl__acts {
    struct fl__act *list;
    size_t count, capacity;
};

#define FL__MUSEUM_MAX 48

/* A world of cores that somebody acts upon. */
struct fl__stage {
    struct fl_world *world;
    struct fl_packet *museum[FL__MUSEUM_MAX];
    struct fl__acts *acts; /* Where what is done is written down; NULL: nowhere. */
};

/* malloc and free. */
struct fl_allocator fl__stage_allocator(void);
const char *fl__stage_name(uint32_t node);
/* The world that the plan describes, started. Panics without memory. `observe` may be NULL. */
void fl__stage_open(struct fl__stage *stage, const struct fl__core_plan *plan,
                    void (*observe)(void *context, const struct fl_world *world,
                                    const struct fl_event *event),
                    void *context);
void fl__stage_close(struct fl__stage *stage);
/* At its time, or now if that is past. False: there is nothing to act upon. */
bool fl__stage_act(struct fl__stage *stage, const struct fl__act *act);
void fl__acts_release(struct fl__acts *acts);

/* ----------------------------------------------------------------------------------------------- script.c */

/* Lines of a scenario file (docs/scenarios.md) that do the same. */
void fl__acts_write(const struct fl__acts *acts, const struct fl__core_plan *plan, FILE *out);

/* ----------------------------------------------------------------------------------------------- shrink.c */

/* Leaves out what is not needed for this rule to break. */
void fl__acts_shrink(struct fl__acts *acts, const struct fl__core_plan *plan, const char *rule);

/* ------------------------------------------------------------------------------------------------ cores.c */

struct fl__cores {
    struct fl__core_plan plan;
    struct fl__stage stage;
    struct fl_world *world; /* The stage's. */
    struct fl__chance network, disk, faults, workload;
    bool is_healed;
    uint64_t steps; /* That were made. */
    uint64_t fated; /* Packets up to this number have met their fate. */
    uint32_t museum_count;
    fl_time_us write_at, read_at, fault_at;
    fl_time_us disk_at[FL_WORLD_NODES_MAX], load_at[FL_WORLD_NODES_MAX], pause_until[FL_WORLD_NODES_MAX];
    fl_time_us latest[FL_WORLD_NODES_MAX][FL_WORLD_NODES_MAX]; /* When the latest packet of a link arrives. */
    /* [a][b]: a was told that its connection to b is down. */
    bool down[FL_WORLD_NODES_MAX][FL_WORLD_NODES_MAX];
    fl_index hint[FL_WORLD_NODES_MAX]; /* Commit index at the last crash. */
    /* After fl__cores_heal(): the nodes that are whole, and their links; the others stay as they are. */
    uint32_t healthy;
};

void fl__cores_open(struct fl__cores *cores, const struct fl__core_plan *plan, struct fl__acts *acts,
                    void (*observe)(void *context, const struct fl_world *world,
                                    const struct fl_event *event),
                    void *context);
void fl__cores_close(struct fl__cores *cores);

/* The next thing happens; false if it would be after `end`, or if an invariant broke. */
bool fl__cores_step(struct fl__cores *cores, fl_time_us end);
/* Time passes, and what is to happen happens. */
void fl__cores_run(struct fl__cores *cores, fl_time_us duration);
/* The same until there is a leader that has committed in its term, or until the time is over. Its number, or
 * -1. */
int fl__cores_run_to_leader(struct fl__cores *cores, fl_time_us within);
/* The same until all healthy living nodes agree and nothing is unanswered there, or until the time is
 * over. */
bool fl__cores_run_to_agreement(struct fl__cores *cores, fl_time_us within);
/* Writes through whoever leads, again and again until one write is committed on `least` nodes; false if the
 * time is over before. */
bool fl__cores_write(struct fl__cores *cores, uint32_t least, fl_time_us within);
/* No more faults: these nodes are up, connected with each other and fast. The others stay as they are. */
void fl__cores_heal(struct fl__cores *cores, uint32_t nodes);
void fl__cores_heal_all(struct fl__cores *cores);

void fl__cores_isolate(struct fl__cores *cores, uint32_t node, bool isolated);
void fl__cores_crash(struct fl__cores *cores, uint32_t node);
void fl__cores_restart(struct fl__cores *cores, uint32_t node);
uint32_t fl__cores_leaders(const struct fl__cores *cores, fl_term term); /* In this term; 0: in any. */
/* Living nodes that know it committed. */
uint32_t fl__cores_holders(const struct fl__cores *cores, fl_index index);

/* ------------------------------------------------------------------------------------------------ marks.c */

/* Sets the bits of what this event shows. */
void fl__marks_see(uint64_t *marks, const struct fl_world *world, const struct fl_event *event);

/* ------------------------------------------------------------------------------------------------- seed.c */

/* One life by this plan. What is done is written down in *acts, if that is not NULL. */
void fl__seed_live(const struct fl_sim_options *options, const struct fl__core_plan *plan,
                   struct fl__acts *acts, struct fl_sim_result *result);

/* ------------------------------------------------------------------------------------------------ story.c */

/* What people read of an event; false if there is nothing to tell. `text` is of so many bytes. */
bool fl__story_tell(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                    const struct fl_event *event);

#endif
