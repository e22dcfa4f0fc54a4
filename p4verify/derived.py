"""Tables of a second program whose rules follow from those of tables of the first: split, merged, with other actions.

Such a table has *sources*, tables of the first program. Each of a source's keys is one of the table's. What the sources
do with a key (an action with arguments, by an entry or by default) says what the table does with it: its *ways*. There
is an entry wherever one of the sources has one, or (``all``) where each has one. That whoever fills the second program
does so is an assumption, which the verdict states; without one the second program's rules could be any.

With it the functions of the table (:mod:`.semantics.meaning.lookup`) are functions of its sources', and both programs
are compared over the rules of the first. :mod:`.derived_rules` makes the entries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final, Literal

from .mapping import NOTHING_DERIVED, SaidDerived, SaidWay
from .semantics import ir
from .semantics.meaning.action_data import control_params, param_leaves
from .semantics.meaning.tables import table_actions
from .semantics.rules.values import key_bits
from .semantics.source import InputError, Span, Unsupported
from .table_pair import actions_of_table, control_name_of

MOST_WAYS: Final = 4096
"""Combinations of what the sources may do."""

WILD: Final = frozenset({"ternary", "range", "optional"})
"""Kinds of keys that an entry can leave open without changing which entry wins."""

AS: Final = frozenset({("exact", "ternary"), ("exact", "lpm"), ("exact", "range"), ("exact", "optional"),
                       ("lpm", "ternary")})  # fmt: skip
"""Kinds of keys of a source and of the table, where every match of the former is one of the latter."""


@dataclass(frozen=True)
class Source:
    """A table of the first program; for each of its keys the position among those of the table that it is for."""

    table: ir.Table
    actions: Mapping[str, ir.Action]
    keys: tuple[int, ...]

    def action(self, number: int) -> ir.Action:
        """The action of this number (:func:`table_actions`)."""
        return self.actions[table_actions(self.table)[number].action]

    @property
    def on_hit(self) -> tuple[int, ...]:
        """The numbers of the actions that entries may have."""
        if not self.table.keys:
            return ()
        return tuple(i for i, ref in enumerate(self.table.actions) if not ref.default_only)

    @property
    def on_miss(self) -> tuple[int, ...]:
        """The numbers of the actions that the default may be."""
        refs = table_actions(self.table)
        if self.table.const_default:
            return tuple(i for i, ref in enumerate(refs) if ref.action == self.table.default.action)
        return tuple(i for i, ref in enumerate(refs) if not ref.table_only)


@dataclass(frozen=True)
class Way:
    """What the table does where the sources do something."""

    sources: tuple[int, ...]
    """The number of each source's action."""
    number: int | None
    """The table's action; None: there is no entry."""
    leaves: tuple[tuple[int, int], ...] = ()
    """For each number that its action is given: which source's action is given it, as which of its numbers."""


@dataclass(frozen=True)
class Derived:
    """Table ``second`` of the second program, whose rules follow from those of ``sources``."""

    second: ir.Table
    actions: Mapping[str, ir.Action]
    sources: tuple[Source, ...]
    ways: Mapping[tuple[int, ...], Way]
    entries: Literal["any", "all"] = "any"
    guessed: bool = False
    """Whether nobody said so: it is the only way in which names, keys and parameters fit."""

    @property
    def defaults_count(self) -> bool:
        """Whether an entry may say what a source does by default."""
        return len(self.sources) > 1 and self.entries == "any"

    def text(self) -> str:
        """What is assumed of whoever fills the table, in one sentence."""
        names = ", ".join(source.table.control_name for source in self.sources)
        where = f"one of {names} has" if self.defaults_count else f"each of {names} has"
        where = where if len(self.sources) > 1 else f"{names} has"
        ways = "; ".join(self._way_text(way) for way in self.ways.values())
        guessed = ", as keys and parameters are called" if self.guessed else ""
        return (
            f"the second program's table {self.second.control_name} has an entry for every key for which {where} "
            f"one{guessed}, which does: {ways}"
        )

    def _way_text(self, way: Way) -> str:
        does = " and ".join(_short(s.action(n)) for s, n in zip(self.sources, way.sources, strict=True))
        if way.number is None:
            return f"nothing, for there is none, where {does} is done"
        action = self.actions[table_actions(self.second)[way.number].action]
        return f"{_short(action)} for {does}"


