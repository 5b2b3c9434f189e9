/* cli.h - what the files of the command line share.
 *
 * The binary `fairlead` is a list of verbs (verbs.c); each has a table of options (options.c) from which the
 * parser, the help, the configuration file and the environment variables are made, so that they cannot
 * disagree.
 *
 *   main.c       finds the verb and runs it
 *   verbs.c      the table of verbs
 *   options.c    the tables of options
 *   help.c       help, written from both tables; `help`, `version`
 *   value.c      sizes, durations, addresses, names: from text and to text
 *   arguments.c  the command line
 *   settings.c   what each option was set to, and by whom: command line > environment > file > default
 *   config.c     the configuration file
 *   message.c    errors: what, the facts, what to do, a code
 *   clock.c      the machine's clocks
 *   table.c      aligned columns, colours, the terminal's width
 *   serve.c      `serve`: one node in this process
 *   serve_log.c  its log lines
 *   cluster.c    the local cluster's directory and its state file
 *   process.c    its processes: start, find, stop
 *   ports.c      whether their ports are free
 *   up.c         `up`
 *   local.c      `down`, `stop`, `start`
 *   ask.c        questions to nodes, many at a time, over the Redis protocol
 *   survey.c     asks every member how it is, and judges the whole
 *   status.c     `status`
 *   events.c     `events`: what all nodes lived through, as one story
 *   doctor.c     `doctor`: examines all nodes and prints findings
 *   rules.c      what is wrong with a cluster: a function for each rule
 *   client.h     what is shared by the two verbs that are clients of a cluster, and their files
 *   bench.c      `bench`
 *   prompt.c     `cli`
 *   sim.c        `sim replay`, `sim run`, `sim shrink`
 *   campaign.c   `sim fuzz`: many lives, some at a time
 *   explore.c    `sim explore`: every state within bounds
 *   entries.c    a stretch of one node's log
 *   log.c        `log`
 *   diff.c       `log --diff`: finds where logs part
 *   picture.c    and draws it, as in Figure 7 of the paper
 *   explain.c    `explain`: the page of a code
 *   explanations.c  the pages of the command line's own codes
 *   setting.c    `config`, `serve --check`: what settings are set to, and all about one
 *   completion.c `completion`: scripts for shells
 *   manual.c     the pages for man(1)
 *   notify.c     tells the service manager how `serve` does
 *
 * Strings have fixed room where their length has a limit, and come from malloc otherwise. The process is
 * short-lived but for `serve`; what a verb allocates it releases all the same, so that leak checkers stay
 * useful. */
#ifndef FL_CLI_H
#define FL_CLI_H

#include <fairlead/server.h>
#include <fairlead/sim.h>

#include <stdarg.h>
#include <stdio.h>
#include <sys/types.h>

#ifndef FL_VERSION
#define FL_VERSION "0.1.0"
#endif
#ifndef FL_DATE
#define FL_DATE "1970-01-01" /* Of this version, for the manual's pages. */
#endif

#define FL__LOCAL_MAX 9               /* Nodes that `up` runs. */
#define FL__PORT_STEP 10              /* Node k listens on base + 10 (k - 1), peers on + 1, web on + 2. */
#define FL__STATE_FILE "cluster.json" /* In a local cluster's directory. */
#define FL__DEFAULT_ADDRESS "127.0.0.1:7600"

/* What the process returns. */
enum fl__exit {
    FL__EXIT_OK = 0,
    FL__EXIT_REFUSED = 1,
    FL__EXIT_USAGE = 2,
    FL__EXIT_NO_QUORUM = 3,
    FL__EXIT_UNREACHABLE = 4,
    FL__EXIT_DEGRADED = 5,
    FL__EXIT_UNKNOWN = 6,
};

/* Each with what it means; ended by a row without word. */
extern const struct fl__exit_text {
    enum fl__exit code;
    const char *word, *text;
} fl__exit_texts[];

/* Codes of the command line's own errors; they never change their meaning. Each has its page in
 * explanations.c. */
