/* io_uv_test.c - the libuv engine keeps the contract of fairlead/io.h: on real files, sockets and time. */
#include "support/io_contract.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct io_world *world = calloc(1, sizeof *world);
    const char *parent = getenv("TMPDIR");
    snprintf(world->directory, sizeof world->directory, "%s/fairlead-io-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(world->directory) || fl_io_uv_create(&world->io) != FL_OK)
        return -1;
    *state = world;
    return 0;
}

/* Removes what a test left: files, and directories that are empty. */
static void remove_all(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char name[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) < 0)
            (void)!rmdir(name);
    }
    closedir(directory);
    (void)!rmdir(path);
}

static int tear_down(void **state)
{
    struct io_world *world = *state;
    fl_io_uv_destroy(world->io); /* Which checks that all is closed. */
    remove_all(world->directory);
    free(world);
    return 0;
}

/* The directory in which a data directory lies may belong to somebody else. */
static void test_a_directory_that_may_be_entered_and_not_read_is_synced(void **state)
{
    enum { NOBODY = 65534 };
    struct io_world *world = *state;
    bool is_root = geteuid() == 0; /* Who may read everything. */
    assert_int_equal(chmod(world->directory, 0311), 0);
    assert_true(!is_root || seteuid(NOBODY) == 0);
    DIR *directory = opendir(world->directory);
    int64_t result = io_sync_directory(world);
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(chmod(world->directory, 0700), 0);
    assert_null(directory);
    assert_int_equal(result, FL_OK);
}

/* It is neither a full disk nor the process's end. */
static void test_what_would_make_a_file_larger_than_allowed_is_refused(void **state)
{
    static char data[8192];
    struct io_world *world = *state;
    struct rlimit before, small;
    struct fl_io_op op = {0};
    struct fl_io_file *file = io_open(world, "file", FL_IO_READ | FL_IO_WRITE | FL_IO_CREATE);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 4096;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    int64_t within = io_write(world, file, data, 4096, 0, true);
    int64_t across = io_write(world, file, data, sizeof data, 0, true);
    int64_t beyond = io_write(world, file, data, 1, 4096, true);
    world->io->vtable->allocate(world->io, &op, file, 1 << 20);
    int64_t allocated = world->io->vtable->wait(world->io, &op);
    world->io->vtable->truncate(world->io, &op, file, 1 << 20);
    int64_t grown = world->io->vtable->wait(world->io, &op);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    io_close(world, file);
    assert_int_equal(within, 4096);
    assert_int_equal(across, FL_EFBIG);
    assert_int_equal(beyond, FL_EFBIG);
    assert_int_equal(allocated, FL_EFBIG);
    assert_int_equal(grown, FL_EFBIG);
    assert_non_null(strstr(fl_error_text(FL_EFBIG), "ulimit -f"));
}

struct missed {
    uint32_t streams, closed;
};

static void note_accept(void *context, struct fl_io_stream *stream)
{
    struct missed *missed = context;
    missed->streams += stream != NULL;
    missed->closed += stream == NULL;
}

/* Whoever listens hears of each, and can say so. */
static void test_a_connection_for_which_there_is_no_descriptor_is_told(void **state)
{
    struct io_world *world = *state;
    struct fl_io_listener *listener;
    struct missed missed = {0};
    struct sockaddr_in to = {.sin_family = AF_INET};
    char address[FL_ADDRESS_MAX];
    int taken[256], count = 0, client = socket(AF_INET, SOCK_STREAM, 0);
    struct rlimit before, small;
    assert_int_equal(
        world->io->vtable->listen(world->io, &listener, "127.0.0.1:0", false, note_accept, &missed), FL_OK);
    world->io->vtable->local_address(world->io, listener, address, sizeof address);
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    small = before;
    small.rlim_cur = 128;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &small), 0);
    while (count < 256 && (taken[count] = dup(client)) >= 0)
        count++;
    int connected = connect(client, (struct sockaddr *)&to, sizeof to);
    for (int k = 0; k < 1000 && missed.closed == 0 && missed.streams == 0; k++)
        io_turn(world);
    while (count > 0)
        close(taken[--count]);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    close(client);
    world->io->vtable->close_listener(world->io, listener);
    assert_int_equal(connected, 0);
    assert_int_equal(missed.closed, 1);
    assert_int_equal(missed.streams, 0);
}

/* A stream whose other end is a socket of the test's own, on which it sends what time it is. */
struct timed {
    struct io_world *world;
    struct fl_io_stream *stream;
    int socket;
    struct timed *other;    /* In the midst of whose turn this one sends, or NULL. */
    bool is_told, is_stale; /* The engine's time was before that. */
};

static fl_time_us monotonic_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (fl_time_us)time.tv_sec * 1000000 + (fl_time_us)time.tv_nsec / 1000;
}

static void send_time(const struct timed *timed)
{
    fl_time_us stamp = monotonic_us();
    assert_int_equal(write(timed->socket, &stamp, sizeof stamp), sizeof stamp);
}

static void on_time(void *context, const void *data, size_t size)
{
    struct timed *timed = context;
    fl_time_us now = timed->world->io->vtable->now(timed->world->io), stamp;
    assert_int_equal(size % sizeof stamp, 0);
    if (size == 0)
        return;
    memcpy(&stamp, (const char *)data + size - sizeof stamp, sizeof stamp);
    timed->is_stale |= now < stamp;
    timed->is_told = true;
    if (timed->other) {
        usleep(20000);
        send_time(timed->other);
    }
}

