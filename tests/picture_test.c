/* picture_test.c - the cluster as the web page shows it, put together from what its members answer. */
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define VIEW_SIZE 1024

static const struct fl__caption caption = {.name = "n1", .time_us = 77, .wall_us = 1700000000000000};

/* What a member would answer. */
static const char *view_of(char out[VIEW_SIZE], const char *name, const char *role, unsigned first,
                           unsigned last, unsigned round_trip_us)
{
    snprintf(out, VIEW_SIZE,
             "{\"name\":\"%s\",\"up\":true,\"role\":\"%s\",\"term\":3,\"health\":\"healthy\",\"last\":%u,"
             "\"commit\":%u,\"first\":%u,\"log\":[[3,\"c\",\"SET a \\\"1\\\"\"]],\"peers\":[{\"name\":\"x\","
             "\"round_trip_us\":%u,\"up\":true}]}",
             name, role, last, last, first, round_trip_us);
    return out;
}

static bool take(struct fl__picture *picture, const char *name, unsigned first, unsigned last, unsigned trip)
{
    char view[VIEW_SIZE];
    const struct fl__seen seen = {
        .boot = "b0", .next = 1, .view = view_of(view, name, "leader", first, last, trip)};
    return fl__picture_take(picture, name, &seen);
}

/* The data of an event in a message, to be deleted; NULL: there is none of that name. */
static cJSON *data_of(const struct fl__reply *message, const char *event)
{
    char head[64], *text = calloc(1, message->size + 1);
    memcpy(text, message->data, message->size);
    snprintf(head, sizeof head, "event: %s\ndata: ", event);
    char *begin = strstr(text, head), *end = begin != NULL ? strstr(begin, "\n\n") : NULL;
    cJSON *json = NULL;
    if (begin != NULL) {
        assert_non_null(end);
        *end = '\0';
        json = cJSON_Parse(begin + strlen(head));
        if (json == NULL)
            fail_msg("this is no JSON: %s", begin);
    }
    free(text);
    return json;
}

/* Tells, and gives the view that was told; NULL: nothing was new. */
static cJSON *tell(struct fl__picture *picture)
{
    struct fl__reply message;
    bool is_new = fl__picture_tell(picture, &caption, &message);
    cJSON *view = is_new ? data_of(&message, "view") : NULL;
    fl__reply_release(&message);
    return view;
}

static const cJSON *node_at(const cJSON *view, int k)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(view, "nodes"), k);
}

static void expect_text(const cJSON *object, const char *name, const char *expected)
{
    assert_string_equal(cJSON_GetObjectItem(object, name)->valuestring, expected);
}

static bool is_true(const cJSON *object, const char *name)
{
    return cJSON_IsTrue(cJSON_GetObjectItem(object, name));
}

static void test_members_stand_in_their_order_and_the_unknown_are_down(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    (void)fl__picture_since(picture, "n1");
    (void)fl__picture_since(picture, "n2");
    assert_true(take(picture, "n2", 1, 5, 10));
    fl__picture_lost(picture, "n1");
    cJSON *view = tell(picture);
    assert_non_null(view);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(view, "nodes")), 2);
    expect_text(node_at(view, 0), "name", "n1");
    expect_text(node_at(view, 0), "role", "down");
    assert_false(is_true(node_at(view, 0), "up"));
    expect_text(node_at(view, 1), "role", "leader");
    assert_true(is_true(view, "live"));
    expect_text(view, "name", "n1");
    assert_int_equal(cJSON_GetObjectItem(view, "committed")->valueint, 5);
    assert_int_equal(cJSON_GetObjectItem(view, "time_us")->valueint, 77);
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_only_news_is_told_and_a_round_trip_is_none(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    assert_true(take(picture, "n1", 1, 5, 10));
    cJSON_Delete(tell(picture));
    assert_null(tell(picture));
    assert_true(take(picture, "n1", 1, 5, 12345));
    assert_null(tell(picture));
    assert_true(take(picture, "n1", 1, 6, 7));
    cJSON *view = tell(picture);
    const cJSON *peer = cJSON_GetArrayItem(cJSON_GetObjectItem(node_at(view, 0), "peers"), 0);
    assert_int_equal(cJSON_GetObjectItem(peer, "round_trip_us")->valueint, 7);
    assert_false(is_true(view, "sampled"));
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_one_that_falls_silent_is_down_with_its_last_numbers(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    assert_true(take(picture, "n1", 1, 5, 10));
    cJSON_Delete(tell(picture));
    fl__picture_lost(picture, "n1");
    cJSON *view = tell(picture);
    const cJSON *node = node_at(view, 0);
    assert_false(is_true(node, "up"));
    expect_text(node, "role", "down");
    expect_text(node, "health", "unknown");
    assert_int_equal(cJSON_GetObjectItem(node, "last")->valueint, 5);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(node, "log")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(node, "peers")), 0);
    cJSON_Delete(view);
    fl__picture_lost(picture, "n1");
    assert_null(tell(picture));
    assert_true(take(picture, "n1", 1, 5, 10));
    view = tell(picture);
    assert_true(is_true(node_at(view, 0), "up"));
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_entries_that_were_never_shown_make_it_sampled(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    assert_true(take(picture, "n1", 1, 64, 1));
    cJSON_Delete(tell(picture));
    assert_true(take(picture, "n1", 65, 128, 1));
    cJSON *view = tell(picture);
    assert_false(is_true(view, "sampled"));
    cJSON_Delete(view);
    assert_true(take(picture, "n1", 130, 193, 1));
    view = tell(picture);
    assert_true(is_true(view, "sampled"));
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_what_is_no_view_of_that_member_is_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{\"name\":\"n2\"}",
                                      "{\"name\":\"n1\"",
                                      "{\"name\":7}",
                                      "{\"name\":\"n1\",\n\"up\":true}",
                                      "{\"name\":\"n1\",\r\"up\":true}"};
    struct fl__picture *picture = fl__picture_create();
    (void)state;
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        assert_false(
            fl__picture_take(picture, "n1", &(struct fl__seen){.boot = "b", .next = 1, .view = bad[k]}));
    const char *const one[] = {"{}"};
    char view[VIEW_SIZE];
    const struct fl__seen impossible = {.boot = "b",
                                        .next = 0,
                                        .events = one,
                                        .event_count = 1,
                                        .view = view_of(view, "n1", "leader", 1, 1, 1)};
    assert_false(fl__picture_take(picture, "n1", &impossible));
    fl__picture_destroy(picture);
}

