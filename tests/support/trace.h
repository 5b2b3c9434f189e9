/* trace.h - prints what happens in a world, one line an event, if FL_TEST_TRACE is set in the environment. */
#ifndef FAIRLEAD_TEST_TRACE_H
#define FAIRLEAD_TEST_TRACE_H

#include "scenario.h"

/* For fl_world_settings.observe: prints always the broken invariants and expectations, all else if asked
 * for. */
void trace_event(void *context, const struct fl_world *world, const struct fl_event *event);

#endif
