/* payload.c - the format of a log entry's data.
 *
 *     offset  size
 *     0       1     version: 1
 *     1       1     kind: 0 tick, 1 command, 2 transaction, 3 guarded transaction
 *     2             tick: nothing; command: one call;
 *                   transaction: u32: how many calls; then these, one behind the other;
 *                   guarded: u32: how many calls; u32: how many conditions, at least one; then the
 *                   conditions, one behind the other; then the calls
 *
 *     u32, u64  little-endian
 *     condition a key as its size and its bytes; u64: the revision that it is to have, 0 if there is to be
 *               no such key. WATCH noted both; unless all hold, none of the calls is done.
 *     call      number of arguments, then each argument as its size and its bytes. Without arguments it is a
 *               hole of a transaction: a command about the client or the node, answered outside the entry.
 *     number    unsigned, below 2^32: seven bits to a byte, the lowest first, the top bit set where more
 *               follow; in as few bytes as it needs.
 *
 * The first argument is the command's name as the client wrote it: names mean the same in every version, and
 * are readable in a dump. Data is as long as its content, to the byte. */
#include "keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VERSION 1
#define HEADER_SIZE 2
#define COUNT_SIZE 4
#define REVISION_SIZE 8
#define NUMBER_SIZE_MAX 5
#define CAPACITY_MIN 256
#define SHOWN_SIZE_MAX 64 /* Bytes of one argument in a description. */
#define DOTS "..."        /* Here something is left out. */

/* ------------------------------------------------------------------------------------------------ writing */

static size_t number_size(size_t number)
{
    size_t size = 1;
    while (number >= 0x80) {
        number >>= 7;
        size++;
    }
    return size;
}

static char *write_number(char *out, size_t number)
{
    while (number >= 0x80) {
        *out++ = (char)(number | 0x80);
        number >>= 7;
    }
    *out++ = (char)number;
    return out;
}

static size_t call_size(const struct fl__bytes *args, uint32_t arg_count)
{
    size_t size = number_size(arg_count);
    for (uint32_t k = 0; k < arg_count; k++)
        size += number_size(args[k].size) + args[k].size;
    return size;
}

static void write_call(char *out, const struct fl__bytes *args, uint32_t arg_count)
{
    out = write_number(out, arg_count);
    for (uint32_t k = 0; k < arg_count; k++) {
        out = write_number(out, args[k].size);
        if (args[k].size > 0)
            memcpy(out, args[k].data, args[k].size);
        out += args[k].size;
    }
}

static void write_fixed(char *out, uint64_t value, int size)
{
    for (int k = 0; k < size; k++)
        out[k] = (char)(value >> 8 * k);
}

struct fl__bytes fl__payload_tick(void)
{
    static const char tick[HEADER_SIZE] = {VERSION, FL__PAYLOAD_TICK};
    return (struct fl__bytes){tick, sizeof tick};
}

size_t fl__payload_command_size(const struct fl__bytes *args, uint32_t arg_count)
{
    return HEADER_SIZE + call_size(args, arg_count);
}

void fl__payload_command_write(char *out, const struct fl__bytes *args, uint32_t arg_count)
{
    out[0] = VERSION;
    out[1] = FL__PAYLOAD_COMMAND;
    write_call(out + HEADER_SIZE, args, arg_count);
}

void fl__transaction_init(struct fl__transaction *transaction)
{
    *transaction = (struct fl__transaction){0};
}

void fl__transaction_release(struct fl__transaction *transaction)
{
    free(transaction->data);
    fl__transaction_init(transaction);
}

static int grow_transaction(struct fl__transaction *transaction, size_t size)
{
    if (size <= transaction->capacity)
        return FL_OK;
    size_t capacity = transaction->capacity * 2;
    if (capacity < size)
        capacity = size < CAPACITY_MIN ? CAPACITY_MIN : size;
    char *data = realloc(transaction->data, capacity);
    if (data == NULL)
        return FL_ENOMEM;
    transaction->data = data;
    transaction->capacity = capacity;
    return FL_OK;
}

