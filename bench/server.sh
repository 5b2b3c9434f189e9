#!/bin/sh
# server.sh - writes and linearizable reads per second of a three-node cluster, clients connected to the leader, beside one Redis
# (writes: appendfsync always; reads: plain GET). Interleaved in rounds; prints medians as "name value unit" lines.
. "$(dirname "$0")/common.sh"
command -v redis-server >/dev/null || { echo "error: redis-server is needed for comparison: apt-get install redis-server" >&2; exit 1; }
build load

stop() {
    "$fairlead" down --dir "$work/cluster" >/dev/null 2>&1 || true
    redis-cli -p $((port + 90)) shutdown nosave >/dev/null 2>&1 || true
}
trap stop EXIT INT TERM

start_redis() {
    mkdir -p "$work/redis"
    redis-server --port $((port + 90)) --dir "$work/redis" --save "" --appendonly yes --appendfsync always \
        --daemonize yes --logfile "$work/redis/log" >/dev/null
    until redis-cli -p $((port + 90)) ping >/dev/null 2>&1; do sleep 0.1; done
}

# measure SERVER PORT: every load once.
measure() {
    for shape in 1x1 16x1 50x1 256x1 50x16; do
        clients=${shape%x*}
        depth=${shape#*x}
        for mode in set get; do
            "$work/load" --port "$2" --mode $mode --clients "$clients" --depth "$depth" --seconds "$seconds" \
                --name "$1.$mode.c${clients}d$depth"
        done
    done
}

start_redis
"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
round=1
while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    measure fairlead "${leader##*:}" >>"$work/server.raw"
    measure redis $((port + 90)) >>"$work/server.raw"
    round=$((round + 1))
done
medians "$work/server.raw" | tee "$work/server.txt"
awk '{ v[$1] = $2 } END { for (name in v) if (name ~ /^fairlead.*ops$/) {
    other = name; sub(/^fairlead/, "redis", other)
    ratio = name; sub(/^fairlead/, "ratio", ratio); sub(/\.ops$/, "", ratio)
    if (v[other] > 0) printf "%s %.2f fairlead/redis\n", ratio, v[name] / v[other] } }' "$work/server.txt" | sort
