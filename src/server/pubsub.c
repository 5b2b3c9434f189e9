/* pubsub.c - who listens to which channel and pattern on this node, and what they hear.
 *
 * A message is an entry of the log (message.c): as it is applied here, it is put into the output of each
 * client that listens. A subscription begins at a read's moment: from then on its client hears each message
 * once and in the log's order, and none that was acknowledged before. So what a node applies while it starts,
 * or while it catches up, reaches nobody new.
 *
 * A *topic* is a channel, a pattern or a shard channel that somebody listens to; a *subscription* is one
 * client's to one topic. Both are found by hash, and stand in lists in the order in which they came: a
 * topic's subscriptions, a client's, and the topics of each kind.
 *
 * Invariants: a topic has a subscription at least; a client's subscriber is there if and only if it has one.
 *
 * Delivering never ends a connection, because it happens in the middle of an entry: a client whose output is
 * too much, or whose patterns take too long, is marked as failed, and the flush sees to it. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define BUCKETS_MIN 16
#define PATTERNS_STEPS_MAX (UINT64_C(1) << 27) /* Of matching, for one client, until the time moves on. */

/* What is found by hash; the first member of its struct. */
struct node {
    struct node *next;
    uint64_t hash;
};

struct table {
    struct node **buckets;
    size_t bucket_count; /* A power of two. */
    size_t count;
};

struct topic {
    struct node node;
    struct fl__link of_kind; /* In fl__pubsub.kinds. */
    struct fl__link subscriptions;
    enum fl__topic_kind kind;
    uint32_t count;
    size_t name_size;
    char name[];
};

struct subscription {
    struct node node;
    struct fl__link of_topic, of_client;
    struct topic *topic;
    struct fl__client *client;
};

struct fl__subscriber {
    struct fl__link subscriptions[FL__TOPIC_KINDS];
    uint32_t counts[FL__TOPIC_KINDS];
    size_t size; /* Of all subscriptions, as memory of the client. */
    /* What its patterns may still take at this time of the server's. */
    uint64_t steps;
    fl_time_us steps_at;
};

struct fl__pubsub {
    struct table topics, subscriptions;
    struct fl__link kinds[FL__TOPIC_KINDS];
    uint32_t counts[FL__TOPIC_KINDS], client_count;
    uint64_t hash_seed;
};

/* ------------------------------------------------------------------------------------------------- tables */

static struct node **bucket_of(const struct table *table, uint64_t hash)
{
    return &table->buckets[hash & (table->bucket_count - 1)];
}

static bool init_table(struct table *table)
{
    table->bucket_count = BUCKETS_MIN;
    table->buckets = calloc(BUCKETS_MIN, sizeof(struct node *));
    return table->buckets != NULL;
}

/* Twice as many buckets. Without memory the chains are longer, which is no matter. */
static void grow_table(struct table *table)
{
    struct table larger = {.bucket_count = table->bucket_count * 2, .count = table->count};
    larger.buckets = calloc(larger.bucket_count, sizeof(struct node *));
    if (larger.buckets == NULL)
        return;
    for (size_t k = 0; k < table->bucket_count; k++) {
        while (table->buckets[k] != NULL) {
            struct node *node = table->buckets[k];
            struct node **bucket = bucket_of(&larger, node->hash);
            table->buckets[k] = node->next;
            node->next = *bucket;
            *bucket = node;
        }
    }
    free(table->buckets);
    *table = larger;
}

static void insert_node(struct table *table, struct node *node, uint64_t hash)
{
    if (table->count == table->bucket_count)
        grow_table(table);
    struct node **bucket = bucket_of(table, hash);
    node->hash = hash;
    node->next = *bucket;
    *bucket = node;
    table->count++;
}

static void remove_node(struct table *table, struct node *node)
{
    struct node **link = bucket_of(table, node->hash);
    while (*link != node)
        link = &(*link)->next;
    *link = node->next;
    table->count--;
}

