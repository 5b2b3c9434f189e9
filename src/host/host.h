/* host.h - what the files of the host share: the transport and the driver.
 *
 * The host gives a core (fairlead/raft.h) a disk, a network and a clock, through fairlead/io.h and nothing
 * else.
 *
 *   frame.c      the byte format between peers
 *   channel.c    one connection, as frames in and queues out
 *   transport.c  one connection to each peer: dialling, accepting, losing
 *   greeting.c   who is at the other end, and which connection of a pair stays
 *   clock.c      the log's clock
 *   roster.c     the members with names and addresses
 *   driver.c     runs the core: events in, work out
 *   tickets.c    what the core wants on disk, in order
 *   sender.c     messages, with entries from the cache or from disk
 *   apply.c      committed entries to the state machine
 *   forward.c    commands on their way to the leader's log
 *   reads.c      linearizable reads, and waiting for voters
 *   founding.c   how a node comes to take part
 *   options.c    what an embedder may ask for
 *   node.c       opening and closing: fairlead/node.h
 *   look.c       what people see when they look: status, log entries
 *   events.c     what happens, told when it happens */
#ifndef FAIRLEAD_HOST_H
#define FAIRLEAD_HOST_H

#include "../log/log.h"

/* ------------------------------------------------------------------------------------------------ frame.c */

#define FL__PROTOCOL_MIN 1
#define FL__PROTOCOL_MAX 1

#define FL__FRAME_HEADER_SIZE 24
#define FL__FRAME_RUNS_MAX 1024    /* Runs in a message, and in its outline. */
#define FL__FRAME_ENTRIES_MAX 1024 /* Entries in a message. */
#define FL__GREETING_SIZE_MAX 1024 /* Of a frame before the greeting is done. */
/* Of a frame after it: the largest command, or many small ones, with all that is said about them. */
#define FL__FRAME_SIZE_MAX ((size_t)FL_COMMAND_MAX + (1u << 20))

enum fl__frame_kind {
    FL__FRAME_HELLO = 1,
    FL__FRAME_REFUSE = 2,
    FL__FRAME_STATE = 3,
    FL__FRAME_PING = 4,
    FL__FRAME_MESSAGE = 5,
    FL__FRAME_FORWARD = 6,
    FL__FRAME_FORWARD_REFUSED = 7,
    FL__FRAME_PROGRESS_ASK = 8,
    FL__FRAME_PROGRESS = 9,
};

/* A frame whose header and meta have been checked. Points into what was received. */
struct fl__frame {
    enum fl__frame_kind kind;
    const uint8_t *meta, *bodies;
    size_t meta_size, bodies_size;
};

/* The size of the frame that begins at data; 0 if too little of it is there to know. FL_EMESSAGE,
 * FL_ETOOBIG. */
FL_MUST_USE int fl__frame_size(const uint8_t *data, size_t size, size_t size_max, size_t *frame_size);
/* Checks a whole frame. FL_EMESSAGE: its checksum is wrong, or nobody sends such a thing. */
FL_MUST_USE int fl__frame_open(const uint8_t *data, size_t frame_size, struct fl__frame *out);

/* Writing: begin, the meta, end. The latter fills in the header; without memory it takes the frame back, and
 * the buffer can be used again: FL_ENOMEM. What is said once and may be lost (greetings, pings, refusals)
 * does not look at that. */
size_t fl__frame_begin(struct fl__buffer *out, enum fl__frame_kind kind);
int fl__frame_end(struct fl__buffer *out, size_t begin, size_t bodies_size);
void fl__frame_put_empty(struct fl__buffer *out, enum fl__frame_kind kind);

struct fl__hello {
    uint16_t protocol_min, protocol_max;
    bool founded;
    uint8_t cluster_id[16];
    fl_id incarnation;
    uint64_t boot;
    fl_term term;
    char name[FL_NAME_MAX];
    char target[FL_NAME_MAX]; /* Whom the dialler believes to reach; empty in an answer. */
    char client[FL_ADDRESS_MAX];
};
void fl__frame_put_hello(struct fl__buffer *out, const struct fl__hello *hello);
FL_MUST_USE int fl__frame_get_hello(const struct fl__frame *frame, struct fl__hello *out);

