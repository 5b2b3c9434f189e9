/* player.c - plays a scenario file: its common part, then each branch in a world of its own. */
#include "scenario_internal.h"

/* ----------------------------------------------------------------------------------------------- failures */

static void note_first(struct fl__player *player, const char *sentence, const struct fl__facts *facts)
{
    struct fl_scenario_result *result = player->result;
    if (result->text[0] != '\0')
        return;
    result->line = player->line.number;
    fl__text_fill(result->text, sizeof result->text, player->world, sentence, facts);
}

void fl__player_fail(struct fl__player *player, const char *sentence, struct fl__facts facts)
{
    char text[FL_WORLD_TEXT_MAX];
    player->result->failures++;
    note_first(player, sentence, &facts);
    fl__text_fill(text, sizeof text, player->world, sentence, &facts);
    fl__world_emit(player->world, (struct fl_event){.type = FL_EVENT_EXPECTED, .text = text});
}

bool fl__player_misunderstand(struct fl__player *player, const char *sentence, struct fl_word word)
{
    struct fl__facts facts = {.word = word};
    player->misunderstood = true;
    player->result->failures++;
    note_first(player, sentence, &facts);
    return false;
}

bool fl__player_node(struct fl__player *player, struct fl_word word, uint32_t *node)
{
    int found = fl_world_find(player->world, word.start, word.length);
    *node = 0;
    if (found < 0)
        return fl__player_misunderstand(player, "no node is called {word}", word);
    *node = (uint32_t)found;
    return true;
}

bool fl__player_nodes(struct fl__player *player, struct fl__words words, uint32_t *set)
{
    *set = 0;
    for (uint32_t k = 0; k < words.count; k++) {
        uint32_t node;
        if (!fl__player_node(player, words.list[k], &node))
            return false;
        *set |= 1u << node;
    }
    return true;
}

/* -------------------------------------------------------------------------------------------------- setup */

static bool set_up_nodes(struct fl__player *player, enum fl_member_kind kind)
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
static bool set_up_log(struct fl__player *player)
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
static bool set_up_number(struct fl__player *player)
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

/* Lines that come before the first event. False: misunderstood, or none of them (*known is false). */
static bool set_up(struct fl__player *player, bool *known)
{
    struct fl_word verb = player->line.words[0];
    struct fl__words words = {.list = player->line.words, .count = player->line.count};
    *known = true;
    if (fl_word_is(verb, "nodes"))
        return set_up_nodes(player, FL_VOTER);
    if (fl_word_is(verb, "learners"))
        return set_up_nodes(player, FL_LEARNER);
    if (fl_word_is(verb, "option"))
        return fl__option_set(player, words);
    if (fl_word_is(verb, "log"))
        return set_up_log(player);
    if (fl_word_is(verb, "term") || fl_word_is(verb, "commit"))
        return set_up_number(player);
    *known = false;
    return false;
}

/* The caller's options come last. */
static bool apply_own_options(struct fl__player *player)
{
    if (!player->settings->options)
        return true;
    struct fl_word options = fl__word_of(player->settings->options);
    struct fl_script script = {.text = options.start, .size = options.length};
    while (fl_script_next(&script, &player->other)) {
        struct fl__words words = {.list = player->other.words, .count = player->other.count};
        if (!fl__option_set(player, words))
            return false;
    }
    return true;
}

static bool start_world(struct fl__player *player)
{
    if (player->world->started)
        return true;
    if (!apply_own_options(player))
        return false;
    int result = fl_world_start(player->world);
    if (result == FL_EINVAL)
        return fl__player_misunderstand(player, "these nodes, logs and options make no cluster",
                                        (struct fl_word){0});
    return result == FL_OK;
}

/* -------------------------------------------------------------------------------------------------- lines */

/* Whether a line belongs to what is played: the common part, or the branch. */
static bool is_played(const struct fl__player *player, const struct fl_line *line)
{
    return line->branch == 0 || line->branch == player->branch;
}

