/* manual.c - `manual`: the pages for man(1), in the macros of man(7), made from the tables of verbs, options,
 * exit codes and explanations. The build runs it and installs what it prints; people read it with `man`.
 *
 *   fairlead.1          every verb and option
 *   fairlead.conf.5     the settings of a node
 *   fairlead-errors.7   every code
 *
 * libfairlead(3) is about the library, and is written by hand: docs/man/libfairlead.3.in. */
#include "cli.h"

#include <ctype.h>
#include <string.h>

#define COLUMNS 64 /* Of the pages' source; what is printed is as wide as the reader's terminal. */

/* Writes a page's running text word by word: a new line after each sentence, and before it gets too long. */
struct page {
    FILE *out;
    unsigned column;
    bool is_bold; /* Between two back quotes. */
};

static void end_line(struct page *page)
{
    if (page->column > 0)
        fputc('\n', page->out);
    page->column = 0;
}

static void macro(struct page *page, const char *line)
{
    end_line(page);
    fprintf(page->out, "%s\n", line);
}

/* A hyphen within a word is one; any other is the minus sign that people type. */
static bool is_hyphen(const char *word, size_t k, size_t size)
{
    return k > 0 && k + 1 < size && isalpha((unsigned char)word[k - 1]) &&
           isalpha((unsigned char)word[k + 1]);
}

static void put_word(struct page *page, const char *word, size_t size)
{
    if (page->column > 0 && page->column + size + 1 > COLUMNS)
        end_line(page);
    if (page->column > 0)
        fputc(' ', page->out);
    else if (word[0] == '.' || word[0] == '\'')
        fputs("\\&", page->out);
    page->column += (unsigned)size + 1;
    for (size_t k = 0; k < size; k++) {
        if (word[k] == '`')
            fputs((page->is_bold = !page->is_bold) ? "\\fB" : "\\fR", page->out);
        else if (word[k] == '\\')
            fputs("\\e", page->out);
        else if (word[k] == '-' && !is_hyphen(word, k, size))
            fputs("\\-", page->out);
        else
            fputc(word[k], page->out);
    }
    if (size > 1 && strchr(".?!", word[size - 1]) != NULL)
        end_line(page);
}

/* Sentences; an empty line begins a new paragraph. */
static void text(struct page *page, const char *words)
{
    while (*words != '\0') {
        unsigned line_ends = 0;
        for (; *words == ' ' || *words == '\n'; words++)
            line_ends += *words == '\n';
        if (line_ends > 1 && *words != '\0')
            macro(page, ".PP");
        size_t size = strcspn(words, " \n");
        if (size > 0)
            put_word(page, words, size);
        words += size;
    }
    end_line(page);
}

static void section(struct page *page, const char *title)
{
    end_line(page);
    fprintf(page->out, ".SH %s\n", title);
}

/* \fB with minus signs, as people type it. */
static void bold(struct page *page, const char *words)
{
    fputs("\\fB", page->out);
    for (; *words != '\0'; words++)
        fprintf(page->out, "%s%c", *words == '-' ? "\\" : "", *words);
    fputs("\\fR", page->out);
}

static void value(struct page *page, const char *before, const char *words)
{
    fprintf(page->out, "%s\\fI%s\\fR\n", before, words);
}

/* What the tables have begins small and ends without a stop. */
static void sentence(struct page *page, const char *words)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s.", words);
    whole[0] = (char)toupper((unsigned char)whole[0]);
    text(page, whole);
}

static void labelled(struct page *page, const char *label, const char *words)
{
    char whole[640];
    snprintf(whole, sizeof whole, "%s %s", label, words);
    text(page, whole);
}

/* The tag of a list; its text follows. */
static void tag(struct page *page, const char *words)
{
    macro(page, ".TP");
    bold(page, words);
    fputc('\n', page->out);
}

/* Lines as they are. */
static void example(struct page *page, const char *const *lines)
{
    macro(page, ".PP\n.nf\n.RS 4");
    for (; *lines != NULL; lines++) {
        for (const char *at = *lines; *at != '\0'; at++)
            fprintf(page->out, "%s", *at == '-' ? "\\-" : *at == '\\' ? "\\e" : (const char[]){*at, '\0'});
        fputc('\n', page->out);
    }
    macro(page, ".RE\n.fi");
}

