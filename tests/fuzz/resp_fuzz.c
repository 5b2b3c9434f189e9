/* resp_fuzz.c - what a Redis client sends, authenticated or not: the same calls and the same error must come
 * out of the bytes as a whole and in two pieces. Each piece is memory of its own size, so that a byte too far
 * is seen. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

struct outcome {
    uint64_t hash;
    uint32_t calls, empties;
    bool failed;
    size_t used;
};

static void note(struct outcome *outcome, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    outcome->hash = (outcome->hash ^ size) * 0x100000001b3u;
    for (size_t k = 0; k < size; k++)
        outcome->hash = (outcome->hash ^ bytes[k]) * 0x100000001b3u;
}

static void note_call(struct outcome *outcome, const struct fl__parser *parser)
{
    fl_assert(parser->arg_count > 0 && parser->arg_count <= FL__ARGS_MAX);
    outcome->calls++;
    note(outcome, &parser->arg_count, sizeof parser->arg_count);
    for (uint32_t k = 0; k < parser->arg_count; k++)
        note(outcome, parser->args[k].data, parser->args[k].size);
}

/* Takes all calls out of data[outcome->used .. end); false after an error. */
static bool take_calls(struct fl__parser *parser, const uint8_t *data, size_t end, struct outcome *outcome)
{
    size_t size = end - outcome->used, at = 0;
    char *copy = malloc(size ? size : 1);
    if (size > 0)
        memcpy(copy, data + outcome->used, size);
    enum fl__parsed parsed;
    for (;;) {
        size_t used = 0;
        parsed = fl__parser_next(parser, copy + at, size - at, &used);
        if (parsed != FL__PARSED_CALL && parsed != FL__PARSED_EMPTY)
            break;
        fl_assert(used > 0 && used <= size - at);
        if (parsed == FL__PARSED_CALL)
            note_call(outcome, parser);
        else
            outcome->empties++;
        at += used;
    }
    outcome->used += at;
    outcome->failed = parsed == FL__PARSED_ERROR;
    fl_assert(outcome->failed || parser->wanted > size - at);
    if (outcome->failed)
        note(outcome, parser->error, strlen(parser->error));
    free(copy);
    return !outcome->failed;
}

static struct outcome parse(const uint8_t *data, size_t size, size_t cut, bool restricted)
{
    struct fl__parser parser;
    struct outcome outcome = {.hash = 1};
    fl__parser_init(&parser);
    parser.restricted = restricted;
    if (cut >= size || take_calls(&parser, data, cut, &outcome))
        (void)take_calls(&parser, data, size, &outcome);
    fl__parser_release(&parser);
    return outcome;
}

/* The first three bytes say who sends, and where the others are cut. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3)
        return 0;
    bool restricted = data[0] & 1;
    size_t cut = (data[1] | (size_t)data[2] << 8) % (size - 2);
    data += 3;
    size -= 3;
    struct outcome whole = parse(data, size, size, restricted), pieces = parse(data, size, cut, restricted);
    fl_assert(whole.hash == pieces.hash && whole.calls == pieces.calls && whole.failed == pieces.failed);
    fl_assert(whole.empties == pieces.empties && whole.used == pieces.used);
    return 0;
}
