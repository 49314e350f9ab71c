#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The debugger's prompt, driven as a user drives it: through a terminal, by scripts, and in batches.

run.py --build DIR [NAME...]   the tests whose names contain one of NAME; none = all
Each test is a function test_* below. The last line is "N passed, N failed"; what cannot run here is skipped, and said.
"""
import argparse
import fcntl
import os
import pty
import re
import select
import signal
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tally  # noqa: E402

BUILD = ""
UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"
PROMPT = r"\(vitrine(, mid-instruction)?\) $"


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def guest(name):
    for folder in ("tests/guest", "guests", "guests/ukern"):
        p = os.path.join(BUILD, folder, name + ".elf")
        if os.path.exists(p):
            return p
    raise Skipped(f"no {name}.elf")


def vitrine():
    return os.path.join(BUILD, "vitrine")


def check(condition, what, shown=""):
    if not condition:
        raise Failed(what + (f"\n  it printed: {shown[-1800:]!r}" if shown else ""))


def find(pattern, text):
    m = re.search(pattern, text, re.M)
    check(m, f"/{pattern}/ is not in what it printed", text)
    return m


def environment(home):
    env = dict(os.environ, TERM="vt100", HOME=home, NO_COLOR="1")
    env.pop("XDG_STATE_HOME", None)
    return env


class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def batch(*args, script="", stdin=None, options=("--batch",), timeout=120):
    """vitrine debug with -ex for each line of script."""
    command = [vitrine(), "debug", *options, "--quiet", *args]
    for line in script.strip().splitlines():
        command += ["-ex", line.strip()]
    with tempfile.TemporaryDirectory() as home:
        p = subprocess.run(command, input=b"" if stdin is None else stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout,
                           env=environment(home))
    return Run(p.returncode, p.stdout.decode("latin-1").replace("\r\n", "\n"), p.stderr.decode("latin-1"))


class Prompt:
    """A debugger on a terminal: do() types a command and returns what it printed until the next prompt."""

    def __init__(self, *args, command="debug", home=None, wait=True):
        self.own = None if home else tempfile.TemporaryDirectory()
        self.master, side = pty.openpty()
        self.p = subprocess.Popen([vitrine(), command, "--quiet", *args], stdin=side, stdout=side, stderr=side, start_new_session=True,
                                  env=environment(home or self.own.name), preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        self.side = side
        os.set_blocking(self.master, False)
        self.text = ""
        if wait:
            self.until(PROMPT)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.p.kill()
        self.p.wait()
        os.close(self.master)
        os.close(self.side)
        if self.own:
            self.own.cleanup()

    def until(self, pattern, timeout=60):
        """Reads until the pattern appears in what was not taken yet; returns all up to its end."""
        end = time.monotonic() + timeout
        while True:
            m = re.search(pattern, self.text)
            if m:
                taken, self.text = self.text[:m.end()], self.text[m.end():]
                return taken
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [], left)[0]:
                raise Failed(f"/{pattern}/ did not come; last: {self.text[-1500:]!r}")
            try:
                data = os.read(self.master, 65536)
            except OSError:
                data = b""
            if not data:
                raise Failed(f"it ended before /{pattern}/; last: {self.text[-1500:]!r}")
            self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\r", "", data.decode("latin-1"))

    def type(self, text):
        os.write(self.master, text.encode("latin-1"))

    def do(self, command, until=PROMPT):
        self.text = ""
        self.type(command + "\n")
        self.until(r"\n")
        return self.until(until)

    def status(self, timeout=60):
        end = time.monotonic() + timeout
        while self.p.poll() is None and time.monotonic() < end:
            if select.select([self.master], [], [], 0.05)[0]:
                try:
                    self.text += os.read(self.master, 65536).decode("latin-1")
                except OSError:
                    pass
        check(self.p.returncode is not None, "it does not end", self.text)
        return self.p.returncode


# ---- Breakpoints and steps ----

def test_batch():
    r = batch("-bios", "none", "-kernel", guest("hello"), script="""
        stepi
        x/2i $pc
        info registers pc
        continue
        info harts""")
    find(r"^hart 0 in M mode: 0x1000$", r.out)
    find(r"^=> 0x1004:\taddi   a2, t0, 0x28\n   0x1008:\tcsrr   a0, mhartid$", r.out)
    find(r"^pc +0x1004 ", r.out)
    find(r"^Hello from a RISC-V machine behind glass\.\nThe guest ended with status 0 \(pass\)", r.out)
    find(r"^\* 0 .*<park> at hello\.S", r.out)
    check(r.status == 0, f"status {r.status}", r.out + r.err)


def test_status_of_a_batch():
    check(batch("-kernel", guest("test-fail"), script="continue").status == 42, "the guest's status")
    check(batch("-kernel", guest("wfi"), script="continue").status == 126, "126 of a guest that hangs")
    r = batch("-kernel", guest("hello"), script="break nowhere")
    check(r.status == 125 and "nowhere" in r.out, f"125 of a command that fails, not {r.status}", r.out)
    check(batch("-kernel", guest("hello"), script="quit 7").status == 7, "quit's own status")
    check(batch("-kernel", guest("hello"), script="").status == 0, "0 of a guest that did not end")


def test_break_and_backtrace():
    r = batch("-kernel", guest("ukern"), script="""
        break page_alloc
        break *proc_first if $a0 == 99
        continue
        backtrace
        finish
        info breakpoints
        up
        list
        frame 0
        delete 1
        tbreak syscall
        continue
        info breakpoints""")
    find(r"^Breakpoint 1 at 0x8\w+ <page_alloc.*> at page\.c:\d+$", r.out)
    find(r"^Breakpoint 1, hart 0 in S mode: 0x8\w+ <page_alloc.*> at page\.c:\d+\n\d+\t", r.out)
    find(r"^#0 +0x0*8\w+ in page_alloc.*page\.c:\d+\n#1 +0x\w+ in \w+.*, by cfi\n(#.*\n)*#\d .* in s_main.*\n#\d .* in m_start", r.out)
    find(r"^Run until the return to 0x8\w+ <.*>\nhart 0 in S mode: 0x8\w+ .*\n(.*\n)*?Value returned is \$1 = \(void \*\) 0x8\w+", r.out)
    find(r"^1 +breakpoint +keep y +0x8\w+ <page_alloc.*\n +breakpoint already hit 1 time$", r.out)
    find(r"^2 +breakpoint +keep y +0x8\w+ <proc_first>.*\n +stop only if \$a0 == 99$", r.out)
    find(r"^#1 .*\n\d+\t", r.out)
    find(r"^Temporary breakpoint 3 at 0x8\w+ <syscall", r.out)
    find(r"^Temporary breakpoint 3, .*<syscall", r.out)
    check(not re.search(r"^3 +breakpoint", r.out, re.M), "a temporary breakpoint is gone once hit", r.out)


def test_no_breakpoint_changes_what_happens():
    """The same instructions retire with breakpoints, watchpoints and steps on the way as without."""
    plain = subprocess.run([vitrine(), "run", "--stats", "-kernel", guest("ukern"), "-smp", "2"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                           timeout=120, check=False)
    insns = find(r"^instructions +(\d+)", plain.stderr.decode()).group(1)
    r = batch("-kernel", guest("ukern"), "-smp", "2", "--stats", script="""
        break page_alloc if $sp == 0
        break syscall
        ignore 2 100000000
        watch free_count if *free_count > 1000000
        stepi 1000
        hart 1
        stepi 777
        nexti 5
        tbreak user_trap
        continue
        next
        next
        continue""")
    find(r"The guest ended with status 0", r.out)
    got = find(r"^instructions +(\d+)", r.err).group(1)
    check(got == insns, f"{got} instructions, not {insns}", r.out)


def test_condition_ignore_and_commands():
    r = batch("-kernel", guest("ukern"), script="""
        break page_alloc
        ignore 1 2
        commands 1
        silent
        print/x $pc
        echo \\ncommands were done\\n
        end
        continue
        info breakpoints
        condition 1 $a0 == $a0 + 1
        tbreak syscall
        continue
        disable 1
        info breakpoints""")
    find(r"Will ignore the next 2 hits of 1\.", r.out)
    find(r"^\$1 = 0x8\w+\n\ncommands were done$", r.out)
    find(r"breakpoint already hit 3 times", r.out)
    find(r"^Temporary breakpoint 2, .*<syscall", r.out)
    find(r"^1 +breakpoint +keep n", r.out)


def test_line_with_several_places_and_a_limit():
    r = batch("-kernel", guest("ukern"), "--max-insns", "300000", script="""
        break riscv.h:96
        continue
        continue
        info breakpoints
        delete
        continue""")
    n = int(find(r"^Breakpoint 1 at .* at riscv\.h:96 and (\d+) more places?$", r.out).group(1))
    check(len(re.findall(r"^ {31}0x8\w+ <\w+", r.out, re.M)) == n, "all are listed", r.out)
    places = re.findall(r"^Breakpoint 1, .* (0x8\w+) <", r.out, re.M)
    check(len(set(places)) == 2, f"two of them are hit: {places}", r.out)
    find(r"^Stopped after 300000 instructions \(--max-insns\)\.", r.out)
    check(r.status == 124, f"status {r.status}", r.out)


def test_into_ecall_and_out_by_sret():
    r = batch("-kernel", guest("ukern"), script="""
        catch trap ecall-from-U
        continue
        print/x $sepc
        delete
        break *$sepc
        continue
        continue
        set $call = $pc
        info mode
        stepi
        info mode
        print $pc == ($stvec & ~3)
        stepx ret
        stepi
        info mode
        print $pc == $call + 4
        delete
        break *$call
        run
        continue
        continue
        nexti
        print $pc == $call + 4
        info mode""")
    find(r"^Catchpoint 1 \(trap ecall-from-U\): trap +cause ecall from U .*\nat 0x\w+ in U mode; now hart 0 in S mode: 0x3ffffff000", r.out)
    modes = re.findall(r"^hart 0 is in (\w+) mode", r.out, re.M)
    check(modes == ["U", "S", "U", "U"], f"modes {modes}, not U S U U", r.out)
    find(r"^ret +from S +to U +target 0x", r.out)
    check(re.findall(r"^\$\d+ = (\d+)$", r.out, re.M) == ["1", "1", "1"], "stepi goes to the handler, sret and nexti come back behind ecall", r.out)


def test_step_and_next_by_line():
    r = batch("-kernel", guest("ukern"), script="""
        break *s_main
        continue
        next
        next
        next
        info source
        tbreak proc_first
        continue
        step
        step
        step
        step
        step
        step
        backtrace
        until
        tbreak syscall
        continue
        backtrace 1""")
    find(r"^Source file .*/start\.c, line \d+; in .*ukern\.elf", r.out)
    lines = re.findall(r"at start\.c:(\d+)\n\1\t", r.out)
    check(len(set(lines)) >= 3, f"next goes from line to line: {lines}", r.out)
    find(r"^#0 .*\n([# ].*\n)*#\d .* in proc_first.*\n#\d .* in s_main", r.out)
    find(r"^#0 .* in syscall", r.out)


def test_list_goes_on():
    """list and Enter go on where they came to, back with -, and start anew at a stop."""
    r = batch("-kernel", guest("ukern"), script="""
        list page_alloc
        echo -\\n
        list
        echo -\\n
        list -
        echo -\\n
        list page.c:page_alloc
        echo -\\n
        list 3,5
        echo -\\n
        list page_alloc,page.c:40
        echo -\\n
        list ,page_alloc
        echo -\\n
        break page.c:page_alloc
        continue
        list
        list 100000
        list nowhere.c:3""")
    parts = [re.findall(r"^(\d+)\t", part, re.M) for part in r.out.split("\n-\n")]
    first = int(parts[0][-10])
    at = [list(map(int, p)) for p in parts]
    check(at[0][-10:] == list(range(first, first + 10)), "ten lines", r.out)
    check(at[1] == list(range(first + 10, first + 20)), "and the next ten", r.out)
    check(at[2] == at[0][-10:] and at[3] == at[0][-10:], "back, and by file and function", r.out)
    check(at[4] == [3, 4, 5], "a range of the same file", r.out)
    check(at[5] == list(range(first + 5, 41)) and at[6][-1] == first + 5, "a function is where it is declared", r.out)
    stop = int(find(r"^Breakpoint 1, .* at page\.c:(\d+)$", r.out).group(1))
    check(list(range(stop - 5, stop + 5)) == at[7][-10:], "a stop starts it anew", r.out)
    find(r"^page\.c has no line 9999\d$", r.out)
    find(r"^nowhere\.c: no such source file", r.out)


def test_list_follows_the_frame():
    r = batch("-kernel", guest("ukern"), script="""
        break page_alloc
        continue
        list
        up
        list
        list
        down
        list""")
    m = find(r"^#1 .*:(\d+), by cfi\n\1\t.*\n(\d+)\t.*\n(?:\d+\t.*\n){9}(\d+)\t", r.out)
    at, first, after = map(int, m.groups())
    check(first == at - 5 and after == at + 5, f"{first} and {after} around {at}", r.out)
    at, first = map(int, find(r"^#0 .*:(\d+)\n\1\t.*\n(\d+)\t", r.out).groups())
    check(first == at - 5, f"{first} around {at}", r.out)


def test_symbols_of_a_program():
    """A kernel's program has its own file: names, lines and frames come from it too."""
    kernel = guest("mono")
    program = os.path.join(os.path.dirname(kernel), "mono", "programs", "sh")
    if not os.path.exists(program):
        raise Skipped("no program of mono")
    r = batch("-kernel", kernel, script=f"""
        info files
        add-symbol-file {program}
        info files
        break sh.c:main
        continue
        backtrace
        info mode
        add-symbol-file {program} 0x20000
        add-symbol-file {program} -o 0x100000
        print $pc == main
        break sh.c:nothing
        add-symbol-file /dev/null
        add-symbol-file
        info files""")
    find(r"^\S*/sh: \d{2,} symbols$", r.out)
    find(r"^Breakpoint 1, hart 0 in U mode: 0x1\w+ <main.* at sh\.c:\d+$", r.out)
    find(r"^#0 .* in main.*sh\.c:\d+\n#1 .* in start.*lib\.c:\d+, by cfi$", r.out)
    find(r"symbols, moved by 0x1\w+$", r.out)
    find(r"symbols, moved by 0x100000$", r.out)
    find(r"^sh\.c:nothing: no such function", r.out)
    find(r"^/dev/null: the file is empty", r.out)
    find(r"give an ELF file", r.out)


