# SPDX-License-Identifier: MIT
"""Interrupts that the hart can raise itself: mip, CLINT, stimecmp; delegated and not, vectored and not, from each mode.

One source at a time: which of several goes first is for the quirk kind, where the oracle is wrong.
"""
from body import M, S, U

SSI, MSI, STI, MTI, SEI = 1, 3, 5, 7, 9
CLINT = 0x02000000


def enable(body, mode, on):
    """Global enables, from M: MIE and SIE as asked; from below they matter for the own mode only."""
    body.op(f"csr{'s' if on else 'c'}i mstatus, {body.rng.choice([8, 10, 2]) if on else 10}")


def raise_irq(body, irq):
    r = body.rng
    if irq == MSI:
        body.li(5, CLINT)
        body.op("li x6, 1")
        body.op("sw x6, 0(x5)")
    elif irq == MTI:
        body.li(5, CLINT + 0x4000)
        body.op("sd x0, 0(x5)")
    elif irq == STI and r.random() < 0.4:
        body.li(6, 1 << 63)
        body.op("csrs menvcfg, x6")
        body.op("csrw 0x14d, x0")
    else:
        body.li(6, 1 << irq)
        body.op(f"csrs {'sip' if irq == SSI and body.mideleg & 2 and r.random() < .5 else 'mip'}, x6")


def clear_all(body):
    body.li(5, CLINT)
    body.op("sw x0, 0(x5)")
    body.li(6, -1)
    body.op("li x5, 0x02004000")
    body.op("sd x6, 0(x5)")
    body.op("csrw 0x14d, x6")
    body.li(6, 1 << 63)
    body.op("csrc menvcfg, x6")
    body.op("csrw mip, x0")
    body.op("csrw mie, x0")


def emit(body):
    r = body.rng
    body.mode = M
    body.mideleg = r.choice([0, 0x222, 0x222, 0x2, 0x20, 0x200])
    body.setup += [f"        csrsi mtvec, {r.choice([0, 1])}", f"        csrsi stvec, {r.choice([0, 1])}"]
    for _ in range(r.randrange(6, 14)):
        irq = r.choice([SSI, MSI, STI, MTI, SEI])
        body.op("csrci mstatus, 10")
        body.li(6, 1 << irq if r.random() < .8 else 0xAAA & ~(1 << irq))
        body.op("csrw mie, x6")
        first = irq in (MSI, MTI) or r.random() < 0.5     # before the enables; when the CLINT's arrive is up to the machine
        if first:
            raise_irq(body, irq)
            body.op("csrr x10, mip")
            body.op("csrr x11, sip")
        if r.random() < 0.2 and first:
            body.li(6, 1 << irq)
            body.op("csrs mie, x6")
            body.op("wfi")                  # pending and enabled: does not wait, even with MIE off
        mode = r.choice([M, M, S, U])
        if mode == M:
            enable(body, M, True)
            body.op("nop")
            if not first:
                raise_irq(body, irq)
                body.op("csrr x12, mip")    # an instruction that every machine ends its block at
                body.op("csrsi mstatus, 0")
            body.op("nop")
            body.op("csrci mstatus, 10")
        else:
            if not first:
                raise_irq(body, irq)
            body.op(f"csr{r.choice('sc')}i mstatus, 2")
            body.li(6, 0x80)
            body.op(f"csr{r.choice('sc')} mstatus, x6")     # MPIE does not matter: M interrupts are on below M
            body.switch_mode(mode)
            body.op("nop")
            if mode == S:
                body.op("csrsi sstatus, 2")
                body.op("nop")
                body.op("csrr x13, sip")
                body.op("csrr x14, sie")
                if irq == SSI:
                    body.op("csrci sip, 2")
                body.op("csrci sstatus, 2")
            body.switch_mode(M)
        clear_all(body)
