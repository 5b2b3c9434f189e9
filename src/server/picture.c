/* picture.c - the cluster as the web page shows it: put together from the members' answers to FAIRLEAD VIEW.
 *
 * It is told what each member answered, or that it did not; and gives, if something changed, a message for
 * those who watch: server-sent events, "events" with the new ones and "view" with the whole picture. It reads
 * no clock and waits for nobody.
 *
 * A member's part goes on as it came, once answer.c has seen that it is what it should be. Of one
 * that does not answer the picture shows what it was last, as down, and why. How long messages take, and for
 * how long there has been no leader, changes all the time, and alone is no news.
 *
 * No member keeps the others from being shown: of what it says only so much is taken that there is room for
 * all. */
#include "web.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 2048 /* New ones in one message: all that 16 members tell in one answer each. */
#define KEPT 256        /* Events that a newcomer is told. */
#define MESSAGE_SIZE_MAX (8u << 20)
#define PROBLEM_SIZE 128
#define RETRY_MS 1000 /* After which a browser connects again. */

struct seen {
    char name[FL_NAME_MAX];
    bool is_up;
    char *view; /* As it came, or as made for one that is down; from malloc. NULL: nothing is known. */
    char problem[PROBLEM_SIZE]; /* Of one that is down: why. */
    fl_index last;
    char boot[17];
    uint64_t next; /* Its next event; 0: the newest ones are wanted. */
};

struct event {
    double wall_us;
    char *text; /* From malloc. */
};

struct fl__picture {
    struct seen members[FL_MEMBERS_MAX];
    uint32_t count;
    struct event fresh[EVENTS_MAX];
    uint32_t fresh_count;
    char *kept[KEPT]; /* A ring of those told; kept_next goes to its remainder. */
    uint64_t kept_next;
    fl_index committed;
    bool has_changed, is_sampled; /* Since the last message. */
};

struct fl__picture *fl__picture_create(void)
{
    return calloc(1, sizeof(struct fl__picture));
}

void fl__picture_destroy(struct fl__picture *picture)
{
    if (picture == NULL)
        return;
    for (uint32_t k = 0; k < picture->count; k++)
        free(picture->members[k].view);
    for (uint32_t k = 0; k < picture->fresh_count; k++)
        free(picture->fresh[k].text);
    for (size_t k = 0; k < KEPT; k++)
        free(picture->kept[k]);
    free(picture);
}

/* The member of that name, a new one if there is room; NULL: there is none. */
static struct seen *member_named(struct fl__picture *picture, const char *name)
{
    for (uint32_t k = 0; k < picture->count; k++)
        if (strcmp(picture->members[k].name, name) == 0)
            return &picture->members[k];
    if (picture->count == FL_MEMBERS_MAX)
        return NULL;
    struct seen *seen = &picture->members[picture->count++];
    *seen = (struct seen){.is_up = false};
    snprintf(seen->name, sizeof seen->name, "%s", name);
    picture->has_changed = true;
    return seen;
}

int64_t fl__picture_since(struct fl__picture *picture, const char *name)
{
    const struct seen *seen = member_named(picture, name);
    return seen != NULL && seen->next > 0 ? (int64_t)seen->next : -1;
}

/* ------------------------------------------------------------------------------------- what a member says */

/* The nearest that there is. */
static uint64_t read_number(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    double number = cJSON_IsNumber(item) ? item->valuedouble : 0;
    return number >= 0x1p64 ? UINT64_MAX : number > 0 ? (uint64_t)number : 0;
}

static void keep_fresh(struct fl__picture *picture, const char *text)
{
    cJSON *json = picture->fresh_count < EVENTS_MAX ? fl__answer_event(text) : NULL;
    char *copy = json != NULL ? strdup(text) : NULL;
    if (copy != NULL)
        picture->fresh[picture->fresh_count++] =
            (struct event){.wall_us = (double)read_number(json, "wall_us"), .text = copy};
    else
        picture->is_sampled = true;
    picture->has_changed = true;
    cJSON_Delete(json);
}

