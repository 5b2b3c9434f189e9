/* playing.c - plays sessions of the playground in tests. */
#include "playing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "sim.h"

struct fl_session *open_branch(const char *text, uint32_t branch)
{
    struct fl_session *session;
    struct fl_scenario_result result;
    const struct fl_session_start start = {
        .allocator = fl__stage_allocator(), .text = text, .size = strlen(text), .branch = branch};
    int error = fl_session_open(&session, &start, &result);
    if (error != FL_OK)
        fail_msg("line %u: %s", result.line, result.text);
    return session;
}

struct fl_session *open_text(const char *text)
{
    return open_branch(text, 0);
}

void act(struct fl_session *session, uint32_t k, const char *event)
{
    struct fl_scenario_result result;
    if (fl_session_act(session, k, event, strlen(event), &result) != FL_OK)
        fail_msg("%s: line %u: %s", event, result.line, result.text);
}

void act_at_end(struct fl_session *session, const char *event)
{
    act(session, fl_session_count(session), event);
}

void flow(struct fl_session *session, fl_time_us by)
{
    struct fl_scenario_result result;
    assert_int_equal(fl_session_flow(session, by, &result), FL_OK);
}

cJSON *parse(const char *text)
{
    assert_non_null(text);
    cJSON *json = cJSON_Parse(text);
    if (!json)
        fail_msg("no JSON: %s", text);
    return json;
}

/* A copy of what the session's state says under this name. */
char *state_text(struct fl_session *session, const char *name)
{
    cJSON *json = parse(fl_session_state(session));
    char *copy = strdup(cJSON_GetStringValue(cJSON_GetObjectItem(json, name)));
    assert_non_null(copy);
    cJSON_Delete(json);
    return copy;
}

void check_text(struct fl_session *session, const char *text)
{
    char *is = state_text(session, "text");
    assert_string_equal(is, text);
    free(is);
}

/* Both told the same, and look the same at the end. */
void check_same(struct fl_session *a, struct fl_session *b)
{
    assert_int_equal(fl_session_count(a), fl_session_count(b));
    for (uint32_t k = 1; k <= fl_session_count(a); k++) {
        assert_string_equal(fl_session_event(a, k), fl_session_event(b, k));
        assert_int_equal(fl_session_line(a, k), fl_session_line(b, k));
    }
    assert_string_equal(fl_session_view(a, UINT32_MAX), fl_session_view(b, UINT32_MAX));
}

/* What its text plays is the session again. */
void check_reopened(struct fl_session *session)
{
    char *text = state_text(session, "text");
    struct fl_session *again = open_text(text);
    check_same(session, again);
    free(text);
    fl_session_close(again);
}
