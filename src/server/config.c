/* config.c - CONFIG GET and SET. What can be set, and what that does, stands in setting.c. CONFIG SET checks
 * everything before it changes anything. */
#include "server.h"

static bool matches_any(const char *name, const struct fl__bytes *patterns, uint32_t pattern_count,
                        uint64_t *steps)
{
    for (uint32_t k = 0; k<pattern_count && * steps> 0; k++)
        if (fl__glob_match(patterns[k], fl__bytes_of(name), true, steps))
            return true;
    return false;
}

void fl__local_config_get(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count)
{
    bool chosen[FL__SETTINGS_MAX];
    size_t count = 0;
    uint64_t steps = FL__GLOB_STEPS_MAX;
    for (uint32_t k = 0; k < fl__setting_count(); k++) {
        chosen[k] = matches_any(fl__setting_name(k), args + 2, arg_count - 2, &steps);
        count += chosen[k];
    }
    if (steps == 0) {
        fl__reply_error(reply, FL__ERROR_STEPS);
        return;
    }
    fl__reply_map(reply, count);
    for (uint32_t k = 0; k < fl__setting_count(); k++) {
        char value[FL__SETTING_SIZE];
        if (!chosen[k])
            continue;
        fl__setting_get(client->server, k, value);
        fl__reply_text(reply, fl__setting_name(k));
        fl__reply_text(reply, value);
    }
}

static void refuse(struct fl__reply *reply, uint32_t setting, const char *why)
{
    fl__reply_error_format(reply, "ERR CONFIG SET failed (possibly related to argument '%s') - %s",
                           fl__setting_name(setting), why);
}

/* Replies and returns false unless all pairs are fine. */
static bool check_pairs(struct fl_server *server, const struct fl__bytes *pairs, uint32_t pair_count,
                        struct fl__reply *reply)
{
    bool found[FL__SETTINGS_MAX] = {false};
    for (uint32_t k = 0; k < pair_count; k++) {
        struct fl__bytes name = pairs[2 * k];
        uint32_t setting = fl__setting_find(name);
        if (setting == fl__setting_count()) {
            fl__reply_error_format(reply, "ERR Unknown option or number of arguments for CONFIG SET - '%.*s'",
                                   (int)(name.size < 128 ? name.size : 128), name.data);
            return false;
        }
        const char *why = found[setting] ? "duplicate parameter"
                                         : fl__setting_set(server, setting, pairs[2 * k + 1], false);
        if (why != NULL) {
            refuse(reply, setting, why);
            return false;
        }
        found[setting] = true;
    }
    return true;
}

void fl__local_config_set(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                          uint32_t arg_count)
{
    uint32_t pair_count = (arg_count - 2) / 2;
    if (arg_count % 2 != 0) {
        fl__reply_error(reply, "ERR syntax error");
        return;
    }
    if (!check_pairs(client->server, args + 2, pair_count, reply))
        return;
    for (uint32_t k = 0; k < pair_count; k++) {
        uint32_t setting = fl__setting_find(args[2 + 2 * k]);
        const char *why = fl__setting_set(client->server, setting, args[3 + 2 * k], true);
        if (why != NULL) { /* Memory is short; what stands before it is set. */
            refuse(reply, setting, why);
            return;
        }
    }
    fl__reply_ok(reply);
}
