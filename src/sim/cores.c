/* cores.c - drives a world of cores: who speaks next, what is lost, who fails.
 *
 * Whatever it decides it does through acts.c, so that a life can be written down. */
#include "sim.h"

#include <string.h>

static fl_time_us earlier(fl_time_us a, fl_time_us b)
{
    return a < b ? a : b;
}

static fl_time_us later(fl_time_us a, fl_time_us b)
{
    return a > b ? a : b;
}

/* Some time around the mean. */
static fl_time_us after(const struct fl__cores *cores, struct fl__chance *chance, fl_time_us mean)
{
    return cores->world->now + 1 + fl__chance_below(chance, 2 * mean);
}

static bool act(struct fl__cores *cores, struct fl__act act)
{
    return fl__stage_act(&cores->stage, &act);
}

static bool is_alive(const struct fl__cores *cores, uint32_t n)
{
    return cores->world->nodes[n].is_alive;
}

static bool is_healthy(const struct fl__cores *cores, uint32_t n)
{
    return cores->healthy >> n & 1;
}

/* Whether messages from a to b may still be lost, late, doubled or replayed. */
static bool is_lossy(const struct fl__cores *cores, uint32_t a, uint32_t b)
{
    return !cores->is_healed || !is_healthy(cores, a) || !is_healthy(cores, b);
}

/* ---------------------------------------------------------------------------------------------- beginning */

void fl__cores_open(struct fl__cores *cores, const struct fl__core_plan *plan, struct fl__acts *acts,
                    void (*observe)(void *context, const struct fl_world *world,
                                    const struct fl_event *event),
                    void *context)
{
    memset(cores, 0, sizeof *cores);
    cores->plan = *plan;
    cores->network = fl__chance_begin(plan->seed, FL__STREAM_NETWORK);
    cores->disk = fl__chance_begin(plan->seed, FL__STREAM_DISK);
    cores->faults = fl__chance_begin(plan->seed, FL__STREAM_FAULTS);
    cores->workload = fl__chance_begin(plan->seed, FL__STREAM_WORKLOAD);
    cores->network.tape = cores->disk.tape = cores->faults.tape = cores->workload.tape = plan->tape;
    fl__stage_open(&cores->stage, plan, observe, context);
    cores->stage.acts = acts;
    cores->world = cores->stage.world;
    cores->write_at = plan->write_every ? after(cores, &cores->workload, plan->write_every) : FL__NEVER;
    cores->read_at = plan->read_every ? after(cores, &cores->workload, plan->read_every) : FL__NEVER;
    cores->fault_at = plan->fault_every ? after(cores, &cores->faults, plan->fault_every) : FL__NEVER;
}

void fl__cores_close(struct fl__cores *cores)
{
    fl__stage_close(&cores->stage);
    cores->world = NULL;
}

/* ------------------------------------------------------------------------------------------------ network */

static fl_time_us draw_delay(struct fl__cores *cores, bool is_lossy)
{
    const struct fl__core_plan *plan = &cores->plan;
    if (is_lossy && fl__chance_is(&cores->network, plan->late_chance))
        return fl__chance_below(&cores->network, plan->late_max + 1);
    return fl__chance_from(&cores->network, plan->delay_min, plan->delay_max);
}

/* When a new packet arrives. */
static fl_time_us draw_due(struct fl__cores *cores, const struct fl_packet *packet, bool is_lossy)
{
    fl_time_us due = cores->world->now + draw_delay(cores, is_lossy);
    fl_time_us *latest = &cores->latest[packet->from][packet->to];
    if (!is_lossy || !cores->plan.may_reorder)
        due = later(due, *latest);
    *latest = later(due, *latest);
    return due;
}

