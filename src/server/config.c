/* config.c - CONFIG GET and CONFIG SET.
 *
 * The settings that exist here, and a few of Redis' that clients ask for, with what is true of Fairlead:
 * there are no snapshots on a schedule ("save" is empty) and everything goes to a log that is synced before
 * it is acknowledged ("appendonly yes", "appendfsync always"). A setting with a `set` may change while the
 * server runs. CONFIG SET checks everything before it changes anything. */
#include "server.h"

#include <stdio.h>
#include <string.h>

struct setting {
    const char *name;
    const char *fixed; /* Its value if it never changes. */
    void (*get)(const struct fl_server *server, char *out, size_t out_size);
    /* Why not, or NULL. Changes nothing unless `change`. */
    const char *(*set)(struct fl_server *server, struct fl__bytes value, bool change);
};

/* ------------------------------------------------------------------------------------------------- values */

static void print_number(char *out, size_t out_size, uint64_t value)
{
    snprintf(out, out_size, "%llu", (unsigned long long)value);
}

/* A size as Redis writes it: 100, 100k, 100kb, 2gb. */
static bool parse_size(struct fl__bytes text, uint64_t *out)
{
    static const struct {
        const char *name;
        uint64_t factor;
    } units[] = {{"kb", 1024},      {"mb", 1048576}, {"gb", 1073741824}, {"k", 1000}, {"m", 1000000},
                 {"g", 1000000000}, {"b", 1}};
    size_t digits = 0;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    struct fl__bytes unit = {text.data + digits, text.size - digits};
    int64_t number;
    if (!fl__number_parse((struct fl__bytes){text.data, digits}, &number))
        return false;
    uint64_t factor = unit.size == 0 ? 1 : 0;
    for (size_t k = 0; k < sizeof units / sizeof units[0]; k++)
        if (fl__bytes_is(unit, units[k].name))
            factor = units[k].factor;
    if (factor == 0 || (uint64_t)number > INT64_MAX / factor)
        return false;
    *out = (uint64_t)number * factor;
    return true;
}

static void get_maxmemory(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.memory_max);
}

static const char *set_maxmemory(struct fl_server *server, struct fl__bytes value, bool change)
{
    uint64_t size;
    if (!parse_size(value, &size))
        return "argument must be a memory value";
    if (change)
        server->options.memory_max = size;
    return NULL;
}

static void get_maxclients(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.clients_max);
}

static const char *set_maxclients(struct fl_server *server, struct fl__bytes value, bool change)
{
    int64_t number;
    if (!fl__number_parse(value, &number))
        return "argument couldn't be parsed into an integer";
    if (number < 1 || number > UINT32_MAX)
        return "argument must be between 1 and 4294967295 inclusive";
    if (change)
        server->options.clients_max = (uint32_t)number;
    return NULL;
}

static void get_reads(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->options.reads == FL_READS_STALE ? "stale" : "linear");
}

static const char *set_reads(struct fl_server *server, struct fl__bytes value, bool change)
{
    bool is_stale = fl__bytes_is(value, "stale");
    if (!is_stale && !fl__bytes_is(value, "linear"))
        return "argument(s) must be one of the following: linear, stale";
    if (change)
        server->options.reads = is_stale ? FL_READS_STALE : FL_READS_LINEAR;
    return NULL;
}

static void get_output_max(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.client_output_max);
}

/* Holds for clients that connect from now on. */
static const char *set_output_max(struct fl_server *server, struct fl__bytes value, bool change)
{
    uint64_t size;
    if (!parse_size(value, &size) || size < FL__CLIENT_OUTPUT_MIN)
        return "argument must be a memory value of at least 1mb";
    if (change)
        server->options.client_output_max = size;
    return NULL;
}

static void get_notify(const struct fl_server *server, char *out, size_t out_size)
{
    char letters[FL__NOTIFY_SIZE];
    fl__notify_print(server->notify, letters);
    snprintf(out, out_size, "%s", letters);
}

static const char *set_notify(struct fl_server *server, struct fl__bytes value, bool change)
{
    uint32_t classes;
    if (!fl__notify_parse(value, &classes))
        return "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
    if (change) {
        server->notify = classes;
        fl__pubsub_listen(server);
    }
    return NULL;
}

static void get_listen(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->listen);
}

static void get_port(const struct fl_server *server, char *out, size_t out_size)
{
    const char *colon = strrchr(server->listen, ':');
    snprintf(out, out_size, "%s", colon != NULL ? colon + 1 : "0");
}

static void get_bind(const struct fl_server *server, char *out, size_t out_size)
{
    const char *colon = strrchr(server->listen, ':');
    int size = colon != NULL ? (int)(colon - server->listen) : 0;
    snprintf(out, out_size, "%.*s", size, server->listen);
}

static void get_peer(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->peer);
}

static void get_web(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->web[0] != '\0' ? server->web : "off");
}

static void get_name(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->name);
}

