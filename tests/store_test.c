/* store_test.c - the keyspace as a state machine: what follows from the entries and from nothing else. That
 * the commands answer as Redis does is shown by comparing them with one (tests/process/compare.sh). */
#include "server.h"
#include "support/guard.h"
#include "support/store_log.h"

/* --------------------------------------------------------------------------------------------------- time */

static void test_keys_expire_by_the_entries_time(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set k v ex 10");
    log.time_us += 10 * SECOND; /* Redis keeps a key through its last millisecond. */
    tick(&log);
    read_state(&log, "get k");
    check_reply(&log, "$1\r\nv\r\n");
    log.time_us += 1000;
    read_state(&log, "get k"); /* No entry says that time has passed. */
    check_reply(&log, "$1\r\nv\r\n");
    tick(&log);
    read_state(&log, "get k");
    check_reply(&log, "$-1\r\n");
    log_end(&log);
}

static void test_the_logs_clock_never_goes_back(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set k v px 5000");
    log.time_us += 6 * SECOND;
    tick(&log);
    log.time_us -= 5 * SECOND; /* A new leader whose clock is behind. */
    tick(&log);
    read_state(&log, "get k");
    check_reply(&log, "$-1\r\n");
    assert_int_equal(fl__store_time_us(log.store), 1700000006 * SECOND);
    log_end(&log);
}

static void test_a_read_is_told_when_it_must_wait_for_a_tick(void **state)
{
    struct log log;
    char text[] = "get k";
    struct fl__bytes args[WORDS_MAX];
    (void)split(text, args);
    (void)state;
    log_begin(&log);
    apply(&log, "set k v ex 10");
    const struct fl__command *get = fl__command_find(args, 2, NULL);
    assert_false(fl__store_needs_tick(log.store, get, args, 2, log.time_us + 9 * SECOND));
    assert_true(fl__store_needs_tick(log.store, get, args, 2, log.time_us + 11 * SECOND));
    log.time_us += 11 * SECOND;
    tick(&log);
    assert_false(fl__store_needs_tick(log.store, get, args, 2, log.time_us));
    log_end(&log);
}

/* -------------------------------------------------------------------------------------------- determinism */

static void draw_command(uint64_t *random, char *text, size_t size)
{
    static const char *const forms[][2] = {{"set k", " v"},      {"set k", " w ex 5"},   {"append k", " x"},
                                           {"incrby n", " 3"},   {"del k", " k5"},       {"expire k", " 4"},
                                           {"getdel k", ""},     {"persist k", ""},      {"setnx k", " 7"},
                                           {"getset k", " g"},   {"pexpire n", " 2500"}, {"incr n", ""},
                                           {"mset k", " a k9 b"}};
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    uint64_t draw = *random >> 33;
    const char *const *form = forms[draw % (sizeof forms / sizeof *forms)];
    snprintf(text, size, "%s%u%s", form[0], (unsigned)(draw / 16 % 40), form[1]);
}

/* One is asked for every reply, the other for none, and its keys are never read. */
static void test_the_same_entries_give_the_same_state_whoever_asks(void **state)
{
    struct log asked, silent;
    uint64_t random = 3;
    char text[128];
    (void)state;
    log_begin(&asked);
    log_begin(&silent);
    for (uint32_t k = 0; k < 20000; k++) {
        uint64_t time_us = asked.time_us + (k % 50 == 0 ? SECOND : 1000);
        asked.time_us = silent.time_us = time_us;
        draw_command(&random, text, sizeof text);
        apply(&asked, text);
        apply(&silent, text);
        if (k % 7 == 0)
            read_state(&asked, "mget k1 k2 k3 n1 n2");
        if (k % 500 == 0)
            assert_int_equal(fl__store_hash(asked.store), fl__store_hash(silent.store));
    }
    assert_int_equal(fl__store_hash(asked.store), fl__store_hash(silent.store));
    apply(&asked, "set k1 different");
    apply(&silent, "set k1 other");
    assert_int_not_equal(fl__store_hash(asked.store), fl__store_hash(silent.store));
    log_end(&asked);
    log_end(&silent);
}

/* --------------------------------------------------------------------------------------------------- scan */

static void note_key(const char *key, uint8_t *seen)
{
    unsigned number;
    if (sscanf(key, "stay%u", &number) == 1)
        seen[number]++;
}

