/* key.c - command bodies: keys of any type, what is to be known about one, and the database as a whole.
 * Replies and complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NUMBER "ERR value is not an integer or out of range"
#define ERROR_SAME "ERR source and destination objects are the same"
#define ERROR_DATABASE "ERR DB index is out of range"

/* --------------------------------------------------------------------------------------------------- keys */

void fl__key_del(struct fl__call *call)
{
    int64_t removed_count = 0;
    for (uint32_t k = 1; k < call->arg_count; k++) {
        if (!fl__store_remove(call->store, call->args[k]))
            continue;
        removed_count++;
        fl__store_notify(call->store, FL__EVENT_GENERIC, "del", call->args[k]);
    }
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

/* When a key was last read is not part of the state: reads change nothing. */
void fl__key_touch(struct fl__call *call)
{
    fl__key_exists(call);
}

void fl__key_type(struct fl__call *call)
{
    fl__reply_status(call->reply, fl__store_look_up(call->store, call->args[1]) == NULL ? "none" : "string");
}

static void rename_key(struct fl__call *call, bool if_absent)
{
    struct fl__bytes from = call->args[1], to = call->args[2];
    const struct fl__item *item = fl__store_find(call->store, from);
    if (item == NULL) {
        fl__reply_error(call->reply, "ERR no such key");
        return;
    }
    bool is_same = fl__bytes_equal(from, to);
    bool is_refused = if_absent && (is_same || fl__store_find(call->store, to) != NULL);
    if (!is_same && !is_refused) {
        if (!fl__store_spend(call, item->value_size)) /* The value stands behind the key, and moves. */
            return;
        fl__store_rename(call->store, from, to);
        fl__store_notify(call->store, FL__EVENT_GENERIC, "rename_from", from);
        fl__store_notify(call->store, FL__EVENT_GENERIC, "rename_to", to);
    }
    if (if_absent)
        fl__reply_integer(call->reply, !is_refused);
    else
        fl__reply_ok(call->reply);
}

void fl__key_rename(struct fl__call *call)
{
    rename_key(call, false);
}

void fl__key_renamenx(struct fl__call *call)
{
    rename_key(call, true);
}

/* NULL if an argument names the one database that there is; else the complaint. */
static const char *check_database(struct fl__bytes text)
{
    int64_t number;
    if (!fl__number_parse(text, &number))
        return ERROR_NUMBER;
    if (number < INT32_MIN || number > INT32_MAX)
        return "ERR value is out of range, value must between -2147483648 and 2147483647";
    return number == 0 ? NULL : ERROR_DATABASE;
}

/* NULL, or the complaint. */
static const char *read_copy_options(const struct fl__call *call, bool *replace)
{
    for (uint32_t k = 3; k < call->arg_count; k++) {
        if (fl__bytes_is(call->args[k], "replace")) {
            *replace = true;
            continue;
        }
        if (!fl__bytes_is(call->args[k], "db") || k + 1 == call->arg_count)
            return ERROR_SYNTAX;
        const char *error = check_database(call->args[++k]);
        if (error != NULL)
            return error;
    }
    return fl__bytes_equal(call->args[1], call->args[2]) ? ERROR_SAME : NULL;
}

uint64_t fl__key_stretch_copy(const struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    return item == NULL ? 0 : fl__call_growth(call, 2, item->value_size);
}

void fl__key_copy(struct fl__call *call)
{
    struct fl__bytes from = call->args[1], to = call->args[2];
    bool replace = false;
    const char *error = read_copy_options(call, &replace);
    if (error != NULL) {
        fl__reply_error(call->reply, error);
        return;
    }
    const struct fl__item *item = fl__store_find(call->store, from);
    if (item == NULL)
        fl__store_notify(call->store, FL__EVENT_MISS, "keymiss", from);
    bool is_copied = item != NULL && (replace || fl__store_find(call->store, to) == NULL);
    if (is_copied && !fl__store_spend(call, item->value_size))
        return;
    if (is_copied) {
        fl__store_remove(call->store, to);
        /* Items stay where they are while others come. */
        fl__store_put(call->store, to, fl__item_value(item), fl__store_deadline(call->store, item));
        fl__store_notify(call->store, FL__EVENT_GENERIC, "copy_to", to);
    }
    fl__reply_integer(call->reply, is_copied);
}

/* There is no other database to move a key to. */
void fl__key_move(struct fl__call *call)
{
    const char *error = check_database(call->args[2]);
    fl__reply_error(call->reply, error != NULL ? error : ERROR_SAME);
}

/* ------------------------------------------------------------------------------------- what a key is like */

/* The log index of the key's last change: who holds a lock that is a key may show it along with what he does,
 * and whoever has seen a higher one refuses (a fencing token). 0, lower than every change, if there is no
 * key: so the answer can always be compared. */
void fl__key_revision(struct fl__call *call)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    fl__reply_integer(call->reply, item == NULL ? 0 : (int64_t)item->revision);
}

