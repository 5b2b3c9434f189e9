/* picture_test.c - the cluster as the web page shows it, put together from what its members answer. */
#include "support/member_view.h"
#include "web.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>
#include <cmocka.h>

#define VIEW_SIZE 2048
#define EVENT "\"event\":\"ready\",\"node\":\"n1\",\"time_us\":1"
#define PEER(round_trip_us)                                                                                  \
    "{\"name\":\"x\",\"match\":0,\"next\":1,\"progress\":\"probe\",\"rejections\":0,\"sent\":0,"             \
    "\"round_trip_us\":" round_trip_us ",\"up\":true}"

static const struct fl__caption caption = {.name = "n1", .time_us = 77, .wall_us = 1700000000000000};

/* What a member would answer. */
static const char *view_of(char out[VIEW_SIZE], const char *name, const char *role, unsigned first,
                           unsigned last, unsigned round_trip_us)
{
    snprintf(out, VIEW_SIZE,
             "{\"name\":\"%s\",\"up\":true,\"role\":\"%s\",\"term\":3,\"health\":\"healthy\",\"last\":%u,"
             "\"commit\":%u," MEMBER_REST ",\"first\":%u,\"log\":[[3,\"c\",\"SET a \\\"1\\\"\"]],"
             "\"peers\":[" PEER("%u") "]}",
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
    fl__picture_lost(picture, "n1", "nothing listens there");
    cJSON *view = tell(picture);
    assert_non_null(view);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(view, "nodes")), 2);
    expect_text(node_at(view, 0), "name", "n1");
    expect_text(node_at(view, 0), "role", "down");
    assert_false(is_true(node_at(view, 0), "up"));
    expect_text(node_at(view, 0), "problem", "nothing listens there");
    expect_text(node_at(view, 1), "role", "leader");
    assert_true(is_true(view, "live"));
    expect_text(view, "name", "n1");
    assert_int_equal(cJSON_GetObjectItem(view, "committed")->valueint, 5);
    assert_int_equal(cJSON_GetObjectItem(view, "time_us")->valueint, 77);
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

static void test_a_number_that_is_too_large_counts_as_the_largest(void **state)
{
    struct fl__picture *picture = fl__picture_create();
    struct fl__reply message;
    (void)state;
    static const char view[] =
        "{\"name\":\"n1\",\"up\":true,\"role\":\"leader\",\"term\":3,\"health\":\"healthy\",\"last\":1,"
        "\"commit\":99999999999999999999,\"first\":1," MEMBER_REST ",\"log\":[],\"peers\":[]}";
    assert_true(fl__picture_take(picture, "n1", &(struct fl__seen){.boot = "b0", .next = 1, .view = view}));
    assert_true(fl__picture_tell(picture, &caption, &message));
    fl__reply_raw(&message, (struct fl__bytes){"", 1});
    assert_non_null(strstr(message.data, "\"committed\":18446744073709551615,"));
    fl__reply_release(&message);
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
    fl__picture_lost(picture, "n1", "it says \"no\"");
    cJSON *view = tell(picture);
    const cJSON *node = node_at(view, 0);
    expect_text(node, "problem", "it says \"no\"");
    assert_false(is_true(node, "up"));
    expect_text(node, "role", "down");
    expect_text(node, "health", "unknown");
    assert_int_equal(cJSON_GetObjectItem(node, "last")->valueint, 5);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(node, "log")), 1);
    assert_int_equal(cJSON_GetArraySize(cJSON_GetObjectItem(node, "peers")), 0);
    cJSON_Delete(view);
    fl__picture_lost(picture, "n1", "it says \"no\"");
    assert_null(tell(picture));
    fl__picture_lost(picture, "n1", "it says \xff nothing");
    view = tell(picture);
    expect_text(node_at(view, 0), "problem", "it says ? nothing");
    assert_int_equal(cJSON_GetObjectItem(node_at(view, 0), "last")->valueint, 5);
    cJSON_Delete(view);
    assert_true(take(picture, "n1", 1, 5, 10));
    view = tell(picture);
    assert_true(is_true(node_at(view, 0), "up"));
    cJSON_Delete(view);
    fl__picture_destroy(picture);
}

/* A text of that size, to be freed, between a beginning and an end. */
static char *long_text(const char *begin, size_t size, const char *end)
{
    char *text = calloc(1, size + 1);
    memset(text, ' ', size);
    memcpy(text, begin, strlen(begin));
    memcpy(text + size - strlen(end), end, strlen(end));
    return text;
}

