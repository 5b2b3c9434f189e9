/* servers.c - lets whole servers live, in a world of bytes: every layer of them is the real code; files,
 * network, clocks and chance are src/io/memory.h's.
 *
 * First trouble, then peace, then the verdict: a majority that is whole again must lead, answer everything,
 * hold equal content, and have lost nothing that it had acknowledged. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define TROUBLE_US (20 * FL__SECOND)
#define PEACE_US (60 * FL__SECOND)
#define QUIET_US (5 * FL__SECOND) /* By then servers have given up what was still on its way. */

static fl_time_us now_of(const struct fl__servers *servers)
{
    return fl__world_now(servers->world);
}

static fl_time_us after(struct fl__servers *servers, fl_time_us mean)
{
    return now_of(servers) + 1 + fl__chance_below(&servers->faults, 2 * mean);
}

void fl__servers_fail(struct fl__servers *servers, const char *rule, const char *text)
{
    struct fl_sim_result *result = servers->result;
    if (result->failed)
        return;
    result->failed = true;
    snprintf(result->rule, sizeof result->rule, "%s", rule);
    snprintf(result->text, sizeof result->text, "%s", text);
}

/* -------------------------------------------------------------------------------------------------- story */

static void tell(const struct fl__sim_server *node, const char *type, bool is_detail, const char *text)
{
    const struct fl_sim_options *options = node->servers->options;
    const struct fl_sim_event event = {.time_us = now_of(node->servers),
                                       .type = type,
                                       .node = node->name,
                                       .node_number = node->number,
                                       .is_detail = is_detail,
                                       .text = text};
    if (options->tell && !node->servers->is_over)
        options->tell(options->tell_context, &event);
}

static void on_line(void *context, int level, const char *line)
{
    const struct fl__sim_server *node = context;
    uint64_t *marks = &node->servers->result->marks;
    if (strstr(line, "malformed"))
        fl__mark(marks, FL__MARK_FLIPPED);
    if (strstr(line, "is full:"))
        fl__mark(marks, FL__MARK_FULL);
    if (level == FL_LOG_ERROR && strstr(line, "takes no part any more"))
        fl__mark(marks, FL__MARK_DISK_FAILED);
    tell(node, "log", level > FL_LOG_INFO, line);
}

/* -------------------------------------------------------------------------------------------------- power */

const uint8_t fl__servers_cluster_id[16] = "sixteen bytes id";

static void fill_options(const struct fl__sim_server *node, struct fl_node_member *members,
                         struct fl_server_options *options)
{
    const struct fl__servers *servers = node->servers;
    fl_server_options_init(options);
    for (uint32_t k = 0; k < servers->plan.count; k++) {
        snprintf(members[k].name, sizeof members[k].name, "%s", servers->nodes[k].name);
        snprintf(members[k].address, sizeof members[k].address, "%s", servers->nodes[k].peer);
    }
    options->listen = node->client;
    options->node.directory = "data";
    options->node.name = node->name;
    options->node.listen = node->peer;
    options->node.members = members;
    options->node.member_count = servers->plan.count;
    options->node.cluster_id = fl__servers_cluster_id;
    options->node.campaign_first = node->number == 0;
    options->node.election_timeout_us = servers->plan.election_timeout_us;
    options->node.heartbeat_us = servers->plan.heartbeat_us;
    options->node.segment_size = servers->plan.segment_size;
    options->node.cache_size = servers->plan.cache_size;
    options->node.log = on_line;
    options->node.log_context = (void *)(uintptr_t)node;
}

