/* rewrite.c - CONFIG REWRITE: what CONFIG SET changed goes into the configuration file that the node was
 * started with.
 *
 * The file is read; a line that names a changed setting is replaced, one for each of the others is added at
 * the end, and everything else stays, to the byte. The result is written beside it, synced, and takes its
 * place by a rename that is synced as well: there is the old file or the new one at any time. Names that
 * `serve` has no option for stand as "redis.NAME". The password stays where it belongs, in the password file;
 * if it was changed, the log says that it is not saved. */
#include "server.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_SIZE_MAX (256u << 10)
#define LINE_SIZE_MAX 190 /* Less than what inih reads as one line. */
#define PREFIX "redis."

enum step {
    OPEN_OLD,
    READ_OLD,
    CLOSE_OLD,
    OPEN_NEW,
    EMPTY_NEW,
    WRITE_NEW,
    CLOSE_NEW,
    RENAME,
    SYNC_DIRECTORY
};

struct fl__rewrite {
    struct fl_server *server;
    struct fl__pending *pending;
    struct fl_io_op op;
    enum step step;
    int result; /* What ended it before its time. */
    struct fl_io_file *file;
    char *old;
    struct fl__reply text; /* The new file. */
    char *new_path, *directory;
};

/* ------------------------------------------------------------------------------------------- the new text */

static bool is_saved(const struct fl_server *server, uint32_t setting)
{
    return server->setting_is_set[setting] && strcmp(fl__setting_name(setting), "requirepass") != 0;
}

static void put_text(struct fl__reply *out, const char *text)
{
    fl__reply_raw(out, fl__bytes_of(text));
}

static void put_setting(const struct fl_server *server, uint32_t setting, struct fl__reply *out)
{
    char value[FL__SETTING_SIZE];
    fl__setting_get(server, setting, value);
    if (!fl__setting_is_option(setting))
        put_text(out, PREFIX);
    put_text(out, fl__setting_name(setting));
    put_text(out, " = ");
    put_text(out, value);
}

/* The setting that a line sets; fl__setting_count() if it is none that CONFIG knows. */
static uint32_t setting_of(struct fl__bytes line)
{
    size_t end = 0;
    while (end < line.size && line.data[end] != '=' && line.data[end] != ':')
        end++;
    if (end == line.size)
        return fl__setting_count();
    while (end > 0 && (line.data[end - 1] == ' ' || line.data[end - 1] == '\t'))
        end--;
    const size_t prefix = sizeof PREFIX - 1;
    bool has_prefix = end > prefix && memcmp(line.data, PREFIX, prefix) == 0;
    struct fl__bytes name = {line.data + (has_prefix ? prefix : 0), end - (has_prefix ? prefix : 0)};
    uint32_t setting = fl__setting_find(name);
    bool is_it = setting < fl__setting_count() && (has_prefix || fl__setting_is_option(setting));
    return is_it ? setting : fl__setting_count();
}

/* The comment at a line's end, with the blank before it; empty: there is none. */
static struct fl__bytes comment_of(struct fl__bytes line)
{
    for (size_t k = 1; k < line.size; k++) {
        if (line.data[k] == ';' && (line.data[k - 1] == ' ' || line.data[k - 1] == '\t'))
            return (struct fl__bytes){line.data + k - 1, line.size - k + 1};
    }
    return (struct fl__bytes){line.data, 0};
}

/* A comment that would make the line too long for the file's reader gets one of its own, before it. */
static void put_commented(const struct fl_server *server, uint32_t setting, struct fl__bytes comment,
                          struct fl__reply *out)
{
    size_t before = out->size;
    put_setting(server, setting, out);
    if (out->size - before + comment.size > LINE_SIZE_MAX) {
        out->size = before;
        fl__reply_raw(out, (struct fl__bytes){comment.data + 1, comment.size - 1});
        put_text(out, "\n");
        put_setting(server, setting, out);
    } else {
        fl__reply_raw(out, comment);
    }
}

