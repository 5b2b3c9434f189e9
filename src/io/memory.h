/* memory.h - fairlead/io.h in memory: seeded machines, disks and a network, for tests and simulations.
 *
 * A world is one virtual clock, one queue of events and one network. Engines live in it, one for each machine
 * or process that a test plays, and each has a disk. Nothing happens by itself: time stands still, and
 * operations complete, only while the test calls fl__world_run(), fl__world_step() or fl__world_advance(), or
 * code under test calls wait(). The same seed and the same calls give the same run; what is due at the same
 * time happens in the order in which it was submitted.
 *
 * A disk holds two things: what survives a loss of power for sure, and the changes since, none of which are
 * sure. A file's changes become sure with sync() or a durable write, a directory's (names made, renamed,
 * removed) with sync_directory(), and never by themselves. fl__disk_after_power_loss() makes the disk that a
 * machine might find when power returns.
 *
 * A typical test of recovery:
 *
 *     struct fl__world *world = fl__world_create(1);
 *     struct fl__disk *disk = fl__disk_create();
 *     struct fl_io *io = fl__memory_create(world, disk);
 *     fl__memory_crash_at(io, k);                        // dies during its k-th call
 *     ... run the code under test ...
 *     fl__memory_destroy(io);
 *     struct fl__disk *found = fl__disk_after_power_loss(disk, FL__SURVIVES_SOME, seed);
 *     io = fl__memory_create(world, found);
 *     ... recover, and look ...
 *
 * When the process itself has no memory left, all of this panics. */
#ifndef FAIRLEAD_IO_MEMORY_H
#define FAIRLEAD_IO_MEMORY_H

#include <fairlead/io.h>

/* -------------------------------------------------------------------------------------------------- disks */

struct fl__disk;
struct fl__world;

/* What is torn is torn here: at multiples of this many bytes from the file's beginning. */
#define FL__SECTOR_SIZE 512

enum fl__survival {
    FL__SURVIVES_NONE,   /* Only what is sure. */
    FL__SURVIVES_ALL,    /* Every change: the process died, but power did not fail. */
    FL__SURVIVES_PREFIX, /* The first `choice` parts, in the order in which they were written. */
    FL__SURVIVES_SOME,   /* A random selection of parts, drawn from the seed `choice`. */
};

/* An empty disk: only the root directory, "". */
struct fl__disk *fl__disk_create(void);
/* No engine may still use it. NULL is allowed. */
void fl__disk_destroy(struct fl__disk *disk);
/* A new disk, independent of the old one: what it may hold after a loss of power now. Nothing on it is locked
 * or unsure. Bytes of a file that nobody wrote read as zeros. */
struct fl__disk *fl__disk_after_power_loss(struct fl__disk *disk, enum fl__survival what, uint64_t choice);
/* How many parts the changes that are not sure have: one for each sector that a write touches, one for any
 * other change. */
uint64_t fl__disk_unsure_parts(const struct fl__disk *disk);

/* Files may hold this many bytes together; beyond it writes fail with FL_ENOSPC, having written what fits.
 * UINT64_MAX (the beginning): no limit. */
void fl__disk_set_capacity(struct fl__disk *disk, uint64_t size);
uint64_t fl__disk_used(const struct fl__disk *disk);

/* A file's bytes as a reader would see them; NULL if there is no such file (an empty file gives a pointer).
 * Borrowed until the disk changes. */
const uint8_t *fl__disk_bytes(struct fl__disk *disk, const char *path, size_t *size);
/* Damage, and whatever else a test does behind the back of everyone: these change what readers see and what
 * is sure, at once. The file must exist, or, for _overwrite(), its directory; overwriting may make it
 * longer. */
void fl__disk_flip(struct fl__disk *disk, const char *path, uint64_t offset, uint8_t mask);
void fl__disk_overwrite(struct fl__disk *disk, const char *path, uint64_t offset, const void *data,
                        size_t size);
void fl__disk_cut(struct fl__disk *disk, const char *path, uint64_t size);
void fl__disk_lose(struct fl__disk *disk, const char *path);
/* Reads that touch the range fail with FL_EIO until a write covers all of it. */
void fl__disk_set_unreadable(struct fl__disk *disk, const char *path, uint64_t offset, uint64_t size);
/* Calls `each` with the path of every file, directories excepted, in no particular order. */
void fl__disk_each(struct fl__disk *disk, void (*each)(void *context, const char *path), void *context);

/* --------------------------------------------------------------------------------------------- the world */

struct fl__world;

/* Engines have places on the network, so that links between them can be cut. */
#define FL__PLACES_MAX 16

/* Zero, the beginning, is the simplest world: all takes no time and comes in one piece. Operations of random
 * duration complete in random order. */
