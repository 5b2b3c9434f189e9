/* world.c - nodes, time, and the work that cores hand out.
 *
 * Every call of a core is followed by the same two steps: the host's log is brought up to date (a leader's
 * opening entry appears there) and the judge looks; then all work is taken and carried out. So between two
 * calls of this folder's functions no core has work left, and the host's log is the core's. */
#include "scenario_internal.h"

#define DRAIN_MAX 1000000 /* More pieces of work after one event mean that a core never comes to rest. */

/* ------------------------------------------------------------------------------------------------- memory */

void *fl__world_allocate(struct fl_world *world, size_t size)
{
    void *memory = world->settings.allocator.allocate(world->settings.allocator.context, size);
    if (!memory)
        world->error = FL_ENOMEM;
    return memory;
}

void fl__world_release(struct fl_world *world, void *memory)
{
    if (memory)
        world->settings.allocator.release(world->settings.allocator.context, memory);
}

void *fl__world_grow(struct fl_world *world, void *array, size_t count, size_t *capacity, size_t need,
                     size_t each)
{
    if (need <= *capacity)
        return array;
    size_t larger = *capacity * 2 > need ? *capacity * 2 : need + 8;
    if (need > SIZE_MAX / 4 / each) {
        world->error = FL_ENOMEM;
        return array;
    }
    void *copy = fl__world_allocate(world, larger * each);
    if (!copy)
        return array;
    if (count > 0)
        memcpy(copy, array, count * each);
    fl__world_release(world, array);
    *capacity = larger;
    return copy;
}

static void count_move(struct fl_world *world)
{
    if (++world->moves > world->settings.moves_max && world->error == FL_OK)
        world->error = FL_EFULL;
}

void fl__world_emit(struct fl_world *world, struct fl_event event)
{
    if (world->settings.observe)
        world->settings.observe(world->settings.observe_context, world, &event);
    count_move(world);
}

bool fl__world_may_go_on(struct fl_world *world)
{
    if (world->error == FL_OK && world->inputs >= world->inputs_max)
        world->error = FL_ECANCELED;
    return world->error == FL_OK;
}

bool fl__world_begin(struct fl_world *world)
{
    bool may = fl__world_may_go_on(world);
    world->inputs += may;
    return may;
}

/* ----------------------------------------------------------------------------------------------- creation */

void fl_world_settings_init(struct fl_world_settings *settings)
{
    *settings = (struct fl_world_settings){
        .seed = 1,
        .entry_size = 16,
        .packets_max = 4096,
        .entries_max = 1u << 20,
        .moves_max = UINT64_MAX,
    };
    fl_raft_config_init(&settings->raft);
    settings->raft.window_messages = 32;
    settings->raft.runs_max = 1024;
}

int fl_world_create(struct fl_world **out, const struct fl_world_settings *settings)
{
    *out = NULL;
    if (settings->entry_size == 0)
        return FL_EINVAL;
    struct fl_world *world = settings->allocator.allocate(settings->allocator.context, sizeof *world);
    if (!world)
        return FL_ENOMEM;
    memset(world, 0, sizeof *world);
    world->settings = *settings;
    world->inputs_max = UINT64_MAX;
    *out = world;
    return FL_OK;
}

static void free_node(struct fl_world *world, uint32_t n)
{
    struct fl_world_node *node = &world->nodes[n];
    fl_raft_destroy(node->raft);
    fl__chain_free(world, &node->log);
    fl__chain_free(world, &node->disk.log);
    fl__disk_forget_writes(world, n);
    fl__world_release(world, node->disk.writes);
    fl__packets_free(world, &node->loading);
    fl__world_release(world, node->open);
}

void fl_world_destroy(struct fl_world *world)
{
    if (!world)
        return;
    for (uint32_t n = 0; n < world->count; n++)
        free_node(world, n);
    fl__packets_free(world, &world->flying);
    fl__world_release(world, world->proposals);
    fl__world_release(world, world->reads);
    fl__ghost_free(world);
    world->settings.allocator.release(world->settings.allocator.context, world);
}

