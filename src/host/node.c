/* node.c - opening and closing a node, and what its embedder asks of it.
 *
 * Opening goes from what can fail for the user's sake to what can fail for the disk's: the options, the
 * directory and its lock, the peer port, who the directory is, the vote, the log. From then on the driver
 * runs it. Closing answers every request first, then ends connections, and the log and after it the vote, and
 * lets go of the lock last: whoever gets the lock finds nothing in motion. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---------------------------------------------------------------------------------------------- directory */

static int64_t make_directory(struct fl_io *io, const char *path)
{
    struct fl_io_op op = {0};
    io->vtable->make_directory(io, &op, path);
    int64_t result = io->vtable->wait(io, &op);
    return result == FL_EEXIST ? FL_OK : result;
}

/* Makes the directory's name durable, whoever made it: this process, or one that died before it came to
 * that. */
static int64_t sync_parent(struct fl_io *io, const char *path)
{
    struct fl_io_op op = {0};
    char parent[FL__PATH_MAX];
    size_t size = strlen(path);
    while (size > 1 && path[size - 1] == '/')
        size--;
    while (size > 0 && path[size - 1] != '/')
        size--;
    (void)snprintf(parent, sizeof parent, "%.*s", (int)size, path);
    io->vtable->sync_directory(io, &op, size > 0 ? parent : ".");
    return io->vtable->wait(io, &op);
}

static int lock_directory(struct fl_node *node, struct fl_error_report *report)
{
    struct fl_io *io = node->io;
    struct fl_io_op op = {0};
    char path[FL__PATH_MAX];
    int64_t result = make_directory(io, node->directory);
    if (result < 0)
        return fl__report(
            report, (int)result,
            "the data directory %s cannot be made: %s\n  do     make sure that its parent exists and "
            "can be written to",
            node->directory, fl_error_text((int)result));
    (void)snprintf(path, sizeof path, "%s/lock", node->directory);
    io->vtable->lock(io, &op, path);
    result = io->vtable->wait(io, &op);
    if (result == FL_ELOCKED)
        return fl__report(
            report, FL_ELOCKED,
            "the data directory %s is in use by another process\n  do     stop that one first, or choose "
            "another directory",
            node->directory);
    if (result < 0)
        return fl__report(report, (int)result, "%s cannot be locked: %s", path, fl_error_text((int)result));
    node->lock = op.file;
    return FL_OK;
}

/* ----------------------------------------------------------------------------------------------- identity */

static void on_name(void *context, const char *name)
{
    bool *is_used = context;
    *is_used |= fl__wal_owns(name);
}

static void make_identity(struct fl_node *node, const struct fl_node_options *options)
{
    struct fl__identity *identity = &node->identity;
    *identity = (struct fl__identity){.founder_count = options->member_count};
    memcpy(identity->cluster_id, options->cluster_id, sizeof identity->cluster_id);
    while (identity->incarnation == 0)
        node->io->vtable->random(node->io, &identity->incarnation, sizeof identity->incarnation);
    (void)snprintf(identity->name, sizeof identity->name, "%s", options->name);
    for (uint32_t k = 0; k < options->member_count; k++) {
        memcpy(identity->founders[k].name, options->members[k].name, FL_NAME_MAX);
        memcpy(identity->founders[k].address, options->members[k].address, FL_ADDRESS_MAX);
    }
}

static int open_vote(struct fl_node *node, bool is_new, struct fl_error_report *report)
{
    return fl__vote_open(&node->vote, node->io, node->directory, node->identity.cluster_id,
                         node->identity.incarnation, is_new, report);
}

