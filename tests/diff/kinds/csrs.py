# SPDX-License-Identifier: MIT
"""CSR accesses: every number from M, S and U, and what patterns the fields of those that are there keep.

Patterns leave out what the oracle is known to get wrong (kind quirk has those, pinned) and what is not a matter of
the instruction set: counters that run.
"""
from body import M, S, U

# csr: (number, mask of the bits that patterns may set)
ALL = (1 << 64) - 1
LOW32 = (1 << 32) - 1
SSTATUS = 0x00000000_000C6122
MSTATUS = 0x00000000_007E61AA       # MPP is added below
WRITABLE_S = {
    "sstatus": (0x100, SSTATUS), "sie": (0x104, 0x222), "stvec": (0x105, ALL), "scounteren": (0x106, LOW32),
    "senvcfg": (0x10A, 0xD1), "sscratch": (0x140, ALL), "sepc": (0x141, ALL & ~1), "scause": (0x142, ALL),
    "stval": (0x143, ALL), "sip": (0x144, 0x222), "stimecmp": (0x14D, ALL), "satp": (0x180, ALL),
}
WRITABLE_M = {
    "mstatus": (0x300, MSTATUS), "misa": (0x301, 0), "medeleg": (0x302, 0xB3FF), "mideleg": (0x303, 0x222),
    "mie": (0x304, 0xAAA), "mtvec": (0x305, ALL), "mcounteren": (0x306, LOW32), "menvcfg": (0x30A, 0xC0000000000000D1),
    "mcountinhibit": (0x320, 5), "mscratch": (0x340, ALL), "mepc": (0x341, ALL & ~1), "mcause": (0x342, ALL),
    "mtval": (0x343, ALL), "mip": (0x344, 0x222),
}
WRITABLE_F = {"fflags": (0x001, ALL), "frm": (0x002, ALL), "fcsr": (0x003, ALL)}
PMP = {f"pmpaddr{i}": (0x3B0 + i, (1 << 54) - 1) for i in range(16)}

# Read, but the value is not kept: it runs, or it is the implementation's own.
VOLATILE = {0xB00, 0xB02, 0xC00, 0xC01, 0xC02, 0xF11, 0xF12, 0xF13, 0x344, 0x144}
# Where the oracle has something that Vitrine need not have (or the other way round): the quirk kind pins them.
APART = {0x24D} | set(range(0x7A0, 0x7B0)) | set(range(0x5C0, 0x5D0)) | set(range(0xDC0, 0xDD0)) | {0x8C0, 0xCC0}


def pattern(body, mask):
    return body.rng.choice([0, ALL, 0x5555555555555555, 0xAAAAAAAAAAAAAAAA, body.value(), body.value(), 1 << body.rng.randrange(64)]) & mask


def keep(body, slot, reg, name):
    body.names[0x800 + 8 * slot] = name
    body.op(f"sd x{reg}, {8 * slot}(x3)")


def legal(body, name, value):
    """Push a pattern out of the way of the oracle's known mistakes."""
    if name == "mstatus":
        value |= body.rng.choice([0, 1, 3]) << 11
    if name in ("senvcfg", "menvcfg") and value >> 4 & 3 == 2:
        value |= 0x10
    return value


