/* uv_net.c - streams: what goes in and out of a connection.
 *
 * A send is tried at once; only what the socket does not take waits for the loop. Receiving uses one buffer
 * for all streams. Credit that is given back while its bytes are being looked at never stops the receiving:
 * to stop and to start again would cost two calls of the system for each request of a client. */
#include "engine.h"

#include <stdlib.h>

/* Buffers of one attempt to send. */
enum { VECTOR_MAX = 128 };

struct fl_io_stream {
    uv_tcp_t tcp;
    struct engine *engine;
    struct fl_io_stream_events events;
    uint64_t credit;
    bool is_started, is_receiving, is_ended, is_closing;
    uv_shutdown_t shutdown;
    struct fl_io_op *shutdown_op, *close_op; /* NULL; close_op also for a stream that nobody was given. */
};

struct fl_io_stream *fl__stream_create(struct engine *engine)
{
    struct fl_io_stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    stream->engine = engine;
    fl_assert(uv_tcp_init(&engine->loop, &stream->tcp) == 0); /* Opens nothing yet. */
    stream->tcp.data = stream;
    return stream;
}

uv_tcp_t *fl__stream_tcp(struct fl_io_stream *stream)
{
    return &stream->tcp;
}

static void on_closed(uv_handle_t *handle)
{
    struct fl_io_stream *stream = handle->data;
    /* Sends that were in flight have been put in the queue before. */
    if (stream->close_op)
        fl__op_complete(stream->engine, stream->close_op, FL_OK);
    fl__listen_resume(stream->engine);
    free(stream);
}

void fl__stream_abandon(struct fl_io_stream *stream)
{
    if (!uv_is_closing((uv_handle_t *)&stream->tcp))
        uv_close((uv_handle_t *)&stream->tcp, on_closed);
}

void fl__stream_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    fl_assert(!stream->is_closing);
    stream->is_closing = true;
    stream->close_op = op;
    op->engine = &engine_of(io)->busy;
    uv_close((uv_handle_t *)&stream->tcp, on_closed);
}

void fl__stream_peer_address(struct fl_io *io, struct fl_io_stream *stream, char *out, size_t size)
{
    (void)io;
    struct sockaddr_storage address = {0};
    int length = sizeof address;
    (void)uv_tcp_getpeername(&stream->tcp, (struct sockaddr *)&address, &length);
    fl__address_print((struct sockaddr *)&address, out, size);
}

/* ---------------------------------------------------------------------------------------------- receiving */

static void on_allocate(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    struct fl_io_stream *stream = handle->data;
    buffer->base = stream->engine->receive;
    buffer->len = stream->credit < FL__RECEIVE_SIZE ? (size_t)stream->credit : FL__RECEIVE_SIZE;
}

static void stop_receiving(struct fl_io_stream *stream)
{
    stream->is_receiving = false;
    uv_read_stop((uv_stream_t *)&stream->tcp);
}

static void on_receive(uv_stream_t *tcp, ssize_t size, const uv_buf_t *buffer)
{
    struct fl_io_stream *stream = tcp->data;
    if (size == 0)
        return; /* Nothing was there after all. */
    if (size < 0) {
        stop_receiving(stream);
        stream->is_ended = true;
        if (size == UV_EOF)
            stream->events.on_data(stream->events.context, NULL, 0);
        else
            stream->events.on_error(stream->events.context, fl__engine_error((int)size));
        return;
    }
    stream->credit -= (uint64_t)size;
    stream->engine->now = 0; /* It may say what time it was when it was sent, and that is past. */
    stream->events.on_data(stream->events.context, buffer->base, (size_t)size);
    if (stream->credit == 0 && !stream->is_closing)
        stop_receiving(stream);
}

static void receive_if_wanted(struct fl_io_stream *stream)
{
    if (!stream->is_started || stream->is_receiving || stream->is_ended || stream->is_closing ||
        stream->credit == 0)
        return;
    stream->is_receiving = uv_read_start((uv_stream_t *)&stream->tcp, on_allocate, on_receive) == 0;
}

void fl__stream_start(struct fl_io *io, struct fl_io_stream *stream, const struct fl_io_stream_events *events,
                      uint64_t credit)
{
    (void)io;
    stream->events = *events;
    stream->credit = credit;
    stream->is_started = true;
    receive_if_wanted(stream);
}

void fl__stream_add_credit(struct fl_io *io, struct fl_io_stream *stream, uint64_t bytes)
{
    (void)io;
    stream->credit += bytes;
    receive_if_wanted(stream);
}

