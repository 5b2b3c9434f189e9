/* view_test.c - FAIRLEAD VIEW: one node as the picture of a cluster shows it. The node is the test's own: see
 * support/server_world.h. */
#include "server.h"
#include "support/server_world.h"

#include <cjson/cJSON.h>

#define OK "+OK\r\n"

/* An answer in its parts. */
struct answer {
    char boot[17];
    uint64_t next;
    uint32_t event_count;
    cJSON *node;
};

static struct answer ask(struct fl_io_stream *client, const char *command)
{
    struct answer answer;
    unsigned long long next = 0;
    unsigned events = 0, size = 0;
    client_send(client, command);
    client_send(client, "\r\n");
    const char *text = client_take(client);
    if (sscanf(text, "*4\r\n$16\r\n%16s\r\n:%llu\r\n*%u\r\n", answer.boot, &next, &events) != 3)
        fail_msg("this is no view: %s", text);
    answer.next = next;
    answer.event_count = events;
    const char *json = strstr(text, "{\"name\":");
    const char *head = json;
    while (head > text && *head != '$')
        head--;
    assert_int_equal(sscanf(head, "$%u\r\n", &size), 1);
    assert_int_equal(strlen(json), size + 2); /* It is the last part, and whole. */
    answer.node = cJSON_ParseWithLength(json, size);
    if (answer.node == NULL)
        fail_msg("this is no JSON: %s", json);
    return answer;
}

static uint64_t number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsNumber(item));
    return (uint64_t)item->valuedouble;
}

static const char *text(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_true(cJSON_IsString(item));
    return item->valuestring;
}

static const cJSON *part(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    assert_non_null(item);
    return item;
}

static void write_some(struct fl_io_stream *client, unsigned count)
{
    for (unsigned k = 0; k < count; k++)
        client_send(client, "INCR a\r\n");
    client_take(client);
}

static void test_a_leader_shows_its_numbers_its_log_and_its_peers(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct fl_node_status *status = &world->node->status;
    client_send(client, "SET hello world\r\n");
    client_send(client, "SET \"it's\" \"a \\\"quote\\\" \\\\ \"\r\n");
    client_take(client);
    status->has_vote = true;
    status->vote = 0xabc1;
    status->peers[1].match = 1;
    status->peers[1].next = 3;
    status->peers[1].progress = FL_PROGRESS_STREAM;
    status->peers[1].round_trip_us = 250;
    status->sync_time.count = 4;
    status->sync_time.sum_us = 900;
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_string_equal(text(answer.node, "name"), "n1");
    assert_true(cJSON_IsTrue(part(answer.node, "up")));
    assert_true(cJSON_IsTrue(part(answer.node, "voter")));
    assert_true(cJSON_IsFalse(part(answer.node, "paused")));
    assert_string_equal(text(answer.node, "role"), "leader");
    assert_string_equal(text(answer.node, "vote"), "n1");
    assert_string_equal(text(answer.node, "leader"), "n1");
    assert_string_equal(text(answer.node, "health"), "healthy");
    assert_int_equal(number(answer.node, "term"), 3);
    assert_int_equal(number(answer.node, "last"), 2);
    assert_int_equal(number(answer.node, "commit"), 2);
    assert_int_equal(number(answer.node, "first"), 1);
    const cJSON *log = part(answer.node, "log"), *entry = cJSON_GetArrayItem(log, 0);
    assert_int_equal(cJSON_GetArraySize(log), 2);
    assert_int_equal(cJSON_GetArrayItem(entry, 0)->valueint, 3);
    assert_string_equal(cJSON_GetArrayItem(entry, 1)->valuestring, "c");
    assert_string_equal(cJSON_GetArrayItem(entry, 2)->valuestring, "SET hello world");
    const cJSON *peers = part(answer.node, "peers"), *peer = cJSON_GetArrayItem(peers, 0);
    assert_int_equal(cJSON_GetArraySize(peers), 2);
    assert_string_equal(text(peer, "name"), "n2");
    assert_string_equal(text(peer, "progress"), "stream");
    assert_int_equal(number(peer, "match"), 1);
    assert_int_equal(number(peer, "next"), 3);
    assert_int_equal(number(peer, "round_trip_us"), 250);
    assert_int_equal(number(part(answer.node, "counters"), "syncs"), 4);
    assert_int_equal(number(part(answer.node, "counters"), "sync_us"), 900);
    assert_int_equal(number(part(answer.node, "counters"), "clients"), 1);
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static void test_only_the_newest_64_entries_are_shown(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "last"), 0);
    assert_int_equal(number(answer.node, "first"), 1);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 0);
    cJSON_Delete(answer.node);
    write_some(client, 64);
    answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "first"), 1);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 64);
    cJSON_Delete(answer.node);
    write_some(client, 36);
    answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "first"), 37);
    assert_int_equal(number(answer.node, "last"), 100);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 64);
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static void test_a_follower_has_no_peers_and_a_long_text_is_cut(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    char line[2000];
    snprintf(line, sizeof line, "SET a %01000d\r\n", 7);
    client_send(client, line);
    client_take(client);
    world->node->status.role = FL_FOLLOWER;
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "peers")), 0);
    const char *shown = cJSON_GetArrayItem(cJSON_GetArrayItem(part(answer.node, "log"), 0), 2)->valuestring;
    assert_int_equal(strlen(shown), 64);
    assert_string_equal(shown + 61, "...");
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static const char *shown_text(const struct answer *answer, int k)
{
    return cJSON_GetArrayItem(cJSON_GetArrayItem(part(answer->node, "log"), k), 2)->valuestring;
}

