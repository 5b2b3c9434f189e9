/* web.h - the server's web port: a page that shows the cluster, and pages for machines (docs/web.md).
 *
 * It has threads of its own and takes its time; so they see of the server only what board.c shows them, which
 * are copies, and ask the members what anybody could ask them.
 *
 *   http.c      requests and answers; a thread
 *   origin.c    whose request it is
 *   visitors.c  connections, and who makes room
 *   board.c     copies of the latest snapshot
 *   pages.c     pages for machines: /metrics and its like
 *   process.c   the process as the operating system sees it
 *   files.c     the files of the page for people
 *   live.c      /live: the stream to those who watch
 *   gather.c    asks all members while somebody does; another thread
 *   question.c  a question to one member
 *   names.c     where a member's name leads
 *   answer.c    whether an answer may be shown
 *   picture.c   the answers put together: what is streamed
 *   admin.c     /admin: what may be done on the page, if that is allowed */
#ifndef FAIRLEAD_SERVER_WEB_H
#define FAIRLEAD_SERVER_WEB_H

#include "server.h"

/* --------------------------------------------------------------------------------------- board.c, pages.c */

double fl__web_now_s(void);     /* The web port's own clocks: monotonic, */
uint64_t fl__web_wall_us(void); /* and since 1970. */

/* What the web port's threads see of the server. */
struct fl__published {
    struct fl__snapshot snapshot;
    char client[FL_ADDRESS_MAX]; /* Where clients reach this node, */
    char password[FL__PASSWORD_SIZE_MAX + 1];
    double moved_s;   /* When the server's thread last published. */
    uint64_t calls[]; /* By row of the table. */
};

struct fl__board;
struct fl__board *fl__board_create(struct fl_server *server);  /* On the server's thread. NULL: no memory. */
void fl__board_destroy(struct fl__board *board);               /* There, too. NULL is allowed. */
struct fl__published *fl__board_take(struct fl__board *board); /* To be freed. NULL: no memory. */

#define FL__HTTP_OK 200
#define FL__HTTP_FORBIDDEN 403
#define FL__HTTP_NOT_FOUND 404
#define FL__HTTP_CONFLICT 409
#define FL__HTTP_TOO_LARGE 413
#define FL__HTTP_UNAVAILABLE 503

struct fl__page {
    unsigned status;
    const char *type;
    struct fl__reply text;
};
/* The page has this status, and ends with this text. */
void fl__page_say(struct fl__page *page, unsigned status, const char *text);
/* False: there is no such page for machines. */
bool fl__page_show(struct fl__board *board, const char *path, bool verbose, struct fl__page *page);

/* ------------------------------------------------------------------------------------------------ files.c */

struct fl__file {
    const char *path;                        /* Below the web port's root: "web/main.js". */
    const char *data, *end;                  /* What is in it, from here to before there; */
    const char *compressed, *compressed_end; /* and the same through gzip. */
};
extern const struct fl__file fl__files[]; /* Made by the build; the last one has no path. */

const struct fl__file *fl__file_find(const char *path); /* NULL: there is none. */
const char *fl__file_type(const struct fl__file *file);
uint64_t fl__file_hash(const struct fl__file *file);

/* --------------------------------------------------------------------------------- origin.c, visitors.c */

struct MHD_Connection;

/* "127.0.0.1:7602", "[::1]:7602", "localhost": nothing that somebody's name server decides. */
bool fl__origin_is_literal(const char *host);
bool fl__origin_is_rebound(struct MHD_Connection *connection); /* Perhaps: it asks for a host by its name. */
bool fl__origin_is_foreign(struct MHD_Connection *connection); /* Another site's page asks. */
bool fl__origin_is_own(struct MHD_Connection *connection);     /* This node's page asks for sure. */

#define FL__VISITORS_MAX 96

struct fl__visitors {
    struct fl__link waiting; /* Who has gone longest without a whole request first. */
    uint32_t count;
};

void fl__visitors_init(struct fl__visitors *visitors);
/* A connection is made, and closed. *context is kept with it in between. */
void fl__visitors_come(struct fl__visitors *visitors, struct MHD_Connection *connection, void **context);
void fl__visitors_go(struct fl__visitors *visitors, void *context);
/* It need not make room any more; it was served. */
void fl__visitors_stay(struct fl__visitors *visitors, struct MHD_Connection *connection);
void fl__visitors_served(struct fl__visitors *visitors, struct MHD_Connection *connection);

/* ------------------------------------------------------------------------------------------------- live.c */

#define FL__WATCHERS_MAX 32

struct MHD_Response;
struct fl__live;
struct fl__live *fl__live_create(void); /* NULL: no memory, or no files. */
void fl__live_destroy(struct fl__live *live);
/* The stream as an answer to this connection; NULL: too many watch. */
struct MHD_Response *fl__live_open(struct fl__live *live, struct MHD_Connection *connection);
void fl__live_end(struct fl__live *live); /* All streams end, and none begins any more. */
void fl__live_count(struct fl__live *live, uint32_t *watchers, uint32_t *newcomers);
void fl__live_look(struct fl__live *live);                           /* Lets those go who have hung up. */
void fl__live_send(struct fl__live *live, struct fl__bytes text);    /* To all but the newcomers, */
void fl__live_welcome(struct fl__live *live, struct fl__bytes text); /* and to those, who are none then. */
/* Something changed for whoever polls this file. */
void fl__live_wake(struct fl__live *live);
int fl__live_wake_file(const struct fl__live *live);

/* ---------------------------------------------------- names.c, question.c, answer.c, picture.c, gather.c */

#define FL__NAMES_MAX 32
#define FL__FOUND_SIZE 128