int fl__transaction_add(struct fl__transaction *transaction, const struct fl__command *command,
                        const struct fl__bytes *args, uint32_t arg_count)
{
    bool is_hole = command->class != FL__CLASS_READ && command->class != FL__CLASS_WRITE;
    uint32_t written_count = is_hole ? 0 : arg_count;
    size_t start = transaction->size > 0 ? transaction->size : HEADER_SIZE + COUNT_SIZE;
    size_t size = start + call_size(args, written_count);
    if (size > FL__TRANSACTION_SIZE_MAX || transaction->count == FL__ARGS_MAX)
        return FL_ETOOBIG;
    int error = grow_transaction(transaction, size);
    if (error != FL_OK)
        return error;
    transaction->data[0] = VERSION;
    transaction->data[1] = FL__PAYLOAD_TRANSACTION;
    write_call(transaction->data + start, args, written_count);
    transaction->size = size;
    transaction->count++;
    write_fixed(transaction->data + HEADER_SIZE, transaction->count, COUNT_SIZE);
    transaction->holes += is_hole;
    transaction->has_write |= command->class == FL__CLASS_WRITE;
    transaction->may_grow |= (command->flags & FL__DENYOOM) != 0;
    transaction->stretches |= command->stretch != NULL;
    return FL_OK;
}

size_t fl__payload_condition_size(struct fl__bytes key)
{
    return number_size(key.size) + key.size + REVISION_SIZE;
}

void fl__payload_condition_write(char *out, struct fl__bytes key, uint64_t revision)
{
    out = write_number(out, key.size);
    if (key.size > 0)
        memcpy(out, key.data, key.size);
    write_fixed(out + key.size, revision, REVISION_SIZE);
}

int fl__transaction_guard(struct fl__transaction *transaction, struct fl__bytes conditions, uint32_t count)
{
    const size_t start = HEADER_SIZE + COUNT_SIZE;
    size_t calls_size = transaction->size > 0 ? transaction->size - start : 0;
    size_t size = start + COUNT_SIZE + conditions.size + calls_size;
    if (size > FL__TRANSACTION_SIZE_MAX)
        return FL_ETOOBIG;
    int error = grow_transaction(transaction, size);
    if (error != FL_OK)
        return error;
    char *to = transaction->data + start;
    memmove(to + COUNT_SIZE + conditions.size, to, calls_size);
    write_fixed(to, count, COUNT_SIZE);
    memcpy(to + COUNT_SIZE, conditions.data, conditions.size);
    transaction->data[0] = VERSION;
    transaction->data[1] = FL__PAYLOAD_GUARDED;
    write_fixed(transaction->data + HEADER_SIZE, transaction->count, COUNT_SIZE);
    transaction->size = size;
    return FL_OK;
}

/* ------------------------------------------------------------------------------------------------ reading */

/* Reads a number from the front of *rest. False: there is none, or not in its shortest form. */
static bool take_number(struct fl__bytes *rest, uint32_t *number)
{
    uint64_t value = 0;
    for (size_t k = 0; k < NUMBER_SIZE_MAX && k < rest->size; k++) {
        unsigned char byte = (unsigned char)rest->data[k];
        value |= (uint64_t)(byte & 0x7f) << 7 * k;
        if (byte & 0x80)
            continue;
        if (value > UINT32_MAX || (byte == 0 && k > 0))
            return false;
        *number = (uint32_t)value;
        rest->data += k + 1;
        rest->size -= k + 1;
        return true;
    }
    return false;
}

static bool take_bytes(struct fl__bytes *rest, size_t size, struct fl__bytes *bytes)
{
    if (size > rest->size)
        return false;
    *bytes = (struct fl__bytes){rest->data, size};
    rest->data += size;
    rest->size -= size;
    return true;
}

static bool take_arg(struct fl__bytes *rest, struct fl__bytes *arg)
{
    uint32_t size;
    return take_number(rest, &size) && take_bytes(rest, size, arg);
}

/* Reads the number of arguments of a call. An argument takes a byte at least, so a number that is too large
 * for what follows is refused before anything is done with it. */
static bool take_arg_count(struct fl__bytes *rest, uint32_t *arg_count)
{
    return take_number(rest, arg_count) && *arg_count <= FL__ARGS_MAX && *arg_count <= rest->size;
}

static bool skip_call(struct fl__bytes *rest, bool may_be_hole)
{
    uint32_t arg_count;
    struct fl__bytes arg;
    if (!take_arg_count(rest, &arg_count) || (arg_count == 0 && !may_be_hole))
        return false;
    for (; arg_count > 0; arg_count--) {
        if (!take_arg(rest, &arg))
            return false;
    }
    return true;
}

