#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the benchmark guests on Vitrine and its peers, in turns, and prints medians and ratios.

Speed is MIPS: the guest's retired instructions over the user CPU seconds of the emulator's process, less those of
the guest `null`, on one core. Instructions are counted once per guest by `qemu-system-riscv64 -icount shift=0`, which
is exact (QEMU's plain `instret` is not); an emulator whose own count differs by more than 0.1% is reported.

Environment:
  VITRINE       the command, default build/release/vitrine run -bios none -kernel {} -nographic --quiet
  QEMU          the same for QEMU, default qemu-system-riscv64 -M virt -bios none -nographic -kernel {}
  BENCH_PEERS   more emulators: name=command; name=command (`spike` is found by itself if it is installed)
{} stands for the guest's ELF file; a VITRINE without {} gets the default's options appended.
"""
import argparse
import hashlib
import json
import os
import platform
import re
import shlex
import shutil
import statistics
import subprocess
import sys
import threading

COMPUTE = ["coremix", "dhrymix", "sha256", "sortsieve", "stream", "matmul", "chase", "coremix-sv39", "chase-sv39"]
SYSTEM = ["traps", "csr", "usercopy", "sfence", "walks", "ctxswitch", "coldcode", "smc", "mmio"]
VIRTUAL = ["coremix-vs", "chase-vs", "walks-vs", "ctxswitch-vs", "exits"]
CALLS = ["traps", "exits"]
HS_OF_VS = {"coremix-vs": "coremix-sv39", "chase-vs": "chase-sv39", "walks-vs": "walks", "ctxswitch-vs": "ctxswitch"}
LINE = re.compile(r"^(\S+) ok checksum=([0-9a-f]{16}) insns=(\d+) ops=(\d+)\s*$", re.M)


class GuestFailed(Exception):
    pass


def run_once(command, cpu, timeout):
    """Runs a command; returns (user CPU seconds, the guest's line as a dict). Raises GuestFailed."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               preexec_fn=lambda: os.sched_setaffinity(0, {cpu}))
    late = threading.Event()

    def expire():
        late.set()
        process.kill()

    timer = threading.Timer(timeout, expire)
    timer.start()
    try:
        output = process.stdout.read().decode("utf-8", "replace")
        _, status, usage = os.wait4(process.pid, 0)
    finally:
        timer.cancel()
        process.stdout.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if late.is_set():
        raise GuestFailed(f"no end after {timeout:g} s")
    found = LINE.search(output)
    if process.returncode != 0 or not found:
        raise GuestFailed(f"status {process.returncode}: {output.strip()[-200:] or 'no output'}")
    return usage.ru_utime, {"checksum": found[2], "insns": int(found[3]), "ops": int(found[4])}


def emulators(wanted):
    """The emulators to run, name -> command with a {} for the guest. Vitrine first, QEMU second."""
    default_vitrine = "build/release/vitrine run -bios none -kernel {} -nographic --quiet"
    vitrine = os.environ.get("VITRINE", default_vitrine)
    if "{}" not in vitrine:
        vitrine += " run -bios none -kernel {} -nographic --quiet"
    found = {
        "vitrine": vitrine,
        "qemu": os.environ.get("QEMU", "qemu-system-riscv64 -M virt -bios none -nographic -kernel {}"),
    }
    if shutil.which("spike"):
        found["spike"] = "spike --isa=rv64gc -m128 {}"
    for peer in filter(None, (p.strip() for p in os.environ.get("BENCH_PEERS", "").split(";"))):
        name, equals, command = peer.partition("=")
        if not equals or "{}" not in command:
            sys.exit(f"bench: BENCH_PEERS: {peer!r}: write name=command, with a {{}} where the ELF file goes")
        found[name.strip()] = command
    result = {}
    for name, command in found.items():
        if wanted and name not in wanted:
            continue
        argv = shlex.split(command)
        if shutil.which(argv[0]):
            result[name] = argv
        elif wanted or name == "qemu":
            sys.exit(f"bench: {name}: {argv[0]} is not there: install or build it, or leave it out with --emulators")
        else:
            print(f"bench: {name}: {argv[0]} is not there, left out", file=sys.stderr)
    for name in wanted or []:
        if name not in found:
            sys.exit(f"bench: --emulators {name}: not one of {', '.join(found)}")
    return result


def with_elf(argv, elf):
    return [a.replace("{}", elf) for a in argv]


def reference(elf, directory, cpu, timeout):
    """The exact counts of one guest, by QEMU's -icount; kept in the build directory by the ELF's hash."""
    store = os.path.join(directory, "reference.json")
    try:
        with open(store, encoding="utf-8") as f:
            known = json.load(f)
    except (OSError, ValueError):
        known = {}
    with open(elf, "rb") as f:
        key = hashlib.sha256(f.read()).hexdigest()
    if key not in known:
        command = ["qemu-system-riscv64", "-M", "virt", "-bios", "none", "-nographic", "-icount", "shift=0", "-kernel", elf]
        _, known[key] = run_once(command, cpu, timeout)
        with open(store, "w", encoding="utf-8") as f:
            json.dump(known, f, indent=1)
    return known[key]


def spread(values, form):
    return f"{statistics.median(values):{form}} ({min(values):{form}}..{max(values):{form}})"


def print_table(rows, names):
    base = "qemu" if "qemu" in names else None
    others = [n for n in names if n != base]
    head = ["guest", "Minsns"] + [f"{n} MIPS" for n in names] + [f"{n} ns/op" for n in names]
    if base:
        head += [f"{n} / {base} (min..max)" for n in others]
    lines = [head]
    for row in rows:
        line = [row["guest"], f"{row['insns'] / 1e6:.1f}"]
        line += [f"{row['mips'][n]:.0f}" if n in row["mips"] else "-" for n in names]
        line += [f"{row['ns_per_op'][n]:.1f}" if n in row["mips"] else "-" for n in names]
        if base:
            line += [spread(row["ratio"][n], ".2f") if n in row["ratio"] else "-" for n in others]
        lines.append(line)
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for number, line in enumerate(lines):
        print("| " + " | ".join(c.ljust(w) if i == 0 else c.rjust(w) for i, (c, w) in enumerate(zip(line, widths))) + " |")
        if number == 0:
            print("|" + "|".join("-" * (w + 1) + (":" if i else "-") for i, w in enumerate(widths)) + "|")


def print_vs_against_hs(rows, names):
    """The same object code in VS, under two stages, and in HS, under one: speed of the first over the second, round by round."""
    seconds = {row["guest"]: row["seconds"] for row in rows}
    for vs, hs in HS_OF_VS.items():
        for n in names:
            if n in seconds.get(vs, {}) and n in seconds.get(hs, {}):
                print(f"{vs} / {hs} on {n}: {spread([h / v for v, h in zip(seconds[vs][n], seconds[hs][n])], '.3f')}")


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--guests", default="build/bench", metavar="DIR", help="where the guests' ELF files are (%(default)s)")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds (%(default)s)")
    parser.add_argument("--only", action="append", metavar="NAME",
                        help="only this guest (may be repeated, or a list with commas); `compute`, `system` and `virtual` name the parts")
    parser.add_argument("--emulators", metavar="LIST", help="only these, for example vitrine,qemu")
    parser.add_argument("--json", metavar="FILE", help="write every measurement there, too")
    parser.add_argument("--cpu", type=int, metavar="N", help="the host core to run on (the last one)")
    parser.add_argument("--timeout", type=float, default=120, metavar="S", help="seconds that one run may take (%(default)g)")
    parser.add_argument("--list", action="store_true", help="print the chosen guests' names and end")
    args = parser.parse_args()
    if args.rounds < 1:
        parser.error("--rounds: at least 1")
    groups = {"compute": COMPUTE, "system": SYSTEM, "virtual": VIRTUAL}
    guests = []
    for name in ",".join(args.only or ["compute,system,virtual"]).split(","):
        if name not in groups and name not in COMPUTE + SYSTEM + VIRTUAL:
            parser.error(f"--only {name}: not one of compute, system, virtual, {', '.join(COMPUTE + SYSTEM + VIRTUAL)}")
        guests += [g for g in groups.get(name, [name]) if g not in guests]
    if args.list:
        print("\n".join(guests))
        return 0
    cpus = sorted(os.sched_getaffinity(0))
    cpu = cpus[-1] if args.cpu is None else args.cpu
    if cpu not in cpus:
        parser.error(f"--cpu {cpu}: not one of {cpus}")
    machines = emulators(args.emulators.split(",") if args.emulators else None)
    elf = {g: os.path.join(args.guests, g + ".elf") for g in guests + ["null"]}
    for path in elf.values():
        if not os.path.exists(path):
            sys.exit(f"bench: {path} is not there: build the guests (scripts/bench does), or name the place with --guests DIR")

    failed = []
    exact = {}
    for g in list(elf):
        try:
            exact[g] = reference(elf[g], args.guests, cpu, args.timeout)
        except GuestFailed as e:
            failed.append((g, "qemu -icount", str(e)))
    seconds = {}  # (guest, emulator) -> one user time per round; None where it failed
    for r in range(args.rounds):
        for g in ["null"] + guests:
            for name, argv in machines.items():
                times = seconds.setdefault((g, name), [])
                if times and times[-1] is None:
                    continue
                if sys.stderr.isatty():
                    print(f"\r\033[Kround {r + 1}/{args.rounds} {g} {name}", end="", file=sys.stderr, flush=True)
                try:
                    time, line = run_once(with_elf(argv, elf[g]), cpu, args.timeout)
                except GuestFailed as e:
                    failed.append((g, name, str(e)))
                    times.append(None)
                    continue
                times.append(time)
                want = exact.get(g)
                if want and (line["checksum"], line["ops"]) != (want["checksum"], want["ops"]):
                    failed.append((g, name, f"checksum {line['checksum']}, on qemu {want['checksum']}"))
                # An ecall does not retire (Priv. 3.3.1); QEMU counts it. These guests make at most one an op.
                calls = want["ops"] if want and g in CALLS else 0
                if want and name != "qemu" and r == 0 and abs(line["insns"] - want["insns"]) > max(want["insns"] / 1000, 50) + calls:
                    failed.append((g, name, f"counts {line['insns']} instructions, qemu -icount {want['insns']}"))
    if sys.stderr.isatty():
        print("\r\033[K", end="", file=sys.stderr)

    names = list(machines)
    null = {n: statistics.median(t) for n in names if None not in (t := seconds[("null", n)])}
    rows = []
    for g in guests:
        if g not in exact:
            continue
        insns, ops = exact[g]["insns"], exact[g]["ops"]
        row = {"guest": g, "insns": insns, "ops": ops, "seconds": {}, "mips": {}, "ns_per_op": {}, "ratio": {}}
        for n in names:
            times = seconds[(g, n)]
            if None in times or n not in null:
                continue
            net = [max(t - null[n], 1e-3) for t in times]
            row["seconds"][n] = times
            row["mips"][n] = insns / statistics.median(net) / 1e6
            row["ns_per_op"][n] = statistics.median(net) / ops * 1e9
        for n in row["mips"]:
            if n != "qemu" and "qemu" in row["mips"]:
                row["ratio"][n] = [max(q - null["qemu"], 1e-3) / max(t - null[n], 1e-3)
                                   for q, t in zip(seconds[(g, "qemu")], seconds[(g, n)])]
        rows.append(row)
    print_table(rows, names)
    print_vs_against_hs(rows, names)
    for g, name, why in failed:
        print(f"bench: {g} on {name}: {why}", file=sys.stderr)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": platform.machine(), "rounds": args.rounds, "commands": machines, "null_seconds": null,
                       "guests": rows, "failures": failed}, f, indent=1)
            f.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
