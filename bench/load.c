/* load.c - a closed-loop load generator for servers that speak the Redis protocol.
 *
 * load --port PORT --mode set|get [--clients N] [--depth D] [--seconds S] [--size BYTES] [--keys K] [--name
 * NAME]
 *
 * N connections on one thread; each keeps D commands in flight, sent together, and sends the next D when all
 * have been answered. One second of warming up is not counted. Prints "NAME.ops X ops/s", "NAME.p50 X us",
 * "NAME.p99 X us" and "NAME.errors X count". Latency runs from the sending of a batch to each reply in it. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { INPUT_SIZE = 1 << 16, STEPS = 32, BUCKETS = 64 * STEPS };

struct options {
    int port, clients, depth, seconds, size, keys;
    bool is_set;
    const char *name;
};

struct connection {
    int socket;
    int waiting; /* Replies still to come. */
    int64_t sent_ns;
    uint64_t random;
    size_t input_size;
    char input[INPUT_SIZE];
};

struct counts {
    uint64_t latency[BUCKETS];
    uint64_t replies, errors;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---------------------------------------------------------------------------------------------- latencies */

/* Buckets are exact below STEPS nanoseconds, then STEPS to each doubling (3 %). */
static unsigned bucket_of(uint64_t ns)
{
    unsigned shift = 0;
    while (ns >> shift >= 2 * STEPS)
        shift++;
    return shift * STEPS + (unsigned)(ns >> shift);
}

static double bucket_us(unsigned bucket)
{
    unsigned shift = bucket < 2 * STEPS ? 0 : bucket / STEPS - 1;
    return (double)((uint64_t)(bucket - shift * STEPS) << shift) / 1000.0;
}

static double percentile_us(const struct counts *counts, double part)
{
    uint64_t wanted = (uint64_t)((double)counts->replies * part), seen = 0;
    for (unsigned k = 0; k < BUCKETS; k++) {
        seen += counts->latency[k];
        if (seen > wanted)
            return bucket_us(k);
    }
    return 0;
}

/* --------------------------------------------------------------------------------------------- connection */

static size_t write_command(const struct options *options, unsigned key, char *out, size_t room)
{
    if (!options->is_set)
        return (size_t)snprintf(out, room, "*2\r\n$3\r\nGET\r\n$12\r\nk:%010u\r\n", key);
    size_t head =
        (size_t)snprintf(out, room, "*3\r\n$3\r\nSET\r\n$12\r\nk:%010u\r\n$%d\r\n", key, options->size);
    memset(out + head, 'x', (size_t)options->size);
    memcpy(out + head + options->size, "\r\n", 2);
    return head + (size_t)options->size + 2;
}

static void send_batch(const struct options *options, struct connection *connection, char *buffer)
{
    size_t size = 0, each = (size_t)options->size + 128;
    for (int k = 0; k < options->depth; k++) {
        connection->random = connection->random * 6364136223846793005u + 1442695040888963407u;
        unsigned key = (unsigned)(connection->random >> 33) % (unsigned)options->keys;
        size += write_command(options, key, buffer + size, each);
    }
    connection->waiting = options->depth;
    connection->sent_ns = now_ns();
    for (size_t at = 0; at < size;) {
        ssize_t n = send(connection->socket, buffer + at, size - at, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            die("send");
        at += n > 0 ? (size_t)n : 0;
    }
}

/* The length of the first whole reply in the input; 0 if there is none yet. Simple replies and bulk
 * strings. */
static size_t reply_size(const char *input, size_t size)
{
    const char *end = memchr(input, '\n', size);
    if (!end)
        return 0;
    size_t line = (size_t)(end - input) + 1;
    if (input[0] != '$')
        return line;
    long bulk = strtol(input + 1, NULL, 10);
    size_t whole = bulk < 0 ? line : line + (size_t)bulk + 2;
    return whole <= size ? whole : 0;
}

static void count_reply(struct counts *counts, const struct connection *connection, bool counting, char first)
{
    if (!counting)
        return;
    counts->replies++;
    counts->errors += first == '-';
    counts->latency[bucket_of((uint64_t)(now_ns() - connection->sent_ns))]++;
}

static void receive(struct connection *connection, struct counts *counts, bool counting)
{
    ssize_t n = recv(connection->socket, connection->input + connection->input_size,
                     INPUT_SIZE - connection->input_size, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        die("the server closed a connection");
    connection->input_size += n > 0 ? (size_t)n : 0;
    size_t at = 0, size;
    while (at < connection->input_size &&
           (size = reply_size(connection->input + at, connection->input_size - at)) > 0) {
        count_reply(counts, connection, counting, connection->input[at]);
        connection->waiting--;
        at += size;
    }
    connection->input_size -= at;
    memmove(connection->input, connection->input + at, connection->input_size);
}

static void open_connection(const struct options *options, struct connection *connection, int number)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->socket = socket(AF_INET, SOCK_STREAM, 0);
    connection->random = (uint64_t)number * 0x9e3779b97f4a7c15u + 1;
    int on = 1;
    if (connection->socket < 0 ||
        connect(connection->socket, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(connection->socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* ---------------------------------------------------------------------------------------------------- run */

static void run(const struct options *options, struct connection *connections, struct counts *counts)
{
    char *buffer = malloc((size_t)options->depth * ((size_t)options->size + 128));
    int poll = epoll_create1(0);
    if (!buffer || poll < 0)
        die("start");
    for (int k = 0; k < options->clients; k++) {
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = &connections[k]};
        open_connection(options, &connections[k], k);
        if (epoll_ctl(poll, EPOLL_CTL_ADD, connections[k].socket, &event) != 0)
            die("epoll");
        send_batch(options, &connections[k], buffer);
    }
    int64_t begin = now_ns() + 1000000000, end = begin + (int64_t)options->seconds * 1000000000;
    for (int64_t now = now_ns(); now < end; now = now_ns()) {
        struct epoll_event events[256];
        int count = epoll_wait(poll, events, 256, 100);
        for (int k = 0; k < count; k++) {
            struct connection *connection = events[k].data.ptr;
            receive(connection, counts, now >= begin);
            if (connection->waiting == 0)
                send_batch(options, connection, buffer);
        }
    }
    free(buffer);
}

static bool read_options(int count, char **arguments, struct options *options)
{
    static const struct option known[] = {
        {"port", required_argument, NULL, 'p'},
        {"mode", required_argument, NULL, 'm'},
        {"clients", required_argument, NULL, 'c'},
        {"depth", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 't'},
        {"size", required_argument, NULL, 's'},
        {"keys", required_argument, NULL, 'k'},
        {"name", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    int found;
    while ((found = getopt_long(count, arguments, "", known, NULL)) != -1) {
        int number = optarg ? (int)strtol(optarg, NULL, 10) : 0;
        switch (found) {
        case 'p':
            options->port = number;
            break;
        case 'm':
            options->is_set = strcmp(optarg, "set") == 0;
            break;
        case 'c':
            options->clients = number;
            break;
        case 'd':
            options->depth = number;
            break;
        case 't':
            options->seconds = number;
            break;
        case 's':
            options->size = number;
            break;
        case 'k':
            options->keys = number;
            break;
        case 'n':
            options->name = optarg;
            break;
        default:
            return false;
        }
    }
    return options->port > 0 && options->clients > 0 && options->depth > 0 && options->size >= 0 &&
           options->keys > 0 && options->depth * (options->size + 64) < INPUT_SIZE;
}

int main(int count, char **arguments)
{
    struct options options = {
        .clients = 50, .depth = 1, .seconds = 4, .size = 128, .keys = 100000, .is_set = true, .name = "load"};
    if (!read_options(count, arguments, &options)) {
        fprintf(
            stderr,
            "usage: load --port PORT --mode set|get [--clients N] [--depth D] [--seconds S] [--size BYTES]\n"
            "            [--keys K] [--name NAME]   (depth x size below 64 KiB)\n");
        return 2;
    }
    struct connection *connections = calloc((size_t)options.clients, sizeof *connections);
    struct counts *counts = calloc(1, sizeof *counts);
    if (!connections || !counts)
        die("memory");
    run(&options, connections, counts);
    printf("%s.ops %.0f ops/s\n", options.name, (double)counts->replies / options.seconds);
    printf("%s.p50 %.0f us\n", options.name, percentile_us(counts, 0.50));
    printf("%s.p99 %.0f us\n", options.name, percentile_us(counts, 0.99));
    printf("%s.errors %llu count\n", options.name, (unsigned long long)counts->errors);
    free(connections);
    free(counts);
    return 0;
}
