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
    expect_text(client, QUEUED QUEUED
                "-ERR the transaction is larger than 64 MiB or 1048576 commands, or 4096 of them are not "
                "about keys; EXEC will discard it [FL3012]\r\n");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    free(value);
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- WATCH */

#define NULL_ARRAY "*-1\r\n"

static void test_exec_does_nothing_if_a_watched_key_was_changed(void **state)
{
    (void)state;
    static const char *const changes[] = {"SET a 2\r\n",  "SET a 1\r\n",       "APPEND a x\r\n",
                                          "DEL a\r\n",    "EXPIRE a 1000\r\n", "GETDEL a\r\n",
                                          "FLUSHALL\r\n", "MSET c 1 a 1\r\n"};
    for (size_t k = 0; k < sizeof changes / sizeof changes[0]; k++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
        expect(client, "SET a 1", OK);
        expect(client, "WATCH b a", OK);
        client_send(other, changes[k]);
        client_send(client, "MULTI\r\nSET d 1\r\nPING\r\nEXEC\r\nGET d\r\n");
        expect_text(client, OK QUEUED QUEUED NULL_ARRAY "$-1\r\n");
        /* It was watched for that EXEC alone. */
        client_send(client, "MULTI\r\nSET d 1\r\nEXEC\r\n");
        expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
        world_destroy(world);
    }
}

static void test_exec_is_done_if_the_watched_keys_are_as_they_were(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    expect(client, "SET a 1", OK);
    expect(client, "WATCH a absent", OK);
    expect(other, "SET b 1", OK);
    expect(other, "SETNX a 2", ":0\r\n");
    client_send(client, "MULTI\r\nINCR a\r\nSET absent 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED QUEUED "*2\r\n:2\r\n+OK\r\n");
    world_destroy(world);
}

static void test_a_key_that_came_or_expired_or_was_changed_by_the_watcher_itself_fails_exec(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    expect(client, "WATCH a", OK);
    expect(other, "SET a 1 PX 1000", OK);
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED NULL_ARRAY);
    expect(client, "WATCH a", OK);
    world->node->clock_us += 2000000;
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED NULL_ARRAY);
    client_send(client, "WATCH a\r\nSET a 1\r\nMULTI\r\nSET b 1\r\nEXEC\r\nEXISTS b\r\n");
    expect_text(client, OK OK OK QUEUED NULL_ARRAY ":0\r\n");
    world_destroy(world);
}

static void test_a_key_that_is_absent_again_is_as_it_was(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    expect(client, "WATCH a", OK);
    client_send(other, "SET a 1\r\nDEL a\r\n");
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
    /* Expired by the leader's clock when it is watched is absent, too. */
    expect(client, "SET a 1 PX 1000", OK);
    world->node->clock_us += 2000000;
    expect(client, "WATCH a", OK);
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
    world_destroy(world);
}

static void test_a_key_watched_again_after_its_change_still_fails_exec(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    expect(client, "WATCH a a", OK);
    expect(client, "WATCH a", OK);
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
    expect(client, "WATCH a", OK);
    expect(other, "SET a 1", OK);
    expect(client, "WATCH a", OK);
    client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED NULL_ARRAY);
    world_destroy(world);
}

static void test_unwatch_discard_exec_and_reset_forget_what_was_watched(void **state)
{
    (void)state;
    static const char *const forget[] = {"UNWATCH\r\n",       "MULTI\r\nDISCARD\r\n",
                                         "MULTI\r\nEXEC\r\n", "RESET\r\n",
                                         "EXEC 1\r\n",        "MULTI\r\nNOSUCH\r\nEXEC\r\n"};
    for (size_t k = 0; k < sizeof forget / sizeof forget[0]; k++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
        client_queue_text(client, "WATCH a\r\n");
        client_send(client, forget[k]);
        expect(other, "SET a 1", OK);
        client_take(client);
        client_send(client, "MULTI\r\nSET b 1\r\nEXEC\r\n");
        expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
        world_destroy(world);
    }
}

static void test_watch_within_multi_is_refused_and_harms_nothing(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "MULTI\r\nWATCH a\r\nUNWATCH\r\nSET a 1\r\nEXEC\r\n");
    expect_text(client, OK "-ERR WATCH inside MULTI is not allowed\r\n" QUEUED QUEUED "*2\r\n+OK\r\n+OK\r\n");
    world_destroy(world);
}

