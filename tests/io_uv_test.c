/* io_uv_test.c - the libuv engine keeps the contract of fairlead/io.h: on real files, sockets and time. */
#include "support/io_contract.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int set_up(void **state)
{
    struct io_world *world = calloc(1, sizeof *world);
    const char *parent = getenv("TMPDIR");
    snprintf(world->directory, sizeof world->directory, "%s/fairlead-io-XXXXXX", parent ? parent : "/tmp");
    if (!mkdtemp(world->directory) || fl_io_uv_create(&world->io) != FL_OK)
        return -1;
    *state = world;
    return 0;
}

/* Removes what a test left: files, and directories that are empty. */
static void remove_all(const char *path)
{
    DIR *directory = opendir(path);
    if (!directory)
        return;
    for (struct dirent *entry; (entry = readdir(directory));) {
        char name[512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
        if (unlink(name) < 0)
            (void)!rmdir(name);
    }
    closedir(directory);
    (void)!rmdir(path);
}

static int tear_down(void **state)
{
    struct io_world *world = *state;
    fl_io_uv_destroy(world->io); /* Which checks that all is closed. */
    remove_all(world->directory);
    free(world);
    return 0;
}

/* The directory in which a data directory lies may belong to somebody else. */
static void test_a_directory_that_may_be_entered_and_not_read_is_synced(void **state)
{
    enum { NOBODY = 65534 };
    struct io_world *world = *state;
    bool is_root = geteuid() == 0; /* Who may read everything. */
    assert_int_equal(chmod(world->directory, 0311), 0);
    assert_true(!is_root || seteuid(NOBODY) == 0);
    DIR *directory = opendir(world->directory);
    int64_t result = io_sync_directory(world);
    assert_true(!is_root || seteuid(0) == 0);
    assert_int_equal(chmod(world->directory, 0700), 0);
    assert_null(directory);
    assert_int_equal(result, FL_OK);
}

int main(void)
{
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down),
    const struct CMUnitTest tests[] = {
        IO_CONTRACT_TESTS(IO_TEST) IO_TEST(test_a_directory_that_may_be_entered_and_not_read_is_synced)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
