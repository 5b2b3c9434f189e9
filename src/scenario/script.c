/* script.c - a scenario file as lines and words: one statement a line, # begins a comment unless a digit
 * follows (#17 is a message), ; is a word of its own.
 *
 * Unindented lines are the common part until the first `branch`; the indented lines after one are that
 * branch. */
#include "scenario_internal.h"

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void split(struct fl_line *line)
{
    const char *at = line->all.start, *end = at + line->all.length;
    line->count = 0;
    while (at < end) {
        if (is_blank(*at)) {
            at++;
            continue;
        }
        const char *start = at++;
        while (*start != ';' && at < end && !is_blank(*at) && *at != ';')
            at++;
        if (line->count == FL_LINE_WORDS_MAX) {
            line->too_long = true;
            return;
        }
        line->words[line->count++] = (struct fl_word){.start = start, .length = (size_t)(at - start)};
    }
}

static bool begins_comment(const struct fl_script *script)
{
    size_t next = script->at + 1;
    bool is_number = next < script->size && script->text[next] >= '0' && script->text[next] <= '9';
    return script->text[script->at] == '#' && !is_number;
}

/* The text up to the end of the line or a comment, and where the next line begins. */
static struct fl_word read_line(struct fl_script *script)
{
    struct fl_word line = {.start = script->text + script->at};
    bool comment = false;
    while (script->at < script->size && script->text[script->at] != '\n') {
        comment |= begins_comment(script);
        line.length += !comment;
        script->at++;
    }
    script->at++;
    script->number++;
    return line;
}

bool fl_script_next(struct fl_script *script, struct fl_line *line)
{
    while (script->at < script->size) {
        struct fl_word all = read_line(script);
        bool indented = all.length > 0 && is_blank(*all.start);
        while (all.length > 0 && is_blank(*all.start)) {
            all.start++;
            all.length--;
        }
        while (all.length > 0 && is_blank(all.start[all.length - 1]))
            all.length--;
        if (all.length == 0)
            continue;
        line->all = all;
        line->number = script->number;
        line->indented = indented;
        line->too_long = false;
        split(line);
        script->branch += fl_word_is(line->words[0], "branch");
        line->branch = indented ? script->branch : 0;
        return true;
    }
    return false;
}
