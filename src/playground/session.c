/* session.c - a scenario that is played by hand.
 *
 * The head is the world at the end of the text; it goes on as lines are added. The past is played again,
 * in a second world, up to the moment that is asked for. Whatever changes more than the end of the text
 * plays all of it into a new head, and takes the old one's place only if that went well. */
#include "../core/core.h"
#include "playground.h"

struct fl_session {
    struct fl_allocator allocator;
    char *text, *options; /* Its own copies; options may be NULL. */
    size_t size;
    uint32_t branch, changes; /* How often the head was replaced. */
    struct fl__record *head;
    struct fl__page view, state;
};

static void *allocate(struct fl_session *session, size_t size)
{
    return session->allocator.allocate(session->allocator.context, size);
}

static void release(struct fl_session *session, void *memory)
{
    if (memory)
        session->allocator.release(session->allocator.context, memory);
}

/* Whether the byte is nowhere in the text. */
static bool is_without(char byte, const char *text, size_t size)
{
    for (size_t k = 0; k < size; k++)
        if (text[k] == byte)
            return false;
    return true;
}

static int run_out(struct fl_scenario_result *result)
{
    fl__record_explain(NULL, FL_ENOMEM, result);
    return FL_ENOMEM;
}

static int refuse(const char *text, struct fl_scenario_result *result)
{
    *result = (struct fl_scenario_result){0};
    struct fl_word words = fl_word_of(text);
    memcpy(result->text, words.start, words.length + 1);
    return FL_EINVAL;
}

static char *copy_of(struct fl_session *session, const char *text, size_t size)
{
    char *copy = allocate(session, size + 1);
    if (!copy)
        return NULL;
    if (size > 0)
        memcpy(copy, text, size);
    copy[size] = '\0';
    return copy;
}

static struct fl_session_start start_of(const struct fl_session *session)
{
    return (struct fl_session_start){.allocator = session->allocator,
                                     .text = session->text,
                                     .size = session->size,
                                     .branch = session->branch,
                                     .options = session->options};
}

/* -------------------------------------------------------------------------------------------- open, close */

/* Plays the text again, if the head could not go on and has no player any more. False: no memory. */
static bool mend(struct fl_session *session)
{
    struct fl_session_start start = start_of(session);
    return session->head->player || fl__record_play_again(session->head, &start) == FL_OK;
}

/* Plays the text from its beginning. The edited text is the session's own from then on, or released. */
static int play_anew(struct fl_session *session, struct fl__edited edited, struct fl_scenario_result *result)
{
    struct fl_session_start start = start_of(session);
    struct fl__record *record = NULL;
    start.text = edited.text;
    start.size = edited.size;
    start.branch = edited.branch;
    int error = edited.text ? fl__record_create(&record, &start) : FL_ENOMEM;
    if (error != FL_OK) {
        fl__record_explain(record, error, result);
        fl__record_destroy(record);
        release(session, edited.text);
        return error;
    }
    fl__record_destroy(session->head);
    release(session, session->text);
    session->head = record;
    session->changes++;
    session->text = edited.text;
    session->size = edited.size;
    session->branch = edited.branch;
    return FL_OK;
}

int fl_session_open(struct fl_session **out, const struct fl_session_start *start,
                    struct fl_scenario_result *result)
{
    *out = NULL;
    if (!is_without('\0', start->text, start->size))
        return refuse("a scenario is text, and has no zero bytes", result);
    struct fl_session *session = start->allocator.allocate(start->allocator.context, sizeof *session);
    if (!session)
        return run_out(result);
    *session = (struct fl_session){.allocator = start->allocator,
                                   .view = {.allocator = start->allocator},
                                   .state = {.allocator = start->allocator}};
    struct fl__edited text = {
        .text = copy_of(session, start->text, start->size), .size = start->size, .branch = start->branch};
    if (start->options) {
        session->options = copy_of(session, start->options, fl_word_of(start->options).length);
        if (!session->options) {
            release(session, text.text);
            fl_session_close(session);
            return run_out(result);
        }
    }
    int error = play_anew(session, text, result);
    if (error == FL_OK)
        *out = session;
    else
        fl_session_close(session);
    return error;
}

void fl_session_close(struct fl_session *session)
{
    if (!session)
        return;
    fl__record_destroy(session->head);
    release(session, session->view.bytes);
    release(session, session->state.bytes);
    release(session, session->text);
    release(session, session->options);
    release(session, session);
}

/* ------------------------------------------------------------------------------------------------ looking */

