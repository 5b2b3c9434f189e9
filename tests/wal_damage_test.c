/* wal_damage_test.c - what becomes of a log whose files were damaged, torn or misdirected: the same log, one
 * that says what of it cannot be read, or a refusal; never another log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "memory.h"
#include "records.h"
#include "seeds.h"
#include "wal_steps.h"

/* A copy of the disk on which another process went on, until `end`. */
static struct fl__disk *go_on(struct fl__disk *disk, uint64_t seed, int first, int end)
{
    struct machine machine;
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    boot_seeded(&machine, copy, seed);
    assert_int_equal(open_log(&machine), FL_OK);
    for (int k = first; k < end; k++)
        steps_take(&machine, k, k + 1);
    struct fl__disk *result = fl__disk_after_power_loss(copy, FL__SURVIVES_ALL, 0);
    halt(&machine);
    fl__disk_destroy(copy);
    return result;
}

static size_t used_bytes(struct fl__disk *disk, const char *path)
{
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    while (size > 0 && bytes[size - 1] == 0)
        size--;
    return (size + 7) & ~(size_t)7;
}

/* Intact records of the right place, from another life of the same log, are not part of this one: each record
 * names the one before it. */
static void test_records_of_another_history_are_none(void **unused)
{
    (void)unused;
    struct machine machine;
    const char *path = "data/log-0000000000000001";
    struct fl__disk *common = steps_make_log(2), *one = go_on(common, 2, 2, 4),
                    *other = go_on(common, 3, 2, 3);
    size_t size, end = used_bytes(other, path);
    const uint8_t *bytes = fl__disk_bytes(one, path, &size);
    assert_true(used_bytes(one, path) > end);
    fl__disk_overwrite(other, path, end, bytes + end, size - end);
    boot(&machine, other);
    assert_int_equal(open_log(&machine), FL_OK);
    assert_int_equal(machine.found.last, 3);
    steps_check(&machine, 3, "another history", 0, 0);
    halt(&machine);
    fl__disk_destroy(common);
    fl__disk_destroy(one);
    fl__disk_destroy(other);
}

/* What came of flipped bits. */
struct tally {
    unsigned harmless, reported, refused;
};

/* Opens a copy of the disk with this bit flipped. */
static void flip(struct fl__disk *disk, const char *path, size_t bit, int least, struct tally *tally)
{
    struct machine machine;
    fl__disk_flip(disk, path, bit / 8, (uint8_t)(1 << bit % 8));
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    fl__disk_flip(disk, path, bit / 8, (uint8_t)(1 << bit % 8));
    boot(&machine, copy);
    if (open_log(&machine) != FL_OK) {
        assert_true(strlen(machine.report.text) > 20);
        tally->refused++;
    } else {
        steps_check(&machine, least, path, bit / 8, bit % 8);
        tally->reported += machine.found.damaged != 0;
        tally->harmless += machine.found.damaged == 0;
        assert_true(!machine.found.damaged || strlen(machine.found.damage) > 20);
    }
    halt(&machine);
    fl__disk_destroy(copy);
}

static void check_tally(const struct tally *tally)
{
    print_message("harmless %u, reported %u, refused %u\n", tally->harmless, tally->reported, tally->refused);
    /* Of each record's two outer copies a single flip leaves one. */
    assert_true(tally->harmless > 0 && tally->reported > 0 && tally->refused == 0);
}

/* Every bit of a small log flipped, one at a time. */
static void test_each_flipped_bit_is_harmless_or_reported(void **unused)
{
    (void)unused;
    enum { SMALL = 6 };
    struct fl__disk *disk = steps_make_log(SMALL);
    const char *path = "data/log-0000000000000001";
    struct tally tally = {0};
    for (size_t bit = 0; bit < (used_bytes(disk, path) + 64) * 8; bit++)
        flip(disk, path, bit, SMALL, &tally);
    check_tally(&tally);
    fl__disk_destroy(disk);
}

