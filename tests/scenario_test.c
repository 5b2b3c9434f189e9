/* scenario_test.c - the files of tests/scenarios and web/scenarios, each a test by its own name, and what the
 * player says to files that it cannot play.
 *
 * The ones that begin with a number such as B02 are rows of docs/catalogue.md: bugs that real systems
 * shipped. */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "story.h"

#define FILES_MAX 256

/* ------------------------------------------------------------------------------------------------- files */

static char names[FILES_MAX][64];
static uint32_t name_count;

static int by_name(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Adds the names of a folder's scenario files, without ".txt"; false if there are none. */
static bool list_folder(const char *folder)
{
    uint32_t before = name_count;
    DIR *directory = opendir(folder);
    if (!directory)
        return false;
    for (struct dirent *entry; (entry = readdir(directory)) && name_count < FILES_MAX;) {
        size_t length = strlen(entry->d_name);
        if (length <= 4 || length >= sizeof *names || strcmp(entry->d_name + length - 4, ".txt") != 0)
            continue;
        memcpy(names[name_count], entry->d_name, length - 4);
        name_count++;
    }
    closedir(directory);
    return name_count > before;
}

/* All of them, sorted. */
static bool list_files(void)
{
    bool found = list_folder(FL_SOURCE_DIR "/tests/scenarios") && list_folder(FL_SOURCE_DIR "/web/scenarios");
    qsort(names, name_count, sizeof *names, by_name);
    return found;
}

static void test_file(void **state)
{
    story_file(*state, NULL);
}

/* The catalogue's rows on elections, replication, commits and reads that need no host to be played. */
static void test_each_row_of_the_catalogue_that_a_core_alone_can_play_has_its_file(void **state)
{
    static const char *const rows[] = {"B02", "B04", "B05", "B06", "B08", "B09", "B11", "B14",
                                       "B16", "B17", "B18", "B39", "B40", "B43", "B44", "B45",
                                       "B46", "B47", "B48", "B51", "B52", "B55"};
    (void)state;
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        bool found = false;
        for (uint32_t k = 0; k < name_count && !found; k++) {
            char *text = story_read(names[k]), *end = strchr(text, '\n');
            if (end)
                *end = '\0';
            found = strstr(text, rows[r]) != NULL;
            free(text);
        }
        if (!found)
            fail_msg("no scenario begins with %s", rows[r]);
    }
}

/* ----------------------------------------------------------------------------------- the other strategies */

/* What a file says without the lines that count rejections or entries: these hold for outlines alone. */
static void play_with_strategy(const char *name, const char *option)
{
    char *text = story_read(name), *kept = calloc(1, strlen(text) + 1);
    size_t size = 0;
    assert_non_null(kept);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        if (strstr(line, "expect rejections") || strstr(line, "expect shipped") ||
            strstr(line, "expect fork"))
            continue;
        size_t length = strlen(line);
        memcpy(kept + size, line, length);
        kept[size + length] = '\n';
        size += length + 1;
    }
    story_with(kept, option);
    free(kept);
    free(text);
}

static void test_the_textbook_strategies_repair_figure_7_and_keep_figure_8(void **state)
{
    (void)state;
    play_with_strategy("figure-7", "option repair term\n");
    play_with_strategy("figure-7", "option repair one\n");
    play_with_strategy("figure-8", "option repair term\n");
    play_with_strategy("figure-8", "option repair one\n");
}

static void test_one_index_at_a_time_needs_more_rejections_than_an_outline(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    char *text = story_read("figure-7");
    assert_int_equal(story_play(text, "option repair one\n", &result), FL_OK);
    assert_true(result.failures > 0);
    assert_non_null(strstr(result.text, "rejected"));
    free(text);
}

/* Figure 8 with the safeguard off must trip: else the judge sleeps. */
static void test_figure_8_played_unsafely_breaks_what_figure_8_promises(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    char *text = story_read("figure-8");
    assert_int_equal(story_play(text, "option commit-any-term unsafe\n", &result), FL_OK);
    assert_true(result.trips > 0);
    assert_true(result.failures > 0);
    free(text);
}

