/* cluster.c - the local cluster's directory and its state file.
 *
 *     fairlead-data/
 *       cluster.json    what this file reads and writes; its presence makes the directory a local cluster
 *       n1/ n2/ n3/     one node's data directory each, with its output in the file `log`
 *
 * cluster.json, format 1, is one JSON object:
 *     format      1
 *     version     of the Fairlead that wrote it, for people
 *     cluster_id  32 hexadecimal digits
 *     port        of the first node; the others follow in steps of 10
 *     serve       further options for each `serve`, an array of strings
 *     nodes       array of {name, pid, start_time}; pid 0: not running. start_time is the kernel's, in clock
 *                 ticks since the machine started
 *
 * It is replaced by renaming, so that it is always whole. Commands that change the cluster hold a lock on the
 * directory while they work; those that only look do not. */
#include "cli.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define FORMAT 1
#define FILE_SIZE_MAX 65536
#define LOCK_WAIT 30000000u

/* ------------------------------------------------------------------------------------------ the directory */

static int refuse_directory(const char *shown, const char *what)
{
    fl__say_error(FL__CODE_SYSTEM, "the directory %s %s", shown, what);
    fl__say_fact("now", "%s", strerror(errno));
    fl__say_fact("do", "make room there, or allow this user to write; or choose another one: --dir PATH");
    return FL__EXIT_REFUSED;
}

/* Its names are on the disk then. One that may not be read was there before, and is somebody else's. */
static int sync_directory(const char *path)
{
    int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0)
        return errno == EACCES ? 0 : -1;
    int result = fsync(directory);
    close(directory);
    return result;
}

/* With its name: what nodes keep in it is lost if power takes that. */
static int make_directory(const char *path)
{
    if (mkdir(path, 0777) != 0 && errno != EEXIST)
        return -1;
    char *copy = strdup(path);
    int result = copy != NULL ? sync_directory(dirname(copy)) : -1;
    free(copy);
    return result;
}

static int make_directories(const char *path)
{
    char *copy = strdup(path);
    if (copy == NULL)
        return -1;
    int result = 0;
    for (char *slash = strchr(copy + 1, '/'); slash != NULL && result == 0; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        result = make_directory(copy);
        *slash = '/';
    }
    if (result == 0)
        result = make_directory(copy);
    free(copy);
    return result;
}

/* Waits for the lock a while: another command may be about to end. */
static int lock_directory(struct fl__cluster *cluster)
{
    cluster->lock = open(cluster->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (cluster->lock < 0)
        return refuse_directory(cluster->shown, "cannot be opened");
    fl_time_us end = fl__now() + LOCK_WAIT;
    while (flock(cluster->lock, LOCK_EX | LOCK_NB) != 0) {
        if (fl__now() >= end) {
            fl__say_error(FL__CODE_BUSY, "another fairlead command is at work in %s", cluster->shown);
            fl__say_fact("do", "wait until it has ended");
            return FL__EXIT_REFUSED;
        }
        fl__pause(50000);
    }
    return FL__EXIT_OK;
}

static bool is_empty(const char *path)
{
    DIR *directory = opendir(path);
    bool empty = true;
    if (directory == NULL)
        return true;
    for (const struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            empty = false;
    }
    closedir(directory);
    return empty;
}

/* ----------------------------------------------------------------------------------------- the state file */

static int refuse_state(const struct fl__cluster *cluster, const char *what)
{
    fl__say_error(FL__CODE_STATE_FILE, "%s/%s %s", cluster->shown, FL__STATE_FILE, what);
    fl__say_fact("do", "use another --dir, or move this directory away");
    return FL__EXIT_REFUSED;
}

static bool read_node(const cJSON *json, struct fl__local *node)
{
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "name");
    const cJSON *pid = cJSON_GetObjectItemCaseSensitive(json, "pid");
    const cJSON *start = cJSON_GetObjectItemCaseSensitive(json, "start_time");
    if (!cJSON_IsString(name) || !fl__value_name(name->valuestring) || strcmp(name->valuestring, "..") == 0 ||
        !cJSON_IsNumber(pid) || !cJSON_IsNumber(start) || pid->valueint < 0 || start->valuedouble < 0)
        return false;
    snprintf(node->name, sizeof node->name, "%s", name->valuestring);
    node->pid = pid->valueint;
    node->start_time = (uint64_t)start->valuedouble;
    return true;
}

static bool read_serve(const cJSON *json, struct fl__cluster *cluster)
{
    int count = cJSON_GetArraySize(json);
    const cJSON *item;
    if (count <= 0)
        return true;
    cluster->serve = calloc((size_t)count, sizeof *cluster->serve);
    if (cluster->serve == NULL)
        return false;
    cJSON_ArrayForEach(item, json)
    {
        char *text = cJSON_IsString(item) ? strdup(item->valuestring) : NULL;
        if (text == NULL)
            return false;
        cluster->serve[cluster->serve_count++] = text;
    }
    return true;
}