static bool take_fixed(struct fl__bytes *rest, int size, uint64_t *value)
{
    struct fl__bytes bytes;
    if (!take_bytes(rest, (size_t)size, &bytes))
        return false;
    *value = 0;
    for (int k = 0; k < size; k++)
        *value |= (uint64_t)(unsigned char)bytes.data[k] << 8 * k;
    return true;
}

static bool take_condition(struct fl__bytes *rest, struct fl__bytes *key, uint64_t *revision)
{
    return take_arg(rest, key) && key->size <= FL__KEY_SIZE_MAX && take_fixed(rest, REVISION_SIZE, revision);
}

/* What stands before the conditions and the calls. */
struct header {
    enum fl__payload_kind kind;
    uint64_t calls, conditions;
};

static bool take_header(struct fl__bytes *rest, struct header *header)
{
    struct fl__bytes bytes;
    if (!take_bytes(rest, HEADER_SIZE, &bytes) || bytes.data[0] != VERSION)
        return false;
    *header = (struct header){.kind = (enum fl__payload_kind)(unsigned char)bytes.data[1]};
    switch (header->kind) {
    case FL__PAYLOAD_TICK:
        return true;
    case FL__PAYLOAD_COMMAND:
        header->calls = 1;
        return true;
    case FL__PAYLOAD_TRANSACTION:
        return take_fixed(rest, COUNT_SIZE, &header->calls);
    case FL__PAYLOAD_GUARDED:
        return take_fixed(rest, COUNT_SIZE, &header->calls) &&
               take_fixed(rest, COUNT_SIZE, &header->conditions) && header->conditions > 0;
    }
    return false;
}

int fl__payload_check(struct fl__bytes data)
{
    struct header header;
    struct fl__bytes key;
    uint64_t revision;
    if (!take_header(&data, &header))
        return FL_EMESSAGE;
    for (; header.conditions > 0; header.conditions--) {
        if (!take_condition(&data, &key, &revision))
            return FL_EMESSAGE;
    }
    for (; header.calls > 0; header.calls--) {
        if (!skip_call(&data, header.kind != FL__PAYLOAD_COMMAND))
            return FL_EMESSAGE;
    }
    return data.size == 0 ? FL_OK : FL_EMESSAGE;
}

void fl__payload_open(struct fl__payload_reader *reader, struct fl__bytes data)
{
    struct header header;
    bool whole = take_header(&data, &header);
    fl_assert(whole);
    reader->kind = header.kind;
    reader->left = (uint32_t)header.calls;
    reader->conditions_left = (uint32_t)header.conditions;
    reader->rest = data;
}

void fl__payload_next_condition(struct fl__payload_reader *reader, struct fl__bytes *key, uint64_t *revision)
{
    bool whole = reader->conditions_left > 0 && take_condition(&reader->rest, key, revision);
    fl_assert(whole);
    reader->conditions_left--;
}

int fl__payload_next(struct fl__payload_reader *reader)
{
    struct fl__bytes rest = reader->rest;
    uint32_t arg_count;
    bool whole = reader->conditions_left == 0 && reader->left > 0 && take_arg_count(&rest, &arg_count);
    fl_assert(whole);
    if (arg_count > reader->capacity) {
        uint32_t capacity = arg_count < 16 ? 16 : arg_count;
        struct fl__bytes *list = realloc(reader->list, capacity * sizeof *list);
        if (list == NULL)
            return FL_ENOMEM;
        reader->list = list;
        reader->capacity = capacity;
    }
    for (uint32_t k = 0; k < arg_count; k++) {
        whole = take_arg(&rest, &reader->list[k]);
        fl_assert(whole);
    }
    reader->args = reader->list;
    reader->arg_count = arg_count;
    reader->rest = rest;
    reader->left--;
    return FL_OK;
}

void fl__payload_release(struct fl__payload_reader *reader)
{
    free(reader->list);
    *reader = (struct fl__payload_reader){0};
}

/* --------------------------------------------------------------------------------------------- for people */

/* Text in pieces, none of which is shown in part; what follows one that has no room is left out. */
struct text {
    char *data;
    size_t size, size_max;
    size_t dots_at; /* Where DOTS would still have room, between two pieces. */
    bool is_cut;
};

