# SPDX-License-Identifier: MIT
"""Read what the harness printed, name what differs, and know the divergences that are pinned."""
import json
import re

CSRS = """mstatus medeleg mideleg mie mip mscratch mcounteren mcountinhibit menvcfg
    sstatus sie sip stvec sscratch sepc scause stval scounteren senvcfg satp
    pmpcfg0 pmpcfg2 pmpaddr0 pmpaddr1 pmpaddr2 pmpaddr3 pmpaddr4 pmpaddr5 pmpaddr6 pmpaddr7 mtvec""".split()
HYP_CSRS = CSRS[:20] + """mtvec mtinst mtval2 hstatus hedeleg hideleg hie htimedelta hcounteren hgeie htval hip hvip htinst hgatp
    vsstatus vsie vstvec vsscratch vsepc vscause vstval vsip vsatp henvcfg""".split()
ABI = """zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6""".split()
STOPS = {0: "at its end", 1: "after too many traps"}
EXCEPTIONS = {0: "instruction misaligned", 1: "instruction access fault", 2: "illegal instruction", 3: "breakpoint",
              4: "load misaligned", 5: "load access fault", 6: "store misaligned", 7: "store access fault", 8: "ecall from U",
              9: "ecall from S", 10: "ecall from VS", 11: "ecall from M", 12: "instruction page fault", 13: "load page fault",
              15: "store page fault", 20: "instruction guest page fault", 21: "load guest page fault", 22: "virtual instruction",
              23: "store guest page fault"}
MODES = {0: "U", 1: "S", 2: "VS", 3: "M"}


class Record:
    """What one body left."""

    def __init__(self, stop):
        self.stop = stop
        self.x, self.f, self.csrs, self.pokes, self.traps, self.memory = [], [], [], [], [], {}


def parse(text):
    """Records by seed.  A line that the harness did not print (a message of the machine) is passed over."""
    records, now = {}, None
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2:
            if line == "#":
                now = None
            continue
        try:
            values = [int(w, 16) for w in words[1:]]
        except ValueError:
            continue
        tag = words[0]
        if tag == "@":
            now = records.setdefault(values[0], Record(values[1]))
        elif now is None:
            continue
        elif tag == "X":
            now.x = values
        elif tag == "F":
            now.f = values
        elif tag == "C":
            now.csrs = values
        elif tag == "P":
            now.pokes = values
        elif tag == "T":
            now.traps.append(values)
        elif tag == "M":
            for i, value in enumerate(values[1:]):
                now.memory[values[0] + 8 * i] = value
    return records


def csr_names(record):
    return HYP_CSRS if len(record.csrs) == len(HYP_CSRS) else CSRS


class Difference:
    def __init__(self, field, left, right, pc=None):
        self.field, self.pc = field, pc
        self.left = left if isinstance(left, str) else "nothing" if left is None else f"{left:#x}"
        self.right = right if isinstance(right, str) else "nothing" if right is None else f"{right:#x}"


def cause_name(cause):
    if cause >> 63:
        return f"interrupt {cause & 0xFF}"
    return f"{cause} ({EXCEPTIONS.get(cause, 'reserved')})"


def show_trap(trap):
    mode, cause, epc, tval, status = trap[:5]
    more = "".join(f", {name} {value:#x}" for name, value in zip(("tval2", "tinst", "hstatus"), trap[5:]))
    return f"to {MODES.get(mode & 0xFF)} vector {mode >> 8}, cause {cause_name(cause)}, epc {epc:#x}, tval {tval:#x}, status {status:#x}{more}"


def lists(out, names, left, right):
    for i in range(max(len(left), len(right))):
        a, b = (v[i] if i < len(v) else None for v in (left, right))
        if a != b:
            out.append(Difference(names(i), a, b))


