#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Guests in virtual machines, by every technique: they must print, count and end as on the bare machine, instruction by instruction.

run.py --build DIR [--techniques A,B] [NAME...]   the tests whose names contain one of NAME; none = all

equivalence.py has the table of all guests. The last line is "N passed, N failed".
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(HERE, "..", "guest"))
import run as guest  # noqa: E402
from run import Skipped, check, ends, vitrine  # noqa: E402
import tally  # noqa: E402

sys.path.insert(0, HERE)
from compare_cases import *  # noqa: E402,F401,F403

TECHNIQUES = []
NO_H = "rv64,h=false"  # what a guest's hart is by default
TALK = b"csr\nwalk 80200000\nmem 80200000\ntrap\ntime\nsbi\noff\n"


def find(name):
    """A guest with a build of its own."""
    for folder, _, files in os.walk(os.path.join(guest.BUILD, "guests")):
        if name in files:
            return os.path.join(folder, name)
    raise Skipped(f"no {name}")


def count(run):
    found = re.search(r"^ *instructions +(\d+)", run.err, re.M)
    check(found, "--stats tells no instructions", run)
    return int(found.group(1))


def native(run):
    """Instructions that the real hart executed for the guest."""
    return int(re.search(r"instructions +\d+: (\d+) on the real hart", run.err).group(1))


def same(what, *args, stdin=b"", checked=True, max_insns=None, timeout=300):
    """The guest as it is bare, by each technique, and again with --check."""
    args = ("-cpu", NO_H, *args)
    limit = ("--max-insns", str(max_insns)) if max_insns else ()
    bare = vitrine("--stats", *args, *limit, stdin=stdin, timeout=timeout)
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "--stats", *args, *limit, stdin=stdin, timeout=timeout)
        check(r.status == bare.status, f"{what} under {t}: status {r.status}, bare {bare.status}", r)
        check(r.out == bare.out, f"{what} under {t} prints something else than bare: {bare.out[-800:]!r}", r)
        check(count(r) == count(bare), f"{what} under {t}: {count(r)} instructions, bare {count(bare)}", r)
        if checked:
            c = vitrine("--vmm", t, "--check", *args, *limit, stdin=stdin, timeout=timeout)
            check(c.status == bare.status and c.out == bare.out, f"{what} under {t} with --check", c)
            check(re.search(r"--check: no difference in \d+ comparisons", c.err), f"{what} under {t}: --check says nothing", c)
    return bare


# ---- Equivalence ----

def test_hello():
    same("hello", "-kernel", guest.guest("hello"))


def test_shell():
    bare = same("shell", "-kernel", guest.guest("shell"), stdin=TALK)
    ends(bare, 0, "illegal instruction")


def test_shell_runs_on_the_real_hart():
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "--stats", "-kernel", guest.guest("shell"), stdin=TALK)
        if t == "emulate":
            check(native(r) == 0, "emulate runs nothing on the real hart", r)
        else:
            check(native(r) > count(r) * 9 // 10, f"under {t} most of the guest runs on the real hart", r)


def test_sbi():
    same("sbi", "-kernel", guest.guest("sbi"), max_insns=3000000)


def test_ways_to_end():
    for name in ("test-pass", "test-fail", "tohost-pass", "tohost-fail", "tohost-half", "tohost-half-once", "tohost-half-wfi", "tohost-print",
                 "tohost-halves-print", "tohost-write"):
        same(name, "-kernel", guest.guest(name))
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "-kernel", guest.guest("test-reset"), "-no-reboot")
        ends(r, 0)
        r = vitrine("--vmm", t, "-kernel", guest.guest("wfi"))
        ends(r, 126, err=r"vm 1 \(wfi.elf\): the guest can never move again: Hart 0 waits")
        r = vitrine("--vmm", t, "-kernel", guest.guest("stuck"))
        ends(r, 126, err=r"vm 1 \(stuck.elf\): .*traps for ever")
        r = vitrine("--vmm", t, "-kernel", guest.guest("loop"), "--max-insns", "1000000")
        ends(r, 124, err="stopped after 1000000 instructions of all guests")


