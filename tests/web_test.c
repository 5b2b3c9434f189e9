/* web_test.c - the web port's page: its files, the stream to those who watch, and what may be done on it.
 * Members are played by one that answers as the test wants, at a real port. This test is also run under the
 * thread sanitizer. */
#include "support/browser.h"
#include "support/member_view.h"
#include "support/server_world.h"
#include "web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#define TEXT_SIZE ((size_t)256 << 10)
#define MEMBER_CONNECTIONS 32
#define OUTCOME_MS 5000

/* ----------------------------------------------------------------------------------------------- a member */

struct member {
    int listener, connections[MEMBER_CONNECTIONS];
    uint32_t connection_count;
    uint16_t port;
    pthread_t thread;
    pthread_mutex_t mutex;
    const char *name;
    /* Under the mutex: */
    bool is_ending, is_silent;
    void (*say)(const struct member *member, int fd); /* To FAIRLEAD VIEW. */
    unsigned last, asked, authenticated;
    char heard[4096]; /* The latest that it was asked. */
};

static void say(int fd, const char *text)
{
    ssize_t size = send(fd, text, strlen(text), MSG_NOSIGNAL);
    assert_true(size == (ssize_t)strlen(text) || errno == EPIPE ||
                errno == ECONNRESET); /* Nobody waits for it. */
}

/* For as long as somebody listens, up to so many bytes. */
static void say_again_and_again(int fd, const char *text, size_t size_max)
{
    char bytes[32 << 10];
    size_t size = strlen(text), count = sizeof bytes / size;
    for (size_t k = 0; k < count; k++)
        memcpy(bytes + k * size, text, size);
    for (size_t said = 0; said < size_max; said += count * size) {
        struct pollfd one = {.fd = fd, .events = POLLOUT};
        if (poll(&one, 1, OUTCOME_MS) != 1 || send(fd, bytes, count * size, MSG_NOSIGNAL | MSG_DONTWAIT) <= 0)
            return;
    }
}

static void say_view(const struct member *member, int fd)
{
    char view[1024], text[1536];
    snprintf(
        view, sizeof view,
        "{\"name\":\"%s\",\"up\":true,\"role\":\"leader\",\"health\":\"healthy\",\"last\":%u,\"commit\":%u,"
        "\"term\":3," MEMBER_REST ",\"first\":1,\"log\":[],\"peers\":[]}",
        member->name, member->last, member->last);
    snprintf(text, sizeof text, "*4\r\n$4\r\nb001\r\n:1\r\n*0\r\n$%zu\r\n%s\r\n", strlen(view), view);
    say(fd, text);
}

/* One batch of bytes is one command, or AUTH and one. */
static void hear(struct member *member, int fd, const char *text)
{
    pthread_mutex_lock(&member->mutex);
    snprintf(member->heard, sizeof member->heard, "%s", text);
    bool is_view = strstr(text, "VIEW") != NULL;
    member->asked += is_view;
    if (!member->is_silent) {
        if (strstr(text, "AUTH") != NULL) {
            member->authenticated++;
            say(fd, "+OK\r\n");
        }
        if (is_view)
            member->say(member, fd);
        else if (strstr(text, "SET") != NULL)
            say(fd, "+OK\r\n");
        else if (strstr(text, "CAMPAIGN") != NULL)
            say(fd, "-ERR n1 leads already\r\n");
    }
    pthread_mutex_unlock(&member->mutex);
}

static void serve_connection(struct member *member, uint32_t k)
{
    char text[4096];
    ssize_t size = recv(member->connections[k], text, sizeof text - 1, 0);
    if (size <= 0) {
        close(member->connections[k]);
        member->connections[k] = member->connections[--member->connection_count];
        return;
    }
    text[size] = '\0';
    hear(member, member->connections[k], text);
}

static bool is_ending(struct member *member)
{
    pthread_mutex_lock(&member->mutex);
    bool ending = member->is_ending;
    pthread_mutex_unlock(&member->mutex);
    return ending;
}

