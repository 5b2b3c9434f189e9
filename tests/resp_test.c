/* resp_test.c - requests: whole, in pieces, and wrong. Every input stands flush against an unreadable
 * page. */
#include "server.h"
#include "support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <cmocka.h>

#define ROOM (256u << 10)

/* What came out of an input, as text: arguments between bars, a call to a line; "-" for what asks for
 * nothing, "more" for what is incomplete, or the error. */
struct outcome {
    char text[4096];
    size_t size;
};

static void note(struct outcome *outcome, const char *data, size_t size)
{
    assert_true(outcome->size + size < sizeof outcome->text);
    memcpy(outcome->text + outcome->size, data, size);
    outcome->size += size;
    outcome->text[outcome->size] = '\0';
}

static void note_call(struct outcome *outcome, const struct fl__parser *parser)
{
    for (uint32_t k = 0; k < parser->arg_count; k++) {
        note(outcome, "|", 1);
        note(outcome, parser->args[k].data, parser->args[k].size);
    }
    note(outcome, "|\n", 2);
}

/* Feeds `input` in pieces that end at the given places (ascending, the last one being its size). Each piece
 * comes with what was left over, at another address. */
static void parse_pieces(const char *input, const size_t *ends, size_t end_count, struct outcome *outcome)
{
    static struct guard guards[2];
    if (guards[0].base == NULL) {
        guard_create(&guards[0], ROOM);
        guard_create(&guards[1], ROOM);
    }
    struct fl__parser parser;
    fl__parser_init(&parser);
    *outcome = (struct outcome){{0}, 0};
    size_t start = 0;
    enum fl__parsed parsed = FL__PARSED_MORE;
    for (size_t k = 0; k < end_count && parsed != FL__PARSED_ERROR; k++) {
        char *data = guard_copy(&guards[k % 2], input + start, ends[k] - start);
        size_t used = 0;
        for (;;) {
            parsed = fl__parser_next(&parser, data, ends[k] - start, &used);
            if (parsed != FL__PARSED_CALL && parsed != FL__PARSED_EMPTY)
                break;
            if (parsed == FL__PARSED_CALL)
                note_call(outcome, &parser);
            else
                note(outcome, "-\n", 2);
            assert_true(used > 0 && used <= ends[k] - start);
            data += used;
            start += used;
        }
        if (parsed == FL__PARSED_MORE)
            assert_true(parser.wanted > ends[k] - start);
        else
            note(outcome, parser.error, strlen(parser.error));
    }
    if (parsed == FL__PARSED_MORE && start < ends[end_count - 1])
        note(outcome, "more", 4);
    fl__parser_release(&parser);
}

/* The outcome must be the same whole, in any two pieces, and byte by byte. */
static void expect_sized(const char *input, size_t size, const char *expected)
{
    struct outcome outcome;
    size_t ends[2] = {size, size};
    parse_pieces(input, ends, 1, &outcome);
    assert_string_equal(outcome.text, expected);
    for (ends[0] = 0; ends[0] < size; ends[0]++) {
        parse_pieces(input, ends, 2, &outcome);
        assert_string_equal(outcome.text, expected);
    }
    size_t *all = malloc((size + 1) * sizeof *all);
    for (size_t k = 0; k <= size; k++)
        all[k] = k;
    parse_pieces(input, all, size + 1, &outcome);
    assert_string_equal(outcome.text, expected);
    free(all);
}

static void expect(const char *input, const char *expected)
{
    expect_sized(input, strlen(input), expected);
}

/* ------------------------------------------------------------------------------------------------- arrays */

static void test_arrays_of_bulk_strings_become_calls(void **state)
{
    (void)state;
    expect("*1\r\n$4\r\nPING\r\n", "|PING|\n");
    expect("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nhello\r\n", "|SET|k|hello|\n");
    expect("*2\r\n$3\r\nGET\r\n$0\r\n\r\n", "|GET||\n");
    expect("*2\r\n$3\r\nGET\r\n$8\r\na\r\nb\r\nc*\r\n", "|GET|a\r\nb\r\nc*|\n");
    expect_sized("*1\r\n$3\r\na\0b\r\n", 13, "|a");
}

