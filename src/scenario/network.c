/* network.c - messages in flight, and links.
 *
 * A packet is one block of memory: the message and its own copy of all that it points to. Any packet may be
 * delivered at any time, to any life of its receiver, any number of times: Raft allows all of it. */
#include "scenario_internal.h"

#define CONFIGS_MAX 4

static size_t packet_size(const struct fl_message *message)
{
    return sizeof(struct fl_packet) +
           (size_t)(message->last - message->prev) * sizeof(struct fl_world_entry) +
           ((size_t)message->run_count + message->outline.run_count) * sizeof(struct fl_run);
}

static bool carries_entries(const struct fl_message *message)
{
    return (message->type == FL_MSG_APPEND || message->type == FL_MSG_FETCH_REPLY) &&
           message->last > message->prev;
}

/* Copies the message, with room for the entries of (prev, last]. */
static struct fl_packet *make_packet(struct fl_world *world, uint32_t from, const struct fl_message *message)
{
    struct fl_message copy = *message;
    if (!carries_entries(message)) {
        copy.run_count = 0;
        copy.runs = NULL;
    }
    if (!copy.outline.present)
        copy.outline = (struct fl_outline){0};
    struct fl_message sized = copy;
    if (!carries_entries(message))
        sized.prev = sized.last = 0;
    struct fl_packet *packet = fl__world_allocate(world, packet_size(&sized));
    if (!packet)
        return NULL;
    struct fl_world_entry *entries = (struct fl_world_entry *)(void *)(packet + 1);
    struct fl_run *runs = (struct fl_run *)(void *)(entries + (sized.last - sized.prev));
    struct fl_run *outline_runs = runs + copy.run_count;
    if (copy.run_count > 0)
        memcpy(runs, copy.runs, copy.run_count * sizeof *runs);
    if (copy.outline.run_count > 0)
        memcpy(outline_runs, copy.outline.runs, copy.outline.run_count * sizeof *runs);
    *packet = (struct fl_packet){
        .number = ++world->packet_number,
        .from = from,
        .to = (uint32_t)message->to,
        .sent_at = world->now,
        .message = copy,
        .entries = entries,
    };
    packet->message.runs = copy.run_count > 0 ? runs : NULL;
    packet->message.outline.runs = copy.outline.run_count > 0 ? outline_runs : NULL;
    return packet;
}

void fl_world_free(struct fl_world *world, struct fl_packet *packet)
{
    fl__world_release(world, packet);
}

void fl__packets_free(struct fl_world *world, struct fl_packets *packets)
{
    for (uint32_t k = 0; k < packets->count; k++)
        fl_world_free(world, packets->list[k]);
    fl__world_release(world, packets->list);
    *packets = (struct fl_packets){0};
}

static void add_packet(struct fl_world *world, struct fl_packets *packets, struct fl_packet *packet)
{
    packets->list = fl__world_grow(world, packets->list, packets->count, &packets->capacity,
                                   (size_t)packets->count + 1, sizeof *packets->list);
    if (world->error != FL_OK) {
        fl_world_free(world, packet);
        return;
    }
    packets->list[packets->count++] = packet;
}

static struct fl_packet *remove_packet(struct fl_packets *packets, uint32_t at)
{
    struct fl_packet *packet = packets->list[at];
    packets->count--;
    memmove(packets->list + at, packets->list + at + 1, (packets->count - at) * sizeof *packets->list);
    return packet;
}

struct fl_packet *fl_world_copy(struct fl_world *world, const struct fl_packet *packet)
{
    struct fl_packet *copy = make_packet(world, packet->from, &packet->message);
    if (!copy)
        return NULL;
    copy->is_copy = true;
    if (carries_entries(&packet->message))
        memcpy(copy->entries, packet->entries,
               (size_t)(packet->message.last - packet->message.prev) * sizeof *copy->entries);
    return copy;
}

/* ------------------------------------------------------------------------------------------------ sending */

static void lose(struct fl_world *world, struct fl_packet *packet)
{
    fl__world_emit(
        world,
        (struct fl_event){.type = FL_EVENT_LOST, .node = packet->from, .peer = packet->to, .packet = packet});
    fl_world_free(world, packet);
}

void fl_world_throw(struct fl_world *world, struct fl_packet *packet)
{
    if (world->cut[packet->from][packet->to] || world->flying.count >= world->settings.packets_max)
        lose(world, packet);
    else
        add_packet(world, &world->flying, packet);
}

/* Cuts the message down to what is sent. */
static void shorten(struct fl_message *message, fl_index last)
{
    message->last = last;
    while (message->run_count > 0 && message->runs[message->run_count - 1].first > last)
        message->run_count--;
}

