/* session_test.c - what a client's connection does: order of replies, partial reads, authentication, HELLO,
 * limits. The engine and the node are the test's own: see support/server_world.h. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"

static void test_pipelined_replies_come_in_order_of_the_requests(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nINCR a\r\nGET a\r\nPING\r\nGET b\r\nSET b 2\r\nGET b\r\nECHO end\r\n");
    expect_text(client, "+OK\r\n:2\r\n$1\r\n2\r\n+PONG\r\n$-1\r\n+OK\r\n$1\r\n2\r\n$3\r\nend\r\n");
    world_destroy(world);
}

static void test_consecutive_writes_are_proposed_together_and_sent_with_one_send(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "SET a 1\r\nSET b 2\r\nSET c 3\r\n");
    assert_int_equal(world->node->waiting, 3);
    world->node->automatic = true;
    uint32_t before = client->send_count;
    world_run(world);
    expect_text(client, OK OK OK);
    assert_int_equal(client->send_count - before, 1);
    world_destroy(world);
}

/* Else a pipeline of them could fill the memory before the first is applied and the next one refused. */
static void test_a_write_that_makes_a_value_much_longer_waits_for_those_before_it(void **state)
{
    static const char *const writes[] = {
        "SETBIT b 80000 1\r\n", "SETRANGE c 10000 x\r\n", "BITFIELD d SET u8 #10000 1\r\n",
        "BITOP NOT e b\r\n",    "COPY c g\r\n",           "MULTI\r\nSETBIT f 80000 1\r\nEXEC\r\n"};
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    for (size_t k = 0; k < sizeof writes / sizeof *writes; k++) {
        world->node->automatic = false;
        client_send(client, "SETBIT a 80 1\r\nSETBIT a 81 1\r\n");
        assert_int_equal(world->node->waiting, 2);
        client_send(client, writes[k]);
        assert_int_equal(world->node->waiting, 2);
        node_apply(world->node);
        node_apply(world->node);
        world_run(world);
        assert_int_equal(world->node->waiting, 1);
        world->node->automatic = true;
        world_run(world);
        client_take(client);
    }
    world_destroy(world);
}

static void test_a_read_behind_writes_is_asked_for_only_after_they_are_answered(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "SET a 1\r\nSET a 2\r\nGET a\r\n");
    assert_int_equal(world->node->proposed, 2);
    assert_int_equal(world->node->asked, 0);
    node_apply(world->node);
    world_run(world);
    assert_int_equal(world->node->asked, 0);
    node_apply(world->node);
    world_run(world);
    assert_int_equal(world->node->asked, 1);
    node_answer(world->node, ASK_READ, FL_OK);
    world_run(world);
    expect_text(client, OK OK "$1\r\n2\r\n");
    world_destroy(world);
}

static void test_a_write_behind_reads_is_proposed_only_after_they_were_executed(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\n");
    client_take(client);
    world->node->automatic = false;
    client_send(client, "GET a\r\nGET a\r\nSET a 2\r\nGET a\r\n");
    assert_int_equal(world->node->asked, 2);
    assert_int_equal(world->node->waiting, 2);
    /* Answered out of order: the second waits for the first. */
    struct fl_request *second = world->node->first->next;
    node_pop(world->node, second);
    world->node->machine.answer(world->node->machine.state, second, FL_OK);
    world_run(world);
    expect_text(client, "");
    node_answer(world->node, ASK_READ, FL_OK);
    world_run(world);
    expect_text(client, "$1\r\n1\r\n$1\r\n1\r\n");
    assert_int_equal(world->node->waiting, 1);
    world->node->automatic = true;
    world_run(world);
    expect_text(client, OK "$1\r\n2\r\n");
    world_destroy(world);
}

static const char pipeline[] = "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$5\r\nval\r\n\r\n"
                               "\r\n"
                               "*2\r\n$3\r\nget\r\n$3\r\nkey\r\n"
                               "ECHO \"a b\\x41\"\r\n"
                               "MULTI\r\n"
                               "*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
                               "PING\r\n"
                               "EXEC\r\n"
                               "GET n\r\n"
                               "*1\r\n$4\r\nQUIT\r\n";