/* The act on what flies at this place. */
static struct fl__act on_packet(const struct fl__cores *cores, enum fl__act_kind kind, uint32_t at)
{
    const struct fl_packets *flying = &cores->world->flying;
    const struct fl_packet *packet = flying->list[at];
    struct fl__act act = {.kind = kind, .node = packet->from, .peer = packet->to};
    for (uint32_t k = 0; k < at; k++)
        act.a += flying->list[k]->from == packet->from && flying->list[k]->to == packet->to;
    return act;
}

/* What was thrown last arrives after some delay. */
static void throw_copy(struct fl__cores *cores, struct fl__act copy)
{
    uint32_t count = cores->world->flying.count;
    (void)act(cores, copy);
    if (cores->world->flying.count > count)
        cores->world->flying.list[count]->due = cores->world->now + draw_delay(cores, true);
}

static void replay_something(struct fl__cores *cores)
{
    if (cores->museum_count > 0)
        throw_copy(cores,
                   (struct fl__act){.kind = FL__ACT_REPLAY,
                                    .a = (uint32_t)fl__chance_below(&cores->network, cores->museum_count)});
}

static void put_into_museum(struct fl__cores *cores, uint32_t at)
{
    struct fl__act keep = on_packet(cores, FL__ACT_KEEP, at);
    keep.b = (uint32_t)fl__chance_below(&cores->network, FL__MUSEUM_MAX);
    if (keep.b >= cores->museum_count)
        keep.b = cores->museum_count++;
    (void)act(cores, keep);
}

/* What becomes of the new packet at this place. False: it is lost. */
static bool give_fate(struct fl__cores *cores, uint32_t at)
{
    struct fl_packet *packet = cores->world->flying.list[at];
    const struct fl__core_plan *plan = &cores->plan;
    bool lossy = is_lossy(cores, packet->from, packet->to);
    packet->due = draw_due(cores, packet, lossy);
    if (!lossy)
        return true;
    if (fl__chance_is(&cores->network, plan->double_chance))
        throw_copy(cores, on_packet(cores, FL__ACT_COPY, at));
    if (plan->museum_chance && fl__chance_is(&cores->network, 50))
        put_into_museum(cores, at);
    if (fl__chance_is(&cores->network, plan->museum_chance) && !cores->is_healed)
        replay_something(cores);
    if (!fl__chance_is(&cores->network, plan->loss_chance))
        return true;
    (void)act(cores, on_packet(cores, FL__ACT_DROP, at));
    return false;
}

/* The list is in the order of numbers, so the new packets are at its end. */
static void give_fates(struct fl__cores *cores)
{
    struct fl_packets *flying = &cores->world->flying;
    uint64_t newest = cores->world->packet_number;
    uint32_t k = flying->count;
    while (k > 0 && flying->list[k - 1]->number > cores->fated)
        k--;
    for (uint32_t count = flying->count - k; count > 0; count--)
        k += flying->list[k]->is_copy || give_fate(cores, k);
    cores->fated = newest > cores->fated ? newest : cores->fated;
}

static fl_time_us first_packet(const struct fl__cores *cores, uint32_t *at)
{
    const struct fl_packets *flying = &cores->world->flying;
    fl_time_us first = FL__NEVER;
    for (uint32_t k = 0; k < flying->count; k++) {
        fl_time_us due = later(flying->list[k]->due, cores->pause_until[flying->list[k]->to]);
        if (due < first) {
            first = due;
            *at = k;
        }
    }
    return first;
}

/* ------------------------------------------------------------------------------------------------- faults */

static void tell_peer(struct fl__cores *cores, uint32_t n, uint32_t peer, bool up)
{
    cores->down[n][peer] = !up;
    (void)act(cores, (struct fl__act){.kind = FL__ACT_PEER, .node = n, .peer = peer, .a = up});
}

