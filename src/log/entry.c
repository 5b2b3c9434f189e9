/* entry.c - one log entry in memory.
 *
 * The body is the very bytes that go to disk and to peers:
 *
 *   0   8  time_us   the leader's clock when it took the command
 *   8   8  seed      random, the same on all members
 *   16  8  origin    the member whose client asked
 *   24  8  boot      of the origin's process; 0: nobody waits
 *   32  8  sequence  rises with each command of that process
 *   40  .. data
 *
 * Its checksum is taken once, when the entry is made; the log and the frames carry it along. */
#include "log.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

static struct fl__entry *allocate(size_t body_size)
{
    if (body_size > FL_COMMAND_MAX + FL__ENVELOPE_SIZE)
        return NULL;
    return malloc(sizeof(struct fl__entry) + body_size);
}

struct fl__entry *fl__entry_create(const struct fl__entry *model, const void *data, size_t size)
{
    struct fl__entry *entry = allocate(size + FL__ENVELOPE_SIZE);
    if (!entry)
        return NULL;
    *entry = *model;
    entry->references = 1;
    entry->size = (uint32_t)(size + FL__ENVELOPE_SIZE);
    fl__store64(entry->body, model->time_us);
    fl__store64(entry->body + 8, model->seed);
    fl__store64(entry->body + 16, model->origin);
    fl__store64(entry->body + 24, model->boot);
    fl__store64(entry->body + 32, model->sequence);
    if (size > 0)
        memcpy(entry->body + FL__ENVELOPE_SIZE, data, size);
    entry->checksum = XXH3_64bits(entry->body, entry->size);
    return entry;
}

struct fl__entry *fl__entry_decode(fl_index index, fl_term term, enum fl_entry_kind kind, const void *body,
                                   size_t size, int *error)
{
    *error = FL_EMESSAGE;
    if (size < FL__ENVELOPE_SIZE || size > FL_COMMAND_MAX + FL__ENVELOPE_SIZE)
        return NULL;
    *error = FL_ENOMEM;
    struct fl__entry *entry = allocate(size);
    if (!entry)
        return NULL;
    /* The body begins in the padding at the end of the struct: it comes after whatever assigns to all of
     * that. */
    *entry = (struct fl__entry){
        .index = index, .term = term, .references = 1, .kind = kind, .size = (uint32_t)size};
    memcpy(entry->body, body, size);
    entry->checksum = XXH3_64bits(entry->body, size);
    entry->time_us = fl__load64(entry->body);
    entry->seed = fl__load64(entry->body + 8);
    entry->origin = fl__load64(entry->body + 16);
    entry->boot = fl__load64(entry->body + 24);
    entry->sequence = fl__load64(entry->body + 32);
    *error = FL_OK;
    return entry;
}

struct fl__entry *fl__entry_hold(struct fl__entry *entry)
{
    entry->references++;
    return entry;
}

void fl__entry_release(struct fl__entry *entry)
{
    if (entry && --entry->references == 0)
        free(entry);
}

const uint8_t *fl__entry_data(const struct fl__entry *entry, size_t *size)
{
    *size = entry->size - FL__ENVELOPE_SIZE;
    return entry->body + FL__ENVELOPE_SIZE;
}
