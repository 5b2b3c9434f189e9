/* memory.c - the world of the engines in memory: its clock, its queue of events, and what an engine is
 * besides files (memory_files.c) and streams (memory_net.c).
 *
 * The queue is a heap by (time, sequence number), so that ties happen in the order in which they were posted.
 * A batch is all that is due when it begins; the flush hooks of all engines are called between batches. */
#include "memory.h"

#include <stdlib.h>
#include <string.h>

#define MILLION 1000000
#define WORLD_BEGINS_US 1000000u         /* Not 0, which people use for "never". */
#define WALL_BEGINS_US 1700000000000000u /* In November 2023. */

/* ------------------------------------------------------------------------------------- memory and chance */

void *fl__memory_take(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return memory;
}

char *fl__memory_copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = fl__memory_take(size);
    memcpy(copy, text, size);
    return copy;
}

uint64_t fl__memory_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

uint64_t fl__memory_draw(uint64_t *state, uint64_t min, uint64_t max)
{
    return max <= min ? min : min + fl__memory_random(state) % (max - min + 1);
}

/* -------------------------------------------------------------------------------------------------- queue */

static bool is_before(const struct fl__event *a, const struct fl__event *b)
{
    return a->at != b->at ? a->at < b->at : a->sequence < b->sequence;
}

static void place(struct fl__world *world, struct fl__event *event, size_t position)
{
    world->queue[position] = event;
    event->position = position;
}

static void sift_up(struct fl__world *world, struct fl__event *event, size_t position)
{
    for (; position > 1 && is_before(event, world->queue[position / 2]); position /= 2)
        place(world, world->queue[position / 2], position);
    place(world, event, position);
}

static void sift_down(struct fl__world *world, struct fl__event *event, size_t position)
{
    for (;;) {
        size_t child = 2 * position;
        if (child < world->queue_count && is_before(world->queue[child + 1], world->queue[child]))
            child++;
        if (child > world->queue_count || is_before(event, world->queue[child]))
            break;
        place(world, world->queue[child], position);
        position = child;
    }
    place(world, event, position);
}

