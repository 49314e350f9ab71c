# SPDX-License-Identifier: MIT
"""Hand-written bodies for the known divergences of the hypervisor extension: the kind quirk with H on both sides.

The kind hyp stays clear of most of these places; divergences.json has the values of both.
"""
from body import M, PAGES, S, U
from .hypervisor import HGATP, HIDELEG, HSTATUS, HU, HVIP, SPVP, TABLES2, VS, VSATP, VTVM, VU, setup_csr, start
from .quirk import ONES, Slots

CASES = []
ROOT = 0x80A00000               # of stage one; Sv39 with gigapages
LEAF = 0xCF                     # V R W X A D
USER = 0x10
ELSEWHERE = 0x40000000          # the gigapage that is the body's to try; the one above holds the program
TRIED = PAGES - ELSEWHERE


def case(function):
    CASES.append(function)
    return function


def stages(body, first, second, at=None):
    """Both stages on: identity where the program is, and the two PTEs given for ELSEWHERE; at: which entry of stage two."""
    body.poke(ROOT + 8, first)
    body.poke(ROOT + 16, 2 << 28 | LEAF)
    body.poke(TABLES2 + 8 * (1 if at is None else at), second)
    body.poke(TABLES2 + 16, 2 << 28 | LEAF | USER)
    setup_csr(body, VSATP, 8 << 60 | ROOT >> 12)
    setup_csr(body, HGATP, 8 << 60 | TABLES2 >> 12)
    body.setup += ["        .word 0x62000073, 0x22000073"]


@case
def h_atp(body):
    s = Slots(body)
    s.written("0x680", 5 << 60 | 1 << 44 | 4, "hgatp with a reserved MODE")
    s.written("0x680", 8 << 60 | 0xFFFF << 44 | 7, "hgatp with 16 bits of VMID and a PPN of 7")
    s.written("0x280", 5 << 60 | 1 << 44 | 4, "vsatp with a reserved MODE")


@case
def h_fields(body):
    s = Slots(body)
    for csr, name in ((0x600, "hstatus"), (0x602, "hedeleg"), (0x603, "hideleg"), (0x604, "hie"), (0x606, "hcounteren"), (0x607, "hgeie"),
                      (0x644, "hip"), (0x645, "hvip"), (0x64A, "htinst"), (0x200, "vsstatus"), (0x241, "vsepc"), (0x302, "medeleg"),
                      (0x303, "mideleg"), (0x304, "mie"), (0x344, "mip")):
        s.written(f"{csr:#x}", ONES, f"{name} after ones")
    s.written("0x205", 0x80000002, "vstvec with MODE 2")


@case
def henvcfg_under_menvcfg(body):
    """STCE and PBMTE are read-only zero while menvcfg's are."""
    s = Slots(body)
    body.op("csrr x29, menvcfg")
    body.op("csrw menvcfg, x0")
    s.written("0x60a", 3 << 62, "henvcfg after STCE and PBMTE with menvcfg = 0")
    body.op("csrw menvcfg, x29; li x29, 0")


@case
def hgatp_tvm(body):
    start(body, S)
    setup_csr(body, "mstatus", 1 << 20, "s")
    body.op("csrr x6, 0x680")
    body.op("csrr x6, 0x280")


@case
def satp_vtvm(body):
    start(body, VS)
    setup_csr(body, HSTATUS, VTVM)
    body.op("csrr x6, satp")


@case
def tvm_in_vs(body):
    """TVM and TSR of mstatus are HS's affair: nothing traps."""
    start(body, VS)
    setup_csr(body, "mstatus", 1 << 20 | 1 << 22, "s")
    body.op("csrr x6, satp")
    body.op("sfence.vma")
    body.op("la x5, 1f; csrw sepc, x5; li x5, 256; csrs sstatus, x5")
    body.op("sret")
    body.lines.append("1:")


