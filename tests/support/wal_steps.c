/* wal_steps.c - a fixed workload for the write-ahead log. */
#include "wal_steps.h"

#include <stdlib.h>

struct step {
    fl_index truncate_from; /* 0: an append */
    fl_index index;
    fl_term term;
    size_t size;
};

/* A log with everything: several terms, bodies from nothing to more than a segment, cuts, and continuing
 * after them. */
static const struct step *get_steps(void)
{
    static const struct step steps[STEPS] = {
        {0, 1, 1, 0},    {0, 2, 1, 100},  {0, 3, 1, 7},     {0, 4, 2, 600},  {0, 5, 2, 900},
        {0, 6, 2, 30},   {5, 0, 0, 0},    {0, 5, 3, 40},    {0, 6, 3, 41},   {0, 7, 3, 700},
        {0, 8, 3, 1500}, {0, 9, 3, 8},    {0, 10, 4, 5000}, {0, 11, 4, 16},  {0, 12, 4, 17},
        {9, 0, 0, 0},    {0, 9, 5, 10},   {0, 10, 5, 9000}, {0, 11, 5, 64},  {0, 12, 5, 65},
        {0, 13, 5, 66},  {13, 0, 0, 0},   {12, 0, 0, 0},    {0, 12, 6, 300}, {0, 13, 6, 301},
        {0, 14, 6, 302}, {0, 15, 6, 303}, {0, 16, 6, 304},  {0, 17, 6, 305}, {0, 18, 6, 306},
        {0, 19, 7, 1},   {0, 20, 7, 2},   {0, 21, 7, 3},    {0, 22, 7, 4},   {0, 23, 7, 5},
        {20, 0, 0, 0},   {0, 20, 8, 77},  {0, 21, 8, 78},   {0, 22, 8, 79},  {0, 23, 8, 80},
    };
    return steps;
}

/* ---------------------------------------------------------------------------------------------- the model */

struct state {
    fl_index last;
    int made_by[64]; /* By index: which step appended it. */
};

static void apply_step(struct state *state, int k)
{
    const struct step *step = &get_steps()[k];
    if (step->truncate_from) {
        state->last = step->truncate_from - 1;
        return;
    }
    state->last = step->index;
    state->made_by[step->index] = k;
}

static struct fl__entry *make_entry(int k)
{
    const struct step *step = &get_steps()[k];
    struct fl__entry model = {.index = step->index,
                              .term = step->term,
                              .kind = k == 0 ? FL_ENTRY_CONFIGURATION : FL_ENTRY_COMMAND,
                              .time_us = 1000 + (uint64_t)k,
                              .origin = 7};
    char *data = malloc(step->size + 1);
    assert_non_null(data);
    for (size_t i = 0; i < step->size; i++)
        data[i] = (char)(k * 31 + (int)i * 7);
    struct fl__entry *entry = fl__entry_create(&model, data, step->size);
    free(data);
    assert_non_null(entry);
    return entry;
}

/* Ticket k + 1 stands for step k. */
static void queue_step(struct machine *machine, int k)
{
    const struct step *step = &get_steps()[k];
    if (step->truncate_from) {
        assert_int_equal(fl__wal_truncate(machine->wal, step->truncate_from), FL_OK);
    } else {
        struct fl__entry *entry = make_entry(k);
        assert_int_equal(fl__wal_append(machine->wal, entry), FL_OK);
        fl__entry_release(entry);
    }
    fl__wal_commit_hint(machine->wal, 1);
    fl__wal_ticket(machine->wal, (fl_ticket)k + 1);
}

void steps_take_one(struct machine *machine, int k)
{
    queue_step(machine, k);
    fl__wal_flush(machine->wal);
    while (machine->durable <= (fl_ticket)k)
        assert_true(fl__world_step(machine->world));
}

void steps_take(struct machine *machine, int first, int end)
{
    for (int k = first; k < end && !machine->failed; k++) {
        queue_step(machine, k);
        if (k % 3 != 1)
            continue;
        fl__wal_flush(machine->wal);
        if (k % 2)
            fl__world_run(machine->world);
    }
    if (!machine->failed)
        fl__wal_flush(machine->wal);
    fl__world_run(machine->world);
}

/* ----------------------------------------------------------------------------------------------- checking */

static fl_term term_in(const struct fl__wal_recovered *found, fl_index index)
{
    fl_term term = 0;
    for (uint32_t k = 0; k < found->run_count && found->runs[k].first <= index; k++)
        term = found->runs[k].term;
    return term;
}

static void on_read(struct fl__wal_read *read)
{
    read->owner = NULL;
}

/* Whether the entry on disk is what step k appended; damaged ones are compared by their term alone. */
static bool is_entry(struct machine *machine, fl_index index, int k)
{
    if (term_in(&machine->found, index) != get_steps()[k].term)
        return false;
    struct fl__wal_read read = {
        .first = index, .last = index, .size_max = 1, .done = on_read, .owner = machine};
    fl__wal_read(machine->wal, &read);
    fl__world_run(machine->world);
    assert_null(read.owner);
    bool is_damaged = machine->found.damaged && index >= machine->found.damaged;
    struct fl__entry *expected = make_entry(k);
    bool same = read.result == FL_OK && read.entry_count == 1 && read.entries[0]->size == expected->size &&
                memcmp(read.entries[0]->body, expected->body, expected->size) == 0;
    if (read.result != FL_OK)
        same = is_damaged && (read.result == FL_EDAMAGED || read.result == FL_EIO);
    for (uint32_t n = 0; n < read.entry_count; n++)
        fl__entry_release(read.entries[n]);
    free(read.entries);
    fl__entry_release(expected);
    return same;
}

int steps_find_state(struct machine *machine, int least)
{
    struct state state = {0};
    for (int j = 0; j <= STEPS; j++) {
        bool same = j >= least && state.last == machine->found.last;
        for (fl_index index = 1; same && index <= state.last; index++)
            same = is_entry(machine, index, state.made_by[index]);
        if (same)
            return j;
        if (j < STEPS)
            apply_step(&state, j);
    }
    return -1;
}

void steps_check(struct machine *machine, int least, const char *what, uint64_t a, uint64_t b)
{
    if (steps_find_state(machine, least) >= 0)
        return;
    print_error("%s %llu %llu: last %llu, %u runs, at least step %d expected\n", what, (unsigned long long)a,
                (unsigned long long)b, (unsigned long long)machine->found.last, machine->found.run_count,
                least);
    fail();
}

struct fl__disk *steps_make_log(int steps)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_take(&machine, 0, steps);
    halt(&machine);
    return disk;
}
