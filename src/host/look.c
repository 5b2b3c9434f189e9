/* look.c - what people see of a node when they look: its status and its log's entries.
 *
 * All of it is about this node alone and needs no quorum: it is asked for exactly when something is wrong. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define JOBS_MAX 16
#define TURN_LINES 1000 /* Of one job, in one turn of the loop. */
#define LOAD_SIZE ((uint64_t)4 << 20)

/* One fl_node_log() that is under way. */
struct job {
    struct fl_node *node;
    fl_index next, last;
    void (*line)(void *context, const struct fl_log_line *line);
    void (*done)(void *context, int result);
    void *context;
    struct fl__wal_read read;
    bool is_used, is_loading, is_ended; /* is_ended: answered, and only the read is left. */
};

struct fl__log_jobs {
    struct job jobs[JOBS_MAX];
};

int fl__look_create(struct fl_node *node)
{
    node->jobs = calloc(1, sizeof *node->jobs);
    return node->jobs ? FL_OK : FL_ENOMEM;
}

void fl__look_destroy(struct fl_node *node)
{
    free(node->jobs);
    node->jobs = NULL;
}

/* ------------------------------------------------------------------------------------------------- status */

static const struct fl__slot *find_slot(const struct fl_node *node, const char *name)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        const struct fl__slot *slot = &node->transport.slots[k];
        if (slot->used && strcmp(slot->member.name, name) == 0)
            return slot;
    }
    return NULL;
}

static void fill_peer(const struct fl_node *node, uint32_t k, struct fl_node_peer *out)
{
    const struct fl_node_member *member = &node->roster.members[k];
    out->member = *member;
    out->voter = node->roster.kinds[k] == FL_VOTER;
    out->self = strcmp(member->name, node->identity.name) == 0;
    if (out->self) {
        out->up = !node->is_failed;
        out->match = node->status.durable;
        out->next = node->status.last + 1;
        memcpy(out->member.client, node->client, sizeof node->client);
        return;
    }
    const struct fl__slot *slot = find_slot(node, member->name);
    if (slot) {
        out->up = slot->is_up;
        out->conflicts_total = slot->conflicts_total;
        out->round_trip_us = slot->round_trip_us;
        if (slot->member.client[0] != '\0')
            memcpy(out->member.client, slot->member.client, sizeof slot->member.client);
        if (slot->member.id_known) {
            out->member.id = slot->member.id;
            out->member.id_known = true;
        }
    }
    struct fl_peer_status peer;
    for (uint32_t other = 0; node->raft && fl_raft_peer(node->raft, other, &peer); other++) {
        if (peer.id != member->id)
            continue;
        out->progress = peer.progress;
        out->match = peer.match;
        out->next = peer.next;
        out->rejections = peer.rejections;
        out->entries_sent = peer.entries_sent;
    }
}

/* Before the core is made, the members are those that are to found the cluster. */
static void fill_founders(const struct fl_node *node, struct fl_node_status *out)
{
    out->peer_count = node->identity.founder_count;
    for (uint32_t k = 0; k < out->peer_count; k++) {
        struct fl_node_peer *peer = &out->peers[k];
        peer->member = node->identity.founders[k];
        peer->voter = true;
        peer->self = strcmp(peer->member.name, node->identity.name) == 0;
        const struct fl__slot *slot = find_slot(node, peer->member.name);
        peer->up = peer->self || (slot && slot->is_up);
    }
}

static void fill_members(const struct fl_node *node, struct fl_node_status *out)
{
    if (node->roster.count == 0) {
        fill_founders(node, out);
        return;
    }
    out->peer_count = node->roster.count;
    for (uint32_t k = 0; k < out->peer_count; k++)
        fill_peer(node, k, &out->peers[k]);
}

#define USUAL_SIZE 1024 /* Smaller commands may still fit into a log that counts as full. */

static void fill_log(const struct fl_node *node, struct fl_node_status *out)
{
    const struct fl_status *status = &node->status;
    bool is_running = node->raft != NULL;
    /* Who failed hears of nobody any more: what it was then says nothing of now. */
    out->role = node->is_failed ? FL_FOLLOWER : status->role;
    out->term = is_running ? status->term : node->found_vote.term;
    out->has_vote = is_running ? status->has_vote : node->found_vote.has_vote;
    out->vote = is_running ? status->vote : node->found_vote.vote;
    out->has_leader = status->has_leader && !node->is_failed;
    out->leader = out->has_leader ? status->leader : 0;
    out->last = is_running ? status->last : node->found.last;
    out->durable = is_running ? status->durable : node->found.last;
    out->commit = is_running ? status->commit : node->found.commit;
    out->applied = node->applier.applied;
    out->log_size = node->wal ? fl__wal_size(node->wal) : 0;
    out->log_used = node->wal ? fl__wal_used(node->wal) : 0;
    out->log_room = node->wal ? fl__wal_room(node->wal, 1, USUAL_SIZE) : FL_OK;
    if (out->log_room == FL_EFULL)
        out->log_room = FL_OK; /* As far as it knows. */
    if (out->log_room == FL_OK && out->role == FL_LEADER && fl__forward_others_are_full(node))
        out->log_room = FL_ENOSPC;
    out->elections_started = status->elections_started;
    out->elections_won = status->elections_won;
    out->truncated_entries = status->truncated_entries;
}

