/* roster_fuzz.c - who is who, as a disk or a peer may tell it: a configuration entry's data, and the files
 * "identity" and "vote-1" and "vote-2". Each is read, or refused with a reason; what can be read can be
 * written, and reads the same again. Files are read as they come, and with a checksum that is right. */
#include "host.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { VOTE_SIZE = 88 };

static const uint8_t cluster_id[16] = {1, 2, 3};

/* ----------------------------------------------------------------------------------------- configurations */

static void check_same_members(const struct fl__roster *a, const struct fl__roster *b)
{
    fl_assert(a->count == b->count && a->index == b->index);
    for (uint32_t k = 0; k < a->count; k++) {
        const struct fl_node_member *x = &a->members[k], *y = &b->members[k];
        fl_assert(x->id == y->id && a->kinds[k] == b->kinds[k]);
        fl_assert(strcmp(x->name, y->name) == 0 && strcmp(x->address, y->address) == 0 &&
                  strcmp(x->client, y->client) == 0);
    }
}

static void read_roster(const uint8_t *data, size_t size)
{
    struct fl__roster roster, again;
    struct fl_member list[FL_MEMBERS_MAX];
    struct fl__buffer out = {0};
    if (fl__roster_decode(data, size, 5, &roster) != FL_OK)
        return;
    fl_assert(roster.count >= 1 && roster.count <= FL_MEMBERS_MAX && roster.index == 5);
    fl_assert(fl__roster_members(&roster, list).count == roster.count);
    for (uint32_t k = 0; k < roster.count; k++) {
        fl_assert(fl__roster_named(&roster, roster.members[k].name) == &roster.members[k]);
        fl_assert(fl__roster_find(&roster, roster.members[k].id) == &roster.members[k]);
    }
    fl_assert(fl__roster_encode(&roster, &out) == FL_OK);
    fl_assert(out.size == size && memcmp(out.data, data, size) == 0);
    fl_assert(fl__roster_decode(out.data, out.size, 5, &again) == FL_OK);
    check_same_members(&roster, &again);
    fl__buffer_release(&out);
}

/* -------------------------------------------------------------------------------------------------- files */

/* A machine with an empty disk, but for "data". */
struct machine {
    struct fl__world *world;
    struct fl__disk *disk;
    struct fl_io *io;
};

static void boot(struct machine *machine)
{
    struct fl_io_op op = {0};
    machine->world = fl__world_create(1);
    machine->disk = fl__disk_create();
    machine->io = fl__memory_create(machine->world, machine->disk);
    machine->io->vtable->make_directory(machine->io, &op, "data");
    fl_assert(machine->io->vtable->wait(machine->io, &op) >= 0);
}

static void halt(struct machine *machine)
{
    fl__memory_destroy(machine->io);
    fl__disk_destroy(machine->disk);
    fl__world_destroy(machine->world);
}

static void check_same_identity(const struct fl__identity *a, const struct fl__identity *b)
{
    fl_assert(memcmp(a->cluster_id, b->cluster_id, 16) == 0 && a->incarnation == b->incarnation);
    fl_assert(strcmp(a->name, b->name) == 0 && a->founder_count == b->founder_count);
    for (uint32_t k = 0; k < a->founder_count; k++)
        fl_assert(strcmp(a->founders[k].name, b->founders[k].name) == 0 &&
                  strcmp(a->founders[k].address, b->founders[k].address) == 0);
}

/* size bytes at data: the file. With `mended`, its head says what it must to be looked at. */
static void read_identity(uint8_t *data, size_t size, bool mended)
{
    struct machine machine;
    struct fl__identity found, again;
    struct fl_error_report report = {0};
    if (mended && size >= 32) {
        memcpy(data, "FLIDENT\n", 8);
        fl__store32(data + 12, (uint32_t)size - 32);
        fl__store64(data + 16, XXH3_64bits(data + 24, size - 24));
    }
    boot(&machine);
    fl__disk_overwrite(machine.disk, "data/identity", 0, data, size);
    int result = fl__identity_load(machine.io, "data", &found, &report);
    fl_assert(result == FL_OK || result == FL_EDAMAGED || result == FL_EVERSION);
    fl_assert(result == FL_OK || report.text[0] != '\0');
    if (result == FL_OK) {
        fl_assert(found.founder_count <= FL_MEMBERS_MAX);
        fl_assert(fl__identity_create(machine.io, "data", &found, &report) == FL_OK);
        fl_assert(fl__identity_load(machine.io, "data", &again, &report) == FL_OK);
        check_same_identity(&found, &again);
    }
    halt(&machine);
}

static void on_closed(void *context)
{
    *(bool *)context = true;
}

static int open_vote(struct machine *machine, struct fl__vote_state *found)
{
    struct fl__vote *vote;
    struct fl_error_report report = {0};
    bool closed = false;
    int result = fl__vote_open(&vote, machine->io, "data", cluster_id, 9, false, &report);
    fl_assert(result == FL_OK || report.text[0] != '\0');
    if (result != FL_OK)
        return result;
    *found = fl__vote_current(vote);
    fl__vote_close(vote, on_closed, &closed);
    fl__world_run(machine->world);
    fl_assert(closed);
    return FL_OK;
}

/* A copy as it should be, but for what it says: that is the input's. */
static void mend_vote(uint8_t copy[VOTE_SIZE])
{
    memcpy(copy, "FLVOTE\r\n", 8);
    fl__store32(copy + 8, 2);
    memcpy(copy + 16, cluster_id, 16);
    fl__store64(copy + 32, 9);
    fl__store64(copy + 80, XXH3_64bits(copy, 80));
}

/* Copies that are good count: the later of them is found, and from then on both are the same. */
static void read_votes(const uint8_t *data, size_t size, uint8_t flags)
{
    static const char *const paths[] = {"data/vote-1", "data/vote-2"};
    struct machine machine;
    struct fl__vote_state found, again;
    fl_term term = 0;
    boot(&machine);
    for (uint32_t k = 0; k < 2; k++) {
        uint8_t copy[VOTE_SIZE] = {0};
        size_t part = size < VOTE_SIZE ? size : VOTE_SIZE;
        memcpy(copy, data, part);
        if (flags >> k & 1) {
            mend_vote(copy);
            term = term > fl__load64(copy + 40) ? term : fl__load64(copy + 40);
            part = VOTE_SIZE;
        }
        fl__disk_overwrite(machine.disk, paths[k], 0, copy, part);
        data += part < size ? part : size;
        size -= part < size ? part : size;
    }
    int result = open_vote(&machine, &found);
    fl_assert(result == FL_OK || result == FL_EDAMAGED || result == FL_EVERSION || result == FL_ECLUSTER);
    if (result == FL_OK) {
        fl_assert(found.term >= term);
        fl_assert(open_vote(&machine, &again) == FL_OK);
        fl_assert(found.term == again.term && found.has_vote == again.has_vote);
        fl_assert(!found.has_vote || found.vote == again.vote); /* Else it means nothing. */
    }
    halt(&machine);
}

/* The first byte says what the others are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    uint8_t kind = data[0];
    uint8_t *copy = malloc(size > 1 ? size - 1 : 1); /* Of its own size, so that a byte too far is seen. */
    memcpy(copy, data + 1, size - 1);
    if (kind % 4 < 2)
        read_roster(copy, size - 1);
    else if (kind % 4 == 2)
        read_identity(copy, size - 1, kind & 4);
    else
        read_votes(copy, size - 1, kind >> 2);
    free(copy);
    return 0;
}
