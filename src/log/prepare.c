/* prepare.c - the log's next file, made while the current one is written: opened, emptied, filled with zeros,
 * its header written, synced, and its directory synced.
 *
 * Whatever is written here stands before the log's own syncs in the disk's queue, and clients wait for those.
 * So the zeros go piece by piece, each synced, with pauses in which the disk is the log's alone; only when
 * the log has come to the end of its file and waits for this one is the rest of it written at once.
 *
 * Where the disk has no space for it, what was made of it is removed, and it is tried again every few
 * seconds: the current file lies on the disk whole, so what fits there can still be written. If even removing
 * fails, the next try empties the file first: what a sync without space has left of it is not known. Any
 * other failure is final. */
#include "records.h"

#define RETRY_US 5000000
#define PIECES 256
#define PIECE_MIN ((uint64_t)4 << 10)
#define PIECE_MAX ((uint64_t)256 << 10)
#define PAUSE_PART 3 /* A pause is so many times as long as the piece before it took. */

enum step {
    NOTHING,
    OPENING,
    EMPTYING,
    FILLING,  /* A piece, */
    SETTLING, /* which is synced, */
    PAUSING,  /* before the next one. */
    WRITING,
    SYNCING,
    SYNCING_DIRECTORY,
    READY,
    SHRINKING,
    CLOSING,
    REMOVING,
    WAITING
};

static void begin(struct fl__preparer *preparer)
{
    char path[FL__PATH_MAX];
    preparer->step = OPENING;
    fl__segment_path(preparer->options->directory, preparer->next.number, path, sizeof path);
    preparer->io->vtable->open(preparer->io, &preparer->op, path, FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE);
}

static void end(struct fl__preparer *preparer, enum step step, int error)
{
    preparer->step = step;
    preparer->changed(preparer->context, error);
}

static void set_full(struct fl__preparer *preparer, bool is_full)
{
    if (preparer->is_full == is_full)
        return;
    preparer->is_full = is_full;
    if (preparer->options->on_space)
        preparer->options->on_space(preparer->options->context, is_full);
}

static void close_file(struct fl__preparer *preparer)
{
    preparer->step = CLOSING;
    preparer->io->vtable->close_file(preparer->io, &preparer->op, preparer->next.file);
}

static void remove_file(struct fl__preparer *preparer)
{
    char path[FL__PATH_MAX];
    preparer->step = REMOVING;
    fl__segment_path(preparer->options->directory, preparer->next.number, path, sizeof path);
    preparer->io->vtable->unlink(preparer->io, &preparer->op, path);
}

/* The step that failed, or one of those that clean up behind it. */
static void give_up(struct fl__preparer *preparer)
{
    const struct fl_io_vtable *io = preparer->io->vtable;
    if (preparer->step == FILLING && preparer->size_before > 0) { /* It was ready, and will be again. */
        preparer->step = SHRINKING;
        preparer->next.size = preparer->filled = preparer->size_before;
        io->truncate(preparer->io, &preparer->op, preparer->next.file, preparer->next.size);
        return;
    }
    switch (preparer->step) {
    case CLOSING:
        if (preparer->failure)
            end(preparer, NOTHING, preparer->failure);
        else
            remove_file(preparer);
        break;
    case REMOVING:
        if (preparer->is_closing) {
            end(preparer, NOTHING, preparer->is_full ? FL_ENOSPC : FL_ECANCELED);
            break;
        }
        preparer->step = WAITING;
        io->timer(preparer->io, &preparer->op, io->now(preparer->io) + RETRY_US);
        break;
    case OPENING:
        set_full(preparer, true);
        remove_file(preparer);
        break;
    default:
        set_full(preparer, true);
        close_file(preparer);
        break;
    }
}

static uint64_t piece_size(const struct fl__preparer *preparer)
{
    uint64_t size = preparer->next.size / PIECES;
    return size < PIECE_MIN ? PIECE_MIN : size > PIECE_MAX ? PIECE_MAX : size;
}

static void fill(struct fl__preparer *preparer)
{
    struct fl_io *io = preparer->io;
    uint64_t left = preparer->next.size - preparer->filled, piece = piece_size(preparer);
    preparer->filled += preparer->is_hurried || left < piece ? left : piece;
    preparer->step = FILLING;
    preparer->began_at = io->vtable->now(io);
    io->vtable->allocate(io, &preparer->op, preparer->next.file, preparer->filled);
}