def test_signature():
    with tempfile.TemporaryDirectory() as d:
        files = [os.path.join(d, t) for t in ("bare", *TECHNIQUES)]
        vitrine("-kernel", guest.guest("signature"), "--signature", files[0])
        for t, f in zip(TECHNIQUES, files[1:]):
            ends(vitrine("--vmm", t, "-kernel", guest.guest("signature"), "--signature", f), 0)
            check(open(f).read() == open(files[0]).read(), f"signature under {t}")


def test_ukern():
    """A kernel that starts in M mode, sets up PMP and delegation, and runs user processes."""
    bare = same("ukern", "-kernel", find("ukern.elf"), checked=False)
    ends(bare, 0, "0 failed")


def test_instruction_traces():
    """Every instruction with what it changed: the same bytes, but that VS is how S looks from below."""
    with tempfile.TemporaryDirectory() as d:
        texts = {}
        for t in TECHNIQUES:
            f = os.path.join(d, t)
            ends(vitrine("--vmm", t, "--trace", f"insn:{f}", "-kernel", guest.guest("shell"), stdin=TALK), 0)
            lines = open(f).read()
            texts[t] = re.sub(r"^( *\d+ vm1 h0) (VS|VU|S|U) +", r"\1 ", lines, flags=re.M)
            check(texts[t].count("\n") > 10000, f"trace under {t}")
            check(texts[t] == texts[TECHNIQUES[0]], f"the trace under {t} is not that under {TECHNIQUES[0]}")


def test_check_with_a_slow_reader():
    """How fast the host takes what a guest prints is nothing that --check may take for a difference."""
    for t in TECHNIQUES:
        p = subprocess.Popen([guest.path("vitrine"), "run", "--vmm", t, "--check", "-m", "32M", "-kernel", guest.guest("mono")],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pipesize=4096)
        p.stdin.write(b"cat motd\n" * 100 + b"exec true\n")
        p.stdin.close()
        time.sleep(0.5)  # by then pipe and buffer are full
        out, err = p.stdout.read(), p.stderr.read().decode("latin-1")
        r = guest.Run(p.wait(), out[-500:].decode("latin-1"), err)
        check(len(out) > 12000, f"only {len(out)} bytes, which the pipe and the buffer hold", r)
        ends(r, 0, err="--check: no difference in")


def test_slices_change_nothing():
    for t in TECHNIQUES:
        runs = [vitrine("--vmm", t, "--slice", s, "--stats", "--vm", f"-kernel {guest.guest('shell')} -serial stdio", "--vm",
                        f"-kernel {guest.guest('sbi')} -serial null", "--max-insns", "2000000", stdin=b"csr\n") for s in ("977", "100000")]
        check(runs[0].out and "sstatus" in runs[0].out, "the shell answers", runs[0])
        check(sorted(runs[0].out) == sorted(runs[1].out), f"slices change what a guest prints under {t}", runs[0])


# ---- Several guests ----

def test_neighbours_change_nothing():
    """A guest's instructions are the same alone and beside others, which spin, trap for ever and flood the VMM with exits."""
    shell, loop, stuck, sbi = (guest.guest(n) for n in ("shell", "loop", "stuck", "sbi"))
    with tempfile.TemporaryDirectory() as d:
        typed = os.path.join(d, "typed")
        for t in TECHNIQUES:
            files = [os.path.join(d, f"{t}.{n}") for n in ("alone", "beside")]
            others = ["--vm", f"-kernel {loop} -serial null -m 16M", "--vm", f"-kernel {stuck} -serial null -m 16M",
                      "--vm", f"-kernel {sbi} -serial null -m 32M"]
            for f, more in zip(files, ([], others)):
                with open(typed, "wb") as out:
                    out.write(TALK)
                r = vitrine("--vmm", t, "--slice", "5000", "--trace", f"insn,trap,if=vm == 1:{f}", "--vm", f"-kernel {shell} -serial null -m 32M",
                            *more, "--max-insns", "60000" if not more else "240000")
                check(r.status == 124, "it stops by --max-insns", r)
            alone, beside = (open(f).read().split("\n") for f in files)
            n = min(len(alone), len(beside)) - 2
            check(n > 10000, f"traces of {len(alone)} and {len(beside)} lines under {t}")
            check(alone[:n] == beside[:n], f"vm 1 is not under {t} beside others what it is alone")


