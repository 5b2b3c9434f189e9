/* core.h - what the files of the core share.
 *
 *   error.c     the error table's words
 *   outline.c   a log as runs of terms: append, truncate, look up, describe, find the fork of two
 *   quorum.c    counting
 *   members.c   the active configuration and its predecessor; the peers that follow from it
 *   persist.c   tickets: what was handed to the disk, and what of it is durable
 *   role.c      terms, and changes of role
 *   election.c  votes and pre-votes
 *   progress.c  what a leader knows of each follower's log, and what it sends next
 *   append.c    the follower's side of replication
 *   commit.c    the commit index, and the answers that follow from it
 *   read.c      linearizable reads
 *   fetch.c     a candidate that lacks entries asks for them
 *   check.c     what makes a message or a start acceptable; the invariants
 *   raft.c      creation, events, time, looking
 *   take.c      hands out the work
 *
 * Leaf files (outline.c, quorum.c) know nothing of Raft's messages or roles.
 *
 * Invariants, asserted where they can break and all together in fl__check_invariants():
 *   I1   commit <= last, and commit never decreases.
 *   I2   durable <= last, and durable lies below the first damaged entry.
 *   I3   Terms of runs rise strictly; the last one is at most the current term.
 *   I4   Nothing at or below commit is ever truncated, and a leader truncates nothing.
 *   I5   A leader's peer: match < next <= last + 1.
 *   I6   In one term a replica votes at most once; a candidate and a leader have voted for themselves.
 *   I7   A leader has its own term's opening entry in its log; at or after it, every entry is of its term.
 *   I8   Tickets complete in order: completed <= issued; what is not handed out yet begins above what was.
 *   I9   The active configuration's entry lies in the log, its predecessor's below it.
 *   I10  A follower acknowledges at most what it holds durably and has matched with this term's leader.
 *   I11  Only a voter campaigns or leads.
 *   I12  What is folded away is durable, or was found on disk, damaged.
 *   I13  Only a leader has confirmation rounds under way; their numbers rise, to the newest at most, and no
 *        peer has echoed more than that. */
#ifndef FAIRLEAD_CORE_H
#define FAIRLEAD_CORE_H

#include <fairlead/raft.h>

/* The only functions of a C library that the core may call; a freestanding compiler may call them by
 * itself. */
void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memmove(void *to, const void *from, size_t size);
void *memset(void *to, int byte, size_t size);

#define FL__NEVER UINT64_MAX
#define FL__TERM_JUMP_MAX ((fl_term)1 << 32) /* A peer's term further ahead than this is not believed. */
#define FL__TERM_MAX ((fl_term)1 << 62)      /* No start beyond; so no sum of terms overflows. */
#define FL__PERSISTS_MAX 64                  /* Log tickets handed out and not completed. */
#define FL__PROPOSALS_MAX 64                 /* Leaderships with unanswered proposals. */
#define FL__NOTES_MAX 32
#define FL__ROUNDS_MAX 4 /* Confirmation rounds under way. */
#define FL__VOTERS_MAX 64
#define FL__STALL_TIMEOUTS                                                                                   \
    4 /* Election time-outs after which a follower that stores nothing counts no more. */

