/* settings.c - what each option of a table is set to, and by whom.
 *
 * A value of higher origin (command line, then environment, file, default) replaces one of lower origin, and
 * on the command line and in the environment a later one replaces an earlier one. Whatever is put has been
 * checked, so that the readers below cannot fail; asking for an option that the table lacks is a bug. */
#include "cli.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "FAIRLEAD_"

void fl__settings_init(struct fl__settings *settings, const struct fl__option *options)
{
    memset(settings, 0, sizeof *settings);
    settings->options = options;
}

void fl__settings_release(struct fl__settings *settings)
{
    for (unsigned i = 0; i < FL__OPTIONS_MAX; i++)
        free(settings->values[i].text);
    memset(settings->values, 0, sizeof settings->values);
    for (; settings->redis_count > 0; settings->redis_count--) {
        free((char *)(uintptr_t)settings->redis[settings->redis_count - 1].name);
        free((char *)(uintptr_t)settings->redis[settings->redis_count - 1].value);
    }
}

const struct fl__option *fl__settings_find(const struct fl__settings *settings, const char *name)
{
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        if (strcmp(option->name, name) == 0)
            return option;
    }
    return NULL;
}

/* The place of an option that must be there. */
static unsigned place_of(const struct fl__settings *settings, const char *name)
{
    const struct fl__option *option = fl__settings_find(settings, name);
    fl_assert(option != NULL);
    unsigned place = (unsigned)(option - settings->options);
    fl_assert(place < FL__OPTIONS_MAX);
    return place;
}

void fl__settings_variable(const struct fl__option *option, char *out, size_t size)
{
    snprintf(out, size, PREFIX "%s", option->name);
    for (char *c = out; *c != '\0'; c++)
        *c = *c == '-' ? '_' : (char)toupper((unsigned char)*c);
}

/* How messages call an option that somebody set: --listen, FAIRLEAD_LISTEN, or listen in FILE:12. */
static void name_as_given(const struct fl__settings *settings, const struct fl__option *option,
                          enum fl__origin origin, unsigned line, char *out, size_t size)
{
    if (origin == FL__FROM_ENVIRONMENT)
        fl__settings_variable(option, out, size);
    else if (origin == FL__FROM_FILE)
        snprintf(out, size, "%s, line %u: %s", settings->file, line, option->name);
    else
        snprintf(out, size, "--%s", option->name);
}

bool fl__settings_put(struct fl__settings *settings, const struct fl__option *option, const char *text,
                      enum fl__origin origin, unsigned line)
{
    char allowed[256] = "", name[512];
    unsigned place = (unsigned)(option - settings->options);
    if (!fl__value_check(option, text, allowed, sizeof allowed)) {
        name_as_given(settings, option, origin, line, name, sizeof name);
        fl__say_error(FL__CODE_SETTING, "%s: this value is not allowed", name);
        fl__say_fact("given", "\"%s\"", text);
        fl__say_fact("want", "%s", allowed);
        return false;
    }
    if (settings->values[place].text != NULL && settings->values[place].origin > origin)
        return true;
    char *copy = strdup(text);
    if (copy == NULL) {
        fl__say_error(FL__CODE_SYSTEM, "memory is short");
        return false;
    }
    free(settings->values[place].text);
    settings->values[place].text = copy;
    settings->values[place].origin = origin;
    settings->values[place].line = line;
    return true;
}

static bool take_environment(struct fl__settings *settings)
{
    char variable[64];
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        fl__settings_variable(option, variable, sizeof variable);
        const char *text = option->local ? NULL : getenv(variable);
        if (text != NULL && text[0] != '\0' &&
            !fl__settings_put(settings, option, text, FL__FROM_ENVIRONMENT, 0))
            return false;
    }
    return true;
}

/* Whether a verb takes its value from the variable. */
static bool is_known(const char *variable)
{
    char known[64];
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
            fl__settings_variable(option, known, sizeof known);
            if (!option->local && strcmp(known, variable) == 0)
                return true;
        }
    }
    return false;
}

