/* tickets.c - what the core wants on disk, in the order in which it wants it.
 *
 * The core numbers its wishes: a term with its vote, or work on the log. Two files serve them (vote.c,
 * wal.c), each in its own order, and the core is told how far all of them are complete: up to just below the
 * lowest outstanding one. Of votes it is told apart from that too: the log may wait for space on its disk,
 * and the node votes all the same. Two rules:
 *
 *   - A term with its vote is durable before any later work on the log reaches the disk. So log work that
 *     comes while a vote is being saved is held, and what comes after it joins it; to the disk it is then one
 *     piece.
 *   - One save of the vote is in flight at a time. A newer one waits, and takes the place of one that waits
 *     already.
 *
 * Entries are taken from the cache when the core hands the work out: at that moment, and maybe never after,
 * the cache and the core's log are the same. */
#include "host.h"

#include <stdlib.h>
#include <string.h>

struct fl__tickets {
    struct {
        fl_ticket ticket;
        uint64_t written;   /* What `synced` becomes once it is durable. */
    } log[FL__TICKETS_MAX]; /* The log's outstanding ones, a ring. */
    uint32_t log_first, log_count;
    fl_ticket vote_first;  /* The lowest outstanding one of a vote; 0 if none. */
    fl_ticket vote_saving; /* What the save in flight covers; 0: none is in flight. */
    fl_term term_saving;   /* Its term. */
    struct fl__vote_state next;
    fl_ticket next_first, next_last; /* What the save after it covers; 0: none follows. */
    fl_ticket issued, reported;
    uint64_t written, synced; /* Bytes of entries, since the start. */

    /* Log work that waits for a vote. */
    fl_ticket held_ticket;  /* The highest; 0: none is held. */
    fl_index held_truncate; /* 0: nothing is to be cut. */
    struct fl__entry **held;
    uint32_t held_count, held_capacity;
};

int fl__tickets_create(struct fl_node *node)
{
    node->tickets = calloc(1, sizeof *node->tickets);
    return node->tickets ? FL_OK : FL_ENOMEM;
}

void fl__tickets_destroy(struct fl_node *node)
{
    struct fl__tickets *tickets = node->tickets;
    if (!tickets)
        return;
    for (uint32_t k = 0; k < tickets->held_count; k++)
        fl__entry_release(tickets->held[k]);
    free(tickets->held);
    free(tickets);
    node->tickets = NULL;
}

uint64_t fl__tickets_unsynced(const struct fl_node *node)
{
    return node->tickets->written - node->tickets->synced;
}

static void fail_memory(struct fl_node *node)
{
    fl__driver_fail(node, "memory ran out while writing the log; give it more, then start the node again");
}

/* ----------------------------------------------------------------------------------------------- complete */

static void report(struct fl_node *node)
{
    struct fl__tickets *tickets = node->tickets;
    fl_ticket complete = tickets->issued;
    if (tickets->log_count > 0 && tickets->log[tickets->log_first].ticket <= complete)
        complete = tickets->log[tickets->log_first].ticket - 1;
    if (tickets->vote_first != 0 && tickets->vote_first <= complete)
        complete = tickets->vote_first - 1;
    if (complete <= tickets->reported)
        return;
    tickets->reported = complete;
    int result = fl_raft_persisted(node->raft, node->now, complete);
    fl_assert(result == FL_OK); /* It was handed out. */
    fl__driver_event(node);
}

/* Behind the log's, whatever those wait for. */
static void report_vote(struct fl_node *node, fl_ticket ticket)
{
    const struct fl__tickets *tickets = node->tickets;
    if (tickets->log_count == 0 || tickets->log[tickets->log_first].ticket > ticket)
        return; /* report() says it. */
    int result = fl_raft_vote_persisted(node->raft, node->now, ticket);
    fl_assert(result == FL_OK); /* It was handed out. */
    fl__driver_event(node);
}

void fl__tickets_on_durable(void *context, fl_ticket ticket)
{
    struct fl_node *node = context;
    struct fl__tickets *tickets = node->tickets;
    if (node->is_failed || node->is_closing || !node->raft)
        return;
    fl__driver_now(node);
    while (tickets->log_count > 0 && tickets->log[tickets->log_first].ticket <= ticket) {
        tickets->synced = tickets->log[tickets->log_first].written;
        tickets->log_first = (tickets->log_first + 1) % FL__TICKETS_MAX;
        tickets->log_count--;
    }
    report(node);
}

/* ------------------------------------------------------------------------------------------------ the log */

static void write_to_log(struct fl_node *node, fl_index truncate_from, struct fl__entry *const *entries,
                         uint32_t count, fl_ticket ticket)
{
    int result = truncate_from ? fl__wal_truncate(node->wal, truncate_from) : FL_OK;
    for (uint32_t k = 0; result == FL_OK && k < count; k++)
        result = fl__wal_append(node->wal, entries[k]);
    if (result != FL_OK)
        fail_memory(node);
    else
        fl__wal_ticket(node->wal, ticket);
}

