/* calls.c - see calls.h. */
#include "calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define WORDS_MAX 24
#define LINE_MAX_SIZE 512

static void note_event(void *owner, enum fl__event event, const char *name, struct fl__bytes key)
{
    struct calls *calls = owner;
    size_t size = strlen(calls->events);
    const char *letter = event == FL__EVENT_STRING ? "$" : event == FL__EVENT_GENERIC ? "g" : NULL;
    if (letter != NULL) /* The others are the store's own. */
        snprintf(calls->events + size, sizeof calls->events - size, "%s%s%s %.*s", size > 0 ? ", " : "",
                 letter, name, (int)key.size, key.data);
}

void calls_begin(struct calls *calls)
{
    *calls = (struct calls){.store = fl__store_create(1), .time_us = 1700000000000000};
    assert_non_null(calls->store);
    fl__reply_init(&calls->reply, 2, (size_t)1 << 27);
    const struct fl__store_listener listener = {.owner = calls, .event = note_event};
    fl__store_listen(calls->store, &listener);
}

void calls_end(struct calls *calls)
{
    fl__reply_release(&calls->reply);
    fl__store_destroy(calls->store);
}

const char *calls_apply_data(struct calls *calls, struct fl__bytes data)
{
    const struct fl__context context = {.time_us = calls->time_us, .seed = 5, .index = ++calls->index};
    calls->reply.size = 0;
    calls->events[0] = '\0';
    assert_int_equal(fl__store_apply(calls->store, &context, data, &calls->reply), FL_OK);
    fl__reply_raw(&calls->reply, (struct fl__bytes){"", 1});
    assert_false(calls->reply.failed);
    calls->reply.size--;
    return calls->reply.data;
}

const char *calls_apply(struct calls *calls, const struct fl__bytes *args, uint32_t arg_count)
{
    size_t size = fl__payload_command_size(args, arg_count);
    char *data = malloc(size);
    assert_non_null(data);
    fl__payload_command_write(data, args, arg_count);
    const char *reply = calls_apply_data(calls, (struct fl__bytes){data, size});
    free(data);
    return reply;
}

/* Cuts a line into words, in place. */
static uint32_t split(char *text, struct fl__bytes args[WORDS_MAX])
{
    char *rest;
    uint32_t count = 0;
    for (char *word = strtok_r(text, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        assert_in_range(count, 0, WORDS_MAX - 1);
        args[count++] = fl__bytes_of(strcmp(word, "''") == 0 ? "" : word);
    }
    return count;
}

const char *calls_say(struct calls *calls, const char *line)
{
    char text[LINE_MAX_SIZE];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", line);
    return calls_apply(calls, args, split(text, args));
}

void calls_queue(struct fl__transaction *transaction, const char *line)
{
    char text[LINE_MAX_SIZE];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", line);
    uint32_t count = split(text, args);
    const struct fl__command *command = fl__command_find(args, count, NULL);
    assert_non_null(command);
    assert_int_equal(fl__transaction_add(transaction, command, args, count), FL_OK);
}

void calls_expect(struct calls *calls, const char *line, const char *reply)
{
    const char *replied = calls_say(calls, line);
    if (strcmp(replied, reply) != 0)
        fail_msg("%s: replied %s, not %s", line, replied, reply);
}

struct fl__bytes calls_value(const struct calls *calls, const char *key)
{
    const struct fl__item *item = fl__store_find(calls->store, fl__bytes_of(key));
    assert_non_null(item);
    return fl__item_value(item);
}
