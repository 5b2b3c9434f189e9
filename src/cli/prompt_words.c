/* prompt_words.c - a line as words.
 *
 * Blanks separate words. In "double quotes" \n \r \t \b \a \\ \" and \xHH mean what they do in C; in 'single
 * quotes' only \' does. A closing quote ends its word, so that a blank or the line's end must follow it. A
 * word may hold any byte, zero too. */
#include "client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Room for one more word. */
static bool grow(struct fl__words *words)
{
    if (words->count < words->room)
        return true;
    size_t room = words->room == 0 ? 16 : 2 * words->room;
    struct fl__word *list = realloc(words->list, room * sizeof *list);
    if (list == NULL)
        return false;
    words->list = list;
    words->room = room;
    return true;
}

static int hex_value(char c)
{
    return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* What a backslash in double quotes begins; the bytes it took of the line. */
static size_t unescape(const char *line, char *out)
{
    static const char names[] = "nrtba", values[] = "\n\r\t\b\a";
    if (line[1] == 'x' && isxdigit((unsigned char)line[2]) && isxdigit((unsigned char)line[3])) {
        *out = (char)(hex_value(line[2]) * 16 + hex_value(line[3]));
        return 4;
    }
    const char *found = line[1] == '\0' ? NULL : strchr(names, line[1]);
    *out = found != NULL ? values[found - names] : line[1];
    return line[1] == '\0' ? 1 : 2;
}

/* Reads up to the closing quote; NULL if there is none, or no blank behind it. */
static const char *take_quoted(const char *line, char **out)
{
    char quote = *line++;
    while (*line != quote) {
        if (*line == '\0')
            return NULL;
        if (quote == '"' && *line == '\\')
            line += unescape(line, (*out)++);
        else if (line[0] == '\\' && line[1] == quote)
            *(*out)++ = quote, line += 2;
        else
            *(*out)++ = *line++;
    }
    line++;
    return *line == '\0' || isspace((unsigned char)*line) ? line : NULL;
}

static const char *take_word(const char *line, char **out)
{
    while (*line != '\0' && !isspace((unsigned char)*line)) {
        if (*line == '"' || *line == '\'')
            return take_quoted(line, out);
        *(*out)++ = *line++;
    }
    return line;
}

const char *fl__words_split(struct fl__words *words, const char *line)
{
    memset(words, 0, sizeof *words);
    char *out = words->bytes = malloc(2 * strlen(line) + 1);
    if (out == NULL)
        return "memory is short";
    for (;;) {
        while (isspace((unsigned char)*line))
            line++;
        if (*line == '\0')
            return NULL;
        char *start = out;
        line = take_word(line, &out);
        if (line == NULL)
            return "a quote is not closed, or no blank follows it";
        if (!grow(words))
            return "memory is short";
        words->list[words->count++] = (struct fl__word){.text = start, .size = (size_t)(out - start)};
        *out++ = '\0';
    }
}

bool fl__words_given(struct fl__words *words, char *const *given, unsigned count)
{
    memset(words, 0, sizeof *words);
    for (unsigned i = 0; i < count; i++) {
        if (!grow(words))
            return false;
        words->list[words->count++] = (struct fl__word){.text = given[i], .size = strlen(given[i])};
    }
    return true;
}

void fl__words_release(struct fl__words *words)
{
    free(words->list);
    free(words->bytes);
    memset(words, 0, sizeof *words);
}

bool fl__words_have(const struct fl__words *words, size_t place, const char *text)
{
    return place < words->count && words->list[place].size == strlen(text) &&
           strcasecmp(words->list[place].text, text) == 0;
}

/* Names of settings that hold a password. */
static bool is_secret(const struct fl__words *words, size_t place)
{
    static const char *const names[] = {"auth", "auth2", "setauth", "requirepass", "masterauth"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (fl__words_have(words, place, names[i]))
            return true;
    }
    return false;
}

bool fl__words_secret(const struct fl__words *words)
{
    if (fl__words_have(words, 0, "acl"))
        return true;
    for (size_t i = 0; i < words->count; i++) {
        if (is_secret(words, i))
            return true;
    }
    return false;
}
