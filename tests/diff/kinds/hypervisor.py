# SPDX-License-Identifier: MIT
"""The hypervisor extension: two stages of translation, virtual instructions, delegation to HS and VS, injected interrupts, CSRs.

Four kinds of bodies, by the seed.  Modes are named as harness.S numbers them: bit 2 of a mode is V.
"""
from body import BODIES, HARNESS, M, MASK64, PAGES, S, SCRATCH, TABLES, U
from . import newer
from .paging import A, D, G, LEVELS, NPAGES, R, RET, Tables, UU, V, W, WORDS, X, address

VU, VS = U + 4, S + 4
MODES = {U: "U", S: "HS", M: "M", VU: "VU", VS: "VS"}
TABLES2 = TABLES + 0x100000
ALL = MASK64
VTVM, VTW, VTSR, HU, SPVP = 1 << 20, 1 << 21, 1 << 22, 1 << 9, 1 << 8
HGATP, VSATP, HSTATUS, HEDELEG, HIDELEG, HVIP, HIE, HIP = 0x680, 0x280, 0x600, 0x602, 0x603, 0x645, 0x604, 0x644

HLV = [0x60004073, 0x60104073, 0x64004073, 0x64104073, 0x64304073, 0x68004073, 0x68104073, 0x68304073, 0x6C004073]
HLVX = {0x64304073, 0x68304073}
HSV = [0x62004073, 0x66004073, 0x6A004073, 0x6E004073]


class Tables2(Tables):
    """Stage two: a root of 16 KiB."""

    def __init__(self, body, mode):
        super().__init__(body, mode)
        self.words = {}
        self.root = TABLES2
        self.next = TABLES2 + 0x4000

    def entry(self, va, level):
        table = self.root
        for i in range(self.levels - 1, level, -1):
            mask = 2047 if i == self.levels - 1 else 511
            at = table + (va >> 12 + 9 * i & mask) * 8
            if at in self.words and self.words[at] & (R | W | X):
                return None
            if at not in self.words:
                self.words[at] = self.table() >> 12 << 10 | V
            table = self.words[at] >> 10 << 12 & (1 << 56) - 1
        return table + (va >> 12 + 9 * level & (2047 if level == self.levels - 1 else 511)) * 8


def write(body, csr, value):
    body.li(28, value)
    body.op(f"csrw {csr:#x}, x28")


def setup_csr(body, csr, value, form="w"):
    value = value if value < 1 << 63 else value - (1 << 64)
    body.setup += [f"        li t0, {value:#x}", f"        csr{form} {csr if isinstance(csr, str) else hex(csr)}, t0"]


def start(body, mode):
    """The mode that the body begins in; the harness enters by mret."""
    body.mode = mode & 3
    if mode & 4:
        setup_csr(body, "mstatus", 1 << 39, "s")


def fence(body):
    body.word(0x62000073)
    body.word(0x22000073)


# ---- two stages ----

def leaf(r, user):
    bits = V | A | D | r.choice([R, R | W, R | W, R | X, R | W | X, R | W | X, X])
    if r.random() < (.85 if user else .2):
        bits |= UU
    pick = r.random()
    if pick < .06:
        bits &= ~V
    elif pick < .12:
        bits = bits & ~(R | X) | W
    elif pick < .3:
        bits &= ~r.choice([A, D, A | D])
    return bits


def gpa_somewhere(r, levels):
    bits = 12 + 9 * levels + 2
    while True:
        gpa = r.choice([r.getrandbits(bits), r.getrandbits(38), 0x4000_0000 + r.getrandbits(24)]) & ~0xFFF
        gpa &= (1 << min(bits - 1, 56)) - 1     # a PTE of stage one holds 56; the oracle takes the top bit for a sign
        if not 0x7FC0_0000 <= gpa < 0xC040_0000:
            return gpa


