/* drive.c - elections and replication that an event asks for as a whole: only the messages that they need are
 * delivered. */
#include "scenario_internal.h"

#define ROUNDS_MAX 1000

/* ---------------------------------------------------------------------------------------------- elections */

static bool is_vote_message(const struct fl_packet *packet)
{
    return packet->message.type <= FL_MSG_VOTE_REPLY;
}

/* The other side of a packet from or to the candidate; -1 if the packet is not the candidate's. */
static int other_side(const struct fl_packet *packet, uint32_t candidate)
{
    if (packet->from == candidate)
        return (int)packet->to;
    return packet->to == candidate ? (int)packet->from : -1;
}

/* The next packet of this election, sent after `since`; -1 if there is none. */
static int find_vote(const struct fl_world *world, uint32_t candidate, uint64_t since)
{
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        if (packet->number > since && is_vote_message(packet) && other_side(packet, candidate) >= 0 &&
            fl__network_may_deliver(world, packet))
            return (int)k;
    }
    return -1;
}

/* Votes and pre-votes between the candidate and the named voters arrive; those of others, and votes of
 * another term than `term` (0: any), are lost. */
static void deliver_votes(struct fl_world *world, uint32_t candidate, fl_term term, uint32_t voters,
                          uint64_t since)
{
    int at;
    while (fl__world_may_go_on(world) && (at = find_vote(world, candidate, since)) >= 0) {
        const struct fl_packet *packet = world->flying.list[at];
        bool named = voters >> other_side(packet, candidate) & 1;
        bool is_vote = packet->message.type == FL_MSG_VOTE || packet->message.type == FL_MSG_VOTE_REPLY;
        if (named && (!is_vote || term == 0 || packet->message.term == term))
            fl_world_deliver(world, (uint32_t)at);
        else
            fl_world_drop(world, (uint32_t)at);
    }
}

/* Who hears a leader refuses others. Where one of those concerned does, an election time-out passes first,
 * and a leader among them notices that nobody answers it any more. */
static void wait_for_silence(struct fl_world *world, uint32_t candidate, uint32_t voters)
{
    bool sticky = false;
    for (uint32_t n = 0; n < world->count; n++)
        sticky |= ((voters >> n & 1) || n == candidate) && fl_world_status(world, n).has_leader;
    if (!sticky)
        return;
    fl_world_advance(world, world->settings.raft.election_timeout_us);
    for (uint32_t n = 0; n < world->count; n++)
        if (((voters >> n & 1) || n == candidate) && fl_world_status(world, n).role == FL_LEADER)
            fl_world_tick(world, n);
}

bool fl__drive_elect(struct fl_world *world, uint32_t candidate, fl_term term, uint32_t voters)
{
    fl_term reached = 0;
    for (uint32_t tries = 0; tries < 4 && fl__world_may_go_on(world); tries++) {
        struct fl_status status = fl_world_status(world, candidate);
        if (term > 0 && status.term >= term)
            break;
        if (status.term > reached && term > 0)
            tries = 0; /* One term further on the way. */
        reached = status.term;
        wait_for_silence(world, candidate, voters);
        uint64_t since = world->packet_number;
        fl_world_campaign(world, candidate);
        deliver_votes(world, candidate, term, voters, since);
        status = fl_world_status(world, candidate);
        if (status.role == FL_LEADER && (term == 0 || status.term == term))
            return true;
    }
    return false;
}

/* -------------------------------------------------------------------------------------------- replication */

static bool holds(const struct fl_world *world, uint32_t leader, uint32_t follower, fl_index index)
{
    return fl_world_fork(world, leader, follower) >= index;
}

/* The next append or answer to one between the two; -1 if there is none. */
static int find_append(const struct fl_world *world, uint32_t leader, uint32_t follower, bool answers_only)
{
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        bool append =
            packet->from == leader && packet->to == follower && packet->message.type == FL_MSG_APPEND;
        bool answer =
            packet->from == follower && packet->to == leader && packet->message.type == FL_MSG_APPEND_REPLY;
        if ((answer || (append && !answers_only)) && fl__network_may_deliver(world, packet))
            return (int)k;
    }
    return -1;
}

bool fl__drive_replicate(struct fl_world *world, uint32_t leader, uint32_t follower, fl_index index)
{
    int at;
    for (uint32_t rounds = 0; rounds < ROUNDS_MAX && !holds(world, leader, follower, index); rounds++) {
        if (!fl__world_may_go_on(world))
            return false;
        at = find_append(world, leader, follower, false);
        if (at >= 0) {
            fl_world_deliver(world, (uint32_t)at);
        } else { /* Something was lost on the way: the next heartbeat shows it. */
            fl_world_advance(world, world->settings.raft.heartbeat_us);
            fl_world_tick(world, leader);
        }
    }
    while (world->error == FL_OK && (at = find_append(world, leader, follower, true)) >= 0)
        fl_world_deliver(world, (uint32_t)at);
    return holds(world, leader, follower, index);
}
