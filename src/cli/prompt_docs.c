/* prompt_docs.c - what the server tells of its commands: completion, hints and help.
 *
 * All of it comes from one COMMAND DOCS, asked when it is first needed, over a connection of its own, so that
 * a transaction or a subscription on the other one is not disturbed. Without an answer there is no completion
 * and no help, and nothing else is different. */
#include "client.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LOAD_TIME (1000 * 1000ull)
#define NAME_ROOM 64
#define ARGUMENTS_DEPTH 8
#define NAMES_MAX 512

static bool load(struct fl__docs *docs)
{
    struct fl__word list[] = {{.text = "COMMAND", .size = 7}, {.text = "DOCS", .size = 4}};
    struct fl__words words = {.list = list, .count = 2};
    fl_time_us until = fl__now() + LOAD_TIME;
    if (!docs->asked) {
        docs->asked = true;
        docs->talk.interrupts = docs->link->talk.interrupts;
        docs->loaded = fl__talk_begin(&docs->talk, &docs->link->asker, docs->link->address, until) &&
                       fl__talk_send(&docs->talk, &words, until) == FL__HEARD_ANSWER &&
                       fl__talk_hear(&docs->talk, until) == FL__HEARD_ANSWER &&
                       fl__part_children(&docs->talk.answer.parts[0]) > 0;
    }
    return docs->loaded;
}

void fl__docs_forget(struct fl__docs *docs)
{
    fl__talk_close(&docs->talk);
    docs->asked = docs->loaded = false;
}

/* ----------------------------------------------------------------------------------------------- commands */

/* The name of a command or subcommand without that of its group, in capitals. */
static void name_at(const struct fl__answer *answer, size_t key, char out[NAME_ROOM])
{
    const struct fl__part *part = &answer->parts[key];
    const char *text = fl__part_text(answer, part), *bar = memchr(text, '|', part->size);
    size_t skip = bar == NULL ? 0 : (size_t)(bar - text) + 1, size = part->size - skip;
    size = size < NAME_ROOM - 1 ? size : NAME_ROOM - 1;
    for (size_t i = 0; i < size; i++)
        out[i] = (char)toupper((unsigned char)text[skip + i]);
    out[size] = '\0';
}

/* In a map from names to docs, the docs of the one that the word names; part_count if there is none. */
static size_t find_name(const struct fl__answer *answer, size_t map, const struct fl__word *word)
{
    char name[NAME_ROOM];
    size_t end = map < answer->part_count ? fl__part_after(answer, map) : 0;
    for (size_t key = map + 1; key < end; key = fl__part_after(answer, fl__part_after(answer, key))) {
        name_at(answer, key, name);
        if (strlen(name) == word->size && strncasecmp(name, word->text, word->size) == 0)
            return key + 1;
    }
    return answer->part_count;
}

/* The docs of the command that the words begin with, and how many words its name has; 0 if it is none. */
static size_t find_command(const struct fl__answer *answer, const struct fl__words *words, size_t *used)
{
    *used = 0;
    size_t docs = words->count == 0 ? answer->part_count : find_name(answer, 0, &words->list[0]);
    if (docs >= answer->part_count)
        return answer->part_count;
    *used = 1;
    size_t subs = fl__part_named(answer, docs, "subcommands");
    size_t sub = words->count < 2 ? answer->part_count : find_name(answer, subs, &words->list[1]);
    if (sub >= answer->part_count)
        return docs;
    *used = 2;
    return sub;
}

/* ---------------------------------------------------------------------------------------------- arguments */

struct text {
    char *out;
    size_t used, room;
};

__attribute__((format(printf, 2, 3))) static void add(struct text *text, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text->out + text->used, text->room - text->used, format, arguments);
    va_end(arguments);
    text->used += size > 0 ? (size_t)size : 0;
    if (text->used >= text->room)
        text->used = text->room - 1;
}

/* A list of arguments that is being written. */
struct list {
    size_t next;
    uint64_t left;
    const char *between, *end;
};

static bool has_flag(const struct fl__answer *answer, size_t argument, const char *flag)
{
    size_t flags = fl__part_named(answer, argument, "flags");
    if (flags >= answer->part_count)
        return false;
    for (size_t k = flags + 1; k < fl__part_after(answer, flags); k++) {
        if (fl__part_is(answer, k, flag))
            return true;
    }
    return false;
}

