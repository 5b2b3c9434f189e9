/* log.h - the log on disk as the host uses it: entries, term and vote, and who a directory is.
 *
 *   bytes.c      bytes of others read with care, bytes of our own written
 *   entry.c      one log entry in memory, counted by reference
 *   cache.c      recent entries by (index, term)
 *   record.c     the byte format of one log record
 *   segment.c    preallocated, zero-filled files
 *   layout.c     where entries lie, and their terms
 *   prepare.c    the next of these files
 *   wal.c        the write-ahead log: group commit, truncation, marks
 *   lookup.c     reading entries back
 *   recovery.c   what a scan of the segments says about the log; torn told from damaged
 *   vote.c       term and vote and how far the log goes, in two copies
 *   identity.c   cluster, incarnation, name, founding members */
#ifndef FAIRLEAD_LOG_H
#define FAIRLEAD_LOG_H

#include <fairlead/io.h>
#include <fairlead/node.h>
#include <fairlead/raft.h>

/* ------------------------------------------------------------------------------------------------ bytes.c */

/* Numbers of our formats are little-endian. */
static inline uint32_t fl__load32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static inline uint64_t fl__load64(const uint8_t *at)
{
    return fl__load32(at) | (uint64_t)fl__load32(at + 4) << 32;
}

static inline void fl__store32(uint8_t *at, uint32_t number)
{
    at[0] = (uint8_t)number;
    at[1] = (uint8_t)(number >> 8);
    at[2] = (uint8_t)(number >> 16);
    at[3] = (uint8_t)(number >> 24);
}

static inline void fl__store64(uint8_t *at, uint64_t number)
{
    fl__store32(at, (uint32_t)number);
    fl__store32(at + 4, (uint32_t)(number >> 32));
}

/* Reads what nobody vouches for. Past the end it fails, stays failed and gives zeros (NULL, ""). */
struct fl__cursor {
    const uint8_t *at;
    size_t left;
    bool failed;
};

struct fl__cursor fl__cursor_of(const void *data, size_t size);
const uint8_t *fl__cursor_bytes(struct fl__cursor *cursor, size_t size);
uint64_t fl__cursor_number(struct fl__cursor *cursor, size_t size);
/* A text of less than out_size bytes, without zeros; terminated in `out`. */
void fl__cursor_text(struct fl__cursor *cursor, char *out, size_t out_size);

/* Bytes being written. Without memory it fails and stays failed. */
struct fl__buffer {
    uint8_t *data;
    size_t size, capacity;
    bool failed;
};

uint8_t *fl__buffer_extend(struct fl__buffer *buffer, size_t size); /* NULL: no memory. */
void fl__buffer_put(struct fl__buffer *buffer, const void *bytes, size_t size);
void fl__buffer_number(struct fl__buffer *buffer, uint64_t number, size_t size);
void fl__buffer_text(struct fl__buffer *buffer, const char *text);
void fl__buffer_release(struct fl__buffer *buffer);

/* ------------------------------------------------------------------------------------------------ entry.c */

/* The group that all records and frames of this version belong to. */
#define FL__GROUP 0

/* The envelope at the head of every entry's body, little-endian: time_us, seed, origin, boot, sequence. */
#define FL__ENVELOPE_SIZE 40

/* One log entry. Its body (envelope, then data) is the very bytes that go to disk and to peers. Immutable
 * once made, but for its count of references. */
struct fl__entry {
    fl_index index;
    fl_term term;
    uint32_t references;
    enum fl_entry_kind kind;
    uint64_t checksum; /* XXH3-64 of the body. */
    uint64_t time_us, seed, sequence, boot;
    /* (origin, boot, sequence) names the command where it was proposed; boot 0: nobody waits. */
    fl_id origin;
    uint32_t size; /* Of the body. */
    uint8_t body[];
};

/* Makes an entry with one reference, copying data and encoding the envelope; NULL if memory is short. `model`
 * gives everything but references, checksum, size and body. */
struct fl__entry *fl__entry_create(const struct fl__entry *model, const void *data, size_t size);
/* The same from a body received or read: index, term, kind as given. NULL: memory is short, or the body is no
 * body (smaller than its envelope); *error says which (FL_ENOMEM, FL_EMESSAGE). */
struct fl__entry *fl__entry_decode(fl_index index, fl_term term, enum fl_entry_kind kind, const void *body,
                                   size_t size, int *error);
