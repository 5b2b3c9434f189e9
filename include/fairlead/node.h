/* fairlead/node.h - a member of a replicated state machine: the core with a disk, a network and a clock.
 *
 * You give a state machine (three functions and a pointer), a data directory and the addresses of the
 * members; any member takes commands and reads, and answers like the leader: what it cannot do itself it
 * forwards. A command is answered FL_OK only once it is durable on a majority and applied here.
 *
 * One thread: everything is called on the thread that runs the fl_io engine. */
#ifndef FAIRLEAD_NODE_H
#define FAIRLEAD_NODE_H

#include <fairlead/io.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_NAME_MAX 64             /* Bytes of a member's name, with its terminator. */
#define FL_MEMBERS_MAX 16          /* Members of a cluster. */
#define FL_COMMAND_MAX (72u << 20) /* Bytes of one command. */

struct fl_node;

/* A command or a read on its way, embedded in whatever the caller keeps about it. It belongs to the node from
 * the accepted fl_node_propose(), fl_node_read() or fl_node_wait() until it is answered, exactly once. */
struct fl_request {
    void *owner; /* The caller's. */
    /* Set when a read is answered FL_OK: the cluster's clock as the leader knew it when it confirmed the
     * read, in microseconds since 1970. */
    uint64_t time_us;
    uint32_t holders; /* Set when a wait is answered. */
    /* The node's own, untouched by others. */
    struct fl_request *next, *previous;
    const void *data;
    size_t size;
    fl_time_us expires;
    uint64_t sequence;
    fl_index index;
    fl_term term;
    uint32_t count;
    uint8_t state;
};

/* A committed entry, in log order. Applying must be deterministic: the same entries give the same state on
 * each member, whatever its clock, its random numbers or its role. */
struct fl_entry {
    fl_index index;
    fl_term term;
    uint64_t time_us; /* The leader's clock when it took the command: never decreases along the log. */
    uint64_t seed;    /* Random, the same on all members. */
    fl_id origin;     /* The member whose client asked for it. */
    const void *data; /* As it was proposed; valid during the call. NULL for entries of Raft's own. */
    size_t size;
};

/* What a node tells of its life: an identifier, and the name that docs/events.md knows it by. */
#define FL_NODE_EVENTS(X)                                                                                    \
    X(FL_NODE_OPENED, "opened")                                                                              \
    X(FL_NODE_TORN, "torn")                                                                                  \
    X(FL_NODE_DAMAGED, "damaged")                                                                            \
    X(FL_NODE_FOUNDING, "founding")                                                                          \
    X(FL_NODE_JOINING, "joining")                                                                            \
    X(FL_NODE_FOUNDED, "founded")                                                                            \
    X(FL_NODE_FOLLOWER, "follower")                                                                          \
    X(FL_NODE_PRECANDIDATE, "precandidate")                                                                  \
    X(FL_NODE_CANDIDATE, "candidate")                                                                        \
    X(FL_NODE_ELECTION_LOST, "election-lost")                                                                \
    X(FL_NODE_IGNORED, "ignored")                                                                            \
    X(FL_NODE_LEADER, "leader")                                                                              \
    X(FL_NODE_QUORUM_LOST, "quorum-lost")                                                                    \
    X(FL_NODE_SLOW_DISK, "slow-disk")                                                                        \
    X(FL_NODE_FETCHED, "fetched")                                                                            \
    X(FL_NODE_CONFLICT, "conflict")                                                                          \
    X(FL_NODE_TRUNCATED, "truncated")                                                                        \
    X(FL_NODE_REPAIRED, "repaired")                                                                          \
    X(FL_NODE_CONTRADICTION, "contradiction")                                                                \
    X(FL_NODE_DATA_LOSS, "data-loss")                                                                        \
    X(FL_NODE_MEMBERS, "members")                                                                            \
    X(FL_NODE_CATCHING_UP, "catching-up")                                                                    \
    X(FL_NODE_READY, "ready")                                                                                \
    X(FL_NODE_CONNECTED, "connected")                                                                        \
    X(FL_NODE_DISCONNECTED, "disconnected")                                                                  \
    X(FL_NODE_UNREACHABLE, "unreachable")                                                                    \
    X(FL_NODE_REFUSED, "refused")                                                                            \
    X(FL_NODE_DISK_FULL, "disk-full")                                                                        \
    X(FL_NODE_DISK_FREE, "disk-free")                                                                        \
    X(FL_NODE_LOG_FULL, "log-full")                                                                          \
    X(FL_NODE_FAILED, "failed")

