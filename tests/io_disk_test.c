/* io_disk_test.c - the disks in memory: what survives a loss of power, and what a failing disk does. */
#include "letters.h"

#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------------------- power */

static void test_what_was_synced_survives_and_nothing_else_is_sure(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct machine machine = boot_with_file(1, &file);
    assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, 0, false), SECTOR);
    assert_int_equal(letter_of(machine.disk, "a", 0, SECTOR), 'B');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, SECTOR), 'A');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_ALL, 0, "a", 0, SECTOR), 'B');
    assert_int_equal(sync_of(machine.io, file), FL_OK);
    for (uint64_t seed = 0; seed < 50; seed++)
        assert_int_equal(letter_after(machine.disk, FL__SURVIVES_SOME, seed, "a", 0, SECTOR), 'B');
    halt(&machine);
}

static void test_a_name_is_sure_once_its_directory_is_synced(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io_file *file = open_path(machine.io, "a");
    assert_int_equal(put_letters(machine.io, file, 'A', SECTOR, 0, true), SECTOR);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, SECTOR), '-');
    assert_int_equal(sync_names(machine.io), FL_OK);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, SECTOR), 'A');
    assert_int_equal(unlink_path(machine.io, "a"), FL_OK);
    assert_int_equal(letter_of(machine.disk, "a", 0, 0), '-');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, SECTOR), 'A');
    assert_int_equal(sync_names(machine.io), FL_OK);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 0, 0), '-');
    halt(&machine);
}

/* Three writes of two sectors each: six parts. */
static struct machine boot_with_three_writes(void)
{
    struct fl_io_file *file;
    struct machine machine = boot_with_file(6, &file);
    for (size_t k = 0; k < 3; k++)
        assert_int_equal(put_letters(machine.io, file, (char)('B' + k), 2 * SECTOR, k * 2 * SECTOR, false),
                         2 * SECTOR);
    assert_int_equal(fl__disk_unsure_parts(machine.disk), 6);
    return machine;
}

/* Bit k: sector k survived. */
static unsigned survivors(struct fl__disk *disk, enum fl__survival what, uint64_t choice)
{
    unsigned mask = 0;
    struct fl__disk *found = fl__disk_after_power_loss(disk, what, choice);
    for (size_t k = 0; k < 6; k++) {
        char letter = letter_of(found, "a", k * SECTOR, (k + 1) * SECTOR);
        assert_true(letter == 'A' || letter == (char)('B' + k / 2));
        mask |= (letter != 'A') << k;
    }
    assert_int_equal(fl__disk_unsure_parts(found), 0);
    fl__disk_destroy(found);
    return mask;
}

static void test_a_prefix_is_the_first_parts_as_they_were_written(void **unused)
{
    (void)unused;
    struct machine machine = boot_with_three_writes();
    for (unsigned k = 0; k <= 8; k++)
        assert_int_equal(survivors(machine.disk, FL__SURVIVES_PREFIX, k), k < 6 ? (1u << k) - 1 : 63);
    halt(&machine);
}

static void test_any_subset_of_what_was_not_synced_may_survive(void **unused)
{
    (void)unused;
    struct machine machine = boot_with_three_writes();
    bool seen[64] = {false};
    for (uint64_t seed = 0; seed < 20000; seed++)
        seen[survivors(machine.disk, FL__SURVIVES_SOME, seed)] = true;
    for (unsigned mask = 0; mask < 64; mask++)
        assert_true(seen[mask]);
    for (uint64_t seed = 0; seed < 100; seed++)
        assert_int_equal(survivors(machine.disk, FL__SURVIVES_SOME, seed),
                         survivors(machine.disk, FL__SURVIVES_SOME, seed));
    halt(&machine);
}

/* A write that begins and ends within sectors tears where sectors begin, and nowhere else. */
static void test_a_write_is_torn_only_between_sectors(void **unused)
{
    (void)unused;
    static const size_t edges[] = {100, SECTOR, 2 * SECTOR, 3 * SECTOR, 3 * SECTOR + 64};
    struct fl_io_file *file;
    struct machine machine = boot_with_file(4, &file);
    bool seen[16] = {false};
    assert_int_equal(put_letters(machine.io, file, 'B', edges[4] - edges[0], edges[0], false),
                     edges[4] - edges[0]);
    assert_int_equal(fl__disk_unsure_parts(machine.disk), 4);
    for (uint64_t seed = 0; seed < 2000; seed++) {
        unsigned mask = 0;
        struct fl__disk *found = fl__disk_after_power_loss(machine.disk, FL__SURVIVES_SOME, seed);
        assert_int_equal(letter_of(found, "a", 0, edges[0]), 'A');
        for (size_t k = 0; k < 4; k++)
            mask |= (letter_of(found, "a", edges[k], edges[k + 1]) == 'B') << k;
        assert_int_equal(letter_of(found, "a", edges[4], 4 * SECTOR), 'A');
        seen[mask] = true;
        fl__disk_destroy(found);
    }
    for (unsigned mask = 0; mask < 16; mask++)
        assert_true(seen[mask]);
    halt(&machine);
}