/* at STEP EVENT [; EVENT]... */
static bool play_events(struct fl__player *player)
{
    const struct fl_line *line = &player->line;
    uint32_t at = 2;
    if (line->count < 3)
        return fl__player_misunderstand(player, "at STEP EVENT [; EVENT]...", line->words[0]);
    while (at < line->count) {
        uint32_t end = at;
        while (end < line->count && !fl_word_is(line->words[end], ";"))
            end++;
        struct fl__words words = {.list = line->words + at, .count = end - at};
        if (words.count > 0 && !fl__events_play(player, words))
            return false;
        if (player->world->error != FL_OK)
            return false;
        at = end + 1;
    }
    return true;
}

static void tell_words(struct fl__player *player, enum fl_event_type type, uint64_t index,
                       struct fl_word words)
{
    char text[FL_WORLD_TEXT_MAX];
    struct fl__facts facts = {.word = words};
    fl__text_fill(text, sizeof text, player->world, "{word}", &facts);
    fl__world_emit(player->world, (struct fl_event){.type = type, .index = index, .text = text});
}

/* Looks at one expectation; `from` is where its predicate begins in the line. */
static bool look(struct fl__player *player, struct fl_line *line, uint32_t from)
{
    struct fl__words words = {.list = line->words + from, .count = line->count - from};
    uint32_t failures = player->result->failures, number = player->line.number;
    player->line.number = line->number;
    bool understood = fl__expect_play(player, words);
    player->line.number = number;
    player->result->expectations++;
    if (understood && player->result->failures == failures)
        tell_words(player, FL_EVENT_EXPECTED, 1,
                   (struct fl_word){
                       .start = line->words[from].start,
                       .length = (size_t)(line->all.start + line->all.length - line->words[from].start)});
    return understood;
}

/* Whether another `at` line of the same step follows in the same part of the file. */
static bool step_goes_on(struct fl__player *player, struct fl_script script, struct fl_word step)
{
    while (fl_script_next(&script, &player->other))
        if (player->other.branch == player->line.branch && player->other.count > 1 &&
            fl_word_is(player->other.words[0], "at") && fl_word_same(player->other.words[1], step))
            return true;
    return false;
}

/* After the last event of a step: what is expected then, wherever in its part of the file that stands. */
static bool look_at_step(struct fl__player *player, const struct fl_script *script)
{
    struct fl_word step = player->line.words[1];
    if (step_goes_on(player, *script, step))
        return true;
    struct fl_script all = {.text = player->text, .size = player->size};
    while (fl_script_next(&all, &player->other)) {
        const struct fl_line *line = &player->other;
        bool meant = line->branch == player->line.branch && line->count > 3 &&
                     fl_word_is(line->words[0], "expect") && fl_word_is(line->words[1], "at") &&
                     fl_word_same(line->words[2], step);
        if (meant && !look(player, &player->other, 3))
            return false;
    }
    return true;
}

static bool play_expectation(struct fl__player *player)
{
    if (player->line.count > 1 && fl_word_is(player->line.words[1], "at"))
        return true; /* Looked at when its step ended. */
    return look(player, &player->line, 1);
}

static void say(struct fl__player *player)
{
    struct fl_word all = player->line.all, verb = player->line.words[0];
    size_t skipped = verb.length;
    while (skipped < all.length && (all.start[skipped] == ' ' || all.start[skipped] == '\t'))
        skipped++;
    tell_words(player, FL_EVENT_SAY, 0,
               (struct fl_word){.start = all.start + skipped, .length = all.length - skipped});
}

