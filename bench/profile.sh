#!/bin/sh
# profile.sh - where the processor time of a write and of a read goes, on the leader and on a follower: BENCH_SHAPE (50x1) clients x
# commands on their way, at the leader. perf samples the two processes' clock while the load runs; profile.py sorts the samples by
# what the innermost function that it knows was for. Prints "name value unit" lines: microseconds of each operation.
. "$(dirname "$0")/common.sh"
command -v perf >/dev/null || { echo "error: perf is needed: apt-get install linux-perf" >&2; exit 1; }
build load
shape=${BENCH_SHAPE:-50x1}

ticks() { # PID: processor time so far, in hundredths of a second
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
leader_pid=$(field leader pid)
follower_pid=$(field follower pid | head -n 1)
for mode in set get; do
    "$work/load" --port "${leader##*:}" --mode $mode --clients "${shape%x*}" --depth "${shape#*x}" --seconds $((seconds + 4)) \
        --name "profile.$mode" >"$work/load.txt" &
    load=$!
    sleep 2
    for role in leader follower; do
        eval "pid=\$${role}_pid"
        perf record -q -F 997 -e cpu-clock --call-graph dwarf,16384 -p "$pid" -o "$work/$mode.$role.data" -- sleep $((seconds / 2)) \
            >/dev/null 2>&1
    done
    wait $load
    cat "$work/load.txt"
    for role in leader follower; do
        eval "pid=\$${role}_pid"
        # The shares are of the time that the process used without perf watching it.
        before=$(ticks "$pid")
        "$work/load" --port "${leader##*:}" --mode $mode --clients "${shape%x*}" --depth "${shape#*x}" --seconds "$seconds" --name x \
            >"$work/plain.txt"
        after=$(ticks "$pid")
        per_op=$(awk -v ticks=$((after - before)) -v seconds="$seconds" \
            '/ops/ { print ticks / 100 * 1000000 / ($2 * (seconds + 1)) }' "$work/plain.txt")
        perf script -i "$work/$mode.$role.data" -F comm,ip,sym,dso 2>/dev/null |
            python3 "$bench/profile.py" "profile.$mode.$role" "$per_op"
    done
done
