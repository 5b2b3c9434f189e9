/* decimal_test.c - numbers with a point: what is one, and what two of them are together. */
#include "keyspace.h"
#include "support/guard.h"
#include "support/seeds.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (*random >> 33) % below;
}

/* a + b as text; "none" or "infinite" if it cannot be. */
static const char *sum_of(const char *a, const char *b)
{
    static char text[FL__DECIMAL_TEXT_SIZE + 1];
    struct fl__decimal sum, addend;
    if (fl__decimal_parse(fl__bytes_of(a), &sum) != FL__DECIMAL_FINITE ||
        fl__decimal_parse(fl__bytes_of(b), &addend) != FL__DECIMAL_FINITE)
        return "none";
    if (!fl__decimal_add(&sum, &addend))
        return "infinite";
    text[fl__decimal_print(&sum, text)] = '\0';
    return text;
}

static void expect_sum(const char *a, const char *b, const char *expected)
{
    if (strcmp(sum_of(a, b), expected) != 0)
        fail_msg("%s + %s is %s, not %s", a, b, sum_of(a, b), expected);
    if (strcmp(sum_of(b, a), expected) != 0)
        fail_msg("%s + %s is %s, not %s", b, a, sum_of(b, a), expected);
}

static void test_sums_are_exact(void **state)
{
    (void)state;
    expect_sum("0.1", "0.2", "0.3");
    expect_sum("3.0e3", "200", "3200");
    expect_sum("10.50", "0.1", "10.6");
    expect_sum("-5", "5.0", "0");
    expect_sum("-.5", "+5.", "4.5");
    expect_sum("5005", "0.6", "5005.6");
    expect_sum("123456789012345678901234567890", "0.00000000000000001",
               "123456789012345678901234567890.00000000000000001");
    expect_sum("99999999999999999999.9", ".1", "100000000000000000000");
    expect_sum("100000000000000000000", "-.1", "99999999999999999999.9");
    expect_sum("-0", "-0", "0");
    expect_sum("000012.5000", "0e999999999999999999999999", "12.5");
    expect_sum("1000e-3", "0.001E+3", "2");
}

/* Half of the last decimal goes to the even one; what is beyond the places that are kept does not count. */
static void test_sums_are_rounded_to_seventeen_decimals(void **state)
{
    (void)state;
    expect_sum("0.000000000000000005", "0", "0");
    expect_sum("0.000000000000000015", "0", "0.00000000000000002");
    expect_sum("0.000000000000000025", "0", "0.00000000000000002");
    expect_sum("0.0000000000000000050000001", "0", "0.00000000000000001");
    expect_sum("-0.000000000000000015", "0", "-0.00000000000000002");
    expect_sum("-0.000000000000000004", "0", "0");
    expect_sum("9.999999999999999995", "0", "10");
    expect_sum("0.0000000000000000051", "0.0000000000000000049", "0.00000000000000001");
    expect_sum("0.000000000000000005", "1e-64", "0.00000000000000001");
    expect_sum("0.000000000000000005", "9e-65", "0");
    expect_sum("1e-4951", "0", "0");
}

static void test_the_range_ends_after_4932_digits(void **state)
{
    static char nines[FL__DECIMAL_WHOLE + 1], one[FL__DECIMAL_WHOLE + 1];
    (void)state;
    memset(nines, '9', FL__DECIMAL_WHOLE);
    memset(one, '0', FL__DECIMAL_WHOLE);
    one[0] = '1';
    expect_sum(nines, "0", nines);
    expect_sum(nines, "1", "infinite");
    expect_sum(nines, "0.99999999999999999", sum_of("0.99999999999999999", nines));
    expect_sum(nines, "0.999999999999999995", "infinite"); /* Rounded. */
    expect_sum("1e4931", "0", one);
    expect_sum("1e4932", "0", "none");
    expect_sum("0.1e4932", "0", one);
    expect_sum("1e-4952", "0", "none");
    expect_sum("1e99999999999999999999999", "0", "none");
    expect_sum("1e-99999999999999999999999", "0", "none");
    expect_sum("-1e4931", "1e4931", "0");
}

static void test_infinity_is_read_and_nan_is_not(void **state)
{
    static const char *const infinite[] = {"inf", "-inf", "+INF", "Infinity", "-iNfInItY"};
    static const char *const wrong[] = {"nan",       "-nan",  "nan(1)", "infinit",
                                        "infinityx", "--inf", " inf",   "inf "};
    struct fl__decimal number;
    (void)state;
    for (size_t k = 0; k < sizeof infinite / sizeof *infinite; k++)
        assert_int_equal(fl__decimal_parse(fl__bytes_of(infinite[k]), &number), FL__DECIMAL_INFINITE);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        assert_int_equal(fl__decimal_parse(fl__bytes_of(wrong[k]), &number), FL__DECIMAL_NONE);
}

static void test_a_text_has_at_most_5119_bytes(void **state)
{
    static char text[5120];
    struct fl__decimal number;
    (void)state;
    memset(text, '0', sizeof text);
    assert_int_equal(fl__decimal_parse((struct fl__bytes){text, 5119}, &number), FL__DECIMAL_FINITE);
    assert_int_equal(fl__decimal_parse((struct fl__bytes){text, 5120}, &number), FL__DECIMAL_NONE);
}

/* ---------------------------------------------------------------------------------------------- by chance */

