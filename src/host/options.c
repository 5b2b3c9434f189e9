/* options.c - what an embedder may ask for, and whether it agrees with what the data directory is. */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define SEGMENT_MIN ((uint64_t)4 << 10)
#define SEGMENT_MAX ((uint64_t)1 << 30)
#define WINDOW_MESSAGES_MAX 1024
#define WINDOW_SIZE_MAX ((uint64_t)16 << 20) /* Below what a connection queues: see channel.c. */
#define TERMS_MIN 8
#define HEARTBEAT_MIN_US ((fl_time_us)1000)
#define TIMEOUT_MAX_US ((fl_time_us)600000000)

void fl_node_options_init(struct fl_node_options *options)
{
    *options = (struct fl_node_options){
        .election_timeout_us = 1000000,
        .heartbeat_us = 100000,
        .request_timeout_us = 4000000,
        .log_size_max = (uint64_t)16 << 30,
        .segment_size = (uint64_t)64 << 20,
        .cache_size = (uint64_t)64 << 20,
        .pending_size_max = (uint64_t)256 << 20,
        .limits =
            {
                .message_entries = FL__FRAME_ENTRIES_MAX,
                .message_size = (uint64_t)1 << 20,
                .window_messages = 128,
                .window_entries = 65536,
                .window_size = WINDOW_SIZE_MAX,
                .write_size = (uint64_t)4 << 20,
                .turn_entries = 4096,
                .turn_size = (uint64_t)8 << 20,
                .terms = 4096,
            },
    };
}

int fl__report(struct fl_error_report *report, int error, const char *format, ...)
{
    va_list arguments;
    report->error = error;
    va_start(arguments, format);
    (void)vsnprintf(report->text, sizeof report->text, format, arguments);
    va_end(arguments);
    return error;
}

static bool is_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t size = name ? strlen(name) : 0;
    return size > 0 && size < FL_NAME_MAX && strspn(name, letters) == size;
}

/* "host:port", as far as can be told without asking anybody. */
static bool is_address(const char *address)
{
    const char *colon = address ? strrchr(address, ':') : NULL;
    if (!colon || colon == address || strlen(address) >= FL_ADDRESS_MAX)
        return false;
    size_t digits = strspn(colon + 1, "0123456789");
    return digits > 0 && digits <= 5 && colon[1 + digits] == '\0';
}

static int check_times(const struct fl_node_options *options, struct fl_error_report *report)
{
    if (options->heartbeat_us < HEARTBEAT_MIN_US || options->election_timeout_us > TIMEOUT_MAX_US)
        return fl__report(report, FL_EINVAL,
                          "the heartbeat must be at least 1 ms and the election time-out at most 10 min");
    if (options->election_timeout_us < 2 * options->heartbeat_us)
        return fl__report(report, FL_EINVAL,
                          "the election time-out must be at least two heartbeats (ten are wise)\n"
                          "  do     raise the election time-out, or let heartbeats come more often");
    if (options->request_timeout_us == 0)
        return fl__report(report, FL_EINVAL, "the request time-out must not be zero");
    return FL_OK;
}

static int check_sizes(const struct fl_node_options *options, struct fl_error_report *report)
{
    if (options->segment_size < SEGMENT_MIN || options->segment_size > SEGMENT_MAX)
        return fl__report(report, FL_EINVAL, "the segment size must be between 4 KiB and 1 GiB");
    if (options->log_size_max < options->segment_size)
        return fl__report(report, FL_EINVAL, "the largest size of the log must be at least one segment");
    if (options->pending_size_max == 0)
        return fl__report(report, FL_EINVAL, "the size of pending commands must not be zero");
    return FL_OK;
}

static int check_limits(const struct fl_node_limits *limits, struct fl_error_report *report)
{
    if (limits->message_entries == 0 || limits->message_size == 0 || limits->window_messages == 0 ||
        limits->window_entries == 0 || limits->window_size == 0 || limits->write_size == 0 ||
        limits->turn_entries == 0 || limits->turn_size == 0)
        return fl__report(report, FL_EINVAL,
                          "each of the node's limits must be at least 1\n"
                          "  do     begin with fl_node_options_init(), which fills them in");
    if (limits->message_entries > FL__FRAME_ENTRIES_MAX || limits->window_messages > WINDOW_MESSAGES_MAX ||
        limits->window_size > WINDOW_SIZE_MAX || limits->message_size > WINDOW_SIZE_MAX)
        return fl__report(report, FL_EINVAL,
                          "a message has at most %u entries, a window at most %u messages, and both at most "
                          "16 MiB",
                          (unsigned)FL__FRAME_ENTRIES_MAX, (unsigned)WINDOW_MESSAGES_MAX);
    if (limits->terms < TERMS_MIN)
        return fl__report(report, FL_EINVAL, "at least %u terms must have room in memory",
                          (unsigned)TERMS_MIN);
    return FL_OK;
}

