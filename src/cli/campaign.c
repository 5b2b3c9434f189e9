/* campaign.c - `sim fuzz`: many lives, some at a time.
 *
 * Each job is a process of its own that lives every jobs-th seed and reports each before and after: so a life
 * that breaks an assertion of the code itself is known by its seed too. */
#include "cli.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { JOBS_MAX = 256 };

/* What a job says: that a life begins, or how it was. Shorter than PIPE_BUF, so it is written at once. */
struct report {
    uint64_t seed;
    bool is_over;
    struct fl_sim_result result;
};

struct job {
    pid_t pid;
    int pipe;
    uint64_t seed; /* Which it lives now. */
    bool is_living;
};

struct campaign {
    struct fl_sim_options options;
    uint64_t first, last; /* Seeds; `last` is out of reach where a time was given. */
    fl_time_us until;     /* 0: until the last seed. */
    unsigned job_count;
    struct job jobs[JOBS_MAX];
    fl_time_us begun_at, shown_at;
    uint64_t lives, events, checks, marks, hash;
    fl_time_us lived_us;
    bool is_quiet, failed;
    struct report failure; /* Of the lowest seed that failed. */
    int signal;            /* That ended it; 0: none. */
};

fl_time_us fl__now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (fl_time_us)now.tv_sec * 1000000 + (fl_time_us)now.tv_nsec / 1000;
}

/* --------------------------------------------------------------------------------------------------- jobs */

static bool say(int pipe, const struct report *report)
{
    return write(pipe, report, sizeof *report) == (ssize_t)sizeof *report;
}

/* Never returns. */
static void work(const struct campaign *campaign, unsigned number, int pipe)
{
    for (uint64_t seed = campaign->first + number; seed <= campaign->last && seed >= campaign->first;
         seed += campaign->job_count) {
        struct fl_sim_options options = campaign->options;
        struct report report = {.seed = seed};
        if (campaign->until && fl__now_us() >= campaign->until)
            break;
        options.seed = seed;
        if (!say(pipe, &report))
            _exit(1);
        fl_sim_run(&options, &report.result);
        report.is_over = true;
        if (!say(pipe, &report) || report.result.failed)
            _exit(report.result.failed ? 0 : 1);
    }
    _exit(0);
}

static bool start_job(struct campaign *campaign, unsigned number)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        close(ends[0]);
        work(campaign, number, ends[1]);
    }
    close(ends[1]);
    if (pid < 0) {
        close(ends[0]);
        return false;
    }
    campaign->jobs[number] = (struct job){.pid = pid, .pipe = ends[0]};
    return true;
}

static void end_job(struct campaign *campaign, struct job *job)
{
    int status;
    close(job->pipe);
    job->pipe = -1;
    while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
        continue;
    bool is_broken = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    if (!is_broken || (campaign->failed && !job->is_living))
        return;
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM && campaign->failed)
        return; /* Ours. */
    if (!campaign->failed || job->seed < campaign->failure.seed) {
        campaign->failed = true;
        campaign->failure = (struct report){.seed = job->seed};
        campaign->signal = WIFSIGNALED(status) ? WTERMSIG(status) : -1;
    }
}

/* ------------------------------------------------------------------------------------------------ results */

const char *fl__grouped(uint64_t value, char out[32])
{
    char digits[24];
    size_t length = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, value), at = 0;
    for (size_t k = 0; k < length; k++) {
        if (k > 0 && (length - k) % 3 == 0)
            out[at++] = ',';
        out[at++] = digits[k];
    }
    out[at] = '\0';
    return out;
}

static unsigned count_marks(uint64_t marks, unsigned *all)
{
    unsigned count = 0;
    for (*all = 0; fl_sim_mark_name(*all); (*all)++)
        count += marks >> *all & 1;
    return count;
}

static void show(struct campaign *campaign, FILE *out)
{
    char lives[32], events[32], rate[32], lived[32];
    fl_time_us spent = fl__now_us() - campaign->begun_at + 1;
    unsigned all, reached = count_marks(campaign->marks, &all);
    fprintf(out,
            "%s lives, %s events, %s s of their time in %.1f s: %.0f lives/s, %s events/s; %u of %u marks",
            fl__grouped(campaign->lives, lives), fl__grouped(campaign->events, events),
            fl__grouped(campaign->lived_us / 1000000, lived), (double)spent / 1e6,
            (double)campaign->lives * 1e6 / (double)spent,
            fl__grouped((uint64_t)((double)campaign->events * 1e6 / (double)spent), rate), reached, all);
}

/* On a terminal the line is written over, twice a second; elsewhere there is one every ten seconds. */
static void maybe_show(struct campaign *campaign)
{
    bool is_terminal = isatty(STDERR_FILENO);
    fl_time_us now = fl__now_us(), every = is_terminal ? 500000 : 10000000;
    if (campaign->is_quiet || now - campaign->shown_at < every)
        return;
    campaign->shown_at = now;
    show(campaign, stderr);
    fputs(is_terminal ? "\r" : "\n", stderr);
}

static void take(struct campaign *campaign, struct job *job, const struct report *report)
{
    const struct fl_sim_result *result = &report->result;
    job->seed = report->seed;
    job->is_living = !report->is_over;
    if (!report->is_over)
        return;
    campaign->lives++;
    campaign->events += result->events;
    campaign->checks += result->checks;
    campaign->lived_us += result->time_us;
    campaign->marks |= result->marks;
    campaign->hash += result->trace_hash * (2 * report->seed + 1); /* The same in any order. */
    if (result->failed && (!campaign->failed || report->seed < campaign->failure.seed)) {
        campaign->failed = true;
        campaign->failure = *report;
        campaign->signal = 0;
    }
}