def test_variables_and_types():
    """What gdb says of a program's variables, by the debug information."""
    r = batch("-kernel", guest("ukern"), script="""
        print free_count
        print *free_count
        print &free_count
        whatis free_count
        x/gx free_count
        walk free_count r
        break page_alloc if free_count < 0x7f80
        continue
        print/x free_count
        print &free_count == free_count
        info locals
        info args
        finish
        delete
        break syscall
        continue
        backtrace
        up
        info frame
        info locals
        info args
        whatis procs
        ptype struct proc
        ptype uint16_t
        print sizeof(struct proc) == sizeof(procs[0])
        print &procs[1] - &procs[0]
        print (char *)&procs[1] - (char *)&procs[0] == sizeof(struct proc)
        print ((struct proc *)&procs)->pid == procs[0].pid
        print procs[0].nothing
        print (struct nothing *)1
        print procs[0] + 1
        break if free_count == 1
        print page_alloc(3)
        print nothing_of_the_kind
        set pagination off
        set print pretty on
        set height 0
        set free_count = 12345
        print free_count
        print/x *(unsigned long *)&free_count""")
    find(r"^\$1 = 0\n\$2 = 0\n\$3 = \(\w+ \*\) 0x8\w+ <free_count>\ntype = \w+$", r.out)
    find(r"^0x8\w+ <free_count>:\t0x0{16}$", r.out)
    find(r"^=> physical address 0x8\w+_\w+ in RAM$", r.out)
    find(r"^\$4 = 0x7f7f\n\$5 = 0$", r.out)  # the condition saw the value
    find(r"^p = \(uint64_t \*\) 0x\w+|^p = <optimized out>", r.out)
    find(r"^No arguments\.$", r.out)
    find(r"^#0 .* in syscall\S* \(.*\) at .*syscall\.c:\d+$", r.out)
    find(r"^Frame 1, .*\n pc = 0x8\w+ <user_trap\+\d+> at trap\.c:\d+, found by cfi\n", r.out)
    find(r"^type = struct proc \[\d+\]$", r.out)
    find(r"^type = struct proc \{\n(/\* +\d+: +\d+ \*/ +\S.*;\n)+\} /\* \d+ bytes; offset: size \*/$", r.out)
    find(r"^type = uint16_t$", r.out)
    find(r"^\$7 = 1\n\$8 = 1\n\$9 = 1\n\$10 = 1$", r.out)
    find(r"struct proc has no member nothing$", r.out)
    find(r"no type struct nothing is known", r.out)
    find(r"a struct proc is no number: name a member", r.out)
    find(r"^Breakpoint 3 at 0x8\w+ <syscall", r.out)
    find(r"no function of the guest can be called from here", r.out)
    find(r"no symbol or value nothing_of_the_kind", r.out)
    find(r"^column 1: no symbol or value nothing_of_the_kind\n\$11 = 12345\n\$12 = 0x3039$", r.out)  # gdb's settings are no errors