static void add_piece(struct text *text, struct fl__bytes piece)
{
    text->is_cut = text->is_cut || piece.size > text->size_max - text->size;
    if (text->is_cut || piece.size == 0)
        return;
    memcpy(text->data + text->size, piece.data, piece.size);
    text->size += piece.size;
    if (text->size + strlen(DOTS) <= text->size_max)
        text->dots_at = text->size;
}

static void add_text(struct text *text, const char *piece)
{
    add_piece(text, fl__bytes_of(piece));
}

static bool is_plain(struct fl__bytes arg)
{
    for (size_t k = 0; k < arg.size; k++) {
        if (arg.data[k] <= ' ' || arg.data[k] > '~' || arg.data[k] == '"' || arg.data[k] == '\\' ||
            arg.data[k] == ';')
            return false;
    }
    return arg.size > 0;
}

/* The character of that size; 0: a byte that is none. */
static void add_character(struct text *text, const char *data, size_t size)
{
    char escaped[5];
    if (size == 0)
        snprintf(escaped, sizeof escaped, "\\x%02x", (unsigned)(unsigned char)*data);
    else
        snprintf(escaped, sizeof escaped, "\\%c", *data);
    if (size == 0 || *data == '"' || *data == '\\')
        add_text(text, escaped);
    else
        add_piece(text, (struct fl__bytes){data, size});
}

static void add_arg(struct text *text, struct fl__bytes arg)
{
    size_t size_max = arg.size < SHOWN_SIZE_MAX ? arg.size : SHOWN_SIZE_MAX, shown = 0;
    bool quoted = !is_plain((struct fl__bytes){arg.data, size_max});
    add_text(text, quoted ? "\"" : "");
    while (shown < size_max) {
        size_t size = fl__utf8_size((struct fl__bytes){arg.data + shown, arg.size - shown});
        if (size > size_max - shown)
            break;
        add_character(text, arg.data + shown, size);
        shown += size > 0 ? size : 1;
    }
    if (quoted)
        add_text(text, "\"");
    if (shown < arg.size)
        add_text(text, DOTS);
}

static void add_call(struct text *text, struct fl__bytes *rest)
{
    uint32_t arg_count = 0;
    bool whole = take_arg_count(rest, &arg_count);
    if (arg_count == 0)
        add_text(text, "(answered by the node)");
    for (uint32_t k = 0; k < arg_count && whole && !text->is_cut; k++) {
        struct fl__bytes arg = {0};
        whole = take_arg(rest, &arg);
        if (k > 0)
            add_text(text, " ");
        add_arg(text, arg);
    }
}

/* "WATCH a@17 b@0; ": keys, and the revisions that they are to have. */
static void add_conditions(struct text *text, struct fl__bytes *rest, uint64_t count)
{
    for (uint64_t k = 0; k < count; k++) {
        struct fl__bytes key = {0};
        uint64_t revision = 0;
        char number[32];
        bool whole = take_condition(rest, &key, &revision);
        fl_assert(whole);
        add_text(text, k == 0 ? "WATCH " : " ");
        add_arg(text, key);
        snprintf(number, sizeof number, "@%llu", (unsigned long long)revision);
        add_text(text, number);
    }
    if (count > 0)
        add_text(text, "; ");
}

static void describe(struct text *text, struct fl__bytes data)
{
    struct header header;
    if (fl__payload_check(data) != FL_OK || !take_header(&data, &header)) {
        add_text(text, "(damaged)");
        return;
    }
    if (header.kind == FL__PAYLOAD_TICK)
        add_text(text, "(tick)");
    add_conditions(text, &data, header.conditions);
    if (header.kind == FL__PAYLOAD_TRANSACTION || header.kind == FL__PAYLOAD_GUARDED)
        add_text(text, header.calls == 0 ? "MULTI" : "MULTI; ");
    for (uint64_t k = 0; k < header.calls && !text->is_cut; k++) {
        if (k > 0)
            add_text(text, "; ");
        add_call(text, &data);
    }
}

void fl__payload_describe(struct fl__bytes data, char *out, size_t out_size)
{
    if (out_size == 0)
        return;
    struct text text = {.data = out, .size_max = out_size - 1};
    describe(&text, data);
    if (text.is_cut && text.size_max >= strlen(DOTS)) {
        text.size = text.dots_at;
        text.is_cut = false;
        add_text(&text, DOTS);
    }
    out[text.size] = '\0';
}
