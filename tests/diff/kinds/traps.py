# SPDX-License-Identifier: MIT
"""Exceptions of every cause but page faults, delegated and not; xRET and changes of mode; TVM, TW, TSR, MPRV."""
from body import M, S, U
from . import integer

# Addresses where QEMU's virt has nothing.
HOLES = [0x0, 0x8, 0x7F8, 0x9000_0000, 0x1_0000_0000_0000, 0x80_0000_0000_0000, 0xFFFF_FFFF_FFFF_F000, 0xFFFF_FFFF_8000_0000,
         0x8800_0000, 0x8000_0000_8000_0000]

DELEGABLE = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 15]


def illegal_word(r):
    """A 32-bit encoding that no ratified extension of Vitrine or of the oracle has."""
    rd, rs1, rs2 = r.randrange(32) << 7, r.randrange(32) << 15, r.randrange(32) << 20
    f3 = r.randrange(8) << 12
    free7 = r.choice([0x02, 0x03, 0x0B, 0x11, 0x21, 0x40, 0x41, 0x55, 0x7F]) << 25
    return r.choice([
        r.choice([0x0B, 0x2B, 0x5B, 0x7B, 0x57, 0x77, 0x6B]) | rd | f3 | rs1 | rs2 | free7,     # custom, V, reserved
        0x33 | rd | f3 | rs1 | rs2 | free7,                                                     # OP
        0x3B | rd | f3 | rs1 | rs2 | free7,                                                     # OP-32
        0x1B | rd | r.choice([2, 3, 4, 6, 7]) << 12 | rs1 | rs2 | free7,                        # OP-IMM-32
        0x1B | rd | 1 << 12 | rs1 | rs2 | 0x01 << 25,                                           # slliw of 32 or more
        0x13 | rd | 1 << 12 | rs1 | rs2 | 0x22 << 26,                                           # shift, reserved funct6
        0x03 | rd | 7 << 12 | rs1 | rs2,                                                        # LOAD 7
        0x23 | r.choice([4, 5, 6, 7]) << 12 | rs1 | rs2 | rd,                                   # STORE 4..7
        0x63 | r.choice([2, 3]) << 12 | rs1 | rs2 | rd,                                         # BRANCH 2, 3
        0x67 | r.randrange(1, 8) << 12 | rs1 | rs2 | rd,                                        # JALR 1..7
        0x0F | r.randrange(3, 8) << 12 | rs1 | rs2 | rd,                                        # MISC-MEM 3..7
        0x73 | 4 << 12 | rd | rs1 | rs2 | 0x08 << 25,                                           # SYSTEM 4
        0x73 | r.choice([0x00200073, 0x00300073, 0x20200073, 0x7B200073, 0x30300073, 0x10600073]),
        0x2F | r.choice([0, 1, 4, 5, 6, 7]) << 12 | rd | rs1 | rs2,                             # AMO width
        0x2F | r.choice([2, 3]) << 12 | rd | rs1 | rs2 | r.choice([0x05, 0x06, 0x07, 0x09, 0x1F]) << 27,
        0x2F | r.choice([2, 3]) << 12 | rd | rs1 | 1 << 20 | 0x02 << 27,                        # lr with rs2
        0x07 | r.choice([0, 5, 6, 7]) << 12 | rd | rs1 | rs2,                                   # LOAD-FP, V without V
        0x53 | r.choice([2, 3]) << 25 | rd | rs1 | rs2,                                         # fadd.h, fadd.q
        0x43 | 3 << 25 | rd | rs1 | rs2,                                                        # fmadd.q
        0xFFFFFFFF, 0x0000001F | rd, 0x0000003F | rd, 0x0000007F | rd | rs1,                    # longer encodings
    ])


def illegal_half(r):
    """A 16-bit encoding that is reserved in RV64DC."""
    return r.choice([0x0000, 0x0004, 0x001C, 0x8000 | r.randrange(512) << 2, 0x2001 | r.choice([0, 4, 0x1000, 0x7C]), 0x6081, 0x6101,
                     0x4002, 0x4006, 0x6002, 0x600A, 0x8002, 0x9C41, 0x9C61, 0x9C45])


def wild_jump(body, address):
    """Jump there; the harness comes back to x1 after the fault."""
    after = body.label()
    body.op(f"la x1, {after}")
    body.li(5, address)
    body.op("jr x5")
    body.place(after)


