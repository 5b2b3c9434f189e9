/* ghost.c - what the judge remembers: who ever led and voted, what was ever committed. No node sees any of
 * it. */
#include "scenario_internal.h"

void fl__judge_trip(struct fl_world *world, const char *rule, const char *sentence, struct fl__facts facts)
{
    struct fl_judge *judge = &world->judge;
    struct fl_trip trip = {.rule = rule};
    struct fl_word name = fl_word_of(rule);
    fl__text_fill(trip.text, sizeof trip.text, world, "{word}: ", &(struct fl__facts){.word = name});
    fl__text_fill(trip.text + name.length + 2, sizeof trip.text - name.length - 2, world, sentence, &facts);
    if (judge->trip_count < FL_WORLD_TRIPS_MAX)
        judge->trips[judge->trip_count] = trip;
    judge->trip_count++;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TRIPPED, .node = facts.node, .text = trip.text});
}

/* The place of the term's leader among the leaders, or where it belongs. Leaders mostly come by rising
 * term. */
static uint32_t place_of(const struct fl_judge *judge, fl_term term)
{
    uint32_t at = judge->leader_count;
    while (at > 0 && judge->leaders[at - 1].term >= term)
        at--;
    return at;
}

struct fl_ghost_leader *fl__ghost_leader(struct fl_world *world, fl_term term)
{
    uint32_t at = place_of(&world->judge, term);
    bool found = at < world->judge.leader_count && world->judge.leaders[at].term == term;
    return found ? &world->judge.leaders[at] : NULL;
}

struct fl_ghost_leader *fl__ghost_crown(struct fl_world *world, fl_term term, uint32_t n)
{
    struct fl_judge *judge = &world->judge;
    uint32_t at = place_of(judge, term);
    judge->leaders = fl__world_grow(world, judge->leaders, judge->leader_count, &judge->leader_capacity,
                                    (size_t)judge->leader_count + 1, sizeof *judge->leaders);
    if (world->error != FL_OK)
        return NULL;
    memmove(judge->leaders + at + 1, judge->leaders + at,
            (judge->leader_count - at) * sizeof *judge->leaders);
    judge->leader_count++;
    judge->leaders[at] = (struct fl_ghost_leader){.term = term, .node = n, .boot = world->nodes[n].boot};
    fl__ghost_extend(world, &judge->leaders[at], &world->nodes[n].log);
    return &judge->leaders[at];
}

void fl__ghost_extend(struct fl_world *world, struct fl_ghost_leader *leader, const struct fl_world_log *log)
{
    if (log->last <= leader->last)
        return;
    leader->chains = fl__world_grow(world, leader->chains, (size_t)leader->last, &leader->capacity,
                                    (size_t)log->last, sizeof *leader->chains);
    if (world->error != FL_OK)
        return;
    for (fl_index index = leader->last + 1; index <= log->last; index++)
        leader->chains[index - 1] = log->entries[index - 1].chain;
    leader->last = log->last;
}

void fl__ghost_commit(struct fl_world *world, const struct fl_world_log *log, fl_index index, fl_term by)
{
    struct fl_judge *judge = &world->judge;
    judge->commits = fl__world_grow(world, judge->commits, (size_t)judge->committed, &judge->commits_capacity,
                                    (size_t)index, sizeof *judge->commits);
    if (world->error != FL_OK)
        return;
    while (judge->committed < index) {
        const struct fl_world_entry *entry = &log->entries[judge->committed];
        uint64_t refused;
        judge->commits[judge->committed++] =
            (struct fl_ghost_commit){.chain = entry->chain, .term = entry->term, .by = by};
        if (fl__map_get(&judge->refused, judge->committed, entry->term, &refused))
            fl__judge_trip(world, "L3",
                           "The write at {index} of term {term} was refused, and is committed now.",
                           (struct fl__facts){.index = judge->committed, .term = entry->term});
    }
}

void fl__ghost_free(struct fl_world *world)
{
    struct fl_judge *judge = &world->judge;
    for (uint32_t k = 0; k < judge->leader_count; k++)
        fl__world_release(world, judge->leaders[k].chains);
    fl__world_release(world, judge->leaders);
    fl__world_release(world, judge->commits);
    fl__world_release(world, judge->chains.slots);
    fl__world_release(world, judge->votes.slots);
    fl__world_release(world, judge->refused.slots);
}
