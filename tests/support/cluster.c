/* cluster.c - a randomised network of cores. */
#include "cluster.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "trace.h"

#define NEVER UINT64_MAX

static fl_time_us earlier(fl_time_us a, fl_time_us b)
{
    return a < b ? a : b;
}

uint64_t cluster_random(struct cluster *cluster, uint64_t below)
{
    cluster->random += 0x9e3779b97f4a7c15u;
    uint64_t value = cluster->random;
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    value ^= value >> 31;
    return below > 0 ? value % below : 0;
}

static bool chance(struct cluster *cluster, uint32_t in_a_thousand)
{
    return cluster_random(cluster, 1000) < in_a_thousand;
}

/* Some time around the mean. */
static fl_time_us after(struct cluster *cluster, fl_time_us mean)
{
    return cluster->world->now + 1 + cluster_random(cluster, 2 * mean);
}

/* ----------------------------------------------------------------------------------------------- settings */

void cluster_calm(struct cluster_settings *settings, uint32_t voters, uint64_t seed)
{
    *settings = (struct cluster_settings){
        .seed = seed,
        .voters = voters,
        .delay_min = 200,
        .delay_max = 1000,
        .batch_max = 1,
        .damaged = -1,
    };
    fl_world_settings_init(&settings->world);
    settings->world.raft.election_timeout_us = 200 * MILLISECOND;
    settings->world.raft.heartbeat_us = 20 * MILLISECOND;
}

static void draw_core(struct cluster_settings *settings, struct cluster *dice)
{
    struct fl_raft_config *raft = &settings->world.raft;
    static const uint32_t outlines[] = {1, 2, 3, 8, 1000};
    static const uint32_t messages[] = {1, 2, 7, 1000};
    settings->world.fold = chance(dice, 300);
    /* A log with more terms than fit, so that some are folded away. */
    raft->runs_max = settings->world.fold ? 8 + (uint32_t)cluster_random(dice, 24) : 1024;
    settings->start_terms = (uint32_t)cluster_random(dice, settings->world.fold ? 60 : 6);
    raft->outline_runs_max = outlines[cluster_random(dice, 5)];
    if (raft->outline_runs_max > raft->runs_max)
        raft->outline_runs_max = raft->runs_max;
    raft->message_entries_max = messages[cluster_random(dice, 4)];
    raft->message_size_max = chance(dice, 300) ? 1 + cluster_random(dice, 100) : 1u << 20;
    raft->window_entries = chance(dice, 300) ? 1 + cluster_random(dice, 20) : 65536;
    raft->window_size = chance(dice, 300) ? 1 + cluster_random(dice, 400) : 1u << 20;
    raft->window_messages = 1 + (uint32_t)cluster_random(dice, 32);
    raft->uncommitted_entries_max = chance(dice, 200) ? 1 + cluster_random(dice, 40) : 1u << 20;
    raft->pre_vote = !chance(dice, 250);
    raft->check_quorum = !chance(dice, 250);
    raft->repair = chance(dice, 800) ? FL_REPAIR_OUTLINE : (enum fl_repair)(1 + cluster_random(dice, 2));
    raft->heartbeat_us = 5 * MILLISECOND + cluster_random(dice, 10 * MILLISECOND);
    raft->election_timeout_us = raft->heartbeat_us * (5 + cluster_random(dice, 10));
}

