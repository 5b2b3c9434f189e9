/* story.c - events of a world of cores, as those who listen to a life hear them. The sentences are
 * src/scenario's. */
#include "sim.h"

bool fl__story_tell(struct fl_sim_event *out, char *text, size_t size, const struct fl_world *world,
                    const struct fl_event *event)
{
    struct fl_story story;
    if (!fl_story_tell(&story, text, size, world, event))
        return false;
    *out = (struct fl_sim_event){
        .time_us = story.time_us,
        .type = story.type,
        .node = story.node,
        .node_number = story.node_number,
        .peer = story.peer,
        .term = story.term,
        .index = story.index,
        .other = story.other,
        .line = story.line,
        .number = story.number,
        .is_detail = story.is_detail,
        .message = story.message,
        .text = story.text,
    };
    return true;
}

size_t fl_sim_event_json(const struct fl_sim_event *event, char *out, size_t size)
{
    const struct fl_story story = {
        .time_us = event->time_us,
        .type = event->type,
        .node = event->node,
        .peer = event->peer,
        .message = event->message,
        .term = event->term,
        .index = event->index,
        .other = event->other,
        .line = event->line,
        .number = event->number,
        .text = event->text,
    };
    return fl_story_json(&story, out, size);
}
