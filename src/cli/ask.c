/* ask.c - questions to nodes over the Redis protocol, many at a time.
 *
 * All connections are made and all commands sent before the first answer is waited for, so that nodes that do
 * not answer cost one time-out together. hiredis does the protocol; the waiting is one poll() here. A
 * question that is asked again and again keeps its connection. */
#include "cli.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define ASKS_MAX 64

char *fl__read_password(const char *path)
{
    char line[1024];
    FILE *file = fopen(path, "re");
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        fl__say_error(FL__CODE_FILE, "the password file %s cannot be read", path);
        fl__say_fact("now", "%s", file == NULL ? strerror(errno) : "it is empty");
        if (file != NULL)
            fclose(file);
        return NULL;
    }
    fclose(file);
    line[strcspn(line, "\r\n")] = '\0';
    if (line[0] == '\0') {
        fl__say_error(FL__CODE_FILE, "the password file %s has an empty first line", path);
        return NULL;
    }
    return strdup(line);
}

bool fl__asker_init(struct fl__asker *asker, const struct fl__settings *settings)
{
    asker->timeout = fl__settings_number(settings, "timeout");
    asker->password = NULL;
    const char *file = fl__settings_text(settings, "password-file");
    if (file == NULL)
        return true;
    asker->password = fl__read_password(file);
    return asker->password != NULL;
}

void fl__asker_release(struct fl__asker *asker)
{
    free(asker->password);
    asker->password = NULL;
}

static void close_connection(struct fl__ask *ask)
{
    redisFree(ask->context);
    ask->context = NULL;
}

static void give_up(struct fl__ask *ask, const char *why)
{
    snprintf(ask->problem, sizeof ask->problem, "%s", why);
    close_connection(ask);
}

static bool is_open(const struct fl__ask *ask)
{
    return ask->context != NULL && !ask->answered;
}

/* Starts to connect; false if that fails at once. */
static bool start_connecting(const struct fl__asker *asker, struct fl__ask *ask)
{
    char host[FL_ADDRESS_MAX];
    unsigned port;
    if (!fl__value_address(ask->address, host, &port)) {
        snprintf(ask->problem, sizeof ask->problem, "its address is not known");
        return false;
    }
    ask->context = redisConnectNonBlock(host, (int)port);
    if (ask->context == NULL || ask->context->err != 0) {
        give_up(ask, ask->context == NULL ? "memory is short" : ask->context->errstr);
        return false;
    }
    if (asker->password != NULL) {
        redisAppendCommand(ask->context, "AUTH %s", asker->password);
        ask->replies_due++;
    }
    return true;
}

/* Connects, unless a connection was kept, and puts the command behind that. */
static void begin(const struct fl__asker *asker, struct fl__ask *ask)
{
    int count = 0;
    ask->problem[0] = '\0';
    ask->answered = ask->sent = false;
    ask->replies_due = 0;
    if (ask->context == NULL && !start_connecting(asker, ask))
        return;
    while (count < FL__ASK_WORDS && ask->words[count] != NULL)
        count++;
    redisAppendCommandArgv(ask->context, count, (const char **)(uintptr_t)ask->words, NULL);
    ask->replies_due++;
}

