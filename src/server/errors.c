/* errors.c - the errors of Fairlead's own that a Redis client may meet: one table.
 *
 * An error reply begins with a word that clients know, then says what is the case, whether the command
 * happened, and its code: "CLUSTERDOWN no quorum: n1 reaches 1 of 3, needs 2; not written, safe to retry
 * [FL3001]".
 *
 * The word matters more than the text, because clients act on it by themselves. CLUSTERDOWN and TRYAGAIN
 * invite them to send again, so they stand only where the command is known not to have happened. An unknown
 * outcome is TIMEOUT, which no client repeats unasked. Where Redis has an error of its own for a case
 * (maxmemory), its text comes first. */
#include "server.h"

#include <stdarg.h>
#include <stdio.h>

/* clang-format off */
static const struct fl_explanation explanations[] = {
    {FL__CODE_NO_QUORUM, "CLUSTERDOWN", "no quorum, or no leader",
     "The node held the command as long as it may and had nobody to hand it to. It never reached a log: "
     "nothing was written, and sending it again is safe.",
     "Fewer than a majority of the voters are up and reach each other; or they do, and have not elected a "
     "leader yet, which takes about an election time-out; or the disks of a majority hang, so that a "
     "leader is not confirmed.",
     "See which nodes are down: fairlead status. Start them, or mend the network between them. Writes work "
     "again as soon as a majority is up and connected."},
    {FL__CODE_STOPPING, "CLUSTERDOWN", "the node is stopping",
     "This node is on its way out and takes no more commands. The command did not happen.",
     "Somebody stopped the process, or the service manager did.",
     "Send the command to another node; clients that know several addresses do so by themselves."},
    {FL__CODE_MEMORY_MAX, "OOM", "maxmemory is reached",
     "Keys and values on this node take more memory than maxmemory allows, so commands that may add to "
     "them are refused. Reading and deleting work. The command did not happen.",
     "More was written than was deleted or expired, or the limit is smaller than what the data needs; by "
     "default it is a share of the machine's memory. Nothing is ever evicted.",
     "Delete keys, let them expire, or raise the limit, on every node: CONFIG SET maxmemory 2gb, and "
     "--maxmemory for the next start."},
    {FL__CODE_UNKNOWN, "TIMEOUT", "the outcome is unknown",
     "The command was handed to the cluster, and the confirmation did not come in time. It may have "
     "happened, may still happen, or never.",
     "The leader or the connection to it was lost at the wrong moment, or the disks of a majority are very "
     "slow.",
     "Read before you repeat it, unless repeating does no harm (SET to the same value does none). If it "
     "happens often: fairlead status, and the sync times in /metrics."},
    {FL__CODE_LOG_FULL, "OOM", "the log is full",
     "The leader's log has reached its size limit (--log-max), or its disk or those of a majority are full. Nothing was written; "
     "reading works.",
     "The log keeps every write: this version does not shorten it.",
     "Free space on the disk, 64 MiB at least: writes are taken again by themselves; delete nothing in the data "
     "directory. Or raise --log-max and restart the nodes one after the other. "
     "fairlead_disk_bytes in /metrics is the log's size."},
    {FL__CODE_TOO_BIG, "ERR", "too big",
     "A key may have 64 KiB, a value 64 MiB, one call about 65 MiB in all. Nothing was done.",
     "One command becomes one entry of the log, which every node has to hold in memory as a whole.",
     "Split the value over several keys."},
    {FL__CODE_BUSY, "TRYAGAIN", "too many commands on their way",
     "The node already waits for as many unanswered commands as it may. Nothing was done, and sending it "
     "again a little later is safe.",
     "Often the cluster lost its quorum a moment ago and clients pile up; or clients send more than the "
     "disks can take.",
     "Send again after a pause that grows. See whether the cluster is well: fairlead status."},
    {FL__CODE_DAMAGED, "CLUSTERDOWN", "this node is damaged",
     "This node cannot use its log or its state, and takes no commands. Nothing was done; other nodes "
     "work.",
     "Its disk failed, or does not give back what was written to it; or the other members refuse it; or it "
     "ran out of memory while it applied an entry.",
     "Use another node. fairlead status says what is damaged; the node's log has it in full. Only the last "
     "of these cases is mended by a restart."},
    {FL__CODE_REFUSED, "CLUSTERDOWN", "the command was refused",
     "Another leader's log replaced the command before it was committed. It did not happen and never will; "
     "sending it again is safe.",
     "The leader changed while the command was on its way.",
     "Send it again. If it happens often, leaders change often: fairlead status, and "
     "fairlead_raft_leader_changes_total in /metrics."},
    {FL__CODE_NO_MEMORY, "OOM", "memory could not be allocated",
     "The operating system gave this process no more memory. The command did not happen.",
     "The machine, or the control group that the process is in, is out of memory.",
     "Give it more, or set --maxmemory so that the limit of Fairlead's own comes first."},
    {FL__CODE_ANSWER_LOST, "TIMEOUT", "written, but its answer is lost",
     "The command is in the log for good and the other nodes apply it, but this node ran out of memory and "
     "cannot say what it answered.",
     "Memory ran out while the entry was applied; since then this node's keys are not the cluster's.",
     "Read from another node. Restart this one with more memory: it takes everything from its log again."},
    {FL__CODE_TRANSACTION_TOO_BIG, "ERR", "the transaction is too big",
     "The commands between MULTI and EXEC go to the log as one entry, of at most 64 MiB and 1,048,576 "
     "commands. The transaction is discarded by its EXEC; nothing was done.",
     "Too many commands, or too large ones, were queued; or more than 65,536 keys, or 4 MiB of them, are "
     "watched, and EXEC is refused until UNWATCH, DISCARD or RESET.",
     "Use several smaller transactions, and watch fewer keys."},
    {FL__CODE_NOT_IN_TRANSACTION, "ERR", "not within a transaction",
     "This command cannot be part of a transaction, and was not queued.",
     "It waits for something outside of the transaction, and a transaction is one moment.",
     "Send it before MULTI or after EXEC."},
    {FL__CODE_CLIENT_MEMORY, "ERR", "clients' buffers take too much memory",
     "Commands sent but not complete and replies not read fill a gibibyte, and this client holds much of "
     "it: it was cut off.",
     "The client sends faster than it reads, or leaves large commands unfinished.",
     "Read replies while sending, and use fewer commands at a time."},
    {FL__CODE_IO, "ERR", "an internal operation failed",
     "Something failed that has no message of its own. Nothing was done.",
     "The operating system refused something that a node needs.",
     "Look at the last lines of the node's log."},
    {FL__CODE_SUBSCRIPTIONS, "ERR", "too many subscriptions",
     "The client does not listen to this channel or pattern; what was confirmed before it holds.",
     "A name may have 64 KiB, a client 131,072 subscriptions that take 32 MiB, and all clients' buffers and "
     "subscriptions together a gibibyte.",
     "Subscribe to a pattern instead of many channels, or spread them over several connections."},
    {FL__CODE_NOT_HERE, "ERR", "not done this way here", "Nothing was done.",
     "The command changes a Redis cluster, or what Sentinels watch, by hand. Here the members elect their leader by "
     "themselves, one shard has all slots, and each member watches the others.",
     "The message says what to use instead."},
};
/* clang-format on */

