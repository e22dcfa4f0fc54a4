"""Decisions that the context of an obligation has made already, taken away.

Code that goes several ways through a parser and joins them again keeps, in what it looks up later, the ways on which
the header was not there: ``ite(not parsed, 0, dst)``. Beside a case of the program in which the header was parsed that
says nothing, but it stands in the keys of tables, and a solver has to see through each of these to see that both sides
ask the same. Such conditions speak of the packet alone, so that each is a small question.

A condition is replaced by what it is wherever the context holds, so the new obligation holds if and only if the old one
does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, Part, under

MOST: Final = 24
"""Conditions that are asked about."""

LARGEST: Final = 300
"""Nodes of one."""

MOST_UNKNOWN: Final = 2
"""Conditions of which it takes long to say what they are, after which no more are asked about."""


def with_decisions_made(obligation: Obligation, never: Callable[[Term], bool | None]) -> Obligation:
    """An obligation that holds if and only if this one does, without decisions that its context makes.

    Args:
        obligation: with a context.
        never: whether a condition is false wherever the context holds; None if that takes long to say.
    """
    known: dict[Term, Term] = {}
    unknown = 0
    for condition in _about_packets(obligation.parts)[:MOST]:
        for value, instead in ((condition, b.FALSE), (b.not_(condition), b.TRUE)):
            found = never(value)
            unknown += found is None
            if found:
                known[condition] = instead
                break
        if unknown > MOST_UNKNOWN:
            break
    if not known:
        return obligation
    parts = [part for part in under(obligation.parts, known) if part.differ is not b.FALSE]
    return replace(obligation, parts=tuple(parts))


def _about_packets(parts: Sequence[Part]) -> list[Term]:
    """The conditions of decisions that only one side makes and that ask no function, larger ones first: smaller ones
    may be parts of them."""
    pairs = [part.pair for part in parts if part.pair is not None]
    mine, theirs = _decisions(x for _, x, _ in pairs), _decisions(y for _, _, y in pairs)
    sizes = {c: len(b.postorder([c])) for c in mine ^ theirs if not b.applications(c)}
    return sorted((c for c, size in sizes.items() if size <= LARGEST), key=lambda c: (-sizes[c], c.serial))


def _decisions(terms: Iterable[Term]) -> set[Term]:
    return {t.args[0] for t in b.postorder(terms) if t.op == "ite"}
