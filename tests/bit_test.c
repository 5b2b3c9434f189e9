/* bit_test.c - strings as bits, beside a twin that knows nothing of bytes and words: it keeps each bit in an
 * element of its own, and looks at one after the other. */
#include "calls.h"
#include "seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TWIN_COUNT 4
#define BIT_COUNT 1200 /* A multiple of 8. */

/* Keys "0", "1" ...; bits behind the size are 0. */
struct twin {
    uint8_t bits[BIT_COUNT];
    uint32_t size; /* In bits. 0: there is no such key. */
};

struct life {
    struct calls calls;
    struct twin twins[TWIN_COUNT];
    uint64_t random;
};

static void life_begin(struct life *life, uint64_t seed)
{
    *life = (struct life){.random = seed};
    calls_begin(&life->calls);
}

static uint32_t draw(struct life *life, uint32_t below)
{
    life->random = life->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(life->random >> 33) % below;
}

static void expect_number(struct life *life, const char *line, int64_t number)
{
    char expected[32];
    snprintf(expected, sizeof expected, ":%lld\r\n", (long long)number);
    calls_expect(&life->calls, line, expected);
}

static void grow(struct twin *twin, uint32_t bit)
{
    if (bit >= twin->size)
        twin->size = (bit / 8 + 1) * 8;
}

/* Whether key and twin are the same. */
static void check_value(const struct life *life, uint32_t which)
{
    const char key[] = {(char)('0' + which), '\0'};
    const struct twin *twin = &life->twins[which];
    const struct fl__item *item = fl__store_find(life->calls.store, fl__bytes_of(key));
    assert_int_equal(item == NULL, twin->size == 0);
    if (item == NULL)
        return;
    struct fl__bytes value = fl__item_value(item);
    assert_int_equal(value.size * 8, twin->size);
    for (uint32_t k = 0; k < twin->size; k++)
        assert_int_equal((unsigned char)value.data[k / 8] >> (7 - k % 8) & 1, twin->bits[k]);
}

/* -------------------------------------------------------------------------------------------- single bits */

static void set_bit(struct life *life)
{
    char line[64];
    uint32_t which = draw(life, TWIN_COUNT), bit = draw(life, BIT_COUNT), to = draw(life, 2);
    struct twin *twin = &life->twins[which];
    snprintf(line, sizeof line, "setbit %u %u %u", which, bit, to);
    expect_number(life, line, twin->bits[bit]);
    twin->bits[bit] = (uint8_t)to;
    grow(twin, bit);
    snprintf(line, sizeof line, "getbit %u %u", which, bit);
    expect_number(life, line, to);
}

/* A long row of equal bits, so that there is something to skip. */
static void set_row(struct life *life)
{
    uint32_t which = draw(life, TWIN_COUNT), first = draw(life, BIT_COUNT / 8), size = 1 + draw(life, 40);
    char line[64], piece[41], byte = "U\x7f@"[draw(life, 3)];
    if (first + size > BIT_COUNT / 8)
        return;
    memset(piece, byte, size);
    piece[size] = '\0';
    struct twin *twin = &life->twins[which];
    grow(twin, (first + size) * 8 - 1);
    snprintf(line, sizeof line, "setrange %u %u %s", which, first, piece);
    expect_number(life, line, twin->size / 8);
    for (uint32_t k = first * 8; k < (first + size) * 8; k++)
        twin->bits[k] = byte >> (7 - k % 8) & 1;
}

static int64_t clamp(int64_t place, int64_t total)
{
    place = place < 0 ? place + total : place;
    return place < 0 ? 0 : place;
}

