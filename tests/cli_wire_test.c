/* What `bench` sends is commands, and what it passes over is counted right wherever the bytes are cut. */
#include "client.h"
#include "support/guard.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The kinds of the answers in the bytes, given in pieces of a size; '!' if one is none. */
static void skim_all(const char *bytes, size_t size, size_t piece, char *kinds)
{
    struct fl__skim skim = {.skip = 0};
    struct guard guard;
    guard_create(&guard, size + 1);
    for (size_t from = 0; from < size; from += piece) {
        size_t length = size - from < piece ? size - from : piece, taken = 0;
        const char *copy = guard_copy(&guard, bytes + from, length);
        for (size_t at = 0; at < length; at += taken) {
            int kind = fl__skim(&skim, copy + at, length - at, &taken);
            if (kind != FL__SKIM_MORE)
                *kinds++ = kind == FL__SKIM_BAD ? '!' : (char)kind;
            if (kind == FL__SKIM_BAD)
                at = length, from = size, taken = 0;
        }
    }
    *kinds = '\0';
    guard_destroy(&guard);
}

static void test_answers_are_counted_wherever_they_are_cut(void **state)
{
    (void)state;
    static const char bytes[] =
        "+OK\r\n:12\r\n$5\r\na\r\nbc\r\n$-1\r\n$0\r\n\r\n_\r\n-ERR no, not\r\n$3\r\n+OK\r\n";
    char kinds[32];
    for (size_t piece = 1; piece <= sizeof bytes; piece++) {
        skim_all(bytes, sizeof bytes - 1, piece, kinds);
        assert_string_equal(kinds, "+:$_$_-$");
    }
}

static void test_what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"HTTP/1.1 400\r\n", "$x\r\n", "$-2\r\n", "$999999999999\r\n",
                                        "*1\r\n",           "\r\n",   "$\r\n"};
    char kinds[32], longest[8192];
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        skim_all(cases[k], strlen(cases[k]), 3, kinds);
        assert_string_equal(kinds, "!");
    }
    memset(longest, '+', sizeof longest);
    skim_all(longest, sizeof longest, 100, kinds);
    assert_string_equal(kinds, "!");
}

static void test_the_word_of_an_error_is_kept(void **state)
{
    (void)state;
    struct fl__skim skim = {.skip = 0};
    size_t taken;
    assert_int_equal(fl__skim(&skim, "-CLUSTERDO", 10, &taken), FL__SKIM_MORE);
    assert_int_equal(fl__skim(&skim, "WN no quorum\r\n", 14, &taken), '-');
    assert_int_equal(strncmp(skim.line, "-CLUSTERDOWN no quorum", 22), 0);
}

/* Whether the bytes are one array of these words, separated by '|'. */
static void assert_command(const char *bytes, size_t size, const char *words)
{
    struct fl__answer answer = {.at = 0};
    char joined[4096] = "";
    memcpy(fl__answer_room(&answer, size), bytes, size);
    answer.size = size;
    assert_int_equal(fl__answer_next(&answer), FL__READ_WHOLE);
    assert_int_equal(answer.at, size);
    assert_int_equal(answer.parts[0].kind, '*');
    for (size_t i = 1; i < answer.part_count; i++)
        snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "%s%.*s", i == 1 ? "" : "|",
                 (int)answer.parts[i].size, fl__part_text(&answer, &answer.parts[i]));
    assert_string_equal(joined, words);
    fl__answer_release(&answer);
}

static void test_commands_are_whole_and_their_keys_have_a_prefix(void **state)
{
    (void)state;
    char out[4096];
    assert_command(out, fl__wire_read(out, false, 7), "GET|bench:0000000007");
    assert_command(out, fl__wire_read(out, true, 7), "GET|bench:n:0000000007");
    assert_command(out, fl__wire_increment(out, 999999999), "INCR|bench:n:0999999999");
    assert_command(out, fl__wire_write(out, 1, "value", 5), "SET|bench:0000000001|value");
    assert_command(out, fl__wire_write(out, 1, "", 0), "SET|bench:0000000001|");
    assert_command(out, fl__wire_remove(out, false, 63, 2), "DEL|bench:0000000063|bench:0000000064");
}

static void test_a_removal_stays_within_its_room(void **state)
{
    (void)state;
    char out[8192];
    assert_int_equal(fl__wire_remove(out, true, 9999999000, 64) <= 64 + 64 * 40, 1);
    assert_int_equal(fl__wire_read(out, true, 9999999999) <= 128, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers_are_counted_wherever_they_are_cut),
        cmocka_unit_test(test_what_is_no_answer_is_refused),
        cmocka_unit_test(test_the_word_of_an_error_is_kept),
        cmocka_unit_test(test_commands_are_whole_and_their_keys_have_a_prefix),
        cmocka_unit_test(test_a_removal_stays_within_its_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
