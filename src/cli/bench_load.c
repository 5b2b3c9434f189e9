/* bench_load.c - the engine of `bench`: many connections on one thread, kept full of commands.
 *
 * Each client keeps up to `depth` commands in flight and sends the next ones as answers arrive (closed loop).
 * With a rate, command i is due at begin + i / rate whether or not somebody is free to send it, and its
 * latency counts from then: what had to wait for a slow answer is as late as it would be for a user (open
 * loop).
 *
 * A command whose connection is lost before its answer is never sent again. Who lost a connection makes
 * another: to the leader, once the nodes that still answer say who that is, or to the next of the targets.
 * Always: a client's flights are the commands sent to its present connection and not answered, in order. */
#include "client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MS_NS 1000000ull
#define TICK_NS (10 * MS_NS)   /* Pauses, time-outs and lost connections are looked at so often. */
#define PAUSE_NS (10 * MS_NS)  /* A client that got an error waits so long. */
#define RETRY_NS (20 * MS_NS)  /* Between two attempts to connect. */
#define SCOUT_NS (500 * MS_NS) /* One survey for the leader takes no longer. */
#define FILL_DEPTH 16u
#define FILL_PATIENCE 5000000000u /* Nanoseconds in which nothing is written: then what is there must do. */
#define INPUT_SIZE (64u << 10)
#define COMMAND_ROOM 128 /* Of a command without its value. */
#define REMOVE_KEYS 64u  /* By one DEL. */
#define REMOVE_ROOM (64 + REMOVE_KEYS * 40)

struct flight {
    uint64_t due, sent;
    bool is_write;
};

struct client {
    struct fl__load *load;
    int socket;          /* -1: none. */
    bool connected;      /* Not merely connecting. */
    bool greets;         /* The answer to AUTH is still to come. */
    bool leaves;         /* The node sent us elsewhere: sends no more, and goes when all is answered. */
    bool watched;        /* Waits for room to send. */
    uint64_t ready_at;   /* Does nothing before: it pauses, or will connect again. */
    unsigned turn;       /* Which of the targets is next. */
    unsigned generation; /* Of the load's targets when it connected. */
    struct fl__skim skim;
    struct flight *flights;
    unsigned first, count;
    char *out;
    size_t out_size, out_sent;
};

uint64_t fl__load_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* ----------------------------------------------------------------------------------------------- counting */

/* The row of an error's word; the last one takes all that have none of their own. */
static struct fl__load_error *error_row(struct fl__load *load, const char *word, bool unknown)
{
    struct fl__load_error *row = load->errors;
    struct fl__load_error *last = &load->errors[FL__LOAD_ERRORS - 1];
    for (; row < last && row->word[0] != '\0'; row++) {
        if (strcmp(row->word, word) == 0)
            return row;
    }
    snprintf(row->word, sizeof row->word, "%s", row == last ? "others" : word);
    row->unknown = unknown;
    return row;
}

static void count_error(struct fl__load *load, const struct flight *flight, const char *word, bool unknown)
{
    struct fl__load_error *row = error_row(load, word, unknown);
    load->sides[flight->is_write].errors++;
    if (flight->is_write)
        row->writes++;
    else
        row->reads++;
    load->unknown += unknown && flight->is_write;
    load->wrote = load->wrote || (unknown && flight->is_write);
}

static void count_done(struct fl__load *load, const struct flight *flight, uint64_t now)
{
    struct fl__load_side *side = &load->sides[flight->is_write];
    uint64_t latency = now > flight->due ? now - flight->due : 0;
    fl__tally_add(&side->latency, latency);
    fl__tally_add(&load->interval, latency);
    if (now - side->last_done > side->longest_gap)
        side->longest_gap = now - side->last_done;
    side->last_done = now;
    load->wrote = load->wrote || flight->is_write;
    load->last_done = now;
}

/* -------------------------------------------------------------------------------------------- connections */

/* The oldest flight, which is none any more. */
static const struct flight *take_flight(struct client *client)
{
    const struct flight *flight = &client->flights[client->first];
    client->first = (client->first + 1) % client->load->room;
    client->count--;
    client->load->in_flight--;
    return flight;
}

