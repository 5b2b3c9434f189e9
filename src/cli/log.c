/* log.c - `log`: entries of one node's log, a line each.
 *
 *     INDEX  TERM  STATE        ENTRY
 *       118     4  committed    SET hello world
 *       119     5  committed    (a new leader's first entry)
 *       120     5  durable      SET hello again
 *       121     5  in memory    DEL hello
 *
 * Committed entries stay for ever; others may still be replaced. */
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN 20
#define PIECE 1000 /* Entries fetched and printed at a time. */

/* What is to be printed, and how. */
struct listing {
    const struct fl__settings *settings;
    struct fl__asker asker;
    struct fl__survey survey;
    unsigned node;
    fl_index first, last;
};

static const char *state_of(const struct fl__told *entry)
{
    return entry->committed ? "committed" : entry->durable ? "durable" : "in memory";
}

static const char *text_of(const struct fl__told *entry)
{
    if (strcmp(entry->kind, "noop") == 0)
        return "(a new leader's first entry)";
    if (strcmp(entry->kind, "configuration") == 0 && entry->text[0] == '\0')
        return "(the members)";
    return entry->text;
}

static unsigned digits_of(uint64_t number)
{
    unsigned digits = 1;
    for (; number >= 10; number /= 10)
        digits++;
    return digits;
}

/* --------------------------------------------------------------------------------------------------- text */

/* Cuts the text at the terminal's edge: a line stays a line. */
static void print_entry(const struct fl__told *entry, const int width[2], bool colours, unsigned room)
{
    const char *text = text_of(entry);
    unsigned before = (unsigned)(width[0] + width[1]) + 17;
    printf("%*llu  %*llu  %s%-11s%s", width[0], (unsigned long long)entry->index, width[1],
           (unsigned long long)entry->term, fl__colour(colours, entry->committed ? FL__GREEN : FL__YELLOW),
           state_of(entry), fl__colour(colours, FL__PLAIN));
    if (room > before && fl__text_width(text) > room - before)
        printf("  %.*s…\n", (int)fl__text_bytes(text, room - before - 1), text);
    else
        printf("  %s\n", text);
}

static void print_piece(const struct listing *listing, const struct fl__entries *entries, bool with_titles)
{
    const struct fl__view *view = &listing->survey.views[listing->node];
    int width[2] = {(int)digits_of(listing->last), (int)digits_of(view->term)};
    bool colours = fl__colours(listing->settings);
    width[0] = width[0] < 5 ? 5 : width[0];
    width[1] = width[1] < 4 ? 4 : width[1];
    if (with_titles)
        printf("%s%*s  %*s  %-11s  ENTRY%s\n", fl__colour(colours, FL__DIM), width[0], "INDEX", width[1],
               "TERM", "STATE", fl__colour(colours, FL__PLAIN));
    for (size_t i = 0; i < entries->count; i++)
        print_entry(&entries->list[i], width, colours, fl__terminal_width());
}

static int print_text(const struct listing *listing)
{
    const struct fl__view *view = &listing->survey.views[listing->node];
    char problem[160];
    if (view->last == 0)
        printf("The log of %s is empty.\n", view->name);
    for (fl_index first = listing->first; first <= listing->last; first += PIECE) {
        struct fl__entries entries;
        fl_index last = listing->last - first < PIECE ? listing->last : first + PIECE - 1;
        if (!fl__entries_get(&listing->asker, view->address, first, last, &entries, problem)) {
            fl__say_error(FL__CODE_NODE_REFUSED, "%s does not show its log", view->name);
            fl__say_fact("now", "%s", problem);
            return FL__EXIT_UNREACHABLE;
        }
        print_piece(listing, &entries, first == listing->first);
        fl__entries_release(&entries);
    }
    return FL__EXIT_OK;
}

/* --------------------------------------------------------------------------------------------------- JSON */

static cJSON *entry_as_json(const struct fl__told *entry)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "index", (double)entry->index);
    cJSON_AddNumberToObject(json, "term", (double)entry->term);
    cJSON_AddStringToObject(json, "kind", entry->kind);
    cJSON_AddBoolToObject(json, "committed", entry->committed);
    cJSON_AddBoolToObject(json, "durable", entry->durable);
    cJSON_AddStringToObject(json, "text", entry->text);
    return json;
}

