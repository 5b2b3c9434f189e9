/* docs.c - the command table told to clients: COMMAND, its subcommands, and HELP.
 *
 * The arguments of a command stand in its row in this notation:
 *
 *     arguments  argument, argument ... separated by a blank each
 *     argument   name:type, then in this order what applies: =TOKEN, @since, !deprecated since, ? (optional),
 *                * (multiple; **: with its token each time), (arguments). A name may hold colons, a type
 *                does not.
 *
 * for instance "key:key condition:oneof@2.6.12?(nx:pure-token=NX xx:pure-token=XX)". Since a reply announces
 * how many parts follow, and not where they end, writing it is one pass over the text: a closing bracket
 * needs nothing. */
#include "keyspace.h"

#include <stdio.h>
#include <string.h>

static const char *const flag_names[] = {
    "write",   "readonly", "denyoom",      "admin", "pubsub",  "noscript",
    "loading", "stale",    "skip_slowlog", "fast",  "no_auth", "allow_busy",
};
#define FLAG_COUNT (sizeof flag_names / sizeof flag_names[0])

static const char *const category_names[] = {
    "@keyspace", "@read", "@write",     "@string",     "@bitmap",      "@pubsub",    "@admin",
    "@fast",     "@slow", "@dangerous", "@connection", "@transaction", "@scripting",
};
#define CATEGORY_COUNT (sizeof category_names / sizeof category_names[0])

/* ------------------------------------------------------------------------------------------------- pieces */

static void put_names(struct fl__reply *reply, uint32_t bits, const char *const *names, uint32_t name_count)
{
    fl__reply_set(reply, (size_t)__builtin_popcount(bits));
    for (uint32_t k = 0; k < name_count; k++) {
        if (bits & (1u << k))
            fl__reply_status(reply, names[k]);
    }
}

/* The piece of a text before a separator, which is dropped from it. */
static struct fl__bytes take_piece(const char **text, char separator)
{
    const char *start = *text;
    size_t size = 0;
    while (start[size] != '\0' && start[size] != separator)
        size++;
    *text = start + size + (start[size] != '\0');
    return (struct fl__bytes){start, size};
}

static size_t count_pieces(const char *text, char separator)
{
    size_t count = 0;
    while (text != NULL && *text != '\0') {
        take_piece(&text, separator);
        count++;
    }
    return count;
}

/* A set of statuses. */
static void put_words(struct fl__reply *reply, struct fl__bytes words)
{
    char text[128], word[64];
    snprintf(text, sizeof text, "%.*s", (int)words.size, words.data);
    fl__reply_set(reply, count_pieces(text, ' '));
    for (const char *rest = text; *rest != '\0';) {
        struct fl__bytes piece = take_piece(&rest, ' ');
        snprintf(word, sizeof word, "%.*s", (int)piece.size, piece.data);
        fl__reply_status(reply, word);
    }
}

static void put_tips(struct fl__reply *reply, const char *tips)
{
    fl__reply_set(reply, count_pieces(tips, ' '));
    while (tips != NULL && *tips != '\0')
        fl__reply_bulk(reply, take_piece(&tips, ' '));
}

static void put_pair(struct fl__reply *reply, const char *key, const char *value)
{
    fl__reply_text(reply, key);
    fl__reply_text(reply, value);
}

static size_t count_subs(const struct fl__command *command)
{
    size_t count = 0;
    const struct fl__command *sub = fl__command_next_sub(command, NULL);
    for (; sub != NULL; sub = fl__command_next_sub(command, sub))
        count++;
    return count;
}

static bool is_top(const struct fl__command *command)
{
    return strchr(command->name, '|') == NULL;
}

static size_t count_tops(void)
{
    size_t count = 0;
    for (uint32_t k = 0; k < fl__command_count; k++)
        count += is_top(&fl__commands[k]);
    return count;
}

/* --------------------------------------------------------------------------------------------------- INFO */

static void put_number(struct fl__reply *reply, const char *key, int64_t value)
{
    fl__reply_text(reply, key);
    fl__reply_integer(reply, value);
}

/* The k-th specification of keys, from 0: each but the last is about one key. */
static void put_key_specification(struct fl__reply *reply, const struct fl__command *command, size_t k,
                                  struct fl__bytes flags, bool is_last)
{
    int32_t first = command->first_key + (int32_t)k * command->key_step;
    int32_t last = is_last ? command->last_key : first;
    fl__reply_map(reply, command->key_notes == NULL ? 3 : 4);
    if (command->key_notes != NULL)
        put_pair(reply, "notes", command->key_notes);
    fl__reply_text(reply, "flags");
    put_words(reply, flags);

