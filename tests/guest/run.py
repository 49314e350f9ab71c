#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""End-to-end tests: starts vitrine as a user does and looks at what it prints and how it ends.

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
import socket
import subprocess
import sys
import tempfile
import termios
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import tally  # noqa: E402

BUILD = ""
OPENSBI = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf"
UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def path(name):
    return os.path.join(BUILD, name)


def guest(name):
    for folder in ("tests/guest", "guests"):
        p = path(f"{folder}/{name}.elf")
        if os.path.exists(p):
            return p
    raise Skipped(f"no {name}.elf")


def need(file):
    if not os.path.exists(file):
        raise Skipped(f"no {file}")
    return file


class Run:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def vitrine(*args, stdin=b"", timeout=120):
    """Runs to the end with stdin as a file that ends."""
    p = subprocess.run([path("vitrine"), *args], input=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=timeout)
    return Run(p.returncode, p.stdout.decode("latin-1").replace("\r\n", "\n"), p.stderr.decode("latin-1"))


def check(condition, what, run=None):
    if not condition:
        shown = f"\n  status {run.status}\n  stdout: {run.out[-1500:]!r}\n  stderr: {run.err[-1500:]!r}" if run else ""
        raise Failed(what + shown)


def ends(run, status, out=None, err=None):
    check(run.status == status, f"status {run.status}, not {status}", run)
    if out is not None:
        check(out in run.out, f"{out!r} is not in what it printed", run)
    if err is not None:
        check(re.search(err, run.err), f"/{err}/ is not in its messages", run)


