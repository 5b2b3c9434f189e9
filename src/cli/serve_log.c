/* serve_log.c - the log lines of `serve`.
 *
 * As text, for people:
 *     2026-01-02T03:04:05.678Z info  n1 leads in term 2
 * As JSON:
 *     {"time":"2026-01-02T03:04:05.678Z","level":"info","node":"n1","message":"n1 leads in term 2"}
 *
 * Each line is one write, so that lines of several processes in one file do not mix. */
#include "cli.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const levels[] = {"error", "warn", "info", "debug", "trace"};

#define LEVEL_COUNT ((int)(sizeof levels / sizeof levels[0]))

int fl__serve_log_level(const char *word)
{
    for (int i = 0; i < LEVEL_COUNT; i++) {
        if (strcmp(levels[i], word) == 0)
            return i;
    }
    return -1;
}

static void say_time(char out[32])
{
    struct timespec now;
    struct tm parts;
    char seconds[24];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(out, 32, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

static void write_json(const struct fl__serve_log *log, const char *stamp, const char *level,
                       const char *line)
{
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "time", stamp);
    cJSON_AddStringToObject(json, "level", level);
    cJSON_AddStringToObject(json, "node", log->node);
    cJSON_AddStringToObject(json, "message", line);
    char *text = cJSON_PrintUnformatted(json);
    if (text != NULL)
        fprintf(log->out, "%s\n", text);
    free(text);
    cJSON_Delete(json);
}

void fl__serve_log_line(void *context, int level, const char *line)
{
    const struct fl__serve_log *log = context;
    char stamp[32];
    if (level > log->level || level < 0 || level >= LEVEL_COUNT)
        return;
    say_time(stamp);
    if (log->json)
        write_json(log, stamp, levels[level], line);
    else
        fprintf(log->out, "%s %-5s %s\n", stamp, levels[level], line);
    fflush(log->out);
}