static void lose(struct client *client, const char *word)
{
    struct fl__load *load = client->load;
    if (client->socket >= 0)
        close(client->socket);
    client->socket = -1;
    while (client->count > 0)
        count_error(load, take_flight(client), word, true);
    client->out_size = client->out_sent = 0;
    client->ready_at = load->now + RETRY_NS;
    if (load->plan->to == FL__TO_LEADER && client->generation == load->generation && !load->scouts) {
        load->scouts = true;
        load->lost_at = load->now;
        load->lost_word = word;
        load->scout_at = load->now;
        load->on_change(load->context, load);
    }
}

static void watch(struct client *client, bool room)
{
    struct epoll_event event = {.events = EPOLLIN | (room ? EPOLLOUT : 0), .data.ptr = client};
    if (client->watched != room)
        epoll_ctl(client->load->poll, EPOLL_CTL_MOD, client->socket, &event);
    client->watched = room;
}

static void flush(struct client *client)
{
    while (client->out_sent < client->out_size) {
        ssize_t n = send(client->socket, client->out + client->out_sent, client->out_size - client->out_sent,
                         MSG_NOSIGNAL);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            watch(client, true);
            return;
        }
        if (n < 0) {
            lose(client, FL__LOAD_LOST);
            return;
        }
        client->out_sent += (size_t)n;
    }
    client->out_size = client->out_sent = 0;
    watch(client, false);
}

static void greet(struct client *client)
{
    struct fl__load *load = client->load;
    client->connected = true;
    client->skim = (struct fl__skim){.skip = 0};
    client->greets = load->hello_size > 0;
    if (load->hello_size > 0)
        memcpy(client->out, load->hello, load->hello_size);
    client->out_size = load->hello_size;
    client->out_sent = 0;
    flush(client);
}

static void start_connecting(struct client *client)
{
    struct fl__load *load = client->load;
    const char *address = load->targets[client->turn++ % load->target_count];
    client->ready_at = load->now + RETRY_NS;
    client->generation = load->generation;
    client->connected = client->leaves = client->watched = false;
    client->socket = fl__dial(address);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = client};
    client->watched = true;
    if (client->socket >= 0 && epoll_ctl(load->poll, EPOLL_CTL_ADD, client->socket, &event) != 0)
        lose(client, FL__LOAD_LOST);
}

static void finish_connecting(struct client *client)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(client->socket, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        lose(client, FL__LOAD_LOST);
    else
        greet(client);
}

/* ---------------------------------------------------------------------------------------------- who leads */

static void end_scouting(struct fl__load *load)
{
    struct fl__survey *survey = load->survey;
    fl__ask_end(&load->asker, load->asks, load->node_count);
    survey->count = 0;
    for (unsigned i = 0; i < load->node_count; i++) {
        const char *text = fl__ask_text(&load->asks[i]);
        if (text != NULL)
            fl__survey_read(text, survey, load->asks[i].address);
    }
    fl__ask_release(load->asks, load->node_count);
    fl__survey_judge(survey);
    load->asking = false;
    load->scout_at = load->now + RETRY_NS;
    if (survey->leader == survey->count)
        return;
    const struct fl__view *view = &survey->views[survey->leader];
    snprintf(load->targets[0], sizeof load->targets[0], "%s", view->address);
    snprintf(load->leader, sizeof load->leader, "%s", view->name);
    load->generation++;
    load->scouts = false;
    load->on_change(load->context, load);
}

/* Asks all nodes at the same time who leads, without waiting for any of them. */
static void scout(struct fl__load *load)
{
    if (!load->asking && load->now >= load->scout_at) {
        memset(load->asks, 0, sizeof load->asks);
        for (unsigned i = 0; i < load->node_count; i++) {
            memcpy(load->asks[i].address, load->nodes[i], sizeof load->nodes[i]);
            load->asks[i].words[0] = "FAIRLEAD";
            load->asks[i].words[1] = "STATUS";
        }
        fl__ask_begin(&load->asker, load->asks, load->node_count);
        load->asking = true;
        load->scout_at = load->now + SCOUT_NS;
    }
    if (load->asking && (!fl__ask_step(load->asks, load->node_count, 0) || load->now >= load->scout_at))
        end_scouting(load);
}

