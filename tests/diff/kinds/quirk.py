# SPDX-License-Identifier: MIT
"""Hand-written bodies, one for each known divergence: seed N is the Nth.  divergences.json has the values of both.

The random kinds stay clear of these places, so that a divergence shows here and nowhere else.
"""
from body import M, PAGES, S, U

CASES = []


def case(function):
    CASES.append(function)
    return function


class Slots:
    """Results, kept under a name in the scratch area."""

    def __init__(self, body):
        self.body, self.next = body, 0x400
        body.x[3] = 0x80800400

    def keep(self, reg, name):
        self.body.names[self.next] = name
        self.body.op(f"sd x{reg}, {self.next - 0x400}(x3)")
        self.next += 8

    def written(self, csr, value, name=None, restore=True):
        """What a CSR reads after a write."""
        body = self.body
        body.li(5, value)
        body.op(f"csrrw x6, {csr}, x5")
        body.op(f"csrr x7, {csr}")
        if restore:
            body.op(f"csrw {csr}, x6")
        self.keep(7, name or f"{csr} after {value:#x}")


ONES = (1 << 64) - 1


@case
def mstatus_fields(body):
    s = Slots(body)
    s.written("mstatus", 0x600, "mstatus.VS")
    s.written("mstatus", 3 << 38, "mstatus.MPV and GVA")
    s.written("mstatus", 1 << 32, "mstatus.UXL = 1")
    s.written("mstatus", 3 << 32, "mstatus.UXL = 3")
    s.written("mstatus", 2 << 32, "mstatus.UXL = 2")


@case
def mstatus_mpp(body):
    s = Slots(body)
    s.written("mstatus", 0x1800, "mstatus.MPP = 3", restore=False)
    s.written("mstatus", 0x1000, "mstatus.MPP = 2")


@case
def exception_pc(body):
    s = Slots(body)
    s.written("mepc", 0x1001, "mepc bit 0")
    s.written("sepc", 0x1001, "sepc bit 0")


@case
def delegation(body):
    s = Slots(body)
    s.written("medeleg", ONES)
    s.written("mideleg", ONES)
    s.written("mie", ONES)
    s.written("mip", ONES)


@case
def counter_enables(body):
    s = Slots(body)
    s.written("mcounteren", ONES)
    s.written("scounteren", ONES)
    s.written("mcountinhibit", ONES)


@case
def hpm(body):
    s = Slots(body)
    s.written("mhpmcounter3", ONES)
    s.written("mhpmcounter31", 0x1234)
    s.written("mhpmevent3", 0x1234)
    s.written("mhpmevent31", 0x1234)


@case
def envcfg(body):
    s = Slots(body)
    s.written("menvcfg", ONES)
    s.written("menvcfg", 0, restore=False)
    s.written("menvcfg", 0x20, "menvcfg.CBIE = 2")
    s.written("senvcfg", 0x20, "senvcfg.CBIE = 2")


@case
def vstimecmp_without_h(body):
    s = Slots(body)
    body.op("li x7, 77")
    body.op("csrr x7, 0x24d")
    s.keep(7, "vstimecmp")


@case
def pmp_fields(body):
    s = Slots(body)
    s.written("pmpaddr0", ONES)
    s.written("pmpcfg0", 0x60, "pmpcfg with bits 5 and 6")
    s.written("pmpcfg0", 0x02, "pmpcfg with W and no R")


@case
def pmp_tor_zero(body):
    """TOR from 0 to 0 holds nothing: the next entry decides.  Here entry 15, which allows all."""
    s = Slots(body)
    body.op("csrw pmpaddr0, x0")
    body.op("li x5, 8")
    body.op("csrw pmpcfg0, x5")
    body.op("sfence.vma")
    mprv_load(body, s, "load by MPRV under an empty TOR")


def mprv_load(body, s, name):
    body.op("li x7, 77")
    body.li(28, 0x1800)
    body.op("csrc mstatus, x28")
    body.li(28, 1 << 17)
    body.op("csrs mstatus, x28")
    body.op("ld x7, 0(x8)")
    body.op("csrc mstatus, x28")
    body.op("sltiu x7, x7, 78; sltiu x6, x7, 1")
    s.keep(7, name + " trapped")


