/* discovery_test.c - how clients find the members and the leader: CLUSTER, SENTINEL, ROLE, INFO, MOVED.
 *
 * This node is n1 of three (support/server_world.h); the others are where they announced, one of them at an
 * IPv6 address. */
#include "server.h"
#include "support/server_world.h"

#define ID_1 "000000000000abc1000000000000000000000000"
#define ID_2 "000000000000abc2000000000000000000000000"
#define ID_3 "000000000000abc3000000000000000000000000"
#define SLOTS ":0\r\n:16383\r\n"
#define NODE_1 "*4\r\n$9\r\n127.0.0.1\r\n:7600\r\n$40\r\n" ID_1 "\r\n*0\r\n"
#define NODE_2 "*4\r\n$8\r\n10.0.0.2\r\n:7600\r\n$40\r\n" ID_2 "\r\n*0\r\n"
#define NODE_3 "*4\r\n$7\r\nfd00::3\r\n:7630\r\n$40\r\n" ID_3 "\r\n*0\r\n"

static void notice(struct world *world)
{
    world->node->in_callback = true;
    world->node->machine.notice(world->node->machine.state, world->node);
    world->node->in_callback = false;
    world_run(world);
}

/* The k-th member leads, from 1 on. */
static void let_lead(struct world *world, uint32_t k)
{
    struct fl_node_status *status = &world->node->status;
    status->term++;
    status->role = k == 1 ? FL_LEADER : FL_FOLLOWER;
    status->has_leader = true;
    status->leader = 0xabc0 + k;
    notice(world);
}

static void let_nobody_lead(struct world *world)
{
    struct fl_node_status *status = &world->node->status;
    status->role = FL_FOLLOWER;
    status->has_leader = false;
    status->leader = 0;
    notice(world);
}

static void give_address(struct world *world, uint32_t k, const char *address)
{
    struct fl_node_member *member = &world->node->status.peers[k - 1].member;
    snprintf(member->client, sizeof member->client, "%s", address);
}

/* A world in which every member's address is known, and n1 leads. */
static struct world *create_world(void)
{
    struct world *world = world_create();
    give_address(world, 2, "10.0.0.2:7600");
    give_address(world, 3, "[fd00::3]:7630");
    let_lead(world, 1);
    return world;
}

static void expect_no_part(struct fl_io_stream *client, const char *line, const char *part)
{
    client_send(client, line);
    client_send(client, "\r\n");
    const char *text = client_take(client);
    if (strstr(text, part) != NULL)
        fail_msg("%s: \"%s\" is in \"%s\"", line, part, text);
}

/* ------------------------------------------------------------------------------------------------ CLUSTER */

static void test_one_shard_has_all_slots_and_its_master_is_who_leads(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_1 NODE_2 NODE_3);
    let_lead(world, 2);
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_2 NODE_1 NODE_3);
    let_lead(world, 3);
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_3 NODE_1 NODE_2);
    world_destroy(world);
}

static void test_the_last_leader_is_told_while_there_is_none(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    let_lead(world, 2);
    let_nobody_lead(world);
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_2 NODE_1 NODE_3);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n");
    expect_part(client, "CLUSTER INFO", "cluster_state:ok\r\n");
    world->node->status.peers[1].up = false;
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_2 NODE_1 NODE_3);
    expect_part(client, "CLUSTER NODES", ":7600@7611 master,fail? - 0 0 5 disconnected 0-16383\n");
    world_destroy(world);
}

static void test_a_node_that_never_knew_a_leader_tells_itself(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    give_address(world, 2, "10.0.0.2:7600");
    let_nobody_lead(world);
    expect(client, "CLUSTER SLOTS", "*1\r\n*4\r\n" SLOTS NODE_1 NODE_2);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7600\r\n");
    world->node->status.peer_count = 0;
    expect(client, "CLUSTER SLOTS", "*1\r\n*3\r\n" SLOTS NODE_1);
    expect_part(client, "CLUSTER NODES",
                ID_1 " 127.0.0.1:7600@7601 myself,master - 0 0 3 connected 0-16383\n");
    world_destroy(world);
}

