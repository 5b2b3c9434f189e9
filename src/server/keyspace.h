/* keyspace.h - the server's pure half: requests, replies, the command table, and the keyspace.
 *
 * It performs no I/O, reads no clock and draws no random number; what it computes depends on its arguments
 * alone. That makes the keyspace a state machine, and lets tests run it whole:
 *
 *   number.c glob.c    text to integers and back; patterns
 *   decimal.c          numbers with a point, exactly
 *   utf8.c             what of a text can be shown as it is
 *   resp.c reply.c     requests: bytes received to arguments; replies: values to bytes, in RESP2 and RESP3
 *   table.c command.c  the command table, one row each; finds rows, and says what is wrong with a call
 *   docs.c             COMMAND and its subcommands, HELP: the table told to clients
 *   payload.c          the format of a log entry's data: a tick, one command, or a transaction
 *   keymap.c           the hash table: keys in the order of a replicated hash
 *   deadline.c         when keys expire: a heap
 *   store.c            the keyspace: applies entries, answers reads, expires keys
 *   crc64.c            the checksum of serialized values
 *   key.c expire.c     command bodies: keys of any type; their deadlines
 *   scan.c             command bodies: SCAN, KEYS, RANDOMKEY
 *   dump.c             command bodies: DUMP, RESTORE, and the format of their values
 *   string.c range.c   command bodies: strings; parts of them
 *   counter.c lcs.c    command bodies: counters; what two strings have in common
 *   bit.c bitfield.c   command bodies: strings as bits, and as integers of any width
 *   message.c          command bodies: PUBLISH and SPUBLISH
 *   slot.c             a cluster client's slots: of a key, and the keys of one
 *
 * Words: a *command* is a row of the table; a *call* is one use of it with its arguments, args[0] being the
 * name as the client wrote it. The *log's clock* is the time of the last entry applied; no command sees
 * another. */
#ifndef FAIRLEAD_KEYSPACE_INTERNAL_H
#define FAIRLEAD_KEYSPACE_INTERNAL_H

#include <fairlead/server.h>

#define FL__KEY_SIZE_MAX (64u << 10)
#define FL__VALUE_SIZE_MAX (64u << 20)
#define FL__ARGS_MAX (1024u * 1024u)
#define FL__INLINE_SIZE_MAX (64u << 10) /* Also of a line that announces a length. */
/* All arguments of one call together: a value and a key of the largest size, with room for options. */
#define FL__CALL_SIZE_MAX (FL__VALUE_SIZE_MAX + (1u << 20))
#define FL__TRANSACTION_SIZE_MAX (64u << 20) /* All commands of one transaction together. */
#define FL__WORK_MAX (512u << 20)            /* See fl__store_spend(). */

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

/* ---------------------------------------------------------------------------------------------- decimal.c */

#define FL__DECIMAL_WHOLE 4932 /* Digits before the point: the range of Redis' long double, near enough. */
#define FL__DECIMAL_PLACES 64  /* Digits behind it that are kept of what is added. */
#define FL__DECIMAL_SIZE (FL__DECIMAL_WHOLE + FL__DECIMAL_PLACES)

struct fl__decimal {
    bool is_negative;
    uint16_t size;                        /* Digits in use. */
    uint8_t digits[FL__DECIMAL_SIZE + 1]; /* The last decimal first. */
};

enum fl__decimal_kind {
    FL__DECIMAL_FINITE,
    FL__DECIMAL_INFINITE, /* "inf": read as Redis reads it, but there is no such number. */
    FL__DECIMAL_NONE,     /* No number, or one out of range. */
};

/* Reads a decimal number with a sign, a point and an exponent, if it has them; no blanks. *out is one only if
 * FINITE. */
FL_MUST_USE enum fl__decimal_kind fl__decimal_parse(struct fl__bytes text, struct fl__decimal *out);
/* sum += addend, rounded to 17 decimals. False: the result is out of range, and *sum is not a number. */
FL_MUST_USE bool fl__decimal_add(struct fl__decimal *sum, const struct fl__decimal *addend);
#define FL__DECIMAL_TEXT_SIZE (FL__DECIMAL_WHOLE + 19) /* Sign, point and 17 decimals. */
/* Writes a sum without an exponent, a terminator or zeros behind the last decimal; returns the size. */
size_t fl__decimal_print(const struct fl__decimal *value, char out[FL__DECIMAL_TEXT_SIZE]);

