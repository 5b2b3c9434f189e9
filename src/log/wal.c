/* wal.c - the write-ahead log: group commit, truncation, marks.
 *
 * What is queued goes out as one batch: a mark, then records, in one durable write; one batch is in flight at
 * a time, and all that arrives meanwhile is the next one. The mark says up to where the log is known to be
 * durable: up to this batch. When nothing follows for a while, a batch of a mark alone closes the log, so
 * that a log at rest is marked whole.
 *
 * A batch that does not fit the segment begins the next one, which is prepared while the current one is
 * written. Before anything is written in it, vote.c notes that it is in use: a file that is lost later is
 * then known to be missing. */
#include "records.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITE_SIZE_MAX ((uint64_t)4 << 20)
#define BY_REFERENCE_MIN 8192 /* Bodies from this size on are not copied. */
#define IDLE_US 50000
#define RESERVE_SIZE ((uint64_t)64 << 10) /* Beyond log_size_max: for truncations and marks. */
#define RESERVE_PART 16                   /* Of the last file that a full disk has: likewise. */

/* An entry, or a truncation. */
struct item {
    struct fl__entry *entry; /* NULL: a truncation. */
    fl_index from;
    fl_ticket ticket; /* Complete once this is durable; 0 if none. */
};

struct list {
    struct item *items;
    uint32_t count, capacity;
};

struct part {
    struct fl__entry *entry; /* NULL: bytes of the batch's own. */
    size_t offset, size;
};

struct fl__wal {
    struct fl_io *io;
    struct fl__wal_options options;
    char *directory;
    struct fl__layout layout; /* Terms as queued, places as written. */
    uint64_t chain;
    uint64_t nonce;
    fl_index commit_hint;
    struct list queued;
    uint64_t queued_size;

    /* The batch in flight. */
    struct list writing;
    fl_ticket writing_ticket, durable_ticket;
    uint8_t *bytes;
    size_t bytes_size, bytes_capacity;
    struct part *parts;
    struct fl_io_buffer *buffers;
    uint32_t part_count, part_capacity;
    struct fl_io_op write;
    bool is_writing, is_marked;               /* is_marked: a mark covers all that is written. */
    bool is_noting;                           /* That the current segment is in use. */
    uint64_t durable_segment, durable_offset; /* Known to be durable up to here. */
    fl_time_us began_at;

    struct fl__preparer preparer;
    uint64_t used_before; /* Bytes in the segments before the current one. */
    bool must_roll;       /* The current segment is not to be continued. */

    struct fl_io_op idle;
    bool idle_is_set, is_failed, is_closing, wants_mark;
    uint32_t read_count;
    struct fl_histogram sync_time;
    uint32_t closing_at;
    struct fl_io_op close;
    void (*closed)(void *context);
    void *closed_context;
};

static void start_batch(struct fl__wal *wal);
static void advance_close(struct fl__wal *wal);

static void fail(struct fl__wal *wal, int64_t error, const char *what)
{
    if (wal->is_failed)
        return;
    char text[512];
    wal->is_failed = true;
    snprintf(text, sizeof text, "the log in %s is beyond use: %s: %s; %sstart the node again", wal->directory,
             what, fl_error_text((int)error), error == FL_EFBIG ? "then " : "check the disk, then ");
    wal->options.on_failed(wal->options.context, (int)error, text);
}

static struct fl__segment *current(const struct fl__wal *wal)
{
    return wal->layout.segment_count ? &wal->layout.segments[wal->layout.segment_count - 1] : NULL;
}

/* ------------------------------------------------------------------------------------------- next segment */

static void on_prepared(void *context, int error)
{
    struct fl__wal *wal = context;
    bool is_needed = wal->queued.count > 0 || wal->wants_mark;
    if (error == FL_OK || error == FL_ECANCELED) /* What is queued may need it after all. */
        start_batch(wal);
    else if (error != FL_ENOSPC || is_needed) /* Without space it ends only when the log is closed. */
        fail(wal, error, "its next file could not be made");
    advance_close(wal);
}

static void on_noted(void *context, int error)
{
    struct fl__wal *wal = context;
    wal->is_noting = false;
    if (error != FL_OK)
        fail(wal, error, "that it goes on in another file could not be noted");
    start_batch(wal);
    advance_close(wal);
}

