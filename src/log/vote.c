/* vote.c - term and vote, in two files, "vote-1" and "vote-2", of 64 bytes each:
 *
 *   0   8   magic "FLVOTE\r\n"
 *   8   4   format version: 1
 *   12  4   1 if there is a vote, else 0
 *   16  16  cluster id
 *   32  8   incarnation
 *   40  8   term
 *   48  8   vote
 *   56  8   XXH3-64 of bytes 0..55
 *
 * A save writes the first and syncs it, then the second: at any moment one of them is whole. Terms and votes
 * only ever move forward (a vote within a term is given once), so of two intact copies the higher one is the
 * later one. Nothing may leave the node before both are equal again. If neither can be read, the node no
 * longer knows what it promised: it must not take part any more. */
#include "log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define COPY_SIZE 64

static const uint8_t magic[8] = {'F', 'L', 'V', 'O', 'T', 'E', '\r', '\n'};

struct fl__vote {
    struct fl_io *io;
    uint8_t cluster_id[16];
    fl_id incarnation;
    struct fl_io_file *files[2];
    uint8_t bytes[COPY_SIZE];
    struct fl_io_buffer buffer;
    struct fl_io_op op;
    int step; /* The copy being written, or the file being closed. */
    bool is_saving;
    void (*done)(void *context, int result);
    void *context;
    void (*closed)(void *context); /* NULL: not closing. */
    void *closed_context;
};

static void encode(struct fl__vote *vote, const struct fl__vote_state *state)
{
    uint8_t *out = vote->bytes;
    memcpy(out, magic, sizeof magic);
    fl__store32(out + 8, 1);
    fl__store32(out + 12, state->has_vote);
    memcpy(out + 16, vote->cluster_id, 16);
    fl__store64(out + 32, vote->incarnation);
    fl__store64(out + 40, state->term);
    fl__store64(out + 48, state->has_vote ? state->vote : 0);
    fl__store64(out + 56, XXH3_64bits(out, 56));
}

/* FL_OK, FL_EDAMAGED, FL_EVERSION, FL_ECLUSTER. */
static int decode(const struct fl__vote *vote, const uint8_t *in, struct fl__vote_state *out)
{
    if (memcmp(in, magic, sizeof magic) != 0 || fl__load64(in + 56) != XXH3_64bits(in, 56))
        return FL_EDAMAGED;
    if (fl__load32(in + 8) != 1)
        return FL_EVERSION;
    if (memcmp(in + 16, vote->cluster_id, 16) != 0 || fl__load64(in + 32) != vote->incarnation)
        return FL_ECLUSTER;
    *out = (struct fl__vote_state){
        .term = fl__load64(in + 40), .has_vote = fl__load32(in + 12) == 1, .vote = fl__load64(in + 48)};
    return FL_OK;
}

static int refuse(struct fl_error_report *report, int error, const char *directory, const char *text)
{
    report->error = error;
    snprintf(report->text, sizeof report->text, "%s/vote-1 and vote-2: %s", directory, text);
    return error;
}

static bool is_later(const struct fl__vote_state *a, const struct fl__vote_state *b)
{
    return a->term != b->term ? a->term > b->term : a->has_vote && !b->has_vote;
}

static bool is_same(const struct fl__vote_state *a, const struct fl__vote_state *b)
{
    return a->term == b->term && a->has_vote == b->has_vote && a->vote == b->vote;
}

static int64_t write_copy(struct fl__vote *vote, int k)
{
    struct fl_io_op op = {0};
    vote->buffer = (struct fl_io_buffer){vote->bytes, COPY_SIZE};
    vote->io->vtable->write(vote->io, &op, vote->files[k], &vote->buffer, 1, 0, true);
    return vote->io->vtable->wait(vote->io, &op);
}

/* Opens one copy; *size is what it holds. */
static int64_t open_copy(struct fl__vote *vote, const char *directory, int k, uint8_t *bytes)
{
    char path[FL__PATH_MAX];
    struct fl_io_op op = {0};
    snprintf(path, sizeof path, "%s/vote-%d", directory, k + 1);
    vote->io->vtable->open(vote->io, &op, path, FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE);
    int64_t size = vote->io->vtable->wait(vote->io, &op);
    if (size < 0)
        return size;
    vote->files[k] = op.file;
    memset(bytes, 0, COPY_SIZE);
    vote->io->vtable->read(vote->io, &op, vote->files[k], bytes, COPY_SIZE, 0);
    int64_t result = vote->io->vtable->wait(vote->io, &op);
    return result == FL_EIO ? size + 1
           : result < 0     ? result
                            : size; /* What cannot be read is damaged, not absent. */
}

/* Syncs the copies' names, then writes both, beginning with `first`. */
static int write_both(struct fl__vote *vote, const char *directory, int first, struct fl_error_report *report)
{
    struct fl_io_op op = {0};
    vote->io->vtable->sync_directory(vote->io, &op, directory);
    int64_t result = vote->io->vtable->wait(vote->io, &op);
    if (result < 0)
        return refuse(report, (int)result, directory, "their directory cannot be synced");
    for (int n = 0; n < 2; n++) {
        result = write_copy(vote, n == 0 ? first : 1 - first);
        if (result < 0)
            return refuse(report, (int)result, directory, "cannot be written; check the disk");
    }
    return FL_OK;
}