void fl__cores_crash(struct fl__cores *cores, uint32_t n)
{
    struct fl_world *world = cores->world;
    if (!is_alive(cores, n))
        return;
    cores->hint[n] = fl__chance_below(&cores->disk, fl_world_status(world, n).commit + 1);
    uint32_t writes = world->nodes[n].disk.write_count;
    uint32_t kept = (uint32_t)fl__chance_below(&cores->disk, writes + 1);
    uint32_t torn = (uint32_t)fl__chance_below(&cores->disk, 4); /* In this order, whatever compiles it. */
    (void)act(cores, (struct fl__act){.kind = FL__ACT_CRASH, .node = n, .a = kept, .b = torn});
    cores->disk_at[n] = cores->load_at[n] = 0;
    for (uint32_t peer = 0; peer < world->count; peer++)
        if (peer != n && is_alive(cores, peer) && fl__chance_is(&cores->faults, 500))
            tell_peer(cores, peer, n, false);
}

static fl_index draw_damage(struct fl__cores *cores, uint32_t n)
{
    fl_index last = cores->world->nodes[n].disk.log.last;
    if ((int)n != cores->plan.damaged || last == 0)
        return 0;
    return fl__chance_from(&cores->disk, 1, last);
}

void fl__cores_restart(struct fl__cores *cores, uint32_t n)
{
    struct fl_world *world = cores->world;
    if (is_alive(cores, n))
        return;
    fl_index damaged = world->nodes[n].disk.damaged;
    damaged = damaged ? damaged : draw_damage(cores, n);
    (void)act(cores,
              (struct fl__act){
                  .kind = FL__ACT_RESTART, .node = n, .a = (uint32_t)cores->hint[n], .b = (uint32_t)damaged});
    for (uint32_t peer = 0; peer < world->count; peer++) {
        cores->down[n][peer] = false;
        if (cores->down[peer][n])
            tell_peer(cores, peer, n, true);
    }
}

static void set_link(struct fl__cores *cores, uint32_t from, uint32_t to, bool up)
{
    if (from != to && fl_world_is_cut(cores->world, from, to) == up)
        (void)act(cores, (struct fl__act){.kind = FL__ACT_LINK, .node = from, .peer = to, .a = up});
}

void fl__cores_isolate(struct fl__cores *cores, uint32_t node, bool isolated)
{
    for (uint32_t peer = 0; peer < cores->world->count; peer++) {
        set_link(cores, node, peer, !isolated);
        set_link(cores, peer, node, !isolated);
    }
}

static void heal_links(struct fl__cores *cores, uint32_t nodes)
{
    for (uint32_t a = 0; a < cores->world->count; a++)
        for (uint32_t b = 0; b < cores->world->count; b++)
            if ((nodes >> a & 1) && (nodes >> b & 1))
                set_link(cores, a, b, true);
}

static void cut_into_two(struct fl__cores *cores)
{
    uint32_t count = cores->world->count;
    uint64_t side = fl__chance_below(&cores->faults, (uint64_t)1 << count);
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++)
            if ((side >> a & 1) != (side >> b & 1))
                set_link(cores, a, b, false);
}

static void black_out(struct fl__cores *cores)
{
    for (uint32_t n = 0; n < cores->world->count; n++)
        fl__cores_crash(cores, n);
    for (uint32_t n = 0; n < cores->world->count; n++)
        if (fl__chance_is(&cores->faults, 800))
            fl__cores_restart(cores, n);
}

static void recover(struct fl__cores *cores)
{
    heal_links(cores, UINT32_MAX);
    for (uint32_t k = 0; k < cores->world->count; k++)
        fl__cores_restart(cores, k);
}