static bool play_line(struct fl__player *player, const struct fl_script *script)
{
    struct fl_word verb = player->line.words[0];
    bool known = false;
    if (player->line.too_long)
        return fl__player_misunderstand(player, "too many words in one line", verb);
    if (fl_word_is(verb, "title") || fl_word_is(verb, "say")) {
        say(player);
        return true;
    }
    if (fl_word_is(verb, "branch"))
        return !player->line.indented ||
               fl__player_misunderstand(player, "a branch cannot branch: {word}", verb);
    if (!player->world->started) {
        bool done = set_up(player, &known);
        if (known)
            return done;
    }
    if (!start_world(player))
        return false;
    tell_words(player, FL_EVENT_LINE, player->line.number, player->line.all);
    if (fl_word_is(verb, "at"))
        return play_events(player) && look_at_step(player, script);
    if (fl_word_is(verb, "expect"))
        return play_expectation(player);
    return fl__player_misunderstand(player, "a line cannot begin with {word} here", verb);
}

/* --------------------------------------------------------------------------------------------------- play */

static void play_lines(struct fl__player *player)
{
    struct fl_script script = {.text = player->text, .size = player->size};
    while (fl_script_next(&script, &player->line)) {
        if (!player->line.indented && script.branch > 0 && !fl_word_is(player->line.words[0], "branch")) {
            (void)fl__player_misunderstand(player, "after a branch only branches can follow: {word}",
                                           player->line.words[0]);
            return;
        }
        if (is_played(player, &player->line) && !play_line(player, &script))
            return;
        if (player->line.indented && player->line.branch == 0) {
            (void)fl__player_misunderstand(player, "indented, but in no branch: {word}",
                                           player->line.words[0]);
            return;
        }
    }
}

static void report_trips(struct fl__player *player)
{
    const struct fl_judge *judge = &player->world->judge;
    if (judge->trip_count <= player->trips_expected)
        return;
    player->result->trips += judge->trip_count - player->trips_expected;
    if (player->trips_expected < FL_WORLD_TRIPS_MAX) {
        const struct fl_trip *trip = &judge->trips[player->trips_expected];
        struct fl__facts facts = {.word = fl__word_of(trip->text)};
        note_first(player, "{word}", &facts);
    }
}

static int play_branch(struct fl__player *player, const struct fl_scenario_settings *settings)
{
    struct fl_world_settings world;
    fl_world_settings_init(&world);
    world.allocator = settings->allocator;
    world.observe = settings->observe;
    world.observe_context = settings->observe_context;
    int result = fl_world_create(&player->world, &world);
    if (result != FL_OK)
        return result;
    play_lines(player);
    report_trips(player);
    player->result->branches++;
    for (uint32_t k = 0; k < player->label_count; k++)
        if (player->labels[k].kind == 'p' && player->labels[k].packet)
            fl_world_free(player->world, player->labels[k].packet);
    player->label_count = 0;
    player->trips_expected = 0;
    result = player->world->error;
    fl_world_destroy(player->world);
    player->world = NULL;
    return result;
}

static uint32_t count_branches(struct fl__player *player)
{
    struct fl_script script = {.text = player->text, .size = player->size};
    while (fl_script_next(&script, &player->other))
        continue;
    return script.branch;
}

int fl_scenario_play(const char *text, size_t size, const struct fl_scenario_settings *settings,
                     struct fl_scenario_result *result)
{
    *result = (struct fl_scenario_result){0};
    struct fl__player *player = settings->allocator.allocate(settings->allocator.context, sizeof *player);
    if (!player)
        return FL_ENOMEM;
    memset(player, 0, sizeof *player);
    player->settings = settings;
    player->result = result;
    player->text = text;
    player->size = size;
    uint32_t branches = count_branches(player);
    int error = FL_OK;
    for (uint32_t k = branches > 0; k <= branches && error == FL_OK && !player->misunderstood; k++) {
        player->branch = k;
        error = play_branch(player, settings);
    }
    bool misunderstood = player->misunderstood;
    settings->allocator.release(settings->allocator.context, player);
    return error != FL_OK ? error : misunderstood ? FL_EINVAL : FL_OK;
}
