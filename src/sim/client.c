/* client.c - Redis clients of simulated servers: real bytes on real connections.
 *
 * Most of what they do is append to lists and read them, which the history can judge to the last one (see
 * history.c). Some append by comparing and setting: WATCH, GET, and a transaction that SETs what was read
 * with an element behind it; an update that is lost there is a lost element. The rest is every other command
 * that the server knows, for what it does to the others. A client that hears nothing for long gives its
 * connection up, and what it had asked is unknown. Who is told that a node serves nobody asks it as a
 * Sentinel who leads, and must not be told that node (V11). */
#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_US (6 * FL__SECOND)
#define FICKLE_CHANCE 10 /* In a thousand thoughts: it goes elsewhere, whatever it is waiting for. */
#define REPLY_CREDIT ((uint64_t)1 << 40)

static void hang_up(struct fl__sim_client *client);

static struct fl_io *io_of(const struct fl__sim_client *client)
{
    return client->redis->io;
}

static fl_time_us now_of(const struct fl__sim_client *client)
{
    return fl__world_now(client->redis->life->world);
}

static struct fl__chance *chance_of(struct fl__sim_client *client)
{
    return &client->redis->life->workload;
}

static void *grow(void *memory, size_t *capacity, size_t need)
{
    if (need <= *capacity)
        return memory;
    *capacity = 2 * need;
    memory = realloc(memory, *capacity);
    if (!memory)
        fl_panic(__FILE__, __LINE__, "out of memory");
    return memory;
}

/* ----------------------------------------------------------------------------------------------- requests */

static void put(struct fl__sim_client *client, const char *bytes, size_t size)
{
    client->out = grow(client->out, &client->out_capacity, client->out_size + size);
    memcpy(client->out + client->out_size, bytes, size);
    client->out_size += size;
}

