/* votes.c - what tests about votes and terms share. */
#include "votes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

void votes_set_up(struct votes_setup *setup, uint32_t voters, fl_term term)
{
    *setup = (struct votes_setup){.start = {.term = term}};
    fl_raft_config_init(&setup->config);
    setup->config.id = 1;
    setup->config.boot = 77;
    setup->config.pre_vote = setup->config.check_quorum = false;
    for (uint32_t k = 0; k < voters; k++)
        setup->list[k] = (struct fl_member){.id = k + 1, .kind = FL_VOTER};
    setup->start.members = (struct fl_members){.count = voters, .list = setup->list};
}

void votes_start(struct single *single, const struct votes_setup *setup)
{
    single_init_with(single, &setup->config, &setup->start);
}

void votes_start_as_served(struct single *single, uint32_t voters, fl_term term)
{
    struct votes_setup setup;
    votes_set_up(&setup, voters, term);
    setup.config.pre_vote = setup.config.check_quorum = true;
    votes_start(single, &setup);
}

struct fl_message votes_prevote(fl_id from, fl_term term, fl_index last, fl_term last_term)
{
    struct fl_message message = single_vote(from, term, last, last_term);
    message.type = FL_MSG_PREVOTE;
    return message;
}

void votes_answer(struct single *single, enum fl_message_type type, fl_id from, fl_term term, bool granted)
{
    struct fl_message reply = {
        .type = type, .from = from, .to = 1, .boot = from, .term = term, .granted = granted};
    assert_int_equal(single_receive(single, &reply), FL_OK);
}

void votes_grant(struct single *single, fl_id from, fl_term term)
{
    votes_answer(single, FL_MSG_VOTE_REPLY, from, term, true);
}

const struct fl_message *votes_ask(struct single *single, const struct fl_message *request)
{
    enum fl_message_type reply = request->type == FL_MSG_VOTE ? FL_MSG_VOTE_REPLY : FL_MSG_PREVOTE_REPLY;
    single_clear(single);
    assert_int_equal(single_receive(single, request), FL_OK);
    return single_sent(single, reply, request->from, 0);
}

bool votes_is_granted(struct single *single, const struct fl_message *request)
{
    const struct fl_message *reply = votes_ask(single, request);
    assert_non_null(reply);
    return reply->granted;
}

bool votes_grants(struct single *single, fl_id candidate, fl_term term)
{
    struct fl_message request = single_vote(candidate, term, 0, 0);
    return votes_is_granted(single, &request);
}

void votes_hear(struct single *single, fl_id leader, fl_term term)
{
    struct fl_message append = single_append(leader, term, 0, 0, 0);
    assert_int_equal(single_receive(single, &append), FL_OK);
    assert_true(single_look(single).has_leader);
}

void votes_check_role(const struct single *single, enum fl_role role, fl_term term)
{
    assert_int_equal(single_look(single).role, role);
    assert_int_equal(single_look(single).term, term);
}