static void pause(struct fl__preparer *preparer)
{
    struct fl_io *io = preparer->io;
    fl_time_us now = io->vtable->now(io);
    preparer->step = PAUSING;
    io->vtable->timer(io, &preparer->op, now + (now - preparer->began_at) * PAUSE_PART);
}

static void go_on(struct fl__preparer *preparer)
{
    struct fl_io *io = preparer->io;
    switch (preparer->step) {
    case OPENING:
        preparer->next.file = preparer->op.file;
        preparer->filled = 0;
        preparer->step = EMPTYING;
        io->vtable->truncate(io, &preparer->op, preparer->next.file, 0);
        break;
    case EMPTYING:
        fill(preparer);
        break;
    case FILLING:
        if (preparer->filled < preparer->next.size) {
            preparer->step = SETTLING;
            io->vtable->sync(io, &preparer->op, preparer->next.file);
            break;
        }
        preparer->step = WRITING;
        io->vtable->write(io, &preparer->op, preparer->next.file, &preparer->header_buffer, 1, 0, false);
        break;
    case SETTLING:
        if (preparer->is_hurried)
            fill(preparer);
        else
            pause(preparer);
        break;
    case WRITING:
        preparer->step = SYNCING;
        io->vtable->sync(io, &preparer->op, preparer->next.file);
        break;
    case SHRINKING:
        preparer->refused_until = io->vtable->now(io) + RETRY_US;
        end(preparer, READY, FL_OK);
        break;
    case SYNCING:
        preparer->step = SYNCING_DIRECTORY;
        io->vtable->sync_directory(io, &preparer->op, preparer->options->directory);
        break;
    default:
        set_full(preparer, false);
        end(preparer, READY, FL_OK);
        break;
    }
}

static void on_step(struct fl_io_op *op)
{
    struct fl__preparer *preparer = op->owner;
    if (preparer->step == WAITING) {
        if (preparer->falls_back)
            preparer->next.size = preparer->options->segment_size;
        if (preparer->is_closing)
            end(preparer, NOTHING, FL_ENOSPC);
        else
            begin(preparer);
    } else if (preparer->step == PAUSING) {
        if (preparer->is_closing)
            close_file(preparer);
        else
            fill(preparer);
    } else if (preparer->step == CLOSING || preparer->step == REMOVING || op->result == FL_ENOSPC) {
        give_up(preparer);
    } else if (op->result < 0) {
        preparer->failure = (int)op->result;
        if (preparer->step == OPENING)
            end(preparer, NOTHING, preparer->failure);
        else
            close_file(preparer);
    } else {
        go_on(preparer);
    }
}

void fl__prepare_start(struct fl__preparer *preparer, uint64_t size, bool falls_back)
{
    bool is_ready = preparer->step == READY;
    preparer->falls_back = falls_back;
    preparer->size_before = is_ready && falls_back ? preparer->next.size : 0;
    preparer->op = (struct fl_io_op){.done = on_step, .owner = preparer};
    preparer->is_hurried = false;
    if (is_ready) { /* It is there, but an entry larger than a segment needs more. */
        preparer->next.size = size;
        preparer->is_hurried = true;
        fill(preparer);
        return;
    }
    preparer->next =
        (struct fl__segment){.number = preparer->next_number, .size = size, .end = FL__SEGMENT_HEADER};
    preparer->next.identity = fl__segment_header(preparer->options, preparer->next.number, preparer->header);
    preparer->header_buffer = (struct fl_io_buffer){preparer->header, sizeof preparer->header};
    begin(preparer);
}

void fl__prepare_hurry(struct fl__preparer *preparer)
{
    preparer->is_hurried = true;
    if (preparer->step == PAUSING)
        preparer->io->vtable->cancel(preparer->io, &preparer->op);
}

bool fl__prepare_is_idle(const struct fl__preparer *preparer)
{
    return preparer->step == NOTHING;
}

const struct fl__segment *fl__prepare_ready(const struct fl__preparer *preparer)
{
    return preparer->step == READY ? &preparer->next : NULL;
}

void fl__prepare_taken(struct fl__preparer *preparer)
{
    preparer->step = NOTHING;
    preparer->next_number++;
}

void fl__prepare_close(struct fl__preparer *preparer)
{
    preparer->is_closing = true;
    if (preparer->step == WAITING || preparer->step == PAUSING)
        preparer->io->vtable->cancel(preparer->io, &preparer->op);
}
