/* completion.c - `completion`: scripts that complete command lines in bash, zsh and fish, from the tables of
 * verbs and options.
 *
 * A script holds all words but the nodes' names: for those it runs `fairlead completion nodes`, which is also
 * of use to people's own scripts. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

/* What a verb's argument is, by the word that the help has for it. */
enum argument { NO_ARGUMENT, NODE, CODE, SETTING, SHELL, PATH, VERB, LESSON };

static enum argument argument_of(const struct fl__verb *verb)
{
    static const struct {
        const char *word;
        enum argument argument;
    } words[] = {{"NAME", NODE},           {"[NODE]", NODE}, {"[CODE]", CODE},    {"[SETTING]", SETTING},
                 {"bash|zsh|fish", SHELL}, {"FILE", PATH},   {"[COMMAND]", VERB}, {"[LESSON]", LESSON}};
    for (size_t k = 0; k < sizeof words / sizeof words[0]; k++) {
        if (strcmp(verb->arguments, words[k].word) == 0)
            return words[k].argument;
    }
    return NO_ARGUMENT;
}

static bool is_directory(const struct fl__option *option)
{
    return option->kind == FL__PATH && strcmp(option->name, "dir") == 0;
}

/* The first word of a verb of two; 0: it has one. */
static int group_size(const struct fl__verb *verb)
{
    const char *blank = strchr(verb->name, ' ');
    return blank == NULL ? 0 : (int)(blank - verb->name);
}

/* Whether it is the first of its group, or has none. */
static bool opens_group(const struct fl__verb *verb)
{
    int size = group_size(verb);
    for (const struct fl__verb *other = fl__verbs; size > 0 && other < verb; other++) {
        if (group_size(other) == size && memcmp(other->name, verb->name, (size_t)size) == 0)
            return false;
    }
    return true;
}

static bool is_same_group(const struct fl__verb *a, const struct fl__verb *b)
{
    int size = group_size(a);
    return size > 0 && size == group_size(b) && memcmp(a->name, b->name, (size_t)size) == 0;
}

static int first_word(const struct fl__verb *verb)
{
    return group_size(verb) > 0 ? group_size(verb) : (int)strlen(verb->name);
}

/* This verb, or the next one that help shows; NULL: there is none. */
static const struct fl__verb *shown(const struct fl__verb *verb)
{
    while (verb->name != NULL && verb->summary == NULL)
        verb++;
    return verb->name != NULL ? verb : NULL;
}

/* A choice's words, separated by blanks. */
static void print_choices(const char *choices)
{
    for (; *choices != '\0'; choices++)
        putchar(*choices == '|' ? ' ' : *choices);
}

static void print_argument_words(enum argument argument)
{
    if (argument == SHELL)
        printf("bash zsh fish");
    if (argument == LESSON)
        fl__learn_print_names();
    for (const struct fl_explanation *page = argument == CODE ? fl__explanation_after(0) : NULL; page != NULL;
         page = fl__explanation_after(page->code))
        printf("FL%u ", (unsigned)page->code);
    for (const struct fl__option *option = fl__options_serve; argument == SETTING && option->name != NULL;
         option++) {
        if (!option->local)
            printf("%s ", option->name);
    }
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        if (argument == VERB && opens_group(verb))
            printf("%.*s ", first_word(verb), verb->name);
    }
}

/* --------------------------------------------------------------------------------------------------- bash */

/* Where a verb has two words, it is what both say. */
static void bash_groups(void)
{
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        if (group_size(verb) > 0 && opens_group(verb))
            printf("    %.*s) verb=\"$verb ${COMP_WORDS[2]}\" at=3 ;;\n", group_size(verb), verb->name);
    }
}

static void bash_second_words(void)
{
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        if (group_size(verb) == 0 || !opens_group(verb))
            continue;
        printf("        %.*s) words='", group_size(verb), verb->name);
        for (const struct fl__verb *other = shown(fl__verbs); other != NULL; other = shown(other + 1)) {
            if (is_same_group(verb, other))
                printf("%s ", other->name + group_size(verb) + 1);
        }
        printf("' ;;\n");
    }
}

/* What follows an option that takes a value. */
static void bash_values(const struct fl__verb *verb)
{
    for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
        if (option->kind == FL__FLAG)
            continue;
        printf("        '%s --%s'", verb->name, option->name);
        if (option->letter != 0)
            printf(" | '%s -%c'", verb->name, option->letter);
        printf(") ");
        if (option->kind == FL__CHOICE) {
            printf("words='");
            print_choices(option->value);
            printf("' ;;\n");
        } else if (option->kind == FL__PATH) {
            printf("kind=%s ;;\n", is_directory(option) ? "directory" : "file");
        } else {
            printf("return ;;\n");
        }
    }
}

