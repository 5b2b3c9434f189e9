/* bench_wire.c - what `bench` sends, and what it reads of the answers: just enough to count them.
 *
 * A key is a prefix and ten digits. All of one run are "bench:" with values or "bench:n:" with counters, so
 * that neither meets the other's type. Answers are simple ones: a line, or a string that is passed over
 * without being kept. */
#include "client.h"

#include <string.h>

#define DIGITS 10
#define LINE_MAX_SIZE 4096
#define STRING_MAX (512ll << 20)

static const char *prefix_of(bool counters)
{
    return counters ? FL__BENCH_COUNTERS : FL__BENCH_PREFIX;
}

/* A word of the protocol that is a key. */
static size_t put_key(char *out, bool counters, uint64_t key)
{
    const char *prefix = prefix_of(counters);
    return (size_t)snprintf(out, 64, "$%zu\r\n%s%0*llu\r\n", strlen(prefix) + DIGITS, prefix, DIGITS,
                            (unsigned long long)key);
}

size_t fl__wire_read(char *out, bool counters, uint64_t key)
{
    memcpy(out, "*2\r\n$3\r\nGET\r\n", 13);
    return 13 + put_key(out + 13, counters, key);
}

size_t fl__wire_increment(char *out, uint64_t key)
{
    memcpy(out, "*2\r\n$4\r\nINCR\r\n", 14);
    return 14 + put_key(out + 14, true, key);
}

size_t fl__wire_write(char *out, uint64_t key, const char *value, size_t size)
{
    memcpy(out, "*3\r\n$3\r\nSET\r\n", 13);
    size_t used = 13 + put_key(out + 13, false, key);
    used += (size_t)snprintf(out + used, 32, "$%zu\r\n", size);
    memcpy(out + used, value, size);
    memcpy(out + used + size, "\r\n", 2);
    return used + size + 2;
}

size_t fl__wire_remove(char *out, bool counters, uint64_t first, unsigned count)
{
    size_t used = (size_t)snprintf(out, 64, "*%u\r\n$3\r\nDEL\r\n", count + 1);
    for (unsigned i = 0; i < count; i++)
        used += put_key(out + used, counters, first + i);
    return used;
}

/* Adds to the line that is being read. False if it is longer than any honest one. */
static bool keep(struct fl__skim *skim, const char *bytes, size_t size)
{
    size_t room = sizeof skim->line - 1;
    if (skim->line_size < room) {
        size_t part = size < room - skim->line_size ? size : room - skim->line_size;
        memcpy(skim->line + skim->line_size, bytes, part);
        skim->line[skim->line_size + part] = '\0';
    }
    skim->line_size += size;
    return skim->line_size <= LINE_MAX_SIZE;
}

/* A whole line is there: what it begins. FL__SKIM_MORE: a string, whose bytes follow. */
static int begin_answer(struct fl__skim *skim)
{
    uint64_t size;
    int kind = skim->line[0];
    skim->line_size = 0;
    if (kind != '\0' && strchr("+-:_", kind) != NULL)
        return kind;
    skim->line[strcspn(skim->line, "\r")] = '\0';
    if (strcmp(skim->line, "$-1") == 0)
        return '_';
    if (kind != '$' || !fl__value_count(skim->line + 1, &size) || size > STRING_MAX)
        return FL__SKIM_BAD;
    skim->skip = size + 2;
    return FL__SKIM_MORE;
}

int fl__skim(struct fl__skim *skim, const char *bytes, size_t size, size_t *taken)
{
    size_t at = 0;
    int kind = FL__SKIM_MORE;
    while (at < size && kind == FL__SKIM_MORE) {
        if (skim->skip > 0) {
            size_t part = size - at < skim->skip ? size - at : (size_t)skim->skip;
            at += part;
            skim->skip -= part;
            kind = skim->skip == 0 ? '$' : FL__SKIM_MORE;
            continue;
        }
        const char *end = memchr(bytes + at, '\n', size - at);
        size_t part = end == NULL ? size - at : (size_t)(end - (bytes + at)) + 1;
        if (!keep(skim, bytes + at, part))
            return FL__SKIM_BAD;
        at += part;
        if (end != NULL)
            kind = begin_answer(skim);
    }
    *taken = at;
    return kind;
}
