/* dump.c - command bodies: DUMP and RESTORE, and the serialized form of values that Redis 7.0 has for them.
 *
 *     type       1 byte: 0 is a string, the only type here
 *     string     a length and that many bytes, or a number, or compressed bytes:
 *                  00xxxxxx                      length, 6 bits
 *                  01xxxxxx x                    length, 14 bits
 *                  10000000 4 bytes              length, big-endian
 *                  10000001 8 bytes              length, big-endian
 *                  11000000 1 byte               number, with a sign: the value is its decimal digits
 *                  11000001 2 bytes              the same, little-endian
 *                  11000010 4 bytes              the same
 *                  11000011 length length bytes  compressed: size of the bytes, size of the value, bytes
 *     version    2 bytes, little-endian: of the form; up to 10 is understood, and 10 written
 *     checksum   8 bytes, little-endian: fl__crc64() of all before it
 *
 * Compressed bytes (LZF) are pieces, each of which begins with a control byte:
 *     000nnnnn          n + 1 bytes as they stand follow
 *     nnnooooo o        n + 2 bytes repeat what is written already, o + 1 bytes back; n is not 0 or 7
 *     111ooooo n o      the same of n + 9 bytes
 *
 * What a client brings to RESTORE is checked to its last byte before anything is changed, on each node alike.
 * DUMP writes numbers as such, and never compresses. */
#include "keyspace.h"

#include <string.h>

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NUMBER "ERR value is not an integer or out of range"
#define ERROR_FORMAT "ERR Bad data format"
#define ERROR_CHECKSUM "ERR DUMP payload version or checksum are wrong"
#define ERROR_SIZE "ERR string exceeds maximum allowed size (proto-max-bulk-len)"

#define VERSION 10
#define CHECKSUM_SIZE 8
#define FOOTER_SIZE (2 + CHECKSUM_SIZE)
#define TYPE_STRING 0
#define HEAD_SIZE_MAX 10 /* Type and length. */

/* ------------------------------------------------------------------------------------------------ reading */

/* Takes bytes from the front of others. False: there are not so many. */
static bool take(struct fl__bytes *from, uint64_t size, struct fl__bytes *taken)
{
    if (from->size < size)
        return false;
    *taken = (struct fl__bytes){from->data, size};
    from->data += size;
    from->size -= size;
    return true;
}

static bool take_byte(struct fl__bytes *from, uint8_t *byte)
{
    struct fl__bytes taken;
    if (!take(from, 1, &taken))
        return false;
    *byte = (uint8_t)taken.data[0];
    return true;
}

static bool take_big_endian(struct fl__bytes *from, size_t size, uint64_t *number)
{
    struct fl__bytes taken;
    if (!take(from, size, &taken))
        return false;
    for (size_t k = 0; k < size; k++)
        *number = *number << 8 | (uint8_t)taken.data[k];
    return true;
}

static uint64_t little_endian(struct fl__bytes bytes)
{
    uint64_t number = 0;
    for (size_t k = bytes.size; k > 0; k--)
        number = number << 8 | (uint8_t)bytes.data[k - 1];
    return number;
}

/* A length; or, with *is_special, which of the other forms it is. */
static bool take_length(struct fl__bytes *from, uint64_t *length, bool *is_special)
{
    uint8_t first;
    *length = 0;
    *is_special = false;
    if (!take_byte(from, &first))
        return false;
    if (first == 0x80 || first == 0x81)
        return take_big_endian(from, first == 0x80 ? 4 : 8, length);
    *length = first & 0x3f;
    *is_special = first >> 6 == 3;
    return *is_special || first >> 6 == 0 || (first >> 6 == 1 && take_big_endian(from, 1, length));
}

static bool read_number(struct fl__bytes *from, size_t size, struct fl__dump *dump)
{
    struct fl__bytes taken;
    char text[FL__NUMBER_SIZE];
    if (!take(from, size, &taken))
        return false;
    uint64_t sign = UINT64_C(1) << (8 * size - 1);
    dump->form = FL__DUMP_NUMBER;
    dump->number = (int32_t)((int64_t)(little_endian(taken) ^ sign) - (int64_t)sign);
    dump->size = fl__number_print(dump->number, text);
    return true;
}

/* Unpacks compressed bytes to `out`, or only looks whether they are well formed and give `size` bytes. */
static bool decompress(struct fl__bytes from, char *out, uint64_t size)
{
    size_t done = 0;
    uint8_t control, byte;
    while (take_byte(&from, &control)) {
        struct fl__bytes taken;
        size_t count = control >> 5, back = control & 0x1f;
        if (count == 0) {
            count = back + 1;
            if (count > size - done || !take(&from, count, &taken))
                return false;
            if (out != NULL)
                memcpy(out + done, taken.data, count);
            done += count;
            continue;
        }
        byte = 0;
        if (count == 7 && !take_byte(&from, &byte))
            return false;
        count += 2 + (size_t)byte;
        if (!take_byte(&from, &byte))
            return false;
        back = (back << 8 | byte) + 1;
        if (count > size - done || back > done)
            return false;
        for (size_t k = 0; out != NULL && k < count; k++) /* It may repeat what it has just written. */
            out[done + k] = out[done + k - back];
        done += count;
    }
    return done == size;
}

