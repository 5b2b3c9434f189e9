/* frame_fuzz.c - what a peer sends, in one of three ways: any bytes; a frame of any kind with any content,
 * under a checksum that is right (a wrong one stops everything else at once); a message as we write it, then
 * damaged here and there, under a right checksum again. Whatever can be read can be written, and reads the
 * same again. Frames are memory of their own size, so that a byte too far is seen. */
#include "host.h"
#include "records.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { RUNS_MAX = 3, ENTRIES_MAX = 3, DAMAGE_MAX = 4 };

/* What a frame says, and what it says when written and read again. */
struct spaces {
    struct fl__message_space first, again;
    struct fl__entry *entries[FL__FRAME_ENTRIES_MAX];
};

struct input {
    const uint8_t *data;
    size_t left;
};

static uint64_t number(struct input *input, size_t size)
{
    uint64_t value = 0;
    for (; size > 0 && input->left > 0; size--, input->left--)
        value = value << 8 | *input->data++;
    return value;
}

/* Opens what was written again. */
static void reopen(const struct fl__buffer *out, enum fl__frame_kind kind, struct fl__frame *frame)
{
    size_t whole;
    fl_assert(fl__frame_size(out->data, out->size, FL__FRAME_SIZE_MAX, &whole) == FL_OK &&
              whole == out->size);
    fl_assert(fl__frame_open(out->data, out->size, frame) == FL_OK && frame->kind == kind);
}

/* ----------------------------------------------------------------------------------------------- messages */

static void check_same_runs(const struct fl_run *a, const struct fl_run *b, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++)
        fl_assert(a[k].term == b[k].term && a[k].first == b[k].first);
}

static void check_same_outline(const struct fl_outline *a, const struct fl_outline *b)
{
    fl_assert(a->present == b->present && a->low_is_floor == b->low_is_floor);
    fl_assert(a->low == b->low && a->low_term == b->low_term && a->top == b->top);
    fl_assert(a->last == b->last && a->durable == b->durable && a->run_count == b->run_count);
    check_same_runs(a->runs, b->runs, a->run_count);
}

static void check_same(const struct fl_message *a, const struct fl_message *b)
{
    fl_assert(a->type == b->type && a->from == b->from && a->to == b->to && a->term == b->term);
    fl_assert(a->boot == b->boot && a->prev == b->prev && a->prev_term == b->prev_term);
    fl_assert(a->last == b->last && a->commit == b->commit && a->held == b->held);
    fl_assert(a->granted == b->granted && a->rejected == b->rejected && a->number == b->number);
    fl_assert(a->round == b->round && a->stamp == b->stamp && a->run_count == b->run_count);
    check_same_runs(a->runs, b->runs, a->run_count);
    check_same_outline(&a->outline, &b->outline);
}

/* With entries whose bodies are as the first reading found them. */
static void write_again(const struct fl_message *message, struct spaces *spaces, uint32_t count)
{
    struct fl__buffer out = {0};
    struct fl__frame frame;
    struct fl_message again;
    fl_assert(fl__frame_put_message(&out, message, spaces->entries, count) == FL_OK);
    for (uint32_t k = 0; k < count; k++)
        fl__buffer_put(&out, spaces->entries[k]->body, spaces->entries[k]->size);
    reopen(&out, FL__FRAME_MESSAGE, &frame);
    fl_assert(fl__frame_get_message(&frame, &spaces->again, &again) == FL_OK);
    fl_assert(spaces->again.entry_count == count);
    check_same(message, &again);
    for (uint32_t k = 0; k < count; k++) {
        const struct fl__frame_entry *entry = &spaces->again.entries[k], *first = &spaces->first.entries[k];
        fl_assert(entry->kind == first->kind && entry->size == first->size);
        fl_assert(memcmp(entry->body, first->body, entry->size) == 0);
        fl_assert(entry->checksum == fl__record_checksum(entry->body, entry->size));
    }
    fl__buffer_release(&out);
}