static void add_part(struct text *text, const struct fl__answer *answer, size_t place, const char *behind)
{
    if (place < answer->part_count)
        add(text, "%.*s%s", (int)answer->parts[place].size, fl__part_text(answer, &answer->parts[place]),
            behind);
}

/* Writes one argument. If it has arguments of its own, only what stands before them; then true, with what
 * stands behind in `inner`. */
static bool add_argument(struct text *text, const struct fl__answer *answer, size_t place, struct list *inner)
{
    size_t token = fl__part_named(answer, place, "token"), type = fl__part_named(answer, place, "type");
    size_t children = fl__part_named(answer, place, "arguments");
    bool optional = has_flag(answer, place, "optional"), multiple = has_flag(answer, place, "multiple");
    bool pure = fl__part_is(answer, type, "pure-token"), choice = fl__part_is(answer, type, "oneof");
    size_t name = fl__part_named(answer, place, "display_text");
    if (name >= answer->part_count)
        name = fl__part_named(answer, place, "name");
    add(text, "%s", optional ? "[" : "");
    add_part(text, answer, token, pure ? "" : " ");
    if (children < answer->part_count) {
        add(text, "%s", choice && !optional ? "<" : "");
        *inner = (struct list){
            .next = children + 1,
            .left = answer->parts[children].count,
            .between = choice ? " | " : " ",
            .end = choice && !optional ? (multiple ? "> ..." : ">")
                   : optional          ? (multiple ? " ...]" : "]")
                                       : (multiple ? " ..." : ""),
        };
        return inner->left > 0;
    }
    if (!pure)
        add_part(text, answer, name, "");
    add(text, "%s%s", multiple ? " ..." : "", optional ? "]" : "");
    return false;
}

/* Writes the arguments of a command: "key value [NX | XX] ...". */
static void write_arguments(const struct fl__answer *answer, size_t docs, struct text *text)
{
    struct list lists[ARGUMENTS_DEPTH] = {{.between = " ", .end = ""}};
    size_t arguments = fl__part_named(answer, docs, "arguments");
    unsigned depth = 1;
    text->out[0] = '\0';
    if (arguments >= answer->part_count)
        return;
    lists[0].next = arguments + 1;
    lists[0].left = answer->parts[arguments].count;
    for (bool first = true; depth > 0;) {
        struct list *list = &lists[depth - 1];
        if (list->left == 0) {
            add(text, "%s", list->end);
            depth--;
            continue;
        }
        size_t place = list->next;
        add(text, "%s", first ? "" : list->between);
        list->next = fl__part_after(answer, place);
        list->left--;
        first = add_argument(text, answer, place, &lists[depth < ARGUMENTS_DEPTH ? depth : depth - 1]) &&
                depth < ARGUMENTS_DEPTH;
        depth += first;
    }
}

/* -------------------------------------------------------------------------------- completion, hints, help */

void fl__docs_hint(struct fl__docs *docs, const char *line, char *out, size_t size)
{
    struct fl__words words;
    size_t used;
    out[0] = '\0';
    const char *problem = fl__words_split(&words, line);
    if (problem == NULL && words.count > 0 && line[strlen(line) - 1] == ' ' && load(docs)) {
        const struct fl__answer *answer = &docs->talk.answer;
        size_t command = find_command(answer, &words, &used);
        /* Once arguments are there, what is still to come cannot be told from outside. */
        if (command < answer->part_count && words.count == used)
            write_arguments(answer, command, &(struct text){.out = out, .room = size});
    }
    fl__words_release(&words);
}

/* Which map of names the last word of the line is in; part_count if in none. */
static size_t names_for(const struct fl__answer *answer, const struct fl__words *words, size_t complete)
{
    if (complete == 0)
        return 0;
    size_t docs = complete == 1 ? find_name(answer, 0, &words->list[0]) : answer->part_count;
    return docs < answer->part_count ? fl__part_named(answer, docs, "subcommands") : answer->part_count;
}

