# SPDX-License-Identifier: MIT
"""Translation: Sv39, Sv48 and Sv57, pages of every size, every bit of a PTE, from S, from U and from M by MPRV.

The body, the harness and the scratch area are mapped where they are.  Beside them lie a few mappings with random
bits at random addresses, and a few addresses with none; the body loads, stores and jumps there.
"""
from body import BODIES, BODY_SIZE, HARNESS, M, MASK64, PAGES, S, SCRATCH, TABLES, U
from . import newer
from .atomic import load_reserved

V, R, W, X, UU, G, A, D = (1 << i for i in range(8))
LEVELS = {8: 3, 9: 4, 10: 5}
NPAGES = 16
N = 1 << 63
WORDS = [0, 8, 0x7F8, 0xFF8]            # offsets in a page that the harness sets and prints
RET = 0x8082_8082_8082_8082             # c.jr x1
CODE_PAGES = 4                          # the last ones: nobody stores there
DATA_PAGES = NPAGES - CODE_PAGES - 1    # the page between is for stores that cross
CROSSING = 0x0013_0001_0001_0001        # c.nop three times, and the first half of a nop that ends in the next page
CROSSED = 0x8082_8082_8082_0000


class Tables:
    """Page tables built as pokes."""

    def __init__(self, body, mode):
        self.body, self.mode, self.levels = body, mode, LEVELS[mode]
        self.words = {}
        self.next = TABLES
        self.root = self.table()

    def table(self):
        self.next += 0x1000
        return self.next - 0x1000

    def entry(self, va, level):
        """The address of the PTE for va at a level (0 is the last), with the tables on the way."""
        table = self.root
        for i in range(self.levels - 1, level, -1):
            at = table + (va >> 12 + 9 * i & 511) * 8
            if self.words.get(at, 0) & (R | W | X) or at not in self.words:
                if at in self.words:
                    return None         # a superpage lies in the way
                self.words[at] = self.table() >> 12 << 10 | V
            table = self.words[at] >> 10 << 12 & (1 << 56) - 1
        return table + (va >> 12 + 9 * level & 511) * 8

    def map(self, va, pa, level, bits):
        at = self.entry(va, level)
        if at is None or at in self.words:
            return None
        self.words[at] = pa >> 12 << 10 | bits
        return at

    def harmless(self, va):
        """Whether an access there ends in the pages for it, or nowhere: a superpage holds the harness too."""
        table = self.root
        for level in range(self.levels - 1, -1, -1):
            pte = self.words.get(table + (va >> 12 + 9 * level & 511) * 8, 0)
            base = pte >> 10 << 12 & (1 << 56) - 1
            if pte & (R | W | X) or not pte:
                break
            table = base
        size = 1 << 12 + 9 * level
        if not pte or base & size - 1 or pte & N:       # NAPOT stays in its 64 KiB, which are the pages
            return True
        return PAGES <= base + (va & size - 1) < PAGES + 0x1000 * (NPAGES + 1)

    def done(self):
        for at in sorted(self.words):
            self.body.poke(at, self.words[at])


def leaf_bits(body):
    """Fences that name an ASID pass global pages over: a body has either (may_g).  Pages of U that are executable
    and loads from S with SUM are together in the kind quirk only (may_sum).
    """
    r, may_g = body.rng, body.may_g
    bits = V | r.choice([R, R | W, R | X, R | W | X, X, R | W, R | W | X])
    for bit, p in ((UU, .5), (G, .2 * may_g), (A, .75), (D, .6)):
        bits |= bit if r.random() < p else 0
    if body.mode == S and body.may_sum and bits & UU:
        bits &= ~X
        bits |= 0 if bits & (R | W) else R
    pick = r.random()
    if pick < 0.06:
        bits &= ~V
    elif pick < 0.12:
        bits = bits & ~(R | X) | W              # reserved: W without R
    elif pick < 0.26:
        bits |= r.choice([1, 2]) << 61          # Svpbmt
    elif pick < 0.30:
        bits |= r.choice([1, 2, 3]) << 8        # for software
    return bits


def address(r, levels):
    """A canonical address that does not meet the identity mapping (0x80000000 and up, below 0xc0000000)."""
    bits = 12 + 9 * levels
    while True:
        va = r.choice([r.getrandbits(bits), r.getrandbits(38), 0x4000_0000 + r.getrandbits(24), r.getrandbits(bits) | 1 << bits - 1])
        if r.random() < 0.4:
            va &= ~0x1FFFFF
        va &= ~0xFFF
        if not 0x7FC0_0000 <= va < 0xC040_0000:
            return va | (MASK64 << bits & MASK64 if va >> bits - 1 else 0)


