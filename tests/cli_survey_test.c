/* What the command line makes of nodes' answers: the verdict, and where logs part. Nodes are played by
 * threads that answer FAIRLEAD STATUS and FAIRLEAD LOG from a log of the paper's Figure 7. */
#include "cli.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define ID "617f64a359b8b6ce1b4ce04e17d15a67"

#define assert_says(heard, text)                                                                             \
    do {                                                                                                     \
        if (strstr(heard, text) == NULL)                                                                     \
            fail_msg("\"%s\" is not in:\n%s", text, heard);                                                  \
    } while (0)

/* ------------------------------------------------------------------------------------------ a played node */

#define NODES_MAX 7

struct played {
    const char *name;
    bool leads, silent;
    unsigned commit;
    const char *terms;  /* A digit per entry. */
    const char *events; /* JSON objects, a line each. */
    int listener;
    unsigned port;
    pthread_t thread;
    const struct played *all;
    unsigned count;
};

static void answer_status(const struct played *node, FILE *out)
{
    char members[2048] = "", text[4096];
    for (unsigned i = 0; i < node->count; i++)
        snprintf(members + strlen(members), sizeof members - strlen(members),
                 "%s{\"name\":\"%s\",\"client\":\"127.0.0.1:%u\",\"voter\":true,\"up\":true}",
                 i == 0 ? "" : ",", node->all[i].name, node->all[i].port);
    size_t last = strlen(node->terms);
    snprintf(
        text, sizeof text,
        "{\"name\":\"%s\",\"id\":\"00ff\",\"cluster_id\":\"" ID
        "\",\"role\":\"%s\",\"term\":8,\"ready\":true,"
        "\"founded\":true,\"last\":%zu,\"durable\":%zu,\"commit\":%u,\"applied\":%u,\"pid\":17,\"members\":[%s]}",
        node->name, node->leads ? "leader" : "follower", last, last, node->commit, node->commit, members);
    fprintf(out, "$%zu\r\n%s\r\n", strlen(text), text);
}

/* At most three entries at once, so that stretches are asked for in pieces. */
static void answer_log(const struct played *node, unsigned first, unsigned last, FILE *out)
{
    unsigned end = (unsigned)strlen(node->terms);
    end = last < end ? last : end;
    end = end > first + 2 ? first + 2 : end;
    fprintf(out, "*%u\r\n", end >= first ? end - first + 1 : 0);
    for (unsigned i = first; i <= end; i++)
        fprintf(out, "*6\r\n:%u\r\n:%c\r\n$7\r\ncommand\r\n:%d\r\n:1\r\n$7\r\nSET a b\r\n", i,
                node->terms[i - 1], i <= node->commit);
}

static void answer_events(const struct played *node, FILE *out)
{
    unsigned count = 0;
    for (const char *line = node->events; line != NULL && *line != '\0'; line = strchr(line, '\n') + 1)
        count++;
    fprintf(out, "*3\r\n$4\r\nb007\r\n:%u\r\n*%u\r\n", count + 1, count);
    for (const char *line = node->events; count > 0; count--) {
        int size = (int)strcspn(line, "\n");
        fprintf(out, "$%d\r\n%.*s\r\n", size, size, line);
        line += size + 1;
    }
}

/* Answers one connection's only command. */
static void answer(const struct played *node, int connection)
{
    char request[512];
    ssize_t size = read(connection, request, sizeof request - 1);
    FILE *out = fdopen(connection, "w");
    unsigned first = 0, last = 0;
    request[size < 0 ? 0 : size] = '\0';
    char *log = strstr(request, "LOG\r\n");
    if (strstr(request, "STATUS") != NULL)
        answer_status(node, out);
    else if (log != NULL && sscanf(log, "LOG\r\n$%*u\r\n%u\r\n$%*u\r\n%u\r\n", &first, &last) == 2)
        answer_log(node, first, last, out);
    else if (strstr(request, "EVENTS") != NULL)
        answer_events(node, out);
    else
        fprintf(out, "-ERR unknown\r\n");
    fclose(out);
}

