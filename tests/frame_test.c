/* frame_test.c - frames between peers: what is written reads the same; a bit changed, a byte missing or a
 * size that lies is seen before anything is believed. Frames stand flush against an unreadable page. */
#include "host.h"
#include "support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct fl__entry *make_entry(fl_index index, size_t size)
{
    const struct fl__entry model = {.index = index,
                                    .term = 3,
                                    .kind = FL_ENTRY_COMMAND,
                                    .time_us = 77,
                                    .origin = 5,
                                    .boot = 6,
                                    .sequence = index};
    char *data = calloc(1, size + 1);
    struct fl__entry *entry = fl__entry_create(&model, data, size);
    free(data);
    assert_non_null(entry);
    return entry;
}

/* An append of two entries, with their bodies behind it. */
static void put_append(struct fl__buffer *out)
{
    static const struct fl_run runs[] = {{2, 11}, {3, 12}};
    struct fl__entry *entries[] = {make_entry(11, 10), make_entry(12, 0)};
    const struct fl_message message = {.type = FL_MSG_APPEND,
                                       .from = 1,
                                       .to = UINT64_MAX,
                                       .term = 4,
                                       .boot = 9,
                                       .prev = 10,
                                       .prev_term = 2,
                                       .last = 12,
                                       .commit = 8,
                                       .number = 1234567890123u,
                                       .round = 7,
                                       .runs = runs,
                                       .run_count = 2};
    assert_int_equal(fl__frame_put_message(out, &message, entries, 2), FL_OK);
    for (uint32_t k = 0; k < 2; k++) {
        fl__buffer_put(out, entries[k]->body, entries[k]->size);
        fl__entry_release(entries[k]);
    }
}

static void test_a_message_reads_as_it_was_written(void **state)
{
    struct fl__buffer out = {0};
    struct fl__frame frame;
    struct fl__message_space *space = malloc(sizeof *space);
    struct fl_message message;
    size_t size;
    (void)state;
    put_append(&out);
    assert_int_equal(fl__frame_size(out.data, out.size, FL__FRAME_SIZE_MAX, &size), FL_OK);
    assert_int_equal(size, out.size);
    assert_int_equal(fl__frame_open(out.data, out.size, &frame), FL_OK);
    assert_int_equal(fl__frame_get_message(&frame, space, &message), FL_OK);
    assert_int_equal(message.type, FL_MSG_APPEND);
    assert_int_equal(message.to, UINT64_MAX);
    assert_int_equal(message.number, 1234567890123u);
    assert_int_equal(message.run_count, 2);
    assert_int_equal(message.runs[1].first, 12);
    assert_int_equal(space->entry_count, 2);
    assert_int_equal(space->entries[0].size, FL__ENVELOPE_SIZE + 10);
    assert_false(message.outline.present);
    fl__buffer_release(&out);
    free(space);
}

static void test_an_outline_reads_as_it_was_written(void **state)
{
    static const struct fl_run runs[] = {{1, 3}, {5, 9}};
    const struct fl_message sent = {.type = FL_MSG_VOTE_REPLY,
                                    .granted = true,
                                    .from = 2,
                                    .to = 1,
                                    .term = 6,
                                    .outline = {.present = true,
                                                .low_is_floor = true,
                                                .runs = runs,
                                                .run_count = 2,
                                                .low = 2,
                                                .low_term = 1,
                                                .top = 20,
                                                .last = 25,
                                                .durable = 19}};
    struct fl__buffer out = {0};
    struct fl__frame frame;
    struct fl__message_space *space = malloc(sizeof *space);
    struct fl_message message;
    (void)state;
    assert_int_equal(fl__frame_put_message(&out, &sent, NULL, 0), FL_OK);
    assert_int_equal(fl__frame_open(out.data, out.size, &frame), FL_OK);
    assert_int_equal(fl__frame_get_message(&frame, space, &message), FL_OK);
    assert_true(message.granted && !message.rejected && message.outline.present &&
                message.outline.low_is_floor);
    assert_int_equal(message.outline.run_count, 2);
    assert_memory_equal(message.outline.runs, runs, sizeof runs);
    assert_int_equal(message.outline.durable, 19);
    fl__buffer_release(&out);
    free(space);
}

