/* clients.c - CLIENT and its subcommands: what a client says about itself, and what it may see of others. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_SIZE_MAX 1024
#define IDS_MAX 4096 /* Of CLIENT LIST ID: each is looked for among all clients. */

static void reply_no_memory(struct fl__reply *reply)
{
    fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
}

bool fl__client_set_text(char **slot, struct fl__bytes text)
{
    char *copy = NULL;
    if (text.size > 0) {
        copy = malloc(text.size + 1);
        if (copy == NULL)
            return false;
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
    }
    free(*slot);
    *slot = copy;
    return true;
}

bool fl__client_name_is_valid(struct fl__bytes name)
{
    if (name.size > NAME_SIZE_MAX)
        return false;
    for (size_t k = 0; k < name.size; k++)
        if (name.data[k] < '!' || name.data[k] > '~')
            return false;
    return true;
}

void fl__local_client_id(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                         uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    fl__reply_integer(reply, (int64_t)client->id);
}

void fl__local_client_getname(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    if (client->name != NULL)
        fl__reply_text(reply, client->name);
    else
        fl__reply_null(reply);
}

void fl__local_client_setname(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)arg_count;
    if (!fl__client_name_is_valid(args[2]))
        fl__reply_error(reply, "ERR Client names cannot contain spaces, newlines or special characters.");
    else if (!fl__client_set_text(&client->name, args[2]))
        reply_no_memory(reply);
    else
        fl__reply_ok(reply);
}

void fl__local_client_setinfo(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    char **slot;
    (void)arg_count;
    if (fl__bytes_is(args[2], "lib-name")) {
        slot = &client->library;
    } else if (fl__bytes_is(args[2], "lib-ver")) {
        slot = &client->library_version;
    } else {
        fl__reply_error_format(reply, "ERR Unrecognized option '%.*s'",
                               (int)(args[2].size < 128 ? args[2].size : 128), args[2].data);
        return;
    }
    if (!fl__client_name_is_valid(args[3]))
        fl__reply_error_format(reply, "ERR %s cannot contain spaces, newlines or special characters.",
                               slot == &client->library ? "lib-name" : "lib-ver");
    else if (!fl__client_set_text(slot, args[3]))
        reply_no_memory(reply);
    else
        fl__reply_ok(reply);
}

void fl__local_client_reply(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                            uint32_t arg_count)
{
    (void)arg_count;
    if (fl__bytes_is(args[2], "on")) {
        client->reply_off = client->reply_skip = client->reply_skip_next = false;
        fl__reply_ok(reply);
    } else if (fl__bytes_is(args[2], "off")) {
        client->reply_off = true;
    } else if (fl__bytes_is(args[2], "skip")) {
        client->reply_skip_next = !client->reply_off;
    } else {
        fl__reply_error(reply, "ERR syntax error");
    }
}

static void set_switch(bool *value, struct fl__bytes text, struct fl__reply *reply)
{
    if (fl__bytes_is(text, "on"))
        *value = true;
    else if (fl__bytes_is(text, "off"))
        *value = false;
    else {
        fl__reply_error(reply, "ERR syntax error");
        return;
    }
    fl__reply_ok(reply);
}

void fl__local_client_no_evict(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)arg_count;
    set_switch(&client->no_evict, args[2], reply);
}

void fl__local_client_no_touch(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)arg_count;
    set_switch(&client->no_touch, args[2], reply);
}

/* ----------------------------------------------------------------------------------------------- the list */

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static void print_flags(const struct fl__client *client, char out[8])
{
    size_t size = 0;
    if (client->subscriber != NULL)
        out[size++] = 'P';
    if (client->multi != NULL)
        out[size++] = 'x';
    if (client->first != NULL && client->first->kind == FL__PENDING_WAIT)
        out[size++] = 'b';
    if (client->closing)
        out[size++] = 'c';
    if (client->readonly)
        out[size++] = 'r';
    if (client->no_evict)
        out[size++] = 'e';
    if (client->no_touch)
        out[size++] = 'T';
    if (size == 0)
        out[size++] = 'N';
    out[size] = '\0';
}

/* One client as a line; returns its size. Descriptors are the engine's secret, hence fd=-1. */
static size_t print_client(const struct fl__client *client, char *out, size_t out_size)
{
    const struct fl_server *server = client->server;
    char address[FL_ADDRESS_MAX], flags[8];
    server->io->vtable->peer_address(server->io, client->stream, address, sizeof address);
    print_flags(client, flags);
    size_t output = client->out.size + client->sending_size;
    int size = snprintf(
        out, out_size,
        "id=%llu addr=%s laddr=%s fd=-1 name=%s age=%llu idle=%llu flags=%s db=0 sub=%u psub=%u ssub=%u multi=%d "
        "qbuf=%zu qbuf-free=%zu argv-mem=0 multi-mem=%zu rbs=%zu rbp=%zu obl=%zu oll=0 omem=%zu tot-mem=%zu "
        "events=%s cmd=%s user=default redir=-1 resp=%u lib-name=%s lib-ver=%s\n",
        (unsigned long long)client->id, address, server->listen, or_empty(client->name),
        (unsigned long long)((server->now - client->created) / 1000000),
        (unsigned long long)((server->now - client->active) / 1000000), flags,
        (unsigned)fl__pubsub_count(client, FL__TOPIC_CHANNEL),
        (unsigned)fl__pubsub_count(client, FL__TOPIC_PATTERN),
        (unsigned)fl__pubsub_count(client, FL__TOPIC_SHARD), fl__transaction_count(client),
        client->query_size, client->query_capacity - client->query_size, fl__transaction_memory(client),
        client->out.capacity, client->out.capacity, client->out.size, output, client->memory + sizeof *client,
        client->is_sending ? "rw" : "r", client->last_command != NULL ? client->last_command->name : "NULL",
        (unsigned)client->protocol, or_empty(client->library), or_empty(client->library_version));
    return size < 0 ? 0 : (size_t)size < out_size ? (size_t)size : out_size - 1;
}

