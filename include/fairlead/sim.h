/* fairlead/sim.h - a deterministic simulator: a seed is a whole cluster's life.
 *
 * One process, one thread, virtual time. The same seed gives the same life, event by event, on every machine
 * and with every compiler; `trace_hash` says so in one number. First comes trouble: messages are lost, late,
 * doubled and replayed, links are cut, nodes crash and pause, disks lie. Then peace: a majority and its links
 * heal, everything else stays as it is, and within a bound there must be a leader, answers, and equal logs.
 * A judge who knows every disk and every memory checks each event against the invariants of Raft. */
#ifndef FAIRLEAD_SIM_H
#define FAIRLEAD_SIM_H

#include <fairlead/event.h>
#include <fairlead/node.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Classes of faults. Each is off in half of the seeds. */
enum fl_sim_fault {
    FL_SIM_LOSS,       /* Messages are lost. */
    FL_SIM_LATE,       /* Messages are late, by more than an election time-out at times. */
    FL_SIM_REORDER,    /* Messages overtake each other. */
    FL_SIM_DOUBLE,     /* Messages arrive twice. */
    FL_SIM_REPLAY,     /* Old messages arrive again, after restarts too. */
    FL_SIM_CUT,        /* A link fails in one direction. */
    FL_SIM_ISOLATE,    /* A node is cut off. */
    FL_SIM_PARTITION,  /* The cluster falls into two parts. */
    FL_SIM_CONNECTION, /* Hosts hear of connections that broke and came back. */
    FL_SIM_CRASH,      /* A node loses power, in the midst of a write. */
    FL_SIM_BLACKOUT,   /* All nodes lose power at once. */
    FL_SIM_PAUSE,      /* A node stops for a while and goes on as if nothing had been. */
    FL_SIM_SLOW_DISK,  /* Writes take their time. */
    FL_SIM_SLOW_READ,  /* Old entries are not at hand when they are to be sent. */
    FL_SIM_DAMAGE,     /* A node finds part of its log damaged. */
    FL_SIM_RESET,      /* Connections break. */
    FL_SIM_FLIP,       /* Bits flip on their way between nodes. */
    FL_SIM_DISK_FULL,  /* A disk is full for a while. */
    FL_SIM_DISK_FAILS, /* A disk fails to write or to sync, once and for all. */
    FL_SIM_CLOCK,      /* Wall clocks jump, and clocks run fast or slow, by up to a tenth. */
    FL_SIM_HANG,       /* A disk does not answer for a while; one, never again. */
    FL_SIM_STALE,      /* A sector of a disk holds what was there before, or what belongs elsewhere. */
    FL_SIM_WIPE,       /* A node finds its disk empty. */
    FL_SIM_FAULTS      /* How many there are. */
};
/* Its name, as `fairlead sim fuzz --without` takes it. Static storage; NULL beyond the last. */
const char *fl_sim_fault_name(enum fl_sim_fault fault);

/* Interesting states; a campaign that never reached one has not tested it. NULL beyond the last. */
const char *fl_sim_mark_name(uint32_t mark);

/* What lives. */
enum fl_sim_mode {
    FL_SIM_ANY = 0, /* As the seed says: four of five are cores. */
    FL_SIM_CORES,   /* Cores that hand each other messages, and a small host: millions of events a second. */
    FL_SIM_SERVERS, /* Whole servers: log, transport, protocol, keyspace; and clients. */
};

/* One cluster's life, while it is lived. */
struct fl_sim_life;

/* A state machine of your own, to live in the simulator: as you would give it to fl_node_open(), with the
 * node, its log, its transport, its disk and its network around it, and every fault that they meet. The
 * simulator opens and closes the nodes. It judges what it can judge without knowing your machine: every node
 * applies the same entries in the same order and has the same state after each, again when its process
 * starts again; what was acknowledged is there in the end; and a majority that is whole answers everything.
 * What the answers must be is for you to judge: fl_sim_fail().
 *
 * All calls come on the thread of fl_sim_run(). They must follow from the seed alone: no clock but the
 * engine's, no random numbers but those that are handed over, no order of addresses. */
struct fl_sim_machine {
    void *context;
    /* A life begins: time to forget the last one. NULL: nothing to forget. */
    void (*begin)(void *context, struct fl_sim_life *life);
    /* A process starts on node n, from 0, with nothing in its memory: makes its state and fills in *machine.
     * Every entry since the first will be applied to it again. */
    void (*start)(void *context, struct fl_sim_life *life, uint32_t n, struct fl_machine *machine);
    /* A client comes to node n, which is running: proposes a command, asks for a read, or does nothing.
     * `random` is a number to choose by. Called again and again, until the last seconds of the life. */
    void (*work)(void *context, struct fl_sim_life *life, uint32_t n, struct fl_node *node, uint64_t random);
    /* The process is gone: frees its state. Before, each of its open requests was answered; whoever asked a
     * process that died does not know more than that: FL_EUNKNOWN, or FL_ESTOPPED. */
    void (*stop)(void *context, uint32_t n, void *state);
    /* A number for the state, the same for equal states; asked for after each entry. NULL: not compared. */
    uint64_t (*hash)(const void *state);
    /* The end of a good life: node n is one of the majority that agrees. Says what is wrong with its state by
     * fl_sim_fail(). NULL: nothing ever is. */
    void (*judge)(void *context, struct fl_sim_life *life, uint32_t n, const void *state);
};
/* Something happened that must not: the life ends as failed, and *result says this, if it is the first one.
 * The rule is a word of at most 15 bytes, by which fl_sim_shrink() knows it again. Both are copied. */
void fl_sim_fail(struct fl_sim_life *life, const char *rule, const char *text);
/* A sentence for the story of the life, about node n. */
void fl_sim_tell(struct fl_sim_life *life, uint32_t n, const char *text);

