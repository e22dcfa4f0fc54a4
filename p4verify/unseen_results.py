"""Two programs that send nothing: what of their blocks is the same, beside results that no packet shows.

Where a program drops every packet (a PSA program in which nothing clears ``drop``), the whole pipelines are equal once
the other one does so too, but that compares nothing that anybody could look at, and a model that drops by mistake
would pass as well. What is compared instead are the blocks, as functions that know of no architecture: every result
of every block, among them what the architecture decides by whether it drops. Results that are not the same are left
out, and said.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .pair_blocks import Found, Sides, as_found, block_sides, paired_slots, together
from .proofs.engine import Engine
from .proofs.refine import search
from .proofs.verdict import Tally
from .semantics.meaning.behaviour import Behaviour
from .semantics.source import Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair

RESULT: Final = "metadata "
"""What is in front of the name of a block's result in the name of a part."""


def compare_but_unseen(pair: ProgramPair, engine: Engine) -> Found | None:
    """What comparing all blocks comes to if results that are not the same are left out; these are told in the notes.

    None where that shows nothing: a block is not supported, its comparison is not decided, or no result is left of a
    block of which one was left out.
    """
    total = Found(Tally())
    try:
        for mine, theirs in paired_slots(pair):
            sides = block_sides(pair, mine, theirs, "sequence")
            found = _but_unseen(pair, sides, engine) if sides is not None else Found(Tally())
            if found is None:
                return None
            total = together(total, found)
    except Unsupported:
        return None
    return total if total.tally.compared else None


def _but_unseen(pair: ProgramPair, sides: Sides, engine: Engine) -> Found | None:
    """One block: compared again for as long as some result is not the same."""
    unlike: dict[str, None] = {}
    spec, impl = sides.spec, sides.impl
    while any(case.metadata for case in spec.cases):
        outcome = search(spec, impl, engine, exactly=pair.exactly)
        if outcome.unknown or (outcome.empty and unlike):
            return None
        if outcome.difference is None:
            found = as_found(pair, outcome, spec, impl, sides.what)
            return replace(found, notes=(*found.notes, *(_told(sides.what, name) for name in unlike)))
        if sides.shows_nothing:
            return None
        names = {p.removeprefix(RESULT) for p in outcome.difference.parts if p.startswith(RESULT)}
        if not names or len(names) < len(set(outcome.difference.parts)):
            return None  # something else than a result
        unlike |= dict.fromkeys(sorted(names))
        spec, impl = _without(spec, names), _without(impl, names)
    return None


def _without(side: Behaviour, names: set[str]) -> Behaviour:
    cases = tuple(
        replace(case, metadata={name: term for name, term in case.metadata.items() if name not in names})
        for case in side.cases
    )
    return replace(side, cases=cases, observables=tuple(o for o in side.observables if o not in names))


def _told(what: str, name: str) -> str:
    return f"{what} differs in {name}, which no packet shows: neither program sends any"
