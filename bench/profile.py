#!/usr/bin/env python3
"""Sorts perf's samples by purpose: profile.py NAME MICROSECONDS < perf script output.

Each sample goes to the first of its functions, from the innermost on, that a purpose is known for; time in the kernel thus goes to
whoever asked for it. Prints "NAME.purpose value us": the share of MICROSECONDS, which is the whole of one operation.
"""
import re
import sys

PURPOSES = [
    ("log.sync", r"^(fdatasync|fsync|__GI_fdatasync|fdatasync.*)$"),
    ("log.write", r"^(__GI_)?_*(libc_|do_)?pwrite"),
    ("log.format", r"^fl__(wal|record|records|segment|tickets|cache)_|^(add_record|start_batch)$"),
    ("send.clients", r"^(fl__client_flush|start_send)$"),
    ("send.peers", r"^fl__(channel|transport)_"),
    ("receive", r"^(__GI_)?_*(libc_)?(read|recv|recvmsg)$"),
    ("poll", r"^(uv__io_poll|epoll_wait|epoll_pwait|uv_run)$"),
    ("wake", r"^(uv_async_send|(__GI_)?sched_yield|uv_(cond|mutex)_.*|_*(GI_)?_*pthread_(cond|mutex)_.*|_*futex_.*|_*(GI_)?_*lll_lock_.*)$"),
    ("core", r"^fl_raft_|^fl__(role|log|progress|election|append|commit|persist|read|take)_"),
    ("apply", r"^fl__(store|map|string|key|expire|command|payload|deadlines)_"),
    ("protocol", r"^fl__(parser|session|dispatch|pending|reply|client|reads)_|^(take_bytes|handle)$"),
    ("host", r"^fl__(driver|forward|apply|sender|frame|look|node|founding)_|^fl_node_|^on_(frame|message)$"),
    ("checksum", r"^XXH"),
]
COMPILED = [(name, re.compile(pattern)) for name, pattern in PURPOSES]


def purpose_of(functions):
    for function in functions:
        for name, pattern in COMPILED:
            if pattern.search(function):
                return name
    return "other"


def samples(lines):
    """Each sample's functions, innermost first."""
    functions = []
    for line in lines:
        line = line.strip()
        if not line:
            if functions:
                yield functions
            functions = []
            continue
        match = re.match(r"^[0-9a-f]+ (\S+)", line)
        if match:
            functions.append(match.group(1).split("+")[0])
    if functions:
        yield functions


def main():
    name, whole = sys.argv[1], float(sys.argv[2])
    counts = {}
    for functions in samples(sys.stdin):
        purpose = purpose_of(functions)
        counts[purpose] = counts.get(purpose, 0) + 1
    total = sum(counts.values()) or 1
    print(f"{name}.all {whole:.2f} us")
    for purpose, count in sorted(counts.items(), key=lambda item: -item[1]):
        print(f"{name}.{purpose} {whole * count / total:.2f} us")


main()
