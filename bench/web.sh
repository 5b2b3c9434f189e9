#!/bin/sh
# web.sh - what it costs the leader to be watched: its processor seconds for a million writes of 50 clients, with one page that watches
# through the leader's own web port, through a follower's, and with none, in turns. Prints "name value unit" lines.
#
# BENCH_WRITES (200000): of one measurement. BENCH_ROUNDS (5).
rounds_wanted=${BENCH_ROUNDS:-5}
. "$(dirname "$0")/common.sh"
rounds=$rounds_wanted
writes=${BENCH_WRITES:-200000}
watcher=

stop_watching() {
    [ -z "$watcher" ] || kill "$watcher" 2>/dev/null || true
    watcher=
}
trap 'stop_watching; "$fairlead" down --dir "$work/cluster" >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM

ticks() { # PID: processor time so far, in hundredths of a second
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}

# measure NAME [WEB]: a run of writes, while a page at WEB watches.
measure() {
    if [ -n "${2:-}" ]; then
        curl -sN "http://$2/live" >"$work/live.txt" &
        watcher=$!
    fi
    sleep 2 # Whoever watched before is forgotten by then, and what was written rests.
    before=$(ticks "$leader_pid")
    "$fairlead" bench --dir "$work/cluster" --writes 100 --clients 50 --count "$writes" --keep -q -o json >"$work/load.json"
    after=$(ticks "$leader_pid")
    stop_watching
    awk -v ticks=$((after - before)) -v writes="$writes" -v name="web.$1" \
        'BEGIN { printf "%s.leader_cpu %.2f s_per_million_writes\n", name, ticks / 100 / writes * 1000000 }'
    python3 -c 'import json, sys; print(f"web.{sys.argv[2]}.ops", json.load(open(sys.argv[1]))["writes"]["per_second"], "1/s")' \
        "$work/load.json" "$1"
    [ -z "${2:-}" ] || echo "web.$1.views $(grep -c '^event: view' "$work/live.txt") count"
}

"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader_pid=$(field leader pid)
at_leader=$(field leader web)
at_follower=$(field follower web | sed -n 1p)
measure warm >/dev/null
round=1
while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    measure unwatched
    measure watched "$at_leader"
    measure watched_elsewhere "$at_follower"
    [ "$(field leader pid)" = "$leader_pid" ] || { echo "error: the leader changed; measure again on a quieter machine" >&2; exit 1; }
    round=$((round + 1))
done >"$work/web.raw"
medians "$work/web.raw" | tee "$work/web.txt"
awk '{ v[$1] = $2 } END {
    for (name in v) if (name ~ /^web.watched.*leader_cpu$/) {
        cost = name; sub(/leader_cpu$/, "cost", cost)
        printf "%s %.1f percent\n", cost, (v[name] / v["web.unwatched.leader_cpu"] - 1) * 100 } }' "$work/web.txt" | sort
