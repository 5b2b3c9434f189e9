/* server.c - the server as one object: a node whose state machine is the keyspace, and the port for clients.
 *
 * Opening: listen first, so that a port in use is found before the data directory is touched; clients that
 * connect while the log is recovered are accepted and wait. Closing: the node answers what is open, those
 * answers are sent, and then the clients' connections end.
 *
 * Three things drive it besides clients and the node: the flush hook, which sends what a batch of events has
 * gathered; the kick, which does what the node's answers made possible; and the round, ten times a second,
 * for everything that has a time limit. */
#include "server.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#define CLIENTS_MAX_DEFAULT 10000
#define OUTPUT_MAX_DEFAULT (256u << 20)
#define SLOWLOG_COUNT 128
#define SLOWLOG_US 10000
#define CHECK_ROUNDS 10  /* Clients' budgets of time are looked at once in so many rounds. */
#define STAY_US 1000000u /* For clients of a node that has stopped serving. */

static void on_kick(struct fl_io_op *op);
static void on_round(struct fl_io_op *op);

void fl_server_options_init(struct fl_server_options *options)
{
    *options = (struct fl_server_options){
        .clients_max = CLIENTS_MAX_DEFAULT,
        .client_output_max = OUTPUT_MAX_DEFAULT,
        .sentinel_name = "mymaster",
        .version = "0.1.0",
    };
    fl_node_options_init(&options->node);
}

void fl__server_log(const struct fl_server *server, int level, const char *format, ...)
{
    const struct fl_node_options *options = &server->options.node;
    char line[1024];
    va_list list;
    if (options->log == NULL)
        return;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    options->log(options->log_context, level, line);
}

/* ------------------------------------------------------------------------------------------------- timers */

static void set_round(struct fl_server *server)
{
    server->round_is_set = true;
    server->round = (struct fl_io_op){.done = on_round, .owner = server};
    server->io->vtable->timer(server->io, &server->round, server->now + FL__ROUND_US);
}

void fl__server_kick(struct fl_server *server)
{
    if (server->kick_is_set)
        return;
    server->kick_is_set = true;
    server->kick = (struct fl_io_op){.done = on_kick, .owner = server};
    server->io->vtable->timer(server->io, &server->kick, server->now);
}

static void resume_all(struct fl_server *server)
{
    /* Those who come onto the list meanwhile have their turn at the next kick. */
    struct fl__link turn;
    fl__link_take_all(&server->resumable, &turn);
    while (!fl__link_is_alone(&turn))
        fl__client_resume(fl__container(turn.next, struct fl__client, resume));
}

static bool maybe_free(struct fl_server *server);

static void on_kick(struct fl_io_op *op)
{
    struct fl_server *server = op->owner;
    server->kick_is_set = false;
    server->work = 0;
    server->now = server->io->vtable->now(server->io);
    resume_all(server);
    if (server->tick_is_wanted)
        fl__dispatch_tick(server);
    if (server->stopping)
        (void)maybe_free(server);
}

static void publish(struct fl_server *server)
{
    struct fl__snapshot snapshot;
    server->publish_is_due = false;
    if (server->publish == NULL)
        return;
    fl__snapshot_take(server, &snapshot);
    server->publish(server->publish_context, &snapshot);
}

/* Keys whose time has come give their memory back although nobody asks for them: the leader sees to it. */
static void maybe_tick(struct fl_server *server)
{
    struct fl_node_status status;
    if (!server->is_leader || server->node == NULL || fl__store_deadline_us(server->store) == UINT64_MAX)
        return;
    fl_node_status(server->node, &status);
    if (fl__store_deadline_us(server->store) <= status.leader_time_us)
        fl__dispatch_tick(server);
}

static void check_clients(struct fl_server *server)
{
    struct fl__link *next;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = next) {
        next = link->next;
        fl__client_check(fl__container(link, struct fl__client, all));
    }
}

/* Who is connected when this node stops serving would stay, get nothing but errors, and hear no messages.
 * Those who listen for +switch-master go by themselves; after a moment the others have what they asked for,
 * and then find another node as they found this one. */