static void set_off(struct fl__sim_server *node, fl_time_us start_at)
{
    bool is_crashed = fl__memory_is_crashed(node->io);
    fl__memory_destroy(node->io);
    node->io = NULL;
    node->power = FL__POWER_OFF;
    node->start_at = start_at;
    if (!is_crashed || node->is_killed)
        return;
    static const enum fl__survival ways[] = {FL__SURVIVES_NONE, FL__SURVIVES_ALL, FL__SURVIVES_PREFIX,
                                             FL__SURVIVES_SOME};
    struct fl__chance *dice = &node->servers->disk;
    enum fl__survival way = ways[fl__chance_below(dice, 4)];
    uint64_t choice = way == FL__SURVIVES_PREFIX
                          ? fl__chance_below(dice, fl__disk_unsure_parts(node->disk) + 1)
                          : fl__chance_below(dice, UINT32_MAX);
    struct fl__disk *found = fl__disk_after_power_loss(node->disk, way, choice);
    fl__disk_destroy(node->disk);
    node->disk = found;
}

/* A node may refuse to start only where the plan has hurt its disk, or where power fails again. */
static void start(struct fl__sim_server *node)
{
    struct fl__servers *servers = node->servers;
    struct fl_node_member members[FL__SERVERS_MAX] = {0};
    struct fl_server_options options;
    char text[400];
    node->io = fl__memory_create(servers->world, node->disk);
    fl__memory_place(node->io, node->number + 1);
    if (!servers->is_peace && servers->plan.weights[FL_SIM_CRASH] && fl__chance_is(&servers->faults, 100))
        fl__memory_crash_at(node->io, fl__chance_octave(&servers->faults, 1, 64));
    fill_options(node, members, &options);
    node->start_at = FL__NEVER;
    node->is_killed = false;
    int result = fl_server_open(&node->server, node->io, &options, &node->report);
    if (result == FL_OK) {
        node->power = FL__POWER_ON;
        tell(node, "restarted", false, "starts");
        return;
    }
    bool is_crashed = fl__memory_is_crashed(node->io);
    set_off(node, is_crashed ? after(servers, 100 * FL__MILLISECOND) : FL__NEVER);
    snprintf(text, sizeof text, "does not start: %.300s", node->report.text);
    tell(node, is_crashed ? "crashed" : "halted", false, text);
    fl__mark(&servers->result->marks, is_crashed ? FL__MARK_CRASHED_STARTING : FL__MARK_HALTED);
    if (is_crashed)
        return;
    node->is_halted = true;
    if (node->number != servers->plan.victim || !servers->is_hurt) {
        snprintf(text, sizeof text, "S1: %s does not start from its own disk: %.300s", node->name,
                 node->report.text);
        fl__servers_fail(servers, "S1", text);
    }
}

static void on_closed(void *context)
{
    struct fl__sim_server *node = context;
    node->is_closed = true;
}

/* The end of its process: nothing that it does from here on reaches disk or network. */
static void begin_to_die(struct fl__sim_server *node, bool is_killed)
{
    fl__memory_pause(node->io, 0);
    fl__memory_crash(node->io);
    node->is_killed = is_killed;
    node->is_closed = false;
    node->power = FL__POWER_DYING;
    tell(node, "crashed", false, is_killed ? "is KILLED" : "loses POWER");
    fl_server_close(node->server, on_closed, node);
    node->server = NULL;
}

static struct fl_node_status status_of(const struct fl__sim_server *node)
{
    struct fl_node_status status;
    fl_node_status(fl_server_node(node->server), &status);
    return status;
}

static fl_time_us start_time(const struct fl__servers *servers, uint32_t n)
{
    const struct fl__sim_server *node = &servers->nodes[n];
    bool may_start = !servers->is_peace || servers->healthy >> n & 1;
    return node->power == FL__POWER_OFF && !node->is_halted && may_start ? node->start_at : FL__NEVER;
}

/* Those whose power failed by themselves, those that are gone, and those whose time to start has come. */
static void look_after(struct fl__servers *servers)
{
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        struct fl__sim_server *node = &servers->nodes[n];
        if (node->power == FL__POWER_ON && fl__memory_is_crashed(node->io))
            begin_to_die(node, false);
        if (node->power == FL__POWER_DYING && node->is_closed)
            set_off(node, servers->is_peace ? now_of(servers) : after(servers, 300 * FL__MILLISECOND));
        if (start_time(servers, n) <= now_of(servers))
            start(node);
        if (!servers->is_founded && node->power == FL__POWER_ON)
            servers->is_founded = status_of(node).founded;
    }
}

