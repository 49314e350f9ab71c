#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs each attack of guests/hostile, and guests/leaky, and compares how they end with what they promise.

  test_hostile.py VITRINE GUESTS [--qemu COMMAND] [--option OPTION]... [NAME...]

--option: more for vitrine run, e.g. --option=--vmm --option=trap: a guest must not notice. --qemu "": without QEMU."""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile

LIMIT = "100000000"  # instructions
OFF, ENDLESS, STUCK = 0, 124, 126

# name: (status, what it says at the end, does QEMU say the same?)
ATTACKS = {
    "spin": (ENDLESS, None, True),
    "exits": (OFF, "5 times 100000 exits", True),
    "csrs": (OFF, "4096 numbers", True),
    "memory": (OFF, "70976 stores", True),
    "dma": (OFF, "37 bad requests, and a good one", True),
    "ipi": (OFF, "115 bad calls", True),
    "firmware": (OFF, "all refused", True),
    "timer": (OFF, "100000 interrupts", True),
    "wfi": (STUCK, None, True),
    "stvec": (STUCK, None, True),
    "jump": (OFF, "7 jumps", True),
    "garbage": (None, None, False),
    "smc": (OFF, "40000 pieces of code", True),
    "wipe": (STUCK, None, True),
    "satp-nothing": (STUCK, None, True),
    "satp-mmio": (STUCK, None, True),
    "satp-last": (STUCK, None, True),
    "satp-end": (STUCK, None, True),
    "self": (STUCK, None, True),
    "recursive": (OFF, "1000 rounds through tables that contain themselves", True),
    "shadows": (OFF, "65536 pages", True),
    "roots": (OFF, "20000 changes", True),
    "nofence": (OFF, "10000 changes of one entry", True),
}


def words(data):
    text = data.decode("latin-1").replace("\r", "").replace("\0", "")
    return text[max(text.find("hostile:"), 0):]


def vitrine(a, *options):
    r = subprocess.run([a.vitrine, "run", *a.option, *options, "--max-insns", LIMIT], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, timeout=120, check=False)
    return r.returncode, words(r.stdout), r.stderr.decode("latin-1")


def attack(a, name, disk):
    status, said, in_qemu = ATTACKS[name]
    options = ["-kernel", os.path.join(a.guests, "hostile.elf"), "-append", f"attack={name}",
               "-drive", f"file={disk},if=none,format=raw,id=x0", "-device", "virtio-blk-device,drive=x0"]
    got, out, err = vitrine(a, *options)
    first = re.match(rf"hostile: {name}\. It ends (off|never|somehow)\b.*\n", out)
    if not first:
        return f"does not announce itself: {out[:200]!r}"
    if status is None:
        return "" if got in (0, 1, ENDLESS, STUCK) else f"status {got}: {err[:300]}"
    if got != status:
        return f"status {got}, not {status}: {out[-300:]!r} {err[:300]}"
    want = f"{said}\nhostile: off\n" if said else ""
    if out[first.end():] != want:
        return f"it says {out[first.end():][:300]!r}, not {want!r}"
    if not a.qemu or not in_qemu:
        return ""
    try:
        r = subprocess.run([*a.qemu.split(), "-machine", "virt", "-bios", "default", "-nographic", "-global",
                            "virtio-mmio.force-legacy=false", *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL, timeout=30 if said else 2, check=False)
        theirs = words(r.stdout)
    except subprocess.TimeoutExpired as e:
        theirs = words(e.stdout or b"")
    # What a disk says to the serial port, when DMA goes there, is no text.
    ours, theirs = out.splitlines()[-2:], theirs.splitlines()[-2:]
    return "" if ours == theirs else f"QEMU ends with {theirs}, Vitrine with {ours}"


def leaky(a):
    elf = os.path.join(a.guests, "leaky.elf")
    status, out, _ = vitrine(a, "-kernel", elf)
    if status != 1 or "are not there" not in out:
        return f"without Xuk: status {status}, {out!r}"
    status, out, _ = vitrine(a, "-cpu", "rv64,xuk=true", "-kernel", elf)
    sees = re.findall(r"  (\d)(?:   <- .*)?$", out, re.M)
    deprived = "trap" in a.option
    if status or sees != (list("00010") if deprived else list("10011")) or ("I am a guest" in out) != deprived:
        return f"status {status}, it sees {sees}: {out}"
    return ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("vitrine")
    parser.add_argument("guests")
    parser.add_argument("--qemu", default=shutil.which("qemu-system-riscv64") or "")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("names", nargs="*")
    a = parser.parse_intermixed_args()
    failed = 0
    names = a.names or [*ATTACKS, "leaky"]
    with tempfile.TemporaryDirectory() as d:
        for name in names:
            disk = os.path.join(d, "disk.img")
            with open(disk, "wb") as f:
                f.truncate(1 << 20)
            why = leaky(a) if name == "leaky" else attack(a, name, disk)
            failed += bool(why)
            print(f"{'failed' if why else 'passed'}  {name}{': ' + why if why else ''}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
