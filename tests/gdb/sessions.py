# SPDX-License-Identifier: MIT
"""gdb itself at work: with kernels of ours and with U-Boot."""
import re

from rig import UBOOT, Vitrine, check, gdb, guest, has, need

# Breakpoints at the instructions of a function that begin with a mnemonic: `at FUNCTION MNEMONIC`.
AT = """
class At(gdb.Command):
    def __init__(self):
        super().__init__("at", gdb.COMMAND_USER)

    def invoke(self, arg, tty):
        function, mnemonic = arg.split()
        for line in gdb.execute("disassemble " + function, to_string=True).splitlines():
            words = line.replace("=>", "").split("\\t")
            if len(words) > 1 and words[1].split()[:1] == [mnemonic]:
                gdb.execute("break *" + words[0].split()[0])

At()
"""


def ukern():
    return guest("guests/ukern/ukern.elf")


def mono():
    return guest("guests/mono.elf")


def test_break_and_backtrace():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break vm_init", "continue", "backtrace", "finish", "break page_alloc", "continue", "backtrace", "finish", "info breakpoints",
                  "print/x $mepc", "kill", file=ukern())
        has(out, r"Breakpoint 1, vm_init", r"^#0 +vm_init .*vm\.c", r"^#1 .* s_main \(", r"^#2 .* m_start", r"^#3 .* _entry",
            r"^s_main \(", r"Breakpoint 2, page_alloc", r"#0 +page_alloc", r"#1 .* proc_new", r"^#3 .* s_main",
            r"proc_new \(\)", r"Value returned is \$\d+ = .*0x8", r"breakpoint already hit 1 time", r"\$\d+ = 0x8\d{7}", r"killed")
        check(v.status() == 0, f"status {v.p.returncode}")


def test_step_and_next_use_ranges():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break s_main", "continue", "set debug remote 1", "next", "next", "next", "set debug remote 0", "info line", "step", "step",
                  "backtrace 1", "kill", file=ukern())
        has(out, r"Breakpoint 1, s_main", r"vCont;r[0-9a-f]+,[0-9a-f]+:1", r"^90\t", r"^91\t", r"^92\t", r"^#0 +s_main")


def test_next_steps_over_calls_and_interrupts():
    """With an interrupt each few thousand instructions, next goes from line to line of one function all the same."""
    with Vitrine(ukern(), "--insns-per-tick", "1") as v:
        out = gdb(v, "break proc_first", "continue", *["next"] * 4, "backtrace 1", "delete", "break scheduler", "continue", *["next"] * 12, "backtrace 1", "kill",
                  file=ukern())
        has(out, r"Breakpoint 1, proc_first", r"^#0 +(proc_first|s_main)", r"Breakpoint 2, scheduler", r"^#0 +scheduler")


def test_registers_by_name():
    with Vitrine(ukern(), "-smp", "2") as v:
        out = gdb(v, "info registers pc sp fp a0", "info registers mstatus satp mtvec medeleg", "print $mhartid", "thread 2", "print $mhartid", "print $priv",
                  "print/x $misa", "set $mscratch = 0x1234", "print/x $mscratch", "set $fa0 = 1.5", "print $fa0", "info registers fcsr priv",
                  "print $hgatp", "set $a0 = -1", "print $a0", "info registers csr", "kill", file=ukern())
        has(out, r"^pc +0x1000", r"^fp +0x0", r"^a0 +0x0", r"^mstatus +0x", r"^satp +0x0", r"\$1 = 0", r"\$2 = 1", r"\$3 = 3", r"= 0x8000000000\w+",
            r"= 0x1234", r"float = 0, double = 1\.5", r"^fcsr", r"^priv +0x3\s+prv:3 \[Machine\]", r"= 0$", r"= -1", r"^mcounteren", r"^pmpaddr15")


def test_watchpoints():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break scheduler", "continue", "watch stats.ticks", "rwatch boot.timebase", "continue", "continue", "delete", "awatch stats.ticks",
                  "continue", "delete", "watch stats.ticks if stats.ticks == 5", "continue", "print stats.ticks", "kill", file=ukern())
        has(out, r"^Hardware watchpoint 2: stats.ticks", r"^Hardware read watchpoint 3: boot.timebase",
            r"^Hardware read watchpoint 3: boot.timebase\n\nValue = 10000000", r"^Hardware (read )?watchpoint [23]: ",
            r"^Hardware access \(read/write\) watchpoint 4: stats.ticks\n\nValue = \d",
            r"^Hardware watchpoint 5: stats.ticks\n\nOld value = 4\nNew value = 5", r"= 5$")