@case
def vu_privileged(body):
    """What HS could execute is a virtual instruction in VU."""
    start(body, VU)
    for insn in (0x10200073, 0x12000073, 0x16B50073, 0x62000073, 0x22000073):
        body.word(insn)
    for csr in (0x100, 0x180, 0x240, 0x600):
        body.op(f"csrr x6, {csr:#x}")
    body.op("csrr x6, mstatus")
    body.op("mret")


@case
def sfence_inval_in_vu(body):
    start(body, VU)
    body.op("sfence.w.inval")
    body.op("sfence.inval.ir")


@case
def hinval_in_vs(body):
    start(body, VS)
    body.word(0x26B50073)
    body.word(0x66B50073)


@case
def hlv_in_u(body):
    """Without HU it is illegal, and tval the instruction or zero."""
    start(body, U)
    body.op("csrr x6, 0x300")
    body.li(5, PAGES)
    body.word(0x6C004073 | 5 << 15 | 6 << 7)


@case
def illegal_to_vs(body):
    """An exception keeps its number in VS."""
    start(body, VS)
    body.medeleg = 4
    setup_csr(body, 0x602, 4)
    body.op("la x1, 1f")
    body.op(".word 0")
    body.lines.append("1:")


@case
def pte_access_cause(body):
    """The guest's table is out of reach for a store, and the fault is the store's."""
    start(body, VS)
    stages(body, ELSEWHERE >> 2 | 1, 0)
    body.li(5, TRIED)
    body.op("sd x6, 0(x5)")
    body.op("la x1, 1f; jr x5")
    body.lines.append("1:")
    body.op("ld x6, 0(x5)")


@case
def gpa_top_bit(body):
    """Guest physical addresses of Sv39x4 have 41 bits and no sign."""
    start(body, VS)
    stages(body, 1 << 38 | LEAF, 2 << 28 | LEAF | USER, 1 << 10)
    body.li(5, TRIED)
    body.op("ld x6, 0(x5); li x6, 0")


@case
def vsstatus_mxr(body):
    """vsstatus.MXR opens stage one only."""
    start(body, VS)
    stages(body, ELSEWHERE >> 2 | 0xC9, 2 << 28 | 0xC9 | USER)
    setup_csr(body, 0x200, 2 << 32 | 1 << 19)
    body.li(5, TRIED)
    body.op("ld x6, 0(x5); li x6, 0")


@case
def hlv_sum(body):
    """HLV as VS on a page of U: vsstatus.SUM decides, not HS's."""
    stages(body, ELSEWHERE >> 2 | LEAF | USER, 2 << 28 | LEAF | USER)
    setup_csr(body, HSTATUS, SPVP)
    setup_csr(body, "mstatus", 1 << 18, "s")
    body.li(5, TRIED)
    body.word(0x6C004073 | 5 << 15 | 6 << 7)
    body.op("li x6, 0")


@case
def hlvx_needs_x(body):
    stages(body, ELSEWHERE >> 2 | 0xC7, 2 << 28 | LEAF | USER)
    setup_csr(body, HSTATUS, SPVP)
    body.li(5, TRIED)
    after = body.label()
    body.op(f"la x1, {after}")                  # where a fault of a fetch, which QEMU 8.2 makes of it, goes on
    body.word(0x6C004073 | 5 << 15 | 6 << 7)
    body.word(0x68304073 | 5 << 15 | 6 << 7)
    body.place(after)
    body.op("li x6, 0; li x1, 0")


@case
def vs_interrupt_order(body):
    """VSEI, VSSI, VSTI: the guest sees 9, 1, 5."""
    start(body, VS)
    body.mideleg = 0x222
    setup_csr(body, HIDELEG, 0x444)
    setup_csr(body, HVIP, 0x444)
    setup_csr(body, "mie", 0x444)
    body.op("csrsi sstatus, 2")
    for _ in range(4):
        body.op("nop")
    body.op("csrci sstatus, 2")