static void *be_member(void *context)
{
    struct member *member = context;
    while (!is_ending(member)) {
        struct pollfd polls[1 + MEMBER_CONNECTIONS] = {{.fd = member->listener, .events = POLLIN}};
        uint32_t count = member->connection_count;
        for (uint32_t k = 0; k < count; k++)
            polls[1 + k] = (struct pollfd){.fd = member->connections[k], .events = POLLIN};
        poll(polls, 1 + count, 20);
        for (uint32_t k = count; k-- > 0;)
            if (polls[1 + k].revents != 0)
                serve_connection(member, k);
        if (polls[0].revents != 0 && member->connection_count < MEMBER_CONNECTIONS)
            member->connections[member->connection_count++] = accept(member->listener, NULL, NULL);
    }
    return NULL;
}

static void start_member(struct member *member, const char *name)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t size = sizeof address;
    *member = (struct member){.name = name, .last = 5, .say = say_view};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    member->listener = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(member->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(member->listener, 16), 0);
    assert_int_equal(getsockname(member->listener, (struct sockaddr *)&address, &size), 0);
    member->port = ntohs(address.sin_port);
    pthread_mutex_init(&member->mutex, NULL);
    assert_int_equal(pthread_create(&member->thread, NULL, be_member, member), 0);
}

static void stop_member(struct member *member)
{
    pthread_mutex_lock(&member->mutex);
    member->is_ending = true;
    pthread_mutex_unlock(&member->mutex);
    pthread_join(member->thread, NULL);
    for (uint32_t k = 0; k < member->connection_count; k++)
        close(member->connections[k]);
    close(member->listener);
    pthread_mutex_destroy(&member->mutex);
}

static unsigned times_asked(struct member *member)
{
    pthread_mutex_lock(&member->mutex);
    unsigned asked = member->asked;
    pthread_mutex_unlock(&member->mutex);
    return asked;
}

static void set_last(struct member *member, unsigned last)
{
    pthread_mutex_lock(&member->mutex);
    member->last = last;
    pthread_mutex_unlock(&member->mutex);
}

static void set_silent(struct member *member, bool is_silent)
{
    pthread_mutex_lock(&member->mutex);
    member->is_silent = is_silent;
    pthread_mutex_unlock(&member->mutex);
}

static void set_say(struct member *member, void (*say_it)(const struct member *member, int fd))
{
    pthread_mutex_lock(&member->mutex);
    member->say = say_it;
    pthread_mutex_unlock(&member->mutex);
}

/* ------------------------------------------------------------------------------------------------- a site */

/* A node whose clients are directed to the member above; n2 and n3 have no address yet. */
struct site {
    struct world *world;
    struct fl_web *web;
    struct member member;
    uint16_t port;
};

static void open_site(struct site *site, enum fl_web_admin admin)
{
    const struct fl_web_options options = {.address = "127.0.0.1:0", .version = "0.1.0", .admin = admin};
    struct fl_error_report report;
    start_member(&site->member, "n1");
    site->world = world_create();
    snprintf(site->world->server->client, sizeof site->world->server->client, "127.0.0.1:%u",
             (unsigned)site->member.port);
    assert_int_equal(fl_web_start(&site->web, site->world->server, &options, &report), FL_OK);
    site->port = fl_web_port(site->web);
}

static void close_site(struct site *site)
{
    fl_web_stop(site->web);
    world_destroy(site->world);
    stop_member(&site->member);
}

static void expect_answer(char *response, unsigned status, const char *part)
{
    char line[32];
    snprintf(line, sizeof line, "HTTP/1.1 %u ", status);
    if (strncmp(response, line, strlen(line)) != 0 || strstr(response, part) == NULL)
        fail_msg("no \"%s\" with status %u in \"%.2000s\"", part, status, response);
    if (strstr(response,
               "Content-Security-Policy: default-src 'self'; script-src 'self' 'wasm-unsafe-eval'\r\n") ==
        NULL)
        fail_msg("no policy in \"%.1000s\"", response);
    free(response);
}

/* ----------------------------------------------------------------------------------------------- the page */

