/* record_fuzz.c - a log's file of any content: behind a good header, behind records that are good, or in
 * their midst. The log opens or says what is wrong; what it then gives back agrees with what it says it
 * holds. */
#include "memory.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>

enum { SEGMENT_SIZE = 4096, ENTRIES = 3 };

static void on_durable(void *context, fl_ticket ticket)
{
    *(fl_ticket *)context = ticket;
}

static void on_failed(void *context, int error, const char *text)
{
    (void)context;
    fl_assert(error < 0 && text[0] != '\0');
}

static void on_closed(void *context)
{
    (void)context;
}

static int open_log(struct fl__wal **wal, struct fl_io *io, fl_ticket *durable,
                    struct fl__wal_recovered *found)
{
    struct fl_io_op op = {0};
    struct fl_error_report report = {0};
    const struct fl__wal_options options = {.directory = "data",
                                            .cluster_id = {1},
                                            .incarnation = 9,
                                            .segment_size = SEGMENT_SIZE,
                                            .log_size_max = 1 << 30,
                                            .on_durable = on_durable,
                                            .on_failed = on_failed,
                                            .context = durable};
    io->vtable->make_directory(io, &op, "data");
    (void)io->vtable->wait(io, &op);
    int result = fl__wal_open(wal, io, &options, found, &report);
    fl_assert(result == FL_OK || report.text[0] != '\0');
    return result;
}

static void append(struct fl__wal *wal, fl_index index, fl_term term)
{
    const struct fl__entry model = {.index = index, .term = term, .kind = FL_ENTRY_COMMAND};
    struct fl__entry *entry = fl__entry_create(&model, "some data", 9);
    fl_assert(fl__wal_append(wal, entry) == FL_OK);
    fl__wal_ticket(wal, index);
    fl__wal_flush(wal);
    fl__entry_release(entry);
}

static void close_log(struct fl__world *world, struct fl__wal *wal, struct fl__wal_recovered *found)
{
    fl__wal_close(wal, on_closed, NULL);
    fl__world_advance(world, 1000000);
    fl__wal_recovered_release(found);
}

static void write_log(struct fl__disk *disk)
{
    struct fl__world *world = fl__world_create(1);
    struct fl_io *io = fl__memory_create(world, disk);
    struct fl__wal *wal;
    struct fl__wal_recovered found;
    fl_ticket durable = 0;
    fl_assert(open_log(&wal, io, &durable, &found) == FL_OK);
    for (fl_index index = 1; index <= ENTRIES; index++) {
        append(wal, index, 1 + index / 2);
        fl__world_run(world);
    }
    close_log(world, wal, &found);
    fl__memory_destroy(io);
    fl__world_destroy(world);
}

static void on_read(struct fl__wal_read *read)
{
    read->owner = NULL;
}

static void read_back(struct fl__world *world, struct fl__wal *wal, const struct fl__wal_recovered *found)
{
    for (fl_index index = 1; index <= found->last && index <= 8; index++) {
        struct fl__wal_read read = {
            .first = index, .last = index, .size_max = 1, .done = on_read, .owner = wal};
        fl__wal_read(wal, &read);
        fl__world_run(world);
        fl_assert(read.owner == NULL);
        bool is_damaged = found->damaged != 0 && index >= found->damaged;
        fl_assert(is_damaged || (read.result == FL_OK && read.entry_count == 1));
        for (uint32_t k = 0; k < read.entry_count; k++)
            fl__entry_release(read.entries[k]);
        free(read.entries);
    }
}

/* The first two bytes say where the others go. */
static void open_damaged(struct fl__disk *disk, const uint8_t *data, size_t size)
{
    struct fl__world *world = fl__world_create(1);
    struct fl_io *io = fl__memory_create(world, disk);
    struct fl__wal *wal;
    struct fl__wal_recovered found;
    fl_ticket durable = 0;
    uint64_t offset = (data[0] | (uint64_t)data[1] << 8) % SEGMENT_SIZE;
    size = size - 2 < SEGMENT_SIZE - offset ? size - 2 : SEGMENT_SIZE - offset;
    fl__disk_overwrite(disk, "data/log-0000000000000001", offset, data + 2, size);
    if (open_log(&wal, io, &durable, &found) == FL_OK) {
        fl_assert(found.commit <= found.last && found.damaged <= found.last);
        read_back(world, wal, &found);
        fl_term last_term = found.run_count > 0 ? found.runs[found.run_count - 1].term : 0;
        append(wal, found.last + 1, last_term + 1);
        fl__world_run(world);
        fl_assert(durable == found.last + 1);
        close_log(world, wal, &found);
    }
    fl__memory_destroy(io);
    fl__world_destroy(world);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    struct fl__disk *disk = fl__disk_create();
    write_log(disk);
    open_damaged(disk, data, size);
    fl__disk_destroy(disk);
    return 0;
}
