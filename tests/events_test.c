/* events_test.c - FAIRLEAD EVENTS: what a server keeps of what its node tells. The node is the test's own:
 * see support/server_world.h. */
#include "server.h"
#include "support/server_world.h"

#include <cjson/cJSON.h>

#define NO_BOOT "*3\r\n$16\r\n0000000000000000\r\n"

static void tell(struct world *world, const struct fl_node_event *event)
{
    world->node->machine.event(world->node->machine.state, event);
}

static void tell_many(struct world *world, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        tell(world, &(struct fl_node_event){.kind = FL_NODE_READY, .index = k + 1, .text = "x"});
}

static const char *ask(struct fl_io_stream *client, const char *command)
{
    client_send(client, command);
    return client_take(client);
}

/* How many events the answer has, and the number of the first. */
static void look_at(const char *answer, uint32_t *count, uint64_t *first, uint64_t *next)
{
    unsigned long long end = 0, begin = 0;
    unsigned elements = 0;
    assert_int_equal(sscanf(answer, NO_BOOT ":%llu\r\n*%u\r\n", &end, &elements), 2);
    const char *found = strstr(answer, "{\"sequence\":");
    if (found != NULL)
        begin = strtoull(found + strlen("{\"sequence\":"), NULL, 10);
    *count = elements;
    *first = begin;
    *next = end;
}

#define ASSERT_ANSWER(client, command, expected_count, expected_first, expected_next)                        \
    do {                                                                                                     \
        uint32_t count_;                                                                                     \
        uint64_t first_, next_;                                                                              \
        look_at(ask(client, command "\r\n"), &count_, &first_, &next_);                                      \
        assert_int_equal(count_, expected_count);                                                            \
        assert_int_equal(first_, expected_first);                                                            \
        assert_int_equal(next_, expected_next);                                                              \
    } while (0)

static void test_an_event_is_told_with_what_is_known_of_it(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.boot = 0xbeef;
    tell(world, &(struct fl_node_event){.kind = FL_NODE_REPAIRED,
                                        .time_us = 5,
                                        .wall_us = 1700000000000001,
                                        .term = 7,
                                        .index = 41,
                                        .other = 45,
                                        .entries = 5,
                                        .round_trips = 1,
                                        .peer = "n3",
                                        .text = "says \"it\""});
    const char *answer = ask(client, "FAIRLEAD EVENTS\r\n");
    const char *json = strchr(answer, '{');
    assert_int_equal(strncmp(answer, "*3\r\n$16\r\n000000000000beef\r\n:2\r\n*1\r\n", 35), 0);
    assert_non_null(json);
    char expected[512];
    snprintf(
        expected, sizeof expected,
        "{\"sequence\":1,\"time_us\":5,\"wall_us\":1700000000000001,\"event\":\"repaired\",\"node\":\"%s\","
        "\"peer\":\"n3\",\"term\":7,\"index\":41,\"other\":45,\"entries\":5,\"round_trips\":1,"
        "\"text\":\"says \\\"it\\\"\"}\r\n",
        world->server->name);
    assert_string_equal(json, expected);
    world_destroy(world);
}

/* A stranger may call itself anything. */
static void test_whatever_a_peer_is_called_the_answer_is_json(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    char text[1000];
    memset(text, '"', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    tell(world, &(struct fl_node_event){.kind = FL_NODE_REFUSED,
                                        .time_us = UINT64_MAX,
                                        .wall_us = UINT64_MAX,
                                        .term = UINT64_MAX,
                                        .index = UINT64_MAX,
                                        .other = UINT64_MAX,
                                        .entries = UINT64_MAX,
                                        .votes = UINT32_MAX,
                                        .voters = UINT32_MAX,
                                        .round_trips = UINT32_MAX,
                                        .peer = "\x01\xff\"\\",
                                        .text = text});
    const char *json = strchr(ask(client, "FAIRLEAD EVENTS\r\n"), '{');
    cJSON *parsed = cJSON_Parse(json);
    assert_non_null(parsed);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(parsed, "peer")->valuestring, "??\"\\");
    cJSON_Delete(parsed);
    world_destroy(world);
}

static void check_told(const char *text, const char *expected)
{
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    tell(world, &(struct fl_node_event){.kind = FL_NODE_REFUSED, .text = text});
    cJSON *parsed = cJSON_Parse(strchr(ask(client, "FAIRLEAD EVENTS\r\n"), '{'));
    assert_non_null(parsed);
    assert_string_equal(cJSON_GetObjectItemCaseSensitive(parsed, "text")->valuestring, expected);
    cJSON_Delete(parsed);
    world_destroy(world);
}

