/* playing.h - plays sessions of the playground in tests, compiled for this machine: what is refused fails the
 * running test. */
#ifndef FAIRLEAD_TEST_PLAYING_H
#define FAIRLEAD_TEST_PLAYING_H

#include <cjson/cJSON.h>

#include "playground.h"

/* `branch` as in struct fl_session_start. */
struct fl_session *open_branch(const char *text, uint32_t branch);
struct fl_session *open_text(const char *text);
/* After step k, or the last one. */
void act(struct fl_session *session, uint32_t k, const char *event);
void act_at_end(struct fl_session *session, const char *event);
void flow(struct fl_session *session, fl_time_us by);

cJSON *parse(const char *text);
/* A copy of what the session's state says under this name. */
char *state_text(struct fl_session *session, const char *name);
void check_text(struct fl_session *session, const char *text);
/* Both told the same, and look the same at the end. */
void check_same(struct fl_session *a, struct fl_session *b);
/* What its text plays is the session again. */
void check_reopened(struct fl_session *session);

#endif
