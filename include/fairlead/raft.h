/* fairlead/raft.h - a Raft replica as a pure state machine.
 *
 * The core takes events in (a message arrived, time passed, a write to disk completed, somebody proposes) and
 * hands work out (persist this, send that, this much is committed). It performs no I/O, reads no clock, has
 * no source of randomness but the seed it is given, starts no thread and allocates nothing after its
 * creation.
 *
 * It never sees a payload. A log, to Raft, is the sequence of its entries' terms; terms never decrease along
 * a log; so the core knows a log by its outline: a short list of runs (term, first index). The caller keeps
 * the payloads, keyed by (index, term), and moves them when the core says which.
 *
 * Five rules make every schedule of the work safe:
 *   1. Order. Work is carried out in the order it is handed out, a persist before any later persist. A
 *      message that promises something durable is not handed out before the promise is true; once taken, it
 *      may leave at once, late, twice or never.
 *   2. Ownership. What goes in is consumed or copied before the call returns. What comes out is borrowed and
 *      valid until the next call on the same replica.
 *   3. Memory. Everything is bounded by the configuration and taken from the caller's allocator at creation.
 *   4. Time. Every event carries the caller's monotonic time; fl_raft_deadline() says when to call
 *      fl_raft_tick() next if nothing else happens.
 *   5. Answers. Every accepted proposal and every accepted read is answered exactly once.
 *
 * A replica may be used from any thread, but from one at a time; any number of replicas may live in a
 * process.
 *
 * References are to "In Search of an Understandable Consensus Algorithm" (paper) and to D. Ongaro's
 * "Consensus: Bridging Theory and Practice" (thesis). */
#ifndef FAIRLEAD_RAFT_H
#define FAIRLEAD_RAFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FL_MUST_USE __attribute__((warn_unused_result))

typedef uint64_t fl_id;      /* A member: its incarnation. Every value is legal, 0 too. */
typedef uint64_t fl_term;    /* 0 is before the first election; terms of entries start at 1. */
typedef uint64_t fl_index;   /* Log index; the first entry is 1, 0 is before it. */
typedef uint64_t fl_ticket;  /* A promise to persist; rises, is never reused within one replica's life. */
typedef uint64_t fl_time_us; /* Microseconds of some monotonic clock. */

/* ------------------------------------------------------------------------------------------------ errors */

/* One table for the whole library: name, value, and what it says to people. A negative result always means
 * "refused, and nothing changed", unless its text says that the outcome is unknown. */
#define FL_ERRORS(X)                                                                                         \
    X(FL_ENOTLEADER, -1, "this replica is not the leader")                                                   \
    X(FL_ENOLEADER, -2, "no leader is known")                                                                \
    X(FL_EFULL, -3, "a configured limit is reached")                                                         \
    X(FL_EINVAL, -4, "an argument is out of range or contradicts another")                                   \
    X(FL_ENOMEM, -5, "memory could not be allocated")                                                        \
    X(FL_ESTALE, -6, "overtaken by a later event")                                                           \
    X(FL_EMESSAGE, -7, "a message is malformed or impossible")                                               \
    X(FL_EREFUSED, -8, "never applied, and never will be")                                                   \
    X(FL_EUNKNOWN, -9, "the outcome is unknown")                                                             \
    X(FL_EUNAVAILABLE, -10, "no quorum could be reached in time; nothing was done")                          \
    X(FL_ESTOPPED, -11, "the node is stopping")                                                              \
    X(FL_ELOGFULL, -12, "the log has reached its configured size")                                           \
    X(FL_EIO, -13, "an input or output operation failed")                                                    \
    X(FL_ENOSPC, -14, "no space is left on the device")                                                      \
    X(FL_EDAMAGED, -15, "stored data is damaged")                                                            \
    X(FL_ELOCKED, -16, "another process uses the data directory")                                            \
    X(FL_ENOENT, -17, "no such file or directory")                                                           \
    X(FL_EEXIST, -18, "it exists already")                                                                   \
    X(FL_ECLOSED, -19, "the other side closed the connection")                                               \
    X(FL_ECANCELED, -20, "the operation was canceled")                                                       \
    X(FL_EADDR, -21, "the address cannot be used")                                                           \
    X(FL_EUNREACHABLE, -22, "the peer cannot be reached")                                                    \
    X(FL_EVERSION, -23, "the format or protocol version is not supported")                                   \
    X(FL_ECLUSTER, -24, "it belongs to another cluster")                                                     \
    X(FL_ETOOBIG, -25, "larger than the limit")                                                              \
    X(FL_EMFILE, -26, "too many open files or connections")                                                  \
    X(FL_ETIMEOUT, -27, "it took too long")                                                                  \
    X(FL_EFBIG, -28, "the limit on the size of files is reached: raise it (ulimit -f, LimitFSIZE=)")