static void test_who_was_never_heard_of_is_left_out(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CLUSTER SLOTS", "*1\r\n*3\r\n" SLOTS NODE_1);
    give_address(world, 2, "10.0.0.2:7600");
    world->node->status.peers[1].member.id_known = false;
    give_address(world, 3, "[fd00::3]:7630");
    expect(client, "CLUSTER SLOTS", "*1\r\n*4\r\n" SLOTS NODE_1 NODE_3);
    expect_part(client, "CLUSTER INFO", "cluster_known_nodes:2\r\n");
    world_destroy(world);
}

static void test_who_listens_on_all_interfaces_is_where_its_peers_find_it(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    snprintf(world->node->status.peers[1].member.address, FL_ADDRESS_MAX, "10.0.0.2:7611");
    snprintf(world->node->status.peers[2].member.address, FL_ADDRESS_MAX, "[fd00::3]:7621");
    give_address(world, 2, "0.0.0.0:7600");
    give_address(world, 3, "[::]:7630");
    expect(client, "CLUSTER SLOTS", "*1\r\n*5\r\n" SLOTS NODE_1 NODE_2 NODE_3);
    world_destroy(world);
}

static void test_a_node_tells_the_address_that_it_advertises(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.advertise_host = "db1.example";
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    let_lead(world, 1);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$11\r\ndb1.example\r\n$4\r\n7600\r\n");
    world_destroy(world);
}

static void test_a_member_that_is_down_is_told_as_such_and_no_replica(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.peers[1].up = false;
    expect(client, "CLUSTER SLOTS", "*1\r\n*4\r\n" SLOTS NODE_1 NODE_3);
    expect_part(client, "CLUSTER NODES",
                ID_2 " 10.0.0.2:7600@7611 slave,fail " ID_1 " 0 0 0 disconnected\n" ID_3
                     " fd00::3:7630@7621 slave " ID_1 " 0 0 0 connected\n");
    expect_part(client, "CLUSTER SHARDS", "$6\r\nhealth\r\n$4\r\nfail\r\n");
    expect_part(client, "CLUSTER REPLICAS " ID_1, "slave,fail");
    expect_part(client, "CLUSTER LINKS",
                "*1\r\n*12\r\n$9\r\ndirection\r\n$2\r\nto\r\n$4\r\nnode\r\n$40\r\n" ID_3);
    expect_part(client, "SENTINEL REPLICAS mymaster", "$25\r\ns_down,slave,disconnected\r\n");
    expect_part(client, "SENTINEL SENTINELS mymaster", "$28\r\ns_down,sentinel,disconnected\r\n");
    expect_part(client, "INFO replication", "connected_slaves:1\r\nslave0:ip=fd00::3,port=7630,state=online");
    world_destroy(world);
}

static void test_identities_belong_to_members_and_clusters(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CLUSTER MYID", "$40\r\n" ID_1 "\r\n");
    expect(client, "SENTINEL MYID", "$40\r\n" ID_1 "\r\n");
    memset(world->node->status.cluster_id, 0x5c, sizeof world->node->status.cluster_id);
    expect(client, "CLUSTER MYID", "$40\r\n000000000000abc15c5c5c5c5c5c5c5c5c5c5c5c\r\n");
    expect(client, "CLUSTER REPLICAS " ID_1, "-ERR Unknown node " ID_1 "\r\n");
    expect(client, "CLUSTER REPLICAS 000000000000abc25c5c5c5c5c5c5c5c5c5c5c5c",
           "-ERR The specified node is not a master\r\n");
    world_destroy(world);
}

static void test_a_node_that_takes_no_commands_says_that_its_state_is_not_ok(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.damaged = true;
    expect_part(client, "CLUSTER INFO", "cluster_state:fail\r\n");
    world_destroy(world);
}

static void test_what_is_not_done_this_way_says_how_it_is(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect(
        client, "CLUSTER MEET 10.0.0.9 7600",
        "-ERR CLUSTER MEET is not done here: the members are those of fairlead serve --bootstrap [FL3030]\r\n");
    for (uint32_t row = 0; row < fl__command_count; row++) {
        const struct fl__command *command = &fl__commands[row];
        char name[64];
        if (command->local != fl__local_not_here)
            continue;
        snprintf(name, sizeof name, "%s", command->name);
        *strchr(name, '|') = ' ';
        if (strncasecmp(command->summary, name, strlen(name)) != 0)
            fail_msg("the row of %s has the words \"%s\"", name, command->summary);
    }
    world_destroy(world);
}

/* -------------------------------------------------------------------------------------------------- slots */