def compare(left, right, body):
    """Differences of two records of a body, the first one in time first where that is known."""
    if left is None or right is None:
        if left is right:
            return [Difference("the body", "never ran", "never ran")]
        return [Difference("the body", "ran" if left else "never ended", "ran" if right else "never ended")]
    out = []
    for i in range(max(len(left.traps), len(right.traps))):
        a, b = (r.traps[i] if i < len(r.traps) else None for r in (left, right))
        if a == b:
            continue
        pc = (a or b)[2]
        if a and b and a[:3] == b[:3]:
            at = f"trap {i} ({cause_name(a[1])} at {a[2]:#x} = body+{a[2] - body.base:#x})"
            for k, name in enumerate(("tval", "status", "tval2", "tinst", "hstatus")[:len(a) - 3], 3):
                if a[k] != b[k]:
                    out.append(Difference(f"{at} {name}", a[k], b[k], pc))
            continue
        out.append(Difference(f"trap {i}", show_trap(a) if a else None, show_trap(b) if b else None, pc))
        if len(left.traps) != len(right.traps):
            break       # from here on the sequences have nothing to do with one another
    if left.stop != right.stop:
        out.append(Difference("the body stopped", STOPS.get(left.stop, left.stop), STOPS.get(right.stop, right.stop)))
    for offset in sorted(set(left.memory) | set(right.memory)):
        fill = body.filled(offset)
        a, b = left.memory.get(offset, fill), right.memory.get(offset, fill)
        if a != b:
            name = body.names.get(offset)
            out.append(Difference(name or f"memory at scratch+{offset:#x}", a, b))
    lists(out, lambda i: f"x{i + 1} ({ABI[i + 1]})", left.x, right.x)
    lists(out, lambda i: f"f{i}" if i < 32 else "fcsr", left.f, right.f)
    lists(out, lambda i: csr_names(left)[i], left.csrs, right.csrs)
    lists(out, lambda i: f"poked word at {body.pokes[i][0]:#x}" if i < len(body.pokes) else f"poked word {i}", left.pokes, right.pokes)
    return out


def dump(name, record, body):
    """Everything of a record, named."""
    print(f"--- {body.kind} seed {body.seed} on {name}, stopped {STOPS.get(record.stop, record.stop) if record else 'never'}")
    if record is None:
        return
    for i, trap in enumerate(record.traps):
        print(f"    trap {i}: {show_trap(trap)}")
    for offset in sorted(record.memory):
        if offset in body.names:
            print(f"    {body.names[offset]}: {record.memory[offset]:#x}")
    for i, value in enumerate(record.csrs):
        print(f"    {csr_names(record)[i]}: {value:#x}")


class Pins:
    """Known divergences, in divergences.json.

    cases: bodies of the hand-written kinds, by name, each with every difference that it shows, no more and no less.
    anywhere: differences that any body of some kinds may show; kinds, field, qemu and vitrine are regular expressions
    that match the whole text. Further conditions, each optional: seeds [r, n], only bodies whose seed is r modulo n;
    mask, values are equal but for these bits; but, texts are equal but for what this regular expression finds.

    A pin of anywhere, or a difference of a case, with before or since holds for the versions of QEMU before that one or
    since that one.
    """

    def __init__(self, path, cases, version):
        with open(path) as f:
            data = json.load(f)
        def holds(pin):
            before, since = (tuple(map(int, pin.get(k, default).split("."))) for k, default in (("before", "9999"), ("since", "0")))
            return since <= version < before

        self.anywhere, self.cases = [pin for pin in data["anywhere"] if holds(pin)], {}
        self.kinds = set(cases)
        known = {c.__name__: (kind, seed) for kind, functions in cases.items() for seed, c in enumerate(functions)}
        for pin in data["cases"]:
            if pin["name"] not in known:
                raise ValueError(f"{path}: {pin['name']}: no kind of {', '.join(cases)} has such a body")
            self.cases[known[pin["name"]]] = [d for d in pin["differences"] if holds(d)]
        for pin in data["anywhere"] + data["cases"]:
            missing = {"name", "section", "reason"} - set(pin)
            if missing:
                raise ValueError(f"{path}: {pin.get('name')}: no {', '.join(sorted(missing))}")

    def judge(self, kind, seed, differences):
        """(differences that are not pinned, pinned ones that did not show)"""
        differences = [d for d in differences if not any(self.matches(pin, kind, seed, d) for pin in self.anywhere)]
        if kind not in self.kinds:
            return differences, []
        known = [(d["field"], d["qemu"], d["vitrine"]) for d in self.cases.get((kind, seed), [])]
        seen = [(d.field, d.left, d.right) for d in differences]
        return [d for d in differences if (d.field, d.left, d.right) not in known], [k for k in known if k not in seen]

    @staticmethod
    def matches(pin, kind, seed, d):
        if not all(re.fullmatch(pin[k], text) for k, text in
                   (("kinds", kind), ("field", d.field), ("qemu", d.left), ("vitrine", d.right))):
            return False
        if "seeds" in pin and seed % pin["seeds"][1] != pin["seeds"][0]:
            return False
        if "mask" in pin and (int(d.left, 16) ^ int(d.right, 16)) & ~int(pin["mask"], 16):
            return False
        return "but" not in pin or re.sub(pin["but"], "", d.left) == re.sub(pin["but"], "", d.right)