static void *play(void *context)
{
    const struct played *node = context;
    for (;;) {
        int connection = accept(node->listener, NULL, NULL);
        if (connection < 0)
            return NULL;
        answer(node, connection);
    }
}

static void start_nodes(struct played *nodes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof address;
        nodes[i].all = nodes;
        nodes[i].count = count;
        nodes[i].listener = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(bind(nodes[i].listener, (struct sockaddr *)&address, size), 0);
        assert_int_equal(getsockname(nodes[i].listener, (struct sockaddr *)&address, &size), 0);
        nodes[i].port = ntohs(address.sin_port);
    }
    for (unsigned i = 0; i < count; i++) {
        if (!nodes[i].silent) {
            assert_int_equal(listen(nodes[i].listener, 16), 0);
            assert_int_equal(pthread_create(&nodes[i].thread, NULL, play, &nodes[i]), 0);
        }
    }
}

static void stop_nodes(struct played *nodes, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        shutdown(nodes[i].listener, SHUT_RDWR);
        if (!nodes[i].silent)
            pthread_join(nodes[i].thread, NULL);
        close(nodes[i].listener);
    }
}

/* Runs a verb as from the command line; returns its exit code, and what it printed in a string to be
 * freed. */
static char *run(const char *verb, const char *const *words, unsigned port, int *code)
{
    char option[] = "--node", node[64], *arguments[16] = {option, node};
    int count = 2, original = dup(STDOUT_FILENO);
    FILE *file = tmpfile();
    struct fl__call call;
    char *text = calloc(1, 65536);
    assert_non_null(text);
    snprintf(node, sizeof node, "127.0.0.1:%u", port);
    for (; *words != NULL; words++)
        arguments[count++] = (char *)(uintptr_t)*words;
    assert_true(fl__call_read(&call, fl__verb_find(verb), count, arguments));
    fflush(stdout);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    *code = call.verb->run(&call);
    fflush(stdout);
    assert_true(dup2(original, STDOUT_FILENO) >= 0);
    close(original);
    rewind(file);
    assert_true(fread(text, 1, 65535, file) > 0);
    fclose(file);
    fl__settings_release(&call.settings);
    return text;
}

#define RUN(verb, port, code, ...) run(verb, (const char *const[]){__VA_ARGS__, NULL}, port, code)

/* The logs of Figure 7: a leader of term 8, and what its followers a to f may hold. */
#define FIGURE_7                                                                                             \
    {.name = "leader", .leads = true, .commit = 9, .terms = "1114455666"},                                   \
        {.name = "a", .commit = 9, .terms = "111445566"}, {.name = "b", .commit = 4, .terms = "1114"},       \
        {.name = "c", .commit = 9, .terms = "11144556666"},                                                  \
        {.name = "d", .commit = 9, .terms = "111445566677"}, {.name = "e", .commit = 4, .terms = "1114444"}, \
    {                                                                                                        \
        .name = "f", .commit = 3, .terms = "11122233333"                                                     \
    }

/* ------------------------------------------------------------------------------------------------- status */

static void test_one_node_leads_to_all_others(void **state)
{
    (void)state;
    struct played nodes[] = {FIGURE_7};
    int code;
    start_nodes(nodes, 7);
    char *text = RUN("status", nodes[3].port, &code, "-o", "text");
    assert_int_equal(code, FL__EXIT_OK);
    assert_says(text, "healthy: 7 of 7 up, tolerates 3 more");
    assert_says(text, "5 behind"); /* b */
    free(text);
    stop_nodes(nodes, 7);
}

