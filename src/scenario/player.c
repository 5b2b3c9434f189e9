/* player.c - plays a scenario's text, line after line: its common part, and one branch. Whole files are
 * played a branch at a time, each in a world of its own. */
#include "scenario_internal.h"

/* ----------------------------------------------------------------------------------------------- failures */

static void note_first(struct fl_player *player, const char *sentence, const struct fl__facts *facts)
{
    struct fl_scenario_result *result = &player->result;
    if (result->text[0] != '\0')
        return;
    result->line = player->line.number;
    fl__text_fill(result->text, sizeof result->text, player->world, sentence, facts);
}

static void write_word(const struct fl_player *player, char out[FL_WORLD_TEXT_MAX], struct fl_word word)
{
    struct fl__facts facts = {.word = word};
    fl__text_fill(out, FL_WORLD_TEXT_MAX, player->world, "{word}", &facts);
}

/* Whether the clause that is played is so; `why` it is not, else NULL. */
static void tell_expected(struct fl_player *player, const char *why)
{
    char words[FL_WORLD_TEXT_MAX];
    write_word(player, words, player->clause);
    fl__world_emit(player->world,
                   (struct fl_event){.type = FL_EVENT_EXPECTED, .index = !why, .text = why, .words = words});
}

void fl__player_fail(struct fl_player *player, const char *sentence, struct fl__facts facts)
{
    char why[FL_WORLD_TEXT_MAX];
    player->result.failures++;
    note_first(player, sentence, &facts);
    fl__text_fill(why, sizeof why, player->world, sentence, &facts);
    tell_expected(player, why);
}

bool fl__player_misunderstand(struct fl_player *player, const char *sentence, struct fl_word word)
{
    struct fl__facts facts = {.word = word};
    player->misunderstood = true;
    player->result.failures++;
    player->result.text[0] = '\0'; /* What failed before is of no interest any more. */
    note_first(player, sentence, &facts);
    return false;
}

bool fl__player_node(struct fl_player *player, struct fl_word word, uint32_t *node)
{
    int found = fl_world_find(player->world, word.start, word.length);
    *node = 0;
    if (found < 0)
        return fl__player_misunderstand(player, "no node is called {word}", word);
    *node = (uint32_t)found;
    return true;
}

bool fl__player_nodes(struct fl_player *player, struct fl__words words, uint32_t *set)
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

/* -------------------------------------------------------------------------------------------------- start */

/* The caller's options come last. */
static bool apply_own_options(struct fl_player *player)
{
    if (!player->settings.options)
        return true;
    struct fl_word options = fl_word_of(player->settings.options);
    struct fl_script script = {.text = options.start, .size = options.length};
    while (fl_script_next(&script, &player->other)) {
        struct fl__words words = {.list = player->other.words, .count = player->other.count};
        if (!fl__option_set(player, words))
            return false;
    }
    return true;
}

