/* browser.h - what a browser does to a web port, for tests: requests, each on a connection of its own, and
 * streams that are read as they come. */
#ifndef FAIRLEAD_TEST_BROWSER_H
#define FAIRLEAD_TEST_BROWSER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BROWSER_RESPONSE_MAX ((size_t)1 << 20)

/* The whole response, to be freed. headers: lines that end with \r\n each, or ""; body: NULL, there is none. */
char *browser_ask(uint16_t port, const char *method, const char *path, const char *headers, const char *body);
char *browser_get(uint16_t port, const char *path);

/* A connection whose response does not end. */
int browser_open(uint16_t port, const char *path);
/* Reads on, behind what `text` (terminated, of `size` bytes) holds already, until that has `part` in it, or
 * for so long. False: it never came. */
bool browser_await(int fd, char *text, size_t size, const char *part, unsigned limit_ms);

#endif