static const struct fl_node_member *find_member(const struct fl_node_member *members, uint32_t count,
                                                const char *name)
{
    for (uint32_t k = 0; k < count; k++)
        if (strcmp(members[k].name, name) == 0)
            return &members[k];
    return NULL;
}

static int check_members(const struct fl_node_options *options, struct fl_error_report *report)
{
    if (options->member_count == 0)
        return FL_OK;
    if (options->member_count > FL_MEMBERS_MAX)
        return fl__report(report, FL_EINVAL, "%u members are named; %d are the most",
                          (unsigned)options->member_count, FL_MEMBERS_MAX);
    if (!options->cluster_id)
        return fl__report(report, FL_EINVAL, "founding members are named without a cluster id");
    for (uint32_t k = 0; k < options->member_count; k++) {
        const struct fl_node_member *member = &options->members[k];
        if (!is_name(member->name))
            return fl__report(report, FL_EINVAL,
                              "member %u has no good name: letters, digits, '-', '_' and '.', at most %d",
                              (unsigned)k + 1, FL_NAME_MAX - 1);
        if (!is_address(member->address))
            return fl__report(report, FL_EINVAL, "member %s has no good address: host:port", member->name);
        if (find_member(options->members, k, member->name))
            return fl__report(report, FL_EINVAL, "two members are named %s", member->name);
    }
    if (!find_member(options->members, options->member_count, options->name))
        return fl__report(report, FL_EINVAL,
                          "%s is not among the members that are to found the cluster\n"
                          "  do     name this node too, or correct its name",
                          options->name);
    return FL_OK;
}

int fl__options_check(const struct fl_node_options *options, struct fl_error_report *report)
{
    if (!options->directory || options->directory[0] == '\0')
        return fl__report(report, FL_EINVAL, "no data directory is given");
    if (strlen(options->directory) >= FL__PATH_MAX - 64)
        return fl__report(report, FL_EINVAL, "the data directory's path is too long");
    if (!is_name(options->name))
        return fl__report(report, FL_EINVAL,
                          "the node needs a name: letters, digits, '-', '_' and '.', at most %d",
                          FL_NAME_MAX - 1);
    if (!is_address(options->listen))
        return fl__report(report, FL_EINVAL, "the peer port's address must be host:port");
    if ((options->advertise && !is_address(options->advertise)) ||
        (options->client && !is_address(options->client)))
        return fl__report(report, FL_EINVAL, "an advertised address must be host:port");
    if (!options->insecure && !fl_address_is_loopback(options->listen))
        return fl__report(
            report, FL_EINVAL,
            "the peer port %s is open to others, and nothing is encrypted\n"
            "  why    whoever reaches this port can read and change everything\n"
            "  do     use a loopback address, or the option insecure on a network that you trust",
            options->listen);
    int result = check_times(options, report);
    if (result == FL_OK)
        result = check_sizes(options, report);
    if (result == FL_OK)
        result = check_limits(&options->limits, report);
    return result == FL_OK ? check_members(options, report) : result;
}

static int contradict(struct fl_error_report *report, const char *directory, const char *what, const char *is,
                      const char *asked)
{
    return fl__report(report, FL_EINVAL,
                      "%s belongs to %s %s, not %s\n"
                      "  do     start it as what it is, or use another directory",
                      directory, what, is, asked);
}

static void print_id(const uint8_t id[16], char out[33])
{
    for (int k = 0; k < 16; k++)
        (void)snprintf(out + 2 * k, 3, "%02x", id[k]);
}

int fl__options_agree(const struct fl_node_options *options, const struct fl__identity *identity,
                      struct fl_error_report *report)
{
    if (strcmp(options->name, identity->name) != 0)
        return contradict(report, options->directory, "node", identity->name, options->name);
    if (options->cluster_id && memcmp(options->cluster_id, identity->cluster_id, 16) != 0) {
        char is[33], asked[33];
        print_id(identity->cluster_id, is);
        print_id(options->cluster_id, asked);
        return contradict(report, options->directory, "cluster", is, asked);
    }
    for (uint32_t k = 0; k < options->member_count; k++)
        if (!find_member(identity->founders, identity->founder_count, options->members[k].name))
            return fl__report(report, FL_EINVAL,
                              "%s was made for a cluster whose founders did not include %s\n"
                              "  do     name the founders as before, or none: the directory knows them",
                              options->directory, options->members[k].name);
    if (options->member_count > 0 && options->member_count != identity->founder_count)
        return fl__report(report, FL_EINVAL,
                          "%s was made for a cluster of %u founders, not %u\n"
                          "  do     name the founders as before, or none: the directory knows them",
                          options->directory, (unsigned)identity->founder_count,
                          (unsigned)options->member_count);
    return FL_OK;
}
