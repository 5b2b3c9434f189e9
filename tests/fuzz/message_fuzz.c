/* message_fuzz.c - the core under events of any kind in any order, messages of any content among them. It
 * refuses what is impossible and survives all else: no assertion of its own may break, for a peer may send
 * anything. */
#include <fairlead/raft.h>

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4, EVENTS_MAX = 200 };

struct input {
    const uint8_t *data;
    size_t left;
};

static uint8_t byte(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->data++;
}

/* Mostly small, as indexes and terms are that mean something; sometimes huge. */
static uint64_t number(struct input *input)
{
    uint8_t first = byte(input);
    if (first < 240)
        return first % 16;
    if (first < 250)
        return first;
    return first < 253 ? UINT64_MAX - first % 4 : (uint64_t)byte(input) << (byte(input) % 64);
}

static void read_runs(struct input *input, struct fl_run *runs, uint32_t *count)
{
    *count = byte(input) % (RUNS_MAX + 1);
    for (uint32_t k = 0; k < *count; k++)
        runs[k] = (struct fl_run){.term = number(input), .first = number(input)};
}

static void read_outline(struct input *input, struct fl_outline *outline, struct fl_run *runs)
{
    uint8_t flags = byte(input);
    outline->present = flags & 1;
    outline->low_is_floor = flags & 2;
    read_runs(input, runs, &outline->run_count);
    outline->runs = runs;
    outline->low = number(input);
    outline->low_term = number(input);
    outline->top = number(input);
    outline->last = number(input);
    outline->durable = number(input);
}

static void receive(struct fl_raft *raft, struct input *input, fl_time_us now)
{
    struct fl_run runs[RUNS_MAX], outline_runs[RUNS_MAX];
    struct fl_accepted accepted;
    uint8_t flags = byte(input);
    struct fl_message message = {
        .type = (enum fl_message_type)(1 + byte(input) % 11),
        .granted = flags & 1,
        .rejected = flags & 2,
        .from = byte(input) % 5,
        .to = flags & 4 ? 2 : 1,
        .term = number(input),
        .boot = byte(input) % 3,
        .prev = number(input),
        .prev_term = number(input),
        .last = number(input),
        .commit = number(input),
        .held = number(input),
        .number = number(input),
        .round = number(input),
        .runs = runs,
    };
    if (flags & 8)
        message.to = 1;
    read_runs(input, runs, &message.run_count);
    read_outline(input, &message.outline, outline_runs);
    struct fl_status before, after;
    fl_raft_status(raft, &before);
    int result = fl_raft_receive(raft, now, &message, &accepted);
    fl_raft_status(raft, &after);
    fl_assert(result == FL_OK || result == FL_EMESSAGE || result == FL_EFULL);
    fl_assert(after.term >= before.term && after.commit >= before.commit && after.commit <= after.last);
    fl_assert(after.last_term <= after.term);
    fl_assert(after.durable <= after.last);
}

static void take(struct fl_raft *raft, struct input *input, fl_ticket *ticket, struct fl_message *sent)
{
    struct fl_work work;
    for (uint32_t k = byte(input) % 8; k > 0 && fl_raft_take(raft, &work); k--) {
        if (work.type == FL_WORK_PERSIST)
            *ticket = work.persist.ticket;
        if (work.type == FL_WORK_SEND)
            *sent = *work.send.message;
    }
}

static void play(struct fl_raft *raft, struct input *input)
{
    fl_time_us now = 1000;
    fl_ticket ticket = 0, asked;
    struct fl_message sent = {0};
    fl_index first;
    fl_term term;
    for (uint32_t k = 0; k < EVENTS_MAX && input->left > 0; k++) {
        switch (byte(input) % 10) {
        case 0:
            fl_raft_tick(raft, now += (fl_time_us)byte(input) * 10000);
            break;
        case 1:
            (void)!fl_raft_propose(raft, now, 1 + byte(input) % 3, &first, &term);
            break;
        case 2:
            (void)!fl_raft_read(raft, now, &asked);
            break;
        case 3:
            fl_assert(fl_raft_persisted(raft, now, ticket) == FL_OK);
            break;
        case 4:
            if (sent.last > sent.prev)
                (void)!fl_raft_sent(raft, sent.to, sent.term, sent.number,
                                    sent.prev + byte(input) % (sent.last - sent.prev + 1), 100);
            sent.last = sent.prev;
            break;
        case 5:
            (byte(input) % 2 ? fl_raft_peer_up : fl_raft_peer_down)(raft, now, byte(input) % 4);
            break;
        case 6:
            (void)!fl_raft_campaign(raft, now);
            break;
        case 7:
            take(raft, input, &ticket, &sent);
            break;
        default:
            receive(raft, input, now);
            break;
        }
    }
}

static void *allocate(void *context, size_t size)
{
    (void)context;
    return malloc(size);
}

static void release(void *context, void *memory)
{
    (void)context;
    free(memory);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct fl_member members[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    static const struct fl_run runs[] = {{1, 1}, {2, 4}, {4, 6}};
    struct input input = {data, size};
    struct fl_raft *raft;
    struct fl_raft_config config;
    fl_raft_config_init(&config);
    uint8_t flags = byte(&input);
    config.id = 1;
    config.boot = 1;
    config.pre_vote = flags & 1;
    config.check_quorum = flags & 2;
    config.repair = (enum fl_repair)(flags / 64 % 3);
    config.runs_max = 8;
    config.outline_runs_max = 1 + flags / 4 % 8;
    config.window_messages = 3;
    config.message_entries_max = 4;
    config.uncommitted_entries_max = 20;
    struct fl_raft_start start = {.term = 4, .members = {.count = 3, .list = members}};
    if (flags & 32)
        start = (struct fl_raft_start){
            .term = 5, .runs = runs, .run_count = 3, .last = 8, .commit = 3, .members = start.members};
    const struct fl_allocator allocator = {.allocate = allocate, .release = release};
    fl_assert(fl_raft_create(&raft, &config, &start, &allocator, 1000) == FL_OK);
    play(raft, &input);
    fl_raft_destroy(raft);
    return 0;
}
