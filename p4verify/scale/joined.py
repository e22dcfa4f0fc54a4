"""Tables that are asked for what another table answers, joined with that one to a single list.

A program looks up a next hop's number by the address, and the next hop by the number; an artifact that cannot carry
numbers has one list for both. Its partner is a *joined* table: its answer is the first table's answer and, beside it,
what the next one answers to a key made of the first one's numbers, constants and inputs. This is said of the two
functions that the behaviour has already, so nothing about the behaviour changes, and nothing has to be proven: which
rows a joined table has follows from those of both, whether or not the next table is asked for that key. (That it is
asked for just this one on the way is a guess. A wrong guess makes a joined table that is of no use.)

The idea of one list for several tables is that of cross-producting (Srinivasan, Varghese, Suri and Waldvogel, "Fast and
scalable layer four switching", 1998); here numbers lead from one table to few rows of the next, so it stays small.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from ..proofs.pieces import consequences
from ..proofs.plain_keys import Runs, Space, in_space, runs
from ..semantics import bits as b
from ..semantics.bits import FALSE, TRUE, Term
from ..semantics.classifier import Cube, Rank, Row, TupleSpace, meet
from ..semantics.meaning.opened import Lookup, NotSuitable, Opened, OpenTable, Template

GROWS: Final = 8
"""A joined table has at most so many times as many rows as all tables of the side together."""


def hangs_together(side: Opened) -> bool:
    """Whether some table's key hangs on what another one answers."""
    functions = side.answering
    return any(t.name in functions for one in side.lookups for t in b.applications(one.key))


def joined(side: Opened) -> Opened:
    """``side`` with every table whose key hangs on another one's answers joined with that one. Its lookups are those of
    the tables that come first; it is for finding out what the tables answer, not for being run on a packet.

    Raises:
        NotSuitable: a key is not made of numbers of one way through the tables, constants and inputs, or a joined
            table would be large.
    """
    return _Joining(side).run()


@dataclass(frozen=True)
class _Step:
    """One table that is asked on the way, and the template that it answers."""

    table: OpenTable
    key: Term
    number: int

    @property
    def said(self) -> Term:
        return self.table.is_template(self.key, self.number)

    @property
    def numbers(self) -> tuple[Term, ...]:
        return self.table.parameters(self.key, self.number)


_Way = tuple[_Step, ...]
_Ranks = tuple[Rank, ...]


@dataclass(frozen=True, slots=True)
class _Met:
    """Rows of the tables on a way that win on one key: where, in which order, and the numbers of all."""

    cube: Cube
    ranks: _Ranks
    numbers: tuple[int, ...]
    origin: int


@dataclass
class _Joining:
    side: Opened
    _indices: dict[str, TupleSpace] = field(default_factory=dict)
    _made: int = 0

    def __post_init__(self) -> None:
        self._tables = self.side.answering
        self._most = GROWS * sum(len(table.rows) for table in self.side.tables.values())

    def run(self) -> Opened:
        tables: dict[str, OpenTable] = {}
        lookups: list[Lookup] = []
        for one in self.side.lookups:
            if self._hangs_on(one.key):
                continue
            table, key = self._from(one)
            while table.name in tables and tables[table.name] is not table:
                table = replace(table, name=f"{table.name}, again")
            tables[table.name] = table
            lookups.append(Lookup(table.name, key, one.guard))
        return replace(self.side, tables=tables, lookups=lookups)

    def _hangs_on(self, *terms: Term) -> bool:
        return any(t.name in self._tables for t in b.applications(*terms))

    # --- ways through the tables ------------------------------------------------------------------------------------

    def _from(self, first: Lookup) -> tuple[OpenTable, Term]:
        """The table of a lookup with all that come behind it, and its key."""
        table = self.side.tables[first.table]
        space = Space()
        rows = in_space(table.rows, runs(first.key), space)
        met = [(row.decision[0], _Met(row.cube, (row.rank,), row.decision[1], row.origin)) for row in rows]
        ways: list[tuple[_Way, list[_Met]]] = []
        self._follow(table, first.key, (), [first.guard], met, space, ways)
        if all(len(way) == 1 for way, _ in ways):
            return table, first.key
        return _table(ways, space), space.term

    def _follow(
        self, table: OpenTable, key: Term, before: _Way, known: Sequence[Term], rows: Iterable[tuple[int, _Met]],
        space: Space, ways: list[tuple[_Way, list[_Met]]],
    ) -> None:  # fmt: skip
        """All ways on from a table, each with its rows."""
        by_template: dict[int, list[_Met]] = {}
        for number, one in rows:
            by_template.setdefault(number, []).append(one)
        for number, here in sorted(by_template.items()):
            way = (*before, _Step(table, key, number))
            following = self._next(way, known)
            if following is None:
                ways.append((way, here))
                continue
            behind = self.side.tables[following.table]
            more = list(self._behind(behind, following.key, way, here, space))
            self._follow(behind, following.key, way, [*known, following.guard], more, space, ways)

    def _next(self, way: _Way, known: Sequence[Term]) -> Lookup | None:
        """The lookup that hangs on the answers of a way, as it is there; None: none does."""
        steps = {(step.key, step.table.name) for step in way}
        replaced: dict[Term, Term] = {}
        for literal in (part for term in (*known, *(step.said for step in way)) for part in b.conjuncts(term)):
            if self._hangs_on(literal):
                replaced |= consequences(literal)
            elif literal.op == "not":  # what inputs are there stays out of the keys
                replaced[literal.args[0]] = FALSE
            else:
                replaced[literal] = TRUE
        found: dict[tuple[str, Term], Lookup] = {}
        for one in self.side.lookups:
            key, guard, hung = one.key, one.guard, False
            for _ in way:  # a table's key is what it is on the way only once the answers before it are put in
                asked = ((t.args[0], t.name) for t in b.applications(key) if t.name in self._tables)
                hung = hung or any((place, self._tables[name].name) in steps for place, name in asked)
                key, guard = b.substitute([key, guard], replaced)
            if not hung:
                continue
            if guard is FALSE or any((step.table.name, step.key) == (one.table, key) for step in way):
                continue
            if not self._is_of(key, way):
                continue
            found[one.table, key] = Lookup(one.table, key, guard)
        if len(found) > 1:
            raise NotSuitable(f"{way[-1].table.name} leads to several tables")
        return next(iter(found.values()), None)

    def _is_of(self, key: Term, way: _Way) -> bool:
        """Whether a key is made of a way's numbers, constants and inputs."""
        numbers = {number for step in way for number in step.numbers}
        return not any(self._hangs_on(leaf) and leaf not in numbers for _, _, leaf, _ in runs(key))

    # --- rows -------------------------------------------------------------------------------------------------------

    def _behind(
        self, table: OpenTable, key: Term, way: _Way, rows: Iterable[_Met], space: Space
    ) -> Iterator[tuple[int, _Met]]:
        """The rows of a way with those that win of the table behind, and the template that these answer."""
        index = self._indices.setdefault(table.name, TupleSpace(table.rows))
        made = _Key(runs(key), [number for step in way for number in step.numbers], space)
        for one in rows:
            asked = made.of(one)
            for row in sorted(index.overlapping(asked), key=lambda r: r.rank):
                cube = made.where(one.cube, row)
                if cube is None:
                    continue
                self._made += 1
                if self._made > self._most:
                    raise NotSuitable(f"{way[0].table.name} and {table.name} together have too many rows")
                number, numbers = row.decision
                yield number, _Met(cube, (*one.ranks, row.rank), (*one.numbers, *numbers), one.origin)
                if cube == one.cube:
                    break  # it holds all of the keys


