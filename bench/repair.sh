#!/bin/sh
# repair.sh - what it takes to make a follower's differing log a copy of its leader's: chosen cases, and random pairs of logs from
# a fixed seed, by outlines, by the two textbook strategies in the same core, and by canonical/raft. Counts, not times: the same on
# every machine. What the figures mean: bench_repair.c. After the lines "name value unit", the random pairs again as a table.
#
# Environment: BENCH_PAIRS (1000), BENCH_SEED (1), BENCH_BUILD (the build tree).
. "$(dirname "$0")/common.sh"
build_with_library repair
pairs=${BENCH_PAIRS:-1000}
seed=${BENCH_SEED:-1}
"$program" "$pairs" "$seed" >"$work/repair.txt"
conditions
echo "# pairs     $pairs at random, seed $seed; 128-byte entries"
awk '{ printf "%-52s %12s %s\n", $1, $2, $3 }' "$work/repair.txt"
echo "#"
awk '
    split($1, part, ".") == 5 && part[3] == "random" {
        row = part[2] " " part[4]
        if (!(row in seen)) { seen[row] = 1; order[++rows] = row }
        value[row, part[5]] = $2
    }
    END {
        printf "# %-10s %-16s %12s %12s %12s\n", "strategy", "figure", "median", "99 %", "maximum"
        for (k = 1; k <= rows; k++) {
            split(order[k], name, " ")
            printf "# %-10s %-16s %12s %12s %12s\n", name[1], name[2], value[order[k], "median"], value[order[k], "p99"],
                value[order[k], "max"]
        }
    }' "$work/repair.txt"
