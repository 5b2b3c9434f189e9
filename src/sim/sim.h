/* sim.h - the simulator: a seed is a whole cluster's life, and a judge watches it.
 *
 * There are two ways to live. In the first one (cores) the world is src/scenario's: the real core, and a host
 * so small that a million events pass in seconds. In the second one it is src/io/memory.h's: whole nodes
 * with their logs and transport, and every byte of them in a world of lies; servers with their clients, or a
 * state machine of the user's.
 *
 *   chance.c   numbers from a seed, in streams of their own
 *   plan.c     what a seed draws: sizes, limits, and which faults at which rate
 *   acts.c     what can be done to a world of cores, one at a time; what was done can be done again
 *   cores.c    drives a world of cores: who speaks next, what is lost, who fails
 *   life.c     lets whole nodes live, in a world of bytes
 *   power.c    their machines start and die
 *   harm.c     what befalls them
 *   rot.c      what befalls their disks
 *   redis.c    servers run on them, and clients use them
 *   client.c   such a client
 *   listener.c clients that listen to what the others publish, and whether they heard it all
 *   machine.c  a user's own state machine runs on them
 *   promises.c what nodes tell each other, against what their disks hold
 *   history.c  whether what clients saw is linearizable
 *   marks.c    interesting states, and whether a campaign has seen them
 *   seed.c     one seed's life: trouble, then peace, then the verdict
 *   shrink.c   the shortest way to the same failure
 *   script.c   a life as a scenario file
 *   arena.c    memory that can be put back as it was
 *   digest.c   a world of cores as one number
 *   explore.c  every state that a small cluster can reach
 *
 * Everything follows from the seed, on every machine and with every compiler: no floating point, no
 * addresses, no order but the one of the list. */
#ifndef FAIRLEAD_SIM_PRIVATE_H
#define FAIRLEAD_SIM_PRIVATE_H

#include "../io/memory.h"
#include "../scenario/scenario.h"

#include <fairlead/server.h>
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
    FL__STREAM_LISTENERS,
};

/* Choices made by somebody else, a fuzzer: bytes that stand for numbers, the next one first. */
struct fl__tape {
    const uint8_t *bytes;
    size_t left;
};

struct fl__chance {
    uint64_t state;
    struct fl__tape *tape; /* Where numbers come from until it is used up; NULL: none. */
};

struct fl__chance fl__chance_begin(uint64_t seed, enum fl__stream stream);
/* Goes on as the seed and the number say. */
void fl__chance_restart(struct fl__chance *chance, uint64_t seed, uint32_t number);
/* NULL: has all. */
bool fl__strikes_has(const struct fl_sim_strikes *strikes, uint32_t number);
/* 0 to below - 1; 0 if below is 0. */
uint64_t fl__chance_below(struct fl__chance *chance, uint64_t below);
/* min to max, both included. */
uint64_t fl__chance_from(struct fl__chance *chance, uint64_t min, uint64_t max);
/* The same, but each power of two as likely as any other: small numbers often, large ones sometimes. min is
 * at least 1. */
uint64_t fl__chance_octave(struct fl__chance *chance, uint64_t min, uint64_t max);
bool fl__chance_is(struct fl__chance *chance, uint32_t in_a_thousand);
/* A majority of nodes 0 to count - 1, as bits, none of them in `without`: there must be one. */
uint32_t fl__chance_majority(struct fl__chance *chance, uint32_t count, uint32_t without);
/* A class of faults by its weight; FL_SIM_FAULTS, none, about once for each `share` faults. */
enum fl_sim_fault fl__chance_fault(struct fl__chance *chance, const uint32_t weights[FL_SIM_FAULTS],
                                   uint32_t share);
uint64_t fl__mix64(uint64_t value); /* The finish of SplitMix64. */

/* ------------------------------------------------------------------------------------------------- plan.c */

/* Chances are in a thousand, for each message where it concerns messages; times are means. 0: never. */
struct fl__core_plan {
    uint64_t seed;
    struct fl__tape *tape; /* All that happens is read from it, while it lasts; NULL: it is drawn. */
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

    const struct fl_sim_strikes *strikes; /* NULL: all. */
    fl_time_us fault_every;
    uint32_t weights[FL_SIM_FAULTS]; /* Of each class of fault that strikes at such a moment. */
    int damaged;                     /* The node whose disk is found damaged when it restarts; -1: none. */
};