void cluster_draw(struct cluster_settings *settings, uint64_t seed)
{
    static const uint32_t sizes[] = {3, 3, 5, 3, 5, 1, 2, 4, 7};
    struct cluster dice = {.random = seed * 7919 + 1};
    cluster_calm(settings, sizes[cluster_random(&dice, 9)], seed);
    settings->learners = chance(&dice, 100) ? 1 : 0;
    draw_core(settings, &dice);
    settings->delay_max = settings->delay_min + cluster_random(&dice, 4 * MILLISECOND);
    settings->late_chance = (uint32_t)cluster_random(&dice, 60);
    settings->late_max = cluster_random(&dice, 400 * MILLISECOND);
    settings->loss_chance = chance(&dice, 600) ? (uint32_t)cluster_random(&dice, 200) : 0;
    settings->double_chance = chance(&dice, 600) ? (uint32_t)cluster_random(&dice, 100) : 0;
    settings->museum_chance = chance(&dice, 600) ? (uint32_t)cluster_random(&dice, 30) : 0;
    settings->disk_max = chance(&dice, 700) ? 1 + cluster_random(&dice, 30 * MILLISECOND) : 0;
    settings->load_chance = chance(&dice, 400) ? (uint32_t)cluster_random(&dice, 300) : 0;
    settings->fault_every =
        chance(&dice, 900) ? 10 * MILLISECOND + cluster_random(&dice, 300 * MILLISECOND) : 0;
    settings->write_every = 1 * MILLISECOND + cluster_random(&dice, 30 * MILLISECOND);
    settings->read_every = 2 * MILLISECOND + cluster_random(&dice, 50 * MILLISECOND);
    settings->batch_max = chance(&dice, 500) ? 1 : 1 + (uint32_t)cluster_random(&dice, 12);
    settings->may_crash = chance(&dice, 800);
    settings->may_cut = chance(&dice, 700);
    settings->may_pause = chance(&dice, 400);
    settings->may_reorder = chance(&dice, 700);
    if (chance(&dice, 80) && settings->voters >= 3)
        settings->damaged = (int)cluster_random(&dice, settings->voters);
}

/* ---------------------------------------------------------------------------------------------- beginning */

static fl_index load(void *context, const struct fl_world *world, uint32_t node,
                     const struct fl_message *message)
{
    struct cluster *cluster = context;
    (void)world;
    (void)node;
    if (!cluster->faults || !chance(cluster, cluster->settings.load_chance))
        return message->last;
    switch (cluster_random(cluster, 3)) {
    case 0:
        return message->prev;
    case 1:
        return message->prev + 1 + cluster_random(cluster, message->last - message->prev);
    default:
        return UINT64_MAX;
    }
}

/* A log of so many terms, one to three entries each, committed everywhere. */
static void give_logs(struct cluster *cluster)
{
    fl_term terms[3 * 128];
    size_t count = 0;
    assert_in_range(cluster->settings.start_terms, 0, 128);
    for (fl_term term = 1; term <= cluster->settings.start_terms; term++)
        for (uint64_t k = 1 + cluster_random(cluster, 3); k > 0; k--)
            terms[count++] = term;
    for (uint32_t n = 0; n < cluster->world->count; n++) {
        fl_world_give_log(cluster->world, n, terms, count);
        fl_world_give_commit(cluster->world, n, count);
    }
}

void cluster_init(struct cluster *cluster, const struct cluster_settings *settings)
{
    static const char *const names[] = {"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"};
    memset(cluster, 0, sizeof *cluster);
    cluster->settings = *settings;
    cluster->random = settings->seed;
    cluster->faults = true;
    struct fl_world_settings world = settings->world;
    world.allocator = trace_allocator();
    world.seed = settings->seed;
    world.observe = trace_event;
    world.load = load;
    world.load_context = cluster;
    assert_int_equal(fl_world_create(&cluster->world, &world), FL_OK);
    for (uint32_t n = 0; n < settings->voters + settings->learners; n++) {
        enum fl_member_kind kind = n < settings->voters ? FL_VOTER : FL_LEARNER;
        assert_int_equal(fl_world_add(cluster->world, names[n], 1, kind), (int)n);
        cluster->world->nodes[n].disk.by_hand = settings->disk_max > 0;
    }
    give_logs(cluster);
    assert_int_equal(fl_world_start(cluster->world), FL_OK);
    cluster->write_at = settings->write_every ? after(cluster, settings->write_every) : NEVER;
    cluster->read_at = settings->read_every ? after(cluster, settings->read_every) : NEVER;
    cluster->fault_at = settings->fault_every ? after(cluster, settings->fault_every) : NEVER;
}

void cluster_release(struct cluster *cluster)
{
    for (uint32_t k = 0; k < cluster->museum_count; k++)
        fl_world_free(cluster->world, cluster->museum[k]);
    fl_world_destroy(cluster->world);
    cluster->world = NULL;
}

