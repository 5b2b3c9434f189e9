/* dump_test.c - serialized values: what is written is read again, what Redis compressed is unpacked, and what
 * is damaged is refused, without a look behind its end. */
#include "support/guard.h"
#include "support/store_log.h"

#define SIZE_MAX_HERE 70000

static uint64_t draw(uint64_t *random)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return *random >> 33;
}

/* ------------------------------------------------------------------------------------------------- CRC-64 */

/* A bit at a time. */
static uint64_t naive_crc64(const char *data, size_t size)
{
    uint64_t crc = 0;
    for (size_t k = 0; k < size; k++) {
        crc ^= (uint8_t)data[k];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT64_C(0x95ac9329ac4bc9b5) : 0);
    }
    return crc;
}

static void test_the_checksum_is_the_naive_one_in_pieces_too(void **state)
{
    char data[300];
    uint64_t random = 1;
    (void)state;
    assert_true(fl__crc64(0, fl__bytes_of("123456789")) == UINT64_C(0xe9c6d914c4b8d9ca));
    for (size_t k = 0; k < sizeof data; k++)
        data[k] = (char)draw(&random);
    for (size_t size = 0; size <= sizeof data; size++) {
        size_t cut = size == 0 ? 0 : draw(&random) % size;
        uint64_t crc = fl__crc64(fl__crc64(0, (struct fl__bytes){data, cut}),
                                 (struct fl__bytes){data + cut, size - cut});
        assert_true(crc == naive_crc64(data, size));
    }
}

/* -------------------------------------------------------------------------------------------------- forms */

/* Closes a body of a type and a value, in place; there is room for it. */
static size_t close_body(char *body, size_t size)
{
    body[size] = 10;
    body[size + 1] = 0;
    uint64_t crc = naive_crc64(body, size + 2);
    for (int k = 0; k < 8; k++)
        body[size + 2 + (size_t)k] = (char)(crc >> 8 * k);
    return size + 10;
}

static void test_what_dump_writes_restore_reads(void **state)
{
    static const size_t sizes[] = {0, 1, 5, 63, 64, 300, 16383, 16384, SIZE_MAX_HERE};
    static const char *const numbers[] = {
        "0",  "127",        "-128",        "128",        "-32768", "32768",       "01",
        "-0", "2147483647", "-2147483648", "2147483648", "+5",     "-2147483649", "12345678901234567890",
        "1e3"};
    struct log log;
    char *value = malloc(SIZE_MAX_HERE);
    uint64_t random = 2;
    (void)state;
    log_begin(&log);
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes + sizeof numbers / sizeof *numbers; k++) {
        bool is_number = k >= sizeof sizes / sizeof *sizes;
        const char *text = is_number ? numbers[k - sizeof sizes / sizeof *sizes] : "";
        size_t size = is_number ? strlen(text) : sizes[k];
        for (size_t j = 0; j < size; j++)
            value[j] = is_number ? text[j] : (char)draw(&random);
        apply_args(&log, (struct fl__bytes[]){{"set", 3}, {"a", 1}, {value, size}}, 3);
        read_state(&log, "dump a");
        const char *dump = (const char *)memchr(log.reply.data, '\n', log.reply.size) + 1;
        size_t dump_size = strtoull(log.reply.data + 1, NULL, 10);
        apply_args(
            &log, (struct fl__bytes[]){{"restore", 7}, {"b", 1}, {"0", 1}, {dump, dump_size}, {"replace", 7}},
            5);
        check_reply(&log, "+OK\r\n");
        struct fl__bytes restored = fl__item_value(fl__store_find(log.store, fl__bytes_of("b")));
        assert_true(fl__bytes_equal(restored, (struct fl__bytes){value, size}));
    }
    log_end(&log);
    free(value);
}

/* SET k "abcabc..." (60 bytes) in a Redis 7.0, then DUMP. */
static const unsigned char of_redis[] = {0x00, 0xc3, 0x0b, 0x3c, 0x03, 0x61, 0x62, 0x63, 0x61,
                                         0xe0, 0x2d, 0x02, 0x01, 0x62, 0x63, 0x0a, 0x00, 0x6f,
                                         0x60, 0x29, 0xe4, 0xaf, 0xd7, 0x64, 0xac};

