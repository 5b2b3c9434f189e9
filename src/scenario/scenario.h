/* scenario.h - replicas in one small deterministic world, the judge who watches them, and the player of
 * scenario files.
 *
 * The world runs any number of cores in one thread without a clock, a disk or a network: messages lie in a
 * list until somebody delivers, drops or copies them; disks hold writes back until somebody completes them;
 * time passes when somebody says so. Nothing happens by itself, so the same calls give the same history,
 * everywhere: in tests, in the simulator and in a browser. Like the core this folder is freestanding: it
 * calls nothing but mem* and takes memory from the caller's allocator.
 *
 * Entries have no payload but a number that stands for one. Each entry also carries the hash of itself and of
 * all that comes before it in its log (its chain), so two logs agree up to an index if and only if their
 * chains there do.
 *
 *   world.c    nodes, time, and the work that cores hand out
 *   network.c  messages in flight, and links
 *   flow.c     time in which messages take their time, and nodes that are paused
 *   disk.c     what is durable: writes, crashes, restarts
 *   client.c   writes and reads, and their answers
 *   chain.c    a log whose entries carry chains
 *   ghost.c    what the judge remembers: who ever led and voted, what was ever committed
 *   judge.c    the invariants of Raft
 *   map.c      a hash table for the ghost
 *   story.c    events as people read them, and as JSON
 *   json.c     JSON into a buffer
 *   text.c     words and numbers without a C library
 *   script.c   a scenario file as lines and words
 *   setup.c    the lines before the first event
 *   events.c   what happens in a scenario
 *   drive.c    elections and replication that an event asks for as a whole
 *   label.c    names that lines give to writes, reads and messages
 *   filter.c   which messages an event means
 *   expect.c   what is expected of a world
 *   player.c   plays a text, line after line
 *
 * The judge knows every node's disk and memory; the nodes don't know the judge. It keeps to its own books and
 * believes no node's word for anything. When an invariant breaks it says which and how, once; the world goes
 * on. */
#ifndef FAIRLEAD_SCENARIO_H
#define FAIRLEAD_SCENARIO_H

#include <fairlead/event.h>
#include <fairlead/raft.h>

#define FL_WORLD_NODES_MAX 16
#define FL_WORLD_NAME_MAX 16
#define FL_WORLD_TEXT_MAX 320
#define FL_WORLD_TRIPS_MAX 8

struct fl_world;

/* -------------------------------------------------------------------------------------------- logs, disks */

struct fl_world_entry {
    fl_term term;
    enum fl_entry_kind kind;
    uint32_t value; /* Stands for the payload: a write's number, from 1; else 0. */
    uint64_t chain; /* The hash of this entry and all before it. */
};

struct fl_world_log {
    struct fl_world_entry *entries; /* [k] is index k + 1. */
    fl_index last;
    size_t capacity;
};

/* A piece of FL_WORK_PERSIST that the disk was given and has not completed. */
struct fl_world_write {
    struct fl_persist persist;
    struct fl_world_entry *entries; /* Of [persist.first, persist.last]; NULL if none. */
};

struct fl_world_disk {
    bool by_hand; /* Writes complete when fl_world_sync() says so; else at once. */
    fl_term term;
    bool has_vote;
    fl_id vote;
    struct fl_world_log log;       /* What a crash leaves. */
    fl_index damaged;              /* The first entry whose payload cannot be read; 0 if none. */
    struct fl_world_write *writes; /* Oldest first. */
    uint32_t write_count;
    size_t write_capacity;
};

/* ------------------------------------------------------------------------------------------------ network */

/* A message in flight, with its own copy of all that it points to. */
struct fl_packet {
    uint64_t number; /* Rises with each packet of the world; copies have numbers of their own. */
    uint32_t from, to;
    bool is_copy;
    fl_time_us sent_at;
    fl_time_us due;   /* For the caller's use. */
    fl_time_us delay; /* In a flow it arrives so much later than others. */
    uint32_t label;   /* For the caller's use. */
    struct fl_message message;
    struct fl_world_entry *entries; /* Of (message.prev, message.last]. */
};