def two_stages(body, hyp_loads):
    """Tables of both stages; the virtual addresses worth trying."""
    r = body.rng
    mode1, mode2 = r.choice([8, 8, 9, 10]), r.choice([8, 8, 9, 10])
    first, second = Tables(body, mode1), Tables2(body, mode2)
    for at in range(HARNESS, PAGES + 0x200000, 0x200000):
        own = UU if body.mode == U and BODIES <= at else 0
        first.map(at, at, 1, V | R | W | X | A | D | own)
        second.map(at, at, 1, V | R | W | X | A | D | UU)
    places = []
    for _ in range(r.randrange(5, 10)):
        va, gpa = address(r, first.levels), gpa_somewhere(r, second.levels)
        page = PAGES + 0x1000 * r.randrange(NPAGES)
        level1, level2 = r.choice([0, 0, 0, 1]), r.choice([0, 0, 0, 1, 2])
        size1, size2 = 1 << 12 + 9 * level1, 1 << 12 + 9 * level2
        offset = page & max(size1, size2) - 1           # the same in both pages: a superpage holds other addresses too
        va = va & -size1 & MASK64 | offset & size1 - 1
        gpa = gpa & -max(size1, size2) | offset
        if r.random() < .92:
            base = gpa & -size1
            if r.random() < .03:
                base ^= 1 << 56 - 1                     # beyond what stage two translates
            if first.map(va & -size1 & MASK64, base, level1, leaf(r, (body.mode if not hyp_loads else r.choice([U, S])) == U)) is None:
                continue
        if r.random() < .9:
            base = page & -size2
            if level2 and r.random() < .08:
                base |= 0x1000 << r.randrange(9 * level2)
            second.map(gpa & -size2, base, level2, leaf(r, True))
        places.append(va)
    for _ in range(2):                                  # the guest's own table out of reach, or with less than it needs
        va = address(r, first.levels)
        gpa = gpa_somewhere(r, second.levels)
        at = first.entry(va, r.choice([1, 1, first.levels - 1]))
        if at is None or at in first.words:
            continue
        first.words[at] = gpa >> 12 << 10 | V
        places.append(va)
        if r.random() < .6:
            second.map(gpa, PAGES + 0x1000 * (NPAGES + 2), 0, leaf(r, True))     # a page of zeros
    places.append(address(r, first.levels))
    places.append(places[0] ^ 1 << r.randrange(12 + 9 * first.levels, 63))      # not canonical
    first.done()
    second.done()
    setup_csr(body, VSATP, mode1 << 60 | (r.getrandbits(16) << 44) * body.chance(.5) | first.root >> 12)
    setup_csr(body, HGATP, mode2 << 60 | (r.getrandbits(14) << 44) * body.chance(.5) | TABLES2 >> 12)
    body.setup += ["        .word 0x62000073, 0x22000073"]
    for i in range(NPAGES):
        for off in WORDS:
            body.poke(PAGES + 0x1000 * i + off, r.getrandbits(64))
        body.poke(PAGES + 0x1000 * i + 0x10, RET)
    return places, mode2


def touch(body, va):
    r = body.rng
    body.li(5, va + r.choice(WORDS + [0, 4, 0x7FC, 1]))
    name = r.choice(["lb", "lhu", "lw", "ld", "sb", "sh", "sw", "sd", "amo", "lr", "jump", "jump"] + body.more)
    if name == "jump":
        after = body.label()
        body.li(5, va + 0x10)
        body.op(f"la x1, {after}")
        body.op("jr x5")
        body.place(after)
    elif name == "amo":
        body.op("andi x5, x5, -8")
        body.op(f"{r.choice(['amoadd.d', 'amoswap.w'])} x6, x7, (x5)")
    elif name == "lr":
        body.op("andi x5, x5, -8")
        body.op("lr.d x6, (x5)")
    elif name in body.more:
        newer.operation(body, name)
    elif name[0] == "l":
        body.op(f"{name} x6, 0(x5)")
        body.op("add x30, x30, x6")
    else:
        body.op(f"{name} x7, 0(x5)")