static void read_message(const struct fl__frame *frame)
{
    struct spaces *spaces = malloc(sizeof *spaces);
    struct fl_message message;
    uint32_t count = 0;
    int error = FL_OK;
    if (fl__frame_get_message(frame, &spaces->first, &message) == FL_OK) {
        for (; count < spaces->first.entry_count && error == FL_OK; count++) {
            const struct fl__frame_entry *entry = &spaces->first.entries[count];
            spaces->entries[count] = fl__entry_decode(1, 1, entry->kind, entry->body, entry->size, &error);
            if (!spaces->entries[count])
                break;
            error = FL_OK;
        }
        if (count == spaces->first.entry_count)
            write_again(&message, spaces, count);
    }
    while (count > 0)
        fl__entry_release(spaces->entries[--count]);
    free(spaces);
}

/* ------------------------------------------------------------------------------------------ other frames */

static void read_hello(const struct fl__frame *frame)
{
    struct fl__hello hello, again;
    struct fl__buffer out = {0};
    struct fl__frame other;
    if (fl__frame_get_hello(frame, &hello) != FL_OK)
        return;
    fl_assert(hello.protocol_min <= hello.protocol_max);
    fl__frame_put_hello(&out, &hello);
    reopen(&out, FL__FRAME_HELLO, &other);
    fl_assert(out.size <= FL__GREETING_SIZE_MAX && fl__frame_get_hello(&other, &again) == FL_OK);
    fl_assert(hello.protocol_min == again.protocol_min && hello.protocol_max == again.protocol_max);
    fl_assert(hello.founded == again.founded && hello.incarnation == again.incarnation);
    fl_assert(hello.boot == again.boot && hello.term == again.term);
    fl_assert(memcmp(hello.cluster_id, again.cluster_id, sizeof hello.cluster_id) == 0);
    fl_assert(strcmp(hello.name, again.name) == 0 && strcmp(hello.target, again.target) == 0);
    fl_assert(strcmp(hello.client, again.client) == 0);
    fl__buffer_release(&out);
}

/* As many commands as can be read. */
static void read_forward(const struct fl__frame *frame)
{
    struct fl__forward forward, again;
    struct fl__buffer out = {0};
    struct fl__frame other;
    uint64_t sequence, sequence_again;
    const uint8_t *data, *data_again;
    uint32_t size, size_again, count = 0;
    if (fl__frame_get_forward(frame, &forward) != FL_OK)
        return;
    struct fl__forward first = forward;
    size_t begin = fl__frame_begin_forward(&out, forward.term, forward.boot);
    for (; count < forward.count; count++) {
        if (fl__frame_get_command(&forward, &sequence, &data, &size) != FL_OK)
            break;
        fl__frame_put_command(&out, sequence, data, size);
    }
    fl_assert(fl__frame_end_forward(&out, begin, count) == FL_OK);
    reopen(&out, FL__FRAME_FORWARD, &other);
    fl_assert(fl__frame_get_forward(&other, &again) == FL_OK && again.count == count);
    fl_assert(again.term == first.term && again.boot == first.boot);
    for (; count > 0; count--) {
        fl_assert(fl__frame_get_command(&first, &sequence, &data, &size) == FL_OK);
        fl_assert(fl__frame_get_command(&again, &sequence_again, &data_again, &size_again) == FL_OK);
        fl_assert(sequence == sequence_again && size == size_again && memcmp(data, data_again, size) == 0);
    }
    fl__buffer_release(&out);
}

static void read_refused(const struct fl__frame *frame)
{
    struct fl__forward_refused refused, again;
    struct fl__buffer out = {0};
    struct fl__frame other;
    if (fl__frame_get_forward_refused(frame, &refused) != FL_OK)
        return;
    fl_assert(refused.error < 0 && refused.first <= refused.last);
    fl__frame_put_forward_refused(&out, &refused);
    reopen(&out, FL__FRAME_FORWARD_REFUSED, &other);
    fl_assert(fl__frame_get_forward_refused(&other, &again) == FL_OK);
    fl_assert(again.term == refused.term && again.boot == refused.boot && again.error == refused.error);
    fl_assert(again.first == refused.first && again.last == refused.last);
    fl__buffer_release(&out);
}