/* The copies of term and vote come first: whoever has a name has them. */
static int create_identity(struct fl_node *node, const struct fl_node_options *options,
                           struct fl_error_report *report)
{
    struct fl_io *io = node->io;
    struct fl_io_op op = {0};
    bool is_used = false;
    io->vtable->list(io, &op, node->directory, on_name, &is_used);
    int64_t result = io->vtable->wait(io, &op);
    if (result < 0)
        return fl__report(report, (int)result, "%s cannot be read: %s", node->directory,
                          fl_error_text((int)result));
    if (is_used)
        return fl__report(
            report, FL_EDAMAGED,
            "%s holds a log, but the file that says whose it is (identity) is gone\n  do     put back a copy of "
            "that file, however old: it never changes",
            node->directory);
    if (options->member_count == 0)
        return fl__report(
            report, FL_EINVAL,
            "%s has never been used, and nothing says which cluster this node is to found\n  do     name "
            "the founding members and the cluster's id, or the directory of a node that has run before",
            node->directory);
    result = sync_parent(io, node->directory);
    if (result < 0)
        return fl__report(report, (int)result, "the directory in which %s lies cannot be synced: %s",
                          node->directory, fl_error_text((int)result));
    make_identity(node, options);
    result = open_vote(node, true, report);
    return result == FL_OK ? fl__identity_create(io, node->directory, &node->identity, report) : (int)result;
}

static int open_identity(struct fl_node *node, const struct fl_node_options *options,
                         struct fl_error_report *report)
{
    int result = fl__identity_load(node->io, node->directory, &node->identity, report);
    if (result == FL_ENOENT)
        return create_identity(node, options, report);
    if (result == FL_OK)
        result = fl__options_agree(options, &node->identity, report);
    return result == FL_OK ? open_vote(node, false, report) : result;
}

/* ------------------------------------------------------------------------------------------ vote and log */

static void on_log_failed(void *context, int error, const char *text)
{
    (void)error;
    fl__driver_fail(context, "%s", text);
}

#define MIB ((uint64_t)1 << 20)

static void on_log_space(void *context, bool is_full)
{
    struct fl_node *node = context;
    if (is_full)
        fl__tell(
            node, FL_LOG_ERROR, &(struct fl_node_event){.kind = FL_NODE_DISK_FULL},
            "finds the disk under %s full: soon writes are refused while this node leads; reads work; free %llu MiB, "
            "and they are taken again",
            node->directory, (unsigned long long)((node->options.segment_size + MIB - 1) / MIB));
    else
        fl__tell(node, FL_LOG_INFO, &(struct fl_node_event){.kind = FL_NODE_DISK_FREE},
                 "finds space again on the disk under %s", node->directory);
}

/* The newest two configurations in the log become the roster, with names and addresses. */
static int take_configurations(struct fl_node *node, struct fl_error_report *report)
{
    const struct fl__wal_recovered *found = &node->found;
    int result = FL_OK;
    if (found->configuration)
        result = fl__roster_from_entry(found->configuration, &node->roster);
    if (result == FL_OK && found->previous)
        result = fl__roster_from_entry(found->previous, &node->previous);
    if (result != FL_OK)
        return fl__report(report, result, "the cluster's members cannot be read from the log in %s: %s",
                          node->directory, fl_error_text(result));
    return FL_OK;
}

static void tell_findings(struct fl_node *node)
{
    const struct fl__wal_recovered *found = &node->found;
    const fl_term term = node->found_vote.term;
    node->teller.is_new = found->last == 0;
    if (found->torn_size > 0)
        fl__tell(
            node, FL_LOG_INFO,
            &(struct fl_node_event){.kind = FL_NODE_TORN, .term = term, .index = found->last},
            "cut %llu bytes off the end of the log: a write that power or the process was lost in, and that nobody "
            "was told of",
            (unsigned long long)found->torn_size);
    if (found->damaged > 0)
        fl__tell(node, FL_LOG_ERROR,
                 &(struct fl_node_event){.kind = FL_NODE_DAMAGED, .term = term, .index = found->damaged},
                 "finds its log damaged: %s", found->damage);
    fl__tell(node, FL_LOG_INFO,
             &(struct fl_node_event){.kind = FL_NODE_OPENED, .term = term, .index = found->last},
             "opened %s: term %llu, log to entry %llu", node->directory, (unsigned long long)term,
             (unsigned long long)found->last);
}