static void test_json_names_every_node_and_nulls_what_is_not_known(void **state)
{
    (void)state;
    struct played nodes[] = {{.name = "n1", .leads = true, .commit = 2, .terms = "111"},
                             {.name = "n2", .commit = 2, .terms = "11"},
                             {.name = "n3", .silent = true, .terms = ""}};
    int code;
    start_nodes(nodes, 3);
    char *text = RUN("status", nodes[1].port, &code, "-o", "json");
    assert_int_equal(code, FL__EXIT_DEGRADED);
    assert_says(text, "\"health\":\t\"degraded\"");
    assert_says(text, "\"verdict\":\t\"degraded: 2 of 3 up, tolerates 0 more\"");
    assert_says(text, "\"leader\":\t\"n1\"");
    assert_says(text, "\"role\":\t\"down\"");
    assert_says(text, "\"pid\":\t17");
    assert_says(text, "\"pid\":\tnull");
    assert_says(text, "nothing listens there");
    free(text);
    stop_nodes(nodes, 3);
}

/* Voters by what they answer: L leads, f follows, c catches up, d is damaged, . is silent; F leads
 * with a full log. */
static void judge(struct fl__survey *survey, const char *nodes)
{
    memset(survey, 0, sizeof *survey);
    for (; *nodes != '\0'; nodes++) {
        struct fl__view *view = &survey->views[survey->count++];
        view->voter = true;
        view->answers = *nodes != '.';
        view->damaged = *nodes == 'd';
        view->ready = strchr("LFf", *nodes) != NULL;
        snprintf(view->name, sizeof view->name, "n%u", survey->count);
        snprintf(view->full, sizeof view->full, "%s", *nodes == 'F' ? "log" : "");
        snprintf(view->role, sizeof view->role, "%s", strchr("LF", *nodes) != NULL ? "leader" : "follower");
    }
    fl__survey_judge(survey);
}

static void test_the_verdict_counts_what_may_still_fail(void **state)
{
    (void)state;
    static const struct {
        const char *nodes, *verdict;
        int code;
    } cases[] = {
        {"L", "healthy: 1 of 1 up, tolerates 0 more", 0},
        {"Lff", "healthy: 3 of 3 up, tolerates 1 more", 0},
        {"Lffff", "healthy: 5 of 5 up, tolerates 2 more", 0},
        {"Lfff", "healthy: 4 of 4 up, tolerates 1 more", 0},
        {"Lf.", "degraded: 2 of 3 up, tolerates 0 more", FL__EXIT_DEGRADED},
        {"Lff..", "degraded: 3 of 5 up, tolerates 0 more", FL__EXIT_DEGRADED},
        {"Lfc", "degraded: 3 of 3 up, 1 catching up, tolerates 0 more", FL__EXIT_DEGRADED},
        {"Lfd", "degraded: 3 of 3 up, 1 damaged, tolerates 0 more", FL__EXIT_DEGRADED},
        {"F", "degraded: n1's log is full, writes are refused; 1 of 1 up, tolerates 0 more",
         FL__EXIT_DEGRADED},
        {"fFf", "degraded: n2's log is full, writes are refused; 3 of 3 up, tolerates 1 more",
         FL__EXIT_DEGRADED},
        {"Ld.", "unavailable: 2 of 3 up, 1 damaged, no quorum", FL__EXIT_NO_QUORUM},
        {"c..", "unavailable: 1 of 3 up, no quorum", FL__EXIT_NO_QUORUM},
        {"L..", "unavailable: 1 of 3 up, no quorum", FL__EXIT_NO_QUORUM},
        {"fff", "unavailable: 3 of 3 up, no leader", FL__EXIT_NO_QUORUM},
        {"...", "unknown: no node answers", FL__EXIT_UNREACHABLE},
    };
    struct fl__survey survey;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        judge(&survey, cases[i].nodes);
        assert_string_equal(survey.verdict, cases[i].verdict);
        assert_int_equal(fl__health_exit(survey.health), cases[i].code);
    }
}

static void test_an_old_leader_does_not_outshine_the_new_one(void **state)
{
    (void)state;
    struct fl__survey survey;
    judge(&survey, "LfL");
    survey.views[0].term = 3;
    survey.views[2].term = 4;
    fl__survey_judge(&survey);
    assert_int_equal(survey.leader, 2);
}

