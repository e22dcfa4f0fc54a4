"""Rewrites that take bit-vectors apart: extraction, concatenation, sign extension."""

from __future__ import annotations

from .build import binary, bnot, concat, eq, extract, ite, sext
from .rewrite import Args, rule
from .term import Payload, Term, bv


def _bounds(payload: Payload) -> tuple[int, int]:
    assert isinstance(payload, tuple)
    return payload


@rule("extract")
def extract_extract(args: Args, payload: Payload) -> Term | None:
    if args[0].op != "extract":
        return None
    (high, low), (_, base) = _bounds(payload), args[0].bounds
    return extract(args[0].args[0], base + high, base + low)


@rule("extract")
def extract_concat(args: Args, payload: Payload) -> Term | None:
    """Only the parts that the bits lie in."""
    if args[0].op != "concat":
        return None
    high, low = _bounds(payload)
    taken, top = [], args[0].width
    for part in args[0].args:
        bottom = top - part.width
        if bottom <= high and low < top:
            taken.append(extract(part, min(high, top - 1) - bottom, max(low, bottom) - bottom))
        top = bottom
    return concat(*taken)


@rule("extract")
def extract_bitwise(args: Args, payload: Payload) -> Term | None:
    """Bitwise operators work bit by bit."""
    high, low = _bounds(payload)
    x = args[0]
    if x.op in ("band", "bor", "bxor"):
        return binary(x.op, extract(x.args[0], high, low), extract(x.args[1], high, low))
    return bnot(extract(x.args[0], high, low)) if x.op == "bnot" else None


@rule("extract")
def extract_low_sum(args: Args, payload: Payload) -> Term | None:
    """The low bits of a sum or product need the low bits only."""
    high, low = _bounds(payload)
    x = args[0]
    if low or x.op not in ("add", "mul"):
        return None
    return binary(x.op, extract(x.args[0], high, 0), extract(x.args[1], high, 0))


@rule("extract")
def extract_sext(args: Args, payload: Payload) -> Term | None:
    high, low = _bounds(payload)
    x = args[0]
    if x.op != "sext":
        return None
    inner = x.args[0]
    if high < inner.width:
        return extract(inner, high, low)
    if low < inner.width:
        return sext(extract(inner, inner.width - 1, low), high - low + 1)
    return sext(extract(inner, inner.width - 1, inner.width - 1), high - low + 1)


@rule("extract")
def extract_ite(args: Args, payload: Payload) -> Term | None:
    """Bits of a choice are a choice of bits."""
    x = args[0]
    if x.op != "ite":
        return None
    high, low = _bounds(payload)
    return ite(x.args[0], extract(x.args[1], high, low), extract(x.args[2], high, low))


@rule("concat")
def concat_same_ite(args: Args, _: Payload) -> Term | None:
    """Parts that are all choices by one condition, or literals, are one choice."""
    condition = next((a.args[0] for a in args if a.op == "ite"), None)
    if condition is None or any(not a.is_const and (a.op != "ite" or a.args[0] is not condition) for a in args):
        return None
    sides = (concat(*(a.args[i] if a.op == "ite" else a for a in args)) for i in (1, 2))
    return ite(condition, *sides)


@rule("eq")
def eq_sext_literal(args: Args, _: Payload) -> Term | None:
    """Equality of a sign extension with a literal is one with the literal cut down, or false."""
    for x, y in (args, args[::-1]):
        if x.op == "sext" and y.is_const:
            inner = x.args[0]
            cut = extract(y, inner.width - 1, 0)
            return eq(inner, cut) if sext(cut, y.width) is y else eq(bv(0, 1), bv(1, 1))
    return None