def test_break_where_it_was_inlined():
    r = batch("-kernel", guest("ukern"), script="""
        break ref_of
        continue
        continue
        info breakpoints""")
    find(r"^Breakpoint 1 at 0x8\w+ <\w+.* and \d+ more places?$", r.out)
    stops = re.findall(r"^Breakpoint 1, hart 0 in S mode: (0x8\w+) <(\w+)", r.out, re.M)
    check(len(stops) == 2 and stops[0][1] != "ref_of", f"it stops in whom it was inlined into: {stops}", r.out)


def test_next_runs_through_what_is_inlined():
    """As gdb: next stops before an inlined call and runs through it, step goes into it; a backtrace tells of it."""
    r = batch("-kernel", guest("ukern"), script="""
        break s_main
        continue
        next
        next
        next
        run
        next
        next
        step
        backtrace 1
        next""")
    places = re.findall(r"^(?:Breakpoint 1, )?hart 0 in S mode: (0x8\w+) <s_main\S* at (\S+):(\d+)$", r.out, re.M)
    lines = [int(line) for _, file, line in places if file == "start.c"]
    check(lines[:4] == list(range(lines[0], lines[0] + 4)), f"next goes through lrsc_add's line, and over lrsc_add: {places}", r.out)
    check(places[6][0] == places[7][0] and places[7][1] == "riscv.h", f"step goes into it, where it stands: {places}", r.out)
    find(r"^#0 .* at \S+riscv\.h:\d+\n    in lrsc_add, inlined at \S+start\.c:%s\n" % places[6][2], r.out)


