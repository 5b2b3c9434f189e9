/* entries.c - a stretch of one node's log, as FAIRLEAD LOG tells it.
 *
 * The node answers with an array of [index, term, kind, committed, durable, text], at most a thousand at
 * once; a stretch is asked for piece by piece until it is whole or the node has no more. */
#include "cli.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

static bool read_entry(const struct redisReply *reply, struct fl__told *out)
{
    memset(out, 0, sizeof *out);
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 6)
        return false;
    for (unsigned i = 0; i < 6; i++) {
        bool text = i == 2 || i == 5;
        if (text != (reply->element[i]->type == REDIS_REPLY_STRING ||
                     reply->element[i]->type == REDIS_REPLY_STATUS) ||
            (!text && reply->element[i]->type != REDIS_REPLY_INTEGER))
            return false;
    }
    out->index = (fl_index)reply->element[0]->integer;
    out->term = (fl_term)reply->element[1]->integer;
    snprintf(out->kind, sizeof out->kind, "%s", reply->element[2]->str);
    out->committed = reply->element[3]->integer != 0;
    out->durable = reply->element[4]->integer != 0;
    out->text = strdup(reply->element[5]->str);
    return out->text != NULL;
}

/* Appends what a reply holds. */
static bool take(struct fl__entries *entries, const struct redisReply *reply, char problem[160])
{
    snprintf(problem, 160, "its answer is not a log");
    if (reply->type != REDIS_REPLY_ARRAY)
        return false;
    struct fl__told *list = realloc(entries->list, (entries->count + reply->elements + 1) * sizeof *list);
    if (list == NULL)
        return false;
    entries->list = list;
    for (size_t i = 0; i < reply->elements; i++) {
        if (!read_entry(reply->element[i], &list[entries->count]))
            return false;
        entries->count++;
    }
    problem[0] = '\0';
    return true;
}

static bool ask_once(const struct fl__asker *asker, const char *address, fl_index first, fl_index last,
                     struct fl__entries *out, char problem[160])
{
    char from[24], to[24];
    struct fl__ask ask = {.words = {"FAIRLEAD", "LOG", from, to}};
    snprintf(from, sizeof from, "%llu", (unsigned long long)first);
    snprintf(to, sizeof to, "%llu", (unsigned long long)last);
    snprintf(ask.address, sizeof ask.address, "%s", address);
    fl__ask_all(asker, &ask, 1);
    memcpy(problem, ask.problem, sizeof ask.problem);
    bool good = ask.reply != NULL && problem[0] == '\0' && take(out, ask.reply, problem);
    fl__ask_release(&ask, 1);
    return good;
}

bool fl__entries_get(const struct fl__asker *asker, const char *address, fl_index first, fl_index last,
                     struct fl__entries *out, char problem[160])
{
    memset(out, 0, sizeof *out);
    while (first <= last) {
        size_t before = out->count;
        if (!ask_once(asker, address, first, last, out, problem)) {
            fl__entries_release(out);
            return false;
        }
        if (out->count == before)
            return true;
        first = out->list[out->count - 1].index + 1;
    }
    return true;
}

void fl__entries_release(struct fl__entries *entries)
{
    for (size_t i = 0; i < entries->count; i++)
        free(entries->list[i].text);
    free(entries->list);
    memset(entries, 0, sizeof *entries);
}