/* Shortens `common` to what it shares with a name. */
static void keep_common(char *common, const char *name)
{
    size_t k = 0;
    while (common[k] != '\0' && common[k] == name[k])
        k++;
    common[k] = '\0';
}

static int compare_names(const void *one, const void *other)
{
    return strcmp(one, other);
}

static void match_names(const struct fl__answer *answer, size_t map, const struct fl__word *begun,
                        struct fl__completion *out)
{
    char names[NAMES_MAX][NAME_ROOM], *name, common[NAME_ROOM] = "";
    struct text text = {.out = out->names, .room = sizeof out->names};
    size_t end = map < answer->part_count ? fl__part_after(answer, map) : 0;
    for (size_t key = map + 1; key < end; key = fl__part_after(answer, fl__part_after(answer, key))) {
        name = names[out->count];
        name_at(answer, key, name);
        if (strncasecmp(name, begun->text, begun->size) != 0 || out->count == NAMES_MAX - 1)
            continue;
        if (out->count++ == 0)
            memcpy(common, name, sizeof common);
        else
            keep_common(common, name);
    }
    qsort(names, out->count, sizeof names[0], compare_names);
    for (unsigned i = 0; i < out->count; i++)
        add(&text, "%s%s", i == 0 ? "" : "  ", names[i]);
    bool small = begun->size > 0 && islower((unsigned char)begun->text[begun->size - 1]);
    for (char *c = common; *c != '\0' && small; c++)
        *c = (char)tolower((unsigned char)*c);
    if (out->count > 0)
        snprintf(out->insert, sizeof out->insert, "%s%s", common + begun->size, out->count == 1 ? " " : "");
}

void fl__docs_complete(struct fl__docs *docs, const char *line, struct fl__completion *out)
{
    struct fl__words words;
    memset(out, 0, sizeof *out);
    const char *problem = fl__words_split(&words, line);
    if (problem == NULL && load(docs)) {
        bool between = line[0] == '\0' || line[strlen(line) - 1] == ' ';
        size_t first =
            fl__words_have(&words, 0, "help") && (words.count > 1 || between); /* What help is about. */
        struct fl__words rest = {.list = words.list + first, .count = words.count - first};
        size_t complete = rest.count - (between || rest.count == 0 ? 0 : 1);
        struct fl__word begun = complete < rest.count ? rest.list[complete] : (struct fl__word){.text = ""};
        match_names(&docs->talk.answer, names_for(&docs->talk.answer, &rest, complete), &begun, out);
    }
    fl__words_release(&words);
}

static void help_field(const struct fl__answer *answer, size_t docs, const char *field, FILE *out)
{
    size_t place = fl__part_named(answer, docs, field);
    if (place < answer->part_count)
        fprintf(out, "  %-10s %.*s\n", field, (int)answer->parts[place].size,
                fl__part_text(answer, &answer->parts[place]));
}

bool fl__docs_help(struct fl__docs *docs, const struct fl__words *words, FILE *out, bool colours)
{
    char arguments[2048];
    const struct fl__answer *answer = &docs->talk.answer;
    size_t used, command = load(docs) ? find_command(answer, words, &used) : SIZE_MAX;
    if (!docs->loaded || command >= answer->part_count || used < words->count)
        return false;
    write_arguments(answer, command, &(struct text){.out = arguments, .room = sizeof arguments});
    fputs(fl__colour(colours, FL__BOLD), out);
    for (size_t i = 0; i < used; i++) {
        for (size_t k = 0; k < words->list[i].size; k++)
            fputc(toupper((unsigned char)words->list[i].text[k]), out);
        fputs(i + 1 < used ? " " : "", out);
    }
    fprintf(out, "%s %s\n", fl__colour(colours, FL__PLAIN), arguments);
    help_field(answer, command, "summary", out);
    help_field(answer, command, "since", out);
    help_field(answer, command, "group", out);
    help_field(answer, command, "complexity", out);
    struct fl__completion subs = {.count = 0};
    match_names(answer, fl__part_named(answer, command, "subcommands"), &(struct fl__word){.text = ""},
                &subs);
    if (subs.count > 0)
        fprintf(out, "  %-10s %s\n", "with", subs.names);
    return true;
}