/* A calm network of so many voters: no faults, delays around a millisecond. */
void fl__plan_calm(struct fl__core_plan *plan, uint32_t voters, uint64_t seed);
/* What the seed draws; fault classes in the set `without` (bits of enum fl_sim_fault) are left out, and all
 * else stays as it is. */
void fl__plan_draw(struct fl__core_plan *plan, uint64_t seed, uint32_t without);

struct fl__life_plan {
    uint64_t seed;
    uint32_t count;
    fl_time_us election_timeout_us, heartbeat_us;
    uint64_t segment_size, log_size_max, cache_size, pending_size_max;
    fl_time_us request_timeout_us;
    struct fl_node_limits limits;
    struct fl__world_settings world;
    uint32_t client_count, depth, key_count, value_max;
    fl_time_us think_us; /* Between a client's commands; a mean. */
    fl_time_us fault_every;
    uint32_t weights[FL_SIM_FAULTS];
    uint32_t victim; /* The one node whose disk is damaged, or fails. */
};

void fl__plan_draw_life(struct fl__life_plan *plan, uint64_t seed, uint32_t without);

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
    FL__ACT_CAMPAIGN, /* node campaigns */
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
    uint32_t strikes;
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

/* ---------------------------------------------------------------------------------------------- history.c */

/* What clients did to lists. Each append adds an element of its own to the end of one list, so a list's final
 * content is the order in which its appends were applied; a read's answer, or an append's (the new size), is
 * a place in it. */
struct fl__deed {
    uint32_t list;
    uint64_t element;           /* That it appends, from 1; 0: a read. */
    fl_time_us asked, answered; /* answered UINT64_MAX: it was not, or with "outcome unknown". */
    bool is_refused;            /* A definite error: it is not done and never will be. */
    bool is_published;          /* With it, in one entry, the element is published on the list's channel. */
    uint64_t place;             /* Bytes of the list after it, or as it read them. */
    uint64_t hash;              /* A read's: of those bytes; 0: it read the size alone. */
};

struct fl__history {
    struct fl__deed *deeds;
    size_t count, capacity;
    uint64_t elements;
};

void fl__history_add(struct fl__history *history, const struct fl__deed *deed);
void fl__history_release(struct fl__history *history);
/* A list's bytes so far. */
uint64_t fl__history_hash(const void *bytes, size_t size);
/* Judges one list by its final content, read when all was over. True: linearizable; else *text says why. */
bool fl__history_judge(const struct fl__history *history, uint32_t list, const char *bytes, size_t size,
                       char *text, size_t text_size);

/* ------------------------------------------------------------------------------------------------- life.c */

#define FL__LIFE_NODES_MAX 7
#define FL__SIM_CLIENTS_MAX 8
#define FL__SIM_LISTS_MAX 8
#define FL__SIM_LISTENERS_MAX 3

enum fl__power { FL__POWER_OFF, FL__POWER_ON, FL__POWER_DYING };

struct fl__life_node {
    struct fl_sim_life *life;
    uint32_t number; /* From 0; its place on the network is one higher. */
    char name[16], peer[FL_ADDRESS_MAX], client[FL_ADDRESS_MAX];
    struct fl__disk *disk;
    struct fl_io *io;
    struct fl_node *node;     /* NULL unless the power is on. */
    struct fl_server *server; /* redis.c: its owner. */
    enum fl__power power;
    bool is_closed, is_killed; /* Killed, or will be: its disk goes on, unsynced bytes too. */
    bool is_halted;            /* It refuses to start: its disk is damaged or has failed. */
    fl_time_us start_at;       /* FL__NEVER: when somebody says so. */
    int32_t drift;             /* Of its clock, in millionths. */
    struct fl_error_report report;
    /* promises.c: the highest term that it spoke for, and the vote that it granted last. */
    fl_term spoken_term, granted_term;
    fl_id granted_to;
};

/* What runs on the nodes, and who uses it. */
struct fl__tenant {
    void (*begin)(struct fl_sim_life *life); /* Before the first node starts. */
    /* Sets node->node; or returns an error, and node->report says why. */
    int (*open)(struct fl__life_node *node, const struct fl_node_options *options);
    void (*close)(struct fl__life_node *node); /* Calls fl__node_closed() when it is gone. */
    void (*work)(struct fl_sim_life *life);    /* When life->work_at has come, after a fault if both have. */
    void (*rest)(struct fl_sim_life *life);    /* Peace has come. */
    /* Looks, often: whether all that was asked is answered, and the nodes that count agree. */
    bool (*settle)(struct fl_sim_life *life);
    /* A hash of what the node holds, and after which entry. NULL: the tenant compares by itself. */
    uint64_t (*state)(const struct fl__life_node *node, fl_index *applied);
    void (*judge)(struct fl_sim_life *life);
    void (*end)(struct fl_sim_life *life); /* After the last node is gone. */
};

