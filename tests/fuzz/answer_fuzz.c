/* answer_fuzz.c - what a server answers, to the prompt and to a load test: the same must come out of the
 * bytes as a whole and in two pieces, in memory of their own size. What was read must be printable in each
 * style. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

struct outcome {
    uint64_t hash;
    bool failed;
};

static void note(struct outcome *outcome, const struct fl__answer *answer)
{
    for (size_t i = 0; i < answer->part_count; i++) {
        const struct fl__part *part = &answer->parts[i];
        outcome->hash =
            (outcome->hash ^ part->size ^ (uint64_t)(unsigned char)part->kind << 32) * 0x100000001b3u;
    }
    fl_assert(fl__part_after(answer, 0) == answer->part_count);
}

/* Takes all answers out of the bytes. */
static void read_all(struct fl__answer *answer, const uint8_t *data, size_t size, FILE *out,
                     struct outcome *outcome)
{
    if (size > 0)
        memcpy(fl__answer_room(answer, size), data, size);
    answer->size += size;
    while (!outcome->failed) {
        enum fl__read read = fl__answer_next(answer);
        outcome->failed = read == FL__READ_BAD;
        if (read != FL__READ_WHOLE)
            return;
        note(outcome, answer);
        for (enum fl__style style = FL__STYLE_TEXT; style <= FL__STYLE_JSON; style++)
            fl__answer_print(answer, style, true, out);
        fl__answer_drop(answer);
    }
}

/* Passes over the answers as `bench` does; how many there are, and how it ended. */
static uint64_t skim_all(struct fl__skim *skim, const uint8_t *data, size_t size, bool *failed)
{
    char *copy = malloc(size ? size : 1);
    uint64_t count = 0;
    if (size > 0)
        memcpy(copy, data, size);
    for (size_t at = 0, taken = 0; at < size && !*failed; at += taken) {
        int kind = fl__skim(skim, copy + at, size - at, &taken);
        *failed = kind == FL__SKIM_BAD;
        count += kind > 0;
    }
    free(copy);
    return count;
}

static void skim_in_pieces(const uint8_t *data, size_t size, size_t cut)
{
    struct fl__skim whole = {.skip = 0}, pieces = {.skip = 0};
    bool whole_failed = false, failed = false;
    uint64_t count = skim_all(&whole, data, size, &whole_failed);
    uint64_t other = skim_all(&pieces, data, cut, &failed);
    other += skim_all(&pieces, data + cut, size - cut, &failed);
    fl_assert(whole_failed == failed && count == other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    FILE *out = fopen("/dev/null", "we");
    size_t cut = data[0] % (size - 1);
    struct fl__answer whole = {.at = 0}, pieces = {.at = 0};
    struct outcome expected = {.hash = 1}, found = {.hash = 1};
    read_all(&whole, data + 1, size - 1, out, &expected);
    read_all(&pieces, data + 1, cut, out, &found);
    read_all(&pieces, data + 1 + cut, size - 1 - cut, out, &found);
    fl_assert(expected.failed == found.failed && expected.hash == found.hash);
    skim_in_pieces(data + 1, size - 1, cut);
    fl__answer_release(&whole);
    fl__answer_release(&pieces);
    fclose(out);
    return 0;
}