def test_until_and_advance_with_a_count():
    r = batch("-kernel", guest("ukern"), script="""
        advance page_alloc 3
        tbreak page_alloc
        ignore 1 2
        print/x $minstret
        run
        print/x $minstret
        advance *$pc 2
        until page_alloc 2
        advance page_alloc 0
        reset
        until 5
        print/x $pc""")
    a, b = re.findall(r"^\$\d+ = (0x\w+)$", r.out, re.M)[:2]
    check(a == b, "the third time is where a breakpoint that ignores two stops", r.out)
    check(len(re.findall(r"^hart 0 in S mode: 0x8\w+ <page_alloc", r.out, re.M)) == 3, "each advance ends there", r.out)
    find(r"^advance: give a count from 1$", r.out)
    find(r"^\$3 = 0x1014$", r.out)  # the boot ROM has no lines: five steps


def test_next_stays_on_a_line_no_longer_than_it_takes():
    """A loop's condition and body that lie apart are one line to next."""
    r = batch("-kernel", guest("ukern"), script="""
        break s_main
        continue
        """ + "next\n" * 12)
    lines = re.findall(r"^hart 0 in S mode: .* at (\S+):(\d+)$", r.out, re.M)
    check(len(lines) >= 8, "it went on", r.out)
    check(all(a != b for a, b in zip(lines, lines[1:])), f"no line twice in turn: {lines}")


def test_watch():
    r = batch("-kernel", guest("ukern"), script="""
        watch free_count
        rwatch *(unsigned int *)&kernel_pt
        continue
        continue
        print/x *free_count
        delete
        awatch free_count if *free_count < 0x7f00
        continue
        info breakpoints
        watch hpa:0x10000000
        watch gpa:&free_count,4
        info breakpoints
        break page_alloc
        info watchpoints
        info breakpoints 5
        info watchpoints 5
        info b 4""")
    m = re.findall(r"^Watchpoint 1: free_count\n\nOld value = 0x(\w+) .*\nNew value = 0x(\w+) .*\nby +0x8\w+ <\w+\+?\d*>:\ts[dw] ", r.out, re.M)
    check(m and m[0][0] == "0" and len(m) == 2 and m[1][0] == m[0][1], f"each change is told: {m}", r.out)
    check(f"= 0x{m[1][1]}\n" in r.out, "the new value is what is there", r.out)
    find(r"^Access watchpoint 3: free_count", r.out)
    find(r"acc watchpoint +keep y +free_count\n +stop only if \*free_count < 0x7f00", r.out)
    find(r"0x10000000 is not in memory but belongs to \w+.*: give catch mmio", r.out)
    find(r"^Watchpoint 4: gpa:&free_count,4 \(4 bytes at gpa:0x8", r.out)
    both, one, other = r.out[r.out.index("Breakpoint 5"):].split("Num ")[1:]
    check("gpa:&free_count" in both and "page_alloc" not in both, "watchpoints alone", both)
    check("page_alloc" in one and "free_count" not in one and "gpa:" in other, "one alone", one)
    find(r"^no watchpoint number 5$", r.out + r.err)


def test_watch_ends_with_its_frame():
    """A local variable in memory is watched until its function returns, and told to be gone then, as gdb does; by another name it is not."""
    r = batch("-kernel", guest("ukern"), script="""
        tbreak say_number
        continue
        watch digits[0]
        watch -location digits[1]
        watch v
        continue
        continue
        continue
        continue
        continue
        info breakpoints
        backtrace 1""")
    find(r"^Watchpoint 2: digits\[0\] \(1 byte at 0x8\w+", r.out)
    find(r"^v: the compiler did not keep it here", r.out + r.err)
    m = find(r"^Watchpoint 2 \(digits\[0\]\) is gone: the function has returned in whose frame it was\.\nhart 0 in S mode: 0x\w+ <s_main\+\d+>", r.out)
    check("Watchpoint 2: digits[0]\n\nOld value" in r.out[:m.start()], "it was written before", r.out)
    listed = r.out[r.out.rindex("Num  Type"):]
    check("digits[1]" in listed and "digits[0]" not in listed, "the other one stays", r.out)


