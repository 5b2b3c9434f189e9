/* lcs.c - the command LCS: the longest sequence of bytes that two strings have in common, in order.
 *
 * The textbook's table has a cell for each pair of prefixes, with the size of what they have in common; it is
 * filled in row by row, from the two cells beside and above. Here only the row in work is kept, along the
 * shorter string. To find the way back through the table, from its end to its start, one bit of each cell is
 * enough: in which string to step back where the bytes differ.
 *
 * CELLS_MAX bounds the time, and with it everything else: the shorter string, hence the row and the result,
 * has less than SHORTER_MAX bytes, and the bits take less than 10 MiB. It is where Redis stops, whose table
 * of four bytes a cell may take proto-max-bulk-len, if that is our limit of a value (docs/decisions/008). */
#include "keyspace.h"

#include <stdlib.h>
#include <string.h>

#define CELLS_MAX (FL__VALUE_SIZE_MAX / 4)
#define SHORTER_MAX 4096 /* Its square is CELLS_MAX. */
#define CELL_WORK 8      /* A cell takes as long as so many bytes do elsewhere. */

struct options {
    bool wants_size, wants_ranges, wants_range_sizes;
    int64_t range_size_min;
};

struct lcs {
    struct fl__bytes a, b;
    bool is_along_a; /* Which one a row is along: the shorter one. */
    size_t size;     /* Of what they have in common. */
    /* The bit of each cell, rows filled up to whole bytes: step back in a. NULL: nobody will ask. */
    unsigned char *steps;
};

/* Bytes of a, from a_start on, that are the same as of b from b_start on. */
struct range {
    size_t a_start, b_start, size;
};

/* False: complained. */
static bool read_options(const struct fl__call *call, struct options *options)
{
    for (uint32_t k = 3; k < call->arg_count; k++) {
        if (fl__bytes_is(call->args[k], "len")) {
            options->wants_size = true;
        } else if (fl__bytes_is(call->args[k], "idx")) {
            options->wants_ranges = true;
        } else if (fl__bytes_is(call->args[k], "withmatchlen")) {
            options->wants_range_sizes = true;
        } else if (fl__bytes_is(call->args[k], "minmatchlen") && k + 1 < call->arg_count) {
            if (!fl__call_integer(call, ++k, &options->range_size_min))
                return false;
        } else {
            fl__reply_error(call->reply, FL__ERROR_SYNTAX);
            return false;
        }
    }
    if (options->wants_size && options->wants_ranges) {
        fl__reply_error(call->reply, "ERR If you want both the length and indexes, please just use IDX.");
        return false;
    }
    return true;
}

/* ---------------------------------------------------------------------------------------------- the table */

static size_t along_size(const struct lcs *lcs)
{
    return lcs->is_along_a ? lcs->a.size : lcs->b.size;
}

static unsigned char *row_steps(const struct lcs *lcs, size_t across)
{
    return lcs->steps + (across - 1) * ((along_size(lcs) + 7) / 8);
}

/* i, j: prefixes of a and b, not empty, that end in different bytes. */
static bool is_step_in_a(const struct lcs *lcs, size_t i, size_t j)
{
    size_t along = lcs->is_along_a ? i - 1 : j - 1, across = lcs->is_along_a ? j : i;
    return row_steps(lcs, across)[along / 8] >> along % 8 & 1;
}

/* The cells of all prefixes of `along` and one of the other string, whose last byte is `last`. The row above
 * is in row[] and is replaced. No branch depends on the bytes: that would take several times as long. */
static void fill_row(const struct lcs *lcs, struct fl__bytes along, char last, uint16_t *row,
                     unsigned char *steps)
{
    uint16_t diagonal = 0, beside = 0;
    unsigned bits = 0;
    for (size_t k = 0; k < along.size; k++) {
        uint16_t above = row[k + 1];
        uint16_t larger = above > beside ? above : beside;
        unsigned in_along = beside > above, in_across = above > beside;
        bits |= (lcs->is_along_a ? in_along : in_across) << k % 8;
        row[k + 1] = beside = along.data[k] == last ? (uint16_t)(diagonal + 1) : larger;
        diagonal = above;
        if (steps != NULL && (k % 8 == 7 || k + 1 == along.size)) {
            steps[k / 8] = (unsigned char)bits;
            bits = 0;
        }
    }
}

