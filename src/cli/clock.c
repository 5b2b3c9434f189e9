/* clock.c - the machine's clocks, and waiting. */
#include "cli.h"

#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

fl_time_us fl__now(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t fl__wall_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void fl__pause(fl_time_us duration)
{
    struct timespec time = {.tv_sec = (time_t)(duration / 1000000),
                            .tv_nsec = (long)(duration % 1000000) * 1000};
    nanosleep(&time, NULL);
}
