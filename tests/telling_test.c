/* telling_test.c - what events of simulated cores say, as docs/events.md has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "playing.h"

/* How many events of the text have all of these in their JSON; NULL: nothing. */
static uint32_t count_told(const char *text, const char *one, const char *two, const char *three)
{
    struct fl_session *session = open_text(text);
    uint32_t count = 0;
    for (uint32_t k = 1; k <= fl_session_count(session); k++) {
        const char *event = fl_session_event(session, k);
        count += strstr(event, one) && (!two || strstr(event, two)) && (!three || strstr(event, three));
    }
    fl_session_close(session);
    return count;
}

static void check_told_once(const char *text, const char *one, const char *two, const char *three)
{
    if (count_told(text, one, two, three) != 1)
        fail_msg("not once: %s %s %s in\n%s", one, two ? two : "", three ? three : "", text);
}

static void test_a_reply_says_whether_it_grants_and_rejects(void **state)
{
    (void)state;
    const char *equal = "nodes A B\nat x campaign A; settle\n", *sent_by_b = "\"sent\",\"node\":\"B\"";
    check_told_once(equal, sent_by_b, "\"prevote-reply\"", "\"granted\":true,\"rejected\":false");
    check_told_once(equal, sent_by_b, "\"vote-reply\"", "\"granted\":true,\"rejected\":false");
    assert_int_equal(count_told(equal, "\"append-reply\"", "\"granted\"", NULL), 0);
    assert_int_equal(count_told(equal, "\"message\":\"vote\"", "\"rejected\"", NULL), 0);
    check_told_once("nodes A B\nlog B 1\nterm A 1\nat x campaign A; deliver\n", sent_by_b,
                    "\"prevote-reply\"", "\"granted\":false,\"rejected\":true");
    check_told_once("nodes A B\noption pre-vote off\nat x campaign B; campaign A; deliver vote to B\n",
                    sent_by_b, "\"vote-reply\"", "\"granted\":false,\"rejected\":false");
    const char *parts = "nodes A B C\nlog A 1 1\nlog B 1 1\nat x elect A term 2 with B; settle\n";
    check_told_once(parts, "\"sent\",\"node\":\"C\"", "\"append-reply\"", "\"index\":2,\"rejected\":true");
    assert_true(count_told(parts, "\"sent\",\"node\":\"C\"", "\"append-reply\"", "\"rejected\":false") > 0);
}

/* Paper §5.1: who hears of an older term refuses, and answers with its own. */
static void test_an_answer_to_an_older_term_is_told_as_a_refusal(void **state)
{
    (void)state;
    const char *refused = "nodes A B C\noption pre-vote off\nat x elect A term 1 with B C; settle\n"
                          "at y campaign B; clock 100ms; tick A; deliver append to B\n";
    check_told_once(refused, "\"sent\",\"node\":\"B\"", "\"rejected\":false,\"stale\":true",
                    "to A (term 2): refuses what is of an older term");
    const char *taken = "nodes A B C\nat x elect A term 1 with B C; settle\n";
    assert_true(count_told(taken, "\"append-reply\"", "holds all up to 1", NULL) > 0);
    assert_int_equal(count_told(taken, "\"stale\"", NULL, NULL), 0);
}

static void test_a_read_that_waits_for_its_index_is_not_told_as_answered(void **state)
{
    (void)state;
    const char *behind = "nodes A B C\nat x elect A term 1 with B C; settle; write A w; deliver append to C\n"
                         "at y deliver append-reply from C; hold late append to B; read B r; deliver read\n"
                         "at z deliver append to C; deliver append-reply from C; deliver read-reply\n";
    check_told_once(behind, "\"event\":\"read\",\"node\":\"B\"", "\"index\":2,\"other\":1",
                    "learns its read index, 2: it answers once it has applied that much");
    const char *ahead = "nodes A B C\nat x elect A term 1 with B C; settle; read B r; settle\n";
    check_told_once(ahead, "\"event\":\"read\",\"node\":\"B\"", "\"index\":1,\"other\":1",
                    "answers a read at 1: done");
}