enum fl__code {
    FL__CODE_USAGE = 1001,         /* The command line was not understood. */
    FL__CODE_SETTING = 1002,       /* A setting's value is not allowed. */
    FL__CODE_CONFIG_FILE = 1003,   /* The configuration file cannot be read or has a bad line. */
    FL__CODE_CONTRADICTION = 1004, /* Two settings contradict each other. */
    FL__CODE_FILE = 1005,          /* A file that a setting names cannot be used. */
    FL__CODE_SERVE = 1006,         /* The node could not start. */
    FL__CODE_NO_CLUSTER = 1010,    /* There is no local cluster in the directory. */
    FL__CODE_NOT_A_CLUSTER = 1011, /* The directory holds something else. */
    FL__CODE_STATE_FILE = 1012,    /* The state file is damaged or of another version. */
    FL__CODE_BUSY = 1013,          /* Another command works on this cluster. */
    FL__CODE_RUNNING = 1014,       /* Nodes run that must not. */
    FL__CODE_OTHER_SHAPE = 1015,   /* The cluster has another number of nodes or other ports. */
    FL__CODE_NO_SUCH_NODE = 1016,  /* The cluster has no node of that name. */
    FL__CODE_PORT_IN_USE = 1017,   /* A port that a node needs is taken. */
    FL__CODE_NODE_DIED = 1018,     /* A node ended while it was starting. */
    FL__CODE_NOT_STOPPED = 1019,   /* A node did not stop in time. */
    FL__CODE_NOT_READY = 1020,     /* The nodes run, but did not become ready in time. */
    FL__CODE_SYSTEM = 1021,        /* The operating system refused something. */
    FL__CODE_PAGE = 1022,          /* The playground cannot be shown. */
    FL__CODE_UNREACHABLE = 1030,   /* No node answers. */
    FL__CODE_NODE_REFUSED = 1031,  /* A node answered with an error. */
    FL__CODE_RANGE = 1032,         /* The log has no such entries. */
    FL__CODE_STORY = 1040,         /* A simulated life broke an invariant, or a story went otherwise. */
    FL__CODE_UNKNOWN = 1050,       /* A command was sent and its answer lost: it may have been done. */
    FL__CODE_NO_LEADER = 1051,     /* Nodes answer, and none of them leads. */
    FL__CODE_LOAD = 1052,          /* A load test could not run. */
    FL__CODE_KEYS_LEFT = 1053,     /* A load test could not remove its keys. */
    FL__CODE_LINE = 1054,          /* A line for the prompt has unbalanced quotes or is too long. */
    FL__CODE_PROTOCOL = 1055,      /* What answers does not speak the Redis protocol. */
    FL__CODE_MULTI_GONE = 1056,    /* A transaction was begun and its connection lost: it was not done. */
    FL__CODE_SERVER_FIRST = 3001,  /* From here on they are the server's: src/server/errors.c. */
    /* What the doctor finds. */
    FL__CODE_SILENT = 4001,             /* A node does not answer. */
    FL__CODE_UNAVAILABLE = 4002,        /* Nothing can be written or read. */
    FL__CODE_BEHIND = 4003,             /* A node is far behind, or not ready. */
    FL__CODE_CLOCKS = 4004,             /* Clocks are apart. */
    FL__CODE_LOG_NEARLY_FULL = 4005,    /* A log is near its limit. */
    FL__CODE_SLOW_DISK = 4006,          /* A disk is slow. */
    FL__CODE_ELECTIONS = 4007,          /* There were many elections. */
    FL__CODE_NODE_DAMAGED = 4008,       /* A node is damaged. */
    FL__CODE_VERSIONS = 4009,           /* Nodes run different versions. */
    FL__CODE_DISAGREEMENT = 4010,       /* A node sees another cluster than the leader. */
    FL__CODE_MEMORY_NEARLY_FULL = 4011, /* Memory is near maxmemory. */
    FL__CODE_MANY_CLIENTS = 4012,       /* Clients are too many. */
    FL__CODE_EVEN = 4013,               /* The number of voters is even. */
    FL__CODE_SINGLE = 4014,             /* There is a single node. */
    FL__CODE_ONE_MACHINE = 4015,        /* All nodes run on one machine. */
    FL__CODE_SHORT_TIMEOUT = 4016,      /* The election time-out is short. */
    FL__CODE_CUT_LINK = 4017,           /* Two nodes do not reach each other. */
    FL__CODE_DISK_FULL = 4018,          /* A disk is full. */
};

/* ------------------------------------------------------------------------------------------------ clock.c */

fl_time_us fl__now(void);   /* Monotonic. */
uint64_t fl__wall_us(void); /* This machine's clock, in microseconds since 1970. */
void fl__pause(fl_time_us duration);

/* ---------------------------------------------------------------------------------------------- message.c */

