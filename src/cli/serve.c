/* serve.c - `serve`: one node in this process, until SIGTERM or SIGINT.
 *
 * Settings become options of fairlead/server.h; the libuv engine runs the rest. Signals are taken by a thread
 * that does nothing else: it asks the engine to stop, and on a second signal ends the process at once. So no
 * handler interrupts anything, and nothing is global. */
#include "cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Everything that lives as long as the node. */
struct serving {
    const struct fl__settings *settings;
    struct fl_server_options options;
    struct fl_node_member members[FL_MEMBERS_MAX];
    uint8_t cluster_id[16];
    char name[FL_NAME_MAX];
    char advertise[FL_ADDRESS_MAX];
    char *password;
    struct fl__serve_log log;
    struct fl_io *io;
    struct fl_server *server;
    struct fl_web *web;
    struct fl__notify notify;
    sigset_t signals;
    pthread_t waiter;
    bool ending; /* Set before the waiter is woken for the last time. */
};

/* -------------------------------------------------------------------------------------------- what agrees */

static bool contradict(const char *what, const char *first, const char *second, const char *advice)
{
    fl__say_error(FL__CODE_CONTRADICTION, "%s", what);
    if (first[0] != '\0')
        fl__say_fact("now", "%s", first);
    if (second[0] != '\0')
        fl__say_fact("", "%s", second);
    fl__say_fact("do", "%s", advice);
    return false;
}

/* "--listen 127.0.0.1:7600 (default)" */
static void describe(const struct fl__settings *settings, const char *name, char *out, size_t size)
{
    char origin[320];
    const char *text = fl__settings_text(settings, name);
    fl__settings_origin(settings, name, origin, sizeof origin);
    snprintf(out, size, "--%s %s (%s)", name, text == NULL ? "is not set" : text,
             text == NULL ? "no default" : origin);
}

static bool contradict_pair(const struct fl__settings *settings, const char *what, const char *first,
                            const char *second, const char *advice)
{
    char one[700], two[700];
    describe(settings, first, one, sizeof one);
    describe(settings, second, two, sizeof two);
    return contradict(what, one, two, advice);
}

static bool founding_agrees(const struct fl__settings *settings)
{
    const char *bootstrap = fl__settings_text(settings, "bootstrap");
    const char *name = fl__settings_text(settings, "name");
    bool has_id = fl__settings_text(settings, "cluster-id") != NULL;
    char id[33] = "", advice[128], why[128];
    struct fl_node_member members[FL_MEMBERS_MAX];
    if (bootstrap == NULL)
        return !has_id || contradict_pair(settings, "--cluster-id is only for founding", "cluster-id",
                                          "bootstrap", "add --bootstrap, or leave --cluster-id out");
    if (!has_id) {
        if (!fl__value_new_cluster_id(id))
            id[0] = '\0';
        snprintf(advice, sizeof advice, "give all members the same one, for example --cluster-id %s", id);
        return contradict("--bootstrap needs --cluster-id", "", "", advice);
    }
    unsigned count = fl__value_members(bootstrap, members, why, sizeof why);
    for (unsigned i = 0; name != NULL && i < count; i++) {
        if (strcmp(members[i].name, name) == 0)
            return true;
    }
    return name == NULL || contradict_pair(settings, "this node is not among the members that it founds",
                                           "name", "bootstrap", "use one of the names in --bootstrap");
}

fl_time_us fl__serve_heartbeat(const struct fl__settings *settings)
{
    fl_time_us election = fl__settings_number(settings, "election-timeout");
    return fl__settings_text(settings, "heartbeat") != NULL ? fl__settings_number(settings, "heartbeat")
                                                            : election / 10;
}

static bool addresses_differ(const struct fl__settings *settings, const char *first, const char *second)
{
    return strcmp(fl__settings_text(settings, first), fl__settings_text(settings, second)) != 0 ||
           contradict_pair(settings, "two ports are the same", first, second, "give each its own port");
}

