/* answer.c - what a member says of itself, looked at before others are shown it.
 *
 * It goes to browsers as it came, among what the other members say. So it must be JSON to a browser, and not
 * only to cJSON; on one line, as server-sent events want it; and have all that the page reads, each once and
 * of the kind that the page takes it for. Otherwise one member, of another version or of ill will, would keep
 * all from being shown. */
#include "web.h"

#include <cjson/cJSON.h>
#include <string.h>

#define EVENT_SIZE_MAX 2047
#define ENTRIES_MAX 256 /* Of a log. */
#define DIGITS_MAX 20

/* --------------------------------------------------------------------------------------------------- JSON */

/* Server-sent events end a line's data where the line ends. */
static bool is_one_line(const char *text)
{
    while ((unsigned char)*text >= 0x20)
        text++;
    return *text == '\0';
}

/* Of a whole number that stands there as JSON has it; 0: none does. */
static size_t number_size(const char *text)
{
    size_t size = strspn(text, "0123456789");
    bool has_more = text[size] != '\0' && strchr(".eE+-", text[size]) != NULL;
    return size > DIGITS_MAX || has_more || (text[0] == '0' && size > 1) ? 0 : size;
}

/* cJSON takes more for a number than JSON does, as 01 or 1.: a browser would read nothing of it. */
static bool has_whole_numbers(const char *text)
{
    bool is_in_string = false;
    while (*text != '\0') {
        size_t size = 1;
        if (is_in_string && text[0] == '\\' && text[1] != '\0') {
            size = 2;
        } else if (*text == '"') {
            is_in_string = !is_in_string;
        } else if (!is_in_string && (*text == '-' || (*text >= '0' && *text <= '9'))) {
            text += *text == '-';
            size = number_size(text);
        }
        if (size == 0)
            return false;
        text += size;
    }
    return true;
}

/* NULL: it is no object that can be put into a message as it is. To be deleted. */
static cJSON *read_object(const char *text, size_t size_max)
{
    /* cJSON passes over a mark at the beginning. */
    size_t size = strnlen(text, size_max + 1);
    bool may_be = text[0] == '{' && size <= size_max && is_one_line(text) && !fl__json_has_nul(text, size);
    cJSON *json = may_be && has_whole_numbers(text) ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
    if (cJSON_IsObject(json))
        return json;
    cJSON_Delete(json);
    return NULL;
}

bool fl__answer_is_same(const char *a, const char *b)
{
    static const char *const restless[] = {"\"round_trip_us\":", "\"leaderless_us\":"};
    while (*a == *b && *a != '\0') {
        size_t skipped_a = 1, skipped_b = 1;
        for (size_t k = 0; *a == '"' && k < sizeof restless / sizeof restless[0]; k++) {
            size_t size = strlen(restless[k]);
            if (strncmp(a, restless[k], size) != 0 || strncmp(b, restless[k], size) != 0 ||
                number_size(a + size) == 0 || number_size(b + size) == 0)
                continue;
            skipped_a = size + number_size(a + size);
            skipped_b = size + number_size(b + size);
        }
        a += skipped_a;
        b += skipped_b;
    }
    return *a == *b;
}

/* -------------------------------------------------------------------------------------------------- views */

/* A field that a browser may rely on, and what it may be: types of cJSON. */
struct field {
    const char *name;
    int types;
    bool may_lack;
};

/* Each once: a browser would believe the last one. */
static bool has_fields(const cJSON *object, const struct field *fields, size_t count)
{
    for (size_t k = 0; k < count; k++) {
        const cJSON *item;
        uint32_t found = 0;
        cJSON_ArrayForEach(item, object)
        {
            bool is_it = item->string != NULL && strcmp(item->string, fields[k].name) == 0;
            if (is_it && (item->type & fields[k].types) == 0)
                return false;
            found += is_it;
        }
        if (found > 1 || (found == 0 && !fields[k].may_lack))
            return false;
    }
    return cJSON_IsObject(object);
}

