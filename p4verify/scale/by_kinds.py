"""The proof around open tables, for one kind of answers after the other.

The tables are known to answer by some kinds (:meth:`.compared.Compared.axioms`), so the inputs on which a table is
asked are those on which it answers by the first kind, those of the second, and so on; the others are those on which it
is not asked. On each of these parts the second side's numbers are bits of the first's, and which actions are done is
no question any more. What a side chooses has to fit only there; so inputs are not parted by what one copy of a frame
or one cell of a state asks: a choice may be one for all of them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from ..proofs.answer_pairs import Kind
from ..proofs.choices import map_terms
from ..proofs.engine import Engine
from ..proofs.options import cells_in, names_a_copy
from ..proofs.pieces import consequences
from ..proofs.refine import NO_INPUT, Outcome, search
from ..proofs.verdict import Tally
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Assumption, Behaviour, is_choice
from .compared import Compared

MOST: Final = 48
"""Parts of which there are no more: each takes a proof, however small."""


@dataclass(frozen=True)
class Part:
    """A part of the inputs, and what terms are equal to there."""

    condition: Term
    replaced: dict[Term, Term] = field(default_factory=dict)


WHOLE: Final = (Part(b.TRUE),)
"""All inputs."""

Answers = tuple[Term, Sequence[Term]]
"""On a part of the inputs one of some terms holds, which say what a table answers."""

Told = Sequence[tuple[Compared, Collection[Kind]]]
"""Lists, and the kinds that their tables are known to answer by."""


def parts_of(told: Told, laws: Iterable[Answers] = ()) -> Sequence[Part]:
    """Parts that hold every input on which the tables of these lists answer by one of their kinds, and otherwise as
    these laws say; first those of kinds that are rare, with which it is likeliest that the sides do not do the same.
    All inputs are one part if there would be more than :data:`MOST`, or if a copy or a cell asks for itself, or what is
    asked hangs on a choice."""
    asked: dict[tuple[int, Term, Term], tuple[Compared, Collection[Kind], list[Term]]] = {}
    for number, (one, kinds) in enumerate(told):
        for condition, mine, theirs in one.facts:
            asked.setdefault((number, mine, theirs), (one, kinds, []))[2].append(condition)
    if 1 + sum(len(kinds) for _, kinds, _ in asked.values()) > MOST:
        return WHOLE
    if any(map(_is_of_its_own, (term for one, _ in told for fact in one.facts for term in fact))):
        return WHOLE
    found = [
        (one.kinds.often[kind], repr(kind), _part(one, kind, b.or_(*where), mine, theirs))
        for (_, mine, theirs), (one, kinds, where) in asked.items()
        for kind in kinds
    ]
    found.sort(key=lambda one: one[:2])
    elsewhere = b.not_(b.or_(*(condition for _, _, where in asked.values() for condition in where)))
    return (*(part for _, _, part in found), *_by_laws(elsewhere, laws, MOST - len(found)))


def _by_laws(rest: Term, laws: Iterable[Answers], most: int) -> Iterator[Part]:
    """A part by what tables answer there."""
    for where, answers in laws:
        most -= len(answers)
        if most < 1 or any(map(_is_of_its_own, (where, *answers))):
            break
        yield from (Part(b.and_(rest, where, said), consequences_of(said)) for said in answers)
        rest = b.and_(rest, b.not_(where))
    yield Part(rest)


def consequences_of(said: Term) -> dict[Term, Term]:
    """What terms are equal to where this holds."""
    replaced: dict[Term, Term] = {}
    for literal in b.conjuncts(said):
        replaced |= consequences(literal)
    return replaced


def _is_of_its_own(term: Term) -> bool:
    """Whether a term has not one value for an input."""
    return names_a_copy(term) or bool(cells_in(term)) or any(map(is_choice, b.variables(term)))


def _part(one: Compared, kind: Kind, where: Term, mine: Term, theirs: Term) -> Part:
    """Where a list's tables are asked and answer by a kind."""
    said = one.kinds.condition(kind, mine, theirs)
    replaced = one.kinds.linked(kind, mine, theirs) | consequences_of(said)
    return Part(b.and_(where, said), replaced)


def search_by_parts(
    spec: Behaviour, impl: Behaviour, parts: Sequence[Part], engine: Engine, *, exactly: bool = False,
    proven: dict[Term, Outcome] | None = None,
) -> Outcome:  # fmt: skip
    """As :func:`..proofs.refine.search`, on inputs that are in one of the parts at least; a part that is undecided does
    not keep a difference in another one from being found.

    ``proven``: by its condition what each part came to that has been found to hold before; others that hold are added.
    """
    proven = {} if proven is None else proven
    outcomes: list[Outcome] = []
    for part in parts:
        outcome = proven.get(part.condition) or _search_in(part, spec, impl, engine, exactly)
        outcomes.append(outcome)
        if outcome.difference is not None:
            break
        if not outcome.unknown:
            proven[part.condition] = outcome
    compared = max(one.tally.compared for one in outcomes)  # each part has those of all inputs, or fewer
    tally = replace(sum((one.tally for one in outcomes), Tally()), compared=compared)
    unknown = next((one.unknown for one in outcomes if one.unknown), "")
    empty = "" if compared else min((one.empty for one in outcomes if one.empty), key=NO_INPUT.__eq__, default="")
    return Outcome(tally, outcomes[-1].difference, unknown, empty, spec, impl)


@dataclass
class Proven:
    """Parts that hold, while the kinds change by which tables are known to answer.

    Where fewer kinds are known, or more is known of numbers, what was proven holds. Where more are, an input on which
    just the kinds answer that were known before is in what was proven *if that was everything*; any other one is in the
    part of a kind that is new, and only those are searched again. Where nothing is known any more of a list, all are.
    """

    outcomes: dict[Term, Outcome] = field(default_factory=dict)
    everything: bool = False
    """Whether all parts hold with the kinds that were known last."""
    _known: dict[tuple[int, tuple[Term, Term, Term]], frozenset[Kind]] = field(default_factory=dict)

    def turn_to(self, told: Told, parts: Sequence[Part]) -> dict[Term, Outcome]:
        """The parts of what is known now that need not be searched again; for :func:`search_by_parts`."""
        now = {(number, fact): frozenset(kinds) for number, (one, kinds) in enumerate(told) for fact in one.facts}
        kept = self._known.keys() <= now.keys()
        fewer = kept and all(now[fact] <= kinds for fact, kinds in self._known.items())
        if parts is WHOLE or not kept or not (fewer or self.everything):
            self.outcomes.clear()
        for gone in self.outcomes.keys() - {part.condition for part in parts}:  # it may come back
            del self.outcomes[gone]
        self._known, self.everything = now, False
        return self.outcomes


def _search_in(part: Part, spec: Behaviour, impl: Behaviour, engine: Engine, exactly: bool) -> Outcome:
    if part.condition is b.TRUE:
        return search(spec, impl, engine, exactly=exactly)
    change = partial(b.substitute, mapping=part.replaced)
    mine, theirs = (map_terms(side, change, {}) for side in (spec, impl))
    here = Assumption("the answers are of a kind", part.condition)
    return search(replace(mine, domain=(*mine.domain, here)), theirs, engine, exactly=exactly)
