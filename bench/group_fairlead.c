/* group_fairlead.c - the harness of group.h around Fairlead's core. */
#include "group.h"

#include <stdlib.h>
#include <string.h>

enum {
    QUEUE_MAX = 4096,
    CHUNK_ENTRIES = 1024, /* Payloads are kept in pieces of this many. */
    CHUNKS_MAX = 1 << 14,
    HEADER_SIZE = 24 + 112, /* Sizes on the wire: see src/host/frame.c. */
    OUTLINE_SIZE = 40,
    RUN_SIZE = 16,
    ENTRY_SIZE = 16,
};

/* A message on its way, with its own runs. The arrays stay with the place in the queue. */
struct envelope {
    struct fl_message message;
    struct fl_run *runs, *outline_runs;
    uint32_t runs_max, outline_runs_max;
    uint64_t hop;
};

struct replica {
    struct fl_raft *raft;
    uint8_t *chunks[CHUNKS_MAX]; /* The payloads, by index. */
    fl_index applied;
    uint64_t sum;
};

struct group {
    struct replica replicas[REPLICAS];
    struct envelope queue[QUEUE_MAX];
    uint32_t head, tail; /* Rise; modulo QUEUE_MAX. */
    fl_time_us now;
    uint64_t proposed, hop;
    bool is_away, is_counted;
    struct group_traffic traffic;
};

static void *allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

static uint8_t *payload_at(struct replica *replica, fl_index index)
{
    if (index / CHUNK_ENTRIES >= CHUNKS_MAX)
        group_fail("too many entries");
    uint8_t **chunk = &replica->chunks[index / CHUNK_ENTRIES];
    if (!*chunk && !(*chunk = malloc((size_t)CHUNK_ENTRIES * PAYLOAD_SIZE)))
        group_fail("no memory for payloads");
    return *chunk + index % CHUNK_ENTRIES * PAYLOAD_SIZE;
}

/* Copies the payloads [first, last], a piece at a time. */
static void copy_payloads(struct replica *to, struct replica *from, fl_index first, fl_index last)
{
    while (first <= last) {
        fl_index count = CHUNK_ENTRIES - first % CHUNK_ENTRIES;
        if (count > last - first + 1)
            count = last - first + 1;
        memcpy(payload_at(to, first), payload_at(from, first), count * PAYLOAD_SIZE);
        first += count;
    }
}

/* --------------------------------------------------------------------------------------------------- work */

static const struct fl_run *copy_runs(struct fl_run **to, uint32_t *max, const struct fl_run *runs,
                                      uint32_t count)
{
    if (count == 0)
        return NULL;
    if (count > *max) {
        free(*to);
        *to = group_allocate(count * sizeof **to);
        *max = count;
    }
    for (uint32_t k = 0; k < count; k++)
        (*to)[k] = runs[k];
    return *to;
}

static struct fl_message *post(struct group *group, const struct fl_message *message)
{
    if (group->tail - group->head == QUEUE_MAX)
        group_fail("the queue is full");
    struct envelope *envelope = &group->queue[group->tail++ % QUEUE_MAX];
    envelope->message = *message;
    envelope->hop = group->hop + 1;
    envelope->message.runs =
        copy_runs(&envelope->runs, &envelope->runs_max, message->runs, message->run_count);
    if (message->outline.present)
        envelope->message.outline.runs = copy_runs(&envelope->outline_runs, &envelope->outline_runs_max,
                                                   message->outline.runs, message->outline.run_count);
    return &envelope->message;
}

static void send(struct group *group, struct replica *replica, const struct fl_message *borrowed)
{
    const struct fl_message *message = post(group, borrowed);
    bool has_entries = message->type == FL_MSG_APPEND && message->last > message->prev;
    bool is_lost = group->is_away && (message->to == FOLLOWER || message->from == FOLLOWER);
    if (has_entries && fl_raft_sent(replica->raft, message->to, message->term, message->number, message->last,
                                    (message->last - message->prev) * PAYLOAD_SIZE) != FL_OK)
        is_lost = true; /* Overtaken. */
    if (is_lost)
        group->tail--;
}

static void apply(struct replica *replica, fl_index commit)
{
    while (replica->applied < commit)
        replica->sum += group_apply(payload_at(replica, ++replica->applied));
}

static void drain(struct group *group, struct replica *replica)
{
    struct fl_work work;
    while (fl_raft_take(replica->raft, &work)) {
        if (work.type == FL_WORK_PERSIST) {
            if (fl_raft_persisted(replica->raft, group->now, work.persist.ticket) != FL_OK)
                group_fail("a persist was not accepted");
        } else if (work.type == FL_WORK_SEND) {
            send(group, replica, work.send.message);
        } else if (work.type == FL_WORK_COMMIT) {
            apply(replica, work.commit);
        }
    }
}

/* ------------------------------------------------------------------------------------------------ traffic */

static void count(struct group_traffic *traffic, const struct envelope *envelope)
{
    const struct fl_message *message = &envelope->message;
    if (message->from == OTHER || message->to == OTHER)
        return;
    uint64_t size = message->outline.present ? OUTLINE_SIZE + RUN_SIZE * message->outline.run_count : 0;
    if (message->type == FL_MSG_APPEND || message->type == FL_MSG_APPEND_REPLY) {
        traffic->messages++;
        traffic->rejections += message->rejected;
        size += HEADER_SIZE + RUN_SIZE * message->run_count;
        if (envelope->hop > traffic->hops)
            traffic->hops = envelope->hop;
    }
    if (message->type == FL_MSG_APPEND) {
        traffic->entries += message->last - message->prev;
        size += (message->last - message->prev) * (ENTRY_SIZE + PAYLOAD_SIZE);
    }
    traffic->bytes += size; /* Of a vote's answer, which is sent anyway, only the outline. */
}

