/* story.h - plays scenarios (docs/scenarios.md) in tests: a failed line or a broken invariant fails the
 * running test. */
#ifndef FAIRLEAD_TEST_STORY_H
#define FAIRLEAD_TEST_STORY_H

#include "scenario.h"

/* A scenario written down in the test. It must expect something. */
void story(const char *text);
/* The same with more `option` lines. */
void story_with(const char *text, const char *options);
/* A file of tests/scenarios or web/scenarios, by its name without ".txt". */
void story_file(const char *name, const char *options);
/* Plays without judging. */
int story_play(const char *text, const char *options, struct fl_scenario_result *result);
/* The file's content, terminated; to be freed. Fails the test if it cannot be read. */
char *story_read(const char *name);

#endif
