/* hiredis_client.c - clients of the process tests that speak through hiredis, one thread each.
 *
 * hiredis_client PORT[,PORT...] CLIENTS SECONDS KEYS SEED
 *
 * Each client does one thing at a time against one node, and moves to the next node when its connection
 * breaks. Each operation becomes one line of JSON on standard output, in the form that linearizable.mjs
 * checks; times are CLOCK_MONOTONIC in nanoseconds. hiredis never sends anything again by itself. */
#include <errno.h>
#include <hiredis/hiredis.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PORTS_MAX = 16, CLIENTS_MAX = 64 };

struct settings {
    int ports[PORTS_MAX];
    int port_count;
    int clients, seconds, keys;
    unsigned seed;
    pthread_mutex_t output;
};

struct client {
    struct settings *settings;
    int number, node;
    unsigned long sequence;
    uint64_t random;
    redisContext *connection;
};

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static unsigned draw(struct client *client, unsigned below)
{
    client->random = client->random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(client->random >> 33) % below;
}

static void disconnect(struct client *client)
{
    if (client->connection)
        redisFree(client->connection);
    client->connection = NULL;
    client->node = (client->node + 1) % client->settings->port_count;
}

static int connect_client(struct client *client)
{
    if (client->connection)
        return 1;
    const struct timeval limit = {.tv_sec = 1};
    client->connection = redisConnectWithTimeout("127.0.0.1", client->settings->ports[client->node], limit);
    if (client->connection && !client->connection->err) {
        /* Longer than the server's own limit, so that it always speaks first; a stopped process is given up
         * on. */
        const struct timeval patience = {.tv_sec = 6};
        redisSetTimeout(client->connection, patience);
        return 1;
    }
    disconnect(client);
    usleep(50000);
    return 0;
}

struct operation {
    const char *kind;
    char key[64], argument[48];
    int64_t invoked;
};

static void report(struct client *client, const struct operation *operation, const char *outcome,
                   const char *result)
{
    pthread_mutex_lock(&client->settings->output);
    printf("{\"client\":\"hiredis-%d\",\"key\":\"%s\",\"kind\":\"%s\",\"argument\":\"%s\",\"invoked\":%lld,"
           "\"answered\":%lld,\"outcome\":\"%s\",\"result\":%s}\n",
           client->number, operation->key, operation->kind, operation->argument,
           (long long)operation->invoked, (long long)now_ns(), outcome, result);
    pthread_mutex_unlock(&client->settings->output);
}

static void report_reply(struct client *client, const struct operation *operation, const redisReply *reply)
{
    char text[512];
    if (reply->type == REDIS_REPLY_ERROR) {
        /* The words tell what is certain; anything else is a failure of the test. */
        int definite = strncmp(reply->str, "CLUSTERDOWN", 11) == 0;
        int unknown = strncmp(reply->str, "TIMEOUT", 7) == 0;
        snprintf(text, sizeof text, "\"%.200s\"", reply->str);
        report(client, operation, definite ? "failed" : unknown ? "unknown" : "unexpected", text);
        return;
    }
    if (reply->type == REDIS_REPLY_INTEGER)
        snprintf(text, sizeof text, "%lld", reply->integer);
    else if (reply->type == REDIS_REPLY_NIL)
        snprintf(text, sizeof text, "null");
    else
        snprintf(text, sizeof text, "\"%.500s\"", reply->str);
    report(client, operation, "ok", text);
}

static void choose(struct client *client, struct operation *operation)
{
    static const char *const kinds[] = {"get",  "get",    "get",    "set",   "set",
                                        "incr", "append", "getset", "setnx", "del"};
    unsigned kind = draw(client, sizeof kinds / sizeof *kinds);
    operation->kind = kinds[kind];
    operation->argument[0] = '\0';
    unsigned key = draw(client, (unsigned)client->settings->keys);
    if (strcmp(operation->kind, "incr") == 0)
        snprintf(operation->key, sizeof operation->key, "count:%u", key);
    else
        snprintf(operation->key, sizeof operation->key, "value:%u", key);
    if (strcmp(operation->kind, "append") == 0) {
        /* Only this client appends to this key, and nobody overwrites it: each acknowledged token must
         * stay. */
        snprintf(operation->key, sizeof operation->key, "list:hiredis-%d-%lu", client->number,
                 client->sequence / 16);
        snprintf(operation->argument, sizeof operation->argument, "%lu;", client->sequence);
    } else if (strcmp(operation->kind, "get") != 0 && strcmp(operation->kind, "del") != 0 &&
               strcmp(operation->kind, "incr") != 0) {
        snprintf(operation->argument, sizeof operation->argument, "h%d-%lu", client->number,
                 client->sequence);
    }
    client->sequence++;
}

static void act(struct client *client)
{
    struct operation operation;
    choose(client, &operation);
    const char *arguments[] = {operation.kind, operation.key, operation.argument};
    operation.invoked = now_ns();
    redisReply *reply =
        redisCommandArgv(client->connection, operation.argument[0] ? 3 : 2, (const char **)arguments, NULL);
    if (reply) {
        report_reply(client, &operation, reply);
        freeReplyObject(reply);
        return;
    }
    report(client, &operation, "unknown", "\"connection lost\"");
    disconnect(client);
}

static void *run_client(void *argument)
{
    struct client *client = argument;
    int64_t end = now_ns() + (int64_t)client->settings->seconds * 1000000000;
    while (now_ns() < end) {
        if (connect_client(client))
            act(client);
        usleep(1000 + draw(client, 4000));
    }
    disconnect(client);
    return NULL;
}

static int read_ports(struct settings *settings, char *text)
{
    for (char *rest = text, *part; (part = strtok_r(rest, ",", &rest));) {
        if (settings->port_count == PORTS_MAX)
            return 0;
        settings->ports[settings->port_count++] = (int)strtol(part, NULL, 10);
    }
    return settings->port_count > 0;
}

int main(int count, char **arguments)
{
    struct settings settings = {.output = PTHREAD_MUTEX_INITIALIZER};
    struct client clients[CLIENTS_MAX] = {{0}};
    pthread_t threads[CLIENTS_MAX];
    if (count != 6 || !read_ports(&settings, arguments[1])) {
        fprintf(stderr, "usage: hiredis_client PORT[,PORT...] CLIENTS SECONDS KEYS SEED\n");
        return 2;
    }
    settings.clients = (int)strtol(arguments[2], NULL, 10);
    settings.seconds = (int)strtol(arguments[3], NULL, 10);
    settings.keys = (int)strtol(arguments[4], NULL, 10);
    settings.seed = (unsigned)strtoul(arguments[5], NULL, 10);
    if (settings.clients < 1 || settings.clients > CLIENTS_MAX || settings.keys < 1)
        return 2;
    for (int k = 0; k < settings.clients; k++) {
        clients[k] = (struct client){.settings = &settings,
                                     .number = k,
                                     .node = k % settings.port_count,
                                     .random = settings.seed * 1000003u + (unsigned)k};
        if (pthread_create(&threads[k], NULL, run_client, &clients[k]) != 0)
            return 1;
    }
    for (int k = 0; k < settings.clients; k++)
        pthread_join(threads[k], NULL);
    return 0;
}
