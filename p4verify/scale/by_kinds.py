"""The proof around open tables, for one kind of answers after the other.

The tables are known to answer by some kinds (:meth:`.compared.Compared.axioms`), so the inputs on which a table is
asked are those on which it answers by the first kind, those of the second, and so on; the others are those on which it
is not asked. On each of these parts the second side's numbers are bits of the first's, and which actions are done is
no question any more. What a side chooses has to fit only there; so inputs are not parted by what one copy of a frame
or one cell of a state asks: a choice may be one for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ..proofs.answer_pairs import Kind
from ..proofs.choices import map_terms
from ..proofs.engine import Engine
from ..proofs.options import cells_in, names_a_copy
from ..proofs.pieces import consequences
from ..proofs.refine import Outcome, search
from ..proofs.verdict import Tally
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Assumption, Behaviour
from .compared import Compared

MOST: Final = 48
"""Parts of which there are no more: each takes a proof, however small."""


@dataclass(frozen=True)
class Part:
    """A part of the inputs, and what terms are equal to there."""

    condition: Term
    replaced: dict[Term, Term] = field(default_factory=dict)


def parts_of(lists: Sequence[Compared]) -> list[Part] | None:
    """Parts that hold every input on which tables answer as :meth:`.Compared.axioms` says of the kinds that are used
    or tried; None if there would be more than :data:`MOST`, or a copy or a cell asks for itself."""
    asked: dict[tuple[int, Term, Term], tuple[Compared, list[Term]]] = {}
    for number, one in enumerate(lists):
        for condition, mine, theirs in one.facts:
            asked.setdefault((number, mine, theirs), (one, []))[1].append(condition)
    if 1 + sum(len(one.used | one.tried) for one, _ in asked.values()) > MOST:
        return None
    terms = [term for one in lists for fact in one.facts for term in fact]
    if any(names_a_copy(term) or cells_in(term) for term in terms):
        return None
    found = [Part(b.not_(b.or_(*(condition for _, where in asked.values() for condition in where))))]
    for (_, mine, theirs), (one, where) in asked.items():
        kinds = sorted(one.used | one.tried, key=repr)
        found += [_part(one, kind, b.or_(*where), mine, theirs) for kind in kinds]
    return found


def _part(one: Compared, kind: Kind, where: Term, mine: Term, theirs: Term) -> Part:
    """Where a list's tables are asked and answer by a kind."""
    said = one.kinds.condition(kind, mine, theirs)
    replaced = dict(one.kinds.linked(kind, mine, theirs))
    for literal in b.conjuncts(said):
        replaced |= consequences(literal)
    return Part(b.and_(where, said), replaced)


def search_by_parts(spec: Behaviour, impl: Behaviour, parts: Sequence[Part], engine: Engine) -> Outcome:
    """As :func:`..proofs.refine.search`, on inputs that are in one of the parts at least; a part that is undecided does
    not keep a difference in another one from being found."""
    outcomes: list[Outcome] = []
    for outcome in _outcomes(spec, impl, parts, engine):
        outcomes.append(outcome)
        if outcome.difference is not None:
            break
    tally = sum((one.tally for one in outcomes), Tally())
    compared = max((one.tally.compared for one in outcomes), default=0)
    tally = replace(tally, compared=compared)  # each part has those of all inputs, or fewer
    last = next((one for one in outcomes if one.difference is not None), None)
    unknown = next((one.unknown for one in outcomes if one.unknown), "")
    empty = next((one.empty for one in outcomes if one.empty), "") if not compared else ""
    return Outcome(tally, None if last is None else last.difference, unknown, empty, spec, impl)


def _outcomes(spec: Behaviour, impl: Behaviour, parts: Sequence[Part], engine: Engine) -> Iterator[Outcome]:
    for part in parts:
        change = partial(b.substitute, mapping=part.replaced)
        mine, theirs = (map_terms(side, change, {}) for side in (spec, impl))
        here = Assumption("the answers are of a kind", part.condition)
        yield search(replace(mine, domain=(*mine.domain, here)), theirs, engine)
