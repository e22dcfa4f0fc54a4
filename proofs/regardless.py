"""Large parts of an obligation that hold whatever is chosen, proven once and for all choices.

A packet's checksum is summed by both sides without a choice in it, while a choice decides how the packet is sent. With
the choice bound in one way after the other, and the obligation taken apart by conditions, the same sums would be
compared each time. Here they are compared first, where all is known that mentions no choice.

Conditions that mention a choice are missing, so a query is weaker than the part it stands for: if it is unsatisfiable
the part cannot be satisfied, whatever is chosen. If it is not nothing is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .alignment import Mentions
from .compare import Obligation, Part

LEAST: Final = 60
"""Nodes of both terms of a part that is looked at; smaller ones are soon compared again."""


def holding_regardless(
    obligation: Obligation, picks: frozenset[Term], unsatisfiable: Callable[[Term, str], bool]
) -> Obligation:
    """An obligation that holds if and only if this one does, without the large parts that are seen to hold whatever the
    choices ``picks`` are: those in which nothing is added up all together, which is soon said, the others one by one as
    far as the first that is not seen to hold.

    ``unsatisfiable`` says whether a query is seen to be so (the second argument: what it is about).
    """
    if not may_hold_regardless(obligation, picks):
        return obligation
    mentions = Mentions(picks)
    context = _without(obligation.context, mentions)
    large = [part for part in obligation.parts if _large_and_free(part, mentions)]
    adding = b.leading_to((side for part in large for side in _sides(part)), lambda term: term.op == "add")
    plain = [part for part in large if adding.isdisjoint(_sides(part))]

    def hold(parts: Sequence[Part], what: str) -> bool:
        differ = [b.and_(_without(part.pair[0], mentions), b.ne(*part.pair[1:])) for part in parts if part.pair]
        return unsatisfiable(b.and_(context, b.or_(*differ)), f"{obligation.name}: {what}")

    holding = plain if len(plain) > 1 and hold(plain, "large parts") else []
    for part in (one for one in large if one not in holding):
        if not hold([part], part.name):
            break
        holding = [*holding, part]
    return replace(obligation, parts=tuple(part for part in obligation.parts if part not in holding))


def _sides(part: Part) -> tuple[Term, ...]:
    return part.pair[1:] if part.pair is not None else ()


def may_hold_regardless(obligation: Obligation, picks: frozenset[Term]) -> bool:
    """Whether some parts are large and ask whatever the choices are, and others are not."""
    mentions = Mentions(picks)
    free = sum(_large_and_free(part, mentions) for part in obligation.parts)
    return 0 < free < len(obligation.parts)


def _large_and_free(part: Part, mentions: Mentions) -> bool:
    if part.pair is None:
        return False
    when, x, y = part.pair
    return mentions(when) and not (mentions(x) or mentions(y)) and b.size([x, y], LEAST) >= LEAST


def _without(condition: Term, mentions: Mentions) -> Term:
    """The conjuncts that mention no choice."""
    return b.and_(*(one for one in b.conjuncts(condition) if not mentions(one)))
