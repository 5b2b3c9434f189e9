#!/bin/sh
# Programs that were built differently live the same lives of servers. Usage: same.sh PROGRAM PROGRAM...; the last
# line is "N passed, N failed".
set -u
first= passed=0 failed=0
for program in "$@"; do
    hash=$("$program" sim fuzz --what servers --seeds 1..40 2>/dev/null | sed -n 's/.*hash //p')
    : "${first:=$hash}"
    if [ -n "$hash" ] && [ "$hash" = "$first" ]; then
        echo "ok      $hash  $program"
        passed=$((passed + 1))
    else
        echo "FAILED  ${hash:-no hash}  $program"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