static void test_files_are_served_with_their_types_and_once(void **state)
{
    struct site site;
    char headers[64], *response;
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    expect_answer(browser_get(site.port, "/web/live.js"), 200,
                  "Content-Type: text/javascript; charset=utf-8\r\n");
    response = browser_get(site.port, "/web/live.js");
    const char *tag = strstr(response, "ETag: ");
    assert_non_null(tag);
    snprintf(headers, sizeof headers, "If-None-Match: %.18s\r\n", tag + 6);
    free(response);
    expect_answer(browser_ask(site.port, "GET", "/web/live.js", headers, NULL), 304, "ETag: ");
    expect_answer(browser_ask(site.port, "GET", "/web/live.js", "If-None-Match: \"00\"\r\n", NULL), 200,
                  "EventSource");
    response = browser_ask(site.port, "HEAD", "/web/live.js", "", NULL);
    assert_null(strstr(response, "EventSource"));
    expect_answer(response, 200, "ETag: ");
    expect_answer(browser_ask(site.port, "GET", "/web/live.js", "Accept-Encoding: gzip, br\r\n", NULL), 200,
                  "Content-Encoding: gzip\r\n");
    response = browser_ask(site.port, "GET", "/web/live.js", "Accept-Encoding: gzip;q=0\r\n", NULL);
    assert_null(strstr(response, "Content-Encoding"));
    expect_answer(response, 200, "EventSource");
    expect_answer(browser_get(site.port, "/web/nothing.js"), 404, "/help lists them");
    expect_answer(browser_get(site.port, "/web/../web/live.js"), 404, "");
    expect_answer(browser_get(site.port, "/web/"), 404, "");
    close_site(&site);
}

static void test_the_page_is_told_what_it_may_show(void **state)
{
    struct site site;
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    bool has_core = fl__file_find("web/core.wasm") != NULL,
         has_page = fl__file_find("web/index.html") != NULL;
    expect_answer(browser_get(site.port, "/mode.json"), 200, "{\"live\":true,\"admin\":false,");
    expect_answer(browser_get(site.port, "/mode.json"), 200,
                  has_core ? "\"playground\":true" : "\"playground\":false");
    expect_answer(browser_get(site.port, "/mode.json"), 200, "\"name\":\"n1\",\"version\":\"0.1.0\"}\n");
    expect_answer(browser_get(site.port, "/web/core.wasm"), has_core ? 200 : 404,
                  has_core ? "application/wasm" : "");
    expect_answer(browser_get(site.port, "/"), has_page ? 200 : 404, "");
    expect_answer(browser_get(site.port, "/learn"), has_page ? 200 : 404, "");
    close_site(&site);
    open_site(&site, FL_WEB_ADMIN_LOOPBACK);
    expect_answer(browser_get(site.port, "/mode.json"), 200, "{\"live\":true,\"admin\":true,");
    close_site(&site);
}

static void test_a_playground_needs_no_node_and_shows_none(void **state)
{
    const struct fl_web_options options = {.address = "127.0.0.1:0", .version = "0.1.0"};
    struct fl_error_report report;
    struct fl_web *web;
    (void)state;
    if (fl__file_find("web/core.wasm") == NULL) {
        assert_int_equal(fl_web_start(&web, NULL, &options, &report), FL_EINVAL);
        assert_non_null(strstr(report.text, "without the playground"));
        return;
    }
    assert_int_equal(fl_web_start(&web, NULL, &options, &report), FL_OK);
    uint16_t port = fl_web_port(web);
    expect_answer(browser_get(port, "/mode.json"), 200,
                  "{\"live\":false,\"admin\":false,\"playground\":true");
    expect_answer(browser_get(port, "/web/core.wasm"), 200, "Content-Type: application/wasm\r\n");
    expect_answer(browser_get(port, "/live"), 404, "");
    expect_answer(browser_get(port, "/metrics"), 404, "");
    expect_answer(browser_ask(port, "POST", "/admin/write", "X-Fairlead: 1\r\n", "{}"), 403, "");
    fl_web_stop(web);
}

/* ----------------------------------------------------------------------------------------------- watching */

