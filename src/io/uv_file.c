/* uv_file.c - files, on threads of the engine's own.
 *
 * Each operation is one piece of work on one thread, a durable write included: writing and syncing are one
 * hop. libuv's own pool is not used, because it is one queue for the whole process: a few slow reads, or
 * names that do not resolve, would keep a sync waiting. Here work has two lanes, with their own threads:
 * urgent (writing and syncing) and ordinary. Threads start when a lane has work and none of its threads is
 * idle. */
#include "engine.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* Three of the urgent ones: the log, the vote and a snapshot may be syncing at the same time. */
enum { URGENT_THREADS = 3, ORDINARY_THREADS = 2, STACK_SIZE = 256 * 1024 };

struct fl_io_file {
    int descriptor;
};

static int64_t failed(void)
{
    return fl__engine_error(-errno);
}

static struct file_request *file_request_of(struct request *request)
{
    return (struct file_request *)(void *)request;
}

/* ----------------------------------------------------------------------------------- on a worker's thread */

static int64_t perform_open(struct file_request *request)
{
    int flags = O_CLOEXEC;
    bool reads = request->flags & FL_IO_READ, writes = request->flags & FL_IO_WRITE;
    flags |= reads && writes ? O_RDWR : writes ? O_WRONLY : O_RDONLY;
    flags |= request->flags & FL_IO_CREATE ? O_CREAT : 0;
    flags |= request->flags & FL_IO_EXCLUSIVE ? O_EXCL : 0;
    struct stat stat;
    int descriptor = open(request->path, flags, 0640);
    if (descriptor < 0)
        return failed();
    if (fstat(descriptor, &stat) != 0) {
        int64_t result = failed();
        close(descriptor);
        return result;
    }
    request->file->descriptor = descriptor;
    return stat.st_size;
}

static int64_t perform_lock(struct file_request *request)
{
    int descriptor = open(request->path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return failed();
    if (flock(descriptor, LOCK_EX | LOCK_NB) != 0) {
        int64_t result = failed();
        close(descriptor);
        return result;
    }
    request->file->descriptor = descriptor;
    return 0;
}

static int64_t perform_close(struct file_request *request)
{
    return close(request->file->descriptor) == 0 || errno == EINTR ? 0 : failed();
}

static int64_t perform_read(struct file_request *request)
{
    size_t done = 0;
    while (done < request->size) {
        ssize_t n = pread(request->file->descriptor, (char *)request->data + done, request->size - done,
                          (off_t)(request->offset + done));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        if (n == 0)
            break;
        done += (size_t)n;
    }
    return (int64_t)done;
}

/* Skips what `written` bytes cover, at the front of the vector. */
static uint32_t advance(struct iovec *vector, uint32_t count, size_t written)
{
    uint32_t skipped = 0;
    while (skipped < count && written >= vector[skipped].iov_len)
        written -= vector[skipped++].iov_len;
    if (skipped < count) {
        vector[skipped].iov_base = (char *)vector[skipped].iov_base + written;
        vector[skipped].iov_len -= written;
    }
    return skipped;
}

/* Changes the vector. */
static int64_t write_vector(int descriptor, struct iovec *vector, uint32_t count, uint64_t offset)
{
    int64_t total = 0;
    while (count > 0) {
        ssize_t n = pwritev(descriptor, vector, (int)count, (off_t)(offset + (uint64_t)total));
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed();
        uint32_t skipped = advance(vector, count, (size_t)n);
        if (n == 0 && skipped == 0)
            return FL_EIO; /* It takes nothing, and does not say why. */
        total += n;
        vector += skipped;
        count -= skipped;
    }
    return total;
}

static int64_t write_buffers(struct file_request *request)
{
    enum { PART = 64 };
    struct iovec vector[PART];
    int64_t total = 0;
    for (uint32_t at = 0; at < request->buffer_count; at += PART) {
        uint32_t count = request->buffer_count - at < PART ? request->buffer_count - at : PART;
        for (uint32_t k = 0; k < count; k++)
            vector[k] = (struct iovec){.iov_base = (void *)(uintptr_t)request->buffers[at + k].data,
                                       .iov_len = request->buffers[at + k].size};
        int64_t n = write_vector(request->file->descriptor, vector, count, request->offset + (uint64_t)total);
        if (n < 0)
            return n;
        total += n;
    }
    return total;
}

/* Not repeated if interrupted: what a sync that did not succeed has done, nobody knows. */
static int64_t perform_sync(struct file_request *request)
{
    return fdatasync(request->file->descriptor) == 0 ? 0 : failed();
}

static int64_t perform_write(struct file_request *request)
{
    int64_t written = write_buffers(request);
    if (written < 0 || !request->durable)
        return written;
    int64_t synced = perform_sync(request);
    return synced < 0 ? synced : written;
}

static int64_t perform_allocate(struct file_request *request)
{
    enum { PART = 16 };
    static const char zeros[1 << 16];
    struct iovec vector[PART];
    struct stat stat;
    if (fstat(request->file->descriptor, &stat) != 0)
        return failed();
    for (uint64_t at = (uint64_t)stat.st_size; at < request->offset;) {
        uint32_t count = 0;
        for (uint64_t left = request->offset - at; left > 0 && count < PART; count++) {
            size_t size = left < sizeof zeros ? (size_t)left : sizeof zeros;
            vector[count] = (struct iovec){.iov_base = (void *)(uintptr_t)zeros, .iov_len = size};
            left -= size;
        }
        int64_t n = write_vector(request->file->descriptor, vector, count, at);
        if (n < 0)
            return n;
        at += (uint64_t)n;
    }
    return 0;
}

static int64_t perform_truncate(struct file_request *request)
{
    while (ftruncate(request->file->descriptor, (off_t)request->offset) != 0)
        if (errno != EINTR)
            return failed();
    return 0;
}

static int64_t perform_sync_directory(struct file_request *request)
{
    int descriptor = open(request->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0 && errno == EACCES) {
        sync(); /* Whoever may enter it but not read it cannot sync it alone. */
        return 0;
    }
    if (descriptor < 0)
        return failed();
    int64_t result = fsync(descriptor) == 0 ? 0 : failed();
    close(descriptor);
    return result;
}

static int64_t perform_rename(struct file_request *request)
{
    return rename(request->path, request->other_path) == 0 ? 0 : failed();
}

static int64_t perform_unlink(struct file_request *request)
{
    return unlink(request->path) == 0 ? 0 : failed();
}

static int64_t perform_make_directory(struct file_request *request)
{
    return mkdir(request->path, 0750) == 0 ? 0 : failed();
}

/* Adds a name, with its terminator, to the request's data. */
static bool add_name(struct file_request *request, const char *name)
{
    size_t size = strlen(name) + 1;
    char *grown = realloc(request->data, request->size + size);
    if (!grown)
        return false;
    memcpy(grown + request->size, name, size);
    request->data = grown;
    request->size += size;
    return true;
}

static int64_t perform_list(struct file_request *request)
{
    DIR *directory = opendir(request->path);
    if (!directory)
        return failed();
    int64_t result = 0;
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(directory);
        if (!entry) {
            result = errno ? failed() : 0;
            break;
        }
        bool is_dot = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!is_dot && !add_name(request, entry->d_name)) {
            result = FL_ENOMEM;
            break;
        }
    }
    closedir(directory);
    return result;
}

