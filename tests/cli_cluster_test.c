/* `fairlead` as people run it: the real binary, real processes, real disks. Nothing here depends on how fast
 * the machine is, but for time-outs of minutes. */
#include "cli.h"

#include <arpa/inet.h>
#include <cjson/cJSON.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define FAIRLEAD FL_BUILD_DIR "/fairlead"
#define PATIENCE "180s"
#define OUTPUT_MAX 65536

struct place {
    char directory[64];
    char port[16];
    char output[OUTPUT_MAX]; /* Of the last command, stdout and stderr. */
};

/* ------------------------------------------------------------------------------------------------ a place */

static bool is_free(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, file = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    bool good = bind(file, (struct sockaddr *)&address, sizeof address) == 0;
    close(file);
    return good;
}

/* The first of 30 free ports. */
static unsigned find_ports(void)
{
    for (unsigned base = 31400; base < 32600; base += 30) {
        unsigned port = base;
        while (port < base + 30 && is_free(port))
            port++;
        if (port == base + 30)
            return base;
    }
    return 31400;
}

static int make_place(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    if (place == NULL)
        return -1;
    snprintf(place->directory, sizeof place->directory, "/tmp/fairlead-test-XXXXXX");
    snprintf(place->port, sizeof place->port, "%u", find_ports());
    *state = place;
    return mkdtemp(place->directory) == NULL ? -1 : 0;
}

/* Runs `fairlead` in the place, and returns its exit code. */
static int run(struct place *place, const char *const *words)
{
    int ends[2], status;
    size_t used = 0;
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        const char *list[16] = {"fairlead"};
        for (unsigned i = 0; words[i] != NULL && i < 14; i++)
            list[i + 1] = words[i];
        if (chdir(place->directory) == 0 && dup2(ends[1], STDOUT_FILENO) >= 0 &&
            dup2(ends[1], STDERR_FILENO) >= 0)
            execv(FAIRLEAD, (char *const *)(uintptr_t)list);
        _exit(127);
    }
    close(ends[1]);
    for (ssize_t size = 1; size > 0; used += (size_t)size) {
        size = read(ends[0], place->output + used, sizeof place->output - 1 - used);
        size = size < 0 ? 0 : size;
    }
    place->output[used] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

#define RUN(place, ...) run(place, (const char *const[]){__VA_ARGS__, NULL})

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *at)
{
    (void)status;
    (void)type;
    (void)at;
    return remove(path);
}