void fl__event_post(struct fl__event *event, struct fl__memory *engine, fl_time_us at)
{
    struct fl__world *world = engine->world;
    fl_assert(event->position == 0);
    event->engine = engine;
    event->at = at > world->now ? at : world->now;
    event->sequence = ++world->sequence;
    if (world->queue_count + 1 >= world->queue_capacity) {
        world->queue_capacity = world->queue_capacity ? 2 * world->queue_capacity : 64;
        world->queue = realloc(world->queue, world->queue_capacity * sizeof *world->queue);
        if (!world->queue)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    sift_up(world, event, ++world->queue_count);
}

void fl__event_remove(struct fl__event *event)
{
    size_t position = event->position;
    if (position == 0)
        return;
    struct fl__world *world = event->engine->world;
    struct fl__event *last = world->queue[world->queue_count--];
    event->position = 0;
    if (last == event)
        return;
    if (position > 1 && is_before(last, world->queue[position / 2]))
        sift_up(world, last, position);
    else
        sift_down(world, last, position);
}

/* ----------------------------------------------------------------------------------------------- requests */

static void free_request(struct fl__request *request)
{
    fl__event_remove(&request->event);
    free(request->path);
    free(request->other_path);
    free(request->buffers);
    free(request);
}

static void unlink_request(struct fl__request *request)
{
    struct fl__memory *engine = request->event.engine;
    if (request->previous)
        request->previous->next = request->next;
    else
        engine->first_request = request->next;
    if (request->next)
        request->next->previous = request->previous;
    else
        engine->last_request = request->previous;
}

static void complete(struct fl__event *event)
{
    struct fl__request *request = (struct fl__request *)(void *)event;
    struct fl_io_op *op = request->op;
    int64_t result = request->perform ? request->perform(request) : request->result;
    fl__world_note(request->event.engine->world, (uint64_t)result << 8 | (uint64_t)request->call);
    unlink_request(request);
    free_request(request);
    op->result = result;
    op->engine = NULL;
    if (op->done)
        op->done(op);
}

static bool is_call_on_file(const struct fl__event *event)
{
    return event->happen == complete &&
           ((const struct fl__request *)(const void *)event)->call != FL__CALL_ANY;
}

struct fl__request *fl__request_create(struct fl__memory *engine, struct fl_io_op *op)
{
    struct fl__request *request = fl__memory_take(sizeof *request);
    request->event.engine = engine;
    request->event.happen = complete;
    request->op = op;
    op->engine = request;
    op->result = 0;
    request->previous = engine->last_request;
    if (engine->last_request)
        engine->last_request->next = request;
    else
        engine->first_request = request;
    engine->last_request = request;
    return request;
}

void fl__request_post(struct fl__request *request, fl_time_us at)
{
    fl__event_remove(&request->event);
    fl__event_post(&request->event, request->event.engine, at);
}

void fl__request_end(struct fl__request *request, int64_t result)
{
    request->perform = NULL;
    request->result = result;
    fl__request_post(request, 0);
}

/* -------------------------------------------------------------------------------------------------- world */

struct fl__world *fl__world_create(uint64_t seed)
{
    struct fl__world *world = fl__memory_take(sizeof *world);
    world->now = WORLD_BEGINS_US;
    world->random = seed;
    world->last_port = 49151; /* Ports above it are for whoever asks for none. */
    return world;
}

void fl__world_destroy(struct fl__world *world)
{
    if (!world)
        return;
    fl_assert(world->engines == NULL && world->queue_count == 0);
    free(world->queue);
    free(world);
}

void fl__world_set(struct fl__world *world, const struct fl__world_settings *settings)
{
    world->settings = *settings;
}

fl_time_us fl__world_now(const struct fl__world *world)
{
    return world->now;
}

fl_time_us fl__world_next(const struct fl__world *world)
{
    return world->queue_count > 0 ? world->queue[1]->at : UINT64_MAX;
}

static void flush_all(struct fl__world *world)
{
    for (struct fl__memory *engine = world->engines; engine; engine = engine->next)
        for (uint32_t k = 0; k < engine->hook_count; k++)
            engine->hooks[k].flush(engine->hooks[k].context);
}

static bool is_due(const struct fl__world *world)
{
    return world->queue_count > 0 && world->queue[1]->at <= world->now;
}

void fl__world_note(struct fl__world *world, uint64_t value)
{
    uint64_t state = world->hash ^ value;
    world->hash = fl__memory_random(&state);
}

uint64_t fl__world_hash(const struct fl__world *world)
{
    return world->hash;
}

uint64_t fl__world_events(const struct fl__world *world)
{
    return world->events;
}

static void happen_next(struct fl__world *world)
{
    struct fl__event *event = world->queue[1];
    struct fl__memory *engine = event->engine;
    if (event->at > world->now)
        world->now = event->at;
    fl__event_remove(event);
    fl_time_us late = is_call_on_file(event) && engine->hung_until > engine->paused_until
                          ? engine->hung_until
                          : engine->paused_until;
    if (late > world->now) {
        fl__event_post(event, engine, late);
        return;
    }
    world->events++;
    fl__world_note(world, world->now << 8 | engine->place);
    event->happen(event);
}

void fl__world_link(struct fl__world *world, uint32_t from, uint32_t to, bool up)
{
    bool is_healed = up && world->cut[from][to];
    world->cut[from][to] = !up;
    if (is_healed)
        fl__net_heal(world, from, to);
}

void fl__memory_place(struct fl_io *io, uint32_t place)
{
    fl_assert(place < FL__PLACES_MAX);
    fl__memory_of(io)->place = place;
}

void fl__memory_pause(struct fl_io *io, fl_time_us until)
{
    fl__memory_of(io)->paused_until = until;
}

void fl__memory_hang(struct fl_io *io, fl_time_us until)
{
    struct fl__memory *engine = fl__memory_of(io);
    bool answers_again = engine->hung_until > engine->world->now && until == 0;
    engine->hung_until = until;
    for (struct fl__request *request = engine->first_request; answers_again && request;
         request = request->next)
        if (is_call_on_file(&request->event))
            fl__request_post(request, engine->world->now);
}

bool fl__world_step(struct fl__world *world)
{
    flush_all(world);
    if (!is_due(world))
        return false;
    happen_next(world);
    return true;
}

void fl__world_run(struct fl__world *world)
{
    for (;;) {
        flush_all(world);
        if (!is_due(world))
            return;
        uint64_t last = world->sequence;
        while (is_due(world) && world->queue[1]->sequence <= last)
            happen_next(world);
    }
}

void fl__world_advance(struct fl__world *world, fl_time_us duration)
{
    fl_time_us until = world->now + duration;
    fl__world_run(world);
    while (fl__world_next(world) <= until) {
        world->now = fl__world_next(world);
        fl__world_run(world);
    }
    world->now = until;
    fl__world_run(world);
}

/* ---------------------------------------------------------------------------------------- time and chance */

static fl_time_us now(struct fl_io *io)
{
    const struct fl__memory *engine = fl__memory_of(io);
    int64_t passed = (int64_t)(engine->world->now - engine->clock_base);
    return engine->world->now + (fl_time_us)(passed * engine->drift / MILLION);
}

void fl__memory_drift(struct fl_io *io, int32_t millionths)
{
    struct fl__memory *engine = fl__memory_of(io);
    engine->clock_base = engine->world->now;
    engine->drift = millionths;
}

/* When the engine's clock shows this time, in the world's. */
static fl_time_us world_time(const struct fl__memory *engine, fl_time_us at)
{
    fl_time_us passed = at - engine->clock_base, rate = (fl_time_us)(MILLION + engine->drift);
    if (engine->drift == 0 || at < engine->clock_base || passed > UINT64_MAX / (2 * MILLION))
        return at;
    return engine->clock_base + (passed * MILLION + rate - 1) / rate;
}

static uint64_t wall_clock_us(struct fl_io *io)
{
    struct fl__memory *engine = fl__memory_of(io);
    return engine->wall_base_us + now(io);
}

void fl__memory_jump_wall_clock(struct fl_io *io, int64_t by_us)
{
    fl__memory_of(io)->wall_base_us += (uint64_t)by_us;
}

static void get_random(struct fl_io *io, void *out, size_t size)
{
    struct fl__memory *engine = fl__memory_of(io);
    for (size_t at = 0; at < size; at += sizeof(uint64_t)) {
        uint64_t random = fl__memory_random(&engine->random);
        memcpy((char *)out + at, &random, size - at < sizeof random ? size - at : sizeof random);
    }
}

static void start_timer(struct fl_io *io, struct fl_io_op *op, fl_time_us at)
{
    struct fl__request *request = fl__request_create(fl__memory_of(io), op);
    request->is_timer = true;
    request->result = FL_OK;
    fl__request_post(request, world_time(request->event.engine, at));
}

static void cancel(struct fl_io *io, struct fl_io_op *op)
{
    (void)io;
    struct fl__request *request = op->engine;
    if (!request)
        return;
    if (request->is_timer) {
        request->is_timer = false;
        fl__request_end(request, FL_ECANCELED);
        return;
    }
    fl__net_cancel(request); /* Calls on files are carried out as if nobody had asked. */
}

/* -------------------------------------------------------------------------------------------------- hooks */

static void add_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct fl__memory *engine = fl__memory_of(io);
    fl_assert(engine->hook_count < FL_IO_FLUSH_MAX);
    engine->hooks[engine->hook_count++] = (struct fl__hook){.flush = flush, .context = context};
}

