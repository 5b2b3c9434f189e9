/* nodes.c - a cluster of real nodes in memory. */
#include "nodes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "host.h"

uint64_t nodes_random(struct nodes *nodes, uint64_t below)
{
    return fl__memory_draw(&nodes->random, 0, below - 1);
}

/* -------------------------------------------------------------------------------------- the state machine */

static void append(struct nodes_host *host, uint32_t number)
{
    if (host->count == host->capacity) {
        host->capacity = host->capacity ? 2 * host->capacity : 64;
        host->list = realloc(host->list, host->capacity * sizeof *host->list);
        assert_non_null(host->list);
    }
    host->list[host->count++] = number;
}

static void end_ask(struct nodes_ask *ask, int outcome)
{
    ask->answers++;
    ask->outcome = outcome;
}

static void on_apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct nodes_host *host = state;
    uint32_t number;
    if (entry->data) {
        assert_int_equal(entry->size, sizeof number);
        memcpy(&number, entry->data, sizeof number);
        append(host, number);
    }
    if (!request)
        return;
    struct nodes_ask *ask = request->owner;
    assert_int_equal(ask->number, number);
    assert_int_equal(ask->node, host - host->nodes->hosts);
    ask->place = host->count - 1;
    host->nodes->told[host->nodes->told_count++] = number;
    end_ask(ask, FL_OK);
}

static bool holds(const struct nodes_host *host, uint32_t number)
{
    for (uint32_t k = host->count; k > 0; k--)
        if (host->list[k - 1] == number)
            return true;
    return false;
}

/* A read may look at the state now: it holds all that had been acknowledged when it was asked. */
static void on_answer(void *state, struct fl_request *request, int outcome)
{
    struct nodes_host *host = state;
    struct nodes_ask *ask = request->owner;
    assert_true(outcome != FL_OK || ask->is_read);
    for (uint32_t k = 0; outcome == FL_OK && k < ask->told_before; k++)
        if (!holds(host, host->nodes->told[k]))
            fail_msg("seed %llu: a read on node %u misses command %u", (unsigned long long)host->nodes->seed,
                     ask->node, host->nodes->told[k]);
    end_ask(ask, outcome);
}

static void on_event(void *state, const struct fl_node_event *event)
{
    struct nodes_host *host = state;
    if (host->event_count == host->event_capacity) {
        host->event_capacity = host->event_capacity ? 2 * host->event_capacity : 64;
        host->events = realloc(host->events, host->event_capacity * sizeof *host->events);
        assert_non_null(host->events);
    }
    struct nodes_event *kept = &host->events[host->event_count++];
    kept->event = *event;
    snprintf(kept->peer, sizeof kept->peer, "%s", event->peer ? event->peer : "");
    snprintf(kept->text, sizeof kept->text, "%s", event->text);
}

/* ------------------------------------------------------------------------------------ opening and closing */

static void on_line(void *context, int level, const char *line)
{
    const struct nodes_host *host = context;
    if (host->nodes->traced && level <= FL_LOG_INFO)
        print_message("%9llu n%d %s\n", (unsigned long long)fl__world_now(host->nodes->world),
                      (int)(host - host->nodes->hosts), line);
}

void nodes_slow_disks(struct nodes *nodes, fl_time_us at_most)
{
    fl__world_set(nodes->world, &(struct fl__world_settings){.file_time_us_min = 50,
                                                             .file_time_us_max = at_most,
                                                             .network_time_us_min = 50,
                                                             .network_time_us_max = 1000,
                                                             .chunk_size_max = 4000});
}

void nodes_init(struct nodes *nodes, uint32_t count, uint64_t seed)
{
    memset(nodes, 0, sizeof *nodes);
    nodes->count = count;
    nodes->random = nodes->seed = seed;
    nodes->traced = getenv("FL_TEST_TRACE") != NULL;
    nodes->world = fl__world_create(seed);
    nodes_slow_disks(nodes, 2000);
    fl_node_options_init(&nodes->options);
    nodes->options.segment_size = 64 << 10;
    nodes->options.cache_size = 16 << 10;
    memcpy(nodes->cluster_id, "sixteen bytes id", 16);
    for (uint32_t n = 0; n < count; n++) {
        nodes->hosts[n].nodes = nodes;
        nodes->hosts[n].disk = fl__disk_create();
    }
}

static void close_engine(struct nodes_host *host)
{
    fl__memory_destroy(host->io);
    host->io = NULL;
    host->node = NULL;
    host->count = 0;
}

