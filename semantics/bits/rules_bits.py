"""Rewrites of bit-vector arithmetic, shifts and comparisons."""

from __future__ import annotations

from .build import band, bnot, bor, bxor, compare, concat, eq, extract, ite, not_, sext, shl, udiv, urem, zext
from .pieces import has_parts, pieces
from .rewrite import Args, rule
from .term import FALSE, Payload, Term, bv


def _ones(width: int) -> int:
    return (1 << width) - 1


@rule("add", "bor", "bxor")
def zero_is_neutral(args: Args, _: Payload) -> Term | None:
    return args[0] if args[1].is_const and args[1].value == 0 else None


def _possible_ones(x: Term) -> int:
    """The bits that may be 1, as far as literals and concatenations show."""
    if x.is_const:
        return x.value
    if x.op != "concat":
        return _ones(x.width)
    mask = 0
    for part in x.args:
        mask = mask << part.width | (part.value if part.is_const else _ones(part.width))
    return mask


@rule("add", "bxor", "bor")
def disjoint_parts(args: Args, payload: Payload) -> Term | None:
    """Side by side where at each piece one of the two is zero: ``(x << 8) | y`` is a concatenation."""
    x, y = args
    if not has_parts(x, y) or _possible_ones(x) & _possible_ones(y):
        return None
    chosen = []
    for a, b in pieces(x, y):
        if a.is_const and a.value == 0:
            chosen.append(b)
        elif b.is_const and b.value == 0:
            chosen.append(a)
        else:
            return None
    return concat(*chosen)


@rule("mul")
def mul_by_literal(args: Args, _: Payload) -> Term | None:
    x, y = args
    if not y.is_const:
        return None
    if y.value == 0:
        return y
    if y.value & (y.value - 1) == 0:
        return shl(x, bv(y.value.bit_length() - 1, x.width))
    return None


@rule("udiv")
def udiv_by_power(args: Args, _: Payload) -> Term | None:
    x, y = args
    if y.is_const and y.value and y.value & (y.value - 1) == 0:
        shift = y.value.bit_length() - 1
        return concat(bv(0, shift), extract(x, x.width - 1, shift)) if shift else x
    return None


@rule("urem")
def urem_by_power(args: Args, _: Payload) -> Term | None:
    x, y = args
    if y.is_const and y.value and y.value & (y.value - 1) == 0:
        shift = y.value.bit_length() - 1
        return concat(bv(0, x.width - shift), extract(x, shift - 1, 0)) if shift else bv(0, x.width)
    return None


def _narrower(args: Args) -> int:
    """Bits of which both numbers need no more; 0 if that is all that they have."""
    used = (_possible_ones(args[0]) | _possible_ones(args[1])).bit_length()
    return used if 0 < used < args[0].width else 0


@rule("udiv")
def udiv_of_small_numbers(args: Args, _: Payload) -> Term | None:
    x, y = args
    count = _narrower(args) if y.is_const and y.value else 0  # by zero all bits of the result are set
    return zext(udiv(extract(x, count - 1, 0), extract(y, count - 1, 0)), x.width) if count else None


@rule("urem")
def urem_of_small_numbers(args: Args, _: Payload) -> Term | None:
    x, y = args
    count = _narrower(args)
    return zext(urem(extract(x, count - 1, 0), extract(y, count - 1, 0)), x.width) if count else None


@rule("extract")
def extract_quotient_of_small_numbers(args: Args, payload: Payload) -> Term | None:
    """Lower bits of a quotient of short numbers are those of their quotient in fewer bits: by zero all are set, too."""
    (x,) = args
    assert isinstance(payload, tuple)
    high, low = payload
    count = _narrower(x.args) if x.op == "udiv" else 0
    if high >= count:
        return None
    return extract(udiv(*(extract(y, count - 1, 0) for y in x.args)), high, low)


@rule("band")
def band_simple(args: Args, _: Payload) -> Term | None:
    x, y = args
    if x is y:
        return x
    if y.is_const:
        if y.value == 0:
            return y
        if y.value == _ones(x.width):
            return x
        if x.op == "band" and x.args[1].is_const:
            return band(x.args[0], band(x.args[1], y))
        return _mask(x, y.value)
    return None


def _mask(x: Term, mask: int) -> Term | None:
    """``x & mask`` as a concatenation of kept and cleared runs, while there are few of them."""
    runs: list[tuple[int, int, int]] = []  # high, low, bit
    low, width = 0, x.width
    while low < width:
        bit = mask >> low & 1
        high = low
        while high + 1 < width and mask >> (high + 1) & 1 == bit:
            high += 1
        runs.append((high, low, bit))
        low = high + 1
    if len(runs) > 5:
        return None
    return concat(*(extract(x, h, lo) if bit else bv(0, h - lo + 1) for h, lo, bit in reversed(runs)))


@rule("band")
def band_concat(args: Args, _: Payload) -> Term | None:
    """Piece by piece, when one of every two pieces is a literal."""
    x, y = args
    if not has_parts(x, y):
        return None
    parts = pieces(x, y)
    if all(a.is_const or b.is_const for a, b in parts):
        return concat(*(band(a, b) for a, b in parts))
    return None


