/* flow.c - time in which messages take their time, and nodes that are paused.
 *
 * In a flow a message arrives `latency` after it was sent, or as much later as its own delay says; at the
 * same moment messages come before time-outs, and among themselves in the order they were sent. What is
 * due is done before time goes on, so a flow may be cut anywhere into two. */
#include "scenario_internal.h"

fl_time_us fl_world_due(const struct fl_packet *packet, fl_time_us latency)
{
    return packet->sent_at + latency + packet->delay;
}

/* The message that arrives next; -1 if there is none. */
static int find_next(const struct fl_world *world, fl_time_us latency, fl_time_us *due)
{
    int next = -1;
    *due = UINT64_MAX;
    for (uint32_t k = 0; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        if (!fl__network_may_deliver(world, packet) || fl_world_due(packet, latency) >= *due)
            continue;
        *due = fl_world_due(packet, latency);
        next = (int)k;
    }
    return next;
}

void fl_world_flow(struct fl_world *world, fl_time_us by, fl_time_us latency)
{
    fl_time_us end = world->now + by, due;
    while (fl__world_may_go_on(world)) {
        int message = find_next(world, latency, &due);
        fl_time_us deadline = fl_world_deadline(world), next = fl__lower(due, deadline);
        if (next > end)
            break;
        world->now = fl__higher(world->now, next);
        if (due <= deadline)
            fl_world_deliver(world, (uint32_t)message);
        else
            fl__world_tick_due(world);
    }
    if (world->error != FL_OK)
        return;
    world->now = end;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_TIME, .index = world->now});
}

void fl_world_pause(struct fl_world *world, uint32_t n, bool paused)
{
    struct fl_world_node *node = &world->nodes[n];
    if (!node->is_alive || node->is_paused == paused || !fl__world_begin(world))
        return;
    node->is_paused = paused;
    fl__world_emit(world, (struct fl_event){.type = paused ? FL_EVENT_PAUSED : FL_EVENT_RESUMED, .node = n});
}