enum fl_error {
    FL_OK = 0,
#define FL_ERROR_ENUM(name, value, text) name = value,
    FL_ERRORS(FL_ERROR_ENUM)
#undef FL_ERROR_ENUM
};

/* The table's text for a code; "unknown error" for what is not in it. Never NULL; static storage. */
const char *fl_error_text(int error);
/* The table's name for a code, such as "FL_EFULL". Never NULL; static storage. */
const char *fl_error_name(int error);

/* Called when an invariant is broken: a bug, never bad input. Defined by whoever links the core (the host
 * defines it in libfairlead: it prints and aborts). Must not return. */
__attribute__((noreturn)) void fl_panic(const char *file, int line, const char *what);

#define fl_assert(condition) ((condition) ? (void)0 : fl_panic(__FILE__, __LINE__, #condition))

/* ----------------------------------------------------------------------------------------------- the log */

/* A maximal sequence of entries of one term. It ends before the next run's first index, or at the last index
 * of whatever the runs describe. */
struct fl_run {
    fl_term term;
    fl_index first;
};

/* What one replica tells another about its log: the newest runs of it above a floor, up to a top.
 * The runs cover (low, top]: the first run begins at low + 1. */
struct fl_outline {
    const struct fl_run *runs; /* Oldest first; borrowed. NULL if run_count is 0. */
    uint32_t run_count;
    bool present;      /* Whether the message carries an outline at all. */
    bool low_is_floor; /* low is the sender's commit index; otherwise older runs were cut off at low. */
    fl_index low;      /* The index below the oldest run carried. */
    fl_term low_term;  /* Its term; 0 at index 0. */
    fl_index top;      /* The last index described; equals low if run_count is 0. */
    fl_index last;     /* The last index of the sender's whole log. */
    fl_index durable;  /* The last index that the sender's disk is known to hold. */
};

enum fl_member_kind {
    FL_VOTER = 1,
    FL_LEARNER = 2, /* Receives the log; is neither asked for its vote nor counted. */
};

struct fl_member {
    fl_id id;
    enum fl_member_kind kind;
};

/* A configuration: who takes part. Takes effect when it enters the log, not when it commits (thesis §4.1). */
struct fl_members {
    fl_index index; /* Of the entry that carries it; 0 for the founding one, before it is in the log. */
    uint32_t count;
    const struct fl_member *list; /* Ids are distinct; at most members_max of them. Borrowed. */
};

/* ---------------------------------------------------------------------------------------------- messages */

enum fl_message_type {
    FL_MSG_PREVOTE = 1,
    FL_MSG_PREVOTE_REPLY = 2,
    FL_MSG_VOTE = 3,
    FL_MSG_VOTE_REPLY = 4,
    FL_MSG_APPEND = 5, /* AppendEntries; a heartbeat is one that carries no entry. */
    FL_MSG_APPEND_REPLY = 6,
    FL_MSG_READ = 7, /* A replica asks its leader for a read index. */
    FL_MSG_READ_REPLY = 8,
    FL_MSG_FETCH = 9, /* A candidate refused only for its log asks the refuser for what it lacks. */
    FL_MSG_FETCH_REPLY = 10,
};

/* One message between two replicas of a group. Which fields mean something depends on the type; the others
 * are zero. Payloads travel beside it: whoever carries an APPEND or FETCH_REPLY adds the payloads of (prev,
 * last]. */
struct fl_message {
    enum fl_message_type type;
    bool granted; /* Vote replies. */
    /* APPEND_REPLY: the entry at prev is missing or of another term. Vote replies: refused, and only
     * because the candidate's log lacks entries. */
    bool rejected;
    fl_id from, to;
    fl_term term;  /* The sender's term; in PREVOTE and a granted PREVOTE_REPLY the term it would have. */
    uint64_t boot; /* The sender's boot nonce: another value means that it restarted. */

