/* expect.c - what is expected of a world: the predicates of an `expect` line. docs/scenarios.md has the
 * grammar.
 *
 * A predicate that does not hold is a failure of the scenario and ends nothing. */
#include "scenario_internal.h"

static bool expect_words(struct fl_player *player, struct fl__words words, uint32_t least, uint32_t most)
{
    if (words.count >= least && words.count <= most)
        return true;
    return fl__player_misunderstand(player, "expect {word}: too few words after it, or too many",
                                    words.list[0]);
}

static struct fl__words rest(struct fl__words words, uint32_t from)
{
    return (struct fl__words){.list = words.list + from, .count = words.count - from};
}

static bool misread(struct fl_player *player, struct fl__words words)
{
    return fl__player_misunderstand(player, "no such expectation: {word} ...", words.list[0]);
}

/* What a sentence says of one, and of any other number. */
static const char *for_count(uint64_t count, const char *one, const char *others)
{
    return count == 1 ? one : others;
}

/* Words `from` on are names; each node of them is looked at by `holds`, which fails the scenario by
 * itself. */
static bool for_nodes(struct fl_player *player, struct fl__words words, uint32_t from, uint64_t number,
                      void (*look)(struct fl_player *player, uint32_t node, uint64_t number))
{
    uint32_t set;
    if (!fl__player_nodes(player, rest(words, from), &set))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++)
        if (set >> n & 1)
            look(player, n, number);
    return true;
}

/* ------------------------------------------------------------------------------------------------ entries */

static fl_index highest_commit(const struct fl_world *world)
{
    return world->judge.committed;
}

/* index I committed | index I not committed | index I term T on NAME... */
static bool expect_index(struct fl_player *player, struct fl__words words)
{
    uint64_t index, term;
    uint32_t set;
    if (!expect_words(player, words, 3, UINT32_MAX) || !fl__word_number(words.list[1], &index))
        return misread(player, words);
    bool committed = highest_commit(player->world) >= index;
    struct fl__facts facts = {.index = index};
    if (words.count == 3 && fl_word_is(words.list[2], "committed")) {
        if (!committed)
            fl__player_fail(player, "index {index} is not committed", facts);
        return true;
    }
    if (words.count == 4 && fl_word_is(words.list[2], "not") && fl_word_is(words.list[3], "committed")) {
        if (committed)
            fl__player_fail(player, "index {index} is committed", facts);
        return true;
    }
    if (words.count < 6 || !fl_word_is(words.list[2], "term") || !fl__word_number(words.list[3], &term) ||
        !fl_word_is(words.list[4], "on"))
        return misread(player, words);
    if (!fl__player_nodes(player, rest(words, 5), &set))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++) {
        facts = (struct fl__facts){
            .node = n, .index = index, .term = fl_world_term(player->world, n, index), .other = term};
        if ((set >> n & 1) && facts.term != term)
            fl__player_fail(player, "{node} has an entry of term {term} at {index}, not of {other}", facts);
    }
    return true;
}

/* logs equal */
static bool expect_logs(struct fl_player *player, struct fl__words words)
{
    if (words.count != 2 || !fl_word_is(words.list[1], "equal"))
        return misread(player, words);
    int first = -1;
    for (uint32_t n = 0; n < player->world->count; n++) {
        if (!player->world->nodes[n].is_alive)
            continue;
        first = first < 0 ? (int)n : first;
        fl_index fork = fl_world_fork(player->world, (uint32_t)first, n);
        if (fork != player->world->nodes[first].log.last || fork != player->world->nodes[n].log.last) {
            fl__player_fail(player, "the logs of {node} and {peer} part after {index}",
                            (struct fl__facts){.node = (uint32_t)first, .peer = n, .index = fork});
            return true;
        }
    }
    return true;
}

