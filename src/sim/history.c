/* history.c - whether what clients saw is linearizable, in the order in which it was applied.
 *
 * The final content of a list tells the order of its appends, and every answer names a place in it. So there
 * is nothing to search: the history is linearizable if and only if
 *   - each append that was answered is in the list where its answer said, each one once at most, and none
 *     that was refused;
 *   - each read saw a beginning of the list; and
 *   - in real time no answer came too early: whatever was answered before something else was asked has a
 *     place at or below it.
 * Sorting by time is the dearest step. */
#include "sim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void *take(size_t size)
{
    void *memory = calloc(1, size ? size : 1);
    if (!memory)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return memory;
}

void fl__history_add(struct fl__history *history, const struct fl__deed *deed)
{
    if (history->count == history->capacity) {
        history->capacity = history->capacity ? 2 * history->capacity : 256;
        history->deeds = realloc(history->deeds, history->capacity * sizeof *history->deeds);
        if (!history->deeds)
            fl_panic(__FILE__, __LINE__, "out of memory");
    }
    history->deeds[history->count++] = *deed;
}

void fl__history_release(struct fl__history *history)
{
    free(history->deeds);
    *history = (struct fl__history){0};
}

/* FNV-1a, so that one pass over a list gives the hash of each of its beginnings. Never 0. */
#define HASH_BEGIN 0xcbf29ce484222325u

static uint64_t hash_byte(uint64_t hash, uint8_t byte)
{
    return (hash ^ byte) * 0x100000001b3u;
}

static uint64_t hash_end(uint64_t hash, uint64_t size)
{
    return fl__mix64(hash ^ size) | 1;
}

uint64_t fl__history_hash(const void *bytes, size_t size)
{
    const uint8_t *at = bytes;
    uint64_t hash = HASH_BEGIN;
    for (size_t k = 0; k < size; k++)
        hash = hash_byte(hash, at[k]);
    return hash_end(hash, size);
}

/* ----------------------------------------------------------------------------------------------- one list */

/* By element: who appends it to this list, NULL: nobody; and where it ends, 0: it is not there. By place: the
 * hash of the bytes up to there. */
struct list {
    const struct fl__history *history;
    uint32_t number;
    const struct fl__deed **appends;
    uint64_t *ends;
    uint64_t *hashes;
    uint64_t size;
    char *text;
    size_t text_size;
};

static bool refute(const struct list *list, const char *what, const struct fl__deed *deed)
{
    snprintf(list->text, list->text_size,
             "L1: list %" PRIu32 ": %s (element %" PRIu64 ", place %" PRIu64 ", asked at %" PRIu64 " us)",
             list->number, what, deed->element, deed->place, deed->asked);
    return false;
}

static bool refute_bytes(const struct list *list, uint64_t place)
{
    snprintf(list->text, list->text_size,
             "L1: list %" PRIu32 ": it holds what nobody wrote, at place %" PRIu64, list->number, place);
    return false;
}

static void find_appends(struct list *list)
{
    for (size_t k = 0; k < list->history->count; k++) {
        const struct fl__deed *deed = &list->history->deeds[k];
        if (deed->list == list->number && deed->element > 0)
            list->appends[deed->element] = deed;
    }
}

/* Elements are numbers with a semicolon behind each, padded in front with dots. */
static bool read_elements(struct list *list, const char *bytes)
{
    uint64_t number = 0, hash = HASH_BEGIN;
    for (uint64_t k = 0; k < list->size; k++) {
        hash = hash_byte(hash, (uint8_t)bytes[k]);
        list->hashes[k + 1] = hash_end(hash, k + 1);
        if (bytes[k] == '.')
            continue;
        if (bytes[k] >= '0' && bytes[k] <= '9' && number <= list->history->elements) {
            number = number * 10 + (uint64_t)(bytes[k] - '0');
            continue;
        }
        bool is_known = bytes[k] == ';' && number <= list->history->elements && list->appends[number];
        if (!is_known)
            return refute_bytes(list, k + 1);
        if (list->ends[number] > 0) {
            struct fl__deed again = *list->appends[number];
            again.place = k + 1;
            return refute(list, "an append was done twice", &again);
        }
        list->ends[number] = k + 1;
        number = 0;
    }
    return true;
}

