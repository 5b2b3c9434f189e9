/* key_test.c - commands about keys: what they tell to who listens, what becomes of deadlines, revisions and
 * memory, and which answers depend on the time. What they reply is compared with Redis' replies
 * (tests/process/compare.sh). */
#include "support/store_log.h"

#define TOLD_SIZE (1u << 20)

/* What a store tells, in its order: "rename_from a, rename_to b". */
struct told {
    char text[TOLD_SIZE];
    size_t size;
};

static void note_event(void *owner, enum fl__event event, const char *name, struct fl__bytes key)
{
    struct told *told = owner;
    bool is_class = event == FL__EVENT_EXPIRED ? strcmp(name, "expired") == 0
                    : event == FL__EVENT_NEW   ? strcmp(name, "new") == 0
                    : event == FL__EVENT_MISS  ? strcmp(name, "keymiss") == 0
                                               : true;
    assert_true(is_class);
    told->size += (size_t)snprintf(told->text + told->size, TOLD_SIZE - told->size, "%s%s %.*s",
                                   told->size == 0 ? "" : ", ", name, (int)key.size, key.data);
    assert_true(told->size < TOLD_SIZE);
}

static void forget(struct told *told)
{
    told->size = 0;
    told->text[0] = '\0';
}

static struct told *listen_to(struct log *log)
{
    struct told *told = calloc(1, sizeof *told);
    const struct fl__store_listener listener = {.owner = told, .event = note_event};
    assert_non_null(told);
    fl__store_listen(log->store, &listener);
    return told;
}

/* ------------------------------------------------------------------------------------------------- events */

/* Commands on one keyspace, and what each tells. A step that begins with + moves the clock by seconds. */
static const char *const steps[][2] = {
    {"set a 1", "new a, set a"},
    {"set a 2", "set a"},
    {"expire a 100", "expire a"},
    {"expire a 50 gt", ""},
    {"expire nokey 50", ""},
    {"pexpire a 70000 lt", "expire a"},
    {"persist a", "persist a"},
    {"persist a", ""},
    {"persist nokey", ""},
    {"rename a a", ""},
    {"rename nokey a", ""},
    {"rename a b", "new b, rename_from a, rename_to b"},
    {"set c 1", "new c, set c"},
    {"renamenx b c", ""},
    {"renamenx b b", ""},
    {"rename b c", "new c, rename_from b, rename_to c"},
    {"renamenx c d", "new d, rename_from c, rename_to d"},
    {"copy d e", "new e, copy_to e"},
    {"copy d e", ""},
    {"copy d e replace", "new e, copy_to e"},
    {"copy nokey e replace", "keymiss nokey"},
    {"copy d d", ""},
    {"move d 0", ""},
    {"swapdb 0 0", ""},
    {"expire e -1", "del e"},
    {"expireat nokey 1", ""},
    {"del d nokey d", "del d"},
    {"del d", ""},
    {"mset a 1 b 2", "new a, set a, new b, set b"},
    {"unlink a b", "del a, del b"},
    {"restore a 0 nonsense", ""},
    {"set a 1 px 500", "new a, set a, expire a"},
    {"+1", "expired a"},
    {"set b 1", "new b, set b"},
    {"flushall", ""},
};

static void take_step(struct log *log, const char *step)
{
    if (step[0] != '+') {
        apply(log, step);
        return;
    }
    log->time_us += strtoull(step, NULL, 10) * SECOND;
    tick(log);
}

static void test_events_are_those_of_redis_and_only_where_something_changed(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    struct told *told = listen_to(&log);
    for (size_t k = 0; k < sizeof steps / sizeof steps[0]; k++) {
        forget(told);
        take_step(&log, steps[k][0]);
        if (strcmp(told->text, steps[k][1]) != 0)
            fail_msg("%s tells '%s', not '%s'", steps[k][0], told->text, steps[k][1]);
    }
    log_end(&log);
    free(told);
}

static void test_a_read_that_meets_no_key_tells_it(void **state)
{
    static const char *const reads[][2] = {
        {"get a", "keymiss a"},   {"get b", ""},           {"exists a b a", "keymiss a, keymiss a"},
        {"touch a", "keymiss a"}, {"type a", "keymiss a"}, {"pexpiretime a", "keymiss a"},
        {"dump a", "keymiss a"},  {"dump b", ""},          {"object encoding a", ""},
        {"memory usage a", ""},   {"randomkey", ""},       {"keys a", ""},
        {"scan 0 match a", ""},
    };
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set b 1");
    struct told *told = listen_to(&log);
    for (size_t k = 0; k < sizeof reads / sizeof reads[0]; k++) {
        forget(told);
        read_state(&log, reads[k][0]);
        assert_string_equal(told->text, reads[k][1]);
    }
    log_end(&log);
    free(told);
}

