/* counter.c - command bodies: strings that are numbers. Replies and complaints are Redis 7.0's, word for
 * word. */
#include "keyspace.h"

#define DIGIT_WORK 2 /* A digit that is added takes as long as so many bytes do elsewhere. */

static void put_number(struct fl__call *call, struct fl__bytes printed, const char *event)
{
    fl__store_put(call->store, call->args[1], printed, FL__KEEP_DEADLINE);
    fl__store_notify(call->store, FL__EVENT_STRING, event, call->args[1]);
}

static void add_to_key(struct fl__call *call, int64_t change)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    int64_t value = 0;
    if (item != NULL && !fl__number_parse(fl__item_value(item), &value)) {
        fl__reply_error(call->reply, FL__ERROR_INTEGER);
        return;
    }
    if (__builtin_add_overflow(value, change, &value)) {
        fl__reply_error(call->reply, "ERR increment or decrement would overflow");
        return;
    }
    char text[FL__NUMBER_SIZE];
    put_number(call, (struct fl__bytes){text, fl__number_print(value, text)}, "incrby");
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
    if (fl__call_integer(call, 2, &change))
        add_to_key(call, change);
}

void fl__string_decrby(struct fl__call *call)
{
    int64_t change;
    if (!fl__call_integer(call, 2, &change))
        return;
    if (change == INT64_MIN)
        fl__reply_error(call->reply, "ERR decrement would overflow");
    else
        add_to_key(call, -change);
}

void fl__string_incrbyfloat(struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    struct fl__bytes value = item == NULL ? fl__bytes_of("0") : fl__item_value(item);
    struct fl__decimal sum, change;
    enum fl__decimal_kind kinds[] = {fl__decimal_parse(value, &sum),
                                     fl__decimal_parse(call->args[2], &change)};
    if (kinds[0] == FL__DECIMAL_NONE || kinds[1] == FL__DECIMAL_NONE) {
        fl__reply_error(call->reply, "ERR value is not a valid float");
        return;
    }
    bool is_finite = kinds[0] == FL__DECIMAL_FINITE && kinds[1] == FL__DECIMAL_FINITE;
    if (is_finite && !fl__store_spend(call, DIGIT_WORK * ((uint64_t)sum.size + change.size)))
        return;
    if (!is_finite || !fl__decimal_add(&sum, &change)) {
        fl__reply_error(call->reply, "ERR increment would produce NaN or Infinity");
        return;
    }
    char text[FL__DECIMAL_TEXT_SIZE];
    struct fl__bytes printed = {text, fl__decimal_print(&sum, text)};
    put_number(call, printed, "incrbyfloat");
    fl__reply_bulk(call->reply, printed);
}
