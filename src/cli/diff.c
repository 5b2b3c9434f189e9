/* diff.c - `log --diff`: where the nodes' logs part.
 *
 * Logs may be long, and differ, if at all, near their ends. So nobody reads them whole: each is compared with
 * the leader's by a search for the fork, and only the entries around the forks are fetched and drawn. The
 * logs may grow while they are looked at; what is drawn is what each node said when it was asked. */
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE_FORK 3   /* Columns of agreement shown before the first fork. */
#define COLUMNS_MAX 400 /* Wider than any terminal. */
#define TAIL 8          /* Columns shown where all logs are the same. */

/* What term_at() needs. */
struct looking {
    const struct fl__asker *asker;
    const struct fl__picture *picture;
    unsigned strip; /* Compared with the first. */
    char problem[160];
};

static fl_term term_at(void *context, unsigned log, fl_index index)
{
    struct looking *looking = context;
    const struct fl__strip *strip = &looking->picture->strips[log == 0 ? 0 : looking->strip];
    struct fl__entries entries;
    fl_term term = 0;
    if (!fl__entries_get(looking->asker, strip->address, index, index, &entries, looking->problem))
        return 0;
    if (entries.count == 1)
        term = entries.list[0].term;
    fl__entries_release(&entries);
    return term;
}

fl_index fl__diff_fork(fl_index last_a, fl_index last_b,
                       fl_term (*term)(void *context, unsigned log, fl_index index), void *context,
                       bool *known)
{
    fl_index agrees = 0, differs = (last_a < last_b ? last_a : last_b) + 1, probe = differs - 1;
    *known = true;
    while (agrees + 1 < differs) {
        fl_term a = term(context, 0, probe), b = term(context, 1, probe);
        if (a == 0 || b == 0) {
            *known = false;
            return agrees;
        }
        if (a == b)
            agrees = probe;
        else
            differs = probe;
        probe = agrees + (differs - agrees) / 2;
    }
    return agrees;
}

/* ---------------------------------------------------------------------------------------------- gathering */

static void add_strip(struct fl__picture *picture, const struct fl__survey *survey, unsigned node)
{
    const struct fl__view *view = &survey->views[node];
    struct fl__strip *strip = &picture->strips[picture->count++];
    memcpy(strip->name, view->name, sizeof strip->name);
    memcpy(strip->address, view->address, sizeof strip->address);
    strip->leads = node == survey->leader;
    strip->last = view->last;
    strip->commit = view->commit;
}

/* The log that would win an election: of the highest last term, and then the longest (paper §5.4.1). */
static unsigned most_complete(const struct fl__asker *asker, const struct fl__survey *survey)
{
    unsigned best = survey->count;
    fl_term best_term = 0;
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        struct fl__entries entries;
        char problem[160];
        if (!view->answers ||
            !fl__entries_get(asker, view->address, view->last, view->last, &entries, problem))
            continue;
        fl_term term = entries.count == 1 ? entries.list[0].term : 0;
        fl__entries_release(&entries);
        if (best == survey->count || term > best_term ||
            (term == best_term && view->last > survey->views[best].last)) {
            best = i;
            best_term = term;
        }
    }
    return best;
}

/* The leader's log first, or what comes nearest to one; then the others in their order. */
static void gather(struct fl__picture *picture, const struct fl__asker *asker,
                   const struct fl__survey *survey)
{
    unsigned first = survey->leader < survey->count ? survey->leader : most_complete(asker, survey);
    if (first < survey->count)
        add_strip(picture, survey, first);
    for (unsigned i = 0; i < survey->count; i++) {
        if (i != first && survey->views[i].answers)
            add_strip(picture, survey, i);
    }
}

/* Takes a log out of the picture: its node does not show it. */
static void hide(struct fl__picture *picture, unsigned strip, const char *problem)
{
    struct fl__strip hidden = picture->strips[strip];
    snprintf(hidden.problem, sizeof hidden.problem, "%s", problem);
    picture->count--;
    picture->hidden_count++;
    memmove(&picture->strips[strip], &picture->strips[strip + 1],
            (picture->count - strip) * sizeof picture->strips[0]);
    picture->strips[picture->count] = hidden;
}

static bool find_forks(struct fl__picture *picture, const struct fl__asker *asker)
{
    picture->strips[0].agrees = picture->strips[0].last;
    for (unsigned i = 1; i < picture->count;) {
        struct fl__strip *strip = &picture->strips[i];
        struct looking looking = {.asker = asker, .picture = picture, .strip = i};
        bool known;
        strip->agrees = fl__diff_fork(picture->strips[0].last, strip->last, term_at, &looking, &known);
        if (!known && looking.problem[0] == '\0') {
            fl__say_error(FL__CODE_NODE_REFUSED, "%s and %s cannot be compared", picture->strips[0].name,
                          strip->name);
            fl__say_fact("now", "a log changed while it was looked at");
            fl__say_fact("do", "try again");
            return false;
        }
        if (known)
            i++;
        else
            hide(picture, i, looking.problem);
    }
    return true;
}

