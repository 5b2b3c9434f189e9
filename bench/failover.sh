#!/bin/sh
# failover.sh - SIGKILL of the leader under load, ten times each with the default election time-out (1000 ms) and with 200 ms: the
# time until the next acknowledged write. Prints "name value unit" lines.
. "$(dirname "$0")/common.sh"
build failover

# once NAME: kills the leader, prints the gap, and starts it again.
once() {
    name=$(field leader name)
    pid=$(field leader pid)
    ports=$(field follower listen | sed 's/.*://' | paste -sd, -)
    "$work/failover" --kill "$pid" --port "$ports" | while read -r gap errors; do
        echo "$1.gap $gap ms"
        echo "$1.errors $errors count"
    done
    "$fairlead" start "$name" --dir "$work/cluster" >/dev/null
    sleep 1
}

for timeout in 1000 200; do
    rm -rf "$work/cluster"
    FAIRLEAD_ELECTION_TIMEOUT=$timeout FAIRLEAD_HEARTBEAT=$((timeout / 10)) \
        "$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
    export FAIRLEAD_ELECTION_TIMEOUT=$timeout FAIRLEAD_HEARTBEAT=$((timeout / 10))
    turn=1
    while [ $turn -le 10 ]; do
        once "failover.t$timeout" >>"$work/failover.raw"
        turn=$((turn + 1))
    done
    "$fairlead" down --dir "$work/cluster" >/dev/null
done
awk '/\.gap/ { sub(/\.gap/, ".median", $1); print }' "$work/failover.raw" >"$work/medians.raw"
medians "$work/medians.raw"
awk '/\.gap/ { sub(/\.gap/, ".worst", $1); if ($2 + 0 > worst[$1]) worst[$1] = $2 + 0 }
     /\.errors/ { errors[$1] += $2 }
     END { for (n in worst) print n, worst[n], "ms"; for (n in errors) print n, errors[n], "count" }' "$work/failover.raw" | sort
