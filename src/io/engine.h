/* engine.h - what the files of the libuv engine share.
 *
 * The loop turns like this: libuv calls back what has happened (bytes that came in, connections, file work
 * that is done); just before it would sleep, uv.c delivers completions in batches, each followed by the flush
 * hooks, until nothing is left. Whatever completes an operation only puts it in the queue of the completed,
 * so nothing is ever called back inside the call that submitted it.
 *
 * op->engine says what an operation in flight is doing, and is one of
 *   - a request: it is under way; the request's kind says how to cancel it;
 *   - a link, marked by its lowest bit: it is complete, and this is the next one in the queue.
 * The usual send is complete at once and needs no request. Other requests are taken from free lists. */
#ifndef FAIRLEAD_IO_ENGINE_H
#define FAIRLEAD_IO_ENGINE_H

#include <fairlead/io.h>
#include <uv.h>

enum {
    FL__RECEIVE_SIZE = 256 * 1024,
    FL__INLINE_BUFFERS = 16,
    FL__RESERVE_MAX = 16, /* Descriptors kept for peers and files. */
};

struct engine;

enum request_kind {
    REQUEST_TIMER,
    REQUEST_FILE,
    REQUEST_CONNECT,
    REQUEST_SEND,
    REQUEST_KINDS,
    REQUEST_BUSY = REQUEST_KINDS, /* The engine's own one, for what cannot be canceled. */
};

/* The beginning of each request. */
struct request {
    enum request_kind kind;
    struct engine *engine;
    struct fl_io_op *op;
    struct request *next; /* In a free list or, of file work, in a lane. */
};

struct timer_request {
    struct request base;
    fl_time_us at;
    uint64_t sequence; /* Ties end in the order in which they were started. */
    size_t position;   /* In the heap, from 1. */
};

struct file_request {
    struct request base;
    int64_t (*perform)(struct file_request *request); /* On a worker's thread. */
    int64_t result;
    struct fl_io_file *file;
    char *path, *other_path; /* From malloc; NULL. */
    void *data;              /* Where to read to; the names that were listed, from malloc. */
    size_t size;
    uint64_t offset;
    int flags;
    bool durable, is_urgent;
    void (*each)(void *context, const char *name);
    void *each_context;
    struct fl_io_buffer *buffers; /* The ones below, or from malloc. */
    uint32_t buffer_count;
    struct fl_io_buffer inline_buffers[FL__INLINE_BUFFERS];
};

struct connect_request {
    struct request base;
    union {
        uv_getaddrinfo_t resolve;
        uv_connect_t connect;
    };
    struct addrinfo *addresses, *next_address; /* Found by name. */
    struct fl_io_stream *stream;               /* Being connected; NULL. */
    bool is_canceled;
};

struct send_request {
    struct request base;
    uv_write_t write;
    uv_buf_t *rest; /* From malloc. */
};

/* Work for some threads. Writes and syncs have threads of their own: no slow read can delay them. */
enum { LANE_URGENT, LANE_ORDINARY, LANE_COUNT };

struct lane {
    struct workers *workers;
    uv_cond_t wake;
    struct request *first, *last;
    uint32_t queued_count, idle_count, thread_count, thread_max;
    uv_thread_t threads[4];
};

struct workers {
    uv_mutex_t lock; /* Of all below. */
    struct lane lanes[LANE_COUNT];
    struct request *done_first, *done_last;
    bool is_stopping;
    uv_async_t done; /* Something has been put in the list of the done. */
};

struct flush_hook {
    void (*flush)(void *context);
    void *context;
};

struct engine {
    struct fl_io io; /* First: an fl_io is an engine. */
    uv_loop_t loop;
    uv_async_t stop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_idle_t idle;
    uv_timer_t alarm;  /* Wakes the loop for the earliest timer. */
    uint64_t alarm_ms; /* When, by the loop's clock; UINT64_MAX: it is not set. */
    bool is_stopping;
    struct fl_io_op *awaited; /* By wait(); NULL. */
    fl_time_us now;           /* 0: to be read. */
    struct fl_io_op *completed_first, *completed_last;
    struct request *free_requests[REQUEST_KINDS];
    struct request busy;
    struct timer_request **timers; /* A heap by (at, sequence), from index 1. */
    size_t timer_count, timer_capacity;
    uint64_t timer_sequence;
    struct flush_hook hooks[FL_IO_FLUSH_MAX];
    uint32_t hook_count;
    struct workers workers;
    int reserve[FL__RESERVE_MAX]; /* Descriptors that stand for others. */
    uint32_t reserve_count;
    struct fl_io_listener *listeners;
    uv_timer_t retry; /* For listeners that had to stop. */
    char receive[FL__RECEIVE_SIZE];
};

