/* bench_report.c - what `bench` tells of what it saw.
 *
 * The JSON form is one object:
 *     to             "leader", "all" or "node"
 *     clients, depth, rate (null: none), interrupted
 *     seconds        from the first command to the last answer
 *     writes, reads  objects: operations (acknowledged), per_second, errors, longest_gap_ms (without one that
 *                    was acknowledged), latency_us: {mean, p50, p90, p99, p99_9, max}, null if there are none
 *     unknown        writes that may or may not have been done
 *     unsent         with a rate: commands that were due and that no client was free to send
 *     errors         array of {word, outcome ("not done" or "unknown"), writes, reads} */
#include "client.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

static const unsigned ranks[] = {500000, 900000, 990000, 999000, 1000000};
#define RANKS (sizeof ranks / sizeof ranks[0])

static double seconds_of(const struct fl__load *load)
{
    return (double)(load->stopped - load->begin) / 1e9;
}

/* At the end of the phase the time since the last answer is a gap too. */
static uint64_t gap_of(const struct fl__load *load, const struct fl__load_side *side)
{
    uint64_t last = load->stopped > side->last_done ? load->stopped - side->last_done : 0;
    return last > side->longest_gap ? last : side->longest_gap;
}

/* "950 us", "1.25 ms", "12.5 ms", "3.02 s" */
static void time_text(uint64_t ns, char *out, size_t size)
{
    double value = (double)ns / 1e3;
    const char *unit = "us";
    if (value >= 999500) {
        value /= 1e6;
        unit = "s";
    } else if (value >= 999.5) {
        value /= 1e3;
        unit = "ms";
    }
    snprintf(out, size, "%.*f %s",
             unit[0] == 'u' || value >= 99.95 ? 0
             : value >= 9.995                 ? 1
                                              : 2,
             value, unit);
}

void fl__bench_progress(const struct fl__load *load, double seconds, char *out, size_t size)
{
    char rate[32], middle[32], high[32], errors[32];
    const struct fl__tally *interval = &load->interval;
    uint64_t failed = load->sides[0].errors + load->sides[1].errors;
    time_text(fl__tally_at(interval, 500000), middle, sizeof middle);
    time_text(fl__tally_at(interval, 990000), high, sizeof high);
    fl__grouped((uint64_t)((double)interval->count / seconds + 0.5), rate);
    fl__grouped(failed, errors);
    if (interval->count == 0)
        snprintf(middle, sizeof middle, "-"), snprintf(high, sizeof high, "-");
    snprintf(out, size, "%7.0f s  %9s ops/s   p50 %7s   p99 %7s   %s error%s",
             (double)(load->now - load->begin) / 1e9, rate, middle, high, errors, failed == 1 ? "" : "s");
}

/* --------------------------------------------------------------------------------------------------- text */

static void add_row(struct fl__table *table, const struct fl__load *load, const char *name,
                    const struct fl__load_side *side)
{
    char number[32], time[32];
    double seconds = seconds_of(load);
    fl__table_add(table, FL__BOLD, "%s", name);
    fl__table_add(table, FL__PLAIN, "%s", fl__grouped(side->latency.count, number));
    fl__table_add(
        table, FL__BOLD, "%s",
        fl__grouped(seconds > 0 ? (uint64_t)((double)side->latency.count / seconds + 0.5) : 0, number));
    fl__table_add(table, side->errors > 0 ? FL__RED : FL__PLAIN, "%s", fl__grouped(side->errors, number));
    for (unsigned i = 0; i < RANKS; i++) {
        time_text(fl__tally_at(&side->latency, ranks[i]), time, sizeof time);
        fl__table_add(table, FL__PLAIN, "%s", side->latency.count == 0 ? "-" : time);
    }
}

/* The longest times in which nothing was acknowledged. */
static void print_gaps(const struct fl__load *load)
{
    char writes[32], reads[32];
    bool has_writes = load->plan->writes > 0, has_reads = load->plan->writes < 100;
    time_text(gap_of(load, &load->sides[1]), writes, sizeof writes);
    time_text(gap_of(load, &load->sides[0]), reads, sizeof reads);
    printf("longest time without an acknowledged ");
    if (has_writes)
        printf("write: %s%s", writes, has_reads ? ", read: " : "\n");
    if (has_reads)
        printf("%s%s\n", has_writes ? "" : "read: ", reads);
}

