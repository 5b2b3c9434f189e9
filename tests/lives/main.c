/* main.c - lives some seeds and prints one hash of all that happened; run.sh compares it between
 * compilers. */
#include <fairlead/sim.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **words)
{
    uint64_t last = count > 1 ? strtoull(words[1], NULL, 10) : 100, hash = 0;
    for (uint64_t seed = 1; seed <= last; seed++) {
        struct fl_sim_options options;
        struct fl_sim_result result;
        fl_sim_options_init(&options);
        options.seed = seed;
        fl_sim_run(&options, &result);
        hash = hash * 31 + result.trace_hash;
        if (result.failed)
            return 1;
    }
    printf("%016" PRIx64 "\n", hash);
    return 0;
}