/* What is open to others is so because somebody meant it. A name is not loopback, whatever it means today. */
static bool openness_is_meant(const struct fl__settings *settings)
{
    if (!fl_address_is_loopback(fl__settings_text(settings, "listen")) &&
        fl__settings_text(settings, "password-file") == NULL)
        return contradict_pair(
            settings, "the Redis port is not on loopback, and everybody could read and write everything",
            "listen", "password-file", "--password-file FILE, or --listen 127.0.0.1:PORT");
    if (!fl_address_is_loopback(fl__settings_text(settings, "peer")) &&
        !fl__settings_flag(settings, "insecure"))
        return contradict_pair(
            settings,
            "the peer port is not on loopback, and nothing is encrypted: whoever reaches it "
            "can read and change everything",
            "peer", "insecure",
            "--peer 127.0.0.1:PORT, or --insecure on a network that nobody else can reach");
    if (strcmp(fl__settings_text(settings, "web-admin"), "loopback") == 0 &&
        strcmp(fl__settings_text(settings, "web"), "off") != 0 &&
        !fl_address_is_loopback(fl__settings_text(settings, "web")))
        return contradict_pair(settings,
                               "the web port is not on loopback, and everybody who reaches it could write",
                               "web", "web-admin", "leave one of the two out, or say --web-admin anywhere");
    return true;
}

bool fl__serve_agrees(const struct fl__settings *settings)
{
    if (!founding_agrees(settings) || !addresses_differ(settings, "listen", "peer") ||
        !addresses_differ(settings, "listen", "web") || !addresses_differ(settings, "peer", "web") ||
        !openness_is_meant(settings))
        return false;
    if (fl__serve_heartbeat(settings) * 2 > fl__settings_number(settings, "election-timeout"))
        return contradict_pair(settings, "heartbeats are too rare", "heartbeat", "election-timeout",
                               "let --heartbeat be at most half of --election-timeout; a tenth is usual");
    if (fl__settings_number(settings, "segment-size") > fl__settings_number(settings, "log-max"))
        return contradict_pair(settings, "one file of the log would be larger than the log may be",
                               "segment-size", "log-max", "make --segment-size smaller");
    return true;
}

/* ----------------------------------------------------------------------------------------------- settings */

uint64_t fl__serve_memory(void)
{
    char text[64] = "";
    uint64_t group, memory = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
    FILE *file = fopen("/sys/fs/cgroup/memory.max", "re");
    if (file == NULL)
        return memory;
    if (fgets(text, sizeof text, file) == NULL)
        text[0] = '\0';
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return fl__value_count(text, &group) && group < memory ? group : memory;
}

uint64_t fl__serve_memory_max(const struct fl__settings *settings)
{
    uint64_t percent;
    if (!fl__value_percent(fl__settings_text(settings, "maxmemory"), &percent))
        return fl__settings_number(settings, "maxmemory");
    return fl__serve_memory() / 100 * percent;
}

/* The name given, or the machine's. */
static bool find_name(struct serving *serving)
{
    const char *given = fl__settings_text(serving->settings, "name");
    if (given != NULL)
        snprintf(serving->name, sizeof serving->name, "%s", given);
    else if (gethostname(serving->name, sizeof serving->name) != 0 || !fl__value_name(serving->name)) {
        fl__say_error(FL__CODE_SETTING, "the node needs a name, and the machine's cannot be used");
        fl__say_fact("do", "--name NAME: letters, digits, '-', '_', '.'");
        return false;
    }
    return true;
}

static void set_founding(struct serving *serving)
{
    const char *bootstrap = fl__settings_text(serving->settings, "bootstrap");
    const char *id = fl__settings_text(serving->settings, "cluster-id");
    struct fl_node_options *node = &serving->options.node;
    char why[128];
    if (bootstrap == NULL || id == NULL || !fl__value_cluster_id(id, serving->cluster_id))
        return;
    node->member_count = fl__value_members(bootstrap, serving->members, why, sizeof why);
    node->members = serving->members;
    node->cluster_id = serving->cluster_id;
    /* All name the same list, so its first is one that all agree on. */
    node->campaign_first = strcmp(serving->members[0].name, serving->name) == 0;
}

