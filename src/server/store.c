/* store.c - the keyspace: a deterministic state machine.
 *
 * What it holds is a function of the entries applied, and of nothing else: time is the log's clock, which
 * each entry brings forward. A key whose deadline lies before that clock does not exist, for any command,
 * whether it has been freed or not; so expired keys can be freed a little with each entry, like what FLUSHALL
 * left behind. Only who listens notices when: a key is told as expired when it is freed, or when a write
 * meets it first. That too follows from the entries alone, in the order of deadlines and then of keys.
 *
 * Invariants:
 *   S1  The clock and the index never decrease.
 *   S2  An item's deadline place names a deadline of that item; an item without a place has none.
 *   S3  Once broken (memory ran out within an entry), nothing is applied or answered any more. */
#include "keyspace.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

/* Work on leftovers with each entry; a tick has nothing else to do. */
#define ENTRY_EXPIRES 16
#define ENTRY_BUCKETS 64
#define TICK_EXPIRES 1024
#define TICK_BUCKETS 4096
/* More of it with whatever could leave more behind. A table of n keys has at most 2n buckets when it has just
 * been filled, so it is freed before as many keys are there again. */
#define INSERT_BUCKETS 4
#define CLEAR_BUCKETS 128
#define STRETCH_MAX 4096        /* By which a value may become longer without attracting attention. */
#define CLOCK_LAG_US_MAX 100000 /* How old the log's clock may be where an answer tells the time. */

/* A table that is not part of the state any more. */
struct discarded {
    struct fl__map map;
    uint64_t position; /* Up to where it has been freed. */
    struct discarded *next;
};

struct fl__store {
    struct fl__map map;
    struct fl__deadlines deadlines;
    struct discarded *discarded;
    uint64_t discarded_count; /* Keys in there, not freed yet. */
    struct fl__payload_reader reader;
    uint64_t hash_seed;
    uint64_t clock_us;
    fl_index index;
    uint64_t expired_count, hit_count, miss_count;
    uint64_t work_read, work_written; /* Bytes, by the calls of one entry or read. */
    struct fl__store_listener listener;
    bool broken;
};

struct fl__store *fl__store_create(uint64_t hash_seed)
{
    struct fl__store *store = calloc(1, sizeof *store);
    if (store == NULL)
        return NULL;
    store->hash_seed = hash_seed;
    if (fl__map_init(&store->map) == FL_OK)
        return store;
    free(store);
    return NULL;
}

/* ---------------------------------------------------------------------------------------------- leftovers */

static void free_discarded(struct fl__store *store, uint64_t bucket_count)
{
    struct discarded *discarded = store->discarded;
    if (discarded == NULL)
        return;
    store->discarded_count -= discarded->map.count;
    bool is_empty = fl__map_drain(&discarded->map, &discarded->position, bucket_count);
    store->discarded_count += discarded->map.count;
    if (!is_empty)
        return;
    store->discarded = discarded->next;
    free(discarded);
}

void fl__store_destroy(struct fl__store *store)
{
    if (store == NULL)
        return;
    while (store->discarded != NULL)
        free_discarded(store, UINT64_MAX);
    uint64_t position = 0;
    fl__map_drain(&store->map, &position, UINT64_MAX);
    fl__deadlines_release(&store->deadlines);
    fl__payload_release(&store->reader);
    free(store);
}

static bool is_expired(const struct fl__store *store, const struct fl__item *item)
{
    return item->deadline != 0 && fl__deadlines_of(&store->deadlines, item) < fl__store_time_ms(store);
}

static uint64_t hash_key(const struct fl__store *store, struct fl__bytes key)
{
    return XXH3_64bits_withSeed(key.data, key.size, store->hash_seed) >> (64 - FL__HASH_BITS);
}

/* An expired key is freed, or its room used for another one. */
void fl__store_count_expired(struct fl__store *store, struct fl__bytes key)
{
    store->expired_count++;
    fl__store_notify(store, FL__EVENT_EXPIRED, "expired", key);
}

