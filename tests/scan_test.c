/* scan_test.c - SCAN, KEYS and RANDOMKEY: what is returned while everything else changes, how the choice is
 * spread, and that no call looks for ever. */
#include "support/seeds.h"
#include "support/store_log.h"

#include <math.h>

#define STAYING 300

/* --------------------------------------------------------------------------------------------------- SCAN */

static uint64_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

static void applyf(struct log *log, const char *verb, const char *prefix, uint64_t number, const char *rest)
{
    char text[64];
    snprintf(text, sizeof text, "%s %s%u%s", verb, prefix, (unsigned)number, rest);
    apply(log, text);
}

/* Counts the keys that stay among those of one step; returns its cursor. */
static unsigned long long take_step(struct log *log, unsigned long long cursor, unsigned count, uint8_t *seen)
{
    char text[64];
    snprintf(text, sizeof text, "scan %llu count %u", cursor, count);
    read_state(log, text);
    char *copy = strndup(log->reply.data, log->reply.size);
    unsigned line = 0, number;
    for (char *word = strtok(copy, "\r\n"); word; word = strtok(NULL, "\r\n"), line++) {
        if (line == 2)
            cursor = strtoull(word, NULL, 10);
        if (line > 3 && sscanf(word, "stay%u", &number) == 1)
            seen[number]++;
    }
    free(copy);
    assert_true(cursor < (unsigned long long)1 << 53); /* Exact in a double. */
    return cursor;
}

/* Stores with the keys that stay, each by a history of its own: put in another order, among others that went
 * again, in tables that had been large. */
static void build(struct log *logs, unsigned log_count, uint64_t *random)
{
    for (unsigned n = 0; n < log_count; n++) {
        log_begin(&logs[n]);
        uint64_t ballast = n == 0 ? 0 : draw(random) % 3000, start = draw(random) % STAYING;
        for (uint64_t k = 0; k < ballast; k++)
            applyf(&logs[n], "set", "ballast", k, " v");
        for (uint64_t k = 0; k < STAYING; k++)
            applyf(&logs[n], "set", "stay", (start + k * 7) % STAYING, " v");
        for (uint64_t k = 0; k < ballast; k++)
            applyf(&logs[n], "del", "ballast", k, "");
    }
}

/* What others do meanwhile, on every node: a wave of keys that comes or goes, values that change. */
static void disturb(struct log *logs, unsigned log_count, uint64_t *random, unsigned step)
{
    uint64_t drawn = draw(random);
    for (unsigned n = 0; n < log_count; n++) {
        for (unsigned k = 0; k < drawn % 64; k++)
            applyf(&logs[n], drawn & 64 ? "set" : "del", "go", (step * 8 + k) % 2000, drawn & 64 ? " v" : "");
        applyf(&logs[n], "append", "stay", drawn % STAYING, " more");
        applyf(&logs[n], "rename", "go", drawn % 2000, " go1");
    }
}

/* Each step goes to another node, as after a change of leader. */
static void test_a_scan_that_goes_on_at_other_nodes_returns_each_key_that_stays_once(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= seeds_count(8, 500); seed++) {
        struct log logs[3];
        uint8_t seen[STAYING] = {0};
        uint64_t random = seed;
        unsigned long long cursor = 0;
        unsigned step = 0;
        build(logs, 3, &random);
        do {
            disturb(logs, 3, &random, step++);
            cursor = take_step(&logs[draw(&random) % 3], cursor, 1 + (unsigned)(draw(&random) % 20), seen);
        } while (cursor != 0);
        for (unsigned k = 0; k < STAYING; k++)
            assert_int_equal(seen[k], 1);
        for (unsigned n = 0; n < 3; n++)
            log_end(&logs[n]);
    }
}

static void test_a_step_ends_early_where_there_is_too_much_to_look_at(void **state)
{
    struct log log;
    uint8_t seen[STAYING] = {0};
    unsigned steps = 0;
    unsigned long long cursor = 0;
    (void)state;
    log_begin(&log);
    for (uint64_t k = 0; k < 400000; k++)
        applyf(&log, "set", "many", k, " v");
    for (uint64_t k = 0; k < STAYING; k++)
        applyf(&log, "set", "stay", k, " v");
    do {
        cursor = take_step(&log, cursor, 1000000000, seen);
        steps++;
    } while (cursor != 0);
    assert_in_range(steps, 3, 20);
    for (unsigned k = 0; k < STAYING; k++)
        assert_int_equal(seen[k], 1);
    log_end(&log);
}

