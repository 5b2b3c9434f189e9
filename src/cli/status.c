/* status.c - `status`: one line per node, and a verdict that is also the exit code.
 *
 * The JSON form is one object:
 *     health      "healthy", "degraded", "unavailable", "unknown"
 *     verdict     the same with its reasons, for people
 *     cluster_id  32 hexadecimal digits, or null
 *     leader      its name, or null
 *     term        the leader's, or null
 *     voters, up, tolerates   numbers
 *     nodes       array, in the order of the configuration; what is not known is null:
 *       name, listen (Redis port), role ("leader", "follower", ..., "down"), up, term, pid, last, durable,
 *       commit, applied, behind, ready, damaged, damage, id, peer, web, version, problem (why a node that is
 *       down does not answer) */
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_text(cJSON *object, const char *key, const char *text)
{
    if (text[0] == '\0')
        cJSON_AddNullToObject(object, key);
    else
        cJSON_AddStringToObject(object, key, text);
}

static void add_number(cJSON *object, const char *key, bool known, uint64_t number)
{
    if (known)
        cJSON_AddNumberToObject(object, key, (double)number);
    else
        cJSON_AddNullToObject(object, key);
}

static cJSON *node_as_json(const struct fl__survey *survey, const struct fl__view *view)
{
    cJSON *json = cJSON_CreateObject();
    bool up = view->answers;
    add_text(json, "name", view->name);
    add_text(json, "listen", view->address);
    cJSON_AddStringToObject(json, "role", up ? view->role : "down");
    cJSON_AddBoolToObject(json, "up", up);
    add_number(json, "term", up, view->term);
    add_number(json, "pid", up && view->pid != 0, view->pid);
    add_number(json, "last", up, view->last);
    add_number(json, "durable", up, view->durable);
    add_number(json, "commit", up, view->commit);
    add_number(json, "applied", up, view->applied);
    add_number(json, "behind", up && survey->leader < survey->count, fl__survey_behind(survey, view));
    cJSON_AddBoolToObject(json, "ready", view->ready);
    cJSON_AddBoolToObject(json, "damaged", view->damaged);
    add_text(json, "damage", view->damage);
    add_text(json, "id", view->id);
    add_text(json, "peer", view->peer);
    add_text(json, "web", view->web);
    add_text(json, "version", view->version);
    add_text(json, "problem", view->problem);
    return json;
}

static int print_json(const struct fl__survey *survey)
{
    bool led = survey->leader < survey->count;
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "health", fl__health_word(survey->health));
    cJSON_AddStringToObject(json, "verdict", survey->verdict);
    add_text(json, "cluster_id", survey->cluster_id);
    add_text(json, "leader", led ? survey->views[survey->leader].name : "");
    add_number(json, "term", led, led ? survey->views[survey->leader].term : 0);
    cJSON_AddNumberToObject(json, "voters", survey->voters);
    cJSON_AddNumberToObject(json, "up", survey->up);
    cJSON_AddNumberToObject(json, "tolerates", survey->tolerates);
    cJSON *nodes = cJSON_AddArrayToObject(json, "nodes");
    for (unsigned i = 0; i < survey->count; i++)
        cJSON_AddItemToArray(nodes, node_as_json(survey, &survey->views[i]));
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    if (text == NULL)
        return FL__EXIT_REFUSED;
    printf("%s\n", text);
    free(text);
    return fl__health_exit(survey->health);
}

/* --------------------------------------------------------------------------------------------------- text */

static enum fl__colour colour_of(const struct fl__survey *survey, unsigned node)
{
    const struct fl__view *view = &survey->views[node];
    if (!view->answers || view->damaged)
        return FL__RED;
    if (node == survey->leader)
        return FL__GREEN;
    return view->ready ? FL__PLAIN : FL__YELLOW;
}

/* In a few words, what there is to say about a node besides numbers. */
static void say_state(const struct fl__survey *survey, unsigned node, char *out, size_t size)
{
    const struct fl__view *view = &survey->views[node];
    uint64_t behind = fl__survey_behind(survey, view);
    if (!view->answers)
        snprintf(out, size, "no answer");
    else if (view->damaged)
        snprintf(out, size, "damaged");
    else if (!view->founded)
        snprintf(out, size, "waits for the founding members");
    else if (node == survey->leader)
        out[0] = '\0';
    else if (behind > 0)
        snprintf(out, size, "%llu behind%s", (unsigned long long)behind, view->ready ? "" : ", catching up");
    else
        snprintf(out, size, "%s",
                 view->ready                      ? "caught up"
                 : survey->leader < survey->count ? "catching up"
                                                  : "no leader");
}

