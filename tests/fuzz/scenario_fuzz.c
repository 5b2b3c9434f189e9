/* scenario_fuzz.c - any text as a scenario that is played by hand: it is played, or refused with a reason.
 * What was played is the same again, and the same again from where it was left: its first part played, and
 * then the rest. */
#include "playground.h"
#include "sim.h"

#include <stdlib.h>
#include <string.h>

static struct fl_session *open_text(const char *text, size_t size, struct fl_scenario_result *result)
{
    struct fl_session *session;
    const struct fl_session_start start = {.allocator = fl__stage_allocator(),
                                           .text = text,
                                           .size = size,
                                           .branch = fl_scenario_branches(text, size) > 0};
    int error = fl_session_open(&session, &start, result);
    fl_assert(error == FL_OK || result->text[0] != '\0');
    return error == FL_OK ? session : NULL;
}

/* Acts with the text's last line after what comes before it. */
static void act(const char *text, size_t size)
{
    struct fl_scenario_result result;
    size_t from = size;
    while (from > 0 && text[from - 1] != '\n')
        from--;
    struct fl_session *session = open_text(text, from, &result);
    if (!session)
        return;
    uint32_t count = fl_session_count(session);
    int error = fl_session_act(session, count, text + from, size - from, &result);
    fl_assert(error != FL_OK || fl_session_count(session) > 0);
    fl_assert(error == FL_OK || fl_session_count(session) == count);
    error = fl_session_flow(session, 1 + size, &result);
    fl_assert(error == FL_OK || result.text[0] != '\0');
    fl_assert(fl_session_view(session, UINT32_MAX) != NULL);
    fl_session_close(session);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl_scenario_result result;
    if (size > 4096)
        return 0;
    char *text = malloc(size + 1); /* Exactly as large as it is. */
    if (size > 0)
        memcpy(text, data, size);
    struct fl_session *session = open_text(text, size, &result);
    if (session) {
        uint32_t count = fl_session_count(session);
        fl_assert(fl_session_view(session, count / 2) != NULL && fl_session_state(session) != NULL);
        fl_session_close(session);
        act(text, size);
    }
    free(text);
    return 0;
}