def page_of(r, code):
    return PAGES + 0x1000 * (r.randrange(NPAGES - CODE_PAGES, NPAGES) if code else r.randrange(DATA_PAGES))


def exotic(body, tables, code):
    """One mapping with random bits; the list of addresses (without the offset) worth trying, and its PTE."""
    r = body.rng
    level = r.choice([0, 0, 0, 1, 1, 2] + ([3] if tables.levels > 3 else []) + ([4] if tables.levels > 4 else []))
    va = address(r, tables.levels)
    page = page_of(r, code)
    bits = leaf_bits(body)
    if code and not (body.mode == S and body.may_sum and bits & UU):
        bits |= X
    if level:
        size = 1 << 12 + 9 * level
        base = page & -size
        if r.random() < 0.15:
            base |= 1 << r.randrange(12, 12 + 9 * level)        # misaligned superpage
        va &= -size & MASK64
        if not va or 0x4000_0000 < va < 0x1_0000_0000:
            va = -size & (1 << 12 + 9 * tables.levels) - 1 | MASK64 << 12 + 9 * tables.levels & MASK64
        at = tables.map(va, base, level, bits)
        return [va + (page & size - 1)] if at else [], at
    if r.random() < 0.12 and not code:                          # NAPOT of 64 KiB, right or reserved
        bits |= A | D                   # whose A and D an access sets is up to the machine: any of the sixteen
        pa = PAGES | r.choice([0x8000, 0x8000, 0x8000, 0x4000, 0xC000, 0])
        at = tables.map(va, pa, 0, bits | N)
        if at:
            block, index = va & ~0xFFFF, va >> 12 & 15
            for i in range(16):         # the format wants the same PTE sixteen times
                if i != index:
                    tables.map(block + 0x1000 * i, pa, 0, bits | N)
            return [block + 0x1000 * r.randrange(DATA_PAGES)], None
    if r.random() < 0.06:                                       # a pointer in the last table, or bits in a pointer
        at = tables.map(va, page, 0, bits & ~(R | W | X))
        return [va] if at else [], at
    if r.random() < 0.06:
        at = tables.map(va, tables.next, 1, r.choice([V | A, V | D, V | UU, N | V] + [V | G] * body.may_g))
        return [va] if at else [], at
    at = tables.map(va, page, 0, bits)
    if r.random() < 0.4 and at:                                 # a neighbour, for accesses that cross
        tables.map(va + 0x1000 & MASK64, page_of(r, code), 0, leaf_bits(body) if r.random() < .6 else bits)
    return [va] if at else [], at


def broken(r, levels, va):
    """The same address, not canonical."""
    return va ^ 1 << r.randrange(12 + 9 * levels, 64)


def touch(body, place):
    """Load, store, atomic or jump at an address; what a load brings stays in a register and is kept."""
    r = body.rng
    va, code = place
    offset = r.choice(WORDS + [0, 4, 0xFFC, 0xFFE, 0xFFF, 0x7FC, 1])
    body.li(5, va + offset)
    name = r.choice(["lb", "lhu", "lw", "ld", "ld", "sb", "sh", "sw", "sd", "sd", "fld", "fsd", "amo", "lr", "jump", "jump", "jump"] + body.more)
    if code and name in ("sb", "sh", "sw", "sd", "fsd", "amo", "lr", "cbo.zero"):
        name = "jump"
    if body.mode == M and name == "jump":       # MPRV does not turn fetches
        name = "lw"
    if name == "jump":
        after = body.label()
        body.li(5, va + r.choice([0x10, 0x12, 0xFFE, 0xFFC, 0xFF8] if code else [0x10, 0x12]))
        body.op(f"la x1, {after}")
        body.op("jr x5")
        body.place(after)
    elif name == "amo":
        body.op("andi x5, x5, -8")
        body.op(f"{r.choice(['amoadd.d', 'amoswap.w', 'amomax.d'])} x6, x7, (x5)")
    elif name == "lr":
        body.op("andi x5, x5, -8")
        load_reserved(body, "lr.d", "sc.d")
    elif name in body.more:
        newer.operation(body, name)
    elif name[0] == "f":
        body.op(f"{name} f6, 0(x5)")
    elif name[0] == "l":
        body.op(f"{name} x6, 0(x5)")
        body.op("xor x7, x7, x6")
        body.op("add x30, x30, x7")
    else:
        body.op(f"{name} x7, 0(x5)")


