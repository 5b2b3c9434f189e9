/* wal_machine.h - a machine with a write-ahead log on a disk in memory; for tests of the log. */
#ifndef FAIRLEAD_TEST_WAL_MACHINE_H
#define FAIRLEAD_TEST_WAL_MACHINE_H

#include "data_directory.h"
#include "memory.h"
#include "records.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SEGMENT_SIZE = 4096 };

struct machine {
    struct fl__world *world;
    struct fl__disk *disk;
    struct fl_io *io;
    struct fl__vote *vote;
    struct fl__wal *wal;
    fl_ticket durable;
    bool failed, closed, full;
    uint64_t segment_size;
    struct fl__wal_recovered found;
    struct fl_error_report report;
};

static inline void on_durable(void *context, fl_ticket ticket)
{
    struct machine *machine = context;
    assert_false(machine->failed);
    assert_true(ticket > machine->durable);
    machine->durable = ticket;
}

static inline void on_failed(void *context, int error, const char *text)
{
    struct machine *machine = context;
    assert_true(error < 0 && strlen(text) > 10);
    machine->failed = true;
}

static inline void on_space(void *context, bool is_full)
{
    struct machine *machine = context;
    assert_int_not_equal(machine->full, is_full);
    machine->full = is_full;
}

static inline void on_closed(void *context)
{
    ((struct machine *)context)->closed = true;
}

static inline void boot_seeded(struct machine *machine, struct fl__disk *disk, uint64_t seed)
{
    *machine = (struct machine){.world = fl__world_create(seed), .disk = disk, .segment_size = SEGMENT_SIZE};
    machine->io = fl__memory_create(machine->world, disk);
}

static inline void boot(struct machine *machine, struct fl__disk *disk)
{
    boot_seeded(machine, disk, 1);
}

static inline struct fl__wal_options wal_options(struct machine *machine)
{
    return (struct fl__wal_options){.directory = "data",
                                    .vote = machine->vote,
                                    .cluster_id = {1, 2, 3},
                                    .incarnation = 99,
                                    .segment_size = machine->segment_size,
                                    .log_size_max = 1 << 30,
                                    .on_durable = on_durable,
                                    .on_failed = on_failed,
                                    .on_space = on_space,
                                    .context = machine};
}

static inline int open_vote(struct machine *machine)
{
    static const uint8_t cluster_id[16] = {1, 2, 3};
    data_directory_make(machine->io);
    return data_directory_open(machine->io, cluster_id, 99, &machine->vote, &machine->report);
}

static inline int open_log(struct machine *machine)
{
    int result = open_vote(machine);
    if (result != FL_OK)
        return result;
    const struct fl__wal_options options = wal_options(machine);
    return fl__wal_open(&machine->wal, machine->io, &options, &machine->found, &machine->report);
}

static inline void close_log(struct machine *machine)
{
    if (machine->wal)
        fl__wal_close(machine->wal, on_closed, machine);
    fl__world_advance(machine->world, 1000000);
    assert_true(!machine->wal || machine->closed);
    machine->wal = NULL;
    machine->closed = false;
    if (machine->vote)
        fl__vote_close(machine->vote, on_closed, machine);
    fl__world_advance(machine->world, 1000000);
    assert_true(!machine->vote || machine->closed);
    machine->vote = NULL;
    fl__wal_recovered_release(&machine->found);
}

/* An entry of term 1, with a body that nobody looks at. */
static inline void append_plain(struct machine *machine, fl_index index, size_t size)
{
    char data[16384];
    memset(data, 'x', size);
    const struct fl__entry model = {.index = index, .term = 1, .kind = FL_ENTRY_COMMAND};
    struct fl__entry *entry = fl__entry_create(&model, data, size);
    assert_non_null(entry);
    assert_int_equal(fl__wal_append(machine->wal, entry), FL_OK);
    fl__entry_release(entry);
    fl__wal_ticket(machine->wal, index);
    fl__wal_flush(machine->wal);
    fl__world_run(machine->world);
}

/* Ends the process; the disk stays. */
static inline void halt(struct machine *machine)
{
    close_log(machine);
    fl__memory_destroy(machine->io);
    fl__world_destroy(machine->world);
}

#endif