static void test_answers_of_another_cluster_and_nonsense_are_not_counted(void **state)
{
    (void)state;
    struct fl__survey survey;
    memset(&survey, 0, sizeof survey);
    assert_true(
        fl__survey_read("{\"name\":\"n1\",\"cluster_id\":\"" ID "\",\"role\":\"leader\"}", &survey, "a:1"));
    assert_false(
        fl__survey_read("{\"name\":\"x1\",\"cluster_id\":\"00\",\"role\":\"leader\"}", &survey, "b:1"));
    assert_false(fl__survey_read("not JSON", &survey, "c:1"));
    assert_false(fl__survey_read("{}", &survey, "d:1"));
    assert_false(fl__survey_read("[1,2]", &survey, "e:1"));
    assert_int_equal(survey.count, 1);
    assert_string_equal(survey.views[0].address, "a:1");
}

static void test_a_survey_knows_when_it_heard_each_node(void **state)
{
    (void)state;
    struct played nodes[] = {FIGURE_7};
    struct fl__survey survey;
    struct fl__asker asker = {.timeout = 2000000};
    struct fl__settings settings;
    char address[32];
    start_nodes(nodes, 7);
    fl__settings_init(&settings, fl__options_status);
    snprintf(address, sizeof address, "127.0.0.1:%u", nodes[0].port);
    assert_true(
        fl__settings_put(&settings, fl__settings_find(&settings, "node"), address, FL__FROM_COMMAND_LINE, 0));
    uint64_t before = fl__wall_us();
    assert_int_equal(fl__survey_take(&survey, &asker, &settings), FL__EXIT_OK);
    for (unsigned i = 0; i < survey.count; i++)
        assert_in_range(survey.views[i].vitals.heard_us, before, fl__wall_us());
    fl__settings_release(&settings);
    stop_nodes(nodes, 7);
}

/* ------------------------------------------------------------------------------------------------- events */

#define EVENT(sequence, wall_us, text)                                                                       \
    "{\"sequence\":" #sequence ",\"wall_us\":" #wall_us ",\"event\":\"leader\",\"text\":\"" text "\"}\n"

/* n2's clock went back between its events: their order is theirs all the same. */
static void start_told(struct played nodes[3])
{
    nodes[0] =
        (struct played){.name = "n1",
                        .leads = true,
                        .terms = "1",
                        .events = EVENT(7, 1700000000100000, "first") EVENT(8, 1700000000400000, "fourth")};
    nodes[1] =
        (struct played){.name = "n2",
                        .terms = "1",
                        .events = EVENT(1, 1700000000300000, "second") EVENT(2, 1700000000200000, "third")};
    nodes[2] = (struct played){.name = "n3", .silent = true, .terms = ""};
    start_nodes(nodes, 3);
}

static void test_events_of_all_nodes_are_one_story(void **state)
{
    (void)state;
    struct played nodes[3];
    int code;
    setenv("TZ", "UTC", 1);
    start_told(nodes);
    char *text = RUN("events", nodes[0].port, &code, "-o", "text");
    assert_int_equal(code, FL__EXIT_OK);
    assert_says(text, "2023-11-14\n"
                      "22:13:20.100  n1  first\n"
                      "22:13:20.300  n2  second\n"
                      "22:13:20.200  n2  third\n"
                      "22:13:20.400  n1  fourth\n");
    assert_says(text, "n3  does not answer: nothing listens there\n");
    free(text);
    stop_nodes(nodes, 3);
}

static void test_events_of_one_node_the_last_of_them_as_it_told_them(void **state)
{
    (void)state;
    struct played nodes[3];
    int code;
    start_told(nodes);
    char *text = RUN("events", nodes[0].port, &code, "n2", "--count", "1", "-o", "json");
    assert_int_equal(code, FL__EXIT_OK);
    assert_string_equal(text, EVENT(2, 1700000000200000, "third"));
    free(text);
    stop_nodes(nodes, 3);
}

static void test_events_of_the_last_minute_are_not_those_of_years_ago(void **state)
{
    (void)state;
    struct played nodes[3];
    int code;
    start_told(nodes);
    char *text = RUN("events", nodes[0].port, &code, "--since", "1m");
    assert_int_equal(code, FL__EXIT_OK);
    assert_null(strstr(text, "n1"));
    assert_says(text, "n3  does not answer");
    free(text);
    stop_nodes(nodes, 3);
}

