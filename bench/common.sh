# common.sh - what the benchmark scripts share; sourced, not run.
#
# Environment: BENCH_DIR (a fresh folder under /tmp: put it on the disk to be measured), BENCH_PORT (22000: ports up to +99),
# BENCH_SECONDS (4), BENCH_ROUNDS (3).
set -eu
bench=$(cd "$(dirname "$0")" && pwd)
fairlead=${FAIRLEAD_BINARY:-$bench/../build/fairlead}
work=${BENCH_DIR:-$(mktemp -d /tmp/fairlead-bench.XXXXXX)}
port=${BENCH_PORT:-22000}
seconds=${BENCH_SECONDS:-4}
rounds=${BENCH_ROUNDS:-3}
mkdir -p "$work"

# What a benchmark has started: peers.sh starts more.
stop() {
    "$fairlead" down --dir "$work/cluster" >/dev/null 2>&1 || true
}

# However it ends, nothing runs on, and only a folder that was named is kept.
leave() {
    stop
    [ -n "${BENCH_DIR:-}" ] || rm -rf "$work"
}
trap leave EXIT
trap 'exit 130' INT TERM

# build NAME: the C program bench/NAME.c into the work folder.
build() {
    ${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -o "$work/$1" "$bench/$1.c"
}

# build_with_library NAME: the program bench_NAME, which needs Fairlead's libraries, by the build that `fairlead` is in (or
# BENCH_BUILD); its path is then $program.
build_with_library() {
    tree=${BENCH_BUILD:-$(dirname "$fairlead")}
    [ -e /usr/include/raft.h ] || { echo "error: canonical/raft is needed for comparison: apt-get install libraft-dev" >&2; exit 1; }
    cmake "$tree" >/dev/null # It may have been configured before libraft-dev was there.
    cmake --build "$tree" --target "bench_$1" >&2
    program=$tree/bench/bench_$1
}

# conditions: lines that begin with #: under what the following was measured.
conditions() {
    echo "# date      $(date -u +%Y-%m-%dT%H:%MZ), load $(cut -d ' ' -f 1-3 /proc/loadavg)"
    echo "# cpu       $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) cores"
    echo "# system    $(uname -sr)"
    compiler=$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$tree/CMakeCache.txt")
    echo "# compiler  $("$compiler" --version | head -n 1)"
    build_type=$(sed -n 's/^CMAKE_BUILD_TYPE:[A-Z]*=//p' "$tree/CMakeCache.txt")
    flags=$(sed -n "s/^CMAKE_C_FLAGS_$(echo "$build_type" | tr a-z A-Z):[A-Z]*=//p" "$tree/CMakeCache.txt")
    echo "# flags     $flags ($build_type)"
    echo "# canonical libraft-dev $(dpkg-query -W -f '${Version}' libraft-dev 2>/dev/null || echo "of unknown version")"
}

# field NAME KEY: from `fairlead status -o json`, one field of each node that has role NAME ("any": of all).
field() {
    "$fairlead" status --dir "$work/cluster" -o json | python3 -c '
import json, sys
for node in json.load(sys.stdin)["nodes"]:
    if sys.argv[1] in ("any", node.get("role")):
        print(node[sys.argv[2]])' "$1" "$2"
}

# medians FILE: of "name value unit" lines, one line for each name, in the order of their first appearance.
medians() {
    awk '
        { if (!($1 in count)) order[++names] = $1; unit[$1] = $3; value[$1, ++count[$1]] = $2 }
        END {
            for (k = 1; k <= names; k++) {
                name = order[k]; n = count[name]
                for (i = 1; i <= n; i++) for (j = i + 1; j <= n; j++)
                    if (value[name, j] + 0 < value[name, i] + 0) {
                        other = value[name, i]; value[name, i] = value[name, j]; value[name, j] = other
                    }
                print name, value[name, int((n + 1) / 2)], unit[name]
            }
        }' "$1"
}
