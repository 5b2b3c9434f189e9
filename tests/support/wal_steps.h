/* wal_steps.h - a fixed workload for the write-ahead log, and whether a log is in a state that it led to.
 *
 * It is a series of steps, each an append or a truncation; the log after the first j steps is state j.
 * Whatever happens, recovery must give some state j that is at least as late as the last step called
 * durable. */
#ifndef FAIRLEAD_TEST_WAL_STEPS_H
#define FAIRLEAD_TEST_WAL_STEPS_H

#include "wal_machine.h"

enum { STEPS = 40 };

/* Takes one, until the moment in which it is durable: step k is ticket k + 1. */
void steps_take_one(struct machine *machine, int k);
/* Takes the steps from `first` on, some of them together in one batch. */
void steps_take(struct machine *machine, int first, int end);
/* Which state the recovered log is in, at least `least`; -1 if in none. */
int steps_find_state(struct machine *machine, int least);
/* Fails if it is in none, and says that this was `what`, `a` and `b`. */
void steps_check(struct machine *machine, int least, const char *what, uint64_t a, uint64_t b);
/* The first steps, each durable, and closed. */
struct fl__disk *steps_make_log(int count);

#endif