/* Prints "error: WHAT [FLcode]" to stderr; facts and what to do follow, a line each. */
void fl__say_error(enum fl__code code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* "  LABEL  text", to stderr. Labels in use: now, given, want, log, more, do; empty: the one above goes
 * on. */
void fl__say_fact(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ------------------------------------------------------------------------------------------------ value.c */

/* What an option's text may be. */
enum fl__kind {
    FL__FLAG,    /* True if given; elsewhere yes/no, true/false, on/off, 1/0. */
    FL__PATH,    /* Anything but nothing. */
    FL__NAME,    /* A member's name. */
    FL__ADDRESS, /* HOST:PORT */
    FL__ADDRESS_OR_OFF,
    FL__ADDRESSES, /* HOST:PORT,... */
    FL__HOST,      /* Without a port. */
    FL__LETTERS,   /* Redis' classes of keyspace notifications. */
    FL__MEMBERS,   /* NAME=HOST:PORT,... */
    FL__CLUSTER_ID,
    FL__COUNT,           /* A whole number. */
    FL__SIZE,            /* 64MiB */
    FL__SIZE_OR_PERCENT, /* of the machine's memory */
    FL__MILLISECONDS,    /* A duration; a bare number means milliseconds. */
    FL__SECONDS,         /* Likewise, seconds. */
    FL__CHOICE,          /* One of some words. */
    FL__SPAN,            /* A..B, two whole numbers. */
    FL__FAULTS,          /* Classes of the simulator's faults: loss,crash */
    FL__STRIKES,         /* Numbers of its faults: 3,17,40 */
};

struct fl__option {
    const char *name; /* Without dashes. */
    enum fl__kind kind;
    const char *value;   /* How help calls the value: PATH. A choice's words: "text|json". NULL for a flag. */
    const char *help;    /* At most one line. */
    const char *initial; /* The default, as text; NULL: none. */
    const char *shown;   /* What help says of the default, where that is not its text. */
    uint64_t min, max;   /* Of counts, sizes in bytes, durations in microseconds. max 0: no limit. */
    const char *section; /* Heading in the help; NULL: as the one before. */
    char letter;         /* -o; 0: none. */
    bool local;          /* Only on the command line: not in the file, not in the environment. */
    bool environment_only; /* On the command line and in the environment, but no line of a file. */
};

/* Whether `text` is a value for the option; if not, says in `allowed` what would be. */
bool fl__value_check(const struct fl__option *option, const char *text, char *allowed, size_t size);

/* These read what fl__value_check() has let through, and return false for what it would not. */
bool fl__value_count(const char *text, uint64_t *out);
bool fl__value_size(const char *text, uint64_t *out);    /* Bytes. */
bool fl__value_percent(const char *text, uint64_t *out); /* 0 to 100. */
/* `bare` is one unit of a bare number. */
bool fl__value_duration(const char *text, fl_time_us bare, fl_time_us *out);
bool fl__value_flag(const char *text, bool *out);
bool fl__value_name(const char *text);
/* Splits HOST:PORT; the host without brackets. */
bool fl__value_address(const char *text, char host[FL_ADDRESS_MAX], unsigned *port);
bool fl__value_cluster_id(const char *text, uint8_t out[16]);
/* A..B, both included, A not above B. */
bool fl__value_span(const char *text, uint64_t *first, uint64_t *last);
/* As bits of enum fl_sim_fault. */
bool fl__value_faults(const char *text, uint32_t *out);
/* "none", or numbers separated by commas. */
bool fl__value_strikes(const char *text, struct fl_sim_strikes *out);
/* NAME=HOST:PORT,...: returns their number, 0 if the text is wrong; `why` then says where. */
unsigned fl__value_members(const char *text, struct fl_node_member out[FL_MEMBERS_MAX], char *why,
                           size_t size);

/* Bytes as people read them: "64 MiB", "1.5 GiB", "17 bytes". */
void fl__value_size_text(uint64_t size, char *out, size_t out_size);
void fl__value_duration_text(fl_time_us duration, char *out, size_t out_size); /* "1 s", "250 ms" */
/* A new random cluster id, 32 hexadecimal digits. False if the system has no randomness. */
bool fl__value_new_cluster_id(char out[33]);
/* The word in `words` (NULL-terminated) that `text` probably was meant to be; NULL if none is near. */
const char *fl__value_nearest(const char *text, const char *const *words);

/* ---------------------------------------------------------------------------------- options.c, settings.c */

#define FL__OPTIONS_MAX 40
#define FL__REDIS_SETTINGS_MAX 256

/* A table of options, ended by a row without name. */
extern const struct fl__option fl__options_up[], fl__options_local[], fl__options_serve[],
    fl__options_status[], fl__options_log[], fl__options_events[], fl__options_doctor[],
    fl__options_sim_fuzz[], fl__options_sim_replay[], fl__options_sim_run[], fl__options_sim_shrink[],
    fl__options_sim_explore[], fl__options_none[], fl__options_config[], fl__options_completion[],
    fl__options_bench[], fl__options_cli[], fl__options_learn[];

enum fl__origin { FL__FROM_DEFAULT, FL__FROM_FILE, FL__FROM_ENVIRONMENT, FL__FROM_COMMAND_LINE };

/* What each option of a table is set to. */
struct fl__settings {
    const struct fl__option *options;
    struct {
        char *text; /* Owned; NULL: not set and no default. */
        enum fl__origin origin;
        unsigned line; /* Of the file, if the origin is one. */
    } values[FL__OPTIONS_MAX];
    /* Lines "redis.NAME = VALUE" of the file: what CONFIG SET would take. */
    struct fl_server_setting redis[FL__REDIS_SETTINGS_MAX]; /* Owned. */
    unsigned redis_lines[FL__REDIS_SETTINGS_MAX];
    unsigned redis_count;
    const char *file; /* Borrowed from the value of --config; NULL: none was read. */
};

void fl__settings_init(struct fl__settings *settings, const struct fl__option *options);
void fl__settings_release(struct fl__settings *settings);
/* The row of that name; NULL if there is none. */
const struct fl__option *fl__settings_find(const struct fl__settings *settings, const char *name);
/* Sets a value, unless one of higher rank is there. Says what is wrong with it and returns false. */
bool fl__settings_put(struct fl__settings *settings, const struct fl__option *option, const char *text,
                      enum fl__origin origin, unsigned line);
/* Takes what the environment says, and what the file of --config says. */
bool fl__settings_complete(struct fl__settings *settings);
/* FAIRLEAD_LISTEN for listen. */
void fl__settings_variable(const struct fl__option *option, char *out, size_t size);
/* Says which variables look like those of settings, and are none of any verb. */
void fl__settings_warn(void);
/* Where a setting comes from, in words: "environment, FAIRLEAD_LISTEN". */
void fl__settings_origin(const struct fl__settings *settings, const char *name, char *out, size_t size);
bool fl__settings_given(const struct fl__settings *settings, const char *name); /* Not by default. */

/* Values by name, in their own type. The name must be in the table, the value checked. */
const char *fl__settings_text(const struct fl__settings *settings, const char *name); /* NULL if not set. */
bool fl__settings_flag(const struct fl__settings *settings, const char *name);
/* Counts, sizes; microseconds. */
uint64_t fl__settings_number(const struct fl__settings *settings, const char *name);

/* ----------------------------------------------------------------------------------------------- config.c */

/* Reads `name = value` lines into settings whose origin is lower. Says what is wrong and returns false. */
bool fl__config_read(struct fl__settings *settings, const char *path);

/* -------------------------------------------------------------------------------- verbs.c, main.c, help.c */

struct fl__call;

struct fl__verb {
    const char *name;
    const char *arguments; /* As help shows them: "[N]". */
    const char *summary;   /* NULL: the build uses it, and no help shows it. */
    const struct fl__option *options;
    int (*run)(const struct fl__call *call); /* Returns an fl__exit. */
    unsigned arguments_min, arguments_max;
    bool verbatim;       /* From the first word that is no option on, all goes to `rest` as it is. */
    const char *rest;    /* What may follow "--", as help shows it; NULL: nothing. */
    const char *section; /* Heading in the list of verbs; NULL: as the one before. */
    const char *notes;   /* Paragraphs under the usage line. */
};

extern const struct fl__verb fl__verbs[]; /* Ended by a row without name. */
const struct fl__verb *fl__verb_find(const char *name);
/* The verb whose name the words begin with, and how many of them its name takes; NULL if there is none. */
const struct fl__verb *fl__verb_of(unsigned count, const char *const *words, unsigned *used);

/* A verb with what was given to it. */
struct fl__call {
    const struct fl__verb *verb;
    struct fl__settings settings;
    const char *arguments[16];
    unsigned argument_count;
    char *const *rest; /* What followed "--". */
    unsigned rest_count;
    bool help;           /* --help was among the options. */
    const char *program; /* How the user calls us. */
};

/* Reads a verb's arguments. Says what is wrong and returns false. The caller releases call->settings either
 * way. */
bool fl__call_read(struct fl__call *call, const struct fl__verb *verb, int count, char *const *arguments);

void fl__help_verbs(FILE *out);
void fl__help_verb(const struct fl__verb *verb, FILE *out);
/* Of verbs of two words: those whose first word this is. */
void fl__help_group(const char *first, FILE *out);
bool fl__verb_is_of_group(const struct fl__verb *verb, const char *first);
/* Says that there is no such verb, and which there are; returns the exit code. */
int fl__refuse_verb(const char *first, const char *second);
int fl__run_help(const struct fl__call *call);
int fl__run_version(const struct fl__call *call);

/* ------------------------------------------------------------------------------------------------ table.c */

enum fl__colour { FL__PLAIN, FL__BOLD, FL__DIM, FL__GREEN, FL__YELLOW, FL__RED };

/* Whether stdout takes colours: a terminal, nobody set NO_COLOR, and the verb was not told --no-color. */
bool fl__colours(const struct fl__settings *settings);
/* The sequence that begins a colour, or "" where there are none. FL__PLAIN ends one. */
const char *fl__colour(bool colours, enum fl__colour colour);
/* Columns of the terminal on stdout; $COLUMNS or 80 where it is none. */
unsigned fl__terminal_width(void);
/* A text in lines of at most `width` columns, each begun by `indent` blanks. */
void fl__print_wrapped(FILE *out, const char *text, unsigned indent, unsigned width);
/* The rest of a line, from column `left` on; what does not fit goes on below, from that column on. As it is
 * if there are no 20 columns for it. */
void fl__print_hanging(FILE *out, const char *text, unsigned left, unsigned width);
/* Columns that UTF-8 text takes. */
unsigned fl__text_width(const char *text);
/* Bytes of its first `width` columns. */
size_t fl__text_bytes(const char *text, unsigned width);

#define FL__COLUMNS_MAX 16

/* Rows of cells. Columns are as wide as their widest cell; the last one is cut at the terminal's edge, or
 * goes on below. No line ends in blanks. */
struct fl__table {
    unsigned column_count;
    bool wraps;                  /* The last column goes on below; all of it stands there if room is short. */
    bool right[FL__COLUMNS_MAX]; /* Numbers stand right. */
    unsigned width[FL__COLUMNS_MAX];
    struct fl__cell {
        char *text;
        enum fl__colour colour;
    } * cells;
    size_t cell_count, cell_room;
    bool failed; /* Memory was short: the rows up to there are whole, and no more are taken. */
};

/* One title for each column; a '>' before a title means that its column stands right. */
void fl__table_init(struct fl__table *table, unsigned column_count, const char *const *titles);
void fl__table_add(struct fl__table *table, enum fl__colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void fl__table_print(const struct fl__table *table, FILE *out, bool colours, unsigned width);
void fl__table_release(struct fl__table *table);

/* -------------------------------------------------------------------------------------------- serve_log.c */

struct fl__serve_log {
    FILE *out;
    bool json;
    int level; /* Lines above it (more detailed) are dropped. */
    const char *node;
};

/* For fl_node_options.log; the context is a struct fl__serve_log. */
void fl__serve_log_line(void *context, int level, const char *line);
/* The level of a word; -1 if it is none. */
int fl__serve_log_level(const char *word);

/* --------------------------------------------------------------------------- sim.c, campaign.c, explore.c */

/* The options that these verbs share; the seed is left as it is. */
void fl__sim_options(const struct fl__call *call, struct fl_sim_options *options);
/* What stands behind `sim replay` and `sim shrink` to name a life: its seed, what lives, what is left out. */
#define FL__SIM_WORDS_SIZE 512
void fl__sim_words(const struct fl_sim_options *options, char out[FL__SIM_WORDS_SIZE]);
int fl__run_sim_fuzz(const struct fl__call *call);
int fl__run_sim_replay(const struct fl__call *call);
int fl__run_sim_run(const struct fl__call *call);
int fl__run_sim_shrink(const struct fl__call *call);
int fl__run_sim_explore(const struct fl__call *call);
/* To the path; false, and said, if it cannot be. */
bool fl__write_file(const char *path, const char *text);
fl_time_us fl__now_us(void);                           /* Of a clock that only goes forward. */
const char *fl__grouped(uint64_t value, char out[32]); /* 1234567 -> "1,234,567" */
unsigned fl__processors(void);                         /* At most 256. */

/* ------------------------------------------------------------------------------------------------ serve.c */

int fl__run_serve(const struct fl__call *call);
/* Whether the settings of `serve` agree with each other; says which do not. */
bool fl__serve_agrees(const struct fl__settings *settings);
fl_time_us fl__serve_heartbeat(const struct fl__settings *settings);
/* Bytes of memory that the machine, or the control group that we are in, has. */
uint64_t fl__serve_memory(void);
uint64_t fl__serve_memory_max(const struct fl__settings *settings); /* What maxmemory comes to, in bytes. */

/* ------------------------------------------------------------------------------------------------ learn.c */

int fl__run_learn(const struct fl__call *call);
void fl__learn_print_names(void); /* The lessons and scenarios that it has, a blank behind each. */

/* ----------------------------------------------------------------------------------------------- notify.c */

/* What the service manager was told, and when to look again. */
struct fl__notify {
    struct fl_io *io;
    struct fl_server *server; /* NULL: no more looking. */
    struct fl_io_op timer;
    bool is_looking; /* The timer is with the engine. */
    bool was_ready;
    char said[320];
};

void fl__notify_start(struct fl__notify *notify, struct fl_io *io, struct fl_server *server);
/* The engine must run until is_looking is false; then it is stopped. */
void fl__notify_stop(struct fl__notify *notify);
/* In a few words, how a node does. */
void fl__notify_status(const struct fl_node_status *status, char *out, size_t size);

/* ----------------------------------------- explain.c, explanations.c, setting.c, completion.c, manual.c */

int fl__run_explain(const struct fl__call *call);
int fl__run_config(const struct fl__call *call);
int fl__run_completion(const struct fl__call *call);
int fl__run_manual(const struct fl__call *call);
/* The page of a code, of the command line or the server; NULL: there is no such code. */
const struct fl_explanation *fl__explanation(uint32_t code);
/* The page with the next higher code; NULL: there is none. */
const struct fl_explanation *fl__explanation_after(uint32_t code);
/* Prints what each setting of `serve` is set to and by whom; explained: and what it is. */
void fl__setting_table(const struct fl__settings *settings, bool explained);
void fl__setting_default(const struct fl__option *option, char *out, size_t size);
void fl__setting_allowed(const struct fl__option *option, char *out, size_t size);

/* ----------------------------------------------------------------------------------- cluster.c, process.c */

/* One node of a local cluster. A process is recognised by its number and the moment at which it started, so
 * that a number used again by another program is never mistaken for it. */
struct fl__local {
    char name[FL_NAME_MAX];
    pid_t pid; /* 0: not started, or known to have ended. */
    uint64_t start_time;
};

/* A local cluster: what `up` made. */
struct fl__cluster {
    const char *shown; /* The directory as it was given. */
    char *directory;   /* Its full path. */
    int lock;          /* Held while a command changes it; -1: not held. */
    bool exists;       /* It has a state file. */
    char id[33];
    unsigned port;
    unsigned count;
    struct fl__local nodes[FL__LOCAL_MAX];
    char **serve; /* Further options for each `serve`; serve_count of them. */
    unsigned serve_count;
};

/* Finds the cluster in a directory. `change`: takes its lock, and makes the directory if `create`. Without a
 * state file cluster->exists is false, and it is no error. Says what is wrong and returns an fl__exit other
 * than 0. */
int fl__cluster_open(struct fl__cluster *cluster, const char *directory, bool change, bool create);
/* The same, for verbs that need one: says so if there is none. */
int fl__cluster_need(struct fl__cluster *cluster, const char *directory);
int fl__cluster_say_none(const char *directory); /* What that says then, and returns. */
void fl__cluster_close(struct fl__cluster *cluster);
/* Writes the state file, whole or not at all. */
bool fl__cluster_save(const struct fl__cluster *cluster);
/* Gives a new one its names, ports and id; it exists once it is saved. */
bool fl__cluster_shape(struct fl__cluster *cluster, unsigned count, unsigned port);
/* Removes the state file and the nodes' directories. Nothing may run. */
bool fl__cluster_wipe(struct fl__cluster *cluster);
/* The Redis port; node counts from 0. */
unsigned fl__cluster_port(const struct fl__cluster *cluster, unsigned node);
void fl__cluster_address(const struct fl__cluster *cluster, unsigned node, char out[FL_ADDRESS_MAX]);
/* The place of a node by name; cluster->count if there is none, and says so. */
unsigned fl__cluster_find(const struct fl__cluster *cluster, const char *name);
/* The password that its nodes were started with; *out is NULL if they have none, and to be freed. */
bool fl__cluster_password(const struct fl__cluster *cluster, char **out);
/* The full path of something in a node's directory; to be freed. */
char *fl__cluster_path(const struct fl__cluster *cluster, unsigned node, const char *file);

bool fl__process_runs(const struct fl__cluster *cluster, unsigned node);
unsigned fl__process_running(const struct fl__cluster *cluster); /* How many of its nodes. */
/* Starts `fairlead serve` for a node, detached, its output appended to the node's log file. */
bool fl__process_start(struct fl__cluster *cluster, unsigned node);
/* Asks it to stop. */
void fl__process_stop(const struct fl__cluster *cluster, unsigned node);
/* Waits until it has ended; false after the time-out. */
bool fl__process_wait(const struct fl__cluster *cluster, unsigned node, fl_time_us timeout);
/* Prints the last lines of a node's log as facts of an error. */
void fl__process_say_log(const struct fl__cluster *cluster, unsigned node);

/* --------------------------------------------------------------------------------- ports.c, up.c, local.c */

struct fl__asker;
/* Whether the node's three ports are free; says which is not, and who has it. */
bool fl__ports_free(const struct fl__cluster *cluster, unsigned node, const struct fl__asker *asker);

int fl__run_up(const struct fl__call *call);
int fl__run_start(const struct fl__call *call);
int fl__run_down(const struct fl__call *call);
int fl__run_stop(const struct fl__call *call);

/* -------------------------------------------------------------------------------------------------- ask.c */

struct redisReply;
struct redisContext;

#define FL__ASK_WORDS 6

/* One command to one node. */
struct fl__ask {
    char address[FL_ADDRESS_MAX];
    const char *words[FL__ASK_WORDS]; /* Up to the first NULL. */
    struct redisReply *reply;         /* NULL if there was none; an error reply is one. */
    char problem[160];                /* Why there is no reply, or the error that it was. */
    bool keep; /* The connection, for the same question at another time; until fl__ask_close(). */
    struct redisContext *context;
    unsigned replies_due;
    bool sent, answered;
    uint64_t heard_us; /* When the reply came, by the wall clock. */
};

/* How to ask. */
struct fl__asker {
    fl_time_us timeout;
    char *password; /* NULL: none. Owned. */
};

/* From --timeout and --password-file. Says what is wrong and returns false. */
bool fl__asker_init(struct fl__asker *asker, const struct fl__settings *settings);
void fl__asker_release(struct fl__asker *asker);
/* Sends all the commands at the same time and waits for all answers, or for the time-out. */
void fl__ask_all(const struct fl__asker *asker, struct fl__ask *asks, size_t count);
void fl__ask_release(struct fl__ask *asks, size_t count);
void fl__ask_close(struct fl__ask *ask); /* A connection that was kept, if there is one. */
/* The same in steps, for who does something else meanwhile: begin; step, which waits at most so long, while
 * it returns true; end, which gives up what is still open. */
void fl__ask_begin(const struct fl__asker *asker, struct fl__ask *asks, size_t count);
bool fl__ask_step(struct fl__ask *asks, size_t count, fl_time_us wait);
void fl__ask_end(const struct fl__asker *asker, struct fl__ask *asks, size_t count);
/* The reply's text; NULL if there is none. */
const char *fl__ask_text(const struct fl__ask *ask);
/* Begins to connect to HOST:PORT, without waiting; -1 if that cannot be. */
int fl__dial(const char *address);
/* From now on Ctrl-C does not end the process, but makes this descriptor readable (a signalfd); -1:
 * failed. */
int fl__interrupts(void);
/* A password file's first line; NULL, having said why, if there is none. */
char *fl__read_password(const char *path);

/* ----------------------------------------------------------------------------------------------- survey.c */

/* What a node says of its machine and its settings. */
struct fl__vitals {
    bool known;
    uint64_t wall_us, heard_us; /* Its wall clock, and ours when it was heard. */
    uint64_t syncs, sync_p50_us, sync_p99_us;
    uint64_t log_used, log_max, memory, memory_max, clients, clients_max, clients_refused;
    uint64_t election_timeout_us, heartbeat_us;
    uint32_t reaches;                       /* The views it has connections to, itself included, as bits. */
    uint64_t round_trip_us[FL_MEMBERS_MAX]; /* To the views; 0: not measured. */
    uint64_t members;                       /* A hash of the members that it knows. */
    /* From its events of the last minutes, if it was asked. */
    unsigned elections, slow_disks, quorums_lost;
};

/* What is known of one member. */
struct fl__view {
    char name[FL_NAME_MAX];
    char address[FL_ADDRESS_MAX]; /* Of its Redis port; empty if unknown. */
    bool answers;
    char problem[160]; /* Why it does not. */
    /* From its own answer; zero and empty without one. */
    char id[24], role[16], version[24], peer[FL_ADDRESS_MAX], web[FL_ADDRESS_MAX], leader[FL_NAME_MAX];
    char damage[256];
    char full[8]; /* "log" or "disk": it refuses writes while it leads. */
    bool ready, founded, damaged;
    uint64_t term, last, durable, commit, applied, pid;
    /* From the leader's answer. */
    bool voter, connected, has_match;
    uint64_t match; /* Up to here it holds the leader's log. */
    struct fl__vitals vitals;
};

enum fl__health { FL__HEALTHY, FL__DEGRADED, FL__UNAVAILABLE, FL__HEALTH_UNKNOWN };

struct fl__survey {
    char cluster_id[33];
    const char *directory; /* --dir, where that says whom to ask; NULL: it was not given. Borrowed. */
    struct fl__view views[FL_MEMBERS_MAX];
    unsigned count;
    unsigned leader; /* Its place; count if there is none. */
    enum fl__health health;
    unsigned voters, up; /* Up: voters that answer, are not damaged and not catching up. */
    unsigned tolerates;  /* How many more may fail. */
    char verdict[320];
};

const char *fl__health_word(enum fl__health health);
int fl__health_exit(enum fl__health health);

/* Asks the members that --node, the local cluster in --dir or the default address lead to, and those that
 * they name. Says what is wrong and returns an fl__exit where there is nobody to ask or a setting is bad. */
int fl__survey_take(struct fl__survey *survey, const struct fl__asker *asker,
                    const struct fl__settings *settings);
/* The same for a local cluster. */
void fl__survey_local(struct fl__survey *survey, const struct fl__asker *asker,
                      const struct fl__cluster *cluster);
/* Asks the members that are known, and those that they name. If none answers, false, and the survey is as it
 * was. */
bool fl__survey_again(struct fl__survey *survey, const struct fl__asker *asker);
/* Takes the local cluster's password, where none was given and a survey would ask that cluster. */
bool fl__survey_log_in(struct fl__asker *asker, const struct fl__settings *settings);
/* Fills in leader, health and verdict from the views. */
void fl__survey_judge(struct fl__survey *survey);
/* Reads an answer to FAIRLEAD STATUS, and the members that it names; `asked` is the address that answered,
 * NULL: as it says. False if it is no such answer, or of another cluster than the ones before. */
bool fl__survey_read(const char *json, struct fl__survey *survey, const char *asked);
/* The node that the name or address means; survey->count, having said so, if none. */
unsigned fl__survey_find(const struct fl__survey *survey, const char *name);
/* Says that no node answers, with each one's reason. */
void fl__survey_say_unreachable(const struct fl__survey *survey);
/* How many committed entries a member lacks. */
uint64_t fl__survey_behind(const struct fl__survey *survey, const struct fl__view *view);

/* -------------------------------------------------------------------------------------- bench.c, prompt.c */

int fl__run_bench(const struct fl__call *call);
int fl__run_cli(const struct fl__call *call);

/* ----------------------------------------------------------------------------------------------- events.c */

int fl__run_events(const struct fl__call *call);

/* -------------------------------------------------------------------------------------- doctor.c, rules.c */

enum fl__gravity { FL__PROBLEM, FL__WARNING, FL__HINT };

#define FL__FINDINGS_MAX 64
#define FL__FACTS_MAX 20

/* What is wrong, or may be soon, in the form of an error: what, the facts, what to do. */
struct fl__finding {
    enum fl__gravity gravity;
    uint32_t code;
    char title[160];
    struct {
        const char *label;
        char text[400];
    } facts[FL__FACTS_MAX];
    unsigned fact_count;
};

struct fl__findings {
    struct fl__finding list[FL__FINDINGS_MAX];
    unsigned count;
    bool is_cut; /* There were more. */
};

/* What the rules look at. */
struct fl__exam {
    struct fl__survey survey;
    bool is_local;         /* The cluster of `up` on this machine, */
    const char *directory; /* in there. */
    const char *program;   /* How this one was called. */
};

/* The last stretch of time in which elections are counted. */
#define FL__RECENT_US ((uint64_t)300 * 1000000)

/* Applies every rule, in the order of their codes. */
void fl__rules_apply(const struct fl__exam *exam, struct fl__findings *out);
int fl__run_doctor(const struct fl__call *call);

/* ----------------------------------------------------------------------------- status.c, entries.c, log.c */

int fl__run_status(const struct fl__call *call);
int fl__run_log(const struct fl__call *call);

/* An entry as a node tells it. */
struct fl__told {
    fl_index index;
    fl_term term;
    char kind[16];
    bool committed, durable;
    char *text;
};

struct fl__entries {
    struct fl__told *list;
    size_t count;
};

/* The entries [first, last] that the node at `address` has, at most `max`; false, with the reason in
 * `problem`, if it does not say. */
bool fl__entries_get(const struct fl__asker *asker, const char *address, fl_index first, fl_index last,
                     struct fl__entries *out, char problem[160]);
void fl__entries_release(struct fl__entries *entries);

/* -------------------------------------------------------------------------------------- diff.c, picture.c */

/* One log in the picture of Figure 7. */
struct fl__strip {
    char name[FL_NAME_MAX], address[FL_ADDRESS_MAX];
    bool leads;
    fl_index last, commit;
    fl_index agrees; /* Up to here it equals the first strip's log. */
    fl_term *terms;  /* Of the picture's columns that it has. */
    size_t count;
    char problem[160]; /* Why it is not shown. */
};

struct fl__picture {
    struct fl__strip strips[FL_MEMBERS_MAX]; /* The first is the one that the others are compared with. */
    unsigned count;
    unsigned hidden_count; /* Behind them, those whose nodes do not show them. */
    fl_index first, last;  /* The columns; what does not fit is cut off at the end. */
};

int fl__diff(const struct fl__asker *asker, const struct fl__survey *survey, const struct fl__call *call);
/* Up to where two logs agree. Terms never decrease along a log, and logs that agree in a term agree in all
 * before it (paper §5.3), so looking at log2(last) places is enough. term_at returns 0 if it cannot tell;
 * then *known is false. */
fl_index fl__diff_fork(fl_index last_a, fl_index last_b,
                       fl_term (*term_at)(void *context, unsigned log, fl_index index), void *context,
                       bool *known);
void fl__diff_draw(const struct fl__picture *picture, FILE *out, bool colours, unsigned width);
/* A sentence on how a log differs from the first one. */
void fl__diff_sentence(const struct fl__strip *first, const struct fl__strip *strip, char *out, size_t size);

#endif
