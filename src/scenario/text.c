/* text.c - words and numbers without a C library. */
#include "scenario_internal.h"

struct writer {
    char *out;
    size_t size, length;
};

/* A zero byte would end the text for those who read it. */
static void put(struct writer *writer, const char *text, size_t length)
{
    for (size_t k = 0; k < length && writer->length + 1 < writer->size; k++)
        writer->out[writer->length++] = text[k] == '\0' ? '?' : text[k];
}

static void put_word(struct writer *writer, struct fl_word word)
{
    put(writer, word.start, word.length);
}

static void put_number(struct writer *writer, uint64_t number)
{
    char digits[FL_DIGITS_MAX];
    put_word(writer, fl_word_of_number(number, digits));
}

static void put_name(struct writer *writer, const struct fl_world *world, uint32_t node)
{
    if (world && node < world->count)
        put_word(writer, fl_word_of(world->nodes[node].name));
    else
        put_number(writer, node);
}

static void put_fact(struct writer *writer, const struct fl_world *world, struct fl_word name,
                     const struct fl__facts *facts)
{
    if (fl_word_is(name, "node"))
        put_name(writer, world, facts->node);
    else if (fl_word_is(name, "peer"))
        put_name(writer, world, facts->peer);
    else if (fl_word_is(name, "term"))
        put_number(writer, facts->term);
    else if (fl_word_is(name, "index"))
        put_number(writer, facts->index);
    else if (fl_word_is(name, "other"))
        put_number(writer, facts->other);
    else if (fl_word_is(name, "word"))
        put_word(writer, facts->word);
}

/* Where the text was cut within a character of UTF-8, the character goes. */
static void drop_half_character(struct writer *writer)
{
    size_t lead = writer->length, follow = 0;
    while (lead > 0 && follow < 4 && ((unsigned char)writer->out[lead - 1] & 0xc0) == 0x80) {
        lead--;
        follow++;
    }
    unsigned char first = lead > 0 ? (unsigned char)writer->out[lead - 1] : 0;
    size_t wanted = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : 0;
    if (follow < wanted)
        writer->length = lead - 1;
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
        struct fl_word name = {.start = at + 1};
        while (name.start[name.length] && name.start[name.length] != '}')
            name.length++;
        put_fact(&writer, world, name, facts);
        at = name.start + name.length;
        if (!*at)
            break;
    }
    if (writer.length + 1 == size)
        drop_half_character(&writer);
    out[writer.length] = '\0';
}

struct fl_word fl_word_of(const char *text)
{
    struct fl_word word = {.start = text};
    while (text[word.length])
        word.length++;
    return word;
}

struct fl_word fl_word_of_number(uint64_t number, char digits[FL_DIGITS_MAX])
{
    struct fl_word word = {.start = digits + FL_DIGITS_MAX};
    do {
        digits[FL_DIGITS_MAX - ++word.length] = (char)('0' + number % 10);
        word.start--;
        number /= 10;
    } while (number > 0);
    return word;
}

bool fl_word_is(struct fl_word word, const char *text)
{
    for (size_t k = 0; k < word.length; k++)
        if (text[k] == '\0' || text[k] != word.start[k])
            return false;
    return text[word.length] == '\0';
}

bool fl_word_same(struct fl_word a, struct fl_word b)
{
    if (a.length != b.length)
        return false;
    for (size_t k = 0; k < a.length; k++)
        if (a.start[k] != b.start[k])
            return false;
    return true;
}

bool fl__word_number(struct fl_word word, uint64_t *out)
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

bool fl_word_duration(struct fl_word word, fl_time_us *out)
{
    size_t digits = 0;
    while (digits < word.length && word.start[digits] >= '0' && word.start[digits] <= '9')
        digits++;
    struct fl_word unit = {.start = word.start + digits, .length = word.length - digits};
    uint64_t number;
    if (digits > 9 || !fl__word_number((struct fl_word){.start = word.start, .length = digits}, &number))
        return false;
    uint64_t scale = fl_word_is(unit, "us")   ? 1
                     : fl_word_is(unit, "ms") ? 1000
                     : fl_word_is(unit, "s")  ? 1000000
                                              : 0;
    *out = number * scale;
    return scale != 0;
}

bool fl__word_terms(struct fl_word word, uint64_t *term, uint64_t *count)
{
    struct fl_word left = {.start = word.start};
    while (left.length < word.length && left.start[left.length] != 'x')
        left.length++;
    *count = 1;
    if (!fl__word_number(left, term) || *term == 0)
        return false;
    if (left.length == word.length)
        return true;
    struct fl_word right = {.start = left.start + left.length + 1, .length = word.length - left.length - 1};
    return fl__word_number(right, count) && *count > 0 && *count <= 1000000;
}