    /* PREVOTE, VOTE: the candidate's last entry. APPEND, FETCH_REPLY: the entry before the first one carried.
     * APPEND_REPLY, if rejected: the prev of the append that it answers. */
    fl_index prev;
    fl_term prev_term;
    /* APPEND, FETCH_REPLY: the last entry carried, prev if none. APPEND_REPLY: up to where the sender's
     * durable log is known to match the leader's. */
    fl_index last;
    /* APPEND: the leader's commit index. READ_REPLY: the read index. */
    fl_index commit;
    /* APPEND_REPLY: up to where the sender's log, durable or not, is known to match the leader's. */
    fl_index held;
    /* APPEND: rises with each append to this peer within a leadership. APPEND_REPLY: echoes the latest
     * received. READ: the asker's ticket, READ_REPLY: echoes it. FETCH: the asker's count of such requests,
     * echoed likewise. */
    uint64_t number;
    /* APPEND: the leader's confirmation round (thesis §6.4), echoed by APPEND_REPLY. READ: the asker's boot
     * nonce, echoed by READ_REPLY. */
    uint64_t round;
    /* READ_REPLY, APPEND without entries: for the host's use, carried and never interpreted (it sends the
     * leader's clock here). */
    uint64_t stamp;

    /* APPEND, FETCH_REPLY: the terms of (prev, last] as runs, oldest first. The last run may extend past
     * last. Borrowed. */
    const struct fl_run *runs;
    uint32_t run_count;
    /* APPEND, FETCH_REPLY, on receipt: the configurations among the entries carried, in index order; decoded
     * by the receiver's host from the payloads. On sending: none. Borrowed. */
    const struct fl_members *configs;
    uint32_t config_count;

    /* VOTE_REPLY, rejected APPEND_REPLY, FETCH: the sender's log. FETCH_REPLY: low and low_term are the
     * sender's last entry, and there are no runs. */
    struct fl_outline outline;
};

/* -------------------------------------------------------------------------------------------------- work */

enum fl_work_type {
    FL_WORK_PERSIST = 1,
    FL_WORK_SEND = 2,
    FL_WORK_COMMIT = 3,
    FL_WORK_ANSWER = 4,
    FL_WORK_READ = 5,
    FL_WORK_NOTE = 6,
};

enum fl_entry_kind {
    FL_ENTRY_COMMAND = 1,
    FL_ENTRY_NOOP = 2,          /* Opens a leader's term. */
    FL_ENTRY_CONFIGURATION = 3, /* The founding leader's opening entry (and, later, membership changes). */
};

/* Make this durable, then call fl_raft_persisted(ticket). Either a term with its vote, in one atomic write,
 * or log work: cut the log before `truncate_from` (if not 0), then write the entries [first, last] (if first
 * is not 0). Writes to the log may be grouped; a term with its vote must be durable before any later persist
 * of the log reaches the disk. It may overtake earlier ones: fl_raft_vote_persisted(). */
struct fl_persist {
    fl_ticket ticket;
    bool is_vote; /* Else the log. */
    fl_term term;
    bool has_vote;
    fl_id vote;
    fl_index truncate_from;
    fl_index first, last;
};

/* Send `message`. For an APPEND or FETCH_REPLY with last > prev, add the payloads of (prev, last], or of as
 * many from prev on as `size_max` bytes allow but at least one, and report how far that was with
 * fl_raft_sent() before sending. If they are not at hand, copy the message, load them, and report then; the
 * core sends that peer no further entries until it is reported. */
struct fl_send {
    const struct fl_message *message;
    uint64_t size_max;
};

/* The proposals [first, last] of term `term` are answered: FL_OK (committed) or FL_EREFUSED. */
struct fl_answer {
    fl_term term;
    fl_index first, last;
    int outcome;
};

/* All reads with tickets up to `ticket`, not answered before: FL_OK, served from a state that has applied at
 * least `index`; or FL_ENOLEADER: ask again. */
struct fl_read {
    fl_ticket ticket;
    fl_index index;
    uint64_t stamp; /* From READ_REPLY; 0 where this replica led and confirmed the read itself. */
    int outcome;
};

