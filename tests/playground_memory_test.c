/* playground_memory_test.c - sessions of the playground where memory ends, and the heap of their module. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
// cmocka wants the four headers above before its own.
#include <cmocka.h>

#include "playground.h"
#include "playing.h"

/* --------------------------------------------------------------------------------------------------- heap */

static uint8_t arena[8 << 20] __attribute__((aligned(16)));

static bool grow(struct fl__heap *heap, size_t size)
{
    size_t left = (size_t)(arena + sizeof arena - heap->end);
    size_t step = size < 65536 ? 65536 : size;
    if (step > left)
        return false;
    heap->end += step;
    return true;
}

static void test_the_heap_gives_blocks_apart_and_takes_them_back(void **state)
{
    struct fl__heap heap = {.next = arena, .end = arena, .grow = grow};
    struct {
        uint8_t *memory, mark;
        size_t size;
    } blocks[64] = {0};
    uint32_t random = 1;
    (void)state;
    for (uint32_t round = 0; round < 50000; round++) {
        random = random * 1664525 + 1013904223;
        uint32_t k = random >> 26;
        for (size_t b = 0; b < blocks[k].size; b++)
            assert_int_equal(blocks[k].memory[b], blocks[k].mark);
        fl__heap_release(&heap, blocks[k].memory);
        blocks[k].size = (random >> 8) % 3000;
        blocks[k].memory = fl__heap_allocate(&heap, blocks[k].size);
        blocks[k].mark = (uint8_t)round;
        assert_non_null(blocks[k].memory); /* What was released is used again: the arena never fills. */
        assert_int_equal((uintptr_t)blocks[k].memory % 16, 0);
        memset(blocks[k].memory, blocks[k].mark, blocks[k].size);
    }
    assert_null(fl__heap_allocate(&heap, sizeof arena));
    assert_null(fl__heap_allocate(&heap, SIZE_MAX));
    assert_non_null(fl__heap_allocate(&heap, 0));
}

/* ------------------------------------------------------------------------------------------------- memory */

/* So many allocations more succeed; then one fails, or all do. */
struct scarce {
    uint32_t left, used;
    bool is_for_good, has_failed;
};

static void *allocate(void *context, size_t size)
{
    struct scarce *scarce = context;
    if (scarce->left == 0) {
        scarce->has_failed = true;
        scarce->left = scarce->is_for_good ? 0 : UINT32_MAX;
        return NULL;
    }
    scarce->left--;
    scarce->used++;
    return malloc(size + 1);
}

static void release(void *context, void *memory)
{
    struct scarce *scarce = context;
    scarce->used--;
    free(memory);
}

static int open_with(struct fl_session **out, struct scarce *scarce, const char *text, const char *options)
{
    struct fl_scenario_result result;
    const struct fl_session_start start = {
        .allocator = {.context = scarce, .allocate = allocate, .release = release},
        .text = text,
        .size = strlen(text),
        .options = options};
    int error = fl_session_open(out, &start, &result);
    if (error == FL_ENOMEM)
        assert_non_null(strstr(result.text, "not enough memory"));
    return error;
}

static void test_a_session_is_opened_whole_or_not_at_all(void **state)
{
    uint32_t refused = 0;
    (void)state;
    for (uint32_t k = 0;; k++) {
        struct scarce scarce = {.left = k};
        struct fl_session *session;
        int error = open_with(&session, &scarce, "nodes A B C\nat x elect A term 1 with B; settle\n",
                              "option repair one\n");
        bool has_failed = scarce.has_failed;
        assert_int_equal(error, has_failed ? FL_ENOMEM : FL_OK);
        scarce.left = UINT32_MAX;
        if (error == FL_OK) {
            assert_non_null(strstr(fl_session_view(session, 0), "\"repair\":\"one\""));
            fl_session_close(session);
        } else {
            assert_null(session);
            refused++;
        }
        assert_int_equal(scarce.used, 0);
        if (!has_failed)
            break;
    }
    assert_true(refused > 20);
}

/* Something asked of a session: FL_OK, what it must answer, or FL_ENOMEM. */
struct request {
    const char *event;  /* Happens after step k: */
    uint32_t k;         /* UINT32_MAX: the last one. */
    const char *option; /* Or it is set; */
    fl_time_us flow;    /* or so much time passes; */
    bool is_view;       /* or step k is looked at; else the state is. */
    int answer;
};

static int ask(struct fl_session *session, const struct request *request)
{
    struct fl_scenario_result result = {0};
    uint32_t k = request->k == UINT32_MAX ? fl_session_count(session) : request->k;
    int error;
    if (request->event)
        error = fl_session_act(session, k, request->event, strlen(request->event), &result);
    else if (request->option)
        error = fl_session_option(session, request->option, strlen(request->option), &result);
    else if (request->flow > 0)
        error = fl_session_flow(session, request->flow, &result);
    else
        return (request->is_view ? fl_session_view(session, k) : fl_session_state(session)) ? FL_OK
                                                                                            : FL_ENOMEM;
    assert_int_equal(result.text[0] != '\0' && error != FL_OK, error != FL_OK);
    assert_int_equal(strstr(result.text, "not enough memory") != NULL, error == FL_ENOMEM);
    return error;
}

