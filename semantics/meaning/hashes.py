"""Hash algorithms by name, those too that only the control plane or the target knows.

Names are v1model's, in lower case: ``crc16``, ``crc32``, ``csum16``, ``xor16``, ``identity`` are functions that
:mod:`.checksums` computes. ``crc16_custom`` and ``crc32_custom`` have the parameters that the control plane gave them:
with rules, those with which BMv2 starts; with rules unknown, nobody knows which. These, and any other name (a target's
default, a keyed hash), are opaque: the function ``hash.NAME.W(data)`` of ``W`` bits, the same for the same data.
"""

from __future__ import annotations

from typing import Final

from ..bits import Term
from ..source import Span
from .checksums import ALGORITHMS, CUSTOM, Crc, crc
from .machine import Machine

OPAQUE_BITS: Final = 64
"""Bits of what an opaque hash answers, unless its name says otherwise."""


def custom_crc(m: Machine, name: str) -> Crc | None:
    """The parameters of a custom CRC as far as they are known."""
    return CUSTOM.get(name) if m.rules is not None else None


def compute(m: Machine, name: str, data: Term | None, span: Span) -> Term:
    """The hash of ``data`` (whole bytes; None for none), as wide as the algorithm makes it."""
    algorithm = ALGORITHMS.get(name)
    if algorithm is not None:
        return algorithm(data)
    parameters = custom_crc(m, name)
    if parameters is not None:
        return crc(parameters, data)
    return opaque(m, name, () if data is None else (data,), span)


def opaque_bits(name: str) -> int:
    """Bits of what an opaque hash answers."""
    return CUSTOM[name].width if name in CUSTOM else OPAQUE_BITS


def opaque(m: Machine, name: str, data: tuple[Term, ...], span: Span) -> Term:
    """The answer of a hash that nobody knows: a function of the data."""
    m.note(f"hash {name}: an unknown function of its data")
    reason = f"what the hash {name} answers is the target's or the control plane's to say"
    full = ".".join([f"hash.{name}", *(str(t.width) for t in data)])
    return m.input.function(full, opaque_bits(name), data, reason, span, m.trace)
