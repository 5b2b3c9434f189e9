/* prompt_line.c - lines: from a terminal, with editing, history and completion, or from a pipe.
 *
 * Editing is libedit's, to which Ctrl-C and Ctrl-Z are keys like others. Built without it, a terminal gives
 * plain lines too; then Ctrl-C is a signal again while a line is waited for, and its handler does nothing: it
 * ends the read, and the line is dropped.
 *
 * History is a file that only its owner can read: $XDG_STATE_HOME/fairlead/history, or
 * ~/.fairlead_history. */
#include "client.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifdef FL_HAVE_LIBEDIT
#include <histedit.h>
#endif

#define HISTORY_MAX 1000
#define HINT_ROOM 512

struct fl__lines {
    bool terminal;
    struct fl__docs *docs;
    char *buffer; /* Of getline(). */
    size_t room;
    char prompt[FL__PROMPT_ROOM];
#ifdef FL_HAVE_LIBEDIT
    EditLine *editor;
    bool cancelled; /* By Ctrl-C, while it was edited. */
    History *history;
    char *path; /* Of the history; NULL: it is not kept. */
    char hint[HINT_ROOM + 16];
    bool colours;
#endif
};

static void do_nothing(int number)
{
    (void)number;
}

/* Lets Ctrl-C through or keeps it for fl__interrupts(). */
static void let_interrupts(const struct fl__lines *lines, bool through)
{
    struct sigaction action = {.sa_handler = lines->terminal ? do_nothing : SIG_DFL};
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaction(SIGINT, &action, NULL);
    sigprocmask(through ? SIG_UNBLOCK : SIG_BLOCK, &mask, NULL);
}

#ifdef FL_HAVE_LIBEDIT

/* ------------------------------------------------------------------------------------------------ libedit */

static struct fl__lines *lines_of(EditLine *editor)
{
    void *lines = NULL;
    el_get(editor, EL_CLIENTDATA, &lines);
    return lines;
}

static char *give_prompt(EditLine *editor)
{
    return lines_of(editor)->prompt;
}

/* The line up to the cursor; NULL if it is longer than any that is completed. */
static const char *begun_line(EditLine *editor, char *out, size_t size)
{
    const LineInfo *info = el_line(editor);
    size_t used = (size_t)(info->cursor - info->buffer);
    if (used >= size)
        return NULL;
    memcpy(out, info->buffer, used);
    out[used] = '\0';
    return out;
}

/* The arguments of the command that was typed, dim, at the right edge, where there is room. */
static char *give_hint(EditLine *editor)
{
    struct fl__lines *lines = lines_of(editor);
    char line[256], hint[HINT_ROOM];
    unsigned width = fl__terminal_width(), used = 0;
    lines->hint[0] = '\0';
    if (begun_line(editor, line, sizeof line) == NULL)
        return lines->hint;
    fl__docs_hint(lines->docs, line, hint, sizeof hint);
    used = (unsigned)strlen(line) + 24;
    size_t room = width > used + 8 ? width - used : 0;
    if (hint[0] == '\0' || room == 0)
        return lines->hint;
    bool cut = fl__text_width(hint) > room;
    snprintf(lines->hint, sizeof lines->hint, "%s%.*s%s%s", lines->colours ? "\1\033[2m\1" : "",
             (int)fl__text_bytes(hint, (unsigned)room - (cut ? 3 : 0)), hint, cut ? "..." : "",
             lines->colours ? "\1\033[0m\1" : "");
    return lines->hint;
}

/* Below the line, as many in a row as fit. */
static void list_names(const char *names)
{
    unsigned width = fl__terminal_width(), used = 0;
    fputc('\n', stdout);
    while (*names != '\0') {
        unsigned size = (unsigned)strcspn(names, " ");
        if (used > 0 && used + 2 + size > width) {
            fputc('\n', stdout);
            used = 0;
        }
        used += (unsigned)printf("%s%.*s", used == 0 ? "" : "  ", (int)size, names);
        names += size;
        names += strspn(names, " ");
    }
    fputc('\n', stdout);
    fflush(stdout);
}

static unsigned char complete(EditLine *editor, int key)
{
    struct fl__lines *lines = lines_of(editor);
    struct fl__completion found;
    char line[256];
    (void)key;
    if (begun_line(editor, line, sizeof line) == NULL)
        return CC_ERROR;
    fl__docs_complete(lines->docs, line, &found);
    if (found.insert[0] != '\0')
        return el_insertstr(editor, found.insert) == 0 ? CC_REFRESH : CC_ERROR;
    if (found.count < 2)
        return CC_ERROR;
    list_names(found.names);
    return CC_REDISPLAY;
}

/* Drops the line. */
static unsigned char cancel(EditLine *editor, int key)
{
    (void)key;
    lines_of(editor)->cancelled = true;
    return CC_NEWLINE;
}

static unsigned char suspend(EditLine *editor, int key)
{
    (void)key;
    el_set(editor, EL_PREP_TERM, 0);
    raise(SIGTSTP);
    el_set(editor, EL_PREP_TERM, 1);
    return CC_REDISPLAY;
}

/* A blank ends a word, so that the hint may change: the line is drawn again. */
static unsigned char blank(EditLine *editor, int key)
{
    (void)key;
    return el_insertstr(editor, " ") == 0 ? CC_REFRESH : CC_ERROR;
}

