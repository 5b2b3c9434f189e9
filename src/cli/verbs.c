/* verbs.c - the table of verbs. A verb that does not exist is not here, and so in no help. */
#include "cli.h"

#include <string.h>

const struct fl__verb fl__verbs[] = {
    {.section = "Start",
     .name = "up",
     .arguments = "[N]",
     .arguments_max = 1,
     .rest = "SERVE OPTIONS",
     .summary = "run N local nodes (3)",
     .options = fl__options_up,
     .run = fl__run_up,
     .notes = "Runs N nodes (1 to 9; 3) on this machine, each a process of its own with its data under\n"
              "./fairlead-data, and returns when a test write is committed on all of them. On a cluster\n"
              "that is up it changes nothing; on one that was stopped it starts what does not run.\n"
              "What follows -- is given to each node: fairlead up -- --election-timeout 200\n\n"
              "The nodes share the machine's memory: each may fill its part of 80 %, which is\n"
              "--maxmemory 26% for each of three, where `fairlead config` has 80 % for one alone.\n"
              "FAIRLEAD_MAXMEMORY or -- --maxmemory SIZE gives each another limit."},
    {.name = "down",
     .arguments = "",
     .summary = "stop them; data is kept",
     .options = fl__options_local,
     .run = fl__run_down,
     .notes = "Stops all local nodes. Their data is kept; `fairlead up` starts them again."},
    {.name = "stop",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "stop one local node, to see what happens",
     .options = fl__options_local,
     .run = fl__run_stop,
     .notes = "Stops one local node (n1, n2, ...), the leader too. The others go on while most of them run."},
    {.name = "start",
     .arguments = "NAME",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "start it again",
     .options = fl__options_local,
     .run = fl__run_start,
     .notes = "Starts a local node that was stopped, and returns when it has caught up."},
    {.name = "serve",
     .arguments = "",
     .summary = "run one node (what a service unit calls)",
     .options = fl__options_serve,
     .run = fl__run_serve,
     .notes =
         "To start, a node needs --bootstrap with --cluster-id, or a data directory that has been used before.\n"
         "Its identity then lives in that directory; options that contradict it stop the start-up and are named.\n"
         "A line \"redis.NAME = VALUE\" of the file is a setting as CONFIG SET takes it; CONFIG REWRITE saves them."},
    {.name = "learn",
     .arguments = "[LESSON]",
     .arguments_max = 1,
     .summary = "the playground: Figures 7 and 8, elections, partitions",
     .options = fl__options_learn,
     .run = fl__run_learn,
     .notes =
         "Serves a page in which Raft can be looked at, broken and taken back step by step: the core of this\n"
         "program, in a browser. It needs no cluster and touches none. LESSON is a lesson or a scenario to begin\n"
         "with, such as figure-7. On a desktop the browser is opened. Ctrl-C ends it."},
    {.section = "Use",
     .name = "cli",
     .arguments = "[COMMAND...]",
     .verbatim = true,
     .summary = "Redis prompt that follows the leader",
     .options = fl__options_cli,
     .run = fl__run_cli,
     .notes =
         "With words after the options it sends that one command; without, it reads commands line by line. When\n"
         "the node it asks goes away or loses its leader, it finds another. It then repeats reads; a write whose\n"
         "answer was lost it never sends again. On a terminal: Tab completes, `help NAME` explains a command,\n"
         "Ctrl-C ends SUBSCRIBE, and lines are kept in $XDG_STATE_HOME/fairlead/history or ~/.fairlead_history,\n"
         "but for those with passwords.\n"
         "Exit: 0 ok, 1 an error was answered, 3 no quorum, 4 no node answers, 6 a write may or may not be done;\n"
         "of several lines the largest."},
    {.name = "bench",
     .arguments = "",
     .summary = "load test with latency percentiles",
     .options = fl__options_bench,
     .run = fl__run_bench,
     .notes =
         "Writes and reads keys that begin with \"bench:\", and no others: fills them first if there will be\n"
         "reads, and removes them at the end. Ctrl-C ends it early and prints what there is. When the leader\n"
         "goes away it reconnects to the next one, and tells the longest time without an acknowledged command:\n"
         "run `fairlead stop n1` beside it. A client pauses for 10 ms after an error.\n\n"
         "Without --rate each client sends its next command when one is answered, and a slow server is asked\n"
         "less. With --rate commands are due at fixed times, and latency counts from when one was due, not from\n"
         "when it could be sent, so that what waited behind a stall is not left out.\n\n"
         "Exit: 0 every command was acknowledged, 1 some were refused, 3 some for want of a quorum, 4 no node\n"
         "answers, 6 some writes may or may not be done."},
    {.section = "See",
     .name = "status",
     .arguments = "",
     .summary = "one line per node: role, term, lag; and a verdict",
     .options = fl__options_status,
     .run = fl__run_status,
     .notes =
         "Asks each node. The exit code is the verdict: 0 healthy, 3 unavailable (no quorum or no leader),\n"
         "4 no node answers, 5 degraded."},
    {.name = "log",
     .arguments = "[NODE]",
     .arguments_max = 1,
     .summary = "log entries; --diff shows where nodes differ",
     .options = fl__options_log,
     .run = fl__run_log,
     .notes =
         "Prints entries of one node's log (of the leader, if none is named), committed or not. With --diff it\n"
         "draws the logs of all nodes side by side where they part, the leader's first, and says how they differ."},
    {.name = "events",
     .arguments = "[NODE...]",
     .arguments_max = FL_MEMBERS_MAX,
     .summary = "elections, conflicts, repairs, connections; -f follows",
     .options = fl__options_events,
     .run = fl__run_events,
     .notes =
         "Tells what the nodes lived through, as one story: each keeps its last 1,024 events in memory. Events of\n"
         "one node stand in the order in which they happened; between nodes the order is that of their wall\n"
         "clocks, which may differ. The events and the fields of the JSON form are listed in events.md, which is in docs, or once "
         "installed in share/doc/fairlead."},
    {.name = "doctor",
     .arguments = "",
     .summary = "find problems, print the next command to run",
     .options = fl__options_doctor,
     .run = fl__run_doctor,
     .notes =
         "Asks each node how it is and what it lived through, and prints what is wrong or will be: what, the\n"
         "facts, and what to do. Exits with 0 if nothing is wrong (hints alone do not count), with 5 if\n"
         "something is, with 4 if no node answers."},
    {.section = "Simulate",
     .name = "sim fuzz",
     .arguments = "",
     .summary = "live many random lives of a cluster, and judge each",
     .options = fl__options_sim_fuzz,
     .run = fl__run_sim_fuzz,
     .notes =
         "Each seed is a whole cluster's life, with a network, disks and nodes that fail as the seed says: of\n"
         "the real core in four of five, of whole servers and their clients in the fifth. Ends with 1 and\n"
         "names the seed if an invariant breaks, if clients saw what is not linearizable, or if a majority\n"
         "that is whole again does not agree and answer."},
    {.name = "sim replay",
     .arguments = "SEED",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "tell one life, a column for each node",
     .options = fl__options_sim_replay,
     .run = fl__run_sim_replay,
     .notes =
         "The same seed is the same life, on every machine; its last line is a hash of all that happened."},
    {.name = "sim run",
     .arguments = "FILE",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "play a scenario file, and check what it expects",
     .options = fl__options_sim_run,
     .run = fl__run_sim_run,
     .notes = "scenarios.md describes the files; it is in docs, or once installed in share/doc/fairlead."},
    {.name = "sim shrink",
     .arguments = "SEED",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "make a failing life as short as it gets",
     .options = fl__options_sim_shrink,
     .run = fl__run_sim_shrink,
     .notes =
         "Leaves out what the failure does not need. Of cores it writes what is left as a scenario file, which\n"
         "`fairlead sim run` plays; of whole servers it says how to replay what is left."},
    {.name = "sim explore",
     .arguments = "",
     .summary = "visit every state that a small cluster can reach",
     .options = fl__options_sim_explore,
     .run = fl__run_sim_explore,
     .notes =
         "Of the real core: whatever the order in which messages arrive, twice or never, nodes time out, disks\n"
         "complete their writes, and nodes crash and restart. A line tells how far it is: moves from the start,\n"
         "states that differ, moves made. A failure is written as the shortest scenario file that shows it."},
    {.section = "Other",
     .name = "explain",
     .arguments = "[CODE]",
     .arguments_max = 1,
     .summary = "what an error's code means, and what to do",
     .options = fl__options_none,
     .run = fl__run_explain,
     .notes = "Prints the page of a code (FL3001, or 3001), or lists all of them."},
    {.name = "config",
     .arguments = "[SETTING]",
     .arguments_max = 1,
     .summary = "the settings of a node, and where they come from",
     .options = fl__options_config,
     .run = fl__run_config,
     .notes =
         "Lists every setting with its value, as the environment and the configuration file have it; or says\n"
         "all about one: its option, its variable, its line of the file, what it may be, its default."},
    {.name = "completion",
     .arguments = "bash|zsh|fish",
     .arguments_min = 1,
     .arguments_max = 1,
     .summary = "a script that completes command lines",
     .options = fl__options_completion,
     .run = fl__run_completion,
     .notes = "In bash: source <(fairlead completion bash). What is installed brings the scripts along.\n"
              "`fairlead completion nodes` prints the names of the nodes; the options are for that."},
    {.name = "manual",
     .arguments = "PAGE",
     .arguments_min = 1,
     .arguments_max = 1,
     .options = fl__options_none,
     .run = fl__run_manual},
    {.name = "version",
     .arguments = "",
     .summary = "which Fairlead this is",
     .options = fl__options_none,
     .run = fl__run_version},
    {.name = "help",
     .arguments = "[COMMAND]",
     .arguments_max = 2,
     .summary = "this, or a command's options",
     .options = fl__options_none,
     .run = fl__run_help},
    {.name = NULL},
};

