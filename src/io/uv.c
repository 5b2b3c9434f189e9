/* uv.c - the portable engine: fairlead/io.h on libuv. Here are the loop, timers, time and chance; files are
 * in uv_file.c, streams in uv_net.c, and how they come to be in uv_connect.c. engine.h says how it all hangs
 * together.
 *
 * Timers are a heap of the engine's own: one handle of libuv's wakes the loop for the earliest. libuv counts
 * milliseconds, so a timer may end up to one late, and never ends early. */
#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Batches in one turn, before libuv gets to look at the sockets again. */
enum { BATCHES_MAX = 8 };

int fl__engine_error(int error)
{
    switch (-error) {
    case ENOENT:
    case ENOTDIR:
        return FL_ENOENT;
    case EEXIST:
        return FL_EEXIST;
    case ENOSPC:
    case EDQUOT:
        return FL_ENOSPC;
    case EFBIG:
        return FL_EFBIG;
    case ENOMEM:
    case ENOBUFS:
        return FL_ENOMEM;
    case EMFILE:
    case ENFILE:
        return FL_EMFILE;
    case ECANCELED:
        return FL_ECANCELED;
    case EWOULDBLOCK:
        return FL_ELOCKED; /* Only locks are asked for without waiting, and reported. */
    case EPIPE:
    case ECONNRESET:
    case ECONNABORTED:
    case ENOTCONN:
    case ESHUTDOWN:
        return FL_ECLOSED;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case EHOSTDOWN:
    case ENETUNREACH:
    case ENETDOWN:
    case ETIMEDOUT:
        return FL_EUNREACHABLE;
    case EADDRINUSE:
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
        return FL_EADDR;
    default:
        return FL_EIO;
    }
}

/* ------------------------------------------------------------------------------- requests and completions */

static const size_t request_sizes[REQUEST_KINDS] = {
    [REQUEST_TIMER] = sizeof(struct timer_request),
    [REQUEST_FILE] = sizeof(struct file_request),
    [REQUEST_CONNECT] = sizeof(struct connect_request),
    [REQUEST_SEND] = sizeof(struct send_request),
};

void *fl__request_take(struct engine *engine, struct fl_io_op *op, enum request_kind kind)
{
    struct request *request = engine->free_requests[kind];
    if (request)
        engine->free_requests[kind] = request->next;
    else
        request = malloc(request_sizes[kind]);
    if (!request) {
        fl__op_complete(engine, op, FL_ENOMEM);
        return NULL;
    }
    *request = (struct request){.kind = kind, .engine = engine, .op = op};
    op->engine = request;
    return request;
}

static void *link_to(struct fl_io_op *op)
{
    return (void *)((uintptr_t)op | 1);
}

static bool is_link(const void *pointer)
{
    return (uintptr_t)pointer & 1;
}

static struct fl_io_op *linked(void *pointer)
{
    return (struct fl_io_op *)((uintptr_t)pointer & ~(uintptr_t)1);
}

void fl__op_complete(struct engine *engine, struct fl_io_op *op, int64_t result)
{
    op->result = result;
    op->engine = link_to(NULL);
    if (engine->completed_last)
        engine->completed_last->engine = link_to(op);
    else
        engine->completed_first = op;
    engine->completed_last = op;
}

void fl__request_complete(void *completed, int64_t result)
{
    struct request *request = completed;
    struct engine *engine = request->engine;
    struct fl_io_op *op = request->op;
    request->next = engine->free_requests[request->kind];
    engine->free_requests[request->kind] = request;
    fl__op_complete(engine, op, result);
}

/* Delivers what is complete now; what completes meanwhile is for the next batch. */
static void deliver_completed(struct engine *engine)
{
    struct fl_io_op *op = engine->completed_first;
    engine->completed_first = engine->completed_last = NULL;
    while (op) {
        struct fl_io_op *next = linked(op->engine);
        op->engine = NULL;
        if (op->done)
            op->done(op);
        op = next;
    }
}

/* ------------------------------------------------------------------------------------------------- timers */

