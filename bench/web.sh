#!/bin/sh
# web.sh - what it costs the leader to be watched. Under full load the difference drowns in what the load itself wobbles, so it is
# measured where it can be: ten writes a second, so that each view has something new, and in turns a page that watches through the
# leader's own web port, one that watches through a follower's, and none. What a view costs the leader, times five a second, is
# set against what the leader needs under the full load of 50 clients. Prints "name value unit" lines.
#
# BENCH_ROUNDS (5), BENCH_SECONDS (4, and 3 at least): of a slice. In less, there is more chance than cost.
rounds_wanted=${BENCH_ROUNDS:-5}
case ${BENCH_SECONDS:-4} in
'' | *[!0-9]* | 0* | 1 | 2)
    echo "error: slices of ${BENCH_SECONDS:-4} s are too short to see what watching costs; BENCH_SECONDS must be 3 or more" >&2
    exit 2
    ;;
esac
. "$(dirname "$0")/common.sh"
build load

"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
"$work/load" --port "${leader##*:}" --mode set --clients 50 --depth 1 --name web.load --seconds $((seconds + 2)) >"$work/load.txt" &
load=$!
python3 "$bench/web.py" "$(field leader pid)" "${leader##*:}" "$(field leader web)" "$(field follower web | sed -n 1p)" \
    "$rounds_wanted" "$seconds" $load
grep ops "$work/load.txt"