static int leave_place(void **state)
{
    struct place *place = *state;
    RUN(place, "down", "--timeout", PATIENCE);
    nftw(place->directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(place);
    return 0;
}

#define assert_runs(place, code, ...)                                                                        \
    do {                                                                                                     \
        int got = RUN(place, __VA_ARGS__);                                                                   \
        if (got != (code))                                                                                   \
            fail_msg("exit %d instead of %d, and:\n%s", got, code, (place)->output);                         \
    } while (0)

#define assert_said(place, text)                                                                             \
    do {                                                                                                     \
        if (strstr((place)->output, text) == NULL)                                                           \
            fail_msg("\"%s\" is not in:\n%s", text, (place)->output);                                        \
    } while (0)

/* ----------------------------------------------------------------------------------------------- looking */

/* The process of a node, by `fairlead status -o json`; 0 if it is down. */
static pid_t process_of(struct place *place, const char *name)
{
    RUN(place, "status", "-o", "json", "--timeout", "60s");
    cJSON *json = cJSON_Parse(place->output);
    const cJSON *node;
    pid_t pid = 0;
    cJSON_ArrayForEach(node, cJSON_GetObjectItemCaseSensitive(json, "nodes"))
    {
        const cJSON *own = cJSON_GetObjectItemCaseSensitive(node, "name");
        const cJSON *number = cJSON_GetObjectItemCaseSensitive(node, "pid");
        if (cJSON_IsString(own) && strcmp(own->valuestring, name) == 0 && cJSON_IsNumber(number))
            pid = number->valueint;
    }
    cJSON_Delete(json);
    return pid;
}

/* Asks for the status until its exit code is this one. */
static void wait_for_status(struct place *place, int code)
{
    for (unsigned i = 0; i < 1800; i++) {
        if (RUN(place, "status", "--timeout", "60s") == code)
            return;
        usleep(100000);
    }
    fail_msg("the status never came to %d:\n%s", code, place->output);
}

/* An ended process that nobody has waited for yet counts as ended. */
static bool is_running(pid_t pid)
{
    char path[64], state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return false;
    int found = fscanf(file, "%*d (%*[^)]) %c", &state);
    fclose(file);
    return found == 1 && state != 'Z';
}

/* ------------------------------------------------------------------------------------------------- tests */

static void test_up_returns_when_a_write_is_on_all_nodes_and_down_keeps_the_data(void **state)
{
    struct place *place = *state;
    assert_runs(place, 0, "up", "--port", place->port, "--timeout", PATIENCE);
    assert_said(place, "a test write is committed on all 3 nodes.");
    assert_runs(place, 0, "status");
    assert_said(place, "healthy: 3 of 3 up, tolerates 1 more");
    pid_t pid = process_of(place, "n2");
    assert_true(pid > 0 && kill(pid, 0) == 0);
    assert_runs(place, 0, "up");
    assert_said(place, "nothing was changed");
    assert_int_equal(process_of(place, "n2"), pid);
    assert_runs(place, 0, "log", "n3");
    assert_said(place, "committed");
    assert_runs(place, 0, "log", "--diff");
    assert_said(place, "the same log as");
    assert_runs(place, 0, "down", "--timeout", PATIENCE);
    assert_said(place, "Stopped n1, n2, n3.");
    assert_false(is_running(pid));
    assert_runs(place, 4, "status");
    assert_said(place, "fairlead up, or name");
    assert_runs(place, 4, "status", "--dir", "./fairlead-data");
    assert_said(place, "fairlead up --dir ./fairlead-data, or name");
    assert_runs(place, 0, "down");
    assert_said(place, "No node");
    assert_runs(place, 0, "up", "--timeout", PATIENCE);
    assert_said(place, "a test write is committed on all 3 nodes.");
}

static void test_a_running_cluster_keeps_its_shape_and_its_data(void **state)
{
    struct place *place = *state;
    assert_runs(place, 0, "up", "1", "--port", place->port, "--timeout", PATIENCE, "--", "--election-timeout",
                "300");
    assert_said(place, "a test write is committed on its one node.");
    assert_runs(place, 1, "up", "3");
    assert_said(place, "[FL1015]");
    assert_runs(place, 1, "up", "--port", "31999");
    assert_said(place, "[FL1015]");
    assert_runs(place, 1, "up", "--fresh");
    assert_said(place, "[FL1014]");
    assert_runs(place, 1, "serve", "--name", "n1");
    assert_said(place, "[FL1011]");
    assert_runs(place, 2, "stop", "n7");
    assert_said(place, "[FL1016]");
    assert_runs(place, 0, "down", "--timeout", PATIENCE);
    assert_runs(place, 0, "up", "1", "--fresh", "--port", place->port, "--timeout", PATIENCE);
    assert_said(place, "is deleted");
}

static void test_stop_and_start_show_what_happens(void **state)
{
    struct place *place = *state;
    assert_runs(place, 0, "up", "--port", place->port, "--timeout", PATIENCE);
    assert_runs(place, 0, "stop", "n1", "--timeout", PATIENCE);
    assert_said(place, "n1 is stopped.");
    wait_for_status(place, 5);
    assert_said(place, "degraded: 2 of 3 up, tolerates 0 more");
    assert_runs(place, 0, "stop", "n1");
    assert_said(place, "n1 was not running.");
    pid_t pid = process_of(place, "n2");
    assert_true(pid > 0);
    assert_int_equal(kill(pid, SIGKILL), 0);
    wait_for_status(place, 3);
    assert_said(place, "no quorum");
    assert_runs(place, 0, "start", "n1", "--timeout", PATIENCE);
    assert_runs(place, 0, "start", "n1");
    assert_said(place, "n1 is running already.");
    assert_runs(place, 0, "up", "--timeout", PATIENCE);
    assert_said(place, "2 of 3 nodes are up already");
    wait_for_status(place, 0);
}

static void test_a_taken_port_is_named_and_nothing_is_left_behind(void **state)
{
    struct place *place = *state;
    struct sockaddr_in address = {.sin_family = AF_INET};
    unsigned port = (unsigned)strtoul(place->port, NULL, 10) + 11;
    char said[32], path[128];
    int one = 1, taken = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    setsockopt(taken, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(taken, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(taken, 1), 0);
    assert_runs(place, 1, "up", "--port", place->port);
    assert_said(place, "[FL1017]");
    snprintf(said, sizeof said, "port %u is in use", port);
    assert_said(place, said);
    snprintf(path, sizeof path, "%s/fairlead-data/" FL__STATE_FILE, place->directory);
    assert_true(access(path, F_OK) != 0);
    close(taken);
}

/* Where the state file cannot be written, nobody would find a node again that was started. */
static void test_a_node_that_could_not_be_found_again_is_not_started(void **state)
{
    struct place *place = *state;
    char path[128], address[32];
    snprintf(address, sizeof address, "127.0.0.1:%s", place->port);
    assert_runs(place, 0, "up", "1", "--port", place->port, "--timeout", PATIENCE);
    assert_runs(place, 0, "down", "--timeout", PATIENCE);
    snprintf(path, sizeof path, "%s/fairlead-data/" FL__STATE_FILE ".new", place->directory);
    assert_int_equal(mkdir(path, 0777), 0); /* Where it is written before it takes its name. */
    assert_runs(place, 1, "start", "n1", "--timeout", PATIENCE);
    assert_said(place, "does not take the state file");
    assert_said(place, "Is a directory");
    assert_said(place, "do     make room there");
    assert_runs(place, 4, "status", "--node", address);
    assert_int_equal(rmdir(path), 0);
    assert_runs(place, 0, "start", "n1", "--timeout", PATIENCE);
}

static void write_line(const struct place *place, const char *name, const char *line)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", place->directory, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", line);
    fclose(file);
    assert_int_equal(chmod(path, 0600), 0);
}