/* Ends of a span of a twin, in bits. False: it is empty. */
static bool draw_span(struct life *life, const struct twin *twin, char *text, size_t size, int64_t *first,
                      int64_t *last)
{
    bool in_bits = draw(life, 2) == 0;
    int64_t unit = in_bits ? 1 : 8, total = twin->size / unit, range = BIT_COUNT / unit + 5;
    do {
        *first = (int64_t)draw(life, (uint32_t)(2 * range)) - range;
        *last = (int64_t)draw(life, (uint32_t)(2 * range)) - range;
    } while (*first < 0 && *last < 0 && *first > *last); /* On these BITCOUNT and BITPOS differ. */
    snprintf(text, size, "%lld %lld %s", (long long)*first, (long long)*last, in_bits ? "bit" : "byte");
    *first = clamp(*first, total);
    *last = clamp(*last, total);
    *last = *last < total ? *last : total - 1;
    bool has_bits = *first <= *last;
    *first *= unit;
    *last = *last * unit + unit - 1;
    return has_bits;
}

static void count_bits(struct life *life)
{
    char line[96], span[64];
    int64_t first, last, count = 0;
    uint32_t which = draw(life, TWIN_COUNT);
    const struct twin *twin = &life->twins[which];
    bool has_bits = draw_span(life, twin, span, sizeof span, &first, &last);
    for (int64_t k = first; has_bits && k <= last; k++)
        count += twin->bits[k];
    snprintf(line, sizeof line, "bitcount %u %s", which, span);
    expect_number(life, line, count);
}

static void find_bit(struct life *life)
{
    char line[96], span[64];
    int64_t first, last, found = -1;
    uint32_t which = draw(life, TWIN_COUNT), wanted = draw(life, 2);
    const struct twin *twin = &life->twins[which];
    bool has_bits = draw_span(life, twin, span, sizeof span, &first, &last);
    for (int64_t k = first; has_bits && found < 0 && k <= last; k++)
        found = twin->bits[k] == wanted ? k : -1;
    if (twin->size == 0)
        found = wanted == 0 ? 0 : -1;
    snprintf(line, sizeof line, "bitpos %u %u %s", which, wanted, span);
    expect_number(life, line, found);
}

/* Without an end: zeros follow. */
static void find_bit_from(struct life *life)
{
    char line[96];
    uint32_t which = draw(life, TWIN_COUNT), wanted = draw(life, 2), first = draw(life, BIT_COUNT / 8);
    const struct twin *twin = &life->twins[which];
    int64_t found = -1;
    for (uint32_t k = first * 8; found < 0 && k < twin->size; k++)
        found = twin->bits[k] == wanted ? (int64_t)k : -1;
    if (found < 0 && wanted == 0 && first * 8 < twin->size)
        found = twin->size;
    if (twin->size == 0)
        found = wanted == 0 ? 0 : -1;
    snprintf(line, sizeof line, "bitpos %u %u %u", which, wanted, first);
    expect_number(life, line, found);
}

/* -------------------------------------------------------------------------------------------------- BITOP */

static uint8_t combine_bits(uint32_t operation, bool is_first, uint8_t before, uint8_t bit)
{
    if (operation == 3)
        return !bit;
    if (is_first)
        return bit;
    return operation == 0 ? before & bit : operation == 1 ? before | bit : before ^ bit;
}

static void combine(struct life *life)
{
    static const char *const names[] = {"and", "or", "xor", "not"};
    char line[96];
    uint32_t operation = draw(life, 4), to = draw(life, TWIN_COUNT);
    uint32_t source_count = operation == 3 ? 1 : 1 + draw(life, 4);
    struct twin result = {.size = 0};
    int used = snprintf(line, sizeof line, "bitop %s %u", names[operation], to);
    for (uint32_t k = 0; k < source_count; k++) {
        uint32_t which = draw(life, TWIN_COUNT + 1); /* The last one does not exist. */
        static const struct twin none;
        const struct twin *source = which < TWIN_COUNT ? &life->twins[which] : &none;
        used += snprintf(line + used, sizeof line - (size_t)used, " %u", which);
        for (uint32_t i = 0; i < BIT_COUNT; i++) {
            result.bits[i] = combine_bits(operation, k == 0, result.bits[i], source->bits[i]);
        }
        result.size = source->size > result.size ? source->size : result.size;
    }
    memset(result.bits + result.size, 0, BIT_COUNT - result.size);
    expect_number(life, line, result.size / 8);
    life->twins[to] = result;
    check_value(life, to);
}