static void add_count(struct fl__table *table, bool known, uint64_t number)
{
    if (known)
        fl__table_add(table, FL__PLAIN, "%llu", (unsigned long long)number);
    else
        fl__table_add(table, FL__PLAIN, "-");
}

/* An address whose host is that of the node's first address, by its port alone: ":7601". */
static const char *shorten(const char *address, const char *first)
{
    const char *colon = strrchr(address, ':');
    if (colon == NULL)
        return "-";
    size_t host = (size_t)(colon - address);
    return strncmp(address, first, host + 1) == 0 ? colon : address;
}

static void add_row(struct fl__table *table, const struct fl__survey *survey, unsigned node, bool wide)
{
    const struct fl__view *view = &survey->views[node];
    char state[64];
    bool up = view->answers;
    enum fl__colour colour = colour_of(survey, node);
    fl__table_add(table, FL__BOLD, "%s", view->name[0] == '\0' ? "?" : view->name);
    fl__table_add(table, FL__PLAIN, "%s", view->address[0] == '\0' ? "?" : view->address);
    fl__table_add(table, colour, "%s", up ? view->role : "down");
    add_count(table, up, view->term);
    add_count(table, up, view->last);
    add_count(table, up, view->commit);
    add_count(table, up, view->applied);
    if (wide) {
        add_count(table, up, view->durable);
        add_count(table, up && view->pid != 0, view->pid);
        fl__table_add(table, FL__PLAIN, "%s", shorten(view->peer, view->address));
        fl__table_add(table, FL__PLAIN, "%s", shorten(view->web, view->address));
        fl__table_add(table, FL__PLAIN, "%s", up && view->version[0] != '\0' ? view->version : "-");
        fl__table_add(table, FL__PLAIN, "%s", up && view->id[0] != '\0' ? view->id : "-");
    }
    say_state(survey, node, state, sizeof state);
    fl__table_add(table, colour == FL__GREEN ? FL__PLAIN : colour, "%s", state);
}

/* The reasons, which are too long for the table. */
static void print_reasons(const struct fl__survey *survey)
{
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (!view->answers)
            printf("  %s: %s%s\n", view->name, view->problem,
                   view->connected ? " (but the leader has a connection to it)" : "");
        else if (view->damaged)
            printf("  %s is damaged: %s\n", view->name, view->damage);
    }
}

static int print_text(const struct fl__survey *survey, const struct fl__settings *settings, bool wide)
{
    static const char *const brief[] = {"NAME",  "ADDRESS", "ROLE",     ">TERM",
                                        ">LAST", ">COMMIT", ">APPLIED", ""};
    static const char *const all[] = {"NAME",    "ADDRESS",  "ROLE",     ">TERM", ">LAST",
                                      ">COMMIT", ">APPLIED", ">DURABLE", ">PID",  "PEER",
                                      "WEB",     "VERSION",  "ID",       ""};
    static const enum fl__colour colours_of[] = {FL__GREEN, FL__YELLOW, FL__RED, FL__RED};
    bool colours = fl__colours(settings);
    struct fl__table table;
    if (wide)
        fl__table_init(&table, sizeof all / sizeof all[0], all);
    else
        fl__table_init(&table, sizeof brief / sizeof brief[0], brief);
    for (unsigned i = 0; i < survey->count; i++)
        add_row(&table, survey, i, wide);
    fl__table_print(&table, stdout, colours, fl__terminal_width());
    fl__table_release(&table);
    size_t word = strcspn(survey->verdict, ":");
    printf("%s%.*s%s%s\n", fl__colour(colours, colours_of[survey->health]), (int)word, survey->verdict,
           fl__colour(colours, FL__PLAIN), survey->verdict + word);
    print_reasons(survey);
    return fl__health_exit(survey->health);
}

int fl__run_status(const struct fl__call *call)
{
    struct fl__asker asker;
    struct fl__survey *survey = calloc(1, sizeof *survey);
    if (survey == NULL || !fl__asker_init(&asker, &call->settings)) {
        free(survey);
        return FL__EXIT_REFUSED;
    }
    int code = fl__survey_take(survey, &asker, &call->settings);
    const char *output = fl__settings_text(&call->settings, "output");
    if (code == FL__EXIT_OK && strcmp(output, "json") == 0)
        code = print_json(survey);
    else if (code == FL__EXIT_OK && survey->health == FL__HEALTH_UNKNOWN)
        code = (fl__survey_say_unreachable(survey), FL__EXIT_UNREACHABLE);
    else if (code == FL__EXIT_OK)
        code = print_text(survey, &call->settings, strcmp(output, "wide") == 0);
    fl__asker_release(&asker);
    free(survey);
    return code;
}