/* ------------------------------------------------------------------------------------------------- glob.c */

/* What all matching of one command may take; a step takes a few nanoseconds. */
#define FL__GLOB_STEPS_MAX (UINT64_C(1) << 26)
#define FL__ERROR_STEPS "ERR matching this pattern takes too long"
/* Redis' patterns: * ? [a-c] [^x] \c. Never recursive. May take as many steps as pattern size times text
 * size: at most *steps, which are counted down. False and *steps 0: it needs more. */
bool fl__glob_match(struct fl__bytes pattern, struct fl__bytes text, bool ignore_case, uint64_t *steps);

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
/* -text; line ends within it become blanks, and at its end nothing. The text begins with its word: "ERR ...". */
void fl__reply_error(struct fl__reply *reply, const char *text);
void fl__reply_error_format(struct fl__reply *reply, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void fl__reply_integer(struct fl__reply *reply, int64_t value);
void fl__reply_bulk(struct fl__reply *reply, struct fl__bytes bytes);
/* One bulk string of several pieces. */
void fl__reply_pieces(struct fl__reply *reply, const struct fl__bytes *pieces, uint32_t count);
void fl__reply_text(struct fl__reply *reply, const char *text); /* A bulk string of a terminated text. */
void fl__reply_null(struct fl__reply *reply);                   /* $-1 or _ */
void fl__reply_null_array(struct fl__reply *reply);             /* *-1 or _ */
/* Followed by that many replies; for a map, by a key and a value each. */
void fl__reply_array(struct fl__reply *reply, size_t count);
/* An array whose length is known at its end: `at` is the size of the reply before its first part. */
void fl__reply_array_from(struct fl__reply *reply, size_t at, size_t count);
void fl__reply_map(struct fl__reply *reply, size_t count);
void fl__reply_set(struct fl__reply *reply, size_t count);
/* What was not asked for: an array of its own kind in RESP3. */
void fl__reply_push(struct fl__reply *reply, size_t count);
/* kind: "txt" or "mkd". */
void fl__reply_verbatim(struct fl__reply *reply, const char kind[3], struct fl__bytes text);
void fl__reply_raw(struct fl__reply *reply, struct fl__bytes bytes); /* Bytes that are a reply already. */
/* Text that is no reply, for those who put a text together in a reply's buffer; at most 511 bytes a call. */
void fl__reply_print(struct fl__reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ------------------------------------------------------------------------------------------------- utf8.c */

/* Bytes of the character that the text begins with; 0: none that can be shown as it is, or no text. */
size_t fl__utf8_size(struct fl__bytes text);

/* ------------------------------------------------------------------------------------------------ table.c */

/* Where a command runs. */
enum fl__class {
    FL__CLASS_LOCAL, /* About this client or this node: `local` runs at once and never enters an entry. */
    FL__CLASS_READ,  /* Reads the keyspace: fl__store_read() once the node confirms a read. */
    FL__CLASS_WRITE, /* Goes through the log: fl__payload_*, propose, fl__store_apply(). */
    FL__CLASS_TRANSACTION, /* MULTI, EXEC, DISCARD (and QUIT, RESET): `local`, and never queued by MULTI. */
    FL__CLASS_WAIT,        /* WAIT: `local`, which waits for the node. In a transaction: replies at once. */
    /* SUBSCRIBE and its like: `local`, once the node confirms a read. In a transaction: as it is applied. */
    FL__CLASS_SUBSCRIBE,
};

/* clang-format off */

/* Flags, in the order in which COMMAND INFO shows them. DENYOOM: may grow the keyspace; refused before
 * proposing if fl__store_memory() is too much. NO_AUTH: allowed before authentication. */
enum fl__command_flag {
    FL__WRITE = 1 << 0, FL__READONLY = 1 << 1, FL__DENYOOM = 1 << 2, FL__ADMIN = 1 << 3, FL__PUBSUB = 1 << 4,
    FL__NOSCRIPT = 1 << 5, FL__LOADING = 1 << 6, FL__STALE = 1 << 7, FL__SKIP_SLOWLOG = 1 << 8,
    FL__FAST = 1 << 9, FL__NO_AUTH = 1 << 10, FL__ALLOW_BUSY = 1 << 11
};

/* Categories of access control, in the order in which COMMAND INFO shows them. */
enum fl__category {
    FL__OF_KEYSPACE = 1 << 0, FL__OF_READ = 1 << 1, FL__OF_WRITE = 1 << 2, FL__OF_STRING = 1 << 3,
    FL__OF_BITMAP = 1 << 4, FL__OF_PUBSUB = 1 << 5, FL__OF_ADMIN = 1 << 6, FL__OF_FAST = 1 << 7,
    FL__OF_SLOW = 1 << 8, FL__OF_DANGEROUS = 1 << 9, FL__OF_CONNECTION = 1 << 10,
    FL__OF_TRANSACTION = 1 << 11, FL__OF_SCRIPTING = 1 << 12
};

/* clang-format on */

/* What a READ command's answer depends on besides the values of its keys. */
enum fl__asks {
    FL__ASKS_ITS_KEYS = 0, /* Whether they have expired. */
    FL__ASKS_ALL_KEYS = 1, /* Which keys there are. */
    FL__ASKS_TIME = 2,     /* What time it is, or how long its keys have to live. */
};

struct fl__client; /* server.h */
struct fl__call;   /* One use of a READ or WRITE command; see below. */

/* A command about the client or the node. `reply` is where its answer goes; while EXEC answers, into that
 * reply. */
typedef void fl__local_fn(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count);
/* A command about the keyspace. Wrong arguments are found before anything changes. */
typedef void fl__store_fn(struct fl__call *call);
/* By how many bytes a call makes a value longer without bringing them. */
typedef uint64_t fl__stretch_fn(const struct fl__call *call);

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
    fl__stretch_fn *stretch;              /* WRITE: see fl__store_stretches(); else NULL. */
    fl__local_fn *local;                  /* All others; NULL for a container without a meaning of its own. */
    /* What COMMAND tells. NULL where there is nothing to tell. */
    /* How it uses its keys: flags, blank-separated. With '|' in between, each key has its own, and the last
     * ones are for all others; COMMAND tells them as so many key specifications. */
    const char *key_flags, *key_notes;
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
/* The same, however many arguments there are; NULL without a reason. */
const struct fl__command *fl__command_look_up(const struct fl__bytes *args, uint32_t arg_count);
bool fl__command_takes(const struct fl__command *command, uint32_t arg_count); /* So many arguments. */
/* For a subcommand whose optional arguments are too many. */
void fl__command_complain_count(const struct fl__bytes *args, struct fl__reply *error);
/* The row of that name, in any case ("client|id" for a subcommand), or NULL. */
const struct fl__command *fl__command_named(struct fl__bytes name);
/* The first subcommand of a container (sub NULL), or the one after `sub`; NULL: there is none. */
const struct fl__command *fl__command_next_sub(const struct fl__command *container,
                                               const struct fl__command *sub);
/* The positions of a call's keys: for (k = first; k <= last; k += step). False: no keys. */
FL_MUST_USE bool fl__command_keys(const struct fl__command *command, uint32_t arg_count, uint32_t *first,
                                  uint32_t *last, uint32_t *step);
/* Under what a name is looked up: for tools/slots, which finds a factor without collisions. */
#define FL__COMMAND_HASH_BITS 10
uint32_t fl__command_hash(struct fl__bytes name, uint64_t factor);

/* docs.c: COMMAND; and CLIENT HELP and its like, for every container. */
fl__local_fn fl__local_command, fl__local_command_count, fl__local_command_docs, fl__local_command_getkeys,
    fl__local_command_getkeysandflags, fl__local_command_info, fl__local_command_list, fl__local_help;

/* ---------------------------------------------------------------------------------------------- payload.c */

enum fl__payload_kind {
    FL__PAYLOAD_TICK = 0,        /* No command: brings the log's clock forward. */
    FL__PAYLOAD_COMMAND = 1,     /* One command. */
    FL__PAYLOAD_TRANSACTION = 2, /* Any number of commands, applied together; answered with an array. */
    FL__PAYLOAD_GUARDED = 3,     /* One with conditions: unless all hold, answered with the null array. */
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
    bool stretches; /* As is one of which fl__store_stretches() could be true. */
};

void fl__transaction_init(struct fl__transaction *transaction);
void fl__transaction_release(struct fl__transaction *transaction);
/* Queues a READ or WRITE command; for any other class, a hole. FL_ETOOBIG: above FL__TRANSACTION_SIZE_MAX or
 * FL__ARGS_MAX commands; FL_ENOMEM. Nothing changed then. */
FL_MUST_USE int fl__transaction_add(struct fl__transaction *transaction, const struct fl__command *command,
                                    const struct fl__bytes *args, uint32_t arg_count);

/* A condition: a key and its revision, 0 for a key that does not exist. Exactly fl__payload_condition_size()
 * bytes are written. */
size_t fl__payload_condition_size(struct fl__bytes key);
void fl__payload_condition_write(char *out, struct fl__bytes key, uint64_t revision);
/* Puts conditions, written one behind the other and one at least, before the calls, of which there may be
 * none. The last thing done to a transaction. Errors as above. */
FL_MUST_USE int fl__transaction_guard(struct fl__transaction *transaction, struct fl__bytes conditions,
                                      uint32_t count);

/* Reading back. What a disk or a peer brought is first checked as a whole: FL_EMESSAGE, and none of it may be
 * used. */
FL_MUST_USE int fl__payload_check(struct fl__bytes data);

/* The calls of checked data, one after the other. Zeroed at first; may be opened again and again, which keeps
 * the memory for arguments. */
struct fl__payload_reader {
    enum fl__payload_kind kind;
    uint32_t conditions_left;     /* Not read yet; they come before the calls. */
    uint32_t left;                /* Calls not read yet. */
    const struct fl__bytes *args; /* Of the call read last; they point into the data. */
    uint32_t arg_count;           /* 0: a hole. */
    /* The reader's own. */
    struct fl__bytes *list;
    uint32_t capacity;
    struct fl__bytes rest;
};

void fl__payload_open(struct fl__payload_reader *reader, struct fl__bytes data);
/* Reads the next condition; there must be one left. */
void fl__payload_next_condition(struct fl__payload_reader *reader, struct fl__bytes *key, uint64_t *revision);
/* Reads the next call; there must be one left. FL_ENOMEM: nothing changed. */
FL_MUST_USE int fl__payload_next(struct fl__payload_reader *reader);
void fl__payload_release(struct fl__payload_reader *reader);

/* An entry for people: "SET hello world", quoted and cut to fit between two characters; terminated. Damaged data
 * says that it is. */
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

/* Whether an item stands before a key in the order. */
bool fl__item_precedes(const struct fl__item *item, uint64_t hash, struct fl__bytes key);

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
/* Gives an item a key that is not there yet; its value is moved, not copied. The item may move too: its
 * deadline is not corrected. NULL: no memory, nothing changed. */
struct fl__item *fl__map_rename(struct fl__map *map, struct fl__item **link, uint64_t hash,
                                struct fl__bytes key);
void fl__map_remove(struct fl__map *map, struct fl__item **link);
uint64_t fl__item_memory(const struct fl__item *item); /* Its part of the map's memory, buckets left out. */

/* The deadlines of keys, in milliseconds of the log's clock: the earliest first, and of equal ones that of
 * the key that comes first in the map. */
#define FL__NO_DEADLINE UINT64_MAX
#define FL__DEADLINE_SIZE 16 /* Bytes that a key's deadline takes. */

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

/* What happens to keys, in Redis' classes of keyspace notifications, with the letters of its setting. */
enum fl__event {
    FL__EVENT_GENERIC = 1 << 0, /* g */
    FL__EVENT_STRING = 1 << 1,  /* $ */
    FL__EVENT_EXPIRED = 1 << 2, /* x */
    FL__EVENT_MISS = 1 << 3,    /* m: a READ command met no key. */
    FL__EVENT_NEW = 1 << 4,     /* n */
};

/* Who hears of what is applied, on each node alike. Called in the middle of an entry: it may not use the
 * store. */
struct fl__store_listener {
    void *owner;
    void (*event)(void *owner, enum fl__event event, const char *name, struct fl__bytes key);
    /* PUBLISH, or SPUBLISH if `sharded`; returns how many on this node receive it. */
    uint64_t (*message)(void *owner, bool sharded, struct fl__bytes channel, struct fl__bytes message);
};

void fl__store_listen(struct fl__store *store, const struct fl__store_listener *listener);

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
 * fl__command_find(). `seed` is what chance is made of, if the command leaves something to it (RANDOMKEY). */
void fl__store_read(struct fl__store *store, const struct fl__command *command, const struct fl__bytes *args,
                    uint32_t arg_count, uint64_t seed, struct fl__reply *reply);
uint64_t fl__store_work(const struct fl__store *store); /* What the calls of the last one that read spent. */
/* Log index of a key's last change; 0: there is no such key by the log's clock. */
uint64_t fl__store_revision(const struct fl__store *store, struct fl__bytes key);

/* Answers a transaction without writes. Of the context, time and index are not used. */
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

/* Whether a WRITE command would make a value longer by much more than it brings. Many of those on their way
 * could fill the memory of all nodes before the first is applied and the next one refused. */
FL_MUST_USE bool fl__store_stretches(struct fl__store *store, const struct fl__command *command,
                                     const struct fl__bytes *args, uint32_t arg_count);

/* When a tick should be applied to free memory although nobody asks: the earliest deadline of a key still
 * held, in microseconds of the log's clock; UINT64_MAX: there is none. In the past: entries expire a few keys
 * each, and some are left over; a tick expires many. */
uint64_t fl__store_deadline_us(const struct fl__store *store);

/* Frees a little of what FLUSHALL left behind; entries do, but there may be none for long. Changes nothing
 * else. */
void fl__store_tidy(struct fl__store *store);

uint64_t fl__store_time_us(const struct fl__store *store); /* The log's clock. */
fl_index fl__store_index(const struct fl__store *store);   /* Of the last entry applied. */
uint64_t fl__store_memory(const struct fl__store *store);  /* Bytes of keys, values and what holds them. */

struct fl__store_counts {
    uint64_t keys;         /* Live by the log's clock: what DBSIZE says. */
    uint64_t expires;      /* Of these, keys with a deadline. */
    uint64_t expired;      /* Keys removed by their deadline since the store was created. */
    uint64_t hits, misses; /* Keys that this node's READ commands found, and did not find. */
    uint64_t discarded;    /* Keys that FLUSHALL removed and whose memory is not freed yet. */
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
    uint64_t seed;           /* The entry's, or the reader's; another one for each call of a transaction. */
};

uint64_t fl__store_time_ms(const struct fl__store *store);
uint64_t fl__store_held(const struct fl__store *store); /* Keys, with those expired and not freed yet. */
/* NULL: no such key. Valid until the next change. look_up is for READ commands: it is counted, and a miss is
 * told. */
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
/* The same with a value of `size` bytes, which the caller writes to what is returned before it does anything
 * else. NULL: no memory, or the deadline is past and the key gone. */
FL_MUST_USE char *fl__store_make(struct fl__store *store, struct fl__bytes key, size_t size,
                                 uint64_t deadline_ms);
/* Moves a key that exists, with its value and deadline, to where no live key is. */
void fl__store_rename(struct fl__store *store, struct fl__bytes from, struct fl__bytes to);
/* Appends to a key's value, which is empty if there is no such key. */
void fl__store_append(struct fl__store *store, struct fl__bytes key, struct fl__bytes tail);
/* Asks whether a call may go through, or make, so many bytes of values besides those that it brings. The
 * calls of one entry, or one read, get FL__WORK_MAX together: a transaction may have a million of them, each
 * small, and could stop all nodes for hours, or take all of their memory. Calls that read and calls that
 * write are counted apart, because the former are not run where nobody asks. False: complained; nothing may
 * be changed any more. */
FL_MUST_USE bool fl__store_spend(struct fl__call *call, uint64_t size);
/* Gives a key's value a size, and returns its bytes to be changed in place; what it gains is 0, and is spent.
 * A key that does not exist comes into being. Valid until the next change. NULL: the call is over, because of
 * that or for want of memory. */
FL_MUST_USE char *fl__store_edit(struct fl__call *call, struct fl__bytes key, size_t value_size);
/* Gives a key that exists a deadline, or takes it away. */
void fl__store_expire(struct fl__store *store, struct fl__bytes key, uint64_t deadline_ms);
bool fl__store_remove(struct fl__store *store, struct fl__bytes key); /* False: no such key. */
/* Counts and tells that a key expired: for who gave it a deadline that was past. */
void fl__store_count_expired(struct fl__store *store, struct fl__bytes key);
void fl__store_clear(struct fl__store *store);
/* Tells the listener, if there is one. */
void fl__store_notify(struct fl__store *store, enum fl__event event, const char *name, struct fl__bytes key);
uint64_t fl__store_publish(struct fl__store *store, bool sharded, struct fl__bytes channel,
                           struct fl__bytes message);

/* ---------------------------------------------------------------------------------------- crc64.c, dump.c */

/* CRC-64 of Jones, as Redis has it: `crc` is that of the bytes before; 0: there are none. */
uint64_t fl__crc64(uint64_t crc, struct fl__bytes bytes);

/* A serialized value whose form has been checked. */
enum fl__dump_form { FL__DUMP_PLAIN, FL__DUMP_NUMBER, FL__DUMP_COMPRESSED };
struct fl__dump {
    enum fl__dump_form form;
    struct fl__bytes bytes; /* PLAIN: the value. COMPRESSED: what it is made of. */
    int32_t number;         /* NUMBER. */
    uint64_t size;          /* Of the value. */
};

/* NULL, or the complaint. With NULL, fl__dump_unpack() writes exactly dump->size bytes. */
FL_MUST_USE const char *fl__dump_read(struct fl__bytes serialized, struct fl__dump *dump);
void fl__dump_unpack(const struct fl__dump *dump, char *out);

/* ------------------------------------------------------------------------------------------------- slot.c */

#define FL__SLOT_COUNT 16384
uint32_t fl__slot_of(struct fl__bytes key); /* Below FL__SLOT_COUNT. */
fl__store_fn fl__slot_count_keys, fl__slot_keys;

/* ----------------------------------------------------------------------------------------- command bodies */

/* What several command bodies complain about. */
#define FL__ERROR_SYNTAX "ERR syntax error"
#define FL__ERROR_INTEGER "ERR value is not an integer or out of range"
#define FL__ERROR_TOO_LONG "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* Reads args[k] as an integer. False: complained. */
static inline bool fl__call_integer(const struct fl__call *call, uint32_t k, int64_t *out)
{
    if (fl__number_parse(call->args[k], out))
        return true;
    fl__reply_error(call->reply, FL__ERROR_INTEGER);
    return false;
}

/* How much longer the value of the key args[k] becomes with that size. */
uint64_t fl__call_growth(const struct fl__call *call, uint32_t k, uint64_t value_size);

/* string.c range.c counter.c lcs.c */
fl__store_fn fl__string_append, fl__string_decr, fl__string_decrby, fl__string_get, fl__string_getdel,
    fl__string_getex, fl__string_getrange, fl__string_getset, fl__string_incr, fl__string_incrby,
    fl__string_incrbyfloat, fl__string_lcs, fl__string_mget, fl__string_mset, fl__string_msetnx,
    fl__string_psetex, fl__string_set, fl__string_setex, fl__string_setnx, fl__string_setrange,
    fl__string_strlen;

/* bit.c bitfield.c */
/* Reads args[k] as the position of a bit that a value may have; with a width, "#n" is n fields of it. False:
 * complained. */
FL_MUST_USE bool fl__bit_read_offset(const struct fl__call *call, uint32_t k, uint32_t width,
                                     uint64_t *offset);
fl__stretch_fn fl__string_stretch_setrange, fl__bit_stretch_bitfield, fl__bit_stretch_bitop,
    fl__bit_stretch_setbit;
fl__store_fn fl__bit_bitcount, fl__bit_bitfield, fl__bit_bitop, fl__bit_bitpos, fl__bit_getbit,
    fl__bit_setbit;

/* key.c, expire.c, scan.c, dump.c */
fl__store_fn fl__key_copy, fl__key_dbsize, fl__key_del, fl__key_exists, fl__key_flushall, fl__key_flushdb,
    fl__key_memory_usage, fl__key_move, fl__key_object_encoding, fl__key_object_freq, fl__key_object_idletime,
    fl__key_object_refcount, fl__key_rename, fl__key_renamenx, fl__key_revision, fl__key_swapdb, fl__key_time,
    fl__key_touch, fl__key_type, fl__key_unlink;
fl__store_fn fl__expire_expire, fl__expire_expireat, fl__expire_expiretime, fl__expire_persist,
    fl__expire_pexpire, fl__expire_pexpireat, fl__expire_pexpiretime, fl__expire_pttl, fl__expire_ttl;
fl__store_fn fl__scan_keys, fl__scan_randomkey, fl__scan_scan;
fl__store_fn fl__dump_dump, fl__dump_restore;
fl__stretch_fn fl__key_stretch_copy, fl__dump_stretch_restore;
/* message.c */
fl__store_fn fl__message_publish, fl__message_spublish;

#endif