def test_into_ecall_and_out_by_sret():
    """From a program's ecall into the kernel's first instruction, and from the kernel's sret to what follows the ecall."""
    with Vitrine(mono()) as v:
        out = gdb(v, f"add-symbol-file {guest('guests/mono/programs/sh')}", "break sh.c:main", "continue", "delete", "at write ecall", "continue",
                  "x/i $pc", "print $priv", "set $back = $pc + 4", "stepi", "x/i $pc", "print $priv", "print $scause", "print $sepc == $back - 4",
                  "delete", "at trap_return sret", "continue",
                  "x/i $pc", "print $priv", "stepi", "print $priv", "print $pc == $back", "backtrace 1", "stepi", "print $priv", "kill", file=mono(), python=AT)
        has(out, r"=> .*\becall$", r"= 0$", r"=> .*<trap_entry>", r"= 1$", r"= 8$", r"= 1$", r"=> .*\bsret$", r"= 1$", r"= 0$", r"= 1$", r"^#0 .*write",
            r"= 0$")


def test_a_program_of_the_kernel():
    """The program's own source lines and frames; its calls end in the kernel and come back by next."""
    with Vitrine(mono()) as v:
        out = gdb(v, f"add-symbol-file {guest('guests/mono/programs/sh')}", "break sh.c:main", "continue", "backtrace", "print $priv", "next",
                  "next", "print $priv", "backtrace 1", "watch $priv if 0", "info source", "kill", file=mono())
        has(out, r"^Breakpoint 1, main .*sh\.c", r"^#0 +main .*sh\.c", r"= 0$", r"= 0$", r"^#0 +main .*sh\.c", r"Current source file is .*sh\.c")
        check("The shell of" in v.printed(), "next did not run the call")


def test_four_harts():
    with Vitrine(ukern(), "-smp", "4") as v:
        steps = [line for n in (1, 2, 3, 4) for line in (f"thread {n}", "set $before = $minstret", "stepi", "print $minstret - $before", "print $mhartid")]
        out = gdb(v, "info threads", "break scheduler", "continue", "continue", "continue", "continue", "info threads", "delete",
                  "set scheduler-locking on", *steps, "thread apply all -ascending print $pc != 0", "set scheduler-locking off", "thread 2", "stepi", "thread", "kill", file=ukern())
        has(out, r'^\* 1 +Thread 1 "hart 0" \(M\)', r'^ +4 +Thread 4 "hart 3" \(M\)')
        has(out, *[rf'Thread {n} "hart {n - 1}" hit Breakpoint 1, scheduler' for n in (1,)])
        seen = set(re.findall(r'Thread (\d) "hart \d" hit Breakpoint 1', out))
        check(seen == {"1", "2", "3", "4"}, f"threads {seen} came to the breakpoint:\n{out[-2500:]}")
        has(out, r'Thread 4 "hart 3" \(S', *[p for n in range(4) for p in (rf"^\[Switching to thread {n + 1} ", r"^\$\d+ = 1$", rf"^\$\d+ = {n}$")],
            r"^Thread 1 ", r"= 1$", r"^Thread 4 ", r"= 1$", r"^\[Switching to thread 2 ", r"Current thread is 2")


def test_memory_in_both_modes():
    """A program's first page is at 0x1000: the same address is the ROM when it is physical."""
    with Vitrine(ukern()) as v:
        out = gdb(v, "x/1wx 0x1000", "break user_trap", "continue", "tbreak *$sepc", "continue", "print $priv", "print/x $satp != 0", "x/1wx 0x1000", "info symbol 0x80000000",
                  "maintenance packet Qqemu.PhyMemMode:1", "maintenance flush dcache", "x/1wx 0x1000", "x/1wx 0x80000000", "maintenance packet qqemu.PhyMemMode",
                  "maintenance packet Qqemu.PhyMemMode:0", "maintenance flush dcache", "x/1wx 0x1000", "x/1wx 0x10000000", "x/1wx 0x123456000", "kill", file=ukern())
        words = re.findall(r"^0x1000:\t(0x\w+)", out, re.M)
        check(len(words) == 4 and words[0] == words[2] and words[1] == words[3] != words[0], f"{words}: {out}")
        has(out, r"Breakpoint 1, user_trap", r"= 0$", r"= 0x1$", r'received: "OK"', r"^0x80000000 <_entry>:\t(0x\w+)", r'received: "1"', r"Cannot access memory", r"Cannot access memory")


