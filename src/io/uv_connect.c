/* uv_connect.c - addresses, and how streams come to be: by listening and by connecting.
 *
 * Listening does not use libuv's uv_listen(), which, when descriptors run out, throws away whatever waits,
 * peers included. Here some descriptors are kept in reserve. When there are no more, a client is taken with
 * one of them and sent away at once; a peer keeps one. With none left in reserve, listeners stop until a
 * descriptor has become free (they look every RETRY_MS too), so that the loop does not spin on a queue that
 * it cannot empty. */
#include "engine.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOST_MAX = 256, PORT_MAX = 8, BACKLOG = 511, ACCEPTS_MAX = 64, RETRY_MS = 100 };

struct fl_io_listener {
    uv_poll_t poll;
    struct fl_io_listener *next;
    struct engine *engine;
    int descriptor;
    bool is_privileged, is_paused;
    void (*on_accept)(void *context, struct fl_io_stream *stream);
    void *context;
};

/* ---------------------------------------------------------------------------------------------- addresses */

/* Splits "host:port" or "[host]:port". */
static bool split_address(const char *address, char host[HOST_MAX], char port[PORT_MAX])
{
    const char *colon = strrchr(address, ':');
    if (!colon || colon[1] == '\0' || strlen(colon + 1) >= PORT_MAX ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    const char *begin = address;
    size_t size = (size_t)(colon - address);
    if (size >= 2 && begin[0] == '[' && begin[size - 1] == ']') {
        begin++;
        size -= 2;
    }
    if (size == 0 || size >= HOST_MAX)
        return false;
    memcpy(host, begin, size);
    host[size] = '\0';
    memcpy(port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

/* A numeric address needs nobody to resolve it. */
static bool is_numeric(const char *host, const char *port, struct sockaddr_storage *out)
{
    unsigned long number = strtoul(port, NULL, 10);
    return number <= 65535 && (uv_ip4_addr(host, (int)number, (struct sockaddr_in *)(void *)out) == 0 ||
                               uv_ip6_addr(host, (int)number, (struct sockaddr_in6 *)(void *)out) == 0);
}

static const struct addrinfo hints = {
    .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};

void fl__address_print(const struct sockaddr *address, char *out, size_t size)
{
    char host[HOST_MAX] = "?";
    if (size == 0)
        return;
    if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)address;
        (void)uv_ip6_name(in6, host, sizeof host);
        snprintf(out, size, "[%s]:%u", host, (unsigned)ntohs(in6->sin6_port));
    } else if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)address;
        (void)uv_ip4_name(in, host, sizeof host);
        snprintf(out, size, "%s:%u", host, (unsigned)ntohs(in->sin_port));
    } else {
        snprintf(out, size, "?");
    }
}

/* --------------------------------------------------------------------------------------------- connecting */

static void try_next_address(struct connect_request *request, int error);

static void finish_connect(struct connect_request *request, int result)
{
    if (request->addresses)
        uv_freeaddrinfo(request->addresses);
    if (result != FL_OK && request->stream)
        fl__stream_abandon(request->stream);
    request->base.op->stream = result == FL_OK ? request->stream : NULL;
    fl__request_complete(request, result);
}

static void on_connected(uv_connect_t *connect, int status)
{
    struct connect_request *request = connect->data;
    if (request->is_canceled) {
        finish_connect(request, FL_ECANCELED);
    } else if (status == 0) {
        uv_tcp_nodelay(fl__stream_tcp(request->stream), 1);
        finish_connect(request, FL_OK);
    } else {
        fl__stream_abandon(request->stream);
        request->stream = NULL;
        try_next_address(request, fl__engine_error(status));
    }
}

static void connect_to(struct connect_request *request, const struct sockaddr *address)
{
    struct engine *engine = request->base.engine;
    request->stream = fl__stream_create(engine);
    if (!request->stream) {
        finish_connect(request, FL_ENOMEM);
        return;
    }
    uv_tcp_t *tcp = fl__stream_tcp(request->stream);
    request->connect.data = request;
    int result = uv_tcp_connect(&request->connect, tcp, address, on_connected);
    if ((result == UV_EMFILE || result == UV_ENFILE) && fl__reserve_release(engine))
        result = uv_tcp_connect(&request->connect, tcp, address, on_connected);
    if (result != 0)
        finish_connect(request, fl__engine_error(result));
}