static void test_one_that_says_too_much_is_down_and_the_others_are_shown(void **state)
{
    static const size_t sizes[] = {256 << 10, (256 << 10) + 1, 9 << 20};
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
        struct fl__picture *picture = fl__picture_create();
        char *view = long_text("{\"name\":\"n1\"," MEMBER_ALL ",\"peers\":[],", sizes[k], "\"log\":[]}");
        char *event = long_text("{" EVENT ",\"sequence\":4,", sizes[k], "\"wall_us\":1}");
        const char *const events[] = {event};
        struct fl__seen seen = {.boot = "b0", .next = 5, .events = events, .event_count = 1, .view = view};
        bool is_taken = fl__picture_take(picture, "n1", &seen);
        assert_int_equal(is_taken, k == 0);
        assert_true(take(picture, "n2", 1, 5, 10));
        struct fl__reply message;
        assert_true(fl__picture_tell(picture, &caption, &message));
        assert_null(data_of(&message, "events")); /* The event is left out, and the view says so. */
        cJSON *told = data_of(&message, "view");
        assert_int_equal(is_true(told, "sampled"), is_taken);
        expect_text(node_at(told, 0), "role", is_taken ? "leader" : "down");
        expect_text(node_at(told, 1), "role", "leader");
        cJSON_Delete(told);
        fl__reply_release(&message);
        free(view);
        free(event);
        fl__picture_destroy(picture);
    }
}

static void test_all_members_may_say_as_much_as_they_may(void **state)
{
    struct fl__picture *picture = fl__picture_create();
    struct fl__reply message;
    char head[VIEW_SIZE], *events[128];
    (void)state;
    for (unsigned k = 0; k < 128; k++)
        events[k] = long_text("{" EVENT ",\"sequence\":1,", 1023, "\"wall_us\":1}");
    for (unsigned k = 0; k < FL_MEMBERS_MAX; k++) {
        snprintf(head, sizeof head, "{\"name\":\"n%u\"," MEMBER_ALL ",\"peers\":[],", k);
        char *view = long_text(head, 256 << 10, "\"log\":[]}");
        const struct fl__seen seen = {.boot = "b0",
                                      .next = 129,
                                      .events = (const char *const *)events,
                                      .event_count = 128,
                                      .view = view};
        snprintf(head, sizeof head, "n%u", k);
        assert_true(fl__picture_take(picture, head, &seen));
        free(view);
    }
    assert_true(fl__picture_tell(picture, &caption, &message));
    fl__reply_release(&message);
    assert_true(fl__picture_greet(picture, &caption, &message));
    fl__reply_release(&message);
    for (unsigned k = 0; k < 128; k++)
        free(events[k]);
    fl__picture_destroy(picture);
}

/* As one that is down a view is written anew, and may become longer. */
static void test_a_view_that_grows_too_long_as_down_is_not_kept(void **state)
{
    struct fl__picture *picture = fl__picture_create();
    size_t size = 250 << 10;
    char *view = long_text("{\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[],\"x\":[0", size, "]}");
    const struct fl__seen seen = {.boot = "b0", .next = 1, .view = view};
    (void)state;
    for (size_t at = strlen(view) - 2, k = strcspn(view, " "); k + 24 < at + 2; k += 21)
        memcpy(view + k, ",18446744073709551615", 21);
    assert_true(fl__picture_take(picture, "n1", &seen));
    fl__picture_lost(picture, "n1", "it does not answer");
    cJSON *told = tell(picture);
    expect_text(node_at(told, 0), "role", "down");
    assert_null(cJSON_GetObjectItem(node_at(told, 0), "x"));
    cJSON_Delete(told);
    free(view);
    fl__picture_destroy(picture);
}

static bool take_timed(struct fl__picture *picture, const char *leaderless)
{
    char view[VIEW_SIZE];
    snprintf(view, sizeof view,
             "{\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[],\"leaderless_us\":%s}", leaderless);
    return fl__picture_take(picture, "n1", &(struct fl__seen){.boot = "b0", .next = 1, .view = view});
}