static void strike(struct fl__cores *cores, enum fl_sim_fault fault)
{
    uint32_t n = (uint32_t)fl__chance_below(&cores->faults, cores->world->count);
    uint32_t peer = (uint32_t)fl__chance_below(&cores->faults, cores->world->count);
    switch (fault) {
    case FL_SIM_CUT:
        set_link(cores, n, peer, false);
        break;
    case FL_SIM_ISOLATE:
        fl__cores_isolate(cores, n, true);
        break;
    case FL_SIM_PARTITION:
        cut_into_two(cores);
        break;
    case FL_SIM_CONNECTION:
        if (n != peer && is_alive(cores, n))
            tell_peer(cores, n, peer, cores->down[n][peer]);
        break;
    case FL_SIM_CRASH:
        if (is_alive(cores, n))
            fl__cores_crash(cores, n);
        else
            fl__cores_restart(cores, n);
        break;
    case FL_SIM_BLACKOUT:
        if (fl__chance_is(&cores->faults, 200))
            black_out(cores);
        break;
    default:
        cores->pause_until[n] = after(cores, &cores->faults, 2 * cores->plan.world.raft.election_timeout_us);
        break;
    }
}

static void make_trouble(struct fl__cores *cores)
{
    enum fl_sim_fault fault = fl__chance_fault(&cores->faults, cores->plan.weights, 6);
    if (fault < FL_SIM_FAULTS)
        strike(cores, fault);
    else
        recover(cores);
}

/* What waits in a healthy node waits no longer. */
static void settle_node(struct fl__cores *cores, uint32_t n)
{
    struct fl_world *world = cores->world;
    cores->pause_until[n] = 0;
    (void)act(cores, (struct fl__act){.kind = FL__ACT_DISK, .node = n, .a = 0});
    fl__cores_restart(cores, n);
    while (world->nodes[n].loading.count > 0)
        (void)act(cores, (struct fl__act){.kind = FL__ACT_LOAD, .node = n});
    while (world->nodes[n].disk.write_count > 0 && world->error == FL_OK)
        (void)act(cores, (struct fl__act){.kind = FL__ACT_SYNC, .node = n, .a = UINT32_MAX});
}

void fl__cores_heal(struct fl__cores *cores, uint32_t nodes)
{
    uint32_t count = cores->world->count;
    cores->is_healed = true;
    cores->healthy = nodes & ((1u << count) - 1);
    cores->world->settings.slow_reads = 0;
    cores->fault_at = cores->write_at = cores->read_at = FL__NEVER;
    heal_links(cores, nodes);
    for (uint32_t n = 0; n < count; n++)
        if (is_healthy(cores, n))
            settle_node(cores, n);
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++)
            if (cores->down[a][b] && is_alive(cores, a) && !fl_world_is_cut(cores->world, a, b))
                tell_peer(cores, a, b, true); /* Hosts connect again, where they can. */
}

void fl__cores_heal_all(struct fl__cores *cores)
{
    fl__cores_heal(cores, UINT32_MAX);
}

/* -------------------------------------------------------------------------------------------------- steps */

static int pick_leader(struct fl__cores *cores)
{
    uint32_t from = (uint32_t)fl__chance_below(&cores->workload, cores->world->count);
    for (uint32_t k = 0; k < cores->world->count; k++) {
        uint32_t n = (from + k) % cores->world->count;
        if (fl_world_status(cores->world, n).role == FL_LEADER)
            return (int)n;
    }
    return -1;
}

static void do_write(struct fl__cores *cores)
{
    int leader = pick_leader(cores);
    uint32_t count = (uint32_t)fl__chance_from(&cores->workload, 1, cores->plan.batch_max);
    if (leader >= 0)
        (void)act(cores, (struct fl__act){.kind = FL__ACT_WRITE, .node = (uint32_t)leader, .a = count});
    cores->write_at = after(cores, &cores->workload, cores->plan.write_every);
}

static void do_clients(struct fl__cores *cores)
{
    fl_time_us now = cores->world->now;
    if (cores->write_at <= now)
        do_write(cores);
    if (cores->read_at <= now) {
        uint32_t n = (uint32_t)fl__chance_below(&cores->workload, cores->world->count);
        if (is_alive(cores, n))
            (void)act(cores, (struct fl__act){.kind = FL__ACT_READ, .node = n});
        cores->read_at = after(cores, &cores->workload, cores->plan.read_every);
    }
    if (cores->fault_at <= now) {
        fl__chance_restart(&cores->faults, cores->plan.seed, cores->strikes);
        cores->fault_at = after(cores, &cores->faults, cores->plan.fault_every);
        if (fl__strikes_has(cores->plan.strikes, cores->strikes++))
            make_trouble(cores);
    }
}

