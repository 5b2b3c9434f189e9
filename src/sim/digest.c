/* digest.c - a world of cores as one number: equal for two worlds with the same future.
 *
 * What counts is all that a core's next steps depend on, what lies on disks and in flight, and the judge's
 * books. What does not count: the time (the explorer lets everything time out whenever it likes), counters
 * for people, and what a core keeps of a role that it has left and sets anew before it uses it again.
 *
 * Nodes that are alike are exchangeable: the number does not change when nodes change their names. Each node
 * gets a signature without names in it; the nodes are ordered by these, and where two are equal all orders
 * are tried and the least number counts. A boot nonce is chance; it stands for the how-manieth life of its
 * node. */
#include "../core/core.h"
#include "sim.h"

#define NODES_MAX FL__EXPLORE_NODES_MAX
#define NOBODY 255

/* How nodes are called here. */
struct names {
    const struct fl__walk *walk;
    uint8_t of[NODES_MAX]; /* A node's new number. NOBODY: all are called the same. */
};

/* Cheap: a digest is thousands of these. What is added up in any order is mixed once more. */
static inline uint64_t fold(uint64_t sum, uint64_t value)
{
    sum = (sum ^ value) * 0x9e3779b97f4a7c15u;
    return sum ^ (sum >> 29);
}

static uint64_t name_of(const struct names *names, fl_id id)
{
    return id < NODES_MAX ? names->of[id] : NOBODY;
}

/* Which life of the node it was; 0: none. Nonces far apart, and numbers that count from one. */
static uint64_t life_of(const struct names *names, fl_id id, uint64_t boot)
{
    const struct fl__walk *walk = names->walk;
    for (uint32_t k = 0; id < NODES_MAX && k < walk->lives[id]; k++)
        if (boot - walk->boots[id][k] < 1u << 16)
            return (uint64_t)(k + 1) << 32 | (boot - walk->boots[id][k]);
    return boot == 0 ? 0 : boot;
}

static uint64_t fold_runs(uint64_t sum, const struct fl_run *runs, uint32_t count)
{
    sum = fold(sum, count);
    for (uint32_t k = 0; k < count; k++)
        sum = fold(fold(sum, runs[k].term), runs[k].first);
    return sum;
}

/* ------------------------------------------------------------------------------------------------- cores */

static uint64_t fold_flights(uint64_t sum, const struct fl_raft *raft, const struct fl__peer *peer)
{
    sum = fold(sum, peer->flight_count);
    for (uint32_t k = 0; k < peer->flight_count; k++) {
        uint32_t slot = (peer->flight_first + k) % raft->config.window_messages;
        sum = fold(fold(sum, peer->flights[slot].prev), peer->flights[slot].last);
    }
    return sum;
}

static uint64_t fold_follower(uint64_t sum, const struct fl_raft *raft, const struct fl__peer *peer)
{
    sum = fold(fold(sum, peer->match), peer->next);
    sum = fold(fold(sum, peer->number), peer->reset_number);
    sum = fold(fold(sum, peer->sent_number), peer->boot_number);
    sum = fold(fold(sum, peer->boot_match), peer->hurry);
    sum = fold(fold(sum, peer->round), peer->progress);
    sum = fold(fold(sum, peer->sending_number), peer->sending_prev);
    sum = fold(sum, (uint64_t)peer->probing | (uint64_t)peer->sending << 1 | (uint64_t)peer->stalled << 2);
    return fold_flights(sum, raft, peer);
}

static uint64_t digest_peer(const struct names *names, const struct fl_raft *raft,
                            const struct fl__peer *peer)
{
    uint64_t sum = fold(name_of(names, peer->id), life_of(names, peer->id, peer->boot));
    sum = fold(fold(sum, peer->todo), peer->is_up);
    if (raft->role == FL_CANDIDATE || raft->role == FL_PRECANDIDATE) {
        sum = fold(fold(sum, peer->vote), peer->fork_known);
        sum = peer->fork_known ? fold(fold(sum, peer->fork), peer->fork_durable) : sum;
    }
    return raft->role == FL_LEADER ? fold_follower(sum, raft, peer) : sum;
}

static uint64_t fold_persisting(uint64_t sum, const struct fl_raft *raft)
{
    uint64_t vote_open =
        raft->vote_ticket > raft->ticket_completed ? raft->vote_ticket - raft->ticket_completed : 0;
    sum = fold(fold(sum, raft->ticket_issued - raft->ticket_completed), vote_open);
    sum = fold(fold(sum, raft->unhanded), raft->truncate_from);
    sum = fold(fold(sum, raft->durable), raft->vote_dirty);
    for (uint32_t k = 0; k < raft->persisting_count; k++) {
        const struct fl__persisting *piece =
            &raft->persisting[(raft->persisting_first + k) % FL__PERSISTS_MAX];
        sum = fold(fold(sum, piece->ticket - raft->ticket_completed), piece->last);
    }
    return sum;
}