static void remove_item(struct fl__store *store, struct fl__item **link)
{
    if (is_expired(store, *link))
        fl__store_count_expired(store, fl__item_key(*link));
    fl__deadlines_clear(&store->deadlines, *link);
    fl__map_remove(&store->map, link);
}

static void free_expired(struct fl__store *store, uint32_t count_max)
{
    for (; count_max > 0; count_max--) {
        struct fl__item *item = fl__deadlines_first(&store->deadlines);
        if (item == NULL || !is_expired(store, item))
            return;
        bool found;
        struct fl__item **link = fl__map_find(&store->map, item->hash, fl__item_key(item), &found);
        fl_assert(found && *link == item);
        remove_item(store, link);
    }
}

/* ---------------------------------------------------------------------------- for command bodies: reading */

uint64_t fl__store_time_us(const struct fl__store *store)
{
    return store->clock_us;
}

uint64_t fl__store_time_ms(const struct fl__store *store)
{
    return store->clock_us / 1000;
}

bool fl__store_is_live(const struct fl__store *store, const struct fl__item *item)
{
    return !is_expired(store, item);
}

const struct fl__item *fl__store_find(const struct fl__store *store, struct fl__bytes key)
{
    bool found;
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, key), key, &found);
    return found && !is_expired(store, *link) ? *link : NULL;
}

uint64_t fl__store_revision(const struct fl__store *store, struct fl__bytes key)
{
    const struct fl__item *item = fl__store_find(store, key);
    return item != NULL ? item->revision : 0;
}

const struct fl__item *fl__store_look_up(struct fl__store *store, struct fl__bytes key)
{
    const struct fl__item *item = fl__store_find(store, key);
    store->hit_count += item != NULL;
    store->miss_count += item == NULL;
    if (item == NULL)
        fl__store_notify(store, FL__EVENT_MISS, "keymiss", key);
    return item;
}

uint64_t fl__store_held(const struct fl__store *store)
{
    return store->map.count;
}

const struct fl__item *fl__store_seek(const struct fl__store *store, uint64_t position)
{
    return fl__map_seek(&store->map, position);
}

const struct fl__item *fl__store_after(const struct fl__store *store, const struct fl__item *item)
{
    return fl__map_after(&store->map, item);
}

uint64_t fl__store_deadline(const struct fl__store *store, const struct fl__item *item)
{
    return fl__deadlines_of(&store->deadlines, item);
}

/* ---------------------------------------------------------------------------- for command bodies: writing */

static void set_deadline(struct fl__store *store, struct fl__item *item, uint64_t deadline_ms)
{
    if (deadline_ms == FL__NO_DEADLINE)
        fl__deadlines_clear(&store->deadlines, item);
    else if (fl__deadlines_set(&store->deadlines, item, deadline_ms) != FL_OK)
        store->broken = true;
}

/* Changes the size of an item's value, for the entry being applied. NULL: no memory. */
static struct fl__item *resize_item(struct fl__store *store, struct fl__item **link, size_t value_size,
                                    bool spare)
{
    struct fl__item *item = fl__map_resize(&store->map, link, (uint32_t)value_size, spare);
    if (item == NULL) {
        store->broken = true;
        return NULL;
    }
    fl__deadlines_moved(&store->deadlines, item);
    item->revision = store->index;
    return item;
}

static struct fl__item *insert_item(struct fl__store *store, struct fl__item **link, uint64_t hash,
                                    struct fl__bytes key, size_t value_size)
{
    struct fl__item *item = fl__map_insert(&store->map, link, hash, key, (uint32_t)value_size);
    if (item == NULL) {
        store->broken = true;
        return NULL;
    }
    item->revision = store->index;
    free_discarded(store, INSERT_BUCKETS);
    return item;
}

static void copy_to(char *out, struct fl__bytes bytes)
{
    if (bytes.size > 0)
        memcpy(out, bytes.data, bytes.size);
}

/* The item of a key that gets a value of `size` bytes and a deadline. NULL: no memory, or the deadline is
 * past, and the key is gone. */