/* Whether the connection is there; if it failed, the question is over. */
static bool connected(struct fl__ask *ask)
{
    int error = 0;
    socklen_t size = sizeof error;
    if (getsockopt(ask->context->fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
        return true;
    give_up(ask, error == ECONNREFUSED ? "nothing listens there" : strerror(error));
    return false;
}

/* Takes the replies that have arrived; the last one due ends the question. */
static void take_replies(struct fl__ask *ask)
{
    while (is_open(ask)) {
        void *reply = NULL;
        if (redisGetReplyFromReader(ask->context, &reply) != REDIS_OK) {
            give_up(ask, "it does not speak the Redis protocol");
            return;
        }
        if (reply == NULL)
            return;
        struct redisReply *answer = reply;
        bool failed = answer->type == REDIS_REPLY_ERROR;
        if (failed)
            snprintf(ask->problem, sizeof ask->problem, "it says: %s", answer->str);
        if (--ask->replies_due > 0 && !failed) {
            freeReplyObject(answer);
            continue;
        }
        ask->reply = answer;
        ask->answered = true;
        ask->heard_us = fl__wall_us();
        if (!ask->keep || failed)
            close_connection(ask);
    }
}

static void go_on(struct fl__ask *ask, short events)
{
    int all_sent = 0;
    if (!ask->sent) {
        if (!connected(ask))
            return;
        if (redisBufferWrite(ask->context, &all_sent) != REDIS_OK) {
            give_up(ask, "it closed the connection");
            return;
        }
        ask->sent = all_sent != 0;
        return;
    }
    if ((events & (POLLIN | POLLHUP | POLLERR)) == 0)
        return;
    if (redisBufferRead(ask->context) != REDIS_OK) {
        give_up(ask, "it closed the connection");
        return;
    }
    take_replies(ask);
}

bool fl__ask_step(struct fl__ask *asks, size_t count, fl_time_us wait)
{
    struct pollfd polls[ASKS_MAX];
    struct fl__ask *asked[ASKS_MAX];
    nfds_t open = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_open(&asks[i]))
            continue;
        polls[open] = (struct pollfd){.fd = asks[i].context->fd, .events = asks[i].sent ? POLLIN : POLLOUT};
        asked[open++] = &asks[i];
    }
    if (open == 0)
        return false;
    if (poll(polls, open, (int)((wait + 999) / 1000)) < 0)
        return errno == EINTR;
    for (nfds_t i = 0; i < open; i++) {
        if (polls[i].revents != 0)
            go_on(asked[i], polls[i].revents);
    }
    return true;
}

void fl__ask_begin(const struct fl__asker *asker, struct fl__ask *asks, size_t count)
{
    fl_assert(count <= ASKS_MAX);
    for (size_t i = 0; i < count; i++)
        begin(asker, &asks[i]);
}

void fl__ask_end(const struct fl__asker *asker, struct fl__ask *asks, size_t count)
{
    char waited[64], time[32];
    fl__value_duration_text(asker->timeout, time, sizeof time);
    snprintf(waited, sizeof waited, "no answer within %s", time);
    for (size_t i = 0; i < count; i++) {
        if (is_open(&asks[i]))
            give_up(&asks[i], waited);
    }
}

void fl__ask_all(const struct fl__asker *asker, struct fl__ask *asks, size_t count)
{
    fl_time_us end = fl__now() + asker->timeout;
    fl__ask_begin(asker, asks, count);
    for (fl_time_us now = fl__now(); now < end && fl__ask_step(asks, count, end - now); now = fl__now())
        continue;
    fl__ask_end(asker, asks, count);
}

void fl__ask_release(struct fl__ask *asks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (asks[i].reply != NULL)
            freeReplyObject(asks[i].reply);
        asks[i].reply = NULL;
    }
}

const char *fl__ask_text(const struct fl__ask *ask)
{
    const struct redisReply *reply = ask->reply;
    bool text = reply != NULL && (reply->type == REDIS_REPLY_STRING || reply->type == REDIS_REPLY_STATUS);
    return text ? reply->str : NULL;
}

int fl__dial(const char *address)
{
    char host[FL_ADDRESS_MAX], service[8];
    unsigned port;
    struct addrinfo *found = NULL, hints = {.ai_socktype = SOCK_STREAM};
    int made = -1, on = 1;
    if (!fl__value_address(address, host, &port))
        return -1;
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return -1;
    for (struct addrinfo *each = found; each != NULL && made < 0; each = each->ai_next) {
        made = socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (made >= 0 && connect(made, each->ai_addr, each->ai_addrlen) != 0 && errno != EINPROGRESS) {
            close(made);
            made = -1;
        }
    }
    freeaddrinfo(found);
    if (made >= 0)
        setsockopt(made, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return made;
}

int fl__interrupts(void)
{
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    if (sigprocmask(SIG_BLOCK, &mask, NULL) != 0)
        return -1;
    return signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
}

void fl__ask_close(struct fl__ask *ask)
{
    close_connection(ask);
}
