/* payload_fuzz.c - what a log entry may hold: any bytes, applied to two stores, which must answer the same
 * and end in the same state, whether the bytes are sense or not. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl__store *stores[2] = {fl__store_create(7), fl__store_create(7)};
    char *copy = malloc(size ? size : 1), text[64];
    if (size > 0)
        memcpy(copy, data, size);
    struct fl__bytes bytes = {copy, size};
    int checked = fl__payload_check(bytes), results[2];
    for (uint32_t k = 0; k < 2; k++) {
        struct fl__reply reply;
        fl__reply_init(&reply, 3, 1 << 20);
        const struct fl__context context = {.index = 1, .time_us = 1700000000000000u};
        results[k] = fl__store_apply(stores[k], &context, bytes, &reply);
        fl__reply_release(&reply);
    }
    fl_assert(results[0] == results[1]);
    fl_assert(size == 0 ||
              (results[0] == FL_EMESSAGE) == (checked == FL_EMESSAGE)); /* Nothing is of Raft's own. */
    fl_assert(fl__store_hash(stores[0]) == fl__store_hash(stores[1]));
    fl_assert(fl__store_index(stores[0]) == 1);
    fl__payload_describe(bytes, text, sizeof text);
    fl_assert(memchr(text, 0, sizeof text));
    fl__store_destroy(stores[0]);
    fl__store_destroy(stores[1]);
    free(copy);
    return 0;
}