enum fl_note_kind {
    FL_NOTE_ROLE = 1,      /* Role or leader or term changed: see fl_raft_status(). */
    FL_NOTE_CONFLICT = 2,  /* Leader: `peer` rejected at `index`; the logs part after `other`. */
    FL_NOTE_TRUNCATED = 3, /* Follower: entries [index, other] were cut, of term `term` at index. */
    /* `peer` contradicts a committed entry at `index`: replication to it stopped. */
    FL_NOTE_CONTRADICTION = 4,
    FL_NOTE_DATA_LOSS = 5,     /* `peer` announced less durable (other) than it acknowledged (index). */
    FL_NOTE_SLOW_DISK = 6,     /* A leader whose own disk stalls steps down. */
    FL_NOTE_QUORUM_LOST = 7,   /* A leader that hears no quorum steps down (thesis §6.2). */
    FL_NOTE_CONFIGURATION = 8, /* The active configuration is now the one of `index`. */
    FL_NOTE_FETCHED = 9,       /* A candidate took entries (index, other] from `peer`. */
    /* `peer` asked for a vote or a pre-vote (`message`) in `term`, and has none, whatever its log: this
     * replica leads, or has just heard its leader (thesis §4.2.3). Noted for each request. */
    FL_NOTE_IGNORED = 10,
};

/* Something people want to know; carries no duty. Notes are lost, oldest first, if nobody takes them. */
struct fl_note {
    enum fl_note_kind kind;
    enum fl_message_type message; /* Of FL_NOTE_IGNORED. */
    fl_id peer;
    fl_term term;
    fl_index index, other;
};

struct fl_work {
    enum fl_work_type type;
    union {
        struct fl_persist persist;
        struct fl_send send;
        fl_index commit; /* The commit index is now this; the host may apply up to it. */
        struct fl_answer answer;
        struct fl_read read;
        struct fl_note note;
    };
};

/* ----------------------------------------------------------------------------------- creation and limits */

/* How a leader moves nextIndex back after a rejection. FL_REPAIR_OUTLINE is the real one; the others are the
 * textbook's, kept so that the difference can be measured and shown on the same code. */
enum fl_repair {
    FL_REPAIR_OUTLINE = 0,
    FL_REPAIR_TERM = 1, /* One term per round trip (paper §5.3, last paragraphs). */
    FL_REPAIR_ONE = 2,  /* One index per round trip (paper Figure 2). */
};

struct fl_allocator {
    void *(*allocate)(void *context, size_t size); /* Aligned for any object; NULL if there is none. */
    void (*release)(void *context, void *memory);
    void *context;
};

struct fl_raft_config {
    fl_id id;      /* This replica. */
    uint64_t boot; /* Random, new at every start of the process. */
    uint64_t seed; /* Of the generator that spreads election time-outs. */
    /* A time-out is drawn from [this, 2 × this). At least 10 × heartbeat is wise. */
    uint64_t election_timeout_us;
    uint64_t heartbeat_us;
    uint32_t members_max;             /* Members of any configuration: 1 to 63. */
    uint32_t runs_max;                /* Runs that the log's outline may have in memory: at least 8. */
    uint32_t outline_runs_max;        /* Runs carried in one message's outline: 1 to runs_max. */
    uint32_t message_entries_max;     /* Entries in one append: at least 1. */
    uint64_t message_size_max;        /* Payload bytes in one append (one entry always fits). */
    uint64_t window_entries;          /* Entries sent to one peer and not acknowledged. */
    uint64_t window_size;             /* Payload bytes likewise (one append always fits). */
    uint32_t window_messages;         /* Appends with entries likewise: 1 to 1024. */
    uint64_t uncommitted_entries_max; /* A leader refuses proposals beyond this many uncommitted entries. */
    bool pre_vote;                    /* Thesis §9.6. */
    bool check_quorum; /* Thesis §6.2: a leader that hears no quorum steps down, or hears only such as store
                          nothing of what it sends for four election time-outs; voters that hear a leader
                          refuse other candidates (§4.2.3). */
    enum fl_repair repair;
    bool unsafe_commit_any_term; /* Figure 8's mistake, for showing it. Loses committed entries. */

    /* The term of the log's entry at `index`, for an index below the oldest run still in memory: asked only
     * when the log has had more than runs_max terms, and only for entries that are durable; answered from the
     * host's own outline of what is on disk. Entries below a truncation keep theirs. NULL: the log's terms
     * are limited to runs_max. A replica whose runs are full, and may not be let go, refuses to campaign and
     * to append a further term. */
    fl_term (*term_at)(void *context, fl_index index);
    void *term_at_context;
};