static const char pipeline_replies[] = "+OK\r\n$5\r\nval\r\n\r\n$4\r\na bA\r\n+OK\r\n+QUEUED\r\n+QUEUED\r\n"
                                       "*2\r\n:1\r\n+PONG\r\n$1\r\n1\r\n+OK\r\n";

static void test_a_pipelined_session_cut_at_each_byte_gives_the_same_replies(void **state)
{
    (void)state;
    for (size_t cut = 0; cut < sizeof pipeline; cut++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        client_queue(client, pipeline, cut < sizeof pipeline - 1 ? cut : sizeof pipeline - 1);
        world_run(world);
        client_send(client, pipeline + (cut < sizeof pipeline - 1 ? cut : sizeof pipeline - 1));
        expect_text(client, pipeline_replies);
        world_destroy(world);
    }
}

static void test_a_session_in_chunks_of_any_size_gives_the_same_replies(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 64; chunk++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        client->chunk_max = chunk;
        client_send(client, pipeline);
        expect_text(client, pipeline_replies);
        assert_true(client->was_shutdown);
        world_destroy(world);
    }
}

/* As before, but nothing is answered before everything was received, so that calls stall in every
 * position. */
static void test_a_session_that_stalls_between_chunks_gives_the_same_replies(void **state)
{
    (void)state;
    for (size_t chunk = 1; chunk <= 64; chunk++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        client->chunk_max = chunk;
        world->node->automatic = false;
        client_send(client, pipeline);
        world->node->automatic = true;
        world_run(world);
        expect_text(client, pipeline_replies);
        world_destroy(world);
    }
}

static void test_a_large_value_arrives_although_credit_is_small(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    const size_t size = 3 << 20;
    char *value = malloc(size + 1);
    memset(value, 'v', size);
    value[size] = '\0';
    client_queue_text(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$3145728\r\n");
    client_queue(client, value, size);
    client_queue_text(client, "\r\nSTRLEN a\r\n");
    world_run(world);
    expect_text(client, OK ":3145728\r\n");
    client_send(client, "GET a\r\n");
    assert_int_equal(client->output_size, size + 12);
    free(value);
    world_destroy(world);
}

static void test_what_is_not_the_protocol_ends_the_connection_behind_earlier_replies(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "SET a 1\r\n*1\r\n!oops\r\nSET b 1\r\n");
    assert_int_equal(world->node->waiting, 1);
    node_apply(world->node);
    world_run(world);
    const char *text = client_take(client);
    assert_memory_equal(text, "+OK\r\n-ERR Protocol error", 24);
    assert_true(client->was_shutdown);
    client_end(client);
    assert_true(client->closed);
    world_destroy(world);
}

static void test_hello_switches_the_protocol_and_back(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(
        client, "HELLO 3",
        "%7\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:3\r\n$2\r\nid\r\n:1\r\n"
        "$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    expect(client, "GET nothing", "_\r\n");
    expect(
        client, "HELLO 2 SETNAME me",
        "*14\r\n$6\r\nserver\r\n$5\r\nredis\r\n$7\r\nversion\r\n$6\r\n7.0.15\r\n$5\r\nproto\r\n:2\r\n$2\r\nid\r\n:1\r\n"
        "$4\r\nmode\r\n$7\r\ncluster\r\n$4\r\nrole\r\n$6\r\nmaster\r\n$7\r\nmodules\r\n*0\r\n");
    expect(client, "GET nothing", "$-1\r\n");
    expect(client, "CLIENT GETNAME", "$2\r\nme\r\n");
    expect(client, "HELLO 4", "-NOPROTO unsupported protocol version\r\n");
    expect(client, "HELLO x", "-ERR Protocol version is not an integer or out of range\r\n");
    expect(client, "HELLO 2 SETNAME", "-ERR Syntax error in HELLO option 'SETNAME'\r\n");
    world_destroy(world);
}

static void test_calls_in_flight_are_answered_in_the_protocol_they_were_asked_in(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "HELLO 3\r\n");
    client_take(client);
    client_send(client, "GET a\r\nRESET\r\nGET a\r\n");
    world->node->automatic = true;
    world_run(world);
    expect_text(client, "_\r\n+RESET\r\n$-1\r\n");
    world_destroy(world);
}

