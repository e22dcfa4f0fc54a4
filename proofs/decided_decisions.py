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
from . import as_needed
from .compare import Obligation, Part, under
from .engine import Engine

MOST: Final = 24
"""Conditions that are asked about."""

LARGEST: Final = 300
"""Nodes of one."""

MOST_UNKNOWN: Final = 2
"""Conditions of which it takes long to say what they are, after which no more are asked about."""


Never = Callable[[Sequence[Term], Term], bool | None]
"""Whether a condition is false wherever some others hold; None if that takes long to say."""


SECONDS: Final = 0.5
"""How long it may take to say whether a decision is made already."""


def decided(engine: Engine, said: Sequence[Term], condition: Term) -> bool | None:
    """Whether a condition is false wherever it holds what is said; None if that takes long to say."""
    what = "a decision that is made already"
    status = as_needed.satisfiable(engine, condition, said, what, SECONDS, plain=False).status
    return None if status == "unknown" else status == "unsat"


def with_decisions_made(obligation: Obligation, never: Never) -> Obligation:
    """An obligation that holds if and only if this one does, without decisions that its context makes: in its parts,
    and in what the context says besides what makes them."""
    said = b.conjuncts(obligation.context)
    known = _decided(_about_packets(obligation.parts), said, never)
    decisions = {one: _decisions([one]) for one in said}
    plain, others = ([one for one in said if bool(decisions[one]) is some] for some in (False, True))
    about = [c for c in _by_size(set().union(*decisions.values())) if c not in known]
    by_plain = _decided(about, plain, never) if plain else {}
    if not known and not by_plain:
        return obligation
    parts = [part for part in under(obligation.parts, known | by_plain) if part.differ is not b.FALSE]
    context = b.and_(*plain, *b.substitute(others, by_plain)) if by_plain else obligation.context
    return replace(obligation, context=context, parts=tuple(parts))


def _decided(conditions: Sequence[Term], said: Sequence[Term], never: Never) -> dict[Term, Term]:
    """What conditions are wherever it holds what is ``said``, of those that this decides."""
    known: dict[Term, Term] = {}
    unknown = 0
    for condition in conditions[:MOST]:
        for value, instead in ((condition, b.FALSE), (b.not_(condition), b.TRUE)):
            found = never(said, value)
            unknown += found is None
            if found:
                known[condition] = instead
                break
        if unknown > MOST_UNKNOWN:
            break
    return known


def _about_packets(parts: Sequence[Part]) -> list[Term]:
    """The conditions of decisions that only one side makes and that ask no function, larger ones first: smaller ones
    may be parts of them."""
    pairs = [part.pair for part in parts if part.pair is not None]
    mine, theirs = _decisions(x for _, x, _ in pairs), _decisions(y for _, _, y in pairs)
    return _by_size(mine ^ theirs)


def _by_size(conditions: Iterable[Term]) -> list[Term]:
    several = [condition for condition in conditions if not _of_one_bit(condition)]
    asking = b.leading_to(several, lambda term: term.op == "apply")
    sizes = {c: b.size([c], LARGEST + 1) for c in several if c not in asking}
    return sorted((c for c, size in sizes.items() if size <= LARGEST), key=lambda c: (-sizes[c], c.serial))


def _decisions(terms: Iterable[Term]) -> set[Term]:
    return {t.args[0] for t in b.postorder(terms) if t.op == "ite"}


def _of_one_bit(condition: Term) -> bool:
    """Whether a condition asks for a bit alone: sums that are written bit by bit have one for each bit."""
    return condition.op == "eq" and condition.args[0].width == 1