int fl_world_add(struct fl_world *world, const char *name, size_t length, enum fl_member_kind kind)
{
    if (world->started || length == 0 || length >= FL_WORLD_NAME_MAX ||
        fl_world_find(world, name, length) >= 0)
        return FL_EINVAL;
    if (world->count == FL_WORLD_NODES_MAX)
        return FL_EFULL;
    uint32_t n = world->count++;
    struct fl_world_node *node = &world->nodes[n];
    memcpy(node->name, name, length);
    node->id = n; /* The first node's id is 0, which is as good as any. */
    node->kind = kind;
    world->members[n] = (struct fl_member){.id = node->id, .kind = kind};
    return (int)n;
}

void fl_world_give_log(struct fl_world *world, uint32_t node, const fl_term *terms, size_t count)
{
    struct fl_world_disk *disk = &world->nodes[node].disk;
    disk->log.last = 0;
    for (size_t k = 0; k < count; k++)
        fl__chain_append(world, &disk->log, terms[k], FL_ENTRY_COMMAND, 0);
    if (count > 0)
        disk->term = fl__higher(disk->term, terms[count - 1]);
}

void fl_world_give_term(struct fl_world *world, uint32_t node, fl_term term)
{
    world->nodes[node].disk.term = term;
}

void fl_world_give_commit(struct fl_world *world, uint32_t node, fl_index commit)
{
    world->nodes[node].given_commit = commit;
}

int fl_world_start(struct fl_world *world)
{
    if (world->count == 0 || world->started)
        return FL_EINVAL;
    world->started = true;
    for (uint32_t n = 0; n < world->count && world->error == FL_OK; n++) {
        fl_index commit = world->nodes[n].given_commit;
        fl__judge_given_commit(world, n, commit);
        int result = fl__world_boot(world, n, commit, 0);
        if (result != FL_OK)
            return result;
    }
    return world->error;
}

/* ------------------------------------------------------------------------------------------------ booting */

/* What the host knows of its log, for a core that has folded its oldest runs away: what is on its disk. */
static fl_term term_at(void *context, fl_index index)
{
    const struct fl_world_node *node = context;
    return fl__chain_term(&node->disk.log, index);
}

static uint32_t collect_runs(const struct fl_world_log *log, struct fl_run *runs)
{
    uint32_t count = 0;
    for (fl_index index = 1; index <= log->last; index++)
        if (fl__chain_term(log, index) != fl__chain_term(log, index - 1))
            runs[count++] = (struct fl_run){.term = fl__chain_term(log, index), .first = index};
    return count;
}

/* The founding configuration is the only one: it is the entry of that kind, or stands before the log. */
static void find_members(const struct fl_world *world, const struct fl_world_log *log,
                         struct fl_raft_start *start)
{
    struct fl_members founding = {.count = world->count, .list = world->members};
    start->members = founding;
    for (fl_index index = log->last; index > 0; index--) {
        if (log->entries[index - 1].kind != FL_ENTRY_CONFIGURATION)
            continue;
        start->previous = founding;
        start->members.index = index;
        return;
    }
}

static int create_core(struct fl_world *world, struct fl_world_node *node, struct fl_raft_start *start)
{
    struct fl_raft_config config = world->settings.raft;
    config.id = node->id;
    config.boot = node->boot;
    config.seed = fl__mix(world->settings.seed ^ node->boot);
    config.term_at = world->settings.fold ? term_at : NULL;
    config.term_at_context = node;
    size_t size = (size_t)(node->log.last + 1) * sizeof(struct fl_run);
    struct fl_run *runs = fl__world_allocate(world, size);
    if (!runs)
        return FL_ENOMEM;
    start->run_count = collect_runs(&node->log, runs);
    start->runs = start->run_count > 0 ? runs : NULL;
    int result = fl_raft_create(&node->raft, &config, start, &world->settings.allocator, world->now);
    if (result == FL_ENOMEM)
        world->error = FL_ENOMEM;
    fl__world_release(world, runs);
    return result;
}