def own_terminal():
    """In the child: its standard input controls it, and no signal is ignored because a shell started the tests in the background."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    for number in (signal.SIGINT, signal.SIGQUIT):
        signal.signal(number, signal.SIG_DFL)


class Session:
    """Talks to a guest: waits for a text, then types the next line."""

    def __init__(self, *args, use_pty=False):
        self.text = ""
        self.pty = None
        if use_pty:
            self.pty, side = pty.openpty()
            self.before = termios.tcgetattr(side)
            self.side = side
            self.p = subprocess.Popen([path("vitrine"), *args], stdin=side, stdout=side, stderr=subprocess.PIPE, start_new_session=True,
                                      preexec_fn=own_terminal,
                                      # a sanitized build's own report of SIGSEGV fills the terminal and ends with 1
                                      env={**os.environ, "ASAN_OPTIONS": "handle_segv=0:" + os.environ.get("ASAN_OPTIONS", "")})
            self.read, self.write = self.pty, self.pty
        else:
            self.p = subprocess.Popen([path("vitrine"), *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            self.read, self.write = self.p.stdout.fileno(), self.p.stdin.fileno()
        os.set_blocking(self.read, False)

    def expect(self, what, timeout=120):
        """Waits until the regular expression appears behind what was matched before; returns the match."""
        end = time.monotonic() + timeout
        while True:
            found = re.search(what, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            left = end - time.monotonic()
            if left <= 0 or not self.more(left):
                self.p.kill()
                err = self.p.stderr.read().decode("latin-1")
                raise Failed(f"/{what}/ did not come; last: {self.text[-1500:]!r}\n  stderr: {err[-1500:]!r}")

    def more(self, timeout):
        if not select.select([self.read], [], [], timeout)[0]:
            return False
        try:
            data = os.read(self.read, 65536)
        except OSError:
            return False
        self.text += data.decode("latin-1").replace("\r", "")
        return bool(data)

    def type(self, text):
        os.write(self.write, text.encode("latin-1"))

    def status(self, timeout=60):
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            self.p.kill()
            raise Failed(f"it does not end; last: {self.text[-500:]!r}") from None


# ---- Ways to end ----

def test_hello():
    r = vitrine("-kernel", guest("hello"), "-nographic")
    ends(r, 0, "Hello from a RISC-V machine behind glass.\n", r"linked at 0x8000_0000.*M mode")
    r = vitrine("run", "--bios=none", "--kernel", guest("hello"))
    ends(r, 0, "Hello")
    check(not r.err, "-bios none says nothing", r)


def test_hello_on_four_harts():
    ends(vitrine("-smp", "4", "-bios", "none", "-kernel", guest("hello")), 0, "Hello from a RISC-V machine behind glass.\n")


def test_flash_status():
    """A flash chip that answers with its status must not answer from a cached translation of its array."""
    with tempfile.NamedTemporaryFile() as image:
        image.write(b"\x44\x33\x22\x11")
        image.truncate(32 << 20)
        image.flush()
        ends(vitrine("-bios", "none", "-kernel", guest("flash"), "-drive", f"if=pflash,file={image.name},format=raw"), 0)


def test_tohost():
    ends(vitrine("-kernel", guest("tohost-pass")), 0)
    ends(vitrine("-kernel", guest("tohost-fail")), 7)
    r = vitrine("-kernel", guest("tohost-print"))
    ends(r, 0, "ok\n")


def test_tohost_in_halves():
    ends(vitrine("-kernel", guest("tohost-half")), 9)
    ends(vitrine("-kernel", guest("tohost-half-once")), 9)
    ends(vitrine("-kernel", guest("tohost-half-wfi")), 9)
    ends(vitrine("-kernel", guest("tohost-halves-print")), 0, "A\n")


def test_tohost_system_calls():
    ends(vitrine("-kernel", guest("tohost-write")), 0, "hello\n")


def test_a_and_d_after_reset():
    """Kernels from M mode find hardware that sets A and D; programs with a tohost word what Spike and Sail do."""
    ends(vitrine("-bios", "none", "-kernel", guest("ad-updates")), 0)
    for cpu in ("rv64,svadu=false", "rv64,svade=true"):
        ends(vitrine("-bios", "none", "-cpu", cpu, "-kernel", guest("ad-updates")), 13)
    ends(vitrine("-bios", "none", "-kernel", guest("tohost-ad-faults")), 13)


def test_triggers():
    """The trigger CSRs are there and say that there are no triggers."""
    ends(vitrine("-bios", "none", "-kernel", guest("triggers")), 0)


def test_finisher():
    ends(vitrine("-kernel", guest("test-pass")), 0)
    ends(vitrine("-kernel", guest("test-fail")), 42)
    ends(vitrine("-kernel", guest("test-reset")), 0)
    r = vitrine("-kernel", guest("test-reset"), "-no-reboot", "--max-insns", "1000000")
    ends(r, 0)


def test_max_insns():
    r = vitrine("-kernel", guest("loop"), "--max-insns", "123456", "--stats")
    ends(r, 124, err=r"123456 instructions")
    check(re.search(r"^instructions +123456$", r.err, re.M), "exactly so many retire", r)


def test_stuck():
    r = vitrine("-kernel", guest("wfi"))
    ends(r, 126, err=r"never move again: Hart 0 waits \(wfi\) in M mode before 0x8000_00.*no timer")
    r = vitrine("-kernel", guest("wfi"), "-smp", "2")
    ends(r, 126, err=r"Hart 0 waits.*Hart 1 waits")
    r = vitrine("-kernel", guest("stuck"))
    ends(r, 126, err=r"Hart 0 traps for ever in M mode at 0x100_0000.*cause 1")


def test_signature():
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "sig")
        ends(vitrine("-kernel", guest("signature"), "--signature", file), 0)
        with open(file, encoding="ascii") as f:
            got = f.read()
    check(got == "deadbeef\n00000001\n55667788\n11223344\n", f"signature {got!r}")
    ends(vitrine("-kernel", guest("wfi"), "--signature", "/dev/null"), 125, err="begin_signature")


# ---- The command line ----

def test_usage_errors():
    for args, message in (
            ([], "Usage"),
            (["frobnicate"], "no command 'frobnicate'"),
            (["-frobnicate"], "-frobnicate: no such option"),
            (["run", "guest.elf"], "'guest.elf' is not an option: give .*-kernel guest.elf"),
            (["-m"], "-m: needs an argument"),
            (["-m", "12Q"], "-m 12Q: not a size"),
            (["-m", "65G"], "-m 65G: .*1M to 64G"),
            (["-smp", "17"], "-smp 17: .*1 to 16"),
            (["-smp", "0"], "-smp 0"),
            (["-machine", "spike"], "no machine 'spike'"),
            (["-cpu", "rv64,zbz=true"], "no property 'zbz'"),
            (["-cpu", "rv64,v=true"], "v=true: this extension is not emulated"),
            (["-cpu", "rv64,f=false,d=true"], "d=true needs f"),
            (["-drive", "if=none,id=x"], "no file"),
            (["-drive", "file=x,format=qcow2"], "format=qcow2: only raw"),
            (["-device", "virtio-blk-pci,drive=x", "-kernel", "/dev/null"], "virtio-blk-device"),
            (["-device", "virtio-blk-device,drive=nope", "-kernel", "/dev/null"], "drive=nope: no -drive has that id"),
            (["-device", "virtio-net-device,netdev=n9", "-kernel", "/dev/null"], "netdev=n9: no -netdev has that id"),
            (["-netdev", "tap,id=n0"], "only user networking"),
            (["-kernel", "/nonexistent"], "-kernel /nonexistent: No such file"),
            (["-bios", "/nonexistent"], "-bios /nonexistent: No such file"),
            (["-initrd", "/nonexistent", "-kernel", guest("hello")], "-initrd /nonexistent: No such file"),
            (["-dtb", "/nonexistent", "-kernel", guest("hello")], "-dtb /nonexistent: No such file"),
            (["-drive", "file=/nonexistent", "-kernel", guest("hello")], "-drive file=/nonexistent: .*No such file"),
            (["-device", "loader,file=/nonexistent", "-bios", "none"], "-device loader,file=/nonexistent: No such file"),
            ([guest("hello")], f"to run that file, give -kernel {guest('hello')}"),
            (["-bios", "none"], "nothing to run"),
            (["-max-insns", "0"], "give a number from 1"),
            (["--trace", "everything", "-kernel", guest("hello")], "no kind 'everything'"),
    ):
        r = vitrine(*args)
        check(r.status == 125, f"{args}: status {r.status}", r)
        check(re.search(message, r.err), f"{args}: /{message}/ is not in {r.err!r}")


def test_lines_of_qemu():
    """Command lines as manuals of systems for this board have them, with a guest of ours in the place of theirs."""
    hello = guest("hello")
    with tempfile.TemporaryDirectory() as d:
        disk, flash, pid = (os.path.join(d, name) for name in ("disk", "flash", "pid"))
        for name, size in ((disk, 1 << 20), (flash, 32 << 20)):
            with open(name, "wb") as f:
                f.truncate(size)
        for line in (
                "-machine virt -bios none -m 128M -smp 3 -nographic -global virtio-mmio.force-legacy=false -drive file=DISK,if=none,format=raw,id=x0"
                " -device virtio-blk-device,drive=x0,bus=virtio-mmio-bus.0",
                "-nographic -machine virt -m 1.9G -object rng-random,filename=/dev/urandom,id=rng0 -device virtio-rng-device,rng=rng0"
                " -device virtio-blk-device,drive=hd0 -drive file=DISK,format=raw,id=hd0 -device virtio-net-device,netdev=usernet"
                " -netdev user,id=usernet",
                "-machine virt -bios none -nographic -serial mon:stdio -drive file=DISK,if=none,format=raw,node-name=test"
                " -device virtio-blk-device,drive=test",
                "-semihosting -M virt,aclint=on -cpu rv64 -smp 8 -bios none -nographic",
                "-nographic -machine virt -net none -chardev stdio,id=con,mux=on -serial chardev:con -mon chardev=con,mode=readline -bios none -smp 4",
                "-nographic -machine virt -bios none -m 256 -net none -pidfile PID -chardev stdio,id=con,mux=on -serial chardev:con"
                " -mon chardev=con,mode=readline -icount shift=6,align=off,sleep=off -rtc clock=vm",
                "-nodefaults -nographic -serial mon:stdio -machine virt -accel tcg -cpu max -append x",
                "-M virt,pflash1=f1,acpi=off -blockdev node-name=f1,driver=file,filename=FLASH -drive file=DISK,format=raw,snapshot=on",
                "-M virt -nographic -cpu sifive-u54 -smp cpus=4,maxcpus=4 -nic user,mac=52:54:00:00:00:01 -icount shift=7",
        ):
            words = line.replace("DISK", disk).replace("FLASH", flash).replace("PID", pid).split()
            r = vitrine(*words, "-kernel", hello)
            if " user" in line and "this build has no user networking" in r.err:
                continue
            check(r.status == 0 and "Hello" in r.out, line, r)
        check(not os.path.exists(pid), "-pidfile's file is gone at the end")
        ends(vitrine("-bios", "none", "-device", f"loader,file={hello}"), 0, "Hello")
        ends(vitrine("-M", "virt,pflash0=f0", "-kernel", hello), 125, err="pflash0=f0: no -blockdev or -drive has that name")


def test_load_errors():
    with tempfile.TemporaryDirectory() as d:
        def put(name, data):
            p = os.path.join(d, name)
            with open(p, "wb") as f:
                f.write(data)
            return p
        with open(guest("hello"), "rb") as f:
            elf = f.read()
        ends(vitrine("-kernel", put("empty", b"")), 125, err="empty: the file is empty")
        ends(vitrine("-kernel", put("cut", elf[:100])), 125, err="cut: ")
        ends(vitrine("-kernel", put("x86", elf[:18] + b"\x3e\x00" + elf[20:])), 125, err="x86: .*give one for RISC-V")
        ends(vitrine("-kernel", put("flat", bytes(3 << 20)), "-m", "4M"), 125, err=r"flat: .*ends past RAM.*give -m 8M")
        ends(vitrine("-kernel", put("dir.zst", b"\x28\xb5\x2f\xfd" + bytes(100))), 125, err="zstd -d")
        ends(vitrine("-kernel", guest("hello"), "-dtb", put("dtb", b"no tree")), 125, err="dtb: not a device tree")
        ends(vitrine("-kernel", d), 125, err="is a directory")


def test_help():
    for args, text in ((["--help"], "Usage: vitrine"), (["run", "--help"], "-kernel FILE"), (["--version"], "vitrine 0."),
                       (["-cpu", "help"], "svadu"), (["-machine", "help"], "virt"), (["-device", "help"], "virtio-blk-device")):
        r = vitrine(*args)
        ends(r, 0, text)
        check(not r.err, f"{args} prints on standard output only", r)


def test_dumpdtb():
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "dtb")
        ends(vitrine("-machine", f"virt,dumpdtb={file}", "-m", "256M", "-smp", "2", "-cpu", "rv64,zba=false,sv57=false"), 0)
        with open(file, "rb") as f:
            blob = f.read()
        check(blob[:4] == b"\xd0\x0d\xfe\xed", "no device tree blob")
        for text in (b"riscv-virtio", b"ns16550a", b"virtio,mmio", b"sifive,plic-1.0.0", b"riscv,sv48", b"google,goldfish-rtc"):
            check(text in blob, f"{text} is not in the tree")
        check(b"zba" not in blob and b"zbb" in blob, "the ISA string follows -cpu")


# ---- The example kernel ----

def shell_session(*args):
    s = Session(*args, "-smp", "2", "-kernel", guest("shell"))
    s.expect("Try help.*\n> ")
    for command, answer in (("help", "switch off"), ("walk", r"level 0: .*\n2000001000 -> physical 8020"), ("mem 0x80200000 1", "0000000080200000"),
                            ("mem 0", r"trap: scause 5 \(load access fault\)"), ("mem 3000000000", r"scause 13 \(load page fault\).*stval 3000000000"),
                            ("trap", "scause 2"), ("start 1", "hart 1 says hello"), ("harts", "hart 0: started, runs this shell\nhart 1: started"),
                            ("start 1", "error -6"), ("start 9", "error -3"), ("time", "instret"), ("nonsense", "no such command")):
        s.type(command + "\r")
        s.expect(answer)
        s.expect("> ")
    return s


def test_shell_under_the_built_in_sbi():
    s = shell_session()
    s.type("sbi\r")
    s.expect(r"SBI 2\.0")
    s.type("reboot\r")
    s.expect("Try help")
    s.type("off fail\r")
    check(s.status() == 1, "off fail gives 1")


def test_shell_under_opensbi():
    s = shell_session("-bios", need(OPENSBI))
    s.type("off\r")
    check(s.status() == 0, "off gives 0")


def test_end_of_input_does_not_end_the_guest():
    r = vitrine("-kernel", guest("shell"), "--max-insns", "3000000", stdin=b"help\rwalk\r")
    ends(r, 124, "level 0")


def test_same_run_twice():
    runs = [vitrine("-kernel", guest("shell"), "-smp", "2", "--stats", stdin=b"time\rstart 1\rtime\roff\r") for _ in range(2)]
    ends(runs[0], 0)
    count = [re.search(r"instructions +\d+\n(  hart.*\n)+guest time.*", r.err).group() for r in runs]
    check(runs[0].out == runs[1].out and count[0] == count[1], f"two runs differ: {count}")


def test_terminal():
    s = Session("-kernel", guest("shell"), "--realtime", use_pty=True)
    s.expect("> ")
    raw = termios.tcgetattr(s.side)
    check(not raw[3] & (termios.ICANON | termios.ECHO), "the terminal is raw while the guest runs")
    s.type("\x01h")
    s.expect("Ctrl-A|C-a")
    s.type("\x01x")
    check(s.status() == 0, f"Ctrl-A x ends with {s.p.returncode}")
    check(termios.tcgetattr(s.side)[:4] == s.before[:4], "the terminal is restored")


def test_terminal_after_a_signal():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGSEGV, signal.SIGABRT, signal.SIGUSR1, signal.SIGALRM,
                   signal.SIGXFSZ, signal.SIGSYS, signal.SIGVTALRM):
        s = Session("-kernel", guest("shell"), use_pty=True)
        s.expect("> ")
        s.p.send_signal(number)
        ended = s.status()
        orderly = number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        check(ended == (0 if orderly else -number), f"{number.name}: ends with {ended}")
        check(termios.tcgetattr(s.side)[:4] == s.before[:4], f"{number.name}: the terminal is restored")


def test_control_c():
    """The guest's on the default console, the end of the run on a plain one: as on QEMU."""
    s = Session("-kernel", guest("shell"), "-serial", "mon:stdio", use_pty=True)
    s.expect("> ")
    s.type("\x03\r")
    s.expect("> ")
    s.type("\x01x")
    check(s.status() == 0, f"Ctrl-A x ends with {s.p.returncode}")
    for args in (["-serial", "stdio"], ["-chardev", "stdio,id=con,mux=on", "-serial", "chardev:con", "-mon", "chardev=con,mode=readline"]):
        s = Session("-kernel", guest("shell"), *args, use_pty=True)
        s.expect("> ")
        s.type("\x03")
        check(s.status() == 0, f"{args}: Ctrl-C ends with {s.p.returncode}")
        check(termios.tcgetattr(s.side)[:4] == s.before[:4], "the terminal is restored")