/* The same, bit by bit. */
static uint32_t slot_of_twin(const char *data, size_t size)
{
    uint32_t crc = 0;
    for (size_t k = 0; k < 8 * size; k++) {
        uint32_t bit = (unsigned char)data[k / 8] >> (7 - k % 8) & 1;
        crc = (crc << 1 ^ (((crc >> 15 ^ bit) & 1) != 0 ? 0x1021 : 0)) & 0xffff;
    }
    return crc % 16384;
}

static void test_a_keys_slot_is_its_crc_as_a_twin_computes_it(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252u;
    for (uint32_t turn = 0; turn < 50000; turn++) {
        char data[24];
        size_t size = turn % sizeof data;
        for (size_t k = 0; k < size; k++) {
            random = random * 6364136223846793005u + 1442695040888963407u;
            data[k] = (char)(random >> 40 & 0x7f); /* Braces are above. */
            data[k] = (char)(data[k] == '{' ? 0x80 : data[k]);
        }
        assert_int_equal(fl__slot_of((struct fl__bytes){data, size}), slot_of_twin(data, size));
    }
}

static void test_only_the_tag_of_a_key_counts(void **state)
{
    (void)state;
    static const struct {
        const char *key, *counts;
    } cases[] = {
        {"{user1000}.following", "user1000"},
        {"foo{}{bar}", "foo{}{bar}"},
        {"foo{{bar}}zap", "{bar"},
        {"foo{bar}{zap}", "bar"},
        {"foo{bar", "foo{bar"},
        {"foo}bar{", "foo}bar{"},
        {"{}", "{}"},
        {"{", "{"},
        {"", ""},
    };
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++)
        assert_int_equal(fl__slot_of(fl__bytes_of(cases[k].key)),
                         slot_of_twin(cases[k].counts, strlen(cases[k].counts)));
    assert_int_equal(fl__slot_of(fl__bytes_of("123456789")), 0x31c3 % 16384);
}

static void test_the_keys_of_a_slot_are_counted_and_told(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "MSET {foo}1 a {foo}2 b {foo}3 c bar d\r\n");
    for (int k = 0; k < 200; k++) {
        char line[64];
        snprintf(line, sizeof line, "SET {foo}old%d x PX 5\r\n", k);
        client_send(client, line);
    }
    world->node->clock_us += 10000;
    client_send(client, "SET other x\r\n"); /* Removes a few of those that expired, and not all. */
    client_take(client);
    expect(client, "CLUSTER KEYSLOT foo", ":12182\r\n");
    expect(client, "CLUSTER COUNTKEYSINSLOT 12182", ":3\r\n");
    expect(client, "CLUSTER COUNTKEYSINSLOT 5061", ":1\r\n");
    expect(client, "CLUSTER COUNTKEYSINSLOT 0", ":0\r\n");
    expect(client, "CLUSTER GETKEYSINSLOT 5061 10", "*1\r\n$3\r\nbar\r\n");
    expect_part(client, "CLUSTER GETKEYSINSLOT 12182 2", "*2\r\n$6\r\n{foo}");
    expect_part(client, "CLUSTER GETKEYSINSLOT 12182 10", "*3\r\n$6\r\n{foo}");
    expect_no_part(client, "CLUSTER GETKEYSINSLOT 12182 10", "old");
    expect(client, "CLUSTER GETKEYSINSLOT 12182 0", "*0\r\n");
    expect(client, "CLUSTER GETKEYSINSLOT 12182 -1", "-ERR Invalid slot or number of keys\r\n");
    expect(client, "CLUSTER COUNTKEYSINSLOT 16384", "-ERR Invalid slot\r\n");
    expect(client, "CLUSTER COUNTKEYSINSLOT x", "-ERR value is not an integer or out of range\r\n");
    world_destroy(world);
}

/* -------------------------------------------------------------------------------------------------- roles */