/* --------------------------------------------------------------------------------------------------- logs */

static void test_log_prints_a_stretch_in_pieces(void **state)
{
    (void)state;
    struct played nodes[] = {FIGURE_7};
    int code;
    start_nodes(nodes, 7);
    char *text = RUN("log", nodes[0].port, &code, "d", "--first", "8");
    assert_int_equal(code, FL__EXIT_OK);
    assert_says(text, "    8     6  committed    SET a b\n");
    assert_says(text, "   12     7  durable      SET a b\n");
    assert_null(strstr(text, "    7     "));
    free(text);
    stop_nodes(nodes, 7);
}

static void test_diff_draws_figure_7(void **state)
{
    (void)state;
    struct played nodes[] = {FIGURE_7};
    int code;
    start_nodes(nodes, 7);
    char *text = RUN("log", nodes[5].port, &code, "--diff");
    assert_int_equal(code, FL__EXIT_OK);
    assert_says(text, "  leader leader   1  1  1  4  4  5  5  6  6│ 6  ·  · \n");
    assert_says(text, "  b               1  1  1  4│ ·  ·  ·  ·  ·  ·  ·  · \n");
    assert_says(text, "  d               1  1  1  4  4  5  5  6  6│ 6  7! 7!\n");
    assert_says(text, "  f               1  1  1│ 2! 2! 2! 3! 3! 3! 3! 3! · \n");
    assert_says(text, "a: lacks 1 entry, from 10 on\n");
    assert_says(text, "c: 1 entry more than leader, from 11 on; leader will remove it\n");
    assert_says(text, "e: parts at 6: 2 entries instead of 5; leader will replace them\n");
    assert_says(text, "f: parts at 4: 8 entries instead of 7;");
    assert_null(strstr(text, "NEVER"));
    free(text);
    stop_nodes(nodes, 7);
}

static void test_diff_in_json_counts(void **state)
{
    (void)state;
    struct played nodes[] = {FIGURE_7};
    int code;
    start_nodes(nodes, 7);
    char *text = RUN("log", nodes[0].port, &code, "--diff", "-o", "json");
    assert_int_equal(code, FL__EXIT_OK);
    assert_says(text,
                "\"name\":\t\"f\",\n\t\t\t\"last\":\t11,\n\t\t\t\"commit\":\t3,\n\t\t\t\"agrees\":\t3,\n"
                "\t\t\t\"lacks\":\t7,\n\t\t\t\"extra\":\t8");
    free(text);
    stop_nodes(nodes, 7);
}

static void test_without_a_leader_logs_are_compared_with_the_most_complete(void **state)
{
    (void)state;
    struct played nodes[] = {{.name = "n1", .commit = 3, .terms = "111222"},
                             {.name = "n2", .commit = 3, .terms = "1113"},
                             {.name = "n3", .commit = 3, .terms = "111"}};
    int code;
    start_nodes(nodes, 3);
    char *text = RUN("log", nodes[0].port, &code, "--diff");
    assert_says(text, "compared with n2, the most complete log");
    assert_says(text, "n1: parts at 4: 3 entries instead of 1\n");
    free(text);
    stop_nodes(nodes, 3);
}

static void test_two_committed_entries_that_differ_raise_the_alarm(void **state)
{
    (void)state;
    const struct fl__strip first = {.name = "n1", .leads = true, .last = 9, .commit = 8};
    struct fl__strip other = {.name = "n2", .last = 9, .commit = 7, .agrees = 5};
    char sentence[512];
    fl__diff_sentence(&first, &other, sentence, sizeof sentence);
    assert_says(sentence, "THIS MUST NEVER BE: both say that entry 6 is committed");
    other.commit = 5;
    fl__diff_sentence(&first, &other, sentence, sizeof sentence);
    assert_null(strstr(sentence, "NEVER"));
}

