/* connection.c - PING ECHO HELLO AUTH SELECT QUIT RESET: commands about the connection itself.
 *
 * HELLO's role is that of ROLE and INFO: the leader's is master. See docs/decisions/013. */
#include "server.h"

#define HELLO_UNAUTHENTICATED                                                                                \
    "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> "    \
    "<pass> option can be used to authenticate the client and select the RESP protocol version at the same " \
    "time"

void fl__local_ping(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    if (arg_count > 2) {
        fl__reply_error(reply, "ERR wrong number of arguments for 'ping' command");
    } else if (client->subscriber != NULL && client->protocol == 2) {
        /* So that it looks like a message. */
        fl__reply_array(reply, 2);
        fl__reply_text(reply, "pong");
        fl__reply_bulk(reply, arg_count == 2 ? args[1] : (struct fl__bytes){NULL, 0});
    } else if (arg_count == 2) {
        fl__reply_bulk(reply, args[1]);
    } else {
        fl__reply_status(reply, "PONG");
    }
}

void fl__local_echo(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    (void)client;
    (void)arg_count;
    fl__reply_bulk(reply, args[1]);
}

void fl__local_select(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                      uint32_t arg_count)
{
    int64_t number;
    (void)client;
    (void)arg_count;
    if (!fl__number_parse(args[1], &number))
        fl__reply_error(reply, "ERR value is not an integer or out of range");
    else if (number < INT32_MIN || number > INT32_MAX)
        fl__reply_error(reply, "ERR value is out of range, value must between -2147483648 and 2147483647");
    else if (number != 0)
        fl__reply_error(reply, "ERR DB index is out of range");
    else
        fl__reply_ok(reply);
}

void fl__local_quit(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    fl__reply_ok(reply);
    fl__client_finish(client);
}

void fl__local_reset(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                     uint32_t arg_count)
{
    (void)args;
    (void)arg_count;
    fl__session_reset(client);
    fl__reply_status(reply, "RESET");
}

void fl__local_auth(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                    uint32_t arg_count)
{
    struct fl__bytes user = arg_count == 3 ? args[1] : fl__bytes_of("default");
    if (arg_count > 3)
        fl__reply_error(reply, "ERR syntax error");
    else if (arg_count == 2 && client->server->password[0] == '\0')
        fl__reply_error(
            reply, "ERR AUTH <password> called without any password configured for the default user. Are "
                   "you sure your configuration is correct?");
    else if (!fl__session_login(client, user, args[arg_count - 1]))
        fl__reply_error(reply, "WRONGPASS invalid username-password pair or user is disabled.");
    else
        fl__reply_ok(reply);
}

/* ------------------------------------------------------------------------------------------------- HELLO */

struct hello {
    int64_t protocol;
    bool has_login, has_name;
    struct fl__bytes user, password, name;
};

/* False: an error was replied. */
static bool parse_hello(const struct fl__bytes *args, uint32_t arg_count, struct fl__reply *reply,
                        struct hello *out)
{
    if (arg_count > 1 && !fl__number_parse(args[1], &out->protocol)) {
        fl__reply_error(reply, "ERR Protocol version is not an integer or out of range");
        return false;
    }
    if (out->protocol < 2 || out->protocol > 3) {
        fl__reply_error(reply, "NOPROTO unsupported protocol version");
        return false;
    }
    for (uint32_t k = 2; k < arg_count; k++) {
        uint32_t left = arg_count - 1 - k;
        if (fl__bytes_is(args[k], "auth") && left >= 2) {
            out->has_login = true;
            out->user = args[++k];
            out->password = args[++k];
        } else if (fl__bytes_is(args[k], "setname") && left >= 1) {
            out->has_name = true;
            out->name = args[++k];
        } else {
            fl__reply_error_format(reply, "ERR Syntax error in HELLO option '%.*s'",
                                   (int)(args[k].size < 128 ? args[k].size : 128), args[k].data);
            return false;
        }
    }
    return true;
}

static bool apply_hello(struct fl__client *client, const struct hello *hello, struct fl__reply *reply)
{
    if (hello->has_login && !fl__session_login(client, hello->user, hello->password)) {
        fl__reply_error(reply, "WRONGPASS invalid username-password pair or user is disabled.");
        return false;
    }
    if (!client->authenticated) {
        fl__reply_error(reply, HELLO_UNAUTHENTICATED);
        return false;
    }
    if (hello->has_name && !fl__client_name_is_valid(hello->name)) {
        fl__reply_error(reply, "ERR Client names cannot contain spaces, newlines or special characters.");
        return false;
    }
    if (hello->has_name && !fl__client_set_text(&client->name, hello->name)) {
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
        return false;
    }
    return true;
}

void fl__local_hello(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                     uint32_t arg_count)
{
    struct hello hello = {.protocol = client->protocol};
    if (!parse_hello(args, arg_count, reply, &hello) || !apply_hello(client, &hello, reply))
        return;
    client->protocol = reply->protocol = (uint8_t)hello.protocol;
    fl__reply_map(reply, 7);
    fl__reply_text(reply, "server");
    fl__reply_text(reply, "redis");
    fl__reply_text(reply, "version");
    fl__reply_text(reply, FL__REDIS_VERSION);
    fl__reply_text(reply, "proto");
    fl__reply_integer(reply, hello.protocol);
    fl__reply_text(reply, "id");
    fl__reply_integer(reply, (int64_t)client->id);
    fl__reply_text(reply, "mode");
    fl__reply_text(reply, "cluster");
    fl__reply_text(reply, "role");
    fl__reply_text(reply, client->server->is_leader ? "master" : "replica");
    fl__reply_text(reply, "modules");
    fl__reply_array(reply, 0);
}
