/* cli_reference_test.c - what tells people about Fairlead is whole: each code has a page; the manual's pages,
 * the completion scripts and `config` have every verb, option and setting. */
#include "cli.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define TEXT_MAX (1u << 20)

/* What a verb prints on stdout; *code is what it returns. To be freed. */
static char *output_of(const char *name, const char *first, const char *second, const char *third, int *code)
{
    char *words[] = {(char *)(uintptr_t)first, (char *)(uintptr_t)second, (char *)(uintptr_t)third};
    int count = first == NULL ? 0 : second == NULL ? 1 : third == NULL ? 2 : 3;
    struct fl__call call;
    FILE *file = tmpfile();
    char *text = calloc(1, TEXT_MAX);
    assert_non_null(file);
    fflush(stdout);
    int original = dup(STDOUT_FILENO);
    assert_true(dup2(fileno(file), STDOUT_FILENO) >= 0);
    bool good = fl__call_read(&call, fl__verb_find(name), count, words);
    *code = good ? call.verb->run(&call) : FL__EXIT_USAGE;
    fl__settings_release(&call.settings);
    fflush(stdout);
    assert_true(dup2(original, STDOUT_FILENO) >= 0);
    close(original);
    rewind(file);
    assert_true(fread(text, 1, TEXT_MAX - 1, file) < TEXT_MAX - 1);
    fclose(file);
    return text;
}

/* Without what is there for roff alone: "\fB\-\-dir\fR" becomes "--dir". */
static char *page_of(const char *name)
{
    int code;
    char *text = output_of("manual", name, NULL, NULL, &code), *to = text;
    assert_int_equal(code, FL__EXIT_OK);
    for (const char *at = text; *at != '\0'; at++) {
        if (*at == '\\' && at[1] == 'f')
            at += 2;
        else if (*at == '\\' && (at[1] == '%' || at[1] == '&'))
            at++;
        else if (*at == '\\' && at[1] == '-')
            continue;
        else
            *to++ = *at;
    }
    *to = '\0';
    return text;
}

static void expect(const char *what, const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("%s lacks \"%s\"", what, part);
}

#define expect_format(what, text, ...)                                                                       \
    do {                                                                                                     \
        char part_[512];                                                                                     \
        snprintf(part_, sizeof part_, __VA_ARGS__);                                                          \
        expect(what, text, part_);                                                                           \
    } while (0)

/* -------------------------------------------------------------------------------------------------- codes */

static char *read_file(const char *name)
{
    char path[512], *text = calloc(1, TEXT_MAX);
    snprintf(path, sizeof path, "%s/%s", FL_SOURCE_DIR, name);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_true(fread(text, 1, TEXT_MAX - 1, file) > 0);
    fclose(file);
    return text;
}

/* Calls `visit` for each code that the header defines, and returns how many there are. */
static unsigned for_each_code(const char *header, void (*visit)(uint32_t code))
{
    char *text = read_file(header), *end;
    unsigned count = 0;
    for (const char *at = text; (at = strstr(at, "\n    FL__CODE_")) != NULL;) {
        at += strlen("\n    FL__CODE_");
        const char *number = strstr(at, " = ");
        bool is_a_bound = strncmp(at, "SERVER_FIRST", 12) == 0;
        if (number == NULL || is_a_bound)
            continue;
        visit((uint32_t)strtoul(number + 3, &end, 10));
        count++;
    }
    free(text);
    return count;
}

static void expect_page(uint32_t code)
{
    const struct fl_explanation *page = fl__explanation(code);
    if (page == NULL)
        fail_msg("FL%u has no explanation", (unsigned)code);
    const char *const texts[] = {page->meaning, page->why, page->remedy};
    assert_true(page->title[0] != '\0' && page->word[0] != '\0');
    for (unsigned k = 0; k < 3; k++) {
        size_t length = strlen(texts[k]);
        if (length < 10 || texts[k][length - 1] != '.' || strchr(texts[k], '\n') != NULL)
            fail_msg("FL%u: these are no sentences: %s", (unsigned)code, texts[k]);
    }
}

static void test_every_code_has_a_page_and_every_page_a_code(void **state)
{
    (void)state;
    unsigned codes = for_each_code("src/cli/cli.h", expect_page), pages = 0;
    assert_true(codes > 20);
    codes += for_each_code("src/server/server.h", expect_page);
    for (const struct fl_explanation *page = fl__explanation_after(0); page != NULL;
         page = fl__explanation_after(page->code))
        pages++;
    assert_int_equal(pages, codes);
}

