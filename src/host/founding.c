/* founding.c - how a node comes to take part: when its core is made, and with which members.
 *
 *   What the directory holds       The core's members
 *   a log with a configuration     the newest one in the log
 *   a log without any entry        all founders, once each has been met and its incarnation is known
 *                                  ("founding"); or none, once a founded peer has accepted us: it will send
 *                                  the log ("joining")
 *
 * Founding needs every founder at once, and each counts only as the process that is connected now. That is
 * what makes it safe to forget about it in a crash: a founder whose directory was wiped meanwhile cannot
 * complete a second founding under the same cluster id, because one of the others already knows it by its old
 * incarnation and refuses it.
 *
 * A joining core follows and votes, but cannot campaign before the configuration has reached its log.
 *
 * The clock must not fall behind the log, so the last entry's time is read before the core is made. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool fl__founding_is_done(const struct fl_node *node)
{
    return node->roster.index > 0 || node->damaged > 0;
}

void fl__founding_fill_hello(struct fl_node *node, struct fl__hello *hello)
{
    hello->founded = fl__founding_is_done(node);
    memcpy(hello->cluster_id, node->identity.cluster_id, sizeof hello->cluster_id);
    hello->incarnation = node->identity.incarnation;
    hello->boot = node->boot;
    hello->term = node->durable_term;
    memcpy(hello->name, node->identity.name, sizeof hello->name);
    memcpy(hello->client, node->client, sizeof hello->client);
}

/* Members are known by incarnation once the core has them; before, whoever comes with the right name is
 * believed. */
static bool is_known_otherwise(const struct fl_node *node, const struct fl__hello *hello)
{
    const struct fl_node_member *member = fl__roster_named(&node->roster, hello->name);
    return member && member->id_known && member->id != hello->incarnation;
}

enum fl__refusal fl__founding_check(struct fl_node *node, const struct fl__hello *hello,
                                    const struct fl__slot *slot)
{
    if (memcmp(hello->cluster_id, node->identity.cluster_id, sizeof hello->cluster_id) != 0)
        return FL__REFUSED_CLUSTER;
    if (hello->incarnation == node->identity.incarnation)
        return hello->boot == node->boot ? FL__REFUSED_SELF : FL__REFUSED_DUPLICATE;
    if (!slot)
        return FL__REFUSED_NOT_MEMBER;
    return is_known_otherwise(node, hello) ? FL__REFUSED_INCARNATION : FL__REFUSED_NOT;
}

/* --------------------------------------------------------------------------------------------- the core */

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

static fl_term wal_term_at(void *wal, fl_index index)
{
    return fl__wal_term_at(wal, index);
}

static void fill_config(struct fl_node *node)
{
    struct fl_raft_config *config = &node->raft_config;
    const struct fl_node_limits *limits = &node->options.limits;
    fl_raft_config_init(config);
    config->id = node->identity.incarnation;
    config->boot = node->boot;
    config->seed = fl__driver_seed(node);
    config->election_timeout_us = node->options.election_timeout_us;
    config->heartbeat_us = node->options.heartbeat_us;
    config->members_max = FL_MEMBERS_MAX;
    config->runs_max = limits->terms;
    config->outline_runs_max = limits->terms < FL__FRAME_RUNS_MAX ? limits->terms : FL__FRAME_RUNS_MAX;
    config->message_entries_max = limits->message_entries;
    config->message_size_max = limits->message_size;
    config->window_messages = limits->window_messages;
    config->window_entries = limits->window_entries;
    config->window_size = limits->window_size;
    config->term_at = wal_term_at;
    config->term_at_context = node->wal;
}

/* The core takes every member for connected until it is told otherwise. */
static void tell_connections(struct fl_node *node)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        struct fl__slot *slot = &node->transport.slots[k];
        if (!slot->used || !slot->member.id_known)
            continue;
        if (slot->is_up && slot->standing.takes_part) {
            slot->told_channel = slot->channel->number;
            fl_raft_peer_up(node->raft, node->now, slot->member.id);
        } else {
            fl_raft_peer_down(node->raft, node->now, slot->member.id);
        }
    }
}

