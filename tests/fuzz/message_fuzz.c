/* message_fuzz.c - the core under events of any kind in any order, messages of any content among them. It
 * refuses what is impossible and survives all else: no assertion of its own may break, for a peer may send
 * anything. And whatever comes in, what goes out keeps its promises: committed entries stay, writes continue
 * the log, one vote is given in a term, and nothing is acknowledged before the disk has it. */
#include <fairlead/raft.h>

#include <stdlib.h>
#include <string.h>

enum { RUNS_MAX = 4, CONFIGS_MAX = 2, EVENTS_MAX = 200, WORK_MAX = 1024, LOOK_MAX = 64, DISK_RUNS_MAX = 512 };

struct input {
    const uint8_t *data;
    size_t left;
};

/* A message and all it points to. */
struct mail {
    struct fl_message message;
    struct fl_run runs[RUNS_MAX], outline_runs[RUNS_MAX];
    struct fl_members configs[CONFIGS_MAX];
    struct fl_member members[CONFIGS_MAX][4];
};

/* What the host around the core knows: its disk, and what it owes. */
struct host {
    struct fl_raft *raft;
    struct input input;
    fl_time_us now;
    bool drains; /* Takes all work after each event, as a server does. */
    fl_ticket ticket, saved;
    struct fl_persist writes[WORK_MAX]; /* Handed out and not saved: [first, count). */
    uint32_t write_first, write_count;
    struct fl_run runs[DISK_RUNS_MAX]; /* Terms of what was handed out, up to `last`. */
    uint32_t run_count;
    fl_index last, durable;
    struct fl_persist vote, durable_vote;
    uint64_t proposed, answered;
    fl_term committed[LOOK_MAX]; /* Terms by index, 0: not committed. */
    struct fl_message sent;
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
    if (first < 253)
        return UINT64_MAX - first % 4;
    uint64_t low = byte(input);
    return low << (byte(input) % 64);
}

/* ----------------------------------------------------------------------------------------------- messages */