def test_a_guest_that_wants_ever_more_tables():
    """It has its share of the frames for tables: its neighbour's are filled as often as beside one that wants none."""
    mono, roots, hello = (guest.guest(n) for n in ("mono", "roots", "hello"))
    for t in ("trap", "translate"):
        def filled(other):
            r = vitrine("--vmm", t, "--slice", "200000", "--stats", "--vm", f"-m 16M {other} -serial null", "--vm", f"-m 32M -kernel {mono}", "--max-insns",
                        "1000000", stdin=b"ls\nprimes 200\nexit\n", timeout=60)
            check("46 primes below 200" in r.out, "the neighbour's work", r)
            return re.findall(r"table entries filled (\d+)", r.err)[1]
        alone = filled(f"-kernel {hello}")
        for n in (637, 638, 1500) if t == "trap" else (638,):
            beside = filled(f"-kernel {roots} -device loader,addr=0x80300000,data={n},data-len=8")
            check(beside == alone, f"beside {n} address spaces {beside} entries are filled, else {alone}")


def test_one_crashes_others_go_on():
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "--vm", f"-kernel {guest.guest('stuck')} -serial null -m 16M", "--vm", f"-kernel {guest.guest('hello')} -m 16M",
                    "--vm", f"-kernel {guest.guest('test-fail')} -serial null -m 16M", "--vm", f"-kernel {guest.guest('test-pass')} -m 16M")
        ends(r, 126, "[2] Hello from a RISC-V machine behind glass.\n", r"vm 1 \(stuck.elf\): the guest can never move again")
        ends(r, 126, err=r"vm 2 \(hello.elf\): ended with status 0 after 352 instructions")
        ends(r, 126, err=r"vm 3 \(test-fail.elf\): ended with status [1-9]")
        ends(r, 126, err=r"vm 4 \(test-pass.elf\): ended with status 0")


def test_one_terminal():
    for t in TECHNIQUES:
        shell = guest.guest("shell")
        s = guest.Session("--vmm", t, "--vm", f"-kernel {shell} -m 32M", "--vm", f"-kernel {shell} -m 64M", use_pty=True)
        s.expect(r"\[1\] > ")
        s.expect(r"\[2\] > ")
        s.type("sbi\n")
        s.expect(r"\[1\] SBI 2\.0")
        s.type("\x012")
        s.expect("keys go to vm 2")
        s.type("off\n")
        s.expect(r"\[2\] (> )?off")
        s.expect("keys go to vm 1")  # who has ended can be told nothing
        s.type("\x012")
        s.expect("vm 2 has ended; keys go to vm 1")
        s.type("\x019")
        s.expect("there is no vm 9 here; keys go to vm 1")
        s.type("trap\n")
        s.expect(r"\[1\] trap: scause 2")
        s.type("off\n")
        check(s.status() == 0, f"status {s.p.returncode} under {t}")


def test_end_of_input():
    """Guests that wait for keys that can no longer come are told of, each by itself."""
    shell = guest.guest("shell")
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "--vm", f"-kernel {guest.guest('wfi')} -m 16M", "--vm", f"-kernel {shell} -m 32M", "--max-insns", "3000000")
        check(r.status == 124, "the shell polls for ever", r)
        ends(r, 124, err=r"vm 1 \(wfi.elf\): the guest can never move again")


def test_consoles_of_their_own():
    with tempfile.TemporaryDirectory() as d:
        for t in TECHNIQUES:
            a, b = (os.path.join(d, f"{t}.{n}") for n in "ab")
            r = vitrine("--vmm", t, "--vm", f"-kernel {guest.guest('hello')} -serial file:{a}", "--vm",
                        f"-kernel {guest.guest('hello')} -serial 'file:{b}'")
            ends(r, 0, err="vm 2 .*ended with status 0")
            check(open(a).read() == open(b).read() == "Hello from a RISC-V machine behind glass.\n", f"consoles under {t}")


# ---- The VMM's steps ----

