/* rot.c - what disks do to those who trust them.
 *
 * One node of a life, the victim, may lose what it had acknowledged; so each entry that was committed keeps a
 * good copy in every majority of the others. And it must be able to see that it lost it: nothing tells a node
 * that the last thing in a file of its log was never written, so what lies is never the end of the log; but a
 * file that is gone, or shorter than it was, it sees. */
#include "../host/host.h"
#include "sim.h"

#include <string.h>

#define SECTOR 512
#define PAGE 4096

/* One of a disk's files, the k-th of those that may be chosen. */
struct choice {
    const char *but[3]; /* Not these. */
    uint64_t count, k;
    char path[256];
};

static void consider(void *context, const char *path)
{
    struct choice *choice = context;
    for (size_t n = 0; n < sizeof choice->but / sizeof *choice->but; n++)
        if (choice->but[n] && strcmp(path, choice->but[n]) == 0)
            return;
    if (choice->count++ == choice->k)
        snprintf(choice->path, sizeof choice->path, "%s", path);
}

/* Its bytes, which may be none; NULL: there is no such file. */
static const uint8_t *choose(struct fl_sim_life *life, struct fl__disk *disk, struct choice *choice,
                             size_t *size)
{
    choice->count = 0;
    choice->k = UINT64_MAX;
    fl__disk_each(disk, consider, choice);
    choice->k = fl__chance_below(&life->disk, choice->count);
    choice->count = 0;
    choice->path[0] = '\0';
    fl__disk_each(disk, consider, choice);
    return choice->path[0] ? fl__disk_bytes(disk, choice->path, size) : NULL;
}

/* Flipped bits, or pages that cannot be read, in any of its files; or the end of it is gone, or all of it. */
static void damage(struct fl__life_node *node)
{
    struct fl__chance *dice = &node->life->disk;
    struct choice choice = {0};
    size_t size = 0;
    if (!choose(node->life, node->disk, &choice, &size) || size == 0)
        return;
    char text[320];
    const char *what;
    uint64_t offset = fl__chance_below(dice, size), how = fl__chance_below(dice, 10);
    if (how < 4) {
        what = "a bit is FLIPPED";
        fl__disk_flip(node->disk, choice.path, offset, (uint8_t)(1u << fl__chance_below(dice, 8)));
    } else if (how < 8) {
        what = "a page CANNOT BE READ";
        fl__disk_set_unreadable(node->disk, choice.path, offset / PAGE * PAGE, PAGE);
    } else if (how == 8) {
        what = "the end is CUT OFF";
        fl__disk_cut(node->disk, choice.path, offset);
    } else {
        what = "it is GONE";
        fl__disk_lose(node->disk, choice.path);
    }
    snprintf(text, sizeof text, "%s: %s, from byte %llu", choice.path, what, (unsigned long long)offset);
    fl__life_tell(node, "damaged", false, text);
}

/* The log's last two files: the one that is written to, and the one that is prepared. */
struct newest {
    char first[256], second[256];
};

static void find_newest(void *context, const char *path)
{
    struct newest *newest = context;
    const char *slash = strrchr(path, '/');
    if (!slash || !fl__wal_owns(slash + 1) || strcmp(path, newest->second) < 0)
        return;
    bool is_first = strcmp(path, newest->first) > 0;
    if (is_first)
        memcpy(newest->second, newest->first, sizeof newest->second);
    snprintf(is_first ? newest->first : newest->second, sizeof newest->first, "%s", path);
}

/* A sector holds what it held when the image was made, or what belongs elsewhere. Of term and vote one copy
 * stays good, as long as nothing else harms it. */