def hyp_access(body, va, hlvx):
    """HLV or HSV: x6 is loaded, x7 stored, by way of x5."""
    r = body.rng
    body.li(5, va + r.choice(WORDS + [0, 4, 0x7FC, 1]))
    if r.random() < .6:
        loads = [i for i in HLV if (i in HLVX) == hlvx]
        body.word(r.choice(loads) | 5 << 15 | 6 << 7)
        body.op("add x30, x30, x6")
    elif not hlvx:
        body.word(r.choice(HSV) | 5 << 15 | 7 << 20)


def emit_stages(body):
    r = body.rng
    mode = r.choice([VS, VS, VU])
    start(body, mode)
    body.medeleg = r.choice([0, 0, 0xB0F0 | 0xF00000 & ~(1 << 22)])
    if body.medeleg and r.random() < .6:
        setup_csr(body, HEDELEG, 0xB0F0)
    places, _ = two_stages(body, False)
    setup_csr(body, 0x200, 2 << 32 | r.choice([0, 1 << 18]) * (mode == VS))     # no MXR: the oracle lets it open stage two
    if body.newer:
        newer.environment(body)
        setup_csr(body, 0x200, r.choice([0, 1 << 19]), "s")
        setup_csr(body, "mstatus", r.choice([0, 0, 1 << 18, 1 << 19]), "s")
    for _ in range(r.randrange(25, 45)):
        touch(body, r.choice(places))


def emit_hlv(body):
    r = body.rng
    mode = r.choice([M, S, S, U])
    start(body, mode)
    places, _ = two_stages(body, True)
    setup_csr(body, HSTATUS, r.choice([0, SPVP]) | (HU if r.random() < .8 else 0))
    sum_too = 1 << 18                   # the oracle looks at HS's SUM
    if body.newer:
        newer.environment(body, True)
        setup_csr(body, 0x200, 2 << 32 | r.choice([0, sum_too, 1 << 19, 3 << 18]))
        setup_csr(body, "mstatus", r.choice([0, sum_too, 1 << 19, 3 << 18]), "s")
    else:
        setup_csr(body, 0x200, 2 << 32 | sum_too)
        setup_csr(body, "mstatus", sum_too, "s")
        body.setup += ["        csrr t0, 0x280", "        csrw satp, t0", "        sfence.vma"]    # the oracle takes the kind of its faults from satp
    hlvx = False                        # the oracle does not ask for X, nor its TLB for what HLV did not
    for _ in range(r.randrange(20, 40)):
        hyp_access(body, r.choice(places), hlvx)


# ---- what may not be executed ----

PRIVILEGED = [0x10500073, 0x12000073, 0x12B50073, 0x16B50073, 0x18000073, 0x18100073, 0x22000073, 0x22B50073, 0x26B50073,
              0x62000073, 0x62B50073, 0x66B50073, 0x30200073, 0x00000073]
HYPERVISOR_CSRS = [0x600, 0x602, 0x603, 0x604, 0x605, 0x606, 0x607, 0x60A, 0x643, 0x644, 0x645, 0x64A, 0x680, 0xE12,
                   0x200, 0x204, 0x205, 0x240, 0x241, 0x242, 0x243, 0x244, 0x24D, 0x280]


def oracle_knows(mode, insn, newer):
    """Fences and CSRs of S in VU are illegal instructions there; svinval's two do nothing in U; a refused hinval has no tval."""
    if newer:
        return mode not in (U, VU) or insn not in (0x18000073, 0x18100073)
    if mode == VU:
        return insn in (0x10500073, 0x00000073, 0x30200073)
    return insn not in (0x16B50073, 0x26B50073, 0x66B50073) and not (mode == U and insn in (0x18000073, 0x18100073))


