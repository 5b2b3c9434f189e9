/* json.c - JSON into a buffer of a fixed size. What does not fit is counted and not written, so whoever finds
 * the length too large writes once more, into a larger buffer. */
#include "scenario_internal.h"

static void put(struct fl_json *json, char c)
{
    if (json->length + 1 < json->size)
        json->out[json->length] = c;
    json->length++;
}

static void put_all(struct fl_json *json, const char *text, size_t length)
{
    for (size_t k = 0; k < length; k++)
        put(json, text[k]);
}

/* One character of a string; bytes above 127 are taken for UTF-8, and stay as they are. */
static void put_escaped(struct fl_json *json, char c)
{
    static const char short_names[] = "\b\f\n\r\t\"\\", short_forms[] = "bfnrt\"\\",
                      digits[] = "0123456789abcdef";
    for (size_t k = 0; k + 1 < sizeof short_names; k++) {
        if (c == short_names[k]) {
            put(json, '\\');
            put(json, short_forms[k]);
            return;
        }
    }
    if ((unsigned char)c >= ' ') {
        put(json, c);
        return;
    }
    put_all(json, "\\u00", 4);
    put(json, digits[c >> 4]);
    put(json, digits[c & 15]);
}

static void put_string(struct fl_json *json, struct fl_word text)
{
    put(json, '"');
    for (size_t k = 0; k < text.length; k++)
        put_escaped(json, text.start[k]);
    put(json, '"');
}

static void begin_value(struct fl_json *json, const char *key)
{
    if (json->follows)
        put(json, ',');
    json->follows = true;
    if (!key)
        return;
    put_string(json, fl_word_of(key));
    put(json, ':');
}

void fl_json_begin(struct fl_json *json, const char *key, char bracket)
{
    begin_value(json, key);
    put(json, bracket);
    json->follows = false;
}

void fl_json_end(struct fl_json *json, char bracket)
{
    put(json, bracket);
    json->follows = true;
}

void fl_json_number(struct fl_json *json, const char *key, uint64_t number)
{
    char digits[FL_DIGITS_MAX];
    struct fl_word word = fl_word_of_number(number, digits);
    begin_value(json, key);
    put_all(json, word.start, word.length);
}

void fl_json_flag(struct fl_json *json, const char *key, bool flag)
{
    struct fl_word word = fl_word_of(flag ? "true" : "false");
    begin_value(json, key);
    put_all(json, word.start, word.length);
}

void fl_json_none(struct fl_json *json, const char *key)
{
    begin_value(json, key);
    put_all(json, "-1", 2);
}

void fl_json_word(struct fl_json *json, const char *key, struct fl_word word)
{
    begin_value(json, key);
    put_string(json, word);
}

void fl_json_text(struct fl_json *json, const char *key, const char *text)
{
    fl_json_word(json, key, fl_word_of(text));
}

size_t fl_json_finish(struct fl_json *json)
{
    if (json->size > 0)
        json->out[fl__lower(json->length, json->size - 1)] = '\0';
    return json->length;
}
