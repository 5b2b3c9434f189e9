/* gather.c - asks all members how they are, while somebody watches.
 *
 * A thread of its own. It sleeps as long as nobody watches and nobody wants something done; else it asks each
 * member for FAIRLEAD VIEW five times a second, this node too, over their ports for clients: all at once, and
 * each on a connection that is kept. A member that does not answer is given up after a second, and delays
 * nobody: what the others said is told a moment after they were asked. Nor does one whose name is not to be
 * found out, or one whose answer is too long: what a member may say is limited.
 *
 * Errands are what --web-admin allows: commands for a node, run in between. */
#include "web.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PERIOD_S 0.2
#define PATIENCE_S 0.1       /* What has not answered by then is not waited for in this round, */
#define PATIENCE_FIRST_S 0.5 /* or in the first one. */
#define ANSWER_S 1.0         /* A member that takes longer counts as down. */
#define HEARTBEAT_S 15.0
#define EVENTS_MAX 128 /* Of one answer. */

struct member {
    char name[FL_NAME_MAX];
    struct fl__question question;
};

struct fl__gatherer {
    struct fl__board *board;
    struct fl__live *live;
    pthread_t thread;
    pthread_mutex_t mutex;
    bool is_stopping;           /* Under the mutex, */
    struct fl__errand *errands; /* and those that nobody has begun, */
    uint32_t errand_count;      /* and how many there are, begun or not. */

    /* The thread's own. */
    struct fl__errand *begun;
    struct fl__published *latest;
    struct fl__names names;
    struct fl__picture *picture; /* NULL: nobody watches. */
    struct member members[FL_MEMBERS_MAX];
    uint32_t member_count;
    bool is_round_open, had_round;
    double round_at, patience_until, sent_at;
};

/* ------------------------------------------------------------------------------------------------- asking */

/* A member as this node knows it; false: where it is for clients is not known. */
static bool locate(const struct fl__published *latest, const char *name, struct fl__place *out)
{
    const struct fl_node_status *node = &latest->snapshot.node;
    for (uint32_t k = 0; k < node->peer_count; k++) {
        const struct fl_node_peer *peer = &node->peers[k];
        if (strcmp(peer->member.name, name) == 0)
            return fl__places_locate(peer->self ? latest->client : peer->member.client, peer->member.address,
                                     out);
    }
    return false;
}

/* Members come, and stay: a configuration without one leaves its place empty until nobody watches. */
static void find_members(struct fl__gatherer *gatherer)
{
    const struct fl_node_status *node = &gatherer->latest->snapshot.node;
    for (uint32_t k = 0; k < node->peer_count; k++) {
        const char *name = node->peers[k].member.name;
        uint32_t at = 0;
        while (at < gatherer->member_count && strcmp(gatherer->members[at].name, name) != 0)
            at++;
        if (at < gatherer->member_count || at == FL_MEMBERS_MAX)
            continue;
        gatherer->members[at] = (struct member){.name = ""};
        memcpy(gatherer->members[at].name, name, sizeof gatherer->members[at].name);
        gatherer->member_count++;
    }
}

static void ask(struct fl__gatherer *gatherer, struct member *member, double now)
{
    struct fl__place place;
    char since[24];
    int64_t number = fl__picture_since(gatherer->picture, member->name);
    if (member->question.is_open)
        return;
    if (!locate(gatherer->latest, member->name, &place)) {
        fl__picture_lost(gatherer->picture, member->name, "it has told no address for clients yet");
        return;
    }
    snprintf(since, sizeof since, "%lld", (long long)number);
    const char *const newest[] = {"FAIRLEAD", "VIEW", NULL};
    const char *const words[] = {"FAIRLEAD", "VIEW", "SINCE", since, NULL};
    fl__question_ask(&member->question, &gatherer->names, &place, gatherer->latest->password,
                     number < 0 ? newest : words, now, ANSWER_S);
    if (!member->question.is_open)
        fl__picture_lost(gatherer->picture, member->name, member->question.problem);
}

static void begin_round(struct fl__gatherer *gatherer, double now)
{
    struct fl__published *latest = fl__board_take(gatherer->board);
    gatherer->round_at = now + PERIOD_S;
    if (latest == NULL)
        return;
    free(gatherer->latest);
    gatherer->latest = latest;
    find_members(gatherer);
    for (uint32_t k = 0; k < gatherer->member_count; k++)
        ask(gatherer, &gatherer->members[k], now);
    gatherer->is_round_open = true;
    gatherer->patience_until = now + (gatherer->had_round ? PATIENCE_S : PATIENCE_FIRST_S);
}

