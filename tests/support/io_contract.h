/* io_contract.h - what fairlead/io.h promises, as tests that every engine passes.
 *
 * An engine's test makes a world in its set-up and lists IO_CONTRACT(set_up, tear_down). */
#ifndef FAIRLEAD_TEST_IO_CONTRACT_H
#define FAIRLEAD_TEST_IO_CONTRACT_H

#include <fairlead/io.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct io_world {
    struct fl_io *io;
    char directory[128]; /* Exists, is empty, and is the test's. */
    void *engine;        /* Whatever else the engine's test keeps. */
};

/* Runs the engine until *flag is true; the test fails if that takes forever. */
void io_await(struct io_world *world, const bool *flag);
/* Runs the engine for some turns. */
void io_turn(struct io_world *world);

/* Of a file, waiting for each. */
struct fl_io_file *io_open(struct io_world *world, const char *name, int flags);
void io_close(struct io_world *world, struct fl_io_file *file);
int64_t io_write(struct io_world *world, struct fl_io_file *file, const void *data, size_t size,
                 uint64_t offset, bool durable);
int64_t io_read(struct io_world *world, struct fl_io_file *file, void *data, size_t size, uint64_t offset);
int64_t io_sync_directory(struct io_world *world);
/* The path of a name in the world's directory; one of some static buffers would be a global: the caller's. */
struct io_path {
    char text[256];
};
struct io_path io_path(const struct io_world *world, const char *name);

/* One end of a connection, which keeps what it receives. */
struct io_end {
    struct fl_io_stream *stream;
    char *data;
    size_t size, capacity, calls, largest;
    bool is_ended, is_broken, has_data;
    int error;
    bool closes_itself; /* In its first on_data. */
    bool refills;       /* Gives back credit for what it received. */
    struct io_world *world;
    struct fl_io_op close;
};

/* A listener and what it accepted last. */
struct io_server {
    struct io_world *world;
    struct fl_io_listener *listener;
    char address[FL_ADDRESS_MAX];
    struct fl_io_stream *stream;
    bool has_stream;
    uint32_t count;
};

void io_server_open(struct io_world *world, struct io_server *server, bool privileged);
void io_server_close(struct io_server *server);
/* Both ends of a new connection, not started. */
void io_connect(struct io_world *world, struct io_server *server, struct io_end *client,
                struct io_end *accepted);
void io_end_start(struct io_end *end, uint64_t credit);
void io_end_close(struct io_end *end);

#define IO_CONTRACT_TESTS(X)                                                                                 \
    X(test_a_file_reads_back_what_was_written)                                                               \
    X(test_a_write_may_have_thousands_of_buffers)                                                            \
    X(test_a_read_is_short_only_at_the_end)                                                                  \
    X(test_open_says_what_is_wrong)                                                                          \
    X(test_a_file_opened_for_reading_cannot_be_written)                                                      \
    X(test_allocate_adds_zeros_and_keeps_the_rest)                                                           \
    X(test_truncate_cuts_and_extends)                                                                        \
    X(test_rename_replaces_and_unlink_removes)                                                               \
    X(test_an_unlinked_file_stays_readable_while_open)                                                       \
    X(test_directories_are_made_once_and_listed)                                                             \
    X(test_a_lock_excludes_others_until_it_is_closed)                                                        \
    X(test_nothing_completes_inside_the_call_that_submits_it)                                                \
    X(test_an_operation_may_be_reused_in_its_own_callback)                                                   \
    X(test_timers_end_in_order_and_ties_as_they_were_started)                                                \
    X(test_no_timer_ends_early)                                                                              \
    X(test_a_canceled_timer_ends_once_and_soon)                                                              \
    X(test_canceled_file_work_completes_once)                                                                \
    X(test_flush_hooks_run_after_a_batch_and_what_they_start_completes)                                      \
    X(test_a_removed_flush_hook_is_not_called)                                                               \
    X(test_random_numbers_differ)                                                                            \
    X(test_bytes_go_both_ways)                                                                               \
    X(test_a_large_transfer_arrives_in_order_and_in_pieces)                                                  \
    X(test_nothing_is_received_beyond_credit)                                                                \
    X(test_credit_given_back_while_receiving_keeps_bytes_coming)                                             \
    X(test_shutdown_ends_one_direction)                                                                      \
    X(test_an_accepted_stream_may_be_started_late)                                                           \
    X(test_close_cancels_sends_in_flight_and_completes_after_them)                                           \
    X(test_no_event_is_called_after_close)                                                                   \
    X(test_closing_with_unread_bytes_resets_the_other_end)                                                   \
    X(test_sends_to_a_closed_peer_fail_in_the_end)                                                           \
    X(test_connecting_where_nobody_listens_is_refused)                                                       \
    X(test_bad_addresses_are_refused)                                                                        \
    X(test_a_connect_may_be_canceled)                                                                        \
    X(test_a_port_is_listened_at_once)                                                                       \
    X(test_a_closed_listener_accepts_nobody)                                                                 \
    X(test_many_connections_are_told_apart)

#define IO_CONTRACT_DECLARE(name) void name(void **state);
IO_CONTRACT_TESTS(IO_CONTRACT_DECLARE)
#undef IO_CONTRACT_DECLARE

#endif
