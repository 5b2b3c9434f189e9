/* record_fuzz.c - a log's files of any content. The log opens or says what is wrong; what it then gives back
 * agrees with what it says it holds, and what is appended is there when it is opened again. The input is
 *   bytes    put anywhere into a log that was written well,
 *   damage   to such a log: what is found in it was once its content, and is all of it if nothing changed; or
 *   records  of any content under checksums that are right, as the log's whole content.
 * Damage is bits, zeros, moved bytes, unreadable sectors and a lost end: none of these can make a record. */
#include "../support/data_directory.h"
#include "memory.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENT_SIZE = 4096, ENTRIES = 6, CUT = 5, DAMAGE_MAX = 6, RECORDS_MAX = 16, LOOK_MAX = 12 };

static const char segment_path[] = "data/log-0000000000000001";

struct input {
    const uint8_t *data;
    size_t left;
};

/* A machine that has a log. */
struct machine {
    struct fl__world *world;
    struct fl_io *io;
    struct fl__vote *vote;
    struct fl__wal *wal;
    struct fl__wal_recovered found;
    fl_ticket durable;
    bool closed, failed;
};

static uint8_t byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

static uint32_t number(struct input *input)
{
    uint32_t low = byte(input);
    return low | (uint32_t)byte(input) << 8;
}

/* ---------------------------------------------------------------------------------------------- a machine */

static void on_durable(void *context, fl_ticket ticket)
{
    ((struct machine *)context)->durable = ticket;
}

static void on_failed(void *context, int error, const char *text)
{
    fl_assert(error < 0 && text[0] != '\0');
    ((struct machine *)context)->failed = true;
}

static void on_closed(void *context)
{
    ((struct machine *)context)->closed = true;
}

static void on_noted(void *context, int result)
{
    (void)context;
    fl_assert(result == FL_OK);
}

static struct fl__wal_options make_options(struct machine *machine)
{
    return (struct fl__wal_options){.directory = "data",
                                    .vote = machine->vote,
                                    .cluster_id = {1},
                                    .incarnation = 9,
                                    .segment_size = SEGMENT_SIZE,
                                    .log_size_max = 1 << 30,
                                    .on_durable = on_durable,
                                    .on_failed = on_failed,
                                    .context = machine};
}

static int open_log(struct machine *machine, struct fl__disk *disk)
{
    static const uint8_t cluster_id[16] = {1};
    struct fl_error_report report = {0};
    *machine = (struct machine){.world = fl__world_create(1)};
    machine->io = fl__memory_create(machine->world, disk);
    data_directory_make(machine->io);
    fl_assert(data_directory_open(machine->io, cluster_id, 9, &machine->vote, &report) == FL_OK);
    const struct fl__wal_options options = make_options(machine);
    int result = fl__wal_open(&machine->wal, machine->io, &options, &machine->found, &report);
    fl_assert(result == FL_OK || report.text[0] != '\0');
    return result;
}

static void close_log(struct machine *machine)
{
    if (machine->wal) {
        fl__wal_close(machine->wal, on_closed, machine);
        fl__world_advance(machine->world, 1000000);
        fl_assert(machine->closed);
        fl__wal_recovered_release(&machine->found);
    }
    machine->closed = false;
    fl__vote_close(machine->vote, on_closed, machine);
    fl__world_run(machine->world);
    fl_assert(machine->closed);
    fl__memory_destroy(machine->io);
    fl__world_destroy(machine->world);
}

/* Data tells an entry's index and term. */
static void fill_data(char data[16], fl_index index, fl_term term)
{
    memcpy(data, "the entry xx xx", 16);
    data[10] = (char)('a' + index % 16);
    data[13] = (char)('a' + term % 16);
}

static void append(struct machine *machine, fl_index index, fl_term term)
{
    const struct fl__entry model = {.index = index, .term = term, .kind = FL_ENTRY_COMMAND};
    char data[16];
    fill_data(data, index, term);
    struct fl__entry *entry = fl__entry_create(&model, data, sizeof data);
    fl_ticket ticket = machine->durable + 1;
    fl_assert(fl__wal_append(machine->wal, entry) == FL_OK);
    fl__wal_ticket(machine->wal, ticket);
    fl__wal_flush(machine->wal);
    fl__world_run(machine->world);
    fl_assert(machine->durable == ticket && !machine->failed);
    fl__entry_release(entry);
}

/* ------------------------------------------------------------------------------------- a log written well */

static fl_term term_written(fl_index index, bool is_cut)
{
    return is_cut && index >= CUT ? 4 : 1 + index / 2;
}

