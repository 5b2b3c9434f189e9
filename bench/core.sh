#!/bin/sh
# core.sh - how fast three replicas in one thread commit 128-byte entries, one by one and 64 at a time, beside canonical/raft in
# the same harness (see group.h); no disk, no network. Rates are medians of rounds in which the two take turns. Instructions are
# counted by callgrind and do not depend on the machine's load.
#
# Environment: BENCH_ROUNDS (15 here), BENCH_ENTRIES (128000: entries in one measurement), BENCH_BUILD (the build tree).
BENCH_ROUNDS=${BENCH_ROUNDS:-15}
. "$(dirname "$0")/common.sh"
entries=${BENCH_ENTRIES:-128000}
build_with_library core

# library SIDE: what the paths of its code contain, for instructions.py.
library() {
    case $1 in
    fairlead) echo src/core/ ;;
    canonical) echo libraft.so ;;
    esac
}

# count_instructions SIDE BATCH
count_instructions() {
    for length in 6400 12800; do
        valgrind --tool=callgrind --callgrind-out-file="$work/callgrind.$length" "$program" "$1" "$2" "$length" once \
            >"$work/valgrind.log" 2>&1 || { cat "$work/valgrind.log" >&2; exit 1; }
    done
    python3 "$bench/instructions.py" "core.$1.batch$2" "$(library "$1")" 6400 "$work/callgrind.6400" "$work/callgrind.12800"
}

# ratios FILE SUFFIX UP DOWN: UP's figure over DOWN's, for each batch.
ratios() {
    awk -v suffix="$2" -v up="$3" -v down="$4" '
        { value[$1] = $2 }
        END { for (batch = 1; batch <= 64; batch += 63) {
            over = value["core." up ".batch" batch suffix]; under = value["core." down ".batch" batch suffix]
            if (under > 0) printf "core.ratio.batch%d%s %.2f %s/%s\n", batch, suffix, over / under, up, down } }' "$1"
}

rm -f "$work/core.raw"
round=1
while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    for batch in 1 64; do
        for side in fairlead canonical; do
            "$program" "$side" "$batch" "$entries" >>"$work/core.raw"
        done
    done
    round=$((round + 1))
done
medians "$work/core.raw" >"$work/core.txt"
ratios "$work/core.txt" "" fairlead canonical >>"$work/core.txt"
for batch in 1 64; do
    for side in fairlead canonical; do
        count_instructions "$side" "$batch" >>"$work/core.txt"
    done
done
for kind in "" _libc _all; do
    ratios "$work/core.txt" ".instructions$kind" canonical fairlead
done >"$work/ratios.txt"
conditions
echo "# rounds    $rounds of $entries entries, in processor time; instructions by callgrind, the difference of 12800 and 6400 entries"
cat "$work/core.txt" "$work/ratios.txt" | awk '{ printf "%-44s %12s %s\n", $1, $2, $3 }'
