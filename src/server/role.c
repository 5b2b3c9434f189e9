/* role.c - ROLE READONLY READWRITE ASKING: which part this node plays, and where a call belongs.
 *
 * Every node does everything; who leads matters for speed alone. So with `follower forward` a call is done
 * where it arrives. With `follower moved` a follower sends calls with keys to the leader, as a node of a
 * Redis cluster does: MOVED is what cluster clients follow, and they know where to go by the key's slot. A
 * call without keys has none, so it is done here, even if it writes; and while nobody leads there is nowhere
 * to go. Who said READONLY has its reads done here: they see every write that was acknowledged, as always.
 *
 * ASKING is for slots that move from one shard to another. There is one shard, so it changes nothing. */
#include "server.h"

void fl__local_readonly(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                        uint32_t arg_count)
{
    (void)args, (void)arg_count;
    client->readonly = true;
    fl__reply_ok(reply);
}

void fl__local_readwrite(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                         uint32_t arg_count)
{
    (void)args, (void)arg_count;
    client->readonly = false;
    fl__reply_ok(reply);
}

void fl__local_asking(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                      uint32_t arg_count)
{
    (void)client, (void)args, (void)arg_count;
    fl__reply_ok(reply);
}

/* -------------------------------------------------------------------------------------------------- MOVED */

bool fl__role_redirects(const struct fl__client *client, const struct fl__command *command,
                        uint32_t arg_count)
{
    const struct fl_server *server = client->server;
    if (server->options.follower != FL_FOLLOWER_MOVED || !server->is_led_elsewhere)
        return false;
    /* Some do without the keys that they may have. */
    if (command->first_key == 0 || arg_count <= (uint32_t)command->first_key)
        return false;
    return !client->readonly || (command->flags & FL__WRITE) != 0;
}

void fl__role_redirect(struct fl__client *client, const struct fl__command *command,
                       const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply)
{
    struct fl__places places;
    (void)arg_count;
    fl__places_take(client->server, &places);
    const struct fl__place *leader = fl__places_leader(&places);
    fl__transaction_abort(client);
    fl__reply_error_format(reply, "MOVED %u %s:%u", (unsigned)fl__slot_of(args[command->first_key]),
                           leader->host, (unsigned)leader->port);
}

/* --------------------------------------------------------------------------------------------------- ROLE */

const char *fl__role_link(const struct fl__places *places)
{
    if (!places->has_leader)
        return "connect";
    return places->is_ready ? "connected" : "sync";
}

static void put_number_text(struct fl__reply *reply, uint64_t value)
{
    char text[FL__NUMBER_SIZE];
    size_t size = fl__number_print((int64_t)value, text);
    fl__reply_bulk(reply, (struct fl__bytes){text, size});
}

static void put_master(struct fl__reply *reply, const struct fl__places *places)
{
    fl__reply_array(reply, 3);
    fl__reply_text(reply, "master");
    fl__reply_integer(reply, (int64_t)fl__places_leader(places)->offset);
    fl__reply_array(reply, fl__places_replicas(places));
    for (uint32_t k = 0; k < places->count; k++) {
        const struct fl__place *place = &places->list[k];
        if (!fl__places_is_replica(places, k))
            continue;
        fl__reply_array(reply, 3);
        fl__reply_text(reply, place->host);
        put_number_text(reply, place->port);
        put_number_text(reply, place->offset);
    }
}

static void put_slave(struct fl__reply *reply, const struct fl__places *places)
{
    const struct fl__place *leader = fl__places_leader(places);
    fl__reply_array(reply, 5);
    fl__reply_text(reply, "slave");
    fl__reply_text(reply, leader->host);
    fl__reply_integer(reply, leader->port);
    fl__reply_text(reply, fl__role_link(places));
    fl__reply_integer(reply, (int64_t)places->list[places->self].offset);
}

void fl__local_role(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    struct fl__places places;
    (void)args, (void)arg_count;
    fl__places_take(client->server, &places);
    if (places.leads)
        put_master(reply, &places);
    else
        put_slave(reply, &places);
}