/* A node whose disk failed, whose log has a hole, or whom the others refuse: of no use until somebody
 * acts. */
static void fill_damage(const struct fl_node *node, struct fl_node_status *out)
{
    bool is_refused = node->transport.refusal != NULL;
    out->damaged = node->is_failed || node->damaged > 0 || is_refused;
    if (node->is_failed || node->damaged > 0)
        memcpy(out->damage, node->damage, sizeof out->damage);
    else if (is_refused)
        snprintf(out->damage, sizeof out->damage, "the other members refuse it: %s", node->transport.refusal);
}

void fl_node_status(const struct fl_node *node, struct fl_node_status *out)
{
    *out = (struct fl_node_status){.id = node->identity.incarnation, .boot = node->boot};
    memcpy(out->name, node->identity.name, sizeof out->name);
    memcpy(out->cluster_id, node->identity.cluster_id, sizeof out->cluster_id);
    fill_log(node, out);
    fill_members(node, out);
    out->founded = fl__driver_is_founded(node);
    out->ready = fl__reads_is_ready(node) && !node->is_failed;
    fill_damage(node, out);
    out->time_us = node->applier.time_us;
    if (out->role == FL_LEADER)
        out->leader_time_us = fl__clock_peek(&node->clock, node->io->vtable->now(node->io),
                                             node->io->vtable->wall_clock_us(node->io));
    out->leader_changes = node->leader_changes;
    out->committed = node->committed_count;
    out->refused = node->refused_count;
    out->unknown = node->unknown_count;
    out->pending = fl__forward_pending(node) + fl__reads_pending(node);
    if (node->wal) /* It is gone before a closing node is. */
        out->sync_time = *fl__wal_sync_time(node->wal);
    out->commit_time = node->applier.commit_time;
    out->apply_time = node->applier.apply_time;
}

/* -------------------------------------------------------------------------------------- the log's entries */

static void show(struct job *job, const struct fl__entry *entry)
{
    const struct fl_node *node = job->node;
    const struct fl_status *status = &node->status;
    size_t size;
    const uint8_t *data = fl__entry_data(entry, &size);
    bool is_command = entry->kind == FL_ENTRY_COMMAND;
    const struct fl_log_line line = {
        .index = entry->index,
        .term = entry->term,
        .kind = entry->kind,
        .committed = entry->index <= (node->raft ? status->commit : node->found.commit),
        .durable = !node->raft || entry->index <= status->durable,
        .data = is_command ? data : NULL,
        .size = is_command ? size : 0,
    };
    job->next = entry->index + 1;
    job->line(job->context, &line);
}

static void end(struct job *job, int result)
{
    job->is_ended = true;
    job->is_used = job->is_loading;
    job->done(job->context, result);
}

static void on_loaded(struct fl__wal_read *read)
{
    struct job *job = read->owner;
    struct fl_node *node = job->node;
    job->is_loading = false;
    for (uint32_t k = 0; k < read->entry_count; k++) {
        if (!job->is_ended)
            show(job, read->entries[k]);
        fl__entry_release(read->entries[k]);
    }
    free(read->entries);
    if (job->is_ended)
        job->is_used = false;
    else if (read->entry_count == 0)
        end(job, read->result);
    node->is_dirty = true;
    fl__node_maybe_closed(node);
}

static void load(struct job *job)
{
    job->is_loading = true;
    job->read = (struct fl__wal_read){
        .first = job->next, .last = job->last, .size_max = LOAD_SIZE, .done = on_loaded, .owner = job};
    fl__wal_read(job->node->wal, &job->read);
}

static void advance(struct job *job)
{
    struct fl_node *node = job->node;
    for (uint32_t count = 0; job->next <= job->last; count++) {
        if (count == TURN_LINES) {
            node->is_dirty = true;
            return;
        }
        struct fl__entry *entry = node->raft ? fl__driver_cached(node, job->next) : NULL;
        if (!entry) {
            load(job);
            return;
        }
        show(job, fl__entry_hold(entry));
        fl__entry_release(entry);
    }
    end(job, FL_OK);
}

void fl__look_jobs(struct fl_node *node)
{
    for (uint32_t k = 0; k < JOBS_MAX; k++) {
        struct job *job = &node->jobs->jobs[k];
        if (job->is_used && !job->is_loading && !job->is_ended)
            advance(job);
    }
}

void fl__look_end(struct fl_node *node)
{
    for (uint32_t k = 0; k < JOBS_MAX; k++) {
        struct job *job = &node->jobs->jobs[k];
        if (job->is_used && !job->is_ended)
            end(job, FL_ESTOPPED);
    }
}

int fl_node_log(struct fl_node *node, fl_index first, fl_index last,
                void (*line)(void *context, const struct fl_log_line *line),
                void (*done)(void *context, int result), void *context)
{
    if (node->is_closing)
        return FL_ESTOPPED;
    if (first == 0 || first > last)
        return FL_EINVAL;
    for (uint32_t k = 0; k < JOBS_MAX; k++) {
        struct job *job = &node->jobs->jobs[k];
        if (job->is_used)
            continue;
        *job = (struct job){.node = node,
                            .next = first,
                            .last = last,
                            .line = line,
                            .done = done,
                            .context = context,
                            .is_used = true};
        fl__driver_wake(node);
        return FL_OK;
    }
    return FL_EFULL;
}
