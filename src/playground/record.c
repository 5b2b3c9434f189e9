/* record.c - a player, and what was told as it played: each event's JSON, one after the other. */
#include "../core/core.h"
#include "playground.h"

#define ENTRIES_MAX 10000 /* Of a log; a page shows a few dozen well. */
#define MOVES_MAX 400000  /* Half an hour of five nodes at rest. */
#define JSON_USUAL 1024
#define FLOW_ROOM 16 /* A line's words may get longer by this without a new place. */

/* An array of at least `need` elements: the old one, or a larger copy. NULL: no memory; the old one stays. */
static void *grow(const struct fl_allocator *allocator, void *array, size_t count, size_t *capacity,
                  size_t need, size_t each)
{
    if (need <= *capacity)
        return array;
    size_t larger = *capacity * 2 > need ? *capacity * 2 : need + 64;
    void *copy =
        larger <= SIZE_MAX / 4 / each ? allocator->allocate(allocator->context, larger * each) : NULL;
    if (!copy)
        return NULL;
    if (count > 0)
        memcpy(copy, array, count * each);
    if (array)
        allocator->release(allocator->context, array);
    *capacity = larger;
    return copy;
}

/* Room for so many bytes at the end. */
static bool make_room(struct fl__record *record, size_t more)
{
    char *bytes =
        grow(&record->allocator, record->bytes, record->size, &record->capacity, record->size + more, 1);
    if (!bytes)
        return false;
    record->bytes = bytes;
    return true;
}

/* Writes the event at the end of the bytes, with so much room behind it; says where. False: no memory. */
static bool add_event(struct fl__record *record, const struct fl_sim_event *event, size_t spare,
                      struct fl__told *told)
{
    size_t room = JSON_USUAL, needed = 0;
    do {
        if (!make_room(record, room > needed ? room : needed))
            return false;
        room = record->capacity - record->size;
        needed = fl_sim_event_json(event, record->bytes + record->size, room) + 1 + spare;
    } while (needed > room);
    *told = (struct fl__told){.at = record->size, .room = needed, .line = event->line};
    record->size += needed;
    return true;
}

static void on_event(void *context, const struct fl_world *world, const struct fl_event *event)
{
    struct fl__record *record = context;
    struct fl_sim_event story;
    char text[FL_STORY_TEXT_MAX];
    struct fl__told told;
    if (record->is_silent || record->is_full || !fl_story_tell(&story, text, sizeof text, world, event))
        return;
    struct fl__told *list = grow(&record->allocator, record->list, record->count, &record->list_capacity,
                                 (size_t)record->count + 1, sizeof *list);
    if (list)
        record->list = list;
    if (!list || !add_event(record, &story, 0, &told)) {
        record->is_full = true;
        return;
    }
    told.inputs = world->inputs;
    record->list[record->count++] = told;
    if (event->type == FL_EVENT_LINE) {
        record->line_event = record->count;
        record->line_time_us = world->now;
    }
    if (record->line_event == 0)
        record->beginning = record->count;
}

static int state_of(const struct fl__record *record, int error)
{
    return error == FL_OK && record->is_full ? FL_ENOMEM : error;
}

static int play(struct fl__record *record, const struct fl_session_start *start)
{
    int error = fl_player_set_up(record->player, start->text, start->size);
    record->setup_line = fl_player_world(record->player)->line;
    if (error == FL_OK)
        error = fl_player_play(record->player, start->text, start->size);
    if (error == FL_OK)
        error = fl_player_start(record->player);
    return state_of(record, error);
}

/* Plays the text from its beginning, by a player of its own. */
static int begin(struct fl__record *record, const struct fl_session_start *start)
{
    const struct fl_scenario_settings settings = {.allocator = record->allocator,
                                                  .options = start->options,
                                                  .observe = on_event,
                                                  .observe_context = record,
                                                  .entries_max = ENTRIES_MAX,
                                                  .moves_max = MOVES_MAX};
    int error = fl_player_create(&record->player, &settings, start->branch);
    return error == FL_OK ? play(record, start) : error;
}