/* The key of OBJECT and MEMORY USAGE. Looking is no use of it, and no miss. NULL: answered with nil. */
static const struct fl__item *find_or_null(const struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[2]);
    if (item == NULL)
        fl__reply_null(call->reply);
    return item;
}

/* A value is bytes here. Tools that ask how Redis holds it are told how Redis would hold one that was just
 * set. */
#define EMBEDDED_SIZE_MAX 44
#define SHARED_NUMBERS 10000

void fl__key_object_encoding(struct fl__call *call)
{
    int64_t number;
    const struct fl__item *item = find_or_null(call);
    if (item == NULL)
        return;
    if (fl__number_parse(fl__item_value(item), &number))
        fl__reply_text(call->reply, "int");
    else
        fl__reply_text(call->reply, item->value_size <= EMBEDDED_SIZE_MAX ? "embstr" : "raw");
}

void fl__key_object_refcount(struct fl__call *call)
{
    int64_t number;
    const struct fl__item *item = find_or_null(call);
    if (item == NULL)
        return;
    bool is_shared =
        fl__number_parse(fl__item_value(item), &number) && number >= 0 && number < SHARED_NUMBERS;
    fl__reply_integer(call->reply, is_shared ? INT32_MAX : 1);
}

/* Reads leave no trace, so how long a key has been idle is not known: each is told as just used. */
void fl__key_object_idletime(struct fl__call *call)
{
    if (find_or_null(call) != NULL)
        fl__reply_integer(call->reply, 0);
}

void fl__key_object_freq(struct fl__call *call)
{
    if (find_or_null(call) != NULL)
        fl__reply_error(
            call->reply,
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note "
            "that when switching between policies at runtime LRU and LFU data will take some time to "
            "adjust.");
}

/* NULL, or the complaint. A string is one block: how many samples to take makes no difference. */
static const char *check_samples(const struct fl__call *call)
{
    for (uint32_t k = 3; k < call->arg_count; k += 2) {
        int64_t count;
        if (!fl__bytes_is(call->args[k], "samples") || k + 1 == call->arg_count)
            return ERROR_SYNTAX;
        if (!fl__number_parse(call->args[k + 1], &count))
            return ERROR_NUMBER;
        if (count < 0)
            return ERROR_SYNTAX;
    }
    return NULL;
}

void fl__key_memory_usage(struct fl__call *call)
{
    const char *error = check_samples(call);
    if (error != NULL) {
        fl__reply_error(call->reply, error);
        return;
    }
    const struct fl__item *item = find_or_null(call);
    if (item != NULL)
        fl__reply_integer(call->reply, (int64_t)(fl__item_memory(item) + sizeof(struct fl__item *) +
                                                 (item->deadline != 0 ? FL__DEADLINE_SIZE : 0)));
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

/* The one database can be exchanged with itself. */
void fl__key_swapdb(struct fl__call *call)
{
    static const char *const errors[] = {"ERR invalid first DB index", "ERR invalid second DB index"};
    bool is_outside = false;
    for (uint32_t k = 0; k < 2; k++) {
        int64_t number;
        if (!fl__number_parse(call->args[k + 1], &number) || number < INT32_MIN || number > INT32_MAX) {
            fl__reply_error(call->reply, errors[k]);
            return;
        }
        is_outside |= number != 0;
    }
    if (is_outside)
        fl__reply_error(call->reply, ERROR_DATABASE);
    else
        fl__reply_ok(call->reply);
}
