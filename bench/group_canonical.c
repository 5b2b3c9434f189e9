/* group_canonical.c - the harness of group.h around canonical/raft (Debian's libraft-dev), by a raft_io in
 * memory.
 *
 * The library asks that requests are completed after the call that made them, never in it: so what is sent
 * and what is stored passes through the same queue as the messages. A follower takes a message's entries over
 * as one piece of memory, which is the form in which the library's own transport gives them to it.
 *
 * The library's log keeps the entries, and it frees them: their memory comes from malloc(), as its own
 * does. */
#include "group.h"

#include <limits.h>
#include <raft.h>
#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MAX = 4096,
    /* Sizes on the wire: see the library's src/uv_encoding.c. */
    APPEND_SIZE = 16 + 40,
    ANSWER_SIZE = 16 + 24,
    ENTRY_SIZE = 16,
    HEARTBEAT_MS = 100,
    ELECTION_MS = 1000,
};

enum event_kind { EVENT_MESSAGE, EVENT_SENT, EVENT_STORED };

struct event {
    enum event_kind kind;
    uint32_t to;
    uint64_t hop;
    union {
        struct raft_message message;
        struct {
            struct raft_io_send *request;
            raft_io_send_cb done;
        } sent;
        struct {
            struct raft_io_append *request;
            raft_io_append_cb done;
        } stored;
    };
};

struct group;

struct server {
    struct group *group;
    uint32_t number;
    char address[8];
    struct raft raft;
    struct raft_io io;
    struct raft_fsm fsm;
    raft_io_tick_cb tick;
    raft_io_recv_cb receive;
    const struct group_log *log; /* At the start. */
    uint64_t sum;
};

struct group {
    struct server servers[REPLICAS];
    struct event queue[QUEUE_MAX];
    uint32_t head, tail; /* Rise; modulo QUEUE_MAX. */
    raft_time now;
    uint64_t proposed, hop;
    bool is_away, is_counted;
    struct group_traffic traffic;
    struct raft_apply request;
    struct raft_configuration members;
};

static void check(int result)
{
    if (result != 0)
        group_fail(raft_strerror(result));
}

static struct server *server_of(struct raft_io *io)
{
    return io->impl;
}

/* Memory that the library will free. */
static void *take_memory(size_t size)
{
    void *memory = malloc(size);
    if (!memory)
        group_fail("out of memory");
    return memory;
}

static struct event *post(struct group *group, enum event_kind kind, uint32_t to)
{
    if (group->tail - group->head == QUEUE_MAX)
        group_fail("the queue is full");
    struct event *event = &group->queue[group->tail++ % QUEUE_MAX];
    event->kind = kind;
    event->to = to;
    event->hop = group->hop;
    return event;
}

/* ------------------------------------------------------------------------------------------- the raft_io */

static int io_init(struct raft_io *io, raft_id id, const char *address)
{
    (void)io, (void)id, (void)address;
    return 0;
}

static void io_close(struct raft_io *io, raft_io_close_cb done)
{
    done(io);
}

static struct raft_entry load_entry(struct server *server, fl_index index, fl_term term)
{
    struct raft_entry entry = {.term = term, .type = RAFT_COMMAND};
    if (index == 1) {
        entry.type = RAFT_CHANGE;
        check(raft_configuration_encode(&server->group->members, &entry.buf));
        return entry;
    }
    entry.buf.len = PAYLOAD_SIZE;
    entry.buf.base = take_memory(PAYLOAD_SIZE);
    memset(entry.buf.base, 0, PAYLOAD_SIZE);
    return entry;
}

static int io_load(struct raft_io *io, raft_term *term, raft_id *vote, struct raft_snapshot **snapshot,
                   raft_index *start, struct raft_entry **entries, size_t *count)
{
    static const struct fl_run first = {.term = 1, .first = 1};
    static const struct group_log new_log = {.runs = &first, .run_count = 1, .last = 1};
    struct server *server = server_of(io);
    const struct group_log *log = server->log && server->log->last > 0 ? server->log : &new_log;
    *term = log->runs[log->run_count - 1].term;
    *vote = 0;
    *snapshot = NULL;
    *start = 1;
    *count = log->last;
    *entries = take_memory(log->last * sizeof **entries);
    uint32_t run = 0;
    for (fl_index index = 1; index <= log->last; index++) {
        if (run + 1 < log->run_count && log->runs[run + 1].first == index)
            run++;
        (*entries)[index - 1] = load_entry(server, index, log->runs[run].term);
    }
    return 0;
}

static int io_start(struct raft_io *io, unsigned interval, raft_io_tick_cb tick, raft_io_recv_cb receive)
{
    (void)interval;
    server_of(io)->tick = tick;
    server_of(io)->receive = receive;
    return 0;
}

