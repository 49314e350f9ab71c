#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Paravirtualization: mono ported to hypercalls says what mono says, with fewer steps of the VMM; and what a guest must not get it does not get.

para_run.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all

The last line is "N passed, N failed".
"""
import argparse
import collections
import filecmp
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
import run as guest  # noqa: E402
import test_kernels  # noqa: E402
from run import Skipped, check, ends, need, vitrine  # noqa: E402
import tally  # noqa: E402

SCRIPT = test_kernels.SCRIPT.encode()
ABI = os.path.join(HERE, "..", "..", "src", "monitor", "vmm", "para_abi.h")
MANUAL = os.path.join(HERE, "..", "..", "docs", "hypercalls.md")


def built(name):
    return need(os.path.join(guest.BUILD, "guests", name))


def under(technique, kernel, *options, stdin=SCRIPT):
    return vitrine("--vmm", technique, "--stats", *options, "-kernel", built(kernel), stdin=stdin)


def exits(run):
    return {why: int(n) for why, n in re.findall(r"^ *exits (\w+) +(\d+)$", run.err, re.M)}


def steps(technique, kernel, stdin):
    """How many of each event of the VMM; exits and hypercalls by what they are about, too."""
    with tempfile.TemporaryDirectory() as d:
        f = os.path.join(d, "trace")
        ends(vitrine("--vmm", technique, "--trace", f"vmm,ptr,tlb_flush:{f}", "-kernel", built(kernel), stdin=stdin), 0)
        text = open(f).read()
        return collections.Counter(re.findall(r" (vm_\w+|ptr|tlb_flush) ", text) + re.findall(r" vm_exit +reason (\w+)", text)
                                   + re.findall(r" vm_hypercall .*name ([\w ]+)$", text, re.M))


# ---- The port ----

def test_says_the_same():
    a, b = under("trap", "mono.elf"), under("para", "para.elf")
    ends(a, 0, "this was the shell")
    ends(b, 0)
    check(a.out == b.out, f"para.elf under para says something else than mono.elf under trap: {b.out[-600:]!r}", a)


def test_says_the_same_from_a_disk():
    with tempfile.TemporaryDirectory() as d:
        runs = []
        for technique, kernel in (("trap", "mono.elf"), ("para", "para.elf")):
            image = os.path.join(d, technique)
            shutil.copy(built("mono.img"), image)
            runs.append(under(technique, kernel, *test_kernels.disk_options(image)))
        check(runs[0].out == runs[1].out and "virtio disk" in runs[0].out, "what it says with a disk", runs[1])
        check(filecmp.cmp(os.path.join(d, "trap"), os.path.join(d, "para"), shallow=False), "the disks are not the same afterwards")


def test_takes_fewer_steps():
    """The lesson in figures. What a process costs is the difference between starting many and few: booting, which para does as a guest under trap does,
    with its tables handed over at its end, is in neither."""
    a, b = exits(under("trap", "mono.elf")), exits(under("para", "para.elf"))
    check(sum(b.values()) * 4 < sum(a.values()), f"exits: {sum(b.values())} under para, {sum(a.values())} under trap: {a} {b}")
    check(b.get("mmio", 0) == 0 and b.get("protected", 0) == 0, f"exits of a kind that para does not know: {b}")
    few, many, n = b"true\n" + b"exec true\n", b"true\n" * 21 + b"exec true\n", 20
    trap, para = (steps(t, k, many) - steps(t, k, few) for t, k in (("trap", "mono.elf"), ("para", "para.elf")))
    # About tables, under trap: faults that fill a shadow, stores to tables, entries of shadows made and dropped, pages protected, roots loaded, fences.
    # Under para: the calls, the entries that are looked at, the pages that become tables or are none any more.
    tables = {"trap": sum(trap[k] for k in ("page", "protected", "vm_shadow", "vm_shadow_drop", "vm_protect", "ptr", "tlb_flush")),
              "para": sum(para[k] for k in ("set ptr", "pin", "unpin", "update", "vm_validate", "vm_table"))}
    check(0 < tables["para"] < tables["trap"], f"steps about tables: {para} under para, {trap} under trap")
    trap, para = (collections.Counter({k: c for k, c in x.items() if k.startswith("vm_")}) for x in (trap, para))
    check(para["vm_shadow"] == para["vm_shadow_drop"] == para["vm_protect"] == para["vm_emulate"] == 0, f"shadows under para: {para}")
    check(trap["vm_hypercall"] == trap["vm_upcall"] == 0 and trap["vm_emulate"] > 100 * n, f"steps under trap: {trap}")
    check(0 < para["vm_hypercall"] < trap["vm_emulate"] / 4, f"{para['vm_hypercall']} hypercalls, {trap['vm_emulate']} instructions emulated under trap")
    check(para["vm_exit"] * 4 < trap["vm_exit"], f"exits for {n} processes: {para['vm_exit']} under para, {trap['vm_exit']} under trap")
    check(para.total() * 2 < trap.total(), f"steps for {n} processes: {para} under para, {trap} under trap")
    print(f"        exits of the script: trap {sum(a.values())}, para {sum(b.values())}; a process costs, under trap and para: exits {trap['vm_exit'] / n:.0f}, "
          f"{para['vm_exit'] / n:.0f}; steps {trap.total() / n:.0f}, {para.total() / n:.0f}; of them about tables {tables['trap'] / n:.0f}, {tables['para'] / n:.0f}")


def test_tables_are_right_at_every_entry():
    r = under("para", "para.elf", "--check-shadow")
    ends(r, 0)
    check("check-shadow" not in r.err, "--check-shadow complains", r)


def test_runs_the_same_twice():
    with tempfile.TemporaryDirectory() as d:
        files = [os.path.join(d, n) for n in "ab"]
        for f in files:
            ends(vitrine("--vmm", "para", "--trace", f"vmm,trap:{f}", "-kernel", built("para.elf"), stdin=b"ls\nexec true\n"), 0)
        check(filecmp.cmp(*files, shallow=False), "two traces differ")
        text = open(files[0]).read()
        # The ladder of the first page-table load: the call, each table validated from the leaves up, the root found, satp loaded.
        ladder = r"vm_hypercall function 3.*\n(.*vm_(shadow_drop|protect) .*\n)+(.*vm_validate level 0.*verdict let in\n)+.*vm_table .*level 0, on true\n"
        check(re.search(ladder, text), "the steps of PARA_SET_PTR")
        check(re.search(r"vm_table .*level 2, on true\n.*vm_root .*\n.*vm_hypercall_ret function 3, error 0.*\n.*vm_satp .*\n.*vm_entry ", text),
              "the end of PARA_SET_PTR")
        check(re.search(r"vm_exit +reason exception, cause ecall from U.*\n.*vm_upcall +cause ecall from U \(8\).*\n", text), "a system call's upcall")


def test_without_hypercalls():
    """Bare, under other techniques, and under --check, where the oracle has none, the port says so and ends."""
    for args in ((), ("--vmm", "trap"), ("--vmm", "nested", "-cpu", "rv64,h=false"), ("--vmm", "para", "--check")):
        options = ("--vm", f"-kernel {built('para.elf')} -cpu rv64,h=false") if "nested" in args else ("-kernel", built("para.elf"))
        r = vitrine(*(a for a in args if a not in ("-cpu", "rv64,h=false")), *options)
        ends(r, 1, "this kernel needs a VMM with hypercalls")
        check("--check" not in args or "no difference in" in r.err, "--check", r)


def test_neighbours_change_nothing():
    """On the same real machine: a paravirtualized guest does see which frames it has."""
    with tempfile.TemporaryDirectory() as d:
        files = [os.path.join(d, n) for n in "ab"]
        for f, more in zip(files, ((), ("--vm", f"-kernel {built('para-attack.elf')} -append attack=flood -serial null -m 64M"))):
            vitrine("--vmm", "para", "-m", "192M", "--slice", "7777", "--trace", f"trap,vm_upcall,vm_hypercall,if=vm == 1:{f}", "--vm",
                    f"-kernel {built('para.elf')} -serial null -m 64M", *more, "--max-insns", "5000000" if more else "2500000")
        alone, beside = (open(f).read().split("\n") for f in files)
        n = min(len(alone), len(beside)) - 2
        check(n > 200 and alone[:n] == beside[:n], f"vm 1 is not beside another what it is alone ({n} lines)")


# ---- Hostile guests ----

def test_nothing_forbidden_is_let_in():
    r = vitrine("--vmm", "para", "--check-shadow", "-kernel", built("para-attack.elf"))
    ends(r, 0, "attack: 0 went wrong")
    check(r.out.count("\n") > 40 and "WRONG" not in r.out, "every attempt", r)


def attack(name, stdin=b"k"):
    """Beside a guest that goes on. Those that call without end are not verified at each of their calls."""
    verified = [] if name in ("return", "flood") else ["--check-shadow"]
    return vitrine("--vmm", "para", *verified, "--max-insns", "8000000", "--vm",
                   f"-kernel {built('para-attack.elf')} -append attack={name} -serial stdio -m 64M", "--vm",
                   f"-kernel {guest.guest('hello')} -serial null -m 16M", stdin=stdin)


def test_attacks_end_the_attacker_alone():
    expected = {
        "dma": (125, r"vm 1 .*its page table at 0x[0-9a-f_]+ was written otherwise than by a hypercall"),
        "vector": (126, r"vm 1 .*can never move again: Hart 0 traps for ever in S mode"),
        "wipe": (126, r"vm 1 .*can never move again: Hart 0 traps for ever in S mode"),
        "return": (124, r"stopped after 8000000 instructions of all guests"),
        "flood": (124, r"stopped after 8000000 instructions of all guests"),
    }
    for name, (status, message) in expected.items():
        r = attack(name)
        ends(r, status, err=message)
        ends(r, status, err=r"vm 2 \(hello.elf\): ended with status 0 after 352 instructions")
        check("check-shadow:" not in r.err, "--check-shadow complains", r)


def test_reset_begins_anew():
    for name in ("reset", "suspend"):
        r = attack(name)
        ends(r, 0, "before: mark 0")
        ends(r, 0, "before: mark 1")


def test_keys_are_echoed():
    s = guest.Session("--vmm", "para", "--quiet", "-kernel", built("para.elf"), use_pty=True)
    s.expect(r"mono\$ ")
    s.type("echo a wor")
    s.expect("echo a wor")
    s.type("d\n")
    s.expect(r"\r?\na word\r?\n")
    s.type("exit\n")
    check(s.status() == 0, f"status {s.p.returncode}")


def test_debugger_sees_what_the_guest_sees():
    """Its tables hold machine addresses; and a watchpoint stops behind the very instruction, a step goes into an upcall."""
    commands = b"""break syscall
