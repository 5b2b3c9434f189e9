/* server.h - what the files of the server share. It has two halves.
 *
 * The pure half performs no I/O, reads no clock and draws no random number; what it computes depends on its
 * arguments alone. That makes the keyspace a state machine, and lets tests run it whole:
 *
 *   number.c glob.c    text to integers and back; patterns
 *   resp.c reply.c     requests: bytes received to arguments; replies: values to bytes, in RESP2 and RESP3
 *   table.c command.c  the command table, one row each; finds rows, and says what is wrong with a call
 *   docs.c             COMMAND and its subcommands, HELP: the table told to clients
 *   payload.c          the format of a log entry's data: a tick, one command, or a transaction
 *   keymap.c           the hash table: keys in the order of a replicated hash
 *   deadline.c         when keys expire: a heap
 *   store.c            the keyspace: applies entries, answers reads, expires keys
 *   string.c key.c     command bodies: strings and counters; keys of any type, SCAN, the database
 *
 * The other half is sessions, clients and the node: see its section below.
 *
 * Words: a *command* is a row of the table; a *call* is one use of it with its arguments, args[0] being the
 * name as the client wrote it. The *log's clock* is the time of the last entry applied; no command sees
 * another. */
#ifndef FAIRLEAD_SERVER_INTERNAL_H
#define FAIRLEAD_SERVER_INTERNAL_H

#include <fairlead/server.h>

#define FL__KEY_SIZE_MAX (64u << 10)
#define FL__VALUE_SIZE_MAX (64u << 20)
#define FL__ARGS_MAX (1024u * 1024u)
#define FL__INLINE_SIZE_MAX (64u << 10) /* Also of a line that announces a length. */
/* All arguments of one call together: a value and a key of the largest size, with room for options. */
#define FL__CALL_SIZE_MAX (FL__VALUE_SIZE_MAX + (1u << 20))
#define FL__TRANSACTION_SIZE_MAX (64u << 20) /* All commands of one transaction together. */

/* ----------------------------------------------------------------------------------------------- number.c */

/* Borrowed bytes; not terminated. data may be NULL only if size is 0. */
struct fl__bytes {
    const char *data;
    size_t size;
};

/* A text constant as bytes. */
static inline struct fl__bytes fl__bytes_of(const char *text)
{
    return (struct fl__bytes){text, __builtin_strlen(text)};
}

bool fl__bytes_equal(struct fl__bytes a, struct fl__bytes b);
/* Whether `bytes` is `name`, given in lower case, in any case of ASCII letters. */
bool fl__bytes_is(struct fl__bytes bytes, const char *name);

/* Reads an integer of the strict form that Redis accepts: no blanks, plus or leading zeros, in range. */
FL_MUST_USE bool fl__number_parse(struct fl__bytes text, int64_t *out);
#define FL__NUMBER_SIZE 21 /* Longest decimal integer: sign and 20 digits. */
/* Writes `value` without a terminator; returns the size. */
size_t fl__number_print(int64_t value, char out[FL__NUMBER_SIZE]);

/* ------------------------------------------------------------------------------------------------- glob.c */

/* Redis' patterns: * ? [a-c] [^x] \c. Never recursive; at most pattern size times text size steps. */
bool fl__glob_match(struct fl__bytes pattern, struct fl__bytes text, bool ignore_case);

/* ------------------------------------------------------------------------------------------------- resp.c */

/* Cuts calls out of a client's receive buffer, without copying: arguments point into the buffer.
 *
 *   FL__PARSED_CALL   args are a call; its bytes, and the arguments with them, are the buffer's first *used.
 *   FL__PARSED_EMPTY  the first *used bytes ask for nothing and get no answer.
 *   FL__PARSED_MORE   the call is incomplete, and nothing is consumed: wants the same bytes again, from that
 *                     call's first one on, with more behind them. They may move in between; what has been
 *                     looked at is not looked at again.
 *   FL__PARSED_ERROR  send `error`, then close the connection. */
enum fl__parsed { FL__PARSED_MORE, FL__PARSED_CALL, FL__PARSED_EMPTY, FL__PARSED_ERROR };