static void print_errors(const struct fl__load *load, bool colours)
{
    char number[32];
    for (unsigned i = 0; i < FL__LOAD_ERRORS && load->errors[i].word[0] != '\0'; i++) {
        const struct fl__load_error *row = &load->errors[i];
        if (row->writes > 0)
            printf("  %s%-16s%s  %8s write%s %s\n", fl__colour(colours, row->unknown ? FL__RED : FL__YELLOW),
                   row->word, fl__colour(colours, FL__PLAIN), fl__grouped(row->writes, number),
                   row->writes == 1 ? ": " : "s:", row->unknown ? "outcome unknown" : "not done");
        if (row->reads > 0)
            printf("  %s%-16s%s  %8s read%s\n", fl__colour(colours, FL__YELLOW), row->word,
                   fl__colour(colours, FL__PLAIN), fl__grouped(row->reads, number),
                   row->reads == 1 ? "" : "s");
    }
}

void fl__bench_print(const struct fl__load *load, const struct fl__settings *settings)
{
    static const char *const titles[] = {"",     ">OPS", ">OPS/S", ">ERRORS", ">P50",
                                         ">P90", ">P99", ">P99.9", ">MAX"};
    struct fl__table table;
    bool colours = fl__colours(settings);
    char number[32];
    fl__table_init(&table, sizeof titles / sizeof titles[0], titles);
    if (load->plan->writes > 0)
        add_row(&table, load, "writes", &load->sides[1]);
    if (load->plan->writes < 100)
        add_row(&table, load, "reads", &load->sides[0]);
    fl__table_print(&table, stdout, colours, 1000);
    fl__table_release(&table);
    print_gaps(load);
    print_errors(load, colours);
    if (load->unsent > 0)
        printf("  %s due and never sent: no client was free\n", fl__grouped(load->unsent, number));
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_side(cJSON *json, const char *name, const struct fl__load *load,
                     const struct fl__load_side *side)
{
    static const char *const names[RANKS] = {"p50", "p90", "p99", "p99_9", "max"};
    cJSON *object = cJSON_AddObjectToObject(json, name);
    double seconds = seconds_of(load), count = (double)side->latency.count;
    cJSON_AddNumberToObject(object, "operations", count);
    cJSON_AddNumberToObject(object, "per_second",
                            seconds > 0 ? (double)(uint64_t)(count / seconds + 0.5) : 0);
    cJSON_AddNumberToObject(object, "errors", (double)side->errors);
    cJSON_AddNumberToObject(object, "longest_gap_ms", (double)(gap_of(load, side) / 1000000));
    if (side->latency.count == 0) {
        cJSON_AddNullToObject(object, "latency_us");
        return;
    }
    cJSON *latency = cJSON_AddObjectToObject(object, "latency_us");
    cJSON_AddNumberToObject(latency, "mean", (double)fl__tally_mean(&side->latency) / 1000);
    for (unsigned i = 0; i < RANKS; i++)
        cJSON_AddNumberToObject(latency, names[i], (double)fl__tally_at(&side->latency, ranks[i]) / 1000);
}

static void add_errors(cJSON *json, const struct fl__load *load)
{
    cJSON *array = cJSON_AddArrayToObject(json, "errors");
    for (unsigned i = 0; i < FL__LOAD_ERRORS && load->errors[i].word[0] != '\0'; i++) {
        cJSON *object = cJSON_CreateObject();
        cJSON_AddStringToObject(object, "word", load->errors[i].word);
        cJSON_AddStringToObject(object, "outcome", load->errors[i].unknown ? "unknown" : "not done");
        cJSON_AddNumberToObject(object, "writes", (double)load->errors[i].writes);
        cJSON_AddNumberToObject(object, "reads", (double)load->errors[i].reads);
        cJSON_AddItemToArray(array, object);
    }
}

bool fl__bench_json(const struct fl__load *load)
{
    static const char *const targets[] = {"leader", "all", "node"};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "to", targets[load->plan->to]);
    cJSON_AddNumberToObject(json, "clients", load->plan->clients);
    cJSON_AddNumberToObject(json, "depth", load->plan->depth);
    if (load->rate > 0)
        cJSON_AddNumberToObject(json, "rate", (double)load->rate);
    else
        cJSON_AddNullToObject(json, "rate");
    cJSON_AddBoolToObject(json, "interrupted", load->interrupted);
    cJSON_AddNumberToObject(json, "seconds", (double)(uint64_t)(seconds_of(load) * 1000) / 1000);
    add_side(json, "writes", load, &load->sides[1]);
    add_side(json, "reads", load, &load->sides[0]);
    cJSON_AddNumberToObject(json, "unknown", (double)load->unknown);
    cJSON_AddNumberToObject(json, "unsent", (double)load->unsent);
    add_errors(json, load);
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    if (text != NULL)
        printf("%s\n", text);
    free(text);
    return text != NULL;
}
