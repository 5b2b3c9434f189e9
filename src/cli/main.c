/* main.c - the binary: finds the verb on the command line and runs it. */
#include "cli.h"

#include <signal.h>
#include <string.h>

/* Whether some verb of two words begins with this one; adds them to the list of what one may do. */
static bool list_group(const char *first, char *list, size_t size)
{
    size_t length = strlen(first), used = 0;
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL && used < size; verb++) {
        if (strncmp(verb->name, first, length) == 0 && verb->name[length] == ' ')
            used += (size_t)snprintf(list + used, size - used, "%sfairlead %s", used == 0 ? "" : ", ",
                                     verb->name);
    }
    return used > 0;
}

static int refuse_verb(const char *first, const char *second)
{
    const char *words[32];
    char given[80], list[400];
    unsigned count = 0;
    bool is_group = list_group(first, list, sizeof list);
    snprintf(given, sizeof given, "%s%s%s", first, is_group && second != NULL ? " " : "",
             is_group && second != NULL ? second : "");
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL && count < 31; verb++) {
        if (verb->summary != NULL)
            words[count++] = verb->name;
    }
    words[count] = NULL;
    const char *near = fl__value_nearest(given, words);
    fl__say_error(FL__CODE_USAGE, "there is no command \"%s\"", given);
    if (near != NULL)
        fl__say_fact("do", "perhaps you meant fairlead %s; fairlead help lists all", near);
    else
        fl__say_fact("do", "%s", is_group ? list : "fairlead help");
    return FL__EXIT_USAGE;
}

static int run_verb(const struct fl__verb *verb, const char *program, int count, char *const *words)
{
    struct fl__call call;
    int code = FL__EXIT_USAGE;
    if (fl__call_read(&call, verb, count, words)) {
        call.program = strchr(program, '/') == NULL ? "fairlead" : program;
        if (call.help) {
            fl__help_verb(verb, stdout);
            code = FL__EXIT_OK;
        } else {
            code = verb->run(&call);
        }
    }
    fl__settings_release(&call.settings);
    return code;
}

int main(int argc, char **argv)
{
    /* A node that closes its connection, or a pager that is left, must not end us: writes say so
     * themselves. */
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        fl__help_verbs(stdout);
        return FL__EXIT_USAGE;
    }
    const char *words[] = {argv[1], argc > 2 ? argv[2] : NULL};
    if (strcmp(words[0], "--help") == 0 || strcmp(words[0], "-h") == 0)
        words[0] = "help";
    else if (strcmp(words[0], "--version") == 0)
        words[0] = "version";
    unsigned used;
    const struct fl__verb *verb = fl__verb_of(argc > 2 ? 2 : 1, words, &used);
    int code = verb == NULL ? refuse_verb(words[0], words[1])
                            : run_verb(verb, argv[0], argc - 1 - (int)used, argv + 1 + used);
    if (fflush(stdout) != 0 && code == FL__EXIT_OK)
        code = FL__EXIT_REFUSED;
    return code;
}
