#!/bin/sh
# compare.sh BINARY [COUNT]: the same commands to a Redis 7.0 and to a cluster of three, and their answers compared, byte for
# byte; what cluster clients ask, to a Redis cluster and to a cluster of one node each. Ends with 0 if redis-server is not
# installed, or is another version.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
binary=$1
count=${2:-1000}
case $(redis-server --version 2>/dev/null) in
*v=7.0.*) ;;
*)
    echo "no redis-server 7.0 here: its answers are not compared"
    exit 0
    ;;
esac
directory=$(mktemp -d)
finish() {
    "$binary" down --dir "$directory/cluster" --quiet || true
    "$binary" down --dir "$directory/single" --quiet || true
    for pid in "$directory"/*.pid; do [ -f "$pid" ] && kill "$(cat "$pid")"; done
    rm -rf "$directory"
}
trap finish EXIT
trap 'exit 1' INT TERM
redis-server --port 21900 --databases 1 --save '' --appendonly no --proto-max-bulk-len 64mb --dir "$directory" \
    --pidfile "$directory/redis.pid" --daemonize yes >/dev/null
redis-server --port 21901 --cluster-enabled yes --cluster-announce-ip 127.0.0.1 --save '' --dir "$directory" \
    --pidfile "$directory/redis-cluster.pid" --daemonize yes >/dev/null
"$binary" up 3 --port 21950 --dir "$directory/cluster" --quiet
"$binary" up 1 --port 21910 --dir "$directory/single" --quiet
redis-cli -p 21901 cluster addslotsrange 0 16383 >/dev/null
until redis-cli -p 21901 cluster info | grep -q cluster_state:ok; do sleep 0.1; done
node "$here/redis_compare.mjs" 127.0.0.1:21900 127.0.0.1:21950 --cluster 127.0.0.1:21901,127.0.0.1:21910 --count "$count"
