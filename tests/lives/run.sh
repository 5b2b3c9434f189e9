#!/bin/sh
# A seed is the same life everywhere: compilers, optimizations and sanitizers must agree on the hash of all that
# happened. Usage: run.sh [SEEDS]; the last line is "N passed, N failed".
set -u
cd "$(dirname "$0")/../.."
seeds=${1:-60}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# All but the web port, which no life has.
sources=$(ls src/core/*.c src/scenario/*.c src/io/memory*.c src/log/*.c src/host/*.c src/sim/*.c tests/lives/main.c
    grep -L '"web.h"' src/server/*.c)
libraries="-lxxhash -lcjson -lpthread"
first= passed=0 failed=0

live() { # NAME COMPILER FLAGS...
    name=$1
    shift
    mkdir "$scratch/$name"
    echo "$sources" | xargs -P "$(nproc)" -n 16 sh -c '
        out=$0 flags=$1
        shift
        for source in "$@"; do
            $flags -std=c11 -D_GNU_SOURCE -Iinclude -c "$source" -o "$out/$(echo "$source" | tr / _).o" || exit 255
        done' "$scratch/$name" "$*" || return 1
    "$@" "$scratch/$name"/*.o -o "$scratch/$name/lives" $libraries || return 1
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