int fl__world_boot(struct fl_world *world, uint32_t n, fl_index commit, fl_index damaged)
{
    struct fl_world_node *node = &world->nodes[n];
    world->boot_number++;
    node->boot = fl__mix(world->settings.seed * 0x9e3779b97f4a7c15u + world->boot_number) | 1;
    fl__chain_copy(world, &node->log, &node->disk.log);
    node->disk.damaged = damaged;
    struct fl_raft_start start = {
        .term = node->disk.term,
        .has_vote = node->disk.has_vote,
        .vote = node->disk.vote,
        .last = node->log.last,
        .commit = commit,
        .damaged = damaged,
    };
    find_members(world, &node->log, &start);
    int result = create_core(world, node, &start);
    if (result != FL_OK)
        return result;
    node->is_alive = true;
    node->applied = commit;
    node->seen_term = 0;
    node->seen_role = FL_FOLLOWER;
    if (node->log.last > 0)
        fl__judge_appended(world, n, 1);
    fl__world_look(world, n);
    fl__world_drain(world, n);
    return FL_OK;
}

/* --------------------------------------------------------------------------------------------------- work */

void fl__world_look(struct fl_world *world, uint32_t n)
{
    struct fl_world_node *node = &world->nodes[n];
    struct fl_status status;
    count_move(world);
    fl_raft_status(node->raft, &status);
    fl_index first = node->log.last + 1;
    while (node->log.last < status.last && world->error == FL_OK) {
        fl_index index = node->log.last + 1;
        fl__chain_append(world, &node->log, fl_raft_term_at(node->raft, index),
                         fl_raft_kind_at(node->raft, index), 0);
    }
    if (node->log.last >= first) {
        fl__judge_appended(world, n, first);
        fl__world_emit(
            world,
            (struct fl_event){.type = FL_EVENT_APPENDED, .node = n, .index = first, .other = node->log.last});
    }
    if (status.role != node->seen_role || status.term != node->seen_term) {
        node->seen_role = status.role;
        node->seen_term = status.term;
        fl__world_emit(world, (struct fl_event){.type = FL_EVENT_ROLE, .node = n, .term = status.term});
    }
    fl__judge_look(world, n);
}

void fl__world_accept(struct fl_world *world, uint32_t n, const struct fl_packet *packet,
                      const struct fl_accepted *accepted)
{
    struct fl_world_node *node = &world->nodes[n];
    if (accepted->first == 0)
        return;
    if (accepted->first <= node->log.last) {
        fl__judge_truncating(world, n, accepted->first, packet);
        fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TRUNCATED,
                                                .node = n,
                                                .index = accepted->first,
                                                .other = node->log.last});
        fl__chain_truncate(&node->log, accepted->first);
    }
    for (fl_index index = accepted->first; index <= accepted->last; index++) {
        const struct fl_world_entry *entry = &packet->entries[index - packet->message.prev - 1];
        fl__chain_append(world, &node->log, entry->term, entry->kind, entry->value);
    }
    fl__judge_appended(world, n, accepted->first);
    fl__world_emit(
        world, (struct fl_event){
                   .type = FL_EVENT_APPENDED, .node = n, .index = accepted->first, .other = accepted->last});
}

