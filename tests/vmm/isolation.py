#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Resource control: guests that attack the VMM and their neighbours change nothing in a healthy guest, under any technique.

isolation.py --build DIR [--techniques A,B] [--each]   --each: each attack alone beside the healthy guest, too (minutes)

The healthy guest is mono, from its start to its shell. What it does (traps, returns, CSR and page-table register writes, firmware calls, device
accesses, interrupts, each with its instruction) must be byte for byte what it does alone; and before every entry into a guest all tables that
the real MMU walks are verified to show no frame but that guest's own (--check-shadow). The last line is "N passed, N failed".
"""
import argparse
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
from test_hostile import ATTACKS  # noqa: E402

KINDS = "trap,ret,csr,ptr,sbi,sbi_ret,mmio,irq,claim"
SHARE = 700000  # instructions for each guest
LEAST = 1000  # lines of the healthy guest's trace that must have been compared; it gives away its turns when it idles


def run(a, technique, attacks, trace):
    guests = os.path.join(a.build, "guests")
    words = [os.path.join(a.build, "vitrine"), "run", "--quiet", "--vmm", technique, "--slice", "7000", "--check-shadow", "--trace",
             f"{KINDS},if=vm == 1:{trace}", "--max-insns", str(SHARE * (1 + len(attacks))), "--vm",
             f"-m 32M -kernel {guests}/mono.elf -serial null"]
    for name in attacks:
        words += ["--vm", f"-m 32M -kernel {guests}/hostile.elf -append attack={name} -serial null"]
    r = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=600, check=False)
    with open(trace, encoding="latin-1") as f:
        return r.returncode, r.stderr.decode("latin-1"), f.read().split("\n")[:-1]


def compare(technique, what, alone, beside):
    """What is wrong; None: nothing."""
    status, err, lines = beside
    n = min(len(lines), len(alone))
    if status not in (0, 124, 126):
        return f"status {status}: {err[-600:]}"
    if n < LEAST:
        return f"only {n} lines to compare: {err[-600:]}"
    for i in range(n):
        if lines[i] != alone[i]:
            return f"line {i + 1} differs under {technique} beside {what}:\n  alone:  {alone[i]}\n  beside: {lines[i]}"
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--techniques", default="emulate,trap,translate,nested,para")
    parser.add_argument("--each", action="store_true")
    a = parser.parse_args()
    passed = failed = 0
    with tempfile.TemporaryDirectory() as d:
        for t in a.techniques.split(","):
            status, err, alone = run(a, t, [], os.path.join(d, "alone"))
            if status != 124 or len(alone) < LEAST:
                print(f"failed: mono alone under {t}: status {status}, {len(alone)} lines: {err[-600:]}")
                failed += 1
                continue
            for attacks in [list(ATTACKS)] + [[name] for name in ATTACKS if a.each]:
                what = attacks[0] if len(attacks) == 1 else f"all {len(attacks)} attacks"
                wrong = compare(t, what, alone, run(a, t, attacks, os.path.join(d, "beside")))
                print(f"failed: {wrong}" if wrong else f"passed: mono under {t} beside {what}", flush=True)
                failed += wrong is not None
                passed += wrong is None
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
