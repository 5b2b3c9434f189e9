/* key.c - command bodies: keys of any type, their expiry, SCAN, and the database as a whole. Replies and
 * complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NUMBER "ERR value is not an integer or out of range"
#define SCAN_COUNT 10        /* Without COUNT. */
#define OPTION_SHOWN_MAX 512 /* Bytes of a wrong option in the complaint about it. */

/* --------------------------------------------------------------------------------------------------- keys */

void fl__key_del(struct fl__call *call)
{
    int64_t removed_count = 0;
    for (uint32_t k = 1; k < call->arg_count; k++)
        removed_count += fl__store_remove(call->store, call->args[k]);
    fl__reply_integer(call->reply, removed_count);
}

/* Freeing is never long: a key is one block. */
void fl__key_unlink(struct fl__call *call)
{
    fl__key_del(call);
}

void fl__key_exists(struct fl__call *call)
{
    int64_t count = 0;
    for (uint32_t k = 1; k < call->arg_count; k++)
        count += fl__store_look_up(call->store, call->args[k]) != NULL;
    fl__reply_integer(call->reply, count);
}

void fl__key_type(struct fl__call *call)
{
    fl__reply_status(call->reply, fl__store_look_up(call->store, call->args[1]) == NULL ? "none" : "string");
}

/* ------------------------------------------------------------------------------------------------- expiry */

struct expire_options {
    bool nx, xx, gt, lt;
};