static void fill_table(struct lcs *lcs)
{
    struct fl__bytes along = lcs->is_along_a ? lcs->a : lcs->b;
    struct fl__bytes across = lcs->is_along_a ? lcs->b : lcs->a;
    uint16_t row[SHORTER_MAX] = {0};
    fl_assert(along.size < SHORTER_MAX);
    for (size_t k = 1; k <= across.size; k++)
        fill_row(lcs, along, across.data[k - 1], row, lcs->steps == NULL ? NULL : row_steps(lcs, k));
    lcs->size = row[along.size];
}

/* False: no memory. */
static bool allocate_steps(struct lcs *lcs)
{
    size_t across = lcs->is_along_a ? lcs->b.size : lcs->a.size;
    lcs->steps = malloc((along_size(lcs) + 7) / 8 * across + 1);
    return lcs->steps != NULL;
}

/* ------------------------------------------------------------------------------------------- the way back */

/* The last range before the cell (*i, *j), which becomes the one where that range begins. False: there is
 * none. */
static bool range_before(const struct lcs *lcs, size_t *i, size_t *j, struct range *range)
{
    const char *a = lcs->a.data, *b = lcs->b.data;
    while (*i > 0 && *j > 0 && a[*i - 1] != b[*j - 1]) {
        bool in_a = is_step_in_a(lcs, *i, *j);
        *i -= in_a;
        *j -= !in_a;
    }
    size_t end = *i;
    while (*i > 0 && *j > 0 && a[*i - 1] == b[*j - 1]) {
        --*i;
        --*j;
    }
    *range = (struct range){*i, *j, end - *i};
    return range->size > 0;
}

static void reply_sequence(struct fl__reply *reply, const struct lcs *lcs)
{
    char text[SHORTER_MAX];
    size_t i = lcs->a.size, j = lcs->b.size, at = lcs->size;
    struct range range;
    while (range_before(lcs, &i, &j, &range)) {
        at -= range.size;
        memcpy(text + at, lcs->a.data + range.a_start, range.size);
    }
    fl__reply_bulk(reply, (struct fl__bytes){text, lcs->size});
}

static size_t count_ranges(const struct lcs *lcs, int64_t size_min)
{
    size_t i = lcs->a.size, j = lcs->b.size, count = 0;
    struct range range;
    while (range_before(lcs, &i, &j, &range))
        count += (int64_t)range.size >= size_min;
    return count;
}

static void reply_place(struct fl__reply *reply, size_t start, size_t size)
{
    fl__reply_array(reply, 2);
    fl__reply_integer(reply, (int64_t)start);
    fl__reply_integer(reply, (int64_t)(start + size - 1));
}

static void reply_ranges(struct fl__reply *reply, const struct lcs *lcs, const struct options *options)
{
    size_t i = lcs->a.size, j = lcs->b.size;
    struct range range;
    fl__reply_map(reply, 2);
    fl__reply_text(reply, "matches");
    fl__reply_array(reply, count_ranges(lcs, options->range_size_min));
    while (range_before(lcs, &i, &j, &range)) {
        if ((int64_t)range.size < options->range_size_min)
            continue;
        fl__reply_array(reply, 2 + (size_t)options->wants_range_sizes);
        reply_place(reply, range.a_start, range.size);
        reply_place(reply, range.b_start, range.size);
        if (options->wants_range_sizes)
            fl__reply_integer(reply, (int64_t)range.size);
    }
    fl__reply_text(reply, "len");
    fl__reply_integer(reply, (int64_t)lcs->size);
}

static struct fl__bytes value_of(const struct fl__call *call, uint32_t k)
{
    const struct fl__item *item = fl__store_look_up(call->store, call->args[k]);
    return item == NULL ? (struct fl__bytes){"", 0} : fl__item_value(item);
}

void fl__string_lcs(struct fl__call *call)
{
    struct options options = {0};
    struct lcs lcs = {.a = value_of(call, 1), .b = value_of(call, 2)};
    if (!read_options(call, &options))
        return;
    if ((uint64_t)(lcs.a.size + 1) * (lcs.b.size + 1) > CELLS_MAX) {
        fl__reply_error(call->reply,
                        "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
        return;
    }
    if (!fl__store_spend(call, (uint64_t)lcs.a.size * lcs.b.size * CELL_WORK))
        return;
    lcs.is_along_a = lcs.a.size < lcs.b.size;
    if (!options.wants_size && !allocate_steps(&lcs)) {
        fl__reply_error(call->reply, "ERR Insufficient memory, failed allocating transient memory for LCS");
        return;
    }
    fill_table(&lcs);
    if (options.wants_size)
        fl__reply_integer(call->reply, (int64_t)lcs.size);
    else if (options.wants_ranges)
        reply_ranges(call->reply, &lcs, &options);
    else
        reply_sequence(call->reply, &lcs);
    free(lcs.steps);
}