/* ------------------------------------------------------------------------------------------------ network */

static fl_time_us draw_delay(struct cluster *cluster)
{
    const struct cluster_settings *settings = &cluster->settings;
    if (cluster->faults && chance(cluster, settings->late_chance))
        return cluster_random(cluster, settings->late_max + 1);
    return settings->delay_min + cluster_random(cluster, settings->delay_max - settings->delay_min + 1);
}

/* When a new packet arrives. Without faults a link keeps the order, as a connection does. */
static fl_time_us draw_due(struct cluster *cluster, const struct fl_packet *packet)
{
    fl_time_us due = cluster->world->now + draw_delay(cluster);
    fl_time_us *latest = &cluster->latest[packet->from][packet->to];
    if (!cluster->faults || !cluster->settings.may_reorder)
        due = due > *latest ? due : *latest;
    *latest = due > *latest ? due : *latest;
    return due;
}

static void throw_copy(struct cluster *cluster, const struct fl_packet *packet)
{
    struct fl_packet *copy = fl_world_copy(cluster->world, packet);
    assert_non_null(copy);
    copy->due = cluster->world->now + draw_delay(cluster);
    fl_world_throw(cluster->world, copy);
}

static void put_into_museum(struct cluster *cluster, const struct fl_packet *packet)
{
    uint32_t place = (uint32_t)cluster_random(cluster, CLUSTER_MUSEUM_MAX);
    struct fl_packet *copy = fl_world_copy(cluster->world, packet);
    assert_non_null(copy);
    if (place >= cluster->museum_count) {
        cluster->museum[cluster->museum_count++] = copy;
        return;
    }
    fl_world_free(cluster->world, cluster->museum[place]);
    cluster->museum[place] = copy;
}

/* What becomes of each new packet. The list is in the order of numbers, so the new ones are at its end. */
static void give_fates(struct cluster *cluster)
{
    struct fl_packets *flying = &cluster->world->flying;
    uint64_t newest = cluster->world->packet_number;
    uint32_t k = flying->count;
    while (k > 0 && flying->list[k - 1]->number > cluster->fated)
        k--;
    for (uint32_t count = flying->count - k; count > 0; count--) {
        struct fl_packet *packet = flying->list[k];
        if (packet->is_copy) {
            k++;
            continue;
        }
        packet->due = draw_due(cluster, packet);
        if (cluster->faults && chance(cluster, cluster->settings.double_chance))
            throw_copy(cluster, packet);
        if (cluster->faults && cluster->settings.museum_chance && chance(cluster, 50))
            put_into_museum(cluster, packet);
        if (cluster->faults && chance(cluster, cluster->settings.museum_chance) && cluster->museum_count > 0)
            throw_copy(cluster, cluster->museum[cluster_random(cluster, cluster->museum_count)]);
        if (cluster->faults && chance(cluster, cluster->settings.loss_chance))
            fl_world_drop(cluster->world, k);
        else
            k++;
    }
    cluster->fated = newest > cluster->fated ? newest : cluster->fated;
}

static fl_time_us first_packet(const struct cluster *cluster, uint32_t *at)
{
    const struct fl_packets *flying = &cluster->world->flying;
    fl_time_us first = NEVER;
    for (uint32_t k = 0; k < flying->count; k++) {
        fl_time_us due = flying->list[k]->due;
        fl_time_us until = cluster->pause_until[flying->list[k]->to];
        due = due > until ? due : until;
        if (due < first) {
            first = due;
            *at = k;
        }
    }
    return first;
}

/* ------------------------------------------------------------------------------------------------- faults */

void cluster_crash(struct cluster *cluster, uint32_t n)
{
    struct fl_world *world = cluster->world;
    if (!world->nodes[n].is_alive)
        return;
    cluster->hint[n] = cluster_random(cluster, fl_world_status(world, n).commit + 1);
    uint32_t writes = world->nodes[n].disk.write_count;
    fl_world_crash(world, n, (uint32_t)cluster_random(cluster, writes + 1),
                   (uint32_t)cluster_random(cluster, 4));
    cluster->disk_at[n] = cluster->load_at[n] = 0;
    for (uint32_t peer = 0; peer < world->count; peer++) {
        if (peer == n || !world->nodes[peer].is_alive || !chance(cluster, 500))
            continue;
        cluster->down[peer][n] = true;
        fl_world_peer(world, peer, n, false);
    }
}

