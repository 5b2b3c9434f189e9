/* number.c - text to integers and back, and bytes compared with names. Knows nothing else. */
#include "keyspace.h"

#include <string.h>

bool fl__bytes_equal(struct fl__bytes a, struct fl__bytes b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool fl__bytes_is(struct fl__bytes bytes, const char *name)
{
    for (size_t k = 0; k < bytes.size; k++) {
        char c = bytes.data[k];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c + ('a' - 'A'));
        if (name[k] == '\0' || c != name[k])
            return false;
    }
    return name[bytes.size] == '\0';
}

bool fl__number_parse(struct fl__bytes text, int64_t *out)
{
    size_t at = 0;
    bool negative = text.size > 0 && text.data[0] == '-';
    at += negative;
    if (text.size == at || text.size > at + 19)
        return false;
    /* One zero is a number; what begins with one is not, nor is a negative one. */
    if (text.data[at] == '0') {
        *out = 0;
        return text.size == 1;
    }
    uint64_t value = 0; /* 19 digits always fit. */
    for (; at < text.size; at++) {
        unsigned digit = (unsigned)(unsigned char)text.data[at] - '0';
        if (digit > 9)
            return false;
        value = value * 10 + digit;
    }
    if (value > (uint64_t)INT64_MAX + negative)
        return false;
    *out = negative ? (int64_t)(0 - value) : (int64_t)value;
    return true;
}

size_t fl__number_print(int64_t value, char out[FL__NUMBER_SIZE])
{
    char digits[FL__NUMBER_SIZE];
    size_t at = sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest != 0);
    if (value < 0)
        digits[--at] = '-';
    memcpy(out, digits + at, sizeof digits - at);
    return sizeof digits - at;
}