/* Which faults strike, of those that do so at a moment of their own (a crash, a cut link): they are numbered
 * from 0. All of them, unless is_chosen; then those whose bit is set. */
#define FL_SIM_STRIKES_MAX 4096
struct fl_sim_strikes {
    bool is_chosen;
    uint64_t bits[FL_SIM_STRIKES_MAX / 64];
};

struct fl_sim_options {
    uint64_t seed;
    enum fl_sim_mode mode;
    const struct fl_sim_machine *machine; /* Lives, whatever the mode says. NULL: none. */
    uint32_t without; /* Bits of enum fl_sim_fault: classes left out; all else stays the same. */
    struct fl_sim_strikes strikes;
    uint64_t events_max;  /* 20,000: trouble ends after half of them, at the latest. */
    uint32_t clients_max; /* UINT32_MAX: clients of servers. */
    /* Hears the story. NULL: nobody. */
    void (*tell)(void *context, const struct fl_sim_event *event);
    void *tell_context;
};

struct fl_sim_result {
    bool failed;
    char rule[16];  /* What broke: an invariant's name (R6), or V1: no agreement. */
    char text[400]; /* How. */
    uint64_t events;
    fl_time_us time_us; /* That passed in the world. */
    uint64_t checks;    /* Made by the judge. */
    uint32_t strikes;   /* Faults that had their moment, whether they struck or not. */
    uint64_t marks;     /* Bits: states that were reached. */
    uint64_t trace_hash;
};

/* Zero, but for the defaults above. */
void fl_sim_options_init(struct fl_sim_options *options);
/* The names of the seed's nodes; returns how many there are, at most 16. */
uint32_t fl_sim_names(const struct fl_sim_options *options, char names[16][16]);
/* Lives one life. Panics (fl_panic) when the process has no memory left. */
void fl_sim_run(const struct fl_sim_options *options, struct fl_sim_result *result);

/* Makes a failing seed's life simpler as long as the same rule breaks: what can be left out of it is left out
 * in *options, so that fl_sim_run() lives what is left. Where a rule of cores broke at one moment, *script is
 * the text of a scenario file (docs/scenarios.md) with what is left, from malloc: the caller frees it. It is
 * NULL for servers and machines, and where what broke is that nothing happened (V1). False: the seed does not
 * fail. */
FL_MUST_USE bool fl_sim_shrink(struct fl_sim_options *options, char **script, struct fl_sim_result *result);

struct fl_sim_play_result {
    uint32_t expectations; /* That were looked at. */
    uint32_t failures;     /* That did not hold, and invariants that no line expected to break. */
    uint32_t branches;     /* Histories played. */
    uint32_t line;         /* Of the first failure, or of what is not understood. */
    char text[320];        /* About it; empty if all is well. */
    uint64_t trace_hash;
};

/* Plays a scenario file's text and tells its story; seed, without and events_max mean nothing here. FL_OK: it
 * played, and *result says how. FL_EINVAL: a line is not understood; *result says which. FL_ENOMEM. */
FL_MUST_USE int fl_sim_play(const char *script, size_t size, const struct fl_sim_options *options,
                            struct fl_sim_play_result *result);

/* Exploring: every state that a small cluster of cores can reach, whatever the order in which messages are
 * delivered, doubled or lost, nodes time out, disks complete their writes, and nodes crash and restart. */

/* How much of each there may be on the way to a state. */
struct fl_sim_bounds {
    uint32_t nodes;              /* 1 to 5, all voters; 3 */
    uint32_t terms;              /* Nobody campaigns for a higher term; 2. At most 12. */
    uint32_t writes;             /* Entries that clients write; 1 */
    uint32_t crashes;            /* 1; at most 7 */
    uint32_t doubles;            /* Messages that are delivered and go on flying; 0 */
    uint32_t heartbeats;         /* Of leaders, after their first; 0 */
    bool slow_disks;             /* Writes complete one by one, later; else at once. True. */
    bool pre_vote;               /* False */
    bool unsafe_commit_any_term; /* Figure 8's mistake, to see it found. False. */
    uint32_t depth;              /* Moves from the start; 0: as many as there are. */
    uint64_t states_max;         /* 50,000,000; each takes some 24 bytes. Below 2^32. */
};

struct fl_sim_explore_result {
    uint64_t states;  /* That differ, names of nodes apart. */
    uint64_t moves;   /* That were made from them. */
    uint32_t depth;   /* All states up to so many moves are known; or of the failure. */
    bool is_complete; /* There are no others within the bounds. */
    bool failed;
    char rule[16];
    char text[400];
    char *
        script; /* A shortest way to the failure, as a scenario file; from malloc, the caller's. Else NULL. */
};

/* Each may be NULL. */
struct fl_sim_explore_hooks {
    void *context;
    /* Calls work(argument) on as many threads as it likes, and returns when all have returned. */
    void (*in_parallel)(void *context, void (*work)(void *argument), void *argument);
    /* From any thread, often: false ends it. */
    bool (*go_on)(void *context);
    /* A depth is done. */
    void (*progress)(void *context, const struct fl_sim_explore_result *so_far);
};

/* The defaults above. */
void fl_sim_bounds_init(struct fl_sim_bounds *bounds);
/* Explores. `hooks` may be NULL. FL_OK: *result says how it went. FL_EINVAL: these bounds are impossible.
 * FL_ENOMEM. */
FL_MUST_USE int fl_sim_explore(const struct fl_sim_bounds *bounds, const struct fl_sim_explore_hooks *hooks,
                               struct fl_sim_explore_result *result);

#ifdef __cplusplus
}
#endif

#endif
