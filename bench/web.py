#!/usr/bin/env python3
"""What watching costs a leader under load: web.py LEADER_PID LEADER_WEB FOLLOWER_WEB ROUNDS SECONDS; see web.sh."""
import os
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

TICKS = os.sysconf("SC_CLK_TCK")


def processor_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def committed(web):
    with urllib.request.urlopen(f"http://{web}/metrics") as answer:
        for line in answer.read().decode().splitlines():
            if line.startswith("fairlead_raft_commit_index "):
                return int(line.split()[1])
    raise SystemExit("error: /metrics has no fairlead_raft_commit_index")


def slice_of(pid, web, watched, seconds):
    """Processor seconds of a million writes, and how many views a page at `watched` saw meanwhile."""
    heard = tempfile.TemporaryFile()  # A pipe that nobody reads would be full at once, and the page then wait.
    page = subprocess.Popen(["curl", "-sN", f"http://{watched}/live"], stdout=heard) if watched else None
    time.sleep(1)  # The page is there, or whoever watched before is forgotten.
    entries, used = committed(web), processor_seconds(pid)
    time.sleep(seconds)
    entries, used = committed(web) - entries, processor_seconds(pid) - used
    views = 0
    if page:
        page.terminate()
        page.wait()
        heard.seek(0)
        views = heard.read().count(b"event: view")
    return used / entries * 1e6, views, entries / seconds


def main():
    pid, leader, follower, rounds, seconds = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])
    watchers = [("unwatched", None), ("watched", leader), ("watched_elsewhere", follower)]
    found = {name: [] for name, _ in watchers}
    time.sleep(2)
    for turn in range(rounds):
        print(f"round {turn + 1} of {rounds}", file=sys.stderr)
        for name, watched in watchers if turn % 2 == 0 else reversed(watchers):
            found[name].append(slice_of(pid, leader, watched, seconds))
    for name, slices in found.items():
        cpu, views, rate = (statistics.median(values) for values in zip(*slices))
        print(f"web.{name}.leader_cpu {cpu:.2f} s_per_million_writes")
        print(f"web.{name}.ops {rate:.0f} 1/s")
        if name != "unwatched":
            ratios = [with_page[0] / without[0] for with_page, without in zip(slices, found["unwatched"])]
            print(f"web.{name}.views {views:.0f} count")
            print(f"web.{name}.cost {(statistics.median(ratios) - 1) * 100:.1f} percent")


main()