static void bash_options(const struct fl__verb *verb)
{
    printf("        '%s -'*) words='", verb->name);
    for (const struct fl__option *option = verb->options; option->name != NULL; option++)
        printf("--%s ", option->name);
    printf("' ;;\n");
}

static void bash_arguments(const struct fl__verb *verb)
{
    enum argument argument = argument_of(verb);
    if (argument == NO_ARGUMENT)
        return;
    printf("        '%s '*) ", verb->name);
    if (argument == NODE) {
        printf("words=$(\"${COMP_WORDS[0]}\" completion nodes 2>/dev/null) ;;\n");
    } else if (argument == PATH) {
        printf("kind=file ;;\n");
    } else {
        printf("words='");
        print_argument_words(argument);
        printf("' ;;\n");
    }
}

static void print_bash(void)
{
    printf("# Completes fairlead's command lines in bash; made by `fairlead completion bash`.\n"
           "_fairlead()\n{\n"
           "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
           "    local verb=${COMP_WORDS[1]} at=2 words= kind=\n"
           "    COMPREPLY=()\n    case $verb in\n");
    bash_groups();
    printf("    esac\n    if ((COMP_CWORD == 1)); then\n        words='");
    print_argument_words(VERB);
    printf("'\n    elif ((COMP_CWORD < at)); then\n        case ${COMP_WORDS[1]} in\n");
    bash_second_words();
    printf("        esac\n    else\n        case \"$verb $before\" in\n");
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1))
        bash_values(verb);
    printf("        *)\n        case \"$verb $current\" in\n");
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1))
        bash_options(verb);
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1))
        bash_arguments(verb);
    printf("        esac ;;\n        esac\n    fi\n"
           "    case $kind in\n"
           "    directory) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\") ;;\n"
           "    file) compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\") ;;\n"
           "    *) mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\") ;;\n"
           "    esac\n}\ncomplete -F _fairlead fairlead\n");
}

/* ---------------------------------------------------------------------------------------------------- zsh */

/* Within single quotes, with a backslash before each of `special`. */
static void print_quoted(const char *text, const char *special)
{
    for (; *text != '\0'; text++) {
        if (strchr(special, *text) != NULL)
            putchar('\\');
        if (*text == '\'')
            printf("'\\''");
        else
            putchar(*text);
    }
}

static void zsh_verbs(const char *indent, const struct fl__verb *group)
{
    printf("%slocal -a verbs=(\n", indent);
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        if (group != NULL ? !is_same_group(group, verb) : !opens_group(verb))
            continue;
        bool is_group = group == NULL && group_size(verb) > 0;
        printf("%s    '%.*s:", indent, group == NULL ? first_word(verb) : 64,
               group == NULL ? verb->name : verb->name + group_size(group) + 1);
        print_quoted(is_group ? "a group of commands" : verb->summary, "");
        printf("'\n");
    }
    printf("%s)\n%s_describe command verbs\n%sreturn\n", indent, indent, indent);
}

static void zsh_option(const struct fl__option *option)
{
    if (option->letter != 0)
        printf("            '(-%c --%s)'{-%c,--%s}'[", option->letter, option->name, option->letter,
               option->name);
    else
        printf("            '--%s[", option->name);
    print_quoted(option->help, "[]");
    printf("]");
    if (option->value != NULL) {
        printf(":");
        print_quoted(option->value, ":");
        printf(":");
    }
    if (option->kind == FL__CHOICE) {
        printf("(");
        print_choices(option->value);
        printf(")");
    } else if (option->kind == FL__PATH) {
        printf("%s", is_directory(option) ? "_files -/" : "_files");
    }
    printf("' \\\n");
}

static void zsh_verb(const struct fl__verb *verb)
{
    enum argument argument = argument_of(verb);
    printf("    '%s')\n        _arguments \\\n", verb->name);
    for (const struct fl__option *option = verb->options; option->name != NULL; option++)
        zsh_option(option);
    if (argument == NODE) {
        printf("            '*:node:_fairlead_nodes'\n");
    } else if (argument == PATH) {
        printf("            '*:file:_files'\n");
    } else {
        printf("            '*:argument:(");
        print_argument_words(argument);
        printf(")'\n");
    }
    printf("        ;;\n");
}

