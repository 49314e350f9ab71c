# SPDX-License-Identifier: MIT
"""What QEMU 8.2 has and 7.2 has not: Svade, Zicond, Zicbom, Zicboz, Zicbop; and of the
hypervisor extension what 7.2 has wrong."""
from . import hypervisor, paging

CBO = {"cbo.inval": 0x0000200F, "cbo.clean": 0x0010200F, "cbo.flush": 0x0020200F, "cbo.zero": 0x0040200F}
PREFETCH = [0x00006013, 0x00106013, 0x00306013]
CZERO = [0x0E005033, 0x0E007033]        # czero.eqz, czero.nez


def emit_svade(body):
    """The bodies of vm, other ones of each seed, where hardware does not set A and D."""
    paging.emit(body)
    body.setup += [f"        li t0, {1 << 61:#x}", "        csrc menvcfg, t0"]


def emit_cache(body):
    """Operations on cache blocks under translation, and who may execute them; conditional zeros between."""
    r = body.rng
    body.more = sorted(CBO) * 4 + ["prefetch", "czero", "czero"]
    paging.emit(body)
    bits = [r.choice([0, 1, 3, 3, 3]) << 4 | r.choice([0, 1, 1, 1]) << 6 | r.choice([0, 1, 1, 1]) << 7 for _ in range(2)]
    body.setup += ["        li t0, 0xf0", "        csrc menvcfg, t0", f"        li t0, {bits[0]:#x}", "        csrs menvcfg, t0",
                   f"        li t0, {bits[1]:#x}", "        csrw senvcfg, t0"]


def operation(body, name):
    """One of body.more; an address is in x5."""
    r = body.rng
    if name == "prefetch":
        body.word(r.choice(PREFETCH) | 5 << 15 | r.randrange(128) << 25)
    elif name == "czero":
        body.word(r.choice(CZERO) | r.choice([6, 30]) << 7 | body.src() << 15 | r.choice([0, body.src()]) << 20)
    else:
        body.word(CBO[name] | 5 << 15)


def environment(body, hlv=False):
    """Who sets A and D, for the guest and for stage two; PBMT; who may work on cache blocks. For HLV the oracle asks menvcfg alone."""
    r = body.rng
    off = on = None
    for csr in "menvcfg", "0x60a":
        if off is None or not hlv:
            off, on = r.choice([0, 0, 1 << 61]), r.choice([0, 1 << 62])
        on = on & 1 << 62 | r.choice([0, 1, 3, 3, 3]) << 4 | r.choice([0, 1, 1, 1]) << 6 | r.choice([0, 1, 1, 1]) << 7
        body.setup += [f"        li t0, {off:#x}", f"        csrc {csr}, t0", f"        li t0, {on:#x}", f"        csrs {csr}, t0"]
    body.setup += [f"        li t0, {r.choice([0, 0x10, 0x30, 0x30]) | r.choice([0, 0x40, 0xC0, 0xC0]):#x}", "        csrw senvcfg, t0"]


def emit_hyp(body):
    """The bodies of hyp, other ones of each seed, in the places too that those stay away from for 7.2."""
    body.newer = True
    body.more = sorted(CBO)
    hypervisor.emit(body)