/* ------------------------------------------------------------------------------------------------ sending */

static uint64_t due_of(const struct fl__load *load, uint64_t number)
{
    return load->rate == 0 ? load->now
                           : load->begin + number / load->rate * 1000000000u +
                                 number % load->rate * 1000000000u / load->rate;
}

static bool may_send(const struct fl__load *load)
{
    return !load->ending && load->issued < load->limit && due_of(load, load->issued) <= load->now;
}

static uint64_t draw(struct fl__load *load, uint64_t below)
{
    load->random ^= load->random << 13;
    load->random ^= load->random >> 7;
    load->random ^= load->random << 17;
    return (load->random >> 11) % below;
}

static size_t put_write(const struct fl__load *load, uint64_t key, char *out)
{
    const struct fl__plan *plan = load->plan;
    return plan->counters ? fl__wire_increment(out, key) : fl__wire_write(out, key, load->value, plan->size);
}

/* The next command of the phase; whether it writes. */
static size_t put_command(struct fl__load *load, char *out, bool *is_write)
{
    const struct fl__plan *plan = load->plan;
    uint64_t first = load->issued * REMOVE_KEYS, left = plan->keys - first;
    *is_write = true;
    if (load->phase == FL__PHASE_FILL)
        return put_write(load, load->issued, out);
    if (load->phase == FL__PHASE_REMOVE)
        return fl__wire_remove(out, plan->counters, first, left < REMOVE_KEYS ? (unsigned)left : REMOVE_KEYS);
    *is_write = draw(load, 100) < plan->writes;
    uint64_t key = draw(load, plan->keys);
    return *is_write ? put_write(load, key, out) : fl__wire_read(out, plan->counters, key);
}

/* Sends what is due, as far as the client has room for it. */
static void send_more(struct client *client)
{
    struct fl__load *load = client->load;
    if (!client->connected || client->socket < 0 || client->leaves || load->now < client->ready_at ||
        client->out_size > 0)
        return;
    while (client->count < load->depth && may_send(load)) {
        struct flight *flight = &client->flights[(client->first + client->count++) % load->room];
        flight->due = due_of(load, load->issued);
        flight->sent = load->now;
        client->out_size += put_command(load, client->out + client->out_size, &flight->is_write);
        load->issued++;
        load->in_flight++;
    }
    if (client->out_size > 0)
        flush(client);
}

/* ---------------------------------------------------------------------------------------------- receiving */

/* An error answer: its first word says what became of the command. */
static void take_error(struct client *client, const struct flight *flight)
{
    char word[FL__LOAD_WORD];
    struct fl__load *load = client->load;
    snprintf(word, sizeof word, "%.*s", (int)strcspn(client->skim.line + 1, " \r\n"), client->skim.line + 1);
    count_error(load, flight, word, strcmp(word, "TIMEOUT") == 0);
    client->ready_at = load->now + PAUSE_NS;
    if (strcmp(word, "MOVED") == 0 || strcmp(word, "READONLY") == 0)
        client->leaves = true;
}

static void take_answer(struct client *client, int kind)
{
    struct fl__load *load = client->load;
    if (client->greets) {
        client->greets = false;
        load->refused = load->refused || kind == '-';
        return;
    }
    if (client->count == 0) {
        lose(client, FL__LOAD_LOST);
        return;
    }
    const struct flight *flight = take_flight(client);
    if (kind == '-')
        take_error(client, flight);
    else
        count_done(load, flight, load->now);
}

