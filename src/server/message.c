/* message.c - PUBLISH and SPUBLISH: messages are entries of the log, so that each node hears all of them in
 * one order (docs/decisions/010-messages-are-entries.md). They leave nothing behind in the keyspace; the
 * answer counts who heard them on the node that was asked. */
#include "keyspace.h"

static void publish(struct fl__call *call, bool sharded)
{
    struct fl__bytes channel = call->args[1], message = call->args[2];
    if (channel.size > FL__KEY_SIZE_MAX)
        fl__reply_error_format(call->reply, "ERR a channel's name has %zu bytes; it may have %u",
                               channel.size, FL__KEY_SIZE_MAX);
    else
        fl__reply_integer(call->reply, (int64_t)fl__store_publish(call->store, sharded, channel, message));
}

void fl__message_publish(struct fl__call *call)
{
    publish(call, false);
}

void fl__message_spublish(struct fl__call *call)
{
    publish(call, true);
}
