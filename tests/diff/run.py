#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Run generated programs on Vitrine and on QEMU's virt and compare what they leave: registers, memory, traps."""
import argparse
import concurrent.futures
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True

import gen                                      # noqa: E402
from body import batch_assembly                 # noqa: E402
from kinds import KINDS, hquirk, quirk                  # noqa: E402
from report import Pins, compare, dump, parse        # noqa: E402

# The versions of QEMU that were looked at: divergences.json and the kinds to be run go by these; see README.md.
KNOWN = [(7, 2), (8, 2), (9, 2), (10, 0)]
# What QEMU 7.2 can be asked for that Vitrine has by default, and what QEMU has beside it since 8.2.
QEMU_CPU = "rv64,h=false,svinval=true,svnapot=true,svpbmt=true,debug=false,pmu-num=29"
QEMU_8_CPU = QEMU_CPU.replace("pmu-num=29", "pmu-mask=0xfffffff8") + ",zicond=true"
VITRINE_CPU = "rv64,h=false,debug=false"
# Kinds with the hypervisor extension, on both; the harness is assembled for them (HYP).
HYP = {"hyp", "hnewer", "hquirk"}
# Kinds for what QEMU 7.2 does not have.
NEWER = {"svade", "cache", "hnewer"}
MARCH = "rv64gc_zba_zbb_zbc_zbs_svinval"
TOOLS = "riscv64-unknown-elf-"
# Seeds of each kind when none are named: what CI runs.
DEFAULT_SEEDS = 100
# Kinds that leave the machine in a state that only a reset undoes: one body in a program.
ALONE = {"pmplock"}


class Fail(Exception):
    """Something in the set-up is wrong: the message says what."""


def call(argv, **kw):
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **kw)
    if done.returncode != 0:
        raise Fail(f"{shlex.join(argv)}: exit status {done.returncode}\n{done.stdout.decode(errors='replace')}")
    return done.stdout


class Builder:
    """Programs by content: the same sources give the same file name, which is not built again."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder, exist_ok=True)
        digest = hashlib.sha256()
        for root, _, names in sorted(os.walk(HERE)):
            for name in sorted(names):
                if name.endswith((".S", ".ld")) or name in ("body.py", "gen.py") or os.path.basename(root) == "kinds" and name.endswith(".py"):
                    with open(os.path.join(root, name), "rb") as f:
                        digest.update(name.encode() + b"\0" + f.read())
        self.version = digest.hexdigest()[:12]
        self.harness = {}
        for hyp in False, True:
            self.harness[hyp] = os.path.join(folder, f"harness{'-hyp' * hyp}-{self.version}.o")
            if not os.path.exists(self.harness[hyp]):
                self.assemble(os.path.join(HERE, "harness.S"), self.harness[hyp], ["--defsym", "HYP=1"] * hyp)

    @staticmethod
    def assemble(source, target, more=()):
        call([TOOLS + "as", f"-march={MARCH}", "-mpriv-spec=1.12", *more, source, "-o", target + ".tmp"])
        os.replace(target + ".tmp", target)

    def build(self, kind, seeds):
        bodies = gen.bodies_of(kind, seeds)
        stem = os.path.join(self.folder, f"{kind}-{seeds[0]}-{len(seeds)}-{self.version}")
        elf = stem + ".elf"
        if not os.path.exists(elf):
            with open(stem + ".S", "w") as f:
                f.write(batch_assembly(bodies))
            self.assemble(stem + ".S", stem + ".o")
            call([TOOLS + "ld", "--no-warn-rwx-segments", "-T", os.path.join(HERE, "link.ld"), self.harness[kind in HYP], stem + ".o",
                  "-o", elf + ".tmp"])
            os.replace(elf + ".tmp", elf)
        return elf, bodies


class Machine:
    def __init__(self, name, argv, cached, timeout, version=""):
        self.name, self.argv, self.cached, self.timeout, self.version = name, argv, cached, timeout, version

    def run(self, elf):
        """The text that the program prints; a note where the machine did not get to its end."""
        store = elf[:-4] + "." + hashlib.sha256(f"{self.argv} {self.version}".encode()).hexdigest()[:8] + ".txt"
        if self.cached and os.path.exists(store):
            with open(store) as f:
                return f.read(), None
        argv = [elf if a == "ELF" else a for a in self.argv]
        try:
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                  timeout=self.timeout)
        except FileNotFoundError:
            raise Fail(f"{argv[0]}: not found") from None
        except subprocess.TimeoutExpired as late:
            return (late.stdout or b"").decode(errors="replace"), f"no end after {self.timeout} s"
        text = done.stdout.decode(errors="replace").replace("\r", "")
        if done.returncode != 0:
            return text, f"exit status {done.returncode}: {done.stderr.decode(errors='replace').strip()[-400:]}"
        if self.cached:
            with open(store + ".tmp", "w") as f:
                f.write(text)
            os.replace(store + ".tmp", store)
        return text, None


def version_of(qemu):
    """(major, minor) of the QEMU that is the oracle."""
    said = call([qemu, "--version"]).decode(errors="replace")
    found = re.search(r"version (\d+)\.(\d+)", said)
    if not found:
        raise Fail(f"{qemu} --version: no version in {said.strip()!r}")
    return int(found[1]), int(found[2])


def dotted(version):
    return ".".join(map(str, version))


# Ends with status 0 if mstatus.MPV keeps a one and a zero, else 1.
MPV_PROBE = """
        .globl _start
