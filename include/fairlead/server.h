/* fairlead/server.h - the key-value server as one object: a node (fairlead/node.h) whose state machine is the
 * keyspace, and a port that speaks the Redis protocol. `fairlead serve` is a thin wrapper around this; so is
 * the simulator. */
#ifndef FAIRLEAD_SERVER_H
#define FAIRLEAD_SERVER_H

#include <fairlead/node.h>

#ifdef __cplusplus
extern "C" {
#endif

enum fl_server_reads {
    FL_READS_LINEAR = 0, /* Every read sees every write acknowledged before it began. */
    FL_READS_STALE = 1,  /* Reads are answered from this node's state, however old. */
};

/* What a follower does with a command about keys. */
enum fl_server_follower {
    FL_FOLLOWER_FORWARD = 0, /* Answers it like the leader does. */
    FL_FOLLOWER_MOVED = 1,   /* Sends the client to the leader, as in a Redis cluster. */
};

/* A setting by Redis' name, as CONFIG SET takes it. */
struct fl_server_setting {
    const char *name, *value;
};

struct fl_server_options {
    struct fl_node_options node; /* node.client is set by the server from `listen` and `advertise_host`. */
    const char *listen;          /* Redis port, H:P. */
    const char *advertise_host;  /* NULL: the host in listen. */
    const char *web;             /* Web port H:P as shown in status and to peers; NULL: off. */
    const char *password;        /* NULL: none. Required when listen is not loopback. */
    enum fl_server_reads reads;
    enum fl_server_follower follower;
    const char *sentinel_name; /* "mymaster": how clients call the leader when they ask for it; 63 bytes. */
    /* Bytes of keys and values above which writes that may grow are refused (-OOM). 0: no limit. */
    uint64_t memory_max;
    uint32_t clients_max;       /* 10,000 */
    uint64_t client_output_max; /* 256 MiB: replies a client has not read; beyond, it is disconnected. */
    const char *notify_keyspace_events;       /* Redis' setting: letters of Ag$lshzxeKEtmdn; NULL: none. */
    uint64_t process_id;                      /* Shown in status; 0 in a simulation. */
    const char *version;                      /* "0.1.0" */
    const char *config_file;                  /* What CONFIG REWRITE writes; NULL: there is none. */
    const struct fl_server_setting *settings; /* Set at the start. */
    uint32_t setting_count;
};

struct fl_server;

void fl_server_options_init(struct fl_server_options *options);

/* Whether fl_server_open() would take the options, but for those of the node; *report as there. */
FL_MUST_USE int fl_server_check_options(const struct fl_server_options *options,
                                        struct fl_error_report *report);
/* Opens the node and starts to listen. On failure *out is NULL and *report says what, the facts and what to
 * do. */
FL_MUST_USE int fl_server_open(struct fl_server **out, struct fl_io *io,
                               const struct fl_server_options *options, struct fl_error_report *report);
/* Answers what is open, closes clients, closes the node, then calls `closed` and is freed. */
void fl_server_close(struct fl_server *server, void (*closed)(void *context), void *context);
struct fl_node *fl_server_node(struct fl_server *server);

/* A few figures for people; cheap. */
struct fl_server_counts {
    uint64_t clients, commands, keys, memory;
};
void fl_server_counts(const struct fl_server *server, struct fl_server_counts *out);

/* A hash of the whole keyspace, and the index of the entry after which it was that: the same on all nodes
 * that have applied as much. Index 0: it is not the cluster's state, as memory ran out within an entry. Walks
 * every key. */
uint64_t fl_server_state(const struct fl_server *server, fl_index *applied);

/* What may be done through the web port, by whoever reaches it. */
enum fl_web_admin {
    FL_WEB_ADMIN_OFF = 0,  /* Nothing: it only shows. */
    FL_WEB_ADMIN_LOOPBACK, /* What docs/web.md names; the address must be loopback. */
    FL_WEB_ADMIN_ANYWHERE, /* The same, wherever it listens. */
};

struct fl_web_options {
    const char *address; /* H:P ("[::1]:7602" too). */
    const char *version; /* "0.1.0" */
    enum fl_web_admin admin;
};

/* The web port: the page that shows the cluster, and /livez, /readyz(?verbose), /metrics and /status.json,
 * for load balancers and Prometheus: docs/web.md. It has threads of its own, the only ones here; they see
 * copies which the server's thread makes ten times a second, and never the state. A simulation does without
 * it.
 *
 * Starts to listen. Called on the server's thread; stopped there too, before fl_server_close(). Without a
 * server (NULL) there is the page alone, as a playground. On failure *out is NULL and *report says what:
 * FL_EADDR, FL_ENOMEM, FL_EINVAL. */
struct fl_web;
FL_MUST_USE int fl_web_start(struct fl_web **out, struct fl_server *server,
                             const struct fl_web_options *options, struct fl_error_report *report);
void fl_web_stop(struct fl_web *web); /* NULL is allowed. */
uint16_t fl_web_port(const struct fl_web *web);

/* A file of the page, as the program carries it: "web/learn/index.json". NULL: there is none of this name. */
const char *fl_web_file(const char *path, size_t *size);

/* An error of Fairlead's own, as Redis clients see it: "WORD text [FLcode]"; with its page of explanation. The
 * texts are sentences, without line ends. */
struct fl_explanation {
    uint32_t code;       /* 3001 and up. */
    const char *word;    /* What the reply begins with: CLUSTERDOWN, TIMEOUT, ... */
    const char *title;   /* In a few words. */
    const char *meaning; /* What it says, and whether something happened. */
    const char *why;     /* How it comes about. */
    const char *remedy;  /* What to do. */
};
/* The page of a code, for `fairlead explain`; NULL if the server has no such code. Static storage. */
const struct fl_explanation *fl_explain(uint32_t code);
/* The page with the next higher code; NULL: there is none. */
const struct fl_explanation *fl_explain_after(uint32_t code);

#ifdef __cplusplus
}
#endif

#endif
