/* cli_doctor_test.c - the doctor's rules: each over a survey that is made up, as the nodes of a cluster in
 * that state would answer it; and a healthy one over which none has anything to say. */
#include "cli.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MINUTE ((uint64_t)60 * 1000000)
#define NOW ((uint64_t)1700000000 * 1000000)

static void make_node(struct fl__exam *exam, unsigned k, unsigned count)
{
    struct fl__view *view = &exam->survey.views[k];
    *view = (struct fl__view){.answers = true,
                              .ready = true,
                              .founded = true,
                              .voter = true,
                              .connected = true,
                              .has_match = true,
                              .term = 7,
                              .last = 5000,
                              .commit = 5000,
                              .applied = 5000,
                              .match = 5000};
    snprintf(view->name, sizeof view->name, "n%u", k + 1);
    snprintf(view->address, sizeof view->address, "10.0.0.%u:7600", k + 1);
    snprintf(view->peer, sizeof view->peer, "10.0.0.%u:7601", k + 1);
    snprintf(view->role, sizeof view->role, "%s", k == 0 ? "leader" : "follower");
    snprintf(view->leader, sizeof view->leader, "n1");
    snprintf(view->version, sizeof view->version, "0.1.0");
    view->vitals = (struct fl__vitals){.known = true,
                                       .wall_us = NOW,
                                       .heard_us = NOW,
                                       .syncs = 1000,
                                       .sync_p50_us = 160,
                                       .sync_p99_us = 1280,
                                       .log_used = 1 << 20,
                                       .log_max = (uint64_t)16 << 30,
                                       .memory = 1000,
                                       .memory_max = 1 << 30,
                                       .clients = 3,
                                       .clients_max = 10000,
                                       .election_timeout_us = 1000000,
                                       .heartbeat_us = 100000,
                                       .reaches = ((uint32_t)1 << count) - 1,
                                       .members = 4711};
    for (unsigned other = 0; other < count; other++)
        view->vitals.round_trip_us[other] = other == k ? 0 : 500;
}

/* A cluster in which nothing is wrong; not on one machine. */
static struct fl__exam *make_exam(unsigned count)
{
    struct fl__exam *exam = calloc(1, sizeof *exam);
    assert_non_null(exam);
    exam->survey.count = count;
    for (unsigned k = 0; k < count; k++)
        make_node(exam, k, count);
    return exam;
}

/* A node that was stopped: the others have lost it. */
static void silence(struct fl__exam *exam, unsigned k)
{
    struct fl__view *view = &exam->survey.views[k];
    view->answers = view->connected = view->has_match = false;
    view->vitals = (struct fl__vitals){.known = false};
    snprintf(view->problem, sizeof view->problem, "nothing listens there");
    for (unsigned other = 0; other < exam->survey.count; other++)
        exam->survey.views[other].vitals.reaches &= ~((uint32_t)1 << k);
}

static struct fl__findings findings;

/* Applies the rules, and frees the exam: the findings' codes must be exactly these, ended by a 0. */
static void assert_found(struct fl__exam *exam, const uint32_t *codes)
{
    fl__survey_judge(&exam->survey);
    fl__rules_apply(exam, &findings);
    free(exam);
    for (unsigned k = 0; k < findings.count; k++) {
        if (codes[k] != findings.list[k].code)
            fail_msg("found FL%u (%s), expected FL%u", findings.list[k].code, findings.list[k].title,
                     codes[k]);
        assert_non_null(fl__explanation(codes[k]));
        assert_null(fl_explain(codes[k]));
        assert_true(findings.list[k].fact_count > 0);
    }
    assert_int_equal(codes[findings.count], 0);
}

#define ASSERT_FOUND(exam, ...) assert_found(exam, (const uint32_t[]){__VA_ARGS__, 0})

/* Some fact or the title of the first finding says it. */
static void assert_says(const char *text)
{
    const struct fl__finding *finding = &findings.list[0];
    bool says = strstr(finding->title, text) != NULL;
    for (unsigned k = 0; k < finding->fact_count; k++)
        says |= strstr(finding->facts[k].text, text) != NULL;
    if (!says)
        fail_msg("\"%s\" is not said by: %s", text, finding->title);
}

static void test_of_a_healthy_cluster_there_is_nothing_to_say(void **state)
{
    (void)state;
    for (unsigned count = 3; count <= 9; count += 2)
        ASSERT_FOUND(make_exam(count), 0);
}