/* Around the conflicts; if there are none, where the first log ends; if all are the same, the end. */
static void choose_columns(struct fl__picture *picture, const struct fl__settings *settings)
{
    fl_index conflict = UINT64_MAX, shortest = UINT64_MAX;
    for (unsigned i = 0; i < picture->count; i++) {
        const struct fl__strip *strip = &picture->strips[i];
        if (strip->agrees < strip->last && strip->agrees < conflict)
            conflict = strip->agrees;
        if (strip->last < shortest)
            shortest = strip->last;
        if (strip->last > picture->last)
            picture->last = strip->last;
    }
    fl_index fork = conflict != UINT64_MAX ? conflict : shortest;
    fl_index before = fork == picture->last ? TAIL : BEFORE_FORK;
    picture->first = fork >= before ? fork - before + 1 : 1;
    if (fl__settings_text(settings, "first") != NULL)
        picture->first = fl__settings_number(settings, "first");
    if (fl__settings_text(settings, "last") != NULL && fl__settings_number(settings, "last") < picture->last)
        picture->last = fl__settings_number(settings, "last");
}

static bool fetch_terms(struct fl__picture *picture, const struct fl__asker *asker)
{
    fl_index end = picture->last;
    if (end >= picture->first + COLUMNS_MAX)
        end = picture->first + COLUMNS_MAX - 1;
    for (unsigned i = 0; i < picture->count;) {
        struct fl__strip *strip = &picture->strips[i];
        struct fl__entries entries;
        char problem[160];
        fl_index last = strip->last < end ? strip->last : end;
        bool is_shown = fl__entries_get(asker, strip->address, picture->first, last, &entries, problem);
        if (!is_shown && i > 0) {
            hide(picture, i, problem);
            continue;
        }
        if (!is_shown) {
            fl__say_error(FL__CODE_NODE_REFUSED, "%s does not show its log", strip->name);
            fl__say_fact("now", "%s", problem);
            return false;
        }
        strip->terms = calloc(entries.count + 1, sizeof *strip->terms);
        for (size_t k = 0; strip->terms != NULL && k < entries.count; k++)
            strip->terms[strip->count++] = entries.list[k].term;
        fl__entries_release(&entries);
        i++;
    }
    return true;
}

/* ----------------------------------------------------------------------------------------------- printing */

static void print_text(const struct fl__picture *picture, const struct fl__survey *survey, bool colours)
{
    char sentence[512];
    fl__diff_draw(picture, stdout, colours, fl__terminal_width());
    if (!picture->strips[0].leads)
        printf("There is no leader; the others are compared with %s, the most complete log.\n",
               picture->strips[0].name);
    for (unsigned i = 1; i < picture->count; i++) {
        fl__diff_sentence(&picture->strips[0], &picture->strips[i], sentence, sizeof sentence);
        printf("%s\n", sentence);
    }
    for (unsigned i = picture->count; i < picture->count + picture->hidden_count; i++)
        printf("%s: does not show its log (%s)\n", picture->strips[i].name, picture->strips[i].problem);
    for (unsigned i = 0; i < survey->count; i++) {
        if (!survey->views[i].answers)
            printf("%s: does not answer (%s)\n", survey->views[i].name, survey->views[i].problem);
    }
}

/* {"compared_with":"n1","leads":true,"nodes":[{"name":"n2","last":9,"commit":7,"agrees":7,"lacks":2,"extra":2}]} */
static void print_json(const struct fl__picture *picture)
{
    const struct fl__strip *first = &picture->strips[0];
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "compared_with", first->name);
    cJSON_AddBoolToObject(json, "leads", first->leads);
    cJSON *nodes = cJSON_AddArrayToObject(json, "nodes");
    for (unsigned i = 0; i < picture->count; i++) {
        const struct fl__strip *strip = &picture->strips[i];
        cJSON *node = cJSON_CreateObject();
        cJSON_AddStringToObject(node, "name", strip->name);
        cJSON_AddNumberToObject(node, "last", (double)strip->last);
        cJSON_AddNumberToObject(node, "commit", (double)strip->commit);
        cJSON_AddNumberToObject(node, "agrees", (double)strip->agrees);
        cJSON_AddNumberToObject(node, "lacks", (double)(first->last - strip->agrees));
        cJSON_AddNumberToObject(node, "extra", (double)(strip->last - strip->agrees));
        cJSON_AddItemToArray(nodes, node);
    }
    char *text = cJSON_Print(json);
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    cJSON_Delete(json);
}

int fl__diff(const struct fl__asker *asker, const struct fl__survey *survey, const struct fl__call *call)
{
    struct fl__picture *picture = calloc(1, sizeof *picture);
    int code = FL__EXIT_UNREACHABLE;
    if (picture == NULL)
        return FL__EXIT_REFUSED;
    gather(picture, asker, survey);
    if (picture->count > 0 && find_forks(picture, asker)) {
        choose_columns(picture, &call->settings);
        if (strcmp(fl__settings_text(&call->settings, "output"), "json") == 0) {
            print_json(picture);
            code = FL__EXIT_OK;
        } else if (fetch_terms(picture, asker)) {
            print_text(picture, survey, fl__colours(&call->settings));
            code = FL__EXIT_OK;
        }
    }
    for (unsigned i = 0; i < picture->count; i++)
        free(picture->strips[i].terms);
    free(picture);
    return code;
}
