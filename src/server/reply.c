/* reply.c - replies: values to bytes, in RESP2 or RESP3.
 *
 * Invariant: size <= capacity and size <= size_max. Once failed, the bytes are not a whole reply and stay as
 * they are. */
#include "keyspace.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 256
#define HEADER_SIZE (1 + FL__NUMBER_SIZE + 2) /* A type's byte, a number, the line's end. */
#define ERROR_SIZE_MAX 1024
#define TEXT_SIZE 512
#define LINE_SIZE 1024 /* Two addresses, and what stands around them. */

void fl__reply_init(struct fl__reply *reply, uint8_t protocol, size_t size_max)
{
    *reply = (struct fl__reply){.protocol = protocol, .size_max = size_max};
}

void fl__reply_release(struct fl__reply *reply)
{
    free(reply->data);
    fl__reply_init(reply, reply->protocol, reply->size_max);
}

static bool grow_reply(struct fl__reply *reply, size_t needed)
{
    if (reply->failed || needed > reply->size_max - reply->size) {
        reply->failed = true;
        return false;
    }
    size_t capacity = reply->capacity < reply->size_max / 2 ? reply->capacity * 2 : reply->size_max;
    if (capacity < CAPACITY_MIN)
        capacity = CAPACITY_MIN < reply->size_max ? CAPACITY_MIN : reply->size_max;
    if (capacity < reply->size + needed)
        capacity = reply->size + needed;
    char *data = realloc(reply->data, capacity);
    if (data == NULL) {
        reply->failed = true;
        return false;
    }
    reply->data = data;
    reply->capacity = capacity;
    return true;
}

/* Room for `needed` more bytes, where the next reply begins; NULL if there is none, or no reply. */
static inline char *reserve(struct fl__reply *reply, size_t needed)
{
    if (reply == NULL || reply->failed)
        return NULL;
    if (reply->capacity - reply->size < needed && !grow_reply(reply, needed))
        return NULL;
    return reply->data + reply->size;
}

static size_t print_header(char *out, char type, int64_t number)
{
    out[0] = type;
    size_t size = 1 + fl__number_print(number, out + 1);
    out[size] = '\r';
    out[size + 1] = '\n';
    return size + 2;
}

static void put_header(struct fl__reply *reply, char type, int64_t number)
{
    char *out = reserve(reply, HEADER_SIZE);
    if (out != NULL)
        reply->size += print_header(out, type, number);
}

void fl__reply_raw(struct fl__reply *reply, struct fl__bytes bytes)
{
    char *out = reserve(reply, bytes.size);
    if (out == NULL || bytes.size == 0)
        return;
    memcpy(out, bytes.data, bytes.size);
    reply->size += bytes.size;
}

/* Protocol lines: a type's byte, the text, the line's end. Line ends within the text would end it early. */
static void put_line(struct fl__reply *reply, char type, const char *text, size_t size)
{
    char *out = reserve(reply, size + 3);
    if (out == NULL)
        return;
    out[0] = type;
    for (size_t k = 0; k < size; k++)
        out[k + 1] = text[k] == '\r' || text[k] == '\n' ? ' ' : text[k];
    memcpy(out + size + 1, "\r\n", 2);
    reply->size += size + 3;
}

void fl__reply_status(struct fl__reply *reply, const char *text)
{
    put_line(reply, '+', text, strlen(text));
}

void fl__reply_ok(struct fl__reply *reply)
{
    fl__reply_raw(reply, (struct fl__bytes){"+OK\r\n", 5});
}

void fl__reply_error(struct fl__reply *reply, const char *text)
{
    size_t size = strlen(text);
    while (size > 0 && (text[size - 1] == '\r' || text[size - 1] == '\n'))
        size--;
    put_line(reply, '-', text, size);
}

void fl__reply_error_format(struct fl__reply *reply, const char *format, ...)
{
    char text[ERROR_SIZE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fl__reply_error(reply, text);
}

void fl__reply_print(struct fl__reply *reply, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    if (size > 0)
        fl__reply_raw(reply,
                      (struct fl__bytes){text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1});
}

void fl__reply_integer(struct fl__reply *reply, int64_t value)
{
    put_header(reply, ':', value);
}

void fl__reply_bulk(struct fl__reply *reply, struct fl__bytes bytes)
{
    char *out = reserve(reply, HEADER_SIZE + bytes.size + 2);
    if (out == NULL)
        return;
    size_t size = print_header(out, '$', (int64_t)bytes.size);
    if (bytes.size > 0)
        memcpy(out + size, bytes.data, bytes.size);
    memcpy(out + size + bytes.size, "\r\n", 2);
    reply->size += size + bytes.size + 2;
}

void fl__reply_pieces(struct fl__reply *reply, const struct fl__bytes *pieces, uint32_t count)
{
    size_t size = 0;
    for (uint32_t k = 0; k < count; k++)
        size += pieces[k].size;
    if (reserve(reply, HEADER_SIZE + size + 2) == NULL)
        return;
    put_header(reply, '$', (int64_t)size);
    for (uint32_t k = 0; k < count; k++)
        fl__reply_raw(reply, pieces[k]);
    fl__reply_raw(reply, fl__bytes_of("\r\n"));
}

void fl__reply_text(struct fl__reply *reply, const char *text)
{
    fl__reply_bulk(reply, fl__bytes_of(text));
}

void fl__reply_null(struct fl__reply *reply)
{
    if (reply != NULL)
        fl__reply_raw(reply, fl__bytes_of(reply->protocol == 3 ? "_\r\n" : "$-1\r\n"));
}

void fl__reply_null_array(struct fl__reply *reply)
{
    if (reply != NULL)
        fl__reply_raw(reply, fl__bytes_of(reply->protocol == 3 ? "_\r\n" : "*-1\r\n"));
}

void fl__reply_array(struct fl__reply *reply, size_t count)
{
    put_header(reply, '*', (int64_t)count);
}

void fl__reply_array_from(struct fl__reply *reply, size_t at, size_t count)
{
    char header[HEADER_SIZE];
    size_t size = print_header(header, '*', (int64_t)count);
    if (reserve(reply, size) == NULL)
        return;
    memmove(reply->data + at + size, reply->data + at, reply->size - at);
    memcpy(reply->data + at, header, size);
    reply->size += size;
}

void fl__reply_map(struct fl__reply *reply, size_t count)
{
    if (reply != NULL)
        put_header(reply, reply->protocol == 3 ? '%' : '*',
                   reply->protocol == 3 ? (int64_t)count : (int64_t)count * 2);
}

void fl__reply_set(struct fl__reply *reply, size_t count)
{
    if (reply != NULL)
        put_header(reply, reply->protocol == 3 ? '~' : '*', (int64_t)count);
}

void fl__reply_push(struct fl__reply *reply, size_t count)
{
    if (reply != NULL)
        put_header(reply, reply->protocol == 3 ? '>' : '*', (int64_t)count);
}

void fl__reply_verbatim(struct fl__reply *reply, const char kind[3], struct fl__bytes text)
{
    if (reply == NULL || reply->protocol != 3) {
        fl__reply_bulk(reply, text);
        return;
    }
    char *out = reserve(reply, HEADER_SIZE + 4 + text.size + 2);
    if (out == NULL)
        return;
    size_t size = print_header(out, '=', (int64_t)text.size + 4);
    memcpy(out + size, kind, 3);
    out[size + 3] = ':';
    if (text.size > 0)
        memcpy(out + size + 4, text.data, text.size);
    memcpy(out + size + 4 + text.size, "\r\n", 2);
    reply->size += size + 4 + text.size + 2;
}