struct fl_sim_life {
    struct fl__life_plan plan;
    const struct fl_sim_options *options;
    struct fl_sim_result *result;
    const struct fl__tenant *tenant;
    void *home; /* The tenant's. */
    struct fl__world *world;
    struct fl__chance faults, workload, disk;
    struct fl__life_node nodes[FL__LIFE_NODES_MAX];
    struct fl__promises *promises;
    struct fl__census *census;
    fl_time_us fault_at, work_at;
    uint32_t strikes;
    uint32_t healthy; /* In peace: nodes that are whole. */
    bool is_peace;
    bool is_over;           /* All is told. */
    bool is_founded;        /* Some node knows the founding configuration to be committed. */
    bool is_hurt;           /* The victim's disk has been damaged, or has failed. */
    struct fl__disk *image; /* The victim's, as it once was; NULL: none was kept. */
};

/* One life of whole nodes: of servers, or of options->machine. */
void fl__life_live(const struct fl_sim_options *options, const struct fl__life_plan *plan,
                   struct fl_sim_result *result);
fl_time_us fl__life_now(const struct fl_sim_life *life);
/* Some time from now; `mean` is its mean. */
fl_time_us fl__life_after(struct fl_sim_life *life, fl_time_us mean);
/* The first failure is the life's. */
void fl__life_fail(struct fl_sim_life *life, const char *rule, const char *text);
void fl__life_tell(const struct fl__life_node *node, const char *type, bool is_detail, const char *text);
/* Whether the node must answer in peace. An outsider may lead, and lack links to some of the healthy nodes:
 * these hear of its term from those that follow it, and wait. */
bool fl__life_counts(const struct fl__life_node *node);

/* ------------------------------------------------------------------------------------------------ power.c */

extern const uint8_t fl__life_cluster_id[16];
/* Its power fails if it has, it is gone if it is, and it starts if its time has come. */
void fl__node_look_after(struct fl__life_node *node);
/* FL__NEVER: it runs, or must not start. */
fl_time_us fl__node_start_time(const struct fl__life_node *node);
/* The end of its process: nothing that it does from here on reaches disk or network. */
void fl__node_die(struct fl__life_node *node, bool is_killed);
/* The same during so many calls on files from now; chance says whether its power fails or it is killed. */
void fl__node_die_in(struct fl__life_node *node, uint64_t calls);
/* For the tenant to call, with the node. */
void fl__node_closed(void *node);
struct fl_node_status fl__node_status_of(const struct fl__life_node *node);

/* ----------------------------------------------------------------------------------------------- census.c */

struct fl__census;
struct fl__census *fl__census_create(void);
void fl__census_destroy(struct fl__census *census);
/* Looks at all that run, now and then: call it often. */
void fl__census_take(struct fl_sim_life *life);
/* Looks at all that run, now. False: one has more open than it uses, and *text says so. */
bool fl__census_close(struct fl_sim_life *life, char *text, size_t text_size);

/* ------------------------------------------------------------------------------------------------- harm.c */

/* Something befalls the nodes; or all links are healed. */
void fl__harm_strike(struct fl_sim_life *life);
/* Those between these nodes. */
void fl__harm_heal_links(struct fl_sim_life *life, uint32_t nodes);

/* -------------------------------------------------------------------------------------------------- rot.c */

/* The victim's disk is harmed, if it is the time for that. */
void fl__rot_victim(struct fl_sim_life *life, enum fl_sim_fault fault);
/* A disk is nearly full, or has room again. */
void fl__rot_fill(struct fl__life_node *node);
/* A disk that runs does not answer. */
void fl__rot_hang(struct fl__life_node *node);

/* ----------------------------------------------------------------------------------------------- client.c */

struct fl__redis;

/* '+', '-', ':', '$', '*' and its like; its number, how many bytes or items (-1: none), or its text. */
struct fl__sim_reply {
    char type;
    int64_t number;
    const char *text;
    size_t size;
};

/* Reads one reply with all its items, the first few of which are kept; 0: it is not all here. */
size_t fl__sim_replies_read(const char *bytes, size_t size, struct fl__sim_reply *replies, uint32_t capacity,
                            uint32_t *count);

