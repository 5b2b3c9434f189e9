/* help.c - help, written from the tables of verbs and options; and the two verbs that only print. */
#include "cli.h"

#include <string.h>

#define HELP_COLUMN 27    /* Where an option is explained. */
#define HELP_WIDTH 104    /* Wider lines are hard to read. */
#define DEFAULT_COLUMN 34 /* Behind that one, of defaults. */

const struct fl__exit_text fl__exit_texts[] = {
    {FL__EXIT_OK, "ok", "It was done; the cluster is healthy."},
    {FL__EXIT_REFUSED, "refused", "It was not done; the message says why."},
    {FL__EXIT_USAGE, "usage", "The command line or a setting was wrong; nothing was done."},
    {FL__EXIT_NO_QUORUM, "no quorum", "The cluster has no majority or no leader, or was not ready in time."},
    {FL__EXIT_UNREACHABLE, "unreachable", "No node answers."},
    {FL__EXIT_DEGRADED, "degraded", "The cluster works, but not all of its voters are up."},
    {FL__EXIT_UNKNOWN, "outcome unknown", "It may have happened or not; look before you repeat it."},
    {.word = NULL},
};

static unsigned help_width(void)
{
    unsigned width = fl__terminal_width();
    return width < HELP_WIDTH ? width : HELP_WIDTH;
}

/* Paragraphs, with an empty line between them; where a line ends within one does not matter. */
static void print_paragraphs(const char *text, FILE *out)
{
    char paragraph[2048];
    while (*text != '\0') {
        const char *end = strstr(text, "\n\n");
        size_t size = end == NULL ? strlen(text) : (size_t)(end - text);
        snprintf(paragraph, sizeof paragraph, "%.*s", (int)size, text);
        for (char *c = paragraph; *c != '\0'; c++)
            *c = (char)(*c == '\n' ? ' ' : *c);
        fl__print_wrapped(out, paragraph, 0, help_width());
        text += size;
        text += strspn(text, "\n");
        fputs(*text != '\0' ? "\n" : "", out);
    }
}

/* "Exit: 0 ok, 1 refused, ..." */
static void print_exits(FILE *out)
{
    char line[256] = "";
    size_t size = 0;
    for (const struct fl__exit_text *row = fl__exit_texts; row->word != NULL && size < sizeof line; row++)
        size += (size_t)snprintf(line + size, sizeof line - size, "%s%d %s", size == 0 ? "Exit: " : ", ",
                                 (int)row->code, row->word);
    print_paragraphs(line, out);
}

static void print_verb(const struct fl__verb *verb, FILE *out)
{
    char left[40];
    snprintf(left, sizeof left, "%s %s", verb->name, verb->arguments);
    fprintf(out, "  %-25s ", left);
    fl__print_hanging(out, verb->summary, 28, help_width());
    fputc('\n', out);
}

void fl__help_verbs(FILE *out)
{
    fputs("fairlead - replicated logs that stay true\n\nUsage: fairlead COMMAND [options]\n\n", out);
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        if (verb->summary == NULL)
            continue;
        if (verb->section != NULL)
            fprintf(out, "%s\n", verb->section);
        print_verb(verb, out);
    }
    fputs("\nEach command explains itself: fairlead COMMAND --help\n", out);
    print_exits(out);
}

void fl__help_group(const char *first, FILE *out)
{
    fprintf(out, "Usage: fairlead %s COMMAND [options]\n\n", first);
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++)
        if (fl__verb_is_of_group(verb, first))
            print_verb(verb, out);
    fprintf(out, "\nEach command explains itself: fairlead %s COMMAND --help\n", first);
}

static bool has_config(const struct fl__verb *verb)
{
    for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
        if (strcmp(option->name, "config") == 0)
            return true;
    }
    return false;
}

/* "  --dir PATH               data directory                        [./fairlead-data]" */
static void help_option(const struct fl__option *option, FILE *out)
{
    char left[64], letter[8] = "";
    const char *initial = option->shown != NULL ? option->shown : option->initial;
    if (option->letter != 0)
        snprintf(letter, sizeof letter, "-%c, ", option->letter);
    snprintf(left, sizeof left, "%s--%s%s%s", letter, option->name, option->value == NULL ? "" : " ",
             option->value == NULL ? "" : option->value);
    if (strlen(left) > HELP_COLUMN - 3)
        fprintf(out, "  %s\n%*s", left, HELP_COLUMN, "");
    else
        fprintf(out, "  %-*s ", HELP_COLUMN - 3, left);
    fl__print_hanging(out, option->help, HELP_COLUMN, help_width());
    size_t size = strlen(option->help), at = size < DEFAULT_COLUMN ? DEFAULT_COLUMN : size;
    if (initial != NULL && HELP_COLUMN + at + strlen(initial) + 3 > help_width())
        fprintf(out, "\n%*s[%s]", HELP_COLUMN, "", initial);
    else if (initial != NULL)
        fprintf(out, "%*s[%s]", (int)(at - size) + 1, "", initial);
    fputc('\n', out);
}

void fl__help_verb(const struct fl__verb *verb, FILE *out)
{
    fprintf(out, "Usage: fairlead %s%s%s%s%s", verb->name, verb->verbatim ? " [options]" : "",
            verb->arguments[0] == '\0' ? "" : " ", verb->arguments, verb->verbatim ? "" : " [options]");
    if (verb->rest != NULL)
        fprintf(out, " [-- %s]", verb->rest);
    fprintf(out, "\n\n");
    if (verb->notes != NULL) {
        print_paragraphs(verb->notes, out);
        fputc('\n', out);
    }
    for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
        if (option->section != NULL)
            fprintf(out, "%s\n", option->section);
        else if (option == verb->options)
            fprintf(out, "Options\n");
        help_option(option, out);
    }
    if (has_config(verb)) {
        fputc('\n', out);
        print_paragraphs("Each is also a line of the file of --config (listen = 0.0.0.0:7600) and an "
                         "environment variable (FAIRLEAD_LISTEN). The command line wins, then the "
                         "environment, then the file.",
                         out);
    }
}

int fl__run_help(const struct fl__call *call)
{
    if (call->argument_count == 0) {
        fl__help_verbs(stdout);
        return FL__EXIT_OK;
    }
    unsigned used;
    const struct fl__verb *verb = fl__verb_of(call->argument_count, call->arguments, &used);
    if (verb != NULL && used < call->argument_count) {
        fl__say_error(FL__CODE_USAGE, "there is no command \"%s %s\"", verb->name, call->arguments[used]);
        fl__say_fact("do", "fairlead help %s", verb->name);
        return FL__EXIT_USAGE;
    }
    if (verb == NULL)
        return fl__refuse_verb(call->arguments[0], call->argument_count > 1 ? call->arguments[1] : "--help");
    fl__help_verb(verb, stdout);
    return FL__EXIT_OK;
}

int fl__run_version(const struct fl__call *call)
{
    (void)call;
    printf("fairlead %s\n", FL_VERSION);
    return FL__EXIT_OK;
}
