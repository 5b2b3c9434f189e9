/* server.h - the server's other half: sessions, clients and the node. The pure half is keyspace.h.
 *
 * It touches the world through fairlead/io.h and fairlead/node.h only (the web port has threads of its own
 * instead):
 *
 *   errors.c       the codes: every error of Fairlead's own
 *   server.c       the object: opening, closing, its timers
 *   client.c       connections: bytes in, bytes out, budgets
 *   session.c      what a parsed call may do now: authentication, transactions' queues, order
 *   pending.c      calls on their way, and their replies in the order of the requests
 *   dispatch.c     writes, reads and ticks: what is asked of the node, and its answers
 *   transaction.c  MULTI, EXEC, DISCARD
 *   watch.c        WATCH, UNWATCH: what a client's next EXEC depends on
 *   wait.c         WAIT
 *   pubsub.c       who listens to which channel and pattern, and what they hear
 *   subscribe.c    SUBSCRIBE and its like, PUBSUB
 *   notify.c       keyspace notifications
 *   connection.c   PING ECHO HELLO AUTH SELECT QUIT RESET
 *   places.c       where the members are and who leads, as clients are told
 *   role.c         ROLE READONLY READWRITE ASKING, and which calls belong on another node
 *   cluster.c      CLUSTER: the members as one shard of a Redis cluster
 *   sentinel.c     SENTINEL: each member watches who leads, and tells
 *   clients.c      CLIENT: what a client says of itself, and sees of others
 *   kill.c         CLIENT KILL, UNBLOCK
 *   pause.c        CLIENT PAUSE, UNPAUSE
 *   config.c       CONFIG GET and SET
 *   setting.c      what they tell and set; redis_settings.inc: Redis' names that have no effect here
 *   rewrite.c      CONFIG REWRITE
 *   info.c         INFO
 *   memory.c       MEMORY, but for MEMORY USAGE
 *   stats.c        how often each command was called, how long it took, which errors there were
 *   slowlog.c latency.c function.c  SLOWLOG, LATENCY, FUNCTION
 *   look.c         FAIRLEAD: what the command line asks
 *   events.c       FAIRLEAD EVENTS: what the node told of its life
 *   json.c         texts in JSON, written and read
 *   view.c         FAIRLEAD VIEW: the node as a picture of the cluster shows it
 *   status.c       the snapshot: what people look at; its JSON
 *   metrics.c      the snapshot as Prometheus' text
 *
 * The web port has threads of its own: see web.h.
 *
 * One rule keeps this half simple: the node is asked for something only while a client's bytes are handled or
 * by the server's own timers, never within one of the node's answers. What an answer makes possible is put on
 * a list and done by the kick, a timer that is due at once. */
#ifndef FAIRLEAD_SERVER_INTERNAL_H
#define FAIRLEAD_SERVER_INTERNAL_H

#include "keyspace.h"

/* Everything that a client can make grow has a limit. */
#define FL__PIPELINE_MAX 1024                  /* Calls of one client on their way; beyond, it is not read. */
#define FL__PENDING_MAX (1u << 18)             /* Calls on their way, of all clients. */
#define FL__WAITS_MAX 16384                    /* WAITs on their way, those of vanished clients too. */
#define FL__CREDIT (64u << 10)                 /* Bytes that a client may send beyond what was handled. */
#define FL__CLIENTS_MEMORY_MAX (1ull << 30)    /* Buffers of all clients. */
#define FL__CLIENT_OUTPUT_MIN (1u << 20)       /* Least value of client_output_max. */
#define FL__SUBSCRIPTIONS_MAX (1u << 17)       /* Of one client: channels and patterns, */
#define FL__SUBSCRIPTIONS_SIZE_MAX (32u << 20) /* and what they take, names included. */
#define FL__MESSAGES_SIZE_MAX (32u << 20) /* Messages that a client has not read; or client_output_max. */
#define FL__PASSWORD_SIZE_MAX 512
#define FL__REDIS_VERSION "7.0.15" /* What clients are told: they look at it to know what they may ask. */
#define FL__ROUND_US 100000u       /* From one round of the server's timer to the next. */

/* ------------------------------------------------------------------------------------------------- list.c */

/* The head of a circular list, or an element within another struct. Who is in no list points to itself. */
struct fl__link {
    struct fl__link *next, *previous;
};

void fl__link_init(struct fl__link *link);
bool fl__link_is_alone(const struct fl__link *link);
void fl__link_remove(struct fl__link *link);
/* At the end; no effect on who is in a list. */
void fl__link_append(struct fl__link *head, struct fl__link *link);
/* Moves everything from one list to another, so that what is put back into the first is not met again. */
void fl__link_take_all(struct fl__link *from, struct fl__link *to);
#define fl__container(pointer, type, member) ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