static void test_a_client_is_told_with_which_outcome(void **state)
{
    (void)state;
    const char *overtaken =
        "nodes A B C\nat x elect A term 1 with B C; settle; isolate A; write A w times 2\n"
        "at y elect B term 2 with C; settle; heal all; settle\n";
    check_told_once(overtaken, "\"event\":\"answered\",\"node\":\"A\"", "\"index\":2,\"other\":3",
                    "\"outcome\":\"refused\"");
    const char *served = "nodes A B C\nat x elect A term 1 with B C; settle; write A w; read B r; settle\n";
    check_told_once(served, "\"event\":\"answered\",\"node\":\"A\"", "\"outcome\":\"done\"", NULL);
    check_told_once(served, "\"event\":\"read\",\"node\":\"B\"", "\"outcome\":\"done\"", NULL);
    const char *refused = "nodes A B C\nat x read A r\nat y elect A term 1 with B C; settle; write B w\n";
    check_told_once(refused, "\"event\":\"read\",\"node\":\"A\"", "\"outcome\":\"no-leader\"", NULL);
    check_told_once(refused, "\"event\":\"answered\",\"node\":\"B\"", "\"outcome\":\"not-leader\"", NULL);
    check_told_once("nodes A B\noption uncommitted-entries 1\nat x elect A term 1 with B; settle; isolate B\n"
                    "at y write A v; write A w\n",
                    "\"event\":\"answered\"", "\"outcome\":\"full\"", NULL);
    const char *by_hand = "nodes A B C\nat x elect A term 1 with B C; settle\n"
                          "at you write B w\nat you read A r\nat you write C v\n";
    assert_int_equal(count_told(by_hand, "\"outcome\":\"not-leader\"", NULL, NULL), 2);
    assert_int_equal(count_told(by_hand, "\"not-held\"", NULL, NULL), 0);
    const char *down = "nodes A B\nat x crash A; pause B; write A w; write B w; read A r\n";
    assert_int_equal(count_told(down, "\"outcome\"", NULL, NULL), 0);
    assert_int_equal(count_told(down, "\"not-held\"", NULL, NULL), 3);
    assert_int_equal(count_told("nodes A B\nat x crash A\nat you write A w\n", "\"not-held\"", NULL, NULL),
                     1);
}

static void test_an_expectation_is_told_in_its_own_words(void **state)
{
    (void)state;
    const char *text = "nodes A B\nat x elect A term 1 with B;  write  B w ; settle # so\n"
                       "expect  last 1  on A # as it is\nexpect at z leader B\nat z settle\n";
    check_told_once(text, "\"event\":\"held\",\"words\":\"last 1  on A\",\"line\":3", NULL, NULL);
    check_told_once(text, "\"event\":\"not-held\",\"words\":\"write  B w\",\"line\":2",
                    "NOT AS EXPECTED: B takes no writes", NULL);
    check_told_once(text, "\"event\":\"not-held\",\"words\":\"leader B\"", NULL, NULL);
}

/* Thesis §4.2.3. */
static void test_who_hears_a_leader_is_seen_to_ignore_a_candidate(void **state)
{
    (void)state;
    const char *text = "nodes A B C\noption pre-vote off\n"
                       "at x elect A term 1 with B C; settle; campaign B; deliver vote\n";
    assert_int_equal(count_told(text, "\"event\":\"ignored\"", NULL, NULL), 2);
    check_told_once(text, "\"event\":\"ignored\",\"node\":\"C\",\"peer\":\"B\",\"message\":\"vote\"",
                    "\"term\":2,\"leader\":\"A\"", "it has just heard its leader, A");
    check_told_once(text, "\"event\":\"ignored\",\"node\":\"A\"", "\"leader\":\"A\"", "it leads");
    assert_int_equal(count_told("nodes A B C\noption pre-vote off\noption check-quorum off\n"
                                "at x elect A term 1 with B C; settle; campaign B; deliver vote\n",
                                "\"event\":\"ignored\"", NULL, NULL),
                     0);
}

/* As pre-votes are, those that are refused are for a close look. */
static void test_who_hears_a_leader_says_why_it_refuses_a_pre_vote(void **state)
{
    (void)state;
    const char *text = "nodes A B C\n"
                       "at x elect A term 1 with B C; settle; campaign B; deliver prevote\n";
    assert_int_equal(count_told(text, "\"event\":\"ignored\"", NULL, NULL), 2);
    check_told_once(text, "\"event\":\"ignored\",\"node\":\"C\",\"peer\":\"B\",\"message\":\"prevote\"",
                    "\"term\":2,\"leader\":\"A\"", "refuses B a pre-vote for term 2: it has just heard");
    check_told_once(text, "\"event\":\"ignored\",\"node\":\"A\"", "\"leader\":\"A\"", "it leads");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_reply_says_whether_it_grants_and_rejects),
        cmocka_unit_test(test_an_answer_to_an_older_term_is_told_as_a_refusal),
        cmocka_unit_test(test_a_read_that_waits_for_its_index_is_not_told_as_answered),
        cmocka_unit_test(test_a_client_is_told_with_which_outcome),
        cmocka_unit_test(test_an_expectation_is_told_in_its_own_words),
        cmocka_unit_test(test_who_hears_a_leader_is_seen_to_ignore_a_candidate),
        cmocka_unit_test(test_who_hears_a_leader_says_why_it_refuses_a_pre_vote),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