static inline uint64_t fl__min(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static inline uint64_t fl__max(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---------------------------------------------------------------------------------------------- outline.c */

/* A log known by its runs. Runs cover (base, last]; the terms of what lies below base are asked of term_at,
 * if there is one. */
struct fl__log {
    struct fl_run *runs; /* Oldest first. */
    uint32_t count, max;
    fl_index base;
    fl_term base_term;
    fl_index last;
    fl_term last_term; /* 0 if the log is empty. */
    fl_term (*term_at)(void *context, fl_index index);
    void *term_at_context;
};

fl_term fl__log_term_below(const struct fl__log *log, fl_index index);
/* The entry's term; 0 at index 0 and above last. Nearly always it is one of the last run's. */
static inline fl_term fl__log_term(const struct fl__log *log, fl_index index)
{
    if (log->count > 0 && index >= log->runs[log->count - 1].first)
        return index <= log->last ? log->last_term : 0;
    return fl__log_term_below(log, index);
}
/* The largest index <= limit whose term is <= cap; 0 if there is none. */
fl_index fl__log_last_at_most(const struct fl__log *log, fl_index limit, fl_term cap);
/* Appends `count` entries of `term`, which is at least the last one's. Whether there is room:
 * fl__log_make_room(). */
void fl__log_append(struct fl__log *log, fl_term term, fl_index count);
/* Removes what is at `from` and above. */
void fl__log_truncate(struct fl__log *log, fl_index from);
/* Makes room for `runs` more runs after the log would be cut at `from` (last + 1: not cut), folding the
 * oldest runs if need be and if the host knows their terms: those up to `known`, which is what is durable.
 * For how many there is room: `runs` at most. */
uint32_t fl__log_make_room(struct fl__log *log, fl_index known, fl_index from, uint32_t runs);
/* Copies the terms of (prev, last] as runs to `runs`, at most `max` of them; returns how many, and lowers
 * *last to what they cover. prev lies at or above base, or term_at is asked entry by entry. */
uint32_t fl__log_copy_runs_below(const struct fl__log *log, fl_index prev, fl_index *last,
                                 struct fl_run *runs, uint32_t max);
static inline uint32_t fl__log_copy_runs(const struct fl__log *log, fl_index prev, fl_index *last,
                                         struct fl_run *runs, uint32_t max)
{
    if (log->count == 0 || prev + 1 < log->runs[log->count - 1].first || prev >= *last)
        return fl__log_copy_runs_below(log, prev, last, runs, max);
    runs[0] = (struct fl_run){.term = log->last_term, .first = prev + 1}; /* Nearly always: the last run. */
    return 1;
}
/* Describes (floor, top] where top is the last index <= limit with term <= cap; uses `runs`, at most `max`.
 * Fills in everything but durable. */
void fl__log_describe(const struct fl__log *log, fl_index floor, fl_index limit, fl_term cap,
                      struct fl_run *runs, uint32_t max, struct fl_outline *out);

enum fl__fork_kind {
    FL__FORK_FOUND,        /* The logs agree up to the index, and no further. */
    FL__FORK_BELOW,        /* They part below what the outline shows; the index is where to look next. */
    FL__FORK_CONTRADICTED, /* A committed entry of the other log is not in this one. */
};
/* Where this log and the one described part. */
enum fl__fork_kind fl__log_fork(const struct fl__log *log, const struct fl_outline *other, fl_index *fork);

/* ----------------------------------------------------------------------------------------------- quorum.c */

/* The largest value that a majority of the `count` values reach. Sorts them. count >= 1. */
uint64_t fl__quorum_value(uint64_t *values, uint32_t count);
static inline uint32_t fl__quorum_size(uint32_t voters)
{
    return voters / 2 + 1;
}

/* ------------------------------------------------------------------------------------------------- struct */

/* Work for a peer, as bits. */
enum fl__todo {
    FL__DO_VOTE = 1 << 0, /* Ask for its vote or pre-vote. */
    FL__DO_VOTE_REPLY = 1 << 1,
    FL__DO_PREVOTE_REPLY = 1 << 2,
    FL__DO_APPEND = 1 << 3, /* Leader: look whether entries or a probe should go. */
    FL__DO_HEARTBEAT = 1 << 4,
    FL__DO_REJECT = 1 << 5, /* Follower: answer the append that did not fit. */
    FL__DO_ACK = 1 << 6,
    FL__DO_STALE = 1 << 7, /* Tell a leader of an older term about ours. */
    FL__DO_READ = 1 << 8,  /* Follower: ask the leader for a read index. */
    FL__DO_READ_REPLY = 1 << 9,
    FL__DO_FETCH = 1 << 10,
    FL__DO_FETCH_REPLY = 1 << 11,
};

enum fl__vote { FL__VOTE_NONE, FL__VOTE_GRANTED, FL__VOTE_REFUSED };

/* An append with entries that was sent and is not acknowledged. */
struct fl__flight {
    fl_index prev, last;
    uint64_t size;
};

/* Another member, or the one stranger whom we answer. */
struct fl__peer {
    fl_id id;
    uint32_t slot; /* Its place in raft->peers. */
    bool present, voter;
    bool is_up;           /* As far as the host told. */
    uint32_t todo;        /* enum fl__todo */
    uint64_t boot;        /* The last boot nonce seen; 0 if none. */
    uint64_t boot_number; /* As a leader: the highest number that it echoed under `boot`. */
    /* As a leader: what it must find on its disk since it restarted; 0 if it did not. */
    fl_index boot_match;

    /* As a candidate: this peer's answer, and what its outline said, in the current term. */
    enum fl__vote vote;
    bool fork_known;
    fl_index fork, fork_durable;

    /* As a voter: what to answer it. */
    bool vote_granted, vote_log_refused, prevote_granted, prevote_log_refused;
    fl_term prevote_term;

    /* As a leader. */
    enum fl_progress progress;
    fl_index match;        /* Invariant I5. Durable there, and equal to ours. */
    fl_index next;         /* The next entry to send. */
    uint64_t number;       /* Of the last append to it. */
    uint64_t reset_number; /* Answers to appends numbered below tell nothing about next. */
    uint64_t sent_number;  /* Appends numbered above this left after the last one with entries. */
    bool probing;          /* A probe is on its way. */
    bool sending;          /* The host was given entries to send and has not reported yet. */
    uint64_t sending_number;
    fl_index sending_prev;
    bool stalled;   /* The host could not load them: not before the next heartbeat. */
    fl_index hurry; /* Somebody there waits for this index to commit; 0 if nobody. */
    uint64_t round; /* The highest confirmation round that it echoed. */
    fl_time_us heard_at;
    fl_time_us moved_at;        /* When it last lacked nothing, or its log was seen to come closer to ours. */
    struct fl__flight *flights; /* A ring of window_messages. */
    uint32_t flight_first, flight_count;
    uint64_t flight_size;
    uint64_t rejections, entries_sent;

    /* As a leader: its read requests. */
    uint64_t read_boot;
    /* Its tickets, 0 if none: not in a round yet, in the one with the number read_round, confirmed. */
    uint64_t read_waiting, read_in_round, read_ready;
    uint64_t read_round;

    /* As a replica that it asked for entries. */
    fl_index fetch_prev;
    uint64_t fetch_number;
};

/* Where fl_raft_take() should look, as bits. A bit may be set in vain, never missing. */
enum fl__work {
    FL__WORK_NOTE = 1 << 0,
    FL__WORK_PERSIST = 1 << 1,
    FL__WORK_START_READ = 1 << 2, /* A round, or a request to the leader. */
    FL__WORK_COMMIT = 1 << 3,
    FL__WORK_ANSWER = 1 << 4,
    FL__WORK_READ = 1 << 5,
};

struct fl__persisting {
    fl_ticket ticket;
    fl_index last; /* Once it completes, the log is durable up to here. */
    fl_time_us since;
};

/* A confirmation round under way. */
struct fl__round {
    uint64_t number;
    fl_ticket ticket; /* Of those who wait for it here; 0 if only peers do. */
};

struct fl__proposals {
    fl_term term;
    fl_index first, last;
};

struct fl_raft {
    struct fl_raft_config config;
    struct fl_allocator allocator;
    uint64_t random;

    /* Figure 2's state. */
    fl_term term;
    bool has_vote;
    fl_id vote;
    struct fl__log log;
    fl_index commit; /* Invariant I1. */

    enum fl_role role;
    bool has_leader;
    fl_id leader;
    fl_time_us now;         /* Of the latest event. */
    fl_time_us timeout_us;  /* The current election time-out, drawn when a timer was last restarted. */
    fl_time_us election_at; /* Follower, candidate: when to campaign. */
    fl_time_us repeat_at;   /* Candidate: when to ask again. Leader: when to send heartbeats. */
    bool leader_heard;      /* Of this term's leader, within heard_at + election timeout. */
    fl_time_us heard_at;
    fl_index damaged; /* First unreadable entry; 0 if none. */

    /* The leader's opening entry: of the latest leadership. */
    fl_index opening;
    fl_term opening_term;
    enum fl_entry_kind opening_kind;

    /* Configurations: lists of members_max each. */
    struct fl_members members, previous;
    struct fl_member *members_list, *previous_list;
    bool is_voter;
    uint32_t voter_count;
    struct fl__peer *peers; /* peer_count of the configuration, then at [members_max] the stranger. */
    uint32_t peer_count;

    /* persist.c */
    bool vote_dirty;       /* Term or vote changed since they were last handed out. */
    fl_ticket vote_ticket; /* That handed them out. */
    fl_ticket ticket_issued, ticket_completed;
    fl_ticket vote_completed; /* Of votes, which may overtake the log. */
    fl_index unhanded;        /* The first entry not handed out; last + 1 if all were. */
    fl_index truncate_from;   /* A truncation not handed out; 0 if none. */
    fl_index durable;         /* Invariant I2. */
    struct fl__persisting persisting[FL__PERSISTS_MAX]; /* A ring, oldest first. */
    uint32_t persisting_first, persisting_count;
    bool slow_disk; /* Stepped down for it; until the disk answers, no campaign. */

    /* As a follower, in this term. */
    fl_index held;          /* Matched with the leader's log up to here. Invariant I10. */
    fl_index acknowledged;  /* The highest `last` that an acknowledgement said. */
    uint64_t append_number; /* The highest number received. */
    uint64_t append_round, echoed_round;
    /* Somebody was told in this term what our log holds: nothing of it is to be cut. */
    bool log_promised;
    bool echo; /* A heartbeat or a round waits for its answer. */
    fl_index reject_prev;
    fl_term reject_term;
    uint64_t reject_number;

    /* commit.c */
    fl_index commit_taken;
    fl_index match_max;                                /* As a leader: no peer's match is higher. */
    struct fl__proposals proposals[FL__PROPOSALS_MAX]; /* Oldest first. */
    uint32_t proposals_count;

    /* read.c: tickets below read_open are closed to new readers. */
    fl_ticket read_open;              /* Rises. */
    bool read_has_open;               /* Somebody waits under read_open. */
    fl_ticket read_asked;             /* Follower: the ticket in the request to the leader; 0 if none. */
    fl_ticket read_done, read_failed; /* Answers not taken yet; 0 if none. */
    fl_index read_done_index;
    uint64_t read_done_stamp;
    fl_time_us read_repeat_at;               /* Follower: when to ask the leader again. */
    uint64_t round;                          /* Leader: the number of the newest confirmation round. */
    struct fl__round rounds[FL__ROUNDS_MAX]; /* Those under way, oldest first. Invariant I13. */
    uint32_t round_count;

    /* fetch.c */
    bool fetching;
    fl_id fetch_from;
    uint64_t fetch_number; /* Of the latest request; begins at the boot nonce. */
    fl_index fetch_limit;  /* The outline asked with describes the log up to here, */
    fl_term fetch_cap;     /* and up to this term. */

    struct fl_note notes[FL__NOTES_MAX]; /* A ring, oldest first. */
    uint32_t note_first, note_count;

    uint64_t elections_started, elections_won, truncated_entries;

    /* take.c */
    uint32_t work; /* enum fl__work */
    /* Bit k: peers[k] may have something to do. Set in vain at times, never missing. */
    uint64_t send_mask;
    struct fl_message message;
    struct fl_run *message_runs; /* outline_runs_max */
};

/* ---------------------------------------------------------------------------------------------- members.c */

struct fl__peer *fl__peer_find(struct fl_raft *raft, fl_id id); /* A member; NULL. */
/* The slot through which `id` is answered: a member's, or the stranger's. */
struct fl__peer *fl__peer_slot(struct fl_raft *raft, fl_id id);
static inline void fl__peer_want(struct fl_raft *raft, struct fl__peer *peer, uint32_t todo)
{
    peer->todo |= todo;
    raft->send_mask |= (uint64_t)1 << peer->slot;
}
void fl__members_adopt(struct fl_raft *raft, const struct fl_members *members); /* Copies the list. */
/* The founding members are now the entry at `index`. */
void fl__members_found(struct fl_raft *raft, fl_index index);
void fl__members_truncate(struct fl_raft *raft, fl_index from);
void fl__members_start(struct fl_raft *raft, const struct fl_members *members,
                       const struct fl_members *previous);

/* Begins the one message under construction: what is common to all, everything else zero. */
static inline struct fl_message *fl__message_start(struct fl_raft *raft, const struct fl__peer *peer,
                                                   enum fl_message_type type)
{
    struct fl_message *message = &raft->message;
    message->type = type;
    message->granted = message->rejected = false;
    message->from = raft->config.id;
    message->to = peer->id;
    message->term = raft->term;
    message->boot = raft->config.boot;
    message->prev = message->prev_term = message->last = message->commit = message->held = 0;
    message->number = message->round = message->stamp = 0;
    message->runs = NULL;
    message->run_count = 0;
    message->outline.present = false; /* Without it the outline's other fields mean nothing. */
    return message;
}

/* ---------------------------------------------------------------------------------------------- persist.c */

bool fl__persist_take(struct fl_raft *raft, struct fl_work *work);
void fl__persist_truncated(struct fl_raft *raft, fl_index from);
static inline bool fl__persist_is_term_durable(const struct fl_raft *raft)
{
    return !raft->vote_dirty && raft->vote_completed >= raft->vote_ticket;
}
/* When the oldest unanswered ticket was handed out; FL__NEVER if there is none. */
fl_time_us fl__persist_waiting_since(const struct fl_raft *raft);

/* ------------------------------------------------------------------------------------------------- role.c */

void fl__become_follower(struct fl_raft *raft, fl_term term, bool has_leader, fl_id leader);
void fl__become_precandidate(struct fl_raft *raft);
void fl__become_candidate(struct fl_raft *raft);
bool fl__role_has_room(struct fl_raft *raft);
void fl__become_leader(struct fl_raft *raft); /* There must be room. */
void fl__role_restart_timer(struct fl_raft *raft);
uint64_t fl__role_random(struct fl_raft *raft, uint64_t below);
void fl__note(struct fl_raft *raft, struct fl_note note);

/* --------------------------------------------------------------------------------------------- election.c */

/* Campaigns if it may; FL_EREFUSED if not. */
int fl__election_start(struct fl_raft *raft);
void fl__election_ask_again(struct fl_raft *raft);
void fl__election_count(struct fl_raft *raft);
void fl__election_on_prevote(struct fl_raft *raft, const struct fl_message *message);
void fl__election_on_prevote_reply(struct fl_raft *raft, const struct fl_message *message);
void fl__election_on_vote(struct fl_raft *raft, const struct fl_message *message);
void fl__election_on_vote_reply(struct fl_raft *raft, const struct fl_message *message);
/* Whether a leader was heard of within the last election time-out (thesis §4.2.3); a leader hears itself. */
bool fl__election_is_sticky(const struct fl_raft *raft);

/* --------------------------------------------------------------------------------------------- progress.c */

void fl__progress_start(struct fl_raft *raft, struct fl__peer *peer, fl_index last);
void fl__progress_rewind(struct fl_raft *raft, struct fl__peer *peer, fl_index next,
                         enum fl_progress progress);
void fl__progress_on_reply(struct fl_raft *raft, const struct fl_message *message);
void fl__progress_on_late_vote(struct fl_raft *raft, struct fl__peer *peer, const struct fl_message *message);
int fl__progress_sent(struct fl_raft *raft, struct fl__peer *peer, uint64_t number, fl_index last,
                      uint64_t size);
void fl__progress_heartbeat_all(struct fl_raft *raft);
void fl__progress_entries_added(struct fl_raft *raft);
bool fl__progress_has_quorum(const struct fl_raft *raft);
/* Fills in raft->message with what should go to this peer now; false if nothing. */
bool fl__progress_take(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out);

/* ----------------------------------------------------------------------------------------------- append.c */

int fl__append_receive(struct fl_raft *raft, const struct fl_message *message, struct fl_accepted *accepted);
/* The first index in (prev, last] at which the message's terms differ from the log's; last + 1 if there is
 * none. */
fl_index fl__append_first_new(const struct fl__log *log, const struct fl_message *message);
bool fl__append_has_entry(const struct fl_raft *raft, fl_index index, fl_term term);
void fl__append_durable(struct fl_raft *raft);
void fl__append_fill_reply(struct fl_raft *raft, struct fl__peer *peer);
/* Replaces what conflicts and appends the rest of (prev, last], or as many of its runs as there is room for:
 * accepted->last says how far. Shared with fetch.c. */
int fl__append_entries(struct fl_raft *raft, const struct fl_message *message, bool may_truncate,
                       struct fl_accepted *accepted);

/* ----------------------------------------------------------------------------------------------- commit.c */

void fl__commit_to(struct fl_raft *raft, fl_index index);
void fl__commit_maybe_hurry(struct fl_raft *raft, struct fl__peer *peer);
void fl__commit_count(struct fl_raft *raft);
bool fl__commit_take_answer(struct fl_raft *raft, struct fl_answer *out);

/* ------------------------------------------------------------------------------------------------- read.c */

/* Role, term or leader changed: whoever waits must ask again. */
void fl__read_fail(struct fl_raft *raft);
/* Starts a round or a request if somebody waits and there is room for one. */
void fl__read_maybe_start(struct fl_raft *raft);
void fl__read_maybe_confirm(struct fl_raft *raft);
void fl__read_on_request(struct fl_raft *raft, const struct fl_message *message);
void fl__read_on_reply(struct fl_raft *raft, const struct fl_message *message);
void fl__read_repeat(struct fl_raft *raft);
bool fl__read_take(struct fl_raft *raft, struct fl_read *out);

/* ------------------------------------------------------------------------------------------------ fetch.c */

void fl__fetch_start(struct fl_raft *raft, struct fl__peer *peer);
void fl__fetch_on_request(struct fl_raft *raft, const struct fl_message *message);
int fl__fetch_on_reply(struct fl_raft *raft, const struct fl_message *message, struct fl_accepted *accepted);
void fl__fetch_fill_request(struct fl_raft *raft, struct fl__peer *peer);
void fl__fetch_fill_reply(struct fl_raft *raft, struct fl__peer *peer, struct fl_send *out);

/* ------------------------------------------------------------------------------------------------ check.c */

int fl__check_config(const struct fl_raft_config *config);
int fl__check_start(const struct fl_raft_config *config, const struct fl_raft_start *start);
/* Whether a message may be believed to be one: what every message must be, and then by its type. */
static inline bool fl__check_message(const struct fl_raft *raft, const struct fl_message *message)
{
    bool has_term = message->term > 0 || message->type == FL_MSG_PREVOTE_REPLY;
    return message->to == raft->config.id && message->from != raft->config.id && has_term &&
           message->term <= raft->term + FL__TERM_JUMP_MAX;
}
bool fl__check_entries(const struct fl_raft *raft, const struct fl_message *message);
static inline bool fl__check_append(const struct fl_raft *raft, const struct fl_message *message)
{
    /* Nearly always: entries of one term. */
    const struct fl_run *run = message->runs;
    if (message->run_count == 1 && run && message->config_count == 0 && message->last > message->prev &&
        message->last < UINT64_MAX / 2 && run->first == message->prev + 1 && run->term <= message->term &&
        run->term >= message->prev_term && run->term > 0 && (message->prev > 0) == (message->prev_term > 0))
        return true;
    return fl__check_entries(raft, message);
}
bool fl__check_append_reply(const struct fl_message *message);
bool fl__check_rare(const struct fl_raft *raft, const struct fl_message *message); /* All others. */
void fl__check_invariants(const struct fl_raft *raft);

#endif