/* ------------------------------------------------------------------------------------------------ sending */

static size_t size_of(const struct fl_io_buffer *buffers, uint32_t count)
{
    size_t size = 0;
    for (uint32_t k = 0; k < count; k++)
        size += buffers[k].size;
    return size;
}

static uv_buf_t as_libuv(const struct fl_io_buffer *buffer, size_t skipped)
{
    return (uv_buf_t){.base = (char *)(uintptr_t)buffer->data + skipped, .len = buffer->size - skipped};
}

/* Hands the socket what it takes now; how much that was, or libuv's error. */
static int64_t try_send(struct fl_io_stream *stream, const struct fl_io_buffer *buffers, uint32_t count)
{
    uv_buf_t vector[VECTOR_MAX];
    int64_t total = 0;
    for (uint32_t at = 0; at < count; at += VECTOR_MAX) {
        uint32_t part = count - at < VECTOR_MAX ? count - at : VECTOR_MAX;
        for (uint32_t k = 0; k < part; k++)
            vector[k] = as_libuv(&buffers[at + k], 0);
        int sent = uv_try_write((uv_stream_t *)&stream->tcp, vector, part);
        if (sent == UV_EAGAIN)
            return total;
        if (sent < 0)
            return sent;
        total += sent;
        if ((size_t)sent < size_of(buffers + at, part))
            return total;
    }
    return total;
}

static void on_written(uv_write_t *write, int status)
{
    struct send_request *request = write->data;
    free(request->rest);
    int result = status == 0 ? FL_OK : status == UV_ECANCELED ? FL_ECANCELED : FL_ECLOSED;
    fl__request_complete(request, result);
}

/* libuv's form of the buffers without their first `sent` bytes. From malloc; NULL: there is no memory. */
static uv_buf_t *remaining_buffers(const struct fl_io_buffer *buffers, uint32_t count, size_t sent,
                                   unsigned *left)
{
    uv_buf_t *out = malloc(count * sizeof *out);
    *left = 0;
    for (uint32_t k = 0; out && k < count; k++) {
        if (sent < buffers[k].size) {
            out[(*left)++] = as_libuv(&buffers[k], sent);
            sent = 0;
        } else {
            sent -= buffers[k].size;
        }
    }
    return out;
}

/* The socket is full: libuv sends the rest when it can. */
static void send_rest(struct fl_io_stream *stream, struct fl_io_op *op, const struct fl_io_buffer *buffers,
                      uint32_t count, size_t sent)
{
    unsigned left;
    struct send_request *request = fl__request_take(stream->engine, op, REQUEST_SEND);
    if (!request)
        return;
    request->write.data = request;
    request->rest = remaining_buffers(buffers, count, sent, &left);
    if (request->rest &&
        uv_write(&request->write, (uv_stream_t *)&stream->tcp, request->rest, left, on_written) == 0)
        return;
    int result = request->rest ? FL_ECLOSED : FL_ENOMEM;
    free(request->rest);
    fl__request_complete(request, result);
}

void fl__stream_send(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream,
                     const struct fl_io_buffer *buffers, uint32_t count)
{
    struct engine *engine = engine_of(io);
    if (stream->is_closing) {
        fl__op_complete(engine, op, FL_ECANCELED);
        return;
    }
    int64_t sent = try_send(stream, buffers, count);
    if (sent < 0)
        fl__op_complete(engine, op, FL_ECLOSED);
    else if ((size_t)sent == size_of(buffers, count))
        fl__op_complete(engine, op, FL_OK);
    else
        send_rest(stream, op, buffers, count, (size_t)sent);
}

static void on_shut_down(uv_shutdown_t *shutdown, int status)
{
    struct fl_io_stream *stream = shutdown->data;
    int result = status == 0 ? FL_OK : status == UV_ECANCELED ? FL_ECANCELED : FL_ECLOSED;
    fl__op_complete(stream->engine, stream->shutdown_op, result);
}

void fl__stream_shutdown(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    struct engine *engine = engine_of(io);
    stream->shutdown.data = stream;
    if (stream->is_closing || stream->shutdown_op ||
        uv_shutdown(&stream->shutdown, (uv_stream_t *)&stream->tcp, on_shut_down) != 0) {
        fl__op_complete(engine, op, stream->is_closing ? FL_ECANCELED : FL_ECLOSED);
        return;
    }
    stream->shutdown_op = op;
    op->engine = &engine->busy;
}
