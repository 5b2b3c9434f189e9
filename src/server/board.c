/* board.c - what the server's thread shows to the web port's: a copy of the latest snapshot, and what it
 * takes to ask the members.
 *
 * Published ten times a second and at each notice, under a mutex that nobody holds for longer than a copy
 * takes. So a slow scrape, or a hundred of them, cannot delay a command. */
#include "web.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct fl__board {
    struct fl_server *server;
    pthread_mutex_t mutex;
    struct fl__published *latest; /* Under the mutex. */
};

double fl__web_now_s(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

uint64_t fl__web_wall_us(void)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000000 + (uint64_t)time.tv_nsec / 1000;
}

static size_t published_size(void)
{
    return sizeof(struct fl__published) + fl__command_count * sizeof(uint64_t);
}

/* On the server's thread. */
static void on_publish(void *context, const struct fl__snapshot *snapshot)
{
    struct fl__board *board = context;
    const struct fl_server *server = board->server;
    struct fl__published *latest = board->latest;
    pthread_mutex_lock(&board->mutex);
    latest->snapshot = *snapshot;
    memcpy(latest->client, server->client, sizeof latest->client);
    memcpy(latest->password, server->password, sizeof latest->password);
    latest->moved_s = fl__web_now_s();
    memcpy(latest->calls, server->calls, fl__command_count * sizeof *latest->calls);
    pthread_mutex_unlock(&board->mutex);
}

struct fl__board *fl__board_create(struct fl_server *server)
{
    struct fl__board *board = calloc(1, sizeof *board);
    struct fl__published *latest = calloc(1, published_size());
    if (board == NULL || latest == NULL) {
        free(board);
        free(latest);
        return NULL;
    }
    board->server = server;
    board->latest = latest;
    pthread_mutex_init(&board->mutex, NULL);
    fl__server_watch(server, on_publish, board);
    return board;
}

void fl__board_destroy(struct fl__board *board)
{
    if (board == NULL)
        return;
    fl__server_watch(board->server, NULL, NULL);
    pthread_mutex_destroy(&board->mutex);
    free(board->latest);
    free(board);
}

struct fl__published *fl__board_take(struct fl__board *board)
{
    struct fl__published *copy = malloc(published_size());
    if (copy == NULL)
        return NULL;
    pthread_mutex_lock(&board->mutex);
    memcpy(copy, board->latest, published_size());
    pthread_mutex_unlock(&board->mutex);
    return copy;
}