static void test_how_long_there_is_no_leader_is_no_news_but_known_to_newcomers(void **state)
{
    struct fl__picture *picture = fl__picture_create();
    struct fl__reply message;
    (void)state;
    assert_true(take_timed(picture, "200000"));
    cJSON_Delete(tell(picture));
    assert_true(take_timed(picture, "3600000000"));
    assert_null(tell(picture));
    assert_true(fl__picture_greet(picture, &caption, &message));
    assert_memory_equal(message.data, "retry: 1000\n\n", 13);
    cJSON *view = data_of(&message, "view");
    assert_true(cJSON_GetObjectItem(node_at(view, 0), "leaderless_us")->valuedouble >= 3.6e9);
    cJSON_Delete(view);
    fl__reply_release(&message);
    /* What is no number of JSON is no number here either. */
    static const char *const bad[] = {"",   "01", "123456789012345678901", "1.", "1.5", "1e3", "-01",
                                      "1-", "-"};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        assert_false(take_timed(picture, bad[k]));
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
    static const char *const bad[] = {
        "",
        "[]",
        "{\"name\":\"n2\"}",
        "{\"name\":\"n1\"",
        "{\"name\":7}",
        "{\"name\":\"n1\",\n\"up\":true}",
        "{\"name\":\"n1\",\r\"up\":true}",
        "\xef\xbb\xbf{\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[]}",
        "{\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[],\"x\":01}",
        "{\"\\\"\":\"\\\\\",\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[],\"x\":1.}",
        "{\"name\":\"n1\"," MEMBER_ALL ",\"log\":[],\"peers\":[],\"x\":\"\\u00zz\"}",
        "{\"name\":\"n1\"," MEMBER_ALL ",\"log\\u0000\":[],\"peers\":[]}"};
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

/* Of n1; the view is deleted. */
static bool may_be_taken(cJSON *view)
{
    struct fl__picture *picture = fl__picture_create();
    char *text = cJSON_PrintUnformatted(view);
    bool is_taken = fl__picture_take(picture, "n1", &(struct fl__seen){.boot = "b", .next = 1, .view = text});
    cJSON_free(text);
    cJSON_Delete(view);
    fl__picture_destroy(picture);
    return is_taken;
}

/* The view with its field k, or the one of a part of it, as something else, or without it. */
static cJSON *spoil(const char *text, const char *part, int k, bool is_deleted)
{
    cJSON *view = cJSON_Parse(text), *object = view;
    if (part != NULL)
        object = cJSON_GetObjectItem(view, part);
    if (cJSON_IsArray(object))
        object = cJSON_GetArrayItem(object, 0);
    const cJSON *field = cJSON_GetArrayItem(object, k);
    char name[32];
    if (field == NULL) {
        cJSON_Delete(view);
        return NULL;
    }
    if (cJSON_IsArray(object)) { /* An entry of the log. */
        if (is_deleted)
            cJSON_DeleteItemFromArray(object, k);
        else
            cJSON_ReplaceItemInArray(object, k, cJSON_CreateNull());
        return view;
    }
    snprintf(name, sizeof name, "%s", field->string);
    cJSON_DeleteItemFromObject(object, name);
    if (!is_deleted)
        cJSON_AddItemToObject(object, name, cJSON_CreateNull());
    return view;
}

/* A browser believes the last field of a name. */
static void test_a_view_with_a_field_twice_is_refused(void **state)
{
    char view[VIEW_SIZE];
    (void)state;
    cJSON *json = cJSON_Parse(view_of(view, "n1", "leader", 1, 5, 10));
    cJSON_AddNumberToObject(json, "log", 7);
    assert_false(may_be_taken(json));
    json = cJSON_Parse(view);
    cJSON_AddNumberToObject(cJSON_GetObjectItem(json, "counters"), "disk", 7);
    assert_false(may_be_taken(json));
    json = cJSON_Parse(view);
    cJSON_AddNumberToObject(json, "another", 7); /* A later version may say more. */
    assert_true(may_be_taken(json));
}

/* The page relies on it. */
static void test_a_view_without_a_field_or_with_one_of_another_kind_is_refused(void **state)
{
    static const char *const parts[] = {NULL, "log", "peers", "counters"};
    static const int counts[] = {22, 3, 8, 8};
    char view[VIEW_SIZE];
    (void)state;
    view_of(view, "n1", "leader", 1, 5, 10);
    assert_true(may_be_taken(cJSON_Parse(view)));
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        int fields = 0;
        for (cJSON *spoilt; (spoilt = spoil(view, parts[k], fields, false)) != NULL; fields++) {
            assert_false(may_be_taken(spoilt));
            assert_false(may_be_taken(spoil(view, parts[k], fields, true)));
        }
        assert_int_equal(fields, counts[k]);
    }
}