static struct world *create_with_password(void)
{
    struct fl_server_options options;
    world_options(&options);
    options.password = "secret";
    return world_create_with(&options);
}

static void test_without_the_password_nothing_but_authenticating_works(void **state)
{
    (void)state;
    struct world *world = create_with_password();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "GET a", "-NOAUTH Authentication required.\r\n");
    expect(client, "PING", "-NOAUTH Authentication required.\r\n");
    expect(client, "FAIRLEAD STATUS", "-NOAUTH Authentication required.\r\n");
    expect_part(client, "HELLO 3", "-NOAUTH HELLO must be called with the client already authenticated");
    expect(client, "NOSUCH", "-ERR unknown command 'NOSUCH', with args beginning with: \r\n");
    expect(client, "AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(client, "AUTH secre", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(client, "AUTH secretsecret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(client, "AUTH other secret", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(client, "AUTH a b c", "-ERR syntax error\r\n");
    assert_int_equal(world->node->proposed + world->node->asked, 0);
    expect(client, "AUTH secret", OK);
    expect(client, "SET a 1", OK);
    expect(client, "RESET", "+RESET\r\n");
    expect(client, "GET a", "-NOAUTH Authentication required.\r\n");
    expect_part(client, "HELLO 3 AUTH default secret SETNAME x", "%7\r\n");
    expect(client, "GET a", "$1\r\n1\r\n");
    expect(client, "QUIT", OK);
    world_destroy(world);
}

static void test_quit_works_without_authentication(void **state)
{
    (void)state;
    struct world *world = create_with_password();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "QUIT", OK);
    client_end(client);
    assert_true(client->closed);
    world_destroy(world);
}

static void test_auth_without_a_password_set_says_so(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(
        client, "AUTH x",
        "-ERR AUTH <password> called without any password configured for the default user. Are you sure your "
        "configuration is correct?\r\n");
    expect(client, "AUTH default x", OK);
    world_destroy(world);
}

static void test_who_does_not_authenticate_in_time_is_disconnected(void **state)
{
    (void)state;
    struct world *world = create_with_password();
    struct fl_io_stream *slow = client_connect(world);
    struct fl_io_stream *quick = client_connect(world);
    client_send(quick, "AUTH secret\r\n");
    client_send(slow, "*2\r\n$4\r\nAUTH\r\n$6\r\nse"); /* Slowly, slowly. */
    world_wait(world, 15000000);
    assert_true(slow->closed);
    assert_false(quick->closed);
    world_destroy(world);
}

/* Pools of connections reset one when it is given back, and log in when it is taken again. */
static void test_who_is_reset_has_time_to_authenticate_again(void **state)
{
    (void)state;
    struct world *world = create_with_password();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "AUTH secret\r\n");
    world_wait(world, 60000000);
    client_send(client, "RESET\r\n");
    (void)client_take(client);
    world_wait(world, 8000000);
    client_send(client, "RESET\r\n");
    expect_text(client, "+RESET\r\n");
    world_wait(world, 7000000);
    assert_true(client->closed);
    world_destroy(world);
}

static void test_an_unauthenticated_client_may_not_send_much(void **state)
{
    (void)state;
    struct world *world = create_with_password();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1000000\r\n");
    assert_non_null(strstr(client_take(client), "-ERR Protocol error"));
    assert_true(client->was_shutdown);
    world_destroy(world);
}