/* The time of one node's next event, which is not a message. */
static fl_time_us node_time(struct fl__cores *cores, uint32_t n)
{
    const struct fl_world_node *node = &cores->world->nodes[n];
    fl_time_us now = cores->world->now;
    if (!node->is_alive)
        return FL__NEVER;
    if (node->disk.write_count > 0 && cores->disk_at[n] == 0)
        cores->disk_at[n] = now + 1 + fl__chance_below(&cores->disk, cores->plan.disk_max);
    if (node->loading.count > 0 && cores->load_at[n] == 0)
        cores->load_at[n] = now + 1 + fl__chance_below(&cores->disk, 20 * FL__MILLISECOND);
    fl_time_us at = fl_raft_deadline(node->raft);
    at = cores->disk_at[n] ? earlier(at, cores->disk_at[n]) : at;
    at = cores->load_at[n] ? earlier(at, cores->load_at[n]) : at;
    return later(at, cores->pause_until[n]);
}

static void do_node(struct fl__cores *cores, uint32_t n)
{
    const struct fl_world_node *node = &cores->world->nodes[n];
    fl_time_us now = cores->world->now;
    if (cores->disk_at[n] && cores->disk_at[n] <= now) {
        uint32_t count = (uint32_t)fl__chance_below(&cores->disk, node->disk.write_count) + 1;
        cores->disk_at[n] = 0;
        (void)act(cores, (struct fl__act){.kind = FL__ACT_SYNC, .node = n, .a = count});
    }
    if (cores->load_at[n] && cores->load_at[n] <= now) {
        uint32_t k = (uint32_t)fl__chance_below(&cores->disk, node->loading.count);
        cores->load_at[n] = 0;
        (void)act(cores, (struct fl__act){.kind = FL__ACT_LOAD, .node = n, .a = k});
    }
    if (fl_raft_deadline(node->raft) <= now)
        (void)act(cores, (struct fl__act){.kind = FL__ACT_TICK, .node = n});
}

static fl_time_us first_node(struct fl__cores *cores, uint32_t *node)
{
    fl_time_us first = FL__NEVER;
    for (uint32_t n = 0; n < cores->world->count; n++) {
        fl_time_us at = node_time(cores, n);
        if (at < first) {
            first = at;
            *node = n;
        }
    }
    return first;
}

bool fl__cores_step(struct fl__cores *cores, fl_time_us end)
{
    struct fl_world *world = cores->world;
    uint32_t packet = 0, node = 0;
    give_fates(cores);
    fl_time_us clients = earlier(cores->write_at, earlier(cores->read_at, cores->fault_at));
    fl_time_us packets = first_packet(cores, &packet), nodes = first_node(cores, &node);
    fl_time_us next = earlier(clients, earlier(packets, nodes));
    if (next > end || world->error != FL_OK || world->judge.trip_count > 0) {
        world->now = later(world->now, end);
        return false;
    }
    world->now = later(next, world->now);
    cores->steps++;
    if (clients == next)
        do_clients(cores);
    else if (packets == next)
        (void)act(cores, on_packet(cores, FL__ACT_DELIVER, packet));
    else
        do_node(cores, node);
    return true;
}

void fl__cores_run(struct fl__cores *cores, fl_time_us duration)
{
    fl_time_us end = cores->world->now + duration;
    while (fl__cores_step(cores, end))
        continue;
}

/* --------------------------------------------------------------------------------------------- conditions */