static void test_who_watches_sees_the_cluster_and_what_changes(void **state)
{
    struct site site;
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"sampled\":false}\n\n", OUTCOME_MS));
    assert_non_null(strstr(text, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(text, "Content-Security-Policy: default-src 'self'"));
    assert_non_null(strstr(text, "\"role\":\"leader\",\"health\":\"healthy\",\"last\":5"));
    assert_non_null(strstr(text, "{\"name\":\"n2\",\"up\":false,"));
    assert_non_null(strstr(text, "\"live\":true,\"name\":\"n1\""));
    set_last(&site.member, 6);
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"last\":6", OUTCOME_MS));
    assert_null(
        strstr(strstr(text, "\"last\":6") + 1, "event: view")); /* What did not change is told once. */
    int second = browser_open(site.port, "/live");
    char *other = calloc(1, TEXT_SIZE);
    assert_true(browser_await(second, other, TEXT_SIZE, "\"last\":6", OUTCOME_MS));
    set_silent(&site.member, true);
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"role\":\"down\",\"health\":\"unknown\",\"peers\":[]",
                              OUTCOME_MS));
    assert_true(browser_await(second, other, TEXT_SIZE, "\"first\":1,\"log\":[],\"up\":false", OUTCOME_MS));
    set_silent(&site.member, false);
    set_last(&site.member, 7);
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"last\":7", OUTCOME_MS));
    close(fd);
    close(second);
    free(text);
    free(other);
    close_site(&site);
}

static void say_long_view(const struct member *member, int fd)
{
    (void)member;
    say(fd, "*4\r\n$4\r\nb001\r\n:1\r\n*0\r\n$9000000\r\n");
    say_again_and_again(fd, "{\"name\":\"n2\"}", 9000000);
}

static void say_endless_events(const struct member *member, int fd)
{
    (void)member;
    say(fd, "*4\r\n$4\r\nb001\r\n:1\r\n*9999\r\n");
    say_again_and_again(fd, "$2\r\n{}\r\n", 64u << 20);
}

static void say_a_huge_number_of_events(const struct member *member, int fd)
{
    (void)member;
    say(fd, "*4\r\n$4\r\nb001\r\n:1\r\n*20");
    say(fd, "0000000\r\n");
}

static void say_a_huge_set(const struct member *member, int fd)
{
    (void)member;
    say(fd, "~20000000\r\n");
}

static void say_arrays_in_arrays(const struct member *member, int fd)
{
    (void)member;
    say_again_and_again(fd, "*99\r\n", 64u << 10);
}

static void say_other_things_too(const struct member *member, int fd)
{
    say_view(member, fd);
    say_again_and_again(fd, "+more\r\n", 64u << 10);
}

static void say_nonsense(const struct member *member, int fd)
{
    (void)member;
    say(fd, "HTTP/1.1 400 Bad Request\r\n\r\n");
}

static void say_another_view(const struct member *member, int fd)
{
    struct member other = {.name = "n3", .last = member->last};
    say_view(&other, fd);
}

static void say_an_error(const struct member *member, int fd)
{
    (void)member;
    say(fd, "-NOAUTH \"please\" \x01\xff\r\n");
}

/* n2 answers with it, and is shown as down; n1 and its changes are seen as ever. */
static void check_bad_answer(struct site *site, struct member *second,
                             void (*say_it)(const struct member *member, int fd), const char *problem)
{
    char *text = calloc(1, TEXT_SIZE), part[256];
    static const char start[] = "{\"name\":\"n2\",\"up\":true";
    int fd = browser_open(site->port, "/live");
    set_say(second, say_view);
    assert_true(browser_await(fd, text, TEXT_SIZE, start, OUTCOME_MS));
    set_say(second, say_it);
    set_last(second, 100); /* So that it is new. */
    snprintf(part, sizeof part, "\"role\":\"down\",\"health\":\"unknown\",\"peers\":[],\"problem\":\"%s",
             problem);
    if (!browser_await(fd, text, TEXT_SIZE, part, OUTCOME_MS))
        fail_msg("no %s in %.3000s", part, text);
    for (unsigned last = 6; last < 9; last++) {
        set_last(&site->member, last);
        snprintf(part, sizeof part,
                 "\"name\":\"n1\",\"up\":true,\"role\":\"leader\",\"health\":\"healthy\",\"last\":%u", last);
        assert_true(browser_await(fd, text, TEXT_SIZE, part, OUTCOME_MS));
    }
    close(fd);
    free(text);
    set_last(&site->member, 5);
    set_last(second, 5);
}

