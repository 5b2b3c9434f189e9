/* bitfield.c - command bodies: strings as integers of any width at any bit.
 *
 * BITFIELD's arguments are a list of operations. It is read again and again, without being kept: first to see
 * that all of it is right, then whether it changes anything, then to carry it out. Replies and complaints are
 * Redis 7.0's, word for word. */
#include "keyspace.h"

enum operation { GET, SET, INCRBY };
enum overflow { WRAP, SATURATE, FAIL };

/* Where a number lies, counted in bits from the value's start, and how wide it is. */
struct field {
    uint64_t offset;
    uint32_t width; /* 1 to 64, without a sign 63. */
    bool is_signed;
};

/* The operations of a call: the one read last, and where the next one begins. */
struct list {
    enum operation operation;
    struct field field;
    int64_t number; /* SET and INCRBY. */
    enum overflow overflow;
    uint32_t next; /* Position in args. */
};

/* ------------------------------------------------------------------------------------------------ reading */

static bool read_type(const struct fl__call *call, uint32_t k, struct field *field)
{
    struct fl__bytes text = call->args[k];
    int64_t width = 0;
    bool is_valid = text.size > 1 && (text.data[0] == 'i' || text.data[0] == 'u');
    field->is_signed = is_valid && text.data[0] == 'i';
    is_valid = is_valid && fl__number_parse((struct fl__bytes){text.data + 1, text.size - 1}, &width) &&
               width >= 1 && width <= (field->is_signed ? 64 : 63);
    if (!is_valid)
        fl__reply_error(call->reply, "ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is "
                                     "not supported but i64 is.");
    field->width = (uint32_t)width;
    return is_valid;
}

static bool read_overflow(const struct fl__call *call, uint32_t k, enum overflow *overflow)
{
    if (fl__bytes_is(call->args[k], "wrap")) {
        *overflow = WRAP;
    } else if (fl__bytes_is(call->args[k], "sat")) {
        *overflow = SATURATE;
    } else if (fl__bytes_is(call->args[k], "fail")) {
        *overflow = FAIL;
    } else {
        fl__reply_error(call->reply, "ERR Invalid OVERFLOW type specified");
        return false;
    }
    return true;
}

/* Reads the OVERFLOWs that stand before an operation. False: complained. */
static bool skip_overflows(const struct fl__call *call, struct list *list)
{
    while (list->next + 1 < call->arg_count && fl__bytes_is(call->args[list->next], "overflow")) {
        if (!read_overflow(call, list->next + 1, &list->overflow))
            return false;
        list->next += 2;
    }
    return true;
}

/* How many arguments the operation named by args[k] takes after its name; 0: there is no such one. */
static uint32_t read_operation(const struct fl__call *call, uint32_t k, enum operation *operation)
{
    if (fl__bytes_is(call->args[k], "get")) {
        *operation = GET;
        return 2;
    }
    *operation = fl__bytes_is(call->args[k], "set") ? SET : INCRBY;
    return *operation == SET || fl__bytes_is(call->args[k], "incrby") ? 3 : 0;
}

static bool read_next(const struct fl__call *call, struct list *list)
{
    uint32_t k = list->next;
    uint32_t count = read_operation(call, k, &list->operation);
    if (count == 0 || call->arg_count - k - 1 < count) {
        fl__reply_error(call->reply, FL__ERROR_SYNTAX);
        return false;
    }
    list->next = k + 1 + count;
    return read_type(call, k + 1, &list->field) &&
           fl__bit_read_offset(call, k + 2, list->field.width, &list->field.offset) &&
           (list->operation == GET || fl__call_integer(call, k + 3, &list->number));
}

/* ------------------------------------------------------------------------------------------------- fields */

/* Of the byte in which a field has bits left, those that are the field's. */
struct part {
    size_t byte;
    uint32_t width, shift;
};

static struct part part_at(const struct field *field, uint32_t done)
{
    uint64_t bit = field->offset + done;
    uint32_t room = 8 - (uint32_t)(bit % 8), left = field->width - done;
    uint32_t width = room < left ? room : left;
    return (struct part){(size_t)(bit / 8), width, room - width};
}

/* A number of so many bits, with its sign if it has one. */
static int64_t extend(const struct field *field, uint64_t bits)
{
    uint64_t sign = (uint64_t)1 << (field->width - 1);
    bits &= sign | (sign - 1);
    return (int64_t)(field->is_signed ? (bits ^ sign) - sign : bits);
}

/* Behind a value's end there are zeros. */
static int64_t get_field(struct fl__bytes value, const struct field *field)
{
    uint64_t bits = 0;
    for (uint32_t done = 0; done < field->width;) {
        struct part part = part_at(field, done);
        unsigned byte = part.byte < value.size ? (unsigned char)value.data[part.byte] : 0;
        bits = bits << part.width | (byte >> part.shift & ((1u << part.width) - 1));
        done += part.width;
    }
    return extend(field, bits);
}

static void set_field(char *bytes, const struct field *field, int64_t number)
{
    for (uint32_t done = 0; done < field->width;) {
        struct part part = part_at(field, done);
        done += part.width;
        unsigned mask = ((1u << part.width) - 1) << part.shift;
        unsigned bits = (unsigned)((uint64_t)number >> (field->width - done)) << part.shift;
        bytes[part.byte] = (char)((unsigned char)(bytes[part.byte] & ~mask) | (bits & mask));
    }
}

/* Brings a sum into a field's range. False: it does not fit, and has to. `passed` is the sign of what was
 * added if that has wrapped the sum, else 0. */