static void test_client_reply_off_on_and_skip(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CLIENT REPLY SKIP", "");
    expect(client, "SET a 1", "");
    expect(client, "GET a", "$1\r\n1\r\n");
    expect(client, "CLIENT REPLY OFF", "");
    expect(client, "SET a 2", "");
    expect(client, "NOSUCH", "");
    expect(client, "MULTI", "");
    expect(client, "INCR a", "");
    expect(client, "EXEC", "");
    expect(client, "CLIENT REPLY ON", OK);
    expect(client, "GET a", "$1\r\n3\r\n");
    expect(client, "CLIENT REPLY maybe", "-ERR syntax error\r\n");
    client_send(client, "CLIENT REPLY SKIP\r\nGET a\r\nGET a\r\nPING\r\n");
    expect_text(client, "$1\r\n3\r\n+PONG\r\n");
    world_destroy(world);
}

static void test_client_says_who_it_is(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CLIENT ID", ":1\r\n");
    expect(client, "CLIENT GETNAME", "$-1\r\n");
    expect(client, "CLIENT SETNAME \"a b\"",
           "-ERR Client names cannot contain spaces, newlines or special characters.\r\n");
    expect(client, "CLIENT SETNAME it", OK);
    expect(client, "CLIENT GETNAME", "$2\r\nit\r\n");
    expect(client, "CLIENT SETINFO LIB-NAME hiredis", OK);
    expect(client, "CLIENT SETINFO LIB-VER 1.1", OK);
    expect(client, "CLIENT SETINFO LIB-WHAT 1", "-ERR Unrecognized option 'LIB-WHAT'\r\n");
    expect(client, "CLIENT NO-EVICT on", OK);
    expect(client, "CLIENT NO-TOUCH x", "-ERR syntax error\r\n");
    expect_part(client, "CLIENT INFO", "id=1 addr=127.0.0.1:50001 laddr=127.0.0.1:7600 fd=-1 name=it ");
    expect_part(client, "CLIENT INFO",
                "cmd=client|info user=default redir=-1 resp=2 lib-name=hiredis lib-ver=1.1\n");
    struct fl_io_stream *other = client_connect(world);
    expect_part(other, "CLIENT LIST", "id=1 addr=");
    expect_part(other, "CLIENT LIST ID 1 9", "id=1 addr=");
    expect(other, "CLIENT LIST ID x", "-ERR Invalid client ID\r\n");
    expect(other, "CLIENT LIST TYPE pubsub", "$0\r\n\r\n");
    expect(other, "CLIENT LIST TYPE x", "-ERR Unknown client type 'x'\r\n");
    expect(client, "CLIENT SETNAME \"\"", OK);
    expect(client, "CLIENT GETNAME", "$-1\r\n");
    world_destroy(world);
}

static void test_select_knows_one_database(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SELECT 0", OK);
    expect(client, "SELECT 1", "-ERR DB index is out of range\r\n");
    expect(client, "SELECT x", "-ERR value is not an integer or out of range\r\n");
    expect(client, "PING hi", "$2\r\nhi\r\n");
    expect(client, "PING a b", "-ERR wrong number of arguments for 'ping' command\r\n");
    world_destroy(world);
}

static void test_a_client_too_many_is_told_so_and_closed(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.clients_max = 2;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *first = client_connect(world);
    client_connect(world);
    struct fl_io_stream *third = client_connect(world);
    expect_text(third, "-ERR max number of clients reached\r\n");
    assert_true(third->was_shutdown);
    client_send(third, "PING\r\n");
    expect_text(third, "");
    world_wait(world, 3000000);
    assert_true(third->closed);
    client_end(first);
    assert_true(first->closed);
    struct fl_io_stream *fourth = client_connect(world);
    expect(fourth, "PING", "+PONG\r\n");
    world_destroy(world);
}