static void title(struct page *page, const char *name, const char *number, const char *what)
{
    fprintf(page->out, ".\\\" Made by `fairlead manual`; do not edit.\n");
    fputs(".TH ", page->out);
    for (const char *at = name; *at != '\0'; at++)
        fputc(toupper((unsigned char)*at), page->out);
    fprintf(page->out, " %s %s \"fairlead %s\" \"Fairlead\"\n", number, FL_DATE, FL_VERSION);
    section(page, "NAME");
    fprintf(page->out, "%s \\- %s\n", name, what);
}

/* -------------------------------------------------------------------------------------------- fairlead.1 */

/* Never cut in two at a line's end. */
static void variable(struct page *page, const struct fl__option *option)
{
    char name[64];
    fl__settings_variable(option, name, sizeof name);
    fprintf(page->out, ".br\nEnvironment: \\%%%s\n", name);
}

static void add_option(struct page *page, const struct fl__option *option)
{
    char name[64], initial[256];
    macro(page, ".TP");
    snprintf(name, sizeof name, "-%c", option->letter);
    if (option->letter != 0) {
        bold(page, name);
        fputs(", ", page->out);
    }
    snprintf(name, sizeof name, "--%s", option->name);
    bold(page, name);
    value(page, " ", option->value == NULL ? "" : option->value);
    sentence(page, option->help);
    if (option->initial != NULL || option->shown != NULL) {
        fl__setting_default(option, initial, sizeof initial);
        macro(page, ".br");
        labelled(page, "Default:", initial);
    }
    if (!option->local)
        variable(page, option);
}

static void add_verb(struct page *page, const struct fl__verb *verb)
{
    end_line(page);
    fprintf(page->out, ".SS \"fairlead %s%s%s", verb->name, verb->arguments[0] == '\0' ? "" : " ",
            verb->arguments);
    fprintf(page->out, "%s%s%s\"\n", verb->rest == NULL ? "" : " [\\-\\- ",
            verb->rest == NULL ? "" : verb->rest, verb->rest == NULL ? "" : "]");
    sentence(page, verb->summary);
    if (verb->notes != NULL) {
        macro(page, ".PP");
        text(page, verb->notes);
    }
    for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
        if (strcmp(option->name, "help") != 0)
            add_option(page, option);
    }
}

/* A variable that several verbs read is one entry; the first verb makes it. */
static bool is_first_use(const struct fl__verb *verb, const struct fl__option *option)
{
    for (const struct fl__verb *other = fl__verbs; other < verb; other++) {
        for (const struct fl__option *row = other->options; row->name != NULL; row++) {
            if (!row->local && strcmp(row->name, option->name) == 0)
                return false;
        }
    }
    return true;
}

static void add_environment(struct page *page)
{
    section(page, "ENVIRONMENT");
    text(page,
         "Variables stand for options of the same name; the command line wins over them, and they win over "
         "the configuration file.");
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
            char name[64];
            if (option->local || !is_first_use(verb, option))
                continue;
            fl__settings_variable(option, name, sizeof name);
            tag(page, name);
            sentence(page, option->help);
        }
    }
    tag(page, "NO_COLOR");
    text(page, "If it is set, nothing is coloured.");
    tag(page, "COLUMNS");
    text(page, "How wide lines may be where the output is no terminal.");
}

static void add_exits(struct page *page)
{
    section(page, "EXIT STATUS");
    for (const struct fl__exit_text *row = fl__exit_texts; row->word != NULL; row++) {
        char number[8];
        snprintf(number, sizeof number, "%d", (int)row->code);
        tag(page, number);
        text(page, row->text);
    }
}

static void add_files(struct page *page)
{
    section(page, "FILES");
    tag(page, "./fairlead-data");
    text(
        page,
        "The local cluster of `fairlead up`: cluster.json, which says what it is, and a directory for each node. "
        "For `fairlead serve`, one node's data directory.");
    tag(page, "NAME/log");
    text(page, "In a directory of the local cluster: what the node NAME had to say.");
    tag(page, "/etc/fairlead/NAME.conf");
    text(page, "The settings of a node that the service unit fairlead@NAME runs; see fairlead.conf(5).");
}

