/* dispatch_test.c - writes, reads, ticks and WAIT: what is asked of the node, and what its answers become. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"

/* ----------------------------------------------------------------------------------------------- outcomes */

static void expect_write_outcome(int outcome, const char *reply)
{
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "SET a 1\r\n");
    node_answer(world->node, ASK_PROPOSE, outcome);
    world_run(world);
    expect_text(client, reply);
    /* Whatever the answer, the connection is kept. */
    world->node->automatic = true;
    expect(client, "PING", "+PONG\r\n");
    expect(client, "GET a", "$-1\r\n");
    world_destroy(world);
}

static void expect_read_outcome(int outcome, const char *reply)
{
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "GET a\r\n");
    node_answer(world->node, ASK_READ, outcome);
    world_run(world);
    expect_text(client, reply);
    world->node->automatic = true;
    expect(client, "PING", "+PONG\r\n");
    world_destroy(world);
}

static void test_an_unknown_outcome_is_a_timeout_and_nothing_that_clients_repeat(void **state)
{
    static const int unknown[] = {FL_EUNKNOWN, FL_ECANCELED, FL_EIO, FL_ETIMEOUT};
    (void)state;
    for (size_t k = 0; k < sizeof unknown / sizeof unknown[0]; k++)
        expect_write_outcome(unknown[k],
                             "-TIMEOUT outcome unknown: it was sent to the log, not confirmed in 4000 ms; "
                             "read before retrying [FL3004]\r\n");
}

static void test_a_definite_failure_of_a_write_says_that_it_was_not_written(void **state)
{
    (void)state;
    expect_write_outcome(
        FL_EUNAVAILABLE,
        "-CLUSTERDOWN no leader: n1 reaches 3 of 3, needs 2; not written, safe to retry [FL3001]\r\n");
    expect_write_outcome(FL_ESTOPPED, "-CLUSTERDOWN n1 is stopping; not written, safe to retry [FL3002]\r\n");
    expect_write_outcome(FL_ELOGFULL,
                         "-OOM the log has reached its size limit (log-max); not written [FL3005]\r\n");
    expect_write_outcome(FL_ETOOBIG,
                         "-ERR the command is larger than one log entry may be (75497472 bytes); not "
                         "written [FL3006]\r\n");
    expect_write_outcome(FL_EFULL,
                         "-TRYAGAIN too many commands are waiting for an answer; not written, safe to retry "
                         "[FL3007]\r\n");
    expect_write_outcome(FL_EDAMAGED,
                         "-CLUSTERDOWN n1 is damaged, other nodes work; not written [FL3008]\r\n");
    expect_write_outcome(
        FL_EREFUSED, "-CLUSTERDOWN a change of leader replaced it; not written, safe to retry [FL3009]\r\n");
    expect_write_outcome(FL_ENOMEM, "-OOM memory could not be allocated; not written [FL3010]\r\n");
}

static void test_a_failure_of_a_read_says_that_it_was_not_read(void **state)
{
    (void)state;
    expect_read_outcome(
        FL_EUNAVAILABLE,
        "-CLUSTERDOWN no leader: n1 reaches 3 of 3, needs 2; not read, safe to retry [FL3001]\r\n");
    expect_read_outcome(FL_ESTOPPED, "-CLUSTERDOWN n1 is stopping; not read, safe to retry [FL3002]\r\n");
    expect_read_outcome(
        FL_EFULL,
        "-TRYAGAIN too many commands are waiting for an answer; not read, safe to retry [FL3007]\r\n");
    expect_read_outcome(FL_EIO, "-ERR an input or output operation failed; not read [FL3015]\r\n");
}

static void test_a_lost_quorum_is_told_from_a_missing_leader(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    world->node->status.peers[1].up = world->node->status.peers[2].up = false;
    client_send(client, "SET a 1\r\n");
    node_answer(world->node, ASK_PROPOSE, FL_EUNAVAILABLE);
    world_run(world);
    expect_text(
        client,
        "-CLUSTERDOWN no quorum: n1 reaches 1 of 3, needs 2; not written, safe to retry [FL3001]\r\n");
    world_destroy(world);
}

