/* arguments.c - reads a verb's arguments: --name value, --name=value, -n value, flags, words, and what
 * follows "--". */
#include "cli.h"

#include <string.h>

static void say_help(const struct fl__verb *verb)
{
    fl__say_fact("do", "fairlead %s --help", verb->name);
}

static bool refuse_unknown(const struct fl__verb *verb, const char *given)
{
    const char *words[FL__OPTIONS_MAX + 1];
    unsigned count = 0;
    for (const struct fl__option *option = verb->options; option->name != NULL; option++)
        words[count++] = option->name;
    words[count] = NULL;
    char name[64];
    const char *start = given + strspn(given, "-");
    snprintf(name, sizeof name, "%.*s", (int)strcspn(start, "="), start);
    const char *near = fl__value_nearest(name, words);
    fl__say_error(FL__CODE_USAGE, "`fairlead %s` has no option %s", verb->name, given);
    if (near != NULL && given[1] == '-')
        fl__say_fact("do", "perhaps you meant --%s; fairlead %s --help lists all", near, verb->name);
    else
        say_help(verb);
    return false;
}

/* Finds the option that `given` names; *value is what follows its "=", or NULL. */
static const struct fl__option *find_option(const struct fl__verb *verb, const char *given,
                                            const char **value)
{
    bool is_long = given[1] == '-';
    const char *name = given + (is_long ? 2 : 1);
    size_t length = strcspn(name, "=");
    *value = name[length] == '=' ? name + length + 1 : NULL;
    for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
        if (is_long ? strlen(option->name) == length && memcmp(option->name, name, length) == 0
                    : option->letter != 0 && option->letter == name[0] && length == 1)
            return option;
    }
    return NULL;
}

/* Takes one option with its value; *used is how many words that were. */
static bool take_option(struct fl__call *call, int left, char *const *words, int *used)
{
    const char *value;
    const struct fl__option *option = find_option(call->verb, words[0], &value);
    *used = 1;
    if (option == NULL)
        return refuse_unknown(call->verb, words[0]);
    if (value == NULL && option->kind == FL__FLAG) {
        value = "yes";
    } else if (value == NULL) {
        if (left < 2) {
            fl__say_error(FL__CODE_USAGE, "--%s needs a value: --%s %s", option->name, option->name,
                          option->value);
            say_help(call->verb);
            return false;
        }
        value = words[1];
        *used = 2;
    }
    return fl__settings_put(&call->settings, option, value, FL__FROM_COMMAND_LINE, 0);
}

static bool check_count(const struct fl__call *call, unsigned given)
{
    const struct fl__verb *verb = call->verb;
    if (given >= verb->arguments_min && given <= verb->arguments_max)
        return true;
    if (given < verb->arguments_min)
        fl__say_error(FL__CODE_USAGE, "`fairlead %s` needs %s", verb->name, verb->arguments);
    else if (verb->arguments_max == 0)
        fl__say_error(FL__CODE_USAGE, "`fairlead %s` takes no argument", verb->name);
    else
        fl__say_error(FL__CODE_USAGE, "too many arguments for `fairlead %s %s`", verb->name, verb->arguments);
    say_help(verb);
    return false;
}

static bool take_rest(struct fl__call *call, int count, char *const *words)
{
    if (call->verb->rest == NULL && !call->verb->verbatim && count > 0) {
        fl__say_error(FL__CODE_USAGE, "`fairlead %s` takes nothing after --", call->verb->name);
        say_help(call->verb);
        return false;
    }
    call->rest = words;
    call->rest_count = (unsigned)count;
    return true;
}

/* Help is for those who do not know yet: it is printed whatever else is wrong with the line. */
static bool asks_for_help(int count, char *const *words)
{
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++) {
        if (strcmp(words[i], "--help") == 0 || strcmp(words[i], "-h") == 0)
            return true;
    }
    return false;
}

bool fl__call_read(struct fl__call *call, const struct fl__verb *verb, int count, char *const *words)
{
    unsigned given = 0;
    memset(call, 0, sizeof *call);
    call->verb = verb;
    fl__settings_init(&call->settings, verb->options);
    call->help = !verb->verbatim && asks_for_help(count, words);
    if (call->help)
        return true;
    for (int i = 0, used; i < count; i += used) {
        used = 1;
        if (strcmp(words[i], "--") == 0) {
            if (!take_rest(call, count - i - 1, words + i + 1))
                return false;
            break;
        }
        if (words[i][0] == '-' && words[i][1] != '\0') {
            if (!take_option(call, count - i, words + i, &used))
                return false;
            continue;
        }
        if (verb->verbatim) {
            call->rest = words + i;
            call->rest_count = (unsigned)(count - i);
            break;
        }
        if (given < sizeof call->arguments / sizeof call->arguments[0])
            call->arguments[given] = words[i];
        given++;
    }
    call->argument_count = given;
    call->help = fl__settings_flag(&call->settings, "help");
    return check_count(call, given) && fl__settings_complete(&call->settings);
}