/* log NAME TERM... */
static bool expect_log(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    fl_index index = 1;
    if (!expect_words(player, words, 2, UINT32_MAX) || !fl__player_node(player, words.list[1], &node))
        return false;
    for (uint32_t k = 2; k < words.count; k++) {
        uint64_t term, count;
        if (!fl__word_terms(words.list[k], &term, &count))
            return misread(player, words);
        for (; count > 0; count--, index++) {
            struct fl__facts facts = {.node = node,
                                      .index = index,
                                      .term = fl_world_term(player->world, node, index),
                                      .other = term};
            if (facts.term == term)
                continue;
            fl__player_fail(player, "{node} has an entry of term {term} at {index}, not of {other}", facts);
            return true;
        }
    }
    if (player->world->nodes[node].log.last != index - 1)
        fl__player_fail(player, "{node}'s log ends at {index}, not {other}",
                        (struct fl__facts){
                            .node = node, .index = player->world->nodes[node].log.last, .other = index - 1});
    return true;
}

/* -------------------------------------------------------------------------------------------- replication */

/* fork NAME I NAME I ... */
static bool expect_fork(struct fl_player *player, struct fl__words words)
{
    if (words.count < 3 || words.count % 2 == 0)
        return misread(player, words);
    for (uint32_t k = 1; k < words.count; k += 2) {
        uint32_t node;
        uint64_t index;
        if (!fl__player_node(player, words.list[k], &node))
            return false;
        if (!fl__word_number(words.list[k + 1], &index))
            return misread(player, words);
        const struct fl_world_repair *repair = &player->world->nodes[node].repair;
        struct fl__facts facts = {.node = node, .index = repair->fork, .other = index};
        if (!repair->fork_known)
            fl__player_fail(player, "{node} took no entries from a leader", facts);
        else if (repair->fork != index)
            fl__player_fail(player, "{node}'s log joined the leader's after {index}, not {other}", facts);
    }
    return true;
}

/* rejections at most N per NAME... | shipped at most N per NAME... */
static bool expect_at_most(struct fl_player *player, struct fl__words words)
{
    uint64_t most;
    uint32_t set;
    bool shipped = fl_word_is(words.list[0], "shipped");
    if (words.count < 6 || !fl_word_is(words.list[1], "at") || !fl_word_is(words.list[2], "most") ||
        !fl__word_number(words.list[3], &most) || !fl_word_is(words.list[4], "per"))
        return misread(player, words);
    if (!fl__player_nodes(player, rest(words, 5), &set))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++) {
        const struct fl_world_repair *repair = &player->world->nodes[n].repair;
        uint64_t count = shipped ? repair->entries_shipped : repair->rejections;
        struct fl__facts facts = {.node = n, .index = count, .other = most};
        if ((set >> n & 1) && count > most)
            fl__player_fail(player,
                            shipped ? for_count(count, "{node} was sent an entry, more than {other}",
                                                "{node} was sent {index} entries, more than {other}")
                                    : for_count(count, "{node} rejected an append, more than {other}",
                                                "{node} rejected {index} appends, more than {other}"),
                            facts);
    }
    return true;
}

/* -------------------------------------------------------------------------------------------------- roles */

/* leader NAME [term T] | leader appends only */
static bool expect_leader(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t term = 0;
    if (words.count == 3 && fl_word_is(words.list[1], "appends") && fl_word_is(words.list[2], "only")) {
        if (fl_world_has_tripped(player->world, "R2", 2))
            fl__player_fail(player, "a leader changed its own log", (struct fl__facts){0});
        return true;
    }
    if (words.count != 2 &&
        (words.count != 4 || !fl_word_is(words.list[2], "term") || !fl__word_number(words.list[3], &term)))
        return misread(player, words);
    if (!fl__player_node(player, words.list[1], &node))
        return false;
    struct fl_status status = fl_world_status(player->world, node);
    if (status.role != FL_LEADER || (term > 0 && status.term != term))
        fl__player_fail(player, "{node} does not lead, or leads term {term}",
                        (struct fl__facts){.node = node, .term = status.term});
    return true;
}

static uint32_t count_leaders(const struct fl_world *world)
{
    uint32_t count = 0;
    for (uint32_t n = 0; n < world->count; n++)
        count += fl_world_status(world, n).role == FL_LEADER;
    return count;
}