static void on_time_error(void *context, int error)
{
    (void)context;
    (void)error;
}

static void timed_open(struct io_world *world, struct io_server *server, struct timed *timed)
{
    const struct fl_io_stream_events events = {
        .on_data = on_time, .on_error = on_time_error, .context = timed};
    struct sockaddr_in to = {.sin_family = AF_INET};
    to.sin_port = htons((uint16_t)strtoul(strrchr(server->address, ':') + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    *timed = (struct timed){.world = world, .socket = socket(AF_INET, SOCK_STREAM, 0)};
    server->has_stream = false;
    assert_int_equal(connect(timed->socket, (struct sockaddr *)&to, sizeof to), 0);
    io_await(world, &server->has_stream);
    timed->stream = server->stream;
    world->io->vtable->start(world->io, timed->stream, &events, 1000);
}

static void timed_close(struct timed *timed)
{
    struct fl_io_op op = {0};
    timed->world->io->vtable->close(timed->world->io, &op, timed->stream);
    assert_int_equal(timed->world->io->vtable->wait(timed->world->io, &op), FL_OK);
    close(timed->socket);
}

static void look_at_the_clock(void *context)
{
    struct io_world *world = context;
    (void)world->io->vtable->now(world->io);
}

/* The engine sleeps meanwhile, unless something happens. */
static void let_pass(struct io_world *world, fl_time_us time)
{
    struct fl_io_op op = {0};
    world->io->vtable->timer(world->io, &op, world->io->vtable->now(world->io) + time);
    assert_int_equal(world->io->vtable->wait(world->io, &op), FL_OK);
}

/* What arrives may say what time it was when it was sent: for whoever reads it, that is past. The engine may
 * keep the time for a while, but not over its sleep, nor while what it calls takes its time. */
static void test_the_time_is_not_before_what_arrives_was_sent(void **state)
{
    struct io_world *world = *state;
    struct io_server server;
    struct timed one, two;
    io_server_open(world, &server, false);
    timed_open(world, &server, &one);
    timed_open(world, &server, &two);
    world->io->vtable->add_flush(world->io, look_at_the_clock, world);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        send_time(&one);
        _exit(0);
    }
    while (!one.is_told)
        let_pass(world, 200000);
    bool is_over_sleep = one.is_stale;

    one.is_told = one.is_stale = false;
    one.other = &two;
    two.other = &one;
    send_time(&one);
    send_time(&two); /* Both are there when the engine looks. */
    while (!(one.is_told && two.is_told))
        io_turn(world);
    world->io->vtable->remove_flush(world->io, look_at_the_clock, world);
    timed_close(&one);
    timed_close(&two);
    io_server_close(&server);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_false(is_over_sleep);
    assert_false(one.is_stale || two.is_stale);
}

struct timed_accept {
    struct io_world *world;
    struct fl_io_stream *stream;
    fl_time_us at;
};

static void note_time(void *context, struct fl_io_stream *stream)
{
    struct timed_accept *accepted = context;
    accepted->at = accepted->world->io->vtable->now(accepted->world->io);
    accepted->stream = stream;
}

/* Limits that begin with it are not shorter by the engine's sleep. */
static void test_the_time_is_not_before_who_is_accepted_connected(void **state)
{
    struct io_world *world = *state;
    struct timed_accept accepted = {.world = world};
    struct fl_io_listener *listener;
    struct fl_io_op op = {0};
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char address[FL_ADDRESS_MAX];
    int times[2];
    fl_time_us stamp = 0;
    assert_int_equal(pipe(times), 0);
    assert_int_equal(
        world->io->vtable->listen(world->io, &listener, "127.0.0.1:0", false, note_time, &accepted), FL_OK);
    world->io->vtable->local_address(world->io, listener, address, sizeof address);
    to.sin_port = htons((uint16_t)strtoul(strrchr(address, ':') + 1, NULL, 10));
    world->io->vtable->add_flush(world->io, look_at_the_clock, world);
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        stamp = monotonic_us();
        int sent = (int)write(times[1], &stamp, sizeof stamp);
        _exit(sent + connect(socket(AF_INET, SOCK_STREAM, 0), (struct sockaddr *)&to, sizeof to));
    }
    while (!accepted.stream)
        let_pass(world, 200000);
    world->io->vtable->remove_flush(world->io, look_at_the_clock, world);
    world->io->vtable->close(world->io, &op, accepted.stream);
    int closed = (int)world->io->vtable->wait(world->io, &op);
    world->io->vtable->close_listener(world->io, listener);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_int_equal(closed, FL_OK);
    assert_int_equal(read(times[0], &stamp, sizeof stamp), sizeof stamp);
    close(times[0]);
    close(times[1]);
    assert_true(accepted.at >= stamp);
}

int main(void)
{
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down),
    const struct CMUnitTest tests[] = {
        IO_CONTRACT_TESTS(IO_TEST) IO_TEST(test_a_directory_that_may_be_entered_and_not_read_is_synced)
            IO_TEST(test_what_would_make_a_file_larger_than_allowed_is_refused)
                IO_TEST(test_a_connection_for_which_there_is_no_descriptor_is_told)
                    IO_TEST(test_the_time_is_not_before_what_arrives_was_sent)
                        IO_TEST(test_the_time_is_not_before_who_is_accepted_connected)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
