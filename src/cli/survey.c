/* survey.c - asks every member how it is, and judges the whole.
 *
 * The answers to FAIRLEAD STATUS name the other members and the addresses at which clients reach them, so one
 * node that answers is enough to find all. A member counts as up if it answers us: what others say of it is
 * shown, never counted.
 *
 * The verdict:
 *   healthy      all voters are up and one of them leads
 *   degraded     a majority of the voters is up and one of them leads, but not all are up, or the one that
 *                leads has no room for what is written
 *   unavailable  nodes answer, but there is no majority of them, or none leads
 *   unknown      nobody answers */
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------- reading an answer */

static void read_text(const cJSON *object, const char *key, char *out, size_t size)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    snprintf(out, size, "%s", cJSON_IsString(item) ? item->valuestring : "");
}

static uint64_t read_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) && item->valuedouble > 0 ? (uint64_t)item->valuedouble : 0;
}

static bool read_bool(const cJSON *object, const char *key)
{
    return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

/* The view of that name; a new one if there is none; NULL if there is no room. */
static struct fl__view *view_named(struct fl__survey *survey, const char *name)
{
    for (unsigned i = 0; i < survey->count; i++) {
        if (strcmp(survey->views[i].name, name) == 0)
            return &survey->views[i];
    }
    if (survey->count == FL_MEMBERS_MAX)
        return NULL;
    struct fl__view *view = &survey->views[survey->count++];
    memset(view, 0, sizeof *view);
    snprintf(view->name, sizeof view->name, "%s", name);
    return view;
}

static void read_own(const cJSON *json, struct fl__view *view)
{
    read_text(json, "id", view->id, sizeof view->id);
    read_text(json, "role", view->role, sizeof view->role);
    read_text(json, "version", view->version, sizeof view->version);
    read_text(json, "peer", view->peer, sizeof view->peer);
    read_text(json, "web", view->web, sizeof view->web);
    read_text(json, "leader", view->leader, sizeof view->leader);
    read_text(json, "damage", view->damage, sizeof view->damage);
    read_text(json, "full", view->full, sizeof view->full);
    view->answers = true;
    view->ready = read_bool(json, "ready");
    view->founded = read_bool(json, "founded");
    view->damaged = read_bool(json, "damaged");
    view->term = read_number(json, "term");
    view->last = read_number(json, "last");
    view->durable = read_number(json, "durable");
    view->commit = read_number(json, "commit");
    view->applied = read_number(json, "applied");
    view->pid = read_number(json, "pid");
}

static void read_vitals(const cJSON *json, struct fl__vitals *vitals)
{
    *vitals = (struct fl__vitals){
        .known = cJSON_HasObjectItem(json, "wall_us"),
        .wall_us = read_number(json, "wall_us"),
        .syncs = read_number(json, "syncs"),
        .sync_p50_us = read_number(json, "sync_p50_us"),
        .sync_p99_us = read_number(json, "sync_p99_us"),
        .log_used = read_number(json, "log_used"),
        .log_max = read_number(json, "log_max"),
        .memory = read_number(json, "memory"),
        .memory_max = read_number(json, "memory_max"),
        .clients = read_number(json, "clients"),
        .clients_max = read_number(json, "clients_max"),
        .clients_refused = read_number(json, "clients_refused"),
        .election_timeout_us = read_number(json, "election_timeout_us"),
        .heartbeat_us = read_number(json, "heartbeat_us"),
    };
}

/* FNV-1a, with a zero between texts. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
    do
        hash = (hash ^ (unsigned char)*text) * 1099511628211u;
    while (*text++ != '\0');
    return hash;
}

/* What `own` says of a member that is at place k of the survey. */
static void read_connection(const cJSON *member, struct fl__vitals *own, unsigned k)
{
    char name[FL_NAME_MAX], id[24];
    read_text(member, "name", name, sizeof name);
    read_text(member, "id", id, sizeof id);
    own->members = hash_text(hash_text(own->members, name), id) + read_bool(member, "voter");
    own->round_trip_us[k] = read_number(member, "round_trip_us");
    if (read_bool(member, "up"))
        own->reaches |= (uint32_t)1 << k;
}

/* The members that a node names: their addresses, and if it leads, whether it has a connection to them. */
static void read_members(const cJSON *json, struct fl__survey *survey, struct fl__view *own, bool leads)
{
    const cJSON *member;
    cJSON_ArrayForEach(member, cJSON_GetObjectItemCaseSensitive(json, "members"))
    {
        char name[FL_NAME_MAX], client[FL_ADDRESS_MAX];
        read_text(member, "name", name, sizeof name);
        read_text(member, "client", client, sizeof client);
        struct fl__view *view = name[0] == '\0' ? NULL : view_named(survey, name);
        if (view == NULL)
            continue;
        if (view->address[0] == '\0')
            memcpy(view->address, client, sizeof client);
        view->voter = read_bool(member, "voter");
        read_connection(member, &own->vitals, (unsigned)(view - survey->views));
        if (!leads)
            continue;
        view->connected = read_bool(member, "up");
        view->has_match = cJSON_IsNumber(cJSON_GetObjectItemCaseSensitive(member, "match"));
        view->match = read_number(member, "match");
    }
}

bool fl__survey_read(const char *text, struct fl__survey *survey, const char *asked)
{
    char name[FL_NAME_MAX], cluster[33], listen[FL_ADDRESS_MAX];
    cJSON *json = cJSON_Parse(text);
    read_text(json, "name", name, sizeof name);
    read_text(json, "cluster_id", cluster, sizeof cluster);
    read_text(json, "listen", listen, sizeof listen);
    bool same = survey->cluster_id[0] == '\0' || strcmp(survey->cluster_id, cluster) == 0;
    struct fl__view *view = name[0] != '\0' && same ? view_named(survey, name) : NULL;
    if (view != NULL) {
        memcpy(survey->cluster_id, cluster, sizeof cluster);
        read_own(json, view);
        read_vitals(json, &view->vitals);
        snprintf(view->address, sizeof view->address, "%s", asked != NULL ? asked : listen);
        read_members(json, survey, view, strcmp(view->role, "leader") == 0);
    }
    cJSON_Delete(json);
    return view != NULL;
}

/* ------------------------------------------------------------------------------------------------- asking */

/* A member that did not answer, if it is known by its address or by name; otherwise nobody's. */
static void take_silence(struct fl__survey *survey, const struct fl__ask *ask)
{
    for (unsigned i = 0; i < survey->count; i++) {
        struct fl__view *view = &survey->views[i];
        if (!view->answers && strcmp(view->address, ask->address) == 0)
            memcpy(view->problem, ask->problem, sizeof view->problem);
    }
}

static void note_hearing(struct fl__survey *survey, const struct fl__ask *ask)
{
    for (unsigned i = 0; i < survey->count; i++) {
        if (survey->views[i].answers && strcmp(survey->views[i].address, ask->address) == 0)
            survey->views[i].vitals.heard_us = ask->heard_us;
    }
}

static void ask_addresses(struct fl__survey *survey, const struct fl__asker *asker, struct fl__ask *asks,
                          unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        asks[i].words[0] = "FAIRLEAD";
        asks[i].words[1] = "STATUS";
    }
    fl__ask_all(asker, asks, count);
    for (unsigned i = 0; i < count; i++) {
        const char *text = fl__ask_text(&asks[i]);
        if (text != NULL && !fl__survey_read(text, survey, asks[i].address))
            snprintf(asks[i].problem, sizeof asks[i].problem, "a node of another cluster answers there");
        else if (text)
            note_hearing(survey, &asks[i]);
    }
    for (unsigned i = 0; i < count; i++) {
        if (asks[i].problem[0] != '\0')
            take_silence(survey, &asks[i]);
    }
}