def test_jump():
    r = batch("-kernel", guest("ukern"), script="""
        break page_alloc
        continue
        tbreak *$pc
        jump *$pc
        jump
        jump nowhere
        jump gpa:0x80000000
        jump s_main""")
    m = re.findall(r"^Continuing at (0x8\w+) <(\w+)", r.out, re.M)
    check(len(m) == 2 and m[0][1] == "page_alloc" and m[1][1] == "s_main", f"{m}", r.out)
    find(r"^Breakpoint 1, hart 0 in S mode: " + m[0][0], r.out)  # at once: nothing of it has run
    said = r.out + r.err
    find(r"^jump: give a place", said)
    find(r"^nowhere: no function", said)
    find(r"^jump gpa:0x80000000: give a virtual address$", said)


def test_watch_before_it_is_mapped():
    """A user's address: nothing is there until the kernel has made the page."""
    r = batch("-kernel", guest("ukern"), script="""
        awatch *(long *)0x3fffffd0
        continue
        info mode
        print/x *(long *)0x3fffffd0
        walk 0x3fffffd0 r""")
    find(r"not mapped now: watched once it is", r.out)
    find(r"^Access watchpoint 1: .*\n\nOld value = 0x0 .*\nNew value = 0x0 .*\nby +0x\w+:\tsd ", r.out)  # the very first store
    find(r"^hart 0 is in U mode", r.out)


def test_physical_breakpoint():
    r = batch("-kernel", guest("ukern"), script="""
        break hpa:syscall
        break gpa:0x80000000
        continue
        continue
        info mode
        print $pc == syscall""")
    find(r"^Breakpoint 1 at hpa:0x8\w+ <syscall>", r.out)
    find(r"^Breakpoint 2, hart 0 in M mode: 0x80000000 <_entry>", r.out)
    find(r"^Breakpoint 1, hart 0 in S mode: 0x8\w+ <syscall>", r.out)
    find(r"= 1$", r.out)


def test_four_harts():
    r = batch("-kernel", guest("ukern"), "-smp", "4", script="""
        info harts
        break *scheduler hart 2
        break *scheduler hart 9
        continue
        info harts
        stepi 3
        print $mhartid
        hart 3
        stepi
        print $mhartid
        delete
        tbreak user_trap if $mhartid == 1
        continue
        print $mhartid""")
    check(len(re.findall(r"^[* ] \d  runs +M   0x1000  0 instructions$", r.out, re.M)) == 4, "four harts stand at the ROM", r.out)
    find(r"no hart 9", r.out)
    find(r"^\[Switching to hart 2\]\nBreakpoint 1, hart 2 in S mode: 0x8\w+ <scheduler>", r.out)
    find(r"^\* 2  ", r.out)
    check(re.findall(r"^\$\d+ = (?:0x)?(\d)$", r.out, re.M)[-3:] == ["2", "3", "1"], "the harts asked for are stepped", r.out)


def test_memory_in_both_modes():
    """A user's page by its virtual address, and by the physical one that walk tells."""
    with Prompt("-kernel", guest("ukern")) as p:
        p.do("catch trap ecall-from-U")
        p.do("continue")
        p.do("break *$sepc")
        p.do("delete 1")
        p.do("continue")
        check("in U mode" in p.do("info mode"), "it stands in U mode")
        walked = p.do("walk $sp r")
        pa = int(find(r"^=> physical address 0x([\w_]+)", walked).group(1).replace("_", ""), 16)
        virtual = find(r"0x\w+:\t(0x\w{16})\t(0x\w{16})", p.do("x/2gx $sp")).groups()
        physical = find(r"^0{8}\w{8}: (0x\w{16}) (0x\w{16})$", p.do(f"xp/2gx {pa:#x}")).groups()
        check(virtual == physical, f"{virtual} and {physical}")
        p.do("set *(long *)$sp = 0x1122334455667788")
        check("0x1122334455667788" in p.do(f"xp/gx {pa:#x}"), "what was set by the virtual address is at the physical one")
        check("cannot read memory at 0x7000000000" in p.do("x 0x7000000000"), "an address that is not mapped")
        check("registers are left alone" in p.do("x hpa:0x10000000"), "devices are not touched")
        p.do("set mmio on")
        check("0x" in p.do("x/1bx hpa:0x10000005"), "unless they may be")


def test_catchpoints():
    r = batch("-kernel", guest("ukern"), "-smp", "2", script="""
        catch csr satp if new != 0
        continue
        delete
        catch mode if to == 0
        continue
        delete
        catch trap S-timer
        continue
        delete
        catch mmio uart if write
        continue
        delete
        catch irq
        catch trap load-page-fault from U
        catch mmio nothing
        info breakpoints
        continue""")
    find(r"^Catchpoint 1 \(csr satp\): csr +csr satp +old 0x0 +new 0x8\w+\nat 0x8\w+ <\w+", r.out)
    find(r"^Catchpoint 2 \(mode\): mode +from S +to U\n", r.out)
    find(r"^Catchpoint 3 \(trap S-timer\): trap +cause S timer", r.out)
    find(r"^Catchpoint 4 \(mmio uart\): mmio +device uart\S* +write true +at 0x1000000", r.out)
    find(r"^6 +catchpoint +keep y +trap load-page-fault from U", r.out)
    find(r"^catch mmio nothing: no device's name begins so", r.out)


