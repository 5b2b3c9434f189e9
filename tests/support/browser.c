#include "browser.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
// cmocka wants some headers above before its own.
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAX ((size_t)64 << 10)

static int dial(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

static void write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t written = send(fd, text, size, MSG_NOSIGNAL);
        if (written <= 0)
            return; /* It may answer before it has heard all. */
        text += written;
        size -= (size_t)written;
    }
}

char *browser_ask(uint16_t port, const char *method, const char *path, const char *headers, const char *body)
{
    int fd = dial(port);
    char *request = malloc(REQUEST_MAX), *response = malloc(BROWSER_RESPONSE_MAX);
    size_t length = body != NULL ? strlen(body) : 0, got = 0;
    char host[64] = "";
    if (strncmp(headers, "Host:", 5) != 0)
        snprintf(host, sizeof host, "Host: 127.0.0.1:%u\r\n", (unsigned)port);
    int size = snprintf(request, REQUEST_MAX,
                        "%s %s HTTP/1.1\r\n%sConnection: close\r\nContent-Length: %zu\r\n%s\r\n%s", method,
                        path, host, length, headers, body != NULL ? body : "");
    assert_true(size > 0 && (size_t)size < REQUEST_MAX);
    write_all(fd, request, (size_t)size);
    free(request);
    for (;;) {
        ssize_t n = recv(fd, response + got, BROWSER_RESPONSE_MAX - 1 - got, 0);
        if (n <= 0)
            break;
        got += (size_t)n;
    }
    response[got] = '\0';
    close(fd);
    return response;
}

char *browser_get(uint16_t port, const char *path)
{
    return browser_ask(port, "GET", path, "", NULL);
}

int browser_send(uint16_t port, const char *text)
{
    int fd = dial(port);
    write_all(fd, text, strlen(text));
    return fd;
}

int browser_open(uint16_t port, const char *path)
{
    char request[256];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    return browser_send(port, request);
}

void browser_reset(int fd)
{
    const struct linger none = {.l_onoff = 1};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof none), 0);
    close(fd);
}

static double now_ms(void)
{
    struct timespec at;
    clock_gettime(CLOCK_MONOTONIC, &at);
    return (double)at.tv_sec * 1e3 + (double)at.tv_nsec / 1e6;
}

bool browser_await(int fd, char *text, size_t size, const char *part, unsigned limit_ms)
{
    double end = now_ms() + limit_ms;
    size_t got = strlen(text);
    while (strstr(text, part) == NULL) {
        double left = end - now_ms();
        struct pollfd poll_one = {.fd = fd, .events = POLLIN};
        if (left <= 0 || poll(&poll_one, 1, (int)left + 1) <= 0)
            return false;
        ssize_t n = recv(fd, text + got, size - 1 - got, 0);
        if (n <= 0)
            return false;
        got += (size_t)n;
        text[got] = '\0';
    }
    return true;
}
