/* seeds.h - how many seeds a test of random lives takes. */
#ifndef FAIRLEAD_TEST_SEEDS_H
#define FAIRLEAD_TEST_SEEDS_H

#include <stdint.h>

/* FL_TEST_CASES, if that is set; `many` with FL_TEST_LONG=1; else `usual`. */
uint64_t seeds_count(uint64_t usual, uint64_t many);

#endif