def test_what_catch_understands():
    r = batch("-kernel", guest("ukern"), script="""
        catch trap ecall from U if $a7 == 64
        catch trap load page fault
        catch trap ecall
        catch trap from U here
        catch csr 0x180 if(new)
        catch csr satp stvec
        catch csr 4096
        catch irq 0
        catch irq 10 11
        catch event tlb_fill pte
        catch mode if(to==U)
        info breakpoints
        delete 1-3
        continue""")
    find(r"^Catchpoint 1 \(trap ecall from U\)\nCatchpoint 2 \(trap load page fault\)$", r.out)
    find(r"^Catchpoint 3 \(csr 0x180\)$", r.out)
    find(r"^Catchpoint 4 \(mode\)$", r.out)
    find(r"^3 +catchpoint .*\n +stop only if \(new\)$", r.out)
    find(r"^Catchpoint 4 \(mode\): mode +from S +to U$", r.out)
    said = r.out + r.err
    for what in (r"catch trap ecall: from which mode", r"from U here: only if EXPRESSION", r"catch csr satp stvec: only if", r"catch csr 4096: no such CSR",
                 r"catch irq 0: give a source", r"catch irq 10 11: only if", r"catch event tlb_fill pte: kinds are separated by commas"):
        find(what, said)


def test_catch_sbi():
    r = batch("-kernel", guest("shell"), script="""
        catch sbi
        continue
        delete
        catch event sbi_ret
        continue""", stdin=b"off\n")
    find(r"^Catchpoint 1 \(sbi\): sbi +extension \w+ +function \d+", r.out)
    find(r"^Catchpoint 2 \(event sbi_ret\): sbi_ret +extension \w+ .*error 0", r.out)


def test_between_two_reads_of_one_walk():
    with Prompt("-kernel", guest("ukern")) as p:
        p.do("break user_trap")
        p.do("continue")
        first = p.do("stepx pte")
        check(first.endswith("(vitrine, mid-instruction) "), "the prompt says that it stands in an instruction", first)
        a = find(r"^pte +stage 1 +level 2 +va (0x\w+)", first).group(1)
        b = find(r"^pte +stage 1 +level 1 +va (0x\w+)", p.do("stepx pte")).group(1)
        check(a == b, f"two reads for one address: {a} {b}")
        check("nothing can be changed" in p.do("set $a0 = 1"), "registers stay")
        check("nothing can be changed" in p.do("print $a0 = 1"), "by an expression too")
        check("0x" in p.do("print $pc"), "but it can be looked at")
        p.do("")
        out = p.do("stepi")
        check("mid-instruction" not in out, "stepi ends the instruction", out)
        p.do("set $a0 = 1")
        check("= 0x1" in p.do("print $a0"), "then it can be changed")
        p.do("stepx pte")
        out = p.do("nexti 3")
        check("mid-instruction" not in out, "another step is done behind the instruction", out)
        p.do("stepx trap")
        out = p.do("continue")
        find(r"Breakpoint 1, ", out)
        p.do("stepx pte")
        p.type("quit\n")
        check(p.status() == 0, "quit from there")


# ---- The terminal ----

def test_interrupt():
    with Prompt("-kernel", guest("loop")) as p:
        p.type("continue\n")
        time.sleep(0.3)
        p.type("\x03")
        find(r"Interrupted, hart 0 in M mode: 0x8", p.until(PROMPT))
        find(r"= 42$", p.do("print 6 * 7"))
    with Prompt("-kernel", guest("shell")) as p: # waits in wfi for a key
        p.type("continue\n")
        p.until(r"> ")
        p.type("\x03")
        out = p.until(PROMPT)
        find(r"Interrupted, hart 0 in S mode", out)
        p.p.send_signal(signal.SIGTERM)
        check(p.status() == 0, "a signal ends it")


def test_interrupt_of_long_output():
    """Ctrl-C also ends what prints without end, and what a file of commands still had to do."""
    with Prompt("-kernel", guest("loop")) as p:
        for command in ("x/1000000 0x80000000", "xp/1000000xb 0x80000000", "disassemble 0x80000000,+0x100000"):
            p.type(command + "\n")
            p.until(r"\n.*80000\w[1-9]0")
            p.type("\x03")
            p.until(r"Interrupted\.\n\(vitrine\) $", 20)
            find(r"= 42$", p.do("print 6 * 7"))
        with tempfile.NamedTemporaryFile("w", suffix=".cmd") as f:
            f.write("continue\nprint 111\ncontinue\n")
            f.flush()
            p.type(f"source {f.name}\n")
            time.sleep(0.3)
            p.type("\x03")
            out = p.until(PROMPT)
            check("Interrupted, hart 0" in out and "111" not in out, "the rest of the file is dropped", out)


def test_uboot_has_no_symbols():
    """Code without names and debug information: callers are found by what it does."""
    if not os.path.exists(UBOOT):
        raise Skipped(f"no {UBOOT}")
    with Prompt("-kernel", UBOOT) as p:
        p.type("continue\n")
        p.until("stop autoboot")
        p.type("\x03")
        find(r"Interrupted, hart 0 in S mode", p.until(PROMPT))
        frames = re.findall(r"^#\d+ +0x(\w+) in", p.do("backtrace"), re.M)
        check(len(frames) >= 3, f"frames {frames}")
        find(rf"hart 0 in S mode: 0x{frames[1].lstrip('0')}$", p.do("finish"))
        p.do("delete")
        find(r"^=> 0x", p.do("nexti 20"))


