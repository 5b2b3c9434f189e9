/* http.c - the web port: what is asked for, and what is answered.
 *
 *   /            the cluster, live: web/index.html; of a playground alone the same as /learn
 *   /learn       the same page, as a playground
 *   /web/...     its files
 *   /mode.json   what the page has to know before it begins
 *   /live        the stream of server-sent events: see live.c
 *   /admin/...   what may be done, if that is allowed: see admin.c
 *   the rest     pages for machines: see pages.c
 *
 * Requests are handled by libmicrohttpd's thread, one at a time; nothing here waits for anything. Whatever
 * the answer is, it forbids the page to load anything from elsewhere, and other sites' pages to load it.
 *
 * Who listens on loopback shows what is there to this machine alone. So a node that does answers only to whom
 * another site's name cannot have brought there: see origin.c. */
#include "web.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PAGE_SIZE_MAX (4u << 20)
#define CONNECTIONS_MAX (FL__VISITORS_MAX + FL__WATCHERS_MAX + 32) /* Those that are being closed, too. */
#define CONNECTION_TIMEOUT_S 10 /* For a stream too, while it has something to send. */
#define CONNECTION_MEMORY (32u << 10)
#define CONTENT_SECURITY_POLICY "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'"
#define REBOUND                                                                                              \
    "This node listens on loopback, and answers there to an address or to localhost, not to another name.\n" \
    "  now    whoever owns a name can let it mean this machine, and have a page of his read what is here\n"  \
    "  do     ask for http://127.0.0.1:PORT or http://localhost:PORT; let a proxy send that as Host\n"
#define CORE "web/core.wasm"
#define PAGE "web/index.html"

struct fl_web {
    struct fl__board *board; /* NULL, like the next two: a playground alone. */
    struct fl__live *live;
    struct fl__gatherer *gatherer;
    struct MHD_Daemon *daemon;
    struct fl__visitors visitors;
    char version[64];
    bool may_act, is_loopback;
};

/* ---------------------------------------------------------------------------------------------- answering */

static enum MHD_Result queue(struct MHD_Connection *connection, unsigned status, const char *type,
                             const char *caching, struct MHD_Response *response)
{
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, caching);
    MHD_add_response_header(response, "Content-Security-Policy", CONTENT_SECURITY_POLICY);
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "X-Frame-Options", "DENY");
    MHD_add_response_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    if (status == MHD_HTTP_SERVICE_UNAVAILABLE)
        MHD_add_response_header(response, MHD_HTTP_HEADER_RETRY_AFTER, "5");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result queue_page(struct MHD_Connection *connection, struct fl__page *page)
{
    if (page->text.failed) {
        fl__reply_release(&page->text);
        return MHD_NO;
    }
    /* The response takes the memory over, and frees it. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page->text.size, page->text.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL)
        free(page->text.data);
    return queue(connection, page->status, page->type, "no-store", response);
}

static bool takes_gzip(struct MHD_Connection *connection)
{
    const char *accepted =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT_ENCODING);
    return accepted != NULL && strstr(accepted, "gzip") != NULL && strstr(accepted, "gzip;q=0") == NULL;
}

/* The browser keeps it, and asks each time whether it is still the same. */
static enum MHD_Result queue_file(struct MHD_Connection *connection, const struct fl__file *file)
{
    char tag[32];
    bool gzip = takes_gzip(connection);
    const char *data = gzip ? file->compressed : file->data, *end = gzip ? file->compressed_end : file->end;
    snprintf(tag, sizeof tag, "\"%016" PRIx64 "%s\"", fl__file_hash(file), gzip ? "-gzip" : "");
    const char *known =
        MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_IF_NONE_MATCH);
    bool is_known = known != NULL && strstr(known, tag) != NULL;
    /* Read-only memory of the program, which libmicrohttpd does not write to. */
    struct MHD_Response *response = MHD_create_response_from_buffer(
        is_known ? 0 : (size_t)(end - data), (void *)(uintptr_t)data, MHD_RESPMEM_PERSISTENT);
    if (response != NULL) {
        MHD_add_response_header(response, MHD_HTTP_HEADER_ETAG, tag);
        MHD_add_response_header(response, MHD_HTTP_HEADER_VARY, MHD_HTTP_HEADER_ACCEPT_ENCODING);
        if (gzip)
            MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_ENCODING, "gzip");
    }
    return queue(connection, is_known ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, fl__file_type(file), "no-cache",
                 response);
}

/* ------------------------------------------------------------------------------------------ what there is */

static void show_mode(const struct fl_web *web, struct fl__page *page)
{
    struct fl__published *latest = web->board != NULL ? fl__board_take(web->board) : NULL;
    page->type = "application/json";
    fl__reply_print(&page->text, "{\"live\":%s,\"admin\":%s,\"playground\":%s",
                    web->board != NULL ? "true" : "false", web->may_act ? "true" : "false",
                    fl__file_find(CORE) != NULL ? "true" : "false");
    fl__reply_print(&page->text, ",\"name\":\"%s\",\"version\":\"%s\"}\n",
                    latest != NULL ? latest->snapshot.node.name : "", web->version);
    free(latest);
}

