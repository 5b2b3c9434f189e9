/* core_term_test.c - terms and leaders by the paper's rules, one replica at a time: what a higher term does,
 * what no message may say, when a replica campaigns, whom it refuses while it hears a leader, and when a
 * leader gives up.
 *
 * Replica 1 is the one looked at; its peers are written by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "votes.h"

#define TIMEOUT 1000000u
#define HEARTBEAT 100000u
#define TERM_JUMP_MAX ((fl_term)1 << 32)

/* -------------------------------------------------------------------------------------- terms: paper §5.1 */

static void bring_to(struct single *single, enum fl_role role)
{
    struct votes_setup setup;
    votes_set_up(&setup, 3, 4);
    setup.config.pre_vote = role == FL_PRECANDIDATE;
    votes_start(single, &setup);
    if (role == FL_LEADER)
        single_win(single, NULL);
    else if (role != FL_FOLLOWER)
        single_campaign(single);
    assert_int_equal(single_look(single).role, role);
}

static void test_a_higher_term_makes_everybody_a_follower(void **state)
{
    const enum fl_message_type types[] = {FL_MSG_VOTE, FL_MSG_VOTE_REPLY, FL_MSG_APPEND, FL_MSG_APPEND_REPLY,
                                          FL_MSG_PREVOTE_REPLY};
    (void)state;
    for (enum fl_role role = FL_FOLLOWER; role <= FL_LEADER; role++) {
        for (size_t k = 0; k < sizeof types / sizeof *types; k++) {
            struct single single;
            bring_to(&single, role);
            struct fl_message message = {.type = types[k], .from = 2, .to = 1, .boot = 2, .term = 9};
            assert_int_equal(single_receive(&single, &message), FL_OK);
            votes_check_role(&single, FL_FOLLOWER, 9);
            assert_int_equal(single_look(&single).has_leader, types[k] == FL_MSG_APPEND);
            assert_int_equal(single_last(&single, FL_WORK_PERSIST)->persist.term, 9);
            single_release(&single);
        }
    }
}

static void test_a_candidate_follows_the_leader_that_its_term_got(void **state)
{
    struct single single;
    (void)state;
    bring_to(&single, FL_CANDIDATE);
    votes_hear(&single, 3, 5);
    votes_check_role(&single, FL_FOLLOWER, 5);
    assert_int_equal(single_look(&single).leader, 3);
    assert_int_equal(single_look(&single).vote, 1); /* Still the one vote of this term. */
    votes_grant(&single, 2, 5);
    votes_check_role(&single, FL_FOLLOWER, 5);
    single_release(&single);
}

static void test_a_second_leader_of_one_term_is_impossible(void **state)
{
    struct single single;
    struct fl_message append = single_append(3, 5, 0, 0, 0);
    (void)state;
    bring_to(&single, FL_LEADER);
    assert_int_equal(single_receive(&single, &append), FL_EMESSAGE);
    votes_check_role(&single, FL_LEADER, 5);
    single_release(&single);
    bring_to(&single, FL_FOLLOWER);
    votes_hear(&single, 2, 5);
    assert_int_equal(single_receive(&single, &append), FL_EMESSAGE);
    assert_int_equal(single_look(&single).leader, 2);
    single_release(&single);
}

static void check_impossible(struct fl_message message, fl_id from, fl_id to, fl_term term)
{
    struct single single;
    single_init(&single, 3, 5, NULL, 0, 0);
    message.from = from;
    message.to = to;
    message.term = term;
    assert_int_equal(single_receive(&single, &message), FL_EMESSAGE);
    assert_int_equal(single.count, 0);
    votes_check_role(&single, FL_FOLLOWER, 5);
    single_release(&single);
}

static void test_messages_for_another_or_from_oneself_or_of_no_term_are_impossible(void **state)
{
    (void)state;
    for (enum fl_message_type type = FL_MSG_PREVOTE; type <= FL_MSG_FETCH_REPLY; type++) {
        struct fl_message message = {.type = type, .boot = 2};
        check_impossible(message, 2, 3, 6);
        check_impossible(message, 1, 1, 6);
        if (type != FL_MSG_PREVOTE_REPLY) /* A replica without a term may refuse. */
            check_impossible(message, 2, 1, 0);
        check_impossible(message, 2, 1, 5 + TERM_JUMP_MAX + 1);
    }
    check_impossible((struct fl_message){.type = 0}, 2, 1, 6);
    check_impossible((struct fl_message){.type = FL_MSG_FETCH_REPLY + 1}, 2, 1, 6);
}

