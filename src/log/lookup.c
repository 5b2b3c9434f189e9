/* lookup.c - reading entries back from the log.
 *
 * A read begins at the nearest place that the layout knows, and walks along the records in pieces. What it
 * finds is checked like everything that comes from a disk: the record's own checksums bind it to its place,
 * and its index and term must be those that the log has now. If the log was cut meanwhile, the read says so
 * instead of giving what no longer counts. A piece that the disk fails to read is read page by page, so that
 * what cannot be read costs the entries in it, and none beside it. */
#include "records.h"
#include <stdlib.h>
#include <string.h>

#define PIECE_SIZE ((size_t)256 << 10)
#define ENTRIES_MAX 1024
#define RECORD_MAX (fl__record_size(FL_COMMAND_MAX + FL__ENVELOPE_SIZE))

struct job {
    struct fl__wal *wal;
    struct fl__wal_read *read;
    struct fl__segment segment;
    uint64_t offset; /* Of the piece. */
    uint8_t *data;
    size_t size, capacity;
    size_t page;    /* Where in the piece, if it is read page by page. */
    uint64_t taken; /* Bytes of bodies. */
    struct fl_io_op op;
};

static void finish(struct job *job, int result)
{
    struct fl__wal_read *read = job->read;
    read->result = read->entry_count > 0 ? FL_OK : result;
    struct fl__wal *wal = job->wal;
    free(job->data);
    free(job);
    read->done(read);
    fl__wal_read_ended(wal);
}

static void read_piece(struct job *job, uint64_t offset, size_t size);

/* Takes the record's entry if it is wanted; FL_ESTALE ends the read. */
static int take(struct job *job, const uint8_t *data, const struct fl__record *record)
{
    struct fl__wal_read *read = job->read;
    fl_index wanted = read->first + read->entry_count;
    bool is_entry = (uint32_t)record->kind <= FL_ENTRY_CONFIGURATION;
    if (!is_entry || record->index != wanted)
        return FL_OK;
    if (fl__wal_term_at(job->wal, wanted) != record->term)
        return FL_ESTALE;
    if (!fl__record_is_body_good(data, record))
        return FL_EDAMAGED;
    int error;
    struct fl__entry *entry = fl__entry_decode(record->index, record->term, (enum fl_entry_kind)record->kind,
                                               data + FL__RECORD_COPY, record->size, &error);
    if (!entry)
        return error == FL_ENOMEM ? FL_ENOMEM : FL_EDAMAGED;
    read->entries[read->entry_count++] = entry;
    job->taken += entry->size;
    return FL_OK;
}

static bool is_enough(const struct job *job)
{
    const struct fl__wal_read *read = job->read;
    return read->first + read->entry_count > read->last || read->entry_count == ENTRIES_MAX ||
           (read->entry_count > 0 && job->taken >= read->size_max);
}

static bool would_exceed(const struct job *job, const struct fl__record *record)
{
    return job->read->entry_count > 0 && job->taken + record->size > job->read->size_max;
}

/* Finds the record at `at`. False: *wanted bytes from there are needed to tell; 0: it is beyond finding. */
static bool find_record(const struct job *job, size_t at, struct fl__record *record, size_t *wanted)
{
    const uint8_t *data = job->data + at;
    uint64_t place = job->segment.identity + job->offset + at;
    uint64_t rest = job->segment.end - job->offset - at;
    size_t left = job->size - at;
    *wanted = 0;
    if (left < FL__RECORD_COPY) {
        *wanted = left < rest ? FL__RECORD_COPY : 0;
        return false;
    }
    size_t whole = fl__record_peek_size(data);
    if (whole > left && whole <= rest && whole <= RECORD_MAX) {
        *wanted = whole;
        return false;
    }
    if (fl__record_get(data, left, place, record) || fl__record_find_tail(data, left, place, record))
        return true;
    /* What the head says is not true, and the tail may lie behind this piece. */
    if (left < rest && left < RECORD_MAX)
        *wanted = rest < RECORD_MAX ? (size_t)rest : RECORD_MAX;
    return false;
}

