/* listeners.h - two clients subscribe to channels and patterns, hear messages and go, without a connection
 * and without a server around them. Any allocation may fail meanwhile: what was confirmed holds, what was
 * counted is given back, and nothing is left over. */
#ifndef FAIRLEAD_TEST_LISTENERS_H
#define FAIRLEAD_TEST_LISTENERS_H

void listeners_live(void);

#endif