static void remove_flush(struct fl_io *io, void (*flush)(void *context), void *context)
{
    struct fl__memory *engine = fl__memory_of(io);
    for (uint32_t k = 0; k < engine->hook_count; k++) {
        if (engine->hooks[k].flush != flush || engine->hooks[k].context != context)
            continue;
        engine->hook_count--;
        memmove(&engine->hooks[k], &engine->hooks[k + 1], (engine->hook_count - k) * sizeof *engine->hooks);
        return;
    }
}

static int64_t wait_for(struct fl_io *io, struct fl_io_op *op)
{
    struct fl__world *world = fl__memory_of(io)->world;
    while (op->engine) {
        flush_all(world);
        if (world->queue_count == 0)
            fl_panic(__FILE__, __LINE__, "waits for what will never happen");
        happen_next(world);
    }
    return op->result;
}

/* ------------------------------------------------------------------------------------------------- engine */

struct fl_io *fl__memory_create(struct fl__world *world, struct fl__disk *disk)
{
    struct fl__memory *engine = fl__memory_take(sizeof *engine);
    engine->vtable = (struct fl_io_vtable){
        .now = now,
        .wall_clock_us = wall_clock_us,
        .random = get_random,
        .timer = start_timer,
        .cancel = cancel,
        .add_flush = add_flush,
        .remove_flush = remove_flush,
        .wait = wait_for,
    };
    fl__files_set(&engine->vtable);
    fl__net_set(&engine->vtable);
    engine->io.vtable = &engine->vtable;
    engine->world = world;
    engine->disk = disk;
    engine->random = fl__memory_random(&world->random);
    engine->wall_base_us = WALL_BEGINS_US;
    struct fl__memory **last = &world->engines;
    while (*last)
        last = &(*last)->next;
    *last = engine;
    return &engine->io;
}

void fl__memory_destroy(struct fl_io *io)
{
    if (!io)
        return;
    struct fl__memory *engine = fl__memory_of(io), **link = &engine->world->engines;
    fl__net_release(engine);
    while (engine->first_request) {
        struct fl__request *request = engine->first_request;
        request->op->engine = NULL;
        unlink_request(request);
        free_request(request);
    }
    fl__files_release(engine);
    while (*link != engine)
        link = &(*link)->next;
    *link = engine->next;
    free(engine);
}

uint64_t fl__memory_calls(const struct fl_io *io)
{
    return ((const struct fl__memory *)(const void *)io)->call_count;
}

void fl__memory_crash_at(struct fl_io *io, uint64_t k)
{
    fl__memory_of(io)->crash_at = k;
}

void fl__memory_crash(struct fl_io *io)
{
    struct fl__memory *engine = fl__memory_of(io);
    if (engine->is_crashed)
        return;
    engine->is_crashed = true;
    fl__memory_hang(io, 0); /* Files that were being closed are still closed. */
    fl__files_crash(engine);
    fl__net_crash(engine);
}

bool fl__memory_is_crashed(const struct fl_io *io)
{
    return ((const struct fl__memory *)(const void *)io)->is_crashed;
}

void fl__memory_fail(struct fl_io *io, const struct fl__memory_failure *failure)
{
    fl__memory_of(io)->failure = *failure;
}
