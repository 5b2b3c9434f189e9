/* up.c - `up`: local nodes, running and ready when the command returns.
 *
 * Ready means shown, not hoped: each node answers, the cluster is founded and led, and a write proposed after
 * that is applied on every node. The write is FAIRLEAD PROBE: an entry like any other on its way, which
 * changes no key. */
#include "cli.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_COUNT 3
#define REST_MAX 32
#define ASK_TIMEOUT 500000u
#define POLL_PAUSE 10000u
#define HINT_WIDTH 35 /* Of the left one of two hints in a line. */

/* What `up` works with. */
struct up {
    const struct fl__call *call;
    struct fl__cluster cluster;
    struct fl__asker asker;
    struct fl__survey survey;
    fl_time_us begun, end;
    bool was_running[FL__LOCAL_MAX];
    char refusal[160]; /* Of the test write; empty: none yet. */
};

/* -------------------------------------------------------------------------------------- what is asked for */

/* How many nodes the command line asks for; 0 if it does not say; false if it says nonsense. */
static bool read_count(const struct fl__call *call, unsigned *count)
{
    uint64_t number;
    *count = 0;
    if (call->argument_count == 0)
        return true;
    if (!fl__value_count(call->arguments[0], &number) || number < 1 || number > FL__LOCAL_MAX) {
        fl__say_error(FL__CODE_USAGE, "`fairlead up` runs no cluster of %s nodes", call->arguments[0]);
        fl__say_fact("want", "1 to %d; 3 survive the loss of one, 5 of two", FL__LOCAL_MAX);
        return false;
    }
    *count = (unsigned)number;
    return true;
}

/* The options after "--" are those of `serve`, but for those that `up` chooses itself. */
static bool check_rest(const struct fl__call *call)
{
    static const char *const own[] = {"dir",  "name", "bootstrap", "cluster-id", "listen",
                                      "peer", "web",  "advertise", "check",      "config"};
    struct fl__call serve;
    if (call->rest_count > REST_MAX) {
        fl__say_error(FL__CODE_USAGE, "more than %d words after --", REST_MAX);
        return false;
    }
    bool good =
        fl__call_read(&serve, fl__verb_find("serve"), (int)call->rest_count, call->rest) && !serve.help;
    for (size_t i = 0; good && i < sizeof own / sizeof own[0]; i++) {
        const struct fl__option *option = fl__settings_find(&serve.settings, own[i]);
        if (serve.settings.values[option - serve.settings.options].origin == FL__FROM_COMMAND_LINE) {
            fl__say_error(FL__CODE_CONTRADICTION, "`fairlead up` chooses each node's --%s itself", own[i]);
            fl__say_fact("do", "leave it out; --port BASE and --dir PATH, before --, move the whole cluster");
            good = false;
        }
    }
    good = good && fl__serve_agrees(&serve.settings);
    fl__settings_release(&serve.settings);
    return good;
}

static int refuse_other(const struct fl__cluster *cluster, const char *what, unsigned is, unsigned wanted)
{
    fl__say_error(FL__CODE_OTHER_SHAPE, "the cluster in %s has another %s", cluster->shown, what);
    fl__say_fact("now", "%s: %u", what, is);
    fl__say_fact("given", "%s: %u", what, wanted);
    fl__say_fact("do", "fairlead up keeps it as it is; fairlead up --fresh deletes its data and begins anew");
    return FL__EXIT_REFUSED;
}

/* An existing cluster stays as it was founded. */
static int check_shape(const struct up *up, unsigned count)
{
    const struct fl__cluster *cluster = &up->cluster;
    const struct fl__settings *settings = &up->call->settings;
    unsigned port = (unsigned)fl__settings_number(settings, "port");
    if (count != 0 && count != cluster->count)
        return refuse_other(cluster, "number of nodes", cluster->count, count);
    if (fl__settings_given(settings, "port") && port != cluster->port)
        return refuse_other(cluster, "first port", cluster->port, port);
    return FL__EXIT_OK;
}

static bool wipe(struct up *up)
{
    struct fl__cluster *cluster = &up->cluster;
    unsigned running = fl__process_running(cluster);
    if (running > 0) {
        fl__say_error(FL__CODE_RUNNING, "--fresh deletes data, and nodes are running on it");
        fl__say_fact("now", "%u of %u nodes of %s run", running, cluster->count, cluster->shown);
        fl__say_fact("do", "fairlead down, then fairlead up --fresh");
        return false;
    }
    unsigned count = cluster->count;
    if (!fl__cluster_wipe(cluster))
        return false;
    if (!fl__settings_flag(&up->call->settings, "quiet"))
        printf("Nothing was running; the data of %u node%s in %s is deleted.\n", count, count == 1 ? "" : "s",
               cluster->shown);
    return true;
}