int fl__cores_run_to_leader(struct fl__cores *cores, fl_time_us within)
{
    fl_time_us end = cores->world->now + within;
    for (;;) {
        int leader = fl_world_leader(cores->world);
        if (leader >= 0 && fl_world_status(cores->world, (uint32_t)leader).leader_ready)
            return leader;
        if (!fl__cores_step(cores, end))
            return -1;
    }
}

/* Damage holds a node back until it is repaired, which is not its core's business. */
static bool has_agreed(const struct fl__cores *cores, uint32_t n, uint32_t leader)
{
    const struct fl_world *world = cores->world;
    const struct fl_world_node *node = &world->nodes[n];
    fl_index last = fl_world_status(world, leader).last;
    bool equal = node->log.last == last && fl_world_fork(world, leader, n) == last;
    return node->open_count == 0 && (node->disk.damaged != 0 || (equal && node->applied == last));
}

/* Whether the node must agree with this leader. One from among the others may lack links to healthy nodes:
 * they hear of its term from those that follow it, and wait. */
static bool counts(const struct fl__cores *cores, uint32_t n, uint32_t leader)
{
    const struct fl_world *world = cores->world;
    bool is_linked = !fl_world_is_cut(world, n, leader) && !fl_world_is_cut(world, leader, n);
    return is_healthy(cores, n) && is_alive(cores, n) && (is_healthy(cores, leader) || is_linked);
}

static bool is_waiting(const struct fl__cores *cores, uint32_t leader)
{
    const struct fl_world *world = cores->world;
    for (uint32_t k = world->read_first; k < world->read_count; k++)
        if (world->reads[k].outcome == FL_PENDING && counts(cores, world->reads[k].node, leader))
            return true;
    return false;
}

static bool is_agreed(const struct fl__cores *cores)
{
    int leader = fl_world_leader(cores->world);
    if (leader < 0 || !fl_world_status(cores->world, (uint32_t)leader).leader_ready)
        return false;
    for (uint32_t n = 0; n < cores->world->count; n++)
        if (counts(cores, n, (uint32_t)leader) && !has_agreed(cores, n, (uint32_t)leader))
            return false;
    return !is_waiting(cores, (uint32_t)leader);
}

bool fl__cores_run_to_agreement(struct fl__cores *cores, fl_time_us within)
{
    fl_time_us end = cores->world->now + within;
    if (!cores->is_healed)
        cores->healthy = UINT32_MAX;
    for (uint32_t k = 0;; k++) {
        if (k % 8 == 0 && is_agreed(cores))
            return true;
        if (!fl__cores_step(cores, end))
            return is_agreed(cores);
    }
}

uint32_t fl__cores_leaders(const struct fl__cores *cores, fl_term term)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < cores->world->count; n++) {
        struct fl_status status = fl_world_status(cores->world, n);
        count += status.role == FL_LEADER && (term == 0 || status.term == term);
    }
    return count;
}

uint32_t fl__cores_holders(const struct fl__cores *cores, fl_index index)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < cores->world->count; n++)
        count += is_alive(cores, n) && cores->world->nodes[n].applied >= index;
    return count;
}

static bool is_done(const struct fl__cores *cores, int value, uint32_t least)
{
    const struct fl_world *world = cores->world;
    if (value <= 0)
        return false;
    const struct fl_world_proposal *write = &world->proposals[value - 1];
    return fl__cores_holders(cores, write->index) >= least && write->index <= world->judge.committed &&
           world->judge.commits[write->index - 1].term == write->term;
}

bool fl__cores_write(struct fl__cores *cores, uint32_t least, fl_time_us within)
{
    fl_time_us end = cores->world->now + within, asked = 0;
    int value = -1;
    while (!is_done(cores, value, least)) {
        if (value <= 0 || cores->world->now - asked > FL__SECOND) {
            int leader = pick_leader(cores);
            value = leader < 0 ? -1 : fl_world_propose(cores->world, (uint32_t)leader, 1);
            asked = cores->world->now;
        }
        if (!fl__cores_step(cores, end))
            return false;
    }
    return true;
}
