/* explore.c - every state that a small cluster of cores can reach, within bounds.
 *
 * Breadth first, so that a failure comes with a shortest way to it. Any message may be delivered at any time,
 * twice if doubles are left, or never: a message that is never delivered is a lost one. Any node may time out
 * whenever it likes; clocks therefore do not run, and check-quorum, which only ever forbids some of these
 * moves, is off. A write to a disk completes when somebody says so, and a crash loses those that did not, or
 * leaves the first entries of one.
 *
 * A state is kept as the move that first led to it and the state it came from, 8 bytes, and its digest. To
 * leave it again it is played from the start; each way out of it then costs putting its memory back. States
 * of one depth are expanded by as many threads as the caller has; they share the table of digests. */
#include "sim.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ARENA_SIZE ((size_t)1 << 20)
#define MOVES_MAX 1024
#define DEPTH_MAX 4096
#define BATCH 32 /* States that a thread takes at once. */

enum kind {
    MOVE_CAMPAIGN = 1,
    MOVE_DELIVER, /* of what flies from node to peer, the a-th oldest */
    MOVE_DOUBLE,  /* likewise, and it goes on flying */
    MOVE_SYNC,    /* node's oldest write completes */
    MOVE_CRASH,   /* of node's oldest write a - 1 entries are kept */
    MOVE_RESTART,
    MOVE_WRITE,
    MOVE_HEARTBEAT,
};

struct move {
    uint8_t kind, node, peer, a;
};

struct state {
    uint32_t parent; /* Its place; the first state is its own. */
    struct move move;
};

struct explorer {
    const struct fl_sim_bounds *bounds;
    const struct fl_sim_explore_hooks *hooks;
    struct fl_sim_explore_result *result;
    struct fl__core_plan plan;
    struct state *states;
    _Atomic uint64_t *digests; /* Open addressing; 0: free. */
    uint64_t slots;            /* A power of two. */
    uint64_t level_end;        /* The states of this depth end here. */
    _Atomic uint64_t next;     /* The next of them to expand. */
    _Atomic uint64_t count, moves;
    _Atomic bool stop, is_full;
    _Atomic bool has_failed; /* The first thread that sees a failure sets it, and tells. */
};

/* What a thread needs. */
struct worker {
    struct explorer *explorer;
    struct fl__arena *arena;
    struct fl__walk *walk; /* In the arena. */
    void *start, *here;    /* Copies of it. */
    struct move moves[MOVES_MAX];
    uint32_t move_count;
    uint64_t flying[MOVES_MAX]; /* Digests of messages that a move was found for. */
};

/* ------------------------------------------------------------------------------------------------- worlds */

static void draw_plan(struct fl__core_plan *plan, const struct fl_sim_bounds *bounds)
{
    fl__plan_calm(plan, bounds->nodes, 1);
    struct fl_raft_config *raft = &plan->world.raft;
    plan->disk_max = bounds->slow_disks; /* Any time at all: writes wait. */
    raft->pre_vote = bounds->pre_vote;
    raft->check_quorum = false;
    raft->unsafe_commit_any_term = bounds->unsafe_commit_any_term;
    raft->election_timeout_us = 900 * FL__SECOND;
    raft->heartbeat_us = FL__MILLISECOND;
    raft->members_max = bounds->nodes;
    raft->runs_max = 16;
    raft->outline_runs_max = 8;
    raft->window_messages = 4;
    raft->message_entries_max = 1; /* A follower that got only some of what was for it: Figure 8 needs one. */
}

static void remember_life(struct fl__walk *walk, uint32_t n)
{
    if (walk->lives[n] < FL__EXPLORE_LIVES_MAX)
        walk->boots[n][walk->lives[n]++] = walk->stage.world->nodes[n].boot;
}

static struct fl__walk *begin_walk(const struct fl__core_plan *plan, struct fl_allocator allocator)
{
    struct fl__core_plan own = *plan;
    struct fl__walk *walk = allocator.allocate(allocator.context, sizeof *walk);
    if (!walk)
        fl_panic(__FILE__, __LINE__, "no memory left");
    *walk = (struct fl__walk){0};
    own.world.allocator = allocator;
    fl__stage_open(&walk->stage, &own, NULL, NULL);
    for (uint32_t n = 0; n < plan->voters; n++)
        remember_life(walk, n);
    return walk;
}

