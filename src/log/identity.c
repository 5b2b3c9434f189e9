/* identity.c - who a data directory is: the file "identity", written once.
 *
 *   0   8   magic "FLIDENT\n"
 *   8   4   format version: 1
 *   12  4   size of what follows byte 32
 *   16  8   XXH3-64 of bytes 24 to the end
 *   24  8   zero
 *   32  16  cluster id
 *   48  8   incarnation
 *   56  64  name, zero-padded
 *   120 4   founder count
 *   124 4   zero
 *   128 ..  for each founder its name (64) and address (280), zero-padded
 *
 * It is written under another name, synced and renamed: it is there whole, or not at all. Whoever reads it
 * syncs the directory before believing it: a process that died may have left the name in the page cache
 * alone. */
#include "log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define HEAD_SIZE 32
#define FIXED_SIZE (16 + 8 + FL_NAME_MAX + 8)
#define FOUNDER_SIZE (FL_NAME_MAX + FL_ADDRESS_MAX)
#define FILE_SIZE_MAX (HEAD_SIZE + FIXED_SIZE + FL_MEMBERS_MAX * FOUNDER_SIZE)

static const uint8_t magic[8] = {'F', 'L', 'I', 'D', 'E', 'N', 'T', '\n'};

static int refuse(struct fl_error_report *report, int error, const char *directory, const char *text)
{
    report->error = error;
    snprintf(report->text, sizeof report->text, "%s/identity: %s", directory, text);
    return error;
}

static size_t encode(const struct fl__identity *identity, uint8_t out[FILE_SIZE_MAX])
{
    memset(out, 0, FILE_SIZE_MAX);
    size_t size = FIXED_SIZE + identity->founder_count * FOUNDER_SIZE;
    uint8_t *at = out + HEAD_SIZE;
    memcpy(at, identity->cluster_id, 16);
    fl__store64(at + 16, identity->incarnation);
    memcpy(at + 24, identity->name, strlen(identity->name));
    fl__store32(at + 24 + FL_NAME_MAX, identity->founder_count);
    at += FIXED_SIZE;
    for (uint32_t k = 0; k < identity->founder_count; k++, at += FOUNDER_SIZE) {
        memcpy(at, identity->founders[k].name, strlen(identity->founders[k].name));
        memcpy(at + FL_NAME_MAX, identity->founders[k].address, strlen(identity->founders[k].address));
    }
    memcpy(out, magic, sizeof magic);
    fl__store32(out + 8, 1);
    fl__store32(out + 12, (uint32_t)size);
    fl__store64(out + 16, XXH3_64bits(out + 24, HEAD_SIZE - 24 + size));
    return HEAD_SIZE + size;
}

/* A text that fills its field has no terminator: then it is none. */
static bool get_text(const uint8_t *at, char *out, size_t size)
{
    memcpy(out, at, size);
    return memchr(out, 0, size) != NULL;
}

static int decode(const uint8_t *in, size_t size, struct fl__identity *out)
{
    if (size < HEAD_SIZE + FIXED_SIZE || memcmp(in, magic, sizeof magic) != 0)
        return FL_EDAMAGED;
    if (fl__load32(in + 12) != size - HEAD_SIZE || fl__load64(in + 16) != XXH3_64bits(in + 24, size - 24))
        return FL_EDAMAGED;
    if (fl__load32(in + 8) != 1)
        return FL_EVERSION;
    const uint8_t *at = in + HEAD_SIZE;
    memset(out, 0, sizeof *out);
    memcpy(out->cluster_id, at, 16);
    out->incarnation = fl__load64(at + 16);
    out->founder_count = fl__load32(at + 24 + FL_NAME_MAX);
    bool is_good = get_text(at + 24, out->name, FL_NAME_MAX) && out->founder_count <= FL_MEMBERS_MAX &&
                   size == HEAD_SIZE + FIXED_SIZE + out->founder_count * (size_t)FOUNDER_SIZE;
    at += FIXED_SIZE;
    for (uint32_t k = 0; is_good && k < out->founder_count; k++, at += FOUNDER_SIZE)
        is_good = get_text(at, out->founders[k].name, FL_NAME_MAX) &&
                  get_text(at + FL_NAME_MAX, out->founders[k].address, FL_ADDRESS_MAX);
    return is_good ? FL_OK : FL_EDAMAGED;
}