static uint64_t fold_received(uint64_t sum, const struct fl_raft *raft)
{
    sum = fold(fold(sum, raft->held), raft->acknowledged);
    sum = fold(fold(sum, raft->append_number), raft->append_round);
    sum = fold(fold(sum, raft->echoed_round), raft->echo);
    sum = fold(fold(sum, raft->reject_prev), raft->reject_term);
    return fold(fold(sum, raft->reject_number), raft->log_promised);
}

static uint64_t digest_core(const struct names *names, const struct fl_raft *raft)
{
    uint64_t sum = fold(raft->term, raft->has_vote ? name_of(names, raft->vote) + 1 : 0);
    sum = fold(fold_runs(sum, raft->log.runs, raft->log.count), raft->log.last);
    sum = fold(fold(sum, raft->log.base), raft->commit);
    sum = fold(fold(sum, raft->role), raft->has_leader ? name_of(names, raft->leader) + 1 : 0);
    sum = fold(fold(sum, raft->opening), raft->opening_term);
    sum = fold(fold(sum, raft->members.index), raft->previous.index);
    sum = fold_received(fold_persisting(sum, raft), raft);
    sum = fold(fold(sum, raft->commit_taken), raft->work);
    if (raft->role == FL_LEADER)
        sum = fold(fold(sum, raft->match_max), raft->round);
    sum = fold(sum, raft->round_count);
    for (uint32_t k = 0; k < raft->proposals_count; k++)
        sum =
            fold(fold(fold(sum, raft->proposals[k].term), raft->proposals[k].first), raft->proposals[k].last);
    sum = fold(sum, raft->fetching ? name_of(names, raft->fetch_from) + 1 : 0);
    if (raft->fetching)
        sum = fold(fold(fold(sum, life_of(names, raft->config.id, raft->fetch_number)), raft->fetch_limit),
                   raft->fetch_cap);
    uint64_t peers = 0;
    for (uint32_t k = 0; k < raft->peer_count; k++)
        peers += fl__mix64(digest_peer(names, raft, &raft->peers[k]));
    return fold(sum, peers);
}

/* ------------------------------------------------------------------------------------------------- worlds */

static uint64_t chain_of(const struct fl_world_log *log)
{
    return log->last > 0 ? fold(log->last, log->entries[log->last - 1].chain) : 0;
}

static uint64_t fold_disk(uint64_t sum, const struct names *names, const struct fl_world_disk *disk)
{
    sum = fold(fold(sum, disk->term), disk->has_vote ? name_of(names, disk->vote) + 1 : 0);
    sum = fold(fold(sum, chain_of(&disk->log)), disk->write_count);
    for (uint32_t k = 0; k < disk->write_count; k++) {
        const struct fl_persist *write = &disk->writes[k].persist;
        uint64_t vote = write->is_vote ? (write->has_vote ? name_of(names, write->vote) + 2 : 1) : 0;
        sum = fold(fold(sum, vote), write->is_vote ? write->term : 0);
        if (write->is_vote)
            continue;
        sum = fold(fold(fold(sum, write->truncate_from), write->first), write->last);
        if (write->first > 0)
            sum = fold(sum, disk->writes[k].entries[write->last - write->first].chain);
    }
    return sum;
}

static uint64_t digest_node(const struct names *names, const struct fl_world_node *node)
{
    uint64_t sum = fold(node->is_alive, names->walk->lives[node->id]);
    sum = fold_disk(sum, names, &node->disk);
    for (uint32_t k = 0; k < node->open_count; k++)
        sum = fold(fold(sum, node->open[k].first), node->open[k].value);
    if (!node->is_alive)
        return sum;
    return fold(fold(fold(sum, chain_of(&node->log)), node->applied), digest_core(names, node->raft));
}

static uint64_t digest_packet(const struct names *names, const struct fl_packet *packet)
{
    const struct fl_message *message = &packet->message;
    const struct fl_outline *outline = &message->outline;
    uint64_t number = message->number;
    if (message->type == FL_MSG_FETCH)
        number = life_of(names, message->from, number);
    else if (message->type == FL_MSG_FETCH_REPLY)
        number = life_of(names, message->to, number);
    uint64_t sum = fold(message->type, name_of(names, message->from) << 8 | name_of(names, message->to));
    sum = fold(fold(sum, message->granted), message->rejected);
    sum = fold(fold(sum, message->term), life_of(names, message->from, message->boot));
    sum = fold(fold(sum, message->prev), message->prev_term);
    sum = fold(fold(sum, message->last), message->commit);
    sum = fold(fold(sum, message->held), number);
    sum = fold_runs(fold(sum, message->round), message->runs, message->run_count);
    if (message->run_count > 0 && message->last > message->prev)
        sum = fold(sum, packet->entries[message->last - message->prev - 1].chain);
    if (!outline->present)
        return sum;
    sum = fold_runs(fold(sum, outline->low_is_floor), outline->runs, outline->run_count);
    sum = fold(fold(sum, outline->low), outline->low_term);
    return fold(fold(fold(sum, outline->top), outline->last), outline->durable);
}

