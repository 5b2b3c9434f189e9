/* explanations.c - the pages of the command line's own codes, for `fairlead explain` and fairlead-errors(7).
 * Those of the server are in src/server/errors.c. */
#include "cli.h"

/* clang-format off */
static const struct fl_explanation pages[] = {
    {FL__CODE_USAGE, "error", "the command line was not understood",
     "Nothing was done.",
     "A command or an option is misspelt, an option lacks its value, or there are more or fewer arguments "
     "than the command takes.",
     "fairlead help lists the commands, fairlead COMMAND --help the options of one."},
    {FL__CODE_SETTING, "error", "a setting's value is not allowed",
     "The message names the setting where it was given (option, environment variable or line of the file) "
     "and says what it may be. Nothing was done.",
     "Sizes need an unambiguous unit (64MiB or 64MB), addresses a host and a port, durations a number with "
     "ms or s; numbers have a range.",
     "fairlead config NAME says all about one setting."},
    {FL__CODE_CONFIG_FILE, "error", "the configuration file cannot be used",
     "The file cannot be read, or one of its lines is not NAME = VALUE. A node does not start with half of "
     "its settings, so nothing was done.",
     "The path is wrong, a name is misspelt or stands twice, or the file has sections.",
     "Mend the line that the message names; fairlead serve --check --config FILE tries it out. "
     "fairlead.conf(5) describes the file."},
    {FL__CODE_CONTRADICTION, "error", "two settings contradict each other",
     "Each is allowed alone, but not together. The message shows both, with where they come from. Nothing "
     "was done.",
     "Often one of them is a default, or an environment variable that was forgotten.",
     "Change one of the two: fairlead serve --check shows every setting and its origin."},
    {FL__CODE_FILE, "error", "a file cannot be used",
     "A file that was named on the command line or by a setting cannot be read or written, or has nothing "
     "in it that would do. Nothing was done.",
     "The path is wrong, or the user who runs fairlead may not read it.",
     "Look at the path and at the permissions; a password file has its password in its first line."},
    {FL__CODE_SERVE, "error", "the node did not start",
     "The message says what stopped it. What its data directory held is as it was; a new one may hold the node's "
     "identity now.",
     "A port is in use, the data directory is another process's, of another cluster or empty with no "
     "cluster to found, or its log is damaged.",
     "Do what the message says. To found a cluster give each member the same --bootstrap and --cluster-id, "
     "or use fairlead up. If its log is beyond repair and there is no copy of the directory that was made since "
     "the node last ran, leave it off: the others go on as long as they are a majority. To have all members "
     "again, found a new cluster and copy the keys to it with SCAN, DUMP and RESTORE; docs/disks.md has a script. "
     "Never start an older copy: it has forgotten what the node promised."},
    {FL__CODE_NO_CLUSTER, "error", "there is no local cluster in the directory",
     "The command works on a cluster that `fairlead up` made, and finds it by its directory.",
     "It was made in another directory: by default it is ./fairlead-data, so it depends on where you are.",
     "Go there or name it with --dir PATH; fairlead up makes a new one."},
    {FL__CODE_NOT_A_CLUSTER, "error", "the directory holds something else",
     "It is not empty and not a local cluster's; or it is one, where the data of a single node was "
     "expected. Nothing was changed.",
     "--dir names the wrong directory.",
     "Choose another one: --dir PATH."},
    {FL__CODE_STATE_FILE, "error", "the local cluster's state file cannot be used",
     "cluster.json in its directory is damaged, or was written by another version. The nodes' data beside "
     "it is untouched.",
     "Somebody changed it, or an older or newer fairlead made it.",
     "Use another --dir, or move the directory away; each node in it can still be started by itself with "
     "fairlead serve --dir."},
    {FL__CODE_BUSY, "error", "another command is at work on this cluster",
     "Commands that change a local cluster do so one at a time. This one did nothing.",
     "A fairlead up, down, start or stop is still running in the same directory.",
     "Wait until it has ended, and repeat."},
    {FL__CODE_RUNNING, "error", "nodes run that must not",
     "The command would delete data that running nodes use. Nothing was done.",
     "fairlead up --fresh was asked for while nodes of that cluster run.",
     "fairlead down, then fairlead up --fresh."},
    {FL__CODE_OTHER_SHAPE, "error", "the local cluster has another shape",
     "It was made with another number of nodes or other ports, and keeps them. Nothing was done.",
     "fairlead up was given a number of nodes or --port that differs from the first time.",
     "fairlead up without them starts it as it is; fairlead up --fresh deletes its data and begins anew; "
     "--dir PATH makes another one."},
    {FL__CODE_NO_SUCH_NODE, "error", "the cluster has no node of that name",
     "The message lists the nodes that there are. Nothing was done.",
     "The name is misspelt, or belongs to another cluster.",
     "Use one of the names listed; fairlead status shows them too."},
    {FL__CODE_PORT_IN_USE, "error", "a port that a node needs is in use",
     "The node was not started.",
     "Another program, or another cluster, listens on it. The message says who, where it can tell.",
     "Stop that one, or use other ports: fairlead up --port BASE --dir PATH."},
    {FL__CODE_NODE_DIED, "error", "a node ended while it was starting",
     "The last lines of its log are shown. Other nodes of the cluster may run.",
     "Whatever its log says: often an option behind -- that it does not know, a directory without room, or "
     "a damaged log.",
     "Mend what the log says, and start it again."},
    {FL__CODE_NOT_STOPPED, "error", "a node did not stop in time",
     "It was asked to stop, and its process is still there.",
     "Its disk is slow, or hangs.",
     "Wait, or end the process with kill -9: what it acknowledged is safe on its disk."},
    {FL__CODE_NOT_READY, "error", "the nodes run, but were not ready in time",
     "Nothing is lost; they go on getting ready.",
     "The machine or its disk is slow, the log is long, or too few nodes run for a majority.",
     "fairlead status says how far they are; --timeout TIME waits longer."},
    {FL__CODE_SYSTEM, "error", "the operating system refused something",
     "The message says what was refused, and the system's reason.",
     "Memory or descriptors are short, a permission is missing, or a directory cannot be made.",
     "Remove the reason, and repeat."},
    {FL__CODE_PAGE, "error", "the playground cannot be shown",
     "Nothing is served.",
     "The port is taken, perhaps by another `fairlead learn`; or the program was built without the part that runs "
     "in browsers, which takes clang and lld to build.",
     "fairlead learn --web HOST:PORT chooses another port."},
    {FL__CODE_UNREACHABLE, "error", "no node answers",
     "Nobody could be asked, so nothing is known of the cluster.",
     "The nodes are down, the address is wrong, the network is cut, or they want a password.",
     "fairlead up, or name a node that runs: --node HOST:PORT, with --password-file FILE if it has a "
     "password."},
    {FL__CODE_NODE_REFUSED, "error", "a node answered with an error",
     "The node is there, but did not do what it was asked to. The message has its words.",
     "It may want a password, be of another version, or be busy or damaged.",
     "Do what its words say; if they end with a code, fairlead explain has that one too."},
    {FL__CODE_RANGE, "error", "the log has no such entries",
     "The entries that were asked for are beyond the end of that node's log.",
     "--first or --last is too large; a node that is behind has fewer entries than the leader.",
     "The message says how far the log goes."},
    {FL__CODE_STORY, "error", "a simulated life went wrong",
     "An invariant broke, clients saw what may not be, or a scenario went otherwise than it expects. With "
     "`sim fuzz` it can also mean that its lives never reached something that they are to test.",
     "If the program is as it was released, it has a defect: that is what the simulator is for.",
     "fairlead sim replay SEED tells the life again, always the same; fairlead sim shrink SEED makes it "
     "shorter. Please report the seed with `fairlead version`."},
    {FL__CODE_UNKNOWN, "error", "a command's outcome is unknown",
     "It was sent, and the connection ended, or the time, before it was answered. A write may have been done, "
     "may be done later, or never; it was not sent again. Of commands between MULTI and EXEC the message says "
     "that none was done.",
     "The node was stopped, or the network was cut, while it worked on the command.",
     "Read what it was to change, and repeat it if it is not there."},
    {FL__CODE_NO_LEADER, "error", "no node leads",
     "Nodes answer, but none of them leads, so nothing can be written, or read but for what may be old.",
     "An election is going on, or fewer than a majority of the nodes run.",
     "Wait a second; fairlead status says who is missing."},
    {FL__CODE_LOAD, "error", "the load test could not begin",
     "Nothing was sent.",
     "There is not enough memory for so many clients and commands in flight, or the limit of open files is "
     "lower than the number of clients.",
     "Lower --clients, --depth or --size, or raise the limit (ulimit -n)."},
    {FL__CODE_KEYS_LEFT, "error", "keys of a load test were not removed",
     "All of them begin with bench: or, if they are counters, with bench:n: and take up memory.",
     "The cluster could not write at the end of the test.",
     "Once the cluster is well: fairlead bench --count 1 with the same --keys (and --incr) removes them."},
    {FL__CODE_LINE, "error", "a line for the prompt was not understood",
     "It was not sent.",
     "A quote is not closed, or something other than a blank follows the closing one.",
     "Put values with blanks into \"...\" or '...'; a quote inside them is written \\\" or \\'."},
    {FL__CODE_PROTOCOL, "error", "what answers does not speak the Redis protocol",
     "What came back is not an answer. Nothing can be said of the command.",
     "The address is that of another program, or of the node's peer or web port.",
     "Name the node's Redis port: --node HOST:PORT; fairlead status shows it."},
    {FL__CODE_MULTI_GONE, "error", "a transaction is gone with its connection",
     "Commands between MULTI and EXEC wait on the node that took them, and are forgotten with the connection. "
     "EXEC was not sent, so nothing of them was done.",
     "That node stopped or failed, or the network to it did.",
     "Begin again with MULTI; WATCH has to be repeated too."},
    /* What the doctor finds; the word is the one that such a finding begins with. */
    {FL__CODE_SILENT, "problem", "a node does not answer",
     "The node is a member of the cluster, and its Redis port did not answer in time. The others go on "
     "while a majority of the voters is up, and tolerate fewer further failures.",
     "It was stopped, its machine is down or hangs, or the network between here and there is cut.",
     "Start it with its old data directory: it catches up by itself."},
    {FL__CODE_UNAVAILABLE, "problem", "nothing can be written or read",
     "Nodes answer, but no majority of the voters has a leader. Nothing that was acknowledged is lost, "
     "and clients are told that their commands did not happen.",
     "Too many voters are down, or they do not reach each other; the facts say who reaches whom.",
     "Bring back nodes or links until a majority reaches each other: a leader is elected within "
     "seconds."},
    {FL__CODE_BEHIND, "warning", "a node is far behind, or not ready",
     "The node lacks a thousand committed entries or more, or has not applied yet what was committed "
     "when it met its leader.",
     "It was started a moment ago; or its disk or its network is slower than what clients write.",
     "Look again: after a start it passes. If the distance does not fall, compare its disk and its "
     "network with the others."},
    {FL__CODE_CLOCKS, "warning", "clocks are apart",
     "The wall clocks of two nodes differ by more than half a second. Elections and replication do not "
     "depend on them, and nothing is lost; but keys expire by the clock of the leader, so after a "
     "change of leader they may expire too early or too late.",
     "A machine follows no time server, or another one.",
     "Let all machines follow the same time server."},
    {FL__CODE_LOG_NEARLY_FULL, "problem", "the log is near its limit",
     "The log on disk takes more than four fifths of what --log-max allows. Beyond the limit a leader "
     "refuses writes (FL3005); reading goes on.",
     "The log grows with each write, and nothing makes it smaller in this version.",
     "Start the nodes with a larger --log-max, one after the other, if their disks have room."},
    {FL__CODE_SLOW_DISK, "warning", "a disk is slow",
     "Making a batch of entries durable takes long on this node, by itself or compared with the "
     "others. A write is acknowledged once a majority of the disks has it, so one slow disk of three "
     "costs little while the other two work.",
     "Something else uses the disk, it is a slow one, or it is about to fail. Times are those since "
     "the process started, in steps of two.",
     "See what else uses the disk; replace it if it ails."},
    {FL__CODE_ELECTIONS, "warning", "there were many elections",
     "The nodes stood for election four times or more in the last five minutes. During each there is a "
     "short time in which nothing is written.",
     "Leaders are not heard: machines or disks stall, the network loses messages, or the election "
     "time-out is too short for them. Nodes that were stopped and started count too.",
     "fairlead events --since 10m tells what happened before each."},
    {FL__CODE_NODE_DAMAGED, "problem", "a node is damaged",
     "The node found that its disk failed or lost what it had made durable, or the other members "
     "refuse it. It takes part as far as that is safe, and answers nothing from what it cannot read.",
     "A disk failed, or a data directory was copied, replaced or restored; the facts say what, and "
     "where.",
     "Keep its data directory, and check its disk and what its kernel says of it. Put back a copy of the directory "
     "only if the node has not run since it was made. Otherwise the cluster does without the node; to have "
     "all members again, found a new one and copy the keys to it with SCAN, DUMP and RESTORE (docs/disks.md)."},
    {FL__CODE_VERSIONS, "warning", "versions differ",
     "The nodes run different versions of Fairlead.",
     "That is meant for the time of an upgrade only.",
     "Upgrade the older ones, one at a time, each once the others have caught up."},
    {FL__CODE_DISAGREEMENT, "warning", "a node sees another cluster than the leader",
     "The node follows another leader, is in another term, or knows other members than the leader "
     "does.",
     "An election has just been: then this passes within a heartbeat. Otherwise messages do not reach "
     "the node.",
     "Look again; if it stays, check the network between the two."},
    {FL__CODE_MEMORY_NEARLY_FULL, "warning", "memory is near maxmemory",
     "Keys and values take more than four fifths of maxmemory. Beyond it, commands that may add data "
     "are refused (FL3003); reading and deleting go on.",
     "Clients keep more than was planned for; Fairlead evicts nothing.",
     "Delete keys, let them expire, or raise maxmemory on each node."},
    {FL__CODE_MANY_CLIENTS, "warning", "clients are too many",
     "The node has refused connections, or is about to: it takes a limited number of them.",
     "Applications open a connection for each request, or keep more open than they use.",
     "Use connection pools, and spread clients over the nodes."},
    {FL__CODE_EVEN, "hint", "the number of voters is even",
     "A majority of four is three: four voters tolerate one failure, as three do, and there is one "
     "more that can fail.",
     "The cluster was founded so.",
     "Found clusters of 3, 5 or 7."},
    {FL__CODE_SINGLE, "hint", "there is a single node",
     "It keeps its promises, but there is no copy of what it holds, and while it is down nothing "
     "answers.",
     "The cluster was founded so.",
     "Found a cluster of three for data that matters."},
    {FL__CODE_ONE_MACHINE, "hint", "all nodes run on one machine",
     "They share its power, its disk and its kernel: what takes the machine down takes the cluster "
     "down.",
     "They all have the same host, as those of fairlead up do.",
     "For trying things out it is fine; otherwise give each node a machine of its own."},
    {FL__CODE_SHORT_TIMEOUT, "warning", "the election time-out is short",
     "A follower that hears nothing for an election time-out calls an election. Below ten round trips, "
     "or below the time that a disk takes to sync, that happens to leaders that are well.",
     "The members are far from each other, or a disk is slow.",
     "Set --election-timeout to at least ten times the longest round trip, on all nodes."},
    {FL__CODE_CUT_LINK, "warning", "two nodes do not reach each other",
     "Both answer here, and at least one has no connection to the peer port of the other. The cluster "
     "works while the leader reaches a majority, and tolerates fewer failures than it seems to.",
     "A firewall or a route lets one direction through only, or neither.",
     "Check the way between the two peer ports, in both directions."},
    {FL__CODE_DISK_FULL, "problem", "a disk is full",
     "There is no room on the node's disk for the next file of its log. Writes are refused, with nothing done, "
     "while this node leads; reads work.",
     "The log grew, or something else took the room.",
     "Make room on the disk under its data directory: the node notices by itself. Nothing in that directory may "
     "be removed."},
};
/* clang-format on */

const struct fl_explanation *fl__explanation(uint32_t code)
{
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        if (pages[k].code == code)
            return &pages[k];
    }
    return fl_explain(code);
}

const struct fl_explanation *fl__explanation_after(uint32_t code)
{
    const struct fl_explanation *next = fl_explain_after(code);
    for (size_t k = 0; k < sizeof pages / sizeof pages[0]; k++) {
        if (pages[k].code > code && (next == NULL || pages[k].code < next->code))
            next = &pages[k];
    }
    return next;
}
