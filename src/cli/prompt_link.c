/* prompt_link.c - a connection to one node, and one that follows the leader.
 *
 * A talk is one connection: words go out, answers come in, and whoever waits can be interrupted by Ctrl-C. A
 * link is a talk with whichever node leads: it knows the members, and when the node that it talks to goes
 * away it asks the others who leads now. It never sends anything by itself: what becomes of a command whose
 * answer was lost is for the one who sent it to decide. */
#include "client.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE (64u << 10)
#define SURVEY_TIME (500 * 1000ull)
#define LOOK_TIME (200 * 1000ull)
#define RETRY_TIME (50 * 1000ull)

/* ------------------------------------------------------------------------------------------------- a talk */

/* Waits for the socket, for Ctrl-C or for the time. */
static enum fl__heard wait_for(const struct fl__talk *talk, short events, fl_time_us until)
{
    struct pollfd polls[] = {{.fd = talk->socket, .events = events},
                             {.fd = talk->interrupts, .events = POLLIN}};
    struct signalfd_siginfo info;
    fl_time_us now = fl__now();
    int patience = until == UINT64_MAX ? -1 : until <= now ? 0 : (int)((until - now) / 1000 + 1);
    int count = poll(polls, 2, patience);
    if (count < 0)
        return errno == EINTR ? FL__HEARD_NOTHING : FL__HEARD_END;
    if (polls[1].revents != 0 && read(talk->interrupts, &info, sizeof info) == sizeof info)
        return FL__HEARD_INTERRUPT;
    if (count == 0 && fl__now() >= until)
        return FL__HEARD_SILENCE;
    return polls[0].revents != 0 ? FL__HEARD_ANSWER : FL__HEARD_NOTHING;
}

static enum fl__heard send_bytes(struct fl__talk *talk, const char *bytes, size_t size, fl_time_us until)
{
    while (size > 0) {
        ssize_t n = send(talk->socket, bytes, size, MSG_NOSIGNAL);
        if (n > 0) {
            bytes += n;
            size -= (size_t)n;
        } else if (n < 0 && errno != EAGAIN && errno != EINTR) {
            return FL__HEARD_END;
        } else {
            enum fl__heard heard = wait_for(talk, POLLOUT, until);
            if (heard != FL__HEARD_ANSWER && heard != FL__HEARD_NOTHING)
                return heard;
        }
    }
    return FL__HEARD_ANSWER;
}

enum fl__heard fl__talk_send(struct fl__talk *talk, const struct fl__words *words, fl_time_us until)
{
    size_t room = 32, used;
    for (size_t i = 0; i < words->count; i++)
        room += words->list[i].size + 32;
    char *bytes = malloc(room);
    if (bytes == NULL || talk->socket < 0) {
        free(bytes);
        return FL__HEARD_END;
    }
    used = (size_t)snprintf(bytes, room, "*%zu\r\n", words->count);
    for (size_t i = 0; i < words->count; i++) {
        used += (size_t)snprintf(bytes + used, room - used, "$%zu\r\n", words->list[i].size);
        memcpy(bytes + used, words->list[i].text, words->list[i].size);
        used += words->list[i].size;
        memcpy(bytes + used, "\r\n", 2);
        used += 2;
    }
    enum fl__heard heard = send_bytes(talk, bytes, used, until);
    free(bytes);
    return heard;
}

static enum fl__heard read_some(struct fl__talk *talk)
{
    char *room = fl__answer_room(&talk->answer, READ_SIZE);
    ssize_t n = room == NULL ? 0 : recv(talk->socket, room, READ_SIZE, 0);
    if (n > 0)
        talk->answer.size += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        return FL__HEARD_END;
    return FL__HEARD_NOTHING;
}

enum fl__heard fl__talk_hear(struct fl__talk *talk, fl_time_us until)
{
    fl__answer_drop(&talk->answer);
    while (talk->socket >= 0) {
        enum fl__read read = fl__answer_next(&talk->answer);
        if (read == FL__READ_BAD)
            return FL__HEARD_NONSENSE;
        if (read == FL__READ_WHOLE)
            return FL__HEARD_ANSWER;
        enum fl__heard heard = wait_for(talk, POLLIN, until);
        if (heard == FL__HEARD_ANSWER)
            heard = read_some(talk);
        if (heard != FL__HEARD_NOTHING)
            return heard;
    }
    return FL__HEARD_END;
}

void fl__talk_close(struct fl__talk *talk)
{
    if (talk->socket >= 0)
        close(talk->socket);
    talk->socket = -1;
    fl__answer_release(&talk->answer);
}

static bool log_in(struct fl__talk *talk, const char *password, fl_time_us until)
{
    struct fl__word list[] = {{.text = "AUTH", .size = 4}, {.text = password, .size = strlen(password)}};
    struct fl__words words = {.list = list, .count = 2};
    return fl__talk_send(talk, &words, until) == FL__HEARD_ANSWER &&
           fl__talk_hear(talk, until) == FL__HEARD_ANSWER && talk->answer.parts[0].kind != '-';
}