struct fl__world_settings {
    fl_time_us file_time_us_min, file_time_us_max;       /* A file operation takes between these. */
    fl_time_us network_time_us_min, network_time_us_max; /* So do bytes, and connecting. */
    uint32_t chunk_size_max; /* Bytes arrive in random pieces of 1 to this; 0: whatever has arrived. */
    uint32_t pipe_size;      /* Bytes that the network holds for a reader; 0: 65,536. Then sends wait. */
    /* Chances in a million, for each piece of bytes sent: it is late, by up to late_us_max (and all behind it
     * on the same stream); one bit of it is flipped, where neither end is at place 0. */
    uint32_t late_chance, flip_chance;
    fl_time_us late_us_max;
    /* Hears what an engine with this disk sends, when it sends it. NULL: nobody. */
    void (*on_send)(void *context, const struct fl__disk *disk, const struct fl_io_buffer *buffers,
                    uint32_t count);
    void *on_send_context;
};

struct fl__world *fl__world_create(uint64_t seed);
/* Its engines must have been destroyed. NULL is allowed. */
void fl__world_destroy(struct fl__world *world);
void fl__world_set(struct fl__world *world, const struct fl__world_settings *settings);
fl_time_us fl__world_now(const struct fl__world *world);
/* Completes what is due now, and what becomes due now by that, until nothing is. Flush hooks are called
 * before the first batch, and after each. */
void fl__world_run(struct fl__world *world);
/* Calls the flush hooks, and completes one operation (or delivers one event of a stream) that is due now.
 * False: nothing was due. */
FL_MUST_USE bool fl__world_step(struct fl__world *world);
/* Runs all that happens within the next `duration` microseconds, each at its time. */
void fl__world_advance(struct fl__world *world, fl_time_us duration);
/* When the next event is due; UINT64_MAX: nothing is in flight. */
fl_time_us fl__world_next(const struct fl__world *world);
/* A hash of all that happened: which operation or stream, when, with what result. */
uint64_t fl__world_hash(const struct fl__world *world);
uint64_t fl__world_events(const struct fl__world *world); /* How many that was. */

/* Nothing that is sent from place `from` arrives at place `to` any more, not even that a stream ended, until
 * the link is up again; then all of it arrives. Who connects across a cut link waits, and fails. */
void fl__world_link(struct fl__world *world, uint32_t from, uint32_t to, bool up);

/* ---------------------------------------------------------------------------------------------- an engine */

/* The kinds of calls that are counted and can be made to fail. */
enum fl__memory_call {
    FL__CALL_ANY = 0,
    FL__CALL_OPEN,
    FL__CALL_CLOSE,
    FL__CALL_READ,
    FL__CALL_WRITE, /* Durable or not. */
    FL__CALL_ALLOCATE,
    FL__CALL_TRUNCATE,
    FL__CALL_SYNC,
    FL__CALL_SYNC_DIRECTORY,
    FL__CALL_RENAME,
    FL__CALL_UNLINK,
    FL__CALL_MAKE_DIRECTORY,
    FL__CALL_LIST,
    FL__CALL_LOCK,
    FL__CALL_SYNC_OF_WRITE, /* A durable write's second half: the bytes are written, then the sync fails. */
};

/* The disk is the caller's and must outlive the engine. Several engines may share one. */
struct fl_io *fl__memory_create(struct fl__world *world, struct fl__disk *disk);
/* Drops what is still in flight (it never completes) and frees all that is still open; to the others it looks
 * like the end of a process. NULL is allowed. */
void fl__memory_destroy(struct fl_io *io);

/* Calls on files so far. Everything from open to lock counts. */
uint64_t fl__memory_calls(const struct fl_io *io);
/* Power fails while the k-th call (from 1, since the engine's creation) is in flight; 0: never. */
void fl__memory_crash_at(struct fl_io *io, uint64_t k);
/* Power fails now. Changes in flight may or may not reach the disk (they are not sure). From here on nothing
 * does: every operation on files or streams in flight or submitted later completes with FL_EIO, but closing
 * works and timers run, so that the code under test can be taken down. Its peers see their streams reset. */
void fl__memory_crash(struct fl_io *io);
bool fl__memory_is_crashed(const struct fl_io *io);

/* Of the calls of this kind (on paths that contain `path`, if it is not NULL), `count` fail with `error`
 * after `skip` succeeded; at most one such rule per engine, the latest; count 0 removes it. A failed write
 * may have written any part. After a failed sync what was to be saved may be lost or not, and later syncs do
 * not save it: a reader goes on seeing it, unless `reverts`, where the reader sees what is left. Other calls
 * that fail do nothing. */
struct fl__memory_failure {
    enum fl__memory_call call;
    const char *path; /* Borrowed while the rule is in force. */
    uint64_t skip, count;
    int error;
    bool reverts;
};
void fl__memory_fail(struct fl_io *io, const struct fl__memory_failure *failure);

