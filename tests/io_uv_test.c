/* io_uv_test.c - the libuv engine keeps the contract of fairlead/io.h: on real files, sockets and time. */
#include "support/io_contract.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

int main(void)
{
#define IO_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down),
    const struct CMUnitTest tests[] = {IO_CONTRACT_TESTS(IO_TEST)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