static fl_index draw_damage(struct cluster *cluster, uint32_t n)
{
    fl_index last = cluster->world->nodes[n].disk.log.last;
    if ((int)n != cluster->settings.damaged || last == 0)
        return 0;
    return 1 + cluster_random(cluster, last);
}

void cluster_restart(struct cluster *cluster, uint32_t n)
{
    struct fl_world *world = cluster->world;
    if (world->nodes[n].is_alive)
        return;
    fl_index damaged = world->nodes[n].disk.damaged;
    fl_world_restart(world, n, cluster->hint[n], damaged ? damaged : draw_damage(cluster, n));
    for (uint32_t peer = 0; peer < world->count; peer++) {
        cluster->down[n][peer] = false;
        if (cluster->down[peer][n])
            fl_world_peer(world, peer, n, true);
        cluster->down[peer][n] = false;
    }
}

void cluster_isolate(struct cluster *cluster, uint32_t node, bool isolated)
{
    for (uint32_t peer = 0; peer < cluster->world->count; peer++) {
        if (peer == node)
            continue;
        fl_world_link(cluster->world, node, peer, !isolated);
        fl_world_link(cluster->world, peer, node, !isolated);
    }
}

static void heal_links(struct cluster *cluster)
{
    struct fl_world *world = cluster->world;
    for (uint32_t a = 0; a < world->count; a++)
        for (uint32_t b = 0; b < world->count; b++)
            if (fl_world_is_cut(world, a, b))
                fl_world_link(world, a, b, true);
}

static void cut_something(struct cluster *cluster)
{
    struct fl_world *world = cluster->world;
    uint32_t a = (uint32_t)cluster_random(cluster, world->count),
             b = (uint32_t)cluster_random(cluster, world->count);
    uint64_t side = cluster_random(cluster, (uint64_t)1 << world->count);
    switch (cluster_random(cluster, 4)) {
    case 0: /* One direction. */
        if (a != b)
            fl_world_link(world, a, b, false);
        break;
    case 1:
        cluster_isolate(cluster, a, true);
        break;
    case 2: /* A partition. */
        for (uint32_t k = 0; k < world->count * world->count; k++)
            if ((side >> (k / world->count) & 1) != (side >> (k % world->count) & 1))
                fl_world_link(world, k / world->count, k % world->count, false);
        break;
    default:
        heal_links(cluster);
        break;
    }
}

static void power_failure(struct cluster *cluster)
{
    for (uint32_t n = 0; n < cluster->world->count; n++)
        cluster_crash(cluster, n);
    for (uint32_t n = 0; n < cluster->world->count; n++)
        if (chance(cluster, 800))
            cluster_restart(cluster, n);
}

static void make_trouble(struct cluster *cluster)
{
    uint32_t n = (uint32_t)cluster_random(cluster, cluster->world->count);
    uint64_t kind = cluster_random(cluster, 10);
    if (kind < 4 && cluster->settings.may_crash) {
        if (cluster->world->nodes[n].is_alive)
            cluster_crash(cluster, n);
        else
            cluster_restart(cluster, n);
    } else if (kind < 5 && cluster->settings.may_crash && chance(cluster, 300)) {
        power_failure(cluster);
    } else if (kind < 8 && cluster->settings.may_cut) {
        cut_something(cluster);
    } else if (kind < 9 && cluster->settings.may_pause) {
        cluster->pause_until[n] = after(cluster, 2 * cluster->settings.world.raft.election_timeout_us);
    } else {
        heal_links(cluster);
        for (uint32_t k = 0; k < cluster->world->count; k++)
            cluster_restart(cluster, k);
    }
}

