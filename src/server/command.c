/* command.c - finds a call's row in the command table, and says what is wrong with a call.
 *
 * Names are looked up in slots, by a hash of their size and their first bytes that has no collisions among
 * the names there are. Whoever adds a command runs tools/slots, which writes slots.inc anew; command_test
 * notices if that was forgotten. */
#include "keyspace.h"

#include <stdio.h>
#include <string.h>

#define SHOWN_MAX 128 /* Bytes of a name, and of the arguments, in a complaint. */
#define HASHED_SIZE 8
#define UPPER_SIZE 32

#include "slots.inc"

uint32_t fl__command_hash(struct fl__bytes name, uint64_t factor)
{
    uint64_t packed = 0;
    size_t hashed_size = name.size < HASHED_SIZE ? name.size : HASHED_SIZE;
    for (size_t k = 0; k < hashed_size; k++)
        packed = packed << 8 | ((unsigned char)name.data[k] | 0x20);
    packed ^= (uint64_t)name.size << 59 | name.size;
    return (uint32_t)(packed * factor >> (64 - FL__COMMAND_HASH_BITS));
}

static const struct fl__command *find_top(struct fl__bytes name)
{
    uint16_t row = slots[fl__command_hash(name, HASH_FACTOR)];
    if (row == 0 || !fl__bytes_is(name, fl__commands[row - 1].name))
        return NULL;
    return &fl__commands[row - 1];
}

const struct fl__command *fl__command_next_sub(const struct fl__command *container,
                                               const struct fl__command *sub)
{
    const struct fl__command *row = sub == NULL ? container + 1 : sub + 1;
    bool is_sub =
        container->is_container && row < fl__commands + fl__command_count && strchr(row->name, '|') != NULL;
    return is_sub ? row : NULL;
}

static const struct fl__command *find_sub(const struct fl__command *container, struct fl__bytes name)
{
    size_t prefix = strlen(container->name) + 1;
    const struct fl__command *sub = fl__command_next_sub(container, NULL);
    while (sub != NULL && !fl__bytes_is(name, sub->name + prefix))
        sub = fl__command_next_sub(container, sub);
    return sub;
}

const struct fl__command *fl__command_named(struct fl__bytes name)
{
    const char *bar = name.size == 0 ? NULL : memchr(name.data, '|', name.size);
    if (bar == NULL)
        return find_top(name);
    size_t container_size = (size_t)(bar - name.data);
    const struct fl__command *container = find_top((struct fl__bytes){name.data, container_size});
    if (container == NULL)
        return NULL;
    return find_sub(container, (struct fl__bytes){bar + 1, name.size - container_size - 1});
}

const struct fl__command *fl__command_look_up(const struct fl__bytes *args, uint32_t arg_count)
{
    const struct fl__command *command = find_top(args[0]);
    if (command == NULL || !command->is_container || arg_count == 1)
        return command;
    return find_sub(command, args[1]);
}

bool fl__command_takes(const struct fl__command *command, uint32_t arg_count)
{
    return command->arity >= 0 ? arg_count == (uint32_t)command->arity
                               : arg_count >= (uint32_t)-command->arity;
}

bool fl__command_keys(const struct fl__command *command, uint32_t arg_count, uint32_t *first, uint32_t *last,
                      uint32_t *step)
{
    if (command->first_key == 0)
        return false;
    *first = (uint32_t)command->first_key;
    *last = command->last_key < 0 ? arg_count - (uint32_t)-command->last_key : (uint32_t)command->last_key;
    *step = (uint32_t)command->key_step;
    return true;
}

/* --------------------------------------------------------------------------------------------- complaints */

static int shown_size(struct fl__bytes bytes, int size_max)
{
    return bytes.size < (size_t)size_max ? (int)bytes.size : size_max;
}

static void complain_unknown(struct fl__reply *error, const struct fl__bytes *args, uint32_t arg_count)
{
    char list[SHOWN_MAX + 4] = ""; /* The last argument may bring its quotes and a blank. */
    int size = 0;
    for (uint32_t k = 1; k < arg_count && size < SHOWN_MAX; k++)
        size += snprintf(list + size, sizeof list - (size_t)size, "'%.*s' ",
                         shown_size(args[k], SHOWN_MAX - size), args[k].data);
    fl__reply_error_format(error, "ERR unknown command '%.*s', with args beginning with: %s",
                           shown_size(args[0], SHOWN_MAX), args[0].data, list);
}

static void upper_name(const struct fl__command *container, char out[UPPER_SIZE])
{
    size_t size = 0;
    for (; container->name[size] != '\0' && size + 1 < UPPER_SIZE; size++)
        out[size] = (char)(container->name[size] - ('a' - 'A'));
    out[size] = '\0';
}

void fl__command_complain_count(const struct fl__bytes *args, struct fl__reply *error)
{
    char upper[UPPER_SIZE];
    upper_name(fl__command_named(args[0]), upper);
    fl__reply_error_format(error,
                           "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try %s HELP.",
                           shown_size(args[1], SHOWN_MAX), args[1].data, upper);
}

static void complain_unknown_sub(struct fl__reply *error, const struct fl__command *container,
                                 struct fl__bytes name)
{
    char upper[UPPER_SIZE];
    upper_name(container, upper);
    fl__reply_error_format(error, "ERR unknown subcommand '%.*s'. Try %s HELP.", shown_size(name, SHOWN_MAX),
                           name.data, upper);
}

static bool are_keys_short(const struct fl__command *command, const struct fl__bytes *args,
                           uint32_t arg_count, struct fl__reply *error)
{
    uint32_t first, last, step;
    if (!fl__command_keys(command, arg_count, &first, &last, &step))
        return true;
    for (uint32_t k = first; k <= last; k += step) {
        if (args[k].size <= FL__KEY_SIZE_MAX)
            continue;
        fl__reply_error_format(error, "ERR a key has %zu bytes; a key may have %u", args[k].size,
                               FL__KEY_SIZE_MAX);
        return false;
    }
    return true;
}

const struct fl__command *fl__command_find(const struct fl__bytes *args, uint32_t arg_count,
                                           struct fl__reply *error)
{
    const struct fl__command *command = find_top(args[0]);
    if (command == NULL) {
        complain_unknown(error, args, arg_count);
        return NULL;
    }
    if (command->is_container && arg_count > 1) {
        const struct fl__command *sub = find_sub(command, args[1]);
        if (sub == NULL) {
            complain_unknown_sub(error, command, args[1]);
            return NULL;
        }
        command = sub;
    }
    if (!fl__command_takes(command, arg_count)) {
        fl__reply_error_format(error, "ERR wrong number of arguments for '%s' command", command->name);
        return NULL;
    }
    return are_keys_short(command, args, arg_count, error) ? command : NULL;
}
