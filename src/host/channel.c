/* channel.c - one connection to a peer, as frames.
 *
 * In: bytes become frames. A frame that lies whole in what the engine hands over is read where it lies; only
 * one that arrives in pieces is gathered in a buffer, whose size was checked before it grew.
 *
 * Out: two queues. Control is for small frames that must not wait behind large ones (votes, acknowledgements,
 * reads); bulk keeps its order (appends, the leader's heartbeats among them: a heartbeat that overtook
 * entries would make its answer look as if they were lost). One send is in flight at a time: all of control,
 * then bulk up to SEND_MAX. Whatever one turn of the loop gathers leaves together, when the transport
 * flushes.
 *
 * A queue is bytes written here and, between them, bodies of entries by reference, held until their send
 * completes. Small bodies are copied among the bytes: that costs less than a piece of their own. While one
 * half of a queue is being sent the other half fills, so nothing that the engine looks at ever moves.
 *
 * A channel that breaks, by the other side's doing or by a bad frame, says so once, with on_broken, and its
 * owner closes it. Its memory goes when the engine has let go of it. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

#define CREDIT (4u << 20)
#define SEND_MAX ((uint64_t)1 << 20)
#define PIECE_MAX ((size_t)256 << 10) /* Bytes written here are cut into pieces of about this size. */
#define COPY_MAX 1024                 /* A body up to this size is copied. */
#define CONTROL_MAX ((size_t)1 << 20)
#define BULK_MAX ((uint64_t)32 << 20) /* Beyond, nothing more is queued; above any window of the core. */
/* A buffer that grew larger than this is given back when it is empty. */
#define KEEP_MAX ((size_t)1 << 20)

static void on_data(void *context, const void *data, size_t size);
static void on_error(void *context, int error);
static void on_sent(struct fl_io_op *op);

struct fl__channel *fl__channel_create(struct fl_io *io, struct fl_io_stream *stream,
                                       const struct fl__channel_events *events, void *context, fl_time_us now)
{
    struct fl__channel *channel = calloc(1, sizeof *channel);
    if (!channel)
        return NULL;
    channel->io = io;
    channel->stream = stream;
    channel->events = events;
    channel->context = context;
    channel->frame_size_max = FL__GREETING_SIZE_MAX;
    channel->heard_at = channel->sent_at = now;
    channel->send.done = on_sent;
    channel->send.owner = channel;
    channel->stream_events = (struct fl_io_stream_events){on_data, on_error, channel};
    return channel;
}

void fl__channel_start(struct fl__channel *channel)
{
    channel->io->vtable->start(channel->io, channel->stream, &channel->stream_events, CREDIT);
}

/* ------------------------------------------------------------------------------------------------ closing */

static void reset_bulk(struct fl__bulk *bulk)
{
    for (uint32_t k = 0; k < bulk->piece_count; k++)
        fl__entry_release(bulk->pieces[k].entry);
    bulk->piece_count = bulk->first = bulk->sent = 0;
    bulk->waiting = 0;
    bulk->bytes.size = 0;
    if (bulk->bytes.capacity > KEEP_MAX)
        fl__buffer_release(&bulk->bytes);
}

static void free_channel(struct fl__channel *channel)
{
    for (int k = 0; k < 2; k++) {
        reset_bulk(&channel->bulk[k]);
        fl__buffer_release(&channel->bulk[k].bytes);
        free(channel->bulk[k].pieces);
        fl__buffer_release(&channel->control[k]);
    }
    fl__buffer_release(&channel->in);
    free(channel->gathered);
    free(channel);
}

/* The engine may complete what is in flight in any order. */
static void maybe_free(struct fl__channel *channel)
{
    if (!channel->is_closed || channel->is_sending || channel->is_shutting_down)
        return;
    channel->events->on_freed(channel->context, channel);
    free_channel(channel);
}

static void on_closed(struct fl_io_op *op)
{
    struct fl__channel *channel = op->owner;
    channel->is_closed = true;
    maybe_free(channel);
}

void fl__channel_close(struct fl__channel *channel)
{
    if (channel->is_closing)
        return;
    channel->is_closing = true;
    channel->close = (struct fl_io_op){.done = on_closed, .owner = channel};
    channel->io->vtable->close(channel->io, &channel->close, channel->stream);
}