static void take_events(struct fl__picture *picture, struct seen *seen, const struct fl__seen *answer)
{
    bool is_new_life = seen->next > 0 && strcmp(seen->boot, answer->boot) != 0;
    snprintf(seen->boot, sizeof seen->boot, "%s", answer->boot);
    if (is_new_life) {
        seen->next = 1; /* What it told in this life so far is asked for next. */
        return;
    }
    uint64_t first = answer->next - answer->event_count;
    if (seen->next > 0 && first > seen->next)
        picture->is_sampled = true;
    for (uint32_t k = 0; k < answer->event_count; k++)
        keep_fresh(picture, answer->events[k]);
    seen->next = answer->next;
}

static bool take_view(struct fl__picture *picture, struct seen *seen, const char *text)
{
    cJSON *json = fl__answer_view(text, seen->name);
    char *view = json != NULL ? strdup(text) : NULL;
    if (view == NULL) {
        cJSON_Delete(json);
        return false;
    }
    fl_index first = read_number(json, "first");
    picture->is_sampled = picture->is_sampled || (seen->is_up && first > seen->last + 1);
    picture->has_changed = true;
    seen->is_up = true;
    seen->last = read_number(json, "last");
    fl_index commit = read_number(json, "commit");
    if (commit > picture->committed)
        picture->committed = commit;
    free(seen->view);
    seen->view = view;
    cJSON_Delete(json);
    return true;
}

/* Nothing new, but newer: for those who come later. */
static void renew_view(struct seen *seen, const char *text)
{
    char *view = strcmp(seen->view, text) != 0 ? strdup(text) : NULL;
    if (view == NULL)
        return;
    free(seen->view);
    seen->view = view;
}

bool fl__picture_take(struct fl__picture *picture, const char *name, const struct fl__seen *answer)
{
    struct seen *seen = member_named(picture, name);
    if (seen == NULL || answer->next < answer->event_count)
        return false;
    bool is_old = seen->is_up && seen->view != NULL && fl__answer_is_same(seen->view, answer->view);
    if (is_old)
        renew_view(seen, answer->view);
    else if (!take_view(picture, seen, answer->view))
        return false;
    take_events(picture, seen, answer);
    return true;
}

/* ---------------------------------------------------------------------------------- one that says nothing */

/* What it was last, as down; NULL: nothing is known, no memory, or it was too long that way. */
static char *make_down(const char *view)
{
    cJSON *json = view != NULL ? cJSON_Parse(view) : NULL;
    if (json == NULL)
        return NULL;
    static const char *const changing[] = {"up", "role", "peers", "health"};
    for (size_t k = 0; k < sizeof changing / sizeof changing[0]; k++)
        cJSON_DeleteItemFromObjectCaseSensitive(json, changing[k]);
    cJSON_AddFalseToObject(json, "up");
    cJSON_AddStringToObject(json, "role", "down");
    cJSON_AddStringToObject(json, "health", "unknown");
    cJSON_AddArrayToObject(json, "peers");
    char *text = cJSON_PrintUnformatted(json);
    cJSON_Delete(json);
    if (text == NULL || strlen(text) <= FL__VIEW_SIZE_MAX)
        return text;
    free(text);
    return NULL;
}

void fl__picture_lost(struct fl__picture *picture, const char *name, const char *why)
{
    char problem[PROBLEM_SIZE];
    struct seen *seen = member_named(picture, name);
    snprintf(problem, sizeof problem, "%s", why);
    if (seen == NULL || (!seen->is_up && strcmp(seen->problem, problem) == 0))
        return;
    memcpy(seen->problem, problem, sizeof problem);
    picture->has_changed = true;
    if (!seen->is_up)
        return;
    char *view = make_down(seen->view);
    free(seen->view);
    seen->view = view;
    seen->is_up = false;
}

/* Without its last brace, too. */
static void write_unknown(struct fl__reply *out, const struct seen *seen)
{
    fl__reply_print(
        out,
        "{\"name\":\"%s\",\"up\":false,\"paused\":false,\"voter\":true,\"role\":\"down\",\"term\":0,"
        "\"vote\":\"\",\"leader\":\"\",\"health\":\"unknown\",\"damage\":\"\"",
        seen->name);
    fl__reply_print(out, ",\"last\":0,\"durable\":0,\"commit\":0,\"applied\":0,\"first\":1,\"log\":[],"
                         "\"election_us\":-1,\"timeout_us\":-1,\"disk\":\"fast\",\"writes\":0,\"peers\":[]");
    fl__reply_print(out, ",\"counters\":{\"committed\":0,\"syncs\":0,\"sync_us\":0,\"commits\":0,"
                         "\"commit_us\":0,\"clients\":0,\"memory\":0,\"disk\":0}");
}

