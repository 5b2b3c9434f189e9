/* data_directory.h - opens "data" as a node does: whose it is, and what it promised; the log comes after. */
#ifndef FAIRLEAD_TEST_DATA_DIRECTORY_H
#define FAIRLEAD_TEST_DATA_DIRECTORY_H

#include "log.h"

#include <string.h>

/* Makes the directory durable. */
static inline void data_directory_make(struct fl_io *io)
{
    struct fl_io_op op = {0};
    io->vtable->make_directory(io, &op, "data");
    (void)io->vtable->wait(io, &op);
    io->vtable->sync_directory(io, &op, "");
    (void)io->vtable->wait(io, &op);
}

/* Opens both copies of term and vote, or founds a directory that has no name, as this incarnation. *vote is
 * to be closed if it is there, whatever this returns. */
static inline int data_directory_open(struct fl_io *io, const uint8_t cluster_id[16], fl_id incarnation,
                                      struct fl__vote **vote, struct fl_error_report *report)
{
    struct fl__identity mine = {.incarnation = incarnation, .name = "n1"};
    memcpy(mine.cluster_id, cluster_id, sizeof mine.cluster_id);
    int result = fl__identity_load(io, "data", &mine, report);
    bool is_new = result == FL_ENOENT;
    *vote = NULL;
    if (is_new || result == FL_OK)
        result = fl__vote_open(vote, io, "data", cluster_id, mine.incarnation, is_new, report);
    return is_new && result == FL_OK ? fl__identity_create(io, "data", &mine, report) : result;
}

#endif
