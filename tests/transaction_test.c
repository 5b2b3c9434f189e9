/* transaction_test.c - MULTI, EXEC, DISCARD: one entry, all or nothing, and what has no place in an entry. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"
#define QUEUED "+QUEUED\r\n"

static void test_a_transaction_is_one_entry_and_one_array(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "MULTI", OK);
    expect(client, "SET a 1", QUEUED);
    expect(client, "INCR a", QUEUED);
    expect(client, "GET a", QUEUED);
    assert_int_equal(world->node->proposed, 0);
    expect(client, "EXEC", "*3\r\n+OK\r\n:2\r\n$1\r\n2\r\n");
    assert_int_equal(world->node->proposed, 1);
    assert_int_equal(world->node->asked, 0);
    world_destroy(world);
}

static void test_an_error_of_one_command_leaves_the_others_done(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "MULTI\r\nSET a x\r\nINCR a\r\nSET b 1\r\nEXEC\r\nGET b\r\n");
    expect_text(client, OK QUEUED QUEUED QUEUED
                "*3\r\n+OK\r\n-ERR value is not an integer or out of range\r\n+OK\r\n$1\r\n1\r\n");
    world_destroy(world);
}

static void test_a_command_refused_while_queueing_aborts_exec(void **state)
{
    (void)state;
    static const char *const bad[] = {"NOSUCH\r\n", "GET\r\n", "CLIENT NOSUCH\r\n"};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        expect(client, "MULTI", OK);
        expect(client, "SET a 1", QUEUED);
        client_send(client, bad[k]);
        assert_memory_equal(client_take(client), "-ERR ", 5);
        expect(client, "SET a 2", QUEUED);
        expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
        assert_int_equal(world->node->proposed, 0);
        expect(client, "EXEC", "-ERR EXEC without MULTI\r\n");
        expect(client, "GET a", "$-1\r\n");
        world_destroy(world);
    }
}

static void test_discard_reset_and_the_wrong_order(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "EXEC", "-ERR EXEC without MULTI\r\n");
    expect(client, "DISCARD", "-ERR DISCARD without MULTI\r\n");
    expect(client, "MULTI", OK);
    expect(client, "MULTI", "-ERR MULTI calls can not be nested\r\n");
    expect(client, "SET a 1", QUEUED);
    expect(client, "DISCARD", OK);
    expect(client, "MULTI", OK);
    expect(client, "SET a 2", QUEUED);
    expect(client, "RESET", "+RESET\r\n");
    expect(client, "EXEC", "-ERR EXEC without MULTI\r\n");
    expect(client, "MULTI", OK);
    expect(client, "EXEC", "*0\r\n");
    expect(client, "GET a", "$-1\r\n");
    assert_int_equal(world->node->proposed, 0);
    expect(client, "MULTI", OK);
    expect(client, "SET a 3", QUEUED);
    expect(client, "QUIT", OK);
    assert_int_equal(world->node->proposed, 0);
    world_destroy(world);
}

static void test_a_transaction_of_reads_is_one_read(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nMULTI\r\nGET a\r\nSTRLEN a\r\nPING\r\nEXEC\r\n");
    expect_text(client, OK OK QUEUED QUEUED QUEUED "*3\r\n$1\r\n1\r\n:1\r\n+PONG\r\n");
    assert_int_equal(world->node->proposed, 1);
    assert_int_equal(world->node->asked, 1);
    world_destroy(world);
}

static void test_a_transaction_of_reads_waits_for_a_tick_where_one_decides(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1 PX 1000", OK);
    world->node->clock_us += 2000000;
    client_send(client, "MULTI\r\nGET a\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "*1\r\n$-1\r\n");
    assert_int_equal(world->node->proposed, 2);
    world_destroy(world);
}

static void test_local_commands_are_answered_outside_of_the_entry(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(
        client,
        "MULTI\r\nPING\r\nSET a 1\r\nCLIENT SETNAME me\r\nCLIENT GETNAME\r\nINCR a\r\nECHO x\r\nWAIT 1 0\r\n"
        "CLIENT ID\r\nSELECT 3\r\nEXEC\r\nGET a\r\n");
    expect_text(
        client, OK QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED QUEUED
        "*9\r\n+PONG\r\n+OK\r\n+OK\r\n$2\r\nme\r\n:2\r\n$1\r\nx\r\n:0\r\n:1\r\n-ERR DB index is out of range\r\n"
        "$1\r\n2\r\n");
    assert_int_equal(world->node->waited, 0);
    world_destroy(world);
}

static void test_nothing_else_is_on_its_way_beside_local_commands_of_a_transaction(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "MULTI\r\nHELLO 3\r\nSET a 1\r\nEXEC\r\nGETSET b 1\r\n");
    expect_text(client, OK QUEUED QUEUED);
    assert_int_equal(world->node->waiting, 1);
    world->node->automatic = true;
    world_run(world);
    const char *text = client_take(client);
    assert_memory_equal(text, "*2\r\n%7\r\n", 8);
    /* HELLO changed the protocol before the next call was looked at. */
    assert_string_equal(text + strlen(text) - 8, "+OK\r\n_\r\n");
    world_destroy(world);
}