/* ------------------------------------------------------------------------------------------------- faults */

static void set_link(struct fl__servers *servers, uint32_t from, uint32_t to, bool up)
{
    if (from != to)
        fl__world_link(servers->world, from + 1, to + 1, up);
}

static void isolate(struct fl__servers *servers, uint32_t node)
{
    for (uint32_t peer = 0; peer < servers->plan.count; peer++) {
        set_link(servers, node, peer, false);
        set_link(servers, peer, node, false);
    }
}

static void cut_into_two(struct fl__servers *servers)
{
    uint32_t count = servers->plan.count;
    uint64_t side = fl__chance_below(&servers->faults, (uint64_t)1 << count);
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++)
            if ((side >> a & 1) != (side >> b & 1))
                set_link(servers, a, b, false);
}

static void heal_links(struct fl__servers *servers, uint32_t nodes)
{
    for (uint32_t a = 0; a < servers->plan.count; a++)
        for (uint32_t b = 0; b < servers->plan.count; b++)
            if ((nodes >> a & 1) && (nodes >> b & 1))
                set_link(servers, a, b, true);
}

struct file_choice {
    uint64_t left;
    char path[256];
};

static void choose_file(void *context, const char *path)
{
    struct file_choice *choice = context;
    if (choice->left-- == 0)
        snprintf(choice->path, sizeof choice->path, "%s", path);
}

static void count_file(void *context, const char *path)
{
    (void)path;
    ++*(uint64_t *)context;
}

/* Rot in one of the files of a disk: flipped bits, or pages that cannot be read. */
static void rot(struct fl__sim_server *node)
{
    struct fl__chance *dice = &node->servers->disk;
    struct file_choice choice = {0};
    uint64_t count = 0;
    size_t size = 0;
    fl__disk_each(node->disk, count_file, &count);
    if (count == 0)
        return;
    choice.left = fl__chance_below(dice, count);
    fl__disk_each(node->disk, choose_file, &choice);
    if (!fl__disk_bytes(node->disk, choice.path, &size) || size == 0)
        return;
    uint64_t offset = fl__chance_below(dice, size);
    if (fl__chance_is(dice, 500))
        fl__disk_flip(node->disk, choice.path, offset, (uint8_t)(1u << fl__chance_below(dice, 8)));
    else
        fl__disk_set_unreadable(node->disk, choice.path, offset / 4096 * 4096, 4096);
    tell(node, "damaged", false, choice.path);
}

static void hurt_disk(struct fl__servers *servers, enum fl_sim_fault fault)
{
    struct fl__sim_server *node = &servers->nodes[servers->plan.victim];
    if (!servers->is_founded) /* Founding needs everybody. */
        return;
    if (fault == FL_SIM_DAMAGE && node->power == FL__POWER_OFF) {
        servers->is_hurt = true;
        rot(node);
    } else if (fault == FL_SIM_DISK_FAILS && node->power == FL__POWER_ON &&
               fl__chance_is(&servers->disk, 200)) {
        bool is_sync = fl__chance_is(&servers->disk, 500);
        const struct fl__memory_failure failure = {.call = is_sync ? FL__CALL_SYNC_OF_WRITE : FL__CALL_WRITE,
                                                   .count = UINT64_MAX,
                                                   .error = FL_EIO,
                                                   .reverts = fl__chance_is(&servers->disk, 500)};
        servers->is_hurt = true;
        fl__memory_fail(node->io, &failure);
        tell(node, "damaged", false, "its disk FAILS from now on");
    }
}

