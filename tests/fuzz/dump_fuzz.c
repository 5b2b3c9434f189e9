/* dump_fuzz.c - what strangers bring to RESTORE. The input is a type and a value; a right version and
 * checksum are put behind it, so that more than these are tried. What is read has the size that is said, and
 * gives the same value after DUMP and RESTORE in a store; what is refused changes nothing. */
#include "keyspace.h"

#include <stdlib.h>
#include <string.h>

enum { FOOTER_SIZE = 10, REPLY_MAX = 1 << 27 };

static struct fl__bytes close_body(const uint8_t *data, size_t size)
{
    char *closed = malloc(size + FOOTER_SIZE);
    if (size > 0)
        memcpy(closed, data, size);
    closed[size] = 10;
    closed[size + 1] = 0;
    uint64_t crc = fl__crc64(0, (struct fl__bytes){closed, size + 2});
    for (unsigned k = 0; k < 8; k++)
        closed[size + 2 + k] = (char)(crc >> 8 * k);
    return (struct fl__bytes){closed, size + FOOTER_SIZE};
}

/* RESTORE a 0 ... REPLACE; whether it was taken. */
static bool restore(struct fl__store *store, struct fl__bytes serialized)
{
    const struct fl__bytes args[] = {fl__bytes_of("restore"), fl__bytes_of("a"), fl__bytes_of("0"),
                                     serialized, fl__bytes_of("replace")};
    const struct fl__context context = {.index = fl__store_index(store) + 1};
    struct fl__reply reply;
    size_t size = fl__payload_command_size(args, 5);
    char *entry = malloc(size);
    fl__payload_command_write(entry, args, 5);
    fl__reply_init(&reply, 2, REPLY_MAX);
    fl_assert(fl__store_apply(store, &context, (struct fl__bytes){entry, size}, &reply) == FL_OK);
    bool is_taken = reply.data[0] == '+';
    fl__reply_release(&reply);
    free(entry);
    return is_taken;
}

static bool has_value(const struct fl__store *store, const char *value, size_t size)
{
    const struct fl__item *item = fl__store_find(store, fl__bytes_of("a"));
    return item != NULL && fl__bytes_equal(fl__item_value(item), (struct fl__bytes){value, size});
}

/* DUMP a, restored over something else. */
static void check_round_trip(struct fl__store *store, const char *value, size_t size)
{
    const struct fl__bytes args[] = {fl__bytes_of("dump"), fl__bytes_of("a")};
    struct fl__reply reply;
    fl__reply_init(&reply, 2, REPLY_MAX);
    fl__store_read(store, fl__command_find(args, 2, NULL), args, 2, 0, &reply);
    const char *start = (const char *)memchr(reply.data, '\n', reply.size) + 1;
    fl__store_put(store, fl__bytes_of("a"), fl__bytes_of("else"), FL__NO_DEADLINE);
    fl_assert(restore(store, (struct fl__bytes){start, (size_t)(reply.data + reply.size - 2 - start)}));
    fl_assert(has_value(store, value, size));
    fl__reply_release(&reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl__dump dump;
    struct fl__bytes closed = close_body(data, size);
    struct fl__store *store = fl__store_create(1);
    fl__store_put(store, fl__bytes_of("a"), fl__bytes_of("before"), FL__NO_DEADLINE);
    bool is_read = fl__dump_read(closed, &dump) == NULL;
    fl_assert(restore(store, closed) == is_read);
    if (is_read) {
        fl_assert(dump.size <= FL__VALUE_SIZE_MAX);
        char *value = malloc(dump.size > 0 ? dump.size : 1); /* Of the size that is said, to the byte. */
        fl__dump_unpack(&dump, value);
        fl_assert(has_value(store, value, dump.size));
        check_round_trip(store, value, dump.size);
        free(value);
    } else {
        fl_assert(has_value(store, "before", 6));
    }
    fl__store_destroy(store);
    free((char *)(uintptr_t)closed.data);
    return 0;
}
