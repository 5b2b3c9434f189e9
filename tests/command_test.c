/* command_test.c - the command table and how calls are found in it. */
#include "server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SLOT_COUNT (1u << FL__COMMAND_HASH_BITS)
#define TRIES_MAX 10000000u

/* ---------------------------------------------------------------------------------------------- the slots */

/* Tries a factor: false if two names would have one slot. */
static bool fill_slots(uint64_t factor, uint16_t slots[SLOT_COUNT])
{
    memset(slots, 0, SLOT_COUNT * sizeof *slots);
    for (uint32_t row = 0; row < fl__command_count; row++) {
        if (strchr(fl__commands[row].name, '|') != NULL)
            continue;
        uint32_t slot = fl__command_hash(fl__bytes_of(fl__commands[row].name), factor);
        if (slots[slot] != 0)
            return false;
        slots[slot] = (uint16_t)(row + 1);
    }
    return true;
}

/* What slots.inc should say. */
static int print_slots(void)
{
    static uint16_t slots[SLOT_COUNT];
    uint64_t factor = 0x9e3779b97f4a7c15;
    uint32_t tries = 0;
    while (!fill_slots(factor, slots)) {
        if (++tries == TRIES_MAX)
            return 1;
        factor = (factor ^ factor >> 29) * 0xbf58476d1ce4e5b9 + 2 * tries;
        factor |= 1;
    }
    printf("/* Written by tools/slots. Rows of the table, counted from 1; 0: none. */\n");
    printf("#define HASH_FACTOR UINT64_C(0x%016llx)\n", (unsigned long long)factor);
    printf("static const uint16_t slots[1 << FL__COMMAND_HASH_BITS] = {\n");
    for (uint32_t k = 0; k < SLOT_COUNT; k++)
        printf("%s%3u,%s", k % 20 == 0 ? "    " : " ", slots[k],
               k % 20 == 19 || k + 1 == SLOT_COUNT ? "\n" : "");
    printf("};\n");
    return 0;
}

static void test_every_command_is_found(void **state)
{
    (void)state;
    assert_in_range(fl__command_count, 1, UINT16_MAX); /* What a slot holds. */
    for (uint32_t row = 0; row < fl__command_count; row++) {
        const struct fl__command *command = &fl__commands[row];
        if (fl__command_named(fl__bytes_of(command->name)) != command)
            fail_msg("%s is not found: run tools/slots", command->name);
    }
}

/* ----------------------------------------------------------------------------------------------- the rows */

static bool is_sub_of(const char *name, const char *container)
{
    size_t size = strlen(container);
    return strncmp(name, container, size) == 0 && name[size] == '|';
}

static void test_rows_stand_in_order(void **state)
{
    (void)state;
    for (uint32_t row = 1; row < fl__command_count; row++) {
        const char *before = fl__commands[row - 1].name, *name = fl__commands[row].name;
        size_t bar = strcspn(before, "|");
        bool is_inside = strncmp(before, name, bar) == 0 && name[bar] == '|';
        /* Each file of rows is about one group. */
        if (strcmp(fl__commands[row - 1].group, fl__commands[row].group) != 0)
            continue;
        if (is_inside ? before[bar] == '|' && strcmp(before, name) >= 0 : strcmp(before, name) >= 0)
            fail_msg("%s stands before %s", before, name);
    }
}

static void test_rows_are_whole(void **state)
{
    (void)state;
    const struct fl__command *container = NULL;
    for (uint32_t row = 0; row < fl__command_count; row++) {
        const struct fl__command *command = &fl__commands[row];
        bool is_about_keys = command->class == FL__CLASS_READ || command->class == FL__CLASS_WRITE;
        bool is_sub = strchr(command->name, '|') != NULL;
        if (is_sub && (container == NULL || !is_sub_of(command->name, container->name)))
            fail_msg("%s stands behind no container", command->name);
        if (!is_sub)
            container = command->is_container ? command : NULL;
        if (is_about_keys ? command->store == NULL : command->local == NULL && !command->is_container)
            fail_msg("%s has no function", command->name);
        if (command->summary == NULL || command->group == NULL || command->since == NULL)
            fail_msg("%s has no description", command->name);
        if ((command->first_key != 0) != (command->key_flags != NULL))
            fail_msg("%s: where its keys are and how it uses them belong together", command->name);
        /* A message goes through the log, and changes no key. FUNCTION FLUSH writes in Redis, and clients
         * route by that; here there is nothing to delete. */
        bool is_message = command->flags & FL__PUBSUB;
        bool writes = command->class == FL__CLASS_WRITE || command->local == fl__local_function_flush;
        if (!is_message && writes != ((command->flags & FL__WRITE) != 0))
            fail_msg("%s: its class and its flags disagree on whether it writes", command->name);
    }
}

/* docs/redis.md names every command. */
static void test_the_documentation_names_every_command(void **state)
{
    static char text[1 << 16];
    (void)state;
    FILE *file = fopen(FL_SOURCE_DIR "/docs/redis.md", "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    for (uint32_t row = 0; row < fl__command_count; row++) {
        const char *name = fl__commands[row].name;
        char upper[32] = "";
        if (strchr(name, '|') != NULL)
            continue;
        for (size_t k = 0; name[k] != '\0' && k + 1 < sizeof upper; k++)
            upper[k] = (char)(name[k] >= 'a' && name[k] <= 'z' ? name[k] - ('a' - 'A') : name[k]);
        const char *found = strstr(text, upper);
        size_t size = strlen(upper);
        while (found != NULL && strchr(" ;,|", found[size]) == NULL)
            found = strstr(found + 1, upper);
        if (found == NULL)
            fail_msg("docs/redis.md does not name %s", upper);
    }
}

int main(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "--slots") == 0)
        return print_slots();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_command_is_found),
        cmocka_unit_test(test_rows_stand_in_order),
        cmocka_unit_test(test_rows_are_whole),
        cmocka_unit_test(test_the_documentation_names_every_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