static uint64_t digest_books(const struct names *names, const struct fl_judge *judge)
{
    uint64_t sum = fold(judge->committed, judge->told);
    for (fl_index k = 0; k < judge->committed; k++)
        sum = fold(fold(sum, judge->commits[k].chain), judge->commits[k].by);
    for (uint32_t k = 0; k < judge->leader_count; k++) {
        const struct fl_ghost_leader *leader = &judge->leaders[k];
        sum = fold(fold(sum, leader->term), name_of(names, leader->node));
        sum = fold(sum, life_of(names, leader->node, leader->boot));
        sum = fold(sum, leader->last > 0 ? leader->chains[leader->last - 1] : 0);
    }
    uint64_t votes = 0, others = 0;
    for (size_t k = 0; k < judge->votes.capacity; k++) {
        const struct fl_map_slot *slot = &judge->votes.slots[k];
        if (slot->used)
            votes += fl__mix64(fold(fold(slot->a, name_of(names, slot->b)), name_of(names, slot->value)));
    }
    for (size_t k = 0; k < judge->chains.capacity; k++) {
        const struct fl_map_slot *slot = &judge->chains.slots[k];
        others += slot->used ? fl__mix64(fold(fold(slot->a, slot->b), slot->value)) : 0;
    }
    for (size_t k = 0; k < judge->refused.capacity; k++) {
        const struct fl_map_slot *slot = &judge->refused.slots[k];
        others += slot->used ? fl__mix64(fold(fold(slot->a, slot->b), 1)) : 0;
    }
    return fold(fold(sum, votes), others);
}

static uint64_t digest_world(const struct names *names)
{
    const struct fl__walk *walk = names->walk;
    const struct fl_world *world = walk->stage.world;
    uint64_t nodes = 0, packets = 0;
    for (uint32_t n = 0; n < world->count; n++)
        nodes += fl__mix64(fold(digest_node(names, &world->nodes[n]), names->of[n]));
    for (uint32_t k = 0; k < world->flying.count; k++)
        packets += fl__mix64(digest_packet(names, world->flying.list[k]));
    uint64_t spent = (uint64_t)walk->crashes << 32 | walk->doubles << 16 | walk->ticks;
    uint64_t sum = fold(fold(nodes, packets), digest_books(names, &world->judge));
    return fl__mix64(fold(fold(sum, spent), world->proposal_count));
}

/* ----------------------------------------------------------------------------------------------- symmetry */

/* What can be told of a node without calling any by its name. */
static void sign(const struct fl__walk *walk, uint64_t signatures[NODES_MAX])
{
    struct names nameless = {.walk = walk};
    const struct fl_world *world = walk->stage.world;
    memset(nameless.of, NOBODY, sizeof nameless.of);
    for (uint32_t n = 0; n < world->count; n++)
        signatures[n] = digest_node(&nameless, &world->nodes[n]);
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        uint64_t print = digest_packet(&nameless, packet);
        signatures[packet->from] += fl__mix64(print ^ 1);
        signatures[packet->to] += fl__mix64(print ^ 2);
    }
}

/* Names the nodes that come in `order` from place `at` on, in each way that keeps equal signatures together,
 * and returns the least number. */
static uint64_t least(struct names *names, const uint64_t signatures[NODES_MAX], uint8_t order[NODES_MAX],
                      uint32_t at)
{
    uint32_t count = names->walk->stage.world->count;
    if (at == count)
        return digest_world(names);
    uint64_t best = UINT64_MAX;
    for (uint32_t k = at; k < count && signatures[order[k]] == signatures[order[at]]; k++) {
        uint8_t node = order[k];
        order[k] = order[at];
        order[at] = node;
        names->of[node] = (uint8_t)at;
        uint64_t number = least(names, signatures, order, at + 1);
        best = number < best ? number : best;
        order[at] = order[k];
        order[k] = node;
    }
    return best;
}

uint64_t fl__walk_digest(const struct fl__walk *walk)
{
    uint64_t signatures[NODES_MAX];
    uint8_t order[NODES_MAX];
    uint32_t count = walk->stage.world->count;
    struct names names = {.walk = walk};
    sign(walk, signatures);
    for (uint32_t n = 0; n < count; n++) {
        uint32_t at = n;
        for (; at > 0 && signatures[order[at - 1]] > signatures[n]; at--)
            order[at] = order[at - 1];
        order[at] = (uint8_t)n;
    }
    return least(&names, signatures, order, 0) | 1; /* Never 0. */
}

uint64_t fl__packet_digest(const struct fl__walk *walk, const struct fl_packet *packet)
{
    struct names names = {.walk = walk};
    for (uint32_t n = 0; n < NODES_MAX; n++)
        names.of[n] = (uint8_t)n;
    return digest_packet(&names, packet);
}
