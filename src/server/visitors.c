/* visitors.c - the web port's connections, those that may have to make room.
 *
 * libmicrohttpd closes a connection on which nothing happens for a while. But whoever sends a byte now and
 * then keeps his for as long as he likes, and places are limited. So where they run out, the connection goes
 * that has gone longest without a whole request: /livez is answered even if somebody holds as many as he can.
 * Streams are not among them: they have places of their own (live.c).
 *
 * All on libmicrohttpd's thread. */
#include "web.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <sys/socket.h>

struct visitor {
    struct fl__link link; /* Alone: it need not make room, or just does. */
    int file;
    bool is_leaving;
};

void fl__visitors_init(struct fl__visitors *visitors)
{
    fl__link_init(&visitors->waiting);
    visitors->count = 0;
}

static void leave_list(struct fl__visitors *visitors, struct visitor *visitor)
{
    visitors->count -= !fl__link_is_alone(&visitor->link);
    fl__link_remove(&visitor->link);
}

/* As the youngest. */
static void join_list(struct fl__visitors *visitors, struct visitor *visitor)
{
    leave_list(visitors, visitor);
    fl__link_append(&visitors->waiting, &visitor->link);
    visitors->count++;
}

static struct visitor *visitor_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

void fl__visitors_come(struct fl__visitors *visitors, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct visitor *visitor = calloc(1, sizeof *visitor);
    *context = visitor;
    if (visitor == NULL)
        return;
    visitor->file = info->connect_fd;
    fl__link_init(&visitor->link);
    if (visitors->count >= FL__VISITORS_MAX) {
        struct visitor *oldest = fl__container(visitors->waiting.next, struct visitor, link);
        oldest->is_leaving = true;
        (void)shutdown(oldest->file, SHUT_RDWR);
        leave_list(visitors, oldest);
    }
    join_list(visitors, visitor);
}

void fl__visitors_go(struct fl__visitors *visitors, void *context)
{
    struct visitor *visitor = context;
    if (visitor == NULL)
        return;
    leave_list(visitors, visitor);
    free(visitor);
}

void fl__visitors_stay(struct fl__visitors *visitors, struct MHD_Connection *connection)
{
    struct visitor *visitor = visitor_of(connection);
    if (visitor != NULL)
        leave_list(visitors, visitor);
}

void fl__visitors_served(struct fl__visitors *visitors, struct MHD_Connection *connection)
{
    struct visitor *visitor = visitor_of(connection);
    if (visitor != NULL && !visitor->is_leaving)
        join_list(visitors, visitor);
}