    fl__reply_text(reply, "begin_search");
    fl__reply_map(reply, 2);
    put_pair(reply, "type", "index");
    fl__reply_text(reply, "spec");
    fl__reply_map(reply, 1);
    put_number(reply, "index", first);

    fl__reply_text(reply, "find_keys");
    fl__reply_map(reply, 2);
    put_pair(reply, "type", "range");
    fl__reply_text(reply, "spec");
    fl__reply_map(reply, 3);
    put_number(reply, "lastkey", last < 0 ? last : last - first);
    put_number(reply, "keystep", command->key_step);
    put_number(reply, "limit", 0);
}

static void put_key_specifications(struct fl__reply *reply, const struct fl__command *command)
{
    const char *rest = command->first_key == 0 ? NULL : command->key_flags;
    fl__reply_set(reply, count_pieces(rest, '|'));
    for (size_t k = 0; rest != NULL && *rest != '\0'; k++) {
        struct fl__bytes flags = take_piece(&rest, '|');
        put_key_specification(reply, command, k, flags, *rest == '\0');
    }
}

static void put_info(struct fl__reply *reply, const struct fl__command *command)
{
    fl__reply_array(reply, 10);
    fl__reply_text(reply, command->name);
    fl__reply_integer(reply, command->arity);
    put_names(reply, command->flags, flag_names, FLAG_COUNT);
    fl__reply_integer(reply, command->first_key);
    fl__reply_integer(reply, command->last_key);
    fl__reply_integer(reply, command->key_step);
    put_names(reply, command->categories, category_names, CATEGORY_COUNT);
    put_tips(reply, command->tips);
    put_key_specifications(reply, command);
    fl__reply_set(reply, count_subs(command));
    const struct fl__command *sub = fl__command_next_sub(command, NULL);
    for (; sub != NULL; sub = fl__command_next_sub(command, sub))
        put_info(reply, sub);
}

static void put_all_info(struct fl__reply *reply)
{
    fl__reply_array(reply, count_tops());
    for (uint32_t k = 0; k < fl__command_count; k++) {
        if (is_top(&fl__commands[k]))
            put_info(reply, &fl__commands[k]);
    }
}

void fl__local_command(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                       uint32_t arg_count)
{
    (void)client, (void)args, (void)arg_count;
    put_all_info(reply);
}

void fl__local_command_count(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)client, (void)args, (void)arg_count;
    fl__reply_integer(reply, (int64_t)count_tops());
}

void fl__local_command_info(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)client;
    if (arg_count == 2) {
        put_all_info(reply);
        return;
    }
    fl__reply_array(reply, arg_count - 2);
    for (uint32_t k = 2; k < arg_count; k++) {
        const struct fl__command *command = fl__command_named(args[k]);
        if (command == NULL)
            fl__reply_null(reply);
        else
            put_info(reply, command);
    }
}

/* --------------------------------------------------------------------------------------------------- DOCS */

/* One argument of the notation. */
struct argument {
    struct fl__bytes name, type, token, since, deprecated;
    bool is_optional, is_multiple, repeats_token, has_children;
};

/* The arguments on the level where `text` begins. */
static size_t count_arguments(const char *text)
{
    size_t count = 1;
    for (int depth = 0; *text != '\0' && depth >= 0; text++) {
        depth += (*text == '(') - (*text == ')');
        count += *text == ' ' && depth == 0;
    }
    return count;
}

static struct fl__bytes take_field(const char **text)
{
    size_t size = strcspn(*text, ":=@!?*( )");
    struct fl__bytes field = {*text, size};
    *text += size;
    return field;
}

static bool take_mark(const char **text, char mark)
{
    bool is_there = **text == mark;
    *text += is_there;
    return is_there;
}

static struct argument take_argument(const char **text)
{
    struct argument argument = {.name = take_field(text)};
    if (take_mark(text, ':'))
        argument.type = take_field(text);
    while (take_mark(text, ':')) {
        argument.name.size += 1 + argument.type.size;
        argument.type = take_field(text);
    }
    if (take_mark(text, '='))
        argument.token = take_field(text);
    if (take_mark(text, '@'))
        argument.since = take_field(text);
    if (take_mark(text, '!'))
        argument.deprecated = take_field(text);
    argument.is_optional = take_mark(text, '?');
    argument.is_multiple = take_mark(text, '*');
    argument.repeats_token = take_mark(text, '*');
    argument.has_children = take_mark(text, '(');
    return argument;
}