/* Makes a segment current in which `need` bytes fit; false: it is being prepared, or noted. */
static bool find_segment(struct fl__wal *wal, uint64_t need)
{
    const struct fl__segment *segment = current(wal);
    if (segment && segment->end + need <= segment->size && !wal->must_roll)
        return true;
    uint64_t size = need + FL__SEGMENT_HEADER > wal->options.segment_size ? need + FL__SEGMENT_HEADER
                                                                          : wal->options.segment_size;
    const struct fl__segment *next = fl__prepare_ready(&wal->preparer);
    if (fl__prepare_is_idle(&wal->preparer) || (next && next->size < size))
        fl__prepare_start(&wal->preparer, size, false);
    next = fl__prepare_ready(&wal->preparer);
    if (!next) {
        fl__prepare_hurry(&wal->preparer);
        return false;
    }
    uint64_t used = segment ? segment->end : 0; /* Adding one moves the others. */
    if (fl__layout_add_segment(&wal->layout, next) != FL_OK) {
        fail(wal, FL_ENOMEM, "no memory for its index");
        return false;
    }
    fl__prepare_taken(&wal->preparer);
    wal->used_before += used;
    wal->must_roll = false;
    wal->is_noting = true;
    const struct fl__newest_file newest = {
        .number = current(wal)->number, .size = current(wal)->size, .previous = wal->chain};
    fl__vote_note(wal->options.vote, &newest, on_noted, wal);
    return false;
}

/* ------------------------------------------------------------------------------------------------ a batch */

static bool is_by_reference(const struct item *item)
{
    return item->entry && item->entry->size >= BY_REFERENCE_MIN;
}

static size_t record_size(const struct item *item)
{
    return fl__record_size(item->entry ? item->entry->size : 0);
}

/* How many of the queued items go into the next batch, and what they take. A segment that nothing is in yet
 * was made for the first of them. */
static uint32_t measure(const struct fl__wal *wal, uint64_t *need)
{
    const struct fl__segment *last = current(wal);
    bool is_empty = last && last->end == FL__SEGMENT_HEADER && !wal->must_roll;
    uint64_t most = wal->options.write_size_max;
    if (is_empty && last->size - last->end < most)
        most = last->size - last->end;
    uint32_t count = 0;
    *need = fl__record_size(FL__MARK_SIZE);
    while (count < wal->queued.count) {
        uint64_t size = record_size(&wal->queued.items[count]);
        if (count > 0 && *need + size > most)
            break;
        *need += size;
        count++;
    }
    return count;
}

static bool make_room(struct fl__wal *wal, uint64_t bytes, uint32_t items)
{
    if (bytes > wal->bytes_capacity) {
        uint8_t *grown = realloc(wal->bytes, bytes + bytes / 2);
        if (!grown)
            return false;
        wal->bytes = grown;
        wal->bytes_capacity = bytes + bytes / 2;
    }
    uint32_t parts = 2 * items + 2;
    if (parts > wal->part_capacity) {
        struct part *grown = realloc(wal->parts, 2 * parts * sizeof *grown);
        if (grown)
            wal->parts = grown;
        struct fl_io_buffer *buffers = realloc(wal->buffers, 2 * parts * sizeof *buffers);
        if (buffers)
            wal->buffers = buffers;
        if (!grown || !buffers)
            return false;
        wal->part_capacity = 2 * parts;
    }
    return true;
}

static uint8_t *add_bytes(struct fl__wal *wal, size_t size)
{
    struct part *last = wal->part_count ? &wal->parts[wal->part_count - 1] : NULL;
    uint8_t *at = wal->bytes + wal->bytes_size;
    if (last && !last->entry)
        last->size += size;
    else
        wal->parts[wal->part_count++] = (struct part){.offset = wal->bytes_size, .size = size};
    wal->bytes_size += size;
    return at;
}

static void add_body(struct fl__wal *wal, const void *body, size_t size, struct fl__entry *by_reference)
{
    if (by_reference)
        wal->parts[wal->part_count++] = (struct part){.entry = by_reference, .size = size};
    else if (size > 0)
        memcpy(add_bytes(wal, size), body, size);
    size_t padding = (8 - size % 8) % 8;
    if (padding > 0)
        memset(add_bytes(wal, padding), 0, padding);
}

static void add_record(struct fl__wal *wal, struct fl__record *record, const void *body,
                       struct fl__entry *by_reference)
{
    struct fl__segment *segment = current(wal);
    uint64_t place = segment->identity + segment->end;
    record->previous = wal->chain;
    fl__record_put_head(add_bytes(wal, FL__RECORD_COPY), record, place);
    add_body(wal, body, record->size, by_reference);
    fl__record_put_tail(add_bytes(wal, FL__RECORD_COPY), record, place);
    wal->chain = record->checksum;
    segment->end += fl__record_size(record->size);
}