/* How the others reach this node: as --advertise says, or as the founding list has it. */
static void set_advertise(struct serving *serving)
{
    const struct fl__settings *settings = serving->settings;
    const char *host = fl__settings_text(settings, "advertise");
    struct fl_node_options *node = &serving->options.node;
    char listen_host[FL_ADDRESS_MAX];
    unsigned port = 0;
    serving->options.advertise_host = host;
    if (host != NULL && fl__value_address(node->listen, listen_host, &port)) {
        bool bare = strchr(host, ':') != NULL && host[0] != '[';
        snprintf(serving->advertise, sizeof serving->advertise, "%s%s%s:%u", bare ? "[" : "", host,
                 bare ? "]" : "", port);
        node->advertise = serving->advertise;
    }
    for (unsigned i = 0; host == NULL && i < node->member_count; i++) {
        if (strcmp(node->members[i].name, serving->name) == 0)
            node->advertise = node->members[i].address;
    }
}

static void set_node(struct serving *serving)
{
    const struct fl__settings *settings = serving->settings;
    struct fl_node_options *node = &serving->options.node;
    node->directory = fl__settings_text(settings, "dir");
    node->name = serving->name;
    node->listen = fl__settings_text(settings, "peer");
    node->insecure = fl__settings_flag(settings, "insecure");
    node->election_timeout_us = fl__settings_number(settings, "election-timeout");
    node->heartbeat_us = fl__serve_heartbeat(settings);
    node->log_size_max = fl__settings_number(settings, "log-max");
    node->segment_size = fl__settings_number(settings, "segment-size");
    node->log = fl__serve_log_line;
    node->log_context = &serving->log;
    set_founding(serving);
    set_advertise(serving);
}

static bool set_options(struct serving *serving)
{
    const struct fl__settings *settings = serving->settings;
    struct fl_server_options *options = &serving->options;
    const char *web = fl__settings_text(settings, "web"),
               *file = fl__settings_text(settings, "password-file");
    fl_server_options_init(options);
    options->listen = fl__settings_text(settings, "listen");
    options->web = strcmp(web, "off") == 0 ? NULL : web;
    options->reads =
        strcmp(fl__settings_text(settings, "reads"), "stale") == 0 ? FL_READS_STALE : FL_READS_LINEAR;
    options->follower = strcmp(fl__settings_text(settings, "follower"), "moved") == 0 ? FL_FOLLOWER_MOVED
                                                                                      : FL_FOLLOWER_FORWARD;
    options->sentinel_name = fl__settings_text(settings, "sentinel-name");
    options->memory_max = fl__serve_memory_max(settings);
    options->notify_keyspace_events = fl__settings_text(settings, "notify-keyspace-events");
    options->process_id = (uint64_t)getpid();
    options->version = FL_VERSION;
    options->config_file = settings->file;
    options->settings = settings->redis;
    options->setting_count = settings->redis_count;
    if (file != NULL && (serving->password = fl__read_password(file)) == NULL)
        return false;
    options->password = serving->password;
    set_node(serving);
    return true;
}

static void set_log(struct serving *serving)
{
    const char *form = fl__settings_text(serving->settings, "log");
    serving->log.out = stderr;
    serving->log.node = serving->name;
    serving->log.json = form == NULL ? !isatty(STDERR_FILENO) : strcmp(form, "json") == 0;
    serving->log.level = fl__serve_log_level(fl__settings_text(serving->settings, "log-level"));
}

