/* main.c - the binary: finds the verb on the command line and runs it. */
#include "cli.h"

#include <signal.h>
#include <string.h>

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
    int code = verb == NULL ? fl__refuse_verb(words[0], words[1])
                            : run_verb(verb, argv[0], argc - 1 - (int)used, argv + 1 + used);
    if (fflush(stdout) != 0 && code == FL__EXIT_OK)
        code = FL__EXIT_REFUSED;
    return code;
}
