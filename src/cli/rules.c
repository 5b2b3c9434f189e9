/* rules.c - what is wrong with a cluster, or may be soon: a function for each rule.
 *
 * A rule looks at what the nodes said (struct fl__exam) and adds a finding, or none. It asks nobody and
 * changes nothing, so a test gives it a survey that is made up. Codes never change their meaning;
 * explanations.c says at length what each means. */
#include "cli.h"

#include <string.h>

typedef unsigned long long ull;

#define FAR_BEHIND 1000                       /* Entries. */
#define CLOCKS_APART_US ((int64_t)500 * 1000) /* Between two nodes. */
#define NEARLY_FULL 80                        /* Hundredths of a limit. */
#define SYNCS_MIN 20                          /* Before their times say anything. */
#define SYNC_SLOW_US ((uint64_t)100 * 1000)   /* In the slowest hundredth. */
#define SYNC_ODD_US ((uint64_t)2000)          /* A median that may be compared with the others'; */
#define SYNC_ODD_TIMES 8                      /* so many times the fastest node's is odd. */
#define ELECTIONS_MANY 4                      /* Of all nodes together, lately. */
#define TIMEOUT_ROUND_TRIPS 10                /* An election time-out has room for so many. */

/* ----------------------------------------------------------------------------------------------- findings */

/* NULL where there is no room for more. */
static struct fl__finding *add(struct fl__findings *out, enum fl__gravity gravity, uint32_t code,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));

static struct fl__finding *add(struct fl__findings *out, enum fl__gravity gravity, uint32_t code,
                               const char *format, ...)
{
    va_list arguments;
    if (out->count == FL__FINDINGS_MAX) {
        out->is_cut = true;
        return NULL;
    }
    struct fl__finding *finding = &out->list[out->count++];
    *finding = (struct fl__finding){.gravity = gravity, .code = code};
    va_start(arguments, format);
    vsnprintf(finding->title, sizeof finding->title, format, arguments);
    va_end(arguments);
    return finding;
}

/* A fact of it, or what to do; an empty label goes on with the one above. */
static void say(struct fl__finding *finding, const char *label, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void say(struct fl__finding *finding, const char *label, const char *format, ...)
{
    va_list arguments;
    if (finding == NULL || finding->fact_count == FL__FACTS_MAX)
        return;
    const unsigned k = finding->fact_count++;
    finding->facts[k].label = label;
    va_start(arguments, format);
    vsnprintf(finding->facts[k].text, sizeof finding->facts[k].text, format, arguments);
    va_end(arguments);
}

/* A time that was measured, as exactly as anybody wants to know it: "160 us", "1.2 ms", "20 ms", "3.4 s". */
static void time_text(uint64_t time_us, char *out, size_t size)
{
    if (time_us < 1000)
        snprintf(out, size, "%llu us", (ull)time_us);
    else if (time_us < 10000)
        snprintf(out, size, "%.1f ms", (double)time_us / 1e3);
    else if (time_us < 1000000)
        snprintf(out, size, "%llu ms", (ull)(time_us / 1000));
    else
        snprintf(out, size, "%.1f s", (double)time_us / 1e6);
}

/* "now" for the first fact, nothing for those that follow. */
static const char *now_or_on(const struct fl__finding *finding)
{
    return finding != NULL && finding->fact_count > 0 ? "" : "now";
}

static const char *name_of(const struct fl__view *view)
{
    return view->name[0] != '\0' ? view->name : view->address;
}

static void say_start(struct fl__finding *finding, const struct fl__exam *exam, const struct fl__view *view)
{
    bool hangs = strncmp(view->problem, "no answer", 9) == 0;
    if (exam->is_local && hangs)
        say(finding, "do", "its process runs and hangs: look at %s/%s/log, then stop and start it",
            exam->directory, name_of(view));
    else if (exam->is_local && strcmp(exam->directory, "./fairlead-data") == 0)
        say(finding, "do", "%s start %s", exam->program, name_of(view));
    else if (exam->is_local)
        say(finding, "do", "%s start %s --dir %s", exam->program, name_of(view), exam->directory);
    else
        say(finding, "do",
            "look at its machine: is the process running, what is in its log, is %s reachable?",
            view->address);
}

/* ------------------------------------------------------------------------------------------- who is there */

static void find_silent(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (view->answers)
            continue;
        struct fl__finding *finding =
            add(out, FL__PROBLEM, FL__CODE_SILENT, "%s does not answer", name_of(view));
        say(finding, "now", "%s: %s", view->address, view->problem);
        if (view->connected)
            say(finding, "", "the leader has a connection to it: it runs, and only clients do not reach it");
        say_start(finding, exam, view);
    }
}

