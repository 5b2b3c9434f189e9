/* label.c - names that lines give to writes, reads and messages, for later lines. A name may be given
 * again: the newest write or read of a name is the one that is meant, and all messages of it that are
 * still held. */
#include "scenario_internal.h"

bool fl__label_add(struct fl_player *player, struct fl__label label)
{
    struct fl_world *world = player->world;
    player->labels = fl__world_grow(world, player->labels, player->label_count, &player->label_capacity,
                                    (size_t)player->label_count + 1, sizeof *player->labels);
    char *name = world->error == FL_OK ? fl__world_allocate(world, label.name.length + 1) : NULL;
    if (!name)
        return false;
    memcpy(name, label.name.start, label.name.length);
    label.name.start = name;
    player->labels[player->label_count++] = label;
    return true;
}

bool fl__label_write(struct fl_player *player, struct fl_word name, uint32_t number, uint32_t count)
{
    if (!fl__label_add(player, (struct fl__label){.kind = 'w', .name = name, .number = number}))
        return false;
    for (uint32_t k = 0; k < count; k++)
        player->world->proposals[number - 1 + k].label = player->label_count;
    return true;
}

struct fl_word fl_player_word(const struct fl_player *player, uint32_t value)
{
    const struct fl_world *world = player->world;
    uint32_t label = value > 0 && value <= world->proposal_count ? world->proposals[value - 1].label : 0;
    return label > 0 ? player->labels[label - 1].name : (struct fl_word){.start = ""};
}

const struct fl__label *fl__label_find(const struct fl_player *player, char kind, struct fl_word name)
{
    for (uint32_t k = player->label_count; k > 0; k--) {
        const struct fl__label *label = &player->labels[k - 1];
        if (label->kind == kind && fl_word_same(label->name, name))
            return label;
    }
    return NULL;
}

void fl__labels_free(struct fl_player *player)
{
    for (uint32_t k = 0; k < player->label_count; k++) {
        char *name = (char *)(uintptr_t)player->labels[k].name.start;
        fl__world_release(player->world, name);
        if (player->labels[k].packet)
            fl_world_free(player->world, player->labels[k].packet);
    }
    fl__world_release(player->world, player->labels);
}

/* ----------------------------------------------------------------------------------- messages with a name */

/* fly WORD: copies of what was held or copied fly again. */
bool fl__label_fly(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    if (!fl__events_count_words(player, words, 2, 2))
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
bool fl__label_hold(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    struct fl__filter filter;
    bool hold = fl_word_is(words.list[0], "hold");
    if (!fl__events_count_words(player, words, 2, UINT32_MAX) ||
        !fl__filter_read(player, (struct fl__words){.list = words.list + 2, .count = words.count - 2},
                         &filter))
        return false;
    uint32_t from = 0;
    int at;
    while ((at = fl__filter_find(&filter, world, from)) >= 0) {
        struct fl_packet *packet =
            hold ? fl_world_catch(world, (uint32_t)at) : fl_world_copy(world, world->flying.list[at]);
        if (packet && !fl__label_add(
                          player, (struct fl__label){.kind = 'p', .name = words.list[1], .packet = packet})) {
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
bool fl__label_release(struct fl_player *player, struct fl__words words)
{
    struct fl_world *world = player->world;
    if (!fl__events_count_words(player, words, 2, 2))
        return false;
    for (uint32_t k = 0; k < player->label_count; k++) {
        struct fl__label *label = &player->labels[k];
        if (label->kind != 'p' || !label->packet || !fl_word_same(label->name, words.list[1]))
            continue;
        if (!fl__world_may_go_on(world))
            break;
        uint64_t number = label->packet->number;
        fl_world_throw(world, label->packet);
        label->packet = NULL;
        if (world->flying.count > 0 && world->flying.list[world->flying.count - 1]->number == number)
            fl_world_deliver(world, world->flying.count - 1);
    }
    return true;
}
