/* prompt.c - `cli`: one command, or a session of them; and what becomes of a command whose node goes away.
 *
 * The rule: what was answered is printed. What was not even sent, because the node had gone before, goes to
 * another one. What was sent and not answered is repeated if it only reads, and otherwise its outcome is
 * unknown, and said to be. What a node refuses because it does not lead, or nobody does, was not done, and
 * goes to the leader once, if there is one soon. */
#include "client.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE 1000000ull /* Until another node leads. */

/* What CLIENT REPLY asked of the connection: to answer, not to answer the next command, or none. */
enum silence { ANSWERS, SKIPS_NEXT, IS_SILENT };

struct session {
    struct fl__link link;
    struct fl__docs docs;
    enum fl__style style;
    bool colours, dim, terminal; /* Dim: notes are; terminal: somebody types. */
    bool single;                 /* One command, and no more. */
    bool stateful;               /* The connection has a state that another one would not have. */
    bool queues;                 /* Between MULTI and EXEC. */
    enum silence silence;
    bool unheard; /* The last command was not answered. */
};

__attribute__((format(printf, 2, 3))) static void note(const struct session *session, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fflush(stdout);
    fputs(fl__colour(session->dim, FL__DIM), stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, "%s\n", fl__colour(session->dim, FL__PLAIN));
    va_end(arguments);
}

static const char *name_of(const struct session *session)
{
    return session->link.name[0] != '\0' ? session->link.name : session->link.address;
}

/* ------------------------------------------------------------------------------------------- another node */

/* Goes to the node that leads now, and says so; `why`: what is the matter with the one before. */
static bool go_on(struct session *session, const char *why, fl_time_us until)
{
    char before[FL_ADDRESS_MAX];
    bool had_state = session->stateful;
    snprintf(before, sizeof before, "%s", name_of(session));
    session->stateful = session->queues = false;
    session->silence = ANSWERS;
    fl__docs_forget(&session->docs);
    if (!fl__link_find(&session->link, until))
        return false;
    const char *lost = had_state ? "; what HELLO, SELECT, WATCH or MULTI had set is forgotten" : "";
    if (strcmp(before, name_of(session)) == 0)
        note(session, "%s %s; it is asked over a new connection%s", before, why, lost);
    else
        note(session, "%s %s; %s %s now%s", before, why, name_of(session),
             session->link.leads ? "leads and is asked" : "is asked", lost);
    return true;
}

static int say_unreachable(const struct session *session)
{
    if (session->link.follows)
        fl__survey_say_unreachable(&session->link.survey);
    else
        fl__say_error(FL__CODE_UNREACHABLE, "%s does not answer any more", session->link.address);
    return FL__EXIT_UNREACHABLE;
}

/* Whether a command only reads, as the node that is asked now tells. */
static bool only_reads(struct session *session, const struct fl__words *words, fl_time_us until)
{
    struct fl__word list[] = {{.text = "COMMAND", .size = 7}, {.text = "INFO", .size = 4}, words->list[0]};
    struct fl__words question = {.list = list, .count = 3};
    struct fl__talk *talk = &session->link.talk;
    const struct fl__answer *answer = &talk->answer;
    /* The answer: an array of one array of name, arity, flags, ... */
    if (fl__talk_send(talk, &question, until) != FL__HEARD_ANSWER ||
        fl__talk_hear(talk, until) != FL__HEARD_ANSWER || answer->part_count < 5)
        return false;
    for (size_t k = 5; k < fl__part_after(answer, 4); k++) {
        if (fl__part_is(answer, k, "readonly") || fl__part_is(answer, k, "pubsub"))
            return true;
    }
    return false;
}

static int say_unknown(const struct session *session, const char *before, enum fl__heard heard)
{
    fflush(stdout);
    fl__say_error(FL__CODE_UNKNOWN, "outcome unknown: %s %s", before,
                  heard == FL__HEARD_SILENCE     ? "did not answer in time"
                  : heard == FL__HEARD_INTERRUPT ? "had not answered yet"
                                                 : "closed the connection before it answered");
    fl__say_fact("now", "it may have been done, or may be done later; it was not sent again");
    if (session->single || session->terminal)
        fl__say_fact("do", "read before you repeat it");
    return FL__EXIT_UNKNOWN;
}