/* Fills in the defaults that the server uses; id, boot and seed are zero. */
void fl_raft_config_init(struct fl_raft_config *config);

/* What was found on disk. All zero for a new replica, but for its founding members. */
struct fl_raft_start {
    fl_term term;
    bool has_vote;
    fl_id vote;
    const struct fl_run *runs; /* The whole log, oldest first; the first run's first index is 1. Borrowed. */
    uint32_t run_count;        /* May exceed runs_max where term_at is given. */
    fl_index last;
    fl_index commit;  /* Known to be committed, at least; 0 if nothing is known. At most last. */
    fl_index damaged; /* The first entry whose payload is unreadable; 0 if none. Such a replica votes by its
                         outline, acknowledges nothing from there on and does not campaign. */
    struct fl_members members; /* The newest configuration in the log, else the founding one (index 0). */
    /* The one before it, to which a truncation would fall back. count 0 if none. */
    struct fl_members previous;
};

struct fl_raft;

/* Bytes that fl_raft_create() will ask of the allocator, in one piece; 0 if the configuration is invalid. */
size_t fl_raft_size(const struct fl_raft_config *config);

/* Creates a replica as a follower. Errors: FL_EINVAL (a limit out of range, a start that is no legal log),
 * FL_ENOMEM. On error *out is NULL. The allocator is copied, and used only here and in fl_raft_destroy(). */
FL_MUST_USE int fl_raft_create(struct fl_raft **out, const struct fl_raft_config *config,
                               const struct fl_raft_start *start, const struct fl_allocator *allocator,
                               fl_time_us now);
/* Frees the replica. Answers nothing: what was not answered is unknown (rule 5, "at a stop"). NULL is
 * allowed. */
void fl_raft_destroy(struct fl_raft *raft);

/* ------------------------------------------------------------------------------------------------ events */

/* Time has passed. Cheap; call it whenever fl_raft_deadline() is reached, or more often. */
void fl_raft_tick(struct fl_raft *raft, fl_time_us now);

/* When to call fl_raft_tick() if no other event comes first; UINT64_MAX for never. */
fl_time_us fl_raft_deadline(const struct fl_raft *raft);

/* What fl_raft_receive() did to the log: the entries [first, last] of the message are new in it, and what the
 * log held from `first` on before is gone from it. first is 0 if the log did not change. */
struct fl_accepted {
    fl_index first, last;
};

/* A message arrived. The caller keeps the payloads of what `accepted` names, and of nothing else. Returns
 * FL_OK also for messages that are late, duplicate or without effect. FL_EMESSAGE: impossible (not for this
 * replica, runs that decrease, a term out of bounds): nothing changed, and the connection it came by should
 * be closed. FL_EFULL: valid but beyond a limit (runs_max, members_max): dropped like a lost message. */
FL_MUST_USE int fl_raft_receive(struct fl_raft *raft, fl_time_us now, const struct fl_message *message,
                                struct fl_accepted *accepted);

/* Appends `count` entries (at least 1) to the leader's log; the caller keeps their payloads, of kind
 * FL_ENTRY_COMMAND, at [*first, *first + count) with term *term. Each index is answered exactly once with
 * FL_WORK_ANSWER while the replica lives. Errors: FL_ENOTLEADER, FL_EINVAL (count is 0), FL_EFULL
 * (uncommitted_entries_max, or 64 leaderships of this replica have proposals that are not answered). */
FL_MUST_USE int fl_raft_propose(struct fl_raft *raft, fl_time_us now, uint32_t count, fl_index *first,
                                fl_term *term);

/* Asks for a linearizable read (ReadIndex, thesis §6.4) on any replica that knows a leader. Reads asked
 * before the next confirmation round starts share a ticket; FL_WORK_READ answers it. Errors: FL_ENOLEADER. */
FL_MUST_USE int fl_raft_read(struct fl_raft *raft, fl_time_us now, fl_ticket *ticket);

/* All persists up to `ticket` are durable. FL_EINVAL: that ticket was never handed out. */
FL_MUST_USE int fl_raft_persisted(struct fl_raft *raft, fl_time_us now, fl_ticket ticket);
/* The term with its vote of this ticket is durable, whatever becomes of the log work that was handed out
 * before it: a log that waits for space on its disk keeps nobody from voting. FL_EINVAL: never handed out. */