static void test_an_older_version_never_replaces_a_newer_one(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct machine machine = boot_with_file(1, &file);
    unsigned seen[3] = {0};
    assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, 0, false), SECTOR);
    assert_int_equal(put_letters(machine.io, file, 'C', SECTOR, 0, false), SECTOR);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_PREFIX, 1, "a", 0, SECTOR), 'B');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_PREFIX, 2, "a", 0, SECTOR), 'C');
    for (uint64_t seed = 0; seed < 1000; seed++)
        seen[letter_after(machine.disk, FL__SURVIVES_SOME, seed, "a", 0, SECTOR) - 'A']++;
    assert_true(seen[0] > 0 && seen[1] > 0 && seen[2] > seen[1]);
    halt(&machine);
}

static void test_bytes_that_were_lost_below_a_survivor_are_zeros(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io_file *file = open_path(machine.io, "a");
    unsigned zeros = 0;
    assert_int_equal(sync_names(machine.io), FL_OK);
    assert_int_equal(put_letters(machine.io, file, 'A', SECTOR, 0, false), SECTOR);
    assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, SECTOR, false), SECTOR);
    for (uint64_t seed = 0; seed < 200; seed++) {
        size_t size;
        struct fl__disk *found = fl__disk_after_power_loss(machine.disk, FL__SURVIVES_SOME, seed);
        assert_non_null(fl__disk_bytes(found, "a", &size));
        assert_true(size == 0 || size == SECTOR || size == 2 * SECTOR);
        if (size == 2 * SECTOR) {
            zeros += letter_of(found, "a", 0, SECTOR) == 0;
            assert_int_equal(letter_of(found, "a", SECTOR, 2 * SECTOR), 'B');
        }
        fl__disk_destroy(found);
    }
    assert_true(zeros > 0);
    halt(&machine);
}

/* Write, sync, rename: whatever happens, the name is one file or the other. Without the sync it may be
 * neither. */
static void test_a_rename_is_whole_or_not_at_all(void **unused)
{
    (void)unused;
    for (int is_synced = 0; is_synced < 2; is_synced++) {
        struct fl_io_file *file;
        struct machine machine = boot_with_file(2, &file);
        struct fl_io_file *other = open_path(machine.io, "a.new");
        unsigned old = 0, new = 0, neither = 0;
        assert_int_equal(put_letters(machine.io, other, 'B', 2 * SECTOR, 0, is_synced), 2 * SECTOR);
        assert_int_equal(rename_to(machine.io, "a.new", "a"), FL_OK);
        for (uint64_t seed = 0; seed < 500; seed++) {
            size_t size;
            struct fl__disk *found = fl__disk_after_power_loss(machine.disk, FL__SURVIVES_SOME, seed);
            const uint8_t *bytes = fl__disk_bytes(found, "a", &size);
            assert_non_null(bytes);
            bool is_whole = size == 2 * SECTOR && bytes[0] == bytes[2 * SECTOR - 1];
            old += is_whole && bytes[0] == 'A';
            new += is_whole &&bytes[0] == 'B';
            neither += !is_whole;
            fl__disk_destroy(found);
        }
        assert_true(old > 0 && new > 0);
        assert_int_equal(neither == 0, is_synced);
        halt(&machine);
    }
}

static void test_a_new_size_is_not_sure(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct fl_io_op op = {0};
    struct machine machine = boot_with_file(2, &file);
    const struct fl_io_vtable *v = machine.io->vtable;
    size_t sizes[4];
    v->truncate(machine.io, &op, file, SECTOR);
    assert_int_equal(v->wait(machine.io, &op), FL_OK);
    v->allocate(machine.io, &op, file, 5 * SECTOR);
    assert_int_equal(v->wait(machine.io, &op), FL_OK);
    assert_int_equal(fl__disk_unsure_parts(machine.disk), 2);
    for (uint64_t k = 0; k < 100; k++) {
        struct fl__disk *found =
            fl__disk_after_power_loss(machine.disk, k < 3 ? FL__SURVIVES_PREFIX : FL__SURVIVES_SOME, k);
        assert_non_null(fl__disk_bytes(found, "a", &sizes[k < 3 ? k : 3]));
        assert_int_equal(letter_of(found, "a", 0, SECTOR), 'A');
        fl__disk_destroy(found);
    }
    assert_int_equal(sizes[0], 2 * SECTOR);
    assert_int_equal(sizes[1], SECTOR);
    assert_int_equal(sizes[2], 5 * SECTOR);
    halt(&machine);
}