static void read_progress(const struct fl__frame *frame)
{
    fl_index durable[FL_MEMBERS_MAX], durable_again[FL_MEMBERS_MAX];
    struct fl__buffer out = {0};
    struct fl__frame other;
    uint32_t count, count_again;
    if (fl__frame_get_progress(frame, durable, &count) != FL_OK)
        return;
    fl_assert(count <= FL_MEMBERS_MAX);
    fl__frame_put_progress(&out, durable, count);
    reopen(&out, FL__FRAME_PROGRESS, &other);
    fl_assert(fl__frame_get_progress(&other, durable_again, &count_again) == FL_OK);
    fl_assert(count == count_again && memcmp(durable, durable_again, count * sizeof *durable) == 0);
    fl__buffer_release(&out);
}

static void read_state(const struct fl__frame *frame)
{
    struct fl__standing standing, again;
    struct fl__buffer out = {0};
    struct fl__frame other;
    if (fl__frame_get_state(frame, &standing) != FL_OK)
        return;
    fl__frame_put_state(&out, &standing);
    reopen(&out, FL__FRAME_STATE, &other);
    fl_assert(fl__frame_get_state(&other, &again) == FL_OK);
    fl_assert(standing.takes_part == again.takes_part && standing.founded == again.founded &&
              standing.is_full == again.is_full);
    fl__buffer_release(&out);
}

static void read_refuse(const struct fl__frame *frame)
{
    struct fl__refuse refuse, again;
    struct fl__buffer out = {0};
    struct fl__frame other;
    if (fl__frame_get_refuse(frame, &refuse) != FL_OK)
        return;
    fl__frame_put_refuse(&out, refuse.why);
    reopen(&out, FL__FRAME_REFUSE, &other);
    fl_assert(fl__frame_get_refuse(&other, &again) == FL_OK && again.why == refuse.why);
    fl_assert(again.protocol_min == FL__PROTOCOL_MIN && again.protocol_max == FL__PROTOCOL_MAX);
    fl__buffer_release(&out);
}

static void read_frame(const struct fl__frame *frame)
{
    switch (frame->kind) {
    case FL__FRAME_HELLO:
        read_hello(frame);
        break;
    case FL__FRAME_REFUSE:
        read_refuse(frame);
        break;
    case FL__FRAME_STATE:
        read_state(frame);
        break;
    case FL__FRAME_MESSAGE:
        read_message(frame);
        break;
    case FL__FRAME_FORWARD:
        read_forward(frame);
        break;
    case FL__FRAME_FORWARD_REFUSED:
        read_refused(frame);
        break;
    case FL__FRAME_PROGRESS:
        read_progress(frame);
        break;
    default:
        fl_assert(frame->kind == FL__FRAME_PING || frame->kind == FL__FRAME_PROGRESS_ASK);
    }
}

/* ------------------------------------------------------------------------------------------ making frames */

static void sign(uint8_t *frame)
{
    uint32_t header = (uint32_t)XXH3_64bits(frame + 8, 13) & 0xffffff;
    fl__store32(frame + 20, frame[20] | header << 8);
    size_t covered = FL__FRAME_HEADER_SIZE - 8 + (size_t)fl__load32(frame + 12);
    fl__store64(frame, XXH3_64bits(frame + 8, covered));
}

/* As a channel would: the size first, and the rest once so much is there. */
static void receive(const uint8_t *data, size_t size)
{
    struct fl__frame frame;
    size_t whole = 0;
    int result = fl__frame_size(data, size, FL__FRAME_SIZE_MAX, &whole);
    fl_assert(result == FL_OK || result == FL_EMESSAGE || result == FL_ETOOBIG);
    if (result != FL_OK || whole == 0 || whole > size)
        return;
    fl_assert(whole >= FL__FRAME_HEADER_SIZE && whole <= FL__FRAME_SIZE_MAX);
    if (fl__frame_open(data, whole, &frame) != FL_OK)
        return;
    fl_assert(frame.meta_size + frame.bodies_size == whole - FL__FRAME_HEADER_SIZE);
    read_frame(&frame);
}

