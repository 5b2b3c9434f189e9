/* sim.c - `sim replay`, `sim run` and `sim shrink`: one life at a time.
 *
 * The story is told in columns, a node each, so that who does what is seen at a glance; or as JSON, a line an
 * event, for programs and for the web view. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { TIME_WIDTH = 11, COLUMN_MIN = 22, NODES_MAX = 16, SCRIPT_MAX = 1 << 20, LINE_USUAL = 2048 };

struct teller {
    bool json, trace, colours;
    unsigned columns; /* Nodes seen in the heading. */
    unsigned width;   /* Of a column. */
};

/* --------------------------------------------------------------------------------------------------- JSON */

static void tell_json(const struct fl_sim_event *event)
{
    char line[LINE_USUAL], *longer = NULL;
    size_t size = fl_sim_event_json(event, line, sizeof line) + 1;
    if (size > sizeof line && (longer = malloc(size)) != NULL)
        (void)fl_sim_event_json(event, longer, size);
    if (size <= sizeof line || longer)
        puts(longer ? longer : line);
    free(longer);
}

/* ------------------------------------------------------------------------------------------------ columns */

static enum fl__colour colour_of(const char *type)
{
    static const struct {
        const char *type;
        enum fl__colour colour;
    } colours[] = {{"leader", FL__GREEN},   {"crashed", FL__RED},      {"broken", FL__RED},
                   {"not-held", FL__RED},   {"truncated", FL__YELLOW}, {"conflict", FL__YELLOW},
                   {"held", FL__DIM},       {"line", FL__BOLD},        {"say", FL__BOLD},
                   {"delivered", FL__DIM},  {"sent", FL__DIM},         {"lost", FL__DIM},
                   {"persisting", FL__DIM}, {"persisted", FL__DIM}};
    for (size_t k = 0; k < sizeof colours / sizeof *colours; k++)
        if (strcmp(colours[k].type, type) == 0)
            return colours[k].colour;
    return FL__PLAIN;
}

/* How many bytes of the text go into one line of so many columns: whole words, if they fit. */
static size_t line_size(const char *text, unsigned width)
{
    size_t size = fl__text_bytes(text, width);
    if (text[size] == '\0')
        return size;
    for (size_t k = size; k > 0; k--)
        if (text[k] == ' ')
            return k;
    return size;
}

static void print_in_column(const struct teller *teller, const char *time, unsigned column,
                            const struct fl_sim_event *event)
{
    const char *text = event->text;
    enum fl__colour colour = colour_of(event->type);
    unsigned width = teller->width - 2;
    for (bool first = true; *text || first; first = false) {
        size_t size = line_size(text, width);
        printf("%-*s%*s%s%.*s%s\n", TIME_WIDTH, first ? time : "", (int)(column * teller->width), "",
               fl__colour(teller->colours, colour), (int)size, text,
               fl__colour(teller->colours, colour == FL__PLAIN ? colour : FL__PLAIN));
        text += size;
        text += *text == ' ';
    }
}

static void tell_column(const struct teller *teller, const struct fl_sim_event *event)
{
    char time[24];
    snprintf(time, sizeof time, "%" PRIu64 ".%06" PRIu64, event->time_us / 1000000, event->time_us % 1000000);
    if (event->node) {
        print_in_column(teller, time, event->node_number, event);
        return;
    }
    enum fl__colour colour = colour_of(event->type);
    bool is_line = strcmp(event->type, "line") == 0;
    printf("%s%s%s%s\n", fl__colour(teller->colours, colour), is_line ? "> " : "", event->text,
           fl__colour(teller->colours, FL__PLAIN));
}

static void tell(void *context, const struct fl_sim_event *event)
{
    const struct teller *teller = context;
    if (event->is_detail && !teller->trace)
        return;
    if (teller->json)
        tell_json(event);
    else
        tell_column(teller, event);
}

/* The nodes' names above their columns. */
static void begin_columns(struct teller *teller, unsigned count, const char names[][16])
{
    unsigned width = fl__terminal_width();
    teller->columns = count;
    teller->width = width > TIME_WIDTH ? (width - TIME_WIDTH) / count : 0;
    if (teller->width < COLUMN_MIN)
        teller->width = COLUMN_MIN;
    if (teller->json)
        return;
    printf("%s%-*s", fl__colour(teller->colours, FL__BOLD), TIME_WIDTH, "seconds");
    for (unsigned n = 0; n < count; n++)
        printf("%-*s", n + 1 < count ? (int)teller->width : 0, names[n]);
    printf("%s\n", fl__colour(teller->colours, FL__PLAIN));
}

