/* client.h - what is shared by the files of the two verbs that are clients of a cluster: `bench` and `cli`.
 *
 *   bench.c         `bench`: its options, phases and exit code
 *   bench_load.c    its engine: many connections on one thread
 *   bench_wire.c    what that sends, and the little that it reads
 *   bench_report.c  what people and programs are told of it
 *   tally.c         how often each latency was seen
 *   prompt.c        `cli`: its session; what becomes of a command
 *   prompt_link.c   a connection that follows the leader
 *   prompt_words.c  a line as words, with quotes
 *   prompt_answer.c answers of the Redis protocol, versions 2 and 3
 *   prompt_print.c  and how they are printed
 *   prompt_docs.c   what the server tells of its commands: completion, hints, help
 *   prompt_line.c   lines from a terminal, with history, or from a pipe
 *
 * Both keep one rule: a command whose answer was lost is never sent again if it may have written. */
#ifndef FL_CLIENT_H
#define FL_CLIENT_H

#include "cli.h"

/* ------------------------------------------------------------------------------------------------ tally.c */

#define FL__TALLY_LIMIT ((1ull << 40) - 1) /* Larger values count as this one: 18 minutes, in ns. */
#define FL__TALLY_BUCKETS (34 * 128)

/* Empty when all is zero. */
struct fl__tally {
    uint64_t count, sum, max;
    uint64_t buckets[FL__TALLY_BUCKETS];
};

void fl__tally_add(struct fl__tally *tally, uint64_t value);
/* The value that so many of a million are not above, to 0.4 %; 1000000: the largest. 0 if it is empty. */
uint64_t fl__tally_at(const struct fl__tally *tally, unsigned parts_per_million);
uint64_t fl__tally_mean(const struct fl__tally *tally);

/* ------------------------------------------------------------------------------------------- bench_wire.c */

#define FL__BENCH_PREFIX "bench:"
#define FL__BENCH_COUNTERS "bench:n:"

/* Each puts one command, and returns its size: at most 128 bytes besides the value, or 64 + 40 for each key
 * of a removal. */
size_t fl__wire_read(char *out, bool counters, uint64_t key);
size_t fl__wire_increment(char *out, uint64_t key);
size_t fl__wire_write(char *out, uint64_t key, const char *value, size_t size);
size_t fl__wire_remove(char *out, bool counters, uint64_t first, unsigned count);

enum { FL__SKIM_MORE = 0, FL__SKIM_BAD = -1 };

/* Where in an answer we are; zero at the beginning of one. */
struct fl__skim {
    char line[64]; /* Of an error: its beginning. */
    size_t line_size;
    uint64_t skip;
};

/* Takes bytes up to the end of one answer at most. Returns its kind ('+', '-', ':', '$', '_'), FL__SKIM_MORE
 * if all bytes were taken without reaching one, or FL__SKIM_BAD. */
int fl__skim(struct fl__skim *skim, const char *bytes, size_t size, size_t *taken);

/* ------------------------------------------------------------------ bench.c, bench_load.c, bench_report.c */

#define FL__LOAD_ERRORS 16
#define FL__LOAD_WORD 24
#define FL__LOAD_LOST "connection lost" /* Errors that no node has sent. */
#define FL__LOAD_SILENT "no answer"

enum fl__to { FL__TO_LEADER, FL__TO_ALL, FL__TO_NODE };
enum fl__phase { FL__PHASE_FILL, FL__PHASE_MEASURE, FL__PHASE_REMOVE };

/* What a load test is to do. */
struct fl__plan {
    unsigned clients, depth, writes; /* Writes: per cent. */
    size_t size;
    uint64_t keys, rate, count; /* Rate 0: as fast as the answers come. Count: UINT64_MAX: no limit. */
    fl_time_us duration;
    bool counters; /* Writes are INCR. */
    bool keep;
    enum fl__to to;
};

/* What was seen of reads, or of writes. Times here and below are in nanoseconds. */
struct fl__load_side {
    struct fl__tally latency;
    uint64_t errors;
    uint64_t last_done, longest_gap; /* Without one that was acknowledged. */
};

struct fl__load_error {
    char word[FL__LOAD_WORD];
    bool unknown; /* Writes may have been done. Otherwise they were not. */
    uint64_t reads, writes;
};

