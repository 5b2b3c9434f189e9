/* string_test.c - strings: what is told of them, what leaves them alone, and LCS. That the commands answer as
 * Redis does is shown by comparing them with one (tests/process/compare.sh). */
#include "calls.h"
#include "seeds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ------------------------------------------------------------------------------------------------- events */

/* Commands one after the other, and what each tells: as Redis 7.0 does. */
static const char *const told[][2] = {
    {"set k v", "$set k"},
    {"set k v nx", ""},
    {"set z v xx", ""},
    {"set k v xx get", "$set k"},
    {"set k v ex 100", "$set k, gexpire k"},
    {"set k v keepttl", "$set k"},
    {"set k v pxat 1", "$set k, gexpire k"},
    {"setnx k v", "$set k"},
    {"setnx k v", ""},
    {"setex k 10 v", "$set k, gexpire k"},
    {"setex k 0 v", ""},
    {"psetex k 1000 v", "$set k, gexpire k"},
    {"getset k v", "$set k"},
    {"get k", ""},
    {"getdel k", "gdel k"},
    {"getdel k", ""},
    {"mset a 1 b 2 a 3", "$set a, $set b, $set a"},
    {"mset a 1 b", ""},
    {"msetnx a 1 c 2", ""},
    {"msetnx c 1 d 2", "$set c, $set d"},
    {"getex a", ""},
    {"getex a ex 100", "gexpire a"},
    {"getex a persist", "gpersist a"},
    {"getex a persist", ""},
    {"getex a ex 0", ""},
    {"getex a exat 1", "gdel a"},
    {"getex a exat 1", ""},
    {"append k ''", "$append k"},
    {"append k v", "$append k"},
    {"setrange k 0 ''", ""},
    {"setrange k 5 x", "$setrange k"},
    {"setrange k 67108864 x", ""},
    {"incr k", ""},
    {"incr n", "$incrby n"},
    {"decr n", "$incrby n"},
    {"incrby n 0", "$incrby n"},
    {"decrby n 5", "$incrby n"},
    {"incrbyfloat n 0", "$incrbyfloat n"},
    {"incrbyfloat n x", ""},
    {"incrbyfloat n inf", ""},
    {"setbit s 9 0", "$setbit s"},
    {"setbit s 8 0", ""},
    {"setbit s 8 1", "$setbit s"},
    {"bitfield s get u8 0", ""},
    {"bitfield s set u8 0 0", ""},
    {"bitfield s set u8 0 1 set u8 8 1", "$setbit s"},
    {"bitfield s set u8 16 0", "$setbit s"},
    {"bitfield s overflow fail set u8 24 256", ""},
    {"bitfield s overflow fail incrby u8 0 255", ""},
    {"bitop or t s s", "$set t"},
    {"bitop or t z z", "gdel t"},
    {"bitop or t z z", ""},
};

static void test_what_changes_a_string_is_told(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    for (size_t k = 0; k < sizeof told / sizeof *told; k++) {
        const char *reply = calls_say(&calls, told[k][0]);
        if (strcmp(calls.events, told[k][1]) != 0)
            fail_msg("%s: told \"%s\", not \"%s\"; replied %s", told[k][0], calls.events, told[k][1], reply);
    }
    calls_end(&calls);
}

/* ---------------------------------------------------------------------------------------------- revisions */

static fl_index revision_of(const struct calls *calls, const char *key)
{
    const struct fl__item *item = fl__store_find(calls->store, fl__bytes_of(key));
    return item == NULL ? 0 : item->revision;
}

static void test_what_changes_nothing_leaves_the_revision(void **state)
{
    static const char *const idle[] = {
        "setrange k 1 ''",
        "setbit k 0 0",
        "setbit k 1 1",
        "getex k",
        "getex k persist",
        "bitfield k get u8 0",
        "bitfield k set u8 0 97",
        "bitfield k incrby u8 0 0",
        "setrange k -1 x",
        "setbit k 0 2",
        "incrbyfloat k 1",
        "bitop not k k k",
        "bitfield k set u8 0 1 get u65 0",
        "bitfield k set u8 0 1 set u8 536870911 1",
        "msetnx z 1 k 2",
        "bitfield k overflow fail incrby u8 0 200",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "set k abc");
    for (size_t k = 0; k < sizeof idle / sizeof *idle; k++) {
        calls_say(&calls, idle[k]);
        if (revision_of(&calls, "k") != 1)
            fail_msg("%s changed the key", idle[k]);
    }
    assert_int_equal(revision_of(&calls, "z"), 0);
    calls_expect(&calls, "get k", "$3\r\nabc\r\n");
    calls_end(&calls);
}

