/* clock.c - the log's clock: microseconds since 1970 that never decrease along the log.
 *
 * Every entry carries the time at which its leader took it, and that is the only time that the state machine
 * knows. Wall clocks jump and differ between nodes, so the log's clock does not simply follow the leader's:
 * it continues from the last time in the log by the monotonic time that has passed since, and leans towards
 * the wall clock as it goes.
 *
 *   - Near the wall clock (a minute), a tenth of the time that passes may go into leaning. Further behind it,
 *     the clock runs up to twice as fast; further ahead of it, up to twice as slow. It never stands still for
 *     long and never goes back.
 *   - At most a minute is made up for at once, however long nobody asked. So a leader whose wall clock is a
 *     year ahead makes keys expire a little early, not all of them at once.
 *   - Entries may be old when they come, to a node that was down, and none may come for long. So a leader
 *     says with its heartbeats what time it is, and whoever leads next goes on from there.
 *   - A process that leads and has never heard another leader does not know how long nobody was there. It
 *     takes the wall clock's word, unless the log is ahead of that.
 *
 * A reading is a pure function of what was observed and of the two clocks given. */
#include "host.h"

#define SECOND_US ((uint64_t)1000000)
#define LEAP_MAX_US (60 * SECOND_US)
#define NEAR_US (60 * SECOND_US)

void fl__clock_observe(struct fl__clock *clock, fl_time_us now, uint64_t time_us)
{
    if (clock->is_running && now > clock->at) {
        clock->time_us += now - clock->at;
        clock->at = now;
    }
    if (time_us > clock->time_us)
        clock->time_us = time_us;
}

void fl__clock_hear(struct fl__clock *clock, fl_time_us now, uint64_t time_us)
{
    if (time_us == 0)
        return;
    fl__clock_observe(clock, now, time_us);
    clock->at = now > clock->at ? now : clock->at;
    clock->is_running = true;
}

void fl__clock_restore(struct fl__clock *clock, uint64_t time_us)
{
    if (!clock->is_running && time_us > clock->time_us)
        clock->time_us = time_us;
}

static uint64_t start(const struct fl__clock *clock, uint64_t wall_us)
{
    uint64_t time_us = wall_us > clock->time_us ? wall_us : clock->time_us;
    return time_us > 0 ? time_us : 1;
}

/* How much of a difference may be made up for while `passed` goes by. */
static uint64_t lean(uint64_t difference, uint64_t passed, bool is_behind)
{
    uint64_t far = is_behind ? passed : passed / 2;
    uint64_t most = difference > NEAR_US ? far : passed / 10;
    if (most > LEAP_MAX_US)
        most = LEAP_MAX_US;
    return difference < most ? difference : most;
}

uint64_t fl__clock_peek(const struct fl__clock *clock, fl_time_us now, uint64_t wall_us)
{
    if (!clock->is_running)
        return start(clock, wall_us);
    if (now <= clock->at)
        return clock->time_us;
    uint64_t passed = now - clock->at;
    uint64_t time_us = clock->time_us + passed;
    if (wall_us >= time_us)
        return time_us + lean(wall_us - time_us, passed, true);
    return time_us - lean(time_us - wall_us, passed, false);
}

uint64_t fl__clock_now(struct fl__clock *clock, fl_time_us now, uint64_t wall_us)
{
    uint64_t time_us = fl__clock_peek(clock, now, wall_us);
    fl_assert(time_us >= clock->time_us);
    clock->time_us = time_us;
    clock->at = now > clock->at ? now : clock->at;
    clock->is_running = true;
    return time_us;
}