static void test_a_deep_pipeline_stops_the_reading_and_goes_on_later(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    for (int k = 0; k < 30000; k++)
        client_queue_text(client, "INCR n\r\n");
    world_run(world);
    assert_int_equal(world->node->waiting, FL__PIPELINE_MAX);
    assert_true(client->inbox_size > 100000); /* The kernel's to keep, not ours. */
    world->node->automatic = true;
    world_run(world);
    const char *text = client_take(client);
    assert_memory_equal(text, ":1\r\n:2\r\n:3\r\n", 12);
    assert_string_equal(text + strlen(text) - 8, ":30000\r\n");
    world_destroy(world);
}

static void test_a_client_that_does_not_read_gets_no_more_calls_started(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.client_output_max = 4 << 20;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    char value[100001];
    memset(value, 'x', 100000);
    value[100000] = '\0';
    client_send(client, "SET a ");
    client_queue(client, value, 0);
    client_send(client, "small\r\n");
    client_queue_text(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$100000\r\n");
    client_queue(client, value, 100000);
    client_send(client, "\r\n");
    expect_text(client, OK OK);
    client->holds_sends = true;
    for (int k = 0; k < 200; k++)
        client_queue_text(client, "GET a\r\n");
    world_run(world);
    assert_false(client->closed);
    assert_true(client->output_size < 3 << 20);
    for (int k = 0; k < 400 && client->held != NULL; k++)
        client_read(client);
    assert_int_equal(client->output_size, 200 * 100011);
    assert_false(client->closed);
    world_destroy(world);
}

static void test_a_reply_larger_than_the_output_limit_ends_the_connection(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.client_output_max = 1 << 20;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    char value[60001];
    memset(value, 'x', 60000);
    value[60000] = '\0';
    client_queue_text(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$60000\r\n");
    client_send(client, value);
    client_send(client, "\r\n");
    expect_text(client, OK);
    client_queue_text(client, "MGET");
    for (int k = 0; k < 30; k++)
        client_queue_text(client, " a");
    client_send(client, "\r\n");
    assert_true(client->closed);
    struct fl_io_stream *other = client_connect(world);
    expect(other, "PING", "+PONG\r\n");
    world_destroy(world);
}

static void test_a_client_that_ends_its_half_still_gets_its_replies(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_queue_text(client, "SET a 1\r\nGET a\r\nSET b");
    client->inbox_ended = true;
    world_run(world);
    assert_false(client->closed);
    world->node->automatic = true;
    world_run(world);
    expect_text(client, OK "$1\r\n1\r\n");
    assert_true(client->closed);
    world_destroy(world);
}

static void test_a_client_that_vanishes_in_mid_request_leaves_nothing_behind(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *writer = client_connect(world);
    struct fl_io_stream *reader = client_connect(world);
    struct fl_io_stream *partial = client_connect(world);
    world->node->automatic = false;
    client_send(writer, "SET a 1\r\nSET b 2\r\nGET a\r\n");
    client_send(reader, "GET a\r\nGET b\r\nSET c 3\r\n");
    client_send(partial, "*2\r\n$3\r\nGET\r\n$100\r\nxx");
    client_reset(writer);
    client_reset(reader);
    client_reset(partial);
    assert_int_equal(world->node->waiting, 4);
    world->node->automatic = true;
    world_run(world);
    struct fl_io_stream *other = client_connect(world);
    expect(other, "MGET a b c", "*3\r\n$1\r\n1\r\n$1\r\n2\r\n$-1\r\n");
    world_destroy(world);
}

static void test_http_on_the_redis_port_is_cut_off(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "POST / HTTP/1.1\r\nHost: x\r\n\r\nSET a 1\r\n");
    assert_true(client->closed);
    assert_int_equal(world->node->proposed, 0);
    world_destroy(world);
}

static void test_config_get_matches_patterns_and_says_what_benchmarks_ask(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG GET save", "*2\r\n$4\r\nsave\r\n$0\r\n\r\n");
    expect(client, "CONFIG GET appendonly", "*2\r\n$10\r\nappendonly\r\n$3\r\nyes\r\n");
    expect(client, "CONFIG GET nosuch", "*0\r\n");
    expect(
        client, "CONFIG GET MAXMEMOR? maxmemory-pol* port",
        "*6\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n$16\r\nmaxmemory-policy\r\n$10\r\nnoeviction\r\n$4\r\nport\r\n$4\r\n7600\r\n");
    world_destroy(world);
}

static void test_config_set_changes_all_or_nothing(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET nosuch 1",
           "-ERR Unknown option or number of arguments for CONFIG SET - 'nosuch'\r\n");
    expect(client, "CONFIG SET port 1",
           "-ERR CONFIG SET failed (possibly related to argument 'port') - can't set immutable config\r\n");
    expect(client, "CONFIG SET maxmemory 1mb maxmemory 2mb",
           "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - duplicate parameter\r\n");
    expect(
        client, "CONFIG SET maxmemory 1mb maxclients none",
        "-ERR CONFIG SET failed (possibly related to argument 'maxclients') - argument couldn't be parsed into an "
        "integer\r\n");
    expect(client, "CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$1\r\n0\r\n");
    expect(client, "CONFIG SET maxmemory 1mb save \"\"", OK);
    expect(client, "CONFIG GET maxmemory", "*2\r\n$9\r\nmaxmemory\r\n$7\r\n1048576\r\n");
    expect(
        client, "CONFIG SET maxmemory -1",
        "-ERR CONFIG SET failed (possibly related to argument 'maxmemory') - argument must be a memory value\r\n");
    world_destroy(world);
}

