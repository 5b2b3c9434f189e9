/* picture.c - logs side by side, as in Figure 7 of the paper: a row per node, a column per index, in it the
 * entry's term.
 *
 *                   117   119   121   123
 *     n1 leader   … 4  4  5│ 6  6  6  6
 *     n2          … 4  4  5│ 6  6  ·  ·
 *     n3          … 4  4  4! 4! 4! ·  ·
 *
 * │ stands behind the last entry that a node knows to be committed, ! behind one that differs from the first
 * row's. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 24

static unsigned digits_of(uint64_t number)
{
    unsigned digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

/* Columns that a cell's number takes: as many digits as the longest term has. */
static unsigned cell_digits(const struct fl__picture *picture)
{
    unsigned digits = 1;
    for (unsigned i = 0; i < picture->count; i++) {
        const struct fl__strip *strip = &picture->strips[i];
        if (strip->count > 0 && digits_of(strip->terms[strip->count - 1]) > digits)
            digits = digits_of(strip->terms[strip->count - 1]);
    }
    return digits;
}

static unsigned label_width(const struct fl__picture *picture)
{
    unsigned width = 0;
    for (unsigned i = 0; i < picture->count; i++) {
        unsigned used = (unsigned)strlen(picture->strips[i].name) + (picture->strips[i].leads ? 7 : 0);
        width = used > width ? used : width;
    }
    return width < LABEL_MAX ? width : LABEL_MAX;
}

static fl_term term_in(const struct fl__picture *picture, unsigned strip, fl_index index)
{
    size_t place = (size_t)(index - picture->first);
    return place < picture->strips[strip].count ? picture->strips[strip].terms[place] : 0;
}

/* Indexes over the columns, as many as have room. */
static void draw_indexes(const struct fl__picture *picture, FILE *out, unsigned before, unsigned cell,
                         unsigned shown)
{
    unsigned at = 0;
    for (unsigned i = 0; i < shown; i++) {
        fl_index index = picture->first + i;
        unsigned digits = digits_of(index), end = before + (i + 1) * cell - 1;
        if (end < digits || end - digits < at + (at == 0 ? 0 : 1))
            continue;
        fprintf(out, "%*llu", (int)(end - at), (unsigned long long)index);
        at = end;
    }
    fputc('\n', out);
}

static void draw_cell(const struct fl__picture *picture, unsigned strip, fl_index index, unsigned digits,
                      FILE *out, bool colours)
{
    const struct fl__strip *row = &picture->strips[strip];
    fl_term term = term_in(picture, strip, index);
    bool differs = strip > 0 && index > row->agrees, committed = index <= row->commit;
    const char *mark = term != 0 && differs ? "!" : index == row->commit ? "│" : " ";
    if (term == 0) {
        fprintf(out, " %s%*s·%s%s", fl__colour(colours, FL__DIM), (int)digits - 1, "",
                fl__colour(colours, FL__PLAIN), mark);
        return;
    }
    enum fl__colour colour = differs ? FL__RED : committed ? FL__GREEN : FL__YELLOW;
    fprintf(out, " %s%*llu%s%s", fl__colour(colours, colour), (int)digits, (unsigned long long)term, mark,
            fl__colour(colours, FL__PLAIN));
}

static void draw_row(const struct fl__picture *picture, unsigned strip, unsigned label, unsigned digits,
                     unsigned shown, FILE *out, bool colours)
{
    const struct fl__strip *row = &picture->strips[strip];
    char text[FL_NAME_MAX + 8];
    snprintf(text, sizeof text, "%s%s", row->name, row->leads ? " leader" : "");
    fprintf(out, "  %-*.*s %s", (int)label, (int)label, text, picture->first > 1 ? "…" : " ");
    for (unsigned i = 0; i < shown; i++)
        draw_cell(picture, strip, picture->first + i, digits, out, colours);
    fprintf(out, "%s\n", row->last >= picture->first + shown ? "…" : "");
}

/* What the marks mean; on more lines than one where the terminal is narrow. */
static void draw_legend(const struct fl__picture *picture, FILE *out, bool colours, unsigned width)
{
    char differs[FL_NAME_MAX + 20];
    snprintf(differs, sizeof differs, "! differs from %s", picture->strips[0].name);
    const char *const parts[] = {"terms by index", "│ committed", differs, "· missing", "… more"};
    unsigned used = 0;
    fputs(fl__colour(colours, FL__DIM), out);
    for (size_t k = 0; k < sizeof parts / sizeof parts[0]; k++) {
        unsigned size = fl__text_width(parts[k]);
        bool fits = used > 0 && used + 3 + size <= width;
        fprintf(out, "%s%s", fits ? "   " : used > 0 ? "\n  " : "  ", parts[k]);
        used = fits ? used + 3 + size : 2 + size;
    }
    fprintf(out, "%s\n", fl__colour(colours, FL__PLAIN));
}

void fl__diff_draw(const struct fl__picture *picture, FILE *out, bool colours, unsigned width)
{
    unsigned label = label_width(picture), digits = cell_digits(picture), cell = digits + 2,
             before = label + 4;
    uint64_t columns = picture->last >= picture->first ? picture->last - picture->first + 1 : 0;
    unsigned room = width > before + cell + 1 ? (width - before - 1) / cell : 1;
    unsigned shown = columns < room ? (unsigned)columns : room;
    if (shown == 0)
        return;
    draw_indexes(picture, out, before, cell, shown);
    for (unsigned i = 0; i < picture->count; i++)
        draw_row(picture, i, label, digits, shown, out, colours);
    draw_legend(picture, out, colours, width);
}

/* ---------------------------------------------------------------------------------------------- sentences */

/* "1 entry", "5 entries" */
static void say_count(fl_index count, char *out, size_t size)
{
    snprintf(out, size, "%llu entr%s", (unsigned long long)count, count == 1 ? "y" : "ies");
}

void fl__diff_sentence(const struct fl__strip *first, const struct fl__strip *strip, char *out, size_t size)
{
    fl_index extra = strip->last - strip->agrees, lacks = first->last - strip->agrees;
    unsigned long long next = (unsigned long long)strip->agrees + 1;
    const char *them = extra == 1 ? "it" : "them";
    char own[40], others[40], fate[FL_NAME_MAX + 40] = "";
    say_count(extra, own, sizeof own);
    say_count(lacks, others, sizeof others);
    if (first->leads)
        snprintf(fate, sizeof fate, "; %s will %s %s", first->name, lacks > 0 ? "replace" : "remove", them);
    if (extra == 0 && lacks == 0)
        snprintf(out, size, "%s: the same log as %s, %llu entries", strip->name, first->name,
                 (unsigned long long)strip->last);
    else if (extra == 0)
        snprintf(out, size, "%s: lacks %s, from %llu on", strip->name, others, next);
    else if (lacks == 0)
        snprintf(out, size, "%s: %s more than %s, from %llu on%s", strip->name, own, first->name, next, fate);
    else
        snprintf(out, size, "%s: parts at %llu: %s instead of %llu%s", strip->name, next, own,
                 (unsigned long long)lacks, fate);
    if (extra > 0 && lacks > 0 && strip->commit > strip->agrees && first->commit > strip->agrees) {
        size_t used = strlen(out);
        snprintf(
            out + used, size - used,
            "\n  THIS MUST NEVER BE: both say that entry %llu is committed; stop both and keep their data",
            next);
    }
}
