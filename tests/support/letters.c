/* letters.c - the machine and the file of letters that the tests of disks in memory begin with. */
#include "letters.h"

#include <string.h>

struct machine boot(struct fl__disk *disk)
{
    struct machine machine = {.world = fl__world_create(3), .disk = disk ? disk : fl__disk_create()};
    machine.io = fl__memory_create(machine.world, machine.disk);
    return machine;
}

void halt(struct machine *machine)
{
    fl__memory_destroy(machine->io);
    fl__world_destroy(machine->world);
    fl__disk_destroy(machine->disk);
}

struct fl_io_file *open_path(struct fl_io *io, const char *path)
{
    struct fl_io_op op = {0};
    io->vtable->open(io, &op, path, ANY_FILE);
    assert_true(io->vtable->wait(io, &op) >= 0);
    return op.file;
}

void close_file(struct fl_io *io, struct fl_io_file *file)
{
    struct fl_io_op op = {0};
    io->vtable->close_file(io, &op, file);
    assert_int_equal(io->vtable->wait(io, &op), FL_OK);
}

/* Submits `size` times the letter; the bytes are a static alphabet's, and so stay where they are. */
void submit_letters(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, char letter, size_t size,
                    uint64_t offset, bool durable)
{
    static char rows[26][8 * SECTOR];
    char *row = rows[letter - 'A'];
    struct fl_io_buffer buffer = {.data = row, .size = size};
    assert_true(letter >= 'A' && letter <= 'Z' && size <= sizeof rows[0]);
    memset(row, letter, sizeof rows[0]);
    io->vtable->write(io, op, file, &buffer, 1, offset, durable);
}

int64_t put_letters(struct fl_io *io, struct fl_io_file *file, char letter, size_t size, uint64_t offset,
                    bool durable)
{
    struct fl_io_op op = {0};
    submit_letters(io, &op, file, letter, size, offset, durable);
    return io->vtable->wait(io, &op);
}

int64_t sync_of(struct fl_io *io, struct fl_io_file *file)
{
    struct fl_io_op op = {0};
    io->vtable->sync(io, &op, file);
    return io->vtable->wait(io, &op);
}

int64_t sync_names(struct fl_io *io)
{
    struct fl_io_op op = {0};
    io->vtable->sync_directory(io, &op, "");
    return io->vtable->wait(io, &op);
}

int64_t rename_to(struct fl_io *io, const char *from, const char *to)
{
    struct fl_io_op op = {0};
    io->vtable->rename(io, &op, from, to);
    return io->vtable->wait(io, &op);
}

int64_t unlink_path(struct fl_io *io, const char *path)
{
    struct fl_io_op op = {0};
    io->vtable->unlink(io, &op, path);
    return io->vtable->wait(io, &op);
}

/* A machine whose file "a" has `sectors` sectors of 'A', all of it sure. */
struct machine boot_with_file(size_t sectors, struct fl_io_file **file)
{
    struct machine machine = boot(NULL);
    *file = open_path(machine.io, "a");
    assert_int_equal(put_letters(machine.io, *file, 'A', sectors * SECTOR, 0, true), sectors * SECTOR);
    assert_int_equal(sync_names(machine.io), FL_OK);
    assert_int_equal(fl__disk_unsure_parts(machine.disk), 0);
    return machine;
}

/* The letter that bytes [begin, end) of the file are; '-': there is no such file; 0: they are zeros. Fails if
 * they differ: a sector is written whole or not at all. */
char letter_of(struct fl__disk *disk, const char *path, size_t begin, size_t end)
{
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    if (!bytes)
        return '-';
    assert_true(end <= size);
    for (size_t k = begin; k < end; k++)
        assert_int_equal(bytes[k], bytes[begin]);
    return (char)bytes[begin];
}

char letter_after(struct fl__disk *disk, enum fl__survival what, uint64_t choice, const char *path,
                  size_t begin, size_t end)
{
    struct fl__disk *found = fl__disk_after_power_loss(disk, what, choice);
    char letter = letter_of(found, path, begin, end);
    fl__disk_destroy(found);
    return letter;
}