/* Where the engine is on the network; 0 at first. Its streams must be made afterwards. */
void fl__memory_place(struct fl_io *io, uint32_t place);
/* Its clock runs this much fast, or slow, in millionths; to be said before it is used. */
void fl__memory_drift(struct fl_io *io, int32_t millionths);
/* The disk answers nothing until then; 0: it answers again. */
void fl__memory_hang(struct fl_io *io, fl_time_us until);
/* Nothing happens on this machine until then: its timers and completions are late. */
void fl__memory_pause(struct fl_io *io, fl_time_us until);
/* Breaks one of its connections, the k-th modulo their number; false if there is none. */
bool fl__memory_reset_one(struct fl_io *io, uint64_t k);

/* What it has open now. */
uint32_t fl__memory_open_files(const struct fl_io *io);
uint32_t fl__memory_open_streams(const struct fl_io *io);

/* The wall clock jumps. */
void fl__memory_jump_wall_clock(struct fl_io *io, int64_t by_us);
/* The network breaks the connection: both ends hear on_error(FL_ECLOSED), and sends fail. */
void fl__memory_reset(struct fl_io *io, struct fl_io_stream *stream);

/* ------------------------------------------------------------------ between the files of this engine only */

/* Never NULL, zeroed. */
void *fl__memory_take(size_t size);
char *fl__memory_copy_text(const char *text);
/* SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t fl__memory_random(uint64_t *state);
/* From min to max, both included. */
uint64_t fl__memory_draw(uint64_t *state, uint64_t min, uint64_t max);
/* Adds to the hash of what happened. */
void fl__world_note(struct fl__world *world, uint64_t value);

struct fl__bytes {
    uint8_t *data;
    size_t size, capacity;
};

struct fl__range {
    uint64_t begin, end;
};

/* A directory's entry holds a reference to the inode. */
struct fl__name {
    char *name;
    struct fl__inode *inode;
};

struct fl__names {
    struct fl__name *list;
    size_t count, capacity;
};

enum fl__change_kind {
    FL__CHANGE_WRITE,    /* Of a file: [offset, offset + size) is data, or zeros where data is NULL. */
    FL__CHANGE_TRUNCATE, /* Of a file: to size. */
    FL__CHANGE_PUT,      /* Of a directory: name is now inode, whatever it was. */
    FL__CHANGE_RENAME,   /* Of a directory: other_name is now inode, and name is gone. */
    FL__CHANGE_REMOVE,   /* Of a directory: name is gone. */
};

/* A step from the sure state of an inode to its current one. */
struct fl__change {
    struct fl__change *next;
    enum fl__change_kind kind;
    uint64_t sequence; /* Rises with each change on the disk. */
    uint64_t offset, size;
    uint8_t *data;
    char *name, *other_name;
    struct fl__inode *inode; /* Held. */
};

/* A file or a directory, whatever its names are. */
struct fl__inode {
    struct fl__disk *disk;
    struct fl__inode *next, *previous; /* In the disk's list of all. */
    uint32_t references;               /* Names, changes and open files. */
    bool is_directory, is_locked;
    struct fl__bytes bytes, sure_bytes; /* Of a file. */
    struct fl__names names, sure_names; /* Of a directory. */
    struct fl__change *first_change, *last_change;
    struct fl__range *unreadable;
    size_t unreadable_count;
    struct fl__inode *copy; /* Its counterpart in the image being made. */
};

struct fl__disk {
    struct fl__inode *root, *inodes;
    uint64_t capacity, used; /* Bytes of files, as readers see them. */
    uint64_t sequence;
};

/* -- memory_disk.c. What a call of fairlead/io.h says, done at once; only syncs make it sure. */
struct fl__inode *fl__inode_create(struct fl__disk *disk, bool is_directory); /* Without a reference. */
struct fl__inode *fl__inode_hold(struct fl__inode *inode);
void fl__inode_release(struct fl__inode *inode); /* NULL is allowed. */
void fl__names_put(struct fl__names *names, const char *name, struct fl__inode *inode);
void fl__change_apply(const struct fl__change *change, struct fl__bytes *bytes, struct fl__names *names,
                      struct fl__inode *inode);
/* Bytes [from, to) of a write, counted from where it begins. */
void fl__change_apply_part(const struct fl__change *change, struct fl__bytes *bytes, uint64_t from,
                           uint64_t to);