static struct fl__item *make_item(struct fl__store *store, struct fl__bytes key, size_t size,
                                  uint64_t deadline_ms)
{
    if (deadline_ms < fl__store_time_ms(store)) {
        if (!fl__store_remove(store, key))
            fl__store_notify(store, FL__EVENT_NEW, "new", key);
        return NULL;
    }
    bool found;
    uint64_t hash = hash_key(store, key);
    struct fl__item **link = fl__map_find(&store->map, hash, key, &found);
    bool was_expired = found && is_expired(store, *link);
    bool is_kept = found && !was_expired && deadline_ms == FL__KEEP_DEADLINE;
    if (was_expired)
        fl__store_count_expired(store, key);
    struct fl__item *item =
        found ? resize_item(store, link, size, false) : insert_item(store, link, hash, key, size);
    if (item == NULL)
        return NULL;
    if (!is_kept)
        set_deadline(store, item, deadline_ms == FL__KEEP_DEADLINE ? FL__NO_DEADLINE : deadline_ms);
    if (!found || was_expired)
        fl__store_notify(store, FL__EVENT_NEW, "new", key);
    return item;
}

char *fl__store_make(struct fl__store *store, struct fl__bytes key, size_t size, uint64_t deadline_ms)
{
    struct fl__item *item = make_item(store, key, size, deadline_ms);
    return item == NULL ? NULL : item->data + item->key_size;
}

void fl__store_put(struct fl__store *store, struct fl__bytes key, struct fl__bytes value,
                   uint64_t deadline_ms)
{
    struct fl__item *item = make_item(store, key, value.size, deadline_ms);
    if (item != NULL)
        copy_to(item->data + item->key_size, value);
}

void fl__store_rename(struct fl__store *store, struct fl__bytes from, struct fl__bytes to)
{
    bool found;
    fl__store_remove(store, to); /* What is expired may still be there. */
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, from), from, &found);
    fl_assert(found);
    uint64_t deadline_ms = fl__store_deadline(store, *link);
    struct fl__item *item = fl__map_rename(&store->map, link, hash_key(store, to), to);
    if (item == NULL) {
        store->broken = true;
        return;
    }
    item->revision = store->index;
    fl__deadlines_moved(&store->deadlines, item);
    set_deadline(store, item, deadline_ms); /* Its place among equal deadlines is another one. */
    fl__store_notify(store, FL__EVENT_NEW, "new", to);
}

void fl__store_append(struct fl__store *store, struct fl__bytes key, struct fl__bytes tail)
{
    bool found;
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, key), key, &found);
    if (!found || is_expired(store, *link)) {
        fl__store_put(store, key, tail, FL__NO_DEADLINE);
        return;
    }
    size_t size = (*link)->value_size;
    struct fl__item *item = resize_item(store, link, size + tail.size, true);
    if (item != NULL)
        copy_to(item->data + item->key_size + size, tail);
}

char *fl__store_edit(struct fl__call *call, struct fl__bytes key, size_t value_size)
{
    struct fl__store *store = call->store;
    const struct fl__item *before = fl__store_find(store, key);
    size_t size_before = before == NULL ? 0 : before->value_size;
    if (value_size > size_before && !fl__store_spend(call, value_size - size_before))
        return NULL;
    if (before == NULL)
        fl__store_put(store, key, (struct fl__bytes){0}, FL__NO_DEADLINE);
    if (store->broken)
        return NULL;
    bool found;
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, key), key, &found);
    /* What has grown before may grow again. */
    bool spare = size_before > 0 && value_size > size_before;
    struct fl__item *item = resize_item(store, link, value_size, spare);
    if (item == NULL)
        return NULL;
    char *value = item->data + item->key_size;
    if (value_size > size_before)
        memset(value + size_before, 0, value_size - size_before);
    return value;
}

void fl__store_expire(struct fl__store *store, struct fl__bytes key, uint64_t deadline_ms)
{
    bool found;
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, key), key, &found);
    fl_assert(found);
    (*link)->revision = store->index;
    set_deadline(store, *link, deadline_ms);
}

