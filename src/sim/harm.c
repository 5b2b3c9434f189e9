/* harm.c - what befalls whole nodes: links, power, clocks and disks. */
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
static void rot(struct fl__life_node *node)
{
    struct fl__chance *dice = &node->life->disk;
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
    fl__life_tell(node, "damaged", false, choice.path);
}

static void hurt_disk(struct fl_sim_life *life, enum fl_sim_fault fault)
{
    struct fl__life_node *node = &life->nodes[life->plan.victim];
    if (!life->is_founded) /* Founding needs everybody. */
        return;
    if (fault == FL_SIM_DAMAGE && node->power == FL__POWER_OFF) {
        life->is_hurt = true;
        rot(node);
    } else if (fault == FL_SIM_DISK_FAILS && node->power == FL__POWER_ON && fl__chance_is(&life->disk, 200)) {
        bool is_sync = fl__chance_is(&life->disk, 500);
        const struct fl__memory_failure failure = {.call = is_sync ? FL__CALL_SYNC_OF_WRITE : FL__CALL_WRITE,
                                                   .count = UINT64_MAX,
                                                   .error = FL_EIO,
                                                   .reverts = fl__chance_is(&life->disk, 500)};
        life->is_hurt = true;
        fl__memory_fail(node->io, &failure);
        fl__life_tell(node, "damaged", false, "its disk FAILS from now on");
    }
}

static void fill_disk(struct fl_sim_life *life, uint32_t n)
{
    struct fl__disk *disk = life->nodes[n].disk;
    bool is_full = fl__chance_is(&life->disk, 500);
    fl__disk_set_capacity(disk,
                          is_full ? fl__disk_used(disk) + fl__chance_below(&life->disk, 8192) : UINT64_MAX);
    fl__life_tell(&life->nodes[n], "disk", false,
                  is_full ? "has hardly any room left on its disk" : "has room again");
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
        fl__memory_crash_at(node->io, fl__memory_calls(node->io) + fl__chance_octave(&life->faults, 1, 64));
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
    default:
        fill_disk(life, node->number);
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
        hurt_disk(life, fault);
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