def test_sbi():
    for cpu in ("rv64", "rv64,sstc=false", "rv64,h=false"):
        r = vitrine("-smp", "4", "-cpu", cpu, "-kernel", guest("sbi"), "--max-insns", "100000000", stdin=b"input!")
        check("NOT OK" not in r.out, cpu, r)
        ends(r, 0, "written by dbcn\n")
        check(r.out.endswith("all passed\n"), "all are passed", r)


def test_trace():
    with tempfile.TemporaryDirectory() as d:
        file = os.path.join(d, "trace")
        traced = vitrine("-kernel", guest("hello"), "--trace", f"insn:{file}", "--stats")
        plain = vitrine("-kernel", guest("hello"), "--stats")
        ends(traced, 0, plain.out)
        insns = [int(re.search(r"^instructions +(\d+)$", r.err, re.M).group(1)) for r in (traced, plain)]
        with open(file, encoding="latin-1") as f:
            lines = f.read().splitlines()
        check(insns[0] == insns[1] == len(lines), f"traced {insns[0]}, plain {insns[1]}, {len(lines)} lines")
        ends(vitrine("-kernel", guest("stuck"), "--trace", f"trap:{file}"), 126)
        with open(file, encoding="latin-1") as f:
            check("illegal" in f.read(), "the trap is named")