def test_steps_of_a_fill():
    if "nested" not in TECHNIQUES:
        raise Skipped("not nested")
    with tempfile.TemporaryDirectory() as d:
        f = os.path.join(d, "trace")
        ends(vitrine("--vmm", "nested", "--trace", f"vmm:{f}", "-kernel", guest.guest("shell"), stdin=TALK), 0)
        steps = re.findall(r" (vm_\w+) ", open(f).read())
        ladder = ["vm_hgatp", "vm_entry", "vm_exit", "vm_p2m", "vm_gstage", "vm_gstage", "vm_gstage", "vm_entry"]
        check(steps[:8] == ladder, f"the first fill goes {steps[:8]}")
        text = open(f).read()
        check("vm_exit   reason page, cause instruction guest page fault (20), tval 0x80200000" in text, "the first intercept")
        check(re.search(r"vm_exit +reason ecall.*\n.*vm_decode +name ecall.*\n.*vm_emulate", text),
              "an ecall is intercepted, decoded, emulated")


def test_tables_show_nothing_foreign():
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "--check-shadow", "--vm", f"-kernel {guest.guest('shell')} -m 32M -serial null", "--vm",
                    f"-kernel {guest.guest('sbi')} -m 32M -serial null", "--max-insns", "300000")
        check(r.status == 124 and "check-shadow" not in r.err, f"--check-shadow under {t}", r)


# ---- The command line ----

def test_help():
    r = vitrine("--vmm", "help")
    for t in ("emulate", "nested"):
        check(f"  {t} " in r.out, "--vmm help lists it", r)


def refused(message, *args):
    r = vitrine(*args)
    ends(r, 125, err=message)
    check(not r.out, "nothing ran", r)


def test_xuk_of_one_guest():
    """Who has no Xuk does not get it from a neighbour who has."""
    leaky = guest.guest("leaky")
    for t in ("emulate", "translate"):
        r = vitrine("--vmm", t, "--vm", f"-cpu rv64,xuk=true -kernel {leaky}", "--vm", f"-kernel {leaky} -m 32M", "--max-insns", "2000000")
        check("[1] All as on a machine of my own" in r.out and "[2] All as" not in r.out, f"Xuk under {t}", r)


def test_extensions_that_the_real_machine_lacks():
    """Who has them has them all the same: what traps on the real hart the virtual one does."""
    for t in ("emulate", "trap", "translate", "para"):
        r = vitrine("--vmm", t, "--check", "-cpu", "rv64,c=false,m=false,a=false,zba=false", "--vm", f"-cpu rv64 -kernel {guest.guest('shell')} -m 32M", stdin=TALK)
        ends(r, 0, err="--check: no difference in")


def test_breakpoints_of_the_guest():
    """Only what translate has put there is called rewritten."""
    with tempfile.TemporaryDirectory() as d:
        for t in ("trap", "translate"):
            f = os.path.join(d, t)
            ends(vitrine("--vmm", t, "-cpu", "rv64,xuk=true", "--trace", f"vm_exit:{f}", "-kernel", guest.guest("storm"), "-append", "seed=1 steps=4000 fence=1"), 0)
            text = open(f).read()
            check("reason exception, cause breakpoint (3)" in text, f"an ebreak under {t}")
            check(("rewritten" in text) == (t == "translate"), f"what was rewritten under {t}")
            check(not re.search(r"reason rewritten.*(insn 0x100073|insn 0x\w*9002)$", text, re.M), f"an ebreak under {t} is called rewritten")


def test_lines_of_ftrace():
    with tempfile.TemporaryDirectory() as d:
        f = os.path.join(d, "t.ftrace")
        vitrine("--vmm", "trap", "--trace", f"kvm_entry,kvm_exit:{f}", "-kernel", guest.guest("mono"), "-serial", "null", "--max-insns", "150000")
        text = open(f).read()
        check(re.search(r"kvm_exit: SEPC:0x80200\w+, SCAUSE:0x2, STVAL:0x18029073, HTVAL:0x0, HTINST:0x0\n.*kvm_entry: PC: 0x0000000080200", text),
              "Linux's fields of kvm_exit and kvm_entry")
        check("SCAUSE:0x8000000000000005, STVAL:0x0" in text, "the end of the run is a timer's")


