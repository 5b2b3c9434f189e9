/* segment.c - the files of the log: "log-" and a number of 16 hexadecimal digits, written one after the
 * other.
 *
 *   0   8   magic "FLLOG\r\n\x1a"
 *   8   4   format version: 1
 *   12  4   zero
 *   16  16  cluster id
 *   32  8   incarnation
 *   40  8   the file's number
 *   48  8   zero
 *   56  8   XXH3-64 of bytes 0..55: also the file's identity, with which its records are bound to it
 *   64  ..  records, then zeros
 *
 * A file is made whole before it is used: written full of zeros, synced, its directory synced. Filling blocks
 * that exist, instead of making the file longer, halves what a sync takes. All of the header follows from
 * where the file is found, so damage to it loses nothing: it is told from a foreign file by its checksum. */
#include "records.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

static const uint8_t magic[8] = {'F', 'L', 'L', 'O', 'G', '\r', '\n', 0x1a};

void fl__segment_path(const char *directory, uint64_t number, char *out, size_t size)
{
    snprintf(out, size, "%s/log-%016" PRIx64, directory, number);
}

bool fl__segment_parse_name(const char *name, uint64_t *number)
{
    int used = 0;
    return strlen(name) == 20 && sscanf(name, "log-%16" SCNx64 "%n", number, &used) == 1 && used == 20;
}

uint64_t fl__segment_header(const struct fl__wal_options *options, uint64_t number,
                            uint8_t out[FL__SEGMENT_HEADER])
{
    memset(out, 0, FL__SEGMENT_HEADER);
    memcpy(out, magic, sizeof magic);
    fl__store32(out + 8, 1);
    memcpy(out + 16, options->cluster_id, 16);
    fl__store64(out + 32, options->incarnation);
    fl__store64(out + 40, number);
    fl__store64(out + 56, XXH3_64bits(out, 56));
    return fl__load64(out + 56);
}

int fl__segment_check_header(const uint8_t *found, const uint8_t *expected)
{
    if (memcmp(found, expected, FL__SEGMENT_HEADER) == 0)
        return FL_OK;
    if (memcmp(found, magic, sizeof magic) != 0 || fl__load64(found + 56) != XXH3_64bits(found, 56))
        return FL_EDAMAGED;
    return fl__load32(found + 8) != 1 ? FL_EVERSION : FL_ECLUSTER;
}