static inline struct engine *engine_of(struct fl_io *io)
{
    return (struct engine *)(void *)io;
}

/* -- uv.c */
/* A request in flight for the operation. NULL: there is no memory, and the operation has completed so. */
void *fl__request_take(struct engine *engine, struct fl_io_op *op, enum request_kind kind);
/* The operation completes with `result`, in the next batch. */
void fl__op_complete(struct engine *engine, struct fl_io_op *op, int64_t result);
/* The same, and the request becomes free. */
void fl__request_complete(void *request, int64_t result);
/* The one place where errors of the system become ours. Takes a negative errno, as libuv's errors are. */
int fl__engine_error(int error);
/* Gives up one of the kept descriptors. False: there is none left. */
bool fl__reserve_release(struct engine *engine);
/* Keeps as many as it can, up to what it should. */
void fl__reserve_refill(struct engine *engine);

/* -- uv_file.c */
FL_MUST_USE int fl__workers_start(struct engine *engine);
/* All work must be done; the loop must run once more before it is closed. */
void fl__workers_stop(struct engine *engine);
void fl__file_cancel(struct file_request *request);
void fl__file_open(struct fl_io *io, struct fl_io_op *op, const char *path, int flags);
void fl__file_lock(struct fl_io *io, struct fl_io_op *op, const char *path);
void fl__file_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file);
void fl__file_read(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, void *data, size_t size,
                   uint64_t offset);
void fl__file_write(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                    const struct fl_io_buffer *buffers, uint32_t count, uint64_t offset, bool durable);
void fl__file_allocate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size);
void fl__file_truncate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size);
void fl__file_sync(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file);
void fl__file_sync_directory(struct fl_io *io, struct fl_io_op *op, const char *path);
void fl__file_rename(struct fl_io *io, struct fl_io_op *op, const char *from, const char *to);
void fl__file_unlink(struct fl_io *io, struct fl_io_op *op, const char *path);
void fl__file_make_directory(struct fl_io *io, struct fl_io_op *op, const char *path);
void fl__file_list(struct fl_io *io, struct fl_io_op *op, const char *path,
                   void (*each)(void *context, const char *name), void *context);

/* -- uv_net.c */
void fl__stream_start(struct fl_io *io, struct fl_io_stream *stream, const struct fl_io_stream_events *events,
                      uint64_t credit);
void fl__stream_add_credit(struct fl_io *io, struct fl_io_stream *stream, uint64_t bytes);
void fl__stream_send(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream,
                     const struct fl_io_buffer *buffers, uint32_t count);
void fl__stream_shutdown(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream);
void fl__stream_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream);
void fl__stream_peer_address(struct fl_io *io, struct fl_io_stream *stream, char *out, size_t size);
/* NULL: there is no memory. */
struct fl_io_stream *fl__stream_create(struct engine *engine);
/* Closes a stream that nobody was given. */
void fl__stream_abandon(struct fl_io_stream *stream);
uv_tcp_t *fl__stream_tcp(struct fl_io_stream *stream);

/* -- uv_connect.c */
void fl__connect(struct fl_io *io, struct fl_io_op *op, const char *address);
void fl__connect_cancel(struct connect_request *request);
int fl__listen(struct fl_io *io, struct fl_io_listener **out, const char *address, bool privileged,
               void (*on_accept)(void *context, struct fl_io_stream *stream), void *context);
void fl__listen_close(struct fl_io *io, struct fl_io_listener *listener);
/* A descriptor has become free: listeners that had none go on. */
void fl__listen_resume(struct engine *engine);
void fl__listen_local_address(struct fl_io *io, struct fl_io_listener *listener, char *out, size_t size);
/* As "host:port" or "[host]:port". */
void fl__address_print(const struct sockaddr *address, char *out, size_t size);

#endif
