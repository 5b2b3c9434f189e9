/* roster.c - the members as the host knows them: with names and addresses.
 *
 * The core knows members by their ids alone. The entry that makes a configuration carries the rest, so that
 * whoever holds the log knows where everybody is. Such an entry's data, behind the envelope:
 *
 *     0  1  format: 1
 *     1  1  count of members, then for each:
 *        8  id
 *        1  kind: enum fl_member_kind
 *        -  text: name       (a text is its size in 2 bytes, then that many bytes)
 *        -  text: address of its peer port
 *        -  text: address of its client port; may be empty
 *
 * Ids and names are distinct. */
#include "host.h"

#include <string.h>

#define FORMAT 1

int fl__roster_encode(const struct fl__roster *roster, struct fl__buffer *out)
{
    fl__buffer_number(out, FORMAT, 1);
    fl__buffer_number(out, roster->count, 1);
    for (uint32_t k = 0; k < roster->count; k++) {
        const struct fl_node_member *member = &roster->members[k];
        fl__buffer_number(out, member->id, 8);
        fl__buffer_number(out, (uint64_t)roster->kinds[k], 1);
        fl__buffer_text(out, member->name);
        fl__buffer_text(out, member->address);
        fl__buffer_text(out, member->client);
    }
    return out->failed ? FL_ENOMEM : FL_OK;
}

static bool is_distinct(const struct fl__roster *roster, uint32_t k)
{
    for (uint32_t other = 0; other < k; other++)
        if (roster->members[other].id == roster->members[k].id ||
            strcmp(roster->members[other].name, roster->members[k].name) == 0)
            return false;
    return true;
}

int fl__roster_decode(const void *data, size_t size, fl_index index, struct fl__roster *out)
{
    struct fl__cursor cursor = fl__cursor_of(data, size);
    memset(out, 0, sizeof *out);
    out->index = index;
    if (fl__cursor_number(&cursor, 1) != FORMAT)
        return FL_EVERSION;
    out->count = (uint32_t)fl__cursor_number(&cursor, 1);
    if (out->count == 0 || out->count > FL_MEMBERS_MAX)
        return FL_EMESSAGE;
    for (uint32_t k = 0; k < out->count; k++) {
        struct fl_node_member *member = &out->members[k];
        member->id = fl__cursor_number(&cursor, 8);
        member->id_known = true;
        out->kinds[k] = (enum fl_member_kind)fl__cursor_number(&cursor, 1);
        fl__cursor_text(&cursor, member->name, sizeof member->name);
        fl__cursor_text(&cursor, member->address, sizeof member->address);
        fl__cursor_text(&cursor, member->client, sizeof member->client);
        bool kind_is_known = out->kinds[k] == FL_VOTER || out->kinds[k] == FL_LEARNER;
        if (cursor.failed || !kind_is_known || member->name[0] == '\0' || !is_distinct(out, k))
            return FL_EMESSAGE;
    }
    return cursor.left == 0 ? FL_OK : FL_EMESSAGE;
}

int fl__roster_from_entry(const struct fl__entry *entry, struct fl__roster *out)
{
    size_t size;
    const uint8_t *data = fl__entry_data(entry, &size);
    return fl__roster_decode(data, size, entry->index, out);
}

struct fl_members fl__roster_members(const struct fl__roster *roster, struct fl_member list[FL_MEMBERS_MAX])
{
    for (uint32_t k = 0; k < roster->count; k++)
        list[k] = (struct fl_member){.id = roster->members[k].id, .kind = roster->kinds[k]};
    return (struct fl_members){.index = roster->index, .count = roster->count, .list = list};
}

const struct fl_node_member *fl__roster_find(const struct fl__roster *roster, fl_id id)
{
    for (uint32_t k = 0; k < roster->count; k++)
        if (roster->members[k].id == id)
            return &roster->members[k];
    return NULL;
}

const struct fl_node_member *fl__roster_named(const struct fl__roster *roster, const char *name)
{
    for (uint32_t k = 0; k < roster->count; k++)
        if (strcmp(roster->members[k].name, name) == 0)
            return &roster->members[k];
    return NULL;
}