/* Asks those members that the first answers named and nobody has asked yet. */
static void ask_the_others(struct fl__survey *survey, const struct fl__asker *asker)
{
    struct fl__ask asks[FL_MEMBERS_MAX];
    unsigned count = 0;
    memset(asks, 0, sizeof asks);
    for (unsigned i = 0; i < survey->count; i++) {
        struct fl__view *view = &survey->views[i];
        if (view->answers || view->problem[0] != '\0')
            continue;
        if (view->address[0] == '\0')
            snprintf(view->problem, sizeof view->problem, "its address is not known");
        else
            memcpy(asks[count++].address, view->address, sizeof view->address);
    }
    ask_addresses(survey, asker, asks, count);
    fl__ask_release(asks, count);
}

void fl__survey_local(struct fl__survey *survey, const struct fl__asker *asker,
                      const struct fl__cluster *cluster)
{
    struct fl__ask asks[FL__LOCAL_MAX];
    memset(asks, 0, sizeof asks);
    memset(survey, 0, sizeof *survey);
    snprintf(survey->cluster_id, sizeof survey->cluster_id, "%s", cluster->id);
    for (unsigned i = 0; i < cluster->count; i++) {
        struct fl__view *view = view_named(survey, cluster->nodes[i].name);
        fl__cluster_address(cluster, i, view->address);
        memcpy(asks[i].address, view->address, sizeof view->address);
        view->voter = true;
    }
    ask_addresses(survey, asker, asks, cluster->count);
    fl__ask_release(asks, cluster->count);
    fl__survey_judge(survey);
}

