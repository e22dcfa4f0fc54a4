"""The smart constructors: the only way that the rest of p4verify makes terms.

Each checks the sorts of its arguments, folds literals, and tries the rewrites registered for its operator
(:mod:`.rewrite`). A rewrite may only use what its arguments show locally and must return a term that is equal for
every value of every variable; the test suite proves each row and fails for one that no test fires.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from weakref import WeakKeyDictionary

from .concrete import BINARY, COMPARE
from .rewrite import node
from .term import BOOL, FALSE, TRUE, Sort, Term, bit_vector, bv, make, sort_of, var

MAX_FLAT: Final = 256
"""Arguments up to which a conjunction, disjunction or concatenation is flattened into the one around it: flattening
without end would copy n arguments n times."""


class SortError(TypeError):
    """An operator applied to arguments whose sorts do not fit: a mistake in p4verify, never in its input."""


def _same_width(op: str, x: Term, y: Term) -> Sort:
    if x.sort != y.sort:
        raise SortError(f"{op} of {x.sort} and {y.sort}")
    return _want_bits(op, x)


def _want_bits(op: str, x: Term) -> Sort:
    if x.sort is BOOL or x.sort.index:
        raise SortError(f"{op} of {x.sort}")
    return x.sort


def _want_bool(op: str, args: Iterable[Term]) -> None:
    for arg in args:
        if arg.sort is not BOOL:
            raise SortError(f"{op} of {arg.sort}")


# --- Bool ---------------------------------------------------------------------------------------------------------


def not_(x: Term) -> Term:
    """Negation."""
    _want_bool("not", (x,))
    return node("not", (x,), BOOL)


def and_(*xs: Term) -> Term:
    """Conjunction of any number of terms (none: true); flattened, without repetition, in a fixed order."""
    return _junction("and", xs)


def or_(*xs: Term) -> Term:
    """Disjunction of any number of terms (none: false); flattened, without repetition, in a fixed order."""
    return _junction("or", xs)


def _junction(op: str, xs: tuple[Term, ...]) -> Term:
    _want_bool(op, xs)
    unit, zero = (TRUE, FALSE) if op == "and" else (FALSE, TRUE)
    parts: dict[Term, None] = {}
    for x in xs:
        for part in x.args if x.op == op and len(x.args) <= MAX_FLAT else (x,):
            if part is zero:
                return zero
            if part is not unit:
                parts[part] = None
    for part in parts:
        if part.op == "not" and part.args[0] in parts:
            return zero
    if len(parts) < 2:
        return next(iter(parts), unit)
    args = tuple(sorted(parts, key=lambda t: t.serial))
    return node(op, args, BOOL)


def implies(x: Term, y: Term) -> Term:
    """``not x or y``."""
    return or_(not_(x), y)


def ite(condition: Term, then: Term, otherwise: Term) -> Term:
    """``then`` where ``condition`` holds, else ``otherwise``; both of one sort."""
    _want_bool("ite", (condition,))
    if then.sort != otherwise.sort:
        raise SortError(f"ite of {then.sort} and {otherwise.sort}")
    if condition is TRUE or then is otherwise:
        return then
    if condition is FALSE:
        return otherwise
    return node("ite", (condition, then, otherwise), then.sort)


def eq(x: Term, y: Term) -> Term:
    """Equality of two terms of one sort."""
    if x.sort != y.sort:
        raise SortError(f"eq of {x.sort} and {y.sort}")
    if x is y:
        return TRUE
    if x.serial > y.serial:
        x, y = y, x
    return node("eq", (x, y), BOOL)


def ne(x: Term, y: Term) -> Term:
    """``not (x = y)``."""
    return not_(eq(x, y))


# --- bit-vectors --------------------------------------------------------------------------------------------------

_COMMUTATIVE: Final = frozenset({"add", "mul", "band", "bor", "bxor"})


def binary(op: str, x: Term, y: Term) -> Term:
    """The operator named in :data:`concrete.BINARY` on two terms of one width."""
    if op not in BINARY:
        raise SortError(f"no binary operator {op}")
    sort = _same_width(op, x, y)
    if op in _COMMUTATIVE and (x.serial > y.serial if x.is_const == y.is_const else x.is_const):
        x, y = y, x  # literals stand right
    return node(op, (x, y), sort)


def compare(op: str, x: Term, y: Term) -> Term:
    """The comparison named in :data:`concrete.COMPARE` on two terms of one width."""
    if op not in COMPARE:
        raise SortError(f"no comparison {op}")
    _same_width(op, x, y)
    if op in ("ule", "sle"):
        return not_(compare("ult" if op == "ule" else "slt", y, x))
    return node(op, (x, y), BOOL)


def add(x: Term, y: Term) -> Term:
    """Sum modulo 2**width."""
    return binary("add", x, y)


def sub(x: Term, y: Term) -> Term:
    """Difference modulo 2**width."""
    return binary("add", x, neg(y))


def neg(x: Term) -> Term:
    """Two's complement."""
    _want_bits("neg", x)
    return binary("add", bnot(x), bv(1, x.width)) if not x.is_const else bv(-x.value, x.width)


