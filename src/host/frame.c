/* frame.c - the byte format between peers.
 *
 * A connection carries frames in both directions, the first in each being a greeting. Numbers are
 * little-endian; a text is its size in 2 bytes, then that many bytes without zeros.
 *
 *     0  8  checksum: XXH3-64 of the bytes [8, 24 + meta size)
 *     8  4  size of the whole frame, header and bodies included
 *    12  4  meta size
 *    16  4  group: 0
 *    20  1  kind: enum fl__frame_kind
 *    21  3  checksum of the bytes [8, 21): the low 24 bits of their XXH3-64. A damaged size is known at once,
 *           and nobody waits for bytes that never come
 *    24  -  meta, by kind as below
 *     -  -  bodies of entries, one after the other; only in a MESSAGE
 *
 * HELLO opens a connection: the dialler's first, then the other's.
 *     0  8  "FAIRLEAD"
 *     8  2  lowest protocol
 *    10  2  highest protocol
 *    12  4  flags: 1 founded
 *    16 16  cluster id
 *    32  8  incarnation
 *    40  8  boot nonce
 *    48  8  term
 *    56  -  text: the sender's name
 *     -  -  text: whom it believes to reach; empty if it did not dial
 *     -  -  text: its address for clients; may be empty
 *
 * REFUSE ends a connection.
 *     0  1  enum fl__refusal
 *     1  2  lowest protocol
 *     3  2  highest protocol
 *
 * STATE follows the greeting, and each change.
 *     0  1  flags: 1 takes part, 2 founded, 4 its disk is full
 *
 * PING has no meta: an idle connection shows that it lives.
 *
 * MESSAGE is one struct fl_message.
 *     0  1  type
 *     1  1  flags, see below
 *     2  2  zero
 *     4  4  runs
 *     8  4  runs of its outline
 *    12  4  entries
 *    16  -  from, to, term, boot, prev, prev term, last, commit, held, number, round, stamp: 8 each
 *   112  -  the outline, if present: low, low term, top, last, durable: 8 each
 *     -  -  the runs, then the outline's runs: term 8, first 8
 *     -  -  for each entry of (prev, last]: checksum of its body 8, size of its body 4, kind 1, zero 3
 *   The bodies are outside the frame's checksum: each has its own, made where the entry was made, and is
 *   hashed once on each node that receives it.
 *
 * FORWARD carries commands to the leader of a term.
 *     0  8  term
 *     8  8  boot
 *    16  4  count, then for each: sequence 8, size 4, data
 *
 * FORWARD_REFUSED says that the leader did not append them and never will.
 *     0  8  term
 *     8  8  boot
 *    16  8  first sequence
 *    24  8  last sequence
 *    32  4  the error, negated
 *
 * PROGRESS_ASK has no meta. PROGRESS answers: count 1, then the last durable index of each voter, 8 each. */
#include "host.h"

#include <string.h>
#include <xxhash.h>

#define MAGIC "FAIRLEAD"
#define MAGIC_SIZE 8

#define MESSAGE_FIXED_SIZE 112
#define OUTLINE_FIXED_SIZE 40
#define RUN_SIZE 16
#define ENTRY_SIZE 16

enum message_flag {
    MESSAGE_GRANTED = 1,
    MESSAGE_REJECTED = 2,
    MESSAGE_OUTLINE = 4,
    MESSAGE_LOW_IS_FLOOR = 8,
    MESSAGE_FLAGS = 15,
};

/* ------------------------------------------------------------------------------------------------- frames */

static uint32_t header_checksum(const uint8_t *header)
{
    return (uint32_t)XXH3_64bits(header + 8, 13) & 0xffffff;
}

int fl__frame_size(const uint8_t *data, size_t size, size_t size_max, size_t *frame_size)
{
    *frame_size = 0;
    if (size < FL__FRAME_HEADER_SIZE)
        return FL_OK;
    if (fl__load32(data + 20) >> 8 != header_checksum(data))
        return FL_EMESSAGE;
    size_t whole = fl__load32(data + 8);
    if (whole < FL__FRAME_HEADER_SIZE)
        return FL_EMESSAGE;
    if (whole > size_max)
        return FL_ETOOBIG;
    *frame_size = whole;
    return FL_OK;
}

