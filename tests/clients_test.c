/* clients_test.c - CLIENT KILL, UNBLOCK, PAUSE; what is counted and logged of calls: INFO, SLOWLOG,
 * LATENCY. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"
#define QUEUED "+QUEUED\r\n"

/* --------------------------------------------------------------------------------------- no descriptors */

static void note_line(void *context, int level, const char *line)
{
    uint32_t *count = context;
    *count += level == FL_LOG_WARN && strstr(line, "ulimit -n") != NULL;
}

static void test_clients_without_a_descriptor_are_counted_and_logged_now_and_then(void **state)
{
    (void)state;
    struct fl_server_options options;
    uint32_t lines = 0;
    world_options(&options);
    options.node.log = note_line;
    options.node.log_context = &lines;
    struct world *world = world_create_with(&options);
    for (int k = 0; k < 5; k++)
        world->listener.on_accept(world->listener.context, NULL);
    assert_int_equal(lines, 1);
    world_wait(world, 11000000);
    world->listener.on_accept(world->listener.context, NULL);
    assert_int_equal(lines, 2);
    struct fl_io_stream *client = client_connect(world);
    expect_part(client, "INFO stats", "rejected_connections:6\r\n");
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- KILL */

static void test_a_client_is_killed_by_id_and_its_writes_go_on(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *victim = client_connect(world);
    world->node->holds_proposals = true;
    client_send(victim, "SET a 1\r\n");
    expect(caller, "CLIENT KILL ID 2", ":1\r\n");
    assert_true(victim->closed);
    assert_false(caller->closed);
    world->node->holds_proposals = false;
    world_run(world);
    expect(caller, "GET a", "$1\r\n1\r\n");
    expect(caller, "CLIENT KILL ID 2", ":0\r\n");
    world_destroy(world);
}

static void test_kill_spares_the_caller_unless_told_not_to(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *one = client_connect(world),
                        *two = client_connect(world);
    expect(caller, "CLIENT KILL TYPE pubsub SKIPME no", ":0\r\n");
    expect(caller, "CLIENT KILL TYPE normal LADDR 127.0.0.1:1", ":0\r\n");
    expect(caller, "CLIENT KILL TYPE normal ADDR 127.0.0.1:50001 LADDR 127.0.0.1:7600 USER default",
           ":2\r\n");
    assert_true(one->closed && two->closed && !caller->closed);
    /* It hears the answer first. */
    expect(caller, "CLIENT KILL 127.0.0.1:50001", OK);
    assert_true(caller->was_shutdown);
    world_destroy(world);
}

static void test_wrong_filters_kill_nobody(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *other = client_connect(world);
    expect(caller, "CLIENT KILL ID 2 ID", "-ERR syntax error\r\n");
    expect(caller, "CLIENT KILL ID 2 FOO 1", "-ERR syntax error\r\n");
    expect(caller, "CLIENT KILL ID 0 SKIPME yes", "-ERR client-id should be greater than 0\r\n");
    expect(caller, "CLIENT KILL TYPE foo ID 2", "-ERR Unknown client type 'foo'\r\n");
    expect(caller, "CLIENT KILL USER foo ID 2", "-ERR No such user 'foo'\r\n");
    expect(caller, "CLIENT KILL SKIPME maybe", "-ERR syntax error\r\n");
    expect(caller, "CLIENT KILL 1.2.3.4:5", "-ERR No such client\r\n");
    assert_false(other->closed);
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------ UNBLOCK */

static void test_a_client_that_waits_is_unblocked_and_its_pipeline_goes_on(void **state)
{
    (void)state;
    static const char *const ways[] = {"CLIENT UNBLOCK 2\r\n", "CLIENT UNBLOCK 2 timeout\r\n",
                                       "CLIENT UNBLOCK 2 ERROR\r\n"};
    for (size_t k = 0; k < 3; k++) {
        struct world *world = world_create();
        struct fl_io_stream *caller = client_connect(world), *waiting = client_connect(world);
        world->node->holders = 1;
        client_send(waiting, "SET a 1\r\nWAIT 3 0\r\nMULTI\r\nPING\r\nEXEC\r\nGET a\r\n");
        expect_text(waiting, OK);
        client_send(caller, ways[k]);
        expect_text(caller, ":1\r\n");
        expect_text(waiting, k == 2 ? "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n" OK QUEUED
                                      "*1\r\n+PONG\r\n$1\r\n1\r\n"
                                    : ":2\r\n" OK QUEUED "*1\r\n+PONG\r\n$1\r\n1\r\n");
        expect(caller, "CLIENT UNBLOCK 2", ":0\r\n");
        /* The node's answer comes late, to nobody. */
        world->node->holders = 3;
        world_run(world);
        expect(waiting, "PING", "+PONG\r\n");
        world_destroy(world);
    }
}

/* Its answers are kept until their turn, because messages may come in between. */
static void test_a_listener_that_waits_hears_that_it_is_unblocked(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *waiting = client_connect(world);
    world->node->holders = 1;
    client_send(waiting, "HELLO 3\r\nSUBSCRIBE c\r\n");
    (void)client_take(waiting);
    client_send(waiting, "WAIT 3 0\r\nGET a\r\n");
    expect(caller, "CLIENT UNBLOCK 2 ERROR", ":1\r\n");
    expect_text(waiting, "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n_\r\n");
    world_destroy(world);
}

static void test_unblock_knows_who_waits_and_who_does_not(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world);
    expect(caller, "CLIENT UNBLOCK 1", ":0\r\n");
    expect(caller, "CLIENT UNBLOCK 99", ":0\r\n");
    expect(caller, "CLIENT UNBLOCK x", "-ERR value is not an integer or out of range\r\n");
    expect(caller, "CLIENT UNBLOCK 1 foo", "-ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR\r\n");
    world_destroy(world);
}

/* -------------------------------------------------------------------------------------------------- PAUSE */

static void test_paused_writes_wait_for_the_end_and_reads_do_not(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *writer = client_connect(world);
    expect(caller, "CLIENT PAUSE 1000 WRITE", OK);
    client_send(writer, "GET a\r\nMULTI\r\nSET a 1\r\nEXEC\r\nSET a 2\r\nGET a\r\n");
    expect_text(writer, "$-1\r\n" OK QUEUED);
    assert_int_equal(world->node->proposed, 0);
    expect_part(caller, "INFO clients", "paused_actions:write\r\npaused_timeout_milliseconds:1000\r\n");
    world_wait(world, 1200000);
    expect_text(writer, "*1\r\n+OK\r\n" OK "$1\r\n2\r\n");
    expect_part(caller, "INFO clients", "paused_actions:none\r\npaused_timeout_milliseconds:0\r\n");
    world_destroy(world);
}

static void test_a_pause_of_all_holds_everything_but_its_end(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *other = client_connect(world);
    expect(caller, "CLIENT PAUSE 100000", OK);
    expect(caller, "PING", "");
    expect(other, "CLIENT UNPAUSE", OK);
    expect_text(caller, "+PONG\r\n");
    /* A second pause never makes the first one weaker. */
    client_send(caller, "CLIENT PAUSE 5000 ALL\r\nCLIENT PAUSE 1 WRITE\r\n");
    expect_text(caller, OK);
    world_wait(world, 4000000);
    expect_text(caller, "");
    world_wait(world, 1200000);
    expect_text(caller, OK);
    world_destroy(world);
}

static void test_pause_checks_what_it_is_told(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world);
    expect(caller, "CLIENT PAUSE x", "-ERR timeout is not an integer or out of range\r\n");
    expect(caller, "CLIENT PAUSE 9223372036854775807", "-ERR timeout is not an integer or out of range\r\n");
    expect(caller, "CLIENT PAUSE -1", "-ERR timeout is negative\r\n");
    expect(caller, "CLIENT PAUSE 1 FOO", "-ERR CLIENT PAUSE mode must be WRITE or ALL\r\n");
    expect(caller, "PING", "+PONG\r\n");
    world_destroy(world);
}

