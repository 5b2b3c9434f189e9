/* http_test.c - the web port: what its pages say, and that its thread and the server's stay out of each
 * other's way (this test is also run under the thread sanitizer). */
#include "server.h"
#include "support/server_world.h"

#include "support/browser.h"

#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

struct site {
    struct world *world;
    struct fl_web *web;
    uint16_t port;
};

static struct site open_site(void)
{
    struct site site = {.world = world_create()};
    struct fl_error_report report;
    assert_int_equal(fl_web_start(&site.web, site.world->server,
                                  &(struct fl_web_options){.address = "127.0.0.1:0"}, &report),
                     FL_OK);
    site.port = fl_web_port(site.web);
    return site;
}

static void close_site(struct site *site)
{
    fl_web_stop(site->web);
    world_destroy(site->world);
}

static void expect_response(char *response, const char *what, unsigned status, const char *part)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(response, line, strlen(line)) != 0 || strstr(response, part) == NULL)
        fail_msg("%s: no \"%s\" with status %u in \"%s\"", what, part, status, response);
    free(response);
}

static void expect_page(const struct site *site, const char *path, unsigned status, const char *part)
{
    expect_response(browser_get(site->port, path), path, status, part);
}

static void test_livez_says_yes_even_without_a_quorum(void **state)
{
    (void)state;
    struct site site = open_site();
    site.world->node->status.has_leader = site.world->node->status.ready = false;
    site.world->node->status.peers[1].up = site.world->node->status.peers[2].up = false;
    world_wait(site.world, 200000);
    expect_page(&site, "/livez", 200, "\r\n\r\nok\n");
    close_site(&site);
}

static void test_readyz_says_why_not(void **state)
{
    (void)state;
    struct site site = open_site();
    struct fl_node_status *status = &site.world->node->status;
    expect_page(&site, "/readyz", 200, "\r\n\r\nok\n");
    expect_page(&site, "/readyz?verbose", 200, "[+] leader ok\n");
    status->has_leader = status->ready = false;
    site.world->node->machine.notice(site.world->node->machine.state, site.world->node);
    world_run(site.world); /* A notice is published at once, not at the next round. */
    expect_page(&site, "/readyz", 503, "not ready; /readyz?verbose says why\n");
    expect_page(&site, "/readyz?verbose", 503,
                "[-] leader: none is known; see fairlead status\n[-] caught up: applied ");
    status->has_leader = status->ready = status->damaged = true;
    snprintf(status->damage, sizeof status->damage, "entry 7 in 00000001.log");
    world_wait(site.world, 200000);
    expect_page(&site, "/readyz?verbose=1", 503, "[-] undamaged: entry 7 in 00000001.log\nnot ready\n");
    close_site(&site);
}

