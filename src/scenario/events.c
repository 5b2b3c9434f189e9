/* events.c - what happens in a scenario: the events of an `at` line. docs/scenarios.md has the grammar. */
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
        if (packet->number > since && is_vote_message(packet) && other_side(packet, candidate) >= 0)
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
    while (world->error == FL_OK && (at = find_vote(world, candidate, since)) >= 0) {
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

bool fl__events_elect(struct fl__player *player, uint32_t candidate, fl_term term, uint32_t voters)
{
    struct fl_world *world = player->world;
    fl_term reached = 0;
    for (uint32_t tries = 0; tries < 4 && world->error == FL_OK; tries++) {
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
        if (answer || (append && !answers_only))
            return (int)k;
    }
    return -1;
}

static bool replicate_to(struct fl_world *world, uint32_t leader, uint32_t follower, fl_index index)
{
    int at;
    for (uint32_t rounds = 0; rounds < ROUNDS_MAX && !holds(world, leader, follower, index); rounds++) {
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

/* ---------------------------------------------------------------------------------------------- the verbs */

static bool expect_words(struct fl__player *player, struct fl__words words, uint32_t least, uint32_t most)
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
static bool play_elect(struct fl__player *player, struct fl__words words)
{
    uint32_t candidate, voters;
    uint64_t term;
    if (!expect_words(player, words, 5, UINT32_MAX) || !fl__player_node(player, words.list[1], &candidate))
        return false;
    if (!fl_word_is(words.list[2], "term") || !fl__word_number(words.list[3], &term) ||
        !fl_word_is(words.list[4], "with"))
        return fl__player_misunderstand(player, "elect NAME term T with NAME...", words.list[0]);
    if (!fl__player_nodes(player, rest(words, 5), &voters))
        return false;
    if (!fl__events_elect(player, candidate, term, voters))
        fl__player_fail(player, "{node} does not come to lead term {term}",
                        (struct fl__facts){.node = candidate, .term = term});
    return true;
}

/* replicate NAME index I to NAME... */
static bool play_replicate(struct fl__player *player, struct fl__words words)
{
    uint32_t leader, followers;
    uint64_t index;
    if (!expect_words(player, words, 6, UINT32_MAX) || !fl__player_node(player, words.list[1], &leader))
        return false;
    if (!fl_word_is(words.list[2], "index") || !fl__word_number(words.list[3], &index) ||
        !fl_word_is(words.list[4], "to"))
        return fl__player_misunderstand(player, "replicate NAME index I to NAME...", words.list[0]);
    if (!fl__player_nodes(player, rest(words, 5), &followers))
        return false;
    for (uint32_t n = 0; n < player->world->count; n++)
        if ((followers >> n & 1) && !replicate_to(player->world, leader, n, index))
            fl__player_fail(player, "{peer} does not come to hold {node}'s entry {index}",
                            (struct fl__facts){.node = leader, .peer = n, .index = index});
    return true;
}

static bool add_label(struct fl__player *player, struct fl__label label)
{
    if (player->label_count == FL__LABELS_MAX)
        return fl__player_misunderstand(player, "too many names: {word}", label.name);
    player->labels[player->label_count++] = label;
    return true;
}

/* write NAME WORD [times N] */
static bool play_write(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t count = 1;
    if (!expect_words(player, words, 3, 5) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count > 3 && (words.count != 5 || !fl_word_is(words.list[3], "times") ||
                            !fl__word_number(words.list[4], &count) || count == 0 || count > UINT32_MAX))
        return fl__player_misunderstand(player, "write NAME WORD [times N]", words.list[0]);
    int number = fl_world_propose(player->world, node, (uint32_t)count);
    if (number < 0) {
        fl__player_fail(player, "{node} takes no writes", (struct fl__facts){.node = node});
        return true;
    }
    return add_label(player,
                     (struct fl__label){.kind = 'w', .name = words.list[2], .number = (uint32_t)number});
}

/* read NAME WORD */
static bool play_read(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    if (!expect_words(player, words, 3, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    int number = fl_world_read(player->world, node);
    if (number < 0) {
        fl__player_fail(player, "{node} takes no reads", (struct fl__facts){.node = node});
        return true;
    }
    return add_label(player,
                     (struct fl__label){.kind = 'r', .name = words.list[2], .number = (uint32_t)number});
}

/* Numbers after words: kept 2 torn 1. Words that are not among the two names are misunderstood. */
static bool read_numbers(struct fl__player *player, struct fl__words words, const char *const names[2],
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
static bool play_power(struct fl__player *player, struct fl__words words)
{
    static const char *const names[2][2] = {{"kept", "torn"}, {"commit", "damaged"}};
    bool crash = fl_word_is(words.list[0], "crash");
    uint64_t numbers[2] = {0, 0};
    uint32_t set, count = 1;
    while (count < words.count && !fl_word_is(words.list[count], names[!crash][0]) &&
           !fl_word_is(words.list[count], names[!crash][1]))
        count++;
    if (!expect_words(player, words, 2, UINT32_MAX) ||
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
static bool play_link(struct fl__player *player, struct fl__words words)
{
    uint32_t from, to;
    bool up = fl_word_is(words.list[0], "heal");
    if (!expect_words(player, words, 2, 4))
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
static bool play_isolate(struct fl__player *player, struct fl__words words)
{
    uint32_t set;
    if (!expect_words(player, words, 2, UINT32_MAX) || !fl__player_nodes(player, rest(words, 1), &set))
        return false;
    for (uint32_t a = 0; a < player->world->count; a++)
        for (uint32_t b = 0; b < player->world->count; b++)
            if (a != b && ((set >> a & 1) || (set >> b & 1)))
                fl_world_link(player->world, a, b, false);
    return true;
}

/* deliver [FILTER] | drop [FILTER]: what is in flight now. */
static bool play_packets(struct fl__player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    bool deliver = fl_word_is(words.list[0], "deliver");
    if (!fl__filter_read(player, rest(words, 1), &filter))
        return false;
    uint64_t latest = world->packet_number; /* What is sent in answer is not meant. */
    int at = fl__filter_find(&filter, world, 0);
    while (at >= 0 && world->flying.list[at]->number <= latest && world->error == FL_OK) {
        if (deliver)
            fl_world_deliver(world, (uint32_t)at);
        else
            fl_world_drop(world, (uint32_t)at);
        at = filter.oldest || filter.newest ? -1 : fl__filter_find(&filter, world, (uint32_t)at);
    }
    return true;
}

/* again [FILTER]: a copy of each flies too. */
static bool play_again(struct fl__player *player, struct fl__words words)
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

/* fly WORD: copies of what was held or copied fly again. */
static bool play_fly(struct fl__player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    if (!expect_words(player, words, 2, 2))
        return false;
    for (uint32_t k = 0; k < player->label_count; k++) {
        const struct fl__label *label = &player->labels[k];
        if (label->kind != 'p' || !label->packet || !fl_word_same(label->name, words.list[1]))
            continue;
        struct fl_packet *copy = fl_world_copy(world, label->packet);
        if (copy)
            fl_world_throw(world, copy);
    }
    return true;
}

/* hold WORD [FILTER] takes out of flight, copy WORD [FILTER] copies. */
static bool play_hold(struct fl__player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    bool hold = fl_word_is(words.list[0], "hold");
    if (!expect_words(player, words, 2, UINT32_MAX) || !fl__filter_read(player, rest(words, 2), &filter))
        return false;
    uint32_t from = 0;
    int at;
    while ((at = fl__filter_find(&filter, world, from)) >= 0) {
        struct fl_packet *packet =
            hold ? fl_world_catch(world, (uint32_t)at) : fl_world_copy(world, world->flying.list[at]);
        if (packet &&
            !add_label(player, (struct fl__label){.kind = 'p', .name = words.list[1], .packet = packet})) {
            fl_world_free(world, packet);
            return false;
        }
        from = (uint32_t)at + !hold;
        if (filter.oldest || filter.newest)
            break;
    }
    return true;
}

/* release WORD: what was held or copied arrives now. */
static bool play_release(struct fl__player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    if (!expect_words(player, words, 2, 2))
        return false;
    for (uint32_t k = 0; k < player->label_count; k++) {
        struct fl__label *label = &player->labels[k];
        if (label->kind != 'p' || !label->packet || !fl_word_same(label->name, words.list[1]))
            continue;
        uint64_t number = label->packet->number;
        fl_world_throw(world, label->packet);
        label->packet = NULL;
        if (world->flying.count > 0 && world->flying.list[world->flying.count - 1]->number == number)
            fl_world_deliver(world, world->flying.count - 1);
    }
    return true;
}

/* clock DURATION | time DURATION | run DURATION */
static bool play_time(struct fl__player *player, struct fl__words words)
{
    fl_time_us duration;
    if (!expect_words(player, words, 2, 2))
        return false;
    if (!fl__word_duration(words.list[1], &duration))
        return fl__player_misunderstand(player, "{word} is no duration, such as 150ms", words.list[1]);
    if (fl_word_is(words.list[0], "run"))
        fl_world_run(player->world, duration);
    else if (fl_word_is(words.list[0], "clock"))
        fl_world_advance(player->world, duration);
    else
        fl_world_pass(player->world, duration);
    return true;
}

/* settle */
static bool play_settle(struct fl__player *player, struct fl__words words)
{
    if (!expect_words(player, words, 1, 1))
        return false;
    fl_world_settle(player->world);
    return true;
}

/* campaign NAME | tick NAME */
static bool play_nudge(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    if (!expect_words(player, words, 2, 2) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (fl_word_is(words.list[0], "tick"))
        fl_world_tick(player->world, node);
    else
        fl_world_campaign(player->world, node);
    return true;
}

/* disk NAME slow|fast */
static bool play_disk(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    if (!expect_words(player, words, 3, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    struct fl_world_disk *disk = &player->world->nodes[node].disk;
    disk->by_hand = fl_word_is(words.list[2], "slow");
    if (!disk->by_hand && !fl_word_is(words.list[2], "fast"))
        return fl__player_misunderstand(player, "a disk is slow or fast", words.list[2]);
    while (!disk->by_hand && disk->write_count > 0 && player->world->error == FL_OK)
        fl_world_sync(player->world, node, UINT32_MAX);
    return true;
}

/* sync NAME [N]: the oldest N writes of a slow disk complete, or all that wait now. */
static bool play_sync(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t count = UINT32_MAX;
    if (!expect_words(player, words, 2, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count == 3 && (!fl__word_number(words.list[2], &count) || count > UINT32_MAX))
        return fl__player_misunderstand(player, "sync NAME [N]", words.list[2]);
    fl_world_sync(player->world, node, (uint32_t)count);
    return true;
}

/* load NAME [K]: what the node's K-th waiting append lacked is at hand now. */
static bool play_load(struct fl__player *player, struct fl__words words)
{
    uint32_t node;
    uint64_t number = 1;
    if (!expect_words(player, words, 2, 3) || !fl__player_node(player, words.list[1], &node))
        return false;
    if (words.count == 3 && (!fl__word_number(words.list[2], &number) || number == 0))
        return fl__player_misunderstand(player, "load NAME [K]", words.list[2]);
    fl_world_load(player->world, node, (uint32_t)fl__lower(number - 1, UINT32_MAX));
    return true;
}

/* connection A B up|down: A's host tells its core. */
static bool play_connection(struct fl__player *player, struct fl__words words)
{
    uint32_t a, b;
    if (!expect_words(player, words, 4, 4) || !fl__player_node(player, words.list[1], &a) ||
        !fl__player_node(player, words.list[2], &b))
        return false;
    bool up = fl_word_is(words.list[3], "up");
    if (!up && !fl_word_is(words.list[3], "down"))
        return fl__player_misunderstand(player, "a connection is up or down", words.list[3]);
    fl_world_peer(player->world, a, b, up);
    return true;
}

static const struct verb {
    const char *name;
    bool (*play)(struct fl__player *player, struct fl__words words);
} verbs[] = {
    {"elect", play_elect},     {"replicate", play_replicate},
    {"write", play_write},     {"read", play_read},
    {"crash", play_power},     {"restart", play_power},
    {"cut", play_link},        {"heal", play_link},
    {"isolate", play_isolate}, {"deliver", play_packets},
    {"drop", play_packets},    {"hold", play_hold},
    {"copy", play_hold},       {"release", play_release},
    {"time", play_time},       {"run", play_time},
    {"settle", play_settle},   {"campaign", play_nudge},
    {"tick", play_nudge},      {"disk", play_disk},
    {"sync", play_sync},       {"connection", play_connection},
    {"again", play_again},     {"fly", play_fly},
    {"clock", play_time},      {"load", play_load},
};

bool fl__events_play(struct fl__player *player, struct fl__words words)
{
    for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++)
        if (fl_word_is(words.list[0], verbs[k].name))
            return verbs[k].play(player, words);
    return fl__player_misunderstand(player, "nothing that can happen: {word}", words.list[0]);
}
