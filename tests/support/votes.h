/* votes.h - what tests about votes and terms say again and again, on top of single.h. */
#ifndef FAIRLEAD_TEST_VOTES_H
#define FAIRLEAD_TEST_VOTES_H

#include "single.h"

/* What a replica is created from. */
struct votes_setup {
    struct fl_raft_config config;
    struct fl_raft_start start;
    struct fl_member list[16];
};

void votes_set_up(struct votes_setup *setup, uint32_t voters, fl_term term);
void votes_start(struct single *single, const struct votes_setup *setup);
/* A replica that has what a server has: pre-votes, and voters that stick to a leader. */
void votes_start_as_served(struct single *single, uint32_t voters, fl_term term);
struct fl_message votes_prevote(fl_id from, fl_term term, fl_index last, fl_term last_term);
void votes_answer(struct single *single, enum fl_message_type type, fl_id from, fl_term term, bool granted);
void votes_grant(struct single *single, fl_id from, fl_term term);
/* The answer to a request for a vote or a pre-vote; NULL if none was sent. */
const struct fl_message *votes_ask(struct single *single, const struct fl_message *request);
bool votes_is_granted(struct single *single, const struct fl_message *request);
bool votes_grants(struct single *single, fl_id candidate, fl_term term);
/* A heartbeat of an empty log's leader. */
void votes_hear(struct single *single, fl_id leader, fl_term term);
void votes_check_role(const struct single *single, enum fl_role role, fl_term term);

#endif