static void fill_disk(struct fl__servers *servers, uint32_t n)
{
    struct fl__disk *disk = servers->nodes[n].disk;
    bool is_full = fl__chance_is(&servers->disk, 500);
    fl__disk_set_capacity(disk, is_full ? fl__disk_used(disk) + fl__chance_below(&servers->disk, 8192)
                                        : UINT64_MAX);
    tell(&servers->nodes[n], "disk", false,
         is_full ? "has hardly any room left on its disk" : "has room again");
}

static void jump_clock(struct fl__servers *servers, struct fl__sim_server *node)
{
    int64_t by = (int64_t)fl__chance_octave(&servers->faults, 1000, 100 * FL__SECOND);
    fl__memory_jump_wall_clock(node->io, fl__chance_is(&servers->faults, 500) ? by : -by);
}

static void crash(struct fl__servers *servers, struct fl__sim_server *node)
{
    uint64_t way = fl__chance_below(&servers->faults, 3);
    if (node->power == FL__POWER_OFF)
        node->start_at = now_of(servers);
    else if (way == 0)
        fl__memory_crash_at(node->io,
                            fl__memory_calls(node->io) + fl__chance_octave(&servers->faults, 1, 64));
    else
        begin_to_die(node, way == 1);
}

static void black_out(struct fl__servers *servers)
{
    for (uint32_t n = 0; n < servers->plan.count; n++)
        if (servers->nodes[n].power == FL__POWER_ON)
            begin_to_die(&servers->nodes[n], false);
}

static void strike_running(struct fl__servers *servers, struct fl__sim_server *node, enum fl_sim_fault fault)
{
    if (node->power != FL__POWER_ON)
        return;
    switch (fault) {
    case FL_SIM_PAUSE:
        fl__memory_pause(node->io, after(servers, 2 * servers->plan.election_timeout_us));
        tell(node, "paused", false, "stops for a while");
        break;
    case FL_SIM_RESET:
    case FL_SIM_CONNECTION:
        (void)fl__memory_reset_one(node->io, fl__chance_below(&servers->faults, 1000));
        break;
    case FL_SIM_CLOCK:
        jump_clock(servers, node);
        break;
    default:
        fill_disk(servers, node->number);
        break;
    }
}

static void strike(struct fl__servers *servers, enum fl_sim_fault fault)
{
    uint32_t n = (uint32_t)fl__chance_below(&servers->faults, servers->plan.count);
    uint32_t peer = (uint32_t)fl__chance_below(&servers->faults, servers->plan.count);
    struct fl__sim_server *node = &servers->nodes[n];
    switch (fault) {
    case FL_SIM_CUT:
        set_link(servers, n, peer, false);
        tell(node, "cut", false, "one of its links is cut");
        break;
    case FL_SIM_ISOLATE:
        isolate(servers, n);
        tell(node, "cut", false, "is cut off");
        break;
    case FL_SIM_PARTITION:
        cut_into_two(servers);
        tell(node, "cut", false, "the cluster falls into two parts");
        break;
    case FL_SIM_CRASH:
        if (node->power != FL__POWER_DYING && !node->is_halted)
            crash(servers, node);
        break;
    case FL_SIM_BLACKOUT:
        if (fl__chance_is(&servers->faults, 200))
            black_out(servers);
        break;
    case FL_SIM_DAMAGE:
    case FL_SIM_DISK_FAILS:
        hurt_disk(servers, fault);
        break;
    default:
        strike_running(servers, node, fault);
        break;
    }
}

static void make_trouble(struct fl__servers *servers)
{
    enum fl_sim_fault fault = fl__chance_fault(&servers->faults, servers->plan.weights, 4);
    if (fault < FL_SIM_FAULTS) {
        strike(servers, fault);
        return;
    }
    heal_links(servers, UINT32_MAX);
    tell(&servers->nodes[0], "healed", false, "all links are up again");
}

/* --------------------------------------------------------------------------------------------------- life */