/* ------------------------------------------------------------------------------------------- the registry */

struct fl__pubsub *fl__pubsub_create(uint64_t hash_seed)
{
    struct fl__pubsub *pubsub = calloc(1, sizeof *pubsub);
    if (pubsub == NULL)
        return NULL;
    pubsub->hash_seed = hash_seed;
    for (int kind = 0; kind < FL__TOPIC_KINDS; kind++)
        fl__link_init(&pubsub->kinds[kind]);
    if (init_table(&pubsub->topics) && init_table(&pubsub->subscriptions))
        return pubsub;
    fl__pubsub_destroy(pubsub);
    return NULL;
}

void fl__pubsub_destroy(struct fl__pubsub *pubsub)
{
    if (pubsub == NULL)
        return;
    fl_assert(pubsub->topics.count == 0 && pubsub->subscriptions.count == 0);
    free(pubsub->topics.buckets);
    free(pubsub->subscriptions.buckets);
    free(pubsub);
}

static struct fl__bytes name_of(const struct topic *topic)
{
    return (struct fl__bytes){topic->name, topic->name_size};
}

static uint64_t hash_name(const struct fl__pubsub *pubsub, enum fl__topic_kind kind, struct fl__bytes name)
{
    return XXH3_64bits_withSeed(name.data, name.size, pubsub->hash_seed + (uint64_t)kind);
}

static struct topic *find_topic(const struct fl__pubsub *pubsub, enum fl__topic_kind kind,
                                struct fl__bytes name)
{
    uint64_t hash = hash_name(pubsub, kind, name);
    for (struct node *node = *bucket_of(&pubsub->topics, hash); node != NULL; node = node->next) {
        struct topic *topic = (struct topic *)node;
        if (node->hash == hash && topic->kind == kind && fl__bytes_equal(name_of(topic), name))
            return topic;
    }
    return NULL;
}

static uint64_t hash_pair(const struct topic *topic, const struct fl__client *client)
{
    uint64_t parts[] = {topic->node.hash, client->id};
    return XXH3_64bits(parts, sizeof parts);
}

static struct subscription *find_subscription(const struct fl__pubsub *pubsub, const struct topic *topic,
                                              const struct fl__client *client)
{
    uint64_t hash = hash_pair(topic, client);
    for (struct node *node = *bucket_of(&pubsub->subscriptions, hash); node != NULL; node = node->next) {
        struct subscription *subscription = (struct subscription *)node;
        if (subscription->topic == topic && subscription->client == client)
            return subscription;
    }
    return NULL;
}

static struct topic *add_topic(struct fl__pubsub *pubsub, enum fl__topic_kind kind, struct fl__bytes name)
{
    struct topic *topic = calloc(1, sizeof *topic + name.size);
    if (topic == NULL)
        return NULL;
    fl__link_init(&topic->of_kind);
    fl__link_init(&topic->subscriptions);
    topic->kind = kind;
    topic->name_size = name.size;
    if (name.size > 0)
        memcpy(topic->name, name.data, name.size);
    insert_node(&pubsub->topics, &topic->node, hash_name(pubsub, kind, name));
    fl__link_append(&pubsub->kinds[kind], &topic->of_kind);
    pubsub->counts[kind]++;
    return topic;
}

static void drop_topic(struct fl__pubsub *pubsub, struct topic *topic)
{
    remove_node(&pubsub->topics, &topic->node);
    fl__link_remove(&topic->of_kind);
    pubsub->counts[topic->kind]--;
    free(topic);
}

/* ------------------------------------------------------------------------------------------ subscriptions */

/* Each bears its topic's size, although one topic serves many: so a limit holds whoever comes and goes. */
static size_t subscription_size(size_t name_size)
{
    return sizeof(struct subscription) + sizeof(struct topic) + name_size;
}

static void account(struct fl__client *client, size_t more, size_t less)
{
    client->memory += more - less;
    client->server->clients_memory += more - less;
}