/* The header and what it describes are under its checksum; bodies have checksums of their own. */
static void test_each_flipped_bit_is_seen(void **state)
{
    struct fl__buffer out = {0};
    struct fl__message_space *space = malloc(sizeof *space);
    (void)state;
    put_append(&out);
    for (size_t bit = 0; bit < 8 * out.size; bit++) {
        struct fl__frame frame;
        struct fl_message message;
        size_t size;
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int result = fl__frame_size(out.data, out.size, FL__FRAME_SIZE_MAX, &size);
        if (result == FL_OK && size == out.size)
            result = fl__frame_open(out.data, out.size, &frame);
        else
            result = FL_EMESSAGE; /* The receiver waits for more, or closes. */
        if (result == FL_OK && fl__frame_get_message(&frame, space, &message) == FL_OK) {
            bool good = true;
            for (uint32_t k = 0; k < space->entry_count; k++) {
                int error;
                struct fl__entry *entry =
                    fl__entry_decode(11 + k, 3, space->entries[k].kind, space->entries[k].body,
                                     space->entries[k].size, &error);
                good = good && entry && entry->checksum == space->entries[k].checksum;
                fl__entry_release(entry);
            }
            assert_false(good);
        }
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fl__buffer_release(&out);
    free(space);
}

static void test_of_a_frame_cut_anywhere_nothing_is_read_beyond_its_end(void **state)
{
    struct fl__buffer out = {0};
    struct guard guard;
    (void)state;
    put_append(&out);
    guard_create(&guard, 4096);
    for (size_t size = 0; size < out.size; size++) {
        struct fl__frame frame;
        size_t whole;
        const uint8_t *data = (const uint8_t *)guard_copy(&guard, out.data, size);
        assert_int_equal(fl__frame_size(data, size, FL__FRAME_SIZE_MAX, &whole), FL_OK);
        assert_true(whole == 0 || whole == out.size);
        if (size >= FL__FRAME_HEADER_SIZE) /* Even if it is taken for whole. */
            (void)!fl__frame_open(data, size, &frame);
    }
    guard_destroy(&guard);
    fl__buffer_release(&out);
}

/* A header that says its frame has so many bytes. */
static void put_header(struct fl__buffer *out, size_t size)
{
    out->size = 0;
    size_t begin = fl__frame_begin(out, FL__FRAME_PING);
    assert_int_equal(fl__frame_end(out, begin, size - FL__FRAME_HEADER_SIZE), FL_OK);
}

static void test_a_size_beyond_the_limit_is_refused_before_anything_else(void **state)
{
    struct fl__buffer out = {0};
    size_t size;
    (void)state;
    put_header(&out, UINT32_MAX);
    assert_int_equal(fl__frame_size(out.data, out.size, FL__FRAME_SIZE_MAX, &size), FL_ETOOBIG);
    put_header(&out, FL__GREETING_SIZE_MAX + 1);
    assert_int_equal(fl__frame_size(out.data, out.size, FL__GREETING_SIZE_MAX, &size), FL_ETOOBIG);
    put_header(&out, FL__FRAME_HEADER_SIZE - 1);
    assert_int_equal(fl__frame_size(out.data, out.size, FL__FRAME_SIZE_MAX, &size), FL_EMESSAGE);
    fl__buffer_release(&out);
}

/* Found by the simulator: of a frame with a damaged size the receiver would wait for bytes that never come,
 * and take the next frames, heartbeats among them, for its own. */
static void test_a_damaged_size_is_known_before_the_frame_is_whole(void **state)
{
    struct fl__buffer out = {0};
    (void)state;
    put_header(&out, FL__FRAME_HEADER_SIZE);
    for (size_t bit = 8 * 8; bit < 24 * 8; bit++) {
        size_t size;
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(fl__frame_size(out.data, out.size, FL__FRAME_SIZE_MAX, &size), FL_EMESSAGE);
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    fl__buffer_release(&out);
}

static void test_a_greeting_reads_as_it_was_written(void **state)
{
    struct fl__hello sent = {.protocol_min = 1,
                             .protocol_max = 3,
                             .founded = true,
                             .cluster_id = {1, 2, 3},
                             .incarnation = 99,
                             .boot = 100,
                             .term = 5,
                             .name = "n1",
                             .target = "n2",
                             .client = "127.0.0.1:7600"},
                     got;
    struct fl__buffer out = {0};
    struct fl__frame frame;
    (void)state;
    fl__frame_put_hello(&out, &sent);
    assert_true(out.size <= FL__GREETING_SIZE_MAX);
    assert_int_equal(fl__frame_open(out.data, out.size, &frame), FL_OK);
    assert_int_equal(frame.kind, FL__FRAME_HELLO);
    assert_int_equal(fl__frame_get_hello(&frame, &got), FL_OK);
    assert_string_equal(got.name, "n1");
    assert_string_equal(got.target, "n2");
    assert_string_equal(got.client, "127.0.0.1:7600");
    assert_memory_equal(got.cluster_id, sent.cluster_id, 16);
    assert_true(got.founded && got.protocol_max == 3 && got.incarnation == 99 && got.boot == 100 &&
                got.term == 5);
    fl__buffer_release(&out);
}

static void test_forwarded_commands_read_in_their_order(void **state)
{
    struct fl__buffer out = {0};
    struct fl__frame frame;
    struct fl__forward forward;
    (void)state;
    size_t begin = fl__frame_begin_forward(&out, 7, 8);
    fl__frame_put_command(&out, 1, "one", 3);
    fl__frame_put_command(&out, 5, "", 0);
    assert_int_equal(fl__frame_end_forward(&out, begin, 2), FL_OK);
    assert_int_equal(fl__frame_open(out.data, out.size, &frame), FL_OK);
    assert_int_equal(fl__frame_get_forward(&frame, &forward), FL_OK);
    assert_true(forward.term == 7 && forward.boot == 8 && forward.count == 2);
    uint64_t sequence;
    const uint8_t *data;
    uint32_t size;
    assert_int_equal(fl__frame_get_command(&forward, &sequence, &data, &size), FL_OK);
    assert_true(sequence == 1 && size == 3 && memcmp(data, "one", 3) == 0);
    assert_int_equal(fl__frame_get_command(&forward, &sequence, &data, &size), FL_OK);
    assert_true(sequence == 5 && size == 0);
    fl__buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_message_reads_as_it_was_written),
        cmocka_unit_test(test_an_outline_reads_as_it_was_written),
        cmocka_unit_test(test_each_flipped_bit_is_seen),
        cmocka_unit_test(test_of_a_frame_cut_anywhere_nothing_is_read_beyond_its_end),
        cmocka_unit_test(test_a_size_beyond_the_limit_is_refused_before_anything_else),
        cmocka_unit_test(test_a_damaged_size_is_known_before_the_frame_is_whole),
        cmocka_unit_test(test_a_greeting_reads_as_it_was_written),
        cmocka_unit_test(test_forwarded_commands_read_in_their_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