/* -------------------------------------------------------------------------------------------------- verbs */

void fl__sim_options(const struct fl__call *call, struct fl_sim_options *options)
{
    fl_sim_options_init(options);
    const char *without = fl__settings_text(&call->settings, "without");
    const char *what = fl__settings_text(&call->settings, "what");
    if (without)
        (void)fl__value_faults(without, &options->without);
    if (strcmp(what, "any") != 0)
        options->mode = strcmp(what, "cores") == 0 ? FL_SIM_CORES : FL_SIM_SERVERS;
}

void fl__sim_words(const struct fl_sim_options *options, char out[FL__SIM_WORDS_SIZE])
{
    const char *separator = " --without ";
    size_t used = (size_t)snprintf(out, FL__SIM_WORDS_SIZE, "%" PRIu64, options->seed);
    if (options->mode != FL_SIM_ANY)
        used += (size_t)snprintf(out + used, FL__SIM_WORDS_SIZE - used, " --what %s",
                                 options->mode == FL_SIM_CORES ? "cores" : "servers");
    for (uint32_t fault = 0; fault < FL_SIM_FAULTS && used < FL__SIM_WORDS_SIZE; fault++) {
        if (!(options->without >> fault & 1))
            continue;
        used += (size_t)snprintf(out + used, FL__SIM_WORDS_SIZE - used, "%s%s", separator,
                                 fl_sim_fault_name((enum fl_sim_fault)fault));
        separator = ",";
    }
}

static bool read_seed(const struct fl__call *call, struct fl_sim_options *options)
{
    fl__sim_options(call, options);
    if (fl__value_count(call->arguments[0], &options->seed))
        return true;
    fl__say_error(FL__CODE_USAGE, "a seed is a whole number");
    fl__say_fact("given", "%s", call->arguments[0]);
    return false;
}

/* What `sim shrink` left of a life. */
static void read_shrunk(const struct fl__call *call, struct fl_sim_options *options)
{
    const char *strikes = fl__settings_text(&call->settings, "strikes");
    if (strikes)
        (void)fl__value_strikes(strikes, &options->strikes);
    if (fl__settings_text(&call->settings, "clients"))
        options->clients_max = (uint32_t)fl__settings_number(&call->settings, "clients");
    options->events_max = fl__settings_number(&call->settings, "events");
}

int fl__run_sim_replay(const struct fl__call *call)
{
    struct fl_sim_options options;
    struct fl_sim_result result;
    char names[NODES_MAX][16];
    struct teller teller = {.json = fl__settings_flag(&call->settings, "json"),
                            .trace = fl__settings_flag(&call->settings, "trace"),
                            .colours = fl__colours(&call->settings)};
    if (!read_seed(call, &options))
        return FL__EXIT_USAGE;
    read_shrunk(call, &options);
    begin_columns(&teller, fl_sim_names(&options, names), (const char(*)[16])names);
    options.tell = tell;
    options.tell_context = &teller;
    fl_sim_run(&options, &result);
    if (teller.json)
        return result.failed ? FL__EXIT_REFUSED : FL__EXIT_OK;
    printf("\n%s\n",
           result.failed ? result.text : "No invariant broke, and in the end a healed majority agreed.");
    printf("%" PRIu64 " events in %" PRIu64 ".%03" PRIu64 " s; hash %016" PRIx64 "\n", result.events,
           result.time_us / 1000000, result.time_us / 1000 % 1000, result.trace_hash);
    return result.failed ? FL__EXIT_REFUSED : FL__EXIT_OK;
}

/* The file's content, terminated; NULL if it cannot be had, which is said. */
static char *read_script(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    char *text = file ? calloc(1, SCRIPT_MAX + 1) : NULL;
    *size = text ? fread(text, 1, SCRIPT_MAX + 1, file) : 0;
    bool is_good = text && !ferror(file) && *size <= SCRIPT_MAX;
    if (!is_good) {
        fl__say_error(FL__CODE_FILE, "the scenario file cannot be read");
        fl__say_fact("given", "%s", path);
        fl__say_fact("now", "%s", *size > SCRIPT_MAX ? "it has more than 1 MiB" : strerror(errno));
        free(text);
    }
    if (file)
        fclose(file);
    return is_good ? text : NULL;
}

