#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Equivalence: every guest under every technique is what it is on the bare machine, and, with --check, what it is when interpreted.

equivalence.py --build DIR [--all] [--linux DIR] [--techniques A,B] [NAME...]   the guests whose names contain one of NAME; none = all

Prints a table of guests and techniques. Each cell is a run with --check: it must print the same text and end with the same status as the bare
machine, and the comparison with the interpreted guest (registers, CSRs and counters at each exit, memory at the end) must find no difference;
the cell tells how often it compared. --all: the long ones to their end, and para, too. --linux DIR: the Linux that scripts/linux-guest made, to its shell
and off, and a stretch of it with --check. The last line is "N passed, N failed".
"""
import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
import run as guest  # noqa: E402
import test_hostile  # noqa: E402
import test_kernels  # noqa: E402
from run import Skipped, check, vitrine  # noqa: E402

TECHNIQUES = ["emulate", "trap", "translate", "nested"]
NO_H = ("-cpu", "rv64,h=false")
KERNEL_SCRIPT = test_kernels.SCRIPT.encode()
TALK = b"csr\nwalk 80200000\nmem 80200000\ntrap\ntime\nsbi\noff\n"
ENDLESS = 124
LINUX_LIMIT, LINUX_CHECKED = 4000000000, 150000000  # instructions


def find(name):
    """A guest, whichever build made it."""
    for folder, _, files in os.walk(os.path.join(guest.BUILD, "guests")):
        if name in files:
            return os.path.join(folder, name)
    return guest.guest(os.path.splitext(name)[0])


class Guest:
    """name; options, in which DISK stands for a fresh copy of `disk` (a size: of zeros) and what is not a file is left alone; what is typed; what
    it must have printed; how it ends (None: as the bare one does); after how many instructions it is stopped; techniques that refuse it, with why;
    techniques under which it must come out differently, and --check say so; checked: with --check; alike: it prints and ends as it does bare (not so where it depends
    on translations that it should have fenced; --check compares guests whose TLBs are never stale)."""

    def __init__(self, name, *options, typed=b"", says="", status: int | None = 0, limit=0, disk=None, refused=None, differs=(), long=False, checked=True, alike=True):
        self.name, self.options, self.typed, self.says, self.status = name, options, typed, says, status
        self.limit, self.disk, self.refused, self.differs = limit, disk, refused or {}, differs
        self.long, self.checked, self.alike = long, checked, alike

    def arguments(self, folder):
        disk = os.path.join(folder, "disk.img")
        if isinstance(self.disk, int):
            with open(disk, "wb") as f:
                f.truncate(self.disk)
        elif self.disk:
            shutil.copy(find(self.disk), disk)
        words = [find(o) if o.endswith(".elf") and not os.path.isabs(o) else guest.need(o) if o.startswith("/") else o.replace("DISK", disk)
                 for o in self.options]
        limit = ["--max-insns", str(self.limit)] if self.limit else []
        return [*words, *limit]


UNFENCED = ("wipe", "self", "nofence")  # attacks that use translations which they have changed
BLOCK = ("-drive", "file=DISK,if=none,format=raw,id=x0", "-device", "virtio-blk-device,drive=x0")
OPENSBI = ("-bios", guest.OPENSBI)


def guests():
    """Everything that is to be the same; what a technique refuses is told with the words that it must say."""
    yield Guest("hello", *NO_H, "-kernel", "hello.elf", says="Hello")
    yield Guest("shell", *NO_H, "-kernel", "shell.elf", typed=TALK, says="illegal instruction")
    yield Guest("sbi", *NO_H, "-kernel", "sbi.elf", status=ENDLESS, limit=500000)
    yield Guest("stumble", "-cpu", "rv64,h=false,svade=true", "-kernel", "stumble.elf", status=126)
    yield Guest("mono", *NO_H, "-m", "32M", "-kernel", "mono.elf", typed=KERNEL_SCRIPT, says="this was the shell")
    yield Guest("mono, virtio disk", *NO_H, "-m", "32M", "-kernel", "mono.elf", *BLOCK, disk="mono.img", typed=KERNEL_SCRIPT, says="this was the shell")
    yield Guest("micro", *NO_H, "-m", "32M", "-kernel", "micro.elf", typed=KERNEL_SCRIPT, says="this was the shell")
    yield Guest("micro, virtio disk", *NO_H, "-m", "32M", "-kernel", "micro.elf", *BLOCK, disk="micro.img", typed=KERNEL_SCRIPT,
                says="this was the shell")
    yield Guest("xdisk", "-cpu", "rv64,h=false,xdisk=true", "-kernel", "xdisk.elf", "-drive", "file=DISK,format=raw,if=xdisk", disk=1 << 20)
    yield Guest("leaky", "-cpu", "rv64,h=false,xuk=true", "-kernel", "leaky.elf", says="on a machine of my own", differs=("trap", "para"))
    yield Guest("hyper", "-cpu", "rv64,h=true", "-kernel", "hyper.elf", says="hyper: ok", refused={"nested": "has the H extension itself"})
    yield Guest("ukern, starts in M", *NO_H, "-kernel", "ukern.elf", status=ENDLESS, limit=6000000)
    yield Guest("mono, Sv39 only", "-cpu", "rv64,h=false,sv48=false", "-m", "32M", "-kernel", "mono.elf", typed=b"ls\nexec true\n", says="motd")
    yield Guest("mono under OpenSBI", *NO_H, *OPENSBI, "-m", "64M", "-kernel", "mono.elf", limit=20000000, status=ENDLESS, says="mono: a m")
    uboot = (*NO_H, "-kernel", guest.UBOOT)
    typed = {"typed": b"\n" * 24 + b"version\npoweroff\n", "says": "=> poweroff"}  # its start drops what comes early
    yield Guest("U-Boot", *uboot, **typed, checked=False)
    yield Guest("U-Boot, its start", *uboot, status=ENDLESS, limit=12000000)
    yield Guest("U-Boot, checked", *uboot, **typed, long=True)
    for attack in test_hostile.ATTACKS:
        yield Guest(f"hostile: {attack}", *NO_H, "-m", "32M", "-kernel", "hostile.elf", "-append", f"attack={attack}", *BLOCK, disk=1 << 20,
                    status=None, limit=400000, alike=attack not in UNFENCED)
    for seed in range(1, 7):
        yield Guest(f"storm {seed}", *NO_H, "-m", "32M", "-kernel", "storm.elf", "-append", f"seed={seed} steps=4000 fence=1", says="storm: sum")
    for seed in range(7, 10):
        yield Guest(f"storm {seed}, no fences", *NO_H, "-m", "32M", "-kernel", "storm.elf", "-append", f"seed={seed} steps=4000", says="storm: sum",
                    alike=False)
    yield Guest("storm 30, Xuk", "-cpu", "rv64,h=false,xuk=true", "-m", "32M", "-kernel", "storm.elf", "-append", "seed=30 steps=4000 fence=1",
                says="storm: sum", differs=("trap", "para"))
    yield Guest("straddle, Xuk", "-cpu", "rv64,h=false,xuk=true", "-kernel", "straddle.elf", says="straddle: ok", differs=("trap", "para"))
    yield Guest("corners", *NO_H, "-m", "64M", "-kernel", "corners.elf", says="corners: done")
    yield Guest("corners of M mode", *NO_H, "-m", "64M", "-bios", "none", "-kernel", "mcorners.elf", says="done", long=True)
    yield Guest("corners of M mode, some", *NO_H, "-m", "64M", "-bios", "none", "-kernel", "mcorners.elf", status=ENDLESS, limit=1500000)
    yield Guest("roots, too many", *NO_H, "-m", "16M", "-kernel", "roots.elf", says="k")
    yield Guest("copies, too many", "-cpu", "rv64,h=false,xuk=true", "-m", "16M", "-kernel", "copies.elf", says="k", differs=("trap", "para"))
    for seed in range(10, 14):
        yield Guest(f"storm {seed}, long", *NO_H, "-m", "32M", "-kernel", "storm.elf", "-append", f"seed={seed} steps=50000 fence={seed % 2}",
                    says="storm: sum", alike=seed % 2, long=True)
    yield Guest("ukern, all of it", *NO_H, "-kernel", "ukern.elf", says="0 failed", long=True)
    yield Guest("U-Boot under OpenSBI", *NO_H, *OPENSBI, "-kernel", guest.UBOOT, status=ENDLESS, limit=200000000, long=True, says="U-Boot 20")


def linux():
    """All of it, which must take the same instructions to print the same; and its start with --check."""
    def of(name):
        return os.path.join(guest.LINUX, name)
    common = (*NO_H, "-m", "256M", "-kernel", of("Image"), "-initrd", of("initramfs.cpio.gz"), "-append", "console=ttyS0 earlycon=sbi")
    yield Guest("Linux", *common, typed=b"\n" * 48 + b"echo $((6 * 7)) answers\npoweroff -f\n", says="42 answers", limit=LINUX_LIMIT,
                checked=False)  # the serial port's start drops what comes early
    yield Guest("Linux, its start", *common, status=ENDLESS, limit=LINUX_CHECKED)


def run(words, typed, timeout):
    """Standard input is a file, so that all of it is there from the beginning."""
    with tempfile.TemporaryFile() as f:
        f.write(typed)
        f.seek(0)
        p = subprocess.run([guest.path("vitrine"), "run", *words], stdin=f, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout, check=False)
    return guest.Run(p.returncode, p.stdout.decode("latin-1").replace("\r\n", "\n"), p.stderr.decode("latin-1"))


def bare(g, timeout=600):
    with tempfile.TemporaryDirectory() as d:
        r = run(["--stats", *g.arguments(d)], g.typed, timeout)
    check(g.status is None or r.status == g.status, f"bare, it ends with status {r.status}, not {g.status}", r)
    check(g.says in r.out, f"bare, it does not say {g.says!r}", r)
    return r


def cell(g, technique, expected, timeout=1800):
    """How often the guest was compared; what it says when it is refused, as it must be."""
    with tempfile.TemporaryDirectory() as d:
        r = run(["--vmm", technique, "--check" if g.checked else "--stats", *g.arguments(d)], g.typed, timeout)
    if technique in g.refused:
        check(r.status == 125 and g.refused[technique] in r.err, f"under {technique}: it must be refused, and {g.refused[technique]!r} said", r)
        return "refused"
    if technique in g.differs:
        check(r.status == 123 and "it is not what it is when interpreted" in r.err, f"under {technique}: it must differ, and --check say so", r)
        return "differs"
    check(r.status == expected.status or not g.alike, f"under {technique}: status {r.status}, bare {expected.status}", r)
    check(not g.alike or r.out == expected.out, f"under {technique} it prints something else than bare: {expected.out[-800:]!r}", r)
    if not g.checked:
        check(instructions(r) == instructions(expected), f"under {technique} it takes {instructions(r)} instructions, bare {instructions(expected)}", r)
        return "same"
    found = re.search(r"--check: no difference in (\d+) comparisons", r.err)
    check(found and int(found.group(1)) > 0, f"under {technique} nothing was compared", r)
    return found.group(1)


class Table:
    def __init__(self, techniques):
        self.techniques, self.passed, self.failed, self.skipped, self.why = techniques, 0, 0, 0, []
        print("%-24s %12s %s" % ("guest", "instructions", " ".join(f"{t:>10}" for t in techniques)))

    def row(self, name, first, each):
        """first(): the bare run, and what to show of it; each(technique, bare) what to show of a cell."""
        start = time.monotonic()
        try:
            expected, shown = first()
        except Skipped as e:
            self.skipped += 1
            print("%-24s skipped: %s" % (name, e), flush=True)
            return
        except (guest.Failed, subprocess.TimeoutExpired) as e:
            self.failed += 1
            self.why.append(f"{name}: {e}")
            print("%-24s FAILED" % name, flush=True)
            return
        print("%-24s %12s" % (name, shown), end="", flush=True)
        for t in self.techniques:
            try:
                word = each(t, expected)
                self.passed += 1
            except (guest.Failed, subprocess.TimeoutExpired) as e:
                word = "FAILED"
                self.failed += 1
                self.why.append(f"{name}: {e}")
            print(f" {word:>10}", end="", flush=True)
        print("   (%.1f s)" % (time.monotonic() - start), flush=True)

    def end(self):
        for why in self.why:
            print(f"failed  {why}")
        if self.skipped:
            print(f"{self.skipped} skipped")
        print(f"{self.passed} passed, {self.failed} failed")
        return 1 if self.failed or not self.passed else 0


def instructions(r):
    found = re.search(r"^ *instructions +(\d+)", r.err, re.M)
    check(found, "--stats tells no instructions", r)
    return found.group(1)


def guest_row(table, g):
    def first():
        r = bare(g)
        return r, instructions(r)
    table.row(g.name, first, lambda t, expected: cell(g, t, expected))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--linux", metavar="DIR")
    parser.add_argument("--techniques", help="only these, comma separated")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    guest.BUILD, guest.LINUX = a.build, a.linux
    # Under para a guest that makes no hypercall runs as under trap: once in a while is enough.
    table = Table(a.techniques.split(",") if a.techniques else TECHNIQUES + ["para"] * a.all)
    for g in [*guests(), *(linux() if a.linux else [])]:
        if (a.all or not g.long or a.names) and (not a.names or any(n in g.name for n in a.names)):
            guest_row(table, g)
    return table.end()


if __name__ == "__main__":
    sys.exit(main())