static void print_verbs_page(struct page *page)
{
    static const char *const commands[] = {"fairlead up",
                                           "redis-cli -p 7600 set hello world",
                                           "redis-cli -p 7620 get hello",
                                           "fairlead status",
                                           "fairlead stop n1",
                                           "fairlead start n1",
                                           "fairlead log --diff",
                                           "fairlead down",
                                           NULL};
    static const char *const founding[] = {
        "fairlead serve --name db1 --dir /var/lib/fairlead/db1 \\",
        "    --bootstrap db1=10.0.0.1:7601,db2=10.0.0.2:7601,db3=10.0.0.3:7601 \\",
        "    --cluster-id 617f64a359b8b6ce1b4ce04e17d15a67 \\",
        "    --listen 10.0.0.1:7600 --password-file /etc/fairlead/password \\",
        "    --peer 10.0.0.1:7601 --insecure",
        NULL};
    title(page, "fairlead", "1", "replicated logs that stay true");
    section(page, "SYNOPSIS");
    fprintf(page->out, "\\fBfairlead\\fR \\fICOMMAND\\fR [\\fIoptions\\fR]\n");
    section(page, "DESCRIPTION");
    text(
        page,
        "Fairlead keeps one ordered log identical on several machines, so that any minority of them can break and "
        "nothing that was acknowledged is lost. On it stands a key-value store that speaks the Redis protocol: "
        "every Redis client works, and every node answers like the leader.\n\n"
        "One program runs the nodes and looks after them. Options may be written as --name VALUE or "
        "--name=VALUE; `--help` (`-h`) prints a command's options. Every error has a code in brackets, such as "
        "[FL3001]: `fairlead explain FL3001` prints its page, and fairlead-errors(7) has all of them.");
    section(page, "COMMANDS");
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        if (verb->summary != NULL)
            add_verb(page, verb);
    }
    add_environment(page);
    add_exits(page);
    add_files(page);
    section(page, "EXAMPLES");
    text(page, "A cluster of three nodes on this machine, used and broken:");
    example(page, commands);
    macro(page, ".PP");
    text(
        page,
        "The first of three machines that found a cluster; the other two differ in their name and addresses. "
        "Without encryption, peers belong into a network of their own:");
    example(page, founding);
    section(page, "SEE ALSO");
    fprintf(page->out, ".BR fairlead.conf (5),\n.BR fairlead\\-errors (7),\n.BR libfairlead (3)\n");
}

/* --------------------------------------------------------------------------------------- fairlead.conf.5 */

static void add_setting(struct page *page, const struct fl__option *option)
{
    char words[512];
    macro(page, ".TP");
    bold(page, option->name);
    value(page, " = ", option->value == NULL ? "yes|no" : option->value);
    sentence(page, option->help);
    fl__setting_allowed(option, words, sizeof words);
    macro(page, ".br");
    labelled(page, "Allowed:", words);
    fl__setting_default(option, words, sizeof words);
    macro(page, ".br");
    labelled(page, "Default:", words);
    variable(page, option);
}