enum fl_node_event_kind {
#define FL_NODE_EVENT_ENUM(identifier, name) identifier,
    FL_NODE_EVENTS(FL_NODE_EVENT_ENUM)
#undef FL_NODE_EVENT_ENUM
        FL_NODE_EVENT_KINDS /* How many there are. */
};

/* Something that happened on a node. Which numbers mean something depends on the kind: docs/events.md. The
 * others are zero. */
struct fl_node_event {
    enum fl_node_event_kind kind;
    fl_time_us time_us; /* By the engine's monotonic clock, */
    uint64_t wall_us;   /* and by the wall clock. */
    fl_term term;
    fl_index index, other;
    uint64_t entries;
    uint32_t votes, voters, round_trips;
    /* Texts are valid during the call; all but the last may be NULL. */
    const char *peer;    /* The other member's name. */
    const char *message; /* Of what is ignored: "vote" or "prevote"; static. */
    const char *leader;  /* For whose sake it is. */
    const char *text;    /* A sentence without the node's own name in front. */
};

struct fl_machine {
    void *state;
    /* Apply one entry. `request` is the caller's own if this node proposed it in this life and it is still
     * unanswered: this call answers it, and with what it computes here. NULL otherwise. Entries of Raft's own
     * come with data NULL: their time and index count. */
    void (*apply)(void *state, const struct fl_entry *entry, struct fl_request *request);
    /* A request ends otherwise. A read: FL_OK, now is the moment to read the state. Else why not:
     * FL_EUNAVAILABLE (nothing was done, safe to repeat), FL_EUNKNOWN (a command that may or may not be in
     * the log; read before repeating), FL_ELOGFULL and FL_ENOSPC (the leader's log or disk is full),
     * FL_ETOOBIG, FL_ESTOPPED (never handed to a log). */
    void (*answer)(void *state, struct fl_request *request, int outcome);
    /* The node's role, term, leader, readiness or members changed: see fl_node_status(). */
    void (*notice)(void *state, struct fl_node *node);
    /* Something happened; each thing is told once, in the order in which it happened. May come from within
     * any call, fl_node_open() and fl_node_close() too, and must not call the node. NULL: nobody listens. */
    void (*event)(void *state, const struct fl_node_event *event);
};

enum fl_log_level { FL_LOG_ERROR, FL_LOG_WARN, FL_LOG_INFO, FL_LOG_DEBUG, FL_LOG_TRACE };

struct fl_node_member {
    char name[FL_NAME_MAX];
    char address[FL_ADDRESS_MAX]; /* Of its peer port. */
    char client[FL_ADDRESS_MAX];  /* Of its client port, as it announced it; empty if it has none. */
    fl_id id;                     /* Its incarnation; 0 and id_known false until it has been met. */
    bool id_known;
};

/* How much is done at once: each at least 1. The defaults suit nearly everybody; tests draw small ones, where
 * rare ways through the code become common. */
struct fl_node_limits {
    uint32_t message_entries; /* 1,024, and no more: entries in one message to a peer, */
    uint64_t message_size;    /* 1 MiB: and their bytes (one entry always fits). */
    uint32_t window_messages; /* 128, at most 1,024: messages with entries that a peer has not answered, */
    uint64_t window_entries;  /* 65,536: their entries, */
    uint64_t window_size;     /* 16 MiB, and no more: and their bytes (one message always fits). */
    uint64_t write_size;      /* 4 MiB: bytes of one write to the log (one entry always fits). */
    uint32_t turn_entries;    /* 4,096: entries applied before anything else has its turn, */
    uint64_t turn_size;       /* 8 MiB: and their bytes. */
    uint32_t terms; /* 4,096, at least 8: terms whose place in the log is in memory; others are on disk. */
};

