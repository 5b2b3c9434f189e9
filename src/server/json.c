/* json.c - where cJSON reads something else than a browser does.
 *
 * To cJSON a text ends at the character NUL, so a name or a value with one is taken for a shorter one; and an
 * escape \u without its four digits, which is no JSON, is NUL to it, too. */
#include "web.h"

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
