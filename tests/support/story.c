/* story.c - plays scenarios in tests. */
#include "story.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "sim.h"
#include "trace.h"

int story_play(const char *text, const char *options, struct fl_scenario_result *result)
{
    struct fl_scenario_settings settings = {
        .allocator = fl__stage_allocator(),
        .options = options,
        .observe = trace_event,
    };
    return fl_scenario_play(text, strlen(text), &settings, result);
}

void story_with(const char *text, const char *options)
{
    struct fl_scenario_result result;
    int error = story_play(text, options, &result);
    if (error == FL_OK && result.failures == 0 && result.trips == 0 && result.expectations > 0)
        return;
    print_error("line %u: %s (error %d, %u failures, %u broken invariants, %u expectations)\n", result.line,
                result.text, error, result.failures, result.trips, result.expectations);
    fail();
}

void story(const char *text)
{
    story_with(text, NULL);
}

static FILE *open_in(const char *folder, const char *name)
{
    char path[512];
    int length = snprintf(path, sizeof path, "%s/%s/%s.txt", FL_SOURCE_DIR, folder, name);
    assert_in_range(length, 1, sizeof path - 1);
    return fopen(path, "rb");
}

char *story_read(const char *name)
{
    FILE *file = open_in("tests/scenarios", name);
    if (!file)
        file = open_in("web/scenarios", name);
    assert_non_null(file);
    size_t size_max = 1 << 20;
    char *text = calloc(1, size_max + 1);
    assert_non_null(text);
    size_t size = fread(text, 1, size_max, file);
    assert_in_range(size, 1, size_max - 1);
    fclose(file);
    return text;
}

void story_file(const char *name, const char *options)
{
    char *text = story_read(name);
    print_message("    %s\n", name);
    story_with(text, options);
    free(text);
}