static void write_member(struct fl__reply *out, const struct seen *seen)
{
    if (seen->is_up) {
        fl__reply_raw(out, fl__bytes_of(seen->view));
        return;
    }
    if (seen->view != NULL) /* As make_down() made it, without its last brace. */
        fl__reply_raw(out, (struct fl__bytes){seen->view, strlen(seen->view) - 1});
    else
        write_unknown(out, seen);
    fl__reply_print(out, ",\"problem\":");
    fl__json_text(out, seen->problem);
    fl__reply_print(out, "}");
}

/* ----------------------------------------------------------------------------------------------- messages */

static void write_view(struct fl__picture *picture, const struct fl__caption *caption, struct fl__reply *out)
{
    fl__reply_print(out, "event: view\ndata: {\"time_us\":%" PRIu64 ",\"wall_us\":%" PRIu64, caption->time_us,
                    caption->wall_us);
    fl__reply_print(out, ",\"live\":true,\"name\":\"%s\",\"nodes\":[", caption->name);
    for (uint32_t k = 0; k < picture->count; k++) {
        fl__reply_print(out, "%s", k > 0 ? "," : "");
        write_member(out, &picture->members[k]);
    }
    fl__reply_print(out, "],\"flying\":[],\"cut\":[],\"committed\":%" PRIu64, picture->committed);
    fl__reply_print(out, ",\"broken\":[],\"options\":{},\"line\":0,\"sampled\":%s}\n\n",
                    picture->is_sampled ? "true" : "false");
}

/* By the wall clock; those of one moment as they came, so that each member's own stay in order. */
static void sort_fresh(struct fl__picture *picture)
{
    for (uint32_t k = 1; k < picture->fresh_count; k++) {
        struct event event = picture->fresh[k];
        uint32_t at = k;
        for (; at > 0 && picture->fresh[at - 1].wall_us > event.wall_us; at--)
            picture->fresh[at] = picture->fresh[at - 1];
        picture->fresh[at] = event;
    }
}

static void write_events(struct fl__picture *picture, struct fl__reply *out)
{
    sort_fresh(picture);
    for (uint32_t k = 0; k < picture->fresh_count; k++) {
        char **place = &picture->kept[picture->kept_next++ % KEPT];
        fl__reply_print(out, "%s", k == 0 ? "event: events\ndata: [" : ",");
        fl__reply_raw(out, fl__bytes_of(picture->fresh[k].text));
        free(*place);
        *place = picture->fresh[k].text;
    }
    if (picture->fresh_count > 0)
        fl__reply_print(out, "]\n\n");
    picture->fresh_count = 0;
}

bool fl__picture_tell(struct fl__picture *picture, const struct fl__caption *caption, struct fl__reply *out)
{
    fl__reply_init(out, 2, MESSAGE_SIZE_MAX);
    if (!picture->has_changed)
        return false;
    write_events(picture, out);
    write_view(picture, caption, out);
    picture->has_changed = picture->is_sampled =
        out->failed; /* Memory is short: perhaps not the next time. */
    return !out->failed;
}

bool fl__picture_greet(struct fl__picture *picture, const struct fl__caption *caption, struct fl__reply *out)
{
    uint64_t first = picture->kept_next > KEPT ? picture->kept_next - KEPT : 0;
    fl__reply_init(out, 2, MESSAGE_SIZE_MAX);
    fl__reply_print(out, "retry: %d\n\n", RETRY_MS);
    for (uint64_t k = first; k < picture->kept_next; k++) {
        fl__reply_print(out, "%s", k == first ? "event: events\ndata: [" : ",");
        fl__reply_raw(out, fl__bytes_of(picture->kept[k % KEPT]));
    }
    if (picture->kept_next > 0)
        fl__reply_print(out, "]\n\n");
    write_view(picture, caption, out);
    return !out->failed;
}