static void maybe_send_away(struct fl_server *server)
{
    struct fl_node_status status;
    bool was_out = server->is_out;
    if (server->node == NULL)
        return;
    fl_node_status(server->node, &status);
    server->is_out = fl__server_is_out(server, &status);
    if (server->is_out != was_out)
        server->send_away_at = server->is_out ? server->now + STAY_US : 0;
    if (server->send_away_at == 0 || server->now < server->send_away_at)
        return;
    server->send_away_at = 0;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next)
        fl__client_finish(fl__container(link, struct fl__client, all));
}

static void on_round(struct fl_io_op *op)
{
    struct fl_server *server = op->owner;
    server->round_is_set = false;
    server->work = 0;
    server->now = server->io->vtable->now(server->io);
    if (server->stopping && maybe_free(server))
        return;
    fl__dispatch_round(server);
    fl__pause_round(server);
    maybe_tick(server);
    fl__sentinel_round(server);
    maybe_send_away(server);
    fl__store_tidy(server->store);
    if (++server->rounds % CHECK_ROUNDS == 0 || server->stopping)
        check_clients(server);
    publish(server);
    set_round(server);
}

static void on_flush(void *context)
{
    struct fl_server *server = context;
    while (!fl__link_is_alone(&server->dirty))
        fl__client_flush(fl__container(server->dirty.next, struct fl__client, dirty));
    if (server->publish_is_due)
        publish(server);
}

/* ----------------------------------------------------------------------------------------------- the node */

static void on_notice(void *context, struct fl_node *node)
{
    struct fl_server *server = context;
    struct fl_node_status status;
    fl_node_status(node, &status);
    server->publish_is_due = true;
    fl__places_notice(server, &status);
}

static void on_event(void *context, const struct fl_node_event *event)
{
    struct fl_server *server = context;
    fl__events_keep(server->events, event);
}

bool fl__server_is_out(const struct fl_server *server, const struct fl_node_status *node)
{
    return server->broken || node->damaged;
}

struct fl_node *fl_server_node(struct fl_server *server)
{
    return server->node;
}

void fl_server_counts(const struct fl_server *server, struct fl_server_counts *out)
{
    struct fl__store_counts counts;
    fl__store_counts(server->store, &counts);
    *out = (struct fl_server_counts){
        .clients = server->client_count,
        .commands = server->command_count,
        .keys = counts.keys,
        .memory = fl__store_memory(server->store),
    };
}

uint64_t fl_server_state(const struct fl_server *server, fl_index *applied)
{
    *applied = server->broken ? 0 : fl__store_index(server->store);
    return fl__store_hash(server->store);
}

void fl__server_watch(struct fl_server *server,
                      void (*publish_to)(void *context, const struct fl__snapshot *snapshot), void *context)
{
    server->publish = publish_to;
    server->publish_context = context;
    publish(server);
}

/* ------------------------------------------------------------------------------------------------ opening */