/* Why a connection is refused. Numbers are part of the format. */
enum fl__refusal {
    FL__REFUSED_NOT = 0,
    FL__REFUSED_VERSION = 1,
    FL__REFUSED_CLUSTER = 2,
    FL__REFUSED_NOT_MEMBER = 3,
    FL__REFUSED_INCARNATION = 4,
    FL__REFUSED_DUPLICATE = 5,
    FL__REFUSED_SELF = 6,
    FL__REFUSED_WRONG_NAME = 7,
    FL__REFUSED_ROLLBACK = 8,
};
struct fl__refuse {
    enum fl__refusal why;
    uint16_t protocol_min, protocol_max;
};
void fl__frame_put_refuse(struct fl__buffer *out, enum fl__refusal why);
FL_MUST_USE int fl__frame_get_refuse(const struct fl__frame *frame, struct fl__refuse *out);
/* What a node says of itself to those it is connected with. */
struct fl__standing {
    bool takes_part, founded;
    bool is_full; /* Its disk has no space for what a leader may still take. */
};
void fl__frame_put_state(struct fl__buffer *out, const struct fl__standing *standing);
FL_MUST_USE int fl__frame_get_state(const struct fl__frame *frame, struct fl__standing *out);

struct fl__frame_entry {
    enum fl_entry_kind kind;
    uint32_t size;
    uint64_t checksum; /* As the sender says; compare with what the body gives. */
    const uint8_t *body;
};
/* Where a decoded message's arrays live. */
struct fl__message_space {
    struct fl_run runs[FL__FRAME_RUNS_MAX], outline_runs[FL__FRAME_RUNS_MAX];
    struct fl__frame_entry entries[FL__FRAME_ENTRIES_MAX]; /* Of (prev, last]. */
    uint32_t entry_count;
};
/* Writes all but the bodies, which the caller sends behind it in the order of the entries. */
FL_MUST_USE int fl__frame_put_message(struct fl__buffer *out, const struct fl_message *message,
                                      struct fl__entry *const *entries, uint32_t entry_count);
/* Gives no configurations: those are in the bodies. What the message says is for the core to judge. */
FL_MUST_USE int fl__frame_get_message(const struct fl__frame *frame, struct fl__message_space *space,
                                      struct fl_message *out);

struct fl__forward {
    fl_term term;
    uint64_t boot;
    uint32_t count;
    struct fl__cursor commands;
};
size_t fl__frame_begin_forward(struct fl__buffer *out, fl_term term, uint64_t boot);
void fl__frame_put_command(struct fl__buffer *out, uint64_t sequence, const void *data, size_t size);
int fl__frame_end_forward(struct fl__buffer *out, size_t begin, uint32_t count);
FL_MUST_USE int fl__frame_get_forward(const struct fl__frame *frame, struct fl__forward *out);
/* To be called count times. */
FL_MUST_USE int fl__frame_get_command(struct fl__forward *forward, uint64_t *sequence, const uint8_t **data,
                                      uint32_t *size);

struct fl__forward_refused {
    fl_term term;
    uint64_t boot, first, last; /* Sequences. */
    int error;
};
void fl__frame_put_forward_refused(struct fl__buffer *out, const struct fl__forward_refused *refused);
FL_MUST_USE int fl__frame_get_forward_refused(const struct fl__frame *frame, struct fl__forward_refused *out);
void fl__frame_put_progress(struct fl__buffer *out, const fl_index *durable, uint32_t count);
FL_MUST_USE int fl__frame_get_progress(const struct fl__frame *frame, fl_index durable[FL_MEMBERS_MAX],
                                       uint32_t *count);

/* ---------------------------------------------------------------------------------------------- channel.c */

struct fl__channel;