/* What to do about a command that was sent and not answered. FL__EXIT_OK: send it again. */
static int settle(struct session *session, const struct fl__words *words, enum fl__heard heard,
                  fl_time_us until)
{
    char before[FL_ADDRESS_MAX];
    bool queued = session->queues && !fl__words_have(words, 0, "exec");
    snprintf(before, sizeof before, "%s", name_of(session));
    if (heard == FL__HEARD_NONSENSE) {
        fl__say_error(FL__CODE_PROTOCOL, "%s does not speak the Redis protocol", before);
        return FL__EXIT_UNKNOWN;
    }
    if (heard != FL__HEARD_END)
        until = fl__now() + 1000000;
    if (heard == FL__HEARD_INTERRUPT && session->terminal)
        fputc('\n', stdout);
    bool there = go_on(session, heard == FL__HEARD_END ? "is gone" : "has not answered", until);
    if (queued) {
        fl__say_error(FL__CODE_MULTI_GONE, "MULTI is gone with %s; nothing of it was done", before);
        return FL__EXIT_REFUSED;
    }
    if (!there || !only_reads(session, words, until))
        return say_unknown(session, before, heard);
    if (heard == FL__HEARD_END && fl__now() < until)
        return FL__EXIT_OK;
    fl__say_error(FL__CODE_UNREACHABLE, "%s did not answer", before);
    return FL__EXIT_UNREACHABLE;
}

/* ------------------------------------------------------------------------------------------------ answers */

static void print(struct session *session, const struct fl__words *words)
{
    bool object = session->style == FL__STYLE_TEXT && fl__words_have(words, 0, "fairlead");
    fl__answer_print(&session->link.talk.answer, object ? FL__STYLE_OBJECT : session->style, session->colours,
                     stdout);
    fflush(stdout);
}

static bool is_error(const struct session *session, const char *word)
{
    const struct fl__answer *answer = &session->link.talk.answer;
    size_t size = strlen(word);
    return answer->part_count > 0 && answer->parts[0].kind == '-' && answer->parts[0].size >= size &&
           memcmp(fl__part_text(answer, &answer->parts[0]), word, size) == 0;
}

static int code_of(const struct session *session)
{
    if (!is_error(session, ""))
        return FL__EXIT_OK;
    return is_error(session, "CLUSTERDOWN") ? FL__EXIT_NO_QUORUM
           : is_error(session, "TIMEOUT")   ? FL__EXIT_UNKNOWN
                                            : FL__EXIT_REFUSED;
}

/* What the command changed about the connection. */
static void keep_state(struct session *session, const struct fl__words *words)
{
    static const char *const names[] = {"multi",  "watch", "hello",  "select",
                                        "client", "auth",  "asking", "readonly"};
    if (is_error(session, ""))
        return;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        session->stateful = session->stateful || fl__words_have(words, 0, names[i]);
    if (fl__words_have(words, 0, "multi"))
        session->queues = true;
    if (fl__words_have(words, 0, "exec") || fl__words_have(words, 0, "discard") ||
        fl__words_have(words, 0, "reset"))
        session->queues = false;
}

static bool subscribes(const struct fl__words *words)
{
    return fl__words_have(words, 0, "subscribe") || fl__words_have(words, 0, "psubscribe") ||
           fl__words_have(words, 0, "ssubscribe") || fl__words_have(words, 0, "monitor");
}

/* The answer to the command; messages that nobody asked for are printed on the way. */
static enum fl__heard hear(struct session *session, const struct fl__words *words, fl_time_us until)
{
    struct fl__talk *talk = &session->link.talk;
    for (;;) {
        enum fl__heard heard = fl__talk_hear(talk, until);
        if (heard != FL__HEARD_ANSWER || talk->answer.parts[0].kind != '>' || subscribes(words))
            return heard;
        print(session, words);
    }
}

/* A command that is not answered leaves an answer without parts. */
static enum fl__heard send_and_hear(struct session *session, const struct fl__words *words, bool answered,
                                    fl_time_us until)
{
    enum fl__heard heard = fl__talk_send(&session->link.talk, words, until);
    if (heard == FL__HEARD_ANSWER && answered)
        return hear(session, words, until);
    fl__answer_drop(&session->link.talk.answer);
    return heard;
}

