/* payload_fuzz.c - what log entries may hold, applied to two stores: one answers, the other was not asked.
 * They must end in the same state, whether the bytes are sense or not. An input is either one entry's bytes,
 * or chooses commands and arguments that entries are made of: those must be taken, and read like what was
 * written. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

enum { CALLS_MAX = 8, ARGS_MAX = 6, ENTRIES_MAX = 24 };

static const uint64_t start_us = 1700000000000000u;

struct input {
    const uint8_t *data;
    size_t left;
};

/* Two stores of the same cluster, and its log's clock and length. */
struct pair {
    struct fl__store *asked, *other;
    uint64_t time_us;
    fl_index index;
};

static uint8_t byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

static void check_description(struct fl__bytes entry)
{
    char text[64];
    for (size_t size = 1; size <= sizeof text; size += 21) {
        fl__payload_describe(entry, text, size);
        fl_assert(memchr(text, 0, size));
    }
}

/* To both; what comes out is the same. */
static int apply(struct pair *pair, struct fl__bytes entry)
{
    struct fl__reply reply;
    const struct fl__context context = {.index = ++pair->index, .time_us = pair->time_us};
    fl__reply_init(&reply, pair->index % 2 ? 3 : 2, 1 << 20);
    int result = fl__store_apply(pair->asked, &context, entry, &reply);
    fl_assert(result == fl__store_apply(pair->other, &context, entry, NULL));
    fl_assert(result == FL_OK || result == FL_EMESSAGE);
    fl__reply_release(&reply);
    fl_assert(fl__store_index(pair->asked) == pair->index);
    fl_assert(fl__store_hash(pair->asked) == fl__store_hash(pair->other));
    check_description(entry);
    return result;
}

/* Of the entry's own size, so that a byte too far is seen. */
static void apply_bytes(struct pair *pair, const struct input *input)
{
    char *copy = malloc(input->left ? input->left : 1);
    if (input->left > 0)
        memcpy(copy, input->data, input->left);
    struct fl__bytes entry = {copy, input->left};
    int checked = fl__payload_check(entry);
    int result = apply(pair, entry);
    fl_assert(entry.size == 0 || result == checked); /* Nothing is of Raft's own. */
    free(copy);
}

/* ------------------------------------------------------------------------------------------ made of calls */

/* A key, a number, an option, or bytes of the input. */
static struct fl__bytes choose_arg(struct input *input)
{
    static const char *const words[] = {
        "a",
        "b",
        "c",
        "",
        "10",
        "-3",
        "0",
        "9223372036854775807",
        "1.5",
        "ex",
        "px",
        "nx",
        "xx",
        "get",
        "*",
        "keepttl",
        "exat",
        "1e300",
        "pxat",
        "persist",
        "gt",
        "lt",
        "[a",
        "-9223372036854775808",
        "inf",
        "idx",
        "len",
        "match",
        "[^]",
        "count",
        "1",
        "1700000000001",
        "gt",
        "minmatchlen",
        "withmatchlen",
        "type",
        "string",
        "100",
        "1700000001",
        "h?[a-c]*\\",
    };
    uint8_t choice = byte(input);
    if (choice < 200) {
        const char *word = words[choice % (sizeof words / sizeof *words)];
        return (struct fl__bytes){word, strlen(word)};
    }
    size_t size = choice % 8 < input->left ? choice % 8 : input->left;
    struct fl__bytes arg = {(const char *)input->data, size};
    input->data += size;
    input->left -= size;
    return arg;
}

/* A command's name, as often as not with so many arguments as it wants. */
static uint32_t choose_call(struct input *input, struct fl__bytes args[ARGS_MAX],
                            const struct fl__command **command)
{
    *command = &fl__commands[byte(input) % fl__command_count];
    const char *name = (*command)->name, *end = strchr(name, '|');
    uint32_t count = 0, wanted = (uint32_t)abs((*command)->arity) + byte(input) % 3;
    args[count++] = (struct fl__bytes){name, end ? (size_t)(end - name) : strlen(name)};
    if (end)
        args[count++] = (struct fl__bytes){end + 1, strlen(end + 1)};
    while (count < wanted && count < ARGS_MAX)
        args[count++] = choose_arg(input);
    return count;
}