/* The options of each `serve` are part of the cluster: given again, they replace those from before. */
static bool keep_rest(struct up *up)
{
    struct fl__cluster *cluster = &up->cluster;
    if (up->call->rest == NULL)
        return true;
    for (unsigned i = 0; i < cluster->serve_count; i++)
        free(cluster->serve[i]);
    free(cluster->serve);
    cluster->serve_count = 0;
    cluster->serve = calloc(up->call->rest_count + 1, sizeof *cluster->serve);
    for (unsigned i = 0; i < up->call->rest_count && cluster->serve != NULL; i++) {
        cluster->serve[i] = strdup(up->call->rest[i]);
        if (cluster->serve[i] == NULL)
            return false;
        cluster->serve_count++;
    }
    return cluster->serve != NULL;
}

/* Leaves up->cluster as it is to be started. */
static int prepare(struct up *up)
{
    struct fl__cluster *cluster = &up->cluster;
    unsigned count;
    if (!read_count(up->call, &count) || !check_rest(up->call))
        return FL__EXIT_USAGE;
    int code = fl__cluster_open(cluster, fl__settings_text(&up->call->settings, "dir"), true, true);
    if (code != FL__EXIT_OK)
        return code;
    if (cluster->exists && fl__settings_flag(&up->call->settings, "fresh") && !wipe(up))
        return FL__EXIT_REFUSED;
    if (cluster->exists && (code = check_shape(up, count)) != FL__EXIT_OK)
        return code;
    if (!keep_rest(up))
        return FL__EXIT_REFUSED;
    if (cluster->exists)
        return FL__EXIT_OK;
    unsigned port = (unsigned)fl__settings_number(&up->call->settings, "port");
    return fl__cluster_shape(cluster, count == 0 ? DEFAULT_COUNT : count, port) ? FL__EXIT_OK
                                                                                : FL__EXIT_REFUSED;
}

/* ----------------------------------------------------------------------------------------------- starting */

/* The password with which nodes are asked is the one that they were started with. */
static bool read_asker(struct fl__asker *asker, const struct fl__cluster *cluster)
{
    asker->timeout = ASK_TIMEOUT;
    return fl__cluster_password(cluster, &asker->password);
}

static int say_died(const struct fl__cluster *cluster, unsigned node)
{
    fl__say_error(FL__CODE_NODE_DIED, "%s ended while it was starting", cluster->nodes[node].name);
    fl__process_say_log(cluster, node);
    return FL__EXIT_REFUSED;
}

/* A command that failed leaves nothing behind that it started. */
static void stop_what_was_started(struct up *up)
{
    for (unsigned i = 0; i < up->cluster.count; i++) {
        if (!up->was_running[i])
            fl__process_stop(&up->cluster, i);
    }
    for (unsigned i = 0; i < up->cluster.count; i++) {
        if (!up->was_running[i])
            (void)fl__process_wait(&up->cluster, i, 5000000);
    }
}

/* The state file is written before the first process, and after each: what runs can always be found again. A
 * new cluster whose ports are taken leaves nothing behind. */
static int start_all(struct up *up)
{
    struct fl__cluster *cluster = &up->cluster;
    for (unsigned i = 0; i < cluster->count; i++) {
        if (!up->was_running[i] && !fl__ports_free(cluster, i, &up->asker))
            return FL__EXIT_REFUSED;
    }
    if (!fl__cluster_save(cluster))
        return FL__EXIT_REFUSED;
    for (unsigned i = 0; i < cluster->count; i++) {
        if (!up->was_running[i] && !fl__process_start(cluster, i)) {
            stop_what_was_started(up);
            return FL__EXIT_REFUSED;
        }
    }
    return FL__EXIT_OK;
}

/* ------------------------------------------------------------------------------------------------ waiting */

