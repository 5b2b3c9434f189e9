#!/bin/sh
# web.sh - what it costs the leader to be watched. While 50 clients write without a break, slices of time with one page that watches
# through the leader's own web port, with one that watches through a follower's, and with none take turns; a slice's figure is
# the leader's processor time for each entry that was committed in it. Prints "name value unit" lines: seconds of a million writes, and
# what watching adds, as the median of what the rounds say each.
#
# BENCH_ROUNDS (12), BENCH_SECONDS (4): of a slice.
rounds_wanted=${BENCH_ROUNDS:-12}
. "$(dirname "$0")/common.sh"
build load
trap '"$fairlead" down --dir "$work/cluster" >/dev/null 2>&1 || true' EXIT
trap 'exit 130' INT TERM

"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
"$work/load" --port "${leader##*:}" --mode set --clients 50 --depth 1 --name load --seconds $((rounds_wanted * 3 * (seconds + 1) + 30)) \
    >"$work/load.txt" &
load=$!
python3 "$bench/web.py" "$(field leader pid)" "$(field leader web)" "$(field follower web | sed -n 1p)" "$rounds_wanted" "$seconds"
kill $load