static void act(struct fl__walk *walk, enum fl__act_kind kind, const struct move *move)
{
    struct fl__act what = {.kind = kind, .node = move->node, .peer = move->peer, .a = move->a};
    if (kind == FL__ACT_TICK)
        what.at = fl_raft_deadline(walk->stage.world->nodes[move->node].raft);
    if (kind == FL__ACT_CRASH) {
        what.a = 0;
        what.b = move->a;
    }
    (void)fl__stage_act(&walk->stage, &what);
}

static void make(struct fl__walk *walk, const struct move *move)
{
    switch ((enum kind)move->kind) {
    case MOVE_CAMPAIGN:
        act(walk, FL__ACT_CAMPAIGN, move);
        break;
    case MOVE_DOUBLE:
        walk->doubles++;
        act(walk, FL__ACT_COPY, move);
        act(walk, FL__ACT_DELIVER, move);
        break;
    case MOVE_DELIVER:
        act(walk, FL__ACT_DELIVER, move);
        break;
    case MOVE_SYNC:
        act(walk, FL__ACT_SYNC, move);
        break;
    case MOVE_CRASH:
        walk->crashes++;
        act(walk, FL__ACT_CRASH, move);
        break;
    case MOVE_RESTART:
        act(walk, FL__ACT_RESTART, move);
        remember_life(walk, move->node);
        break;
    case MOVE_WRITE:
        act(walk, FL__ACT_WRITE, move);
        break;
    case MOVE_HEARTBEAT:
        walk->ticks++;
        act(walk, FL__ACT_TICK, move);
        break;
    }
}

/* -------------------------------------------------------------------------------------------------- moves */

static void add_move(struct worker *worker, enum kind kind, uint32_t node, uint32_t peer, uint32_t a)
{
    if (worker->move_count == MOVES_MAX || a > UINT8_MAX)
        fl_panic(__FILE__, __LINE__, "more moves than the explorer can count; lower the bounds");
    worker->moves[worker->move_count++] =
        (struct move){.kind = (uint8_t)kind, .node = (uint8_t)node, .peer = (uint8_t)peer, .a = (uint8_t)a};
}

static void find_crashes(struct worker *worker, uint32_t n)
{
    const struct fl_world_disk *disk = &worker->walk->stage.world->nodes[n].disk;
    add_move(worker, MOVE_CRASH, n, 0, 0);
    if (disk->write_count == 0 || disk->writes[0].persist.is_vote || disk->writes[0].persist.first == 0)
        return;
    /* Torn: its truncation, and some of its entries. All of them: it completes, then comes the crash. */
    uint64_t entries = disk->writes[0].persist.last - disk->writes[0].persist.first + 1;
    bool truncates = disk->writes[0].persist.truncate_from != 0;
    for (uint32_t kept = truncates ? 0 : 1; kept < entries; kept++)
        add_move(worker, MOVE_CRASH, n, 0, kept + 1);
}

static void find_moves_of(struct worker *worker, uint32_t n)
{
    const struct fl__walk *walk = worker->walk;
    const struct fl_sim_bounds *bounds = worker->explorer->bounds;
    const struct fl_world *world = walk->stage.world;
    struct fl_status status = fl_world_status(world, n);
    if (!world->nodes[n].is_alive) {
        add_move(worker, MOVE_RESTART, n, 0, 0);
        return;
    }
    if (status.role != FL_LEADER && status.term < bounds->terms)
        add_move(worker, MOVE_CAMPAIGN, n, 0, 0);
    if (status.role == FL_LEADER && world->proposal_count < bounds->writes)
        add_move(worker, MOVE_WRITE, n, 0, 1);
    if (status.role == FL_LEADER && walk->ticks < bounds->heartbeats)
        add_move(worker, MOVE_HEARTBEAT, n, 0, 0);
    if (world->nodes[n].disk.write_count > 0)
        add_move(worker, MOVE_SYNC, n, 0, 1);
    if (walk->crashes < bounds->crashes)
        find_crashes(worker, n);
}