static void test_metrics_are_prometheus_text(void **state)
{
    (void)state;
    struct site site = open_site();
    struct fl_io_stream *client = client_connect(site.world);
    client_send(client, "SET a 1\r\nSET b 1\r\nGET a\r\n");
    site.world->node->status.peers[1].match = 1;
    site.world->node->status.sync_time.buckets[1] = 3;
    site.world->node->status.sync_time.count = 4;
    site.world->node->status.sync_time.sum_us = 2500000;
    world_wait(site.world, 200000);
    expect_page(&site, "/metrics", 200, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    expect_page(&site, "/metrics", 200, "# TYPE fairlead_raft_is_leader gauge\nfairlead_raft_is_leader 1\n");
    expect_page(&site, "/metrics", 200, "fairlead_raft_peer_lag_entries{peer=\"n2\"} 1\n");
    expect_page(&site, "/metrics", 200, "fairlead_wal_fsync_duration_seconds_bucket{le=\"4e-05\"} 3\n");
    expect_page(&site, "/metrics", 200,
                "fairlead_wal_fsync_duration_seconds_bucket{le=\"+Inf\"} 4\n"
                "fairlead_wal_fsync_duration_seconds_sum 2.500000\n"
                "fairlead_wal_fsync_duration_seconds_count 4\n");
    expect_page(&site, "/metrics", 200, "fairlead_commands_total{cmd=\"set\"} 2\n");
    expect_page(&site, "/metrics", 200, "fairlead_keys 2\n");
    expect_page(&site, "/metrics", 200, "# TYPE process_cpu_seconds_total counter\n");
    expect_page(&site, "/metrics", 200, "fairlead_clients 1\n");
    site.world->node->status.role = FL_FOLLOWER;
    world_wait(site.world, 200000);
    char *response = browser_get(site.port, "/metrics");
    assert_null(strstr(response, "match_index")); /* Only a leader knows. */
    free(response);
    close_site(&site);
}

static void test_status_is_the_same_json_as_fairlead_status(void **state)
{
    (void)state;
    struct site site = open_site();
    expect_page(&site, "/status.json", 200, "{\"name\":\"n1\",\"id\":\"000000000000abc1\"");
    expect_page(&site, "/status.json", 200, "Content-Type: application/json\r\n");
    close_site(&site);
}

static void test_other_paths_and_methods_are_refused(void **state)
{
    (void)state;
    struct site site = open_site();
    expect_page(&site, "/help", 200, "/status.json");
    expect_page(&site, "/nothing", 404, "/help lists them");
    expect_page(&site, "/livez/../metrics", 404, "");
    char *response = browser_ask(site.port, "DELETE", "/livez", "", NULL);
    assert_memory_equal(response, "HTTP/1.1 405 ", 13);
    assert_non_null(strstr(response, "Allow: GET, HEAD\r\n"));
    free(response);
    response = browser_ask(site.port, "HEAD", "/livez", "", NULL);
    assert_memory_equal(response, "HTTP/1.1 200 ", 13);
    assert_null(strstr(response, "ok\n"));
    free(response);
    close_site(&site);
}

static void test_a_port_in_use_and_no_address_are_reported(void **state)
{
    (void)state;
    struct site site = open_site();
    struct fl_error_report report;
    struct fl_web *web;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)site.port);
    assert_int_equal(
        fl_web_start(&web, site.world->server, &(struct fl_web_options){.address = address}, &report),
        FL_EADDR);
    assert_null(web);
    assert_non_null(strstr(report.text, "cannot be listened on"));
    assert_int_equal(
        fl_web_start(&web, site.world->server, &(struct fl_web_options){.address = "nonsense"}, &report),
        FL_EADDR);
    assert_non_null(strstr(report.text, "is no address, H:P"));
    fl_web_stop(NULL);
    close_site(&site);
}

/* A page of another site, whose name was made to mean this machine, asks under that name. */
static void test_on_loopback_only_a_number_or_localhost_is_answered(void **state)
{
    static const char *const names[] = {"evil.example",
                                        "evil.example:80",
                                        "localhost.evil.example",
                                        "127.0.0.1.evil",
                                        "[::1].evil",
                                        "[evil]:80",
                                        "127.0.0.1:80.evil",
                                        "2130706433",
                                        "",
                                        "[::1",
                                        "a.localhost"};
    static const char *const own[] = {"127.0.0.1", "localhost",    "LOCALHOST:7602",
                                      "[::1]:1",   "192.0.2.1:80", "127.0.0.1:"};
    static const char *const paths[] = {"/status.json", "/metrics",   "/live",   "/",
                                        "/web/live.js", "/mode.json", "/nothing"};
    (void)state;
    struct site site = open_site();
    char header[128];
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        snprintf(header, sizeof header, "Host: %s\r\n", names[k]);
        expect_response(browser_ask(site.port, "GET", paths[k % 7], header, NULL), names[k], 403,
                        "http://localhost:PORT");
    }
    snprintf(header, sizeof header, "Host: evil.example\r\n");
    expect_response(browser_ask(site.port, "DELETE", "/livez", header, NULL), "DELETE", 403, "");
    expect_response(browser_ask(site.port, "POST", "/admin/write", header, "{}"), "POST", 403,
                    "http://localhost:PORT");
    for (size_t k = 0; k < sizeof own / sizeof own[0]; k++) {
        snprintf(header, sizeof header, "Host: %s\r\n", own[k]);
        expect_response(browser_ask(site.port, "GET", "/livez", header, NULL), own[k], 200, "ok\n");
    }
    close_site(&site);
}

static void note_warning(void *context, int level, const char *line)
{
    if (level == FL_LOG_WARN)
        snprintf(context, 512, "%s", line);
}

