/* chance.c - numbers from a seed, in streams of their own; or from a tape of choices. */
#include "sim.h"

/* The finish of SplitMix64 (Steele, Lea, Flood 2014). */
uint64_t fl__mix64(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
    return value ^ (value >> 31);
}

struct fl__chance fl__chance_begin(uint64_t seed, enum fl__stream stream)
{
    return (struct fl__chance){.state = fl__mix64(fl__mix64(seed + 0x9e3779b97f4a7c15u) + (uint64_t)stream)};
}

/* As many bytes of the tape as a number below `below` needs; false at its end. */
static bool read_tape(struct fl__tape *tape, uint64_t below, uint64_t *out)
{
    uint64_t value = 0;
    for (uint64_t rest = below - 1; rest > 0; rest >>= 8) {
        if (tape->at == tape->size)
            return false;
        value = value << 8 | tape->data[tape->at++];
    }
    *out = value % below;
    return true;
}

uint64_t fl__chance_below(struct fl__chance *chance, uint64_t below)
{
    uint64_t value;
    if (below <= 1)
        return 0;
    if (chance->tape && read_tape(chance->tape, below, &value))
        return value;
    chance->state += 0x9e3779b97f4a7c15u;
    return fl__mix64(chance->state) % below;
}

uint64_t fl__chance_from(struct fl__chance *chance, uint64_t min, uint64_t max)
{
    return max <= min ? min : min + fl__chance_below(chance, max - min + 1);
}

static uint32_t octave_of(uint64_t value)
{
    uint32_t octave = 0;
    while (value >>= 1)
        octave++;
    return octave;
}

uint64_t fl__chance_octave(struct fl__chance *chance, uint64_t min, uint64_t max)
{
    uint64_t octave = fl__chance_from(chance, octave_of(min), octave_of(max));
    uint64_t low = (uint64_t)1 << octave, high = low * 2 - 1;
    return fl__chance_from(chance, low > min ? low : min, high < max ? high : max);
}

bool fl__chance_is(struct fl__chance *chance, uint32_t in_a_thousand)
{
    return fl__chance_below(chance, 1000) < in_a_thousand;
}