/* A directory that `up` made holds nodes' directories, and is none. */
static bool directory_is_ours(const struct fl__settings *settings)
{
    const char *dir = fl__settings_text(settings, "dir");
    char *path;
    if (asprintf(&path, "%s/%s", dir, FL__STATE_FILE) < 0)
        return false;
    bool local = access(path, F_OK) == 0;
    free(path);
    if (local) {
        fl__say_error(FL__CODE_NOT_A_CLUSTER, "%s holds a local cluster, not one node's data", dir);
        fl__say_fact("do", "fairlead up starts that cluster; for another node choose --dir PATH");
    }
    return !local;
}

/* A new directory needs a cluster to found. */
static bool directory_is_known(const struct fl__settings *settings)
{
    const char *dir = fl__settings_text(settings, "dir");
    char *path;
    if (fl__settings_text(settings, "bootstrap") != NULL || asprintf(&path, "%s/identity", dir) < 0)
        return true;
    bool known = access(path, F_OK) == 0;
    free(path);
    if (!known) {
        fl__say_error(FL__CODE_SERVE, "%s holds no node's data, and nothing says which cluster to found",
                      dir);
        fl__say_fact(
            "do", "fairlead up runs a cluster on this machine; to found one of several machines give each of "
                  "them the same --bootstrap NAME=HOST:PORT,... and --cluster-id");
    }
    return known;
}

/* ------------------------------------------------------------------------------------------------ running */

/* The waiter: the first signal stops the node, the second one the process. */
static void *wait_for_signals(void *context)
{
    struct serving *serving = context;
    for (unsigned asked = 0;; asked++) {
        int number;
        if (sigwait(&serving->signals, &number) != 0 || __atomic_load_n(&serving->ending, __ATOMIC_ACQUIRE))
            return NULL;
        if (asked > 0)
            _exit(FL__EXIT_REFUSED);
        fl_io_uv_stop(serving->io);
    }
}

/* Signals go to the waiter alone: every thread made from here on has them blocked. */
static bool start_waiter(struct serving *serving)
{
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&serving->signals);
    sigaddset(&serving->signals, SIGTERM);
    sigaddset(&serving->signals, SIGINT);
    return pthread_sigmask(SIG_BLOCK, &serving->signals, NULL) == 0 &&
           pthread_create(&serving->waiter, NULL, wait_for_signals, serving) == 0;
}

static void stop_waiter(struct serving *serving)
{
    __atomic_store_n(&serving->ending, true, __ATOMIC_RELEASE);
    pthread_kill(serving->waiter, SIGTERM);
    pthread_join(serving->waiter, NULL);
}

static void on_closed(void *context)
{
    struct serving *serving = context;
    serving->server = NULL;
    fl_io_uv_stop(serving->io);
}

static void say_start(const struct serving *serving)
{
    const struct fl_server_options *options = &serving->options;
    char line[1024];
    snprintf(line, sizeof line, "%s runs: Redis %s, peers %s%s%s, data %s", serving->name, options->listen,
             options->node.listen, options->web == NULL ? "" : ", web http://",
             options->web == NULL ? "" : options->web, options->node.directory);
    fl__serve_log_line((void *)(uintptr_t)&serving->log, FL_LOG_INFO, line);
}

/* Where the setting of Redis stands that the server refused, if that is what the text speaks of. */
static void say_line(const struct fl__settings *settings, const char *text)
{
    size_t size = strcspn(text, " ");
    for (unsigned i = 0; i < settings->redis_count && strncmp(text, "redis.", 6) == 0; i++) {
        const char *name = settings->redis[i].name;
        if (strlen(name) + 6 == size && strncmp(text + 6, name, size - 6) == 0)
            fl__say_fact("given", "%s, line %u", settings->file, settings->redis_lines[i]);
    }
}

/* The report's first line is what happened; the others are facts. */
static int say_open_failed(const struct fl__settings *settings, const struct fl_error_report *report)
{
    const char *text = report->text[0] == '\0' ? fl_error_text(report->error) : report->text;
    size_t first = strcspn(text, "\n");
    fl__say_error(FL__CODE_SERVE, "%.*s", (int)first, text);
    say_line(settings, text);
    if (text[first] != '\0')
        fprintf(stderr, "%s\n", text + first + 1);
    return FL__EXIT_REFUSED;
}

