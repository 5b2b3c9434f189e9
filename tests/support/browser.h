/* browser.h - what a browser does to a web port, for tests: requests, each on a connection of its own, and
 * streams that are read as they come. */
#ifndef FAIRLEAD_TEST_BROWSER_H
#define FAIRLEAD_TEST_BROWSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BROWSER_RESPONSE_MAX ((size_t)1 << 20)

/* The whole response, to be freed. headers: lines that end with \r\n each, or ""; the host is 127.0.0.1 unless
 * the first one is Host. body: NULL, there is none. */
char *browser_ask(uint16_t port, const char *method, const char *path, const char *headers, const char *body);
char *browser_get(uint16_t port, const char *path);

/* A connection on which that was sent. */
int browser_send(uint16_t port, const char *text);
/* A connection whose response does not end. */
int browser_open(uint16_t port, const char *path);
void browser_reset(int fd); /* Closes it as one whose machine is gone. */
/* Reads on, behind what `text` (terminated, of `size` bytes) holds already, until that has `part` in it, or
 * for so long. False: it never came. */
bool browser_await(int fd, char *text, size_t size, const char *part, unsigned limit_ms);

#endif
