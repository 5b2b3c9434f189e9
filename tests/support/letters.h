/* letters.h - a machine in a world of its own, and files whose sectors are letters: what survived is read off
 * at a glance. */
#ifndef FAIRLEAD_TEST_LETTERS_H
#define FAIRLEAD_TEST_LETTERS_H

#include "memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { SECTOR = FL__SECTOR_SIZE, ANY_FILE = FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE };

struct machine {
    struct fl__world *world;
    struct fl__disk *disk;
    struct fl_io *io;
};

struct machine boot(struct fl__disk *disk);
void halt(struct machine *machine);
struct fl_io_file *open_path(struct fl_io *io, const char *path);
void close_file(struct fl_io *io, struct fl_io_file *file);
/* Submits `size` times the letter; the bytes are a static alphabet's, and so stay where they are. */
void submit_letters(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, char letter, size_t size,
                    uint64_t offset, bool durable);
int64_t put_letters(struct fl_io *io, struct fl_io_file *file, char letter, size_t size, uint64_t offset,
                    bool durable);
int64_t sync_of(struct fl_io *io, struct fl_io_file *file);
int64_t sync_names(struct fl_io *io);
int64_t rename_to(struct fl_io *io, const char *from, const char *to);
int64_t unlink_path(struct fl_io *io, const char *path);
/* A machine whose file "a" has `sectors` sectors of 'A', all of it sure. */
struct machine boot_with_file(size_t sectors, struct fl_io_file **file);
/* The letter that bytes [begin, end) of the file are; '-': there is no such file; 0: they are zeros. Fails if
 * they differ: a sector is written whole or not at all. */
char letter_of(struct fl__disk *disk, const char *path, size_t begin, size_t end);
char letter_after(struct fl__disk *disk, enum fl__survival what, uint64_t choice, const char *path,
                  size_t begin, size_t end);

#endif