/* Flips a bit of each byte where each file of the log begins and ends; or all bits there are. */
static void flip_in_each_file(struct fl__disk *disk, int least, struct tally *tally)
{
    enum { NEAR = 256 };
    bool flips_all = seeds_count(0, 1);
    for (uint64_t number = 1;; number++) {
        char path[64];
        size_t size;
        fl__segment_path("data", number, path, sizeof path);
        if (!fl__disk_bytes(disk, path, &size))
            break;
        size_t used = used_bytes(disk, path);
        for (size_t at = 0; at < used + 8 && at < size; at++)
            for (size_t bit = 0; bit < 8; bit++)
                if (flips_all || (bit == at % 8 && (at < NEAR || at + NEAR > used)))
                    flip(disk, path, at * 8 + bit, least, tally);
    }
}

/* The mark that begins a file is one record among others: the log goes on behind it. */
static void test_each_flipped_bit_near_the_ends_of_files_is_harmless_or_reported(void **unused)
{
    (void)unused;
    struct fl__disk *disk = steps_make_log(STEPS);
    struct tally tally = {0};
    flip_in_each_file(disk, STEPS, &tally);
    check_tally(&tally);
    fl__disk_destroy(disk);
}

/* No mark covers the last step, so its payload may be taken for torn; what comes before it may not. */
static void test_a_flipped_bit_costs_a_log_without_a_closing_mark_its_last_step_at_most(void **unused)
{
    (void)unused;
    struct tally tally = {0};
    for (int count = 1; count <= STEPS; count += 9) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        for (int k = 0; k < count; k++)
            steps_take_one(&machine, k);
        fl__memory_crash(machine.io);
        struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_NONE, 0);
        halt(&machine);
        flip_in_each_file(found, count - 1, &tally);
        fl__disk_destroy(found);
        fl__disk_destroy(disk);
    }
    check_tally(&tally);
}

static void boot_and_close(struct fl__disk *disk, int least)
{
    struct machine machine;
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_check(&machine, least, "as it is", 0, 0);
    halt(&machine);
}

static void put_file(struct fl__disk *to, struct fl__disk *from, const char *path)
{
    size_t size, old_size;
    const uint8_t *bytes = fl__disk_bytes(from, path, &size);
    assert_non_null(bytes);
    if (fl__disk_bytes(to, path, &old_size) && old_size > size)
        fl__disk_cut(to, path, size);
    fl__disk_overwrite(to, path, 0, bytes, size);
}

/* A file that is not the last one never changes: any whole copy of it will do, and what is none is
 * refused. */
static void test_a_lost_file_is_put_back_from_a_copy_and_an_older_one_is_refused(void **unused)
{
    (void)unused;
    static const char path[] = "data/log-0000000000000001";
    struct machine machine;
    size_t size;
    struct fl__disk *early = steps_make_log(3), *disk = go_on(early, 2, 3, STEPS),
                    *lost = go_on(early, 2, 3, STEPS);
    assert_non_null(fl__disk_bytes(disk, "data/log-0000000000000003", &size));
    uint8_t *nothing = calloc(1, SEGMENT_SIZE);
    assert_non_null(nothing);
    fl__disk_overwrite(lost, path, 0, nothing, SEGMENT_SIZE);
    free(nothing);
    for (int attempt = 0; attempt < 3; attempt++) {
        if (attempt > 0)
            put_file(lost, attempt == 1 ? early : disk, path);
        boot(&machine, lost);
        assert_int_equal(open_log(&machine), attempt < 2 ? FL_EDAMAGED : FL_OK);
        if (attempt < 2)
            assert_non_null(strstr(machine.report.text, "put back a copy"));
        else
            steps_check(&machine, STEPS, "put back", 0, 0);
        halt(&machine);
    }
    fl__disk_destroy(early);
    fl__disk_destroy(disk);
    fl__disk_destroy(lost);
}

/* Opens a copy of the disk with a page that cannot be read. True: it opens, and says what is damaged. */
static bool open_unreadable(struct fl__disk *disk, uint64_t number, uint64_t page, int step_count,
                            bool *damaged)
{
    struct machine machine;
    char path[64];
    struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
    fl__segment_path("data", number, path, sizeof path);
    fl__disk_set_unreadable(copy, path, page, 4096);
    boot(&machine, copy);
    bool opens = open_log(&machine) == FL_OK;
    if (opens)
        steps_check(&machine, step_count, "unreadable page", number, page);
    else
        assert_int_equal(machine.report.error, FL_EDAMAGED);
    *damaged = machine.found.damaged != 0;
    halt(&machine);
    fl__disk_destroy(copy);
    return opens;
}

