"""What two sides with open tables need of their tables' answers, and where the rows do not give it.

First comes the proof with the kinds of pairs of answers that rows with the same cube show; a kind that it cannot do
with is bad. Then the lists are compared by the kinds that are left; what that shows of more kinds goes into the proof
again, until it holds with all kinds that there are, but for those of the differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..proofs.answer_pairs import Kind, Kinds
from ..proofs.choices import left_open
from ..proofs.engine import Engine, Model
from ..proofs.plain_keys import Runs, Space, in_space, runs
from ..proofs.refine import Outcome
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Difference, Row
from ..semantics.meaning.behaviour import OWN_TO_EACH_MACHINE
from ..semantics.meaning.opened import Lookup, NotSuitable, Opened
from .by_kinds import WHOLE, Answers, Part, Proven, Told, parts_of, search_by_parts
from .compared import Compared
from .constants import ValueLaw, laws_of_constants
from .few_rows import rows_law
from .field_laws import Known, laws_against
from .known_answers import said_of_numbers
from .lists import Lists

ROUNDS: Final = 100
TOGETHER: Final = 16
"""Cubes of one region that are told apart; with more the whole table's keys are searched."""


@dataclass
class Settlement:
    """The lists of two sides, and what is known of them."""

    mine: Opened
    theirs: Opened
    engine: Engine
    exactly: bool = False
    """Neither side may choose: see :func:`..proofs.refine.search`."""
    _numbers: dict[Term, None] = field(default_factory=dict)
    """What is true of the numbers in the tables' answers."""
    unheard: set[tuple[str, int, int, int]] = field(default_factory=set)
    """Table, template, parameter and number: that no row answers this has been used."""
    laws: list[Known] = field(default_factory=list)
    """What has been used of tables' answers to keys with a field of some values."""
    constants: dict[tuple[int, ValueLaw], None] = field(default_factory=dict)
    """Side, and what has been used of its tables' answers to keys with constant fields."""

    _by_fields: list[Answers] = field(default_factory=list)
    """What is known by :attr:`laws` about fields."""

    def __post_init__(self) -> None:
        self._proven = Proven()
        self._lists = Lists(self.mine, self.theirs, self.engine)

    @property
    def lists(self) -> list[Compared]:
        """Every two lists that are compared."""
        return self._lists.all

    @property
    def sides(self) -> tuple[Opened, Opened]:
        """Both."""
        return self.mine, self.theirs

    def settle(self) -> Outcome:
        """Compare everything; the outcome of the proof with what was found. See :meth:`regions` for what it is without.

        It has a difference only if that is not a matter of what the tables answer.

        Raises:
            NotSuitable: it cannot be compared like this.
            TooHard: a row's keys were cut into too many parts.
        """
        self._lists.begin()
        self._numbers = dict.fromkeys(t for side in self.sides for t in said_of_numbers(side))
        self._numbers.update(dict.fromkeys(self._said_of_constants()))
        return self._settle()

    def _settle(self) -> Outcome:
        """Find which kinds of answers go together, and compare the lists by them; the proof with just these kinds.

        Its outcome has a difference only if no kind is to blame.
        """
        enough = len(self._numbers) + ROUNDS // 2
        for _ in range(ROUNDS):
            outcome = self._search()
            if outcome.difference is not None:
                model = outcome.difference.model
                blamed = self._blame(model)
                unheard = list(self._unheard_there(model))
                if not unheard and (blamed is None or blamed[1] in blamed[0].commonest):  # likelier that no rule has it
                    unheard = list(self._unheard_of(model))
                if unheard and len(self._numbers) < enough:
                    self._numbers.update(dict.fromkeys(unheard))
                    continue
                if blamed is None:
                    self._compare_all()  # what the lists do answer is known then to who looks for a packet
                    return outcome
                self._condemn(*blamed)
                continue
            if outcome.unknown:
                return outcome
            if not self._compare_all():
                return outcome
        raise NotSuitable("too many kinds of answers do not go together")

    def _search(self) -> Outcome:
        told = [(one, one.used | one.tried) for one in self.lists]
        axioms = tuple(term for one, kinds in told for term in one.axioms(kinds))
        spec = replace(self.mine.behaviour, axioms=(*self.mine.behaviour.axioms, *self._numbers, *axioms))
        parts = self._parts(told)
        outcome = search_by_parts(
            spec, self.theirs.behaviour, parts, self.engine, exactly=self.exactly,
            proven=self._proven.turn_to(told, parts),
        )  # fmt: skip
        self._proven.everything = outcome.difference is None and not outcome.unknown
        return outcome

    def _parts(self, told: Told) -> Sequence[Part]:
        """The parts of the inputs that searches are about one after the other: choosing for all kinds of answers at
        once is hard."""
        mine = self.mine.behaviour
        own = OWN_TO_EACH_MACHINE.intersection(left_open(mine)) or any(c.likely is not None for c in mine.choices)
        return parts_of(told, self._by_fields) if own and not self.exactly else WHOLE

    def _unheard_of(self, model: Model) -> Iterator[Term]:
        """That tables do not answer numbers of the model that no row has."""
        for side in self.sides:
            for one in side.lookups:
                table = side.tables[one.table]
                for number, seen in enumerate(table.numbers):
                    if not model.holds(table.is_template(one.key, number)):
                        continue
                    terms = table.parameters(one.key, number)
                    values = b.evaluate(terms, model.values, model.callables(), default=0)
                    for place, (term, value, known) in enumerate(zip(terms, values, seen, strict=True)):
                        if value not in known:
                            assert isinstance(value, int)
                            self.unheard.add((table.name, number, place, value))
                            yield b.implies(table.is_template(one.key, number), b.ne(term, b.bv(value, term.width)))

    def _unheard_there(self, model: Model) -> Iterator[Term]:
        """That tables do not answer by templates of the model where a field of their keys has its value."""
        for which, side in enumerate(self.sides):
            decide = _read_itself([one.guard for one in self.sides[1 - which].lookups])
            for one in side.lookups:
                table = side.tables[one.table]
                numbers = range(len(table.templates) if model.holds(one.guard) else 0)
                for number in (n for n in numbers if model.holds(table.is_template(one.key, n))):
                    yield from self._fields_there(which, one, model, number, decide)
                if numbers and not any(other.first is not None for other, _ in self._about(which, one, model)):
                    yield from self._few_there(which, one, model)

    def _fields_there(
        self, which: int, one: Lookup, model: Model, number: int, decide: frozenset[Term]
    ) -> Iterator[Term]:
        """What fields of the key say against the template that a table answers by in the model."""
        table = self.sides[which].tables[one.table]
        for condition, key, space, rows in self._rows_for(which, one, model):
            if not space.width:
                continue
            (value,) = b.evaluate([space.term], model.values, model.callables(), default=0)
            assert isinstance(value, int)
            for law in laws_against(rows, key, space, value, number, decide):
                self.laws.append(Known(which, table, key, space, law))
                self._by_fields.append((b.and_(condition, law.where), law.answers(table, one.key)))
                yield b.implies(condition, law.says(table, one.key))

    def _few_there(self, which: int, one: Lookup, model: Model) -> Iterator[Term]:
        """What a table answers on a part of the inputs that holds the model's, if few of its rows are met there and one
        of them answers otherwise than in the model."""
        table = self.sides[which].tables[one.table]
        for condition, key, rows in self._lists.alone(which, one):
            space = Space()
            if not model.holds(condition) or (law := rows_law(in_space(rows, key, space), space)) is None:
                continue
            said = law.says(table, one.key)
            if not model.holds(said):
                self.laws.append(Known(which, table, key, space, law))
                yield b.implies(condition, said)

    def _about(self, which: int, one: Lookup, model: Model) -> Iterator[tuple[Compared, Term]]:
        """The lists that are about a lookup on a part that holds the model's input, with that part's condition."""
        for other in self.lists:
            if other.asks(which, one.table):
                for fact in other.facts:
                    if fact[1 + which] is one.key and model.holds(fact[0]):
                        yield other, fact[0]

    def _rows_for(self, which: int, one: Lookup, model: Model) -> Iterator[tuple[Term, Runs, Space, Sequence[Row]]]:
        """The rows that a lookup is about: everywhere, and on a part of the inputs that holds the model's, where more
        of the key may be known; with the part's condition, and the key there."""
        key, space = runs(one.key), Space()
        yield b.TRUE, key, space, in_space(self.sides[which].tables[one.table].rows, key, space)
        for other, condition in self._about(which, one, model):
            here, rows = other.runs[which], (other.first, other.second)[which]
            if here is not None and rows is not None:
                yield condition, here, other.space, rows

    def _said_of_constants(self) -> Iterator[Term]:
        """What tables answer to keys of which some fields are constant."""
        for which, side in enumerate(self.sides):
            for one in side.lookups:
                table = side.tables[one.table]
                for law in laws_of_constants(table, one.key):
                    self.constants[which, law] = None
                    yield law.says(table, one.key)

    def _compare_all(self) -> bool:
        """Compare the lists that have not been; whether the proof now speaks of too few kinds."""
        more = False
        for one in self.lists:
            if one.done:
                continue
            before = one.used | one.tried
            trusted = {kind for other in self.lists if other.kinds is one.kinds for kind in before | other.used}
            one.compare(trusted - one.kinds.bad)
            tried = one.tried
            if one.cut and tried:  # once these are trusted, there is room for others
                one.done, more = False, True
            more = more or not (one.used | tried) <= before
        return self._lists.grow() or more

    def _blame(self, model: Model) -> tuple[Kinds, Kind] | None:
        """The rarest kind by which tables answer in the model."""
        found: list[tuple[int, str, Kinds, Kind]] = []
        for one in self.lists:
            for condition, mine, theirs in one.facts:
                if not model.holds(condition):
                    continue
                found += [
                    (one.kinds.often[kind], repr(kind), one.kinds, kind)
                    for kind in one.used | one.tried
                    if model.holds(one.kinds.condition(kind, mine, theirs))
                ]
        if not found:
            return None
        _, _, kinds, kind = min(found, key=lambda f: f[:2])
        return kinds, kind

    def _condemn(self, kinds: Kinds, kind: Kind) -> None:
        kinds.bad.add(kind)
        for one in self.lists:
            if one.kinds is kinds and kind in one.used:
                one.used.discard(kind)
                one.done = one.first is None

    def facts(self) -> Iterator[Term]:
        """What the tables answer, as far as the lists were compared: kinds that go together, and those of the
        differences that were found."""
        yield from self._numbers
        for one, kinds in self._found():
            yield from one.axioms(kinds)

    def parts(self) -> Sequence[Part]:
        """Parts that hold every input, if :meth:`facts` do."""
        return self._parts(list(self._found()))

    def _found(self) -> Iterator[tuple[Compared, set[Kind]]]:
        for one in self.lists:
            if one.first is None:
                yield one, one.used | {Kind(None, row.decision[0]) for row in one.second}
            elif one.done and not one.cut:
                yield one, one.used | {one.kind(d) for d in one.differences}

    def regions(self) -> list[Region]:
        """Parts of the input space on which the tables may answer what does not go together, by the rules concerned."""
        found: dict[object, Region] = {}
        for one in self.lists:
            where = b.or_(*(condition for condition, _, _ in one.facts))
            if one.first is None:
                if any(Kind(None, row.decision[0]) in one.kinds.bad for row in one.second):
                    found[id(one)] = Region(where)
                continue
            for group in _groups([d for d in one.differences if one.kind(d) in one.kinds.bad]):
                rules = frozenset((d.first.origin, d.second.origin) for d in group if d.first and d.second)
                key = one.kinds.first.name, rules  # the same rules may meet different kinds of packets
                found[key] = found.get(key, Region(b.FALSE)).joined(_region(one, where, group))
        return list(found.values())