/* ----------------------------------------------------------------------------------------------- failures */

/* Three sectors of 'B' whose sync fails. The reader sees them; some may be lost; no later sync saves them. */
static void test_a_failed_sync_saves_nothing_later(void **unused)
{
    (void)unused;
    bool seen_old = false, seen_new = false;
    for (uint64_t rounds = 0; rounds < 32; rounds++) {
        struct fl_io_file *file;
        struct machine machine = boot_with_file(3, &file);
        const struct fl__memory_failure failure = {
            .call = rounds % 2 ? FL__CALL_SYNC : FL__CALL_SYNC_OF_WRITE, .count = 1, .error = FL_EIO};
        uint8_t drawn[8];
        for (uint64_t k = 0; k < rounds; k++) /* Another fate. */
            machine.io->vtable->random(machine.io, drawn, sizeof drawn);
        for (size_t k = 0; k < 3; k++)
            assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, k * SECTOR, false), SECTOR);
        fl__memory_fail(machine.io, &failure);
        assert_int_equal(rounds % 2 ? sync_of(machine.io, file)
                                    : put_letters(machine.io, file, 'B', SECTOR, 0, true),
                         FL_EIO);
        assert_int_equal(sync_of(machine.io, file), FL_OK); /* A lie. */
        assert_int_equal(letter_of(machine.disk, "a", 0, 3 * SECTOR), 'B');
        for (size_t k = 0; k < 3; k++) {
            char found = letter_after(machine.disk, FL__SURVIVES_ALL, 0, "a", k * SECTOR, (k + 1) * SECTOR);
            seen_old = seen_old || found == 'A';
            seen_new = seen_new || found == 'B';
        }
        halt(&machine);
    }
    assert_true(seen_old && seen_new);
}

static void test_a_failed_sync_that_reverts_shows_what_is_left(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct machine machine = boot_with_file(6, &file);
    bool seen_old = false;
    const struct fl__memory_failure failure = {
        .call = FL__CALL_SYNC, .count = 1, .error = FL_EIO, .reverts = true};
    for (size_t k = 0; k < 6; k++)
        assert_int_equal(put_letters(machine.io, file, 'B', SECTOR, k * SECTOR, false), SECTOR);
    fl__memory_fail(machine.io, &failure);
    assert_int_equal(sync_of(machine.io, file), FL_EIO);
    for (size_t k = 0; k < 6; k++) {
        char now = letter_of(machine.disk, "a", k * SECTOR, (k + 1) * SECTOR);
        char later = letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", k * SECTOR, (k + 1) * SECTOR);
        assert_int_equal(now, later);
        seen_old = seen_old || now == 'A';
    }
    assert_true(seen_old);
    halt(&machine);
}

static void test_a_rule_fails_the_calls_it_names_and_no_others(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io_file *a = open_path(machine.io, "a"), *b = open_path(machine.io, "b");
    const struct fl__memory_failure failure = {
        .call = FL__CALL_WRITE, .path = "b", .skip = 1, .count = 2, .error = FL_EIO};
    const struct fl__memory_failure unlink_failure = {
        .call = FL__CALL_UNLINK, .count = 1, .error = FL_EINVAL};
    fl__memory_fail(machine.io, &failure);
    static const int64_t expected[] = {10, FL_EIO, FL_EIO, 10, 10};
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(put_letters(machine.io, b, 'B', 10, 0, false), expected[k]);
        assert_int_equal(put_letters(machine.io, a, 'B', 10, 0, false), 10);
    }
    fl__memory_fail(machine.io, &unlink_failure);
    assert_int_equal(unlink_path(machine.io, "a"), FL_EINVAL);
    assert_int_equal(letter_of(machine.disk, "a", 0, 10), 'B'); /* It did nothing. */
    assert_int_equal(unlink_path(machine.io, "a"), FL_OK);
    halt(&machine);
}

