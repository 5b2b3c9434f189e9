/* reply_test.c - replies, byte for byte, in both protocols. */
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void write_all_kinds(struct fl__reply *reply)
{
    fl__reply_status(reply, "PONG");
    fl__reply_ok(reply);
    fl__reply_error(reply, "ERR a\r\nb\n\r");
    fl__reply_error_format(reply, "ERR %s %d", "x", 7);
    fl__reply_integer(reply, INT64_MIN);
    fl__reply_bulk(reply, (struct fl__bytes){"a\0b", 3});
    fl__reply_bulk(reply, (struct fl__bytes){NULL, 0});
    fl__reply_text(reply, "text");
    fl__reply_null(reply);
    fl__reply_null_array(reply);
    fl__reply_array(reply, 3);
    fl__reply_map(reply, 2);
    fl__reply_set(reply, 4);
    fl__reply_push(reply, 2);
    fl__reply_verbatim(reply, "txt", fl__bytes_of("hello"));
    fl__reply_raw(reply, fl__bytes_of(":1\r\n"));
}

static void expect_all_kinds(uint8_t protocol, const char *expected, size_t size)
{
    struct fl__reply reply;
    fl__reply_init(&reply, protocol, 1000);
    write_all_kinds(&reply);
    assert_false(reply.failed);
    assert_int_equal(reply.size, size);
    assert_memory_equal(reply.data, expected, size);
    fl__reply_release(&reply);
}

#define COMMON                                                                                               \
    "+PONG\r\n+OK\r\n-ERR a  b\r\n-ERR x 7\r\n:-9223372036854775808\r\n$3\r\na\0b\r\n$0\r\n\r\n$4\r\ntext\r\n"

static void test_every_kind_of_reply_in_resp2(void **state)
{
    (void)state;
    static const char expected[] = COMMON "$-1\r\n*-1\r\n*3\r\n*4\r\n*4\r\n*2\r\n$5\r\nhello\r\n:1\r\n";
    expect_all_kinds(2, expected, sizeof expected - 1);
}

static void test_every_kind_of_reply_in_resp3(void **state)
{
    (void)state;
    static const char expected[] = COMMON "_\r\n_\r\n*3\r\n%2\r\n~4\r\n>2\r\n=9\r\ntxt:hello\r\n:1\r\n";
    expect_all_kinds(3, expected, sizeof expected - 1);
}

static void test_no_reply_is_written_to_nobody(void **state)
{
    (void)state;
    write_all_kinds(NULL);
}

static void test_a_reply_that_does_not_fit_fails_and_stays_failed(void **state)
{
    (void)state;
    for (size_t size_max = 0; size_max < 300; size_max++) {
        struct fl__reply reply;
        fl__reply_init(&reply, 3, size_max);
        write_all_kinds(&reply);
        assert_true(reply.size <= size_max && reply.capacity <= size_max);
        if (reply.failed) {
            size_t size = reply.size;
            fl__reply_integer(&reply, 1);
            assert_int_equal(reply.size, size);
        }
        fl__reply_release(&reply);
    }
    struct fl__reply reply;
    fl__reply_init(&reply, 2, 300);
    write_all_kinds(&reply);
    assert_false(reply.failed);
    fl__reply_release(&reply);
}

static void test_a_large_value_is_copied_whole(void **state)
{
    (void)state;
    size_t size = 3u << 20;
    char *value = malloc(size);
    memset(value, 'v', size);
    struct fl__reply reply;
    fl__reply_init(&reply, 2, 16u << 20);
    fl__reply_ok(&reply);
    fl__reply_bulk(&reply, (struct fl__bytes){value, size});
    fl__reply_bulk(&reply, (struct fl__bytes){value, size});
    assert_int_equal(reply.size, 5 + 2 * (size + 12));
    assert_memory_equal(reply.data + 5, "$3145728\r\nvvv", 13);
    assert_memory_equal(reply.data + reply.size - 4, "vv\r\n", 4);
    fl__reply_release(&reply);
    free(value);
}

static void test_the_owner_may_take_the_bytes(void **state)
{
    (void)state;
    struct fl__reply reply;
    fl__reply_init(&reply, 2, 1000);
    fl__reply_ok(&reply);
    char *taken = reply.data;
    reply.data = NULL;
    reply.size = reply.capacity = 0;
    fl__reply_integer(&reply, 5);
    assert_memory_equal(taken, "+OK\r\n", 5);
    assert_int_equal(reply.size, 4);
    free(taken);
    fl__reply_release(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind_of_reply_in_resp2),
        cmocka_unit_test(test_every_kind_of_reply_in_resp3),
        cmocka_unit_test(test_no_reply_is_written_to_nobody),
        cmocka_unit_test(test_a_reply_that_does_not_fit_fails_and_stays_failed),
        cmocka_unit_test(test_a_large_value_is_copied_whole),
        cmocka_unit_test(test_the_owner_may_take_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