static void do_work(struct fl_world *world, uint32_t n, const struct fl_work *work)
{
    struct fl_world_node *node = &world->nodes[n];
    switch (work->type) {
    case FL_WORK_PERSIST:
        fl__disk_take(world, n, &work->persist);
        break;
    case FL_WORK_SEND:
        fl__network_send(world, n, &work->send);
        break;
    case FL_WORK_COMMIT:
        fl__judge_committing(world, n, work->commit);
        node->applied = work->commit;
        fl__world_emit(world,
                       (struct fl_event){.type = FL_EVENT_COMMITTED, .node = n, .index = work->commit});
        break;
    case FL_WORK_ANSWER:
        fl__client_on_answer(world, n, &work->answer);
        break;
    case FL_WORK_READ:
        fl__client_on_read(world, n, &work->read);
        break;
    case FL_WORK_NOTE:
        fl__world_emit(world, (struct fl_event){.type = FL_EVENT_NOTE, .node = n, .note = &work->note});
        break;
    }
}

void fl__world_drain(struct fl_world *world, uint32_t n)
{
    struct fl_work work;
    uint32_t count = 0;
    while (world->error == FL_OK && fl_raft_take(world->nodes[n].raft, &work)) {
        do_work(world, n, &work);
        if (++count == DRAIN_MAX) {
            fl__judge_trip(world, "V2", "{node} never runs out of work after one event.",
                           (struct fl__facts){.node = n});
            world->error = FL_EFULL;
        }
    }
}

/* --------------------------------------------------------------------------------------------------- time */

void fl_world_advance(struct fl_world *world, fl_time_us by)
{
    world->now += by;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TIME, .index = world->now});
}

void fl_world_tick(struct fl_world *world, uint32_t node)
{
    if (!fl__world_is_usable(world, node) || !fl__world_begin(world))
        return;
    fl_raft_tick(world->nodes[node].raft, world->now);
    fl__world_look(world, node);
    fl__world_drain(world, node);
}

fl_time_us fl_world_deadline(const struct fl_world *world)
{
    fl_time_us earliest = UINT64_MAX;
    for (uint32_t n = 0; n < world->count; n++)
        if (fl__world_is_usable(world, n))
            earliest = fl__lower(earliest, fl_raft_deadline(world->nodes[n].raft));
    return earliest;
}

void fl__world_tick_due(struct fl_world *world)
{
    for (uint32_t n = 0; n < world->count; n++)
        if (fl__world_is_usable(world, n) && fl_raft_deadline(world->nodes[n].raft) <= world->now)
            fl_world_tick(world, n);
}

static void pass(struct fl_world *world, fl_time_us by, bool deliver)
{
    fl_time_us end = world->now + by;
    for (;;) {
        if (deliver)
            fl_world_deliver_all(world);
        if (!fl__world_may_go_on(world))
            return;
        fl_time_us next = fl_world_deadline(world);
        if (next > end)
            break;
        world->now = fl__higher(world->now, next);
        fl__world_tick_due(world);
    }
    world->now = end;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TIME, .index = world->now});
}

void fl_world_pass(struct fl_world *world, fl_time_us by)
{
    pass(world, by, false);
}

void fl_world_run(struct fl_world *world, fl_time_us by)
{
    pass(world, by, true);
}

/* A number that is another one whenever the world has moved. */
static uint64_t fingerprint(const struct fl_world *world)
{
    uint64_t print = 0;
    for (uint32_t n = 0; n < world->count; n++) {
        struct fl_status status = fl_world_status(world, n);
        print = fl__mix(print ^ status.term) ^ fl__mix(status.commit + ((uint64_t)status.role << 60));
        print =
            fl__mix(print ^ status.durable) ^ fl__chain_at(&world->nodes[n].log, world->nodes[n].log.last);
        print = fl__mix(print ^ world->nodes[n].open_count);
    }
    for (uint32_t k = 0; k < world->read_count; k++)
        print = fl__mix(print ^ world->reads[k].outcome);
    return print;
}

