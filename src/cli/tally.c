/* tally.c - how often each latency was seen, in fixed memory, with an error below one per cent.
 *
 * A value below 256 has a bucket of its own. A larger one is shifted right until it is below 256, which
 * leaves it between 128 and 255, and shares a bucket with those that become the same number by the same
 * shift. So a bucket is at most 1/128 of its values wide, its middle at most 0.4 % from any of them. */
#include "client.h"

#define HALF 128u

static unsigned shift_of(uint64_t value)
{
    unsigned bits = 64 - (unsigned)__builtin_clzll(value | 1);
    return bits > 8 ? bits - 8 : 0;
}

void fl__tally_add(struct fl__tally *tally, uint64_t value)
{
    if (value > FL__TALLY_LIMIT)
        value = FL__TALLY_LIMIT;
    unsigned shift = shift_of(value);
    tally->buckets[shift * HALF + (unsigned)(value >> shift)]++;
    tally->count++;
    tally->sum += value;
    if (value > tally->max)
        tally->max = value;
}

/* The middle of a bucket. */
static uint64_t value_of(unsigned bucket)
{
    unsigned shift = bucket < 2 * HALF ? 0 : bucket / HALF - 1;
    uint64_t first = (uint64_t)(bucket - shift * HALF) << shift;
    return first + ((1ull << shift) - 1) / 2;
}

uint64_t fl__tally_at(const struct fl__tally *tally, unsigned parts_per_million)
{
    uint64_t count = tally->count, seen = 0;
    /* The first value that so many are not above; counted so that nothing overflows. */
    uint64_t rank =
        count / 1000000 * parts_per_million + (count % 1000000 * parts_per_million + 999999) / 1000000;
    if (rank == 0)
        rank = 1;
    for (unsigned bucket = 0; bucket < FL__TALLY_BUCKETS; bucket++) {
        seen += tally->buckets[bucket];
        if (seen >= rank) {
            uint64_t value = value_of(bucket);
            return value < tally->max ? value : tally->max;
        }
    }
    return 0;
}

uint64_t fl__tally_mean(const struct fl__tally *tally)
{
    return tally->count == 0 ? 0 : tally->sum / tally->count;
}
