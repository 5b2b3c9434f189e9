/* vote_test.c - term and vote on lying disks: what was saved is never forgotten, and nothing else is ever
 * found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data_directory.h"
#include "memory.h"

enum { SAVES = 6 };

/* State 0 is a new one; a term comes without a vote first, then with one. */
static struct fl__vote_state state_of(int k)
{
    bool has_vote = k > 0 && k % 2 == 0;
    return (struct fl__vote_state){
        .term = (fl_term)(k + 1) / 2, .has_vote = has_vote, .vote = has_vote ? 70u + (fl_id)k : 0};
}

static int find_state(const struct fl__vote_state *found)
{
    for (int k = 0; k <= SAVES; k++) {
        struct fl__vote_state state = state_of(k);
        if (state.term == found->term && state.has_vote == found->has_vote && state.vote == found->vote)
            return k;
    }
    return -1;
}

struct machine {
    struct fl__world *world;
    struct fl_io *io;
    struct fl__vote *vote;
    struct fl__vote_state found;
    struct fl_error_report report;
    int saved;
    uint64_t noted;
    bool failed, closed;
};

static void boot_seeded(struct machine *machine, struct fl__disk *disk, uint64_t seed)
{
    *machine = (struct machine){.world = fl__world_create(seed)};
    machine->io = fl__memory_create(machine->world, disk);
}

static void boot(struct machine *machine, struct fl__disk *disk)
{
    boot_seeded(machine, disk, 1);
}

static int open_vote_of(struct machine *machine, uint8_t cluster, fl_id incarnation)
{
    const uint8_t cluster_id[16] = {cluster};
    data_directory_make(machine->io);
    int result = data_directory_open(machine->io, cluster_id, incarnation, &machine->vote, &machine->report);
    if (result == FL_OK)
        machine->found = fl__vote_current(machine->vote);
    return result;
}

static int open_vote(struct machine *machine, uint8_t cluster)
{
    return open_vote_of(machine, cluster, 99);
}

static void on_saved(void *context, int result)
{
    struct machine *machine = context;
    machine->failed = result != FL_OK;
    machine->saved += result == FL_OK;
}

static void on_noted(void *context, int result)
{
    struct machine *machine = context;
    machine->failed |= result != FL_OK;
    machine->noted += result == FL_OK;
}

static void note(struct machine *machine, uint64_t number)
{
    const struct fl__newest_file newest = {.number = number, .size = 100 + number, .previous = 200 + number};
    fl__vote_note(machine->vote, &newest, on_noted, machine);
}

static void on_closed(void *context)
{
    ((struct machine *)context)->closed = true;
}

static void save_up_to(struct machine *machine, int saves)
{
    for (int k = machine->saved + 1; k <= saves && !machine->failed; k++) {
        struct fl__vote_state state = state_of(k);
        fl__vote_save(machine->vote, &state, on_saved, machine);
        fl__world_run(machine->world);
        if (machine->saved != k)
            break;
    }
}

static void save_all(struct machine *machine)
{
    save_up_to(machine, SAVES);
}

static void halt(struct machine *machine)
{
    if (machine->vote) {
        fl__vote_close(machine->vote, on_closed, machine);
        fl__world_run(machine->world);
        assert_true(machine->closed);
    }
    fl__memory_destroy(machine->io);
    fl__world_destroy(machine->world);
}

static void check_found(struct fl__disk *disk, int least)
{
    struct machine machine;
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 1), FL_OK);
    assert_true(find_state(&machine.found) >= least);
    halt(&machine);
}

/* A machine's life ends during its k-th call on files. *saved: the last state that it was told is saved. */
static struct fl__disk *live_until(uint64_t k, int *saved)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    fl__memory_crash_at(machine.io, k);
    if (open_vote(&machine, 1) == FL_OK)
        save_all(&machine);
    *saved = machine.saved;
    halt(&machine);
    return disk;
}

static void test_the_latest_saved_vote_is_found_whatever_call_the_power_fails_in(void **unused)
{
    (void)unused;
    for (uint64_t k = 1; k < 60; k++) {
        for (uint64_t choice = 0; choice < 8; choice++) {
            int saved;
            struct fl__disk *disk = live_until(k, &saved);
            enum fl__survival what = choice < 2    ? FL__SURVIVES_PREFIX
                                     : choice == 2 ? FL__SURVIVES_NONE
                                                   : FL__SURVIVES_SOME;
            struct fl__disk *found = fl__disk_after_power_loss(disk, what, choice);
            check_found(found, saved);
            check_found(found, saved);
            fl__disk_destroy(found);
            fl__disk_destroy(disk);
        }
    }
}

