# SPDX-License-Identifier: MIT
"""What the tests of the gdb stub share: a vitrine to come to, a client that speaks the protocol itself, and gdb."""
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BUILD = ""
GDB = shutil.which("gdb-multiarch") or shutil.which("riscv64-unknown-elf-gdb")
QEMU = shutil.which("qemu-system-riscv64")
UBOOT = "/usr/lib/u-boot/qemu-riscv64_smode/uboot.elf"


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def check(condition, what):
    if not condition:
        raise Failed(what)


def guest(*names):
    """The path of a guest below the build directory."""
    for name in names:
        p = os.path.join(BUILD, name)
        if os.path.exists(p):
            return p
    raise Skipped(f"no {names[0]}")


def need(file):
    if not file or not os.path.exists(file):
        raise Skipped(f"no {file}")
    return file


class Vitrine:
    """vitrine run -gdb on a unix socket, ended with the test."""

    def __init__(self, kernel, *args, hold=True, serial=None):
        self.dir = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.dir.name, "gdb")
        self.serial = os.path.join(self.dir.name, "serial")
        self.errors = open(os.path.join(self.dir.name, "stderr"), "w+b")
        command = [os.path.join(BUILD, "vitrine"), "run", "-kernel", kernel, "-gdb", "unix:" + self.socket]
        command += ["-serial", serial or "file:" + self.serial] + (["-S"] if hold else []) + list(args)
        self.p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.errors)
        end = time.monotonic() + 30
        while not os.path.exists(self.socket) and self.p.poll() is None and time.monotonic() < end:
            time.sleep(0.01)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.p.poll() is None:
            self.p.kill()
        self.p.wait()
        self.errors.close()
        self.dir.cleanup()

    def status(self, timeout=30):
        try:
            return self.p.wait(timeout)
        except subprocess.TimeoutExpired:
            raise Failed("vitrine does not end") from None

    def printed(self):
        with open(self.serial, encoding="latin-1") as f:
            return f.read()

    def says(self):
        self.errors.seek(0)
        return self.errors.read().decode("latin-1")

    def wait_for(self, text, timeout=30):
        end = time.monotonic() + timeout
        while text not in self.printed():
            check(time.monotonic() < end, f"the guest does not print {text!r}: {self.printed()[-300:]!r}")
            time.sleep(0.02)


