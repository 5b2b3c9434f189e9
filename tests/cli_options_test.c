/* The command line's options: values, where they come from, and what is said about wrong ones. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

/* What was said on stderr since begin_listening(). */
struct ear {
    int original;
    FILE *file;
    char heard[4096];
};

static void begin_listening(struct ear *ear)
{
    fflush(stderr);
    ear->original = dup(STDERR_FILENO);
    ear->file = tmpfile();
    assert_non_null(ear->file);
    assert_true(dup2(fileno(ear->file), STDERR_FILENO) >= 0);
}

static const char *stop_listening(struct ear *ear)
{
    fflush(stderr);
    assert_true(dup2(ear->original, STDERR_FILENO) >= 0);
    close(ear->original);
    rewind(ear->file);
    ear->heard[fread(ear->heard, 1, sizeof ear->heard - 1, ear->file)] = '\0';
    fclose(ear->file);
    return ear->heard;
}

#define assert_says(heard, text)                                                                             \
    do {                                                                                                     \
        if (strstr(heard, text) == NULL)                                                                     \
            fail_msg("\"%s\" is not in:\n%s", text, heard);                                                  \
    } while (0)

/* What a terminal of 40 columns shows of it: stdout and stderr are one. */
static void hear_on_terminal(void (*say)(void), char *heard, size_t size)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY), out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO);
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &(struct winsize){.ws_row = 25, .ws_col = 40}), 0);
    fflush(stdout);
    assert_true(dup2(slave, STDOUT_FILENO) >= 0 && dup2(slave, STDERR_FILENO) >= 0);
    say();
    fflush(stderr);
    assert_true(dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0);
    close(slave);
    close(out);
    close(err);
    size_t used = 0;
    for (ssize_t got; (got = read(master, heard + used, size - 1 - used)) > 0;) /* Until it is hung up. */
        used += (size_t)got;
    heard[used] = '\0';
    close(master);
}

static void say_long_ones(void)
{
    fl__say_error(FL__CODE_USAGE, "there is no lesson or scenario called nosuch");
    fl__say_fact("want", "leader-election, log-replication, repair");
    fl__say_fact("", "short");
}

static void test_what_is_long_goes_on_below_on_a_terminal(void **state)
{
    char heard[1024];
    struct ear ear;
    (void)state;
    hear_on_terminal(say_long_ones, heard, sizeof heard);
    assert_string_equal(heard, "error: there is no lesson or scenario\r\n"
                               "       called nosuch [FL1001]\r\n"
                               "  want   leader-election,\r\n"
                               "         log-replication, repair\r\n"
                               "         short\r\n");
    begin_listening(&ear);
    errno = ENOENT;
    say_long_ones();
    assert_int_equal(errno, ENOENT); /* A fact may say what it means. */
    assert_string_equal(stop_listening(&ear), "error: there is no lesson or scenario called nosuch [FL1001]\n"
                                              "  want   leader-election, log-replication, repair\n"
                                              "         short\n");
}

/* Reads a command line of `serve`. The words end with NULL. */
static bool read_serve(struct fl__call *call, const char *const *words, struct ear *ear)
{
    char *copies[16];
    int count = 0;
    for (; words[count] != NULL; count++)
        copies[count] = (char *)(uintptr_t)words[count];
    begin_listening(ear);
    bool good = fl__call_read(call, fl__verb_find("serve"), count, copies);
    stop_listening(ear);
    return good;
}

#define SERVE(call, ear, ...) read_serve(call, (const char *const[]){__VA_ARGS__, NULL}, ear)

/* A file with this text; its path is valid until the next call of unlink. */
static void write_file(char path[64], const char *text)
{
    snprintf(path, 64, "/tmp/fairlead-test-XXXXXX");
    int file = mkstemp(path);
    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), strlen(text));
    close(file);
}

static void forget_environment(void)
{
    char variable[64];
    for (const struct fl__option *option = fl__options_serve; option->name != NULL; option++) {
        fl__settings_variable(option, variable, sizeof variable);
        unsetenv(variable);
    }
}

/* ------------------------------------------------------------------------------------------------- values */

