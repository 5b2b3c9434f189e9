/* member_view.h - parts of a member's view, as FAIRLEAD VIEW has it, for tests that play a member. */
#ifndef FAIRLEAD_TEST_MEMBER_VIEW_H
#define FAIRLEAD_TEST_MEMBER_VIEW_H

#define MEMBER_STATE                                                                                         \
    "\"up\":true,\"role\":\"leader\",\"term\":3,\"health\":\"healthy\",\"last\":1,\"commit\":1,\"first\":1"
/* All else, but for its name, its log and its peers. */
#define MEMBER_REST                                                                                          \
    "\"paused\":false,\"voter\":true,\"vote\":\"\",\"leader\":\"\",\"damage\":\"\",\"durable\":1,"           \
    "\"applied\":1,\"election_us\":-1,\"timeout_us\":-1,\"disk\":\"fast\",\"writes\":0,\"counters\":"        \
    "{\"committed\":0,\"syncs\":0,\"sync_us\":0,\"commits\":0,\"commit_us\":0,\"clients\":0,\"memory\":0,"   \
    "\"disk\":0}"
#define MEMBER_ALL MEMBER_STATE "," MEMBER_REST

#endif