static void test_a_full_disk_takes_what_fits(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct fl_io_op op = {0};
    struct machine machine = boot_with_file(2, &file);
    size_t size;
    fl__disk_set_capacity(machine.disk, 2 * SECTOR + 100);
    assert_int_equal(fl__disk_used(machine.disk), 2 * SECTOR);
    assert_int_equal(put_letters(machine.io, file, 'B', 300, 2 * SECTOR, true), FL_ENOSPC);
    assert_int_equal(letter_of(machine.disk, "a", 2 * SECTOR, 2 * SECTOR + 100), 'B');
    assert_int_equal(fl__disk_used(machine.disk), 2 * SECTOR + 100);
    assert_int_equal(put_letters(machine.io, file, 'C', SECTOR, 0, true), SECTOR); /* In place. */
    machine.io->vtable->allocate(machine.io, &op, file, 8 * SECTOR);
    assert_int_equal(machine.io->vtable->wait(machine.io, &op), FL_ENOSPC);
    struct fl_io_file *other = open_path(machine.io, "b");
    assert_int_equal(put_letters(machine.io, other, 'D', 1, 0, true), FL_ENOSPC);
    close_file(machine.io, file);
    assert_int_equal(unlink_path(machine.io, "a"), FL_OK);
    assert_int_equal(sync_names(machine.io), FL_OK);
    assert_int_equal(fl__disk_used(machine.disk), 0);
    assert_int_equal(put_letters(machine.io, other, 'D', 1, 0, true), 1);
    assert_non_null(fl__disk_bytes(machine.disk, "b", &size));
    assert_int_equal(size, 1);
    halt(&machine);
}

static void test_damage_is_sure_and_unreadable_bytes_heal_when_written(void **unused)
{
    (void)unused;
    struct fl_io_file *file;
    struct fl_io_op op = {0};
    struct machine machine = boot_with_file(2, &file);
    uint8_t found[4 * SECTOR];
    fl__disk_flip(machine.disk, "a", 5, 'A' ^ 'Z');
    assert_int_equal(letter_of(machine.disk, "a", 5, 6), 'Z');
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 5, 6), 'Z');
    fl__disk_overwrite(machine.disk, "a", 2 * SECTOR, "tail", 4);
    assert_int_equal(letter_after(machine.disk, FL__SURVIVES_NONE, 0, "a", 2 * SECTOR, 2 * SECTOR + 1), 't');
    fl__disk_cut(machine.disk, "a", 2 * SECTOR);
    fl__disk_set_unreadable(machine.disk, "a", SECTOR, 10);
    static const int64_t expected[] = {FL_EIO, FL_EIO, 2 * SECTOR};
    for (size_t k = 0; k < 3; k++) {
        machine.io->vtable->read(machine.io, &op, file, found, sizeof found, 0);
        assert_int_equal(machine.io->vtable->wait(machine.io, &op), expected[k]);
        machine.io->vtable->read(machine.io, &op, file, found, SECTOR, 0);
        assert_int_equal(machine.io->vtable->wait(machine.io, &op), SECTOR);
        assert_int_equal(put_letters(machine.io, file, 'B', k == 0 ? 9 : 10, SECTOR, true), k == 0 ? 9 : 10);
    }
    halt(&machine);
}

static void count_file(void *context, const char *path)
{
    unsigned *seen = context;
    *seen += strcmp(path, "a") == 0 ? 1 : strcmp(path, "d/b") == 0 ? 10 : 100;
}

static void test_each_file_of_a_disk_is_visited(void **unused)
{
    (void)unused;
    struct machine machine = boot(NULL);
    struct fl_io_op op = {0};
    unsigned seen = 0;
    machine.io->vtable->make_directory(machine.io, &op, "d");
    assert_int_equal(machine.io->vtable->wait(machine.io, &op), FL_OK);
    close_file(machine.io, open_path(machine.io, "a"));
    close_file(machine.io, open_path(machine.io, "d/b"));
    fl__disk_each(machine.disk, count_file, &seen);
    assert_int_equal(seen, 11);
    halt(&machine);
}

/* --------------------------------------------------------------------------------------------------- list */

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_was_synced_survives_and_nothing_else_is_sure),
        cmocka_unit_test(test_a_name_is_sure_once_its_directory_is_synced),
        cmocka_unit_test(test_a_prefix_is_the_first_parts_as_they_were_written),
        cmocka_unit_test(test_any_subset_of_what_was_not_synced_may_survive),
        cmocka_unit_test(test_a_write_is_torn_only_between_sectors),
        cmocka_unit_test(test_an_older_version_never_replaces_a_newer_one),
        cmocka_unit_test(test_bytes_that_were_lost_below_a_survivor_are_zeros),
        cmocka_unit_test(test_a_rename_is_whole_or_not_at_all),
        cmocka_unit_test(test_a_new_size_is_not_sure),
        cmocka_unit_test(test_a_failed_sync_saves_nothing_later),
        cmocka_unit_test(test_a_failed_sync_that_reverts_shows_what_is_left),
        cmocka_unit_test(test_a_rule_fails_the_calls_it_names_and_no_others),
        cmocka_unit_test(test_a_full_disk_takes_what_fits),
        cmocka_unit_test(test_damage_is_sure_and_unreadable_bytes_heal_when_written),
        cmocka_unit_test(test_each_file_of_a_disk_is_visited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