/* What the text plays where `more` goes on from its end. */
static void go_on(const char *name, const char *more)
{
    char *text = story_read(name), *all = NULL;
    assert_true(asprintf(&all, "%s%s", text, more) > 0);
    story(all);
    free(all);
    free(text);
}

/* Without check-quorum a healthy leader has no hold on its voters. */
static void test_the_stories_of_the_paper_s_election_go_on_by_its_rules_5_2(void **state)
{
    (void)state;
    go_on("first-election", "at you campaign B; settle\nexpect leader B term 2\n");
    go_on("split-vote", "at you settle; campaign A; settle\nexpect leader A term 3\n");
    go_on("pre-vote", "at you campaign B; settle\nexpect leader A term 1\n");
}

/* --------------------------------------------------------------------------------------------- the player */

/* A text that the player cannot play, in which line, and a part of what it says. */
static void check_refused(const char *text, uint32_t line, const char *words)
{
    struct fl_scenario_result result;
    int error = story_play(text, NULL, &result);
    if (error != FL_EINVAL || result.line != line || !strstr(result.text, words))
        fail_msg("error %d, line %u: %s\nexpected line %u: %s\nin\n%s", error, result.line, result.text, line,
                 words, text);
}

static void test_what_the_player_does_not_understand_it_names_with_its_line(void **state)
{
    (void)state;
    check_refused("nodes A B C\nplay A\n", 2, "play");
    check_refused("title t\nbogus line here\n", 2, "bogus");
    check_refused("title t\nbogus line here\nnodes A B\n", 2, "bogus");
    check_refused("title t\nat x settle\n", 2, "nodes");
    check_refused("nodes A B\nat x disk A lazy\n", 2, "lazy");
    check_refused("nodes A B\nat x connection A B away\n", 2, "away");
    check_refused("nodes A B C\nat x explode A\n", 2, "explode");
    check_refused("nodes A B C\nat x elect D term 1 with A\n", 2, "D");
    check_refused("nodes A B C\nat x elect A term one with B\n", 2, "elect");
    check_refused("nodes A B C\nlog A 1 x\n", 2, "x");
    check_refused("nodes A B C\nlog A 2 1\nat x settle\n", 3, "no cluster");
    check_refused("nodes A A\n", 1, "A");
    check_refused("nodes A B\noption no-such 1\n", 2, "no-such");
    check_refused("nodes A B\noption repair guess\n", 2, "repair");
    check_refused("nodes A B\nat x run fast\n", 2, "fast");
    check_refused("nodes A B\nat x deliver letter\n", 2, "letter");
    check_refused("nodes A B\nat x settle\nexpect happiness always\n", 3, "happiness");
    check_refused("nodes A B\nat x settle\nexpect write w done\n", 3, "w");
    check_refused("nodes A B\n\n\n  at x settle\n", 4, "indented");
    check_refused("nodes A B\nat x settle\nbranch b\n  at y settle\nat z settle\n", 5, "only branches");
}

static void test_a_line_that_is_not_understood_is_named_before_what_failed(void **state)
{
    (void)state;
    check_refused("nodes A B\nat x settle\nexpect some leader\nat y explode A\n", 4, "explode");
}

static void test_an_event_that_cannot_happen_fails_the_scenario(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    assert_int_equal(story_play("nodes A B C\nat x write A w\n", NULL, &result), FL_OK);
    assert_int_equal(result.failures, 1);
    assert_int_equal(result.line, 2);
    assert_string_equal(result.text, "A takes no writes");
}

static void test_an_expectation_that_does_not_hold_fails_and_says_what_is(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    const char *text = "nodes A B C\nat x elect A term 1 with B C; settle\n"
                       "expect log A 1 1\nexpect leader B\nexpect index 1 committed\n";
    assert_int_equal(story_play(text, NULL, &result), FL_OK);
    assert_int_equal(result.expectations, 3);
    assert_int_equal(result.failures, 2);
    assert_int_equal(result.line, 3);
    assert_string_equal(result.text, "A has an entry of term 0 at 2, not of 1");
}

