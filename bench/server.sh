#!/bin/sh
# server.sh - writes and linearizable reads per second of a three-node cluster, clients connected to the leader, beside one Redis
# (writes: appendfsync always; reads: plain GET) and, where it is installed, a three-member etcd (through its Go client, connected to
# its leader; gets are linearizable). In rounds, each server in its turn; prints medians and ratios as "name value unit" lines.
#
# BENCH_SHAPES (1x1 16x1 50x1 256x1 50x16): clients x commands that each has on its way; etcd takes those with one.
. "$(dirname "$0")/common.sh"
. "$bench/peers.sh"
build load
shapes=${BENCH_SHAPES:-1x1 16x1 50x1 256x1 50x16}

# measure SERVER PORT: every load once. What is written while a server rests must not be in the next one's time.
measure() {
    for shape in $shapes; do
        for mode in set get; do
            name=$1.$mode.c${shape%x*}d${shape#*x}
            sync
            if [ "$1" != etcd ]; then
                "$work/load" --port "$2" --mode $mode --clients "${shape%x*}" --depth "${shape#*x}" --seconds "$seconds" --name "$name"
            elif [ "${shape#*x}" = 1 ]; then
                "$work/etcd_load" -endpoint "127.0.0.1:$2" -mode $mode -clients "${shape%x*}" -seconds "$seconds" -name "$name"
            fi
        done
    done
}

start_redis
"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
has_etcd && start_etcd
round=1
while [ "$round" -le "$rounds" ]; do
    echo "round $round of $rounds" >&2
    measure fairlead "${leader##*:}" >>"$work/server.raw"
    measure redis "$redis_port" >>"$work/server.raw"
    has_etcd && measure etcd "$etcd_leader" >>"$work/server.raw"
    round=$((round + 1))
done
medians "$work/server.raw" | tee "$work/server.txt"
for other in redis etcd; do
    awk -v other="$other" '{ v[$1] = $2 } END { for (name in v) if (name ~ /^fairlead.*ops$/) {
        peer = name; sub(/^fairlead/, other, peer)
        ratio = name; sub(/^fairlead/, "ratio", ratio); sub(/\.ops$/, "", ratio)
        if (v[peer] > 0) printf "%s.%s %.2f fairlead/%s\n", ratio, other, v[name] / v[peer], other } }' "$work/server.txt" | sort
done