static void test_explain_prints_the_page_of_a_code_however_it_is_written(void **state)
{
    (void)state;
    static const char *const spellings[] = {"FL3001", "fl3001", "3001"};
    int code;
    for (unsigned k = 0; k < 3; k++) {
        char *text = output_of("explain", spellings[k], NULL, NULL, &code);
        assert_int_equal(code, FL__EXIT_OK);
        expect("explain", text,
               "FL3001: no quorum, or no leader\nTo Redis clients: -CLUSTERDOWN ... [FL3001]\n");
        expect("explain", text, "\nWhat to do\n  See which nodes are down: fairlead status.");
        for (const char *line = text; *line != '\0'; line = strchr(line, '\n') + 1)
            assert_true(strcspn(line, "\n") <= 96);
        free(text);
    }
    char *all = output_of("explain", NULL, NULL, NULL, &code);
    expect("explain", all, "FL1004  error        two settings contradict each other\n");
    expect("explain", all, "FL3004  TIMEOUT      the outcome is unknown\n");
    free(all);
}

static void test_explain_knows_no_other_codes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"FL3000", "FL", "", "4294970297", "quorum"};
    int code;
    for (unsigned k = 0; k < sizeof wrong / sizeof wrong[0]; k++) {
        free(output_of("explain", wrong[k], NULL, NULL, &code));
        assert_int_equal(code, FL__EXIT_USAGE);
    }
}

static void test_text_is_wrapped_at_blanks(void **state)
{
    (void)state;
    char text[128] = "";
    FILE *file = tmpfile();
    fl__print_wrapped(file, "a bc  def ghijklmnop q", 2, 8);
    fl__print_wrapped(file, "", 2, 8);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text, "  a bc\n  def\n  ghijklmnop\n  q\n\n");
}

static void test_help_fits_in_eighty_columns(void **state)
{
    (void)state;
    char line[512];
    FILE *file = tmpfile();
    setenv("COLUMNS", "80", 1);
    size_t room = fl__terminal_width() <= 80 ? 80 : 104; /* Somebody runs this on a wide terminal. */
    fl__help_verbs(file);
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++)
        fl__help_verb(verb, file);
    unsetenv("COLUMNS");
    rewind(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strcspn(line, "\n") > room)
            fail_msg("%s", line);
    }
    fclose(file);
}

static void test_help_of_a_first_word_has_its_verbs_and_no_others(void **state)
{
    (void)state;
    char text[2048] = "", row[80];
    FILE *file = tmpfile();
    fl__help_group("sim", file);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        snprintf(row, sizeof row, "\n  %s ", verb->name);
        assert_int_equal(strstr(text, row) != NULL, strncmp(verb->name, "sim ", 4) == 0);
    }
    assert_int_equal(fl__refuse_verb("sim", "--help"), FL__EXIT_OK);
    assert_int_equal(fl__refuse_verb("sim", NULL), FL__EXIT_USAGE);
    assert_int_equal(fl__refuse_verb("up-and-down", "--help"), FL__EXIT_USAGE);
}

