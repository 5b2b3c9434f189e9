/* sim_machine_test.c - state machines of users in the simulator: a good one lives, and what is wrong with the
 * others is found.
 *
 * FL_TEST_CASES sets the number of seeds, FL_TEST_LONG=1 makes it many. */
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "seeds.h"
#include "sim.h"

/* Sums up numbers; one of these things may be wrong with it. */
enum wrong {
    NOTHING,
    USES_ITS_NODE, /* The sum depends on where it is. */
    REMEMBERS,     /* The sum depends on whether the process is its node's first one. */
    FORGETS,       /* Of a hundred entries it leaves out one, everywhere. */
    LISTENS,       /* What nobody here asked for is not applied. */
};

struct sum {
    struct world *world;
    uint32_t node;
    uint64_t value;
    bool is_reborn;
};

/* A number to add, or a read; of a node's process. */
struct wish {
    struct fl_request request;
    struct sum *sum;
    uint64_t number;
    bool is_read;
    uint64_t known; /* A read: what was acknowledged before. */
};

struct world {
    enum wrong wrong;
    struct fl_sim_life *life;
    uint64_t asked, acknowledged; /* Sums of what was asked for, and of what was done for sure. */
    uint64_t answers, reads;
    struct sum *sums[16];
    bool was_there[16];
};

static void apply(void *state, const struct fl_entry *entry, struct fl_request *request)
{
    struct sum *sum = state;
    struct wish *wish = request ? request->owner : NULL;
    enum wrong wrong = sum->world->wrong;
    uint64_t number = 0;
    bool is_lost = (wrong == FORGETS && entry->index % 100 == 50) || (wrong == LISTENS && !request);
    if (entry->data && !is_lost)
        memcpy(&number, entry->data, sizeof number);
    sum->value += number;
    if (entry->index == 20)
        sum->value += wrong == USES_ITS_NODE ? sum->node : wrong == REMEMBERS ? sum->is_reborn : 0;
    if (!wish)
        return;
    sum->world->acknowledged += wish->number;
    sum->world->answers++;
    free(wish);
}

static void answer(void *state, struct fl_request *request, int outcome)
{
    struct sum *sum = state;
    struct wish *wish = request->owner;
    struct world *world = sum->world;
    if (outcome == FL_EUNAVAILABLE && !wish->is_read)
        world->asked -= wish->number; /* It is not in any log, and never will be. */
    if (outcome == FL_OK && (sum->value < wish->known || sum->value > world->asked))
        fl_sim_fail(world->life, "read", "read: the sum is impossible");
    world->reads += outcome == FL_OK;
    world->answers++;
    free(wish);
}

static void notice(void *state, struct fl_node *node)
{
    (void)state;
    (void)node;
}

static void begin(void *context, struct fl_sim_life *life)
{
    struct world *world = context;
    *world = (struct world){.wrong = world->wrong, .life = life};
}

static void start(void *context, struct fl_sim_life *life, uint32_t n, struct fl_machine *machine)
{
    struct world *world = context;
    struct sum *sum = calloc(1, sizeof *sum);
    (void)life;
    *sum = (struct sum){.world = world, .node = n, .is_reborn = world->was_there[n]};
    world->sums[n] = sum;
    world->was_there[n] = true;
    *machine = (struct fl_machine){.state = sum, .apply = apply, .answer = answer, .notice = notice};
}

static void stop(void *context, uint32_t n, void *state)
{
    struct world *world = context;
    world->sums[n] = NULL;
    free(state);
}

static void work(void *context, struct fl_sim_life *life, uint32_t n, struct fl_node *node, uint64_t random)
{
    struct world *world = context;
    struct wish *wish = calloc(1, sizeof *wish);
    (void)life;
    *wish = (struct wish){.sum = world->sums[n], .number = random % 1000, .known = world->acknowledged};
    wish->request.owner = wish;
    wish->is_read = random >> 32 & 1;
    wish->number = wish->is_read ? 0 : wish->number;
    int error = wish->is_read ? fl_node_read(node, &wish->request)
                              : fl_node_propose(node, &wish->request, &wish->number, sizeof wish->number);
    if (error == FL_OK)
        world->asked += wish->number;
    else
        free(wish);
}

static uint64_t hash(const void *state)
{
    const struct sum *sum = state;
    return sum->value;
}

static void judge(void *context, struct fl_sim_life *life, uint32_t n, const void *state)
{
    const struct sum *sum = state;
    const struct world *world = context;
    (void)n;
    if (sum->value < world->acknowledged || sum->value > world->asked)
        fl_sim_fail(life, "sum", "sum: the sum is impossible");
}

static struct fl_sim_result live(struct world *world, uint64_t seed)
{
    const struct fl_sim_machine machine = {.context = world,
                                           .begin = begin,
                                           .start = start,
                                           .work = work,
                                           .stop = stop,
                                           .hash = hash,
                                           .judge = judge};
    struct fl_sim_options options;
    struct fl_sim_result result;
    fl_sim_options_init(&options);
    options.seed = seed;
    options.machine = &machine;
    fl_sim_run(&options, &result);
    return result;
}

