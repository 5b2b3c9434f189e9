/* Latencies are counted to within one per cent: against a list that is sorted. */
#include "client.h"
#include "support/seeds.h"

#include <setjmp.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *random)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return *random;
}

static int compare(const void *one, const void *other)
{
    uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;
    return (a > b) - (a < b);
}

/* Of all magnitudes alike, up to 2^40. */
static uint64_t draw_value(uint64_t *random)
{
    return draw(random) >> (24 + draw(random) % 40);
}

static void check_rank(const struct fl__tally *tally, const uint64_t *sorted, size_t count, unsigned rank)
{
    /* The smallest place such that rank / 1000000 of the values are not behind it. */
    size_t place = (size_t)(((unsigned __int128)count * rank + 999999) / 1000000);
    uint64_t right = sorted[place == 0 ? 0 : place - 1], told = fl__tally_at(tally, rank);
    uint64_t error = told > right ? told - right : right - told;
    if (error * 100 > right)
        fail_msg("at %u of a million: %llu instead of %llu", rank, (unsigned long long)told,
                 (unsigned long long)right);
}

static void test_every_rank_is_within_one_per_cent_of_a_sorted_list(void **state)
{
    (void)state;
    static const unsigned ranks[] = {0, 1, 250000, 500000, 900000, 990000, 999000, 999999, 1000000};
    uint64_t sorted[500], seeds = seeds_count(2000, 50000);
    struct fl__tally *tally = malloc(sizeof *tally);
    assert_non_null(tally);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        uint64_t random = seed * 0x9e3779b97f4a7c15u, sum = 0;
        size_t count = 1 + draw(&random) % 500;
        *tally = (struct fl__tally){.count = 0};
        for (size_t i = 0; i < count; i++) {
            sorted[i] = draw_value(&random);
            sum += sorted[i];
            fl__tally_add(tally, sorted[i]);
        }
        qsort(sorted, count, sizeof sorted[0], compare);
        for (size_t k = 0; k < sizeof ranks / sizeof ranks[0]; k++)
            check_rank(tally, sorted, count, ranks[k]);
        assert_int_equal(tally->max, sorted[count - 1]);
        assert_int_equal(fl__tally_at(tally, 1000000) <= tally->max, 1);
        assert_int_equal(fl__tally_mean(tally), sum / count);
    }
    free(tally);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 256; value++) {
        struct fl__tally tally = {.count = 0};
        fl__tally_add(&tally, value);
        assert_int_equal(fl__tally_at(&tally, 500000), value);
    }
}

static void test_an_empty_tally_says_zero(void **state)
{
    (void)state;
    struct fl__tally tally = {.count = 0};
    assert_int_equal(fl__tally_at(&tally, 500000), 0);
    assert_int_equal(fl__tally_mean(&tally), 0);
}

static void test_values_beyond_the_limit_count_as_the_limit(void **state)
{
    (void)state;
    struct fl__tally tally = {.count = 0};
    fl__tally_add(&tally, UINT64_MAX);
    fl__tally_add(&tally, FL__TALLY_LIMIT + 1);
    assert_int_equal(tally.max, FL__TALLY_LIMIT);
    assert_int_equal(tally.buckets[FL__TALLY_BUCKETS - 1] + tally.count,
                     2 + tally.buckets[FL__TALLY_BUCKETS - 1]);
    assert_int_equal(fl__tally_at(&tally, 1) * 100 > FL__TALLY_LIMIT * 99, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rank_is_within_one_per_cent_of_a_sorted_list),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_an_empty_tally_says_zero),
        cmocka_unit_test(test_values_beyond_the_limit_count_as_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