static void test_who_is_down_is_named_with_what_starts_it(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->is_local = true;
    exam->program = "fairlead";
    exam->directory = "./fairlead-data";
    silence(exam, 2);
    ASSERT_FOUND(exam, 4001);
    assert_says("n3 does not answer");
    assert_says("10.0.0.3:7600: nothing listens there");
    assert_says("fairlead start n3");
    exam = make_exam(3);
    exam->is_local = true;
    exam->program = "fairlead";
    exam->directory = "./fairlead-data";
    silence(exam, 2);
    snprintf(exam->survey.views[2].problem, 160, "no answer within 2 s");
    ASSERT_FOUND(exam, 4001);
    assert_says("look at ./fairlead-data/n3/log");
}

static void test_without_a_quorum_it_says_who_reaches_whom(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(5);
    silence(exam, 0);
    silence(exam, 3);
    silence(exam, 4);
    for (unsigned k = 1; k <= 2; k++) {
        snprintf(exam->survey.views[k].role, 16, "precandidate");
        exam->survey.views[k].leader[0] = '\0';
    }
    ASSERT_FOUND(exam, 4001, 4001, 4001, 4002);
    findings.list[0] = findings.list[3];
    assert_says("n2 reaches n3");
    assert_says("3 of 5");
}

static void test_a_follower_far_behind_or_not_ready_is_told(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[1].match = 4001;
    ASSERT_FOUND(exam, 0); /* 999 */
    exam = make_exam(3);
    exam->survey.views[1].match = exam->survey.views[1].applied = 4000;
    ASSERT_FOUND(exam, 4003);
    assert_says("n2 is far behind");
    exam = make_exam(3);
    exam->survey.views[2].ready = false;
    ASSERT_FOUND(exam, 4003);
    assert_says("n3 is not ready");
}

/* Whoever is asked later has a later clock: that does not count. */
static void test_clocks_are_compared_by_when_they_were_heard(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[1].vitals.wall_us += MINUTE;
    exam->survey.views[1].vitals.heard_us += MINUTE;
    ASSERT_FOUND(exam, 0);
    exam = make_exam(3);
    exam->survey.views[0].vitals.wall_us -= 2000000;
    exam->survey.views[2].vitals.wall_us += 1000000;
    ASSERT_FOUND(exam, 4004);
    assert_says("3.0 s apart");
    assert_says("n3 is ahead of n1");
}

static void test_what_is_nearly_full_is_told(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    struct fl__vitals *vitals = &exam->survey.views[1].vitals;
    vitals->log_used = (uint64_t)13 << 30;
    ASSERT_FOUND(exam, 4005);
    assert_says("13 GiB of 16 GiB");
    exam = make_exam(3);
    vitals = &exam->survey.views[1].vitals;
    vitals->memory = vitals->memory_max;
    ASSERT_FOUND(exam, 4011);
    exam = make_exam(3);
    vitals = &exam->survey.views[1].vitals;
    vitals->memory = 1 << 30;
    vitals->memory_max = 0; /* No limit. */
    ASSERT_FOUND(exam, 0);
    exam = make_exam(3);
    snprintf(exam->survey.views[2].full, sizeof exam->survey.views[2].full, "disk");
    ASSERT_FOUND(exam, 4018);
    assert_says("the disk of n3 is full");
}

static void test_refused_clients_are_a_hint_and_too_many_a_warning(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[2].vitals.clients_refused = 4;
    ASSERT_FOUND(exam, 4012);
    assert_int_equal(findings.list[0].gravity, FL__HINT);
    exam = make_exam(3);
    exam->survey.views[2].vitals.clients = 8000;
    ASSERT_FOUND(exam, 4012);
    assert_int_equal(findings.list[0].gravity, FL__WARNING);
}

static void test_a_slow_disk_is_told_by_itself_and_beside_the_others(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[0].vitals.sync_p99_us = 163840;
    ASSERT_FOUND(exam, 4006);
    exam = make_exam(3);
    exam->survey.views[0].vitals.sync_p50_us = 5120;
    ASSERT_FOUND(exam, 4006);
    assert_says("compared with the others");
    exam = make_exam(3); /* All alike: that is how disks are there. */
    for (unsigned k = 0; k < 3; k++)
        exam->survey.views[k].vitals.sync_p50_us = 5120;
    ASSERT_FOUND(exam, 0);
    exam = make_exam(3); /* Too few to say. */
    exam->survey.views[0].vitals.syncs = 19;
    exam->survey.views[0].vitals.sync_p99_us = 163840;
    ASSERT_FOUND(exam, 0);
}

static void test_many_elections_of_all_together_are_told(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[0].vitals.elections = 2;
    exam->survey.views[1].vitals.elections = 1;
    ASSERT_FOUND(exam, 0);
    exam = make_exam(3);
    exam->survey.views[0].vitals.elections = exam->survey.views[1].vitals.elections = 2;
    ASSERT_FOUND(exam, 4007);
    assert_says("4 elections");
}