def mul(x: Term, y: Term) -> Term:
    """Product modulo 2**width."""
    return binary("mul", x, y)


def udiv(x: Term, y: Term) -> Term:
    """Unsigned quotient; all ones for a divisor of zero."""
    return binary("udiv", x, y)


def urem(x: Term, y: Term) -> Term:
    """Unsigned remainder; ``x`` for a divisor of zero."""
    return binary("urem", x, y)


def sdiv(x: Term, y: Term) -> Term:
    """Signed quotient, rounded towards zero."""
    return binary("sdiv", x, y)


def srem(x: Term, y: Term) -> Term:
    """Signed remainder with the dividend's sign."""
    return binary("srem", x, y)


def band(x: Term, y: Term) -> Term:
    """Bitwise and."""
    return binary("band", x, y)


def bor(x: Term, y: Term) -> Term:
    """Bitwise or."""
    return binary("bor", x, y)


def bxor(x: Term, y: Term) -> Term:
    """Bitwise exclusive or."""
    return binary("bxor", x, y)


def bnot(x: Term) -> Term:
    """Bitwise complement."""
    return node("bnot", (x,), _want_bits("bnot", x))


def shl(x: Term, y: Term) -> Term:
    """Shift left by ``y`` (of x's width); zero from the width on."""
    return binary("shl", x, y)


def lshr(x: Term, y: Term) -> Term:
    """Logical shift right by ``y`` (of x's width); zero from the width on."""
    return binary("lshr", x, y)


def ashr(x: Term, y: Term) -> Term:
    """Arithmetic shift right by ``y`` (of x's width)."""
    return binary("ashr", x, y)


def ult(x: Term, y: Term) -> Term:
    """Unsigned ``x < y``."""
    return compare("ult", x, y)


def ule(x: Term, y: Term) -> Term:
    """Unsigned ``x <= y``."""
    return compare("ule", x, y)


def ugt(x: Term, y: Term) -> Term:
    """Unsigned ``x > y``."""
    return ult(y, x)


def uge(x: Term, y: Term) -> Term:
    """Unsigned ``x >= y``."""
    return ule(y, x)


def slt(x: Term, y: Term) -> Term:
    """Signed ``x < y``."""
    return compare("slt", x, y)


def sle(x: Term, y: Term) -> Term:
    """Signed ``x <= y``."""
    return compare("sle", x, y)


def concat(*xs: Term) -> Term:
    """The arguments side by side, the first one in the highest bits; flattened."""
    parts: list[Term] = []
    for x in xs:
        _want_bits("concat", x)
        for part in x.args if x.op == "concat" and len(x.args) <= MAX_FLAT else (x,):
            joined = _join(parts[-1], part) if parts else None
            if joined is None:
                parts.append(part)
            else:
                parts[-1] = joined
    if len(parts) < 2:
        if not parts:
            raise SortError("concat of nothing")
        return parts[0]
    return node("concat", tuple(parts), bit_vector(sum(p.width for p in parts)))