static void mislead(struct fl__life_node *node)
{
    struct fl_sim_life *life = node->life;
    struct newest newest = {{0}, {0}};
    uint8_t sector[SECTOR];
    fl__disk_each(node->disk, find_newest, &newest);
    struct choice to = {.but = {newest.first, newest.second, "data/vote-2"}}, from = to;
    size_t size = 0, old_size = 0;
    bool is_stale = fl__chance_is(&life->disk, 500);
    if (!choose(life, node->disk, &to, &size) || size == 0)
        return;
    if (strcmp(to.path, "data/vote-1") == 0 && life->plan.weights[FL_SIM_DAMAGE] > 0)
        return;
    uint64_t at = fl__chance_below(&life->disk, size) / SECTOR * SECTOR;
    const uint8_t *old = is_stale ? fl__disk_bytes(life->image, to.path, &old_size)
                                  : choose(life, node->disk, &from, &old_size);
    uint64_t old_at =
        is_stale || old_size == 0 ? at : fl__chance_below(&life->disk, old_size) / SECTOR * SECTOR;
    if (!old || old_at >= old_size)
        return;
    size_t length = size - at < SECTOR ? (size_t)(size - at) : SECTOR;
    length = old_size - old_at < length ? (size_t)(old_size - old_at) : length;
    memcpy(sector, old + old_at, length);
    fl__disk_overwrite(node->disk, to.path, at, sector, length);
    fl__life_tell(node, "damaged", false,
                  is_stale ? "finds something OLD on its disk"
                           : "finds something on its disk that belongs elsewhere");
}

static void fail_disk(struct fl__life_node *node)
{
    struct fl__chance *dice = &node->life->disk;
    bool is_sync = fl__chance_is(dice, 500);
    const struct fl__memory_failure failure = {.call = is_sync ? FL__CALL_SYNC_OF_WRITE : FL__CALL_WRITE,
                                               .count = UINT64_MAX,
                                               .error = FL_EIO,
                                               .reverts = fl__chance_is(dice, 500)};
    fl__memory_fail(node->io, &failure);
    fl__life_tell(node, "damaged", false, "its disk FAILS from now on");
}

static void wipe(struct fl__life_node *node)
{
    fl__disk_destroy(node->disk);
    node->disk = fl__disk_create();
    node->spoken_term = node->granted_term = 0; /* Another member, who has said nothing yet. */
    fl__life_tell(node, "damaged", false, "its disk is EMPTY");
}

void fl__rot_victim(struct fl_sim_life *life, enum fl_sim_fault fault)
{
    struct fl__life_node *node = &life->nodes[life->plan.victim];
    bool is_rare = fault == FL_SIM_DISK_FAILS || fault == FL_SIM_WIPE;
    bool must_run = fault == FL_SIM_DISK_FAILS;
    if (!life->is_founded ||
        node->power != (must_run ? FL__POWER_ON : FL__POWER_OFF)) /* Founding needs all. */
        return;
    if (is_rare && !fl__chance_is(&life->disk, 200))
        return;
    if (fault == FL_SIM_STALE && !life->image) {
        life->image = fl__disk_after_power_loss(node->disk, FL__SURVIVES_ALL, 0);
        return;
    }
    life->is_hurt = true;
    if (fault == FL_SIM_DAMAGE)
        damage(node);
    else if (fault == FL_SIM_STALE)
        mislead(node);
    else if (fault == FL_SIM_WIPE)
        wipe(node);
    else
        fail_disk(node);
}

void fl__rot_fill(struct fl__life_node *node)
{
    struct fl__chance *dice = &node->life->disk;
    bool is_full = fl__chance_is(dice, 500);
    fl__disk_set_capacity(node->disk,
                          is_full ? fl__disk_used(node->disk) + fl__chance_below(dice, 8192) : UINT64_MAX);
    fl__life_tell(node, "disk", false, is_full ? "has hardly any room left on its disk" : "has room again");
}

void fl__rot_hang(struct fl__life_node *node)
{
    struct fl_sim_life *life = node->life;
    fl_time_us time = fl__chance_octave(&life->disk, FL__MILLISECOND, 10 * FL__SECOND);
    bool is_for_ever = fl__chance_is(&life->disk, 100) && node->number == life->plan.victim &&
                       life->plan.count >= 3 && life->is_founded;
    life->is_hurt |= is_for_ever;
    fl__memory_hang(node->io, is_for_ever ? FL__NEVER / 2 : fl__life_now(life) + time);
    fl__life_tell(node, "disk", false,
                  is_for_ever ? "its disk HANGS, for ever" : "its disk does not answer for a while");
}
