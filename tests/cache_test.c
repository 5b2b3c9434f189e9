/* cache_test.c - recent entries: contiguous, found by index and term, let go from the old end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "log.h"

static void put(struct fl__cache *cache, fl_index index, fl_term term, size_t size)
{
    static const uint8_t zeros[4096];
    const struct fl__entry model = {.index = index, .term = term, .kind = FL_ENTRY_COMMAND};
    struct fl__entry *entry = fl__entry_create(&model, zeros, size);
    assert_non_null(entry);
    assert_int_equal(fl__cache_put(cache, entry), FL_OK);
    fl__entry_release(entry);
}

static void test_entries_are_found_by_index_and_term(void **unused)
{
    (void)unused;
    struct fl__cache *cache = fl__cache_create(1 << 20);
    for (fl_index index = 5; index <= 5000; index++)
        put(cache, index, index / 100 + 1, 10);
    for (fl_index index = 5; index <= 5000; index++) {
        const struct fl__entry *entry = fl__cache_get(cache, index, index / 100 + 1);
        assert_non_null(entry);
        assert_int_equal(entry->index, index);
        assert_null(fl__cache_get(cache, index, index / 100 + 2));
    }
    assert_null(fl__cache_get(cache, 4, 1));
    assert_null(fl__cache_get(cache, 5001, 51));
    fl__cache_destroy(cache);
}

static void test_a_put_takes_the_place_of_all_from_its_index_on(void **unused)
{
    (void)unused;
    struct fl__cache *cache = fl__cache_create(1 << 20);
    for (fl_index index = 1; index <= 10; index++)
        put(cache, index, 1, 0);
    put(cache, 4, 2, 0);
    assert_non_null(fl__cache_get(cache, 3, 1));
    assert_non_null(fl__cache_get(cache, 4, 2));
    assert_null(fl__cache_get(cache, 4, 1));
    assert_null(fl__cache_get(cache, 5, 1));
    fl__cache_truncate(cache, 1);
    assert_null(fl__cache_get(cache, 3, 1));
    put(cache, 77, 3, 0); /* Empty, it may begin anywhere. */
    assert_non_null(fl__cache_get(cache, 77, 3));
    fl__cache_destroy(cache);
}

static void test_trimming_keeps_what_is_not_durable(void **unused)
{
    (void)unused;
    struct fl__cache *cache = fl__cache_create(10000);
    for (fl_index index = 1; index <= 100; index++)
        put(cache, index, 1, 1000);
    fl__cache_trim(cache, 0);
    assert_non_null(fl__cache_get(cache, 1, 1));
    fl__cache_trim(cache, 50);
    assert_null(fl__cache_get(cache, 50, 1));
    assert_non_null(fl__cache_get(cache, 51, 1));
    fl__cache_trim(cache, 100);
    assert_null(fl__cache_get(cache, 90, 1));
    assert_non_null(fl__cache_get(cache, 100, 1));
    fl__cache_destroy(cache);
}

static void test_an_entry_outlives_the_cache_while_it_is_held(void **unused)
{
    (void)unused;
    struct fl__cache *cache = fl__cache_create(1 << 20);
    put(cache, 1, 1, 100);
    struct fl__entry *entry = fl__entry_hold(fl__cache_get(cache, 1, 1));
    fl__cache_destroy(cache);
    size_t size;
    (void)fl__entry_data(entry, &size);
    assert_int_equal(size, 100);
    fl__entry_release(entry);
}

static void test_a_body_without_its_envelope_is_none(void **unused)
{
    (void)unused;
    static const uint8_t body[FL__ENVELOPE_SIZE];
    int error = FL_OK;
    assert_null(fl__entry_decode(1, 1, FL_ENTRY_COMMAND, body, sizeof body - 1, &error));
    assert_int_equal(error, FL_EMESSAGE);
    struct fl__entry *entry = fl__entry_decode(1, 1, FL_ENTRY_COMMAND, body, sizeof body, &error);
    assert_non_null(entry);
    fl__entry_release(entry);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entries_are_found_by_index_and_term),
        cmocka_unit_test(test_a_put_takes_the_place_of_all_from_its_index_on),
        cmocka_unit_test(test_trimming_keeps_what_is_not_durable),
        cmocka_unit_test(test_an_entry_outlives_the_cache_while_it_is_held),
        cmocka_unit_test(test_a_body_without_its_envelope_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