static void test_characters_beyond_ascii_are_shown_as_they_are(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET \xe5\x90\x8d \xe4\xbd\xa0\xe5\xa5\xbd\r\n");
    client_send(client, "SET a \"\xc3\xa9 \\x00\\xff\\xc3\\x28\\xed\\xa0\\x80\"\r\n");
    client_send(client, "SET a \xf0\x9f\x98\x80\xe2\x80\xae\r\n");
    client_take(client);
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_string_equal(shown_text(&answer, 0), "SET \"\xe5\x90\x8d\" \"\xe4\xbd\xa0\xe5\xa5\xbd\"");
    assert_string_equal(shown_text(&answer, 1), "SET a \"\xc3\xa9 \\x00\\xff\\xc3(\\xed\\xa0\\x80\"");
    assert_string_equal(shown_text(&answer, 2),
                        "SET a \"\xf0\x9f\x98\x80\\xe2\\x80\\xae\""); /* It turns text round. */
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static void test_a_long_text_is_cut_between_two_characters(void **state)
{
    (void)state;
    for (unsigned before = 1; before < 8; before++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        char line[400];
        int size = snprintf(line, sizeof line, "SET %0*d ", (int)before, 1);
        for (int k = 0; k < 60; k++)
            size += snprintf(line + size, sizeof line - (size_t)size, "\xe4\xbd\xa0");
        snprintf(line + size, sizeof line - (size_t)size, "\r\n");
        client_send(client, line);
        client_take(client);
        struct answer answer = ask(client, "FAIRLEAD VIEW");
        const char *shown = shown_text(&answer, 0);
        size_t length = strlen(shown), head = strlen("SET ") + before + strlen(" \"");
        assert_true(length > 60 && length <= 64);
        assert_string_equal(shown + length - 3, "...");
        for (size_t at = head; at < length - 3; at += 3)
            assert_memory_equal(shown + at, "\xe4\xbd\xa0", 3);
        cJSON_Delete(answer.node);
        world_destroy(world);
    }
}

static void test_it_tells_how_long_there_has_been_no_leader(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct fl_node_status *status = &world->node->status;
    const struct fl_machine *machine = &world->node->machine;
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "leaderless_us"), 0);
    assert_true(cJSON_IsTrue(part(answer.node, "founded")));
    assert_int_equal(number(answer.node, "election_timeout_us"), 1000000);
    cJSON_Delete(answer.node);
    machine->notice(machine->state, world->node); /* There is a leader; and then */
    world_wait(world, 5000000);
    status->has_leader = status->founded = false;
    machine->notice(machine->state, world->node);
    world_wait(world, 300000);
    answer = ask(client, "FAIRLEAD VIEW");
    assert_true(cJSON_IsFalse(part(answer.node, "founded")));
    assert_in_range(number(answer.node, "leaderless_us"), 200000, 500000);
    cJSON_Delete(answer.node);
    world_wait(world, 4000000);
    machine->notice(machine->state, world->node); /* Still none. */
    answer = ask(client, "FAIRLEAD VIEW");
    assert_in_range(number(answer.node, "leaderless_us"), 4200000, 4600000);
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static void test_a_pause_of_all_clients_does_not_hold_it_up(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *newcomer;
    snprintf(world->server->password, sizeof world->server->password, "secret");
    expect(client, "AUTH secret", OK);
    expect(client, "CLIENT PAUSE 100000 ALL", OK);
    newcomer = client_connect(world);
    expect(newcomer, "AUTH secret", OK);
    struct answer answer = ask(newcomer, "FAIRLEAD VIEW");
    assert_string_equal(text(answer.node, "name"), "n1");
    cJSON_Delete(answer.node);
    expect(newcomer, "PING", "");
    expect(client, "CLIENT UNPAUSE", OK);
    world_destroy(world);
}