/* ------------------------------------------------------------------------------------------- what is said */

/* [boot nonce, next sequence, [event, ...], node]; false: it is not that. */
static bool read_answer(const struct redisReply *reply, const char *events[EVENTS_MAX], struct fl__seen *out)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 4)
        return false;
    const struct redisReply *boot = reply->element[0], *next = reply->element[1], *list = reply->element[2],
                            *view = reply->element[3];
    if (boot->type != REDIS_REPLY_STRING || next->type != REDIS_REPLY_INTEGER || next->integer < 0 ||
        list->type != REDIS_REPLY_ARRAY || list->elements > EVENTS_MAX || view->type != REDIS_REPLY_STRING)
        return false;
    for (size_t k = 0; k < list->elements; k++) {
        if (list->element[k]->type != REDIS_REPLY_STRING)
            return false;
        events[k] = list->element[k]->str;
    }
    *out = (struct fl__seen){.boot = boot->str,
                             .next = (uint64_t)next->integer,
                             .events = events,
                             .event_count = (uint32_t)list->elements,
                             .view = view->str};
    return true;
}

static void take_answer(struct fl__gatherer *gatherer, struct member *member)
{
    const char *events[EVENTS_MAX];
    struct fl__seen seen;
    if (member->question.reply == NULL)
        fl__picture_lost(gatherer->picture, member->name, member->question.problem);
    else if (!read_answer(member->question.reply, events, &seen) ||
             !fl__picture_take(gatherer->picture, member->name, &seen))
        fl__picture_lost(gatherer->picture, member->name, "its answer is no view");
}

static void advance_member(struct fl__gatherer *gatherer, struct member *member, short events, double now)
{
    if (!member->question.is_open)
        return;
    fl__question_advance(&member->question, &gatherer->names, events, now);
    if (!member->question.is_open)
        take_answer(gatherer, member);
}

static void tell(struct fl__gatherer *gatherer, struct fl__bytes text, double now)
{
    fl__live_send(gatherer->live, text);
    gatherer->sent_at = now;
}

/* Who tells, and when. */
static struct fl__caption caption_of(const struct fl__gatherer *gatherer, double now)
{
    const struct fl__published *latest = gatherer->latest;
    double age_s = now > latest->moved_s ? now - latest->moved_s : 0;
    return (struct fl__caption){.name = latest->snapshot.node.name,
                                .time_us = latest->snapshot.uptime_us + (uint64_t)(age_s * 1e6),
                                .wall_us = fl__web_wall_us()};
}

/* The round ends when all have answered, or patience does. */
static void maybe_end_round(struct fl__gatherer *gatherer, double now)
{
    struct fl__reply text;
    struct fl__caption caption;
    bool waits = false;
    for (uint32_t k = 0; k < gatherer->member_count; k++)
        waits = waits || gatherer->members[k].question.is_open;
    if (!gatherer->is_round_open || (waits && now < gatherer->patience_until))
        return;
    gatherer->is_round_open = false;
    gatherer->had_round = true;
    fl__live_look(gatherer->live);
    caption = caption_of(gatherer, now);
    if (fl__picture_tell(gatherer->picture, &caption, &text))
        tell(gatherer, (struct fl__bytes){text.data, text.size}, now);
    fl__reply_release(&text);
    if (now >= gatherer->sent_at + HEARTBEAT_S)
        tell(gatherer, fl__bytes_of(":\n\n"), now);
}

/* ----------------------------------------------------------------------------------------------- watchers */

static void stop_watching(struct fl__gatherer *gatherer)
{
    for (uint32_t k = 0; k < gatherer->member_count; k++)
        fl__question_close(&gatherer->members[k].question);
    fl__picture_destroy(gatherer->picture);
    gatherer->picture = NULL;
    gatherer->member_count = 0;
    gatherer->is_round_open = gatherer->had_round = false;
}

