#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the gdb stub: the protocol by a client of our own, sessions with gdb, and comparisons with QEMU's stub.

run.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all
Each test is a function test_* of packets.py, sessions.py, beside.py or oracle.py. The last line is "N passed, N failed"; what cannot run here is skipped, and
said.
"""
import argparse
import subprocess
import sys
import time

import beside
import oracle
import packets
import rig
import sessions


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    rig.BUILD = a.build
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    tests = [(m.__name__, name, f) for m in (packets, sessions, beside, oracle) for name, f in vars(m).items() if name.startswith("test_")]
    for module, name, test in tests:
        if a.names and not any(n in f"{module}.{name}" for n in a.names):
            continue
        start = time.monotonic()
        try:
            test()
            result, why = "passed", ""
        except rig.Skipped as e:
            result, why = "skipped", f": {e}"
        except Exception as e:  # pylint: disable=broad-except
            result, why = "failed", f": {type(e).__name__}: {e}"
        counts[result] += 1
        print(f"{result:8}{module}: {name[5:].replace('_', ' ')} ({time.monotonic() - start:.1f} s){why}", flush=True)
    if counts["skipped"]:
        print(f"{counts['skipped']} skipped")
    print(f"{counts['passed']} passed, {counts['failed']} failed")
    return 1 if counts["failed"] or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