static bool read_compressed(struct fl__bytes *from, struct fl__dump *dump)
{
    uint64_t packed_size;
    bool is_special;
    dump->form = FL__DUMP_COMPRESSED;
    if (!take_length(from, &packed_size, &is_special) || is_special)
        return false;
    if (!take_length(from, &dump->size, &is_special) || is_special)
        return false;
    return take(from, packed_size, &dump->bytes) && decompress(dump->bytes, NULL, dump->size);
}

static bool read_string(struct fl__bytes *from, struct fl__dump *dump)
{
    uint64_t length;
    bool is_special;
    if (!take_length(from, &length, &is_special))
        return false;
    if (is_special && length == 3)
        return read_compressed(from, dump);
    if (is_special)
        return length < 3 && read_number(from, (size_t)1 << length, dump);
    dump->form = FL__DUMP_PLAIN;
    dump->size = length;
    return take(from, length, &dump->bytes);
}

const char *fl__dump_read(struct fl__bytes serialized, struct fl__dump *dump)
{
    if (serialized.size < FOOTER_SIZE)
        return ERROR_CHECKSUM;
    struct fl__bytes rest = serialized, body, version, checksum, summed;
    uint8_t type;
    bool has_footer = take(&rest, serialized.size - FOOTER_SIZE, &body) && take(&rest, 2, &version) &&
                      take(&rest, CHECKSUM_SIZE, &checksum);
    fl_assert(has_footer);
    summed = (struct fl__bytes){serialized.data, serialized.size - CHECKSUM_SIZE};
    if (little_endian(version) > VERSION || little_endian(checksum) != fl__crc64(0, summed))
        return ERROR_CHECKSUM;
    if (!take_byte(&body, &type) || type != TYPE_STRING || !read_string(&body, dump) || body.size > 0)
        return ERROR_FORMAT;
    return dump->size > FL__VALUE_SIZE_MAX ? ERROR_SIZE : NULL;
}

void fl__dump_unpack(const struct fl__dump *dump, char *out)
{
    char text[FL__NUMBER_SIZE];
    if (dump->form == FL__DUMP_COMPRESSED)
        fl_assert(decompress(dump->bytes, out, dump->size));
    else if (dump->form == FL__DUMP_NUMBER)
        memcpy(out, text, fl__number_print(dump->number, text));
    else if (dump->size > 0)
        memcpy(out, dump->bytes.data, dump->size);
}

/* --------------------------------------------------------------------------------------------------- DUMP */

/* Writes a number or length of up to four bytes; the order of the two differs. */
static size_t write_bytes(char *out, uint32_t number, size_t size, bool is_big_endian)
{
    for (size_t k = 0; k < size; k++)
        out[k] = (char)(number >> 8 * (is_big_endian ? size - 1 - k : k));
    return size;
}

static size_t write_length(char *out, size_t length)
{
    if (length < 1 << 6)
        return write_bytes(out, (uint32_t)length, 1, true);
    if (length < 1 << 14)
        return write_bytes(out, (uint32_t)length | 1 << 14, 2, true);
    out[0] = (char)0x80;
    return 1 + write_bytes(out + 1, (uint32_t)length, 4, true);
}

/* Whether a value is better told as a number; then it is written. */
static bool write_number(struct fl__bytes value, char *out, size_t *size)
{
    int64_t number;
    if (!fl__number_parse(value, &number) || number < INT32_MIN || number > INT32_MAX)
        return false;
    unsigned kind = number != (int16_t)number ? 2 : number != (int8_t)number ? 1 : 0;
    out[0] = (char)(0xc0 | kind);
    *size = 1 + write_bytes(out + 1, (uint32_t)number, (size_t)1 << kind, false);
    return true;
}

void fl__dump_dump(struct fl__call *call)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[1]);
    if (item == NULL) {
        fl__reply_null(call->reply);
        return;
    }
    if (!fl__store_spend(call, item->value_size))
        return;
    char head[HEAD_SIZE_MAX] = {TYPE_STRING}, footer[FOOTER_SIZE];
    struct fl__bytes value = fl__item_value(item);
    size_t head_size;
    if (write_number(value, head + 1, &head_size))
        value.size = 0;
    else
        head_size = write_length(head + 1, value.size);
    write_bytes(footer, VERSION, 2, false);

    const struct fl__bytes pieces[] = {{head, 1 + head_size}, value, {footer, FOOTER_SIZE}};
    uint64_t crc = fl__crc64(fl__crc64(0, pieces[0]), pieces[1]);
    crc = fl__crc64(crc, (struct fl__bytes){footer, 2});
    write_bytes(footer + 2, (uint32_t)crc, 4, false);
    write_bytes(footer + 6, (uint32_t)(crc >> 32), 4, false);
    fl__reply_pieces(call->reply, pieces, 3);
}

