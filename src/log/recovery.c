/* recovery.c - what the segments say about the log; torn told from damaged.
 *
 * Segments are read in order, up to the newest one that is in use, which vote.c knows: if that one or one
 * before it is gone, or is shorter than it was, or is none any more, then it was lost, and the node must not
 * guess. Those behind it were prepared and never used. Where a segment ends is told by the mark that opens
 * the next one, and by vote.c if that is the newest: they name the record before it by its checksum. The
 * newest one ends where no further record continues it.
 *
 * Whatever cannot be read lies either
 *   - above the last mark: then it was being written when the power failed, nobody was ever told of it, and
 *     the log is cut there, whatever follows. Unless the disk fails to read it: what was there cannot be
 *     known then, and the node must not guess; or
 *   - below it: then it was damaged later. If one of the record's two outer copies is left, the entry's place
 *     in the log is still known, and only its payload is lost: the node takes part with what it has. If both
 *     are gone, then what the log was cannot be known, and the node must not guess.
 *
 * A batch begins with a mark and is written once the one before it is durable. So a mark calls durable what
 * stands before it, and one of its outer copies is enough to know that.
 *
 * What lies above the last mark is written and synced again, for a page cache may show what no disk holds
 * (after a sync that failed, for one). With it go zeros over what was cut, so that the log continues in its
 * place, as in a file that was never written further. A crash meanwhile changes nothing: what was cut had
 * lost bytes that zeros do not bring back, and until the zeros are synced nobody is told of this log. */
#include "records.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct position {
    uint64_t segment, offset;
};

/* The checksum of the last record before something. */
struct end {
    bool is_told;
    uint64_t checksum;
};

struct scan {
    struct fl_io *io;
    const struct fl__wal_options *options;
    struct fl__recovery *out;
    struct fl__wal_recovered *found;
    struct fl_error_report *report;
    uint64_t *numbers; /* Of the segments there are, ascending. */
    uint32_t number_count, number_capacity;
    bool is_out_of_memory;
    uint8_t *data; /* The segment being scanned. */
    size_t size;
    bool *unreadable; /* Of each of its pages. */
    bool **missed;    /* Of each segment, if the first pass could not read some: its pages. */
    uint64_t number, identity;
    bool is_header_there;          /* But for one byte at most. */
    struct position durable;       /* The last mark. */
    struct fl__newest_file newest; /* That is in use. */
};

static int refuse(struct scan *scan, int error, const char *text)
{
    char path[FL__PATH_MAX];
    fl__segment_path(scan->options->directory, scan->number, path, sizeof path);
    scan->report->error = error;
    snprintf(scan->report->text, sizeof scan->report->text, "%.500s: %s%s", path, text,
             error == FL_EDAMAGED ? FL__BEYOND_REPAIR : "");
    return error;
}

static bool is_below(struct position a, struct position b)
{
    return a.segment != b.segment ? a.segment < b.segment : a.offset < b.offset;
}

/* ------------------------------------------------------------------------------------------------- files */

static void on_name(void *context, const char *name)
{
    struct scan *scan = context;
    uint64_t number;
    if (!fl__segment_parse_name(name, &number))
        return;
    if (scan->number_count == scan->number_capacity) {
        uint32_t capacity = scan->number_capacity * 2 + 16;
        uint64_t *grown = realloc(scan->numbers, capacity * sizeof *grown);
        if (!grown) {
            scan->is_out_of_memory = true;
            return;
        }
        scan->numbers = grown;
        scan->number_capacity = capacity;
    }
    scan->numbers[scan->number_count++] = number;
}