/* A name may stand for several addresses; the last one's error is told. */
static void try_next_address(struct connect_request *request, int error)
{
    struct addrinfo *next = request->next_address;
    if (!next) {
        finish_connect(request, error);
        return;
    }
    request->next_address = next->ai_next;
    connect_to(request, next->ai_addr);
}

static void on_resolved(uv_getaddrinfo_t *resolve, int status, struct addrinfo *addresses)
{
    struct connect_request *request = resolve->data;
    request->addresses = request->next_address = addresses;
    if (request->is_canceled)
        finish_connect(request, FL_ECANCELED);
    else if (status != 0)
        finish_connect(request, status == UV_EAI_NONAME ? FL_EADDR : FL_EUNREACHABLE);
    else
        try_next_address(request, FL_EADDR);
}

void fl__connect(struct fl_io *io, struct fl_io_op *op, const char *address)
{
    struct engine *engine = engine_of(io);
    char host[HOST_MAX], port[PORT_MAX];
    struct sockaddr_storage numeric = {0};
    op->stream = NULL;
    if (!split_address(address, host, port)) {
        fl__op_complete(engine, op, FL_EADDR);
        return;
    }
    struct connect_request *request = fl__request_take(engine, op, REQUEST_CONNECT);
    if (!request)
        return;
    request->addresses = request->next_address = NULL;
    request->stream = NULL;
    request->is_canceled = false;
    if (is_numeric(host, port, &numeric)) {
        connect_to(request, (struct sockaddr *)&numeric);
        return;
    }
    request->resolve.data = request;
    int result = uv_getaddrinfo(&engine->loop, &request->resolve, on_resolved, host, port, &hints);
    if (result != 0)
        finish_connect(request, result == UV_ENOMEM ? FL_ENOMEM : FL_EADDR);
}

void fl__connect_cancel(struct connect_request *request)
{
    if (request->is_canceled)
        return;
    request->is_canceled = true;
    if (request->stream)
        fl__stream_abandon(request->stream); /* Ends the connecting. */
    else
        (void)uv_cancel((uv_req_t *)&request->resolve); /* If that is too late, its result does not matter. */
}

/* ---------------------------------------------------------------------------------------------- accepting */

/* What came in becomes a stream and is given to the listener's owner. */
static void give_stream(struct fl_io_listener *listener, int descriptor)
{
    struct fl_io_stream *stream = fl__stream_create(listener->engine);
    if (!stream || uv_tcp_open(fl__stream_tcp(stream), descriptor) != 0) {
        close(descriptor);
        if (stream)
            fl__stream_abandon(stream);
        return;
    }
    uv_tcp_nodelay(fl__stream_tcp(stream), 1);
    listener->on_accept(listener->context, stream);
}