/* Six entries, of which the last two are cut and written anew. */
static void write_log(struct fl__disk *disk)
{
    struct machine machine;
    fl_assert(open_log(&machine, disk) == FL_OK);
    for (fl_index index = 1; index <= ENTRIES; index++)
        append(&machine, index, term_written(index, false));
    fl_assert(fl__wal_truncate(machine.wal, CUT) == FL_OK);
    for (fl_index index = CUT; index <= ENTRIES; index++)
        append(&machine, index, term_written(index, true));
    close_log(&machine);
}

/* It was once like this: with the last two entries of before the cut, or of after it. */
static void check_written(const struct machine *machine)
{
    fl_index last = machine->found.last;
    fl_assert(last <= ENTRIES);
    bool is_cut = last >= CUT && fl__wal_term_at(machine->wal, CUT) == term_written(CUT, true);
    for (fl_index index = 1; index <= last; index++)
        fl_assert(fl__wal_term_at(machine->wal, index) == term_written(index, is_cut));
}

/* --------------------------------------------------------------------------------------------- looking on */

static void on_read(struct fl__wal_read *read)
{
    read->owner = NULL;
}

static void check_entry(const struct machine *machine, const struct fl__entry *entry, fl_index index,
                        bool is_ours)
{
    char data[16];
    size_t size;
    const uint8_t *found = fl__entry_data(entry, &size);
    fl_assert(entry->index == index && entry->term == fl__wal_term_at(machine->wal, index));
    fill_data(data, index, entry->term);
    fl_assert(!is_ours || (size == sizeof data && memcmp(found, data, size) == 0));
}

/* What was ours can be read up to what is said to be damaged, and is what was written. */
static void read_back(struct machine *machine, bool is_ours)
{
    const struct fl__wal_recovered *found = &machine->found;
    for (fl_index index = 1; index <= found->last && index <= LOOK_MAX; index++) {
        struct fl__wal_read read = {
            .first = index, .last = index, .size_max = 1, .done = on_read, .owner = machine};
        fl__wal_read(machine->wal, &read);
        fl__world_run(machine->world);
        fl_assert(read.owner == NULL && (read.result == FL_OK) == (read.entry_count == 1));
        bool is_damaged = found->damaged != 0 && index >= found->damaged;
        fl_assert(is_damaged || !is_ours || read.result == FL_OK);
        if (read.entry_count == 1) {
            check_entry(machine, read.entries[0], index, is_ours);
            fl__entry_release(read.entries[0]);
        }
        free(read.entries);
    }
}

static void check_found(const struct fl__wal_recovered *found)
{
    fl_assert(found->commit <= found->last && found->damaged <= found->last);
    fl_assert((found->run_count == 0) == (found->last == 0));
    for (uint32_t k = 0; k < found->run_count; k++) {
        fl_assert(found->runs[k].term > (k > 0 ? found->runs[k - 1].term : 0));
        fl_assert(k > 0 ? found->runs[k].first > found->runs[k - 1].first : found->runs[k].first == 1);
        fl_assert(found->runs[k].first <= found->last);
    }
    fl_assert(!found->configuration || found->configuration->index <= found->last);
    fl_assert(!found->previous || found->previous->index < found->configuration->index);
}

/* Opens it, looks, appends an entry, and opens it again. False: it does not open. */
static bool look(struct fl__disk *disk, bool is_ours, struct machine *machine)
{
    if (open_log(machine, disk) != FL_OK) {
        close_log(machine);
        return false;
    }
    struct fl__wal_recovered *found = &machine->found;
    check_found(found);
    if (is_ours)
        check_written(machine);
    read_back(machine, is_ours);
    fl_index next = found->last + 1;
    fl_term term = found->run_count > 0 ? found->runs[found->run_count - 1].term : 0;
    if (term == UINT64_MAX || next >= UINT64_MAX / 2) {
        close_log(machine);
        return true;
    }
    append(machine, next, term + 1);
    fl_index damaged = found->damaged;
    close_log(machine);
    fl_assert(open_log(machine, disk) == FL_OK);
    fl_assert(machine->found.last == next && fl__wal_term_at(machine->wal, next) == term + 1);
    fl_assert(machine->found.damaged == damaged);
    close_log(machine);
    return true;
}

/* ----------------------------------------------------------------------------------------- the three ways */

static void play_bytes(struct fl__disk *disk, struct input *input)
{
    struct machine machine;
    write_log(disk);
    uint64_t offset = number(input) % SEGMENT_SIZE;
    size_t size = input->left < SEGMENT_SIZE - offset ? input->left : SEGMENT_SIZE - offset;
    fl__disk_overwrite(disk, segment_path, offset, input->data, size);
    (void)look(disk, false, &machine);
}

