/* glob_test.c - patterns against a table, and against a matcher that is recursive and obvious. */
#include "server.h"
#include "support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static bool matches(struct fl__bytes pattern, struct fl__bytes text, bool ignore_case)
{
    uint64_t steps = UINT64_MAX;
    return fl__glob_match(pattern, text, ignore_case, &steps);
}

static void test_patterns_match_what_redis_says(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool matches;
    } cases[] = {
        {"", "", true},           {"", "a", false},           {"*", "", true},
        {"*", "abc", true},       {"**", "abc", true},        {"a*", "abc", true},
        {"a*c", "abc", true},     {"a*c", "abd", false},      {"a*b*c", "aXbYc", true},
        {"a*bc", "abbc", true},   {"*a*a*b", "aaaab", true},  {"*a*a*b", "aaaa", false},
        {"?", "a", true},         {"?", "", false},           {"??", "a", false},
        {"a?c", "abc", true},     {"[abc]", "b", true},       {"[abc]", "d", false},
        {"[a-c]x", "bx", true},   {"[c-a]x", "bx", true},     {"[^a-c]", "d", true},
        {"[^a-c]", "b", false},   {"[^]", "a", true},         {"[]", "a", false},
        {"[a", "a", true},        {"[a", "b", false},         {"[", "[", false},
        {"[\\]]", "]", true},     {"[\\-]", "-", true},       {"[a-]", "-", false},
        {"[a-]x", "bx", false},   {"\\*", "*", true},         {"\\*", "a", false},
        {"\\", "\\", true},       {"a\\", "a\\", true},       {"\\a", "a", true},
        {"key:*", "key:1", true}, {"key:?", "key:10", false}, {"A", "a", false},
        {"[A-C]", "b", false},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct fl__bytes pattern = fl__bytes_of(cases[k].pattern), text = fl__bytes_of(cases[k].text);
        assert_int_equal(matches(pattern, text, false), cases[k].matches);
    }
}

static void test_case_is_ignored_if_asked_for(void **state)
{
    (void)state;
    assert_true(matches(fl__bytes_of("MaxMem*"), fl__bytes_of("maxmemory"), true));
    assert_true(matches(fl__bytes_of("[a-c]"), fl__bytes_of("B"), true));
    assert_true(matches(fl__bytes_of("[^a-c]"), fl__bytes_of("D"), true));
    assert_false(matches(fl__bytes_of("[^a-c]"), fl__bytes_of("B"), true));
}

/* The obvious matcher, for patterns of a, b, ? and * alone. */
static bool matches_obviously(const char *pattern, const char *text)
{
    if (*pattern == '\0')
        return *text == '\0';
    if (*pattern == '*')
        return matches_obviously(pattern + 1, text) ||
               (*text != '\0' && matches_obviously(pattern, text + 1));
    return *text != '\0' && (*pattern == '?' || *pattern == *text) &&
           matches_obviously(pattern + 1, text + 1);
}

static uint32_t next_random(uint32_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 17;
    *seed ^= *seed << 5;
    return *seed;
}

static void test_stars_match_as_the_obvious_matcher_says(void **state)
{
    (void)state;
    uint32_t seed = 20240607;
    struct guard guards[2];
    guard_create(&guards[0], 64);
    guard_create(&guards[1], 64);
    for (int k = 0; k < 50000; k++) {
        char pattern[8] = "", text[10] = "";
        size_t pattern_size = next_random(&seed) % 7, text_size = next_random(&seed) % 9;
        for (size_t i = 0; i < pattern_size; i++)
            pattern[i] = "ab?**"[next_random(&seed) % 5];
        for (size_t i = 0; i < text_size; i++)
            text[i] = "ab"[next_random(&seed) % 2];
        struct fl__bytes p = {guard_copy(&guards[0], pattern, pattern_size), pattern_size};
        struct fl__bytes t = {guard_copy(&guards[1], text, text_size), text_size};
        assert_int_equal(matches(p, t, false), matches_obviously(pattern, text));
    }
    guard_destroy(&guards[0]);
    guard_destroy(&guards[1]);
}

static void test_no_pattern_makes_it_read_beyond_its_ends(void **state)
{
    (void)state;
    uint32_t seed = 7;
    struct guard guards[2];
    guard_create(&guards[0], 64);
    guard_create(&guards[1], 64);
    for (int k = 0; k < 50000; k++) {
        char pattern[8], text[4];
        size_t pattern_size = next_random(&seed) % 8, text_size = next_random(&seed) % 4;
        for (size_t i = 0; i < pattern_size; i++)
            pattern[i] = "ab?*[]^-\\"[next_random(&seed) % 9];
        for (size_t i = 0; i < text_size; i++)
            text[i] = "ab[-"[next_random(&seed) % 4];
        struct fl__bytes p = {guard_copy(&guards[0], pattern, pattern_size), pattern_size};
        struct fl__bytes t = {guard_copy(&guards[1], text, text_size), text_size};
        (void)matches(p, t, k % 2 == 0);
    }
    guard_destroy(&guards[0]);
    guard_destroy(&guards[1]);
}

static void test_many_stars_take_no_exponential_time(void **state)
{
    (void)state;
    char pattern[201], text[4096];
    for (int k = 0; k < 200; k += 2)
        memcpy(pattern + k, "a*", 2);
    pattern[200] = 'b';
    memset(text, 'a', sizeof text);
    assert_false(
        matches((struct fl__bytes){pattern, sizeof pattern}, (struct fl__bytes){text, sizeof text}, false));
}

/* Whatever of the pattern is looked at again and again. */
static void test_steps_are_counted_and_limit_the_time(void **state)
{
    (void)state;
    char class[1000], stars[1000], text[100];
    memset(class, 'x', sizeof class);
    memcpy(class, "*[", 2);
    class[sizeof class - 1] = ']';
    memset(stars, '*', sizeof stars);
    memcpy(stars, "??", 2);
    memset(text, 'a', sizeof text);
    const struct {
        struct fl__bytes pattern, text;
        uint64_t least, most;
        bool is_match;
    } cases[] = {
        {{class, sizeof class}, {text, sizeof text}, 99900, 100100, false},
        {{class + 1, sizeof class - 1}, {text, 1}, 999, 1000, false},
        {{stars, sizeof stars}, {text, 2}, 1000, 1001, true},
        {{"*aab", 4}, {text, sizeof text}, 295, 301, false},
        {{"a?a", 3}, {text, 3}, 3, 3, true},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        uint64_t steps = 1000000, few = cases[k].least - 1;
        assert_int_equal(fl__glob_match(cases[k].pattern, cases[k].text, false, &steps), cases[k].is_match);
        assert_in_range(1000000 - steps, cases[k].least, cases[k].most);
        assert_false(fl__glob_match(cases[k].pattern, cases[k].text, false, &few));
        assert_int_equal(few, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_patterns_match_what_redis_says),
        cmocka_unit_test(test_case_is_ignored_if_asked_for),
        cmocka_unit_test(test_stars_match_as_the_obvious_matcher_says),
        cmocka_unit_test(test_no_pattern_makes_it_read_beyond_its_ends),
        cmocka_unit_test(test_many_stars_take_no_exponential_time),
        cmocka_unit_test(test_steps_are_counted_and_limit_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