/* Takes the entries from the log; false if they are not what the message says (the log changed meanwhile). */
static bool fill_entries(const struct fl_world_log *log, struct fl_packet *packet)
{
    const struct fl_message *message = &packet->message;
    uint32_t run = 0;
    for (fl_index index = message->prev + 1; index <= message->last; index++) {
        while (run + 1 < message->run_count && message->runs[run + 1].first <= index)
            run++;
        if (fl__chain_term(log, index) != message->runs[run].term)
            return false;
        packet->entries[index - message->prev - 1] = log->entries[index - 1];
    }
    return true;
}

static void count_sent(struct fl_world *world, const struct fl_packet *packet)
{
    fl_index entries = carries_entries(&packet->message) ? packet->message.last - packet->message.prev : 0;
    world->sent_messages++;
    world->sent_entries += entries;
    world->sent_size += sizeof(struct fl_message) + entries * world->settings.entry_size;
    struct fl_world_repair *repair = &world->nodes[packet->to].repair;
    if (packet->message.type == FL_MSG_APPEND && entries > 0 && packet->message.term >= repair->term) {
        if (packet->message.term > repair->term)
            *repair = (struct fl_world_repair){.term = packet->message.term};
        repair->entries_shipped += entries;
    }
}

static void send_packet(struct fl_world *world, struct fl_packet *packet)
{
    count_sent(world, packet);
    fl__world_emit(
        world,
        (struct fl_event){.type = FL_EVENT_SENT, .node = packet->from, .peer = packet->to, .packet = packet});
    fl_world_throw(world, packet);
}

/* Sends the entries up to `last`, and tells the core. */
static void send_entries(struct fl_world *world, struct fl_packet *packet, fl_index last)
{
    struct fl_world_node *node = &world->nodes[packet->from];
    struct fl_message *message = &packet->message;
    shorten(message, last);
    bool filled = last > message->prev && fill_entries(&node->log, packet);
    uint64_t size = (message->last - message->prev) * world->settings.entry_size;
    int result = fl_raft_sent(node->raft, message->to, message->term, message->number,
                              filled ? last : message->prev, filled ? size : 0);
    if (filled && result == FL_OK)
        send_packet(world, packet);
    else
        fl_world_free(world, packet);
}

static fl_index limit_of(const struct fl_world *world, uint32_t node, const struct fl_send *send)
{
    const struct fl_message *message = send->message;
    fl_index damaged = world->nodes[node].disk.damaged;
    uint64_t entries = fl__higher(send->size_max / world->settings.entry_size, 1);
    entries = fl__lower(message->last - message->prev, entries);
    if (damaged > message->prev) /* What cannot be read cannot be sent. */
        entries = fl__lower(entries, damaged - message->prev - 1);
    return message->prev + entries;
}

/* How far the payloads are at hand; UINT64_MAX: later. */
static fl_index find_at_hand(const struct fl_world *world, uint32_t node, const struct fl_message *message)
{
    uint64_t dice = fl__mix(world->settings.seed ^ fl__mix(node + (message->to << 8)) ^
                            fl__mix(message->number + (message->term << 32)));
    if (dice % 1000 >= world->settings.slow_reads)
        return message->last;
    dice = fl__mix(dice);
    switch (dice % 3) {
    case 0:
        return message->prev;
    case 1:
        return message->prev + 1 + (dice >> 8) % (message->last - message->prev);
    default:
        return UINT64_MAX;
    }
}

static void count_rejection(struct fl_world *world, uint32_t node, const struct fl_message *message)
{
    struct fl_world_repair *repair = &world->nodes[node].repair;
    if (message->type != FL_MSG_APPEND_REPLY || !message->rejected || message->term < repair->term)
        return;
    if (message->term > repair->term)
        *repair = (struct fl_world_repair){.term = message->term};
    repair->rejections++;
}

void fl__network_send(struct fl_world *world, uint32_t node, const struct fl_send *send)
{
    fl__judge_sending(world, node, send->message);
    count_rejection(world, node, send->message);
    struct fl_packet *packet = make_packet(world, node, send->message);
    if (!packet)
        return;
    if (!carries_entries(&packet->message)) {
        send_packet(world, packet);
        return;
    }
    fl_index last = limit_of(world, node, send);
    fl_index at_hand = find_at_hand(world, node, &packet->message);
    if (at_hand == UINT64_MAX) {
        shorten(&packet->message, last);
        add_packet(world, &world->nodes[node].loading, packet);
        return;
    }
    last = fl__lower(last, at_hand);
    send_entries(world, packet, last);
}

