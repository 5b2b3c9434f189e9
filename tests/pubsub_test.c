/* pubsub_test.c - channels and patterns, messages and who hears them, keyspace notifications. The engine and
 * the node are the test's own: see support/server_world.h. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"

static struct fl_io_stream *connect_resp3(struct world *world)
{
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "HELLO 3\r\n");
    (void)client_take(client);
    return client;
}

/* ----------------------------------------------------------------------------------------------- messages */

static void test_a_message_reaches_all_who_listen_and_they_are_counted(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *one = client_connect(world), *other = connect_resp3(world);
    struct fl_io_stream *publisher = client_connect(world);
    expect(publisher, "PUBLISH news hello", ":0\r\n");
    expect(one, "SUBSCRIBE news", "*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    expect(other, "SUBSCRIBE news", ">3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n");
    expect(publisher, "PUBLISH news hello", ":2\r\n");
    expect_text(one, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    expect_text(other, ">3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n");
    expect(publisher, "PUBLISH NEWS hello", ":0\r\n");
    expect_text(one, "");
    world_destroy(world);
}

static void test_what_other_nodes_publish_is_heard_here(void **state)
{
    (void)state;
    static const struct fl__bytes args[] = {{"PUBLISH", 7}, {"c", 1}, {"m", 1}};
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world);
    char data[64];
    client_send(listener, "SUBSCRIBE c\r\n");
    (void)client_take(listener);
    fl__payload_command_write(data, args, 3);
    node_apply_data(world->node, data, fl__payload_command_size(args, 3), NULL);
    world_run(world);
    expect_text(listener, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    world_destroy(world);
}

static void test_patterns_hear_after_the_channel_and_a_client_hears_by_each(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world), *publisher = client_connect(world);
    client_send(listener, "PSUBSCRIBE n*\r\nSUBSCRIBE news\r\nPSUBSCRIBE n* x?\r\n");
    expect_text(listener,
                "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:2\r\n"
                "*3\r\n$10\r\npsubscribe\r\n$2\r\nn*\r\n:2\r\n*3\r\n$10\r\npsubscribe\r\n$2\r\nx?\r\n:3\r\n");
    expect(publisher, "PUBLISH news m", ":2\r\n");
    expect_text(listener, "*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$1\r\nm\r\n"
                          "*4\r\n$8\r\npmessage\r\n$2\r\nn*\r\n$4\r\nnews\r\n$1\r\nm\r\n");
    world_destroy(world);
}

static void test_shard_channels_are_apart_from_channels(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world), *publisher = client_connect(world);
    client_send(listener, "SUBSCRIBE c\r\nPSUBSCRIBE *\r\nSSUBSCRIBE c\r\n");
    assert_non_null(strstr(client_take(listener), "*3\r\n$10\r\nssubscribe\r\n$1\r\nc\r\n:1\r\n"));
    expect(publisher, "SPUBLISH c m", ":1\r\n");
    expect_text(listener, "*3\r\n$8\r\nsmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    expect(publisher, "PUBSUB SHARDNUMSUB c d", "*4\r\n$1\r\nc\r\n:1\r\n$1\r\nd\r\n:0\r\n");
    expect(publisher, "PUBSUB SHARDCHANNELS", "*1\r\n$1\r\nc\r\n");
    world_destroy(world);
}

static void test_a_channels_name_has_a_limit(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    char *name = calloc(1, FL__KEY_SIZE_MAX + 2);
    memset(name, 'x', FL__KEY_SIZE_MAX + 1);
    client_queue_text(client, "*3\r\n$7\r\nPUBLISH\r\n$65537\r\n");
    client_queue_text(client, name);
    client_send(client, "\r\n$1\r\nm\r\n");
    expect_text(client, "-ERR a channel's name has 65537 bytes; it may have 65536\r\n");
    client_queue_text(client, "*2\r\n$9\r\nSUBSCRIBE\r\n$65537\r\n");
    client_queue_text(client, name);
    client_send(client, "\r\n");
    assert_non_null(strstr(client_take(client), "not subscribed: a name may have 64 KiB"));
    expect(client, "GET a", "$-1\r\n"); /* It does not listen. */
    free(name);
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------- their own messages */

static void test_a_client_hears_its_own_message_before_the_answer(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = connect_resp3(world);
    client_send(client, "SUBSCRIBE c\r\n");
    (void)client_take(client);
    client_send(client, "PUBLISH c 1\r\nPUBLISH c 2\r\nGET a\r\n");
    expect_text(client, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n1\r\n:1\r\n"
                        ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\n2\r\n:1\r\n_\r\n");
    world_destroy(world);
}

static void test_a_message_never_stands_within_a_reply(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = connect_resp3(world);
    client_send(client, "SUBSCRIBE c\r\n");
    (void)client_take(client);
    client_send(client, "MULTI\r\nSET a 1\r\nPUBLISH c m\r\nPING\r\nEXEC\r\n");
    expect_text(client,
                "+OK\r\n+QUEUED\r\n+QUEUED\r\n+QUEUED\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
                "*3\r\n+OK\r\n:1\r\n+PONG\r\n");
    /* Nothing but keys and messages. */
    client_send(client, "MULTI\r\nSET a 1\r\nPUBLISH c m\r\nEXEC\r\n");
    expect_text(client, "+OK\r\n+QUEUED\r\n+QUEUED\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
                        "*2\r\n+OK\r\n:1\r\n");
    client_send(client, "UNSUBSCRIBE c\r\n");
    (void)client_take(client);
    /* It begins to listen in the midst of what is applied. */
    client_send(client, "MULTI\r\nSUBSCRIBE c\r\nPUBLISH c m\r\nEXEC\r\n");
    expect_text(client, "+OK\r\n+QUEUED\r\n+QUEUED\r\n>3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n"
                        "*2\r\n>3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n:1\r\n");
    world_destroy(world);
}

static void test_a_listeners_answers_wait_for_their_turn_and_messages_do_not(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = connect_resp3(world), *publisher = client_connect(world);
    client_send(client, "SUBSCRIBE c\r\n");
    (void)client_take(client);
    world->node->holds_reads = true;
    client_send(client, "GET a\r\n");
    expect(publisher, "PUBLISH c m", ":1\r\n");
    expect_text(client, ">3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$1\r\nm\r\n");
    world->node->holds_reads = false;
    world_run(world);
    expect_text(client, "_\r\n");
    world_destroy(world);
}

/* ----------------------------------------------------------------------------------------- when it begins */

static void test_a_subscription_begins_at_its_moment(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.reads = FL_READS_STALE; /* That is about GET. */
    struct world *world = world_create_with(&options);
    struct fl_io_stream *listener = client_connect(world), *publisher = client_connect(world);
    world->node->holds_reads = true;
    client_send(listener, "SUBSCRIBE c\r\n");
    assert_int_equal(world->node->asked, 1);
    expect(publisher, "PUBLISH c early", ":0\r\n"); /* As a log that is applied again. */
    expect_text(listener, "");
    node_answer(world->node, ASK_READ, FL_OK);
    world_run(world);
    expect_text(listener, "*3\r\n$9\r\nsubscribe\r\n$1\r\nc\r\n:1\r\n");
    expect(publisher, "PUBLISH c late", ":1\r\n");
    expect_text(listener, "*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$4\r\nlate\r\n");
    world_destroy(world);
}

static void test_a_transaction_that_only_subscribes_waits_too(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world), *publisher = client_connect(world);
    world->node->holds_reads = true;
    client_send(listener, "MULTI\r\nSUBSCRIBE a b\r\nPING\r\nEXEC\r\nPING\r\n");
    expect_text(listener, "+OK\r\n+QUEUED\r\n+QUEUED\r\n");
    expect(publisher, "PUBLISH a early", ":0\r\n");
    node_answer(world->node, ASK_READ, FL_OK);
    world_run(world);
    expect_text(listener,
                "*2\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
                "*2\r\n$4\r\npong\r\n$0\r\n\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    world_destroy(world);
}

static void test_nothing_overtakes_a_subscription_on_its_way(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    world->node->holds_reads = true;
    client_send(client, "SUBSCRIBE a\r\nSUBSCRIBE b\r\nMULTI\r\nRESET\r\nPING\r\n");
    assert_int_equal(world->node->waiting, 2); /* Their like may go together. */
    world->node->holds_reads = false;
    world_run(world);
    expect_text(client,
                "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n*3\r\n$9\r\nsubscribe\r\n$1\r\nb\r\n:2\r\n"
                "-ERR Can't execute 'multi': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET "
                "are allowed in this context\r\n+RESET\r\n+PONG\r\n");
    expect(other, "PUBSUB CHANNELS", "*0\r\n");
    world_destroy(world);
}

static void test_a_subscription_that_has_no_moment_is_refused(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    world->node->holds_reads = true;
    client_send(client, "SUBSCRIBE a\r\n");
    node_answer(world->node, ASK_READ, FL_EUNAVAILABLE);
    world_run(world);
    assert_non_null(strstr(client_take(client), "-CLUSTERDOWN"));
    world->node->holds_reads = false;
    expect(client, "GET a", "$-1\r\n");
    world_destroy(world);
}

static void test_who_goes_while_it_subscribes_listens_to_nothing(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *other = client_connect(world);
    world->node->holds_reads = true;
    client_send(client, "SUBSCRIBE a\r\n");
    client_reset(client);
    world->node->holds_reads = false;
    world_run(world);
    expect(other, "PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:0\r\n");
    world_destroy(world);
}

/* --------------------------------------------------------------------------------------- what it may call */

#define REFUSED(name)                                                                                        \
    "Can't execute '" name "': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in " \
    "this context\r\n"

static void test_a_listener_of_resp2_may_call_little(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SUBSCRIBE a\r\n");
    (void)client_take(client);
    expect(client, "GET x", "-ERR " REFUSED("get"));
    expect(client, "CLIENT ID", "-ERR " REFUSED("client|id"));
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of: " REFUSED("exec"));
    expect(client, "GET", "-ERR wrong number of arguments for 'get' command\r\n");
    expect(client, "PING", "*2\r\n$4\r\npong\r\n$0\r\n\r\n");
    expect(client, "PING hi", "*2\r\n$4\r\npong\r\n$2\r\nhi\r\n");
    expect(client, "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
    expect(client, "PING", "+PONG\r\n");
    world_destroy(world);
}

static void test_a_listener_of_resp3_may_call_everything(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = connect_resp3(world);
    client_send(client, "SUBSCRIBE a\r\n");
    (void)client_take(client);
    expect(client, "SET x 1", OK);
    expect(client, "PING", "+PONG\r\n");
    client_send(client, "HELLO 2\r\n");
    (void)client_take(client);
    expect(client, "GET x", "-ERR " REFUSED("get"));
    world_destroy(world);
}

static void test_unsubscribing_answers_for_each_name_or_for_none(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n");
    expect(client, "PUNSUBSCRIBE x", "*3\r\n$12\r\npunsubscribe\r\n$1\r\nx\r\n:0\r\n");
    client_send(client, "SUBSCRIBE a b\r\nPSUBSCRIBE p\r\n");
    (void)client_take(client);
    expect(client, "UNSUBSCRIBE",
           "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:2\r\n*3\r\n$11\r\nunsubscribe\r\n$1\r\nb\r\n:1\r\n");
    expect(client, "UNSUBSCRIBE", "*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:1\r\n");
    expect(client, "PUNSUBSCRIBE p p",
           "*3\r\n$12\r\npunsubscribe\r\n$1\r\np\r\n:0\r\n*3\r\n$12\r\npunsubscribe\r\n$1\r\np\r\n:0\r\n");
    world_destroy(world);
}

static void test_client_reply_off_withholds_answers_and_no_pushes(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *publisher = client_connect(world);
    expect(client, "CLIENT REPLY OFF", "");
    expect(client, "SUBSCRIBE a", "*3\r\n$9\r\nsubscribe\r\n$1\r\na\r\n:1\r\n");
    expect(client, "PING", "");
    expect(publisher, "PUBLISH a m", ":1\r\n");
    expect_text(client, "*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$1\r\nm\r\n");
    expect(client, "UNSUBSCRIBE a", "*3\r\n$11\r\nunsubscribe\r\n$1\r\na\r\n:0\r\n");
    world_destroy(world);
}

static void test_reset_quit_and_the_end_unsubscribe(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *looker = client_connect(world);
    struct fl_io_stream *clients[3];
    for (int k = 0; k < 3; k++) {
        clients[k] = client_connect(world);
        client_send(clients[k], "SUBSCRIBE a\r\nPSUBSCRIBE *\r\n");
    }
    expect(looker, "PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:3\r\n");
    client_send(clients[0], "RESET\r\n");
    expect(looker, "PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:2\r\n");
    client_send(clients[1], "QUIT\r\n");
    expect(looker, "PUBSUB NUMSUB a", "*2\r\n$1\r\na\r\n:1\r\n");
    expect(looker, "PUBSUB NUMPAT", ":1\r\n");
    client_reset(clients[2]);
    expect(looker, "PUBSUB CHANNELS", "*0\r\n");
    expect(looker, "PUBSUB NUMPAT", ":0\r\n");
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------ looking */

static void test_pubsub_info_and_client_list_tell_who_listens(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *looker = client_connect(world);
    client_send(client, "SUBSCRIBE news olds\r\nPSUBSCRIBE p*\r\nSSUBSCRIBE s\r\n");
    expect(looker, "PUBSUB CHANNELS", "*2\r\n$4\r\nnews\r\n$4\r\nolds\r\n");
    expect(looker, "PUBSUB CHANNELS n*", "*1\r\n$4\r\nnews\r\n");
    expect(looker, "PUBSUB CHANNELS a b",
           "-ERR unknown subcommand or wrong number of arguments for 'CHANNELS'. Try PUBSUB HELP.\r\n");
    expect(looker, "PUBSUB NUMSUB", "*0\r\n");
    expect_part(looker, "INFO stats", "pubsub_channels:2\r\npubsub_patterns:1\r\npubsubshard_channels:1\r\n");
    expect_part(looker, "INFO clients", "pubsub_clients:1\r\n");
    expect_part(looker, "CLIENT LIST TYPE pubsub", "flags=P db=0 sub=2 psub=1 ssub=1 ");
    client_send(looker, "CLIENT LIST TYPE normal\r\n");
    assert_null(strstr(client_take(looker), "flags=P"));
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------- limits */

static void queue_message(struct fl_io_stream *publisher, size_t size)
{
    char head[64];
    char *message = calloc(1, size + 1);
    memset(message, 'm', size);
    snprintf(head, sizeof head, "*3\r\n$7\r\nPUBLISH\r\n$1\r\nc\r\n$%zu\r\n", size);
    client_queue_text(publisher, head);
    client_queue(publisher, message, size);
    client_queue_text(publisher, "\r\n");
    free(message);
}

static void test_who_does_not_read_its_messages_is_disconnected(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.client_output_max = 1 << 20;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *listener = client_connect(world), *reader = client_connect(world);
    struct fl_io_stream *publisher = client_connect(world);
    client_send(listener, "SUBSCRIBE c\r\n");
    client_send(reader, "SUBSCRIBE c\r\n");
    listener->holds_sends = true;
    for (int k = 0; k < 10; k++)
        queue_message(publisher, 100000);
    world_run(world);
    assert_false(listener->closed);
    queue_message(publisher, 100000);
    world_run(world);
    assert_true(listener->closed);
    (void)client_take(publisher);
    expect(publisher, "PUBLISH c m", ":1\r\n");
    assert_false(reader->closed);
    world_destroy(world);
}

static void test_a_publisher_may_be_the_one_who_is_disconnected(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.client_output_max = 1 << 20;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = connect_resp3(world), *other = client_connect(world);
    client_send(client, "SUBSCRIBE c\r\n");
    client_send(client, "MULTI\r\n");
    for (int k = 0; k < 12; k++)
        queue_message(client, 100000);
    client_send(client, "PING\r\nEXEC\r\nGET a\r\n");
    assert_true(client->closed);
    expect(other, "PUBLISH c m", ":0\r\n");
    world_destroy(world);
}

static void test_a_message_above_the_limit_disconnects_whoever_listens(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world), *publisher = client_connect(world);
    client_send(listener, "SUBSCRIBE c\r\n");
    queue_message(publisher, FL__MESSAGES_SIZE_MAX + 1);
    world_run(world);
    assert_true(listener->closed);
    expect_text(publisher, ":1\r\n");
    world_destroy(world);
}

/* As long as a name may be, of one letter; its last byte is another one. */
static void queue_long_name(struct fl_io_stream *client, const char *head, size_t size, char last)
{
    char text[64];
    char *name = malloc(size);
    memset(name, 'a', size);
    name[size - 1] = last;
    snprintf(text, sizeof text, "%s$%zu\r\n", head, size + 1);
    client_queue_text(client, text);
    client_queue_text(client, last == 'b' ? "*" : "a");
    client_queue(client, name, size);
    client_queue_text(client, "\r\n");
    free(name);
}

/* The pattern fits at half of the channel's places, but for its last byte. */
static void test_whose_patterns_take_too_long_is_disconnected_and_others_hear(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *first = client_connect(world), *second = client_connect(world),
                        *other = client_connect(world), *publisher = client_connect(world);
    queue_long_name(first, "*2\r\n$10\r\nPSUBSCRIBE\r\n", 30000, 'b');
    queue_long_name(second, "*2\r\n$10\r\nPSUBSCRIBE\r\n", 30000, 'b');
    client_send(other, "PSUBSCRIBE a*\r\n");
    expect(publisher, "PUBLISH ab x", ":1\r\n"); /* Easy. */
    assert_false(first->closed || second->closed);
    (void)client_take(other);
    queue_long_name(publisher, "*3\r\n$7\r\nPUBLISH\r\n", 60000, 'a');
    client_send(publisher, "$1\r\nm\r\n");
    expect_text(publisher, ":1\r\n");
    assert_true(first->closed && second->closed);
    assert_false(other->closed);
    assert_non_null(strstr(client_take(other), "$2\r\na*\r\n$60001\r\naaa"));
    world_destroy(world);
}

static void test_a_clients_subscriptions_have_a_limit_and_do_no_harm(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *looker = client_connect(world);
    size_t room = FL__SUBSCRIPTIONS_MAX * 16 + 64, size;
    char *call = malloc(room);
    size = (size_t)snprintf(call, room, "*%u\r\n$9\r\nSUBSCRIBE\r\n", FL__SUBSCRIPTIONS_MAX + 2);
    for (unsigned k = 0; k <= FL__SUBSCRIPTIONS_MAX; k++)
        size += (size_t)snprintf(call + size, room - size, "$7\r\n%07u\r\n", k);
    client_queue(client, call, size);
    free(call);
    world_run(world);
    (void)client_take(client);
    expect_part(looker, "INFO stats", "pubsub_channels:131072\r\n");
    expect(looker, "PUBSUB NUMSUB 0000000 0131071 0131072",
           "*6\r\n$7\r\n0000000\r\n:1\r\n$7\r\n0131071\r\n:1\r\n$7\r\n0131072\r\n:0\r\n");
    assert_true(world->server->clients_memory > FL__SUBSCRIPTIONS_MAX * 64);
    world_wait(world, 70000000); /* It is no burden that it says nothing. */
    assert_false(client->closed);
    client_reset(client);
    expect_part(looker, "INFO stats", "pubsub_channels:0\r\n");
    assert_true(world->server->clients_memory < 1 << 20);
    world_destroy(world);
}

/* ------------------------------------------------------------------------------------------------ a model */

#define CLIENTS 5
#define TOPICS 12
static const char *const topics[TOPICS] = {"a",  "b",   "ab", "abc",  "abd", "",
                                           "a*", "ab?", "*",  "[ab]", "?",   "*c"};

static uint32_t draw(uint64_t *random, uint32_t below)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((*random >> 33) % below);
}

struct model {
    struct fl_io_stream *clients[CLIENTS];
    /* Who listens to what, as channel and as pattern; patterns in the order in which somebody came first. */
    bool by_name[CLIENTS][TOPICS], by_pattern[CLIENTS][TOPICS];
    uint32_t order[TOPICS], order_count;
};

static bool has_listener(const struct model *model, uint32_t topic)
{
    bool has = false;
    for (uint32_t c = 0; c < CLIENTS; c++)
        has = has || model->by_pattern[c][topic];
    return has;
}

static void change(struct model *model, uint32_t c, uint32_t topic, bool pattern, bool on)
{
    char line[64];
    bool had = has_listener(model, topic);
    snprintf(line, sizeof line, "%s%sSUBSCRIBE \"%s\"\r\n", pattern ? "P" : "", on ? "" : "UN",
             topics[topic]);
    client_send(model->clients[c], line);
    (void)client_take(model->clients[c]);
    (pattern ? model->by_pattern : model->by_name)[c][topic] = on;
    bool has = has_listener(model, topic);
    if (has && !had)
        model->order[model->order_count++] = topic;
    for (uint32_t k = 0; had && !has && k < model->order_count; k++) {
        if (model->order[k] != topic)
            continue;
        memmove(&model->order[k], &model->order[k + 1], (--model->order_count - k) * sizeof model->order[0]);
        break;
    }
}

static void publish_and_check(struct model *model, struct fl_io_stream *publisher, uint32_t channel,
                              uint32_t number)
{
    char line[128], expected[2048];
    uint32_t count = 0;
    struct fl__bytes name = fl__bytes_of(topics[channel]);
    snprintf(line, sizeof line, "PUBLISH \"%s\" %08u\r\n", topics[channel], number);
    client_send(publisher, line);
    for (uint32_t c = 0; c < CLIENTS; c++) {
        int at = 0;
        expected[0] = '\0';
        if (model->by_name[c][channel] && ++count)
            at = snprintf(expected, sizeof expected, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$8\r\n%08u\r\n",
                          name.size, name.data, number);
        for (uint32_t k = 0; k < model->order_count; k++) {
            struct fl__bytes pattern = fl__bytes_of(topics[model->order[k]]);
            uint64_t steps = 1000;
            if (!model->by_pattern[c][model->order[k]] || !fl__glob_match(pattern, name, false, &steps))
                continue;
            count++;
            at += snprintf(expected + at, sizeof expected - (size_t)at,
                           "*4\r\n$8\r\npmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n$8\r\n%08u\r\n", pattern.size,
                           pattern.data, name.size, name.data, number);
        }
        expect_text(model->clients[c], expected);
    }
    snprintf(expected, sizeof expected, ":%u\r\n", (unsigned)count);
    expect_text(publisher, expected);
}

static void test_the_registry_agrees_with_a_table_of_who_listens(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *publisher = client_connect(world);
    struct model model = {.order_count = 0};
    uint64_t random = 1;
    for (uint32_t c = 0; c < CLIENTS; c++)
        model.clients[c] = client_connect(world);
    for (uint32_t k = 0; k < 4000; k++) {
        if (draw(&random, 3) == 0)
            publish_and_check(&model, publisher, draw(&random, TOPICS), k);
        else
            change(&model, draw(&random, CLIENTS), draw(&random, TOPICS), draw(&random, 2) == 0,
                   draw(&random, 2) == 0);
    }
    world_destroy(world);
}

/* ---------------------------------------------------------------------------------- events and the node's */

static void test_what_only_a_node_has_to_tell_reaches_its_listeners(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = client_connect(world);
    client_send(listener, "SUBSCRIBE +switch-master\r\n");
    (void)client_take(listener);
    uint64_t count =
        fl__pubsub_deliver(world->server, fl__bytes_of("+switch-master"), fl__bytes_of("a 1 2 3 4"));
    assert_int_equal(count, 1);
    world_run(world);
    expect_text(listener, "*3\r\n$7\r\nmessage\r\n$14\r\n+switch-master\r\n$9\r\na 1 2 3 4\r\n");
    world_destroy(world);
}

static void notify(struct world *world, enum fl__event event, const char *name)
{
    fl__store_notify(world->server->store, event, name, fl__bytes_of("key"));
    world_run(world);
}

static void test_events_of_keys_are_published_as_the_setting_says(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *listener = connect_resp3(world);
    client_send(listener, "PSUBSCRIBE __key*\r\n");
    (void)client_take(listener);
    notify(world, FL__EVENT_STRING, "set");
    expect_text(listener, "");
    expect(listener, "CONFIG SET notify-keyspace-events E$", OK);
    notify(world, FL__EVENT_STRING, "set");
    expect_text(listener,
                ">4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$18\r\n__keyevent@0__:set\r\n$3\r\nkey\r\n");
    notify(world, FL__EVENT_GENERIC, "del");
    expect_text(listener, "");
    expect(listener, "CONFIG SET notify-keyspace-events KEA", OK);
    notify(world, FL__EVENT_GENERIC, "del");
    expect_text(listener,
                ">4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$18\r\n__keyspace@0__:key\r\n$3\r\ndel\r\n"
                ">4\r\n$8\r\npmessage\r\n$6\r\n__key*\r\n$18\r\n__keyevent@0__:del\r\n$3\r\nkey\r\n");
    notify(world, FL__EVENT_MISS, "keymiss"); /* Is not in A. */
    expect_text(listener, "");
    world_destroy(world);
}

static void expect_letters(const char *given, const char *shown)
{
    uint32_t classes;
    char out[FL__NOTIFY_SIZE];
    assert_true(fl__notify_parse(fl__bytes_of(given), &classes));
    fl__notify_print(classes, out);
    assert_string_equal(out, shown);
}

static void test_classes_of_events_are_shown_as_redis_shows_them(void **state)
{
    (void)state;
    uint32_t classes;
    expect_letters("", "");
    expect_letters("KEA", "AKE");
    expect_letters("KEAnm", "AKEm");
    expect_letters("nKg", "gnK");
    expect_letters("Kg$lshzxetd", "AK");
    expect_letters("mtdExg", "gxtdEm");
    expect_letters("ggg", "g");
    assert_false(fl__notify_parse(fl__bytes_of("q"), &classes));
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET notify-keyspace-events q",
           "-ERR CONFIG SET failed (possibly related to argument 'notify-keyspace-events') - Invalid event "
           "class character. Use 'Ag$lshzxeKEtmdn'.\r\n");
    expect(client, "CONFIG GET notify-keyspace-events", "*2\r\n$22\r\nnotify-keyspace-events\r\n$0\r\n\r\n");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_reaches_all_who_listen_and_they_are_counted),
        cmocka_unit_test(test_what_other_nodes_publish_is_heard_here),
        cmocka_unit_test(test_patterns_hear_after_the_channel_and_a_client_hears_by_each),
        cmocka_unit_test(test_shard_channels_are_apart_from_channels),
        cmocka_unit_test(test_a_channels_name_has_a_limit),
        cmocka_unit_test(test_a_client_hears_its_own_message_before_the_answer),
        cmocka_unit_test(test_a_message_never_stands_within_a_reply),
        cmocka_unit_test(test_a_listeners_answers_wait_for_their_turn_and_messages_do_not),
        cmocka_unit_test(test_a_subscription_begins_at_its_moment),
        cmocka_unit_test(test_a_transaction_that_only_subscribes_waits_too),
        cmocka_unit_test(test_nothing_overtakes_a_subscription_on_its_way),
        cmocka_unit_test(test_a_subscription_that_has_no_moment_is_refused),
        cmocka_unit_test(test_who_goes_while_it_subscribes_listens_to_nothing),
        cmocka_unit_test(test_a_listener_of_resp2_may_call_little),
        cmocka_unit_test(test_a_listener_of_resp3_may_call_everything),
        cmocka_unit_test(test_unsubscribing_answers_for_each_name_or_for_none),
        cmocka_unit_test(test_client_reply_off_withholds_answers_and_no_pushes),
        cmocka_unit_test(test_reset_quit_and_the_end_unsubscribe),
        cmocka_unit_test(test_pubsub_info_and_client_list_tell_who_listens),
        cmocka_unit_test(test_who_does_not_read_its_messages_is_disconnected),
        cmocka_unit_test(test_a_publisher_may_be_the_one_who_is_disconnected),
        cmocka_unit_test(test_a_message_above_the_limit_disconnects_whoever_listens),
        cmocka_unit_test(test_whose_patterns_take_too_long_is_disconnected_and_others_hear),
        cmocka_unit_test(test_a_clients_subscriptions_have_a_limit_and_do_no_harm),
        cmocka_unit_test(test_the_registry_agrees_with_a_table_of_who_listens),
        cmocka_unit_test(test_what_only_a_node_has_to_tell_reaches_its_listeners),
        cmocka_unit_test(test_events_of_keys_are_published_as_the_setting_says),
        cmocka_unit_test(test_classes_of_events_are_shown_as_redis_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
