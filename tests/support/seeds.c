/* seeds.c - how many seeds a test of random lives takes. */
#include "seeds.h"

#include <stdlib.h>

uint64_t seeds_count(uint64_t usual, uint64_t many)
{
    const char *cases = getenv("FL_TEST_CASES");
    if (cases)
        return strtoull(cases, NULL, 10);
    const char *is_long = getenv("FL_TEST_LONG");
    return is_long && *is_long == '1' ? many : usual;
}