static void read_runs(struct input *input, struct fl_run *runs, uint32_t *count)
{
    *count = byte(input) % (RUNS_MAX + 1);
    for (uint32_t k = 0; k < *count; k++) {
        runs[k].term = number(input);
        runs[k].first = number(input);
    }
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

static void read_configs(struct input *input, struct mail *mail)
{
    uint8_t flags = byte(input);
    mail->message.config_count = flags < 192 ? 0 : 1 + flags % CONFIGS_MAX;
    mail->message.configs = mail->configs;
    for (uint32_t k = 0; k < mail->message.config_count; k++) {
        mail->configs[k].index = number(input);
        mail->configs[k].count = 1 + byte(input) % 4;
        mail->configs[k].list = mail->members[k];
        for (uint32_t n = 0; n < mail->configs[k].count; n++) {
            uint8_t member = byte(input);
            mail->members[k][n] = (struct fl_member){.id = member % 6, .kind = member & 128 ? 2 : 1};
        }
    }
}

static void read_mail(struct input *input, struct mail *mail)
{
    uint8_t flags = byte(input);
    mail->message = (struct fl_message){
        .type = (enum fl_message_type)(1 + byte(input) % 11),
        .granted = flags & 1,
        .rejected = flags & 2,
        .from = byte(input) % 5,
        .to = (flags & 12) == 4 ? 2 : 1,
        .runs = mail->runs,
    };
    struct fl_message *message = &mail->message;
    message->term = number(input);
    message->boot = byte(input) % 3;
    message->prev = number(input);
    message->prev_term = number(input);
    message->last = number(input);
    message->commit = number(input);
    message->held = number(input);
    message->number = number(input);
    message->round = number(input);
    read_runs(input, mail->runs, &message->run_count);
    read_outline(input, &message->outline, mail->outline_runs);
    read_configs(input, mail);
}

/* ----------------------------------------------------------------------------------------------- the disk */

static fl_term term_on_disk(void *context, fl_index index)
{
    const struct host *host = context;
    uint32_t k = host->run_count;
    fl_assert(index <= host->last);
    while (k > 0 && host->runs[k - 1].first > index)
        k--;
    return k > 0 ? host->runs[k - 1].term : 0;
}

static void cut_disk(struct host *host, fl_index from)
{
    fl_assert(from <= host->last);
    host->last = from - 1;
    host->durable = host->durable < host->last ? host->durable : host->last;
    while (host->run_count > 0 && host->runs[host->run_count - 1].first >= from)
        host->run_count--;
    for (uint32_t k = host->write_first; k < host->write_count; k++)
        if (!host->writes[k].is_vote && host->writes[k].last > host->last)
            host->writes[k].last = host->last;
}

/* Terms never decrease, so the end of a run can be searched for, however long it is. */
static void extend_disk(struct host *host, fl_index first, fl_index last)
{
    fl_assert(first == host->last + 1 && first <= last);
    while (first <= last) {
        fl_term term = fl_raft_term_at(host->raft, first);
        fl_index low = first, high = last;
        while (low < high) {
            fl_index middle = low + (high - low + 1) / 2;
            if (fl_raft_term_at(host->raft, middle) == term)
                low = middle;
            else
                high = middle - 1;
        }
        fl_term before = host->run_count > 0 ? host->runs[host->run_count - 1].term : 0;
        fl_assert(term > 0 && term >= before);
        if (term != before && host->run_count < DISK_RUNS_MAX)
            host->runs[host->run_count++] = (struct fl_run){.term = term, .first = first};
        host->last = low;
        first = low + 1;
    }
}

static void hand_to_disk(struct host *host, const struct fl_persist *persist)
{
    fl_assert(persist->ticket > host->ticket);
    host->ticket = persist->ticket;
    if (persist->is_vote) {
        bool same = persist->term == host->vote.term;
        fl_assert(same || persist->term > host->vote.term);
        fl_assert(!same || !host->vote.has_vote || (persist->has_vote && persist->vote == host->vote.vote));
        host->vote = *persist;
    } else {
        if (persist->truncate_from > 0)
            cut_disk(host, persist->truncate_from);
        if (persist->first > 0)
            extend_disk(host, persist->first, persist->last);
    }
    fl_assert(host->write_count < WORK_MAX);
    host->writes[host->write_count] = *persist;
    host->writes[host->write_count++].last = host->last;
}

static void save(struct host *host, fl_ticket ticket)
{
    for (; host->write_first < host->write_count; host->write_first++) {
        const struct fl_persist *write = &host->writes[host->write_first];
        if (write->ticket > ticket)
            break;
        if (write->is_vote)
            host->durable_vote = *write;
        else
            host->durable = write->last;
    }
    host->saved = ticket;
    fl_assert(fl_raft_persisted(host->raft, host->now, ticket) == FL_OK);
}

/* --------------------------------------------------------------------------------------------------- work */

static void check_sent(const struct host *host, const struct fl_message *message)
{
    bool promises = message->type == FL_MSG_VOTE_REPLY && message->granted;
    fl_assert(message->to != 1 && message->from == 1 && message->boot == 1);
    if (message->type == FL_MSG_APPEND_REPLY)
        fl_assert(message->last <= host->durable && message->last <= message->held);
    if (promises)
        fl_assert(host->durable_vote.term > message->term ||
                  (host->durable_vote.term == message->term && host->durable_vote.has_vote &&
                   host->durable_vote.vote == message->to));
    if (message->type == FL_MSG_APPEND)
        fl_assert(message->prev <= message->last && host->durable_vote.term >= message->term);
}

static bool take_one(struct host *host)
{
    struct fl_work work;
    if (!fl_raft_take(host->raft, &work))
        return false;
    if (work.type == FL_WORK_PERSIST)
        hand_to_disk(host, &work.persist);
    if (work.type == FL_WORK_ANSWER)
        host->answered += work.answer.last - work.answer.first + 1;
    if (work.type == FL_WORK_SEND) {
        check_sent(host, work.send.message);
        host->sent = *work.send.message;
    }
    fl_assert(host->answered <= host->proposed);
    return true;
}

/* What is committed stays as it is. */
static void look(struct host *host)
{
    struct fl_status status;
    fl_raft_status(host->raft, &status);
    fl_assert(status.commit <= status.last && status.durable <= status.last &&
              status.last_term <= status.term);
    for (fl_index index = 1; index < LOOK_MAX && index <= status.last; index++) {
        fl_term term = fl_raft_term_at(host->raft, index);
        fl_assert(term > 0 && term <= status.last_term);
        fl_assert(host->committed[index] == 0 || host->committed[index] == term);
        if (index <= status.commit)
            host->committed[index] = term;
    }
}

/* Makes a message that might be true, or nearly: of a term near ours, from somewhere in our log on. */
static void mend(const struct host *host, struct input *input, struct mail *mail)
{
    struct fl_status status;
    struct fl_message *message = &mail->message;
    uint8_t flags = byte(input);
    fl_raft_status(host->raft, &status);
    message->to = 1;
    message->from = 2 + (flags & 1);
    message->term = status.term + (flags >> 1 & 3);
    message->prev %= status.last + 1;
    message->prev_term = fl_raft_term_at(host->raft, message->prev);
    if (message->type != FL_MSG_APPEND && message->type != FL_MSG_FETCH_REPLY)
        return;
    for (uint32_t k = 0; k < message->run_count; k++) {
        fl_index before = k > 0 ? mail->runs[k - 1].first : message->prev;
        fl_term term = k > 0 ? mail->runs[k - 1].term : message->prev_term;
        mail->runs[k].first = before + 1 + (k > 0 ? mail->runs[k].first % 2 : 0);
        mail->runs[k].term = term + (k > 0) + mail->runs[k].term % 4;
        message->last = mail->runs[k].first + (flags >> 3 & 3);
    }
    if (message->run_count == 0)
        message->last = message->prev;
    for (uint32_t k = 0; k < message->config_count; k++)
        mail->configs[k].index = message->prev + 1 + k + (flags >> 5 & 1);
}

/* At most one configuration may be uncommitted (I9): a peer that breaks this is not played here, for the core
 * asserts it when both are cut. */
static void keep_one_config(const struct host *host, struct mail *mail)
{
    struct fl_status status;
    struct fl_message *message = &mail->message;
    fl_raft_status(host->raft, &status);
    if (message->config_count > 1)
        message->config_count = 1;
    if (status.members.index > status.commit && mail->configs[0].index > status.members.index)
        message->config_count = 0;
}

static void receive(struct host *host)
{
    struct mail mail;
    struct fl_accepted accepted;
    struct fl_status before, after;
    read_mail(&host->input, &mail);
    if (byte(&host->input) % 4 > 0)
        mend(host, &host->input, &mail);
    keep_one_config(host, &mail);
    fl_raft_status(host->raft, &before);
    int result = fl_raft_receive(host->raft, host->now, &mail.message, &accepted);
    fl_raft_status(host->raft, &after);
    fl_assert(result == FL_OK || result == FL_EMESSAGE || result == FL_EFULL);
    fl_assert(after.term >= before.term && after.commit >= before.commit);
    if (result != FL_OK)
        fl_assert(accepted.first == 0 && after.last == before.last && after.last_term == before.last_term &&
                  after.commit == before.commit);
    if (accepted.first > 0)
        fl_assert(accepted.first > mail.message.prev && accepted.first <= accepted.last &&
                  accepted.last <= mail.message.last && accepted.first > before.commit);
}

/* Reports on the latest message with entries, once. */
static void report_sent(struct host *host)
{
    struct fl_message *sent = &host->sent;
    if (sent->last > sent->prev)
        (void)!fl_raft_sent(host->raft, sent->to, sent->term, sent->number,
                            sent->prev + byte(&host->input) % (sent->last - sent->prev + 1), 100);
    sent->last = sent->prev;
}

static void propose(struct host *host)
{
    fl_index first;
    fl_term term;
    uint32_t count = byte(&host->input) % 4;
    int result = fl_raft_propose(host->raft, host->now, count, &first, &term);
    fl_assert(count > 0 || result != FL_OK);
    if (result == FL_OK)
        host->proposed += count;
}

static void play_one(struct host *host)
{
    struct input *input = &host->input;
    fl_ticket asked;
    switch (byte(input) % 12) {
    case 0:
        fl_raft_tick(host->raft, host->now += (fl_time_us)byte(input) * 10000);
        break;
    case 1:
        propose(host);
        break;
    case 2:
        (void)!fl_raft_read(host->raft, host->now, &asked);
        break;
    case 3:
        save(host, host->ticket - byte(input) % (host->ticket - host->saved + 1));
        break;
    case 4:
        report_sent(host);
        break;
    case 5:
        (byte(input) % 2 ? fl_raft_peer_up : fl_raft_peer_down)(host->raft, host->now, byte(input) % 6);
        break;
    case 6:
        (void)!fl_raft_campaign(host->raft, host->now);
        break;
    case 7:
        for (uint32_t k = byte(input) % 8; k > 0 && take_one(host);)
            k--;
        break;
    case 8:
        fl_raft_hurry(host->raft, byte(input) % 6, number(input));
        break;
    default:
        receive(host);
        break;
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

static void configure(struct fl_raft_config *config, struct host *host, uint8_t flags)
{
    fl_raft_config_init(config);
    config->id = 1;
    config->boot = 1;
    config->pre_vote = flags & 1;
    config->check_quorum = flags & 2;
    config->repair = (enum fl_repair)(flags / 64 % 3);
    config->runs_max = 8;
    config->outline_runs_max = 1 + flags / 4 % 8;
    config->window_messages = 3;
    config->message_entries_max = 4;
    config->uncommitted_entries_max = 20;
    if (host->drains) {
        config->term_at = term_on_disk;
        config->term_at_context = host;
    }
}

static void start(struct host *host)
{
    static const struct fl_member members[] = {{1, FL_VOTER}, {2, FL_VOTER}, {3, FL_VOTER}};
    static const struct fl_run runs[] = {{1, 1}, {2, 4}, {4, 6}};
    const struct fl_allocator allocator = {.allocate = allocate, .release = release};
    uint8_t flags = byte(&host->input);
    struct fl_raft_config config;
    struct fl_raft_start start = {.term = 4, .members = {.count = 3, .list = members}};
    host->drains = byte(&host->input) & 1;
    configure(&config, host, flags);
    if (flags & 32) {
        start = (struct fl_raft_start){
            .term = 5, .runs = runs, .run_count = 3, .last = 8, .commit = 3, .members = start.members};
        memcpy(host->runs, runs, sizeof runs);
        host->run_count = 3;
        host->last = host->durable = 8;
    }
    host->vote.term = host->durable_vote.term = start.term;
    fl_assert(fl_raft_create(&host->raft, &config, &start, &allocator, host->now) == FL_OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct host *host = calloc(1, sizeof *host);
    host->input = (struct input){data, size};
    host->now = 1000;
    start(host);
    for (uint32_t k = 0; k < EVENTS_MAX && host->input.left > 0; k++) {
        play_one(host);
        while (host->drains && take_one(host))
            continue;
        look(host);
    }
    fl_raft_destroy(host->raft);
    free(host);
    return 0;
}
