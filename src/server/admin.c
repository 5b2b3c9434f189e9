/* admin.c - what may be done on the page, where --web-admin allows it.
 *
 *   POST /admin/write     {"key": text, "value": text}   SET, through this node
 *   POST /admin/campaign  {"node": name}                 that node stands for election; without a name, this one
 *
 * The answer is what the node said, as text, with status 200 or 409.
 *
 * A browser that shows somebody else's page must not be able to do this in its reader's name: origin.c says
 * whether it is the own page that asks. A key or value may be any text but for the character NUL, which is
 * refused: see json.c. */
#include "web.h"

#include <cjson/cJSON.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BODY_MAX (16u << 10)

struct post {
    struct fl__errand errand;
    struct MHD_Connection *connection;
    cJSON *json;
    size_t size;
    bool is_too_big, is_begun, is_done;
    char body[BODY_MAX];
};

/* --------------------------------------------------------------------------------------------- the answer */

static void show_result(const struct post *post, struct fl__page *page)
{
    fl__page_say(page, post->errand.is_good ? FL__HTTP_OK : FL__HTTP_CONFLICT, post->errand.text);
    fl__page_say(page, page->status, "\n");
}

static void on_done(struct fl__errand *errand)
{
    struct post *post = fl__container(errand, struct post, errand);
    post->is_done = true;
    MHD_resume_connection(post->connection);
}

/* --------------------------------------------------------------------------------------------- the errand */

static const char *text_of(const cJSON *json, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, name);
    return cJSON_IsString(item) ? item->valuestring : NULL;
}

/* False: the body does not say what to do. */
static bool make_errand(struct post *post, const char *path)
{
    struct fl__errand *errand = &post->errand;
    post->json = cJSON_ParseWithLength(post->body, post->size);
    const char *key = text_of(post->json, "key"), *value = text_of(post->json, "value"),
               *node = text_of(post->json, "node");
    errand->done = on_done;
    if (!cJSON_IsObject(post->json))
        return false;
    if (strcmp(path, "/admin/write") == 0) {
        const char *const words[] = {"SET", key, value, NULL};
        memcpy(errand->words, words, sizeof words);
        return key != NULL && key[0] != '\0' && value != NULL;
    }
    const char *const words[] = {"FAIRLEAD", "CAMPAIGN", NULL, NULL};
    memcpy(errand->words, words, sizeof words);
    if (node == NULL)
        return !cJSON_HasObjectItem(post->json, "node");
    snprintf(errand->node, sizeof errand->node, "%s", node);
    return strlen(node) < sizeof errand->node;
}

/* Suspended before it is run: its end resumes the connection, and may come at once. */
static void run(struct post *post, struct fl__gatherer *gatherer)
{
    post->is_begun = true;
    MHD_suspend_connection(post->connection);
    if (fl__gather_run(gatherer, &post->errand))
        return;
    snprintf(post->errand.text, sizeof post->errand.text, "too much is under way; not done");
    on_done(&post->errand);
}

static void take(struct post *post, const char *data, size_t *size)
{
    post->is_too_big = post->is_too_big || *size > sizeof post->body - post->size;
    if (!post->is_too_big) {
        memcpy(post->body + post->size, data, *size);
        post->size += *size;
    }
    *size = 0;
}

/* The first look at a request; true: it is refused. */
static bool refuse(struct MHD_Connection *connection, const char *path, struct fl__page *page)
{
    if (!fl__origin_is_own(connection))
        fl__page_say(page, FL__HTTP_FORBIDDEN,
                     "This is for the page of this node alone; docs/web.md says what it sends.\n");
    else if (strcmp(path, "/admin/write") != 0 && strcmp(path, "/admin/campaign") != 0)
        fl__page_say(page, FL__HTTP_NOT_FOUND, "There are /admin/write and /admin/campaign.\n");
    else
        return false;
    return true;
}

/* The whole body is there; true: it is refused. */
static bool is_bad(struct post *post, const char *path, struct fl__page *page)
{
    if (post->is_too_big)
        fl__page_say(page, FL__HTTP_TOO_LARGE,
                     "A body has at most 16 KiB; fairlead cli takes larger values.\n");
    else if (fl__json_has_nul(post->body, post->size))
        fl__page_say(page, MHD_HTTP_BAD_REQUEST,
                     "A key or value with the character NUL cannot be written here; fairlead cli can: "
                     "SET key \"a\\x00b\".\n");
    else if (!make_errand(post, path))
        fl__page_say(page, MHD_HTTP_BAD_REQUEST,
                     "The body is JSON: {\"key\":\"a\",\"value\":\"1\"} or {\"node\":\"n1\"}.\n");
    else
        return false;
    return true;
}

bool fl__admin_post(struct fl__gatherer *gatherer, struct MHD_Connection *connection, const char *path,
                    const char *data, size_t *size, void **state, struct fl__page *page)
{
    struct post *post = *state;
    if (post == NULL) {
        if (refuse(connection, path, page))
            return true;
        *state = post = calloc(1, sizeof *post);
        page->text.failed = post == NULL;
        if (post != NULL)
            post->connection = connection;
        return post == NULL;
    }
    if (*size > 0) {
        take(post, data, size);
        return false;
    }
    if (post->is_done) {
        show_result(post, page);
        return true;
    }
    if (post->is_begun)
        return false;
    if (is_bad(post, path, page))
        return true;
    run(post, gatherer);
    return false;
}

void fl__admin_release(void *state)
{
    struct post *post = state;
    if (post == NULL)
        return;
    cJSON_Delete(post->json);
    free(post);
}