#define EXPLANATION_COUNT (sizeof explanations / sizeof explanations[0])

const struct fl_explanation *fl_explain(uint32_t code)
{
    for (size_t k = 0; k < EXPLANATION_COUNT; k++)
        if (explanations[k].code == code)
            return &explanations[k];
    return NULL;
}

const struct fl_explanation *fl_explain_after(uint32_t code)
{
    const struct fl_explanation *next = NULL;
    for (size_t k = 0; k < EXPLANATION_COUNT; k++)
        if (explanations[k].code > code && (next == NULL || explanations[k].code < next->code))
            next = &explanations[k];
    return next;
}

void fl__error(struct fl__reply *reply, enum fl__code code, const char *format, ...)
{
    if (reply == NULL)
        return;
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    fl__reply_error_format(reply, "%s %s [FL%d]", fl_explain(code)->word, text, (int)code);
}

/* Says why nobody could be asked: too few voters, or enough of them but no leader. */
static void explain_no_quorum(struct fl__reply *reply, struct fl_server *server, const char *what)
{
    if (server->node == NULL) {
        fl__error(reply, FL__CODE_NO_QUORUM, "no quorum: the node is not open; %s, safe to retry", what);
        return;
    }
    struct fl_node_status status;
    uint32_t voters, up;
    fl_node_status(server->node, &status);
    fl__snapshot_voters(&status, &voters, &up);
    uint32_t needed = voters / 2 + 1;
    /* A leader that reaches enough of them but is not confirmed: their disks hang or are damaged. */
    bool is_unconfirmed = up >= needed && status.role == FL_LEADER && !status.ready;
    fl__error(reply, FL__CODE_NO_QUORUM, "%s: %s reaches %u of %u, needs %u%s; %s, safe to retry",
              up < needed || is_unconfirmed ? "no quorum" : "no leader", server->name, (unsigned)up,
              (unsigned)voters, (unsigned)needed, is_unconfirmed ? " that confirm" : "", what);
}

