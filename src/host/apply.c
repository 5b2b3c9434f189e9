/* apply.c - committed entries to the state machine, in log order, each once in a process's life.
 *
 * Most are in the cache; those of a log that was there at the start, or that the cache had to let go, are
 * read from disk in pieces. One turn of the loop applies a bounded amount, and ends where it takes long, so
 * that neither a long log being replayed nor long work for the machine keeps a heartbeat waiting.
 *
 * The log's time is made monotone here, on each node alike: an entry counts with the highest time up to
 * it. */
#include "host.h"

#include <stdlib.h>

#define LOAD_ENTRIES 1024
#define LOAD_SIZE ((uint64_t)4 << 20)

void fl__apply_commit(struct fl_node *node, fl_index commit)
{
    struct fl__applier *applier = &node->applier;
    applier->commit = commit;
    /* A mark opens its batch: it may speak only of what earlier batches hold. */
    fl__wal_commit_hint(node->wal, commit < node->status.durable ? commit : node->status.durable);
    if (applier->mark == 0) {
        applier->mark = commit;
        applier->marked_at = node->now;
    }
}

static void drop_loaded(struct fl__applier *applier)
{
    for (uint32_t k = 0; k < applier->loaded_count; k++)
        fl__entry_release(applier->loaded[k]);
    free(applier->loaded);
    applier->loaded = NULL;
    applier->loaded_count = 0;
}

void fl__apply_release(struct fl_node *node)
{
    drop_loaded(&node->applier);
}

/* ------------------------------------------------------------------------------------------ from the disk */

static void on_loaded(struct fl__wal_read *read)
{
    struct fl_node *node = read->owner;
    struct fl__applier *applier = &node->applier;
    applier->is_loading = false;
    drop_loaded(applier);
    applier->loaded = read->entries;
    applier->loaded_count = read->entry_count;
    applier->loaded_first = read->first;
    bool is_hole = read->result == FL_EDAMAGED && node->damaged != 0 && read->first >= node->damaged;
    bool is_bad = read->result == FL_EIO || (read->result == FL_EDAMAGED && !is_hole);
    if (is_bad && !node->is_closing)
        fl__driver_fail(node, "entry %llu of its log could not be read: %s; check the disk under %s",
                        (unsigned long long)read->first, fl_error_text(read->result), node->directory);
    node->is_dirty = true; /* Otherwise it is tried again. */
    fl__node_maybe_closed(node);
}

/* The entries from here on are not in the cache, so they are on disk. */
static void start_load(struct fl_node *node)
{
    struct fl__applier *applier = &node->applier;
    if (applier->is_loading)
        return;
    fl_index first = applier->applied + 1;
    fl_index last = applier->commit < node->status.durable ? applier->commit : node->status.durable;
    if (last > applier->applied + LOAD_ENTRIES)
        last = applier->applied + LOAD_ENTRIES;
    if (node->damaged != 0 && last >= node->damaged)
        last = node->damaged - 1;
    if (first > last)
        return;
    applier->is_loading = true;
    applier->load = (struct fl__wal_read){
        .first = first, .last = last, .size_max = LOAD_SIZE, .done = on_loaded, .owner = node};
    fl__wal_read(node->wal, &applier->load);
}

/* Borrowed. */
static struct fl__entry *find_entry(struct fl_node *node, fl_index index)
{
    const struct fl__applier *applier = &node->applier;
    struct fl__entry *entry = fl__driver_cached(node, index);
    if (!entry && index >= applier->loaded_first && index - applier->loaded_first < applier->loaded_count)
        entry = applier->loaded[index - applier->loaded_first];
    return entry;
}

/* ----------------------------------------------------------------------------------------------- applying */

static void apply_entry(struct fl_node *node, const struct fl__entry *entry)
{
    struct fl__applier *applier = &node->applier;
    size_t size;
    const uint8_t *data = fl__entry_data(entry, &size);
    bool is_command = entry->kind == FL_ENTRY_COMMAND;
    applier->applied = entry->index;
    if (entry->time_us > applier->time_us)
        applier->time_us = entry->time_us;
    fl__clock_restore(&node->clock, applier->time_us);
    fl__forward_verdict(node, entry->term);
    struct fl_request *request = is_command ? fl__forward_match(node, entry) : NULL;
    if (request) {
        fl_time_us started = request->expires - node->options.request_timeout_us;
        fl__histogram_add(&applier->commit_time, node->now > started ? node->now - started : 0);
        node->committed_count++;
    }
    const struct fl_entry view = {
        .index = entry->index,
        .term = entry->term,
        .time_us = applier->time_us,
        .seed = entry->seed,
        .origin = entry->origin,
        .data = is_command ? data : NULL,
        .size = is_command ? size : 0,
    };
    node->machine.apply(node->machine.state, &view, request);
}

static void note_time(struct fl_node *node)
{
    struct fl__applier *applier = &node->applier;
    if (applier->mark == 0 || applier->applied < applier->mark)
        return;
    fl_time_us now = fl__driver_now(node);
    fl__histogram_add(&applier->apply_time, now > applier->marked_at ? now - applier->marked_at : 0);
    applier->mark = 0;
}

void fl__apply_some(struct fl_node *node)
{
    struct fl__applier *applier = &node->applier;
    const struct fl_node_limits *limits = &node->options.limits;
    uint32_t count = 0;
    uint64_t size = 0;
    fl_time_us started = node->io->vtable->now(node->io);
    while (applier->applied < applier->commit && !node->is_closing) {
        if (count == limits->turn_entries || size >= limits->turn_size || fl__driver_is_late(node, started)) {
            fl__driver_wake(node);
            break;
        }
        struct fl__entry *entry = find_entry(node, applier->applied + 1);
        if (!entry) {
            start_load(node);
            break;
        }
        fl__entry_hold(entry); /* What the machine does may let the cache forget it. */
        count++;
        size += entry->size;
        apply_entry(node, entry);
        fl__entry_release(entry);
    }
    if (count > 0 && applier->loaded_count > 0 &&
        applier->applied >= applier->loaded_first + applier->loaded_count - 1)
        drop_loaded(applier);
    if (count > 0)
        note_time(node);
    fl__cache_trim(node->cache, node->status.durable);
}