static void test_a_vote_request_whose_log_is_of_its_own_term_is_impossible(void **state)
{
    (void)state;
    check_impossible(single_vote(2, 6, 3, 6), 2, 1, 6);
    check_impossible(votes_prevote(2, 6, 3, 7), 2, 1, 6);
    check_impossible(single_vote(2, 6, 3, 0), 2, 1, 6); /* Entries have terms. */
    check_impossible(single_vote(2, 6, 0, 3), 2, 1, 6);
}

static void test_the_largest_leap_of_a_term_is_believed(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 5, NULL, 0, 0);
    assert_true(votes_grants(&single, 2, 5 + TERM_JUMP_MAX));
    votes_check_role(&single, FL_FOLLOWER, 5 + TERM_JUMP_MAX);
    single_release(&single);
}

/* --------------------------------------------------------------------- time-outs: paper §5.2, thesis §3.4 */

static void test_time_outs_are_drawn_from_t_to_twice_t_and_differ_by_seed(void **state)
{
    fl_time_us least = UINT64_MAX, most = 0, before = 0;
    uint32_t repeated = 0;
    (void)state;
    for (uint64_t seed = 0; seed < 1000; seed++) {
        struct single single;
        struct votes_setup setup;
        votes_set_up(&setup, 3, 0);
        setup.config.seed = seed;
        votes_start(&single, &setup);
        fl_time_us timeout = fl_raft_deadline(single.raft) - single.now;
        assert_in_range(timeout, TIMEOUT, 2 * TIMEOUT - 1);
        least = timeout < least ? timeout : least;
        most = timeout > most ? timeout : most;
        repeated += timeout == before;
        before = timeout;
        single_release(&single);
    }
    assert_true(least < TIMEOUT + TIMEOUT / 50);
    assert_true(most > 2 * TIMEOUT - TIMEOUT / 50);
    assert_int_equal(repeated, 0);
}

static void test_a_campaign_starts_at_the_time_out_and_each_draws_anew(void **state)
{
    struct single single;
    fl_time_us before = 0;
    (void)state;
    single_init(&single, 3, 0, NULL, 0, 0);
    fl_time_us started = single.now;
    for (fl_term term = 1; term <= 20; term++) {
        while (fl_raft_deadline(single.raft) - started < TIMEOUT && single_look(&single).role == FL_CANDIDATE)
            single_tick(&single, fl_raft_deadline(single.raft) - single.now); /* It asks again. */
        fl_time_us at = fl_raft_deadline(single.raft);
        single_tick(&single, at - single.now - 1);
        assert_int_equal(single_look(&single).term, term - 1);
        while (single_look(&single).term < term)
            single_tick(&single, fl_raft_deadline(single.raft) - single.now);
        fl_time_us waited = single.now - started;
        assert_in_range(waited, TIMEOUT, 2 * TIMEOUT - 1);
        assert_true(waited != before);
        before = waited;
        started = single.now;
        single_clear(&single);
    }
    single_release(&single);
}

static void test_a_leaders_append_puts_off_the_campaign(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 1, NULL, 0, 0);
    for (int k = 0; k < 50; k++) {
        single_tick(&single, TIMEOUT - 1);
        votes_hear(&single, 2, 1);
        assert_true(fl_raft_deadline(single.raft) >= single.now + TIMEOUT);
        single_clear(&single);
    }
    votes_check_role(&single, FL_FOLLOWER, 1);
    single_tick(&single, 2 * TIMEOUT);
    votes_check_role(&single, FL_CANDIDATE, 2);
    single_release(&single);
}