/* A write that meets a key which has expired, and is not freed yet, tells that first. */
static void test_what_replaces_an_expired_key_tells_first_that_it_expired(void **state)
{
    static const char *const writes[][2] = {
        {"set z 2", "expired z, new z, set z"},
        {"append z 2", "expired z, new z, append z"},
        {"setnx z 2", "expired z, new z, set z"},
        {"del z", "expired z"},
        {"rename other z", "expired z, new z, rename_from other, rename_to z"},
        {"renamenx other z", "expired z, new z, rename_from other, rename_to z"},
        {"copy other z", "expired z, new z, copy_to z"},
        {"set z 2 pxat 5", "expired z, new z, set z, expire z, expired z"},
        {"set other 2 pxat 5", "set other, expire other, expired other"},
        {"set absent 2 nx exat 1", "new absent, set absent, expire absent, expired absent"},
        {"expire z 100", ""},
        {"rename z other", ""},
    };
    (void)state;
    for (size_t k = 0; k < sizeof writes / sizeof writes[0]; k++) {
        struct log log;
        char text[64];
        log_begin(&log);
        /* An entry frees sixteen, the earliest first. */
        for (unsigned j = 0; j < 16; j++) {
            snprintf(text, sizeof text, "set early%u 1 px %u", j, 100 + j);
            apply(&log, text);
        }
        apply(&log, "set z 1 px 500");
        apply(&log, "set other 1");
        struct told *told = listen_to(&log);
        log.time_us += SECOND;
        apply(&log, writes[k][0]);
        const char *told_of_z = strstr(told->text, "expired early15") + strlen("expired early15");
        assert_string_equal(told_of_z + strspn(told_of_z, ", "), writes[k][1]);
        log_end(&log);
        free(told);
    }
}

/* -------------------------------------------------------------------------------------- order of expiring */

static uint64_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

#define DEADLINE_MS 1700000010000u
#define DEADLINE_COUNT 4

/* Few deadlines, so that many are equal; and keys that come, go, move and change theirs. */
static void shuffle(struct log *log, uint64_t random, unsigned count)
{
    static const char *const forms[][2] = {{"set k", " v"},       {"persist k", ""},   {"del k", ""},
                                           {"rename k", " k"},    {"copy k", " k"},    {"append k", " more"},
                                           {"set k", " v pxat "}, {"pexpireat k", " "}};
    for (unsigned k = 0; k < count; k++) {
        char text[128];
        uint64_t drawn = draw(&random), form = drawn % 8;
        int size = snprintf(text, sizeof text, "%s%u%s", forms[form][0], (unsigned)(drawn / 8 % 200),
                            forms[form][1]);
        if (form >= 6)
            snprintf(text + size, sizeof text - (size_t)size, "%llu",
                     (unsigned long long)(DEADLINE_MS + drawn / 1600 % DEADLINE_COUNT));
        else if (form == 3 || form == 4)
            snprintf(text + size, sizeof text - (size_t)size, "%u", (unsigned)(drawn / 1600 % 200));
        apply(log, text);
    }
}

static uint64_t deadline_of(struct log *log, const char *key)
{
    char text[64];
    snprintf(text, sizeof text, "pexpiretime %s", key);
    read_state(log, text);
    log->reply.data[log->reply.size - 2] = '\0';
    return strtoull(log->reply.data + 1, NULL, 10);
}

/* The keys with deadlines, the earliest first, equal ones in SCAN's order: "expired k1, expired k7". */
static void expect_order(struct log *log, struct told *out)
{
    forget(out);
    for (uint64_t deadline_ms = DEADLINE_MS; deadline_ms < DEADLINE_MS + DEADLINE_COUNT; deadline_ms++) {
        const struct fl__item *item = fl__store_seek(log->store, 0);
        for (; item != NULL; item = fl__store_after(log->store, item)) {
            if (fl__store_deadline(log->store, item) == deadline_ms)
                note_event(out, FL__EVENT_EXPIRED, "expired", fl__item_key(item));
        }
    }
}

