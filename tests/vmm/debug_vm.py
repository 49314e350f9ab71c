#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The debugger over virtual machines: `vitrine debug --vmm TECHNIQUE`, through a terminal and in batches.

debug_vm.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all

The ladder is what happens when a guest loads its page-table register under shadow paging: ladder.golden has its steps, with addresses
replaced by #1, #2, ... in the order in which they come, so that who is the same as whom is part of it. It must come out of a trace, and
of the prompt, one step at a time.
"""
import os
import re
import subprocess
import sys
import tempfile
import termios
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "debug"))
import run as prompt  # noqa: E402
from run import Prompt, batch, check, find  # noqa: E402

NAMES = ["vm_exit", "vm_decode", "vm_emulate", "ptr", "vm_root", "vm_shadow_root", "vm_protect", "vm_satp", "vm_entry"]
MODES = {0: "Bare", 8: "Sv39", 9: "Sv48", 10: "Sv57"}


def mono():
    return prompt.guest("mono")


def is_satp_load(insn):
    return insn & 0xfff0707f == 0x18001073


class Normal:
    """Addresses by the order in which they come."""

    def __init__(self, pc):
        self.pc, self.seen = pc, {}

    def address(self, v):
        return f"#{self.seen.setdefault(v, len(self.seen) + 1)}"

    def satp(self, v):
        if not v >> 60:
            return "Bare"
        return f"{MODES[v >> 60]}:{self.address((v & (1 << 44) - 1) << 12)}"

    def line(self, name, a):
        """a: the step's arguments, by name, numbers as int."""
        if name == "vm_exit":
            return f"vm_exit reason={a['reason']} cause={a['cause']} csr={'satp' if is_satp_load(a['tval']) else hex(a['tval'])}"
        if name == "ptr":  # emulated: the virtual satp
            return f"ptr csr={a['csr']} old={self.satp(a['old'])} new={self.satp(a['new'])}"
        if name == "vm_decode":
            return f"vm_decode name={a['name']}"
        if name in ("vm_root", "vm_protect"):
            on = f" on={a['on']}" if "on" in a else ""
            return f"{name} gpa={self.address(a['gpa'])} hpa={self.address(a['hpa'])}{on}"
        if name == "vm_shadow_root":
            return f"vm_shadow_root root={self.address(a['root'])} role={a['role']:#x} known={a['known']}"
        if name == "vm_satp":
            # The new root is known by now; the old one is not.
            new = self.satp(a["new"])
            return f"vm_satp old={self.satp(a['old'])} new={new}"
        if name == "vm_entry":
            return f"vm_entry mode={a['mode']} pc=+{a['pc'] - self.pc}"
        return name


def golden():
    with open(os.path.join(HERE, "ladder.golden"), encoding="utf-8") as f:
        return f.read().splitlines()


def number(word):
    return int(word, 16) if re.fullmatch(r"0x[0-9a-f]+", word) else word


def trace_arguments(text):
    """reason privileged, cause illegal instruction (2), tval 0x18029073; of vm_satp: 0x1 -> 0x2; of ptr: csr satp, 0x1 -> 0x2"""
    m = re.match(r"(?:csr (\w+), )?(0x[0-9a-f]+) -> (0x[0-9a-f]+)$", text)
    if m:
        return {"csr": m[1], "old": int(m[2], 16), "new": int(m[3], 16)}
    a = {}
    for part in text.split(", "):
        name, _, value = part.partition(" ")
        value = re.sub(r" [<(].*", "", value).replace(" ", "-")
        a[name] = number(value)
    return a


