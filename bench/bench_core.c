/* bench_core.c - how fast a group of three commits, without disk and network.
 *
 * bench_core fairlead|canonical BATCH ENTRIES [once]
 *
 * Commits ENTRIES entries, BATCH at a time, each batch when the one before is applied. Prints entries per
 * second of processor time. A first group commits as many before, unmeasured, so that the memory is there.
 * With "once" there is no other group and nothing is printed: for counting instructions. */
#include "group.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The processor's time: nothing here waits, and others may be using the machine. */
static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Every replica must have applied every entry, but for what the next append would tell a follower. */
static void check_sums(const struct group_side *side, void *group)
{
    side->propose(group, 1);
    uint64_t leader = side->applied(group, LEADER);
    side->propose(group, 1);
    if (side->applied(group, FOLLOWER) != leader || side->applied(group, OTHER) != leader)
        group_fail("the replicas applied different entries");
}

/* Seconds for it. */
static double commit_entries(const struct group_side *side, uint32_t batch, uint64_t entries)
{
    void *group = side->create(NULL, FL_REPAIR_OUTLINE);
    side->elect(group, false);
    side->propose(group, 1);
    double start = now_s();
    for (uint64_t done = 0; done < entries; done += batch)
        side->propose(group, batch);
    double seconds = now_s() - start;
    check_sums(side, group);
    side->destroy(group);
    return seconds;
}

static const struct group_side *find_side(const char *name)
{
    if (strcmp(name, group_fairlead.name) == 0)
        return &group_fairlead;
    if (strcmp(name, group_canonical.name) == 0)
        return &group_canonical;
    group_fail("there are fairlead and canonical");
}

int main(int count, char **words)
{
    if (count < 4)
        group_fail("usage: bench_core fairlead|canonical BATCH ENTRIES [once]");
    const struct group_side *side = find_side(words[1]);
    uint32_t batch = (uint32_t)strtoul(words[2], NULL, 10);
    uint64_t entries = strtoull(words[3], NULL, 10);
    if (batch == 0 || entries == 0 || entries % batch != 0)
        group_fail("a number of whole batches is needed");
    /* Freed memory stays, for the measured group. */
    mallopt(M_TRIM_THRESHOLD, -1);
    mallopt(M_MMAP_MAX, 0);
    double seconds = commit_entries(side, batch, entries);
    if (count > 4)
        return 0;
    seconds = commit_entries(side, batch, entries);
    printf("core.%s.batch%u %.0f entries/s\n", side->name, batch, (double)entries / seconds);
    return 0;
}
