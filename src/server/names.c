/* names.c - what the members' names mean, without waiting for a name server.
 *
 * An address is taken as it is. A name is looked up by a thread of its own, which has its own copy of the
 * name and one end of a pair of sockets: it sends what it found, and is gone. Nobody waits for it. Who does
 * not want to know any more closes the other end; so a name server that hangs holds up nobody, and not the
 * node that stops either.
 *
 * A name has one thread at most, and so many names are kept. What was found, or that nothing was, holds for a
 * moment. */
#include "web.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HELD_S 2.0

/* What the thread sends. */
struct finding {
    bool is_found;
    char text[FL__FOUND_SIZE]; /* The address; else why there is none. */
};

/* What the thread has. */
struct lookup {
    int file;
    char host[FL_ADDRESS_MAX];
};

/* ------------------------------------------------------------------------------ on the thread of a name */

/* Who listens on "localhost" listens on 127.0.0.1 more likely than on ::1, which comes first. */
static const struct addrinfo *choose(const struct addrinfo *list)
{
    for (const struct addrinfo *one = list; one != NULL; one = one->ai_next)
        if (one->ai_family == AF_INET)
            return one;
    return list;
}

static void find(const char *host, struct finding *out)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    int error = getaddrinfo(host, NULL, &hints, &list);
    if (error == 0) {
        const struct addrinfo *chosen = choose(list);
        error = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, out->text, sizeof out->text, NULL, 0,
                            NI_NUMERICHOST);
        freeaddrinfo(list);
    }
    out->is_found = error == 0;
    if (error != 0)
        snprintf(out->text, sizeof out->text, "its name means nothing: %s", gai_strerror(error));
}

static void *look_up(void *context)
{
    struct lookup *lookup = context;
    struct finding finding = {.is_found = false};
    find(lookup->host, &finding);
    (void)send(lookup->file, &finding, sizeof finding, MSG_NOSIGNAL);
    close(lookup->file);
    free(lookup);
    return NULL;
}

/* ----------------------------------------------------------------------------- on the gatherer's thread */

static bool start_thread(struct lookup *lookup)
{
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    bool is_started = pthread_create(&thread, &attributes, look_up, lookup) == 0;
    pthread_attr_destroy(&attributes);
    return is_started;
}

/* False: there is no thread to be had. */
static bool begin(struct fl__name *name)
{
    int files[2];
    struct lookup *lookup = calloc(1, sizeof *lookup);
    if (lookup == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, files) != 0) {
        free(lookup);
        return false;
    }
    lookup->file = files[1];
    memcpy(lookup->host, name->host, sizeof lookup->host);
    if (!start_thread(lookup)) {
        close(files[0]);
        close(files[1]);
        free(lookup);
        return false;
    }
    name->file = files[0];
    name->is_sought = true;
    return true;
}

static void end(struct fl__name *name)
{
    close(name->file);
    name->is_sought = false;
}

static void look_at(struct fl__name *name, double now_s)
{
    struct finding finding;
    ssize_t size = name->is_sought ? recv(name->file, &finding, sizeof finding, MSG_DONTWAIT) : -1;
    if (size < 0)
        return;
    if (size != sizeof finding)
        finding = (struct finding){.text = "its name could not be looked up"};
    end(name);
    name->is_found = finding.is_found;
    name->until_s = now_s + HELD_S;
    memcpy(name->found, finding.text, sizeof name->found);
}

/* NULL: all are being sought, or hold. */
static struct fl__name *name_of(struct fl__names *names, const char *host, double now_s)
{
    struct fl__name *free_one = NULL;
    for (size_t k = 0; k < FL__NAMES_MAX; k++) {
        struct fl__name *name = &names->list[k];
        if (strcmp(name->host, host) == 0)
            return name;
        if (free_one == NULL && !name->is_sought && now_s >= name->until_s)
            free_one = name;
    }
    if (free_one != NULL) {
        *free_one = (struct fl__name){.until_s = 0};
        snprintf(free_one->host, sizeof free_one->host, "%s", host);
    }
    return free_one;
}

static bool is_address(const char *host)
{
    struct in6_addr address;
    return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

enum fl__name_state fl__names_find(struct fl__names *names, const char *host, double now_s,
                                   char out[FL__FOUND_SIZE])
{
    snprintf(out, FL__FOUND_SIZE, "%s", host);
    if (is_address(host))
        return FL__NAME_FOUND;
    struct fl__name *name = name_of(names, host, now_s);
    if (name != NULL)
        look_at(name, now_s);
    if (name == NULL || (!name->is_sought && now_s >= name->until_s && !begin(name))) {
        snprintf(out, FL__FOUND_SIZE, "its name cannot be looked up: too much is under way");
        return FL__NAME_LOST;
    }
    if (name->is_sought)
        return FL__NAME_SOUGHT;
    memcpy(out, name->found, FL__FOUND_SIZE);
    return name->is_found ? FL__NAME_FOUND : FL__NAME_LOST;
}

int fl__names_file(const struct fl__names *names, uint32_t k)
{
    return names->list[k].is_sought ? names->list[k].file : -1;
}

void fl__names_release(struct fl__names *names)
{
    for (size_t k = 0; k < FL__NAMES_MAX; k++)
        if (names->list[k].is_sought)
            end(&names->list[k]);
}