/* Runs the world until then, or until so many events have happened; what is due to nodes is done between. */
static void run(struct fl__servers *servers, fl_time_us until, uint64_t events_max)
{
    while (now_of(servers) < until && fl__world_events(servers->world) < events_max &&
           !servers->result->failed) {
        fl_time_us next = fl__world_next(servers->world);
        for (uint32_t n = 0; n < servers->plan.count; n++)
            next = start_time(servers, n) < next ? start_time(servers, n) : next;
        next = servers->fault_at < next ? servers->fault_at : next;
        next = next < until ? next : until;
        fl__world_advance(servers->world, next > now_of(servers) ? next - now_of(servers) : 0);
        look_after(servers);
        if (servers->fault_at <= now_of(servers)) {
            make_trouble(servers);
            servers->fault_at = after(servers, servers->plan.fault_every);
            look_after(servers);
        }
    }
}

static void open_all(struct fl__servers *servers)
{
    servers->client_disk = fl__disk_create();
    servers->client_io = fl__memory_create(servers->world, servers->client_disk);
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        struct fl__sim_server *node = &servers->nodes[n];
        node->servers = servers;
        node->number = n;
        node->disk = fl__disk_create();
        snprintf(node->name, sizeof node->name, "n%" PRIu32, n + 1);
        snprintf(node->peer, sizeof node->peer, "127.0.0.1:%" PRIu32, 7601 + 10 * n);
        snprintf(node->client, sizeof node->client, "127.0.0.1:%" PRIu32, 7600 + 10 * n);
    }
    look_after(servers);
    servers->client_count = servers->plan.client_count;
    for (uint32_t k = 0; k < servers->client_count; k++) {
        servers->clients[k].servers = servers;
        fl__client_open(&servers->clients[k]);
    }
}

static void close_all(struct fl__servers *servers)
{
    for (uint32_t k = 0; k < FL__SIM_CLIENTS_MAX + FL__SERVERS_MAX; k++)
        fl__client_release(&servers->clients[k]);
    fl__memory_destroy(servers->client_io);
    fl__disk_destroy(servers->client_disk);
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        struct fl__sim_server *node = &servers->nodes[n];
        if (node->power == FL__POWER_ON)
            begin_to_die(node, true);
        for (uint32_t k = 0; node->power == FL__POWER_DYING && !node->is_closed && k < 10000; k++)
            fl__world_advance(servers->world, FL__MILLISECOND);
        fl_assert(node->power == FL__POWER_OFF || node->is_closed);
        fl__memory_destroy(node->io);
        fl__disk_destroy(node->disk);
    }
    fl__world_destroy(servers->world);
    fl__history_release(&servers->history);
    fl__promises_destroy(servers->promises);
}

/* -------------------------------------------------------------------------------------------------- peace */

/* A majority, or all; without the node whose disk is hurt. */
static uint32_t draw_healthy(struct fl__servers *servers)
{
    uint32_t count = servers->plan.count;
    bool is_all = fl__chance_is(&servers->faults, 400) || !servers->is_founded;
    uint32_t hurt = servers->is_hurt ? 1u << servers->plan.victim : 0;
    return is_all ? ((1u << count) - 1) & ~hurt : fl__chance_majority(&servers->faults, count, hurt);
}

/* The world loses no bytes any more, and takes its usual time. */
static void make_peace(struct fl__servers *servers)
{
    struct fl__world_settings calm = servers->plan.world;
    calm.late_chance = calm.flip_chance = 0;
    calm.file_time_us_max = calm.file_time_us_max < 2000 ? calm.file_time_us_max : 2000;
    fl__world_set(servers->world, &calm);
    servers->is_peace = true;
    servers->healthy = draw_healthy(servers);
    servers->fault_at = FL__NEVER;
    heal_links(servers, servers->healthy);
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        struct fl__sim_server *node = &servers->nodes[n];
        if (!(servers->healthy >> n & 1))
            continue;
        fl__disk_set_capacity(node->disk, UINT64_MAX);
        if (node->io) {
            fl__memory_crash_at(node->io, 0);
            fl__memory_pause(node->io, 0);
        }
        node->start_at = node->power == FL__POWER_OFF ? now_of(servers) : node->start_at;
        tell(node, "healed", false, "is whole again");
    }
    for (uint32_t k = 0; k < servers->client_count; k++)
        fl__client_stop(&servers->clients[k]);
}

