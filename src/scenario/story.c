/* story.c - events as people read them: a sentence, in the paper's words, and the numbers that it speaks
 * of; and the same as JSON (docs/events.md). */
#include "scenario_internal.h"

/* An event that is to be told. */
struct telling {
    struct fl_sim_event *out;
    char *text;
    size_t size;
    const struct fl_world *world;
    const struct fl_event *event;
};

/* Each writes the sentence without the node's name; false: nothing worth telling. */
typedef bool (*teller)(const struct telling *telling);

static void say(const struct telling *telling, const char *sentence, struct fl__facts facts)
{
    fl__text_fill(telling->text, telling->size, telling->world, sentence, &facts);
}

static const char *name_of(const struct fl_world *world, uint64_t node)
{
    return node < world->count ? world->nodes[node].name : "?";
}

#define RANGE_MAX 64

/* "entry 7", "entries 7 to 9" */
static struct fl_word write_range(char out[RANGE_MAX], fl_index first, fl_index last)
{
    struct fl__facts facts = {.index = first, .other = last};
    fl__text_fill(out, RANGE_MAX, NULL, first == last ? "entry {index}" : "entries {index} to {other}",
                  &facts);
    return fl_word_of(out);
}

/* ----------------------------------------------------------------------------------------------- messages */

static const char *describe_append(const struct fl_message *message, struct fl__facts *facts,
                                   char range[RANGE_MAX])
{
    facts->index = message->prev;
    facts->term = message->prev_term;
    facts->other = message->commit;
    if (message->last == message->prev)
        return "heartbeat after entry {index}, commit {other}";
    facts->word = write_range(range, message->prev + 1, message->last);
    return "{word} after {index} of term {term}, commit {other}";
}

/* Whether it only tells its sender's term to whoever spoke in an older one. Appends are numbered from 1, and
 * their answers repeat the number. */
static bool is_stale(const struct fl_message *message)
{
    return message->type == FL_MSG_APPEND_REPLY && message->number == 0;
}

static const char *describe_append_reply(const struct fl_message *message, struct fl__facts *facts)
{
    if (is_stale(message))
        return "refuses what is of an older term";
    facts->index = message->rejected ? message->prev : message->last;
    facts->other = message->outline.run_count;
    if (!message->rejected)
        return "holds all up to {index}";
    return facts->other == 1 ? "no entry {index} of that term here; an outline of {other} run"
                             : "no entry {index} of that term here; an outline of {other} runs";
}

static const char *describe_vote(const struct fl_message *message, struct fl__facts *facts)
{
    bool is_pre = message->type == FL_MSG_PREVOTE || message->type == FL_MSG_PREVOTE_REPLY;
    facts->word = fl_word_of(is_pre ? "pre-vote" : "vote");
    facts->index = message->prev;
    facts->term = message->prev_term;
    if (message->type == FL_MSG_PREVOTE || message->type == FL_MSG_VOTE)
        return "{word} asked; last entry {index} of term {term}";
    if (message->granted)
        return "{word} granted";
    return message->rejected ? "{word} refused: the log lacks entries" : "{word} refused";
}

static const char *describe(const struct fl_message *message, struct fl__facts *facts, char range[RANGE_MAX])
{
    switch (message->type) {
    case FL_MSG_APPEND:
        return describe_append(message, facts, range);
    case FL_MSG_APPEND_REPLY:
        return describe_append_reply(message, facts);
    case FL_MSG_READ:
        return "asks for a read index";
    case FL_MSG_READ_REPLY:
        facts->index = message->commit;
        return "read index {index}";
    case FL_MSG_FETCH:
        return "asks for the entries it lacks";
    case FL_MSG_FETCH_REPLY:
        facts->index = message->last;
        return "the entries up to {index}";
    default:
        return describe_vote(message, facts);
    }
}

/* How a reply answers. */
static void tell_verdict(struct fl_sim_event *out, const struct fl_message *message)
{
    out->has_granted = message->type == FL_MSG_PREVOTE_REPLY || message->type == FL_MSG_VOTE_REPLY;
    out->has_rejected = out->has_granted || message->type == FL_MSG_APPEND_REPLY;
    out->granted = message->granted;
    out->rejected = message->rejected;
    out->is_stale = is_stale(message);
}