def emit_insns(body):
    r = body.rng
    mode = [VS, VU, VS, S, U, M][body.seed // 4 % 6]
    start(body, mode)
    body.medeleg = r.choice([0, 0, 0xF0B1FF & ~(1 << 9)])
    body.mideleg = 0x222
    handled = body.medeleg and r.random() < .5
    if handled:
        setup_csr(body, HEDELEG, r.choice([0xB1BB & ~3, 0x108]))
    status = sum(bit for bit in (VTVM, VTW, VTSR, HU) if r.random() < .5)
    if handled or mode == VU:
        status &= ~VTSR                 # the handler in VS returns by sret
    setup_csr(body, HSTATUS, status)
    if body.newer and mode & 4:         # TSR counts in VS still, and TW in VU
        setup_csr(body, "mstatus", r.choice([0, 1 << 20]), "s")
    if not mode & 4:                    # in V=1 the oracle confuses TVM and TW with VTVM and VTW; TSR would trap the handler in HS
        setup_csr(body, "mstatus", r.choice([0, 0, 1 << 20, 1 << 21, 3 << 20]), "s")
    for csr in ("mcounteren", 0x606, "scounteren"):
        setup_csr(body, csr, r.choice([0, 7, r.getrandbits(3)]))
    setup_csr(body, HIDELEG, 1 << 6)
    setup_csr(body, HVIP, 1 << 6)       # pending, enabled, and not taken: wfi does not wait
    setup_csr(body, "mie", 1 << 6)
    slot = 0
    for _ in range(r.randrange(30, 60)):
        if r.random() < .5:
            insn = r.choice(PRIVILEGED + HLV[:1] + HSV[:1])
            if insn == 0x30200073 and mode == M or insn in HLV + HSV or not oracle_knows(mode, insn, body.newer):
                continue
            body.li(10, 0x1000)
            body.li(11, 0)
            body.word(insn)
        else:
            csr = r.choice(HYPERVISOR_CSRS + [0x100, 0x104, 0x105, 0x140, 0x142, 0x143, 0x180, 0x300, 0x341, 0xC00, 0xC01, 0xC02, 0xF14])
            if mode == VU and csr < 0xC00 and not body.newer or csr in (0x60A, HGATP, 0x24D) or mode & 4 and csr == 0x180:
                continue
            body.op("li x6, 0")
            body.op(f"csrr x6, {csr:#x}")
            if csr < 0xC00 and csr not in (0x644, 0x244):
                body.op(f"sd x6, {8 * slot}(x9)")
                body.names[0xA00 + 8 * slot] = f"{csr:#x} read"
                slot += 1
            if r.random() < .3:
                body.op(f"csrrs x7, {csr:#x}, x0")
            body.op("li x6, 0; li x7, 0")
    body.op("li x6, 0; li x7, 0; li x28, 0")


# ---- CSRs ----

VSSTATUS = 0x00000000_000C6122
WRITABLE = {
    "hstatus": (0x600, 0x7001C0 | 1 << 9), "hedeleg": (0x602, 0xB1FF & ~1), "hideleg": (0x603, 0x444), "hie": (0x604, 0x444),
    "htimedelta": (0x605, ALL), "hcounteren": (0x606, 7), "htval": (0x643, ALL), "hvip": (0x645, 0x444),
    "vsstatus": (0x200, VSSTATUS), "vsie": (0x204, 0x222), "vstvec": (0x205, ALL & ~2), "vsscratch": (0x240, ALL),
    "vsepc": (0x241, ALL & ~1), "vscause": (0x242, ALL), "vstval": (0x243, ALL), "vsip": (0x244, 0x2), "mtval2": (0x34B, ALL),
    "mtinst": (0x34A, ALL), "hip": (0x644, 0x4), "hgatp": (0x680, 0), "vsatp": (0x280, 0), "hgeie": (0x607, 0), "mideleg": (0x303, 0x222),
    "mie": (0x304, 0xEEE), "mip": (0x344, 0x4), "sie": (0x104, 0x222), "sip": (0x144, 2),
}


def emit_csrs(body):
    """Patterns into the h* and vs* registers from M and HS, and what VS makes of its own by S's numbers."""
    r = body.rng
    mode = [M, S, VS][body.seed // 4 % 3]
    start(body, mode)
    body.mideleg = 0x222                # the oracle shows VS nothing in sie and sip that HS has not got
    setup_csr(body, HIDELEG, r.choice([0, 0x444, 0x444, r.choice([4, 0x40, 0x400])]))
    slot = 0
    for _ in range(r.randrange(20, 45)):
        name = r.choice(sorted(WRITABLE))
        number, mask = WRITABLE[name]
        if mode == VS:
            if not 0x204 <= number <= 0x244 or name == "vstvec":
                continue
            number -= 0x100             # by S's number
        if mode == S and number >> 8 & 3 == 3:
            continue
        value = r.choice([0, ALL, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, body.value(), body.value()]) & mask
        if name == "vsstatus":
            value = value | 2 << 32
        if name in ("vsatp", "hgatp"):
            value = r.choice([0, 8, 9, 10]) << 60 | r.getrandbits(14) << 44 | r.getrandbits(40) & ~3
        body.op("li x5, 0; li x6, 0; li x7, 0")
        body.li(28, value)
        form = "w" if mask == 0 or name in ("vsstatus", "hstatus") else r.choice("wwsc")
        body.op(f"csrr x29, {number:#x}")
        body.op(f"csrr{form} x6, {number:#x}, x28")
        body.op(f"csrr x7, {number:#x}")
        if mode != VS or name not in ("vsip",):
            body.op(f"csrr x5, {0x204 if mode != VS else 0x104:#x}")
        body.op(f"csrw {number:#x}, x29")
        for reg, what in ((6, "old"), (7, "new"), (5, "vsie")):
            body.names[0xA00 + 8 * slot] = f"csrr{form} {name} {value:#x}: {what}"
            body.op(f"sd x{reg}, {8 * slot}(x9)")
            slot += 1
    body.op("li x5, 0; li x6, 0; li x7, 0; li x28, 0; li x29, 0")


# ---- interrupts ----

def emit_interrupts(body):
    """hvip raises VS interrupts; hideleg, vsie, hie and the SIE of each mode decide who takes them."""
    r = body.rng
    start(body, M)
    body.mideleg = 0x222
    body.setup += [f"        csrsi 0x205, {r.choice([0, 1])}", f"        csrsi stvec, {r.choice([0, 1])}"]
    for _ in range(r.randrange(5, 10)):
        body.op("csrci mstatus, 10")
        body.op("csrci 0x200, 2")
        write(body, HIDELEG, r.choice([0, 0x444, 0x444, 1 << r.choice([2, 6, 10])]))
        write(body, 0x304, 0)
        write(body, HIE, r.choice([0x444, 0x444, 1 << r.choice([2, 6, 10])]))
        write(body, HVIP, r.choice([4, 0x40, 0x400]))        # one: the oracle has another order
        for reg, csr in ((10, HIP), (11, 0x344), (12, 0x244), (13, 0x144), (14, 0x204)):
            body.op(f"csrr x{reg}, {csr:#x}")
            if reg != 12:
                body.op(f"xor x30, x30, x{reg}")
                body.op("slli x30, x30, 3")
        if r.random() < .5:
            body.op("csrsi 0x200, 2")
        if r.random() < .3:
            body.op("csrsi mstatus, 2")
        mode = r.choice([VS, VS, VU, S, U])
        body.switch_mode(mode)
        body.op("nop")
        if mode == VS:
            body.op("csrsi sstatus, 2")
            body.op("nop")
            body.op("csrr x13, sip")
            body.op("csrr x14, sie")
            body.op("csrci sip, 2")
            body.op("csrr x15, sip")
            body.op("csrci sstatus, 2")
        elif mode == S:
            body.op("csrsi sstatus, 2")
            body.op("nop")
            body.op("csrci sstatus, 2")
        body.switch_mode(M)
        write(body, HVIP, 0)


def emit(body):
    [emit_stages, emit_insns, emit_csrs, emit_interrupts][body.seed % 4](body) if body.seed % 8 != 4 else emit_hlv(body)
