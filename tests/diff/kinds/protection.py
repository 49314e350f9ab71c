# SPDX-License-Identifier: MIT
"""PMP: TOR, NA4 and NAPOT entries over a few words, loads, stores, atomics and fetches at and across their edges.

pmplock locks entries, which only a reset undoes: each of its bodies is a program of its own.
"""
from body import M, PAGES, S, U
from .atomic import load_reserved

DATA = PAGES                    # 32 dwords, and 8 at each side of the next page's border
CODE = PAGES + 0x800            # 16 dwords of c.jr x1; nobody stores there
EDGE = PAGES + 0x1000
RET = 0x8082_8082_8082_8082
OFF, TOR, NA4, NAPOT = range(4)


def napot(base, size):
    return base >> 2 | (size >> 3) - 1


def target(r):
    return r.choice([DATA + r.randrange(0, 256), DATA + r.randrange(0, 256, 8), EDGE + r.randrange(-32, 32), CODE + r.randrange(0, 128, 4)])


def entry(r, last):
    """(cfg byte, address register); last is the previous entry's upper end, for TOR, None for the first entry.

    The first is never TOR: from address 0 up it would hold the harness too.
    """
    perm = r.choice([0, 1, 3, 4, 5, 7, 1, 3])
    kind = r.choice([OFF, TOR, TOR, NA4, NAPOT, NAPOT] if last is not None else [OFF, NA4, NAPOT])
    at = target(r) & ~3
    if kind == TOR:
        return perm | TOR << 3, (at if r.random() < .5 else max(at, last + r.choice([4, 8, 64]))) >> 2
    if kind == NA4:
        return perm | NA4 << 3, at >> 2
    if kind == NAPOT:
        size = 8 << r.choice([0, 0, 1, 2, 3, 5, 9, 10])
        return perm | NAPOT << 3, napot(at & -size, size)
    return perm, at >> 2


def entries(body, number, lock=0.0):
    r = body.rng
    cfg, last = 0, None
    for i in range(number):
        byte, address = entry(r, last)
        byte |= 0x80 if r.random() < lock else 0
        last = address << 2
        body.li(5, address)
        body.op(f"csrw pmpaddr{i}, x5")
        cfg |= byte << 8 * i
    body.li(5, cfg)
    body.op("csrw pmpcfg0, x5")
    body.op("sfence.vma")


def access(body):
    r = body.rng
    at = target(r)
    name = r.choice(["lb", "lhu", "lw", "ld", "ld", "sb", "sh", "sw", "sd", "fld", "fsd", "amoadd.w", "amoor.d", "lr.w", "jump"])
    if name == "jump":
        after = body.label()
        body.li(5, CODE + r.randrange(0, 126, 2))
        body.op(f"la x1, {after}")
        body.op("jr x5")
        body.place(after)
        return
    if CODE <= at + 8 and at < CODE + 0x80 and name[0] in "sa" + "f" * (name == "fsd"):
        name = "lw"
    if name[:3] == "amo" or name == "lr.w":
        at &= -8 if name.endswith("d") else -4
    elif name[-1] == "d" or body.chance(0.6) or at & 0xFFF >= 0xFFC:
        # Misaligned doublewords could hold a whole entry, which the oracle does not see; and an access that crosses
        # a page may be checked in two parts (Priv. 3.7.1).
        at &= -(8 if name[-1] == "d" else 4 if "w" in name else 2 if "h" in name else 1)
    body.li(5, at)
    if name[:3] == "amo":
        body.op(f"{name} x6, x7, (x5)")
    elif name == "lr.w":
        load_reserved(body, "lr.w", "sc.w")
    else:
        body.op(f"{name} {'f' if name[0] == 'f' else 'x'}6, 0(x5)")
    body.op("add x30, x30, x6")


def pokes(body):
    for start, count in ((DATA, 33), (EDGE - 64, 16)):
        for i in range(count):
            body.poke(start + 8 * i, body.rng.getrandbits(64))
    for i in range(16):
        body.poke(CODE + 8 * i, RET)


def emit(body, lock=0.0):
    r = body.rng
    body.mode = M
    pokes(body)
    for _ in range(r.randrange(2, 5)):
        entries(body, r.randrange(1, 7), lock)
        mode = r.choice([M, M, S, U])
        if mode == M:
            for _ in range(r.randrange(8, 16)):
                body.li(28, 0x1800)
                body.op("csrc mstatus, x28")
                body.li(28, r.choice([1 << 17, 1 << 17, 1 << 17 | 1 << 11, 1 << 17 | 3 << 11, 0]))
                body.op("csrs mstatus, x28")
                access(body)
                body.li(28, 1 << 17)
                body.op("csrc mstatus, x28")
        else:
            body.switch_mode(mode)
            for _ in range(r.randrange(8, 16)):
                access(body)
            body.switch_mode(M)
    if not lock and body.chance(0.3):           # nothing matches: M may, S and U may not
        for reg in ("pmpcfg0", "pmpcfg2"):
            body.op(f"csrw {reg}, x0")
        body.li(5, EDGE + 0x4000 >> 2)          # an entry that is on and matches nothing here
        body.op("csrw pmpaddr0, x5")
        body.op("li x5, 0x17")
        body.op("csrw pmpcfg0, x5")
        body.op("sfence.vma")
        for bits in (1 << 17, 1 << 17 | 1 << 11, 1 << 17 | 3 << 11):
            body.li(28, 0x1800)
            body.op("csrc mstatus, x28")
            body.li(28, bits)
            body.op("csrs mstatus, x28")
            access(body)
            body.li(28, 1 << 17)
            body.op("csrc mstatus, x28")


def emit_lock(body):
    emit(body, 0.4)
    for i in range(8):
        body.op(f"csrr x{10 + i}, pmpaddr{i}")
    body.op("csrr x9, pmpcfg0")