static bool tell_message(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    const struct fl_message *message = &event->packet->message;
    bool arrives = event->type == FL_EVENT_DELIVERED;
    char what[160], range[RANGE_MAX];
    struct fl__facts facts = {0};
    const char *sentence = describe(message, &facts, range);
    fl__text_fill(what, sizeof what, telling->world, sentence, &facts);
    telling->out->type = arrives ? "delivered" : event->type == FL_EVENT_SENT ? "sent" : "lost";
    telling->out->message = fl_message_name(message->type);
    telling->out->number = event->packet->number;
    telling->out->is_detail = true;
    telling->out->term = message->term;
    telling->out->index = message->prev;
    telling->out->other = message->last;
    tell_verdict(telling->out, message);
    say(telling,
        arrives                        ? "from {peer} (term {term}): {word}"
        : event->type == FL_EVENT_LOST ? "lost: to {peer} (term {term}): {word}"
                                       : "to {peer} (term {term}): {word}",
        (struct fl__facts){.peer = event->peer, .term = message->term, .word = fl_word_of(what)});
    return true;
}

/* --------------------------------------------------------------------------------------------------- Raft */

static bool tell_role(const struct telling *telling)
{
    static const struct {
        const char *type, *sentence;
    } roles[] = {
        [FL_FOLLOWER] = {"follower", "follower in term {term}"},
        [FL_PRECANDIDATE] = {"precandidate", "hears no leader: asks for pre-votes for term {other}"},
        [FL_CANDIDATE] = {"candidate", "stands for election in term {term}"},
        [FL_LEADER] = {"leader", "LEADS term {term}"},
    };
    const struct fl_event *event = telling->event;
    const struct fl_world_node *node = &telling->world->nodes[event->node];
    telling->out->type = roles[node->seen_role].type;
    telling->out->term = event->term;
    telling->out->index = node->log.last;
    say(telling, roles[node->seen_role].sentence,
        (struct fl__facts){.term = event->term, .other = event->term + 1});
    return true;
}

static bool tell_log(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    char range[RANGE_MAX];
    bool is_cut = event->type == FL_EVENT_TRUNCATED;
    telling->out->type = is_cut ? "truncated" : "appended";
    telling->out->is_detail = !is_cut;
    telling->out->index = event->index;
    telling->out->other = event->other;
    telling->out->term = fl_world_term(telling->world, event->node, event->index);
    say(telling,
        is_cut ? "cuts {word} (term {term}): the leader's log has another entry there"
               : "appends {word} (term {term})",
        (struct fl__facts){.term = telling->out->term,
                           .word = write_range(range, event->index, event->other)});
    return true;
}

static bool tell_commit(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    telling->out->type = "committed";
    telling->out->index = event->index;
    telling->out->term = fl_world_term(telling->world, event->node, event->index);
    telling->out->is_detail = telling->world->nodes[event->node].seen_role != FL_LEADER;
    say(telling, "commits up to {index}", (struct fl__facts){.index = event->index});
    return true;
}

/* A pre-vote that is refused is asked for again with every heartbeat. */
static void tell_ignored(const struct telling *telling)
{
    static const char *const sentences[2][2] = {
        {"ignores that {peer} asks for its vote in term {term}: it has just heard its leader, {word}",
         "ignores that {peer} asks for its vote in term {term}: it leads"},
        {"refuses {peer} a pre-vote for term {term}: it has just heard its leader, {word}",
         "refuses {peer} a pre-vote for term {term}: it leads"},
    };
    const struct fl_note *note = telling->event->note;
    struct fl_status status = fl_world_status(telling->world, telling->event->node);
    bool is_prevote = note->message == FL_MSG_PREVOTE;
    telling->out->type = "ignored";
    telling->out->is_detail = is_prevote;
    telling->out->peer = name_of(telling->world, (uint32_t)note->peer);
    telling->out->message = fl_message_name(note->message);
    telling->out->term = note->term;
    telling->out->leader = name_of(telling->world, (uint32_t)status.leader);
    say(telling, sentences[is_prevote][status.role == FL_LEADER],
        (struct fl__facts){
            .peer = (uint32_t)note->peer, .term = note->term, .word = fl_word_of(telling->out->leader)});
}