bool fl__store_remove(struct fl__store *store, struct fl__bytes key)
{
    bool found;
    struct fl__item **link = fl__map_find(&store->map, hash_key(store, key), key, &found);
    if (!found)
        return false;
    bool was_live = !is_expired(store, *link);
    remove_item(store, link);
    return was_live;
}

void fl__store_clear(struct fl__store *store)
{
    if (store->map.count == 0)
        return;
    struct fl__map empty;
    struct discarded *discarded = calloc(1, sizeof *discarded);
    if (discarded == NULL || fl__map_init(&empty) != FL_OK) {
        free(discarded);
        store->broken = true;
        return;
    }
    free_discarded(store, CLEAR_BUCKETS);
    store->discarded_count += store->map.count;
    discarded->map = store->map;
    discarded->next = store->discarded;
    store->discarded = discarded;
    store->map = empty;
    fl__deadlines_release(&store->deadlines);
}

/* ---------------------------------------------------------------------------------------------- listening */

void fl__store_listen(struct fl__store *store, const struct fl__store_listener *listener)
{
    store->listener = *listener;
}

void fl__store_notify(struct fl__store *store, enum fl__event event, const char *name, struct fl__bytes key)
{
    if (store->listener.event != NULL && !store->broken)
        store->listener.event(store->listener.owner, event, name, key);
}

uint64_t fl__store_publish(struct fl__store *store, bool sharded, struct fl__bytes channel,
                           struct fl__bytes message)
{
    if (store->listener.message == NULL)
        return 0;
    return store->listener.message(store->listener.owner, sharded, channel, message);
}

/* --------------------------------------------------------------------------------------------------- work */

uint64_t fl__store_work(const struct fl__store *store)
{
    return store->work_read;
}

static void forget_work(struct fl__store *store)
{
    store->work_read = store->work_written = 0;
}

bool fl__store_spend(struct fl__call *call, uint64_t size)
{
    struct fl__store *store = call->store;
    uint64_t *work = call->command->class == FL__CLASS_WRITE ? &store->work_written : &store->work_read;
    if (size <= FL__WORK_MAX - *work) {
        *work += size;
        return true;
    }
    fl__reply_error_format(
        call->reply,
        "ERR a command, or all commands of a transaction, may go through %u MiB of values; "
        "this one was not carried out",
        FL__WORK_MAX >> 20);
    return false;
}

/* ----------------------------------------------------------------------------------------------- applying */

static void run_call(struct fl__store *store, const struct fl__payload_reader *reader, uint64_t seed,
                     struct fl__reply *reply)
{
    const struct fl__command *command = fl__command_find(reader->args, reader->arg_count, reply);
    if (command == NULL)
        return;
    struct fl__call call = {store, command, reader->args, reader->arg_count, reply, seed};
    if (command->class == FL__CLASS_WRITE || (command->class == FL__CLASS_READ && reply != NULL))
        command->store(&call);
    else if (command->class != FL__CLASS_READ)
        fl__reply_error_format(reply, "ERR '%s' is about a node and cannot be applied", command->name);
}

/* Whether every key that a client watched is as it was then. */
static bool conditions_hold(struct fl__store *store)
{
    struct fl__bytes key;
    uint64_t revision;
    while (store->reader.conditions_left > 0) {
        fl__payload_next_condition(&store->reader, &key, &revision);
        if (fl__store_revision(store, key) != revision)
            return false;
    }
    return true;
}

/* Runs the calls of the entry that the store's reader has open. FL_ENOMEM: some were not run, or not to their
 * end, and the reply is not whole. */
