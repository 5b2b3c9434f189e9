/* doctor.c - `doctor`: examines all nodes and prints findings, the grave ones first.
 *
 *     problem: n3 does not answer [FL4001]
 *       now    127.0.0.1:7620: nothing listens there
 *       do     fairlead start n3
 *
 * It asks each node how it is (survey.c) and for its events, and leaves the judging to rules.c.
 *
 * The JSON form is one object:
 *     healthy    false if there is a problem or a warning
 *     verdict    as in `status`
 *     findings   array of {gravity ("problem", "warning", "hint"), code ("FL4001"), title,
 *                facts: array of {label, text}} */
#include "cli.h"

#include <cjson/cJSON.h>
#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[] = {
    [FL__PROBLEM] = "problem", [FL__WARNING] = "warning", [FL__HINT] = "hint"};

/* -------------------------------------------------------------------------------- what they lived through */

static void count_event(struct fl__vitals *vitals, const char *line)
{
    cJSON *json = cJSON_Parse(line);
    const cJSON *when = cJSON_GetObjectItemCaseSensitive(json, "wall_us");
    const cJSON *what = cJSON_GetObjectItemCaseSensitive(json, "event");
    if (cJSON_IsNumber(when) && cJSON_IsString(what) &&
        when->valuedouble + (double)FL__RECENT_US >= (double)vitals->wall_us) {
        vitals->elections += strcmp(what->valuestring, "candidate") == 0;
        vitals->slow_disks += strcmp(what->valuestring, "slow-disk") == 0;
        vitals->quorums_lost += strcmp(what->valuestring, "quorum-lost") == 0;
    }
    cJSON_Delete(json);
}

static void count_events(struct fl__vitals *vitals, const struct redisReply *reply)
{
    if (reply == NULL || reply->type != REDIS_REPLY_ARRAY || reply->elements != 3)
        return;
    const struct redisReply *list = reply->element[2];
    for (size_t k = 0; list->type == REDIS_REPLY_ARRAY && k < list->elements; k++)
        if (list->element[k]->type == REDIS_REPLY_STRING)
            count_event(vitals, list->element[k]->str);
}

static void ask_for_events(struct fl__survey *survey, const struct fl__asker *asker)
{
    struct fl__ask asks[FL_MEMBERS_MAX];
    unsigned nodes[FL_MEMBERS_MAX], count = 0;
    memset(asks, 0, sizeof asks);
    for (unsigned i = 0; i < survey->count; i++) {
        if (!survey->views[i].answers)
            continue;
        asks[count].words[0] = "FAIRLEAD";
        asks[count].words[1] = "EVENTS";
        asks[count].words[2] = "COUNT";
        asks[count].words[3] = "1024";
        memcpy(asks[count].address, survey->views[i].address, sizeof asks[count].address);
        nodes[count++] = i;
    }
    fl__ask_all(asker, asks, count);
    for (unsigned k = 0; k < count; k++)
        count_events(&survey->views[nodes[k]].vitals, asks[k].reply);
    fl__ask_release(asks, count);
}

/* ----------------------------------------------------------------------------------------------- printing */

static unsigned count_of(const struct fl__findings *findings, enum fl__gravity gravity)
{
    unsigned count = 0;
    for (unsigned k = 0; k < findings->count; k++)
        count += findings->list[k].gravity == gravity;
    return count;
}

static bool is_healthy(const struct fl__findings *findings)
{
    return count_of(findings, FL__HINT) == findings->count;
}

static void print_finding(const struct fl__finding *finding, bool colours)
{
    static const enum fl__colour colour[] = {FL__RED, FL__YELLOW, FL__DIM};
    printf("%s%s%s: %s [FL%u]\n", fl__colour(colours, colour[finding->gravity]), words[finding->gravity],
           fl__colour(colours, FL__PLAIN), finding->title, (unsigned)finding->code);
    for (unsigned k = 0; k < finding->fact_count; k++)
        printf("  %-6s %s\n", finding->facts[k].label, finding->facts[k].text);
    putchar('\n');
}