static int open_files(struct fl_node *node, struct fl_error_report *report)
{
    const struct fl__wal_options options = {
        .directory = node->directory,
        .vote = node->vote,
        .incarnation = node->identity.incarnation,
        .segment_size = node->options.segment_size,
        .log_size_max = node->options.log_size_max,
        .write_size_max = node->options.limits.write_size,
        .on_durable = fl__tickets_on_durable,
        .on_failed = on_log_failed,
        .on_space = on_log_space,
        .context = node,
    };
    struct fl__wal_options wal_options = options;
    memcpy(wal_options.cluster_id, node->identity.cluster_id, sizeof wal_options.cluster_id);
    node->found_vote = fl__vote_current(node->vote);
    node->durable_term = node->found_vote.term;
    int result = fl__wal_open(&node->wal, node->io, &wal_options, &node->found, report);
    if (result != FL_OK)
        return result;
    node->damaged = node->found.damaged;
    memcpy(node->damage, node->found.damage, sizeof node->damage);
    tell_findings(node);
    return take_configurations(node, report);
}

/* ---------------------------------------------------------------------------------------------- transport */

static int open_transport(struct fl_node *node, struct fl_error_report *report)
{
    struct fl__transport *transport = &node->transport;
    transport->io = node->io;
    transport->events = &fl__driver_transport_events;
    transport->context = node;
    transport->log = node->log;
    transport->ping_us = node->options.election_timeout_us;
    (void)snprintf(transport->name, sizeof transport->name, "%s", node->options.name);
    int result = fl__transport_listen(transport, node->listen);
    if (result == FL_EMFILE)
        return fl__report(report, result,
                          "the peer port %s cannot be opened: %s\n  do     raise ulimit -n (LimitNOFILE=)",
                          node->listen, fl_error_text(result));
    if (result != FL_OK)
        return fl__report(
            report, result,
            "the peer port %s cannot be opened: %s%s\n  do     stop what uses it, or choose another",
            node->listen, fl_error_text(result),
            result == FL_EADDR ? "\n  now    it is in use, or not one of this machine" : "");
    node->io->vtable->local_address(node->io, transport->listener, node->listen, sizeof node->listen);
    if (node->advertise[0] == '\0')
        memcpy(node->advertise, node->listen, sizeof node->advertise);
    return FL_OK;
}

static void start_transport(struct fl_node *node)
{
    bool in_log = node->roster.index > 0;
    fl__transport_set_members(&node->transport, in_log ? node->roster.members : node->identity.founders,
                              in_log ? node->roster.count : node->identity.founder_count);
    fl__driver_tell_state(node);
    node->transport.is_started = true;
}

/* ---------------------------------------------------------------------------------------- making, freeing */

static void copy_text(char *out, size_t size, const char *text)
{
    (void)snprintf(out, size, "%s", text ? text : "");
}

static struct fl_node *create(struct fl_io *io, const struct fl_node_options *options,
                              const struct fl_machine *machine)
{
    struct fl_node *node = calloc(1, sizeof *node);
    if (!node)
        return NULL;
    node->io = io;
    node->machine = *machine;
    node->options = *options;
    node->log = (struct fl__logger){options->log, options->log_context};
    node->directory = strdup(options->directory);
    copy_text(node->listen, sizeof node->listen, options->listen);
    copy_text(node->advertise, sizeof node->advertise, options->advertise);
    copy_text(node->client, sizeof node->client, options->client);
    while (node->boot == 0)
        io->vtable->random(io, &node->boot, sizeof node->boot);
    io->vtable->random(io, &node->random, sizeof node->random);
    node->transport_at = UINT64_MAX;
    return node;
}

/* What the node needs besides files and sockets. */
static int allocate(struct fl_node *node)
{
    node->cache = fl__cache_create(node->options.cache_size);
    node->decoded = calloc(FL__CONFIGS_MAX, sizeof *node->decoded);
    node->space = malloc(sizeof *node->space);
    node->received = calloc(FL__FRAME_ENTRIES_MAX, sizeof(struct fl__entry *));
    bool complete = node->directory && node->cache && node->decoded && node->space && node->received;
    if (!complete || fl__tickets_create(node) != FL_OK || fl__forward_create(node) != FL_OK ||
        fl__reads_create(node) != FL_OK || fl__look_create(node) != FL_OK)
        return FL_ENOMEM;
    return FL_OK;
}

