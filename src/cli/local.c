/* local.c - `down`, `stop`, `start`: nodes of the local cluster, all or one.
 *
 * Each returns when what it says is so: the process has ended, or the node has caught up. `stop` then waits a
 * little for the others to agree on a leader again, because the first thing its user wants to know is what
 * that did. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define ASK_TIMEOUT 500000u
#define POLL_PAUSE 20000u
#define ELECTION_WAIT 10000000u

static int say_not_stopped(const struct fl__cluster *cluster, unsigned node, fl_time_us timeout)
{
    char time[32];
    fl__value_duration_text(timeout, time, sizeof time);
    fl__say_error(FL__CODE_NOT_STOPPED, "%s has not ended within %s", cluster->nodes[node].name, time);
    fl__say_fact("now", "its process is %d; it was asked to stop and is still there",
                 (int)cluster->nodes[node].pid);
    fl__say_fact("do", "wait, or kill -9 %d: what it acknowledged is safe on its disk",
                 (int)cluster->nodes[node].pid);
    return FL__EXIT_REFUSED;
}

/* Notes that a node does not run. */
static void forget(struct fl__cluster *cluster, unsigned node)
{
    cluster->nodes[node].pid = 0;
    cluster->nodes[node].start_time = 0;
}

/* --------------------------------------------------------------------------------------------------- down */

static int stop_all(struct fl__cluster *cluster, fl_time_us timeout, char *stopped, size_t size)
{
    fl_time_us end = fl__now() + timeout;
    bool ran[FL__LOCAL_MAX];
    size_t used = 0;
    stopped[0] = '\0';
    for (unsigned i = 0; i < cluster->count; i++) {
        ran[i] = fl__process_runs(cluster, i);
        fl__process_stop(cluster, i);
    }
    for (unsigned i = 0; i < cluster->count; i++) {
        fl_time_us now = fl__now();
        if (!fl__process_wait(cluster, i, now < end ? end - now : 0))
            return say_not_stopped(cluster, i, timeout);
        if (ran[i])
            used += (size_t)snprintf(stopped + used, size - used, "%s%s", used == 0 ? "" : ", ",
                                     cluster->nodes[i].name);
        forget(cluster, i);
    }
    return FL__EXIT_OK;
}

static void say_stopped(const struct fl__call *call, const struct fl__cluster *cluster, const char *stopped)
{
    bool elsewhere = fl__settings_given(&call->settings, "dir");
    printf("Stopped %s. The data is kept in %s; %s up%s%s starts them again.\n", stopped, cluster->shown,
           call->program, elsewhere ? " --dir " : "", elsewhere ? cluster->shown : "");
}

int fl__run_down(const struct fl__call *call)
{
    struct fl__cluster cluster;
    char stopped[FL__LOCAL_MAX * (FL_NAME_MAX + 2)];
    int code = fl__cluster_need(&cluster, fl__settings_text(&call->settings, "dir"));
    if (code == FL__EXIT_OK) {
        code = stop_all(&cluster, fl__settings_number(&call->settings, "timeout"), stopped, sizeof stopped);
        bool saved = fl__cluster_save(&cluster);
        code = code == FL__EXIT_OK && !saved ? FL__EXIT_REFUSED : code;
        if (code == FL__EXIT_OK && !fl__settings_flag(&call->settings, "quiet")) {
            if (stopped[0] == '\0')
                printf("No node of %s was running.\n", cluster.shown);
            else
                say_stopped(call, &cluster, stopped);
        }
    }
    fl__cluster_close(&cluster);
    return code;
}

/* ----------------------------------------------------------------------------------------- stop and start */

struct one {
    const struct fl__call *call;
    struct fl__cluster cluster;
    struct fl__survey survey;
    struct fl__asker asker;
    unsigned node;
    fl_time_us timeout;
    bool quiet;
};

static int open_one(struct one *one)
{
    const struct fl__settings *settings = &one->call->settings;
    one->timeout = fl__settings_number(settings, "timeout");
    one->quiet = fl__settings_flag(settings, "quiet");
    one->asker.timeout = ASK_TIMEOUT;
    int code = fl__cluster_need(&one->cluster, fl__settings_text(settings, "dir"));
    if (code != FL__EXIT_OK)
        return code;
    one->node = fl__cluster_find(&one->cluster, one->call->arguments[0]);
    if (one->node == one->cluster.count)
        return FL__EXIT_USAGE;
    return fl__cluster_password(&one->cluster, &one->asker.password) ? FL__EXIT_OK : FL__EXIT_REFUSED;
}

static int run_one(const struct fl__call *call, int (*act)(struct one *one))
{
    struct one *one = calloc(1, sizeof *one);
    if (one == NULL)
        return FL__EXIT_REFUSED;
    one->call = call;
    int code = open_one(one);
    if (code == FL__EXIT_OK)
        code = act(one);
    fl__asker_release(&one->asker);
    fl__cluster_close(&one->cluster);
    free(one);
    return code;
}

