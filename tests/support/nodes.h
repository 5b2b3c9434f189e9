/* nodes.h - a cluster of real nodes (fairlead/node.h) on disks and a network in memory, in virtual time: what
 * users run, but for the operating system.
 *
 * The state machine is a list of the commands' numbers in the order in which they were applied. The harness
 * knows what each command's caller was told, and so what every list must hold. */
#ifndef FAIRLEAD_TEST_NODES_H
#define FAIRLEAD_TEST_NODES_H

#include <fairlead/node.h>

#include "memory.h"

#define NODES_MAX 5
#define NODES_COMMANDS_MAX 20000
#define NODES_SECOND ((fl_time_us)1000000)

/* A command or a read, and what became of it. */
struct nodes_ask {
    struct fl_request request;
    struct nodes *nodes;
    uint32_t node;
    uint32_t number;  /* Of a command; its data. */
    bool is_read;     /* Or a wait. */
    uint32_t answers; /* Must end as 1. */
    int outcome;
    uint32_t place;       /* A command that was applied: where in the list. */
    uint32_t told_before; /* A read: how many commands had been acknowledged when it was asked. */
    struct nodes_ask *next;
};

/* What a node told; its texts are copies. */
struct nodes_event {
    struct fl_node_event event;
    char peer[FL_NAME_MAX], text[256];
};

struct nodes_host {
    struct nodes *nodes;
    struct fl__disk *disk;
    struct fl_io *io;
    struct fl_node *node; /* NULL: not running. */
    bool is_closed;
    uint64_t crash_at;                 /* Its next life ends during so many calls on files; 0: it does not. */
    struct fl__memory_failure failure; /* What fails in its next life. */
    uint32_t *list;                    /* The state machine. */
    uint32_t count, capacity;
    struct nodes_event *events; /* Of all its lives. */
    uint32_t event_count, event_capacity;
    struct fl_error_report report; /* Of the last opening that failed. */
};

struct nodes {
    struct fl__world *world;
    uint32_t count;
    uint64_t random, seed;
    struct nodes_host hosts[NODES_MAX];
    struct fl_node_options options; /* What the hosts share; set before nodes_open(). */
    uint8_t cluster_id[16];
    struct nodes_ask *asks;
    uint32_t commands;                 /* Numbers given out: 1 to this. */
    uint32_t told[NODES_COMMANDS_MAX]; /* Those acknowledged, in the order in which they were. */
    uint32_t told_count;
    bool traced;
};

/* Zeroed and set up, nothing running. */
void nodes_init(struct nodes *nodes, uint32_t count, uint64_t seed);
void nodes_release(struct nodes *nodes);

/* Opens a node on its disk; its result. */
int nodes_open(struct nodes *nodes, uint32_t n);
void nodes_open_all(struct nodes *nodes); /* Which must succeed. */
void nodes_close(struct nodes *nodes, uint32_t n);
/* Power fails on it, whether it runs or not. The disk is what a loss of power leaves. */
void nodes_crash(struct nodes *nodes, uint32_t n, enum fl__survival what, uint64_t choice);
/* Its process dies. What it wrote without a sync is there for the next one to see. */
void nodes_kill(struct nodes *nodes, uint32_t n);
/* The connection between two of them breaks, and what was on it is lost. */
void nodes_reset(struct nodes *nodes, uint32_t a, uint32_t b);
/* Nothing that the one sends arrives at the other any more, until the link is up again. */
void nodes_link(struct nodes *nodes, uint32_t from, uint32_t to, bool up);
/* From now on a file operation takes up to so long: 2 ms at first. */
void nodes_slow_disks(struct nodes *nodes, fl_time_us at_most);
/* The disk as new. It must not run. */
void nodes_wipe(struct nodes *nodes, uint32_t n);

void nodes_run(struct nodes *nodes, fl_time_us duration);
/* Until somebody leads and is ready: its number. Fails the test if nobody does within ten seconds. */
uint32_t nodes_await_leader(struct nodes *nodes);
/* Until all that was asked is answered, and all running nodes have applied the same; false after `within`. */
bool nodes_settle(struct nodes *nodes, fl_time_us within);
struct fl_node_status nodes_status(const struct nodes *nodes, uint32_t n);

/* Asks; the answer is in what is returned. If it is refused at once, that is its answer. */
struct nodes_ask *nodes_propose(struct nodes *nodes, uint32_t n);
struct nodes_ask *nodes_read(struct nodes *nodes, uint32_t n);
struct nodes_ask *nodes_wait(struct nodes *nodes, uint32_t n, fl_index index, uint32_t count,
                             fl_time_us timeout);
uint64_t nodes_random(struct nodes *nodes, uint64_t below);

/* All that was promised: every ask answered once, the lists alike up to the shorter one's end, every command
 * in them once at most, the acknowledged ones where their callers were told, and the refused ones nowhere. */
void nodes_check(const struct nodes *nodes);

#endif