static void test_info_tells_clients_what_they_look_for(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.role = FL_FOLLOWER;
    world->node->status.leader = 0xabc2;
    expect_part(client, "INFO", "redis_version:7.0.15\r\n");
    expect_part(client, "INFO replication", "role:slave\r\n");
    expect_part(client, "INFO persistence", "loading:0\r\n");
    expect_part(client, "INFO RAFT server", "raft_role:follower\r\nraft_term:3\r\nraft_leader:n2\r\n");
    expect(client, "INFO nosuch", "$0\r\n\r\n");
    world_destroy(world);
}

static void test_help_shows_arguments_as_they_are_typed(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"FAIRLEAD HELP\r\n", "+EVENTS [SINCE <since>] [COUNT <count>]\r\n"},
        {"MEMORY HELP\r\n", "+USAGE <key> [SAMPLES <count>]\r\n"},
        {"CONFIG HELP\r\n", "+SET <parameter> <value> ...\r\n"},
        {"CLIENT HELP\r\n", "+REPLY (ON|OFF|SKIP)\r\n"},
        {"CLIENT HELP\r\n", "+LIST [TYPE NORMAL|MASTER|REPLICA|PUBSUB] [ID <client-id> ...]\r\n"},
        {"CLIENT HELP\r\n", "|[SKIPME <yes/no>] ...))\r\n"},
    };
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        client_send(client, lines[k][0]);
        const char *text = client_take(client);
        if (strstr(text, lines[k][1]) == NULL)
            fail_msg("%s: %s", lines[k][0], text);
    }
    world_destroy(world);
}

static void test_fairlead_status_is_one_json_object(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "FAIRLEAD STATUS\r\n");
    const char *text = client_take(client);
    assert_non_null(strstr(text, "{\"name\":\"n1\",\"id\":\"000000000000abc1\""));
    assert_non_null(strstr(text, "\"role\":\"leader\",\"term\":3,\"leader\":\"n1\""));
    assert_non_null(strstr(text, "\"health\":\"healthy\",\"pid\":4711,\"listen\":\"127.0.0.1:7600\""));
    assert_non_null(strstr(text, "\"members\":[{\"name\":\"n1\""));
    world_destroy(world);
}

