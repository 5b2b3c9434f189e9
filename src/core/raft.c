/* raft.c - creation, the events that come in, and looking. */
#include "core.h"

void fl_raft_config_init(struct fl_raft_config *config)
{
    *config = (struct fl_raft_config){
        .election_timeout_us = 1000000,
        .heartbeat_us = 100000,
        .members_max = 16,
        .runs_max = 4096,
        .outline_runs_max = 1024,
        .message_entries_max = 1024,
        .message_size_max = 1u << 20,
        .window_entries = 65536,
        .window_size = 16u << 20,
        .window_messages = 128,
        .uncommitted_entries_max = 1u << 20,
        .pre_vote = true,
        .check_quorum = true,
    };
}

/* ----------------------------------------------------------------------------------------------- creation */

/* One block: the replica, then its arrays. */
struct layout {
    size_t peers, flights, log_runs, message_runs, members, previous, size;
};

static size_t place(size_t *size, size_t count, size_t each)
{
    size_t at = *size;
    *size = (at + count * each + 15) & ~(size_t)15;
    return at;
}

static struct layout lay_out(const struct fl_raft_config *config)
{
    struct layout layout = {0};
    size_t size = 0;
    size_t peers = (size_t)config->members_max + 1;
    place(&size, 1, sizeof(struct fl_raft));
    layout.peers = place(&size, peers, sizeof(struct fl__peer));
    layout.flights = place(&size, peers * config->window_messages, sizeof(struct fl__flight));
    layout.log_runs = place(&size, config->runs_max, sizeof(struct fl_run));
    layout.message_runs = place(&size, config->outline_runs_max, sizeof(struct fl_run));
    layout.members = place(&size, config->members_max, sizeof(struct fl_member));
    layout.previous = place(&size, config->members_max, sizeof(struct fl_member));
    layout.size = size;
    return layout;
}

size_t fl_raft_size(const struct fl_raft_config *config)
{
    return fl__check_config(config) == FL_OK ? lay_out(config).size : 0;
}

static void place_arrays(struct fl_raft *raft, const struct layout *layout)
{
    uint8_t *block = (uint8_t *)raft;
    struct fl__flight *flights = (struct fl__flight *)(void *)(block + layout->flights);
    raft->peers = (struct fl__peer *)(void *)(block + layout->peers);
    for (uint32_t k = 0; k <= raft->config.members_max; k++)
        raft->peers[k].flights = flights + (size_t)k * raft->config.window_messages;
    raft->log.runs = (struct fl_run *)(void *)(block + layout->log_runs);
    raft->message_runs = (struct fl_run *)(void *)(block + layout->message_runs);
    raft->members_list = (struct fl_member *)(void *)(block + layout->members);
    raft->previous_list = (struct fl_member *)(void *)(block + layout->previous);
}

/* The newest runs that fit; what is below them must be committed, or known to the host. */
static void load_log(struct fl_raft *raft, const struct fl_raft_start *start)
{
    struct fl__log *log = &raft->log;
    log->max = raft->config.runs_max;
    log->term_at = raft->config.term_at;
    log->term_at_context = raft->config.term_at_context;
    uint32_t skipped = start->run_count > log->max ? start->run_count - log->max : 0;
    log->count = start->run_count - skipped;
    if (log->count > 0)
        memcpy(log->runs, start->runs + skipped, log->count * sizeof *log->runs);
    if (skipped > 0) {
        log->base = start->runs[skipped].first - 1;
        log->base_term = start->runs[skipped - 1].term;
    }
    log->last = start->last;
    log->last_term = log->count > 0 ? log->runs[log->count - 1].term : 0;
}

static void start_replica(struct fl_raft *raft, const struct fl_raft_start *start, fl_time_us now)
{
    /* Seeds that differ in one bit must not give time-outs that are alike. */
    raft->random = raft->config.seed ^ raft->config.id * 0x9e3779b97f4a7c15u ^ raft->config.boot;
    if (raft->random == 0)
        raft->random = 1; /* Zero is the one state that the generator never leaves. */
    (void)fl__role_random(raft, 1);
    raft->now = now;
    raft->term = start->term;
    raft->has_vote = start->has_vote;
    raft->vote = start->has_vote ? start->vote : 0;
    load_log(raft, start);
    raft->commit = start->commit;
    raft->damaged = start->damaged;
    raft->durable = start->damaged ? start->damaged - 1 : start->last;
    raft->unhanded = start->last + 1;
    raft->read_open = 1;
    raft->fetch_number = raft->config.boot;
    raft->opening_kind = FL_ENTRY_COMMAND;
    /* What was told in this term before the restart, nobody remembers: assume that something was. */
    raft->log_promised = true;
    fl__members_start(raft, &start->members, &start->previous);
    fl__role_restart_timer(raft);
}