static void test_tables_fit_and_no_line_of_them_ends_in_blanks(void **state)
{
    (void)state;
    static const char *const titles[] = {"A", ">B", "WHAT IT IS"};
    char text[512] = "";
    struct fl__table table;
    FILE *file = tmpfile();
    fl__table_init(&table, 3, titles);
    fl__table_add(&table, FL__PLAIN, "aa");
    fl__table_add(&table, FL__PLAIN, "10");
    fl__table_add(&table, FL__PLAIN, "%s", "");
    fl__table_add(&table, FL__PLAIN, "a");
    fl__table_add(&table, FL__PLAIN, "9");
    fl__table_add(&table, FL__PLAIN, "some words for the last column");
    fl__table_print(&table, file, false, 20);
    table.wraps = true;
    fl__table_print(&table, file, false, 34);
    fl__table_print(&table, file, false, 28);
    fl__table_release(&table);
    rewind(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    fclose(file);
    assert_string_equal(text,
                        "A    B  WHAT IT IS\naa  10\na    9  some words …\n"
                        "A    B  WHAT IT IS\naa  10\na    9  some words for the last\n        column\n"
                        "A    B\n    WHAT IT IS\naa  10\na    9\n    some words for the last\n    column\n");
}

/* ----------------------------------------------------------------------------------------------- settings */

static void test_config_says_all_about_a_setting_and_who_set_it(void **state)
{
    (void)state;
    char path[] = "/tmp/fairlead-test-XXXXXX";
    int code, file = mkstemp(path);
    assert_int_equal(write(file, "name = x\nheartbeat = 20\n", 24), 24);
    close(file);
    char *text = output_of("config", "heartbeat", "--file", path, &code);
    assert_int_equal(code, FL__EXIT_OK);
    expect("config", text,
           "heartbeat: the leader's rhythm\n\n  option       --heartbeat MS\n"
           "  environment  FAIRLEAD_HEARTBEAT\n  file         heartbeat = MS\n"
           "  allowed      a duration from 1 ms to 60 s");
    expect("config", text, "  default      a tenth of it\n");
    expect_format("config", text, "  now          20, from: %s, line 2\n", path);
    free(text);
    unlink(path);
    setenv("FAIRLEAD_LOG_LEVEL", "debug", 1);
    text = output_of("config", "FAIRLEAD_LOG_LEVEL", NULL, NULL, &code);
    unsetenv("FAIRLEAD_LOG_LEVEL");
    expect("config", text, "  now          debug, from: environment, FAIRLEAD_LOG_LEVEL\n");
    free(text);
    free(output_of("config", "heartbeet", NULL, NULL, &code));
    assert_int_equal(code, FL__EXIT_USAGE);
    free(output_of("config", "check", NULL, NULL, &code)); /* An option, but no setting. */
    assert_int_equal(code, FL__EXIT_USAGE);
}

static void test_config_and_check_list_every_setting(void **state)
{
    (void)state;
    int code;
    char *config = output_of("config", NULL, NULL, NULL, &code);
    char *check = output_of("serve", "--check", "--name", "n1", &code);
    assert_int_equal(code, FL__EXIT_OK);
    for (const struct fl__option *option = fl__options_serve; option->name != NULL; option++) {
        if (option->local)
            continue;
        expect_format("config", config, "\n%s ", option->name);
        expect("config", config, option->help);
        expect_format("serve --check", check, "\n%s ", option->name);
    }
    expect("serve --check", check, "command line");
    free(config);
    free(check);
}

/* Whose 80 % of memory `config` shows, and what is left of it where nodes share a machine. */
static void test_help_of_up_says_how_nodes_share_the_memory(void **state)
{
    (void)state;
    int code;
    char help[8192] = "";
    FILE *file = fmemopen(help, sizeof help, "w");
    assert_non_null(file);
    fl__help_verb(fl__verb_find("up"), file);
    fclose(file);
    char *config = output_of("config", "maxmemory", NULL, NULL, &code);
    expect("config", config, "default      80%");
    expect_format("up --help", help, "--maxmemory %u%% for each of three", 80 / 3);
    expect("up --help", help, "FAIRLEAD_MAXMEMORY");
    free(config);
}

/* ------------------------------------------------------------------------------------------------- manual */

/* The part of a page under the heading; to be freed. */
static char *part_of(const char *page, const char *heading)
{
    const char *start = strstr(page, heading);
    if (start == NULL)
        fail_msg("the page has no %s", heading);
    const char *end = strstr(start, "\n.S");
    return strndup(start, end == NULL ? strlen(start) : (size_t)(end - start) + 1);
}

static void test_the_manual_has_every_verb_with_its_options(void **state)
{
    (void)state;
    char *page = page_of("fairlead.1"), heading[128], variable[64], line[96];
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        snprintf(heading, sizeof heading, ".SS \"fairlead %s%s%s", verb->name,
                 verb->arguments[0] == '\0' ? "" : " ", verb->arguments);
        if (verb->summary == NULL) {
            assert_null(strstr(page, heading));
            continue;
        }
        char *part = part_of(page, heading);
        for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
            if (strcmp(option->name, "help") == 0)
                continue;
            expect_format(heading, part, "--%s ", option->name);
            fl__settings_variable(option, variable, sizeof variable);
            snprintf(line, sizeof line, "\nEnvironment: %s\n", variable);
            assert_int_equal(strstr(part, line) != NULL, !option->local);
            if (!option->local)
                expect_format("ENVIRONMENT", page, "\n.TP\n%s\n", variable);
        }
        free(part);
    }
    for (const struct fl__exit_text *row = fl__exit_texts; row->word != NULL; row++)
        expect_format("EXIT STATUS", page, "\n.TP\n%d\n", (int)row->code);
    free(page);
}

