# SPDX-License-Identifier: MIT
"""The protocol itself, by a client of our own: framing, clients that misbehave, and what each packet answers."""
import re
import select
import socket
import subprocess
import time
import xml.etree.ElementTree as xml

import rig
from rig import Client, Vitrine, check, guest

PC, F0, CSR, PRIV = 32, 33, 65, 65 + 4096
RAM, UART = 0x80000000, 0x10000000
LOOP = 0x6F  # j .
ADDI = 0x00150513  # addi a0, a0, 1


def loop():
    return guest("tests/guest/loop.elf")


def words(*insns):
    return b"".join(i.to_bytes(4, "little") for i in insns)


def program(c, *insns, at=RAM + 0x10000):
    """Puts a program there and the hart in front of it, in M mode."""
    code = words(*insns)
    c.ok(f"M{at:x},{len(code):x}:{code.hex()}")
    c.set_register(PC, at)
    return at


# ---- Framing ----

def test_sums_and_acknowledgements():
    with Vitrine(loop()) as v, Client(v) as c:
        c.raw(b"$?#00")
        check(c.byte() == b"-", "a packet with a wrong sum is taken")
        c.raw(b"$?#zz")
        check(c.byte() == b"-", "a packet whose sum is no number is taken")
        c.send("?")
        check(c.byte() == b"+", "a good packet is not acknowledged")
        first = c.packet()
        check(first.startswith("T05"), f"? is answered {first!r}")
        c.raw(b"-")
        check(c.packet() == first, "an answer is not sent again")
        c.raw(b"noise+++ %Stop:x#00 $par" + Client.frame("qC"))
        check(c.packet() == "QC1", "what breaks off spoils the packet after it")


def test_a_client_that_never_acknowledges():
    with Vitrine(loop()) as v, Client(v, ack=False) as c:
        for _ in range(200):
            check(c.ask("qC") == "QC1", "no answer")
        c.ok("QStartNoAckMode")
        check(c.acks == "+", "QStartNoAckMode itself is acknowledged")
        for _ in range(200):
            check(c.ask("qC") == "QC1", "no answer")
            check(not c.acks, "acknowledged all the same")
        c.raw(b"$qC#00")
        check(c.packet() == "QC1", "sums count without acknowledgement")


def test_what_is_unknown_has_an_empty_answer():
    with Vitrine(loop()) as v, Client(v) as c:
        for packet in ("", "bc", "bs", "vMustReplyEmpty", "qNonsense", "QNonsense", "Y", "vFile:open:00", "jThreadsInfo", "qCRC:0,1", "Z5,0,4", "z9,0,4"):
            check(c.ask(packet) == "", f"{packet!r} is answered")


def test_packets_that_are_too_long():
    with Vitrine(loop()) as v, Client(v) as c:
        size = int(re.search("PacketSize=([0-9a-f]+)", c.ask("qSupported")).group(1), 16)
        check(c.ask("qC" + ";" * (size - 2)) == "", "the longest packet there may be")
        c.error("q" * (size + 1))
        c.error("m" + "0" * 1000000)
        c.raw(b"$M80000000,ffffff:" + b"00" * 500000)
        check(c.ask("qC") == "QC1", "nothing after a packet that breaks off")