def test_memory_is_written():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break s_main", "continue", "set var stats.ticks = 77", "print stats.ticks", "dump binary memory /dev/null 0x80000000 0x80004000",
                  "print/x *(long *)0x1000 = 5", "find /w 0x80000000, 0x80004000, *(int *)0x80000000", "x/2i _entry", "kill", file=ukern())
        has(out, r"= 77$", r"Cannot access memory at address 0x1000", r"<_entry>$", r"<_entry>:\tcsrr\ta0,mhartid")


def test_ctrl_c():
    with Vitrine(guest("tests/guest/loop.elf")) as v:
        out = gdb(v, "continue", "backtrace 1", "info threads", "kill", interrupt_after=2)
        has(out, r"received signal SIGINT", r"^#0 ", r"hart 0")
    with Vitrine(guest("tests/guest/wfi.elf")) as v:
        out = gdb(v, "continue", "info threads", "kill", interrupt_after=2)
        has(out, r"received signal SIGINT", r'"hart 0" \(M, waits \(wfi\)\)')


def test_detach_and_come_back():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break s_main", "continue", "detach", file=ukern())
        has(out, r"Breakpoint 1, s_main", r"detached")
        v.wait_for("ukern:")
        out = gdb(v, "print stats.ticks >= 0", "info breakpoints", "print $instret > 100000", "disconnect", file=ukern())
        has(out, r"= 1$", r"No breakpoints", r"= 1$")
        out = gdb(v, "print $instret > 100000", "kill", file=ukern())
        has(out, r"= 1$", r"killed")
        check(v.status() == 0, f"status {v.p.returncode}")


def test_it_ends_with_the_guest():
    for name, words in (("test-pass", "exited normally"), ("test-fail", "exited with code")):
        with Vitrine(guest(f"tests/guest/{name}.elf")) as v:
            has(gdb(v, "continue", "info registers pc"), words, "no registers")
            check(v.status() == (0 if name == "test-pass" else v.p.returncode) and (v.p.returncode == 0) == (name == "test-pass"), "status")


def test_run_again_under_extended_remote():
    with Vitrine(ukern()) as v:
        out = gdb(v, "disconnect", f"target extended-remote {v.socket}", "break s_main", "continue", "print $instret > 0", "run", "print $priv", "detach", file=ukern())
        has(out, r"Breakpoint 1, s_main", r"= 1$", r"Breakpoint 1, s_main", r"= 1$")


def test_backtrace_in_u_boot():
    """Without debug information: the names are those of its dynamic symbols, frames are found by looking at the code."""
    with Vitrine(need(UBOOT), serial="null") as v:
        out = gdb(v, "break board_init_f", "continue", "backtrace", "x/i $pc", "tbreak *($ra)", "continue", "print $pc == $ra", "print $priv", "kill", file=UBOOT)
        has(out, r"Breakpoint 1, .* board_init_f \(\)", r"^#0 .* board_init_f \(\)", r"^#1 .* _start \(\)", r"=> .*<board_init_f\+\d+>")


def test_hypervisor():
    kernel = guest("guests/hyper/hyper.elf")
    with Vitrine(kernel) as v:
        out = gdb(v, "print/x $hgatp", "break slice", "continue", "backtrace", "info registers hstatus hgatp vsatp vsstatus", "delete", "watch $priv if 0",
                  "info threads", "kill", file=kernel)
        has(out, r"= 0x0$", r"Breakpoint 1, .*slice", r"^#0 +.*slice", r"^#1 ", r"^hstatus +0x", r"^hgatp +0x", r"^vsatp +0x", r"^vsstatus +0x")


def test_monitor_commands():
    with Vitrine(ukern()) as v:
        out = gdb(v, "break vm_init", "continue", "monitor info harts", "monitor print 6 * 7", "monitor no-such-command", "monitor source /etc/passwd",
                  "monitor walk $pc", "print $priv", "monitor stepx", "delete", "monitor catch trap ecall from U", "continue", "print $scause", "kill", file=ukern())
        has(out, r"Breakpoint 1, ", r"\b0\b.*\bS\b", r"\b42\b", r"no-such-command", r"not read here", r"\$1 = 1", r"^stepx: whoever sent this runs the machine",
            r"SIGTRAP", r"\$2 = 8")