static void test_pipelined_requests_come_one_by_one(void **state)
{
    (void)state;
    expect("*1\r\n$4\r\nPING\r\n*2\r\n$3\r\nGET\r\n$1\r\na\r\nping x\r\n*1\r\n$1\r\nb\r\n",
           "|PING|\n|GET|a|\n|ping|x|\n|b|\n");
}

static void test_incomplete_requests_want_more(void **state)
{
    (void)state;
    expect("*", "more");
    expect("*3\r\n$3\r\nSET\r\n$1\r\n", "more");
    expect("*1\r\n$4\r\nPING", "more");
    expect("*1\r\n$4\r\nPING\r", "more");
    expect("get a", "more");
    expect("", "");
}

static void test_empty_arrays_ask_for_nothing(void **state)
{
    (void)state;
    expect("*0\r\n*-1\r\n*-2147483647\r\nget a\r\n", "-\n-\n-\n|get|a|\n");
}

static void test_the_bytes_of_line_ends_are_not_looked_at_as_in_redis(void **state)
{
    (void)state;
    expect("*1\rx$4\ryPINGzz", "|PING|\n");
}

static void test_a_hundred_arguments_survive_every_move_of_the_buffer(void **state)
{
    (void)state;
    char input[2048] = "*100\r\n", expected[1024] = "";
    for (int k = 0; k < 100; k++) {
        size_t size = strlen(input);
        snprintf(input + size, sizeof input - size, "$2\r\n%02d\r\n", k);
        size = strlen(expected);
        snprintf(expected + size, sizeof expected - size, "|%02d", k);
    }
    size_t size = strlen(expected);
    snprintf(expected + size, sizeof expected - size, "|\n");
    expect(input, expected);
}

/* --------------------------------------------------------------------------------------------- complaints */

static void test_wrong_lengths_are_complained_about_in_redis_words(void **state)
{
    (void)state;
    static const char *const counts[] = {"*x\r\n",  "*1048577\r\n", "*99999999999999999999\r\n",
                                         "*01\r\n", "*+1\r\n",      "*1 \r\n",
                                         "*-0\r\n", "*\r\n"};
    for (size_t k = 0; k < sizeof counts / sizeof counts[0]; k++)
        expect(counts[k], "ERR Protocol error: invalid multibulk length");
    static const char *const sizes[] = {"*1\r\n$x\r\n",
                                        "*1\r\n$-1\r\n",
                                        "*1\r\n$67108865\r\n",
                                        "*1\r\n$ 1\r\n",
                                        "*1\r\n$99999999999999999999\r\n",
                                        "*1\r\n$\r\n",
                                        "*1\r\n$01\r\n"};
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++)
        expect(sizes[k], "ERR Protocol error: invalid bulk length");
    expect("*1\r\n+OK\r\n", "ERR Protocol error: expected '$', got '+'");
    expect("*2\r\n$1\r\na\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'");
}

static void test_a_complaint_comes_after_the_calls_before_it(void **state)
{
    (void)state;
    expect("*1\r\n$4\r\nPING\r\n*x\r\n", "|PING|\nERR Protocol error: invalid multibulk length");
}

/* `prefix`, then one byte again and again. */
static void expect_endless(const char *prefix, char byte, size_t size, const char *expected)
{
    char *input = malloc(ROOM);
    size_t prefix_size = strlen(prefix);
    memset(input, byte, ROOM);
    memcpy(input, prefix, prefix_size);
    struct outcome outcome;
    size_t ends[3] = {prefix_size, size / 2, size};
    parse_pieces(input, ends, 3, &outcome);
    assert_string_equal(outcome.text, expected);
    parse_pieces(input, ends + 2, 1, &outcome);
    assert_string_equal(outcome.text, expected);
    free(input);
}