static void test_what_redis_compressed_is_unpacked(void **state)
{
    struct fl__dump dump;
    char out[60];
    (void)state;
    assert_null(fl__dump_read((struct fl__bytes){(const char *)of_redis, sizeof of_redis}, &dump));
    assert_int_equal(dump.form, FL__DUMP_COMPRESSED);
    assert_int_equal(dump.size, sizeof out);
    fl__dump_unpack(&dump, out);
    for (size_t k = 0; k < sizeof out; k++)
        assert_int_equal(out[k], "abc"[k % 3]);
}

/* Pieces of every kind, and what they mean, written beside each other. */
static size_t compress_randomly(uint64_t *random, char *packed, char *value, size_t *value_size)
{
    size_t size = 0, done = 0;
    for (uint64_t pieces = 1 + draw(random) % 12; pieces > 0; pieces--) {
        size_t count, back;
        if (done == 0 || draw(random) % 2 == 0) {
            count = 1 + draw(random) % 32;
            packed[size++] = (char)(count - 1);
            for (size_t k = 0; k < count; k++)
                packed[size++] = value[done++] = (char)draw(random);
            continue;
        }
        back = 1 + draw(random) % (done < 8192 ? done : 8192);
        count = 3 + draw(random) % 262;
        size_t written = count < 9 ? count - 2 : 7;
        packed[size++] = (char)(written << 5 | (back - 1) >> 8);
        if (written == 7)
            packed[size++] = (char)(count - 9);
        packed[size++] = (char)(back - 1);
        for (size_t k = 0; k < count; k++, done++)
            value[done] = value[done - back];
    }
    *value_size = done;
    return size;
}

/* A body with such a value. */
static size_t compressed_body(char *body, const char *packed, size_t packed_size, size_t value_size)
{
    size_t size = 0;
    const size_t lengths[] = {packed_size, value_size};
    body[size++] = 0;
    body[size++] = (char)0xc3;
    for (int k = 0; k < 2; k++) {
        body[size++] = (char)0x80;
        for (int shift = 24; shift >= 0; shift -= 8)
            body[size++] = (char)(lengths[k] >> shift);
    }
    memcpy(body + size, packed, packed_size);
    return size + packed_size;
}

static void test_pieces_of_every_kind_are_unpacked_and_only_to_the_size_that_is_said(void **state)
{
    static char packed[4096], value[8192], body[8192], out[8192];
    struct guard guard;
    uint64_t random = 3;
    (void)state;
    guard_create(&guard, sizeof body);
    for (unsigned k = 0; k < 5000; k++) {
        size_t value_size, packed_size = compress_randomly(&random, packed, value, &value_size);
        for (size_t off = 0; off < 3; off++) {
            struct fl__dump dump;
            size_t size = compressed_body(body, packed, packed_size, value_size + off - 1);
            size = close_body(body, size);
            struct fl__bytes bytes = {guard_copy(&guard, body, size), size};
            assert_true((fl__dump_read(bytes, &dump) == NULL) == (off == 1));
            if (off != 1)
                continue;
            assert_int_equal(dump.size, value_size);
            fl__dump_unpack(&dump, out);
            assert_memory_equal(out, value, value_size);
        }
    }
    guard_destroy(&guard);
}

/* ------------------------------------------------------------------------------------------------- damage */

static void check_refused(const struct guard *guard, const char *data, size_t size)
{
    struct fl__dump dump;
    assert_non_null(fl__dump_read((struct fl__bytes){guard_copy(guard, data, size), size}, &dump));
}

/* One of each form. */
static const struct {
    unsigned char body[24];
    size_t size;
} bodies[] = {
    {{0, 3, 'a', 'b', 'c'}, 5},
    {{0, 0x40, 3, 'a', 'b', 'c'}, 6},
    {{0, 0x80, 0, 0, 0, 3, 'a', 'b', 'c'}, 9},
    {{0, 0x81, 0, 0, 0, 0, 0, 0, 0, 3, 'a', 'b', 'c'}, 13},
    {{0, 0xc0, 7}, 3},
    {{0, 0xc1, 7, 1}, 4},
    {{0, 0xc2, 7, 1, 2, 3}, 6},
    {{0, 0xc3, 5, 12, 0, 'a', 0xe0, 2, 0}, 9},
    {{0, 0xc3, 7, 6, 1, 'a', 'b', 0x20, 1, 0, 'c'}, 11}, /* Two bytes, three that repeat them, one more. */
};