@case
def pmp_all_off(body):
    """Entries are there and all are OFF: S and U may nothing."""
    s = Slots(body)
    body.op("csrw pmpcfg2, x0")
    body.op("sfence.vma")
    mprv_load(body, s, "load by MPRV with all PMP entries off")


@case
def fs_dirty_by_flags(body):
    """A comparison that raises a flag changes fcsr: FS must become Dirty."""
    s = Slots(body)
    body.f[1] = 0x7FF0000000000001
    body.li(5, 0x4000)
    body.op("csrc mstatus, x5")
    body.op("feq.d x6, f1, f1")
    body.op("csrr x7, mstatus")
    s.keep(7, "mstatus after feq.d of a signaling NaN")
    body.op("csrs mstatus, x5")


@case
def amo_access_fault(body):
    body.op("li x5, 0x10")
    body.op("amoadd.w x6, x7, (x5)")
    body.op("li x5, 0x18")
    body.op("amoswap.d x6, x7, (x5)")


@case
def sc_misaligned(body):
    """Without a reservation too, the address must be aligned."""
    body.op("sc.w x0, x0, (x8)")
    body.op("addi x5, x8, 2")
    body.op("sc.w x6, x7, (x5)")


@case
def sc_access_fault(body):
    """An SC without a reservation to an address with nothing there fails, or faults."""
    body.op("sc.w x0, x0, (x8)")
    body.op("li x5, 0x10")
    body.op("sc.w x6, x7, (x5)")


@case
def interrupt_order(body):
    """Several pending at once, all for M: MSI, MTI, SEI, SSI, STI."""
    body.op("csrw mie, x0")
    body.li(5, 0x02000000)
    body.op("li x6, 1")
    body.op("sw x6, 0(x5)")
    body.li(5, 0x02004000)
    body.op("sd x0, 0(x5)")
    body.li(6, 0x222)
    body.op("csrs mip, x6")
    body.li(6, 0xAAA)
    body.op("csrw mie, x6")
    body.op("csrsi mstatus, 8")
    for _ in range(6):
        body.op("nop")
    body.op("csrci mstatus, 8")
    body.li(5, 0x02000000)
    body.op("sw x0, 0(x5)")
    body.li(6, ONES)
    body.li(5, 0x02004000)
    body.op("sd x6, 0(x5)")
    body.op("csrw mip, x0")


@case
def interrupt_order_s(body):
    """Several pending at once, all for S: SEI, SSI, STI."""
    body.mideleg = 0x222
    body.li(6, 0x222)
    body.op("csrs mip, x6")
    body.op("csrw mie, x6")
    body.switch_mode(S)
    body.op("csrsi sstatus, 2")
    for _ in range(4):
        body.op("nop")
    body.op("csrci sstatus, 2")
    body.switch_mode(M)
    body.op("csrw mip, x0")


@case
def pbmt_reserved(body):
    """PBMT = 3 is reserved: a page fault."""
    s = Slots(body)
    root = 0x80A00000
    for i in range(3):
        body.poke(root + 8 * i, i << 28 | 0xCF | (3 << 61 if i == 1 else 0))
    body.li(5, 8 << 60 | root >> 12)
    body.op("csrw satp, x5")
    body.li(5, 1 << 62)
    body.op("csrs menvcfg, x5")
    body.op("sfence.vma")
    body.op("li x7, 77")
    body.li(28, 0x1800)
    body.op("csrc mstatus, x28")
    body.li(28, 1 << 17 | 1 << 11)
    body.op("csrs mstatus, x28")
    body.li(5, 0x40000000)
    body.op("ld x7, 0(x5)")
    body.li(28, 1 << 17)
    body.op("csrc mstatus, x28")
    body.op("csrw satp, x0")
    body.op("li x7, 0")