int fl__frame_open(const uint8_t *data, size_t frame_size, struct fl__frame *out)
{
    size_t meta_size = fl__load32(data + 12);
    if (meta_size > frame_size - FL__FRAME_HEADER_SIZE)
        return FL_EMESSAGE;
    if (XXH3_64bits(data + 8, FL__FRAME_HEADER_SIZE - 8 + meta_size) != fl__load64(data))
        return FL_EMESSAGE;
    if (fl__load32(data + 16) != FL__GROUP)
        return FL_EMESSAGE;
    const uint8_t *meta = data + FL__FRAME_HEADER_SIZE;
    *out = (struct fl__frame){
        .kind = data[20],
        .meta = meta,
        .meta_size = meta_size,
        .bodies = meta + meta_size,
        .bodies_size = frame_size - FL__FRAME_HEADER_SIZE - meta_size,
    };
    bool known = out->kind >= FL__FRAME_HELLO && out->kind <= FL__FRAME_PROGRESS;
    return known && (out->bodies_size == 0 || out->kind == FL__FRAME_MESSAGE) ? FL_OK : FL_EMESSAGE;
}

size_t fl__frame_begin(struct fl__buffer *out, enum fl__frame_kind kind)
{
    size_t begin = out->size;
    uint8_t *header = fl__buffer_extend(out, FL__FRAME_HEADER_SIZE);
    if (header) {
        memset(header, 0, FL__FRAME_HEADER_SIZE);
        fl__store32(header + 16, FL__GROUP);
        header[20] = (uint8_t)kind;
    }
    return begin;
}

int fl__frame_end(struct fl__buffer *out, size_t begin, size_t bodies_size)
{
    if (out->failed) {
        out->size = begin;
        out->failed = false;
        return FL_ENOMEM;
    }
    uint8_t *header = out->data + begin;
    size_t size = out->size - begin;
    fl__store32(header + 8, (uint32_t)(size + bodies_size));
    fl__store32(header + 12, (uint32_t)(size - FL__FRAME_HEADER_SIZE));
    fl__store32(header + 20, header[20] | header_checksum(header) << 8);
    fl__store64(header, XXH3_64bits(header + 8, size - 8));
    return FL_OK;
}

/* ---------------------------------------------------------------------------------------------- greetings */

void fl__frame_put_hello(struct fl__buffer *out, const struct fl__hello *hello)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_HELLO);
    fl__buffer_put(out, MAGIC, MAGIC_SIZE);
    fl__buffer_number(out, hello->protocol_min, 2);
    fl__buffer_number(out, hello->protocol_max, 2);
    fl__buffer_number(out, hello->founded, 4);
    fl__buffer_put(out, hello->cluster_id, sizeof hello->cluster_id);
    fl__buffer_number(out, hello->incarnation, 8);
    fl__buffer_number(out, hello->boot, 8);
    fl__buffer_number(out, hello->term, 8);
    fl__buffer_text(out, hello->name);
    fl__buffer_text(out, hello->target);
    fl__buffer_text(out, hello->client);
    (void)fl__frame_end(out, begin, 0);
}

int fl__frame_get_hello(const struct fl__frame *frame, struct fl__hello *out)
{
    *out = (struct fl__hello){0};
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    const uint8_t *magic = fl__cursor_bytes(&cursor, MAGIC_SIZE);
    if (frame->kind != FL__FRAME_HELLO || !magic || memcmp(magic, MAGIC, MAGIC_SIZE) != 0)
        return FL_EMESSAGE;
    out->protocol_min = (uint16_t)fl__cursor_number(&cursor, 2);
    out->protocol_max = (uint16_t)fl__cursor_number(&cursor, 2);
    out->founded = fl__cursor_number(&cursor, 4) & 1;
    const uint8_t *cluster_id = fl__cursor_bytes(&cursor, sizeof out->cluster_id);
    if (cluster_id)
        memcpy(out->cluster_id, cluster_id, sizeof out->cluster_id);
    out->incarnation = fl__cursor_number(&cursor, 8);
    out->boot = fl__cursor_number(&cursor, 8);
    out->term = fl__cursor_number(&cursor, 8);
    fl__cursor_text(&cursor, out->name, sizeof out->name);
    fl__cursor_text(&cursor, out->target, sizeof out->target);
    fl__cursor_text(&cursor, out->client, sizeof out->client);
    /* Later protocols may say more behind this. */
    return cursor.failed || out->protocol_min > out->protocol_max ? FL_EMESSAGE : FL_OK;
}