static void put_field(struct fl__reply *reply, const char *key, struct fl__bytes value)
{
    if (value.size == 0)
        return;
    fl__reply_text(reply, key);
    fl__reply_bulk(reply, value);
}

/* key_index: the specification that it belongs to, if it is a key. */
static void put_argument(struct fl__reply *reply, const struct argument *argument, size_t key_index)
{
    bool is_key = fl__bytes_is(argument->type, "key");
    bool has_flags = argument->is_optional || argument->is_multiple;
    fl__reply_map(reply, 2 + (size_t)is_key + (argument->token.size > 0) + (argument->since.size > 0) +
                             (argument->deprecated.size > 0) + has_flags + argument->has_children);
    put_field(reply, "name", argument->name);
    put_field(reply, "type", argument->type);
    if (is_key)
        put_number(reply, "key_spec_index", (int64_t)key_index);
    put_field(reply, "token", argument->token);
    put_field(reply, "since", argument->since);
    put_field(reply, "deprecated_since", argument->deprecated);
    if (has_flags) {
        fl__reply_text(reply, "flags");
        fl__reply_set(reply, (size_t)argument->is_optional + argument->is_multiple + argument->repeats_token);
        if (argument->is_optional)
            fl__reply_status(reply, "optional");
        if (argument->is_multiple)
            fl__reply_status(reply, "multiple");
        if (argument->repeats_token)
            fl__reply_status(reply, "multiple_token");
    }
}

static void put_arguments(struct fl__reply *reply, const struct fl__command *command)
{
    const char *text = command->arguments;
    size_t key_count = 0, specification_count = count_pieces(command->key_flags, '|');
    fl__reply_text(reply, "arguments");
    fl__reply_array(reply, count_arguments(text));
    while (*text != '\0') {
        struct argument argument = take_argument(&text);
        put_argument(reply, &argument, key_count);
        if (fl__bytes_is(argument.type, "key") && key_count + 1 < specification_count)
            key_count++;
        if (argument.has_children) {
            fl__reply_text(reply, "arguments");
            fl__reply_array(reply, count_arguments(text));
            continue;
        }
        text += strspn(text, ") ");
    }
}

static void put_history(struct fl__reply *reply, const char *history)
{
    fl__reply_text(reply, "history");
    fl__reply_set(reply, count_pieces(history, '\n'));
    while (*history != '\0') {
        fl__reply_array(reply, 2);
        fl__reply_bulk(reply, take_piece(&history, ':'));
        fl__reply_bulk(reply, take_piece(&history, '\n'));
    }
}

static void put_deprecation(struct fl__reply *reply, const char *deprecated)
{
    fl__reply_text(reply, "doc_flags");
    put_words(reply, fl__bytes_of("deprecated"));
    put_field(reply, "deprecated_since", take_piece(&deprecated, ':'));
    put_pair(reply, "replaced_by", deprecated);
}

/* A command's name and what is to be known about it. */
static void put_docs(struct fl__reply *reply, const struct fl__command *command)
{
    size_t sub_count = count_subs(command);
    fl__reply_text(reply, command->name);
    fl__reply_map(reply, 4 + (command->deprecated != NULL ? 3 : 0) + (command->history != NULL) +
                             (command->arguments != NULL) + (sub_count > 0));
    put_pair(reply, "summary", command->summary);
    put_pair(reply, "since", command->since);
    put_pair(reply, "group", command->group);
    put_pair(reply, "complexity", command->complexity);
    if (command->deprecated != NULL)
        put_deprecation(reply, command->deprecated);
    if (command->history != NULL)
        put_history(reply, command->history);
    if (command->arguments != NULL)
        put_arguments(reply, command);
    if (sub_count == 0)
        return;
    fl__reply_text(reply, "subcommands");
    fl__reply_map(reply, sub_count);
    const struct fl__command *sub = fl__command_next_sub(command, NULL);
    for (; sub != NULL; sub = fl__command_next_sub(command, sub))
        put_docs(reply, sub);
}

void fl__local_command_docs(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)client;
    if (arg_count == 2) {
        fl__reply_map(reply, count_tops());
        for (uint32_t k = 0; k < fl__command_count; k++) {
            if (is_top(&fl__commands[k]))
                put_docs(reply, &fl__commands[k]);
        }
        return;
    }
    size_t found_count = 0;
    for (uint32_t k = 2; k < arg_count; k++)
        found_count += fl__command_named(args[k]) != NULL;
    fl__reply_map(reply, found_count);
    for (uint32_t k = 2; k < arg_count; k++) {
        const struct fl__command *command = fl__command_named(args[k]);
        if (command != NULL)
            put_docs(reply, command);
    }
}

