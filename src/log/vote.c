/* vote.c - what a node must not forget besides its log: term and vote, and how far the log goes. It stands in
 * two files, "vote-1" and "vote-2", of 88 bytes each:
 *
 *   0   8   magic "FLVOTE\r\n"
 *   8   4   format version: 2
 *   12  4   1 if there is a vote, else 0
 *   16  16  cluster id
 *   32  8   incarnation
 *   40  8   term
 *   48  8   vote
 *   56  8   number of the log's newest file in use; 0: none yet
 *   64  8   its size
 *   72  8   the checksum of the record before it; 0: there is none
 *   80  8   XXH3-64 of bytes 0..79
 *
 * A save writes the first and syncs it, then the second: at any moment one of them is whole. Terms, votes and
 * the log's files only ever move forward (a vote within a term is given once), so of two intact copies the
 * higher one is the later one. Nothing may leave the node before both are equal again. If neither can be
 * read, the node no longer knows what it promised: it must not take part any more.
 *
 * Both are there before the file "identity" is: a directory that has a name and no copies has lost them. */
#include "log.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#define COPY_SIZE 88
#define CHECKSUM_AT 80
#define VERSION_1_CHECKSUM_AT 56

static const uint8_t magic[8] = {'F', 'L', 'V', 'O', 'T', 'E', '\r', '\n'};

/* What both copies say. */
struct content {
    struct fl__vote_state state;
    struct fl__newest_file newest;
};

/* Somebody waits until what he gave is in both copies. */
struct request {
    bool is_written;                         /* The save in flight has it. */
    void (*done)(void *context, int result); /* NULL: nobody waits. */
    void *context;
};

struct fl__vote {
    struct fl_io *io;
    uint8_t cluster_id[16];
    fl_id incarnation;
    struct fl_io_file *files[2];
    struct content content;
    struct request save, note;
    uint8_t bytes[COPY_SIZE];
    struct fl_io_buffer buffer;
    struct fl_io_op op;
    int step;                      /* The copy being written, or the file being closed. */
    bool is_busy;                  /* Writing, or closing. */
    int failure;                   /* Why it is beyond use; FL_OK. */
    void (*closed)(void *context); /* NULL: not to be closed. */
    void *closed_context;
};

static void encode(struct fl__vote *vote)
{
    const struct fl__vote_state *state = &vote->content.state;
    uint8_t *out = vote->bytes;
    memcpy(out, magic, sizeof magic);
    fl__store32(out + 8, 2);
    fl__store32(out + 12, state->has_vote);
    memcpy(out + 16, vote->cluster_id, 16);
    fl__store64(out + 32, vote->incarnation);
    fl__store64(out + 40, state->term);
    fl__store64(out + 48, state->has_vote ? state->vote : 0);
    fl__store64(out + 56, vote->content.newest.number);
    fl__store64(out + 64, vote->content.newest.size);
    fl__store64(out + 72, vote->content.newest.previous);
    fl__store64(out + CHECKSUM_AT, XXH3_64bits(out, CHECKSUM_AT));
}

static bool is_summed(const uint8_t *in, size_t at)
{
    return fl__load64(in + at) == XXH3_64bits(in, at);
}

/* FL_OK, FL_EDAMAGED, FL_EVERSION, FL_ECLUSTER. */
static int decode(const struct fl__vote *vote, const uint8_t *in, struct content *out)
{
    if (memcmp(in, magic, sizeof magic) != 0)
        return FL_EDAMAGED;
    if (fl__load32(in + 8) == 1 && is_summed(in, VERSION_1_CHECKSUM_AT))
        return FL_EVERSION;
    if (!is_summed(in, CHECKSUM_AT))
        return FL_EDAMAGED;
    if (fl__load32(in + 8) != 2)
        return FL_EVERSION;
    out->state = (struct fl__vote_state){
        .term = fl__load64(in + 40), .has_vote = fl__load32(in + 12) == 1, .vote = fl__load64(in + 48)};
    out->newest = (struct fl__newest_file){
        .number = fl__load64(in + 56), .size = fl__load64(in + 64), .previous = fl__load64(in + 72)};
    bool is_mine = memcmp(in + 16, vote->cluster_id, 16) == 0 && fl__load64(in + 32) == vote->incarnation;
    return is_mine ? FL_OK : FL_ECLUSTER;
}