static void test_the_picture_keeps_to_its_width(void **state)
{
    (void)state;
    fl_term terms[100];
    for (size_t i = 0; i < 100; i++)
        terms[i] = 1000 + i;
    struct fl__picture picture = {.count = 2, .first = 1000000, .last = 1000099};
    for (unsigned i = 0; i < 2; i++) {
        picture.strips[i] = (struct fl__strip){.last = 1000099,
                                               .commit = 1000004,
                                               .agrees = 1000001,
                                               .terms = terms,
                                               .count = 100,
                                               .leads = i == 0};
        snprintf(picture.strips[i].name, sizeof picture.strips[i].name, "n%u", i);
    }
    for (unsigned width = 40; width <= 200; width++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        fl__diff_draw(&picture, out, false, width);
        fclose(out);
        for (char *rest = text, *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n"))
            assert_true(fl__text_width(line) <= width);
        assert_says(text, "1000000");
        free(text);
    }
}

/* -------------------------------------------------------------------------------------------------- forks */

struct logs {
    fl_term terms[2][64];
    fl_index last[2];
    unsigned asked;
};

static fl_term term_of(void *context, unsigned log, fl_index index)
{
    struct logs *logs = context;
    assert_true(index >= 1 && index <= logs->last[log]);
    logs->asked++;
    return logs->terms[log][index];
}

/* Two logs as elections make them: the same up to a point, then never the same term again. */
static fl_index make_logs(struct logs *logs, unsigned *seed)
{
    fl_index common = (fl_index)rand_r(seed) % 30;
    fl_term term = 1;
    memset(logs, 0, sizeof *logs);
    for (fl_index i = 1; i <= common; i++)
        logs->terms[0][i] = logs->terms[1][i] = term += (fl_term)(rand_r(seed) % 3 == 0);
    for (unsigned log = 0; log < 2; log++) {
        fl_term own = term + 1 + log;
        logs->last[log] = common + (fl_index)rand_r(seed) % 30;
        for (fl_index i = common + 1; i <= logs->last[log]; i++)
            logs->terms[log][i] = own += 2 * (fl_term)(rand_r(seed) % 3 == 0);
    }
    return common;
}

static void test_the_fork_is_found_as_by_comparing_all(void **state)
{
    (void)state;
    unsigned seed = 20260101;
    const char *wanted = getenv("FL_TEST_CASES");
    uint64_t cases = 50000;
    if (wanted != NULL)
        (void)fl__value_count(wanted, &cases);
    for (uint64_t i = 0; i < cases; i++) {
        struct logs logs;
        bool known;
        fl_index common = make_logs(&logs, &seed);
        assert_int_equal(fl__diff_fork(logs.last[0], logs.last[1], term_of, &logs, &known), common);
        assert_true(known);
        assert_true(logs.asked <= 2 * 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_node_leads_to_all_others),
        cmocka_unit_test(test_json_names_every_node_and_nulls_what_is_not_known),
        cmocka_unit_test(test_the_verdict_counts_what_may_still_fail),
        cmocka_unit_test(test_an_old_leader_does_not_outshine_the_new_one),
        cmocka_unit_test(test_answers_of_another_cluster_and_nonsense_are_not_counted),
        cmocka_unit_test(test_a_survey_knows_when_it_heard_each_node),
        cmocka_unit_test(test_events_of_all_nodes_are_one_story),
        cmocka_unit_test(test_events_of_one_node_the_last_of_them_as_it_told_them),
        cmocka_unit_test(test_events_of_the_last_minute_are_not_those_of_years_ago),
        cmocka_unit_test(test_log_prints_a_stretch_in_pieces),
        cmocka_unit_test(test_diff_draws_figure_7),
        cmocka_unit_test(test_diff_in_json_counts),
        cmocka_unit_test(test_without_a_leader_logs_are_compared_with_the_most_complete),
        cmocka_unit_test(test_two_committed_entries_that_differ_raise_the_alarm),
        cmocka_unit_test(test_the_picture_keeps_to_its_width),
        cmocka_unit_test(test_the_fork_is_found_as_by_comparing_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