/* A second line for the same setting, by another of its names, goes away: `serve` takes one. */
static void put_line(const struct fl_server *server, struct fl__bytes line, bool *written,
                     struct fl__reply *out)
{
    uint32_t setting = setting_of(line);
    bool is_changed = setting < fl__setting_count() && is_saved(server, setting);
    if (is_changed && written[setting])
        return;
    if (is_changed) {
        put_commented(server, setting, comment_of(line), out);
        written[setting] = true;
    } else {
        fl__reply_raw(out, line);
    }
    put_text(out, "\n");
}

static void write_text(const struct fl_server *server, struct fl__bytes old, struct fl__reply *out)
{
    bool written[FL__SETTINGS_MAX] = {false};
    while (old.size > 0) {
        const char *end = memchr(old.data, '\n', old.size);
        size_t size = end != NULL ? (size_t)(end - old.data) : old.size;
        put_line(server, (struct fl__bytes){old.data, size}, written, out);
        size += end != NULL;
        old = (struct fl__bytes){old.data + size, old.size - size};
    }
    for (uint32_t k = 0; k < fl__setting_count(); k++) {
        if (written[k] || !is_saved(server, k))
            continue;
        put_setting(server, k, out);
        put_text(out, "\n");
    }
}

/* -------------------------------------------------------------------------------------------------- steps */

static void on_step(struct fl_io_op *op);

static void begin_step(struct fl__rewrite *rewrite, enum step step)
{
    struct fl_io *io = rewrite->server->io;
    const char *path = rewrite->server->config_file;
    struct fl_io_op *op = &rewrite->op;
    struct fl_io_buffer buffer = {rewrite->text.data, rewrite->text.size};
    rewrite->step = step;
    *op = (struct fl_io_op){.done = on_step, .owner = rewrite};
    switch (step) {
    case OPEN_OLD:
        io->vtable->open(io, op, path, FL_IO_READ);
        return;
    case READ_OLD:
        io->vtable->read(io, op, rewrite->file, rewrite->old, FILE_SIZE_MAX, 0);
        return;
    case OPEN_NEW:
        io->vtable->open(io, op, rewrite->new_path, FL_IO_WRITE | FL_IO_CREATE);
        return;
    case EMPTY_NEW:
        io->vtable->truncate(io, op, rewrite->file, 0);
        return;
    case WRITE_NEW:
        io->vtable->write(io, op, rewrite->file, &buffer, 1, 0, true);
        return;
    case CLOSE_OLD:
    case CLOSE_NEW:
        io->vtable->close_file(io, op, rewrite->file);
        return;
    case RENAME:
        io->vtable->rename(io, op, rewrite->new_path, path);
        return;
    case SYNC_DIRECTORY:
        io->vtable->sync_directory(io, op, rewrite->directory);
        return;
    }
}

static void release(struct fl__rewrite *rewrite)
{
    free(rewrite->old);
    free(rewrite->new_path);
    free(rewrite->directory);
    fl__reply_release(&rewrite->text);
    free(rewrite);
}

static void finish(struct fl__rewrite *rewrite)
{
    struct fl_server *server = rewrite->server;
    struct fl__pending *p = rewrite->pending;
    int result = rewrite->result;
    server->rewrite = NULL;
    p->with_node = false;
    if (result == FL_OK) {
        fl__reply_ok(fl__pending_reply(p));
        if (server->setting_is_set[fl__setting_find(fl__bytes_of("requirepass"))])
            fl__server_log(server, FL_LOG_WARN,
                           "CONFIG REWRITE does not save the password: put it into the password file, or the "
                           "old one holds again after a restart");
    } else {
        const char *why = result == FL_ETOOBIG ? "it is too long" : fl_error_text(result);
        fl__server_log(server, FL_LOG_WARN, "CONFIG REWRITE: %s cannot be rewritten: %s", server->config_file,
                       why);
        fl__error(fl__pending_reply(p), FL__CODE_IO, "%s cannot be rewritten: %s", server->config_file, why);
    }
    fl__pending_end(p);
    release(rewrite);
}

