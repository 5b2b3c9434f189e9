/* records.h - what the files of the log share among themselves: records, segments, and what lies where. */
#ifndef FAIRLEAD_LOG_RECORDS_H
#define FAIRLEAD_LOG_RECORDS_H

#include "log.h"

/* ----------------------------------------------------------------------------------------------- record.c */

#define FL__RECORD_COPY 56 /* Bytes of a head, and of a tail. */
#define FL__MARK_SIZE 16   /* Of a mark's body. */

enum fl__record_kind {
    FL__RECORD_TRUNCATION = 16, /* Below: enum fl_entry_kind. */
    FL__RECORD_MARK = 17,
};

struct fl__record {
    enum fl__record_kind kind; /* Or an enum fl_entry_kind. */
    uint32_t size;             /* Of the body. */
    uint64_t index, term, body_checksum;
    uint64_t previous; /* The checksum of the record before it, */
    uint64_t checksum; /* and its own. */
};

size_t fl__record_size(size_t body_size); /* On disk. */
uint64_t fl__record_checksum(const void *body, size_t size);
/* `place` is the file's identity plus the record's offset. Sets record->checksum. */
void fl__record_put_head(uint8_t *out, struct fl__record *record, uint64_t place);
void fl__record_put_tail(uint8_t *out, const struct fl__record *record, uint64_t place);
/* Whether a record with an intact head begins at data, and all of it is within size. */
FL_MUST_USE bool fl__record_get(const uint8_t *data, size_t size, uint64_t place, struct fl__record *out);
/* The same for one whose head is lost but whose tail is intact, wherever that is within size. */
FL_MUST_USE bool fl__record_find_tail(const uint8_t *data, size_t size, uint64_t place,
                                      struct fl__record *out);
FL_MUST_USE bool fl__record_is_body_good(const uint8_t *data, const struct fl__record *record);

/* ---------------------------------------------------------------------------------------------- segment.c */

/* What is read by itself where more at once cannot be: a bad sector costs so much, and nothing beside it. */
#define FL__PAGE_SIZE ((size_t)4096)

#define FL__SEGMENT_HEADER 64

void fl__segment_path(const char *directory, uint64_t number, char *out, size_t size);
FL_MUST_USE bool fl__segment_parse_name(const char *name, uint64_t *number);
/* Writes the header, and returns the file's identity. */
uint64_t fl__segment_header(const struct fl__wal_options *options, uint64_t number,
                            uint8_t out[FL__SEGMENT_HEADER]);
/* FL_OK; FL_EDAMAGED: unreadable, which is harmless; FL_ECLUSTER, FL_EVERSION: it is somebody else's. */
FL_MUST_USE int fl__segment_check_header(const uint8_t *found, const uint8_t *expected);

/* ---------------------------------------------------------------------------- wal.c, recovery.c, lookup.c */

struct fl__segment {
    uint64_t number, identity;
    struct fl_io_file *file;
    uint64_t size; /* Of the file. */
    uint64_t end;  /* Of what is written or being written; FL__SEGMENT_HEADER if nothing. */
};

/* From this offset of this segment on, records hold the entries from `first` on, up to the next stretch. */
struct fl__stretch {
    fl_index first;
    uint32_t segment; /* In the array. */
    uint64_t offset;
};

/* ---------------------------------------------------------------------------------------------- prepare.c */

struct fl__preparer {
    struct fl_io *io;
    const struct fl__wal_options *options;
    uint64_t next_number; /* Of a file that is not taken yet. */
    bool is_full;         /* The disk has no space for the next file. */
    /* The next file is ready (FL_OK), was given up because nobody waited for it (FL_ECANCELED), or will never
     * be (another error). */
    void (*changed)(void *context, int error);
    void *context;

    /* Its own. */
    int step;
    bool is_closing, is_hurried, falls_back;
    uint64_t size_before;     /* Of a ready file that is made larger; 0: of none. */
    fl_time_us refused_until; /* There was no space for a larger one. */
    struct fl_io_op op;
    struct fl__segment next;
    uint64_t filled; /* Its bytes, zeros. */
    int failure;     /* Why it will never be, once its file is closed. */
    fl_time_us began_at;
    uint8_t header[FL__SEGMENT_HEADER];
    struct fl_io_buffer header_buffer;
};
/* Begins to make the next file, or, if it is ready, to make it larger. If there is no space for it and it
 * falls back, one of the usual size will do, or the one that was ready. */
void fl__prepare_start(struct fl__preparer *preparer, uint64_t size, bool falls_back);
void fl__prepare_hurry(struct fl__preparer *preparer);         /* Somebody waits for it. */
bool fl__prepare_is_idle(const struct fl__preparer *preparer); /* Nothing is made or ready. */
const struct fl__segment *fl__prepare_ready(const struct fl__preparer *preparer); /* NULL: it is not. */
void fl__prepare_taken(struct fl__preparer *preparer); /* The ready one is its taker's now. */
/* Waits no longer, neither for space nor between pieces. */
void fl__prepare_close(struct fl__preparer *preparer);

/* ----------------------------------------------------------------------------------- layout.c, recovery.c */

/* Where the log's entries lie, and their terms. */
struct fl__layout {
    struct fl__segment *segments;
    uint32_t segment_count, segment_capacity;
    struct fl__stretch *stretches;
    uint32_t stretch_count, stretch_capacity;
    struct fl_run *runs;
    uint32_t run_count, run_capacity;
    fl_index last;
    bool is_cut; /* The next record begins a stretch. */
};
FL_MUST_USE int fl__layout_add_segment(struct fl__layout *layout, const struct fl__segment *segment);
/* An entry's record lies at `offset` of the last segment. */
FL_MUST_USE int fl__layout_add_record(struct fl__layout *layout, fl_index index, uint64_t offset);
FL_MUST_USE int fl__layout_add_entry(struct fl__layout *layout, fl_index index, fl_term term); /* Its term. */
void fl__layout_truncate(struct fl__layout *layout, fl_index from);                            /* Terms, */
void fl__layout_truncate_records(struct fl__layout *layout, fl_index from); /* and places. */
fl_term fl__layout_term(const struct fl__layout *layout, fl_index index);
/* NULL: not written. */
const struct fl__stretch *fl__layout_find(const struct fl__layout *layout, fl_index index);
void fl__layout_release(struct fl__layout *layout);

/* Where a writer continues. */
struct fl__recovery {
    struct fl__layout layout;
    uint64_t chain;       /* The last record's checksum. */
    uint64_t next_number; /* Of the next segment. */
    bool continues;       /* In the last segment; else in a new one. */
};
FL_MUST_USE int fl__recovery_run(struct fl_io *io, const struct fl__wal_options *options,
                                 struct fl__recovery *out, struct fl__wal_recovered *found,
                                 struct fl_error_report *report);

/* -- wal.c, for lookup.c */
/* Where to look for the entry; FL_ESTALE: it is not written (yet). The log stays open until
 * fl__wal_read_ended(). */
FL_MUST_USE int fl__wal_read_begun(struct fl__wal *wal, fl_index index, struct fl__segment *segment,
                                   uint64_t *offset);
void fl__wal_read_ended(struct fl__wal *wal);
void fl__wal_read_file(struct fl__wal *wal, struct fl_io_op *op, struct fl_io_file *file, void *data,
                       size_t size, uint64_t offset);
void fl__wal_soon(struct fl__wal *wal, struct fl_io_op *op); /* Completes from the loop. */
size_t fl__record_peek_size(const uint8_t *data);            /* What a head says, true or not. */

#endif
