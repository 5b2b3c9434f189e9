/* bit.c - command bodies: strings as bits. Bit 0 is the highest one of the first byte. Replies and complaints
 * are Redis 7.0's, word for word. */
#include "keyspace.h"

#include <string.h>

#define BITS_MAX ((uint64_t)FL__VALUE_SIZE_MAX * 8)
#define ALL_ONES UINT64_MAX

static uint64_t word_at(const char *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return word;
}

/* ----------------------------------------------------------------------------------------- SETBIT, GETBIT */

bool fl__bit_read_offset(const struct fl__call *call, uint32_t k, uint32_t width, uint64_t *offset)
{
    struct fl__bytes text = call->args[k];
    int64_t number;
    bool in_fields = width > 0 && text.size > 0 && text.data[0] == '#';
    if (in_fields)
        text = (struct fl__bytes){text.data + 1, text.size - 1};
    bool is_valid = fl__number_parse(text, &number) && number >= 0;
    if (is_valid && in_fields)
        is_valid = !__builtin_mul_overflow(number, (int64_t)width, &number);
    if (!is_valid || (uint64_t)number >= BITS_MAX) {
        fl__reply_error(call->reply, "ERR bit offset is not an integer or out of range");
        return false;
    }
    *offset = (uint64_t)number;
    return true;
}

static bool is_set(struct fl__bytes value, uint64_t offset)
{
    return offset / 8 < value.size && (unsigned char)value.data[offset / 8] >> (7 - offset % 8) & 1;
}

void fl__bit_getbit(struct fl__call *call)
{
    uint64_t offset;
    if (!fl__bit_read_offset(call, 2, 0, &offset))
        return;
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    fl__reply_integer(call->reply, item != NULL && is_set(fl__item_value(item), offset));
}

uint64_t fl__bit_stretch_setbit(const struct fl__call *call)
{
    uint64_t offset;
    return fl__bit_read_offset(call, 2, 0, &offset) ? fl__call_growth(call, 1, offset / 8 + 1) : 0;
}

void fl__bit_setbit(struct fl__call *call)
{
    uint64_t offset;
    int64_t bit;
    if (!fl__bit_read_offset(call, 2, 0, &offset))
        return;
    if (!fl__number_parse(call->args[3], &bit) || bit < 0 || bit > 1) {
        fl__reply_error(call->reply, "ERR bit is not an integer or out of range");
        return;
    }
    const struct fl__item *item = fl__store_find(call->store, call->args[1]);
    struct fl__bytes value = item == NULL ? (struct fl__bytes){0} : fl__item_value(item);
    size_t at = offset / 8;
    bool was_set = is_set(value, offset);
    if (at >= value.size || was_set != (bit == 1)) {
        char *bytes = fl__store_edit(call, call->args[1], at < value.size ? value.size : at + 1);
        if (bytes == NULL)
            return;
        if (was_set != (bit == 1))
            bytes[at] = (char)(bytes[at] ^ 0x80 >> offset % 8);
        fl__store_notify(call->store, FL__EVENT_STRING, "setbit", call->args[1]);
    }
    fl__reply_integer(call->reply, was_set);
}

/* --------------------------------------------------------------------------------------- BITCOUNT, BITPOS */

/* Bits first to last of a value. Both may be counted from the end, in bytes or in bits. */
struct span {
    int64_t first, last;
    bool in_bits;
};

static const struct span whole = {.first = 0, .last = -1};

/* Reads one end of a span, if it is given. False: complained. */
static bool read_end(const struct fl__call *call, uint32_t k, int64_t *end)
{
    return k >= call->arg_count || fl__call_integer(call, k, end);
}

/* Reads BYTE or BIT, if it is given. False: complained. */
static bool read_unit(const struct fl__call *call, uint32_t k, struct span *span)
{
    span->in_bits = k < call->arg_count && fl__bytes_is(call->args[k], "bit");
    if (k >= call->arg_count || span->in_bits || fl__bytes_is(call->args[k], "byte"))
        return true;
    fl__reply_error(call->reply, FL__ERROR_SYNTAX);
    return false;
}

/* Turns a span into bits counted from the start, within a value. False: it is empty. */
static bool fit_span(struct span *span, size_t value_size)
{
    int64_t size = (int64_t)value_size * (span->in_bits ? 8 : 1);
    span->first = span->first < 0 ? span->first + size : span->first;
    span->last = span->last < 0 ? span->last + size : span->last;
    span->first = span->first < 0 ? 0 : span->first;
    span->last = span->last < 0 ? 0 : span->last;
    span->last = span->last < size ? span->last : size - 1;
    if (span->first > span->last)
        return false;
    if (!span->in_bits) {
        span->first *= 8;
        span->last = span->last * 8 + 7;
    }
    return true;
}

/* The byte at a place, with the bits outside of the span replaced by those of `outside`. */
static unsigned char byte_within(struct fl__bytes value, const struct span *span, int64_t at,
                                 unsigned char outside)
{
    unsigned mask = 0xff;
    if (at == span->first / 8)
        mask &= 0xffu >> span->first % 8;
    if (at == span->last / 8)
        mask &= 0xff00u >> (span->last % 8 + 1);
    return (unsigned char)(((unsigned char)value.data[at] & mask) | (outside & ~mask));
}