int fl_raft_create(struct fl_raft **out, const struct fl_raft_config *config,
                   const struct fl_raft_start *start, const struct fl_allocator *allocator, fl_time_us now)
{
    *out = NULL;
    int result = fl__check_config(config);
    if (result == FL_OK)
        result = fl__check_start(config, start);
    if (result != FL_OK)
        return result;
    struct layout layout = lay_out(config);
    struct fl_raft *raft = allocator->allocate(allocator->context, layout.size);
    if (!raft)
        return FL_ENOMEM;
    memset(raft, 0, layout.size);
    raft->config = *config;
    raft->allocator = *allocator;
    place_arrays(raft, &layout);
    start_replica(raft, start, now);
    *out = raft;
    return FL_OK;
}

void fl_raft_destroy(struct fl_raft *raft)
{
    if (raft)
        raft->allocator.release(raft->allocator.context, raft);
}

/* --------------------------------------------------------------------------------------------------- time */

static void tick_leader(struct fl_raft *raft)
{
    if (raft->now < raft->repeat_at)
        return;
    raft->repeat_at = raft->now + raft->config.heartbeat_us;
    if (raft->config.check_quorum && !fl__progress_has_quorum(raft)) {
        fl__note(raft, (struct fl_note){.kind = FL_NOTE_QUORUM_LOST});
        fl__become_follower(raft, raft->term, false, 0);
        return;
    }
    fl_time_us since = fl__persist_waiting_since(raft);
    if (since != FL__NEVER && raft->peer_count > 0 && raft->now - since >= raft->config.election_timeout_us) {
        fl__note(raft, (struct fl_note){.kind = FL_NOTE_SLOW_DISK});
        raft->slow_disk = true;
        fl__become_follower(raft, raft->term, false, 0);
        return;
    }
    fl__progress_heartbeat_all(raft);
}

void fl_raft_tick(struct fl_raft *raft, fl_time_us now)
{
    raft->now = fl__max(raft->now, now);
    if (raft->role == FL_LEADER) {
        tick_leader(raft);
        return;
    }
    fl__read_repeat(raft);
    if (raft->now >= raft->election_at)
        (void)fl__election_start(raft);
    else if (raft->role != FL_FOLLOWER && raft->now >= raft->repeat_at)
        fl__election_ask_again(raft);
}

fl_time_us fl_raft_deadline(const struct fl_raft *raft)
{
    if (raft->role == FL_LEADER)
        return raft->peer_count > 0 ? raft->repeat_at : FL__NEVER;
    fl_time_us at = raft->election_at;
    if (raft->role != FL_FOLLOWER)
        at = fl__min(at, raft->repeat_at);
    if (raft->read_asked)
        at = fl__min(at, raft->read_repeat_at);
    return at;
}

/* ----------------------------------------------------------------------------------------------- messages */

/* Whether the message's term is the sender's own, to be adopted if higher (paper §5.1). Candidates decide in
 * election.c; a pre-vote's term is one that nobody has yet. */
static bool carries_term(const struct fl_message *message)
{
    return message->type != FL_MSG_PREVOTE && message->type != FL_MSG_PREVOTE_REPLY &&
           message->type != FL_MSG_VOTE;
}

/* All but the two that come with every entry. */
static __attribute__((noinline)) int receive_rare(struct fl_raft *raft, const struct fl_message *message,
                                                  struct fl_accepted *accepted)
{
    if (!fl__check_rare(raft, message))
        return FL_EMESSAGE;
    if (message->term > raft->term && carries_term(message))
        fl__become_follower(raft, message->term, false, 0);
    switch (message->type) {
    case FL_MSG_PREVOTE:
        fl__election_on_prevote(raft, message);
        break;
    case FL_MSG_PREVOTE_REPLY:
        fl__election_on_prevote_reply(raft, message);
        break;
    case FL_MSG_VOTE:
        fl__election_on_vote(raft, message);
        break;
    case FL_MSG_VOTE_REPLY:
        fl__election_on_vote_reply(raft, message);
        break;
    case FL_MSG_READ:
        fl__read_on_request(raft, message);
        break;
    case FL_MSG_READ_REPLY:
        fl__read_on_reply(raft, message);
        break;
    case FL_MSG_FETCH:
        fl__fetch_on_request(raft, message);
        break;
    default:
        return fl__fetch_on_reply(raft, message, accepted);
    }
    return FL_OK;
}