def system(body):
    r = body.rng
    body.op(r.choice([
        "ecall", "ebreak", "ecall", ".half 0x9002",
        "sfence.vma", "sfence.vma x5, x0", "sfence.vma x0, x6", "sfence.vma x5, x6",
        "sinval.vma x5, x6", ".word 0x62000073", ".word 0x22000073",
        "csrr x6, satp", "csrw satp, x0", "csrr x6, mscratch", "csrr x6, 0x5c0", "csrw 0xc01, x0", "csrr x6, 0xcc1",
        "csrr x6, sscratch", "csrr x6, 0x600", "csrr x6, 0x200", "csrrwi x0, stval, 5", "csrrsi x6, 0xf14, 0", "csrrsi x6, 0xf14, 1",
    ]))


def access(body):
    r = body.rng
    name = r.choice(["lb", "lhu", "lw", "ld", "sb", "sh", "sw", "sd", "flw", "fld", "fsw", "fsd", "lr.d"])
    size = {"b": 1, "h": 2, "w": 4, "d": 8}[name.rstrip("u")[-1]]
    body.li(5, r.choice(HOLES) + r.choice([0, 0, 1, 4, 7]) // size * size)      # misaligned: kind quirk
    bank = "f" if name[0] == "f" else "x"
    if name[:2] == "lr":
        body.op(f"{name} x6, (x5)")
    else:
        body.op(f"{name} {bank}6, 0(x5)")


def status_bits(r):
    """mstatus for a body: SIE..MXR as they come, TVM TW TSR often.  MIE is no matter: nothing is enabled in mie."""
    bits = 0
    for bit, p in ((1, .5), (3, .5), (5, .5), (7, .5), (8, .5), (18, .5), (19, .5), (20, .5), (21, .5), (22, .5)):
        bits |= (r.random() < p) << bit
    return bits


def return_to(body, insn, pp, extra=0):
    """xRET to the next instruction with this previous mode.  MPRV is 0: what becomes of it is for the kind quirk."""
    after = body.label()
    body.op(f"la x5, {after}")
    if insn == "mret":
        body.op("csrw mepc, x5")
        body.op("li x6, 0x21888")           # MPP, MPRV, MPIE, MIE
        body.op("csrc mstatus, x6")
        body.op(f"li x6, {pp << 11 | extra & 0x88:#x}")
        body.op("csrs mstatus, x6")
    else:
        body.op("csrw sepc, x5")
        body.op("li x6, 0x122")             # SPP, SPIE, SIE
        body.op("csrc sstatus, x6")
        body.op(f"li x6, {pp << 8 | extra & 0x22:#x}")
        body.op("csrs sstatus, x6")
    body.op(insn)
    body.place(after)
    body.op("auipc x28, 0")


def returns(body):
    """xRET with every previous mode, from a mode where it is allowed or not."""
    r = body.rng
    body.switch_mode(r.choice([U, S, M, M]))
    insn = r.choice(["mret", "sret"])
    return_to(body, insn, r.choice([U, S, M]) if insn == "mret" else r.choice([0, 1]), r.getrandbits(20))
    body.op(r.choice(["csrr x6, mscratch", "csrr x6, sscratch", "csrr x6, mstatus", "csrr x6, sstatus", "ld x6, 0(x8)"])
            if not body.chance(0.3) else "ecall")


def emit(body):
    r = body.rng
    body.mode = r.choice([U, S, M])
    if body.chance(0.6):
        body.medeleg = sum(1 << c for c in DELEGABLE if r.random() < 0.5)
        if r.random() < 0.5:
            body.medeleg = 0xB1FF | r.choice([0, 0x200])
    body.medeleg &= ~(1 << r.choice([2, 3, 9]))     # a way from S to M
    body.mideleg = r.choice([0, 0x222])
    bits = status_bits(r)
    if body.medeleg:
        bits &= ~(1 << 22)              # TSR: the handler in S could not return
    tw = bits >> 21 & 1
    body.setup += [f"        li t0, {bits:#x}", "        csrs mstatus, t0",
                   f"        li t0, {r.choice([0, 0, 2, 7]):#x}", "        csrw mcounteren, t0",
                   f"        li t0, {r.choice([0, 0, 5, 7]):#x}", "        csrw scounteren, t0",
                   f"        csrsi mtvec, {r.choice([0, 1])}", f"        csrsi stvec, {r.choice([0, 1])}"]
    can_switch = not body.medeleg & 0x300
    for _ in range(r.randrange(40, 90)):
        pick = r.random()
        if pick < 0.15:
            integer.arithmetic(body)
        elif pick < 0.30:
            body.word(illegal_word(r))
        elif pick < 0.40:
            body.word(illegal_half(r))
        elif pick < 0.55:
            system(body)
        elif pick < 0.75:
            access(body)
        elif pick < 0.82:
            wild_jump(body, r.choice(HOLES))
        elif pick < 0.87:
            if tw and body.mode != M and not can_switch:
                body.op("wfi")              # traps from S and U
        elif can_switch:
            returns(body)