static void test_a_password_that_is_missing_or_wrong_is_told_as_that(void **state)
{
    struct place *place = *state;
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%s", place->port);
    write_line(place, "right", "secret");
    write_line(place, "wrong", "guess");
    assert_runs(place, 0, "up", "1", "--port", place->port, "--timeout", PATIENCE, "--", "--password-file",
                "right");
    assert_runs(place, 4, "status", "--node", address);
    assert_said(place, "no node answers without its password [FL1030]");
    assert_runs(place, 4, "status", "--node", address, "--password-file", "wrong");
    assert_said(place, "no node takes this password [FL1030]");
    assert_said(place, "--password-file FILE");
    assert_runs(place, 0, "status", "--node", address, "--password-file", "right");
}

static void test_who_names_a_directory_without_a_cluster_is_not_shown_another(void **state)
{
    struct place *place = *state;
    static const char *const verbs[] = {"status", "log", "events", "doctor", "bench", "cli"};
    for (size_t k = 0; k < sizeof verbs / sizeof verbs[0]; k++) {
        assert_runs(place, 1, verbs[k], "--dir", "elsewhere");
        assert_said(place, "there is no local cluster in elsewhere [FL1010]");
    }
}

static void test_a_directory_that_holds_something_else_is_left_alone(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/fairlead-data", place->directory);
    assert_int_equal(mkdir(path, 0777), 0);
    snprintf(path, sizeof path, "%s/fairlead-data/" FL__STATE_FILE, place->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("{\"format\": 2}", file);
    fclose(file);
    assert_runs(place, 1, "up", "--port", place->port);
    assert_said(place, "another version");
    assert_runs(place, 1, "down");
    assert_said(place, "[FL1012]");
    file = fopen(path, "w");
    fputs("not JSON", file);
    fclose(file);
    assert_runs(place, 1, "up", "--fresh", "--port", place->port);
    assert_said(place, "[FL1012]");
    assert_int_equal(remove(path), 0);
    snprintf(path, sizeof path, "%s/fairlead-data/thesis.txt", place->directory);
    file = fopen(path, "w");
    fclose(file);
    assert_runs(place, 1, "up", "--fresh", "--port", place->port);
    assert_said(place, "[FL1011]");
    assert_int_equal(access(path, F_OK), 0);
}

static void test_a_node_that_cannot_start_says_why(void **state)
{
    struct place *place = *state;
    assert_runs(place, 1, "serve", "--dir", "unused", "--name", "n1", "--web", "off", "--log", "text");
    assert_said(place, "error: ");
    assert_said(place, "--bootstrap");
    assert_runs(place, 1, "serve", "--password-file", "/nonexistent");
    assert_said(place, "/nonexistent");
    assert_runs(place, 2, "serve", "--listen", "7600");
    assert_runs(place, 0, "serve", "--check", "--listen", "127.0.0.1:1");
    assert_said(place, "command line");
}

static void test_check_refuses_in_redis_words_what_serve_refuses(void **state)
{
    struct place *place = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/redis.conf", place->directory);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("redis.hz = 20\nredis.requirepass =\nredis.maxmemory-policy = allkeys-lru\n", file);
    fclose(file);
    assert_runs(place, 1, "serve", "--check", "--config", "redis.conf");
    assert_said(place, "redis.maxmemory-policy cannot be \"allkeys-lru\"");
    assert_said(place, "redis.conf, line 3");
}

/* Refused is refused before a directory is made and a cluster founded; and the trial says the same. */
static void test_what_nobody_meant_to_open_is_refused_before_anything_is_made(void **state)
{
    struct place *place = *state;
    static const char *const open[][4] = {
        {"--listen", "0.0.0.0:1"},
        {"--peer", "0.0.0.0:1"},
        {"--web=0.0.0.0:1", "--web-admin=loopback"},
        {"--listen=0.0.0.0:1", "--password-file=/nonexistent"},
    };
    char path[128];
    snprintf(path, sizeof path, "%s/new", place->directory);
    for (unsigned k = 0; k < sizeof open / sizeof open[0]; k++) {
        int expected = k < 3 ? 2 : 1;
        assert_runs(place, expected, "serve", "--check", "--dir=new", open[k][0], open[k][1]);
        assert_said(place, k < 3 ? "[FL1004]" : "/nonexistent");
        assert_runs(place, expected, "serve", "--dir=new", "--name=n1", "--bootstrap=n1=127.0.0.1:1",
                    "--cluster-id=617f64a359b8b6ce1b4ce04e17d15a67", open[k][0], open[k][1]);
        assert_said(place, k < 3 ? "[FL1004]" : "/nonexistent");
        assert_int_not_equal(access(path, F_OK), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_what_nobody_meant_to_open_is_refused_before_anything_is_made,
                                        make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_check_refuses_in_redis_words_what_serve_refuses, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_up_returns_when_a_write_is_on_all_nodes_and_down_keeps_the_data,
                                        make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_a_running_cluster_keeps_its_shape_and_its_data, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_stop_and_start_show_what_happens, make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_a_taken_port_is_named_and_nothing_is_left_behind, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_a_directory_that_holds_something_else_is_left_alone, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_a_node_that_could_not_be_found_again_is_not_started, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_a_password_that_is_missing_or_wrong_is_told_as_that, make_place,
                                        leave_place),
        cmocka_unit_test_setup_teardown(test_who_names_a_directory_without_a_cluster_is_not_shown_another,
                                        make_place, leave_place),
        cmocka_unit_test_setup_teardown(test_a_node_that_cannot_start_says_why, make_place, leave_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