/* A pattern that is tried at each of a key's 60,000 places, and fails at its end. */
static void test_a_pattern_that_takes_too_long_is_refused(void **state)
{
    struct log log;
    size_t size = 60000;
    char *key = malloc(size), *pattern = malloc(size);
    (void)state;
    memset(key, 'a', size);
    memset(pattern, 'a', size);
    pattern[0] = '*';
    pattern[size / 2] = 'b';
    log_begin(&log);
    apply_args(&log, (struct fl__bytes[]){{"set", 3}, {key, size}, {"v", 1}}, 3);
    struct fl__bytes keys[] = {{"keys", 4}, {pattern, size / 2 + 1}};
    struct fl__bytes scan[] = {{"scan", 4}, {"0", 1}, {"match", 5}, {pattern, size / 2 + 1}};
    log.reply.size = 0;
    fl__store_read(log.store, fl__command_find(keys, 2, NULL), keys, 2, 0, &log.reply);
    assert_memory_equal(log.reply.data, "-ERR KEYS would stop this node", 30);
    log.reply.size = 0;
    fl__store_read(log.store, fl__command_find(scan, 4, NULL), scan, 4, 0, &log.reply);
    check_reply(&log, "-ERR matching this pattern takes too long\r\n");
    log_end(&log);
    free(key);
    free(pattern);
}

/* Redis reads it up to there. Whoever sends it means something else. */
static void test_a_cursor_with_a_zero_byte_is_refused(void **state)
{
    static const struct fl__bytes cursors[] = {{"0", 2}, {"", 1}, {"1\0x", 3}};
    struct log log;
    (void)state;
    log_begin(&log);
    for (size_t k = 0; k < sizeof cursors / sizeof cursors[0]; k++) {
        const struct fl__bytes scan[] = {{"scan", 4}, cursors[k]};
        log.reply.size = 0;
        fl__store_read(log.store, fl__command_find(scan, 2, NULL), scan, 2, 0, &log.reply);
        check_reply(&log, "-ERR invalid cursor\r\n");
    }
    log_end(&log);
}

/* Else a million of them in one transaction would stop the node for hours. */
static void test_what_a_transaction_looks_through_has_a_limit(void **state)
{
    char key[4000], pattern[2000];
    const struct fl__bytes keys[] = {{"keys", 4}, {pattern, sizeof pattern}};
    const struct fl__bytes scan[] = {{"scan", 4}, {"0", 1}, {"match", 5}, {pattern, sizeof pattern}};
    const struct fl__bytes count[] = {{"bitcount", 8}, {"large", 5}};
    struct fl__transaction transaction;
    struct log log;
    (void)state;
    memset(key, 'a', sizeof key);
    memset(pattern, 'a', sizeof pattern);
    pattern[0] = '*';
    pattern[sizeof pattern - 1] = 'b';
    log_begin(&log);
    apply(&log, "setrange large 67108863 x");
    for (char c = 'c'; c < 'f'; c++) { /* Three keys take some 12 MiB. */
        key[sizeof key - 1] = c;
        apply_args(&log, (struct fl__bytes[]){{"set", 3}, {key, sizeof key}, {"v", 1}}, 3);
    }
    fl__transaction_init(&transaction);
    for (int k = 0; k < 7; k++)
        (void)!fl__transaction_add(&transaction, fl__command_find(count, 2, NULL), count, 2);
    for (int k = 0; k < 4; k++) {
        (void)!fl__transaction_add(&transaction, fl__command_find(keys, 2, NULL), keys, 2);
        (void)!fl__transaction_add(&transaction, fl__command_find(scan, 4, NULL), scan, 4);
    }
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    fl__reply_raw(&log.reply, (struct fl__bytes){"", 1});
/* The step of a SCAN ends early. */
#define FOUND "*0\r\n*2\r\n$15\r\n408273334241519\r\n*0\r\n"
#define REFUSED                                                                                              \
    "-ERR a command, or all commands of a transaction, may go through 512 MiB of values; this one was not "  \
    "carried out\r\n"
    assert_string_equal(
        log.reply.data,
        "*15\r\n:4\r\n:4\r\n:4\r\n:4\r\n:4\r\n:4\r\n:4\r\n" FOUND FOUND REFUSED REFUSED REFUSED REFUSED);
    fl__transaction_release(&transaction);
    log_end(&log);
}

/* --------------------------------------------------------------------------------------------------- KEYS */

static void test_keys_counts_what_it_found_behind_earlier_replies(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "mset ab 1 b 2 gone 3");
    apply(&log, "pexpire gone 1");
    log.time_us += SECOND;
    read_state(&log, "keys a*");
    check_reply(&log, "*1\r\n$2\r\nab\r\n");
    struct fl__bytes args[] = {{"keys", 4}, {"b", 1}};
    fl__store_read(log.store, fl__command_find(args, 2, NULL), args, 2, 0, &log.reply);
    check_reply(&log, "*1\r\n$2\r\nab\r\n*1\r\n$1\r\nb\r\n");
    tick(&log);
    read_state(&log, "keys g*");
    check_reply(&log, "*0\r\n");
    log_end(&log);
}

static void test_keys_that_do_not_fit_the_output_fail_the_reply(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    for (uint64_t k = 0; k < 2000; k++)
        applyf(&log, "set", "key", k, " v");
    fl__reply_release(&log.reply);
    fl__reply_init(&log.reply, 2, 10000);
    read_state(&log, "keys *");
    assert_true(log.reply.failed);
    assert_true(log.reply.size <= 10000);
    log_end(&log);
}