struct fl_packets {
    struct fl_packet **list; /* In the order they were sent. */
    uint32_t count;
    size_t capacity;
};

/* ------------------------------------------------------------------------------------------------ clients */

enum fl_outcome { FL_PENDING = 0, FL_DONE = 1, FL_REFUSED = 2, FL_UNKNOWN = 3 };

/* A write: number `value` is proposals[value - 1]. */
struct fl_world_proposal {
    uint32_t node;
    uint32_t label; /* For the caller's use. */
    fl_term term;
    fl_index index;
    enum fl_outcome outcome;
};

struct fl_world_read {
    uint32_t node;
    uint64_t boot;
    fl_ticket ticket;
    fl_index floor; /* What the answer must cover: all that any client had been told when it was asked. */
    fl_index index; /* The answer, once done. */
    enum fl_outcome outcome;
};

/* Proposals of one node in one term that are not answered. */
struct fl_world_open {
    fl_term term;
    fl_index first, last;
    uint32_t value; /* Of `first`; consecutive. */
};

/* -------------------------------------------------------------------------------------------------- nodes */

/* What one leadership did to one follower, as the network saw it. */
struct fl_world_repair {
    fl_term term;
    uint32_t rejections;      /* Rejections that the follower sent in this term. */
    uint64_t entries_shipped; /* Entries sent to it in this term, again where repeated. */
    bool fork_known;
    fl_index fork; /* The prev of the first entries that it took from the leader of this term. */
};

struct fl_world_node {
    char name[FL_WORLD_NAME_MAX];
    fl_id id;
    enum fl_member_kind kind;
    bool is_alive;
    bool is_paused;          /* A stopped process: it is told nothing, and messages to it wait. */
    uint64_t boot;           /* Of this life; 0 before the first. */
    struct fl_raft *raft;    /* NULL if not alive. */
    struct fl_world_log log; /* What the host has in memory, durable or not. */
    fl_index applied;        /* As far as FL_WORK_COMMIT said in this life. */
    struct fl_world_disk disk;
    struct fl_packets loading; /* Sends whose payloads are not at hand yet. */
    struct fl_world_repair repair;
    struct fl_world_open *open;
    uint32_t open_count;
    size_t open_capacity;
    fl_index given_commit; /* Before the start. */

    /* The judge's last look. */
    fl_term seen_term;
    enum fl_role seen_role;
};

/* -------------------------------------------------------------------------------------------------- judge */

/* A broken invariant: its name in the catalogue of invariants ("R6"), and a sentence. */
struct fl_trip {
    const char *rule;
    char text[FL_WORLD_TEXT_MAX];
};

/* An entry of the one committed history. */
struct fl_ghost_commit {
    uint64_t chain;
    fl_term term;
    fl_term by; /* The term whose leader committed it first. */
};

/* A leadership, and its log: chains[k] is of index k + 1. */
struct fl_ghost_leader {
    fl_term term;
    uint32_t node;
    uint64_t boot;
    uint64_t *chains;
    fl_index last;
    size_t capacity;
};

struct fl_map_slot {
    uint64_t a, b, value;
    bool used;
};

struct fl_map {
    struct fl_map_slot *slots; /* A power of two of them, or none. */
    size_t count, capacity;
};

struct fl_judge {
    struct fl_ghost_commit *commits; /* [k] is index k + 1. */
    fl_index committed;
    size_t commits_capacity;
    struct fl_ghost_leader *leaders; /* By rising term. */
    uint32_t leader_count;
    size_t leader_capacity;
    struct fl_map chains;  /* (index, term) -> chain: Log Matching. */
    struct fl_map votes;   /* (term, node) -> candidate's id. */
    struct fl_map refused; /* (index, term) of proposals that were refused. */
    fl_index told;         /* The highest index that any client was told of, by a write or a read. */
    uint64_t checks;       /* How often a rule was applied, so that a test can see that it was. */
    uint32_t trip_count;   /* All of them; the first few are kept. */
    struct fl_trip trips[FL_WORLD_TRIPS_MAX];
};

/* ------------------------------------------------------------------------------------------------- events */