static void test_a_vote_granted_puts_off_the_campaign_and_a_refused_one_does_not(void **state)
{
    const struct fl_run runs[] = {{1, 1}};
    struct single single;
    (void)state;
    single_init(&single, 3, 1, runs, 1, 1);
    fl_time_us at = fl_raft_deadline(single.raft);
    single_tick(&single, at - single.now - 1);
    struct fl_message vote = single_vote(2, 2, 0, 0);
    assert_false(votes_is_granted(&single, &vote));
    assert_int_equal(fl_raft_deadline(single.raft), at);
    vote = single_vote(3, 2, 1, 1);
    assert_true(votes_is_granted(&single, &vote));
    assert_true(fl_raft_deadline(single.raft) >= single.now + TIMEOUT);
    single_release(&single);
}

/* --------------------------------------------------- a voter that hears a leader: thesis §4.2.3, and §6.2 */

static void test_a_voter_that_hears_a_leader_refuses_others_and_keeps_its_term(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    votes_hear(&single, 2, 4);
    single_tick(&single, TIMEOUT - 1);
    struct fl_message vote = single_vote(3, 9, 0, 0), pre = votes_prevote(3, 9, 0, 0);
    assert_null(votes_ask(&single, &vote));
    assert_int_equal(single_count(&single, FL_WORK_SEND), 0);
    const struct fl_message *reply = votes_ask(&single, &pre);
    assert_false(reply->granted);
    assert_false(reply->rejected);
    votes_check_role(&single, FL_FOLLOWER, 4);
    single_tick(&single, 1); /* Now the election time-out has passed. */
    assert_true(votes_is_granted(&single, &pre));
    assert_true(votes_is_granted(&single, &vote));
    votes_check_role(&single, FL_FOLLOWER, 9);
    single_release(&single);
}

static void test_a_leader_with_its_quorum_refuses_other_candidates(void **state)
{
    struct single single;
    struct votes_setup setup;
    (void)state;
    votes_set_up(&setup, 3, 4);
    setup.config.check_quorum = true;
    votes_start(&single, &setup);
    single_win(&single, NULL);
    struct fl_message vote = single_vote(3, 9, 8, 8), pre = votes_prevote(3, 9, 8, 8);
    assert_null(votes_ask(&single, &vote));
    assert_false(votes_is_granted(&single, &pre));
    votes_check_role(&single, FL_LEADER, 5);
    single_release(&single);
}

static void test_without_check_quorum_a_voter_that_hears_a_leader_votes(void **state)
{
    struct single single;
    (void)state;
    single_init(&single, 3, 4, NULL, 0, 0);
    votes_hear(&single, 2, 4);
    assert_true(votes_grants(&single, 3, 5));
    single_release(&single);
}

