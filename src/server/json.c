/* json.c - texts in JSON: how they are written, and where cJSON reads something else than a browser does.
 *
 * What cannot be shown is written as a question mark: utf8.c knows what. A stranger may be called
 * anything.
 *
 * To cJSON a text ends at the character NUL, so a name or a value with one is taken for a shorter one; and an
 * escape \u without its four digits, which is no JSON, is NUL to it, too. */
#include "server.h"

#include <string.h>

static bool is_hexadecimal(char c)
{
    return c != '\0' && strchr("0123456789abcdefABCDEF", c) != NULL;
}

/* Of what stands behind a backslash. */
static bool is_escaped_nul(const char *text, size_t size)
{
    size_t digits = 0, zeros = 0;
    if (size == 0 || text[0] != 'u')
        return false;
    for (; digits < 4 && digits + 1 < size && is_hexadecimal(text[digits + 1]); digits++)
        zeros += text[digits + 1] == '0';
    return digits < 4 || zeros == 4;
}

bool fl__json_has_nul(const char *json, size_t size)
{
    for (size_t k = 0; k < size; k++) {
        if (json[k] == '\0' || (json[k] == '\\' && is_escaped_nul(json + k + 1, size - k - 1)))
            return true;
        k += json[k] == '\\'; /* What follows is escaped, another backslash too. */
    }
    return false;
}

void fl__json_text(struct fl__reply *out, const char *text)
{
    struct fl__bytes rest = fl__bytes_of(text);
    fl__reply_raw(out, fl__bytes_of("\""));
    while (rest.size > 0) {
        size_t size = fl__utf8_size(rest);
        if (rest.data[0] == '"' || rest.data[0] == '\\')
            fl__reply_raw(out, fl__bytes_of("\\"));
        fl__reply_raw(out, size > 0 ? (struct fl__bytes){rest.data, size} : fl__bytes_of("?"));
        rest.data += size > 0 ? size : 1;
        rest.size -= size > 0 ? size : 1;
    }
    fl__reply_raw(out, fl__bytes_of("\""));
}