/* ------------------------------------------------------------------------------------------------ RESTORE */

struct restore_options {
    bool replace, is_absolute, has_idle_time, has_frequency;
};

/* IDLETIME and FREQ say something that is not kept here; what is wrong with them is still said. */
static const char *check_number(struct fl__bytes text, int64_t number_max, const char *error)
{
    int64_t number;
    if (!fl__number_parse(text, &number))
        return ERROR_NUMBER;
    return number < 0 || number > number_max ? error : NULL;
}

/* NULL, or the complaint. */
static const char *read_options(const struct fl__call *call, struct restore_options *options)
{
    for (uint32_t k = 4; k < call->arg_count; k++) {
        struct fl__bytes option = call->args[k];
        bool has_value = k + 1 < call->arg_count;
        const char *error = NULL;
        if (fl__bytes_is(option, "replace")) {
            options->replace = true;
        } else if (fl__bytes_is(option, "absttl")) {
            options->is_absolute = true;
        } else if (fl__bytes_is(option, "idletime") && has_value && !options->has_frequency) {
            options->has_idle_time = true;
            error = check_number(call->args[++k], INT64_MAX, "ERR Invalid IDLETIME value, must be >= 0");
        } else if (fl__bytes_is(option, "freq") && has_value && !options->has_idle_time) {
            options->has_frequency = true;
            error = check_number(call->args[++k], 255, "ERR Invalid FREQ value, must be >= 0 and <= 255");
        } else {
            error = ERROR_SYNTAX;
        }
        if (error != NULL)
            return error;
    }
    return NULL;
}

/* The deadline that a call asks for; 0 is none. Later than any deadline can be is the latest there can be.
 * NULL, or the complaint. */
static const char *read_deadline(const struct fl__call *call, bool is_absolute, uint64_t *deadline_ms)
{
    int64_t time_ms;
    if (!fl__number_parse(call->args[2], &time_ms))
        return ERROR_NUMBER;
    if (time_ms < 0)
        return "ERR Invalid TTL value, must be >= 0";
    if (time_ms == 0)
        *deadline_ms = FL__NO_DEADLINE;
    else if (is_absolute)
        *deadline_ms = (uint64_t)time_ms;
    else if (__builtin_add_overflow(time_ms, (int64_t)fl__store_time_ms(call->store), (int64_t *)deadline_ms))
        *deadline_ms = INT64_MAX;
    return NULL;
}

static void restore(struct fl__call *call, const struct fl__dump *dump, bool replace, uint64_t deadline_ms)
{
    bool is_removed = replace && fl__store_remove(call->store, call->args[1]);
    if (deadline_ms <= fl__store_time_ms(call->store)) {
        if (is_removed)
            fl__store_notify(call->store, FL__EVENT_GENERIC, "del", call->args[1]);
        return;
    }
    char *value = fl__store_make(call->store, call->args[1], dump->size, deadline_ms);
    if (value == NULL)
        return;
    fl__dump_unpack(dump, value);
    fl__store_notify(call->store, FL__EVENT_GENERIC, "restore", call->args[1]);
}

/* How much longer a value is than its serialized form. */
static uint64_t growth_of(const struct fl__call *call, const struct fl__dump *dump)
{
    return dump->size > call->args[3].size ? dump->size - call->args[3].size : 0;
}

uint64_t fl__dump_stretch_restore(const struct fl__call *call)
{
    struct fl__dump dump;
    return fl__dump_read(call->args[3], &dump) == NULL ? growth_of(call, &dump) : 0;
}

void fl__dump_restore(struct fl__call *call)
{
    struct restore_options options = {0};
    struct fl__dump dump;
    uint64_t deadline_ms;
    const char *error = read_options(call, &options);
    if (error == NULL && !options.replace && fl__store_find(call->store, call->args[1]) != NULL)
        error = "BUSYKEY Target key name already exists.";
    if (error == NULL)
        error = read_deadline(call, options.is_absolute, &deadline_ms);
    if (error == NULL)
        error = fl__dump_read(call->args[3], &dump);
    if (error != NULL) {
        fl__reply_error(call->reply, error);
        return;
    }
    if (!fl__store_spend(call, growth_of(call, &dump)))
        return;
    restore(call, &dump, options.replace, deadline_ms);
    fl__reply_ok(call->reply);
}