static void receive_bytes(const struct input *input)
{
    uint8_t *bytes = malloc(input->left ? input->left : 1);
    memcpy(bytes, input->data, input->left);
    receive(bytes, input->left);
    free(bytes);
}

/* Kind, meta size, then meta and bodies. */
static void receive_frame(struct input *input)
{
    uint8_t kind = (uint8_t)(1 + number(input, 1) % FL__FRAME_PROGRESS);
    size_t meta_size = number(input, 2);
    if (kind != FL__FRAME_MESSAGE || meta_size > input->left)
        meta_size = input->left;
    size_t size = FL__FRAME_HEADER_SIZE + input->left;
    uint8_t *bytes = calloc(1, size);
    fl__store32(bytes + 8, (uint32_t)size);
    fl__store32(bytes + 12, (uint32_t)meta_size);
    fl__store32(bytes + 16, FL__GROUP);
    bytes[20] = kind;
    memcpy(bytes + FL__FRAME_HEADER_SIZE, input->data, input->left);
    sign(bytes);
    receive(bytes, size);
    free(bytes);
}

static uint32_t make_entries(struct input *input, struct fl__entry *entries[ENTRIES_MAX])
{
    uint32_t count = (uint32_t)number(input, 1) % (ENTRIES_MAX + 1);
    for (uint32_t k = 0; k < count; k++) {
        const struct fl__entry model = {
            .index = 1, .term = 1, .kind = (enum fl_entry_kind)(1 + number(input, 1) % 3), .time_us = k};
        entries[k] = fl__entry_create(&model, "0123456789abcdef", number(input, 1) % 17);
    }
    return count;
}

static void make_message(struct input *input, struct fl__buffer *out)
{
    struct fl__entry *entries[ENTRIES_MAX];
    struct fl_run runs[RUNS_MAX];
    uint32_t count = make_entries(input, entries);
    for (uint32_t k = 0; k < RUNS_MAX; k++)
        runs[k] = (struct fl_run){.term = k + 1, .first = number(input, 1)};
    struct fl_message message = {.type = FL_MSG_APPEND, .from = 1, .to = 2, .term = 3};
    message.prev = number(input, 1);
    message.last = message.prev + count;
    message.runs = runs;
    message.run_count = (uint32_t)number(input, 1) % (RUNS_MAX + 1);
    message.outline = (struct fl_outline){.runs = runs, .present = number(input, 1) & 1, .low = 7};
    message.outline.run_count = message.outline.present ? message.run_count : 0;
    fl_assert(fl__frame_put_message(out, &message, entries, count) == FL_OK);
    for (uint32_t k = 0; k < count; k++) {
        fl__buffer_put(out, entries[k]->body, entries[k]->size);
        fl__entry_release(entries[k]);
    }
}

static void receive_damaged(struct input *input)
{
    struct fl__buffer out = {0};
    make_message(input, &out);
    for (uint32_t k = 0; k < DAMAGE_MAX && input->left >= 3; k++) {
        size_t at = FL__FRAME_HEADER_SIZE + number(input, 2) % (out.size - FL__FRAME_HEADER_SIZE);
        out.data[at] = (uint8_t)number(input, 1);
    }
    sign(out.data);
    uint8_t *bytes = malloc(out.size); /* The buffer has room to spare. */
    memcpy(bytes, out.data, out.size);
    receive(bytes, out.size);
    free(bytes);
    fl__buffer_release(&out);
}

/* The first byte says which way. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct input input = {data + 1, size - 1};
    switch (data[0] % 4) {
    case 0:
        receive_bytes(&input);
        break;
    case 1:
        receive_damaged(&input);
        break;
    default:
        receive_frame(&input);
        break;
    }
    return 0;
}