static void warn_of(const char *variable)
{
    const char *words[FL__OPTIONS_MAX + 1];
    unsigned count = 0;
    char name[128], meant[64];
    for (const struct fl__option *option = fl__options_serve; option->name != NULL; option++) {
        if (!option->local)
            words[count++] = option->name;
    }
    words[count] = NULL;
    snprintf(name, sizeof name, "%s", variable + strlen(PREFIX));
    for (char *c = name; *c != '\0'; c++)
        *c = *c == '_' ? '-' : (char)tolower((unsigned char)*c);
    const char *near = fl__value_nearest(name, words);
    fprintf(stderr, "warning: there is no setting %s; it has no effect\n", variable);
    if (near == NULL)
        return;
    fl__settings_variable(&(struct fl__option){.name = near}, meant, sizeof meant);
    fl__say_fact("do", "perhaps you meant %s", meant);
}

void fl__settings_warn(void)
{
    char variable[128];
    for (char **entry = environ; *entry != NULL; entry++) {
        snprintf(variable, sizeof variable, "%.*s", (int)strcspn(*entry, "="), *entry);
        if (strncmp(variable, PREFIX, strlen(PREFIX)) == 0 && !is_known(variable))
            warn_of(variable);
    }
}

static bool take_defaults(struct fl__settings *settings)
{
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        if (option->initial != NULL &&
            !fl__settings_put(settings, option, option->initial, FL__FROM_DEFAULT, 0))
            return false;
    }
    return true;
}

bool fl__settings_complete(struct fl__settings *settings)
{
    if (!take_environment(settings))
        return false;
    if (fl__settings_find(settings, "config") != NULL) {
        settings->file = fl__settings_text(settings, "config");
        if (settings->file != NULL && !fl__config_read(settings, settings->file))
            return false;
    }
    return take_defaults(settings);
}

void fl__settings_origin(const struct fl__settings *settings, const char *name, char *out, size_t size)
{
    unsigned place = place_of(settings, name);
    char variable[64];
    switch (settings->values[place].origin) {
    case FL__FROM_DEFAULT:
        snprintf(out, size, "default");
        return;
    case FL__FROM_FILE:
        snprintf(out, size, "%s, line %u", settings->file, settings->values[place].line);
        return;
    case FL__FROM_ENVIRONMENT:
        fl__settings_variable(&settings->options[place], variable, sizeof variable);
        snprintf(out, size, "environment, %s", variable);
        return;
    case FL__FROM_COMMAND_LINE:
        snprintf(out, size, "command line");
        return;
    }
}

bool fl__settings_given(const struct fl__settings *settings, const char *name)
{
    unsigned place = place_of(settings, name);
    return settings->values[place].text != NULL && settings->values[place].origin != FL__FROM_DEFAULT;
}

const char *fl__settings_text(const struct fl__settings *settings, const char *name)
{
    return settings->values[place_of(settings, name)].text;
}

bool fl__settings_flag(const struct fl__settings *settings, const char *name)
{
    const char *text = fl__settings_text(settings, name);
    bool set = false;
    return text != NULL && fl__value_flag(text, &set) && set;
}

uint64_t fl__settings_number(const struct fl__settings *settings, const char *name)
{
    const char *text = fl__settings_text(settings, name);
    enum fl__kind kind = settings->options[place_of(settings, name)].kind;
    uint64_t value = 0;
    bool read = false;
    fl_assert(text != NULL);
    if (kind == FL__COUNT)
        read = fl__value_count(text, &value);
    else if (kind == FL__MILLISECONDS || kind == FL__SECONDS)
        read = fl__value_duration(text, kind == FL__SECONDS ? 1000000 : 1000, &value);
    else
        read = fl__value_size(text, &value);
    fl_assert(read);
    return value;
}