/* Power fails now: only what was synced is there, and of that one copy is damaged (or none). Ends the
 * machine. */
static void check_after_power_loss(struct machine *machine, struct fl__disk *disk, int least)
{
    static const char *const damaged[] = {NULL, "data/vote-1", "data/vote-2"};
    for (size_t k = 0; k < sizeof damaged / sizeof *damaged; k++) {
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        size_t size;
        if (least > 0 && damaged[k] && fl__disk_bytes(found, damaged[k], &size) && size > 0)
            fl__disk_flip(found, damaged[k], 44, 1);
        check_found(found, least);
        fl__disk_destroy(found);
    }
    halt(machine);
}

/* What the next process finds, it acts on; what it saves, it acts on too: both are in both copies, and under
 * their names, whatever of it the dead process had left in the page cache alone. */
static void test_what_a_dead_process_left_is_durable_before_the_next_one_acts_on_it(void **unused)
{
    (void)unused;
    for (uint64_t k = 1; k < 60; k++) {
        for (int more = 0; more < 2; more++) {
            struct machine machine;
            int saved;
            struct fl__disk *disk = live_until(k, &saved);
            boot(&machine, disk);
            assert_int_equal(open_vote(&machine, 1), FL_OK);
            machine.saved = find_state(&machine.found);
            if (more)
                save_all(&machine);
            check_after_power_loss(&machine, disk, machine.saved);
            fl__disk_destroy(disk);
        }
    }
}

/* A sync that failed may have left in the page cache what no disk holds. */
static void test_a_vote_whose_sync_failed_is_saved_again_before_it_is_believed(void **unused)
{
    (void)unused;
    for (uint64_t skip = 0; skip < 2 * SAVES + 2; skip++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        const struct fl__memory_failure failure = {
            .call = FL__CALL_SYNC_OF_WRITE, .skip = skip, .count = 1, .error = FL_EIO};
        boot(&machine, disk);
        fl__memory_fail(machine.io, &failure);
        if (open_vote(&machine, 1) == FL_OK)
            save_all(&machine);
        halt(&machine);

        boot(&machine, disk);
        assert_int_equal(open_vote(&machine, 1), FL_OK);
        check_after_power_loss(&machine, disk, find_state(&machine.found));
        fl__disk_destroy(disk);
    }
}

/* A disk on which the first `saves` states were saved. */
static struct fl__disk *make_saved_up_to(int saves)
{
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 1), FL_OK);
    save_up_to(&machine, saves);
    assert_int_equal(machine.saved, saves);
    halt(&machine);
    return disk;
}

static struct fl__disk *make_saved(void)
{
    return make_saved_up_to(SAVES);
}

/* A disk lies about one of its files: what it called synced is gone, and what was there before is back. */
static void test_of_two_good_copies_the_later_one_is_found(void **unused)
{
    (void)unused;
    for (int late = 1; late <= SAVES; late++) {
        for (int early = 0; early < late; early++) {
            for (int copy = 0; copy < 2; copy++) {
                const char *path = copy ? "data/vote-2" : "data/vote-1";
                size_t size;
                struct fl__disk *disk = make_saved_up_to(late), *older = make_saved_up_to(early);
                const uint8_t *bytes = fl__disk_bytes(older, path, &size);
                fl__disk_overwrite(disk, path, 0, bytes, size);
                check_found(disk, late);
                fl__disk_destroy(older);
                fl__disk_destroy(disk);
            }
        }
    }
}

static void test_one_damaged_copy_is_repaired_from_the_other(void **unused)
{
    (void)unused;
    for (int copy = 0; copy < 2; copy++) {
        for (size_t bit = 0; bit < 88 * 8; bit++) {
            struct fl__disk *disk = make_saved();
            fl__disk_flip(disk, copy ? "data/vote-2" : "data/vote-1", bit / 8, (uint8_t)(1 << bit % 8));
            check_found(disk, SAVES);
            fl__disk_flip(disk, copy ? "data/vote-1" : "data/vote-2", bit / 8, (uint8_t)(1 << bit % 8));
            check_found(disk, SAVES); /* The first one was repaired. */
            fl__disk_destroy(disk);
        }
    }
}

