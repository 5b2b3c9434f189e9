/* scan.c - command bodies: SCAN, KEYS, RANDOMKEY. They look at all keys, in the order of their hashes.
 *
 * A node that looks for long does nothing else meanwhile: it hears no leader, and loses its followers. So
 * each call has a limit of work: SCAN ends its step early; KEYS, whose answer has to be whole, refuses. And
 * what a call takes is spent, a step as a byte, so that a transaction cannot call them without end. */
#include "keyspace.h"

#define ERROR_SYNTAX "ERR syntax error"
#define ERROR_NUMBER "ERR value is not an integer or out of range"
#define SCAN_COUNT 10 /* Without COUNT. */

/* Work is counted in steps of matching a pattern, of a few nanoseconds; a key that is met takes many. */
#define KEY_STEPS 64
#define SCAN_STEPS_MAX (UINT64_C(1) << 24)

/* Whether an item is a live key that matches. False and *steps 0: it takes too long to say. */
static bool matches(const struct fl__call *call, const struct fl__item *item, struct fl__bytes pattern,
                    uint64_t *steps)
{
    *steps = *steps > KEY_STEPS ? *steps - KEY_STEPS : 0;
    return *steps > 0 && fl__store_is_live(call->store, item) &&
           fl__glob_match(pattern, fl__item_key(item), false, steps);
}

/* --------------------------------------------------------------------------------------------------- SCAN */

/* The cursor is the first hash not looked at yet, so keys of equal hash come together, and what was there at
 * the start and stays is returned, whatever happens to other keys, to the table, or to the node that is
 * asked. */
struct scan_options {
    int64_t count;
    struct fl__bytes pattern;
    bool no_type; /* Of a type that no key has. */
};

/* As strtoul() reads it for Redis: nothing is 0, a sign is allowed, and a negative cursor is behind every
 * key. */
static bool read_cursor(struct fl__bytes text, uint64_t *cursor)
{
    size_t k = text.size > 0 && (text.data[0] == '-' || text.data[0] == '+');
    bool is_valid = k == 0 || text.size > 1;
    uint64_t value = 0;
    for (; is_valid && k < text.size; k++) {
        unsigned digit = (unsigned)(unsigned char)text.data[k] - '0';
        is_valid = digit <= 9 && value <= (UINT64_MAX - digit) / 10;
        value = value * 10 + digit;
    }
    *cursor = text.size > 0 && text.data[0] == '-' ? 0 - value : value;
    return is_valid;
}

/* NULL, or the complaint. */
static const char *read_options(const struct fl__call *call, struct scan_options *options)
{
    for (uint32_t k = 2; k < call->arg_count; k += 2) {
        if (k + 1 == call->arg_count)
            return ERROR_SYNTAX;
        struct fl__bytes value = call->args[k + 1];
        if (fl__bytes_is(call->args[k], "match"))
            options->pattern = value;
        else if (fl__bytes_is(call->args[k], "type"))
            options->no_type = !fl__bytes_is(value, "string");
        else if (!fl__bytes_is(call->args[k], "count"))
            return ERROR_SYNTAX;
        else if (!fl__number_parse(value, &options->count))
            return ERROR_NUMBER;
        else if (options->count < 1)
            return ERROR_SYNTAX;
    }
    return NULL;
}

/* Moves the cursor to the end of a step: behind `count` items and those of the last one's hash, or as far as
 * there is work in it for one call. Counts the keys that match. False: one alone takes too long. */
static bool find_end(const struct fl__call *call, const struct scan_options *options, uint64_t *cursor,
                     size_t *match_count, uint64_t *steps)
{
    const struct fl__item *item = fl__store_seek(call->store, *cursor);
    int64_t left = options->count;
    for (; item != NULL; item = fl__store_after(call->store, item), left--) {
        bool is_enough = left <= 0 || *steps < SCAN_STEPS_MAX / 2;
        if (is_enough && item->hash >= *cursor)
            return true;
        *cursor = item->hash + 1;
        *match_count += matches(call, item, options->pattern, steps);
        if (*steps == 0)
            return false;
    }
    *cursor = FL__HASH_END;
    return true;
}

static void put_step(const struct fl__call *call, const struct scan_options *options, uint64_t cursor,
                     uint64_t end, size_t match_count)
{
    char text[FL__NUMBER_SIZE];
    fl__reply_array(call->reply, 2);
    fl__reply_bulk(call->reply,
                   (struct fl__bytes){text, fl__number_print(end == FL__HASH_END ? 0 : (int64_t)end, text)});
    fl__reply_array(call->reply, options->no_type ? 0 : match_count);
    const struct fl__item *item = options->no_type ? NULL : fl__store_seek(call->store, cursor);
    uint64_t steps = SCAN_STEPS_MAX;
    for (; item != NULL && item->hash < end; item = fl__store_after(call->store, item)) {
        if (matches(call, item, options->pattern, &steps))
            fl__reply_bulk(call->reply, fl__item_key(item));
    }
}

