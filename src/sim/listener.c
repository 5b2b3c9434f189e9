/* listener.c - clients that listen to what others publish, and the judge of what they heard.
 *
 * An element that is published is appended to its list in the same entry (client.c); so the list tells, in
 * the end, in which order the messages stood in the log. The judge, rule L5: what one connection heard of a
 * list is a stretch of that order, without a gap and without anything twice. It begins behind all that was
 * acknowledged before SUBSCRIBE was sent, and leaves out nothing that was asked for after it was confirmed.
 * In peace it goes on to the last one.
 *
 * A listener asks PING now and then; if it hears nothing for long it gives its connection up, and now and
 * then without a reason. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_US (6 * FL__SECOND)
#define PAUSE_US (FL__SECOND / 2)
#define FICKLE_CHANCE 60 /* In a thousand thoughts, of which there are two in a second. */
#define CREDIT ((uint64_t)1 << 40)

static void think_soon(struct fl__sim_listener *listener);

static struct fl_io *io_of(const struct fl__sim_listener *listener)
{
    return listener->redis->io;
}

static const struct fl__life_plan *plan_of(const struct fl__sim_listener *listener)
{
    return &listener->redis->life->plan;
}

static fl_time_us now_of(const struct fl__sim_listener *listener)
{
    return fl__world_now(listener->redis->life->world);
}

static void *grow(void *memory, size_t *capacity, size_t need, size_t size)
{
    if (need <= *capacity)
        return memory;
    *capacity = 2 * need;
    memory = realloc(memory, *capacity * size);
    if (!memory)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return memory;
}

static struct fl__hearing *hearing_of(const struct fl__sim_listener *listener)
{
    return &listener->hearings[listener->hearing_count - 1];
}

/* ------------------------------------------------------------------------------------------------ hearing */

static void on_closed(struct fl_io_op *op)
{
    struct fl__sim_listener *listener = op->owner;
    listener->is_closing = false;
    listener->stream = NULL;
    think_soon(listener);
}

static void hang_up(struct fl__sim_listener *listener)
{
    listener->in_size = 0;
    if (!listener->stream || listener->is_closing)
        return;
    listener->is_closing = true;
    listener->closing = (struct fl_io_op){.done = on_closed, .owner = listener};
    io_of(listener)->vtable->close(io_of(listener), &listener->closing, listener->stream);
}

static bool is_text(const struct fl__sim_reply *reply, const char *text)
{
    return reply->size == strlen(text) && memcmp(reply->text, text, reply->size) == 0;
}

/* An element of a list, from a channel's name and a message. */
static void hear(struct fl__sim_listener *listener, const struct fl__sim_reply *channel,
                 const struct fl__sim_reply *message)
{
    struct fl__hearing *hearing = hearing_of(listener);
    hearing->heard = grow(hearing->heard, &hearing->capacity, hearing->count + 1, sizeof *hearing->heard);
    hearing->heard[hearing->count++] = (struct fl__heard){
        .list = (uint32_t)strtoul(channel->text + strlen("news"), NULL, 10),
        .element = strtoull(message->text, NULL, 10),
    };
}

/* Whether it is what this listener may hear. */
static bool take(struct fl__sim_listener *listener, const struct fl__sim_reply *items, uint32_t count)
{
    bool is_confirmation = count == 4 && items[3].type == ':' && listener->unconfirmed > 0;
    bool is_subscribed = listener->unconfirmed == 0;
    if (is_confirmation && --listener->unconfirmed == 0)
        hearing_of(listener)->confirmed = now_of(listener);
    else if (count == 4 && is_text(&items[1], "message") && is_subscribed)
        hear(listener, &items[2], &items[3]);
    else if (count == 5 && is_text(&items[1], "pmessage") && is_subscribed)
        hear(listener, &items[3], &items[4]);
    else if (!is_confirmation && !(count == 3 && is_text(&items[1], "pong")))
        return false;
    return true;
}

static void on_data(void *context, const void *data, size_t size)
{
    struct fl__sim_listener *listener = context;
    struct fl__sim_reply items[5];
    uint32_t count;
    size_t used = 0, n;
    bool is_fine = size > 0;
    listener->in = grow(listener->in, &listener->in_capacity, listener->in_size + size + 1, 1);
    if (is_fine)
        memcpy(listener->in + listener->in_size, data, size);
    listener->in_size += size;
    listener->heard_at = now_of(listener);
    while (is_fine &&
           (n = fl__sim_replies_read(listener->in + used, listener->in_size - used, items, 5, &count))) {
        is_fine = take(listener, items, count);
        if (!is_fine && items[0].type != '-')
            fl__life_fail(listener->redis->life, "V10",
                          "V10: a listener heard what is neither message nor answer");
        used += n;
    }
    listener->in_size -= used;
    memmove(listener->in, listener->in + used, listener->in_size);
    if (!is_fine) /* The end, or a refusal. */
        hang_up(listener);
}