static void test_keys_expire_in_the_order_of_their_deadlines_and_then_of_scan(void **state)
{
    struct told *expected = calloc(1, sizeof *expected);
    (void)state;
    for (uint64_t seed = 1; seed <= 50; seed++) {
        struct log log;
        log_begin(&log);
        shuffle(&log, seed, 1500);
        expect_order(&log, expected);
        assert_true(strchr(expected->text, ',') != NULL);
        struct told *told = listen_to(&log);
        log.time_us += 100 * SECOND;
        tick(&log);
        assert_string_equal(told->text, expected->text);
        log_end(&log);
        free(told);
    }
    free(expected);
}

/* ----------------------------------------------------------------------------- deadline, revision, memory */

static void check_answer(struct log *log, const char *command, const char *expected)
{
    read_state(log, command);
    check_reply(log, expected);
}

static void test_rename_takes_the_deadline_along_and_copy_gives_the_same(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set a value pxat 1700000050000");
    apply(&log, "set b other pxat 1700000001000");
    apply(&log, "set c third");
    apply(&log, "copy a c replace");
    apply(&log, "rename a b");
    assert_int_equal(deadline_of(&log, "b"), 1700000050000);
    assert_int_equal(deadline_of(&log, "c"), 1700000050000);
    log.time_us += 10 * SECOND;
    tick(&log);
    check_answer(&log, "mget a b c", "*3\r\n$-1\r\n$5\r\nvalue\r\n$5\r\nvalue\r\n");
    apply(&log, "set c third");
    apply(&log, "rename c b");
    check_answer(&log, "pttl b", ":-1\r\n");
    log_end(&log);
}

static void test_revision_is_the_entry_that_changed_the_key_last_and_0_without_a_key(void **state)
{
    static const char *const changes[] = {"set a 1",    "append a 2",       "expire a 100", "persist a",
                                          "rename b a", "copy c a replace", "incr a"};
    struct log log;
    char expected[32];
    (void)state;
    log_begin(&log);
    check_answer(&log, "revision a", ":0\r\n");
    apply(&log, "set b 5");
    apply(&log, "set c 6");
    for (size_t k = 0; k < sizeof changes / sizeof changes[0]; k++) {
        apply(&log, changes[k]);
        snprintf(expected, sizeof expected, ":%llu\r\n", (unsigned long long)log.index);
        apply(&log, "expire a 10 gt"); /* Refused. */
        apply(&log, "set other v");
        check_answer(&log, "revision a", expected);
    }
    apply(&log, "del a");
    check_answer(&log, "revision a", ":0\r\n");
    log_end(&log);
}

/* A key of `size` bytes: 'x' and so on, or '' for none. */
static void set_sized(struct log *log, const char *command, const char *first, size_t first_size, size_t size)
{
    char *key = malloc(size + 1);
    memset(key, 'x', size);
    struct fl__bytes args[] = {{command, strlen(command)}, {first, first_size}, {key, size}};
    apply_args(log, args, 3);
    free(key);
}

/* Between keys of any size; afterwards as much is in use as if the value had been put there. */
static void test_a_renamed_key_takes_as_much_memory_as_one_that_was_set(void **state)
{
    static const size_t sizes[] = {0, 1, 5, 100, 3000, 65536};
    (void)state;
    for (size_t k = 0; k < 36; k++) {
        size_t from_size = sizes[k / 6], to_size = sizes[k % 6];
        struct log renamed, set;
        char value[3000], *from = malloc(from_size + 1);
        memset(from, 'x', from_size);
        memset(value, 'v', sizeof value);
        log_begin(&renamed);
        log_begin(&set);
        apply_args(&renamed, (struct fl__bytes[]){{"set", 3}, {from, from_size}, {value, sizeof value}}, 3);
        set_sized(&renamed, "rename", from, from_size, to_size);
        check_reply(&renamed, "+OK\r\n");
        char *to = calloc(1, to_size + 1);
        memset(to, 'x', to_size);
        apply_args(&set, (struct fl__bytes[]){{"set", 3}, {to, to_size}, {value, sizeof value}}, 3);
        const struct fl__item *item = fl__store_find(renamed.store, (struct fl__bytes){to, to_size});
        assert_non_null(item);
        assert_int_equal(item->value_size, sizeof value);
        assert_memory_equal(fl__item_value(item).data, value, sizeof value);
        /* A little slack is left where it is not worth a move. */
        assert_in_range(fl__store_memory(renamed.store) - fl__store_memory(set.store), 0,
                        80 + to_size / 2 + 1500);
        apply(&renamed, "flushall");
        apply(&set, "flushall");
        assert_int_equal(fl__store_memory(renamed.store), fl__store_memory(set.store));
        free(from);
        free(to);
        log_end(&renamed);
        log_end(&set);
    }
}