/* "n2, n3", or "nobody"; others than itself. */
static void list_reached(const struct fl__survey *survey, unsigned node, char *out, size_t size)
{
    size_t used = 0;
    snprintf(out, size, "nobody");
    for (unsigned k = 0; k < survey->count && used < size; k++) {
        bool is_reached = k != node && (survey->views[node].vitals.reaches >> k & 1);
        if (is_reached)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used > 0 ? ", " : "",
                                     name_of(&survey->views[k]));
    }
}

static void find_no_leader(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__survey *survey = &exam->survey;
    char reached[400];
    if (survey->health != FL__UNAVAILABLE)
        return;
    struct fl__finding *finding =
        add(out, FL__PROBLEM, FL__CODE_UNAVAILABLE, "nothing can be written or read: %s", survey->verdict);
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        if (!view->answers)
            continue;
        list_reached(survey, i, reached, sizeof reached);
        say(finding, now_or_on(finding), "%s reaches %s", name_of(view), reached);
    }
    say(finding, "do", "bring back voters until %u of %u are up and reach each other", survey->voters / 2 + 1,
        survey->voters);
}

static void find_cut_links(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__survey *survey = &exam->survey;
    for (unsigned a = 0; a < survey->count; a++) {
        for (unsigned b = a + 1; b < survey->count; b++) {
            const struct fl__view *one = &survey->views[a], *other = &survey->views[b];
            bool both = one->answers && other->answers && one->vitals.known && other->vitals.known;
            bool connected = (one->vitals.reaches >> b & 1) && (other->vitals.reaches >> a & 1);
            if (!both || connected || one->damaged || other->damaged)
                continue;
            struct fl__finding *finding =
                add(out, FL__WARNING, FL__CODE_CUT_LINK, "%s and %s do not reach each other", name_of(one),
                    name_of(other));
            say(finding, "now", "both answer here; their peer ports are %s and %s", one->peer, other->peer);
            say(finding, "do", "check firewalls and routes between these two ports, in both directions");
        }
    }
}

static void find_damaged(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (!view->answers || !view->damaged)
            continue;
        struct fl__finding *finding =
            add(out, FL__PROBLEM, FL__CODE_NODE_DAMAGED, "%s is damaged", name_of(view));
        say(finding, "now", "%s", view->damage);
        say(finding, "do", "keep its data directory, check its disk and its kernel's messages");
    }
}

/* ------------------------------------------------------------------------------------------ who is behind */

static void find_behind(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__survey *survey = &exam->survey;
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        uint64_t behind = fl__survey_behind(survey, view);
        bool is_late = behind >= FAR_BEHIND || !view->ready;
        if (!view->answers || view->damaged || survey->leader == survey->count || !is_late)
            continue;
        struct fl__finding *finding = add(out, FL__WARNING, FL__CODE_BEHIND, "%s is %s", name_of(view),
                                          view->ready ? "far behind the leader" : "not ready");
        say(finding, "now", "it has applied %llu of %llu committed entries; %llu are not on its disk",
            (ull)view->applied, (ull)survey->views[survey->leader].commit, (ull)behind);
        say(finding, "do",
            "look again in a moment: if the number does not fall, compare its disk and network with the others'");
    }
}

/* Compared with whoever leads in the highest term. */
static void find_disagreement(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__survey *survey = &exam->survey;
    if (survey->leader == survey->count)
        return;
    const struct fl__view *leader = &survey->views[survey->leader];
    for (unsigned i = 0; i < survey->count; i++) {
        const struct fl__view *view = &survey->views[i];
        bool other_leader = strcmp(view->leader, leader->name) != 0 || view->term != leader->term;
        bool other_members = view->founded && view->vitals.known && leader->vitals.known &&
                             view->vitals.members != leader->vitals.members;
        if (!view->answers || view->damaged || (!other_leader && !other_members))
            continue;
        struct fl__finding *finding =
            add(out, FL__WARNING, FL__CODE_DISAGREEMENT, "%s sees another cluster than the leader %s",
                name_of(view), name_of(leader));
        say(finding, "now", "%s: term %llu, leader %s", name_of(leader), (ull)leader->term, leader->leader);
        say(finding, "", "%s: term %llu, leader %s%s", name_of(view), (ull)view->term,
            view->leader[0] != '\0' ? view->leader : "unknown", other_members ? ", and other members" : "");
        say(finding, "do",
            "look again in a moment: after an election this passes by itself; if it stays, the "
            "network between them does not work");
    }
}

