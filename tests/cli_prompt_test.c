/* The prompt: a line as words, answers of both versions of the protocol, and how they are printed. */
#include "client.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* -------------------------------------------------------------------------------------------------- words */

static void test_a_line_is_split_at_blanks_and_quotes(void **state)
{
    (void)state;
    static const struct {
        const char *line, *joined; /* Words in <>. */
    } cases[] = {
        {"", ""},
        {" \t\r\n", ""},
        {"set a b\n", "<set><a><b>"},
        {"  get   x  ", "<get><x>"},
        {"set k \"two words\"", "<set><k><two words>"},
        {"set k 'two words'", "<set><k><two words>"},
        {"set k \"\"", "<set><k><>"},
        {"a'b c'", "<ab c>"},
        {"\"\\n\\r\\t\\b\\a\\\\\\\"\\q\"", "<\n\r\t\b\a\\\"q>"},
        {"\"\\x41\\x4z\\x\"", "<Ax4zx>"},
        {"'it\\'s' '\\n'", "<it's><\\n>"},
        {"a\\nb", "<a\\nb>"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__words words;
        char joined[256] = "";
        assert_null(fl__words_split(&words, cases[k].line));
        for (size_t i = 0; i < words.count; i++)
            snprintf(joined + strlen(joined), sizeof joined - strlen(joined), "<%s>", words.list[i].text);
        assert_string_equal(joined, cases[k].joined);
        fl__words_release(&words);
    }
}

static void test_a_word_may_hold_a_zero_byte(void **state)
{
    (void)state;
    struct fl__words words;
    assert_null(fl__words_split(&words, "set k \"a\\x00b\""));
    assert_int_equal(words.count, 3);
    assert_int_equal(words.list[2].size, 3);
    assert_memory_equal(words.list[2].text, "a\0b", 3);
    fl__words_release(&words);
}

static void test_open_quotes_are_refused(void **state)
{
    (void)state;
    static const char *const lines[] = {"\"",   "'",     "\"a",     "'a",   "\"a\"b",
                                        "'a'b", "\"a\\", "\"a\\\"", "a \"b"};
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        struct fl__words words;
        assert_non_null(fl__words_split(&words, lines[k]));
        fl__words_release(&words);
    }
}

static void test_many_words_are_kept(void **state)
{
    (void)state;
    char line[4096];
    for (size_t i = 0; i < sizeof line; i++)
        line[i] = i % 2 == 0 ? 'a' : ' ';
    line[sizeof line - 1] = '\0';
    struct fl__words words;
    assert_null(fl__words_split(&words, line));
    assert_int_equal(words.count, 2048);
    fl__words_release(&words);
}

static void test_lines_with_passwords_are_told_apart(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        bool secret;
    } cases[] = {{"AUTH x", true},
                 {"hello 3 auth user x", true},
                 {"HELLO 3", false},
                 {"config set requirepass x", true},
                 {"config set maxmemory 1 MASTERAUTH x", true},
                 {"acl setuser a >x", true},
                 {"get author", false},
                 {"migrate h 1 k 0 9 AUTH2 u x", true}};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__words words;
        assert_null(fl__words_split(&words, cases[k].line));
        assert_int_equal(fl__words_secret(&words), cases[k].secret);
        fl__words_release(&words);
    }
}

/* ------------------------------------------------------------------------------------------------ answers */

/* Gives bytes in pieces of a size. */
static enum fl__read read_answer(struct fl__answer *answer, const char *bytes, size_t size, size_t piece)
{
    enum fl__read read = FL__READ_MORE;
    for (size_t at = 0; at < size && read == FL__READ_MORE; at += piece) {
        size_t length = size - at < piece ? size - at : piece;
        memcpy(fl__answer_room(answer, length), bytes + at, length);
        answer->size += length;
        read = fl__answer_next(answer);
    }
    return read;
}

