/* group.c - what both harnesses do alike. */
#include "group.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Noreturn void group_fail(const char *what)
{
    fprintf(stderr, "error: %s\n", what);
    exit(1);
}

_Noreturn void fl_panic(const char *file, int line, const char *what)
{
    fprintf(stderr, "bug: %s:%d: %s\n", file, line, what);
    abort();
}

void *group_allocate(size_t size)
{
    void *memory = calloc(1, size);
    if (!memory)
        group_fail("out of memory");
    return memory;
}

void group_make(uint8_t payload[PAYLOAD_SIZE], uint64_t n)
{
    memset(payload, 0x5a, PAYLOAD_SIZE);
    memcpy(payload, &n, sizeof n);
}

uint64_t group_apply(const uint8_t payload[PAYLOAD_SIZE])
{
    uint64_t words[PAYLOAD_SIZE / 8], sum = 0;
    memcpy(words, payload, sizeof words);
    for (size_t k = 0; k < PAYLOAD_SIZE / 8; k++)
        sum += words[k];
    return sum;
}
