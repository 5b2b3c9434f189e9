/* events.c - `events`: what all nodes lived through, as one story.
 *
 *     12:03:04.123  n2  has lost its leader n1; the term is 6
 *     12:03:04.310  n2  became leader of term 7 with 2 of 3 votes, its log at entry 8412
 *     12:03:09.877  n2  repaired the log of n3 from entry 41 on: sent it 5 entries, ...
 *
 * Each node keeps its latest events (FAIRLEAD EVENTS) and numbers them from 1 in each life of its process. A
 * node is asked from the number on that comes next: a gap means that it forgot some before it was asked,
 * another boot nonce that its process is another. Events of one node keep their order; nodes are merged by
 * their wall clocks, which is as right as those are.
 *
 * What a follower of the story has to know besides is told as events too, by the name of the node they are
 * about: "silent", "answers", "forgotten". */
#include "cli.h"

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_US ((fl_time_us)250000)
#define FOLLOWING_TIMEOUT_US ((fl_time_us)500000)
#define ASKED_FOR "1024" /* All that a node keeps. */
#define DAY_SIZE 16

/* One event. */
struct item {
    struct item *next;
    uint64_t wall_us;
    unsigned source;
    char kind[24];
    char *text; /* Owned, as the next. */
    char *json;
};

/* One node. */
struct source {
    struct fl__ask ask;
    char name[FL_NAME_MAX], boot[24], since[24];
    uint64_t next; /* The number to ask from; 0: it has not answered yet. */
    bool is_silent;
    struct item *first, **end; /* Told and not printed yet, in order. */
};

struct story {
    const struct fl__settings *settings;
    struct fl__asker asker;
    struct source sources[FL_MEMBERS_MAX];
    unsigned count, name_width;
    uint64_t not_before; /* By the wall clock. */
    bool as_json, colours, wraps;
    char day[DAY_SIZE]; /* Of the line printed last. */
};

/* -------------------------------------------------------------------------------------------------- items */

static void release_item(struct item *item)
{
    free(item->text);
    free(item->json);
    free(item);
}

/* Takes over both texts; without memory the event is left out. */
static void add_item(struct story *story, unsigned source, const char *kind, uint64_t wall_us, char *text,
                     char *json)
{
    struct source *of = &story->sources[source];
    struct item *item = calloc(1, sizeof *item);
    if (item == NULL || text == NULL || json == NULL) {
        free(item);
        free(text);
        free(json);
        return;
    }
    *item = (struct item){.wall_us = wall_us, .source = source, .text = text, .json = json};
    snprintf(item->kind, sizeof item->kind, "%s", kind);
    *of->end = item;
    of->end = &item->next;
}

/* An event of the story's own. */
static void add_own(struct story *story, unsigned source, const char *kind, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void add_own(struct story *story, unsigned source, const char *kind, const char *format, ...)
{
    va_list arguments;
    char *text = NULL;
    uint64_t now = fl__wall_us();
    va_start(arguments, format);
    int size = vasprintf(&text, format, arguments);
    va_end(arguments);
    if (size < 0)
        return;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "wall_us", (double)now);
    cJSON_AddStringToObject(json, "event", kind);
    cJSON_AddStringToObject(json, "node", story->sources[source].name);
    cJSON_AddStringToObject(json, "text", text);
    add_item(story, source, kind, now, text, cJSON_PrintUnformatted(json));
    cJSON_Delete(json);
}

/* ------------------------------------------------------------------------------------------------- asking */

static const char *text_in(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    return cJSON_IsString(item) ? item->valuestring : "";
}

