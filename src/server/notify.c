/* notify.c - keyspace notifications: what happens to keys, published to whom it concerns on each node.
 *
 * Events come from what is applied, so each node tells the same ones in the same order; whether it does is a
 * setting of its own, in Redis' letters. Those of types that do not exist here are kept, and nothing comes of
 * them. */
#include "server.h"

#include <string.h>

#define NOTIFY_KEYSPACE (1u << 16)
#define NOTIFY_KEYEVENT (1u << 17)

/* In the order in which they are told; A stands for the first ALL_COUNT. */
static const struct {
    char letter;
    uint32_t class;
} letters[] = {
    {'g', FL__EVENT_GENERIC}, {'$', FL__EVENT_STRING}, {'l', 1u << 8},           {'s', 1u << 9},
    {'h', 1u << 10},          {'z', 1u << 11},         {'x', FL__EVENT_EXPIRED}, {'e', 1u << 12},
    {'t', 1u << 13},          {'d', 1u << 14},         {'n', FL__EVENT_NEW},     {'K', NOTIFY_KEYSPACE},
    {'E', NOTIFY_KEYEVENT},   {'m', FL__EVENT_MISS},
};
#define LETTER_COUNT (sizeof letters / sizeof letters[0])
#define ALL_COUNT 10

static uint32_t all_classes(void)
{
    uint32_t classes = 0;
    for (size_t k = 0; k < ALL_COUNT; k++)
        classes |= letters[k].class;
    return classes;
}

bool fl__notify_parse(struct fl__bytes text, uint32_t *classes)
{
    *classes = 0;
    for (size_t at = 0; at < text.size; at++) {
        uint32_t class = text.data[at] == 'A' ? all_classes() : 0;
        for (size_t k = 0; k < LETTER_COUNT; k++)
            class |= letters[k].letter == text.data[at] ? letters[k].class : 0;
        if (class == 0)
            return false;
        *classes |= class;
    }
    return true;
}

/* Where A stands, n is not shown, as in Redis. */
void fl__notify_print(uint32_t classes, char out[FL__NOTIFY_SIZE])
{
    bool has_all = (classes & all_classes()) == all_classes();
    size_t size = 0;
    if (has_all)
        out[size++] = 'A';
    for (size_t k = has_all ? ALL_COUNT + 1 : 0; k < LETTER_COUNT; k++) {
        if (classes & letters[k].class)
            out[size++] = letters[k].letter;
    }
    out[size] = '\0';
}

static void tell(struct fl_server *server, const char *prefix, struct fl__bytes channel,
                 struct fl__bytes message)
{
    size_t prefix_size = strlen(prefix);
    fl_assert(prefix_size <= FL__NOTIFY_PREFIX_MAX && channel.size <= FL__KEY_SIZE_MAX);
    memcpy(server->notify_channel, prefix, prefix_size);
    if (channel.size > 0)
        memcpy(server->notify_channel + prefix_size, channel.data, channel.size);
    fl__pubsub_deliver(server, (struct fl__bytes){server->notify_channel, prefix_size + channel.size},
                       message);
}

void fl__notify_event(void *owner, enum fl__event event, const char *name, struct fl__bytes key)
{
    struct fl_server *server = owner;
    if (!(server->notify & (uint32_t)event) || fl__pubsub_clients(server) == 0)
        return;
    if (server->notify & NOTIFY_KEYSPACE)
        tell(server, "__keyspace@0__:", key, fl__bytes_of(name));
    if (server->notify & NOTIFY_KEYEVENT)
        tell(server, "__keyevent@0__:", fl__bytes_of(name), key);
}
