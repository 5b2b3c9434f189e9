/* power.c - machines that start, lose power, are killed, and may refuse to start again.
 *
 * What dies is taken down by its own code, on an engine of which nothing reaches disk or network any more. */
#include "sim.h"

#include <string.h>

const uint8_t fl__life_cluster_id[16] = "sixteen bytes id";

/* Some of what people would read in a log is a state worth reaching. */
static void on_line(void *context, int level, const char *line)
{
    const struct fl__life_node *node = context;
    uint64_t *marks = &node->life->result->marks;
    if (strstr(line, "malformed"))
        fl__mark(marks, FL__MARK_FLIPPED);
    if (strstr(line, "finds the disk under") && strstr(line, "full: soon"))
        fl__mark(marks, FL__MARK_FULL);
    if (level == FL_LOG_ERROR && strstr(line, "takes no part any more") && !fl__memory_is_crashed(node->io))
        fl__mark(marks, FL__MARK_DISK_FAILED);
    if (strstr(line, "wiped or replaced"))
        fl__mark(marks, FL__MARK_WIPED);
    fl__life_tell(node, "log", level > FL_LOG_INFO, line);
}

static void fill_options(const struct fl__life_node *node, struct fl_node_member *members,
                         struct fl_node_options *options)
{
    const struct fl_sim_life *life = node->life;
    fl_node_options_init(options);
    for (uint32_t k = 0; k < life->plan.count; k++) {
        snprintf(members[k].name, sizeof members[k].name, "%s", life->nodes[k].name);
        snprintf(members[k].address, sizeof members[k].address, "%s", life->nodes[k].peer);
    }
    options->directory = "data";
    options->name = node->name;
    options->listen = node->peer;
    options->members = members;
    options->member_count = life->plan.count;
    options->cluster_id = fl__life_cluster_id;
    options->campaign_first = node->number == 0;
    options->election_timeout_us = life->plan.election_timeout_us;
    options->heartbeat_us = life->plan.heartbeat_us;
    options->segment_size = life->plan.segment_size;
    options->log_size_max = life->plan.log_size_max;
    options->cache_size = life->plan.cache_size;
    options->pending_size_max = life->plan.pending_size_max;
    options->request_timeout_us = life->plan.request_timeout_us;
    options->limits = life->plan.limits;
    options->log = on_line;
    options->log_context = (void *)(uintptr_t)node;
}

static void set_off(struct fl__life_node *node, fl_time_us start_at)
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
    struct fl__chance *dice = &node->life->disk;
    enum fl__survival way = ways[fl__chance_below(dice, 4)];
    uint64_t choice = way == FL__SURVIVES_PREFIX
                          ? fl__chance_below(dice, fl__disk_unsure_parts(node->disk) + 1)
                          : fl__chance_below(dice, UINT32_MAX);
    struct fl__disk *found = fl__disk_after_power_loss(node->disk, way, choice);
    fl__disk_destroy(node->disk);
    node->disk = found;
}

/* A node may refuse to start only where the plan has hurt its disk, or where power fails again. */
static void start(struct fl__life_node *node)
{
    struct fl_sim_life *life = node->life;
    struct fl_node_member members[FL__LIFE_NODES_MAX] = {0};
    struct fl_node_options options;
    char text[400];
    node->io = fl__memory_create(life->world, node->disk);
    fl__memory_place(node->io, node->number + 1);
    fl__memory_drift(node->io, node->drift);
    /* Also and above all where a process died before: what it left in the page cache alone. */
    if (!life->is_peace && life->plan.weights[FL_SIM_CRASH] &&
        fl__chance_is(&life->faults, node->is_killed ? 400 : 100))
        fl__node_die_in(node, fl__chance_octave(&life->faults, 1, 64));
    else
        node->is_killed = false;
    fill_options(node, members, &options);
    node->start_at = FL__NEVER;
    if (life->tenant->open(node, &options) == FL_OK) {
        node->power = FL__POWER_ON;
        fl__life_tell(node, "restarted", false, "starts");
        fl__promises_recall(node);
        return;
    }
    bool is_crashed = fl__memory_is_crashed(node->io);
    set_off(node, is_crashed ? fl__life_after(life, 100 * FL__MILLISECOND) : FL__NEVER);
    snprintf(text, sizeof text, "does not start: %.300s", node->report.text);
    fl__life_tell(node, is_crashed ? "crashed" : "halted", false, text);
    fl__mark(&life->result->marks, is_crashed ? FL__MARK_CRASHED_STARTING : FL__MARK_HALTED);
    if (is_crashed)
        return;
    node->is_halted = true;
    if (node->number != life->plan.victim || !life->is_hurt) {
        snprintf(text, sizeof text, "S1: %s does not start from its own disk: %.300s", node->name,
                 node->report.text);
        fl__life_fail(life, "S1", text);
    }
}

void fl__node_closed(void *context)
{
    struct fl__life_node *node = context;
    node->is_closed = true;
}

void fl__node_die_in(struct fl__life_node *node, uint64_t calls)
{
    fl__memory_crash_at(node->io, fl__memory_calls(node->io) + calls);
    node->is_killed = fl__chance_is(&node->life->faults, 500);
}

void fl__node_die(struct fl__life_node *node, bool is_killed)
{
    fl__memory_pause(node->io, 0);
    fl__memory_crash(node->io);
    node->is_killed = is_killed;
    node->is_closed = false;
    node->power = FL__POWER_DYING;
    fl__life_tell(node, "crashed", false, is_killed ? "is KILLED" : "loses POWER");
    node->life->tenant->close(node);
    node->node = NULL;
}

struct fl_node_status fl__node_status_of(const struct fl__life_node *node)
{
    struct fl_node_status status;
    fl_node_status(node->node, &status);
    return status;
}

fl_time_us fl__node_start_time(const struct fl__life_node *node)
{
    const struct fl_sim_life *life = node->life;
    bool may_start = !life->is_peace || life->healthy >> node->number & 1;
    return node->power == FL__POWER_OFF && !node->is_halted && may_start ? node->start_at : FL__NEVER;
}

void fl__node_look_after(struct fl__life_node *node)
{
    struct fl_sim_life *life = node->life;
    if (node->power == FL__POWER_ON && fl__memory_is_crashed(node->io))
        fl__node_die(node, node->is_killed);
    if (node->power == FL__POWER_DYING && node->is_closed)
        set_off(node, life->is_peace ? fl__life_now(life) : fl__life_after(life, 300 * FL__MILLISECOND));
    if (fl__node_start_time(node) <= fl__life_now(life))
        start(node);
    if (!life->is_founded && node->power == FL__POWER_ON)
        life->is_founded = fl__node_status_of(node).founded;
}