static void find_versions(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__view *first = NULL;
    bool differ = false;
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (!view->answers)
            continue;
        first = first != NULL ? first : view;
        differ |= strcmp(first->version, view->version) != 0;
    }
    if (!differ)
        return;
    struct fl__finding *finding =
        add(out, FL__WARNING, FL__CODE_VERSIONS, "the nodes run different versions");
    for (unsigned i = 0; i < exam->survey.count; i++)
        if (exam->survey.views[i].answers)
            say(finding, now_or_on(finding), "%s: %s", name_of(&exam->survey.views[i]),
                exam->survey.views[i].version);
    say(finding, "do", "upgrade the older ones, one node at a time, each only once the others are caught up");
}

/* ------------------------------------------------------------------------------------------------- clocks */

/* How far a node's clock is ahead of ours. */
static int64_t ahead(const struct fl__view *view)
{
    return (int64_t)view->vitals.wall_us - (int64_t)view->vitals.heard_us;
}

static void find_clocks(const struct fl__exam *exam, struct fl__findings *out)
{
    const struct fl__view *first = NULL, *last = NULL;
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (!view->answers || !view->vitals.known)
            continue;
        if (first == NULL || ahead(view) > ahead(first))
            first = view;
        if (last == NULL || ahead(view) < ahead(last))
            last = view;
    }
    if (first == NULL || ahead(first) - ahead(last) < CLOCKS_APART_US)
        return;
    char apart[32];
    time_text((uint64_t)(ahead(first) - ahead(last)), apart, sizeof apart);
    struct fl__finding *finding =
        add(out, FL__WARNING, FL__CODE_CLOCKS, "the nodes' clocks are %s apart", apart);
    say(finding, "now", "%s is ahead of %s", name_of(first), name_of(last));
    say(finding, "then",
        "a change of leader makes keys expire as much too early or too late; nothing is lost");
    say(finding, "do", "let all machines follow the same time server (chrony, systemd-timesyncd)");
}

/* ------------------------------------------------------------------------------------------------- limits */

static bool is_nearly(uint64_t used, uint64_t limit)
{
    return limit > 0 && used / NEARLY_FULL >= limit / 100;
}

static void find_full_log(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        char used[32], limit[32];
        bool is_full = strcmp(view->full, "log") == 0;
        if (!view->answers || (!is_full && !is_nearly(view->vitals.log_used, view->vitals.log_max)))
            continue;
        fl__value_size_text(view->vitals.log_used, used, sizeof used);
        fl__value_size_text(view->vitals.log_max, limit, sizeof limit);
        struct fl__finding *finding =
            add(out, FL__PROBLEM, FL__CODE_LOG_NEARLY_FULL, "the log of %s has %sreached its limit",
                name_of(view), is_full ? "" : "nearly ");
        say(finding, "now", "%s of %s (--log-max)", used, limit);
        say(finding, "then",
            is_full ? "writes are refused while this node leads"
                    : "with no room for a further file of it, writes are refused while this node leads");
        say(finding, "do",
            "restart the nodes one at a time with a larger --log-max, if their disks have room");
    }
}

static void find_full_disk(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (!view->answers || strcmp(view->full, "disk") != 0)
            continue;
        struct fl__finding *finding =
            add(out, FL__PROBLEM, FL__CODE_DISK_FULL, "the disk of %s is full", name_of(view));
        say(finding, "now", "there is no room for the next file of its log%s",
            strcmp(view->role, "leader") == 0 ? ", or for those of a majority" : "");
        say(finding, "then", "writes are refused while this node leads; reads work");
        say(finding, "do", "make room on the disk of its data directory; the node notices by itself");
    }
}