enum fl_event_type {
    FL_EVENT_LINE = 1,   /* The player begins a line: text; index is its number. */
    FL_EVENT_SAY,        /* Words for people: text. */
    FL_EVENT_SENT,       /* packet */
    FL_EVENT_DELIVERED,  /* packet, before the node sees it */
    FL_EVENT_LOST,       /* packet */
    FL_EVENT_PERSISTING, /* node gave its disk a write: index to other, or a term */
    FL_EVENT_PERSISTED,  /* node's oldest write completed */
    FL_EVENT_ROLE,       /* node's role or term changed: see its status */
    FL_EVENT_APPENDED,   /* node's log now holds [index, other] */
    FL_EVENT_TRUNCATED,  /* node cuts [index, other] from its log */
    FL_EVENT_COMMITTED,  /* node knows that all up to index is committed */
    FL_EVENT_ANSWERED,   /* the writes at [index, other] of term `term`, asked of node, with outcome */
    FL_EVENT_READ,       /* a read asked of node was answered with index and outcome */
    FL_EVENT_CRASHED,    /* node, with index writes that did not complete */
    FL_EVENT_RESTARTED,  /* node; from index on its log is damaged, if that is not 0 */
    FL_EVENT_CUT,        /* messages from node to peer are lost from now on */
    FL_EVENT_HEALED,
    FL_EVENT_TIME,     /* time passed; index is the new time */
    FL_EVENT_NOTE,     /* the core's own note: note */
    FL_EVENT_TRIPPED,  /* an invariant broke: text */
    FL_EVENT_EXPECTED, /* words were so (index 1) or not (index 0): text says why */
    FL_EVENT_PAUSED,   /* node hears nothing from now on */
    FL_EVENT_RESUMED,
};

/* Borrowed for the call. Fields that the type does not name are 0. */
struct fl_event {
    enum fl_event_type type;
    uint32_t node, peer;
    fl_term term;
    fl_index index, other;
    const struct fl_packet *packet;
    const struct fl_note *note;
    int outcome; /* FL_OK, or why a client is refused. */
    const char *text;
    const char *words; /* Of the scenario's line. */
};

/* -------------------------------------------------------------------------------------------------- world */

struct fl_world_settings {
    struct fl_allocator allocator;
    struct fl_raft_config raft; /* Of every node; id, boot, seed and term_at are the world's. */
    bool fold;                  /* Give the cores a term_at, so that they may fold committed runs. */
    uint64_t seed;
    uint32_t entry_size;  /* Payload bytes that each entry is said to have; at least 1. */
    uint32_t packets_max; /* In flight at once; what is sent beyond is lost. */
    fl_index entries_max; /* Of one log; beyond, the world stops with FL_EFULL. */
    uint64_t moves_max;   /* Events, and calls of cores; beyond, likewise. */
    /* May be NULL. */
    void (*observe)(void *context, const struct fl_world *world, const struct fl_event *event);
    void *observe_context;
    /* Chance in a thousand that the payloads of a send are not at hand: none of them, or only the first few,
     * or all of them later (see fl_world_load()). Which it is follows from the send alone. */
    uint32_t slow_reads;
};

struct fl_world {
    struct fl_world_settings settings;
    /* FL_ENOMEM or FL_EFULL: the world stopped, and no call does anything any more. While a line plays also
     * FL_ECANCELED: it has done as much as it may. */
    int error;
    bool started;
    uint64_t moves;
    fl_time_us now;
    uint32_t line; /* Of the scenario that is played; 0 if there is none. For those who observe. */
    /* How many things the line that is played has done to the world, and how many it may: messages that
     * arrive or are lost, nodes that are told the time, campaign or crash, links that are cut, and whatever
     * else a line says. What follows from one of these at once is no other. */
    uint64_t inputs, inputs_max;
    uint32_t count;
    struct fl_world_node nodes[FL_WORLD_NODES_MAX];
    struct fl_member members[FL_WORLD_NODES_MAX];
    bool cut[FL_WORLD_NODES_MAX][FL_WORLD_NODES_MAX]; /* [from][to] */
    struct fl_packets flying;
    uint64_t packet_number, boot_number;
    struct fl_world_proposal *proposals;
    uint32_t proposal_count;
    size_t proposal_capacity;
    struct fl_world_read *reads;
    uint32_t read_count;
    uint32_t read_first; /* The first one without an outcome. */
    size_t read_capacity;
    uint64_t sent_messages, sent_entries, sent_size; /* Ever: to see what replication costs. */
    struct fl_judge judge;
};