def test_lengths_and_digits_that_lie():
    with Vitrine(loop()) as v, Client(v) as c:
        check(len(c.memory(RAM, 0xffffffffffffffff)) > 1000, "a huge read gives what fits")
        check(c.ask("m%x,0" % RAM) == "", "a read of nothing")
        for packet in ("m", "m,", "mx,4", "m80000000", "m80000000,", "m80000000,4,", "m10000000000000000,4", "m80000000,4x",
                       "x80000000", "M80000000,4", "M80000000,4:00", "M80000000,1:0", "M80000000,1:0x", "M80000000,2:00000",
                       "M80000000,ffffffffffffffff:00", "M80000000,8000000000000001:0000", "X80000000,4:abc", "X80000000,ffffffffffffffff:",
                       "G", "G00", "G" + "zz" * 520, "p", "px", "p1041 ", "pffffffffffffffff", "P", "P1", "P1=", "P1=00", "P1=00000000000000000",
                       "P1=000000000000000x", "g0", "Z", "Z0", "Z0,", "Z0,80000000", "Z0,80000000,", "Z2,80000000,0", "Z2,80000000,1001",
                       "Z2,80000000,ffffffffffffffff", "z0", "H", "Hg", "Hx1", "Hgx", "Hg1x", "T", "Tx", "c80000000x", "Cx", "C", "C100", "C5x", "sx", "Szz",
                       "vCont", "vCont;", "vCont;;c", "vCont;c;", "vCont;x", "vCont;c:", "vCont;c:x", "vCont;C", "vCont;r", "vCont;r1", "vCont;r1,",
                       "vCont;r1,2:9", "vCont;c:1x", "vCont;t", "qThreadExtraInfo,", "qThreadExtraInfo,x", "qXfer:features:read:target.xml:",
                       "qXfer:features:read:target.xml:0", "qXfer:features:read:nothing.xml:0,10", "qXfer:features:read:target.xml:ffffffffffffffff,10",
                       "qXfer:memory-map:read:x:0,10", "qXfer:nothing:read::0,10", "qXfer:features:write:target.xml:0:x", "qRcmd,0", "qRcmd,zz",
                       "Qqemu.PhyMemMode:", "Qqemu.PhyMemMode:2", "Qqemu.sstep=9", "Qqemu.sstep="):
            c.error(packet)
        check(c.ask("qXfer:features:read:target.xml:0,ffffffffffffffff")[0] == "m", "a huge piece of a document gives what fits")
        check(c.ask("?").startswith("T05"), "the guest ran")


def test_threads_that_are_not_there():
    with Vitrine(loop(), "-smp", "2") as v, Client(v) as c:
        for packet in ("Hg3", "Hc3", "Hg11", "Hgffffffff", "Hg80000001", "Hgffffffffffffffff", "Hgp1.1", "T3", "T0", "T-1", "vCont;c:3", "vCont;s:-2",
                       "qThreadExtraInfo,3", "qThreadExtraInfo,0"):
            c.error(packet)
        for packet in ("Hg2", "Hg0", "Hg-1", "Hc-1", "Hc0", "Hc2", "T1", "T2"):
            c.ok(packet)
        check(c.ask("qC") == "QC2", "Hg0 and Hg-1 change the thread")


# ---- Clients that come and go ----

def test_a_client_that_breaks_off():
    with Vitrine(guest("guests/ukern/ukern.elf"), hold=False) as v:
        for rubbish in (b"", b"$", b"$m80000000,4", b"$m80000000,4#", b"+$g#6", b"\xff" * 3000, b"$vCont;c#a8", b"\x03", b"-" * 3000):
            c = Client(v)
            c.raw(rubbish)
            c.close()
        with Client(v) as c:
            check(c.ask("?").startswith("T"), "the stub does not come back")
            before = c.register(CSR + 0xB02)  # minstret
            c.send("vCont;c")
        end = time.monotonic() + 20
        after = before
        while after < before + 1000 and time.monotonic() < end:
            with Client(v) as c:
                c.ask("?")
                after = c.register(CSR + 0xB02)
            time.sleep(0.05)
        check(after >= before + 1000, "the guest does not run on")
        check(v.p.poll() is None, f"vitrine has ended: {v.says()}")


def test_a_client_that_does_not_read():
    with Vitrine(loop(), hold=False) as v:
        with Client(v) as c:
            c.ask("qXfer:features:read:target.xml:0,ffff")
            c.s.settimeout(2)
            try:
                for _ in range(100):
                    c.raw(b"-" * 65536)
                check(False, "all of it was taken, and answered where?")
            except (TimeoutError, socket.timeout, ConnectionError):
                pass
        with Client(v) as c:
            check(c.ask("qC") == "QC1", "the stub does not come back")


def test_a_second_client_is_sent_away():
    with Vitrine(loop()) as v, Client(v) as c:
        check(c.ask("qC") == "QC1", "no answer")
        with Client(v) as other:
            check(other.byte() == b"", "two clients")
        check(c.ask("qC") == "QC1", "the first client suffers")