static void test_what_changes_a_string_in_place_sets_the_revision(void **state)
{
    static const char *const busy[] = {
        "setrange k 1 x",  "setbit k 0 1",          "setbit k 500 0", "getex k ex 10",
        "getex k persist", "bitfield k set u8 0 9", "bitop not k k",  "bitfield k incrby u8 0 1",
        "append k x"};
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "set k abc");
    for (size_t k = 0; k < sizeof busy / sizeof *busy; k++) {
        calls_say(&calls, busy[k]);
        if (revision_of(&calls, "k") != calls.index)
            fail_msg("%s left the revision", busy[k]);
    }
    calls_end(&calls);
}

/* ------------------------------------------------------------------------------------------------ editing */

static void test_an_expired_string_is_not_edited_but_begun_anew(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "set k abcdef px 10");
    for (unsigned k = 0; k < 100; k++) { /* More than an entry frees. */
        char line[64];
        snprintf(line, sizeof line, "set k%u abcdef px 5", k);
        calls_say(&calls, line);
    }
    calls.time_us += 20000;
    calls_expect(&calls, "setrange k 1 x", ":2\r\n");
    assert_memory_equal(calls_value(&calls, "k").data, "\0x", 2);
    calls_expect(&calls, "ttl k", ":-1\r\n");
    calls_end(&calls);
}

static void test_bitop_takes_its_targets_deadline_away(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "set k abc ex 100");
    calls_expect(&calls, "bitop or k k", ":3\r\n");
    calls_expect(&calls, "ttl k", ":-1\r\n");
    calls_end(&calls);
}

static void test_editing_counts_memory(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "set other x");
    uint64_t before = fl__store_memory(calls.store);
    for (unsigned k = 0; k < 3; k++) {
        calls_say(&calls, "setrange k 100000 x");
        assert_in_range(fl__store_memory(calls.store), before + 100000, before + 101000);
        calls_say(&calls, "setbit k 4000000 1");
        assert_in_range(fl__store_memory(calls.store), before + 500000, before + 1100000);
        calls_say(&calls, "bitop not k other"); /* Gives back what a short value does not need. */
        assert_in_range(fl__store_memory(calls.store), before, before + 1000);
        calls_say(&calls, "del k");
        assert_int_equal(fl__store_memory(calls.store), before);
    }
    calls_end(&calls);
}