/* What was read becomes what is written. */
static int prepare_text(struct fl__rewrite *rewrite, size_t size)
{
    if (size == FILE_SIZE_MAX)
        return FL_ETOOBIG;
    write_text(rewrite->server, (struct fl__bytes){rewrite->old, size}, &rewrite->text);
    return rewrite->text.failed ? FL_ENOMEM : FL_OK;
}

static void on_step(struct fl_io_op *op)
{
    struct fl__rewrite *rewrite = op->owner;
    enum step step = rewrite->step;
    rewrite->server->now = rewrite->server->io->vtable->now(rewrite->server->io);
    if (op->result < 0 && rewrite->result == FL_OK)
        rewrite->result = (int)op->result;
    else if (step == OPEN_OLD || step == OPEN_NEW)
        rewrite->file = op->file;
    else if (step == READ_OLD)
        rewrite->result = prepare_text(rewrite, (size_t)op->result);
    bool is_open = step == READ_OLD || step == EMPTY_NEW || step == WRITE_NEW;
    if (rewrite->result == FL_OK && step != SYNC_DIRECTORY)
        begin_step(rewrite, step + 1);
    else if (rewrite->result != FL_OK && is_open)
        begin_step(rewrite, step == READ_OLD ? CLOSE_OLD : CLOSE_NEW);
    else
        finish(rewrite);
}

/* -------------------------------------------------------------------------------------------- the command */

static struct fl__rewrite *create(struct fl_server *server)
{
    const char *path = server->config_file, *slash = strrchr(path, '/');
    size_t size = slash == NULL ? 1 : slash == path ? 1 : (size_t)(slash - path);
    struct fl__rewrite *rewrite = calloc(1, sizeof *rewrite);
    if (rewrite == NULL)
        return NULL;
    rewrite->server = server;
    rewrite->old = malloc(FILE_SIZE_MAX);
    rewrite->new_path = malloc(strlen(path) + sizeof ".new");
    rewrite->directory = strndup(slash == NULL ? "." : path, size);
    fl__reply_init(&rewrite->text, 2, 2 * FILE_SIZE_MAX);
    if (rewrite->old == NULL || rewrite->new_path == NULL || rewrite->directory == NULL) {
        release(rewrite);
        return NULL;
    }
    snprintf(rewrite->new_path, strlen(path) + sizeof ".new", "%s.new", path);
    return rewrite;
}

/* Why it cannot be done now, or NULL. */
static const char *find_obstacle(const struct fl__client *client)
{
    if (client->server->config_file == NULL)
        return "ERR The server is running without a config file";
    if (client->server->rewrite != NULL)
        return "ERR the configuration file is being rewritten; try again later";
    return client->server->stopping ? "ERR this node is stopping" : NULL;
}

void fl__local_config_rewrite(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    const char *obstacle = find_obstacle(client);
    (void)args;
    (void)arg_count;
    if (obstacle != NULL) {
        fl__reply_error(reply, obstacle);
        return;
    }
    if (client->in_exec) {
        fl__error(reply, FL__CODE_NOT_IN_TRANSACTION, "CONFIG REWRITE cannot be part of a transaction");
        return;
    }
    struct fl__rewrite *rewrite = create(client->server);
    if (rewrite != NULL)
        rewrite->pending = fl__pending_begin(client, FL__PENDING_FILE, NULL);
    if (rewrite == NULL || rewrite->pending == NULL) {
        if (rewrite != NULL)
            release(rewrite);
        fl__error(reply, FL__CODE_NO_MEMORY, "memory could not be allocated");
        return;
    }
    client->deferred = true;
    rewrite->pending->with_node = true;
    client->server->rewrite = rewrite;
    begin_step(rewrite, OPEN_OLD);
}