int nodes_open(struct nodes *nodes, uint32_t n)
{
    struct nodes_host *host = &nodes->hosts[n];
    struct fl_node_member members[NODES_MAX] = {0};
    struct fl_node_options options = nodes->options;
    const struct fl_machine machine = {
        .state = host, .apply = on_apply, .answer = on_answer, .event = on_event};
    for (uint32_t k = 0; k < nodes->count; k++) {
        snprintf(members[k].name, sizeof members[k].name, "n%u", k);
        snprintf(members[k].address, sizeof members[k].address, "127.0.0.1:%u", 7000 + k);
    }
    host->io = fl__memory_create(nodes->world, host->disk);
    fl__memory_place(host->io, n);
    fl__memory_crash_at(host->io, host->crash_at);
    fl__memory_fail(host->io, &host->failure);
    host->crash_at = 0;
    host->failure = (struct fl__memory_failure){0};
    options.directory = nodes->options.directory ? nodes->options.directory : "data";
    options.name = members[n].name;
    options.listen = members[n].address;
    options.members = members;
    options.member_count = nodes->count;
    options.cluster_id = nodes->cluster_id;
    options.campaign_first = n == 0;
    options.log = on_line;
    options.log_context = host;
    int result = fl_node_open(&host->node, host->io, &options, &machine, &host->report);
    if (result != FL_OK)
        close_engine(host);
    return result;
}

void nodes_open_all(struct nodes *nodes)
{
    for (uint32_t n = 0; n < nodes->count; n++)
        if (!nodes->hosts[n].node && nodes_open(nodes, n) != FL_OK)
            fail_msg("node %u: %s", n, nodes->hosts[n].report.text);
}

static void on_closed(void *context)
{
    ((struct nodes_host *)context)->is_closed = true;
}

static void close_node(struct nodes *nodes, uint32_t n)
{
    struct nodes_host *host = &nodes->hosts[n];
    host->is_closed = false;
    fl_node_close(host->node, on_closed, host);
    for (uint32_t k = 0; k < 10000 && !host->is_closed; k++) {
        (void)nodes_status(nodes, n); /* One may look until the end. */
        fl__world_advance(nodes->world, 100);
    }
    assert_true(host->is_closed);
    close_engine(host);
}

void nodes_close(struct nodes *nodes, uint32_t n)
{
    if (nodes->hosts[n].node)
        close_node(nodes, n);
}

void nodes_kill(struct nodes *nodes, uint32_t n)
{
    struct nodes_host *host = &nodes->hosts[n];
    if (!host->node)
        return;
    fl__memory_crash(host->io);
    close_node(nodes, n);
}

void nodes_crash(struct nodes *nodes, uint32_t n, enum fl__survival what, uint64_t choice)
{
    struct nodes_host *host = &nodes->hosts[n];
    nodes_kill(nodes, n);
    struct fl__disk *left = fl__disk_after_power_loss(host->disk, what, choice);
    fl__disk_destroy(host->disk);
    host->disk = left;
}

void nodes_reset(struct nodes *nodes, uint32_t a, uint32_t b)
{
    char name[8];
    snprintf(name, sizeof name, "n%u", b);
    struct fl_node *node = nodes->hosts[a].node;
    struct fl__slot *slot = node ? fl__transport_named(&node->transport, name) : NULL;
    if (slot && slot->channel)
        fl__memory_reset(nodes->hosts[a].io, slot->channel->stream);
}

void nodes_link(struct nodes *nodes, uint32_t from, uint32_t to, bool up)
{
    fl__world_link(nodes->world, from, to, up);
}

void nodes_wipe(struct nodes *nodes, uint32_t n)
{
    fl__disk_destroy(nodes->hosts[n].disk);
    nodes->hosts[n].disk = fl__disk_create();
}

void nodes_release(struct nodes *nodes)
{
    for (uint32_t n = 0; n < nodes->count; n++)
        nodes_close(nodes, n);
    for (uint32_t n = 0; n < nodes->count; n++) {
        fl__disk_destroy(nodes->hosts[n].disk);
        free(nodes->hosts[n].list);
        free(nodes->hosts[n].events);
    }
    fl__world_destroy(nodes->world);
    while (nodes->asks) {
        struct nodes_ask *next = nodes->asks->next;
        free(nodes->asks);
        nodes->asks = next;
    }
}

/* --------------------------------------------------------------------------------------------------- time */

void nodes_run(struct nodes *nodes, fl_time_us duration)
{
    fl__world_advance(nodes->world, duration);
}

struct fl_node_status nodes_status(const struct nodes *nodes, uint32_t n)
{
    struct fl_node_status status = {0};
    if (nodes->hosts[n].node)
        fl_node_status(nodes->hosts[n].node, &status);
    return status;
}

uint32_t nodes_await_leader(struct nodes *nodes)
{
    for (uint32_t k = 0; k < 1000; k++) {
        for (uint32_t n = 0; n < nodes->count; n++) {
            struct fl_node_status status = nodes_status(nodes, n);
            if (status.role == FL_LEADER && status.ready && !status.damaged)
                return n;
        }
        nodes_run(nodes, 10000);
    }
    fail_msg("seed %llu: nobody leads", (unsigned long long)nodes->seed);
    return 0;
}