static void receive(struct client *client)
{
    struct fl__load *load = client->load;
    ssize_t n = recv(client->socket, load->input, INPUT_SIZE, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    load->now = fl__load_now();
    for (size_t at = 0, taken; n > 0 && at < (size_t)n; at += taken) {
        int kind = fl__skim(&client->skim, load->input + at, (size_t)n - at, &taken);
        if (kind == FL__SKIM_BAD)
            n = 0;
        else if (kind != FL__SKIM_MORE)
            take_answer(client, kind);
        if (client->socket < 0)
            return;
    }
    if (n <= 0 || (client->leaves && client->count == 0))
        lose(client, FL__LOAD_LOST);
    else
        send_more(client);
}

/* ------------------------------------------------------------------------------------------------ a phase */

static void on_event(struct client *client, uint32_t events)
{
    if (client->socket < 0)
        return;
    if (!client->connected)
        finish_connecting(client);
    else if (events & EPOLLOUT)
        flush(client);
    if (client->socket >= 0 && client->connected && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
        receive(client);
    else
        send_more(client);
}

/* What time brings to one client. */
static void tick_client(struct client *client)
{
    struct fl__load *load = client->load;
    uint64_t patience = load->asker.timeout * 1000;
    if (client->socket < 0) {
        if (load->now >= client->ready_at && !load->scouts)
            start_connecting(client);
        return;
    }
    uint64_t since = client->connected ? client->flights[client->first].sent : client->ready_at;
    if ((client->count > 0 || !client->connected) && load->now > since + patience)
        lose(client, FL__LOAD_SILENT);
    else
        send_more(client);
}

static void tick(struct fl__load *load)
{
    if (load->scouts)
        scout(load);
    for (unsigned i = 0; i < load->plan->clients; i++)
        tick_client(&load->clients[i]);
    load->on_tick(load->context, load);
    load->next_tick = load->now + TICK_NS;
}

/* Wakes us when the next command is due, which epoll_wait() alone would only do to the millisecond. */
static void arm(struct fl__load *load)
{
    uint64_t due = due_of(load, load->issued);
    struct itimerspec when = {.it_value = {(time_t)(due / 1000000000u), (long)(due % 1000000000u)}};
    if (load->rate == 0 || due == load->armed)
        return;
    timerfd_settime(load->timer, TFD_TIMER_ABSTIME, &when, NULL);
    load->armed = due;
}

/* Gives what has become due to whoever is free, each time beginning with another client. */
static void send_due(struct fl__load *load)
{
    unsigned count = load->plan->clients;
    load->turn++;
    for (unsigned i = 0; i < count && may_send(load); i++)
        send_more(&load->clients[(load->turn + i) % count]);
}

static void on_interrupt(struct fl__load *load)
{
    struct signalfd_siginfo info;
    if (read(load->interrupts, &info, sizeof info) != sizeof info)
        return;
    load->aborted = load->interrupted;
    load->interrupted = true;
}

static void wait_and_serve(struct fl__load *load)
{
    struct epoll_event events[256];
    uint64_t expirations;
    int count = epoll_wait(load->poll, events, 256, (int)(TICK_NS / MS_NS));
    load->now = fl__load_now();
    for (int i = 0; i < count; i++) {
        if (events[i].data.ptr == &load->interrupts)
            on_interrupt(load);
        else if (events[i].data.ptr == &load->timer)
            (void)!read(load->timer, &expirations, sizeof expirations);
        else
            on_event(events[i].data.ptr, events[i].events);
    }
}

/* What is due by now and was not sent, nobody had room for. */
static void stop_sending(struct fl__load *load)
{
    uint64_t time = (load->now < load->end ? load->now : load->end) - load->begin;
    uint64_t due = time / 1000000000u * load->rate + time % 1000000000u * load->rate / 1000000000u;
    due = due < load->limit ? due : load->limit;
    load->unsent = due > load->issued ? due - load->issued : 0;
    load->ending = true;
}

void fl__load_run(struct fl__load *load, enum fl__phase phase, fl_time_us duration)
{
    const struct fl__plan *plan = load->plan;
    bool measures = phase == FL__PHASE_MEASURE;
    load->phase = phase;
    load->rate = measures ? plan->rate : 0;
    load->depth = measures ? plan->depth : phase == FL__PHASE_FILL ? load->room : 1;
    load->limit = measures                  ? plan->count
                  : phase == FL__PHASE_FILL ? plan->keys
                                            : (plan->keys + REMOVE_KEYS - 1) / REMOVE_KEYS;
    load->issued = 0;
    load->ending = false;
    load->now = load->begin = fl__load_now();
    load->end = load->begin + duration * 1000;
    load->last_done = load->begin;
    memset(load->errors, 0, sizeof load->errors);
    memset(load->sides, 0, sizeof load->sides);
    memset(&load->interval, 0, sizeof load->interval);
    load->sides[0].last_done = load->sides[1].last_done = load->begin;
    load->unknown = load->unsent = 0;
    while (!load->refused && !load->aborted &&
           (load->in_flight > 0 || (!load->ending && load->issued < load->limit))) {
        if (load->now >= load->next_tick)
            tick(load);
        if (load->rate > 0)
            send_due(load);
        bool is_over = load->now >= load->end || (load->interrupted && phase != FL__PHASE_REMOVE) ||
                       (phase == FL__PHASE_FILL && load->now - load->last_done > FILL_PATIENCE);
        if (!load->ending && is_over)
            stop_sending(load);
        arm(load);
        wait_and_serve(load);
    }
    load->stopped = load->now;
}

/* ------------------------------------------------------------------------------------------- make and end */

static bool make_hello(struct fl__load *load)
{
    const char *password = load->asker.password;
    if (password == NULL)
        return true;
    int size = asprintf(&load->hello, "*2\r\n$4\r\nAUTH\r\n$%zu\r\n%s\r\n", strlen(password), password);
    load->hello_size = size < 0 ? 0 : (size_t)size;
    return size >= 0;
}

static bool make_client(struct fl__load *load, unsigned number)
{
    struct client *client = &load->clients[number];
    size_t commands = load->room * (COMMAND_ROOM + load->plan->size), room = REMOVE_ROOM + load->hello_size;
    client->load = load;
    client->socket = -1;
    client->turn = number;
    client->flights = malloc(load->room * sizeof *client->flights);
    client->out = malloc(commands > room ? commands : room);
    return client->flights != NULL && client->out != NULL;
}

static bool watch_for(const struct fl__load *load, const int *file)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = (void *)(uintptr_t)file};
    return *file >= 0 && epoll_ctl(load->poll, EPOLL_CTL_ADD, *file, &event) == 0;
}