static void add_mark(struct fl__wal *wal)
{
    uint8_t body[FL__MARK_SIZE];
    fl__store64(body, wal->durable_offset);
    fl__store64(body + 8, wal->nonce++);
    struct fl__record record = {.kind = FL__RECORD_MARK,
                                .size = sizeof body,
                                .index = wal->commit_hint,
                                .term = wal->durable_segment,
                                .body_checksum = fl__record_checksum(body, sizeof body)};
    add_record(wal, &record, body, NULL);
}

static bool add_item(struct fl__wal *wal, const struct item *item)
{
    struct fl__entry *entry = item->entry;
    if (!entry) {
        struct fl__record record = {.kind = FL__RECORD_TRUNCATION,
                                    .index = item->from,
                                    .body_checksum = fl__record_checksum(NULL, 0)};
        add_record(wal, &record, NULL, NULL);
        fl__layout_truncate_records(&wal->layout, item->from);
        return true;
    }
    struct fl__record record = {.kind = (enum fl__record_kind)entry->kind,
                                .size = entry->size,
                                .index = entry->index,
                                .term = entry->term,
                                .body_checksum = entry->checksum};
    if (fl__layout_add_record(&wal->layout, entry->index, current(wal)->end) != FL_OK)
        return false;
    add_record(wal, &record, entry->body, is_by_reference(item) ? entry : NULL);
    return true;
}

static void release_written(struct fl__wal *wal)
{
    for (uint32_t k = 0; k < wal->writing.count; k++)
        fl__entry_release(wal->writing.items[k].entry);
    wal->writing.count = 0;
}

static void on_idle(struct fl_io_op *op)
{
    struct fl__wal *wal = op->owner;
    wal->idle_is_set = false;
    if (op->result == FL_OK && !wal->is_marked && wal->queued.count == 0 && !wal->is_writing) {
        wal->wants_mark = true;
        start_batch(wal);
    }
    advance_close(wal);
}

static void wait_for_more(struct fl__wal *wal)
{
    if (wal->idle_is_set || wal->is_marked || wal->is_closing)
        return;
    wal->idle_is_set = true;
    wal->idle = (struct fl_io_op){.done = on_idle, .owner = wal};
    wal->io->vtable->timer(wal->io, &wal->idle, wal->io->vtable->now(wal->io) + IDLE_US);
}

static void on_written(struct fl_io_op *op)
{
    struct fl__wal *wal = op->owner;
    const struct fl__segment *segment = current(wal);
    wal->is_writing = false;
    wal->is_marked = wal->writing.count == 0;
    release_written(wal);
    if (op->result < 0)
        fail(wal, op->result, "a write or its sync failed");
    if (wal->is_failed) { /* Or its next file could not be made meanwhile. */
        advance_close(wal);
        return;
    }
    fl_time_us now = wal->io->vtable->now(wal->io);
    fl__histogram_add(&wal->sync_time, now > wal->began_at ? now - wal->began_at : 0);
    wal->durable_segment = segment->number;
    wal->durable_offset = segment->end;
    if (wal->writing_ticket > wal->durable_ticket) {
        wal->durable_ticket = wal->writing_ticket;
        wal->options.on_durable(wal->options.context, wal->durable_ticket);
    }
    start_batch(wal);
    if (!wal->is_writing)
        wait_for_more(wal);
    advance_close(wal);
}

static bool add_to_list(struct list *list, struct item item)
{
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 256;
        struct item *grown = realloc(list->items, capacity * sizeof *grown);
        if (!grown)
            return false;
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = item;
    return true;
}

/* Moves the first `count` queued items into the batch. */
static bool take_items(struct fl__wal *wal, uint32_t count)
{
    struct list emptied = wal->writing;
    if (count == wal->queued.count) {
        wal->writing = wal->queued;
        wal->queued = emptied;
    } else {
        for (uint32_t k = 0; k < count; k++) {
            if (add_to_list(&wal->writing, wal->queued.items[k]))
                continue;
            wal->writing.count = 0; /* They are all still queued. */
            return false;
        }
        wal->queued.count -= count;
        memmove(wal->queued.items, wal->queued.items + count, wal->queued.count * sizeof *wal->queued.items);
    }
    for (uint32_t k = 0; k < wal->writing.count; k++) {
        wal->queued_size -= record_size(&wal->writing.items[k]);
        if (wal->writing.items[k].ticket)
            wal->writing_ticket = wal->writing.items[k].ticket;
        if (!add_item(wal, &wal->writing.items[k]))
            return false;
    }
    return true;
}

