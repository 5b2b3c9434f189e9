#!/bin/sh
# Installs Fairlead from a build tree into a temporary prefix, moves that elsewhere, and uses it there as a stranger would:
# a project in C and C++ by CMake's find_package and by pkg-config, the program, the manual, the completions.
#
#   tests/package/run.sh BUILD
set -eu
build=$1
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "FAILED: $*" >&2
    exit 1
}

expect() { # WANTED COMMAND...
    wanted=$1
    shift
    got=$("$@") || fail "$* ended with $?"
    [ "$got" = "$wanted" ] || fail "$* printed \"$got\", not \"$wanted\""
}

cmake --install "$build" --prefix "$scratch/first" >"$scratch/log" || fail "$(cat "$scratch/log")"
mv "$scratch/first" "$scratch/moved"
prefix=$scratch/moved
for file in bin/fairlead include/fairlead/raft.h include/fairlead/io.h include/fairlead/node.h include/fairlead/event.h include/fairlead/sim.h \
    share/man/man1/fairlead.1 share/man/man3/libfairlead.3 share/man/man5/fairlead.conf.5 \
    share/man/man7/fairlead-errors.7 share/doc/fairlead/events.md share/doc/fairlead/scenarios.md \
    share/bash-completion/completions/fairlead share/zsh/site-functions/_fairlead \
    share/fish/vendor_completions.d/fairlead.fish share/fairlead/grafana/fairlead.json \
    share/fairlead/prometheus/alerts.yml "share/fairlead/systemd/fairlead@.service"; do
    [ -s "$prefix/$file" ] || fail "$file is not installed"
done
case $("$prefix/bin/fairlead" version) in "fairlead "*) ;; *) fail "the program does not run" ;; esac
grep -q 'struct words' "$prefix/share/man/man3/libfairlead.3" || fail "libfairlead(3) has no example"
if grep -rqF "$scratch/first" "$prefix/lib" "$prefix/share"; then
    fail "the first prefix is written down in: $(grep -rlF "$scratch/first" "$prefix/lib" "$prefix/share")"
fi

wanted="the outcome is unknown, 1000 ms"
cmake -S "$here" -B "$scratch/project" -DCMAKE_PREFIX_PATH="$prefix" >"$scratch/log" 2>&1 &&
    cmake --build "$scratch/project" >>"$scratch/log" 2>&1 || fail "find_package: $(cat "$scratch/log")"
for program in c_fairlead c_fairlead-static c_sim cxx_fairlead; do
    expect "$wanted" "$scratch/project/$program"
done

export PKG_CONFIG_PATH="$(dirname "$(find "$prefix" -name fairlead.pc)")"
cc -o "$scratch/shared" "$here/stranger.c" $(pkg-config --cflags --libs fairlead)
expect "$wanted" env LD_LIBRARY_PATH="$(pkg-config --variable=libdir fairlead)" "$scratch/shared"
rm "$(pkg-config --variable=libdir fairlead)"/libfairlead.so*
cc -o "$scratch/static" "$here/stranger.c" $(pkg-config --static --cflags --libs fairlead)
expect "$wanted" "$scratch/static"
c++ -Wall -Wextra -Werror -o "$scratch/simulator" "$here/stranger.cpp" \
    $(pkg-config --static --cflags --libs fairlead-sim fairlead)
expect "$wanted" "$scratch/simulator"
echo "the package serves others"