static int compare_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static int list_segments(struct scan *scan)
{
    struct fl_io_op op = {0};
    scan->io->vtable->list(scan->io, &op, scan->options->directory, on_name, scan);
    int64_t result = scan->io->vtable->wait(scan->io, &op);
    if (result < 0 || scan->is_out_of_memory)
        return refuse(scan, result < 0 ? (int)result : FL_ENOMEM, "the data directory cannot be listed");
    if (scan->number_count > 1)
        qsort(scan->numbers, scan->number_count, sizeof *scan->numbers, compare_numbers);
    for (uint32_t k = 0; k < scan->newest.number; k++) {
        scan->number = k + 1;
        if (k >= scan->number_count || scan->numbers[k] != scan->number)
            return refuse(
                scan, FL_EDAMAGED,
                scan->number == scan->newest.number
                    ? "the newest part of the log is missing"
                    : "this part of the log is missing; any copy of this file that is whole will do");
    }
    return FL_OK;
}

/* Reads the segment whole, or page by page: those that cannot be read count as zeros, and are remembered. */
static void read_pages(struct scan *scan, struct fl_io_file *file)
{
    struct fl_io *io = scan->io;
    struct fl_io_op op = {0};
    io->vtable->read(io, &op, file, scan->data, scan->size, 0);
    if (io->vtable->wait(io, &op) >= 0)
        return;
    for (size_t at = 0; at < scan->size; at += FL__PAGE_SIZE) {
        size_t part = scan->size - at < FL__PAGE_SIZE ? scan->size - at : FL__PAGE_SIZE;
        io->vtable->read(io, &op, file, scan->data + at, part, at);
        if (io->vtable->wait(io, &op) >= 0)
            continue;
        memset(scan->data + at, 0, part);
        scan->unreadable[at / FL__PAGE_SIZE] = true;
    }
}

/* What the first pass has missed counts as unreadable in the second one too, even if it can be read by now:
 * there may have been marks. */
static void forget_missed(struct scan *scan, const bool *missed)
{
    for (size_t at = 0; missed && at < scan->size; at += FL__PAGE_SIZE) {
        if (!missed[at / FL__PAGE_SIZE])
            continue;
        memset(scan->data + at, 0, scan->size - at < FL__PAGE_SIZE ? scan->size - at : FL__PAGE_SIZE);
        scan->unreadable[at / FL__PAGE_SIZE] = true;
    }
}

static bool is_readable(const struct scan *scan, uint64_t begin, uint64_t end)
{
    for (uint64_t at = begin / FL__PAGE_SIZE * FL__PAGE_SIZE; at < end && at < scan->size;
         at += FL__PAGE_SIZE) {
        if (scan->unreadable[at / FL__PAGE_SIZE])
            return false;
    }
    return true;
}

static void close_file(struct scan *scan, struct fl_io_file *file)
{
    struct fl_io_op op = {0};
    scan->io->vtable->close_file(scan->io, &op, file);
    (void)scan->io->vtable->wait(scan->io, &op);
}

/* A file is filled before it is used, and its size then noted. */
static int check_size(struct scan *scan)
{
    char text[128];
    if (scan->number != scan->newest.number || scan->size >= scan->newest.size)
        return FL_OK;
    snprintf(text, sizeof text, "the end of it is missing: it has %zu of %" PRIu64 " bytes", scan->size,
             scan->newest.size);
    return refuse(scan, FL_EDAMAGED, text);
}

/* Opens the k-th segment and reads it. */
static int load(struct scan *scan, uint64_t k, struct fl_io_file **file)
{
    char path[FL__PATH_MAX];
    struct fl_io *io = scan->io;
    struct fl_io_op op = {0};
    scan->number = scan->numbers[k];
    fl__segment_path(scan->options->directory, scan->number, path, sizeof path);
    io->vtable->open(io, &op, path, FL_IO_READ | FL_IO_WRITE);
    int64_t size = io->vtable->wait(io, &op);
    if (size < 0)
        return refuse(scan, (int)size, "this part of the log cannot be opened");
    *file = op.file;
    free(scan->data);
    scan->size = (size_t)size;
    free(scan->unreadable);
    scan->data = calloc(1, scan->size + 8);
    scan->unreadable = calloc(scan->size / FL__PAGE_SIZE + 1, sizeof *scan->unreadable);
    if (!scan->data || !scan->unreadable)
        return refuse(scan, FL_ENOMEM, "memory is short for reading it");
    read_pages(scan, *file);
    forget_missed(scan, scan->missed[k]);
    return check_size(scan);
}

