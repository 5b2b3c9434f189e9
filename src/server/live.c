/* live.c - the stream of server-sent events: what the gatherer sends, to all who watch.
 *
 * A message is made once and shared. The newest few are kept, up to a size; each watcher is somewhere among
 * them. Who has nothing to read is suspended, and costs nothing. Who reads so slowly that what it needs next
 * is not kept any more is cut off, in the midst of what it reads, and may come again: it holds nobody up and
 * makes nothing grow.
 *
 * A watcher that comes gets a welcome first, with all that it needs to begin; only then does it follow the
 * others. Everything here is under one mutex, held for as long as a copy takes. */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define KEPT 32                  /* Messages, */
#define KEPT_SIZE_MAX (8u << 20) /* and their size together, if they are more than one. */
#define BLOCK_SIZE (16u << 10)
#define SEND_BUFFER_SIZE (256 << 10)

struct message {
    uint32_t holders;
    size_t size;
    char data[];
};

struct watcher {
    struct fl__link link;
    struct fl__live *live;
    struct MHD_Connection *connection;
    struct message *sending; /* Held; NULL: none. */
    size_t sent;             /* Of it. */
    uint64_t next;           /* The number of the message after it. */
    bool is_new;             /* Waits for its welcome. */
    bool is_suspended, has_hung_up;
};

struct fl__live {
    pthread_mutex_t mutex;
    int wake[2]; /* A pipe: whoever writes to it wakes the gatherer. */
    struct fl__link watchers;
    uint32_t watcher_count, new_count;
    struct message *kept[KEPT]; /* Message number n is at its remainder by KEPT; */
    uint64_t first, next;       /* from the oldest one's number up to before the next one's, */
    size_t kept_size;           /* of so many bytes. */
    bool has_ended;
};

struct fl__live *fl__live_create(void)
{
    struct fl__live *live = calloc(1, sizeof *live);
    if (live == NULL)
        return NULL;
    if (pipe2(live->wake, O_CLOEXEC | O_NONBLOCK) != 0) {
        free(live);
        return NULL;
    }
    pthread_mutex_init(&live->mutex, NULL);
    fl__link_init(&live->watchers);
    return live;
}

/* ---------------------------------------------------------------------------------------- under the mutex */

static struct message *make_message(const char *data, size_t size)
{
    struct message *message = malloc(sizeof *message + size);
    if (message == NULL)
        return NULL;
    message->holders = 1;
    message->size = size;
    memcpy(message->data, data, size);
    return message;
}

static void let_go(struct message *message)
{
    if (message != NULL && --message->holders == 0)
        free(message);
}

static struct message *hold(struct message *message)
{
    message->holders++;
    return message;
}

static void resume(struct watcher *watcher)
{
    if (!watcher->is_suspended)
        return;
    watcher->is_suspended = false;
    MHD_resume_connection(watcher->connection);
}

/* ----------------------------------------------------------------------------- on the web server's thread */

/* What is to be sent next; false: the stream ends. */
static bool take_next(struct watcher *watcher)
{
    struct fl__live *live = watcher->live;
    if (live->has_ended || watcher->has_hung_up || (!watcher->is_new && watcher->next < live->first))
        return false;
    if (watcher->sending != NULL && watcher->sent < watcher->sending->size)
        return true;
    let_go(watcher->sending);
    watcher->sending = NULL;
    watcher->sent = 0;
    if (watcher->is_new || watcher->next == live->next)
        return true;
    watcher->sending = hold(live->kept[watcher->next++ % KEPT]);
    return true;
}

static ssize_t on_read(void *context, uint64_t position, char *out, size_t size_max)
{
    struct watcher *watcher = context;
    struct fl__live *live = watcher->live;
    ssize_t result = 0;
    (void)position;
    pthread_mutex_lock(&live->mutex);
    if (!take_next(watcher)) {
        result = MHD_CONTENT_READER_END_OF_STREAM;
    } else if (watcher->sending == NULL) {
        watcher->is_suspended = true;
        MHD_suspend_connection(watcher->connection);
    } else {
        size_t left = watcher->sending->size - watcher->sent, size = left < size_max ? left : size_max;
        memcpy(out, watcher->sending->data + watcher->sent, size);
        watcher->sent += size;
        result = (ssize_t)size;
    }
    pthread_mutex_unlock(&live->mutex);
    return result;
}

static void on_gone(void *context)
{
    struct watcher *watcher = context;
    struct fl__live *live = watcher->live;
    pthread_mutex_lock(&live->mutex);
    fl__link_remove(&watcher->link);
    live->watcher_count--;
    live->new_count -= watcher->is_new;
    let_go(watcher->sending);
    pthread_mutex_unlock(&live->mutex);
    free(watcher);
    fl__live_wake(live);
}