# ---- Other people's programs ----

def uboot(harts):
    with tempfile.TemporaryDirectory() as d:
        disk = os.path.join(d, "disk.img")
        with open(disk, "wb") as f:
            f.truncate(8 << 20)
        os.makedirs(os.path.join(d, "root"))
        with open(os.path.join(d, "root", "greeting.txt"), "w", encoding="ascii") as f:
            f.write("read from a virtio disk\n")
        numbers = "".join(f"{n}\n" for n in range(100000)).encode("ascii")
        with open(os.path.join(d, "root", "numbers"), "wb") as f:
            f.write(numbers)
        try:
            subprocess.run(["/sbin/mke2fs", "-q", "-F", "-t", "ext4", "-d", os.path.join(d, "root"), disk], check=True)
        except FileNotFoundError:
            raise Skipped("no mke2fs") from None
        s = Session("-smp", str(harts), "-m", "256M", "-bios", need(OPENSBI), "-kernel", need(UBOOT), "-drive", f"file={disk},format=raw,if=none,id=d0",
                    "-device", "virtio-blk-device,drive=d0")
        s.expect("OpenSBI v")
        s.expect("U-Boot 20")
        s.expect("Hit any key")
        s.type("\r")
        s.expect("=> ")
        for command, answer in (("virtio scan", ""), ("virtio info", r"Capacity: 8\.0 MB"), ("ls virtio 0", r"24 +greeting\.txt"),
                                ("load virtio 0 0x84000000 greeting.txt", "24 bytes read"), ("load virtio 0 0x85000000 numbers", f"{len(numbers)} bytes read"),
                                ("crc32 0x85000000 ${filesize}", f"{zlib.crc32(numbers):08x}")):
            s.type(command + "\r")
            s.expect(re.escape(command.split()[-1]))
            s.expect(answer)
            s.expect("=> ")
        s.type("md.b 0x84000000 18\r")
        s.expect(r"read from a virt")
        s.expect("=> ")
        s.type("poweroff\r")
        check(s.status() == 0, f"poweroff gives {s.p.returncode}")