static void test_a_web_port_without_descriptors_says_so(void **state)
{
    struct fl_error_report report;
    struct site site = {.world = world_create()};
    struct rlimit before, small;
    int none = dup(STDIN_FILENO);
    (void)state;
    assert_true(none >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int more = 0; more < 3; more++) { /* It lacks the first one, or another. */
        small = before;
        small.rlim_cur = (rlim_t)(none + more);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
        int result = fl_web_start(&site.web, site.world->server,
                                  &(struct fl_web_options){.address = "127.0.0.1:0"}, &report);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(result, FL_EMFILE);
        assert_non_null(strstr(report.text, "raise ulimit -n"));
    }
    close(none);
    world_destroy(site.world);
}

static void test_beyond_loopback_names_are_answered_and_the_log_warns(void **state)
{
    char warning[512] = "";
    struct fl_server_options options;
    struct fl_error_report report;
    struct site site;
    (void)state;
    world_options(&options);
    options.node.log = note_warning;
    options.node.log_context = warning;
    site.world = world_create_with(&options);
    assert_int_equal(fl_web_start(&site.web, site.world->server,
                                  &(struct fl_web_options){.address = "127.0.0.1:0"}, &report),
                     FL_OK);
    assert_string_equal(warning, "");
    fl_web_stop(site.web);
    assert_int_equal(fl_web_start(&site.web, site.world->server,
                                  &(struct fl_web_options){.address = "0.0.0.0:0"}, &report),
                     FL_OK);
    assert_non_null(strstr(warning, "asks for no password"));
    site.port = fl_web_port(site.web);
    expect_response(browser_ask(site.port, "GET", "/livez", "Host: n1.example\r\n", NULL), "a name", 200,
                    "ok\n");
    close_site(&site);
}

static void test_who_holds_connections_without_a_request_keeps_nobody_out(void **state)
{
    enum { COUNT = 300 };
    int fds[COUNT];
    (void)state;
    struct site site = open_site();
    for (int k = 0; k < COUNT; k++)
        fds[k] = browser_send(site.port, k % 2 == 0 ? "" : "GET /livez HTTP/1.1\r\nHost: loc");
    expect_page(&site, "/livez", 200, "ok\n");
    for (int k = 0; k < COUNT; k++)
        close(fds[k]);
    close_site(&site);
}

static void test_a_connection_takes_several_requests(void **state)
{
    (void)state;
    static char text[65536];
    struct site site = open_site();
    int fd = browser_send(site.port, "GET /livez HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
                                     "POST /livez HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
    text[0] = '\0';
    assert_true(browser_await(fd, text, sizeof text, "HTTP/1.1 200 OK", 10000));
    assert_true(browser_await(fd, text, sizeof text, "HTTP/1.1 405", 10000));
    close(fd);
    close_site(&site);
}

static void *scrape(void *context)
{
    const struct site *site = context;
    static const char *const paths[] = {"/metrics", "/status.json", "/readyz?verbose", "/livez"};
    for (int k = 0; k < 100; k++)
        free(browser_get(site->port, paths[k % 4]));
    return NULL;
}

static void test_scrapes_run_beside_the_server(void **state)
{
    (void)state;
    struct site site = open_site();
    struct fl_io_stream *client = client_connect(site.world);
    pthread_t threads[3];
    for (int k = 0; k < 3; k++)
        assert_int_equal(pthread_create(&threads[k], NULL, scrape, &site), 0);
    for (int k = 0; k < 200; k++) {
        client_send(client, "INCR a\r\nPING\r\n");
        world_wait(site.world, 100000);
    }
    for (int k = 0; k < 3; k++)
        pthread_join(threads[k], NULL);
    expect_page(&site, "/metrics", 200, "fairlead_commands_total{cmd=\"incr\"} 200\n");
    close_site(&site);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_livez_says_yes_even_without_a_quorum),
        cmocka_unit_test(test_readyz_says_why_not),
        cmocka_unit_test(test_metrics_are_prometheus_text),
        cmocka_unit_test(test_status_is_the_same_json_as_fairlead_status),
        cmocka_unit_test(test_other_paths_and_methods_are_refused),
        cmocka_unit_test(test_a_port_in_use_and_no_address_are_reported),
        cmocka_unit_test(test_on_loopback_only_a_number_or_localhost_is_answered),
        cmocka_unit_test(test_a_web_port_without_descriptors_says_so),
        cmocka_unit_test(test_beyond_loopback_names_are_answered_and_the_log_warns),
        cmocka_unit_test(test_who_holds_connections_without_a_request_keeps_nobody_out),
        cmocka_unit_test(test_a_connection_takes_several_requests),
        cmocka_unit_test(test_scrapes_run_beside_the_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