static int check_header(struct scan *scan)
{
    uint8_t expected[FL__SEGMENT_HEADER];
    uint32_t wrong = 0;
    scan->identity = fl__segment_header(scan->options, scan->number, expected);
    scan->is_header_there = false;
    if (scan->size < FL__SEGMENT_HEADER)
        return FL_OK;
    for (uint32_t k = 0; k < FL__SEGMENT_HEADER; k++)
        wrong += scan->data[k] != expected[k];
    scan->is_header_there = wrong <= 1;
    switch (fl__segment_check_header(scan->data, expected)) {
    case FL_ECLUSTER:
        return refuse(scan, FL_ECLUSTER, "it belongs to another node or cluster; take it away");
    case FL_EVERSION:
        return refuse(scan, FL_EVERSION, "it was written by another version of this program");
    default:
        return FL_OK;
    }
}

/* -------------------------------------------------------------------------------------------------- marks */

/* The record at `at`, if its head is left; or its tail, looked for within so many bytes. */
static bool find_record(const struct scan *scan, uint64_t at, size_t reach, struct fl__record *record)
{
    const uint8_t *data = scan->data + at;
    size_t left = at < scan->size ? scan->size - at : 0;
    uint64_t place = scan->identity + at;
    return fl__record_get(data, left, place, record) ||
           fl__record_find_tail(data, left < reach ? left : reach, place, record);
}

/* Looks for marks everywhere, also behind what cannot be read: any of them counts. */
static void look_for_marks(struct scan *scan)
{
    for (uint64_t at = FL__SEGMENT_HEADER; at + FL__RECORD_COPY <= scan->size;) {
        struct fl__record record;
        bool is_found = find_record(scan, at, fl__record_size(FL__MARK_SIZE), &record);
        const struct position here = {scan->number, at};
        if (is_found && record.kind == FL__RECORD_MARK && is_below(scan->durable, here))
            scan->durable = here;
        at += is_found ? fl__record_size(record.size) : 8;
    }
}

/* A file that is not known to be in use holds nothing, or else what should know it is of an earlier day. */
static int look_for_more(struct scan *scan)
{
    struct position last = scan->durable;
    look_for_marks(scan);
    return is_below(last, scan->durable)
               ? refuse(scan, FL_EDAMAGED,
                        "it is part of the log, and vote-1 and vote-2 know nothing of it: they are copies of "
                        "an earlier day, and what this node promised since is lost")
               : FL_OK;
}

/* *end: what its first mark says of the segment before. */
static int survey_segment(struct scan *scan, struct end *end)
{
    struct fl__record record;
    int result = check_header(scan);
    if (result != FL_OK)
        return result;
    if (scan->number > scan->newest.number)
        return look_for_more(scan);
    look_for_marks(scan);
    if (find_record(scan, FL__SEGMENT_HEADER, fl__record_size(FL__MARK_SIZE), &record) &&
        record.kind == FL__RECORD_MARK)
        *end = (struct end){.is_told = true, .checksum = record.previous};
    else if (scan->number == scan->newest.number && !scan->is_header_there)
        return refuse(scan, FL_EDAMAGED, "the beginning of it is damaged, or it is something else");
    return FL_OK;
}

