# SPDX-License-Identifier: MIT
"""F and D: every operation, rounding mode and conversion, on edge operands; result and flags kept after each."""

D_EDGES = [0x0000000000000000, 0x8000000000000000, 0x3FF0000000000000, 0xBFF0000000000000, 0x3FF0000000000001,
           0x3FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0xFFF0000000000000, 0x7FF8000000000000, 0xFFF8000000000000,
           0x7FF0000000000001, 0xFFF7FFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0x0000000000000001, 0x8000000000000001,
           0x000FFFFFFFFFFFFF, 0x0010000000000000, 0x800FFFFFFFFFFFFF, 0x7FEFFFFFFFFFFFFF, 0xFFEFFFFFFFFFFFFF,
           0x41DFFFFFFFC00000, 0x41E0000000000000, 0xC1E0000000000000, 0xC1E0000000200000, 0x41EFFFFFFFE00000,
           0x43DFFFFFFFFFFFFF, 0x43E0000000000000, 0xC3E0000000000000, 0xC3E0000000000001, 0x43EFFFFFFFFFFFFF,
           0x43F0000000000000, 0x3FE0000000000000, 0xBFE0000000000000, 0x3FF8000000000000, 0x4004000000000000,
           0xBFF8000000000000, 0x36A0000000000000, 0x3690000000000000, 0x380FFFFFFFFFFFFF, 0x3810000000000000,
           0x47EFFFFFE0000000, 0x47EFFFFFEFFFFFFF, 0x47EFFFFFF0000000, 0x3810000010000000, 0x3FF0000010000000]
S_EDGES = [0x00000000, 0x80000000, 0x3F800000, 0xBF800000, 0x3F800001, 0x3F7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000,
           0xFFC00000, 0x7F800001, 0xFFBFFFFF, 0x7FFFFFFF, 0x00000001, 0x80000001, 0x007FFFFF, 0x00800000, 0x807FFFFF,
           0x7F7FFFFF, 0xFF7FFFFF, 0x4EFFFFFF, 0x4F000000, 0xCF000000, 0xCF000001, 0x4F7FFFFF, 0x4F800000, 0x5EFFFFFF,
           0x5F000000, 0xDF000000, 0xDF000001, 0x5F7FFFFF, 0x5F800000, 0x3F000000, 0xBF000000, 0x3FC00000, 0x40200000]
STATIC = ["rne", "rtz", "rdn", "rup", "rmm"]
ROUND = STATIC + ["dyn"] * 3
BOX = 0xFFFFFFFF00000000
RESULTS = 150
FLAGS = 1280      # bytes of flags, after the results


def double(r):
    pick = r.random()
    if pick < 0.5:
        return r.choice(D_EDGES)
    if pick < 0.65:         # close to one another: cancellation, halfway cases
        return r.getrandbits(1) << 63 | (0x3FF + r.randrange(-60, 61)) << 52 | r.choice([0, 1, (1 << 52) - 1, r.getrandbits(52)])
    if pick < 0.75:         # subnormal and just above
        return r.getrandbits(1) << 63 | r.randrange(0, 3) << 52 | r.getrandbits(r.randrange(1, 53))
    if pick < 0.85:         # range of the single format's edges
        return r.getrandbits(1) << 63 | r.choice([0x380, 0x381, 0x36A, 0x369, 0x47E, 0x47F, 0x380 - r.randrange(30)]) << 52 | \
            r.choice([0, 1 << 28, 1 << 29, 3 << 28, r.getrandbits(52), r.getrandbits(52) & ~((1 << 28) - 1)])
    return r.getrandbits(64)


def single(r):
    pick = r.random()
    if pick < 0.5:
        return r.choice(S_EDGES)
    if pick < 0.7:
        return r.getrandbits(1) << 31 | (0x7F + r.randrange(-30, 31)) << 23 | r.choice([0, 1, (1 << 23) - 1, r.getrandbits(23)])
    if pick < 0.85:
        return r.getrandbits(1) << 31 | r.randrange(0, 3) << 23 | r.getrandbits(r.randrange(1, 24))
    return r.getrandbits(32)


def operand(r):
    """What an f register may hold: a double, a boxed single, or a single that is not boxed right."""
    pick = r.random()
    if pick < 0.45:
        return double(r)
    if pick < 0.92:
        return BOX | single(r)
    return (r.getrandbits(32) << 32 | single(r)) if pick < 0.96 else (0xFFFFFFFE << 32 | single(r))


def integer_operand(r):
    return r.choice([0, 1, (1 << 64) - 1, 1 << 63, (1 << 63) - 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 24) + 1, (1 << 53) + 1,
                     0xFFFFFF80, 0x7FFFFFBF, (1 << 63) + (1 << 39), 0x7FFFFF4000000000, r.getrandbits(64),
                     r.getrandbits(32), r.getrandbits(r.randrange(1, 65))])