static struct fl__subscriber *add_subscriber(struct fl__client *client)
{
    struct fl__subscriber *subscriber = calloc(1, sizeof *subscriber);
    if (subscriber == NULL)
        return NULL;
    for (int kind = 0; kind < FL__TOPIC_KINDS; kind++)
        fl__link_init(&subscriber->subscriptions[kind]);
    client->subscriber = subscriber;
    client->server->pubsub->client_count++;
    return subscriber;
}

static void maybe_drop_subscriber(struct fl__client *client)
{
    if (client->subscriber == NULL || client->subscriber->size > 0)
        return;
    free(client->subscriber);
    client->subscriber = NULL;
    client->server->pubsub->client_count--;
}

static void add_subscription(struct fl__client *client, struct topic *topic,
                             struct subscription *subscription)
{
    struct fl__subscriber *subscriber = client->subscriber;
    fl__link_init(&subscription->of_topic);
    fl__link_init(&subscription->of_client);
    subscription->topic = topic;
    subscription->client = client;
    insert_node(&client->server->pubsub->subscriptions, &subscription->node, hash_pair(topic, client));
    fl__link_append(&topic->subscriptions, &subscription->of_topic);
    fl__link_append(&subscriber->subscriptions[topic->kind], &subscription->of_client);
    topic->count++;
    subscriber->counts[topic->kind]++;
    subscriber->size += subscription_size(topic->name_size);
    account(client, subscription_size(topic->name_size), 0);
}

static void drop_subscription(struct subscription *subscription)
{
    struct fl__client *client = subscription->client;
    struct fl__pubsub *pubsub = client->server->pubsub;
    struct topic *topic = subscription->topic;
    size_t size = subscription_size(topic->name_size);
    remove_node(&pubsub->subscriptions, &subscription->node);
    fl__link_remove(&subscription->of_topic);
    fl__link_remove(&subscription->of_client);
    client->subscriber->counts[topic->kind]--;
    client->subscriber->size -= size;
    account(client, 0, size);
    if (--topic->count == 0)
        drop_topic(pubsub, topic);
    free(subscription);
}

static bool has_room(const struct fl__client *client, size_t name_size)
{
    const struct fl__subscriber *subscriber = client->subscriber;
    size_t size = subscription_size(name_size), held = subscriber != NULL ? subscriber->size : 0;
    uint32_t count = 0;
    for (enum fl__topic_kind kind = 0; kind < FL__TOPIC_KINDS; kind++)
        count += fl__pubsub_count(client, kind);
    return name_size <= FL__KEY_SIZE_MAX && count < FL__SUBSCRIPTIONS_MAX &&
           held + size <= FL__SUBSCRIPTIONS_SIZE_MAX &&
           client->server->clients_memory + size <= FL__CLIENTS_MEMORY_MAX;
}

int fl__pubsub_subscribe(struct fl__client *client, enum fl__topic_kind kind, struct fl__bytes name)
{
    struct fl__pubsub *pubsub = client->server->pubsub;
    struct topic *topic = find_topic(pubsub, kind, name);
    if (topic != NULL && find_subscription(pubsub, topic, client) != NULL)
        return FL_OK;
    if (!has_room(client, name.size))
        return FL_ETOOBIG;
    struct subscription *subscription = malloc(sizeof *subscription);
    if (subscription != NULL && client->subscriber == NULL)
        (void)add_subscriber(client);
    if (subscription != NULL && client->subscriber != NULL && topic == NULL)
        topic = add_topic(pubsub, kind, name);
    if (subscription == NULL || client->subscriber == NULL || topic == NULL) {
        free(subscription);
        maybe_drop_subscriber(client);
        return FL_ENOMEM;
    }
    add_subscription(client, topic, subscription);
    return FL_OK;
}

static struct subscription *first_of(const struct fl__client *client, enum fl__topic_kind kind)
{
    const struct fl__link *head =
        client->subscriber != NULL ? &client->subscriber->subscriptions[kind] : NULL;
    if (head == NULL || fl__link_is_alone(head))
        return NULL;
    return fl__container(head->next, struct subscription, of_client);
}

