/* options.c - `option NAME VALUE`: what differs from the product's defaults. */
#include "scenario_internal.h"

static bool read_switch(struct fl_word word, bool *out)
{
    *out = fl_word_is(word, "on");
    return *out || fl_word_is(word, "off");
}

static bool set_repair(struct fl_raft_config *raft, struct fl_word value)
{
    static const char *const names[] = {"outline", "term", "one"};
    for (uint32_t k = 0; k < 3; k++) {
        if (fl_word_is(value, names[k])) {
            raft->repair = (enum fl_repair)k;
            return true;
        }
    }
    return false;
}

/* Options that are a switch or a choice; *known says whether the name is one of them. */
static bool set_choice(struct fl_world_settings *settings, struct fl_word name, struct fl_word value,
                       bool *known)
{
    *known = true;
    if (fl_word_is(name, "pre-vote"))
        return read_switch(value, &settings->raft.pre_vote);
    if (fl_word_is(name, "check-quorum"))
        return read_switch(value, &settings->raft.check_quorum);
    if (fl_word_is(name, "fold"))
        return read_switch(value, &settings->fold);
    if (fl_word_is(name, "repair"))
        return set_repair(&settings->raft, value);
    if (fl_word_is(name, "commit-any-term")) {
        settings->raft.unsafe_commit_any_term = fl_word_is(value, "unsafe");
        return settings->raft.unsafe_commit_any_term || fl_word_is(value, "never");
    }
    if (fl_word_is(name, "heartbeat"))
        return fl_word_duration(value, &settings->raft.heartbeat_us);
    if (fl_word_is(name, "election-timeout"))
        return fl_word_duration(value, &settings->raft.election_timeout_us);
    *known = false;
    return false;
}

#define RUNS_MAX 65536 /* What every core makes room for. */

static bool is_in_range(struct fl_word name, uint64_t value)
{
    if (fl_word_is(name, "seed"))
        return true;
    if (fl_word_is(name, "entry-size") && value == 0)
        return false;
    bool is_runs = fl_word_is(name, "runs") || fl_word_is(name, "outline-runs");
    return value <= (is_runs ? RUNS_MAX : UINT32_MAX);
}

static bool set_number(struct fl_world_settings *settings, struct fl_word name, uint64_t value)
{
    struct fl_raft_config *raft = &settings->raft;
    if (fl_word_is(name, "max-entries-per-message"))
        raft->message_entries_max = (uint32_t)value;
    else if (fl_word_is(name, "max-message-size"))
        raft->message_size_max = value;
    else if (fl_word_is(name, "outline-runs"))
        raft->outline_runs_max = (uint32_t)value;
    else if (fl_word_is(name, "runs"))
        raft->runs_max = (uint32_t)value;
    else if (fl_word_is(name, "window-messages"))
        raft->window_messages = (uint32_t)value;
    else if (fl_word_is(name, "window-entries"))
        raft->window_entries = value;
    else if (fl_word_is(name, "window-size"))
        raft->window_size = value;
    else if (fl_word_is(name, "uncommitted-entries"))
        raft->uncommitted_entries_max = value;
    else if (fl_word_is(name, "entry-size"))
        settings->entry_size = (uint32_t)value;
    else if (fl_word_is(name, "slow-reads"))
        settings->slow_reads = (uint32_t)value;
    else if (fl_word_is(name, "seed"))
        settings->seed = value;
    else
        return false;
    return true;
}

bool fl__option_set(struct fl_player *player, struct fl__words words)
{
    if (words.count != 3)
        return fl__player_misunderstand(player, "an option has a name and a value", words.list[0]);
    struct fl_world_settings *settings = &player->world->settings;
    bool known;
    if (set_choice(settings, words.list[1], words.list[2], &known))
        return true;
    uint64_t value;
    if (!known && fl__word_number(words.list[2], &value) && is_in_range(words.list[1], value) &&
        set_number(settings, words.list[1], value)) {
        settings->raft.outline_runs_max =
            (uint32_t)fl__lower(settings->raft.outline_runs_max, settings->raft.runs_max);
        return true;
    }
    return fl__player_misunderstand(player, "no such option, or no such value of it: {word}", words.list[1]);
}