void fl_world_settle(struct fl_world *world)
{
    fl_world_deliver_all(world);
    for (uint32_t quiet = 0, rounds = 0; quiet < 2 && rounds < 10000 && fl__world_may_go_on(world);
         rounds++) {
        uint64_t before = fingerprint(world);
        fl_time_us next = UINT64_MAX;
        for (uint32_t n = 0; n < world->count; n++)
            if (fl__world_is_usable(world, n) && fl_world_status(world, n).role == FL_LEADER)
                next = fl__lower(next, fl_raft_deadline(world->nodes[n].raft));
        if (next == UINT64_MAX)
            return;
        world->now = fl__higher(world->now, next);
        for (uint32_t n = 0; n < world->count; n++)
            if (fl_world_status(world, n).role == FL_LEADER)
                fl_world_tick(world, n);
        fl_world_deliver_all(world);
        quiet = fingerprint(world) == before ? quiet + 1 : 0;
    }
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TIME, .index = world->now});
}

/* ------------------------------------------------------------------------------------------- other events */

void fl_world_campaign(struct fl_world *world, uint32_t node)
{
    if (!fl__world_is_usable(world, node) || !fl__world_begin(world))
        return;
    int refused = fl_raft_campaign(world->nodes[node].raft, world->now);
    (void)refused; /* Who may not campaign does not; the caller sees it by the role. */
    fl__world_look(world, node);
    fl__world_drain(world, node);
}

void fl_world_peer(struct fl_world *world, uint32_t node, uint32_t peer, bool up)
{
    if (!fl__world_is_usable(world, node))
        return;
    if (up)
        fl_raft_peer_up(world->nodes[node].raft, world->now, world->nodes[peer].id);
    else
        fl_raft_peer_down(world->nodes[node].raft, world->now, world->nodes[peer].id);
    fl__world_look(world, node);
    fl__world_drain(world, node);
}

/* ------------------------------------------------------------------------------------------------ looking */

int fl_world_find(const struct fl_world *world, const char *name, size_t length)
{
    struct fl_word word = {.start = name, .length = length};
    for (uint32_t n = 0; n < world->count; n++)
        if (fl_word_is(word, world->nodes[n].name))
            return (int)n;
    return -1;
}

struct fl_status fl_world_status(const struct fl_world *world, uint32_t node)
{
    struct fl_status status = {0};
    if (node < world->count && world->nodes[node].is_alive)
        fl_raft_status(world->nodes[node].raft, &status);
    return status;
}

int fl_world_leader(const struct fl_world *world)
{
    int leader = -1;
    fl_term term = 0;
    for (uint32_t n = 0; n < world->count; n++) {
        struct fl_status status = fl_world_status(world, n);
        if (status.role == FL_LEADER && status.term > term) {
            leader = (int)n;
            term = status.term;
        }
    }
    return leader;
}

fl_term fl_world_term(const struct fl_world *world, uint32_t node, fl_index index)
{
    return fl__chain_term(&world->nodes[node].log, index);
}

fl_index fl_world_fork(const struct fl_world *world, uint32_t a, uint32_t b)
{
    const struct fl_world_log *one = &world->nodes[a].log, *other = &world->nodes[b].log;
    fl_index index = fl__lower(one->last, other->last);
    while (fl__chain_at(one, index) != fl__chain_at(other, index))
        index--;
    return index;
}

bool fl_world_is_equal(const struct fl_world *world)
{
    const struct fl_world_log *first = NULL;
    for (uint32_t n = 0; n < world->count; n++) {
        const struct fl_world_log *log = &world->nodes[n].log;
        if (!world->nodes[n].is_alive)
            continue;
        if (first &&
            (log->last != first->last || fl__chain_at(log, log->last) != fl__chain_at(first, first->last)))
            return false;
        first = log;
    }
    return true;
}

bool fl_world_has_tripped(const struct fl_world *world, const char *rule, size_t length)
{
    struct fl_word word = {.start = rule, .length = length};
    for (uint32_t k = 0; k < world->judge.trip_count && k < FL_WORLD_TRIPS_MAX; k++)
        if (fl_word_is(word, world->judge.trips[k].rule))
            return true;
    return false;
}
