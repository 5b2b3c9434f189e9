/* layout.c - where the log's entries lie on disk, and their terms.
 *
 * One place is kept for each 64 KiB and one after each truncation; between two of them a reader walks along
 * the records. A truncation only ever removes the newest places, so the array stays sorted by index. */
#include "records.h"
#include <stdlib.h>

#define STRETCH_SIZE (64u << 10)

/* Makes room for one more; NULL: no memory. */
static void *grow(void *array, uint32_t count, uint32_t *capacity, size_t each)
{
    if (count < *capacity)
        return array;
    uint32_t larger = *capacity ? *capacity * 2 : 64;
    void *grown = realloc(array, larger * each);
    if (grown)
        *capacity = larger;
    return grown;
}

int fl__layout_add_segment(struct fl__layout *layout, const struct fl__segment *segment)
{
    void *grown =
        grow(layout->segments, layout->segment_count, &layout->segment_capacity, sizeof *layout->segments);
    if (!grown)
        return FL_ENOMEM;
    layout->segments = grown;
    layout->segments[layout->segment_count++] = *segment;
    return FL_OK;
}

int fl__layout_add_record(struct fl__layout *layout, fl_index index, uint64_t offset)
{
    uint32_t segment = layout->segment_count - 1;
    const struct fl__stretch *last =
        layout->stretch_count ? &layout->stretches[layout->stretch_count - 1] : NULL;
    if (last && last->segment == segment && offset - last->offset < STRETCH_SIZE && !layout->is_cut)
        return FL_OK;
    void *grown =
        grow(layout->stretches, layout->stretch_count, &layout->stretch_capacity, sizeof *layout->stretches);
    if (!grown)
        return FL_ENOMEM;
    layout->stretches = grown;
    layout->stretches[layout->stretch_count++] =
        (struct fl__stretch){.first = index, .segment = segment, .offset = offset};
    layout->is_cut = false;
    return FL_OK;
}

void fl__layout_truncate_records(struct fl__layout *layout, fl_index from)
{
    while (layout->stretch_count > 0 && layout->stretches[layout->stretch_count - 1].first >= from)
        layout->stretch_count--;
    layout->is_cut = true;
}

int fl__layout_add_entry(struct fl__layout *layout, fl_index index, fl_term term)
{
    fl_assert(index == layout->last + 1);
    if (layout->run_count == 0 || layout->runs[layout->run_count - 1].term != term) {
        void *grown = grow(layout->runs, layout->run_count, &layout->run_capacity, sizeof *layout->runs);
        if (!grown)
            return FL_ENOMEM;
        layout->runs = grown;
        layout->runs[layout->run_count++] = (struct fl_run){.term = term, .first = index};
    }
    layout->last = index;
    return FL_OK;
}

void fl__layout_truncate(struct fl__layout *layout, fl_index from)
{
    if (from > layout->last)
        return;
    while (layout->run_count > 0 && layout->runs[layout->run_count - 1].first >= from)
        layout->run_count--;
    layout->last = from - 1;
}

fl_term fl__layout_term(const struct fl__layout *layout, fl_index index)
{
    if (index == 0 || index > layout->last)
        return 0;
    uint32_t low = 0, high = layout->run_count;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (layout->runs[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return layout->runs[low].term;
}

const struct fl__stretch *fl__layout_find(const struct fl__layout *layout, fl_index index)
{
    uint32_t low = 0, high = layout->stretch_count;
    if (high == 0 || index < layout->stretches[0].first)
        return NULL;
    while (low + 1 < high) {
        uint32_t middle = low + (high - low) / 2;
        if (layout->stretches[middle].first <= index)
            low = middle;
        else
            high = middle;
    }
    return &layout->stretches[low];
}

void fl__layout_release(struct fl__layout *layout)
{
    free(layout->segments);
    free(layout->stretches);
    free(layout->runs);
    *layout = (struct fl__layout){0};
}