static void test_transactions_without_writes_or_commands_look_at_what_was_watched(void **state)
{
    (void)state;
    static const char *const transactions[] = {"", "GET a\r\n", "PING\r\n"};
    static const char *const queued[] = {OK, OK QUEUED, OK QUEUED};
    static const char *const done[] = {"*0\r\n", "*1\r\n$1\r\n1\r\n", "*1\r\n+PONG\r\n"};
    for (size_t k = 0; k < 6; k++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
        char reply[128];
        expect(client, "SET a 1", OK);
        expect(client, "WATCH a b", OK);
        if (k >= 3)
            expect(other, "SET b 1", OK);
        uint64_t proposed = world->node->proposed;
        client_queue_text(client, "MULTI\r\n");
        client_queue_text(client, transactions[k % 3]);
        client_send(client, "EXEC\r\n");
        snprintf(reply, sizeof reply, "%s%s", queued[k % 3], k >= 3 ? NULL_ARRAY : done[k % 3]);
        expect_text(client, reply);
        assert_int_equal(world->node->proposed, proposed);
        world_destroy(world);
    }
}

static void test_a_transaction_of_reads_sees_a_watched_key_expire_at_its_moment(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1 PX 1000", OK);
    expect(client, "WATCH a", OK);
    world->node->clock_us += 2000000;
    client_send(client, "MULTI\r\nGET b\r\nEXEC\r\n");
    expect_text(client, OK QUEUED NULL_ARRAY);
    world_destroy(world);
}

/* The other client's change is applied between WATCH and EXEC, whatever EXEC is to do. */
static void test_a_pipelined_exec_waits_for_the_watch_before_it(void **state)
{
    (void)state;
    static const char *const ends[] = {"SET b 1\r\nEXEC\r\n", "GET a\r\nEXEC\r\n", "EXEC\r\n"};
    static const char *const replies[] = {OK OK QUEUED NULL_ARRAY, OK OK QUEUED NULL_ARRAY, OK OK NULL_ARRAY};
    for (size_t k = 0; k < sizeof ends / sizeof ends[0]; k++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
        world->node->automatic = false;
        client_send(other, "SET a 1\r\n");
        client_queue_text(client, "WATCH a\r\nMULTI\r\n");
        client_send(client, ends[k]);
        assert_int_equal(world->node->waiting, 2);
        node_answer(world->node, ASK_READ, FL_OK);
        node_apply(world->node);
        world->node->automatic = true;
        world_run(world);
        expect_text(client, replies[k]);
        world_destroy(world);
    }
}

static void test_a_pipelined_discard_forgets_what_the_watch_before_it_notes_late(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "WATCH a\r\nMULTI\r\nDISCARD\r\nSET a 1\r\nMULTI\r\nSET b 1\r\nEXEC\r\n");
    world->node->automatic = true;
    world_run(world);
    expect_text(client, OK OK OK OK OK QUEUED "*1\r\n+OK\r\n");
    world_destroy(world);
}

static void test_a_watch_that_failed_has_exec_refused(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->refuse_read = FL_EUNAVAILABLE;
    client_send(client, "WATCH a\r\nMULTI\r\nSET a 1\r\nEXEC\r\n");
    const char *text = client_take(client);
    assert_memory_equal(text, "-CLUSTERDOWN", 12);
    assert_non_null(
        strstr(text, OK QUEUED "-EXECABORT Transaction discarded because of previous errors.\r\n"));
    assert_int_equal(world->node->proposed, 0);
    /* That was its end. */
    client_send(client, "MULTI\r\nSET a 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "*1\r\n+OK\r\n");
    client_send(client, "WATCH a\r\n");
    client_take(client);
    world->node->refuse_read = FL_OK;
    client_send(client, "UNWATCH\r\nMULTI\r\nSET a 1\r\nEXEC\r\n");
    expect_text(client, OK OK QUEUED "*1\r\n+OK\r\n");
    world_destroy(world);
}

static void test_a_watch_that_fails_late_has_the_exec_behind_it_refused(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "WATCH a\r\nMULTI\r\nSET a 1\r\nEXEC\r\n");
    node_answer(world->node, ASK_READ, FL_EUNAVAILABLE);
    world_run(world);
    assert_non_null(strstr(client_take(client),
                           QUEUED "-EXECABORT Transaction discarded because of previous errors.\r\n"));
    assert_int_equal(world->node->proposed, 0);
    world_destroy(world);
}

static void test_a_client_watches_so_many_keys_and_no_more(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    for (int k = 0; k < 65536 / 64; k++) {
        client_queue_text(client, "WATCH");
        for (int key = 0; key < 64; key++)
            client_queue_text(client, " k");
        client_send(client, "\r\n");
        expect_text(client, OK);
    }
    expect(client, "WATCH k",
           "-ERR more than 65536 keys, or 4 MiB of them, are watched; EXEC will be refused until UNWATCH "
           "[FL3012]\r\n");
    client_send(client, "MULTI\r\nSET a 1\r\nEXEC\r\n");
    expect_text(client, OK QUEUED "-EXECABORT Transaction discarded because of previous errors.\r\n");
    world_destroy(world);
}

