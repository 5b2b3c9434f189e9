/* judge_message.c - the invariants that concern messages: what leaves a node is true, what arrives has the
 * effect that it should. The list of invariants stands in judge.c. */
#include "scenario_internal.h"

/* ------------------------------------------------------------------------------------------------ leaving */

static bool describes(const struct fl_outline *outline, const struct fl_world_log *log)
{
    if (outline->last != log->last || outline->low_term != fl__chain_term(log, outline->low) ||
        outline->top > log->last)
        return false;
    for (uint32_t k = 0; k < outline->run_count; k++) {
        fl_index first = outline->runs[k].first;
        fl_index last = k + 1 < outline->run_count ? outline->runs[k + 1].first - 1 : outline->top;
        if (first > last || fl__chain_term(log, first) != outline->runs[k].term ||
            fl__chain_term(log, last) != outline->runs[k].term)
            return false;
    }
    return outline->run_count == 0 || outline->runs[0].first == outline->low + 1;
}

static void check_outline(struct fl_world *world, uint32_t n, const struct fl_message *message)
{
    const struct fl_world_node *node = &world->nodes[n];
    const struct fl_outline *outline = &message->outline;
    fl_index durable = outline->durable;
    struct fl__facts facts = {
        .node = n, .peer = (uint32_t)message->to, .index = durable, .term = message->term};
    fl__judge_check(world, describes(outline, &node->log), "R11",
                    "{node} sends {peer} an outline that is not its log's.", facts);
    bool held = fl__chain_at(&node->disk.log, durable) == fl__chain_at(&node->log, durable);
    fl__judge_check(world, held && (node->disk.damaged == 0 || durable < node->disk.damaged), "R11",
                    "{node} says that it holds all up to {index} durably; its disk does not.", facts);
}

static void check_vote_request(struct fl_world *world, uint32_t n, const struct fl_message *message)
{
    const struct fl_world_node *node = &world->nodes[n];
    struct fl__facts facts = {.node = n, .term = message->term, .index = message->prev};
    fl__judge_check(world,
                    message->prev == node->log.last &&
                        message->prev_term == fl__chain_term(&node->log, node->log.last),
                    "R10", "{node} asks for votes with a last entry {index} that is not its own.", facts);
    if (message->type == FL_MSG_VOTE)
        fl__judge_check(
            world, node->disk.term == message->term && node->disk.has_vote && node->disk.vote == node->id,
            "R8", "{node} asks for votes in term {term} before its own is on its disk.", facts);
}

/* The entry at `index` of the log is the one of the leader of `term`. */
static bool is_leaders(struct fl_world *world, const struct fl_world_log *log, fl_index index, fl_term term)
{
    const struct fl_ghost_leader *leader = fl__ghost_leader(world, term);
    return index == 0 ||
           (leader && index <= leader->last && leader->chains[index - 1] == fl__chain_at(log, index));
}

static void check_acknowledgement(struct fl_world *world, uint32_t n, const struct fl_message *message)
{
    const struct fl_world_node *node = &world->nodes[n];
    struct fl__facts facts = {
        .node = n, .peer = (uint32_t)message->to, .term = message->term, .index = message->last};
    fl__judge_check(
        world, is_leaders(world, &node->disk.log, message->last, message->term), "R11",
        "{node} acknowledges {index} to the leader of term {term}, but its disk does not hold that leader's log so far.",
        facts);
    fl__judge_check(world, node->disk.damaged == 0 || message->last < node->disk.damaged, "R11",
                    "{node} acknowledges {index}, at or above an entry that it cannot read.", facts);
    facts.index = message->held;
    fl__judge_check(world, is_leaders(world, &node->log, message->held, message->term), "R11",
                    "{node} says that its log is that of term {term}'s leader up to {index}; it is not.",
                    facts);
}

static void check_append(struct fl_world *world, uint32_t n, const struct fl_message *message)
{
    const struct fl_world_node *node = &world->nodes[n];
    const struct fl_ghost_leader *leader = fl__ghost_leader(world, message->term);
    struct fl__facts facts = {.node = n, .term = message->term, .index = message->prev};
    fl__judge_check(world, leader && leader->node == n && leader->boot == node->boot, "R1",
                    "{node} speaks as the leader of term {term}, which it is not.", facts);
    fl__judge_check(world,
                    message->prev <= node->log.last &&
                        message->prev_term == fl__chain_term(&node->log, message->prev),
                    "R11", "{node} sends entries after {index}, of which it has the term wrong.", facts);
    fl__judge_check(world, message->commit <= fl_world_status(world, n).commit, "R7",
                    "{node} tells a commit index that it has not.", facts);
}