def one(body, fmt):
    """One operation; returns ("f" or "x", register) that holds its result."""
    r = body.rng
    a, b, c, d = (r.randrange(32) for _ in range(4))
    for reg in (a, b, c):
        if body.chance(0.35):           # fresh operands: results alone drift to NaN and infinity
            body.li(5, double(r) if fmt == "d" else BOX | single(r))
            body.op(f"fmv.d.x f{reg}, x5")
    x = r.choice([5, 6, 7, 28, 29, 30, 31])
    rm = r.choice(ROUND)
    pick = r.random()
    if pick < 0.30:
        body.op(f"{r.choice(['fadd', 'fsub', 'fmul', 'fdiv'])}.{fmt} f{d}, f{a}, f{b}, {rm}")
    elif pick < 0.36:
        body.op(f"fsqrt.{fmt} f{d}, f{a}, {rm}")
    elif pick < 0.56:
        body.op(f"{r.choice(['fmadd', 'fmsub', 'fnmsub', 'fnmadd'])}.{fmt} f{d}, f{a}, f{b}, f{c}, {rm}")
    elif pick < 0.62:
        body.op(f"{r.choice(['fsgnj', 'fsgnjn', 'fsgnjx', 'fmin', 'fmax', 'fmin', 'fmax'])}.{fmt} f{d}, f{a}, f{b}")
    elif pick < 0.70:
        body.op(f"{r.choice(['feq', 'flt', 'fle'])}.{fmt} x{x}, f{a}, f{b}")
        return "x", x
    elif pick < 0.73:
        body.op(f"fclass.{fmt} x{x}, f{a}")
        return "x", x
    elif pick < 0.82:
        body.op(f"fcvt.{r.choice(['w', 'wu', 'l', 'lu'])}.{fmt} x{x}, f{a}, {rm}")
        return "x", x
    elif pick < 0.90:
        body.li(x, integer_operand(r))
        kind = r.choice(["w", "wu", "l", "lu"])
        body.op(f"fcvt.{fmt}.{kind} f{d}, x{x}" + ("" if fmt == "d" and kind[0] == "w" else f", {rm}"))
    elif pick < 0.95:
        body.op(r.choice([f"fcvt.s.d f{d}, f{a}, {rm}", f"fcvt.d.s f{d}, f{a}"]))
    elif pick < 0.97:
        move = r.choice(["fmv.x.w", "fmv.x.d"])
        body.op(f"{move} x{x}, f{a}")
        return "x", x
    elif pick < 0.985:
        body.op(f"{r.choice(['fmv.w.x', 'fmv.d.x'])} f{d}, x{x}")
    else:
        base, off = r.choice([2, 8]), r.randrange(-256, 256)
        name = r.choice(["flw", "fld", "fsw", "fsd"])
        if name == "fsw" or name == "fsd":
            body.op(f"{name} f{a}, {off}(x{base})")
        else:
            body.op(f"{name} f{d}, {off}(x{base})")
    return "f", d


def emit(body):
    r = body.rng
    body.mode = r.choice([0, 1, 3])
    body.f = [operand(r) for _ in range(32)]
    if body.chance(0.5):
        body.op(".option rvc")
    body.op(f"fsrmi {r.randrange(5)}")
    for i in range(RESULTS):
        pick = r.random()
        if pick < 0.05:
            body.op(f"fsrmi {r.choice([0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 5, 6, 7])}")
        elif pick < 0.07:
            body.li(5, r.getrandbits(9))
            body.op(r.choice(["csrrw x6, fcsr, x5", "csrrs x6, fcsr, x5", "csrrc x6, fcsr, x5", "csrrw x6, frm, x5",
                              "csrrs x6, fflags, x5", "csrrci x6, frm, 5"]))
        elif pick < 0.09:       # reserved static rounding modes, fmt fields and FP encodings
            word = r.choice([0x02000053, 0x0A000053, 0x12000053, 0x1A000053, 0x58000053, 0xC0000053, 0x02000043])
            word |= r.randrange(32) << 7 | r.randrange(32) << 15 | r.choice([5, 6, 7, 0]) << 12 | r.choice([0, 1 << 26])
            body.word(word)
        elif pick < 0.20:
            for _ in range(2):
                reg = r.randrange(32)
                body.li(5, operand(r))
                body.op(f"fmv.d.x f{reg}, x5")
        bank, reg = one(body, r.choice(["s", "d"]))
        body.names[0x800 + 8 * i] = f"result {i} of {' '.join(body.lines[-1].split())}"
        body.op(f"{'fsd f' if bank == 'f' else 'sd x'}{reg}, {8 * i - 512}(x9)")
        body.op("csrrw x7, fflags, x0" if body.chance(0.7) else "frcsr x7")
        body.op(f"sb x7, {FLAGS + i - 512}(x9)")
        body.names.setdefault(0x800 + (FLAGS + i & -8), f"flags after operations {i & -8}..{i | 7}")