/* Begins and ends with them; whoever came since is told what there is. */
static void look_at_watchers(struct fl__gatherer *gatherer, double now)
{
    uint32_t watchers, newcomers;
    struct fl__reply text;
    fl__live_count(gatherer->live, &watchers, &newcomers);
    if (watchers == 0 && gatherer->picture != NULL)
        stop_watching(gatherer);
    if (watchers > 0 && gatherer->picture == NULL) {
        gatherer->picture = fl__picture_create();
        gatherer->round_at = gatherer->sent_at = now;
    }
    if (newcomers == 0 || gatherer->picture == NULL || !gatherer->had_round)
        return;
    struct fl__caption caption = caption_of(gatherer, now);
    if (fl__picture_greet(gatherer->picture, &caption, &text))
        fl__live_welcome(gatherer->live, (struct fl__bytes){text.data, text.size});
    fl__reply_release(&text);
}

/* ------------------------------------------------------------------------------------------------ errands */

static void end_errand(struct fl__gatherer *gatherer, struct fl__errand *errand, bool good, const char *text)
{
    pthread_mutex_lock(&gatherer->mutex);
    gatherer->errand_count--;
    pthread_mutex_unlock(&gatherer->mutex);
    errand->is_good = good;
    snprintf(errand->text, sizeof errand->text, "%s", text);
    fl__question_close(&errand->question);
    errand->done(errand); /* It may be gone from here on. */
}

static void begin_errand(struct fl__gatherer *gatherer, struct fl__errand *errand, double now)
{
    struct fl__published *latest = fl__board_take(gatherer->board);
    struct fl__place place;
    const char *name = errand->node[0] != '\0' || latest == NULL ? errand->node : latest->snapshot.node.name;
    if (latest == NULL || !locate(latest, name, &place)) {
        end_errand(gatherer, errand, false, "no member of that name can be reached");
    } else {
        fl__question_ask(&errand->question, &gatherer->names, &place, latest->password, errand->words, now,
                         FL__ERRAND_S);
        errand->next = gatherer->begun;
        gatherer->begun = errand;
    }
    free(latest);
}

static void begin_errands(struct fl__gatherer *gatherer, double now)
{
    pthread_mutex_lock(&gatherer->mutex);
    struct fl__errand *errand = gatherer->errands;
    gatherer->errands = NULL;
    pthread_mutex_unlock(&gatherer->mutex);
    while (errand != NULL) {
        struct fl__errand *next = errand->next;
        begin_errand(gatherer, errand, now);
        errand = next;
    }
}

static void end_lost_errand(struct fl__gatherer *gatherer, struct fl__errand *errand)
{
    char why[sizeof errand->text];
    snprintf(why, sizeof why, "%.200s%s", errand->question.problem,
             errand->question.is_unknown ? "; whether it was done is not known" : "");
    end_errand(gatherer, errand, false, why);
}

static void end_errands(struct fl__gatherer *gatherer)
{
    struct fl__errand **place = &gatherer->begun;
    while (*place != NULL) {
        struct fl__errand *errand = *place;
        const struct redisReply *reply = errand->question.reply;
        if (errand->question.is_open) {
            place = &errand->next;
            continue;
        }
        *place = errand->next;
        if (reply != NULL)
            end_errand(gatherer, errand, true, reply->str != NULL ? reply->str : "done");
        else
            end_lost_errand(gatherer, errand);
    }
}

/* The node stops. */
static void drop_errands(struct fl__gatherer *gatherer, struct fl__errand **list)
{
    while (*list != NULL) {
        struct fl__errand *errand = *list;
        *list = errand->next;
        end_errand(gatherer, errand, false, "the node stops; whether it was done is not known");
    }
}

bool fl__gather_run(struct fl__gatherer *gatherer, struct fl__errand *errand)
{
    pthread_mutex_lock(&gatherer->mutex);
    bool is_taken = !gatherer->is_stopping && gatherer->errand_count < FL__ERRANDS_MAX;
    if (is_taken) {
        errand->next = gatherer->errands;
        gatherer->errands = errand;
        gatherer->errand_count++;
    }
    pthread_mutex_unlock(&gatherer->mutex);
    if (is_taken)
        fl__live_wake(gatherer->live);
    return is_taken;
}

/* --------------------------------------------------------------------------------------------- the thread */

struct waiting {
    struct pollfd polls[1 + FL_MEMBERS_MAX + FL__ERRANDS_MAX + FL__NAMES_MAX];
    nfds_t count;
};

static void add_file(struct waiting *waiting, int file, short events)
{
    waiting->polls[waiting->count++] = (struct pollfd){.fd = file, .events = events};
}

