/* prompt_print.c - prints answers: for people as redis-cli does, raw for scripts, or as one line of JSON.
 *
 *     1) "a"                     1# "name" => "get"
 *     2) 1) (integer) 1          2# "flags" =>
 *        2) (nil)                   1~ readonly
 *
 * Parts come in a list, each container before what is in it; the stack of open containers is an array. */
#include "client.h"

#include <cjson/cJSON.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* A container that is being printed. */
struct open {
    char kind;
    uint64_t left, number; /* Parts still to come, those before. */
    unsigned width, indent;
};

struct printer {
    const struct fl__answer *answer;
    FILE *out;
    bool colours;
    struct open stack[FL__ANSWER_DEPTH];
    unsigned depth;
};

static struct open *top_of(struct printer *printer)
{
    return printer->depth > 0 ? &printer->stack[printer->depth - 1] : NULL;
}

static unsigned digits_of(uint64_t number)
{
    unsigned digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

static void open_container(struct printer *printer, const struct fl__part *part)
{
    const struct open *above = top_of(printer);
    printer->stack[printer->depth++] = (struct open){
        .kind = part->kind,
        .left = fl__part_children(part),
        .width = digits_of(part->count),
        .indent = above == NULL ? 0 : above->indent + above->width + 2,
    };
}

static bool is_key(const struct open *open)
{
    return open != NULL && open->kind == '%' && open->number % 2 == 0;
}

/* --------------------------------------------------------------------------------------------------- text */

static void print_quoted(const char *text, size_t size, FILE *out)
{
    static const char names[] = "nrtba\\\"", values[] = "\n\r\t\b\a\\\"";
    fputc('"', out);
    for (size_t i = 0; i < size; i++) {
        const char *found = memchr(values, text[i], sizeof values - 1);
        if (found != NULL)
            fprintf(out, "\\%c", names[found - values]);
        else if (isprint((unsigned char)text[i]))
            fputc(text[i], out);
        else
            fprintf(out, "\\x%02x", (unsigned char)text[i]);
    }
    fputc('"', out);
}

static void print_scalar(const struct printer *printer, const struct fl__part *part)
{
    const char *text = fl__part_text(printer->answer, part);
    FILE *out = printer->out;
    int size = (int)part->size;
    switch (part->kind) {
    case '$':
        print_quoted(text, part->size, out);
        return;
    case ':':
    case '(':
        fprintf(out, "(integer) %.*s", size, text);
        return;
    case ',':
        fprintf(out, "(double) %.*s", size, text);
        return;
    case '-':
        fprintf(out, "%s(error) %.*s%s", fl__colour(printer->colours, FL__RED), size, text,
                fl__colour(printer->colours, FL__PLAIN));
        return;
    case '_':
        fputs("(nil)", out);
        return;
    case '#':
        fputs(text[0] == 't' ? "(true)" : "(false)", out);
        return;
    case '%':
        fputs("(empty hash)", out);
        return;
    case '~':
        fputs("(empty set)", out);
        return;
    case '*':
    case '>':
        fputs("(empty array)", out);
        return;
    default:
        fwrite(text, 1, part->size, out);
    }
}

/* What stands before a part: its number, or the arrow between a key and its value. */
static void print_label(const struct printer *printer, const struct open *open, bool container)
{
    if (open == NULL)
        return;
    if (open->kind == '%' && open->number % 2 == 1) {
        if (container)
            fprintf(printer->out, " =>\n%*s", (int)(open->indent + open->width + 2), "");
        else
            fputs(" => ", printer->out);
        return;
    }
    uint64_t number = open->kind == '%' ? open->number / 2 : open->number;
    char mark = open->kind == '%' ? '#' : open->kind == '~' ? '~' : ')';
    if (open->number > 0)
        fprintf(printer->out, "%*s", (int)open->indent, "");
    fprintf(printer->out, "%s%*llu%c%s ", fl__colour(printer->colours, FL__DIM), (int)open->width,
            (unsigned long long)number + 1, mark, fl__colour(printer->colours, FL__PLAIN));
}

/* A part is done: so may be the containers that it was the last one of. */
static void close_containers(struct printer *printer)
{
    for (struct open *open; (open = top_of(printer)) != NULL; printer->depth--) {
        open->number++;
        if (--open->left > 0)
            return;
    }
}

static void print_text(struct printer *printer)
{
    const struct fl__answer *answer = printer->answer;
    for (size_t i = 0; i < answer->part_count; i++) {
        const struct fl__part *part = &answer->parts[i];
        const struct open *open = top_of(printer);
        bool container = fl__part_children(part) > 0, key = is_key(open);
        print_label(printer, open, container);
        if (container) {
            open_container(printer, part);
            continue;
        }
        print_scalar(printer, part);
        if (!key)
            fputc('\n', printer->out);
        close_containers(printer);
    }
}

/* ---------------------------------------------------------------------------------------------------- raw */

static void print_raw(const struct printer *printer)
{
    for (size_t i = 0; i < printer->answer->part_count; i++) {
        const struct fl__part *part = &printer->answer->parts[i];
        if (fl__part_children(part) > 0)
            continue;
        if (part->kind == '#')
            fputs(fl__part_text(printer->answer, part)[0] == 't' ? "true" : "false", printer->out);
        else if (strchr("_*%~>", part->kind) == NULL)
            fwrite(fl__part_text(printer->answer, part), 1, part->size, printer->out);
        fputc('\n', printer->out);
    }
}

/* --------------------------------------------------------------------------------------------------- JSON */

/* The length of the UTF-8 character that the bytes begin with; 0 if they do not begin with one. */
static size_t character_size(const unsigned char *bytes, size_t size)
{
    static const unsigned char heads[] = {0xc2, 0xe0, 0xf0, 0xf5};
    size_t length = bytes[0] < 0x80 ? 1 : 0;
    for (size_t k = 0; k < 3 && length == 0; k++) {
        if (bytes[0] >= heads[k] && bytes[0] < heads[k + 1])
            length = k + 2;
    }
    if (length == 0 || length > size)
        return 0;
    for (size_t i = 1; i < length; i++) {
        if ((bytes[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (bytes[0] == 0xe0 && bytes[1] < 0xa0) || (bytes[0] == 0xf0 && bytes[1] < 0x90);
    bool outside = (bytes[0] == 0xed && bytes[1] > 0x9f) || (bytes[0] == 0xf4 && bytes[1] > 0x8f);
    return overlong || outside ? 0 : length;
}

/* A byte that is no UTF-8 becomes half of a surrogate pair, U+DC80 to U+DCFF, which no text holds: it cannot
 * be taken for another value, and Python's "surrogateescape" makes it the byte again. */
static void print_json_string(const char *text, size_t size, FILE *out)
{
    const unsigned char *bytes = (const unsigned char *)text;
    fputc('"', out);
    for (size_t i = 0; i < size;) {
        size_t length = character_size(bytes + i, size - i);
        if (length == 0 || bytes[i] < ' ' || bytes[i] == 0x7f) {
            fprintf(out, "\\u%04x", bytes[i] < 0x80 ? bytes[i] : 0xdc00u + bytes[i]);
            i++;
            continue;
        }
        if (bytes[i] == '"' || bytes[i] == '\\')
            fputc('\\', out);
        fwrite(bytes + i, 1, length, out);
        i += length;
    }
    fputc('"', out);
}

/* Numbers that JSON cannot say (inf, nan) become strings. */
static bool is_json_number(const struct fl__part *part, const char *text)
{
    return (part->kind == ':' || part->kind == ',' || part->kind == '(') && part->size > 0 &&
           isdigit((unsigned char)text[part->size - 1]);
}

static void print_json_scalar(const struct printer *printer, const struct fl__part *part, bool key)
{
    const char *text = fl__part_text(printer->answer, part);
    FILE *out = printer->out;
    if (part->kind == '-' && !key) {
        fputs("{\"error\":", out);
        print_json_string(text, part->size, out);
        fputc('}', out);
    } else if (part->kind == '_' && !key) {
        fputs("null", out);
    } else if (part->kind == '#' && !key) {
        fputs(text[0] == 't' ? "true" : "false", out);
    } else if (!key && is_json_number(part, text)) {
        fwrite(text, 1, part->size, out);
    } else if (fl__part_children(part) == 0 && strchr("*%~>", part->kind) != NULL) {
        fputs(part->kind == '%' ? "{}" : "[]", out);
    } else {
        print_json_string(text, part->size, out);
    }
}

static void print_json(struct printer *printer)
{
    const struct fl__answer *answer = printer->answer;
    for (size_t i = 0; i < answer->part_count; i++) {
        const struct fl__part *part = &answer->parts[i];
        const struct open *open = top_of(printer);
        bool key = is_key(open);
        if (open != NULL && open->number > 0)
            fputc(open->kind == '%' && !key ? ':' : ',', printer->out);
        if (fl__part_children(part) > 0) {
            fputc(part->kind == '%' ? '{' : '[', printer->out);
            open_container(printer, part);
            continue;
        }
        print_json_scalar(printer, part, key);
        for (struct open *above; (above = top_of(printer)) != NULL; printer->depth--) {
            above->number++;
            if (--above->left > 0)
                break;
            fputc(above->kind == '%' ? '}' : ']', printer->out);
        }
    }
    fputc('\n', printer->out);
}

/* ---------------------------------------------------------------------------------------------------- all */

/* Objects that FAIRLEAD ... answers are for people too: a line for each member, its name in bold. */
static bool print_object(const struct printer *printer)
{
    const struct fl__part *part = printer->answer->parts;
    if (printer->answer->part_count != 1 || part->kind != '$' || part->size == 0)
        return false;
    const char *text = fl__part_text(printer->answer, part);
    cJSON *json = text[0] == '{' || text[0] == '[' ? cJSON_ParseWithLength(text, part->size) : NULL;
    char *lines = json == NULL ? NULL : cJSON_Print(json);
    cJSON_Delete(json);
    for (const char *line = lines; line != NULL && *line != '\0';) {
        size_t size = strcspn(line, "\n"), indent = strspn(line, "\t");
        const char *colon = line[indent] == '"' ? strstr(line + indent + 1, "\":") : NULL;
        size_t name = colon != NULL && colon < line + size ? (size_t)(colon - line) + 1 - indent : 0;
        fprintf(printer->out, "%*s%s%.*s%s", (int)(2 * indent), "",
                name > 0 ? fl__colour(printer->colours, FL__BOLD) : "", (int)name, line + indent,
                name > 0 ? fl__colour(printer->colours, FL__PLAIN) : "");
        for (size_t i = indent + name; i < size; i++)
            fputc(line[i] == '\t' ? ' ' : line[i], printer->out);
        fputc('\n', printer->out);
        line += size + (line[size] == '\n');
    }
    free(lines);
    return lines != NULL;
}

void fl__answer_print(const struct fl__answer *answer, enum fl__style style, bool colours, FILE *out)
{
    struct printer printer = {.answer = answer, .out = out, .colours = colours};
    if (style == FL__STYLE_JSON)
        print_json(&printer);
    else if (style == FL__STYLE_RAW)
        print_raw(&printer);
    else if (style != FL__STYLE_OBJECT || !print_object(&printer))
        print_text(&printer);
}