/* ------------------------------------------------------------------------------------------------ workers */

static void append(struct request **first, struct request **last, struct request *request)
{
    request->next = NULL;
    if (*first)
        (*last)->next = request;
    else
        *first = request;
    *last = request;
}

static struct request *take_first(struct request **first)
{
    struct request *request = *first;
    if (request)
        *first = request->next;
    return request;
}

/* The loop is only told when the list of the done was empty: it takes all of it. It is told without the lock,
 * which is the first thing that it wants. */
static void put_done(struct workers *workers, struct request *request)
{
    uv_mutex_lock(&workers->lock);
    bool was_empty = workers->done_first == NULL;
    append(&workers->done_first, &workers->done_last, request);
    uv_mutex_unlock(&workers->lock);
    if (was_empty)
        uv_async_send(&workers->done);
}

/* A worker's life. */
static void work(void *argument)
{
    struct lane *lane = argument;
    struct workers *workers = lane->workers;
    uv_mutex_lock(&workers->lock);
    for (;;) {
        struct request *request = take_first(&lane->first);
        if (!request && workers->is_stopping)
            break;
        if (!request) {
            lane->idle_count++;
            uv_cond_wait(&lane->wake, &workers->lock);
            lane->idle_count--;
            continue;
        }
        lane->queued_count--;
        uv_mutex_unlock(&workers->lock);
        struct file_request *file_request = file_request_of(request);
        file_request->result = file_request->perform(file_request);
        put_done(workers, request);
        uv_mutex_lock(&workers->lock);
    }
    uv_mutex_unlock(&workers->lock);
}

static void add_worker(struct lane *lane)
{
    const uv_thread_options_t options = {.flags = UV_THREAD_HAS_STACK_SIZE, .stack_size = STACK_SIZE};
    if (lane->thread_count < lane->thread_max &&
        uv_thread_create_ex(&lane->threads[lane->thread_count], &options, work, lane) == 0)
        lane->thread_count++;
}

