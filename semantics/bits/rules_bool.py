"""Rewrites of Bool operators, ``ite`` and equality."""

from __future__ import annotations

from .build import and_, compare, eq, ite, not_, or_
from .pieces import has_parts, pieces
from .rewrite import Args, rule
from .term import BOOL, FALSE, TRUE, Payload, Term
from .walk import conjuncts, disjuncts


@rule("not")
def double_negation(args: Args, _: Payload) -> Term | None:
    return args[0].args[0] if args[0].op == "not" else None


@rule("and")
def one_value_per_term(args: Args, _: Payload) -> Term | None:
    """``x = 1 and x = 2`` is false; ``x = 1 and x != 2`` is ``x = 1``."""
    fixed: dict[Term, Term] = {}
    for arg in args:
        if arg.op == "eq" and arg.args[1].is_const:
            if fixed.setdefault(arg.args[0], arg.args[1]) is not arg.args[1]:
                return FALSE
        elif arg.op == "eq" and arg.args[0].is_const:
            if fixed.setdefault(arg.args[1], arg.args[0]) is not arg.args[0]:
                return FALSE
    if not fixed:
        return None
    kept = []
    for arg in args:
        known = _under(arg, fixed)
        if known is FALSE:
            return FALSE
        if known is not TRUE:
            kept.append(arg)
    return and_(*kept) if len(kept) < len(args) else None


def _under(arg: Term, fixed: dict[Term, Term]) -> Term | None:
    """A negated equality or comparison with a literal, decided by the values that are fixed."""
    inner = arg.args[0] if arg.op == "not" else arg
    if inner.op not in ("eq", "ult", "slt") or (inner.op == "eq" and arg is inner):
        return None
    x, y = (fixed.get(a, a) for a in inner.args)
    if not (x.is_const and y.is_const) or (x is inner.args[0] and y is inner.args[1]):
        return None
    value = eq(x, y) if inner.op == "eq" else compare(inner.op, x, y)
    return value if arg is inner else not_(value)


@rule("and")
def interval(args: Args, _: Payload) -> Term | None:
    """Bounds of one term by literals: an empty interval is false, and only the tightest bounds stay."""
    low: dict[Term, tuple[int, Term]] = {}
    high: dict[Term, tuple[int, Term]] = {}
    drop: set[Term] = set()
    for arg in args:
        bound = _bound(arg)
        if bound is None:
            continue
        term, is_low, value = bound
        table = low if is_low else high
        old = table.get(term)
        if old is None or (value > old[0] if is_low else value < old[0]):
            if old is not None:
                drop.add(old[1])
            table[term] = (value, arg)
        else:
            drop.add(arg)
    if any(term in high and high[term][0] < value for term, (value, _arg) in low.items()):
        return FALSE
    return and_(*(a for a in args if a not in drop)) if drop else None


def _bound(arg: Term) -> tuple[Term, bool, int] | None:
    """``(x, True, n)`` for ``x >= n`` and ``(x, False, n)`` for ``x <= n``, unsigned."""
    negated = arg.op == "not"
    inner = arg.args[0] if negated else arg
    if inner.op != "ult":
        return None
    x, y = inner.args
    if y.is_const:
        return (x, True, y.value) if negated else (x, False, y.value - 1)
    if x.is_const:
        return (y, False, x.value) if negated else (y, True, x.value + 1)
    return None


@rule("or")
def excluded_pairs(args: Args, _: Payload) -> Term | None:
    """``(a and b) or (not a and b)`` is ``b``."""
    if len(args) != 2 or any(a.op != "and" for a in args):
        return None
    first, second = (set(a.args) for a in args)
    only_first, only_second = first - second, second - first
    if len(only_first) == len(only_second) == 1 and not_(next(iter(only_first))) is next(iter(only_second)):
        return and_(*(a for a in args[0].args if a in second))
    return None


