/* edit.c - a scenario's text as somebody plays on: lines are added at its end, what is no longer so is
 * cut, and an option is set. Comments and blank lines stay where they are. */
#include "../core/core.h"
#include "playground.h"

#define STEP "at " FL_STEP_BY_HAND " "
#define DURATION_MAX ((fl_time_us)999999 * 1000) /* A number of nine digits can say that in any unit. */

/* A zero byte always ends what is there. */
static void put(struct fl__edited *to, const char *text, size_t size)
{
    memcpy(to->text + to->size, text, size);
    to->size += size;
    to->text[to->size] = '\0';
}

/* Room for the text and so much more. */
static bool begin(struct fl__edited *edited, const struct fl_allocator *allocator, size_t size, size_t more)
{
    *edited = (struct fl__edited){.text = allocator->allocate(allocator->context, size + more + 1)};
    return edited->text != NULL;
}

static void end_line(struct fl__edited *edited)
{
    if (edited->size > 0 && edited->text[edited->size - 1] != '\n')
        put(edited, "\n", 1);
}

/* The byte after the line's end. */
static size_t line_end(const char *text, size_t size, const struct fl_line *line)
{
    size_t at = (size_t)(line->all.start - text) + line->all.length;
    while (at < size && text[at] != '\n')
        at++;
    return at < size ? at + 1 : size;
}

static size_t line_start(const char *text, const struct fl_line *line)
{
    size_t at = (size_t)(line->all.start - text);
    while (at > 0 && text[at - 1] != '\n')
        at--;
    return at;
}

size_t fl__edit_cut(const char *text, size_t size, uint32_t number)
{
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    size_t end = 0;
    while (fl_script_next(&script, &line)) {
        if (line.number > number)
            return end;
        end = line_end(text, size, &line);
    }
    return size;
}

struct fl__edited fl__edit_part(const struct fl_allocator *allocator, const char *text, size_t size,
                                uint64_t inputs)
{
    struct fl__edited edited;
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    char digits[FL_DIGITS_MAX];
    struct fl_word number = fl_word_of_number(inputs, digits);
    size_t rest = 0;
    if (!begin(&edited, allocator, size, sizeof STEP + FL_DIGITS_MAX + 16))
        return edited;
    while (fl_script_next(&script, &line))
        continue;
    if (fl_word_is(line.words[0], "at")) {
        rest = (size_t)(line.words[fl_scenario_events_at(&line, &inputs)].start - text);
        put(&edited, text, (size_t)(line.all.start - text));
        put(&edited, STEP "first ", sizeof STEP + 5);
        put(&edited, number.start, number.length);
        put(&edited, " of ", 4);
    }
    put(&edited, text + rest, size - rest);
    return edited;
}

struct fl__edited fl__edit_add(const struct fl_allocator *allocator, const char *text, size_t size,
                               struct fl_word event)
{
    struct fl__edited edited;
    if (!begin(&edited, allocator, size, event.length + 16))
        return edited;
    put(&edited, text, size);
    end_line(&edited);
    edited.branch = fl_scenario_branches(text, size);
    if (edited.branch > 0)
        put(&edited, "  ", 2);
    edited.line = edited.size;
    put(&edited, STEP, sizeof STEP - 1);
    put(&edited, event.start, event.length);
    put(&edited, "\n", 1);
    return edited;
}

/* The name in "NAME VALUE". */
static struct fl_word name_of(struct fl_word option)
{
    struct fl_word name = {.start = option.start};
    while (name.length < option.length && name.start[name.length] != ' ')
        name.length++;
    return name;
}

struct fl__edited fl__edit_option(const struct fl_allocator *allocator, const char *text, size_t size,
                                  struct fl_word option)
{
    struct fl__edited edited;
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    size_t from = size, to = size;
    bool is_first = true, found = false;
    while (!found && fl_script_next(&script, &line)) {
        found = line.branch == 0 && line.count > 1 && fl_word_is(line.words[0], "option") &&
                fl_word_same(line.words[1], name_of(option));
        if (found || is_first)
            from = line_start(text, &line);
        to = found ? line_end(text, size, &line) : from;
        is_first = false;
    }
    if (!found)
        to = from;
    if (!begin(&edited, allocator, size, option.length + 16))
        return edited;
    put(&edited, text, from);
    end_line(&edited);
    put(&edited, "option ", 7);
    put(&edited, option.start, option.length);
    put(&edited, "\n", 1);
    put(&edited, text + to, size - to);
    return edited;
}

bool fl__edit_last_flow(const char *text, size_t size, uint32_t branch, fl_time_us add, size_t *at,
                        fl_time_us *sum)
{
    struct fl_script script = {.text = text, .size = size};
    struct fl_line line;
    bool found = false;
    fl_time_us before = 0;
    *at = 0;
    while (fl_script_next(&script, &line)) {
        found = line.branch == branch && line.count == 4 && fl_word_is(line.words[0], "at") &&
                fl_word_is(line.words[1], "you") && fl_word_is(line.words[2], "flow") &&
                fl_word_duration(line.words[3], &before);
        *at = line_start(text, &line);
    }
    if (!found)
        return false;
    size_t end = (size_t)(line.all.start - text) + line.all.length;
    while (end < size && (text[end] == ' ' || text[end] == '\n' || text[end] == '\r'))
        end++;
    *sum = before + add;
    return end == size && *sum <= DURATION_MAX;
}

size_t fl__edit_flow(char out[FL__FLOW_MAX], fl_time_us duration)
{
    bool is_whole = duration % 1000 == 0;
    char digits[FL_DIGITS_MAX];
    struct fl_word number = fl_word_of_number(is_whole ? duration / 1000 : duration, digits);
    memcpy(out, "flow ", 5);
    memcpy(out + 5, number.start, number.length);
    memcpy(out + 5 + number.length, is_whole ? "ms" : "us", 2);
    return number.length + 7;
}
