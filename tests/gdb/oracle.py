# SPDX-License-Identifier: MIT
"""QEMU's own stub before the same guest says the same: registers, memory, threads, stops."""
import os
import re
import subprocess
import tempfile
import time

from rig import QEMU, Client, Vitrine, check, gdb, guest, need


class Qemu:
    """qemu-system-riscv64 -S with its stub on a unix socket, the machine as vitrine's is."""

    def __init__(self, kernel, *args):
        self.dir = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.dir.name, "gdb")
        command = [need(QEMU), "-M", "virt", "-m", "128M", "-bios", "none", "-kernel", kernel, "-display", "none", "-serial", "null", "-monitor", "none", "-S",
                   "-chardev", f"socket,id=gdb,path={self.socket},server=on,wait=off", "-gdb", "chardev:gdb", "-icount", "shift=0", *args]
        self.p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        end = time.monotonic() + 30
        while not os.path.exists(self.socket) and time.monotonic() < end:
            time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.kill()
        self.p.wait()
        self.dir.cleanup()


def kernel():
    return guest("guests/ukern/ukern.elf")


# A gdb for Linux takes what has no word about it for Linux, and then steps over LR..SC at once: not so where the description tells, as ours does.
OSABI = 'gdb.execute("set osabi none")\n'


def both(*commands, args=(), python="", keep=r"", **more):
    """What each prints of the commands, from the first line that fits `keep` on, without what names gdb's own state."""
    outs = []
    for make in (Vitrine, Qemu):
        with make(kernel(), *args) as machine:
            outs.append(gdb(machine, *commands, "kill", file=kernel(), python=OSABI + python, **more))
    return outs


def same(ours, theirs, pattern, least):
    a, b = re.findall(pattern, ours, re.M), re.findall(pattern, theirs, re.M)
    check(len(a) >= least, f"only {len(a)} of /{pattern}/ in {ours[-2000:]}")
    check(a == b, "vitrine and QEMU differ:\n" + "\n".join(f"  {x!r} {y!r}" for x, y in zip(a, b) if x != y) + f"\n  {len(a)} and {len(b)}")


def description(where):
    with Client(where.socket) as c:
        c.ask("qSupported:xmlRegisters=i386")
        names = re.findall(r'href="([^"]+)"', c.document("features:read:target.xml"))
        documents = [c.document("features:read:target.xml")] + [c.document(f"features:read:{name}") for name in names]
        regs, at = {}, 0
        for document in documents:
            for r in re.findall(r"<reg\b([^>]*)>", document):  # no parser takes QEMU's unbound prefix xi:
                field = dict(re.findall(r'(\w+)="([^"]*)"', r))
                at = int(field.get("regnum") or at)
                regs[field["name"]] = at
                at += 1
        return regs


def test_registers_have_the_same_numbers():
    with Vitrine(kernel()) as v:
        ours = description(v)
    with Qemu(kernel()) as q:
        theirs = description(q)
    common = set(ours) & set(theirs)
    check(len(common) > 100, f"only {len(common)} names in common")
    # QEMU gives priv a number in front of its CSRs; gdb itself counts as we do.
    wrong = {n: (ours[n], theirs[n]) for n in common - {"priv"} if ours[n] + (ours[n] >= 65) != theirs[n]}
    check(not wrong, f"numbers (ours, QEMU's): {wrong}")
    # What its hart has and ours has not.
    other = (r"tdata|tselect|tinfo|tcontrol|mcontext|mseccfg|[mhs]stateen|dcsr|dpc|scountovf|v[lx]|vstart|vxsat|vcsr|vtype|\w*topi|\w*iselect|\w*ireg|\w*top?ei|mv|hvi"
             r"|seed|\w+h$|pmpcfg|hpmcounter|mhpm|upm|spm|mpm|umte|smte|mmte|vdsso|hviprio|hvictl")
    missing = [n for n in theirs if n not in ours and not re.match(other, n)]
    check(not missing, f"QEMU has, and we have not: {missing}")


def test_stops_and_frames():
    ours, theirs = both("break s_main", "continue", "backtrace", "info registers sp gp tp a0", "break vm_init", "continue", "backtrace", "next", "next",
                        "step", "backtrace", "finish", "info registers sp gp tp a0", "info symbol $pc")
    same(ours, theirs, r"^(#\d .*|Breakpoint \d, .*|\d+\t.*|[a-z]\w\d? +0x\w+.*|\w+ .*in section.*|Value returned.*)$", 18)


def test_csrs_after_boot():
    ours, theirs = both("break scheduler", "continue", "info registers satp mtvec mepc mcause medeleg mideleg stvec sie mscratch scounteren mcounteren misa priv")
    # misa: QEMU's rv64 has the same letters
    same(ours, theirs, r"^((?:satp|mtvec|mepc|medeleg|mideleg|stvec|sie|mscratch|scounteren|mcounteren|misa|priv) +0x\w+)", 10)


def test_each_instruction():
    """Three hundred steps of one instruction each: the same addresses and registers, but for those in which a compiler may keep the time."""
    python = """
class Steps(gdb.Command):
    def __init__(self):
        super().__init__("steps", gdb.COMMAND_USER)

    def invoke(self, arg, tty):
        for _ in range(int(arg)):
            gdb.execute("stepi", to_string=True)
            frame = gdb.selected_frame()
            print("step", *("%x" % (int(frame.read_register(r)) % 2**64) for r in ("pc", "ra", "sp", "a4", "a5", "t0")))

Steps()
"""
    ours, theirs = both("break vm_init", "continue", "steps 300", python=python)
    same(ours, theirs, r"^(step .*)$", 300)


def test_memory():
    ours, theirs = both("break vm_init", "continue", "x/64wx _entry", "x/16i s_main", "x/s 0", "print boot.harts", "print/x *(int *)$sp", "x/2gx 0x1000000000",
                        "maintenance packet qqemu.Supported", "maintenance packet qqemu.sstepbits", "maintenance packet Qqemu.PhyMemMode:1",
                        "maintenance packet qqemu.PhyMemMode", "x/4wx 0x80000000")
    same(ours, theirs, r"^(0x8\w+.*:\t.*|   0x8\w+.*|=> .*|\$\d+ = .*|.*Cannot access.*)$", 30)
    same(ours, theirs, r"^(received: .*)$", 4)


def test_watchpoints():
    ours, theirs = both("break s_main", "continue", "watch boot.harts", "watch kernel_pt", "rwatch boot.ram_size", "continue", "continue", "continue", "backtrace 2")
    same(ours, theirs, r"^(Hardware (?:read )?watchpoint \d: .*|Value = .*|Old value = .*|New value = .*|\w+ \(.*\) at .*|\d+\t.*|#\d .*)$", 8)