static enum MHD_Result answer_live(struct fl_web *web, struct MHD_Connection *connection, bool is_head,
                                   struct fl__page *page)
{
    struct MHD_Response *response = NULL;
    if (fl__origin_is_foreign(connection)) {
        fl__page_say(page, MHD_HTTP_FORBIDDEN,
                     "This is for the page of this node, and another site's page asks for it.\n");
        return queue_page(connection, page);
    }
    response = is_head ? MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT)
                       : fl__live_open(web->live, connection);
    if (response == NULL) {
        fl__page_say(page, MHD_HTTP_SERVICE_UNAVAILABLE, "As many watch as may; close another page.\n");
        return queue_page(connection, page);
    }
    if (!is_head)
        fl__visitors_stay(&web->visitors, connection);
    MHD_add_response_header(response, "X-Accel-Buffering", "no"); /* Proxies pass each message on at once. */
    return queue(connection, MHD_HTTP_OK, "text/event-stream", "no-store, no-transform", response);
}

/* The file that a path stands for; NULL: none. */
static const struct fl__file *file_at(const char *path)
{
    if (strcmp(path, "/") == 0 || strcmp(path, "/learn") == 0)
        return fl__file_find(PAGE);
    return strncmp(path, "/web/", 5) == 0 ? fl__file_find(path + 1) : NULL;
}

static enum MHD_Result answer(struct fl_web *web, struct MHD_Connection *connection, const char *path,
                              bool is_head, struct fl__page *page)
{
    bool verbose =
        MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose", 7, NULL, NULL) == MHD_YES;
    const struct fl__file *file = file_at(path);
    if (file != NULL)
        return queue_file(connection, file);
    if (strcmp(path, "/live") == 0 && web->live != NULL)
        return answer_live(web, connection, is_head, page);
    if (strcmp(path, "/mode.json") == 0)
        show_mode(web, page);
    else if (web->board == NULL)
        fl__page_say(page, MHD_HTTP_NOT_FOUND, "There is no such page here; / is what there is.\n");
    else if (!fl__page_show(web->board, path, verbose, page))
        fl__page_say(page, MHD_HTTP_NOT_FOUND, "There is no such page here; /help lists them.\n");
    return queue_page(connection, page);
}

/* ----------------------------------------------------------------------------------------------- requests */

static enum MHD_Result answer_post(const struct fl_web *web, struct MHD_Connection *connection,
                                   const char *path, const char *data, size_t *size, void **state,
                                   struct fl__page *page)
{
    if (strncmp(path, "/admin/", 7) != 0)
        fl__page_say(page, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    else if (!web->may_act)
        fl__page_say(page, MHD_HTTP_FORBIDDEN, "This page only shows: the node runs without --web-admin.\n");
    else if (!fl__admin_post(web->gatherer, connection, path, data, size, state, page))
        return MHD_YES;
    return queue_page(connection, page);
}

/* What stands for a request of which the headers were seen, and no more. An answer to these alone would also
 * close the connection. */
static const char headers_seen;

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data, size_t *size,
                                  void **state)
{
    struct fl_web *web = context;
    struct fl__page page = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    bool is_head = strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    (void)version;
    bool is_post = strcmp(method, MHD_HTTP_METHOD_POST) == 0;
    if (!is_post && *state == NULL) {
        *state = (void *)(uintptr_t)&headers_seen;
        return MHD_YES;
    }
    if (*size > 0 && (*state == NULL || *state == &headers_seen)) {
        *size = 0; /* Nobody wants it. */
        return MHD_YES;
    }
    fl__reply_init(&page.text, 2, PAGE_SIZE_MAX);
    if (web->is_loopback && web->board != NULL && fl__origin_is_rebound(connection)) {
        fl__page_say(&page, MHD_HTTP_FORBIDDEN, REBOUND);
        return queue_page(connection, &page);
    }
    if (is_post)
        return answer_post(web, connection, path, data, size, state, &page);
    if (is_head || strcmp(method, MHD_HTTP_METHOD_GET) == 0)
        return answer(web, connection, path, is_head, &page);
    fl__page_say(&page, MHD_HTTP_METHOD_NOT_ALLOWED, "GET and HEAD only\n");
    return queue_page(connection, &page);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct fl_web *web = context;
    (void)code;
    if (*state != &headers_seen)
        fl__admin_release(*state);
    *state = NULL;
    fl__visitors_served(&web->visitors, connection);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **kept,
                          enum MHD_ConnectionNotificationCode code)
{
    struct fl_web *web = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED)
        fl__visitors_come(&web->visitors, connection, kept);
    else
        fl__visitors_go(&web->visitors, *kept);
}

/* ----------------------------------------------------------------------------------------------- starting */

