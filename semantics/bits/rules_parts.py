"""Rewrites that take bit-vectors apart: extraction, concatenation, sign extension."""

from __future__ import annotations

from itertools import pairwise
from typing import Final

from .build import binary, bnot, concat, eq, extract, ite, sext
from .pieces import has_parts, pieces
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


WORD: Final = 32
"""Bits of the words that 64-bit machines keep in registers twice as wide."""


LOOKED_AT: Final = 64
"""Nodes in which a sum's mixing is looked for."""


def _is_mixed(term: Term, top: int) -> bool:
    """Whether sums or products are joined bit by bit (``xor``) and added up again, as in hashes. Each of them is asked
    for many parts of its words, and narrowed to each it would be many sums, whose carries have nothing in common.

    Not if bits above ``top`` hang on what lies above a word in wider sums: a compiler that shifts words in registers
    of 64 bits leaves that there where nobody asks for it.
    """
    stack, seen, mixed = [(term, False)], 0, False
    while stack and seen < LOOKED_AT:
        node, joined = stack.pop()
        seen += 1
        mixed = mixed or (joined and node.op in ("add", "mul"))
        if node.op == "extract" and node.bounds[0] >= WORD > top + 1 and node.args[0].op in ("add", "mul"):
            return False
        if node.op in ("add", "mul", "bxor", "band", "bor", "bnot", "concat", "extract"):
            stack += [(arg, joined or node.op == "bxor") for arg in node.args]
    return mixed


@rule("extract")
def extract_low_sum(args: Args, payload: Payload) -> Term | None:
    """The low bits of a sum or product need the low bits only, and bits of a word the words: arithmetic on words is the
    same in registers of 64 bits, where a compiler has no others (eBPF before ``-mcpu=v3``)."""
    high, low = _bounds(payload)
    x = args[0]
    if x.op not in ("add", "mul"):
        return None
    if not low and not _is_mixed(x, high):
        top = high
    elif high < WORD < x.width:
        top = WORD - 1
    else:
        return None
    return extract(binary(x.op, extract(x.args[0], top, 0), extract(x.args[1], top, 0)), high, low)


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
    """Neighbours that are choices by one condition are one choice."""
    for i, (x, y) in enumerate(pairwise(args)):
        if x.op == "ite" and y.op == "ite" and x.args[0] is y.args[0]:
            both = ite(x.args[0], concat(x.args[1], y.args[1]), concat(x.args[2], y.args[2]))
            return concat(*args[:i], both, *args[i + 2 :])
    return None


@rule("ite")
def ite_common_parts(args: Args, _: Payload) -> Term | None:
    """A choice between concatenations chooses only between the parts in which they differ."""
    condition, then, otherwise = args
    if not has_parts(then, otherwise):
        return None
    runs: list[tuple[bool, list[Term], list[Term]]] = []  # alike, parts of either side
    for x, y in pieces(then, otherwise):
        if not runs or runs[-1][0] is not (x is y):
            runs.append((x is y, [], []))
        runs[-1][1].append(x)
        runs[-1][2].append(y)
    if not any(alike for alike, _, _ in runs):
        return None
    return concat(*(concat(*xs) if alike else ite(condition, concat(*xs), concat(*ys)) for alike, xs, ys in runs))


@rule("eq")
def eq_sext_literal(args: Args, _: Payload) -> Term | None:
    """Equality of a sign extension with a literal is one with the literal cut down, or false."""
    for x, y in (args, args[::-1]):
        if x.op == "sext" and y.is_const:
            inner = x.args[0]
            cut = extract(y, inner.width - 1, 0)
            return eq(inner, cut) if sext(cut, y.width) is y else eq(bv(0, 1), bv(1, 1))
    return None