int64_t fl__disk_open(struct fl__disk *disk, const char *path, int flags, struct fl__inode **out); /* Held. */
bool fl__disk_lock(struct fl__inode *inode);
void fl__disk_unlock(struct fl__inode *inode);
int64_t fl__disk_read(struct fl__inode *inode, void *data, size_t size, uint64_t offset);
int64_t fl__disk_write(struct fl__inode *inode, const void *data, size_t size, uint64_t offset);
int64_t fl__disk_allocate(struct fl__inode *inode, uint64_t size);
int64_t fl__disk_truncate(struct fl__inode *inode, uint64_t size);
void fl__disk_sync(struct fl__inode *inode);
void fl__disk_fail_sync(struct fl__inode *inode, uint64_t *random, bool reverts);
int64_t fl__disk_sync_directory(struct fl__disk *disk, const char *path);
int64_t fl__disk_rename(struct fl__disk *disk, const char *from, const char *to);
int64_t fl__disk_unlink(struct fl__disk *disk, const char *path);
int64_t fl__disk_make_directory(struct fl__disk *disk, const char *path);
int64_t fl__disk_list(struct fl__disk *disk, const char *path, void (*each)(void *context, const char *name),
                      void *context);

struct fl__memory;

/* Something that happens later, once; embedded in what it is about. */
struct fl__event {
    fl_time_us at;
    uint64_t sequence; /* Ties happen in this order. */
    size_t position;   /* In the queue, from 1; 0: in none. */
    struct fl__memory *engine;
    void (*happen)(struct fl__event *event);
};

struct fl__world {
    fl_time_us now;
    uint64_t sequence, random;
    struct fl__world_settings settings;
    struct fl__event **queue; /* A heap by (at, sequence), from index 1. */
    size_t queue_count, queue_capacity;
    struct fl__memory *engines; /* In the order of their creation. */
    struct fl_io_listener *listeners;
    uint32_t last_port;
    bool cut[FL__PLACES_MAX][FL__PLACES_MAX]; /* [from][to] */
    uint64_t hash, events;
};

struct fl__hook {
    void (*flush)(void *context);
    void *context;
};

/* An engine. */
struct fl__memory {
    struct fl_io io; /* First: an fl_io is an engine. */
    struct fl_io_vtable vtable;
    struct fl__world *world;
    struct fl__disk *disk;
    struct fl__memory *next;
    uint32_t place;
    fl_time_us paused_until, hung_until;
    fl_time_us clock_base; /* When its clock showed the world's time. */
    int32_t drift;
    uint64_t random;
    uint64_t wall_base_us; /* Wall clock less world's time. */
    bool is_crashed;
    uint64_t call_count, crash_at;
    struct fl__memory_failure failure;
    struct fl__request *first_request, *last_request; /* In flight, as submitted. */
    struct fl_io_file *files;
    struct fl_io_stream *streams;
    struct fl__hook hooks[FL_IO_FLUSH_MAX];
    uint32_t hook_count;
};

static inline struct fl__memory *fl__memory_of(struct fl_io *io)
{
    return (struct fl__memory *)(void *)io;
}

/* An operation in flight. */
struct fl__request {
    struct fl__event event; /* First: when it happens, it completes. */
    struct fl_io_op *op;
    struct fl__request *next, *previous;
    enum fl__memory_call call;                       /* FL__CALL_ANY: not of a file. */
    int64_t (*perform)(struct fl__request *request); /* NULL: the result is there already. */
    int64_t result;
    bool is_timer;
    struct fl_io_stream *stream; /* Being connected or closed. */
    struct fl_io_file *file;
    char *path, *other_path;
    void *data;
    size_t size;
    uint64_t offset;
    int flags, error; /* The error it is made to fail with, or FL_OK. */
    bool durable, reverts;
    struct fl_io_buffer *buffers;
    uint32_t buffer_count;
    void (*each)(void *context, const char *name);
    void *each_context;
};

/* -- memory.c. */
void fl__event_post(struct fl__event *event, struct fl__memory *engine, fl_time_us at);
void fl__event_remove(struct fl__event *event); /* If it is in the queue. */
/* A request in flight, without a time. */
struct fl__request *fl__request_create(struct fl__memory *engine, struct fl_io_op *op);
/* It completes at `at`, with what `perform` returns. */
void fl__request_post(struct fl__request *request, fl_time_us at);
/* It completes as soon as possible, with `result`. */
void fl__request_end(struct fl__request *request, int64_t result);

/* -- memory_files.c */
void fl__files_set(struct fl_io_vtable *vtable);
/* Calls that were in flight have done what they do, or part of it, and report failure. */
void fl__files_crash(struct fl__memory *engine);
void fl__files_release(struct fl__memory *engine);

/* -- memory_net.c */
void fl__net_set(struct fl_io_vtable *vtable);
void fl__net_crash(struct fl__memory *engine);
void fl__net_release(struct fl__memory *engine);
void fl__net_cancel(struct fl__request *request);
/* What was held back on the link arrives now. */
void fl__net_heal(struct fl__world *world, uint32_t from, uint32_t to);

#endif