struct fl_node_options {
    const char *directory; /* Created if missing (its parent must exist). */
    const char *name;      /* At most FL_NAME_MAX - 1 bytes: letters, digits, '-', '_', '.'. */
    const char *listen;    /* Peer port, H:P. Not loopback: refused unless insecure. */
    const char *advertise; /* H:P under which peers reach it; NULL: as in listen. */
    const char *client;    /* H:P announced to the others as the place for clients; NULL: none. */
    bool insecure;         /* Allow peers off loopback without encryption. */

    /* Founding: for a directory that has not been used. All members name the same ones. NULL and 0 to open a
     * used one; given again for a used one, they must not contradict it. */
    const struct fl_node_member *members; /* name and address are read */
    uint32_t member_count;
    const uint8_t *cluster_id; /* 16 bytes. */
    /* This founder campaigns as soon as all have met; the others wait for it a while. */
    bool campaign_first;

    fl_time_us election_timeout_us; /* 1,000,000 */
    fl_time_us heartbeat_us;        /* 100,000 */
    /* 4,000,000: then a request is answered, FL_EUNAVAILABLE or FL_EUNKNOWN. */
    fl_time_us request_timeout_us;
    uint64_t log_size_max;     /* 16 GiB: beyond, commands are refused with FL_ELOGFULL. */
    uint64_t segment_size;     /* 64 MiB: one file of it; 4 KiB to 1 GiB. */
    uint64_t cache_size;       /* 64 MiB: recent entries kept in memory for applying and replicating. */
    uint64_t pending_size_max; /* 256 MiB: bytes of unanswered commands; beyond, FL_EFULL. */
    struct fl_node_limits limits;

    /* Lines for people, without newline; `level` is one of fl_log_level. NULL: nobody listens. */
    void (*log)(void *context, int level, const char *line);
    void *log_context;
};

/* Fills in the defaults given above; everything else is zero. */
void fl_node_options_init(struct fl_node_options *options);

/* What went wrong, in words: one or more lines, always terminated. */
struct fl_error_report {
    int error;
    char text[1024];
};

/* Opens the data directory, recovers the log and starts to take part. On failure *out is NULL and *report
 * says what, the facts and what to do. The machine starts empty: every entry since the first is applied
 * again. Waits for the disk, not for the network. Errors: FL_EINVAL (options that are not allowed, or
 * contradict each other or the directory), FL_ELOCKED (another process uses it), FL_EDAMAGED, FL_EVERSION,
 * FL_ECLUSTER (what it holds cannot be used), FL_EADDR, FL_ENOMEM, and what the engine fails with. */
FL_MUST_USE int fl_node_open(struct fl_node **out, struct fl_io *io, const struct fl_node_options *options,
                             const struct fl_machine *machine, struct fl_error_report *report);

/* Stops: answers what is open (FL_ESTOPPED for what was never handed to a log, FL_EUNKNOWN otherwise), ends
 * its connections, syncs, and calls `closed` once the node is freed. */
void fl_node_close(struct fl_node *node, void (*closed)(void *context), void *context);

/* Proposes a command on any member. `data` must stay where it is until the answer. FL_OK: accepted, will be
 * answered. Errors, definite: FL_ETOOBIG (above FL_COMMAND_MAX), FL_EFULL (pending_size_max), FL_ELOGFULL,
 * FL_ESTOPPED, FL_EDAMAGED. Commands proposed on one node are handed to the log in the order of the calls. */
FL_MUST_USE int fl_node_propose(struct fl_node *node, struct fl_request *request, const void *data,
                                size_t size);

/* Asks for a linearizable read: answered FL_OK at a moment when the state holds everything that was
 * acknowledged anywhere before this call. Errors: FL_EFULL, FL_ESTOPPED, FL_EDAMAGED. */
FL_MUST_USE int fl_node_read(struct fl_node *node, struct fl_request *request);

/* Answers FL_OK once at least `count` voters are known to hold the entry at `index` durably, or when
 * `timeout_us` has passed (0: never), whichever comes first; request->holders says how many do. On any
 * member: others ask the leader. Errors as for fl_node_read(). */
