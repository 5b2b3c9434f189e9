/* setting.c - what CONFIG GET tells and CONFIG SET sets: this node's settings, in memory.
 *
 * Every name of Redis 7.0 is known. Those that Fairlead honours do what they say. Some can have one value
 * only, because any other would take away what Fairlead promises (that what is acknowledged is durable, that
 * nobody reads it without a password), or what Redis does not let anybody change either. The rest
 * (redis_settings.inc) is kept and has no effect, and INFO says so. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STORED_SIZE_MAX 128 /* Of a value that is only kept: a line of the configuration file must hold it. */
#define TIMEOUT_S_MAX 2147483647

enum kind { OWN, FIXED_VALUE, FLAG_VALUE, NUMBER_VALUE, MEMORY_VALUE, TEXT_VALUE, ALIAS_NAME };

struct setting {
    const char *name;
    enum kind kind;
    const char *initial; /* FIXED_VALUE: its value; of what is only kept: until it is set. */
    const char *text;    /* FIXED_VALUE: why it cannot be another one, or NULL. ALIAS_NAME: of what. */
    void (*get)(const struct fl_server *server, char *out, size_t out_size);
    /* Why not, or NULL. Changes nothing unless `change`. */
    const char *(*set)(struct fl_server *server, struct fl__bytes value, bool change);
    bool is_option; /* `serve` has an option of that name. */
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

/* NULL, or what is wrong with a number that must lie between two. */
static const char *parse_number(struct fl__bytes text, int64_t min, int64_t max, const char *range,
                                int64_t *out)
{
    if (!fl__number_parse(text, out))
        return "argument couldn't be parsed into an integer";
    return *out < min || *out > max ? range : NULL;
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
    const char *why =
        parse_number(value, 1, UINT32_MAX, "argument must be between 1 and 4294967295 inclusive", &number);
    if (why == NULL && change)
        server->options.clients_max = (uint32_t)number;
    return why;
}

static void get_timeout(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->idle_timeout_us / 1000000);
}

static const char *set_timeout(struct fl_server *server, struct fl__bytes value, bool change)
{
    int64_t number;
    const char *why =
        parse_number(value, 0, TIMEOUT_S_MAX, "argument must be between 0 and 2147483647 inclusive", &number);
    if (why == NULL && change)
        server->idle_timeout_us = (uint64_t)number * 1000000;
    return why;
}

static void get_requirepass(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->password);
}

/* For clients that log in from now on; who is in stays in. */
static const char *set_requirepass(struct fl_server *server, struct fl__bytes value, bool change)
{
    if (value.size > FL__PASSWORD_SIZE_MAX || memchr(value.data, '\0', value.size) != NULL)
        return "a password has at most 512 bytes, and no zero among them";
    if (value.size == 0 && !fl_address_is_loopback(server->listen))
        return "this node listens off loopback: without a password everybody could read and write everything";
    if (change) {
        memcpy(server->password, value.data, value.size);
        server->password[value.size] = '\0';
    }
    return NULL;
}

static void get_slower_than(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%lld", (long long)server->slower_than_us);
}

static const char *set_slower_than(struct fl_server *server, struct fl__bytes value, bool change)
{
    int64_t number;
    const char *why = parse_number(value, -1, INT64_MAX,
                                   "argument must be between -1 and 9223372036854775807 inclusive", &number);
    if (why == NULL && change)
        server->slower_than_us = number;
    return why;
}

static void get_slowlog_max(const struct fl_server *server, char *out, size_t out_size)
{
    print_number(out, out_size, server->slow_max);
}

static const char *set_slowlog_max(struct fl_server *server, struct fl__bytes value, bool change)
{
    int64_t number;
    const char *why =
        parse_number(value, 0, FL__SLOWLOG_MAX, "argument must be between 0 and 16384 inclusive", &number);
    if (why == NULL && change)
        fl__slowlog_limit(server, (uint32_t)number);
    return why;
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

static void get_follower(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->options.follower == FL_FOLLOWER_MOVED ? "moved" : "forward");
}

static const char *set_follower(struct fl_server *server, struct fl__bytes value, bool change)
{
    bool is_moved = fl__bytes_is(value, "moved");
    if (!is_moved && !fl__bytes_is(value, "forward"))
        return "argument(s) must be one of the following: forward, moved";
    if (change)
        server->options.follower = is_moved ? FL_FOLLOWER_MOVED : FL_FOLLOWER_FORWARD;
    return NULL;
}