def flush(body, va, asid):
    r = body.rng
    body.li(5, va)
    body.li(6, asid)
    if body.may_g:
        body.op(r.choice(["sfence.vma", "sfence.vma x5, x0"]))
    elif r.random() < .75:
        body.op(r.choice(["sfence.vma x5, x6", "sfence.vma x0, x6"]))
    else:
        body.op("sfence.w.inval")
        body.op("sinval.vma x5, x6")
        body.op("sfence.inval.ir")


def emit(body):
    r = body.rng
    mode = [8, 9, 10][body.seed % 3]
    body.mode = [S, U, M, S, U][body.seed // 3 % 5]
    body.may_g = body.chance(0.5)
    body.may_sum = body.mode == M or body.chance(0.5)
    asid = r.getrandbits(16) if r.random() < .5 else 0
    tables = Tables(body, mode)
    own = UU if body.mode == U else 0
    tables.map(HARNESS, HARNESS, 1, V | R | W | X | A | D)
    for i in range(BODY_SIZE // 0x1000):
        tables.map(body.base + 0x1000 * i, body.base + 0x1000 * i, 0, V | R | W | X | A | D | own)
    for i in range(2):
        tables.map(SCRATCH + 0x1000 * i, SCRATCH + 0x1000 * i, 0, V | R | W | A | D | own)
    if body.mode != U:
        tables.map(TABLES, TABLES, 1, V | R | W | A | D)
    places, ptes = [], []
    for _ in range(r.randrange(5, 11)):
        code = r.random() < 0.25
        some, at = exotic(body, tables, code)
        places += [(va, code) for va in some]
        ptes += [(at, some[0])] if at else []
    places.append((address(r, tables.levels), False))           # nothing is mapped there
    places += [(broken(r, tables.levels, va), code) for va, code in r.sample(places, min(2, len(places)))]
    places = [(va, code) for va, code in places if tables.harmless(va) and tables.harmless(va + 0x1000 & MASK64)]
    tables.done()
    for i in range(NPAGES):
        for off in WORDS:
            code = {0: CROSSED, 0xFF8: CROSSING} if i >= NPAGES - CODE_PAGES else {}
            body.poke(PAGES + 0x1000 * i + off, code.get(off, r.getrandbits(64)))
        body.poke(PAGES + 0x1000 * i + 0x10, RET)
    if body.chance(0.3):
        body.medeleg = 0xB1FF & ~(1 << 9)
    satp = mode << 60 | asid << 44 | tables.root >> 12
    status = 0
    for bit in (18, 19) if body.may_sum else (19,):
        status |= (r.random() < .5) << bit
    if body.mode == M:
        status |= r.choice([0, 1]) << 11
    body.setup += [f"        li t0, {satp - (1 << 64):#x}", "        csrw satp, t0", "        sfence.vma",
                   "        li t0, 0x1800" if body.mode == M else "        li t0, 0", "        csrc mstatus, t0",
                   f"        li t0, {status & ~0x1800:#x}", "        csrs mstatus, t0",
                   f"        li t0, {body.mode << 11:#x}", "        csrs mstatus, t0",
                   f"        li t0, {1 << 62:#x}", "        csrs menvcfg, t0"]
    pp = status >> 11 & 3
    for _ in range(r.randrange(30, 60)):
        pick = r.random()
        if body.mode == M:
            body.li(28, 0x1800)
            body.op("csrc mstatus, x28")
            body.li(28, 1 << 17 | pp << 11)
            body.op("csrs mstatus, x28")
            touch(body, r.choice(places))
            body.li(28, 1 << 17)
            body.op("csrc mstatus, x28")
            if pick < 0.2:
                pp = r.choice([0, 1])
        else:
            touch(body, r.choice(places))
        if body.mode != U and pick > 0.8 and ptes:              # change a PTE, and say so
            at, va = r.choice(ptes)
            body.li(5, at)
            if r.random() < .5:
                body.li(6, r.choice([R, W, A, D, A | D, V] + [X, UU] * (not body.may_sum)))
                body.op("ld x7, 0(x5)")
                body.op("xor x7, x7, x6")
                body.op("sd x7, 0(x5)")
            else:
                body.li(6, A | D | (0 if body.may_sum else UU))
                body.op(f"{r.choice(['amoor.d', 'amoxor.d'])} x7, x6, (x5)")
            flush(body, va, asid)
        elif body.mode != U and pick > 0.7:
            body.li(5, r.choice([1 << 18, 1 << 19, 3 << 18]) if body.may_sum else 1 << 19)
            body.op(f"{r.choice(['csrs', 'csrc'])} sstatus, x5")