int fl_raft_receive(struct fl_raft *raft, fl_time_us now, const struct fl_message *message,
                    struct fl_accepted *accepted)
{
    accepted->first = accepted->last = 0;
    raft->now = fl__max(raft->now, now);
    if (!fl__check_message(raft, message))
        return FL_EMESSAGE;
    if (message->type == FL_MSG_APPEND)
        return fl__check_append(raft, message) ? fl__append_receive(raft, message, accepted) : FL_EMESSAGE;
    if (message->type != FL_MSG_APPEND_REPLY)
        return receive_rare(raft, message, accepted);
    if (!fl__check_append_reply(message))
        return FL_EMESSAGE;
    if (message->term > raft->term)
        fl__become_follower(raft, message->term, false, 0);
    fl__progress_on_reply(raft, message);
    return FL_OK;
}

int fl_raft_sent(struct fl_raft *raft, fl_id to, fl_term term, uint64_t number, fl_index last, uint64_t size)
{
    if (term != raft->term)
        return FL_ESTALE;
    if (raft->role != FL_LEADER)
        return FL_OK; /* A reply to FL_MSG_FETCH: nothing is kept of it. */
    struct fl__peer *peer = fl__peer_find(raft, to);
    return peer ? fl__progress_sent(raft, peer, number, last, size) : FL_ESTALE;
}

/* -------------------------------------------------------------------------------------------- connections */

void fl_raft_peer_up(struct fl_raft *raft, fl_time_us now, fl_id id)
{
    raft->now = fl__max(raft->now, now);
    struct fl__peer *peer = fl__peer_find(raft, id);
    if (!peer)
        return;
    peer->is_up = true;
    if (raft->role == FL_LEADER && peer->progress != FL_PROGRESS_STOPPED) {
        fl__progress_rewind(raft, peer, peer->next, FL_PROGRESS_PROBE);
    } else if (raft->role == FL_CANDIDATE || raft->role == FL_PRECANDIDATE) {
        if (peer->voter && peer->vote != FL__VOTE_GRANTED)
            fl__peer_want(raft, peer, FL__DO_VOTE);
    } else if (raft->has_leader && raft->leader == id && raft->read_asked) {
        fl__peer_want(raft, peer, FL__DO_READ);
    }
}

void fl_raft_peer_down(struct fl_raft *raft, fl_time_us now, fl_id id)
{
    raft->now = fl__max(raft->now, now);
    struct fl__peer *peer = fl__peer_find(raft, id);
    if (!peer)
        return;
    peer->is_up = false;
    if (raft->role != FL_FOLLOWER || !raft->has_leader || raft->leader != id)
        return;
    /* Its process is likely gone. Do not wait out the time-out; do not all start at once either. */
    fl__become_follower(raft, raft->term, false, 0);
    raft->leader_heard = false;
    raft->election_at =
        fl__min(raft->election_at, raft->now + fl__role_random(raft, raft->config.heartbeat_us));
}

int fl_raft_campaign(struct fl_raft *raft, fl_time_us now)
{
    raft->now = fl__max(raft->now, now);
    if (raft->role == FL_LEADER)
        return FL_EINVAL;
    return fl__election_start(raft);
}

/* ------------------------------------------------------------------------------------------------ looking */

void fl_raft_status(const struct fl_raft *raft, struct fl_status *out)
{
    *out = (struct fl_status){
        .id = raft->config.id,
        .role = raft->role,
        .term = raft->term,
        .has_vote = raft->has_vote,
        .vote = raft->vote,
        .has_leader = raft->has_leader,
        .leader = raft->leader,
        .leader_ready = raft->role == FL_LEADER && raft->commit >= raft->opening,
        .last = raft->log.last,
        .durable = raft->durable,
        .commit = raft->commit,
        .last_term = raft->log.last_term,
        .elections_started = raft->elections_started,
        .elections_won = raft->elections_won,
        .truncated_entries = raft->truncated_entries,
        .members = raft->members,
    };
}

bool fl_raft_peer(const struct fl_raft *raft, uint32_t k, struct fl_peer_status *out)
{
    if (k >= raft->peer_count)
        return false;
    const struct fl__peer *peer = &raft->peers[k];
    *out = (struct fl_peer_status){
        .id = peer->id,
        .progress = peer->progress,
        .match = peer->match,
        .next = peer->next,
        .is_up = peer->is_up,
        .heard = raft->now - peer->heard_at < raft->config.election_timeout_us,
        .rejections = peer->rejections,
        .entries_sent = peer->entries_sent,
    };
    return true;
}

fl_term fl_raft_term_at(const struct fl_raft *raft, fl_index index)
{
    return fl__log_term(&raft->log, index);
}

enum fl_entry_kind fl_raft_kind_at(const struct fl_raft *raft, fl_index index)
{
    bool is_opening =
        raft->opening != 0 && index == raft->opening && fl__log_term(&raft->log, index) == raft->opening_term;
    return is_opening ? raft->opening_kind : FL_ENTRY_COMMAND;
}
