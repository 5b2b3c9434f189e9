/* memory_net.c - the network between the engines of a world.
 *
 * A connection is two streams, one for each end. What one sends waits as segments in the other's inbox, until
 * their time has come and the reader has credit. An inbox has room for so many bytes; sends beyond it wait in
 * their stream, in order, a shutdown among them. An end that is closed leaves the other one what it sent and
 * then the end of it, or a reset if it had not read everything itself: as TCP does.
 *
 * On a link that is cut segments wait without a time, and an end hears nothing of what the other one does.
 * When it is up again they get their times, and ends that lost their other one meanwhile hear that.
 *
 * Addresses are compared as text. */
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPE_SIZE = 65536, CONNECT_US_MAX = 3000000 };

#define MILLION 1000000

/* Bytes on their way; without bytes: the end. */
struct segment {
    struct segment *next;
    fl_time_us at;
    size_t size, taken;
    uint8_t data[];
};

struct fl_io_stream {
    struct fl__event event; /* First. That it is accepted, then whatever comes in. */
    struct fl__memory *engine;
    struct fl_io_stream *next, *previous; /* Of the engine. */
    struct fl_io_stream *peer;            /* NULL: closed, or broken. */
    uint32_t far;                         /* The other end's place. */
    struct fl_io_listener *listener;      /* NULL: dialled, or accepted. */
    struct fl_io_stream_events events;
    uint64_t credit;
    bool is_started, is_ended, is_closing;
    bool is_shut, is_end_sent; /* Takes no more sends; has sent them all. */
    int error;                 /* It is broken, and this is what its owner hears; or FL_OK. */
    struct segment *first_segment, *last_segment;
    size_t inbox_size;
    struct fl__request **sends; /* Not taken whole yet, oldest first. */
    size_t send_count, send_capacity;
    char peer_address[FL_ADDRESS_MAX];
};

struct fl_io_listener {
    struct fl_io_listener *next; /* Of the world. */
    struct fl__memory *engine;
    void (*on_accept)(void *context, struct fl_io_stream *stream);
    void *context;
    char address[FL_ADDRESS_MAX];
};

static fl_time_us arrival(struct fl__world *world)
{
    return world->now + fl__memory_draw(&world->random, world->settings.network_time_us_min,
                                        world->settings.network_time_us_max);
}

static bool is_cut_from(const struct fl_io_stream *stream)
{
    return stream->engine->world->cut[stream->far][stream->engine->place];
}

/* ---------------------------------------------------------------------------------------------- receiving */

static void receive(struct fl__event *event);

static void schedule(struct fl_io_stream *stream)
{
    bool listens = stream->is_started && !stream->is_ended && !stream->is_closing && stream->credit > 0;
    if (!listens || stream->event.position > 0 || (!stream->first_segment && !stream->error))
        return;
    if (!stream->error && stream->first_segment->at == UINT64_MAX)
        return;
    stream->event.happen = receive;
    fl__event_post(&stream->event, stream->engine, stream->error ? 0 : stream->first_segment->at);
}

/* When what is sent to the stream now arrives. */
static fl_time_us arrival_at(const struct fl_io_stream *stream)
{
    struct fl__world *world = stream->engine->world;
    const struct fl__world_settings *settings = &world->settings;
    fl_time_us at = arrival(world);
    if (settings->late_chance > 0 && fl__memory_draw(&world->random, 1, MILLION) <= settings->late_chance)
        at += fl__memory_draw(&world->random, 0, settings->late_us_max);
    if (stream->last_segment && stream->last_segment->at > at)
        at = stream->last_segment->at;
    return is_cut_from(stream) ? UINT64_MAX : at;
}

static void maybe_flip(const struct fl_io_stream *stream, struct segment *segment)
{
    struct fl__world *world = stream->engine->world;
    bool is_exposed = stream->far != 0 && stream->engine->place != 0 && segment->size > 0;
    if (!is_exposed || world->settings.flip_chance == 0 ||
        fl__memory_draw(&world->random, 1, MILLION) > world->settings.flip_chance)
        return;
    uint64_t bit = fl__memory_draw(&world->random, 0, segment->size * 8 - 1);
    segment->data[bit / 8] ^= (uint8_t)(1 << bit % 8);
}

