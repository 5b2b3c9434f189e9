/* redis.c - servers, and clients that append to their lists; in the end each node tells each list. Others
 * listen to what was published of these lists. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define QUIET_US (5 * FL__SECOND) /* By then servers have given up what was still on its way. */

static struct fl__redis *redis_of(const struct fl_sim_life *life)
{
    return life->home;
}

/* ------------------------------------------------------------------------------------------------ servers */

static int open_server(struct fl__life_node *node, const struct fl_node_options *options)
{
    struct fl_server_options server;
    fl_server_options_init(&server);
    server.node = *options;
    server.listen = node->client;
    int error = fl_server_open(&node->server, node->io, &server, &node->report);
    node->node = error == FL_OK ? fl_server_node(node->server) : NULL;
    return error;
}

static void close_server(struct fl__life_node *node)
{
    fl_server_close(node->server, fl__node_closed, node);
    node->server = NULL;
}

static void begin(struct fl_sim_life *life)
{
    struct fl__redis *redis = calloc(1, sizeof *redis);
    if (!redis)
        fl_panic(__FILE__, __LINE__, "out of memory");
    life->home = redis;
    redis->life = life;
    redis->disk = fl__disk_create();
    redis->io = fl__memory_create(life->world, redis->disk);
    life->work_at = 0;
}

/* All clients come at once, when the nodes have started. */
static void work(struct fl_sim_life *life)
{
    struct fl__redis *redis = redis_of(life);
    life->work_at = FL__NEVER;
    redis->client_count = life->plan.client_count;
    for (uint32_t k = 0; k < redis->client_count; k++) {
        redis->clients[k].redis = redis;
        fl__client_open(&redis->clients[k]);
    }
    redis->chance = fl__chance_begin(life->plan.seed, FL__STREAM_LISTENERS);
    redis->listener_count = (uint32_t)fl__chance_below(&redis->chance, FL__SIM_LISTENERS_MAX + 1);
    for (uint32_t k = 0; k < redis->listener_count; k++) {
        redis->listeners[k].redis = redis;
        fl__listener_open(&redis->listeners[k]);
    }
}

static void end(struct fl_sim_life *life)
{
    struct fl__redis *redis = redis_of(life);
    for (uint32_t k = 0; k < FL__SIM_CLIENTS_MAX; k++)
        fl__client_release(&redis->clients[k]);
    for (uint32_t k = 0; k < FL__SIM_LISTENERS_MAX; k++)
        fl__listener_release(&redis->listeners[k]);
    for (uint32_t n = 0; n < FL__LIFE_NODES_MAX; n++) {
        fl__client_release(&redis->readings[n].client);
        for (uint32_t list = 0; list < FL__SIM_LISTS_MAX; list++)
            free(redis->readings[n].lists[list]);
    }
    fl__memory_destroy(redis->io);
    fl__disk_destroy(redis->disk);
    fl__history_release(&redis->history);
    free(redis);
}

/* ------------------------------------------------------------------------------------------------ reading */

/* No new commands; and for each node that is whole somebody who will read its lists. */
static void rest(struct fl_sim_life *life)
{
    struct fl__redis *redis = redis_of(life);
    for (uint32_t k = 0; k < redis->client_count; k++)
        fl__client_stop(&redis->clients[k]);
    redis->quiet_since = fl__life_now(life);
    for (uint32_t n = 0; n < life->plan.count; n++) {
        struct fl__reading *reading = &redis->readings[n];
        if (!(life->healthy >> n & 1))
            continue;
        *reading = (struct fl__reading){.is_wanted = true, .left = (1u << life->plan.key_count) - 1};
        reading->client =
            (struct fl__sim_client){.redis = redis, .node = n, .is_bound = true, .is_stopped = true};
        fl__client_open(&reading->client);
    }
}

static void on_list(void *context, uint32_t list, const char *bytes, size_t size)
{
    struct fl__reading *reading = context;
    if (!bytes) { /* An error: again. */
        reading->left |= 1u << list;
        return;
    }
    free(reading->lists[list]);
    reading->lists[list] = malloc(size + 1);
    if (!reading->lists[list])
        fl_panic(__FILE__, __LINE__, "out of memory");
    memcpy(reading->lists[list], bytes, size);
    reading->sizes[list] = size;
}

static bool has_read_all(const struct fl_sim_life *life, uint32_t node)
{
    const struct fl__reading *reading = &redis_of(life)->readings[node];
    for (uint32_t list = 0; list < life->plan.key_count; list++)
        if (!reading->lists[list])
            return false;
    return reading->is_wanted;
}