FL_MUST_USE int fl_node_wait(struct fl_node *node, struct fl_request *request, fl_index index, uint32_t count,
                             fl_time_us timeout_us);

/* Stands for election now, as if no leader had been heard for the election time-out. While the others hear
 * one they refuse to support that, and all stays as it was. Errors: FL_EINVAL (it leads), FL_EREFUSED (it may
 * not: it is no voter, has not met the others yet, or its disk is slow), FL_ESTOPPED, FL_EDAMAGED. */
FL_MUST_USE int fl_node_campaign(struct fl_node *node);

struct fl_node_peer {
    struct fl_node_member member;
    bool self, up, voter;
    enum fl_progress progress;         /* Meaningful on the leader, */
    fl_index match, next;              /* and these. */
    uint64_t rejections, entries_sent; /* In this leadership. */
    uint64_t conflicts_total;          /* Since the start of the process. */
    fl_time_us round_trip_us;          /* Last measured by heartbeats; 0 if unknown. */
};

/* Counts of events with a duration. Bucket k counts those up to 2^k * 10 microseconds that the bucket before
 * does not; longer ones are in `count` alone. */
struct fl_histogram {
    uint64_t buckets[20];
    uint64_t count, sum_us;
};

struct fl_node_status {
    char name[FL_NAME_MAX];
    uint8_t cluster_id[16];
    fl_id id;
    uint64_t boot; /* The boot nonce: random, new at each start. */
    enum fl_role role;
    fl_term term;
    bool has_vote, has_leader;
    fl_id vote; /* Whom it voted for in this term. */
    fl_id leader;
    bool founded; /* The founding configuration is committed. */
    bool ready;   /* Knows a leader and has applied what was committed when it met it. */
    /* Takes no part until somebody acts: a failed disk, a hole in its log, or refused by the others. Whose
     * disk failed is told as a follower that knows no leader, whatever it was. */
    bool damaged;
    char damage[256]; /* What it is, and where exactly. */
    fl_index last, durable, commit, applied;
    uint64_t time_us;        /* The log's clock: of the last applied entry. */
    uint64_t leader_time_us; /* On a leader: what the next entry would get; else 0. */
    uint64_t log_size;       /* Bytes on disk, */
    uint64_t log_used;       /* and those of them that hold something: what log_size_max limits. */
    /* FL_ELOGFULL, FL_ENOSPC (its disk, or of a leader those of a majority): while it leads, commands of 1
     * KiB are refused with that; FL_OK otherwise. */
    int log_room;
    uint64_t elections_started, elections_won, leader_changes, truncated_entries;
    uint64_t committed, refused, unknown; /* Requests answered. */
    uint64_t pending;
    struct fl_histogram sync_time, commit_time, apply_time;
    uint32_t peer_count; /* This node included, in the order of the configuration. */
    struct fl_node_peer peers[FL_MEMBERS_MAX];
};

/* Fills in *out. Cheap enough for each INFO and each scrape, too dear for each command. */
void fl_node_status(const struct fl_node *node, struct fl_node_status *out);

/* One entry of the log as it is on this node, committed or not, for people to look at. */
struct fl_log_line {
    fl_index index;
    fl_term term;
    enum fl_entry_kind kind;
    bool committed, durable;
    const void *data; /* Of a command; valid during the call. */
    size_t size;
};

/* Reads the entries [first, last] from cache or disk and calls `line` for each, in order, then `done` with
 * FL_OK or why it ended early. Errors: FL_EINVAL (an empty range), FL_EFULL (too many such reads at once). */
FL_MUST_USE int fl_node_log(struct fl_node *node, fl_index first, fl_index last,
                            void (*line)(void *context, const struct fl_log_line *line),
                            void (*done)(void *context, int result), void *context);

/* Whether "host:port" is reached from this machine alone, as far as can be told without asking a name server: 127/8
 * in numbers, [::1], localhost. Elsewhere a node needs `insecure`. */
FL_MUST_USE bool fl_address_is_loopback(const char *address);

#ifdef __cplusplus
}
#endif

#endif