static void test_a_member_that_says_too_much_or_nonsense_is_down_and_the_others_are_not(void **state)
{
    struct site site;
    struct member second;
    struct fl_node_peer *peer;
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    start_member(&second, "n2");
    peer = &site.world->node->status.peers[1];
    snprintf(peer->member.client, sizeof peer->member.client, "127.0.0.1:%u", (unsigned)second.port);
    world_wait(site.world, 200000);
    check_bad_answer(&site, &second, say_long_view, "its answer is too long");
    check_bad_answer(&site, &second, say_endless_events, "its answer is too long");
    check_bad_answer(&site, &second, say_a_huge_number_of_events, "its answer is too long");
    check_bad_answer(&site, &second, say_a_huge_set, "its answer is too long");
    check_bad_answer(&site, &second, say_arrays_in_arrays, "its answer is too long");
    check_bad_answer(&site, &second, say_other_things_too, "it says more than it was asked");
    check_bad_answer(&site, &second, say_nonsense, "it does not speak the Redis protocol");
    check_bad_answer(&site, &second, say_another_view, "its answer is no view");
    check_bad_answer(&site, &second, say_an_error, "NOAUTH \\\"please\\\" ??");
    close_site(&site);
    stop_member(&second);
}

static void test_nobody_is_asked_while_nobody_watches(void **state)
{
    struct site site;
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    free(browser_get(site.port, "/metrics"));
    free(browser_ask(site.port, "HEAD", "/live", "", NULL));
    usleep(300000);
    assert_int_equal(times_asked(&site.member), 0);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "event: view", OUTCOME_MS));
    assert_true(times_asked(&site.member) > 0);
    close(fd);
    usleep(600000); /* Who is gone is noticed at the next look. */
    unsigned asked = times_asked(&site.member);
    usleep(500000);
    assert_int_equal(times_asked(&site.member), asked);
    *text = '\0';
    fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "event: view", OUTCOME_MS));
    close(fd);
    free(text);
    close_site(&site);
}

static double processor_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

static void test_watching_is_mostly_waiting(void **state)
{
    struct site site;
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "event: view", OUTCOME_MS));
    double before = processor_ms();
    usleep(1000000);
    assert_true(processor_ms() - before < 200);
    close(fd);
    free(text);
    close_site(&site);
}

static void test_only_so_many_may_watch(void **state)
{
    struct site site;
    int fds[32];
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    for (int k = 0; k < 32; k++) {
        fds[k] = browser_open(site.port, "/live");
        *text = '\0';
        assert_true(browser_await(fds[k], text, TEXT_SIZE, "event: view", OUTCOME_MS));
    }
    expect_answer(browser_get(site.port, "/live"), 503, "As many watch as may");
    expect_answer(browser_get(site.port, "/live"), 503, "Retry-After: ");
    expect_answer(browser_get(site.port, "/livez"), 200, "ok\n");
    browser_reset(fds[31]); /* Its place is free at once, though there is nothing to tell. */
    for (fds[31] = -1; fds[31] < 0;) {
        fds[31] = browser_open(site.port, "/live");
        *text = '\0';
        assert_true(browser_await(fds[31], text, TEXT_SIZE, "\r\n\r\n", OUTCOME_MS));
        if (strstr(text, "HTTP/1.1 200 ") == NULL) {
            close(fds[31]);
            fds[31] = -1;
            usleep(50000);
        }
    }
    for (int k = 0; k < 31; k++)
        close(fds[k]);
    close_site(&site); /* With one who still watches. */
    close(fds[31]);
    free(text);
}