_start: csrr t0, mhartid
1:      bnez t0, 1b
        li t1, 1 << 39
        li a0, 0x13333
        csrs mstatus, t1
        csrr t2, mstatus
        and t2, t2, t1
        beqz t2, 2f
        csrc mstatus, t1
        csrr t2, mstatus
        and t2, t2, t1
        bnez t2, 2f
        li a0, 0x5555
2:      li t0, 0x100000
        sw a0, 0(t0)
3:      j 3b
"""


def takes_mpv(builder, qemu):
    """The hypervisor's kinds enter and leave V by mstatus.MPV, which QEMU 10.0.13 does not let M write."""
    stem = os.path.join(builder.folder, "mpv-" + hashlib.sha256(MPV_PROBE.encode()).hexdigest()[:12])
    with open(stem + ".S", "w") as f:
        f.write(MPV_PROBE)
    builder.assemble(stem + ".S", stem + ".o")
    call([TOOLS + "ld", "--no-warn-rwx-segments", "-Ttext=0x80000000", stem + ".o", "-o", stem + ".elf"])
    try:
        done = subprocess.run([stem + ".elf" if a == "ELF" else a for a in qemu.argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, timeout=qemu.timeout)
    except subprocess.TimeoutExpired:
        raise Fail(f"{qemu.name}: no answer about mstatus.MPV after {qemu.timeout} s") from None
    if done.returncode not in (0, 1) or done.stdout:
        raise Fail(f"{shlex.join(qemu.argv)}: exit status {done.returncode}\n{(done.stdout + done.stderr).decode(errors='replace')}")
    return done.returncode == 0


def runnable(kinds, args, builder, pairs):
    """The kinds that this QEMU can be the oracle of; a line for what is left out."""
    left = []
    if args.version < (8, 2) and NEWER & set(kinds):
        left.append((NEWER, "needs QEMU 8.2 or later"))
    if HYP & set(kinds) and not takes_mpv(builder, pairs[True][0]):
        left.append((HYP, "needs a QEMU that takes writes of mstatus.MPV"))
    for some, why in left:
        print(f"not run: {', '.join(k for k in kinds if k in some)}: {why}; {args.qemu} is {dotted(args.version)}")
    return [k for k in kinds if not any(k in some for some, _ in left)]


def machines(args, hyp):
    def cpu(given):
        return given.replace("h=false", "h=true") if hyp else given

    qemu = [args.qemu, "-M", "virt", "-smp", "2", "-m", "128M", "-bios", "none", "-kernel", "ELF", "-nographic", "-cpu",
            cpu(args.qemu_cpu or (QEMU_8_CPU if args.version >= (8, 2) else QEMU_CPU))]
    oracle = Machine("qemu", qemu, not args.no_cache, args.timeout, args.version)
    if args.self:
        return oracle, Machine("qemu again", qemu, False, args.timeout)
    vitrine = shlex.split(args.vitrine) + ["run", "-machine", "virt", "-m", "128M", "-bios", "none", "-kernel", "ELF", "-nographic",
                                           "-cpu", cpu(args.vitrine_cpu), "--quiet"]
    return oracle, Machine("vitrine", vitrine, False, args.timeout)


def disassembly(elf, body, marks):
    """Objdump's listing of one body; the lines whose address is in marks stand out."""
    text = subprocess.run([TOOLS + "objdump", "-d", "-j", ".bodies", f"--start-address={body.base:#x}",
                           f"--stop-address={body.base + 0x4000:#x}", elf], stdout=subprocess.PIPE).stdout.decode()
    out = []
    seen = ""
    for line in text.splitlines():
        seen = line if line.endswith(">:") else seen
        head = line.split(":")[0].strip()
        try:
            address = int(head, 16)
        except ValueError:
            continue
        out.append(("=> " if address in marks else "   ") + line.strip())
        if f"<b{body.index}_end>" in seen:
            break
    return out


def check_batch(work, builder, pairs, pins, args, lock):
    kind, seeds = work
    oracle, subject = pairs[kind in HYP]
    elf, bodies = builder.build(kind, seeds)
    expected, broken = oracle.run(elf)
    if broken:
        raise Fail(f"{kind} {seeds[0]}..{seeds[-1]}: the oracle did not finish: {broken}")
    got, note = subject.run(elf)
    want, have = parse(expected), parse(got)
    failed = 0
    if args.dump:
        with lock:
            for body in bodies:
                dump(oracle.name, want.get(body.seed), body)
    for body in bodies:
        differences = compare(want.get(body.seed), have.get(body.seed), body)
        if args.self:
            open_ones, gone = differences, []
        else:
            open_ones, gone = pins.judge(kind, body.seed, differences)
        if not open_ones and not gone:
            continue
        failed += 1
        with lock:
            print(f"--- {kind} seed {body.seed}: {oracle.name} and {subject.name} differ")
            if note and body.seed not in have:
                print(f"    {subject.name}: {note}")
            if args.verbose or len(seeds) == 1:
                marks = {d.pc for d in open_ones if d.pc}
                for line in disassembly(elf, body, marks):
                    print("    " + line)
            for d in open_ones[:args.lines]:
                print(f"    {d.field}: {oracle.name} {d.left}, {subject.name} {d.right}")
            for field, left, right in gone:
                print(f"    pinned in divergences.json and gone: {field}: {oracle.name} {left}, {subject.name} {right}")
            if len(open_ones) > args.lines:
                print(f"    ... and {len(open_ones) - args.lines} more")
            how = "--self" if args.self else f"--vitrine {shlex.quote(args.vitrine)}"
            print(f"    again: {os.path.relpath(os.path.join(HERE, 'run.py'))} {how} --kind {kind} --seeds {body.seed}..{body.seed}")
            sys.stdout.flush()
        if note and body.seed not in have:
            failed += sum(1 for b in bodies if b.seed not in have) - 1
            break
    return len(bodies) - failed, failed


def arguments():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("--vitrine", default="vitrine", help="the command, words separated by blanks")
    p.add_argument("--self", action="store_true", help="compare the oracle with itself: are the programs deterministic?")
    p.add_argument("--qemu", default="qemu-system-riscv64")
    p.add_argument("--qemu-cpu", help="default: by QEMU's version")
    p.add_argument("--vitrine-cpu", default=VITRINE_CPU)
    p.add_argument("--kind", default="all", help="comma-separated, of: " + " ".join(KINDS))
    p.add_argument("--seeds", default=f"0..{DEFAULT_SEEDS - 1}", help="A..B, both run")
    p.add_argument("--batch", type=int, default=50, help="bodies in one program")
    p.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    p.add_argument("--build", default=os.environ.get("VITRINE_DIFF_BUILD", os.path.join(HERE, "..", "..", "build", "diff")), help="folder of the programs")
    p.add_argument("--timeout", type=float, default=60, help="seconds for one program on one machine")
    p.add_argument("--lines", type=int, default=12, help="differences shown of one body")
    p.add_argument("--no-cache", action="store_true", help="run the oracle again even where its output is kept")
    p.add_argument("--dump", action="store_true", help="print what the oracle leaves of each body, by name")
    p.add_argument("--verbose", action="store_true", help="disassemble each body that differs")
    args = p.parse_args()
    try:
        first, last = (int(n) for n in args.seeds.split(".."))
    except ValueError:
        p.error(f"--seeds {args.seeds}: give A..B")
    if last < first:
        p.error(f"--seeds {args.seeds}: none")
    kinds = list(KINDS) if args.kind == "all" else args.kind.split(",")
    for kind in kinds:
        if kind not in KINDS:
            p.error(f"--kind {kind}: there are {' '.join(KINDS)}")
    return args, kinds, list(range(first, last + 1))


def main():
    args, kinds, seeds = arguments()
    for tool in (args.qemu, TOOLS + "as", TOOLS + "ld", TOOLS + "objdump"):
        if not shutil.which(tool):
            raise Fail(f"{tool}: not found; on Debian: apt install qemu-system-misc binutils-riscv64-unknown-elf")
    args.version = version_of(args.qemu)
    builder = Builder(args.build)
    pairs = {hyp: machines(args, hyp) for hyp in (False, True)}
    pins = Pins(os.path.join(HERE, "divergences.json"), {"quirk": quirk.CASES, "hquirk": hquirk.CASES}, args.version)
    if args.version not in KNOWN:
        print(f"{args.qemu} is {dotted(args.version)}: only {', '.join(map(dotted, KNOWN))} were looked at; others can differ in other ways")
    kinds = runnable(kinds, args, builder, pairs)
    work = []
    for kind in kinds:
        mine = gen.seeds_of(kind, seeds)
        size = 1 if kind in ALONE else args.batch
        work += [(kind, mine[i:i + size]) for i in range(0, len(mine), size)]
    passed = failed = 0
    lock = threading.Lock()
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for ok, bad in pool.map(lambda w: check_batch(w, builder, pairs, pins, args, lock), work):
            passed, failed = passed + ok, failed + bad
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Fail as why:
        print(f"run.py: {why}", file=sys.stderr)
        sys.exit(2)