uint32_t fl_session_count(const struct fl_session *session)
{
    return session->head->count;
}

const char *fl_session_event(const struct fl_session *session, uint32_t k)
{
    const struct fl__record *head = session->head;
    return k > 0 && k <= head->count ? head->bytes + head->list[k - 1].at : "";
}

uint32_t fl_session_line(const struct fl_session *session, uint32_t k)
{
    const struct fl__record *head = session->head;
    return k > 0 && k <= head->count ? head->list[k - 1].line : 0;
}

/* A second play, which ends where it has seen enough. */
struct replay {
    struct fl__page *page;
    struct fl_player *player;
    uint32_t left; /* Events until the one that is looked at, that one included. */
    bool is_written;
};

static void on_replayed(void *context, const struct fl_world *world, const struct fl_event *event)
{
    struct replay *replay = context;
    struct fl_sim_event story;
    char text[1]; /* Nobody reads the sentence. */
    if (replay->left == 0 || !fl_story_tell(&story, text, sizeof text, world, event) || --replay->left > 0)
        return;
    replay->is_written = fl__view_write(replay->page, replay->player, event);
    fl_player_world(replay->player)->error = FL_ESTOPPED; /* Nothing happens there any more. */
}

/* Until something happens there is nothing to see but the cluster, started. */
static bool view_beginning(struct fl_session *session, struct replay *replay)
{
    replay->left = 0;
    return fl_player_set_up(replay->player, session->text, session->size) == FL_OK &&
           fl_player_start(replay->player) == FL_OK && fl__view_write(&session->view, replay->player, NULL);
}

static bool view_past(struct fl_session *session, struct replay *replay)
{
    int error = fl_player_play(replay->player, session->text, session->size);
    if (error == FL_OK)
        error = fl_player_start(replay->player);
    return error == FL_ESTOPPED && replay->is_written;
}

static bool replay_to(struct fl_session *session, uint32_t k)
{
    struct replay replay = {.page = &session->view, .left = k};
    const struct fl_scenario_settings settings = {.allocator = session->allocator,
                                                  .options = session->options,
                                                  .observe = on_replayed,
                                                  .observe_context = &replay};
    if (fl_player_create(&replay.player, &settings, session->branch) != FL_OK)
        return false;
    bool is_written =
        k <= session->head->beginning ? view_beginning(session, &replay) : view_past(session, &replay);
    fl_player_destroy(replay.player);
    return is_written;
}

const char *fl_session_view(struct fl_session *session, uint32_t k)
{
    if (!mend(session))
        return NULL;
    bool is_written = k < session->head->count ? replay_to(session, k)
                                               : fl__view_write(&session->view, session->head->player, NULL);
    return is_written ? session->view.bytes : NULL;
}

static void write_branches(struct fl_json *json, const struct fl_session *session)
{
    struct fl_script script = {.text = session->text, .size = session->size};
    struct fl_line line;
    fl_json_begin(json, "branches", '[');
    while (fl_script_next(&script, &line)) {
        if (!fl_word_is(line.words[0], "branch"))
            continue;
        struct fl_word none = {.start = ""}, name = line.count > 1 ? line.words[1] : none, words = none;
        if (line.count > 2)
            words =
                (struct fl_word){.start = line.words[2].start,
                                 .length = (size_t)(line.all.start + line.all.length - line.words[2].start)};
        fl_json_begin(json, NULL, '[');
        fl_json_word(json, NULL, name);
        fl_json_word(json, NULL, words);
        fl_json_end(json, ']');
    }
    fl_json_end(json, ']');
}

static size_t write_state(struct fl_session *session)
{
    struct fl_scenario_result result;
    struct fl_json json = {.out = session->state.bytes, .size = session->state.size};
    fl_player_result(session->head->player, &result);
    fl_json_begin(&json, NULL, '{');
    fl_json_text(&json, "text", session->text);
    fl_json_number(&json, "branch", session->branch);
    write_branches(&json, session);
    fl_json_number(&json, "changes", session->changes);
    fl_json_number(&json, "line_step", session->head->line_event);
    fl_json_number(&json, "expectations", result.expectations);
    fl_json_number(&json, "failures", result.failures + result.trips);
    fl_json_number(&json, "line", result.line);
    fl_json_text(&json, "failure", result.text);
    fl_json_end(&json, '}');
    return fl_json_finish(&json);
}