void fl__pubsub_unsubscribe(struct fl__client *client, enum fl__topic_kind kind, struct fl__bytes name)
{
    const struct fl__pubsub *pubsub = client->server->pubsub;
    const struct topic *topic = find_topic(pubsub, kind, name);
    struct subscription *subscription = topic != NULL ? find_subscription(pubsub, topic, client) : NULL;
    if (subscription == NULL)
        return;
    drop_subscription(subscription);
    maybe_drop_subscriber(client);
}

void fl__pubsub_leave(struct fl__client *client)
{
    for (enum fl__topic_kind kind = 0; kind < FL__TOPIC_KINDS; kind++) {
        while (first_of(client, kind) != NULL)
            drop_subscription(first_of(client, kind));
    }
    maybe_drop_subscriber(client);
}

/* --------------------------------------------------------------------------------------------- delivering */

/* Whether a client may have so much more to read; and whether all of them may. */
static bool has_room_for(const struct fl__client *client, size_t size)
{
    const struct fl_server *server = client->server;
    size_t unread = client->out.size + client->sending_size;
    size_t unread_max =
        client->out.size_max < FL__MESSAGES_SIZE_MAX ? client->out.size_max : FL__MESSAGES_SIZE_MAX;
    bool must_grow = client->out.capacity - client->out.size < size;
    return size <= unread_max && unread <= unread_max - size &&
           (!must_grow || server->clients_memory <= FL__CLIENTS_MEMORY_MAX);
}

#define PART_OVERHEAD 32 /* What a part takes besides its bytes, at most. */

/* The output holds whole replies only, so this may stand at its end. */
static void push(struct fl__client *client, const struct fl__bytes *parts, uint32_t part_count)
{
    struct fl__reply *out = &client->out;
    size_t capacity = out->capacity, size = PART_OVERHEAD;
    for (uint32_t k = 0; k < part_count; k++)
        size += PART_OVERHEAD + parts[k].size;
    out->failed = out->failed || !has_room_for(client, size);
    out->protocol = client->protocol;
    fl__reply_push(out, part_count);
    for (uint32_t k = 0; k < part_count; k++)
        fl__reply_bulk(out, parts[k]);
    account(client, out->capacity, capacity);
    fl__client_touch(client);
}

static uint64_t push_all(const struct topic *topic, const struct fl__bytes *parts, uint32_t part_count)
{
    const struct fl__link *head = &topic->subscriptions;
    for (struct fl__link *link = head->next; link != head; link = link->next)
        push(fl__container(link, struct subscription, of_topic)->client, parts, part_count);
    return topic->count;
}

static uint64_t push_by_name(const struct fl__pubsub *pubsub, enum fl__topic_kind kind, const char *type,
                             struct fl__bytes channel, struct fl__bytes message)
{
    const struct fl__bytes parts[] = {fl__bytes_of(type), channel, message};
    const struct topic *topic = find_topic(pubsub, kind, channel);
    return topic != NULL ? push_all(topic, parts, 3) : 0;
}

static uint64_t *steps_of(struct fl__client *client)
{
    struct fl__subscriber *subscriber = client->subscriber;
    if (subscriber->steps_at != client->server->now) {
        subscriber->steps_at = client->server->now;
        subscriber->steps = PATTERNS_STEPS_MAX;
    }
    return &subscriber->steps;
}

/* The one who has listened for longest answers for what it takes. Who cannot is disconnected, as one who does
 * not read is: else a few patterns could stop this node. */
static bool is_heard(const struct topic *pattern, struct fl__bytes channel)
{
    const struct fl__link *head = &pattern->subscriptions;
    for (struct fl__link *link = head->next; link != head; link = link->next) {
        struct fl__client *client = fl__container(link, struct subscription, of_topic)->client;
        if (client->out.failed)
            continue;
        uint64_t *steps = steps_of(client);
        bool is_match = fl__glob_match(name_of(pattern), channel, false, steps);
        if (is_match || *steps > 0)
            return is_match;
        client->out.failed = true;
        fl__client_touch(client);
    }
    return false;
}

