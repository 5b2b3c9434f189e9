/* fairlead/io.h - the one door to the operating system.
 *
 * Everything above it (log, transport, driver, server) asks here for files, sockets, timers, time and
 * randomness, and for nothing elsewhere; so whoever implements this interface decides what the world is:
 * libuv, memory, or a simulator made of seeded lies. It is a proactor: one submits an operation and is called
 * back when it is complete.
 *
 * Rules:
 *   1. One thread. Everything is called from the engine's thread, and calls back on it.
 *   2. No callback happens inside the call that submitted the operation; it comes from the engine's loop, or
 *      from fl_io_wait(). Every operation completes exactly once, canceled ones too.
 *   3. An operation (struct fl_io_op) and the memory it names belong to the caller, and must stay where they
 *      are until it completes. A completed operation may be reused at once, in its own callback too.
 *   4. Operations on one file may be carried out in any order and at the same time: who needs an order waits.
 *   5. Results are >= 0, or negative codes of fairlead/raft.h. A short write is an error (FL_ENOSPC,
 *      FL_EFBIG or FL_EIO); a short read happens only at the end of a file.
 *   6. After an operation failed on a file, nothing about what it wrote is known. After a failed sync nothing
 *      about the file is known: the caller must not sync again and trust it. */
#ifndef FAIRLEAD_IO_H
#define FAIRLEAD_IO_H

#include <fairlead/raft.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fl_io;          /* An engine: a table of functions, and what they need. */
struct fl_io_file;     /* An open file or lock; the engine's. */
struct fl_io_listener; /* The engine's. */
struct fl_io_stream;   /* A connection; the engine's. */

struct fl_io_op {
    void (*done)(struct fl_io_op *op); /* NULL: nobody listens; use fl_io_wait(). */
    void *owner;                       /* The caller's. */
    int64_t result;                    /* Valid once complete. */
    union {                            /* What some operations produce, valid if result >= 0. */
        struct fl_io_file *file;
        struct fl_io_stream *stream;
    };
    void *engine; /* The engine's, while in flight; NULL otherwise. */
};

struct fl_io_buffer {
    const void *data;
    size_t size;
};

/* A numeric or named host with its port, as text: "127.0.0.1:7600", "[::1]:7600", "db1.example:7600". */
#define FL_ADDRESS_MAX 280

enum fl_io_open {
    FL_IO_READ = 1,
    FL_IO_WRITE = 2,
    FL_IO_CREATE = 4,    /* If it does not exist. */
    FL_IO_EXCLUSIVE = 8, /* With CREATE: FL_EEXIST if it does. */
};

/* What a stream tells its owner. After on_data with size 0 (the peer has shut down its side) or after
 * on_error nothing more is received; the stream must still be closed by its owner. */
struct fl_io_stream_events {
    /* `data` is the engine's, valid during the call. Each byte received uses up credit. */
    void (*on_data)(void *context, const void *data, size_t size);
    void (*on_error)(void *context, int error); /* Reset, or a failed receive. */
    void *context;
};

struct fl_io_vtable {
    /* Time and chance. */
    /* Monotonic. Constant while callbacks of one batch run is allowed; but whoever is told of bytes that
     * arrived is told a time at which they were there. */
    fl_time_us (*now)(struct fl_io *io);
    uint64_t (*wall_clock_us)(struct fl_io *io); /* Since 1970, UTC. May jump. */
    /* Unpredictable in production, seeded in simulation. */
    void (*random)(struct fl_io *io, void *out, size_t size);

    /* Timers: `op` completes with FL_OK at or after `at`, or with FL_ECANCELED. */
    void (*timer)(struct fl_io *io, struct fl_io_op *op, fl_time_us at);

    /* Asks for an operation in flight to end soon. It still completes: with FL_ECANCELED, or as if nobody
     * asked. */
    void (*cancel)(struct fl_io *io, struct fl_io_op *op);