static int refuse(struct fl_error_report *report, int error, const char *directory, const char *text)
{
    report->error = error;
    snprintf(report->text, sizeof report->text, "%s/vote-1 and vote-2: %s", directory, text);
    return error;
}

static bool is_later(const struct content *a, const struct content *b)
{
    if (a->state.term != b->state.term)
        return a->state.term > b->state.term;
    if (a->state.has_vote != b->state.has_vote)
        return a->state.has_vote;
    return a->newest.number > b->newest.number;
}

static bool is_same(const struct content *a, const struct content *b)
{
    return !is_later(a, b) && !is_later(b, a) && a->state.vote == b->state.vote;
}

static int64_t write_copy(struct fl__vote *vote, int k)
{
    struct fl_io_op op = {0};
    vote->buffer = (struct fl_io_buffer){vote->bytes, COPY_SIZE};
    vote->io->vtable->write(vote->io, &op, vote->files[k], &vote->buffer, 1, 0, true);
    return vote->io->vtable->wait(vote->io, &op);
}

/* Opens one copy; its size, or an error. */
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
    return result < 0 && result != FL_EIO ? result : size; /* What cannot be read is damaged. */
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

/* Two copies as they were found. */
struct copies {
    int64_t sizes[2];
    int results[2]; /* Of decode(). */
    struct content contents[2];
};

static int read_copies(struct fl__vote *vote, const char *directory, struct copies *copies,
                       struct fl_error_report *report)
{
    for (int k = 0; k < 2; k++) {
        uint8_t bytes[COPY_SIZE];
        copies->sizes[k] = open_copy(vote, directory, k, bytes);
        if (copies->sizes[k] < 0)
            return refuse(report, (int)copies->sizes[k], directory, "cannot be opened or read");
        copies->results[k] = decode(vote, bytes, &copies->contents[k]);
        if (copies->results[k] == FL_EVERSION)
            return refuse(report, FL_EVERSION, directory,
                          "they were written by another version of this program");
    }
    return FL_OK;
}

/* Takes the later intact copy, and writes both again: what was read, names included, may be known to the page
 * cache alone, where a process that died or a sync that failed has left it. Where both are equal that is the
 * second copy, else the first; it is written first, while the other is whole on the disk. */
static int recover(struct fl__vote *vote, const char *directory, struct fl_error_report *report)
{
    struct copies copies = {0};
    int result = read_copies(vote, directory, &copies, report);
    if (result != FL_OK)
        return result;
    const int *results = copies.results;
    if (results[0] == FL_ECLUSTER || results[1] == FL_ECLUSTER)
        return refuse(report, FL_ECLUSTER, directory,
                      "they belong to another node or cluster; take them away");
    if (results[0] != FL_OK && results[1] != FL_OK)
        return refuse(report, FL_EDAMAGED, directory,
                      copies.sizes[0] == 0 && copies.sizes[1] == 0
                          ? "both are gone, so what this node promised is not known" FL__BEYOND_REPAIR
                          : "both are damaged, so what this node promised is not known" FL__BEYOND_REPAIR);
    const struct content *contents = copies.contents;
    int best = results[1] == FL_OK && (results[0] != FL_OK || is_later(&contents[1], &contents[0])) ? 1 : 0;
    vote->content = contents[best];
    bool are_equal = results[0] == FL_OK && results[1] == FL_OK && is_same(&contents[0], &contents[1]);
    encode(vote);
    return write_both(vote, directory, are_equal ? 1 : 0, report);
}

static bool is_promise(const struct content *content)
{
    return content->state.term > 0 || content->state.has_vote || content->newest.number > 0;
}

