/* promises.c - what servers tell each other, against what their disks hold at that moment.
 *
 * Whoever speaks for a term has it on disk, and whoever grants a vote has that on disk: in both copies or in
 * one, but where a loss of power now would leave it (paper Figure 2: before responding to RPCs). Whoever
 * acknowledges entries has them on disk. Each frame that leaves is looked at; a disk is read only when
 * something new is claimed. */
#include "../host/host.h"
#include "sim.h"

#include <stdlib.h>
#include <string.h>

struct fl__promises {
    struct fl__message_space space;
    uint8_t *bytes;
    size_t capacity;
};

struct fl__promises *fl__promises_create(void)
{
    struct fl__promises *promises = calloc(1, sizeof *promises);
    if (!promises)
        fl_panic(__FILE__, __LINE__, "no memory left");
    return promises;
}

void fl__promises_destroy(struct fl__promises *promises)
{
    free(promises->bytes);
    free(promises);
}

/* The latest term and vote that would be found after a loss of power now: src/log/vote.c has the format. */
static struct fl__vote_state read_vote(struct fl__disk *disk)
{
    struct fl__vote_state latest = {0};
    struct fl__disk *sure = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
    for (int copy = 1; copy <= 2; copy++) {
        size_t size;
        const uint8_t *bytes = fl__disk_bytes(sure, copy == 1 ? "data/vote-1" : "data/vote-2", &size);
        if (!bytes || size < 88)
            continue;
        const struct fl__vote_state state = {.term = fl__load64(bytes + 40),
                                             .has_vote = fl__load32(bytes + 12) == 1,
                                             .vote = fl__load64(bytes + 48)};
        if (state.term > latest.term || (state.term == latest.term && state.has_vote))
            latest = state;
    }
    fl__disk_destroy(sure);
    return latest;
}

static void ignore(void *context)
{
    (void)context;
}

static void ignore_failure(void *context, int error, const char *text)
{
    (void)context;
    (void)error;
    (void)text;
}

/* How far its log would reach after a loss of power now: a copy of the disk is recovered as a node does it.
 * UINT64_MAX: not at all, which is for the node itself to find. */
static fl_index read_last(const struct fl__life_node *node, fl_id incarnation)
{
    struct fl__disk *sure = fl__disk_after_power_loss(node->disk, FL__SURVIVES_NONE, 0);
    struct fl__world *world = fl__world_create(1);
    struct fl_io *io = fl__memory_create(world, sure);
    struct fl__wal_options settings = {.directory = "data",
                                       .incarnation = incarnation,
                                       .segment_size = node->life->plan.segment_size,
                                       .log_size_max = UINT64_MAX,
                                       .on_failed = ignore_failure};
    struct fl__wal_recovered found = {0};
    struct fl_error_report report;
    struct fl__wal *wal;
    fl_index last = UINT64_MAX;
    fl__disk_set_capacity(sure, UINT64_MAX); /* Its next file shall find room. */
    memcpy(settings.cluster_id, fl__life_cluster_id, sizeof settings.cluster_id);
    if (fl__vote_open(&settings.vote, io, "data", fl__life_cluster_id, incarnation, false, &report) ==
        FL_OK) {
        if (fl__wal_open(&wal, io, &settings, &found, &report) == FL_OK) {
            last = found.damaged ? found.damaged - 1 : found.last;
            fl__wal_close(wal, ignore, NULL);
            fl__world_run(world);
        }
        fl__vote_close(settings.vote, ignore, NULL);
        fl__world_run(world);
    }
    fl__wal_recovered_release(&found);
    fl__memory_destroy(io);
    fl__world_destroy(world);
    fl__disk_destroy(sure);
    return last;
}

/* Recovering a log takes its time: one acknowledgement of so many is looked at, always the same ones. */
#define ACKNOWLEDGEMENTS 64

static void judge_acknowledgement(struct fl__life_node *node, const struct fl_message *message)
{
    char text[160];
    if (message->last == 0 || fl__mix64(message->last ^ message->term << 32) % ACKNOWLEDGEMENTS != 0)
        return;
    fl_index last = read_last(node, message->from);
    if (last >= message->last)
        return;
    snprintf(text, sizeof text, "R11: %s acknowledges entry %llu, and its disk holds the log up to %llu",
             node->name, (unsigned long long)message->last, (unsigned long long)last);
    fl__life_fail(node->life, "R11", text);
}

static void judge_message(struct fl__life_node *node, const struct fl_message *message)
{
    bool is_proposal = message->type == FL_MSG_PREVOTE || message->type == FL_MSG_PREVOTE_REPLY;
    bool grants = message->type == FL_MSG_VOTE_REPLY && message->granted;
    if (message->type == FL_MSG_APPEND_REPLY)
        judge_acknowledgement(node, message);
    bool is_known = message->term <= node->spoken_term &&
                    (!grants || (message->term == node->granted_term && message->to == node->granted_to));
    char text[160];
    if (is_proposal || is_known)
        return;
    struct fl__vote_state sure = read_vote(node->disk);
    if (sure.term < message->term) {
        snprintf(text, sizeof text, "R8: %s speaks for term %llu, and its disk holds term %llu", node->name,
                 (unsigned long long)message->term, (unsigned long long)sure.term);
        fl__life_fail(node->life, "R8", text);
    } else if (grants && sure.term == message->term && !(sure.has_vote && sure.vote == message->to)) {
        snprintf(text, sizeof text, "R9: %s grants its vote of term %llu, and its disk holds no such vote",
                 node->name, (unsigned long long)message->term);
        fl__life_fail(node->life, "R9", text);
    }
    node->spoken_term = message->term > node->spoken_term ? message->term : node->spoken_term;
    if (grants) {
        node->granted_term = message->term;
        node->granted_to = message->to;
    }
}

void fl__promises_recall(struct fl__life_node *node)
{
    char text[160];
    fl_term term = fl__node_status_of(node).term;
    if (term >= node->spoken_term)
        return;
    snprintf(text, sizeof text, "R8: %s spoke for term %llu, and remembers term %llu", node->name,
             (unsigned long long)node->spoken_term, (unsigned long long)term);
    fl__life_fail(node->life, "R8", text);
}

static size_t gather(struct fl__promises *promises, const struct fl_io_buffer *buffers, uint32_t count)
{
    size_t size = 0;
    for (uint32_t k = 0; k < count; k++) {
        if (size + buffers[k].size > promises->capacity) {
            promises->capacity = 2 * (size + buffers[k].size);
            promises->bytes = realloc(promises->bytes, promises->capacity);
            if (!promises->bytes)
                fl_panic(__FILE__, __LINE__, "no memory left");
        }
        if (buffers[k].size > 0)
            memcpy(promises->bytes + size, buffers[k].data, buffers[k].size);
        size += buffers[k].size;
    }
    return size;
}

void fl__promises_hear(struct fl__promises *promises, struct fl__life_node *node,
                       const struct fl_io_buffer *buffers, uint32_t count)
{
    size_t size = gather(promises, buffers, count), at = 0, frame_size;
    struct fl__frame frame;
    struct fl_message message;
    /* A send between nodes is whole frames; one to a client is none. */
    while (fl__frame_size(promises->bytes + at, size - at, size - at, &frame_size) == FL_OK &&
           frame_size > 0) {
        if (fl__frame_open(promises->bytes + at, frame_size, &frame) == FL_OK &&
            frame.kind == FL__FRAME_MESSAGE &&
            fl__frame_get_message(&frame, &promises->space, &message) == FL_OK)
            judge_message(node, &message);
        at += frame_size;
    }
}
