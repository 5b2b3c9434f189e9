/* string.c - command bodies: strings and counters. Replies and complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NUMBER "ERR value is not an integer or out of range"

static void reply_value(struct fl__call *call, const struct fl__item *item)
{
    if (item == NULL)
        fl__reply_null(call->reply);
    else
        fl__reply_bulk(call->reply, fl__item_value(item));
}

void fl__string_get(struct fl__call *call)
{
    reply_value(call, fl__store_look_up(call->store, call->args[1]));
}

void fl__string_mget(struct fl__call *call)
{
    fl__reply_array(call->reply, call->arg_count - 1);
    for (uint32_t k = 1; k < call->arg_count; k++)
        reply_value(call, fl__store_look_up(call->store, call->args[k]));
}

void fl__string_strlen(struct fl__call *call)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    fl__reply_integer(call->reply, item == NULL ? 0 : item->value_size);
}

/* Where a place of a value of `size` bytes lies that may be counted from its end. */
static int64_t place_in(int64_t place, int64_t size)
{
    if (place < 0)
        place += size;
    return place < 0 ? 0 : place;
}

/* Both ends are included. SUBSTR is its older name. */
void fl__string_getrange(struct fl__call *call)
{
    int64_t first, last;
    if (!fl__number_parse(call->args[2], &first) || !fl__number_parse(call->args[3], &last)) {
        fl__reply_error(call->reply, ERROR_NUMBER);
        return;
    }
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    struct fl__bytes value = item == NULL ? (struct fl__bytes){0} : fl__item_value(item);
    int64_t size = (int64_t)value.size;
    bool is_backwards = first < 0 && last < 0 && first > last;
    first = place_in(first, size);
    last = place_in(last, size);
    last = last < size ? last : size - 1;
    if (is_backwards || first > last)
        fl__reply_bulk(call->reply, (struct fl__bytes){"", 0});
    else
        fl__reply_bulk(call->reply, (struct fl__bytes){value.data + first, (size_t)(last - first + 1)});
}

/* ---------------------------------------------------------------------------------------------------- SET */

/* What an option of SET says about the key's deadline. */
enum expiry {
    EXPIRY_NONE,
    EXPIRY_KEEP,
    EXPIRY_EX,
    EXPIRY_PX,
    EXPIRY_EXAT,
    EXPIRY_PXAT,
};

struct set_options {
    bool if_absent, if_present, get;
    enum expiry expiry;
    struct fl__bytes time; /* With EX, PX, EXAT, PXAT. */
};

/* An option that may be said twice, but contradicts some others. */
static bool take_flag(bool *flag, bool contradicted)
{
    *flag = true;
    return !contradicted;
}

static bool take_expiry(struct set_options *options, enum expiry expiry)
{
    bool contradicted = options->expiry != EXPIRY_NONE && options->expiry != expiry;
    options->expiry = expiry;
    return !contradicted;
}

static enum expiry timed_expiry(struct fl__bytes option)
{
    if (fl__bytes_is(option, "ex"))
        return EXPIRY_EX;
    if (fl__bytes_is(option, "px"))
        return EXPIRY_PX;
    if (fl__bytes_is(option, "exat"))
        return EXPIRY_EXAT;
    return fl__bytes_is(option, "pxat") ? EXPIRY_PXAT : EXPIRY_NONE;
}

static bool take_option(struct set_options *options, struct fl__bytes option)
{
    if (fl__bytes_is(option, "nx"))
        return take_flag(&options->if_absent, options->if_present);
    if (fl__bytes_is(option, "xx"))
        return take_flag(&options->if_present, options->if_absent);
    if (fl__bytes_is(option, "get"))
        return take_flag(&options->get, false);
    return fl__bytes_is(option, "keepttl") && take_expiry(options, EXPIRY_KEEP);
}

static bool read_options(const struct fl__call *call, struct set_options *options)
{
    for (uint32_t k = 3; k < call->arg_count; k++) {
        enum expiry expiry = timed_expiry(call->args[k]);
        if (expiry == EXPIRY_NONE) {
            if (!take_option(options, call->args[k]))
                return false;
            continue;
        }
        if (k + 1 == call->arg_count || !take_expiry(options, expiry))
            return false;
        options->time = call->args[++k];
    }
    return true;
}

/* The deadline that the options ask for. False: complained. */
static bool read_deadline(const struct fl__call *call, const struct set_options *options,
                          uint64_t *deadline_ms)
{
    bool in_seconds = options->expiry == EXPIRY_EX || options->expiry == EXPIRY_EXAT;
    bool is_relative = options->expiry == EXPIRY_EX || options->expiry == EXPIRY_PX;
    uint64_t now_ms = fl__store_time_ms(call->store);
    int64_t time;

    *deadline_ms = options->expiry == EXPIRY_KEEP ? FL__KEEP_DEADLINE : FL__NO_DEADLINE;
    if (options->expiry <= EXPIRY_KEEP)
        return true;
    if (!fl__number_parse(options->time, &time)) {
        fl__reply_error(call->reply, ERROR_NUMBER);
        return false;
    }
    uint64_t time_ms = (uint64_t)time * (in_seconds ? 1000 : 1);
    if (time <= 0 || (in_seconds && time > INT64_MAX / 1000) ||
        (is_relative && time_ms > INT64_MAX - now_ms)) {
        fl__reply_error_format(call->reply, "ERR invalid expire time in '%s' command", call->command->name);
        return false;
    }
    *deadline_ms = is_relative ? now_ms + time_ms : time_ms;
    return true;
}