def test_the_guest_and_the_prompt_share_the_terminal():
    with Prompt("-kernel", guest("shell")) as p:
        p.type("continue\n")
        p.until(r"> ")
        p.type("mem 0x80200000\r")
        p.until(r"mem 0x80200000\n[\s\S]*> ")
        p.type("\x01c")
        p.until(PROMPT)
        check("S mode" in p.do("info mode"), "Ctrl-A c leads to the prompt")
        p.do("catch trap load-access-fault")
        p.type("continue\n")
        p.type("mem 0x1\r")
        p.until(PROMPT)
        p.do("delete")
        p.type("continue\n")
        p.type("off\r")
        out = p.until(PROMPT)
        find(r"The guest ended with status 0", out)
        check("the guest has ended" in p.do("stepi"), "it is over")
        check("<" in p.do("info harts"), "but can be looked at")
        out = p.do("run", r"> ")
        find(r"The machine starts again\.", out)
        p.type("\x03")
        p.until(PROMPT)
        p.do("kill")
        check("0x1000" in p.do("print $pc") or "0x80" in p.do("print $pc"), "kill leaves it at power-on")
        p.type("quit\n")
        check(p.status() == 0, "quit")
        check(termios.tcgetattr(p.side)[3] & termios.ECHO, "the terminal is as it was")


def test_monitor_key_of_a_run():
    with Prompt("-kernel", guest("shell"), command="run", wait=False) as p:
        p.until(r"> ")
        p.type("\x01c")
        p.until(PROMPT)
        find(r"^#0 ", p.do("backtrace"))
        p.type("continue\n")
        p.type("off fail\r")
        check(p.status() == 1, f"the guest's status, not {p.p.returncode}")


def test_completion():
    with Prompt("-kernel", guest("ukern")) as p:
        def complete(text):
            p.text = ""
            p.type(text + "\t")
            time.sleep(0.2)
            p.type("\n")
            return p.until(PROMPT)
        find(r"info registers", complete("info reg"))
        find(r"= 0x0", complete("print $sat"))
        find(r"\$satp\.PPN", complete("print $satp.P"))
        find(r"Breakpoint 1 at 0x8\w+ <page_alloc", complete("break page_al"))
        p.type("break page.\t")
        time.sleep(0.2)
        find(r"Breakpoint 2 at 0x8\w+ <\w+.* at page\.c:2\d", p.do("20"))
        out = complete("info ")
        check("registers" in out and "mtree" in out, "second words are listed", out)
        find(r"vsatp", complete("csr vsat"))
        find(r"Catchpoint \d+ \(trap load-access-fault", complete("catch trap load-acc"))
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "some-commands"), "w", encoding="utf-8") as f:
                f.write("print 4321 + 1\n")
            find(r"= 4322$", complete(f"source {d}/some-c"))
        find(r"print procs\[1\]\.wake_at \n\$\d+ = 0$", complete("print procs[1].wake"))
        find(r"stepx tlb_fill", complete("stepx tlb_fi").replace("\n", " "))


def test_enter_prefixes_and_help():
    with Prompt("-kernel", guest("hello"), "-bios", "none") as p:
        p.do("si")
        find(r"0x1008", p.do(""))
        find(r"0x100c", p.do(""))
        p.do("x/2i $pc")
        find(r"^   0x1014:|^   0x1018:", p.do(""))
        find(r"^\$1 = 7$", p.do("print 7"))
        find(r"^\$2 = 7$", p.do(""))
        p.do("break *0x80000000")
        check("reakpoint" not in p.do(""), "Enter sets no second breakpoint")
        p.do("delete")
        check("no breakpoint" in p.do("dis 1"), "dis is disable")
        find(r"st may be step, stepi, stepx", p.do("st"))
        find(r"did you mean break\?", p.do("brek main"))
        find(r"there are .*registers", p.do("info nothing"))
        everything = p.do("help")
        find(r"^stepi \[N\] +one instruction", everything)
        for name in ("walk", "catch csr", "info tlb", "set mmio", "commands"):
            find(rf"^{name}\b", everything)
        find(r"Also called: b br", p.do("help break"))
        find(r"^pte +mmu ", p.do("help events"))
        p.do("# a comment")
        p.do("echo typed\\n")


def test_history_is_kept():
    with tempfile.TemporaryDirectory() as home:
        with Prompt("-kernel", guest("hello"), home=home) as p:
            p.do("print 123454321")
            p.type("quit\n")
            p.status()
        with open(os.path.join(home, ".vitrine_history"), encoding="utf-8") as f:
            check("print\\040123454321" in f.read(), "the file has the line")
        with Prompt("-kernel", guest("hello"), home=home) as p:
            p.type("\x10\x10")  # Ctrl-P: quit, and the line before it
            p.text = ""
            p.type("\n")
            find(r"= 123454321", p.until(PROMPT))


def test_scripts_and_plain_input():
    with tempfile.TemporaryDirectory() as d:
        inner, outer = os.path.join(d, "inner"), os.path.join(d, "outer")
        with open(inner, "w", encoding="utf-8") as f:
            f.write("# commands of a file\nprint 1\nprint $nothing_of_the_kind +\nprint 2\n")
        with open(outer, "w", encoding="utf-8") as f:
            f.write(f"print 10\nsource {inner}\nprint 11\n")
        r = batch("-kernel", guest("hello"), "-x", outer, script="print 12")
        find(r"^\$1 = 10\n\$2 = 1\n.*inner:3: ", r.out)
        check("= 11" in r.out and "= 12" in r.out, "the rest is done", r.out)
        check(not re.search(r"= 2$", r.out, re.M), "an error ends its file", r.out)
        r = batch("-kernel", guest("hello"), "-x", os.path.join(d, "none"))
        check(r.status == 125 and "none" in r.err, "a file that is not there", r.err)
    r = batch("-kernel", guest("hello"), options=(), stdin=b"stepi\nprint 5 * 5\ncontinue\n")
    find(r"= 25$", r.out)
    check("(vitrine)" not in r.out, "no prompts where nobody sees them", r.out)
    find(r"^The guest ended with status 0", r.out)


