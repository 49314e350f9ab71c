# SPDX-License-Identifier: MIT
"""A test body: its instructions, the state that it starts from, and how both become assembly.

The layout is link.ld's and harness.S's; page tables and PMP entries of the generators rely on it.
"""
import random

HARNESS = 0x80000000            # harness code and data, one superpage of 2 MiB
BODIES = 0x80200000             # body i lies at BODIES + i * BODY_SIZE
BODY_SIZE = 0x4000
MAX_BODIES = 256
SCRATCH = 0x80800000            # data area of the running body
SCRATCH_SIZE = 0x2000
TABLES = 0x80A00000             # page tables: zero but for the body's pokes
PAGES = 0x80C00000              # further pages: what exotic mappings point at
RAM_END = 0x88000000

U, S, M = 0, 1, 3
MASK64 = (1 << 64) - 1
MODE_CALL = 0x6D6F6465

# Registers that random instructions do not write: pointers into the scratch area.
BASES = {2: SCRATCH + 0x200, 8: SCRATCH + 0x600, 9: SCRATCH + 0xA00}

EDGES = [0, 1, 2, 3, 7, 8, 31, 32, 63, 64, 0x7F, 0x80, 0xFF, 0x100, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000,
         0x80000001, 0xFFFFFFFF, 0x100000000, 0x7FFFFFFFFFFFFFFF, 0x8000000000000000, 0x8000000000000001,
         MASK64, MASK64 - 1, 0xFFFFFFFF80000000, 0xFFFFFFFF7FFFFFFF, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA,
         0x0123456789ABCDEF]


class Body:
    def __init__(self, kind, seed, index=0):
        self.kind, self.seed, self.index = kind, seed, index
        self.rng = random.Random(f"{kind}:{seed}")
        self.base = BODIES + index * BODY_SIZE
        self.mode = M
        self.medeleg = self.mideleg = 0
        self.limit = 250
        self.lines, self.setup, self.pokes = [], [], []
        self.more = []                  # names of further instructions for a kind that another one builds on
        self.newer = False              # the oracle is QEMU 8.2 or later
        self.labels = 0
        self.names = {}                 # offset in the scratch area -> what is kept there
        self.x = [self.value() for _ in range(32)]
        self.x[0] = 0
        for reg, addr in BASES.items():
            self.x[reg] = addr
        self.f = [self.value() for _ in range(32)]
        self.fill = self.rng.getrandbits(64)

    # -- choices
    def value(self):
        """A 64-bit value that likes the edges."""
        r = self.rng
        pick = r.random()
        if pick < 0.4:
            return r.choice(EDGES)
        if pick < 0.5:
            return (1 << r.randrange(64)) & MASK64
        if pick < 0.6:
            return (r.choice(EDGES) + r.randrange(-16, 17)) & MASK64
        if pick < 0.7:
            return r.getrandbits(r.randrange(1, 65))
        return r.getrandbits(64)

    def src(self):
        return self.rng.randrange(32)

    def dst(self):
        while True:
            reg = self.rng.randrange(32)
            if reg not in BASES:
                return reg

    def chance(self, p):
        return self.rng.random() < p

    # -- text
    def op(self, text):
        self.lines.append("        " + text)

    def label(self):
        self.labels += 1
        return f"b{self.index}_{self.labels}"

    def place(self, label):
        self.lines.append(label + ":")

    def li(self, reg, value):
        """Load a constant of 64 bits as a signed one: what the assembler takes."""
        value &= MASK64
        self.op(f"li      x{reg}, {value if value < 1 << 63 else value - (1 << 64)}")

    def word(self, bits):
        self.op(f".word   {bits:#010x}" if bits & 3 == 3 else f".half   {bits & 0xFFFF:#06x}")

    def poke(self, addr, value):
        self.pokes.append((addr, value & MASK64))

    def switch_mode(self, mode):
        """Ask the M-mode handler for another mode.  Works while the ecall of the current mode is not delegated."""
        self.li(17, MODE_CALL)
        self.li(16, mode)
        self.op("ecall")
        self.li(17, 0)

    def filled(self, offset):
        """The dword that the harness puts at this offset of the scratch area."""
        x = self.fill
        for _ in range(offset // 8 + 1):
            x = (x * 6364136223846793005 + 1442695040888963407) & MASK64
        return x

    def assembly(self):
        i = self.index
        out = ["        .section .bodies, \"ax\"", f"        .org {i * BODY_SIZE:#x}", f"b{i}_entry:"]
        out += ["        .option push"] + self.lines + ["        .option pop", "        .option norvc"]
        out += [f"b{i}_end:  ecall", f"b{i}_setup:"]
        if self.setup:
            out += self.setup + ["        ret"]
        out += ["        .balign 8", f"b{i}_x:"]
        out += [f"        .dword {v:#x}" for v in self.x]
        out += [f"b{i}_f:"]
        out += [f"        .dword {v:#x}" for v in self.f]
        out += [f"b{i}_p:"]
        out += [f"        .dword {a:#x}, {v:#x}" for a, v in self.pokes]
        out += ["        .section .desc, \"a\"",
                f"        .dword {self.seed:#x}, b{i}_entry, b{i}_end, {self.mode}, {self.medeleg:#x}, {self.mideleg:#x}",
                f"        .dword {f'b{i}_setup' if self.setup else '0'}, b{i}_x, b{i}_f, b{i}_p, {len(self.pokes)}",
                f"        .dword {self.fill:#x}, {self.limit}"]
        return out


def batch_assembly(bodies):
    out = ["        .option norvc", "        .option norelax"]
    for body in bodies:
        out += body.assembly()
    out += ["        .globl desc_last", "        .section .desc, \"a\"", "desc_last: .dword 0", ""]
    return "\n".join(out)