/* First pass: the last mark, and where each segment but the newest ends. */
static int survey(struct scan *scan, struct end *ends)
{
    for (uint32_t k = 0; k < scan->number_count; k++) {
        struct fl_io_file *file = NULL;
        struct end end = {0};
        int result = load(scan, k, &file);
        if (result == FL_OK)
            result = survey_segment(scan, &end);
        if (k > 0)
            ends[k - 1] = end;
        if (result == FL_OK && !is_readable(scan, 0, scan->size)) {
            scan->missed[k] = scan->unreadable;
            scan->unreadable = NULL;
        }
        if (file)
            close_file(scan, file);
        if (result != FL_OK)
            return result;
    }
    if (scan->newest.number > 1)
        ends[scan->newest.number - 2] = (struct end){.is_told = true, .checksum = scan->newest.previous};
    for (uint64_t k = scan->newest.number; k > 2; k--)
        if (!ends[k - 3].is_told) /* Nothing is in the one between. */
            ends[k - 3] = ends[k - 2];
    return FL_OK;
}

/* ------------------------------------------------------------------------------------------------ entries */

static void forget_configurations(struct scan *scan, fl_index from)
{
    struct fl__wal_recovered *found = scan->found;
    while (found->configuration && found->configuration->index >= from) {
        fl__entry_release(found->configuration);
        found->configuration = found->previous;
        found->previous = NULL;
    }
}

static int keep_configuration(struct scan *scan, const struct fl__record *record, uint64_t offset)
{
    int error;
    struct fl__entry *entry = fl__entry_decode(record->index, record->term, FL_ENTRY_CONFIGURATION,
                                               scan->data + offset + FL__RECORD_COPY, record->size, &error);
    if (!entry)
        return refuse(scan, error, "a configuration in the log cannot be read");
    fl__entry_release(scan->found->previous);
    scan->found->previous = scan->found->configuration;
    scan->found->configuration = entry;
    return FL_OK;
}

static void note_damage(struct scan *scan, const struct fl__record *record, uint64_t offset)
{
    if (scan->found->damaged)
        return;
    char path[160];
    scan->found->damaged = record->index;
    fl__segment_path(scan->options->directory, scan->number, path, sizeof path);
    snprintf(scan->found->damage, sizeof scan->found->damage,
             "entry %" PRIu64 " of term %" PRIu64 " cannot be read: %s, %" PRIu32 " bytes at offset %" PRIu64,
             record->index, record->term, path, record->size, offset + FL__RECORD_COPY);
}

static int take_entry(struct scan *scan, const struct fl__record *record, uint64_t offset, bool is_good)
{
    struct fl__layout *layout = &scan->out->layout;
    if (record->index != layout->last + 1 || record->term < fl__layout_term(layout, layout->last) ||
        record->term == 0)
        return refuse(scan, FL_EDAMAGED, "the log's entries do not follow each other");
    if (fl__layout_add_record(layout, record->index, offset) != FL_OK ||
        fl__layout_add_entry(layout, record->index, record->term) != FL_OK)
        return refuse(scan, FL_ENOMEM, "memory is short for the log's index");
    if (!is_good)
        note_damage(scan, record, offset);
    else if (record->kind == (enum fl__record_kind)FL_ENTRY_CONFIGURATION)
        return keep_configuration(scan, record, offset);
    return FL_OK;
}

static void take_truncation(struct scan *scan, fl_index from)
{
    fl__layout_truncate(&scan->out->layout, from);
    fl__layout_truncate_records(&scan->out->layout, from);
    forget_configurations(scan, from);
    if (scan->found->damaged >= from)
        scan->found->damaged = 0;
}

static int take_record(struct scan *scan, const struct fl__record *record, uint64_t offset, bool is_good)
{
    switch ((uint32_t)record->kind) {
    case FL_ENTRY_COMMAND:
    case FL_ENTRY_NOOP:
    case FL_ENTRY_CONFIGURATION:
        return take_entry(scan, record, offset, is_good);
    case FL__RECORD_TRUNCATION:
        if (record->index == 0)
            return refuse(scan, FL_EDAMAGED, "the log is cut before its beginning");
        take_truncation(scan, record->index);
        return FL_OK;
    case FL__RECORD_MARK:
        if (record->index > scan->found->commit)
            scan->found->commit = record->index;
        return FL_OK;
    default:
        return refuse(scan, FL_EVERSION, "it was written by another version of this program");
    }
}

