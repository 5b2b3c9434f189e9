/* calls.h - a keyspace to which commands are given as entries, and what it answers and tells. */
#ifndef FAIRLEAD_TEST_CALLS_H
#define FAIRLEAD_TEST_CALLS_H

#include "keyspace.h"

struct calls {
    struct fl__store *store;
    uint64_t time_us;
    fl_index index;
    struct fl__reply reply; /* To the latest call. */
    char events[512];       /* What the latest call told: "$set k, gexpire k". */
};

void calls_begin(struct calls *calls);
void calls_end(struct calls *calls);
/* One entry, and its reply; terminated, and valid until the next. */
const char *calls_apply(struct calls *calls, const struct fl__bytes *args, uint32_t arg_count);
const char *calls_apply_data(struct calls *calls, struct fl__bytes data);
/* The same with words separated by blanks; '' is an empty one. */
const char *calls_say(struct calls *calls, const char *line);
void calls_expect(struct calls *calls, const char *line, const char *reply);
/* Queues such a line in a transaction. */
void calls_queue(struct fl__transaction *transaction, const char *line);
/* The value of a key that exists. */
struct fl__bytes calls_value(const struct calls *calls, const char *key);

#endif
