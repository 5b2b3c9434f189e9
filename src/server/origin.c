/* origin.c - whose request it is, as far as its headers say.
 *
 * A browser shows pages of other sites, and these may send requests to any address. What they may not is
 * lie: Host is the name in the address, Origin and Sec-Fetch-Site say whose page asks, and a header that
 * browsers do not send themselves is sent to another origin only with its leave, which nobody here gives.
 *
 * But a site's owner decides what its names mean, and may let one mean this machine, so that the browser
 * takes this port for a part of that site. A number, or localhost, nobody can make to mean something else. */
#include "web.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <string.h>

#define HOST_MAX 128

static const char *header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

bool fl__origin_is_literal(const char *host)
{
    char name[HOST_MAX];
    struct in6_addr address;
    bool has_brackets = host[0] == '[';
    size_t size = strcspn(host + has_brackets, has_brackets ? "]" : ":");
    const char *rest = host + has_brackets + size;
    if (size >= sizeof name || (has_brackets && *rest++ != ']'))
        return false;
    if (rest[0] != '\0' && (rest[0] != ':' || rest[1 + strspn(rest + 1, "0123456789")] != '\0'))
        return false;
    memcpy(name, host + has_brackets, size);
    name[size] = '\0';
    if (has_brackets)
        return inet_pton(AF_INET6, name, &address) == 1;
    return strcasecmp(name, "localhost") == 0 || inet_pton(AF_INET, name, &address) == 1;
}

bool fl__origin_is_rebound(struct MHD_Connection *connection)
{
    const char *host = header(connection, MHD_HTTP_HEADER_HOST);
    return host != NULL && !fl__origin_is_literal(host); /* Browsers always send it; scripts may not. */
}

bool fl__origin_is_foreign(struct MHD_Connection *connection)
{
    const char *site = header(connection, "Sec-Fetch-Site");
    return site != NULL && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
}

bool fl__origin_is_own(struct MHD_Connection *connection)
{
    const char *host = header(connection, MHD_HTTP_HEADER_HOST);
    const char *site = header(connection, "Sec-Fetch-Site");
    const char *origin = header(connection, MHD_HTTP_HEADER_ORIGIN);
    if (host == NULL || !fl__origin_is_literal(host) || header(connection, "X-Fairlead") == NULL)
        return false;
    if (site != NULL && strcmp(site, "same-origin") != 0)
        return false;
    return origin == NULL || (strncmp(origin, "http://", 7) == 0 && strcmp(origin + 7, host) == 0);
}