def _short(action: ir.Action) -> str:
    return f"{action.control_name.rsplit('.', 1)[-1]}({', '.join(map(control_name_of, control_params(action)))})"


# --- made -----------------------------------------------------------------------------------------------------------


def derive(
    first: ir.Program, second: ir.Program, theirs: ir.Table, sources: Sequence[ir.Table], said: SaidDerived, path: str
) -> Derived:
    """How a table's rules follow from those of its sources, by what was said and by names.

    Raises:
        Unsupported: they do not, or not in one way only; with the table and its place.
        InputError: what was said names something that is not there.
    """
    return _Making(first, second, theirs, tuple(sources), said, path).made()


@dataclass(frozen=True)
class _Making:
    first: ir.Program
    second: ir.Program
    theirs: ir.Table
    tables: tuple[ir.Table, ...]
    said: SaidDerived
    path: str

    def made(self) -> Derived:
        for table in (self.theirs, *self.tables):
            self._plain(table)
        actions = actions_of_table(self.second, self.theirs)
        sources = tuple(Source(t, actions_of_table(self.first, t), self._keys(t)) for t in self.tables)
        found = Derived(self.theirs, actions, sources, {}, self.said.entries, self.said is NOTHING_DERIVED)
        self._realisable(found)
        return Derived(self.theirs, actions, sources, _Ways(found, self).all(), found.entries, found.guessed)

    def unsupported(self, text: str) -> Unsupported:
        """What keeps the table's rules from following."""
        return Unsupported(f"table {self.theirs.control_name}: {text}", self.theirs.span)

    def wrong(self, text: str) -> InputError:
        """What is wrong with what was said."""
        return InputError.at(Span(self.path, 0, 0), f"[[derived]] {self.theirs.control_name}: {text}")

    def _plain(self, table: ir.Table) -> None:
        if table.const_entries:
            raise self.unsupported(f"the entries of {table.control_name} are const, and follow from nothing")
        if any(isinstance(item.value, str) for item in table.properties):
            raise self.unsupported(f"{table.control_name} has counters, meters or action data of its own")
        if any(ir.bare(key.expr.type) == ir.BitsType(0) for key in table.keys):
            raise self.unsupported(f"{table.control_name} has a key of no bits")
        if any(key.match_kind == "selector" for key in table.keys):
            raise self.unsupported(f"{table.control_name} has an action selector")

    def _keys(self, table: ir.Table) -> tuple[int, ...]:
        names = [key.name for key in self.theirs.keys]
        for name, other in self.said.keys.items():
            if name not in names:
                raise self.wrong(f"the table has no key {name} ({', '.join(names)})")
            if not any(key.name == other for t in self.tables for key in t.keys):
                raise self.wrong(f"no table that it is from has a key {other}")
        called = [self.said.keys.get(name, name) for name in names]
        found = []
        for key in table.keys:
            if called.count(key.name) != 1:
                raise self.unsupported(f"key {key.name} of {table.control_name} is none of its keys")
            found.append(called.index(key.name))
            mine = self.theirs.keys[found[-1]]
            kinds = (key.match_kind, mine.match_kind)
            if key_bits(key.expr.type, key.span) != key_bits(mine.expr.type, mine.span):
                raise self.unsupported(f"key {key.name} of {table.control_name} has another width")
            if kinds[0] != kinds[1] and kinds not in AS:
                raise self.unsupported(f"key {key.name} of {table.control_name} is {kinds[0]}, not {kinds[1]}")
        return tuple(found)

    def _realisable(self, found: Derived) -> None:
        """Whether finitely many entries can do it, and they do not get in each other's way."""
        everywhere = set(range(len(self.theirs.keys)))
        if {k for source in found.sources for k in source.keys} != everywhere:
            raise self.unsupported("it has a key that no table of the first program has")
        for source in found.sources if found.defaults_count else ():
            for k in everywhere.difference(source.keys):
                if self.theirs.keys[k].match_kind not in WILD:
                    raise self.unsupported(
                        f"an entry of {source.table.control_name} has to match every {self.theirs.keys[k].name}, "
                        f"which is {self.theirs.keys[k].match_kind}"
                    )
        if found.entries == "all" and any(not source.table.keys for source in found.sources):
            raise self.unsupported("a table without keys has no entries")