static void check_written(struct fl__bytes entry, const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl__payload_reader reader = {0};
    fl_assert(fl__payload_check(entry) == FL_OK);
    fl__payload_open(&reader, entry);
    fl_assert(reader.kind == FL__PAYLOAD_COMMAND && fl__payload_next(&reader) == FL_OK);
    fl_assert(reader.arg_count == arg_count && reader.left == 0 && reader.rest.size == 0);
    for (uint32_t k = 0; k < arg_count; k++)
        fl_assert(reader.args[k].size == args[k].size &&
                  (args[k].size == 0 || memcmp(reader.args[k].data, args[k].data, args[k].size) == 0));
    fl__payload_release(&reader);
}

static void apply_command(struct pair *pair, struct input *input)
{
    struct fl__bytes args[ARGS_MAX];
    const struct fl__command *command;
    uint32_t count = choose_call(input, args, &command);
    struct fl__bytes entry = {.size = fl__payload_command_size(args, count)};
    char *data = malloc(entry.size);
    entry.data = data;
    fl__payload_command_write(data, args, count);
    check_written(entry, args, count);
    fl_assert(apply(pair, entry) == FL_OK);
    free(data);
}

/* With the revisions that the keys have, as often as not. */
static void guard_transaction(struct pair *pair, struct input *input, struct fl__transaction *transaction)
{
    char conditions[CALLS_MAX * 32];
    uint32_t count = byte(input) % CALLS_MAX;
    size_t size = 0;
    for (uint32_t k = 0; k < count; k++) {
        struct fl__bytes key = choose_arg(input);
        uint64_t revision = fl__store_revision(pair->asked, key) + byte(input) % 2;
        fl__payload_condition_write(conditions + size, key, revision);
        size += fl__payload_condition_size(key);
        fl_assert(size <= sizeof conditions);
    }
    if (count > 0)
        fl_assert(fl__transaction_guard(transaction, (struct fl__bytes){conditions, size}, count) == FL_OK);
}

static void apply_transaction(struct pair *pair, struct input *input)
{
    struct fl__transaction transaction;
    fl__transaction_init(&transaction);
    for (uint32_t k = 1 + byte(input) % CALLS_MAX; k > 0; k--) {
        struct fl__bytes args[ARGS_MAX];
        const struct fl__command *command;
        uint32_t count = choose_call(input, args, &command);
        fl_assert(fl__transaction_add(&transaction, command, args, count) == FL_OK);
    }
    guard_transaction(pair, input, &transaction);
    struct fl__bytes entry = {transaction.data, transaction.size};
    fl_assert(fl__payload_check(entry) == FL_OK);
    fl_assert(apply(pair, entry) == FL_OK);
    fl__transaction_release(&transaction);
}

static void apply_calls(struct pair *pair, struct input *input)
{
    for (uint32_t k = 0; k < ENTRIES_MAX && input->left > 0; k++) {
        uint8_t kind = byte(input);
        pair->time_us += (uint64_t)(kind >> 4) * 100000;
        if (kind % 4 == 0)
            apply_transaction(pair, input);
        else if (kind % 8 == 1)
            fl_assert(apply(pair, fl__payload_tick()) == FL_OK);
        else
            apply_command(pair, input);
    }
}

/* The first byte says what the others are. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, size};
    struct pair pair = {fl__store_create(7), fl__store_create(7), start_us, 0};
    if (byte(&input) % 4 == 0)
        apply_bytes(&pair, &input);
    else
        apply_calls(&pair, &input);
    fl__store_destroy(pair.asked);
    fl__store_destroy(pair.other);
    return 0;
}