struct fl__channel_events {
    /* A frame arrived; a negative result breaks the channel. */
    int (*on_frame)(void *context, struct fl__channel *channel, const struct fl__frame *frame);
    /* Called once if the channel breaks by itself; it closes itself after that. */
    void (*on_broken)(void *context, struct fl__channel *channel, int error);
    void (*on_freed)(void *context, struct fl__channel *channel); /* The last that is heard of it. */
};

/* Part of what is to be sent: bytes of the queue's own, or an entry's body. */
struct fl__piece {
    size_t offset, size;
    struct fl__entry *entry; /* NULL: bytes. */
    bool ends_frame;
};

struct fl__bulk {
    struct fl__buffer bytes;
    struct fl__piece *pieces;
    uint32_t piece_count, piece_capacity;
    uint32_t first, sent; /* Pieces below first are done, those below sent are with the engine. */
    uint64_t waiting;     /* Bytes not done. */
};

struct fl__channel {
    struct fl_io *io;
    struct fl_io_stream *stream;
    struct fl_io_stream_events stream_events;
    const struct fl__channel_events *events;
    void *context;
    struct fl_io_op send, shutdown, close;
    bool is_sending, is_shutting_down, is_shut_down, is_closing, is_closed, is_broken;
    bool is_finishing; /* Takes nothing in; shuts down once everything is sent. */

    struct fl__buffer in; /* The beginning of a frame. */
    size_t frame_wanted;  /* Its size, once known. */
    size_t frame_size_max;

    /* Halves: one fills, the other is being sent. */
    struct fl__buffer control[2];
    struct fl__bulk bulk[2];
    uint8_t filling_control, filling_bulk;
    struct fl_io_buffer *gathered;
    uint32_t gathered_capacity;

    fl_time_us heard_at, sent_at;
    /* The transport's. */
    struct fl__channel *next;
    struct fl__slot *slot; /* NULL until it is known who is at the other end. */
    uint64_t number;       /* Rises with each connection that was greeted. */
    fl_time_us deadline;   /* Of the greeting, or of finishing. */
    bool is_dialled;       /* By this node. */
    bool is_greeted;       /* We accept the peer. */
    bool is_confirmed;     /* The peer accepts us. */
};

/* NULL: no memory; the stream is still the caller's. */
struct fl__channel *fl__channel_create(struct fl_io *io, struct fl_io_stream *stream,
                                       const struct fl__channel_events *events, void *context,
                                       fl_time_us now);
void fl__channel_start(struct fl__channel *channel);
void fl__channel_close(struct fl__channel *channel);                       /* Now. */
void fl__channel_finish(struct fl__channel *channel, fl_time_us deadline); /* Once all is sent. */
void fl__channel_flush(struct fl__channel *channel, fl_time_us now);
/* Where to write a whole frame that goes ahead of all bulk; NULL: no room, the frame is lost. */
struct fl__buffer *fl__channel_control(struct fl__channel *channel);
bool fl__channel_has_room(const struct fl__channel *channel); /* For bulk. */
/* Queues a message with its entries' bodies. FL_EFULL, FL_ENOMEM: it is lost. */
int fl__channel_send_message(struct fl__channel *channel, const struct fl_message *message,
                             struct fl__entry *const *entries, uint32_t entry_count);
/* Where to write one whole frame of bulk, NULL: no room; and the end of it, with the buffer's size before. */
struct fl__buffer *fl__channel_bulk_begin(struct fl__channel *channel);
int fl__channel_bulk_end(struct fl__channel *channel, size_t begin);

/* -------------------------------------------------------------------------------- transport.c, greeting.c */