static void find_deliveries(struct worker *worker)
{
    const struct fl__walk *walk = worker->walk;
    const struct fl_world *world = walk->stage.world;
    uint32_t older[FL__EXPLORE_NODES_MAX][FL__EXPLORE_NODES_MAX] = {{0}}, seen = 0;
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        uint32_t nth = older[packet->from][packet->to]++, twin = 0;
        if (!world->nodes[packet->to].is_alive)
            continue; /* Lost: as if never delivered. */
        uint64_t digest = fl__packet_digest(walk, packet);
        while (twin < seen && worker->flying[twin] != digest)
            twin++;
        if (twin < seen)
            continue;
        worker->flying[seen++] = digest;
        add_move(worker, MOVE_DELIVER, packet->from, packet->to, nth);
        if (walk->doubles < worker->explorer->bounds->doubles)
            add_move(worker, MOVE_DOUBLE, packet->from, packet->to, nth);
    }
}

static void find_moves(struct worker *worker)
{
    worker->move_count = 0;
    for (uint32_t n = 0; n < worker->explorer->bounds->nodes; n++)
        find_moves_of(worker, n);
    find_deliveries(worker);
}

/* ------------------------------------------------------------------------------------------------- states */

/* The moves to this state, first to last; returns how many. */
static uint32_t find_way(const struct explorer *explorer, uint64_t at, struct move way[DEPTH_MAX])
{
    uint32_t count = 0;
    for (uint64_t k = at; k > 0; k = explorer->states[k].parent)
        count++;
    if (count >= DEPTH_MAX)
        fl_panic(__FILE__, __LINE__, "deeper than the explorer can go");
    uint32_t place = count;
    for (uint64_t k = at; k > 0; k = explorer->states[k].parent)
        way[--place] = explorer->states[k].move;
    return count;
}

/* True: nobody was here before. */
static bool is_new(struct explorer *explorer, uint64_t digest)
{
    uint64_t slot = fl__mix64(digest) & (explorer->slots - 1);
    for (;; slot = (slot + 1) & (explorer->slots - 1)) {
        uint64_t known = atomic_load_explicit(&explorer->digests[slot], memory_order_relaxed);
        if (known == 0 && atomic_compare_exchange_strong(&explorer->digests[slot], &known, digest))
            return true;
        if (known == digest)
            return false;
    }
}

/* The way there, as acts on a world of its own, and these as a scenario file. */
static void tell_failure(struct explorer *explorer, uint64_t from, const struct move *last)
{
    struct move way[DEPTH_MAX];
    struct fl__acts acts = {0};
    size_t size;
    uint32_t count = find_way(explorer, from, way);
    struct fl__walk *walk = begin_walk(&explorer->plan, fl__stage_allocator());
    walk->stage.acts = &acts;
    for (uint32_t k = 0; k < count; k++)
        make(walk, &way[k]);
    make(walk, last);
    const struct fl_judge *judge = &walk->stage.world->judge;
    struct fl_sim_explore_result *result = explorer->result;
    result->failed = true;
    result->depth = count + 1;
    snprintf(result->rule, sizeof result->rule, "%s", judge->trips[0].rule);
    snprintf(result->text, sizeof result->text, "%s", judge->trips[0].text);
    FILE *out = open_memstream(&result->script, &size);
    if (out) {
        fprintf(out, "# %s\ntitle  Explored: %s\n", result->text, result->rule);
        fl__acts_write(&acts, &explorer->plan, out);
        fclose(out);
    }
    fl__stage_close(&walk->stage);
    free(walk);
    fl__acts_release(&acts);
}

static void visit(struct worker *worker, uint64_t from, const struct move *move)
{
    struct explorer *explorer = worker->explorer;
    make(worker->walk, move);
    const struct fl_world *world = worker->walk->stage.world;
    atomic_fetch_add_explicit(&explorer->moves, 1, memory_order_relaxed);
    if (world->judge.trip_count > 0) {
        if (!atomic_exchange(&explorer->has_failed, true))
            tell_failure(explorer, from, move);
        explorer->stop = true;
        return;
    }
    if (explorer->is_full || !is_new(explorer, fl__walk_digest(worker->walk)))
        return;
    uint64_t at = atomic_fetch_add(&explorer->count, 1);
    if (at >= explorer->bounds->states_max)
        explorer->is_full = explorer->stop = true;
    else
        explorer->states[at] = (struct state){.parent = (uint32_t)from, .move = *move};
}