/* Asks a list of addresses, then the members that they name. */
static void survey_list(struct fl__survey *survey, const struct fl__asker *asker, const char *list)
{
    struct fl__ask asks[FL_MEMBERS_MAX];
    unsigned count = 0;
    memset(asks, 0, sizeof asks);
    memset(survey, 0, sizeof *survey);
    while (*list != '\0' && count < FL_MEMBERS_MAX) {
        size_t length = strcspn(list, ",");
        snprintf(asks[count++].address, sizeof asks[0].address, "%.*s", (int)length, list);
        list += length + (list[length] == ',' ? 1 : 0);
    }
    ask_addresses(survey, asker, asks, count);
    ask_the_others(survey, asker);
    for (unsigned i = 0; i < count && survey->count == 0; i++) {
        struct fl__view *view = &survey->views[i];
        memcpy(view->address, asks[i].address, sizeof view->address);
        memcpy(view->problem, asks[i].problem, sizeof view->problem);
    }
    if (survey->count == 0)
        survey->count = count;
    fl__ask_release(asks, count);
    fl__survey_judge(survey);
}

bool fl__survey_again(struct fl__survey *survey, const struct fl__asker *asker)
{
    char list[FL_MEMBERS_MAX * (FL_ADDRESS_MAX + 1)] = "";
    size_t used = 0;
    for (unsigned i = 0; i < survey->count; i++) {
        const char *address = survey->views[i].address;
        if (address[0] != '\0')
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used == 0 ? "" : ",", address);
    }
    struct fl__survey *fresh = malloc(sizeof *fresh);
    if (fresh == NULL)
        return false;
    survey_list(fresh, asker, list);
    bool answered = fresh->health != FL__HEALTH_UNKNOWN;
    fresh->directory = survey->directory;
    if (answered)
        *survey = *fresh;
    free(fresh);
    return answered;
}

bool fl__survey_log_in(struct fl__asker *asker, const struct fl__settings *settings)
{
    struct fl__cluster cluster;
    if (asker->password != NULL || fl__settings_text(settings, "node") != NULL)
        return true;
    bool done = fl__cluster_open(&cluster, fl__settings_text(settings, "dir"), false, false) == FL__EXIT_OK &&
                (!cluster.exists || fl__cluster_password(&cluster, &asker->password));
    fl__cluster_close(&cluster);
    return done;
}

/* Surveys a local cluster with the password that its nodes were started with, where none was given. */
static int survey_own(struct fl__survey *survey, const struct fl__asker *asker,
                      const struct fl__cluster *cluster)
{
    struct fl__asker own = *asker;
    char *password = NULL;
    if (own.password == NULL && !fl__cluster_password(cluster, &password))
        return FL__EXIT_REFUSED;
    if (password != NULL)
        own.password = password;
    fl__survey_local(survey, &own, cluster);
    free(password);
    return FL__EXIT_OK;
}

int fl__survey_take(struct fl__survey *survey, const struct fl__asker *asker,
                    const struct fl__settings *settings)
{
    const char *list = fl__settings_text(settings, "node");
    if (list != NULL) {
        survey_list(survey, asker, list);
        return FL__EXIT_OK;
    }
    struct fl__cluster cluster;
    int code = fl__cluster_open(&cluster, fl__settings_text(settings, "dir"), false, false);
    if (code == FL__EXIT_OK && cluster.exists)
        code = survey_own(survey, asker, &cluster);
    else if (code == FL__EXIT_OK && fl__settings_given(settings, "dir"))
        code = fl__cluster_say_none(cluster.shown);
    else if (code == FL__EXIT_OK)
        survey_list(survey, asker, FL__DEFAULT_ADDRESS);
    if (code == FL__EXIT_OK && fl__settings_given(settings, "dir"))
        survey->directory = fl__settings_text(settings, "dir");
    fl__cluster_close(&cluster);
    return code;
}

/* ------------------------------------------------------------------------------------------------ judging */

const char *fl__health_word(enum fl__health health)
{
    static const char *const words[] = {"healthy", "degraded", "unavailable", "unknown"};
    return words[health];
}

int fl__health_exit(enum fl__health health)
{
    static const int codes[] = {FL__EXIT_OK, FL__EXIT_DEGRADED, FL__EXIT_NO_QUORUM, FL__EXIT_UNREACHABLE};
    return codes[health];
}

/* The leader is who says so, in the highest term in which somebody does. */
static unsigned find_leader(const struct fl__survey *survey)
{
    unsigned leader = survey->count;
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (view->answers && strcmp(view->role, "leader") == 0 &&
            (leader == survey->count || view->term > survey->views[leader].term))
            leader = i;
    }
    return leader;
}

