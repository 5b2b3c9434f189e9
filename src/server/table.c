/* table.c - the command table: one row for each command and subcommand, with everything that is known about
 * it.
 *
 * Dispatching, transactions, COMMAND and its documentation read it; nothing else knows the commands. The rows
 * are in files of their own, one for each group of commands; within a file they stand in alphabetical order,
 * subcommands behind their container. Names, arities, flags, categories, keys and words are those of Redis
 * 7.0 (CLIENT SETINFO and NO-TOUCH: 7.2), because clients look at them. */
#include "server.h"

/* clang-format off */

#define COMMAND(called, args, runs) .name = (called), .arity = (args), .class = FL__CLASS_##runs
#define KEYS(first, last, step, use) \
    .first_key = (first), .last_key = (last), .key_step = (step), .key_flags = (use)
#define ABOUT(kind, version, what, cost) \
    .group = (kind), .since = (version), .summary = (what), .complexity = (cost)

const struct fl__command fl__commands[] = {
#include "rows_bitmap.inc"
#include "rows_cluster.inc"
#include "rows_connection.inc"
#include "rows_fairlead.inc"
#include "rows_generic.inc"
#include "rows_pubsub.inc"
#include "rows_scripting.inc"
#include "rows_sentinel.inc"
#include "rows_server.inc"
#include "rows_string.inc"
#include "rows_transactions.inc"
};

const uint32_t fl__command_count = sizeof fl__commands / sizeof fl__commands[0];