static int sum_up_play(int error, const struct fl_sim_play_result *result, bool is_quiet)
{
    if (error == FL_OK && result->failures == 0) {
        if (!is_quiet)
            printf("\n%u of %u expectations held; no other invariant broke; hash %016" PRIx64 "\n",
                   result->expectations, result->expectations, result->trace_hash);
        return FL__EXIT_OK;
    }
    fl__say_error(error == FL_EINVAL ? FL__CODE_USAGE : FL__CODE_STORY, "line %u: %s", result->line,
                  result->text[0] ? result->text : "the story cannot go on");
    if (error == FL_EINVAL)
        fl__say_fact("do", "scenarios.md, in docs or share/doc/fairlead, has the grammar");
    else
        fl__say_fact("now", "%u did not hold, of %u expectations and all invariants", result->failures,
                     result->expectations);
    return error == FL_EINVAL ? FL__EXIT_USAGE : FL__EXIT_REFUSED;
}

/* How many nodes the `nodes` and `learners` lines name, and how they call them. */
static unsigned find_names(const char *script, char names[][16])
{
    unsigned count = 0;
    for (const char *line = script; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        bool is_names = strncmp(line, "nodes ", 6) == 0 || strncmp(line, "learners ", 9) == 0;
        const char *word = line + strcspn(line, " \n");
        while (is_names && count < NODES_MAX) {
            word += strspn(word, " ");
            size_t length = strcspn(word, " \n#");
            if (length == 0)
                break;
            snprintf(names[count++], 16, "%.*s", (int)length, word);
            word += length;
        }
    }
    return count;
}

int fl__run_sim_run(const struct fl__call *call)
{
    size_t size;
    char names[NODES_MAX][16];
    struct fl_sim_options options;
    struct fl_sim_play_result result;
    bool is_quiet = fl__settings_flag(&call->settings, "quiet");
    struct teller teller = {.json = fl__settings_flag(&call->settings, "json"),
                            .trace = fl__settings_flag(&call->settings, "trace"),
                            .colours = fl__colours(&call->settings)};
    char *script = read_script(call->arguments[0], &size);
    if (!script)
        return FL__EXIT_REFUSED;
    fl_sim_options_init(&options);
    unsigned count = find_names(script, names);
    if (!is_quiet && count > 0) {
        begin_columns(&teller, count, (const char(*)[16])names);
        options.tell = tell;
        options.tell_context = &teller;
    }
    int error = fl_sim_play(script, size, &options, &result);
    free(script);
    fflush(stdout);
    return sum_up_play(error, &result, is_quiet || teller.json);
}

bool fl__write_file(const char *path, const char *text)
{
    FILE *out = fopen(path, "w");
    bool is_written = out && fputs(text, out) >= 0;
    is_written = (!out || fclose(out) == 0) && is_written;
    if (is_written)
        return true;
    fl__say_error(FL__CODE_FILE, "the scenario file cannot be written");
    fl__say_fact("now", "%s: %s", path, strerror(errno));
    return false;
}

static void print_strikes(const struct fl_sim_strikes *strikes)
{
    const char *separator = " --strikes ";
    for (uint32_t k = 0; k < FL_SIM_STRIKES_MAX; k++) {
        if (!(strikes->bits[k / 64] >> k % 64 & 1))
            continue;
        printf("%s%" PRIu32, separator, k);
        separator = ",";
    }
    if (*separator == ' ')
        printf(" --strikes none");
}

static void print_what_is_left(const struct fl_sim_options *options)
{
    struct fl_sim_options usual;
    fl_sim_options_init(&usual);
    char words[FL__SIM_WORDS_SIZE];
    fl__sim_words(options, words);
    printf("fairlead sim replay %s", words);
    if (options->clients_max < usual.clients_max)
        printf(" --clients %" PRIu32, options->clients_max);
    if (options->events_max < usual.events_max)
        printf(" --events %" PRIu64, options->events_max);
    if (options->strikes.is_chosen)
        print_strikes(&options->strikes);
    printf("\n");
}

int fl__run_sim_shrink(const struct fl__call *call)
{
    struct fl_sim_options options;
    struct fl_sim_result result;
    char usual[64], *script;
    const char *path = fl__settings_text(&call->settings, "out");
    if (!read_seed(call, &options))
        return FL__EXIT_USAGE;
    snprintf(usual, sizeof usual, "seed-%" PRIu64 ".txt", options.seed);
    path = path ? path : usual;
    if (!fl_sim_shrink(&options, &script, &result)) {
        fl__say_error(FL__CODE_STORY, "seed %" PRIu64 " does not fail: there is nothing to shrink",
                      options.seed);
        return FL__EXIT_REFUSED;
    }
    printf("%s\n", result.text);
    print_what_is_left(&options);
    bool is_written = !script || fl__write_file(path, script);
    if (script && is_written)
        printf("%" PRIu64 " events are left: fairlead sim run %s\n", result.events, path);
    free(script);
    return is_written ? FL__EXIT_OK : FL__EXIT_REFUSED;
}