def test_refusals():
    hello = guest.guest("hello")
    refused(r"--vmm twice: no such technique: there are emulate, ", "--vmm", "twice", "-kernel", hello)
    refused(r"--vm: only with --vmm", "--vm", f"-kernel {hello}")
    refused(r"--check: only with --vmm", "--check", "-kernel", hello)
    refused(r"a quote is not closed", "--vmm", "emulate", "--vm", f"-kernel '{hello}")
    refused(r"--vm \(guest 2\): -nothing: no such option", "--vmm", "emulate", "--vm", f"-kernel {hello}", "--vm", "-nothing")
    refused(r"-kernel with --vm: .*give it inside", "--vmm", "emulate", "-kernel", hello, "--vm", f"-kernel {hello}")
    refused(r"-smp 2 with --vm: .*leave it out", "--vmm", "emulate", "-smp", "2", "--vm", f"-kernel {hello}")
    refused(r"RAM of 64 MiB is too small for 1 guest .*give -m \d+M", "--vmm", "emulate", "-m", "64M", "--vm", f"-kernel {hello}")
    refused(r"-smp 2: a virtual machine has one hart", "--vmm", "emulate", "-smp", "2", "-kernel", hello)
    refused(r"has the H extension itself.*h=false", "--vmm", "nested", "-cpu", "rv64,h=true", "-kernel", hello)
    refused(r"differ in zba", "--vmm", "nested", "--vm", f"-cpu rv64,zba=false -kernel {hello}")
    for t in ("trap", "translate", "para"):
        refused(rf"--vmm {t}: the real machine has zba, which vm 1 \(hello.elf\) is to be without.*give the real machine -cpu rv64,zba=false", "--vmm", t,
                "--vm", f"-cpu rv64,zba=false -kernel {hello}")
    for option in ("--vmstat", "--trace vmm", "-D x", "--stats", "--profile", "--post-mortem x", "-s", "-S", "-pidfile x", "--max-insns 5", "--check"):
        refused(rf"--vm \(guest 1\): .*{option.split()[0]}.* outside of it" if option != "-D x" else "its format and file, and --stats belong outside",
                "--vmm", "trap", "--vm", f"-kernel {hello} {option}")
    for option in ("-serial null", "-bios none", "-snapshot", "-no-reboot", "-seed 4", "-append x", "-drive file=x", "-netdev user,id=n0"):
        refused(rf"{option.split()[0]} with --vm: .*give it inside of a --vm", "--vmm", "trap", *option.split(), "--vm", f"-kernel {hello}")
    leaky = guest.guest("leaky")
    refused(r"guest 2\): it is without Xuk", "--vmm", "trap", "--vm", f"-cpu rv64,xuk=true -kernel {leaky}", "--vm", f"-kernel {leaky}")
    refused(r"vm 2 \(nowhere\): -kernel /nowhere: No such file", "--vmm", "trap", "--vm", f"-kernel {hello}", "--vm", "-kernel /nowhere")
    refused(r"vitrine debug --vmm", "--vmm", "trap", "-s", "-kernel", hello)
    refused(r"--check: .*network", "--vmm", "emulate", "--check", "-nic", "user", "-kernel", hello)


def test_isa_of_a_guest():
    """A guest without an extension, and with H where the interpreter runs it."""
    for t in TECHNIQUES:
        r = vitrine("--vmm", t, "-cpu", "rv64,zba=false,h=false", "-kernel", guest.guest("shell"), stdin=TALK)
        ends(r, 0, "illegal instruction")
    ends(vitrine("--vmm", "emulate", "-cpu", "rv64,h=true", "-kernel", guest.guest("hello")), 0, "Hello")


def techniques():
    out = subprocess.run([guest.path("vitrine"), "run", "--vmm", "help"], stdout=subprocess.PIPE, check=True).stdout.decode()
    return re.findall(r"^  (\w+) ", out, re.M)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--techniques", help="only these, comma separated")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    guest.BUILD = a.build
    TECHNIQUES.extend(a.techniques.split(",") if a.techniques else techniques())
    return tally.run(tally.of(a.names, globals()), Skipped, (guest.Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