def traced_ladder():
    """The first one in a trace: the pc, and the steps as (name, arguments)."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "trace")
        subprocess.run([prompt.vitrine(), "run", "--quiet", "--vmm", "trap", "-m", "64M", "-kernel", mono(), "--trace", "vmm,ptr:" + path, "--max-insns",
                        "150000"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=120, check=False)
        with open(path, encoding="utf-8") as f:
            lines = [re.match(r" *\d+ vm1 h0 \S+ +([0-9a-f]{16}) (?:<.*?>)? +(vm_\w+|ptr) +(.*)$", line) for line in f]
    steps = [(int(m[1], 16), m[2], trace_arguments(m[3])) for m in lines if m]
    for i, (pc, name, a) in enumerate(steps):
        if name == "vm_exit" and a["reason"] == "privileged" and is_satp_load(a["tval"]):
            return pc, [s[1:] for s in steps[i:i + len(NAMES)]]
    raise prompt.Failed("no load of satp was intercepted", str(steps[:5]))


def shown_arguments(text):
    """reason privileged  cause illegal instruction  tval 0x18029073: words behind two blanks."""
    a = {}
    for part in text.strip().split("  "):
        name, _, value = part.strip().partition(" ")
        a[name] = number(re.sub(r" <.*", "", value.strip()).replace(" ", "-"))
    return a


def test_ladder_in_a_trace():
    pc, steps = traced_ladder()
    n = Normal(pc)
    lines = [n.line(name, a) for name, a in steps]
    check(lines == golden(), "the ladder is another", "\n".join(lines))


def test_ladder_at_the_prompt():
    pc, traced = traced_ladder()
    n, seen = Normal(pc), []
    with Prompt("--vmm", "trap", "-m", "64M", "-kernel", mono()) as p:
        p.do(f"break *{pc:#x}")
        find("csrw +satp", p.do("continue"))
        p.do("delete")
        for _ in range(2 * len(NAMES)):
            told = p.do("stepx vmm,ptr")
            m = find(r"^(vm_\w+|ptr) +(.*)$", told)
            check("mid-instruction" in told, f"{m[1]}: one stands in its midst", told)
            if not seen and m[1] != "vm_exit":
                check(m[1] == "vm_entry", "only the entry to that instruction comes before", told)
                continue
            a = shown_arguments(re.sub(r"insn csrw +satp, \w+", "", m[2]))
            seen.append(n.line(m[1], a))
            for name in ("gpa", "hpa", "root", "old", "new"):
                at = len(seen) - 1
                check(m[1] != traced[at][0] or a.get(name) == traced[at][1].get(name) or m[1] == "vm_exit",
                      f"{m[1]}: {name} is {a.get(name)}, in the trace {traced[at][1].get(name)}")
            if m[1] == "vm_emulate":
                find(r"= 0x0$", p.do("print/x $satp"))
            if m[1] == "vm_root":
                find(rf"= 0x8{a['gpa'] >> 12:015x}$", p.do("print/x $satp"))
            if m[1] == "vm_satp":  # it is loaded
                p.do("vm real")
                find(rf"= {a['new']:#x}$", p.do("print/x $satp"))
                p.do("vm 1")
            if m[1] == "vm_entry":
                break
        check(seen == golden(), "the ladder is another", "\n".join(seen))
        # What the next step is for: the first fetch through the new root has no entry.
        find(r"^vm_exit +reason page +cause instruction page fault", p.do("stepx vmm"))
        find(r"Nobody's fault: the guest may do that, but the VMM's table had no entry", p.do("why"))
        p.do("quit", until=r"\n|$")
        check(p.status() == 0, "it ends with 0")


def test_steps_under_each_technique():
    for technique, first in (("trap", "vm_shadow_root"), ("translate", "vm_shadow_root"), ("nested", "vm_hgatp")):
        r = batch("--vmm", technique, "-m", "64M", "-kernel", mono(), script="stepx vmm\nstepx vmm\nstepi\nstepi 3\ninfo vms")
        find(rf"^{first} ", r.out)
        find(rf"^\* 1 +mono\.elf +{technique} +runs +(3|4) ", r.out)
    r = batch("--vmm", "emulate", "-m", "64M", "-kernel", mono(), script="stepi 4\nshadow $pc\ninfo shadow\ninfo vms")
    find(r"^Under emulate the interpreter walks", r.out)
    find(r"^\* 1 +mono\.elf +emulate +runs +4 +0 ", r.out)


def test_breakpoint_set_between_two_steps():
    """A breakpoint that is set in the midst of an instruction holds from then on."""
    for technique in ("trap", "nested"):
        r = batch("--vmm", technique, "-m", "64M", "-kernel", mono(), script="stepx vmm\nstepx vmm\nbreak trap\ncontinue\ndelete\nquit")
        find(r"^Breakpoint 1, vm 1, hart 0 in S mode: .*<trap>", r.out)
    r = batch("-m", "64M", "-kernel", mono(), script="stepx csr\nbreak trap\ncontinue\nquit")
    find(r"^Breakpoint 1, hart 0 in S mode: .*<trap>", r.out)


def test_two_machines():
    with Prompt("--vmm", "trap", "--vm", f"-m 32M -kernel {mono()}", "--vm", f"-m 32M -kernel {mono()}") as p:
        find(r"^\* 1 .*\n  2 .*\n  0 +the real machine", p.do("info vms"))
        p.do("vm 2")
        find("Breakpoint 1 at", p.do("break trap"))
        find(r"Breakpoint 1, vm 2, hart 0 in S mode: 0x[0-9a-f]+ <trap>", p.do("continue"))
        find(r"#0 .*trap", p.do("bt"))
        find(r"^\* 2 ", p.do("info vms"))
        before = find(r"^  1 .*", p.do("info vms"))[0]
        p.do("stepi 5")
        check(find(r"^  1 .*", p.do("info vms"))[0] == before, "a step of one moves the other")
        find("real machine, hart 0 in S mode", p.do("vm real"))
        find("give vm N first", p.do("stepi"))
        find("give vm N first", p.do("break *0x80000000"))
        find("there are 1 to 2", p.do("vm 3"))
        p.do("vm 1")
        for command in ("reset", "kill"):
            find("virtual machines cannot be started again", p.do(command))
        p.do("delete")
        find(r"^vm_turn +from 2 +to 1|^vm_turn +from 1 +to 2", p.do("stepx vm_turn"))
        p.type("continue\n")  # both wait for keys
        p.until("continue")
        time.sleep(0.5)
        p.type("\x03")
        find(r"Interrupted, vm \d, hart 0 in S mode", p.until(prompt.PROMPT))
        # And go on from there: what is typed goes to the first.
        p.type("continue\n")
        p.until("continue")
        time.sleep(0.2)
        p.type("exit\r")
        p.until(r"\[1\] .*exit")
        time.sleep(0.5)
        p.type("\x03")
        find(r"\[vm 1 \(mono\.elf\): ended with status 0", p.until(prompt.PROMPT))
        find(r"^. 1 .* ended: 0 ", p.do("info vms"))
        p.do("vm 1")
        find("vm 1 \\(mono.elf\\) has ended: vm N chooses another", p.do("stepi"))
        p.do("vm 2")
        find("vm 2, hart 0", p.do("stepi"))


def two_shells(*more, technique="trap"):
    shell = prompt.guest("shell")
    p = Prompt("--vmm", technique, "--vm", f"-m 32M -kernel {shell}", "--vm", f"-m 32M -kernel {shell}", *more, command="run", wait=False)
    p.until(r"\[1\] > ")
    return p


def test_prompt_of_a_run():
    """Ctrl-A c, from one terminal for several: the VM that is typed to is looked at; continue gives the terminal back."""
    for technique in ("trap", "nested", "emulate"):
        with two_shells(technique=technique) as p:
            p.type("\x012")
            p.until("keys go to vm 2")
            p.type("\x01c")
            find(r"^vm 2, hart 0 in S mode: 0x", p.until(prompt.PROMPT))
            find(r"^\* 2 +shell\.elf +" + technique + " .*\n  0 +the real machine", p.do("info vms"))
            find(r"by reason|0 exits in", p.do("vmstat 2"))
            p.do("vm 1")
            p.do("stepi 3")
            p.type("continue\n")
            p.until("continue")
            p.type("time\r")
            p.until(r"\[2\] (> )?time")
            p.type("\x01c")
            p.until(prompt.PROMPT)
            p.type("continue\n")
            p.until("continue")
            p.type("off fail\r")
            find(r"^\[vm 2 \(shell\.elf\): ended with status 1 ", p.until(r"keys go to vm 1"))  # told at once, though vm 1 goes on
            p.type("off\r")
            p.until(r"All virtual machines have ended, with status 1\.")
            check(p.status() == 1, f"vm 2's status, under {technique} not {p.p.returncode}")
            check(termios.tcgetattr(p.side)[3] & termios.ECHO, "the terminal is as it was")
    with Prompt("--vmm", "trap", "-m", "32M", "-kernel", prompt.guest("shell"), command="run", wait=False) as p:  # a VM alone has the terminal
        p.until("> ")
        p.type("\x01c")
        find(r"hart 0 in S mode: 0x", p.until(prompt.PROMPT))
        find(r"^\* 1 +shell\.elf +trap ", p.do("info vms"))
        p.type("quit\n")
        check(p.status() == 0, "quit ends the run")


def test_keys_of_the_shared_terminal():
    with two_shells() as p:
        p.type("\x01h")
        find("debugger's prompt\n(.*\n)*.*keys go to the guest of that number", p.until("next guest\n"))
        p.type("\x01n")
        p.until("keys go to vm 2")
        p.type("\x01n")
        p.until("keys go to vm 1")
        p.type("\x010")
        p.until("there is no vm 0 here|there is no other")
        p.type("\x01x")
        check(p.status() == 0, f"Ctrl-A x ends with 0, not {p.p.returncode}")
        check("recorded events" not in p.text, "who ends a run by hand wants no last events", p.text)
        check(termios.tcgetattr(p.side)[3] & termios.ECHO, "the terminal is as it was")
    shell = prompt.guest("shell")  # the same at a prompt of `vitrine debug`
    with Prompt("--vmm", "trap", "--vm", f"-m 32M -kernel {shell}", "--vm", f"-m 32M -kernel {shell}") as p:
        p.type("continue\n")
        p.until(r"\[1\] > ")
        p.type("\x01c")
        find("vm 1, hart 0 in S mode", p.until(prompt.PROMPT))


def test_last_events_of_a_crash():
    """The last events of a VM that ended badly are its own."""
    stuck, shell = prompt.guest("stuck"), prompt.guest("shell")
    r = subprocess.run([prompt.vitrine(), "run", "--vmm", "trap", "--vm", f"-m 16M -serial null -kernel {stuck}", "--vm", f"-m 32M -kernel {shell}"],
                       input=b"off\n", stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False)
    told = r.stderr.decode()
    check(r.returncode == 126, "the first that did not end well", told)
    find(r"^vitrine: vm 1 \(stuck\.elf\): the guest can never move again: ", told)
    find(r"^vitrine: vm 2 \(shell\.elf\): ended with status 0", told)
    find(r"^vitrine: vm 1 \(stuck\.elf\), the last of \d+ recorded events", told)
    check(" vm2 " not in told and " vm1 " in told, "the other's events tell nothing of it", told)


def test_console_on_a_socket_and_a_pty():
    import socket
    with tempfile.TemporaryDirectory() as d:
        shell, at = prompt.guest("shell"), os.path.join(d, "console")
        p = subprocess.Popen([prompt.vitrine(), "run", "--vmm", "trap", "--vm", f"-m 32M -kernel {shell} -serial unix:{at},server=on,wait=on",
                              "--vm", f"-m 32M -kernel {shell} -serial pty"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 30
            while not os.path.exists(at) and time.monotonic() < end:
                time.sleep(0.05)
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(30)
                s.connect(at)
                line = b""
                while b"/dev/pts" not in line:
                    line = p.stdout.readline()
                    check(line, "it names the pty")
                with open(re.search(rb"/dev/pts/\d+", line)[0], "r+b", buffering=0) as pty:
                    for stream, send, receive in (("socket", s.sendall, s.recv), ("pty", pty.write, pty.read)):
                        send(b"sbi\r")
                        text = b""
                        while b"SBI 2.0" not in text:
                            more = receive(4096)
                            check(more, f"the {stream} ended", text.decode("latin-1"))
                            text += more
                        send(b"off\r")
            check(p.wait(60) == 0, f"status {p.returncode}")
        finally:
            p.kill()


def test_catching_exits():
    r = batch("--vmm", "trap", "-m", "64M", "-kernel", mono(), script="""
        catch exit privileged if $pc == 0x80200054
        continue
        why
        info vms
        vmstat 2""")
    find(r"^Catchpoint 1 \(exit privileged\): vm_exit +reason privileged .*csrw +satp, t0", r.out)
    find(r"now vm 1, hart 0 in S mode: 0x80200058", r.out)
    find(r"^The VMM's business: a privileged instruction", r.out)
    find(r"by reason", r.out)
    r = batch("--vmm", "trap", "-m", "64M", "-kernel", mono(), script="catch exit mmio\ncontinue\nwhy\ninfo breakpoints")
    find(r"Catchpoint 1 \(exit mmio\): vm_exit +reason mmio", r.out)
    find(r"0x1000_000\w is no RAM but uart", r.out)
    find(r"already hit 1 time", r.out)
    r = batch("--vmm", "trap", "-cpu", "rv64,svade=true", "-m", "64M", "-kernel", mono(), script="catch trap store-page-fault\ncontinue\nwhy")
    find(r"^The last exit of vm 1: exception, ", r.out)
    find(r"^The guest's own fault", r.out)
    find(r"^The guest's level 0 entry at 0x\w+: .* A=0, and with menvcfg\.ADUE=0 software has to set it", r.out.replace("_", ""))
    check("no trap of it is among" not in r.out, "what the virtual hart's own trap was", r.out)
    r = batch("--vmm", "trap", "-m", "64M", "-kernel", mono(), script="catch exit nonsense")
    find("catch exit nonsense: there are budget, page, mmio", r.out)
    r = batch("-kernel", mono(), script="info vms")
    find("there are no virtual machines here", r.out)


def test_tables_side_by_side():
    with Prompt("--vmm", "trap", "-cpu", "rv64,svade=true", "-m", "64M", "-kernel", mono()) as p:
        p.do("break trap")
        p.do("continue")
        told = p.do("walk $sp")
        find(r"^=> physical address 0x", told)
        m = find(r"^p2m +gpa (\w+) -> hpa (\w+)$", told)
        check(m[1] != m[2], "a frame is not at the guest's address", told)
        find(r"level 0\n  guest   none\n  shadow  hpa \w+: 0x\w+  V R W \. U \. A D  -> page hpa " + m[2][:-3], told)
        find(r"a direct table: the guest has one large page here", told)
        find(r"no G: ", told)
        find(r"^ +filled after \d+ instructions, for a (store|load) at 0x\w+ <\w+\+?\d*>$", told)
        told = p.do("info shadow")
        find(r"^hpa \S+ +root +2 +S .*gpa 0x", told)
        root = find(r"^hpa (\S+) +root +2 +S ", told)[1]
        find(r"^\[258\] 0xffff_ffc0_8000_0000 +V \. \. \. \. \. \. \. -> hpa \S+\n +filled after \d+ instructions, for a \w+ at 0x", p.do(f"info shadow {root}"))
        check("no shadow table lies there" in p.do("info shadow 0x1000"), "no table is told of")
        find(r"(\d+) tables \(\d+ of them roots", told)
        find(r"write-protected pages of the guest's, which hold its tables:\n  0x", told)
        p.do("delete")
        p.do("catch exit protected if $pc != 0 && cause == 15")
        # Its own page table is in the kernel's view of memory, and where that has been read there is an entry that must not be writable.
        for _ in range(8):
            at = find(r"vm_exit +reason protected +cause store page fault +tval (\w+)", p.do("continue"))[1]
            find("holds a page table of the guest's, and is write-protected", p.do("why"))
            told = p.do(f"shadow {at}")
            if "not filled yet" not in told:
                break
        find(r"V R \. \. U \. A D.*\n(.*\n)*.*no W: the page holds a page table of the guest's", told)
        p.do("delete")
        p.do("break trap")
        p.do("continue")
        p.do("watch *(long *)$sp")
        told = p.do("shadow $sp")
        find(r"V R \. \. U \. A D.*\n(.*\n)*.*no W: a watchpoint lies on the page", told)


def test_second_stage():
    r = batch("--vmm", "nested", "-m", "64M", "-kernel", mono(), script="""
        break trap
        continue
        shadow $pc
        info shadow
        vm real
        walk 0xffffffc080200c32 as VS""")
    find(r"^second stage  leaf for gpa \S+: 0x\w+  V R W X U . A D  -> hpa \S+$", r.out)
    find(r"^ +filled after \d+ instructions, for a (store|fetch|load) at 0x", r.out)
    find(r"^root at hpa \S+ \(hgatp 0x8\w+\), \d+ tables below it\n  gpa ", r.out)
    find(r"stage two translates gpa", r.out)


def test_ends():
    r = batch("--vmm", "trap", "-kernel", prompt.guest("test-fail"), script="continue\nstepi")
    find(r"^\[vm 1 \(test-fail\.elf\): ended with status 42", r.out)
    check(r.status in (42, 125), f"status {r.status}", r.out + r.err)
    r = batch("--vmm", "nonsense", "-kernel", mono())
    check(r.status == 125 and "no such technique" in r.err, "a technique that is none", r.err)


if __name__ == "__main__":
    # The other file's main() runs its module's tests: those of this one instead.
    for name in [n for n in vars(prompt) if n.startswith("test_")]:
        delattr(prompt, name)
    for name, fn in list(globals().items()):
        if name.startswith("test_"):
            setattr(prompt, name, fn)
    sys.exit(prompt.main())