    /* Files. Paths are the engine's own, "/"-separated. */
    /* op->file; result: size */
    void (*open)(struct fl_io *io, struct fl_io_op *op, const char *path, int flags);
    void (*close_file)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file);
    void (*read)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, void *data, size_t size,
                 uint64_t offset); /* result: bytes read */
    /* Writes all buffers one after the other at offset; with durable, completes once they are on stable
     * storage (the file's data and size, not its directory entry). The array itself is copied, what it points
     * to is not. */
    void (*write)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                  const struct fl_io_buffer *buffers, uint32_t count, uint64_t offset,
                  bool durable); /* result: bytes written */
    void (*allocate)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                     /* Reserves space; new bytes are written zeros, not holes. Not yet durable. */
                     uint64_t size);
    void (*truncate)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size);
    void (*sync)(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file);
    void (*sync_directory)(struct fl_io *io, struct fl_io_op *op, const char *path);
    void (*rename)(struct fl_io *io, struct fl_io_op *op, const char *from, const char *to);
    void (*unlink)(struct fl_io *io, struct fl_io_op *op, const char *path);
    /* FL_EEXIST is an error */
    void (*make_directory)(struct fl_io *io, struct fl_io_op *op, const char *path);
    /* Calls `each` for every name in the directory, in any order, before op completes. */
    void (*list)(struct fl_io *io, struct fl_io_op *op, const char *path,
                 void (*each)(void *context, const char *name), void *context);
    /* Creates the file if needed and locks it against other processes until closed: op->file, or
     * FL_ELOCKED. */
    void (*lock)(struct fl_io *io, struct fl_io_op *op, const char *path);

    /* Sockets. */
    /* Resolves and binds at once. on_accept gets each new connection, whose owner calls start (or close) on
     * it; NULL, if one had to be closed because there are no more descriptors. A reserve of descriptors is
     * kept for listeners marked `privileged`: peers get in when clients are too many. */
    int (*listen)(struct fl_io *io, struct fl_io_listener **out, const char *address, bool privileged,
                  void (*on_accept)(void *context, struct fl_io_stream *stream), void *context);
    void (*close_listener)(struct fl_io *io, struct fl_io_listener *listener);
    void (*connect)(struct fl_io *io, struct fl_io_op *op, const char *address); /* resolves; op->stream */
    /* Begins to receive with `credit` bytes; nothing is received while there is no credit. */
    void (*start)(struct fl_io *io, struct fl_io_stream *stream, const struct fl_io_stream_events *events,
                  uint64_t credit);
    void (*add_credit)(struct fl_io *io, struct fl_io_stream *stream, uint64_t bytes);
    /* Sends are carried out in order; op completes when the bytes have been handed to the transport, all or
     * FL_ECLOSED. The array itself is copied, what it points to is not. */
    void (*send)(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream,
                 const struct fl_io_buffer *buffers, uint32_t count);
    /* No more sends; the other side reads the end after what was sent. */
    void (*shutdown)(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream);
    /* Ends the stream: sends in flight complete with FL_ECANCELED, no event is called any more, and then op
     * completes. */
    void (*close)(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream);
    /* The peer's address as text. Writes at most size bytes, always terminated. */
    void (*peer_address)(struct fl_io *io, struct fl_io_stream *stream, char *out, size_t size);
    void (*local_address)(struct fl_io *io, struct fl_io_listener *listener, char *out, size_t size);

    /* Calls `flush` after each batch of completions, before the engine waits for more: the place to send what
     * a batch has gathered. At most FL_IO_FLUSH_MAX such hooks; each is called once per batch, in the order
     * in which they were added. */
    void (*add_flush)(struct fl_io *io, void (*flush)(void *context), void *context);
    void (*remove_flush)(struct fl_io *io, void (*flush)(void *context), void *context);

    /* Runs what is needed, and as little else as possible, until `op` is complete; returns its result. For
     * start-up, where recovery reads like a story: submit, wait, look. Not inside callbacks. */
    int64_t (*wait)(struct fl_io *io, struct fl_io_op *op);
};

#define FL_IO_FLUSH_MAX 8

struct fl_io {
    const struct fl_io_vtable *vtable;
};

/* --------------------------------------------------------------------------------------- the libuv engine */

/* Creates the portable engine. Errors: FL_ENOMEM, FL_EMFILE. */
FL_MUST_USE int fl_io_uv_create(struct fl_io **out);
/* Runs the loop until fl_io_uv_stop(). */
void fl_io_uv_run(struct fl_io *io);
/* Makes fl_io_uv_run() return soon. May be called from a signal handler or from another thread. */
void fl_io_uv_stop(struct fl_io *io);
/* Everything must be closed. */
void fl_io_uv_destroy(struct fl_io *io);

#ifdef __cplusplus
}
#endif

#endif