static void find_full_memory(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        char used[32], limit[32];
        if (!view->answers || !is_nearly(view->vitals.memory, view->vitals.memory_max))
            continue;
        fl__value_size_text(view->vitals.memory, used, sizeof used);
        fl__value_size_text(view->vitals.memory_max, limit, sizeof limit);
        struct fl__finding *finding =
            add(out, FL__WARNING, FL__CODE_MEMORY_NEARLY_FULL,
                "keys and values on %s take %s that maxmemory allows", name_of(view),
                view->vitals.memory > view->vitals.memory_max ? "more than" : "nearly all");
        say(finding, "now", "%s of %s", used, limit);
        say(finding, "then", "beyond it, writes that add data are refused (-OOM); reads and deletes work");
        say(finding, "do", "delete keys, or on each node: redis-cli CONFIG SET maxmemory SIZE");
    }
}

static void find_refused_clients(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        bool is_now = is_nearly(view->vitals.clients, view->vitals.clients_max);
        if (!view->answers || (!is_now && view->vitals.clients_refused == 0))
            continue;
        struct fl__finding *finding = add(
            out, is_now ? FL__WARNING : FL__HINT, FL__CODE_MANY_CLIENTS, "%s %s", name_of(view),
            is_now ? "has nearly as many clients as it takes" : "has refused clients: they were too many");
        say(finding, "now", "%llu clients of %llu; %llu refused since it started", (ull)view->vitals.clients,
            (ull)view->vitals.clients_max, (ull)view->vitals.clients_refused);
        say(finding, "do", "use connection pools, and spread clients over the nodes");
    }
}

/* ------------------------------------------------------------------------------------ disks and time-outs */

static bool has_syncs(const struct fl__view *view)
{
    return view->answers && view->vitals.syncs >= SYNCS_MIN;
}

static uint64_t fastest_median(const struct fl__survey *survey)
{
    uint64_t fastest = UINT64_MAX;
    for (unsigned i = 0; i < survey->count; i++)
        if (has_syncs(&survey->views[i]) && survey->views[i].vitals.sync_p50_us < fastest)
            fastest = survey->views[i].vitals.sync_p50_us;
    return fastest;
}

static void find_slow_disks(const struct fl__exam *exam, struct fl__findings *out)
{
    uint64_t fastest = fastest_median(&exam->survey);
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        const struct fl__vitals *vitals = &view->vitals;
        char half[32], most[32];
        bool is_odd = vitals->sync_p50_us >= SYNC_ODD_US && vitals->sync_p50_us / SYNC_ODD_TIMES >= fastest;
        bool is_slow = vitals->sync_p99_us >= SYNC_SLOW_US;
        if (!has_syncs(view) || (!is_odd && !is_slow && vitals->slow_disks == 0))
            continue;
        time_text(vitals->sync_p50_us, half, sizeof half);
        time_text(vitals->sync_p99_us, most, sizeof most);
        struct fl__finding *finding = add(out, FL__WARNING, FL__CODE_SLOW_DISK, "the disk of %s is slow%s",
                                          name_of(view), is_odd ? ", compared with the others" : "");
        say(finding, "now", "half of its syncs take up to %s, one in a hundred more than %s", half, most);
        if (vitals->slow_disks > 0)
            say(finding, "", "it stepped down for that %u times in the last five minutes",
                vitals->slow_disks);
        say(finding, "do",
            "see what else uses that disk (iostat -x 1); a write waits for a majority of disks");
    }
}

static void find_elections(const struct fl__exam *exam, struct fl__findings *out)
{
    unsigned elections = 0;
    for (unsigned i = 0; i < exam->survey.count; i++)
        elections += exam->survey.views[i].vitals.elections;
    if (elections < ELECTIONS_MANY)
        return;
    struct fl__finding *finding = add(out, FL__WARNING, FL__CODE_ELECTIONS,
                                      "there were %u elections in the last five minutes", elections);
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        if (view->vitals.elections > 0)
            say(finding, now_or_on(finding), "%s stood %u times; as a leader it lost its majority %u times",
                name_of(view), view->vitals.elections, view->vitals.quorums_lost);
    }
    say(finding, "do", "fairlead events --since 10m tells why; restarts that you made count too");
}