static void print_text(const struct fl__exam *exam, const struct fl__findings *findings, bool colours)
{
    for (int gravity = FL__PROBLEM; gravity <= FL__HINT; gravity++)
        for (unsigned k = 0; k < findings->count; k++)
            if (findings->list[k].gravity == (enum fl__gravity)gravity)
                print_finding(&findings->list[k], colours);
    unsigned problems = count_of(findings, FL__PROBLEM), warnings = count_of(findings, FL__WARNING);
    unsigned hints = count_of(findings, FL__HINT);
    if (problems + warnings == 0)
        printf("%sNothing is wrong.%s %s\n", fl__colour(colours, FL__GREEN), fl__colour(colours, FL__PLAIN),
               exam->survey.verdict);
    else
        printf("%u problem%s, %u warning%s, %u hint%s%s. %s\n", problems, problems == 1 ? "" : "s", warnings,
               warnings == 1 ? "" : "s", hints, hints == 1 ? "" : "s",
               findings->is_cut ? ", and more than are shown" : "", exam->survey.verdict);
    if (findings->count > 0)
        printf("%s explain CODE says more about a finding.\n", exam->program);
}

static cJSON *finding_as_json(const struct fl__finding *finding)
{
    char code[16];
    cJSON *json = cJSON_CreateObject();
    snprintf(code, sizeof code, "FL%u", (unsigned)finding->code);
    cJSON_AddStringToObject(json, "gravity", words[finding->gravity]);
    cJSON_AddStringToObject(json, "code", code);
    cJSON_AddStringToObject(json, "title", finding->title);
    cJSON *facts = cJSON_AddArrayToObject(json, "facts");
    const char *label = "";
    for (unsigned k = 0; k < finding->fact_count; k++) {
        cJSON *fact = cJSON_CreateObject();
        label = finding->facts[k].label[0] != '\0' ? finding->facts[k].label : label;
        cJSON_AddStringToObject(fact, "label", label);
        cJSON_AddStringToObject(fact, "text", finding->facts[k].text);
        cJSON_AddItemToArray(facts, fact);
    }
    return json;
}

static void print_json(const struct fl__survey *survey, const struct fl__findings *findings)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddBoolToObject(json, "healthy", is_healthy(findings));
    cJSON_AddStringToObject(json, "verdict", survey->verdict);
    cJSON *list = cJSON_AddArrayToObject(json, "findings");
    for (unsigned k = 0; k < findings->count; k++)
        cJSON_AddItemToArray(list, finding_as_json(&findings->list[k]));
    char *text = cJSON_Print(json);
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    cJSON_Delete(json);
}

/* ----------------------------------------------------------------------------------------------- the verb */

/* Whether the nodes are those of `up` in --dir: then the doctor may name its verbs. */
static bool is_local(const struct fl__settings *settings)
{
    struct fl__cluster cluster;
    if (fl__settings_text(settings, "node") != NULL)
        return false;
    bool exists =
        fl__cluster_open(&cluster, fl__settings_text(settings, "dir"), false, false) == FL__EXIT_OK &&
        cluster.exists;
    fl__cluster_close(&cluster);
    return exists;
}

static int examine(struct fl__exam *exam, struct fl__findings *findings, const struct fl__asker *asker,
                   const struct fl__settings *settings)
{
    exam->is_local = is_local(settings);
    exam->directory = fl__settings_text(settings, "dir");
    ask_for_events(&exam->survey, asker);
    fl__rules_apply(exam, findings);
    if (strcmp(fl__settings_text(settings, "output"), "json") == 0)
        print_json(&exam->survey, findings);
    else
        print_text(exam, findings, fl__colours(settings));
    return is_healthy(findings) ? FL__EXIT_OK : FL__EXIT_DEGRADED;
}

int fl__run_doctor(const struct fl__call *call)
{
    struct fl__asker asker = {.password = NULL};
    struct fl__exam *exam = calloc(1, sizeof *exam);
    struct fl__findings *findings = calloc(1, sizeof *findings);
    int code = FL__EXIT_REFUSED;
    if (exam != NULL && findings != NULL && fl__asker_init(&asker, &call->settings) &&
        fl__survey_log_in(&asker, &call->settings))
        code = fl__survey_take(&exam->survey, &asker, &call->settings);
    if (code == FL__EXIT_OK && exam->survey.health == FL__HEALTH_UNKNOWN) {
        fl__survey_say_unreachable(&exam->survey);
        code = FL__EXIT_UNREACHABLE;
    } else if (code == FL__EXIT_OK) {
        exam->program = call->program;
        code = examine(exam, findings, &asker, &call->settings);
    }
    fl__asker_release(&asker);
    free(exam);
    free(findings);
    return code;
}