static void check_fails(const char *expectation, const char *why)
{
    struct fl_scenario_result result;
    char text[256];
    (void)snprintf(text, sizeof text, "nodes A B C\nat x elect A term 1 with B C\n%s\n", expectation);
    assert_int_equal(story_play(text, NULL, &result), FL_OK);
    assert_int_equal(result.failures, 1);
    assert_string_equal(result.text, why);
}

static void test_what_is_counted_is_said_of_none_of_one_and_of_more(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    check_fails("expect no leader", "one node leads");
    check_fails("at y settle; isolate A; elect B term 2 with C\nexpect no leader", "2 nodes lead");
    check_fails("at y settle; write A w\nexpect in-flight 0 to B", "one such message is in flight, not 0");
    check_fails("at y settle; write A w\nexpect in-flight 1", "2 such messages are in flight, not 1");
    check_fails("at y settle\nexpect shipped at most 0 per B", "B was sent an entry, more than 0");
    check_fails("at y settle; write A w; settle\nexpect shipped at most 0 per B",
                "B was sent 2 entries, more than 0");
    assert_int_equal(story_play("nodes A B C\nexpect some leader\n", NULL, &result), FL_OK);
    assert_string_equal(result.text, "no node leads");
}

static void test_each_branch_begins_where_the_common_part_ends(void **state)
{
    struct fl_scenario_result result;
    (void)state;
    const char *text = "nodes A B C\nat x elect A term 1 with B C; settle\n"
                       "branch one\n  at y write A w; settle\n  expect last 2 on A B C\n"
                       "branch two\n  at y settle\n  expect last 1 on A B C\n";
    assert_int_equal(story_play(text, NULL, &result), FL_OK);
    assert_int_equal(result.branches, 2);
    assert_int_equal(result.expectations, 2);
    assert_int_equal(result.failures, 0);
}

static void test_an_expectation_of_a_step_is_looked_at_when_the_step_ends(void **state)
{
    (void)state;
    story("nodes A B C\n"
          "expect at x last 0 on B\n"
          "at x elect A term 1 with B\n"
          "at y settle\n"
          "expect last 1 on B\n");
}

/* --------------------------------------------------------------------------------------------------- main */

int main(void)
{
    static const struct CMUnitTest others[] = {
        cmocka_unit_test(test_each_row_of_the_catalogue_that_a_core_alone_can_play_has_its_file),
        cmocka_unit_test(test_the_textbook_strategies_repair_figure_7_and_keep_figure_8),
        cmocka_unit_test(test_one_index_at_a_time_needs_more_rejections_than_an_outline),
        cmocka_unit_test(test_figure_8_played_unsafely_breaks_what_figure_8_promises),
        cmocka_unit_test(test_the_stories_of_the_paper_s_election_go_on_by_its_rules_5_2),
        cmocka_unit_test(test_what_the_player_does_not_understand_it_names_with_its_line),
        cmocka_unit_test(test_a_line_that_is_not_understood_is_named_before_what_failed),
        cmocka_unit_test(test_an_event_that_cannot_happen_fails_the_scenario),
        cmocka_unit_test(test_an_expectation_that_does_not_hold_fails_and_says_what_is),
        cmocka_unit_test(test_what_is_counted_is_said_of_none_of_one_and_of_more),
        cmocka_unit_test(test_each_branch_begins_where_the_common_part_ends),
        cmocka_unit_test(test_an_expectation_of_a_step_is_looked_at_when_the_step_ends),
    };
    static struct CMUnitTest tests[FILES_MAX + sizeof others / sizeof *others];
    if (!list_files()) {
        print_error("no scenarios in " FL_SOURCE_DIR "/tests/scenarios or web/scenarios\n");
        return 1;
    }
    for (uint32_t k = 0; k < name_count; k++)
        tests[k] = (struct CMUnitTest){.name = names[k], .test_func = test_file, .initial_state = names[k]};
    memcpy(tests + name_count, others, sizeof others);
    return _cmocka_run_group_tests("scenarios", tests, name_count + sizeof others / sizeof *others, NULL,
                                   NULL);
}
