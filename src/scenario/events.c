/* events.c - what happens in a scenario: the events of an `at` line. docs/scenarios.md has the grammar. */
#include "scenario_internal.h"

/* ---------------------------------------------------------------------------------------------- the verbs */

bool fl__events_count_words(struct fl_player *player, struct fl__words words, uint32_t least, uint32_t most)
{
    if (words.count >= least && words.count <= most)
        return true;
    return fl__player_misunderstand(player, "{word} has too few words after it, or too many", words.list[0]);
}

static struct fl__words rest(struct fl__words words, uint32_t from)
{
    return (struct fl__words){.list = words.list + from, .count = words.count - from};
}

/* elect NAME term T with NAME... */
static bool play_elect(struct fl_player *player, struct fl__words words)
{
    uint32_t candidate, voters;
    uint64_t term;
    if (!fl__events_count_words(player, words, 5, UINT32_MAX) ||
        !fl__player_node(player, words.list[1], &candidate))
        return false;
    if (!fl_word_is(words.list[2], "term") || !fl__word_number(words.list[3], &term) ||
        !fl_word_is(words.list[4], "with"))
        return fl__player_misunderstand(player, "elect NAME term T with NAME...", words.list[0]);
    if (!fl__player_nodes(player, rest(words, 5), &voters))
        return false;
    if (!fl__drive_elect(player->world, candidate, term, voters) && player->world->error == FL_OK)
        fl__player_fail(player, "{node} does not come to lead term {term}",
                        (struct fl__facts){.node = candidate, .term = term});
    return true;
}

/* replicate NAME index I to NAME... */
static bool play_replicate(struct fl_player *player, struct fl__words words)
{
    uint32_t leader, followers;
    uint64_t index;
    if (!fl__events_count_words(player, words, 6, UINT32_MAX) ||
        !fl__player_node(player, words.list[1], &leader))
        return false;
    if (!fl_word_is(words.list[2], "index") || !fl__word_number(words.list[3], &index) ||
        !fl_word_is(words.list[4], "to"))
        return fl__player_misunderstand(player, "replicate NAME index I to NAME...", words.list[0]);
    if (!fl__player_nodes(player, rest(words, 5), &followers))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++)
        if ((followers >> n & 1) && !fl__drive_replicate(player->world, leader, n, index) &&
            player->world->error == FL_OK)
            fl__player_fail(player, "{peer} does not come to hold {node}'s entry {index}",
                            (struct fl__facts){.node = leader, .peer = n, .index = index});
    return true;
}

/* What the node's core does not even begin is told as its answer. A story's own writes and reads are expected
 * to be begun; somebody who plays on with it may ask whom they like, and has the answer. A node that is down
 * or paused answers nobody. */
static void refuse(struct fl_player *player, enum fl_event_type type, uint32_t node, int why)
{
    bool is_answer = why != FL_ESTOPPED;
    if (is_answer && player->world->error == FL_OK)
        fl__world_emit(player->world, (struct fl_event){.type = type, .node = node, .outcome = why});
    if (!is_answer || !fl_word_is(player->line.words[1], FL_STEP_BY_HAND))
        fl__player_fail(player, type == FL_EVENT_READ ? "{node} takes no reads" : "{node} takes no writes",
                        (struct fl__facts){.node = node});
}

/* write NAME WORD [times N] */
static bool play_write(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t count = 1;
    if (!fl__events_count_words(player, words, 3, 5) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count > 3 && (words.count != 5 || !fl_word_is(words.list[3], "times") ||
                            !fl__word_number(words.list[4], &count) || count == 0 || count > UINT32_MAX))
        return fl__player_misunderstand(player, "write NAME WORD [times N]", words.list[0]);
    int number = fl_world_propose(player->world, node, (uint32_t)count);
    if (number < 0) {
        refuse(player, FL_EVENT_ANSWERED, node, number);
        return true;
    }
    return fl__label_write(player, words.list[2], (uint32_t)number, (uint32_t)count);
}

