/* resp_fuzz.c - what a Redis client sends: the same calls and the same error must come out of the bytes as a
 * whole and in two pieces. Each piece is memory of its own size, so that a byte too far is seen. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

struct outcome {
    uint64_t hash;
    uint32_t calls;
    bool failed;
};

static void note(struct outcome *outcome, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    outcome->hash = (outcome->hash ^ size) * 0x100000001b3u;
    for (size_t k = 0; k < size; k++)
        outcome->hash = (outcome->hash ^ bytes[k]) * 0x100000001b3u;
}

/* Takes all calls out of data[*start .. end); false after an error. */
static bool take_calls(struct fl__parser *parser, const uint8_t *data, size_t *start, size_t end,
                       struct outcome *outcome)
{
    size_t size = end - *start, at = 0;
    char *copy = malloc(size ? size : 1);
    if (size > 0)
        memcpy(copy, data + *start, size);
    enum fl__parsed parsed;
    for (;;) {
        size_t used = 0;
        parsed = fl__parser_next(parser, copy + at, size - at, &used);
        if (parsed != FL__PARSED_CALL && parsed != FL__PARSED_EMPTY)
            break;
        fl_assert(used > 0 && used <= size - at);
        for (uint32_t k = 0; parsed == FL__PARSED_CALL && k < parser->arg_count; k++)
            note(outcome, parser->args[k].data, parser->args[k].size);
        outcome->calls += parsed == FL__PARSED_CALL;
        at += used;
    }
    *start += at;
    outcome->failed = parsed == FL__PARSED_ERROR;
    if (outcome->failed)
        note(outcome, parser->error, strlen(parser->error));
    free(copy);
    return !outcome->failed;
}

static struct outcome parse(const uint8_t *data, size_t size, size_t cut)
{
    struct fl__parser parser;
    struct outcome outcome = {0};
    size_t start = 0;
    fl__parser_init(&parser);
    if (cut >= size || take_calls(&parser, data, &start, cut, &outcome))
        (void)take_calls(&parser, data, &start, size, &outcome);
    fl__parser_release(&parser);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t cut = (data[0] | (size_t)data[1] << 8) % size;
    data += 2;
    size -= 2;
    struct outcome whole = parse(data, size, size), pieces = parse(data, size, cut);
    fl_assert(whole.hash == pieces.hash && whole.calls == pieces.calls && whole.failed == pieces.failed);
    return 0;
}
