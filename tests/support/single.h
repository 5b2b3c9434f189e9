/* single.h - one core under a magnifying glass: messages go in by hand, work comes out and is looked at. */
#ifndef FAIRLEAD_TEST_SINGLE_H
#define FAIRLEAD_TEST_SINGLE_H

#include <fairlead/raft.h>

#define SINGLE_WORK_MAX 256
#define SINGLE_RUNS_MAX 64

/* A copy of a piece of work, with its own runs. */
struct single_work {
    struct fl_work work;
    struct fl_message message; /* Of a send. */
    struct fl_run runs[SINGLE_RUNS_MAX], outline_runs[SINGLE_RUNS_MAX];
};

struct single {
    struct fl_raft *raft;
    struct fl_raft_config config;
    fl_time_us now;
    bool persist_at_once;                     /* Else single_persist() does. On at first. */
    bool send_all;                            /* Reports every send with entries as sent. On at first. */
    fl_ticket ticket;                         /* The latest handed out. */
    struct single_work list[SINGLE_WORK_MAX]; /* What was taken since single_clear(), in order. */
    uint32_t count;
    struct fl_accepted accepted; /* By the latest message. */
};

/* Replica 1 of voters 1 to `voters`, with a log of these runs up to `last`, at this term; no vote. */
void single_init(struct single *single, uint32_t voters, fl_term term, const struct fl_run *runs,
                 uint32_t run_count, fl_index last);
/* The same with everything to choose. */
void single_init_with(struct single *single, const struct fl_raft_config *config,
                      const struct fl_raft_start *start);
void single_release(struct single *single);

/* Each takes all work afterwards. */
int single_receive(struct single *single, const struct fl_message *message);
void single_tick(struct single *single, fl_time_us by);
void single_campaign(struct single *single);
void single_persist(struct single *single); /* All that was handed out is durable. */
int single_propose(struct single *single, uint32_t count, fl_index *first);
void single_take(struct single *single);
void single_clear(struct single *single);

/* The n-th (from 0) message of the type to `to` since single_clear(); NULL if there is none. */
const struct fl_message *single_sent(const struct single *single, enum fl_message_type type, fl_id to,
                                     uint32_t n);
struct fl_status single_look(const struct single *single);
uint32_t single_count(const struct single *single, enum fl_work_type type);
/* NULL if there is none. */
const struct fl_work *single_last(const struct single *single, enum fl_work_type type);

/* Wins term `status.term + 1` with everybody's vote; outlines say that their logs are empty unless given. */
void single_win(struct single *single, const struct fl_outline *outline);

/* Messages to replica 1. */
struct fl_message single_vote(fl_id from, fl_term term, fl_index last, fl_term last_term);
struct fl_message single_append(fl_id from, fl_term term, fl_index prev, fl_term prev_term, fl_index commit);

#endif