def probe(body, name, number, mask, slot):
    """One access of each kind; nothing between the write and the restoring of the old value can trap or use memory.

    From S and U the accesses that are not allowed trap one by one, and leave x6 and x7 alone.
    """
    r = body.rng
    body.op("li x5, 0; li x6, 0; li x7, 0")
    form = r.choice(["w", "w", "s", "c", "wi", "si", "ci"])
    value = legal(body, name, pattern(body, mask))
    if name == "mstatus" and form in ("s", "c", "si", "ci"):
        value &= ~0x1800                    # MPP = 2 would come of it
        form = form[0]
    if mask == 0:
        form, value = "w", 0
    immediate = r.randrange(32) & mask
    if name in ("sepc", "mepc") and form == "ci":
        immediate &= ~1
    if name in ("senvcfg", "menvcfg") and form in ("s", "c", "si", "ci"):
        value &= ~0x30
        immediate &= ~0x10
    body.li(28, value)
    body.op(f"csrr x5, {number:#x}")
    body.op("mv x29, x5")
    if form.endswith("i"):
        body.op(f"csrr{form} x6, {number:#x}, {immediate}")
    else:
        body.op(f"csrr{form} x6, {number:#x}, x28")
    body.op(f"csrr x7, {number:#x}")
    body.op(f"csrw {number:#x}, x29")
    what = f"csrr{form} {name} {immediate if form.endswith('i') else hex(value)}"
    keep(body, slot, 6, f"{what}: old value")
    keep(body, slot + 1, 7, f"{what}: new value")


def emit(body):
    r = body.rng
    body.mode = [M, S, U][body.seed % 3]
    body.x[3] = 0x80800800
    body.mideleg = r.choice([0, 0x222, 0x222, 0x20])
    bits = r.choice([0, 1 << 20, 0x6 << 20]) if r.random() < 0.3 else 0
    body.setup += [f"        li t0, {bits:#x}", "        csrs mstatus, t0",
                   f"        li t0, {r.choice([0, 7, 0xFFFFFFFF, r.getrandbits(32)]):#x}", "        csrw mcounteren, t0",
                   f"        li t0, {r.choice([0, 7, 0xFFFFFFFF, r.getrandbits(32)]):#x}", "        csrw scounteren, t0",
                   f"        li t0, {r.choice([0, 1 << 63]):#x}", "        csrw menvcfg, t0"]
    if body.chance(0.1):
        body.setup += ["        li t0, 0x6000", "        csrc mstatus, t0"]       # FS off
    # a part of the number space, read: 64 numbers of each seed, so 64 * 3 seeds see all from all modes
    slot = 0
    for number in range((body.seed // 3 % 64) * 64, (body.seed // 3 % 64) * 64 + 64):
        if number in APART or number & 0xFE0 == 0x320 or 0xB03 <= number <= 0xB1F:
            continue
        body.op("li x5, 0")
        body.op(f"csrr x5, {number:#x}")
        if number not in VOLATILE and not 0xC03 <= number <= 0xC1F:
            keep(body, slot, 5, f"csr {number:#x}")
            slot += 1
        elif body.mode == M:
            body.op("li x5, 0")
        if number >> 10 == 3:
            body.op(f"{r.choice(['csrw', 'csrs', 'csrc'])} {number:#x}, x8")      # read-only: illegal
    for _ in range(r.randrange(20, 50)):
        table = {**WRITABLE_F, **WRITABLE_S}
        if body.mode == M or body.chance(0.1):
            table.update(WRITABLE_M)
            table.update({k: PMP[k] for k in r.sample(sorted(PMP), 3)})
        name = r.choice(sorted(table))
        if name == "satp" and body.mode == S:
            continue                        # would switch translation on under the body's feet
        if name == "stvec" and body.medeleg:
            continue
        probe(body, name, *table[name], slot)
        slot += 2
        if slot > 250:
            break
    if body.mode == M:
        pmp_configuration(body, slot)
    body.op("li x5, 0; li x6, 0; li x7, 0; li x28, 0; li x29, 0")


def pmp_configuration(body, slot):
    """pmpcfg: bytes that are legal and do not lock.  No entry matters to M."""
    r = body.rng
    for number, name in ((0x3A0, "pmpcfg0"), (0x3A2, "pmpcfg2")):
        value = 0
        for _ in range(8):
            value = value << 8 | r.choice([0, 1, 3, 4, 5, 7]) | r.randrange(4) << 3
        body.li(5, value)
        body.op(f"csrrw x6, {number:#x}, x5")
        body.op(f"csrr x7, {number:#x}")
        body.op(f"csrw {number:#x}, x6")
        keep(body, slot, 7, f"{name} after {value:#x}")
        slot += 1