int fl__identity_load(struct fl_io *io, const char *directory, struct fl__identity *out,
                      struct fl_error_report *report)
{
    char path[FL__PATH_MAX];
    uint8_t bytes[FILE_SIZE_MAX];
    struct fl_io_op op = {0};
    snprintf(path, sizeof path, "%s/identity", directory);
    io->vtable->open(io, &op, path, FL_IO_READ);
    int64_t result = io->vtable->wait(io, &op);
    if (result == FL_ENOENT)
        return FL_ENOENT;
    if (result < 0)
        return refuse(report, (int)result, directory, "cannot be opened");
    struct fl_io_file *file = op.file;
    io->vtable->read(io, &op, file, bytes, sizeof bytes, 0);
    int64_t size = io->vtable->wait(io, &op);
    io->vtable->close_file(io, &op, file);
    (void)io->vtable->wait(io, &op);
    if (size < 0)
        return refuse(report, (int)size, directory, "cannot be read");
    int decoded = decode(bytes, (size_t)size, out);
    if (decoded == FL_EVERSION)
        return refuse(report, decoded, directory, "written by another version of this program");
    if (decoded != FL_OK)
        return refuse(
            report, decoded, directory,
            "damaged, so this node does not know who it is\n  do     put back a copy of this file, however "
            "old: it never changes");
    io->vtable->sync_directory(io, &op, directory);
    result = io->vtable->wait(io, &op);
    return result < 0 ? refuse(report, (int)result, directory, "its directory cannot be synced") : FL_OK;
}

static int64_t write_temporary(struct fl_io *io, const char *path, const uint8_t *bytes, size_t size)
{
    struct fl_io_op op = {0};
    io->vtable->open(io, &op, path, FL_IO_WRITE | FL_IO_CREATE);
    int64_t result = io->vtable->wait(io, &op);
    if (result < 0)
        return result;
    struct fl_io_file *file = op.file;
    const struct fl_io_buffer buffer = {bytes, size};
    /* What an interrupted attempt left may be longer. */
    io->vtable->truncate(io, &op, file, 0);
    result = io->vtable->wait(io, &op);
    if (result >= 0) {
        io->vtable->write(io, &op, file, &buffer, 1, 0, true);
        result = io->vtable->wait(io, &op);
    }
    io->vtable->close_file(io, &op, file);
    int64_t closed = io->vtable->wait(io, &op);
    return result < 0 ? result : closed < 0 ? closed : FL_OK;
}

int fl__identity_create(struct fl_io *io, const char *directory, const struct fl__identity *identity,
                        struct fl_error_report *report)
{
    char path[FL__PATH_MAX], temporary[FL__PATH_MAX + 4];
    uint8_t bytes[FILE_SIZE_MAX];
    struct fl_io_op op = {0};
    size_t size = encode(identity, bytes);
    snprintf(path, sizeof path, "%s/identity", directory);
    snprintf(temporary, sizeof temporary, "%s.new", path);
    int64_t result = write_temporary(io, temporary, bytes, size);
    if (result >= 0) {
        io->vtable->rename(io, &op, temporary, path);
        result = io->vtable->wait(io, &op);
    }
    if (result >= 0) {
        io->vtable->sync_directory(io, &op, directory);
        result = io->vtable->wait(io, &op);
    }
    return result < 0 ? refuse(report, (int)result, directory, "cannot be written; check the disk") : FL_OK;
}