/* The engine; its owner sets the first part. */
struct fl__load {
    const struct fl__plan *plan;
    struct fl__asker asker;
    struct fl__survey *survey;
    char nodes[FL_MEMBERS_MAX][FL_ADDRESS_MAX]; /* Who is asked for the leader. */
    unsigned node_count;
    char targets[FL_MEMBERS_MAX][FL_ADDRESS_MAX]; /* Who gets the commands; of a leader: it alone. */
    unsigned target_count;
    char leader[FL_NAME_MAX];
    void *context; /* For these two: every 10 ms; when the leader is lost, and when one is found. */
    void (*on_tick)(void *context, struct fl__load *load);
    void (*on_change)(void *context, struct fl__load *load);

    /* What was seen in the present phase. */
    struct fl__load_side sides[2]; /* Reads, writes. */
    struct fl__tally interval;     /* Of both, until somebody clears it. */
    struct fl__load_error errors[FL__LOAD_ERRORS];
    uint64_t unknown; /* Writes. */
    uint64_t unsent;  /* With a rate: were due, and nobody was free to send them. */
    uint64_t begin, stopped, last_done, issued;
    bool refused;          /* The password was. */
    bool wrote;            /* In some phase, or may have. */
    bool interrupted;      /* By Ctrl-C. */
    bool aborted;          /* By another one. */
    bool scouts;           /* Looks for a leader. */
    uint64_t lost_at;      /* Since then, */
    const char *lost_word; /* for this reason. */

    /* The engine's own. */
    enum fl__phase phase;
    struct client *clients;
    struct fl__ask asks[FL_MEMBERS_MAX];
    bool asking, ending;
    int poll, timer, interrupts;
    unsigned room, depth, turn, generation;
    uint64_t now, end, next_tick, scout_at, armed, random, rate, limit, in_flight;
    char *input, *value, *hello;
    size_t hello_size;
};

uint64_t fl__load_now(void);
/* False if memory or descriptors are short; to be released either way. */
bool fl__load_init(struct fl__load *load, const struct fl__plan *plan);
void fl__load_release(struct fl__load *load);
/* Runs until the phase's commands are answered, or its time is over and those in flight are answered. */
void fl__load_run(struct fl__load *load, enum fl__phase phase, fl_time_us duration);

/* One line on how it goes, for the last `seconds`. */
void fl__bench_progress(const struct fl__load *load, double seconds, char *out, size_t size);
void fl__bench_print(const struct fl__load *load, const struct fl__settings *settings);
bool fl__bench_json(const struct fl__load *load);

/* ----------------------------------------------------------------------------------------- prompt_words.c */

/* Bytes, any of them; a zero follows. */
struct fl__word {
    const char *text;
    size_t size;
};

struct fl__words {
    struct fl__word *list;
    size_t count, room;
    char *bytes;
};

/* Splits a line. NULL, or what is wrong with it; to be released either way. */
const char *fl__words_split(struct fl__words *words, const char *line);
/* Borrows those of a command line. False if memory is short; to be released either way. */
bool fl__words_given(struct fl__words *words, char *const *given, unsigned count);
void fl__words_release(struct fl__words *words);
/* Whether there is a word in that place and it is `text`, in capitals or not. */
bool fl__words_have(const struct fl__words *words, size_t place, const char *text);
/* Whether there may be a password among them. */
bool fl__words_secret(const struct fl__words *words);

/* ------------------------------------------------------------------------ prompt_answer.c, prompt_print.c */

#define FL__ANSWER_DEPTH 32 /* Containers in each other. */

struct fl__part {
    char kind;
    size_t at, size; /* Its text, in the answer's bytes. */
    uint64_t count;  /* Of a container: parts, or pairs of them. */
};

/* Bytes as they arrive, and the parts of the first answer in them. */
struct fl__answer {
    char *bytes;
    size_t size, room;
    size_t at; /* Up to here the bytes are taken apart. */
    struct fl__part *parts;
    size_t part_count, part_room;
    uint64_t left[FL__ANSWER_DEPTH]; /* Parts still to come, of each open container. */
    unsigned depth;
    bool whole;
};

enum fl__read { FL__READ_MORE, FL__READ_WHOLE, FL__READ_BAD };

/* Room for `size` more bytes behind the others, whose `size` the caller raises; NULL: too many. */
char *fl__answer_room(struct fl__answer *answer, size_t size);
/* Takes apart what is there. FL__READ_BAD: it is no answer, or too large a one. */
enum fl__read fl__answer_next(struct fl__answer *answer);
/* Forgets the answer that was read; the bytes behind it stay. */
void fl__answer_drop(struct fl__answer *answer);
void fl__answer_release(struct fl__answer *answer);