static void finish(struct file_request *request, int64_t result);

static void submit(struct file_request *request)
{
    struct workers *workers = &request->base.engine->workers;
    struct lane *lane = &workers->lanes[request->is_urgent ? LANE_URGENT : LANE_ORDINARY];
    uv_mutex_lock(&workers->lock);
    append(&lane->first, &lane->last, &request->base);
    lane->queued_count++;
    /* A thread that was woken and has not come yet still counts as idle, and what it was woken for as
     * queued. */
    bool has_idle = lane->queued_count <= lane->idle_count;
    if (!has_idle)
        add_worker(lane);
    bool is_stuck = lane->thread_count == 0;
    if (is_stuck) {
        lane->first = lane->last = NULL;
        lane->queued_count = 0;
    }
    uv_mutex_unlock(&workers->lock);
    if (has_idle)
        uv_cond_signal(&lane->wake); /* Without the lock: whoever wakes would only wait for it. */
    if (is_stuck)
        finish(request, FL_ENOMEM);
}

static bool remove_queued(struct lane *lane, struct request *request)
{
    struct request *before = NULL, *found = lane->first;
    while (found && found != request) {
        before = found;
        found = found->next;
    }
    if (!found)
        return false;
    if (before)
        before->next = request->next;
    else
        lane->first = request->next;
    if (lane->last == request)
        lane->last = before;
    lane->queued_count--;
    return true;
}

void fl__file_cancel(struct file_request *request)
{
    struct workers *workers = &request->base.engine->workers;
    uv_mutex_lock(&workers->lock);
    bool was_queued =
        request->perform != perform_close &&
        remove_queued(&workers->lanes[request->is_urgent ? LANE_URGENT : LANE_ORDINARY], &request->base);
    uv_mutex_unlock(&workers->lock);
    if (was_queued)
        finish(request, FL_ECANCELED);
}

/* ----------------------------------------------------------------------------------- on the loop's thread */

static bool makes_file(const struct file_request *request)
{
    return request->perform == perform_open || request->perform == perform_lock;
}

static void give_names(struct file_request *request)
{
    const char *names = request->data;
    for (size_t at = 0; at < request->size; at += strlen(names + at) + 1)
        request->each(request->each_context, names + at);
}

static void finish(struct file_request *request, int64_t result)
{
    if (request->each) {
        if (result >= 0)
            give_names(request);
        free(request->data);
    }
    if (makes_file(request)) {
        request->base.op->file = result >= 0 ? request->file : NULL;
        if (result < 0)
            free(request->file);
    }
    if (request->perform == perform_close) {
        free(request->file);
        fl__listen_resume(request->base.engine);
    }
    free(request->path);
    free(request->other_path);
    if (request->buffers != request->inline_buffers)
        free(request->buffers);
    fl__request_complete(request, result);
}

static void on_done(uv_async_t *async)
{
    struct engine *engine = async->data;
    struct workers *workers = &engine->workers;
    uv_mutex_lock(&workers->lock);
    struct request *request = workers->done_first;
    workers->done_first = workers->done_last = NULL;
    uv_mutex_unlock(&workers->lock);
    while (request) {
        struct request *next = request->next;
        struct file_request *file_request = file_request_of(request);
        /* Files go before clients: they may have a descriptor that was kept back. */
        if (file_request->result == FL_EMFILE && fl__reserve_release(engine))
            submit(file_request);
        else
            finish(file_request, file_request->result);
        request = next;
    }
}

int fl__workers_start(struct engine *engine)
{
    struct workers *workers = &engine->workers;
    if (uv_async_init(&engine->loop, &workers->done, on_done) != 0)
        return FL_EMFILE;
    workers->done.data = engine;
    fl_assert(uv_mutex_init(&workers->lock) == 0);
    for (int k = 0; k < LANE_COUNT; k++) {
        struct lane *lane = &workers->lanes[k];
        lane->workers = workers;
        lane->thread_max = k == LANE_URGENT ? URGENT_THREADS : ORDINARY_THREADS;
        fl_assert(uv_cond_init(&lane->wake) == 0);
    }
    return FL_OK;
}

void fl__workers_stop(struct engine *engine)
{
    struct workers *workers = &engine->workers;
    uv_mutex_lock(&workers->lock);
    workers->is_stopping = true;
    for (int k = 0; k < LANE_COUNT; k++)
        uv_cond_broadcast(&workers->lanes[k].wake);
    uv_mutex_unlock(&workers->lock);
    for (int k = 0; k < LANE_COUNT; k++) {
        struct lane *lane = &workers->lanes[k];
        for (uint32_t thread = 0; thread < lane->thread_count; thread++)
            uv_thread_join(&lane->threads[thread]);
        uv_cond_destroy(&lane->wake);
    }
    fl_assert(workers->done_first == NULL); /* Somebody still waits for a file. */
    uv_mutex_destroy(&workers->lock);
    uv_close((uv_handle_t *)&workers->done, NULL);
}

