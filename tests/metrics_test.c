/* metrics_test.c - /metrics as Prometheus reads it: every line parses, every family is described once,
 * histograms add up; and what is written about metrics elsewhere (docs/metrics.md, the dashboard, the alerts)
 * names those that exist, and the document all of them. */
#include "server.h"
#include "support/server_world.h"

#include <ctype.h>

#define FAMILIES_MAX 128
#define SERIES_MAX 1024

struct family {
    char name[96], type[16], help[256], labels[96];
    unsigned samples;
};

/* A scrape, as it was understood. */
struct scrape {
    char *text; /* With its lines cut apart. */
    struct family families[FAMILIES_MAX];
    unsigned family_count;
    const char *series[SERIES_MAX]; /* Name and labels, each once. */
    unsigned series_count;
    double le, up_to; /* Of the histogram's bucket before this line. */
};

static struct family *find_family(struct scrape *scrape, const char *name, size_t size)
{
    for (unsigned k = 0; k < scrape->family_count; k++) {
        if (strlen(scrape->families[k].name) == size && memcmp(scrape->families[k].name, name, size) == 0)
            return &scrape->families[k];
    }
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static size_t name_size(const char *text)
{
    size_t size = 0;
    while (isalnum((unsigned char)text[size]) || text[size] == '_' || text[size] == ':')
        size++;
    return size;
}

static void read_head(struct scrape *scrape, const char *line)
{
    const char *name = line + 7;
    size_t size = name_size(name);
    struct family *family;
    assert_true(size > 0 && size < sizeof family->name && name[size] == ' ');
    if (strncmp(line, "# HELP ", 7) == 0) {
        if (find_family(scrape, name, size) != NULL)
            fail_msg("described twice: %s", line);
        assert_true(scrape->family_count < FAMILIES_MAX);
        family = &scrape->families[scrape->family_count++];
        memcpy(family->name, name, size);
        snprintf(family->help, sizeof family->help, "%s", name + size + 1);
        assert_true(ends_with(family->help, "."));
        return;
    }
    assert_memory_equal(line, "# TYPE ", 7);
    family = &scrape->families[scrape->family_count - 1];
    if (find_family(scrape, name, size) != family || family->type[0] != '\0')
        fail_msg("not behind its HELP, or twice: %s", line);
    snprintf(family->type, sizeof family->type, "%s", name + size + 1);
    if (strcmp(family->type, "counter") != 0 && strcmp(family->type, "gauge") != 0 &&
        strcmp(family->type, "histogram") != 0)
        fail_msg("no type: %s", line);
    if ((strcmp(family->type, "counter") == 0) != ends_with(family->name, "_total"))
        fail_msg("counters, and nothing else, end in _total: %s", line);
}

/* {a="b",c="d"}: the names go to `names`, separated by ", "; the value of le to *le. Returns what follows. */
static const char *read_labels(const char *at, char *names, size_t size, double *le)
{
    names[0] = '\0';
    if (*at != '{')
        return at;
    do {
        size_t length = name_size(++at);
        assert_true(length > 0 && at[length] == '=' && at[length + 1] == '"');
        if (length == 2 && memcmp(at, "le", 2) == 0)
            *le = strtod(at + 4, NULL);
        else
            snprintf(names + strlen(names), size - strlen(names), "%s%.*s", names[0] == '\0' ? "" : ", ",
                     (int)length, at);
        for (at += length + 2; *at != '"'; at++)
            assert_true(*at != '\0' && *at != '\\' && *at != '\n');
        at++;
    } while (*at == ',');
    assert_int_equal(*at, '}');
    return at + 1;
}

static void check_bucket(struct scrape *scrape, const char *line, const char *suffix, double le, double value)
{
    if (strcmp(suffix, "_bucket") == 0) {
        if (le <= scrape->le || value < scrape->up_to)
            fail_msg("buckets must rise: %s", line);
        scrape->le = le;
        scrape->up_to = value;
    } else if (strcmp(suffix, "_count") == 0) {
        if (value != scrape->up_to || scrape->le < 1e300)
            fail_msg("the last bucket must be +Inf and hold all: %s", line);
    } else {
        assert_string_equal(suffix, "_sum");
    }
}

static void note_series(struct scrape *scrape, const char *series)
{
    for (unsigned k = 0; k < scrape->series_count; k++) {
        if (strcmp(scrape->series[k], series) == 0)
            fail_msg("a series twice: %s", series);
    }
    assert_true(scrape->series_count < SERIES_MAX);
    scrape->series[scrape->series_count++] = series;
}

static void read_sample(struct scrape *scrape, char *line)
{
    struct family *family = &scrape->families[scrape->family_count - 1];
    size_t size = name_size(line), family_size = strlen(family->name);
    char suffix[16] = "", *end;
    double le = 0;
    assert_true(scrape->family_count > 0 && family->type[0] != '\0');
    if (size < family_size || memcmp(line, family->name, family_size) != 0 ||
        size - family_size >= sizeof suffix)
        fail_msg("not behind its TYPE: %s", line);
    memcpy(suffix, line + family_size, size - family_size);
    char *blank = (char *)(uintptr_t)read_labels(line + size, family->labels, sizeof family->labels, &le);
    assert_int_equal(*blank, ' ');
    double value = strtod(blank + 1, &end);
    if (end == blank + 1 || *end != '\0' || value < 0)
        fail_msg("no value: %s", line);
    if (family->samples++ == 0)
        scrape->le = scrape->up_to = -1;
    if (strcmp(family->type, "histogram") == 0)
        check_bucket(scrape, line, suffix, le, value);
    else
        assert_string_equal(suffix, "");
    *blank = '\0';
    note_series(scrape, line);
}

static void read_scrape(struct scrape *scrape, const char *text, size_t size)
{
    char *rest = NULL;
    memset(scrape, 0, sizeof *scrape);
    scrape->text = calloc(1, size + 1);
    assert_int_equal(text[size - 1], '\n');
    memcpy(scrape->text, text, size);
    for (char *line = strtok_r(scrape->text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        if (line[0] == '#')
            read_head(scrape, line);
        else
            read_sample(scrape, line);
    }
}

/* A leader's page, with something in every family. */
static void take_scrape(struct scrape *scrape)
{
    struct world *world = world_create();
    struct fl__snapshot snapshot;
    struct fl__reply page;
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nGET a\r\nGET b\r\n");
    world_wait(world, 200000);
    struct fl_node_status *status = &world->node->status;
    status->elections_started = 3;
    status->elections_won = 1;
    for (unsigned k = 0; k < 20; k += 3)
        status->commit_time.buckets[k] = k + 1;
    status->commit_time.count = 100;
    status->commit_time.sum_us = 12345678;
    fl__snapshot_take(world->server, &snapshot);
    fl__reply_init(&page, 2, 1u << 20);
    fl__metrics_write(&page, &snapshot, world->server->calls);
    fl__process_write(&page);
    assert_false(page.failed);
    read_scrape(scrape, page.data, page.size);
    fl__reply_release(&page);
    world_destroy(world);
}

static void test_every_line_parses_and_every_family_is_described_once(void **state)
{
    (void)state;
    struct scrape scrape;
    take_scrape(&scrape);
    assert_true(scrape.family_count > 50);
    for (unsigned k = 0; k < scrape.family_count; k++) {
        if (scrape.families[k].type[0] == '\0' || scrape.families[k].samples == 0)
            fail_msg("%s has no type, or no sample", scrape.families[k].name);
    }
    free(scrape.text);
}

/* The text that metrics.c makes of a status; to be freed. */
static char *text_of(const struct fl_node_status *status)
{
    struct fl__snapshot *snapshot = calloc(1, sizeof *snapshot);
    uint64_t *calls = calloc(fl__command_count, sizeof *calls);
    struct fl__reply page;
    snapshot->node = *status;
    fl__reply_init(&page, 2, 1u << 20);
    fl__metrics_write(&page, snapshot, calls);
    char *text = calloc(1, page.size + 1);
    memcpy(text, page.data, page.size);
    fl__reply_release(&page);
    free(calls);
    free(snapshot);
    return text;
}

static void expect_line(const struct fl_node_status *status, const char *line)
{
    char *text = text_of(status);
    if (strstr(text, line) == NULL)
        fail_msg("no \"%s\" in:\n%s", line, text);
    free(text);
}

static void test_a_histograms_buckets_hold_those_of_the_smaller_ones_too(void **state)
{
    (void)state;
    struct fl_node_status status = {.role = FL_FOLLOWER};
    status.sync_time.buckets[0] = 5;
    status.sync_time.buckets[1] = 3;
    status.sync_time.count = 9;
    status.sync_time.sum_us = 1234567890123456;
    expect_line(&status, "wal_fsync_duration_seconds_bucket{le=\"1e-05\"} 5\n"
                         "fairlead_wal_fsync_duration_seconds_bucket{le=\"2e-05\"} 8\n"
                         "fairlead_wal_fsync_duration_seconds_bucket{le=\"4e-05\"} 8\n");
    expect_line(&status, "_bucket{le=\"+Inf\"} 9\n"
                         "fairlead_wal_fsync_duration_seconds_sum 1234567890.123456\n"
                         "fairlead_wal_fsync_duration_seconds_count 9\n");
}

static void test_an_election_under_way_is_not_lost_yet(void **state)
{
    (void)state;
    struct fl_node_status status = {.role = FL_CANDIDATE, .elections_started = 4, .elections_won = 1};
    expect_line(&status, "raft_elections_total{result=\"lost\"} 2\n");
    status.role = FL_LEADER;
    status.elections_won = 2;
    expect_line(&status, "raft_elections_total{result=\"lost\"} 2\n");
}

static void test_bytes_and_applied_commands_are_counted(void **state)
{
    (void)state;
    struct world *world = world_create();
    struct fl__snapshot snapshot;
    struct fl_io_stream *client = client_connect(world);
    client_send(client, "SET a 1\r\nPING\r\n");
    world_wait(world, 200000);
    fl__snapshot_take(world->server, &snapshot);
    assert_int_equal(snapshot.bytes_received, 15);
    assert_int_equal(snapshot.bytes_sent, strlen("+OK\r\n+PONG\r\n"));
    assert_int_equal(snapshot.applied_commands, 1);
    assert_int_equal(snapshot.clients_accepted, 1);
    world_destroy(world);
}

/* ----------------------------------------------------------------------------------- what else names them */

static char *read_file(const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", FL_SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail_msg("%s cannot be read", path);
    fseek(file, 0, SEEK_END);
    size_t size = (size_t)ftell(file);
    char *text = calloc(1, size + 1);
    rewind(file);
    assert_int_equal(fread(text, 1, size, file), size);
    fclose(file);
    return text;
}

static void test_the_document_lists_all_metrics_as_they_are(void **state)
{
    (void)state;
    struct scrape scrape;
    char *document = read_file("docs/metrics.md"), row[512];
    unsigned rows = 0;
    take_scrape(&scrape);
    for (unsigned k = 0; k < scrape.family_count; k++) {
        const struct family *family = &scrape.families[k];
        snprintf(row, sizeof row, "\n| `%s` | %s | %s | %s |\n", family->name, family->type, family->labels,
                 family->help);
        if (strstr(document, row) == NULL)
            fail_msg("docs/metrics.md has no row%s", row);
    }
    for (const char *at = document; (at = strstr(at, "\n| `")) != NULL; at++)
        rows++;
    assert_int_equal(rows, scrape.family_count);
    free(document);
    free(scrape.text);
}

/* "fairlead_x" or "process_x" within a longer word is no metric's name. */
static const char *next_name(const char *at, size_t *size)
{
    for (; *at != '\0'; at += *size > 0 ? *size : 1) {
        *size = name_size(at);
        if (*size > 0 && (strncmp(at, "fairlead_", 9) == 0 || strncmp(at, "process_", 8) == 0))
            return at;
    }
    return NULL;
}

static bool is_metric(struct scrape *scrape, const char *name, size_t size)
{
    static const char *const suffixes[] = {"_bucket", "_sum", "_count"};
    if (find_family(scrape, name, size) != NULL)
        return strcmp(find_family(scrape, name, size)->type, "histogram") != 0;
    for (unsigned k = 0; k < 3; k++) {
        size_t length = strlen(suffixes[k]);
        struct family *family = size > length && memcmp(name + size - length, suffixes[k], length) == 0
                                    ? find_family(scrape, name, size - length)
                                    : NULL;
        if (family != NULL && strcmp(family->type, "histogram") == 0)
            return true;
    }
    return false;
}

static void expect_known_names(const char *path, unsigned least)
{
    struct scrape scrape;
    char *text = read_file(path);
    size_t size = 0;
    unsigned count = 0;
    take_scrape(&scrape);
    for (const char *at = text; (at = next_name(at, &size)) != NULL; at += size, count++) {
        if (!is_metric(&scrape, at, size))
            fail_msg("%s names %.*s, which is no series", path, (int)size, at);
    }
    assert_true(count >= least);
    free(text);
    free(scrape.text);
}

static void test_dashboard_and_alerts_name_metrics_that_exist(void **state)
{
    (void)state;
    expect_known_names("contrib/grafana/fairlead.json", 20);
    expect_known_names("contrib/prometheus/alerts.yml", 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_line_parses_and_every_family_is_described_once),
        cmocka_unit_test(test_a_histograms_buckets_hold_those_of_the_smaller_ones_too),
        cmocka_unit_test(test_an_election_under_way_is_not_lost_yet),
        cmocka_unit_test(test_bytes_and_applied_commands_are_counted),
        cmocka_unit_test(test_the_document_lists_all_metrics_as_they_are),
        cmocka_unit_test(test_dashboard_and_alerts_name_metrics_that_exist),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