/* What an answer is printed as, read in pieces of every size. */
static void assert_printed(const char *bytes, enum fl__style style, const char *text)
{
    for (size_t piece = 1; piece <= strlen(bytes); piece++) {
        struct fl__answer answer = {.at = 0};
        char *printed = NULL;
        size_t size = 0;
        assert_int_equal(read_answer(&answer, bytes, strlen(bytes), piece), FL__READ_WHOLE);
        assert_int_equal(answer.at, strlen(bytes));
        FILE *out = open_memstream(&printed, &size);
        fl__answer_print(&answer, style, false, out);
        fclose(out);
        assert_string_equal(printed, text);
        free(printed);
        fl__answer_release(&answer);
    }
}

static void test_scalars_are_printed_as_redis_cli_does(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"+OK\r\n", "OK\n"},
        {"-ERR bad\r\n", "(error) ERR bad\n"},
        {"!7\r\nERR bad\r\n", "(error) ERR bad\n"},
        {":-12\r\n", "(integer) -12\n"},
        {"$3\r\na\"b\r\n", "\"a\\\"b\"\n"},
        {"$4\r\n\x01\n\xff\\\r\n", "\"\\x01\\n\\xff\\\\\"\n"},
        {"$-1\r\n", "(nil)\n"},
        {"*-1\r\n", "(nil)\n"},
        {"_\r\n", "(nil)\n"},
        {",3.5\r\n", "(double) 3.5\n"},
        {"#t\r\n", "(true)\n"},
        {"#f\r\n", "(false)\n"},
        {"(123456789012345678901\r\n", "(integer) 123456789012345678901\n"},
        {"=9\r\ntxt:a\nb c\r\n", "a\nb c\n"},
        {"*0\r\n", "(empty array)\n"},
        {"%0\r\n", "(empty hash)\n"},
        {"~0\r\n", "(empty set)\n"},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        assert_printed(cases[k][0], FL__STYLE_TEXT, cases[k][1]);
}

#define NESTED "*3\r\n:1\r\n*2\r\n+a\r\n*1\r\n_\r\n%2\r\n$1\r\nk\r\n~1\r\n:2\r\n+l\r\n*0\r\n"

static void test_nested_answers_are_numbered_and_indented(void **state)
{
    (void)state;
    assert_printed(NESTED, FL__STYLE_TEXT,
                   "1) (integer) 1\n"
                   "2) 1) a\n"
                   "   2) 1) (nil)\n"
                   "3) 1# \"k\" =>\n"
                   "      1~ (integer) 2\n"
                   "   2# l => (empty array)\n");
    assert_printed("*10\r\n+a\r\n+b\r\n+c\r\n+d\r\n+e\r\n+f\r\n+g\r\n+h\r\n+i\r\n*1\r\n+j\r\n",
                   FL__STYLE_TEXT,
                   " 1) a\n 2) b\n 3) c\n 4) d\n 5) e\n 6) f\n 7) g\n 8) h\n 9) i\n10) 1) j\n");
}

static void test_raw_answers_are_a_line_for_each_value(void **state)
{
    (void)state;
    assert_printed(NESTED, FL__STYLE_RAW, "1\na\n\nk\n2\nl\n\n");
    assert_printed("$3\r\na\tb\r\n", FL__STYLE_RAW, "a\tb\n");
    assert_printed("-ERR x\r\n", FL__STYLE_RAW, "ERR x\n");
}

static void test_json_answers_are_one_line(void **state)
{
    (void)state;
    assert_printed(NESTED, FL__STYLE_JSON, "[1,[\"a\",[null]],{\"k\":[2],\"l\":[]}]\n");
    assert_printed("$7\r\n\"\\\n\x01\xc3\xa9\xff\r\n", FL__STYLE_JSON,
                   "\"\\\"\\\\\\u000a\\u0001\xc3\xa9\\udcff\"\n");
    assert_printed("*4\r\n,1.5\r\n,inf\r\n#t\r\n-ERR x\r\n", FL__STYLE_JSON,
                   "[1.5,\"inf\",true,{\"error\":\"ERR x\"}]\n");
    assert_printed("%1\r\n:1\r\n%1\r\n+a\r\n:2\r\n", FL__STYLE_JSON, "{\"1\":{\"a\":2}}\n");
}