static int fail(struct fl_error_report *report, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(struct fl_error_report *report, int error, const char *format, ...)
{
    va_list list;
    report->error = error;
    va_start(list, format);
    vsnprintf(report->text, sizeof report->text, format, list);
    va_end(list);
    return error;
}

static const char *or_empty(const char *text)
{
    return text != NULL ? text : "";
}

static int check_options(const struct fl_server_options *options, struct fl_error_report *report)
{
    uint32_t classes;
    bool has_password = options->password != NULL && options->password[0] != '\0';
    if (options->listen == NULL || strlen(options->listen) >= FL_ADDRESS_MAX)
        return fail(report, FL_EINVAL, "listen: an address is needed, H:P");
    if (!has_password && !fl_address_is_loopback(options->listen))
        return fail(report, FL_EINVAL,
                    "listen %s is not loopback, and there is no password\n"
                    "  now    everybody who reaches this address could read and write everything\n"
                    "  do     --password-file FILE, or --listen 127.0.0.1:PORT",
                    options->listen);
    if (has_password && strlen(options->password) > FL__PASSWORD_SIZE_MAX)
        return fail(report, FL_EINVAL, "the password is longer than %d bytes", FL__PASSWORD_SIZE_MAX);
    if (options->clients_max < 1 || options->client_output_max < FL__CLIENT_OUTPUT_MIN)
        return fail(report, FL_EINVAL, "clients_max must be at least 1, client_output_max at least 1 MiB");
    if (!fl__notify_parse(fl__bytes_of(or_empty(options->notify_keyspace_events)), &classes))
        return fail(report, FL_EINVAL, "notify-keyspace-events: letters of Ag$lshzxeKEtmdn are needed");
    struct fl__bytes sentinel_name = fl__bytes_of(or_empty(options->sentinel_name));
    if (sentinel_name.size < 1 || sentinel_name.size >= FL_NAME_MAX ||
        !fl__client_name_is_valid(sentinel_name))
        return fail(report, FL_EINVAL, "sentinel-name: 1 to %d letters, digits or signs are needed",
                    FL_NAME_MAX - 1);
    return FL_OK;
}

static void copy_text(char *out, size_t out_size, const char *text)
{
    snprintf(out, out_size, "%s", or_empty(text));
}

/* From here on the options' texts are the server's own. */
static void copy_options(struct fl_server *server, const struct fl_server_options *options)
{
    server->options = *options;
    copy_text(server->listen, sizeof server->listen, options->listen);
    copy_text(server->peer, sizeof server->peer, options->node.listen);
    copy_text(server->web, sizeof server->web, options->web);
    copy_text(server->name, sizeof server->name, options->node.name);
    copy_text(server->sentinel_name, sizeof server->sentinel_name, options->sentinel_name);
    copy_text(server->version, sizeof server->version, options->version);
    copy_text(server->directory, sizeof server->directory, options->node.directory);
    copy_text(server->password, sizeof server->password, options->password);
    server->options.listen = server->listen;
    server->options.web = server->web;
    server->options.sentinel_name = server->sentinel_name;
    server->options.version = server->version;
    server->options.password = server->password;
    (void)!fl__notify_parse(fl__bytes_of(or_empty(options->notify_keyspace_events)), &server->notify);
    server->options.notify_keyspace_events = NULL;
}

/* Where others find this node's clients: the advertised host with the port that is really listened on. */
static void set_client_address(struct fl_server *server)
{
    const char *host = server->options.advertise_host;
    const char *colon = strrchr(server->listen, ':');
    if (host == NULL || colon == NULL)
        copy_text(server->client, sizeof server->client, server->listen);
    else if (strchr(host, ':') != NULL && host[0] != '[')
        snprintf(server->client, sizeof server->client, "[%.200s]%.8s", host, colon);
    else
        snprintf(server->client, sizeof server->client, "%.200s%.8s", host, colon);
    server->options.advertise_host = NULL;
    server->options.node.client = server->client;
}

static void make_run_id(struct fl_server *server)
{
    uint8_t random[20];
    server->io->vtable->random(server->io, random, sizeof random);
    memcpy(&server->read_seed, random, sizeof server->read_seed); /* Nothing secret depends on it. */
    for (size_t k = 0; k < sizeof random; k++)
        snprintf(server->run_id + 2 * k, 3, "%02x", random[k]);
}

/* The order of keys in SCAN must be the same on all nodes and hard to guess; the cluster's id is both. */
static uint64_t hash_seed(const struct fl_node_status *status)
{
    uint64_t seed = 14695981039346656037u;
    for (int k = 0; k < 16; k++)
        seed = (seed ^ status->cluster_id[k]) * 1099511628211u;
    return seed;
}

static struct fl_server *create(struct fl_io *io, const struct fl_server_options *options)
{
    struct fl_server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return NULL;
    server->io = io;
    server->now = server->started = server->leaderless_since = io->vtable->now(io);
    fl__link_init(&server->clients);
    fl__link_init(&server->dirty);
    fl__link_init(&server->resumable);
    fl__link_init(&server->ticking);
    copy_options(server, options);
    make_run_id(server);
    server->scratch = malloc(FL__CREDIT);
    server->calls = calloc(fl__command_count, sizeof *server->calls);
    server->usage = calloc(fl__command_count, sizeof *server->usage);
    server->slow_max = SLOWLOG_COUNT;
    server->slower_than_us = SLOWLOG_US;
    server->pubsub = fl__pubsub_create(XXH3_64bits(server->run_id, sizeof server->run_id));
    server->events = fl__events_create();
    return server;
}

static void free_server(struct fl_server *server)
{
    if (server->store != NULL)
        fl__store_destroy(server->store);
    fl__pending_free_all(server);
    fl__pubsub_destroy(server->pubsub);
    free(server->scratch);
    free(server->calls);
    free(server->usage);
    free(server->config_file);
    fl__setting_release(server);
    fl__slowlog_release(server);
    fl__events_destroy(server->events);
    free(server);
}

static int take_setting(struct fl_server *server, const struct fl_server_setting *given, bool change,
                        struct fl_error_report *report)
{
    uint32_t setting = fl__setting_find(fl__bytes_of(given->name));
    const char *why = "Redis 7.0 has no such setting";
    if (setting < fl__setting_count())
        why = fl__setting_set(server, setting, fl__bytes_of(given->value), change);
    if (why != NULL)
        return fail(report, FL_EINVAL, "redis.%s cannot be \"%.128s\"\n  now    %s", given->name,
                    given->value, why);
    return FL_OK;
}

int fl_server_check_options(const struct fl_server_options *options, struct fl_error_report *report)
{
    *report = (struct fl_error_report){.error = FL_OK};
    int result = check_options(options, report);
    if (result < 0)
        return result;
    struct fl_server *nobody = calloc(1, sizeof *nobody); /* Whose settings are checked, not changed. */
    if (nobody == NULL)
        return fail(report, FL_ENOMEM, "memory could not be allocated");
    snprintf(nobody->listen, sizeof nobody->listen, "%s", options->listen);
    for (uint32_t k = 0; k < options->setting_count && result == FL_OK; k++)
        result = take_setting(nobody, &options->settings[k], false, report);
    free(nobody);
    return result;
}

/* What the configuration file says in Redis' words. */
static int take_settings(struct fl_server *server, const struct fl_server_options *options,
                         struct fl_error_report *report)
{
    if (options->config_file != NULL && (server->config_file = strdup(options->config_file)) == NULL)
        return fail(report, FL_ENOMEM, "memory could not be allocated");
    for (uint32_t k = 0; k < options->setting_count; k++) {
        int result = take_setting(server, &options->settings[k], true, report);
        if (result != FL_OK)
            return result;
    }
    server->options.settings = NULL;
    server->options.config_file = NULL;
    return FL_OK;
}

static int start_listening(struct fl_server *server, struct fl_error_report *report)
{
    struct fl_io *io = server->io;
    int result = io->vtable->listen(io, &server->listener, server->listen, false, fl__client_accept, server);
    if (result == FL_EMFILE)
        return fail(report, result, "listen %s: %s\n  do     raise ulimit -n (LimitNOFILE=)", server->listen,
                    fl_error_text(result));
    if (result < 0)
        return fail(report, result,
                    "listen %s: %s%s\n  do     stop what uses it, or choose another with --listen",
                    server->listen, fl_error_text(result),
                    result == FL_EADDR ? "\n  now    it is in use, or not one of this machine" : "");
    io->vtable->local_address(io, server->listener, server->listen, sizeof server->listen);
    set_client_address(server);
    return FL_OK;
}

static int open_node(struct fl_server *server, struct fl_error_report *report)
{
    struct fl_machine machine = {
        .state = server,
        .apply = fl__dispatch_apply,
        .answer = fl__dispatch_answer,
        .notice = on_notice,
        .event = on_event,
    };
    struct fl_node_status status;
    int result = fl_node_open(&server->node, server->io, &server->options.node, &machine, report);
    if (result < 0)
        return result;
    /* The node applies nothing before the engine runs; and only now the cluster's id is known. */
    fl_node_status(server->node, &status);
    server->store = fl__store_create(hash_seed(&status));
    if (server->store == NULL)
        return fail(report, FL_ENOMEM, "memory could not be allocated");
    fl__pubsub_listen(server);
    server->is_out = fl__server_is_out(server, &status);
    server->is_leader = status.role == FL_LEADER && !server->is_out;
    return FL_OK;
}

/* Whoever connected while the log was recovered has waited. */
static void start_clients(struct fl_server *server)
{
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next)
        fl__client_start(fl__container(link, struct fl__client, all));
}