static bool start_world(struct fl_player *player)
{
    if (player->world->started)
        return true;
    if (player->world->count == 0)
        return fl__player_misunderstand(player, "nobody takes part: a line such as `nodes A B C` is missing",
                                        (struct fl_word){0});
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
static bool is_played(const struct fl_player *player, const struct fl_line *line)
{
    return line->branch == 0 || line->branch == player->branch;
}

/* The line's words `from` on, up to `end`, with the blanks between them. */
static struct fl_word between(const struct fl_line *line, uint32_t from, uint32_t end)
{
    if (from >= end)
        return (struct fl_word){.start = ""};
    const struct fl_word *first = &line->words[from], *last = &line->words[end - 1];
    return (struct fl_word){.start = first->start,
                            .length = (size_t)(last->start + last->length - first->start)};
}

uint32_t fl_scenario_events_at(const struct fl_line *line, uint64_t *inputs)
{
    bool is_part = line->count > 5 && fl_word_is(line->words[2], "first") &&
                   fl__word_number(line->words[3], inputs) && fl_word_is(line->words[4], "of");
    if (is_part)
        return 5;
    *inputs = UINT64_MAX;
    return 2;
}

static bool play_clauses(struct fl_player *player, uint32_t at)
{
    const struct fl_line *line = &player->line;
    while (at < line->count && fl__world_may_go_on(player->world)) {
        uint32_t end = at;
        while (end < line->count && !fl_word_is(line->words[end], ";"))
            end++;
        struct fl__words words = {.list = line->words + at, .count = end - at};
        player->clause = between(line, at, end);
        if (words.count > 0 && !fl__events_play(player, words))
            return false;
        if (player->world->error != FL_OK)
            return false;
        at = end + 1;
    }
    return player->world->error == FL_OK;
}

/* at STEP [first N of] EVENT [; EVENT]... */
static bool play_events(struct fl_player *player)
{
    struct fl_world *world = player->world;
    if (player->line.count < 3)
        return fl__player_misunderstand(player, "at STEP EVENT [; EVENT]...", player->line.words[0]);
    uint32_t at = fl_scenario_events_at(&player->line, &world->inputs_max);
    bool played = play_clauses(player, at);
    world->inputs_max = UINT64_MAX;
    if (world->error != FL_ECANCELED)
        return played;
    world->error = FL_OK;
    return true;
}

static void tell_words(struct fl_player *player, enum fl_event_type type, uint64_t index,
                       struct fl_word words)
{
    char text[FL_WORLD_TEXT_MAX];
    write_word(player, text, words);
    fl__world_emit(player->world, (struct fl_event){.type = type, .index = index, .text = text});
}

/* Looks at one expectation; `from` is where its predicate begins in the line. */
static bool look(struct fl_player *player, struct fl_line *line, uint32_t from)
{
    struct fl__words words = {.list = line->words + from, .count = line->count - from};
    uint32_t failures = player->result.failures, number = player->line.number;
    player->line.number = line->number;
    player->clause = between(line, from, line->count);
    bool understood = fl__expect_play(player, words);
    player->line.number = number;
    player->result.expectations++;
    if (understood && player->result.failures == failures)
        tell_expected(player, NULL);
    return understood;
}

/* Whether another `at` line of the same step follows in the same part of the file. */
static bool step_goes_on(struct fl_player *player, struct fl_script script, struct fl_word step)
{
    while (fl_script_next(&script, &player->other))
        if (player->other.branch == player->line.branch && player->other.count > 1 &&
            fl_word_is(player->other.words[0], "at") && fl_word_same(player->other.words[1], step))
            return true;
    return false;
}

/* After the last event of a step: what is expected then, wherever in its part of the file that stands. */
static bool look_at_step(struct fl_player *player)
{
    struct fl_word step = player->line.words[1];
    if (step_goes_on(player, player->script, step))
        return true;
    struct fl_script all = {.text = player->script.text, .size = player->script.size};
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

static bool play_expectation(struct fl_player *player)
{
    if (player->line.count > 1 && fl_word_is(player->line.words[1], "at"))
        return true; /* Looked at when its step ended. */
    return look(player, &player->line, 1);
}

static void say(struct fl_player *player)
{
    struct fl_word all = player->line.all, verb = player->line.words[0];
    size_t skipped = verb.length;
    while (skipped < all.length && (all.start[skipped] == ' ' || all.start[skipped] == '\t'))
        skipped++;
    tell_words(player, FL_EVENT_SAY, 0,
               (struct fl_word){.start = all.start + skipped, .length = all.length - skipped});
}

/* Whether the line plays in a cluster that has started. */
static bool is_of_the_story(const struct fl_line *line)
{
    return fl_word_is(line->words[0], "at") || fl_word_is(line->words[0], "expect");
}

static bool play_line(struct fl_player *player)
{
    struct fl_word verb = player->line.words[0];
    if (player->line.too_long)
        return fl__player_misunderstand(player, "too many words in one line", verb);
    if (fl_word_is(verb, "branch"))
        return !player->line.indented ||
               fl__player_misunderstand(player, "a branch cannot branch: {word}", verb);
    bool sets_up = !player->world->started && fl__setup_is(verb);
    bool says = fl_word_is(verb, "title") || fl_word_is(verb, "say");
    if (!sets_up && !says && !is_of_the_story(&player->line))
        return fl__player_misunderstand(player, "a line cannot begin with {word} here", verb);
    if (!sets_up && !says && !start_world(player))
        return false;
    player->world->line = player->line.number;
    player->world->inputs = 0;
    if (sets_up)
        return fl__setup_play(player);
    if (says) {
        say(player);
        return true;
    }
    tell_words(player, FL_EVENT_LINE, player->line.number, player->line.all);
    if (fl_word_is(verb, "expect"))
        return play_expectation(player);
    return play_events(player) && look_at_step(player);
}

/* Plays the line, if it is of what is played. False: that was the end. */
static bool take_line(struct fl_player *player)
{
    const struct fl_line *line = &player->line;
    if (!line->indented && player->script.branch > 0 && !fl_word_is(line->words[0], "branch"))
        return fl__player_misunderstand(player, "after a branch only branches can follow: {word}",
                                        line->words[0]);
    if (line->indented && line->branch == 0)
        return fl__player_misunderstand(player, "indented, but in no branch: {word}", line->words[0]);
    return !is_played(player, line) || play_line(player);
}

/* --------------------------------------------------------------------------------------------------- play */

int fl_player_create(struct fl_player **out, const struct fl_scenario_settings *settings, uint32_t branch)
{
    struct fl_world_settings world;
    *out = NULL;
    struct fl_player *player = settings->allocator.allocate(settings->allocator.context, sizeof *player);
    if (!player)
        return FL_ENOMEM;
    memset(player, 0, sizeof *player);
    player->settings = *settings;
    player->branch = branch;
    player->latency_us = FL__LATENCY_US;
    fl_world_settings_init(&world);
    world.allocator = settings->allocator;
    world.observe = settings->observe;
    world.observe_context = settings->observe_context;
    if (settings->entries_max > 0)
        world.entries_max = settings->entries_max;
    if (settings->moves_max > 0)
        world.moves_max = settings->moves_max;
    int result = fl_world_create(&player->world, &world);
    if (result == FL_OK)
        *out = player;
    else
        settings->allocator.release(settings->allocator.context, player);
    return result;
}

void fl_player_destroy(struct fl_player *player)
{
    if (!player)
        return;
    fl__labels_free(player);
    fl_world_destroy(player->world);
    player->settings.allocator.release(player->settings.allocator.context, player);
}

static int state_of(const struct fl_player *player)
{
    if (player->world->error != FL_OK)
        return player->world->error;
    return player->misunderstood ? FL_EINVAL : FL_OK;
}

static void show(struct fl_player *player, const char *text, size_t size)
{
    player->script.text = text;
    player->script.size = size;
}

int fl_player_play(struct fl_player *player, const char *text, size_t size)
{
    show(player, text, size);
    while (state_of(player) == FL_OK && fl_script_next(&player->script, &player->line) && take_line(player))
        continue;
    return state_of(player);
}

int fl_player_set_up(struct fl_player *player, const char *text, size_t size)
{
    show(player, text, size);
    while (state_of(player) == FL_OK) {
        struct fl_script ahead = player->script;
        if (!fl_script_next(&ahead, &player->other) ||
            (is_played(player, &player->other) && is_of_the_story(&player->other)))
            break;
        player->script = ahead;
        player->line = player->other;
        if (!take_line(player))
            break;
    }
    return state_of(player);
}

int fl_player_start(struct fl_player *player)
{
    if (state_of(player) == FL_OK)
        (void)start_world(player);
    return state_of(player);
}

int fl_player_flow_on(struct fl_player *player, fl_time_us by, const char *text, size_t size)
{
    if (state_of(player) == FL_OK)
        fl_world_flow(player->world, by, player->latency_us);
    show(player, text, size);
    player->script.at = size;
    return state_of(player);
}

void fl_player_result(const struct fl_player *player, struct fl_scenario_result *result)
{
    const struct fl_judge *judge = &player->world->judge;
    *result = player->result;
    result->branches = 1;
    if (judge->trip_count <= player->trips_expected)
        return;
    result->trips = judge->trip_count - player->trips_expected;
    if (result->text[0] != '\0' || player->trips_expected >= FL_WORLD_TRIPS_MAX)
        return;
    struct fl__facts facts = {.word = fl_word_of(judge->trips[player->trips_expected].text)};
    result->line = player->line.number;
    fl__text_fill(result->text, sizeof result->text, player->world, "{word}", &facts);
}

struct fl_world *fl_player_world(struct fl_player *player)
{
    return player->world;
}

fl_time_us fl_player_latency(const struct fl_player *player)
{
    return player->latency_us;
}

/* ------------------------------------------------------------------------------------------- whole files */

uint32_t fl_scenario_branches(const char *text, size_t size)
{
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    while (fl_script_next(&script, &line))
        continue;
    return script.branch;
}

bool fl_scenario_expects_at(const char *text, size_t size, struct fl_word step)
{
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    while (fl_script_next(&script, &line))
        if (line.count > 2 && fl_word_is(line.words[0], "expect") && fl_word_is(line.words[1], "at") &&
            fl_word_same(line.words[2], step))
            return true;
    return false;
}

/* Adds what one branch's play came to. */
static void add_result(struct fl_scenario_result *sum, const struct fl_scenario_result *result)
{
    bool is_first = sum->text[0] == '\0';
    sum->expectations += result->expectations;
    sum->failures += result->failures;
    sum->trips += result->trips;
    sum->branches += result->branches;
    if (!is_first)
        return;
    sum->line = result->line;
    memcpy(sum->text, result->text, sizeof sum->text);
}

int fl_scenario_play(const char *text, size_t size, const struct fl_scenario_settings *settings,
                     struct fl_scenario_result *result)
{
    uint32_t branches = fl_scenario_branches(text, size);
    int error = FL_OK;
    *result = (struct fl_scenario_result){0};
    for (uint32_t k = branches > 0; k <= branches && error == FL_OK; k++) {
        struct fl_scenario_result played;
        struct fl_player *player;
        error = fl_player_create(&player, settings, k);
        if (error != FL_OK)
            return error;
        error = fl_player_play(player, text, size);
        fl_player_result(player, &played);
        add_result(result, &played);
        fl_player_destroy(player);
    }
    return error;
}