struct fl__name {
    char host[FL_ADDRESS_MAX];
    bool is_sought, is_found;
    int file;                   /* While it is sought; */
    char found[FL__FOUND_SIZE]; /* else its address, or why there is none, */
    double until_s;             /* and how long that holds. */
};

/* All zero at first, and released at the end. */
struct fl__names {
    struct fl__name list[FL__NAMES_MAX];
};

enum fl__name_state { FL__NAME_FOUND, FL__NAME_SOUGHT, FL__NAME_LOST };
/* out: the address, or why there is none. Who is told SOUGHT asks again when there is something to read from
 * one of the files. */
enum fl__name_state fl__names_find(struct fl__names *names, const char *host, double now_s,
                                   char out[FL__FOUND_SIZE]);
int fl__names_file(const struct fl__names *names, uint32_t k); /* k < FL__NAMES_MAX; -1: nothing. */
void fl__names_release(struct fl__names *names);

#define FL__ANSWER_SIZE_MAX (512u << 10) /* Bytes: a view of 256 KiB and 128 events are less. */

/* All zero at first, and closed at the end. */
struct fl__question {
    struct redisContext *context; /* Kept from one question to the next. NULL: it is not known where to. */
    struct redisReply *reply;     /* Once it is answered, until the next one is asked. */
    struct fl__reply request;     /* Until it is known. */
    char host[FL_ADDRESS_MAX];
    uint16_t port;
    uint32_t due;    /* Replies to come. */
    size_t received; /* Bytes of them so far. */
    bool is_line_new, is_in_number;
    uint32_t number, elements; /* How many an array has, as read so far; and all before it. */
    double until_s;
    bool is_open, is_sent;
    char problem[256]; /* Why there is no reply; */
    bool is_unknown;   /* and what was asked for may have been done. */
};
/* words end with NULL. An open question is not to be asked again. */
void fl__question_ask(struct fl__question *question, struct fl__names *names, const struct fl__place *place,
                      const char *password, const char *const *words, double now_s, double patience_s);
/* What to poll for; *file -1: nothing. */
short fl__question_events(const struct fl__question *question, int *file);
void fl__question_advance(struct fl__question *question, struct fl__names *names, short events, double now_s);
void fl__question_close(struct fl__question *question);

/* A member's answer to FAIRLEAD VIEW. */
struct fl__seen {
    const char *boot;
    uint64_t next;
    const char *const *events;
    uint32_t event_count;
    const char *view;
};

#define FL__VIEW_SIZE_MAX (256u << 10)

/* NULL: it is none that can be put into a message, or none of that member. To be deleted. */
struct cJSON *fl__answer_view(const char *text, const char *name);
struct cJSON *fl__answer_event(const char *text);
/* Whether two views differ in nothing but what changes all the time. */
bool fl__answer_is_same(const char *a, const char *b);

struct fl__picture;
struct fl__picture *fl__picture_create(void); /* NULL: no memory. */
void fl__picture_destroy(struct fl__picture *picture);
/* The event to ask this member from; negative: its newest ones. Members stand in the order in which they were
 * first mentioned. */
int64_t fl__picture_since(struct fl__picture *picture, const char *name);
/* The member answered; false: with what is no view of it. */
FL_MUST_USE bool fl__picture_take(struct fl__picture *picture, const char *name,
                                  const struct fl__seen *answer);
/* It does not answer, or with what is no view; why, in a few words. */
void fl__picture_lost(struct fl__picture *picture, const char *name, const char *why);
/* Who tells a picture, and when: since its process began, and by the wall clock. */
struct fl__caption {
    const char *name;
    uint64_t time_us, wall_us;
};
/* What is new since the last time; false: nothing, or no memory. *out is to be released. */
FL_MUST_USE bool fl__picture_tell(struct fl__picture *picture, const struct fl__caption *caption,
                                  struct fl__reply *out);
/* All that a newcomer is to know; likewise. */
FL_MUST_USE bool fl__picture_greet(struct fl__picture *picture, const struct fl__caption *caption,
                                   struct fl__reply *out);

#define FL__ERRANDS_MAX 8
#define FL__ERRAND_S 5.0 /* Longer than a write may take until its fate is unknown. */

/* A command for a node. The caller's until it is run, and from `done` on. */
struct fl__errand {
    char node[FL_NAME_MAX];                  /* Empty: this one. */
    const char *words[4];                    /* The last one NULL. */
    void (*done)(struct fl__errand *errand); /* On the gatherer's thread. */
    bool is_good;
    char text[256]; /* What was answered, or why not. */
    /* The gatherer's: */
    struct fl__errand *next;
    struct fl__question question;
};

struct fl__gatherer;
struct fl__gatherer *fl__gather_start(struct fl__board *board, struct fl__live *live); /* NULL: it cannot. */
/* Ends all errands, and takes no more. Both: NULL is allowed. */
void fl__gather_stop(struct fl__gatherer *gatherer);
void fl__gather_destroy(struct fl__gatherer *gatherer); /* Once nobody can bring errands any more. */
/* On any thread. False: too many, or it stops. */
FL_MUST_USE bool fl__gather_run(struct fl__gatherer *gatherer, struct fl__errand *errand);

/* ------------------------------------------------------------------------------------------------ admin.c */

/* A POST, as it comes in pieces; *state is NULL at first, and released when the request ends. True: the page
 * is the answer; false: it comes later. */
bool fl__admin_post(struct fl__gatherer *gatherer, struct MHD_Connection *connection, const char *path,
                    const char *data, size_t *size, void **state, struct fl__page *page);
void fl__admin_release(void *state); /* NULL is allowed. */

#endif