/* --------------------------------------------------------------------------------------------------- LIST */

enum filter { FILTER_NONE, FILTER_MODULE, FILTER_CATEGORY, FILTER_PATTERN };

static enum filter filter_named(struct fl__bytes name)
{
    if (fl__bytes_is(name, "module"))
        return FILTER_MODULE;
    if (fl__bytes_is(name, "aclcat"))
        return FILTER_CATEGORY;
    return fl__bytes_is(name, "pattern") ? FILTER_PATTERN : FILTER_NONE;
}

static bool is_listed(const struct fl__command *command, enum filter filter, struct fl__bytes value,
                      uint64_t *steps)
{
    if (filter == FILTER_CATEGORY) {
        for (uint32_t k = 0; k < CATEGORY_COUNT; k++) {
            if (fl__bytes_is(value, category_names[k] + 1))
                return (command->categories & (1u << k)) != 0;
        }
        return false;
    }
    if (filter == FILTER_PATTERN)
        return fl__glob_match(value, fl__bytes_of(command->name), true, steps);
    return filter == FILTER_NONE; /* There are no modules. */
}

void fl__local_command_list(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)client;
    bool is_filtered = arg_count == 5 && fl__bytes_is(args[2], "filterby");
    enum filter filter = is_filtered ? filter_named(args[3]) : FILTER_NONE;
    if (arg_count != 2 && filter == FILTER_NONE) {
        fl__reply_error(reply, "ERR syntax error");
        return;
    }
    struct fl__bytes value = is_filtered ? args[4] : (struct fl__bytes){0};
    size_t listed_count = 0;
    uint64_t steps = FL__GLOB_STEPS_MAX;
    for (uint32_t k = 0; k < fl__command_count; k++)
        listed_count += is_listed(&fl__commands[k], filter, value, &steps);
    if (steps == 0) {
        fl__reply_error(reply, FL__ERROR_STEPS);
        return;
    }
    fl__reply_array(reply, listed_count);
    steps = FL__GLOB_STEPS_MAX;
    for (uint32_t k = 0; k < fl__command_count; k++) {
        if (is_listed(&fl__commands[k], filter, value, &steps))
            fl__reply_text(reply, fl__commands[k].name);
    }
}

/* ------------------------------------------------------------------------------------------------ GETKEYS */

/* SET reads the key only if it is asked to. */
static const char *use_by_set(const struct fl__bytes *args, uint32_t arg_count)
{
    for (uint32_t k = 3; k < arg_count; k++) {
        if (fl__bytes_is(args[k], "get"))
            return "RW access update";
    }
    return "OW update";
}

/* BITFIELD writes unless each of its parts is a whole GET. */
static const char *use_by_bitfield(const struct fl__bytes *args, uint32_t arg_count)
{
    uint32_t k = 2;
    while (k < arg_count) {
        if (fl__bytes_is(args[k], "get") && arg_count - k > 2)
            k += 3;
        else if (fl__bytes_is(args[k], "overflow") && arg_count - k > 1)
            k += 2;
        else
            return "RW access update";
    }
    return "RO access";
}

/* The flags of a call's keys, of which two commands decide by their arguments. */
static const char *use_of_keys(const struct fl__command *command, const struct fl__bytes *args,
                               uint32_t arg_count)
{
    if (strcmp(command->name, "set") == 0)
        return use_by_set(args, arg_count);
    if (strcmp(command->name, "bitfield") == 0)
        return use_by_bitfield(args, arg_count);
    return command->key_flags;
}

static void put_keys(struct fl__reply *reply, const struct fl__command *command, const struct fl__bytes *args,
                     uint32_t arg_count, bool with_flags)
{
    uint32_t first, last, step;
    if (!fl__command_keys(command, arg_count, &first, &last, &step) || last < first || last >= arg_count) {
        fl__reply_error(reply, "ERR Invalid arguments specified for command");
        return;
    }
    const char *rest = use_of_keys(command, args, arg_count);
    struct fl__bytes flags = {0};
    fl__reply_array(reply, (last - first) / step + 1);
    for (uint32_t k = first; k <= last; k += step) {
        if (*rest != '\0')
            flags = take_piece(&rest, '|');
        if (with_flags)
            fl__reply_array(reply, 2);
        fl__reply_bulk(reply, args[k]);
        if (with_flags)
            put_words(reply, flags);
    }
}

