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

# build NAME: the C program bench/NAME.c into the work folder.
build() {
    ${CC:-cc} -O2 -std=c11 -D_GNU_SOURCE -o "$work/$1" "$bench/$1.c"
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