void fl__frame_put_refuse(struct fl__buffer *out, enum fl__refusal why)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_REFUSE);
    fl__buffer_number(out, why, 1);
    fl__buffer_number(out, FL__PROTOCOL_MIN, 2);
    fl__buffer_number(out, FL__PROTOCOL_MAX, 2);
    (void)fl__frame_end(out, begin, 0);
}

int fl__frame_get_refuse(const struct fl__frame *frame, struct fl__refuse *out)
{
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    out->why = (enum fl__refusal)fl__cursor_number(&cursor, 1);
    out->protocol_min = (uint16_t)fl__cursor_number(&cursor, 2);
    out->protocol_max = (uint16_t)fl__cursor_number(&cursor, 2);
    return cursor.failed ? FL_EMESSAGE : FL_OK;
}

void fl__frame_put_state(struct fl__buffer *out, const struct fl__standing *standing)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_STATE);
    uint32_t flags = standing->takes_part * 1u + standing->founded * 2u + standing->is_full * 4u;
    fl__buffer_number(out, flags, 1);
    (void)fl__frame_end(out, begin, 0);
}

int fl__frame_get_state(const struct fl__frame *frame, struct fl__standing *out)
{
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    uint64_t flags = fl__cursor_number(&cursor, 1);
    *out = (struct fl__standing){.takes_part = flags & 1, .founded = flags & 2, .is_full = flags & 4};
    return cursor.failed ? FL_EMESSAGE : FL_OK;
}

void fl__frame_put_empty(struct fl__buffer *out, enum fl__frame_kind kind)
{
    size_t begin = fl__frame_begin(out, kind);
    (void)fl__frame_end(out, begin, 0);
}

/* ----------------------------------------------------------------------------------------------- messages */

static uint64_t store_entries(uint8_t *at, struct fl__entry *const *entries, uint32_t count)
{
    uint64_t size = 0;
    for (uint32_t k = 0; k < count; k++, at += ENTRY_SIZE) {
        fl__store64(at, entries[k]->checksum);
        fl__store32(at + 8, entries[k]->size);
        fl__store32(at + 12, (uint32_t)entries[k]->kind);
        size += entries[k]->size;
    }
    return size;
}

static uint8_t *store_runs(uint8_t *at, const struct fl_run *runs, uint32_t count)
{
    for (uint32_t k = 0; k < count; k++, at += RUN_SIZE) {
        fl__store64(at, runs[k].term);
        fl__store64(at + 8, runs[k].first);
    }
    return at;
}

static uint8_t *store_numbers(uint8_t *at, const uint64_t *numbers, size_t count)
{
    for (size_t k = 0; k < count; k++, at += 8)
        fl__store64(at, numbers[k]);
    return at;
}

int fl__frame_put_message(struct fl__buffer *out, const struct fl_message *message,
                          struct fl__entry *const *entries, uint32_t entry_count)
{
    const struct fl_outline *outline = &message->outline;
    uint32_t outline_runs = outline->present ? outline->run_count : 0;
    size_t size = MESSAGE_FIXED_SIZE + (outline->present ? OUTLINE_FIXED_SIZE : 0) +
                  (size_t)(message->run_count + outline_runs) * RUN_SIZE + (size_t)entry_count * ENTRY_SIZE;
    size_t begin = fl__frame_begin(out, FL__FRAME_MESSAGE);
    uint8_t *at = fl__buffer_extend(out, size);
    if (!at)
        return fl__frame_end(out, begin, 0);
    at[0] = (uint8_t)message->type;
    at[1] = (uint8_t)((message->granted ? MESSAGE_GRANTED : 0) | (message->rejected ? MESSAGE_REJECTED : 0) |
                      (outline->present ? MESSAGE_OUTLINE : 0) |
                      (outline->present && outline->low_is_floor ? MESSAGE_LOW_IS_FLOOR : 0));
    at[2] = at[3] = 0;
    fl__store32(at + 4, message->run_count);
    fl__store32(at + 8, outline_runs);
    fl__store32(at + 12, entry_count);
    const uint64_t numbers[] = {message->from, message->to,        message->term,  message->boot,
                                message->prev, message->prev_term, message->last,  message->commit,
                                message->held, message->number,    message->round, message->stamp};
    at = store_numbers(at + 16, numbers, sizeof numbers / sizeof *numbers);
    if (outline->present) {
        const uint64_t fixed[] = {outline->low, outline->low_term, outline->top, outline->last,
                                  outline->durable};
        at = store_numbers(at, fixed, sizeof fixed / sizeof *fixed);
    }
    at = store_runs(at, message->runs, message->run_count);
    at = store_runs(at, outline->runs, outline_runs);
    uint64_t bodies_size = store_entries(at, entries, entry_count);
    return fl__frame_end(out, begin, bodies_size);
}

