#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Tests of the gdb stub: the protocol by a client of our own, sessions with gdb, and comparisons with QEMU's stub.

run.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all
Each test is a function test_* of packets.py, sessions.py, beside.py or oracle.py. The last line is "N passed, N failed"; what cannot run here is skipped, and
said.
"""
import argparse
import os
import sys

import beside
import oracle
import packets
import rig
import sessions

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tally  # noqa: E402


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    rig.BUILD = a.build
    tests = [(f"{m.__name__}: {name}", f) for m in (packets, sessions, beside, oracle) for name, f in tally.of([], vars(m))
             if not a.names or any(n in f"{m.__name__}.test_{name}" for n in a.names)]
    return tally.run(tests, rig.Skipped, Exception)


if __name__ == "__main__":
    sys.exit(main())