static void test_a_transaction_of_local_commands_asks_nobody(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "MULTI\r\nPING\r\nCLIENT ID\r\nFAIRLEAD PROBE\r\nFAIRLEAD LOG 1 2\r\nEXEC\r\n");
    expect_text(client, OK QUEUED QUEUED QUEUED QUEUED
                "*4\r\n+PONG\r\n:1\r\n-ERR FAIRLEAD PROBE cannot be part of a transaction [FL3013]\r\n"
                "-ERR FAIRLEAD LOG cannot be part of a transaction [FL3013]\r\n");
    assert_int_equal(world->node->proposed + world->node->asked, 0);
    world_destroy(world);
}

static void test_pipelined_transactions_are_on_their_way_together(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    for (int k = 0; k < 3; k++)
        client_queue_text(client, "MULTI\r\nINCR a\r\nINCR b\r\nEXEC\r\n");
    world_run(world);
    assert_int_equal(world->node->waiting, 3);
    world->node->automatic = true;
    world_run(world);
    expect_text(client, OK QUEUED QUEUED "*2\r\n:1\r\n:1\r\n" OK QUEUED QUEUED
                                         "*2\r\n:2\r\n:2\r\n" OK QUEUED QUEUED "*2\r\n:3\r\n:3\r\n");
    world_destroy(world);
}

static void test_outcomes_of_transactions_are_those_of_writes(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "MULTI\r\nSET a 1\r\nPING\r\nEXEC\r\n");
    client_take(client);
    node_answer(world->node, ASK_PROPOSE, FL_EUNKNOWN);
    world_run(world);
    assert_non_null(strstr(client_take(client), "-TIMEOUT outcome unknown"));
    client_send(client, "MULTI\r\nSET a 1\r\nEXEC\r\n");
    client_take(client);
    node_answer(world->node, ASK_PROPOSE, FL_EUNAVAILABLE);
    world_run(world);
    assert_non_null(strstr(client_take(client), "not written, safe to retry [FL3001]"));
    world->node->refuse_propose = FL_EFULL;
    client_send(client, "MULTI\r\nSET a 1\r\nEXEC\r\n");
    expect_text(client,
                OK QUEUED "-TRYAGAIN too many commands are waiting for an answer; not written, safe to retry "
                          "[FL3007]\r\n");
    world_destroy(world);
}

static void test_a_client_that_vanishes_leaves_its_transaction_to_the_log(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct fl_io_stream *queueing = client_connect(world);
    world->node->automatic = false;
    client_send(client, "MULTI\r\nCLIENT SETNAME x\r\nSET a 1\r\nEXEC\r\n");
    client_send(queueing, "MULTI\r\nCLIENT SETNAME x\r\nSET a 2\r\n");
    client_reset(client);
    client_reset(queueing);
    assert_int_equal(world->node->waiting, 1);
    world->node->automatic = true;
    world_run(world);
    struct fl_io_stream *other = client_connect(world);
    expect(other, "GET a", "$1\r\n1\r\n");
    world_destroy(world);
}

static void test_local_commands_happen_even_if_nobody_reads_the_reply(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client,
                "CLIENT REPLY OFF\r\nMULTI\r\nCLIENT SETNAME me\r\nSET a 1\r\nEXEC\r\nCLIENT REPLY ON\r\n"
                "CLIENT GETNAME\r\n");
    expect_text(client, OK "$2\r\nme\r\n");
    world_destroy(world);
}

static void test_a_transaction_above_the_limit_says_so_and_is_discarded(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    const size_t size = 30 << 20;
    char *value = malloc(size + 1);
    memset(value, 'v', size);
    value[size] = '\0';
    expect(client, "MULTI", OK);
    for (int k = 0; k < 3; k++) {
        client_queue_text(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$31457280\r\n");
        client_queue(client, value, size);
        client_send(client, "\r\n");
    }
    expect_text(
        client, QUEUED QUEUED
        "-ERR the transaction is larger than 64 MiB or 1048576 commands; EXEC will discard it [FL3012]\r\n");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    free(value);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_transaction_is_one_entry_and_one_array),
        cmocka_unit_test(test_an_error_of_one_command_leaves_the_others_done),
        cmocka_unit_test(test_a_command_refused_while_queueing_aborts_exec),
        cmocka_unit_test(test_discard_reset_and_the_wrong_order),
        cmocka_unit_test(test_a_transaction_of_reads_is_one_read),
        cmocka_unit_test(test_a_transaction_of_reads_waits_for_a_tick_where_one_decides),
        cmocka_unit_test(test_local_commands_are_answered_outside_of_the_entry),
        cmocka_unit_test(test_nothing_else_is_on_its_way_beside_local_commands_of_a_transaction),
        cmocka_unit_test(test_a_transaction_of_local_commands_asks_nobody),
        cmocka_unit_test(test_pipelined_transactions_are_on_their_way_together),
        cmocka_unit_test(test_outcomes_of_transactions_are_those_of_writes),
        cmocka_unit_test(test_a_client_that_vanishes_leaves_its_transaction_to_the_log),
        cmocka_unit_test(test_local_commands_happen_even_if_nobody_reads_the_reply),
        cmocka_unit_test(test_a_transaction_above_the_limit_says_so_and_is_discarded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
