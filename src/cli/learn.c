/* learn.c - `learn`: the web page as a playground, without a node, until Ctrl-C. */
#include "cli.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cjson/cJSON.h>

#define ADDRESS_SIZE 256

/* What can stand behind the # of a link: the names in an index of the page. To be deleted. */
static cJSON *read_names(const char *path, const char *key)
{
    size_t size;
    const char *text = fl_web_file(path, &size);
    cJSON *index = text != NULL ? cJSON_ParseWithLength(text, size) : NULL;
    cJSON *names = cJSON_CreateArray();
    const cJSON *one;
    cJSON_ArrayForEach(one, index)
    {
        char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(one, key));
        if (name != NULL)
            cJSON_AddItemToArray(names, cJSON_CreateString(strtok(name, ".")));
    }
    cJSON_Delete(index);
    return names;
}

#define LESSONS "web/learn/index.json", "id"
#define SCENARIOS "web/scenarios/index.json", "file"

static void print_names(cJSON *names)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names) printf("%s ", name->valuestring);
    cJSON_Delete(names);
}

void fl__learn_print_names(void)
{
    print_names(read_names(LESSONS));
    print_names(read_names(SCENARIOS));
}

static bool has_name(const cJSON *names, const char *lesson)
{
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        if (strcmp(name->valuestring, lesson) == 0)
            return true;
    }
    return false;
}

#define NAMES_SIZE 1024

static void say_names(const char *label, const cJSON *names)
{
    char list[NAMES_SIZE] = "";
    size_t used = 0;
    const cJSON *name;
    cJSON_ArrayForEach(name, names)
    {
        if (used < sizeof list)
            used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "",
                                     name->valuestring);
    }
    fl__say_fact(label, "%s", list);
}

static bool check(const struct fl__call *call)
{
    const char *lesson = call->argument_count > 0 ? call->arguments[0] : NULL;
    if (lesson == NULL)
        return true;
    cJSON *lessons = read_names(LESSONS);
    cJSON *scenarios = read_names(SCENARIOS);
    bool good = has_name(lessons, lesson) || has_name(scenarios, lesson);
    if (!good) {
        fl__say_error(FL__CODE_USAGE, "there is no lesson or scenario \"%s\"", lesson);
        say_names("want", lessons);
        say_names("more", scenarios);
    }
    cJSON_Delete(lessons);
    cJSON_Delete(scenarios);
    return good;
}

/* Where somebody sits in front of it. What the browser says is of no use here. */
static void open_browser(const char *address)
{
    const char *words[] = {"xdg-open", address, NULL};
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attributes;
    sigset_t none;
    pid_t browser;
    if (!isatty(STDOUT_FILENO) || (getenv("DISPLAY") == NULL && getenv("WAYLAND_DISPLAY") == NULL))
        return;
    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", 1 /* O_WRONLY */, 0);
    posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setpgroup(&attributes, 0); /* Ctrl-C is not for it. */
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    (void)posix_spawnp(&browser, words[0], &files, &attributes, (char *const *)(uintptr_t)words, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&files);
}

static int say_failed(const struct fl_error_report *report)
{
    fl__say_error(FL__CODE_PAGE, "%s", report->text);
    if (report->error == FL_EINVAL)
        fl__say_fact("do", "build it where clang and lld can be found (tools/packages lists what is needed)");
    else
        fl__say_fact("do", "fairlead learn --web 127.0.0.1:PORT serves it elsewhere");
    return FL__EXIT_REFUSED;
}

int fl__run_learn(const struct fl__call *call)
{
    const struct fl_web_options options = {.address = fl__settings_text(&call->settings, "web"),
                                           .version = FL_VERSION};
    const char *lesson = call->argument_count > 0 ? call->arguments[0] : NULL;
    struct fl_error_report report;
    struct fl_web *web;
    char address[ADDRESS_SIZE];
    sigset_t signals;
    int number;
    if (!check(call))
        return FL__EXIT_USAGE;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* For the page's thread as well. */
    if (fl_web_start(&web, NULL, &options, &report) != FL_OK)
        return say_failed(&report);
    snprintf(address, sizeof address, "http://%s/learn%s%s", options.address, lesson != NULL ? "#" : "",
             lesson != NULL ? lesson : "");
    if (!fl__settings_flag(&call->settings, "quiet"))
        printf("  learn  %s\n  end    Ctrl-C\n", address);
    fflush(stdout);
    if (!fl__settings_flag(&call->settings, "no-open"))
        open_browser(address);
    while (sigwait(&signals, &number) != 0)
        continue;
    fl_web_stop(web);
    return FL__EXIT_OK;
}
