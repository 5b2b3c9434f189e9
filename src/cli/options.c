/* options.c - the tables of options, from which the parser, the help, the configuration file and the
 * environment variables are made.
 *
 * Rows that several verbs share are macros, so that one option means one thing everywhere. Defaults are
 * texts, read like what a user gives: so they are checked by the same rules, and `serve --check` can show
 * them. */
#include "cli.h"

#define MS 1000ull
#define SECOND 1000000ull
#define KIB (1ull << 10)
#define MIB (1ull << 20)

#define OPTIONS_END                                                                                          \
    {                                                                                                        \
        .name = NULL                                                                                         \
    }

#define ROW_HELP                                                                                             \
    {                                                                                                        \
        .name = "help", .letter = 'h', .kind = FL__FLAG, .local = true, .help = "print this"                 \
    }

#define ROW_NO_COLOR                                                                                         \
    {                                                                                                        \
        .name = "no-color", .kind = FL__FLAG, .local = true, .help = "plain text; so does NO_COLOR=1"        \
    }

#define ROW_QUIET                                                                                            \
    {                                                                                                        \
        .name = "quiet", .letter = 'q', .kind = FL__FLAG, .local = true, .help = "print nothing but errors"  \
    }

#define ROW_CLUSTER_DIR                                                                                      \
    {                                                                                                        \
        .name = "dir", .kind = FL__PATH, .value = "PATH", .initial = "./fairlead-data",                      \
        .help = "the local cluster's directory"                                                              \
    }

#define ROW_TIMEOUT(text)                                                                                    \
    {                                                                                                        \
        .name = "timeout", .kind = FL__SECONDS, .value = "TIME", .initial = text, .local = true,             \
        .min = 10 * MS, .max = 3600 * SECOND, .help = "give up waiting after this"                           \
    }

#define ROW_NODE                                                                                             \
    {                                                                                                        \
        .name = "node", .letter = 'n', .kind = FL__ADDRESSES, .value = "H:P[,...]",                          \
        .shown = "the cluster in --dir, or " FL__DEFAULT_ADDRESS, .help = "nodes to ask; one is enough"      \
    }

#define ROW_PASSWORD                                                                                         \
    {                                                                                                        \
        .name = "password-file", .kind = FL__PATH, .value = "FILE",                                          \
        .help = "password of the nodes, if they have one"                                                    \
    }

const struct fl__option fl__options_none[] = {ROW_HELP, OPTIONS_END};