static int accept_one(struct fl_io_listener *listener)
{
    return accept4(listener->descriptor, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void on_retry(uv_timer_t *timer)
{
    fl__listen_resume(timer->data);
}

static void pause_listener(struct fl_io_listener *listener)
{
    uv_poll_stop(&listener->poll);
    listener->is_paused = true;
    uv_timer_start(&listener->engine->retry, on_retry, RETRY_MS, 0);
}

/* There are no more descriptors. False: listening has to pause. */
static bool accept_with_reserve(struct fl_io_listener *listener)
{
    if (!fl__reserve_release(listener->engine))
        return false;
    int descriptor = accept_one(listener);
    if (descriptor >= 0 && listener->is_privileged) {
        give_stream(listener, descriptor);
        return true;
    }
    bool is_limited = descriptor < 0 && errno != EAGAIN;
    if (descriptor >= 0)
        close(descriptor);
    fl__reserve_refill(listener->engine);
    if (descriptor >= 0)
        listener->on_accept(listener->context, NULL);
    return !is_limited;
}

static void on_acceptable(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct fl_io_listener *listener = poll->data;
    for (int k = 0; k < ACCEPTS_MAX && !uv_is_closing((uv_handle_t *)poll); k++) {
        int descriptor = accept_one(listener);
        if (descriptor >= 0)
            give_stream(listener, descriptor);
        else if (errno == EAGAIN)
            return;
        else if (errno == EINTR || errno == ECONNABORTED || errno == EPROTO)
            continue;
        else if ((errno != EMFILE && errno != ENFILE) || !accept_with_reserve(listener)) {
            pause_listener(listener);
            return;
        }
    }
}

static void listen_again(struct fl_io_listener *listener)
{
    listener->is_paused = uv_poll_start(&listener->poll, UV_READABLE, on_acceptable) != 0;
}

void fl__listen_resume(struct engine *engine)
{
    fl__reserve_refill(engine);
    for (struct fl_io_listener *listener = engine->listeners; listener; listener = listener->next)
        if (listener->is_paused)
            listen_again(listener);
}

/* ---------------------------------------------------------------------------------------------- listening */

/* A listening socket, or a negative errno. */
static int open_socket(const struct sockaddr *address)
{
    int on = 1;
    socklen_t size =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    int descriptor = socket(address->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor < 0)
        return -errno;
    if (setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(descriptor, address, size) == 0 && listen(descriptor, BACKLOG) == 0)
        return descriptor;
    int error = errno;
    close(descriptor);
    return -error;
}

/* A socket that listens at the first of the name's addresses that allows it, or a negative error of ours. */
static int open_listener(struct engine *engine, const char *address)
{
    char host[HOST_MAX], port[PORT_MAX];
    struct sockaddr_storage numeric = {0};
    uv_getaddrinfo_t resolve;
    if (!split_address(address, host, port))
        return FL_EADDR;
    int result = -EADDRNOTAVAIL;
    if (is_numeric(host, port, &numeric)) {
        result = open_socket((struct sockaddr *)&numeric);
    } else if (uv_getaddrinfo(&engine->loop, &resolve, NULL, host, port, &hints) == 0) {
        for (struct addrinfo *next = resolve.addrinfo; next && result < 0; next = next->ai_next)
            result = open_socket(next->ai_addr);
        uv_freeaddrinfo(resolve.addrinfo);
    }
    if (result >= 0)
        return result;
    /* A port that only others may use, a family that is not there: the address is what is wrong. */
    int error = fl__engine_error(result);
    return error == FL_EIO ? FL_EADDR : error;
}

int fl__listen(struct fl_io *io, struct fl_io_listener **out, const char *address, bool privileged,
               void (*on_accept)(void *context, struct fl_io_stream *stream), void *context)
{
    struct engine *engine = engine_of(io);
    *out = NULL;
    struct fl_io_listener *listener = calloc(1, sizeof *listener);
    if (!listener)
        return FL_ENOMEM;
    int descriptor = open_listener(engine, address);
    if (descriptor < 0) {
        free(listener);
        return descriptor;
    }
    *listener = (struct fl_io_listener){.next = engine->listeners,
                                        .engine = engine,
                                        .descriptor = descriptor,
                                        .is_privileged = privileged,
                                        .on_accept = on_accept,
                                        .context = context};
    fl_assert(uv_poll_init(&engine->loop, &listener->poll, descriptor) == 0);
    listener->poll.data = listener;
    engine->listeners = listener;
    listen_again(listener);
    *out = listener;
    return FL_OK;
}

static void on_listener_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void fl__listen_close(struct fl_io *io, struct fl_io_listener *listener)
{
    struct fl_io_listener **link = &engine_of(io)->listeners;
    while (*link != listener)
        link = &(*link)->next;
    *link = listener->next;
    uv_close((uv_handle_t *)&listener->poll, on_listener_closed);
    close(listener->descriptor);
}

void fl__listen_local_address(struct fl_io *io, struct fl_io_listener *listener, char *out, size_t size)
{
    (void)io;
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    (void)getsockname(listener->descriptor, (struct sockaddr *)&address, &length);
    fl__address_print((struct sockaddr *)&address, out, size);
}
