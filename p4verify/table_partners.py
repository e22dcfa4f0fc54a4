"""Which tables of the second program have the rules of which of the first.

In this order: what a user has said; names; and for tables that are left over on both sides what can be told from keys,
actions and parameters, where only one answer fits:

* a table that is called something else, or several that have taken its place: its keys and actions are the same;
* a table that was split: each part has its keys, and actions that are given parts of what its actions are given;
* tables that were merged: the keys of one hold theirs, and its actions are given what theirs are.

The last three are assumptions about whoever fills the second program, and stated with the verdict.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .derived import Derived, derive
from .mapping import NOTHING_DERIVED, ProgramMap, called, told
from .semantics import ir
from .semantics.meaning.tables import table_actions
from .semantics.source import InputError, Span, Unsupported
from .table_pair import TablePair, actions_of_table, control_name_of, pair_tables, partners

if TYPE_CHECKING:
    from .pairing import Pairing


def is_open(table: ir.Table) -> bool:
    """Whether a control plane can change what a table answers."""
    return not table.const_default or (bool(table.keys) and not table.const_entries)


def pair_all_tables(pairing: Pairing, said: ProgramMap) -> None:
    """Fill in how a pairing's tables correspond, and what keeps those from it that do not.

    Raises:
        InputError: what was said names something that is not there.
    """
    _Partners(pairing, said).find()


class _Partners:
    def __init__(self, pairing: Pairing, said: ProgramMap) -> None:
        self.pairing, self.said = pairing, said
        self.first, self.second = pairing.first, pairing.second
        self.mine = {table.control_name: (control, table) for control, table in self.first.tables()}
        self.theirs = {table.control_name: (control, table) for control, table in self.second.tables()}
        self.named: dict[str, str] = {}
        """The second's tables → the first's of that name, whether they fit or not."""

    def find(self) -> None:
        self._known_actions()
        self._derived_as_said()
        derived = {d.second.control_name for d in self.pairing.derived} | set(self.pairing.problems)
        names = [name for name in self.theirs if name not in derived]
        self.named = partners(names, self.mine, told(self.said, "tables", self.mine, names))
        for name in names:
            self._by_name(name)
        if self.first.arch == self.second.arch:
            self._renamed()
            self._split()
            self._merged()

    # --- said, and names ---

    def _known_actions(self) -> None:
        for which, program, names in (
            ("first", self.first, self.said.actions), ("second", self.second, self.said.actions.values()),
        ):  # fmt: skip
            known = dict.fromkeys(name for _, table in program.tables() for name in _action_names(program, table))
            for name in names:
                if not any(x == name or x.endswith(f".{name}") for x in known):
                    text = f"[actions]: no table of the {which} program has an action {name}"
                    raise InputError.at(Span(self.said.path, 0, 0), f"{text} ({', '.join(known) or 'none'})")

    def _derived_as_said(self) -> None:
        for item in self.said.derived:
            for what, names, known in (
                ("second", (item.table,), self.theirs), ("first", item.sources, self.mine),
            ):  # fmt: skip
                for name in names:
                    if name not in known:
                        text = f"[[derived]]: the {what} program has no table {name} ({', '.join(known) or 'none'})"
                        raise InputError.at(Span(self.said.path, 0, 0), text)
            table = self.theirs[item.table][1]
            sources = [self.mine[name][1] for name in item.sources]
            try:
                if self.first.arch != self.second.arch:
                    text = f"table {item.table} has rules of others, and the two programs are of two architectures"
                    raise Unsupported(text, table.span)
                self.pairing.derived.append(derive(self.first, self.second, table, sources, item, self.said.path))
            except Unsupported as problem:
                self.pairing.problems[item.table] = problem

    def _by_name(self, name: str) -> None:
        pairing, (control, table) = self.pairing, self.theirs[name]
        partner = self.named.get(name)
        if partner is None:
            if is_open(table):
                reason = (
                    f"table {name}: the first program has none like it, so its rules are not known"
                    " (--map can say how they follow from others)"
                )
                pairing.problems[name] = Unsupported(reason, table.span)
            return
        try:
            pairing.tables.append(
                pair_tables(self.first, *self.mine[partner], self.second, control, table, self.said)
            )  # fmt: skip
        except Unsupported as problem:
            pairing.problems[name] = problem
            pairing.unlike[name] = partner

    # --- what fits only one way ---

    def _free(self) -> list[ir.Table]:
        """Tables of the first that can be changed, and that none of the second's is known to have the rules of."""
        pairing = self.pairing
        taken = {id(pair.first) for pair in pairing.tables}
        taken |= {id(source.table) for derived in pairing.derived for source in derived.sources}
        return [t for _, t in self.mine.values() if id(t) not in taken and is_open(t)]

    def _lost(self) -> list[ir.Table]:
        """Tables of the second whose rules are not known, and of which nobody has said anything."""
        of = {item.table for item in self.said.derived} | {y for ys in self.said.tables.values() for y in ys}
        return [self.theirs[name][1] for name in self.pairing.problems if name not in of]

    def _renamed(self) -> None:
        found = []
        for table in self._lost():
            alike = [pair for mine in self._free() if (pair := self._alike(mine, table)) is not None]
            if len(alike) == 1 and table.control_name not in self.named:
                found.append(alike[0])
        for pair in found:
            self.pairing.tables.append(pair)
            self.pairing.guessed.append(pair)
            del self.pairing.problems[pair.second.control_name]

    def _alike(self, mine: ir.Table, theirs: ir.Table) -> TablePair | None:
        """The two as a pair, if they are the same by all that the control plane calls something but their names."""
        try:
            control, other = self.mine[mine.control_name][0], self.theirs[theirs.control_name][0]
            pair = pair_tables(self.first, control, mine, self.second, other, theirs, self.said)
        except Unsupported:
            return None
        same = _shape(self.first, mine) == _shape(self.second, theirs)
        return pair if same and mine.size == theirs.size else None

    def _split(self) -> None:
        parts: dict[str, list[Derived]] = {}
        for table in self._lost():
            whole = [mine for mine in self._free() if _keys(mine) == _keys(table)]
            derived = self._guess(table, whole) if len(whole) == 1 and table.keys else None
            if derived is not None:
                parts.setdefault(whole[0].control_name, []).append(derived)
        for name, several in parts.items():
            if len(several) > 1 or self.named.get(several[0].second.control_name) == name:
                for derived in several:
                    self._known(derived)

    def _merged(self) -> None:
        lost, free = self._lost(), self._free()
        if len(lost) == 1 and len(free) > 1:
            derived = self._guess(lost[0], free)
            if derived is not None:
                self._known(derived)

    def _guess(self, table: ir.Table, sources: list[ir.Table]) -> Derived | None:
        """What names tell of a table, unless a user has said of its actions what they are."""
        mine = [name for source in sources for name in _action_names(self.first, source)]
        if called(self.said.actions, mine, _action_names(self.second, table)):
            return None
        try:
            return derive(self.first, self.second, table, sources, NOTHING_DERIVED, "")
        except Unsupported as problem:
            name = table.control_name
            if name not in self.named:
                names = ", ".join(source.control_name for source in sources)
                reason = f"{problem.reason} (if its rules follow from those of {names}; --map can say how)"
                self.pairing.problems[name] = Unsupported(reason, table.span)
            return None

    def _known(self, derived: Derived) -> None:
        self.pairing.derived.append(derived)
        del self.pairing.problems[derived.second.control_name]


def _keys(table: ir.Table) -> list[tuple[str, str]]:
    """What a table matches on, in any order."""
    return sorted((key.name, key.match_kind) for key in table.keys)


def _action_names(program: ir.Program, table: ir.Table) -> list[str]:
    """The control-plane names of a table's actions."""
    actions = actions_of_table(program, table)
    return [actions[ref.action].control_name for ref in table_actions(table)]


def _shape(program: ir.Program, table: ir.Table) -> tuple[object, ...]:
    """What the control plane knows of a table, its name and the order of things apart."""
    actions = actions_of_table(program, table)
    known = [actions[ref.action] for ref in table.actions]
    called = sorted(
        (a.control_name.rsplit(".", 1)[-1], tuple(sorted(control_name_of(p) for p in a.params if not p.direction)))
        for a in known
    )
    return (_keys(table), called)