static void put_word(struct fl__sim_client *client, const char *bytes, size_t size)
{
    char head[32];
    put(client, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", size));
    put(client, bytes, size);
    put(client, "\r\n", 2);
}

/* A command of words separated by blanks. */
__attribute__((format(printf, 2, 3))) static void put_command(struct fl__sim_client *client,
                                                              const char *format, ...)
{
    char line[256], head[32];
    uint32_t count = 1;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    for (const char *at = line; *at; at++)
        count += *at == ' ';
    put(client, head, (size_t)snprintf(head, sizeof head, "*%" PRIu32 "\r\n", count));
    for (const char *at = line; *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        put_word(client, at, size);
        at += size;
    }
}

/* APPEND of an element: its number, padded to some size that chance draws. */
static void put_append(struct fl__sim_client *client, uint32_t list, uint64_t element)
{
    char head[64], tail[32];
    size_t tail_size = (size_t)snprintf(tail, sizeof tail, "%" PRIu64 ";", element);
    size_t padding = (size_t)fl__chance_octave(chance_of(client), 1, client->redis->life->plan.value_max) - 1;
    size_t key_size = (size_t)snprintf(head, sizeof head, "list%" PRIu32, list);
    char key[16];
    memcpy(key, head, key_size);
    put(client, head, (size_t)snprintf(head, sizeof head, "*3\r\n$6\r\nAPPEND\r\n"));
    put_word(client, key, key_size);
    put(client, head, (size_t)snprintf(head, sizeof head, "$%zu\r\n", padding + tail_size));
    client->out = grow(client->out, &client->out_capacity, client->out_size + padding);
    memset(client->out + client->out_size, '.', padding);
    client->out_size += padding;
    put(client, tail, tail_size);
    put(client, "\r\n", 2);
}

static struct fl__asked *ask(struct fl__sim_client *client, uint32_t replies)
{
    struct fl__asked *asked = calloc(1, sizeof *asked);
    if (!asked)
        fl_panic(__FILE__, __LINE__, "out of memory");
    asked->replies = replies;
    if (client->last)
        client->last->next = asked;
    else
        client->first = asked;
    client->last = asked;
    if (client->asked_count++ == 0)
        client->asked_at = now_of(client);
    return asked;
}

/* A deed without an answer yet. */
static void note_deed(struct fl__sim_client *client, struct fl__asked *asked, uint32_t list, uint64_t element)
{
    struct fl__history *history = &client->redis->history;
    const struct fl__deed deed = {
        .list = list, .element = element, .asked = now_of(client), .answered = UINT64_MAX};
    asked->deeds[asked->deed_count++] = history->count;
    fl__history_add(history, &deed);
}

static void ask_append(struct fl__sim_client *client, uint32_t list)
{
    uint64_t element = ++client->redis->history.elements;
    put_append(client, list, element);
    note_deed(client, ask(client, 1), list, element);
}

/* The same, and the element is published on the list's channel: who listens hears them in its order. */
static void ask_publication(struct fl__sim_client *client, uint32_t list)
{
    struct fl__history *history = &client->redis->history;
    uint64_t element = ++history->elements;
    put_command(client, "MULTI");
    put_append(client, list, element);
    put_command(client, "PUBLISH news%" PRIu32 " %" PRIu64, list, element);
    put_command(client, "EXEC");
    note_deed(client, ask(client, 4), list, element);
    history->deeds[history->count - 1].is_published = true;
}

/* To two lists at once, and what the first one then is. */
static void ask_transaction(struct fl__sim_client *client)
{
    struct fl__asked *asked = ask(client, 5);
    put_command(client, "MULTI");
    for (uint32_t list = 0; list < 2; list++) {
        uint64_t element = ++client->redis->history.elements;
        put_append(client, list, element);
        note_deed(client, asked, list, element);
    }
    put_command(client, "STRLEN list0");
    note_deed(client, asked, 0, 0);
    put_command(client, "EXEC");
}

/* ---------------------------------------------------------------------------------------- compare and set */

#define SWAP_SIZE_MAX 8192 /* Longer lists are left alone: each swap puts the whole list into the log. */

/* A list as it was read, and whatever the WATCH before it said; now with an element more, if nobody was
 * faster. */
static void on_compared(void *context, uint32_t list, const char *bytes, size_t size)
{
    struct fl__sim_client *client = context;
    char key[16], element[32];
    client->is_comparing = false;
    if (!bytes)
        return;
    if (size > SWAP_SIZE_MAX) {
        (void)ask(client, 1);
        put_command(client, "UNWATCH");
        return;
    }
    uint64_t number = ++client->redis->history.elements;
    size_t key_size = (size_t)snprintf(key, sizeof key, "list%" PRIu32, list);
    size_t added = (size_t)snprintf(element, sizeof element, "%" PRIu64 ";", number);
    struct fl__asked *asked = ask(client, 3);
    asked->swapped_size = size + added;
    note_deed(client, asked, list, number);
    put_command(client, "MULTI");
    put(client, "*3\r\n", 4);
    put_word(client, "SET", 3);
    put_word(client, key, key_size);
    char *value = NULL;
    size_t capacity = 0;
    value = grow(value, &capacity, size + added);
    memcpy(value, bytes, size);
    memcpy(value + size, element, added);
    put_word(client, value, size + added);
    free(value);
    put_command(client, "EXEC");
}

/* Until the list is read nothing else is asked: EXEC of another transaction would forget what is watched. */
static void ask_compare_and_set(struct fl__sim_client *client, uint32_t list)
{
    struct fl__asked *asked = ask(client, 2);
    asked->got = on_compared;
    asked->context = client;
    asked->list = list;
    client->is_comparing = true;
    put_command(client, "WATCH list%" PRIu32, list);
    put_command(client, "GET list%" PRIu32, list);
    note_deed(client, asked, list, 0);
}

/* Everything else, on keys of its own. A %u is a small number. */
static const char *const others[] = {
    "SET x%u v%u",
    "SET x%u %u EX 100000",
    "INCR c%u",
    "DECRBY c%u %u",
    "GETSET x%u w%u",
    "DEL x%u",
    "MSET x%u a y%u b",
    "MGET x%u y%u",
    "EXPIRE x%u 100",
    "TTL x%u",
    "PERSIST x%u",
    "STRLEN x%u",
    "GETDEL x%u",
    "SETNX x%u v%u",
    "TYPE x%u",
    "EXISTS x%u",
    "DBSIZE",
    "SCAN 0 COUNT 5",
    "PING",
    "ECHO hello",
    "TIME",
    "INFO raft",
    "COMMAND COUNT",
    "CLIENT ID",
    "WAIT 1 10",
    "PEXPIRE x%u 50",
    "PTTL x%u",
    "UNLINK x%u",
    "GET x%u",
    "SELECT 0",
    "CLIENT SETNAME c%u",
    "INCRBY x%u 3",
    "SET x%u v NX GET",
    "NONSENSE %u",
    "GET",
    "CONFIG GET max*",
    "CONFIG SET slowlog-log-slower-than %u hz 2%u",
    "CONFIG RESETSTAT",
    "SLOWLOG GET",
    "LATENCY HISTOGRAM",
    "INFO everything",
    "CLIENT LIST",
    "CLIENT PAUSE 3%u WRITE",
    "CLIENT UNPAUSE",
    "CLIENT KILL ID 1%u",
    "CLIENT UNBLOCK 1%u ERROR",
    "UNWATCH",
    "PUBLISH c%u hello",
    "PUBSUB NUMSUB news%u",
    "SETEX x%u 3%u v",
    "PSETEX x%u 2%u v",
    "GETEX x%u PX 4%u",
    "MSETNX x%u a z%u b",
    "SETRANGE x%u %u tail",
    "GETRANGE x%u 0 %u",
    "INCRBYFLOAT f%u 0.%u",
    "LCS x%u y%u LEN",
    "SETBIT b%u %u 1",
    "GETBIT b%u %u",
    "BITCOUNT b%u",
    "BITPOS b%u 1",
    "BITOP XOR b%u b%u x1",
    "BITFIELD b%u INCRBY u7 %u 5",
    "BITFIELD_RO b%u GET u7 %u",
    "EXPIRETIME x%u",
    "EXPIRE x%u %u GT",
    "RENAME x%u y%u",
    "RENAMENX y%u z%u",
    "COPY x%u z%u REPLACE",
    "TOUCH x%u y%u",
    "KEYS x*",
    "RANDOMKEY",
    "OBJECT ENCODING x%u",
    "MEMORY USAGE x%u",
    "DUMP x%u",
    "RESTORE x%u 0 nonsense",
    "REVISION x%u",
};

static void ask_something(struct fl__sim_client *client)
{
    uint64_t k = fl__chance_below(chance_of(client), sizeof others / sizeof *others);
    unsigned a = (unsigned)fl__chance_below(chance_of(client), 6),
             b = (unsigned)fl__chance_below(chance_of(client), 100);
    char line[64];
    size_t at = 0;
    for (const char *from = others[k]; *from && at + 12 < sizeof line; from++) {
        if (from[0] == '%') {
            at += (size_t)snprintf(line + at, sizeof line - at, "%u", a);
            a = b;
            from++;
        } else {
            line[at++] = *from;
        }
    }
    line[at] = '\0';
    (void)ask(client, 1);
    put_command(client, "%s", line);
}

static void ask_who_leads(struct fl__sim_client *client)
{
    client->is_unserved = false;
    ask(client, 1)->asks_who_leads = true;
    put_command(client, "SENTINEL GET-MASTER-ADDR-BY-NAME mymaster");
}

static void ask_by_chance(struct fl__sim_client *client)
{
    uint32_t list = (uint32_t)fl__chance_below(chance_of(client), client->redis->life->plan.key_count);
    uint64_t kind = fl__chance_below(chance_of(client), 100);
    if (kind < 12) {
        ask_publication(client, list);
    } else if (kind < 45) {
        ask_append(client, list);
    } else if (kind < 60) {
        put_command(client, "GET list%" PRIu32, list);
        note_deed(client, ask(client, 1), list, 0);
    } else if (kind < 75) {
        put_command(client, "STRLEN list%" PRIu32, list);
        note_deed(client, ask(client, 1), list, 0);
    } else if (kind < 81) {
        ask_transaction(client);
    } else if (kind < 88) {
        ask_compare_and_set(client, list);
    } else {
        ask_something(client);
    }
}

void fl__client_read(struct fl__sim_client *client, uint32_t list,
                     void (*got)(void *context, uint32_t list, const char *bytes, size_t size), void *context)
{
    struct fl__asked *asked = ask(client, 1);
    asked->got = got;
    asked->context = context;
    asked->list = list;
    put_command(client, "GET list%" PRIu32, list);
}

/* ------------------------------------------------------------------------------------------------ replies */

/* Where the reply at `at` ends; 0: it is not all here. Items of an array follow it one by one. */
static size_t read_reply(const char *bytes, size_t size, size_t at, struct fl__sim_reply *reply)
{
    const char *end = at < size ? memchr(bytes + at, '\n', size - at) : NULL;
    if (!end)
        return 0;
    *reply = (struct fl__sim_reply){.type = bytes[at], .text = bytes + at + 1};
    reply->size = (size_t)(end - reply->text) - 1;
    reply->number = strtoll(reply->text, NULL, 10);
    size_t next = (size_t)(end - bytes) + 1;
    if (reply->type != '$' || reply->number < 0)
        return next;
    reply->text = bytes + next;
    reply->size = (size_t)reply->number;
    next += reply->size + 2;
    return next <= size ? next : 0;
}

size_t fl__sim_replies_read(const char *bytes, size_t size, struct fl__sim_reply *replies, uint32_t capacity,
                            uint32_t *count)
{
    size_t at = 0;
    uint64_t left = 1;
    for (*count = 0; left > 0; left--) {
        struct fl__sim_reply reply;
        at = read_reply(bytes, size, at, &reply);
        if (at == 0)
            return 0;
        if ((reply.type == '*' || reply.type == '%' || reply.type == '~') && reply.number > 0)
            left += (uint64_t)reply.number;
        if (*count < capacity)
            replies[(*count)++] = reply;
    }
    return at;
}

static bool begins(const struct fl__sim_reply *reply, const char *words)
{
    return reply->size >= strlen(words) && memcmp(reply->text, words, strlen(words)) == 0;
}

/* What an error says about a write: nothing, where its outcome is unknown. */
static bool is_definite(const struct fl__sim_reply *reply)
{
    return reply->type == '-' && !begins(reply, "TIMEOUT");
}

static void answer_deed(struct fl__sim_client *client, struct fl__deed *deed,
                        const struct fl__sim_reply *reply)
{
    if (reply->type == ':') {
        deed->place = (uint64_t)reply->number;
    } else if (reply->type == '$') {
        deed->place = reply->number < 0 ? 0 : reply->size;
        deed->hash = fl__history_hash(reply->text, reply->number < 0 ? 0 : reply->size);
    } else {
        deed->is_refused = is_definite(reply) && deed->element > 0;
        return;
    }
    deed->answered = now_of(client);
}

/* EXEC of a compare and set: the null array is as definite as an error. */
static void answer_swap(struct fl__sim_client *client, const struct fl__asked *asked,
                        const struct fl__sim_reply *reply)
{
    struct fl__deed *deed = &client->redis->history.deeds[asked->deeds[0]];
    if (reply->type == '*' && reply->number > 0) {
        deed->place = asked->swapped_size;
        deed->answered = now_of(client);
    } else {
        deed->is_refused = reply->type == '*' || is_definite(reply);
    }
    if (reply->type == '*')
        fl__mark(&client->redis->life->result->marks,
                 reply->number > 0 ? FL__MARK_SWAPPED : FL__MARK_NOT_SWAPPED);
}

static bool says(const struct fl__sim_reply *reply, const char *text)
{
    return memmem(reply->text, reply->size, text, strlen(text)) != NULL;
}

static void mark_error(const struct fl__sim_client *client, const struct fl__sim_reply *reply)
{
    uint64_t *marks = &client->redis->life->result->marks;
    fl__mark(marks, is_definite(reply) ? FL__MARK_DEFINITE : FL__MARK_UNKNOWN);
    if (says(reply, "(log-max)"))
        fl__mark(marks, FL__MARK_LOG_FULL);
    if (says(reply, "too many"))
        fl__mark(marks, FL__MARK_BUSY);
}

static bool knows_another(const struct fl_node_status *status)
{
    for (uint32_t k = 0; k < status->peer_count; k++)
        if (!status->peers[k].self && status->peers[k].member.id_known &&
            status->peers[k].member.client[0] != '\0')
            return true;
    return false;
}

/* A node that serves nobody, still, tells some address, and not its own if it knows another. */
static void judge_who_leads(struct fl__sim_client *client, const struct fl__sim_reply *replies,
                            uint32_t count)
{
    struct fl_sim_life *life = client->redis->life;
    const struct fl__life_node *node = &life->nodes[client->node];
    char told[64], text[200];
    if (replies[0].type == '-' || node->power != FL__POWER_ON)
        return;
    struct fl_node_status status = fl__node_status_of(node);
    if (!status.damaged)
        return;
    bool is_address = replies[0].type == '*' && replies[0].number == 2 && count == 3;
    snprintf(told, sizeof told, "%.*s:%.*s", is_address ? (int)replies[1].size : 3,
             is_address ? replies[1].text : "nil", is_address ? (int)replies[2].size : 0,
             is_address ? replies[2].text : "");
    bool is_self = strcmp(told, node->client) == 0;
    if (is_address && !is_self)
        fl__mark(&life->result->marks, FL__MARK_SENT_ON);
    if (is_address && !(is_self && knows_another(&status)))
        return;
    snprintf(text, sizeof text, "V11: %s serves nobody, and tells a client that the leader is %s", node->name,
             told);
    fl__life_fail(life, "V11", text);
}

/* All replies to the oldest question are here. */
static void answer(struct fl__sim_client *client, const struct fl__sim_reply *replies, uint32_t count)
{
    struct fl__asked *asked = client->first;
    const struct fl__sim_reply *reply = &replies[0];
    if (asked->got)
        asked->got(asked->context, asked->list, reply->type == '$' ? reply->text : NULL,
                   reply->type == '$' && reply->number > 0 ? reply->size : 0);
    if (asked->swapped_size > 0)
        answer_swap(client, asked, reply);
    if (asked->asks_who_leads)
        judge_who_leads(client, replies, count);
    else if (reply->type == '-' && says(reply, "[FL3008]"))
        client->is_unserved = true;
    for (uint32_t k = 0; asked->swapped_size == 0 && k < asked->deed_count; k++) {
        bool is_item = reply->type == '*' && k + 1 < count; /* Of a transaction. */
        answer_deed(client, &client->redis->history.deeds[asked->deeds[k]],
                    is_item ? &replies[k + 1] : reply);
    }
    if (reply->type == '-' && asked->deed_count > 0)
        mark_error(client, reply);
    client->first = asked->next;
    if (!client->first)
        client->last = NULL;
    client->asked_count--;
    free(asked);
}

static void think_soon(struct fl__sim_client *client);

/* Of several replies to one question only the last one counts: the others say OK and QUEUED, or why not. */
static void on_data(void *context, const void *data, size_t size)
{
    struct fl__sim_client *client = context;
    struct fl__sim_reply replies[5];
    uint32_t count;
    size_t used = 0, n;
    if (size == 0) {
        hang_up(client);
        return;
    }
    client->in = grow(client->in, &client->in_capacity, client->in_size + size);
    memcpy(client->in + client->in_size, data, size);
    client->in_size += size;
    while (client->first &&
           (n = fl__sim_replies_read(client->in + used, client->in_size - used, replies, 5, &count))) {
        client->asked_at = now_of(client);
        if (--client->first->replies == 0)
            answer(client, replies, count);
        used += n;
    }
    client->in_size -= used;
    memmove(client->in, client->in + used, client->in_size);
    if (client->in_size > 0 && !client->first)
        fl__life_fail(client->redis->life, "V10", "V10: a reply came that nobody had asked for");
    think_soon(client);
}

static void on_error(void *context, int error)
{
    (void)error;
    hang_up(context);
}

/* ----------------------------------------------------------------------------------------- the connection */

/* What was asked and not answered is unknown: its deeds stay as they are. */
static void forget(struct fl__sim_client *client)
{
    while (client->first) {
        struct fl__asked *asked = client->first;
        client->first = asked->next;
        if (asked->got)
            asked->got(asked->context, asked->list, NULL, 0);
        free(asked);
    }
    client->last = NULL;
    client->asked_count = 0;
    client->out_size = client->in_size = 0;
    client->is_unserved = false;
}

static void on_closed(struct fl_io_op *op)
{
    struct fl__sim_client *client = op->owner;
    client->is_closing = false;
    client->stream = NULL;
    think_soon(client);
}

static void hang_up(struct fl__sim_client *client)
{
    forget(client);
    if (!client->stream || client->is_closing)
        return;
    client->is_closing = true;
    client->closing = (struct fl_io_op){.done = on_closed, .owner = client};
    io_of(client)->vtable->close(io_of(client), &client->closing, client->stream);
}

static void on_connected(struct fl_io_op *op)
{
    struct fl__sim_client *client = op->owner;
    const struct fl_io_stream_events events = {.on_data = on_data, .on_error = on_error, .context = client};
    client->is_connecting = false;
    if (op->result == FL_OK) {
        client->stream = op->stream;
        io_of(client)->vtable->start(io_of(client), client->stream, &events, REPLY_CREDIT);
    }
    think_soon(client);
}

static void connect_now(struct fl__sim_client *client)
{
    struct fl_sim_life *life = client->redis->life;
    if (!client->is_bound)
        client->node = (uint32_t)fl__chance_below(chance_of(client), life->plan.count);
    client->is_connecting = true;
    client->connecting = (struct fl_io_op){.done = on_connected, .owner = client};
    io_of(client)->vtable->connect(io_of(client), &client->connecting, life->nodes[client->node].client);
}

static void on_sent(struct fl_io_op *op)
{
    struct fl__sim_client *client = op->owner;
    client->is_sending = false;
    free(client->flight);
    client->flight = NULL;
    think_soon(client);
}

static void send_now(struct fl__sim_client *client)
{
    const struct fl_io_buffer buffer = {.data = client->out, .size = client->out_size};
    client->is_sending = true;
    client->flight = client->out;
    client->out = NULL;
    client->out_size = client->out_capacity = 0;
    client->sending = (struct fl_io_op){.done = on_sent, .owner = client};
    io_of(client)->vtable->send(io_of(client), &client->sending, client->stream, &buffer, 1);
}

/* ----------------------------------------------------------------------------------------------- thinking */

static void think(struct fl_io_op *op)
{
    struct fl__sim_client *client = op->owner;
    client->is_timed = false;
    if (client->is_connecting || client->is_closing)
        return;
    if (!client->stream) {
        connect_now(client);
        return;
    }
    bool is_stuck = client->asked_count > 0 && now_of(client) - client->asked_at > PATIENCE_US;
    bool is_fickle = !client->is_bound && fl__chance_is(chance_of(client), FICKLE_CHANCE);
    if (is_stuck || is_fickle) {
        hang_up(client);
        return;
    }
    if (!client->is_stopped && !client->is_comparing &&
        client->asked_count < client->redis->life->plan.depth) {
        if (client->is_unserved)
            ask_who_leads(client);
        else
            ask_by_chance(client);
    }
    if (client->out_size > 0 && !client->is_sending)
        send_now(client);
    think_soon(client);
}

static void think_soon(struct fl__sim_client *client)
{
    if (client->is_timed || (client->is_stopped && !client->is_bound && client->asked_count == 0))
        return;
    fl_time_us pause = 1 + fl__chance_below(chance_of(client), 2 * client->redis->life->plan.think_us);
    client->is_timed = true;
    client->timer = (struct fl_io_op){.done = think, .owner = client};
    io_of(client)->vtable->timer(io_of(client), &client->timer, now_of(client) + pause);
}

void fl__client_open(struct fl__sim_client *client)
{
    think_soon(client);
}

void fl__client_stop(struct fl__sim_client *client)
{
    client->is_stopped = true;
}

bool fl__client_is_idle(const struct fl__sim_client *client)
{
    return client->asked_count == 0;
}

void fl__client_release(struct fl__sim_client *client)
{
    forget(client);
    free(client->out);
    free(client->flight);
    free(client->in);
}