static void create_core(struct fl_node *node)
{
    struct fl_member list[FL_MEMBERS_MAX], previous_list[FL_MEMBERS_MAX];
    const struct fl__wal_recovered *found = &node->found;
    const struct fl_raft_start start = {
        .term = node->found_vote.term,
        .has_vote = node->found_vote.has_vote,
        .vote = node->found_vote.vote,
        .runs = found->runs,
        .run_count = found->run_count,
        .last = found->last,
        .commit = found->commit,
        .damaged = found->damaged,
        .members = fl__roster_members(&node->roster, list),
        .previous = fl__roster_members(&node->previous, previous_list),
    };
    const struct fl_allocator allocator = {.allocate = allocate, .release = release};
    fill_config(node);
    int result = fl_raft_create(&node->raft, &node->raft_config, &start, &allocator, node->now);
    if (result != FL_OK) {
        fl__driver_fail(
            node, "its log and its term contradict each other (%s); the files under %s are not of one time",
            fl_error_text(result), node->directory);
        return;
    }
    fl__wal_recovered_release(&node->found);
    tell_connections(node);
    fl__driver_event(node);
    if (node->status.commit > 0)
        fl__apply_commit(node, node->status.commit);
    fl__driver_tell_state(node);
    fl__driver_wake(node);
}

/* ----------------------------------------------------------------------------------------------- founding */

/* All founders, this node included, in the order in which they were named; false if one is not connected. */
static bool gather_founders(struct fl_node *node, struct fl__roster *out)
{
    *out = (struct fl__roster){.count = node->identity.founder_count};
    for (uint32_t k = 0; k < out->count; k++) {
        struct fl_node_member *member = &out->members[k];
        *member = node->identity.founders[k];
        member->id_known = true;
        out->kinds[k] = FL_VOTER;
        if (strcmp(member->name, node->identity.name) == 0) {
            member->id = node->identity.incarnation;
            memcpy(member->client, node->client, sizeof member->client);
            continue;
        }
        const struct fl__slot *slot = fl__transport_named(&node->transport, member->name);
        if (!slot || !slot->is_up || slot->standing.founded)
            return false;
        member->id = slot->member.id;
        memcpy(member->client, slot->member.client, sizeof member->client);
    }
    return out->count > 0;
}

static bool is_accepted_by_founded(const struct fl_node *node)
{
    for (uint32_t k = 0; k < FL__SLOTS_MAX; k++) {
        const struct fl__slot *slot = &node->transport.slots[k];
        if (slot->used && slot->is_up && slot->standing.founded)
            return true;
    }
    return false;
}

static void found(struct fl_node *node)
{
    struct fl__roster *roster = &node->decoded[0]; /* Large, and unused now. */
    if (is_accepted_by_founded(node)) {
        fl__tell(node, FL_LOG_INFO, &(struct fl_node_event){.kind = FL_NODE_JOINING},
                 "joins the cluster that the others have founded");
        create_core(node);
        return;
    }
    if (!gather_founders(node, roster))
        return;
    char text[48] = "founds the cluster alone";
    if (roster->count > 1)
        snprintf(text, sizeof text, "has met all %u founders", (unsigned)roster->count);
    node->roster = *roster;
    fl__tell(node, FL_LOG_INFO,
             &(struct fl_node_event){.kind = FL_NODE_FOUNDING, .voters = node->roster.count}, "%s", text);
    create_core(node);
    if (node->raft && !node->is_failed && node->options.campaign_first) {
        if (fl_raft_campaign(node->raft, node->now) != FL_OK)
            fl__say(&node->log, FL_LOG_DEBUG, "may not campaign first; waits its time like the others");
        fl__driver_event(node);
    }
}

static void on_last_read(struct fl__wal_read *read)
{
    struct fl_node *node = read->owner;
    node->last_is_loading = false;
    node->last_is_known = true;
    for (uint32_t k = 0; k < read->entry_count; k++) {
        fl__clock_restore(&node->clock, read->entries[k]->time_us);
        fl__entry_release(read->entries[k]);
    }
    free(read->entries);
    if (read->entry_count == 0 && node->damaged == 0 && !node->is_closing)
        fl__driver_fail(node, "entry %llu of its log could not be read: %s; check the disk under %s",
                        (unsigned long long)read->first, fl_error_text(read->result), node->directory);
    if (!node->is_closing && !node->is_failed) {
        fl__driver_now(node);
        fl__founding_advance(node);
    }
    fl__node_maybe_closed(node);
}

static void read_last(struct fl_node *node)
{
    fl_index last = node->found.last;
    node->last_is_loading = true;
    node->last_read = (struct fl__wal_read){
        .first = last, .last = last, .size_max = 1, .done = on_last_read, .owner = node};
    fl__wal_read(node->wal, &node->last_read);
}

void fl__founding_advance(struct fl_node *node)
{
    if (node->raft || node->is_failed || node->last_is_loading)
        return;
    if (node->found.last == 0)
        found(node);
    else if (node->last_is_known)
        create_core(node);
    else
        read_last(node);
}