/* Where the history is kept, with its directory made; to be freed. */
static char *history_path(void)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    if (state != NULL && state[0] == '/') {
        if (asprintf(&path, "%s/fairlead", state) < 0)
            return NULL;
        mkdir(path, 0700);
        free(path);
        return asprintf(&path, "%s/fairlead/history", state) < 0 ? NULL : path;
    }
    return home == NULL || asprintf(&path, "%s/.fairlead_history", home) < 0 ? NULL : path;
}

/* libedit drops every byte that the locale does not know. A terminal whose locale says nothing of bytes above
 * 127 sends UTF-8 too, more likely than not. */
static void choose_encoding(void)
{
    if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
}

static bool open_editor(struct fl__lines *lines)
{
    HistEvent event;
    choose_encoding();
    lines->editor = el_init("fairlead", stdin, stdout, stderr);
    lines->history = history_init();
    if (lines->editor == NULL || lines->history == NULL)
        return false;
    history(lines->history, &event, H_SETSIZE, HISTORY_MAX);
    history(lines->history, &event, H_SETUNIQUE, 1);
    lines->path = history_path();
    if (lines->path != NULL)
        history(lines->history, &event, H_LOAD, lines->path);
    el_set(lines->editor, EL_CLIENTDATA, lines);
    el_set(lines->editor, EL_PROMPT_ESC, give_prompt, '\1');
    el_set(lines->editor, EL_RPROMPT_ESC, give_hint, '\1');
    el_set(lines->editor, EL_EDITOR, "emacs");
    el_set(lines->editor, EL_HIST, history, lines->history);
    el_set(lines->editor, EL_ADDFN, "fairlead-complete", "complete a command's name", complete);
    el_set(lines->editor, EL_ADDFN, "fairlead-blank", "a blank, and the hint", blank);
    el_set(lines->editor, EL_BIND, "\t", "fairlead-complete", NULL);
    el_set(lines->editor, EL_ADDFN, "fairlead-cancel", "drop the line", cancel);
    el_set(lines->editor, EL_ADDFN, "fairlead-suspend", "stop until `fg`", suspend);
    el_set(lines->editor, EL_SETTY, "-d", "-isig", NULL);
    el_set(lines->editor, EL_BIND, " ", "fairlead-blank", NULL);
    el_set(lines->editor, EL_BIND, "^C", "fairlead-cancel", NULL);
    el_set(lines->editor, EL_BIND, "^Z", "fairlead-suspend", NULL);
    el_set(lines->editor, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

static void close_editor(struct fl__lines *lines)
{
    if (lines->history != NULL)
        history_end(lines->history);
    if (lines->editor != NULL)
        el_end(lines->editor);
    free(lines->path);
}

static const char *edit_line(struct fl__lines *lines, bool *cancelled)
{
    int count = 0;
    lines->cancelled = false;
    el_resize(lines->editor); /* It may have been while an answer was printed. */
    const char *line = el_gets(lines->editor, &count);
    *cancelled = lines->cancelled;
    return count > 0 && !*cancelled ? line : NULL;
}

void fl__lines_remember(struct fl__lines *lines, const char *line)
{
    HistEvent event;
    if (lines->editor == NULL)
        return;
    history(lines->history, &event, H_ENTER, line);
    mode_t before = umask(0077);
    if (lines->path != NULL)
        history(lines->history, &event, H_SAVE, lines->path);
    umask(before);
}

#else

static bool open_editor(struct fl__lines *lines)
{
    (void)lines;
    return true;
}

static void close_editor(struct fl__lines *lines)
{
    (void)lines;
}

void fl__lines_remember(struct fl__lines *lines, const char *line)
{
    (void)lines;
    (void)line;
}

#endif

/* -------------------------------------------------------------------------------------------------- lines */

static const char *plain_line(struct fl__lines *lines, bool *cancelled)
{
    for (const char *c = lines->prompt; lines->terminal && *c != '\0'; c++) {
        if (*c != '\1')
            fputc(*c, stdout);
    }
    fflush(stdout);
    errno = 0;
    ssize_t size = getline(&lines->buffer, &lines->room, stdin);
    *cancelled = size < 0 && errno == EINTR;
    if (*cancelled)
        clearerr(stdin);
    return size < 0 ? NULL : lines->buffer;
}

struct fl__lines *fl__lines_open(bool terminal, bool colours, struct fl__docs *docs)
{
    struct fl__lines *lines = calloc(1, sizeof *lines);
    if (lines == NULL)
        return NULL;
    lines->terminal = terminal;
    lines->docs = docs;
#ifdef FL_HAVE_LIBEDIT
    lines->colours = colours;
#else
    (void)colours;
#endif
    if (terminal && !open_editor(lines)) {
        fl__lines_close(lines);
        return NULL;
    }
    return lines;
}

void fl__lines_close(struct fl__lines *lines)
{
    if (lines == NULL)
        return;
    close_editor(lines);
    free(lines->buffer);
    free(lines);
}

const char *fl__lines_next(struct fl__lines *lines, const char *prompt)
{
    const char *line = NULL;
    for (bool cancelled = true; cancelled;) {
        snprintf(lines->prompt, sizeof lines->prompt, "%s", prompt);
        let_interrupts(lines, true);
#ifdef FL_HAVE_LIBEDIT
        line = lines->editor != NULL ? edit_line(lines, &cancelled) : plain_line(lines, &cancelled);
#else
        line = plain_line(lines, &cancelled);
#endif
        let_interrupts(lines, false);
        if (lines->terminal && line == NULL)
            fputc('\n', stdout);
    }
    return line;
}
