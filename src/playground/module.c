/* module.c - the playground as a WebAssembly module: what JavaScript calls, and what a freestanding
 * compiler needs.
 *
 * It imports nothing. Texts go in through memory from allocate(), and come out as addresses of texts that
 * end with a zero byte. A bug ends the call with a trap, and bug() says which it was; the module is of no
 * use then.
 *
 * Of this module alone: the rest of the folder is compiled natively too, for tests. */
#include "../core/core.h"
#include "playground.h"

#define EXPORT(name) __attribute__((export_name(name), used))
#define PAGE_SIZE 65536

/* ---------------------------------------------------------------------- what stands for a C library */

void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    return __builtin_memcpy(to, from, size); /* One instruction: memory.copy. */
}

void *memmove(void *to, const void *from, size_t size)
{
    return __builtin_memmove(to, from, size);
}

void *memset(void *to, int byte, size_t size)
{
    return __builtin_memset(to, byte, size);
}

/* ------------------------------------------------------------------------------------- the module's state */

static char bug_text[FL_WORLD_TEXT_MAX];
static struct fl_scenario_result result; /* Of the last call that was refused. */
static char result_text[4096];           /* A refusal, each of whose bytes may become six. */

static bool grow(struct fl__heap *heap, size_t size)
{
    size_t pages = (size + PAGE_SIZE - 1) / PAGE_SIZE;
    size_t before = __builtin_wasm_memory_grow(0, pages);
    if (before == SIZE_MAX)
        return false;
    uint8_t *begin = (uint8_t *)(before * PAGE_SIZE);
    if (begin != heap->end) /* The first time: behind what the linker placed. */
        heap->next = begin;
    heap->end = begin + pages * PAGE_SIZE;
    return true;
}

static struct fl__heap heap = {.grow = grow};

static void *allocate(void *context, size_t size)
{
    (void)context;
    return fl__heap_allocate(&heap, size);
}

static void release(void *context, void *memory)
{
    (void)context;
    fl__heap_release(&heap, memory);
}

void fl_panic(const char *file, int line, const char *what)
{
    struct fl_json json = {.out = bug_text, .size = sizeof bug_text};
    fl_json_begin(&json, NULL, '{');
    fl_json_text(&json, "file", file);
    fl_json_number(&json, "line", (uint64_t)line);
    fl_json_text(&json, "text", what);
    fl_json_end(&json, '}');
    (void)fl_json_finish(&json);
    __builtin_trap();
}

/* ------------------------------------------------------------------------------------------------ exports */

EXPORT("allocate") void *fl__module_allocate(size_t size)
{
    return allocate(NULL, size);
}

EXPORT("release") void fl__module_release(void *memory)
{
    release(NULL, memory);
}

/* {"file","line","text"} of the bug that ended the last call; empty if there was none. */
EXPORT("bug") const char *fl__module_bug(void)
{
    return bug_text;
}

/* {"line","text"}: why the last call was refused. */
EXPORT("refusal") const char *fl__module_refusal(void)
{
    struct fl_json json = {.out = result_text, .size = sizeof result_text};
    fl_json_begin(&json, NULL, '{');
    fl_json_number(&json, "line", result.line);
    fl_json_text(&json, "text", result.text);
    fl_json_end(&json, '}');
    (void)fl_json_finish(&json);
    return result_text;
}

/* How many branches a text has. */
EXPORT("branches") uint32_t fl__module_branches(const char *text, size_t size)
{
    return fl_scenario_branches(text, size);
}

/* NULL: refused. `options` ends with a zero byte, or is NULL. */
EXPORT("open")
struct fl_session *fl__module_open(const char *text, size_t size, uint32_t branch, const char *options)
{
    struct fl_session *session;
    const struct fl_session_start start = {
        .allocator = {.allocate = allocate, .release = release},
        .text = text,
        .size = size,
        .branch = branch,
        .options = options,
    };
    int error = fl_session_open(&session, &start, &result);
    return error == FL_OK ? session : NULL;
}

EXPORT("close") void fl__module_close(struct fl_session *session)
{
    fl_session_close(session);
}

EXPORT("count") uint32_t fl__module_count(const struct fl_session *session)
{
    return fl_session_count(session);
}

EXPORT("event") const char *fl__module_event(const struct fl_session *session, uint32_t k)
{
    return fl_session_event(session, k);
}

EXPORT("line") uint32_t fl__module_line(const struct fl_session *session, uint32_t k)
{
    return fl_session_line(session, k);
}

EXPORT("view") const char *fl__module_view(struct fl_session *session, uint32_t k)
{
    return fl_session_view(session, k);
}

EXPORT("state") const char *fl__module_state(struct fl_session *session)
{
    return fl_session_state(session);
}

/* These three return 0, or an error: see refusal(). */
EXPORT("act")
int fl__module_act(struct fl_session *session, uint32_t k, const char *event, size_t size)
{
    return fl_session_act(session, k, event, size, &result);
}

EXPORT("flow") int fl__module_flow(struct fl_session *session, uint32_t us)
{
    return fl_session_flow(session, us, &result);
}

EXPORT("option") int fl__module_option(struct fl_session *session, const char *option, size_t size)
{
    return fl_session_option(session, option, size, &result);
}
