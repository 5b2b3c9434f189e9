/* cluster.h - the simulator's driver of cores, for tests that tell it what to do. */
#ifndef FAIRLEAD_TEST_CLUSTER_H
#define FAIRLEAD_TEST_CLUSTER_H

#include "sim.h"
#include "trace.h"

#define MILLISECOND FL__MILLISECOND
#define SECOND FL__SECOND

/* Opens it with the trace of trace.h. */
void cluster_open(struct fl__cores *cores, const struct fl__core_plan *plan);
/* Fails the running test if an invariant broke or the world stopped. */
void cluster_check(const struct fl__cores *cores);

#endif
