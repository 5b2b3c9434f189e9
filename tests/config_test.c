/* config_test.c - CONFIG: what a setting does, which are refused, and the file that REWRITE writes. */
#include "server.h"
#include "support/server_world.h"

#define OK "+OK\r\n"
#define FAILED(name) "-ERR CONFIG SET failed (possibly related to argument '" name "') - "

/* ---------------------------------------------------------------------------------------------- settings */

static void test_settings_that_would_weaken_a_promise_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const lines[][2] = {
        {"CONFIG SET appendfsync everysec\r\n", FAILED("appendfsync") "every write is synced"},
        {"CONFIG SET appendonly no\r\n", FAILED("appendonly") "every write is synced"},
        {"CONFIG SET no-appendfsync-on-rewrite yes\r\n", FAILED("no-appendfsync-on-rewrite") "every write"},
        {"CONFIG SET save \"3600 1\"\r\n", FAILED("save") "every write is in a log already"},
        {"CONFIG SET min-slaves-to-write 2\r\n",
         FAILED("min-replicas-to-write") "a write is acknowledged once"},
        {"CONFIG SET maxmemory-policy allkeys-lru\r\n",
         FAILED("maxmemory-policy") "evicting keys would lose"},
        {"CONFIG SET protected-mode no\r\n", FAILED("protected-mode") "off loopback there is always"},
        {"CONFIG SET tls-port 6380\r\n", FAILED("tls-port") "connections are not encrypted here"},
        {"CONFIG SET dir /tmp\r\n", FAILED("dir") "can't set immutable config"},
        {"CONFIG SET replicaof \"h 1\"\r\n", FAILED("replicaof") "can't set immutable config"},
    };
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        client_send(client, lines[k][0]);
        const char *text = client_take(client);
        if (strncmp(text, lines[k][1], strlen(lines[k][1])) != 0)
            fail_msg("%s: %s", lines[k][0], text);
    }
    /* What is so already may be wished for. */
    expect(client,
           "CONFIG SET appendfsync always appendonly yes save \"\" maxmemory-policy noeviction "
           "min-replicas-to-write 0 protected-mode yes tls-port 0",
           OK);
    world_destroy(world);
}

static void test_names_without_effect_are_kept_told_and_listed(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect_part(client, "INFO settings", "# Settings\r\nstored_not_honoured:\r\n");
    expect(client, "CONFIG SET hz 20 activedefrag YES client-query-buffer-limit 1mb slave-priority 7", OK);
    expect(client, "CONFIG GET replica-priority", "*2\r\n$16\r\nreplica-priority\r\n$1\r\n7\r\n");
    expect(client, "CONFIG GET slave-priority", "*2\r\n$14\r\nslave-priority\r\n$1\r\n7\r\n");
    expect(client, "CONFIG GET client-query-*",
           "*2\r\n$25\r\nclient-query-buffer-limit\r\n$7\r\n1048576\r\n");
    expect(client, "CONFIG GET activedefrag", "*2\r\n$12\r\nactivedefrag\r\n$3\r\nyes\r\n");
    expect_part(client, "INFO",
                "stored_not_honoured:activedefrag,client-query-buffer-limit,hz,replica-priority\r\n");
    expect(client, "CONFIG SET hz 10", OK);
    expect_part(client, "INFO",
                "stored_not_honoured:activedefrag,client-query-buffer-limit,replica-priority\r\n");
    world_destroy(world);
}

static void test_values_are_checked_loosely(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET hz x", FAILED("hz") "argument couldn't be parsed into an integer\r\n");
    expect(client, "CONFIG SET activedefrag 1", FAILED("activedefrag") "argument must be 'yes' or 'no'\r\n");
    expect(client, "CONFIG SET repl-backlog-size 1xb",
           FAILED("repl-backlog-size") "argument must be a memory value\r\n");
    static const char *const bad[] = {"\" a\"", "\"a \"", "\"a ;b\"", "\";a\"", "\"a\\nb\""};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        client_queue_text(client, "CONFIG SET proc-title-template ");
        client_queue_text(client, bad[k]);
        client_send(client, "\r\n");
        expect_text(
            client,
            FAILED(
                "proc-title-template") "argument holds what a line of the configuration file cannot hold\r\n");
    }
    client_queue_text(client, "CONFIG SET proc-title-template ");
    for (int k = 0; k < 129; k++)
        client_queue_text(client, "x");
    client_send(client, "\r\n");
    expect_text(client, FAILED("proc-title-template") "argument is longer than 128 bytes\r\n");
    /* Everything is checked before anything is changed. */
    expect(client, "CONFIG SET hz 20 timeout -1",
           FAILED("timeout") "argument must be between 0 and 2147483647 inclusive\r\n");
    expect(client, "CONFIG GET hz", "*2\r\n$2\r\nhz\r\n$2\r\n10\r\n");
    expect(client, "CONFIG SET replica-priority 1 slave-priority 2",
           FAILED("replica-priority") "duplicate parameter\r\n");
    world_destroy(world);
}