static void test_the_stream_passes_proxies_and_is_for_no_other_page(void **state)
{
    static const char *const others[] = {"cross-site", "same-site"}, *const own[] = {"same-origin", "none"};
    struct site site;
    char *text = calloc(1, TEXT_SIZE), header[64];
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "event: view", OUTCOME_MS));
    assert_non_null(strstr(text, "X-Accel-Buffering: no\r\n"));
    assert_non_null(strstr(text, "Cache-Control: no-store, no-transform\r\n"));
    assert_non_null(strstr(text, "retry: 1000\n\n"));
    close(fd);
    for (int k = 0; k < 2; k++) {
        snprintf(header, sizeof header, "Sec-Fetch-Site: %s\r\n", others[k]);
        expect_answer(browser_ask(site.port, "GET", "/live", header, NULL), 403, "another site's page");
        expect_answer(browser_ask(site.port, "GET", "/", header, NULL), 200, ""); /* A link may lead here. */
        snprintf(header, sizeof header, "Sec-Fetch-Site: %s\r\n", own[k]);
        expect_answer(browser_ask(site.port, "HEAD", "/live", header, NULL), 200,
                      "Cross-Origin-Resource-Policy: same-origin\r\n");
    }
    free(text);
    close_site(&site);
}

/* ----------------------------------------------------------------------------- places and passwords */

static void set_client(struct site *site, uint32_t peer, const char *host, unsigned port)
{
    struct fl_server *server = site->world->server;
    struct fl_node_peer *other = &site->world->node->status.peers[peer];
    if (other->self)
        snprintf(server->client, sizeof server->client, "%s:%u", host, port);
    else
        snprintf(other->member.client, sizeof other->member.client, "%s:%u", host, port);
    world_wait(site->world, 200000);
}

static void test_a_member_is_found_by_its_name(void **state)
{
    struct site site;
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_LOOPBACK);
    set_client(&site, 0, "localhost", site.member.port);
    set_client(&site, 1, "n2.invalid", 1);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"name\":\"n1\",\"up\":true", OUTCOME_MS));
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"problem\":\"its name ", OUTCOME_MS));
    expect_answer(browser_ask(site.port, "POST", "/admin/write", "X-Fairlead: 1\r\n",
                              "{\"key\":\"a\",\"value\":\"1\"}"),
                  200, "OK\n");
    close(fd);
    free(text);
    close_site(&site);
}

static void test_the_password_opens_the_members(void **state)
{
    struct site site;
    char *text = calloc(1, TEXT_SIZE);
    (void)state;
    open_site(&site, FL_WEB_ADMIN_OFF);
    snprintf(site.world->server->password, sizeof site.world->server->password, "secret");
    world_wait(site.world, 200000);
    int fd = browser_open(site.port, "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "\"last\":5", OUTCOME_MS));
    pthread_mutex_lock(&site.member.mutex);
    assert_int_equal(site.member.authenticated, 1); /* Once for a connection. */
    pthread_mutex_unlock(&site.member.mutex);
    close(fd);
    free(text);
    close_site(&site);
}

/* -------------------------------------------------------------------------------------------------- doing */

#define ITSELF "X-Fairlead: 1\r\nContent-Type: application/json\r\n"