static bool listen_to_job(struct campaign *campaign, struct job *job)
{
    struct report report;
    size_t got = 0;
    while (got < sizeof report) {
        ssize_t n = read(job->pipe, (char *)&report + got, sizeof report - got);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        got += (size_t)n;
    }
    take(campaign, job, &report);
    return true;
}

static void stop_jobs(const struct campaign *campaign)
{
    for (unsigned k = 0; k < campaign->job_count; k++)
        if (campaign->jobs[k].pipe >= 0)
            kill(campaign->jobs[k].pid, SIGTERM);
}

static void listen_to_all(struct campaign *campaign)
{
    for (bool is_stopped = false;;) {
        struct pollfd polls[JOBS_MAX];
        unsigned open = 0;
        for (unsigned k = 0; k < campaign->job_count; k++) {
            polls[k] = (struct pollfd){.fd = campaign->jobs[k].pipe, .events = POLLIN};
            open += campaign->jobs[k].pipe >= 0;
        }
        if (open == 0)
            return;
        (void)poll(polls, campaign->job_count, 500);
        for (unsigned k = 0; k < campaign->job_count; k++)
            if ((polls[k].revents & (POLLIN | POLLHUP)) && !listen_to_job(campaign, &campaign->jobs[k]))
                end_job(campaign, &campaign->jobs[k]);
        maybe_show(campaign);
        if (campaign->failed && !is_stopped)
            stop_jobs(campaign);
        is_stopped = campaign->failed;
    }
}

/* ------------------------------------------------------------------------------------------------ verdict */

/* Fewer lives may well miss a rare state. */
#define LIVES_FOR_ALL_MARKS 10000

static int judge_marks(const struct campaign *campaign)
{
    const struct fl_sim_options *options = &campaign->options;
    bool has_missed = false;
    if (campaign->lives < LIVES_FOR_ALL_MARKS || options->without != 0 || options->mode != FL_SIM_ANY)
        return FL__EXIT_OK;
    for (unsigned mark = 0; fl_sim_mark_name(mark); mark++) {
        if (campaign->marks >> mark & 1)
            continue;
        if (!has_missed)
            fl__say_error(FL__CODE_STORY, "these lives never reached what they are to test");
        fl__say_fact("never", "%s", fl_sim_mark_name(mark));
        has_missed = true;
    }
    return has_missed ? FL__EXIT_REFUSED : FL__EXIT_OK;
}

static int say_failure(const struct campaign *campaign)
{
    const struct report *failure = &campaign->failure;
    struct fl_sim_options options = campaign->options;
    char how[64], words[FL__SIM_WORDS_SIZE];
    options.seed = failure->seed;
    fl__sim_words(&options, words);
    snprintf(how, sizeof how, "it ended with signal %d; what it said stands above", campaign->signal);
    fl__say_error(FL__CODE_STORY, "seed %" PRIu64 " fails", failure->seed);
    fl__say_fact("now", "%s", campaign->signal ? how : failure->result.text);
    fl__say_fact("see", "fairlead sim replay %s", words);
    if (!campaign->signal)
        fl__say_fact("do", "fairlead sim shrink %s", words);
    return FL__EXIT_REFUSED;
}

unsigned fl__processors(void)
{
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > JOBS_MAX ? JOBS_MAX : (unsigned)count;
}

static int run(struct campaign *campaign)
{
    for (unsigned k = 0; k < campaign->job_count; k++)
        campaign->jobs[k].pipe = -1;
    for (unsigned k = 0; k < campaign->job_count; k++) {
        if (start_job(campaign, k))
            continue;
        fl__say_error(FL__CODE_SYSTEM, "a job cannot be started");
        fl__say_fact("now", "%s", strerror(errno));
        stop_jobs(campaign);
        campaign->failed = true; /* So that those stopped are not taken for failures. */
        listen_to_all(campaign);
        return FL__EXIT_REFUSED;
    }
    listen_to_all(campaign);
    if (!campaign->is_quiet) {
        show(campaign, stdout);
        printf("; hash %016" PRIx64 "\n", campaign->hash);
        fflush(stdout);
    }
    return campaign->failed ? say_failure(campaign) : judge_marks(campaign);
}

int fl__run_sim_fuzz(const struct fl__call *call)
{
    const struct fl__settings *settings = &call->settings;
    struct campaign *campaign = calloc(1, sizeof *campaign);
    if (!campaign)
        return FL__EXIT_REFUSED;
    fl__sim_options(call, &campaign->options);
    (void)fl__value_span(fl__settings_text(settings, "seeds"), &campaign->first, &campaign->last);
    campaign->is_quiet = fl__settings_flag(settings, "quiet");
    campaign->job_count = fl__settings_text(settings, "jobs")
                              ? (unsigned)fl__settings_number(settings, "jobs")
                              : fl__processors();
    campaign->begun_at = campaign->shown_at = fl__now_us();
    if (fl__settings_text(settings, "for")) {
        campaign->until = campaign->begun_at + fl__settings_number(settings, "for");
        campaign->last = UINT64_MAX - JOBS_MAX;
    }
    int code = run(campaign);
    free(campaign);
    return code;
}