/* What one node answers for each list in the end. */
struct reading {
    struct fl__servers *servers;
    uint32_t node;
    uint32_t left; /* Lists not read yet. */
    char *lists[8];
    size_t sizes[8];
};

static void on_list(void *context, uint32_t list, const char *bytes, size_t size)
{
    struct reading *reading = context;
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

static void ask_list(struct reading *reading, uint32_t list)
{
    struct fl__sim_client *client = &reading->servers->clients[FL__SIM_CLIENTS_MAX + reading->node];
    reading->left &= ~(1u << list);
    fl__client_read(client, list, on_list, reading);
}

static bool has_read_all(const struct reading *reading)
{
    for (uint32_t list = 0; list < reading->servers->plan.key_count; list++)
        if (!reading->lists[list])
            return false;
    return true;
}

/* Who leads the highest term, of those that run; -1: nobody. */
static int leader_of(const struct fl__servers *servers)
{
    int leader = -1;
    fl_term term = 0;
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        if (servers->nodes[n].power != FL__POWER_ON)
            continue;
        struct fl_node_status status = status_of(&servers->nodes[n]);
        if (status.role != FL_LEADER || status.term < term)
            continue;
        term = status.term;
        leader = (int)n;
    }
    return leader;
}

/* Whether the node must answer. An outsider may lead, and lack links to some of the healthy nodes: these hear
 * of its term from those that follow it, and wait. */
static bool counts(const struct fl__servers *servers, uint32_t n)
{
    int leader = leader_of(servers);
    bool is_healthy = servers->healthy >> n & 1;
    if (!is_healthy || leader < 0 || servers->healthy >> leader & 1)
        return is_healthy;
    uint32_t here = n + 1, there = (uint32_t)leader + 1;
    return !servers->world->cut[here][there] && !servers->world->cut[there][here];
}

/* All that clients asked is answered, and each node that counts has told each list. */
static bool read_lists(struct fl__servers *servers, struct reading *readings)
{
    fl_time_us end = now_of(servers) + PEACE_US, quiet_since = now_of(servers);
    bool is_done = false;
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        struct fl__sim_client *client = &servers->clients[FL__SIM_CLIENTS_MAX + n];
        if (!(servers->healthy >> n & 1))
            continue;
        readings[n] =
            (struct reading){.servers = servers, .node = n, .left = (1u << servers->plan.key_count) - 1};
        *client =
            (struct fl__sim_client){.servers = servers, .node = n, .is_bound = true, .is_stopped = true};
        fl__client_open(client);
    }
    while (!is_done && now_of(servers) < end && !servers->result->failed) {
        is_done = true;
        for (uint32_t k = 0; k < servers->client_count; k++)
            is_done = is_done && fl__client_is_idle(&servers->clients[k]);
        quiet_since = is_done ? quiet_since : now_of(servers);
        is_done = now_of(servers) - quiet_since >= QUIET_US;
        bool is_quiet = is_done; /* Nothing is on its way any more: now the lists are final. */
        uint32_t complete = 0;
        for (uint32_t n = 0; n < servers->plan.count; n++) {
            for (uint32_t list = 0; is_quiet && list < servers->plan.key_count; list++)
                if ((servers->healthy >> n & 1) && (readings[n].left >> list & 1))
                    ask_list(&readings[n], list);
            bool has_all = readings[n].servers && has_read_all(&readings[n]);
            is_done = is_done && (!counts(servers, n) || has_all);
            complete += has_all;
        }
        is_done = is_done && complete > 0;
        run(servers, now_of(servers) + 20 * FL__MILLISECOND, UINT64_MAX);
    }
    return is_done;
}