continue
bt
walk 0x10000
delete
watch current
continue
x/1i $pc
quit
"""
    r = subprocess.run([guest.path("vitrine"), "debug", "--vmm", "para", "-kernel", built("para.elf")], input=commands, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, timeout=60, check=False)
    out = r.stdout.decode()
    check(re.search(r"#0 .* in syscall.*\n#1 .* in trap\+.*\n(?:    in .*, inlined at .*\n)*#2 .* in trap_entry\+", out), f"bt:\n{out}")
    check(re.search(r"VPN\[0\]=0x010 .* V R \. X U .*\n.*physical address 0x80[0-9a-f_]+ \(RAM\)", out), f"walk:\n{out}")
    check(re.search(r"New value = .*\nby .*<proc_schedule.*sd ", out), f"watch:\n{out}")


# ---- The manual ----

def test_readme_quotes_the_port():
    """Each piece of difference that the guest's README shows is there, with its lines in that order and none between."""
    guests = os.path.join(HERE, "..", "..", "guests")
    diffs = ""
    for f in sorted(os.listdir(os.path.join(guests, "para"))):
        for other in ("mono", "common"):
            if f.endswith((".c", ".S")) and os.path.exists(os.path.join(guests, other, f)):
                r = subprocess.run(["diff", "-u", os.path.join(guests, other, f), os.path.join(guests, "para", f)], stdout=subprocess.PIPE, check=False)
                check(r.returncode == 1, f"guests/para/{f} is a copy of guests/{other}/{f} with no difference: build the original")
                diffs += r.stdout.decode()
    blocks = re.findall(r"```diff\n(.*?)```", open(os.path.join(guests, "para", "README.md")).read(), re.S)
    check(len(blocks) > 8, f"{len(blocks)} pieces")
    for block in blocks:
        if "sret" in block: # the two ends of a change whose middle is left out
            check(all("\n" + line + "\n" in diffs for line in block.splitlines()), f"not in the difference:\n{block}")
        else:
            check("\n" + block in diffs, f"not in the difference:\n{block}")


def test_manual_has_every_call_and_error():
    abi, manual = open(ABI).read(), open(MANUAL).read()
    functions = re.findall(r"^    (PARA_\w+),", abi.split("enum para_function {")[1].split("PARA_FUNCTIONS")[0], re.M)
    errors = re.findall(r"^    (PARA_\w+) = (-?\d+)", abi.split("enum para_error {")[1].split("};")[0], re.M)
    check(len(functions) == 14 and len(errors) == 11, f"{functions} {errors}")
    for n, name in enumerate(functions):
        check(re.search(rf"^\| {n} \| `{name}` \|", manual, re.M), f"docs/hypercalls.md has no row for {n} {name}")
    for name, value in errors:
        check(re.search(rf"^\| {value} \| `{name}` \|", manual, re.M), f"docs/hypercalls.md has no row for {value} {name}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    guest.BUILD = a.build
    return tally.run(tally.of(a.names, globals()), Skipped, (guest.Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
