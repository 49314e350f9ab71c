#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What traces cost: runs guests of this folder plainly and traced, in turns, and prints the time of each relative to the plain run.

trace.py [--vitrine FILE] [--guests DIR] [--rounds N] [--insns N] [--dir DIR] [--kinds KINDS] [--only GUEST,...] [FORMAT...]

For each format: the processor time of the machine's thread and of the writing one, and the time that went by. Where two processors are free the latter
is about the larger of the former two; on a busy host only the former say anything. Medians of the rounds.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

SUFFIX = {"pack": "vtrace", "text": "txt", "spike": "spike", "jsonl": "jsonl", "perfetto": "pftrace", "chrome": "json"}


def thread_times(pid):
    """Nanoseconds on a processor of each thread, the machine's first."""
    times = {}
    try:
        for tid in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{tid}/schedstat", encoding="ascii") as f:
                times[int(tid)] = int(f.read().split()[0])
    except (FileNotFoundError, ProcessLookupError):
        pass
    return times


def run(command):
    """(seconds that went by, seconds of the first thread, seconds of the others)."""
    start = time.monotonic()
    p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    times = {}
    while True:
        for tid, ns in thread_times(p.pid).items():
            times[tid] = max(ns, times.get(tid, 0))
        pid, status, usage = os.wait4(p.pid, os.WNOHANG)
        if pid:
            break
        time.sleep(0.005)
    wall = time.monotonic() - start
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode not in (0, 124):
        sys.exit(f"{' '.join(command)}: status {p.returncode}")
    total = usage.ru_utime + usage.ru_stime
    others = sum(ns for tid, ns in times.items() if tid != p.pid) / 1e9
    return wall, max(total - others, 0), others


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitrine", default="build/release/vitrine")
    parser.add_argument("--guests", default="build/bench")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--insns", type=int, default=100_000_000)
    parser.add_argument("--dir", default="/dev/shm" if os.path.isdir("/dev/shm") else ".", help="where the traces go")
    parser.add_argument("--kinds", default="insn")
    parser.add_argument("--only", default="coremix,dhrymix,sortsieve,coremix-sv39")
    parser.add_argument("formats", nargs="*", default=["pack"])
    a = parser.parse_args()
    print(f"{'guest':14} {'format':9} {'plain ns':>9} {'machine':>8} {'writer':>8} {'larger':>8} {'by clock':>9} {'bytes':>7}   (per instruction; times plain)")
    for guest in a.only.split(","):
        base = [a.vitrine, "run", "-bios", "none", "-kernel", f"{a.guests}/{guest}.elf", "-nographic", "--quiet", "--max-insns", str(a.insns)]
        for name in a.formats:
            file = os.path.join(a.dir, f"bench-trace-{os.getpid()}.{SUFFIX[name]}")
            plain, traced = [], []
            for _ in range(a.rounds):
                plain.append(run(base))
                traced.append(run(base + ["--trace", f"{a.kinds}:{file}"]))
            size = os.path.getsize(file)
            os.unlink(file)
            wall, cpu, _ = (statistics.median(v) for v in zip(*plain))
            by_clock, machine, writer = (statistics.median(v) for v in zip(*traced))
            print(f"{guest:14} {name:9} {cpu / a.insns * 1e9:9.2f} {machine / cpu:8.2f} {writer / cpu:8.2f} {max(machine, writer) / cpu:8.2f} "
                  f"{by_clock / wall:9.2f} {size / a.insns:7.2f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