/* What a client waits for. */
struct fl__asked {
    struct fl__asked *next;
    uint32_t replies; /* How many must still come; the last one says how it went. */
    size_t deeds[3];  /* In the history. */
    uint32_t deed_count;
    /* Reads a whole list, for somebody. */
    void (*got)(void *context, uint32_t list, const char *bytes, size_t size);
    void *context;
    uint32_t list;
    uint64_t swapped_size; /* Compare and set: what the list's size is once it is done; else 0. */
    bool asks_who_leads;   /* Of a node that said that it serves nobody. */
};

/* A Redis client on a connection of its own, with several commands on the way. */
struct fl__sim_client {
    struct fl__redis *redis;
    uint32_t node;               /* Which it speaks to. */
    bool is_bound;               /* To that node, for ever. */
    struct fl_io_stream *stream; /* NULL: not connected. */
    struct fl_io_op connecting, closing, timer, sending;
    bool is_connecting, is_closing, is_timed, is_sending, is_stopped;
    bool is_comparing;              /* It has asked for what it compares with, and not heard it. */
    bool is_unserved;               /* Its node said that it serves nobody. */
    struct fl__asked *first, *last; /* Asked, and not answered. */
    uint32_t asked_count;
    fl_time_us asked_at; /* When the oldest of them was, or the last reply came. */
    char *out, *flight, *in;
    size_t out_size, out_capacity, in_size, in_capacity;
};

/* Begins to connect, and to ask. */
void fl__client_open(struct fl__sim_client *client);
/* Takes no further commands of its own. */
void fl__client_stop(struct fl__sim_client *client);
bool fl__client_is_idle(const struct fl__sim_client *client); /* All that it asked is answered. */
/* Asks for a list's content, and hands it over when it comes; NULL bytes: an error came instead. */
void fl__client_read(struct fl__sim_client *client, uint32_t list,
                     void (*got)(void *context, uint32_t list, const char *bytes, size_t size),
                     void *context);
/* Once its engine is gone. */
void fl__client_release(struct fl__sim_client *client);

/* What one node answers for each list in the end. */
struct fl__reading {
    bool is_wanted;
    struct fl__sim_client client;
    uint32_t left; /* Lists not asked for yet. */
    char *lists[FL__SIM_LISTS_MAX];
    size_t sizes[FL__SIM_LISTS_MAX];
};

/* --------------------------------------------------------------------------------------------- listener.c */

/* What one connection heard: elements of lists, in the order in which they came. */
struct fl__hearing {
    uint32_t node;
    fl_time_us asked, confirmed; /* SUBSCRIBE; FL__NEVER: it was not confirmed. */
    struct fl__heard {
        uint32_t list;
        uint64_t element;
    } * heard;
    size_t count, capacity;
};

/* Listens to all lists' channels, on one node after the other. */
struct fl__sim_listener {
    struct fl__redis *redis;
    uint32_t node;
    bool by_pattern;
    struct fl_io_stream *stream; /* NULL: not connected. */
    struct fl_io_op connecting, closing, timer, sending;
    bool is_connecting, is_closing, is_timed, is_sending;
    uint32_t unconfirmed; /* Answers to SUBSCRIBE that must still come. */
    fl_time_us heard_at;  /* Anything at all. */
    char request[128], *in;
    size_t in_size, in_capacity;
    struct fl__hearing *hearings; /* The last one is that of this connection. */
    size_t hearing_count, hearing_capacity;
};

void fl__listener_open(struct fl__sim_listener *listener);
/* Whether it has heard the last element that was published of this list, as its node tells it; true if it is
 * not listening there, or has heard nothing of it so far. */
bool fl__listener_is_done(const struct fl__sim_listener *listener, uint32_t node, uint32_t list,
                          const char *bytes, size_t size);
/* Judges everything that it heard of a list by the final content. */
void fl__listener_judge(const struct fl__sim_listener *listener, uint32_t list, const char *bytes,
                        size_t size);
void fl__listener_release(struct fl__sim_listener *listener); /* Once its engine is gone. */

/* redis.c: servers and their clients. */
struct fl__redis {
    struct fl_sim_life *life;
    struct fl__disk *disk;
    struct fl_io *io; /* The clients'. */
    struct fl__sim_client clients[FL__SIM_CLIENTS_MAX];
    uint32_t client_count;
    struct fl__chance chance; /* The listeners'. */
    struct fl__sim_listener listeners[FL__SIM_LISTENERS_MAX];
    uint32_t listener_count;
    struct fl__history history;
    struct fl__reading readings[FL__LIFE_NODES_MAX];
    fl_time_us quiet_since;
};