/* A page of the disk cannot be read any more: either the log is whole but for payloads, and says which, or it
 * is refused. It is never taken for the end of the log, whatever the marks say: a tear reads well. */
static void test_each_unreadable_page_is_reported_or_refused(void **unused)
{
    (void)unused;
    unsigned reported = 0, refused = 0;
    for (int step_count = 1; step_count <= STEPS; step_count++) {
        struct fl__disk *disk = steps_make_log(step_count);
        for (uint64_t number = 1; number <= 5; number++) {
            char path[64];
            size_t size;
            bool is_damaged;
            fl__segment_path("data", number, path, sizeof path);
            if (!fl__disk_bytes(disk, path, &size))
                break;
            for (size_t page = 0; page < size; page += 4096) {
                bool opens = open_unreadable(disk, number, page, step_count, &is_damaged);
                reported += opens && is_damaged;
                refused += !opens;
            }
        }
        fl__disk_destroy(disk);
    }
    assert_true(reported > 0 && refused > 0);
}

/* Two faults together: an entry is damaged, and the marks that say that it had been durable cannot be read,
 * if only for a moment. A third one makes recovery read page by page. */
static void test_a_damaged_entry_is_no_tear_where_marks_may_be_missing(void **unused)
{
    (void)unused;
    enum { PAGE = 4096 };
    static const char path[] = "data/log-0000000000000001";
    struct machine machine;
    struct fl__disk *disk = fl__disk_create();
    boot(&machine, disk);
    machine.segment_size = 8 * PAGE;
    assert_int_equal(open_log(&machine), FL_OK);
    append_plain(&machine, 1, 12000); /* In pages 0 to 3, */
    append_plain(&machine, 2, 1000);
    append_plain(&machine, 3, 2480); /* up to the end of page 3, */
    append_plain(&machine, 4, 10);   /* and all that follows is in page 4. */
    halt(&machine);
    fl__disk_set_unreadable(disk, path, PAGE, PAGE);
    fl__disk_flip(disk, path, 14000, 1);

    for (uint64_t is_momentary = 0; is_momentary < 2; is_momentary++) {
        /* The file as a whole, pages 0 to 3, and then the one with the marks. */
        const struct fl__memory_failure failure = {
            .call = FL__CALL_READ, .path = "log-", .skip = 5, .count = is_momentary, .error = FL_EIO};
        boot(&machine, disk);
        fl__memory_fail(machine.io, &failure);
        assert_int_equal(open_log(&machine), is_momentary ? FL_EDAMAGED : FL_OK);
        if (is_momentary)
            assert_non_null(strstr(machine.report.text, path));
        else
            assert_int_equal(machine.found.last, 4);
        halt(&machine);
    }
    fl__disk_destroy(disk);
}

/* ------------------------------------------------------------------------------------------------- losses */

static char *path_of(uint64_t number)
{
    static char path[64];
    fl__segment_path("data", number, path, sizeof path);
    return path;
}

/* The newest file of the log that is in use; *next: whether another is prepared. */
static uint64_t find_newest(struct fl__disk *disk, bool *next)
{
    struct machine machine;
    size_t size;
    boot(&machine, disk);
    assert_int_equal(open_vote(&machine), FL_OK);
    const struct fl__newest_file newest = fl__vote_newest(machine.vote);
    assert_non_null(fl__disk_bytes(disk, path_of(newest.number), &size));
    assert_int_equal(size, newest.size);
    *next = fl__disk_bytes(disk, path_of(newest.number + 1), &size) != NULL;
    halt(&machine);
    return newest.number;
}

/* Opens a disk that has lost something, and destroys it: it is refused and says `words`, or, without words,
 * the whole log is there. */
static void check_loss(struct fl__disk *disk, const char *words, uint64_t number, uint64_t how)
{
    struct machine machine;
    boot(&machine, disk);
    int result = open_log(&machine);
    if (words) {
        assert_int_equal(result, FL_EDAMAGED);
        assert_non_null(strstr(machine.report.text, words));
        assert_non_null(strstr(machine.report.text, "leave the node off"));
    } else {
        assert_int_equal(result, FL_OK);
        steps_check(&machine, STEPS, "after a loss", number, how);
    }
    halt(&machine);
    fl__disk_destroy(disk);
}