/* ----------------------------------------------------------------------------------------------- BITFIELD */

__extension__ typedef __int128 wide;

struct field {
    uint32_t which, offset, width;
    bool is_signed;
};

static wide get_field(const struct life *life, const struct field *field)
{
    wide value = 0;
    for (uint32_t k = 0; k < field->width; k++)
        value = value * 2 + life->twins[field->which].bits[field->offset + k];
    bool is_negative = field->is_signed && life->twins[field->which].bits[field->offset] == 1;
    return is_negative ? value - ((wide)1 << field->width) : value;
}

static void set_field(struct life *life, const struct field *field, wide value)
{
    struct twin *twin = &life->twins[field->which];
    grow(twin, field->offset + field->width - 1);
    for (uint32_t k = field->width; k > 0; k--, value >>= 1)
        twin->bits[field->offset + k - 1] = value & 1;
}

static struct field draw_field(struct life *life)
{
    struct field field = {.which = draw(life, TWIN_COUNT), .is_signed = draw(life, 2) == 1};
    uint32_t width_max = field.is_signed ? 64 : 63;
    field.width = draw(life, 4) == 0 ? width_max : 1 + draw(life, width_max);
    field.offset = draw(life, BIT_COUNT - 64);
    return field;
}

static int64_t draw_operand(struct life *life)
{
    int64_t value = (int64_t)((uint64_t)draw(life, 1u << 31) << 33 | draw(life, 1u << 31));
    return value >> (draw(life, 2) == 0 ? 0 : draw(life, 64));
}

/* What a sum becomes in a field; false: it does not fit, with FAIL. */
static bool fit(const struct field *field, uint32_t overflow, wide *sum)
{
    wide max = ((wide)1 << (field->width - field->is_signed)) - 1, min = field->is_signed ? -max - 1 : 0;
    if (*sum >= min && *sum <= max)
        return true;
    wide period = (wide)1 << field->width;
    if (overflow == 1)
        *sum = *sum > max ? max : min;
    else
        *sum = ((*sum - min) % period + period) % period + min;
    return overflow != 2;
}

static void change_field(struct life *life)
{
    static const char *const overflows[] = {"wrap", "sat", "fail"};
    char line[160], expected[64];
    struct field field = draw_field(life);
    uint32_t overflow = draw(life, 3);
    bool is_set = draw(life, 2) == 0;
    int64_t operand = draw_operand(life);
    wide old = get_field(life, &field), sum = is_set ? operand : old + operand;
    if (is_set && !field.is_signed && operand < 0)
        sum += (wide)1 << 64; /* Read as a number without a sign. */
    bool fits = fit(&field, overflow, &sum);
    snprintf(line, sizeof line, "bitfield %u overflow %s %s %c%u %u %lld", field.which, overflows[overflow],
             is_set ? "set" : "incrby", field.is_signed ? 'i' : 'u', field.width, field.offset,
             (long long)operand);
    snprintf(expected, sizeof expected, fits ? "*1\r\n:%lld\r\n" : "*1\r\n$-1\r\n",
             (long long)(is_set ? old : sum));
    calls_expect(&life->calls, line, expected);
    set_field(life, &field, fits ? sum : old);
    check_value(life, field.which);
}

/* Of both commands, two fields at once, the second counted in fields. */
static void read_fields(struct life *life)
{
    char line[128], expected[64];
    struct field a = draw_field(life), b = draw_field(life);
    uint32_t place = b.offset / b.width;
    b.which = a.which;
    b.offset = place * b.width;
    snprintf(line, sizeof line, "bitfield%s %u get %c%u %u get %c%u #%u", draw(life, 2) == 0 ? "" : "_ro",
             a.which, a.is_signed ? 'i' : 'u', a.width, a.offset, b.is_signed ? 'i' : 'u', b.width, place);
    snprintf(expected, sizeof expected, "*2\r\n:%lld\r\n:%lld\r\n", (long long)get_field(life, &a),
             (long long)get_field(life, &b));
    calls_expect(&life->calls, line, expected);
}