static void test_lines_end_within_64_kib(void **state)
{
    (void)state;
    size_t line = FL__INLINE_SIZE_MAX;
    expect_endless("a", 'x', line - 1, "more");
    expect_endless("a", 'x', line, "ERR Protocol error: too big inline request");
    expect_endless("*", '1', line - 1, "more");
    expect_endless("*", '1', line, "ERR Protocol error: too big mbulk count string");
    expect_endless("*1\r\n$", '1', line + 3, "more");
    expect_endless("*1\r\n$", '1', line + 4, "ERR Protocol error: too big bulk count string");
}

static void test_who_has_not_authenticated_sends_small_calls_only(void **state)
{
    (void)state;
    static const struct {
        char input[32];
        const char *error;
    } cases[] = {
        {"*11\r\n", "ERR Protocol error: unauthenticated multibulk length"},
        {"*1\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"},
        {"*10\r\n$16384\r\n", NULL},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__parser parser;
        fl__parser_init(&parser);
        parser.restricted = true;
        char input[32];
        memcpy(input, cases[k].input, sizeof input);
        size_t used;
        enum fl__parsed parsed = fl__parser_next(&parser, input, strlen(input), &used);
        assert_int_equal(parsed, cases[k].error != NULL ? FL__PARSED_ERROR : FL__PARSED_MORE);
        if (cases[k].error != NULL)
            assert_string_equal(parser.error, cases[k].error);
        fl__parser_release(&parser);
    }
}

static void test_all_arguments_of_a_call_together_have_a_limit(void **state)
{
    (void)state;
    /* The values need not be sent: their announced sizes are enough. */
    size_t room = (FL__VALUE_SIZE_MAX + (2u << 20));
    char *input =
        mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(input != MAP_FAILED);
    size_t at = (size_t)snprintf(input, 64, "*3\r\n$3\r\nSET\r\n$67108864\r\n") + FL__VALUE_SIZE_MAX + 2;
    struct fl__parser parser;
    size_t used;
    memcpy(input + at, "$65536\r\n", 8);
    fl__parser_init(&parser);
    assert_int_equal(fl__parser_next(&parser, input, at + 8, &used), FL__PARSED_MORE);
    assert_int_equal(parser.wanted, at + 8 + 65536 + 2);
    fl__parser_release(&parser);
    memcpy(input + at, "$1048574\r\n", 10);
    fl__parser_init(&parser);
    assert_int_equal(fl__parser_next(&parser, input, at + 10, &used), FL__PARSED_ERROR);
    assert_string_equal(parser.error, "ERR Protocol error: the arguments of one command exceed 65 MiB");
    fl__parser_release(&parser);
    munmap(input, room);
}

/* --------------------------------------------------------------------------------------------------- work */