/* The local commands of a transaction on its way are yet to be run, and RESET comes behind them. */
static void test_reset_waits_for_a_transaction_with_local_commands(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->holds_proposals = true;
    client_send(client, "MULTI\r\nHELLO 3\r\nCLIENT SETNAME me\r\nSET a 1\r\nEXEC\r\nRESET\r\n"
                        "CLIENT GETNAME\r\n");
    world->node->holds_proposals = false;
    world_run(world);
    const char *output = client_take(client);
    const char *end = output + strlen(output) - strlen("+RESET\r\n$-1\r\n");
    assert_string_equal(end, "+RESET\r\n$-1\r\n");
    world_destroy(world);
}

/* They are run in one go, whatever they have to tell. */
static void test_a_transaction_takes_so_many_local_commands(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "MULTI", OK);
    for (int k = 0; k < 4096; k++)
        client_queue_text(client, "PING\r\n");
    world_run(world);
    assert_null(strchr(client_take(client), '-'));
    expect(client, "GET a", "+QUEUED\r\n");
    expect_part(client, "PING", "or 4096 of them are not about keys");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    world_destroy(world);
}

/* So many keys of nearly the largest size. */
static void queue_watch(struct fl_io_stream *client, int key_count, size_t size)
{
    char head[64];
    char *key = malloc(size);
    memset(key, 'k', size);
    snprintf(head, sizeof head, "*%d\r\n$5\r\nWATCH\r\n", key_count + 1);
    client_queue_text(client, head);
    snprintf(head, sizeof head, "$%zu\r\n", size);
    for (int k = 0; k < key_count; k++) {
        client_queue_text(client, head);
        client_queue(client, key, size);
        client_queue_text(client, "\r\n");
    }
    free(key);
}

static void test_the_bytes_of_watched_keys_are_limited_by_themselves_and_with_the_transaction(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    const size_t size = 31 << 20;
    char *value = calloc(1, size);
    queue_watch(client, 64, 65500);
    world_run(world);
    expect_text(client, OK);
    expect_part(client, "WATCH b c d e f", OK);
    expect(client, "MULTI", OK);
    for (int k = 0; k < 2; k++) {
        client_queue_text(client, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$32505856\r\n");
        client_queue(client, value, size);
        client_send(client, "\r\n");
    }
    expect_text(client, QUEUED QUEUED);
    expect_part(client, "EXEC", "-ERR the transaction and the keys watched for it are larger than 64 MiB");
    queue_watch(client, 65, 65500);
    world_run(world);
    assert_non_null(strstr(client_take(client), "-ERR more than 65536 keys, or 4 MiB of them, are watched"));
    free(value);
    world_destroy(world);
}

/* What was not noted cannot be seen to have changed. */
static void test_a_watch_of_too_long_a_key_makes_exec_fail(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    queue_watch(client, 1, 65537);
    world_run(world);
    assert_memory_equal(client_take(client), "-ERR ", 5);
    expect(client, "MULTI", OK);
    expect(client, "SET a 1", "+QUEUED\r\n");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    expect(client, "GET a", "$-1\r\n");
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
        cmocka_unit_test(test_exec_does_nothing_if_a_watched_key_was_changed),
        cmocka_unit_test(test_exec_is_done_if_the_watched_keys_are_as_they_were),
        cmocka_unit_test(test_a_key_that_came_or_expired_or_was_changed_by_the_watcher_itself_fails_exec),
        cmocka_unit_test(test_a_key_that_is_absent_again_is_as_it_was),
        cmocka_unit_test(test_a_key_watched_again_after_its_change_still_fails_exec),
        cmocka_unit_test(test_unwatch_discard_exec_and_reset_forget_what_was_watched),
        cmocka_unit_test(test_watch_within_multi_is_refused_and_harms_nothing),
        cmocka_unit_test(test_transactions_without_writes_or_commands_look_at_what_was_watched),
        cmocka_unit_test(test_a_transaction_of_reads_sees_a_watched_key_expire_at_its_moment),
        cmocka_unit_test(test_a_pipelined_exec_waits_for_the_watch_before_it),
        cmocka_unit_test(test_a_pipelined_discard_forgets_what_the_watch_before_it_notes_late),
        cmocka_unit_test(test_a_watch_that_failed_has_exec_refused),
        cmocka_unit_test(test_a_watch_that_fails_late_has_the_exec_behind_it_refused),
        cmocka_unit_test(test_a_client_watches_so_many_keys_and_no_more),
        cmocka_unit_test(test_reset_waits_for_a_transaction_with_local_commands),
        cmocka_unit_test(test_a_transaction_takes_so_many_local_commands),
        cmocka_unit_test(test_the_bytes_of_watched_keys_are_limited_by_themselves_and_with_the_transaction),
        cmocka_unit_test(test_a_watch_of_too_long_a_key_makes_exec_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