/* Whether enough nodes run for one to lead. */
static bool has_quorum(const struct one *one)
{
    return fl__process_running(&one->cluster) > one->cluster.count / 2;
}

/* Whether there is a leader, and all who answer serve. */
static bool is_settled(const struct fl__survey *survey)
{
    for (unsigned i = 0; i < survey->count; i++) {
        if (survey->views[i].answers && !survey->views[i].ready && !survey->views[i].damaged)
            return false;
    }
    return survey->health != FL__UNAVAILABLE;
}

/* Waits until the nodes that run have a leader and serve, if they can. */
static void wait_for_leader(struct one *one)
{
    fl_time_us end = fl__now() + ELECTION_WAIT;
    fl__survey_local(&one->survey, &one->asker, &one->cluster);
    while (has_quorum(one) && !is_settled(&one->survey) && fl__now() < end) {
        fl__pause(POLL_PAUSE);
        fl__survey_local(&one->survey, &one->asker, &one->cluster);
    }
}

static void print_verdict(const struct one *one)
{
    const struct fl__survey *survey = &one->survey;
    if (survey->leader < survey->count)
        printf("  %s leads in term %llu\n", survey->views[survey->leader].name,
               (unsigned long long)survey->views[survey->leader].term);
    printf("  %s\n", survey->verdict);
}

static int stop_one(struct one *one)
{
    const char *name = one->cluster.nodes[one->node].name;
    if (!fl__process_runs(&one->cluster, one->node)) {
        if (!one->quiet)
            printf("%s was not running.\n", name);
        return FL__EXIT_OK;
    }
    fl__process_stop(&one->cluster, one->node);
    if (!fl__process_wait(&one->cluster, one->node, one->timeout))
        return say_not_stopped(&one->cluster, one->node, one->timeout);
    forget(&one->cluster, one->node);
    if (!fl__cluster_save(&one->cluster))
        return FL__EXIT_REFUSED;
    if (one->quiet)
        return FL__EXIT_OK;
    printf("%s is stopped.\n", name);
    wait_for_leader(one);
    print_verdict(one);
    if (!has_quorum(one))
        printf("  commands wait, and are refused after 4 s, until more nodes run\n");
    bool elsewhere = fl__settings_given(&one->call->settings, "dir");
    printf("  undo   %s start %s%s%s\n", one->call->program, name, elsewhere ? " --dir " : "",
           elsewhere ? one->cluster.shown : "");
    return FL__EXIT_OK;
}

static int say_start_failed(struct one *one, const struct fl__view *view)
{
    char time[32];
    fl__value_duration_text(one->timeout, time, sizeof time);
    fl__say_error(FL__CODE_NOT_READY, "%s runs, but has not caught up within %s", view->name, time);
    fl__say_fact("now", "%s", view->answers ? one->survey.verdict : view->problem);
    fl__say_fact("do", "it goes on; look again: fairlead status --dir %s", one->cluster.shown);
    return FL__EXIT_NO_QUORUM;
}

/* Until the node has caught up; or only answers, if there cannot be a leader to catch up with. */
static int wait_for_node(struct one *one)
{
    fl_time_us end = fl__now() + one->timeout;
    const struct fl__view *view = &one->survey.views[one->node];
    for (;;) {
        if (!fl__process_runs(&one->cluster, one->node)) {
            fl__say_error(FL__CODE_NODE_DIED, "%s ended while it was starting",
                          one->cluster.nodes[one->node].name);
            fl__process_say_log(&one->cluster, one->node);
            return FL__EXIT_REFUSED;
        }
        fl__survey_local(&one->survey, &one->asker, &one->cluster);
        if (view->answers && (view->ready || view->damaged || !has_quorum(one)))
            return FL__EXIT_OK;
        if (fl__now() >= end)
            return say_start_failed(one, view);
        fl__pause(POLL_PAUSE);
    }
}

static int start_one(struct one *one)
{
    const char *name = one->cluster.nodes[one->node].name;
    if (fl__process_runs(&one->cluster, one->node)) {
        if (!one->quiet)
            printf("%s is running already.\n", name);
        return FL__EXIT_OK;
    }
    if (!fl__ports_free(&one->cluster, one->node, &one->asker) ||
        !fl__process_start(&one->cluster, one->node))
        return FL__EXIT_REFUSED;
    int code = wait_for_node(one);
    if (code != FL__EXIT_OK || one->quiet)
        return code;
    const struct fl__view *view = &one->survey.views[one->node];
    printf("%s runs at %s%s.\n", name, view->address, view->ready ? ", caught up" : "");
    print_verdict(one);
    return FL__EXIT_OK;
}

int fl__run_stop(const struct fl__call *call)
{
    return run_one(call, stop_one);
}

int fl__run_start(const struct fl__call *call)
{
    return run_one(call, start_one);
}
