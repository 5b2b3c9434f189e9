/* setup.c - the lines before the first event: who takes part, and what is on their disks. */
#include "scenario_internal.h"

static bool set_up_nodes(struct fl_player *player, enum fl_member_kind kind)
{
    for (uint32_t k = 1; k < player->line.count; k++) {
        struct fl_word name = player->line.words[k];
        if (fl_world_add(player->world, name.start, name.length, kind) < 0)
            return fl__player_misunderstand(player, "{word} cannot be a node's name, or there are too many",
                                            name);
    }
    return true;
}

/* log NAME TERM[xCOUNT]... */
static bool set_up_log(struct fl_player *player)
{
    uint32_t node;
    struct fl_world *world = player->world;
    if (player->line.count < 2)
        return fl__player_misunderstand(player, "log NAME TERM...", player->line.words[0]);
    if (!fl__player_node(player, player->line.words[1], &node))
        return false;
    struct fl_world_disk *disk = &world->nodes[node].disk;
    for (uint32_t k = 2; k < player->line.count; k++) {
        uint64_t term, count;
        if (!fl__word_terms(player->line.words[k], &term, &count))
            return fl__player_misunderstand(player, "{word} is no term", player->line.words[k]);
        for (; count > 0 && world->error == FL_OK; count--)
            fl__chain_append(world, &disk->log, term, FL_ENTRY_COMMAND, 0);
        disk->term = fl__higher(disk->term, term);
    }
    return true;
}

/* term NAME T | commit NAME I */
static bool set_up_number(struct fl_player *player)
{
    uint32_t node;
    uint64_t number;
    if (player->line.count != 3 || !fl__word_number(player->line.words[2], &number))
        return fl__player_misunderstand(player, "{word} NAME NUMBER", player->line.words[0]);
    if (!fl__player_node(player, player->line.words[1], &node))
        return false;
    if (fl_word_is(player->line.words[0], "term"))
        fl_world_give_term(player->world, node, number);
    else
        fl_world_give_commit(player->world, node, number);
    return true;
}

static bool set_up_voters(struct fl_player *player)
{
    return set_up_nodes(player, FL_VOTER);
}

static bool set_up_learners(struct fl_player *player)
{
    return set_up_nodes(player, FL_LEARNER);
}

static bool set_up_option(struct fl_player *player)
{
    return fl__option_set(player,
                          (struct fl__words){.list = player->line.words, .count = player->line.count});
}

static const struct verb {
    const char *name;
    bool (*play)(struct fl_player *player);
} verbs[] = {
    {"nodes", set_up_voters}, {"learners", set_up_learners}, {"option", set_up_option},
    {"log", set_up_log},      {"term", set_up_number},       {"commit", set_up_number},
};

static const struct verb *find(struct fl_word word)
{
    for (size_t k = 0; k < sizeof verbs / sizeof *verbs; k++)
        if (fl_word_is(word, verbs[k].name))
            return &verbs[k];
    return NULL;
}

bool fl__setup_is(struct fl_word verb)
{
    return find(verb) != NULL;
}

bool fl__setup_play(struct fl_player *player)
{
    return find(player->line.words[0])->play(player);
}