@case
def newer_extensions(body):
    """Zicond and Zicboz, which the oracle does not have."""
    s = Slots(body)
    body.op("li x6, 5; li x7, 1")
    body.word(0x0E735333)                       # czero.eqz x6, x6, x7
    s.keep(6, "czero.eqz of 5 by 1")
    body.word(0x0E737333)                       # czero.nez x6, x6, x7
    s.keep(6, "czero.nez of 5 by 1")
    body.op("li x5, 0x80800c40")
    body.word(0x0042A00F)                       # cbo.zero (x5)
    body.op("ld x6, 0(x5)")
    body.op("sltiu x6, x6, 1")
    s.keep(6, "cbo.zero made a word 0")
    for i in range(8):                          # the whole line is another's affair
        body.op(f"sd x0, {8 * i}(x5)")


@case
def machine_ecall_delegated(body):
    """medeleg bit 11 has no effect: M traps stay in M."""
    body.li(5, 1 << 11)
    body.op("csrs medeleg, x5")
    body.op("ecall")
    body.op("csrw medeleg, x0")


@case
def wfi_from_u(body):
    """TW = 1: WFI in U traps; with TW = 0 it may, since S is there."""
    body.mode = U
    body.setup += ["        li t0, 1 << 21", "        csrs mstatus, t0"]
    body.op("wfi")


@case
def load_fault_misaligned(body):
    """Nothing there: tval is the address that the load asked for."""
    body.op("li x5, 0x11")
    for name in ("lhu", "lw", "ld", "sh", "sw", "sd"):
        body.op(f"{name} x6, 0(x5)")


@case
def breakpoint_tval(body):
    """ebreak: tval may be 0 or the instruction's address."""
    body.op("ebreak")
    body.op(".half 0x9002")


@case
def sfence_inval_in_u(body):
    body.mode = U
    body.op("sfence.w.inval")
    body.op("sfence.inval.ir")


@case
def sinval_tvm_tval(body):
    """sinval.vma under TVM: an illegal instruction like the others."""
    body.mode = S
    body.setup += ["        li t0, 1 << 20", "        csrs mstatus, t0"]
    body.op("sfence.vma x5, x6")
    body.op("sinval.vma x5, x6")


@case
def sret_mprv(body):
    """SRET goes to a mode less than M: MPRV becomes 0."""
    s = Slots(body)
    body.li(6, 1 << 17 | 3 << 11)
    body.op("csrs mstatus, x6")
    body.op("la x5, 1f")
    body.op("csrw sepc, x5")
    body.op("sret")
    body.lines.append("1:")
    body.switch_mode(M)
    body.op("csrr x7, mstatus")
    body.op("csrc mstatus, x6")
    s.keep(7, "mstatus after sret with MPRV")


@case
def reserved_pte_bits(body):
    """Bits 60:54 of a PTE are reserved: a page fault."""
    root = 0x80A00000
    for i in range(3):
        body.poke(root + 8 * i, i << 28 | 0xCF | (1 << 55 if i == 1 else 0))
    body.li(5, 8 << 60 | root >> 12)
    body.op("csrw satp, x5")
    body.op("sfence.vma")
    body.li(28, 0x1800)
    body.op("csrc mstatus, x28")
    body.li(28, 1 << 17 | 1 << 11)
    body.op("csrs mstatus, x28")
    body.li(5, 0x40000000)
    body.op("ld x7, 0(x5)")
    body.li(28, 1 << 17)
    body.op("csrc mstatus, x28")
    body.op("csrw satp, x0")
    body.op("li x7, 0")


@case
def mret_mprv(body):
    """MRET to a mode less than M: MPRV becomes 0."""
    s = Slots(body)
    body.li(6, 1 << 17)
    body.op("csrs mstatus, x6")
    body.op("la x5, 1f")
    body.op("csrw mepc, x5")
    body.op("li x5, 0x1800")
    body.op("csrc mstatus, x5")
    body.op("mret")
    body.lines.append("1:")
    body.switch_mode(M)
    body.op("csrr x7, mstatus")
    body.op("csrc mstatus, x6")
    s.keep(7, "mstatus after mret with MPRV")