const struct fl__option fl__options_up[] = {
    {.name = "fresh", .kind = FL__FLAG, .local = true, .help = "first delete the data of a stopped cluster"},
    {.name = "port",
     .kind = FL__COUNT,
     .value = "BASE",
     .initial = "7600",
     .local = true,
     .min = 1024,
     .max = 65443,
     .help = "node k listens on BASE+10(k-1)"},
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("30s"),
    ROW_QUIET,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_local[] = {ROW_CLUSTER_DIR, ROW_TIMEOUT("30s"), ROW_QUIET, ROW_HELP,
                                               OPTIONS_END};

const struct fl__option fl__options_learn[] = {
    {.name = "web",
     .kind = FL__ADDRESS,
     .value = "H:P",
     .initial = "127.0.0.1:7609",
     .local = true,
     .help = "where the page is served"},
    {.name = "no-open", .kind = FL__FLAG, .local = true, .help = "do not open a browser"},
    ROW_QUIET,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_status[] = {
    ROW_NODE,
    ROW_CLUSTER_DIR,
    {.name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|wide|json",
     .initial = "text",
     .local = true,
     .help = "how much, and for whom"},
    ROW_TIMEOUT("2s"),
    ROW_PASSWORD,
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_events[] = {
    {.name = "follow",
     .letter = 'f',
     .kind = FL__FLAG,
     .local = true,
     .help = "go on, and print what happens as it happens"},
    {.name = "since",
     .kind = FL__SECONDS,
     .value = "TIME",
     .local = true,
     .min = 1,
     .shown = "all that the nodes remember",
     .help = "only the last TIME: 30s, 10m, 2h"},
    {.name = "count",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "100",
     .local = true,
     .min = 1,
     .help = "at most the last N to begin with"},
    {.name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|json",
     .initial = "text",
     .local = true,
     .help = "for people, or a JSON object a line"},
    ROW_NODE,
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("2s"),
    ROW_PASSWORD,
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_doctor[] = {
    {.name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|json",
     .initial = "text",
     .local = true,
     .help = "for people or programs"},
    ROW_NODE,
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("2s"),
    ROW_PASSWORD,
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_log[] = {
    {.name = "diff", .kind = FL__FLAG, .local = true, .help = "where the nodes' logs differ"},
    {.name = "first",
     .kind = FL__COUNT,
     .value = "INDEX",
     .local = true,
     .min = 1,
     .shown = "20 before the last",
     .help = "from this entry on"},
    {.name = "last",
     .kind = FL__COUNT,
     .value = "INDEX",
     .local = true,
     .min = 1,
     .shown = "the log's last",
     .help = "up to this entry"},
    {.name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|json",
     .initial = "text",
     .local = true,
     .help = "for people or programs"},
    ROW_NODE,
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("2s"),
    ROW_PASSWORD,
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_bench[] = {
    {.section = "Load",
     .name = "clients",
     .letter = 'c',
     .kind = FL__COUNT,
     .value = "N",
     .initial = "50",
     .local = true,
     .min = 1,
     .max = 4096,
     .help = "connections"},
    {.name = "depth",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "1",
     .local = true,
     .min = 1,
     .max = 10000,
     .help = "commands in flight on each"},
    {.name = "writes",
     .kind = FL__COUNT,
     .value = "PERCENT",
     .initial = "50",
     .local = true,
     .max = 100,
     .help = "SET so often; GET otherwise"},
    {.name = "incr", .kind = FL__FLAG, .local = true, .help = "writes are INCR"},
    {.name = "size",
     .kind = FL__SIZE,
     .value = "SIZE",
     .initial = "128",
     .local = true,
     .max = 16 * MIB,
     .help = "of a value, in bytes"},
    {.name = "keys",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "10000",
     .local = true,
     .min = 1,
     .max = 1000000000,
     .help = "so many different ones"},
    {.name = "for",
     .kind = FL__SECONDS,
     .value = "TIME",
     .initial = "10s",
     .local = true,
     .min = 100 * MS,
     .max = 7 * 86400 * SECOND,
     .help = "how long"},
    {.name = "count",
     .kind = FL__COUNT,
     .value = "N",
     .local = true,
     .min = 1,
     .max = 1000000000000,
     .help = "end after so many commands, not after a time"},
    {.name = "rate",
     .kind = FL__COUNT,
     .value = "N",
     .local = true,
     .min = 1,
     .max = 10000000,
     .shown = "as fast as answers come",
     .help = "commands a second"},
    {.name = "keep", .kind = FL__FLAG, .local = true, .help = "leave the keys there at the end"},
    {.section = "Nodes",
     .name = "to",
     .kind = FL__CHOICE,
     .value = "leader|all|node",
     .initial = "leader",
     .local = true,
     .help = "who gets the commands; node: those of --node, whoever they are"},
    ROW_NODE,
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("10s"),
    ROW_PASSWORD,
    {.section = "Output",
     .name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|json",
     .initial = "text",
     .local = true,
     .help = "for people or programs"},
    {.name = "quiet",
     .letter = 'q',
     .kind = FL__FLAG,
     .local = true,
     .help = "nothing but the result and errors"},
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_cli[] = {
    {.name = "to",
     .kind = FL__CHOICE,
     .value = "leader|node",
     .initial = "leader",
     .local = true,
     .help = "whom to ask; node: the first of --node, and never another"},
    {.name = "output",
     .letter = 'o',
     .kind = FL__CHOICE,
     .value = "text|raw|json",
     .shown = "text on a terminal, raw elsewhere",
     .local = true,
     .help = "how answers are printed; in JSON a byte XX that is not UTF-8 is \\udcXX"},
    ROW_NODE,
    ROW_CLUSTER_DIR,
    ROW_TIMEOUT("10s"),
    ROW_PASSWORD,
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

#define ROW_STORY_JSON                                                                                       \
    {                                                                                                        \
        .name = "json", .kind = FL__FLAG, .local = true, .help = "one JSON object a line, as events.md says" \
    }

#define ROW_STORY_TRACE                                                                                      \
    {                                                                                                        \
        .name = "trace", .kind = FL__FLAG, .local = true, .help = "every message and write too"              \
    }

#define ROW_WITHOUT                                                                                          \
    {                                                                                                        \
        .name = "without", .kind = FL__FAULTS, .value = "FAULT,...", .local = true,                          \
        .help = "leave these faults out; all else stays the same"                                            \
    }

#define ROW_WHAT                                                                                             \
    {                                                                                                        \
        .name = "what", .kind = FL__CHOICE, .value = "any|cores|servers", .initial = "any", .local = true,   \
        .help = "what lives; any: whole servers in one seed of five"                                         \
    }

#define ROW_JOBS(HELP)                                                                                       \
    {                                                                                                        \
        .name = "jobs", .letter = 'j', .kind = FL__COUNT, .value = "N", .shown = "one a processor",          \
        .local = true, .min = 1, .max = 256, .help = HELP                                                    \
    }

const struct fl__option fl__options_sim_fuzz[] = {
    {.name = "seeds",
     .kind = FL__SPAN,
     .value = "A..B",
     .initial = "1..2000",
     .local = true,
     .help = "the first and the last one"},
    {.name = "for",
     .kind = FL__SECONDS,
     .value = "TIME",
     .local = true,
     .min = SECOND,
     .help = "go on with further seeds for so long"},
    ROW_JOBS("lives at a time"),
    ROW_WHAT,
    ROW_WITHOUT,
    ROW_QUIET,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_sim_replay[] = {
    ROW_STORY_TRACE,
    ROW_STORY_JSON,
    ROW_WHAT,
    ROW_WITHOUT,
    {.name = "strikes",
     .kind = FL__STRIKES,
     .value = "N,...",
     .local = true,
     .shown = "all",
     .help = "of the faults that strike at a moment of their own, only these (or none)"},
    {.name = "clients",
     .kind = FL__COUNT,
     .value = "N",
     .local = true,
     .min = 1,
     .max = 1000,
     .shown = "as the seed draws",
     .help = "at most so many clients of servers"},
    {.name = "events",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "20000",
     .local = true,
     .min = 1,
     .max = 1000000000,
     .help = "peace comes after half of them, at the latest"},
    ROW_NO_COLOR,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_sim_run[] = {ROW_STORY_TRACE, ROW_STORY_JSON, ROW_NO_COLOR,
                                                 ROW_QUIET,       ROW_HELP,       OPTIONS_END};

const struct fl__option fl__options_sim_shrink[] = {
    {.name = "out",
     .kind = FL__PATH,
     .value = "FILE",
     .local = true,
     .shown = "seed-SEED.txt",
     .help = "where the scenario file goes"},
    ROW_WHAT,
    ROW_WITHOUT,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_sim_explore[] = {
    {.name = "nodes",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "3",
     .local = true,
     .min = 1,
     .max = 5,
     .help = "voters; their names do not matter"},
    {.name = "terms",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "2",
     .local = true,
     .min = 1,
     .max = 12,
     .help = "nobody campaigns for a higher one"},
    {.name = "writes",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "1",
     .local = true,
     .min = 0,
     .max = 64,
     .help = "entries that clients write"},
    {.name = "crashes",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "1",
     .local = true,
     .min = 0,
     .max = 7,
     .help = "at any time, and restarts"},
    {.name = "doubles",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "0",
     .local = true,
     .min = 0,
     .max = 64,
     .help = "messages that arrive twice"},
    {.name = "heartbeats",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "0",
     .local = true,
     .min = 0,
     .max = 64,
     .help = "of leaders, after their first"},
    {.name = "fast-disks",
     .kind = FL__FLAG,
     .local = true,
     .help = "writes complete at once, not at any time"},
    {.name = "pre-vote", .kind = FL__FLAG, .local = true, .help = "elections begin with pre-votes"},
    {.name = "figure-8",
     .kind = FL__FLAG,
     .local = true,
     .help = "commit entries of older terms by counting: see the mistake found"},
    {.name = "depth",
     .kind = FL__COUNT,
     .value = "N",
     .local = true,
     .min = 1,
     .shown = "all there are",
     .help = "moves from the start"},
    {.name = "states",
     .kind = FL__COUNT,
     .value = "N",
     .initial = "50000000",
     .local = true,
     .min = 1000,
     .max = 4000000000,
     .help = "at most; each takes 24 to 40 bytes of memory"},
    {.name = "for",
     .kind = FL__SECONDS,
     .value = "TIME",
     .local = true,
     .min = SECOND,
     .help = "at most so long"},
    ROW_JOBS("threads"),
    {.name = "out",
     .kind = FL__PATH,
     .value = "FILE",
     .initial = "explored.txt",
     .local = true,
     .help = "where a failure goes, as a scenario file"},
    ROW_QUIET,
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_config[] = {
    {.name = "file",
     .kind = FL__PATH,
     .value = "FILE",
     .local = true,
     .shown = "what FAIRLEAD_CONFIG names",
     .help = "a configuration file to look at"},
    ROW_HELP,
    OPTIONS_END,
};

const struct fl__option fl__options_completion[] = {ROW_NODE,     ROW_CLUSTER_DIR, ROW_TIMEOUT("1s"),
                                                    ROW_PASSWORD, ROW_HELP,        OPTIONS_END};

const struct fl__option fl__options_serve[] = {
    {.section = "Identity",
     .name = "dir",
     .kind = FL__PATH,
     .value = "PATH",
     .initial = "./fairlead-data",
     .help = "data directory"},
    {.name = "name",
     .kind = FL__NAME,
     .value = "NAME",
     .shown = "hostname",
     .help = "how people call this node"},
    {.name = "bootstrap",
     .kind = FL__MEMBERS,
     .value = "N=H:P,...",
     .help = "found a cluster of exactly these members; H:P is --peer"},
    {.name = "cluster-id",
     .kind = FL__CLUSTER_ID,
     .value = "ID",
     .help = "with --bootstrap: the same on each member"},

    {.section = "Network",
     .name = "listen",
     .kind = FL__ADDRESS,
     .value = "H:P",
     .initial = FL__DEFAULT_ADDRESS,
     .help = "Redis protocol"},
    {.name = "peer",
     .kind = FL__ADDRESS,
     .value = "H:P",
     .initial = "127.0.0.1:7601",
     .help = "Raft traffic"},
    {.name = "web",
     .kind = FL__ADDRESS_OR_OFF,
     .value = "H:P|off",
     .initial = "127.0.0.1:7602",
     .help = "web view, /metrics, /livez, /readyz"},
    {.name = "web-admin",
     .kind = FL__CHOICE,
     .value = "off|loopback|anywhere",
     .initial = "off",
     .help = "who may write, campaign on the page"},
    {.name = "advertise",
     .kind = FL__HOST,
     .value = "HOST",
     .shown = "from --listen",
     .help = "host told to the others"},
    {.name = "password-file",
     .kind = FL__PATH,
     .value = "FILE",
     .help = "required when --listen is not loopback"},
    {.name = "insecure", .kind = FL__FLAG, .help = "allow --peer off loopback, unencrypted"},

    {.section = "Behaviour",
     .name = "reads",
     .kind = FL__CHOICE,
     .value = "linear|stale",
     .initial = "linear",
     .help = "what GET promises"},
    {.name = "follower",
     .kind = FL__CHOICE,
     .value = "forward|moved",
     .initial = "forward",
     .help = "what a follower answers"},
    {.name = "sentinel-name",
     .kind = FL__NAME,
     .value = "NAME",
     .initial = "mymaster",
     .help = "how Sentinel clients call the leader"},
    {.name = "io", .kind = FL__CHOICE, .value = "auto|uv", .initial = "auto", .help = "I/O engine"},
    {.name = "election-timeout",
     .kind = FL__MILLISECONDS,
     .value = "MS",
     .initial = "1000",
     .min = 20 * MS,
     .max = 600 * SECOND,
     .help = "silence before an election"},
    {.name = "heartbeat",
     .kind = FL__MILLISECONDS,
     .value = "MS",
     .min = MS,
     .max = 60 * SECOND,
     .shown = "a tenth of it",
     .help = "the leader's rhythm"},
    {.name = "maxmemory",
     .kind = FL__SIZE_OR_PERCENT,
     .value = "SIZE",
     .initial = "80%",
     .shown = "80% of memory",
     .help = "refuse writes above this"},
    {.name = "notify-keyspace-events",
     .kind = FL__LETTERS,
     .value = "LETTERS",
     .help = "which events of keys are published"},
    {.name = "log-max",
     .kind = FL__SIZE,
     .value = "SIZE",
     .initial = "16GiB",
     .min = 8 * KIB,
     .help = "refuse writes above this log size"},
    {.name = "segment-size",
     .kind = FL__SIZE,
     .value = "SIZE",
     .initial = "64MiB",
     .min = 4 * KIB,
     .max = 1024 * MIB,
     .help = "one file of the log"},
    {.name = "log",
     .kind = FL__CHOICE,
     .value = "text|json",
     .shown = "text on terminals",
     .help = "log format"},
    {.name = "log-level",
     .kind = FL__CHOICE,
     .value = "error|warn|info|debug|trace",
     .initial = "info",
     .help = "least important line"},

    {.section = "Other",
     .name = "config",
     .kind = FL__PATH,
     .value = "FILE",
     .environment_only = true,
     .help = "file of NAME = VALUE lines"},
    {.name = "check", .kind = FL__FLAG, .local = true, .help = "print every setting and its origin, exit"},
    ROW_HELP,
    OPTIONS_END,
};