static void test_sizes_need_an_unambiguous_unit(void **state)
{
    (void)state;
    uint64_t size;
    assert_true(fl__value_size("64MiB", &size));
    assert_int_equal(size, 64u << 20);
    assert_true(fl__value_size("16 gib", &size));
    assert_int_equal(size, 16ull << 30);
    assert_true(fl__value_size("64MB", &size));
    assert_int_equal(size, 64000000);
    assert_true(fl__value_size("4096", &size));
    assert_int_equal(size, 4096);
    assert_true(fl__value_size("0", &size));
    assert_int_equal(size, 0);
    assert_true(fl__value_size("16777215TiB", &size));
    static const char *const wrong[] = {
        "", "64M", "64m", "-1", "+1", "1.5GiB", "MiB", "16777216TiB", "80%", " 1", "99999999999999999999"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(fl__value_size(wrong[i], &size));
}

static void test_percents_and_durations(void **state)
{
    (void)state;
    uint64_t percent;
    fl_time_us time;
    assert_true(fl__value_percent("80%", &percent));
    assert_int_equal(percent, 80);
    assert_false(fl__value_percent("101%", &percent));
    assert_false(fl__value_percent("80", &percent));
    assert_true(fl__value_duration("200", 1000, &time));
    assert_int_equal(time, 200000);
    assert_true(fl__value_duration("5", 1000000, &time));
    assert_int_equal(time, 5000000);
    assert_true(fl__value_duration("2s", 1000, &time));
    assert_int_equal(time, 2000000);
    assert_true(fl__value_duration("250 ms", 1000000, &time));
    assert_int_equal(time, 250000);
    assert_false(fl__value_duration("2h", 1000, &time));
    assert_false(fl__value_duration("", 1000, &time));
}

static void test_addresses_have_a_host_and_a_port(void **state)
{
    (void)state;
    char host[FL_ADDRESS_MAX];
    unsigned port;
    assert_true(fl__value_address("127.0.0.1:7600", host, &port));
    assert_string_equal(host, "127.0.0.1");
    assert_int_equal(port, 7600);
    assert_true(fl__value_address("[::1]:65535", host, &port));
    assert_string_equal(host, "::1");
    assert_true(fl__value_address("db1.example:1", host, &port));
    static const char *const wrong[] = {"",     "7600",  ":7600", "a:0",   "a:65536", "a:",   "::1:7600",
                                        "[]:1", "a b:1", "a:1x",  "a,b:1", "a/b:1",   "[::1]"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(fl__value_address(wrong[i], host, &port));
}

static void test_a_founding_list_names_each_member_once(void **state)
{
    (void)state;
    struct fl_node_member members[FL_MEMBERS_MAX];
    char why[256], many[1024] = "";
    assert_int_equal(fl__value_members("n1=a:1,n2=[::1]:2, n-3=c:3", members, why, sizeof why), 3);
    assert_string_equal(members[1].name, "n2");
    assert_string_equal(members[1].address, "[::1]:2");
    assert_string_equal(members[2].name, "n-3");
    static const char *const wrong[] = {
        "", "n1", "n1=a", "=a:1", "n1=a:1,", "n1=a:1,n1=b:1", "n1=a:1,n2=a:1", "n 1=a:1"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        why[0] = '\0';
        assert_int_equal(fl__value_members(wrong[i], members, why, sizeof why), 0);
        assert_true(why[0] != '\0');
    }
    for (int i = 0; i <= FL_MEMBERS_MAX; i++)
        snprintf(many + strlen(many), sizeof many - strlen(many), "%sn%d=a:%d", i == 0 ? "" : ",", i, i + 1);
    assert_int_equal(fl__value_members(many, members, why, sizeof why), 0);
}

static void test_cluster_ids_are_read_with_and_without_dashes(void **state)
{
    (void)state;
    uint8_t a[16], b[16];
    char fresh[33], other[33];
    assert_true(fl__value_cluster_id("617f64a3-59b8-b6ce-1b4c-e04e17d15a67", a));
    assert_true(fl__value_cluster_id("617F64A359B8B6CE1B4CE04E17D15A67", b));
    assert_memory_equal(a, b, sizeof a);
    assert_int_equal(a[0], 0x61);
    assert_int_equal(a[15], 0x67);
    assert_false(fl__value_cluster_id("617f64a359b8b6ce1b4ce04e17d15a6", a));
    assert_false(fl__value_cluster_id("617f64a359b8b6ce1b4ce04e17d15a678", a));
    assert_false(fl__value_cluster_id("", a));
    assert_true(fl__value_new_cluster_id(fresh) && fl__value_new_cluster_id(other));
    assert_true(fl__value_cluster_id(fresh, a));
    assert_string_not_equal(fresh, other);
}

static void test_sizes_and_durations_are_written_for_people(void **state)
{
    (void)state;
    static const struct {
        uint64_t size;
        const char *text;
    } sizes[] = {{0, "0 bytes"},        {1023, "1023 bytes"},          {1024, "1 KiB"},
                 {64u << 20, "64 MiB"}, {(3ull << 30) / 2, "1.5 GiB"}, {UINT64_MAX, "15.9 EiB"}};
    char text[32];
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        fl__value_size_text(sizes[i].size, text, sizeof text);
        assert_string_equal(text, sizes[i].text);
    }
    fl__value_duration_text(2000000, text, sizeof text);
    assert_string_equal(text, "2 s");
    fl__value_duration_text(250000, text, sizeof text);
    assert_string_equal(text, "250 ms");
}

static void test_misspelt_words_find_their_neighbour(void **state)
{
    (void)state;
    static const char *const words[] = {"listen", "peer", "log", "log-max", "maxmemory", NULL};
    assert_string_equal(fl__value_nearest("lisen", words), "listen");
    assert_string_equal(fl__value_nearest("maxmemroy", words), "maxmemory");
    assert_string_equal(fl__value_nearest("lig", words), "log");
    assert_null(fl__value_nearest("xyzzy", words));
    assert_null(fl__value_nearest("a-word-that-is-much-longer-than-any-option", words));
}

/* ------------------------------------------------------------------------------------------------- tables */

static void test_every_table_is_sound(void **state)
{
    (void)state;
    char allowed[256];
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        unsigned count = 0;
        assert_non_null(verb->run);
        for (const struct fl__option *option = verb->options; option->name != NULL; option++, count++) {
            assert_non_null(option->help);
            assert_true((option->kind == FL__FLAG) == (option->value == NULL));
            if (option->initial != NULL)
                assert_true(fl__value_check(option, option->initial, allowed, sizeof allowed));
            for (const struct fl__option *other = verb->options; other != option; other++) {
                assert_string_not_equal(other->name, option->name);
                assert_true(option->letter == 0 || option->letter != other->letter);
            }
        }
        assert_true(count < FL__OPTIONS_MAX);
        assert_ptr_equal(fl__verb_find(verb->name), verb);
    }
}

