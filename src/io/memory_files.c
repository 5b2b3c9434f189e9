/* memory_files.c - calls on files of an engine in memory: counted, delayed, made to fail, or cut by a crash.
 *
 * A call does what it does at the moment when it completes, not when it is submitted; so with random
 * durations calls on one file overtake each other, as fairlead/io.h warns. A crash finds calls in flight:
 * what they would have changed is then changed, and like every change not sure, so that it may be found on
 * the disk afterwards in whole, in part or not at all; the caller hears of a failure. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct fl_io_file {
    struct fl__memory *engine;
    struct fl_io_file *next, *previous;
    struct fl__inode *inode; /* Held. */
    char *path;              /* As it was opened. */
    int flags;
    bool is_lock;
};

static struct fl_io_file *create_file(struct fl__request *request, struct fl__inode *inode)
{
    struct fl__memory *engine = request->event.engine;
    struct fl_io_file *file = fl__memory_take(sizeof *file);
    *file =
        (struct fl_io_file){.engine = engine, .next = engine->files, .inode = inode, .flags = request->flags};
    file->path = fl__memory_copy_text(request->path);
    if (engine->files)
        engine->files->previous = file;
    engine->files = file;
    return file;
}

static void destroy_file(struct fl_io_file *file)
{
    if (file->previous)
        file->previous->next = file->next;
    else
        file->engine->files = file->next;
    if (file->next)
        file->next->previous = file->previous;
    if (file->is_lock)
        fl__disk_unlock(file->inode);
    fl__inode_release(file->inode);
    free(file->path);
    free(file);
}

uint32_t fl__memory_open_files(const struct fl_io *io)
{
    uint32_t count = 0;
    const struct fl__memory *engine = (const struct fl__memory *)(const void *)io;
    for (const struct fl_io_file *file = engine->files; file; file = file->next)
        count++;
    return count;
}

void fl__files_release(struct fl__memory *engine)
{
    while (engine->files)
        destroy_file(engine->files);
}

/* ------------------------------------------------------------------------------------ what each call does */

static int64_t perform_open(struct fl__request *request)
{
    struct fl__inode *inode;
    if (request->error)
        return request->error;
    int64_t result = fl__disk_open(request->event.engine->disk, request->path, request->flags, &inode);
    if (result >= 0)
        request->op->file = create_file(request, inode);
    return result;
}

static int64_t perform_lock(struct fl__request *request)
{
    struct fl__inode *inode;
    if (request->error)
        return request->error;
    int64_t result = fl__disk_open(request->event.engine->disk, request->path, FL_IO_CREATE, &inode);
    if (result < 0)
        return result;
    if (!fl__disk_lock(inode)) {
        fl__inode_release(inode);
        return FL_ELOCKED;
    }
    request->op->file = create_file(request, inode);
    request->op->file->is_lock = true;
    return FL_OK;
}

static int64_t perform_close(struct fl__request *request)
{
    destroy_file(request->file);
    return request->error;
}

static int64_t perform_read(struct fl__request *request)
{
    if (request->error)
        return request->error;
    if (!(request->file->flags & FL_IO_READ))
        return FL_EIO;
    return fl__disk_read(request->file->inode, request->data, request->size, request->offset);
}

/* Writes the first `limit` bytes of what was asked for. */
static int64_t write_buffers(struct fl__request *request, uint64_t limit)
{
    uint64_t written = 0;
    for (uint32_t k = 0; k < request->buffer_count && written < limit; k++) {
        const struct fl_io_buffer *buffer = &request->buffers[k];
        size_t size = buffer->size < limit - written ? buffer->size : (size_t)(limit - written);
        int64_t result = fl__disk_write(request->file->inode, buffer->data, size, request->offset + written);
        if (result < 0)
            return result;
        written += size;
    }
    return (int64_t)written;
}

static int64_t perform_write(struct fl__request *request)
{
    struct fl__memory *engine = request->event.engine;
    if (!(request->file->flags & FL_IO_WRITE))
        return FL_EIO;
    if (request->error && request->call == FL__CALL_WRITE) {
        (void)write_buffers(request, fl__memory_draw(&engine->random, 0, request->size));
        return request->error;
    }
    int64_t result = write_buffers(request, UINT64_MAX);
    if (request->error) {
        fl__disk_fail_sync(request->file->inode, &engine->random, request->reverts);
        return request->error;
    }
    if (result >= 0 && request->durable)
        fl__disk_sync(request->file->inode);
    return result;
}