/* no leader | some leader */
static bool expect_any_leader(struct fl_player *player, struct fl__words words)
{
    bool some = fl_word_is(words.list[0], "some");
    if (words.count != 2 || !fl_word_is(words.list[1], "leader"))
        return misread(player, words);
    uint32_t count = count_leaders(player->world);
    if ((count > 0) != some)
        fl__player_fail(player,
                        some ? "no node leads" : for_count(count, "one node leads", "{index} nodes lead"),
                        (struct fl__facts){.index = count});
    return true;
}

/* cannot elect NAME: it is tried, with its log as it is. */
static bool expect_cannot(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    if (words.count != 3 || !fl_word_is(words.list[1], "elect"))
        return misread(player, words);
    if (!fl__player_node(player, words.list[2], &node))
        return false;
    if (fl__drive_elect(player->world, node, 0, UINT32_MAX))
        fl__player_fail(player, "{node} can be elected", (struct fl__facts){.node = node});
    return true;
}

/* ----------------------------------------------------------------------------------------- state on nodes */

static void look_term(struct fl_player *player, uint32_t node, uint64_t number)
{
    fl_term term = fl_world_status(player->world, node).term;
    if (term != number)
        fl__player_fail(player, "{node} is at term {term}, not {other}",
                        (struct fl__facts){.node = node, .term = term, .other = number});
}

static void look_commit(struct fl_player *player, uint32_t node, uint64_t number)
{
    fl_index index = fl_world_status(player->world, node).commit;
    if (index != number)
        fl__player_fail(player, "{node}'s commit index is {index}, not {other}",
                        (struct fl__facts){.node = node, .index = index, .other = number});
}

static void look_last(struct fl_player *player, uint32_t node, uint64_t number)
{
    fl_index index = fl_world_status(player->world, node).last;
    if (index != number)
        fl__player_fail(player, "{node}'s last index is {index}, not {other}",
                        (struct fl__facts){.node = node, .index = index, .other = number});
}

static void look_durable(struct fl_player *player, uint32_t node, uint64_t number)
{
    fl_index index = fl_world_status(player->world, node).durable;
    if (index != number)
        fl__player_fail(player, "{node} is durable up to {index}, not {other}",
                        (struct fl__facts){.node = node, .index = index, .other = number});
}

/* term T on NAME... | commit I on NAME... | last I on NAME... | durable I on NAME... */
static bool expect_state(struct fl_player *player, struct fl__words words)
{
    uint64_t number;
    if (words.count < 4 || !fl__word_number(words.list[1], &number) || !fl_word_is(words.list[2], "on"))
        return misread(player, words);
    if (fl_word_is(words.list[0], "term"))
        return for_nodes(player, words, 3, number, look_term);
    if (fl_word_is(words.list[0], "commit"))
        return for_nodes(player, words, 3, number, look_commit);
    if (fl_word_is(words.list[0], "last"))
        return for_nodes(player, words, 3, number, look_last);
    return for_nodes(player, words, 3, number, look_durable);
}

/* in-flight N [FILTER] */
static bool expect_in_flight(struct fl_player *player, struct fl__words words)
{
    struct fl__filter filter;
    uint64_t number, count = 0;
    if (words.count < 2 || !fl__word_number(words.list[1], &number))
        return misread(player, words);
    if (!fl__filter_read(player, rest(words, 2), &filter))
        return false;
    for (uint32_t k = 0; k < player->world->flying.count; k++)
        count += fl__filter_matches(&filter, player->world->flying.list[k]);
    if (count != number)
        fl__player_fail(player,
                        for_count(count, "one such message is in flight, not {other}",
                                  "{index} such messages are in flight, not {other}"),
                        (struct fl__facts){.index = count, .other = number});
    return true;
}

/* ------------------------------------------------------------------------------------------------ clients */

static bool read_outcome(struct fl_word word, enum fl_outcome *outcome)
{
    static const char *const names[] = {"pending", "done", "refused", "unknown"};
    for (uint32_t k = 0; k < 4; k++) {
        if (fl_word_is(word, names[k])) {
            *outcome = (enum fl_outcome)k;
            return true;
        }
    }
    return false;
}