static void ask_lists(struct fl_sim_life *life, struct fl__reading *reading)
{
    for (uint32_t list = 0; reading->is_wanted && list < life->plan.key_count; list++) {
        if (!(reading->left >> list & 1))
            continue;
        reading->left &= ~(1u << list);
        fl__client_read(&reading->client, list, on_list, reading);
    }
}

/* All that clients asked is answered, and nothing is on its way any more: now the lists are final. */
static bool is_quiet(struct fl_sim_life *life)
{
    struct fl__redis *redis = redis_of(life);
    for (uint32_t k = 0; k < redis->client_count; k++)
        if (!fl__client_is_idle(&redis->clients[k]))
            redis->quiet_since = fl__life_now(life);
    return fl__life_now(life) - redis->quiet_since >= QUIET_US;
}

/* Who listens to a node that counts has heard what that has. */
static bool have_heard_all(const struct fl_sim_life *life)
{
    const struct fl__redis *redis = redis_of(life);
    bool are_done = true;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        if (!fl__life_counts(&life->nodes[n]))
            continue;
        for (uint32_t k = 0; k < redis->listener_count; k++)
            for (uint32_t list = 0; list < life->plan.key_count; list++)
                are_done = are_done &&
                           fl__listener_is_done(&redis->listeners[k], n, list, redis->readings[n].lists[list],
                                                redis->readings[n].sizes[list]);
    }
    return are_done;
}

/* Each node that counts has told each list, and one at least; and listeners have heard of them. */
static bool settle(struct fl_sim_life *life)
{
    uint32_t complete = 0, missing = 0;
    if (!is_quiet(life))
        return false;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        ask_lists(life, &redis_of(life)->readings[n]);
        complete += has_read_all(life, n);
        missing += fl__life_counts(&life->nodes[n]) && !has_read_all(life, n);
    }
    return complete > 0 && missing == 0 && have_heard_all(life);
}

/* ------------------------------------------------------------------------------------------------ verdict */

static uint64_t state(const struct fl__life_node *node, fl_index *applied)
{
    return fl_server_state(node->server, applied);
}

/* One may have been read a little later than the other: an outsider's old entry may have been committed
 * meanwhile. */
static void compare(struct fl_sim_life *life, uint32_t a, uint32_t b)
{
    const struct fl__reading *one = &redis_of(life)->readings[a], *other = &redis_of(life)->readings[b];
    char text[160];
    for (uint32_t list = 0; list < life->plan.key_count; list++) {
        size_t size = one->sizes[list] < other->sizes[list] ? one->sizes[list] : other->sizes[list];
        if (memcmp(one->lists[list], other->lists[list], size) == 0)
            continue;
        snprintf(text, sizeof text, "R21: list %" PRIu32 " is not the same on %s and %s", list,
                 life->nodes[a].name, life->nodes[b].name);
        fl__life_fail(life, "R21", text);
    }
}

static void judge_list(struct fl_sim_life *life, uint32_t list)
{
    struct fl__redis *redis = redis_of(life);
    const struct fl__reading *longest = NULL;
    char text[320];
    for (uint32_t n = 0; n < life->plan.count; n++)
        if (has_read_all(life, n) && (!longest || redis->readings[n].sizes[list] > longest->sizes[list]))
            longest = &redis->readings[n];
    if (!fl__history_judge(&redis->history, list, longest->lists[list], longest->sizes[list], text,
                           sizeof text))
        fl__life_fail(life, "L1", text);
    for (uint32_t k = 0; k < redis->listener_count; k++)
        fl__listener_judge(&redis->listeners[k], list, longest->lists[list], longest->sizes[list]);
}

static void judge(struct fl_sim_life *life)
{
    uint32_t before = UINT32_MAX;
    for (uint32_t n = 0; n < life->plan.count; n++) {
        if (!has_read_all(life, n))
            continue;
        if (before != UINT32_MAX)
            compare(life, before, n);
        before = n;
    }
    for (uint32_t list = 0; list < life->plan.key_count; list++)
        judge_list(life, list);
    life->result->checks = redis_of(life)->history.count;
    fl__mark(&life->result->marks, FL__MARK_SERVED_ALL);
}

const struct fl__tenant fl__redis_tenant = {
    .begin = begin,
    .open = open_server,
    .close = close_server,
    .work = work,
    .rest = rest,
    .settle = settle,
    .state = state,
    .judge = judge,
    .end = end,
};
