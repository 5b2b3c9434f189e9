/* cli_notify_test.c - what the service manager hears of a node. */
#include "cli.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static void test_the_status_says_what_a_node_waits_for(void **state)
{
    (void)state;
    struct fl_node_status status = {.term = 7, .applied = 3, .commit = 9};
    char text[320];
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "waits for the founding members");
    status.founded = true;
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "no leader in term 7");
    status.has_leader = true;
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "catching up: applied 3 of 9");
    status.ready = true;
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "follower in term 7");
    status.role = FL_LEADER;
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "leader in term 7");
    status.damaged = true;
    snprintf(status.damage, sizeof status.damage, "entry 4 in 00000001.log");
    fl__notify_status(&status, text, sizeof text);
    assert_string_equal(text, "damaged: entry 4 in 00000001.log");
}

/* A node alone, and the socket on which its manager listens. */
struct manager {
    int socket;
    char directory[64], path[96], data[96];
    char heard[4096]; /* All messages, one after the other. */
    struct fl_io *io;
    struct fl_server *server;
    struct fl_io_op timer;
    unsigned looks;
    struct fl__notify notify;
};

static void listen_to_it(struct manager *manager)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(manager->directory, sizeof manager->directory, "/tmp/fairlead-test-XXXXXX");
    assert_non_null(mkdtemp(manager->directory));
    snprintf(manager->path, sizeof manager->path, "%s/notify", manager->directory);
    snprintf(manager->data, sizeof manager->data, "%s/data", manager->directory);
    memcpy(address.sun_path, manager->path, sizeof manager->path);
    manager->socket = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(manager->socket, (struct sockaddr *)&address, sizeof address), 0);
    setenv("NOTIFY_SOCKET", manager->path, 1);
}

static void hear(struct manager *manager)
{
    size_t used = strlen(manager->heard);
    ssize_t size;
    while ((size = recv(manager->socket, manager->heard + used, sizeof manager->heard - used - 2, 0)) > 0) {
        used += (size_t)size;
        manager->heard[used++] = '\n';
    }
}

/* Listens until the node is ready, or ten seconds have passed, and then ends the loop. */
static void on_timer(struct fl_io_op *op)
{
    struct manager *manager = op->owner;
    hear(manager);
    if (strstr(manager->heard, "READY=1\n") != NULL || manager->looks++ == 200) {
        fl_io_uv_stop(manager->io);
        return;
    }
    manager->timer = (struct fl_io_op){.done = on_timer, .owner = manager};
    manager->io->vtable->timer(manager->io, &manager->timer, manager->io->vtable->now(manager->io) + 50000);
}

static void on_closed(void *context)
{
    struct manager *manager = context;
    manager->server = NULL;
    fl_io_uv_stop(manager->io);
}

static void open_server(struct manager *manager)
{
    static const uint8_t id[16] = "notify";
    struct fl_node_member self = {.name = "n1", .address = "127.0.0.1:23580"};
    struct fl_server_options options;
    struct fl_error_report report;
    fl_server_options_init(&options);
    options.listen = "127.0.0.1:0";
    options.node.directory = manager->data;
    options.node.name = self.name;
    options.node.listen = self.address;
    options.node.members = &self;
    options.node.member_count = 1;
    options.node.cluster_id = id;
    options.node.segment_size = 1 << 20;
    assert_int_equal(fl_io_uv_create(&manager->io), FL_OK);
    if (fl_server_open(&manager->server, manager->io, &options, &report) != FL_OK)
        fail_msg("%s", report.text);
}

static void test_ready_is_said_once_the_node_serves_and_stopping_at_the_end(void **state)
{
    (void)state;
    struct manager *manager = calloc(1, sizeof *manager);
    char command[96];
    listen_to_it(manager);
    open_server(manager);
    fl__notify_start(&manager->notify, manager->io, manager->server);
    hear(manager);
    assert_null(strstr(manager->heard, "READY=1")); /* It has not even voted. */
    assert_memory_equal(manager->heard, "STATUS=", 7);
    manager->timer.owner = manager;
    on_timer(&manager->timer);
    fl_io_uv_run(manager->io);
    assert_non_null(strstr(manager->heard, "READY=1\nSTATUS=leader in term 1\n"));
    fl__notify_stop(&manager->notify);
    fl_server_close(manager->server, on_closed, manager);
    while (manager->server != NULL || manager->notify.is_looking)
        fl_io_uv_run(manager->io);
    hear(manager);
    assert_non_null(strstr(manager->heard, "\nSTOPPING=1\nSTATUS=stopping\n"));
    assert_null(strstr(strstr(manager->heard, "READY=1") + 1, "READY=1"));
    fl_io_uv_destroy(manager->io);
    close(manager->socket);
    unsetenv("NOTIFY_SOCKET");
    snprintf(command, sizeof command, "rm -rf %s", manager->directory);
    assert_int_equal(system(command), 0);
    free(manager);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_status_says_what_a_node_waits_for),
#ifdef FL_SYSTEMD
        cmocka_unit_test(test_ready_is_said_once_the_node_serves_and_stopping_at_the_end),
#endif
    };
#ifndef FL_SYSTEMD
    (void)test_ready_is_said_once_the_node_serves_and_stopping_at_the_end;
#endif
    return cmocka_run_group_tests(tests, NULL, NULL);
}