/* The parts that follow a container and are in it, without theirs. */
uint64_t fl__part_children(const struct fl__part *part);
/* The place behind a part and all that is in it. */
size_t fl__part_after(const struct fl__answer *answer, size_t place);
const char *fl__part_text(const struct fl__answer *answer, const struct fl__part *part);
bool fl__part_is(const struct fl__answer *answer, size_t place, const char *text);
/* In a map, or an array of names and values: the place of a name's value; part_count if there is none. */
size_t fl__part_named(const struct fl__answer *answer, size_t map, const char *name);

/* Object: as text, but a string that is JSON on lines of its own. */
enum fl__style { FL__STYLE_TEXT, FL__STYLE_OBJECT, FL__STYLE_RAW, FL__STYLE_JSON };
void fl__answer_print(const struct fl__answer *answer, enum fl__style style, bool colours, FILE *out);

/* ------------------------------------------------------------------------------------------ prompt_link.c */

enum fl__heard {
    FL__HEARD_NOTHING, /* Yet. */
    FL__HEARD_ANSWER,
    FL__HEARD_END, /* The connection is gone. */
    FL__HEARD_SILENCE,
    FL__HEARD_INTERRUPT, /* Ctrl-C. */
    FL__HEARD_NONSENSE,
};

struct fl__talk {
    int socket;     /* -1: none. */
    int interrupts; /* Of fl__interrupts(); borrowed. */
    struct fl__answer answer;
};

/* Connects, and gives the password. False if that failed. */
bool fl__talk_begin(struct fl__talk *talk, const struct fl__asker *asker, const char *address,
                    fl_time_us until);
enum fl__heard fl__talk_send(struct fl__talk *talk, const struct fl__words *words, fl_time_us until);
/* Drops the answer before, and waits for the next one. UINT64_MAX: for ever. */
enum fl__heard fl__talk_hear(struct fl__talk *talk, fl_time_us until);
bool fl__talk_is_open(const struct fl__talk *talk); /* As far as is known here. */
void fl__talk_close(struct fl__talk *talk);

struct fl__link {
    struct fl__asker asker;
    struct fl__survey survey;
    struct fl__talk talk;
    char name[FL_NAME_MAX], address[FL_ADDRESS_MAX];
    bool follows; /* The leader; otherwise it stays with one address. */
    bool leads;   /* The node that it talks to. */
};

/* Says what is wrong and returns an fl__exit other than 0. */
int fl__link_open(struct fl__link *link, const struct fl__settings *settings);
/* Whether somebody leads, or will in time. The connection stays. */
bool fl__link_led(struct fl__link *link, fl_time_us until);
/* Closes the connection and makes one to whoever leads now; at the end of the time, to whoever answers. */
bool fl__link_find(struct fl__link *link, fl_time_us until);
/* Asks the node, over another connection, whether it leads. True: it does not, and knows who does. */
bool fl__link_look(struct fl__link *link);

/* ----------------------------------------------------------------- prompt_docs.c, prompt_line.c, prompt.c */

struct fl__docs {
    const struct fl__link *link;
    struct fl__talk talk;
    bool asked, loaded;
};

struct fl__completion {
    char insert[64];  /* What can only follow. */
    char names[8192]; /* In order, separated by blanks. */
    unsigned count;
};

void fl__docs_forget(struct fl__docs *docs);
/* What may follow a line that ends here. */
void fl__docs_complete(struct fl__docs *docs, const char *line, struct fl__completion *out);
/* The arguments of the command that a line consists of. */
void fl__docs_hint(struct fl__docs *docs, const char *line, char *out, size_t size);
/* False: the server knows no such command. */
bool fl__docs_help(struct fl__docs *docs, const struct fl__words *words, FILE *out, bool colours);

#define FL__PROMPT_ROOM 384

struct fl__lines;
struct fl__lines *fl__lines_open(bool terminal, bool colours, struct fl__docs *docs);
void fl__lines_close(struct fl__lines *lines);
/* The next line, valid until the one after; NULL at the end. In the prompt \1 stands around what takes no
 * columns, such as colours. */
const char *fl__lines_next(struct fl__lines *lines, const char *prompt);
void fl__lines_remember(struct fl__lines *lines, const char *line);

#endif