static void on_error(void *context, int error)
{
    (void)error;
    hang_up(context);
}

/* ----------------------------------------------------------------------------------------- the connection */

static void on_sent(struct fl_io_op *op)
{
    struct fl__sim_listener *listener = op->owner;
    listener->is_sending = false;
    if (op->result < 0)
        hang_up(listener);
}

static void send_request(struct fl__sim_listener *listener)
{
    const struct fl_io_buffer buffer = {.data = listener->request, .size = strlen(listener->request)};
    listener->is_sending = true;
    listener->sending = (struct fl_io_op){.done = on_sent, .owner = listener};
    io_of(listener)->vtable->send(io_of(listener), &listener->sending, listener->stream, &buffer, 1);
}

static void subscribe(struct fl__sim_listener *listener)
{
    uint32_t count = plan_of(listener)->key_count;
    size_t size = sizeof listener->request;
    int at = snprintf(listener->request, size, listener->by_pattern ? "PSUBSCRIBE news*" : "SUBSCRIBE");
    for (uint32_t list = 0; list < count && !listener->by_pattern; list++)
        at += snprintf(listener->request + at, size - (size_t)at, " news%" PRIu32, list);
    snprintf(listener->request + at, size - (size_t)at, "\r\n");
    listener->unconfirmed = listener->by_pattern ? 1 : count;
    listener->hearings = grow(listener->hearings, &listener->hearing_capacity, listener->hearing_count + 1,
                              sizeof *listener->hearings);
    listener->hearings[listener->hearing_count++] =
        (struct fl__hearing){.node = listener->node, .asked = now_of(listener), .confirmed = FL__NEVER};
    send_request(listener);
}

static void on_connected(struct fl_io_op *op)
{
    struct fl__sim_listener *listener = op->owner;
    const struct fl_io_stream_events events = {.on_data = on_data, .on_error = on_error, .context = listener};
    listener->is_connecting = false;
    listener->heard_at = now_of(listener);
    if (op->result == FL_OK) {
        listener->stream = op->stream;
        io_of(listener)->vtable->start(io_of(listener), listener->stream, &events, CREDIT);
        subscribe(listener);
    }
    think_soon(listener);
}

static void connect_now(struct fl__sim_listener *listener)
{
    struct fl__redis *redis = listener->redis;
    listener->node = (uint32_t)fl__chance_below(&redis->chance, plan_of(listener)->count);
    listener->by_pattern = fl__chance_is(&redis->chance, 500);
    listener->is_connecting = true;
    listener->connecting = (struct fl_io_op){.done = on_connected, .owner = listener};
    io_of(listener)->vtable->connect(io_of(listener), &listener->connecting,
                                     redis->life->nodes[listener->node].client);
}

static void think(struct fl_io_op *op)
{
    struct fl__sim_listener *listener = op->owner;
    bool is_fickle = fl__chance_is(&listener->redis->chance, FICKLE_CHANCE);
    listener->is_timed = false;
    if (listener->is_connecting || listener->is_closing)
        return;
    if (!listener->stream && !listener->is_sending) {
        connect_now(listener);
        return;
    }
    bool is_stuck = now_of(listener) - listener->heard_at > PATIENCE_US;
    if (listener->stream && (is_stuck || (is_fickle && !listener->redis->life->is_peace))) {
        hang_up(listener);
        return;
    }
    if (listener->stream && !listener->is_sending) {
        snprintf(listener->request, sizeof listener->request, "PING\r\n");
        send_request(listener);
    }
    think_soon(listener);
}

static void think_soon(struct fl__sim_listener *listener)
{
    fl_time_us pause = 1 + fl__chance_below(&listener->redis->chance, 2 * PAUSE_US);
    if (listener->is_timed)
        return;
    listener->is_timed = true;
    listener->timer = (struct fl_io_op){.done = think, .owner = listener};
    io_of(listener)->vtable->timer(io_of(listener), &listener->timer, now_of(listener) + pause);
}

void fl__listener_open(struct fl__sim_listener *listener)
{
    think_soon(listener);
}

void fl__listener_release(struct fl__sim_listener *listener)
{
    for (size_t k = 0; k < listener->hearing_count; k++)
        free(listener->hearings[k].heard);
    free(listener->hearings);
    free(listener->in);
}

/* -------------------------------------------------------------------------------------------- the verdict */

/* The published elements of a list, in its order. */
struct order {
    uint64_t *places; /* By element, from 1; 0: it is not there, or was not published. */
    uint64_t last;    /* The last one of them; 0: there is none. */
    bool *published;
};