static bool read_nodes(const cJSON *json, struct fl__cluster *cluster)
{
    int count = cJSON_GetArraySize(json);
    const cJSON *item;
    if (count < 1 || count > FL__LOCAL_MAX)
        return false;
    cJSON_ArrayForEach(item, json)
    {
        if (!read_node(item, &cluster->nodes[cluster->count++]))
            return false;
    }
    return true;
}

static int read_state(struct fl__cluster *cluster, const cJSON *json)
{
    const cJSON *format = cJSON_GetObjectItemCaseSensitive(json, "format");
    const cJSON *id = cJSON_GetObjectItemCaseSensitive(json, "cluster_id");
    const cJSON *port = cJSON_GetObjectItemCaseSensitive(json, "port");
    uint8_t bytes[16];
    if (cJSON_IsNumber(format) && format->valueint != FORMAT)
        return refuse_state(
            cluster, "was written by another version of Fairlead, in a format that this one does not know");
    if (!cJSON_IsNumber(format) || !cJSON_IsString(id) || !fl__value_cluster_id(id->valuestring, bytes) ||
        !cJSON_IsNumber(port) || port->valueint < 1 ||
        port->valueint > 65535 - FL__PORT_STEP * FL__LOCAL_MAX ||
        !read_nodes(cJSON_GetObjectItemCaseSensitive(json, "nodes"), cluster) ||
        !read_serve(cJSON_GetObjectItemCaseSensitive(json, "serve"), cluster))
        return refuse_state(cluster, "is not a state file of Fairlead, or is damaged");
    snprintf(cluster->id, sizeof cluster->id, "%s", id->valuestring);
    cluster->port = (unsigned)port->valueint;
    cluster->exists = true;
    return FL__EXIT_OK;
}

static int load_state(struct fl__cluster *cluster)
{
    char *path, *text = calloc(1, FILE_SIZE_MAX);
    if (text == NULL || asprintf(&path, "%s/%s", cluster->directory, FL__STATE_FILE) < 0) {
        free(text);
        return refuse_directory(cluster->shown, "cannot be read");
    }
    FILE *file = fopen(path, "re");
    int code = FL__EXIT_OK;
    if (file != NULL) {
        size_t size = fread(text, 1, FILE_SIZE_MAX - 1, file);
        cJSON *json = cJSON_ParseWithLength(text, size + 1);
        code = read_state(cluster, json);
        cJSON_Delete(json);
        fclose(file);
    } else if (errno != ENOENT) {
        code = refuse_directory(cluster->shown, "cannot be read");
    }
    free(path);
    free(text);
    return code;
}

static cJSON *state_as_json(const struct fl__cluster *cluster)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddNumberToObject(json, "format", FORMAT);
    cJSON_AddStringToObject(json, "version", FL_VERSION);
    cJSON_AddStringToObject(json, "cluster_id", cluster->id);
    cJSON_AddNumberToObject(json, "port", cluster->port);
    cJSON *serve = cJSON_AddArrayToObject(json, "serve");
    for (unsigned i = 0; i < cluster->serve_count; i++)
        cJSON_AddItemToArray(serve, cJSON_CreateString(cluster->serve[i]));
    cJSON *nodes = cJSON_AddArrayToObject(json, "nodes");
    for (unsigned i = 0; i < cluster->count; i++) {
        cJSON *node = cJSON_CreateObject();
        cJSON_AddStringToObject(node, "name", cluster->nodes[i].name);
        cJSON_AddNumberToObject(node, "pid", cluster->nodes[i].pid);
        cJSON_AddNumberToObject(node, "start_time", (double)cluster->nodes[i].start_time);
        cJSON_AddItemToArray(nodes, node);
    }
    return json;
}

/* Writes text to a file that takes the name only when it is whole and on disk. */
static bool replace_file(const char *path, const char *text)
{
    char *temporary;
    if (asprintf(&temporary, "%s.new", path) < 0)
        return false;
    FILE *file = fopen(temporary, "we");
    bool good =
        file != NULL && fprintf(file, "%s\n", text) > 0 && fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (file != NULL)
        good = fclose(file) == 0 && good;
    good = good && rename(temporary, path) == 0;
    free(temporary);
    return good;
}

bool fl__cluster_save(const struct fl__cluster *cluster)
{
    char *path = NULL, *text = NULL;
    cJSON *json = state_as_json(cluster);
    bool good = json != NULL && (text = cJSON_Print(json)) != NULL &&
                asprintf(&path, "%s/%s", cluster->directory, FL__STATE_FILE) > 0 &&
                replace_file(path, text) && sync_directory(cluster->directory) == 0;
    if (!good)
        refuse_directory(cluster->shown, "does not take the state file");
    cJSON_Delete(json);
    free(path);
    free(text);
    return good;
}

/* ----------------------------------------------------------------------------------- opening and founding */

static int find_directory(struct fl__cluster *cluster, bool create)
{
    if (create && make_directories(cluster->shown) != 0)
        return refuse_directory(cluster->shown, "cannot be made");
    cluster->directory = realpath(cluster->shown, NULL);
    return cluster->directory != NULL || errno == ENOENT ? FL__EXIT_OK
                                                         : refuse_directory(cluster->shown, "cannot be read");
}