@dataclass(frozen=True)
class Region:
    """A part of the input space on which rows decide what does not go together."""

    condition: Term
    """Holds wherever the rows may differ."""
    inside: Term = b.FALSE
    """Holds where just these rows win; they answer what is :attr:`known`."""
    known: tuple[Term, ...] = ()

    def joined(self, other: Region) -> Region:
        """Both."""
        return Region(
            b.or_(self.condition, other.condition), b.or_(self.inside, other.inside), (*self.known, *other.known)
        )


def _region(one: Compared, where: Term, group: Sequence[Difference]) -> Region:
    cubes = b.or_(*(one.space.condition(d.region) for d in group)) if len(group) <= TOGETHER else b.TRUE
    inside = []
    known = []
    for d in group[:TOGETHER]:
        won = b.and_(where, one.space.condition(d.witness))
        inside.append(won)
        for condition, mine, theirs in one.facts:
            for table, key, row in ((one.kinds.first, mine, d.first), (one.kinds.second, theirs, d.second)):
                assert row is not None
                said = b.and_(*table.answers(key, row.decision))
                known.append(b.implies(b.and_(condition, one.space.condition(d.witness)), said))
    return Region(b.and_(where, cubes), b.or_(*inside), tuple(known))


def _read_itself(guards: Sequence[Term]) -> frozenset[Term]:
    """The variables that guards read, but for those that tables are asked for."""
    stop = frozenset(b.applications(*guards))
    return frozenset(term for term in b.postorder(guards, stop) if term.op == "var")


def _groups(differences: list[Difference]) -> list[list[Difference]]:
    """Differences that are about the same rows (those that have no partner in the other list)."""
    single = {id(d.looked_at) for d in differences}
    groups: dict[int, int] = {}

    def root(x: int) -> int:
        while groups.setdefault(x, x) != x:
            x = groups[x]
        return x

    for d in differences:
        for row in (d.first, d.second):
            if row is not None and id(row) in single:
                groups[root(id(row))] = root(id(d.looked_at))
    found: dict[int, list[Difference]] = {}
    for d in differences:
        found.setdefault(root(id(d.looked_at)), []).append(d)
    return list(found.values())