/* Sums of the bits of each byte. */
static uint64_t count_in_bytes(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555;
    word = (word & 0x3333333333333333) + (word >> 2 & 0x3333333333333333);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0f;
}

static uint64_t sum_of_bytes(uint64_t word)
{
    word = (word & 0x00ff00ff00ff00ff) + (word >> 8 & 0x00ff00ff00ff00ff);
    return word * 0x0001000100010001 >> 48;
}

static int64_t count_ones(const char *data, size_t size)
{
    uint64_t count = 0;
    while (size >= sizeof(uint64_t)) {
        uint64_t sums = 0; /* 31 times 8 bits fit in each byte. */
        for (int k = 0; k < 31 && size >= sizeof(uint64_t); k++) {
            sums += count_in_bytes(word_at(data));
            data += sizeof(uint64_t);
            size -= sizeof(uint64_t);
        }
        count += sum_of_bytes(sums);
    }
    uint64_t rest = 0;
    if (size > 0)
        memcpy(&rest, data, size);
    return (int64_t)(count + sum_of_bytes(count_in_bytes(rest)));
}

static int64_t count_ones_within(struct fl__bytes value, const struct span *span)
{
    size_t first = (size_t)span->first / 8, last = (size_t)span->last / 8;
    char ends[] = {(char)byte_within(value, span, span->first / 8, 0),
                   first == last ? 0 : (char)byte_within(value, span, span->last / 8, 0)};
    int64_t count = count_ones(ends, sizeof ends);
    return last > first + 1 ? count + count_ones(value.data + first + 1, last - first - 1) : count;
}

/* BITCOUNT key [start end [BYTE | BIT]] */
void fl__bit_bitcount(struct fl__call *call)
{
    struct span span = whole;
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    if (item == NULL) { /* Whatever else is asked. */
        fl__reply_integer(call->reply, 0);
        return;
    }
    if (call->arg_count == 3 || call->arg_count > 5) {
        fl__reply_error(call->reply, FL__ERROR_SYNTAX);
        return;
    }
    if (!read_end(call, 2, &span.first) || !read_end(call, 3, &span.last))
        return;
    struct fl__bytes value = fl__item_value(item);
    bool is_backwards = span.first < 0 && span.last < 0 && span.first > span.last; /* Whatever the unit. */
    if (!is_backwards && !read_unit(call, 4, &span))
        return;
    if (is_backwards || !fit_span(&span, value.size))
        fl__reply_integer(call->reply, 0);
    else if (fl__store_spend(call, (uint64_t)(span.last - span.first) / 8))
        fl__reply_integer(call->reply, count_ones_within(value, &span));
}

/* The first byte of the span in which a bit is not as in `dull`, which has only bits that are not looked for.
 * Behind the last one: there is none. */
static int64_t find_byte(struct fl__bytes value, const struct span *span, unsigned char dull)
{
    int64_t at = span->first / 8, last = span->last / 8;
    if (byte_within(value, span, at, dull) != dull)
        return at;
    at++;
    uint64_t dull_word = dull == 0 ? 0 : ALL_ONES;
    while (at + (int64_t)sizeof dull_word <= last && word_at(value.data + at) == dull_word)
        at += (int64_t)sizeof dull_word;
    while (at <= last && byte_within(value, span, at, dull) == dull)
        at++;
    return at;
}

/* The first bit of that value in the span, or -1. */
static int64_t find_bit(struct fl__bytes value, const struct span *span, bool bit)
{
    unsigned char dull = bit ? 0 : 0xff;
    int64_t at = find_byte(value, span, dull);
    if (at > span->last / 8)
        return -1;
    unsigned differing = byte_within(value, span, at, dull) ^ dull;
    return at * 8 + __builtin_clz(differing) - ((int)sizeof differing - 1) * 8;
}

/* A value whose end was not named goes on behind it with zeros, unless it is empty. */
static void reply_position(struct fl__call *call, struct fl__bytes value, struct span *span, bool bit)
{
    bool goes_on = call->arg_count < 5;
    if (!fit_span(span, value.size)) {
        fl__reply_integer(call->reply, -1);
        return;
    }
    if (!fl__store_spend(call, (uint64_t)(span->last - span->first) / 8))
        return;
    int64_t position = find_bit(value, span, bit);
    fl__reply_integer(call->reply, position < 0 && !bit && goes_on ? (int64_t)value.size * 8 : position);
}

/* BITPOS key bit [start [end [BYTE | BIT]]] */
void fl__bit_bitpos(struct fl__call *call)
{
    struct span span = whole;
    int64_t bit;
    if (!fl__call_integer(call, 2, &bit))
        return;
    if (bit != 0 && bit != 1) {
        fl__reply_error(call->reply, "ERR The bit argument must be 1 or 0.");
        return;
    }
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    if (item == NULL) { /* Whatever else is asked. */
        fl__reply_integer(call->reply, bit == 1 ? -1 : 0);
        return;
    }
    if (call->arg_count > 6) {
        fl__reply_error(call->reply, FL__ERROR_SYNTAX);
        return;
    }
    if (!read_end(call, 3, &span.first) || !read_unit(call, 5, &span) || !read_end(call, 4, &span.last))
        return;
    reply_position(call, fl__item_value(item), &span, bit == 1);
}