/* The next step of a scan; its cursor, 0 at the end. */
static unsigned long long scan(struct log *log, unsigned long long cursor, uint8_t *seen)
{
    char text[64];
    snprintf(text, sizeof text, "scan %llu count 7", cursor);
    read_state(log, text);
    char *copy = strndup(log->reply.data, log->reply.size);
    unsigned line = 0;
    for (char *word = strtok(copy, "\r\n"); word; word = strtok(NULL, "\r\n"), line++) {
        if (line == 2)
            cursor = strtoull(word, NULL, 10);
        if (line > 3 && *word != '$')
            note_key(word, seen);
    }
    free(copy);
    return cursor;
}

/* Others come and go meanwhile, and the table grows and shrinks. */
static void test_scan_gives_every_key_that_stays_once(void **state)
{
    struct log log;
    uint8_t seen[500] = {0};
    char text[64];
    unsigned long long cursor = 0;
    (void)state;
    log_begin(&log);
    for (unsigned k = 0; k < 500; k++) {
        snprintf(text, sizeof text, "set stay%u v", k);
        apply(&log, text);
    }
    unsigned step = 0;
    do {
        cursor = scan(&log, cursor, seen);
        for (unsigned k = 0; k < 300; k++) {
            snprintf(text, sizeof text, step < 40 ? "set go%u v" : "del go%u", (step % 40) * 300 + k);
            apply(&log, text);
        }
        step++;
    } while (cursor != 0);
    for (unsigned k = 0; k < 500; k++)
        assert_int_equal(seen[k], 1);
    assert_true(step > 40);
    log_end(&log);
}

/* ------------------------------------------------------------------------------------------- transactions */

static void add(struct fl__transaction *transaction, const char *command)
{
    char text[128];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", command);
    uint32_t count = split(text, args);
    const struct fl__command *found = fl__command_find(args, count, NULL);
    assert_non_null(found);
    assert_int_equal(fl__transaction_add(transaction, found, args, count), FL_OK);
}

static void test_a_transaction_is_one_entry_and_a_failing_command_in_it_fails_alone(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    (void)state;
    log_begin(&log);
    fl__transaction_init(&transaction);
    add(&transaction, "set a text");
    add(&transaction, "incr a");
    add(&transaction, "incr b");
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    check_reply(&log, "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n:1\r\n");
    assert_int_equal(fl__store_index(log.store), 1);
    read_state(&log, "mget a b");
    check_reply(&log, "*2\r\n$4\r\ntext\r\n$1\r\n1\r\n");
    fl__transaction_release(&transaction);
    log_end(&log);
}

/* ---------------------------------------------------------------------------------------------- malformed */

static void test_of_an_entry_cut_anywhere_nothing_is_applied(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    struct guard guard;
    (void)state;
    log_begin(&log);
    guard_create(&guard, 4096);
    fl__transaction_init(&transaction);
    add(&transaction, "set a text");
    add(&transaction, "set b text");
    apply(&log, "set a before");
    for (size_t size = 1; size < transaction.size; size++) {
        struct fl__bytes cut = {guard_copy(&guard, transaction.data, size), size};
        assert_int_equal(fl__payload_check(cut), FL_EMESSAGE);
        apply_data(&log, cut, FL_EMESSAGE); /* On every node alike. */
    }
    read_state(&log, "mget a b");
    check_reply(&log, "*2\r\n$6\r\nbefore\r\n$-1\r\n");
    assert_int_equal(fl__store_index(log.store), log.index);
    fl__transaction_release(&transaction);
    guard_destroy(&guard);
    log_end(&log);
}

static void put_condition(char *out, const char *key, uint64_t revision)
{
    fl__payload_condition_write(out, fl__bytes_of(key), revision);
}

static void test_a_guarded_transaction_is_applied_if_all_its_revisions_are_right_and_else_not_at_all(
    void **state)
{
    struct log log;
    char conditions[32];
    size_t size = fl__payload_condition_size(fl__bytes_of("a"));
    (void)state;
    for (uint64_t off = 0; off < 3; off++) {
        struct fl__transaction transaction;
        log_begin(&log);
        apply(&log, "set a before");
        fl__transaction_init(&transaction);
        add(&transaction, "set a after");
        put_condition(conditions, "a", log.index + off % 2);
        put_condition(conditions + size, "b", off / 2);
        assert_int_equal(fl__transaction_guard(&transaction, (struct fl__bytes){conditions, 2 * size}, 2),
                         FL_OK);
        apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
        check_reply(&log, off == 0 ? "*1\r\n+OK\r\n" : "*-1\r\n");
        read_state(&log, "get a");
        check_reply(&log, off == 0 ? "$5\r\nafter\r\n" : "$6\r\nbefore\r\n");
        fl__transaction_release(&transaction);
        log_end(&log);
    }
}