static void print_settings_page(struct page *page)
{
    static const char *const lines[] = {"# Each node has the same bootstrap and cluster-id.",
                                        "dir = /var/lib/fairlead/db1",
                                        "name = db1",
                                        "listen = 10.0.0.1:7600",
                                        "password-file = /etc/fairlead/password",
                                        "peer = 10.0.0.1:7601",
                                        "insecure = yes",
                                        "bootstrap = db1=10.0.0.1:7601,",
                                        "  db2=10.0.0.2:7601,",
                                        "  db3=10.0.0.3:7601",
                                        "cluster-id = 617f64a359b8b6ce1b4ce04e17d15a67",
                                        "maxmemory = 4GiB",
                                        NULL};
    title(page, "fairlead.conf", "5", "settings of a Fairlead node");
    section(page, "DESCRIPTION");
    text(
        page,
        "`fairlead serve --config FILE` reads the settings of a node from a file. There is no file that is read "
        "unasked.\n\n"
        "Each line is NAME = VALUE. Names are those of the long options of `fairlead serve`. A line that begins "
        "with # or ; is a comment. There are no sections. A name stands once; a list may go on in lines that "
        "begin with a blank, after a comma at the end of the line before. A mistake anywhere stops the node "
        "from starting, and is named with its line.\n\n"
        "A line redis.NAME = VALUE, such as redis.slowlog-max-len = 1000, is a setting of Redis as CONFIG SET "
        "takes it. CONFIG REWRITE saves in the file what CONFIG SET has changed, but for a password.\n\n"
        "The command line wins over the environment, and that over the file. `fairlead serve --check --config "
        "FILE` prints every setting with its origin, and `fairlead config NAME` all about one.");
    section(page, "SETTINGS");
    for (const struct fl__option *option = fl__options_serve; option->name != NULL; option++) {
        bool is_line = !option->local && !option->environment_only;
        if (option->section != NULL && is_line) {
            end_line(page);
            fprintf(page->out, ".SS %s\n", option->section);
        }
        if (is_line)
            add_setting(page, option);
    }
    section(page, "EXAMPLES");
    text(page, "One of three nodes on three machines:");
    example(page, lines);
    section(page, "SEE ALSO");
    fprintf(page->out, ".BR fairlead (1),\n.BR fairlead\\-errors (7)\n");
}

/* ------------------------------------------------------------------------------------- fairlead-errors.7 */

static void add_code(struct page *page, const struct fl_explanation *code)
{
    end_line(page);
    fprintf(page->out, ".SS \"FL%u: %s\"\n", (unsigned)code->code, code->title);
    if (fl_explain(code->code) != NULL)
        fprintf(page->out, "Redis clients see it as \\fB\\-%s\\fR.\n", code->word);
    text(page, code->meaning);
    macro(page, ".PP\n.I Why:");
    text(page, code->why);
    macro(page, ".PP\n.I What to do:");
    text(page, code->remedy);
}

static const char *whose(const struct fl_explanation *code)
{
    if (code->code < FL__CODE_SERVER_FIRST)
        return "ERRORS OF THE COMMAND LINE";
    return fl_explain(code->code) != NULL ? "ERRORS OF THE SERVER" : "WHAT THE DOCTOR FINDS";
}

static void print_codes_page(struct page *page)
{
    const char *under = "";
    title(page, "fairlead-errors", "7", "every error of Fairlead, and what to do about it");
    section(page, "DESCRIPTION");
    text(
        page,
        "Each error message of Fairlead ends with a code in brackets, such as [FL3001]. A code never changes its "
        "meaning. `fairlead explain CODE` prints the page of one.\n\n"
        "What Redis clients get begins with a word that they know. CLUSTERDOWN and TRYAGAIN stand only where the "
        "command is known not to have happened, so repeating it is safe; TIMEOUT is an unknown outcome.");
    for (const struct fl_explanation *code = fl__explanation_after(0); code != NULL;
         code = fl__explanation_after(code->code)) {
        if (strcmp(under, whose(code)) != 0)
            section(page, whose(code));
        under = whose(code);
        add_code(page, code);
    }
    section(page, "SEE ALSO");
    fprintf(page->out, ".BR fairlead (1),\n.BR fairlead.conf (5)\n");
}

int fl__run_manual(const struct fl__call *call)
{
    static const struct {
        const char *name;
        void (*print)(struct page *page);
    } pages[] = {{"fairlead.1", print_verbs_page},
                 {"fairlead.conf.5", print_settings_page},
                 {"fairlead-errors.7", print_codes_page}};
    struct page page = {.out = stdout};
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        if (strcmp(call->arguments[0], pages[k].name) == 0) {
            pages[k].print(&page);
            return FL__EXIT_OK;
        }
    }
    fl__say_error(FL__CODE_USAGE, "there is no manual page %s", call->arguments[0]);
    fl__say_fact("want", "fairlead.1, fairlead.conf.5 or fairlead-errors.7");
    return FL__EXIT_USAGE;
}