/* Nothing continues the log at `at`: a tear, or the disk fails to read what does. */
static int check_end(struct scan *scan, uint64_t at, uint64_t size)
{
    return is_readable(scan, at, at + size)
               ? FL_OK
               : refuse(scan, FL_EDAMAGED, "the disk cannot read where the log goes on");
}

/* What a record says is in its outer copies, but for an entry's body. */
static bool is_payload_good(const uint8_t *data, const struct fl__record *record)
{
    return record->kind == FL__RECORD_MARK || fl__record_is_body_good(data, record);
}

/* Bytes behind the end of the log that are not zeros as they should be. */
static uint64_t torn_size(const struct scan *scan, uint64_t end)
{
    uint64_t last = scan->size;
    while (last > end && scan->data[last - 1] == 0)
        last--;
    return last > end ? last - end : 0;
}

/* What was durable breaks off at `at`. */
static int refuse_break(struct scan *scan, uint64_t at)
{
    char text[160];
    int size =
        snprintf(text, sizeof text, "the log breaks off in it, %" PRIu64 " bytes from its beginning", at);
    if (torn_size(scan, at) == 0 && scan->number < scan->durable.segment)
        snprintf(text + size, sizeof text - (size_t)size, ", or is damaged where log-%016" PRIx64 " goes on",
                 scan->number + 1);
    return refuse(scan, FL_EDAMAGED, text);
}

/* What will be written again has both its outer copies. */
static void mend(struct scan *scan, struct fl__record *record, uint64_t at)
{
    uint8_t *data = scan->data + at;
    fl__record_put_head(data, record, scan->identity + at);
    fl__record_put_tail(data + fl__record_size(record->size) - FL__RECORD_COPY, record, scan->identity + at);
}

/* Second pass, one segment: takes records up to the last; of the newest, until none follows. *end is where it
 * stopped. */
static int scan_segment(struct scan *scan, const struct end *last, uint64_t *end)
{
    uint64_t at = FL__SEGMENT_HEADER;
    while (!last->is_told || scan->out->chain != last->checksum) {
        struct fl__record record;
        bool was_durable = is_below((struct position){scan->number, at}, scan->durable);
        bool is_there = find_record(scan, at, SIZE_MAX, &record) && record.previous == scan->out->chain;
        if (!is_there && was_durable)
            return refuse_break(scan, at);
        bool is_good = is_there && is_payload_good(scan->data + at, &record);
        if (!is_there || (!is_good && !was_durable)) {
            *end = at;
            return check_end(scan, at, is_there ? fl__record_size(record.size) : FL__RECORD_COPY);
        }
        int result = take_record(scan, &record, at, is_good);
        if (result != FL_OK)
            return result;
        if (!was_durable)
            mend(scan, &record, at);
        scan->out->chain = record.checksum;
        at += fl__record_size(record.size);
    }
    *end = at;
    return FL_OK;
}

/* Writes [from, to) of the segment again. */
static int write_again(struct scan *scan, struct fl_io_file *file, uint64_t from, uint64_t to)
{
    struct fl_io_op op = {0};
    const struct fl_io_buffer buffer = {scan->data + from, (size_t)(to - from)};
    scan->io->vtable->write(scan->io, &op, file, &buffer, 1, from, true);
    int64_t result = scan->io->vtable->wait(scan->io, &op);
    return result < 0 ? refuse(scan, (int)result, "the end of the log cannot be written again and synced")
                      : FL_OK;
}

/* The log ends in this segment, the newest, at `end`. What no mark vouches for is written again, and zeros
 * over what was cut; unless there are pages that cannot be read: marks in them may say that it is no tear. */