static void get_election_timeout(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.node.election_timeout_us / 1000);
}

static void get_heartbeat(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.node.heartbeat_us / 1000);
}

static void get_log_max(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->options.node.log_size_max);
}

static const struct setting settings[] = {
    {.name = "appendfsync", .fixed = "always"},
    {.name = "appendonly", .fixed = "yes"},
    {.name = "bind", .get = get_bind},
    {.name = "client-output-max", .get = get_output_max, .set = set_output_max},
    {.name = "databases", .fixed = "1"},
    {.name = "election-timeout", .get = get_election_timeout},
    {.name = "follower", .fixed = "forward"},
    {.name = "heartbeat", .get = get_heartbeat},
    {.name = "listen", .get = get_listen},
    {.name = "log-max", .get = get_log_max},
    {.name = "maxclients", .get = get_maxclients, .set = set_maxclients},
    {.name = "maxmemory", .get = get_maxmemory, .set = set_maxmemory},
    {.name = "maxmemory-policy", .fixed = "noeviction"},
    {.name = "name", .get = get_name},
    {.name = "notify-keyspace-events", .get = get_notify, .set = set_notify},
    {.name = "peer", .get = get_peer},
    {.name = "port", .get = get_port},
    {.name = "proto-max-bulk-len", .fixed = "67108864"},
    {.name = "reads", .get = get_reads, .set = set_reads},
    {.name = "save", .fixed = ""},
    {.name = "timeout", .fixed = "0"},
    {.name = "web", .get = get_web},
};

#define SETTING_COUNT (sizeof settings / sizeof settings[0])

/* ----------------------------------------------------------------------------------------------- commands */

static bool matches_any(const char *name, const struct fl__bytes *patterns, uint32_t pattern_count)
{
    for (uint32_t k = 0; k < pattern_count; k++)
        if (fl__glob_match(patterns[k], fl__bytes_of(name), true))
            return true;
    return false;
}

void fl__local_config_get(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count)
{
    bool chosen[SETTING_COUNT];
    size_t count = 0;
    for (size_t k = 0; k < SETTING_COUNT; k++) {
        chosen[k] = matches_any(settings[k].name, args + 2, arg_count - 2);
        count += chosen[k];
    }
    fl__reply_map(reply, count);
    for (size_t k = 0; k < SETTING_COUNT; k++) {
        char value[FL_ADDRESS_MAX];
        if (!chosen[k])
            continue;
        fl__reply_text(reply, settings[k].name);
        if (settings[k].fixed != NULL) {
            fl__reply_text(reply, settings[k].fixed);
        } else {
            settings[k].get(client->server, value, sizeof value);
            fl__reply_text(reply, value);
        }
    }
}

static const struct setting *find_setting(struct fl__bytes name)
{
    for (size_t k = 0; k < SETTING_COUNT; k++)
        if (fl__bytes_is(name, settings[k].name))
            return &settings[k];
    return NULL;
}

/* Why `name` cannot become `value`; NULL if it can, and then it does if `change`. */
static const char *set_one(struct fl_server *server, const struct setting *setting, struct fl__bytes value,
                           bool change)
{
    /* What is so already may be wished for. */
    if (setting->fixed != NULL && fl__bytes_is(value, setting->fixed))
        return NULL;
    return setting->set != NULL ? setting->set(server, value, change) : "can't set immutable config";
}

/* Replies and returns false unless all pairs are fine. */
static bool check_pairs(struct fl_server *server, const struct fl__bytes *pairs, uint32_t pair_count,
                        struct fl__reply *reply)
{
    const struct setting *found[SETTING_COUNT];
    for (uint32_t k = 0; k < pair_count; k++) {
        struct fl__bytes name = pairs[2 * k];
        const struct setting *setting = find_setting(name);
        const char *why = NULL;
        if (setting == NULL) {
            fl__reply_error_format(reply, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                                   (int)(name.size < 128 ? name.size : 128), name.data);
            return false;
        }
        for (uint32_t earlier = 0; earlier < k; earlier++)
            if (found[earlier] == setting)
                why = "duplicate parameter";
        if (why == NULL)
            why = set_one(server, setting, pairs[2 * k + 1], false);
        if (why != NULL) {
            fl__reply_error_format(reply, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                                   setting->name, why);
            return false;
        }
        found[k] = setting; /* Each at most once, so there is room. */
    }
    return true;
}

void fl__local_config_set(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count)
{
    uint32_t pair_count = (arg_count - 2) / 2;
    if (arg_count % 2 != 0) {
        fl__reply_error(reply, "ERR wrong number of arguments for 'config|set' command");
        return;
    }
    if (!check_pairs(client->server, args + 2, pair_count, reply))
        return;
    for (uint32_t k = 0; k < pair_count; k++)
        /* Checked above. */
        (void)set_one(client->server, find_setting(args[2 + 2 * k]), args[3 + 2 * k], true);
    fl__reply_ok(reply);
}