void fl_world_load(struct fl_world *world, uint32_t node, uint32_t k)
{
    struct fl_packets *loading = &world->nodes[node].loading;
    if (!fl__world_is_usable(world, node) || k >= loading->count)
        return;
    struct fl_packet *packet = remove_packet(loading, k);
    send_entries(world, packet, packet->message.last);
    fl__world_look(world, node);
    fl__world_drain(world, node);
}

/* --------------------------------------------------------------------------------------------- delivering */

struct fl_packet *fl_world_catch(struct fl_world *world, uint32_t at)
{
    return remove_packet(&world->flying, at);
}

void fl_world_drop(struct fl_world *world, uint32_t at)
{
    world->inputs++;
    lose(world, fl_world_catch(world, at));
}

void fl_world_drop_all(struct fl_world *world)
{
    while (world->flying.count > 0)
        fl_world_drop(world, 0);
}

/* What the receiver's host decodes from the payloads: who takes part. */
static uint32_t decode_configs(const struct fl_world *world, const struct fl_packet *packet,
                               struct fl_members *configs)
{
    uint32_t count = 0;
    if (!carries_entries(&packet->message))
        return 0;
    for (fl_index index = packet->message.prev + 1; index <= packet->message.last; index++)
        if (packet->entries[index - packet->message.prev - 1].kind == FL_ENTRY_CONFIGURATION &&
            count < CONFIGS_MAX)
            configs[count++] =
                (struct fl_members){.index = index, .count = world->count, .list = world->members};
    return count;
}

/* Where the follower's log joined the leader's. */
static void note_fork(struct fl_world_node *node, const struct fl_packet *packet)
{
    const struct fl_message *message = &packet->message;
    if (message->type != FL_MSG_APPEND || message->last == message->prev || message->term < node->repair.term)
        return;
    if (message->prev > 0 && fl__chain_term(&node->log, message->prev) != message->prev_term)
        return;
    if (message->term > node->repair.term)
        node->repair = (struct fl_world_repair){.term = message->term};
    if (!node->repair.fork_known)
        node->repair.fork = message->prev;
    node->repair.fork_known = true;
}

static void receive(struct fl_world *world, struct fl_packet *packet)
{
    struct fl_world_node *node = &world->nodes[packet->to];
    struct fl_members configs[CONFIGS_MAX];
    struct fl_message message = packet->message;
    message.config_count = decode_configs(world, packet, configs);
    message.configs = message.config_count > 0 ? configs : NULL;
    struct fl__before before;
    fl__judge_before(world, packet->to, packet, &before);
    note_fork(node, packet);
    struct fl_accepted accepted;
    int result = fl_raft_receive(node->raft, world->now, &message, &accepted);
    fl__world_accept(world, packet->to, packet, &accepted);
    fl__world_look(world, packet->to);
    fl__judge_after(world, packet->to, packet, result, &before);
    fl__world_drain(world, packet->to);
}

bool fl__network_may_deliver(const struct fl_world *world, const struct fl_packet *packet)
{
    return !world->nodes[packet->to].is_paused;
}

void fl_world_deliver(struct fl_world *world, uint32_t at)
{
    if (!fl__network_may_deliver(world, world->flying.list[at]) || !fl__world_begin(world))
        return;
    struct fl_packet *packet = fl_world_catch(world, at);
    if (world->cut[packet->from][packet->to] || !world->nodes[packet->to].is_alive) {
        lose(world, packet);
        return;
    }
    fl__world_emit(
        world, (struct fl_event){
                   .type = FL_EVENT_DELIVERED, .node = packet->to, .peer = packet->from, .packet = packet});
    receive(world, packet);
    fl_world_free(world, packet);
}

void fl_world_deliver_all(struct fl_world *world)
{
    uint32_t waiting = 0; /* Those in front are for paused nodes. */
    while (waiting < world->flying.count && fl__world_may_go_on(world)) {
        if (fl__network_may_deliver(world, world->flying.list[waiting]))
            fl_world_deliver(world, waiting);
        else
            waiting++;
    }
}

/* -------------------------------------------------------------------------------------------------- links */

void fl_world_link(struct fl_world *world, uint32_t from, uint32_t to, bool up)
{
    if (!fl__world_begin(world))
        return;
    world->cut[from][to] = !up;
    fl__world_emit(world,
                   (struct fl_event){.type = up ? FL_EVENT_HEALED : FL_EVENT_CUT, .node = from, .peer = to});
}

bool fl_world_is_cut(const struct fl_world *world, uint32_t from, uint32_t to)
{
    return world->cut[from][to];
}
