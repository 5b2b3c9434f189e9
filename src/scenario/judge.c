/* judge.c - the invariants of Raft, checked with each event against what every disk and memory holds.
 *
 *   R1   At most one leader in a term, and never again after its restart.
 *   R2   A leader only appends.
 *   R3   Entries of one index and term are the same, and so is all before them.
 *   R4   A leader holds every entry that was committed in an earlier term.
 *   R5   All replicas apply the same entries.
 *   R6   A leader commits by counting only entries of its own term, and only with a majority of disks.
 *   R7   Commit rises, and lies within the log.
 *   R8   Terms on disk rise, and what is said for a term is said after it is on disk.
 *   R9   One vote in a term, on disk before it is given.
 *   R10  No vote for a log that is behind.
 *   R11  What is acknowledged is on disk and is the leader's. What an outline says of a log is true.
 *   R12  Only a conflicting entry, received, cuts a log, and never what is committed and would be held by a
 *        majority no more.
 *   R13  A follower commits what the message itself has verified, and no more.
 *   R16  A disk's log has no gaps.
 *   R17  A read covers all that any client had been told when it was asked.
 *   L3   What was refused is never committed.
 *   V10  Every write and read is answered once.
 *   X1   No replica calls another's message impossible. */
#include "scenario_internal.h"

/* --------------------------------------------------------------------------------------------------- logs */

void fl__judge_appended(struct fl_world *world, uint32_t n, fl_index first)
{
    const struct fl_world_log *log = &world->nodes[n].log;
    for (fl_index index = first; index <= log->last; index++) {
        const struct fl_world_entry *entry = &log->entries[index - 1];
        struct fl__facts facts = {.node = n, .index = index, .term = entry->term};
        uint64_t known;
        if (!fl__map_get(&world->judge.chains, index, entry->term, &known))
            (void)fl__map_set(world, &world->judge.chains, index, entry->term, entry->chain);
        else if (
            !fl__judge_check(
                world, known == entry->chain, "R3",
                "{node} holds at {index} another entry of term {term} than others do, or another log before it.",
                facts))
            return;
        fl__judge_check(world, index == 1 || entry->term >= log->entries[index - 2].term, "R3",
                        "{node} holds at {index} an entry of term {term}, lower than the one before it.",
                        facts);
    }
}

/* Whether the entry with this chain is committed, and without node n's disk no majority would hold it. A node
 * that was not counted when the entry was committed may still lose it: to a leader of an older term, whose
 * message was late. */
static bool is_needed(const struct fl_world *world, uint32_t n, fl_index index, uint64_t chain)
{
    const struct fl_judge *judge = &world->judge;
    if (index > judge->committed || judge->commits[index - 1].chain != chain ||
        world->nodes[n].kind != FL_VOTER)
        return false;
    uint32_t voters = 0, holders = 0;
    for (uint32_t k = 0; k < world->count; k++) {
        if (world->nodes[k].kind != FL_VOTER)
            continue;
        voters++;
        holders += k != n && fl__chain_at(&world->nodes[k].disk.log, index) == chain;
    }
    return holders < voters / 2 + 1;
}

void fl__judge_truncating(struct fl_world *world, uint32_t n, fl_index from, const struct fl_packet *packet)
{
    const struct fl_world_log *log = &world->nodes[n].log;
    struct fl__facts facts = {.node = n, .index = from, .other = log->last};
    fl__judge_check(world, !is_needed(world, n, from, fl__chain_at(log, from)), "R12",
                    "{node} cuts its log at {index}, although a majority needs that committed entry.", facts);
    bool carried = from > packet->message.prev && from <= packet->message.last;
    bool conflict =
        carried && packet->entries[from - packet->message.prev - 1].term != fl__chain_term(log, from);
    fl__judge_check(world, conflict, "R12",
                    "{node} cuts its log at {index} without having received another entry for it.", facts);
}

/* -------------------------------------------------------------------------------------------------- roles */

/* Leader completeness: the last entry that was committed by a leader of a lower term stands for all before
 * it. */