static void test_a_log_that_changes_while_it_is_read_gives_no_contradiction(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    write_some(client, 10);
    world->node->grown_by = 5;
    world->node->status.peers[1].match = world->node->status.peers[1].next = 13;
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "last"), 10); /* As far as it was read. */
    const cJSON *peer = cJSON_GetArrayItem(part(answer.node, "peers"), 0);
    assert_int_equal(number(peer, "match"), 10);
    assert_int_equal(number(peer, "next"), 11);
    cJSON_Delete(answer.node);
    world->node->grown_by = 0;
    world->node->status.last = 10;
    world->node->cut_to = 7; /* A new leader's conflict. */
    answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "last"), 7);
    assert_int_equal(number(answer.node, "commit"), 7);
    assert_int_equal(number(answer.node, "first"), 1);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 7);
    cJSON_Delete(answer.node);
    world_destroy(world);
}

static void test_a_damaged_node_shows_what_can_be_read(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    write_some(client, 10);
    world->node->damaged = 4;
    world->node->status.damaged = true;
    snprintf(world->node->status.damage, sizeof world->node->status.damage, "entry 4 in \"a\\b\xff.log\"");
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "last"), 10);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 3);
    assert_string_equal(text(answer.node, "damage"), "entry 4 in \"a\\b?.log\"");
    cJSON_Delete(answer.node);
    world->node->refuse_log = FL_EFULL;
    answer = ask(client, "FAIRLEAD VIEW");
    assert_int_equal(number(answer.node, "last"), 10);
    assert_int_equal(cJSON_GetArraySize(part(answer.node, "log")), 0);
    cJSON_Delete(answer.node);
    world->node->refuse_log = FL_ESTOPPED;
    client_send(client, "FAIRLEAD VIEW\r\n");
    assert_non_null(strstr(client_take(client), "-CLUSTERDOWN"));
    world_destroy(world);
}

static void test_events_come_along_as_with_events(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    const struct fl_machine *machine = &world->node->machine;
    world->node->status.boot = 0xbeef;
    for (uint32_t k = 0; k < 120; k++)
        machine->event(machine->state, &(struct fl_node_event){.kind = FL_NODE_READY, .text = "x"});
    struct answer answer = ask(client, "FAIRLEAD VIEW");
    assert_string_equal(answer.boot, "000000000000beef");
    assert_int_equal(answer.event_count, 100);
    assert_int_equal(answer.next, 121);
    cJSON_Delete(answer.node);
    answer = ask(client, "FAIRLEAD VIEW SINCE 118");
    assert_int_equal(answer.event_count, 3);
    cJSON_Delete(answer.node);
    answer = ask(client, "FAIRLEAD VIEW SINCE 121");
    assert_int_equal(answer.event_count, 0);
    assert_int_equal(answer.next, 121);
    cJSON_Delete(answer.node);
    expect(client, "FAIRLEAD VIEW SINCE", "-ERR syntax error\r\n");
    expect(client, "FAIRLEAD VIEW SINCE -1", "-ERR value is not an integer or out of range\r\n");
    client_send(client, "MULTI\r\nFAIRLEAD VIEW\r\nEXEC\r\n");
    assert_non_null(strstr(client_take(client), "cannot be part of a transaction"));
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_leader_shows_its_numbers_its_log_and_its_peers),
        cmocka_unit_test(test_only_the_newest_64_entries_are_shown),
        cmocka_unit_test(test_a_follower_has_no_peers_and_a_long_text_is_cut),
        cmocka_unit_test(test_characters_beyond_ascii_are_shown_as_they_are),
        cmocka_unit_test(test_a_long_text_is_cut_between_two_characters),
        cmocka_unit_test(test_it_tells_how_long_there_has_been_no_leader),
        cmocka_unit_test(test_a_pause_of_all_clients_does_not_hold_it_up),
        cmocka_unit_test(test_a_log_that_changes_while_it_is_read_gives_no_contradiction),
        cmocka_unit_test(test_a_damaged_node_shows_what_can_be_read),
        cmocka_unit_test(test_events_come_along_as_with_events),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