int fl__cluster_open(struct fl__cluster *cluster, const char *directory, bool change, bool create)
{
    memset(cluster, 0, sizeof *cluster);
    cluster->shown = directory;
    cluster->lock = -1;
    int code = find_directory(cluster, create);
    if (code == FL__EXIT_OK && change && cluster->directory != NULL)
        code = lock_directory(cluster);
    if (code == FL__EXIT_OK && cluster->directory != NULL)
        code = load_state(cluster);
    if (code == FL__EXIT_OK && create && !cluster->exists && !is_empty(cluster->directory)) {
        fl__say_error(FL__CODE_NOT_A_CLUSTER, "%s holds something else than a local cluster", directory);
        fl__say_fact("now", "it is not empty, and has no %s", FL__STATE_FILE);
        fl__say_fact("do", "choose another directory: fairlead up --dir PATH");
        code = FL__EXIT_REFUSED;
    }
    return code;
}

int fl__cluster_say_none(const char *directory)
{
    fl__say_error(FL__CODE_NO_CLUSTER, "there is no local cluster in %s", directory);
    fl__say_fact("do", "fairlead up makes one; --dir PATH finds one elsewhere");
    return FL__EXIT_REFUSED;
}

int fl__cluster_need(struct fl__cluster *cluster, const char *directory)
{
    int code = fl__cluster_open(cluster, directory, true, false);
    return code == FL__EXIT_OK && !cluster->exists ? fl__cluster_say_none(directory) : code;
}

void fl__cluster_close(struct fl__cluster *cluster)
{
    if (cluster->lock >= 0)
        close(cluster->lock);
    for (unsigned i = 0; i < cluster->serve_count; i++)
        free(cluster->serve[i]);
    free(cluster->serve);
    free(cluster->directory);
    memset(cluster, 0, sizeof *cluster);
    cluster->lock = -1;
}

bool fl__cluster_shape(struct fl__cluster *cluster, unsigned count, unsigned port)
{
    fl_assert(count >= 1 && count <= FL__LOCAL_MAX);
    if (!fl__value_new_cluster_id(cluster->id)) {
        fl__say_error(FL__CODE_SYSTEM, "the system gives no random numbers");
        return false;
    }
    memset(cluster->nodes, 0, sizeof cluster->nodes);
    cluster->count = count;
    cluster->port = port;
    for (unsigned i = 0; i < count; i++)
        snprintf(cluster->nodes[i].name, sizeof cluster->nodes[i].name, "n%u", i + 1);
    return true;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *place)
{
    (void)status;
    (void)type;
    (void)place;
    return remove(path);
}

bool fl__cluster_wipe(struct fl__cluster *cluster)
{
    bool good = true;
    for (unsigned i = 0; i < cluster->count && good; i++) {
        char *path = fl__cluster_path(cluster, i, NULL);
        good = path != NULL && (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT);
        free(path);
    }
    char *state = NULL;
    good = good && asprintf(&state, "%s/%s", cluster->directory, FL__STATE_FILE) > 0 && unlink(state) == 0;
    free(state);
    if (!good)
        refuse_directory(cluster->shown, "cannot be emptied");
    cluster->exists = !good;
    return good;
}

/* ---------------------------------------------------------------------------------------------- its nodes */

unsigned fl__cluster_port(const struct fl__cluster *cluster, unsigned node)
{
    return cluster->port + FL__PORT_STEP * node;
}

void fl__cluster_address(const struct fl__cluster *cluster, unsigned node, char out[FL_ADDRESS_MAX])
{
    snprintf(out, FL_ADDRESS_MAX, "127.0.0.1:%u", fl__cluster_port(cluster, node));
}

unsigned fl__cluster_find(const struct fl__cluster *cluster, const char *name)
{
    for (unsigned i = 0; i < cluster->count; i++) {
        if (strcmp(cluster->nodes[i].name, name) == 0)
            return i;
    }
    fl__say_error(FL__CODE_NO_SUCH_NODE, "the cluster in %s has no node %s", cluster->shown, name);
    for (unsigned i = 0; i < cluster->count; i++)
        fl__say_fact(i == 0 ? "now" : "", "%s", cluster->nodes[i].name);
    return cluster->count;
}

char *fl__cluster_path(const struct fl__cluster *cluster, unsigned node, const char *file)
{
    char *path;
    int length = asprintf(&path, "%s/%s%s%s", cluster->directory, cluster->nodes[node].name,
                          file == NULL ? "" : "/", file == NULL ? "" : file);
    return length < 0 ? NULL : path;
}

bool fl__cluster_password(const struct fl__cluster *cluster, char **out)
{
    struct fl__call serve;
    *out = NULL;
    bool good = fl__call_read(&serve, fl__verb_find("serve"), (int)cluster->serve_count, cluster->serve);
    const char *file = good && !serve.help ? fl__settings_text(&serve.settings, "password-file") : NULL;
    if (file != NULL) {
        *out = fl__read_password(file);
        good = *out != NULL;
    }
    fl__settings_release(&serve.settings);
    return good;
}