class Client:
    """A client of the stub. ack: acknowledges what it gets, as gdb does at first."""

    def __init__(self, where, ack=True):
        if isinstance(where, Vitrine):
            where = where.socket
        self.s = socket.socket(socket.AF_UNIX) if isinstance(where, str) else socket.socket()
        end = time.monotonic() + 10
        while True:
            try:
                self.s.connect(where)
                break
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.02)
        self.ack = ack
        self.heard = b""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.s.close()

    @staticmethod
    def frame(payload):
        if isinstance(payload, str):
            payload = payload.encode("latin-1")
        return b"$" + payload + b"#%02x" % (sum(payload) & 255)

    def raw(self, data):
        self.s.sendall(data)

    def send(self, payload):
        self.raw(self.frame(payload))

    def byte(self, timeout=10):
        """The next byte; b"" when the stub has hung up, None when none comes."""
        if not self.heard:
            if not select.select([self.s], [], [], timeout)[0]:
                return None
            try:
                self.heard = self.s.recv(65536)
            except ConnectionResetError:
                return b""
            if not self.heard:
                return b""
        b, self.heard = self.heard[:1], self.heard[1:]
        return b

    def packet(self, timeout=10):
        """The next packet's payload, escapes resolved; b"+" and b"-" are skipped and counted. None: none comes. False: the stub hung up."""
        self.acks = ""
        while True:
            b = self.byte(timeout)
            if not b:
                return None if b is None else False
            if b in b"+-":
                self.acks += b.decode()
            elif b == b"$":
                break
            else:
                raise Failed(f"{b!r} between packets")
        payload, total = b"", 0
        while True:
            b = self.byte(timeout)
            check(b, f"a packet that breaks off: {payload!r}")
            if b == b"#":
                break
            total += b[0]
            if b == b"}":
                b = self.byte(timeout)
                total += b[0]
                b = bytes([b[0] ^ 0x20])
            payload += b
        given = self.byte(timeout) + self.byte(timeout)
        check(int(given, 16) == total & 255, f"sum {given} of {payload!r}")
        if self.ack:
            try:
                self.raw(b"+")
            except ConnectionError:  # its last words
                pass
        return payload.decode("latin-1")

    def ask(self, payload, timeout=10):
        self.send(payload)
        return self.packet(timeout)

    def ok(self, payload):
        answer = self.ask(payload)
        check(answer == "OK", f"{payload[:80]!r} is answered {answer!r}")

    def error(self, payload, code=None):
        answer = self.ask(payload)
        check(answer and re.fullmatch(r"E[0-9a-f]{2}", answer) and (not code or answer == code),
              f"{payload[:80]!r} is answered {answer!r}, not {code or 'an error'}")

    def stop(self, timeout=30):
        """Waits for a stop; returns (signal, {key: value})."""
        answer = self.packet(timeout)
        check(answer and answer[0] == "T", f"no stop but {answer!r}")
        return int(answer[1:3], 16), dict(part.split(":", 1) for part in answer[3:].split(";") if part)

    def register(self, number):
        answer = self.ask(f"p{number:x}")
        check(answer and answer[0] != "E", f"register {number} is answered {answer!r}")
        return int.from_bytes(bytes.fromhex(answer), "little")

    def set_register(self, number, value):
        self.ok(f"P{number:x}=" + value.to_bytes(8, "little").hex())

    def memory(self, address, size):
        answer = self.ask(f"m{address:x},{size:x}")
        check(answer and answer[0] != "E", f"memory at {address:#x} is answered {answer!r}")
        return bytes.fromhex(answer)

    def document(self, what, piece=0xffb):
        text = ""
        while True:
            answer = self.ask(f"qXfer:{what}:{len(text):x},{piece:x}")
            check(answer and answer[0] in "ml", f"{what} at {len(text)} is answered {answer!r}")
            check(len(answer) <= piece + 1, f"{len(answer) - 1} bytes for {piece}")
            text += answer[1:]
            if answer[0] == "l":
                return text


def gdb(where, *commands, file=None, python="", timeout=120, interrupt_after=None):
    """Runs gdb with the commands and returns what it printed; one that fails does not end the rest. python: what its own Python is to know.
    interrupt_after: seconds until it gets a Ctrl-C."""
    need(GDB)
    lines = ["set pagination off", "set confirm off", "set width 0"] + ([f"file {file}"] if file else [])
    lines += [f"target remote {getattr(where, 'socket', where)}", *commands]
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(python)
        script.flush()
        args = [GDB, "-nx", "--batch", "-x", script.name] + [a for line in lines for a in ("-ex", line)]
        env = dict(os.environ, LC_ALL="C", DEBUGINFOD_URLS="", HOME=tempfile.gettempdir())
        p = subprocess.Popen(args, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, start_new_session=True)
        try:
            if interrupt_after:
                time.sleep(interrupt_after)
                p.send_signal(signal.SIGINT)
            out = p.communicate(timeout=timeout)[0].decode("latin-1")
        except subprocess.TimeoutExpired:
            p.kill()
            out = p.communicate()[0].decode("latin-1")
            raise Failed(f"gdb does not end: {out[-1500:]}") from None
    return out


def has(out, *patterns):
    """Each pattern follows the one before it in what gdb printed."""
    at = 0
    for pattern in patterns:
        found = re.compile(pattern, re.M).search(out, at)
        if not found:
            raise Failed(f"/{pattern}/ is not in what gdb printed{' from there on' if at else ''}:\n{out[at:][-3000:]}")
        at = found.end()
