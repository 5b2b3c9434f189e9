/* resp.c - requests: cuts calls out of the bytes that a client sent.
 *
 * A request is an array of bulk strings,
 *
 *     *3\r\n $3\r\n SET\r\n $5\r\n hello\r\n $5\r\n world\r\n        (without the blanks)
 *
 * or, if its first byte is not '*', an inline command: a line of words, which may be quoted. Both, and the
 * words of every complaint, are as Redis has them; the last byte of each line's end and the line's end behind
 * a value are not looked at, as there.
 *
 * Between calls the parser keeps offsets only, counted from the first byte of the current request, because
 * the receive buffer may move. Invariants:
 *   Bytes before `position` are understood for good, and no line's end lies in [position, scanned).
 *   in_call: the announced number of arguments is arg_count + args_left, and args_left > 0. has_size says
 *   that a value of value_size bytes begins at position.
 *   Not in_call: position is 0. */
#include "keyspace.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ARG_CAPACITY_MIN 16
#define ARG_CAPACITY_KEPT 1024 /* A client that once sent more does not keep the memory. */
#define SMALL_DIGITS 9         /* A number of so many digits needs no checks for its range. */
#define RESTRICTED_ARGS_MAX 10
#define RESTRICTED_VALUE_MAX 16384

void fl__parser_init(struct fl__parser *parser)
{
    *parser = (struct fl__parser){0};
}

void fl__parser_release(struct fl__parser *parser)
{
    free(parser->args);
    free(parser->offsets);
    fl__parser_init(parser);
}

static enum fl__parsed refuse(struct fl__parser *parser, const char *error)
{
    parser->error = error;
    return FL__PARSED_ERROR;
}

static enum fl__parsed want(struct fl__parser *parser, size_t wanted)
{
    parser->wanted = wanted;
    return FL__PARSED_MORE;
}

static bool grow_args(struct fl__parser *parser)
{
    uint32_t capacity = parser->arg_capacity == 0 ? ARG_CAPACITY_MIN : parser->arg_capacity * 2;
    struct fl__bytes *args = realloc(parser->args, capacity * sizeof *args);
    if (args == NULL)
        return false;
    parser->args = args;
    size_t *offsets = realloc(parser->offsets, capacity * sizeof *offsets);
    if (offsets == NULL)
        return false;
    parser->offsets = offsets;
    parser->arg_capacity = capacity;
    return true;
}

static bool push_arg(struct fl__parser *parser, size_t offset, size_t size)
{
    if (parser->arg_count == parser->arg_capacity && !grow_args(parser))
        return false;
    parser->offsets[parser->arg_count] = offset;
    parser->args[parser->arg_count].size = size;
    parser->arg_count++;
    return true;
}

static void start_request(struct fl__parser *parser)
{
    if (parser->arg_capacity > ARG_CAPACITY_KEPT) {
        free(parser->args);
        free(parser->offsets);
        parser->args = NULL;
        parser->offsets = NULL;
        parser->arg_capacity = 0;
    }
    parser->arg_count = 0;
    parser->total = 0;
}

/* The request ends at `end`. */
static enum fl__parsed finish_request(struct fl__parser *parser, char *data, size_t end, size_t *used)
{
    for (uint32_t k = 0; k < parser->arg_count; k++)
        parser->args[k].data = data + parser->offsets[k];
    parser->in_call = false;
    parser->position = 0;
    parser->scanned = 0;
    *used = end;
    return parser->arg_count > 0 ? FL__PARSED_CALL : FL__PARSED_EMPTY;
}

/* ------------------------------------------------------------------------------------------------- inline */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Reads what follows a backslash within double quotes; moves *at behind it. */
static char read_escape(const char *line, size_t size, size_t *at)
{
    size_t k = *at;
    if (line[k] == 'x' && k + 2 < size && hex_digit(line[k + 1]) >= 0 && hex_digit(line[k + 2]) >= 0) {
        *at = k + 3;
        return (char)(hex_digit(line[k + 1]) * 16 + hex_digit(line[k + 2]));
    }
    *at = k + 1;
    switch (line[k]) {
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    case 'b':
        return '\b';
    case 'a':
        return '\a';
    default:
        return line[k];
    }
}