static int say_not_ready(const struct up *up, const char *what)
{
    char time[32];
    fl__value_duration_text(up->end - up->begun, time, sizeof time);
    fl__say_error(FL__CODE_NOT_READY, "%s within %s", what, time);
    fl__say_fact("now", "%s", up->survey.verdict);
    for (unsigned i = 0; i < up->survey.count; i++) {
        const struct fl__view *view = &up->survey.views[i];
        fl__say_fact("", "%s: %s%s%s", view->name, view->answers ? view->role : view->problem,
                     view->answers && !view->founded ? ", not founded" : "",
                     view->answers && !view->ready ? ", not ready" : "");
    }
    fl__say_fact("do", "they keep running; look again: fairlead status --dir %s", up->cluster.shown);
    fl__say_fact("", "stop them: fairlead down --dir %s", up->cluster.shown);
    return FL__EXIT_NO_QUORUM;
}

/* Looks at all nodes again; an fl__exit other than 0 if one has died or time is up. */
static int look(struct up *up, const char *what)
{
    for (unsigned i = 0; i < up->cluster.count; i++) {
        if (!fl__process_runs(&up->cluster, i)) {
            int code = say_died(&up->cluster, i);
            stop_what_was_started(up);
            return code;
        }
    }
    fl__survey_local(&up->survey, &up->asker, &up->cluster);
    return fl__now() < up->end ? FL__EXIT_OK : say_not_ready(up, what);
}

/* What a damaged node lacks no waiting brings: it is reported, and not waited for. */
static bool all_ready(const struct fl__survey *survey)
{
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (!view->answers || (!view->damaged && (!view->founded || !view->ready)))
            return false;
    }
    return survey->health == FL__HEALTHY || survey->health == FL__DEGRADED;
}

static bool all_applied(const struct fl__survey *survey, uint64_t index)
{
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (!view->answers || (!view->damaged && view->applied < index))
            return false;
    }
    return true;
}

/* The test write, on the leader. */
static bool write_once(struct up *up)
{
    struct fl__asker asker = up->asker;
    struct fl__ask ask = {.words = {"FAIRLEAD", "PROBE"}};
    fl_time_us now = fl__now();
    asker.timeout = now < up->end ? up->end - now : 1;
    memcpy(ask.address, up->survey.views[up->survey.leader].address, sizeof ask.address);
    fl__ask_all(&asker, &ask, 1);
    bool good = ask.reply != NULL && ask.reply->type == REDIS_REPLY_STATUS;
    memcpy(up->refusal, ask.problem, sizeof up->refusal);
    fl__ask_release(&ask, 1);
    return good;
}

/* Whether the test write was refused for want of room, or would be, which no waiting brings. */
static bool is_full(const struct up *up)
{
    const struct fl__survey *survey = &up->survey;
    bool leader_is_full = survey->leader < survey->count && survey->views[survey->leader].full[0] != '\0';
    return leader_is_full || strncmp(up->refusal, "it says: OOM", 12) == 0;
}

static int say_full(const struct up *up)
{
    fl__say_error(FL__CODE_NODE_REFUSED, "the nodes run, and refuse a test write");
    fl__say_fact("now", "%s", up->refusal[0] != '\0' ? up->refusal : up->survey.verdict);
    fl__say_fact("do", "%s doctor --dir %s says what helps", up->call->program, up->cluster.shown);
    return FL__EXIT_REFUSED;
}

static int wait_ready(struct up *up)
{
    int code = FL__EXIT_OK;
    bool written = false;
    uint64_t goal = 0;
    while (!written || !all_applied(&up->survey, goal)) {
        code = look(up, written ? "a test write was not committed on all nodes" : "the nodes were not ready");
        if (code != FL__EXIT_OK)
            return code;
        if (!written && all_ready(&up->survey) && write_once(up)) {
            fl__survey_local(&up->survey, &up->asker, &up->cluster);
            written = up->survey.leader < up->survey.count;
            goal = written ? up->survey.views[up->survey.leader].commit : 0;
            continue;
        }
        if (is_full(up))
            return say_full(up);
        fl__pause(POLL_PAUSE);
    }
    return FL__EXIT_OK;
}

/* -------------------------------------------------------------------------------------------- the picture */

static void print_nodes(const struct fl__survey *survey)
{
    unsigned width = 0;
    for (unsigned i = 0; i < survey->count; i++) {
        if (strlen(survey->views[i].address) > width)
            width = (unsigned)strlen(survey->views[i].address);
    }
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        uint64_t behind = fl__survey_behind(survey, view);
        printf("  %s  %-*s  %-9s ", view->name, (int)width, view->address,
               view->answers ? view->role : "down");
        if (!view->answers || view->damaged)
            printf("%s\n", view->answers ? view->damage : view->problem);
        else if (i == survey->leader)
            printf("term %llu\n", (unsigned long long)view->term);
        else if (behind == 0)
            printf("caught up\n");
        else
            printf("%llu behind\n", (unsigned long long)behind);
    }
}