static void test_of_a_guarded_entry_cut_anywhere_or_without_conditions_nothing_is_applied(void **state)
{
    struct fl__transaction transaction;
    struct guard guard;
    char conditions[64], text[64];
    (void)state;
    guard_create(&guard, 4096);
    fl__transaction_init(&transaction);
    add(&transaction, "set a text");
    size_t size = fl__payload_condition_size(fl__bytes_of("key"));
    put_condition(conditions, "key", UINT64_MAX);
    put_condition(conditions + size, "yek", 7);
    assert_int_equal(fl__transaction_guard(&transaction, (struct fl__bytes){conditions, 2 * size}, 2), FL_OK);
    struct fl__bytes whole = {transaction.data, transaction.size};
    assert_int_equal(fl__payload_check(whole), FL_OK);
    fl__payload_describe(whole, text, sizeof text);
    assert_string_equal(text, "WATCH key@18446744073709551615 yek@7; MULTI; set a text");
    for (size_t cut = 1; cut < transaction.size; cut++)
        assert_int_equal(
            fl__payload_check((struct fl__bytes){guard_copy(&guard, transaction.data, cut), cut}),
            FL_EMESSAGE);
    transaction.data[6] = 0; /* How many conditions: the bytes of both would be calls. */
    assert_int_equal(fl__payload_check(whole), FL_EMESSAGE);
    static const char empty[] = {1, FL__PAYLOAD_GUARDED, 0, 0, 0, 0, 0, 0, 0, 0};
    assert_int_equal(fl__payload_check((struct fl__bytes){empty, sizeof empty}), FL_EMESSAGE);
    fl__transaction_release(&transaction);
    guard_destroy(&guard);
}

static void test_conditions_alone_are_a_transaction(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    char conditions[32];
    (void)state;
    log_begin(&log);
    fl__transaction_init(&transaction);
    size_t size = fl__payload_condition_size(fl__bytes_of("a"));
    put_condition(conditions, "a", 0);
    assert_int_equal(fl__transaction_guard(&transaction, (struct fl__bytes){conditions, size}, 1), FL_OK);
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    check_reply(&log, "*0\r\n");
    apply(&log, "set a 1");
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    check_reply(&log, "*-1\r\n");
    fl__transaction_release(&transaction);
    log_end(&log);
}

/* More keys have expired than an entry frees, and the last of them is used again: what its deadline was is
 * nobody's. */
static void test_a_key_that_expired_and_is_not_freed_begins_anew(void **state)
{
    static const char *const writes[] = {"set z w keepttl", "append z w", "incr z", "setbit z 1 0",
                                         "setrange z 0 w"};
    (void)state;
    for (size_t n = 0; n < sizeof writes / sizeof writes[0]; n++) {
        struct log log;
        char command[64];
        log_begin(&log);
        for (unsigned k = 0; k < 100; k++) {
            snprintf(command, sizeof command, "set k%u v px 10", k);
            apply(&log, command);
        }
        apply(&log, "set z v px 20");
        log.time_us += SECOND;
        apply(&log, writes[n]);
        assert_in_range(fl__store_held(log.store), 80, 90);
        read_state(&log, "pttl z");
        check_reply(&log, ":-1\r\n");
        read_state(&log, "strlen z");
        check_reply(&log, ":1\r\n");
        log_end(&log);
    }
}

static void test_what_reads_is_not_run_where_nobody_asks(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    struct fl__store_counts counts;
    const struct fl__bytes get[] = {{"get", 3}, {"a", 1}}, incr[] = {{"incr", 4}, {"a", 1}};
    (void)state;
    log_begin(&log);
    fl__transaction_init(&transaction);
    assert_int_equal(fl__transaction_add(&transaction, fl__command_find(get, 2, NULL), get, 2), FL_OK);
    assert_int_equal(fl__transaction_add(&transaction, fl__command_find(incr, 2, NULL), incr, 2), FL_OK);
    const struct fl__bytes data = {transaction.data, transaction.size};
    const struct fl__context context = {.time_us = log.time_us, .index = ++log.index};
    assert_int_equal(fl__store_apply(log.store, &context, data, NULL), FL_OK);
    fl__store_counts(log.store, &counts);
    assert_int_equal(counts.misses, 0);
    apply_data(&log, data, FL_OK);
    check_reply(&log, "*2\r\n$1\r\n1\r\n:2\r\n");
    fl__transaction_release(&transaction);
    log_end(&log);
}