/* Unescapes in place the quoted part whose opening quote is before *at; moves *at behind the closing one, and
 * *out by what was written. False: it does not end, or not where a word may end. */
static bool read_quoted(char *line, size_t size, size_t *at, size_t *out, char quote)
{
    size_t k = *at;
    while (k < size && line[k] != quote) {
        char c = line[k++];
        if (c == '\\' && quote == '"' && k < size)
            c = read_escape(line, size, &k);
        else if (c == '\\' && quote == '\'' && k < size && line[k] == '\'')
            c = line[k++];
        line[(*out)++] = c;
    }
    if (k == size)
        return false;
    *at = k + 1;
    return *at == size || is_blank(line[*at]);
}

/* Reads the word at *at, in place: it never becomes longer. */
static bool read_word(char *line, size_t size, size_t *at, size_t *word_size)
{
    size_t out = *at, start = *at;
    while (*at < size && !is_blank(line[*at])) {
        char c = line[(*at)++];
        if (c != '"' && c != '\'') {
            line[out++] = c;
            continue;
        }
        if (!read_quoted(line, size, at, &out, c))
            return false;
        break;
    }
    *word_size = out - start;
    return true;
}

static enum fl__parsed split_line(struct fl__parser *parser, char *line, size_t size)
{
    for (size_t at = 0;;) {
        while (at < size && is_blank(line[at]))
            at++;
        if (at == size)
            return FL__PARSED_CALL;
        size_t start = at, word_size;
        if (!read_word(line, size, &at, &word_size))
            return refuse(parser, "ERR Protocol error: unbalanced quotes in request");
        if (!push_arg(parser, start, word_size))
            return refuse(parser, "ERR out of memory for the arguments of a command");
    }
}

static enum fl__parsed parse_inline(struct fl__parser *parser, char *data, size_t size, size_t *used)
{
    size_t searched = size < FL__INLINE_SIZE_MAX ? size : FL__INLINE_SIZE_MAX;
    char *end = memchr(data + parser->scanned, '\n', searched - parser->scanned);
    if (end == NULL) {
        if (searched == FL__INLINE_SIZE_MAX)
            return refuse(parser, "ERR Protocol error: too big inline request");
        parser->scanned = searched;
        return want(parser, size + 1);
    }
    size_t line_size = (size_t)(end - data);
    if (line_size > 0 && data[line_size - 1] == '\r')
        line_size--;
    enum fl__parsed parsed = split_line(parser, data, line_size);
    return parsed == FL__PARSED_CALL ? finish_request(parser, data, (size_t)(end - data) + 1, used) : parsed;
}

/* ------------------------------------------------------------------------------------------------- arrays */

/* The same as read_number(), for the lines that there are nearly always: whole, and a small number. False: it
 * is another, and nothing happened. */
static inline bool read_small_number(struct fl__parser *parser, const char *data, size_t size,
                                     int64_t *number)
{
    const char *digits = data + parser->position + 1;
    size_t left = size - parser->position - 1;
    size_t count = 0;
    int64_t value = 0;
    while (count < left && count < SMALL_DIGITS && digits[count] >= '0' && digits[count] <= '9')
        value = value * 10 + (digits[count++] - '0');
    if (count == 0 || count + 1 >= left || digits[count] != '\r' || (digits[0] == '0' && count > 1))
        return false;
    parser->position += count + 3;
    *number = value;
    return true;
}

/* Reads the number on the line at `position`, behind its type's byte, and moves position behind the line.
 * MORE: the line is not whole. ERROR: it is longer than any line may be; *valid is false if it is whole but
 * no number. */
