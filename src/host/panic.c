/* panic.c - what happens when an invariant is broken: the process says where and ends, before it can do
 * harm. */
#include "host.h"
#include <stdio.h>
#include <stdlib.h>

void fl_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "fairlead: bug: %s:%d: %s\n", file, line, what);
    abort();
}
