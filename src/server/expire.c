/* expire.c - command bodies: when keys expire. Replies and complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

#define ERROR_NUMBER "ERR value is not an integer or out of range"
#define OPTION_SHOWN_MAX 512 /* Bytes of a wrong option in the complaint about it. */

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
    bool is_past = time_ms <= (int64_t)now_ms;
    if (is_past)
        fl__store_remove(call->store, call->args[1]);
    else
        fl__store_expire(call->store, call->args[1], (uint64_t)time_ms);
    fl__store_notify(call->store, FL__EVENT_GENERIC, is_past ? "del" : "expire", call->args[1]);
    fl__reply_integer(call->reply, 1);
}

void fl__expire_expire(struct fl__call *call)
{
    expire(call, true, true);
}

void fl__expire_pexpire(struct fl__call *call)
{
    expire(call, false, true);
}

void fl__expire_expireat(struct fl__call *call)
{
    expire(call, true, false);
}

void fl__expire_pexpireat(struct fl__call *call)
{
    expire(call, false, false);
}

void fl__expire_persist(struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    bool has_deadline = item != NULL && fl__store_deadline(call->store, item) != FL__NO_DEADLINE;
    if (has_deadline) {
        fl__store_expire(call->store, call->args[1], FL__NO_DEADLINE);
        fl__store_notify(call->store, FL__EVENT_GENERIC, "persist", call->args[1]);
    }
    fl__reply_integer(call->reply, has_deadline);
}

/* -2: no key. -1: it lives for ever. Else milliseconds, rounded to seconds if those are wanted: what is left
 * of its life, or its end. */
static void reply_life(struct fl__call *call, bool in_seconds, bool is_relative)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    uint64_t time_ms = item == NULL ? 0 : fl__store_deadline(call->store, item);
    if (item == NULL || time_ms == FL__NO_DEADLINE) {
        fl__reply_integer(call->reply, item == NULL ? -2 : -1);
        return;
    }
    if (is_relative)
        time_ms -= fl__store_time_ms(call->store);
    fl__reply_integer(call->reply, (int64_t)(in_seconds ? (time_ms + 500) / 1000 : time_ms));
}

void fl__expire_ttl(struct fl__call *call)
{
    reply_life(call, true, true);
}

void fl__expire_pttl(struct fl__call *call)
{
    reply_life(call, false, true);
}

void fl__expire_expiretime(struct fl__call *call)
{
    reply_life(call, true, false);
}

void fl__expire_pexpiretime(struct fl__call *call)
{
    reply_life(call, false, false);
}