static void test_a_log_or_peers_without_end_are_refused(void **state)
{
    static const char *const names[] = {"log", "peers"};
    char view[VIEW_SIZE];
    (void)state;
    view_of(view, "n1", "leader", 1, 5, 10);
    for (int k = 0; k < 2; k++) {
        int most = k == 0 ? 256 : FL_MEMBERS_MAX;
        cJSON *json = cJSON_Parse(view), *list = cJSON_GetObjectItem(json, names[k]);
        while (cJSON_GetArraySize(list) < most)
            cJSON_AddItemToArray(list, cJSON_Duplicate(cJSON_GetArrayItem(list, 0), true));
        cJSON *more = cJSON_Duplicate(json, true);
        list = cJSON_GetObjectItem(more, names[k]);
        cJSON_AddItemToArray(list, cJSON_Duplicate(cJSON_GetArrayItem(list, 0), true));
        assert_true(may_be_taken(json));
        assert_false(may_be_taken(more));
    }
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
    const char *const mine[] = {"{" EVENT ",\"sequence\":4,\"wall_us\":10}",
                                "{" EVENT ",\"sequence\":5,\"wall_us\":30}"};
    const char *const others[] = {"{" EVENT ",\"sequence\":9,\"wall_us\":20}",
                                  "{" EVENT ",\"sequence\":10,\"wall_us\":30}"};
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
    const char *const strange[] = {
        "[]",
        "{}",
        "{" EVENT ",\"sequence\":7}",
        "{\"sequence\":7,\"wall_us\":1,\"time_us\":1,\"event\":\"ready\"}",
        "{" EVENT ",\"sequence\":7,\"wall_us\":1,\"wall_us\":2}",
        "{" EVENT ",\"sequence\":7,\"wall_us\":1,\"text\":7}",
        "{" EVENT ",\"sequence\":7,\"wall_us\":1,\"term\":\"7\"}",
        "{" EVENT ",\"sequence\":7,\"wall_us\":1\n}",
    };
    take_events(picture, "n1", "b0", 14, 8, strange);
    cJSON *view = tell(picture);
    assert_true(is_true(view, "sampled")); /* They are left out, and the view says so. */
    cJSON_Delete(view);
    assert_true(fl__picture_greet(picture, &caption, &message));
    events = data_of(&message, "events");
    assert_int_equal(cJSON_GetArraySize(events), 4);
    cJSON_Delete(events);
    fl__reply_release(&message);
    fl__picture_destroy(picture);
}

static void test_a_new_life_is_asked_for_its_events_from_the_first(void **state)
{
    (void)state;
    struct fl__picture *picture = fl__picture_create();
    const char *const events[] = {"{" EVENT ",\"sequence\":2,\"wall_us\":10}"};
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
    char text[128];
    for (unsigned k = 1; k <= 300; k++) {
        snprintf(text, sizeof text, "{" EVENT ",\"sequence\":%u,\"wall_us\":%u}", k, k);
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
        cmocka_unit_test(test_a_number_that_is_too_large_counts_as_the_largest),
        cmocka_unit_test(test_only_news_is_told_and_a_round_trip_is_none),
        cmocka_unit_test(test_one_that_falls_silent_is_down_with_its_last_numbers),
        cmocka_unit_test(test_one_that_says_too_much_is_down_and_the_others_are_shown),
        cmocka_unit_test(test_all_members_may_say_as_much_as_they_may),
        cmocka_unit_test(test_a_view_that_grows_too_long_as_down_is_not_kept),
        cmocka_unit_test(test_how_long_there_is_no_leader_is_no_news_but_known_to_newcomers),
        cmocka_unit_test(test_entries_that_were_never_shown_make_it_sampled),
        cmocka_unit_test(test_what_is_no_view_of_that_member_is_refused),
        cmocka_unit_test(test_a_view_without_a_field_or_with_one_of_another_kind_is_refused),
        cmocka_unit_test(test_a_view_with_a_field_twice_is_refused),
        cmocka_unit_test(test_a_log_or_peers_without_end_are_refused),
        cmocka_unit_test(test_events_stand_by_their_clocks_and_each_is_told_once),
        cmocka_unit_test(test_a_new_life_is_asked_for_its_events_from_the_first),
        cmocka_unit_test(test_a_newcomer_is_told_the_latest_256_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