static void on_node_undone(void *context)
{
    struct fl_server *server = context;
    server->node = NULL;
}

/* Nothing else runs while a server fails to open: what there is of it is let go here and now. */
static void undo(struct fl_server *server)
{
    struct fl_io *io = server->io;
    if (server->listener != NULL)
        io->vtable->close_listener(io, server->listener);
    server->stopping = true;
    if (server->node != NULL)
        fl_node_close(server->node, on_node_undone, server);
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next)
        fl__client_cut(fl__container(link, struct fl__client, all), NULL);
    while (server->node != NULL || !fl__link_is_alone(&server->clients) || server->kick_is_set ||
           server->spare.done != NULL) {
        struct fl_io_op pause = {.done = NULL};
        io->vtable->timer(io, &pause, io->vtable->now(io) + 1000);
        io->vtable->wait(io, &pause);
    }
    free_server(server);
}

int fl_server_open(struct fl_server **out, struct fl_io *io, const struct fl_server_options *options,
                   struct fl_error_report *report)
{
    *out = NULL;
    *report = (struct fl_error_report){.error = FL_OK};
    int result = check_options(options, report);
    if (result < 0)
        return result;
    struct fl_server *server = create(io, options);
    bool is_whole = server != NULL && server->scratch != NULL && server->calls != NULL &&
                    server->usage != NULL && server->pubsub != NULL && server->events != NULL;
    if (!is_whole) {
        if (server != NULL)
            free_server(server);
        return fail(report, FL_ENOMEM, "memory could not be allocated");
    }
    result = take_settings(server, options, report);
    if (result == FL_OK)
        result = start_listening(server, report);
    if (result == FL_OK)
        result = open_node(server, report);
    if (result < 0) {
        undo(server);
        return result;
    }
    /* After the node's, so that what it answers at the end of a batch leaves with the same batch. */
    io->vtable->add_flush(io, on_flush, server);
    server->now = io->vtable->now(io);
    start_clients(server);
    set_round(server);
    *out = server;
    return FL_OK;
}

