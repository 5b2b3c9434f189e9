/* http.c - the web port: /livez, /readyz, /metrics and /status.json.
 *
 * The one place of the server with a thread of its own (libmicrohttpd's) and with a clock of its own. The
 * thread sees nothing but a copy of the latest snapshot, taken under a mutex; the server's thread never waits
 * for more than another copy. So a slow scrape, or a hundred of them, cannot delay a command, and what the
 * web shows is at most as old as a round of the server's timer.
 *
 *   /              what there is
 *   /livez         200 unless the server's thread has not moved for ten seconds. Never because of a lost
 *                  quorum: a restart would not bring it back.
 *   /readyz        200 if the node knows a leader and has caught up; ?verbose says why not
 *   /metrics       Prometheus' text
 *   /status.json   as FAIRLEAD STATUS */
#include "server.h"

#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define STUCK_S 10
#define PAGE_SIZE_MAX (4u << 20)
#define CONNECTIONS_MAX 64
#define CONNECTION_TIMEOUT_S 10
#define CONNECTION_MEMORY (32u << 10)

/* What the two threads share. */
struct board {
    struct fl__snapshot snapshot;
    uint64_t *calls; /* By row of the table. */
    double moved_s;  /* When the server's thread last published. */
};

struct fl_web {
    struct fl_server *server;
    struct MHD_Daemon *daemon;
    pthread_mutex_t mutex;
    struct board board; /* Under the mutex. */
};

static double now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static size_t calls_size(void)
{
    return fl__command_count * sizeof(uint64_t);
}

/* On the server's thread. */
static void on_publish(void *context, const struct fl__snapshot *snapshot)
{
    struct fl_web *web = context;
    pthread_mutex_lock(&web->mutex);
    web->board.snapshot = *snapshot;
    memcpy(web->board.calls, web->server->calls, calls_size());
    web->board.moved_s = now_s();
    pthread_mutex_unlock(&web->mutex);
}

/* On the web's thread: a copy to work with, to be freed; NULL if memory is short. The calls lie behind it. */
static struct board *copy_board(struct fl_web *web)
{
    struct board *copy = malloc(sizeof *copy + calls_size());
    if (copy == NULL)
        return NULL;
    uint64_t *calls = (uint64_t *)(void *)(copy + 1);
    pthread_mutex_lock(&web->mutex);
    *copy = web->board;
    memcpy(calls, web->board.calls, calls_size());
    pthread_mutex_unlock(&web->mutex);
    copy->calls = calls;
    return copy;
}

/* ------------------------------------------------------------------------------------------------- pages */

struct page {
    unsigned status;
    const char *type;
    struct fl__reply text;
};

static void add(struct page *page, const char *text)
{
    fl__reply_raw(&page->text, fl__bytes_of(text));
}

static void show_livez(const struct board *board, bool verbose, struct page *page)
{
    double age = now_s() - board->moved_s;
    char line[128];
    (void)verbose;
    if (age < STUCK_S) {
        add(page, "ok\n");
        return;
    }
    page->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    snprintf(line, sizeof line, "stuck: the server's thread has not moved for %.0f s\n", age);
    add(page, line);
}

static void add_check(struct page *page, bool verbose, bool is_fine, const char *name, const char *why)
{
    char line[512];
    if (!is_fine)
        page->status = MHD_HTTP_SERVICE_UNAVAILABLE;
    if (!verbose)
        return;
    if (is_fine)
        snprintf(line, sizeof line, "[+] %s ok\n", name);
    else
        snprintf(line, sizeof line, "[-] %s: %s\n", name, why);
    add(page, line);
}

static void show_readyz(const struct board *board, bool verbose, struct page *page)
{
    const struct fl_node_status *node = &board->snapshot.node;
    char behind[96];
    snprintf(behind, sizeof behind, "applied %llu of %llu committed", (unsigned long long)node->applied,
             (unsigned long long)node->commit);
    add_check(page, verbose, now_s() - board->moved_s < STUCK_S, "alive",
              "the server's thread does not move");
    add_check(page, verbose, node->founded, "founded", "not all founding members have met yet");
    add_check(page, verbose, node->has_leader, "leader", "none is known; see fairlead status");
    add_check(page, verbose, node->ready, "caught up", behind);
    add_check(page, verbose, !node->damaged, "undamaged", node->damage);
    if (page->status == MHD_HTTP_OK)
        add(page, verbose ? "ready\n" : "ok\n");
    else
        add(page, verbose ? "not ready\n" : "not ready; /readyz?verbose says why\n");
}

static void show_metrics(const struct board *board, bool verbose, struct page *page)
{
    (void)verbose;
    page->type = "text/plain; version=0.0.4; charset=utf-8";
    fl__metrics_write(&page->text, &board->snapshot, board->calls);
    fl__process_write(&page->text);
}

