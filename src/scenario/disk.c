/* disk.c - what is durable: writes, crashes, restarts.
 *
 * Writes complete in the order they were handed out. A crash keeps those that completed, and as many of the
 * others as the caller says: a disk may well have written what it never confirmed. */
#include "scenario_internal.h"

void fl__disk_forget_writes(struct fl_world *world, uint32_t n)
{
    struct fl_world_disk *disk = &world->nodes[n].disk;
    for (uint32_t k = 0; k < disk->write_count; k++)
        fl__world_release(world, disk->writes[k].entries);
    disk->write_count = 0;
}

static void cut_log(struct fl_world_disk *disk, fl_index from)
{
    if (from == 0)
        return;
    fl__chain_truncate(&disk->log, from);
    if (disk->damaged >= from)
        disk->damaged = 0;
}

/* The first `count` entries of a write. */
static void write_entries(struct fl_world *world, struct fl_world_disk *disk,
                          const struct fl_world_write *write, uint64_t count)
{
    for (uint64_t k = 0; k < count; k++) {
        const struct fl_world_entry *entry = &write->entries[k];
        fl__chain_append(world, &disk->log, entry->term, entry->kind, entry->value);
    }
}

static uint64_t entry_count(const struct fl_persist *persist)
{
    return persist->first ? persist->last - persist->first + 1 : 0;
}

static void perform(struct fl_world *world, uint32_t n, const struct fl_world_write *write)
{
    struct fl_world_disk *disk = &world->nodes[n].disk;
    fl__judge_writing(world, n, &write->persist);
    if (write->persist.is_vote) {
        disk->term = write->persist.term;
        disk->has_vote = write->persist.has_vote;
        disk->vote = write->persist.has_vote ? write->persist.vote : 0;
        return;
    }
    cut_log(disk, write->persist.truncate_from);
    write_entries(world, disk, write, entry_count(&write->persist));
}

/* The oldest write reaches the disk; it is the caller who tells. Returns its ticket. */
static fl_ticket perform_oldest(struct fl_world *world, uint32_t n)
{
    struct fl_world_disk *disk = &world->nodes[n].disk;
    struct fl_world_write write = disk->writes[0];
    perform(world, n, &write);
    fl__world_release(world, write.entries);
    disk->write_count--;
    memmove(disk->writes, disk->writes + 1, disk->write_count * sizeof *disk->writes);
    return write.persist.ticket;
}

static void confirm(struct fl_world *world, uint32_t n, fl_ticket ticket)
{
    int result = fl_raft_persisted(world->nodes[n].raft, world->now, ticket);
    if (result != FL_OK)
        fl__judge_trip(world, "I8", "{node} does not know the ticket {index} that it handed out.",
                       (struct fl__facts){.node = n, .index = ticket});
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_PERSISTED, .node = n, .index = ticket});
    fl__world_look(world, n);
}

static bool add_write(struct fl_world *world, struct fl_world_node *node, const struct fl_persist *persist)
{
    struct fl_world_disk *disk = &node->disk;
    disk->writes = fl__world_grow(world, disk->writes, disk->write_count, &disk->write_capacity,
                                  (size_t)disk->write_count + 1, sizeof *disk->writes);
    if (world->error != FL_OK)
        return false;
    struct fl_world_write write = {.persist = *persist};
    size_t count = (size_t)entry_count(persist);
    if (count > 0) {
        write.entries = fl__world_allocate(world, count * sizeof *write.entries);
        if (!write.entries)
            return false;
        memcpy(write.entries, node->log.entries + persist->first - 1, count * sizeof *write.entries);
    }
    disk->writes[disk->write_count++] = write;
    return true;
}

void fl__disk_take(struct fl_world *world, uint32_t n, const struct fl_persist *persist)
{
    struct fl_world_node *node = &world->nodes[n];
    if (persist->first > 0 && persist->last > node->log.last) {
        fl__judge_trip(world, "R16", "{node} wants entry {index} on its disk, but has none.",
                       (struct fl__facts){.node = n, .index = persist->last});
        return;
    }
    if (!add_write(world, node, persist))
        return;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_PERSISTING,
                                            .node = n,
                                            .term = persist->is_vote ? persist->term : 0,
                                            .index = persist->first,
                                            .other = persist->last});
    if (!node->disk.by_hand)
        confirm(world, n, perform_oldest(world, n));
}

void fl_world_sync(struct fl_world *world, uint32_t n, uint32_t count)
{
    struct fl_world_node *node = &world->nodes[n];
    count = (uint32_t)fl__lower(count, node->disk.write_count);
    if (count == 0 || !fl__world_is_usable(world, n))
        return;
    fl_ticket ticket = 0;
    for (uint32_t k = 0; k < count; k++)
        ticket = perform_oldest(world, n);
    confirm(world, n, ticket);
    fl__world_drain(world, n);
}

static void tear(struct fl_world *world, uint32_t n, uint32_t torn)
{
    struct fl_world_disk *disk = &world->nodes[n].disk;
    if (torn == 0 || disk->write_count == 0 || disk->writes[0].persist.is_vote)
        return;
    const struct fl_world_write *write = &disk->writes[0];
    cut_log(disk, write->persist.truncate_from);
    write_entries(world, disk, write, fl__lower(torn - 1, entry_count(&write->persist)));
}

void fl_world_crash(struct fl_world *world, uint32_t n, uint32_t kept, uint32_t torn)
{
    struct fl_world_node *node = &world->nodes[n];
    if (!node->is_alive || !fl__world_begin(world))
        return;
    for (uint32_t k = 0; k < kept && node->disk.write_count > 0; k++)
        (void)perform_oldest(world, n);
    tear(world, n, torn);
    uint32_t lost = node->disk.write_count;
    fl__disk_forget_writes(world, n);
    fl__packets_free(world, &node->loading);
    fl__client_on_crash(world, n);
    fl_raft_destroy(node->raft);
    node->raft = NULL;
    node->is_alive = false;
    node->is_paused = false;
    node->log.last = 0;
    node->applied = 0;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_CRASHED, .node = n, .index = lost});
}

static bool is_committed(const struct fl_world *world, const struct fl_world_log *log, fl_index index)
{
    const struct fl_judge *judge = &world->judge;
    return index <= judge->committed && fl__chain_at(log, index) == judge->commits[index - 1].chain;
}

void fl_world_restart(struct fl_world *world, uint32_t n, fl_index commit, fl_index damaged)
{
    struct fl_world_node *node = &world->nodes[n];
    if (node->is_alive || !fl__world_begin(world))
        return;
    while (commit > 0 && !is_committed(world, &node->disk.log, commit))
        commit--;
    damaged = damaged <= node->disk.log.last ? damaged : 0;
    fl__world_emit(world, (struct fl_event){.type = FL_EVENT_RESTARTED, .node = n, .index = damaged});
    int result = fl__world_boot(world, n, commit, damaged);
    if (result != FL_OK && world->error == FL_OK) {
        fl__judge_trip(world, "S1", "{node} cannot start from its own disk.", (struct fl__facts){.node = n});
        world->error = result;
    }
}