class _Key:
    """The key of a table behind others: bits of their numbers, constants, and bits of a space."""

    def __init__(self, key: Runs, numbers: Sequence[Term], space: Space) -> None:
        at = {number: i for i, number in enumerate(numbers)}
        self._fixed: Cube = 0, 0
        self._given: list[tuple[int, int, int, int]] = []
        """Bits of the key from here, how many, of which number, from there."""
        self._inputs: list[tuple[int, int, int]] = []
        """Bits of the key from here, how many, from there in the space."""
        for low, width, leaf, start in key:
            ones = (1 << width) - 1
            if leaf.is_const:
                self._fixed = meet(self._fixed, ((leaf.value >> start & ones) << low, ones << low))
            elif leaf in at:
                self._given.append((low, width, at[leaf], start))
            else:
                self._inputs.append((low, width, space.place(leaf) + start))

    def of(self, one: _Met) -> Cube:
        """The keys that are asked for where some rows win."""
        value, mask = self._fixed
        for low, width, number, start in self._given:
            ones = (1 << width) - 1
            value |= (one.numbers[number] >> start & ones) << low
            mask |= ones << low
        for low, width, place in self._inputs:
            ones = (1 << width) - 1
            value |= (one.cube[0] >> place & ones) << low
            mask |= (one.cube[1] >> place & ones) << low
        return value, mask

    def where(self, cube: Cube, row: Row) -> Cube | None:
        """The part of a cube of the space on which a row holds the key; None if there is none."""
        value, mask = cube
        for low, width, place in self._inputs:
            ones = (1 << width) - 1
            own_value, own_mask = (row.value >> low & ones) << place, (row.mask >> low & ones) << place
            if (value ^ own_value) & mask & own_mask:
                return None
            value, mask = value | own_value, mask | own_mask
        return value, mask


def _table(ways: Sequence[tuple[_Way, Sequence[_Met]]], space: Space) -> OpenTable:
    """The joined table over the leaves of a space."""
    first = ways[0][0][0].table

    def there(way: _Way, key: Term) -> Iterator[tuple[OpenTable, Term, int]]:
        """The steps where the leaves are bits of this key."""
        leaves = {leaf: b.extract(key, place + leaf.width - 1, place) for leaf, place in space.places.items()}
        for step, asked in zip(way, b.substitute([step.key for step in way], leaves), strict=True):
            yield step.table, asked, step.number

    def is_template(key: Term, number: int) -> Term:
        return b.and_(*(table.is_template(asked, which) for table, asked, which in there(ways[number][0], key)))

    def parameters(key: Term, number: int) -> tuple[Term, ...]:
        return tuple(n for table, asked, which in there(ways[number][0], key) for n in table.parameters(asked, which))

    met = sorted(((one, i) for i, (_, rows) in enumerate(ways) for one in rows), key=lambda pair: pair[0].ranks)
    rows = [Row(*one.cube, (i, one.numbers), rank, one.origin) for rank, (one, i) in enumerate(met)]
    names = " with ".join(dict.fromkeys(step.table.name for way, _ in ways for step in way))
    templates = [_template(way) for way, _ in ways]
    return OpenTable(names, space.width, templates, rows, is_template, parameters, first.entries)


def _template(way: _Way) -> Template:
    templates = [step.table.templates[step.number] for step in way]
    return Template(", ".join(one.name for one in templates), tuple(width for one in templates for width in one.widths))
