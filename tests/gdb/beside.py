# SPDX-License-Identifier: MIT
"""gdb and the debugger's own prompt before one machine: who has it, and what the other is told."""
import fcntl
import os
import pty
import re
import select
import subprocess
import tempfile
import termios
import time

import rig
from rig import Client, check, gdb, guest, has


class Prompt:
    """vitrine debug -gdb on a terminal."""

    def __init__(self, *args):
        self.dir = tempfile.TemporaryDirectory()
        self.socket = os.path.join(self.dir.name, "gdb")
        self.pty, side = pty.openpty()
        env = dict(os.environ, TERM="dumb", NO_COLOR="1", HOME=self.dir.name)
        env["ASAN_OPTIONS"] = "detect_leaks=0"  # libedit keeps the names of keys
        env.pop("XDG_STATE_HOME", None)
        self.p = subprocess.Popen([rig.BUILD + "/vitrine", "debug", "-gdb", "unix:" + self.socket, *args], stdin=side, stdout=side, stderr=side, env=env,
                                  start_new_session=True, preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        os.close(side)
        self.text = ""

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.kill()
        self.p.wait()
        os.close(self.pty)
        self.dir.cleanup()

    def expect(self, what, timeout=30):
        end = time.monotonic() + timeout
        while True:
            found = re.search(what, self.text)
            if found:
                self.text = self.text[found.end():]
                return found
            left = end - time.monotonic()
            check(left > 0 and select.select([self.pty], [], [], left)[0], f"/{what}/ does not come: {self.text[-1500:]!r}")
            try:
                self.text += os.read(self.pty, 65536).decode("latin-1").replace("\r", "")
            except OSError:
                check(False, f"it ended before /{what}/: {self.text[-1500:]!r}")

    def type(self, text):
        os.write(self.pty, text.encode())


def test_both_have_the_machine_in_turns():
    with Prompt("-kernel", guest("guests/shell.elf")) as p:  # it waits for a line, for ever
        p.expect(r"gdb: target remote .*\n(?s:.*)\(vitrine\) ")
        p.type("break kernel_main\n")
        p.expect(r"kernel_main(?s:.*)\(vitrine\) ")
        with Client(p.socket) as c:
            check(c.ask("?").startswith("T05"), "no stop")
            p.expect("gdb has come")
            p.type("stepi\n")
            p.expect(r"gdb has the machine(?s:.*)\(vitrine\) ")
            p.type("run\n")
            p.expect(r"gdb has the machine(?s:.*)\(vitrine\) ")
            p.type("print $pc == 0x80200000\n")
            p.expect(r"= 1\b")
            c.send("vCont;c")
            signal, what = c.stop()
            check(signal == 5 and "swbreak" not in what, "not stopped by the prompt's breakpoint")
            p.expect(r"Stopped by 1 while gdb ran the machine(?s:.*)kernel_main")
            c.send("vCont;s:1")
            c.stop()
            c.send("vCont;c")
            time.sleep(0.3)
            p.type("\x03")
            check(c.stop()[0] == 2, "Ctrl-C at the terminal: gdb is not told")
            p.expect(r"Stopped while gdb ran the machine")
            c.ok("D")
        p.expect("gdb has gone")
        p.type("stepi\n")
        p.expect(r"\(vitrine\) ")
        p.type("continue\n")
        time.sleep(0.3)
        with Client(p.socket) as c:
            check(c.ask("?", 20).startswith("T"), "the prompt's run does not make room")
            p.expect("gdb has come")
            c.send("vCont;c")
            time.sleep(0.2)
            c.raw(b"\x03")
            check(c.stop()[0] == 2, "Ctrl-C by the client")
            check(c.ask("vKill;1") == "OK", "vKill")
            p.expect("gdb has killed the guest")
        p.type("print $pc == 0x80200000\n")
        p.expect(r"= 1\b")
        p.type("quit\n")
        check(p.p.wait(20) == 0, f"status {p.p.returncode}")


def test_a_prompt_in_the_midst_of_an_instruction_keeps_gdb_waiting():
    with Prompt("-kernel", guest("guests/ukern/ukern.elf")) as p:
        p.expect(r"\(vitrine\) ")
        p.type("stepx trap\n")
        p.expect(r"mid-instruction\) ")
        with Client(p.socket) as c:
            c.send("qC")
            check(c.packet(0.5) is None, "answered in the midst of an instruction")
            p.type("stepi\n")
            check(c.packet(20) == "QC1", "no answer afterwards")
            p.expect("gdb has come")


def test_gdb_with_the_prompt():
    kernel = guest("guests/ukern/ukern.elf")
    with Prompt("-kernel", kernel) as p:
        p.expect(r"\(vitrine\) ")
        out = gdb(p.socket, "break s_main", "continue", "next", "next", "monitor info breakpoints", "monitor print $priv", "detach", file=kernel)
        has(out, r"Breakpoint 1, s_main", r"^88\t", r"^89\t", r"= 0x1\b", r"detached")
        p.expect("gdb has come")
        p.expect("gdb has gone")
        p.type("info breakpoints\n")
        p.expect(r"\(vitrine\) ")
        p.type("quit\n")
        check(p.p.wait(20) == 0, f"status {p.p.returncode}")