static void test_memory_usage_counts_the_deadline_and_grows_with_the_value(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set a 1");
    read_state(&log, "memory usage a");
    long long plain = strtoll(log.reply.data + 1, NULL, 10);
    apply(&log, "expire a 100");
    read_state(&log, "memory usage a");
    assert_int_equal(strtoll(log.reply.data + 1, NULL, 10), plain + FL__DEADLINE_SIZE);
    uint64_t before = fl__store_memory(log.store);
    set_sized(&log, "set", "big", 3, 100000);
    read_state(&log, "memory usage big");
    /* The bucket is there already. */
    assert_int_equal(strtoll(log.reply.data + 1, NULL, 10) - (long long)sizeof(void *),
                     fl__store_memory(log.store) - before);
    log_end(&log);
}

/* --------------------------------------------------------------------------------------------------- time */

static bool needs_tick(struct log *log, const char *command, uint64_t seconds)
{
    char text[64];
    struct fl__bytes args[WORDS_MAX];
    snprintf(text, sizeof text, "%s", command);
    uint32_t count = split(text, args);
    const struct fl__command *found = fl__command_find(args, count, NULL);
    assert_non_null(found);
    return fl__store_needs_tick(log->store, found, args, count, log->time_us + seconds * SECOND);
}

static void test_a_read_waits_for_the_clock_if_it_would_say_something_else(void **state)
{
    static const char *const about_a[] = {"expiretime a",      "pexpiretime a",
                                          "touch b a",         "dump a",
                                          "revision a",        "object encoding a",
                                          "object refcount a", "object freq a",
                                          "memory usage a",    "keys b",
                                          "randomkey",         "scan 0",
                                          "object idletime a", "memory usage a samples 3"};
    static const char *const about_b[] = {"expiretime b", "touch b",           "dump b",        "revision b",
                                          "type b",       "object encoding b", "memory usage b"};
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set a 1 ex 10");
    apply(&log, "set b 1 ex 1000");
    for (size_t k = 0; k < sizeof about_a / sizeof about_a[0]; k++) {
        assert_true(needs_tick(&log, about_a[k], 11));
        assert_false(needs_tick(&log, about_a[k], 9)); /* None tells the time: ttl does. */
    }
    for (size_t k = 0; k < sizeof about_b / sizeof about_b[0]; k++)
        assert_false(needs_tick(&log, about_b[k], 11));
    assert_true(needs_tick(&log, "ttl b", 11));
    log_end(&log);
}

static void test_the_same_deadline_is_neither_later_nor_earlier(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set k v exat 1800000000");
    apply(&log, "expireat k 1800000000 gt");
    check_reply(&log, ":0\r\n");
    apply(&log, "expireat k 1800000000 lt");
    check_reply(&log, ":0\r\n");
    apply(&log, "expireat k 1800000001 gt");
    check_reply(&log, ":1\r\n");
    apply(&log, "expireat k 1800000000 lt");
    check_reply(&log, ":1\r\n");
    log_end(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events_are_those_of_redis_and_only_where_something_changed),
        cmocka_unit_test(test_a_read_that_meets_no_key_tells_it),
        cmocka_unit_test(test_what_replaces_an_expired_key_tells_first_that_it_expired),
        cmocka_unit_test(test_keys_expire_in_the_order_of_their_deadlines_and_then_of_scan),
        cmocka_unit_test(test_rename_takes_the_deadline_along_and_copy_gives_the_same),
        cmocka_unit_test(test_revision_is_the_entry_that_changed_the_key_last_and_0_without_a_key),
        cmocka_unit_test(test_a_renamed_key_takes_as_much_memory_as_one_that_was_set),
        cmocka_unit_test(test_memory_usage_counts_the_deadline_and_grows_with_the_value),
        cmocka_unit_test(test_a_read_waits_for_the_clock_if_it_would_say_something_else),
        cmocka_unit_test(test_the_same_deadline_is_neither_later_nor_earlier),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