def _join(high: Term, low: Term) -> Term | None:
    """Neighbours that are literals, or adjacent bits of one term, as one part."""
    if high.is_const and low.is_const:
        return bv(high.value << low.width | low.value, high.width + low.width)
    if high.op == "extract" and low.op == "extract" and high.args[0] is low.args[0]:
        (top, middle), (below, bottom) = high.bounds, low.bounds
        if middle == below + 1:
            return extract(high.args[0], top, bottom)
    if high.op == "ite" and low.op == "ite" and high.args[0] is low.args[0]:
        mine, other = _cut_from.get(high), _cut_from.get(low)
        if mine is not None and other is not None and mine[0] is other[0] and mine[2] == other[1] + 1:
            return extract(mine[0], mine[1], other[2])
    return None


_cut_from: Final[WeakKeyDictionary[Term, tuple[Term, int, int]]] = WeakKeyDictionary()
"""Choices that were bits of another choice: that one, and which bits, (choice, high, low).

Extraction goes to the leaves of a choice; of a long chain of choices, neighbours would have to be put together again
level by level, which takes longer the longer the chain is and ends at the bound on rewriting. Only what is younger
than the term that it was cut from is noted, so nothing keeps itself alive.
"""


def extract(x: Term, high: int, low: int) -> Term:
    """Bits ``high`` down to ``low`` of ``x``, both included, bit 0 the lowest."""
    if not 0 <= low <= high < _want_bits("extract", x).width:
        raise SortError(f"bits {high}..{low} of {x.sort}")
    if high - low + 1 == x.width:
        return x
    cut = node("extract", (x,), bit_vector(high - low + 1), (high, low))
    if cut.op == "ite" and x.op == "ite" and cut.serial > x.serial:
        _cut_from[cut] = x, high, low
    return cut


def zext(x: Term, width: int) -> Term:
    """``x`` with zeros above, ``width`` bits in all."""
    if width < _want_bits("zext", x).width:
        raise SortError(f"zext of {x.sort} to {width}")
    return x if width == x.width else concat(bv(0, width - x.width), x)


def sext(x: Term, width: int) -> Term:
    """``x`` with copies of its sign above, ``width`` bits in all."""
    if width < _want_bits("sext", x).width:
        raise SortError(f"sext of {x.sort} to {width}")
    return x if width == x.width else node("sext", (x,), bit_vector(width))


def resize(x: Term, width: int) -> Term:
    """``x`` cut to, or filled with zeros to, ``width`` bits: P4's cast between ``bit`` types."""
    return extract(x, width - 1, 0) if width < x.width else zext(x, width)


def from_bool(x: Term, width: int = 1) -> Term:
    """1 for true, 0 for false."""
    return ite(x, bv(1, width), bv(0, width))


def to_bool(x: Term) -> Term:
    """Whether any bit is set."""
    return ne(x, bv(0, x.width))


# --- functions and arrays -----------------------------------------------------------------------------------------


def apply(name: str, sort: Sort | int, *args: Term) -> Term:
    """The uninterpreted function ``name`` on ``args``; one name has one signature."""
    return make("apply", args, sort_of(sort), name)


def array_var(name: str, index: int, width: int) -> Term:
    """A free array from ``index`` bits to ``width`` bits."""
    return var(name, Sort(width, index))


def select(array: Term, index: Term) -> Term:
    """What ``array`` holds at ``index``."""
    if not array.sort.index or index.sort != bit_vector(array.sort.index):
        raise SortError(f"select of {array.sort} at {index.sort}")
    while array.op == "store":
        below, at, value = array.args
        same = eq(at, index)
        if same is TRUE:
            return value
        if same is not FALSE:
            break
        array = below
    if array.op == "const_array":
        return array.args[0]
    return make("select", (array, index), bit_vector(array.sort.width))


def store(array: Term, index: Term, value: Term) -> Term:
    """``array`` with ``value`` at ``index``."""
    sorts = (bit_vector(array.sort.index), bit_vector(array.sort.width)) if array.sort.index else ()
    if (index.sort, value.sort) != sorts:
        raise SortError(f"store of {value.sort} at {index.sort} into {array.sort}")
    if array.op == "store" and array.args[1] is index:
        array = array.args[0]
    return make("store", (array, index, value), array.sort)


def const_array(index: int, value: Term) -> Term:
    """The array from ``index`` bits that holds ``value`` everywhere."""
    if index < 1:
        raise SortError(f"an array indexed by {index} bits")
    return make("const_array", (value,), Sort(_want_bits("const_array", value).width, index))