struct fl__entry *fl__entry_hold(struct fl__entry *entry);
void fl__entry_release(struct fl__entry *entry); /* NULL is allowed. */
/* The data behind the envelope. */
const uint8_t *fl__entry_data(const struct fl__entry *entry, size_t *size);

/* Recent entries, contiguous up to the last one. Holds a reference to each. */
struct fl__cache;
struct fl__cache *fl__cache_create(uint64_t size_max);
void fl__cache_destroy(struct fl__cache *cache);
/* Puts the entry at its index, which is at most one above the last; whatever was there and above is unlinked.
 * On an empty cache any index is good. FL_ENOMEM. */
FL_MUST_USE int fl__cache_put(struct fl__cache *cache, struct fl__entry *entry);
void fl__cache_truncate(struct fl__cache *cache, fl_index from);
/* Borrowed; NULL if there is none of that index and term. */
struct fl__entry *fl__cache_get(const struct fl__cache *cache, fl_index index, fl_term term);
/* Lets go of the oldest entries while there are more than size_max bytes, but of none above `keep_above`. */
void fl__cache_trim(struct fl__cache *cache, fl_index keep_above);

struct fl__wal;
struct fl__vote;

struct fl__wal_options {
    const char *directory;
    struct fl__vote *vote; /* Of the same directory; stays open until the log is closed. */
    uint8_t cluster_id[16];
    fl_id incarnation;
    uint64_t segment_size;
    uint64_t log_size_max;
    uint64_t write_size_max; /* Bytes of one write, if it has more than one entry; 0: as is usual. */
    /* Durable now: everything up to this ticket. */
    void (*on_durable)(void *context, fl_ticket ticket);
    /* The log is beyond use: a write or a sync failed. Called once; nothing is durable from here on. */
    void (*on_failed)(void *context, int error, const char *text);
    /* The disk has no space for the log's next file; or has it again. May be NULL. */
    void (*on_space)(void *context, bool is_full);
    void *context;
};

/* What recovery found. Arrays belong to the caller: fl__wal_recovered_release(). */
struct fl__wal_recovered {
    struct fl_run *runs;
    uint32_t run_count;
    fl_index last;
    fl_index commit;                            /* The highest commit hint in a valid mark; at most last. */
    fl_index damaged;                           /* First entry whose payload cannot be read; 0 if none. */
    char damage[256];                           /* File, offset and entry, in words. */
    struct fl__entry *configuration, *previous; /* The newest two configuration entries in the log; NULL. */
    uint64_t torn_size;                         /* Bytes cut off as torn, for the start-up message. */
};
void fl__wal_recovered_release(struct fl__wal_recovered *found);

/* Opens (recovers) or creates the log in options->directory; waits for the disk. Errors: FL_EIO, FL_ENOSPC,
 * FL_EDAMAGED (even the outline is lost), FL_EVERSION, FL_ECLUSTER (segments of another cluster or
 * incarnation), FL_ENOMEM; the report says what, where and what to do. */
FL_MUST_USE int fl__wal_open(struct fl__wal **out, struct fl_io *io, const struct fl__wal_options *options,
                             struct fl__wal_recovered *found, struct fl_error_report *report);
/* Finishes what is in flight, writes a synced closing mark, closes files. */
void fl__wal_close(struct fl__wal *wal, void (*closed)(void *context), void *context);

/* Queues an entry (takes its own reference) or a truncation; indexes must continue the log as it then is.
 * `ticket` becomes durable with it. Nothing is written before fl__wal_flush(). */
FL_MUST_USE int fl__wal_append(struct fl__wal *wal, struct fl__entry *entry);
FL_MUST_USE int fl__wal_truncate(struct fl__wal *wal, fl_index from);
/* Everything queued so far belongs to this ticket. */
void fl__wal_ticket(struct fl__wal *wal, fl_ticket ticket);
/* The next mark says that this much is committed. */
void fl__wal_commit_hint(struct fl__wal *wal, fl_index commit);
/* Starts to write what is queued, unless a sync is in flight: then it goes out when that is done. */
void fl__wal_flush(struct fl__wal *wal);

/* Whether `count` more entries with bodies of `size` bytes in all may be queued by who can refuse them:
 * FL_OK (there is space for them on the disk), FL_ELOGFULL (log_size_max), FL_ENOSPC (the disk is full),
 * FL_EFULL (not known yet: hold them, and ask again when something has happened). */
