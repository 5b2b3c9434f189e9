#!/bin/sh
# The tests with real processes: run.sh BINARY HIREDIS_CLIENT (hiredis_counter is beside it). FL_TEST_LONG=1 for the long ones,
# FL_TEST_BRIEF=1 for those alone in which nodes work hard and fail.
# Needs Node.js 18 or later; its client libraries are installed on first use. Last line: "N passed, N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
binary=$1
client=$2
passed=0
failed=0
limit=600

# What hangs is a failure, not a wait: none takes a fifth of the limit.
run() {
    echo "process test: $*"
    timeout --foreground -k 10 "$limit" "$@"
    status=$?
    [ $status != 124 ] || echo "FAILED: it did not end in $limit s"
    if [ $status = 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

if ! [ -d "$here/node_modules/ioredis" ] || ! [ -d "$here/node_modules/redis" ]; then
    said=$(cd "$here" && npm ci --no-audit --no-fund 2>&1) || {
        echo "$said"
        echo "error: npm could not install the test clients"
        echo "0 passed, 1 failed"
        exit 1
    }
fi

counter=$(dirname "$client")/hiredis_counter
if [ "${FL_TEST_BRIEF:-0}" = 0 ]; then
    run node --test "$here/linearizable_test.mjs"
    run sh "$here/compare.sh" "$binary"
    run node "$here/cli_test.mjs" "$binary"
    run node "$here/rewrite.mjs" "$binary"
    run node "$here/real_clients.mjs" "$binary" "$counter"
fi
run node "$here/story.mjs" "$binary"
run node "$here/web.mjs" "$binary"
if [ "${FL_TEST_LONG:-0}" = 1 ]; then
    run node "$here/real_clients.mjs" "$binary" "$counter" --moved
    run node "$here/chaos.mjs" "$binary" "$client" --nodes 3 --seconds 60
    run node "$here/chaos.mjs" "$binary" "$client" --nodes 5 --seconds 60 --port 21400
else
    run node "$here/chaos.mjs" "$binary" "$client" --nodes 3 --seconds 22
    run node "$here/chaos.mjs" "$binary" "$client" --nodes 5 --seconds 14 --port 21400
fi
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