static void test_an_object_of_json_is_printed_on_lines_of_its_own(void **state)
{
    (void)state;
    assert_printed("$7\r\n{\"a\":1}\r\n", FL__STYLE_OBJECT, "{\n  \"a\": 1\n}\n");
    assert_printed("$2\r\n{a\r\n", FL__STYLE_OBJECT, "\"{a\"\n");
    assert_printed("+OK\r\n", FL__STYLE_OBJECT, "OK\n");
}

static void test_what_is_no_answer_is_refused(void **state)
{
    (void)state;
    static const char *const cases[] = {"x\r\n", "$x\r\n",           "$-2\r\n", "*-2\r\n",  "+OK\n",
                                        "\r\n",  "$99999999999\r\n", "$\r\n",   "*1\r\n\n", "HTTP\r\n"};
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__answer answer = {.at = 0};
        assert_int_equal(read_answer(&answer, cases[k], strlen(cases[k]), 2), FL__READ_BAD);
        fl__answer_release(&answer);
    }
}

static void test_answers_nest_only_so_deep(void **state)
{
    (void)state;
    for (unsigned depth = FL__ANSWER_DEPTH; depth <= FL__ANSWER_DEPTH + 1; depth++) {
        struct fl__answer answer = {.at = 0};
        char bytes[256] = "";
        for (unsigned i = 0; i < depth; i++)
            snprintf(bytes + strlen(bytes), sizeof bytes - strlen(bytes), "*1\r\n");
        snprintf(bytes + strlen(bytes), sizeof bytes - strlen(bytes), ":1\r\n");
        enum fl__read read = read_answer(&answer, bytes, strlen(bytes), 1000);
        assert_int_equal(read, depth <= FL__ANSWER_DEPTH ? FL__READ_WHOLE : FL__READ_BAD);
        fl__answer_release(&answer);
    }
}

static void test_the_bytes_behind_an_answer_stay(void **state)
{
    (void)state;
    struct fl__answer answer = {.at = 0};
    assert_int_equal(read_answer(&answer, "+a\r\n+b\r\n+", 9, 9), FL__READ_WHOLE);
    fl__answer_drop(&answer);
    assert_int_equal(fl__answer_next(&answer), FL__READ_WHOLE);
    assert_true(fl__part_is(&answer, 0, "b"));
    fl__answer_drop(&answer);
    assert_int_equal(fl__answer_next(&answer), FL__READ_MORE);
    fl__answer_release(&answer);
}

static void test_names_are_found_in_maps_and_in_flat_arrays(void **state)
{
    (void)state;
    static const char *const cases[] = {"%2\r\n+a\r\n*1\r\n+b\r\n+b\r\n:7\r\n",
                                        "*4\r\n+a\r\n*1\r\n+b\r\n+b\r\n:7\r\n"};
    for (size_t k = 0; k < 2; k++) {
        struct fl__answer answer = {.at = 0};
        assert_int_equal(read_answer(&answer, cases[k], strlen(cases[k]), 1000), FL__READ_WHOLE);
        assert_true(fl__part_is(&answer, fl__part_named(&answer, 0, "b"), "7"));
        assert_int_equal(fl__part_named(&answer, 0, "c"), answer.part_count);
        fl__answer_release(&answer);
    }
}

/* ------------------------------------------------------------------------------------ what a server tells */

#define DOCS                                                                                                 \
    "%3\r\n"                                                                                                 \
    "+set\r\n%2\r\n+summary\r\n+Sets it\r\n+arguments\r\n*4\r\n"                                             \
    "%2\r\n+name\r\n+key\r\n+type\r\n+key\r\n"                                                               \
    "%4\r\n+name\r\n+condition\r\n+type\r\n+oneof\r\n+flags\r\n*1\r\n+optional\r\n+arguments\r\n*2\r\n"      \
    "%3\r\n+name\r\n+nx\r\n+type\r\n+pure-token\r\n+token\r\n+NX\r\n"                                        \
    "%3\r\n+name\r\n+xx\r\n+type\r\n+pure-token\r\n+token\r\n+XX\r\n"                                        \
    "%3\r\n+name\r\n+seconds\r\n+type\r\n+integer\r\n+token\r\n+EX\r\n"                                      \
    "%4\r\n+name\r\n+pair\r\n+type\r\n+block\r\n+flags\r\n*1\r\n+multiple\r\n+arguments\r\n*2\r\n"           \
    "%2\r\n+name\r\n+field\r\n+type\r\n+string\r\n%2\r\n+name\r\n+value\r\n+type\r\n+string\r\n"             \
    "+config\r\n%1\r\n+subcommands\r\n%2\r\n+config|get\r\n%1\r\n+summary\r\n+Gets\r\n+config|set\r\n%0\r\n" \
    "+setex\r\n%0\r\n"