/* What the system keeps for one who does not read is limited, too. */
static void limit_buffer(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    int size = SEND_BUFFER_SIZE;
    if (info != NULL)
        (void)setsockopt(info->connect_fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

struct MHD_Response *fl__live_open(struct fl__live *live, struct MHD_Connection *connection)
{
    struct watcher *watcher = calloc(1, sizeof *watcher);
    if (watcher == NULL)
        return NULL;
    *watcher = (struct watcher){.live = live, .connection = connection, .is_new = true};
    fl__link_init(&watcher->link);
    limit_buffer(connection);
    pthread_mutex_lock(&live->mutex);
    bool is_taken = live->watcher_count < FL__WATCHERS_MAX && !live->has_ended;
    struct MHD_Response *response =
        is_taken ? MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE, on_read, watcher, on_gone)
                 : NULL;
    if (response != NULL) {
        fl__link_append(&live->watchers, &watcher->link);
        live->watcher_count++;
        live->new_count++;
    }
    pthread_mutex_unlock(&live->mutex);
    if (response == NULL)
        free(watcher);
    fl__live_wake(live);
    return response;
}

/* ------------------------------------------------------------------------------- on the gatherer's thread */

void fl__live_count(struct fl__live *live, uint32_t *watchers, uint32_t *newcomers)
{
    pthread_mutex_lock(&live->mutex);
    *watchers = live->watcher_count;
    *newcomers = live->new_count;
    pthread_mutex_unlock(&live->mutex);
}

/* A connection that is suspended is not looked at by the web server, so who closed the page would count until
 * there is something to send. */
static bool has_hung_up(const struct watcher *watcher)
{
    char byte;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(watcher->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    ssize_t size = info != NULL ? recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;
    return size == 0 || (size < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

void fl__live_look(struct fl__live *live)
{
    pthread_mutex_lock(&live->mutex);
    for (struct fl__link *link = live->watchers.next; link != &live->watchers; link = link->next) {
        struct watcher *watcher = fl__container(link, struct watcher, link);
        if (!watcher->is_suspended || !has_hung_up(watcher))
            continue;
        watcher->has_hung_up = true;
        resume(watcher);
    }
    pthread_mutex_unlock(&live->mutex);
}

static void drop_oldest(struct fl__live *live)
{
    struct message **place = &live->kept[live->first++ % KEPT];
    live->kept_size -= (*place)->size;
    let_go(*place);
    *place = NULL;
}

void fl__live_send(struct fl__live *live, struct fl__bytes text)
{
    pthread_mutex_lock(&live->mutex);
    struct message *message = make_message(text.data, text.size);
    if (message != NULL) {
        while (live->first < live->next &&
               (live->next - live->first == KEPT || live->kept_size + text.size > KEPT_SIZE_MAX))
            drop_oldest(live);
        live->kept[live->next++ % KEPT] = message;
        live->kept_size += text.size;
    }
    for (struct fl__link *link = live->watchers.next; link != &live->watchers; link = link->next) {
        struct watcher *watcher = fl__container(link, struct watcher, link);
        if (!watcher->is_new)
            resume(watcher);
    }
    pthread_mutex_unlock(&live->mutex);
}

void fl__live_welcome(struct fl__live *live, struct fl__bytes text)
{
    pthread_mutex_lock(&live->mutex);
    struct message *message = make_message(text.data, text.size);
    for (struct fl__link *link = live->watchers.next; link != &live->watchers; link = link->next) {
        struct watcher *watcher = fl__container(link, struct watcher, link);
        if (message == NULL || !watcher->is_new)
            continue;
        watcher->is_new = false;
        watcher->next = live->next;
        watcher->sending = hold(message);
        live->new_count--;
        resume(watcher);
    }
    let_go(message);
    pthread_mutex_unlock(&live->mutex);
}

/* ------------------------------------------------------------------------------------------ on any thread */

void fl__live_wake(struct fl__live *live)
{
    /* A full pipe wakes as well as one with a byte more. */
    if (write(live->wake[1], "", 1) < 0)
        return;
}

int fl__live_wake_file(const struct fl__live *live)
{
    return live->wake[0];
}

void fl__live_end(struct fl__live *live)
{
    pthread_mutex_lock(&live->mutex);
    live->has_ended = true;
    for (struct fl__link *link = live->watchers.next; link != &live->watchers; link = link->next)
        resume(fl__container(link, struct watcher, link));
    pthread_mutex_unlock(&live->mutex);
}

void fl__live_destroy(struct fl__live *live)
{
    if (live == NULL)
        return;
    while (live->first < live->next)
        drop_oldest(live);
    close(live->wake[0]);
    close(live->wake[1]);
    pthread_mutex_destroy(&live->mutex);
    free(live);
}