/* A log's files are whole before they are used, so one that is shorter has lost something: all of it may have
 * been acknowledged. Without its zeros one that is not the newest has lost nothing. */
static void test_a_file_that_was_cut_is_refused_unless_nothing_was_in_that_part(void **unused)
{
    (void)unused;
    struct fl__disk *disk = steps_make_log(STEPS);
    bool has_next;
    uint64_t newest = find_newest(disk, &has_next);
    assert_true(newest > 2 && has_next);
    for (uint64_t number = 1; number <= newest + 1; number++) {
        size_t size, used = used_bytes(disk, path_of(number));
        assert_non_null(fl__disk_bytes(disk, path_of(number), &size));
        const size_t cuts[] = {0, 1, 63, 64, 65, used / 2, used - 1, used, size - 1};
        for (size_t k = 0; k < sizeof cuts / sizeof *cuts; k++) {
            if (cuts[k] >= size)
                continue;
            struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
            fl__disk_cut(copy, path_of(number), cuts[k]);
            bool is_harmless = number > newest || (number < newest && cuts[k] >= used);
            check_loss(copy, is_harmless ? NULL : path_of(number) + strlen("data/"), number, cuts[k]);
        }
    }
    fl__disk_destroy(disk);
}

/* One is gone, or it and all later ones, or all of them. */
static void test_a_log_that_misses_files_is_refused(void **unused)
{
    (void)unused;
    struct fl__disk *disk = steps_make_log(STEPS);
    bool has_next;
    uint64_t newest = find_newest(disk, &has_next);
    for (uint64_t first = 1; first <= newest + 1; first++) {
        for (uint64_t last = first; last <= newest + 1; last++) {
            struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
            for (uint64_t number = first; number <= last; number++)
                fl__disk_lose(copy, path_of(number));
            check_loss(copy, first > newest ? NULL : path_of(first), first, last);
        }
    }
    fl__disk_destroy(disk);
}

/* In its place there is something else of the same size. */
static void test_a_newest_file_that_is_none_is_refused(void **unused)
{
    (void)unused;
    struct fl__disk *disk = steps_make_log(STEPS);
    bool has_next;
    uint64_t newest = find_newest(disk, &has_next);
    for (int byte = 0; byte < 256; byte += 17) {
        struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
        size_t size;
        assert_non_null(fl__disk_bytes(copy, path_of(newest), &size));
        uint8_t *other = malloc(size);
        assert_non_null(other);
        memset(other, byte, size);
        fl__disk_overwrite(copy, path_of(newest), 0, other, size);
        free(other);
        check_loss(copy, path_of(newest), newest, (uint64_t)byte);
    }
    fl__disk_destroy(disk);
}

/* Copies of term and vote from before the log went on in another file: what was promised since is lost. */
static void test_a_log_that_term_and_vote_do_not_know_is_refused(void **unused)
{
    (void)unused;
    struct fl__disk *early = steps_make_log(3), *disk = go_on(early, 2, 3, STEPS);
    put_file(disk, early, "data/vote-1");
    boot_and_close(disk, STEPS); /* One of them is the later one. */
    put_file(disk, early, "data/vote-1");
    put_file(disk, early, "data/vote-2");
    check_loss(disk, "copies of an earlier day", 0, 0);
    fl__disk_destroy(early);
}

/* The end of the file is lost, and zeros, garbage or old bytes stand there instead. Above the highest mark
 * that is a tear, below it damage; never a different log. */
static void test_log_cut_at_every_byte(void **unused)
{
    (void)unused;
    enum { SMALL = 6 };
    struct fl__disk *disk = steps_make_log(SMALL);
    const char *path = "data/log-0000000000000001";
    size_t size;
    assert_non_null(fl__disk_bytes(disk, path, &size));
    for (size_t cut = 0; cut < 2600; cut++) {
        for (int filling = 0; filling < 3; filling++) {
            struct machine machine;
            struct fl__disk *copy = fl__disk_after_power_loss(disk, FL__SURVIVES_ALL, 0);
            uint8_t *bytes = malloc(size);
            assert_non_null(bytes);
            for (size_t k = 0; k < size; k++)
                bytes[k] = filling == 0 ? 0 : filling == 1 ? (uint8_t)(k * 2654435761u >> 13) : 0xff;
            fl__disk_overwrite(copy, path, cut, bytes + cut, size - cut);
            free(bytes);
            boot(&machine, copy);
            if (open_log(&machine) == FL_OK)
                steps_check(&machine, 0, "cut at", cut, (uint64_t)filling);
            else
                assert_true(machine.report.error < 0);
            halt(&machine);
            fl__disk_destroy(copy);
        }
    }
    fl__disk_destroy(disk);
}

