/* store_log.h - a keyspace driven by a log: commands as text are applied as entries, or read. */
#ifndef FAIRLEAD_TEST_STORE_LOG_H
#define FAIRLEAD_TEST_STORE_LOG_H

#include "keyspace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND ((uint64_t)1000000)
#define WORDS_MAX 16

/* A store and its log's clock. */
struct log {
    struct fl__store *store;
    uint64_t time_us;
    fl_index index;
    uint64_t seed;          /* Of the latest read. */
    struct fl__reply reply; /* To the latest call. */
};

static inline void log_begin(struct log *log)
{
    *log = (struct log){.store = fl__store_create(1), .time_us = 1700000000 * SECOND};
    assert_non_null(log->store);
    fl__reply_init(&log->reply, 2, 1 << 24);
}

static inline void log_end(struct log *log)
{
    fl__reply_release(&log->reply);
    fl__store_destroy(log->store);
}

/* Into words; '' is an empty one. */
static inline uint32_t split(char *text, struct fl__bytes *args)
{
    uint32_t count = 0;
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        assert_in_range(count, 0, WORDS_MAX - 1);
        args[count++] = (struct fl__bytes){word, strcmp(word, "''") == 0 ? 0 : strlen(word)};
    }
    return count;
}

static inline void apply_data(struct log *log, struct fl__bytes data, int expected)
{
    const struct fl__context context = {.time_us = log->time_us, .seed = 5, .index = ++log->index};
    log->reply.size = 0;
    assert_int_equal(fl__store_apply(log->store, &context, data, &log->reply), expected);
}

static inline void apply_args(struct log *log, const struct fl__bytes *args, uint32_t count)
{
    size_t size = fl__payload_command_size(args, count);
    char *data = malloc(size);
    fl__payload_command_write(data, args, count);
    apply_data(log, (struct fl__bytes){data, size}, FL_OK);
    free(data);
}

static inline void apply(struct log *log, const char *command)
{
    char text[512];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", command);
    apply_args(log, args, split(text, args));
}

static inline void tick(struct log *log)
{
    apply_data(log, fl__payload_tick(), FL_OK);
}

static inline void read_state(struct log *log, const char *command)
{
    char text[512];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", command);
    uint32_t count = split(text, args);
    log->reply.size = 0;
    const struct fl__command *found = fl__command_find(args, count, &log->reply);
    assert_non_null(found);
    fl__store_read(log->store, found, args, count, ++log->seed, &log->reply);
}

static inline void check_reply(const struct log *log, const char *expected)
{
    if (log->reply.size != strlen(expected) || memcmp(log->reply.data, expected, log->reply.size) != 0)
        fail_msg("replied %.*s, not %s", (int)log->reply.size, log->reply.data, expected);
}

#endif