static void test_role_info_and_hello_tell_one_truth(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.last = 42;
    world->node->status.durable = 40;
    world->node->status.peers[1].match = 41;
    world->node->status.peers[2].match = 39;
    expect(client, "ROLE",
           "*3\r\n$6\r\nmaster\r\n:42\r\n*2\r\n*3\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n$2\r\n41\r\n"
           "*3\r\n$7\r\nfd00::3\r\n$4\r\n7630\r\n$2\r\n39\r\n");
    expect_part(client, "INFO replication", "role:master\r\nconnected_slaves:2\r\n");
    expect_part(client, "HELLO", "$4\r\nrole\r\n$6\r\nmaster\r\n");
    let_lead(world, 2);
    expect(client, "ROLE", "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.2\r\n:7600\r\n$9\r\nconnected\r\n:40\r\n");
    expect_part(client, "INFO replication",
                "role:slave\r\nmaster_host:10.0.0.2\r\nmaster_port:7600\r\n"
                "master_link_status:up\r\n");
    expect_part(client, "HELLO", "$4\r\nrole\r\n$7\r\nreplica\r\n");
    world->node->status.ready = false;
    expect_part(client, "ROLE", "$4\r\nsync\r\n");
    let_nobody_lead(world);
    expect_part(client, "ROLE", "$5\r\nslave\r\n$8\r\n10.0.0.2\r\n:7600\r\n$7\r\nconnect\r\n:40\r\n");
    expect_part(client, "INFO replication", "master_link_status:down\r\n");
    world_destroy(world);
}

static void test_clients_are_told_that_this_is_a_cluster(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect_part(client, "INFO cluster", "cluster_enabled:1\r\n");
    expect_part(client, "INFO server", "redis_mode:cluster\r\n");
    expect_part(client, "HELLO", "$4\r\nmode\r\n$7\r\ncluster\r\n");
    world_destroy(world);
}

/* -------------------------------------------------------------------- a node that has stopped taking part */

/* As a node whose disk failed tells it: it has hung up on all others. */
static void let_fail(struct world *world)
{
    struct fl_node_status *status = &world->node->status;
    status->damaged = true;
    for (uint32_t k = 1; k < status->peer_count; k++)
        status->peers[k].up = false;
    notice(world);
}

static void test_a_leader_that_stopped_taking_part_is_master_no_more(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    world->node->status.durable = 40;
    let_fail(world);
    expect(client, "ROLE", "*5\r\n$5\r\nslave\r\n$8\r\n10.0.0.2\r\n:7600\r\n$7\r\nconnect\r\n:40\r\n");
    expect_part(client, "INFO replication",
                "role:slave\r\nmaster_host:10.0.0.2\r\nmaster_port:7600\r\nmaster_link_status:down\r\n");
    expect_part(client, "HELLO", "$4\r\nrole\r\n$7\r\nreplica\r\n");
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n");
    expect_part(client, "SENTINEL MASTERS", "$2\r\nip\r\n$8\r\n10.0.0.2\r\n");
    expect_part(client, "SENTINEL MASTERS", "$26\r\ns_down,master,disconnected\r\n");
    expect(client, "SENTINEL MASTER mymaster",
           "-CLUSTERDOWN n1 is damaged, and reaches nobody; ask another Sentinel [FL3008]\r\n");
    expect_part(client, "SENTINEL REPLICAS mymaster",
                "$14\r\n127.0.0.1:7600\r\n$2\r\nip\r\n$9\r\n127.0.0.1\r\n$4\r\nport\r\n$4\r\n7600\r\n"
                "$5\r\nrunid\r\n$40\r\n" ID_1 "\r\n$5\r\nflags\r\n$25\r\ns_down,slave,disconnected\r\n");
    expect_part(client, "CLUSTER SHARDS",
                "$4\r\nrole\r\n$7\r\nreplica\r\n$18\r\nreplication-offset\r\n:40\r\n"
                "$6\r\nhealth\r\n$4\r\nfail\r\n");
    expect_part(client, "CLUSTER NODES", " myself,slave,fail " ID_2 " 0 0 0 disconnected\n");
    world_destroy(world);
}

/* It cannot say which of the others are up; who comes from here must find one of them. */
static void test_who_stopped_taking_part_lists_all_others_and_not_itself(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    let_fail(world);
    expect(client, "CLUSTER SLOTS", "*1\r\n*4\r\n" SLOTS NODE_2 NODE_3);
    world->node->status.peers[2].up = true; /* Damaged, and still connected: it can say. */
    expect(client, "CLUSTER SLOTS", "*1\r\n*3\r\n" SLOTS NODE_3);
    let_lead(world, 2);
    expect(client, "CLUSTER SLOTS", "*1\r\n*4\r\n" SLOTS NODE_2 NODE_3);
    expect_part(client, "ROLE", "$5\r\nslave\r\n$8\r\n10.0.0.2\r\n:7600\r\n$9\r\nconnected\r\n");
    expect_part(client, "SENTINEL MASTER mymaster", "$2\r\nip\r\n$8\r\n10.0.0.2\r\n");
    world_destroy(world);
}