FL_MUST_USE int fl_raft_vote_persisted(struct fl_raft *raft, fl_time_us now, fl_ticket ticket);

/* Reports on an FL_WORK_SEND with entries to peer `to`, by its message's number: the entries up to `last`
 * (message.prev if none: nothing could be loaded), `size` payload bytes in all, are about to leave.
 * FL_ESTALE: overtaken by a change of term, a rejection, a new connection or the peer's restart; drop the
 * message instead of sending it. */
FL_MUST_USE int fl_raft_sent(struct fl_raft *raft, fl_id to, fl_term term, uint64_t number, fl_index last,
                             uint64_t size);

/* The connection to a peer is up; what was in flight on an earlier one is lost. */
void fl_raft_peer_up(struct fl_raft *raft, fl_time_us now, fl_id peer);

/* The connection to a peer was reset or refused: its process is likely gone. A follower whose leader this
 * is asks for pre-votes soon instead of waiting out its time-out; voters that still hear the leader will
 * refuse. */
void fl_raft_peer_down(struct fl_raft *raft, fl_time_us now, fl_id peer);

/* The leader's commit index should reach `peer` as soon as it covers `index`, not with the next append:
 * somebody waits there. No effect unless this replica leads. */
void fl_raft_hurry(struct fl_raft *raft, fl_id peer, fl_index index);

/* Campaign now, without waiting for the election time-out (a founder with an empty log does, so that nobody
 * waits). With pre_vote it begins with a pre-vote. Errors: FL_EREFUSED (not a voter, damaged, runs full,
 * stepped down for a slow disk that has not answered since), FL_EINVAL (it leads already). */
FL_MUST_USE int fl_raft_campaign(struct fl_raft *raft, fl_time_us now);

/* Takes the next piece of work. True: *work is filled in; what it points to is borrowed until the next call
 * on this replica. False: nothing is left to do. Drain it after each event, or after a group of events: what
 * comes later may replace what was not taken yet (a newer acknowledgement stands for an older one). */
FL_MUST_USE bool fl_raft_take(struct fl_raft *raft, struct fl_work *work);

/* ----------------------------------------------------------------------------------------------- looking */

enum fl_role {
    FL_FOLLOWER = 0,
    FL_PRECANDIDATE = 1,
    FL_CANDIDATE = 2,
    FL_LEADER = 3,
};

struct fl_status {
    fl_id id;
    enum fl_role role;
    fl_term term;
    bool has_vote;
    fl_id vote;
    bool has_leader;
    fl_id leader;
    bool leader_ready; /* Leads, and has committed an entry of its own term. */
    fl_index last, durable, commit;
    fl_term last_term;
    uint64_t elections_started, elections_won;
    uint64_t truncated_entries;
    struct fl_members members; /* Active configuration; borrowed until the next event. */
};

/* Cheap; reads only. */
void fl_raft_status(const struct fl_raft *raft, struct fl_status *out);

enum fl_progress {
    FL_PROGRESS_PROBE = 0,   /* The fork with this peer is not known: one empty append at a time. */
    FL_PROGRESS_STREAM = 1,  /* The fork is known: entries are pipelined. */
    FL_PROGRESS_STOPPED = 2, /* The peer contradicts a committed entry. */
};

struct fl_peer_status {
    fl_id id;
    enum fl_progress progress;
    fl_index match, next; /* Meaningful on the leader. */
    bool is_up;
    bool heard;            /* Within the last election time-out; by a leader. */
    uint64_t rejections;   /* In this leadership. */
    uint64_t entries_sent; /* In this leadership: entries handed over for sending, again where repeated. */
};

/* The k-th member of the active configuration other than this replica, from 0. False if there is none. */
FL_MUST_USE bool fl_raft_peer(const struct fl_raft *raft, uint32_t k, struct fl_peer_status *out);

/* The term of the entry at `index`; 0 if the log has none there. */
fl_term fl_raft_term_at(const struct fl_raft *raft, fl_index index);

/* The kind of opening entry that a leader appended when it was elected: the caller makes up its payload when
 * FL_WORK_PERSIST names it. FL_ENTRY_COMMAND for every index that is not such an entry of this leadership. */
enum fl_entry_kind fl_raft_kind_at(const struct fl_raft *raft, fl_index index);

#ifdef __cplusplus
}
#endif

#endif
