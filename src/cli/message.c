/* message.c - errors as people meet them: what happened, the facts, what to do; each with a code.
 *
 *     error: n2 was not started: port 7610 is in use [FL1017]
 *       now    another process listens on 127.0.0.1:7610
 *       do     fairlead up --port 7700
 *
 * Everything here goes to stderr, so that what a verb prints on stdout can be piped. */
#include "cli.h"

void fl__say_error(enum fl__code code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("error: ", stderr);
    vfprintf(stderr, format, arguments);
    fprintf(stderr, " [FL%d]\n", (int)code);
    va_end(arguments);
}

void fl__say_fact(const char *label, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "  %-6s ", label);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