static void show_status(const struct board *board, bool verbose, struct page *page)
{
    char *json = fl__snapshot_json(&board->snapshot);
    (void)verbose;
    page->type = "application/json";
    if (json == NULL)
        page->text.failed = true;
    else
        add(page, json);
    add(page, "\n");
    free(json);
}

static void show_index(const struct board *board, bool verbose, struct page *page)
{
    (void)board;
    (void)verbose;
    add(page, "This is a node of a Fairlead cluster. It shows:\n"
              "  /status.json  the cluster as this node sees it\n"
              "  /metrics      the same and more as numbers, for Prometheus\n"
              "  /readyz       200 if the node serves, else 503; ?verbose says why\n"
              "  /livez        200 if its loop turns, else 503\n");
}

static const struct {
    const char *path;
    void (*show)(const struct board *board, bool verbose, struct page *page);
} pages[] = {
    {"/", show_index},          {"/livez", show_livez},        {"/readyz", show_readyz},
    {"/metrics", show_metrics}, {"/status.json", show_status},
};

/* ----------------------------------------------------------------------------------------------- requests */

static enum MHD_Result queue_page(struct MHD_Connection *connection, struct page *page)
{
    /* The response takes the memory over, and frees it. */
    struct MHD_Response *response =
        MHD_create_response_from_buffer(page->text.size, page->text.data, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(page->text.data);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, page->type);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(response, "Content-Security-Policy", "default-src 'self'");
    if (page->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
    enum MHD_Result result = MHD_queue_response(connection, page->status, response);
    MHD_destroy_response(response);
    return result;
}

static void show_page(struct fl_web *web, struct MHD_Connection *connection, const char *path,
                      struct page *page)
{
    bool verbose =
        MHD_lookup_connection_value_n(connection, MHD_GET_ARGUMENT_KIND, "verbose", 7, NULL, NULL) == MHD_YES;
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        if (strcmp(path, pages[k].path) != 0)
            continue;
        struct board *board = copy_board(web);
        if (board == NULL)
            page->text.failed = true;
        else
            pages[k].show(board, verbose, page);
        free(board);
        return;
    }
    page->status = MHD_HTTP_NOT_FOUND;
    add(page, "There is no such page here; / lists them.\n");
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct page page = {.status = MHD_HTTP_OK, .type = "text/plain; charset=utf-8"};
    (void)version;
    (void)upload;
    (void)state;
    if (*upload_size > 0) {
        *upload_size = 0; /* Nobody wants it. */
        return MHD_YES;
    }
    fl__reply_init(&page.text, 2, PAGE_SIZE_MAX);
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0) {
        page.status = MHD_HTTP_METHOD_NOT_ALLOWED;
        add(&page, "GET and HEAD only\n");
    } else {
        show_page(context, connection, path, &page);
    }
    if (page.text.failed) {
        fl__reply_release(&page.text);
        return MHD_NO;
    }
    return queue_page(connection, &page);
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

static struct MHD_Daemon *start_daemon(struct fl_web *web, const struct addrinfo *address)
{
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | (address->ai_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, web, MHD_OPTION_SOCK_ADDR, address->ai_addr,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
}

static void free_web(struct fl_web *web)
{
    pthread_mutex_destroy(&web->mutex);
    free(web->board.calls);
    free(web);
}

int fl_web_start(struct fl_web **out, struct fl_server *server, const char *address,
                 struct fl_error_report *report)
{
    *out = NULL;
    *report = (struct fl_error_report){.error = FL_OK};
    struct addrinfo *resolved = resolve(address);
    if (resolved == NULL)
        return fail(report, FL_EADDR, address, "is no address, H:P");
    struct fl_web *web = calloc(1, sizeof *web);
    uint64_t *calls = calloc(1, calls_size());
    if (web == NULL || calls == NULL) {
        free(web);
        free(calls);
        freeaddrinfo(resolved);
        return fail(report, FL_ENOMEM, address, "memory could not be allocated");
    }
    web->server = server;
    web->board.calls = calls;
    pthread_mutex_init(&web->mutex, NULL);
    fl__server_watch(server, on_publish, web);
    web->daemon = start_daemon(web, resolved);
    freeaddrinfo(resolved);
    if (web->daemon == NULL) {
        fl__server_watch(server, NULL, NULL);
        free_web(web);
        return fail(report, FL_EADDR, address, "cannot be listened on; is it in use?");
    }
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
    if (web == NULL)
        return;
    MHD_stop_daemon(web->daemon);
    fl__server_watch(web->server, NULL, NULL);
    free_web(web);
}