/* What nobody published is not missed by being away. */
static void test_who_listens_is_not_idle(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *listener = client_connect(world);
    client_send(listener, "SUBSCRIBE a\r\n");
    (void)client_take(listener);
    expect(client, "CONFIG SET timeout 5", OK);
    world_wait(world, 60000000);
    assert_true(client->closed);
    assert_false(listener->closed);
    client_send(listener, "UNSUBSCRIBE\r\n");
    world_wait(world, 7000000);
    assert_true(listener->closed);
    world_destroy(world);
}

static void test_a_client_idle_for_longer_than_timeout_is_cut_off(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world), *idle = client_connect(world),
                        *waiting = client_connect(world);
    world->node->holders = 1;
    client_send(waiting, "WAIT 3 0\r\n");
    expect(client, "CONFIG SET timeout 5", OK);
    world_wait(world, 3000000);
    expect(client, "PING", "+PONG\r\n");
    world_wait(world, 3500000);
    assert_true(idle->closed);
    assert_false(client->closed || waiting->closed);
    expect(client, "CONFIG SET timeout 0", OK);
    world_wait(world, 20000000);
    assert_false(client->closed);
    world_destroy(world);
}

static void test_the_password_changes_while_the_node_runs(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET requirepass secret", OK);
    expect(client, "GET a", "$-1\r\n"); /* Who is in stays in. */
    struct fl_io_stream *other = client_connect(world);
    expect(other, "GET a", "-NOAUTH Authentication required.\r\n");
    expect(other, "AUTH wrong", "-WRONGPASS invalid username-password pair or user is disabled.\r\n");
    expect(other, "AUTH secret", OK);
    expect(other, "CONFIG GET requirepass", "*2\r\n$11\r\nrequirepass\r\n$6\r\nsecret\r\n");
    expect(other, "CONFIG SET requirepass \"\"", OK);
    struct fl_io_stream *third = client_connect(world);
    expect(third, "GET a", "$-1\r\n");
    snprintf(world->server->listen, sizeof world->server->listen, "0.0.0.0:7600");
    expect_part(third, "CONFIG SET requirepass \"\"", "this node listens off loopback");
    world_destroy(world);
}

static void test_settings_of_the_file_hold_from_the_start_and_wrong_ones_stop_it(void **state)
{
    (void)state;
    struct fl_server_options options;
    struct fl_error_report report;
    struct fl_server_setting settings[] = {{"slowlog-max-len", "3"}, {"hz", "20"}};
    world_options(&options);
    options.settings = settings;
    options.setting_count = 2;
    struct world *world = world_create_with(&options);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG GET slowlog-max-len", "*2\r\n$15\r\nslowlog-max-len\r\n$1\r\n3\r\n");
    world_destroy(world);

    static const struct fl_server_setting wrong[][1] = {
        {{"hz", "x"}}, {{"appendonly", "no"}}, {{"nosuch", "1"}}};
    for (size_t k = 0; k < 3; k++) {
        struct fl_server *server;
        world = calloc(1, sizeof *world);
        world->io.vtable = &world_vtable;
        options.settings = wrong[k];
        options.setting_count = 1;
        assert_int_equal(fl_server_open(&server, &world->io, &options, &report), FL_EINVAL);
        assert_memory_equal(report.text, "redis.", 6);
        free(world);
    }
}

/* ----------------------------------------------------------------------------------------------- the file */

/* Two files, the configuration and the new one, on an engine whose k-th operation fails. */
struct fl_io_file {
    char *content;
};

static struct {
    char content[2][4096];
    struct fl_io_file files[2];
    bool is_there[2], directory_synced;
    int open, operations, fails_at;
    struct world *world;
} disk;