static void start_batch(struct fl__wal *wal)
{
    uint64_t need;
    uint32_t count = measure(wal, &need);
    if (wal->is_writing || wal->is_noting || wal->is_failed || (count == 0 && !wal->wants_mark))
        return;
    if (!find_segment(wal, need))
        return;
    if (!make_room(wal, need, count)) {
        fail(wal, FL_ENOMEM, "no memory for a batch");
        return;
    }
    if (wal->durable_segment == 0) {
        wal->durable_segment = current(wal)->number;
        wal->durable_offset = FL__SEGMENT_HEADER;
    }
    uint64_t offset = current(wal)->end;
    wal->bytes_size = 0;
    wal->part_count = 0;
    add_mark(wal);
    if (!take_items(wal, count)) {
        fail(wal, FL_ENOMEM, "no memory for its index");
        return;
    }
    for (uint32_t k = 0; k < wal->part_count; k++) {
        const struct part *part = &wal->parts[k];
        const void *data = part->entry ? part->entry->body : wal->bytes + part->offset;
        wal->buffers[k] = (struct fl_io_buffer){data, part->size};
    }
    wal->wants_mark = false;
    wal->is_writing = true;
    wal->began_at = wal->io->vtable->now(wal->io);
    wal->write = (struct fl_io_op){.done = on_written, .owner = wal};
    wal->io->vtable->write(wal->io, &wal->write, current(wal)->file, wal->buffers, wal->part_count, offset,
                           true);
    if (fl__prepare_is_idle(&wal->preparer) && !wal->is_closing)
        fl__prepare_start(&wal->preparer, wal->options.segment_size, false);
}

/* ----------------------------------------------------------------------------------------------- queueing */

int fl__wal_append(struct fl__wal *wal, struct fl__entry *entry)
{
    if (!add_to_list(&wal->queued, (struct item){.entry = entry}))
        return FL_ENOMEM;
    int result = fl__layout_add_entry(&wal->layout, entry->index, entry->term);
    if (result != FL_OK) {
        wal->queued.count--;
        return result;
    }
    fl__entry_hold(entry);
    wal->queued_size += fl__record_size(entry->size);
    return FL_OK;
}

int fl__wal_truncate(struct fl__wal *wal, fl_index from)
{
    if (!add_to_list(&wal->queued, (struct item){.from = from}))
        return FL_ENOMEM;
    wal->queued_size += fl__record_size(0);
    fl__layout_truncate(&wal->layout, from);
    return FL_OK;
}

void fl__wal_ticket(struct fl__wal *wal, fl_ticket ticket)
{
    fl_assert(wal->queued.count > 0);
    wal->queued.items[wal->queued.count - 1].ticket = ticket;
}

void fl__wal_commit_hint(struct fl__wal *wal, fl_index commit)
{
    if (commit > wal->commit_hint)
        wal->commit_hint = commit;
}

void fl__wal_flush(struct fl__wal *wal)
{
    if (!wal->is_closing)
        start_batch(wal);
}

uint64_t fl__wal_used(const struct fl__wal *wal)
{
    const struct fl__segment *last = current(wal);
    return wal->used_before + (last ? last->end : 0) + wal->queued_size;
}

/* What so many entries take, and all that is queued. */
static uint64_t measure_more(const struct fl__wal *wal, uint32_t count, uint64_t size)
{
    return wal->queued_size + size + count * (fl__record_size(0) + 8) + fl__record_size(FL__MARK_SIZE);
}

/* A moment ago there was no space for a larger file than the one that is ready. */
static bool is_refused(const struct fl__wal *wal)
{
    return wal->io->vtable->now(wal->io) < wal->preparer.refused_until;
}

/* Nothing is before it: if it finds no room now, then for want of a file that is large enough. */
static bool is_alone(const struct fl__wal *wal, uint32_t count)
{
    return count == 1 && wal->queued.count == 0;
}