/* Prints messages until Ctrl-C; when the node goes away, subscribes at another one. */
static int print_messages(struct session *session, const struct fl__words *words)
{
    struct fl__talk *talk = &session->link.talk;
    if (session->terminal)
        note(session, "messages follow; Ctrl-C ends");
    for (;;) {
        enum fl__heard heard = fl__talk_hear(talk, UINT64_MAX);
        if (heard == FL__HEARD_ANSWER) {
            print(session, words);
            continue;
        }
        if (heard == FL__HEARD_INTERRUPT) {
            fputs(session->terminal ? "\n" : "", stdout);
            /* There is no way back from a subscription that every version of the protocol knows. */
            fl__link_find(&session->link, fl__now() + 1000000);
            session->silence = ANSWERS;
            return FL__EXIT_OK;
        }
        fl_time_us until = fl__now() + session->link.asker.timeout;
        if (!go_on(session, "is gone, and messages meanwhile are lost", until) ||
            fl__talk_send(talk, words, until) != FL__HEARD_ANSWER)
            return say_unreachable(session);
    }
}

/* ----------------------------------------------------------------------------------------------- commands */

/* Whether the node answers this command, in view of what CLIENT REPLY asked before or asks in it. */
static bool is_answered(struct session *session, const struct fl__words *words)
{
    bool asks = words->count == 3 && fl__words_have(words, 0, "client") &&
                fl__words_have(words, 1, "reply") && !session->queues;
    bool is_on = asks && fl__words_have(words, 2, "on"), is_reset = fl__words_have(words, 0, "reset");
    enum silence before = session->silence;
    if (before == SKIPS_NEXT || is_on || is_reset)
        session->silence = ANSWERS;
    if (asks && fl__words_have(words, 2, "off"))
        session->silence = IS_SILENT;
    else if (asks && fl__words_have(words, 2, "skip") && before != IS_SILENT)
        session->silence = SKIPS_NEXT;
    return is_on || is_reset || subscribes(words) || (before == ANSWERS && session->silence == ANSWERS);
}

/* Why the answer says that the command was not done here, but may be elsewhere; NULL if it does not. */
static const char *refusal(const struct session *session)
{
    if (is_error(session, "MOVED") || is_error(session, "READONLY"))
        return "does not lead";
    return is_error(session, "CLUSTERDOWN") ? "has lost its leader" : NULL;
}

static int run_command(struct session *session, const struct fl__words *words)
{
    fl_time_us until = fl__now() + session->link.asker.timeout;
    bool queued = session->queues, redirected = false;
    if (!fl__talk_is_open(&session->link.talk)) {
        if (!go_on(session, "is gone", until))
            return say_unreachable(session);
        if (queued) {
            fl__say_error(FL__CODE_MULTI_GONE, "MULTI is gone with the connection; nothing of it was done");
            return FL__EXIT_REFUSED;
        }
    }
    bool answered = is_answered(session, words);
    for (;;) {
        enum fl__heard heard = send_and_hear(session, words, answered, until);
        const char *why = heard == FL__HEARD_ANSWER && !redirected ? refusal(session) : NULL;
        if (why != NULL && session->link.follows && !session->stateful &&
            fl__link_led(&session->link, fl__now() + PATIENCE)) {
            redirected = true;
            if (go_on(session, why, fl__now() + PATIENCE))
                continue;
            return say_unreachable(session);
        }
        if (heard == FL__HEARD_ANSWER)
            break;
        int code = settle(session, words, heard, until);
        if (code != FL__EXIT_OK)
            return code;
        answered = true; /* The connection is a new one. */
    }
    session->unheard = !answered;
    if (answered)
        print(session, words);
    keep_state(session, words);
    int code = code_of(session);
    if (code == FL__EXIT_OK && subscribes(words))
        return print_messages(session, words);
    return code;
}

/* False: there is no such command. */
static bool say_help(struct session *session, const struct fl__words *words)
{
    struct fl__words about = {.list = words->list + 1, .count = words->count - 1};
    bool is_known = about.count == 0 || fl__docs_help(&session->docs, &about, stdout, session->colours);
    if (about.count == 0)
        puts("help NAME      a command's arguments and what it does\n"
             "quit           leave; so does Ctrl-D\n"
             "Tab completes names, Ctrl-R searches the history, Ctrl-C drops the line.\n"
             "Anything else goes to the node, as it is.");
    else if (!is_known)
        printf("%.*s: the node knows no such command\n", (int)about.list[0].size, about.list[0].text);
    return is_known;
}

/* One line of a session. True: it was the last one. */
static bool run_line(struct session *session, struct fl__lines *lines, const char *line, int *worst)
{
    struct fl__words words;
    int code = FL__EXIT_OK;
    const char *problem = fl__words_split(&words, line);
    bool ends = fl__words_have(&words, 0, "quit") || fl__words_have(&words, 0, "exit");
    if (problem != NULL) {
        fflush(stdout);
        fl__say_error(FL__CODE_LINE, "this line was not sent: %s", problem);
        code = FL__EXIT_USAGE;
    } else if (fl__words_have(&words, 0, "help") && session->terminal) {
        say_help(session, &words);
    } else if (words.count > 0 && !ends) {
        code = run_command(session, &words);
    }
    if (words.count > 0 && !fl__words_secret(&words))
        fl__lines_remember(lines, line);
    if (code > *worst)
        *worst = code;
    fl__words_release(&words);
    return ends;
}