int fl__record_create(struct fl__record **out, const struct fl_session_start *start)
{
    const struct fl_allocator *allocator = &start->allocator;
    struct fl__record *record = *out = allocator->allocate(allocator->context, sizeof *record);
    if (!record)
        return FL_ENOMEM;
    *record = (struct fl__record){.allocator = *allocator};
    return begin(record, start);
}

int fl__record_play_again(struct fl__record *record, const struct fl_session_start *start)
{
    record->is_silent = true;
    int error = begin(record, start);
    record->is_silent = false;
    if (error == FL_OK)
        return FL_OK;
    fl_player_destroy(record->player);
    record->player = NULL;
    return error;
}

void fl__record_destroy(struct fl__record *record)
{
    if (!record)
        return;
    struct fl_allocator allocator = record->allocator;
    fl_player_destroy(record->player);
    if (record->bytes)
        allocator.release(allocator.context, record->bytes);
    if (record->list)
        allocator.release(allocator.context, record->list);
    allocator.release(allocator.context, record);
}

/* What was begun cannot be, says *result. What was told of it goes, and so does the player, which has gone
 * too far. */
static int give_up(struct fl__record *record, const struct fl__record *before, int error,
                   struct fl_scenario_result *result)
{
    fl__record_explain(record, error, result);
    fl_player_destroy(record->player);
    record->player = NULL;
    record->is_full = false;
    record->size = before->size;
    record->count = before->count;
    record->beginning = before->beginning;
    record->line_event = before->line_event;
    record->line_time_us = before->line_time_us;
    return error;
}

int fl__record_go_on(struct fl__record *record, const char *text, size_t size,
                     struct fl_scenario_result *result)
{
    const struct fl__record before = *record;
    int error = state_of(record, fl_player_play(record->player, text, size));
    return error == FL_OK ? FL_OK : give_up(record, &before, error, result);
}

/* The line's event says now what the line says now. */
static bool tell_again(struct fl__record *record, const char *text)
{
    struct fl__told *told = &record->list[record->line_event - 1], again;
    const struct fl_sim_event event = {.time_us = record->line_time_us,
                                       .type = "line",
                                       .index = told->line,
                                       .line = told->line,
                                       .text = text};
    size_t length = fl_sim_event_json(&event, record->bytes + told->at, 0);
    if (length < told->room) {
        (void)fl_sim_event_json(&event, record->bytes + told->at, told->room);
        return true;
    }
    if (!add_event(record, &event, FLOW_ROOM, &again))
        return false;
    again.inputs = told->inputs;
    *told = again;
    return true;
}

int fl__record_flow_on(struct fl__record *record, fl_time_us by, const struct fl__edited *edited,
                       struct fl_scenario_result *result)
{
    const struct fl__record before = *record;
    char line[2 * FL__FLOW_MAX];
    size_t length = edited->size - edited->line - 1; /* Without its end. */
    memcpy(line, edited->text + edited->line, length);
    line[length] = '\0';
    int error = state_of(record, fl_player_flow_on(record->player, by, edited->text, edited->size));
    if (error == FL_OK && !tell_again(record, line))
        error = FL_ENOMEM;
    return error == FL_OK ? FL_OK : give_up(record, &before, error, result);
}

void fl__record_explain(const struct fl__record *record, int error, struct fl_scenario_result *result)
{
    *result = (struct fl_scenario_result){0};
    if (record && record->player)
        fl_player_result(record->player, result);
    if (error == FL_EINVAL)
        return;
    const char *why = error == FL_EFULL ? "this story is longer than a playground can hold"
                                        : "there is not enough memory for this story";
    if (record && record->player)
        result->line = fl_player_world(record->player)->line;
    struct fl_word words = fl_word_of(why);
    memcpy(result->text, words.start, words.length + 1);
}