/* ------------------------------------------------------------------------------------------------ closing */

/* Frees the server once nothing can call it any more. */
static bool maybe_free(struct fl_server *server)
{
    if (server->node != NULL || !fl__link_is_alone(&server->clients) || server->kick_is_set ||
        server->round_is_set || server->spare.done != NULL || server->rewrite != NULL)
        return false;
    void (*closed)(void *context) = server->closed;
    void *context = server->closed_context;
    server->io->vtable->remove_flush(server->io, on_flush, server);
    free_server(server);
    if (closed != NULL)
        closed(context);
    return true;
}

void fl__server_client_gone(struct fl_server *server)
{
    /* The round notices the rest: here a client's last words are still being dealt with. */
    if (server->stopping && fl__link_is_alone(&server->clients) && server->node == NULL &&
        server->round_is_set)
        server->io->vtable->cancel(server->io, &server->round);
}

/* The node has answered everything. What it said is sent, and each client has a moment to read it. */
static void on_node_closed(void *context)
{
    struct fl_server *server = context;
    server->node = NULL;
    for (struct fl__link *link = server->clients.next; link != &server->clients; link = link->next)
        fl__client_finish(fl__container(link, struct fl__client, all));
    fl__server_client_gone(server);
}

void fl_server_close(struct fl_server *server, void (*closed)(void *context), void *context)
{
    fl_assert(!server->stopping);
    server->stopping = true;
    server->closed = closed;
    server->closed_context = context;
    server->io->vtable->close_listener(server->io, server->listener);
    fl_node_close(server->node, on_node_closed, server);
}