/* Whom the next line goes to: "n1 leader>" */
static void make_prompt(struct session *session, char *out, size_t size)
{
    const char *mark = session->colours ? "\1" : "";
    if (session->link.follows && !session->queues && !fl__talk_is_open(&session->link.talk))
        go_on(session, "is gone", fl__now() + 3000000);
    else if (session->link.follows && fl__link_look(&session->link) && !session->stateful)
        go_on(session, "does not lead any more", fl__now() + 1000000);
    snprintf(out, size, "%s%s%s%s%s%s%s%s> ", mark, fl__colour(session->colours, FL__BOLD), mark,
             name_of(session), mark, fl__colour(session->colours, FL__PLAIN), mark,
             session->queues          ? " multi"
             : !session->link.follows ? ""
             : session->link.leads    ? " leader"
                                      : " follower");
}

/* What a node has not done yet when its client leaves may stay undone: an answer comes after all that. */
static void await_unheard(struct session *session)
{
    struct fl__word list[] = {{"CLIENT", 6}, {"REPLY", 5}, {"ON", 2}};
    struct fl__words words = {.list = list, .count = 3};
    if (session->unheard)
        send_and_hear(session, &words, true, fl__now() + session->link.asker.timeout);
}

static int run_lines(struct session *session)
{
    char prompt[FL__PROMPT_ROOM] = "";
    int worst = FL__EXIT_OK;
    struct fl__lines *lines = fl__lines_open(session->terminal, session->colours, &session->docs);
    if (lines == NULL) {
        fl__say_error(FL__CODE_SYSTEM, "memory is short");
        return FL__EXIT_REFUSED;
    }
    for (bool over = false; !over;) {
        if (session->terminal)
            make_prompt(session, prompt, sizeof prompt);
        const char *line = fl__lines_next(lines, prompt);
        over = line == NULL || run_line(session, lines, line, &worst);
    }
    fl__lines_close(lines);
    await_unheard(session);
    /* Somebody who typed has seen what went wrong. */
    return session->terminal ? FL__EXIT_OK : worst;
}

static enum fl__style style_of(const struct fl__settings *settings)
{
    const char *word = fl__settings_text(settings, "output");
    if (word == NULL)
        return isatty(STDOUT_FILENO) ? FL__STYLE_TEXT : FL__STYLE_RAW;
    return word[0] == 't' ? FL__STYLE_TEXT : word[0] == 'r' ? FL__STYLE_RAW : FL__STYLE_JSON;
}

static int run_single(struct session *session, const struct fl__call *call)
{
    struct fl__words words;
    int code = FL__EXIT_REFUSED;
    if (!fl__words_given(&words, call->rest, call->rest_count))
        code = FL__EXIT_REFUSED;
    else if (fl__words_have(&words, 0, "help"))
        code = say_help(session, &words) ? FL__EXIT_OK : FL__EXIT_REFUSED;
    else
        code = run_command(session, &words);
    fl__words_release(&words);
    return code;
}

int fl__run_cli(const struct fl__call *call)
{
    struct session *session = calloc(1, sizeof *session);
    if (session == NULL || !fl__asker_init(&session->link.asker, &call->settings)) {
        free(session);
        return FL__EXIT_REFUSED;
    }
    session->style = style_of(&call->settings);
    session->colours = fl__colours(&call->settings);
    session->dim = session->colours && isatty(STDERR_FILENO);
    session->single = call->rest_count > 0;
    session->terminal = !session->single && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    session->link.follows = strcmp(fl__settings_text(&call->settings, "to"), "leader") == 0;
    session->link.talk.socket = session->docs.talk.socket = -1;
    session->link.talk.interrupts = fl__interrupts();
    session->docs.link = &session->link;
    int code = fl__link_open(&session->link, &call->settings);
    if (code == FL__EXIT_OK)
        code = session->single ? run_single(session, call) : run_lines(session);
    if (session->link.talk.interrupts >= 0)
        close(session->link.talk.interrupts);
    fl__docs_forget(&session->docs);
    fl__talk_close(&session->link.talk);
    fl__asker_release(&session->link.asker);
    free(session);
    return code;
}
