"""How large numbers can be on a path: unsigned intervals, from a term's form and from the conditions that were met.

Only used to leave out what cannot be (a path, an offset), never to compute a value; every interval is a superset of
what the term can be where the path's guard holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term

Interval = tuple[int, int]
"""Least and greatest value, as unsigned numbers."""
Ranges = Mapping[Term, Interval]

_MOST_WAYS: Final = 3
"""Conditions of which one holds: of more, nothing is learned."""
_DEPTH: Final = 300
"""How deep a term is looked into; below, anything is possible."""


def interval(term: Term, known: Ranges) -> Interval:
    """What ``term`` can be, given what is known of some terms."""
    return _interval(term, known, {}, _DEPTH)


def _interval(term: Term, known: Ranges, seen: dict[Term, Interval], depth: int) -> Interval:
    if term.is_const:
        return term.value, term.value
    if term in seen:
        return seen[term]
    found: Interval = (0, (1 << term.width) - 1)
    rule = _RULES.get(term.op)
    if rule is not None and depth:
        args = term.args[1:] if term.op == "ite" else term.args
        parts = list[Interval]()
        for arg in args:  # no comprehension: it takes a frame of its own from the stack
            parts.append(_interval(arg, known, seen, depth - 1))
        found = meet(found, rule(term, parts)) or found
        whole = _put_together(term) if term.op == "concat" else None
        if whole is not None:
            found = meet(found, _interval(whole, known, seen, depth - 1)) or found
    if term in known:
        found = meet(found, known[term]) or known[term]
    if depth:
        seen[term] = found
    return found


def _put_together(term: Term) -> Term | None:
    """What the last two parts of a concatenation are the highest and the other bits of, if zeros are in front of them:
    how sums are folded hides it."""
    *zeros, top, rest = term.args
    if top.op != "extract" or any(not part.is_const or part.value for part in zeros):
        return None
    whole = top.args[0]
    assert isinstance(top.payload, tuple)
    high, low = int(top.payload[0]), int(top.payload[1])
    fits = high == whole.width - 1 and low == rest.width and b.extract(whole, low - 1, 0) is rest
    return whole if fits else None


def by_cases(term: Term, known: Ranges, depth: int = 6) -> Interval:
    """The same, where each way that a choice in ``term`` goes counts with its condition (``depth`` choices deep): it is
    within one of these intervals, as one of the ways is gone."""
    if term.op == "concat" and len(term.args) == 2 and term.args[0] is b.bv(0, term.args[0].width):
        return by_cases(term.args[1], known, depth)
    if term.op != "ite" or not depth:
        return interval(term, known)
    found = []
    for condition, way in ((term.args[0], term.args[1]), (b.not_(term.args[0]), term.args[2])):
        then = dict(known)
        if learn(condition, then):
            found.append(by_cases(way, then, depth - 1))
    both = hull(*found) if len(found) == 2 else (found or [interval(term, known)])[0]
    return meet(both, interval(term, known)) or both


def meet(x: Interval, y: Interval) -> Interval | None:
    """The common part of two intervals, None if there is none."""
    low, high = max(x[0], y[0]), min(x[1], y[1])
    return (low, high) if low <= high else None


def hull(x: Interval, y: Interval) -> Interval:
    """The least interval around both."""
    return min(x[0], y[0]), max(x[1], y[1])


# --- from a term's form -------------------------------------------------------------------------------------------

Rule = Callable[[Term, Sequence[Interval]], Interval]


def _whole(term: Term) -> Interval:
    return 0, (1 << term.width) - 1


def _ite(_: Term, parts: Sequence[Interval]) -> Interval:
    return hull(parts[0], parts[1])


def _concat(term: Term, parts: Sequence[Interval]) -> Interval:
    low = high = 0
    for arg, (least, greatest) in zip(term.args, parts, strict=True):
        low, high = low << arg.width | least, high << arg.width | greatest
    return low, high


def _extract(term: Term, parts: Sequence[Interval]) -> Interval:
    assert isinstance(term.payload, tuple)
    top, bottom = int(term.payload[0]), int(term.payload[1])
    low, high = parts[0]
    return (low >> bottom, high >> bottom) if high >> bottom < 1 << (top - bottom + 1) else _whole(term)


def _add(term: Term, parts: Sequence[Interval]) -> Interval:
    size = 1 << term.width
    low, high = parts[0][0] + parts[1][0], parts[0][1] + parts[1][1]
    if high < size:
        return low, high
    return (low - size, high - size) if low >= size and high < 2 * size else _whole(term)


def _sext(term: Term, parts: Sequence[Interval]) -> Interval:
    (low, high), width = parts[0], term.args[0].width
    if high < 1 << (width - 1):
        return low, high
    more = (1 << term.width) - (1 << width)
    return (low + more, high + more) if low >= 1 << (width - 1) else _whole(term)


def _mul(term: Term, parts: Sequence[Interval]) -> Interval:
    high = parts[0][1] * parts[1][1]
    return (parts[0][0] * parts[1][0], high) if high < 1 << term.width else _whole(term)


def _band(_: Term, parts: Sequence[Interval]) -> Interval:
    return 0, min(parts[0][1], parts[1][1])


def _bor(_: Term, parts: Sequence[Interval]) -> Interval:
    return 0, (1 << max(parts[0][1], parts[1][1]).bit_length()) - 1


def _shl(term: Term, parts: Sequence[Interval]) -> Interval:
    (low, high), (least, most) = parts
    return (low << least, high << most) if most < term.width and high << most < 1 << term.width else _whole(term)


def _lshr(_: Term, parts: Sequence[Interval]) -> Interval:
    return parts[0][0] >> min(parts[1][1], 1 << 10), parts[0][1] >> min(parts[1][0], 1 << 10)


def _udiv(term: Term, parts: Sequence[Interval]) -> Interval:
    (low, high), (least, most) = parts
    return (low // most, high // least) if least else _whole(term)


def _urem(_: Term, parts: Sequence[Interval]) -> Interval:
    (_low, top), (least, most) = parts
    return 0, min(top, most - 1) if least else top


_RULES: Final[dict[str, Rule]] = {
    "ite": _ite, "concat": _concat, "extract": _extract, "add": _add, "mul": _mul, "band": _band, "bor": _bor,
    "bxor": _bor, "lshr": _lshr, "sext": _sext, "shl": _shl, "udiv": _udiv, "urem": _urem,
}  # fmt: skip


# --- from conditions ----------------------------------------------------------------------------------------------


def learn(condition: Term, known: dict[Term, Interval]) -> bool:
    """Add to ``known`` what ``condition`` says; False if it cannot hold together with what is known."""
    for part in _arguments(condition, "and", "or"):
        if part is b.FALSE:
            return False
        ways = _arguments(part, "or", "and")
        if 1 < len(ways) <= _MOST_WAYS:
            if not _learn_one_of(ways, known):
                return False
            continue
        for term, bounds in _bounds(part, known):
            if not _narrow(term, bounds, known):
                return False
    return True


def _arguments(condition: Term, op: str, dual: str) -> tuple[Term, ...]:
    """What a condition joins with ``op``, also where it denies what ``dual`` joins; else itself."""
    if condition.op == op:
        return condition.args
    if condition.op == "not" and condition.args[0].op == dual:
        return tuple(b.not_(a) for a in condition.args[0].args)
    return (condition,)


def _learn_one_of(ways: Sequence[Term], known: dict[Term, Interval]) -> bool:
    """Add what holds whichever of the ``ways`` does; False if none can."""
    found = []
    for way in ways:
        then = dict(known)
        if learn(way, then):
            found.append(then)
    if not found:
        return False
    first, *others = found
    for term, bounds in first.items():
        if known.get(term) != bounds and all(term in other for other in others):
            for other in others:
                bounds = hull(bounds, other[term])
            known[term] = bounds
    return True


def possible(condition: Term, known: Ranges) -> bool:
    """Whether ``condition`` can hold, as far as intervals show."""
    return learn(condition, dict(known))


def _bounds(condition: Term, known: Ranges) -> Iterator[tuple[Term, Interval]]:
    negated = condition.op == "not"
    inner = condition.args[0] if negated else condition
    if inner.op == "eq" and inner.args[0].width and not inner.args[0].sort.index:
        yield from _equal(inner, known, negated=negated)
    elif inner.op in ("ult", "slt"):
        x, y = inner.args
        if inner.op == "slt" and not all(_not_negative(t, known) for t in (x, y)):
            yield from _signed(x, y, negated=negated)
            return
        (x_low, x_high), (y_low, y_high) = interval(x, known), interval(y, known)
        if negated:  # y <= x
            yield x, (y_low, max(x_high, y_low))
            yield y, (min(y_low, x_high), x_high)
        elif y_high and x_low < (1 << x.width) - 1:  # x < y
            yield x, (min(x_low, y_high - 1), y_high - 1)
            yield y, (x_low + 1, max(y_high, x_low + 1))
        else:
            yield x, (1, 0)


def _equal(inner: Term, known: Ranges, *, negated: bool) -> Iterator[tuple[Term, Interval]]:
    for term, other in (inner.args, inner.args[::-1]):
        low, high = interval(term, known)
        if not negated:
            yield term, interval(other, known)
        elif other.is_const and other.value in (low, high):
            yield term, (low + 1, high) if other.value == low else (low, high - 1)


def _not_negative(term: Term, known: Ranges) -> bool:
    return interval(term, known)[1] < 1 << (term.width - 1)


def _signed(x: Term, y: Term, *, negated: bool) -> Iterator[tuple[Term, Interval]]:
    """``x < y`` (``negated``: ``y <= x``) with signs, where one is a literal that is not negative."""
    half = 1 << (x.width - 1)
    if negated and y.is_const and y.value < half:
        yield x, (y.value, half - 1)
    elif not negated and x.is_const and x.value < half - 1:
        yield y, (x.value + 1, half - 1)


def _narrow(term: Term, bounds: Interval, known: dict[Term, Interval]) -> bool:
    """``term`` lies within ``bounds``, and what it is made of with it."""
    while True:
        if bounds[0] > bounds[1]:
            return False
        found = meet(interval(term, known), bounds)
        if found is None:
            return False
        if term.is_const:
            return True
        known[term] = found
        inner = _inside(term, found)
        if inner is None:
            return True
        term, bounds = inner


def _inside(term: Term, bounds: Interval) -> tuple[Term, Interval] | None:
    """The only variable part of a concatenation or of a sum with a literal, and what it then lies within."""
    if term.op == "concat":
        open_parts = [i for i, a in enumerate(term.args) if not a.is_const]
        if len(open_parts) != 1 or any(a.value for a in term.args if a.is_const):
            return None
        shift = sum(a.width for a in term.args[open_parts[0] + 1 :])
        return term.args[open_parts[0]], (-(-bounds[0] >> shift), bounds[1] >> shift)
    if term.op == "add" and (term.args[0].is_const or term.args[1].is_const):
        literal, other = sorted(term.args, key=lambda t: not t.is_const)
        low, high, size = bounds[0] - literal.value, bounds[1] - literal.value, 1 << term.width
        if low >= 0 or high < 0:
            return other, (low % size, high % size)
    return None


def low_bits(term: Term, depth: int = 24, known: dict[Term, tuple[int, int]] | None = None) -> tuple[int, int]:
    """``(number, count)``: the lowest ``count`` bits of ``term`` are ``number`` for sure (``depth`` operators deep)."""
    if term.is_const:
        return term.value, term.width
    known = {} if known is None else known
    if term not in known:
        known[term] = _low_bits(term, depth, known) if depth else (0, 0)
    return known[term]


def _low_bits(term: Term, depth: int, known: dict[Term, tuple[int, int]]) -> tuple[int, int]:
    if term.op == "concat":
        number = count = 0
        for part in reversed(term.args):
            found, bits = low_bits(part, depth - 1, known)
            number, count = number | found << count, count + bits
            if bits < part.width:
                break
        return number, count
    if term.op == "shl":
        least, _ = interval(term.args[1], {})
        return 0, min(term.width, least + _zeros(*low_bits(term.args[0], depth - 1, known)))
    if term.op == "sext":
        return low_bits(term.args[0], depth - 1, known)
    if term.op == "extract" and isinstance(term.payload, tuple) and not int(term.payload[1]):
        number, count = low_bits(term.args[0], depth - 1, known)
        return number & ((1 << term.width) - 1), min(count, term.width)
    if term.op not in ("add", "mul", "ite", "band", "bor", "bxor"):
        return 0, 0
    (x, x_bits), (y, y_bits) = (low_bits(a, depth - 1, known) for a in term.args[-2:])
    count = min(x_bits, y_bits)
    if term.op == "ite":
        apart = (x ^ y) & ((1 << count) - 1)
        count = (apart & -apart).bit_length() - 1 if apart else count
        return x & ((1 << count) - 1), count
    if term.op == "mul":
        zeros = min(term.width, _zeros(x, x_bits) + _zeros(y, y_bits))
        if zeros > count:
            return 0, zeros
    both = {"add": x + y, "mul": x * y, "band": x & y, "bor": x | y, "bxor": x ^ y}[term.op]
    return both & ((1 << count) - 1), count


def _zeros(number: int, count: int) -> int:
    return (number & -number).bit_length() - 1 if number else count