/* Sensible values: the core's defaults, pre-vote and check-quorum on. The allocator is not set. */
void fl_world_settings_init(struct fl_world_settings *settings);

/* Errors: FL_ENOMEM, FL_EINVAL. */
FL_MUST_USE int fl_world_create(struct fl_world **out, const struct fl_world_settings *settings);
void fl_world_destroy(struct fl_world *world);

/* Before the start: a member more (its number, from 0, or FL_EFULL or FL_EINVAL), its log by terms, its term
 * (the last entry's, if not given), and how much of it is committed. */
FL_MUST_USE int fl_world_add(struct fl_world *world, const char *name, size_t length,
                             enum fl_member_kind kind);
void fl_world_give_log(struct fl_world *world, uint32_t node, const fl_term *terms, size_t count);
void fl_world_give_term(struct fl_world *world, uint32_t node, fl_term term);
void fl_world_give_commit(struct fl_world *world, uint32_t node, fl_index commit);
/* Starts every node. FL_EINVAL: a core refuses its configuration or its log. */
FL_MUST_USE int fl_world_start(struct fl_world *world);

/* Time: set it forward without telling anybody; tell one node; or let it pass, telling each node at its
 * deadline. */
void fl_world_advance(struct fl_world *world, fl_time_us by);
void fl_world_tick(struct fl_world *world, uint32_t node);
void fl_world_pass(struct fl_world *world, fl_time_us by);
/* The earliest deadline of a node alive; UINT64_MAX if there is none. */
fl_time_us fl_world_deadline(const struct fl_world *world);
/* Time passes and what is sent arrives at once, in the order it was sent. */
void fl_world_run(struct fl_world *world, fl_time_us by);
/* Time passes, each node acts at its deadlines, and a message arrives when it is due. Flowing for a while and
 * then for another is the same as flowing for both at once. */
void fl_world_flow(struct fl_world *world, fl_time_us by, fl_time_us latency);
fl_time_us fl_world_due(const struct fl_packet *packet, fl_time_us latency);
/* Everything in flight arrives, and what is sent in answer, and leaders keep sending heartbeats, until two of
 * them change nothing. Time passes for the leaders alone. */
void fl_world_settle(struct fl_world *world);

/* A paused node is told nothing; resumed, it goes on as if no time had passed. */
void fl_world_pause(struct fl_world *world, uint32_t node, bool paused);
/* See fl_raft_campaign(); refusals are ignored. */
void fl_world_campaign(struct fl_world *world, uint32_t node);
void fl_world_peer(struct fl_world *world, uint32_t node, uint32_t peer, bool up);

/* Network: `at` is a position in world->flying. What is delivered to a paused node stays in flight. */
void fl_world_deliver(struct fl_world *world, uint32_t at);
void fl_world_drop(struct fl_world *world, uint32_t at);
/* All that is in flight now, and all that follows from it. */
void fl_world_deliver_all(struct fl_world *world);
void fl_world_drop_all(struct fl_world *world);
void fl_world_link(struct fl_world *world, uint32_t from, uint32_t to, bool up);
bool fl_world_is_cut(const struct fl_world *world, uint32_t from, uint32_t to);
/* A packet taken out of flight, or a copy of it, is the caller's until it is thrown in again. NULL: no
 * memory. */
struct fl_packet *fl_world_catch(struct fl_world *world, uint32_t at);
struct fl_packet *fl_world_copy(struct fl_world *world, const struct fl_packet *packet);
void fl_world_throw(struct fl_world *world, struct fl_packet *packet);
void fl_world_free(struct fl_world *world, struct fl_packet *packet);
/* The payloads of the node's `k`-th waiting send are at hand now. */
void fl_world_load(struct fl_world *world, uint32_t node, uint32_t k);

