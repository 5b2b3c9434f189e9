/* words.c - the smallest whole program on libfairlead: a
 * replicated list of words, on one node.
 *
 *     words DIRECTORY WORD
 *
 * adds a word to the log in DIRECTORY and prints all that it
 * holds, those of earlier runs too. More nodes need nothing but
 * more members. */
/* clang-format off */
#include <fairlead/node.h>
#include <stdio.h>
#include <string.h>

struct words {
    struct fl_io *io;
    struct fl_node *node;
    struct fl_request add;
    int outcome;
};

static void on_closed(void *context)
{
    struct words *words = context;
    fl_io_uv_stop(words->io);
}

/* A committed entry. What this machine has printed is its state. */
static void apply(void *state, const struct fl_entry *entry,
                  struct fl_request *request)
{
    struct words *words = state;
    const char *word = entry->data; /* NULL: Raft's own. */
    if (word != NULL)
        printf("%.*s\n", (int)entry->size, word);
    if (request != NULL) /* Ours: this is its answer. */
        fl_node_close(words->node, on_closed, words);
}

/* The word was not added; why. */
static void answer(void *state, struct fl_request *request, int why)
{
    struct words *words = state;
    (void)request;
    words->outcome = why;
    fl_node_close(words->node, on_closed, words);
}

static void notice(void *state, struct fl_node *node)
{
    (void)state;
    (void)node;
}

/* The cluster is this one node. */
static int open_node(struct words *words, const char *directory)
{
    static const uint8_t id[16] = "words"; /* Better random. */
    struct fl_error_report report;
    struct fl_node_options options;
    struct fl_node_member self = {
        .name = "only",
        .address = "127.0.0.1:22390",
    };
    struct fl_machine machine = {
        .state = words,
        .apply = apply,
        .answer = answer,
        .notice = notice,
    };
    fl_node_options_init(&options);
    options.directory = directory;
    options.name = self.name;
    options.listen = self.address;
    options.members = &self;
    options.member_count = 1;
    options.cluster_id = id;
    options.segment_size = 1 << 20;
    int error = fl_node_open(&words->node, words->io, &options,
                             &machine, &report);
    if (error != FL_OK)
        fprintf(stderr, "%s\n", report.text);
    return error;
}

int main(int count, char **given)
{
    struct words words = {.outcome = FL_OK};
    if (count != 3 || fl_io_uv_create(&words.io) != FL_OK)
        return 2;
    if (open_node(&words, given[1]) != FL_OK)
        return 1;
    words.outcome = fl_node_propose(words.node, &words.add,
                                    given[2], strlen(given[2]));
    if (words.outcome != FL_OK)
        fl_node_close(words.node, on_closed, &words);
    fl_io_uv_run(words.io);
    fl_io_uv_destroy(words.io);
    if (words.outcome != FL_OK)
        fprintf(stderr, "%s\n", fl_error_text(words.outcome));
    return words.outcome == FL_OK ? 0 : 1;
}