/* Lines for people. */
struct fl__logger {
    void (*log)(void *context, int level, const char *line);
    void *context;
};
void fl__say(const struct fl__logger *logger, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Entries for one peer that are being read from disk. */
struct fl__load {
    bool is_busy;
    struct fl_node *node;
    struct fl__slot *slot;
    struct fl__wal_read read;
    struct fl_message message;
    struct fl_run *runs; /* The message's; from malloc. */
    uint64_t size_max;
};

/* One other member. */
struct fl__slot {
    bool used;
    struct fl__transport *transport;
    struct fl_node_member member; /* Its id from the greeting, or from the configuration. */
    struct fl__channel *channel;  /* Greeted. */
    struct fl__channel *dialling; /* Connected by us, not greeted. */
    bool is_up;                   /* The other side has accepted us on this channel or the one before it. */
    bool is_connecting;
    struct fl_io_op connect;
    fl_time_us connect_deadline, dial_at;
    uint32_t failures;
    uint64_t boot; /* Of its process. */
    struct fl__standing standing;
    fl_term term_promised; /* The highest term that it spoke for. */
    int logged_error;      /* What was logged last, so that each outage is logged once. */
    enum fl__refusal logged_refusal;
    uint64_t duplicate_boot; /* Of another process that claims to be it. */
    fl_time_us duplicate_at;

    /* The driver's. */
    uint64_t told_channel; /* The core was told that this connection is up. */
    struct fl__load load;
    uint64_t probe_number; /* The append whose answer gives the round trip; 0 if none. */
    fl_time_us probe_at, round_trip_us;
    fl_term forward_term; /* As a leader: its commands up to forward_last were taken in this term, */
    uint64_t forward_boot, forward_last; /* from its process of this boot nonce. */
    /* As a leader: the last of its commands; 0 if its answer is not awaited. */
    fl_index hurry;
    bool progress_asked;    /* It waits for PROGRESS. */
    uint64_t progress_told; /* The version of it that was told last, */
    fl_time_us progress_at; /* and when. */
    uint64_t conflicts_total;

    /* events.c: as a leader, its log is being made like this one's; repair_to 0: it is not. */
    fl_index repair_from, repair_to;
    uint64_t repair_sent, repair_rejections; /* The core's counts when that began. */
    bool repair_is_needed;                   /* It lacks something, as far as is known. */
    enum fl_message_type ignored;            /* The request of its that was ignored last; 0: none yet. */
    fl_time_us ignored_at;
};

struct fl__transport_events {
    void (*fill_hello)(void *context, struct fl__hello *hello);
    /* Whether to talk to whoever sent this. slot: the member of that name; NULL: there is none. */
    enum fl__refusal (*check)(void *context, const struct fl__hello *hello, const struct fl__slot *slot);
    /* A connection stands; also if it replaces another. */
    void (*on_up)(void *context, struct fl__slot *slot);
    void (*on_down)(void *context, struct fl__slot *slot);
    void (*on_state)(void *context, struct fl__slot *slot); /* Its standing may have changed. */
    int (*on_frame)(void *context, struct fl__slot *slot, const struct fl__frame *frame);
    /* Something about the member or stranger of that name, in words; level is one of fl_log_level. */
    void (*on_news)(void *context, enum fl_node_event_kind kind, const char *name, int level,
                    const char *text);
};

/* A slot is used again only when nothing of its last user is in flight. */
#define FL__SLOTS_MAX (2 * FL_MEMBERS_MAX)

struct fl__transport {
    struct fl_io *io;
    const struct fl__transport_events *events;
    void *context;
    struct fl__logger log;
    char name[FL_NAME_MAX];
    fl_time_us ping_us; /* An idle connection shows a sign of life this often. */
    struct fl_io_listener *listener;
    bool is_started; /* Connections that come earlier are closed. */
    struct fl__standing standing;
    bool standing_is_due; /* Somebody could not be told. */
    bool is_closing;
    const char *refusal; /* Why a member refused this node; NULL once one takes it. */
    void (*closed)(void *context);
    struct fl__slot slots[FL__SLOTS_MAX];
    struct fl__channel *channels;
    uint32_t greeting_count, connecting_count;
    uint64_t channel_number, bad_frames;
    fl_time_us stranger_logged_at;
    struct fl_io_op discard;
    bool discard_is_busy;
};

/* io, events, context, log, name and ping_us are the caller's to set; all else is zero. */
FL_MUST_USE int fl__transport_listen(struct fl__transport *transport, const char *address);
void fl__transport_stop_listening(struct fl__transport *transport);
/* Slots follow this list; this node's own name is left out. */
void fl__transport_set_members(struct fl__transport *transport, const struct fl_node_member *members,
                               uint32_t count);
/* Returns when to call it next. */
fl_time_us fl__transport_tick(struct fl__transport *transport, fl_time_us now);
void fl__transport_flush(struct fl__transport *transport, fl_time_us now);
void fl__transport_tell_state(struct fl__transport *transport, const struct fl__standing *standing);
void fl__transport_news(struct fl__transport *transport, enum fl_node_event_kind kind, const char *name,
                        int level, const char *format, ...) __attribute__((format(printf, 5, 6)));
void fl__transport_close(struct fl__transport *transport, void (*closed)(void *context));
struct fl__slot *fl__transport_slot(struct fl__transport *transport, fl_id id); /* NULL: nobody known. */
struct fl__slot *fl__transport_named(struct fl__transport *transport, const char *name);
/* Queues a message; without a connection or room it is lost, as messages may be. */
void fl__slot_send_message(struct fl__slot *slot, const struct fl_message *message,
                           struct fl__entry *const *entries, uint32_t entry_count);
void fl__slot_dial_later(struct fl__slot *slot);
void fl__slot_stop_dialling(struct fl__slot *slot);
void fl__slot_down(struct fl__slot *slot);
void fl__greeting_send(struct fl__transport *transport, struct fl__channel *channel, const char *target);
FL_MUST_USE int fl__greeting_take(struct fl__transport *transport, struct fl__channel *channel,
                                  const struct fl__frame *frame);

/* ------------------------------------------------------------------------------------------------ clock.c */

struct fl__clock {
    uint64_t time_us; /* The last reading, or time seen in the log. */
    fl_time_us at;    /* When, by the monotonic clock; if it is running. */
    bool is_running;
};

/* A leader that lives sent an entry of that time, of any age. */
void fl__clock_observe(struct fl__clock *clock, fl_time_us now, uint64_t time_us);
/* A leader that lives says that it is so late now; 0: it says nothing. */
void fl__clock_hear(struct fl__clock *clock, fl_time_us now, uint64_t time_us);
/* An entry of that time was found on disk, of any age. */
void fl__clock_restore(struct fl__clock *clock, uint64_t time_us);
/* What a leader puts into the log now. */
uint64_t fl__clock_now(struct fl__clock *clock, fl_time_us now, uint64_t wall_us);
/* Changes nothing. */
uint64_t fl__clock_peek(const struct fl__clock *clock, fl_time_us now, uint64_t wall_us);

/* ----------------------------------------------------------------------------------------------- roster.c */

/* A configuration with names and addresses. */
struct fl__roster {
    fl_index index; /* Of its entry; 0: the founding one, before it is in the log. */
    uint32_t count;
    struct fl_node_member members[FL_MEMBERS_MAX];
    enum fl_member_kind kinds[FL_MEMBERS_MAX];
};

FL_MUST_USE int fl__roster_encode(const struct fl__roster *roster, struct fl__buffer *out);
/* FL_EMESSAGE, FL_EVERSION. */
FL_MUST_USE int fl__roster_decode(const void *data, size_t size, fl_index index, struct fl__roster *out);
FL_MUST_USE int fl__roster_from_entry(const struct fl__entry *entry, struct fl__roster *out);
/* As the core sees it; uses `list`. */
struct fl_members fl__roster_members(const struct fl__roster *roster, struct fl_member list[FL_MEMBERS_MAX]);
const struct fl_node_member *fl__roster_find(const struct fl__roster *roster, fl_id id); /* Or NULL. */
/* Or NULL. */
const struct fl_node_member *fl__roster_named(const struct fl__roster *roster, const char *name);

/* ----------------------------------------------------------------------------------------------- the node */

#define FL__BATCH_MAX 1024                      /* Entries proposed in one piece. */
#define FL__FORWARD_WINDOW ((uint64_t)4 << 20)  /* Bytes of commands with the leader and not answered. */
#define FL__FORWARD_FRAME_MAX ((size_t)1 << 20) /* A frame of commands is closed beyond this. */
/* A leader whose disk is further behind takes no commands. */
#define FL__UNSYNCED_MAX ((uint64_t)64 << 20)
#define FL__REQUESTS_MAX (1u << 20) /* Commands, reads and waits each. */
#define FL__TICKETS_MAX 64          /* As many of the log's as the core hands out. */

/* Requests in the order in which they came; each is in at most one such queue. */
struct fl__queue {
    struct fl_request *head, *tail;
    uint32_t count;
};

enum fl__request_state {
    FL__REQUEST_NONE,
    FL__REQUEST_QUEUED, /* A command not handed to any log, or surely not in it. */
    FL__REQUEST_HANDED, /* A command that may be in the log. */
    FL__REQUEST_READ,
    FL__REQUEST_WAIT,
};

/* Their own affair. */
struct fl__tickets;  /* tickets.c */
struct fl__commands; /* forward.c */
struct fl__reads;    /* reads.c */
struct fl__log_jobs; /* look.c */

/* apply.c */
struct fl__applier {
    fl_index commit, applied;
    uint64_t time_us; /* Of the last applied entry: never decreases. */
    bool is_loading;
    struct fl__wal_read load;
    struct fl__entry **loaded; /* loaded_count of them, from loaded_first on. */
    uint32_t loaded_count;
    fl_index loaded_first;
    fl_index mark; /* For apply_time: committed here at marked_at. */
    fl_time_us marked_at;
    struct fl_histogram apply_time, commit_time;
};

/* What of the status the machine was last told of. */
struct fl__noticed {
    enum fl_role role;
    fl_term term;
    bool has_leader, ready, founded, damaged;
    fl_id leader;
    fl_index members;
};

/* events.c: what was told last, so that each thing is told once; and what is counted until the next time. */
struct fl__teller {
    enum fl_role role;
    fl_term term;
    bool has_leader;
    fl_id leader;
    uint32_t votes; /* Members who granted theirs in this election, as bits in the order of the roster. */
    bool is_new;    /* The log was empty when this life began. */
    bool is_founded, is_ready, is_catching_up, is_log_full;
};

struct fl_node {
    struct fl_io *io;
    struct fl_machine machine;
    struct fl_node_options options; /* Its texts are the copies below, or gone. */
    char *directory;
    char listen[FL_ADDRESS_MAX], advertise[FL_ADDRESS_MAX], client[FL_ADDRESS_MAX];
    struct fl__logger log;
    struct fl__identity identity;
    uint64_t boot;
    uint64_t random; /* Of the entries' seeds. */
    fl_time_us now;  /* Of the event being handled. */

    struct fl_io_file *lock;
    struct fl__wal *wal;
    struct fl__vote *vote;
    struct fl__cache *cache;
    struct fl__vote_state found_vote;
    struct fl__wal_recovered found; /* Until the core is made. */
    struct fl__wal_read last_read;  /* Of the log's last entry, for its time. */
    bool last_is_known, last_is_loading;

    struct fl_raft *raft; /* NULL until the members are known. */
    struct fl_raft_config raft_config;
    struct fl_status status; /* After the latest event; without members. */
    fl_index members_index;  /* Of the configuration that the core uses. */
    fl_term led_term;        /* The latest term that this node led. */
    fl_term durable_term;    /* The latest term that is on disk: what this node may have spoken for. */
    struct fl__roster roster, previous;
    struct fl__roster *decoded; /* Of a message being received: FL__CONFIGS_MAX of them. */
    struct fl__message_space *space;
    struct fl__entry **received; /* FL__FRAME_ENTRIES_MAX of them. */

    struct fl__transport transport;
    struct fl__clock clock;
    struct fl__tickets *tickets;
    struct fl__applier applier;
    struct fl__commands *commands;
    struct fl__reads *reads;
    struct fl__log_jobs *jobs;

    struct fl_io_op timer, wake;
    bool timer_is_set, wake_is_set;
    fl_time_us timer_at, transport_at;
    bool is_flushing, is_dirty;

    bool is_failed, is_failure_handled;
    fl_index damaged; /* The first entry that cannot be read; 0 if none. */
    char damage[256];
    struct fl__noticed noticed;
    struct fl__teller teller;
    uint64_t leader_changes, committed_count, refused_count, unknown_count;
    bool had_leader;
    fl_id last_leader;

    bool is_closing, is_transport_closed, is_wal_closed, is_vote_closed, is_lock_closed, is_lock_closing;
    struct fl_io_op lock_close;
    void (*closed)(void *context);
    void *closed_context;
};

#define FL__CONFIGS_MAX 8 /* Configurations taken from one message; a longer one is cut. */

/* -- driver.c: every event ends with fl__driver_event(), and a flush carries out what follows from it. */
extern const struct fl__transport_events fl__driver_transport_events;
void fl__driver_event(struct fl_node *node);
void fl__driver_flush(void *node);
void fl__driver_wake(struct fl_node *node);       /* A flush must come soon. */
void fl__driver_tell_state(struct fl_node *node); /* To all who are connected. */
/* The entry at `index` as the core has it now, from the cache; NULL if it is not there. Borrowed. */
struct fl__entry *fl__driver_cached(struct fl_node *node, fl_index index);
uint64_t fl__driver_time(struct fl_node *node); /* The log's clock, read as a leader. */
uint64_t fl__driver_seed(struct fl_node *node); /* For an entry. */
fl_time_us fl__driver_now(struct fl_node *node);
/* A turn that began then has lasted for long: what is left waits for the next one. */
bool fl__driver_is_late(const struct fl_node *node, fl_time_us started);
bool fl__driver_is_founded(const struct fl_node *node);
/* The node takes no part any more: everything is answered, connections end. `what` is a sentence, and says
 * what to do. */
void fl__driver_fail(struct fl_node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* -- tickets.c */
FL_MUST_USE int fl__tickets_create(struct fl_node *node);
void fl__tickets_destroy(struct fl_node *node);
void fl__tickets_take(struct fl_node *node, const struct fl_persist *persist);
void fl__tickets_on_durable(void *node, fl_ticket ticket);
uint64_t fl__tickets_unsynced(const struct fl_node *node); /* Bytes of entries taken and not durable. */

/* -- sender.c */
void fl__sender_send(struct fl_node *node, const struct fl_send *send);
void fl__sender_on_reply(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message);

/* -- apply.c */
void fl__apply_commit(struct fl_node *node, fl_index commit);
void fl__apply_some(struct fl_node *node); /* A bounded amount. */
void fl__apply_release(struct fl_node *node);

/* -- forward.c */
void fl__queue_add(struct fl__queue *queue, struct fl_request *request);
void fl__queue_remove(struct fl__queue *queue, struct fl_request *request);
void fl__queue_prepend(struct fl__queue *queue, struct fl__queue *older); /* Empties `older`. */
FL_MUST_USE int fl__forward_create(struct fl_node *node);
void fl__forward_destroy(struct fl_node *node);
FL_MUST_USE int fl__forward_add(struct fl_node *node, struct fl_request *request); /* FL_EFULL */
void fl__forward_pump(struct fl_node *node); /* Hands on what can be handed on. */
/* As a leader: the disks of so many members are full that nothing more could be committed. */
bool fl__forward_others_are_full(const struct fl_node *node);
/* An entry of that term is being applied: what it decides about commands handed under earlier ones. */
void fl__forward_verdict(struct fl_node *node, fl_term term);
/* The own request that this entry answers; NULL. It is the caller's now. */
struct fl_request *fl__forward_match(struct fl_node *node, const struct fl__entry *entry);
FL_MUST_USE int fl__forward_take(struct fl_node *node, struct fl__slot *slot, const struct fl__frame *frame);
FL_MUST_USE int fl__forward_on_refused(struct fl_node *node, const struct fl__frame *frame);
void fl__forward_committed(struct fl_node *node, fl_index commit);
void fl__forward_expire(struct fl_node *node, fl_time_us now);
void fl__forward_end(struct fl_node *node, int queued_outcome); /* Answers all. */
fl_time_us fl__forward_deadline(const struct fl_node *node);
uint64_t fl__forward_pending(const struct fl_node *node);
/* Ends a request otherwise than by its entry. */
void fl__forward_answer(struct fl_node *node, struct fl_request *request, int outcome);

/* -- reads.c */
FL_MUST_USE int fl__reads_create(struct fl_node *node);
void fl__reads_destroy(struct fl_node *node);
FL_MUST_USE int fl__reads_add(struct fl_node *node, struct fl_request *request);      /* FL_EFULL */
FL_MUST_USE int fl__reads_add_wait(struct fl_node *node, struct fl_request *request); /* FL_EFULL */
void fl__reads_pump(struct fl_node *node);
void fl__reads_confirmed(struct fl_node *node, const struct fl_read *read);
void fl__reads_applied(struct fl_node *node);
void fl__reads_progress(struct fl_node *node); /* Looks at waits, and at who asked for PROGRESS. */
FL_MUST_USE int fl__reads_on_progress(struct fl_node *node, const struct fl__slot *slot,
                                      const struct fl__frame *frame);
void fl__reads_leader_changed(struct fl_node *node);
bool fl__reads_is_ready(const struct fl_node *node);
void fl__reads_expire(struct fl_node *node, fl_time_us now);
fl_time_us fl__reads_deadline(const struct fl_node *node);
void fl__reads_end(struct fl_node *node, int outcome);
uint64_t fl__reads_pending(const struct fl_node *node);

/* -- founding.c */
/* Whether the log begins with members, even if they cannot be read: then nobody founds with this node. */
bool fl__founding_is_done(const struct fl_node *node);
void fl__founding_fill_hello(struct fl_node *node, struct fl__hello *hello);
enum fl__refusal fl__founding_check(struct fl_node *node, const struct fl__hello *hello,
                                    const struct fl__slot *slot);
/* Makes the core as soon as enough is known for it. */
void fl__founding_advance(struct fl_node *node);

/* -- options.c */
/* FL_EINVAL, and the report says which. */
FL_MUST_USE int fl__options_check(const struct fl_node_options *options, struct fl_error_report *report);
/* Whether what is asked for agrees with what the directory is. */
FL_MUST_USE int fl__options_agree(const struct fl_node_options *options, const struct fl__identity *identity,
                                  struct fl_error_report *report);
/* Fills in a report; returns error. */
int fl__report(struct fl_error_report *report, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* -- node.c */
void fl__node_maybe_closed(struct fl_node *node);

/* -- look.c */
FL_MUST_USE int fl__look_create(struct fl_node *node);
void fl__look_destroy(struct fl_node *node);
void fl__look_jobs(struct fl_node *node); /* Goes on with reads of the log for people. */
void fl__look_end(struct fl_node *node);  /* Ends them. */

/* -- events.c */
/* Something happened: a line for people, an event for the machine. Of *event the kind and the numbers are
 * read; a term of 0 stands for the node's own. */
void fl__tell(struct fl_node *node, int level, const struct fl_node_event *event, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void fl__events_note(struct fl_node *node, const struct fl_note *note); /* The core's. */
void fl__events_notice(struct fl_node *node);                           /* At the end of each turn. */
/* The status has changed from *before. */
void fl__events_status(struct fl_node *node, const struct fl_status *before);
void fl__events_message(struct fl_node *node, const struct fl_message *message); /* About to be received. */
void fl__events_received(struct fl_node *node, struct fl__slot *slot, const struct fl_message *message);
void fl__events_up(struct fl_node *node, struct fl__slot *slot); /* The core was told of it. */
void fl__events_log_full(struct fl_node *node);                  /* A command was refused for that. */

#endif