static void get_runs(struct fl__cursor *cursor, struct fl_run *runs, uint32_t count)
{
    const uint8_t *at = fl__cursor_bytes(cursor, (size_t)count * RUN_SIZE);
    for (uint32_t k = 0; at && k < count; k++, at += RUN_SIZE)
        runs[k] = (struct fl_run){.term = fl__load64(at), .first = fl__load64(at + 8)};
}

/* The entries' table, and where in the bodies each begins; together they are all there is. */
static int get_entries(const struct fl__frame *frame, struct fl__cursor *cursor, uint32_t count,
                       struct fl__frame_entry *entries)
{
    const uint8_t *at = fl__cursor_bytes(cursor, (size_t)count * ENTRY_SIZE);
    if (cursor->failed || cursor->left > 0)
        return FL_EMESSAGE;
    struct fl__cursor bodies = fl__cursor_of(frame->bodies, frame->bodies_size);
    for (uint32_t k = 0; k < count; k++, at += ENTRY_SIZE) {
        uint32_t kind = fl__load32(at + 12);
        if (kind < FL_ENTRY_COMMAND || kind > FL_ENTRY_CONFIGURATION)
            return FL_EMESSAGE;
        entries[k] = (struct fl__frame_entry){
            .checksum = fl__load64(at), .size = fl__load32(at + 8), .kind = (enum fl_entry_kind)kind};
        entries[k].body = fl__cursor_bytes(&bodies, entries[k].size);
    }
    return bodies.failed || bodies.left > 0 ? FL_EMESSAGE : FL_OK;
}

static void get_outline(struct fl__cursor *cursor, struct fl__message_space *space, uint32_t run_count,
                        struct fl_outline *out)
{
    out->low = fl__cursor_number(cursor, 8);
    out->low_term = fl__cursor_number(cursor, 8);
    out->top = fl__cursor_number(cursor, 8);
    out->last = fl__cursor_number(cursor, 8);
    out->durable = fl__cursor_number(cursor, 8);
    out->run_count = run_count;
    out->runs = run_count > 0 ? space->outline_runs : NULL;
}

/* Only these carry entries, and then all of (prev, last]. */
static bool is_entry_count_right(const struct fl_message *message, uint32_t count)
{
    bool carries = message->type == FL_MSG_APPEND || message->type == FL_MSG_FETCH_REPLY;
    return count == 0 ? !carries || message->last == message->prev
                      : carries && message->last > message->prev && message->last - message->prev == count;
}

int fl__frame_get_message(const struct fl__frame *frame, struct fl__message_space *space,
                          struct fl_message *out)
{
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    *out = (struct fl_message){.type = (enum fl_message_type)fl__cursor_number(&cursor, 1)};
    uint64_t flags = fl__cursor_number(&cursor, 1);
    uint64_t zero = fl__cursor_number(&cursor, 2);
    uint32_t run_count = (uint32_t)fl__cursor_number(&cursor, 4);
    uint32_t outline_runs = (uint32_t)fl__cursor_number(&cursor, 4);
    space->entry_count = (uint32_t)fl__cursor_number(&cursor, 4);
    if (zero != 0 || flags > MESSAGE_FLAGS || run_count > FL__FRAME_RUNS_MAX ||
        outline_runs > FL__FRAME_RUNS_MAX || space->entry_count > FL__FRAME_ENTRIES_MAX)
        return FL_EMESSAGE;
    uint64_t *const numbers[] = {&out->from, &out->to,        &out->term,  &out->boot,
                                 &out->prev, &out->prev_term, &out->last,  &out->commit,
                                 &out->held, &out->number,    &out->round, &out->stamp};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        *numbers[k] = fl__cursor_number(&cursor, 8);
    out->granted = flags & MESSAGE_GRANTED;
    out->rejected = flags & MESSAGE_REJECTED;
    out->outline.present = flags & MESSAGE_OUTLINE;
    out->outline.low_is_floor = flags & MESSAGE_LOW_IS_FLOOR;
    if (out->outline.present)
        get_outline(&cursor, space, outline_runs, &out->outline);
    else if (outline_runs > 0 || out->outline.low_is_floor)
        return FL_EMESSAGE;
    get_runs(&cursor, space->runs, run_count);
    get_runs(&cursor, space->outline_runs, outline_runs);
    out->run_count = run_count;
    out->runs = run_count > 0 ? space->runs : NULL;
    int result = get_entries(frame, &cursor, space->entry_count, space->entries);
    return result == FL_OK && is_entry_count_right(out, space->entry_count) ? FL_OK : FL_EMESSAGE;
}