static void test_fairlead_log_shows_entries_for_people(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nINCR a\r\n");
    client_take(client);
    expect(client, "FAIRLEAD LOG 1 10",
           "*2\r\n*6\r\n:1\r\n:3\r\n$7\r\ncommand\r\n:1\r\n:1\r\n$7\r\nSET a 1\r\n"
           "*6\r\n:2\r\n:3\r\n$7\r\ncommand\r\n:1\r\n:1\r\n$6\r\nINCR a\r\n");
    expect(client, "FAIRLEAD LOG 5 10", "*0\r\n");
    expect(client, "FAIRLEAD LOG x 10", "-ERR value is not an integer or out of range\r\n");
    expect_part(client, "FAIRLEAD HASH", "*2\r\n:2\r\n$16\r\n");
    world_destroy(world);
}

static void test_clients_that_come_while_the_log_is_recovered_wait(void **state)
{
    (void)state;
    struct fl_server_options options;
    struct fl_error_report report;
    struct world world = {.io.vtable = &world_vtable, .now = WORLD_START_US, .open_result = FL_EDAMAGED};
    world_options(&options);
    assert_int_equal(fl_server_open(&world.server, &world.io, &options, &report), FL_EDAMAGED);
    assert_null(world.server);
    assert_string_equal(report.text, "the test wants it so");
    assert_int_equal(world.due_count, 0);
}

static void test_opening_is_refused_where_it_would_be_dangerous(void **state)
{
    (void)state;
    struct fl_server_options options;
    struct fl_error_report report;
    struct world world = {.io.vtable = &world_vtable, .now = WORLD_START_US};
    world_options(&options);
    options.listen = "0.0.0.0:7600";
    assert_int_equal(fl_server_open(&world.server, &world.io, &options, &report), FL_EINVAL);
    assert_non_null(strstr(report.text, "--password-file"));
    options.listen = "127.0.0.1:1111"; /* Which the engine says is in use. */
    assert_int_equal(fl_server_open(&world.server, &world.io, &options, &report), FL_EADDR);
    options.listen = "127.0.0.1:1112"; /* For which there is no descriptor. */
    assert_int_equal(fl_server_open(&world.server, &world.io, &options, &report), FL_EMFILE);
    assert_non_null(strstr(report.text, "raise ulimit -n"));
}

static void test_closing_answers_what_is_open(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *writer = client_connect(world);
    struct fl_io_stream *reader = client_connect(world);
    world->node->automatic = false;
    client_send(writer, "SET a 1\r\nGET a\r\n");
    client_send(reader, "GET a\r\n");
    fl_server_close(world->server, world_on_closed, world);
    world_wait(world, 3000000);
    assert_true(world->server_closed);
    assert_non_null(strstr(client_take(writer), "-TIMEOUT outcome unknown"));
    assert_non_null(
        strstr(client_take(reader), "-CLUSTERDOWN n1 is stopping; not read, safe to retry [FL3002]"));
    world_free(world);
}

static void test_a_client_looks_for_so_many_others_at_once(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    for (int count = 4096; count <= 4097; count++) {
        char head[64];
        snprintf(head, sizeof head, "*%d\r\n$6\r\nCLIENT\r\n$4\r\nLIST\r\n$2\r\nID\r\n", count + 3);
        client_queue_text(client, head);
        for (int k = 0; k < count; k++)
            client_queue_text(client, "$1\r\n2\r\n");
        world_run(world);
        expect_text(client, count == 4096 ? "$0\r\n\r\n"
                                          : "-ERR too many client IDs; 4096 may be asked for at once\r\n");
    }
    world_destroy(world);
}

