# SPDX-License-Identifier: MIT
"""The kinds of generated test bodies: one module per kind, each with emit(body)."""
from . import atomic, csrs, floating, integer, paging, traps

KINDS = {
    "int": integer.emit,
    "amo": atomic.emit,
    "fp": floating.emit,
    "csr": csrs.emit,
    "trap": traps.emit,
    "vm": paging.emit,
}
