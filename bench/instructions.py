#!/usr/bin/env python3
"""instructions.py NAME LIBRARY ENTRIES SHORT LONG: instructions per entry, from two callgrind files of runs whose lengths
differ by ENTRIES entries, so that whatever happens once is left out. LIBRARY is part of the path of an object or of a
source file: what lies there is the library's own code. Prints "name value unit" lines:

    NAME.instructions       the library's own code, of all three replicas
    NAME.instructions_libc  that, and what it has the C library do (allocate, free, copy)
    NAME.instructions_all   the whole process, harness included

With --functions instead of NAME: the functions of the library by their own instructions per entry."""
import collections
import re
import sys


class Names:
    """Callgrind writes a name once, as "(number) name", and then as "(number)"."""

    def __init__(self):
        self.known = {}

    def read(self, text):
        number, name = re.fullmatch(r"(?:\((\d+)\))? ?(.*)", text).groups()
        if number is None:
            return name
        return self.known.setdefault(number, name)


def read(path, library):
    """Instructions by (is the library's, function), of the C library when called by it, and in all."""
    objects, files, functions = Names(), Names(), Names()
    own, libc, total = collections.Counter(), 0, 0
    here, where, function, callee, is_call = "", "", "", None, False
    for line in open(path):
        line = line.rstrip("\n")
        key, equals, value = line.partition("=")
        if equals and key in ("ob", "cob"):
            name = objects.read(value)
            here, callee = (name, callee) if key == "ob" else (here, name)
        elif equals and key in ("fl", "fi", "fe", "cfi", "cfl"):
            name = files.read(value)
            where = name if key[0] != "c" else where
        elif equals and key in ("fn", "cfn"):
            name = functions.read(value)
            function = name if key == "fn" else function
        elif equals and key == "calls":
            is_call = True
        elif re.match(r"[+*\-\d]\S* \d+$", line):
            cost = int(line.split()[1])
            is_own = library in here or library in where
            if is_call:
                libc += cost if is_own and callee and "libc.so" in callee else 0
                callee, is_call = None, False
                continue
            total += cost
            if is_own:
                own[function] += cost
    return own, libc, total


def main():
    name, library, entries, short, long = sys.argv[1:]
    entries = int(entries)
    before, after = read(short, library), read(long, library)
    if name == "--functions":
        for function, cost in after[0].most_common():
            print(f"{function:40} {(cost - before[0][function]) / entries:8.1f}")
        return
    own = sum(after[0].values()) - sum(before[0].values())
    if own <= 0:
        sys.exit(f"error: no code of {library} in {long}: was it built with -g?")
    libc = own + after[1] - before[1]
    total = after[2] - before[2]
    for kind, cost in (("", own), ("_libc", libc), ("_all", total)):
        print(f"{name}.instructions{kind} {cost / entries:.0f} instructions/entry")


main()