static bool is_before(const struct timer_request *a, const struct timer_request *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void place(struct engine *engine, struct timer_request *timer, size_t position)
{
    engine->timers[position] = timer;
    timer->position = position;
}

static void sift_up(struct engine *engine, struct timer_request *timer, size_t position)
{
    for (; position > 1 && is_before(timer, engine->timers[position / 2]); position /= 2)
        place(engine, engine->timers[position / 2], position);
    place(engine, timer, position);
}

static void sift_down(struct engine *engine, struct timer_request *timer, size_t position)
{
    for (;;) {
        size_t child = 2 * position;
        if (child < engine->timer_count && is_before(engine->timers[child + 1], engine->timers[child]))
            child++;
        if (child > engine->timer_count || is_before(timer, engine->timers[child]))
            break;
        place(engine, engine->timers[child], position);
        position = child;
    }
    place(engine, timer, position);
}

static void remove_timer(struct timer_request *timer)
{
    struct engine *engine = timer->base.engine;
    size_t position = timer->position;
    struct timer_request *last = engine->timers[engine->timer_count--];
    if (last == timer)
        return;
    if (position > 1 && is_before(last, engine->timers[position / 2]))
        sift_up(engine, last, position);
    else
        sift_down(engine, last, position);
}

static bool reserve_timers(struct engine *engine)
{
    if (engine->timer_count + 1 < engine->timer_capacity)
        return true;
    size_t capacity = engine->timer_capacity ? 2 * engine->timer_capacity : 64;
    struct timer_request **timers = realloc(engine->timers, capacity * sizeof(struct timer_request *));
    if (!timers)
        return false;
    engine->timers = timers;
    engine->timer_capacity = capacity;
    return true;
}

static void start_timer(struct fl_io *io, struct fl_io_op *op, fl_time_us at)
{
    struct engine *engine = engine_of(io);
    if (!reserve_timers(engine)) {
        fl__op_complete(engine, op, FL_ENOMEM);
        return;
    }
    struct timer_request *timer = fl__request_take(engine, op, REQUEST_TIMER);
    if (!timer)
        return;
    timer->at = at;
    timer->sequence = ++engine->timer_sequence;
    sift_up(engine, timer, ++engine->timer_count);
}

static fl_time_us now(struct fl_io *io)
{
    struct engine *engine = engine_of(io);
    if (engine->now == 0)
        engine->now = uv_hrtime() / 1000;
    return engine->now;
}

static void complete_timers(struct engine *engine)
{
    while (engine->timer_count > 0 && engine->timers[1]->at <= now(&engine->io)) {
        struct timer_request *timer = engine->timers[1];
        remove_timer(timer);
        fl__request_complete(timer, FL_OK);
    }
}

static void on_alarm(uv_timer_t *alarm)
{
    struct engine *engine = alarm->data;
    engine->alarm_ms = UINT64_MAX; /* The timers themselves are looked at before the loop sleeps. */
}

/* libuv's clock is the same as ours, in milliseconds rounded down. */
static void set_alarm(struct engine *engine)
{
    uint64_t at_ms = UINT64_MAX;
    if (engine->timer_count > 0)
        at_ms = engine->timers[1]->at / 1000 + (engine->timers[1]->at % 1000 != 0);
    if (at_ms == engine->alarm_ms)
        return;
    engine->alarm_ms = at_ms;
    uint64_t loop_ms = uv_now(&engine->loop);
    if (at_ms == UINT64_MAX)
        uv_timer_stop(&engine->alarm);
    else
        uv_timer_start(&engine->alarm, on_alarm, at_ms > loop_ms ? at_ms - loop_ms : 0, 0);
}

/* --------------------------------------------------------------------------------------------------- loop */

static void on_idle(uv_idle_t *idle)
{
    (void)idle; /* Its being active is what matters: the loop does not sleep. */
}

/* Before the loop sleeps. */
static void on_prepare(uv_prepare_t *prepare)
{
    struct engine *engine = prepare->data;
    engine->now = 0;
    complete_timers(engine);
    for (int k = 0; k == 0 || (k < BATCHES_MAX && engine->completed_first); k++) {
        deliver_completed(engine);
        for (uint32_t hook = 0; hook < engine->hook_count; hook++)
            engine->hooks[hook].flush(engine->hooks[hook].context);
    }
    bool is_awaited = engine->awaited && !engine->awaited->engine;
    if (engine->completed_first || is_awaited)
        uv_idle_start(&engine->idle, on_idle);
    else
        uv_idle_stop(&engine->idle);
    set_alarm(engine);
    engine->now = 0; /* What comes next comes after a sleep. */
}

static void on_check(uv_check_t *check)
{
    struct engine *engine = check->data;
    engine->now = 0;
}

static void on_stop(uv_async_t *stop)
{
    struct engine *engine = stop->data;
    engine->is_stopping = true;
    uv_stop(&engine->loop);
}

static int64_t wait_for(struct fl_io *io, struct fl_io_op *op)
{
    struct engine *engine = engine_of(io);
    engine->awaited = op;
    while (op->engine)
        uv_run(&engine->loop, UV_RUN_ONCE);
    engine->awaited = NULL;
    return op->result;
}

static void cancel(struct fl_io *io, struct fl_io_op *op)
{
    (void)io;
    struct request *request = op->engine;
    if (!request || is_link(request))
        return;
    switch (request->kind) {
    case REQUEST_TIMER:
        remove_timer((struct timer_request *)(void *)request);
        fl__request_complete(request, FL_ECANCELED);
        break;
    case REQUEST_FILE:
        fl__file_cancel((struct file_request *)(void *)request);
        break;
    case REQUEST_CONNECT:
        fl__connect_cancel((struct connect_request *)(void *)request);
        break;
    default: /* Sends end with their stream. */
        break;
    }
}

/* -------------------------------------------------------------------------------------------------- hooks */

static void add_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct engine *engine = engine_of(io);
    fl_assert(engine->hook_count < FL_IO_FLUSH_MAX);
    engine->hooks[engine->hook_count++] = (struct flush_hook){.flush = flush, .context = context};
}