static int io_set_term(struct raft_io *io, raft_term term)
{
    (void)io, (void)term;
    return 0;
}

static int io_set_vote(struct raft_io *io, raft_id id)
{
    (void)io, (void)id;
    return 0;
}

/* The entries as they come off a wire: one array, and one piece of memory with all payloads. */
static void carry_entries(struct raft_append_entries *append)
{
    if (append->n_entries == 0) {
        append->entries = NULL;
        return;
    }
    struct raft_entry *entries = take_memory(append->n_entries * sizeof *entries);
    size_t size = 0;
    for (unsigned k = 0; k < append->n_entries; k++)
        size += append->entries[k].buf.len;
    uint8_t *batch = take_memory(size);
    for (unsigned k = 0; k < append->n_entries; k++) {
        entries[k] = append->entries[k];
        entries[k].batch = batch;
        if (k == 0)
            entries[k].buf.base = batch;
        else
            entries[k].buf.base = (uint8_t *)entries[k - 1].buf.base + entries[k - 1].buf.len;
        memcpy(entries[k].buf.base, append->entries[k].buf.base, entries[k].buf.len);
    }
    append->entries = entries;
}

static int io_send(struct raft_io *io, struct raft_io_send *request, const struct raft_message *message,
                   raft_io_send_cb done)
{
    struct server *server = server_of(io);
    struct group *group = server->group;
    uint32_t to = (uint32_t)message->server_id - 1;
    struct event *sent = post(group, EVENT_SENT, server->number);
    sent->sent.request = request;
    sent->sent.done = done;
    if (group->is_away && (to == FOLLOWER || server->number == FOLLOWER))
        return 0;
    struct event *event = post(group, EVENT_MESSAGE, to);
    event->hop = group->hop + 1;
    event->message = *message;
    event->message.server_id = server->number + 1;
    event->message.server_address = server->address;
    if (message->type == RAFT_IO_APPEND_ENTRIES)
        carry_entries(&event->message.append_entries);
    return 0;
}

static int io_append(struct raft_io *io, struct raft_io_append *request, const struct raft_entry *entries,
                     unsigned count, raft_io_append_cb done)
{
    (void)entries, (void)count;
    struct event *event = post(server_of(io)->group, EVENT_STORED, server_of(io)->number);
    event->stored.request = request;
    event->stored.done = done;
    return 0;
}

static int io_truncate(struct raft_io *io, raft_index index)
{
    (void)io, (void)index;
    return 0;
}

static raft_time io_time(struct raft_io *io)
{
    return server_of(io)->group->now;
}

/* LEADER's election time-out is the shortest. */
static int io_random(struct raft_io *io, int min, int max)
{
    return server_of(io)->number == LEADER ? min : max;
}

/* ---------------------------------------------------------------------------------------- the application */

static int fsm_apply(struct raft_fsm *fsm, const struct raft_buffer *payload, void **result)
{
    struct server *server = fsm->data;
    server->sum += group_apply(payload->base);
    *result = NULL;
    return 0;
}

static void on_applied(struct raft_apply *request, int status, void *result)
{
    (void)request, (void)result;
    check(status);
}

/* -------------------------------------------------------------------------------------------------- queue */

static void count(struct group *group, const struct event *event)
{
    struct group_traffic *traffic = &group->traffic;
    const struct raft_message *message = &event->message;
    if (event->to == OTHER || message->server_id == OTHER + 1)
        return;
    if (message->type == RAFT_IO_APPEND_ENTRIES) {
        traffic->entries += message->append_entries.n_entries;
        traffic->bytes +=
            APPEND_SIZE + (uint64_t)message->append_entries.n_entries * (ENTRY_SIZE + PAYLOAD_SIZE);
    } else if (message->type == RAFT_IO_APPEND_ENTRIES_RESULT) {
        traffic->rejections += message->append_entries_result.rejected != 0;
        traffic->bytes += ANSWER_SIZE;
    } else {
        return;
    }
    traffic->messages++;
    if (event->hop > traffic->hops)
        traffic->hops = event->hop;
}

static void deliver(struct group *group)
{
    struct event *event = &group->queue[group->head % QUEUE_MAX];
    struct server *server = &group->servers[event->to];
    group->hop = event->hop;
    if (event->kind == EVENT_SENT) {
        event->sent.done(event->sent.request, 0);
    } else if (event->kind == EVENT_STORED) {
        event->stored.done(event->stored.request, 0);
    } else {
        if (group->is_counted)
            count(group, event);
        server->receive(&server->io, &event->message);
    }
    group->head++;
}

static void run(struct group *group)
{
    while (group->head != group->tail)
        deliver(group);
}