/* The call asked about follows "COMMAND GETKEYS". */
static void get_keys(struct fl__reply *reply, const struct fl__bytes *args, uint32_t arg_count,
                     bool with_flags)
{
    const struct fl__command *command = fl__command_look_up(args + 2, arg_count - 2);
    if (command == NULL)
        fl__reply_error(reply, "ERR Invalid command specified");
    else if (command->first_key == 0)
        fl__reply_error(reply, "ERR The command has no key arguments");
    else if (!fl__command_takes(command, arg_count - 2))
        fl__reply_error(reply, "ERR Invalid number of arguments specified for command");
    else
        put_keys(reply, command, args + 2, arg_count - 2, with_flags);
}

void fl__local_command_getkeys(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    get_keys(reply, args, arg_count, false);
}

void fl__local_command_getkeysandflags(struct fl__client *client, struct fl__reply *reply,
                                       const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    get_keys(reply, args, arg_count, true);
}

/* --------------------------------------------------------------------------------------------------- HELP */

#define LINE_SIZE 512
#define HELP_DEPTH 8 /* Arguments within arguments. */

static void upper_case(char *text)
{
    for (; *text != '\0'; text++)
        *text = (char)(*text >= 'a' && *text <= 'z' ? *text - ('a' - 'A') : *text);
}

/* Adds to a line what still fits. */
static void add(char *line, const char *text, size_t text_size)
{
    size_t size = strlen(line), room = LINE_SIZE - 1 - size;
    size_t added = text_size < room ? text_size : room;
    if (added > 0)
        memcpy(line + size, text, added);
    line[size + added] = '\0';
}

static void add_text(char *line, const char *text)
{
    add(line, text, strlen(text));
}

static bool is_choice(const struct argument *argument)
{
    return fl__bytes_is(argument->type, "oneof");
}

/* "[COUNT <count>", "<key>", "(" */
static void open_argument(char *line, const struct argument *argument)
{
    bool is_word = fl__bytes_is(argument->type, "pure-token");
    add_text(line, argument->is_optional ? "[" : is_choice(argument) ? "(" : "");
    add(line, (const char *)argument->token.data, argument->token.size);
    add_text(line, argument->token.size > 0 && !is_word ? " " : "");
    if (is_word || argument->has_children)
        return;
    add_text(line, "<");
    add(line, (const char *)argument->name.data, argument->name.size);
    add_text(line, ">");
}

static void close_argument(char *line, const struct argument *argument)
{
    add_text(line, argument->is_multiple ? " ..." : "");
    add_text(line, argument->is_optional ? "]" : is_choice(argument) ? ")" : "");
}

/* " <key> [SAMPLES <count>]" */
static void add_arguments(char *line, const char *text)
{
    struct argument open[HELP_DEPTH]; /* Those whose children are being written. */
    unsigned depth = 0;
    add_text(line, *text == '\0' ? "" : " ");
    while (*text != '\0') {
        if (take_mark(&text, ' ')) {
            add_text(line, depth > 0 && is_choice(&open[depth - 1]) ? "|" : " ");
        } else if (take_mark(&text, ')')) {
            close_argument(line, &open[--depth]);
        } else {
            struct argument argument = take_argument(&text);
            fl_assert(depth < HELP_DEPTH);
            open_argument(line, &argument);
            if (argument.has_children)
                open[depth++] = argument;
            else
                close_argument(line, &argument);
        }
    }
}

/* "SETNAME <connection-name>" and what it does, a line each. */
static void put_help(struct fl__reply *reply, const struct fl__command *sub)
{
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s", strchr(sub->name, '|') + 1);
    upper_case(line);
    if (sub->arguments != NULL)
        add_arguments(line, sub->arguments);
    fl__reply_status(reply, line);
    snprintf(line, sizeof line, "    %s", sub->summary);
    fl__reply_status(reply, line);
}

void fl__local_help(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    (void)client, (void)arg_count;
    const struct fl__command *container = fl__command_named(args[0]);
    char line[LINE_SIZE];
    snprintf(line, sizeof line, "%s", container->name);
    upper_case(line);
    size_t size = strlen(line);
    snprintf(line + size, sizeof line - size, " <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    fl__reply_array(reply, 1 + 2 * count_subs(container));
    fl__reply_status(reply, line);
    const struct fl__command *sub = fl__command_next_sub(container, NULL);
    for (; sub != NULL; sub = fl__command_next_sub(container, sub))
        put_help(reply, sub);
}