uint64_t fl__pubsub_deliver(struct fl_server *server, struct fl__bytes channel, struct fl__bytes message)
{
    const struct fl__pubsub *pubsub = server->pubsub;
    uint64_t count = push_by_name(pubsub, FL__TOPIC_CHANNEL, "message", channel, message);
    const struct fl__link *head = &pubsub->kinds[FL__TOPIC_PATTERN];
    for (struct fl__link *link = head->next; link != head; link = link->next) {
        const struct topic *pattern = fl__container(link, struct topic, of_kind);
        const struct fl__bytes parts[] = {fl__bytes_of("pmessage"), name_of(pattern), channel, message};
        if (is_heard(pattern, channel))
            count += push_all(pattern, parts, 4);
    }
    return count;
}

static uint64_t on_message(void *owner, bool sharded, struct fl__bytes channel, struct fl__bytes message)
{
    struct fl_server *server = owner;
    if (sharded)
        return push_by_name(server->pubsub, FL__TOPIC_SHARD, "smessage", channel, message);
    return fl__pubsub_deliver(server, channel, message);
}

void fl__pubsub_listen(struct fl_server *server)
{
    struct fl__store_listener listener = {.owner = server, .message = on_message};
    if (server->notify != 0)
        listener.event = fl__notify_event;
    fl__store_listen(server->store, &listener);
}

/* ------------------------------------------------------------------------------------------------ looking */

bool fl__pubsub_allows(const struct fl__client *client, const struct fl__command *command)
{
    static fl__local_fn *const allowed[] = {
        fl__local_subscribe,   fl__local_psubscribe,   fl__local_ssubscribe,
        fl__local_unsubscribe, fl__local_punsubscribe, fl__local_sunsubscribe,
        fl__local_ping,        fl__local_quit,         fl__local_reset,
    };
    bool is_allowed = client->subscriber == NULL || client->protocol > 2;
    for (size_t k = 0; !is_allowed && k < sizeof allowed / sizeof allowed[0]; k++)
        is_allowed = command->local == allowed[k];
    return is_allowed;
}

size_t fl__pubsub_memory(const struct fl__client *client)
{
    return client->subscriber != NULL ? client->subscriber->size : 0;
}

uint32_t fl__pubsub_count(const struct fl__client *client, enum fl__topic_kind kind)
{
    return client->subscriber != NULL ? client->subscriber->counts[kind] : 0;
}

uint32_t fl__pubsub_topics(const struct fl_server *server, enum fl__topic_kind kind)
{
    return server->pubsub->counts[kind];
}

uint32_t fl__pubsub_clients(const struct fl_server *server)
{
    return server->pubsub->client_count;
}

bool fl__pubsub_first(const struct fl__client *client, enum fl__topic_kind kind, struct fl__bytes *name)
{
    const struct subscription *first = first_of(client, kind);
    if (first != NULL)
        *name = name_of(first->topic);
    return first != NULL;
}

bool fl__pubsub_next(const struct fl_server *server, enum fl__topic_kind kind, const struct fl__link **at,
                     struct fl__bytes *name)
{
    const struct fl__link *head = &server->pubsub->kinds[kind];
    struct fl__link *next = *at == NULL ? head->next : (*at)->next;
    *at = next == head ? NULL : next;
    if (*at != NULL)
        *name = name_of(fl__container(next, struct topic, of_kind));
    return *at != NULL;
}

uint32_t fl__pubsub_listeners(const struct fl_server *server, enum fl__topic_kind kind, struct fl__bytes name)
{
    const struct topic *topic = find_topic(server->pubsub, kind, name);
    return topic != NULL ? topic->count : 0;
}