/* Takes what the piece holds, and goes on to the next. */
static void take_piece(struct job *job)
{
    size_t at = 0, wanted = 0;
    while (!is_enough(job) && job->offset + at < job->segment.end) {
        struct fl__record record;
        if (!find_record(job, at, &record, &wanted))
            break;
        if (would_exceed(job, &record)) {
            finish(job, FL_OK);
            return;
        }
        int result = take(job, job->data + at, &record);
        if (result != FL_OK) {
            finish(job, result);
            return;
        }
        at += fl__record_size(record.size);
    }
    bool is_end = job->offset + at >= job->segment.end;
    if (is_enough(job) || job->read->entry_count > 0 || is_end)
        finish(job, FL_ESTALE);
    else if (wanted == 0)
        finish(job, FL_EDAMAGED);
    else
        read_piece(job, job->offset + at, wanted > PIECE_SIZE ? wanted : PIECE_SIZE);
}

/* What of the piece lies in the file's page at job->page, in bytes. */
static size_t page_part(const struct job *job)
{
    size_t left = job->size - job->page;
    size_t part = FL__PAGE_SIZE - (size_t)((job->offset + job->page) % FL__PAGE_SIZE);
    return left < part ? left : part;
}

static void read_page(struct job *job);

/* A page that cannot be read counts as zeros: no record has any place there. */
static void on_page(struct fl_io_op *op)
{
    struct job *job = op->owner;
    size_t part = page_part(job);
    if (op->result < 0)
        memset(job->data + job->page, 0, part);
    else if ((size_t)op->result < part)
        job->size = job->page + (size_t)op->result;
    job->page += part;
    if (job->page < job->size)
        read_page(job);
    else
        take_piece(job);
}

static void read_page(struct job *job)
{
    job->op = (struct fl_io_op){.done = on_page, .owner = job};
    fl__wal_read_file(job->wal, &job->op, job->segment.file, job->data + job->page, page_part(job),
                      job->offset + job->page);
}

static void on_piece(struct fl_io_op *op)
{
    struct job *job = op->owner;
    if (!job->data || op->result == FL_ENOMEM) {
        finish(job, FL_ENOMEM);
    } else if (op->result < 0) {
        job->page = 0;
        read_page(job);
    } else {
        job->size = (size_t)op->result;
        take_piece(job);
    }
}

static void read_piece(struct job *job, uint64_t offset, size_t size)
{
    if (size > job->segment.end - offset)
        size = (size_t)(job->segment.end - offset);
    if (size > job->capacity) {
        free(job->data);
        job->data = malloc(size);
        job->capacity = job->data ? size : 0;
    }
    job->offset = offset;
    job->size = size;
    job->op = (struct fl_io_op){.done = on_piece, .owner = job};
    fl__wal_read_file(job->wal, &job->op, job->segment.file, job->data, job->data ? size : 0, offset);
}

static void on_refusal(struct fl_io_op *op)
{
    struct fl__wal_read *read = op->owner;
    struct fl__wal *wal = read->wal;
    read->done(read);
    fl__wal_read_ended(wal);
}

void fl__wal_read(struct fl__wal *wal, struct fl__wal_read *read)
{
    read->entry_count = 0;
    read->entries = malloc(ENTRIES_MAX * sizeof *read->entries);
    struct job *job = calloc(1, sizeof *job);
    uint64_t offset;
    struct fl__segment segment;
    int result = fl__wal_read_begun(wal, read->first, &segment, &offset);
    if (!read->entries || !job)
        result = FL_ENOMEM;
    if (result == FL_OK) {
        *job = (struct job){.wal = wal, .read = read, .segment = segment};
        read_piece(job, offset, PIECE_SIZE);
        return;
    }
    free(job);
    /* Nobody is called back inside the call. */
    read->result = result;
    read->wal = wal;
    read->refusal = (struct fl_io_op){.done = on_refusal, .owner = read};
    fl__wal_soon(wal, &read->refusal);
}