static void test_the_manual_has_every_setting_and_every_code(void **state)
{
    (void)state;
    char *settings = page_of("fairlead.conf.5"), *codes = page_of("fairlead-errors.7");
    for (const struct fl__option *option = fl__options_serve; option->name != NULL; option++) {
        bool is_a_line = !option->local && !option->environment_only;
        if (is_a_line)
            expect_format("fairlead.conf.5", settings, "\n.TP\n%s = ", option->name);
    }
    for (const struct fl_explanation *code = fl__explanation_after(0); code != NULL;
         code = fl__explanation_after(code->code))
        expect_format("fairlead-errors.7", codes, "\n.SS \"FL%u: %s\"\n", (unsigned)code->code, code->title);
    free(settings);
    free(codes);
}

/* Text that begins with a dot or a quote would be taken for a macro, and be lost. */
static void test_the_manuals_macros_are_those_of_man(void **state)
{
    (void)state;
    static const char *const pages[] = {"fairlead.1", "fairlead.conf.5", "fairlead-errors.7"};
    static const char *const macros[] = {".TH ",  ".SH ", ".SS ",  ".PP\n", ".TP\n", ".br\n", ".nf\n",
                                         ".fi\n", ".RS ", ".RE\n", ".I ",   ".BR ",  ".\\\" "};
    int code;
    for (unsigned k = 0; k < 3; k++) {
        char *page = output_of("manual", pages[k], NULL, NULL, &code);
        for (const char *line = page; *line != '\0'; line = strchr(line, '\n') + 1) {
            bool known = line[0] != '.' && line[0] != '\'';
            for (unsigned m = 0; m < sizeof macros / sizeof macros[0]; m++)
                known = known || strncmp(line, macros[m], strlen(macros[m])) == 0;
            if (!known || strcspn(line, "\n") > 80)
                fail_msg("%s: %.60s", pages[k], line);
        }
        free(page);
    }
    free(output_of("manual", "fairlead.9", NULL, NULL, &code));
    assert_int_equal(code, FL__EXIT_USAGE);
}

static void test_the_librarys_page_names_every_function_of_a_node(void **state)
{
    (void)state;
    static const char *const headers[] = {"include/fairlead/node.h", "include/fairlead/io.h"};
    char *page = read_file("docs/man/libfairlead.3.in");
    for (unsigned k = 0; k < 2; k++) {
        char *header = read_file(headers[k]);
        for (const char *at = header; (at = strstr(at, " fl_")) != NULL; at++) {
            size_t size = 1;
            while (isalnum((unsigned char)at[size]) || at[size] == '_')
                size++;
            bool is_declared = at[size] == '(' && (at[-1] == 't' || at[-1] == 'd') && at[-2] != 'c';
            if (is_declared)
                expect_format("libfairlead.3.in", page, "%.*s", (int)size - 1, at + 1);
        }
        free(header);
    }
    free(page);
}

/* --------------------------------------------------------------------------------------------- completion */

static void test_completion_scripts_have_every_verb_with_its_options(void **state)
{
    (void)state;
    int code;
    char *bash = output_of("completion", "bash", NULL, NULL, &code), part[128];
    char *zsh = output_of("completion", "zsh", NULL, NULL, &code);
    char *fish = output_of("completion", "fish", NULL, NULL, &code);
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        snprintf(part, sizeof part, "        '%s -'*) words='", verb->name);
        const char *line = strstr(bash, part);
        snprintf(part, sizeof part, "\n    '%s')\n        _arguments", verb->name);
        const char *block = strstr(zsh, part);
        if (verb->summary == NULL) {
            assert_true(line == NULL && block == NULL);
            continue;
        }
        assert_true(line != NULL && block != NULL);
        char *words = strndup(line, strcspn(line, "\n")),
             *options = strndup(block, (size_t)(strstr(block, ";;") - block));
        for (const struct fl__option *option = verb->options; option->name != NULL; option++) {
            expect_format("bash", words, "--%s ", option->name);
            expect_format("zsh", options, "--%s", option->name);
            expect_format("fish", fish, "-n '__fairlead_in %s' -l %s ", verb->name, option->name);
        }
        free(words);
        free(options);
    }
    free(bash);
    free(zsh);
    free(fish);
}

