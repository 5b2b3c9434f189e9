/* string.c - command bodies: strings as a whole. Replies and complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

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

/* ---------------------------------------------------------------------------------------------------- SET */

/* What an option of SET or GETEX says about the key's deadline. */
enum expiry {
    EXPIRY_NONE,
    EXPIRY_KEEP,
    EXPIRY_PERSIST,
    EXPIRY_EX,
    EXPIRY_PX,
    EXPIRY_EXAT,
    EXPIRY_PXAT,
};

struct options {
    bool if_absent, if_present, get;
    enum expiry expiry;
    struct fl__bytes time; /* With EX, PX, EXAT, PXAT. */
};

static bool has_time(const struct options *options)
{
    return options->expiry >= EXPIRY_EX;
}

/* An option that may be said twice, but contradicts some others. */
static bool take_flag(bool *flag, bool contradicted)
{
    *flag = true;
    return !contradicted;
}

static bool take_expiry(struct options *options, enum expiry expiry)
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

/* The options that come without a time, of either command. */
typedef bool take_option_fn(struct options *options, struct fl__bytes option);

static bool take_set_option(struct options *options, struct fl__bytes option)
{
    if (fl__bytes_is(option, "nx"))
        return take_flag(&options->if_absent, options->if_present);
    if (fl__bytes_is(option, "xx"))
        return take_flag(&options->if_present, options->if_absent);
    if (fl__bytes_is(option, "get"))
        return take_flag(&options->get, false);
    return fl__bytes_is(option, "keepttl") && take_expiry(options, EXPIRY_KEEP);
}

static bool take_getex_option(struct options *options, struct fl__bytes option)
{
    return fl__bytes_is(option, "persist") && take_expiry(options, EXPIRY_PERSIST);
}

/* Reads the options from args[first] on. False: complained. */
static bool read_options(const struct fl__call *call, uint32_t first, take_option_fn *take_option,
                         struct options *options)
{
    bool is_valid = true;
    for (uint32_t k = first; k < call->arg_count && is_valid; k++) {
        enum expiry expiry = timed_expiry(call->args[k]);
        if (expiry == EXPIRY_NONE) {
            is_valid = take_option(options, call->args[k]);
            continue;
        }
        is_valid = k + 1 < call->arg_count && take_expiry(options, expiry);
        if (is_valid)
            options->time = call->args[++k];
    }
    if (!is_valid)
        fl__reply_error(call->reply, FL__ERROR_SYNTAX);
    return is_valid;
}

/* The deadline that the options ask for. False: complained. */
static bool read_deadline(const struct fl__call *call, const struct options *options, uint64_t *deadline_ms)
{
    bool in_seconds = options->expiry == EXPIRY_EX || options->expiry == EXPIRY_EXAT;
    bool is_relative = options->expiry == EXPIRY_EX || options->expiry == EXPIRY_PX;
    uint64_t now_ms = fl__store_time_ms(call->store);
    int64_t time;

    *deadline_ms = options->expiry == EXPIRY_KEEP ? FL__KEEP_DEADLINE : FL__NO_DEADLINE;
    if (!has_time(options))
        return true;
    if (!fl__number_parse(options->time, &time)) {
        fl__reply_error(call->reply, FL__ERROR_INTEGER);
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

/* Sets the key named first, and tells it. With a deadline that is past it was there for no time at all, and
 * all of that is told, as by Redis. */
static void put(struct fl__call *call, struct fl__bytes value, uint64_t deadline_ms)
{
    fl__store_put(call->store, call->args[1], value, deadline_ms);
    fl__store_notify(call->store, FL__EVENT_STRING, "set", call->args[1]);
    if (deadline_ms < FL__KEEP_DEADLINE)
        fl__store_notify(call->store, FL__EVENT_GENERIC, "expire", call->args[1]);
    if (deadline_ms < fl__store_time_ms(call->store))
        fl__store_count_expired(call->store, call->args[1]);
}

void fl__string_set(struct fl__call *call)
{
    struct options options = {0};
    uint64_t deadline_ms;
    if (!read_options(call, 3, take_set_option, &options) || !read_deadline(call, &options, &deadline_ms))
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
        put(call, call->args[2], deadline_ms);
}

/* ---------------------------------------------------------------------------------------- its older forms */

static void set_with_deadline(struct fl__call *call, enum expiry expiry)
{
    const struct options options = {.expiry = expiry, .time = call->args[2]};
    uint64_t deadline_ms;
    if (!read_deadline(call, &options, &deadline_ms))
        return;
    put(call, call->args[3], deadline_ms);
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
        put(call, call->args[2], FL__NO_DEADLINE);
    fl__reply_integer(call->reply, is_absent);
}

void fl__string_getset(struct fl__call *call)
{
    reply_value(call, fl__store_find(call->store, call->args[1]));
    put(call, call->args[2], FL__NO_DEADLINE);
}

/* --------------------------------------------------------------------------------------- GETDEL and GETEX */

static void remove_key(struct fl__call *call)
{
    if (fl__store_remove(call->store, call->args[1]))
        fl__store_notify(call->store, FL__EVENT_GENERIC, "del", call->args[1]);
}

void fl__string_getdel(struct fl__call *call)
{
    reply_value(call, fl__store_find(call->store, call->args[1]));
    remove_key(call);
}

static void persist(struct fl__call *call, const struct fl__item *item)
{
    if (fl__store_deadline(call->store, item) == FL__NO_DEADLINE)
        return;
    fl__store_expire(call->store, call->args[1], FL__NO_DEADLINE);
    fl__store_notify(call->store, FL__EVENT_GENERIC, "persist", call->args[1]);
}

/* Without an option it changes nothing. */
void fl__string_getex(struct fl__call *call)
{
    struct options options = {0};
    uint64_t deadline_ms;
    if (!read_options(call, 2, take_getex_option, &options))
        return;
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    if (item == NULL) {
        fl__reply_null(call->reply);
        return;
    }
    if (!read_deadline(call, &options, &deadline_ms))
        return;
    reply_value(call, item);
    if (options.expiry == EXPIRY_PERSIST) {
        persist(call, item);
    } else if (has_time(&options) && deadline_ms <= fl__store_time_ms(call->store)) {
        remove_key(call);
    } else if (has_time(&options)) {
        fl__store_expire(call->store, call->args[1], deadline_ms);
        fl__store_notify(call->store, FL__EVENT_GENERIC, "expire", call->args[1]);
    }
}

/* ------------------------------------------------------------------------------------------- MSET, MSETNX */

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
    for (uint32_t k = 1; k < call->arg_count; k += 2) {
        fl__store_put(call->store, call->args[k], call->args[k + 1], FL__NO_DEADLINE);
        fl__store_notify(call->store, FL__EVENT_STRING, "set", call->args[k]);
    }
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
