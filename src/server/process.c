/* process.c - the process as the operating system sees it, under the names that every exporter gives them:
 * process_cpu_seconds_total and its kin.
 *
 * Asked for by the web port's thread alone, from Linux's /proc and by POSIX calls, outside fairlead/io.h:
 * none of it ever reaches what a node does. What a system does not tell is absent. */
#include "server.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_FIELDS 22 /* Of /proc/self/stat, from number 3 to the last one that is used, 24. */

static void add(struct fl__reply *out, const char *name, const char *type, double value, const char *help)
{
    char text[512];
    int size = snprintf(text, sizeof text, "# HELP %s %s\n# TYPE %s %s\n%s %.15g\n", name, help, name, type,
                        name, value);
    if (size > 0 && (size_t)size < sizeof text)
        fl__reply_raw(out, (struct fl__bytes){text, (size_t)size});
}

static void add_cpu(struct fl__reply *out)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return;
    double seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                     (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    add(out, "process_cpu_seconds_total", "counter", seconds, "Processor time used, by user and system.");
}

static void add_files(struct fl__reply *out)
{
    struct rlimit limit;
    DIR *directory = opendir("/proc/self/fd");
    uint64_t count = 0;
    if (directory != NULL) {
        while (readdir(directory) != NULL)
            count++;
        closedir(directory);
        /* Without ".", "..", and the one that counted. */
        add(out, "process_open_fds", "gauge", count > 3 ? (double)(count - 3) : 0,
            "File descriptors that are open.");
    }
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        add(out, "process_max_fds", "gauge", (double)limit.rlim_cur, "File descriptors that may be open.");
}

/* A small file of /proc; false: there is none. */
static bool read_file(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    out[fread(out, 1, size - 1, file)] = '\0';
    fclose(file);
    return true;
}

/* The numbers of /proc/self/stat behind the program's name, which may hold blanks and brackets: fields[k] is
 * what proc(5) gives number k + 3. */
static bool read_stat(uint64_t fields[STAT_FIELDS])
{
    char text[1024], *rest = NULL;
    const char *name_end = read_file("/proc/self/stat", text, sizeof text) ? strrchr(text, ')') : NULL;
    if (name_end == NULL)
        return false;
    char *word = strtok_r(text + (name_end - text) + 1, " ", &rest);
    for (unsigned k = 0; k < STAT_FIELDS; k++, word = strtok_r(NULL, " ", &rest)) {
        if (word == NULL)
            return false;
        fields[k] = strtoull(word, NULL, 10);
    }
    return true;
}

/* Since 1970. From the moment at which the machine started, as Linux has noted it, so that each answer is the
 * same. 0: it does not say. */
static double started_at(uint64_t ticks_after_boot)
{
    char line[256];
    unsigned long long boot = 0;
    FILE *file = fopen("/proc/stat", "re");
    while (file != NULL && boot == 0 && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, "btime ", 6) == 0)
            boot = strtoull(line + 6, NULL, 10);
    }
    if (file != NULL)
        fclose(file);
    return boot == 0 ? 0 : (double)boot + (double)ticks_after_boot / (double)sysconf(_SC_CLK_TCK);
}

static void add_stat(struct fl__reply *out)
{
    uint64_t fields[STAT_FIELDS];
    if (!read_stat(fields))
        return;
    double start = started_at(fields[22 - 3]);
    if (start > 0)
        add(out, "process_start_time_seconds", "gauge", start,
            "When the process started, in seconds since 1970.");
    add(out, "process_virtual_memory_bytes", "gauge", (double)fields[23 - 3], "Virtual memory.");
    add(out, "process_resident_memory_bytes", "gauge", (double)fields[24 - 3] * (double)sysconf(_SC_PAGESIZE),
        "Resident memory.");
}

void fl__process_write(struct fl__reply *out)
{
    add_cpu(out);
    add_files(out);
    add_stat(out);
}
