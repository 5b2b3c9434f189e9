/* prompt_answer.c - reads answers of the Redis protocol, versions 2 and 3.
 *
 * An answer becomes a list of its parts in the order in which they arrive: an array of two strings is three
 * parts, the array first. Nothing here or in those who read the list calls itself: how deep the parts lie in
 * each other is a number, and limited. The bytes may arrive in any pieces; what was read once is not read
 * again.
 *
 * The kinds of parts: '+' a word, '-' an error, ':' a number, '$' a string, '_' nothing, ',' a fraction, '#'
 * true or false, '(' a long number, '=' a text; and, with `count` parts or pairs of parts in it, '*' an
 * array, '%' a map, '~' a set, '>' a message that nobody asked for. */
#include "client.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_LIMIT (1ull << 30) /* Of one answer. */
#define LINE_LIMIT (64u << 10)

static bool holds_parts(char kind)
{
    return kind == '*' || kind == '%' || kind == '~' || kind == '>';
}

uint64_t fl__part_children(const struct fl__part *part)
{
    if (!holds_parts(part->kind))
        return 0;
    return part->kind == '%' ? 2 * part->count : part->count;
}

size_t fl__part_after(const struct fl__answer *answer, size_t place)
{
    for (uint64_t left = 1; left > 0 && place < answer->part_count; place++)
        left += fl__part_children(&answer->parts[place]) - 1;
    return place;
}

const char *fl__part_text(const struct fl__answer *answer, const struct fl__part *part)
{
    return answer->bytes + part->at;
}

bool fl__part_is(const struct fl__answer *answer, size_t place, const char *text)
{
    return place < answer->part_count && answer->parts[place].size == strlen(text) &&
           strncasecmp(fl__part_text(answer, &answer->parts[place]), text, strlen(text)) == 0;
}

size_t fl__part_named(const struct fl__answer *answer, size_t map, const char *name)
{
    if (map >= answer->part_count)
        return answer->part_count;
    size_t end = fl__part_after(answer, map);
    for (size_t key = map + 1; key < end; key = fl__part_after(answer, fl__part_after(answer, key))) {
        if (fl__part_is(answer, key, name))
            return key + 1;
    }
    return answer->part_count;
}

/* ------------------------------------------------------------------------------------------------ reading */

static bool add_part(struct fl__answer *answer, struct fl__part part)
{
    if (answer->part_count == answer->part_room) {
        size_t room = answer->part_room == 0 ? 16 : 2 * answer->part_room;
        struct fl__part *parts = realloc(answer->parts, room * sizeof *parts);
        if (parts == NULL)
            return false;
        answer->parts = parts;
        answer->part_room = room;
    }
    answer->parts[answer->part_count++] = part;
    uint64_t children = fl__part_children(&part);
    if (children > 0) {
        if (answer->depth == FL__ANSWER_DEPTH)
            return false;
        answer->left[answer->depth++] = children;
        return true;
    }
    while (answer->depth > 0 && --answer->left[answer->depth - 1] == 0)
        answer->depth--;
    answer->whole = answer->depth == 0;
    return true;
}

/* The number behind a kind: how many bytes or parts follow. -1 stands for nothing. */
static bool read_count(const char *line, size_t size, int64_t *out)
{
    char text[24];
    uint64_t number;
    if (size == 2 && memcmp(line, "-1", 2) == 0)
        return (*out = -1, true);
    if (size == 0 || size >= sizeof text)
        return false;
    memcpy(text, line, size);
    text[size] = '\0';
    if (!fl__value_count(text, &number) || number > SIZE_LIMIT)
        return false;
    *out = (int64_t)number;
    return true;
}

/* A string of `size` bytes whose head ends before `body`; FL__READ_MORE until all of it is there. */
static enum fl__read take_string(struct fl__answer *answer, char kind, size_t body, size_t size)
{
    struct fl__part part = {.kind = kind == '!' ? '-' : kind, .at = body, .size = size};
    if (answer->size - body < size + 2)
        return FL__READ_MORE;
    if (kind == '=' && size >= 4) { /* Its first four bytes say of what format it is. */
        part.at += 4;
        part.size -= 4;
    }
    answer->at = body + size + 2;
    return add_part(answer, part) ? FL__READ_WHOLE : FL__READ_BAD;
}

/* Takes the next part. FL__READ_WHOLE: it is there. */
static enum fl__read take_part(struct fl__answer *answer)
{
    const char *line = answer->bytes + answer->at, *end = memchr(line, '\n', answer->size - answer->at);
    int64_t count;
    if (end == NULL)
        return answer->size - answer->at > LINE_LIMIT ? FL__READ_BAD : FL__READ_MORE;
    size_t size = (size_t)(end - line), body = answer->at + size + 1;
    if (size < 2 || size > LINE_LIMIT || end[-1] != '\r' || line[0] == '\0')
        return FL__READ_BAD;
    struct fl__part part = {.kind = line[0], .at = answer->at + 1, .size = size - 2};
    if (strchr("$!=*%~>", part.kind) == NULL) {
        answer->at = body;
        return strchr("+-:_,#(", part.kind) != NULL && add_part(answer, part) ? FL__READ_WHOLE : FL__READ_BAD;
    }
    if (!read_count(line + 1, size - 2, &count))
        return FL__READ_BAD;
    if (count >= 0 && !holds_parts(part.kind))
        return take_string(answer, part.kind, body, (size_t)count);
    if (count < 0)
        part.kind = '_';
    else
        part.count = (uint64_t)count;
    answer->at = body;
    return add_part(answer, part) ? FL__READ_WHOLE : FL__READ_BAD;
}

enum fl__read fl__answer_next(struct fl__answer *answer)
{
    while (!answer->whole) {
        if (answer->at == answer->size)
            return FL__READ_MORE;
        enum fl__read read = take_part(answer);
        if (read != FL__READ_WHOLE)
            return read;
    }
    return FL__READ_WHOLE;
}

char *fl__answer_room(struct fl__answer *answer, size_t size)
{
    if (answer->size + size > SIZE_LIMIT)
        return NULL;
    if (answer->size + size > answer->room) {
        size_t room = answer->room == 0 ? size : 2 * answer->room;
        while (room < answer->size + size)
            room *= 2;
        char *bytes = realloc(answer->bytes, room);
        if (bytes == NULL)
            return NULL;
        answer->bytes = bytes;
        answer->room = room;
    }
    return answer->bytes + answer->size;
}

void fl__answer_drop(struct fl__answer *answer)
{
    if (answer->at > 0)
        memmove(answer->bytes, answer->bytes + answer->at, answer->size - answer->at);
    answer->size -= answer->at;
    answer->at = answer->part_count = 0;
    answer->depth = 0;
    answer->whole = false;
}

void fl__answer_release(struct fl__answer *answer)
{
    free(answer->bytes);
    free(answer->parts);
    memset(answer, 0, sizeof *answer);
}