struct fl__parser {
    struct fl__bytes
        *args; /* At least one; valid until the next use of the parser, and while the buffer is. */
    uint32_t arg_count;
    size_t wanted;     /* MORE: with fewer bytes in the buffer there is no progress. */
    const char *error; /* The reply: "ERR Protocol error: ..."; valid as long as the parser. */
    bool restricted;   /* Set by the owner while the client has not authenticated: small calls only. */
    /* The parser's own. */
    size_t *offsets;
    uint32_t arg_capacity, args_left;
    bool in_call, has_size;
    size_t position, scanned, value_size, total;
    char error_text[64];
};

void fl__parser_init(struct fl__parser *parser);
void fl__parser_release(struct fl__parser *parser);
/* `data` is writable because quoted inline arguments are unescaped in place. *used is set on CALL and EMPTY.
 * Running out of memory is FL__PARSED_ERROR. */
enum fl__parsed fl__parser_next(struct fl__parser *parser, char *data, size_t size, size_t *used);

/* ------------------------------------------------------------------------------------------------ reply.c */

/* Bytes to send. Everything appended is counted against `size_max`; what does not fit, or finds no memory,
 * sets `failed`, and from then on nothing is appended: the owner disconnects the client.
 *
 * Every function accepts reply == NULL and then does nothing: that is how an entry is applied for nobody. The
 * owner may take the bytes: keep data[0, size) and set data to NULL, size and capacity to 0. */
struct fl__reply {
    char *data; /* From malloc. */
    size_t size, capacity, size_max;
    uint8_t protocol; /* 2 or 3; may be changed between replies. */
    bool failed;
};

void fl__reply_init(struct fl__reply *reply, uint8_t protocol, size_t size_max);
void fl__reply_release(struct fl__reply *reply);

