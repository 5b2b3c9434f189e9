/* listeners.c - see listeners.h. */
#include "listeners.h"

#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define LISTENERS 2
#define CHANNELS 40

static void add_listener(struct fl_server *server, struct fl__client *client, uint64_t id)
{
    *client = (struct fl__client){.server = server, .id = id, .protocol = 3};
    fl__link_init(&client->dirty);
    fl__reply_init(&client->out, 3, 1 << 20);
}

/* Whether it was confirmed. */
static bool subscribe(struct fl__client *client, fl__local_fn *command, struct fl__bytes name)
{
    const struct fl__bytes args[] = {fl__bytes_of("SUBSCRIBE"), name};
    struct fl__reply reply;
    fl__reply_init(&reply, 3, 1 << 20);
    command(client, &reply, args, 2);
    bool is_confirmed = !reply.failed && reply.data[0] == '>';
    assert_true(is_confirmed || reply.failed || reply.data[0] == '-');
    bool has_begun = is_confirmed || (reply.failed && client->subscriber != NULL);
    fl__reply_release(&reply);
    return has_begun;
}

/* Who could not be told has an output that failed, and will be disconnected. */
static void publish(struct fl_server *server, struct fl__client *clients, struct fl__bytes channel,
                    uint64_t count_max)
{
    size_t before[LISTENERS];
    for (uint32_t c = 0; c < LISTENERS; c++)
        before[c] = clients[c].out.size;
    uint64_t count = fl__pubsub_deliver(server, channel, fl__bytes_of("message")), heard = 0;
    for (uint32_t c = 0; c < LISTENERS; c++)
        heard += clients[c].out.failed || clients[c].out.size > before[c];
    assert_true(count <= count_max && (count > 0) == (heard > 0));
}

static void live_with_channel(struct fl_server *server, struct fl__client *clients, uint32_t n)
{
    char name[16];
    uint64_t begun = 0;
    struct fl__bytes channel = {name, (size_t)snprintf(name, sizeof name, "news%u", (unsigned)n)};
    for (uint32_t c = 0; c < LISTENERS; c++) {
        begun += subscribe(&clients[c], fl__local_subscribe, channel);
        begun += subscribe(&clients[c], fl__local_psubscribe, channel);
    }
    publish(server, clients, channel, begun);
    fl__pubsub_unsubscribe(&clients[n % LISTENERS], FL__TOPIC_CHANNEL, channel);
}

static void remove_listener(struct fl_server *server, struct fl__client *client)
{
    fl__pubsub_leave(client);
    assert_null(client->subscriber);
    fl__link_remove(&client->dirty);
    server->clients_memory -= client->out.capacity;
    fl__reply_release(&client->out);
}

void listeners_live(void)
{
    struct fl_server *server = calloc(1, sizeof *server);
    struct fl__client clients[LISTENERS];
    fl__link_init(&server->dirty);
    server->pubsub = fl__pubsub_create(1);
    for (uint32_t c = 0; c < LISTENERS; c++)
        add_listener(server, &clients[c], c + 1);
    for (uint32_t n = 0; n < CHANNELS && server->pubsub != NULL; n++)
        live_with_channel(server, clients, n);
    for (uint32_t c = 0; c < LISTENERS; c++)
        remove_listener(server, &clients[c]);
    assert_int_equal(server->clients_memory, 0); /* All that was counted is given back. */
    fl__pubsub_destroy(server->pubsub);
    free(server);
}