void fl__scan_scan(struct fl__call *call)
{
    struct scan_options options = {.count = SCAN_COUNT, .pattern = {"*", 1}};
    uint64_t cursor, end, steps = SCAN_STEPS_MAX;
    size_t match_count = 0;
    const char *error =
        read_cursor(call->args[1], &cursor) ? read_options(call, &options) : "ERR invalid cursor";
    end = cursor;
    if (error == NULL && !find_end(call, &options, &end, &match_count, &steps))
        error = FL__ERROR_STEPS;
    if (error != NULL)
        fl__reply_error(call->reply, error);
    else if (fl__store_spend(call, SCAN_STEPS_MAX - steps))
        put_step(call, &options, cursor, end, match_count);
}

/* --------------------------------------------------------------------------------------------------- KEYS */

static bool has_wildcard(struct fl__bytes pattern)
{
    for (size_t k = 0; k < pattern.size; k++) {
        char c = pattern.data[k];
        if (c == '*' || c == '?' || c == '[' || c == '\\')
            return true;
    }
    return false;
}

/* Writes the keys that match. False: complained, because it is too much work. */
static bool put_matches(struct fl__call *call, size_t *count)
{
    struct fl__reply *reply = call->reply;
    const struct fl__item *item = fl__store_seek(call->store, 0);
    uint64_t steps = FL__GLOB_STEPS_MAX;
    size_t start = reply->size, end;
    for (; item != NULL && steps > 0 && !reply->failed; item = fl__store_after(call->store, item)) {
        if (matches(call, item, call->args[1], &steps)) {
            fl__reply_bulk(reply, fl__item_key(item));
            ++*count;
        }
    }
    end = reply->size;
    reply->size = start; /* Where a complaint would stand. */
    if (steps == 0)
        fl__reply_error(reply, "ERR KEYS would stop this node for too long; use SCAN");
    if (steps == 0 || !fl__store_spend(call, FL__GLOB_STEPS_MAX - steps))
        return false;
    reply->size = end;
    return true;
}

void fl__scan_keys(struct fl__call *call)
{
    if (call->reply == NULL)
        return;
    size_t count = 0, start = call->reply->size;
    if (has_wildcard(call->args[1])) {
        if (!put_matches(call, &count))
            return;
    } else if (fl__store_find(call->store, call->args[1]) != NULL) {
        fl__reply_bulk(call->reply, call->args[1]);
        count = 1;
    }
    fl__reply_array_from(call->reply, start, count);
}

/* ---------------------------------------------------------------------------------------------- RANDOMKEY */

#define RANK_COUNT 16
#define TRIES_MAX 1024

/* splitmix64 */
static uint64_t mix(uint64_t z)
{
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t draw(uint64_t *state)
{
    return mix(*state += UINT64_C(0x9e3779b97f4a7c15));
}

/* The item of a rank, counted from 0, among those at positions [start, end). NULL: they are fewer. */
static const struct fl__item *item_at(const struct fl__store *store, uint64_t start, uint64_t end,
                                      uint32_t rank)
{
    const struct fl__item *item = fl__store_seek(store, start);
    for (; rank > 0 && item != NULL && item->hash < end; rank--)
        item = fl__store_after(store, item);
    return item != NULL && item->hash < end ? item : NULL;
}

/* Each live key with the same chance. The order is cut into slices of equal width, with one key in each or a
 * little less on average; a slice and a rank in it are drawn, until there is a live key of that rank. That a
 * slice has more keys than there are ranks does not happen. */
static const struct fl__item *draw_key(const struct fl__store *store, uint64_t seed)
{
    uint64_t state = mix(seed), width = FL__HASH_END;
    while (width > 1 && FL__HASH_END / width < fl__store_held(store))
        width /= 2;
    for (uint32_t k = 0; k < TRIES_MAX; k++) {
        uint64_t drawn = draw(&state);
        uint64_t start = (drawn >> (64 - FL__HASH_BITS)) & ~(width - 1);
        const struct fl__item *item = item_at(store, start, start + width, drawn % RANK_COUNT);
        if (item != NULL && fl__store_is_live(store, item))
            return item;
    }
    /* Nearly all are expired and not freed yet: the first live one behind some position. */
    uint64_t start = draw(&state) >> (64 - FL__HASH_BITS);
    for (uint32_t round = 0; round < 2; round++, start = 0) {
        const struct fl__item *item = fl__store_seek(store, start);
        for (; item != NULL; item = fl__store_after(store, item)) {
            if (fl__store_is_live(store, item))
                return item;
        }
    }
    return NULL;
}

void fl__scan_randomkey(struct fl__call *call)
{
    const struct fl__item *item = fl__store_held(call->store) > 0 ? draw_key(call->store, call->seed) : NULL;
    if (item == NULL)
        fl__reply_null(call->reply);
    else
        fl__reply_bulk(call->reply, fl__item_key(item));
}
