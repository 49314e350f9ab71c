#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What virtualizing costs: user code, exits, shadow fills and page-table register loads under each technique, and how many VMs fit.

vmm.py [--vitrine COMMAND] [--bench DIR] [--guests DIR] [--rounds N]

DIR of --bench: the benchmark guests (build/bench, made by scripts/bench); of --guests: the example guests. All ratios are of runs of one round,
interleaved, by user CPU seconds; medians of the rounds and their spread.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
NATIVE = "native"


def run(a, *args):
    """User CPU seconds, largest resident size in MiB, and what it said on standard error."""
    p = subprocess.Popen([a.vitrine, "run", "--quiet", *args], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    err = p.stderr.read().decode("latin-1")
    _, status, usage = os.wait4(p.pid, 0)
    p.returncode = os.waitstatus_to_exitcode(status)
    if p.returncode not in (0, 124):
        sys.exit(f"vitrine run {' '.join(args)}: status {p.returncode}\n{err[-2000:]}")
    return usage.ru_utime, usage.ru_maxrss / 1024, err


def by_technique(t):
    return () if t == NATIVE else ("--vmm", t)


def median(values):
    return statistics.median(values), min(values), max(values)


def user_code(a):
    print("User code: CoreMark-like work in S mode under Sv39, time against native of the same round")
    guest = ("-bios", "none", "-kernel", os.path.join(a.bench, "coremix-sv39.elf"))
    ratios = {t: [] for t in a.techniques}
    for _ in range(a.rounds):
        native = run(a, *guest)[0]
        for t in a.techniques:
            ratios[t].append(run(a, *by_technique(t), *guest)[0] / native)
    for t, r in ratios.items():
        print("  %-10s %.3f (%.3f .. %.3f)" % ((t,) + median(r)))


def events(a):
    print("Exits: mono to its prompt and idling there (its timer ticks), 20 million instructions")
    guest = ("-m", "64M", "-kernel", os.path.join(a.guests, "mono.elf"), "-serial", "null", "--max-insns", "20000000", "--stats")
    for t in a.techniques:
        rates = []
        for _ in range(a.rounds):
            seconds, _, err = run(a, *by_technique(t), *guest)
            exits = sum(int(n) for n in re.findall(r"^  exits \w+ +(\d+)$", err, re.M))
            fills = int((re.search(r"table entries filled (\d+)", err) or [0, "0"])[1])
            loads = int((re.search(r"^page table loads +(\d+)", err, re.M) or [0, "0"])[1])
            rates.append((exits / seconds, fills / seconds, loads / seconds))
        print("  %-10s %9.0f exits/s %9.0f fills/s %9.0f page-table register loads/s" % ((t,) + tuple(statistics.median(r[i] for r in rates) for i in range(3))))


def many(a):
    print("Many: N times mono to its prompt (3 million instructions each), under trap")
    for n in (1, 2, 4, 8, 16):
        vms = [w for _ in range(n) for w in ("--vm", f"-m 32M -kernel {a.guests}/mono.elf -serial null")]
        seconds, size, _ = run(a, "--vmm", "trap", *vms, "--max-insns", str(3000000 * n))
        print("  %2d VMs: %.2f s (%.3f each), %.0f MiB (%.1f each)" % (n, seconds, seconds / n, size, size / n))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vitrine", default=os.path.join(ROOT, "build/release/vitrine"))
    parser.add_argument("--bench", default=os.path.join(ROOT, "build/bench"))
    parser.add_argument("--guests", default=os.path.join(ROOT, "build/release/guests"))
    parser.add_argument("--techniques", default="trap,translate,nested")
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    a.techniques = a.techniques.split(",")
    user_code(a)
    events(a)
    many(a)


if __name__ == "__main__":
    main()