/* Places each deed; an append of unknown outcome that is not in the list has none, and counts nowhere. */
static bool place_deed(const struct list *list, struct fl__deed *deed)
{
    bool is_answered = deed->answered != UINT64_MAX;
    if (deed->element > 0) {
        uint64_t end = list->ends[deed->element];
        if (deed->is_refused)
            return end == 0 || refute(list, "an append was refused, and done", deed);
        if (is_answered && end != deed->place)
            return refute(
                list, end == 0 ? "an acknowledged append is lost" : "an append is not where its answer said",
                deed);
        deed->place = end;
        return true;
    }
    if (!is_answered)
        return true;
    if (deed->place > list->size || (deed->hash && list->hashes[deed->place] != deed->hash))
        return refute(list, "a read saw what was never there", deed);
    return true;
}

/* ---------------------------------------------------------------------------------------------- real time */

struct moment {
    fl_time_us at;
    bool is_answer;
    size_t deed; /* Into the sorted copy. */
};

static int compare_moments(const void *a, const void *b)
{
    const struct moment *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    if (x->is_answer != y->is_answer) /* At one instant: asked first, so that they overlap. */
        return x->is_answer ? 1 : -1;
    return x->deed < y->deed ? -1 : x->deed > y->deed;
}

/* Goes through time with the highest place that anybody has been told. */
static bool check_real_time(const struct list *list, const struct fl__deed *deeds, size_t count)
{
    struct moment *moments = take(2 * count * sizeof *moments);
    uint64_t *floors = take(count * sizeof *floors), told = 0;
    size_t moment_count = 0;
    bool holds = true;
    for (size_t k = 0; k < count; k++) {
        moments[moment_count++] = (struct moment){.at = deeds[k].asked, .deed = k};
        if (deeds[k].answered != UINT64_MAX)
            moments[moment_count++] = (struct moment){.at = deeds[k].answered, .is_answer = true, .deed = k};
    }
    if (moment_count > 1)
        qsort(moments, moment_count, sizeof *moments, compare_moments);
    for (size_t k = 0; k < moment_count && holds; k++) {
        const struct fl__deed *deed = &deeds[moments[k].deed];
        bool is_append = deed->element > 0;
        if (!moments[k].is_answer) {
            floors[moments[k].deed] = told;
            if (is_append && deed->place > 0 && deed->place <= told)
                holds = refute(list, "an append was done before it was asked for", deed);
            continue;
        }
        if (deed->place < floors[moments[k].deed])
            holds = refute(list, "a read is older than what had been answered before it", deed);
        told = deed->place > told ? deed->place : told;
    }
    free(moments);
    free(floors);
    return holds;
}

bool fl__history_judge(const struct fl__history *history, uint32_t number, const char *bytes, size_t size,
                       char *text, size_t text_size)
{
    struct list list = {.history = history,
                        .number = number,
                        .appends = take((history->elements + 1) * sizeof *list.appends),
                        .ends = take((history->elements + 1) * sizeof *list.ends),
                        .hashes = take((size + 1) * sizeof *list.hashes),
                        .size = size,
                        .text = text,
                        .text_size = text_size};
    struct fl__deed *deeds = take(history->count * sizeof *deeds);
    list.hashes[0] = fl__history_hash("", 0);
    size_t count = 0;
    find_appends(&list);
    bool holds = read_elements(&list, bytes);
    for (size_t k = 0; k < history->count && holds; k++) {
        if (history->deeds[k].list != number)
            continue;
        deeds[count] = history->deeds[k];
        holds = place_deed(&list, &deeds[count]);
        bool counts = deeds[count].answered != UINT64_MAX || deeds[count].place > 0;
        count += counts && !deeds[count].is_refused;
    }
    holds = holds && check_real_time(&list, deeds, count);
    free(deeds);
    free(list.appends);
    free(list.ends);
    free(list.hashes);
    return holds;
}