static bool tell_note(const struct telling *telling)
{
    static const struct {
        const char *type, *sentence;
        bool has_peer;
    } notes[] = {
        [FL_NOTE_CONFLICT] = {"conflict", "learns that {peer}'s log parts from its own after {other}", true},
        [FL_NOTE_CONTRADICTION] = {"contradiction", "finds that {peer} contradicts committed entry {index}",
                                   true},
        [FL_NOTE_DATA_LOSS] = {"data-loss", "hears that {peer} lost entries it had acknowledged", true},
        [FL_NOTE_SLOW_DISK] = {"slow-disk", "steps down: its disk has stalled", false},
        [FL_NOTE_QUORUM_LOST] = {"quorum-lost", "steps down: it hears no majority", false},
        [FL_NOTE_FETCHED] = {"fetched", "takes the entries up to {other} that it lacked from {peer}", true},
    };
    const struct fl_note *note = telling->event->note;
    if (note->kind == FL_NOTE_IGNORED) {
        tell_ignored(telling);
        return true;
    }
    if ((size_t)note->kind >= sizeof notes / sizeof *notes || !notes[note->kind].type)
        return false;
    telling->out->type = notes[note->kind].type;
    if (notes[note->kind].has_peer)
        telling->out->peer = name_of(telling->world, note->peer);
    telling->out->index = note->index;
    telling->out->other = note->other;
    telling->out->term = note->term;
    say(telling, notes[note->kind].sentence,
        (struct fl__facts){.peer = (uint32_t)note->peer, .index = note->index, .other = note->other});
    return true;
}

/* -------------------------------------------------------------------------------------- clients and disks */

/* The error's name, or what scenario files say. */
static const char *name_of_outcome(int outcome)
{
    switch (outcome) {
    case FL_OK:
        return "done";
    case FL_ENOTLEADER:
        return "not-leader";
    case FL_ENOLEADER:
        return "no-leader";
    case FL_EFULL:
        return "full";
    default:
        return "refused";
    }
}

static const char *describe_read(const struct fl_event *event, fl_index applied)
{
    if (event->outcome != FL_OK)
        return "refuses a read: {word}";
    return applied < event->index ? "learns its read index, {index}: it answers once it has applied that much"
                                  : "answers a read at {index}: {word}";
}

static const char *describe_answer(const struct fl_event *event)
{
    if (event->index == 0)
        return "refuses a write: {word}";
    return event->index == event->other ? "answers the client of entry {index}: {word}"
                                        : "answers the client of entries {index} to {other}: {word}";
}

static bool tell_client(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    bool is_read = event->type == FL_EVENT_READ;
    fl_index applied = is_read ? fl_world_status(telling->world, event->node).commit : 0;
    telling->out->type = is_read ? "read" : "answered";
    telling->out->is_detail = event->outcome == FL_OK;
    telling->out->index = event->index;
    telling->out->other = is_read && event->outcome == FL_OK ? applied : event->other;
    telling->out->term = event->term;
    telling->out->outcome = name_of_outcome(event->outcome);
    const char *word = event->outcome == FL_OK ? "done" : fl_error_text(event->outcome);
    say(telling, is_read ? describe_read(event, applied) : describe_answer(event),
        (struct fl__facts){.index = event->index, .other = event->other, .word = fl_word_of(word)});
    return true;
}

static bool tell_disk(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    char range[RANGE_MAX];
    bool is_done = event->type == FL_EVENT_PERSISTED;
    telling->out->type = is_done ? "persisted" : "persisting";
    telling->out->is_detail = true;
    telling->out->term = event->term;
    telling->out->index = event->index;
    telling->out->other = event->other;
    say(telling,
        is_done             ? "write {index} is durable"
        : event->term > 0   ? "writes term {term} to disk"
        : event->index == 0 ? "writes a truncation to disk"
                            : "writes {word} to disk",
        (struct fl__facts){.index = event->index,
                           .term = event->term,
                           .word = write_range(range, event->index, event->other)});
    return true;
}

static bool tell_power(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    bool is_crash = event->type == FL_EVENT_CRASHED;
    telling->out->type = is_crash ? "crashed" : "restarted";
    telling->out->index = event->index;
    const char *with = !is_crash           ? "restarts; entry {index} of its log is damaged"
                       : event->index == 1 ? "CRASHES; 1 write was not complete"
                                           : "CRASHES; {index} writes were not complete";
    const char *without = is_crash ? "CRASHES" : "restarts";
    say(telling, event->index > 0 ? with : without, (struct fl__facts){.index = event->index});
    return true;
}

static bool tell_pause(const struct telling *telling)
{
    bool is_paused = telling->event->type == FL_EVENT_PAUSED;
    telling->out->type = is_paused ? "paused" : "resumed";
    say(telling, is_paused ? "stops: it hears nothing, and messages to it wait" : "goes on",
        (struct fl__facts){0});
    return true;
}

static bool tell_link(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    bool is_cut = event->type == FL_EVENT_CUT;
    telling->out->type = is_cut ? "cut" : "healed";
    telling->out->peer = name_of(telling->world, event->peer);
    say(telling, is_cut ? "no longer reaches {peer}" : "reaches {peer} again",
        (struct fl__facts){.peer = event->peer});
    return true;
}