static void add_question(struct waiting *waiting, const struct fl__question *question)
{
    int file;
    short events = fl__question_events(question, &file);
    add_file(waiting, file, events);
}

/* How long nothing is due, in milliseconds; -1: for ever. */
static int pause_ms(const struct fl__gatherer *gatherer, double now)
{
    double until = now + ANSWER_S;
    if (gatherer->picture == NULL && gatherer->begun == NULL)
        return -1;
    if (gatherer->picture != NULL && !gatherer->is_round_open && gatherer->round_at < until)
        until = gatherer->round_at;
    if (gatherer->is_round_open && gatherer->patience_until < until)
        until = gatherer->patience_until;
    return until <= now ? 0 : (int)((until - now) * 1000) + 1;
}

/* Waits until something arrives or is due, and takes what arrived. */
static void wait_and_take(struct fl__gatherer *gatherer)
{
    struct waiting waiting = {.count = 0};
    char bytes[64];
    add_file(&waiting, fl__live_wake_file(gatherer->live), POLLIN);
    for (uint32_t k = 0; k < gatherer->member_count; k++)
        add_question(&waiting, &gatherer->members[k].question);
    for (struct fl__errand *errand = gatherer->begun; errand != NULL; errand = errand->next)
        add_question(&waiting, &errand->question);
    for (uint32_t k = 0; k < FL__NAMES_MAX; k++) /* Whose name it is, each question sees for itself. */
        add_file(&waiting, fl__names_file(&gatherer->names, k), POLLIN);
    if (poll(waiting.polls, waiting.count, pause_ms(gatherer, fl__web_now_s())) < 0)
        return;
    while (read(waiting.polls[0].fd, bytes, sizeof bytes) > 0)
        continue;
    double now = fl__web_now_s();
    const struct pollfd *at = &waiting.polls[1];
    for (uint32_t k = 0; k < gatherer->member_count; k++)
        advance_member(gatherer, &gatherer->members[k], (at++)->revents, now);
    for (struct fl__errand *errand = gatherer->begun; errand != NULL; errand = errand->next)
        fl__question_advance(&errand->question, &gatherer->names, (at++)->revents, now);
}

static bool is_stopping(struct fl__gatherer *gatherer)
{
    pthread_mutex_lock(&gatherer->mutex);
    bool stopping = gatherer->is_stopping;
    pthread_mutex_unlock(&gatherer->mutex);
    return stopping;
}

static void *run(void *context)
{
    struct fl__gatherer *gatherer = context;
    while (!is_stopping(gatherer)) {
        wait_and_take(gatherer);
        double now = fl__web_now_s();
        begin_errands(gatherer, now);
        end_errands(gatherer); /* Some may have failed at once. */
        look_at_watchers(gatherer, now);
        if (gatherer->picture == NULL)
            continue;
        if (!gatherer->is_round_open && now >= gatherer->round_at)
            begin_round(gatherer, now);
        maybe_end_round(gatherer, now);
        look_at_watchers(gatherer, now);
    }
    stop_watching(gatherer);
    drop_errands(gatherer, &gatherer->begun);
    drop_errands(gatherer, &gatherer->errands); /* No more come. */
    fl__names_release(&gatherer->names);
    free(gatherer->latest);
    return NULL;
}

struct fl__gatherer *fl__gather_start(struct fl__board *board, struct fl__live *live)
{
    struct fl__gatherer *gatherer = calloc(1, sizeof *gatherer);
    if (gatherer == NULL)
        return NULL;
    gatherer->board = board;
    gatherer->live = live;
    pthread_mutex_init(&gatherer->mutex, NULL);
    if (pthread_create(&gatherer->thread, NULL, run, gatherer) == 0)
        return gatherer;
    pthread_mutex_destroy(&gatherer->mutex);
    free(gatherer);
    return NULL;
}

void fl__gather_stop(struct fl__gatherer *gatherer)
{
    if (gatherer == NULL)
        return;
    pthread_mutex_lock(&gatherer->mutex);
    gatherer->is_stopping = true;
    pthread_mutex_unlock(&gatherer->mutex);
    fl__live_wake(gatherer->live);
    pthread_join(gatherer->thread, NULL);
}

void fl__gather_destroy(struct fl__gatherer *gatherer)
{
    if (gatherer == NULL)
        return;
    pthread_mutex_destroy(&gatherer->mutex);
    free(gatherer);
}