def test_uboot_under_opensbi():
    uboot(1)


def test_uboot_under_opensbi_with_four_harts():
    uboot(4)


# ---- Debian's Linux: only with --linux DIR, where scripts/linux-guest has made it ----

LINUX = None


def linux(harts, *args):
    if not LINUX:
        raise Skipped("give --linux DIR")
    image, initrd, disk = (os.path.join(LINUX, f) for f in ("Image", "initramfs.cpio.gz", "disk.img"))
    start = time.monotonic()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    s = Session("-smp", str(harts), "-m", "512M", "-kernel", image, "-initrd", initrd, "-append", "console=ttyS0", "-drive",
                f"file={disk},format=raw,if=none,id=d0,snapshot=on", "-device", "virtio-blk-device,drive=d0", "-netdev",
                f"user,id=n0,hostfwd=tcp:127.0.0.1:{port}-:77", "-device", "virtio-net-device,netdev=n0", "--stats", *args)
    s.expect(f"init: kernel 6.* on {harts} harts")
    s.expect("init: disk: read from an ext4 virtio disk")
    s.expect("init: disk: written by the guest")
    s.expect(r"init: address 10\.0\.2\.15")
    s.expect("init: the gateway answers")
    s.expect("linux> ")
    booted = time.monotonic() - start
    s.type("echo $((6 * 7)) answers\n")
    s.expect("42 answers")
    s.expect("linux> ")
    s.type("ip addr add 10.0.2.15/24 dev eth0; echo from the guest | nc -l -p 77; echo served\n")
    answer = ""
    for _ in range(50):  # until it listens
        with socket.create_connection(("127.0.0.1", port), 60) as c:
            try:
                answer = c.makefile().readline()
            except ConnectionResetError:
                pass
        if answer:
            break
        s.more(0.2)
    check(answer == "from the guest\n", f"a connection from the host brings {answer!r}")
    s.expect("served\n")
    s.expect("linux> ")
    s.type("poweroff -f\n")
    check(s.status() == 0, f"poweroff gives {s.p.returncode}")
    insns = re.search(r"instructions +(\d+)", s.p.stderr.read().decode("latin-1")).group(1)
    print(f"        {int(insns) / 1e6:.0f} million instructions, a prompt after {booted:.1f} s")


def test_linux_under_the_built_in_sbi():
    linux(1)


def test_linux_under_the_built_in_sbi_with_four_harts():
    linux(4)


def test_linux_under_opensbi():
    linux(1, "-bios", need(OPENSBI))


def test_linux_under_opensbi_with_four_harts():
    linux(4, "-bios", need(OPENSBI))


def main():
    global BUILD, LINUX
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", required=True)
    parser.add_argument("--linux", metavar="DIR", help="the Linux guest that scripts/linux-guest made")
    parser.add_argument("names", nargs="*")
    a = parser.parse_args()
    BUILD, LINUX = a.build, a.linux
    return tally.run(tally.of(a.names, globals()), Skipped, (Failed, subprocess.TimeoutExpired))


if __name__ == "__main__":
    sys.exit(main())
