/* question.c - one question at a time to a node, over its Redis port, without waiting for it.
 *
 * The connection is kept from one question to the next, and closed when a question fails. The caller has the
 * poll() and the clock.
 *
 * Whoever answers there may be anybody. An answer has a limit, and so has what it makes this node allocate:
 * an array takes memory when it is announced, and each that stands in another takes a call to release, so how
 * many elements all arrays have is looked at before. Who says more than he was
 * asked is not asked on that connection any more. */
#include "web.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#define REQUEST_SIZE_MAX (64u << 10)
#define ELEMENTS_MAX 256 /* Of all arrays of an answer: a view has 4, and 128 events. */

void fl__question_close(struct fl__question *question)
{
    freeReplyObject(question->reply);
    redisFree(question->context);
    fl__reply_release(&question->request);
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
static void lose(struct fl__question *question, const char *why)
{
    question->is_unknown = question->is_sent;
    fail(question, why);
}

/* ------------------------------------------------------------------------------------------------- asking */

static void add_request(struct fl__reply *request, const char *const *words)
{
    size_t count = 0;
    while (words[count] != NULL)
        count++;
    fl__reply_array(request, count);
    for (size_t k = 0; k < count; k++)
        fl__reply_bulk(request, fl__bytes_of(words[k]));
}

/* Once it is known where: connects if need be, and gives the request to hiredis, which sends it. */
static void pass_on(struct fl__question *question, const char *address)
{
    if (question->context == NULL)
        question->context = redisConnectNonBlock(address, question->port);
    if (question->context == NULL || question->request.failed)
        fail(question, "memory is short");
    else if (question->context->err != 0)
        fail(question, question->context->errstr);
    else if (redisAppendFormattedCommand(question->context, question->request.data, question->request.size) !=
             REDIS_OK)
        fail(question, "memory is short");
    else
        fl__reply_release(&question->request);
}

static void find_place(struct fl__question *question, struct fl__names *names, double now_s)
{
    char found[FL__FOUND_SIZE] = "";
    enum fl__name_state state = FL__NAME_FOUND;
    if (question->context == NULL)
        state = fl__names_find(names, question->host, now_s, found);
    if (state == FL__NAME_LOST)
        fail(question, found);
    else if (state == FL__NAME_FOUND)
        pass_on(question, found);
}

void fl__question_ask(struct fl__question *question, struct fl__names *names, const struct fl__place *place,
                      const char *password, const char *const *words, double now_s, double patience_s)
{
    const char *const auth[] = {"AUTH", password, NULL};
    if (strcmp(question->host, place->host) != 0 || question->port != place->port)
        fl__question_close(question);
    freeReplyObject(question->reply);
    question->reply = NULL;
    question->problem[0] = '\0';
    memcpy(question->host, place->host, sizeof question->host);
    question->port = place->port;
    question->until_s = now_s + patience_s;
    question->due = 1;
    question->received = 0;
    question->is_open = true;
    question->is_sent = question->is_unknown = question->is_in_number = false;
    question->is_line_new = true;
    question->elements = 0;
    fl__reply_init(&question->request, 2, REQUEST_SIZE_MAX);
    if (question->context == NULL && password[0] != '\0') {
        add_request(&question->request, auth);
        question->due++;
    }
    add_request(&question->request, words);
    find_place(question, names, now_s);
}

short fl__question_events(const struct fl__question *question, int *file)
{
    *file = question->is_open && question->context != NULL ? question->context->fd : -1;
    return question->is_sent ? POLLIN : POLLOUT;
}

static void send_on(struct fl__question *question)
{
    int error = 0, all_sent = 0;
    socklen_t size = sizeof error;
    if (getsockopt(question->context->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0 || error != 0)
        fail(question, error == ECONNREFUSED ? "nothing listens there" : strerror(error));
    else if (redisBufferWrite(question->context, &all_sent) != REDIS_OK)
        lose(question, "it closed the connection");
    else
        question->is_sent = all_sent != 0;
}

/* ------------------------------------------------------------------------------------------- what is said */

/* Whether the lines that begin with "*", or with the sign of what hiredis reads like an array, have larger
 * numbers than an answer has. */
static bool announces_too_much(struct fl__question *question, const char *bytes, size_t size)
{
    for (size_t k = 0; k < size; k++) {
        bool is_digit = bytes[k] >= '0' && bytes[k] <= '9';
        if (question->is_in_number && is_digit)
            question->number = question->number * 10 + (uint32_t)(bytes[k] - '0');
        if (question->is_in_number && question->elements + question->number > ELEMENTS_MAX)
            return true;
        if (question->is_in_number && bytes[k] == '\n') {
            question->elements += question->number;
            question->is_in_number = false;
        }
        if (question->is_line_new && bytes[k] != '\0' && strchr("*%~>|", bytes[k]) != NULL) {
            question->is_in_number = true;
            question->number = 0;
        }
        question->is_line_new = bytes[k] == '\n';
    }
    return false;
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

static bool says_more(const struct fl__question *question)
{
    const redisReader *reader = question->context->reader;
    return reader->pos < reader->len;
}

static void hear(struct fl__question *question)
{
    char bytes[16 << 10];
    ssize_t size = recv(question->context->fd, bytes, sizeof bytes, 0);
    if (size < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        return;
    if (size <= 0) {
        lose(question, "it closed the connection");
        return;
    }
    question->received += (size_t)size;
    if (question->received > FL__ANSWER_SIZE_MAX || announces_too_much(question, bytes, (size_t)size)) {
        lose(question, "its answer is too long");
        return;
    }
    if (redisReaderFeed(question->context->reader, bytes, (size_t)size) == REDIS_OK)
        take_replies(question);
    else
        lose(question, "memory is short");
    if (question->context != NULL && !question->is_open && says_more(question))
        lose(question, "it says more than it was asked");
}

void fl__question_advance(struct fl__question *question, struct fl__names *names, short events, double now_s)
{
    if (!question->is_open)
        return;
    if (question->context == NULL)
        find_place(question, names, now_s);
    else if (events != 0 && !question->is_sent)
        send_on(question);
    else if (events != 0)
        hear(question);
    if (question->is_open && now_s >= question->until_s)
        lose(question, question->context != NULL
                           ? "it does not answer"
                           : "its name cannot be looked up: the name server does not answer");
}