static void test_a_refusal_at_once_is_answered_in_turn(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "SET a 1\r\n");
    world->node->refuse_propose = FL_ELOGFULL;
    client_send(client, "SET b 1\r\n");
    expect_text(client, "");
    world->node->refuse_propose = FL_OK;
    node_apply(world->node);
    world_run(world);
    expect_text(client, OK "-OOM the log has reached its size limit (log-max); not written [FL3005]\r\n");
    world->node->automatic = true;
    world->node->refuse_read = FL_EFULL;
    expect_part(client, "GET a", "-TRYAGAIN ");
    world->node->refuse_read = FL_OK;
    expect(client, "GET a", "$1\r\n1\r\n");
    world_destroy(world);
}

static void test_a_later_write_that_fails_first_waits_for_its_turn(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "INCR a\r\nINCR a\r\nINCR a\r\n");
    struct fl_request *second = node_pop(world->node, world->node->first->next);
    world->node->machine.answer(world->node->machine.state, second, FL_EUNKNOWN);
    world_run(world);
    expect_text(client, "");
    world->node->automatic = true;
    world_run(world);
    expect_text(
        client,
        ":1\r\n-TIMEOUT outcome unknown: it was sent to the log, not confirmed in 4000 ms; read before "
        "retrying [FL3004]\r\n:2\r\n");
    world_destroy(world);
}

static void test_a_failed_read_does_not_hold_up_the_confirmed_ones_behind_it(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->automatic = false;
    client_send(client, "GET a\r\nSTRLEN a\r\n");
    struct fl_request *second = node_pop(world->node, world->node->first->next);
    world->node->machine.answer(world->node->machine.state, second, FL_OK);
    node_answer(world->node, ASK_READ, FL_EFULL);
    world_run(world);
    expect_text(client,
                "-TRYAGAIN too many commands are waiting for an answer; not read, safe to retry [FL3007]\r\n"
                ":0\r\n");
    world_destroy(world);
}

static void test_every_code_has_a_page(void **state)
{
    (void)state;
    for (uint32_t code = FL__CODE_NO_QUORUM; code <= FL__CODE_IO; code++) {
        const struct fl_explanation *page = fl_explain(code);
        assert_non_null(page);
        assert_int_equal(page->code, code);
        assert_true(strlen(page->word) > 0 && strlen(page->title) > 0 && strlen(page->meaning) > 0 &&
                    strlen(page->why) > 0 && strlen(page->remedy) > 0);
    }
    assert_null(fl_explain(3000));
    assert_null(fl_explain(FL__CODE_IO + 1));
    assert_string_equal(fl_explain(FL__CODE_UNKNOWN)->word, "TIMEOUT");
    assert_string_equal(fl_explain(FL__CODE_ANSWER_LOST)->word, "TIMEOUT");
}

/* ------------------------------------------------------------------------------------------------- memory */

static void test_above_maxmemory_only_what_may_grow_is_refused(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1", OK);
    expect(client, "CONFIG SET maxmemory 1", OK);
    expect(client, "SET b 1", "-OOM command not allowed when used memory > 'maxmemory'. [FL3003]\r\n");
    expect(client, "GET a", "$1\r\n1\r\n");
    expect(client, "MULTI", OK);
    expect(client, "SET b 1", "-OOM command not allowed when used memory > 'maxmemory'. [FL3003]\r\n");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    expect(client, "CONFIG SET maxmemory 0", OK);
    expect(client, "MULTI", OK);
    expect(client, "SET b 1", "+QUEUED\r\n");
    struct fl_io_stream *other = client_connect(world);
    expect(other, "CONFIG SET maxmemory 1", OK);
    expect(
        client, "EXEC",
        "-EXECABORT Transaction discarded because of: OOM command not allowed when used memory > 'maxmemory'.\r\n");
    expect(client, "DEL a", ":1\r\n");
    world_destroy(world);
}