static void test_help_shows_every_option_and_fits_a_terminal(void **state)
{
    (void)state;
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        char *text = NULL;
        size_t size = 0;
        FILE *out = open_memstream(&text, &size);
        assert_non_null(out);
        fl__help_verb(verb, out);
        fclose(out);
        for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
            char name[64];
            snprintf(name, sizeof name, "--%s", option->name);
            assert_says(text, name);
        }
        for (const char *line = text; *line != '\0'; line += strcspn(line, "\n") + 1)
            assert_true(strcspn(line, "\n") <= 105);
        free(text);
    }
}

/* ------------------------------------------------------------------------------------------------ origins */

static void test_command_line_beats_environment_beats_file_beats_default(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    char path[64], origin[128];
    write_file(path, "listen = f:1\npeer = f:2\nweb = f:3\n");
    setenv("FAIRLEAD_LISTEN", "e:1", 1);
    setenv("FAIRLEAD_PEER", "e:2", 1);
    assert_true(SERVE(&call, &ear, "--listen", "c:1", "--config", path));
    assert_string_equal(fl__settings_text(&call.settings, "listen"), "c:1");
    assert_string_equal(fl__settings_text(&call.settings, "peer"), "e:2");
    assert_string_equal(fl__settings_text(&call.settings, "web"), "f:3");
    assert_string_equal(fl__settings_text(&call.settings, "dir"), "./fairlead-data");
    fl__settings_origin(&call.settings, "listen", origin, sizeof origin);
    assert_string_equal(origin, "command line");
    fl__settings_origin(&call.settings, "peer", origin, sizeof origin);
    assert_string_equal(origin, "environment, FAIRLEAD_PEER");
    fl__settings_origin(&call.settings, "web", origin, sizeof origin);
    assert_says(origin, ", line 3");
    fl__settings_origin(&call.settings, "dir", origin, sizeof origin);
    assert_string_equal(origin, "default");
    assert_true(fl__settings_given(&call.settings, "web"));
    assert_false(fl__settings_given(&call.settings, "dir"));
    fl__settings_release(&call.settings);
    unlink(path);
    forget_environment();
}