static bool is_settled(const struct nodes *nodes)
{
    for (const struct nodes_ask *ask = nodes->asks; ask; ask = ask->next)
        if (ask->answers == 0)
            return false;
    fl_index last = 0;
    bool is_led = false;
    for (uint32_t n = 0; n < nodes->count; n++) {
        struct fl_node_status status = nodes_status(nodes, n);
        is_led |= status.role == FL_LEADER && status.ready;
        last = status.last > last ? status.last : last;
    }
    for (uint32_t n = 0; n < nodes->count; n++)
        if (nodes->hosts[n].node && !nodes_status(nodes, n).damaged && nodes_status(nodes, n).applied != last)
            return false;
    return is_led;
}

bool nodes_settle(struct nodes *nodes, fl_time_us within)
{
    for (fl_time_us waited = 0; waited < within; waited += 10000) {
        nodes_run(nodes, 10000);
        if (is_settled(nodes))
            return true;
    }
    return false;
}

/* ------------------------------------------------------------------------------------------------- asking */

static struct nodes_ask *add_ask(struct nodes *nodes, uint32_t n)
{
    struct nodes_ask *ask = calloc(1, sizeof *ask);
    assert_non_null(ask);
    *ask = (struct nodes_ask){.nodes = nodes, .node = n, .next = nodes->asks};
    ask->request.owner = ask;
    nodes->asks = ask;
    return ask;
}

struct nodes_ask *nodes_propose(struct nodes *nodes, uint32_t n)
{
    struct nodes_ask *ask = add_ask(nodes, n);
    assert_true(nodes->commands < NODES_COMMANDS_MAX);
    ask->number = ++nodes->commands;
    int result = FL_ESTOPPED;
    if (nodes->hosts[n].node)
        result = fl_node_propose(nodes->hosts[n].node, &ask->request, &ask->number, sizeof ask->number);
    if (result != FL_OK)
        end_ask(ask, result);
    return ask;
}

struct nodes_ask *nodes_read(struct nodes *nodes, uint32_t n)
{
    struct nodes_ask *ask = add_ask(nodes, n);
    ask->is_read = true;
    ask->told_before = nodes->told_count;
    int result = FL_ESTOPPED;
    if (nodes->hosts[n].node)
        result = fl_node_read(nodes->hosts[n].node, &ask->request);
    if (result != FL_OK)
        end_ask(ask, result);
    return ask;
}

struct nodes_ask *nodes_wait(struct nodes *nodes, uint32_t n, fl_index index, uint32_t count,
                             fl_time_us timeout)
{
    struct nodes_ask *ask = add_ask(nodes, n);
    ask->is_read = true;
    int result = fl_node_wait(nodes->hosts[n].node, &ask->request, index, count, timeout);
    if (result != FL_OK)
        end_ask(ask, result);
    return ask;
}

/* ----------------------------------------------------------------------------------------------- checking */

static const struct nodes_host *longest(const struct nodes *nodes)
{
    const struct nodes_host *host = &nodes->hosts[0];
    for (uint32_t n = 1; n < nodes->count; n++)
        if (nodes->hosts[n].count > host->count)
            host = &nodes->hosts[n];
    return host;
}

static void check_lists(const struct nodes *nodes)
{
    const struct nodes_host *all = longest(nodes);
    uint8_t *seen = calloc(NODES_COMMANDS_MAX + 1, 1);
    for (uint32_t k = 0; k < all->count; k++)
        if (seen[all->list[k]]++)
            fail_msg("seed %llu: command %u was applied twice", (unsigned long long)nodes->seed,
                     all->list[k]);
    for (uint32_t n = 0; n < nodes->count; n++)
        for (uint32_t k = 0; k < nodes->hosts[n].count; k++)
            if (nodes->hosts[n].list[k] != all->list[k])
                fail_msg("seed %llu: node %u applied another command at %u", (unsigned long long)nodes->seed,
                         n, k);
    free(seen);
}

static void check_command(const struct nodes *nodes, const struct nodes_ask *ask,
                          const struct nodes_host *all)
{
    bool is_there = holds(all, ask->number);
    if (ask->outcome == FL_OK && (ask->place >= all->count || all->list[ask->place] != ask->number))
        fail_msg("seed %llu: command %u was acknowledged and is lost", (unsigned long long)nodes->seed,
                 ask->number);
    if (ask->outcome != FL_OK && ask->outcome != FL_EUNKNOWN && is_there)
        fail_msg("seed %llu: command %u was refused (%s) and happened", (unsigned long long)nodes->seed,
                 ask->number, fl_error_name(ask->outcome));
}

void nodes_check(const struct nodes *nodes)
{
    check_lists(nodes);
    for (const struct nodes_ask *ask = nodes->asks; ask; ask = ask->next) {
        if (ask->answers != 1)
            fail_msg("seed %llu: %s %u on node %u was answered %u times", (unsigned long long)nodes->seed,
                     ask->is_read ? "a read" : "command", ask->number, ask->node, ask->answers);
        if (!ask->is_read)
            check_command(nodes, ask, longest(nodes));
    }
}