void fl__error_outcome(struct fl__reply *reply, struct fl_server *server, int outcome, bool is_write)
{
    const char *what = is_write ? "not written" : "not read";
    if (reply == NULL)
        return;
    switch (outcome) {
    case FL_EUNAVAILABLE:
    case FL_ENOLEADER:
    case FL_ENOTLEADER:
        explain_no_quorum(reply, server, what);
        return;
    case FL_ESTOPPED:
        fl__error(reply, FL__CODE_STOPPING, "%s is stopping; %s, safe to retry", server->name, what);
        return;
    case FL_ENOSPC:
        fl__error(reply, FL__CODE_LOG_FULL, "the disk of the leader or of a majority is full; %s", what);
        return;
    case FL_ELOGFULL:
        fl__error(reply, FL__CODE_LOG_FULL, "the log has reached its size limit (log-max); %s", what);
        return;
    case FL_ETOOBIG:
        fl__error(reply, FL__CODE_TOO_BIG, "the command is larger than one log entry may be (%u bytes); %s",
                  (unsigned)FL_COMMAND_MAX, what);
        return;
    case FL_EFULL:
        fl__error(reply, FL__CODE_BUSY, "too many commands are waiting for an answer; %s, safe to retry",
                  what);
        return;
    case FL_EDAMAGED:
        fl__error(reply, FL__CODE_DAMAGED, "%s is damaged, other nodes work; %s", server->name, what);
        return;
    case FL_EREFUSED:
        fl__error(reply, FL__CODE_REFUSED, "a change of leader replaced it; %s, safe to retry", what);
        return;
    case FL_ENOMEM:
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated; %s", what);
        return;
    default:
        break;
    }
    /* Of a write, whatever is not known to be definite is not. */
    if (!is_write)
        fl__error(reply, FL__CODE_IO, "%s; %s", fl_error_text(outcome), what);
    else if (server->stopping)
        fl__error(reply, FL__CODE_UNKNOWN,
                  "outcome unknown: it was sent to the log, and %s is stopping; read before retrying",
                  server->name);
    else
        fl__error(reply, FL__CODE_UNKNOWN,
                  "outcome unknown: it was sent to the log, not confirmed in %u ms; read before retrying",
                  (unsigned)(server->options.node.request_timeout_us / 1000));
}