/* False: complained. */
static bool read_options(const struct fl__call *call, struct expire_options *options)
{
    for (uint32_t k = 3; k < call->arg_count; k++) {
        struct fl__bytes option = call->args[k];
        if (fl__bytes_is(option, "nx")) {
            options->nx = true;
        } else if (fl__bytes_is(option, "xx")) {
            options->xx = true;
        } else if (fl__bytes_is(option, "gt")) {
            options->gt = true;
        } else if (fl__bytes_is(option, "lt")) {
            options->lt = true;
        } else {
            int shown = option.size < OPTION_SHOWN_MAX ? (int)option.size : OPTION_SHOWN_MAX;
            fl__reply_error_format(call->reply, "ERR Unsupported option %.*s", shown, option.data);
            return false;
        }
    }
    if (options->nx && (options->xx || options->gt || options->lt)) {
        fl__reply_error(call->reply, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    if (options->gt && options->lt) {
        fl__reply_error(call->reply, "ERR GT and LT options at the same time are not compatible");
        return false;
    }
    return true;
}

/* The time that an EXPIRE command names, in milliseconds since 1970; it may be negative. False:
 * complained. */
static bool read_time(const struct fl__call *call, bool in_seconds, uint64_t base_ms, int64_t *time_ms)
{
    int64_t time;
    if (!fl__number_parse(call->args[2], &time)) {
        fl__reply_error(call->reply, ERROR_NUMBER);
        return false;
    }
    bool overflows = in_seconds && __builtin_mul_overflow(time, 1000, &time);
    if (overflows || __builtin_add_overflow(time, (int64_t)base_ms, time_ms)) {
        fl__reply_error_format(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
        return false;
    }
    return true;
}

/* Whether the options allow that a key with deadline `old_ms` gets the deadline `new_ms`. No deadline is an
 * infinite one. */
static bool is_allowed(const struct expire_options *options, uint64_t old_ms, int64_t new_ms)
{
    bool has_deadline = old_ms != FL__NO_DEADLINE;
    if ((options->nx && has_deadline) || (options->xx && !has_deadline))
        return false;
    if (options->gt && (!has_deadline || new_ms <= (int64_t)old_ms))
        return false;
    return !(options->lt && has_deadline && new_ms >= (int64_t)old_ms);
}

static void expire(struct fl__call *call, bool in_seconds, bool is_relative)
{
    struct expire_options options = {0};
    int64_t time_ms;
    uint64_t now_ms = fl__store_time_ms(call->store);
    if (!read_options(call, &options) || !read_time(call, in_seconds, is_relative ? now_ms : 0, &time_ms))
        return;
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    if (item == NULL || !is_allowed(&options, fl__store_deadline(call->store, item), time_ms)) {
        fl__reply_integer(call->reply, 0);
        return;
    }
    if (time_ms <= (int64_t)now_ms)
        fl__store_remove(call->store, call->args[1]);
    else
        fl__store_expire(call->store, call->args[1], (uint64_t)time_ms);
    fl__reply_integer(call->reply, 1);
}

void fl__key_expire(struct fl__call *call)
{
    expire(call, true, true);
}

void fl__key_pexpire(struct fl__call *call)
{
    expire(call, false, true);
}

void fl__key_expireat(struct fl__call *call)
{
    expire(call, true, false);
}

void fl__key_pexpireat(struct fl__call *call)
{
    expire(call, false, false);
}

void fl__key_persist(struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    bool has_deadline = item != NULL && fl__store_deadline(call->store, item) != FL__NO_DEADLINE;
    if (has_deadline)
        fl__store_expire(call->store, call->args[1], FL__NO_DEADLINE);
    fl__reply_integer(call->reply, has_deadline);
}

/* What is left of a key's life: -2 no key, -1 for ever, else milliseconds, rounded to seconds for TTL. */
static void reply_ttl(struct fl__call *call, bool in_seconds)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    uint64_t deadline_ms = item == NULL ? 0 : fl__store_deadline(call->store, item);
    if (item == NULL || deadline_ms == FL__NO_DEADLINE) {
        fl__reply_integer(call->reply, item == NULL ? -2 : -1);
        return;
    }
    uint64_t left_ms = deadline_ms - fl__store_time_ms(call->store);
    fl__reply_integer(call->reply, (int64_t)(in_seconds ? (left_ms + 500) / 1000 : left_ms));
}

void fl__key_ttl(struct fl__call *call)
{
    reply_ttl(call, true);
}

void fl__key_pttl(struct fl__call *call)
{
    reply_ttl(call, false);
}

/* --------------------------------------------------------------------------------------------------- SCAN */

/* SCAN walks the keys in the order of their hashes. The cursor is the first hash not looked at yet, so keys
 * of equal hash come together, and what was there at the start and stays is returned, whatever happens to
 * other keys, to the table, or to the node that is asked. */
struct scan_options {
    int64_t count;
    struct fl__bytes pattern; /* data NULL: every key. */
    struct fl__bytes type;    /* data NULL: every type. */
};

/* As strtoul() reads it for Redis: nothing is 0, a sign is allowed, and a negative cursor is behind every
 * key. */
static bool read_cursor(struct fl__bytes text, uint64_t *cursor)
{
    size_t k = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool is_valid = k == 0 || text.size > 1;
    uint64_t value = 0;
    for (; is_valid && k < text.size; k++) {
        unsigned digit = (unsigned)(unsigned char)text.data[k] - '0';
        is_valid = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    *cursor = text.size > 0 && text.data[0] == '-' ? 0 - value : value;
    return is_valid;
}

/* NULL, or the complaint. */
static const char *read_scan_options(const struct fl__call *call, struct scan_options *options)
{
    for (uint32_t k = 2; k < call->arg_count; k += 2) {
        if (k + 1 == call->arg_count)
            return ERROR_SYNTAX;
        struct fl__bytes value = call->args[k + 1];
        if (fl__bytes_is(call->args[k], "match"))
            options->pattern = value;
        else if (fl__bytes_is(call->args[k], "type"))
            options->type = value;
        else if (!fl__bytes_is(call->args[k], "count"))
            return ERROR_SYNTAX;
        else if (!fl__number_parse(value, &options->count))
            return ERROR_NUMBER;
        else if (options->count < 1)
            return ERROR_SYNTAX;
    }
    return NULL;
}

static bool is_wanted(const struct fl__call *call, const struct scan_options *options,
                      const struct fl__item *item)
{
    if (!fl__store_is_live(call->store, item))
        return false;
    if (options->type.data != NULL && !fl__bytes_is(options->type, "string"))
        return false;
    return options->pattern.data == NULL || fl__glob_match(options->pattern, fl__item_key(item), false);
}

/* The end of a scan's step: the position behind `count` items and those of the last one's hash. Counts the
 * wanted ones. */
static uint64_t find_end(const struct fl__call *call, const struct scan_options *options, uint64_t cursor,
                         size_t *wanted_count)
{
    const struct fl__item *item = fl__store_seek(call->store, cursor);
    int64_t left = options->count;
    for (; item != NULL; item = fl__store_after(call->store, item)) {
        if (left <= 0 && item->hash >= cursor)
            return cursor;
        cursor = item->hash + 1;
        left--;
        *wanted_count += is_wanted(call, options, item);
    }
    return FL__HASH_END;
}

void fl__key_scan(struct fl__call *call)
{
    struct scan_options options = {.count = SCAN_COUNT};
    uint64_t cursor;
    const char *error =
        read_cursor(call->args[1], &cursor) ? read_scan_options(call, &options) : "ERR invalid cursor";
    if (error != NULL) {
        fl__reply_error(call->reply, error);
        return;
    }
    size_t wanted_count = 0;
    uint64_t end = find_end(call, &options, cursor, &wanted_count);

    char text[FL__NUMBER_SIZE];
    fl__reply_array(call->reply, 2);
    fl__reply_bulk(call->reply,
                   (struct fl__bytes){text, fl__number_print(end == FL__HASH_END ? 0 : (int64_t)end, text)});
    fl__reply_array(call->reply, wanted_count);
    const struct fl__item *item = fl__store_seek(call->store, cursor);
    for (; item != NULL && item->hash < end; item = fl__store_after(call->store, item)) {
        if (is_wanted(call, &options, item))
            fl__reply_bulk(call->reply, fl__item_key(item));
    }
}

/* ------------------------------------------------------------------------------------------- the database */

void fl__key_dbsize(struct fl__call *call)
{
    struct fl__store_counts counts;
    fl__store_counts(call->store, &counts);
    fl__reply_integer(call->reply, (int64_t)counts.keys);
}

void fl__key_time(struct fl__call *call)
{
    uint64_t now_us = fl__store_time_us(call->store);
    uint64_t parts[] = {now_us / 1000000, now_us % 1000000};
    fl__reply_array(call->reply, 2);
    for (int k = 0; k < 2; k++) {
        char text[FL__NUMBER_SIZE];
        fl__reply_bulk(call->reply, (struct fl__bytes){text, fl__number_print((int64_t)parts[k], text)});
    }
}

/* ASYNC and SYNC mean the same here: the keys are gone at once, their memory soon. */
void fl__key_flushall(struct fl__call *call)
{
    bool is_valid = call->arg_count == 1 || (call->arg_count == 2 && (fl__bytes_is(call->args[1], "async") ||
                                                                      fl__bytes_is(call->args[1], "sync")));
    if (!is_valid) {
        fl__reply_error(call->reply, ERROR_SYNTAX);
        return;
    }
    fl__store_clear(call->store);
    fl__reply_ok(call->reply);
}

/* There is one database. */
void fl__key_flushdb(struct fl__call *call)
{
    fl__key_flushall(call);
}