static int run_calls(struct fl__store *store, const struct fl__context *context, struct fl__reply *reply)
{
    struct fl__payload_reader *reader = &store->reader;
    uint32_t hole_count = 0;
    int error = FL_OK;
    forget_work(store);
    if (!conditions_hold(store)) {
        fl__reply_null_array(reply);
        return FL_OK;
    }
    if (reader->kind != FL__PAYLOAD_COMMAND)
        fl__reply_array(reply, reader->left);
    while (reader->left > 0 && !store->broken && error == FL_OK) {
        error = fl__payload_next(reader);
        if (error != FL_OK)
            break;
        if (reader->arg_count > 0)
            run_call(store, reader, context->seed + reader->left, reply);
        else if (context->hole != NULL && reply != NULL)
            context->hole(context->owner, hole_count++, reply);
        else
            fl__reply_error(reply, "ERR the node that was asked has to answer this command");
    }
    if (store->broken)
        error = FL_ENOMEM;
    if (error != FL_OK && reply != NULL)
        reply->failed = true;
    return error;
}

int fl__store_apply(struct fl__store *store, const struct fl__context *context, struct fl__bytes data,
                    struct fl__reply *reply)
{
    if (store->broken)
        return FL_ENOMEM;
    if (context->time_us > store->clock_us)
        store->clock_us = context->time_us;
    if (context->index > store->index)
        store->index = context->index;

    int error = data.size == 0 ? FL_OK : fl__payload_check(data);
    bool has_calls = data.size > 0 && error == FL_OK;
    if (has_calls) {
        fl__payload_open(&store->reader, data);
        has_calls = store->reader.kind != FL__PAYLOAD_TICK;
    }
    free_expired(store, has_calls ? ENTRY_EXPIRES : TICK_EXPIRES);
    free_discarded(store, has_calls ? ENTRY_BUCKETS : TICK_BUCKETS);
    if (error != FL_OK)
        fl__reply_error(reply, "ERR the log entry is malformed; nothing was changed");
    if (has_calls)
        error = run_calls(store, context, reply);
    if (error == FL_ENOMEM)
        store->broken = true;
    return error;
}

/* ------------------------------------------------------------------------------------------------ reading */

static bool refuse_if_broken(const struct fl__store *store, struct fl__reply *reply)
{
    if (store->broken)
        fl__reply_error(reply, "ERR this node ran out of memory and stops; its state is incomplete");
    return store->broken;
}

void fl__store_read(struct fl__store *store, const struct fl__command *command, const struct fl__bytes *args,
                    uint32_t arg_count, uint64_t seed, struct fl__reply *reply)
{
    fl_assert(command->class == FL__CLASS_READ);
    struct fl__call call = {store, command, args, arg_count, reply, seed};
    forget_work(store);
    if (!refuse_if_broken(store, reply))
        command->store(&call);
}

void fl__store_read_transaction(struct fl__store *store, const struct fl__context *context,
                                struct fl__bytes data, struct fl__reply *reply)
{
    if (refuse_if_broken(store, reply))
        return;
    fl_assert(fl__payload_check(data) == FL_OK);
    fl__payload_open(&store->reader, data);
    (void)!run_calls(store, context,
                     reply); /* It has marked the reply as failed, which is all there is to do. */
}

/* Whether a key that is live by the log's clock is not at `time_us`, or its life is told by too old a
 * clock. */
static bool changes_until(const struct fl__store *store, struct fl__bytes key, uint64_t time_us,
                          bool tells_time)
{
    const struct fl__item *item = fl__store_find(store, key);
    if (item == NULL || item->deadline == 0)
        return false;
    return fl__store_deadline(store, item) < time_us / 1000 ||
           (tells_time && time_us - store->clock_us > CLOCK_LAG_US_MAX);
}

bool fl__store_needs_tick(const struct fl__store *store, const struct fl__command *command,
                          const struct fl__bytes *args, uint32_t arg_count, uint64_t time_us)
{
    uint32_t first, last, step;
    if (time_us <= store->clock_us)
        return false;
    if (command->asks == FL__ASKS_ALL_KEYS) {
        const struct fl__item *item = fl__deadlines_first(&store->deadlines);
        return item != NULL && fl__store_deadline(store, item) < time_us / 1000;
    }
    bool tells_time = command->asks == FL__ASKS_TIME;
    if (!fl__command_keys(command, arg_count, &first, &last, &step))
        return tells_time && time_us - store->clock_us > CLOCK_LAG_US_MAX;
    for (uint32_t k = first; k <= last; k += step) {
        if (changes_until(store, args[k], time_us, tells_time))
            return true;
    }
    return false;
}

