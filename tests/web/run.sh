#!/bin/sh
# The web view's tests: run.sh BINARY. The page's pure parts in Node.js; then, in a browser, the playground that BINARY
# serves and the page of a cluster of three nodes. FL_SCREENSHOTS=DIR: pictures of the page are written there.
# Needs Node.js 18 or later and Chromium (or CHROMIUM=PATH); the npm packages are installed on first use. Last line: "N passed,
# N failed".
set -u
here=$(cd "$(dirname "$0")" && pwd)
binary=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
passed=0
failed=0
limit=600
log=$(mktemp)
beside=$(mktemp)
trap 'rm -f "$log" "$beside"' EXIT

# What hangs is a failure, not a wait: none takes a third of the limit.
limited() {
    timeout --foreground -k 10 "$limit" "$@"
    status=$?
    [ $status != 124 ] || echo "FAILED: it did not end in $limit s"
    return $status
}

# What a program printed, which fails as a whole, or says "N passed, N failed" at its end.
tally() { # STATUS LOG
    last=$(tail -n 1 "$2")
    if expr "$last" : '[0-9]* passed, [0-9]* failed$' >/dev/null; then
        sed '$d' "$2"
        passed=$((passed + ${last%% *}))
        failed=$((failed + $(echo "$last" | sed 's/.*, \([0-9]*\) failed/\1/')))
        [ "$1" = 0 ] || [ "${last##*, }" != "0 failed" ] || failed=$((failed + 1))
    elif [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        cat "$2"
        failed=$((failed + 1))
    fi
}

run() {
    echo "web test: $*"
    limited "$@" >"$log" 2>&1
    tally $? "$log"
}

finish() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
    exit
}

for test in "$here"/*_test.mjs; do
    run node --test "$test"
done
[ -f "$here/parity.mjs" ] && run node "$here/parity.mjs"

if ! [ -d "$here/node_modules/puppeteer-core" ] || ! [ -d "$here/node_modules/axe-core" ]; then
    said=$(cd "$here" && npm ci --no-audit --no-fund 2>&1) || {
        echo "$said"
        echo "error: npm could not install what drives the browser"
        failed=$((failed + 1))
        finish
    }
fi
CHROMIUM=${CHROMIUM:-$(command -v chromium)} || {
    echo "error: there is no Chromium (apt-get install chromium, or CHROMIUM=PATH): the page was not tested in a browser"
    failed=$((failed + 1))
    finish
}
export CHROMIUM
limited node "$here/looks.mjs" "$binary" >"$beside" 2>&1 &
looks=$!
run node "$here/playground.mjs" "$binary"
run node "$here/live.mjs" "$binary"
echo "web test: node $here/looks.mjs $binary, beside the others"
wait "$looks"
tally $? "$beside"
finish
