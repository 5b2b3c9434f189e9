#!/usr/bin/env python3
"""What watching costs a leader: web.py PID PORT WEB FOLLOWERS_WEB ROUNDS SECONDS PID_OF_THE_LOAD; see web.sh."""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time

VIEWS_PER_SECOND = 5
WRITES_PER_SECOND = 10


def processor_ms(pid):
    """Of all threads so far. The web port's live as long as the process."""
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat") as file:
            total += int(file.read().split()[0])
    return total / 1e6


def slice_of(pid, redis, web, seconds):
    """Milliseconds of processor time in a second, and how many views a page at `web` saw in one (0: there is no page)."""
    heard = tempfile.TemporaryFile()  # A pipe that nobody reads would be full at once, and the page then wait.
    page = subprocess.Popen(["curl", "-sN", f"http://{web}/live"], stdout=heard) if web else None
    time.sleep(1)  # The page is there, or whoever watched before is forgotten.
    before = processor_ms(pid)
    for _ in range(seconds * WRITES_PER_SECOND):
        redis.sendall(b"INCR watched\r\n")
        redis.recv(100)
        time.sleep(1 / WRITES_PER_SECOND)
    used = processor_ms(pid) - before
    if not page:
        return used / seconds, 0
    page.terminate()
    page.wait()
    heard.seek(0)
    return used / seconds, len(re.findall(b"^event: view", heard.read(), re.M)) / (seconds + 1)


def main():
    pid, port, leader, follower = sys.argv[1], int(sys.argv[2]), sys.argv[3], sys.argv[4]
    rounds, seconds, load = int(sys.argv[5]), int(sys.argv[6]), sys.argv[7]
    time.sleep(1)
    before = processor_ms(pid)
    time.sleep(seconds)
    full = (processor_ms(pid) - before) / seconds
    if not os.path.exists(f"/proc/{load}/exe"):
        sys.exit("error: the load ended while it was measured; BENCH_SECONDS must be more here")
    while os.path.exists(f"/proc/{load}/exe"):
        time.sleep(0.1)
    redis = socket.create_connection(("127.0.0.1", port))
    watchers = {"unwatched": None, "watched": leader, "watched_elsewhere": follower}
    found = {name: [] for name in watchers}
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        for name, web in watchers.items() if turn % 2 == 0 else reversed(watchers.items()):
            found[name].append(slice_of(pid, redis, web, seconds))
    alone = [used for used, _ in found.pop("unwatched")]
    rest, wobble = statistics.median(alone), max(alone) - min(alone)
    print(f"web.full_load {full:.1f} ms_per_second")
    print(f"web.unwatched {rest:.2f} ms_per_second")
    for name, slices in found.items():
        used, views = (statistics.median(values) for values in zip(*slices))
        if views == 0:
            sys.exit(f"error: the page at {watchers[name]} was sent no view")
        if used - rest < wobble:
            print(f"# web.{name}: {used - rest:.2f} ms more, where the same without a page differs by {wobble:.2f} ms from slice to slice")
        print(f"web.{name} {used:.2f} ms_per_second")
        print(f"web.{name}.views {views:.1f} 1/s")
        print(f"web.{name}.view {(used - rest) / views:.3f} ms")
        print(f"web.{name}.cost {(used - rest) / views * VIEWS_PER_SECOND / full * 100:.2f} percent")


main()