static void test_two_damaged_copies_are_refused(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = make_saved();
    fl__disk_flip(disk, "data/vote-1", 41, 1);
    fl__disk_flip(disk, "data/vote-2", 12, 1);
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 1), FL_EDAMAGED);
    assert_non_null(strstr(machine.report.text, "leave the node off"));
    halt(&machine);
    fl__disk_destroy(disk);
}

/* Whoever has a name has made promises, or may have; and promises without a name are somebody's. */
static void test_what_is_gone_is_not_made_anew(void **unused)
{
    (void)unused;
    static const char *const lost[][3] = {{"data/vote-1", "data/vote-2", "both are gone"},
                                          {"data/identity", NULL, "put back a copy of that file"}};
    for (size_t k = 0; k < 2; k++) {
        for (int saves = 0; saves <= SAVES; saves += SAVES) {
            struct machine machine;
            struct fl__disk *disk = make_saved_up_to(saves);
            fl__disk_lose(disk, lost[k][0]);
            if (lost[k][1])
                fl__disk_lose(disk, lost[k][1]);
            bool is_refused = k == 0 || saves > 0;
            boot(&machine, disk);
            assert_int_equal(open_vote(&machine, 1), is_refused ? FL_EDAMAGED : FL_OK);
            assert_true(!is_refused || strstr(machine.report.text, lost[k][2]));
            halt(&machine);
            fl__disk_destroy(disk);
        }
    }
}

/* An attempt to found ends anywhere, and the next one has another incarnation. */
static void test_a_directory_is_founded_at_last_whatever_calls_the_power_fails_in(void **unused)
{
    (void)unused;
    for (uint64_t k = 1; k < 600; k++) {
        struct fl__disk *disk = fl__disk_create();
        fl_id incarnation = 1;
        for (uint64_t call = k; call > 0; call /= 24) {
            struct machine machine;
            boot(&machine, disk);
            fl__memory_crash_at(machine.io, call % 24);
            (void)open_vote_of(&machine, 1, incarnation++);
            halt(&machine);
            struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_SOME, k);
            fl__disk_destroy(disk);
            disk = found;
        }
        struct machine machine;
        boot(&machine, disk);
        assert_int_equal(open_vote_of(&machine, 1, 0), FL_OK);
        assert_int_equal(find_state(&machine.found), 0);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

/* A process dies while it founds, and what it wrote stays in the page cache alone; the next attempt fails in
 * a write, and then power does. */
static void test_a_directory_is_founded_at_last_whatever_the_page_cache_had_of_it(void **unused)
{
    (void)unused;
    for (uint64_t k = 1; k < 24 * 24; k++) {
        for (uint64_t choice = 0; choice < 32; choice++) {
            struct fl__disk *disk = fl__disk_create();
            struct machine machine;
            boot_seeded(&machine, disk, choice);
            data_directory_make(machine.io);
            fl__memory_crash_at(machine.io, k % 24);
            (void)open_vote_of(&machine, 1, 1);
            halt(&machine);

            const struct fl__memory_failure failure = {
                .call = FL__CALL_WRITE, .skip = k / 24 % 4, .count = 1, .error = FL_ENOSPC};
            boot_seeded(&machine, disk, choice);
            fl__memory_fail(machine.io, &failure);
            (void)open_vote_of(&machine, 1, 2);
            halt(&machine);
            struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_SOME, choice);
            boot(&machine, found);
            int result = open_vote_of(&machine, 1, 3);
            if (result != FL_OK)
                print_message("died in call %d, write %d failed, choice %d: %s\n", (int)(k % 24),
                              (int)(k / 24 % 4), (int)choice, machine.report.text);
            assert_int_equal(result, FL_OK);
            halt(&machine);
            fl__disk_destroy(found);
            fl__disk_destroy(disk);
        }
    }
}

static void test_the_vote_of_another_cluster_is_refused(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = make_saved();
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 2), FL_ECLUSTER);
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_a_failed_save_is_reported_and_an_older_state_is_still_there(void **unused)
{
    (void)unused;
    for (uint64_t skip = 0; skip < 2 * SAVES; skip++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        boot(&machine, disk);
        assert_int_equal(open_vote(&machine, 1), FL_OK);
        const struct fl__memory_failure failure = {
            .call = FL__CALL_SYNC_OF_WRITE, .skip = skip, .count = 1, .error = FL_EIO};
        fl__memory_fail(machine.io, &failure);
        save_all(&machine);
        assert_true(machine.failed);
        int saved = machine.saved;
        halt(&machine);
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        check_found(found, saved);
        fl__disk_destroy(found);
        fl__disk_destroy(disk);
    }
}