static void test_a_refusal_for_memory_waits_behind_writes_on_their_way(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1", OK);
    expect(client, "CONFIG SET maxmemory 1", OK);
    world->node->automatic = false;
    client_send(client, "DEL a\r\nSET b 1\r\nDEL c\r\n");
    expect_text(client, "");
    world->node->automatic = true;
    world_run(world);
    expect_text(client, ":1\r\n-OOM command not allowed when used memory > 'maxmemory'. [FL3003]\r\n:0\r\n");
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- reads */

static void test_stale_reads_ask_nobody(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.reads = FL_READS_STALE;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nGET a\r\nMULTI\r\nGET a\r\nEXEC\r\nTTL a\r\n");
    expect_text(client, OK "$1\r\n1\r\n" OK "+QUEUED\r\n*1\r\n$1\r\n1\r\n:-1\r\n");
    assert_int_equal(world->node->asked, 0);
    assert_int_equal(world->node->proposed, 1);
    world_destroy(world);
}

static void test_a_read_that_depends_on_a_deadline_waits_for_a_tick(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1 PX 1000", OK);
    world->node->holds_proposals = true;
    world->node->clock_us += 2000000; /* The leader's clock; the log's is behind. */
    uint64_t proposed = world->node->proposed;
    client_send(client, "GET a\r\nGET b\r\n");
    expect_text(client, "");
    assert_int_equal(world->node->proposed, proposed + 1);
    world->node->holds_proposals = false;
    world_run(world);
    expect_text(client, "$-1\r\n$-1\r\n");
    world_destroy(world);
}

static void test_one_tick_serves_all_reads_that_wait(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *clients[5];
    for (int k = 0; k < 5; k++)
        clients[k] = client_connect(world);
    expect(clients[0], "SET a 1 PX 1000", OK);
    world->node->holds_proposals = true;
    world->node->clock_us += 2000000;
    uint64_t proposed = world->node->proposed;
    for (int k = 0; k < 5; k++)
        client_send(clients[k], "GET a\r\n");
    client_reset(clients[4]); /* And one goes away meanwhile. */
    assert_int_equal(world->node->proposed, proposed + 1);
    world->node->holds_proposals = false;
    world_run(world);
    for (int k = 0; k < 4; k++)
        expect_text(clients[k], "$-1\r\n");
    world_destroy(world);
}

static void test_a_tick_that_fails_is_proposed_again_until_the_read_has_waited_too_long(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1 PX 1000", OK);
    world->node->holds_proposals = true;
    world->node->status.role = FL_FOLLOWER;
    world->node->machine.notice(world->node->machine.state, world->node);
    world->node->clock_us += 2000000;
    client_send(client, "GET a\r\n");
    node_answer(world->node, ASK_PROPOSE, FL_EUNKNOWN);
    world_wait(world, 200000);
    assert_non_null(node_find(world->node, ASK_PROPOSE)); /* Again. */
    node_answer(world->node, ASK_PROPOSE, FL_EUNAVAILABLE);
    world_wait(world, 4000000);
    assert_non_null(
        strstr(client_take(client), "-CLUSTERDOWN no leader: n1 reaches 3 of 3, needs 2; not read"));
    world->node->holds_proposals = false;
    world_run(world);
    expect(client, "GET a", "$-1\r\n");
    world_destroy(world);
}

static void test_ttl_is_answered_by_a_fresh_clock(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1 EX 100", OK);
    world->node->clock_us += 40000000;
    expect(client, "TTL a", ":60\r\n");
    world_destroy(world);
}

static void test_the_leader_frees_expired_keys_unasked_and_followers_leave_it_to_him(void **state)
{
    (void)state;
    for (int leads = 0; leads < 2; leads++) {
        struct world *world = world_create();
        struct fl_io_stream *client = client_connect(world);
        world->node->status.role = leads ? FL_LEADER : FL_FOLLOWER;
        world->node->machine.notice(world->node->machine.state, world->node);
        expect(client, "SET a 1 PX 1000", OK);
        uint64_t proposed = world->node->proposed;
        world_wait(world, 500000);
        assert_int_equal(world->node->proposed, proposed); /* Nothing is due. */
        world->node->clock_us += 2000000;
        world_wait(world, 500000);
        assert_int_equal(world->node->proposed, proposed + (leads ? 1 : 0));
        struct fl_server_counts counts;
        fl_server_counts(world->server, &counts);
        assert_int_equal(counts.keys, leads ? 0 : 1);
        world_destroy(world);
    }
}

static void test_fairlead_probe_commits_an_entry_that_changes_nothing(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "FAIRLEAD PROBE", OK);
    assert_int_equal(world->node->proposed, 1);
    world->node->automatic = false;
    client_send(client, "FAIRLEAD PROBE\r\n");
    node_answer(world->node, ASK_PROPOSE, FL_EUNAVAILABLE);
    world_run(world);
    assert_non_null(strstr(client_take(client), "not written, safe to retry [FL3001]"));
    world_destroy(world);
}