static void free_node(struct fl_node *node)
{
    fl_raft_destroy(node->raft);
    fl__wal_recovered_release(&node->found);
    fl__apply_release(node);
    fl__look_destroy(node);
    fl__reads_destroy(node);
    fl__forward_destroy(node);
    fl__tickets_destroy(node);
    fl__cache_destroy(node->cache);
    free(node->decoded);
    free(node->space);
    free(node->received);
    free(node->directory);
    free(node);
}

/* ------------------------------------------------------------------------------------------------ closing */

static void on_transport_closed(void *context)
{
    struct fl_node *node = context;
    node->is_transport_closed = true;
    fl__node_maybe_closed(node);
}

static void on_vote_closed(void *context)
{
    struct fl_node *node = context;
    node->is_vote_closed = true;
    fl__node_maybe_closed(node);
}

/* The log is closed, which noted in the vote's files how far it goes. */
static void on_wal_closed(void *context)
{
    struct fl_node *node = context;
    node->wal = NULL;
    node->is_wal_closed = true;
    fl__vote_close(node->vote, on_vote_closed, node);
}

static void on_lock_closed(struct fl_io_op *op)
{
    struct fl_node *node = op->owner;
    node->is_lock_closed = true;
    fl__node_maybe_closed(node);
}

static bool is_in_motion(const struct fl_node *node)
{
    return !node->is_transport_closed || !node->is_wal_closed || !node->is_vote_closed ||
           node->timer_is_set || node->wake_is_set || node->is_flushing;
}

void fl__node_maybe_closed(struct fl_node *node)
{
    if (!node->is_closing || is_in_motion(node))
        return;
    if (node->lock && !node->is_lock_closed) {
        if (node->is_lock_closing)
            return;
        node->is_lock_closing = true;
        node->lock_close = (struct fl_io_op){.done = on_lock_closed, .owner = node};
        node->io->vtable->close_file(node->io, &node->lock_close, node->lock);
        return;
    }
    void (*closed)(void *context) = node->closed;
    void *context = node->closed_context;
    node->io->vtable->remove_flush(node->io, fl__driver_flush, node);
    free_node(node);
    closed(context);
}

/* Ends what has been opened; the rest counts as closed. */
static void begin_close(struct fl_node *node, void (*closed)(void *context), void *context)
{
    node->is_closing = true;
    node->closed = closed;
    node->closed_context = context;
    if (node->timer_is_set)
        node->io->vtable->cancel(node->io, &node->timer);
    node->is_wal_closed = !node->wal;
    node->is_vote_closed = !node->vote;
    if (node->wal)
        fl__wal_close(node->wal, on_wal_closed, node);
    else if (node->vote)
        fl__vote_close(node->vote, on_vote_closed, node);
    fl__transport_close(&node->transport, on_transport_closed);
}

void fl_node_close(struct fl_node *node, void (*closed)(void *context), void *context)
{
    fl_assert(!node->is_closing);
    node->is_closing = true;
    fl__forward_end(node, FL_ESTOPPED);
    fl__reads_end(node, FL_ESTOPPED);
    fl__look_end(node);
    fl__driver_wake(node); /* Nothing is called back inside this call. */
    begin_close(node, closed, context);
}

static void on_undone(void *context)
{
    bool *is_done = context;
    *is_done = true;
}

/* Nothing else of this node runs yet: it is let go here and now. */
static void undo(struct fl_node *node)
{
    struct fl_io *io = node->io;
    bool is_done = false;
    if (!node->transport.io) {
        node->transport.io = io;
        node->transport.context = node;
    }
    fl__driver_wake(node);
    begin_close(node, on_undone, &is_done);
    while (!is_done) {
        struct fl_io_op pause = {0};
        io->vtable->timer(io, &pause, io->vtable->now(io) + 1000);
        (void)io->vtable->wait(io, &pause);
    }
}