static void remove_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct engine *engine = engine_of(io);
    for (uint32_t k = 0; k < engine->hook_count; k++) {
        if (engine->hooks[k].flush != flush || engine->hooks[k].context != context)
            continue;
        engine->hook_count--;
        memmove(&engine->hooks[k], &engine->hooks[k + 1], (engine->hook_count - k) * sizeof *engine->hooks);
        return;
    }
}

/* ---------------------------------------------------------------------------------------- time and chance */

static uint64_t wall_clock_us(struct fl_io *io)
{
    (void)io;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static void get_random(struct fl_io *io, void *out, size_t size)
{
    (void)io;
    if (uv_random(NULL, NULL, out, size, 0, NULL) != 0)
        fl_panic(__FILE__, __LINE__, "the system gives no random numbers");
}

/* ------------------------------------------------------------------------------------------------ reserve */

void fl__reserve_refill(struct engine *engine)
{
    while (engine->reserve_count < FL__RESERVE_MAX) {
        int descriptor = open("/dev/null", O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            return;
        engine->reserve[engine->reserve_count++] = descriptor;
    }
}

bool fl__reserve_release(struct engine *engine)
{
    if (engine->reserve_count == 0)
        return false;
    close(engine->reserve[--engine->reserve_count]);
    return true;
}

/* ------------------------------------------------------------------------------------------------- engine */

static const struct fl_io_vtable vtable = {
    .now = now,
    .wall_clock_us = wall_clock_us,
    .random = get_random,
    .timer = start_timer,
    .cancel = cancel,
    .open = fl__file_open,
    .close_file = fl__file_close,
    .read = fl__file_read,
    .write = fl__file_write,
    .allocate = fl__file_allocate,
    .truncate = fl__file_truncate,
    .sync = fl__file_sync,
    .sync_directory = fl__file_sync_directory,
    .rename = fl__file_rename,
    .unlink = fl__file_unlink,
    .make_directory = fl__file_make_directory,
    .list = fl__file_list,
    .lock = fl__file_lock,
    .listen = fl__listen,
    .close_listener = fl__listen_close,
    .connect = fl__connect,
    .start = fl__stream_start,
    .add_credit = fl__stream_add_credit,
    .send = fl__stream_send,
    .shutdown = fl__stream_shutdown,
    .close = fl__stream_close,
    .peer_address = fl__stream_peer_address,
    .local_address = fl__listen_local_address,
    .add_flush = add_flush,
    .remove_flush = remove_flush,
    .wait = wait_for,
};

/* Nothing here fails but the first, which needs a descriptor. */
static int start_handles(struct engine *engine)
{
    if (uv_async_init(&engine->loop, &engine->stop, on_stop) != 0)
        return FL_EMFILE;
    uv_prepare_init(&engine->loop, &engine->prepare);
    uv_check_init(&engine->loop, &engine->check);
    uv_idle_init(&engine->loop, &engine->idle);
    uv_timer_init(&engine->loop, &engine->alarm);
    uv_timer_init(&engine->loop, &engine->retry);
    engine->stop.data = engine->prepare.data = engine->check.data = engine;
    engine->alarm.data = engine->retry.data = engine;
    uv_prepare_start(&engine->prepare, on_prepare);
    uv_check_start(&engine->check, on_check);
    return FL_OK;
}

static void close_handles(struct engine *engine)
{
    uv_close((uv_handle_t *)&engine->stop, NULL);
    uv_close((uv_handle_t *)&engine->prepare, NULL);
    uv_close((uv_handle_t *)&engine->check, NULL);
    uv_close((uv_handle_t *)&engine->idle, NULL);
    uv_close((uv_handle_t *)&engine->alarm, NULL);
    uv_close((uv_handle_t *)&engine->retry, NULL);
}

static void free_requests(struct engine *engine)
{
    for (size_t k = 1; k <= engine->timer_count; k++)
        free(engine->timers[k]);
    free(engine->timers);
    for (int kind = 0; kind < REQUEST_KINDS; kind++)
        for (struct request *request = engine->free_requests[kind], *next; request; request = next) {
            next = request->next;
            free(request);
        }
}

/* Closes the loop. What is still open now is a bug of whoever opened it. */
static void close_loop(struct engine *engine)
{
    uv_run(&engine->loop, UV_RUN_DEFAULT);
    fl_assert(uv_loop_close(&engine->loop) == 0);
}

int fl_io_uv_create(struct fl_io **out)
{
    *out = NULL;
    struct engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return FL_ENOMEM;
    if (uv_loop_init(&engine->loop) != 0) {
        free(engine);
        return FL_EMFILE;
    }
    engine->io.vtable = &vtable;
    engine->alarm_ms = UINT64_MAX;
    engine->busy = (struct request){.kind = REQUEST_BUSY, .engine = engine};
    int result = start_handles(engine);
    if (result == FL_OK) {
        result = fl__workers_start(engine);
        if (result != FL_OK)
            close_handles(engine);
    }
    if (result != FL_OK) {
        close_loop(engine);
        free(engine);
        return result;
    }
    /* A write to a closed connection, or beyond a file's limit, is an error, not the end of the process. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    fl__reserve_refill(engine);
    *out = &engine->io;
    return FL_OK;
}

void fl_io_uv_run(struct fl_io *io)
{
    struct engine *engine = engine_of(io);
    while (!engine->is_stopping)
        uv_run(&engine->loop, UV_RUN_DEFAULT);
    engine->is_stopping = false;
}

void fl_io_uv_stop(struct fl_io *io)
{
    uv_async_send(&engine_of(io)->stop);
}

void fl_io_uv_destroy(struct fl_io *io)
{
    struct engine *engine = engine_of(io);
    close_handles(engine);
    fl__workers_stop(engine);
    close_loop(engine);
    free_requests(engine);
    while (fl__reserve_release(engine))
        continue;
    free(engine);
}
