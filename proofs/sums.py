"""Long sums, and whether their carries are added again, as in checksums: that is easier over integers than bits."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term

MOST_NODES: Final = 4_000
"""Nodes of a term from which on its sums are not looked at."""

_LOGIC: Final = frozenset({"band", "bor", "bxor"})

LEAST_SUMMANDS: Final = 2
"""Summands that are no literals, of a long sum."""


def folds_sums(term: Term) -> bool:
    """Whether carries of a long sum are cut out somewhere, in a term that is not too large."""
    nodes = b.postorder([term])
    if len(nodes) > MOST_NODES:
        return False
    cut = (t.args[0] for t in nodes if t.op == "extract" and t.bounds[1] > 0)
    numbers = _Numbers()
    return any(each.op == "add" and numbers.added(each) >= LEAST_SUMMANDS for each in cut)


class _Numbers:
    """Which terms are numbers, or parts of sums of such; logic on bits (a word's ones counted by masks, which are added
    up in parts of a word, too) is none: over integers it may be anything."""

    def __init__(self) -> None:
        self._known: dict[Term, bool] = {}

    def added(self, term: Term) -> int:
        """How many numbers that are no literals a sum adds."""
        return sum(not each.is_const and self._is_number(each) for each in summands(term))

    def _is_number(self, term: Term) -> bool:
        inner = _inside(term)
        if inner.op != "add":
            return inner.op not in _LOGIC
        if inner not in self._known:
            self._known[inner] = self.added(inner) > 0
        return self._known[inner]


def _inside(term: Term) -> Term:
    """What is shifted, cut out, filled up with zeros or complemented."""
    while term.op in ("extract", "bnot", "concat"):
        parts = [arg for arg in term.args if not arg.is_const]
        if len(parts) != 1:
            break
        term = parts[0]
    return term


def is_long(added: Counter[Term]) -> bool:
    """Whether a sum is one of several terms."""
    return sum(not term.is_const for term in added) >= LEAST_SUMMANDS


def summands(term: Term) -> Counter[Term]:
    """How often each term is added, modulo 2^width; a term that is no sum is added once."""
    modulus = 1 << term.width
    times: dict[Term, int] = {term: 1}
    for node in reversed(_sums_inside(term)):
        share = times.pop(node)
        for arg in node.args:
            times[arg] = (times.get(arg, 0) + share) % modulus
    return Counter({each: count for each, count in times.items() if count})


def _sums_inside(term: Term) -> list[Term]:
    """The sums of which a sum consists, before those in which they are; what else is in it is not looked at."""
    order: dict[Term, None] = {}
    stack = [(term, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order[node] = None
        elif node.op == "add" and node not in order:
            stack.append((node, True))
            stack += [(arg, False) for arg in node.args]
    return list(order)
