/* slot.c - which of a Redis cluster's 16,384 slots a key belongs to, and the keys of a slot.
 *
 * Here one shard has all slots, so nothing depends on them; cluster clients compute them and ask about them
 * all the same. The slot is CRC16 (polynomial 0x1021, from zero, nothing reflected) of the key, modulo
 * 16,384; of a key with a tag, {like:this}, only what stands between the first pair of braces counts, unless
 * that is nothing. */
#include "keyspace.h"

#include <string.h>

/* What a step by four bits makes of the register's top four bits. */
static const uint16_t crc16_steps[16] = {
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50a5, 0x60c6, 0x70e7,
    0x8108, 0x9129, 0xa14a, 0xb16b, 0xc18c, 0xd1ad, 0xe1ce, 0xf1ef,
};

static uint32_t crc16(struct fl__bytes bytes)
{
    uint32_t crc = 0;
    for (size_t k = 0; k < bytes.size; k++) {
        uint32_t byte = (unsigned char)bytes.data[k];
        crc = (crc << 4 & 0xffff) ^ crc16_steps[(crc >> 12) ^ (byte >> 4)];
        crc = (crc << 4 & 0xffff) ^ crc16_steps[(crc >> 12) ^ (byte & 15)];
    }
    return crc;
}

/* What counts of a key. */
static struct fl__bytes find_tag(struct fl__bytes key)
{
    const char *open = key.size == 0 ? NULL : memchr(key.data, '{', key.size);
    if (open == NULL)
        return key;
    struct fl__bytes rest = {open + 1, (size_t)(key.data + key.size - (open + 1))};
    const char *close = rest.size == 0 ? NULL : memchr(rest.data, '}', rest.size);
    if (close == NULL || close == rest.data)
        return key;
    return (struct fl__bytes){rest.data, (size_t)(close - rest.data)};
}

uint32_t fl__slot_of(struct fl__bytes key)
{
    return crc16(find_tag(key)) % FL__SLOT_COUNT;
}

/* ----------------------------------------------------------------------------------------- keys of a slot */

/* The next live key of a slot, from `item` on; NULL: there is none. */
static const struct fl__item *skip_others(const struct fl__store *store, const struct fl__item *item,
                                          uint32_t slot)
{
    while (item != NULL && (fl__slot_of(fl__item_key(item)) != slot || !fl__store_is_live(store, item)))
        item = fl__store_after(store, item);
    return item;
}

static uint64_t count_keys(const struct fl__store *store, uint32_t slot, uint64_t count_max)
{
    uint64_t count = 0;
    const struct fl__item *item = skip_others(store, fl__store_seek(store, 0), slot);
    for (; item != NULL && count < count_max; count++)
        item = skip_others(store, fl__store_after(store, item), slot);
    return count;
}

static bool is_slot(int64_t number)
{
    return number >= 0 && number < FL__SLOT_COUNT;
}

void fl__slot_count_keys(struct fl__call *call)
{
    int64_t slot;
    if (!fl__number_parse(call->args[2], &slot))
        fl__reply_error(call->reply, "ERR value is not an integer or out of range");
    else if (!is_slot(slot))
        fl__reply_error(call->reply, "ERR Invalid slot");
    else
        fl__reply_integer(call->reply, (int64_t)count_keys(call->store, (uint32_t)slot, UINT64_MAX));
}

void fl__slot_keys(struct fl__call *call)
{
    int64_t slot, count_max;
    if (!fl__number_parse(call->args[2], &slot) || !fl__number_parse(call->args[3], &count_max)) {
        fl__reply_error(call->reply, "ERR value is not an integer or out of range");
        return;
    }
    if (!is_slot(slot) || count_max < 0) {
        fl__reply_error(call->reply, "ERR Invalid slot or number of keys");
        return;
    }
    uint64_t left = count_keys(call->store, (uint32_t)slot, (uint64_t)count_max);
    fl__reply_array(call->reply, left);
    const struct fl__item *item = fl__store_seek(call->store, 0);
    for (; left > 0; left--) {
        item = skip_others(call->store, item, (uint32_t)slot);
        fl__reply_bulk(call->reply, fl__item_key(item));
        item = fl__store_after(call->store, item);
    }
}
