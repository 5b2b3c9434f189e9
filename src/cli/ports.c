/* ports.c - whether the ports that a local node needs are free, and who has them if not.
 *
 * The node itself would find out too; but its message would be in a file, and could not name the one who
 * listens. */
#include "cli.h"

#include <errno.h>
#include <hiredis/hiredis.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static bool port_is_free(unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int one = 1, file = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (file < 0)
        return true;
    bool is_free = setsockopt(file, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
                   (bind(file, (struct sockaddr *)&address, sizeof address) == 0 || errno != EADDRINUSE);
    close(file);
    return is_free;
}

/* Who has taken a port: a Fairlead node says so. */
static void say_who_listens(const struct fl__asker *asker, unsigned port)
{
    struct fl__survey survey;
    struct fl__ask ask = {.words = {"FAIRLEAD", "STATUS"}};
    memset(&survey, 0, sizeof survey);
    snprintf(ask.address, sizeof ask.address, "127.0.0.1:%u", port);
    fl__ask_all(asker, &ask, 1);
    if (ask.reply != NULL && ask.reply->type == REDIS_REPLY_STRING &&
        fl__survey_read(ask.reply->str, &survey, NULL))
        fl__say_fact("now", "node %s of another Fairlead cluster listens there, process %llu",
                     survey.views[0].name, (unsigned long long)survey.views[0].pid);
    else
        fl__say_fact("now", "another process listens on 127.0.0.1:%u", port);
    fl__ask_release(&ask, 1);
}

bool fl__ports_free(const struct fl__cluster *cluster, unsigned node, const struct fl__asker *asker)
{
    for (unsigned i = 0; i < 3; i++) {
        unsigned port = fl__cluster_port(cluster, node) + i;
        if (port_is_free(port))
            continue;
        fl__say_error(FL__CODE_PORT_IN_USE, "%s was not started: port %u is in use",
                      cluster->nodes[node].name, port);
        say_who_listens(asker, port);
        fl__say_fact("do",
                     "stop it, or let another cluster have other ports: fairlead up --dir PATH --port BASE");
        return false;
    }
    return true;
}