/* What a scenario file says. */
static bool tell_script(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    telling->out->node = NULL;
    telling->out->index = event->index;
    telling->out->type = event->type == FL_EVENT_LINE ? "line" : "say";
    say(telling, "{word}", (struct fl__facts){.word = fl_word_of(event->text)});
    return true;
}

/* What it expects. */
static bool tell_expected(const struct telling *telling)
{
    const struct fl_event *event = telling->event;
    bool holds = event->index > 0;
    telling->out->node = NULL;
    telling->out->type = holds ? "held" : "not-held";
    telling->out->words = event->words;
    say(telling, holds ? "as expected: {word}" : "NOT AS EXPECTED: {word}",
        (struct fl__facts){.word = fl_word_of(holds ? event->words : event->text)});
    return true;
}

static bool tell_trip(const struct telling *telling)
{
    telling->out->type = "broken";
    say(telling, "BROKEN INVARIANT {word}", (struct fl__facts){.word = fl_word_of(telling->event->text)});
    return true;
}

static const teller tellers[] = {
    [FL_EVENT_SENT] = tell_message,     [FL_EVENT_DELIVERED] = tell_message,
    [FL_EVENT_LOST] = tell_message,     [FL_EVENT_PERSISTING] = tell_disk,
    [FL_EVENT_PERSISTED] = tell_disk,   [FL_EVENT_ROLE] = tell_role,
    [FL_EVENT_APPENDED] = tell_log,     [FL_EVENT_TRUNCATED] = tell_log,
    [FL_EVENT_COMMITTED] = tell_commit, [FL_EVENT_ANSWERED] = tell_client,
    [FL_EVENT_READ] = tell_client,      [FL_EVENT_CRASHED] = tell_power,
    [FL_EVENT_RESTARTED] = tell_power,  [FL_EVENT_CUT] = tell_link,
    [FL_EVENT_HEALED] = tell_link,      [FL_EVENT_NOTE] = tell_note,
    [FL_EVENT_TRIPPED] = tell_trip,     [FL_EVENT_EXPECTED] = tell_expected,
    [FL_EVENT_LINE] = tell_script,      [FL_EVENT_SAY] = tell_script,
    [FL_EVENT_PAUSED] = tell_pause,     [FL_EVENT_RESUMED] = tell_pause,
};

bool fl_story_tell(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                   const struct fl_event *event)
{
    if ((size_t)event->type >= sizeof tellers / sizeof *tellers || !tellers[event->type])
        return false;
    *out = (struct fl_sim_event){.time_us = world->now,
                                 .node = name_of(world, event->node),
                                 .node_number = event->node,
                                 .line = world->line,
                                 .text = text};
    if (event->packet)
        out->peer = name_of(world, event->peer);
    return tellers[event->type](
        &(struct telling){.out = out, .text = text, .size = size, .world = world, .event = event});
}

/* --------------------------------------------------------------------------------------------------- JSON */

static void add_text(struct fl_json *json, const char *key, const char *text)
{
    if (text)
        fl_json_text(json, key, text);
}

static void add_number(struct fl_json *json, const char *key, uint64_t number)
{
    if (number > 0)
        fl_json_number(json, key, number);
}

static void add_flag(struct fl_json *json, const char *key, bool has, bool flag)
{
    if (has)
        fl_json_flag(json, key, flag);
}

size_t fl_sim_event_json(const struct fl_sim_event *event, char *out, size_t size)
{
    struct fl_json json = {.out = out, .size = size};
    fl_json_begin(&json, NULL, '{');
    fl_json_number(&json, "time_us", event->time_us);
    add_text(&json, "event", event->type);
    add_text(&json, "node", event->node);
    add_text(&json, "peer", event->peer);
    add_text(&json, "message", event->message);
    add_number(&json, "number", event->number);
    add_number(&json, "term", event->term);
    add_number(&json, "index", event->index);
    add_number(&json, "other", event->other);
    add_flag(&json, "granted", event->has_granted, event->granted);
    add_flag(&json, "rejected", event->has_rejected, event->rejected);
    add_flag(&json, "stale", event->is_stale, true);
    add_text(&json, "outcome", event->outcome);
    add_text(&json, "leader", event->leader);
    add_text(&json, "words", event->words);
    add_number(&json, "line", event->line);
    add_text(&json, "text", event->text);
    fl_json_end(&json, '}');
    return fl_json_finish(&json);
}