static void test_no_string_grows_beyond_the_limit(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    uint64_t before = fl__store_memory(calls.store);
    calls_expect(&calls, "bitfield k set u8 536870911 1",
                 "-ERR bit offset is not an integer or out of range\r\n");
    calls_expect(&calls, "setbit k 536870912 1", "-ERR bit offset is not an integer or out of range\r\n");
    calls_expect(&calls, "setrange k 67108863 xx",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    calls_expect(&calls, "setrange k 9223372036854775807 x",
                 "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    assert_int_equal(fl__store_memory(calls.store), before);
    calls_expect(&calls, "bitfield k set u8 536870904 1", "*1\r\n:0\r\n");
    assert_int_equal(calls_value(&calls, "k").size, FL__VALUE_SIZE_MAX);
    calls_end(&calls);
}

#define TOO_MUCH                                                                                             \
    "-ERR a command, or all commands of a transaction, may go through 512 MiB of values; this one was not "  \
    "carried out\r\n"

static void test_bitop_reads_no_more_than_its_limit(void **state)
{
    struct calls calls;
    struct fl__bytes args[11] = {fl__bytes_of("bitop"), fl__bytes_of("or"), fl__bytes_of("to")};
    (void)state;
    for (size_t k = 3; k < sizeof args / sizeof *args; k++)
        args[k] = fl__bytes_of("k");
    calls_begin(&calls);
    calls_say(&calls, "setrange k 67108863 x");
    assert_string_equal(calls_apply(&calls, args, 3 + 8), TOO_MUCH); /* The result is new, too. */
    assert_int_equal(revision_of(&calls, "to"), 0);
    assert_string_equal(calls_apply(&calls, args, 3 + 7), ":67108864\r\n");
    calls_end(&calls);
}

static void say_together(struct calls *calls, const char *const *lines, size_t line_count)
{
    struct fl__transaction transaction;
    fl__transaction_init(&transaction);
    for (size_t k = 0; k < line_count; k++)
        calls_queue(&transaction, lines[k]);
    calls_apply_data(calls, (struct fl__bytes){transaction.data, transaction.size});
    fl__transaction_release(&transaction);
}

/* Reads are not run where nobody asks, and may not decide what is written. */
static void test_the_commands_of_a_transaction_share_a_limit(void **state)
{
    static const char *const lines[] = {
        "setbit k0 536870911 1",
        "setbit k1 536870911 1",
        "setbit k2 536870911 1",
        "setbit k3 536870911 1",
        "setbit k4 536870911 1",
        "setbit k5 536870911 1",
        "copy k0 k6",
        "setbit k0 536870910 1",
        "bitcount k0",
        "bitpos k0 0 536870800",
        "setbit k7 536870910 1",
        "setbit k8 536870910 1",
        "setrange k9 1 x",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    say_together(&calls, lines, sizeof lines / sizeof *lines);
    assert_string_equal(
        calls.reply.data,
        "*13\r\n:0\r\n:0\r\n:0\r\n:0\r\n:0\r\n:0\r\n:1\r\n:0\r\n:2\r\n:-1\r\n:0\r\n" TOO_MUCH TOO_MUCH);
    assert_int_equal(revision_of(&calls, "k8"), 0);
    calls_expect(&calls, "setrange k9 1 x", ":2\r\n"); /* Another entry. */
    calls_end(&calls);
}

static void test_reads_of_a_transaction_share_a_limit_of_their_own(void **state)
{
    static const char *const lines[] = {
        "bitcount k", "bitcount k", "bitpos k 1",  "bitpos k 1", "bitcount k",
        "bitcount k", "bitcount k", "lcs a a len", "bitcount k", "setbit k 3 1",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "setrange k 67108863 a");
    calls_say(&calls, "setrange a 2000 a");
    say_together(&calls, lines, sizeof lines / sizeof *lines);
    assert_string_equal(calls.reply.data, "*10\r\n:3\r\n:3\r\n:536870905\r\n:536870905\r\n:3\r\n:3\r\n:3\r\n"
                                          ":2001\r\n" TOO_MUCH ":0\r\n");
    calls_end(&calls);
}

/* Each is short to write, and with a large value long to carry out: a million of them would stop a node for
 * hours. */
static void test_whatever_goes_through_a_large_value_spends_it(void **state)
{
    static const char *const renames[] = {
        "rename k kk", "rename kk k",   "renamenx k kk", "renamenx kk k", "rename k kk",
        "rename kk k", "renamenx k kk", "rename kk k",   "rename k kk",   "renamenx k kk",
    };
    static const char *const dumps[] = {
        "bitcount k", "bitcount k", "bitcount k", "bitcount k", "bitcount k",
        "bitcount k", "bitcount k", "bitcount k", "dump k",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "setrange k 67108863 a");
    say_together(&calls, renames, sizeof renames / sizeof *renames);
    assert_string_equal(calls.reply.data,
                        "*10\r\n+OK\r\n+OK\r\n:1\r\n:1\r\n+OK\r\n+OK\r\n:1\r\n+OK\r\n" TOO_MUCH TOO_MUCH);
    say_together(&calls, dumps, sizeof dumps / sizeof *dumps);
    assert_string_equal(calls.reply.data, "*9\r\n:3\r\n:3\r\n:3\r\n:3\r\n:3\r\n:3\r\n:3\r\n:3\r\n" TOO_MUCH);
    calls_end(&calls);
}

static void test_adding_to_a_long_number_spends_its_digits(void **state)
{
    static const char *const lines[] = {
        "setrange k1 67108863 a", "setrange k2 67108863 a", "setrange k3 67108863 a",
        "setrange k4 67108863 a", "setrange k5 67108863 a", "setrange k6 67108863 a",
        "setrange k7 67108863 a", "setrange k8 67100799 a", "incrbyfloat n 1e4000",
        "incrbyfloat n -1e4000",
    };
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "incrbyfloat n 0");
    say_together(&calls, lines, sizeof lines / sizeof *lines);
    const char *last = calls.reply.data + calls.reply.size - strlen(TOO_MUCH);
    assert_string_equal(last, TOO_MUCH);
    assert_int_equal(calls_value(&calls, "n").size, 1);
    calls_end(&calls);
}

/* ---------------------------------------------------------------------------------------------------- LCS */

#define LCS_SIZE_MAX 40

/* The textbook's table, whole. */
static size_t naive_lcs(const char *a, size_t a_size, const char *b, size_t b_size)
{
    static size_t table[LCS_SIZE_MAX + 1][LCS_SIZE_MAX + 1];
    for (size_t i = 1; i <= a_size; i++) {
        for (size_t j = 1; j <= b_size; j++) {
            size_t up = table[i - 1][j], left = table[i][j - 1];
            table[i][j] = a[i - 1] == b[j - 1] ? table[i - 1][j - 1] + 1 : up > left ? up : left;
        }
    }
    return table[a_size][b_size];
}

static void draw_text(uint64_t *random, char *text)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    size_t size = 1 + (*random >> 33) % LCS_SIZE_MAX;
    for (size_t k = 0; k < size; k++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        text[k] = (char)('a' + (*random >> 33) % 3);
    }
    text[size] = '\0';
}

static bool is_subsequence(const char *part, size_t size, const char *text)
{
    size_t at = 0;
    for (; *text != '\0' && at < size; text++)
        at += part[at] == *text;
    return at == size;
}

static void put(struct calls *calls, const char *key, const char *value)
{
    char line[128];
    snprintf(line, sizeof line, "set %s %s", key, value);
    calls_say(calls, line);
}

/* The sizes of the ranges add up to the whole, and in each the strings are the same. */
static void check_ranges(struct calls *calls, const char *a, const char *b, size_t size)
{
    const char *reply = calls_say(calls, "lcs a b idx");
    unsigned count, place[4], sum = 0;
    int used;
    assert_int_equal(sscanf(reply, "*4 $7 matches *%u%n", &count, &used), 1);
    for (unsigned k = 0; k < count; k++) {
        reply += used;
        assert_int_equal(
            sscanf(reply, " *2 *2 :%u :%u *2 :%u :%u%n", place, place + 1, place + 2, place + 3, &used), 4);
        assert_int_equal(place[1] - place[0], place[3] - place[2]);
        assert_memory_equal(a + place[0], b + place[2], place[1] - place[0] + 1);
        sum += place[1] - place[0] + 1;
    }
    assert_int_equal(sum, size);
}

static void test_lcs_finds_what_the_textbooks_table_does(void **state)
{
    struct calls calls;
    char a[LCS_SIZE_MAX + 1], b[LCS_SIZE_MAX + 1], expected[64];
    uint64_t random = 4, count = seeds_count(3000, 100000);
    (void)state;
    calls_begin(&calls);
    for (uint64_t k = 0; k < count; k++) {
        draw_text(&random, a);
        draw_text(&random, b);
        put(&calls, "a", a);
        put(&calls, "b", b);
        size_t size = naive_lcs(a, strlen(a), b, strlen(b));
        snprintf(expected, sizeof expected, ":%zu\r\n", size);
        calls_expect(&calls, "lcs a b len", expected);
        snprintf(expected, sizeof expected, "$%zu\r\n", size);
        const char *reply = calls_say(&calls, "lcs a b");
        assert_memory_equal(reply, expected, strlen(expected));
        assert_true(is_subsequence(reply + strlen(expected), size, a));
        assert_true(is_subsequence(reply + strlen(expected), size, b));
        check_ranges(&calls, a, b, size);
    }
    calls_end(&calls);
}

#define LCS_REFUSED "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len\r\n"

static void test_lcs_does_not_compare_what_would_take_long(void **state)
{
    struct calls calls;
    (void)state;
    calls_begin(&calls);
    calls_say(&calls, "setrange a 4094 x"); /* 4,096 prefixes, the empty one among them. */
    calls_say(&calls, "setrange b 4095 x");
    calls_expect(&calls, "lcs a a len", ":4095\r\n");
    calls_expect(&calls, "lcs a a idx",
                 "*4\r\n$7\r\nmatches\r\n*1\r\n*2\r\n*2\r\n:0\r\n:4094\r\n*2\r\n:0\r\n:4094\r\n"
                 "$3\r\nlen\r\n:4095\r\n");
    calls_expect(&calls, "lcs a b", LCS_REFUSED);
    calls_expect(&calls, "lcs b a len", LCS_REFUSED);
    calls_say(&calls, "setrange long 8388606 x");
    calls_say(&calls, "set short x");
    calls_expect(&calls, "lcs long short", "$1\r\nx\r\n");
    calls_expect(&calls, "lcs short long len", ":1\r\n");
    calls_say(&calls, "append long y");
    calls_expect(&calls, "lcs long short len", LCS_REFUSED);
    calls_end(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_changes_a_string_is_told),
        cmocka_unit_test(test_what_changes_nothing_leaves_the_revision),
        cmocka_unit_test(test_what_changes_a_string_in_place_sets_the_revision),
        cmocka_unit_test(test_an_expired_string_is_not_edited_but_begun_anew),
        cmocka_unit_test(test_bitop_takes_its_targets_deadline_away),
        cmocka_unit_test(test_editing_counts_memory),
        cmocka_unit_test(test_no_string_grows_beyond_the_limit),
        cmocka_unit_test(test_bitop_reads_no_more_than_its_limit),
        cmocka_unit_test(test_the_commands_of_a_transaction_share_a_limit),
        cmocka_unit_test(test_reads_of_a_transaction_share_a_limit_of_their_own),
        cmocka_unit_test(test_whatever_goes_through_a_large_value_spends_it),
        cmocka_unit_test(test_adding_to_a_long_number_spends_its_digits),
        cmocka_unit_test(test_lcs_finds_what_the_textbooks_table_does),
        cmocka_unit_test(test_lcs_does_not_compare_what_would_take_long),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