void fl__string_set(struct fl__call *call)
{
    struct set_options options = {0};
    uint64_t deadline_ms;
    if (!read_options(call, &options)) {
        fl__reply_error(call->reply, ERROR_SYNTAX);
        return;
    }
    if (!read_deadline(call, &options, &deadline_ms))
        return;

    bool is_conditional = options.get || options.if_absent || options.if_present;
    const struct fl__item *item = is_conditional ? fl__store_find(call->store, call->args[1]) : NULL;
    bool is_refused = (options.if_absent && item != NULL) || (options.if_present && item == NULL);
    if (options.get)
        reply_value(call, item);
    else if (is_refused)
        fl__reply_null(call->reply);
    else
        fl__reply_ok(call->reply);
    if (!is_refused)
        fl__store_put(call->store, call->args[1], call->args[2], deadline_ms);
}

/* ---------------------------------------------------------------------------------------- its older forms */

static void set_with_deadline(struct fl__call *call, enum expiry expiry)
{
    const struct set_options options = {.expiry = expiry, .time = call->args[2]};
    uint64_t deadline_ms;
    if (!read_deadline(call, &options, &deadline_ms))
        return;
    fl__store_put(call->store, call->args[1], call->args[3], deadline_ms);
    fl__reply_ok(call->reply);
}

void fl__string_setex(struct fl__call *call)
{
    set_with_deadline(call, EXPIRY_EX);
}

void fl__string_psetex(struct fl__call *call)
{
    set_with_deadline(call, EXPIRY_PX);
}

void fl__string_setnx(struct fl__call *call)
{
    bool is_absent = fl__store_find(call->store, call->args[1]) == NULL;
    if (is_absent)
        fl__store_put(call->store, call->args[1], call->args[2], FL__NO_DEADLINE);
    fl__reply_integer(call->reply, is_absent);
}

void fl__string_getset(struct fl__call *call)
{
    reply_value(call, fl__store_find(call->store, call->args[1]));
    fl__store_put(call->store, call->args[1], call->args[2], FL__NO_DEADLINE);
}

void fl__string_getdel(struct fl__call *call)
{
    reply_value(call, fl__store_find(call->store, call->args[1]));
    fl__store_remove(call->store, call->args[1]);
}

/* Keys and values in turn. False: complained. */
static bool has_pairs(const struct fl__call *call)
{
    if (call->arg_count % 2 == 1)
        return true;
    fl__reply_error_format(call->reply, "ERR wrong number of arguments for '%s' command",
                           call->command->name);
    return false;
}

static void put_pairs(struct fl__call *call)
{
    for (uint32_t k = 1; k < call->arg_count; k += 2)
        fl__store_put(call->store, call->args[k], call->args[k + 1], FL__NO_DEADLINE);
}

void fl__string_mset(struct fl__call *call)
{
    if (!has_pairs(call))
        return;
    put_pairs(call);
    fl__reply_ok(call->reply);
}

void fl__string_msetnx(struct fl__call *call)
{
    if (!has_pairs(call))
        return;
    for (uint32_t k = 1; k < call->arg_count; k += 2) {
        if (fl__store_find(call->store, call->args[k]) != NULL) {
            fl__reply_integer(call->reply, 0);
            return;
        }
    }
    put_pairs(call);
    fl__reply_integer(call->reply, 1);
}

void fl__string_append(struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    size_t size = (item == NULL ? 0 : item->value_size) + call->args[2].size;
    if (size > FL__VALUE_SIZE_MAX) {
        fl__reply_error(call->reply, "ERR string exceeds maximum allowed size (proto-max-bulk-len)");
        return;
    }
    fl__store_append(call->store, call->args[1], call->args[2]);
    fl__reply_integer(call->reply, (int64_t)size);
}

/* ----------------------------------------------------------------------------------------------- counters */

static void add_to_key(struct fl__call *call, int64_t change)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    int64_t value = 0;
    if (item != NULL && !fl__number_parse(fl__item_value(item), &value)) {
        fl__reply_error(call->reply, ERROR_NUMBER);
        return;
    }
    if (__builtin_add_overflow(value, change, &value)) {
        fl__reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    char text[FL__NUMBER_SIZE];
    struct fl__bytes printed = {text, fl__number_print(value, text)};
    fl__store_put(call->store, call->args[1], printed, FL__KEEP_DEADLINE);
    fl__reply_integer(call->reply, value);
}

void fl__string_incr(struct fl__call *call)
{
    add_to_key(call, 1);
}

void fl__string_decr(struct fl__call *call)
{
    add_to_key(call, -1);
}

void fl__string_incrby(struct fl__call *call)
{
    int64_t change;
    if (fl__number_parse(call->args[2], &change))
        add_to_key(call, change);
    else
        fl__reply_error(call->reply, ERROR_NUMBER);
}

void fl__string_decrby(struct fl__call *call)
{
    int64_t change;
    if (!fl__number_parse(call->args[2], &change))
        fl__reply_error(call->reply, ERROR_NUMBER);
    else if (change == INT64_MIN)
        fl__reply_error(call->reply, "ERR decrement would overflow");
    else
        add_to_key(call, -change);
}
