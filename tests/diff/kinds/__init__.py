# SPDX-License-Identifier: MIT
"""The kinds of generated test bodies: one module per kind, each with emit(body)."""
from . import atomic, csrs, floating, hquirk, hypervisor, integer, interrupts, newer, paging, protection, quirk, traps

KINDS = {
    "int": integer.emit,
    "amo": atomic.emit,
    "fp": floating.emit,
    "csr": csrs.emit,
    "trap": traps.emit,
    "vm": paging.emit,
    "pmp": protection.emit,
    "pmplock": protection.emit_lock,
    "irq": interrupts.emit,
    "svade": newer.emit_svade,
    "cache": newer.emit_cache,
    "hyp": hypervisor.emit,
    "hnewer": newer.emit_hyp,
    "quirk": quirk.emit,
    "hquirk": hquirk.emit,
}
