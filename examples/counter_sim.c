/* counter_sim.c - the replicated counter of counter.c in the simulator: a thousand lives of a cluster, with
 * every fault that networks, disks, clocks and power have to offer, in a minute.
 *
 *     counter_sim [FIRST [LAST]]
 *
 * lives the seeds FIRST to LAST. When one fails it tells the story of that life; so does a single seed. The
 * same seed is the same life, on every machine. */
#include <fairlead/sim.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* The state machine of one node, as long as its process lives. */
struct counter {
    struct cluster *cluster;
    uint64_t value;
};

/* What we know from outside, as a client does. Whatever happens, each counter must end between these two. */
struct cluster {
    struct fl_sim_life *life;
    struct counter *counters[FL_MEMBERS_MAX];
    uint64_t asked;        /* Additions that may have been done: all, but those that were refused for sure. */
    uint64_t acknowledged; /* Those that have been done for sure. */
};

/* An addition or a read, until it is answered. */
struct wish {
    struct fl_request request;
    bool is_read;
    uint64_t known; /* A read: how many additions had been acknowledged when it began. */
};

static const unsigned char one = 1;

static void apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct counter *counter = state;
    if (entry->data && entry->size == 1)
        counter->value += *(const unsigned char *)entry->data;
    if (!request)
        return;
    counter->cluster->acknowledged++;
    free(request->owner);
}

static void answer(void *state, struct fl_request *request, int outcome)
{
    struct counter *counter = state;
    struct cluster *cluster = counter->cluster;
    struct wish *wish = request->owner;
    if (!wish->is_read && outcome == FL_EUNAVAILABLE)
        cluster->asked--; /* A promise: nothing was done. After FL_EUNKNOWN it may have been. */
    if (wish->is_read && outcome == FL_OK && counter->value < wish->known)
        fl_sim_fail(cluster->life, "stale", "a read does not count what was acknowledged before it");
    free(wish);
}

static void notice(void *state, struct fl_node *node)
{
    (void)state;
    (void)node;
}

/* A life begins. */
static void begin(void *context, struct fl_sim_life *life)
{
    struct cluster *cluster = context;
    *cluster = (struct cluster){.life = life};
}

/* A process begins: nothing is in its memory. */
static void start(void *context, struct fl_sim_life *life, uint32_t n, struct fl_machine *machine)
{
    struct cluster *cluster = context;
    struct counter *counter = calloc(1, sizeof *counter);
    (void)life;
    if (!counter)
        abort();
    counter->cluster = cluster;
    cluster->counters[n] = counter;
    *machine = (struct fl_machine){.state = counter, .apply = apply, .answer = answer, .notice = notice};
}

static void stop(void *context, uint32_t n, void *state)
{
    struct cluster *cluster = context;
    cluster->counters[n] = NULL;
    free(state);
}

/* A client comes to node n: every other one adds, the others read. */
static void work(void *context, struct fl_sim_life *life, uint32_t n, struct fl_node *node, uint64_t random)
{
    struct cluster *cluster = context;
    struct wish *wish = calloc(1, sizeof *wish);
    (void)life;
    (void)n;
    if (!wish)
        abort();
    *wish = (struct wish){.is_read = random % 2, .known = cluster->acknowledged};
    wish->request.owner = wish;
    int error = wish->is_read ? fl_node_read(node, &wish->request)
                              : fl_node_propose(node, &wish->request, &one, sizeof one);
    if (error != FL_OK)
        free(wish);
    else if (!wish->is_read)
        cluster->asked++;
}

static uint64_t hash(const void *state)
{
    const struct counter *counter = state;
    return counter->value;
}

/* The life has ended well for this node: has it counted well? */
static void judge(void *context, struct fl_sim_life *life, uint32_t n, const void *state)
{
    const struct cluster *cluster = context;
    const struct counter *counter = state;
    char text[160];
    if (counter->value >= cluster->acknowledged && counter->value <= cluster->asked)
        return;
    snprintf(text, sizeof text, "node %" PRIu32 " counts %" PRIu64 ", not %" PRIu64 " to %" PRIu64, n + 1,
             counter->value, cluster->acknowledged, cluster->asked);
    fl_sim_fail(life, "count", text);
}

static void tell(void *context, const struct fl_sim_event *event)
{
    (void)context;
    if (!event->is_detail)
        printf("%4" PRIu64 ".%06" PRIu64 "  %s  %s\n", event->time_us / 1000000, event->time_us % 1000000,
               event->node, event->text);
}

int main(int count, char **words)
{
    struct cluster cluster;
    const struct fl_sim_machine machine = {.context = &cluster,
                                           .begin = begin,
                                           .start = start,
                                           .work = work,
                                           .stop = stop,
                                           .hash = hash,
                                           .judge = judge};
    struct fl_sim_options options;
    struct fl_sim_result result;
    uint64_t first = count > 1 ? strtoull(words[1], NULL, 10) : 1, checks = 0;
    uint64_t last = count > 2 ? strtoull(words[2], NULL, 10) : count > 1 ? first : 1000;
    fl_sim_options_init(&options);
    options.machine = &machine;
    for (options.seed = first; options.seed <= last; options.seed++) {
        options.tell = first == last ? tell : NULL;
        fl_sim_run(&options, &result);
        checks += result.checks;
        if (!result.failed)
            continue;
        options.tell = tell;
        if (first != last)
            fl_sim_run(&options, &result); /* Again, to hear of it. */
        printf("seed %" PRIu64 " fails: %s\n", options.seed, result.text);
        return 1;
    }
    printf("%" PRIu64 " lives, %" PRIu64 " entries applied, and every counter has counted well\n",
           last - first + 1, checks);
    return 0;
}