/* --------------------------------------------------------------------------------------------------- side */

static void create_server(struct group *group, uint32_t k, const struct group_log *log)
{
    struct server *server = &group->servers[k];
    server->group = group;
    server->number = k;
    server->address[0] = (char)('1' + k);
    server->log = log;
    server->fsm = (struct raft_fsm){.version = 1, .data = server, .apply = fsm_apply};
    server->io = (struct raft_io){
        .version = 1,
        .impl = server,
        .init = io_init,
        .close = io_close,
        .load = io_load,
        .start = io_start,
        .set_term = io_set_term,
        .set_vote = io_set_vote,
        .send = io_send,
        .append = io_append,
        .truncate = io_truncate,
        .time = io_time,
        .random = io_random,
    };
    check(raft_init(&server->raft, &server->io, &server->fsm, k + 1, server->address));
    raft_set_election_timeout(&server->raft, ELECTION_MS);
    raft_set_heartbeat_timeout(&server->raft, HEARTBEAT_MS);
    raft_set_snapshot_threshold(&server->raft, UINT_MAX); /* Never: Fairlead's core makes none either. */
    check(raft_start(&server->raft));
}

static void *create(const struct group_log *logs, enum fl_repair repair)
{
    (void)repair; /* It has one way. */
    struct group *group = group_allocate(sizeof *group);
    static const char *const addresses[REPLICAS] = {"1", "2", "3"};
    group->now = 1000000;
    group->is_counted = logs != NULL;
    raft_configuration_init(&group->members);
    for (uint32_t k = 0; k < REPLICAS; k++)
        check(raft_configuration_add(&group->members, k + 1, addresses[k], RAFT_VOTER));
    for (uint32_t k = 0; k < REPLICAS; k++)
        create_server(group, k, logs ? &logs[k] : NULL);
    return group;
}

static void propose_later(struct group *group, uint32_t entries)
{
    struct raft_buffer payloads[64];
    if (entries > 64)
        group_fail("a batch has at most 64 entries");
    for (uint32_t k = 0; k < entries; k++) {
        payloads[k].len = PAYLOAD_SIZE;
        payloads[k].base = take_memory(PAYLOAD_SIZE);
        group_make(payloads[k].base, group->proposed++);
    }
    check(raft_apply(&group->servers[LEADER].raft, &group->request, payloads, entries, on_applied));
}

/* A leader of this library appends nothing by itself; one entry of its term takes the opening entry's
 * place. */
static void elect(void *context, bool is_away)
{
    struct group *group = context;
    struct server *leader = &group->servers[LEADER];
    group->is_away = is_away;
    for (int turn = 0; raft_state(&leader->raft) != RAFT_LEADER; turn++) {
        if (turn == 100)
            group_fail("no leader");
        if (group->head != group->tail) {
            deliver(group);
        } else {
            group->now += ELECTION_MS;
            leader->tick(&leader->io);
        }
    }
    propose_later(group, 1);
}

static void propose(void *context, uint32_t entries)
{
    run(context);
    propose_later(context, entries);
    run(context);
}

static raft_term last_term(const struct raft *raft)
{
    const struct raft_log *log = &raft->log;
    return log->entries[(log->back + log->size - 1) % log->size].term;
}

static bool is_copy(struct group *group)
{
    struct raft *mine = &group->servers[LEADER].raft, *theirs = &group->servers[FOLLOWER].raft;
    return raft_last_index(mine) == raft_last_index(theirs) && last_term(mine) == last_term(theirs);
}

static void repair_follower(void *context, struct group_traffic *out)
{
    struct group *group = context;
    struct server *leader = &group->servers[LEADER];
    if (group->is_away) {
        run(group);
        group->is_away = false;
        group->hop = 0;
    }
    uint64_t before = group->hop;
    while (!is_copy(group)) {
        if (group->head != group->tail) {
            deliver(group);
            continue;
        }
        if (group->traffic.heartbeats++ == 1000000)
            group_fail("no repair");
        group->now += HEARTBEAT_MS;
        leader->tick(&leader->io);
    }
    *out = group->traffic;
    out->hops -= before;
    group->is_counted = false;
    run(group);
}

static uint64_t applied(void *context, uint32_t k)
{
    struct group *group = context;
    return group->servers[k].sum;
}

static void destroy(void *context)
{
    struct group *group = context;
    run(group);
    for (uint32_t k = 0; k < REPLICAS; k++)
        raft_close(&group->servers[k].raft, NULL);
    run(group);
    raft_configuration_close(&group->members);
    free(group);
}

const struct group_side group_canonical = {
    .name = "canonical",
    .create = create,
    .elect = elect,
    .propose = propose,
    .repair = repair_follower,
    .applied = applied,
    .destroy = destroy,
};
