/* cluster.c - the simulator's driver of cores, for tests that tell it what to do. */
#include "cluster.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

void cluster_open(struct fl__cores *cores, const struct fl__core_plan *plan)
{
    fl__cores_open(cores, plan, NULL, trace_event, NULL);
}

void cluster_check(const struct fl__cores *cores)
{
    const struct fl_world *world = cores->world;
    if (world->judge.trip_count == 0 && world->error == FL_OK)
        return;
    print_error("seed %" PRIu64 ": %s (FL_TEST_TRACE=1 shows it)\n", cores->plan.seed,
                world->judge.trip_count > 0 ? world->judge.trips[0].text : "the world stopped");
    fail();
}