/* Disk. */
/* The oldest `count` writes complete. */
void fl_world_sync(struct fl_world *world, uint32_t node, uint32_t count);
/* Power fails. Of the writes not completed, the oldest `kept` had reached the disk, and of the next one the
 * truncation (if `torn` is not 0) and torn - 1 entries. */
void fl_world_crash(struct fl_world *world, uint32_t node, uint32_t kept, uint32_t torn);
/* `commit`: what the host knows to be committed; lowered to what is so. `damaged`: see fl_raft_start. */
void fl_world_restart(struct fl_world *world, uint32_t node, fl_index commit, fl_index damaged);

/* Clients. The write's number, of the first of `count`, or the core's refusal. */
int fl_world_propose(struct fl_world *world, uint32_t node, uint32_t count);
/* The read's number, from 0, or the core's refusal. */
int fl_world_read(struct fl_world *world, uint32_t node);

/* Looking. Node numbers, or -1. */
int fl_world_find(const struct fl_world *world, const char *name, size_t length);
int fl_world_leader(const struct fl_world *world); /* The living leader of the highest term. */
/* In memory; 0 if none. */
fl_term fl_world_term(const struct fl_world *world, uint32_t node, fl_index index);
struct fl_status fl_world_status(const struct fl_world *world, uint32_t node); /* All zero if not alive. */
/* The last index up to which two logs in memory agree. */
fl_index fl_world_fork(const struct fl_world *world, uint32_t a, uint32_t b);
bool fl_world_is_equal(const struct fl_world *world); /* All living logs are. */
bool fl_world_has_tripped(const struct fl_world *world, const char *rule, size_t length);

/* ------------------------------------------------------------------------------------------- words, lines */

/* A piece of a text; borrowed. */
struct fl_word {
    const char *start;
    size_t length;
};

bool fl_word_is(struct fl_word word, const char *text);
bool fl_word_same(struct fl_word a, struct fl_word b);
/* The text, without its zero byte. */
struct fl_word fl_word_of(const char *text);
#define FL_DIGITS_MAX 20
/* The number in decimal, at the end of `digits`. */
struct fl_word fl_word_of_number(uint64_t number, char digits[FL_DIGITS_MAX]);
/* A number and us, ms or s. False: it is no duration. */
bool fl_word_duration(struct fl_word word, fl_time_us *out);

/* The step of what somebody does who plays on with a story. */
#define FL_STEP_BY_HAND "you"
#define FL_LINE_WORDS_MAX 512

/* A line of a scenario file that says something. */
struct fl_line {
    struct fl_word words[FL_LINE_WORDS_MAX];
    uint32_t count;  /* At least 1. */
    uint32_t number; /* From 1. */
    bool indented;
    uint32_t branch;    /* 0: the common part. */
    bool too_long;      /* More words than fit. */
    struct fl_word all; /* Without the comment, and without blanks around it. */
};

/* A scenario file's text, and how far it has been read. Begins as all zero but for text and size. */
struct fl_script {
    const char *text;
    size_t size, at;
    uint32_t number, branch;
};

/* The next line that says something; false at the end. */
bool fl_script_next(struct fl_script *script, struct fl_line *line);

/* --------------------------------------------------------------------------------------------------- JSON */

/* A JSON value on its way into a buffer. Begins as all zero but for out and size. */
struct fl_json {
    char *out;
    size_t size;   /* Of `out`, which ends with a zero byte. */
    size_t length; /* Of what was to be written: not all of it is there unless this is less than `size`. */
    bool follows;  /* A comma comes before the next value. */
};

/* A value, or the beginning of an object or a list ('{' or '['), which fl_json_end() ends. `key`: NULL in a
 * list, and outermost. */
void fl_json_begin(struct fl_json *json, const char *key, char bracket);
void fl_json_end(struct fl_json *json, char bracket);
void fl_json_number(struct fl_json *json, const char *key, uint64_t number);
void fl_json_none(struct fl_json *json, const char *key); /* -1, where there is no such number. */
void fl_json_flag(struct fl_json *json, const char *key, bool flag);
void fl_json_word(struct fl_json *json, const char *key, struct fl_word word);
void fl_json_text(struct fl_json *json, const char *key, const char *text);
/* Ends the text; returns its length, which may be too large (see above). */
size_t fl_json_finish(struct fl_json *json);

