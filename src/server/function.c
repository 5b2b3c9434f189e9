/* function.c - FUNCTION: there are no functions, and clients that look for some, or delete all, are told so.
 * Test suites call FLUSH between tests. What would make one is not in the table. */
#include "server.h"

void fl__local_function_flush(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    if (arg_count > 3)
        fl__command_complain_count(args, reply);
    else if (arg_count == 3 && !fl__bytes_is(args[2], "sync") && !fl__bytes_is(args[2], "async"))
        fl__reply_error(reply, "ERR FUNCTION FLUSH only supports SYNC|ASYNC option");
    else
        fl__reply_ok(reply);
}

void fl__local_function_list(struct fl__client *client, struct fl__reply *reply, const struct fl__bytes *args,
                             uint32_t arg_count)
{
    (void)client;
    for (uint32_t k = 2; k < arg_count; k++) {
        if (fl__bytes_is(args[k], "withcode"))
            continue;
        if (fl__bytes_is(args[k], "libraryname") && k + 1 < arg_count) {
            k++;
            continue;
        }
        if (fl__bytes_is(args[k], "libraryname"))
            fl__reply_error(reply, "ERR library name argument was not given");
        else
            fl__reply_error_format(reply, "ERR Unknown argument %.*s",
                                   (int)(args[k].size < 128 ? args[k].size : 128), args[k].data);
        return;
    }
    fl__reply_array(reply, 0);
}

void fl__local_function_stats(struct fl__client *client, struct fl__reply *reply,
                              const struct fl__bytes *args, uint32_t arg_count)
{
    (void)client;
    (void)args;
    (void)arg_count;
    fl__reply_map(reply, 2);
    fl__reply_text(reply, "running_script");
    fl__reply_null(reply);
    fl__reply_text(reply, "engines");
    fl__reply_map(reply, 0);
}