def identity_tables(body, bits):
    """Three gigapages of Sv39; the middle one, unused otherwise, points at RAM with these bits."""
    root = 0x80A00000
    body.poke(root, 0xCF)
    body.poke(root + 8, 2 << 28 | bits)
    body.poke(root + 16, 2 << 28 | 0xCF)
    body.setup += [f"        li t0, {(8 << 60 | root >> 12) - (1 << 64)}", "        csrw satp, t0", "        sfence.vma"]


@case
def sum_fetch(body):
    """S never fetches from a page of U, also after a load with SUM."""
    body.mode = S
    identity_tables(body, 0xDF)
    body.poke(PAGES, 0x8082_8082_8082_8082)
    body.setup += ["        li t0, 1 << 18", "        csrs mstatus, t0"]
    body.li(5, PAGES - 0x40000000)
    body.op("ld x6, 0(x5)")
    body.op("la x1, 1f")
    body.op("jr x5")
    body.lines.append("1:")


@case
def pbmte_off(body):
    """menvcfg.PBMTE = 0: the PBMT bits are reserved, and a page fault."""
    body.mode = S
    identity_tables(body, 0xCF | 1 << 61)
    body.li(5, PAGES - 0x40000000)
    body.op("ld x6, 0(x5)")
    body.op("li x6, 0")


@case
def ctzw_of_zero(body):
    s = Slots(body)
    body.li(5, 1 << 57)
    body.op("ctzw x7, x5")
    s.keep(7, "ctzw of 1 << 57")


@case
def csrs_of_zero(body):
    """CSRRS and CSRRC with a register other than x0 write, whatever it holds: illegal on a read-only CSR."""
    body.op("li x5, 0")
    body.op("csrrs x6, 0xf14, x5")
    body.op("csrrc x6, 0xf14, x5")


@case
def sip_in_m(body):
    """sip shows STIP of stimecmp to M too."""
    s = Slots(body)
    body.mideleg = 0x222
    body.li(6, 1 << 63)
    body.op("csrs menvcfg, x6")
    body.op("csrw 0x14d, x0")
    body.op("csrr x7, mip")
    s.keep(7, "mip with stimecmp = 0")
    body.op("csrr x7, sip")
    s.keep(7, "sip with stimecmp = 0")
    body.li(5, ONES)
    body.op("csrw 0x14d, x5")
    body.op("csrc menvcfg, x6")


@case
def satp_reserved_mode(body):
    """A write with a MODE that is not supported has no effect."""
    s = Slots(body)
    for mode in 5, 11:
        s.written("satp", mode << 60 | 1 << 44 | 4, f"satp with MODE {mode}")


@case
def stimecmp_far(body):
    """A later stimecmp, all ones too, takes the place of the one before: STIP does not come after 20 ms.

    Waits for 0.3 s of the machine's 10 MHz.
    """
    s = Slots(body)
    body.li(6, 1 << 63)
    body.op("csrs menvcfg, x6")
    body.op("csrr x5, time")
    body.li(6, 200000)
    body.op("add x6, x6, x5")
    body.op("csrw 0x14d, x6")
    body.li(6, ONES)
    body.op("csrw 0x14d, x6")
    body.li(6, 3000000)
    body.op("add x5, x5, x6")
    again, end = body.label(), body.label()
    body.place(again)
    body.op("csrr x7, mip; andi x7, x7, 0x20")
    body.op(f"bnez x7, {end}")
    body.op("csrr x6, time")
    body.op(f"bltu x6, x5, {again}")
    body.place(end)
    s.keep(7, "mip.STIP after stimecmp = time + 20 ms, then ones")
    body.li(6, ONES >> 1)
    body.op("csrw 0x14d, x6")
    body.li(6, 1 << 63)
    body.op("csrc menvcfg, x6")
    body.op("csrw mip, x0")


@case
def cbo_refused_tval(body):
    """Cache-block operations that menvcfg does not allow: illegal instructions like the others."""
    body.mode = S
    for insn in (0x0000200F, 0x0010200F, 0x0020200F, 0x0040200F):
        body.word(insn | 8 << 15)


COUNT = len(CASES)


def emit(body):
    body.mode = M
    CASES[body.seed](body)
    body.op("li x5, 0; li x6, 0; li x7, 0")