static void test_of_a_dump_each_truncation_and_each_flipped_bit_is_refused(void **state)
{
    struct guard guard;
    (void)state;
    guard_create(&guard, 4096);
    for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
        char dump[64];
        memcpy(dump, bodies[k].body, sizeof bodies[k].body);
        size_t size = close_body(dump, bodies[k].size);
        for (size_t cut = 0; cut < size; cut++)
            check_refused(&guard, dump, cut);
        for (size_t bit = 0; bit < 8 * size; bit++) {
            dump[bit / 8] = (char)(dump[bit / 8] ^ 1 << bit % 8);
            check_refused(&guard, dump, size);
            dump[bit / 8] = (char)(dump[bit / 8] ^ 1 << bit % 8);
        }
    }
    guard_destroy(&guard);
}

/* The checksum is right each time. */
static void test_a_body_that_ends_early_or_late_is_refused(void **state)
{
    struct guard guard;
    (void)state;
    guard_create(&guard, 4096);
    for (size_t k = 0; k < sizeof bodies / sizeof *bodies; k++) {
        for (size_t size = 0; size <= bodies[k].size + 1; size++) {
            struct fl__dump dump;
            char body[64];
            memcpy(body, bodies[k].body, sizeof bodies[k].body);
            size_t whole = close_body(body, size);
            struct fl__bytes bytes = {guard_copy(&guard, body, whole), whole};
            assert_true((fl__dump_read(bytes, &dump) == NULL) == (size == bodies[k].size));
        }
    }
    guard_destroy(&guard);
}

/* The checksum is right each time, and nothing is missing. */
static void test_a_body_that_means_nothing_is_refused(void **state)
{
    static const struct {
        unsigned char body[12];
        size_t size;
    } wrong[] = {
        {{0, 0xc3, 4, 4, 0, 'a', 0x20, 1}, 8},       /* Repeats what stands before the value, */
        {{0, 0xc3, 2, 3, 0x20, 0}, 6},               /* or the value before it begins. */
        {{0, 0xc3, 4, 3, 0, 'a', 0x20, 0}, 8},       /* Four bytes, where three are said. */
        {{0, 0xc3, 0xc0, 7, 3, 0, 'a', 0x20, 0}, 9}, /* A number as a size. */
        {{0, 0xc4, 1}, 3},                           /* No such form, */
        {{0, 0x82, 0, 0, 0, 0}, 6},                  /* no such length, */
        {{1, 1, 'a'}, 3},                            /* no string. */
    };
    struct guard guard;
    (void)state;
    guard_create(&guard, 4096);
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++) {
        char body[64];
        memcpy(body, wrong[k].body, sizeof wrong[k].body);
        check_refused(&guard, body, close_body(body, wrong[k].size));
    }
    guard_destroy(&guard);
}

static void test_a_value_above_the_limit_is_refused_before_there_is_room_for_it(void **state)
{
    struct log log;
    struct guard guard;
    const size_t repeats = FL__VALUE_SIZE_MAX / 264 + 1, packed_size = 2 + 3 * repeats;
    char *packed = calloc(1, packed_size), *body = malloc(packed_size + 64);
    (void)state;
    for (size_t k = 0; k < repeats; k++)
        memcpy(packed + 2 + 3 * k, "\xe0\xff\x00", 3);
    log_begin(&log);
    guard_create(&guard, packed_size + 64);
    size_t size = close_body(body, compressed_body(body, packed, packed_size, 1 + 264 * repeats));
    uint64_t before = fl__store_memory(log.store);
    apply_args(
        &log,
        (struct fl__bytes[]){{"restore", 7}, {"a", 1}, {"0", 1}, {guard_copy(&guard, body, size), size}}, 4);
    check_reply(&log, "-ERR string exceeds maximum allowed size (proto-max-bulk-len)\r\n");
    assert_int_equal(fl__store_memory(log.store), before);
    guard_destroy(&guard);
    log_end(&log);
    free(packed);
    free(body);
}