static void stop(struct serving *serving)
{
    fl_web_stop(serving->web);
    fl_server_close(serving->server, on_closed, serving);
    while (serving->server != NULL || serving->notify.is_looking)
        fl_io_uv_run(serving->io);
    fl__serve_log_line(&serving->log, FL_LOG_INFO, "stopped");
}

static enum fl_web_admin web_admin(const struct fl__settings *settings)
{
    const char *text = fl__settings_text(settings, "web-admin");
    return strcmp(text, "loopback") == 0   ? FL_WEB_ADMIN_LOOPBACK
           : strcmp(text, "anywhere") == 0 ? FL_WEB_ADMIN_ANYWHERE
                                           : FL_WEB_ADMIN_OFF;
}

static int run(struct serving *serving)
{
    const struct fl_web_options web = {
        .address = serving->options.web, .version = FL_VERSION, .admin = web_admin(serving->settings)};
    struct fl_error_report report = {.error = FL_OK};
    int code = FL__EXIT_OK;
    report.error = fl_server_open(&serving->server, serving->io, &serving->options, &report);
    if (report.error != FL_OK)
        return say_open_failed(serving->settings, &report);
    if (serving->options.web != NULL &&
        (report.error = fl_web_start(&serving->web, serving->server, &web, &report)) != FL_OK) {
        code = say_open_failed(serving->settings, &report);
    } else {
        say_start(serving);
        fl__notify_start(&serving->notify, serving->io, serving->server);
        fl_io_uv_run(serving->io);
        fl__notify_stop(&serving->notify);
        fl__serve_log_line(&serving->log, FL_LOG_INFO, "stopping");
    }
    stop(serving);
    return code;
}

static int serve(struct serving *serving)
{
    int error = fl_io_uv_create(&serving->io);
    if (error != FL_OK) {
        fl__say_error(FL__CODE_SYSTEM, "the I/O engine cannot start: %s", fl_error_text(error));
        if (error == FL_EMFILE)
            fl__say_fact("do", "raise ulimit -n (LimitNOFILE=)");
        return FL__EXIT_REFUSED;
    }
    if (!start_waiter(serving)) {
        fl__say_error(FL__CODE_SYSTEM, "signals cannot be waited for: %s", strerror(errno));
        fl_io_uv_destroy(serving->io);
        return FL__EXIT_REFUSED;
    }
    int code = run(serving);
    stop_waiter(serving);
    fl_io_uv_destroy(serving->io);
    return code;
}

/* Says what a start would, as far as settings go, and opens nothing. */
static int check(struct serving *serving)
{
    struct fl_error_report report;
    fl__setting_table(serving->settings, false);
    if (!fl__serve_agrees(serving->settings))
        return FL__EXIT_USAGE;
    if (!set_options(serving))
        return FL__EXIT_REFUSED;
    report.error = fl_server_check_options(&serving->options, &report);
    return report.error == FL_OK ? FL__EXIT_OK : say_open_failed(serving->settings, &report);
}

int fl__run_serve(const struct fl__call *call)
{
    struct serving *serving = calloc(1, sizeof *serving);
    int code = FL__EXIT_USAGE;
    if (serving == NULL)
        return FL__EXIT_REFUSED;
    serving->settings = &call->settings;
    fl__settings_warn();
    if (!find_name(serving))
        code = FL__EXIT_USAGE;
    else if (fl__settings_flag(&call->settings, "check"))
        code = check(serving);
    else if (fl__serve_agrees(&call->settings)) {
        code = FL__EXIT_REFUSED;
        if (directory_is_ours(&call->settings) && set_options(serving) &&
            directory_is_known(&call->settings)) {
            set_log(serving);
            code = serve(serving);
        }
    }
    free(serving->password);
    free(serving);
    return code;
}