class _Ways:
    """What the table does for every combination of what its sources do."""

    def __init__(self, found: Derived, making: _Making) -> None:
        self.found, self.making = found, making
        self.refs = table_actions(found.second)
        self.said = {combo: way for way in making.said.actions for combo in [self._named(way)]}
        if len(self.said) != len(making.said.actions):
            raise making.wrong("says twice what is done where the sources do the same")

    def all(self) -> dict[tuple[int, ...], Way]:
        found, theirs = self.found, self.found.second
        on_hit = [{*s.on_hit, *(s.on_miss if found.defaults_count else ())} for s in found.sources]
        on_miss = [s.on_miss for s in found.sources]
        hits = set(product(*on_hit)) if theirs.keys else set()
        if found.defaults_count:  # where nobody has an entry there is none
            hits -= {c for c in hits if not any(n in s.on_hit for n, s in zip(c, found.sources, strict=True))}
        misses = set() if theirs.const_default else set(product(*on_miss))
        if theirs.const_default and not all(s.table.const_default for s in found.sources):
            raise self.making.unsupported("its default action is const, and those that it follows from are not")
        if len(hits | misses) > MOST_WAYS:
            raise self.making.unsupported(f"more than {MOST_WAYS} combinations of actions")
        ways = self._ways(sorted(hits | misses))
        for combos, only, what in ((hits, "default_only", "an entry"), (misses, "table_only", "a default")):
            for combo in combos:
                number = ways[combo].number
                if number is None and combos is misses:
                    raise self.making.unsupported(f"what it does by default where {self._text(combo)} is done")
                if number is not None and getattr(self.refs[number], only):
                    raise self.making.unsupported(f"{self.refs[number].action} may not be {what}")
        return ways

    def _ways(self, combos: Sequence[tuple[int, ...]]) -> dict[tuple[int, ...], Way]:
        ways, left = {}, []
        for combo in combos:
            if combo in self.said:
                ways[combo] = self._of_said(combo, self.said[combo])
                continue
            number = self._by_name(combo) if len(combo) == 1 else self._by_params(combo)
            if number is None:
                left.append(combo)
            else:
                ways[combo] = Way(combo, number, self._leaves(combo, number, {}))
        taken = {way.number for way in ways.values()}
        free = [i for i, ref in enumerate(self.refs) if i not in taken and control_params(self._action(i))]
        if len(left) == len(free) == len(combos[0] if combos else ()) == 1:  # one source's one action
            if self._holds(left[0], free[0]):
                combo = left.pop()
                ways[combo] = Way(combo, free[0], self._leaves(combo, free[0], {}))
        if left:
            raise self.making.unsupported(f"what it does where {self._text(left[0])} is done is not known")
        return ways

    def _action(self, number: int) -> ir.Action:
        return self.found.actions[self.refs[number].action]

    def _text(self, combo: Sequence[int]) -> str:
        return " and ".join(
            f"{s.action(n).control_name} by {s.table.control_name}"
            for s, n in zip(self.found.sources, combo, strict=True)
        )

    # --- what was said ---

    def _named(self, way: SaidWay) -> tuple[int, ...]:
        if len(way.sources) != len(self.found.sources):
            raise self.making.wrong(f"'from' of an action names {len(way.sources)} of {len(self.found.sources)}")
        combo = []
        for name, source in zip(way.sources, self.found.sources, strict=True):
            numbers = range(len(table_actions(source.table)))
            at = next((n for n in numbers if _is_called(source.action(n), name)), None)
            if at is None:
                raise self.making.wrong(f"{source.table.control_name} has no action {name}")
            combo.append(at)
        return tuple(combo)

    def _of_said(self, combo: tuple[int, ...], way: SaidWay) -> Way:
        if way.does is None:
            if any(key.match_kind != "exact" for key in self.found.second.keys):
                raise self.making.unsupported("without some entries others may win, for not all of its keys are exact")
            return Way(combo, None)
        number = next((n for n in range(len(self.refs)) if _is_called(self._action(n), way.does)), None)
        if number is None:
            raise self.making.wrong(f"the table has no action {way.does}")
        return Way(combo, number, self._leaves(combo, number, way.arguments))

    # --- what names say ---

    def _by_name(self, combo: tuple[int, ...]) -> int | None:
        """One source: the action of the same name, if what it is given is there."""
        name = _last(self._given(combo)[0])
        found = [n for n in range(len(self.refs)) if _last(self._action(n)) == name and self._holds(combo, n)]
        return found[0] if len(found) == 1 else None

    def _by_params(self, combo: tuple[int, ...]) -> int | None:
        """Several sources: the action that is given just what theirs are."""
        mine = [control_name_of(p) for action in self._given(combo) for p in control_params(action)]
        fits = [
            n for n in range(len(self.refs))
            if sorted(mine) == sorted(map(control_name_of, control_params(self._action(n)))) and self._holds(combo, n)
        ]  # fmt: skip
        names = {_last(action) for action in self._given(combo)}
        if len(fits) > 1:
            fits = [n for n in fits if _last(self._action(n)) in names]
        return fits[0] if len(fits) == 1 else None

    def _given(self, combo: Sequence[int]) -> list[ir.Action]:
        return [source.action(n) for source, n in zip(self.found.sources, combo, strict=True)]

    def _holds(self, combo: tuple[int, ...], number: int) -> bool:
        """Whether all that the action is given is given to what the sources do."""
        try:
            self._leaves(combo, number, {})
        except Unsupported:
            return False
        return True

    def _leaves(self, combo: tuple[int, ...], number: int, arguments: Mapping[str, str]) -> tuple[tuple[int, int], ...]:
        action = self._action(number)
        names = [control_name_of(p) for p in control_params(action)]
        for name in arguments:
            if name not in names:
                raise self.making.wrong(f"{action.control_name} has no parameter {name} ({', '.join(names)})")
        found: list[tuple[int, int]] = []
        for param, name in zip(control_params(action), names, strict=True):
            found += self._leaves_of(combo, param, arguments.get(name, name), name in arguments)
        return tuple(found)

    def _leaves_of(self, combo: tuple[int, ...], param: ir.Param, name: str, said: bool) -> list[tuple[int, int]]:
        index, _, rest = name.partition(".")
        only = int(index) - 1 if rest and index.isdecimal() else None
        wanted = rest if only is not None else name
        found = []
        for at, action in enumerate(self._given(combo)):
            low = 0
            for mine in control_params(action):
                count = len(param_leaves(mine))
                if control_name_of(mine) == wanted and only in (None, at):
                    found.append((at, low, mine))
                low += count
        if len(found) != 1 and said:
            raise self.making.wrong(
                f"{'no' if not found else 'more than one'} parameter {name}, given {self._text(combo)}"
            )
        if len(found) != 1:
            raise self.making.unsupported(f"parameter {name} does not follow from {self._text(combo)}")
        at, low, mine = found[0]
        widths, others = [w for _, w in param_leaves(mine)], [w for _, w in param_leaves(param)]
        if widths != others or (mine.type != param.type and not _numbers(mine.type, param.type)):
            raise self.making.unsupported(f"parameter {name} has another type where {self._text(combo)} is done")
        return [(at, low + k) for k in range(len(widths))]


def _numbers(*types: ir.Type) -> bool:
    """Whether all are plain numbers, which have as many values as their bits."""
    bare = list(map(ir.bare, types))
    return all(isinstance(t, ir.BitsType | ir.BoolType) or (isinstance(t, ir.EnumType) and t.underlying) for t in bare)


def _last(action: ir.Action) -> str:
    return action.control_name.rsplit(".", 1)[-1]


def _is_called(action: ir.Action, name: str) -> bool:
    return action.control_name == name or action.control_name.endswith(f".{name}")