extern const struct fl__tenant fl__redis_tenant;

/* ---------------------------------------------------------------------------------------------- machine.c */

extern const struct fl__tenant fl__machine_tenant;

/* --------------------------------------------------------------------------------------------- promises.c */

struct fl__promises;
struct fl__promises *fl__promises_create(void);
void fl__promises_destroy(struct fl__promises *promises);
/* Judges what a node that has just started remembers. */
void fl__promises_recall(struct fl__life_node *node);
/* What this node sends, before it leaves. */
void fl__promises_hear(struct fl__promises *promises, struct fl__life_node *node,
                       const struct fl_io_buffer *buffers, uint32_t count);

/* ------------------------------------------------------------------------------------------------ marks.c */

/* The first ones are of cores, the last ones of servers. */
enum fl__mark {
    FL__MARK_LEADER,
    FL__MARK_TWO_LEADERS,
    FL__MARK_QUORUM_LOST,
    FL__MARK_SLOW_DISK,
    FL__MARK_PREVOTE_REFUSED,
    FL__MARK_VOTE_REFUSED,
    FL__MARK_REJECTED,
    FL__MARK_TRUNCATED,
    FL__MARK_TRUNCATED_CONFIGURATION,
    FL__MARK_TRUNCATED_MANY,
    FL__MARK_FETCHED,
    FL__MARK_COMMITTED_OLDER,
    FL__MARK_REFUSED,
    FL__MARK_READ_LEADER,
    FL__MARK_READ_FOLLOWER,
    FL__MARK_READ_AGAIN,
    FL__MARK_OLD_TERM,
    FL__MARK_COPY,
    FL__MARK_CRASHED_WRITING,
    FL__MARK_ALL_DOWN,
    FL__MARK_DAMAGED,
    FL__MARK_UNKNOWN,
    FL__MARK_DEFINITE,
    FL__MARK_CRASHED_STARTING,
    FL__MARK_HALTED,
    FL__MARK_FLIPPED,
    FL__MARK_FULL,
    FL__MARK_DISK_FAILED,
    FL__MARK_WIPED,
    FL__MARK_LOG_FULL,
    FL__MARK_BUSY,
    FL__MARK_SWAPPED,
    FL__MARK_NOT_SWAPPED,
    FL__MARK_SAME_STATE,
    FL__MARK_SERVED_ALL,
    FL__MARK_HEARD,
    FL__MARK_SENT_ON,
    FL__MARK_COUNT,
};

void fl__mark(uint64_t *marks, enum fl__mark mark);
/* Sets the bits of what this event shows. */
void fl__marks_see(uint64_t *marks, const struct fl_world *world, const struct fl_event *event);

/* ------------------------------------------------------------------------------------------------ arena.c */

struct fl__arena;
/* Of so many bytes, from malloc. Panics when it is full. */
struct fl__arena *fl__arena_open(size_t size);
void fl__arena_close(struct fl__arena *arena);
struct fl_allocator fl__arena_allocator(struct fl__arena *arena);
/* To and from a copy of as many bytes as the arena has. */
void fl__arena_save(const struct fl__arena *arena, void *copy);
void fl__arena_restore(struct fl__arena *arena, const void *copy);

/* ----------------------------------------------------------------------------------------------- digest.c */

#define FL__EXPLORE_NODES_MAX 5
#define FL__EXPLORE_LIVES_MAX 8

/* A world of cores on its way through the states, and what of the bounds it has used up. */
struct fl__walk {
    struct fl__stage stage;
    uint64_t boots[FL__EXPLORE_NODES_MAX][FL__EXPLORE_LIVES_MAX]; /* Each node's boot nonces. */
    uint32_t lives[FL__EXPLORE_NODES_MAX];
    uint32_t crashes, doubles, ticks;
};

/* Equal for two states with the same future, whatever the nodes are called; never 0. */
uint64_t fl__walk_digest(const struct fl__walk *walk);
/* Equal for two packets that do the same. */
uint64_t fl__packet_digest(const struct fl__walk *walk, const struct fl_packet *packet);

/* ------------------------------------------------------------------------------------------------- seed.c */

/* Whether whole nodes live, and not cores alone. */
bool fl__seed_is_whole(const struct fl_sim_options *options);
/* One life by this plan. What is done is written down in *acts, if that is not NULL. */
void fl__seed_live(const struct fl_sim_options *options, const struct fl__core_plan *plan,
                   struct fl__acts *acts, struct fl_sim_result *result);

#endif