static bool fit(const struct field *field, enum overflow overflow, int passed, int64_t *number)
{
    int64_t max = (int64_t)(((uint64_t)1 << (field->width - field->is_signed)) - 1);
    int64_t min = field->is_signed ? -max - 1 : 0;
    bool is_above = passed > 0 || (passed == 0 && *number > max);
    bool is_below = passed < 0 || (passed == 0 && *number < min);
    if (!is_above && !is_below)
        return true;
    if (overflow == SATURATE)
        *number = is_above ? max : min;
    else
        *number = extend(field, (uint64_t)*number);
    return overflow != FAIL;
}

/* What a write makes of a field. False: nothing, because of an overflow. */
static bool compute(const struct list *list, int64_t old, int64_t *number)
{
    int passed = 0;
    *number = list->number;
    if (list->operation == SET) /* Without a sign, below zero is far above. */
        passed = !list->field.is_signed && list->number < 0;
    else if (__builtin_add_overflow(old, list->number, number))
        passed = list->number < 0 ? -1 : 1;
    return fit(&list->field, list->overflow, passed, number);
}

/* --------------------------------------------------------------------------------------- BITFIELD and _RO */

/* What a call's operations are together. */
struct summary {
    size_t count;
    size_t size_written; /* Of the value, up to the end of the last field that is written. 0: none is. */
};

/* False: complained. */
static bool check_list(const struct fl__call *call, struct summary *summary)
{
    struct list list = {.next = 2};
    for (*summary = (struct summary){0}; list.next < call->arg_count; summary->count++) {
        if (!skip_overflows(call, &list))
            return false;
        if (list.next == call->arg_count)
            break;
        if (!read_next(call, &list))
            return false;
        size_t end = (size_t)((list.field.offset + list.field.width + 7) / 8);
        if (list.operation != GET && end > summary->size_written)
            summary->size_written = end;
    }
    if (summary->size_written > 0 && call->command->class == FL__CLASS_READ) {
        fl__reply_error(call->reply, "ERR BITFIELD_RO only supports the GET subcommand");
        return false;
    }
    if (summary->size_written > FL__VALUE_SIZE_MAX) {
        fl__reply_error(call->reply, "ERR bit offset is not an integer or out of range");
        return false;
    }
    return true;
}

uint64_t fl__bit_stretch_bitfield(const struct fl__call *call)
{
    struct summary summary;
    return check_list(call, &summary) ? fl__call_growth(call, 1, summary.size_written) : 0;
}

/* What the operations of a call work on. */
struct target {
    struct fl__bytes value;
    char *bytes;    /* The same, to be written to. NULL: no field will get another number. */
    bool has_grown; /* What is written is a change, then, even if the bits are the same. */
};

/* Carries out the operation read last. True: it has changed something. */
static bool run_operation(struct fl__call *call, const struct list *list, const struct target *target)
{
    int64_t old = get_field(target->value, &list->field), number;
    if (list->operation == GET) {
        fl__reply_integer(call->reply, old);
        return false;
    }
    if (!compute(list, old, &number)) {
        fl__reply_null(call->reply);
        return false;
    }
    if (number != old)
        set_field(target->bytes, &list->field, number);
    fl__reply_integer(call->reply, list->operation == SET ? old : number);
    return number != old || target->has_grown;
}

/* The next operation of a list that has been found right. */
static void take_next(const struct fl__call *call, struct list *list)
{
    bool is_right = skip_overflows(call, list) && read_next(call, list);
    fl_assert(is_right);
}

/* True: it has changed something. */
static bool run_list(struct fl__call *call, const struct summary *summary, const struct target *target)
{
    struct list list = {.next = 2};
    bool has_changed = false;
    fl__reply_array(call->reply, summary->count);
    for (size_t k = 0; k < summary->count; k++) {
        take_next(call, &list);
        has_changed |= run_operation(call, &list, target);
    }
    return has_changed;
}

/* Whether any field gets another number. Up to the first that does, everything is as it was. */
static bool would_change(const struct fl__call *call, const struct summary *summary, struct fl__bytes value)
{
    struct list list = {.next = 2};
    for (size_t k = 0; k < summary->count; k++) {
        take_next(call, &list);
        int64_t old = get_field(value, &list.field), number;
        if (list.operation != GET && compute(&list, old, &number) && number != old)
            return true;
    }
    return false;
}

/* A value that is too short for what is to be written grows, even if all of that overflows. */
static void write_fields(struct fl__call *call, const struct summary *summary, struct fl__bytes value)
{
    struct target target = {.value = value, .has_grown = summary->size_written > value.size};
    if (target.has_grown || would_change(call, summary, value)) {
        size_t size = target.has_grown ? summary->size_written : value.size;
        target.bytes = fl__store_edit(call, call->args[1], size);
        if (target.bytes == NULL)
            return;
        target.value = (struct fl__bytes){target.bytes, size};
    }
    if (run_list(call, summary, &target))
        fl__store_notify(call->store, FL__EVENT_STRING, "setbit", call->args[1]);
}

void fl__bit_bitfield(struct fl__call *call)
{
    struct summary summary;
    if (!check_list(call, &summary))
        return;
    bool is_read = call->command->class == FL__CLASS_READ;
    const struct fl__item *item =
        is_read ? fl__store_look_up(call->store, call->args[1]) : fl__store_find(call->store, call->args[1]);
    write_fields(call, &summary, item == NULL ? (struct fl__bytes){0} : fl__item_value(item));
}