/* read NAME WORD */
static bool play_read(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    if (!fl__events_count_words(player, words, 3, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    int number = fl_world_read(player->world, node);
    if (number < 0) {
        refuse(player, FL_EVENT_READ, node, number);
        return true;
    }
    return fl__label_add(player,
                         (struct fl__label){.kind = 'r', .name = words.list[2], .number = (uint32_t)number});
}

/* Numbers after words: kept 2 torn 1. Words that are not among the two names are misunderstood. */
static bool read_numbers(struct fl_player *player, struct fl__words words, const char *const names[2],
                         uint64_t numbers[2])
{
    for (uint32_t k = 0; k < words.count; k += 2) {
        bool second = fl_word_is(words.list[k], names[1]);
        if (!second && !fl_word_is(words.list[k], names[0]))
            return fl__player_misunderstand(player, "no node and nothing else is called {word}",
                                            words.list[k]);
        if (k + 1 == words.count || !fl__word_number(words.list[k + 1], &numbers[second]))
            return fl__player_misunderstand(player, "a number is missing after {word}", words.list[k]);
    }
    return true;
}

/* crash NAME... [kept K] [torn N] | restart NAME... [commit I] [damaged I] */
static bool play_power(struct fl_player *player, struct fl__words words)
{
    static const char *const names[2][2] = {{"kept", "torn"}, {"commit", "damaged"}};
    bool crash = fl_word_is(words.list[0], "crash");
    uint64_t numbers[2] = {0, 0};
    uint32_t set, count = 1;
    while (count < words.count && !fl_word_is(words.list[count], names[!crash][0]) &&
           !fl_word_is(words.list[count], names[!crash][1]))
        count++;
    if (!fl__events_count_words(player, words, 2, UINT32_MAX) ||
        !fl__player_nodes(player, (struct fl__words){.list = words.list + 1, .count = count - 1}, &set) ||
        !read_numbers(player, rest(words, count), names[!crash], numbers))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++) {
        if (!(set >> n & 1))
            continue;
        if (crash)
            fl_world_crash(player->world, n, (uint32_t)fl__lower(numbers[0], UINT32_MAX),
                           (uint32_t)fl__lower(numbers[1], UINT32_MAX));
        else
            fl_world_restart(player->world, n, numbers[0], numbers[1]);
    }
    return true;
}

/* cut A B | cut A to B, and heal likewise */
static bool play_link(struct fl_player *player, struct fl__words words)
{
    uint32_t from, to;
    bool up = fl_word_is(words.list[0], "heal");
    if (!fl__events_count_words(player, words, 2, 4))
        return false;
    if (up && words.count == 2 && fl_word_is(words.list[1], "all")) {
        for (uint32_t k = 0; k < player->world->count * player->world->count; k++)
            if (player->world->cut[k / player->world->count][k % player->world->count])
                fl_world_link(player->world, k / player->world->count, k % player->world->count, true);
        return true;
    }
    bool one_way = words.count == 4 && fl_word_is(words.list[2], "to");
    if (!one_way && words.count != 3)
        return fl__player_misunderstand(player, "cut A B, or cut A to B", words.list[0]);
    if (!fl__player_node(player, words.list[1], &from) ||
        !fl__player_node(player, words.list[words.count - 1], &to))
        return false;
    fl_world_link(player->world, from, to, up);
    if (!one_way)
        fl_world_link(player->world, to, from, up);
    return true;
}

/* isolate NAME... : from everybody. */
static bool play_isolate(struct fl_player *player, struct fl__words words)
{
    uint32_t set;
    if (!fl__events_count_words(player, words, 2, UINT32_MAX) ||
        !fl__player_nodes(player, rest(words, 1), &set))
        return false;
    for (uint32_t a = 0; a < player->world->count; a++)
        for (uint32_t b = 0; b < player->world->count; b++)
            if (a != b && ((set >> a & 1) || (set >> b & 1)))
                fl_world_link(player->world, a, b, false);
    return true;
}

/* deliver [FILTER] | drop [FILTER]: what is in flight now. */
static bool play_packets(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    bool deliver = fl_word_is(words.list[0], "deliver");
    if (!fl__filter_read(player, rest(words, 1), &filter))
        return false;
    filter.deliverable = deliver;
    uint64_t latest = world->packet_number; /* What is sent in answer is not meant. */
    int at = fl__filter_find(&filter, world, 0);
    while (at >= 0 && world->flying.list[at]->number <= latest && fl__world_may_go_on(world)) {
        if (deliver)
            fl_world_deliver(world, (uint32_t)at);
        else
            fl_world_drop(world, (uint32_t)at);
        at = filter.oldest || filter.newest ? -1 : fl__filter_find(&filter, world, (uint32_t)at);
    }
    return true;
}

/* again [FILTER]: a copy of each flies too. */
static bool play_again(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    if (!fl__filter_read(player, rest(words, 1), &filter))
        return false;
    uint64_t latest = world->packet_number;
    int at = fl__filter_find(&filter, world, 0);
    while (at >= 0 && world->flying.list[at]->number <= latest && world->error == FL_OK) {
        struct fl_packet *copy = fl_world_copy(world, world->flying.list[at]);
        if (copy)
            fl_world_throw(world, copy);
        at = filter.oldest || filter.newest ? -1 : fl__filter_find(&filter, world, (uint32_t)at + 1);
    }
    return true;
}

/* clock DURATION | time DURATION | run DURATION */
static bool play_time(struct fl_player *player, struct fl__words words)
{
    fl_time_us duration;
    if (!fl__events_count_words(player, words, 2, 2))
        return false;
    if (!fl_word_duration(words.list[1], &duration))
        return fl__player_misunderstand(player, "{word} is no duration, such as 150ms", words.list[1]);
    if (fl_word_is(words.list[0], "run"))
        fl_world_run(player->world, duration);
    else if (fl_word_is(words.list[0], "clock"))
        fl_world_advance(player->world, duration);
    else
        fl_world_pass(player->world, duration);
    return true;
}

/* flow DURATION [latency DURATION] */
static bool play_flow(struct fl_player *player, struct fl__words words)
{
    fl_time_us duration, latency = player->latency_us;
    if (words.count != 2 && (words.count != 4 || !fl_word_is(words.list[2], "latency")))
        return fl__player_misunderstand(player, "flow DURATION [latency DURATION]", words.list[0]);
    for (uint32_t k = 1; k < words.count; k += 2)
        if (!fl_word_duration(words.list[k], k == 1 ? &duration : &latency))
            return fl__player_misunderstand(player, "{word} is no duration, such as 150ms", words.list[k]);
    player->latency_us = latency;
    fl_world_flow(player->world, duration, latency);
    return true;
}

/* delay [FILTER] by DURATION */
static bool play_delay(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    fl_time_us duration;
    if (words.count < 3 || !fl_word_is(words.list[words.count - 2], "by") ||
        !fl_word_duration(words.list[words.count - 1], &duration))
        return fl__player_misunderstand(player, "delay [FILTER] by DURATION", words.list[0]);
    if (!fl__filter_read(player, (struct fl__words){.list = words.list + 1, .count = words.count - 3},
                         &filter))
        return false;
    for (int at = fl__filter_find(&filter, world, 0); at >= 0;
         at = filter.oldest || filter.newest ? -1 : fl__filter_find(&filter, world, (uint32_t)at + 1))
        world->flying.list[at]->delay += duration;
    return true;
}

/* pause NAME... | resume NAME... */
static bool play_pause(struct fl_player *player, struct fl__words words)
{
    uint32_t set;
    if (!fl__events_count_words(player, words, 2, UINT32_MAX) ||
        !fl__player_nodes(player, rest(words, 1), &set))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++)
        if (set >> n & 1)
            fl_world_pause(player->world, n, fl_word_is(words.list[0], "pause"));
    return true;
}