int fl__wal_room(const struct fl__wal *wal, uint32_t count, uint64_t size)
{
    const struct fl__segment *last = current(wal), *next = fl__prepare_ready(&wal->preparer);
    uint64_t end = last ? last->end : 0, more = measure_more(wal, count, size);
    if (wal->used_before + end + more + RESERVE_SIZE > wal->options.log_size_max)
        return FL_ELOGFULL;
    /* A file's end is kept for terms to open and logs to be cut: it may be the last. */
    if (last && !wal->must_roll && end + more + last->size / RESERVE_PART <= last->size)
        return FL_OK;
    if (wal->preparer.is_full)
        return FL_ENOSPC;
    if (next && FL__SEGMENT_HEADER + more + next->size / RESERVE_PART <= next->size)
        return FL_OK;
    return is_alone(wal, count) && is_refused(wal) ? FL_ENOSPC : FL_EFULL;
}

void fl__wal_make_room(struct fl__wal *wal, uint32_t count, uint64_t size)
{
    const struct fl__segment *next = fl__prepare_ready(&wal->preparer);
    uint64_t need = FL__SEGMENT_HEADER + measure_more(wal, count, size);
    need += need / (RESERVE_PART - 1) + 1;
    if (!is_alone(wal, count) || need < wal->options.segment_size)
        need = wal->options.segment_size;
    if (wal->is_closing || wal->is_failed)
        return;
    if (fl__prepare_is_idle(&wal->preparer) || (next && next->size < need && !is_refused(wal)))
        fl__prepare_start(&wal->preparer, need, true);
    fl__prepare_hurry(&wal->preparer);
}

uint64_t fl__wal_size(const struct fl__wal *wal)
{
    const struct fl__segment *next = fl__prepare_ready(&wal->preparer);
    uint64_t size = next ? next->size : 0;
    for (uint32_t k = 0; k < wal->layout.segment_count; k++)
        size += wal->layout.segments[k].size;
    return size;
}

bool fl__wal_owns(const char *name)
{
    uint64_t number;
    return fl__segment_parse_name(name, &number);
}

fl_term fl__wal_term_at(const struct fl__wal *wal, fl_index index)
{
    return fl__layout_term(&wal->layout, index);
}

const struct fl_histogram *fl__wal_sync_time(const struct fl__wal *wal)
{
    return &wal->sync_time;
}

void fl__histogram_add(struct fl_histogram *histogram, fl_time_us duration)
{
    const uint32_t bucket_count = sizeof histogram->buckets / sizeof *histogram->buckets;
    uint32_t bucket = 0;
    while (bucket < bucket_count && duration > (fl_time_us)10 << bucket)
        bucket++;
    if (bucket < bucket_count)
        histogram->buckets[bucket]++;
    histogram->count++;
    histogram->sum_us += duration;
}

/* ----------------------------------------------------------------------------------------------- lookup.c */

int fl__wal_read_begun(struct fl__wal *wal, fl_index index, struct fl__segment *segment, uint64_t *offset)
{
    wal->read_count++;
    const struct fl__stretch *stretch = fl__layout_find(&wal->layout, index);
    if (index == 0 || index > wal->layout.last || !stretch)
        return FL_ESTALE;
    *segment = wal->layout.segments[stretch->segment];
    *offset = stretch->offset;
    return FL_OK;
}

void fl__wal_read_ended(struct fl__wal *wal)
{
    wal->read_count--;
    advance_close(wal);
}

void fl__wal_read_file(struct fl__wal *wal, struct fl_io_op *op, struct fl_io_file *file, void *data,
                       size_t size, uint64_t offset)
{
    wal->io->vtable->read(wal->io, op, file, data, size, offset);
}

void fl__wal_soon(struct fl__wal *wal, struct fl_io_op *op)
{
    wal->io->vtable->timer(wal->io, op, 0);
}

/* ------------------------------------------------------------------------------------ opening and closing */

void fl__wal_recovered_release(struct fl__wal_recovered *found)
{
    free(found->runs);
    fl__entry_release(found->configuration);
    fl__entry_release(found->previous);
    *found = (struct fl__wal_recovered){0};
}

static void free_wal(struct fl__wal *wal)
{
    fl__layout_release(&wal->layout);
    free(wal->directory);
    free(wal->queued.items);
    free(wal->writing.items);
    free(wal->bytes);
    free(wal->parts);
    free(wal->buffers);
    free(wal);
}