/* Of 64 MiB from 750 KB each. */
static void test_restores_of_a_transaction_share_a_limit_of_what_they_unpack(void **state)
{
    struct log log;
    struct fl__transaction transaction;
    const size_t repeats = FL__VALUE_SIZE_MAX / 264 - 1, packed_size = 2 + 3 * repeats;
    char *packed = calloc(1, packed_size), *body = malloc(packed_size + 64);
    (void)state;
    for (size_t k = 0; k < repeats; k++)
        memcpy(packed + 2 + 3 * k, "\xe0\xff\x00", 3);
    size_t size = close_body(body, compressed_body(body, packed, packed_size, 1 + 264 * repeats));
    const struct fl__bytes args[] = {{"restore", 7}, {"a", 1}, {"0", 1}, {body, size}, {"replace", 7}};
    log_begin(&log);
    fl__transaction_init(&transaction);
    for (int k = 0; k < 9; k++)
        assert_int_equal(fl__transaction_add(&transaction, fl__command_find(args, 5, NULL), args, 5), FL_OK);
    apply_data(&log, (struct fl__bytes){transaction.data, transaction.size}, FL_OK);
    check_reply(&log,
                "*9\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n+OK\r\n"
                "-ERR a command, or all commands of a transaction, may go through 512 MiB of values; this "
                "one was not carried out\r\n");
    fl__transaction_release(&transaction);
    log_end(&log);
    free(packed);
    free(body);
}

static void test_a_restore_that_is_refused_changes_nothing(void **state)
{
    struct log log;
    (void)state;
    log_begin(&log);
    apply(&log, "set a before ex 100");
    uint64_t revision = fl__store_find(log.store, fl__bytes_of("a"))->revision;
    apply(&log, "restore a 0 nonsense-of-some-length replace");
    check_reply(&log, "-ERR DUMP payload version or checksum are wrong\r\n");
    assert_int_equal(fl__store_find(log.store, fl__bytes_of("a"))->revision, revision);
    read_state(&log, "ttl a");
    check_reply(&log, ":100\r\n");
    log_end(&log);
}

static void test_a_later_version_is_not_understood(void **state)
{
    char body[32] = "\0\1v";
    struct fl__dump dump;
    (void)state;
    size_t size = close_body(body, 3);
    assert_null(fl__dump_read((struct fl__bytes){body, size}, &dump));
    body[3] = 11;
    uint64_t crc = naive_crc64(body, 5);
    for (int k = 0; k < 8; k++)
        body[5 + k] = (char)(crc >> 8 * k);
    assert_string_equal(fl__dump_read((struct fl__bytes){body, size}, &dump),
                        "ERR DUMP payload version or checksum are wrong");
}

static void test_a_value_restored_at_its_end_is_not_there(void **state)
{
    char body[32] = "\0\1v";
    struct log log;
    const struct fl__bytes args[] = {{"restore", 7},        {"a", 1},
                                     {"1700000000000", 13}, {body, close_body(body, 3)},
                                     {"absttl", 6},         {"replace", 7}};
    (void)state;
    log_begin(&log);
    apply(&log, "set a before");
    apply_args(&log, args, 6);
    check_reply(&log, "+OK\r\n");
    read_state(&log, "exists a");
    check_reply(&log, ":0\r\n");
    log_end(&log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_checksum_is_the_naive_one_in_pieces_too),
        cmocka_unit_test(test_what_dump_writes_restore_reads),
        cmocka_unit_test(test_what_redis_compressed_is_unpacked),
        cmocka_unit_test(test_pieces_of_every_kind_are_unpacked_and_only_to_the_size_that_is_said),
        cmocka_unit_test(test_of_a_dump_each_truncation_and_each_flipped_bit_is_refused),
        cmocka_unit_test(test_a_body_that_ends_early_or_late_is_refused),
        cmocka_unit_test(test_a_body_that_means_nothing_is_refused),
        cmocka_unit_test(test_a_value_above_the_limit_is_refused_before_there_is_room_for_it),
        cmocka_unit_test(test_restores_of_a_transaction_share_a_limit_of_what_they_unpack),
        cmocka_unit_test(test_a_restore_that_is_refused_changes_nothing),
        cmocka_unit_test(test_a_later_version_is_not_understood),
        cmocka_unit_test(test_a_value_restored_at_its_end_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