bool fl__store_transaction_needs_tick(struct fl__store *store, struct fl__bytes data, uint64_t time_us)
{
    struct fl__payload_reader *reader = &store->reader;
    fl_assert(fl__payload_check(data) == FL_OK);
    fl__payload_open(reader, data);
    while (reader->conditions_left > 0) {
        struct fl__bytes key;
        uint64_t revision;
        fl__payload_next_condition(reader, &key, &revision);
        if (time_us > store->clock_us && changes_until(store, key, time_us, false))
            return true;
    }
    while (reader->left > 0) {
        if (fl__payload_next(reader) != FL_OK)
            return false; /* Then there is no memory for reading it either, which says so. */
        if (reader->arg_count == 0)
            continue; /* A hole: no key, no time. */
        const struct fl__command *command = fl__command_find(reader->args, reader->arg_count, NULL);
        if (command != NULL && fl__store_needs_tick(store, command, reader->args, reader->arg_count, time_us))
            return true;
    }
    return false;
}

uint64_t fl__call_growth(const struct fl__call *call, uint32_t k, uint64_t value_size)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[k]);
    uint64_t size_before = item == NULL ? 0 : item->value_size;
    return value_size > size_before ? value_size - size_before : 0;
}

bool fl__store_stretches(struct fl__store *store, const struct fl__command *command,
                         const struct fl__bytes *args, uint32_t arg_count)
{
    const struct fl__call call = {.store = store, .command = command, .args = args, .arg_count = arg_count};
    return command->stretch != NULL && command->stretch(&call) > STRETCH_MAX;
}

/* ------------------------------------------------------------------------------------------------ looking */

void fl__store_tidy(struct fl__store *store)
{
    free_discarded(store, TICK_BUCKETS);
}

uint64_t fl__store_deadline_us(const struct fl__store *store)
{
    const struct fl__item *item = fl__deadlines_first(&store->deadlines);
    uint64_t deadline_ms = item == NULL ? UINT64_MAX : fl__store_deadline(store, item);
    /* A key lives to the end of its last millisecond. */
    return deadline_ms >= UINT64_MAX / 1000 ? UINT64_MAX : (deadline_ms + 1) * 1000;
}

fl_index fl__store_index(const struct fl__store *store)
{
    return store->index;
}

uint64_t fl__store_memory(const struct fl__store *store)
{
    return store->map.memory + fl__deadlines_memory(&store->deadlines);
}

void fl__store_counts(const struct fl__store *store, struct fl__store_counts *out)
{
    uint64_t leftover = fl__deadlines_before(&store->deadlines, fl__store_time_ms(store));
    out->keys = store->map.count - leftover;
    out->expires = store->deadlines.count - leftover;
    out->expired = store->expired_count + leftover;
    out->hits = store->hit_count;
    out->misses = store->miss_count;
    out->discarded = store->discarded_count;
}

static uint64_t hash_item(const struct fl__store *store, const struct fl__item *item)
{
    struct fl__bytes key = fl__item_key(item), value = fl__item_value(item);
    uint64_t parts[] = {
        XXH3_64bits(key.data, key.size),
        XXH3_64bits(value.data, value.size),
        fl__store_deadline(store, item),
        item->revision,
    };
    return XXH3_64bits(parts, sizeof parts);
}

uint64_t fl__store_hash(const struct fl__store *store)
{
    uint64_t parts[] = {store->clock_us, store->index, 0, 0};
    const struct fl__item *item = fl__map_seek(&store->map, 0);
    for (; item != NULL; item = fl__map_after(&store->map, item)) {
        if (is_expired(store, item))
            continue;
        parts[2] += hash_item(store, item);
        parts[3]++;
    }
    return XXH3_64bits(parts, sizeof parts);
}