void cluster_heal(struct cluster *cluster)
{
    struct fl_world *world = cluster->world;
    cluster->faults = false;
    cluster->fault_at = cluster->write_at = cluster->read_at = NEVER;
    heal_links(cluster);
    for (uint32_t n = 0; n < world->count; n++) {
        world->nodes[n].disk.by_hand = false;
        cluster->pause_until[n] = 0;
        cluster_restart(cluster, n);
    }
    for (uint32_t n = 0; n < world->count; n++) {
        while (world->nodes[n].loading.count > 0)
            fl_world_load(world, n, 0);
        while (world->nodes[n].disk.write_count > 0 && world->error == FL_OK)
            fl_world_sync(world, n, UINT32_MAX);
    }
    for (uint32_t a = 0; a < world->count; a++)
        for (uint32_t b = 0; b < world->count; b++)
            if (cluster->down[a][b]) {
                cluster->down[a][b] = false;
                fl_world_peer(world, a, b, true);
            }
}

/* -------------------------------------------------------------------------------------------------- steps */

static int pick_leader(struct cluster *cluster)
{
    uint32_t from = (uint32_t)cluster_random(cluster, cluster->world->count);
    for (uint32_t k = 0; k < cluster->world->count; k++) {
        uint32_t n = (from + k) % cluster->world->count;
        if (fl_world_status(cluster->world, n).role == FL_LEADER)
            return (int)n;
    }
    return -1;
}

static void do_clients(struct cluster *cluster)
{
    const struct cluster_settings *settings = &cluster->settings;
    if (cluster->write_at <= cluster->world->now) {
        int leader = pick_leader(cluster);
        uint32_t count = 1 + (uint32_t)cluster_random(cluster, settings->batch_max);
        if (leader >= 0)
            (void)fl_world_propose(cluster->world, (uint32_t)leader, count);
        cluster->write_at = after(cluster, settings->write_every);
    }
    if (cluster->read_at <= cluster->world->now) {
        (void)fl_world_read(cluster->world, (uint32_t)cluster_random(cluster, cluster->world->count));
        cluster->read_at = after(cluster, settings->read_every);
    }
    if (cluster->fault_at <= cluster->world->now) {
        make_trouble(cluster);
        cluster->fault_at = after(cluster, settings->fault_every);
    }
}

/* The time of one node's next event, which is not a message. */
static fl_time_us node_time(struct cluster *cluster, uint32_t n)
{
    const struct fl_world_node *node = &cluster->world->nodes[n];
    if (!node->is_alive)
        return NEVER;
    if (node->disk.write_count > 0 && cluster->disk_at[n] == 0)
        cluster->disk_at[n] = cluster->world->now + 1 + cluster_random(cluster, cluster->settings.disk_max);
    if (node->loading.count > 0 && cluster->load_at[n] == 0)
        cluster->load_at[n] = cluster->world->now + 1 + cluster_random(cluster, 20 * MILLISECOND);
    fl_time_us at = fl_raft_deadline(node->raft);
    at = cluster->disk_at[n] ? earlier(at, cluster->disk_at[n]) : at;
    at = cluster->load_at[n] ? earlier(at, cluster->load_at[n]) : at;
    return at > cluster->pause_until[n] ? at : cluster->pause_until[n];
}

static void do_node(struct cluster *cluster, uint32_t n)
{
    struct fl_world *world = cluster->world;
    const struct fl_world_node *node = &world->nodes[n];
    if (cluster->disk_at[n] && cluster->disk_at[n] <= world->now) {
        cluster->disk_at[n] = 0;
        fl_world_sync(world, n, 1 + (uint32_t)cluster_random(cluster, node->disk.write_count));
    }
    if (cluster->load_at[n] && cluster->load_at[n] <= world->now) {
        cluster->load_at[n] = 0;
        if (node->loading.count > 0)
            fl_world_load(world, n, (uint32_t)cluster_random(cluster, node->loading.count));
    }
    if (fl_raft_deadline(node->raft) <= world->now)
        fl_world_tick(world, n);
}

