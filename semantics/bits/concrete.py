"""What each operator computes on numbers: the one place that says it, used by folding and by evaluation alike."""

from __future__ import annotations

from collections.abc import Callable

from .term import Term


def signed(value: int, width: int) -> int:
    """``value`` read as two's complement of ``width`` bits."""
    return value - (1 << width) if value >> (width - 1) else value


def _sdiv(x: int, y: int, w: int) -> int:
    a, b = signed(x, w), signed(y, w)
    if b == 0:
        return 1 if a < 0 else -1
    quotient = abs(a) // abs(b)
    return quotient if (a < 0) == (b < 0) else -quotient


def _srem(x: int, y: int, w: int) -> int:
    a, b = signed(x, w), signed(y, w)
    if b == 0:
        return a
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


BINARY: dict[str, Callable[[int, int, int], int]] = {
    "add": lambda x, y, w: x + y,
    "mul": lambda x, y, w: x * y,
    "band": lambda x, y, w: x & y,
    "bor": lambda x, y, w: x | y,
    "bxor": lambda x, y, w: x ^ y,
    "udiv": lambda x, y, w: x // y if y else -1,
    "urem": lambda x, y, w: x % y if y else x,
    "sdiv": _sdiv,
    "srem": _srem,
    "shl": lambda x, y, w: x << y if y < w else 0,
    "lshr": lambda x, y, w: x >> y if y < w else 0,
    "ashr": lambda x, y, w: signed(x, w) >> min(y, w),
}
"""Bit-vector operators on two equal widths ``w``; the result is taken modulo ``2**w``."""

COMPARE: dict[str, Callable[[int, int, int], bool]] = {
    "ult": lambda x, y, w: x < y,
    "ule": lambda x, y, w: x <= y,
    "slt": lambda x, y, w: signed(x, w) < signed(y, w),
    "sle": lambda x, y, w: signed(x, w) <= signed(y, w),
}
"""Comparisons on two equal widths ``w``."""


def compute(term: Term, args: list[int]) -> int:
    """The value of ``term``'s operator on the arguments' values (not for variables, functions and arrays).

    Raises:
        ValueError: the operator has no value on numbers alone.
    """
    op, w = term.op, term.sort.width
    if op in BINARY:
        return BINARY[op](args[0], args[1], w) & ((1 << w) - 1)
    if op in COMPARE:
        return int(COMPARE[op](args[0], args[1], term.args[0].width))
    simple = _SIMPLE.get(op)
    if simple is None:
        raise ValueError(f"operator {op} has no value on numbers alone")
    return simple(term, args)


def _concat(term: Term, args: list[int]) -> int:
    value = 0
    for part, number in zip(term.args, args, strict=True):
        value = value << part.width | number
    return value


def _extract(term: Term, args: list[int]) -> int:
    high, low = term.bounds
    return args[0] >> low & ((1 << (high - low + 1)) - 1)


_SIMPLE: dict[str, Callable[[Term, list[int]], int]] = {
    "const": lambda t, a: t.value,
    "not": lambda t, a: 1 - a[0],
    "and": lambda t, a: int(all(a)),
    "or": lambda t, a: int(any(a)),
    "ite": lambda t, a: a[1] if a[0] else a[2],
    "eq": lambda t, a: int(a[0] == a[1]),
    "bnot": lambda t, a: ~a[0] & ((1 << t.width) - 1),
    "concat": _concat,
    "extract": _extract,
    "sext": lambda t, a: signed(a[0], t.args[0].width) & ((1 << t.width) - 1),
}