/* As the page's answers are. */
static void test_text_is_told_as_it_is_where_people_can_read_it(void **state)
{
    (void)state;
    check_told("hört \"节点\" \\ 🙂", "hört \"节点\" \\ 🙂");
    check_told("a\nb\x7f\xff\xc3[\xed\xa0\x80", "a?b???[???");
    check_told("\xe2\x80\xaeright to left", "???right to left");
    char cut[256 + 1]; /* What is kept ends within a character. */
    memset(cut, 'x', 254);
    memcpy(cut + 254, "é", 3);
    char kept[256];
    memcpy(kept, cut, 254);
    memcpy(kept + 254, "?", 2);
    check_told(cut, kept);
}

static void test_what_is_ignored_is_told_with_the_request_and_the_leader(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    tell(world, &(struct fl_node_event){.kind = FL_NODE_IGNORED,
                                        .term = 7,
                                        .peer = "n3",
                                        .message = "vote",
                                        .leader = "n2",
                                        .text = "x"});
    assert_non_null(strstr(ask(client, "FAIRLEAD EVENTS\r\n"),
                           "\"peer\":\"n3\",\"message\":\"vote\",\"leader\":\"n2\",\"term\":7,\"text\""));
    world_destroy(world);
}

static void test_who_follows_asks_from_the_next_number_on(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS", 0, 0, 1);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1", 0, 0, 1);
    tell_many(world, 5);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1", 5, 1, 6);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 4", 2, 4, 6);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 6", 0, 0, 6);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1000", 0, 0, 6);
    world_destroy(world);
}

static void test_count_takes_the_newest_or_the_oldest_since(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    tell_many(world, 200);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS", 100, 101, 201);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS COUNT 3", 3, 198, 201);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS COUNT 0", 0, 0, 201);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 10 COUNT 3", 3, 10, 13);
    ASSERT_ANSWER(client, "fairlead events count 1000 since 0", 200, 1, 201);
    world_destroy(world);
}

static void test_what_was_forgotten_shows_as_a_gap(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    tell_many(world, 1024);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1 COUNT 5000", 1024, 1, 1025);
    tell_many(world, 10);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1 COUNT 5000", 1024, 11, 1035);
    ASSERT_ANSWER(client, "FAIRLEAD EVENTS SINCE 1 COUNT 1", 1, 11, 12);
    world_destroy(world);
}

static void test_what_is_not_understood_is_refused(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    assert_string_equal(ask(client, "FAIRLEAD EVENTS SINCE\r\n"), "-ERR syntax error\r\n");
    assert_string_equal(ask(client, "FAIRLEAD EVENTS FROM 1\r\n"), "-ERR syntax error\r\n");
    assert_string_equal(ask(client, "FAIRLEAD EVENTS SINCE -1\r\n"),
                        "-ERR value is not an integer or out of range\r\n");
    assert_string_equal(ask(client, "FAIRLEAD EVENTS COUNT x\r\n"),
                        "-ERR value is not an integer or out of range\r\n");
    world_destroy(world);
}

static void test_status_tells_percentiles_of_syncs(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct fl_histogram *syncs = &world->node->status.sync_time;
    syncs->buckets[3] = 60; /* Up to 80 us. */
    syncs->buckets[5] = 38;
    syncs->buckets[9] = 2;
    syncs->count = 100;
    const char *answer = ask(client, "FAIRLEAD STATUS\r\n");
    assert_non_null(strstr(answer, "\"syncs\":100,\"sync_p50_us\":80,\"sync_p99_us\":5120"));
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_is_told_with_what_is_known_of_it),
        cmocka_unit_test(test_whatever_a_peer_is_called_the_answer_is_json),
        cmocka_unit_test(test_text_is_told_as_it_is_where_people_can_read_it),
        cmocka_unit_test(test_what_is_ignored_is_told_with_the_request_and_the_leader),
        cmocka_unit_test(test_who_follows_asks_from_the_next_number_on),
        cmocka_unit_test(test_count_takes_the_newest_or_the_oldest_since),
        cmocka_unit_test(test_what_was_forgotten_shows_as_a_gap),
        cmocka_unit_test(test_what_is_not_understood_is_refused),
        cmocka_unit_test(test_status_tells_percentiles_of_syncs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
