/* outline.c - a log as runs of terms.
 *
 * Terms never decrease along a log, and all entries of one term were made by one leader at consecutive
 * indexes. So a log is a list of runs, and two logs that hold an entry of the same index and term agree up to
 * there (Log Matching, paper §5.3): to find where two logs part it is enough to compare their runs. This file
 * knows no messages and no roles. */
#include "core.h"

/* The number of the run that holds `index`, which lies in (base, last]. */
static uint32_t find_run(const struct fl__log *log, fl_index index)
{
    uint32_t low = 0, high = log->count - 1;
    if (index >= log->runs[high].first)
        return high;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (log->runs[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return low;
}

fl_term fl__log_term_below(const struct fl__log *log, fl_index index)
{
    if (index > log->last || index == 0)
        return 0;
    if (index > log->base)
        return log->runs[find_run(log, index)].term;
    if (index == log->base)
        return log->base_term;
    fl_term term = log->term_at(log->term_at_context, index);
    fl_assert(term >= 1 && term <= log->base_term);
    return term;
}

/* The same below base, where only single terms can be asked: terms never decrease, so a binary search finds
 * it. */
static fl_index folded_last_at_most(const struct fl__log *log, fl_index limit, fl_term cap)
{
    fl_index low = 0, high = fl__min(limit, log->base) + 1; /* low qualifies, high does not */
    while (low + 1 < high) {
        fl_index middle = low + (high - low) / 2;
        if (fl__log_term(log, middle) <= cap)
            low = middle;
        else
            high = middle;
    }
    return low;
}

fl_index fl__log_last_at_most(const struct fl__log *log, fl_index limit, fl_term cap)
{
    limit = fl__min(limit, log->last);
    if (limit == 0 || cap >= log->last_term)
        return limit;
    if (limit > log->base) {
        uint32_t run = find_run(log, limit);
        if (log->runs[run].term <= cap)
            return limit;
        while (run > 0 && log->runs[run - 1].term > cap)
            run--;
        if (run > 0)
            return log->runs[run].first - 1;
    }
    return folded_last_at_most(log, limit, cap);
}

void fl__log_append(struct fl__log *log, fl_term term, fl_index count)
{
    fl_assert(term >= log->last_term && term > 0); /* I3 */
    if (log->count == 0 || term > log->last_term) {
        fl_assert(log->count < log->max);
        log->runs[log->count++] = (struct fl_run){.term = term, .first = log->last + 1};
        log->last_term = term;
    }
    log->last += count;
}

void fl__log_truncate(struct fl__log *log, fl_index from)
{
    fl_assert(from >= 1 && from <= log->last);
    while (log->count > 0 && log->runs[log->count - 1].first >= from)
        log->count--;
    log->last = from - 1;
    if (log->base > log->last) {
        log->base_term = fl__log_term_below(log, log->last);
        log->base = log->last;
    }
    log->last_term = log->count > 0 ? log->runs[log->count - 1].term : log->base_term;
}

/* Drops the older half of the runs, so that folding costs little per entry; less where entries above `known`
 * are among them. False: nothing could be dropped. */
static bool fold(struct fl__log *log, fl_index known)
{
    uint32_t dropped = log->count / 2;
    while (dropped > 0 && log->runs[dropped].first - 1 > known)
        dropped--;
    if (dropped == 0)
        return false;
    log->base = log->runs[dropped].first - 1;
    log->base_term = log->runs[dropped - 1].term;
    log->count -= dropped;
    memmove(log->runs, log->runs + dropped, log->count * sizeof *log->runs);
    return true;
}

uint32_t fl__log_make_room(struct fl__log *log, fl_index known, fl_index from, uint32_t runs)
{
    for (;;) {
        uint32_t kept = log->count;
        while (kept > 0 && log->runs[kept - 1].first >= from)
            kept--;
        if (runs <= log->max - kept)
            return runs;
        if (!log->term_at || !fold(log, known))
            return log->max - kept;
    }
}

uint32_t fl__log_copy_runs_below(const struct fl__log *log, fl_index prev, fl_index *last,
                                 struct fl_run *runs, uint32_t max)
{
    uint32_t count = 0;
    fl_index at = prev + 1;
    while (at <= *last) {
        if (count == max) {
            *last = at - 1;
            break;
        }
        fl_term term = fl__log_term(log, at);
        runs[count++] = (struct fl_run){.term = term, .first = at};
        at = fl__log_last_at_most(log, *last, term) + 1;
    }
    return count;
}

void fl__log_describe(const struct fl__log *log, fl_index floor, fl_index limit, fl_term cap,
                      struct fl_run *runs, uint32_t max, struct fl_outline *out)
{
    fl_index top = fl__max(floor, fl__log_last_at_most(log, limit, cap));
    uint32_t count = 0;
    fl_index low = top, bottom = fl__max(floor, fl__min(log->base, top));
    /* Newest first, from the back of the caller's array, then moved to its front. */
    while (low > bottom && count < max) {
        const struct fl_run *run = &log->runs[find_run(log, low)];
        fl_index first = fl__max(run->first, bottom + 1);
        runs[max - ++count] = (struct fl_run){.term = run->term, .first = first};
        low = first - 1;
    }
    memmove(runs, runs + (max - count), count * sizeof *runs);
    *out = (struct fl_outline){
        .runs = count > 0 ? runs : NULL,
        .run_count = count,
        .present = true,
        .low_is_floor = low == floor,
        .low = low,
        .low_term = fl__log_term(log, low),
        .top = top,
        .last = log->last,
    };
}

enum fl__fork_kind fl__log_fork(const struct fl__log *log, const struct fl_outline *other, fl_index *fork)
{
    fl_index end = other->top;
    for (uint32_t k = other->run_count; k > 0; k--) {
        const struct fl_run *run = &other->runs[k - 1];
        fl_index index = fl__log_last_at_most(log, end, run->term);
        if (index >= run->first && fl__log_term(log, index) == run->term) {
            *fork = index;
            return FL__FORK_FOUND;
        }
        end = run->first - 1;
    }
    *fork = other->low;
    if (other->low <= log->last && fl__log_term(log, other->low) == other->low_term)
        return FL__FORK_FOUND;
    if (other->low_is_floor)
        return FL__FORK_CONTRADICTED;
    *fork = fl__log_last_at_most(log, other->low, other->low_term);
    return FL__FORK_BELOW;
}