#define LINE_SIZE_MAX (1024 + 3 * NAME_SIZE_MAX + 2 * FL_ADDRESS_MAX)

static void add_client(struct fl__reply *lines, const struct fl__client *client)
{
    char line[LINE_SIZE_MAX];
    if (!client->is_closed)
        fl__reply_raw(lines, (struct fl__bytes){line, print_client(client, line, sizeof line)});
}

static void reply_lines(struct fl__reply *reply, struct fl__reply *lines)
{
    if (lines->failed)
        reply_no_memory(reply);
    else
        fl__reply_verbatim(reply, "txt", (struct fl__bytes){lines->data, lines->size});
    fl__reply_release(lines);
}

void fl__local_client_info(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                           uint32_t arg_count)
{
    struct fl__reply lines;
    (void)args;
    (void)arg_count;
    fl__reply_init(&lines, 2, LINE_SIZE_MAX);
    add_client(&lines, client);
    reply_lines(reply, &lines);
}

struct fl__client *fl__client_by_id(struct fl_server *server, int64_t id)
{
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next) {
        struct fl__client *client = fl__container(link, struct fl__client, all);
        if (id > 0 && client->id == (uint64_t)id && !client->is_closed)
            return client;
    }
    return NULL;
}

static void list_by_id(struct fl_server *server, struct fl__reply *reply, const struct fl__bytes *ids,
                       uint32_t id_count)
{
    struct fl__reply lines;
    if (id_count > IDS_MAX) {
        fl__reply_error_format(reply, "ERR too many client IDs; %u may be asked for at once",
                               (unsigned)IDS_MAX);
        return;
    }
    fl__reply_init(&lines, 2, server->options.client_output_max);
    for (uint32_t k = 0; k < id_count; k++) {
        int64_t id;
        if (!fl__number_parse(ids[k], &id) || id < 1) {
            fl__reply_release(&lines);
            fl__reply_error(reply, "ERR Invalid client ID");
            return;
        }
        const struct fl__client *client = fl__client_by_id(server, id);
        if (client != NULL)
            add_client(&lines, client);
    }
    reply_lines(reply, &lines);
}

/* Those that listen to channels, the others, or both. */
static void list(struct fl_server *server, struct fl__reply *reply, bool listening, bool normal)
{
    struct fl__reply lines;
    fl__reply_init(&lines, 2, server->options.client_output_max);
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next) {
        const struct fl__client *client = fl__container(link, struct fl__client, all);
        if (client->subscriber != NULL ? listening : normal)
            add_client(&lines, client);
    }
    reply_lines(reply, &lines);
}

bool fl__client_type_parse(struct fl__bytes name, bool *listening, bool *normal)
{
    static const char *const names[] = {"normal", "pubsub", "master", "replica", "slave"};
    for (size_t k = 0; k < sizeof names / sizeof names[0]; k++) {
        *normal = k == 0;
        *listening = k == 1;
        if (fl__bytes_is(name, names[k]))
            return true;
    }
    return false;
}

/* There are normal clients and those that listen to channels; what Redis calls by the other names is empty
 * here. */
static void list_by_type(struct fl_server *server, struct fl__reply *reply, struct fl__bytes type)
{
    bool listening, normal;
    if (fl__client_type_parse(type, &listening, &normal))
        list(server, reply, listening, normal);
    else
        fl__reply_error_format(reply, "ERR Unknown client type '%.*s'",
                               (int)(type.size < 128 ? type.size : 128), type.data);
}

void fl__local_client_list(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                           uint32_t arg_count)
{
    if (arg_count == 2)
        list(client->server, reply, true, true);
    else if (arg_count == 4 && fl__bytes_is(args[2], "type"))
        list_by_type(client->server, reply, args[3]);
    else if (arg_count > 3 && fl__bytes_is(args[2], "id"))
        list_by_id(client->server, reply, args + 3, arg_count - 3);
    else
        fl__reply_error(reply, "ERR syntax error");
}

/* ------------------------------------------------------------------------------------ caching by clients */

/* Nobody is told of keys that change, and a client that believed it would keep old values for ever; so it
 * cannot be switched on. */
void fl__local_client_tracking(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)arg_count;
    if (fl__bytes_is(args[2], "off"))
        fl__reply_ok(reply);
    else if (fl__bytes_is(args[2], "on"))
        fl__reply_error(reply, "ERR client-side caching is not supported: this server sends no invalidation "
                               "messages");
    else
        fl__reply_error(reply, "ERR syntax error");
}

void fl__local_client_caching(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_error(reply, "ERR CLIENT CACHING can be called only when the client is in tracking mode with "
                           "OPTIN or OPTOUT mode enabled");
}

void fl__local_client_getredir(struct fl__client *client, struct fl__reply *reply,
                               const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_integer(reply, -1);
}

void fl__local_client_trackinginfo(struct fl__client *client, struct fl__reply *reply,
                                   const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_map(reply, 3);
    fl__reply_text(reply, "flags");
    fl__reply_set(reply, 1);
    fl__reply_text(reply, "off");
    fl__reply_text(reply, "redirect");
    fl__reply_integer(reply, -1);
    fl__reply_text(reply, "prefixes");
    fl__reply_array(reply, 0);
}
