/* words.c - the smallest whole program on libfairlead: a list of words, replicated, on one node.
 *
 *     words DIRECTORY WORD
 *
 * adds the word to the log in DIRECTORY and prints all that it holds, those of earlier runs too. More nodes
 * need nothing but more members: counter.c has three. This program is part of libfairlead(3). */
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

/* The state of this machine is what it has printed. */
static void apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct words *words = state;
    if (entry->data != NULL)
        printf("%.*s\n", (int)entry->size, (const char *)entry->data);
    if (request != NULL) /* It is ours, and this is its answer. */
        fl_node_close(words->node, on_closed, words);
}

static void answer(void *state, struct fl_request *request, int outcome)
{
    struct words *words = state;
    (void)request;
    words->outcome = outcome;
    fl_node_close(words->node, on_closed, words);
}

static void notice(void *state, struct fl_node *node)
{
    (void)state;
    (void)node;
}

int main(int count, char **arguments)
{
    static const uint8_t cluster_id[16] = "words"; /* Random bytes, in real life. */
    struct fl_node_member self = {.name = "only", .address = "127.0.0.1:22390"};
    struct fl_node_options options;
    struct fl_error_report report;
    struct words words = {.outcome = FL_OK};
    struct fl_machine machine = {.state = &words, .apply = apply, .answer = answer, .notice = notice};
    if (count != 3 || fl_io_uv_create(&words.io) != FL_OK)
        return 2;
    fl_node_options_init(&options);
    options.directory = arguments[1];
    options.name = self.name;
    options.listen = self.address;
    options.members = &self;
    options.member_count = 1;
    options.cluster_id = cluster_id;
    options.segment_size = 1 << 20;
    if (fl_node_open(&words.node, words.io, &options, &machine, &report) != FL_OK) {
        fprintf(stderr, "%s\n", report.text);
        return 1;
    }
    words.outcome = fl_node_propose(words.node, &words.add, arguments[2], strlen(arguments[2]));
    if (words.outcome == FL_OK)
        fl_io_uv_run(words.io);
    fl_io_uv_destroy(words.io);
    if (words.outcome != FL_OK)
        fprintf(stderr, "not added: %s\n", fl_error_text(words.outcome));
    return words.outcome == FL_OK ? 0 : 1;
}
