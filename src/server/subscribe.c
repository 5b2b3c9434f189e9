/* subscribe.c - SUBSCRIBE, UNSUBSCRIBE, their like for patterns and shard channels, and PUBSUB. Who
 * (un)subscribes is answered with pushes: one for each name, shaped as messages are. */
#include "server.h"

/* --------------------------------------------------------------------------------- SUBSCRIBE and its like */

/* How a kind's commands call themselves in their answers. */
static const struct {
    const char *subscribe, *unsubscribe;
} words[FL__TOPIC_KINDS] = {
    [FL__TOPIC_CHANNEL] = {"subscribe", "unsubscribe"},
    [FL__TOPIC_PATTERN] = {"psubscribe", "punsubscribe"},
    [FL__TOPIC_SHARD] = {"ssubscribe", "sunsubscribe"},
};

/* What answers count: channels and patterns together, shard channels by themselves. */
static int64_t told_count(const struct fl__client *client, enum fl__topic_kind kind)
{
    if (kind == FL__TOPIC_SHARD)
        return fl__pubsub_count(client, FL__TOPIC_SHARD);
    return (int64_t)fl__pubsub_count(client, FL__TOPIC_CHANNEL) + fl__pubsub_count(client, FL__TOPIC_PATTERN);
}

/* name NULL: there was none. */
static void confirm(struct fl__reply *reply, const char *word, const struct fl__bytes *name, int64_t count)
{
    fl__reply_push(reply, 3);
    fl__reply_text(reply, word);
    if (name != NULL)
        fl__reply_bulk(reply, *name);
    else
        fl__reply_null(reply);
    fl__reply_integer(reply, count);
}

static void subscribe_all(struct fl__client *client, struct fl__reply *reply, enum fl__topic_kind kind,
                          const struct fl__bytes *names, uint32_t name_count)
{
    for (uint32_t k = 0; k < name_count; k++) {
        int result = fl__pubsub_subscribe(client, kind, names[k]);
        if (result == FL_OK)
            confirm(reply, words[kind].subscribe, &names[k], told_count(client, kind));
        else if (result == FL_ENOMEM)
            fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
        else
            fl__error(
                reply, FL__CODE_SUBSCRIPTIONS,
                "not subscribed: a name may have %u KiB, a client's %u subscriptions %u MiB, all clients' "
                "buffers %llu MiB",
                FL__KEY_SIZE_MAX >> 10, FL__SUBSCRIPTIONS_MAX, FL__SUBSCRIPTIONS_SIZE_MAX >> 20,
                FL__CLIENTS_MEMORY_MAX >> 20);
    }
}

static void unsubscribe_each(struct fl__client *client, struct fl__reply *reply, enum fl__topic_kind kind)
{
    struct fl__bytes name;
    if (!fl__pubsub_first(client, kind, &name))
        confirm(reply, words[kind].unsubscribe, NULL, told_count(client, kind));
    while (fl__pubsub_first(client, kind, &name)) {
        confirm(reply, words[kind].unsubscribe, &name, told_count(client, kind) - 1);
        fl__pubsub_unsubscribe(client, kind, name);
    }
}

static void unsubscribe_all(struct fl__client *client, struct fl__reply *reply, enum fl__topic_kind kind,
                            const struct fl__bytes *names, uint32_t name_count)
{
    if (!client->in_exec)
        client->deferred = true; /* What it answers is pushes. */
    if (name_count == 0)
        unsubscribe_each(client, reply, kind);
    for (uint32_t k = 0; k < name_count; k++) {
        fl__pubsub_unsubscribe(client, kind, names[k]);
        confirm(reply, words[kind].unsubscribe, &names[k], told_count(client, kind));
    }
}

#define DEFINE_LOCAL(name, runs, kind)                                                                       \
    void fl__local_##name(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,  \
                          uint32_t arg_count)                                                                \
    {                                                                                                        \
        runs(client, reply, kind, args + 1, arg_count - 1);                                                  \
    }

DEFINE_LOCAL(subscribe, subscribe_all, FL__TOPIC_CHANNEL)
DEFINE_LOCAL(psubscribe, subscribe_all, FL__TOPIC_PATTERN)
DEFINE_LOCAL(ssubscribe, subscribe_all, FL__TOPIC_SHARD)
DEFINE_LOCAL(unsubscribe, unsubscribe_all, FL__TOPIC_CHANNEL)
DEFINE_LOCAL(punsubscribe, unsubscribe_all, FL__TOPIC_PATTERN)
DEFINE_LOCAL(sunsubscribe, unsubscribe_all, FL__TOPIC_SHARD)

/* ------------------------------------------------------------------------------------------------- PUBSUB */

static bool is_listed(struct fl__bytes name, const struct fl__bytes *pattern, uint64_t *steps)
{
    return pattern == NULL || fl__glob_match(*pattern, name, false, steps);
}

static void reply_topics(const struct fl_server *server, struct fl__reply *reply, enum fl__topic_kind kind,
                         const struct fl__bytes *pattern)
{
    const struct fl__link *at = NULL;
    struct fl__bytes name;
    size_t count = 0;
    uint64_t steps = FL__GLOB_STEPS_MAX;
    while (fl__pubsub_next(server, kind, &at, &name))
        count += is_listed(name, pattern, &steps);
    if (steps == 0) {
        fl__reply_error(reply, FL__ERROR_STEPS);
        return;
    }
    fl__reply_array(reply, count);
    steps = FL__GLOB_STEPS_MAX;
    while (fl__pubsub_next(server, kind, &at, &name)) {
        if (is_listed(name, pattern, &steps))
            fl__reply_bulk(reply, name);
    }
}

static void list_topics(struct fl__client *client, struct fl__reply *reply, enum fl__topic_kind kind,
                        const struct fl__bytes *args, uint32_t arg_count)
{
    if (arg_count <= 2)
        reply_topics(client->server, reply, kind, arg_count == 2 ? &args[1] : NULL);
    else
        fl__reply_error_format(
            reply, "ERR unknown subcommand or wrong number of arguments for '%.*s'. Try PUBSUB HELP.",
            (int)(args[0].size < 128 ? args[0].size : 128), args[0].data);
}

static void count_subscribers(struct fl__client *client, struct fl__reply *reply, enum fl__topic_kind kind,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    fl__reply_array(reply, 2 * ((size_t)arg_count - 1));
    for (uint32_t k = 1; k < arg_count; k++) {
        fl__reply_bulk(reply, args[k]);
        fl__reply_integer(reply, fl__pubsub_listeners(client->server, kind, args[k]));
    }
}

DEFINE_LOCAL(pubsub_channels, list_topics, FL__TOPIC_CHANNEL)
DEFINE_LOCAL(pubsub_shardchannels, list_topics, FL__TOPIC_SHARD)
DEFINE_LOCAL(pubsub_numsub, count_subscribers, FL__TOPIC_CHANNEL)
DEFINE_LOCAL(pubsub_shardnumsub, count_subscribers, FL__TOPIC_SHARD)

void fl__local_pubsub_numpat(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    fl__reply_integer(reply, fl__pubsub_topics(client->server, FL__TOPIC_PATTERN));
}