static void check_complete(struct fl_world *world, uint32_t n, fl_term term)
{
    const struct fl_judge *judge = &world->judge;
    fl_index index = judge->committed;
    while (index > 0 && judge->commits[index - 1].by >= term)
        index--;
    fl__judge_check(
        world, index == 0 || fl__chain_at(&world->nodes[n].log, index) == judge->commits[index - 1].chain,
        "R4", "{node} leads term {term}, but lacks the committed entry {index}.",
        (struct fl__facts){.node = n, .term = term, .index = index});
}

static void look_at_leader(struct fl_world *world, uint32_t n, fl_term term)
{
    const struct fl_world_node *node = &world->nodes[n];
    struct fl_ghost_leader *leader = fl__ghost_leader(world, term);
    struct fl__facts facts = {.node = n, .term = term};
    if (!leader) {
        fl__judge_check(world, node->kind == FL_VOTER, "R14", "{node} leads term {term}, but has no vote.",
                        facts);
        check_complete(world, n, term);
        (void)fl__ghost_crown(world, term, n);
        return;
    }
    facts.peer = leader->node;
    facts.index = leader->last;
    fl__judge_check(world, leader->node == n && leader->boot == node->boot, "R1",
                    "{node} leads term {term}, which {peer} led before.", facts);
    fl__judge_check(
        world,
        node->log.last >= leader->last &&
            (leader->last == 0 || fl__chain_at(&node->log, leader->last) == leader->chains[leader->last - 1]),
        "R2", "{node} leads term {term} and lost or changed entry {index} of its own log.", facts);
    fl__ghost_extend(world, leader, &node->log);
}

void fl__judge_look(struct fl_world *world, uint32_t n)
{
    const struct fl_world_node *node = &world->nodes[n];
    struct fl_status status;
    fl_raft_status(node->raft, &status);
    struct fl__facts facts = {.node = n, .term = status.term, .index = status.commit, .other = status.last};
    fl__judge_check(world, status.term >= node->disk.term, "R8",
                    "{node} is at term {term}, below the one on its disk.", facts);
    fl__judge_check(world, status.commit >= node->applied && status.commit <= status.last, "R7",
                    "{node}'s commit index {index} fell, or is beyond its last entry {other}.", facts);
    fl__judge_check(
        world, status.last == node->log.last && status.last_term == fl__chain_term(&node->log, status.last),
        "R3", "{node}'s core and host disagree on its last entry, {other}.", facts);
    if (status.role == FL_LEADER)
        look_at_leader(world, n, status.term);
}

/* ------------------------------------------------------------------------------------------------- commit */

static void check_counting(struct fl_world *world, uint32_t n, fl_index index)
{
    const struct fl_world_log *log = &world->nodes[n].log;
    struct fl_status status = fl_world_status(world, n);
    struct fl__facts facts = {
        .node = n, .term = status.term, .index = index, .other = fl__chain_term(log, index)};
    if (!fl__judge_check(world, status.role == FL_LEADER, "R6",
                         "{node} takes entry {index} for committed, which no leader has committed.", facts))
        return;
    fl__judge_check(
        world, fl__chain_term(log, index) == status.term, "R6",
        "{node}, leader of term {term}, commits entry {index} of term {other} by counting replicas: a leader that does "
        "not hold it can still be elected (Figure 8).",
        facts);
    uint32_t voters = 0, holders = 0;
    for (uint32_t k = 0; k < world->count; k++) {
        bool votes = world->nodes[k].kind == FL_VOTER;
        voters += votes;
        /* Damage that came after the acknowledgement leaves the outline, by which the node votes. */
        holders += votes && fl__chain_at(&world->nodes[k].disk.log, index) == fl__chain_at(log, index);
    }
    facts.other = holders;
    fl__judge_check(world, holders >= voters / 2 + 1, "R6",
                    "{node}, leader of term {term}, commits entry {index}, which only {other} disks hold.",
                    facts);
}

void fl__judge_committing(struct fl_world *world, uint32_t n, fl_index index)
{
    const struct fl_world_node *node = &world->nodes[n];
    const struct fl_judge *judge = &world->judge;
    struct fl__facts facts = {.node = n, .index = index, .other = node->applied};
    if (!fl__judge_check(world, index > node->applied && index <= node->log.last, "R7",
                         "{node} commits {index} after {other}, or beyond its log.", facts))
        return;
    fl_index common = fl__lower(index, judge->committed);
    facts.index = common;
    fl__judge_check(world,
                    common == 0 || fl__chain_at(&node->log, common) == judge->commits[common - 1].chain, "R5",
                    "{node} applies entry {index}, but another entry was committed there.", facts);
    if (index <= judge->committed)
        return;
    check_counting(world, n, index);
    fl__ghost_commit(world, &node->log, index, fl_world_status(world, n).term);
}