static enum fl__parsed read_number(struct fl__parser *parser, const char *data, size_t size, int64_t *number,
                                   bool *valid)
{
    if (read_small_number(parser, data, size, number)) {
        *valid = true;
        return FL__PARSED_CALL;
    }
    size_t start = parser->position;
    size_t from = parser->scanned > start ? parser->scanned : start;
    size_t searched = size - start < FL__INLINE_SIZE_MAX ? size : start + FL__INLINE_SIZE_MAX;
    const char *end = memchr(data + from, '\r', searched - from);
    if (end == NULL && searched == start + FL__INLINE_SIZE_MAX)
        return FL__PARSED_ERROR;
    if (end == NULL || (size_t)(end - data) + 1 == size) {
        parser->scanned = end == NULL ? searched : (size_t)(end - data);
        return want(parser, size + 1);
    }
    struct fl__bytes text = {data + start + 1, (size_t)(end - data) - start - 1};
    *valid = fl__number_parse(text, number);
    parser->position = (size_t)(end - data) + 2;
    return FL__PARSED_CALL;
}

static enum fl__parsed parse_count(struct fl__parser *parser, const char *data, size_t size, size_t *used)
{
    int64_t count = 0;
    bool valid = false;
    enum fl__parsed parsed = read_number(parser, data, size, &count, &valid);
    if (parsed == FL__PARSED_ERROR)
        return refuse(parser, "ERR Protocol error: too big mbulk count string");
    if (parsed == FL__PARSED_MORE)
        return parsed;
    if (!valid || count > FL__ARGS_MAX)
        return refuse(parser, "ERR Protocol error: invalid multibulk length");
    if (parser->restricted && count > RESTRICTED_ARGS_MAX)
        return refuse(parser, "ERR Protocol error: unauthenticated multibulk length");
    if (count <= 0)
        return finish_request(parser, NULL, parser->position, used);
    parser->args_left = (uint32_t)count;
    parser->in_call = true;
    return FL__PARSED_CALL;
}

/* Reads the size of the value that comes next. */
static enum fl__parsed parse_size(struct fl__parser *parser, const char *data, size_t size)
{
    if (parser->position == size)
        return want(parser, size + 1);
    if (data[parser->position] != '$') {
        snprintf(parser->error_text, sizeof parser->error_text, "ERR Protocol error: expected '$', got '%c'",
                 data[parser->position]);
        return refuse(parser, parser->error_text);
    }
    int64_t value_size = 0;
    bool valid = false;
    enum fl__parsed parsed = read_number(parser, data, size, &value_size, &valid);
    if (parsed == FL__PARSED_ERROR)
        return refuse(parser, "ERR Protocol error: too big bulk count string");
    if (parsed == FL__PARSED_MORE)
        return parsed;
    if (!valid || value_size < 0 || value_size > FL__VALUE_SIZE_MAX)
        return refuse(parser, "ERR Protocol error: invalid bulk length");
    if (parser->restricted && value_size > RESTRICTED_VALUE_MAX)
        return refuse(parser, "ERR Protocol error: unauthenticated bulk length");
    parser->total += (size_t)value_size;
    if (parser->total > FL__CALL_SIZE_MAX)
        return refuse(parser, "ERR Protocol error: the arguments of one command exceed 65 MiB");
    parser->value_size = (size_t)value_size;
    parser->has_size = true;
    return FL__PARSED_CALL;
}

static enum fl__parsed parse_values(struct fl__parser *parser, char *data, size_t size, size_t *used)
{
    while (parser->args_left > 0) {
        if (!parser->has_size) {
            enum fl__parsed parsed = parse_size(parser, data, size);
            if (parsed != FL__PARSED_CALL)
                return parsed;
        }
        if (size - parser->position < parser->value_size + 2)
            return want(parser, parser->position + parser->value_size + 2);
        if (!push_arg(parser, parser->position, parser->value_size))
            return refuse(parser, "ERR out of memory for the arguments of a command");
        parser->position += parser->value_size + 2;
        parser->has_size = false;
        parser->args_left--;
    }
    return finish_request(parser, data, parser->position, used);
}

enum fl__parsed fl__parser_next(struct fl__parser *parser, char *data, size_t size, size_t *used)
{
    if (parser->in_call)
        return parse_values(parser, data, size, used);
    start_request(parser);
    if (size == 0)
        return want(parser, 1);
    if (data[0] != '*')
        return parse_inline(parser, data, size, used);
    enum fl__parsed parsed = parse_count(parser, data, size, used);
    return parsed == FL__PARSED_CALL ? parse_values(parser, data, size, used) : parsed;
}
