# SPDX-License-Identifier: MIT
"""The kinds of generated test bodies: one module per kind, each with emit(body)."""
from . import integer, floating

KINDS = {
    "int": integer.emit,
    "fp": floating.emit,
}