/* Texts of a few characters, most of them wrong, and what strtold() makes of them. */
static void test_what_strtold_reads_to_the_end_is_a_number(void **state)
{
    static const char alphabet[] = "0123456789..ee+-E5 x";
    struct guard guard;
    uint64_t random = 1, count = seeds_count(200000, 5000000), number_count = 0;
    (void)state;
    guard_create(&guard, 64);
    for (uint64_t k = 0; k < count; k++) {
        char text[8];
        size_t size = draw(&random, sizeof text);
        for (size_t i = 0; i < size; i++)
            text[i] = alphabet[draw(&random, sizeof alphabet - 1)];
        text[size] = '\0';
        char *end, *e = strpbrk(text, "eE");
        bool has_large_exponent = e != NULL && strlen(e) > 4; /* Ranges differ from machine to machine. */
        strtold(text, &end);
        /* Hexadecimal numbers are none here. */
        bool expected = size > 0 && *end == '\0' && text[0] != ' ' && strchr(text, 'x') == NULL;
        struct fl__decimal number;
        struct fl__bytes bytes = {guard_copy(&guard, text, size), size};
        if (!has_large_exponent && (fl__decimal_parse(bytes, &number) == FL__DECIMAL_FINITE) != expected)
            fail_msg("\"%s\" %s a number", text, expected ? "is" : "is not");
        number_count += expected;
    }
    assert_true(number_count > count / 50);
    guard_destroy(&guard);
}

__extension__ typedef __int128 wide;

#define TWIN_PLACES 20

/* A number of up to 37 digits in units of 10^-20, written with some decimals, or with an exponent. */
static wide draw_number(uint64_t *random, char *text, size_t size)
{
    static const uint64_t powers[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000};
    uint64_t whole = draw(random, 1u << 31) % powers[draw(random, 9)];
    uint64_t high = draw(random, 1000000000) * draw(random, 2),
             low = draw(random, 1000000000) * draw(random, 2);
    uint64_t last = draw(random, 100) * draw(random, 2);
    bool is_negative = draw(random, 2) == 1;
    unsigned long long parts[] = {whole, high, low, last};
    if (draw(random, 3) == 0)
        snprintf(text, size, "%s%llu%09llu%09llu%02llue-20", is_negative ? "-" : "", parts[0], parts[1],
                 parts[2], parts[3]);
    else
        snprintf(text, size, "%s%llu.%09llu%09llu%02llu", is_negative ? "-" : "", parts[0], parts[1],
                 parts[2], parts[3]);
    wide value = (((wide)whole * 1000000000 + high) * 1000000000 + low) * 100 + last;
    return is_negative ? -value : value;
}

/* Rounded to 17 decimals, half to even, and printed. */
static void print_wide(wide value, char *text, size_t size)
{
    bool is_negative = value < 0;
    value = is_negative ? -value : value;
    wide shown = value / 1000, rest = value % 1000;
    shown += rest > 500 || (rest == 500 && shown % 2 == 1);
    unsigned long long whole = (unsigned long long)(shown / 100000000000000000);
    unsigned long long decimals = (unsigned long long)(shown % 100000000000000000);
    snprintf(text, size, "%s%llu.%017llu", is_negative && shown != 0 ? "-" : "", whole, decimals);
    char *end = text + strlen(text);
    while (end[-1] == '0')
        end--;
    end -= end[-1] == '.';
    *end = '\0';
}

static void test_sums_are_those_of_integers(void **state)
{
    uint64_t random = 2, count = seeds_count(50000, 1000000);
    (void)state;
    for (uint64_t k = 0; k < count; k++) {
        char a[64], b[64], expected[64];
        wide sum = draw_number(&random, a, sizeof a) + draw_number(&random, b, sizeof b);
        print_wide(sum, expected, sizeof expected);
        expect_sum(a, b, expected);
    }
}

/* Of any size, with at most 17 decimals. */
static void draw_digits(uint64_t *random, char *text)
{
    size_t whole = 1 + draw(random, draw(random, 10) == 0 ? 4900 : 30), decimals = draw(random, 18), at = 0;
    if (draw(random, 2) == 0)
        text[at++] = '-';
    for (size_t k = 0; k < whole + decimals; k++) {
        if (k == whole)
            text[at++] = '.';
        text[at++] = "0123456789000000999999"[draw(random, 22)];
    }
    text[at] = '\0';
}

static void negate(const char *text, char *out, size_t size)
{
    snprintf(out, size, "%s%s", text[0] == '-' ? "" : "-", text + (text[0] == '-'));
}

static void test_what_is_added_can_be_taken_away_again(void **state)
{
    static char a[5200], b[5200], before[5200], negative[5200], sum[5200];
    uint64_t random = 3, count = seeds_count(5000, 100000);
    (void)state;
    for (uint64_t k = 0; k < count; k++) {
        draw_digits(&random, a);
        draw_digits(&random, b);
        negate(b, negative, sizeof negative);
        snprintf(before, sizeof before, "%s", sum_of(a, "0"));
        snprintf(sum, sizeof sum, "%s", sum_of(a, b));
        expect_sum(sum, "0", sum);
        expect_sum(sum, negative, before);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sums_are_exact),
        cmocka_unit_test(test_sums_are_rounded_to_seventeen_decimals),
        cmocka_unit_test(test_the_range_ends_after_4932_digits),
        cmocka_unit_test(test_infinity_is_read_and_nan_is_not),
        cmocka_unit_test(test_a_text_has_at_most_5119_bytes),
        cmocka_unit_test(test_what_strtold_reads_to_the_end_is_a_number),
        cmocka_unit_test(test_sums_are_those_of_integers),
        cmocka_unit_test(test_what_is_added_can_be_taken_away_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