/* ------------------------------------------------------------------------------------------------ opening */

static int open_all(struct fl_node *node, const struct fl_node_options *options,
                    struct fl_error_report *report)
{
    int result = allocate(node);
    if (result == FL_OK)
        result = lock_directory(node, report);
    if (result == FL_OK)
        result = open_transport(node, report);
    if (result == FL_OK)
        result = open_identity(node, options, report);
    if (result == FL_OK)
        result = open_files(node, report);
    return result;
}

int fl_node_open(struct fl_node **out, struct fl_io *io, const struct fl_node_options *options,
                 const struct fl_machine *machine, struct fl_error_report *report)
{
    *out = NULL;
    *report = (struct fl_error_report){.error = FL_OK};
    int result = fl__options_check(options, report);
    if (result != FL_OK)
        return result;
    struct fl_node *node = create(io, options, machine);
    if (!node)
        return fl__report(report, FL_ENOMEM, "%s", fl_error_text(FL_ENOMEM));
    result = open_all(node, options, report);
    if (result != FL_OK) {
        undo(node);
        if (report->text[0] == '\0')
            (void)fl__report(report, result, "%s", fl_error_text(result));
        return result;
    }
    node->options.directory = node->directory;
    node->options.name = node->identity.name;
    node->options.listen = node->listen;
    node->options.advertise = node->advertise;
    node->options.client = node->client;
    node->options.members = NULL;
    node->options.cluster_id = NULL;
    fl__driver_now(node);
    io->vtable->add_flush(io, fl__driver_flush, node);
    start_transport(node);
    fl__founding_advance(node);
    fl__driver_wake(node);
    *out = node;
    return FL_OK;
}

/* ----------------------------------------------------------------------------------------------- requests */

/* A node that cannot read its log applies nothing beyond the damage, so it could answer nobody. */
static int refused(const struct fl_node *node)
{
    return node->is_closing ? FL_ESTOPPED : node->is_failed || node->damaged != 0 ? FL_EDAMAGED : FL_OK;
}

int fl_node_propose(struct fl_node *node, struct fl_request *request, const void *data, size_t size)
{
    int result = refused(node);
    if (result != FL_OK)
        return result;
    if (size > FL_COMMAND_MAX)
        return FL_ETOOBIG;
    request->data = data;
    request->size = size;
    request->index = 0;
    request->term = 0;
    request->expires = fl__driver_now(node) + node->options.request_timeout_us;
    result = fl__forward_add(node, request);
    if (result == FL_OK)
        fl__driver_wake(node);
    return result;
}

int fl_node_read(struct fl_node *node, struct fl_request *request)
{
    int result = refused(node);
    if (result != FL_OK)
        return result;
    request->time_us = 0;
    request->expires = fl__driver_now(node) + node->options.request_timeout_us;
    result = fl__reads_add(node, request);
    if (result == FL_OK)
        fl__driver_wake(node);
    return result;
}

int fl_node_wait(struct fl_node *node, struct fl_request *request, fl_index index, uint32_t count,
                 fl_time_us timeout_us)
{
    int result = refused(node);
    if (result != FL_OK)
        return result;
    fl_time_us now = fl__driver_now(node);
    bool is_bounded = timeout_us != 0 && timeout_us < UINT64_MAX - now;
    request->index = index;
    request->count = count;
    request->holders = 0;
    request->expires = is_bounded ? now + timeout_us : UINT64_MAX;
    result = fl__reads_add_wait(node, request);
    if (result == FL_OK)
        fl__driver_wake(node);
    return result;
}

int fl_node_campaign(struct fl_node *node)
{
    int result = refused(node);
    if (result != FL_OK)
        return result;
    if (!node->raft)
        return FL_EREFUSED;
    result = fl_raft_campaign(node->raft, fl__driver_now(node));
    fl__driver_event(node);
    fl__driver_wake(node);
    return result;
}