/* ----------------------------------------------------------------------------------------------- errors.c */

/* See the table in errors.c. Never reused, never renumbered. */
enum fl__code {
    FL__CODE_NO_QUORUM = 3001,
    FL__CODE_STOPPING = 3002,
    FL__CODE_MEMORY_MAX = 3003,
    FL__CODE_UNKNOWN = 3004,
    FL__CODE_LOG_FULL = 3005,
    FL__CODE_TOO_BIG = 3006,
    FL__CODE_BUSY = 3007,
    FL__CODE_DAMAGED = 3008,
    FL__CODE_REFUSED = 3009,
    FL__CODE_NO_MEMORY = 3010,
    FL__CODE_ANSWER_LOST = 3011,
    FL__CODE_TRANSACTION_TOO_BIG = 3012,
    FL__CODE_NOT_IN_TRANSACTION = 3013,
    FL__CODE_CLIENT_MEMORY = 3014,
    FL__CODE_IO = 3015,
    FL__CODE_SUBSCRIPTIONS = 3020,
    FL__CODE_NOT_HERE = 3030,
};

/* An error reply: the code's word, text and code: "CLUSTERDOWN ... [FL3001]". */
void fl__error(struct fl__reply *reply, enum fl__code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The error reply to a write or a read that the node answered with `outcome`. */
void fl__error_outcome(struct fl__reply *reply, struct fl_server *server, int outcome, bool is_write);

/* ------------------------------------------------------------------------------------ status.c, metrics.c */

/* What people look at, all of one moment. A plain value: the web port's thread has a copy. */
struct fl__snapshot {
    struct fl_node_status node;
    struct fl_server_counts counts;
    uint64_t expires, expired, hits, misses, clients_memory, clients_refused, process_id, memory_max;
    uint64_t clients_accepted, clients_max, bytes_received, bytes_sent, applied_commands, log_max;
    uint64_t events[FL_NODE_EVENT_KINDS]; /* How many of each kind. */
    uint64_t wall_us;                     /* This machine's clock. */
    fl_time_us uptime_us, election_timeout_us, heartbeat_us;
    fl_time_us leaderless_us; /* How long no leader is known; 0: one is. */
    bool broken;              /* As in struct fl_server. */
    char listen[FL_ADDRESS_MAX], peer[FL_ADDRESS_MAX], web[FL_ADDRESS_MAX], version[64];
};

void fl__snapshot_take(struct fl_server *server, struct fl__snapshot *out);
/* Voters, and how many of them are reached from here, this node included. */
void fl__snapshot_voters(const struct fl_node_status *status, uint32_t *voters, uint32_t *up);
/* "healthy", "degraded: 2 of 3 up, tolerates 0 more", "unavailable", "unknown". */
void fl__snapshot_health(const struct fl__snapshot *snapshot, char *out, size_t out_size);
const char *fl__snapshot_leader(const struct fl__snapshot *snapshot); /* Its name; "" if there is none. */
const char *fl__role_text(enum fl_role role);
char *fl__snapshot_json(const struct fl__snapshot *snapshot); /* One object, from malloc; NULL: no memory. */
/* Prometheus' text. calls: uses of each row of the table. */
void fl__metrics_write(struct fl__reply *out, const struct fl__snapshot *snapshot, const uint64_t *calls);
/* process.c: and what the operating system says of the process, as far as it does. */
void fl__process_write(struct fl__reply *out);

/* ---------------------------------------------------------------------------------- setting.c, rewrite.c */

#define FL__SETTINGS_MAX 256  /* Names of settings. */
#define FL__SETTING_SIZE 1040 /* A value as text, terminated. */

/* Settings have numbers, from 0. */
uint32_t fl__setting_count(void);
uint32_t fl__setting_find(struct fl__bytes name); /* fl__setting_count(): there is none. */
const char *fl__setting_name(uint32_t setting);
bool fl__setting_is_option(uint32_t setting); /* `serve` has an option of that name. */
/* It was set to another value than it had, and nothing depends on it. */
bool fl__setting_is_unused(const struct fl_server *server, uint32_t setting);
void fl__setting_get(const struct fl_server *server, uint32_t setting, char out[FL__SETTING_SIZE]);
/* NULL: done, or could be if not `change`. Else why not, and nothing changed. */
const char *fl__setting_set(struct fl_server *server, uint32_t setting, struct fl__bytes value, bool change);
void fl__setting_release(struct fl_server *server);
struct fl__rewrite; /* CONFIG REWRITE at work. */

/* ------------------------------------------------------------------------------------------------ stats.c */

#define FL__USAGE_POWERS 32 /* The last one takes in all that took longer. */
#define FL__ERROR_WORDS_MAX 64
#define FL__ERROR_WORD_SIZE 24

/* Of one row of the table, since CONFIG RESETSTAT. by_power[k]: calls that took at most 2^k microseconds, and
 * more than the power before. */
struct fl__usage {
    uint64_t calls, usec, rejected, failed;
    uint64_t by_power[FL__USAGE_POWERS];
};

/* Error replies, all and by their first word. */
struct fl__errors {
    uint64_t total;
    struct {
        char word[FL__ERROR_WORD_SIZE];
        uint64_t count;
    } words[FL__ERROR_WORDS_MAX];
};

/* What counters that never go back were at the last CONFIG RESETSTAT. */
struct fl__counted {
    uint64_t commands, accepted, refused, expired, hits, misses;
};

/* What was replied from there on; empty if nothing was. */
static inline struct fl__bytes fl__reply_since(const struct fl__reply *reply, size_t at)
{
    return at < reply->size ? (struct fl__bytes){reply->data + at, reply->size - at} : (struct fl__bytes){0};
}

void fl__stats_taken(struct fl_server *server, const struct fl__command *command);
/* Refused before it began; command may be NULL. The reply may be empty: nobody wanted it. */
void fl__stats_refused(struct fl_server *server, const struct fl__command *command, struct fl__bytes reply);
void fl__stats_done(struct fl_server *server, const struct fl__command *command, fl_time_us duration,
                    struct fl__bytes reply);

/* ---------------------------------------------------------------------------------------------- slowlog.c */

#define FL__SLOWLOG_MAX 16384 /* Entries, whatever is asked for. */

bool fl__slowlog_wants(const struct fl_server *server, fl_time_us duration); /* It is to be logged. */
void fl__slowlog_add(struct fl__client *client, const struct fl__command *command,
                     const struct fl__bytes *args, uint32_t arg_count, fl_time_us duration);
void fl__slowlog_limit(struct fl_server *server, uint32_t count);
void fl__slowlog_release(struct fl_server *server);

/* ------------------------------------------------------------------------ pubsub.c, subscribe.c, notify.c */

enum fl__topic_kind { FL__TOPIC_CHANNEL, FL__TOPIC_PATTERN, FL__TOPIC_SHARD };
#define FL__TOPIC_KINDS 3

struct fl__pubsub;     /* Who listens to what. */
struct fl__subscriber; /* What one client listens to. */

struct fl__pubsub *fl__pubsub_create(uint64_t hash_seed); /* NULL: no memory. */
void fl__pubsub_destroy(struct fl__pubsub *pubsub);       /* NULL is allowed. Its clients are gone. */
/* From now on hears what the store applies; of events nothing if `notify` is empty. */
void fl__pubsub_listen(struct fl_server *server);
void fl__pubsub_leave(struct fl__client *client); /* It listens to nothing any more, and isn't told so. */
/* To those on this node who listen to the channel, by its name or by a pattern; returns how many copies that
 * was. May be called at any time but within a local command, whose reply may be half written. Nobody is
 * disconnected before the flush. */
uint64_t fl__pubsub_deliver(struct fl_server *server, struct fl__bytes channel, struct fl__bytes message);
/* FL_ETOOBIG: a limit is reached; FL_ENOMEM. Nothing has changed then. Twice is as good as once. */
FL_MUST_USE int fl__pubsub_subscribe(struct fl__client *client, enum fl__topic_kind kind,
                                     struct fl__bytes name);
void fl__pubsub_unsubscribe(struct fl__client *client, enum fl__topic_kind kind, struct fl__bytes name);
/* A client's oldest subscription of a kind; false: there is none. */
bool fl__pubsub_first(const struct fl__client *client, enum fl__topic_kind kind, struct fl__bytes *name);
/* Goes through what is listened to on this node; *at is NULL at first, and again behind the last one. */
bool fl__pubsub_next(const struct fl_server *server, enum fl__topic_kind kind, const struct fl__link **at,
                     struct fl__bytes *name);
uint32_t fl__pubsub_listeners(const struct fl_server *server, enum fl__topic_kind kind,
                              struct fl__bytes name);
/* A client of RESP2 that listens could not tell a message from a reply: it may call little. */
bool fl__pubsub_allows(const struct fl__client *client, const struct fl__command *command);
size_t fl__pubsub_memory(const struct fl__client *client);
/* How many of a kind a client listens to, are listened to by anybody; and how many clients listen. */
uint32_t fl__pubsub_count(const struct fl__client *client, enum fl__topic_kind kind);
uint32_t fl__pubsub_topics(const struct fl_server *server, enum fl__topic_kind kind);
uint32_t fl__pubsub_clients(const struct fl_server *server);

/* Classes of events as letters, as in notify-keyspace-events; a set of these is 32 bits. False: no such. */
#define FL__NOTIFY_SIZE 20
FL_MUST_USE bool fl__notify_parse(struct fl__bytes text, uint32_t *classes);
void fl__notify_print(uint32_t classes, char out[FL__NOTIFY_SIZE]); /* Terminated. */
/* A listener's `event`. */
void fl__notify_event(void *server, enum fl__event event, const char *name, struct fl__bytes key);
#define FL__NOTIFY_PREFIX_MAX 16 /* Of a channel that tells events of a key. */

/* ----------------------------------------------------------------------------------------------- events.c */

struct fl__events;
struct fl__events *fl__events_create(void); /* NULL: no memory. */
void fl__events_destroy(struct fl__events *events);
void fl__events_keep(struct fl__events *events, const struct fl_node_event *event);
void fl__events_counts(const struct fl__events *events, uint64_t out[FL_NODE_EVENT_KINDS]);
const char *fl__events_name(enum fl_node_event_kind kind);
/* Which events are asked for: the oldest `count` of those numbered from `since` on; the newest ones if since
 * is negative. */
struct fl__events_range {
    int64_t since, count;
};
/* args[2] and on: SINCE and COUNT, in any order; false: an error was replied. */
FL_MUST_USE bool fl__events_range_parse(const struct fl__bytes *args, uint32_t arg_count,
                                        struct fl__reply *reply, struct fl__events_range *out);
/* Three replies: the boot nonce, the next sequence, the events. */
void fl__events_reply(const struct fl_server *server, const struct fl__events_range *range,
                      struct fl__reply *reply);

/* ------------------------------------------------------------------------------------------------- json.c */

void fl__json_text(struct fl__reply *out, const char *text); /* Quoted; what cannot be shown as "?". */
/* The character NUL, as it is or as an escape, or what cJSON takes for it. */
bool fl__json_has_nul(const char *json, size_t size);

/* ----------------------------------------------------------------------------------------------- server.c */

#define FL__PLACE_ID_SIZE 41

/* A member as clients are told of it. */
struct fl__place {
    char id[FL__PLACE_ID_SIZE]; /* 40 hex digits, the same on each node, always. */
    char host[FL_ADDRESS_MAX];  /* An IPv6 address without its brackets. */
    uint16_t port, peer_port;
    bool self, up, is_voter;
    fl_index offset; /* The last entry that it is known to hold; 0: not known here. */
    fl_index match;  /* The same, as this node knew it when it led last. */
};

struct fl_server {
    struct fl_io *io;
    struct fl_node *node; /* NULL before it is open and after it is closed. */
    struct fl__store *store;
    struct fl__events *events;
    struct fl_server_options options; /* Its texts are the copies below. */
    char listen[FL_ADDRESS_MAX], client[FL_ADDRESS_MAX], peer[FL_ADDRESS_MAX], web[FL_ADDRESS_MAX];
    char name[FL_NAME_MAX], sentinel_name[FL_NAME_MAX], version[64], password[FL__PASSWORD_SIZE_MAX + 1],
        run_id[41];
    fl_time_us started;
    fl_time_us now; /* As of the latest event. */
    bool is_leader; /* And serves as one. */
    bool broken;    /* The keyspace cannot follow the log: memory ran out. */
    bool is_out;    /* fl__server_is_out(), as of the last round; at first as its node was opened. */
    bool stopping;
    fl_time_us missed_told_at; /* When the log last told of clients without a descriptor; 0: never. */
    fl_time_us send_away_at;   /* The clients, because it serves nobody any more; 0: they may stay. */

    /* places.c's: */
    fl_id led_by;                       /* The last leader that this node knew, */
    bool has_led;                       /* if it knew one. */
    bool is_led;                        /* It knows one now; */
    fl_time_us leaderless_since;        /* else since when it does not. */
    bool is_led_elsewhere;              /* Another member leads, and its address is known. */
    struct fl__place told;              /* Who was told as leading, as of the last notice. */
    uint32_t places_count, places_down; /* As of the last round: places told, and a bit for each not up. */

    struct fl_io_listener *listener;
    struct fl__link clients;   /* All of them. */
    struct fl__link dirty;     /* Those with something to send, or to be closed. */
    struct fl__link resumable; /* Those whose next call may start now. */
    /* Those whose next read waits for the log's clock, or WAIT for the next round. */
    struct fl__link ticking;
    uint32_t client_count;  /* Without those being closed. */
    uint32_t refused_count; /* Clients beyond the limit, still being told so. */
    uint64_t work;          /* What reads have spent since the latest kick or round. */
    uint64_t next_client_id, clients_accepted, clients_refused, clients_memory;
    /* FL__CREDIT bytes: what was received is parsed here if nothing is left over from before. */
    char *scratch;

    struct fl__pending *free;
    uint32_t free_count, pending_count, wait_count;

    struct fl_request tick;
    bool tick_is_open, tick_is_wanted; /* With the node; to be proposed by the next kick. */

    struct fl_io_op kick, round, spare; /* spare: closes a stream that there is no memory for. */
    bool kick_is_set, round_is_set;
    uint32_t rounds;

    uint64_t read_seed; /* What chance in reads is made of; from a random beginning. */
    struct fl__pubsub *pubsub;
    uint32_t notify; /* Which events are told to whom listens: see fl__notify_parse(). */
    char notify_channel[FL__NOTIFY_PREFIX_MAX + FL__KEY_SIZE_MAX];
    fl_time_us pause_until; /* CLIENT PAUSE: writes wait, or all calls; 0: none do. */
    bool pause_is_all;

    uint64_t command_count, applied_commands, bytes_received, bytes_sent;
    uint64_t *calls;         /* By row of the table. */
    struct fl__usage *usage; /* Likewise. */
    struct fl__errors errors;
    struct fl__counted counted_from;
    struct fl__slow *slow; /* The newest. */
    uint32_t slow_count, slow_max;
    uint64_t slow_next_id;
    int64_t slower_than_us; /* Negative: nothing is logged. */

    char *stored[FL__SETTINGS_MAX];        /* Of settings that are only kept; NULL: as at first. */
    bool setting_is_set[FL__SETTINGS_MAX]; /* By CONFIG SET or a line "redis.NAME": to be saved. */
    fl_time_us idle_timeout_us;            /* Clients that say nothing for longer are cut off; 0: none. */
    char *config_file;                     /* NULL: there is none. */
    char directory[1024];
    struct fl__rewrite *rewrite; /* In progress; NULL: none is. */
    void (*publish)(void *context, const struct fl__snapshot *snapshot);
    void *publish_context;
    bool publish_is_due;
    void (*closed)(void *context);
    void *closed_context;
};

void fl__server_log(const struct fl_server *server, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* It serves nobody until somebody acts: its node is damaged, or its keyspace cannot follow. */
bool fl__server_is_out(const struct fl_server *server, const struct fl_node_status *node);
void fl__server_kick(struct fl_server *server); /* Lets the kick run soon. */
/* `publish` is called at once and at every round from now on; NULL: no more. */
void fl__server_watch(struct fl_server *server,
                      void (*publish)(void *context, const struct fl__snapshot *snapshot), void *context);
void fl__server_client_gone(struct fl_server *server); /* Goes on with closing, if that was the last one. */

/* ---------------------------------------------------------------------------------------------- pending.c */

/* Arguments kept beyond the receive buffer: an array and the bytes behind it, in one piece aligned for
 * pointers. */
size_t fl__args_size(const struct fl__bytes *args, uint32_t arg_count);
struct fl__bytes *fl__args_pack(void *out, const struct fl__bytes *args, uint32_t arg_count);

enum fl__pending_kind {
    FL__PENDING_TEXT,  /* Answered when it was made; it only waits for its turn. */
    FL__PENDING_WRITE, /* A command or a transaction. */
    FL__PENDING_PROBE, /* FAIRLEAD PROBE: a tick, answered +OK. */
    FL__PENDING_READ,
    FL__PENDING_READ_TRANSACTION, /* A transaction without writes. */
    FL__PENDING_WATCH,            /* A read of its keys' revisions, which stay with the client. */
    FL__PENDING_SUBSCRIBE,
    FL__PENDING_WAIT,
    FL__PENDING_LOG,  /* FAIRLEAD LOG and VIEW. */
    FL__PENDING_FILE, /* CONFIG REWRITE. */
};

/* A call on its way. It is in its client's queue from its beginning until its reply is among the client's
 * output, and belongs to the node while with_node. It outlives its client if it must. */
struct fl__pending {
    struct fl_request request; /* Its owner is this struct. */
    struct fl_server *server;
    struct fl__client *client; /* NULL: it went away; nobody wants the answer. */
    struct fl__pending *next;  /* In the client's queue, or among the free ones. */
    const struct fl__command *command;
    enum fl__pending_kind kind;
    uint8_t protocol;
    bool silent; /* CLIENT REPLY OFF or SKIP. */
    bool answered, with_node;
    bool confirmed;  /* A read: the node said that now is the moment. */
    bool subscribes; /* It, or a command of the transaction, is of FL__CLASS_SUBSCRIBE. */
    bool is_direct;  /* Its reply goes into the client's output, from reply_at on. */
    size_t reply_at;
    fl_time_us started, deadline;
    /* WRITE, READ_TRANSACTION: the entry. READ, WATCH, SUBSCRIBE: the arguments. In room, or from malloc. */
    char *data;
    size_t size;
    struct fl__bytes *args; /* READ, WATCH, SUBSCRIBE. */
    uint32_t arg_count;
    struct fl__hole *holes; /* Of a transaction: its LOCAL commands. */
    struct fl__reply reply; /* If it was answered before its turn. */
    fl_index index;         /* WAIT: the client's last write. */
    uint32_t count;         /* WAIT: how many voters are to hold it. LOG: lines so far. */
    fl_time_us until;       /* WAIT: 0 is for ever. */
    uint64_t room[40];
};

/* A new one at the end of the client's queue. NULL: too many, or no memory: answer FL__CODE_BUSY. */
struct fl__pending *fl__pending_begin(struct fl__client *client, enum fl__pending_kind kind,
                                      const struct fl__command *command);
FL_MUST_USE bool fl__pending_reserve(struct fl__pending *p, size_t size); /* p->data; false: no memory. */
void fl__pending_adopt(struct fl__pending *p, char *data, size_t size);   /* p->data, from malloc. */
/* Where its reply goes; NULL if nobody wants it. Followed by fl__pending_end(), after which p is no more. */
struct fl__reply *fl__pending_reply(struct fl__pending *p);
void fl__pending_end(struct fl__pending *p);
/* The client's first call has its reply, though the node still works on it: the client goes on without. */
void fl__pending_leave(struct fl__pending *p);
void fl__pending_fail(struct fl__pending *p, int outcome); /* Answers with an error; p is no more. */
void fl__pending_abandon(struct fl__client *client);       /* The client goes away: its calls lose it. */
void fl__pending_free_all(struct fl_server *server);

/* ----------------------------------------------------------------------------------------------- client.c */

/* What may be on its way at the same time, so that a connection's calls work as if one came after the
 * other. */
enum fl__flight {
    FL__FLIGHT_NONE,
    FL__FLIGHT_READS,
    FL__FLIGHT_WRITES,
    FL__FLIGHT_SUBSCRIBES,
    FL__FLIGHT_ALONE
};

/* What WATCH noted: the conditions of the next EXEC, written as the entry will have them. */
struct fl__watched {
    char *conditions; /* From malloc. */
    size_t size, capacity;
    uint32_t count;
    uint32_t open; /* WATCHes on their way. */
    bool failed;   /* One of them was not answered with OK: EXEC will be refused. */
};

struct fl__client {
    struct fl__link all, dirty, resume, tick;
    struct fl_server *server;
    struct fl_io_stream *stream;
    uint64_t id;
    fl_time_us created, active; /* When it came; when it last sent something. */
    fl_time_us progress;        /* When a byte last moved, in or out. */
    fl_time_us anonymous_since; /* When it came, or RESET took its authentication away. */

    /* Bytes in, not handled yet. While stalled, parser.args is a call that may not start yet: the first
     * stalled_used of these bytes. */
    struct fl__parser parser;
    char *query;
    size_t query_start, query_size, query_capacity;
    uint64_t credit; /* Bytes that may still come. */
    bool stalled;
    size_t stalled_used;

    struct fl__pending *first, *last; /* Calls on their way, oldest first. */
    uint32_t depth;
    enum fl__flight flight;

    struct fl__reply out; /* Bytes to be sent next. */
    char *sending;
    size_t sending_size, sending_capacity;
    bool is_sending;
    struct fl_io_op send, shutdown, close;

    uint8_t protocol;
    bool authenticated, no_evict, no_touch;
    bool readonly; /* READONLY: it wants its reads done by the node that it asks. */
    bool reply_off, reply_skip, reply_skip_next;
    bool in_exec; /* A local command runs as part of a transaction's answer. */
    /* A local command says that its reply comes later, through a pending; or that it is a push, which
     * CLIENT REPLY does not withhold. */
    bool deferred;
    char *name, *library, *library_version;
    const struct fl__command *last_command;
    fl_index last_write;
    struct fl__multi *multi;           /* transaction.c's; NULL outside of transactions. */
    struct fl__subscriber *subscriber; /* pubsub.c's; NULL: listens to nothing. */
    struct fl__watched watched;

    uint32_t ops; /* Of the above, in flight. */

    bool refused;                /* Beyond clients_max. */
    bool ended;                  /* The other side has shut down its half. */
    bool closing;                /* Takes no more calls; is closed once everything is sent. */
    bool is_shutdown, is_closed; /* Everything is sent and the other side told; only the memory is left. */
    fl_time_us close_by;
    size_t memory; /* As counted in clients_memory. */
};

void fl__client_accept(void *server, struct fl_io_stream *stream);
void fl__client_start(struct fl__client *client);       /* Begins to receive; once the node is open. */
void fl__client_touch(struct fl__client *client);       /* There is something to send: flush soon. */
void fl__client_resume_soon(struct fl__client *client); /* Its next call may be able to start. */
void fl__client_resume(struct fl__client *client);      /* Handles what was received and could not start. */
void fl__client_flush(struct fl__client *client);       /* Sends; closes it if its time has come. */
void fl__client_finish(struct fl__client *client); /* No more calls; closed once all is answered, sent. */
void fl__client_cut(struct fl__client *client, const char *why); /* Closes it now; logs why, unless NULL. */
bool fl__client_is_full(const struct fl__client *client); /* It should read before it gets more replies. */
void fl__client_account(struct fl__client *client); /* Counts its memory; cuts it off if all have too much. */
void fl__client_check(struct fl__client *client);   /* Budgets of time. */
FL_MUST_USE bool fl__client_set_text(char **slot, struct fl__bytes text); /* Empty: NULL. False: no memory. */
struct fl__client *fl__client_by_id(struct fl_server *server, int64_t id); /* NULL: there is none. */
/* One of Redis' types of clients: false, it is none. */
FL_MUST_USE bool fl__client_type_parse(struct fl__bytes name, bool *listening, bool *normal);
bool fl__client_name_is_valid(struct fl__bytes name); /* Nothing that would break the lines of CLIENT LIST. */

/* ---------------------------------------------------------------------------------------------- session.c */

/* One parsed call. False: it may not start yet, and nothing happened. */
FL_MUST_USE bool fl__session_call(struct fl__client *client, const struct fl__bytes *args,
                                  uint32_t arg_count);
void fl__session_reset(struct fl__client *client);
bool fl__session_may_start(const struct fl__client *client, enum fl__flight flight);
bool fl__session_is_over_memory(const struct fl_server *server); /* maxmemory is exceeded. */
FL_MUST_USE bool fl__session_login(struct fl__client *client, struct fl__bytes user,
                                   struct fl__bytes password);

/* --------------------------------------------------------------------------------------------- dispatch.c */

void fl__dispatch_write(struct fl__client *client, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count);
void fl__dispatch_read(struct fl__client *client, const struct fl__command *command,
                       const struct fl__bytes *args, uint32_t arg_count);
void fl__dispatch_watch(struct fl__client *client, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count);
void fl__dispatch_propose(struct fl__pending *p, const void *data, size_t size);
void fl__dispatch_ask(struct fl__pending *p); /* A read: asks for its moment. */
/* Answers the client's confirmed reads, in order, as far as the log's clock and its output allow. */
void fl__dispatch_advance(struct fl__client *client);
/* Asks again, or gives up, for those on the ticking list. */
void fl__dispatch_round(struct fl_server *server);
void fl__dispatch_tick(struct fl_server *server); /* Proposes a tick unless one is on its way. */
void fl__dispatch_apply(void *server, const struct fl_entry *entry, struct fl_request *request);
void fl__dispatch_answer(void *server, struct fl_request *request, int outcome);

/* ------------------------------------------------------------------------ transaction.c, watch.c, wait.c */

/* A call between MULTI and EXEC; replies. */
void fl__transaction_queue(struct fl__client *client, const struct fl__command *command,
                           const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply);
void fl__transaction_abort(struct fl__client *client); /* A call was refused: EXEC will be, if one is open. */
void fl__transaction_drop(struct fl__client *client);  /* And what is watched for it. */
enum fl__flight fl__transaction_flight(const struct fl__client *client); /* Of EXEC. */
size_t fl__transaction_memory(const struct fl__client *client);
int fl__transaction_count(const struct fl__client *client); /* Commands queued; -1 outside of transactions. */
bool fl__transaction_has_write(const struct fl__client *client);               /* EXEC would make an entry. */
void fl__transaction_hole(void *pending, uint32_t k, struct fl__reply *reply); /* As in struct fl__context. */
void fl__holes_release(struct fl__hole *holes);
void fl__watch_execute(struct fl__pending *p, struct fl__reply *reply); /* Its moment has come. */
void fl__watch_failed(struct fl__client *client); /* A WATCH was refused: EXEC will be, too. */
void fl__watch_drop(struct fl__client *client);
void fl__wait_answered(struct fl__pending *p, int outcome);
bool fl__wait_unblock(struct fl__client *client, bool is_error); /* False: it does not wait. */
void fl__wait_resume(struct fl__client *client); /* Asks the node again, if the client waits for it. */

/* ------------------------------------------------------------------------------------------------ pause.c */

/* Whether the call has to wait. */
bool fl__pause_holds(const struct fl__client *client, const struct fl__command *command);
void fl__pause_round(struct fl_server *server); /* Ends the pause if its time is over. */

/* ------------------------------------------------------------------------- places.c, role.c, sentinel.c */

struct fl__places {
    struct fl__place list[FL_MEMBERS_MAX];
    uint32_t count;  /* At least one: this node. */
    uint32_t self;   /* Which one is this node, */
    uint32_t leader; /* and which one leads or did; see places.c. */
    bool has_leader; /* Somebody leads, */
    bool leads;      /* this node does. */
    bool is_ready;   /* As in struct fl_node_status. */
    bool is_blind;   /* This node serves nobody, and reaches nobody: who else is up it cannot say. */
    fl_term term;
};

/* Fills in host and ports, for a member with that client and peer address; false: nothing to send a client
 * to. */
bool fl__places_locate(const char *client, const char *peer, struct fl__place *out);
void fl__places_take(const struct fl_server *server, struct fl__places *out);
void fl__places_of(const struct fl_server *server, const struct fl_node_status *node, struct fl__places *out);
const struct fl__place *fl__places_leader(const struct fl__places *places);
/* One that is reached; of a blind node, any other. */
bool fl__places_is_replica(const struct fl__places *places, uint32_t k);
uint32_t fl__places_replicas(const struct fl__places *places); /* How many there are of those. */
/* What the node noticed: remembers who leads, and publishes a change. */
void fl__places_notice(struct fl_server *server, const struct fl_node_status *node);

const char *fl__role_link(const struct fl__places *places); /* A follower's: connected, sync, connect. */
/* Whether a call is answered with MOVED; and that answer. */
bool fl__role_redirects(const struct fl__client *client, const struct fl__command *command,
                        uint32_t arg_count);
void fl__role_redirect(struct fl__client *client, const struct fl__command *command,
                       const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply);

void fl__sentinel_switched(struct fl_server *server, const struct fl__place *from,
                           const struct fl__places *after);
void fl__sentinel_round(
    struct fl_server *server); /* Publishes which members are up or down since the last. */

fl__local_fn fl__local_asking, fl__local_cluster_info, fl__local_cluster_keyslot, fl__local_cluster_links,
    fl__local_cluster_myid, fl__local_cluster_nodes, fl__local_cluster_replicas, fl__local_cluster_shards,
    fl__local_cluster_slots, fl__local_not_here, fl__local_readonly, fl__local_readwrite, fl__local_role,
    fl__local_sentinel_address, fl__local_sentinel_ckquorum, fl__local_sentinel_master,
    fl__local_sentinel_masters, fl__local_sentinel_replicas, fl__local_sentinel_sentinels;

/* The table's rows. */
fl__local_fn fl__local_config_resetstat, fl__local_config_rewrite, fl__local_function_flush,
    fl__local_function_list, fl__local_function_stats, fl__local_latency_doctor, fl__local_latency_graph,
    fl__local_latency_histogram, fl__local_latency_history, fl__local_latency_latest, fl__local_latency_reset,
    fl__local_slowlog_get, fl__local_slowlog_len, fl__local_slowlog_reset;
fl__local_fn fl__local_client_caching, fl__local_client_getredir, fl__local_client_kill,
    fl__local_client_pause, fl__local_client_tracking, fl__local_client_trackinginfo,
    fl__local_client_unblock, fl__local_client_unpause;
fl__local_fn fl__local_auth, fl__local_client_getname, fl__local_client_id, fl__local_client_info,
    fl__local_client_list, fl__local_client_no_evict, fl__local_client_no_touch, fl__local_client_reply,
    fl__local_client_setinfo, fl__local_client_setname, fl__local_config_get, fl__local_config_set,
    fl__local_discard, fl__local_echo, fl__local_exec, fl__local_hello, fl__local_info, fl__local_multi,
    fl__local_fairlead_campaign, fl__local_ping, fl__local_quit, fl__local_reset, fl__local_select,
    fl__local_unwatch, fl__local_wait, fl__local_watch, fl__local_fairlead_events, fl__local_fairlead_hash,
    fl__local_fairlead_log, fl__local_fairlead_probe, fl__local_fairlead_status, fl__local_fairlead_view;
fl__local_fn fl__local_memory_doctor, fl__local_memory_malloc_stats, fl__local_memory_purge,
    fl__local_memory_stats;
fl__local_fn fl__local_psubscribe, fl__local_pubsub_channels, fl__local_pubsub_numpat,
    fl__local_pubsub_numsub, fl__local_pubsub_shardchannels, fl__local_pubsub_shardnumsub,
    fl__local_punsubscribe, fl__local_ssubscribe, fl__local_subscribe, fl__local_sunsubscribe,
    fl__local_unsubscribe;

#endif