bool fl__talk_begin(struct fl__talk *talk, const struct fl__asker *asker, const char *address,
                    fl_time_us until)
{
    int error = 0;
    socklen_t size = sizeof error;
    enum fl__heard heard;
    fl__talk_close(talk);
    talk->socket = fl__dial(address);
    if (talk->socket < 0)
        return false;
    while ((heard = wait_for(talk, POLLOUT, until)) == FL__HEARD_NOTHING)
        continue;
    if (heard == FL__HEARD_ANSWER && getsockopt(talk->socket, SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
        error == 0 && (asker->password == NULL || log_in(talk, asker->password, until)))
        return true;
    fl__talk_close(talk);
    return false;
}

bool fl__talk_is_open(const struct fl__talk *talk)
{
    char byte;
    if (talk->socket < 0)
        return false;
    ssize_t n = recv(talk->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

/* ------------------------------------------------------------------------------------------------- a link */

static bool link_to(struct fl__link *link, unsigned place, fl_time_us until)
{
    const struct fl__view *view = &link->survey.views[place];
    if (!fl__talk_begin(&link->talk, &link->asker, view->address, until))
        return false;
    snprintf(link->name, sizeof link->name, "%s", view->name);
    snprintf(link->address, sizeof link->address, "%s", view->address);
    link->leads = place == link->survey.leader;
    return true;
}

/* To the leader; if there is none and `any`, to somebody who answers. */
static bool link_to_best(struct fl__link *link, bool any, fl_time_us until)
{
    const struct fl__survey *survey = &link->survey;
    if (survey->leader < survey->count)
        return link_to(link, survey->leader, until);
    for (unsigned i = 0; any && i < survey->count; i++) {
        if (survey->views[i].answers && link_to(link, i, until))
            return true;
    }
    return false;
}

static int open_node(struct fl__link *link, const struct fl__settings *settings, fl_time_us until)
{
    const char *list = fl__settings_text(settings, "node");
    list = list == NULL ? FL__DEFAULT_ADDRESS : list;
    snprintf(link->address, sizeof link->address, "%.*s", (int)strcspn(list, ","), list);
    if (fl__talk_begin(&link->talk, &link->asker, link->address, until))
        return FL__EXIT_OK;
    fl__say_error(FL__CODE_UNREACHABLE, "%s does not answer, or not to us", link->address);
    fl__say_fact("do", "name a node that runs: --node HOST:PORT, and --password-file FILE if it has one");
    return FL__EXIT_UNREACHABLE;
}

int fl__link_open(struct fl__link *link, const struct fl__settings *settings)
{
    fl_time_us until = fl__now() + link->asker.timeout;
    if (!link->follows)
        return open_node(link, settings, until);
    if (!fl__survey_log_in(&link->asker, settings))
        return FL__EXIT_REFUSED;
    int code = fl__survey_take(&link->survey, &link->asker, settings);
    if (code != FL__EXIT_OK)
        return code;
    if (link->survey.health != FL__HEALTH_UNKNOWN && link_to_best(link, true, until))
        return FL__EXIT_OK;
    fl__survey_say_unreachable(&link->survey);
    return FL__EXIT_UNREACHABLE;
}

bool fl__link_led(struct fl__link *link, fl_time_us until)
{
    struct fl__asker brief = link->asker;
    struct fl__talk nobody = {.socket = -1, .interrupts = link->talk.interrupts};
    brief.timeout = brief.timeout < SURVEY_TIME ? brief.timeout : SURVEY_TIME;
    for (;;) {
        if (fl__survey_again(&link->survey, &brief) && link->survey.leader < link->survey.count)
            return true;
        if (fl__now() + RETRY_TIME >= until ||
            wait_for(&nobody, POLLIN, fl__now() + RETRY_TIME) == FL__HEARD_INTERRUPT)
            return false;
    }
}

bool fl__link_find(struct fl__link *link, fl_time_us until)
{
    fl__talk_close(&link->talk);
    if (!link->follows)
        return fl__talk_begin(&link->talk, &link->asker, link->address, until);
    /* Who said to lead may go away before we are there. */
    while (fl__link_led(link, until)) {
        if (link_to_best(link, false, fl__now() + SURVEY_TIME))
            return true;
        if (fl__now() >= until)
            break;
    }
    return link_to_best(link, true, fl__now() + SURVEY_TIME);
}

bool fl__link_look(struct fl__link *link)
{
    struct fl__asker brief = link->asker;
    struct fl__ask ask = {.words = {"FAIRLEAD", "STATUS"}};
    bool elsewhere = false;
    brief.timeout = LOOK_TIME;
    memcpy(ask.address, link->address, sizeof ask.address);
    fl__ask_all(&brief, &ask, 1);
    const char *text = fl__ask_text(&ask);
    if (text != NULL && fl__survey_read(text, &link->survey, link->address)) {
        for (unsigned i = 0; i < link->survey.count; i++) {
            const struct fl__view *view = &link->survey.views[i];
            if (strcmp(view->name, link->name) != 0)
                continue;
            link->leads = strcmp(view->role, "leader") == 0;
            elsewhere = !link->leads && view->leader[0] != '\0';
        }
    }
    fl__ask_release(&ask, 1);
    return elsewhere;
}
