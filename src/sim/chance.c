/* chance.c - numbers from a seed, in streams of their own. */
#include "sim.h"

uint64_t fl__mix64(uint64_t value)
{
    uint64_t state = value - 0x9e3779b97f4a7c15u; /* The step that the generator makes first. */
    return fl__memory_random(&state);
}

struct fl__chance fl__chance_begin(uint64_t seed, enum fl__stream stream)
{
    return (struct fl__chance){.state = fl__mix64(fl__mix64(seed + 0x9e3779b97f4a7c15u) + (uint64_t)stream)};
}

/* As many bytes as such a number needs, as far as there are any. */
static uint64_t read_tape(struct fl__tape *tape, uint64_t below)
{
    uint64_t number = 0;
    for (uint64_t most = below - 1; most > 0 && tape->left > 0; most >>= 8, tape->left--)
        number = number << 8 | *tape->bytes++;
    return number % below;
}

uint64_t fl__chance_below(struct fl__chance *chance, uint64_t below)
{
    if (below > 1 && chance->tape && chance->tape->left > 0)
        return read_tape(chance->tape, below);
    return below <= 1 ? 0 : fl__memory_random(&chance->state) % below;
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

void fl__chance_restart(struct fl__chance *chance, uint64_t seed, uint32_t number)
{
    chance->state = fl__mix64(fl__mix64(seed) + number);
}

bool fl__strikes_has(const struct fl_sim_strikes *strikes, uint32_t number)
{
    if (!strikes || !strikes->is_chosen)
        return true;
    return number < FL_SIM_STRIKES_MAX && strikes->bits[number / 64] >> number % 64 & 1;
}

bool fl__chance_is(struct fl__chance *chance, uint32_t in_a_thousand)
{
    return fl__chance_below(chance, 1000) < in_a_thousand;
}

uint32_t fl__chance_majority(struct fl__chance *chance, uint32_t count, uint32_t without)
{
    uint32_t chosen = 0, size = 0;
    while (size < count / 2 + 1) {
        uint32_t n = (uint32_t)fl__chance_below(chance, count);
        if ((chosen | without) >> n & 1)
            continue;
        chosen |= 1u << n;
        size++;
    }
    return chosen;
}

enum fl_sim_fault fl__chance_fault(struct fl__chance *chance, const uint32_t weights[FL_SIM_FAULTS],
                                   uint32_t share)
{
    uint64_t total = 0;
    uint32_t fault = 0;
    for (uint32_t k = 0; k < FL_SIM_FAULTS; k++)
        total += weights[k];
    uint64_t left = fl__chance_below(chance, total + total / share + 1);
    while (fault < FL_SIM_FAULTS && left >= weights[fault])
        left -= weights[fault++];
    return (enum fl_sim_fault)fault;
}