/* What a script offers behind `learn`, from `mark` on. */
static char *lessons_of(const char *shell, const char *mark)
{
    int code;
    char *script = output_of("completion", shell, NULL, NULL, &code), *line = strstr(script, mark);
    assert_non_null(line);
    line = strndup(line, strcspn(line, "\n"));
    free(script);
    return line;
}

/* The names in an index of the page. */
static void expect_names(const char *line, const char *index, const char *key)
{
    size_t size, count = 0, length = strlen(key);
    char name[64];
    const char *text = fl_web_file(index, &size);
    assert_non_null(text);
    for (const char *at = strstr(text, key); at != NULL; at = strstr(at + 1, key), count++) {
        at = strchr(at + length, '"') + 1;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(at, ".\""), at);
        expect_format("learn", line, "%s ", name);
    }
    assert_true(count > 2);
}

static void test_every_shell_offers_the_lessons_and_scenarios_that_there_are(void **state)
{
    (void)state;
    static const char *const marks[][2] = {
        {"bash", "'learn '*) words='"},
        {"zsh", "'*:argument:(leader-election"},
        {"fish", "-n '__fairlead_in learn' -a '"},
    };
    for (unsigned k = 0; k < 3; k++) {
        char *line = lessons_of(marks[k][0], marks[k][1]);
        expect_names(line, "web/learn/index.json", "\"id\":");
        expect_names(line, "web/scenarios/index.json", "\"file\":");
        free(line);
    }
}

/* What bash offers behind these words, as it would at a prompt. */
static void expect_offers(const char *script, const char *words, const char *offers)
{
    char command[512], heard[512] = "";
    snprintf(command, sizeof command,
             "bash -c 'compopt() { :; }; source %s; COMP_WORDS=(fairlead %s); "
             "COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _fairlead; echo \"${COMPREPLY[*]}\"'",
             script, words);
    FILE *pipe = popen(command, "re");
    assert_non_null(pipe);
    size_t size = fread(heard, 1, sizeof heard - 1, pipe);
    heard[size > 0 ? size - 1 : 0] = '\0';
    assert_int_equal(pclose(pipe), 0);
    assert_string_equal(heard, offers);
}

static void test_bash_completes_with_the_script(void **state)
{
    (void)state;
    char path[] = "/tmp/fairlead-test-XXXXXX";
    int code, file = mkstemp(path);
    char *script = output_of("completion", "bash", NULL, NULL, &code);
    assert_int_equal(write(file, script, strlen(script)), strlen(script));
    close(file);
    expect_offers(path, "vers", "version");
    expect_offers(path, "sim r", "replay run");
    expect_offers(path, "status --ou", "--output");
    expect_offers(path, "status --output j", "json");
    expect_offers(path, "status -o \"\"", "text wide json");
    expect_offers(path, "explain FL300", "FL3001 FL3002 FL3003 FL3004 FL3005 FL3006 FL3007 FL3008 FL3009");
    expect_offers(path, "completion f", "fish");
    expect_offers(path, "up --port \"\"", "");
    expect_offers(path, "learn figure-", "figure-7 figure-7-history figure-8 figure-8-unsafe");
    expect_offers(path, "learn lead", "leader-election");
    unlink(path);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_code_has_a_page_and_every_page_a_code),
        cmocka_unit_test(test_explain_prints_the_page_of_a_code_however_it_is_written),
        cmocka_unit_test(test_explain_knows_no_other_codes),
        cmocka_unit_test(test_text_is_wrapped_at_blanks),
        cmocka_unit_test(test_help_fits_in_eighty_columns),
        cmocka_unit_test(test_help_of_a_first_word_has_its_verbs_and_no_others),
        cmocka_unit_test(test_tables_fit_and_no_line_of_them_ends_in_blanks),
        cmocka_unit_test(test_config_says_all_about_a_setting_and_who_set_it),
        cmocka_unit_test(test_config_and_check_list_every_setting),
        cmocka_unit_test(test_help_of_up_says_how_nodes_share_the_memory),
        cmocka_unit_test(test_the_manual_has_every_verb_with_its_options),
        cmocka_unit_test(test_the_manual_has_every_setting_and_every_code),
        cmocka_unit_test(test_the_manuals_macros_are_those_of_man),
        cmocka_unit_test(test_the_librarys_page_names_every_function_of_a_node),
        cmocka_unit_test(test_completion_scripts_have_every_verb_with_its_options),
        cmocka_unit_test(test_every_shell_offers_the_lessons_and_scenarios_that_there_are),
        cmocka_unit_test(test_bash_completes_with_the_script),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