static int64_t perform_allocate(struct fl__request *request)
{
    if (request->error)
        return request->error;
    return request->file->flags & FL_IO_WRITE ? fl__disk_allocate(request->file->inode, request->offset)
                                              : FL_EIO;
}

static int64_t perform_truncate(struct fl__request *request)
{
    if (request->error)
        return request->error;
    return request->file->flags & FL_IO_WRITE ? fl__disk_truncate(request->file->inode, request->offset)
                                              : FL_EIO;
}

static int64_t perform_sync(struct fl__request *request)
{
    if (request->error)
        fl__disk_fail_sync(request->file->inode, &request->event.engine->random, request->reverts);
    else
        fl__disk_sync(request->file->inode);
    return request->error;
}

static int64_t perform_sync_directory(struct fl__request *request)
{
    return request->error ? request->error
                          : fl__disk_sync_directory(request->event.engine->disk, request->path);
}

static int64_t perform_rename(struct fl__request *request)
{
    if (request->error)
        return request->error;
    return fl__disk_rename(request->event.engine->disk, request->path, request->other_path);
}

static int64_t perform_unlink(struct fl__request *request)
{
    return request->error ? request->error : fl__disk_unlink(request->event.engine->disk, request->path);
}

static int64_t perform_make_directory(struct fl__request *request)
{
    return request->error ? request->error
                          : fl__disk_make_directory(request->event.engine->disk, request->path);
}

static int64_t perform_list(struct fl__request *request)
{
    if (request->error)
        return request->error;
    return fl__disk_list(request->event.engine->disk, request->path, request->each, request->each_context);
}

/* ----------------------------------------------------------------------------------------------- crashing */

/* How much of a write was done: all, or the sectors up to where the process was killed. */
static uint64_t draw_written(struct fl__request *request)
{
    uint64_t written = fl__memory_draw(&request->event.engine->random, 0, 2 * request->size);
    uint64_t end = request->offset + written;
    end -= end % FL__SECTOR_SIZE;
    if (written >= request->size)
        return request->size;
    return end > request->offset ? end - request->offset : 0;
}

/* What a call that was in flight may have changed when power failed. */
static void leave_traces(struct fl__request *request)
{
    struct fl__inode *inode;
    struct fl__disk *disk = request->event.engine->disk;
    switch (request->call) {
    case FL__CALL_OPEN:
    case FL__CALL_LOCK:
        if (fl__disk_open(disk, request->path, request->flags, &inode) >= 0)
            fl__inode_release(inode);
        break;
    case FL__CALL_WRITE:
        (void)write_buffers(request, draw_written(request));
        break;
    case FL__CALL_ALLOCATE:
    case FL__CALL_TRUNCATE:
    case FL__CALL_RENAME:
    case FL__CALL_UNLINK:
    case FL__CALL_MAKE_DIRECTORY:
        (void)request->perform(request);
        break;
    default: /* Reads change nothing, and what a sync does, the image decides. */
        break;
    }
}

void fl__files_crash(struct fl__memory *engine)
{
    for (struct fl__request *request = engine->first_request; request; request = request->next) {
        if (request->call == FL__CALL_ANY || request->call == FL__CALL_CLOSE || !request->perform)
            continue;
        if (!request->error)
            leave_traces(request);
        fl__request_end(request, FL_EIO);
    }
}

/* --------------------------------------------------------------------------------------------- submitting */

/* What the rule for failures says about this call. */
static void maybe_fail(struct fl__request *request, const char *path)
{
    struct fl__memory_failure *failure = &request->event.engine->failure;
    bool is_sync_of_write = failure->call == FL__CALL_SYNC_OF_WRITE && request->durable;
    if (failure->count == 0 || (failure->path && !strstr(path, failure->path)))
        return;
    if (failure->call != FL__CALL_ANY && failure->call != request->call && !is_sync_of_write)
        return;
    if (failure->skip > 0) {
        failure->skip--;
        return;
    }
    failure->count--;
    request->error = failure->error;
    request->reverts = failure->reverts;
    if (is_sync_of_write)
        request->call = FL__CALL_SYNC_OF_WRITE;
}

static struct fl__request *prepare(struct fl_io *io, struct fl_io_op *op, enum fl__memory_call call,
                                   int64_t (*perform)(struct fl__request *request))
{
    struct fl__request *request = fl__request_create(fl__memory_of(io), op);
    request->call = call;
    request->perform = perform;
    return request;
}