static void test_who_stopped_taking_part_names_who_is_likely_to_lead_next(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    struct fl_node_peer *peers = world->node->status.peers;
    peers[1].match = 39;
    peers[2].match = 41;
    let_fail(world);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$7\r\nfd00::3\r\n$4\r\n7630\r\n");
    peers[2].voter = false; /* It cannot lead. */
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n");
    peers[2].voter = true;
    peers[1].up = true;
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n");
    world_destroy(world);
}

static void test_a_follower_that_stopped_taking_part_names_its_last_leader(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    let_lead(world, 3);
    let_fail(world);
    let_nobody_lead(world);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$7\r\nfd00::3\r\n$4\r\n7630\r\n");
    world_destroy(world);
}

/* Nobody is told nil: who knows no other member's address has only its own to tell. */
static void test_who_stopped_taking_part_and_knows_nobody_tells_itself_and_that_it_is_down(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    let_fail(world);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*2\r\n$9\r\n127.0.0.1\r\n$4\r\n7600\r\n");
    expect_part(client, "SENTINEL MASTERS", "$26\r\ns_down,master,disconnected\r\n");
    expect_part(client, "ROLE", "$5\r\nslave\r\n");
    expect(client, "CLUSTER SLOTS", "*1\r\n*3\r\n" SLOTS NODE_1);
    world_destroy(world);
}

static void test_a_leader_whose_keyspace_cannot_follow_is_master_no_more(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    world->server->broken = true;
    notice(world);
    expect_part(client, "ROLE", "$5\r\nslave\r\n$8\r\n10.0.0.2\r\n");
    expect_part(client, "INFO replication", "role:slave\r\nmaster_host:10.0.0.2\r\n");
    expect_part(client, "HELLO", "$4\r\nrole\r\n$7\r\nreplica\r\n");
    world_destroy(world);
}

/* They would stay, get nothing but errors, and hear of nothing any more. */
static void test_clients_of_a_node_that_stops_taking_part_are_sent_away_once(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world), *listener = client_connect(world);
    client_send(listener, "SUBSCRIBE +switch-master\r\n");
    client_take(listener);
    world->node->holds_reads = true;
    client_send(client, "GET a\r\n");
    let_fail(world);
    world_wait(world, 300000);
    assert_non_null(strstr(client_take(listener), "mymaster 127.0.0.1 7600 10.0.0.2 7600"));
    assert_false(listener->was_shutdown); /* It may go by itself. */
    world_wait(world, 1000000);
    assert_true(listener->was_shutdown);
    assert_false(client->was_shutdown); /* It has not had its answer. */
    node_answer(world->node, ASK_READ, FL_EDAMAGED);
    world_run(world);
    expect_text(client, "-CLUSTERDOWN n1 is damaged, other nodes work; not read [FL3008]\r\n");
    assert_true(client->was_shutdown);
    client = client_connect(world); /* Who comes now wants to look, or will hear where to go. */
    world_wait(world, 3000000);
    expect_part(client, "ROLE", "$5\r\nslave\r\n");
    world_destroy(world);
}

static void test_who_stopped_taking_part_sends_nobody_to_a_leader_that_it_guesses(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET follower moved", "+OK\r\n");
    let_fail(world);
    world->node->refuse_propose = FL_EDAMAGED;
    expect(client, "SET foo 1", "-CLUSTERDOWN n1 is damaged, other nodes work; not written [FL3008]\r\n");
    world_destroy(world);
}

/* -------------------------------------------------------------------------------------------------- MOVED */

static struct world *create_follower(enum fl_server_follower follower)
{
    struct fl_server_options options;
    world_options(&options);
    options.follower = follower;
    struct world *world = world_create_with(&options);
    give_address(world, 2, "10.0.0.2:7600");
    give_address(world, 3, "[fd00::3]:7630");
    let_lead(world, 2);
    return world;
}

