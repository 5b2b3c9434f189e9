/* counter.c - a replicated counter: all that an embedder of libfairlead has to write.
 *
 *     counter DIRECTORY [PORT]
 *
 * runs three nodes in one process (yours will run one on each machine), adds to the counter through all of
 * them at once, and reads it on each. The log in DIRECTORY keeps it: run it again, and it counts on. */
#include <fairlead/node.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum { NODES = 3, ADDS = 100 };

/* The state machine of one node, and what it waits for. */
struct counter {
    struct fl_io *io;
    struct fl_node *node;
    uint64_t value;
    /* A request lives until it is answered: here, as long as the counter. */
    struct fl_request adds[ADDS], read;
    unsigned answered;
    bool is_read;
    struct counter *all;
};

static const unsigned char one = 1; /* A command: a byte that says how much to add. */

static void fail(const char *what, int error)
{
    fprintf(stderr, "counter: %s: %s\n", what, fl_error_text(error));
    exit(1);
}

/* Each counter has had all its answers: now everyone is asked what it counts. */
static void read_everywhere(struct counter *all)
{
    for (int n = 0; n < NODES; n++)
        if (all[n].answered < ADDS)
            return;
    for (int n = 0; n < NODES; n++) {
        int error = fl_node_read(all[n].node, &all[n].read);
        if (error != FL_OK)
            fail("no read", error);
    }
}

static void on_closed(void *context)
{
    struct counter *counter = context;
    counter->node = NULL;
    for (int n = 0; n < NODES; n++)
        if (counter->all[n].node)
            return;
    fl_io_uv_stop(counter->io);
}

/* All have been read: enough of the cluster. */
static void close_everywhere(struct counter *all)
{
    for (int n = 0; n < NODES; n++)
        if (!all[n].is_read)
            return;
    for (int n = 0; n < NODES; n++)
        fl_node_close(all[n].node, on_closed, &all[n]);
}

/* The first of the three functions: a committed entry. Every node applies the same ones in the same order, so
 * all that it does must follow from the entry alone. `request` is ours if it was proposed here: this is its
 * answer. */
static void apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct counter *counter = state;
    if (entry->data && entry->size == 1)
        counter->value += *(const unsigned char *)entry->data;
    if (request && ++counter->answered == ADDS)
        read_everywhere(counter->all);
}

/* The second: a request that ends otherwise. A read that is FL_OK may look at the state now. */
static void answer(void *state, struct fl_request *request, int outcome)
{
    struct counter *counter = state;
    if (request != &counter->read) {
        if (outcome == FL_EUNAVAILABLE) /* Nothing was done, so adding again is safe. */
            outcome = fl_node_propose(counter->node, request, &one, sizeof one);
        if (outcome != FL_OK) /* FL_EUNKNOWN: it may have counted or not; a second try might count twice. */
            fail("an addition was not confirmed", outcome);
        return;
    }
    if (outcome != FL_OK)
        fail("a read failed", outcome);
    printf("node %d counts %llu\n", (int)(counter - counter->all) + 1, (unsigned long long)counter->value);
    counter->is_read = true;
    close_everywhere(counter->all);
}

/* The third: role, leader or members changed. fl_node_status() says what is now; a counter need not know. */
static void notice(void *state, struct fl_node *node)
{
    (void)state;
    (void)node;
}

/* Opens node `n`. The first time it is also told who founds the cluster with it. */
static void open_node(struct counter *counter, int n, const char *directory, int port)
{
    static const uint8_t cluster_id[16] = "counter example"; /* Random bytes, in real life. */
    struct fl_node_member members[NODES] = {0};
    struct fl_node_options options;
    struct fl_machine machine = {.state = counter, .apply = apply, .answer = answer, .notice = notice};
    struct fl_error_report report;
    char path[512];
    for (int k = 0; k < NODES; k++) {
        snprintf(members[k].name, sizeof members[k].name, "node-%d", k + 1);
        snprintf(members[k].address, sizeof members[k].address, "127.0.0.1:%d", port + k);
    }
    snprintf(path, sizeof path, "%s/%s", directory, members[n].name);
    fl_node_options_init(&options);
    options.directory = path;
    options.name = members[n].name;
    options.listen = members[n].address;
    options.members = members;
    options.member_count = NODES;
    options.cluster_id = cluster_id;
    options.campaign_first = n == 0;
    options.segment_size = 1 << 20;
    if (fl_node_open(&counter->node, counter->io, &options, &machine, &report) != FL_OK) {
        fprintf(stderr, "counter: %s\n", report.text);
        exit(1);
    }
}

int main(int count, char **words)
{
    struct counter *all = calloc(NODES, sizeof *all);
    struct fl_io *io;
    if (!all || count < 2 || fl_io_uv_create(&io) != FL_OK) {
        fprintf(stderr, "usage: counter DIRECTORY [PORT]\n");
        return 1;
    }
    mkdir(words[1], 0700);
    for (int n = 0; n < NODES; n++) {
        all[n] = (struct counter){.io = io, .all = all};
        open_node(&all[n], n, words[1], count > 2 ? (int)strtol(words[2], NULL, 10) : 22300);
    }
    for (int n = 0; n < NODES; n++)
        for (int k = 0; k < ADDS; k++) { /* Any node takes commands: it knows who leads, or soon will. */
            int error = fl_node_propose(all[n].node, &all[n].adds[k], &one, sizeof one);
            if (error != FL_OK)
                fail("no addition", error);
        }
    fl_io_uv_run(io);
    fl_io_uv_destroy(io);
    bool equal = all[0].value == all[1].value && all[1].value == all[2].value;
    free(all);
    return equal ? 0 : 1;
}
