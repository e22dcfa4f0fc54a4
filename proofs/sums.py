"""Long sums, and whether their carries are added again, as in checksums: that is easier over integers than bits."""

from __future__ import annotations

from collections import Counter
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term

MOST_NODES: Final = 4_000
"""Nodes of a term from which on its sums are not looked at."""

LEAST_SUMMANDS: Final = 2
"""Summands that are no literals, of a long sum."""


def folds_sums(term: Term) -> bool:
    """Whether carries of a long sum are cut out somewhere, in a term that is not too large."""
    nodes = b.postorder([term])
    if len(nodes) > MOST_NODES:
        return False
    cut = (t.args[0] for t in nodes if t.op == "extract" and t.bounds[1] > 0)
    return any(each.op == "add" and is_long(summands(each)) for each in cut)


def is_long(added: Counter[Term]) -> bool:
    """Whether a sum is one of several terms."""
    return sum(not term.is_const for term in added) >= LEAST_SUMMANDS


def summands(term: Term) -> Counter[Term]:
    """How often each term is added, modulo 2^width; a term that is no sum is added once."""
    modulus = 1 << term.width
    times: dict[Term, int] = {term: 1}
    for node in reversed(b.postorder([term])):
        if node.op == "add" and node in times:
            share = times.pop(node)
            for arg in node.args:
                times[arg] = (times.get(arg, 0) + share) % modulus
    return Counter({each: count for each, count in times.items() if count})