/* The next thing happens; false if it would be after `end`. */
static bool step(struct cluster *cluster, fl_time_us end)
{
    struct fl_world *world = cluster->world;
    uint32_t packet = 0, node = 0;
    give_fates(cluster);
    fl_time_us clients = earlier(cluster->write_at, earlier(cluster->read_at, cluster->fault_at));
    fl_time_us packets = first_packet(cluster, &packet), nodes = NEVER;
    for (uint32_t n = 0; n < world->count; n++) {
        fl_time_us at = node_time(cluster, n);
        if (at < nodes) {
            nodes = at;
            node = n;
        }
    }
    fl_time_us next = earlier(clients, earlier(packets, nodes));
    if (next > end || world->error != FL_OK || world->judge.trip_count > 0) {
        world->now = end;
        return false;
    }
    world->now = next > world->now ? next : world->now;
    if (clients == next)
        do_clients(cluster);
    else if (packets == next)
        fl_world_deliver(world, packet);
    else
        do_node(cluster, node);
    return true;
}

void cluster_run(struct cluster *cluster, fl_time_us duration)
{
    fl_time_us end = cluster->world->now + duration;
    while (step(cluster, end))
        continue;
}

/* --------------------------------------------------------------------------------------------- conditions */

int cluster_run_to_leader(struct cluster *cluster, fl_time_us within)
{
    fl_time_us end = cluster->world->now + within;
    for (;;) {
        int leader = fl_world_leader(cluster->world);
        if (leader >= 0 && fl_world_status(cluster->world, (uint32_t)leader).leader_ready)
            return leader;
        if (!step(cluster, end))
            return -1;
    }
}

/* Damage holds a node back until it is repaired, which is not its core's business. */
static bool is_agreed(const struct fl_world *world)
{
    int leader = fl_world_leader(world);
    if (leader < 0)
        return false;
    fl_index last = fl_world_status(world, (uint32_t)leader).last;
    for (uint32_t n = 0; n < world->count; n++) {
        const struct fl_world_node *node = &world->nodes[n];
        if (!node->is_alive)
            continue;
        bool equal = node->log.last == last && fl_world_fork(world, (uint32_t)leader, n) == last;
        if (node->open_count > 0 || (node->disk.damaged == 0 && (!equal || node->applied != last)))
            return false;
    }
    return world->read_first == world->read_count;
}

bool cluster_run_to_agreement(struct cluster *cluster, fl_time_us within)
{
    fl_time_us end = cluster->world->now + within;
    for (uint32_t k = 0;; k++) {
        if (k % 8 == 0 && is_agreed(cluster->world))
            return true;
        if (!step(cluster, end))
            return is_agreed(cluster->world);
    }
}

uint32_t cluster_leaders(const struct cluster *cluster, fl_term term)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < cluster->world->count; n++) {
        struct fl_status status = fl_world_status(cluster->world, n);
        count += status.role == FL_LEADER && (term == 0 || status.term == term);
    }
    return count;
}

uint32_t cluster_holders(const struct cluster *cluster, fl_index index)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < cluster->world->count; n++)
        count += cluster->world->nodes[n].is_alive && cluster->world->nodes[n].applied >= index;
    return count;
}

bool cluster_write(struct cluster *cluster, uint32_t least, fl_time_us within)
{
    fl_time_us end = cluster->world->now + within;
    int value = -1;
    fl_time_us asked = 0;
    for (;;) {
        const struct fl_world_proposal *write = value > 0 ? &cluster->world->proposals[value - 1] : NULL;
        if (write && cluster_holders(cluster, write->index) >= least &&
            write->index <= cluster->world->judge.committed &&
            cluster->world->judge.commits[write->index - 1].term == write->term)
            return true;
        if (!write || cluster->world->now - asked > SECOND) {
            int leader = pick_leader(cluster);
            value = leader < 0 ? -1 : fl_world_propose(cluster->world, (uint32_t)leader, 1);
            asked = cluster->world->now;
        }
        if (!step(cluster, end))
            return false;
    }
}

void cluster_check(const struct cluster *cluster)
{
    const struct fl_world *world = cluster->world;
    if (world->judge.trip_count == 0 && world->error == FL_OK)
        return;
    print_error("seed %" PRIu64 ": %s (FL_TEST_SEED=%" PRIu64 " FL_TEST_TRACE=1 shows it)\n",
                cluster->settings.seed,
                world->judge.trip_count > 0 ? world->judge.trips[0].text : "the world stopped",
                cluster->settings.seed);
    fail();
}