static void print_hints(const struct up *up)
{
    const struct fl__survey *survey = &up->survey;
    const struct fl__cluster *cluster = &up->cluster;
    const struct fl__view *leader = &survey->views[survey->leader < survey->count ? survey->leader : 0];
    bool elsewhere = fl__settings_given(&up->call->settings, "dir");
    const char *program = up->call->program;
    char dir[512] = "", stop[700], try[700];
    if (elsewhere)
        snprintf(dir, sizeof dir, " --dir %.500s", cluster->shown);
    snprintf(stop, sizeof stop, "%.60s stop %s%s", program, leader->name, dir);
    if (survey->views[0].web[0] != '\0')
        printf("  web    http://%-*s data   %s\n", HINT_WIDTH - 7, survey->views[0].web, cluster->shown);
    else
        printf("  data   %s\n", cluster->shown);
    if (up->asker.password == NULL)
        snprintf(try, sizeof try, "redis-cli -p %u set hello world", cluster->port);
    else /* It knows the password by itself. */
        snprintf(try, sizeof try, "%.60s cli%s set hello world", program, dir);
    if (strlen(try) <= HINT_WIDTH)
        printf("  try    %-*s learn  %s learn\n", HINT_WIDTH, try, program);
    else
        printf("  try    %s\n  learn  %s learn\n", try, program);
    if (!elsewhere && strlen(stop) <= HINT_WIDTH)
        printf("  break  %-*s see    %s status\n", HINT_WIDTH, stop, program);
    else
        printf("  break  %s\n  see    %s status%s\n", stop, program, dir);
    if (cluster->count % 2 == 0)
        printf("  note   %u nodes survive the loss of %u, like %u: an odd number is better\n", cluster->count,
               (cluster->count - 1) / 2, cluster->count - 1);
}

static void print_ready(const struct up *up)
{
    unsigned count = up->cluster.count, tenths = (unsigned)((fl__now() - up->begun + 50000) / 100000);
    if (fl__settings_flag(&up->call->settings, "quiet"))
        return;
    print_nodes(&up->survey);
    printf("Ready in %u.%u s: a test write is committed on ", tenths / 10, tenths % 10);
    if (count == 1)
        printf("its one node.\n");
    else if (up->survey.health != FL__HEALTHY)
        printf("the others.\n%s\n", up->survey.verdict);
    else
        printf("%s %u nodes.\n", count == 2 ? "both of" : "all", count);
    print_hints(up);
}

static int report_running(struct up *up)
{
    fl__survey_local(&up->survey, &up->asker, &up->cluster);
    if (!fl__settings_flag(&up->call->settings, "quiet")) {
        printf("The cluster in %s is up; nothing was changed.\n", up->cluster.shown);
        print_nodes(&up->survey);
        printf("%s\n", up->survey.verdict);
        if (up->call->rest_count > 0)
            printf("  note   options behind -- are taken when nodes start: %s down first\n",
                   up->call->program);
    }
    return fl__health_exit(up->survey.health);
}

static int bring_up(struct up *up)
{
    int code = prepare(up);
    if (code != FL__EXIT_OK)
        return code;
    if (!read_asker(&up->asker, &up->cluster))
        return FL__EXIT_REFUSED;
    unsigned running = fl__process_running(&up->cluster);
    if (running == up->cluster.count)
        return report_running(up);
    if (running > 0 && !fl__settings_flag(&up->call->settings, "quiet"))
        printf("%u of %u nodes are up already; starting the others.\n", running, up->cluster.count);
    for (unsigned i = 0; i < up->cluster.count; i++)
        up->was_running[i] = fl__process_runs(&up->cluster, i);
    code = start_all(up);
    if (code == FL__EXIT_OK)
        code = wait_ready(up);
    if (code == FL__EXIT_OK)
        print_ready(up);
    return code != FL__EXIT_OK ? code : fl__health_exit(up->survey.health);
}

int fl__run_up(const struct fl__call *call)
{
    struct up *up = calloc(1, sizeof *up);
    if (up == NULL)
        return FL__EXIT_REFUSED;
    fl__settings_warn();
    up->call = call;
    up->begun = fl__now();
    up->end = up->begun + fl__settings_number(&call->settings, "timeout");
    up->cluster.lock = -1;
    int code = bring_up(up);
    fl__asker_release(&up->asker);
    fl__cluster_close(&up->cluster);
    free(up);
    return code;
}