static void answer_heartbeat(struct single *single, fl_id from, bool stores)
{
    fl_index last = stores ? single_look(single).last : 0;
    struct fl_message reply = {.type = FL_MSG_APPEND_REPLY,
                               .from = from,
                               .to = 1,
                               .boot = from,
                               .term = 5,
                               .last = last,
                               .held = last};
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

/* Leads five voters and a learner (6); `repliers` of them answer each heartbeat, and store what is sent. */
static fl_time_us lead_until_down(bool check_quorum, const fl_id *repliers, uint32_t count, bool stores,
                                  fl_time_us limit)
{
    struct single single;
    struct votes_setup setup;
    votes_set_up(&setup, 6, 4);
    setup.list[5].kind = FL_LEARNER;
    setup.config.check_quorum = check_quorum;
    votes_start(&single, &setup);
    single_win(&single, NULL);
    fl_time_us started = single.now;
    while (single_look(&single).role == FL_LEADER && single.now - started < limit) {
        single_clear(&single);
        single_tick(&single, fl_raft_deadline(single.raft) - single.now);
        for (uint32_t k = 0; k < count && single_look(&single).role == FL_LEADER; k++)
            answer_heartbeat(&single, repliers[k], stores);
    }
    if (single_look(&single).role != FL_LEADER)
        assert_int_equal(single_look(&single).term, 5); /* It is no reason for a new term. */
    fl_time_us led = single.now - started;
    single_release(&single);
    return led;
}

static void test_a_leader_without_quorum_steps_down_within_the_election_time_out(void **state)
{
    const fl_id one[] = {2}, one_and_learner[] = {2, 6}, two[] = {2, 5};
    (void)state;
    assert_int_equal(lead_until_down(true, NULL, 0, true, 9 * TIMEOUT), TIMEOUT);
    assert_int_equal(lead_until_down(true, one, 1, true, 9 * TIMEOUT), TIMEOUT);
    assert_int_equal(lead_until_down(true, one_and_learner, 2, true, 9 * TIMEOUT), TIMEOUT);
    assert_int_equal(lead_until_down(true, two, 2, true, 9 * TIMEOUT), 9 * TIMEOUT);
    assert_int_equal(lead_until_down(false, NULL, 0, true, 9 * TIMEOUT), 9 * TIMEOUT);
}

static void test_a_leader_whose_majority_stores_nothing_steps_down_after_four_time_outs(void **state)
{
    const fl_id two[] = {2, 5};
    (void)state;
    assert_int_equal(lead_until_down(true, two, 2, false, 9 * TIMEOUT), 4 * TIMEOUT);
    assert_int_equal(lead_until_down(false, two, 2, false, 9 * TIMEOUT), 9 * TIMEOUT);
}

/* ------------------------------------------------------------------------------- who campaigns: thesis §4 */

static void check_never_campaigns(struct votes_setup *setup)
{
    for (int pre_vote = 0; pre_vote < 2; pre_vote++) {
        struct single single;
        setup->config.pre_vote = pre_vote;
        votes_start(&single, setup);
        assert_int_equal(fl_raft_campaign(single.raft, single.now), FL_EREFUSED);
        for (int k = 0; k < 20; k++)
            single_tick(&single, TIMEOUT);
        votes_check_role(&single, FL_FOLLOWER, 4);
        assert_int_equal(single.count, 0);
        single_release(&single);
    }
}

static void test_a_learner_a_stranger_and_a_damaged_replica_never_campaign(void **state)
{
    const struct fl_run runs[] = {{1, 1}};
    struct votes_setup setup;
    (void)state;
    votes_set_up(&setup, 3, 4);
    setup.list[0].kind = FL_LEARNER;
    check_never_campaigns(&setup);
    votes_set_up(&setup, 3, 4);
    setup.config.id = 9;
    check_never_campaigns(&setup);
    votes_set_up(&setup, 0, 4);
    check_never_campaigns(&setup);
    votes_set_up(&setup, 3, 4);
    setup.start.runs = runs;
    setup.start.run_count = 1;
    setup.start.last = setup.start.damaged = 1;
    check_never_campaigns(&setup);
}

static void test_who_leads_already_does_not_campaign(void **state)
{
    struct single single;
    (void)state;
    bring_to(&single, FL_LEADER);
    assert_int_equal(fl_raft_campaign(single.raft, single.now), FL_EINVAL);
    votes_check_role(&single, FL_LEADER, 5);
    single_release(&single);
}

/* ----------------------------------------------------------------------------- connections that are reset */

static void test_the_leaders_reset_connection_starts_a_pre_vote_soon(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    votes_hear(&single, 2, 4);
    single_tick(&single, HEARTBEAT);
    fl_raft_peer_down(single.raft, single.now, 3); /* Not the leader. */
    assert_true(fl_raft_deadline(single.raft) > single.now + HEARTBEAT);
    assert_true(single_look(&single).has_leader);
    fl_raft_peer_down(single.raft, single.now, 2);
    assert_true(fl_raft_deadline(single.raft) <= single.now + HEARTBEAT);
    assert_false(single_look(&single).has_leader);
    single_tick(&single, HEARTBEAT);
    votes_check_role(&single, FL_PRECANDIDATE, 4);
    assert_non_null(single_sent(&single, FL_MSG_PREVOTE, 3, 0));
    single_release(&single);
}

static void test_whose_leader_is_gone_grants_at_once(void **state)
{
    struct single single;
    (void)state;
    votes_start_as_served(&single, 3, 4);
    votes_hear(&single, 2, 4);
    struct fl_message pre = votes_prevote(3, 5, 0, 0);
    assert_false(votes_is_granted(&single, &pre));
    fl_raft_peer_down(single.raft, single.now, 2);
    assert_true(votes_is_granted(&single, &pre));
    single_release(&single);
}

/* ------------------------------------------------------------------------------ configurations on the way */

/* Who lacks entries asks a refuser for them; they may hold a configuration in which the asker has no vote. */
static void check_fetched_configuration(bool pre_vote)
{
    struct single single;
    struct votes_setup setup;
    const struct fl_run run = {.term = 4, .first = 1};
    const struct fl_member others[] = {{.id = 2, .kind = FL_VOTER}, {.id = 3, .kind = FL_VOTER}};
    const struct fl_members without = {.index = 1, .count = 2, .list = others};
    struct fl_outline outline = {.present = true, .low = 1, .low_term = 4, .top = 1, .last = 1, .durable = 1};
    votes_set_up(&setup, 3, 4);
    setup.config.pre_vote = pre_vote;
    votes_start(&single, &setup);
    single_campaign(&single);
    fl_term term = single_look(&single).term;
    struct fl_message refusal = {.type = pre_vote ? FL_MSG_PREVOTE_REPLY : FL_MSG_VOTE_REPLY,
                                 .from = 2,
                                 .to = 1,
                                 .term = term,
                                 .boot = 2,
                                 .rejected = true};
    if (!pre_vote)
        refusal.outline = outline;
    assert_int_equal(single_receive(&single, &refusal), FL_OK);
    const struct fl_message *fetch = single_sent(&single, FL_MSG_FETCH, 2, 0);
    assert_non_null(fetch);
    struct fl_message reply = {.type = FL_MSG_FETCH_REPLY,
                               .from = 2,
                               .to = 1,
                               .term = term,
                               .boot = 2,
                               .last = 1,
                               .number = fetch->number,
                               .runs = &run,
                               .run_count = 1,
                               .configs = &without,
                               .config_count = 1,
                               .outline = outline};
    assert_int_equal(single_receive(&single, &reply), FL_OK);
    assert_int_equal(single.accepted.last, 1);
    votes_check_role(&single, FL_FOLLOWER, term);
    single_tick(&single, 100 * single.config.election_timeout_us);
    votes_check_role(&single, FL_FOLLOWER, term);
    single_release(&single);
}

static void test_who_fetches_a_configuration_without_its_vote_campaigns_no_more(void **state)
{
    (void)state;
    check_fetched_configuration(false);
    check_fetched_configuration(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_higher_term_makes_everybody_a_follower),
        cmocka_unit_test(test_a_candidate_follows_the_leader_that_its_term_got),
        cmocka_unit_test(test_a_second_leader_of_one_term_is_impossible),
        cmocka_unit_test(test_messages_for_another_or_from_oneself_or_of_no_term_are_impossible),
        cmocka_unit_test(test_a_vote_request_whose_log_is_of_its_own_term_is_impossible),
        cmocka_unit_test(test_the_largest_leap_of_a_term_is_believed),
        cmocka_unit_test(test_time_outs_are_drawn_from_t_to_twice_t_and_differ_by_seed),
        cmocka_unit_test(test_a_campaign_starts_at_the_time_out_and_each_draws_anew),
        cmocka_unit_test(test_a_leaders_append_puts_off_the_campaign),
        cmocka_unit_test(test_a_vote_granted_puts_off_the_campaign_and_a_refused_one_does_not),
        cmocka_unit_test(test_a_voter_that_hears_a_leader_refuses_others_and_keeps_its_term),
        cmocka_unit_test(test_a_leader_with_its_quorum_refuses_other_candidates),
        cmocka_unit_test(test_without_check_quorum_a_voter_that_hears_a_leader_votes),
        cmocka_unit_test(test_a_leader_without_quorum_steps_down_within_the_election_time_out),
        cmocka_unit_test(test_a_leader_whose_majority_stores_nothing_steps_down_after_four_time_outs),
        cmocka_unit_test(test_a_learner_a_stranger_and_a_damaged_replica_never_campaign),
        cmocka_unit_test(test_who_leads_already_does_not_campaign),
        cmocka_unit_test(test_the_leaders_reset_connection_starts_a_pre_vote_soon),
        cmocka_unit_test(test_whose_leader_is_gone_grants_at_once),
        cmocka_unit_test(test_who_fetches_a_configuration_without_its_vote_campaigns_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
