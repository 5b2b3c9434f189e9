#!/bin/sh
# A seed is the same life everywhere: compilers, optimizations and sanitizers must agree on the hash of all that
# happened. Usage: run.sh [SEEDS]; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.."
seeds=${1:-60}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sources=$(ls src/core/*.c src/scenario/*.c src/sim/*.c src/host/panic.c tests/lives/main.c)
first= passed=0 failed=0

live() { # NAME COMPILER FLAGS...
    name=$1
    shift
    mkdir "$scratch/$name"
    "$@" -std=c11 -D_GNU_SOURCE -Iinclude $sources -o "$scratch/$name/lives" || return 1
    "$scratch/$name/lives" "$seeds"
}

for variant in "gcc -O0" "gcc -O3" "clang -O0" "clang -O3" "gcc -O1 -fsanitize=address,undefined"; do
    hash=$(live "$(echo "$variant" | tr ' ,=' ___)" $variant)
    : "${first:=$hash}"
    if [ -n "$hash" ] && [ "$hash" = "$first" ]; then
        echo "ok      $hash  $variant"
        passed=$((passed + 1))
    else
        echo "FAILED  ${hash:-no hash}  $variant"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
