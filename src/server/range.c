/* range.c - command bodies: parts of strings. Replies and complaints are Redis 7.0's, word for word. */
#include "keyspace.h"

#include <string.h>

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
    if (!fl__call_integer(call, 2, &first) || !fl__call_integer(call, 3, &last))
        return;
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

uint64_t fl__string_stretch_setrange(const struct fl__call *call)
{
    int64_t offset;
    bool is_valid = fl__number_parse(call->args[2], &offset) && offset >= 0 && call->args[3].size > 0;
    return is_valid ? fl__call_growth(call, 1, (uint64_t)offset) : 0;
}

/* An empty piece changes nothing, wherever it is put. */
void fl__string_setrange(struct fl__call *call)
{
    struct fl__bytes piece = call->args[3];
    int64_t offset;
    if (!fl__call_integer(call, 2, &offset))
        return;
    if (offset < 0) {
        fl__reply_error(call->reply, "ERR offset is out of range");
        return;
    }
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    size_t size = item == NULL ? 0 : item->value_size;
    if (piece.size == 0) {
        fl__reply_integer(call->reply, (int64_t)size);
        return;
    }
    if (offset > FL__VALUE_SIZE_MAX || (size_t)offset + piece.size > FL__VALUE_SIZE_MAX) {
        fl__reply_error(call->reply, FL__ERROR_TOO_LONG);
        return;
    }
    size_t end = (size_t)offset + piece.size;
    size = size > end ? size : end;
    char *value = fl__store_edit(call, call->args[1], size);
    if (value == NULL)
        return;
    memcpy(value + offset, piece.data, piece.size);
    fl__store_notify(call->store, FL__EVENT_STRING, "setrange", call->args[1]);
    fl__reply_integer(call->reply, (int64_t)size);
}

void fl__string_append(struct fl__call *call)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    size_t size = (item == NULL ? 0 : item->value_size) + call->args[2].size;
    if (size > FL__VALUE_SIZE_MAX) {
        fl__reply_error(call->reply, FL__ERROR_TOO_LONG);
        return;
    }
    fl__store_append(call->store, call->args[1], call->args[2]);
    fl__store_notify(call->store, FL__EVENT_STRING, "append", call->args[1]);
    fl__reply_integer(call->reply, (int64_t)size);
}