static void test_records_copied_elsewhere_are_none(void **unused)
{
    (void)unused;
    struct machine machine;
    struct fl__disk *disk = steps_make_log(4);
    const char *path = "data/log-0000000000000001";
    size_t size;
    const uint8_t *bytes = fl__disk_bytes(disk, path, &size);
    uint8_t *copy = malloc(size);
    assert_non_null(copy);
    memcpy(copy, bytes, size);
    size_t used = size;
    while (copy[used - 1] == 0)
        used--;
    used = (used + 7) & ~(size_t)7;
    /* The log's own first records, again at its end: as a misdirected write might leave them. */
    fl__disk_overwrite(disk, path, used, copy + FL__SEGMENT_HEADER, 400);
    free(copy);
    boot(&machine, disk);
    assert_int_equal(open_log(&machine), FL_OK);
    steps_check(&machine, 4, "misdirected", 0, 0);
    halt(&machine);
    fl__disk_destroy(disk);
}

/* Power fails in a write, and of its last record one of the two outer copies is missing: a sector ends
 * between them. It is taken, and durable from then on; later one bit of the other copy is flipped. */
static void test_a_record_that_lost_an_outer_copy_in_a_tear_has_both_again(void **unused)
{
    (void)unused;
    static const char path[] = "data/log-0000000000000001";
    static const uint8_t zeros[FL__RECORD_COPY];
    for (int flips = 0; flips < 2; flips++) {
        struct machine machine;
        struct fl__disk *disk = fl__disk_create();
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        append_plain(&machine, 1, 300);
        append_plain(&machine, 2, 300);
        fl__memory_crash(machine.io); /* Before the mark that closes the log. */
        halt(&machine);
        size_t end = used_bytes(disk, path), begin = end - fl__record_size(FL__ENVELOPE_SIZE + 300);
        fl__disk_overwrite(disk, path, end - FL__RECORD_COPY, zeros, sizeof zeros);
        boot(&machine, disk);
        assert_int_equal(open_log(&machine), FL_OK);
        assert_int_equal(machine.found.last, 2);
        append_plain(&machine, 3, 300);
        assert_int_equal(machine.durable, 3);
        halt(&machine);
        if (flips)
            fl__disk_flip(disk, path, begin + 20, 1);
        boot(&machine, disk);
        int result = open_log(&machine);
        if (result != FL_OK)
            print_message("%s\n", machine.report.text);
        assert_int_equal(result, FL_OK);
        assert_int_equal(machine.found.last, 3);
        halt(&machine);
        fl__disk_destroy(disk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records_of_another_history_are_none),
        cmocka_unit_test(test_records_copied_elsewhere_are_none),
        cmocka_unit_test(test_each_flipped_bit_is_harmless_or_reported),
        cmocka_unit_test(test_each_flipped_bit_near_the_ends_of_files_is_harmless_or_reported),
        cmocka_unit_test(test_a_flipped_bit_costs_a_log_without_a_closing_mark_its_last_step_at_most),
        cmocka_unit_test(test_a_lost_file_is_put_back_from_a_copy_and_an_older_one_is_refused),
        cmocka_unit_test(test_each_unreadable_page_is_reported_or_refused),
        cmocka_unit_test(test_a_damaged_entry_is_no_tear_where_marks_may_be_missing),
        cmocka_unit_test(test_a_file_that_was_cut_is_refused_unless_nothing_was_in_that_part),
        cmocka_unit_test(test_a_log_that_misses_files_is_refused),
        cmocka_unit_test(test_a_newest_file_that_is_none_is_refused),
        cmocka_unit_test(test_a_log_that_term_and_vote_do_not_know_is_refused),
        cmocka_unit_test(test_a_record_that_lost_an_outer_copy_in_a_tear_has_both_again),
        cmocka_unit_test(test_log_cut_at_every_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