static void test_a_damaged_node_says_where(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[1].damaged = true;
    snprintf(exam->survey.views[1].damage, 256, "entry 17 in log-3 at byte 4096");
    ASSERT_FOUND(exam, 4008);
    assert_says("entry 17 in log-3 at byte 4096");
}

static void test_nodes_that_differ_are_told(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    snprintf(exam->survey.views[2].version, 24, "0.2.0");
    ASSERT_FOUND(exam, 4009);
    assert_says("n3: 0.2.0");
    exam = make_exam(3);
    exam->survey.views[1].term = 9;
    exam->survey.views[1].leader[0] = '\0';
    ASSERT_FOUND(exam, 4010);
    assert_says("n2: term 9, leader unknown");
    exam = make_exam(3);
    exam->survey.views[1].vitals.members = 1;
    ASSERT_FOUND(exam, 4010);
    assert_says("and other members");
}

static void test_shapes_are_hints(void **state)
{
    (void)state;
    ASSERT_FOUND(make_exam(4), 4013);
    assert_says("1 of them may fail, as of 3");
    assert_int_equal(findings.list[0].gravity, FL__HINT);
    ASSERT_FOUND(make_exam(1), 4014);
    struct fl__exam *exam = make_exam(3);
    for (unsigned k = 0; k < 3; k++)
        snprintf(exam->survey.views[k].address, FL_ADDRESS_MAX, "127.0.0.1:%u", 7600 + 10 * k);
    ASSERT_FOUND(exam, 4015);
    assert_int_equal(findings.list[0].gravity, FL__HINT);
}

static void test_an_election_time_out_below_ten_round_trips_is_short(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[0].vitals.round_trip_us[2] = 100000;
    ASSERT_FOUND(exam, 0);
    exam = make_exam(3);
    exam->survey.views[0].vitals.round_trip_us[2] = 100001;
    ASSERT_FOUND(exam, 4016);
    exam = make_exam(3);
    exam->survey.views[0].vitals.election_timeout_us = 10000;
    exam->survey.views[0].vitals.sync_p99_us = 20480;
    ASSERT_FOUND(exam, 4016);
    assert_says("one sync in a hundred takes more than 20 ms");
}

static void test_a_link_that_is_cut_is_told_once(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    exam->survey.views[2].vitals.reaches &= ~(uint32_t)2;
    ASSERT_FOUND(exam, 4017);
    assert_says("n2 and n3 do not reach each other");
}

/* Nodes of before said less; what is not known is not judged. */
static void test_nodes_that_tell_no_vitals_are_not_judged_by_them(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(3);
    for (unsigned k = 0; k < 3; k++)
        exam->survey.views[k].vitals = (struct fl__vitals){.known = false};
    ASSERT_FOUND(exam, 0);
}

static void test_there_are_never_more_findings_than_room(void **state)
{
    (void)state;
    struct fl__exam *exam = make_exam(16);
    for (unsigned k = 0; k < 16; k++) {
        struct fl__vitals *vitals = &exam->survey.views[k].vitals;
        vitals->reaches = 0;
        vitals->log_used = vitals->log_max;
    }
    fl__survey_judge(&exam->survey);
    fl__rules_apply(exam, &findings);
    assert_int_equal(findings.count, FL__FINDINGS_MAX);
    assert_true(findings.is_cut);
    free(exam);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_a_healthy_cluster_there_is_nothing_to_say),
        cmocka_unit_test(test_who_is_down_is_named_with_what_starts_it),
        cmocka_unit_test(test_without_a_quorum_it_says_who_reaches_whom),
        cmocka_unit_test(test_a_follower_far_behind_or_not_ready_is_told),
        cmocka_unit_test(test_clocks_are_compared_by_when_they_were_heard),
        cmocka_unit_test(test_what_is_nearly_full_is_told),
        cmocka_unit_test(test_refused_clients_are_a_hint_and_too_many_a_warning),
        cmocka_unit_test(test_a_slow_disk_is_told_by_itself_and_beside_the_others),
        cmocka_unit_test(test_many_elections_of_all_together_are_told),
        cmocka_unit_test(test_a_damaged_node_says_where),
        cmocka_unit_test(test_nodes_that_differ_are_told),
        cmocka_unit_test(test_shapes_are_hints),
        cmocka_unit_test(test_an_election_time_out_below_ten_round_trips_is_short),
        cmocka_unit_test(test_a_link_that_is_cut_is_told_once),
        cmocka_unit_test(test_nodes_that_tell_no_vitals_are_not_judged_by_them),
        cmocka_unit_test(test_there_are_never_more_findings_than_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