static void break_channel(struct fl__channel *channel, int error)
{
    if (channel->is_closing || channel->is_broken)
        return;
    channel->is_broken = true;
    channel->events->on_broken(channel->context, channel, error);
    fl__channel_close(channel);
}

/* Whether it worked or not: now the other side closes, or the deadline does. */
static void on_shut_down(struct fl_io_op *op)
{
    struct fl__channel *channel = op->owner;
    channel->is_shutting_down = false;
    maybe_free(channel);
}

/* ---------------------------------------------------------------------------------------------- receiving */

/* Hands one whole frame to the owner. */
static void take_frame(struct fl__channel *channel, const uint8_t *data, size_t size)
{
    struct fl__frame frame;
    int result = fl__frame_open(data, size, &frame);
    if (result == FL_OK)
        result = channel->events->on_frame(channel->context, channel, &frame);
    if (result != FL_OK)
        break_channel(channel, result);
}

static bool is_done(const struct fl__channel *channel)
{
    return channel->is_closing || channel->is_finishing;
}

/* Takes whole frames from the front of data; returns how many bytes that used. */
static size_t take_frames(struct fl__channel *channel, const uint8_t *data, size_t size)
{
    size_t used = 0;
    while (!is_done(channel)) {
        size_t frame_size;
        int result = fl__frame_size(data + used, size - used, channel->frame_size_max, &frame_size);
        if (result != FL_OK) {
            break_channel(channel, result);
            break;
        }
        channel->frame_wanted = frame_size;
        if (frame_size == 0 || size - used < frame_size)
            break;
        take_frame(channel, data + used, frame_size);
        used += frame_size;
        channel->frame_wanted = 0;
    }
    return used;
}

/* Adds to the gathered beginning of a frame no more than completes it, or its header; returns how many
 * bytes. */
static size_t gather(struct fl__channel *channel, const uint8_t *data, size_t size)
{
    size_t wanted = channel->frame_wanted ? channel->frame_wanted : FL__FRAME_HEADER_SIZE;
    size_t added = wanted - channel->in.size < size ? wanted - channel->in.size : size;
    fl__buffer_put(&channel->in, data, added);
    if (channel->in.failed) {
        break_channel(channel, FL_ENOMEM);
        return size;
    }
    size_t used = take_frames(channel, channel->in.data, channel->in.size);
    if (used > 0) {
        fl_assert(used == channel->in.size);
        channel->in.size = 0;
        if (channel->in.capacity > KEEP_MAX)
            fl__buffer_release(&channel->in);
    }
    return added;
}

static void receive(struct fl__channel *channel, const uint8_t *data, size_t size)
{
    while (size > 0 && !is_done(channel)) {
        size_t used = channel->in.size > 0 ? 0 : take_frames(channel, data, size);
        if (used == 0 && !is_done(channel))
            used = gather(channel, data, size);
        data += used;
        size -= used;
    }
}

static void on_data(void *context, const void *data, size_t size)
{
    struct fl__channel *channel = context;
    if (size == 0) {
        break_channel(channel, FL_ECLOSED);
        return;
    }
    if (!is_done(channel)) {
        channel->heard_at = channel->io->vtable->now(channel->io);
        receive(channel, data, size);
    }
    if (!channel->is_closing)
        channel->io->vtable->add_credit(channel->io, channel->stream, size);
}

static void on_error(void *context, int error)
{
    break_channel(context, error);
}

/* ------------------------------------------------------------------------------------------------ queuing */

struct fl__buffer *fl__channel_control(struct fl__channel *channel)
{
    struct fl__buffer *control = &channel->control[channel->filling_control];
    bool open = !channel->is_closing && !channel->is_finishing && control->size < CONTROL_MAX;
    return open ? control : NULL;
}

static struct fl__bulk *filling(struct fl__channel *channel)
{
    return &channel->bulk[channel->filling_bulk];
}

bool fl__channel_has_room(const struct fl__channel *channel)
{
    uint64_t waiting = channel->bulk[0].waiting + channel->bulk[1].waiting;
    return !channel->is_closing && !channel->is_finishing && waiting < BULK_MAX;
}

