/* process.c - the processes of a local cluster: start, recognise, stop.
 *
 * A node's process outlives the command that starts it: it gets a session of its own, no terminal, and its
 * output goes to a file. Later commands know it by its number together with the moment of its start, from
 * /proc, and by its command line, so that no other process is ever taken for it. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG_FILE "log"
#define LOG_LINES 5
#define SERVE_WORDS_MAX 64
#define STOP_PATIENCE ((fl_time_us)5000000)

/* -------------------------------------------------------------------------------------------- recognising */

/* Reads a small file of /proc; returns the bytes read, 0 if there is none. */
static size_t read_proc(pid_t pid, const char *name, char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t count = file < 0 ? 0 : read(file, out, size - 1);
    if (file >= 0)
        close(file);
    count = count < 0 ? 0 : count;
    out[count] = '\0';
    return (size_t)count;
}

/* When a process started, in the kernel's ticks; 0 if it does not exist or has ended. */
static uint64_t start_time_of(pid_t pid)
{
    char text[1024];
    if (read_proc(pid, "stat", text, sizeof text) == 0)
        return 0;
    /* The second field is the program's name in parentheses, which may itself hold blanks and parentheses. */
    const char *field = strrchr(text, ')');
    if (field == NULL || field[1] != ' ' || field[2] == 'Z' || field[2] == 'X')
        return 0;
    for (unsigned i = 2; i < 22 && field != NULL; i++)
        field = strchr(field + 1, ' ');
    return field == NULL ? 0 : strtoull(field + 1, NULL, 10);
}

/* Whether one of the words on a process's command line is this one. */
static bool has_word(pid_t pid, const char *word)
{
    char text[8192];
    size_t size = read_proc(pid, "cmdline", text, sizeof text);
    for (size_t i = 0; i < size; i += strlen(text + i) + 1) {
        if (strcmp(text + i, word) == 0)
            return true;
    }
    return false;
}

bool fl__process_runs(const struct fl__cluster *cluster, unsigned node)
{
    const struct fl__local *local = &cluster->nodes[node];
    if (local->pid <= 0 || local->start_time == 0 || start_time_of(local->pid) != local->start_time)
        return false;
    char *path = fl__cluster_path(cluster, node, NULL);
    bool ours = path != NULL && has_word(local->pid, path);
    free(path);
    return ours;
}

unsigned fl__process_running(const struct fl__cluster *cluster)
{
    unsigned running = 0;
    for (unsigned i = 0; i < cluster->count; i++)
        running += fl__process_runs(cluster, i);
    return running;
}

/* ----------------------------------------------------------------------------------------------- starting */

/* The words of one node's command line; texts made here are kept in `room`. */
struct words {
    const char *list[SERVE_WORDS_MAX];
    unsigned count;
    char port[3][FL_ADDRESS_MAX], memory[16], bootstrap[FL__LOCAL_MAX * 40];
};

static void add_word(struct words *words, const char *option, const char *value)
{
    fl_assert(words->count + 2 < SERVE_WORDS_MAX);
    words->list[words->count++] = option;
    if (value != NULL)
        words->list[words->count++] = value;
}

static void add_bootstrap(struct words *words, const struct fl__cluster *cluster)
{
    size_t used = 0;
    for (unsigned i = 0; i < cluster->count; i++)
        used += (size_t)snprintf(words->bootstrap + used, sizeof words->bootstrap - used, "%s%s=127.0.0.1:%u",
                                 i == 0 ? "" : ",", cluster->nodes[i].name, fl__cluster_port(cluster, i) + 1);
    add_word(words, "--bootstrap", words->bootstrap);
    add_word(words, "--cluster-id", cluster->id);
}

static void make_words(struct words *words, const struct fl__cluster *cluster, unsigned node,
                       const char *path)
{
    static const char *const ports[] = {"--listen", "--peer", "--web"};
    memset(words, 0, sizeof *words);
    add_word(words, "fairlead", "serve");
    add_word(words, "--dir", path);
    add_word(words, "--name", cluster->nodes[node].name);
    for (unsigned i = 0; i < 3; i++) {
        snprintf(words->port[i], sizeof words->port[i], "127.0.0.1:%u", fl__cluster_port(cluster, node) + i);
        add_word(words, ports[i], words->port[i]);
    }
    add_bootstrap(words, cluster);
    /* Nodes that share a machine share its memory. */
    snprintf(words->memory, sizeof words->memory, "%u%%", 80 / cluster->count);
    if (getenv("FAIRLEAD_MAXMEMORY") == NULL)
        add_word(words, "--maxmemory", words->memory);
    if (getenv("FAIRLEAD_LOG") == NULL)
        add_word(words, "--log", "text");
    for (unsigned i = 0; i < cluster->serve_count; i++)
        add_word(words, cluster->serve[i], NULL);
}