/* settle */
static bool play_settle(struct fl_player *player, struct fl__words words)
{
    if (!fl__events_count_words(player, words, 1, 1))
        return false;
    fl_world_settle(player->world);
    return true;
}

/* campaign NAME | tick NAME */
static bool play_nudge(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    if (!fl__events_count_words(player, words, 2, 2) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (fl_word_is(words.list[0], "tick"))
        fl_world_tick(player->world, node);
    else
        fl_world_campaign(player->world, node);
    return true;
}

/* disk NAME slow|fast */
static bool play_disk(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    if (!fl__events_count_words(player, words, 3, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    struct fl_world_disk *disk = &player->world->nodes[node].disk;
    disk->by_hand = fl_word_is(words.list[2], "slow");
    if (!disk->by_hand && !fl_word_is(words.list[2], "fast"))
        return fl__player_misunderstand(player, "a disk is slow or fast, not {word}", words.list[2]);
    while (!disk->by_hand && disk->write_count > 0 && fl__world_is_usable(player->world, node))
        fl_world_sync(player->world, node, UINT32_MAX);
    return true;
}

/* sync NAME [N]: the oldest N writes of a slow disk complete, or all that wait now. */
static bool play_sync(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t count = UINT32_MAX;
    if (!fl__events_count_words(player, words, 2, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count == 3 && (!fl__word_number(words.list[2], &count) || count > UINT32_MAX))
        return fl__player_misunderstand(player, "sync NAME [N]", words.list[2]);
    fl_world_sync(player->world, node, (uint32_t)count);
    return true;
}

/* load NAME [K]: what the node's K-th waiting append lacked is at hand now. */
static bool play_load(struct fl_player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t number = 1;
    if (!fl__events_count_words(player, words, 2, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count == 3 && (!fl__word_number(words.list[2], &number) || number == 0))
        return fl__player_misunderstand(player, "load NAME [K]", words.list[2]);
    fl_world_load(player->world, node, (uint32_t)fl__lower(number - 1, UINT32_MAX));
    return true;
}

/* connection A B up|down: A's host tells its core. */
static bool play_connection(struct fl_player *player, struct fl__words words)
{
    uint32_t a, b;
    if (!fl__events_count_words(player, words, 4, 4) || !fl__player_node(player, words.list[1], &a) ||
        !fl__player_node(player, words.list[2], &b))
        return false;
    bool up = fl_word_is(words.list[3], "up");
    if (!up && !fl_word_is(words.list[3], "down"))
        return fl__player_misunderstand(player, "a connection is up or down, not {word}", words.list[3]);
    fl_world_peer(player->world, a, b, up);
    return true;
}

static const struct verb {
    const char *name;
    bool (*play)(struct fl_player *player, struct fl__words words);
    bool is_one; /* Input to the world; what the others do counts by itself. */
} verbs[] = {
    {"elect", play_elect, false},     {"replicate", play_replicate, false},
    {"write", play_write, true},      {"read", play_read, true},
    {"crash", play_power, false},     {"restart", play_power, false},
    {"cut", play_link, false},        {"heal", play_link, false},
    {"isolate", play_isolate, false}, {"deliver", play_packets, false},
    {"drop", play_packets, false},    {"hold", fl__label_hold, true},
    {"copy", fl__label_hold, true},   {"release", fl__label_release, false},
    {"time", play_time, false},       {"run", play_time, false},
    {"settle", play_settle, false},   {"campaign", play_nudge, false},
    {"tick", play_nudge, false},      {"disk", play_disk, true},
    {"sync", play_sync, true},        {"connection", play_connection, true},
    {"again", play_again, true},      {"fly", fl__label_fly, true},
    {"clock", play_time, true},       {"load", play_load, true},
    {"flow", play_flow, false},       {"delay", play_delay, true},
    {"pause", play_pause, false},     {"resume", play_pause, false},
};

bool fl__events_play(struct fl_player *player, struct fl__words words)
{
    for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++)
        if (fl_word_is(words.list[0], verbs[k].name))
            return (verbs[k].is_one && !fl__world_begin(player->world)) || verbs[k].play(player, words);
    return fl__player_misunderstand(player, "nothing that can happen: {word}", words.list[0]);
}