static bool has_entries(const cJSON *log)
{
    const cJSON *entry;
    cJSON_ArrayForEach(entry, log)
    {
        const cJSON *term = entry->child, *kind = term != NULL ? term->next : NULL,
                    *text = kind != NULL ? kind->next : NULL;
        if (!cJSON_IsArray(entry) || !cJSON_IsNumber(term) || !cJSON_IsString(kind) || !cJSON_IsString(text))
            return false;
    }
    return cJSON_GetArraySize(log) <= ENTRIES_MAX;
}

static bool has_peers(const cJSON *peers)
{
    static const struct field fields[] = {
        {"name", cJSON_String, false},          {"match", cJSON_Number, false},
        {"next", cJSON_Number, false},          {"progress", cJSON_String, false},
        {"rejections", cJSON_Number, false},    {"sent", cJSON_Number, false},
        {"round_trip_us", cJSON_Number, false}, {"up", cJSON_True | cJSON_False, false},
    };
    const cJSON *peer;
    cJSON_ArrayForEach(peer, peers)
    {
        if (!has_fields(peer, fields, sizeof fields / sizeof fields[0]))
            return false;
    }
    return cJSON_GetArraySize(peers) <= FL_MEMBERS_MAX;
}

/* All fields that the first version had. */
static bool is_view(const cJSON *view)
{
    static const struct field fields[] = {
        {"name", cJSON_String, false},
        {"up", cJSON_True, false},
        {"paused", cJSON_True | cJSON_False, false},
        {"voter", cJSON_True | cJSON_False, false},
        {"role", cJSON_String, false},
        {"term", cJSON_Number, false},
        {"vote", cJSON_String, false},
        {"leader", cJSON_String, false},
        {"health", cJSON_String, false},
        {"damage", cJSON_String, false},
        {"last", cJSON_Number, false},
        {"durable", cJSON_Number, false},
        {"commit", cJSON_Number, false},
        {"applied", cJSON_Number, false},
        {"first", cJSON_Number, false},
        {"log", cJSON_Array, false},
        {"election_us", cJSON_Number, false},
        {"timeout_us", cJSON_Number, false},
        {"disk", cJSON_String, false},
        {"writes", cJSON_Number, false},
        {"peers", cJSON_Array, false},
        {"counters", cJSON_Object, false},
    };
    static const struct field counters[] = {
        {"committed", cJSON_Number, false}, {"syncs", cJSON_Number, false},
        {"sync_us", cJSON_Number, false},   {"commits", cJSON_Number, false},
        {"commit_us", cJSON_Number, false}, {"clients", cJSON_Number, false},
        {"memory", cJSON_Number, false},    {"disk", cJSON_Number, false},
    };
    return has_fields(view, fields, sizeof fields / sizeof fields[0]) &&
           has_entries(cJSON_GetObjectItemCaseSensitive(view, "log")) &&
           has_peers(cJSON_GetObjectItemCaseSensitive(view, "peers")) &&
           has_fields(cJSON_GetObjectItemCaseSensitive(view, "counters"), counters,
                      sizeof counters / sizeof counters[0]);
}

struct cJSON *fl__answer_view(const char *text, const char *name)
{
    cJSON *json = read_object(text, FL__VIEW_SIZE_MAX);
    const cJSON *own = cJSON_GetObjectItemCaseSensitive(json, "name");
    if (is_view(json) && strcmp(own->valuestring, name) == 0)
        return json;
    cJSON_Delete(json);
    return NULL;
}

struct cJSON *fl__answer_event(const char *text)
{
    static const struct field fields[] = {
        {"sequence", cJSON_Number, false}, {"time_us", cJSON_Number, false},
        {"wall_us", cJSON_Number, false},  {"event", cJSON_String, false},
        {"node", cJSON_String, false},     {"peer", cJSON_String, true},
        {"message", cJSON_String, true},   {"leader", cJSON_String, true},
        {"text", cJSON_String, true},      {"term", cJSON_Number, true},
        {"index", cJSON_Number, true},     {"other", cJSON_Number, true},
        {"entries", cJSON_Number, true},   {"votes", cJSON_Number, true},
        {"voters", cJSON_Number, true},    {"round_trips", cJSON_Number, true},
    };
    cJSON *json = read_object(text, EVENT_SIZE_MAX);
    if (has_fields(json, fields, sizeof fields / sizeof fields[0]))
        return json;
    cJSON_Delete(json);
    return NULL;
}
