/* text.c - words and numbers without a C library. */
#include "scenario_internal.h"

struct writer {
    char *out;
    size_t size, length;
};

static void put(struct writer *writer, const char *text, size_t length)
{
    for (size_t k = 0; k < length && writer->length + 1 < writer->size; k++)
        writer->out[writer->length++] = text[k];
}

static size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static void put_number(struct writer *writer, uint64_t number)
{
    char digits[20];
    size_t count = 0;
    do {
        digits[sizeof digits - ++count] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    put(writer, digits + sizeof digits - count, count);
}

static void put_name(struct writer *writer, const struct fl_world *world, uint32_t node)
{
    if (world && node < world->count)
        put(writer, world->nodes[node].name, length_of(world->nodes[node].name));
    else
        put_number(writer, node);
}

static void put_fact(struct writer *writer, const struct fl_world *world, struct fl__word name,
                     const struct fl__facts *facts)
{
    if (fl__word_is(name, "node"))
        put_name(writer, world, facts->node);
    else if (fl__word_is(name, "peer"))
        put_name(writer, world, facts->peer);
    else if (fl__word_is(name, "term"))
        put_number(writer, facts->term);
    else if (fl__word_is(name, "index"))
        put_number(writer, facts->index);
    else if (fl__word_is(name, "other"))
        put_number(writer, facts->other);
    else if (fl__word_is(name, "word"))
        put(writer, facts->word.start, facts->word.length);
}

void fl__text_fill(char *out, size_t size, const struct fl_world *world, const char *sentence,
                   const struct fl__facts *facts)
{
    struct writer writer = {.out = out, .size = size};
    for (const char *at = sentence; *at; at++) {
        if (*at != '{') {
            put(&writer, at, 1);
            continue;
        }
        struct fl__word name = {.start = at + 1};
        while (name.start[name.length] && name.start[name.length] != '}')
            name.length++;
        put_fact(&writer, world, name, facts);
        at = name.start + name.length;
        if (!*at)
            break;
    }
    out[writer.length] = '\0';
}

bool fl__word_is(struct fl__word word, const char *text)
{
    for (size_t k = 0; k < word.length; k++)
        if (text[k] == '\0' || text[k] != word.start[k])
            return false;
    return text[word.length] == '\0';
}

bool fl__word_same(struct fl__word a, struct fl__word b)
{
    if (a.length != b.length)
        return false;
    for (size_t k = 0; k < a.length; k++)
        if (a.start[k] != b.start[k])
            return false;
    return true;
}

bool fl__word_number(struct fl__word word, uint64_t *out)
{
    uint64_t number = 0;
    if (word.length == 0 || word.length > 18)
        return false;
    for (size_t k = 0; k < word.length; k++) {
        if (word.start[k] < '0' || word.start[k] > '9')
            return false;
        number = number * 10 + (uint64_t)(word.start[k] - '0');
    }
    *out = number;
    return true;
}

bool fl__word_duration(struct fl__word word, fl_time_us *out)
{
    size_t digits = 0;
    while (digits < word.length && word.start[digits] >= '0' && word.start[digits] <= '9')
        digits++;
    struct fl__word unit = {.start = word.start + digits, .length = word.length - digits};
    uint64_t number;
    if (digits > 9 || !fl__word_number((struct fl__word){.start = word.start, .length = digits}, &number))
        return false;
    uint64_t scale = fl__word_is(unit, "us")   ? 1
                     : fl__word_is(unit, "ms") ? 1000
                     : fl__word_is(unit, "s")  ? 1000000
                                               : 0;
    *out = number * scale;
    return scale != 0;
}

bool fl__word_terms(struct fl__word word, uint64_t *term, uint64_t *count)
{
    struct fl__word left = {.start = word.start};
    while (left.length < word.length && left.start[left.length] != 'x')
        left.length++;
    *count = 1;
    if (!fl__word_number(left, term) || *term == 0)
        return false;
    if (left.length == word.length)
        return true;
    struct fl__word right = {.start = left.start + left.length + 1, .length = word.length - left.length - 1};
    return fl__word_number(right, count) && *count > 0 && *count <= 1000000;
}
