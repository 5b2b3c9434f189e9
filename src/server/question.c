/* question.c - one question at a time to a node, over its Redis port, without waiting for it.
 *
 * The connection is kept from one question to the next, and closed when a question fails. The caller has the
 * poll() and the clock. A member's name is looked up when its connection is made: a name server that hangs
 * holds up the views, and nobody else. */
#include "web.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

void fl__question_close(struct fl__question *question)
{
    freeReplyObject(question->reply);
    redisFree(question->context);
    question->reply = NULL;
    question->context = NULL;
    question->is_open = false;
}

static void fail(struct fl__question *question, const char *why)
{
    snprintf(question->problem, sizeof question->problem, "%s", why);
    fl__question_close(question);
}

/* What was sent may have been done. */
static void lose(struct fl__question *question, const char *how)
{
    char why[128];
    snprintf(why, sizeof why, "%s%s", how, question->is_sent ? "; whether it was done is not known" : "");
    fail(question, why);
}

static bool connect_to(struct fl__question *question, const char *host, uint16_t port, const char *password)
{
    question->context = redisConnectNonBlock(host, port);
    if (question->context == NULL || question->context->err != 0) {
        fail(question, question->context == NULL ? "memory is short" : question->context->errstr);
        return false;
    }
    snprintf(question->host, sizeof question->host, "%s", host);
    question->port = port;
    if (password[0] != '\0') {
        redisAppendCommand(question->context, "AUTH %s", password);
        question->due++;
    }
    return true;
}

void fl__question_ask(struct fl__question *question, const struct fl__place *place, const char *password,
                      const char *const *words, double until_s)
{
    int count = 0;
    freeReplyObject(question->reply);
    question->reply = NULL;
    question->problem[0] = '\0';
    question->due = 0;
    question->until_s = until_s;
    if (strcmp(question->host, place->host) != 0 || question->port != place->port)
        fl__question_close(question);
    if (question->context == NULL && !connect_to(question, place->host, place->port, password))
        return;
    while (words[count] != NULL)
        count++;
    redisAppendCommandArgv(question->context, count, (const char **)(uintptr_t)words, NULL);
    question->due++;
    question->is_open = true;
    question->is_sent = false;
}

short fl__question_events(const struct fl__question *question, int *file)
{
    *file = question->is_open ? question->context->fd : -1;
    return question->is_sent ? POLLIN : POLLOUT;
}

/* Takes the replies that have arrived; the last one due is the answer. */
static void take_replies(struct fl__question *question)
{
    while (question->is_open) {
        void *reply = NULL;
        if (redisGetReplyFromReader(question->context, &reply) != REDIS_OK) {
            lose(question, "it does not speak the Redis protocol");
            return;
        }
        if (reply == NULL)
            return;
        struct redisReply *answer = reply;
        if (--question->due > 0) { /* To AUTH: if that failed, the answer behind it says so. */
            freeReplyObject(answer);
            continue;
        }
        if (answer->type == REDIS_REPLY_ERROR) {
            fail(question, answer->str);
            freeReplyObject(answer);
            return;
        }
        question->reply = answer;
        question->is_open = false;
    }
}

void fl__question_advance(struct fl__question *question, short events, double now_s)
{
    int error = 0, all_sent = 0;
    socklen_t size = sizeof error;
    if (!question->is_open)
        return;
    if (events != 0 && !question->is_sent) {
        if (getsockopt(question->context->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
            fail(question, error == ECONNREFUSED ? "nothing listens there" : strerror(error));
        else if (redisBufferWrite(question->context, &all_sent) != REDIS_OK)
            lose(question, "it closed the connection");
        else
            question->is_sent = all_sent != 0;
    } else if (events != 0) {
        if (redisBufferRead(question->context) != REDIS_OK)
            lose(question, "it closed the connection");
        else
            take_replies(question);
    }
    if (question->is_open && now_s >= question->until_s)
        lose(question, "it does not answer");
}