static void deliver(struct group *group)
{
    struct envelope *envelope = &group->queue[group->head % QUEUE_MAX];
    const struct fl_message *message = &envelope->message;
    struct replica *to = &group->replicas[message->to];
    struct fl_accepted accepted;
    group->hop = envelope->hop;
    if (group->is_counted)
        count(&group->traffic, envelope);
    if (fl_raft_receive(to->raft, group->now, message, &accepted) != FL_OK)
        group_fail("a message was refused");
    if (accepted.first)
        copy_payloads(to, &group->replicas[message->from], accepted.first, accepted.last);
    drain(group, to);
    group->head++; /* Only now: what is posted meanwhile must not take this place. */
}

static void run(struct group *group)
{
    while (group->head != group->tail)
        deliver(group);
    group->head = group->tail = 0; /* The first places are in the processor's cache. */
}

/* --------------------------------------------------------------------------------------------------- side */

static void create_replica(struct group *group, uint32_t k, const struct group_log *log,
                           enum fl_repair repair)
{
    static const struct fl_member list[REPLICAS] = {{0, FL_VOTER}, {1, FL_VOTER}, {2, FL_VOTER}};
    static const struct fl_allocator allocator = {.allocate = allocate, .release = release};
    struct fl_raft_config config;
    fl_raft_config_init(&config);
    config.id = k;
    config.boot = 100 + k;
    config.seed = k;
    config.repair = repair;
    struct fl_raft_start start = {.members = {.count = REPLICAS, .list = list}};
    if (log && log->last > 0) {
        start.runs = log->runs;
        start.run_count = log->run_count;
        start.last = log->last;
        start.commit = log->commit;
        start.term = log->runs[log->run_count - 1].term;
        start.members.index = 1;
    }
    if (fl_raft_create(&group->replicas[k].raft, &config, &start, &allocator, group->now) != FL_OK)
        group_fail("no replica could be created");
    group->replicas[k].applied = start.commit;
}

static void *create(const struct group_log *logs, enum fl_repair repair)
{
    struct group *group = group_allocate(sizeof *group);
    group->now = 1000000;
    group->is_counted = logs != NULL;
    for (uint32_t k = 0; k < REPLICAS; k++)
        create_replica(group, k, logs ? &logs[k] : NULL, repair);
    return group;
}

static void connect(struct group *group, fl_id one, fl_id other)
{
    fl_raft_peer_up(group->replicas[one].raft, group->now, other);
    fl_raft_peer_up(group->replicas[other].raft, group->now, one);
}

static void elect(void *context, bool is_away)
{
    struct group *group = context;
    struct fl_status status;
    group->is_away = is_away;
    connect(group, LEADER, OTHER);
    if (!is_away) {
        connect(group, LEADER, FOLLOWER);
        connect(group, OTHER, FOLLOWER);
    }
    if (fl_raft_campaign(group->replicas[LEADER].raft, group->now) != FL_OK)
        group_fail("no campaign");
    drain(group, &group->replicas[LEADER]);
    for (;;) {
        fl_raft_status(group->replicas[LEADER].raft, &status);
        if (status.role == FL_LEADER)
            return;
        if (group->head == group->tail)
            group_fail("no leader");
        deliver(group);
    }
}

static void propose(void *context, uint32_t entries)
{
    struct group *group = context;
    struct replica *leader = &group->replicas[LEADER];
    fl_index first;
    fl_term term;
    run(group);
    if (fl_raft_propose(leader->raft, group->now, entries, &first, &term) != FL_OK)
        group_fail("a proposal was refused");
    for (uint32_t k = 0; k < entries; k++)
        group_make(payload_at(leader, first + k), group->proposed++);
    drain(group, leader);
    run(group);
}

static bool is_copy(struct group *group)
{
    struct fl_status mine, theirs;
    fl_raft_status(group->replicas[LEADER].raft, &mine);
    fl_raft_status(group->replicas[FOLLOWER].raft, &theirs);
    return mine.last == theirs.last && mine.last_term == theirs.last_term;
}

static void repair_follower(void *context, struct group_traffic *out)
{
    struct group *group = context;
    if (group->is_away) {
        run(group);
        group->is_away = false;
        group->hop = 0;
        connect(group, LEADER, FOLLOWER);
        drain(group, &group->replicas[LEADER]);
    }
    uint64_t before = group->hop; /* An election's messages are not counted. */
    while (!is_copy(group)) {
        if (group->head != group->tail) {
            deliver(group);
            continue;
        }
        if (group->traffic.heartbeats++ == 1000000)
            group_fail("no repair");
        group->now += 100000;
        fl_raft_tick(group->replicas[LEADER].raft, group->now);
        drain(group, &group->replicas[LEADER]);
    }
    *out = group->traffic;
    out->hops -= before;
    group->is_counted = false;
    run(group);
}

static uint64_t applied(void *context, uint32_t k)
{
    struct group *group = context;
    return group->replicas[k].sum;
}

static void destroy(void *context)
{
    struct group *group = context;
    for (uint32_t k = 0; k < REPLICAS; k++) {
        fl_raft_destroy(group->replicas[k].raft);
        for (uint32_t chunk = 0; chunk < CHUNKS_MAX; chunk++)
            free(group->replicas[k].chunks[chunk]);
    }
    for (uint32_t k = 0; k < QUEUE_MAX; k++) {
        free(group->queue[k].runs);
        free(group->queue[k].outline_runs);
    }
    free(group);
}

const struct group_side group_fairlead = {
    .name = "fairlead",
    .create = create,
    .elect = elect,
    .propose = propose,
    .repair = repair_follower,
    .applied = applied,
    .destroy = destroy,
};