static void submit(struct fl__request *request, const char *path)
{
    struct fl__memory *engine = request->event.engine;
    const struct fl__world_settings *settings = &engine->world->settings;
    engine->call_count++;
    if (engine->is_crashed && request->call != FL__CALL_CLOSE) {
        fl__request_end(request, FL_EIO);
        return;
    }
    maybe_fail(request, path);
    fl__request_post(request,
                     engine->world->now + fl__memory_draw(&engine->world->random, settings->file_time_us_min,
                                                          settings->file_time_us_max));
    if (engine->call_count == engine->crash_at)
        fl__memory_crash(&engine->io);
}

static void submit_path(struct fl__request *request, const char *path)
{
    request->path = fl__memory_copy_text(path);
    submit(request, request->path);
}

static void submit_file(struct fl__request *request, struct fl_io_file *file, uint64_t offset)
{
    request->file = file;
    request->offset = offset;
    submit(request, file->path);
}

static void open_file(struct fl_io *io, struct fl_io_op *op, const char *path, int flags)
{
    struct fl__request *request = prepare(io, op, FL__CALL_OPEN, perform_open);
    op->file = NULL;
    request->flags = flags;
    submit_path(request, path);
}

static void lock(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    struct fl__request *request = prepare(io, op, FL__CALL_LOCK, perform_lock);
    op->file = NULL;
    request->flags = FL_IO_CREATE;
    submit_path(request, path);
}

static void close_file(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file)
{
    submit_file(prepare(io, op, FL__CALL_CLOSE, perform_close), file, 0);
}

static void read_file(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, void *data, size_t size,
                      uint64_t offset)
{
    struct fl__request *request = prepare(io, op, FL__CALL_READ, perform_read);
    request->data = data;
    request->size = size;
    submit_file(request, file, offset);
}

static void write_file(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                       const struct fl_io_buffer *buffers, uint32_t count, uint64_t offset, bool durable)
{
    struct fl__request *request = prepare(io, op, FL__CALL_WRITE, perform_write);
    request->buffers = fl__memory_take(count * sizeof *buffers);
    for (uint32_t k = 0; k < count; k++) {
        request->buffers[k] = buffers[k];
        request->size += buffers[k].size;
    }
    request->buffer_count = count;
    request->durable = durable;
    submit_file(request, file, offset);
}

static void allocate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size)
{
    submit_file(prepare(io, op, FL__CALL_ALLOCATE, perform_allocate), file, size);
}

static void truncate_file(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size)
{
    submit_file(prepare(io, op, FL__CALL_TRUNCATE, perform_truncate), file, size);
}

static void sync_file(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file)
{
    submit_file(prepare(io, op, FL__CALL_SYNC, perform_sync), file, 0);
}

static void sync_directory(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    submit_path(prepare(io, op, FL__CALL_SYNC_DIRECTORY, perform_sync_directory), path);
}

static void rename_file(struct fl_io *io, struct fl_io_op *op, const char *from, const char *to)
{
    struct fl__request *request = prepare(io, op, FL__CALL_RENAME, perform_rename);
    request->other_path = fl__memory_copy_text(to);
    submit_path(request, from);
}

static void unlink_file(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    submit_path(prepare(io, op, FL__CALL_UNLINK, perform_unlink), path);
}

static void make_directory(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    submit_path(prepare(io, op, FL__CALL_MAKE_DIRECTORY, perform_make_directory), path);
}

static void list(struct fl_io *io, struct fl_io_op *op, const char *path,
                 void (*each)(void *context, const char *name), void *context)
{
    struct fl__request *request = prepare(io, op, FL__CALL_LIST, perform_list);
    request->each = each;
    request->each_context = context;
    submit_path(request, path);
}

void fl__files_set(struct fl_io_vtable *vtable)
{
    vtable->open = open_file;
    vtable->lock = lock;
    vtable->close_file = close_file;
    vtable->read = read_file;
    vtable->write = write_file;
    vtable->allocate = allocate;
    vtable->truncate = truncate_file;
    vtable->sync = sync_file;
    vtable->sync_directory = sync_directory;
    vtable->rename = rename_file;
    vtable->unlink = unlink_file;
    vtable->make_directory = make_directory;
    vtable->list = list;
}