static void damage(struct fl__disk *disk, struct input *input)
{
    static const uint8_t zeros[256];
    uint8_t moved[256], kind = byte(input);
    uint32_t at = number(input) % SEGMENT_SIZE, size = byte(input), file_left;
    size_t file_size;
    const uint8_t *bytes = fl__disk_bytes(disk, segment_path, &file_size);
    if (at >= file_size)
        return;
    file_left = (uint32_t)file_size - at;
    size = size < file_left ? size : file_left;
    if (kind % 8 < 3) {
        fl__disk_flip(disk, segment_path, at, (uint8_t)(1u << (kind >> 5)));
    } else if (kind % 8 < 5) {
        fl__disk_overwrite(disk, segment_path, at, zeros, size);
    } else if (kind % 8 == 5) {
        uint32_t from = number(input) % (uint32_t)(file_size - size + 1);
        memcpy(moved, bytes + from, size);
        fl__disk_overwrite(disk, segment_path, at, moved, size);
    } else if (kind % 8 == 6) {
        fl__disk_set_unreadable(disk, segment_path, at, size + 1u < file_left ? size + 1u : file_left);
    } else {
        fl__disk_cut(disk, segment_path, at);
    }
}

static void play_damage(struct fl__disk *disk, struct input *input)
{
    struct machine machine;
    write_log(disk);
    bool is_whole = input->left == 0;
    for (uint32_t k = 0; k < DAMAGE_MAX && input->left > 0; k++)
        damage(disk, input);
    bool opens = look(disk, true, &machine);
    fl_assert(opens || !is_whole);
}

/* Writes a record as the input wants it, mostly behind the one before. Its size on disk. */
static size_t forge_record(uint8_t *out, size_t room, uint64_t place, struct input *input, uint64_t *chain)
{
    static const uint8_t kinds[] = {FL_ENTRY_COMMAND, FL_ENTRY_NOOP,         FL_ENTRY_CONFIGURATION,
                                    FL__RECORD_MARK,  FL__RECORD_TRUNCATION, 0};
    uint8_t flags = byte(input), body[64];
    struct fl__record record = {.kind = (enum fl__record_kind)kinds[flags % 6], .previous = *chain};
    record.index = byte(input);
    record.term = byte(input);
    record.index = record.index < 250 ? record.index % 8 : UINT64_MAX - record.index % 4;
    record.term = record.term < 250 ? record.term % 8 : UINT64_MAX - record.term % 4;
    record.size = record.kind == FL__RECORD_MARK ? 16 : byte(input) % sizeof body;
    size_t size = fl__record_size(record.size);
    if (size > room)
        return 0;
    for (uint32_t k = 0; k < sizeof body; k++)
        body[k] = k < 2 ? byte(input) : 0;
    record.body_checksum = fl__record_checksum(body, record.size) + (flags >= 240);
    record.previous += (flags & 15) == 15;
    fl__record_put_head(out, &record, place);
    memcpy(out + FL__RECORD_COPY, body, record.size);
    fl__record_put_tail(out + size - FL__RECORD_COPY, &record, place);
    if ((flags & 48) == 48)
        out[0] ^= 1; /* Only the tail is left. */
    *chain = record.checksum;
    return size;
}

/* In one file, or in two. */
static void play_records(struct fl__disk *disk, struct input *input)
{
    struct machine machine;
    uint64_t chain = 0;
    uint32_t file_count = 1 + byte(input) % 2;
    const struct fl__newest_file newest = {.number = file_count, .size = SEGMENT_SIZE};
    fl_assert(open_log(&machine, disk) == FL_OK);
    const struct fl__wal_options options = make_options(&machine);
    fl__vote_note(machine.vote, &newest, on_noted, NULL);
    close_log(&machine);
    for (uint64_t n = 1; n <= file_count; n++) {
        uint8_t bytes[SEGMENT_SIZE] = {0};
        char path[64];
        uint64_t identity = fl__segment_header(&options, n, bytes);
        size_t at = FL__SEGMENT_HEADER, step = 1;
        for (uint32_t k = 0; k < RECORDS_MAX && input->left > 0 && step > 0; k++) {
            if (n == 1 && file_count == 2 && byte(input) % 8 == 0)
                break;
            step = forge_record(bytes + at, sizeof bytes - at, identity + at, input, &chain);
            at += step;
        }
        fl__segment_path("data", n, path, sizeof path);
        fl__disk_overwrite(disk, path, 0, bytes, sizeof bytes);
    }
    (void)look(disk, false, &machine);
}

/* The first byte says what the others are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct fl__disk *disk = fl__disk_create();
    switch (byte(&input) % 4) {
    case 0:
        play_bytes(disk, &input);
        break;
    case 1:
        play_records(disk, &input);
        break;
    default:
        play_damage(disk, &input);
        break;
    }
    fl__disk_destroy(disk);
    return 0;
}