static void test_a_follower_answers_like_the_leader_unless_told_otherwise(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_FORWARD);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET foo 1", "+OK\r\n");
    expect(client, "CONFIG GET follower", "*2\r\n$8\r\nfollower\r\n$7\r\nforward\r\n");
    expect(client, "CONFIG SET follower moved", "+OK\r\n");
    expect(client, "SET foo 1", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "CONFIG SET follower FORWARD", "+OK\r\n");
    expect(client, "GET foo", "$1\r\n1\r\n");
    expect(
        client, "CONFIG SET follower x",
        "-ERR CONFIG SET failed (possibly related to argument 'follower') - argument(s) must be one of the "
        "following: forward, moved\r\n");
    world_destroy(world);
}

static void test_calls_with_keys_are_moved_to_the_leader(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_MOVED);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SET foo 1", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "GET x{foo}", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "MGET bar foo", "-MOVED 5061 10.0.0.2:7600\r\n");
    let_lead(world, 3);
    expect(client, "GET foo", "-MOVED 12182 fd00::3:7630\r\n");
    assert_int_equal(world->node->proposed + world->node->asked, 0);
    let_lead(world, 1);
    expect(client, "SET foo 1", "+OK\r\n");
    world_destroy(world);
}

static void test_calls_without_keys_are_done_here_and_so_is_all_while_nobody_leads(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_MOVED);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "PING", "+PONG\r\n");
    expect(client, "FLUSHALL", "+OK\r\n");
    expect(client, "DBSIZE", ":0\r\n");
    expect(client, "SET", "-ERR wrong number of arguments for 'set' command\r\n");
    expect(client, "SUNSUBSCRIBE", "*3\r\n$12\r\nsunsubscribe\r\n$-1\r\n:0\r\n");
    expect(client, "SUNSUBSCRIBE foo", "-MOVED 12182 10.0.0.2:7600\r\n");
    let_nobody_lead(world);
    expect(client, "SET foo 1", "+OK\r\n"); /* Held by the node until somebody leads, or in vain. */
    world_destroy(world);
}

static void test_nobody_is_moved_to_a_leader_whose_address_is_not_known(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_MOVED);
    struct fl_io_stream *client = client_connect(world);
    give_address(world, 3, "");
    let_lead(world, 3);
    expect(client, "SET foo 1", "+OK\r\n");
    world_destroy(world);
}

static void test_who_wants_to_read_here_does(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_MOVED);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "READONLY", "+OK\r\n");
    expect(client, "GET foo", "$-1\r\n");
    assert_int_equal(world->node->asked, 1); /* Linearizable, as ever. */
    expect_part(client, "CLIENT LIST", " flags=r ");
    expect(client, "SET foo 1", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "READWRITE", "+OK\r\n");
    expect(client, "GET foo", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "READONLY", "+OK\r\n");
    expect(client, "RESET", "+RESET\r\n");
    expect(client, "GET foo", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "ASKING", "+OK\r\n");
    world_destroy(world);
}

static void test_a_moved_call_spoils_its_transaction_and_keeps_its_place_in_the_order(void **state)
{
    (void)state;
    struct world *world = create_follower(FL_FOLLOWER_MOVED);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "MULTI", "+OK\r\n");
    expect(client, "SET foo 1", "-MOVED 12182 10.0.0.2:7600\r\n");
    expect(client, "EXEC", "-EXECABORT Transaction discarded because of previous errors.\r\n");
    world->node->holds_reads = true;
    expect(client, "READONLY\r\nGET foo\r\nSET foo 1\r\nPING", "+OK\r\n");
    world->node->holds_reads = false;
    world_run(world);
    expect_text(client, "$-1\r\n-MOVED 12182 10.0.0.2:7600\r\n+PONG\r\n");
    world_destroy(world);
}

/* ----------------------------------------------------------------------------------------------- SENTINEL */