static struct fl__piece *add_piece(struct fl__bulk *bulk)
{
    if (bulk->piece_count == bulk->piece_capacity) {
        uint32_t capacity = bulk->piece_capacity ? bulk->piece_capacity * 2 : 16;
        struct fl__piece *pieces = realloc(bulk->pieces, capacity * sizeof *pieces);
        if (!pieces)
            return NULL;
        bulk->pieces = pieces;
        bulk->piece_capacity = capacity;
    }
    struct fl__piece *piece = &bulk->pieces[bulk->piece_count++];
    *piece = (struct fl__piece){0};
    return piece;
}

/* Everything written since `from` becomes part of the queue, in the last piece of bytes or in a new one. */
static bool add_bytes(struct fl__bulk *bulk, size_t from)
{
    size_t size = bulk->bytes.size - from;
    if (size == 0)
        return true;
    struct fl__piece *last = bulk->piece_count > bulk->first ? &bulk->pieces[bulk->piece_count - 1] : NULL;
    if (!last || last->entry || last->size >= PIECE_MAX || last->offset + last->size != from) {
        last = add_piece(bulk);
        if (!last)
            return false;
        last->offset = from;
    }
    last->size += size;
    last->ends_frame = false; /* Until its frame is whole. */
    bulk->waiting += size;
    return true;
}

static bool add_body(struct fl__bulk *bulk, struct fl__entry *entry)
{
    size_t from = bulk->bytes.size;
    if (entry->size <= COPY_MAX) {
        fl__buffer_put(&bulk->bytes, entry->body, entry->size);
        return !bulk->bytes.failed && add_bytes(bulk, from);
    }
    struct fl__piece *piece = add_piece(bulk);
    if (!piece)
        return false;
    piece->entry = fl__entry_hold(entry);
    piece->size = entry->size;
    bulk->waiting += entry->size;
    return true;
}

/* What must be known to take back a frame that found no memory half-way. */
struct mark {
    size_t bytes_size, last_size;
    uint32_t piece_count;
    uint64_t waiting;
};

static struct mark take_mark(const struct fl__bulk *bulk)
{
    uint32_t count = bulk->piece_count;
    return (struct mark){bulk->bytes.size, count ? bulk->pieces[count - 1].size : 0, count, bulk->waiting};
}

static void end_frame(struct fl__bulk *bulk)
{
    bulk->pieces[bulk->piece_count - 1].ends_frame = true;
}

static void roll_back(struct fl__bulk *bulk, const struct mark *mark)
{
    while (bulk->piece_count > mark->piece_count)
        fl__entry_release(bulk->pieces[--bulk->piece_count].entry);
    if (mark->piece_count > 0) {
        bulk->pieces[mark->piece_count - 1].size = mark->last_size;
        end_frame(bulk);
    }
    bulk->bytes.size = mark->bytes_size;
    bulk->bytes.failed = false;
    bulk->waiting = mark->waiting;
}

int fl__channel_send_message(struct fl__channel *channel, const struct fl_message *message,
                             struct fl__entry *const *entries, uint32_t entry_count)
{
    if (!fl__channel_has_room(channel))
        return FL_EFULL;
    struct fl__bulk *bulk = filling(channel);
    struct mark mark = take_mark(bulk);
    bool fits = fl__frame_put_message(&bulk->bytes, message, entries, entry_count) == FL_OK &&
                add_bytes(bulk, mark.bytes_size);
    for (uint32_t k = 0; fits && k < entry_count; k++)
        fits = add_body(bulk, entries[k]);
    if (!fits) {
        roll_back(bulk, &mark);
        return FL_ENOMEM;
    }
    end_frame(bulk);
    return FL_OK;
}

struct fl__buffer *fl__channel_bulk_begin(struct fl__channel *channel)
{
    return fl__channel_has_room(channel) ? &filling(channel)->bytes : NULL;
}

int fl__channel_bulk_end(struct fl__channel *channel, size_t begin)
{
    struct fl__bulk *bulk = filling(channel);
    if (bulk->bytes.size == begin)
        return FL_ENOMEM; /* The frame found no memory and is gone. */
    if (!add_bytes(bulk, begin)) {
        bulk->bytes.size = begin;
        return FL_ENOMEM;
    }
    end_frame(bulk);
    return FL_OK;
}

