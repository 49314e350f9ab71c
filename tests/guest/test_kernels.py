#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs guests/mono and guests/micro: the same script of commands in both must say the same, what kernels.expected has, from the disk in
memory and from a virtio disk, under Vitrine and, if it is installed, QEMU; then what only one of them does.

  test_kernels.py VITRINE GUESTS [--qemu COMMAND] [--option OPTION]... [--kernels mono,micro] [--update] [TEST...]

GUESTS: the directory with mono.elf, mono.img, ... --qemu "": without QEMU. --option: more for vitrine run, e.g. --option=--vmm --option=trap. --update writes kernels.expected anew from mono."""

import argparse
import os
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
OPENSBI = "/usr/lib/riscv64-linux-gnu/opensbi/generic/fw_dynamic.elf"
LIMIT = 60  # seconds for a whole session
SCRIPT = """\
ls
cat motd
cat no-such-file
no-such-program
echo one two  three > note
cat note
cat note motd note
rm note
cat note
tests
spin &
ps
kill 77
kill 21
sleep 20
ps
primes 2000
crash
crash jump
crash kernel
exec echo this was the shell
"""
A = None


class Failed(Exception):
    pass


def check(ok, what, text=""):
    if not ok:
        raise Failed(what + ("\n" + text if text else ""))


def mask(text, kernel):
    """What may differ between compilers and between the kernels."""
    text = text.replace("\r", "")
    text = text[text.index(kernel + ": a m"):] if kernel + ": a m" in text else text
    text = re.sub(r"pc 0x[0-9a-f]+, address 0x[0-9a-f]+", "pc PC, address ADDRESS", text)
    text = re.sub(r"^((?!process)\w+ +)\d+$", lambda m: m.group(1) + ("123" if m.group(1).startswith("motd") else "SIZE"), text, flags=re.M)
    text = re.sub(rf"^{kernel}: .*\n", "", text, flags=re.M)
    return text.replace(kernel, "KERNEL")


def disk_options(image):
    return ["-drive", f"file={image},if=none,format=raw,id=x0", "-device", "virtio-blk-device,drive=x0"]


def vitrine(kernel, script, *options):
    """Everything is typed ahead: what is printed must not depend on when. Returns (status, output)."""
    r = subprocess.run([A.vitrine, "run", *A.option, "-kernel", os.path.join(A.guests, kernel + ".elf"), *options], input=script.encode(),
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT, check=False)
    return r.returncode, r.stdout.decode("latin-1").replace("\r", "")


def prompted(kernel, script, *command):
    """Types each line when the prompt is there: OpenSBI drops what comes before it has set the port up."""
    p = subprocess.Popen([*command, "-kernel", os.path.join(A.guests, kernel + ".elf")],
                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    lines, out, prompt = script.splitlines(keepends=True), b"", (kernel + "$ ").encode()
    end = time.monotonic() + LIMIT
    with selectors.DefaultSelector() as s:
        s.register(p.stdout, selectors.EVENT_READ)
        while time.monotonic() < end:
            if not s.select(max(0.0, end - time.monotonic())):
                break
            part = os.read(p.stdout.fileno(), 65536)
            if not part:
                break
            out += part
            while lines and out.count(prompt) > len(script.splitlines()) - len(lines):
                p.stdin.write(lines.pop(0).encode())
                p.stdin.flush()
    p.kill()
    p.wait()
    p.stdin.close()
    p.stdout.close()
    return p.returncode, out.decode("latin-1").replace("\r", "")


def qemu(kernel, script, *options):
    return prompted(kernel, script, *A.qemu.split(), "-machine", "virt", "-bios", "default", "-nographic", "-global",
                    "virtio-mmio.force-legacy=false", *options)


def expect(got, kernel):
    with open(os.path.join(HERE, "kernels.expected"), encoding="ascii") as f:
        want = f.read()
    got = mask(got, kernel)
    if got != want:
        with tempfile.NamedTemporaryFile("w", suffix=".got") as g:
            g.write(got)
            g.flush()
            diff = subprocess.run(["diff", "-u", os.path.join(HERE, "kernels.expected"), g.name], stdout=subprocess.PIPE, check=False)
        raise Failed("what it printed is not what is expected:\n" + "\n".join(diff.stdout.decode().splitlines()[2:30]))


def on_disk(run, kernel, script):
    with tempfile.TemporaryDirectory() as d:
        image = os.path.join(d, "disk.img")
        shutil.copy(os.path.join(A.guests, kernel + ".img"), image)
        return run(kernel, script, *disk_options(image))


# ---- The tests: each runs for each kernel ----

def test_script(kernel):
    status, out = vitrine(kernel, SCRIPT)
    expect(out, kernel)
    check(status == 0, f"the first process ended: status {status}, not 0")


def test_script_on_disk(kernel):
    expect(on_disk(vitrine, kernel, SCRIPT)[1], kernel)


def test_script_qemu(kernel):
    if A.qemu:
        expect(qemu(kernel, SCRIPT)[1], kernel)


def test_script_on_disk_qemu(kernel):
    if A.qemu:
        expect(on_disk(qemu, kernel, SCRIPT)[1], kernel)


def test_written_files_stay(kernel):
    """What one run writes, the next run on the same image reads."""
    with tempfile.TemporaryDirectory() as d:
        image = os.path.join(d, "disk.img")
        shutil.copy(os.path.join(A.guests, kernel + ".img"), image)
        status, _ = vitrine(kernel, "echo left behind > note\nrm motd\nexit\n", *disk_options(image))
        check(status == 0, f"exit gives {status}")
        _, out = vitrine(kernel, "cat note\nls\nexit\n", *disk_options(image))
        check("\nleft behind\n" in out and "motd" not in out, "the second run does not see what the first wrote", out)


def test_status(kernel):
    check(vitrine(kernel, "exit\n")[0] == 0, "exit gives 0")
    check(vitrine(kernel, "exit 3\n")[0] == 1, "exit 3 gives 1: SBI knows only good and bad")
    check(vitrine(kernel, "echo no end\n", "--max-insns", "400000000")[0] == 124, "the end of what is typed does not end it")


def test_sizes(kernel):
    for size in ("32M", "128M", "1G", "3G"):
        status, out = vitrine(kernel, "echo here\nexit\n", "-m", size)
        check(status == 0 and "\nhere\n" in out, f"-m {size}", out)


def test_machines(kernel):
    """Harts with and without what the kernel might lean on; the firmware that people have instead of the built-in one."""
    for options in (["-cpu", "rv64,svade=true"], ["-cpu", "rv64,svadu=true"], ["-cpu", "rv64,sstc=false"], ["-cpu", "rv64,h=false,f=false,d=false"],
                    ["-smp", "4"])[:4 if "--vmm" in A.option else 5]:
        status, out = vitrine(kernel, SCRIPT, *options)
        expect(out, kernel)
        check(status == 0, f"{options}: status {status}", out)
    if os.path.exists(OPENSBI):
        expect(prompted(kernel, SCRIPT, A.vitrine, "run", *A.option, "-bios", OPENSBI)[1], kernel)


def test_bench(kernel):
    status, out = vitrine(kernel, "bench 5\nstat\nexit\n")
    rows = re.findall(r"^([a-z][a-z0-9, ]+?) +(\d+) instructions +(\d+)\.(\d) calls +(\d+)\.(\d) messages$", out, re.M)
    check(status == 0 and [r[0] for r in rows] == ["getpid", "open, close", "open, read, close", "create, write 512", "spawn, wait"],
          "five rows", out)
    messages = sum(int(r[4]) for r in rows)
    check(messages == 0 if kernel == "mono" else messages >= 10, f"{messages} messages")


def test_same_twice(kernel):
    first, second = (vitrine(kernel, SCRIPT, "--stats") for _ in range(2))
    counts = [re.search(r"^instructions +\d+$", r[1], re.M).group() for r in (first, second)]
    check(counts[0] == counts[1], f"{counts}")


def test_bug(kernel):
    """The bug of a driver. In mono the kernel ends; in micro the server, and the shell goes on."""
    for device in ("clock", "disk"):
        status, out = vitrine(kernel, f"poke {device} 1\npoke {device}\necho still here\ncat motd\ndate\nexit\n")
        check(f"poke: asking the driver of the {device} for entry 0x1 " in out and "poke: it answered" in out, "a right index works", out)
        if kernel == "mono":
            check(status == 1 and "KERNEL PANIC" in out and "scause 13 (load page fault)" in out and "still here\n" not in out,
                  f"{device}: status {status}", out)
        else:
            check(status == 0 and "the server died before it answered" in out and "\nstill here\n" in out and "Welcome" in out
                  and "since 1970" in out, f"{device}: status {status}", out)


def test_bug_often(kernel):
    """Servers die and come back as often as one likes, also while others use them; nothing leaks."""
    if kernel == "mono":
        return
    status, out = vitrine(kernel, "stat\n" + "poke disk\npoke clock\ncat motd\nspin &\n" * 3 + "poke disk\npoke clock\nls\n" * 10 + "servers\nstat\nexit\n")
    pages = [int(n) for n in re.findall(r"pages in use (\d+)", out)]
    check(status == 0 and re.search(r"disk .* again 13 times\n.*clock .* again 13 times", out), f"status {status}", out[-2000:])
    check(len(pages) == 2 and pages[1] - pages[0] < 40, f"pages of the kernel: {pages}")


def main():
    global A
    parser = argparse.ArgumentParser()
    parser.add_argument("vitrine")
    parser.add_argument("guests")
    parser.add_argument("--qemu", default=shutil.which("qemu-system-riscv64") or "")
    parser.add_argument("--option", action="append", default=[])
    parser.add_argument("--kernels", default="mono,micro")
    parser.add_argument("--update", action="store_true")
    parser.add_argument("tests", nargs="*")
    A = parser.parse_intermixed_args()
    if A.update:
        with open(os.path.join(HERE, "kernels.expected"), "w", encoding="ascii") as f:
            f.write(mask(vitrine("mono", SCRIPT)[1], "mono"))
        return 0
    passed = failed = 0
    for kernel in A.kernels.split(","):
        for name, test in list(globals().items()):
            if not name.startswith("test_") or (A.tests and not any(t in name for t in A.tests)):
                continue
            start, why = time.monotonic(), ""
            try:
                test(kernel)
                passed += 1
            except (Failed, subprocess.TimeoutExpired) as e:
                failed += 1
                why = f": {e}"
            print(f"{'failed' if why else 'passed'}  {kernel}: {name[5:].replace('_', ' ')} ({time.monotonic() - start:.1f} s){why}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