static int set_up(struct fl__wal *wal, struct fl__recovery *recovery, struct fl__wal_recovered *found)
{
    wal->layout = recovery->layout;
    wal->chain = recovery->chain;
    wal->preparer = (struct fl__preparer){.io = wal->io,
                                          .options = &wal->options,
                                          .next_number = recovery->next_number,
                                          .changed = on_prepared,
                                          .context = wal};
    wal->must_roll = wal->layout.segment_count > 0 && !recovery->continues;
    wal->commit_hint = found->commit;
    for (uint32_t k = 0; k + 1 < wal->layout.segment_count; k++)
        wal->used_before += wal->layout.segments[k].end;
    const struct fl__segment *segment = current(wal);
    wal->durable_segment = segment ? segment->number : 0;
    wal->durable_offset = segment ? segment->end : 0;
    wal->is_marked = wal->layout.last == 0;
    wal->io->vtable->random(wal->io, &wal->nonce, sizeof wal->nonce);
    found->last = wal->layout.last;
    found->run_count = wal->layout.run_count;
    found->runs = malloc((found->run_count + 1) * sizeof *found->runs);
    if (!found->runs)
        return FL_ENOMEM;
    if (found->run_count > 0)
        memcpy(found->runs, wal->layout.runs, found->run_count * sizeof *found->runs);
    return FL_OK;
}

static void close_files(struct fl__wal *wal)
{
    for (uint32_t k = 0; k < wal->layout.segment_count; k++) {
        struct fl_io_op op = {0};
        wal->io->vtable->close_file(wal->io, &op, wal->layout.segments[k].file);
        (void)wal->io->vtable->wait(wal->io, &op);
    }
}

int fl__wal_open(struct fl__wal **out, struct fl_io *io, const struct fl__wal_options *options,
                 struct fl__wal_recovered *found, struct fl_error_report *report)
{
    struct fl__recovery recovery;
    *out = NULL;
    struct fl__wal *wal = calloc(1, sizeof *wal);
    if (!wal || !(wal->directory = strdup(options->directory))) {
        free(wal);
        *found = (struct fl__wal_recovered){0};
        return FL_ENOMEM;
    }
    wal->io = io;
    wal->options = *options;
    wal->options.directory = wal->directory;
    if (wal->options.write_size_max == 0)
        wal->options.write_size_max = WRITE_SIZE_MAX;
    int result = fl__recovery_run(io, &wal->options, &recovery, found, report);
    int set = set_up(wal, &recovery, found);
    result = result == FL_OK ? set : result;
    if (result != FL_OK) {
        close_files(wal);
        free_wal(wal);
        fl__wal_recovered_release(found);
        return result;
    }
    *out = wal;
    return FL_OK;
}

static void on_file_closed(struct fl_io_op *op)
{
    advance_close(op->owner);
}

/* Closing, step by step: what is queued, a mark, then the files. Each step's completion comes back here. */
static void advance_close(struct fl__wal *wal)
{
    if (!wal->is_closing || wal->is_writing || wal->is_noting || wal->idle_is_set || wal->read_count > 0)
        return;
    if (!fl__prepare_ready(&wal->preparer) && !fl__prepare_is_idle(&wal->preparer))
        return;
    if (!wal->is_failed && (wal->queued.count > 0 || !wal->is_marked)) {
        wal->wants_mark = true;
        start_batch(wal);
        if (!wal->is_failed)
            return;
    }
    struct fl_io_file *file = NULL;
    const struct fl__segment *next = fl__prepare_ready(&wal->preparer);
    if (next) {
        file = next->file;
        fl__prepare_taken(&wal->preparer);
    } else if (wal->closing_at < wal->layout.segment_count) {
        file = wal->layout.segments[wal->closing_at++].file;
    }
    if (file) {
        wal->close = (struct fl_io_op){.done = on_file_closed, .owner = wal};
        wal->io->vtable->close_file(wal->io, &wal->close, file);
        return;
    }
    for (uint32_t k = 0; k < wal->queued.count; k++)
        fl__entry_release(wal->queued.items[k].entry);
    release_written(wal);
    void (*closed)(void *context) = wal->closed;
    void *context = wal->closed_context;
    free_wal(wal);
    closed(context);
}

/* Begins the closing from the loop: nobody is called back inside fl__wal_close(). */
static void on_begin_close(struct fl_io_op *op)
{
    struct fl__wal *wal = op->owner;
    wal->idle_is_set = false;
    advance_close(wal);
}

void fl__wal_close(struct fl__wal *wal, void (*closed)(void *context), void *context)
{
    wal->is_closing = true;
    wal->closed = closed;
    wal->closed_context = context;
    fl__prepare_close(&wal->preparer);
    if (wal->idle_is_set) {
        wal->io->vtable->cancel(wal->io, &wal->idle);
        return;
    }
    wal->idle_is_set = true;
    wal->idle = (struct fl_io_op){.done = on_begin_close, .owner = wal};
    wal->io->vtable->timer(wal->io, &wal->idle, 0);
}