static void append_segment(struct fl_io_stream *stream, size_t size, const struct fl__request *from)
{
    struct segment *segment = fl__memory_take(sizeof *segment + size);
    segment->at = arrival_at(stream);
    segment->size = size;
    size_t skip = from ? (size_t)from->offset : 0, done = 0;
    for (uint32_t k = 0; done < size; k++) {
        const struct fl_io_buffer *buffer = &from->buffers[k];
        size_t n = buffer->size > skip ? buffer->size - skip : 0;
        n = n < size - done ? n : size - done;
        if (n > 0)
            memcpy(segment->data + done, (const uint8_t *)buffer->data + skip, n);
        skip -= skip < buffer->size ? skip : buffer->size;
        done += n;
    }
    maybe_flip(stream, segment);
    if (stream->last_segment)
        stream->last_segment->next = segment;
    else
        stream->first_segment = segment;
    stream->last_segment = segment;
    stream->inbox_size += size;
    schedule(stream);
}

static void drop_first_segment(struct fl_io_stream *stream)
{
    struct segment *segment = stream->first_segment;
    stream->first_segment = segment->next;
    if (!stream->first_segment)
        stream->last_segment = NULL;
    stream->inbox_size -= segment->size - segment->taken;
    free(segment);
}

static void take_sends(struct fl_io_stream *stream);

/* The bytes that have arrived, as many as credit and chance allow. From malloc. */
static uint8_t *collect(struct fl_io_stream *stream, size_t *size)
{
    struct fl__world *world = stream->engine->world;
    size_t wanted = 0, done = 0;
    for (struct segment *segment = stream->first_segment; segment && segment->size > 0;
         segment = segment->next)
        if (segment->at <= world->now)
            wanted += segment->size - segment->taken;
    if (world->settings.chunk_size_max > 0) {
        uint64_t chunk = fl__memory_draw(&world->random, 1, world->settings.chunk_size_max);
        wanted = wanted < chunk ? wanted : (size_t)chunk;
    }
    wanted = wanted < stream->credit ? wanted : (size_t)stream->credit;
    uint8_t *data = fl__memory_take(wanted);
    while (done < wanted) {
        struct segment *segment = stream->first_segment;
        size_t n = segment->size - segment->taken;
        n = n < wanted - done ? n : wanted - done;
        memcpy(data + done, segment->data + segment->taken, n);
        segment->taken += n;
        stream->inbox_size -= n;
        done += n;
        if (segment->taken == segment->size)
            drop_first_segment(stream);
    }
    *size = wanted;
    return data;
}

static void receive(struct fl__event *event)
{
    struct fl_io_stream *stream = (struct fl_io_stream *)(void *)event;
    if (stream->error) {
        stream->is_ended = true;
        stream->events.on_error(stream->events.context, stream->error);
        return;
    }
    if (stream->first_segment->size == 0) {
        drop_first_segment(stream);
        stream->is_ended = true;
        stream->events.on_data(stream->events.context, NULL, 0);
        return;
    }
    size_t size;
    uint8_t *data = collect(stream, &size);
    for (size_t k = 0; k + 8 <= size; k += 8) {
        uint64_t word;
        memcpy(&word, data + k, sizeof word);
        fl__world_note(stream->engine->world, word);
    }
    fl__world_note(stream->engine->world, size);
    stream->credit -= size;
    if (stream->peer)
        take_sends(stream->peer);
    schedule(stream);
    stream->events.on_data(stream->events.context, data, size);
    free(data);
}

static void start(struct fl_io *io, struct fl_io_stream *stream, const struct fl_io_stream_events *events,
                  uint64_t credit)
{
    (void)io;
    fl_assert(!stream->is_started);
    stream->events = *events;
    stream->credit = credit;
    stream->is_started = true;
    schedule(stream);
}

static void add_credit(struct fl_io *io, struct fl_io_stream *stream, uint64_t bytes)
{
    (void)io;
    stream->credit += bytes;
    schedule(stream);
}

/* ------------------------------------------------------------------------------------------------ sending */

/* Moves what the other end's inbox has room for. */
static void take_sends(struct fl_io_stream *stream)
{
    struct fl_io_stream *peer = stream->peer;
    const struct fl__world_settings *settings = &stream->engine->world->settings;
    size_t room_max = settings->pipe_size ? settings->pipe_size : PIPE_SIZE, finished = 0;
    for (; finished < stream->send_count; finished++) {
        struct fl__request *request = stream->sends[finished];
        size_t left = request->size - (size_t)request->offset;
        size_t room = peer->inbox_size < room_max ? room_max - peer->inbox_size : 0;
        size_t n = left < room ? left : room;
        if (n > 0 || request->flags)
            append_segment(peer, n, request);
        stream->is_end_sent |= request->flags != 0;
        request->offset += n;
        if (n < left)
            break;
        fl__request_end(request, FL_OK);
    }
    stream->send_count -= finished;
    memmove(stream->sends, stream->sends + finished, stream->send_count * sizeof(struct fl__request *));
}

