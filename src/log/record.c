/* record.c - the byte format of one log record. Numbers are little-endian; records begin at multiples of 8.
 *
 *   head   0   4  magic "FLrh"
 *          4   4  size of the body
 *          8   1  kind, then 3 zeros
 *          12  4  group
 *          16  8  index
 *          24  8  term
 *          32  8  XXH3-64 of the body
 *          40  8  checksum of the record before it in the log
 *          48  8  XXH3-64 of bytes 0..47, seeded with the file's identity and the record's offset
 *   body       size bytes, then zeros up to a multiple of 8
 *   tail       the head's 56 bytes again, but for the magic "FLrt" and the checksum that follows from it
 *
 * The checksum binds a record to its place: copied elsewhere, or left over from another file, it is none. It
 * covers the body through the body's own checksum, and what came before through the predecessor's, so nothing
 * beyond a cut can ever continue a log. Head and tail lie apart: damage to one of them, or to the body,
 * leaves the other to say what entry stood here.
 *
 * Kinds: those of entries (fairlead/raft.h), and
 *   16 truncation: index is the first entry cut; no body
 *   17 mark: index is a commit index, term the number of a segment; body: an offset (8), a nonce (8).
 *      Everything before that offset of that segment was durable when the mark was written. */
#include "records.h"
#include <string.h>
#include <xxhash.h>

static const uint32_t magic_head = 0x68724c46, magic_tail = 0x74724c46;

static void put(uint8_t *out, const struct fl__record *record, uint32_t magic, uint64_t place)
{
    fl__store32(out, magic);
    fl__store32(out + 4, record->size);
    fl__store32(out + 8, record->kind);
    fl__store32(out + 12, FL__GROUP);
    fl__store64(out + 16, record->index);
    fl__store64(out + 24, record->term);
    fl__store64(out + 32, record->body_checksum);
    fl__store64(out + 40, record->previous);
    fl__store64(out + 48, XXH3_64bits_withSeed(out, 48, place));
}

static bool get(const uint8_t *in, uint32_t magic, uint64_t place, struct fl__record *out)
{
    if (fl__load32(in) != magic || fl__load64(in + 48) != XXH3_64bits_withSeed(in, 48, place))
        return false;
    *out = (struct fl__record){
        .size = fl__load32(in + 4),
        .kind = (enum fl__record_kind)fl__load32(in + 8),
        .index = fl__load64(in + 16),
        .term = fl__load64(in + 24),
        .body_checksum = fl__load64(in + 32),
        .previous = fl__load64(in + 40),
    };
    return true;
}

size_t fl__record_size(size_t body_size)
{
    return 2 * FL__RECORD_COPY + ((body_size + 7) & ~(size_t)7);
}

uint64_t fl__record_checksum(const void *body, size_t size)
{
    return XXH3_64bits(body, size);
}

void fl__record_put_head(uint8_t *out, struct fl__record *record, uint64_t place)
{
    put(out, record, magic_head, place);
    record->checksum = fl__load64(out + 48);
}

void fl__record_put_tail(uint8_t *out, const struct fl__record *record, uint64_t place)
{
    put(out, record, magic_tail, place);
}

/* The head's checksum as it would be: also where only the tail is left. */
static void set_checksum(struct fl__record *record, uint64_t place)
{
    uint8_t head[FL__RECORD_COPY];
    fl__record_put_head(head, record, place);
}

size_t fl__record_peek_size(const uint8_t *data)
{
    return fl__load32(data) == magic_head ? fl__record_size(fl__load32(data + 4)) : 0;
}

bool fl__record_get(const uint8_t *data, size_t size, uint64_t place, struct fl__record *out)
{
    if (size < fl__record_size(0) || !get(data, magic_head, place, out) || fl__record_size(out->size) > size)
        return false;
    out->checksum = fl__load64(data + 48);
    return true;
}

bool fl__record_find_tail(const uint8_t *data, size_t size, uint64_t place, struct fl__record *out)
{
    for (size_t at = FL__RECORD_COPY; at + FL__RECORD_COPY <= size; at += 8) {
        if (fl__load32(data + at) != magic_tail)
            continue;
        if (fl__record_size(fl__load32(data + at + 4)) != at + FL__RECORD_COPY ||
            !get(data + at, magic_tail, place, out))
            continue;
        set_checksum(out, place);
        return true;
    }
    return false;
}

bool fl__record_is_body_good(const uint8_t *data, const struct fl__record *record)
{
    return XXH3_64bits(data + FL__RECORD_COPY, record->size) == record->body_checksum;
}
