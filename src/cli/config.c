/* config.c - the configuration file: lines `name = value`, read by inih.
 *
 * Names are those of the options without dashes; "redis.NAME" is a setting as CONFIG SET takes it, which
 * CONFIG REWRITE writes and the server checks when it opens. A line that starts with # or ; is a comment, and
 * so is what follows " ;". There are no sections. A name stands once; a list (bootstrap) may go on in lines
 * that begin with blanks, after a comma at the end of the one before. A mistake stops the reading: a server
 * must not start with half of its settings. */
#include "cli.h"

#include <errno.h>
#include <ini.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define REDIS_PREFIX "redis."

struct reader {
    struct fl__settings *settings;
    FILE *file;
    const char *path;
    unsigned line;
    bool failed; /* And it was said why. */
    /* What the file gave so far, by place: a list that goes on is joined here. */
    char *seen[FL__OPTIONS_MAX];
};

/* To inih a section is no line of its own, but comes with the names in it. */
static bool has_section(struct reader *reader, const char *line)
{
    line += strspn(line, " \t");
    if (line[0] != '[')
        return false;
    fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: sections such as %.*s are not used here", reader->path,
                  reader->line, (int)strcspn(line, "\r\n"), line);
    fl__say_fact("do", "leave the line out");
    reader->failed = true;
    return true;
}

/* For inih: fgets that counts lines, does not cut long ones in two, and lets no section pass. */
static char *read_line(char *out, int size, void *context)
{
    struct reader *reader = context;
    if (reader->failed || fgets(out, size, reader->file) == NULL)
        return NULL;
    reader->line++;
    size_t length = strlen(out);
    if (length > 0 && out[length - 1] != '\n' && !feof(reader->file)) {
        fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: longer than %d characters", reader->path,
                      reader->line, size - 2);
        fl__say_fact(
            "do", "let the list go on in the next line: end this one with a comma, begin that with a blank");
        reader->failed = true;
        return NULL;
    }
    return has_section(reader, out) ? NULL : out;
}

static void say_no_line(const char *path, unsigned line)
{
    fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: this is not a line NAME = VALUE", path, line);
    fl__say_fact("do", "write it so, such as listen = %s", FL__DEFAULT_ADDRESS);
}

static int refuse_name(struct reader *reader, const char *name)
{
    const char *words[FL__OPTIONS_MAX + 1];
    unsigned count = 0;
    if (strchr(name, ' ') != NULL) { /* To inih, "listen 127.0.0.1:7600" is a name with a value too. */
        say_no_line(reader->path, reader->line);
        reader->failed = true;
        return 0;
    }
    for (const struct fl__option *option = reader->settings->options; option->name != NULL; option++) {
        if (!option->local && !option->environment_only)
            words[count++] = option->name;
    }
    words[count] = NULL;
    const char *near = fl__value_nearest(name, words);
    fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: there is no setting \"%s\"", reader->path, reader->line,
                  name);
    if (near != NULL)
        fl__say_fact("do", "perhaps you meant %s", near);
    else
        fl__say_fact("do", "fairlead serve --help lists the settings: each long option is one");
    reader->failed = true;
    return 0;
}

/* Keeps the text as what the file gave for the option; a list that ended with a comma goes on. NULL: said
 * why. */
static const char *join(struct reader *reader, const struct fl__option *option, const char *text)
{
    char **seen = &reader->seen[option - reader->settings->options];
    size_t before = *seen == NULL ? 0 : strlen(*seen), size = before + strlen(text) + 1;
    if (*seen != NULL && (option->kind != FL__MEMBERS || before == 0 || (*seen)[before - 1] != ',')) {
        fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: %s is set a second time", reader->path,
                      reader->line, option->name);
        return NULL;
    }
    char *joined = realloc(*seen, size);
    if (joined == NULL) {
        fl__say_error(FL__CODE_SYSTEM, "memory is short");
        return NULL;
    }
    memcpy(joined + before, text, size - before);
    *seen = joined;
    return joined;
}

static bool take_redis(struct reader *reader, const char *name, const char *text)
{
    struct fl__settings *settings = reader->settings;
    for (unsigned i = 0; i < settings->redis_count; i++) {
        if (strcasecmp(settings->redis[i].name, name) != 0)
            continue;
        fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: redis.%s is set a second time", reader->path,
                      reader->line, name);
        return false;
    }
    if (settings->redis_count == FL__REDIS_SETTINGS_MAX) {
        fl__say_error(FL__CODE_CONFIG_FILE, "%s, line %u: more than %d lines redis.NAME", reader->path,
                      reader->line, FL__REDIS_SETTINGS_MAX);
        return false;
    }
    struct fl_server_setting copy = {strdup(name), strdup(text)};
    if (copy.name == NULL || copy.value == NULL)
        fl__say_error(FL__CODE_SYSTEM, "memory is short");
    settings->redis_lines[settings->redis_count] = reader->line;
    settings->redis[settings->redis_count++] = copy;
    return copy.name != NULL && copy.value != NULL;
}

/* For inih: one name with its value. */
static int take_line(void *context, const char *section, const char *name, const char *text)
{
    (void)section;
    struct reader *reader = context;
    const struct fl__option *option = fl__settings_find(reader->settings, name);
    if (reader->failed)
        return 0;
    if (strncmp(name, REDIS_PREFIX, strlen(REDIS_PREFIX)) == 0) {
        reader->failed = !take_redis(reader, name + strlen(REDIS_PREFIX), text);
        return !reader->failed;
    }
    if (option == NULL || option->local || option->environment_only)
        return refuse_name(reader, name);
    const char *joined = join(reader, option, text);
    size_t length = joined == NULL ? 0 : strlen(joined);
    bool goes_on = option->kind == FL__MEMBERS && length > 0 && joined[length - 1] == ',';
    reader->failed = joined == NULL || (!goes_on && !fl__settings_put(reader->settings, option, joined,
                                                                      FL__FROM_FILE, reader->line));
    return !reader->failed;
}

/* A list whose last line promised another one. */
static bool check_lists_ended(struct reader *reader)
{
    for (unsigned i = 0; i < FL__OPTIONS_MAX; i++) {
        size_t length = reader->seen[i] == NULL ? 0 : strlen(reader->seen[i]);
        if (length > 0 && reader->seen[i][length - 1] == ',' &&
            reader->settings->options[i].kind == FL__MEMBERS) {
            fl__say_error(FL__CODE_CONFIG_FILE, "%s: the list of %s ends with a comma", reader->path,
                          reader->settings->options[i].name);
            return false;
        }
    }
    return true;
}

bool fl__config_read(struct fl__settings *settings, const char *path)
{
    struct reader reader = {.settings = settings, .path = path, .file = fopen(path, "re")};
    if (reader.file == NULL) {
        fl__say_error(FL__CODE_CONFIG_FILE, "the configuration file %s cannot be read", path);
        fl__say_fact("now", "%s", strerror(errno));
        return false;
    }
    int bad_line = ini_parse_stream(read_line, &reader, take_line, &reader);
    if (!reader.failed && bad_line != 0) {
        say_no_line(path, (unsigned)bad_line);
        reader.failed = true;
    }
    bool good = !reader.failed && check_lists_ended(&reader);
    for (unsigned i = 0; i < FL__OPTIONS_MAX; i++)
        free(reader.seen[i]);
    fclose(reader.file);
    return good;
}
