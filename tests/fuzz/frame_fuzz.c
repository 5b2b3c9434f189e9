/* frame_fuzz.c - what a peer sends: a frame of any kind with any content, under a checksum that is right (a
 * wrong one stops everything else at once). A message that can be read can be written, and reads the same
 * again. */
#include "host.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* Makes input into a frame: kind, meta size, then meta and bodies. */
static uint8_t *make_frame(const uint8_t *data, size_t size, size_t *frame_size)
{
    *frame_size = FL__FRAME_HEADER_SIZE + size - 3;
    uint8_t *frame = calloc(1, *frame_size);
    size_t meta_size = (data[1] | (size_t)data[2] << 8) % (size - 3 + 1);
    if (data[0] & 0x80)
        meta_size = size - 3;
    fl__store32(frame + 8, (uint32_t)*frame_size);
    fl__store32(frame + 12, (uint32_t)meta_size);
    fl__store32(frame + 16, FL__GROUP);
    frame[20] = (uint8_t)(1 + (data[0] & 0x7f) % FL__FRAME_PROGRESS);
    if (size > 3)
        memcpy(frame + FL__FRAME_HEADER_SIZE, data + 3, size - 3);
    fl__store64(frame, XXH3_64bits(frame + 8, FL__FRAME_HEADER_SIZE - 8 + meta_size));
    return frame;
}

static void check_same(const struct fl_message *a, const struct fl_message *b)
{
    fl_assert(a->type == b->type && a->from == b->from && a->to == b->to && a->term == b->term);
    fl_assert(a->prev == b->prev && a->last == b->last && a->commit == b->commit && a->held == b->held);
    fl_assert(a->granted == b->granted && a->rejected == b->rejected && a->number == b->number);
    fl_assert(a->run_count == b->run_count && a->outline.present == b->outline.present);
    for (uint32_t k = 0; k < a->run_count; k++)
        fl_assert(a->runs[k].term == b->runs[k].term && a->runs[k].first == b->runs[k].first);
    for (uint32_t k = 0; a->outline.present && k < a->outline.run_count; k++)
        fl_assert(a->outline.runs[k].first == b->outline.runs[k].first);
}

static void write_again(const struct fl_message *message, const struct fl__message_space *space,
                        struct fl__message_space *other)
{
    struct fl__entry *entries[FL__FRAME_ENTRIES_MAX];
    struct fl__buffer out = {0};
    struct fl__frame frame;
    struct fl_message again;
    uint32_t count = 0;
    for (int error = FL_OK; count < space->entry_count; count++) {
        const struct fl__frame_entry *entry = &space->entries[count];
        entries[count] = fl__entry_decode(1, 1, entry->kind, entry->body, entry->size, &error);
        if (!entries[count])
            break;
    }
    if (count == space->entry_count) {
        fl_assert(fl__frame_put_message(&out, message, entries, count) == FL_OK);
        for (uint32_t k = 0; k < count; k++)
            fl__buffer_put(&out, entries[k]->body, entries[k]->size);
        fl_assert(fl__frame_open(out.data, out.size, &frame) == FL_OK);
        fl_assert(fl__frame_get_message(&frame, other, &again) == FL_OK);
        fl_assert(other->entry_count == count);
        check_same(message, &again);
    }
    while (count > 0)
        fl__entry_release(entries[--count]);
    fl__buffer_release(&out);
}

static void read_message(const struct fl__frame *frame)
{
    struct fl__message_space *spaces = malloc(2 * sizeof *spaces);
    struct fl_message message;
    if (fl__frame_get_message(frame, &spaces[0], &message) == FL_OK)
        write_again(&message, &spaces[0], &spaces[1]);
    free(spaces);
}

static void read_forward(const struct fl__frame *frame)
{
    struct fl__forward forward;
    uint64_t sequence, sum = 0;
    const uint8_t *data;
    uint32_t size;
    if (fl__frame_get_forward(frame, &forward) != FL_OK)
        return;
    for (uint32_t k = 0; k < forward.count; k++) {
        if (fl__frame_get_command(&forward, &sequence, &data, &size) != FL_OK)
            return;
        for (uint32_t n = 0; n < size; n++)
            sum += data[n];
    }
    fl_assert(sum < UINT64_MAX);
}

static void read_other(const struct fl__frame *frame)
{
    struct fl__hello hello;
    struct fl__refuse refuse;
    struct fl__forward_refused refused;
    fl_index durable[FL_MEMBERS_MAX];
    uint32_t count;
    bool takes_part, founded;
    if (frame->kind == FL__FRAME_HELLO && fl__frame_get_hello(frame, &hello) == FL_OK)
        fl_assert(memchr(hello.name, 0, sizeof hello.name) && memchr(hello.client, 0, sizeof hello.client));
    else if (frame->kind == FL__FRAME_REFUSE)
        (void)!fl__frame_get_refuse(frame, &refuse);
    else if (frame->kind == FL__FRAME_STATE)
        (void)!fl__frame_get_state(frame, &takes_part, &founded);
    else if (frame->kind == FL__FRAME_FORWARD_REFUSED)
        (void)!fl__frame_get_forward_refused(frame, &refused);
    else if (frame->kind == FL__FRAME_PROGRESS && fl__frame_get_progress(frame, durable, &count) == FL_OK)
        fl_assert(count <= FL_MEMBERS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fl__frame frame;
    size_t frame_size, whole;
    if (size < 3)
        return 0;
    uint8_t *bytes = make_frame(data, size, &frame_size);
    fl_assert(fl__frame_size(bytes, frame_size, FL__FRAME_SIZE_MAX, &whole) == FL_OK && whole == frame_size);
    if (fl__frame_open(bytes, frame_size, &frame) == FL_OK) {
        if (frame.kind == FL__FRAME_MESSAGE)
            read_message(&frame);
        else if (frame.kind == FL__FRAME_FORWARD)
            read_forward(&frame);
        else
            read_other(&frame);
    }
    free(bytes);
    return 0;
}