/* ------------------------------------------------------------------------------------- forwarded commands */

size_t fl__frame_begin_forward(struct fl__buffer *out, fl_term term, uint64_t boot)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_FORWARD);
    fl__buffer_number(out, term, 8);
    fl__buffer_number(out, boot, 8);
    fl__buffer_number(out, 0, 4);
    return begin;
}

void fl__frame_put_command(struct fl__buffer *out, uint64_t sequence, const void *data, size_t size)
{
    fl__buffer_number(out, sequence, 8);
    fl__buffer_number(out, size, 4);
    fl__buffer_put(out, data, size);
}

int fl__frame_end_forward(struct fl__buffer *out, size_t begin, uint32_t count)
{
    if (!out->failed)
        fl__store32(out->data + begin + FL__FRAME_HEADER_SIZE + 16, count);
    return fl__frame_end(out, begin, 0);
}

int fl__frame_get_forward(const struct fl__frame *frame, struct fl__forward *out)
{
    out->commands = fl__cursor_of(frame->meta, frame->meta_size);
    out->term = fl__cursor_number(&out->commands, 8);
    out->boot = fl__cursor_number(&out->commands, 8);
    out->count = (uint32_t)fl__cursor_number(&out->commands, 4);
    return out->commands.failed ? FL_EMESSAGE : FL_OK;
}

int fl__frame_get_command(struct fl__forward *forward, uint64_t *sequence, const uint8_t **data,
                          uint32_t *size)
{
    *sequence = fl__cursor_number(&forward->commands, 8);
    *size = (uint32_t)fl__cursor_number(&forward->commands, 4);
    *data = fl__cursor_bytes(&forward->commands, *size);
    return forward->commands.failed ? FL_EMESSAGE : FL_OK;
}

void fl__frame_put_forward_refused(struct fl__buffer *out, const struct fl__forward_refused *refused)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_FORWARD_REFUSED);
    fl__buffer_number(out, refused->term, 8);
    fl__buffer_number(out, refused->boot, 8);
    fl__buffer_number(out, refused->first, 8);
    fl__buffer_number(out, refused->last, 8);
    fl__buffer_number(out, (uint64_t)-refused->error, 4);
    (void)fl__frame_end(out, begin, 0);
}

int fl__frame_get_forward_refused(const struct fl__frame *frame, struct fl__forward_refused *out)
{
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    out->term = fl__cursor_number(&cursor, 8);
    out->boot = fl__cursor_number(&cursor, 8);
    out->first = fl__cursor_number(&cursor, 8);
    out->last = fl__cursor_number(&cursor, 8);
    uint64_t error = fl__cursor_number(&cursor, 4);
    bool known = error >= 1 && error <= 255;
    out->error = known ? -(int)error : FL_EREFUSED;
    return cursor.failed || out->first > out->last ? FL_EMESSAGE : FL_OK;
}

void fl__frame_put_progress(struct fl__buffer *out, const fl_index *durable, uint32_t count)
{
    size_t begin = fl__frame_begin(out, FL__FRAME_PROGRESS);
    fl__buffer_number(out, count, 1);
    for (uint32_t k = 0; k < count; k++)
        fl__buffer_number(out, durable[k], 8);
    (void)fl__frame_end(out, begin, 0);
}

int fl__frame_get_progress(const struct fl__frame *frame, fl_index durable[FL_MEMBERS_MAX], uint32_t *count)
{
    struct fl__cursor cursor = fl__cursor_of(frame->meta, frame->meta_size);
    *count = (uint32_t)fl__cursor_number(&cursor, 1);
    if (*count > FL_MEMBERS_MAX)
        return FL_EMESSAGE;
    for (uint32_t k = 0; k < *count; k++)
        durable[k] = fl__cursor_number(&cursor, 8);
    return cursor.failed ? FL_EMESSAGE : FL_OK;
}
