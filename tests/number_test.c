/* number_test.c - integers and names as Redis reads them. */
#include "server.h"
#include "support/guard.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_only_the_strict_form_is_a_number(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "-",
                                        "+1",
                                        " 1",
                                        "1 ",
                                        "01",
                                        "00",
                                        "-0",
                                        "-01",
                                        "1.0",
                                        "1e3",
                                        "0x1",
                                        "x",
                                        "--1",
                                        "9223372036854775808",
                                        "-9223372036854775809",
                                        "18446744073709551616",
                                        "99999999999999999999",
                                        "111111111111111111111111"};
    for (size_t k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        int64_t value;
        assert_false(fl__number_parse(fl__bytes_of(wrong[k]), &value));
    }
    int64_t value;
    assert_false(fl__number_parse((struct fl__bytes){NULL, 0}, &value));
    assert_false(fl__number_parse((struct fl__bytes){"1\0", 2}, &value));
}

static void expect_round_trip(const struct guard *guard, int64_t number)
{
    char expected[32], printed[FL__NUMBER_SIZE];
    int expected_size = snprintf(expected, sizeof expected, "%" PRId64, number);
    size_t size = fl__number_print(number, printed);
    assert_int_equal(size, expected_size);
    assert_memory_equal(printed, expected, size);
    int64_t value;
    assert_true(fl__number_parse((struct fl__bytes){guard_copy(guard, printed, size), size}, &value));
    assert_true(value == number);
}

static void test_numbers_survive_printing_and_parsing(void **state)
{
    (void)state;
    struct guard guard;
    guard_create(&guard, 64);
    for (int bit = 0; bit < 64; bit++) {
        uint64_t power = (uint64_t)1 << bit;
        for (int k = -2; k <= 2; k++) {
            expect_round_trip(&guard, (int64_t)(power + (uint64_t)k));
            expect_round_trip(&guard, (int64_t)(0 - power + (uint64_t)k));
        }
    }
    uint64_t ten = 1;
    for (int digits = 0; digits < 19; digits++, ten *= 10) {
        expect_round_trip(&guard, (int64_t)ten);
        expect_round_trip(&guard, (int64_t)ten - 1);
        expect_round_trip(&guard, -(int64_t)ten);
    }
    guard_destroy(&guard);
}

static void test_names_are_compared_in_any_case(void **state)
{
    (void)state;
    assert_true(fl__bytes_is(fl__bytes_of("SeT"), "set"));
    assert_true(fl__bytes_is(fl__bytes_of(""), ""));
    assert_false(fl__bytes_is(fl__bytes_of("se"), "set"));
    assert_false(fl__bytes_is(fl__bytes_of("sets"), "set"));
    assert_false(fl__bytes_is((struct fl__bytes){"set\0", 4}, "set"));
    assert_false(fl__bytes_is((struct fl__bytes){"\0", 1}, ""));
    assert_false(fl__bytes_is(fl__bytes_of("@"), "`"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_the_strict_form_is_a_number),
        cmocka_unit_test(test_numbers_survive_printing_and_parsing),
        cmocka_unit_test(test_names_are_compared_in_any_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