void fl__reply_status(struct fl__reply *reply, const char *text); /* +OK */
void fl__reply_ok(struct fl__reply *reply);
/* -text; line ends within it become blanks. The text begins with its word: "ERR ...". */
void fl__reply_error(struct fl__reply *reply, const char *text);
void fl__reply_error_format(struct fl__reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fl__reply_integer(struct fl__reply *reply, int64_t value);
void fl__reply_bulk(struct fl__reply *reply, struct fl__bytes bytes);
void fl__reply_text(struct fl__reply *reply, const char *text); /* A bulk string of a terminated text. */
void fl__reply_null(struct fl__reply *reply);                   /* $-1 or _ */
void fl__reply_null_array(struct fl__reply *reply);             /* *-1 or _ */
/* Followed by that many replies; for a map, by a key and a value each. */
void fl__reply_array(struct fl__reply *reply, size_t count);
void fl__reply_map(struct fl__reply *reply, size_t count);
void fl__reply_set(struct fl__reply *reply, size_t count);
/* kind: "txt" or "mkd". */
void fl__reply_verbatim(struct fl__reply *reply, const char kind[3], struct fl__bytes text);
void fl__reply_raw(struct fl__reply *reply, struct fl__bytes bytes); /* Bytes that are a reply already. */

/* ------------------------------------------------------------------------------------------------ table.c */

/* Where a command runs. */
enum fl__class {
    FL__CLASS_LOCAL, /* About this client or this node: `local` runs at once and never enters an entry. */
    FL__CLASS_READ,  /* Reads the keyspace: fl__store_read() once the node confirms a read. */
    FL__CLASS_WRITE, /* Goes through the log: fl__payload_*, propose, fl__store_apply(). */
    FL__CLASS_TRANSACTION, /* MULTI, EXEC, DISCARD (and QUIT, RESET): `local`, and never queued by MULTI. */
    FL__CLASS_WAIT,        /* WAIT: `local`, which waits for the node. In a transaction: replies at once. */
};

/* clang-format off */

/* Flags, in the order in which COMMAND INFO shows them. DENYOOM: may grow the keyspace; refused before
 * proposing if fl__store_memory() is too much. NO_AUTH: allowed before authentication. */
enum fl__command_flag {
    FL__WRITE = 1 << 0, FL__READONLY = 1 << 1, FL__DENYOOM = 1 << 2, FL__ADMIN = 1 << 3,
    FL__NOSCRIPT = 1 << 4, FL__LOADING = 1 << 5, FL__STALE = 1 << 6, FL__SKIP_SLOWLOG = 1 << 7,
    FL__FAST = 1 << 8, FL__NO_AUTH = 1 << 9, FL__ALLOW_BUSY = 1 << 10
};

/* Categories of access control, in the order in which COMMAND INFO shows them. */
enum fl__category {
    FL__OF_KEYSPACE = 1 << 0, FL__OF_READ = 1 << 1, FL__OF_WRITE = 1 << 2, FL__OF_STRING = 1 << 3,
    FL__OF_ADMIN = 1 << 4, FL__OF_FAST = 1 << 5, FL__OF_SLOW = 1 << 6, FL__OF_DANGEROUS = 1 << 7,
    FL__OF_CONNECTION = 1 << 8, FL__OF_TRANSACTION = 1 << 9
};

/* clang-format on */

/* What a READ command's answer depends on besides the values of its keys. */
enum fl__asks {
    FL__ASKS_ITS_KEYS = 0, /* Whether they have expired. */
    FL__ASKS_ALL_KEYS = 1, /* Which keys there are. */
    FL__ASKS_TIME = 2,     /* What time it is, or how long its keys have to live. */
};

struct fl__client; /* The other half's. */
struct fl__call;   /* One use of a READ or WRITE command; see below. */

/* A command about the client or the node. `reply` is where its answer goes; while EXEC answers, into that
 * reply. */
typedef void fl__local_fn(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count);
/* A command about the keyspace. Wrong arguments are found before anything changes. */
typedef void fl__store_fn(struct fl__call *call);

struct fl__command {
    const char *name; /* In lower case; a subcommand's in the form "client|id". */
    int8_t arity;     /* Exact number of arguments, the name included; negative: at least that many. */
    enum fl__class class;
    uint16_t flags;                       /* enum fl__command_flag */
    uint16_t categories;                  /* enum fl__category */
    int8_t first_key, last_key, key_step; /* Positions in args; last -1: to the end. first 0: no keys. */
    bool is_container;                    /* Rows "name|..." exist: its second argument chooses one. */
    enum fl__asks asks;                   /* READ: see fl__store_needs_tick(). */
    fl__store_fn *store;                  /* READ and WRITE. */
    fl__local_fn *local;                  /* All others; NULL for a container without a meaning of its own. */
    /* What COMMAND tells. NULL where there is nothing to tell. */
    const char *key_flags, *key_notes; /* Of its key specification; flags and tips: blank-separated. */
    const char *tips, *group, *since, *summary, *complexity;
    const char *history;    /* Pairs "6.2.0:What changed then.", separated by line ends. */
    const char *deprecated; /* "6.2.0:What replaces it." */
    const char *arguments;  /* In the notation of docs.c. */
};

/* Rows in alphabetical order, subcommands behind their container. */
extern const struct fl__command fl__commands[];
extern const uint32_t fl__command_count;

/* ---------------------------------------------------------------------------------------------- command.c */

/* Finds the row for a call, or NULL and *error says why, as Redis does: unknown command or subcommand, wrong
 * number of arguments, a key that is too long. `error` may be NULL; it gets at most one error reply. */
const struct fl__command *fl__command_find(const struct fl__bytes *args, uint32_t arg_count,
                                           struct fl__reply *error);
/* The row of that name, in any case ("client|id" for a subcommand), or NULL. */
const struct fl__command *fl__command_named(struct fl__bytes name);
/* The first subcommand of a container (sub NULL), or the one after `sub`; NULL: there is none. */
const struct fl__command *fl__command_next_sub(const struct fl__command *container,
                                               const struct fl__command *sub);
/* The positions of a call's keys: for (k = first; k <= last; k += step). False: no keys. */
FL_MUST_USE bool fl__command_keys(const struct fl__command *command, uint32_t arg_count, uint32_t *first,
                                  uint32_t *last, uint32_t *step);
/* Under what a name is looked up: for the test that this has no collisions. */
#define FL__COMMAND_HASH_BITS 8
uint32_t fl__command_hash(struct fl__bytes name);

/* docs.c: COMMAND; and CLIENT HELP and its like, for every container. */
fl__local_fn fl__local_command, fl__local_command_count, fl__local_command_docs, fl__local_command_info,
    fl__local_command_list, fl__local_help;

/* ---------------------------------------------------------------------------------------------- payload.c */

enum fl__payload_kind {
    FL__PAYLOAD_TICK = 0,        /* No command: brings the log's clock forward. */
    FL__PAYLOAD_COMMAND = 1,     /* One command. */
    FL__PAYLOAD_TRANSACTION = 2, /* Any number of commands, applied together; answered with an array. */
};

/* The whole data of a tick; static storage. */
struct fl__bytes fl__payload_tick(void);

/* One command, for one allocation of the caller: exactly fl__payload_command_size() bytes are written. */
size_t fl__payload_command_size(const struct fl__bytes *args, uint32_t arg_count);
void fl__payload_command_write(char *out, const struct fl__bytes *args, uint32_t arg_count);

/* A transaction that is being queued, in its final form: what EXEC proposes is data[0, size). While count is
 * 0 there is nothing to propose: EXEC answers an empty array. */
struct fl__transaction {
    char *data; /* From malloc; the owner may take it, and then calls fl__transaction_init(). */
    size_t size, capacity;
    uint32_t count; /* Commands queued, holes included. */
    uint32_t
        holes; /* Commands that are not about the keyspace: answered by whoever asked, outside the entry. */
    bool has_write; /* Else EXEC may be served by fl__store_read_transaction(). */
    bool may_grow;  /* A command with FL__DENYOOM is among them. */
};

void fl__transaction_init(struct fl__transaction *transaction);
void fl__transaction_release(struct fl__transaction *transaction);
/* Queues a READ or WRITE command; for any other class, a hole. FL_ETOOBIG: above FL__TRANSACTION_SIZE_MAX or
 * FL__ARGS_MAX commands; FL_ENOMEM. Nothing changed then. */
FL_MUST_USE int fl__transaction_add(struct fl__transaction *transaction, const struct fl__command *command,
                                    const struct fl__bytes *args, uint32_t arg_count);

/* Reading back. What a disk or a peer brought is first checked as a whole: FL_EMESSAGE, and none of it may be
 * used. */
FL_MUST_USE int fl__payload_check(struct fl__bytes data);

/* The calls of checked data, one after the other. Zeroed at first; may be opened again and again, which keeps
 * the memory for arguments. */
struct fl__payload_reader {
    enum fl__payload_kind kind;
    uint32_t left;                /* Calls not read yet. */
    const struct fl__bytes *args; /* Of the call read last; they point into the data. */
    uint32_t arg_count;           /* 0: a hole. */
    /* The reader's own. */
    struct fl__bytes *list;
    uint32_t capacity;
    struct fl__bytes rest;
};

void fl__payload_open(struct fl__payload_reader *reader, struct fl__bytes data);
/* Reads the next call; there must be one left. FL_ENOMEM: nothing changed. */
FL_MUST_USE int fl__payload_next(struct fl__payload_reader *reader);
void fl__payload_release(struct fl__payload_reader *reader);

/* An entry for people: "SET hello world", quoted and cut to fit; terminated. Damaged data says that it is. */
void fl__payload_describe(struct fl__bytes data, char *out, size_t out_size);

/* ----------------------------------------------------------------------------------- keymap.c, deadline.c */

/* Keys are ordered by (hash, key), the hash being one that all nodes agree on. The order is SCAN's; a
 * position in it is a hash, FL__HASH_END is behind all. 52 bits, so that a cursor is exact in the doubles of
 * some clients. */
#define FL__HASH_BITS 52
#define FL__HASH_END ((uint64_t)1 << FL__HASH_BITS)

/* A key with its value: one allocation. */
struct fl__item {
    struct fl__item *next; /* In its bucket, in order. */
    uint64_t hash;
    uint64_t revision; /* Log index of the last change. */
    uint32_t deadline; /* Place in the heap of deadlines, from 1; 0: it has none. */
    uint32_t key_size;
    uint32_t value_size;
    uint32_t capacity; /* Bytes of data: at least key_size + value_size. */
    char data[];       /* The key, then the value. */
};

static inline struct fl__bytes fl__item_key(const struct fl__item *item)
{
    return (struct fl__bytes){item->data, item->key_size};
}

static inline struct fl__bytes fl__item_value(const struct fl__item *item)
{
    return (struct fl__bytes){item->data + item->key_size, item->value_size};
}

/* 2 to the power of `bits` buckets, in segments, so that a table comes and goes in small pieces. An item's
 * bucket is the top bits of its hash. */
struct fl__buckets {
    struct fl__item ***segments; /* NULL where no bucket of a segment is in use yet, or any more. */
    uint32_t bits;
};

struct fl__map {
    struct fl__buckets main, old; /* While it is resized, items move from old to main in their order: */
    uint64_t frontier; /* hashes below this are in main, others in old. FL__HASH_END: all in main. */
    uint64_t count;
    uint64_t memory; /* Bytes of items and buckets, as malloc takes them. */
};

FL_MUST_USE int fl__map_init(struct fl__map *map);
/* Frees the items of up to `bucket_count` buckets, from *position on; true once all are freed, and the map
 * with them. Nothing else may be done with the map from the first call on. */
bool fl__map_drain(struct fl__map *map, uint64_t *position, uint64_t bucket_count);
/* Where a key is, or would be: the link that names it or the first item behind it. Valid until the next
 * insertion or removal. */
struct fl__item **fl__map_find(const struct fl__map *map, uint64_t hash, struct fl__bytes key, bool *found);
/* The first item at or behind a position, and the next one behind an item; NULL: there is none. */
struct fl__item *fl__map_seek(const struct fl__map *map, uint64_t position);
struct fl__item *fl__map_after(const struct fl__map *map, const struct fl__item *item);
/* Inserts an item where its key would be, with a value for the caller to fill in. NULL: no memory. */
struct fl__item *fl__map_insert(struct fl__map *map, struct fl__item **link, uint64_t hash,
                                struct fl__bytes key, uint32_t value_size);
/* Changes the value's size, keeping as much of it as fits; with `spare`, takes room for more of the same. The
 * item may move: its link is corrected, its deadline is not. NULL: no memory, nothing changed. */
struct fl__item *fl__map_resize(struct fl__map *map, struct fl__item **link, uint32_t value_size, bool spare);
void fl__map_remove(struct fl__map *map, struct fl__item **link);

/* The deadlines of keys, in milliseconds of the log's clock, the earliest first. */
#define FL__NO_DEADLINE UINT64_MAX

struct fl__deadlines {
    struct fl__deadline **segments; /* Of the heap, so that it grows in small pieces. */
    uint32_t segment_count, segment_capacity;
    uint32_t count;
};

void fl__deadlines_release(struct fl__deadlines *deadlines);
/* Gives an item a deadline, or another one. FL_ENOMEM: nothing changed. */
FL_MUST_USE int fl__deadlines_set(struct fl__deadlines *deadlines, struct fl__item *item, uint64_t time_ms);
/* Takes an item's deadline away, and says that an item has moved; it may have none. */
void fl__deadlines_clear(struct fl__deadlines *deadlines, struct fl__item *item);
void fl__deadlines_moved(struct fl__deadlines *deadlines, struct fl__item *item);
uint64_t fl__deadlines_of(const struct fl__deadlines *deadlines, const struct fl__item *item);
struct fl__item *fl__deadlines_first(const struct fl__deadlines *deadlines); /* The earliest's; NULL: none. */
uint64_t fl__deadlines_memory(const struct fl__deadlines *deadlines);
/* How many lie before a time; takes time in proportion to the answer. */
uint32_t fl__deadlines_before(const struct fl__deadlines *deadlines, uint64_t time_ms);

/* ------------------------------------------------------------------------------------------------ store.c */

/* The keyspace. One thread. */
struct fl__store;

/* What an entry brings besides its data, and who is waiting for its answer. */
struct fl__context {
    uint64_t time_us; /* As in struct fl_entry. The log's clock becomes the higher of itself and this. */
    uint64_t seed;
    fl_index index;
    /* Answers the k-th hole of a transaction (from 0) into `reply`, in order. Called only if a reply is
     * wanted; NULL: an error stands in its place. */
    void (*hole)(void *owner, uint32_t k, struct fl__reply *reply);
    void *owner;
};

/* `hash_seed` decides the order of keys in SCAN: it must be the same on every node of a cluster, always, and
 * not known to strangers (the cluster's id will do). NULL: no memory. */
struct fl__store *fl__store_create(uint64_t hash_seed);
void fl__store_destroy(struct fl__store *store);

/* Applies one entry; data {NULL, 0} is one of Raft's own and counts as a tick. `reply` gets exactly one reply
 * if data is a command or a transaction, nothing for a tick; NULL: nobody asked here. The result and the
 * state depend on the entries alone.
 *   FL_EMESSAGE  the data is malformed: only the clock and the index moved; the reply is an error. The same
 *                on each node.
 *   FL_ENOMEM    memory ran out in the middle: this node's state is no longer the cluster's. Stop the node;
 *                every later call on the store returns FL_ENOMEM or an error reply. */
FL_MUST_USE int fl__store_apply(struct fl__store *store, const struct fl__context *context,
                                struct fl__bytes data, struct fl__reply *reply);

/* Answers a READ command from the state as it is, by the log's clock. The call has passed
 * fl__command_find(). */
void fl__store_read(struct fl__store *store, const struct fl__command *command, const struct fl__bytes *args,
                    uint32_t arg_count, struct fl__reply *reply);
/* Answers a transaction without writes. Only the hole and owner of the context are used. */
void fl__store_read_transaction(struct fl__store *store, const struct fl__context *context,
                                struct fl__bytes data, struct fl__reply *reply);

/* Whether a read's answer could be another one at `time_us` (what struct fl_request says after a read was
 * confirmed) than by the log's clock: a key that it asks about has its deadline in between, or the answer
 * tells the time and the log's clock is more than 100 ms old. Then a tick must be applied first. False once
 * the log's clock is there. */
FL_MUST_USE bool fl__store_needs_tick(const struct fl__store *store, const struct fl__command *command,
                                      const struct fl__bytes *args, uint32_t arg_count, uint64_t time_us);
FL_MUST_USE bool fl__store_transaction_needs_tick(struct fl__store *store, struct fl__bytes data,
                                                  uint64_t time_us);

/* When a tick should be applied to free memory although nobody asks: the earliest deadline of a key still
 * held, in microseconds of the log's clock; UINT64_MAX: there is none. In the past: entries expire a few keys
 * each, and some are left over; a tick expires many. */
uint64_t fl__store_deadline_us(const struct fl__store *store);

uint64_t fl__store_time_us(const struct fl__store *store); /* The log's clock. */
fl_index fl__store_index(const struct fl__store *store);   /* Of the last entry applied. */
uint64_t fl__store_memory(const struct fl__store *store);  /* Bytes of keys, values and what holds them. */

struct fl__store_counts {
    uint64_t keys;         /* Live by the log's clock: what DBSIZE says. */
    uint64_t expires;      /* Of these, keys with a deadline. */
    uint64_t expired;      /* Keys removed by their deadline since the store was created. */
    uint64_t hits, misses; /* Keys that this node's READ commands found, and did not find. */
};
void fl__store_counts(const struct fl__store *store, struct fl__store_counts *out);

/* A hash of all live keys with values, deadlines and revisions, and of the clock and the index: equal states,
 * equal hashes, whatever the history of their tables. Walks everything: for tests and for people, not for
 * each entry. */
uint64_t fl__store_hash(const struct fl__store *store);

/* What command bodies see of the store. A key past its deadline by the log's clock does not exist for
 * them. */
struct fl__call {
    struct fl__store *store;
    const struct fl__command *command;
    const struct fl__bytes *args;
    uint32_t arg_count;
    struct fl__reply *reply; /* NULL: nobody asked here. */
};

uint64_t fl__store_time_ms(const struct fl__store *store);
/* NULL: no such key. Valid until the next change. look_up is for READ commands: it is counted. */
const struct fl__item *fl__store_find(const struct fl__store *store, struct fl__bytes key);
const struct fl__item *fl__store_look_up(struct fl__store *store, struct fl__bytes key);
uint64_t fl__store_deadline(const struct fl__store *store, const struct fl__item *item);
/* As fl__map_seek() and fl__map_after(), expired items too. */
const struct fl__item *fl__store_seek(const struct fl__store *store, uint64_t position);
const struct fl__item *fl__store_after(const struct fl__store *store, const struct fl__item *item);
bool fl__store_is_live(const struct fl__store *store, const struct fl__item *item);
/* Sets a key's value, and its deadline: a time, FL__NO_DEADLINE, or FL__KEEP_DEADLINE. */
#define FL__KEEP_DEADLINE (UINT64_MAX - 1)
void fl__store_put(struct fl__store *store, struct fl__bytes key, struct fl__bytes value,
                   uint64_t deadline_ms);
/* Appends to a key's value, which is empty if there is no such key. */
void fl__store_append(struct fl__store *store, struct fl__bytes key, struct fl__bytes tail);
/* Gives a key that exists a deadline, or takes it away. */
void fl__store_expire(struct fl__store *store, struct fl__bytes key, uint64_t deadline_ms);
bool fl__store_remove(struct fl__store *store, struct fl__bytes key); /* False: no such key. */
void fl__store_clear(struct fl__store *store);

/* string.c, key.c */
fl__store_fn fl__string_append, fl__string_decr, fl__string_decrby, fl__string_get, fl__string_getdel,
    fl__string_getset, fl__string_incr, fl__string_incrby, fl__string_mget, fl__string_mset, fl__string_set,
    fl__string_setnx, fl__string_strlen;
fl__store_fn fl__key_dbsize, fl__key_del, fl__key_exists, fl__key_expire, fl__key_expireat, fl__key_flushall,
    fl__key_flushdb, fl__key_persist, fl__key_pexpire, fl__key_pexpireat, fl__key_pttl, fl__key_scan,
    fl__key_time, fl__key_ttl, fl__key_type, fl__key_unlink;
/* ============================================================================ sessions, clients and the node
 * The other half touches the world, through fairlead/io.h and fairlead/node.h only (http.c has its own thread
 * instead):
 *
 *   errors.c       the codes: every error of Fairlead's own
 *   server.c       the object: opening, closing, its timers
 *   client.c       connections: bytes in, bytes out, budgets
 *   session.c      what a parsed call may do now: authentication, transactions' queues, order
 *   pending.c      calls on their way, and their replies in the order of the requests
 *   dispatch.c     writes, reads and ticks: what is asked of the node, and its answers
 *   transaction.c  MULTI, EXEC, DISCARD
 *   wait.c         WAIT
 *   connection.c   PING ECHO HELLO AUTH SELECT QUIT RESET
 *   clients.c      CLIENT and its subcommands
 *   config.c       CONFIG GET and SET
 *   info.c         INFO
 *   look.c         FAIRLEAD: what the command line asks
 *   status.c       the snapshot: what people look at; its JSON
 *   metrics.c      the snapshot as Prometheus' text
 *   http.c         the web port
 *
 * One rule keeps this half simple: the node is asked for something only while a client's bytes are handled or
 * by the server's own timers, never within one of the node's answers. What an answer makes possible is put on
 * a list and done by the kick, a timer that is due at once. */

/* Everything that a client can make grow has a limit. */
#define FL__PIPELINE_MAX 1024               /* Calls of one client on their way; beyond, it is not read. */
#define FL__PENDING_MAX (1u << 18)          /* Calls on their way, of all clients. */
#define FL__WAITS_MAX 16384                 /* WAITs on their way, those of vanished clients too. */
#define FL__CREDIT (64u << 10)              /* Bytes that a client may send beyond what was handled. */
#define FL__CLIENTS_MEMORY_MAX (1ull << 30) /* Buffers of all clients. */
#define FL__CLIENT_OUTPUT_MIN (1u << 20)    /* Least value of client_output_max. */
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
    fl_time_us uptime_us;
    bool broken; /* As in struct fl_server. */
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

/* ----------------------------------------------------------------------------------------------- server.c */

struct fl_server {
    struct fl_io *io;
    struct fl_node *node; /* NULL before it is open and after it is closed. */
    struct fl__store *store;
    struct fl_server_options options; /* Its texts are the copies below. */
    char listen[FL_ADDRESS_MAX], client[FL_ADDRESS_MAX], peer[FL_ADDRESS_MAX], web[FL_ADDRESS_MAX];
    char name[FL_NAME_MAX], version[64], password[FL__PASSWORD_SIZE_MAX + 1], run_id[41];
    fl_time_us started;
    fl_time_us now; /* As of the latest event. */
    bool is_leader;
    bool broken; /* The keyspace cannot follow the log: memory ran out. */
    bool stopping;

    struct fl_io_listener *listener;
    struct fl__link clients;   /* All of them. */
    struct fl__link dirty;     /* Those with something to send, or to be closed. */
    struct fl__link resumable; /* Those whose next call may start now. */
    /* Those whose next read waits for the log's clock, or WAIT for the next round. */
    struct fl__link ticking;
    uint32_t client_count;  /* Without those being closed. */
    uint32_t refused_count; /* Clients beyond the limit, still being told so. */
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

    uint64_t command_count;
    uint64_t *calls; /* By row of the table. */
    void (*publish)(void *context, const struct fl__snapshot *snapshot);
    void *publish_context;
    bool publish_is_due;
    void (*closed)(void *context);
    void *closed_context;
};

void fl__server_log(const struct fl_server *server, int level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
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
    FL__PENDING_WAIT,
    FL__PENDING_LOG, /* FAIRLEAD LOG. */
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
    bool confirmed; /* A read: the node said that now is the moment. */
    fl_time_us deadline;
    char *data; /* WRITE, READ_TRANSACTION: the entry. READ: the arguments. In room, or from malloc. */
    size_t size;
    struct fl__bytes *args; /* READ. */
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
void fl__pending_fail(struct fl__pending *p, int outcome); /* Answers with an error; p is no more. */
void fl__pending_abandon(struct fl__client *client);       /* The client goes away: its calls lose it. */
void fl__pending_free_all(struct fl_server *server);

/* ----------------------------------------------------------------------------------------------- client.c */

/* What may be on its way at the same time, so that a connection's calls work as if one came after the
 * other. */
enum fl__flight { FL__FLIGHT_NONE, FL__FLIGHT_READS, FL__FLIGHT_WRITES, FL__FLIGHT_ALONE };

struct fl__client {
    struct fl__link all, dirty, resume, tick;
    struct fl_server *server;
    struct fl_io_stream *stream;
    uint64_t id;
    fl_time_us created, active; /* When it came; when it last sent something. */
    fl_time_us progress;        /* When a byte last moved, in or out. */

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
    bool reply_off, reply_skip, reply_skip_next;
    bool in_exec;  /* A local command runs as part of a transaction's answer. */
    bool deferred; /* A local command says that its reply comes later, through a pending. */
    char *name, *library, *library_version;
    const struct fl__command *last_command;
    fl_index last_write;
    struct fl__multi *multi; /* transaction.c's; NULL outside of transactions. */

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
void fl__dispatch_propose(struct fl__pending *p, const void *data, size_t size);
void fl__dispatch_ask(struct fl__pending *p); /* A read: asks for its moment. */
/* Answers the client's confirmed reads, in order, as far as the log's clock and its output allow. */
void fl__dispatch_advance(struct fl__client *client);
/* Asks again, or gives up, for those on the ticking list. */
void fl__dispatch_round(struct fl_server *server);
void fl__dispatch_tick(struct fl_server *server); /* Proposes a tick unless one is on its way. */
void fl__dispatch_apply(void *server, const struct fl_entry *entry, struct fl_request *request);
void fl__dispatch_answer(void *server, struct fl_request *request, int outcome);

/* ---------------------------------------------------------------------------------- transaction.c, wait.c */

/* A call between MULTI and EXEC; replies. */
void fl__transaction_queue(struct fl__client *client, const struct fl__command *command,
                           const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply);
void fl__transaction_abort(struct fl__client *client); /* A call was refused: EXEC will be, if one is open. */
void fl__transaction_drop(struct fl__client *client);
enum fl__flight fl__transaction_flight(const struct fl__client *client); /* Of EXEC. */
size_t fl__transaction_memory(const struct fl__client *client);
int fl__transaction_count(const struct fl__client *client); /* Commands queued; -1 outside of transactions. */
void fl__transaction_hole(void *pending, uint32_t k, struct fl__reply *reply); /* As in struct fl__context. */
void fl__holes_release(struct fl__hole *holes);
void fl__wait_answered(struct fl__pending *p, int outcome);
void fl__wait_resume(struct fl__client *client); /* Asks the node again, if the client waits for it. */

/* The table's rows. */
fl__local_fn fl__local_auth, fl__local_client_getname, fl__local_client_id, fl__local_client_info,
    fl__local_client_list, fl__local_client_no_evict, fl__local_client_no_touch, fl__local_client_reply,
    fl__local_client_setinfo, fl__local_client_setname, fl__local_config_get, fl__local_config_set,
    fl__local_discard, fl__local_echo, fl__local_exec, fl__local_hello, fl__local_info, fl__local_multi,
    fl__local_ping, fl__local_quit, fl__local_reset, fl__local_select, fl__local_wait,
    fl__local_fairlead_hash, fl__local_fairlead_log, fl__local_fairlead_probe, fl__local_fairlead_status;

#endif