const struct fl__verb *fl__verb_find(const char *name)
{
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        if (strcmp(verb->name, name) == 0)
            return verb;
    }
    return NULL;
}

const struct fl__verb *fl__verb_of(unsigned count, const char *const *words, unsigned *used)
{
    char both[64];
    *used = 2;
    if (count >= 2) {
        snprintf(both, sizeof both, "%s %s", words[0], words[1]);
        const struct fl__verb *verb = fl__verb_find(both);
        if (verb != NULL)
            return verb;
    }
    *used = 1;
    return fl__verb_find(words[0]);
}

bool fl__verb_is_of_group(const struct fl__verb *verb, const char *first)
{
    size_t length = strlen(first);
    return strncmp(verb->name, first, length) == 0 && verb->name[length] == ' ';
}

/* Whether some verb of two words begins with this one. */
static bool is_group(const char *first)
{
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++)
        if (fl__verb_is_of_group(verb, first))
            return true;
    return false;
}

static void say_group(const char *first)
{
    const char *label = "do";
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL; verb++) {
        if (!fl__verb_is_of_group(verb, first))
            continue;
        fl__say_fact(label, "fairlead %s", verb->name);
        label = "";
    }
}

int fl__refuse_verb(const char *first, const char *second)
{
    const char *words[32];
    char given[80];
    unsigned count = 0;
    bool has_second = is_group(first) && second != NULL && second[0] != '-';
    if (is_group(first) && second != NULL && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
        fl__help_group(first, stdout);
        return FL__EXIT_OK;
    }
    if (is_group(first) && !has_second) {
        fl__say_error(FL__CODE_USAGE, "`fairlead %s` needs a second word", first);
        say_group(first);
        return FL__EXIT_USAGE;
    }
    snprintf(given, sizeof given, "%s%s%s", first, has_second ? " " : "", has_second ? second : "");
    for (const struct fl__verb *verb = fl__verbs; verb->name != NULL && count < 31; verb++) {
        if (verb->summary != NULL)
            words[count++] = verb->name;
    }
    words[count] = NULL;
    const char *near = fl__value_nearest(given, words);
    fl__say_error(FL__CODE_USAGE, "there is no command \"%s\"", given);
    if (near != NULL)
        fl__say_fact("do", "perhaps you meant fairlead %s; fairlead help lists all", near);
    else if (has_second)
        say_group(first);
    else
        fl__say_fact("do", "fairlead help");
    return FL__EXIT_USAGE;
}