def test_display_and_formats():
    r = batch("-kernel", guest("hello"), "-bios", "none", script="""
        display/i $pc
        display/x $t0
        stepi
        undisplay 1
        stepi
        info display
        print/t 5
        print/d -1
        print/c 65
        print/x -1
        print/o 8
        print $mstatus.MPP
        set $a0 = 0x1234
        print $a0 + 1
        print/a 0x80000000
        x/4xw 0x80000000
        x/2dh $pc
        xp/4xb 0x1000
        x/s greeting
        print *(unsigned char *)0x1000
        output 3
        echo \\n
        x/2tb 0x1000
        x/a 0x1ff0
        x/s 0
        print *(unsigned short *)0x1000@3
        print/x *(unsigned char *)0x1000@2
        print/x $[1]
        print 5@2
        x/2xh 0x1000
        print/x $_
        print/x $__""")
    find(r"^0x1000:\t10010111\t00000010\n0x1ff0:\t0x0\n0x0:\tcannot be read\n", r.out)
    find(r"^\$10 = \{663, 0, 34323\}\n\$11 = \{0x97, 0x2\}\n\$12 = 0x2\n", r.out)
    find(r"^column 2: expected a variable or memory .* on the left of @$", r.out + r.err)
    find(r"^\$13 = 0x1002\n\$14 = 0x0$", r.out)
    find(r"^1: x/i \$pc\n=> 0x1004:\t", r.out)
    find(r"^2: /x \$t0 = 0x1000$", r.out)
    check(r.out.count("1: x/i") == 2, "no more after undisplay", r.out)
    for value in (r"= 101", r"= -1", r"= 65 'A'", r"= 0xf{16}", r"= 010", r"= 0x1235", r"= 0x80000000 <_start>"):
        find(value + "$", r.out)
    find(r"^0x80000000 <_start>:\t0x\w{8}\t0x\w{8}\t0x\w{8}\t0x\w{8}$", r.out)
    find(r"^0000000000001000: 0x\w\w 0x\w\w 0x\w\w 0x\w\w$", r.out)


def test_a_kernel_without_a_handler():
    """stvec is 0: the frame that trapped is told, and what led to a hart that traps for ever."""
    r = batch("-cpu", "rv64,svade=true", "-kernel", guest("stumble"), script="""
        catch trap
        continue
        backtrace
        delete
        continue
        backtrace
        why""")
    find(r"^#0  0x0{16} in \?\n#1  0x0*8\w+ in kmain\+0x\w+ \(\) at .*main\.c:\d+, by trap\n    in \w+, inlined at .*main\.c:\d+\n#2 .* in _start.*, by cfi$", r.out)
    find(r"^\(this is a trap handler that traps itself: why tells what led there\)$", r.out)
    find(r"^Hart 0: traps for ever\n(.*\n)*Hart 0: what led there: store page fault in S mode\n(.*\n)*The entry of level 0 denies it: D=0", r.out)


def test_traces_and_why():
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "t.txt")
        r = batch("-kernel", guest("ukern"), script=f"""
            trace trap:{file}
            catch trap store-page-fault
            continue
            trace off
            why
            info events 3 trap
            continue""")
        with open(file, encoding="utf-8") as f:
            text = f.read()
        check("page fault" in text or "ecall" in text, "the trace has traps", text)
        check("store page fault" in text.splitlines()[-1], "and ends with the last before it was turned off", text)
    find(r"^Hart 0: store page fault in U mode", r.out)
    find(r"denies it", r.out)
    find(r"^ +\d+ hart 0 +U +0x\w+ trap +cause store page fault", r.out)


def test_the_manual():
    """docs/debugging.md's example happens as it is told there, but for the addresses and what registers the compiler takes."""
    def plain(text):
        text = re.sub(r"\b([a-z.]+) [ast]\d+, -?\w+\([ast]\d+\)", r"\1 R, N(R)", text)
        return re.sub(r"\+(?:0x[0-9a-f]+|\d+)|\b0x[0-9a-f_]+|\b[0-9a-f]{16}\b", "N", re.sub(r"\s+", " ", text))
    page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "debugging.md")
    with open(page, encoding="utf-8") as f:
        section = f.read().split("\n## ")[1]
    r = batch("-cpu", "rv64,svade=true", "-kernel", guest("stumble"), script="""
        catch trap
        continue
        why
        pagetable
        walk boots r
        set *(unsigned long *)0x80201028 |= 0x80
        set $pc = $sepc
        continue""")
    told = plain(r.out)
    died = subprocess.run([vitrine(), "run", "-cpu", "rv64,svade=true", "-kernel", guest("stumble")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, check=False)
    check(died.returncode == 126, f"status {died.returncode}")
    told += plain(died.stderr.decode())
    lines = [line.strip() for line in section.splitlines() if line.startswith("    ")]
    shown = [line for line in lines if not line.startswith(("$ ", "(vitrine)", "..."))]
    check(len(shown) > 20, "the example is there")
    for line in shown:
        check(plain(line) in told, f"{line!r} is not what happens", told)


def test_usage():
    r = batch("-nonsense")
    check(r.status == 125 and "-nonsense" in r.err, "an option that is none", r.err)
    r = batch(options=("--help",))
    check(r.status == 0 and "vitrine debug" in r.out, "help", r.out)
    r = batch("-kernel", guest("hello"), options=("--batch", "-gdb", "stdio"))
    check(r.status == 125 and "-gdb stdio" in r.err, "gdb cannot have the prompt's terminal", r.err)


def main():
    global BUILD
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    BUILD = a.build
    return tally.run(tally.of(a.names, globals()), Skipped, (Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