static void test_the_environment_may_name_the_file(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    char path[64];
    write_file(path, "reads = stale\n");
    setenv("FAIRLEAD_CONFIG", path, 1);
    assert_true(SERVE(&call, &ear, "--name", "n1"));
    assert_string_equal(fl__settings_text(&call.settings, "reads"), "stale");
    fl__settings_release(&call.settings);
    unlink(path);
    forget_environment();
}

static void test_values_come_in_their_own_type(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(SERVE(&call, &ear, "--election-timeout=200", "--log-max", "1GiB", "--insecure"));
    assert_int_equal(fl__settings_number(&call.settings, "election-timeout"), 200000);
    assert_int_equal(fl__settings_number(&call.settings, "log-max"), 1u << 30);
    assert_true(fl__settings_flag(&call.settings, "insecure"));
    fl__settings_release(&call.settings);
    assert_true(SERVE(&call, &ear, "--insecure=no"));
    assert_false(fl__settings_flag(&call.settings, "insecure"));
    fl__settings_release(&call.settings);
}

/* ----------------------------------------------------------------------------------------------- mistakes */

static void test_a_wrong_value_is_named_with_what_is_allowed(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_false(SERVE(&call, &ear, "--log-max", "16G"));
    assert_says(ear.heard, "--log-max");
    assert_says(ear.heard, "\"16G\"");
    assert_says(ear.heard, "16MiB");
    assert_says(ear.heard, "[FL1002]");
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--reads", "fresh"));
    assert_says(ear.heard, "linear or stale");
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--election-timeout", "1"));
    assert_says(ear.heard, "20 ms");
    fl__settings_release(&call.settings);
}

static void test_an_environment_variable_with_a_wrong_value_is_named(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    setenv("FAIRLEAD_ELECTION_TIMEOUT", "soon", 1);
    assert_false(SERVE(&call, &ear, "--name", "n1"));
    assert_says(ear.heard, "FAIRLEAD_ELECTION_TIMEOUT");
    assert_says(ear.heard, "\"soon\"");
    fl__settings_release(&call.settings);
    forget_environment();
}

static void test_a_misspelt_environment_variable_is_warned_of(void **state)
{
    (void)state;
    struct ear ear;
    setenv("FAIRLEAD_LISTN", "127.0.0.1:1", 1);
    setenv("FAIRLEAD_LISTEN", "127.0.0.1:1", 1);
    begin_listening(&ear);
    fl__settings_warn();
    stop_listening(&ear);
    assert_string_equal(ear.heard, "warning: there is no setting FAIRLEAD_LISTN; it has no effect\n"
                                   "  do     perhaps you meant FAIRLEAD_LISTEN\n");
    unsetenv("FAIRLEAD_LISTN");
    forget_environment();
}

static void test_unknown_options_are_refused_with_a_neighbour(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_false(SERVE(&call, &ear, "--lisen", "a:1"));
    assert_says(ear.heard, "--lisen");
    assert_says(ear.heard, "--listen");
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--join", "a:1"));
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--dir"));
    assert_says(ear.heard, "needs a value");
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "n1"));
    assert_says(ear.heard, "takes no argument");
    fl__settings_release(&call.settings);
}

static void test_help_is_given_whatever_else_is_wrong(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(SERVE(&call, &ear, "--nonsense", "x", "--help"));
    assert_true(call.help);
    fl__settings_release(&call.settings);
}

/* ----------------------------------------------------------------------------------------------- the file */

/* Reads a file with this text; what was said is in ear->heard. */
static bool read_config(struct fl__call *call, const char *text, struct ear *ear)
{
    char path[64];
    write_file(path, text);
    bool good = SERVE(call, ear, "--config", path);
    unlink(path);
    return good;
}

static void test_the_file_has_comments_blanks_and_lists_over_several_lines(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(read_config(&call,
                            "# a comment\n; another\n\nlisten=127.0.0.1:1  ; the rest\ninsecure = on\n"
                            "bootstrap = n1=a:1,\n    n2=b:2,\n\tn3=c:3\nname = n1\n",
                            &ear));
    assert_string_equal(fl__settings_text(&call.settings, "listen"), "127.0.0.1:1");
    assert_string_equal(fl__settings_text(&call.settings, "bootstrap"), "n1=a:1,n2=b:2,n3=c:3");
    assert_true(fl__settings_flag(&call.settings, "insecure"));
    fl__settings_release(&call.settings);
}