/* In the child: leaves the terminal and becomes the node. Returns only if that fails. */
static void become_node(const struct words *words, int log)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDONLY);
    if (setsid() < 0 || null < 0 || dup2(null, STDIN_FILENO) < 0 || dup2(log, STDOUT_FILENO) < 0 ||
        dup2(log, STDERR_FILENO) < 0)
        return;
    /* By its path, so that process lists show the program's name; by what the kernel holds if that was
     * replaced. */
    char path[4096];
    ssize_t size = readlink("/proc/self/exe", path, sizeof path - 1);
    if (size > 0) {
        path[size] = '\0';
        execv(path, (char *const *)(uintptr_t)words->list);
    }
    execv("/proc/self/exe", (char *const *)(uintptr_t)words->list);
}

static int open_log(const struct fl__cluster *cluster, unsigned node)
{
    char *path = fl__cluster_path(cluster, node, LOG_FILE);
    int file = path == NULL ? -1 : open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    free(path);
    return file;
}

/* Returns once the child's program is the node's, which closes the pipe, or the child has said through it why
 * not. */
static bool spawn(struct fl__local *local, const struct words *words, int log)
{
    int ends[2], why = 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        become_node(words, log);
        why = errno;
        _exit(write(ends[1], &why, sizeof why) == sizeof why ? 127 : 126);
    }
    close(ends[1]);
    bool good = pid > 0 && read(ends[0], &why, sizeof why) == 0;
    close(ends[0]);
    if (pid > 0 && !good) {
        waitpid(pid, NULL, 0);
        errno = why;
    }
    local->pid = good ? pid : 0;
    local->start_time = good ? start_time_of(pid) : 0;
    return good;
}

bool fl__process_start(struct fl__cluster *cluster, unsigned node)
{
    struct words words;
    char *path = fl__cluster_path(cluster, node, NULL);
    bool good = path != NULL && (mkdir(path, 0777) == 0 || errno == EEXIST);
    int log = good ? open_log(cluster, node) : -1;
    good = log >= 0;
    if (good) {
        make_words(&words, cluster, node, path);
        good = spawn(&cluster->nodes[node], &words, log);
    }
    if (!good) {
        fl__say_error(FL__CODE_SYSTEM, "%s cannot be started", cluster->nodes[node].name);
        fl__say_fact("now", "%s", strerror(errno));
    }
    if (log >= 0)
        close(log);
    free(path);
    if (!good || fl__cluster_save(cluster))
        return good;
    fl__process_stop(cluster, node); /* Nobody would find it again. */
    (void)fl__process_wait(cluster, node, STOP_PATIENCE);
    return false;
}

/* ----------------------------------------------------------------------------------------------- stopping */

void fl__process_stop(const struct fl__cluster *cluster, unsigned node)
{
    if (fl__process_runs(cluster, node))
        kill(cluster->nodes[node].pid, SIGTERM);
}

bool fl__process_wait(const struct fl__cluster *cluster, unsigned node, fl_time_us timeout)
{
    fl_time_us end = fl__now() + timeout;
    while (fl__process_runs(cluster, node)) {
        if (fl__now() >= end)
            return false;
        fl__pause(5000);
    }
    return true;
}

/* ----------------------------------------------------------------------------------------- what it logged */

void fl__process_say_log(const struct fl__cluster *cluster, unsigned node)
{
    char text[4096];
    char *path = fl__cluster_path(cluster, node, LOG_FILE);
    FILE *file = path == NULL ? NULL : fopen(path, "re");
    size_t size = 0;
    if (file != NULL) {
        if (fseek(file, -(long)(sizeof text - 1), SEEK_END) != 0)
            rewind(file);
        size = fread(text, 1, sizeof text - 1, file);
        fclose(file);
    }
    while (size > 0 && text[size - 1] == '\n')
        size--;
    text[size] = '\0';
    char *start = text + size;
    for (unsigned lines = 0; start > text; start--) {
        if (start[-1] == '\n' && ++lines == LOG_LINES)
            break;
    }
    for (char *line = strsep(&start, "\n"); line != NULL; line = strsep(&start, "\n")) {
        if (line[0] != '\0')
            fl__say_fact("log", "%s", line);
    }
    if (path != NULL)
        fl__say_fact("more", "%s", path);
    free(path);
}