/* ------------------------------------------------------------------------------------------- what is left */

static uint64_t discarded_keys(const struct log *log)
{
    struct fl__store_counts counts;
    fl__store_counts(log->store, &counts);
    return counts.discarded;
}

static void apply_pairs(struct log *log, uint32_t pair_count, bool is_flushed)
{
    struct fl__transaction transaction;
    const struct fl__bytes flushall = fl__bytes_of("flushall");
    fl__transaction_init(&transaction);
    for (uint32_t k = 0; k < pair_count; k++) {
        char key[16];
        snprintf(key, sizeof key, "%u", (unsigned)k);
        const struct fl__bytes args[] = {{"set", 3}, fl__bytes_of(key), {"v", 1}};
        assert_int_equal(fl__transaction_add(&transaction, fl__command_find(args, 3, NULL), args, 3), FL_OK);
        if (is_flushed)
            assert_int_equal(
                fl__transaction_add(&transaction, fl__command_find(&flushall, 1, NULL), &flushall, 1), FL_OK);
    }
    apply_data(log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    fl__transaction_release(&transaction);
}

/* What FLUSHALL leaves behind is freed little by little, and nobody counts it as used. */
static void test_what_is_left_behind_does_not_pile_up_within_one_entry(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply_pairs(&log, 5000, true);
    assert_in_range(discarded_keys(&log), 0, 2);
    log_end(&log);
}

static void test_what_is_left_behind_is_freed_before_as_much_is_there_again(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    for (int round = 0; round < 4; round++) {
        apply_pairs(&log, 50000, false);
        assert_int_equal(discarded_keys(&log), 0);
        apply(&log, "flushall");
        assert_in_range(discarded_keys(&log), 49000, 50000);
    }
    log_end(&log);
}

static void test_what_is_left_behind_is_freed_without_entries_too(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply_pairs(&log, 50000, false);
    apply(&log, "flushall");
    for (int k = 0; k < 65536 / 4096 + 1; k++)
        fl__store_tidy(log.store);
    assert_int_equal(discarded_keys(&log), 0);
    log_end(&log);
}

static void test_data_says_everything_in_one_way(void **state)
{
    struct log log;
    static const char plain[] = "\1\1\2\3get\1a", longer[] = "\1\1\x82\0\3get\1a", later[] = "\2\1\2\3get\1a";
    (void)state;
    log_begin(&log);
    apply_data(&log, (struct fl__bytes){plain, sizeof plain - 1}, FL_OK);
    check_reply(&log, "$-1\r\n");
    apply_data(&log, (struct fl__bytes){longer, sizeof longer - 1}, FL_EMESSAGE);
    apply_data(&log, (struct fl__bytes){later, sizeof later - 1}, FL_EMESSAGE);
    log_end(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_expire_by_the_entries_time),
        cmocka_unit_test(test_the_logs_clock_never_goes_back),
        cmocka_unit_test(test_a_read_is_told_when_it_must_wait_for_a_tick),
        cmocka_unit_test(test_the_same_entries_give_the_same_state_whoever_asks),
        cmocka_unit_test(test_scan_gives_every_key_that_stays_once),
        cmocka_unit_test(test_a_transaction_is_one_entry_and_a_failing_command_in_it_fails_alone),
        cmocka_unit_test(test_of_an_entry_cut_anywhere_nothing_is_applied),
        cmocka_unit_test(
            test_a_guarded_transaction_is_applied_if_all_its_revisions_are_right_and_else_not_at_all),
        cmocka_unit_test(test_of_a_guarded_entry_cut_anywhere_or_without_conditions_nothing_is_applied),
        cmocka_unit_test(test_conditions_alone_are_a_transaction),
        cmocka_unit_test(test_a_key_that_expired_and_is_not_freed_begins_anew),
        cmocka_unit_test(test_what_reads_is_not_run_where_nobody_asks),
        cmocka_unit_test(test_what_is_left_behind_does_not_pile_up_within_one_entry),
        cmocka_unit_test(test_what_is_left_behind_is_freed_before_as_much_is_there_again),
        cmocka_unit_test(test_what_is_left_behind_is_freed_without_entries_too),
        cmocka_unit_test(test_data_says_everything_in_one_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