/* write WORD pending|done|refused|unknown | read WORD likewise | read WORD index I */
static bool expect_answer(struct fl_player *player, struct fl__words words)
{
    bool read = fl_word_is(words.list[0], "read");
    uint64_t index;
    enum fl_outcome outcome;
    if (words.count < 3)
        return misread(player, words);
    const struct fl__label *label = fl__label_find(player, read ? 'r' : 'w', words.list[1]);
    if (!label)
        return fl__player_misunderstand(player, "no write or read is called {word}", words.list[1]);
    if (read && words.count == 4 && fl_word_is(words.list[2], "index") &&
        fl__word_number(words.list[3], &index)) {
        const struct fl_world_read *asked = &player->world->reads[label->number];
        if (asked->outcome != FL_DONE || asked->index != index)
            fl__player_fail(player, "the read {word} is not answered, or from index {index}",
                            (struct fl__facts){.word = words.list[1], .index = asked->index});
        return true;
    }
    if (words.count != 3 || !read_outcome(words.list[2], &outcome))
        return misread(player, words);
    enum fl_outcome is = read ? player->world->reads[label->number].outcome
                              : player->world->proposals[label->number - 1].outcome;
    if (is != outcome)
        fl__player_fail(player, "{word} is not so", (struct fl__facts){.word = words.list[1]});
    return true;
}

/* invariant RULE broken: all that broke so far was to be expected. */
static bool expect_invariant(struct fl_player *player, struct fl__words words)
{
    if (words.count != 3 || !fl_word_is(words.list[2], "broken"))
        return misread(player, words);
    if (!fl_world_has_tripped(player->world, words.list[1].start, words.list[1].length))
        fl__player_fail(player, "{word} is not broken", (struct fl__facts){.word = words.list[1]});
    player->trips_expected = player->world->judge.trip_count;
    return true;
}

/* NAME is leader|follower|candidate|precandidate|down | NAME refuses writes */
static bool expect_node(struct fl_player *player, struct fl__words words)
{
    static const char *const roles[] = {"follower", "precandidate", "candidate", "leader"};
    uint32_t node;
    if (words.count != 3 || !fl__player_node(player, words.list[0], &node))
        return misread(player, words);
    struct fl__facts facts = {.node = node, .word = words.list[2]};
    if (fl_word_is(words.list[1], "refuses") && fl_word_is(words.list[2], "writes")) {
        if (fl_world_propose(player->world, node, 1) >= 0)
            fl__player_fail(player, "{node} takes writes", facts);
        return true;
    }
    if (!fl_word_is(words.list[1], "is"))
        return misread(player, words);
    bool alive = player->world->nodes[node].is_alive;
    bool holds = alive ? fl_word_is(words.list[2], roles[fl_world_status(player->world, node).role])
                       : fl_word_is(words.list[2], "down");
    if (!holds)
        fl__player_fail(player, "{node} is no {word}", facts);
    return true;
}

static const struct predicate {
    const char *name;
    bool (*look)(struct fl_player *player, struct fl__words words);
} predicates[] = {
    {"index", expect_index},   {"logs", expect_logs},          {"log", expect_log},
    {"fork", expect_fork},     {"rejections", expect_at_most}, {"shipped", expect_at_most},
    {"leader", expect_leader}, {"no", expect_any_leader},      {"some", expect_any_leader},
    {"cannot", expect_cannot}, {"term", expect_state},         {"commit", expect_state},
    {"last", expect_state},    {"durable", expect_state},      {"in-flight", expect_in_flight},
    {"write", expect_answer},  {"read", expect_answer},        {"invariant", expect_invariant},
};

bool fl__expect_play(struct fl_player *player, struct fl__words words)
{
    if (words.count == 0)
        return fl__player_misunderstand(player, "expect what?", (struct fl_word){0});
    for (size_t k = 0; k < sizeof predicates / sizeof *predicates; k++)
        if (fl_word_is(words.list[0], predicates[k].name))
            return predicates[k].look(player, words);
    return expect_node(player, words);
}
