/* fill.c - fills a server that speaks the Redis protocol with keys: fill PORT KEYS.
 *
 * The keys k:0000000000 and up get values of 128 bytes, on one connection, up to 1,000 commands on their
 * way. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DEPTH = 1000, VALUE_SIZE = 128, COMMAND_SIZE = 256 };

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static int connect_to(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connection < 0 || connect(connection, (struct sockaddr *)&address, sizeof address) != 0)
        die("fill: connect");
    return connection;
}

static void send_all(int connection, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(connection, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            die("fill: send");
        bytes += sent;
        size -= (size_t)sent;
    }
}

/* Each reply is one line, "+OK". */
static void await(int connection, long replies)
{
    char bytes[4096];
    while (replies > 0) {
        ssize_t size = recv(connection, bytes, sizeof bytes, 0);
        if (size <= 0)
            die("fill: recv");
        for (ssize_t k = 0; k < size; k++) {
            if (bytes[k] == '-') {
                fprintf(stderr, "fill: the server refused: %.*s\n", (int)(size - k), bytes + k);
                exit(1);
            }
            replies -= bytes[k] == '\n';
        }
    }
}

int main(int count, char **arguments)
{
    static char batch[DEPTH * COMMAND_SIZE];
    char value[VALUE_SIZE + 1];
    if (count != 3) {
        fprintf(stderr, "usage: fill PORT KEYS\n");
        return 2;
    }
    long keys = strtol(arguments[2], NULL, 10);
    int connection = connect_to((int)strtol(arguments[1], NULL, 10));
    memset(value, 'x', VALUE_SIZE);
    value[VALUE_SIZE] = '\0';
    for (long first = 0; first < keys; first += DEPTH) {
        long end = first + DEPTH < keys ? first + DEPTH : keys;
        size_t size = 0;
        for (long key = first; key < end; key++)
            size += (size_t)snprintf(batch + size, sizeof batch - size,
                                     "*3\r\n$3\r\nSET\r\n$12\r\nk:%010ld\r\n$%d\r\n%s\r\n", key, VALUE_SIZE,
                                     value);
        send_all(connection, batch, size);
        await(connection, end - first);
    }
    close(connection);
    return 0;
}
