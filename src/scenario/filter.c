/* filter.c - which packets a line speaks of: [oldest|newest|nth K] [TYPE] [from NAME] [to NAME] [#N], in any
 * order; nothing means all. */
#include "scenario_internal.h"

static const char *const names[] = {
    [FL_MSG_PREVOTE] = "prevote", [FL_MSG_PREVOTE_REPLY] = "prevote-reply",
    [FL_MSG_VOTE] = "vote",       [FL_MSG_VOTE_REPLY] = "vote-reply",
    [FL_MSG_APPEND] = "append",   [FL_MSG_APPEND_REPLY] = "append-reply",
    [FL_MSG_READ] = "read",       [FL_MSG_READ_REPLY] = "read-reply",
    [FL_MSG_FETCH] = "fetch",     [FL_MSG_FETCH_REPLY] = "fetch-reply",
};

const char *fl_message_name(enum fl_message_type type)
{
    return names[type];
}

static bool read_type(struct fl_word word, uint32_t *type)
{
    for (uint32_t k = FL_MSG_PREVOTE; k < sizeof names / sizeof *names; k++) {
        if (fl_word_is(word, names[k])) {
            *type = k;
            return true;
        }
    }
    return false;
}

/* #N */
static bool read_packet_number(struct fl_word word, uint64_t *number)
{
    return fl__word_number((struct fl_word){.start = word.start + 1, .length = word.length - 1}, number) &&
           *number > 0;
}

bool fl__filter_read(struct fl_player *player, struct fl__words words, struct fl__filter *filter)
{
    *filter = (struct fl__filter){.from = -1, .to = -1};
    for (uint32_t k = 0; k < words.count; k++) {
        bool from = fl_word_is(words.list[k], "from");
        uint32_t node;
        if (*words.list[k].start == '#') {
            if (!read_packet_number(words.list[k], &filter->number))
                return fl__player_misunderstand(player, "{word} is no message's number", words.list[k]);
            continue;
        }
        if (fl_word_is(words.list[k], "nth")) {
            uint64_t number;
            if (++k == words.count || !fl__word_number(words.list[k], &number) || number == 0)
                return fl__player_misunderstand(player, "a number from 1 on is missing after {word}",
                                                words.list[k - 1]);
            filter->oldest = true;
            filter->skip = (uint32_t)fl__lower(number - 1, UINT32_MAX);
            continue;
        }
        if (fl_word_is(words.list[k], "oldest") || fl_word_is(words.list[k], "newest")) {
            filter->oldest = fl_word_is(words.list[k], "oldest");
            filter->newest = !filter->oldest;
            continue;
        }
        if (!from && !fl_word_is(words.list[k], "to")) {
            if (!read_type(words.list[k], &filter->type))
                return fl__player_misunderstand(player, "no kind of message: {word}", words.list[k]);
            continue;
        }
        if (++k == words.count)
            return fl__player_misunderstand(player, "a name is missing after {word}", words.list[k - 1]);
        if (!fl__player_node(player, words.list[k], &node))
            return false;
        *(from ? &filter->from : &filter->to) = (int)node;
    }
    return true;
}

bool fl__filter_matches(const struct fl__filter *filter, const struct fl_packet *packet)
{
    return (filter->number == 0 || filter->number == packet->number) &&
           (filter->type == 0 || filter->type == (uint32_t)packet->message.type) &&
           (filter->from < 0 || (uint32_t)filter->from == packet->from) &&
           (filter->to < 0 || (uint32_t)filter->to == packet->to);
}

int fl__filter_find(const struct fl__filter *filter, const struct fl_world *world, uint32_t from)
{
    int found = -1;
    uint32_t skip = filter->skip;
    for (uint32_t k = from; k < world->flying.count; k++) {
        const struct fl_packet *packet = world->flying.list[k];
        if (filter->deliverable && !fl__network_may_deliver(world, packet))
            continue;
        if (!fl__filter_matches(filter, packet) || skip-- > 0)
            continue;
        found = (int)k;
        if (!filter->newest)
            break;
    }
    return found;
}