static void test_what_the_page_sends_is_done(void **state)
{
    struct site site;
    char long_body[20000];
    (void)state;
    open_site(&site, FL_WEB_ADMIN_LOOPBACK);
    expect_answer(browser_ask(site.port, "POST", "/admin/write", ITSELF, "{\"key\":\"a b\",\"value\":\"1\"}"),
                  200, "OK\n");
    pthread_mutex_lock(&site.member.mutex);
    assert_string_equal(site.member.heard, "*3\r\n$3\r\nSET\r\n$3\r\na b\r\n$1\r\n1\r\n");
    pthread_mutex_unlock(&site.member.mutex);
    expect_answer(browser_ask(site.port, "POST", "/admin/campaign", ITSELF, "{\"node\":\"n1\"}"), 409,
                  "ERR n1 leads already\n");
    expect_answer(browser_ask(site.port, "POST", "/admin/campaign", ITSELF, "{}"), 409,
                  "ERR n1 leads already\n");
    expect_answer(browser_ask(site.port, "POST", "/admin/campaign", ITSELF, "{\"node\":\"n2\"}"), 409,
                  "no member of that name can be reached\n");
    static const char *const bad[] = {"", "[]", "{\"key\":\"a\"}", "{\"key\":\"\",\"value\":\"1\"}",
                                      "{\"key\":1,\"value\":2}"};
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++)
        expect_answer(browser_ask(site.port, "POST", "/admin/write", ITSELF, bad[k]), 400,
                      "The body is JSON");
    static const char *const nul[] = {
        "{\"key\":\"a\\u0000b\",\"value\":\"1\"}", "{\"key\":\"a\",\"value\":\"1\\u0000\"}",
        "{\"key\":\"a\\u00zz\",\"value\":\"1\"}", "{\"key\":\"a\",\"value\":\"\\\\\\u0000\"}"};
    for (size_t k = 0; k < sizeof nul / sizeof nul[0]; k++)
        expect_answer(browser_ask(site.port, "POST", "/admin/write", ITSELF, nul[k]), 400,
                      "the character NUL");
    expect_answer(
        browser_ask(site.port, "POST", "/admin/write", ITSELF, "{\"key\":\"a\",\"value\":\"\\\\u0000\"}"),
        200, "OK\n"); /* A backslash, and then some letters. */
    pthread_mutex_lock(&site.member.mutex);
    assert_string_equal(site.member.heard, "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$6\r\n\\u0000\r\n");
    pthread_mutex_unlock(&site.member.mutex);
    static const char *const bad_nodes[] = {"{\"node\":7}", "{\"node\":null}", "{\"node\":[\"n1\"]}"};
    for (size_t k = 0; k < sizeof bad_nodes / sizeof bad_nodes[0]; k++)
        expect_answer(browser_ask(site.port, "POST", "/admin/campaign", ITSELF, bad_nodes[k]), 400,
                      "The body is JSON");
    memset(long_body, ' ', sizeof long_body - 1);
    long_body[sizeof long_body - 1] = '\0';
    expect_answer(browser_ask(site.port, "POST", "/admin/campaign", ITSELF, long_body), 413,
                  "at most 16 KiB");
    expect_answer(browser_ask(site.port, "POST", "/admin/else", ITSELF, "{}"), 404, "/admin/write");
    expect_answer(browser_ask(site.port, "POST", "/", ITSELF, "{}"), 405, "");
    expect_answer(browser_ask(site.port, "PUT", "/admin/write", ITSELF, "{}"), 405, "Allow: GET, HEAD\r\n");
    expect_answer(browser_get(site.port, "/admin/write"), 404, "");
    close_site(&site);
}

static void test_what_was_sent_and_not_answered_may_have_been_done(void **state)
{
    struct member member;
    struct fl__names names = {.list[0].host = ""};
    struct fl__place place = {.host = "127.0.0.1"};
    struct fl__question question = {.due = 0};
    struct pollfd one = {.fd = -1};
    (void)state;
    start_member(&member, "n1");
    set_silent(&member, true);
    place.port = member.port;
    for (int round = 0; round < 2; round++) { /* Before it is sent, and after. */
        fl__question_ask(&question, &names, &place, "", (const char *const[]){"SET", "a", "1", NULL}, 10, 1);
        one.events = fl__question_events(&question, &one.fd);
        assert_int_equal(poll(&one, 1, OUTCOME_MS), 1);
        if (round == 1)
            fl__question_advance(&question, &names, one.revents, 10);
        assert_true(question.is_open);
        fl__question_advance(&question, &names, 0, 11);
        assert_false(question.is_open);
        assert_string_equal(question.problem, "it does not answer");
        assert_int_equal(question.is_unknown, round == 1);
    }
    fl__question_close(&question);
    stop_member(&member);
}

