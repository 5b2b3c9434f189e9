/* failover.c - how long writes stop when the leader is killed.
 *
 * failover --kill PID --port PORT[,PORT...] [--clients N]
 *
 * N clients write without pause, each to one of the given nodes (the survivors). After one second PID gets
 * SIGKILL. Prints the milliseconds from the kill to the first acknowledgement of a write that was sent after
 * it, and how many clients saw an error. Gives up after 30 seconds. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS_MAX = 256, PORTS_MAX = 16 };

struct client {
    int64_t sent_ns;
    char input[256];
    size_t input_size;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void die(const char *what)
{
    fprintf(stderr, "failover: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int open_socket(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int made = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    if (made < 0 || connect(made, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

static void send_write(struct pollfd *place, struct client *client, int number)
{
    char command[96];
    int size =
        snprintf(command, sizeof command, "*3\r\n$3\r\nSET\r\n$8\r\nf:%06d\r\n$5\r\nvalue\r\n", number);
    client->sent_ns = now_ns();
    if (send(place->fd, command, (size_t)size, MSG_NOSIGNAL) != size)
        die("send");
}

/* Whether a whole reply has come; *is_error says which kind. */
static bool read_reply(struct pollfd *place, struct client *client, bool *is_error)
{
    ssize_t n =
        recv(place->fd, client->input + client->input_size, sizeof client->input - client->input_size, 0);
    if (n <= 0)
        die("a survivor closed a connection");
    client->input_size += (size_t)n;
    if (!memchr(client->input, '\n', client->input_size))
        return false;
    *is_error = client->input[0] == '-';
    client->input_size = 0;
    return true;
}

static void run(pid_t victim, struct pollfd *places, struct client *clients, int count)
{
    int64_t kill_at = now_ns() + 1000000000, killed = 0;
    int errors = 0;
    for (;;) {
        if (poll(places, (nfds_t)count, 1) < 0 && errno != EINTR)
            die("poll");
        int64_t now = now_ns();
        if (!killed && now >= kill_at) {
            if (kill(victim, SIGKILL) != 0)
                die("kill");
            killed = now_ns();
        }
        if (killed && now - killed > (int64_t)30 * 1000000000) {
            fprintf(stderr, "failover: no write was acknowledged within 30 s\n");
            exit(1);
        }
        for (int k = 0; k < count; k++) {
            bool is_error = false;
            if (!(places[k].revents & (POLLIN | POLLHUP | POLLERR)) ||
                !read_reply(&places[k], &clients[k], &is_error))
                continue;
            errors += killed && is_error;
            if (killed && !is_error && clients[k].sent_ns > killed) {
                printf("%.1f %d\n", (double)(now_ns() - killed) / 1e6, errors);
                return;
            }
            send_write(&places[k], &clients[k], k);
        }
    }
}

int main(int count, char **arguments)
{
    static const struct option known[] = {{"kill", required_argument, NULL, 'k'},
                                          {"port", required_argument, NULL, 'p'},
                                          {"clients", required_argument, NULL, 'c'},
                                          {NULL, 0, NULL, 0}};
    static struct pollfd places[CLIENTS_MAX];
    static struct client clients[CLIENTS_MAX];
    int ports[PORTS_MAX], port_count = 0, client_count = 8;
    pid_t victim = 0;
    for (int found; (found = getopt_long(count, arguments, "", known, NULL)) != -1;) {
        if (found == 'k')
            victim = (pid_t)strtol(optarg, NULL, 10);
        else if (found == 'c')
            client_count = (int)strtol(optarg, NULL, 10);
        else if (found == 'p')
            for (char *rest = optarg, *part; (part = strtok_r(rest, ",", &rest)) && port_count < PORTS_MAX;)
                ports[port_count++] = (int)strtol(part, NULL, 10);
    }
    if (victim <= 1 || port_count == 0 || client_count < 1 || client_count > CLIENTS_MAX) {
        fprintf(stderr, "usage: failover --kill PID --port PORT[,PORT...] [--clients N]\n");
        return 2;
    }
    for (int k = 0; k < client_count; k++) {
        places[k] = (struct pollfd){.fd = open_socket(ports[k % port_count]), .events = POLLIN};
        send_write(&places[k], &clients[k], k);
    }
    run(victim, places, clients, client_count);
    return 0;
}