def test_the_held_machine_waits_for_one_who_lets_it_run():
    with Vitrine(loop()) as v:
        for _ in range(3):
            with Client(v) as c:
                check(c.register(PC) == 0x1000, "the machine ran")
                check(c.register(CSR + 0xB02) == 0, "instructions were retired")


def test_detach_and_come_back():
    with Vitrine(loop()) as v:
        with Client(v) as c:
            c.ok("Z0,80000000,4")
            c.send("vCont;c")
            check(c.stop()[0] == 5 and c.register(PC) == RAM, "no breakpoint")
            c.ok("D")
        time.sleep(0.2)
        with Client(v) as c:
            check(c.ask("?").startswith("T05"), "not stopped")
            first = c.register(CSR + 0xB02)
            check(first > 1000, "the guest did not run on, or into the breakpoint of a client that has gone")
            check(c.ask("D;1") == "OK", "no detach")


def test_kill():
    for packet, answer in (("k", False), ("vKill;1", "OK")):
        with Vitrine(loop()) as v, Client(v) as c:
            got = c.ask(packet)
            check(got == answer, f"{packet} is answered {got!r}")
            check(v.status() == 0, f"status {v.p.returncode}")


def test_standard_input_and_output():
    command = ["timeout", "60", rig.BUILD + "/vitrine", "run", "-kernel", loop(), "-gdb", "stdio", "-S", "--quiet"]

    def start():
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    p = start()
    p.stdin.write(Client.frame("qC"))
    p.stdin.flush()
    check(p.stdout.read(8) == b"+$QC1#c5", "no answer")
    p.stdin.close()
    check(p.wait(20) == 0, "it does not end with its only client")
    p = start()
    p.stdin.write(Client.frame("qC") + b"+" + Client.frame("c"))
    p.stdin.flush()
    check(p.stdout.read(9) == b"+$QC1#c5+", "no answer")
    check(not select.select([p.stdout], [], [], 0.3)[0], "it stops by itself")
    p.stdin.write(b"\x03")
    p.stdin.flush()
    check(p.stdout.read(4) == b"$T02", "no stop")
    p.stdin.write(Client.frame("k"))
    p.stdin.close()
    check(p.wait(20) == 0, "it does not end")
    r = subprocess.run(command + ["-serial", "stdio"], capture_output=True, check=False)
    check(r.returncode == 125 and b"serial" in r.stderr, f"two on standard input: {r.stderr}")