/* {"node":"n1","entries":[{"index":1,"term":1,"kind":"command","committed":true,"durable":true,"text":"SET a
 * b"}]} */
static int print_json(const struct listing *listing)
{
    const struct fl__view *view = &listing->survey.views[listing->node];
    struct fl__entries entries;
    char problem[160];
    if (!fl__entries_get(&listing->asker, view->address, listing->first, listing->last, &entries, problem)) {
        fl__say_error(FL__CODE_NODE_REFUSED, "%s does not show its log", view->name);
        fl__say_fact("now", "%s", problem);
        return FL__EXIT_UNREACHABLE;
    }
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "node", view->name);
    cJSON *array = cJSON_AddArrayToObject(json, "entries");
    for (size_t i = 0; i < entries.count; i++)
        cJSON_AddItemToArray(array, entry_as_json(&entries.list[i]));
    char *text = cJSON_Print(json);
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    cJSON_Delete(json);
    fl__entries_release(&entries);
    return FL__EXIT_OK;
}

/* ------------------------------------------------------------------------------------------- what to show */

/* The node that was named, else the leader, else the first that answers. */
static bool choose_node(struct listing *listing, const struct fl__call *call)
{
    struct fl__survey *survey = &listing->survey;
    listing->node = survey->leader;
    if (call->argument_count > 0)
        listing->node = fl__survey_find(survey, call->arguments[0]);
    for (unsigned i = 0; listing->node == survey->count && call->argument_count == 0 && i < survey->count;
         i++) {
        if (survey->views[i].answers)
            listing->node = i;
    }
    return listing->node < survey->count;
}

static int choose_range(struct listing *listing)
{
    const struct fl__view *view = &listing->survey.views[listing->node];
    const struct fl__settings *settings = listing->settings;
    bool first = fl__settings_text(settings, "first") != NULL,
         last = fl__settings_text(settings, "last") != NULL;
    listing->last = last ? fl__settings_number(settings, "last") : view->last;
    if (listing->last > view->last)
        listing->last = view->last;
    listing->first = listing->last >= SHOWN ? listing->last - SHOWN + 1 : 1;
    if (first)
        listing->first = fl__settings_number(settings, "first");
    if (!first || listing->first <= listing->last || view->last == 0)
        return FL__EXIT_OK;
    fl__say_error(FL__CODE_RANGE, "%s has no entries from %s to %s", view->name,
                  fl__settings_text(settings, "first"),
                  last ? fl__settings_text(settings, "last") : "its last");
    fl__say_fact("now", "its log has the entries 1 to %llu", (unsigned long long)view->last);
    return FL__EXIT_REFUSED;
}

static int list_entries(struct listing *listing, const struct fl__call *call)
{
    if (!choose_node(listing, call))
        return FL__EXIT_USAGE;
    const struct fl__view *view = &listing->survey.views[listing->node];
    if (!view->answers) {
        fl__say_error(FL__CODE_UNREACHABLE, "%s does not answer", view->name);
        fl__say_fact("now", "%s: %s", view->address, view->problem);
        return FL__EXIT_UNREACHABLE;
    }
    int code = choose_range(listing);
    if (code != FL__EXIT_OK)
        return code;
    return strcmp(fl__settings_text(listing->settings, "output"), "json") == 0 ? print_json(listing)
                                                                               : print_text(listing);
}

int fl__run_log(const struct fl__call *call)
{
    struct listing *listing = calloc(1, sizeof *listing);
    if (listing == NULL)
        return FL__EXIT_REFUSED;
    listing->settings = &call->settings;
    int code = FL__EXIT_REFUSED;
    if (fl__asker_init(&listing->asker, &call->settings) &&
        fl__survey_log_in(&listing->asker, &call->settings))
        code = fl__survey_take(&listing->survey, &listing->asker, &call->settings);
    if (code == FL__EXIT_OK && listing->survey.health == FL__HEALTH_UNKNOWN) {
        fl__survey_say_unreachable(&listing->survey);
        code = FL__EXIT_UNREACHABLE;
    } else if (code == FL__EXIT_OK) {
        code = fl__settings_flag(&call->settings, "diff") ? fl__diff(&listing->asker, &listing->survey, call)
                                                          : list_entries(listing, call);
    }
    fl__asker_release(&listing->asker);
    free(listing);
    return code;
}
