#!/bin/sh
# compare.sh BINARY [COUNT]: the same commands to a Redis 7.0 and to a cluster of three, and their answers compared, byte for
# byte. Ends with 0 if redis-server is not installed, or is another version.
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
    [ -f "$directory/redis.pid" ] && kill "$(cat "$directory/redis.pid")"
    rm -rf "$directory"
}
trap finish EXIT
trap 'exit 1' INT TERM
redis-server --port 21900 --databases 1 --save '' --appendonly no --proto-max-bulk-len 64mb --dir "$directory" \
    --pidfile "$directory/redis.pid" --daemonize yes >/dev/null
"$binary" up 3 --port 21950 --dir "$directory/cluster" --quiet
node "$here/redis_compare.mjs" 127.0.0.1:21900 127.0.0.1:21950 --count "$count"