const char *fl_session_state(struct fl_session *session)
{
    size_t length;
    if (!mend(session))
        return NULL;
    while ((length = write_state(session)) >= session->state.size)
        if (!fl__page_grow(&session->state, length + 1))
            return NULL;
    return session->state.bytes;
}

/* ------------------------------------------------------------------------------------------------- acting */

/* The head has gone on with the edited text, or could not. */
static int adopt(struct fl_session *session, struct fl__edited edited, int error)
{
    if (error != FL_OK) {
        release(session, edited.text);
        (void)mend(session); /* Or whoever needs it next does. */
        return error;
    }
    release(session, session->text);
    session->text = edited.text;
    session->size = edited.size;
    return FL_OK;
}

/* The text has become longer by what was not played yet. */
static int go_on(struct fl_session *session, struct fl__edited edited, struct fl_scenario_result *result)
{
    int error =
        mend(session) ? fl__record_go_on(session->head, edited.text, edited.size, result) : run_out(result);
    return adopt(session, edited, error);
}

static bool is_one_line(const char *text, size_t size)
{
    return is_without('\n', text, size) && is_without('\0', text, size);
}

/* The first `size` bytes of the text, and a line with the event. */
static struct fl__edited add(struct fl_session *session, size_t size, struct fl_word event)
{
    return fl__edit_add(&session->allocator, session->text, size, event);
}

/* The text up to what step k shows, in the midst of a line, and a line with the event. */
static struct fl__edited add_within(struct fl_session *session, uint32_t k, struct fl_word event)
{
    const struct fl__told *told = &session->head->list[k - 1];
    if (told->inputs == 0) /* Nothing of the line has happened. */
        return add(session, fl__edit_cut(session->text, session->size, told->line - 1), event);
    size_t size = fl__edit_cut(session->text, session->size, told->line);
    struct fl__edited part = fl__edit_part(&session->allocator, session->text, size, told->inputs);
    if (!part.text)
        return part;
    struct fl__edited edited = fl__edit_add(&session->allocator, part.text, part.size, event);
    release(session, part.text);
    return edited;
}

int fl_session_act(struct fl_session *session, uint32_t k, const char *event, size_t size,
                   struct fl_scenario_result *result)
{
    const struct fl__record *head = session->head;
    struct fl_word words = {.start = event, .length = size};
    if (!is_one_line(event, size))
        return refuse("what happens is said in one line", result);
    uint32_t line = fl_session_line(session, k);
    if (line > head->setup_line && k < head->count && head->list[k].line == line)
        return play_anew(session, add_within(session, k, words), result);
    size_t kept =
        fl__edit_cut(session->text, session->size, line > head->setup_line ? line : head->setup_line);
    struct fl__edited edited = add(session, kept, words);
    bool goes_on = kept == session->size && edited.text && edited.branch == session->branch &&
                   !fl_scenario_expects_at(session->text, session->size, fl_word_of("you"));
    return goes_on ? go_on(session, edited, result) : play_anew(session, edited, result);
}

/* The last line of the text, a flow that begins at `at`, becomes one of this duration. */
static int lengthen(struct fl_session *session, fl_time_us by, size_t at, fl_time_us sum,
                    struct fl_scenario_result *result)
{
    char flow[FL__FLOW_MAX];
    struct fl_word event = {.start = flow, .length = fl__edit_flow(flow, sum)};
    struct fl__edited edited = fl__edit_add(&session->allocator, session->text, at, event);
    int error = edited.text && mend(session) ? fl__record_flow_on(session->head, by, &edited, result)
                                             : run_out(result);
    return adopt(session, edited, error);
}

int fl_session_flow(struct fl_session *session, fl_time_us by, struct fl_scenario_result *result)
{
    size_t at;
    fl_time_us sum;
    char flow[FL__FLOW_MAX];
    bool awaited = fl_scenario_expects_at(session->text, session->size, fl_word_of("you"));
    if (!awaited && session->head->line_event > 0 &&
        fl__edit_last_flow(session->text, session->size, session->branch, by, &at, &sum))
        return lengthen(session, by, at, sum, result);
    return fl_session_act(session, fl_session_count(session), flow, fl__edit_flow(flow, by), result);
}

int fl_session_option(struct fl_session *session, const char *option, size_t size,
                      struct fl_scenario_result *result)
{
    if (!is_one_line(option, size))
        return refuse("an option is said in one line", result);
    struct fl__edited edited = fl__edit_option(&session->allocator, session->text, session->size,
                                               (struct fl_word){.start = option, .length = size});
    edited.branch = session->branch;
    return play_anew(session, edited, result);
}