static bool complete(struct fl_io_op *op, int64_t result)
{
    bool fails = ++disk.operations == disk.fails_at;
    world_complete(disk.world, op, fails ? FL_EIO : result, 0, false);
    return !fails;
}

static int file_of(const char *path)
{
    assert_true(strcmp(path, "etc/f.conf") == 0 || strcmp(path, "etc/f.conf.new") == 0);
    return strcmp(path, "etc/f.conf") != 0;
}

static void disk_open(struct fl_io *io, struct fl_io_op *op, const char *path, int flags)
{
    int file = file_of(path);
    (void)io;
    if (!complete(op, disk.is_there[file] || (flags & FL_IO_CREATE) ? FL_OK : FL_ENOENT))
        return;
    disk.is_there[file] |= (flags & FL_IO_CREATE) != 0;
    disk.files[file].content = disk.content[file];
    disk.open += disk.is_there[file];
    op->file = &disk.files[file];
}

static void disk_close(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file)
{
    (void)io;
    (void)file;
    disk.open--;
    complete(op, FL_OK);
}

static void disk_read(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, void *data, size_t size,
                      uint64_t offset)
{
    (void)io;
    assert_true(offset == 0 && size >= strlen(file->content));
    memcpy(data, file->content, strlen(file->content));
    complete(op, (int64_t)strlen(file->content));
}

static void disk_truncate(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file, uint64_t size)
{
    (void)io;
    assert_int_equal(size, 0);
    file->content[0] = '\0';
    complete(op, FL_OK);
}

static void disk_write(struct fl_io *io, struct fl_io_op *op, struct fl_io_file *file,
                       const struct fl_io_buffer *buffers, uint32_t count, uint64_t offset, bool durable)
{
    (void)io;
    assert_true(count == 1 && offset == 0 && durable);
    if (!complete(op, (int64_t)buffers[0].size))
        return;
    memcpy(file->content, buffers[0].data, buffers[0].size);
    file->content[buffers[0].size] = '\0';
}

static void disk_rename(struct fl_io *io, struct fl_io_op *op, const char *from, const char *to)
{
    (void)io;
    assert_true(file_of(from) == 1 && file_of(to) == 0 && disk.open == 0);
    if (!complete(op, FL_OK))
        return;
    memcpy(disk.content[0], disk.content[1], sizeof disk.content[0]);
    disk.is_there[1] = false;
}

static void disk_sync_directory(struct fl_io *io, struct fl_io_op *op, const char *path)
{
    (void)io;
    assert_string_equal(path, "etc");
    disk.directory_synced = complete(op, FL_OK);
}

static const char old_file[] = "# A node.\n"
                               "name = n1\n"
                               "bootstrap = n1=h:1,\n"
                               "  reads=h:2\n"
                               "\n"
                               "reads : linear ; what GET promises\n"
                               "redis.timeout=5\t; seconds\n"
                               "redis.slave-priority = 1\n"
                               "redis.replica-priority = 2\n"
                               "; redis.hz = 1\n"
                               "redis.maxclients = 9";

static struct world *world_with_file(const char *content)
{
    static struct fl_io_vtable vtable;
    struct fl_server_options options;
    memset(&disk, 0, sizeof disk);
    snprintf(disk.content[0], sizeof disk.content[0], "%s", content);
    disk.is_there[0] = true;
    world_options(&options);
    options.config_file = "etc/f.conf";
    disk.world = world_create_with(&options);
    vtable = world_vtable;
    vtable.open = disk_open;
    vtable.close_file = disk_close;
    vtable.read = disk_read;
    vtable.truncate = disk_truncate;
    vtable.write = disk_write;
    vtable.rename = disk_rename;
    vtable.sync_directory = disk_sync_directory;
    disk.world->io.vtable = &vtable;
    return disk.world;
}

static void test_rewrite_replaces_what_changed_adds_the_rest_and_leaves_all_else(void **state)
{
    (void)state;
    struct world *world = world_with_file(old_file);
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET timeout 60 reads stale hz 20 replica-priority 3 maxmemory 1mb requirepass x",
           OK);
    expect(client, "CONFIG REWRITE", OK);
    assert_string_equal(disk.content[0], "# A node.\n"
                                         "name = n1\n"
                                         "bootstrap = n1=h:1,\n"
                                         "  reads=h:2\n"
                                         "\n"
                                         "reads = stale ; what GET promises\n"
                                         "redis.timeout = 60\t; seconds\n"
                                         "redis.replica-priority = 3\n"
                                         "; redis.hz = 1\n"
                                         "redis.maxclients = 9\n"
                                         "maxmemory = 1048576\n"
                                         "redis.hz = 20\n");
    assert_true(disk.directory_synced && disk.open == 0);
    /* Again changes nothing. */
    char before[4096];
    memcpy(before, disk.content[0], sizeof before);
    expect(client, "CONFIG REWRITE", OK);
    assert_string_equal(disk.content[0], before);
    world_destroy(world);
}