/* --------------------------------------------------------------------------------------------- submitting */

/* NULL: there is no memory, and the operation has completed so. */
static struct file_request *prepare(struct fl_io *io, struct fl_io_op *op,
                                    int64_t (*perform)(struct file_request *request))
{
    struct file_request *request = fl__request_take(engine_of(io), op, REQUEST_FILE);
    if (!request)
        return NULL;
    request->perform = perform;
    request->file = NULL;
    request->path = request->other_path = NULL;
    request->data = NULL;
    request->size = 0;
    request->durable = request->is_urgent = false;
    request->each = NULL;
    request->buffers = request->inline_buffers;
    return request;
}

/* Work on a path; without memory for its copy it fails at once. */
static void submit_path(struct file_request *request, const char *path, const char *other_path)
{
    request->path = strdup(path);
    if (other_path)
        request->other_path = strdup(other_path);
    if (makes_file(request))
        request->file = malloc(sizeof *request->file);
    if (!request->path || (other_path && !request->other_path) || (makes_file(request) && !request->file))
        finish(request, FL_ENOMEM);
    else
        submit(request);
}

static void submit_file(struct file_request *request, struct fl_io_file *file, uint64_t offset)
{
    request->file = file;
    request->offset = offset;
    submit(request);
}

void fl__file_open(struct fl_io *io, struct fl_io_op *op, const char *path, int flags)
{
    struct file_request *request = prepare(io, op, perform_open);
    if (!request)
        return;
    request->flags = flags;
    submit_path(request, path, NULL);
}

void fl__file_lock(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    struct file_request *request = prepare(io, op, perform_lock);
    if (request)
        submit_path(request, path, NULL);
}

void fl__file_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file)
{
    struct file_request *request = prepare(io, op, perform_close);
    if (request)
        submit_file(request, file, 0);
}

void fl__file_read(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, void *data, size_t size,
                   uint64_t offset)
{
    struct file_request *request = prepare(io, op, perform_read);
    if (!request)
        return;
    request->data = data;
    request->size = size;
    submit_file(request, file, offset);
}

void fl__file_write(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                    const struct fl_io_buffer *buffers, uint32_t count, uint64_t offset, bool durable)
{
    struct file_request *request = prepare(io, op, perform_write);
    if (!request)
        return;
    request->durable = durable;
    request->is_urgent = true;
    request->buffer_count = count;
    if (count > FL__INLINE_BUFFERS)
        request->buffers = malloc(count * sizeof *buffers);
    if (!request->buffers) {
        finish(request, FL_ENOMEM);
        return;
    }
    memcpy(request->buffers, buffers, count * sizeof *buffers);
    submit_file(request, file, offset);
}

void fl__file_allocate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size)
{
    struct file_request *request = prepare(io, op, perform_allocate);
    if (request)
        submit_file(request, file, size);
}

void fl__file_truncate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size)
{
    struct file_request *request = prepare(io, op, perform_truncate);
    if (request)
        submit_file(request, file, size);
}

void fl__file_sync(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file)
{
    struct file_request *request = prepare(io, op, perform_sync);
    if (!request)
        return;
    request->is_urgent = true;
    submit_file(request, file, 0);
}

void fl__file_sync_directory(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    struct file_request *request = prepare(io, op, perform_sync_directory);
    if (!request)
        return;
    request->is_urgent = true;
    submit_path(request, path, NULL);
}

void fl__file_rename(struct fl_io *io, struct fl_io_op *op, const char *from, const char *to)
{
    struct file_request *request = prepare(io, op, perform_rename);
    if (request)
        submit_path(request, from, to);
}

void fl__file_unlink(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    struct file_request *request = prepare(io, op, perform_unlink);
    if (request)
        submit_path(request, path, NULL);
}

void fl__file_make_directory(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    struct file_request *request = prepare(io, op, perform_make_directory);
    if (request)
        submit_path(request, path, NULL);
}

void fl__file_list(struct fl_io *io, struct fl_io_op *op, const char *path,
                   void (*each)(void *context, const char *name), void *context)
{
    struct file_request *request = prepare(io, op, perform_list);
    if (!request)
        return;
    request->each = each;
    request->each_context = context;
    submit_path(request, path, NULL);
}