def test_ports():
    def start(*args):
        return subprocess.Popen(["timeout", "20", rig.BUILD + "/vitrine", "run", "-kernel", loop(), "-serial", "null", *args],
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    p = start("-gdb", "tcp::0", "-S")
    port = int(re.search(rb"target remote 127\.0\.0\.1:(\d+)", p.stderr.readline() + p.stderr.readline()).group(1))
    with Client(("127.0.0.1", port)) as c:
        check(c.ask("qC") == "QC1", "no answer")
        q = start("-gdb", f"tcp:127.0.0.1:{port},server=on,wait=off")
        check(q.wait(20) == 125 and b"bind" in q.stderr.read(), "one port for two")
        c.send("k")
    check(p.wait(20) == 0, "it does not end")
    for wrong in ("tcp:", "tcp::", "tcp::x", "tcp::99999", "unix:", "unix:/nonexistent/x", "udp::5", "tcp::0,wait=on", "x" * 600):
        p = start("-gdb", wrong)
        check(p.wait(20) == 125 and p.stderr.read(), f"{wrong} is taken")
    p = start("-S")
    check(p.wait(20) == 125 and b"-gdb" in p.stderr.read(), "-S with nobody to come")


# ---- What packets say ----

def test_what_the_stub_can_do():
    with Vitrine(loop()) as v, Client(v) as c:
        answer = c.ask("qSupported:multiprocess+;swbreak+;hwbreak+;qRelocInsn+;fork-events+;vContSupported+").split(";")
        for feature in ("swbreak+", "hwbreak+", "vContSupported+", "QStartNoAckMode+", "qXfer:features:read+", "qXfer:memory-map:read+"):
            check(feature in answer, f"no {feature}")
        check(c.ask("vCont?") == "vCont;c;C;s;S;t;r", "vCont?")
        check(c.ask("qAttached") == "1", "qAttached")
        c.ok("qSymbol::")
        check(c.ask("qqemu.Supported") == "sstepbits;sstep;PhyMemMode", "qqemu.Supported")
        check(c.ask("qqemu.sstepbits") == "ENABLE=1,NOIRQ=2,NOTIMER=4", "qqemu.sstepbits")
        check(c.ask("qqemu.sstep") == "0x7", "qqemu.sstep")
        c.ok("Qqemu.sstep=0x1")
        check(c.ask("qqemu.sstep") == "0x1", "Qqemu.sstep")
        check(c.ask("qqemu.PhyMemMode") == "0", "qqemu.PhyMemMode")


def registers_of(document):
    return {r.get("name"): r for r in xml.fromstring(document).iter("reg")}


def test_the_description_of_registers():
    for cpu, there, absent in (("rv64", ("x", "ft0", "fcsr", "mstatus", "satp", "hgatp", "vsatp", "pmpaddr15", "priv"), ()),
                               ("rv64,h=false,f=false,d=false", ("mstatus", "satp", "priv"), ("ft0", "fcsr", "hgatp", "vsatp"))):
        with Vitrine(loop(), "-cpu", cpu) as v, Client(v) as c:
            whole = c.document("features:read:target.xml")
            for piece in (1000, 77, 8192):
                check(c.document("features:read:target.xml", piece) == whole, f"in pieces of {piece} it is another")
            tree = xml.fromstring(whole)
            check(tree.find("osabi").text == "none" and tree.find("architecture").text == "riscv:rv64", "osabi, architecture")
            regs = registers_of(whole)
            numbers = [int(r.get("regnum")) for r in regs.values()]
            check(len(numbers) == len(set(numbers)), "two registers of one number")
            check([int(regs[n].get("regnum")) for n in ("zero", "ra", "fp", "t6", "pc", "priv")] == [0, 1, 8, 31, PC, PRIV], "numbers")
            for name in there[1:]:
                check(name in regs, f"no {name}")
            for name in absent:
                check(name not in regs, f"{name} of a hart that has none")
            for name, r in regs.items():
                answer = c.ask(f"p{int(r.get('regnum')):x}")
                check(len(answer) == int(r.get("bitsize")) // 4, f"{name} is answered {answer!r}")
            check(len(c.ask("g")) == 16 * (65 if "ft0" in regs else 33), "g")
            for number in set(range(0x1100)) - set(numbers):
                if number % 7 == 0:
                    c.error(f"p{number:x}")


def test_every_csr_of_the_table_is_described():
    text = open(rig.__file__.rsplit("/tests/", 1)[0] + "/src/cpu/csr.def", encoding="utf-8").read()
    rows = dict((name, int(number, 16)) for number, name, mode, needs in re.findall(r"^CSR\((0x\w+), (\w+), (\w), (\w+)", text, re.M)
                if needs not in ("xuk", "xdisk"))
    check(len(rows) > 60, f"only {len(rows)} rows found in csr.def")
    with Vitrine(loop()) as v, Client(v) as c:
        regs = registers_of(c.document("features:read:target.xml"))
        for name, number in rows.items():
            check(name in regs and int(regs[name].get("regnum")) == CSR + number, f"{name} is not described")


def test_registers():
    with Vitrine(loop()) as v, Client(v) as c:
        for n in list(range(1, PC)) + list(range(F0, CSR)):
            c.set_register(n, 0x1000000000000000 + n)
        c.set_register(0, 5)
        c.set_register(PC, RAM + 0x100)
        g = bytes.fromhex(c.ask("g"))
        values = [int.from_bytes(g[8 * n:8 * n + 8], "little") for n in range(CSR)]
        check(values[0] == 0 and values[PC] == RAM + 0x100, "x0, pc")
        check(all(values[n] == 0x1000000000000000 + n for n in range(1, CSR) if n != PC), "g is not what P wrote")
        c.ok("G" + bytes(reversed(g)).hex())
        check(bytes.fromhex(c.ask("g"))[8:8 * PC] == bytes(reversed(g))[8:8 * PC], "g is not what G wrote")
        c.set_register(CSR + 0x340, 0x1234)
        check(c.register(CSR + 0x340) == 0x1234, "mscratch")
        c.set_register(CSR + 0x300, 0xffffffffffffffff)
        check(c.register(CSR + 0x300) != 0xffffffffffffffff, "mstatus takes everything")
        c.error(f"P{CSR + 0xF14:x}=0100000000000000")  # mhartid is read-only
        check(c.register(PRIV) == 3, "priv")
        c.set_register(PRIV, 1)
        check(c.register(PRIV) == 1, "priv is not what was written")
        c.error(f"P{PRIV:x}=0200000000000000")


def test_memory():
    with Vitrine(loop()) as v, Client(v) as c:
        c.ok("M80010000,8:0011223344556677")
        check(c.memory(0x80010000, 8) == bytes(range(0, 0x88, 0x11)), "m is not what M wrote")
        data = bytes(range(256))
        escaped = b"".join(b"}" + bytes([b ^ 0x20]) if b in b"$#}*" else bytes([b]) for b in data)
        c.ok(b"X80010003,100:" + escaped)
        check(c.memory(0x80010003, 256) == data, "m is not what X wrote")
        check(c.ask("x80010003,100") == "b" + data.decode("latin-1"), "x is not what X wrote")
        c.ok("X80010000,0:")
        c.error("X80010000,4:abc")
        check(len(c.memory(RAM + (128 << 20) - 4, 100)) == 4, "a read goes on behind the end of RAM")
        c.error("m%x,1" % (RAM + (128 << 20)), "E14")
        c.error("M%x,2:0000" % (RAM + (128 << 20) - 1), "E14")
        c.error("M1000,1:00", "E14")
        check(c.memory(0x1000, 4) != bytes(4), "the ROM")


def test_devices_are_not_read():
    with Vitrine(loop()) as v, Client(v) as c:
        for address in (UART, UART + 5, 0x2000000, 0xC200004, 0x10001000, 0x100000, 0, 0x7FFFFFFF, 0xffffffffffffffff):
            c.error(f"m{address:x},1", "E14")
            c.error(f"M{address:x},1:00", "E14")
        c.error(f"M{0x100000:x},4:55550000", "E14")  # would end the machine
        check(c.ask("qC") == "QC1", "it ended")


def test_the_map_of_memory():
    with Vitrine(loop()) as v, Client(v) as c:
        check("ran" not in v.printed(), "it ran")
        map_ = xml.fromstring(c.document("memory-map:read:"))
        kinds = [(int(m.get("start"), 16), int(m.get("length"), 16), m.get("type")) for m in map_.iter("memory")]
        check((0x1000, 0xf000, "rom") in kinds, f"no ROM in {kinds}")
        at = 0
        for start, length, _ in kinds:
            check(start == at and length, f"a hole at {at:#x}")
            at += length
        check(at == 1 << 64, "it ends early")


def test_threads_are_harts():
    with Vitrine(loop(), "-smp", "3") as v, Client(v) as c:
        check(c.ask("qfThreadInfo") == "m1,2,3" and c.ask("qsThreadInfo") == "l", "threads")
        for n in (1, 2, 3):
            c.ok(f"Hg{n}")
            check(c.register(CSR + 0xF14) == n - 1, f"mhartid of thread {n}")
            check(bytes.fromhex(c.ask(f"qThreadExtraInfo,{n}")).decode().startswith("M"), "its mode")
        tree = xml.fromstring(c.document("threads:read:"))
        check([(t.get("id"), t.get("name"), t.text[0]) for t in tree] == [(str(n), f"hart {n - 1}", "M") for n in (1, 2, 3)], "the document")


# ---- Running ----

def test_step_and_continue():
    with Vitrine(loop()) as v, Client(v) as c:
        at = program(c, ADDI, ADDI, ADDI, ADDI, LOOP)
        c.set_register(10, 0)
        for packet, steps in (("s", 1), ("vCont;s:1", 2), ("S05", 3), ("vCont;S05:1;c", 4)):
            c.send(packet)
            signal, what = c.stop()
            check(signal == 5 and what["thread"] == "1", f"{packet}: {signal} {what}")
            check(what["20"] == (at + 4 * steps).to_bytes(8, "little").hex(), f"{packet}: pc {what['20']}")
            check(c.register(10) == steps, f"{packet}: {c.register(10)} steps")
        c.send(f"s{at:x}")
        c.stop()
        check(c.register(PC) == at + 4, "s with an address")
        c.ok(f"Z0,{at + 12:x},4")
        for packet in ("c", f"c{at:x}", f"C05;{at:x}", f"vCont;c"):
            c.set_register(PC, at)
            c.send(packet)
            c.stop()
            check(c.register(PC) == at + 12, f"{packet}: pc {c.register(PC):#x}")
        c.ok(f"z0,{at + 12:x},4")
        c.send("c")
        time.sleep(0.1)
        c.raw(b"\x03")
        check(c.stop()[0] == 2 and c.register(PC) == at + 16, "Ctrl-C in a loop")


def test_step_a_range():
    with Vitrine(loop()) as v, Client(v) as c:
        # 0: addi; 4: jal ra, +12 (16); 8: addi; 12: j .; 16: addi; 20: ret
        at = program(c, ADDI, 0x00C000EF, ADDI, LOOP, ADDI, 0x00008067)
        c.send(f"vCont;r{at:x},{at + 12:x}:1;c")
        c.stop()
        check(c.register(PC) == at + 16, "a call ends a range at its first instruction")
        c.send(f"vCont;r{at + 16:x},{at + 24:x}:1")
        c.stop()
        check(c.register(PC) == at + 8, "a return")
        c.send(f"vCont;r{at:x},{at + 8:x}:1")
        c.stop()
        check(c.register(PC) == at + 12, "one instruction at least")
        c.send(f"vCont;r{at + 12:x},{at + 16:x}:1")
        check(c.packet(0.3) is None, "a loop in a range ends by itself")
        c.raw(b"\x03")
        check(c.stop()[0] == 2, "Ctrl-C in a range")
        c.ok(f"Z0,{at + 4:x},4")
        c.set_register(PC, at)
        c.send(f"vCont;r{at:x},{at + 12:x}:1;c")
        c.stop()
        check(c.register(PC) == at + 4, "a breakpoint in a range")


def test_breakpoints_say_what_they_are():
    with Vitrine(loop()) as v:
        for features, soft, hard in (("", False, False), (":swbreak+", True, False), (":swbreak+;hwbreak+", True, True)):
            with Client(v) as c:
                c.ask("qSupported" + features)
                at = program(c, ADDI, ADDI, ADDI, LOOP)
                c.ok(f"Z0,{at + 4:x},4")
                c.ok(f"Z0,{at + 4:x},4")
                c.ok(f"Z1,{at + 8:x},4")
                c.send("c")
                check(("swbreak" in c.stop()[1]) == soft, f"{features}: swbreak")
                c.send("c")
                check(("hwbreak" in c.stop()[1]) == hard, f"{features}: hwbreak")
                c.ok(f"z0,{at + 4:x},4")
                c.ok(f"z0,{at + 4:x},4")
                c.set_register(PC, at)
                c.send("c")
                c.stop()
                check(c.register(PC) == at + 8, "a removed breakpoint, or the other one")
                check(c.memory(at, 16) == words(ADDI, ADDI, ADDI, LOOP), "breakpoints show in memory")


def test_watchpoints():
    with Vitrine(loop()) as v, Client(v) as c:
        # a1 = data; 0: sd a0, 0(a1); 4: ld a2, 8(a1); 8: sb a0, 8(a1); 12: j 0
        data = RAM + 0x20000
        c.set_register(11, data)
        at = program(c, 0x00A5B023, 0x0085B603, 0x00A58423, 0xFF5FF06F)
        for packet, name, address, pcs in (("Z2", "watch", data, (4, 4)), ("Z3", "rwatch", data + 8, (8, 8)), ("Z4", "awatch", data + 8, (8, 12)),
                                           ("Z2", "watch", data + 8, (12, 12))):
            c.ok(f"{packet},{address:x},8")
            c.set_register(PC, at)
            for pc in pcs:
                c.send("c")
                signal, what = c.stop()
                check(signal == 5 and what.get(name) == f"{address:x}", f"{packet}: {what}")
                check(c.register(PC) == at + pc, f"{packet}: pc {c.register(PC) - at}")
            c.ok(f"z{packet[1]},{address:x},8")
        c.send("c")
        check(c.packet(0.3) is None, "a watchpoint that was removed")


def test_the_step_that_gdb_takes_after_a_watchpoint():
    """gdb believes that the access is still to come: with the watchpoint out it steps over the instruction, which is done already."""
    with Vitrine(loop(), "-smp", "2") as v, Client(v) as c:
        data = RAM + 0x20000
        c.set_register(11, data)
        at = program(c, 0x00A5B023, ADDI, ADDI, ADDI, LOOP)  # sd a0, 0(a1)

        def hit():
            c.ok(f"Z2,{data:x},8")
            c.set_register(PC, at)
            c.send("vCont;c")
            check(c.stop()[1].get("watch") == f"{data:x}" and c.register(PC) == at + 4, "no watchpoint")

        def step(packet, pc):
            c.send(packet)
            c.stop()
            check(c.register(PC) == at + pc, f"{packet}: pc {c.register(PC) - at}")

        hit()
        c.ok(f"z2,{data:x},8")
        step("vCont;s:1", 4)
        step("vCont;s:1", 8)
        hit()
        step("vCont;s:1", 8)  # it is still there: a step like any other
        hit()
        c.ok(f"z2,{data:x},8")
        step("vCont;s:1;c", 8)
        hit()
        c.ok(f"z2,{data:x},8")
        step(f"vCont;r{at + 4:x},{at + 12:x}:1", 12)


def test_too_many_breakpoints():
    with Vitrine(loop()) as v, Client(v, ack=False) as c:
        c.ok("QStartNoAckMode")
        c.raw(b"".join(Client.frame(f"Z0,{RAM + 0x30000 + 4 * n:x},4") for n in range(4200)))
        answers = [c.packet() for n in range(4200)]
        check(answers[:4096] == ["OK"] * 4096 and set(answers[4096:]) == {"E01"}, "no limit, or an early one")
        at = program(c, ADDI, LOOP)
        c.ok(f"z0,{RAM + 0x30000:x},4")
        c.ok(f"Z0,{at + 4:x},4")
        c.send("c")
        c.stop()
        check(c.register(PC) == at + 4, "pc")


def test_one_hart_while_others_stay():
    with Vitrine(loop(), "-smp", "3", "--quantum", "10") as v, Client(v) as c:
        at = program(c, ADDI, 0xFFDFF06F)  # addi; j -4
        for n in (1, 2, 3):
            c.ok(f"Hg{n}")
            c.set_register(PC, at)
            c.set_register(10, 0)

        def counts():
            values = []
            for n in (1, 2, 3):
                c.ok(f"Hg{n}")
                values.append(c.register(10))
            return values

        for _ in range(40):
            c.send("vCont;s:2")
            check(c.stop()[1]["thread"] == "2", "another thread")
        check(counts() == [0, 20, 0], f"stepped alone: {counts()}")
        for _ in range(40):
            c.send("vCont;s:3;c")
            check(c.stop()[1]["thread"] == "3", "another thread")
        one, two, three = counts()
        check(three == 20 and one > 0 and two > 20, f"stepped among others: {counts()}")
        c.send("vCont;c:1;t")
        time.sleep(0.1)
        c.raw(b"\x03")
        c.stop()
        check(counts()[0] > one and counts()[1:] == [two, three], f"one runs: {counts()}")


def test_interrupts_between_steps():
    with Vitrine(loop()) as v, Client(v) as c:
        # 0: 8 times addi, j 0; the timer's handler at 0x100: csrw mie, x0; mret
        at = program(c, *[ADDI] * 8, 0xFE1FF06F)
        c.ok(f"M{at + 0x100:x},8:" + words(0x30401073, 0x30200073).hex())

        def pending():
            c.set_register(CSR + 0x305, at + 0x100)  # mtvec
            c.set_register(CSR + 0x304, 0x2)  # mie.SSIE
            c.set_register(CSR + 0x303, 0)  # mideleg
            c.set_register(CSR + 0x344, 0x2)  # mip.SSIP
            c.set_register(CSR + 0x300, 0x8)  # mstatus.MIE
            c.set_register(PC, at)

        pending()
        c.send("vCont;s:1")
        c.stop()
        check(c.register(PC) == at + 4, f"NOIRQ: {c.register(PC) - at:#x}")
        c.ok("Qqemu.sstep=0x1")
        pending()
        c.send("vCont;s:1")
        c.stop()
        check(c.register(PC) == at + 0x100, f"with interrupts: {c.register(PC) - at:#x}")


def test_ctrl_c():
    for name, pc in (("loop", None), ("wfi", None)):
        with Vitrine(guest(f"tests/guest/{name}.elf"), hold=False) as v, Client(v) as c:
            check(c.ask("?").startswith("T05"), "not stopped by coming")
            for _ in range(3):
                c.send("vCont;c")
                check(c.packet(0.2) is None, f"{name}: it stops by itself")
                c.raw(b"\x03")
                check(c.stop(5)[0] == 2, f"{name}: no SIGINT")
            c.raw(b"\x03\x03")  # stopped already
            check(c.ask("qC") == "QC1", "Ctrl-C while it is stopped")
            c.raw(Client.frame("c") + b"\x03")
            check(c.stop(5)[0] == 2, f"{name}: Ctrl-C at once")
            c.send("c")
            time.sleep(0.05)
            c.send("qC")  # not for now: it stops the machine first
            check(c.stop(5)[0] == 2 and c.packet() == "QC1", "a packet while it runs")


def test_how_it_ends():
    for name, answer, status in (("test-pass", "W00", 0), ("test-fail", None, None), ("tohost-fail", None, None)):
        with Vitrine(guest(f"tests/guest/{name}.elf")) as v, Client(v) as c:
            got = c.ask("c", 30)
            status = v.status()
            check(got == f"W{status:02x}" and (answer in (None, got)), f"{name}: {got!r}, status {status}")
    with Vitrine(guest("tests/guest/stuck.elf")) as v, Client(v) as c:
        got = c.ask("c", 30)
        check(got[0] == "O" and "never move" in bytes.fromhex(got[1:]).decode(), f"no words: {got!r}")
        check(c.stop()[0] == 6, "no SIGABRT")
        check(c.register(PC), "it cannot be looked at")
        c.send("c")
        c.packet()
        check(c.stop()[0] == 6, "no SIGABRT again")
        c.ok("D")
        check(v.status() == 126, f"status {v.p.returncode}")
    with Vitrine(loop(), "--max-insns", "100000") as v, Client(v) as c:
        c.send("c")
        check(v.status() == 124, f"status {v.p.returncode}")


def test_extended_remote():
    with Vitrine(guest("tests/guest/test-pass.elf")) as v, Client(v) as c:
        c.ok("!")
        for _ in range(2):
            check(c.ask("c", 30) == "W00", "it does not end")
            check(v.p.poll() is None, "vitrine goes while its client stays")
            check(c.ask("vRun;").startswith("T05") and c.register(PC) == 0x1000, "vRun")
        c.send("R00")
        check(c.ask("?").startswith("T05") and c.register(PC) == 0x1000, "R")
        check(c.ask("vAttach;1").startswith("T05"), "vAttach")
        check(c.ask("c", 30) == "W00", "it does not end")
    with Vitrine(loop()) as v, Client(v) as c:
        check(c.ask("vRun;").startswith("T05"), "vRun of a machine that has not ended")


def test_signals_end_it_while_a_client_holds_it():
    with Vitrine(loop()) as v, Client(v) as c:
        check(c.ask("qC") == "QC1", "no answer")
        v.p.terminate()
        check(v.status(5) == 0, f"status {v.p.returncode}")
    with Vitrine(loop()) as v, Client(v) as c:
        c.send("c")
        time.sleep(0.1)
        v.p.terminate()
        check(c.packet() in ("X0f", None, False), "no end")
        check(v.status(5) == 0, f"status {v.p.returncode}")
