/* names_test.c - members whose names a name server does not tell. This test is also run under the thread
 * sanitizer: nobody waits for the threads that look names up, and they are left to themselves. */
#include "support/browser.h"
#include "support/server_world.h"
#include "web.h"

#include <dlfcn.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#define TEXT_SIZE ((size_t)64 << 10)
#define OUTCOME_MS 5000

/* A name server that does not answer for names that end with ".hangs", until it is told to. */
static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool answers;
    unsigned waiting;
} hanging = {.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    int (*system)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    *(void **)&system = dlsym(RTLD_NEXT, "getaddrinfo");
    if (name == NULL || strstr(name, ".hangs") == NULL)
        return system(name, service, hints, out);
    pthread_mutex_lock(&hanging.mutex);
    hanging.waiting++;
    pthread_cond_broadcast(&hanging.changed);
    while (!hanging.answers)
        pthread_cond_wait(&hanging.changed, &hanging.mutex);
    hanging.waiting--;
    pthread_cond_broadcast(&hanging.changed);
    pthread_mutex_unlock(&hanging.mutex);
    return EAI_AGAIN;
}

static void await_waiting(unsigned count)
{
    pthread_mutex_lock(&hanging.mutex);
    while (hanging.waiting != count)
        pthread_cond_wait(&hanging.changed, &hanging.mutex);
    pthread_mutex_unlock(&hanging.mutex);
}

static void set_answering(bool answers)
{
    pthread_mutex_lock(&hanging.mutex);
    hanging.answers = answers;
    pthread_cond_broadcast(&hanging.changed);
    pthread_mutex_unlock(&hanging.mutex);
}

static void test_only_so_many_names_are_looked_up_at_once(void **state)
{
    struct fl__names names = {.list[0].host = ""};
    char host[32], found[FL__FOUND_SIZE];
    (void)state;
    for (int round = 0; round < 2; round++) {
        for (unsigned k = 0; k < FL__NAMES_MAX; k++) {
            snprintf(host, sizeof host, "n%u.hangs", k);
            assert_int_equal(fl__names_find(&names, host, 1, found), FL__NAME_SOUGHT);
            assert_true(fl__names_file(&names, k) >= 0);
        }
        assert_int_equal(fl__names_find(&names, "one.too.many.hangs", 1, found), FL__NAME_LOST);
        assert_non_null(strstr(found, "too much is under way"));
        assert_int_equal(fl__names_find(&names, "::1", 1, found), FL__NAME_FOUND);
        assert_string_equal(found, "::1");
        await_waiting(FL__NAMES_MAX); /* One thread for each, and no more in the second round. */
    }
    set_answering(true);
    await_waiting(0);
    set_answering(false);
    for (unsigned k = 0; k < FL__NAMES_MAX; k++) {
        struct pollfd one = {.fd = fl__names_file(&names, k), .events = POLLIN};
        assert_int_equal(poll(&one, 1, OUTCOME_MS), 1);
        snprintf(host, sizeof host, "n%u.hangs", k);
        assert_int_equal(fl__names_find(&names, host, 1, found), FL__NAME_LOST);
        assert_non_null(strstr(found, "its name means nothing: "));
        assert_int_equal(fl__names_file(&names, k), -1);
    }
    /* What was found out holds for a moment, and then makes room. */
    assert_int_equal(fl__names_find(&names, "n0.hangs", 2, found), FL__NAME_LOST);
    assert_int_equal(fl__names_find(&names, "localhost", 2, found), FL__NAME_LOST);
    assert_int_equal(fl__names_find(&names, "localhost", 9, found), FL__NAME_SOUGHT);
    fl__names_release(&names);
}

/* Were the server to wait for the name, this test would never end. */
static void test_a_name_server_that_hangs_holds_up_neither_the_page_nor_the_end(void **state)
{
    const struct fl_web_options options = {
        .address = "127.0.0.1:0", .version = "0.1.0", .admin = FL_WEB_ADMIN_LOOPBACK};
    struct world *world = world_create();
    struct fl_error_report report;
    struct fl_web *web;
    char *text = calloc(1, TEXT_SIZE), *response;
    (void)state;
    snprintf(world->server->client, sizeof world->server->client, "n1.hangs:1");
    world_wait(world, 200000);
    assert_int_equal(fl_web_start(&web, world->server, &options, &report), FL_OK);
    int fd = browser_open(fl_web_port(web), "/live");
    assert_true(browser_await(fd, text, TEXT_SIZE, "the name server does not answer\"}", OUTCOME_MS));
    response = browser_ask(fl_web_port(web), "POST", "/admin/campaign", "X-Fairlead: 1\r\n", "{}");
    assert_non_null(strstr(response, "HTTP/1.1 409 "));
    assert_non_null(strstr(response, "the name server does not answer\n"));
    free(response);
    await_waiting(1);
    fl_web_stop(web);
    await_waiting(1); /* It still hangs. */
    set_answering(true);
    await_waiting(0);
    set_answering(false);
    world_destroy(world);
    close(fd);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_only_so_many_names_are_looked_up_at_once),
        cmocka_unit_test(test_a_name_server_that_hangs_holds_up_neither_the_page_nor_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