/* Three saves, and beside each it is noted that the log goes on in another file. */
static void save_and_note(struct machine *machine)
{
    for (int k = 1; k <= 3 && !machine->failed; k++) {
        struct fl__vote_state state = state_of(k);
        if (k % 2)
            note(machine, (uint64_t)k);
        fl__vote_save(machine->vote, &state, on_saved, machine);
        if (k % 2 == 0)
            note(machine, (uint64_t)k);
        fl__world_run(machine->world);
    }
}

static void test_what_is_noted_beside_a_save_is_found_like_it(void **unused)
{
    (void)unused;
    int all = 0;
    for (uint64_t call = 1; call < 60; call++) {
        struct machine machine, next;
        struct fl__disk *disk = fl__disk_create();
        boot(&machine, disk);
        assert_int_equal(open_vote(&machine, 1), FL_OK);
        fl__memory_crash_at(machine.io, fl__memory_calls(machine.io) + call);
        save_and_note(&machine);
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        boot(&next, found);
        assert_int_equal(open_vote(&next, 1), FL_OK);
        const struct fl__newest_file newest = fl__vote_newest(next.vote);
        assert_true(find_state(&next.found) >= machine.saved && newest.number >= machine.noted);
        assert_true(newest.number == 0 ||
                    (newest.size == 100 + newest.number && newest.previous == 200 + newest.number));
        all += machine.saved == 3 && machine.noted == 3;
        halt(&next);
        halt(&machine);
        fl__disk_destroy(found);
        fl__disk_destroy(disk);
    }
    assert_true(all > 0);
}

/* Nothing is written any more, and whoever asks is told so. */
static void test_nothing_is_saved_or_noted_after_a_failure(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    struct fl__vote_state state = state_of(1);
    const struct fl__memory_failure failure = {.call = FL__CALL_SYNC_OF_WRITE, .count = 1, .error = FL_EIO};
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 1), FL_OK);
    fl__memory_fail(machine.io, &failure);
    fl__vote_save(machine.vote, &state, on_saved, &machine);
    note(&machine, 1); /* Before it has failed, */
    fl__world_run(machine.world);
    assert_true(machine.failed);
    uint64_t calls = fl__memory_calls(machine.io);
    note(&machine, 2); /* and behind it. */
    fl__vote_save(machine.vote, &state, on_saved, &machine);
    fl__world_run(machine.world);
    assert_int_equal(machine.saved, 0);
    assert_int_equal(machine.noted, 0);
    assert_int_equal(fl__memory_calls(machine.io), calls);
    halt(&machine);
    fl__disk_destroy(disk);
}

static void test_closing_waits_for_a_save_in_flight(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    struct fl__vote_state state = state_of(2);
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine, 1), FL_OK);
    fl__vote_save(machine.vote, &state, on_saved, &machine);
    halt(&machine);
    assert_int_equal(machine.saved, 1);
    check_found(disk, 2);
    fl__disk_destroy(disk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_latest_saved_vote_is_found_whatever_call_the_power_fails_in),
        cmocka_unit_test(test_what_a_dead_process_left_is_durable_before_the_next_one_acts_on_it),
        cmocka_unit_test(test_a_vote_whose_sync_failed_is_saved_again_before_it_is_believed),
        cmocka_unit_test(test_of_two_good_copies_the_later_one_is_found),
        cmocka_unit_test(test_one_damaged_copy_is_repaired_from_the_other),
        cmocka_unit_test(test_two_damaged_copies_are_refused),
        cmocka_unit_test(test_what_is_gone_is_not_made_anew),
        cmocka_unit_test(test_a_directory_is_founded_at_last_whatever_calls_the_power_fails_in),
        cmocka_unit_test(test_a_directory_is_founded_at_last_whatever_the_page_cache_had_of_it),
        cmocka_unit_test(test_the_vote_of_another_cluster_is_refused),
        cmocka_unit_test(test_a_failed_save_is_reported_and_an_older_state_is_still_there),
        cmocka_unit_test(test_what_is_noted_beside_a_save_is_found_like_it),
        cmocka_unit_test(test_nothing_is_saved_or_noted_after_a_failure),
        cmocka_unit_test(test_closing_waits_for_a_save_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