static void take_events(struct fl__picture *picture, const char *name, const char *boot, uint64_t next,
                        uint32_t count, const char *const *events)
{
    char view[VIEW_SIZE];
    const struct fl__seen seen = {.boot = boot,
                                  .next = next,
                                  .events = events,
                                  .event_count = count,
                                  .view = view_of(view, name, "follower", 1, 1, 1)};
    assert_true(fl__picture_take(picture, name, &seen));
}

static void test_events_stand_by_their_clocks_and_each_is_told_once(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    struct fl__reply message;
    const char *const mine[] = {"{\"sequence\":4,\"wall_us\":10}", "{\"sequence\":5,\"wall_us\":30}"};
    const char *const others[] = {"{\"sequence\":9,\"wall_us\":20}", "{\"sequence\":10,\"wall_us\":30}"};
    assert_int_equal(fl__picture_since(picture, "n1"), -1);
    take_events(picture, "n1", "b0", 6, 2, mine);
    take_events(picture, "n2", "c0", 11, 2, others);
    assert_int_equal(fl__picture_since(picture, "n1"), 6);
    assert_true(fl__picture_tell(picture, &caption, &message));
    cJSON *events = data_of(&message, "events");
    static const int order[] = {4, 9, 5, 10};
    assert_int_equal(cJSON_GetArraySize(events), 4);
    for (int k = 0; k < 4; k++)
        assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(events, k), "sequence")->valueint, order[k]);
    cJSON_Delete(events);
    fl__reply_release(&message);
    assert_null(tell(picture));
    assert_true(fl__picture_greet(picture, &caption, &message)); /* Whoever comes now is told all. */
    events = data_of(&message, "events");
    assert_int_equal(cJSON_GetArraySize(events), 4);
    cJSON_Delete(events);
    fl__reply_release(&message);
    const char *const bad[] = {"{\"sequence\":6,\n}"};
    take_events(picture, "n1", "b0", 7, 1, bad);
    cJSON *view = tell(picture);
    assert_true(is_true(view, "sampled")); /* It is left out, and the view says so. */
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_a_new_life_is_asked_for_its_events_from_the_first(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    const char *const events[] = {"{\"sequence\":2,\"wall_us\":10}"};
    take_events(picture, "n1", "b0", 40, 0, NULL);
    assert_int_equal(fl__picture_since(picture, "n1"), 40);
    take_events(picture, "n1", "b1", 3, 0, NULL);
    assert_int_equal(fl__picture_since(picture, "n1"), 1);
    take_events(picture, "n1", "b1", 3, 1, events);
    assert_int_equal(fl__picture_since(picture, "n1"), 3);
    cJSON *view = tell(picture);
    assert_true(is_true(view, "sampled")); /* Number 1 was not kept. */
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_a_newcomer_is_told_the_latest_256_events(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    struct fl__reply message;
    char text[64];
    for (unsigned k = 1; k <= 300; k++) {
        snprintf(text, sizeof text, "{\"sequence\":%u,\"wall_us\":%u}", k, k);
        const char *const events[] = {text};
        take_events(picture, "n1", "b0", k + 1, 1, events);
        cJSON_Delete(tell(picture));
    }
    assert_true(fl__picture_greet(picture, &caption, &message));
    cJSON *events = data_of(&message, "events");
    assert_int_equal(cJSON_GetArraySize(events), 256);
    assert_int_equal(cJSON_GetObjectItem(cJSON_GetArrayItem(events, 0), "sequence")->valueint, 45);
    cJSON_Delete(events);
    fl__reply_release(&message);
    fl__picture_destroy(picture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members_stand_in_their_order_and_the_unknown_are_down),
        cmocka_unit_test(test_only_news_is_told_and_a_round_trip_is_none),
        cmocka_unit_test(test_one_that_falls_silent_is_down_with_its_last_numbers),
        cmocka_unit_test(test_entries_that_were_never_shown_make_it_sampled),
        cmocka_unit_test(test_what_is_no_view_of_that_member_is_refused),
        cmocka_unit_test(test_events_stand_by_their_clocks_and_each_is_told_once),
        cmocka_unit_test(test_a_new_life_is_asked_for_its_events_from_the_first),
        cmocka_unit_test(test_a_newcomer_is_told_the_latest_256_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
