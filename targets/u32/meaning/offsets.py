"""Offsets that depend on the frame: a term, and the finitely many values that it can have."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.source import Span, Unsupported

BITS: Final = 24
"""Enough for eight times the largest offset that one table can add."""
MAX_VALUES: Final = 256
"""So many values of one offset (the 8 bits of an IPv6 extension header's length, say)."""
_MAX_FIELD: Final = 12
"""Bits of a field that is taken apart into its values."""


@dataclass(frozen=True, slots=True)
class Offset:
    """``term`` (of :data:`BITS` bits) is one of ``values`` (ascending) for every frame."""

    term: Term
    values: tuple[int, ...]
    _conditions: tuple[Term, ...] | None = field(default=None, compare=False)

    @property
    def choices(self) -> list[tuple[int, Term]]:
        """``(value, condition)``; the conditions exclude each other and one of them holds."""
        if len(self.values) == 1:
            return [(self.values[0], TRUE)]
        conditions = self._conditions or (b.eq(self.term, b.bv(value, BITS)) for value in self.values)
        return list(zip(self.values, conditions, strict=True))


def fixed(value: int) -> Offset:
    """An offset that does not depend on the frame."""
    return Offset(b.bv(value, BITS), (value,))


ZERO: Final = fixed(0)


def _offset(term: Term, values: set[int], span: Span) -> Offset:
    if len(values) > MAX_VALUES:
        raise Unsupported(f"an offset with more than {MAX_VALUES} values", span)
    return fixed(values.pop()) if len(values) == 1 else Offset(term, tuple(sorted(values)))


def of_field(source: Term, mask: int, shift: int, plus_bytes: int, span: Span) -> Offset:
    """``(plus_bytes + 3 + ((source & mask) >> shift)) & ~3``: how ``u32_classify`` computes ``off2``.

    Raises:
        Unsupported: too many values.
    """
    mask &= -1 << shift
    bits = [i for i in range(source.width) if mask >> i & 1]
    if len(bits) > _MAX_FIELD:
        raise Unsupported(f"an offset taken from {len(bits)} bits", span)
    masked = b.band(source, b.bv(mask, source.width))
    conditions: dict[int, list[Term]] = {}
    for chosen in range(1 << len(bits)):
        raw = sum(1 << bit for i, bit in enumerate(bits) if chosen >> i & 1)
        condition = b.eq(masked, b.bv(raw, source.width))
        if condition is not FALSE:
            conditions.setdefault((plus_bytes + 3 + (raw >> shift)) & ~3, []).append(condition)
    shifted = b.zext(b.lshr(masked, b.bv(shift, source.width)), BITS)
    term = b.band(b.add(shifted, b.bv(plus_bytes + 3, BITS)), b.bv(~3, BITS))
    offset = _offset(term, set(conditions), span)
    if len(offset.values) == 1:
        return offset
    return Offset(term, offset.values, tuple(b.or_(*conditions[value]) for value in offset.values))


def plus(x: Offset, y: Offset, span: Span) -> Offset:
    """The sum."""
    if ZERO in (x, y):
        return y if x == ZERO else x
    return _offset(b.add(x.term, y.term), {v + w for v in x.values for w in y.values}, span)


def masked(x: Offset, mask: int, span: Span) -> Offset:
    """``x & mask``."""
    if all(v & mask == v for v in x.values):
        return x
    return _offset(b.band(x.term, b.bv(mask, BITS)), {v & mask for v in x.values}, span)


def merged(condition: Term, x: Offset, y: Offset, span: Span) -> Offset:
    """``x`` where the condition holds, else ``y``."""
    if x == y or condition is TRUE:
        return x
    if condition is FALSE:
        return y
    return _offset(b.ite(condition, x.term, y.term), {*x.values, *y.values}, span)


def selected(choices: list[tuple[Term, Term]]) -> Term:
    """The term whose condition holds, of ``(condition, term)`` of which exactly one holds; a balanced tree."""
    row = choices
    while len(row) > 1:
        odd = [row[-1]] if len(row) % 2 else []
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [(b.or_(c, d), b.ite(c, x, y)) for (c, x), (d, y) in pairs] + odd
    return row[0][1]