@rule("ite")
def ite_bool(args: Args, _: Payload) -> Term | None:
    condition, then, otherwise = args
    if then.sort is not BOOL:
        return None
    if then is TRUE:
        return or_(condition, otherwise)
    if then is FALSE:
        return and_(not_(condition), otherwise)
    if otherwise is TRUE:
        return or_(not_(condition), then)
    if otherwise is FALSE:
        return and_(condition, then)
    return None


@rule("ite")
def ite_negated(args: Args, _: Payload) -> Term | None:
    return ite(args[0].args[0], args[2], args[1]) if args[0].op == "not" else None


@rule("ite")
def ite_nested(args: Args, _: Payload) -> Term | None:
    """A branch that asks the same condition again, or leads to the same value."""
    condition, then, otherwise = args
    if then.op == "ite" and then.args[0] is condition:
        return ite(condition, then.args[1], otherwise)
    if otherwise.op == "ite" and otherwise.args[0] is condition:
        return ite(condition, then, otherwise.args[2])
    if otherwise.op == "ite" and otherwise.args[1] is then:
        return ite(or_(condition, otherwise.args[0]), then, otherwise.args[2])
    if then.op == "ite" and then.args[2] is otherwise:
        return ite(and_(condition, then.args[0]), then.args[1], otherwise)
    return None


@rule("ite")
def ite_outer(args: Args, _: Payload) -> Term | None:
    """``ite(not c or k, ite(c, x, y), z)`` is ``ite(c, ite(k, x, z), y)``: what is asked below is asked above.

    So reads a value that is undefined on one way only, once it has been put together with that of another way.
    """
    condition, then, otherwise = args
    left = disjuncts(condition)
    outer: list[tuple[Term, Term]] = []
    while then.op == "ite" and (rest := _without_negation(left, then.args[0])) is not None:
        outer.append((then.args[0], then.args[2]))
        left, then = rest, then.args[1]
    if not outer:
        return None
    inner = ite(or_(*left), then, otherwise)
    for asked, other in reversed(outer):
        inner = ite(asked, inner, other)
    return inner


def _without_negation(among: Args, term: Term) -> Args | None:
    """``among`` but for those that are together ``not term``; None where there are no such."""
    parts = set(conjuncts(term))
    negated = {d: its for d in among if d.op == "not" and (its := set(conjuncts(d.args[0]))) <= parts}
    if set[Term]().union(*negated.values()) != parts:
        return None
    return tuple(d for d in among if d not in negated)


@rule("eq")
def eq_bool(args: Args, _: Payload) -> Term | None:
    x, y = args
    if x.sort is not BOOL:
        return None
    for a, b in ((x, y), (y, x)):
        if a is TRUE:
            return b
        if a is FALSE:
            return not_(b)
    if not_(x) is y:
        return FALSE
    return None


@rule("eq")
def eq_ite_literal(args: Args, _: Payload) -> Term | None:
    """``ite(c, 1, 2) = 1`` is ``c``: push an equality with a literal to the leaves when a leaf is a literal."""
    for x, y in (args, args[::-1]):
        if x.op == "ite" and y.is_const and y.sort is not BOOL and any(a.is_const for a in x.args[1:]):
            return ite(x.args[0], eq(x.args[1], y), eq(x.args[2], y))
    return None


@rule("eq")
def eq_ite_shared(args: Args, _: Payload) -> Term | None:
    """Equality of two choices by one condition is decided per branch; of a choice with one of its own branches too."""
    x, y = args
    if x.op == "ite" and y.op == "ite" and x.args[0] is y.args[0]:
        return ite(x.args[0], eq(x.args[1], y.args[1]), eq(x.args[2], y.args[2]))
    for a, b in ((x, y), (y, x)):
        if a.op == "ite" and a.args[1] is b:
            return or_(a.args[0], eq(a.args[2], b))
        if a.op == "ite" and a.args[2] is b:
            return or_(not_(a.args[0]), eq(a.args[1], b))
    return None


@rule("eq")
def eq_concat(args: Args, _: Payload) -> Term | None:
    """Equality with a concatenation, part by part, when the other side splits along the same lines for nothing."""
    x, y = args
    return and_(*(eq(a, b) for a, b in pieces(x, y))) if has_parts(x, y) else None