static uint64_t longest_round_trip(const struct fl__survey *survey, unsigned node)
{
    uint64_t longest = 0;
    for (unsigned k = 0; k < survey->count; k++)
        if (survey->views[node].vitals.round_trip_us[k] > longest)
            longest = survey->views[node].vitals.round_trip_us[k];
    return longest;
}

/* Beside what lies on the way there must be room for a lost message or two. */
static void find_short_timeouts(const struct fl__exam *exam, struct fl__findings *out)
{
    for (unsigned i = 0; i < exam->survey.count; i++) {
        const struct fl__view *view = &exam->survey.views[i];
        const struct fl__vitals *vitals = &view->vitals;
        char timeout[32], trip[32], sync[32];
        uint64_t longest = longest_round_trip(&exam->survey, i);
        bool is_far = longest > 0 && vitals->election_timeout_us / TIMEOUT_ROUND_TRIPS < longest;
        bool is_slow = has_syncs(view) && vitals->sync_p99_us >= vitals->election_timeout_us;
        if (!view->answers || vitals->election_timeout_us == 0 || (!is_far && !is_slow))
            continue;
        time_text(vitals->election_timeout_us, timeout, sizeof timeout);
        time_text(longest, trip, sizeof trip);
        time_text(vitals->sync_p99_us, sync, sizeof sync);
        struct fl__finding *finding = add(out, FL__WARNING, FL__CODE_SHORT_TIMEOUT,
                                          "the election time-out of %s is short", name_of(view));
        if (is_far)
            say(finding, now_or_on(finding), "%s, and its longest round trip to a member took %s", timeout,
                trip);
        if (is_slow)
            say(finding, now_or_on(finding), "%s, and one sync in a hundred takes more than %s", timeout,
                sync);
        say(finding, "then", "leaders are replaced that were only slow");
        say(finding, "do", "--election-timeout of at least %d times the round trip, on all nodes",
            TIMEOUT_ROUND_TRIPS);
    }
}

/* ------------------------------------------------------------------------------------------------- shapes */

static void find_even(const struct fl__exam *exam, struct fl__findings *out)
{
    unsigned voters = exam->survey.voters;
    if (voters == 0 || voters % 2 != 0)
        return;
    struct fl__finding *finding =
        add(out, FL__HINT, FL__CODE_EVEN, "the number of voters is even: %u", voters);
    say(finding, "now", "%u of them may fail, as of %u", (voters - 1) / 2, voters - 1);
    say(finding, "do", "found clusters of 3, 5 or 7");
}

static void find_single(const struct fl__exam *exam, struct fl__findings *out)
{
    if (exam->survey.voters != 1)
        return;
    struct fl__finding *finding = add(out, FL__HINT, FL__CODE_SINGLE, "the cluster has a single node");
    say(finding, "then", "while it is down nothing answers, and if its disk is lost, so is the data");
    say(finding, "do", "found clusters of three for data that matters");
}

static void find_one_machine(const struct fl__exam *exam, struct fl__findings *out)
{
    char first[FL_ADDRESS_MAX], host[FL_ADDRESS_MAX];
    unsigned port;
    const struct fl__survey *survey = &exam->survey;
    if (survey->count < 2 || !fl__value_address(survey->views[0].address, first, &port))
        return;
    for (unsigned i = 1; i < survey->count; i++)
        if (!fl__value_address(survey->views[i].address, host, &port) || strcmp(first, host) != 0)
            return;
    struct fl__finding *finding =
        add(out, FL__HINT, FL__CODE_ONE_MACHINE, "all nodes run on one machine, %s", first);
    say(finding, "then", "they fail together when it does; that is fine for trying things out");
}

void fl__rules_apply(const struct fl__exam *exam, struct fl__findings *out)
{
    static void (*const rules[])(const struct fl__exam *exam, struct fl__findings *out) = {
        find_silent,       find_no_leader,      find_behind,          find_clocks,  find_full_log,
        find_full_disk,    find_slow_disks,     find_elections,       find_damaged, find_versions,
        find_disagreement, find_full_memory,    find_refused_clients, find_even,    find_single,
        find_one_machine,  find_short_timeouts, find_cut_links,
    };
    out->count = 0;
    out->is_cut = false;
    for (size_t k = 0; k < sizeof rules / sizeof rules[0]; k++)
        rules[k](exam, out);
}