/* A client that sent CLIENT REPLY OFF. */
static void test_who_wants_no_answer_gets_none(void **state)
{
    static const char *const names[] = {"keys", "scan", "randomkey", "dump", "revision"};
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "mset 0 v 1 v");
    log.reply.size = 0;
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        struct fl__bytes args[] = {fl__bytes_of(names[k]), {"0", 1}};
        uint32_t count = k == 2 ? 1 : 2;
        fl__store_read(log.store, fl__command_find(args, count, NULL), args, count, 0, NULL);
    }
    struct fl__bytes wild[] = {fl__bytes_of("keys"), fl__bytes_of("*")};
    fl__store_read(log.store, fl__command_find(wild, 2, NULL), wild, 2, 0, NULL);
    assert_int_equal(log.reply.size, 0);
    log_end(&log);
}

/* ---------------------------------------------------------------------------------------------- RANDOMKEY */

static unsigned drawn_number(struct log *log)
{
    unsigned number = 0;
    read_state(log, "randomkey");
    char *text = strndup(log->reply.data, log->reply.size);
    assert_int_equal(sscanf(text, "$%*u\r\nkey%u", &number), 1);
    free(text);
    return number;
}

/* In a table of any load, in the middle of being resized too: chi-squared of 40 draws for each key. */
static void test_each_key_has_the_same_chance(void **state)
{
    static const unsigned counts[] = {1, 2, 3, 60, 70, 1000, 1100, 1500};
    (void)state;
    for (size_t n = 0; n < sizeof counts / sizeof counts[0]; n++) {
        struct log log;
        unsigned count = counts[n], draws = count * 40;
        double spread = 0;
        unsigned *hits = calloc(count, sizeof *hits);
        log_begin(&log);
        for (uint64_t k = 0; k < count; k++)
            applyf(&log, "set", "key", k, " v");
        for (unsigned k = 0; k < draws; k++)
            hits[drawn_number(&log)]++;
        for (unsigned k = 0; k < count; k++)
            spread += ((double)hits[k] - 40) * ((double)hits[k] - 40) / 40;
        /* Its mean is count - 1, its deviation the root of twice as much. */
        assert_true(spread < count + 6 * sqrt(2 * (double)count));
        free(hits);
        log_end(&log);
    }
}

/* Thousands have expired, and hardly any of them is freed. */
static void test_an_expired_key_is_never_drawn(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    for (uint64_t k = 0; k < 5000; k++)
        applyf(&log, "set", "gone", k, " v px 10");
    read_state(&log, "randomkey");
    log.time_us += SECOND;
    apply(&log, "set key7 v");
    assert_true(fl__store_held(log.store) > 4000);
    for (unsigned k = 0; k < 50; k++)
        assert_int_equal(drawn_number(&log), 7);
    apply(&log, "del key7");
    assert_true(fl__store_held(log.store) > 4000);
    read_state(&log, "randomkey");
    check_reply(&log, "$-1\r\n");
    log_end(&log);
}

static void test_the_keys_that_one_transaction_draws_are_drawn_apart(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    struct fl__bytes args[] = {{"randomkey", 9}};
    (void)state;
    log_begin(&log);
    for (uint64_t k = 0; k < 1000; k++)
        applyf(&log, "set", "key", k, " v");
    fl__transaction_init(&transaction);
    for (unsigned k = 0; k < 4; k++)
        assert_int_equal(fl__transaction_add(&transaction, fl__command_find(args, 1, NULL), args, 1), FL_OK);
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    unsigned drawn[4];
    char *text = strndup(log.reply.data, log.reply.size);
    assert_int_equal(sscanf(text, "*4 $%*u key%u $%*u key%u $%*u key%u $%*u key%u", &drawn[0], &drawn[1],
                            &drawn[2], &drawn[3]),
                     4);
    assert_false(drawn[0] == drawn[1] && drawn[1] == drawn[2] && drawn[2] == drawn[3]);
    free(text);
    fl__transaction_release(&transaction);
    log_end(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cursor_with_a_zero_byte_is_refused),
        cmocka_unit_test(test_a_scan_that_goes_on_at_other_nodes_returns_each_key_that_stays_once),
        cmocka_unit_test(test_a_step_ends_early_where_there_is_too_much_to_look_at),
        cmocka_unit_test(test_a_pattern_that_takes_too_long_is_refused),
        cmocka_unit_test(test_what_a_transaction_looks_through_has_a_limit),
        cmocka_unit_test(test_keys_counts_what_it_found_behind_earlier_replies),
        cmocka_unit_test(test_keys_that_do_not_fit_the_output_fail_the_reply),
        cmocka_unit_test(test_who_wants_no_answer_gets_none),
        cmocka_unit_test(test_each_key_has_the_same_chance),
        cmocka_unit_test(test_an_expired_key_is_never_drawn),
        cmocka_unit_test(test_the_keys_that_one_transaction_draws_are_drawn_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
