/* kill.c - CLIENT KILL and UNBLOCK: what one client does to others of this node.
 *
 * A client that is killed is cut off at once, whatever it has on its way: that goes on, and nobody hears its
 * answer. The one that kills itself hears how it went first. */
#include "server.h"

static int shown(struct fl__bytes bytes)
{
    return (int)(bytes.size < 128 ? bytes.size : 128);
}

/* ------------------------------------------------------------------------------------------------- KILL */

/* Which clients are meant: those that every condition given fits. */
struct filter {
    int64_t id;                       /* 0: any. */
    struct fl__bytes address, local;  /* data NULL: any. */
    bool has_type, listening, normal; /* Clients of which type. */
    bool skips_caller;
};

/* One condition; false: an error was replied. */
static bool parse_condition(struct filter *filter, struct fl__bytes name, struct fl__bytes value,
                            struct fl__reply *reply)
{
    if (fl__bytes_is(name, "id")) {
        if (fl__number_parse(value, &filter->id) && filter->id > 0)
            return true;
        fl__reply_error(reply, "ERR client-id should be greater than 0");
    } else if (fl__bytes_is(name, "type")) {
        filter->has_type = true;
        if (fl__client_type_parse(value, &filter->listening, &filter->normal))
            return true;
        fl__reply_error_format(reply, "ERR Unknown client type '%.*s'", shown(value), value.data);
    } else if (fl__bytes_is(name, "addr")) {
        filter->address = value;
        return true;
    } else if (fl__bytes_is(name, "laddr")) {
        filter->local = value;
        return true;
    } else if (fl__bytes_is(name, "user")) {
        if (fl__bytes_equal(value, fl__bytes_of("default")))
            return true;
        fl__reply_error_format(reply, "ERR No such user '%.*s'", shown(value), value.data);
    } else if (fl__bytes_is(name, "skipme") && (fl__bytes_is(value, "yes") || fl__bytes_is(value, "no"))) {
        filter->skips_caller = fl__bytes_is(value, "yes");
        return true;
    } else {
        fl__reply_error(reply, "ERR syntax error");
    }
    return false;
}

static bool fits(const struct filter *filter, const struct fl__client *client)
{
    struct fl_server *server = client->server;
    char address[FL_ADDRESS_MAX];
    if (filter->has_type && !(client->subscriber != NULL ? filter->listening : filter->normal))
        return false;
    if (filter->id > 0 && client->id != (uint64_t)filter->id)
        return false;
    if (filter->local.data != NULL && !fl__bytes_equal(filter->local, fl__bytes_of(server->listen)))
        return false;
    if (filter->address.data == NULL)
        return true;
    server->io->vtable->peer_address(server->io, client->stream, address, sizeof address);
    return fl__bytes_equal(filter->address, fl__bytes_of(address));
}

static int64_t kill_all(struct fl__client *caller, const struct filter *filter)
{
    struct fl_server *server = caller->server;
    int64_t count = 0;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next) {
        struct fl__client *client = fl__container(link, struct fl__client, all);
        if (client->is_closed || (client == caller && filter->skips_caller) || !fits(filter, client))
            continue;
        count++;
        if (client == caller)
            fl__client_finish(client);
        else
            fl__client_cut(client, NULL);
    }
    return count;
}

void fl__local_client_kill(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                           uint32_t arg_count)
{
    if (arg_count == 3) {
        struct filter old = {.address = args[2]};
        if (kill_all(client, &old) > 0)
            fl__reply_ok(reply);
        else
            fl__reply_error(reply, "ERR No such client");
        return;
    }
    struct filter filter = {.skips_caller = true};
    for (uint32_t k = 2; k < arg_count; k += 2) {
        if (k + 1 == arg_count) {
            fl__reply_error(reply, "ERR syntax error");
            return;
        }
        if (!parse_condition(&filter, args[k], args[k + 1], reply))
            return;
    }
    fl__reply_integer(reply, kill_all(client, &filter));
}

/* ---------------------------------------------------------------------------------------------- UNBLOCK */

void fl__local_client_unblock(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    int64_t id;
    bool is_error = arg_count == 4 && fl__bytes_is(args[3], "error");
    if (arg_count > 4) {
        fl__command_complain_count(args, reply);
    } else if (arg_count == 4 && !is_error && !fl__bytes_is(args[3], "timeout")) {
        fl__reply_error(reply, "ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR");
    } else if (!fl__number_parse(args[2], &id)) {
        fl__reply_error(reply, "ERR value is not an integer or out of range");
    } else {
        struct fl__client *blocked = fl__client_by_id(client->server, id);
        fl__reply_integer(reply, blocked != NULL && fl__wait_unblock(blocked, is_error));
    }
}