static void print_zsh(void)
{
    printf("#compdef fairlead\n"
           "# Completes fairlead's command lines in zsh; made by `fairlead completion zsh`.\n"
           "_fairlead_nodes() {\n"
           "    local -a nodes=(${(f)\"$(fairlead completion nodes 2>/dev/null)\"})\n"
           "    compadd -a nodes\n}\n"
           "_fairlead() {\n    local verb=$words[2]\n    if (( CURRENT == 2 )); then\n");
    zsh_verbs("        ", NULL);
    printf("    fi\n");
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        if (group_size(verb) == 0 || !opens_group(verb))
            continue;
        printf("    if [[ $verb == %.*s ]]; then\n        if (( CURRENT == 3 )); then\n", group_size(verb),
               verb->name);
        zsh_verbs("            ", verb);
        printf(
            "        fi\n        verb=\"$verb $words[3]\"\n        shift words\n        (( CURRENT-- ))\n    fi\n");
    }
    printf("    shift words\n    (( CURRENT-- ))\n    case $verb in\n");
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1))
        zsh_verb(verb);
    printf("    esac\n}\nif [[ $funcstack[1] == _fairlead ]]; then\n    _fairlead \"$@\"\nelse\n"
           "    compdef _fairlead fairlead\nfi\n");
}

/* --------------------------------------------------------------------------------------------------- fish */

static void fish_description(const char *text)
{
    printf(" -d '");
    for (; *text != '\0'; text++)
        printf("%s%c", *text == '\'' || *text == '\\' ? "\\" : "", *text);
    printf("'\n");
}

static void fish_option(const struct fl__verb *verb, const struct fl__option *option)
{
    printf("complete -c fairlead -n '__fairlead_in %s' -l %s", verb->name, option->name);
    if (option->letter != 0)
        printf(" -s %c", option->letter);
    if (option->kind == FL__CHOICE) {
        printf(" -x -a '");
        print_choices(option->value);
        printf("'");
    } else if (option->kind == FL__PATH) {
        printf("%s", is_directory(option) ? " -x -a '(__fish_complete_directories)'" : " -r -F");
    } else if (option->kind != FL__FLAG) {
        printf(" -x");
    }
    fish_description(option->help);
}

static void fish_arguments(const struct fl__verb *verb)
{
    enum argument argument = argument_of(verb);
    if (argument == NO_ARGUMENT)
        return;
    printf("complete -c fairlead -n '__fairlead_in %s' ", verb->name);
    if (argument == PATH) {
        printf("-F\n");
    } else if (argument == NODE) {
        printf("-a '(fairlead completion nodes 2>/dev/null)'\n");
    } else {
        printf("-a '");
        print_argument_words(argument);
        printf("'\n");
    }
}

static void print_fish(void)
{
    printf("# Completes fairlead's command lines in fish; made by `fairlead completion fish`.\n"
           "function __fairlead_words\n    set -l words (commandline -opc)\n    set -e words[1]\n"
           "    string join ' ' -- $words\nend\n"
           "function __fairlead_is\n    test \"$(__fairlead_words)\" = \"$argv\"\nend\n"
           "function __fairlead_in\n    string match -q -- \"$argv *\" \"$(__fairlead_words) \"\nend\n"
           "complete -c fairlead -f\n");
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        int group = group_size(verb);
        if (opens_group(verb)) {
            printf("complete -c fairlead -n '__fairlead_is' -a %.*s", first_word(verb), verb->name);
            fish_description(group > 0 ? "a group of commands" : verb->summary);
        }
        if (group > 0) {
            printf("complete -c fairlead -n '__fairlead_is %.*s' -a %s", group, verb->name,
                   verb->name + group + 1);
            fish_description(verb->summary);
        }
    }
    for (const struct fl__verb *verb = shown(fl__verbs); verb != NULL; verb = shown(verb + 1)) {
        for (const struct fl__option *option = verb->options; option->name != NULL; option++)
            fish_option(verb, option);
        fish_arguments(verb);
    }
}

/* -------------------------------------------------------------------------------------------------- nodes */

/* Also those that do not answer, as far as the others or the local cluster's directory name them. */
static int print_nodes(const struct fl__call *call)
{
    struct fl__asker asker;
    struct fl__survey *survey = calloc(1, sizeof *survey);
    if (survey == NULL || !fl__asker_init(&asker, &call->settings)) {
        free(survey);
        return FL__EXIT_REFUSED;
    }
    int code = fl__survey_take(survey, &asker, &call->settings);
    for (unsigned k = 0; code == FL__EXIT_OK && k < survey->count; k++) {
        if (survey->views[k].name[0] != '\0')
            printf("%s\n", survey->views[k].name);
    }
    fl__asker_release(&asker);
    free(survey);
    return code;
}

int fl__run_completion(const struct fl__call *call)
{
    const char *what = call->arguments[0];
    if (strcmp(what, "nodes") == 0)
        return print_nodes(call);
    if (strcmp(what, "bash") == 0) {
        print_bash();
    } else if (strcmp(what, "zsh") == 0) {
        print_zsh();
    } else if (strcmp(what, "fish") == 0) {
        print_fish();
    } else {
        fl__say_error(FL__CODE_USAGE, "there is no completion for %s", what);
        fl__say_fact("want", "bash, zsh or fish; or nodes, for the names of the nodes");
        return FL__EXIT_USAGE;
    }
    return FL__EXIT_OK;
}