static void check_told(struct fl_session *a, struct fl_session *b)
{
    assert_int_equal(fl_session_count(a), fl_session_count(b));
    for (uint32_t k = 1; k <= fl_session_count(a); k++)
        assert_string_equal(fl_session_event(a, k), fl_session_event(b, k));
}

/* Memory ends at the k-th allocation of the request. Then all is as before, and with memory it can be asked
 * again. False: it never ended. */
static bool ask_scarcely(const char *text, const struct request *request, uint32_t k, bool is_for_good)
{
    struct scarce scarce = {.left = UINT32_MAX}, ample = {.left = UINT32_MAX};
    struct fl_session *session, *before, *after;
    assert_int_equal(open_with(&session, &scarce, text, NULL), FL_OK);
    assert_int_equal(open_with(&before, &ample, text, NULL), FL_OK);
    assert_int_equal(open_with(&after, &ample, text, NULL), FL_OK);
    assert_int_equal(ask(after, request), request->answer);
    scarce.left = k;
    scarce.is_for_good = is_for_good;
    int answer = ask(session, request);
    bool has_failed = scarce.has_failed;
    check_told(session, answer == FL_OK ? after : before);
    if (answer != request->answer) {
        assert_int_equal(answer, FL_ENOMEM);
        assert_true(has_failed);
        (void)ask(session, request); /* Where memory has ended for good, in vain. */
        check_told(session, is_for_good ? before : after);
    }
    scarce.left = UINT32_MAX;
    if (answer != request->answer && is_for_good) {
        check_same(session, before);
        assert_int_equal(ask(session, request), request->answer);
    }
    check_same(session, after);
    char *is = state_text(session, "text"), *wanted = state_text(after, "text");
    assert_string_equal(is, wanted);
    free(is);
    free(wanted);
    fl_session_close(session);
    fl_session_close(before);
    fl_session_close(after);
    assert_int_equal(scarce.used, 0);
    return has_failed;
}

static void test_where_memory_ends_a_session_says_so_and_stays_as_it_was(void **state)
{
    static const struct request requests[] = {
        {.event = "write A x=1; settle; crash B; restart B", .k = UINT32_MAX},
        {.event = "write A x=1; settle; explode", .k = UINT32_MAX, .answer = FL_EINVAL},
        {.event = "crash B; restart B", .k = 1},
        {.event = "explode", .k = 1, .answer = FL_EINVAL},
        {.option = "repair one"},
        {.flow = 200000},
        {.is_view = true, .k = 0},
        {.is_view = true, .k = 20},
        {.is_view = true, .k = UINT32_MAX},
        {.is_view = false},
    };
    static const char *const texts[] = {
        "nodes A B C\nat x elect A term 1 with B C; settle\nat you flow 1ms\n",
        "nodes A B C\nat x elect A term 1 with B C; settle\nat y write A w; settle\n"};
    (void)state;
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) {
        for (size_t r = 0; r < sizeof requests / sizeof *requests; r++) {
            uint32_t k = 0;
            while (ask_scarcely(texts[t], &requests[r], k, false)) {
                assert_true(ask_scarcely(texts[t], &requests[r], k, true));
                k++;
            }
            assert_true(k > 0);
        }
    }
}

static void *allocate_in_heap(void *context, size_t size)
{
    return fl__heap_allocate(context, size);
}

static void release_in_heap(void *context, void *memory)
{
    fl__heap_release(context, memory);
}

static void test_a_full_heap_holds_what_it_held(void **state)
{
    struct fl__heap heap = {.next = arena, .end = arena, .grow = grow};
    struct fl_scenario_result result;
    struct fl_session *session;
    const char *text = "nodes A B C\nat x elect A term 1 with B C; settle\n";
    const struct fl_session_start start = {
        .allocator = {.context = &heap, .allocate = allocate_in_heap, .release = release_in_heap},
        .text = text,
        .size = strlen(text)};
    uint32_t written = 0;
    (void)state;
    for (int round = 0; round < 2; round++) { /* What was released is used again. */
        assert_int_equal(fl_session_open(&session, &start, &result), FL_OK);
        for (written = 0; written < 10000; written++)
            if (fl_session_act(session, fl_session_count(session), "write A x=1; settle", 19, &result) !=
                FL_OK)
                break;
        assert_in_range(written, 10, 9999);
        assert_non_null(strstr(result.text, "not enough memory"));
        for (int k = 0; k < 3; k++)
            assert_int_equal(fl_session_flow(session, 1000000000, &result), FL_ENOMEM);
        check_reopened(session);
        fl_session_close(session);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_heap_gives_blocks_apart_and_takes_them_back),
        cmocka_unit_test(test_a_session_is_opened_whole_or_not_at_all),
        cmocka_unit_test(test_where_memory_ends_a_session_says_so_and_stays_as_it_was),
        cmocka_unit_test(test_a_full_heap_holds_what_it_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