/* The directory has no name yet. What is here, an attempt to found it has left, and it promises nothing. */
static int create(struct fl__vote *vote, const char *directory, struct fl_error_report *report)
{
    struct copies copies = {0};
    int result = read_copies(vote, directory, &copies, report);
    if (result != FL_OK)
        return result;
    bool is_lost = false;
    for (int k = 0; k < 2; k++)
        is_lost |= copies.results[k] != FL_EDAMAGED && is_promise(&copies.contents[k]);
    if (is_lost)
        return refuse(
            report, FL_EDAMAGED, directory,
            "there are promises, but the file that says whose they are (identity) is gone\n  do     "
            "put back a copy of that file, however old: it never changes");
    encode(vote);
    return write_both(vote, directory, 0, report);
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
                  const uint8_t cluster_id[16], fl_id incarnation, bool is_new,
                  struct fl_error_report *report)
{
    *out = NULL;
    struct fl__vote *vote = calloc(1, sizeof *vote);
    if (!vote)
        return refuse(report, FL_ENOMEM, directory, "memory is short");
    vote->io = io;
    vote->incarnation = incarnation;
    memcpy(vote->cluster_id, cluster_id, 16);
    int result = is_new ? create(vote, directory, report) : recover(vote, directory, report);
    if (result != FL_OK) {
        close_now(vote);
        return result;
    }
    *out = vote;
    return FL_OK;
}

struct fl__vote_state fl__vote_current(const struct fl__vote *vote)
{
    return vote->content.state;
}

struct fl__newest_file fl__vote_newest(const struct fl__vote *vote)
{
    return vote->content.newest;
}

static void on_written(struct fl_io_op *op);
static void on_refused(struct fl_io_op *op);
static void on_closed(struct fl_io_op *op);

static void write_next(struct fl__vote *vote)
{
    vote->buffer = (struct fl_io_buffer){vote->bytes, COPY_SIZE};
    vote->op = (struct fl_io_op){.done = on_written, .owner = vote};
    vote->io->vtable->write(vote->io, &vote->op, vote->files[vote->step], &vote->buffer, 1, 0, true);
}

/* What is asked for meanwhile goes out with the next save; after a failure, from the loop, nothing does. */
static void go_on(struct fl__vote *vote)
{
    if (vote->is_busy)
        return;
    vote->step = 0;
    vote->save.is_written = vote->save.done != NULL;
    vote->note.is_written = vote->note.done != NULL;
    bool is_asked = vote->save.is_written || vote->note.is_written;
    vote->is_busy = is_asked || vote->closed;
    if (is_asked && vote->failure != FL_OK) {
        vote->op = (struct fl_io_op){.done = on_refused, .owner = vote};
        vote->io->vtable->timer(vote->io, &vote->op, 0);
    } else if (is_asked) {
        encode(vote);
        write_next(vote);
    } else if (vote->closed) {
        vote->op = (struct fl_io_op){.done = on_closed, .owner = vote};
        vote->io->vtable->close_file(vote->io, &vote->op, vote->files[0]);
    }
}

/* Takes out who waited for what was written. */
static struct request take(struct request *request)
{
    struct request taken = *request;
    if (!request->is_written)
        return (struct request){0};
    *request = (struct request){0};
    return taken;
}

static void answer(struct fl__vote *vote)
{
    const struct request save = take(&vote->save), note = take(&vote->note);
    vote->is_busy = false; /* Whoever is answered may go on with it. */
    int result = vote->failure;
    if (save.done)
        save.done(save.context, result);
    if (note.done)
        note.done(note.context, result);
    go_on(vote);
}

static void on_refused(struct fl_io_op *op)
{
    answer(op->owner);
}

static void on_written(struct fl_io_op *op)
{
    struct fl__vote *vote = op->owner;
    if (op->result >= 0 && ++vote->step < 2) {
        write_next(vote);
        return;
    }
    vote->failure = op->result < 0 ? (int)op->result : FL_OK;
    answer(vote);
}

static void ask(struct fl__vote *vote, struct request *request, void (*done)(void *context, int result),
                void *context)
{
    fl_assert(!request->done);
    *request = (struct request){.done = done, .context = context};
    go_on(vote);
}

void fl__vote_save(struct fl__vote *vote, const struct fl__vote_state *state,
                   void (*done)(void *context, int result), void *context)
{
    vote->content.state = *state;
    ask(vote, &vote->save, done, context);
}

void fl__vote_note(struct fl__vote *vote, const struct fl__newest_file *newest,
                   void (*done)(void *context, int result), void *context)
{
    fl_assert(newest->number > vote->content.newest.number);
    vote->content.newest = *newest;
    ask(vote, &vote->note, done, context);
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

void fl__vote_close(struct fl__vote *vote, void (*closed)(void *context), void *context)
{
    vote->closed = closed;
    vote->closed_context = context;
    go_on(vote);
}