static void test_a_client_that_leaves_during_a_pause_is_forgotten(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *caller = client_connect(world), *other = client_connect(world);
    expect(caller, "CLIENT PAUSE 1000", OK);
    client_send(other, "SET a 1\r\n");
    client_reset(other);
    world_wait(world, 1200000);
    expect(caller, "GET a", "$-1\r\n");
    world_destroy(world);
}

/* -------------------------------------------------------------------------------------------- counting */

static void test_calls_failures_and_errors_are_counted_until_they_are_reset(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a x\r\nINCR a\r\nGET a\r\nGET a\r\nGET\r\nNOSUCH\r\nSELECT 9\r\nAUTH x y\r\n");
    client_take(client);
    expect_part(client, "INFO commandstats",
                "cmdstat_get:calls=2,usec=0,usec_per_call=0.00,rejected_calls=1,failed_calls=0\r\n");
    expect_part(client, "INFO commandstats",
                "cmdstat_incr:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=1\r\n");
    expect_part(client, "INFO errorstats", "errorstat_ERR:count=4\r\n");
    expect_part(client, "INFO errorstats", "errorstat_WRONGPASS:count=1\r\n");
    expect_part(client, "INFO stats", "total_error_replies:5\r\n");
    expect_part(client, "INFO stats", "keyspace_hits:2\r\n");
    expect(client, "CONFIG RESETSTAT", OK);
    expect_part(
        client, "INFO commandstats",
        "# Commandstats\r\n"
        "cmdstat_config|resetstat:calls=1,usec=0,usec_per_call=0.00,rejected_calls=0,failed_calls=0\r\n");
    expect_part(client, "INFO errorstats", "# Errorstats\r\n\r\n");
    expect_part(client, "INFO stats", "keyspace_hits:0\r\n");
    world_destroy(world);
}