static void test_a_good_machine_lives_through_all_faults(void **state)
{
    uint64_t count = seeds_count(100, 2000), answers = 0, reads = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= count; seed++) {
        struct world world = {.wrong = NOTHING};
        struct fl_sim_result result = live(&world, seed);
        if (result.failed)
            fail_msg("seed %" PRIu64 ": %s", seed, result.text);
        assert_true(result.checks > 0);
        answers += world.answers;
        reads += world.reads;
    }
    assert_true(answers > 100 * count && reads > 10 * count);
}

static void test_a_machines_life_follows_from_its_seed(void **state)
{
    struct world world = {.wrong = NOTHING};
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++)
        assert_int_equal(live(&world, seed).trace_hash, live(&world, seed).trace_hash);
    assert_true(live(&world, 1).trace_hash != live(&world, 2).trace_hash);
}

/* Among the first seeds one must say so, by this rule and no other. */
static void assert_found(enum wrong wrong, const char *rule)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct world world = {.wrong = wrong};
        struct fl_sim_result result = live(&world, seed);
        if (!result.failed)
            continue;
        assert_string_equal(result.rule, rule);
        return;
    }
    fail_msg("nothing was wrong");
}

static void test_a_machine_that_depends_on_its_node_is_found(void **state)
{
    (void)state;
    assert_found(USES_ITS_NODE, "R21");
    assert_found(LISTENS, "R21");
}

static void test_a_machine_that_depends_on_its_process_is_found(void **state)
{
    (void)state;
    assert_found(REMEMBERS, "R21");
}

/* All nodes agree on it: the judge of the machine's own sees it, or a reader. */
static void test_what_only_the_user_can_know_is_for_the_user_to_say(void **state)
{
    (void)state;
    struct world world = {.wrong = FORGETS};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct fl_sim_result result = live(&world, seed);
        if (!result.failed)
            continue;
        assert_true(strcmp(result.rule, "sum") == 0 || strcmp(result.rule, "read") == 0);
        return;
    }
    fail_msg("nothing was wrong");
}

static uint32_t count_strikes(const struct fl_sim_options *options)
{
    uint32_t count = 0;
    for (uint32_t k = 0; k < FL_SIM_STRIKES_MAX; k++)
        count += options->strikes.bits[k / 64] >> k % 64 & 1;
    assert_true(options->strikes.is_chosen);
    return count;
}

/* Shrinking lives the life many times, each from its beginning. */
static void test_a_failure_is_shrunk_to_the_faults_it_needs(void **state)
{
    (void)state;
    struct world world = {.wrong = USES_ITS_NODE};
    const struct fl_sim_machine machine = {
        .context = &world, .begin = begin, .start = start, .work = work, .stop = stop, .hash = hash};
    struct fl_sim_options options;
    struct fl_sim_result result;
    char *script;
    fl_sim_options_init(&options);
    options.machine = &machine;
    assert_true(fl_sim_shrink(&options, &script, &result));
    assert_null(script);
    assert_string_equal(result.rule, "R21");
    assert_int_equal(options.without, (1u << FL_SIM_FAULTS) - 1); /* It needs none. */
    assert_int_equal(count_strikes(&options), 0);
    assert_true(options.events_max < 2000);
}

/* A process must end; what is left must say so by itself. */
static void test_a_failure_is_shrunk_to_the_moments_it_needs(void **state)
{
    (void)state;
    struct world world = {.wrong = REMEMBERS};
    const struct fl_sim_machine machine = {
        .context = &world, .begin = begin, .start = start, .work = work, .stop = stop, .hash = hash};
    struct fl_sim_options options;
    struct fl_sim_result result;
    char *script;
    fl_sim_options_init(&options);
    options.machine = &machine;
    while (options.seed <= 20 && !fl_sim_shrink(&options, &script, &result)) {
        uint64_t seed = options.seed + 1;
        fl_sim_options_init(&options);
        options.machine = &machine;
        options.seed = seed;
    }
    assert_string_equal(result.rule, "R21");
    assert_in_range(count_strikes(&options), 1, 3);
    fl_sim_run(&options, &result);
    assert_string_equal(result.rule, "R21");
    options.strikes = (struct fl_sim_strikes){.is_chosen = true};
    fl_sim_run(&options, &result);
    assert_false(result.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_good_machine_lives_through_all_faults),
        cmocka_unit_test(test_a_machines_life_follows_from_its_seed),
        cmocka_unit_test(test_a_machine_that_depends_on_its_node_is_found),
        cmocka_unit_test(test_a_machine_that_depends_on_its_process_is_found),
        cmocka_unit_test(test_what_only_the_user_can_know_is_for_the_user_to_say),
        cmocka_unit_test(test_a_failure_is_shrunk_to_the_faults_it_needs),
        cmocka_unit_test(test_a_failure_is_shrunk_to_the_moments_it_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
