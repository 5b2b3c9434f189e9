/* bytes.c - bytes of others read with care, and bytes of our own written.
 *
 * All numbers in Fairlead's formats are little-endian. A cursor reads what nobody vouches for: past the end
 * it fails, stays failed and gives zeros, so a decoder reads a whole format and looks once at the end. A
 * buffer is written the same way: without memory it fails, stays failed, and whoever filled it looks once. */
#include "log.h"

#include <stdlib.h>
#include <string.h>

struct fl__cursor fl__cursor_of(const void *data, size_t size)
{
    return (struct fl__cursor){.at = data, .left = size};
}

const uint8_t *fl__cursor_bytes(struct fl__cursor *cursor, size_t size)
{
    if (cursor->failed || size > cursor->left) {
        cursor->failed = true;
        return NULL;
    }
    const uint8_t *bytes = cursor->at;
    cursor->at += size;
    cursor->left -= size;
    return bytes;
}

uint64_t fl__cursor_number(struct fl__cursor *cursor, size_t size)
{
    const uint8_t *bytes = fl__cursor_bytes(cursor, size);
    uint64_t number = 0;
    for (size_t k = 0; bytes && k < size; k++)
        number |= (uint64_t)bytes[k] << (8 * k);
    return number;
}

void fl__cursor_text(struct fl__cursor *cursor, char *out, size_t out_size)
{
    size_t size = (size_t)fl__cursor_number(cursor, 2);
    const uint8_t *bytes = fl__cursor_bytes(cursor, size);
    out[0] = '\0';
    if (!bytes || size >= out_size || memchr(bytes, 0, size)) {
        cursor->failed = true;
        return;
    }
    memcpy(out, bytes, size);
    out[size] = '\0';
}

/* ------------------------------------------------------------------------------------------------ buffers */

uint8_t *fl__buffer_extend(struct fl__buffer *buffer, size_t size)
{
    if (buffer->failed || size > SIZE_MAX / 2 - buffer->size) {
        buffer->failed = true;
        return NULL;
    }
    size_t needed = buffer->size + size;
    if (needed > buffer->capacity) {
        size_t capacity = buffer->capacity ? buffer->capacity : 256;
        while (capacity < needed)
            capacity *= 2;
        uint8_t *data = realloc(buffer->data, capacity);
        if (!data) {
            buffer->failed = true;
            return NULL;
        }
        buffer->data = data;
        buffer->capacity = capacity;
    }
    uint8_t *bytes = buffer->data + buffer->size;
    buffer->size = needed;
    return bytes;
}

void fl__buffer_put(struct fl__buffer *buffer, const void *bytes, size_t size)
{
    uint8_t *at = fl__buffer_extend(buffer, size);
    if (at && size > 0)
        memcpy(at, bytes, size);
}

void fl__buffer_number(struct fl__buffer *buffer, uint64_t number, size_t size)
{
    uint8_t *at = fl__buffer_extend(buffer, size);
    for (size_t k = 0; at && k < size; k++)
        at[k] = (uint8_t)(number >> (8 * k));
}

void fl__buffer_text(struct fl__buffer *buffer, const char *text)
{
    size_t size = strlen(text);
    fl_assert(size <= UINT16_MAX);
    fl__buffer_number(buffer, size, 2);
    fl__buffer_put(buffer, text, size);
}

void fl__buffer_release(struct fl__buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct fl__buffer){0};
}
