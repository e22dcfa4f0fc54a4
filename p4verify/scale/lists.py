"""The lists that two sides look packets up in, on every part of the input space.

Where a table's key hangs on what tables answer that are asked before (a next hop's number, say), the parts are smaller:
one for each kind of answers that go together there (:class:`..proofs.answer_pairs.Kind`). On such a part the second
side's numbers are the first's, so that both keys read the same. That a packet is on one of these parts is a condition
like any other; nothing rests on the kinds being all that there are.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from ..proofs.answer_pairs import RARE, Kind, Kinds
from ..proofs.engine import Engine
from ..proofs.pieces import MAX_PIECES, Piece, narrowed, pieces
from ..proofs.plain_keys import Runs, Space, in_space, runs
from ..semantics import bits as b
from ..semantics.arch.assertions import OPEN
from ..semantics.bits import FALSE, Term
from ..semantics.classifier import Row
from ..semantics.meaning.behaviour import CHOICE
from ..semantics.meaning.opened import Lookup, NotSuitable, Opened
from .compared import Compared
from .unmet import Unmet, all_fixed, met, unmet, with_fixed

SAMPLE: Final = 2000
"""Rows by which it is guessed which table stands for which."""

Part = tuple[Term, Term, Runs | None, Runs]
"""Of the input space, where the second side asks: condition, the first side's key, and both keys in runs (the first's
None: it does not ask there)."""

Asked = tuple[str, Term]
"""A table and a key that it is asked for."""


@dataclass
class Lists:
    """The lists of two sides.

    Raises:
        NotSuitable: the lookups are not of a form that can be compared.
    """

    mine: Opened
    theirs: Opened
    engine: Engine
    all: list[Compared] = field(default_factory=list)
    kinds: dict[str, Kinds] = field(default_factory=dict)
    """By table of the second side: those of it and its partner."""
    _of: dict[object, Compared] = field(default_factory=dict)
    _pieces: dict[tuple[int, str], list[Piece]] = field(default_factory=dict)
    """Of a lookup of the second side, by its number and its partner's name, before what tables answer is looked at."""
    _known: set[object] = field(default_factory=set)
    _narrowed: dict[object, Piece | None] = field(default_factory=dict)
    _alone: dict[object, Sequence[tuple[Term, Runs, Sequence[Row]]]] = field(default_factory=dict)
    _cubes: dict[object, int] = field(default_factory=dict)
    """How many cubes two tables have in common, by their names and keys."""

    def __post_init__(self) -> None:
        for side in (self.mine, self.theirs):
            for name in side.tables:
                if all(one.table != name for one in side.lookups):
                    raise NotSuitable(f"{name} is never asked")
        if len(self.mine.tables) > len(self.theirs.tables):
            counts = f"{len(self.mine.tables)} and {len(self.theirs.tables)}"
            raise NotSuitable(f"the two sides have {counts} large tables, which cannot be told which stands for which")

    def begin(self) -> None:
        """Make the lists, those first on whose answers the keys of others hang, and learn which answers go together."""
        for names in _layers(self.theirs):
            for second, first in self._partners(names).items():
                self.kinds[second] = Kinds(self.mine.tables[first], self.theirs.tables[second])
            self.grow()
        for _ in self.theirs.tables:  # keys of the first side may hang on answers where none of the second's do
            if not self.grow():
                break

    def grow(self) -> bool:
        """Make and learn the lists of parts that come of kinds that were found since; whether there are any."""
        seen = len(self.all)
        facts = len(self._known)
        for number, asked in enumerate(self.theirs.lookups):
            if asked.table not in self.kinds:
                continue
            kinds = self.kinds[asked.table]
            for condition, key, own, other in self._parts(number, kinds.first.name):
                if (number, condition, key) in self._known:
                    continue
                self._known.add((number, condition, key))
                self._list(kinds, own, other, condition).facts.append((condition, key, asked.key))
        for one in sorted(self.all[seen:], key=_rows_alike, reverse=True):  # those that show the most first
            one.learn()
        return len(self._known) > facts

    def _list(self, kinds: Kinds, own: Runs | None, other: Runs, condition: Term) -> Compared:
        nor, fixed = unmet(kinds.second.rows, other, condition, self.engine)
        never: Unmet = frozenset()
        if own is not None:
            never, known = unmet(kinds.first.rows, own, condition, self.engine)
            fixed = all_fixed(fixed, known)
            own = with_fixed(own, fixed)
        other = with_fixed(other, fixed)
        name = kinds.second.name, own, other, never, nor
        if name not in self._of:
            space = Space()
            second = in_space(met(kinds.second.rows, nor), other, space)
            first = None if own is None else in_space(met(kinds.first.rows, never), own, space)
            self._of[name] = Compared(kinds, space, first, second, (own, other))
            self.all.append(self._of[name])
        return self._of[name]

    def alone(self, which: int, one: Lookup) -> Sequence[tuple[Term, Runs, Sequence[Row]]]:
        """The parts on which a side asks a table, whatever the other side does there: condition, key, and the rows that
        may be met. None, if there are too many."""
        asked = which, one.table, one.key, one.guard
        if asked not in self._alone:
            try:
                self._alone[asked] = list(self._parts_alone(which, one))
            except NotSuitable:
                self._alone[asked] = ()
        return self._alone[asked]

    def _parts_alone(self, which: int, one: Lookup) -> Iterator[tuple[Term, Runs, Sequence[Row]]]:
        table = (self.mine, self.theirs)[which].tables[one.table]
        known = [*self._inputs, *_of_inputs(one.guard)]
        for piece in pieces((one.guard, one.key), known, self.engine, needed=0):
            key = runs(piece.terms[1])
            never, fixed = unmet(table.rows, key, piece.condition, self.engine)
            yield piece.condition, with_fixed(key, fixed), met(table.rows, never)

    # --- parts of the input space -----------------------------------------------------------------------------------

    def _parts(self, number: int, first: str) -> Iterator[Part]:
        """The parts on which a lookup of the second side, by its number, is asked, with a table of the first side.

        Where the first side asks more than once, there is a part for each time whose rows are not far less like those
        of the second side than another's: where copies of a frame ask, each has a table of its own there. Of those that
        are left out nothing is said.
        """
        asked = self.theirs.lookups[number]
        asking = [one for one in self.mine.lookups if one.table == first]
        if (number, first) not in self._pieces:
            known = [*self._inputs, *_of_inputs(asked.guard)]
            terms = (asked.guard, asked.key, *(term for one in asking for term in (one.guard, _key_if_asked(one))))
            self._pieces[number, first] = list(pieces(terms, known, self.engine, needed=0))
        for piece in self._by_answers(self._pieces[number, first]):
            second = runs(piece.terms[1])
            asks = [i for i in range(len(asking)) if piece.terms[2 + 2 * i] is not FALSE]
            for i in self._likely(first, asked.table, [runs(piece.terms[3 + 2 * i]) for i in asks], second, asks):
                yield piece.condition, asking[i].key, runs(piece.terms[3 + 2 * i]), second
            if not asks:
                yield piece.condition, asking[0].key, None, second

    def _by_answers(self, start: Sequence[Piece]) -> Iterator[Piece]:
        """Pieces (second guard and key first, then the first side's) cut by the kinds of answers in their keys."""
        stack: list[tuple[Piece, frozenset[Asked]]] = [(piece, frozenset()) for piece in reversed(start)]
        made = 0
        while stack:
            piece, done = stack.pop()
            answer = self._answer(piece, done)
            if answer is None:
                made += 1
                if made > MAX_PIECES:
                    raise NotSuitable(f"the lookups' keys have more than {MAX_PIECES} forms")
                yield piece
                continue
            kinds, first_key, second_key = answer
            for kind in self._common(kinds, asked=first_key is not None):
                key = second_key if first_key is None else first_key
                part = self._of_kind(piece, kinds, kind, key, second_key)
                if part is not None and part.terms[0] is not FALSE:
                    stack.append((part, done | {(kinds.second.name, second_key)}))

    def _of_kind(self, piece: Piece, kinds: Kinds, kind: Kind, key: Term, second_key: Term) -> Piece | None:
        """The part of a piece where tables answer by a kind; None if it has no input. It is asked for again whenever
        there may be more kinds."""
        literals = (*b.conjuncts(kinds.condition(kind, key, second_key)), *_constant(kinds, kind, key))
        linked = kinds.linked(kind, key, second_key)
        asked = piece, literals, tuple(linked.items())
        if asked not in self._narrowed:
            self._narrowed[asked] = narrowed(piece, literals, linked, self.engine)
        return self._narrowed[asked]

    def _answer(self, piece: Piece, done: frozenset[Asked]) -> tuple[Kinds, Term | None, Term] | None:
        """What a key of a piece hangs on, that it has not been cut by: the tables, and the key that each is asked for.

        The first side's is None if it does not ask there.
        """
        guard, key, *mine = piece.terms
        asking = [one for one in zip(mine[::2], mine[1::2], strict=True) if one[0] is not FALSE]
        keys = (key, *(one for _, one in asking))
        hanging = {second for term in b.applications(*keys) for second in self._seconds(term)}
        if not hanging:
            return None
        for term in b.applications(guard, *keys):
            side, table = self._tables.get(term.name, (0, ""))
            if side == 0 or table not in hanging or (table, term.args[0]) in done:
                continue
            kinds = self.kinds[table]
            asked = (other.args[0] for other in b.applications(*(term for one in asking for term in one))
                     if self._tables.get(other.name, (1, "")) == (0, kinds.first.name))  # fmt: skip
            return kinds, next(asked, None), term.args[0]
        return None

    def _seconds(self, application: Term) -> list[str]:
        """The tables of the second side that an answer of one of the tables is about, as far as partners are known."""
        side, table = self._tables.get(application.name, (0, ""))
        if side == 1:
            return [table] if table in self.kinds else []
        return [name for name, kinds in self.kinds.items() if kinds.first.name == table]

    def _common(self, kinds: Kinds, *, asked: bool) -> Iterator[Kind]:
        """The kinds that are not rare beside others of the same templates; ``asked``: whether the first side asks."""
        used = [kind for one in self.all if one.kinds is kinds for kind in sorted(one.used | one.tried, key=repr)]
        every = [kind for kind in dict.fromkeys((*kinds.often, *used)) if (kind.first is not None) == asked]
        most: dict[tuple[int | None, int], int] = {}
        for kind in every:
            templates = kind.first, kind.second
            most[templates] = max(most.get(templates, 0), kinds.often[kind])
        for kind in every:
            if kind not in kinds.bad and kinds.often[kind] * RARE >= most[kind.first, kind.second]:
                yield kind

    @cached_property
    def _tables(self) -> dict[str, tuple[int, str]]:
        """By function: the side and the open table whose answers it gives."""
        sides = enumerate((self.mine, self.theirs))
        return {name: (at, table.name) for at, side in sides for name, table in side.answering.items()}

    @cached_property
    def _inputs(self) -> list[Term]:
        """What holds of every input, but for sums (a checksum's) of what keys and guards do not read: they would part
        nothing, and take long. A part without them is larger, which hides nothing."""
        asked = (term for side in (self.mine, self.theirs) for one in side.lookups for term in (one.key, one.guard))
        read = set(b.variables(*asked))
        return [part for side in (self.mine, self.theirs) for part in _domain(side)
                if read.issuperset(b.variables(part)) or not _has_sums(part)]  # fmt: skip

    # --- which table stands for which -------------------------------------------------------------------------------

    def _partners(self, seconds: Sequence[str]) -> dict[str, str]:
        """For these tables of the second side those of the first: those whose keys read the same inputs, and where
        that does not tell, whose rows have the most cubes in common. One of the first side may stand for several,
        which are asked for different packets.

        It is a guess: what is proven does not rest on it.
        """
        layers = _layers(self.mine)
        firsts = list(self.mine.tables)
        if self.kinds:  # those whose keys hang on others' answers as well, and that nothing stands for yet
            taken = {kinds.first.name for kinds in self.kinds.values()}
            behind = [name for names in layers[1:] for name in names]
            firsts = [name for name in behind if name not in taken] or behind or firsts
        elif len(seconds) < len(self.theirs.tables) and layers:
            firsts = layers[0]
        if len(firsts) == 1:
            return dict.fromkeys(seconds, firsts[0])
        combinations = [(first, second) for first in firsts for second in seconds]
        reads = [_read(self.mine), _read(self.theirs)]
        alike: dict[tuple[str, str], float] = {}
        for first, second in combinations:
            both, either = reads[0][first] & reads[1][second], reads[0][first] | reads[1][second]
            alike[first, second] = len(both) / max(1, len(either))
        if self.kinds or len(set(alike.values())) < len(alike):
            alike = {pair: self._in_common(*pair) for pair in combinations}
        likely = sorted(alike, key=lambda pair: -alike[pair])
        pairs: dict[str, str] = {}
        for first, second in likely:
            if first not in pairs.values() and second not in pairs:
                pairs[second] = first
        for first, second in likely:  # more of them than of the first side
            pairs.setdefault(second, first)
        return pairs

    def _in_common(self, first: str, second: str) -> int:
        """The most cubes, of a sample of rows, that two tables have in common on a part of the input space."""
        most = 0
        for number in (i for i, one in enumerate(self.theirs.lookups) if one.table == second):
            for _, _, own, other in self._parts(number, first):
                if own is not None:
                    most = max(most, self._alike(first, second, own, other))
        return most

    def _likely(self, first: str, second: str, owns: Sequence[Runs], other: Runs, asks: Sequence[int]) -> Iterator[int]:
        """Of the times that the first side asks, with these keys, those whose rows are the likeliest."""
        if len(asks) < 2:
            yield from asks
            return
        alike = [self._alike(first, second, own, other) for own in owns]
        yield from (i for i, much in zip(asks, alike, strict=True) if much * RARE >= max(alike))

    def _alike(self, first: str, second: str, own: Runs, other: Runs) -> int:
        """How many cubes, of a sample of rows, two tables have in common where their keys are these."""
        asked = first, second, own, other
        if asked not in self._cubes:
            space = Space()
            cubes = {row.cube for row in in_space(self.theirs.tables[second].rows, other, space)}
            rows = self.mine.tables[first].rows
            some = [*rows[:: max(1, len(rows) // SAMPLE)]]
            self._cubes[asked] = sum(row.cube in cubes for row in in_space(some, own, space))
        return self._cubes[asked]


def _rows_alike(one: Compared) -> int:
    """How many rows of a list may show how numbers hang together: where a key is constant, it is a single one."""
    return 0 if one.first is None else min(len(one.first), len(one.second))


def _of_inputs(guard: Term) -> Iterator[Term]:
    """The parts of a guard that do not hang on what tables answer."""
    return (part for part in b.conjuncts(guard) if not b.applications(part))


def _key_if_asked(one: Lookup) -> Term:
    """A lookup's key; nothing where it is plain that the table is not asked, so that what is undefined there (a header
    that is not valid) does not part the inputs."""
    return b.ite(b.and_(*_of_inputs(one.guard)), one.key, b.bv(0, one.key.width))


def _constant(kinds: Kinds, kind: Kind, key: Term) -> Iterator[Term]:
    """What the first side's table answers, as far as there is only one such number."""
    if kind.first is None:
        return
    numbers = kinds.first.parameters(key, kind.first)
    for number, values in zip(numbers, kinds.first.numbers[kind.first], strict=True):
        if len(values) == 1:
            yield b.eq(number, b.bv(min(values), number.width))


def _layers(side: Opened) -> list[list[str]]:
    """The tables, those first whose keys hang on no other's answers."""
    functions = {name: table.name for name, table in side.answering.items()}
    behind: dict[str, set[str]] = {name: set() for name in side.tables}
    for one in side.lookups:
        behind[one.table] |= {functions[t.name] for t in b.applications(one.key) if t.name in functions} - {one.table}
    found: list[list[str]] = []
    left = list(side.tables)
    while left:
        free = [name for name in left if not behind[name] & set(left)] or left  # or: in a circle
        found.append(free)
        left = [name for name in left if name not in free]
    return found


def _read(side: Opened) -> dict[str, set[Term]]:
    """The inputs that each table's keys read."""
    found: dict[str, set[Term]] = {}
    for one in side.lookups:
        found.setdefault(one.table, set()).update(b.variables(one.key))
    return found


def _has_sums(condition: Term) -> bool:
    return any(term.op == "add" for term in b.postorder([condition]))


def _domain(side: Opened) -> list[Term]:
    """What holds of every input, as far as it speaks of inputs alone."""
    conditions = [a.condition for a in (*side.behaviour.domain, *side.behaviour.reaching)]
    return [
        part
        for condition in conditions
        for part in b.conjuncts(condition)
        if not any(v.name.startswith((OPEN, CHOICE)) for v in b.variables(part)) and not b.applications(part)
    ]