/* ------------------------------------------------------------------------------------------------ verdict */

/* One may have been read a little later than the other: an outsider's old entry may have been committed
 * meanwhile. */
static void compare(struct fl__servers *servers, const struct reading *a, const struct reading *b)
{
    char text[160];
    for (uint32_t list = 0; list < servers->plan.key_count; list++) {
        size_t size = a->sizes[list] < b->sizes[list] ? a->sizes[list] : b->sizes[list];
        if (memcmp(a->lists[list], b->lists[list], size) == 0)
            continue;
        snprintf(text, sizeof text, "R21: list %" PRIu32 " is not the same on %s and %s", list,
                 servers->nodes[a->node].name, servers->nodes[b->node].name);
        fl__servers_fail(servers, "R21", text);
    }
}

static void judge(struct fl__servers *servers, const struct reading *readings)
{
    const struct reading *first = NULL, *longest[8] = {NULL};
    char text[320];
    for (uint32_t n = 0; n < servers->plan.count; n++) {
        if (!readings[n].servers || !has_read_all(&readings[n]))
            continue;
        if (first)
            compare(servers, first, &readings[n]);
        first = &readings[n];
        for (uint32_t list = 0; list < servers->plan.key_count; list++)
            if (!longest[list] || readings[n].sizes[list] > longest[list]->sizes[list])
                longest[list] = &readings[n];
    }
    for (uint32_t list = 0; list < servers->plan.key_count; list++)
        if (!fl__history_judge(&servers->history, list, longest[list]->lists[list],
                               longest[list]->sizes[list], text, sizeof text))
            fl__servers_fail(servers, "L1", text);
    servers->result->checks = servers->history.count;
    fl__mark(&servers->result->marks, FL__MARK_SERVED_ALL);
}

static void on_send(void *context, const struct fl__disk *disk, const struct fl_io_buffer *buffers,
                    uint32_t count)
{
    struct fl__servers *servers = context;
    for (uint32_t n = 0; n < servers->plan.count; n++)
        if (servers->nodes[n].disk == disk)
            fl__promises_hear(servers->promises, &servers->nodes[n], buffers, count);
}

void fl__servers_live(const struct fl_sim_options *options, const struct fl__server_plan *plan,
                      struct fl_sim_result *result)
{
    struct fl__servers *servers = calloc(1, sizeof *servers);
    struct reading readings[FL__SERVERS_MAX] = {{0}};
    if (!servers)
        fl_panic(__FILE__, __LINE__, "out of memory");
    *result = (struct fl_sim_result){0};
    servers->plan = *plan;
    servers->options = options;
    servers->result = result;
    servers->world = fl__world_create(fl__mix64(plan->seed) + 1);
    servers->faults = fl__chance_begin(plan->seed, FL__STREAM_FAULTS);
    servers->workload = fl__chance_begin(plan->seed, FL__STREAM_WORKLOAD);
    servers->disk = fl__chance_begin(plan->seed, FL__STREAM_DISK);
    servers->promises = fl__promises_create();
    servers->plan.world.on_send = on_send;
    servers->plan.world.on_send_context = servers;
    fl__world_set(servers->world, &servers->plan.world);
    open_all(servers);
    servers->fault_at = after(servers, plan->fault_every) + FL__SECOND / 2;
    run(servers, now_of(servers) + TROUBLE_US, options->events_max / 2);
    make_peace(servers);
    look_after(servers);
    if (read_lists(servers, readings))
        judge(servers, readings);
    else
        fl__servers_fail(servers, "V1",
                         "V1: a majority is whole, and does not answer everything in a minute");
    servers->is_over = true;
    result->events = fl__world_events(servers->world);
    result->time_us = now_of(servers);
    result->trace_hash = fl__world_hash(servers->world);
    for (uint32_t n = 0; n < plan->count; n++)
        for (uint32_t list = 0; list < 8; list++)
            free(readings[n].lists[list]);
    close_all(servers);
    free(servers);
}