/* One of them is a megabyte that is gone through for each byte of each name. */
static void test_a_pattern_that_takes_too_long_is_refused_by_every_command(void **state)
{
    static const char *const heads[] = {
        "*3\r\n$6\r\nCONFIG\r\n$3\r\nGET\r\n",
        "*3\r\n$6\r\nPUBSUB\r\n$8\r\nCHANNELS\r\n",
        "*5\r\n$7\r\nCOMMAND\r\n$4\r\nLIST\r\n$8\r\nFILTERBY\r\n$7\r\nPATTERN\r\n",
    };
    (void)state;
    const size_t size = 1 << 20;
    char *class = malloc(size);
    memset(class, '_', size);
    memcpy(class, "*[", 2);
    class[size - 1] = ']';
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *listener = client_connect(world);
    client_send(listener, "SUBSCRIBE 1234567890123456789012345678901234567890 "
                          "abcdefghijabcdefghijabcdefghijabcdefghij\r\n");
    for (size_t k = 0; k < sizeof heads / sizeof heads[0]; k++) {
        client_queue_text(client, heads[k]);
        client_queue_text(client, "$1048576\r\n");
        client_queue(client, class, size);
        client_send(client, "\r\n");
        expect_text(client, "-ERR matching this pattern takes too long\r\n");
    }
    free(class);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pipelined_replies_come_in_order_of_the_requests),
        cmocka_unit_test(test_consecutive_writes_are_proposed_together_and_sent_with_one_send),
        cmocka_unit_test(test_a_write_that_makes_a_value_much_longer_waits_for_those_before_it),
        cmocka_unit_test(test_a_read_behind_writes_is_asked_for_only_after_they_are_answered),
        cmocka_unit_test(test_a_write_behind_reads_is_proposed_only_after_they_were_executed),
        cmocka_unit_test(test_a_pipelined_session_cut_at_each_byte_gives_the_same_replies),
        cmocka_unit_test(test_a_session_in_chunks_of_any_size_gives_the_same_replies),
        cmocka_unit_test(test_a_session_that_stalls_between_chunks_gives_the_same_replies),
        cmocka_unit_test(test_a_large_value_arrives_although_credit_is_small),
        cmocka_unit_test(test_what_is_not_the_protocol_ends_the_connection_behind_earlier_replies),
        cmocka_unit_test(test_hello_switches_the_protocol_and_back),
        cmocka_unit_test(test_calls_in_flight_are_answered_in_the_protocol_they_were_asked_in),
        cmocka_unit_test(test_without_the_password_nothing_but_authenticating_works),
        cmocka_unit_test(test_quit_works_without_authentication),
        cmocka_unit_test(test_auth_without_a_password_set_says_so),
        cmocka_unit_test(test_who_does_not_authenticate_in_time_is_disconnected),
        cmocka_unit_test(test_who_is_reset_has_time_to_authenticate_again),
        cmocka_unit_test(test_an_unauthenticated_client_may_not_send_much),
        cmocka_unit_test(test_client_reply_off_on_and_skip),
        cmocka_unit_test(test_client_says_who_it_is),
        cmocka_unit_test(test_select_knows_one_database),
        cmocka_unit_test(test_a_client_too_many_is_told_so_and_closed),
        cmocka_unit_test(test_a_deep_pipeline_stops_the_reading_and_goes_on_later),
        cmocka_unit_test(test_a_client_that_does_not_read_gets_no_more_calls_started),
        cmocka_unit_test(test_a_reply_larger_than_the_output_limit_ends_the_connection),
        cmocka_unit_test(test_a_client_that_ends_its_half_still_gets_its_replies),
        cmocka_unit_test(test_a_client_that_vanishes_in_mid_request_leaves_nothing_behind),
        cmocka_unit_test(test_http_on_the_redis_port_is_cut_off),
        cmocka_unit_test(test_config_get_matches_patterns_and_says_what_benchmarks_ask),
        cmocka_unit_test(test_config_set_changes_all_or_nothing),
        cmocka_unit_test(test_info_tells_clients_what_they_look_for),
        cmocka_unit_test(test_help_shows_arguments_as_they_are_typed),
        cmocka_unit_test(test_fairlead_status_is_one_json_object),
        cmocka_unit_test(test_fairlead_log_shows_entries_for_people),
        cmocka_unit_test(test_clients_that_come_while_the_log_is_recovered_wait),
        cmocka_unit_test(test_opening_is_refused_where_it_would_be_dangerous),
        cmocka_unit_test(test_closing_answers_what_is_open),
        cmocka_unit_test(test_a_pattern_that_takes_too_long_is_refused_by_every_command),
        cmocka_unit_test(test_a_client_looks_for_so_many_others_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