static void test_a_comment_too_long_for_the_line_gets_one_of_its_own(void **state)
{
    (void)state;
    char file[512], value[129], expected[1024];
    memset(value, 'v', 128);
    value[128] = '\0';
    snprintf(file, sizeof file, "redis.proc-title-template = {title} ; %.100s\n", value);
    struct world *world = world_with_file(file);
    struct fl_io_stream *client = client_connect(world);
    client_queue_text(client, "CONFIG SET proc-title-template ");
    client_queue_text(client, value);
    client_send(client, "\r\nCONFIG REWRITE\r\n");
    expect_text(client, OK OK);
    snprintf(expected, sizeof expected, "; %.100s\nredis.proc-title-template = %s\n", value, value);
    assert_string_equal(disk.content[0], expected);
    world_destroy(world);
}

static void test_a_rewrite_that_fails_anywhere_says_so_and_leaves_a_whole_file(void **state)
{
    (void)state;
    for (int k = 1; k <= 9; k++) {
        struct world *world = world_with_file("name = n1\n");
        struct fl_io_stream *client = client_connect(world);
        expect(client, "CONFIG SET hz 20", OK);
        disk.fails_at = k;
        expect_part(client, "CONFIG REWRITE", "etc/f.conf cannot be rewritten");
        assert_int_equal(disk.open, 0);
        assert_string_equal(disk.content[0], k < 9 ? "name = n1\n" : "name = n1\nredis.hz = 20\n");
        disk.fails_at = 0;
        expect(client, "CONFIG REWRITE", OK);
        assert_string_equal(disk.content[0], "name = n1\nredis.hz = 20\n");
        world_destroy(world);
    }
}

static void test_rewrite_outlives_its_client_and_the_server_waits_for_it(void **state)
{
    (void)state;
    struct world *world = world_with_file("name = n1\n");
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG SET hz 20", OK);
    client_queue_text(client, "CONFIG REWRITE\r\n");
    assert_true(world_receive_one(world));
    client->events.on_error(client->events.context, FL_ECLOSED);
    world_destroy(world);
    assert_string_equal(disk.content[0], "name = n1\nredis.hz = 20\n");
}

static void test_without_a_file_or_within_a_transaction_there_is_no_rewrite(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl_io_stream *client = client_connect(world);
    expect(client, "CONFIG REWRITE", "-ERR The server is running without a config file\r\n");
    world_destroy(world);
    world = world_with_file("name = n1\n");
    client = client_connect(world);
    client_send(client, "MULTI\r\nCONFIG REWRITE\r\nEXEC\r\n");
    expect_text(client,
                OK "+QUEUED\r\n*1\r\n-ERR CONFIG REWRITE cannot be part of a transaction [FL3013]\r\n");
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_that_would_weaken_a_promise_are_refused_with_a_reason),
        cmocka_unit_test(test_names_without_effect_are_kept_told_and_listed),
        cmocka_unit_test(test_values_are_checked_loosely),
        cmocka_unit_test(test_who_listens_is_not_idle),
        cmocka_unit_test(test_a_client_idle_for_longer_than_timeout_is_cut_off),
        cmocka_unit_test(test_the_password_changes_while_the_node_runs),
        cmocka_unit_test(test_settings_of_the_file_hold_from_the_start_and_wrong_ones_stop_it),
        cmocka_unit_test(test_rewrite_replaces_what_changed_adds_the_rest_and_leaves_all_else),
        cmocka_unit_test(test_a_comment_too_long_for_the_line_gets_one_of_its_own),
        cmocka_unit_test(test_a_rewrite_that_fails_anywhere_says_so_and_leaves_a_whole_file),
        cmocka_unit_test(test_rewrite_outlives_its_client_and_the_server_waits_for_it),
        cmocka_unit_test(test_without_a_file_or_within_a_transaction_there_is_no_rewrite),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
