/* hiredis_counter.c - an application that counts, through hiredis: see real_clients.mjs.
 *
 * hiredis_counter PORT[,PORT...] KEY NAME
 *
 * Increments KEY until its standard input ends. Each try becomes a line of JSON on standard output: when it
 * was answered, in milliseconds since 1970, and how. hiredis knows one address and never sends anything again
 * by itself; so the list of nodes is the application's own, and it takes the next one when a connection
 * breaks. */
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

enum { PORTS_MAX = 16, PAUSE_US = 5000 };

struct counter {
    int ports[PORTS_MAX];
    int port_count, node;
    const char *key, *name;
    redisContext *connection;
};

static long long now_ms(void)
{
    struct timeval now;
    gettimeofday(&now, NULL);
    return (long long)now.tv_sec * 1000 + now.tv_usec / 1000;
}

static void report(const char *error)
{
    if (error == NULL)
        printf("{\"t\":%lld}\n", now_ms());
    else
        printf("{\"t\":%lld,\"error\":\"%.200s\"}\n", now_ms(), error);
    fflush(stdout);
}

static void disconnect(struct counter *counter)
{
    redisFree(counter->connection); /* NULL is allowed. */
    counter->connection = NULL;
    counter->node = (counter->node + 1) % counter->port_count;
}

/* Tries each node once. */
static int connect_counter(struct counter *counter)
{
    const struct timeval limit = {.tv_sec = 1}, patience = {.tv_sec = 6}; /* The server's own limit is 4 s. */
    for (int k = 0; counter->connection == NULL && k < counter->port_count; k++) {
        int port = counter->ports[counter->node];
        counter->connection = redisConnectWithTimeout("127.0.0.1", port, limit);
        if (counter->connection != NULL && counter->connection->err == 0 &&
            redisSetTimeout(counter->connection, patience) == REDIS_OK)
            freeReplyObject(redisCommand(counter->connection, "CLIENT SETNAME %s", counter->name));
        else
            disconnect(counter);
    }
    return counter->connection != NULL;
}

static void increment(struct counter *counter)
{
    if (!connect_counter(counter)) {
        report("CLUSTERDOWN no node could be reached");
        return;
    }
    redisReply *reply = redisCommand(counter->connection, "INCR %s", counter->key);
    if (reply == NULL) {
        report(counter->connection->errstr);
        disconnect(counter);
        return;
    }
    report(reply->type == REDIS_REPLY_ERROR ? reply->str : NULL);
    freeReplyObject(reply);
}

static int read_ports(struct counter *counter, char *text)
{
    for (char *rest = text, *part; (part = strtok_r(rest, ",", &rest)) != NULL;) {
        if (counter->port_count == PORTS_MAX)
            return 0;
        counter->ports[counter->port_count++] = (int)strtol(part, NULL, 10);
    }
    return counter->port_count > 0;
}

int main(int count, char **arguments)
{
    struct counter counter = {.node = 0};
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    if (count != 4 || !read_ports(&counter, arguments[1])) {
        fprintf(stderr, "usage: hiredis_counter PORT[,PORT...] KEY NAME\n");
        return 2;
    }
    counter.key = arguments[2];
    counter.name = arguments[3];
    while (poll(&input, 1, 0) == 0) {
        increment(&counter);
        usleep(PAUSE_US);
    }
    redisFree(counter.connection);
    return 0;
}
