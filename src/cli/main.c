/* main.c - the binary: finds the verb on the command line and runs it. */
#include "cli.h"

#include <signal.h>
#include <string.h>

static int refuse_verb(const char *given)
{
    const char *words[32];
    unsigned count = 0;
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL && count < 31; verb++)
        words[count++] = verb->name;
    words[count] = NULL;
    const char *near = fl__value_nearest(given, words);
    fl__say_error(FL__CODE_USAGE, "there is no command \"%s\"", given);
    if (near != NULL)
        fl__say_fact("do", "perhaps you meant fairlead %s; fairlead help lists all", near);
    else
        fl__say_fact("do", "fairlead help");
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
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0)
        name = "help";
    else if (strcmp(name, "--version") == 0)
        name = "version";
    const struct fl__verb *verb = fl__verb_find(name);
    int code = verb == NULL ? refuse_verb(name) : run_verb(verb, argv[0], argc - 2, argv + 2);
    if (fflush(stdout) != 0 && code == FL__EXIT_OK)
        code = FL__EXIT_REFUSED;
    return code;
}