static void open_order(struct order *order, const struct fl__history *history, uint32_t list,
                       const char *bytes, size_t size)
{
    uint64_t count = 0, number = 0;
    *order = (struct order){.places = calloc(history->elements + 1, sizeof *order->places),
                            .published = calloc(history->elements + 1, sizeof *order->published)};
    if (!order->places || !order->published)
        fl_panic(__FILE__, __LINE__, "out of memory");
    for (size_t k = 0; k < history->count; k++)
        if (history->deeds[k].is_published && history->deeds[k].list == list)
            order->published[history->deeds[k].element] = true;
    for (size_t k = 0; k < size; k++) {
        if (bytes[k] >= '0' && bytes[k] <= '9')
            number = number * 10 + (uint64_t)(bytes[k] - '0');
        if (bytes[k] != ';')
            continue;
        if (number <= history->elements && order->published[number]) {
            order->places[number] = ++count;
            order->last = number;
        }
        number = 0;
    }
}

static void close_order(struct order *order)
{
    free(order->places);
    free(order->published);
}

bool fl__listener_is_done(const struct fl__sim_listener *listener, uint32_t node, uint32_t list,
                          const char *bytes, size_t size)
{
    bool is_listening = listener->stream && !listener->is_closing && listener->hearing_count > 0;
    if (!is_listening || listener->node != node || hearing_of(listener)->confirmed == FL__NEVER)
        return true;
    struct order order;
    open_order(&order, &listener->redis->history, list, bytes, size);
    const struct fl__hearing *hearing = hearing_of(listener);
    uint64_t last = 0; /* What it heard last of this list. */
    for (size_t k = 0; k < hearing->count; k++)
        last = hearing->heard[k].list == list ? hearing->heard[k].element : last;
    /* What the list does not have was applied after it had been read. */
    bool is_behind = last <= listener->redis->history.elements && order.places[last] == 0;
    bool is_done = last == 0 || last == order.last || is_behind;
    close_order(&order);
    return is_done;
}

static void fail(const struct fl__sim_listener *listener, const struct fl__hearing *hearing, uint32_t list,
                 uint64_t element, const char *what)
{
    char text[200];
    snprintf(text, sizeof text,
             "L5: who listened to list %" PRIu32 " on n%" PRIu32 " from %" PRIu64 " us %s (element %" PRIu64
             ")",
             list, hearing->node + 1, hearing->asked, what, element);
    fl__life_fail(listener->redis->life, "L5", text);
}

/* The place of the first that was heard; 0: nothing was. An element that the list does not have may stand at
 * the end: its entry was applied after the list had been read. */
static uint64_t check_stretch(const struct fl__sim_listener *listener, const struct fl__hearing *hearing,
                              uint32_t list, const struct order *order)
{
    uint64_t first = 0, before = 0;
    bool is_behind = false;
    for (size_t k = 0; k < hearing->count; k++) {
        uint64_t element = hearing->heard[k].element;
        if (hearing->heard[k].list != list)
            continue;
        if (element > listener->redis->history.elements || !order->published[element]) {
            fail(listener, hearing, list, element, "heard what nobody published");
            return 0;
        }
        uint64_t place = order->places[element];
        if (before > 0 && place > 0 && place != before + 1)
            fail(listener, hearing, list, element,
                 place > before ? "missed something" : "heard something twice, or late");
        if (is_behind && place > 0)
            fail(listener, hearing, list, element, "heard what is not in the list");
        is_behind = place == 0;
        before = place;
        first = first == 0 ? place : first;
    }
    return first;
}

static void check_beginning(const struct fl__sim_listener *listener, const struct fl__hearing *hearing,
                            uint32_t list, const struct order *order, uint64_t first)
{
    const struct fl__history *history = &listener->redis->history;
    for (size_t k = 0; k < history->count; k++) {
        const struct fl__deed *deed = &history->deeds[k];
        if (deed->list != list || !deed->is_published || order->places[deed->element] == 0)
            continue;
        uint64_t place = order->places[deed->element];
        if (deed->answered < hearing->asked && place >= first)
            fail(listener, hearing, list, deed->element, "heard what was acknowledged before");
        if (hearing->confirmed != FL__NEVER && deed->asked > hearing->confirmed && place < first)
            fail(listener, hearing, list, deed->element, "did not hear what was published after that");
    }
}

void fl__listener_judge(const struct fl__sim_listener *listener, uint32_t list, const char *bytes,
                        size_t size)
{
    struct order order;
    open_order(&order, &listener->redis->history, list, bytes, size);
    for (size_t k = 0; k < listener->hearing_count; k++) {
        const struct fl__hearing *hearing = &listener->hearings[k];
        uint64_t first = check_stretch(listener, hearing, list, &order);
        if (first == 0)
            continue;
        check_beginning(listener, hearing, list, &order, first);
        fl__mark(&listener->redis->life->result->marks, FL__MARK_HEARD);
    }
    close_order(&order);
}