static void test_lines_in_redis_words_are_for_the_server_to_check(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(read_config(&call, "redis.hz = 20 ; often\nname = n1\nredis.syslog-ident =\n", &ear));
    assert_int_equal(call.settings.redis_count, 2);
    assert_string_equal(call.settings.redis[0].name, "hz");
    assert_string_equal(call.settings.redis[0].value, "20");
    assert_int_equal(call.settings.redis_lines[1], 3);
    assert_string_equal(call.settings.redis[1].value, "");
    fl__settings_release(&call.settings);
}

static void test_a_mistake_in_the_file_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *line, *what;
    } mistakes[] = {
        {"name = n1\nlisten = nowhere\n", "line 2", "\"nowhere\""},
        {"name = n1\nlisen = a:1\n", "line 2", "listen"},
        {"name = n1\nname = n2\n", "line 2", "second time"},
        {"[server]\nname = n1\n", "line 1", "[server]"},
        {"name = n1\n  [empty]\n", "line 2", "[empty]"},
        {"\n\nno equals sign\n", "line 3", "NAME = VALUE"},
        {"check = yes\n", "line 1", "check"},
        {"config = x\n", "line 1", "config"},
        {"bootstrap = a=b:1,\n", "", "comma"},
        {"listen =\n", "line 1", "listen"},
        {"redis.hz = 1\nredis.HZ = 2\n", "line 2", "second time"},
    };
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct fl__call call;
        struct ear ear;
        assert_false(read_config(&call, mistakes[i].text, &ear));
        assert_says(ear.heard, mistakes[i].line);
        assert_says(ear.heard, mistakes[i].what);
        fl__settings_release(&call.settings);
    }
}

static void test_a_line_that_is_too_long_is_refused_not_cut(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    char text[600];
    memset(text, 'x', sizeof text - 1);
    memcpy(text, "dir = ", 6);
    text[sizeof text - 1] = '\0';
    assert_false(read_config(&call, text, &ear));
    assert_says(ear.heard, "line 1");
    fl__settings_release(&call.settings);
    begin_listening(&ear);
    assert_false(fl__config_read(&call.settings, "/nonexistent/fairlead.conf"));
    assert_says(stop_listening(&ear), "/nonexistent/fairlead.conf");
}

/* ---------------------------------------------------------------------------------------- what must agree */

#define ID "617f64a359b8b6ce1b4ce04e17d15a67"

static void test_settings_that_contradict_each_other_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *words[10];
        const char *heard;
    } cases[] = {
        {{"--bootstrap", "n1=a:1", "--name", "n1"}, "--cluster-id"},
        {{"--cluster-id", ID}, "--bootstrap"},
        {{"--bootstrap", "n1=a:1", "--name", "n2", "--cluster-id", ID}, "--name n2 (command line)"},
        {{"--heartbeat", "600"}, "--election-timeout 1000 (default)"},
        {{"--listen", "127.0.0.1:7601"}, "--peer 127.0.0.1:7601 (default)"},
        {{"--log-max", "1MiB"}, "--segment-size"},
        {{"--listen", "0.0.0.0:7600"}, "--password-file is not set"},
        {{"--listen", "db1:7600"}, "--listen db1:7600 (command line)"},
        {{"--peer", "0.0.0.0:7601"}, "--insecure is not set"},
        {{"--web", "0.0.0.0:7602", "--web-admin", "loopback"}, "--web-admin anywhere"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct fl__call call;
        struct ear ear;
        assert_true(read_serve(&call, cases[i].words, &ear));
        begin_listening(&ear);
        assert_false(fl__serve_agrees(&call.settings));
        assert_says(stop_listening(&ear), cases[i].heard);
        assert_says(ear.heard, "[FL1004]");
        fl__settings_release(&call.settings);
    }
}

/* Who is told to replay a life replays that one. */
static void test_a_life_is_named_with_all_that_makes_it(void **state)
{
    (void)state;
    struct fl_sim_options options;
    char words[FL__SIM_WORDS_SIZE];
    fl_sim_options_init(&options);
    options.seed = UINT64_MAX;
    fl__sim_words(&options, words);
    assert_string_equal(words, "18446744073709551615");
    options.mode = FL_SIM_SERVERS;
    options.without = 1u << FL_SIM_CRASH | 1u << FL_SIM_LOSS;
    fl__sim_words(&options, words);
    assert_string_equal(words, "18446744073709551615 --what servers --without loss,crash");
    options.mode = FL_SIM_CORES;
    options.without = (1u << FL_SIM_FAULTS) - 1;
    fl__sim_words(&options, words);
    assert_non_null(strstr(words, " --what cores --without loss,"));
    assert_string_equal(words + strlen(words) - strlen(",wipe"), ",wipe"); /* Nothing is cut. */
}