/* Takes the later intact copy, and writes both again: what was read, names included, may be known to the page
 * cache alone, where a process that died or a sync that failed has left it. Where both are equal that is the
 * second copy, else the first; it is written first, while the other is whole on the disk. */
static int recover(struct fl__vote *vote, const char *directory, struct fl__vote_state *found,
                   struct fl_error_report *report)
{
    uint8_t bytes[2][COPY_SIZE];
    struct fl__vote_state states[2] = {{0}, {0}};
    int results[2];
    int64_t sizes[2];
    for (int k = 0; k < 2; k++) {
        sizes[k] = open_copy(vote, directory, k, bytes[k]);
        if (sizes[k] < 0)
            return refuse(report, (int)sizes[k], directory, "cannot be opened or read");
        results[k] = decode(vote, bytes[k], &states[k]);
        if (results[k] == FL_ECLUSTER)
            return refuse(report, FL_ECLUSTER, directory,
                          "they belong to another node or cluster; take them away");
        if (results[k] == FL_EVERSION)
            return refuse(report, FL_EVERSION, directory,
                          "they were written by another version of this program");
    }
    /* The first save ever wrote the first copy before the second was there; and nothing had been promised
     * before it. */
    bool is_new = sizes[0] == 0 && sizes[1] == 0;
    if (results[0] != FL_OK && results[1] != FL_OK && !is_new && sizes[1] != 0)
        return refuse(report, FL_EDAMAGED, directory,
                      "both are damaged, so what this node promised is not known" FL__BEYOND_REPAIR);
    int best = results[1] == FL_OK && (results[0] != FL_OK || is_later(&states[1], &states[0])) ? 1 : 0;
    *found = states[best];
    bool are_equal = results[0] == FL_OK && results[1] == FL_OK && is_same(&states[0], &states[1]);
    encode(vote, found);
    return write_both(vote, directory, are_equal ? 1 : 0, report);
}

static void close_now(struct fl__vote *vote)
{
    for (int k = 0; k < 2; k++) {
        struct fl_io_op op = {0};
        if (!vote->files[k])
            continue;
        vote->io->vtable->close_file(vote->io, &op, vote->files[k]);
        (void)vote->io->vtable->wait(vote->io, &op);
    }
    free(vote);
}

int fl__vote_open(struct fl__vote **out, struct fl_io *io, const char *directory,
                  const uint8_t cluster_id[16], fl_id incarnation, struct fl__vote_state *found,
                  struct fl_error_report *report)
{
    *out = NULL;
    *found = (struct fl__vote_state){0};
    struct fl__vote *vote = calloc(1, sizeof *vote);
    if (!vote)
        return refuse(report, FL_ENOMEM, directory, "memory is short");
    vote->io = io;
    vote->incarnation = incarnation;
    memcpy(vote->cluster_id, cluster_id, 16);
    int result = recover(vote, directory, found, report);
    if (result != FL_OK) {
        close_now(vote);
        return result;
    }
    *out = vote;
    return FL_OK;
}

static void on_written(struct fl_io_op *op);
static void close_files(struct fl__vote *vote);

static void write_next(struct fl__vote *vote)
{
    vote->buffer = (struct fl_io_buffer){vote->bytes, COPY_SIZE};
    vote->op = (struct fl_io_op){.done = on_written, .owner = vote};
    vote->io->vtable->write(vote->io, &vote->op, vote->files[vote->step], &vote->buffer, 1, 0, true);
}

static void on_written(struct fl_io_op *op)
{
    struct fl__vote *vote = op->owner;
    if (op->result >= 0 && ++vote->step < 2) {
        write_next(vote);
        return;
    }
    vote->is_saving = false;
    vote->done(vote->context, op->result < 0 ? (int)op->result : FL_OK);
    if (vote->closed && !vote->is_saving)
        close_files(vote);
}

void fl__vote_save(struct fl__vote *vote, const struct fl__vote_state *state,
                   void (*done)(void *context, int result), void *context)
{
    fl_assert(!vote->is_saving);
    encode(vote, state);
    vote->is_saving = true;
    vote->step = 0;
    vote->done = done;
    vote->context = context;
    write_next(vote);
}

static void on_closed(struct fl_io_op *op)
{
    struct fl__vote *vote = op->owner;
    if (++vote->step < 2) {
        vote->io->vtable->close_file(vote->io, &vote->op, vote->files[vote->step]);
        return;
    }
    void (*closed)(void *context) = vote->closed;
    void *context = vote->closed_context;
    free(vote);
    closed(context);
}

static void close_files(struct fl__vote *vote)
{
    vote->step = 0;
    vote->op = (struct fl_io_op){.done = on_closed, .owner = vote};
    vote->io->vtable->close_file(vote->io, &vote->op, vote->files[0]);
}

void fl__vote_close(struct fl__vote *vote, void (*closed)(void *context), void *context)
{
    vote->closed = closed;
    vote->closed_context = context;
    if (!vote->is_saving)
        close_files(vote);
}