static void expand(struct worker *worker, uint64_t at)
{
    struct move way[DEPTH_MAX];
    uint32_t count = find_way(worker->explorer, at, way);
    fl__arena_restore(worker->arena, worker->start);
    for (uint32_t k = 0; k < count; k++)
        make(worker->walk, &way[k]);
    find_moves(worker);
    fl__arena_save(worker->arena, worker->here);
    for (uint32_t k = 0; k < worker->move_count && !worker->explorer->stop; k++) {
        if (k > 0)
            fl__arena_restore(worker->arena, worker->here);
        visit(worker, at, &worker->moves[k]);
    }
}

/* Expands states of this depth until there are none. Any number of threads. */
static void work(void *context)
{
    struct worker worker = {.explorer = context};
    struct explorer *explorer = context;
    worker.arena = fl__arena_open(ARENA_SIZE);
    worker.walk = begin_walk(&explorer->plan, fl__arena_allocator(worker.arena));
    worker.start = malloc(ARENA_SIZE);
    worker.here = malloc(ARENA_SIZE);
    if (!worker.start || !worker.here)
        fl_panic(__FILE__, __LINE__, "no memory left");
    fl__arena_save(worker.arena, worker.start);
    while (!explorer->stop) {
        uint64_t first = atomic_fetch_add(&explorer->next, BATCH);
        if (first >= explorer->level_end)
            break;
        for (uint64_t at = first; at < first + BATCH && at < explorer->level_end && !explorer->stop; at++)
            expand(&worker, at);
        if (explorer->hooks->go_on && !explorer->hooks->go_on(explorer->hooks->context))
            explorer->stop = true;
    }
    free(worker.start);
    free(worker.here);
    fl__arena_close(worker.arena);
}

/* ------------------------------------------------------------------------------------------------- levels */

void fl_sim_bounds_init(struct fl_sim_bounds *bounds)
{
    *bounds = (struct fl_sim_bounds){
        .nodes = 3, .terms = 2, .writes = 1, .crashes = 1, .slow_disks = true, .states_max = 50000000};
}

static void sum_up(struct explorer *explorer)
{
    struct fl_sim_explore_result *result = explorer->result;
    uint64_t count = explorer->count, max = explorer->bounds->states_max;
    result->states = count < max ? count : max;
    result->moves = explorer->moves;
}

/* Depth after depth. */
static void dig(struct explorer *explorer)
{
    const struct fl_sim_explore_hooks *hooks = explorer->hooks;
    uint64_t begin = 0;
    while (begin < explorer->count && !explorer->stop) {
        explorer->next = begin;
        explorer->level_end = explorer->count;
        if (hooks->in_parallel)
            hooks->in_parallel(hooks->context, work, explorer);
        else
            work(explorer);
        begin = explorer->level_end;
        sum_up(explorer);
        if (explorer->stop)
            return;
        explorer->result->depth++;
        if (hooks->progress)
            hooks->progress(hooks->context, explorer->result);
        if (explorer->result->depth == explorer->bounds->depth)
            return;
    }
    explorer->result->is_complete = !explorer->stop;
}

static bool is_possible(const struct fl_sim_bounds *bounds)
{
    return bounds->nodes >= 1 && bounds->nodes <= FL__EXPLORE_NODES_MAX && bounds->states_max > 0 &&
           bounds->states_max < UINT32_MAX && bounds->crashes < FL__EXPLORE_LIVES_MAX && bounds->terms <= 12;
}

int fl_sim_explore(const struct fl_sim_bounds *bounds, const struct fl_sim_explore_hooks *hooks,
                   struct fl_sim_explore_result *result)
{
    static const struct fl_sim_explore_hooks none = {0};
    struct explorer explorer = {
        .bounds = bounds, .hooks = hooks ? hooks : &none, .result = result, .slots = 64};
    *result = (struct fl_sim_explore_result){0};
    if (!is_possible(bounds))
        return FL_EINVAL;
    while (explorer.slots < 2 * bounds->states_max)
        explorer.slots *= 2;
    explorer.states = calloc((size_t)bounds->states_max, sizeof *explorer.states);
    void *digests = calloc((size_t)explorer.slots, sizeof *explorer.digests);
    explorer.digests = digests;
    bool has_memory = explorer.states && digests;
    if (has_memory) {
        draw_plan(&explorer.plan, bounds);
        explorer.count = 1;
        dig(&explorer);
    }
    free(explorer.states);
    free(digests);
    return has_memory ? FL_OK : FL_ENOMEM;
}
