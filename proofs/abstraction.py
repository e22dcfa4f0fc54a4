"""Leaving out what is hard for a solver and rarely matters: sums of many addends, products, quotients, and what is
computed with sums only to ask a function.

Both sides of a comparison mostly compute such a term alike (a checksum), and then it is one node that both share. With
a free variable in its place the query gets weaker: if it is unsatisfiable even so, it was unsatisfiable before. If it
is not, nothing is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term

MANY: Final = 4
"""Addends from which on a sum counts as hard."""

_HARD: Final = frozenset({"mul", "udiv", "urem", "sdiv", "srem"})
_ARITHMETIC: Final = _HARD | {"add", "sub"}


def abstracted(query: Term) -> Term | None:
    """``query`` with a free variable for each hard term that is not part of another; None if there is none."""
    nodes = b.postorder([query])
    sums: set[Term] = set()
    for term in nodes:
        if term.op in _ARITHMETIC or not sums.isdisjoint(term.args):
            sums.add(term)
    asked = {arg for term in nodes if term.op == "apply" for arg in term.args if arg in sums}
    hard = {term for term in nodes if term in asked or _is_hard(term)}
    if not hard:
        return None
    free: Mapping[Term, Term] = {t: b.var(f"hard.{i}", t.sort) for i, t in enumerate(t for t in nodes if t in hard)}
    return b.substitute([query], free)[0]


def quotients_as_functions(query: Term) -> Term | None:
    """``query`` with a function that nobody knows for each kind of division of two unknown numbers; None if there are
    fewer than two divisions. It is weaker, too, but keeps that what is computed of the same numbers is the same."""
    divisions = [t for t in b.postorder([query]) if t.op in _HARD - {"mul"} and _is_hard(t)]
    if len(divisions) < 2:
        return None
    known = {t: b.apply(f"hard.{t.op}.{t.width}", t.sort, *t.args) for t in divisions}
    return b.substitute([query], known)[0]


def _is_hard(term: Term) -> bool:
    if term.op in _HARD:
        return not any(arg.is_const for arg in term.args)
    count = 1
    while term.op == "add" and count < MANY:
        count += 1
        term = term.args[0]
    return count >= MANY
