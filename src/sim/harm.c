/* harm.c - what befalls whole nodes: links, power, clocks, and (rot.c) disks. */
#include "sim.h"

static void set_link(struct fl_sim_life *life, uint32_t from, uint32_t to, bool up)
{
    if (from != to)
        fl__world_link(life->world, from + 1, to + 1, up);
}

static void isolate(struct fl_sim_life *life, uint32_t node)
{
    for (uint32_t peer = 0; peer < life->plan.count; peer++) {
        set_link(life, node, peer, false);
        set_link(life, peer, node, false);
    }
}

static void cut_into_two(struct fl_sim_life *life)
{
    uint32_t count = life->plan.count;
    uint64_t side = fl__chance_below(&life->faults, (uint64_t)1 << count);
    for (uint32_t a = 0; a < count; a++)
        for (uint32_t b = 0; b < count; b++)
            if ((side >> a & 1) != (side >> b & 1))
                set_link(life, a, b, false);
}

void fl__harm_heal_links(struct fl_sim_life *life, uint32_t nodes)
{
    for (uint32_t a = 0; a < life->plan.count; a++)
        for (uint32_t b = 0; b < life->plan.count; b++)
            if ((nodes >> a & 1) && (nodes >> b & 1))
                set_link(life, a, b, true);
}

static void jump_clock(struct fl_sim_life *life, struct fl__life_node *node)
{
    int64_t by = (int64_t)fl__chance_octave(&life->faults, 1000, 100 * FL__SECOND);
    fl__memory_jump_wall_clock(node->io, fl__chance_is(&life->faults, 500) ? by : -by);
}

static void crash(struct fl_sim_life *life, struct fl__life_node *node)
{
    uint64_t way = fl__chance_below(&life->faults, 3);
    if (node->power == FL__POWER_OFF)
        node->start_at = fl__life_now(life);
    else if (way == 0)
        fl__node_die_in(node, fl__chance_octave(&life->faults, 1, 64));
    else
        fl__node_die(node, way == 1);
}

static void black_out(struct fl_sim_life *life)
{
    for (uint32_t n = 0; n < life->plan.count; n++)
        if (life->nodes[n].power == FL__POWER_ON)
            fl__node_die(&life->nodes[n], false);
}

static void strike_running(struct fl_sim_life *life, struct fl__life_node *node, enum fl_sim_fault fault)
{
    if (node->power != FL__POWER_ON)
        return;
    switch (fault) {
    case FL_SIM_PAUSE:
        fl__memory_pause(node->io, fl__life_after(life, 2 * life->plan.election_timeout_us));
        fl__life_tell(node, "paused", false, "stops for a while");
        break;
    case FL_SIM_RESET:
    case FL_SIM_CONNECTION:
        (void)fl__memory_reset_one(node->io, fl__chance_below(&life->faults, 1000));
        break;
    case FL_SIM_CLOCK:
        jump_clock(life, node);
        break;
    case FL_SIM_HANG:
        fl__rot_hang(node);
        break;
    default:
        fl__rot_fill(node);
        break;
    }
}

static void strike(struct fl_sim_life *life, enum fl_sim_fault fault)
{
    uint32_t n = (uint32_t)fl__chance_below(&life->faults, life->plan.count);
    uint32_t peer = (uint32_t)fl__chance_below(&life->faults, life->plan.count);
    struct fl__life_node *node = &life->nodes[n];
    switch (fault) {
    case FL_SIM_CUT:
        set_link(life, n, peer, false);
        fl__life_tell(node, "cut", false, "one of its links is cut");
        break;
    case FL_SIM_ISOLATE:
        isolate(life, n);
        fl__life_tell(node, "cut", false, "is cut off");
        break;
    case FL_SIM_PARTITION:
        cut_into_two(life);
        fl__life_tell(node, "cut", false, "the cluster falls into two parts");
        break;
    case FL_SIM_CRASH:
        if (node->power != FL__POWER_DYING && !node->is_halted)
            crash(life, node);
        break;
    case FL_SIM_BLACKOUT:
        if (fl__chance_is(&life->faults, 200))
            black_out(life);
        break;
    case FL_SIM_DAMAGE:
    case FL_SIM_DISK_FAILS:
    case FL_SIM_STALE:
    case FL_SIM_WIPE:
        fl__rot_victim(life, fault);
        break;
    default:
        strike_running(life, node, fault);
        break;
    }
}

void fl__harm_strike(struct fl_sim_life *life)
{
    enum fl_sim_fault fault = fl__chance_fault(&life->faults, life->plan.weights, 4);
    if (fault < FL_SIM_FAULTS) {
        strike(life, fault);
        return;
    }
    fl__harm_heal_links(life, UINT32_MAX);
    fl__life_tell(&life->nodes[0], "healed", false, "all links are up again");
}
