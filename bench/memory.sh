#!/bin/sh
# memory.sh - resident memory for each key of 128 bytes (names of 12), of a Fairlead node, of Redis and, where it is installed, of an
# etcd member: the growth from BENCH_KEYS / 10 keys to BENCH_KEYS (1,000,000), so that what a process takes at rest does not count.
# Prints "name value unit" lines.
. "$(dirname "$0")/common.sh"
. "$bench/peers.sh"
keys=${BENCH_KEYS:-1000000}
build fill

resident() { # PID: bytes
    awk '/^VmRSS/ { print $2 * 1024 }' "/proc/$1/status"
}

# grow NAME PID COMMAND...: COMMAND KEYS fills in keys 0 to KEYS - 1.
grow() {
    name=$1
    pid=$2
    shift 2
    "$@" $((keys / 10))
    few=$(resident "$pid")
    "$@" "$keys"
    many=$(resident "$pid")
    echo "memory.$name $(((many - few) / (keys - keys / 10))) bytes/key"
}

fill_resp() {
    "$work/fill" "$1" "$2"
}

fill_etcd() {
    "$work/etcd_load" -endpoint "127.0.0.1:$etcd_leader" -mode fill -keys "$1"
}

"$fairlead" up 3 --dir "$work/cluster" --port "$port" >/dev/null
leader=$(field leader listen)
grow fairlead.leader "$(field leader pid)" fill_resp "${leader##*:}"
"$fairlead" down --dir "$work/cluster" >/dev/null
start_redis
grow redis "$(redis-cli -p $redis_port info server | sed -n 's/^process_id:\([0-9]*\).*/\1/p')" fill_resp $redis_port
stop_redis
if has_etcd; then
    start_etcd
    grow etcd "${etcd_pids##* }" fill_etcd
fi