static uint64_t number_in(const cJSON *json, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(json, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static void take_event(struct story *story, unsigned k, const char *line)
{
    struct source *source = &story->sources[k];
    cJSON *json = cJSON_Parse(line);
    uint64_t sequence = number_in(json, "sequence"), wall_us = number_in(json, "wall_us");
    if (sequence > source->next && source->next > 0)
        add_own(story, k, "forgotten", "%llu events of this node are lost: it keeps the last " ASKED_FOR,
                (unsigned long long)(sequence - source->next));
    if (sequence >= source->next)
        source->next = sequence + 1;
    if (sequence > 0 && wall_us >= story->not_before)
        add_item(story, k, text_in(json, "event"), wall_us, strdup(text_in(json, "text")), strdup(line));
    cJSON_Delete(json);
}

static bool is_answer(const struct redisReply *reply)
{
    return reply != NULL && reply->type == REDIS_REPLY_ARRAY && reply->elements == 3 &&
           reply->element[0]->type == REDIS_REPLY_STRING && reply->element[1]->type == REDIS_REPLY_INTEGER &&
           reply->element[2]->type == REDIS_REPLY_ARRAY;
}

static void take_answer(struct story *story, unsigned k, const struct redisReply *reply)
{
    struct source *source = &story->sources[k];
    const char *boot = reply->element[0]->str;
    bool is_same_life = strcmp(source->boot, boot) == 0, was_silent = source->is_silent;
    bool is_other_life = source->boot[0] != '\0' && !is_same_life;
    source->is_silent = false;
    snprintf(source->boot, sizeof source->boot, "%s", boot);
    if (is_other_life) { /* Its numbers begin anew: the next round asks for all of them. */
        source->next = 1;
        return;
    }
    const struct redisReply *list = reply->element[2];
    for (size_t i = 0; i < list->elements; i++)
        if (list->element[i]->type == REDIS_REPLY_STRING)
            take_event(story, k, list->element[i]->str);
    if (source->next == 0)
        source->next = (uint64_t)reply->element[1]->integer;
    if (was_silent && is_same_life)
        add_own(story, k, "answers", "answers again");
}

/* A connection that was kept may have broken for reasons of its own: silence counts if a new one fails. */
static void take_silence(struct story *story, unsigned k, bool was_kept)
{
    struct source *source = &story->sources[k];
    if (was_kept || source->is_silent)
        return;
    source->is_silent = true;
    add_own(story, k, "silent", "does not answer: %s",
            source->ask.problem[0] != '\0' ? source->ask.problem : "it does not tell events");
}

/* Asks all of them once; returns how many answered. */
static unsigned ask_all(struct story *story)
{
    struct fl__ask asks[FL_MEMBERS_MAX];
    bool was_kept[FL_MEMBERS_MAX];
    unsigned answers = 0;
    for (unsigned k = 0; k < story->count; k++) {
        struct source *source = &story->sources[k];
        snprintf(source->since, sizeof source->since, "%llu", (unsigned long long)source->next);
        was_kept[k] = source->ask.context != NULL;
        asks[k] = source->ask;
    }
    fl__ask_all(&story->asker, asks, story->count);
    for (unsigned k = 0; k < story->count; k++) {
        story->sources[k].ask = asks[k];
        story->sources[k].ask.reply = NULL;
        if (is_answer(asks[k].reply)) {
            take_answer(story, k, asks[k].reply);
            answers++;
        } else {
            take_silence(story, k, was_kept[k]);
        }
    }
    fl__ask_release(asks, story->count);
    return answers;
}

/* ----------------------------------------------------------------------------------------------- printing */

static enum fl__colour colour_of(const char *kind)
{
    static const struct {
        const char *kind;
        enum fl__colour colour;
    } colours[] = {
        {"leader", FL__GREEN},     {"answers", FL__GREEN},      {"founded", FL__GREEN},
        {"precandidate", FL__DIM}, {"candidate", FL__YELLOW},   {"election-lost", FL__YELLOW},
        {"ignored", FL__DIM},      {"conflict", FL__YELLOW},    {"truncated", FL__YELLOW},
        {"repaired", FL__YELLOW},  {"catching-up", FL__YELLOW}, {"fetched", FL__YELLOW},
        {"forgotten", FL__YELLOW}, {"connected", FL__DIM},      {"disconnected", FL__DIM},
        {"unreachable", FL__DIM},  {"members", FL__DIM},        {"torn", FL__YELLOW},
        {"silent", FL__RED},       {"refused", FL__RED},        {"damaged", FL__RED},
        {"failed", FL__RED},       {"quorum-lost", FL__RED},    {"slow-disk", FL__RED},
        {"disk-full", FL__RED},    {"log-full", FL__RED},       {"contradiction", FL__RED},
        {"data-loss", FL__RED},
    };
    for (size_t k = 0; k < sizeof colours / sizeof colours[0]; k++)
        if (strcmp(colours[k].kind, kind) == 0)
            return colours[k].colour;
    return FL__PLAIN;
}

/* A line for each day, unless it is today's. */
static void print_day(struct story *story, const struct tm *when)
{
    char day[DAY_SIZE];
    (void)strftime(day, sizeof day, "%Y-%m-%d", when);
    if (strcmp(day, story->day) == 0)
        return;
    memcpy(story->day, day, sizeof day);
    printf("%s%s%s\n", fl__colour(story->colours, FL__DIM), day, fl__colour(story->colours, FL__PLAIN));
}

static void print_item(struct story *story, const struct item *item)
{
    if (story->as_json) {
        printf("%s\n", item->json);
        return;
    }
    time_t seconds = (time_t)(item->wall_us / 1000000);
    struct tm when;
    char clock[16];
    localtime_r(&seconds, &when);
    print_day(story, &when);
    (void)strftime(clock, sizeof clock, "%H:%M:%S", &when);
    printf("%s%s.%03u%s  %s%-*s%s  %s", fl__colour(story->colours, FL__DIM), clock,
           (unsigned)(item->wall_us / 1000 % 1000), fl__colour(story->colours, FL__PLAIN),
           fl__colour(story->colours, FL__BOLD), (int)story->name_width, story->sources[item->source].name,
           fl__colour(story->colours, FL__PLAIN), fl__colour(story->colours, colour_of(item->kind)));
    fl__print_hanging(stdout, item->text, 16 + story->name_width, story->wraps ? fl__terminal_width() : 0);
    printf("%s\n", fl__colour(story->colours, FL__PLAIN));
}

/* The earliest of the nodes' first ones, taken off its list; NULL if nothing is left. */
static struct item *take_earliest(struct story *story)
{
    struct source *from = NULL;
    for (unsigned k = 0; k < story->count; k++) {
        struct source *source = &story->sources[k];
        if (source->first != NULL && (from == NULL || source->first->wall_us < from->first->wall_us))
            from = source;
    }
    if (from == NULL)
        return NULL;
    struct item *item = from->first;
    from->first = item->next;
    if (from->first == NULL)
        from->end = &from->first;
    return item;
}

static uint64_t count_items(const struct story *story)
{
    uint64_t count = 0;
    for (unsigned k = 0; k < story->count; k++)
        for (const struct item *item = story->sources[k].first; item != NULL; item = item->next)
            count++;
    return count;
}

/* Prints the last `most` of what there is, and forgets all of it. */
static void print_all(struct story *story, uint64_t most)
{
    uint64_t count = count_items(story);
    for (struct item *item; (item = take_earliest(story)) != NULL; count--) {
        if (count <= most)
            print_item(story, item);
        release_item(item);
    }
    fflush(stdout);
}

/* ----------------------------------------------------------------------------------------------- the verb */

static bool is_wanted(const struct fl__call *call, const char *name)
{
    for (unsigned i = 0; i < call->argument_count; i++)
        if (strcmp(call->arguments[i], name) == 0)
            return true;
    return call->argument_count == 0;
}

static void add_source(struct story *story, const struct fl__view *view)
{
    struct source *source = &story->sources[story->count++];
    unsigned width = fl__text_width(view->name);
    memcpy(source->name, view->name, sizeof source->name);
    source->end = &source->first;
    source->ask = (struct fl__ask){
        .words = {"FAIRLEAD", "EVENTS", "SINCE", source->since, "COUNT", ASKED_FOR}, .keep = true};
    memcpy(source->ask.address, view->address, sizeof source->ask.address);
    story->name_width = width > story->name_width ? width : story->name_width;
}

static int find_sources(struct story *story, const struct fl__call *call)
{
    struct fl__survey *survey = calloc(1, sizeof *survey);
    if (survey == NULL)
        return FL__EXIT_REFUSED;
    int code = fl__survey_take(survey, &story->asker, story->settings);
    if (code == FL__EXIT_OK && survey->health == FL__HEALTH_UNKNOWN) {
        fl__survey_say_unreachable(survey);
        code = FL__EXIT_UNREACHABLE;
    }
    for (unsigned i = 0; code == FL__EXIT_OK && i < call->argument_count; i++)
        if (fl__survey_find(survey, call->arguments[i]) == survey->count)
            code = FL__EXIT_USAGE;
    for (unsigned i = 0; code == FL__EXIT_OK && i < survey->count; i++)
        if (is_wanted(call, survey->views[i].name))
            add_source(story, &survey->views[i]);
    free(survey);
    return code;
}

static void prepare(struct story *story, const struct fl__settings *settings)
{
    time_t now = (time_t)(fl__wall_us() / 1000000);
    struct tm today;
    story->settings = settings;
    story->as_json = strcmp(fl__settings_text(settings, "output"), "json") == 0;
    story->colours = fl__colours(settings);
    story->wraps = isatty(STDOUT_FILENO);
    localtime_r(&now, &today);
    (void)strftime(story->day, sizeof story->day, "%Y-%m-%d", &today);
    if (fl__settings_text(settings, "since") != NULL)
        story->not_before = fl__wall_us() - fl__settings_number(settings, "since");
}

static int tell(struct story *story)
{
    bool answers = ask_all(story) > 0;
    print_all(story, fl__settings_number(story->settings, "count"));
    /* One node that hangs must not keep the others' news for long. */
    if (!fl__settings_given(story->settings, "timeout"))
        story->asker.timeout = FOLLOWING_TIMEOUT_US;
    while (fl__settings_flag(story->settings, "follow") && !ferror(stdout)) {
        fl__pause(PAUSE_US);
        (void)ask_all(story);
        print_all(story, UINT64_MAX);
    }
    return answers ? FL__EXIT_OK : FL__EXIT_UNREACHABLE;
}

int fl__run_events(const struct fl__call *call)
{
    struct story *story = calloc(1, sizeof *story);
    int code = FL__EXIT_REFUSED;
    if (story == NULL)
        return code;
    prepare(story, &call->settings);
    if (fl__asker_init(&story->asker, &call->settings) && fl__survey_log_in(&story->asker, &call->settings))
        code = find_sources(story, call);
    if (code == FL__EXIT_OK)
        code = tell(story);
    for (unsigned k = 0; k < story->count; k++)
        fl__ask_close(&story->sources[k].ask);
    fl__asker_release(&story->asker);
    free(story);
    return code;
}