static void test_what_another_page_sends_is_refused(void **state)
{
    static const char *const others[] = {
        "",
        "X-Fairlead: 1\r\nOrigin: http://evil.example\r\n",
        "X-Fairlead: 1\r\nOrigin: null\r\n",
        "X-Fairlead: 1\r\nSec-Fetch-Site: cross-site\r\n",
        "X-Fairlead: 1\r\nSec-Fetch-Site: same-site\r\n",
    };
    struct site site;
    char own[256];
    (void)state;
    open_site(&site, FL_WEB_ADMIN_LOOPBACK);
    for (size_t k = 0; k < sizeof others / sizeof others[0]; k++)
        expect_answer(
            browser_ask(site.port, "POST", "/admin/write", others[k], "{\"key\":\"a\",\"value\":\"1\"}"), 403,
            "for the page of this node alone");
    snprintf(own, sizeof own, "%sOrigin: http://127.0.0.1:%u\r\nSec-Fetch-Site: same-origin\r\n", ITSELF,
             (unsigned)site.port);
    expect_answer(browser_ask(site.port, "POST", "/admin/write", own, "{\"key\":\"a\",\"value\":\"1\"}"), 200,
                  "OK\n");
    close_site(&site);
    open_site(&site, FL_WEB_ADMIN_OFF);
    expect_answer(browser_ask(site.port, "POST", "/admin/write", ITSELF, "{\"key\":\"a\",\"value\":\"1\"}"),
                  403, "without --web-admin");
    close_site(&site);
}

static void test_doing_is_not_offered_to_a_whole_network_by_accident(void **state)
{
    struct fl_web_options options = {
        .address = "0.0.0.0:0", .version = "0.1.0", .admin = FL_WEB_ADMIN_LOOPBACK};
    struct world *world = world_create();
    struct fl_error_report report;
    struct fl_web *web;
    (void)state;
    assert_int_equal(fl_web_start(&web, world->server, &options, &report), FL_EINVAL);
    assert_null(web);
    assert_non_null(strstr(report.text, "--web-admin anywhere"));
    options.admin = FL_WEB_ADMIN_ANYWHERE;
    assert_int_equal(fl_web_start(&web, world->server, &options, &report), FL_OK);
    fl_web_stop(web);
    world_destroy(world);
}

static void *close_web(void *context)
{
    usleep(200000);
    fl_web_stop(((struct site *)context)->web);
    return NULL;
}

static void test_a_port_that_closes_answers_what_is_under_way(void **state)
{
    struct site site;
    pthread_t closer;
    (void)state;
    open_site(&site, FL_WEB_ADMIN_LOOPBACK);
    set_silent(&site.member, true);
    assert_int_equal(pthread_create(&closer, NULL, close_web, &site), 0);
    free(browser_ask(site.port, "POST", "/admin/write", ITSELF, "{\"key\":\"a\",\"value\":\"1\"}"));
    pthread_join(closer, NULL);
    world_destroy(site.world);
    stop_member(&site.member);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_served_with_their_types_and_once),
        cmocka_unit_test(test_the_page_is_told_what_it_may_show),
        cmocka_unit_test(test_a_playground_needs_no_node_and_shows_none),
        cmocka_unit_test(test_who_watches_sees_the_cluster_and_what_changes),
        cmocka_unit_test(test_a_member_that_says_too_much_or_nonsense_is_down_and_the_others_are_not),
        cmocka_unit_test(test_nobody_is_asked_while_nobody_watches),
        cmocka_unit_test(test_watching_is_mostly_waiting),
        cmocka_unit_test(test_only_so_many_may_watch),
        cmocka_unit_test(test_the_stream_passes_proxies_and_is_for_no_other_page),
        cmocka_unit_test(test_a_member_is_found_by_its_name),
        cmocka_unit_test(test_the_password_opens_the_members),
        cmocka_unit_test(test_what_the_page_sends_is_done),
        cmocka_unit_test(test_what_was_sent_and_not_answered_may_have_been_done),
        cmocka_unit_test(test_what_another_page_sends_is_refused),
        cmocka_unit_test(test_doing_is_not_offered_to_a_whole_network_by_accident),
        cmocka_unit_test(test_a_port_that_closes_answers_what_is_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