/* ------------------------------------------------------------------------------------------------ sending */

static bool gather_piece(struct fl__channel *channel, uint32_t count, const void *data, size_t size)
{
    if (count >= channel->gathered_capacity) {
        uint32_t capacity = channel->gathered_capacity ? channel->gathered_capacity * 2 : 16;
        struct fl_io_buffer *gathered = realloc(channel->gathered, capacity * sizeof *gathered);
        if (!gathered)
            return false;
        channel->gathered = gathered;
        channel->gathered_capacity = capacity;
    }
    channel->gathered[count] = (struct fl_io_buffer){.data = data, .size = size};
    return true;
}

/* Gathers whole frames of the half being sent, at least one, up to about SEND_MAX. False: no memory. */
static bool gather_bulk(struct fl__channel *channel, struct fl__bulk *bulk, uint32_t *count)
{
    uint64_t size = 0;
    while (bulk->sent < bulk->piece_count) {
        const struct fl__piece *piece = &bulk->pieces[bulk->sent];
        const void *data = piece->entry ? piece->entry->body : bulk->bytes.data + piece->offset;
        if (!gather_piece(channel, *count, data, piece->size))
            return false;
        (*count)++;
        bulk->sent++;
        size += piece->size;
        if (size >= SEND_MAX && piece->ends_frame)
            break;
    }
    return true;
}

/* The half that is being sent, or if that is empty the other one, which then fills no more. */
static struct fl__bulk *choose_bulk(struct fl__channel *channel)
{
    struct fl__bulk *draining = &channel->bulk[1 - channel->filling_bulk];
    if (draining->first < draining->piece_count)
        return draining;
    if (filling(channel)->piece_count == 0)
        return NULL;
    channel->filling_bulk = (uint8_t)(1 - channel->filling_bulk);
    return &channel->bulk[1 - channel->filling_bulk];
}

static void maybe_shut_down(struct fl__channel *channel)
{
    if (!channel->is_finishing || channel->is_shut_down)
        return;
    channel->is_shut_down = channel->is_shutting_down = true;
    channel->shutdown = (struct fl_io_op){.done = on_shut_down, .owner = channel};
    channel->io->vtable->shutdown(channel->io, &channel->shutdown, channel->stream);
}

void fl__channel_flush(struct fl__channel *channel, fl_time_us now)
{
    if (channel->is_closing || channel->is_sending)
        return;
    uint32_t count = 0;
    struct fl__buffer *control = &channel->control[channel->filling_control];
    if (control->size > 0) {
        if (!gather_piece(channel, count, control->data, control->size)) {
            break_channel(channel, FL_ENOMEM);
            return;
        }
        count++;
        channel->filling_control = (uint8_t)(1 - channel->filling_control);
    }
    struct fl__bulk *bulk = choose_bulk(channel);
    if (bulk && !gather_bulk(channel, bulk, &count)) {
        break_channel(channel, FL_ENOMEM);
        return;
    }
    if (count == 0) {
        maybe_shut_down(channel);
        return;
    }
    channel->is_sending = true;
    channel->sent_at = now;
    channel->io->vtable->send(channel->io, &channel->send, channel->stream, channel->gathered, count);
}

static void on_sent(struct fl_io_op *op)
{
    struct fl__channel *channel = op->owner;
    channel->is_sending = false;
    channel->control[1 - channel->filling_control].size = 0;
    struct fl__bulk *bulk = &channel->bulk[1 - channel->filling_bulk];
    for (; bulk->first < bulk->sent; bulk->first++) {
        struct fl__piece *piece = &bulk->pieces[bulk->first];
        bulk->waiting -= piece->size;
        fl__entry_release(piece->entry);
        piece->entry = NULL;
    }
    if (bulk->first == bulk->piece_count)
        reset_bulk(bulk);
    if (op->result < 0)
        break_channel(channel, (int)op->result);
    maybe_free(channel);
}

void fl__channel_finish(struct fl__channel *channel, fl_time_us deadline)
{
    channel->is_finishing = true;
    channel->deadline = deadline;
}