FL_MUST_USE int fl__wal_room(const struct fl__wal *wal, uint32_t count, uint64_t size);
/* They are held: finds out soon whether there is space for them. */
void fl__wal_make_room(struct fl__wal *wal, uint32_t count, uint64_t size);
uint64_t fl__wal_size(const struct fl__wal *wal);
uint64_t fl__wal_used(const struct fl__wal *wal); /* Bytes that count against log_size_max. */
/* Whether a log's file is called so. */
bool fl__wal_owns(const char *name);
fl_term fl__wal_term_at(const struct fl__wal *wal, fl_index index); /* 0 if none */

/* Reads [first, last], at most size_max bytes of bodies but at least one entry. The caller's struct stays put
 * until done. Each record is checked against (index, term at the time of the call). */
struct fl__wal_read {
    fl_index first, last;
    uint64_t size_max;
    void (*done)(struct fl__wal_read *read);
    void *owner;
    int result; /* FL_OK, FL_EIO, FL_EDAMAGED, FL_ESTALE (truncated meanwhile), FL_ENOMEM */
    /* entry_count of them from `first`; the reader owns a reference to each, and the array */
    struct fl__entry **entries;
    uint32_t entry_count;
    /* The log's own. */
    struct fl__wal *wal;
    struct fl_io_op refusal;
};
void fl__wal_read(struct fl__wal *wal, struct fl__wal_read *read);

/* Seconds of the last syncs, for the histogram: called by wal.c after each. */
const struct fl_histogram *fl__wal_sync_time(const struct fl__wal *wal);
void fl__histogram_add(struct fl_histogram *histogram, fl_time_us duration);

/* Term and vote. */
struct fl__vote_state {
    fl_term term;
    bool has_vote;
    fl_id vote;
};
/* How far the log goes: whoever finds less of it has lost something. */
struct fl__newest_file {
    uint64_t number, size; /* Of the newest file that is in use; 0: none is. */
    uint64_t previous; /* The checksum of the last record before it, which is durable; 0: there is none. */
};
struct fl__vote;
/* Opens both copies; recovery takes the higher valid one and writes both again before it returns. Or creates
 * them (is_new), in a directory that has no identity yet. Errors: FL_EDAMAGED (both copies bad or gone: the
 * node must take part no more; is_new: they belong to somebody), FL_EIO, FL_ENOSPC, FL_ENOMEM, FL_ECLUSTER,
 * FL_EVERSION. */
FL_MUST_USE int fl__vote_open(struct fl__vote **out, struct fl_io *io, const char *directory,
                              const uint8_t cluster_id[16], fl_id incarnation, bool is_new,
                              struct fl_error_report *report);
/* As found, or as last asked to be saved. */
struct fl__vote_state fl__vote_current(const struct fl__vote *vote);
struct fl__newest_file fl__vote_newest(const struct fl__vote *vote);
/* Writes both copies, one after the other; one save at a time. done(context, FL_OK or why not): after an
 * error it is beyond use, and whoever asks is told so. */
void fl__vote_save(struct fl__vote *vote, const struct fl__vote_state *state,
                   void (*done)(void *context, int result), void *context);
/* The same for the log's newest file, which rises; beside a save, and one at a time. */
void fl__vote_note(struct fl__vote *vote, const struct fl__newest_file *newest,
                   void (*done)(void *context, int result), void *context);
/* What is asked for is finished first, and answered. */
void fl__vote_close(struct fl__vote *vote, void (*closed)(void *context), void *context);

/* Who this directory is. */
struct fl__identity {
    uint8_t cluster_id[16];
    fl_id incarnation;
    char name[FL_NAME_MAX];
    struct fl_node_member founders[FL_MEMBERS_MAX]; /* name and address */
    uint32_t founder_count;
};
/* What it gives is durable. FL_ENOENT: the directory is unused. */
FL_MUST_USE int fl__identity_load(struct fl_io *io, const char *directory, struct fl__identity *out,
                                  struct fl_error_report *report);
/* Written to a temporary name, synced, renamed, directory synced. */
FL_MUST_USE int fl__identity_create(struct fl_io *io, const char *directory,
                                    const struct fl__identity *identity, struct fl_error_report *report);

#define FL__PATH_MAX 1024

/* Ends a report of what nothing on this disk can mend. */
#define FL__BEYOND_REPAIR                                                                                    \
    "\n  now    the other members, if there are any, go on without this node"                                \
    "\n  do     keep the directory; put back a copy of it that was made since the node last ran; without "   \
    "one leave the node off: fairlead explain says how the keys get to a new cluster"

#endif
