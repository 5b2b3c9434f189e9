/* setting.c - `config`, and `serve --check`: what the settings of a node are set to, by whom, and all about
 * one of them.
 *
 * `config` takes what the environment and a file say; `serve --check` takes its command line too. */
#include "cli.h"

#include <string.h>
#include <unistd.h>

void fl__setting_default(const struct fl__option *option, char *out, size_t size)
{
    if (option->shown != NULL)
        snprintf(out, size, "%s", option->shown);
    else if (option->initial != NULL)
        snprintf(out, size, "%s", option->initial);
    else
        snprintf(out, size, "%s", option->kind == FL__FLAG ? "no" : "none");
}

void fl__setting_allowed(const struct fl__option *option, char *out, size_t size)
{
    /* Nothing is never a value, so this says what would be. */
    if (option->kind == FL__MEMBERS)
        snprintf(out, size, "NAME=HOST:PORT,..., one for each member, %d at most", FL_MEMBERS_MAX);
    else if (option->kind == FL__LETTERS)
        (void)fl__value_check(option, "?", out, size); /* For whom nothing is a value too: no letter. */
    else if (fl__value_check(option, "", out, size))
        out[0] = '\0';
}

/* The value as it is used, which may be another than what was given. */
static void say_value(const struct fl__settings *settings, const struct fl__option *option, char *out,
                      size_t size)
{
    const char *text = fl__settings_text(settings, option->name);
    char host[FL_NAME_MAX];
    if (text != NULL)
        snprintf(out, size, "%s", text);
    else if (strcmp(option->name, "name") == 0 && gethostname(host, sizeof host) == 0)
        snprintf(out, size, "%s", host);
    else if (strcmp(option->name, "heartbeat") == 0)
        fl__value_duration_text(fl__serve_heartbeat(settings), out, size);
    else
        snprintf(out, size, "%s", option->kind == FL__FLAG ? "no" : "-");
}

static void say_from(const struct fl__settings *settings, const struct fl__option *option, char *out,
                     size_t size)
{
    char memory[32];
    fl__settings_origin(settings, option->name, out, size);
    size_t used = strlen(out);
    if (strcmp(option->name, "maxmemory") == 0) {
        uint64_t limit = fl__serve_memory_max(settings);
        fl__value_size_text(limit, memory, sizeof memory);
        snprintf(out + used, size - used, " (%s)", limit == 0 ? "no limit" : memory);
    } else if (fl__settings_text(settings, option->name) == NULL && option->shown != NULL) {
        snprintf(out + used, size - used, " (%s)", option->shown);
    }
}

void fl__setting_table(const struct fl__settings *settings, bool explained)
{
    static const char *const titles[] = {"SETTING", "VALUE", "FROM", "WHAT IT IS"};
    const unsigned columns = explained ? 4 : 3;
    struct fl__table table;
    fl__table_init(&table, columns, titles);
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        char value[2048], from[512];
        if (option->local)
            continue;
        say_value(settings, option, value, sizeof value);
        say_from(settings, option, from, sizeof from);
        fl__table_add(&table, FL__PLAIN, "%s", option->name);
        fl__table_add(&table, FL__PLAIN, "%s", value);
        fl__table_add(&table, FL__PLAIN, "%s", from);
        if (explained)
            fl__table_add(&table, FL__PLAIN, "%s", option->help);
    }
    for (unsigned i = 0; i < settings->redis_count; i++) {
        fl__table_add(&table, FL__PLAIN, "redis.%s", settings->redis[i].name);
        fl__table_add(&table, FL__PLAIN, "%s", settings->redis[i].value);
        fl__table_add(&table, FL__PLAIN, "%s, line %u", settings->file, settings->redis_lines[i]);
        if (explained)
            fl__table_add(&table, FL__PLAIN, "as CONFIG SET takes it");
    }
    table.wraps = true;
    fl__table_print(&table, stdout, false, isatty(STDOUT_FILENO) ? fl__terminal_width() : UINT16_MAX);
    fl__table_release(&table);
    fflush(stdout);
}

static void print_page(const struct fl__settings *settings, const struct fl__option *option)
{
    char text[2048], from[512];
    const char *value = option->value == NULL ? "yes" : option->value;
    printf("%s: %s\n\n", option->name, option->help);
    printf("  option       --%s%s%s\n", option->name, option->value == NULL ? "" : " ",
           option->value == NULL ? "" : option->value);
    fl__settings_variable(option, text, sizeof text);
    printf("  environment  %s\n", text);
    if (!option->environment_only)
        printf("  file         %s = %s\n", option->name, value);
    fl__setting_allowed(option, text, sizeof text);
    printf("  allowed      %s\n", text);
    fl__setting_default(option, text, sizeof text);
    printf("  default      %s\n", text);
    say_value(settings, option, text, sizeof text);
    say_from(settings, option, from, sizeof from);
    printf("  now          %s, from: %s\n", text, from);
}

static int refuse_name(const struct fl__settings *settings, const char *name)
{
    const char *words[FL__OPTIONS_MAX + 1];
    unsigned count = 0;
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        if (!option->local)
            words[count++] = option->name;
    }
    words[count] = NULL;
    const char *near = fl__value_nearest(name, words);
    fl__say_error(FL__CODE_USAGE, "there is no setting \"%s\"", name);
    if (near != NULL)
        fl__say_fact("do", "perhaps you meant fairlead config %s", near);
    else
        fl__say_fact("do", "fairlead config lists all");
    return FL__EXIT_USAGE;
}

/* "listen", "--listen" and "FAIRLEAD_LISTEN" are the same setting. */
static const struct fl__option *find_setting(const struct fl__settings *settings, const char *name)
{
    char variable[64];
    for (const struct fl__option *option = settings->options; option->name != NULL; option++) {
        fl__settings_variable(option, variable, sizeof variable);
        bool is_named = strcmp(name, option->name) == 0 || strcmp(name, variable) == 0;
        if (is_named && !option->local)
            return option;
    }
    return NULL;
}

int fl__run_config(const struct fl__call *call)
{
    struct fl__settings settings;
    const char *file = fl__settings_text(&call->settings, "file");
    int code = FL__EXIT_USAGE;
    fl__settings_init(&settings, fl__options_serve);
    if ((file == NULL || fl__settings_put(&settings, fl__settings_find(&settings, "config"), file,
                                          FL__FROM_COMMAND_LINE, 0)) &&
        fl__settings_complete(&settings)) {
        code = FL__EXIT_OK;
        const struct fl__option *option =
            call->argument_count > 0 ? find_setting(&settings, call->arguments[0]) : NULL;
        if (option != NULL)
            print_page(&settings, option);
        else if (call->argument_count > 0)
            code = refuse_name(&settings, call->arguments[0]);
        else
            fl__setting_table(&settings, true);
    }
    fl__settings_release(&settings);
    return code;
}