@rule("bor")
def bor_simple(args: Args, _: Payload) -> Term | None:
    x, y = args
    if x is y:
        return x
    if y.is_const and y.value == _ones(x.width):
        return y
    if y.is_const and x.op == "bor" and x.args[1].is_const:
        return bor(x.args[0], bor(x.args[1], y))
    return None


@rule("bxor")
def bxor_simple(args: Args, _: Payload) -> Term | None:
    x, y = args
    if x is y:
        return bv(0, x.width)
    if y.is_const and y.value == _ones(x.width):
        return bnot(x)
    if y.is_const and x.op == "bxor" and x.args[1].is_const:
        return bxor(x.args[0], bxor(x.args[1], y))
    return None


@rule("bnot")
def bnot_twice(args: Args, _: Payload) -> Term | None:
    return args[0].args[0] if args[0].op == "bnot" else None


@rule("shl", "lshr", "ashr")
def shift_of_nothing(args: Args, _: Payload) -> Term | None:
    """A shift by zero, or of zero."""
    x, y = args
    return x if (y.is_const and y.value == 0) or (x.is_const and x.value == 0) else None


@rule("shl")
def shl_literal(args: Args, _: Payload) -> Term | None:
    x, y = args
    if not y.is_const or y.value == 0:
        return None
    if y.value >= x.width:
        return bv(0, x.width)
    return concat(extract(x, x.width - 1 - y.value, 0), bv(0, y.value))


@rule("lshr")
def lshr_literal(args: Args, _: Payload) -> Term | None:
    x, y = args
    if not y.is_const or y.value == 0:
        return None
    if y.value >= x.width:
        return bv(0, x.width)
    return concat(bv(0, y.value), extract(x, x.width - 1, y.value))


@rule("ashr")
def ashr_literal(args: Args, _: Payload) -> Term | None:
    x, y = args
    return sext(extract(x, x.width - 1, min(y.value, x.width - 1)), x.width) if y.is_const else None


@rule("eq")
def eq_add_literal(args: Args, _: Payload) -> Term | None:
    """``x + 1 = 3`` is ``x = 2``; ``~x = 3`` is ``x = ~3``; ``x ^ 1 = 3`` is ``x = 2``."""
    for x, y in (args, args[::-1]):
        if not y.is_const or y.sort.width == 0:
            continue
        if x.op == "add" and x.args[1].is_const:
            return eq(x.args[0], bv(y.value - x.args[1].value, x.width))
        if x.op == "bxor" and x.args[1].is_const:
            return eq(x.args[0], bv(y.value ^ x.args[1].value, x.width))
        if x.op == "bnot":
            return eq(x.args[0], bv(~y.value, x.width))
    return None


@rule("ult")
def ult_at_the_edge(args: Args, _: Payload) -> Term | None:
    x, y = args
    if x is y or (y.is_const and y.value == 0) or (x.is_const and x.value == _ones(x.width)):
        return FALSE
    if y.is_const and y.value == 1:
        return eq(x, bv(0, x.width))
    if x.is_const and x.value == 0:
        return not_(eq(y, x))
    return None


@rule("slt")
def slt_same(args: Args, _: Payload) -> Term | None:
    return FALSE if args[0] is args[1] else None


@rule("slt")
def slt_known_sign(args: Args, _: Payload) -> Term | None:
    """Both sides with a sign bit that is a literal: unsigned, or decided."""
    x, y = args
    sx, sy = (extract(t, t.width - 1, t.width - 1) for t in args)
    if not (sx.is_const and sy.is_const) or x.width == 1:
        return None
    if sx is sy:
        return compare("ult", x, y)
    return not_(FALSE) if sx.value else FALSE


@rule("ult")
def ult_common_high(args: Args, _: Payload) -> Term | None:
    """A common high part does not decide; a literal high part that differs decides."""
    x, y = args
    if "concat" not in (x.op, y.op):
        return None
    width = next(t.args[0].width for t in args if t.op == "concat")
    hx, hy = (extract(t, t.width - 1, t.width - width) for t in args)
    rest = x.width - width
    if hx is hy:
        return compare("ult", extract(x, rest - 1, 0), extract(y, rest - 1, 0))
    if hx.is_const and hy.is_const:
        return not_(FALSE) if hx.value < hy.value else FALSE
    return None


@rule("ult")
def ult_ite_literal(args: Args, _: Payload) -> Term | None:
    """A choice between literals, compared with a literal, is a condition."""
    x, y = args
    for a, b, flip in ((x, y, False), (y, x, True)):
        if a.op == "ite" and b.is_const and all(leaf.is_const for leaf in a.args[1:]):
            then, other = (compare("ult", b, t) if flip else compare("ult", t, b) for t in a.args[1:])
            return ite(a.args[0], then, other)
    return None


@rule("ult")
def ult_remainder(args: Args, _: Payload) -> Term | None:
    """A remainder is less than the divisor, unless that is 0; also if the divisor, and so the remainder, is short."""
    x, y = args
    inner = x.args[0] if x.op == "extract" and x.payload == (x.width - 1, 0) else x
    if inner.op == "urem" and inner.args[1] is zext(y, inner.width):
        return not_(eq(y, bv(0, y.width)))
    return None