static void count_voters(struct fl__survey *survey, unsigned *answering, unsigned *catching_up,
                         unsigned *damaged)
{
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (!view->voter)
            continue;
        survey->voters++;
        *answering += view->answers;
        *damaged += view->answers && view->damaged;
        *catching_up += view->answers && !view->damaged && !view->ready;
    }
    survey->up = *answering - *damaged - *catching_up;
}

void fl__survey_judge(struct fl__survey *survey)
{
    unsigned answering = 0, catching_up = 0, damaged = 0;
    char extra[80] = "";
    survey->voters = survey->up = survey->tolerates = 0;
    survey->leader = find_leader(survey);
    count_voters(survey, &answering, &catching_up, &damaged);
    unsigned majority = survey->voters / 2 + 1;
    bool led = survey->leader < survey->count;
    survey->tolerates = led && survey->up > majority ? survey->up - majority : 0;
    if (led && catching_up > 0)
        snprintf(extra, sizeof extra, ", %u catching up", catching_up);
    if (damaged > 0)
        snprintf(extra + strlen(extra), sizeof extra - strlen(extra), ", %u damaged", damaged);
    if (answering == 0) {
        survey->health = FL__HEALTH_UNKNOWN;
        snprintf(survey->verdict, sizeof survey->verdict, "unknown: no node answers");
        return;
    }
    /* What a damaged node cannot read it does not acknowledge. */
    bool has_quorum = answering - damaged >= majority;
    if (!has_quorum || !led) {
        survey->health = FL__UNAVAILABLE;
        snprintf(survey->verdict, sizeof survey->verdict, "unavailable: %u of %u up%s, %s", answering,
                 survey->voters, extra, has_quorum ? "no leader" : "no quorum");
        return;
    }
    const struct fl__view *leader = &survey->views[survey->leader];
    char full[FL_NAME_MAX + 64] = "";
    if (strcmp(leader->full, "disk") == 0)
        snprintf(full, sizeof full, "the disk of %s or of a majority is full, writes are refused; ",
                 leader->name);
    else if (leader->full[0] != '\0')
        snprintf(full, sizeof full, "%s's %s is full, writes are refused; ", leader->name, leader->full);
    bool is_whole = survey->up == survey->voters && full[0] == '\0';
    survey->health = is_whole ? FL__HEALTHY : FL__DEGRADED;
    snprintf(survey->verdict, sizeof survey->verdict, "%s: %s%u of %u up%s, tolerates %u more",
             fl__health_word(survey->health), full, answering, survey->voters, extra, survey->tolerates);
}

uint64_t fl__survey_behind(const struct fl__survey *survey, const struct fl__view *view)
{
    if (survey->leader == survey->count)
        return 0;
    /* A follower hears of a commit with the next heartbeat; what it holds the leader knows at once. */
    uint64_t goal = survey->views[survey->leader].commit, has = view->has_match ? view->match : view->applied;
    return goal > has ? goal - has : 0;
}

/* --------------------------------------------------------------------------------------------- looking up */

unsigned fl__survey_find(const struct fl__survey *survey, const char *name)
{
    for (unsigned i = 0; i < survey->count; i++) {
        if (strcmp(survey->views[i].name, name) == 0 || strcmp(survey->views[i].address, name) == 0)
            return i;
    }
    fl__say_error(FL__CODE_NO_SUCH_NODE, "the cluster has no node %s", name);
    for (unsigned i = 0; i < survey->count; i++)
        fl__say_fact(i == 0 ? "now" : "", "%s at %s", survey->views[i].name, survey->views[i].address);
    return survey->count;
}

/* Whether a node wants a password, or another one than it was given. */
static bool somebody_says(const struct fl__survey *survey, const char *word)
{
    for (unsigned i = 0; i < survey->count; i++)
        if (strstr(survey->views[i].problem, word) != NULL)
            return true;
    return false;
}

void fl__survey_say_unreachable(const struct fl__survey *survey)
{
    bool is_wrong = somebody_says(survey, "WRONGPASS"), is_missing = somebody_says(survey, "NOAUTH");
    fl__say_error(FL__CODE_UNREACHABLE, is_wrong     ? "no node takes this password"
                                        : is_missing ? "no node answers without its password"
                                                     : "no node answers");
    for (unsigned i = 0; i < survey->count; i++)
        fl__say_fact(i == 0 ? "now" : "", "%s%s%s: %s", survey->views[i].name,
                     survey->views[i].name[0] == '\0' ? "" : " at ", survey->views[i].address,
                     survey->views[i].problem);
    if (is_wrong || is_missing)
        fl__say_fact("do", "name the file that holds it: --password-file FILE");
    else
        fl__say_fact("do", "fairlead up%s%s, or name a node that runs: --node HOST:PORT",
                     survey->directory == NULL ? "" : " --dir ",
                     survey->directory == NULL ? "" : survey->directory);
}