/* -------------------------------------------------------------------------------------------------- story */

/* Long enough for every sentence. */
#define FL_STORY_TEXT_MAX 400

/* What people read of an event. False: there is nothing to tell. `text` holds the sentence, and is of so many
 * bytes. */
bool fl_story_tell(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                   const struct fl_event *event);
/* A message's type as scenario files and events call it. */
const char *fl_message_name(enum fl_message_type type);

/* ------------------------------------------------------------------------------------------------- player */

struct fl_scenario_settings {
    struct fl_allocator allocator;
    /* More lines of `option`, which override the file's: so the same file plays with another strategy. May be
     * NULL. */
    const char *options;
    /* May be NULL. */
    void (*observe)(void *context, const struct fl_world *world, const struct fl_event *event);
    void *observe_context;
    fl_index entries_max; /* Of one log, and what the world may do at all: see fl_world_settings. */
    uint64_t moves_max;   /* 0: as many as a world may by itself, as above. */
};

struct fl_scenario_result {
    uint32_t expectations;        /* That were looked at. */
    uint32_t failures;            /* That did not hold, and events that could not happen. */
    uint32_t trips;               /* Broken invariants that no line expected. */
    uint32_t branches;            /* Histories played; at least 1. */
    uint32_t line;                /* Of the first failure, or of what the player does not understand. */
    char text[FL_WORLD_TEXT_MAX]; /* About it; empty if there is none. */
};

/* Plays a scenario file (docs/scenarios.md has the grammar): its common part and each of its branches, every
 * branch in a world of its own that begins with the common part. FL_OK: it played, and *result says how.
 * FL_EINVAL: a line is not understood. FL_ENOMEM, FL_EFULL: the world stopped. */
FL_MUST_USE int fl_scenario_play(const char *text, size_t size, const struct fl_scenario_settings *settings,
                                 struct fl_scenario_result *result);

/* Plays one history of a scenario, line after line: the text may grow between the calls. */
struct fl_player;

/* `branch`: which of the branches is played after the common part, from 1; 0: none. The settings are copied.
 * Errors: FL_ENOMEM. */
FL_MUST_USE int fl_player_create(struct fl_player **out, const struct fl_scenario_settings *settings,
                                 uint32_t branch);
void fl_player_destroy(struct fl_player *player);
/* Plays the lines of the text that were not played yet. What was played before must still be how the text
 * begins. Results as of fl_scenario_play(), after the first that is not FL_OK always the same one. */
FL_MUST_USE int fl_player_play(struct fl_player *player, const char *text, size_t size);
/* The same, but only lines that set up the cluster, and the words for people between them. */
FL_MUST_USE int fl_player_set_up(struct fl_player *player, const char *text, size_t size);
/* Starts the cluster, if no event has yet. */
FL_MUST_USE int fl_player_start(struct fl_player *player);
/* Time passes as in `flow`, with the latency of the last one. It belongs to the last line played: so says the
 * text, with its last line changed. */
FL_MUST_USE int fl_player_flow_on(struct fl_player *player, fl_time_us by, const char *text, size_t size);
/* Counts a history whole, if called for the last time: trips that no line expected are among its result. */
void fl_player_result(const struct fl_player *player, struct fl_scenario_result *result);
struct fl_world *fl_player_world(struct fl_player *player);
/* The word of the write that made entries of this value (see fl_world_entry); empty if it has none. */
struct fl_word fl_player_word(const struct fl_player *player, uint32_t value);
/* How long a message flies in a flow. */
fl_time_us fl_player_latency(const struct fl_player *player);

/* How many branches the text has. */
uint32_t fl_scenario_branches(const char *text, size_t size);
/* The word of an `at` line with which its events begin, and how many inputs it may give (UINT64_MAX: all). */
uint32_t fl_scenario_events_at(const struct fl_line *line, uint64_t *inputs);
/* Whether a line of the text expects something at this step: an event added to it would be looked at
 * twice. */
bool fl_scenario_expects_at(const char *text, size_t size, struct fl_word step);

#endif
