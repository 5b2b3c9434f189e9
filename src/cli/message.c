/* message.c - errors as people meet them: what happened, the facts, what to do; each with a code.
 *
 *     error: n2 was not started: port 7610 is in use [FL1017]
 *       now    another process listens on 127.0.0.1:7610
 *       do     fairlead up --port 7700
 *
 * Everything here goes to stderr, so that what a verb prints on stdout can be piped. On a terminal a line
 * that is too long goes on below, where its text began; elsewhere it stays a line, for those who search. */
#include "cli.h"

#include <errno.h>
#include <unistd.h>

#define TEXT_SIZE 4096

/* What is said next is often what errno means. */
static void say_hanging(const char *text, unsigned left)
{
    int error = errno;
    fl__print_hanging(stderr, text, left, isatty(STDERR_FILENO) ? fl__terminal_width() : 0);
    fputc('\n', stderr);
    errno = error;
}

void fl__say_error(enum fl__code code, const char *format, ...)
{
    va_list arguments;
    char text[TEXT_SIZE], whole[TEXT_SIZE + 16];
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    (void)snprintf(whole, sizeof whole, "%s [FL%d]", text, (int)code);
    fputs("error: ", stderr);
    say_hanging(whole, 7);
}

void fl__say_fact(const char *label, const char *format, ...)
{
    va_list arguments;
    char text[TEXT_SIZE];
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fprintf(stderr, "  %-6s ", label);
    say_hanging(text, 9);
}
