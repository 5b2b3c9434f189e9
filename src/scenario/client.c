/* client.c - writes and reads, and their answers: every one is answered once, and truthfully. */
#include "scenario_internal.h"

/* ------------------------------------------------------------------------------------------------- writes */

/* Remembers that [first, first + count) is to be answered. */
static void open_proposals(struct fl_world *world, struct fl_world_node *node, fl_term term, fl_index first,
                           uint32_t count, uint32_t value)
{
    struct fl_world_open *newest = node->open_count > 0 ? &node->open[node->open_count - 1] : NULL;
    bool continues = newest && newest->term == term && newest->last + 1 == first &&
                     newest->value + (newest->last - newest->first) + 1 == value;
    if (continues) {
        newest->last += count;
        return;
    }
    node->open = fl__world_grow(world, node->open, node->open_count, &node->open_capacity,
                                (size_t)node->open_count + 1, sizeof *node->open);
    if (world->error == FL_OK)
        node->open[node->open_count++] =
            (struct fl_world_open){.term = term, .first = first, .last = first + count - 1, .value = value};
}

int fl_world_propose(struct fl_world *world, uint32_t n, uint32_t count)
{
    if (!fl__world_is_usable(world, n))
        return FL_ESTOPPED;
    struct fl_world_node *node = &world->nodes[n];
    fl_index first;
    fl_term term;
    int result = fl_raft_propose(node->raft, world->now, count, &first, &term);
    if (result != FL_OK)
        return result;
    world->proposals =
        fl__world_grow(world, world->proposals, world->proposal_count, &world->proposal_capacity,
                       (size_t)world->proposal_count + count, sizeof *world->proposals);
    if (world->error != FL_OK)
        return world->error;
    uint32_t value = world->proposal_count + 1;
    for (uint32_t k = 0; k < count; k++) {
        world->proposals[world->proposal_count++] =
            (struct fl_world_proposal){.node = n, .term = term, .index = first + k};
        fl__chain_append(world, &node->log, term, FL_ENTRY_COMMAND, value + k);
    }
    if (node->log.last != first + count - 1)
        fl__judge_trip(world, "R2", "{node} appends at {index}, but its log ends elsewhere.",
                       (struct fl__facts){.node = n, .index = first});
    open_proposals(world, node, term, first, count, value);
    fl__judge_appended(world, n, first);
    fl__world_emit(
        world,
        (struct fl_event){.type = FL_EVENT_APPENDED, .node = n, .index = first, .other = first + count - 1});
    fl__world_look(world, n);
    fl__world_drain(world, n);
    return (int)value;
}

static void set_outcome(struct fl_world *world, const struct fl_world_open *open, fl_index last,
                        enum fl_outcome outcome)
{
    for (fl_index index = open->first; index <= last; index++)
        world->proposals[open->value - 1 + (index - open->first)].outcome = outcome;
}

/* Answers what is open in [first, last] of the term, from the oldest on; false if that is not what was
 * open. */
static bool close_proposals(struct fl_world *world, struct fl_world_node *node,
                            const struct fl_answer *answer)
{
    enum fl_outcome outcome = answer->outcome == FL_OK ? FL_DONE : FL_REFUSED;
    fl_index at = answer->first;
    while (at <= answer->last) {
        struct fl_world_open *open = &node->open[0];
        if (node->open_count == 0 || open->term != answer->term || open->first != at)
            return false;
        fl_index last = fl__lower(open->last, answer->last);
        set_outcome(world, open, last, outcome);
        at = last + 1;
        if (last < open->last) {
            open->value += (uint32_t)(last + 1 - open->first);
            open->first = last + 1;
        } else {
            node->open_count--;
            memmove(node->open, node->open + 1, node->open_count * sizeof *node->open);
        }
    }
    return true;
}

void fl__client_on_answer(struct fl_world *world, uint32_t n, const struct fl_answer *answer)
{
    fl__judge_answered(world, n, answer);
    if (!close_proposals(world, &world->nodes[n], answer))
        fl__judge_trip(world, "V10",
                       "{node} answers writes at {index} to {other} of term {term}, which are not open.",
                       (struct fl__facts){
                           .node = n, .term = answer->term, .index = answer->first, .other = answer->last});
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_ANSWERED,
                                            .node = n,
                                            .term = answer->term,
                                            .index = answer->first,
                                            .other = answer->last,
                                            .outcome = answer->outcome});
}

/* -------------------------------------------------------------------------------------------------- reads */

int fl_world_read(struct fl_world *world, uint32_t n)
{
    if (!fl__world_is_usable(world, n))
        return FL_ESTOPPED;
    struct fl_world_node *node = &world->nodes[n];
    struct fl_world_read read = {.node = n, .boot = node->boot, .floor = world->judge.told};
    int result = fl_raft_read(node->raft, world->now, &read.ticket);
    if (result != FL_OK)
        return result;
    world->reads = fl__world_grow(world, world->reads, world->read_count, &world->read_capacity,
                                  (size_t)world->read_count + 1, sizeof *world->reads);
    if (world->error != FL_OK)
        return world->error;
    uint32_t number = world->read_count++;
    world->reads[number] = read;
    fl__world_look(world, n);
    fl__world_drain(world, n);
    return (int)number;
}

static bool is_waiting(const struct fl_world *world, const struct fl_world_read *read, uint32_t n)
{
    return read->node == n && read->boot == world->nodes[n].boot && read->outcome == FL_PENDING;
}

static void skip_settled(struct fl_world *world)
{
    while (world->read_first < world->read_count && world->reads[world->read_first].outcome != FL_PENDING)
        world->read_first++;
}

void fl__client_on_read(struct fl_world *world, uint32_t n, const struct fl_read *answer)
{
    uint32_t answered = 0;
    for (uint32_t k = world->read_first; k < world->read_count; k++) {
        struct fl_world_read *read = &world->reads[k];
        if (!is_waiting(world, read, n) || read->ticket > answer->ticket)
            continue;
        answered++;
        read->outcome = answer->outcome == FL_OK ? FL_DONE : FL_REFUSED;
        read->index = answer->index;
        if (answer->outcome == FL_OK)
            fl__judge_read(world, read);
    }
    skip_settled(world);
    if (answered == 0)
        fl__judge_trip(world, "V10", "{node} answers reads that nobody waits for, ticket {index}.",
                       (struct fl__facts){.node = n, .index = answer->ticket});
    fl__world_emit(world,
                   (struct fl_event){
                       .type = FL_EVENT_READ, .node = n, .index = answer->index, .outcome = answer->outcome});
}

void fl__client_on_crash(struct fl_world *world, uint32_t n)
{
    struct fl_world_node *node = &world->nodes[n];
    for (uint32_t k = 0; k < node->open_count; k++)
        set_outcome(world, &node->open[k], node->open[k].last, FL_UNKNOWN);
    node->open_count = 0;
    for (uint32_t k = world->read_first; k < world->read_count; k++)
        if (is_waiting(world, &world->reads[k], n))
            world->reads[k].outcome = FL_UNKNOWN;
    skip_settled(world);
}