static void know(struct fl__docs *docs)
{
    memset(docs, 0, sizeof *docs);
    docs->talk.socket = -1;
    docs->asked = docs->loaded = true;
    assert_int_equal(read_answer(&docs->talk.answer, DOCS, strlen(DOCS), 100), FL__READ_WHOLE);
}

static void test_a_hint_tells_the_arguments_of_what_was_typed(void **state)
{
    (void)state;
    struct fl__docs docs;
    char hint[256], cut[12];
    know(&docs);
    fl__docs_hint(&docs, "set ", hint, sizeof hint);
    assert_string_equal(hint, "key [NX | XX] EX seconds field value ...");
    fl__docs_hint(&docs, "SET ", cut, sizeof cut);
    assert_string_equal(cut, "key [NX | X");
    fl__docs_hint(&docs, "set", hint, sizeof hint);
    assert_string_equal(hint, "");
    fl__docs_hint(&docs, "set a ", hint, sizeof hint);
    assert_string_equal(hint, "");
    fl__docs_hint(&docs, "nothing ", hint, sizeof hint);
    assert_string_equal(hint, "");
    fl__docs_forget(&docs);
}

static void test_names_are_completed_as_far_as_they_agree(void **state)
{
    (void)state;
    static const struct {
        const char *line, *insert, *names;
    } cases[] = {{"s", "et", "SET  SETEX"},
                 {"SET", "", "SET  SETEX"},
                 {"setE", "X ", "SETEX"},
                 {"c", "onfig ", "CONFIG"},
                 {"config ", "", "GET  SET"},
                 {"config G", "ET ", "GET"},
                 {"help s", "et", "SET  SETEX"},
                 {"help config s", "et ", "SET"},
                 {"x", "", ""},
                 {"", "", "CONFIG  SET  SETEX"},
                 {"set k", "", ""},
                 {"config get x", "", ""},
                 {"\"", "", ""}};
    struct fl__docs docs;
    know(&docs);
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__completion found;
        fl__docs_complete(&docs, cases[k].line, &found);
        assert_string_equal(found.names, cases[k].names);
        assert_string_equal(found.insert, cases[k].insert);
    }
    fl__docs_forget(&docs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_is_split_at_blanks_and_quotes),
        cmocka_unit_test(test_a_word_may_hold_a_zero_byte),
        cmocka_unit_test(test_open_quotes_are_refused),
        cmocka_unit_test(test_many_words_are_kept),
        cmocka_unit_test(test_lines_with_passwords_are_told_apart),
        cmocka_unit_test(test_scalars_are_printed_as_redis_cli_does),
        cmocka_unit_test(test_nested_answers_are_numbered_and_indented),
        cmocka_unit_test(test_raw_answers_are_a_line_for_each_value),
        cmocka_unit_test(test_json_answers_are_one_line),
        cmocka_unit_test(test_an_object_of_json_is_printed_on_lines_of_its_own),
        cmocka_unit_test(test_what_is_no_answer_is_refused),
        cmocka_unit_test(test_answers_nest_only_so_deep),
        cmocka_unit_test(test_the_bytes_behind_an_answer_stay),
        cmocka_unit_test(test_names_are_found_in_maps_and_in_flat_arrays),
        cmocka_unit_test(test_a_hint_tells_the_arguments_of_what_was_typed),
        cmocka_unit_test(test_names_are_completed_as_far_as_they_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
