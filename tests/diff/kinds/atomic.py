# SPDX-License-Identifier: MIT
"""A: every AMO, LR/SC pairs that must succeed and must fail, misaligned and inaccessible addresses."""
from . import integer

AMOS = "amoswap amoadd amoxor amoand amoor amomin amomax amominu amomaxu".split()
ORDER = ["", ".aq", ".rl", ".aqrl"]


def address(body, reg, size, aligned=True):
    r = body.rng
    base = r.choice([2, 8, 9])
    off = r.randrange(-256, 256) & -8
    off += r.choice([0, size]) if size == 4 else 0
    if not aligned:
        off += r.randrange(1, size)
    body.op(f"addi x{reg}, x{base}, {off}")


def load_reserved(body, lr, sc):
    """A pair at the address in x5, into x6 and x7. If the LR traps there is no SC: one without a reservation may, but
    need not, be "treated like a store" ("Load-Reserved/Store-Conditional Instructions"), and QEMU does both: 7.2 fails without a trap, 10.0 traps.
    """
    after = body.label()
    body.op("li x6, 0x5ca1ab1e")
    body.op("mv x28, x6")
    body.op(f"{lr} x6, (x5)")
    body.op(f"beq x6, x28, {after}")
    body.op(f"{sc} x7, x6, (x5)")
    body.place(after)


def step(body):
    r = body.rng
    size = r.choice([4, 8])
    w = "w" if size == 4 else "d"
    pick = r.random()
    if pick < 0.55:
        address(body, 5, size)
        body.op(f"{r.choice(AMOS)}.{w}{r.choice(ORDER)} x{body.dst()}, x{body.src()}, (x5)")
    elif pick < 0.75:                   # a pair that succeeds; nothing that touches memory in between
        address(body, 5, size)
        body.op(f"lr.{w}{r.choice(ORDER)} x6, (x5)")
        if body.chance(0.5):
            body.op(f"addi x7, x6, {r.randrange(-9, 9)}")
        body.op(f"sc.{w}{r.choice(ORDER)} x{r.choice([6, 10, 11, 5, 0])}, x{r.choice([7, 12, 0, 6])}, (x5)")
        if body.chance(0.4):            # a second one must fail: the first has used the reservation up
            address(body, 5, size)
            body.op(f"sc.{w} x{r.choice([6, 28])}, x7, (x5)")
    elif pick < 0.82:                   # another address than the reserved one, far enough for any reservation set
        body.op(f"lr.{w} x6, (x8)")
        body.op("li x5, 2048")
        body.op("add x5, x8, x5")
        body.op(f"sc.{w} x28, x7, (x5)")
        body.op(f"sc.{w} x29, x7, (x8)")
    elif pick < 0.86:                   # no reservation at all
        address(body, 5, size)
        body.op(f"sc.{w} x6, x7, (x5)")
    elif pick < 0.92:
        address(body, 5, size, aligned=False)
        body.op(r.choice([f"{r.choice(AMOS)}.{w} x{body.dst()}, x{body.src()}, (x5)", f"lr.{w} x6, (x5)"]))
        body.op("sc.w x0, x0, (x8)")    # drop what a reservation may be left
    elif pick < 0.94:                   # nothing there
        body.li(5, r.choice([0, 8, 0x80000000000000, (1 << 64) - 8, 0x90000000]))
        body.op(f"lr.{w} x6, (x5)")
        body.op("sc.w x0, x0, (x8)")
    else:
        integer.arithmetic(body)
    if body.chance(0.2):
        body.op(r.choice(["fence", "fence.i", "fence rw, w", "fence.tso", ".word 0x0100000f"]))


def emit(body):
    body.mode = body.rng.choice([0, 1, 3])
    for _ in range(body.rng.randrange(60, 140)):
        step(body)