static void queue_send(struct fl_io_stream *stream, struct fl__request *request)
{
    if (stream->is_closing || stream->error || stream->is_shut || !stream->peer) {
        fl__request_end(request, stream->engine->is_crashed ? FL_EIO
                                 : stream->is_closing       ? FL_ECANCELED
                                                            : FL_ECLOSED);
        return;
    }
    if (stream->send_count == stream->send_capacity) {
        stream->send_capacity = stream->send_capacity ? 2 * stream->send_capacity : 4;
        stream->sends = realloc(stream->sends, stream->send_capacity * sizeof(struct fl__request *));
        if (!stream->sends)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    stream->sends[stream->send_count++] = request;
    take_sends(stream);
}

static void fail_sends(struct fl_io_stream *stream, int error)
{
    for (size_t k = 0; k < stream->send_count; k++)
        fl__request_end(stream->sends[k], error);
    stream->send_count = 0;
}

static void send_buffers(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream,
                         const struct fl_io_buffer *buffers, uint32_t count)
{
    struct fl__request *request = fl__request_create(fl__memory_of(io), op);
    request->buffers = fl__memory_take(count * sizeof *buffers);
    for (uint32_t k = 0; k < count; k++) {
        request->buffers[k] = buffers[k];
        request->size += buffers[k].size;
    }
    request->buffer_count = count;
    const struct fl__world_settings *settings = &stream->engine->world->settings;
    if (settings->on_send && !stream->engine->is_crashed)
        settings->on_send(settings->on_send_context, stream->engine->disk, buffers, count);
    queue_send(stream, request);
}

static void shut_down(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    struct fl__request *request = fl__request_create(fl__memory_of(io), op);
    request->flags = 1; /* The end. */
    queue_send(stream, request);
    stream->is_shut = true;
}

/* ----------------------------------------------------------------------------------------------- breaking */

static void break_stream(struct fl_io_stream *stream, int error)
{
    if (stream->peer)
        stream->peer->peer = NULL;
    stream->peer = NULL;
    while (stream->first_segment)
        drop_first_segment(stream);
    if (stream->is_closing)
        return;
    stream->error = error;
    fail_sends(stream, error);
    if (stream->event.happen == receive)
        fl__event_remove(&stream->event);
    schedule(stream);
}

/* The other end is gone, or has reset the connection. */
static void break_far_end(struct fl_io_stream *peer)
{
    if (is_cut_from(peer))
        peer->peer = NULL; /* It hears of that when the link is up again. */
    else
        break_stream(peer, FL_ECLOSED);
}

void fl__memory_reset(struct fl_io *io, struct fl_io_stream *stream)
{
    (void)io;
    struct fl_io_stream *peer = stream->peer;
    break_stream(stream, FL_ECLOSED);
    if (peer)
        break_far_end(peer);
}

bool fl__memory_reset_one(struct fl_io *io, uint64_t k)
{
    struct fl__memory *engine = fl__memory_of(io);
    uint64_t count = 0;
    for (struct fl_io_stream *stream = engine->streams; stream; stream = stream->next)
        count += stream->peer && !stream->listener;
    if (count == 0)
        return false;
    k %= count;
    struct fl_io_stream *stream = engine->streams;
    while (!stream->peer || stream->listener || k-- > 0)
        stream = stream->next;
    fl__memory_reset(io, stream);
    return true;
}

void fl__net_heal(struct fl__world *world, uint32_t from, uint32_t to)
{
    for (struct fl__memory *engine = world->engines; engine; engine = engine->next) {
        for (struct fl_io_stream *stream = engine->streams; stream && engine->place == to;
             stream = stream->next) {
            if (stream->far != from)
                continue;
            for (struct segment *segment = stream->first_segment; segment; segment = segment->next)
                if (segment->at == UINT64_MAX)
                    segment->at = world->now + world->settings.network_time_us_max;
            bool ends = stream->last_segment && stream->last_segment->size == 0;
            if (!stream->peer && !stream->error && !stream->is_ended && !ends)
                break_stream(stream, FL_ECLOSED);
            schedule(stream);
        }
    }
}

/* What the other end sees of a closing. */
static void part(struct fl_io_stream *stream)
{
    struct fl_io_stream *peer = stream->peer;
    if (!peer)
        return;
    if (stream->inbox_size > 0) {
        stream->peer = NULL;
        break_far_end(peer);
        return;
    }
    if (!stream->is_end_sent)
        append_segment(peer, 0, NULL);
    peer->peer = NULL;
    stream->peer = NULL;
    fail_sends(peer, FL_ECLOSED);
}

static struct fl_io_stream *create_stream(struct fl__memory *engine)
{
    struct fl_io_stream *stream = fl__memory_take(sizeof *stream);
    stream->engine = engine;
    stream->event.engine = engine;
    stream->next = engine->streams;
    if (engine->streams)
        engine->streams->previous = stream;
    engine->streams = stream;
    return stream;
}

static void destroy_stream(struct fl_io_stream *stream)
{
    fl__event_remove(&stream->event);
    if (stream->previous)
        stream->previous->next = stream->next;
    else
        stream->engine->streams = stream->next;
    if (stream->next)
        stream->next->previous = stream->previous;
    while (stream->first_segment)
        drop_first_segment(stream);
    free(stream->sends);
    free(stream);
}

static int64_t perform_close(struct fl__request *request)
{
    destroy_stream(request->stream);
    return FL_OK;
}

static void close_stream(struct fl_io *io, struct fl_io_op *op, struct fl_io_stream *stream)
{
    fl_assert(!stream->is_closing);
    stream->is_closing = true;
    fail_sends(stream, FL_ECANCELED);
    fl__event_remove(&stream->event);
    part(stream);
    struct fl__request *request = fl__request_create(fl__memory_of(io), op);
    request->stream = stream;
    request->perform = perform_close;
    fl__request_post(request, 0);
}

/* ------------------------------------------------------------------------------- listening and connecting */

static struct fl_io_listener *find_listener(struct fl__world *world, const char *address)
{
    struct fl_io_listener *listener = world->listeners;
    while (listener && strcmp(listener->address, address) != 0)
        listener = listener->next;
    return listener;
}

/* Where the port begins; 0: that is no address. */
static size_t port_of(const char *address)
{
    const char *colon = strrchr(address, ':');
    bool is_good = colon && colon != address && colon[1] != '\0' && strlen(address) < FL_ADDRESS_MAX - 8;
    return is_good ? (size_t)(colon - address) + 1 : 0;
}

static int listen_at(struct fl_io *io, struct fl_io_listener **out, const char *address, bool privileged,
                     void (*on_accept)(void *context, struct fl_io_stream *stream), void *context)
{
    (void)privileged; /* There are always enough descriptors. */
    struct fl__memory *engine = fl__memory_of(io);
    struct fl__world *world = engine->world;
    size_t port = port_of(address);
    *out = NULL;
    if (engine->is_crashed)
        return FL_EIO;
    if (port == 0 || find_listener(world, address))
        return FL_EADDR;
    struct fl_io_listener *listener = fl__memory_take(sizeof *listener);
    *listener = (struct fl_io_listener){
        .next = world->listeners, .engine = engine, .on_accept = on_accept, .context = context};
    if (strcmp(address + port, "0") == 0)
        snprintf(listener->address, sizeof listener->address, "%.*s%u", (int)port, address,
                 ++world->last_port);
    else
        snprintf(listener->address, sizeof listener->address, "%s", address);
    world->listeners = listener;
    *out = listener;
    return FL_OK;
}

static void close_listener(struct fl_io *io, struct fl_io_listener *listener)
{
    struct fl__memory *engine = fl__memory_of(io);
    struct fl_io_listener **link = &engine->world->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    for (struct fl_io_stream *stream = engine->streams, *next; stream; stream = next) {
        next = stream->next;
        if (stream->listener != listener)
            continue;
        if (stream->peer)
            break_far_end(stream->peer);
        destroy_stream(stream);
    }
    free(listener);
}

static void accept_stream(struct fl__event *event)
{
    struct fl_io_stream *stream = (struct fl_io_stream *)(void *)event;
    struct fl_io_listener *listener = stream->listener;
    stream->listener = NULL;
    listener->on_accept(listener->context, stream);
}

/* In one direction at least: a handshake needs both. */
static bool is_cut_off(const struct fl__world *world, const struct fl__memory *engine,
                       const struct fl_io_listener *listener)
{
    uint32_t here = engine->place, there = listener->engine->place;
    return world->cut[here][there] || world->cut[there][here];
}

static int64_t perform_connect(struct fl__request *request)
{
    struct fl__memory *engine = request->event.engine;
    struct fl__world *world = engine->world;
    struct fl_io_listener *listener = find_listener(world, request->path);
    if (!listener || listener->engine->is_crashed || is_cut_off(world, engine, listener))
        return FL_EUNREACHABLE;
    struct fl_io_stream *stream = create_stream(engine), *peer = create_stream(listener->engine);
    stream->peer = peer;
    peer->peer = stream;
    stream->far = listener->engine->place;
    peer->far = engine->place;
    peer->listener = listener;
    snprintf(stream->peer_address, sizeof stream->peer_address, "%s", request->path);
    snprintf(peer->peer_address, sizeof peer->peer_address, "127.0.0.1:%u", ++world->last_port);
    peer->event.happen = accept_stream;
    fl__event_post(&peer->event, peer->engine, 0);
    request->op->stream = stream;
    return FL_OK;
}

static void connect_to(struct fl_io *io, struct fl_io_op *op, const char *address)
{
    struct fl__memory *engine = fl__memory_of(io);
    struct fl__request *request = fl__request_create(engine, op);
    op->stream = NULL;
    if (engine->is_crashed || port_of(address) == 0) {
        fl__request_end(request, engine->is_crashed ? FL_EIO : FL_EADDR);
        return;
    }
    request->path = fl__memory_copy_text(address);
    request->perform = perform_connect;
    const struct fl_io_listener *listener = find_listener(engine->world, address);
    bool waits = listener && is_cut_off(engine->world, engine, listener);
    fl__request_post(request, waits ? engine->world->now + CONNECT_US_MAX : arrival(engine->world));
}

void fl__net_cancel(struct fl__request *request)
{
    if (request->perform == perform_connect)
        fl__request_end(request, FL_ECANCELED);
}

static void peer_address(struct fl_io *io, struct fl_io_stream *stream, char *out, size_t size)
{
    (void)io;
    if (size > 0)
        snprintf(out, size, "%s", stream->peer_address);
}

static void local_address(struct fl_io *io, struct fl_io_listener *listener, char *out, size_t size)
{
    (void)io;
    if (size > 0)
        snprintf(out, size, "%s", listener->address);
}

/* --------------------------------------------------------------------------------------- the engine's end */

static struct fl_io_listener *listener_of(const struct fl__memory *engine)
{
    struct fl_io_listener *listener = engine->world->listeners;
    while (listener && listener->engine != engine)
        listener = listener->next;
    return listener;
}

void fl__net_crash(struct fl__memory *engine)
{
    for (struct fl_io_stream *stream = engine->streams; stream; stream = stream->next) {
        struct fl_io_stream *peer = stream->peer;
        break_stream(stream, FL_EIO);
        if (peer)
            break_far_end(peer);
    }
    for (struct fl__request *request = engine->first_request; request; request = request->next)
        if (request->perform == perform_connect)
            fl__request_end(request, FL_EIO);
}

uint32_t fl__memory_open_streams(const struct fl_io *io)
{
    uint32_t count = 0;
    const struct fl__memory *engine = (const struct fl__memory *)(const void *)io;
    for (const struct fl_io_stream *stream = engine->streams; stream; stream = stream->next)
        count++;
    return count;
}

void fl__net_release(struct fl__memory *engine)
{
    for (struct fl_io_listener *listener; (listener = listener_of(engine)) != NULL;)
        close_listener(&engine->io, listener);
    while (engine->streams) {
        struct fl_io_stream *stream = engine->streams;
        stream->send_count = 0; /* Their operations are dropped with all others. */
        stream->is_closing = true;
        part(stream);
        destroy_stream(stream);
    }
}

void fl__net_set(struct fl_io_vtable *vtable)
{
    vtable->listen = listen_at;
    vtable->close_listener = close_listener;
    vtable->connect = connect_to;
    vtable->start = start;
    vtable->add_credit = add_credit;
    vtable->send = send_buffers;
    vtable->shutdown = shut_down;
    vtable->close = close_stream;
    vtable->peer_address = peer_address;
    vtable->local_address = local_address;
}