static bool make_room(struct fl__tickets *tickets, fl_index count)
{
    if (tickets->held_count + count <= tickets->held_capacity)
        return true;
    fl_index capacity = 2 * (tickets->held_count + count);
    if (capacity > UINT32_MAX / sizeof *tickets->held)
        return false;
    struct fl__entry **held = realloc(tickets->held, (size_t)capacity * sizeof *held);
    if (!held)
        return false;
    tickets->held = held;
    tickets->held_capacity = (uint32_t)capacity;
    return true;
}

/* Drops what is held from this index on. */
static void cut_held(struct fl__tickets *tickets, fl_index from)
{
    while (tickets->held_count > 0 && tickets->held[tickets->held_count - 1]->index >= from)
        fl__entry_release(tickets->held[--tickets->held_count]);
}

/* Adds log work to what is held: all of it will reach the disk as one cut and one series of entries. */
static bool hold(struct fl_node *node, const struct fl_persist *persist)
{
    struct fl__tickets *tickets = node->tickets;
    fl_index count = persist->first ? persist->last - persist->first + 1 : 0;
    if (!make_room(tickets, count))
        return false;
    if (persist->truncate_from) {
        /* What the disk has not seen need not be cut there. */
        bool only_held = tickets->held_count > 0 && tickets->held[0]->index <= persist->truncate_from;
        cut_held(tickets, persist->truncate_from);
        bool deeper = tickets->held_truncate == 0 || persist->truncate_from < tickets->held_truncate;
        if (!only_held && deeper)
            tickets->held_truncate = persist->truncate_from;
    }
    for (fl_index k = 0; k < count; k++) {
        struct fl__entry *entry = fl__driver_cached(node, persist->first + k);
        fl_assert(entry);
        tickets->held[tickets->held_count++] = fl__entry_hold(entry);
        tickets->written += entry->size;
    }
    tickets->held_ticket = persist->ticket;
    return true;
}

static void let_go(struct fl_node *node)
{
    struct fl__tickets *tickets = node->tickets;
    if (tickets->held_ticket == 0)
        return;
    write_to_log(node, tickets->held_truncate, tickets->held, tickets->held_count, tickets->held_ticket);
    cut_held(tickets, 0);
    tickets->held_ticket = 0;
    tickets->held_truncate = 0;
}

static void take_log(struct fl_node *node, const struct fl_persist *persist)
{
    struct fl__tickets *tickets = node->tickets;
    if (!hold(node, persist)) {
        fail_memory(node);
        return;
    }
    fl_assert(tickets->log_count < FL__TICKETS_MAX);
    uint32_t at = (tickets->log_first + tickets->log_count++) % FL__TICKETS_MAX;
    tickets->log[at].ticket = persist->ticket;
    tickets->log[at].written = tickets->written;
    if (tickets->vote_first == 0)
        let_go(node);
}

/* ----------------------------------------------------------------------------------------------- the vote */

static void on_saved(void *context, int result);

static void save(struct fl_node *node, const struct fl__vote_state *state, fl_ticket ticket)
{
    node->tickets->vote_saving = ticket;
    node->tickets->term_saving = state->term;
    fl__vote_save(node->vote, state, on_saved, node);
}

static void on_saved(void *context, int result)
{
    struct fl_node *node = context;
    struct fl__tickets *tickets = node->tickets;
    fl_ticket saved = tickets->vote_saving;
    tickets->vote_saving = 0;
    if (node->is_failed || node->is_closing)
        return;
    if (result != FL_OK) {
        fl__driver_fail(
            node,
            "its term and vote could not be saved: %s; check the disk under %s, then start the node again",
            fl_error_text(result), node->directory);
        return;
    }
    fl__driver_now(node);
    node->durable_term = tickets->term_saving;
    tickets->vote_first = tickets->next_first;
    if (tickets->next_last != 0) {
        fl_ticket ticket = tickets->next_last;
        tickets->next_first = tickets->next_last = 0;
        save(node, &tickets->next, ticket);
    } else {
        let_go(node);
    }
    if (node->is_failed)
        return;
    report_vote(node, saved);
    report(node);
}

static void take_vote(struct fl_node *node, const struct fl_persist *persist)
{
    struct fl__tickets *tickets = node->tickets;
    struct fl__vote_state state = {
        .term = persist->term, .has_vote = persist->has_vote, .vote = persist->vote};
    if (tickets->vote_first == 0)
        tickets->vote_first = persist->ticket;
    if (tickets->vote_saving == 0) {
        save(node, &state, persist->ticket);
        return;
    }
    tickets->next = state;
    tickets->next_last = persist->ticket;
    if (tickets->next_first == 0)
        tickets->next_first = persist->ticket;
}

void fl__tickets_take(struct fl_node *node, const struct fl_persist *persist)
{
    node->tickets->issued = persist->ticket;
    if (persist->is_vote)
        take_vote(node, persist);
    else
        take_log(node, persist);
}