/* ---------------------------------------------------------------------------------------------- the tests */

static void forget(struct life *life)
{
    char line[16];
    uint32_t which = draw(life, TWIN_COUNT);
    snprintf(line, sizeof line, "del %u", which);
    calls_say(&life->calls, line);
    life->twins[which] = (struct twin){.size = 0};
}

static void test_bits_are_those_of_a_twin_that_looks_at_one_at_a_time(void **state)
{
    static void (*const acts[])(struct life *) = {
        set_bit,  set_bit,       set_row, set_row,      count_bits,   count_bits,
        find_bit, find_bit_from, combine, change_field, change_field, read_fields,
    };
    struct life life;
    uint64_t count = seeds_count(60000, 2000000);
    (void)state;
    life_begin(&life, 5);
    for (uint64_t k = 0; k < count; k++) {
        acts[draw(&life, sizeof acts / sizeof *acts)](&life);
        if (k % 100 == 0)
            forget(&life);
        if (k % 16 == 0)
            check_value(&life, draw(&life, TWIN_COUNT));
    }
    calls_end(&life.calls);
}

/* Values of ones alone, of every size up to some words more than are counted at once. */
static void test_long_rows_of_ones_are_counted(void **state)
{
    struct life life;
    char line[64];
    (void)state;
    life_begin(&life, 0);
    for (int size = 1; size < 600; size++) {
        snprintf(line, sizeof line, "setbit zeros %d 0", size * 8 - 1);
        calls_say(&life.calls, line);
        calls_say(&life.calls, "bitop not ones zeros");
        expect_number(&life, "bitcount ones", size * 8);
        expect_number(&life, "bitcount ones 1 -2 bit", size * 8 - 2);
        expect_number(&life, "bitpos ones 0", size * 8);
        expect_number(&life, "bitpos zeros 1", -1);
    }
    calls_end(&life.calls);
}

/* Of a row of operations each sees what those before it did, and one that fails does not stop the others. */
static void test_the_operations_of_bitfield_follow_each_other(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_expect(&calls, "bitfield k set u8 #0 200 incrby u8 0 100 overflow fail incrby u8 0 250 get u8 0",
                 "*4\r\n:0\r\n:44\r\n$-1\r\n:44\r\n");
    calls_expect(&calls, "bitfield k overflow sat incrby i8 0 100 overflow wrap incrby i8 0 1",
                 "*2\r\n:127\r\n:-128\r\n");
    calls_end(&calls);
}

/* Redis' arithmetic wraps there, and saturates at the other end. */
static void test_a_number_far_below_saturates_below(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_expect(&calls, "bitfield k overflow sat set i8 0 -9223372036854775808 get i8 0",
                 "*2\r\n:0\r\n:-128\r\n");
    calls_end(&calls);
}

static void test_wrong_operations_change_nothing(void **state)
{
    static const char *const wrong[] = {
        "bitfield k set u8 0 1 foo",
        "bitfield k set u8 0 1 set u8 0",
        "bitfield k set u8 0 1 get u64 0",
        "bitfield k set u8 0 1 get i0 0",
        "bitfield k set u8 0 1 get u8 -1",
        "bitfield k set u8 0 1 incrby u8 0 x",
        "bitfield k set u8 0 1 overflow foo",
        "bitfield k set u8 0 1 overflow",
        "bitfield k set u8 0 1 get u8 #67108864",
        "bitfield k set u8 0 1 set i64 536870911 1",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        const char *reply = calls_say(&calls, wrong[k]);
        if (reply[0] != '-' || fl__store_find(calls.store, fl__bytes_of("k")) != NULL)
            fail_msg("%s: replied %s", wrong[k], reply);
    }
    calls_end(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bits_are_those_of_a_twin_that_looks_at_one_at_a_time),
        cmocka_unit_test(test_long_rows_of_ones_are_counted),
        cmocka_unit_test(test_the_operations_of_bitfield_follow_each_other),
        cmocka_unit_test(test_a_number_far_below_saturates_below),
        cmocka_unit_test(test_wrong_operations_change_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