static int end_log(struct scan *scan, struct fl_io_file *file, uint64_t end)
{
    uint64_t from = scan->durable.offset;
    uint64_t torn = torn_size(scan, end);
    bool is_behind_readable = is_readable(scan, end, scan->size);
    scan->found->torn_size = torn;
    if (!is_readable(scan, from, end) || (torn > 0 && !is_behind_readable))
        return refuse(scan, FL_EDAMAGED, "the disk cannot read the end of the log");
    scan->out->continues = end < scan->size && is_behind_readable;
    memset(scan->data + end, 0, (size_t)torn);
    return from < end + torn ? write_again(scan, file, from, end + torn) : FL_OK;
}

/* Removes the files that were prepared and never used: they are made again when they are needed. Whether a
 * loss of power brings them back is the same. */
static int remove_unused(struct scan *scan)
{
    for (uint64_t k = scan->newest.number; k < scan->number_count; k++) {
        char path[FL__PATH_MAX];
        struct fl_io_op op = {0};
        scan->number = scan->numbers[k];
        fl__segment_path(scan->options->directory, scan->number, path, sizeof path);
        scan->io->vtable->unlink(scan->io, &op, path);
        int64_t result = scan->io->vtable->wait(scan->io, &op);
        if (result < 0)
            return refuse(scan, (int)result, "it was never used and cannot be removed");
    }
    return FL_OK;
}

/* Second pass. */
static int read_segments(struct scan *scan, const struct end *ends)
{
    struct fl__layout *layout = &scan->out->layout;
    for (uint32_t k = 0; k < scan->newest.number; k++) {
        struct fl__segment segment = {.end = FL__SEGMENT_HEADER};
        int result = load(scan, k, &segment.file);
        if (result == FL_OK)
            (void)check_header(scan);
        segment.number = scan->number;
        segment.identity = scan->identity;
        segment.size = scan->size;
        if (segment.file && fl__layout_add_segment(layout, &segment) != FL_OK) {
            close_file(scan, segment.file);
            return refuse(scan, FL_ENOMEM, "memory is short");
        }
        if (result == FL_OK)
            result = scan_segment(scan, &ends[k], &layout->segments[k].end);
        if (result == FL_OK && scan->number == scan->newest.number)
            result = end_log(scan, segment.file, layout->segments[k].end);
        if (result != FL_OK)
            return result;
    }
    return FL_OK;
}

int fl__recovery_run(struct fl_io *io, const struct fl__wal_options *options, struct fl__recovery *out,
                     struct fl__wal_recovered *found, struct fl_error_report *report)
{
    struct scan scan = {.io = io,
                        .options = options,
                        .out = out,
                        .found = found,
                        .report = report,
                        .newest = fl__vote_newest(options->vote)};
    /* All before it was durable when it was noted. */
    scan.durable = (struct position){scan.newest.number, FL__SEGMENT_HEADER};
    *out = (struct fl__recovery){.next_number = scan.newest.number + 1};
    *found = (struct fl__wal_recovered){0};
    int result = list_segments(&scan);
    struct end *ends = calloc(scan.number_count + 1, sizeof *ends);
    scan.missed = calloc(scan.number_count + 1, sizeof *scan.missed);
    if (result == FL_OK && (!ends || !scan.missed))
        result = refuse(&scan, FL_ENOMEM, "memory is short");
    if (result == FL_OK)
        result = survey(&scan, ends);
    if (result == FL_OK)
        result = read_segments(&scan, ends);
    if (result == FL_OK)
        result = remove_unused(&scan);
    for (uint32_t k = 0; scan.missed && k < scan.number_count; k++)
        free(scan.missed[k]);
    free(scan.missed);
    free(ends);
    free(scan.numbers);
    free(scan.data);
    free(scan.unreadable);
    if (result == FL_OK && scan.out->layout.last < found->commit)
        found->commit = scan.out->layout.last;
    return result;
}
