/* group.h - three replicas in one thread, without disk and network: the same harness around two libraries.
 *
 * A message is handed over by a function call, out of one queue in the order of sending; a write to disk is
 * complete at once. Replica LEADER leads. Entries have PAYLOAD_SIZE bytes each. Both harnesses do the same
 * with them: the client makes each payload, it is copied once for each follower, every replica keeps it, and
 * applies it once committed by adding up its words.
 *
 * Everything here ends the program when something is wrong: it is a measuring device. */
#ifndef FAIRLEAD_BENCH_GROUP_H
#define FAIRLEAD_BENCH_GROUP_H

#include <fairlead/raft.h>

enum { REPLICAS = 3, LEADER = 0, FOLLOWER = 1, OTHER = 2, PAYLOAD_SIZE = 128 };

/* A log that a replica starts with. Its first run is of term 1. */
struct group_log {
    const struct fl_run *runs;
    uint32_t run_count;
    fl_index last, commit;
};

/* What went between the leader and FOLLOWER until the logs were the same: appends and their answers. */
struct group_traffic {
    uint64_t messages, rejections, entries,
        bytes;           /* Delivered, either way; bytes as the wire format has them. */
    uint64_t hops;       /* The length of the longest chain of messages. */
    uint64_t heartbeats; /* Heartbeat intervals that had to pass meanwhile. */
};

struct group_side {
    const char *name;
    /* Logs for the three replicas; NULL: all new. */
    void *(*create)(const struct group_log *logs, enum fl_repair repair);
    /* LEADER wins an election. If `is_away`, FOLLOWER hears nothing of that. */
    void (*elect)(void *group, bool is_away);
    /* Commits `count` entries, and returns when nobody has anything left to do. */
    void (*propose)(void *group, uint32_t count);
    /* FOLLOWER is reachable (again): until its log is the leader's. */
    void (*repair)(void *group, struct group_traffic *out);
    /* The sum over all entries applied by the replica. */
    uint64_t (*applied)(void *group, uint32_t replica);
    void (*destroy)(void *group);
};

extern const struct group_side group_fairlead, group_canonical;

/* The client's payload of its n-th entry. */
void group_make(uint8_t payload[PAYLOAD_SIZE], uint64_t n);
/* What applying it does. */
uint64_t group_apply(const uint8_t payload[PAYLOAD_SIZE]);
_Noreturn void group_fail(const char *what);
/* Memory, or the end. */
void *group_allocate(size_t size);

#endif