static void test_a_sentinel_client_finds_the_leader_under_one_name(void **state)
{
    (void)state;
    struct fl_server_options options;
    world_options(&options);
    options.sentinel_name = "orders";
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    give_address(world, 2, "10.0.0.2:7600");
    let_lead(world, 2);
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME orders", "*2\r\n$8\r\n10.0.0.2\r\n$4\r\n7600\r\n");
    expect(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster", "*-1\r\n");
    expect(client, "SENTINEL MASTER mymaster", "-ERR No such master with that name\r\n");
    expect(client, "SENTINEL REPLICAS Orders", "-ERR No such master with that name\r\n");
    expect_part(client, "SENTINEL MASTERS",
                "*1\r\n*40\r\n$4\r\nname\r\n$6\r\norders\r\n$2\r\nip\r\n$8\r\n10.0.0.2\r\n");
    expect_part(client, "SENTINEL MASTER orders", "$5\r\nflags\r\n$6\r\nmaster\r\n");
    expect_part(client, "SENTINEL MASTER orders", "$6\r\nquorum\r\n$1\r\n2\r\n");
    expect_part(client, "SENTINEL SLAVES orders", "*1\r\n*42\r\n$4\r\nname\r\n$14\r\n127.0.0.1:7600\r\n");
    expect_part(client, "SENTINEL SENTINELS orders", "*1\r\n*28\r\n$4\r\nname\r\n$40\r\n" ID_2 "\r\n");
    expect(client, "CONFIG GET sentinel-name", "*2\r\n$13\r\nsentinel-name\r\n$6\r\norders\r\n");
    world->node->status.peers[1].up = false;
    let_nobody_lead(world);
    expect_part(client, "SENTINEL MASTER orders", "$26\r\ns_down,master,disconnected\r\n");
    world_destroy(world);
}

static void test_a_quorum_of_sentinels_is_a_majority_of_voters(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "SENTINEL CKQUORUM mymaster",
           "+OK 3 usable Sentinels. Quorum and failover authorization can be reached\r\n");
    world->node->status.peers[1].up = false;
    expect_part(client, "SENTINEL CKQUORUM mymaster", "+OK 2 usable Sentinels.");
    world->node->status.peers[2].up = false;
    expect_part(client, "SENTINEL CKQUORUM mymaster", "-NOQUORUM 1 usable Sentinels. ");
    expect(client, "SENTINEL CKQUORUM other", "-ERR No such master with that name\r\n");
    world_destroy(world);
}

static void expect_message(struct fl_io_stream *client, const char *channel, const char *message)
{
    char text[512];
    snprintf(text, sizeof text, "*3\r\n$7\r\nmessage\r\n$%zu\r\n%s\r\n$%zu\r\n%s\r\n", strlen(channel),
             channel, strlen(message), message);
    const char *heard = client_take(client);
    if (strcmp(heard, text) != 0)
        fail_msg("expected %s, heard %s", text, heard);
}

static void test_a_change_of_leader_is_published_once(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SUBSCRIBE +switch-master\r\n");
    client_take(client);
    let_lead(world, 1);
    expect_text(client, "");
    let_nobody_lead(world);
    expect_text(client, "");
    let_lead(world, 2);
    expect_message(client, "+switch-master", "mymaster 127.0.0.1 7600 10.0.0.2 7600");
    let_nobody_lead(world);
    let_lead(world, 2);
    expect_text(client, "");
    let_lead(world, 3);
    expect_message(client, "+switch-master", "mymaster 10.0.0.2 7600 fd00::3 7630");
    world_destroy(world);
}

static void test_that_the_leader_stopped_taking_part_is_published(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SUBSCRIBE +switch-master\r\n");
    client_take(client);
    let_fail(world);
    expect_message(client, "+switch-master", "mymaster 127.0.0.1 7600 10.0.0.2 7600");
    notice(world);
    expect_text(client, "");
    world_destroy(world);
}

static void test_the_first_leader_is_no_change(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "PSUBSCRIBE *\r\n");
    client_take(client);
    give_address(world, 2, "10.0.0.2:7600");
    let_lead(world, 2);
    expect_text(client, "");
    world_destroy(world);
}

static void test_the_replicas_of_a_new_leader_are_published(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SUBSCRIBE +slave\r\n");
    client_take(client);
    give_address(world, 3, "");
    let_lead(world, 2);
    expect_message(client, "+slave", "slave 127.0.0.1:7600 127.0.0.1 7600 @ mymaster 10.0.0.2 7600");
    world_destroy(world);
}