static int fail(struct fl_error_report *report, int error, const char *address, const char *why)
{
    report->error = error;
    snprintf(report->text, sizeof report->text, "web port %.*s: %s", FL_ADDRESS_MAX, address, why);
    return error;
}

/* "host:port" or "[host]:port" to a socket address; to be freed. NULL: none. */
static struct addrinfo *resolve(const char *address)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    char host[FL_ADDRESS_MAX];
    const char *colon = strrchr(address, ':');
    struct addrinfo *found = NULL;
    if (colon == NULL || (size_t)(colon - address) >= sizeof host)
        return NULL;
    bool has_brackets = address[0] == '[' && colon > address && colon[-1] == ']';
    int size = (int)(colon - address) - (has_brackets ? 2 : 0);
    snprintf(host, sizeof host, "%.*s", size, address + (has_brackets ? 1 : 0));
    return getaddrinfo(host, colon + 1, &hints, &found) == 0 ? found : NULL;
}

static bool is_on_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return address->sa_family == AF_INET &&
           ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 ==
               IN_LOOPBACKNET;
}

static struct MHD_Daemon *start_daemon(struct fl_web *web, const struct addrinfo *address)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME |
                     (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, web, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, web, MHD_OPTION_END);
}

/* Whatever there is of it. Streams end, and errands, before the thread does that they are suspended on. */
static void free_web(struct fl_web *web)
{
    fl__gather_stop(web->gatherer);
    if (web->live != NULL)
        fl__live_end(web->live);
    if (web->daemon != NULL)
        MHD_stop_daemon(web->daemon);
    fl__gather_destroy(web->gatherer);
    fl__live_destroy(web->live);
    fl__board_destroy(web->board);
    free(web);
}

static bool prepare(struct fl_web *web, struct fl_server *server, const struct fl_web_options *options)
{
    fl__visitors_init(&web->visitors);
    snprintf(web->version, sizeof web->version, "%s", options->version != NULL ? options->version : "");
    if (server == NULL)
        return true;
    web->may_act = options->admin != FL_WEB_ADMIN_OFF;
    web->board = fl__board_create(server);
    web->live = fl__live_create();
    if (web->board != NULL && web->live != NULL)
        web->gatherer = fl__gather_start(web->board, web->live);
    return web->gatherer != NULL;
}

#define NO_DESCRIPTORS "too many open files or connections\n  do     raise ulimit -n (LimitNOFILE=)"

/* Whether that is why something failed; what it had opened itself may be closed again. */
static bool lacks_descriptors(int error)
{
    int probe = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (probe < 0)
        error = errno;
    else
        close(probe);
    return error == EMFILE || error == ENFILE;
}

int fl_web_start(struct fl_web **out, struct fl_server *server, const struct fl_web_options *options,
                 struct fl_error_report *report)
{
    const char *address = options->address;
    *out = NULL;
    *report = (struct fl_error_report){.error = FL_OK};
    if (server == NULL && fl__file_find(CORE) == NULL)
        return fail(report, FL_EINVAL, address, "this program was built without the playground");
    struct addrinfo *resolved = resolve(address);
    if (resolved == NULL)
        return fail(report, FL_EADDR, address, "is no address, H:P");
    bool is_loopback = is_on_loopback(resolved->ai_addr);
    if (options->admin == FL_WEB_ADMIN_LOOPBACK && !is_loopback) {
        freeaddrinfo(resolved);
        return fail(report, FL_EINVAL, address,
                    "is not loopback, and --web-admin would let everybody who reaches it write\n"
                    "  do     leave one of the two out, or say --web-admin anywhere");
    }
    errno = 0;
    struct fl_web *web = calloc(1, sizeof *web);
    if (web == NULL || !prepare(web, server, options)) {
        bool is_short = lacks_descriptors(errno);
        if (web != NULL)
            free_web(web);
        freeaddrinfo(resolved);
        return is_short ? fail(report, FL_EMFILE, address, NO_DESCRIPTORS)
                        : fail(report, FL_ENOMEM, address, "memory could not be allocated");
    }
    web->is_loopback = is_loopback;
    errno = 0;
    web->daemon = start_daemon(web, resolved);
    if (web->daemon == NULL) {
        bool is_short = lacks_descriptors(errno);
        freeaddrinfo(resolved);
        free_web(web);
        if (is_short)
            return fail(report, FL_EMFILE, address, NO_DESCRIPTORS);
        return fail(report, FL_EADDR, address, "cannot be listened on; is it in use?");
    }
    freeaddrinfo(resolved);
    if (server != NULL && !is_loopback)
        fl__server_log(
            server, FL_LOG_WARN,
            "the web port %s asks for no password: whoever reaches it may read keys and values there; "
            "--web 127.0.0.1:%u keeps it to this machine, --web off closes it",
            address, (unsigned)fl_web_port(web));
    *out = web;
    return FL_OK;
}

uint16_t fl_web_port(const struct fl_web *web)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info != NULL ? info->port : 0;
}

void fl_web_stop(struct fl_web *web)
{
    if (web != NULL)
        free_web(web);
}