void fl__judge_sending(struct fl_world *world, uint32_t n, const struct fl_message *message)
{
    const struct fl_world_disk *disk = &world->nodes[n].disk;
    struct fl__facts facts = {.node = n, .peer = (uint32_t)message->to, .term = message->term};
    bool hypothetical =
        message->type == FL_MSG_PREVOTE || (message->type == FL_MSG_PREVOTE_REPLY && message->granted);
    if (!hypothetical)
        fl__judge_check(world, disk->term >= message->term, "R8",
                        "{node} speaks for term {term} before it is on its disk.", facts);
    if (message->outline.present)
        check_outline(world, n, message);
    switch (message->type) {
    case FL_MSG_PREVOTE:
    case FL_MSG_VOTE:
        check_vote_request(world, n, message);
        break;
    case FL_MSG_VOTE_REPLY:
        if (message->granted)
            fl__judge_check(world, disk->term == message->term && disk->has_vote && disk->vote == message->to,
                            "R9", "{node} grants {peer} its vote in term {term} before that is on its disk.",
                            facts);
        break;
    case FL_MSG_APPEND:
        check_append(world, n, message);
        break;
    case FL_MSG_APPEND_REPLY:
        check_acknowledgement(world, n, message);
        break;
    default:
        break;
    }
}

/* ----------------------------------------------------------------------------------------------- arriving */

void fl__judge_before(struct fl_world *world, uint32_t n, const struct fl_packet *packet,
                      struct fl__before *before)
{
    const struct fl_message *message = &packet->message;
    before->status = fl_world_status(world, n);
    before->had_prev =
        message->prev == 0 || fl__chain_term(&world->nodes[n].log, message->prev) == message->prev_term;
}

static void check_up_to_date(struct fl_world *world, uint32_t n, const struct fl_packet *packet,
                             const struct fl__before *before, const struct fl_status *after)
{
    const struct fl_message *message = &packet->message;
    bool had = before->status.has_vote && before->status.term == message->term;
    bool votes = after->has_vote && after->term == message->term && after->vote == message->from && !had;
    if (message->type != FL_MSG_VOTE || !votes)
        return;
    bool up_to_date =
        message->prev_term > before->status.last_term ||
        (message->prev_term == before->status.last_term && message->prev >= before->status.last);
    fl__judge_check(world, up_to_date, "R10",
                    "{node} votes in term {term} for {peer}, whose log is behind its own.",
                    (struct fl__facts){.node = n, .peer = packet->from, .term = message->term});
}

static void check_commit(struct fl_world *world, uint32_t n, const struct fl_packet *packet, int result,
                         const struct fl__before *before, const struct fl_status *after)
{
    const struct fl_message *message = &packet->message;
    if (message->type != FL_MSG_APPEND)
        return;
    fl_index expected = before->status.commit;
    bool proved = before->had_prev && message->term == after->term && after->role == FL_FOLLOWER;
    if (proved && result == FL_OK) /* Of more terms than it has room for, a node takes the first ones. */
        expected = fl__higher(expected, fl__lower(message->commit, fl__lower(message->last, after->last)));
    fl__judge_check(world, after->commit == expected, "R13",
                    "{node} takes {index} for committed after an append that proves {other}.",
                    (struct fl__facts){.node = n, .index = after->commit, .other = expected});
}

void fl__judge_after(struct fl_world *world, uint32_t n, const struct fl_packet *packet, int result,
                     const struct fl__before *before)
{
    struct fl_status after = fl_world_status(world, n);
    struct fl__facts facts = {.node = n, .peer = packet->from, .term = packet->message.term};
    fl__judge_check(world, result == FL_OK || result == FL_EFULL, "X1",
                    "{node} calls a message of {peer} in term {term} impossible.", facts);
    fl__judge_check(world, after.term >= before->status.term, "R8", "{node}'s term fell.", facts);
    check_up_to_date(world, n, packet, before, &after);
    check_commit(world, n, packet, result, before, &after);
}