static void test_members_that_come_and_go_are_published(void **state)
{
    (void)state;
    struct world *world = create_world();
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SUBSCRIBE +sdown -sdown\r\n");
    world_wait(world, 300000);
    client_take(client);
    world->node->status.peers[1].up = false;
    world_wait(world, 300000);
    expect_message(client, "+sdown", "slave 10.0.0.2:7600 10.0.0.2 7600 @ mymaster 127.0.0.1 7600");
    world->node->status.peers[1].up = true;
    world_wait(world, 300000);
    expect_message(client, "-sdown", "slave 10.0.0.2:7600 10.0.0.2 7600 @ mymaster 127.0.0.1 7600");
    let_lead(world, 2);
    let_nobody_lead(world);
    world->node->status.peers[1].up = false;
    world_wait(world, 300000);
    expect_message(client, "+sdown", "master mymaster 10.0.0.2 7600");
    world->node->status.peers[2].up = false;
    world_wait(world, 300000);
    expect_message(client, "+sdown", "slave fd00::3:7630 fd00::3 7630 @ mymaster 10.0.0.2 7600");
    world->node->status.peers[1].up = true;
    world_wait(world, 300000);
    expect_message(client, "-sdown", "master mymaster 10.0.0.2 7600");
    give_address(world, 2,
                 ""); /* It is left out from now on, and the next one takes its place in the list. */
    world_wait(world, 300000);
    expect_text(client, "");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_shard_has_all_slots_and_its_master_is_who_leads),
        cmocka_unit_test(test_the_last_leader_is_told_while_there_is_none),
        cmocka_unit_test(test_a_node_that_never_knew_a_leader_tells_itself),
        cmocka_unit_test(test_who_was_never_heard_of_is_left_out),
        cmocka_unit_test(test_who_listens_on_all_interfaces_is_where_its_peers_find_it),
        cmocka_unit_test(test_a_node_tells_the_address_that_it_advertises),
        cmocka_unit_test(test_a_member_that_is_down_is_told_as_such_and_no_replica),
        cmocka_unit_test(test_identities_belong_to_members_and_clusters),
        cmocka_unit_test(test_a_node_that_takes_no_commands_says_that_its_state_is_not_ok),
        cmocka_unit_test(test_what_is_not_done_this_way_says_how_it_is),
        cmocka_unit_test(test_a_keys_slot_is_its_crc_as_a_twin_computes_it),
        cmocka_unit_test(test_only_the_tag_of_a_key_counts),
        cmocka_unit_test(test_the_keys_of_a_slot_are_counted_and_told),
        cmocka_unit_test(test_role_info_and_hello_tell_one_truth),
        cmocka_unit_test(test_clients_are_told_that_this_is_a_cluster),
        cmocka_unit_test(test_a_leader_that_stopped_taking_part_is_master_no_more),
        cmocka_unit_test(test_who_stopped_taking_part_lists_all_others_and_not_itself),
        cmocka_unit_test(test_who_stopped_taking_part_names_who_is_likely_to_lead_next),
        cmocka_unit_test(test_a_follower_that_stopped_taking_part_names_its_last_leader),
        cmocka_unit_test(test_who_stopped_taking_part_and_knows_nobody_tells_itself_and_that_it_is_down),
        cmocka_unit_test(test_a_leader_whose_keyspace_cannot_follow_is_master_no_more),
        cmocka_unit_test(test_clients_of_a_node_that_stops_taking_part_are_sent_away_once),
        cmocka_unit_test(test_who_stopped_taking_part_sends_nobody_to_a_leader_that_it_guesses),
        cmocka_unit_test(test_a_follower_answers_like_the_leader_unless_told_otherwise),
        cmocka_unit_test(test_calls_with_keys_are_moved_to_the_leader),
        cmocka_unit_test(test_calls_without_keys_are_done_here_and_so_is_all_while_nobody_leads),
        cmocka_unit_test(test_nobody_is_moved_to_a_leader_whose_address_is_not_known),
        cmocka_unit_test(test_who_wants_to_read_here_does),
        cmocka_unit_test(test_a_moved_call_spoils_its_transaction_and_keeps_its_place_in_the_order),
        cmocka_unit_test(test_a_sentinel_client_finds_the_leader_under_one_name),
        cmocka_unit_test(test_a_quorum_of_sentinels_is_a_majority_of_voters),
        cmocka_unit_test(test_a_change_of_leader_is_published_once),
        cmocka_unit_test(test_that_the_leader_stopped_taking_part_is_published),
        cmocka_unit_test(test_the_first_leader_is_no_change),
        cmocka_unit_test(test_the_replicas_of_a_new_leader_are_published),
        cmocka_unit_test(test_members_that_come_and_go_are_published),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
