/* history_test.c - the simulator's judge of what clients saw: it believes what is linearizable, and nothing
 * else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "sim.h"

static struct fl__history history;
static char reason[200];

static int tear_down(void **state)
{
    (void)state;
    fl__history_release(&history);
    return 0;
}

/* An append of the element that came to lie at `place`; answered UINT64_MAX: its outcome is unknown. */
static void append(uint64_t element, fl_time_us asked, fl_time_us answered, uint64_t place)
{
    const struct fl__deed deed = {.element = element, .asked = asked, .answered = answered, .place = place};
    fl__history_add(&history, &deed);
    history.elements = element > history.elements ? element : history.elements;
}

static void refused(uint64_t element, fl_time_us asked)
{
    const struct fl__deed deed = {
        .element = element, .asked = asked, .answered = UINT64_MAX, .is_refused = true};
    fl__history_add(&history, &deed);
    history.elements = element > history.elements ? element : history.elements;
}

static void saw(const char *bytes, fl_time_us asked, fl_time_us answered)
{
    const struct fl__deed deed = {.asked = asked,
                                  .answered = answered,
                                  .place = strlen(bytes),
                                  .hash = fl__history_hash(bytes, strlen(bytes))};
    fl__history_add(&history, &deed);
}

static void saw_size(uint64_t size, fl_time_us asked, fl_time_us answered)
{
    const struct fl__deed deed = {.asked = asked, .answered = answered, .place = size};
    fl__history_add(&history, &deed);
}

static bool holds(const char *final)
{
    return fl__history_judge(&history, 0, final, strlen(final), reason, sizeof reason);
}

static void assert_broken(const char *final, const char *why)
{
    assert_false(holds(final));
    if (!strstr(reason, why))
        fail_msg("\"%s\" does not say \"%s\"", reason, why);
}

static void test_what_is_linearizable_is_believed(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    append(2, 15, 40, 6);         /* Overlaps the first. */
    append(3, 16, UINT64_MAX, 0); /* Unknown, and done. */
    append(4, 17, UINT64_MAX, 0); /* Unknown, and not done. */
    refused(5, 18);
    saw("1;", 20, 30);
    saw("1;3;", 21, 35);
    saw_size(6, 30, 50);
    saw("", 5, 15); /* Before all of it. */
    assert_true(holds("1;3;2;"));
}

static void test_padding_is_part_of_an_element(void **state)
{
    (void)state;
    append(1, 10, 20, 5);
    saw("...1;", 20, 30);
    assert_true(holds("...1;"));
}

static void test_a_lost_append_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    append(2, 30, 40, 4);
    assert_broken("1;", "lost");
}

static void test_an_append_done_twice_is_seen(void **state)
{
    (void)state;
    append(1, 10, UINT64_MAX, 0);
    assert_broken("1;1;", "an append was done twice (element 1, place 4, asked at 10 us)");
}

static void test_a_refused_append_that_was_done_is_seen(void **state)
{
    (void)state;
    refused(1, 10);
    assert_broken("1;", "refused, and done");
}

static void test_what_nobody_wrote_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    assert_broken("1;7;", "nobody wrote, at place 4");
    assert_broken("1;x", "nobody wrote, at place 3");
    assert_broken("1;;", "nobody wrote, at place 3");
}

static void test_what_was_written_elsewhere_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    append(2, 11, UINT64_MAX, 0);
    history.deeds[1].list = 1;
    assert_true(holds("1;"));
    assert_broken("1;2;", "nobody wrote");
}

static void test_an_append_elsewhere_than_it_was_told_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    append(2, 11, 21, 2);
    assert_broken("1;2;", "not where its answer said");
}

static void test_a_read_of_what_never_was_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    append(2, 11, UINT64_MAX, 0);
    saw("2;", 15, 25);
    assert_broken("1;2;", "never there");
}

static void test_a_stale_read_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 2);
    saw("", 21, 30);
    assert_broken("1;", "older");
}

static void test_a_read_older_than_another_one_before_it_is_seen(void **state)
{
    (void)state;
    append(1, 10, UINT64_MAX, 0);
    saw("1;", 11, 15);
    saw("", 16, 20);
    assert_broken("1;", "older");
}

static void test_an_append_done_before_it_was_asked_for_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 4);
    append(2, 30, 40, 2);
    assert_broken("2;1;", "before it was asked");
}

/* An unknown one too: what was answered before it was asked stands before it. */
static void test_an_unknown_append_among_older_ones_is_seen(void **state)
{
    (void)state;
    append(1, 10, 20, 4);
    append(2, 30, UINT64_MAX, 0);
    assert_broken("2;1;", "before it was asked");
}

#define ONE(name) cmocka_unit_test_teardown(name, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ONE(test_what_is_linearizable_is_believed),
        ONE(test_padding_is_part_of_an_element),
        ONE(test_a_lost_append_is_seen),
        ONE(test_an_append_done_twice_is_seen),
        ONE(test_a_refused_append_that_was_done_is_seen),
        ONE(test_what_nobody_wrote_is_seen),
        ONE(test_what_was_written_elsewhere_is_seen),
        ONE(test_an_append_elsewhere_than_it_was_told_is_seen),
        ONE(test_a_read_of_what_never_was_is_seen),
        ONE(test_a_stale_read_is_seen),
        ONE(test_a_read_older_than_another_one_before_it_is_seen),
        ONE(test_an_append_done_before_it_was_asked_for_is_seen),
        ONE(test_an_unknown_append_among_older_ones_is_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