/* -------------------------------------------------------------------------------------------------- BITOP */

enum operation { AND, OR, XOR, NOT };

/* What the sources are together. */
struct sources {
    size_t size_max, size_min;
    uint64_t size_total;
    uint32_t target_count; /* How many times the target is among them. */
};

/* False: complained. */
static bool read_operation(const struct fl__call *call, enum operation *operation)
{
    static const char *const names[] = {"and", "or", "xor", "not"};
    uint32_t k = 0;
    while (k <= NOT && !fl__bytes_is(call->args[1], names[k]))
        k++;
    if (k > NOT) {
        fl__reply_error(call->reply, FL__ERROR_SYNTAX);
        return false;
    }
    *operation = (enum operation)k;
    if (*operation == NOT && call->arg_count != 4) {
        fl__reply_error(call->reply, "ERR BITOP NOT must be called with a single source key.");
        return false;
    }
    return true;
}

static struct fl__bytes source_value(const struct fl__call *call, uint32_t k)
{
    const struct fl__item *item = fl__store_find(call->store, call->args[k]);
    return item == NULL ? (struct fl__bytes){0} : fl__item_value(item);
}

static bool is_target(const struct fl__call *call, uint32_t k)
{
    return fl__bytes_equal(call->args[k], call->args[2]);
}

static struct sources look_at_sources(const struct fl__call *call)
{
    struct sources sources = {.size_min = SIZE_MAX};
    for (uint32_t k = 3; k < call->arg_count; k++) {
        size_t size = source_value(call, k).size;
        sources.size_max = size > sources.size_max ? size : sources.size_max;
        sources.size_min = size < sources.size_min ? size : sources.size_min;
        sources.size_total += size;
        sources.target_count += is_target(call, k);
    }
    return sources;
}

static uint64_t combine_words(enum operation operation, uint64_t a, uint64_t b)
{
    switch (operation) {
    case AND:
        return a & b;
    case OR:
        return a | b;
    case XOR:
    case NOT: /* Of what was filled with ones. */
        break;
    }
    return a ^ b;
}

static void combine(enum operation operation, char *target, const char *source, size_t size)
{
    size_t at = 0;
    for (; at + sizeof(uint64_t) <= size; at += sizeof(uint64_t)) {
        uint64_t word = combine_words(operation, word_at(target + at), word_at(source + at));
        memcpy(target + at, &word, sizeof word);
    }
    for (; at < size; at++)
        target[at] = (char)combine_words(operation, (unsigned char)target[at], (unsigned char)source[at]);
}

static void invert(char *bytes, size_t size)
{
    for (size_t k = 0; k < size; k++)
        bytes[k] = (char)~bytes[k];
}

/* The order of the sources does not matter, so the target may begin with what it has, if it is one of them,
 * and is combined with the others in place. Else it begins with what changes nothing. */
static void combine_sources(struct fl__call *call, enum operation operation, const struct sources *sources,
                            char *target)
{
    bool is_kept = operation == XOR ? sources->target_count % 2 == 1 : sources->target_count > 0;
    if (operation == NOT && is_kept) {
        invert(target, sources->size_max);
        return;
    }
    if (!is_kept)
        memset(target, operation == AND || operation == NOT ? 0xff : 0, sources->size_max);
    if (operation == AND) /* Shorter ones go on with zeros. */
        memset(target + sources->size_min, 0, sources->size_max - sources->size_min);
    for (uint32_t k = 3; k < call->arg_count; k++) {
        struct fl__bytes value = source_value(call, k);
        if (!is_target(call, k))
            combine(operation, target, value.data, operation == AND ? sources->size_min : value.size);
    }
}

uint64_t fl__bit_stretch_bitop(const struct fl__call *call)
{
    return fl__call_growth(call, 2, look_at_sources(call).size_max);
}

void fl__bit_bitop(struct fl__call *call)
{
    enum operation operation;
    struct fl__bytes target = call->args[2];
    if (!read_operation(call, &operation))
        return;
    struct sources sources = look_at_sources(call);
    if (!fl__store_spend(call, sources.size_total))
        return;
    if (sources.size_max > 0) {
        char *bytes = fl__store_edit(call, target, sources.size_max);
        if (bytes == NULL)
            return;
        combine_sources(call, operation, &sources, bytes);
        fl__store_expire(call->store, target, FL__NO_DEADLINE);
        fl__store_notify(call->store, FL__EVENT_STRING, "set", target);
    } else if (fl__store_remove(call->store, target)) {
        fl__store_notify(call->store, FL__EVENT_GENERIC, "del", target);
    }
    fl__reply_integer(call->reply, (int64_t)sources.size_max);
}