static void test_bytes_of_a_value_are_never_looked_at(void **state)
{
    (void)state;
    size_t page = 4096, value = 64 * page, head = page - 64;
    char *map = mmap(NULL, value + 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(map != MAP_FAILED);
    char *input = map + head;
    size_t at = (size_t)snprintf(input, 64, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%zu\r\n", value);
    size_t size = at + value + 2;
    struct fl__parser parser;
    fl__parser_init(&parser);
    size_t used;
    assert_int_equal(fl__parser_next(&parser, input, at + 10, &used), FL__PARSED_MORE);
    assert_int_equal(parser.wanted, size);
    /* All pages that lie within the value, and nothing before: what was parsed is not needed again either. */
    assert_int_equal(mprotect(map, value, PROT_NONE), 0);
    assert_int_equal(fl__parser_next(&parser, input, size - 1, &used), FL__PARSED_MORE);
    assert_int_equal(fl__parser_next(&parser, input, size, &used), FL__PARSED_CALL);
    assert_int_equal(used, size);
    assert_int_equal(parser.arg_count, 3);
    assert_ptr_equal(parser.args[2].data, input + at);
    assert_int_equal(parser.args[2].size, value);
    fl__parser_release(&parser);
    munmap(map, value + 2 * page);
}

static void test_a_million_arguments_are_taken_and_their_memory_given_back(void **state)
{
    (void)state;
    size_t size = 16 + (size_t)FL__ARGS_MAX * 7;
    char *input = malloc(size + 16);
    size_t at = (size_t)snprintf(input, size, "*%u\r\n", FL__ARGS_MAX);
    for (uint32_t k = 0; k < FL__ARGS_MAX; k++, at += 7)
        memcpy(input + at, "$1\r\nx\r\n", 7);
    memcpy(input + at, "ping\r\n", 6);
    struct fl__parser parser;
    fl__parser_init(&parser);
    size_t used;
    assert_int_equal(fl__parser_next(&parser, input, at + 6, &used), FL__PARSED_CALL);
    assert_int_equal(parser.arg_count, FL__ARGS_MAX);
    assert_int_equal(used, at);
    assert_memory_equal(parser.args[FL__ARGS_MAX - 1].data, "x", 1);
    assert_int_equal(fl__parser_next(&parser, input + at, 6, &used), FL__PARSED_CALL);
    assert_true(parser.arg_capacity < 1024);
    fl__parser_release(&parser);
    free(input);
}

/* ------------------------------------------------------------------------------------------------- inline */

static void test_lines_of_words_are_calls(void **state)
{
    (void)state;
    expect("set a b\r\n", "|set|a|b|\n");
    expect("set a b\n", "|set|a|b|\n");
    expect("  set\ta \v b  \r\n", "|set|a|b|\n");
    expect("a\rb\r\n", "|a|b|\n");
    expect("$3\r\n", "|$3|\n");
}

static void test_empty_lines_ask_for_nothing(void **state)
{
    (void)state;
    expect("\r\n\n   \r\nping\r\n", "-\n-\n-\n|ping|\n");
}

static void test_quotes_hold_words_together(void **state)
{
    (void)state;
    expect("set a \"x y\"\r\n", "|set|a|x y|\n");
    expect("set a 'x y'\r\n", "|set|a|x y|\n");
    expect("set \"\" ''\r\n", "|set|||\n");
    expect("\"\\x41\\x4a\\n\\r\\t\\b\\a\\\\\\\"\\q\\x4\\xzz\"\r\n", "|AJ\n\r\t\b\a\\\"qx4xzz|\n");
    expect("'it\\'s \\n \"'\r\n", "|it's \\n \"|\n");
    expect("a\"b c\"\r\n", "|ab c|\n");
}

static void test_unbalanced_quotes_are_complained_about(void **state)
{
    (void)state;
    static const char *const inputs[] = {"a \"b\r\n",  "a 'b\r\n",    "a \"b\"c\r\n", "a 'b'c\r\n",
                                         "a \"\\\r\n", "\"a\\\"\r\n", "'a\\'\r\n",    "a \"b\"'c'\r\n"};
    for (size_t k = 0; k < sizeof inputs / sizeof inputs[0]; k++)
        expect(inputs[k], "ERR Protocol error: unbalanced quotes in request");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arrays_of_bulk_strings_become_calls),
        cmocka_unit_test(test_pipelined_requests_come_one_by_one),
        cmocka_unit_test(test_incomplete_requests_want_more),
        cmocka_unit_test(test_empty_arrays_ask_for_nothing),
        cmocka_unit_test(test_the_bytes_of_line_ends_are_not_looked_at_as_in_redis),
        cmocka_unit_test(test_a_hundred_arguments_survive_every_move_of_the_buffer),
        cmocka_unit_test(test_wrong_lengths_are_complained_about_in_redis_words),
        cmocka_unit_test(test_a_complaint_comes_after_the_calls_before_it),
        cmocka_unit_test(test_lines_end_within_64_kib),
        cmocka_unit_test(test_who_has_not_authenticated_sends_small_calls_only),
        cmocka_unit_test(test_all_arguments_of_a_call_together_have_a_limit),
        cmocka_unit_test(test_bytes_of_a_value_are_never_looked_at),
        cmocka_unit_test(test_a_million_arguments_are_taken_and_their_memory_given_back),
        cmocka_unit_test(test_lines_of_words_are_calls),
        cmocka_unit_test(test_empty_lines_ask_for_nothing),
        cmocka_unit_test(test_quotes_hold_words_together),
        cmocka_unit_test(test_unbalanced_quotes_are_complained_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
