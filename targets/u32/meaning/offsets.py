"""Offsets that depend on the frame: finitely many values, each under its condition."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.source import Span, Unsupported

MAX_VALUES: Final = 256
"""So many values of one offset (the 8 bits of an IPv6 extension header's length, say)."""
_MAX_PAIRS: Final = 1 << 14


@dataclass(frozen=True, slots=True)
class Offset:
    """``(value, condition)``, values ascending; the conditions exclude each other and one of them holds."""

    choices: tuple[tuple[int, Term], ...]

    @property
    def constant(self) -> int | None:
        """The value, if there is only one."""
        return self.choices[0][0] if len(self.choices) == 1 else None


def fixed(value: int) -> Offset:
    """An offset that does not depend on the frame."""
    return Offset(((value, TRUE),))


ZERO: Final = fixed(0)


def _gather(pairs: Iterable[tuple[int, Term]], span: Span) -> Offset:
    """Equal values merged, impossible ones left out."""
    conditions: dict[int, list[Term]] = {}
    for value, condition in pairs:
        if condition is not FALSE:
            conditions.setdefault(value, []).append(condition)
    if len(conditions) > MAX_VALUES:
        raise Unsupported(f"an offset with more than {MAX_VALUES} values", span)
    return Offset(tuple((value, b.or_(*conditions[value])) for value in sorted(conditions)))


def of_field(field: Term, mask: int, shift: int, to_offset: Callable[[int], int], span: Span) -> Offset:
    """The offset that ``to_offset`` makes of ``(field & mask) >> shift``.

    Raises:
        Unsupported: too many values.
    """
    mask &= -1 << shift
    bits = [i for i in range(field.width) if mask >> i & 1]
    if len(bits) > 12:
        raise Unsupported(f"an offset taken from {len(bits)} bits", span)
    masked = b.band(field, b.bv(mask, field.width))
    pairs = []
    for chosen in range(1 << len(bits)):
        raw = sum(1 << bit for i, bit in enumerate(bits) if chosen >> i & 1)
        pairs.append((to_offset(raw >> shift), b.eq(masked, b.bv(raw, field.width))))
    return _gather(pairs, span)


def plus(x: Offset, y: Offset, span: Span) -> Offset:
    """The sum."""
    if x == ZERO or y == ZERO:
        return y if x == ZERO else x
    if len(x.choices) * len(y.choices) > _MAX_PAIRS:
        raise Unsupported(f"an offset with more than {MAX_VALUES} values", span)
    return _gather(((v + w, b.and_(c, d)) for v, c in x.choices for w, d in y.choices), span)


def mapped(x: Offset, function: Callable[[int], int], span: Span) -> Offset:
    """Every value through a function."""
    return _gather(((function(v), c) for v, c in x.choices), span)


def merged(condition: Term, x: Offset, y: Offset, span: Span) -> Offset:
    """``x`` where the condition holds, else ``y``."""
    if x == y or condition is TRUE:
        return x
    if condition is FALSE:
        return y
    no = b.not_(condition)
    pairs = [(v, b.and_(condition, c)) for v, c in x.choices] + [(v, b.and_(no, c)) for v, c in y.choices]
    return _gather(pairs, span)


def selected(choices: list[tuple[Term, Term]]) -> Term:
    """The term whose condition holds, of ``(condition, term)`` of which exactly one holds; a balanced tree."""
    row = choices
    while len(row) > 1:
        odd = [row[-1]] if len(row) % 2 else []
        pairs = zip(row[::2], row[1::2], strict=False)
        row = [(b.or_(c, d), b.ite(c, x, y)) for (c, x), (d, y) in pairs] + odd
    return row[0][1]