/* A descriptor for each client, and some for us: as many as the system lets us have, if need be. */
static bool allow_files(unsigned clients)
{
    struct rlimit limit;
    rlim_t need = clients + 64;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= need)
        return true;
    limit.rlim_cur = limit.rlim_max < need ? limit.rlim_max : need;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur >= need;
}

bool fl__load_init(struct fl__load *load, const struct fl__plan *plan)
{
    load->plan = plan;
    load->random = 0x9e3779b97f4a7c15u;
    load->room = plan->depth > FILL_DEPTH ? plan->depth : FILL_DEPTH;
    load->clients = calloc(plan->clients, sizeof *load->clients);
    load->input = malloc(INPUT_SIZE);
    load->value = malloc(plan->size + 1);
    load->poll = epoll_create1(EPOLL_CLOEXEC);
    load->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    load->interrupts = fl__interrupts();
    if (!allow_files(plan->clients) || load->clients == NULL || load->input == NULL || load->value == NULL ||
        !make_hello(load) || !watch_for(load, &load->timer) || !watch_for(load, &load->interrupts))
        return false;
    for (size_t i = 0; i < plan->size; i++)
        load->value[i] = (char)('!' + draw(load, 94));
    for (unsigned i = 0; i < plan->clients; i++) {
        if (!make_client(load, i))
            return false;
    }
    return true;
}

void fl__load_release(struct fl__load *load)
{
    for (unsigned i = 0; load->clients != NULL && i < load->plan->clients; i++) {
        if (load->clients[i].load != NULL && load->clients[i].socket >= 0)
            close(load->clients[i].socket);
        free(load->clients[i].flights);
        free(load->clients[i].out);
    }
    for (unsigned i = 0; i < 3; i++) {
        int file = (int[]){load->poll, load->timer, load->interrupts}[i];
        if (file >= 0)
            close(file);
    }
    if (load->asking) {
        fl__ask_end(&load->asker, load->asks, load->node_count);
        fl__ask_release(load->asks, load->node_count);
    }
    free(load->clients);
    free(load->input);
    free(load->value);
    free(load->hello);
}
