/* stats.c - what was done how often and how long it took: for INFO, SLOWLOG and LATENCY.
 *
 * A call counts when it is taken; one that MULTI queues counts then, and its time is EXEC's. Its time is from
 * the moment it was started to its answer, so the cluster's part is in it: that is nearly all of it, and what
 * a client waits for. A call that the node answers at once takes no time that the engine's clock shows. WAIT
 * waits because it was told to, and has no time here either. See docs/decisions/012.
 *
 * Errors are counted by their first word, the first ERROR_WORDS_MAX of them; within a transaction's answer
 * they are not looked for. */
#include "server.h"

#include <string.h>

static uint32_t row_of(const struct fl__command *command)
{
    return (uint32_t)(command - fl__commands);
}

static void count_error(struct fl_server *server, struct fl__bytes reply)
{
    struct fl__errors *errors = &server->errors;
    size_t size = 0;
    while (1 + size < reply.size && reply.data[1 + size] != ' ' && reply.data[1 + size] != '\r')
        size++;
    errors->total++;
    struct fl__bytes word = {reply.data + 1, size < FL__ERROR_WORD_SIZE ? size : FL__ERROR_WORD_SIZE - 1};
    for (uint32_t k = 0; k < FL__ERROR_WORDS_MAX; k++) {
        char *known = errors->words[k].word;
        if (known[0] == '\0')
            memcpy(known, word.data, word.size);
        if (fl__bytes_equal(fl__bytes_of(known), word)) {
            errors->words[k].count++;
            return;
        }
    }
}

static bool is_error(struct fl__bytes reply)
{
    return reply.size > 1 && reply.data[0] == '-';
}

void fl__stats_taken(struct fl_server *server, const struct fl__command *command)
{
    server->command_count++;
    server->calls[row_of(command)]++;
    server->usage[row_of(command)].calls++;
}

void fl__stats_refused(struct fl_server *server, const struct fl__command *command, struct fl__bytes reply)
{
    if (command != NULL)
        server->usage[row_of(command)].rejected++;
    if (is_error(reply))
        count_error(server, reply);
}

void fl__stats_done(struct fl_server *server, const struct fl__command *command, fl_time_us duration,
                    struct fl__bytes reply)
{
    if (is_error(reply))
        count_error(server, reply);
    if (command == NULL)
        return;
    struct fl__usage *usage = &server->usage[row_of(command)];
    unsigned bucket = duration < 2 ? 0 : 63 - (unsigned)__builtin_clzll(duration - 1) + 1;
    usage->usec += duration;
    usage->failed += is_error(reply);
    usage->by_power[bucket < FL__USAGE_POWERS ? bucket : FL__USAGE_POWERS - 1]++;
}

/* What the store, the clients' counters and the commands' add up to from now on counts from here. */
void fl__local_config_resetstat(struct fl__client *client, struct fl__reply *reply,
                                const struct fl__bytes *args, uint32_t arg_count)
{
    struct fl_server *server = client->server;
    struct fl__store_counts counts;
    (void)args;
    (void)arg_count;
    fl__store_counts(server->store, &counts);
    server->counted_from = (struct fl__counted){
        .commands = server->command_count,
        .accepted = server->clients_accepted,
        .refused = server->clients_refused,
        .expired = counts.expired,
        .hits = counts.hits,
        .misses = counts.misses,
    };
    memset(server->usage, 0, fl__command_count * sizeof *server->usage);
    server->errors = (struct fl__errors){.total = 0};
    fl__reply_ok(reply);
}