static void get_sentinel_name(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->sentinel_name);
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
        if (server->store != NULL) /* Else it is about to be opened. */
            fl__pubsub_listen(server);
    }
    return NULL;
}

static void get_dir(const struct fl_server *server, char *out, size_t out_size)
{
    snprintf(out, out_size, "%s", server->directory);
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

/* ---------------------------------------------------------------------------------------------- the table */

#define SYNCED "every write is synced before it is acknowledged, and stays so"
#define MAJORITY                                                                                             \
    "a write is acknowledged once a majority of the voters holds it; no other number can be demanded"
#define NO_TLS "connections are not encrypted here: see SECURITY.md"

#define FIXED(called, value, why)                                                                            \
    {                                                                                                        \
        .name = (called), .kind = FIXED_VALUE, .initial = (value), .text = (why)                             \
    }
#define FLAG(called, value)                                                                                  \
    {                                                                                                        \
        .name = (called), .kind = FLAG_VALUE, .initial = (value)                                             \
    }
#define NUMBER(called, value)                                                                                \
    {                                                                                                        \
        .name = (called), .kind = NUMBER_VALUE, .initial = (value)                                           \
    }
#define MEMORY(called, value)                                                                                \
    {                                                                                                        \
        .name = (called), .kind = MEMORY_VALUE, .initial = (value)                                           \
    }
#define TEXT(called, value)                                                                                  \
    {                                                                                                        \
        .name = (called), .kind = TEXT_VALUE, .initial = (value)                                             \
    }
#define ALIAS(called, of)                                                                                    \
    {                                                                                                        \
        .name = (called), .kind = ALIAS_NAME, .text = (of)                                                   \
    }

/* clang-format off */
static const struct setting settings[] = {
    FIXED("appendfsync", "always", SYNCED),
    FIXED("appendonly", "yes", SYNCED),
    {.name = "bind", .get = get_bind},
    {.name = "client-output-max", .get = get_output_max, .set = set_output_max},
    FIXED("cluster-enabled", "yes", NULL),
    FIXED("databases", "1", NULL),
    {.name = "dir", .get = get_dir},
    {.name = "election-timeout", .get = get_election_timeout},
    {.name = "follower", .get = get_follower, .set = set_follower, .is_option = true},
    {.name = "heartbeat", .get = get_heartbeat},
    {.name = "listen", .get = get_listen},
    {.name = "log-max", .get = get_log_max},
    {.name = "maxclients", .get = get_maxclients, .set = set_maxclients},
    {.name = "maxmemory", .get = get_maxmemory, .set = set_maxmemory, .is_option = true},
    FIXED("maxmemory-policy", "noeviction", "evicting keys would lose writes that were acknowledged"),
    FIXED("min-replicas-to-write", "0", MAJORITY),
    {.name = "name", .get = get_name},
    {.name = "notify-keyspace-events", .get = get_notify, .set = set_notify, .is_option = true},
    FIXED("no-appendfsync-on-rewrite", "no", SYNCED),
    {.name = "peer", .get = get_peer},
    {.name = "port", .get = get_port},
    FIXED("protected-mode", "yes", "off loopback there is always a password"),
    FIXED("proto-max-bulk-len", "67108864", "a value has at most 64 MiB"),
    {.name = "reads", .get = get_reads, .set = set_reads, .is_option = true},
    {.name = "requirepass", .get = get_requirepass, .set = set_requirepass},
    FIXED("save", "", "every write is in a log already; there are no snapshots on a schedule"),
    {.name = "sentinel-name", .get = get_sentinel_name},
    {.name = "slowlog-log-slower-than", .get = get_slower_than, .set = set_slower_than},
    {.name = "slowlog-max-len", .get = get_slowlog_max, .set = set_slowlog_max},
    {.name = "timeout", .get = get_timeout, .set = set_timeout},
    FIXED("tls-cluster", "no", NO_TLS),
    FIXED("tls-port", "0", NO_TLS),
    FIXED("tls-replication", "no", NO_TLS),
    {.name = "web", .get = get_web},
#include "redis_settings.inc"
};
/* clang-format on */

#define SETTING_COUNT ((uint32_t)(sizeof settings / sizeof settings[0]))
_Static_assert(sizeof settings / sizeof settings[0] <= FL__SETTINGS_MAX, "there is room for each");

uint32_t fl__setting_count(void)
{
    return SETTING_COUNT;
}

static uint32_t find_name(struct fl__bytes name)
{
    uint32_t k = 0;
    while (k < SETTING_COUNT && !fl__bytes_is(name, settings[k].name))
        k++;
    return k;
}

/* The one that an alias stands for, or itself. */
static uint32_t resolve(uint32_t setting)
{
    const struct setting *row = &settings[setting];
    return row->kind == ALIAS_NAME ? find_name(fl__bytes_of(row->text)) : setting;
}

uint32_t fl__setting_find(struct fl__bytes name)
{
    uint32_t found = find_name(name);
    return found < SETTING_COUNT ? resolve(found) : SETTING_COUNT;
}

const char *fl__setting_name(uint32_t setting)
{
    return settings[setting].name;
}

bool fl__setting_is_option(uint32_t setting)
{
    return settings[setting].is_option;
}

void fl__setting_get(const struct fl_server *server, uint32_t setting, char out[FL__SETTING_SIZE])
{
    setting = resolve(setting);
    const struct setting *row = &settings[setting];
    if (row->get != NULL)
        row->get(server, out, FL__SETTING_SIZE);
    else
        snprintf(out, FL__SETTING_SIZE, "%s",
                 server->stored[setting] != NULL ? server->stored[setting] : row->initial);
}

/* ------------------------------------------------------------------------------------------------ setting */

/* Blanks at its ends, and what begins a comment, would not come back from the configuration file. */
static const char *check_text(struct fl__bytes value)
{
    if (value.size > STORED_SIZE_MAX)
        return "argument is longer than 128 bytes";
    for (size_t k = 0; k < value.size; k++) {
        bool is_end = k == 0 || k + 1 == value.size;
        char c = value.data[k];
        if ((unsigned char)c < ' ' || c == 127 || (c == ' ' && is_end) ||
            (c == ';' && (k == 0 || value.data[k - 1] == ' ')))
            return "argument holds what a line of the configuration file cannot hold";
    }
    return NULL;
}

/* The value as it is kept; NULL, or what is wrong with it. */
static const char *normalize(enum kind kind, struct fl__bytes value, char out[STORED_SIZE_MAX + 1])
{
    uint64_t size;
    int64_t number;
    const char *why = check_text(value);
    if (why != NULL)
        return why;
    snprintf(out, STORED_SIZE_MAX + 1, "%.*s", (int)value.size, value.size > 0 ? value.data : "");
    if (kind == FLAG_VALUE) {
        if (!fl__bytes_is(value, "yes") && !fl__bytes_is(value, "no"))
            return "argument must be 'yes' or 'no'";
        snprintf(out, STORED_SIZE_MAX + 1, "%s", fl__bytes_is(value, "yes") ? "yes" : "no");
    } else if (kind == NUMBER_VALUE) {
        if (!fl__number_parse(value, &number))
            return "argument couldn't be parsed into an integer";
    } else if (kind == MEMORY_VALUE) {
        if (!parse_size(value, &size))
            return "argument must be a memory value";
        print_number(out, STORED_SIZE_MAX + 1, size);
    }
    return NULL;
}

static const char *store_value(struct fl_server *server, uint32_t setting, struct fl__bytes value,
                               bool change)
{
    char text[STORED_SIZE_MAX + 1];
    const char *why = normalize(settings[setting].kind, value, text);
    if (why != NULL || !change)
        return why;
    char *copy = strdup(text);
    if (copy == NULL)
        return "memory could not be allocated";
    free(server->stored[setting]);
    server->stored[setting] = copy;
    return NULL;
}

const char *fl__setting_set(struct fl_server *server, uint32_t setting, struct fl__bytes value, bool change)
{
    const struct setting *row = &settings[setting];
    const char *why = NULL;
    if (row->kind == FIXED_VALUE) {
        /* What is so already may be wished for. */
        if (!fl__bytes_is(value, row->initial))
            why = row->text != NULL ? row->text : "can't set immutable config";
        return why;
    }
    if (row->kind != OWN)
        why = store_value(server, setting, value, change);
    else
        why = row->set != NULL ? row->set(server, value, change) : "can't set immutable config";
    if (why == NULL && change)
        server->setting_is_set[setting] = true;
    return why;
}

bool fl__setting_is_unused(const struct fl_server *server, uint32_t setting)
{
    const char *stored = server->stored[setting];
    return stored != NULL && strcmp(stored, settings[setting].initial) != 0;
}

void fl__setting_release(struct fl_server *server)
{
    for (uint32_t k = 0; k < SETTING_COUNT; k++)
        free(server->stored[k]);
}