static void test_the_clusters_part_is_in_a_calls_time(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->holds_proposals = true;
    client_send(client, "SET a 1\r\n");
    world_wait(world, 20000);
    world->node->holds_proposals = false;
    world_run(world);
    expect_text(client, OK);
    expect_part(client, "INFO commandstats",
                "cmdstat_set:calls=1,usec=20000,usec_per_call=20000.00,rejected_calls=0,failed_calls=0\r\n");
    expect(client, "LATENCY HISTOGRAM set nosuch",
           "*2\r\n$3\r\nset\r\n*4\r\n$5\r\ncalls\r\n:1\r\n$14\r\nhistogram_usec\r\n*2\r\n:32768\r\n:1\r\n");
    expect_part(client, "SLOWLOG GET",
                "*1\r\n*6\r\n:0\r\n:1700001000\r\n:20000\r\n*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n1\r\n"
                "$15\r\n127.0.0.1:50001\r\n$0\r\n\r\n");
    world_destroy(world);
}

/* --------------------------------------------------------------------------------------------- SLOWLOG */

static void test_the_slow_log_keeps_so_many_and_shortens_what_is_long(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->server->slower_than_us = 0;
    client_queue_text(client, "MGET");
    for (int k = 0; k < 200; k++)
        client_queue_text(client, " k");
    client_send(client, "\r\n");
    client_queue_text(client, "ECHO ");
    for (int k = 0; k < 200; k++)
        client_queue_text(client, "x");
    client_send(client, "\r\nCLIENT SETNAME me\r\nMULTI\r\nSET a 1\r\nGET a\r\nEXEC\r\n");
    client_take(client);
    expect_part(client, "SLOWLOG GET 10", "... (170 more arguments)");
    expect_part(client, "SLOWLOG GET 10", "xxx... (72 more bytes)");
    expect_part(client, "SLOWLOG GET -1",
                "$4\r\nEXEC\r\n$21\r\nMULTI; SET a 1; GET a\r\n$15\r\n127.0.0.1:50001\r\n$2\r\nme\r\n");
    fl__slowlog_limit(world->server, 2);
    expect(client, "SLOWLOG LEN", ":2\r\n");
    expect(client, "SLOWLOG RESET", OK);
    expect(client, "SLOWLOG LEN", ":1\r\n"); /* RESET itself. */
    world->server->slower_than_us = -1;
    expect(client, "SLOWLOG RESET", OK);
    expect(client, "SLOWLOG GET", "*0\r\n");
    expect(client, "SLOWLOG GET -2", "-ERR count should be greater than or equal to -1\r\n");
    world_destroy(world);
}

static void test_passwords_do_not_get_into_the_slow_log(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->server->slower_than_us = 0;
    client_send(client,
                "AUTH default secret\r\nHELLO 2 AUTH default secret\r\nCONFIG SET masterauth secret\r\n");
    client_take(client);
    client_send(client, "SLOWLOG GET\r\n");
    const char *text = client_take(client);
    assert_null(strstr(text, "secret"));
    assert_non_null(strstr(text, "(redacted)"));
    world_destroy(world);
}

static void test_there_are_no_latency_events_and_no_functions(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "LATENCY RESET", ":0\r\n");
    expect(client, "LATENCY LATEST", "*0\r\n");
    expect(client, "LATENCY HISTORY command", "*0\r\n");
    expect(client, "FUNCTION FLUSH", OK);
    expect(client, "FUNCTION LIST", "*0\r\n");
    expect(client, "FUNCTION LOAD x", "-ERR unknown subcommand 'LOAD'. Try FUNCTION HELP.\r\n");
    expect(client, "CLIENT TRACKING OFF", OK);
    expect(client, "CLIENT TRACKING ON",
           "-ERR client-side caching is not supported: this server sends no invalidation messages\r\n");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clients_without_a_descriptor_are_counted_and_logged_now_and_then),
        cmocka_unit_test(test_a_client_is_killed_by_id_and_its_writes_go_on),
        cmocka_unit_test(test_kill_spares_the_caller_unless_told_not_to),
        cmocka_unit_test(test_wrong_filters_kill_nobody),
        cmocka_unit_test(test_a_client_that_waits_is_unblocked_and_its_pipeline_goes_on),
        cmocka_unit_test(test_a_listener_that_waits_hears_that_it_is_unblocked),
        cmocka_unit_test(test_unblock_knows_who_waits_and_who_does_not),
        cmocka_unit_test(test_paused_writes_wait_for_the_end_and_reads_do_not),
        cmocka_unit_test(test_a_pause_of_all_holds_everything_but_its_end),
        cmocka_unit_test(test_pause_checks_what_it_is_told),
        cmocka_unit_test(test_a_client_that_leaves_during_a_pause_is_forgotten),
        cmocka_unit_test(test_calls_failures_and_errors_are_counted_until_they_are_reset),
        cmocka_unit_test(test_the_clusters_part_is_in_a_calls_time),
        cmocka_unit_test(test_the_slow_log_keeps_so_many_and_shortens_what_is_long),
        cmocka_unit_test(test_passwords_do_not_get_into_the_slow_log),
        cmocka_unit_test(test_there_are_no_latency_events_and_no_functions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