/* As fl_node_open() takes them: what it refuses is no value of the setting. */
static void test_a_file_of_the_log_has_from_4_kib_to_1_gib(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(SERVE(&call, &ear, "--segment-size", "1GiB"));
    fl__settings_release(&call.settings);
    assert_true(SERVE(&call, &ear, "--segment-size", "4KiB"));
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--segment-size", "1025MiB"));
    assert_says(ear.heard, "from 4 KiB to 1 GiB");
    fl__settings_release(&call.settings);
    assert_false(SERVE(&call, &ear, "--segment-size", "4095"));
    fl__settings_release(&call.settings);
}

static void test_settings_that_agree_are_accepted(void **state)
{
    (void)state;
    struct fl__call call;
    struct ear ear;
    assert_true(SERVE(&call, &ear, "--bootstrap", "n1=a:1,n2=b:2", "--name", "n2", "--cluster-id", ID,
                      "--election-timeout", "200", "--web", "off"));
    assert_true(fl__serve_agrees(&call.settings));
    fl__settings_release(&call.settings);
    assert_true(SERVE(&call, &ear, "--listen", "[::1]:7600", "--peer", "localhost:7601", "--web",
                      "127.9.9.9:7602", "--web-admin", "loopback"));
    assert_true(fl__serve_agrees(&call.settings));
    fl__settings_release(&call.settings);
    assert_true(SERVE(&call, &ear, "--listen", "0.0.0.0:7600", "--password-file", "/nonexistent", "--peer",
                      "db1:7601", "--insecure", "--web", "0.0.0.0:7602", "--web-admin", "anywhere"));
    assert_true(fl__serve_agrees(&call.settings));
    fl__settings_release(&call.settings);
    assert_true(SERVE(&call, &ear, "--web", "off", "--web-admin", "loopback"));
    assert_true(fl__serve_agrees(&call.settings));
    fl__settings_release(&call.settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_long_goes_on_below_on_a_terminal),
        cmocka_unit_test(test_sizes_need_an_unambiguous_unit),
        cmocka_unit_test(test_percents_and_durations),
        cmocka_unit_test(test_addresses_have_a_host_and_a_port),
        cmocka_unit_test(test_a_founding_list_names_each_member_once),
        cmocka_unit_test(test_cluster_ids_are_read_with_and_without_dashes),
        cmocka_unit_test(test_sizes_and_durations_are_written_for_people),
        cmocka_unit_test(test_misspelt_words_find_their_neighbour),
        cmocka_unit_test(test_every_table_is_sound),
        cmocka_unit_test(test_help_shows_every_option_and_fits_a_terminal),
        cmocka_unit_test(test_command_line_beats_environment_beats_file_beats_default),
        cmocka_unit_test(test_the_environment_may_name_the_file),
        cmocka_unit_test(test_values_come_in_their_own_type),
        cmocka_unit_test(test_a_wrong_value_is_named_with_what_is_allowed),
        cmocka_unit_test(test_an_environment_variable_with_a_wrong_value_is_named),
        cmocka_unit_test(test_a_misspelt_environment_variable_is_warned_of),
        cmocka_unit_test(test_unknown_options_are_refused_with_a_neighbour),
        cmocka_unit_test(test_help_is_given_whatever_else_is_wrong),
        cmocka_unit_test(test_the_file_has_comments_blanks_and_lists_over_several_lines),
        cmocka_unit_test(test_lines_in_redis_words_are_for_the_server_to_check),
        cmocka_unit_test(test_a_mistake_in_the_file_is_named_with_its_line),
        cmocka_unit_test(test_a_line_that_is_too_long_is_refused_not_cut),
        cmocka_unit_test(test_settings_that_contradict_each_other_are_named),
        cmocka_unit_test(test_a_life_is_named_with_all_that_makes_it),
        cmocka_unit_test(test_a_file_of_the_log_has_from_4_kib_to_1_gib),
        cmocka_unit_test(test_settings_that_agree_are_accepted),
    };
    forget_environment();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
