/* single.c - one core under a magnifying glass. */
#include "single.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "sim.h"

#define VOTERS_MAX 16

static void set_members(struct fl_member *list, struct fl_raft_start *start, uint32_t voters)
{
    for (uint32_t k = 0; k < voters; k++)
        list[k] = (struct fl_member){.id = k + 1, .kind = FL_VOTER};
    start->members = (struct fl_members){.count = voters, .list = list};
}

void single_init_with(struct single *single, const struct fl_raft_config *config,
                      const struct fl_raft_start *start)
{
    struct fl_allocator allocator = fl__stage_allocator();
    memset(single, 0, sizeof *single);
    single->config = *config;
    single->now = 1000000;
    single->persist_at_once = single->send_all = true;
    assert_int_equal(fl_raft_create(&single->raft, config, start, &allocator, single->now), FL_OK);
    single_take(single);
}

void single_init(struct single *single, uint32_t voters, fl_term term, const struct fl_run *runs,
                 uint32_t run_count, fl_index last)
{
    struct fl_member list[VOTERS_MAX];
    struct fl_raft_config config;
    fl_raft_config_init(&config);
    config.id = 1;
    config.boot = 77;
    config.pre_vote = config.check_quorum = false;
    struct fl_raft_start start = {.term = term, .runs = runs, .run_count = run_count, .last = last};
    set_members(list, &start, voters);
    single_init_with(single, &config, &start);
}

void single_release(struct single *single)
{
    fl_raft_destroy(single->raft);
    single->raft = NULL;
}

/* --------------------------------------------------------------------------------------------------- work */

static void copy_work(struct single_work *copy, const struct fl_work *work)
{
    copy->work = *work;
    if (work->type != FL_WORK_SEND)
        return;
    copy->message = *work->send.message;
    struct fl_message *message = &copy->message;
    assert_in_range(message->run_count, 0, SINGLE_RUNS_MAX);
    if (message->run_count > 0)
        memcpy(copy->runs, message->runs, message->run_count * sizeof *copy->runs);
    message->runs = message->run_count > 0 ? copy->runs : NULL;
    if (!message->outline.present)
        return;
    assert_in_range(message->outline.run_count, 0, SINGLE_RUNS_MAX);
    if (message->outline.run_count > 0)
        memcpy(copy->outline_runs, message->outline.runs, message->outline.run_count * sizeof *copy->runs);
    message->outline.runs = message->outline.run_count > 0 ? copy->outline_runs : NULL;
}

static void report_sent(struct single *single, const struct fl_message *message)
{
    bool entries = (message->type == FL_MSG_APPEND || message->type == FL_MSG_FETCH_REPLY) &&
                   message->last > message->prev;
    if (!single->send_all || !entries)
        return;
    int result = fl_raft_sent(single->raft, message->to, message->term, message->number, message->last,
                              16 * (message->last - message->prev));
    assert_int_equal(result, FL_OK);
}

void single_take(struct single *single)
{
    struct fl_work work;
    while (fl_raft_take(single->raft, &work)) {
        assert_in_range(single->count, 0, SINGLE_WORK_MAX - 1);
        struct single_work *copy = &single->list[single->count++];
        copy_work(copy, &work);
        if (work.type == FL_WORK_PERSIST) {
            single->ticket = work.persist.ticket;
            if (single->persist_at_once)
                assert_int_equal(fl_raft_persisted(single->raft, single->now, single->ticket), FL_OK);
        } else if (work.type == FL_WORK_SEND) {
            report_sent(single, &copy->message);
        }
    }
}

void single_clear(struct single *single)
{
    single->count = 0;
}

int single_receive(struct single *single, const struct fl_message *message)
{
    int result = fl_raft_receive(single->raft, single->now, message, &single->accepted);
    single_take(single);
    return result;
}

void single_tick(struct single *single, fl_time_us by)
{
    single->now += by;
    fl_raft_tick(single->raft, single->now);
    single_take(single);
}

void single_campaign(struct single *single)
{
    assert_int_equal(fl_raft_campaign(single->raft, single->now), FL_OK);
    single_take(single);
}

void single_persist(struct single *single)
{
    assert_int_equal(fl_raft_persisted(single->raft, single->now, single->ticket), FL_OK);
    single_take(single);
}

int single_propose(struct single *single, uint32_t count, fl_index *first)
{
    fl_term term;
    int result = fl_raft_propose(single->raft, single->now, count, first, &term);
    single_take(single);
    return result;
}

const struct fl_message *single_sent(const struct single *single, enum fl_message_type type, fl_id to,
                                     uint32_t n)
{
    for (uint32_t k = 0; k < single->count; k++) {
        const struct single_work *work = &single->list[k];
        if (work->work.type == FL_WORK_SEND && work->message.type == type && work->message.to == to &&
            n-- == 0)
            return &work->message;
    }
    return NULL;
}

struct fl_status single_look(const struct single *single)
{
    struct fl_status status;
    fl_raft_status(single->raft, &status);
    return status;
}

uint32_t single_count(const struct single *single, enum fl_work_type type)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < single->count; k++)
        count += single->list[k].work.type == type;
    return count;
}

const struct fl_work *single_last(const struct single *single, enum fl_work_type type)
{
    for (uint32_t k = single->count; k > 0; k--)
        if (single->list[k - 1].work.type == type)
            return &single->list[k - 1].work;
    return NULL;
}

/* ----------------------------------------------------------------------------------------------- messages */

void single_win(struct single *single, const struct fl_outline *outline)
{
    struct fl_status status;
    single_campaign(single);
    fl_raft_status(single->raft, &status);
    for (fl_id voter = 2; voter <= status.members.count && status.role == FL_CANDIDATE; voter++) {
        struct fl_message reply = {.type = FL_MSG_VOTE_REPLY,
                                   .granted = true,
                                   .from = voter,
                                   .to = 1,
                                   .term = status.term,
                                   .boot = voter};
        if (outline)
            reply.outline = *outline;
        else
            reply.outline = (struct fl_outline){.present = true, .low_is_floor = true};
        assert_int_equal(single_receive(single, &reply), FL_OK);
    }
    fl_raft_status(single->raft, &status);
    assert_int_equal(status.role, FL_LEADER);
}

struct fl_message single_vote(fl_id from, fl_term term, fl_index last, fl_term last_term)
{
    return (struct fl_message){.type = FL_MSG_VOTE,
                               .from = from,
                               .to = 1,
                               .term = term,
                               .boot = from,
                               .prev = last,
                               .prev_term = last_term};
}

struct fl_message single_append(fl_id from, fl_term term, fl_index prev, fl_term prev_term, fl_index commit)
{
    return (struct fl_message){.type = FL_MSG_APPEND,
                               .from = from,
                               .to = 1,
                               .term = term,
                               .boot = from,
                               .prev = prev,
                               .prev_term = prev_term,
                               .last = prev,
                               .commit = commit,
                               .number = 1};
}