static void test_entries_of_other_nodes_are_applied_without_anybody_waiting(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    struct fl__bytes args[] = {fl__bytes_of("SET"), fl__bytes_of("a"), fl__bytes_of("theirs")};
    char data[256];
    size_t size = fl__payload_command_size(args, 3);
    fl__payload_command_write(data, args, 3);
    node_apply_data(world->node, data, size, NULL);
    node_apply_data(world->node, NULL, 0, NULL);
    node_apply_data(world->node, "\xff nonsense", 10, NULL);
    expect(client, "GET a", "$6\r\ntheirs\r\n");
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- WAIT */

static void test_wait_says_how_many_hold_the_clients_last_write(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nSET b 1\r\nWAIT 2 100\r\nGET a\r\n");
    expect_text(client, OK OK ":2\r\n$1\r\n1\r\n");
    assert_int_equal(world->node->wait_index, 2);
    assert_int_equal(world->node->wait_timeout_us, 100000);
    expect(client, "WAIT x 0", "-ERR value is not an integer or out of range\r\n");
    expect(client, "WAIT 1 x", "-ERR timeout is not an integer or out of range\r\n");
    expect(client, "WAIT 1 -1", "-ERR timeout is negative\r\n");
    world_destroy(world);
}

static void test_wait_without_a_timeout_is_asked_again_while_the_client_is_there(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1", OK);
    world->node->holds_waits = true;
    client_send(client, "WAIT 3 0\r\nPING\r\n");
    assert_int_equal(world->node->waited, 1);
    node_answer(world->node, ASK_WAIT, FL_OK); /* Its minute is over: 2 hold it. */
    world_run(world);
    expect_text(client, "");
    assert_int_equal(world->node->waited, 2);
    node_answer(world->node, ASK_WAIT, FL_EUNAVAILABLE);
    world_run(world);
    assert_int_equal(world->node->waited, 2); /* Not at once: that would be a storm. */
    world_wait(world, 200000);
    assert_int_equal(world->node->waited, 3);
    world->node->holders = 3;
    node_answer(world->node, ASK_WAIT, FL_OK);
    world_run(world);
    expect_text(client, ":3\r\n+PONG\r\n");
    world_destroy(world);
}

static void test_a_client_that_vanishes_while_it_waits_leaves_its_request_to_the_node(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *first = client_connect(world);
    struct fl_io_stream *second = client_connect(world);
    world->node->holds_waits = true;
    client_send(first, "WAIT 3 0\r\n");
    client_send(second, "WAIT 3 0\r\n");
    client_reset(first);
    client_end(second);
    assert_true(first->closed && second->closed);
    assert_int_equal(world->node->waiting, 2);
    node_answer(world->node, ASK_WAIT, FL_OK);
    node_answer(world->node, ASK_WAIT, FL_EUNAVAILABLE);
    world_wait(world, 500000);
    assert_int_equal(world->node->waited, 2); /* Nobody asked again. */
    world_destroy(world);
}

static void test_a_wait_that_ends_without_a_quorum_says_what_is_certain(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET a 1", OK);
    world->node->holds_waits = true;
    client_send(client, "WAIT 3 1000\r\n");
    world_wait(world, 1500000);
    node_answer(world->node, ASK_WAIT, FL_EUNAVAILABLE);
    world_run(world);
    expect_text(client, ":2\r\n"); /* An acknowledged write is on a majority, */
    world->node->holders = 0;
    client_send(client, "WAIT 3 1000\r\n");
    world_wait(world, 1500000);
    node_answer(world->node, ASK_WAIT, FL_OK);
    world_run(world);
    expect_text(client, ":2\r\n"); /* also where the node knows of no disk. */
    client_send(client, "WAIT 3 1000\r\n");
    node_answer(world->node, ASK_WAIT, FL_EDAMAGED);
    world_run(world);
    expect_text(client, "-CLUSTERDOWN n1 is damaged, other nodes work; not read [FL3008]\r\n");
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- chaos */

static uint64_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

/* Random calls from clients that come and go, random answers in random order: each reply belongs to its call,
 * and nothing is left over. Every call is "GET k", "INCR k" or "ECHO n" whose reply's kind shows which it
 * was. */
static void play_chaos(uint64_t seed)
{
    struct world *world = world_create();
    world->node->automatic = false;
    for (int round = 0; round < 300; round++) {
        size_t k = world->stream_count > 0 ? next_random(&seed) % world->stream_count : 0;
        struct fl_io_stream *client = world->stream_count > 0 ? world->streams[k] : NULL;
        static const char *const calls[] = {"GET a\r\n",      "INCR a\r\n",
                                            "ECHO x\r\n",     "SET a 1 PX 10\r\n",
                                            "MULTI\r\n",      "EXEC\r\n",
                                            "TTL a\r\n",      "WAIT 3 20\r\n",
                                            "NOSUCH\r\n",     "CLIENT REPLY SKIP\r\n",
                                            "DISCARD\r\n",    "FAIRLEAD PROBE\r\n",
                                            "SELECT 0\r\n",   "RESET\r\n",
                                            "CLIENT LIST\r\n"};
        switch (next_random(&seed) % 8) {
        case 0:
            if (world->stream_count < 200)
                client_connect(world);
            break;
        case 1:
            if (client != NULL && !client->closed && next_random(&seed) % 4 == 0)
                client_reset(client);
            break;
        case 2:
            if (world->node->first != NULL) {
                static const int outcomes[] = {FL_OK, FL_EUNAVAILABLE, FL_EUNKNOWN, FL_EFULL};
                enum world_ask what = (enum world_ask)world->node->first->state;
                int outcome = outcomes[next_random(&seed) % 4];
                if (what == ASK_PROPOSE && outcome == FL_OK)
                    node_apply(world->node);
                else
                    node_answer(world->node, what, outcome);
                world_run(world);
            }
            break;
        case 3:
            world->node->clock_us += next_random(&seed) % 300000;
            world_wait(world, next_random(&seed) % 200000);
            break;
        default:
            for (uint64_t n = next_random(&seed) % 6; n > 0 && client != NULL && !client->closed; n--)
                client_queue_text(client, calls[next_random(&seed) % (sizeof calls / sizeof calls[0])]);
            world_run(world);
            break;
        }
    }
    world->node->automatic = true;
    world_wait(world, 500000);
    assert_int_equal(world->node->waiting, 0);
    struct fl_io_stream *last = client_connect(world);
    client_send(last, "SET a 5\r\nGET a\r\n");
    expect_text(last, OK "$1\r\n5\r\n");
    world_destroy(world);
}

static void test_clients_that_come_and_go_under_random_answers_leave_nothing_behind(void **state)
{
    (void)state;
    const char *cases = getenv("FL_TEST_CASES");
    uint64_t count = cases != NULL ? strtoull(cases, NULL, 10) / 50 : 60;
    for (uint64_t seed = 1; seed <= count; seed++)
        play_chaos(seed);
}

/* Of 16.7 million cells each, 128 MiB of work; the node has its turn between any two. */
static void test_long_reads_are_answered_one_in_a_turn(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    client_send(client, "SETRANGE a 4000 x\r\nSETRANGE b 4000 x\r\n");
    (void)client_take(client);
    world->node->automatic = false;
    client_send(client, "LCS a b LEN\r\nLCS a b LEN\r\nGET c\r\n");
    client_send(other, "LCS a b LEN\r\n");
    world->node->automatic = true;
    uint32_t before = client->send_count;
    world_run(world);
    expect_text(client, ":4001\r\n:4001\r\n$-1\r\n");
    expect_text(other, ":4001\r\n");
    assert_int_equal(client->send_count - before, 2);
    world_destroy(world);
}

/* The one that goes away stands last among those whose turn it is; a long read is put behind it. */
static void test_a_client_killed_in_a_turn_with_long_reads_does_not_make_it_endless(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *killer = client_connect(world), *reader = client_connect(world),
                        *victim = client_connect(world);
    client_send(reader, "SETRANGE a 4000 x\r\nSETRANGE b 4000 x\r\n");
    (void)client_take(reader);
    world->node->automatic = false;
    client_send(killer, "GET c\r\nCLIENT KILL ID 3\r\n");
    client_send(reader, "LCS a b LEN\r\nLCS a b LEN\r\nLCS a b LEN\r\n");
    client_send(victim, "GET c\r\nPING\r\n");
    world->node->automatic = true;
    world_run(world);
    expect_text(killer, "$-1\r\n:1\r\n");
    expect_text(reader, ":4001\r\n:4001\r\n:4001\r\n");
    assert_true(victim->closed);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_unknown_outcome_is_a_timeout_and_nothing_that_clients_repeat),
        cmocka_unit_test(test_a_definite_failure_of_a_write_says_that_it_was_not_written),
        cmocka_unit_test(test_a_failure_of_a_read_says_that_it_was_not_read),
        cmocka_unit_test(test_a_lost_quorum_is_told_from_a_missing_leader),
        cmocka_unit_test(test_a_refusal_at_once_is_answered_in_turn),
        cmocka_unit_test(test_a_later_write_that_fails_first_waits_for_its_turn),
        cmocka_unit_test(test_a_failed_read_does_not_hold_up_the_confirmed_ones_behind_it),
        cmocka_unit_test(test_every_code_has_a_page),
        cmocka_unit_test(test_above_maxmemory_only_what_may_grow_is_refused),
        cmocka_unit_test(test_a_refusal_for_memory_waits_behind_writes_on_their_way),
        cmocka_unit_test(test_stale_reads_ask_nobody),
        cmocka_unit_test(test_a_read_that_depends_on_a_deadline_waits_for_a_tick),
        cmocka_unit_test(test_one_tick_serves_all_reads_that_wait),
        cmocka_unit_test(test_a_tick_that_fails_is_proposed_again_until_the_read_has_waited_too_long),
        cmocka_unit_test(test_ttl_is_answered_by_a_fresh_clock),
        cmocka_unit_test(test_the_leader_frees_expired_keys_unasked_and_followers_leave_it_to_him),
        cmocka_unit_test(test_fairlead_probe_commits_an_entry_that_changes_nothing),
        cmocka_unit_test(test_entries_of_other_nodes_are_applied_without_anybody_waiting),
        cmocka_unit_test(test_wait_says_how_many_hold_the_clients_last_write),
        cmocka_unit_test(test_wait_without_a_timeout_is_asked_again_while_the_client_is_there),
        cmocka_unit_test(test_a_client_that_vanishes_while_it_waits_leaves_its_request_to_the_node),
        cmocka_unit_test(test_a_wait_that_ends_without_a_quorum_says_what_is_certain),
        cmocka_unit_test(test_clients_that_come_and_go_under_random_answers_leave_nothing_behind),
        cmocka_unit_test(test_long_reads_are_answered_one_in_a_turn),
        cmocka_unit_test(test_a_client_killed_in_a_turn_with_long_reads_does_not_make_it_endless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
