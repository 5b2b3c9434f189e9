/* cluster.h - a randomised network of cores on top of the scenario player's world, watched by its judge.
 *
 * Everything follows from the seed: which messages are lost, late, doubled or dug out of a museum of old
 * ones, which disks are slow, who crashes, pauses or is cut off, and when. Time is virtual. */
#ifndef FAIRLEAD_TEST_CLUSTER_H
#define FAIRLEAD_TEST_CLUSTER_H

#include "scenario.h"

#define CLUSTER_MUSEUM_MAX 48
#define MILLISECOND 1000u
#define SECOND 1000000u

struct cluster_settings {
    uint64_t seed;
    uint32_t voters, learners;
    uint32_t start_terms; /* Of the log that everybody has at the start, all of it committed. At most 128. */
    struct fl_world_settings world;

    /* The network. Chances are in a thousand. */
    fl_time_us delay_min, delay_max;
    uint32_t late_chance; /* Of a delay up to late_max instead. */
    fl_time_us late_max;
    uint32_t loss_chance, double_chance, museum_chance;

    fl_time_us disk_max;  /* A write takes up to this; 0: none. */
    uint32_t load_chance; /* That payloads are only partly at hand, or not, or later. */

    /* Mean times between events; 0: never. */
    fl_time_us fault_every, write_every, read_every;
    uint32_t batch_max; /* Entries of one write. */
    bool may_crash, may_cut, may_pause;
    bool may_reorder; /* Else each link keeps its order, as a connection does. */
    int damaged;      /* The node whose disk is found damaged when it restarts; -1: none. */
};

struct cluster {
    struct cluster_settings settings;
    struct fl_world *world;
    uint64_t random;
    bool faults;    /* On until cluster_heal(). */
    uint64_t fated; /* Packets up to this number have met their fate. */
    struct fl_packet *museum[CLUSTER_MUSEUM_MAX];
    uint32_t museum_count;
    fl_time_us write_at, read_at, fault_at;
    fl_time_us disk_at[FL_WORLD_NODES_MAX], load_at[FL_WORLD_NODES_MAX], pause_until[FL_WORLD_NODES_MAX];
    fl_time_us latest[FL_WORLD_NODES_MAX][FL_WORLD_NODES_MAX]; /* When the latest packet of a link arrives. */
    /* [a][b]: a was told that its connection to b is down. */
    bool down[FL_WORLD_NODES_MAX][FL_WORLD_NODES_MAX];
    fl_index hint[FL_WORLD_NODES_MAX]; /* Commit index at the last crash. */
};

/* A calm network of so many voters: no losses, delays around a millisecond. */
void cluster_calm(struct cluster_settings *settings, uint32_t voters, uint64_t seed);
/* Anything: sizes, limits, strategies, faults, drawn from the seed. */
void cluster_draw(struct cluster_settings *settings, uint64_t seed);

void cluster_init(struct cluster *cluster, const struct cluster_settings *settings);
void cluster_release(struct cluster *cluster);

/* Time passes, and what is to happen happens. */
void cluster_run(struct cluster *cluster, fl_time_us duration);
/* The same until there is a leader that has committed in its term, or until the time is over. Its number, or
 * -1. */
int cluster_run_to_leader(struct cluster *cluster, fl_time_us within);
/* The same until all living nodes agree and nothing is unanswered, or until the time is over. */
bool cluster_run_to_agreement(struct cluster *cluster, fl_time_us within);
/* Writes through whoever leads, again and again until one write is committed on `least` nodes; false if the
 * time is over before. */
bool cluster_write(struct cluster *cluster, uint32_t least, fl_time_us within);
/* No more faults: everybody is up, connected and fast. */
void cluster_heal(struct cluster *cluster);

void cluster_isolate(struct cluster *cluster, uint32_t node, bool isolated);
void cluster_crash(struct cluster *cluster, uint32_t node);
void cluster_restart(struct cluster *cluster, uint32_t node);
uint32_t cluster_leaders(const struct cluster *cluster, fl_term term); /* Nodes that lead in this term. */
/* Living nodes that know it committed. */
uint32_t cluster_holders(const struct cluster *cluster, fl_index index);

uint64_t cluster_random(struct cluster *cluster, uint64_t below);

/* Fails the running test if an invariant broke or the world stopped, and says how to see it again. */
void cluster_check(const struct cluster *cluster);

#endif
