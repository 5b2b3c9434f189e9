/* chain.c - a log whose entries carry the hash of themselves and of all before them, so that comparing two
 * logs up to an index is comparing two numbers. */
#include "scenario_internal.h"

static bool make_room(struct fl_world *world, struct fl_world_log *log, fl_index last)
{
    if (last > world->settings.entries_max) {
        world->error = FL_EFULL;
        return false;
    }
    log->entries = fl__world_grow(world, log->entries, (size_t)log->last, &log->capacity, (size_t)last,
                                  sizeof *log->entries);
    return world->error == FL_OK;
}

uint64_t fl__chain_at(const struct fl_world_log *log, fl_index index)
{
    return index > 0 && index <= log->last ? log->entries[index - 1].chain : 0;
}

fl_term fl__chain_term(const struct fl_world_log *log, fl_index index)
{
    return index > 0 && index <= log->last ? log->entries[index - 1].term : 0;
}

void fl__chain_append(struct fl_world *world, struct fl_world_log *log, fl_term term, enum fl_entry_kind kind,
                      uint32_t value)
{
    if (!make_room(world, log, log->last + 1))
        return;
    uint64_t before = fl__chain_at(log, log->last);
    uint64_t content = fl__mix(term) ^ ((uint64_t)kind << 32 | value);
    log->entries[log->last++] = (struct fl_world_entry){
        .term = term, .kind = kind, .value = value, .chain = fl__mix(before ^ fl__mix(content)) | 1};
}

void fl__chain_truncate(struct fl_world_log *log, fl_index from)
{
    log->last = fl__lower(log->last, from - 1);
}

void fl__chain_copy(struct fl_world *world, struct fl_world_log *to, const struct fl_world_log *from)
{
    to->last = 0;
    if (from->last == 0 || !make_room(world, to, from->last))
        return;
    memcpy(to->entries, from->entries, (size_t)from->last * sizeof *from->entries);
    to->last = from->last;
}

void fl__chain_free(struct fl_world *world, struct fl_world_log *log)
{
    fl__world_release(world, log->entries);
    *log = (struct fl_world_log){0};
}
