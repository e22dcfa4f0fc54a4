"""Rewrites of sums to one normal form, whatever order and width they were written in.

A sum is flattened into its addends, those below a zero extension included when nothing can overflow there; addends
that cancel go, also where one is in a complement that adds a literal; the rest stands in a fixed order, literals last,
in the narrowest width that holds the sum, as a chain that leans left. So a checksum added up word by word in 64 bits
and one added up as a tree in 32 are the same term.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import reduce
from typing import Final

from .build import add, bnot, concat, eq, extract, ite, urem
from .rewrite import Args, rule
from .term import Payload, Term, bit_vector, bv, make

MAX_ADDENDS: Final = 64
"""Sums of more addends are left as they are: flattening again at each step would take quadratic time."""


def _core(x: Term) -> Term:
    """``x`` without zeros above (at least one bit of it)."""
    if x.op != "concat" or not x.args[0].is_const:
        return x
    zeros = x.args[0].width - x.args[0].value.bit_length()
    return extract(x, x.width - 1 - zeros, 0) if zeros else x


def _addends(terms: Args, width: int) -> tuple[list[Term], int] | None:
    """The addends without their zeros above, and the sum of the literals; None for too many."""
    found: list[Term] = []
    literal = 0
    stack = list(reversed(terms))
    while stack:
        x = stack.pop()
        core = _core(x)
        if x.is_const:
            literal += x.value
        elif core.op == "add" and (core.width == width or _holds(core)):
            stack.extend(core.args)
        elif (shifted := _complement(core, width)) is not None:
            stack.append(shifted[0])
            literal += shifted[1]
        else:
            found.append(core)
        if len(found) + len(stack) > MAX_ADDENDS:
            return None
    return found, literal


def _complement(x: Term, width: int) -> tuple[Term, int] | None:
    """``~(y + n)`` as ``~y`` and the literal ``-n``, so that a difference of what both lie ``n`` beyond cancels."""
    if x.op != "bnot" or x.width != width:
        return None
    inner = _core(x.args[0])
    if inner.op != "add" or not inner.args[1].is_const or not (inner.width == width or _holds(inner)):
        return None
    return bnot(_wide(_core(inner.args[0]), width)), -inner.args[1].value


def _holds(total: Term) -> bool:
    """Whether a sum cannot overflow its width: then it is the same sum in any wider one."""
    bound = _bound(total)
    return bound is not None and bound < 1 << total.width


def _bound(total: Term) -> int | None:
    """What a sum does not exceed, if it is not cut off; None for one of too many addends."""
    bound, stack, seen = 0, list(total.args), 0
    while stack:
        x = stack.pop()
        seen += 1
        if seen > MAX_ADDENDS:
            return None
        if x.op == "add":  # of the same width: its addends count one by one
            stack.extend(x.args)
        else:
            bound += x.value if x.is_const else (1 << _core(x).width) - 1
    return bound


def _cancelled(addends: list[Term], width: int) -> tuple[list[Term], int]:
    """Without the pairs ``x``, ``~x``, the latter of full width, each of which is -1; with the literal that they
    leave. Addends have no zeros above; of a sum that is ``x`` they may be there one by one."""
    negated = [x for x in addends if x.op == "bnot" and x.width == width]
    if not negated:
        return addends, 0
    kept = list(addends)
    literal = 0
    for x in negated:
        other = _core(x.args[0])
        if x in kept and other in kept:
            kept.remove(x)
            kept.remove(other)
            literal -= 1
        elif x in kept and other.op == "add":
            flat = _addends((x.args[0],), width)
            if flat is not None and not Counter(flat[0]) - Counter(kept):
                for each in (x, *flat[0]):
                    kept.remove(each)
                literal -= 1 + flat[1]
    return kept, literal


def _chain(addends: list[Term], literal: int, width: int) -> Term:
    """The normal form of a sum of ``width`` bits."""
    literal %= 1 << width
    bound = literal + sum((1 << x.width) - 1 for x in addends)
    if len(addends) == 2 and not literal and (_is_carry(*addends) or _is_carry(*reversed(addends))):
        bound -= 1
    narrow = min(width, max(1, bound.bit_length()))
    parts = [_wide(x, narrow) for x in sorted(addends, key=lambda t: t.serial)]
    if literal:
        parts.append(bv(literal, narrow))
    if not parts:
        return bv(0, width)
    total = parts[0]
    for part in parts[1:]:
        total = make("add", (total, part), bit_vector(narrow))
    return _wide(total, width)


def _is_carry(low: Term, carry: Term) -> bool:
    """Whether these are the low bits of a sum and the carry out of them. Added (one's complement addition) they are no
    wider than the low bits: where there is a carry, these are not all ones."""
    if carry.width != 1 or carry.op != "extract" or carry.bounds != (low.width, low.width):
        return False
    whole = carry.args[0]
    if whole.op != "add" or whole.width != low.width + 1 or extract(whole, low.width - 1, 0) is not low:
        return False
    bound = _bound(whole)
    return bound is not None and bound < (1 << whole.width) - 1


def _wide(x: Term, width: int) -> Term:
    return x if x.width == width else concat(bv(0, width - x.width), x)


def total(terms: Args, width: int) -> Term:
    """The sum of terms of ``width`` bits: what adding them one by one gives, made at once."""
    flat = _addends(terms, width)
    if flat is None:
        return reduce(add, terms)
    addends, gone = _cancelled(flat[0], width)
    return _chain(addends, flat[1] + gone, width)


@rule("add")
def remainder_of_a_quotient(args: Args, _: Payload) -> Term | None:
    """``x - x / y * y``, as compilers write a remainder for machines that have none, or for none of that width; with
    whatever else a sum adds between ``x`` and what is taken away."""
    width = args[0].width
    flat = _addends(args, width)
    if flat is None:
        return None
    for addend in flat[0]:
        for number, divisor in _less(addend, width):
            found = _addends((number,), width)
            if found is not None and not Counter(found[0]) - Counter(flat[0]):
                others = Counter(flat[0]) - Counter([addend, *found[0]])
                rest = _sum(list(others.elements()), flat[1] - found[1] - 1, width)
                return add(rest, urem(number, divisor))
    return None


def _less(addend: Term, width: int) -> Iterator[tuple[Term, Term]]:
    """Each ``x`` and ``y`` whose ``x / y * y`` an addend takes away (and one more, as a complement does)."""
    product = _core(addend.args[0]) if addend.op == "bnot" and addend.width == width else None
    if product is None or product.op != "mul":
        return
    for y, quotient in (product.args, product.args[::-1]):
        divided = _core(_without_zero(_core(quotient), y))
        if divided.op == "udiv" and divided.width <= product.width and _wide(divided.args[1], product.width) is y:
            yield _wide(divided.args[0], width), _wide(divided.args[1], width)


def _without_zero(quotient: Term, y: Term) -> Term:
    """What is multiplied by ``y`` where that is not 0; where it is, nothing is left of it."""
    if quotient.op == "ite" and quotient.args[0] is eq(y, bv(0, y.width)):
        return quotient.args[2]
    return quotient


@rule("add")
def sum_in_order(args: Args, _: Payload) -> Term | None:
    """The normal form of the module's text."""
    width = args[0].width
    flat = _addends(args, width)
    if flat is None:
        return None
    addends, gone = _cancelled(flat[0], width)
    return _chain(addends, flat[1] + gone, width)


@rule("eq")
def eq_sums(args: Args, _: Payload) -> Term | None:
    """``x + a = y + a`` is ``x = y``; ``x = x + y`` is ``0 = y``."""
    x, y = args
    if "add" not in (x.op, y.op):
        return None
    left, right = (_addends((t,), t.width) for t in (x, y))
    if left is None or right is None:
        return None
    (mine, here), (theirs, there) = left, right
    common = [t for t in dict.fromkeys(mine) if t in theirs]
    if not common:
        return None
    for t in common:
        for _ in range(min(mine.count(t), theirs.count(t))):
            mine.remove(t)
            theirs.remove(t)
    return eq(_sum(mine, 0, x.width), _sum(theirs, there - here, x.width))


@rule("ite")
def ite_of_sums(args: Args, _: Payload) -> Term | None:
    """``ite(c, 8, x + 8)`` is ``ite(c, 0, x) + 8``: compilers add a literal on each way, or where the ways have met."""
    condition, *ways = args
    if not ways[0].width or ways[0].sort.index or all(way.is_const for way in ways):
        return None
    rests = [_without_literal(way) for way in ways]
    literals = {literal for _, literal in rests}
    if len(literals) > 1 or literals == {0}:
        return None
    return add(ite(condition, *(rest for rest, _ in rests)), bv(rests[0][1], ways[0].width))


def _without_literal(x: Term) -> tuple[Term, int]:
    """A sum without the literal that it adds, and this literal."""
    if x.is_const:
        return bv(0, x.width), x.value
    core = _core(x)
    if core.op != "add" or not core.args[1].is_const or not (core.width == x.width or _holds(core)):
        return x, 0
    return _wide(core.args[0], x.width), core.args[1].value


def _sum(addends: list[Term], literal: int, width: int) -> Term:
    total = bv(literal, width)
    for x in addends:
        total = add(total, _wide(x, width))
    return total