@case
def vs_interrupt_views(body):
    """sip and sie of VS are hip and hie below hideleg; mideleg's bits of S have no part in it."""
    s = Slots(body)
    body.li(5, 0x444)
    for csr in (HIDELEG, HVIP, 0x304):
        body.op(f"csrw {csr:#x}, x5")
    body.switch_mode(VS)
    body.op("csrr x6, sip")
    body.op("csrr x7, sie")
    body.switch_mode(M)
    s.keep(6, "sip in VS")
    s.keep(7, "sie in VS")
    body.op("csrr x6, 0x244")
    s.keep(6, "vsip")
    body.op(f"csrw {HVIP:#x}, x0; csrw {HIDELEG:#x}, x0; csrw 0x304, x0")


@case
def trap_into_vs(body):
    """It leaves hstatus, htval and htinst alone."""
    start(body, VS)
    body.medeleg = 1 << 13
    setup_csr(body, 0x602, 1 << 13)
    stages(body, 0, 0)
    setup_csr(body, HSTATUS, 1 << 6)
    setup_csr(body, 0x643, 0x1234)
    body.li(5, TRIED)
    body.op("ld x6, 0(x5)")


@case
def transformed_instruction(body):
    """A guest page fault of the access itself: zero, or the instruction with its address taken out."""
    start(body, VS)
    stages(body, ELSEWHERE >> 2 | LEAF, 0)
    body.li(5, TRIED)
    body.op("ld x6, 8(x5)")
    body.op("amoadd.w x6, x7, (x5)")
    body.op("mv x13, x5")
    body.word(0xE29C)                           # c.sd x15, 0(x13)


@case
def vsstatus_sd(body):
    s = Slots(body)
    s.written("0x200", 2 << 32 | 3 << 13, "vsstatus with FS = 3")


@case
def hlv_fault_kind(body):
    """A page fault of stage one stays one with satp = 0."""
    stages(body, 0, 0)
    setup_csr(body, HSTATUS, SPVP)
    body.li(5, TRIED)
    body.word(0x6C004073 | 5 << 15 | 6 << 7)
    body.word(0x6E004073 | 5 << 15 | 7 << 20)


@case
def gva_and_mtval2(body):
    """Set by the guest page fault of an HLV, clear after the illegal instruction that follows."""
    s = Slots(body)
    stages(body, ELSEWHERE >> 2 | LEAF, 0)
    setup_csr(body, HSTATUS, SPVP)
    body.li(5, TRIED)
    body.word(0x6C004073 | 5 << 15 | 6 << 7)
    for csr, name in (("mstatus", "mstatus"), ("0x34b", "mtval2"), ("0x34a", "mtinst")):
        body.op(f"csrr x7, {csr}")
        s.keep(7, f"{name} after a guest page fault of HLV")
    body.op(".word 0")
    for csr, name in (("mstatus", "mstatus"), ("0x34b", "mtval2"), ("0x34a", "mtinst")):
        body.op(f"csrr x7, {csr}")
        s.keep(7, f"{name} after an illegal instruction")


@case
def wfi_in_vu(body):
    """TW makes it illegal in every mode but M, VU too; without, it is a virtual instruction in VU."""
    for mode, tw, vtw in ((VU, 0, 0), (VU, 1, 0), (VS, 1, 0), (VS, 0, 1), (VS, 1, 1)):      # each traps: nothing is pending
        body.li(5, 1 << 21)
        body.op(f"{'csrs' if tw else 'csrc'} mstatus, x5")
        body.op(f"{'csrs' if vtw else 'csrc'} {HSTATUS:#x}, x5")
        body.switch_mode(mode)
        body.op("wfi")
        body.switch_mode(M)


COUNT = len(CASES)


def emit(body):
    body.mode = M
    CASES[body.seed](body)
    body.op("li x5, 0; li x6, 0; li x7, 0; li x1, 0")