void fl__judge_given_commit(struct fl_world *world, uint32_t n, fl_index commit)
{
    const struct fl_world_log *log = &world->nodes[n].disk.log;
    const struct fl_judge *judge = &world->judge;
    fl_index common = fl__lower(commit, judge->committed);
    fl__judge_check(world, common == 0 || fl__chain_at(log, common) == judge->commits[common - 1].chain, "R5",
                    "{node} is said to have committed entry {index}, but another entry was committed there.",
                    (struct fl__facts){.node = n, .index = common});
    if (commit > judge->committed && commit <= log->last)
        fl__ghost_commit(world, log, commit, fl__chain_term(log, commit));
}

/* -------------------------------------------------------------------------------------------------- disks */

static void check_vote(struct fl_world *world, uint32_t n, const struct fl_persist *persist)
{
    uint64_t voted;
    struct fl__facts facts = {.node = n, .term = persist->term};
    fl__judge_check(world, persist->term >= world->nodes[n].disk.term, "R8",
                    "{node} writes term {term} over a higher one.", facts);
    if (!persist->has_vote)
        return;
    if (!fl__map_get(&world->judge.votes, persist->term, n, &voted))
        (void)fl__map_set(world, &world->judge.votes, persist->term, n, persist->vote);
    else
        fl__judge_check(world, voted == persist->vote, "R9", "{node} votes a second time in term {term}.",
                        facts);
}

void fl__judge_writing(struct fl_world *world, uint32_t n, const struct fl_persist *persist)
{
    const struct fl_world_disk *disk = &world->nodes[n].disk;
    if (persist->is_vote) {
        check_vote(world, n, persist);
        return;
    }
    fl_index from = persist->truncate_from;
    fl_index last = from ? fl__lower(disk->log.last, from - 1) : disk->log.last;
    struct fl__facts facts = {.node = n, .index = from, .other = last, .term = persist->term};
    if (from > 0)
        fl__judge_check(
            world, !is_needed(world, n, from, fl__chain_at(&disk->log, from)), "R12",
            "{node}'s disk cuts its log at {index}, although a majority needs that committed entry.", facts);
    facts.index = persist->first;
    fl__judge_check(world, persist->first == 0 || persist->first == last + 1, "R16",
                    "{node}'s disk gets entry {index} after entry {other}.", facts);
    fl__judge_check(world, persist->term <= disk->term, "R8",
                    "{node}'s disk gets entries before their term, {term}.", facts);
}

/* ------------------------------------------------------------------------------------------------ clients */

void fl__judge_answered(struct fl_world *world, uint32_t n, const struct fl_answer *answer)
{
    struct fl_judge *judge = &world->judge;
    for (fl_index index = answer->first; index <= answer->last; index++) {
        bool committed = index <= judge->committed && judge->commits[index - 1].term == answer->term;
        struct fl__facts facts = {.node = n, .index = index, .term = answer->term};
        if (answer->outcome == FL_OK) {
            fl__judge_check(world, committed, "L3",
                            "{node} says that its write at {index} of term {term} is done; it is not.",
                            facts);
            continue;
        }
        fl__judge_check(world, !committed, "L3",
                        "{node} refuses its write at {index} of term {term}, which is committed.", facts);
        (void)fl__map_set(world, &judge->refused, index, answer->term, 1);
    }
    if (answer->outcome == FL_OK)
        judge->told = fl__higher(judge->told, answer->last);
}

void fl__judge_read(struct fl_world *world, const struct fl_world_read *read)
{
    struct fl__facts facts = {.node = read->node, .index = read->index, .other = read->floor};
    fl__judge_check(
        world, read->index >= read->floor, "R17",
        "{node} serves a read from index {index}, although a client had been told of {other} when it was asked.",
        facts);
    fl__judge_check(world, read->index <= world->judge.committed, "R17",
                    "{node} serves a read from what is not committed.", facts);
    world->judge.told = fl__higher(world->judge.told, read->index);
}
