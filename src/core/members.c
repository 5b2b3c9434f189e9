/* members.c - who takes part.
 *
 * A configuration takes effect when its entry enters the log, and ceases to when that entry is cut (thesis
 * §4.1). At most one configuration is uncommitted at a time, so the newest and its predecessor are all that
 * is ever needed. The peers' table follows from the active configuration; a peer in both keeps what is known
 * of it. */
#include "core.h"

struct fl__peer *fl__peer_find(struct fl_raft *raft, fl_id id)
{
    for (uint32_t k = 0; k < raft->peer_count; k++)
        if (raft->peers[k].id == id)
            return &raft->peers[k];
    return NULL;
}

struct fl__peer *fl__peer_slot(struct fl_raft *raft, fl_id id)
{
    struct fl__peer *peer = fl__peer_find(raft, id);
    if (peer)
        return peer;
    /* The slot answers one stranger at a time; another one takes its place, and the first asks again. */
    struct fl__peer *stranger = &raft->peers[raft->config.members_max];
    if (!stranger->present || stranger->id != id) {
        struct fl__flight *flights = stranger->flights;
        *stranger = (struct fl__peer){
            .id = id, .slot = raft->config.members_max, .present = true, .is_up = true, .flights = flights};
    }
    return stranger;
}

static bool is_member(const struct fl_members *members, fl_id id)
{
    for (uint32_t k = 0; k < members->count; k++)
        if (members->list[k].id == id)
            return true;
    return false;
}

static void swap_peers(struct fl__peer *a, struct fl__peer *b)
{
    struct fl__peer other = *a;
    uint32_t slot_a = a->slot, slot_b = b->slot;
    *a = *b;
    *b = other;
    a->slot = slot_a;
    b->slot = slot_b;
}

static void add_peer(struct fl_raft *raft, fl_id id)
{
    uint32_t slot = raft->peer_count++;
    struct fl__peer *peer = &raft->peers[slot];
    struct fl__flight *flights = peer->flights;
    *peer = (struct fl__peer){.id = id, .slot = slot, .present = true, .is_up = true, .flights = flights};
    if (raft->role == FL_LEADER)
        fl__progress_start(raft, peer, raft->log.last);
}

/* Makes the table of peers follow the active configuration. */
static void refresh_peers(struct fl_raft *raft)
{
    const struct fl_members *members = &raft->members;
    for (uint32_t k = 0; k < raft->peer_count;) {
        if (is_member(members, raft->peers[k].id)) {
            k++;
        } else {
            raft->peers[k].todo = 0;
            /* Places change: look everywhere. */
            raft->send_mask = UINT64_MAX >> (63 - raft->config.members_max);
            swap_peers(&raft->peers[k], &raft->peers[--raft->peer_count]);
        }
    }
    raft->is_voter = false;
    raft->voter_count = 0;
    for (uint32_t k = 0; k < members->count; k++) {
        const struct fl_member *member = &members->list[k];
        bool voter = member->kind == FL_VOTER;
        raft->voter_count += voter;
        if (member->id == raft->config.id) {
            raft->is_voter = voter;
            continue;
        }
        if (!fl__peer_find(raft, member->id))
            add_peer(raft, member->id);
        fl__peer_find(raft, member->id)->voter = voter;
    }
}

static void copy_members(struct fl_members *to, struct fl_member *list, const struct fl_members *from)
{
    if (from->count > 0)
        memmove(list, from->list, from->count * sizeof *list);
    *to = (struct fl_members){.index = from->index, .count = from->count, .list = list};
}

void fl__members_adopt(struct fl_raft *raft, const struct fl_members *members)
{
    copy_members(&raft->previous, raft->previous_list, &raft->members);
    copy_members(&raft->members, raft->members_list, members);
    refresh_peers(raft);
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_CONFIGURATION, .index = members->index});
}

void fl__members_found(struct fl_raft *raft, fl_index index)
{
    copy_members(&raft->previous, raft->previous_list, &raft->members);
    raft->members.index = index;
}

void fl__members_truncate(struct fl_raft *raft, fl_index from)
{
    if (raft->members.index < from)
        return;
    fl_assert(raft->previous.index < from); /* I9: only one configuration can be uncommitted */
    copy_members(&raft->members, raft->members_list, &raft->previous);
    refresh_peers(raft);
    fl__note(raft, (struct fl_note){.kind = FL_NOTE_CONFIGURATION, .index = raft->members.index});
}

void fl__members_start(struct fl_raft *raft, const struct fl_members *members,
                       const struct fl_members *previous)
{
    copy_members(&raft->members, raft->members_list, members);
    copy_members(&raft->previous, raft->previous_list, previous);
    refresh_peers(raft);
}
