"""Two P4 programs' tables, actions and extern instances paired by the names that the control plane knows them by.

What one program says of its tables (``table.T.hit``, the number of an action in its list, the name of a parameter in
the program text) is put into the other's words, so that both ask the same unknown rules. A compiler that prints a
program writes the full name into ``@name``, and reading that puts the control's name in front once more; so a name
counts without its first part if it has no partner with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import accumulate
from typing import Final

from .mapping import NOTHING_SAID, ProgramMap, called, told
from .ports import has_own_width, is_port
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import action_leaves, control_params, param_leaves
from .semantics.meaning.behaviour import Behaviour
from .semantics.meaning.tables import table_actions
from .semantics.meaning.unknown_externs import OF_UNKNOWN
from .semantics.rules.build import key_bits
from .semantics.rules.ruleset import ActionCall, Answer, Exact, GroupRef, Rule, RuleSet
from .semantics.source import Unsupported

Function = Callable[..., Term]
_OF_A_STATE: Final = re.compile(r"((?:each\.\d+\.)?state\.|at\.)(.*)", re.DOTALL)
"""Names of what a cell held before, and of the index of an arbitrary cell."""


@dataclass(frozen=True)
class TablePair:
    """Table ``second`` of the second program is table ``first`` of the first one."""

    first: ir.Table
    second: ir.Table
    keys: tuple[int, ...]
    """For each key of the second: its position among the first's."""
    actions: Mapping[int, int]
    """Number of an action in the second's list → number in the first's (:func:`table_actions`)."""
    params: Mapping[int, tuple[int, ...]]
    """For each of these actions of the second: for each parameter its position among the first's."""
    leaves: Mapping[int, tuple[int, ...]]
    """The same for each leaf of the parameters: an entry has a number for each."""
    widths: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    """For these actions: for each leaf its bits in the second, where some have others in the first."""

    def can_match(self, rule: Rule) -> bool:
        """Whether an entry of the first can match in the second at all: its key may be narrower there."""
        keys = [self.first.keys[k] for k in self.keys]
        for key, theirs, match in zip(keys, self.second.keys, (rule.matches[k] for k in self.matched), strict=False):
            width = key_bits(theirs.expr.type, theirs.span)
            if width < key_bits(key.expr.type, key.span) and isinstance(match, Exact) and match.value >> width:
                return False
        return True

    @property
    def matched(self) -> tuple[int, ...]:
        """For each match of an entry of the second: its position among the first's (a selector's key has none)."""
        if any(key.match_kind == "selector" for key in self.first.keys):
            return tuple(range(sum(key.match_kind != "selector" for key in self.first.keys)))
        return self.keys


@dataclass
class Pairing:
    """How the second program's names are the first's."""

    first: ir.Program
    second: ir.Program
    tables: list[TablePair] = field(default_factory=list)
    instances: dict[str, str] = field(default_factory=dict)
    """Full name in the second → full name in the first."""
    value_sets: dict[str, str] = field(default_factory=dict)
    alone: list[tuple[ir.Program, ir.Table]] = field(default_factory=list)
    """Tables that a control plane can change and that the other program does not have."""
    problems: dict[str, Unsupported] = field(default_factory=dict)
    """Why a table cannot be paired with that of its name: the second's control-plane name → reason, place."""
    _functions: dict[str, Function] = field(default_factory=dict)
    _variables: dict[Term, Term] = field(default_factory=dict)
    _translated: bool = False
    events: dict[str, str] = field(default_factory=dict)
    """Where the architectures are two: the second's names of digests → the first's (:mod:`.across`)."""

    def first_identity(self, name: str) -> str:
        """The name by which both know an extern instance of the first program."""
        return f"{name}:{ir.instance_text(self.first, name)}"

    def second_identity(self, name: str) -> str:
        """The name by which both know an extern instance of the second program."""
        return f"{self.instances.get(name, name)}:{ir.instance_text(self.second, name)}"

    def in_first_words(self, behaviour: Behaviour) -> Behaviour:
        """A behaviour of the second program over the first one's tables and state.

        Raises:
            Unsupported: it asks a table that cannot be paired, with the table's name and place.
        """
        from .proofs.refine import map_terms

        if not self._translated:
            self._translate()
            self._translated = True
        renamed = map_terms(behaviour, self._substituted, {})
        cases = []
        for case in renamed.cases:
            outputs = tuple(replace(o, state={self.state_name(n): t for n, t in o.state.items()}) for o in case.outputs)
            state = {self.state_name(n): t for n, t in case.state.items()}
            cases.append(replace(case, outputs=outputs, state=state))
        return replace(renamed, cases=tuple(cases))

    def notes(self) -> tuple[str, ...]:
        """What the verdict should repeat: tables that the second program calls something else."""
        names = [(p.first.control_name, p.second.control_name) for p in self.tables]
        renamed = [(x, y) for x, y in names if x != y and not y.endswith(f".{x}")]
        return tuple(f"table {x} is called {y} in the second program" for x, y in renamed)

    def actions_of(self, pair: TablePair, number: int) -> tuple[ir.Action, ir.Action]:
        """The first's and the second's action that has this number in the second's list."""
        left = _actions_of(self.first, _control_of(self.first, pair.first))
        right = _actions_of(self.second, _control_of(self.second, pair.second))
        mine, theirs = table_actions(pair.first)[pair.actions[number]], table_actions(pair.second)[number]
        return left[mine.action], right[theirs.action]

    def _substituted(self, terms: list[Term]) -> list[Term]:
        functions, variables = dict(self._functions), dict(self._variables)
        for call in b.applications(*terms):
            self._refuse(call.name)
            new = self._renamed(call.name)
            if new != call.name:
                functions[call.name] = partial(b.apply, new, call.sort)
        for variable in b.variables(*terms):
            self._refuse(variable.name)
            new = self._renamed(variable.name)
            if new != variable.name:
                variables[variable] = b.var(new, variable.sort)
        return b.substitute(terms, variables, functions)

    def _refuse(self, name: str) -> None:
        if name.startswith("table."):
            for table, problem in self.problems.items():
                if name.startswith(f"table.{table}."):
                    raise problem

    def _renamed(self, name: str) -> str:
        """The first's name of a state's or value set's function, or of the index of a state's cell."""
        found = _OF_A_STATE.match(name)
        if found is not None:
            return found[1] + self.state_name(found[2])
        if name.startswith(OF_UNKNOWN):
            return self._called(name)
        if name.startswith("table.") and name.endswith(".hit"):
            known = self.value_sets.get(name[len("table.") : -len(".hit")])
            return f"table.{known}.hit" if known is not None else name
        return name

    def _called(self, name: str) -> str:
        """The first's name of a function of an extern that the programs declare: the instance's name is in it."""
        called = name.removeprefix(OF_UNKNOWN)
        for second, first in self.instances.items():
            if called.startswith(f"{second}."):
                return OF_UNKNOWN + first + called.removeprefix(second)
        return name

    def state_name(self, name: str) -> str:
        """The first's name of a state: an instance's name, with what of it is meant behind it."""
        if name.startswith(OF_UNKNOWN):
            return OF_UNKNOWN + self.state_name(name.removeprefix(OF_UNKNOWN))
        stem, dot, part = name.rpartition(".")
        if name in self.instances:
            return self.instances[name]
        return f"{self.instances[stem]}{dot}{part}" if stem in self.instances else name

    def _translate(self) -> None:
        for pair in self.tables:
            functions, variables = _translation(self, pair)
            self._functions |= functions
            self._variables |= variables

    def second_rules(self, rules: RuleSet) -> RuleSet:
        """Rules of the first program as the second one's.

        Raises:
            Unsupported: a rule's action is none of the second's.
        """
        entries: dict[str, tuple[Rule, ...]] = {}
        defaults: dict[str, Answer] = {}
        for pair in self.tables:
            first, second = pair.first.control_name, pair.second.control_name
            if first in rules.entries:
                entries[second] = tuple(
                    Rule(second, tuple(r.matches[k] for k in pair.matched), self._answer(pair, r.action), r.priority)
                    for r in rules.entries[first]
                    if pair.can_match(r)
                )
            if first in rules.defaults:
                defaults[second] = self._answer(pair, rules.defaults[first])
        sets = {
            second: rules.value_sets[first] for second, first in self.value_sets.items() if first in rules.value_sets
        }
        return replace(rules, entries=entries, defaults=defaults, value_sets=sets)

    def _answer(self, pair: TablePair, answer: Answer) -> Answer:
        if isinstance(answer, GroupRef):
            raise Unsupported(f"a group of table {pair.first.control_name}", pair.second.span)
        names = [ref.action for ref in table_actions(pair.first)]
        for second, first in pair.actions.items():
            if names[first] == answer.action:
                args = tuple(answer.args[k] for k in pair.leaves[second])
                if any(arg >> width for arg, width in zip(args, pair.widths.get(second, ()), strict=False)):
                    reason = f"table {pair.second.control_name}: an argument of {answer.action} that it has no room for"
                    raise Unsupported(reason, pair.second.span)
                return ActionCall(table_actions(pair.second)[second].action, args)
        raise Unsupported(f"table {pair.second.control_name} has no action {answer.action}", pair.second.span)


def pair_programs(first: ir.Program, second: ir.Program, said: ProgramMap = NOTHING_SAID) -> Pairing:
    """Pair what has control-plane names, by what a user has said of them first. Tables that nobody can change (no keys
    or const entries, const default) need no partner.

    Raises:
        InputError: what was said names something that is not there.
    """
    pairing = Pairing(first, second)
    here = {table.control_name: (control, table) for control, table in first.tables()}
    names = [table.control_name for _, table in second.tables()]
    found = _partners(names, here, told(said, "tables", here, names))
    for control, table in second.tables():
        partner = found.get(table.control_name)
        if partner is None:
            if is_open(table):
                pairing.alone.append((second, table))
                reason = f"table {table.control_name}: the first program has none like it, so its rules are not known"
                pairing.problems[table.control_name] = Unsupported(reason, table.span)
            continue
        try:
            pairing.tables.append(_pair(first, *here[partner], second, control, table, said))
        except Unsupported as problem:
            pairing.problems[table.control_name] = problem
    taken = set(found.values())
    pairing.alone += [
        (first, table) for _, table in first.tables() if table.control_name not in taken and is_open(table)
    ]
    mine, theirs = [i.name for i in first.instances], [i.name for i in second.instances]
    pairing.instances = _partners(theirs, mine, told(said, "state", mine, theirs))
    sets = [v.control_name for p in first.parsers for v in p.value_sets]
    pairing.value_sets = _partners([v.control_name for p in second.parsers for v in p.value_sets], sets)
    return pairing


def is_open(table: ir.Table) -> bool:
    """Whether a control plane can change what a table answers."""
    return not table.const_default or (bool(table.keys) and not table.const_entries)


def _partners(names: Sequence[str], known: Iterable[str], said: Mapping[str, str] | None = None) -> dict[str, str]:
    """Each name's partner among ``known``: what ``said`` says, the same, or the same without its first part; no partner
    is taken twice."""
    found = dict(said or {})
    free = {name: None for name in known if name not in found.values()}
    for shorten in (0, 1, 2):
        for name in names:
            short = name.split(".", shorten)[-1] if name.count(".") >= shorten else None
            if name not in found and short is not None and short in free:
                found[name] = short
                del free[short]
    return found | _by_last_part([name for name in names if name not in found], free)


def _by_last_part(names: Sequence[str], free: Iterable[str]) -> dict[str, str]:
    """What is left over, by the last part of the name where only one on each side has it: a compiler that makes two
    controls of one renames the control."""

    def by_part(items: Iterable[str]) -> dict[str, str]:
        parts: dict[str, list[str]] = {}
        for item in items:
            parts.setdefault(item.rsplit(".", 1)[-1], []).append(item)
        return {part: here[0] for part, here in parts.items() if len(here) == 1}

    known = by_part(free)
    return {name: known[part] for part, name in by_part(names).items() if part in known}


# --- one table ------------------------------------------------------------------------------------------------------


def _pair(
    first: ir.Program, first_control: ir.Control, mine: ir.Table,
    second: ir.Program, second_control: ir.Control, theirs: ir.Table, said: ProgramMap,
) -> TablePair:  # fmt: skip
    across = first.arch != second.arch
    keys = _pair_keys(mine, theirs, across)
    actions = _pair_actions(first, first_control, mine, second, second_control, theirs, said)
    left, right = _actions_of(first, first_control), _actions_of(second, second_control)
    params, leaves, widths = {}, {}, {}
    for number, other in actions.items():
        a = left[table_actions(mine)[other].action]
        c = right[table_actions(theirs)[number].action]
        params[number] = _pair_params(theirs, a, c, across)
        leaves[number] = _leaf_positions(a, params[number])
        widths[number] = tuple(width for _, width in action_leaves(c))
    for what, x, y in (
        ("entries", mine.const_entries, theirs.const_entries),
        ("default action", mine.const_default, theirs.const_default),
    ):
        if x != y and not (what == "entries" and not mine.keys):
            raise Unsupported(f"table {mine.control_name}: only one of the programs has a const {what}", theirs.span)
    if _plain_properties(mine) != _plain_properties(theirs):
        raise Unsupported(f"table {mine.control_name}: the two programs give it other properties", theirs.span)
    return TablePair(mine, theirs, keys, actions, params, leaves, widths if across else {})


def _plain_properties(table: ir.Table) -> dict[str, ir.Expr]:
    """Properties whose value is no extern instance (of those every lookup is told)."""
    return {p.name: p.value for p in table.properties if not isinstance(p.value, str)}


def _pair_keys(mine: ir.Table, theirs: ir.Table, across: bool) -> tuple[int, ...]:
    shape = [(k.match_kind, key_bits(k.expr.type, k.span)) for k in mine.keys]
    other = [(k.match_kind, key_bits(k.expr.type, k.span)) for k in theirs.keys]
    names, others = [k.name for k in mine.keys], [k.name for k in theirs.keys]
    order = list(range(len(others)))
    if sorted(names) == sorted(others) and len(set(names)) == len(names):
        order = [names.index(name) for name in others]
    if order != sorted(order) and any(kind == "selector" for kind, _ in shape):
        raise Unsupported(
            f"table {mine.control_name}: the two programs order its selector's key otherwise", theirs.span
        )
    alike = len(shape) == len(other) and all(
        shape[k] == other[i]
        or (across and shape[k][0] == other[i][0] == "exact" and _a_port(mine.keys[k], theirs.keys[i]))
        for i, k in enumerate(order)
    )
    if not alike:
        raise Unsupported(f"table {mine.control_name}: the two programs give it other keys", theirs.span)
    return tuple(order)


def _actions_of(program: ir.Program, control: ir.Control) -> dict[str, ir.Action]:
    return {a.name: a for a in (*program.actions, *control.actions)}


def _pair_actions(
    first: ir.Program, first_control: ir.Control, mine: ir.Table,
    second: ir.Program, second_control: ir.Control, theirs: ir.Table, said: ProgramMap,
) -> dict[int, int]:  # fmt: skip
    left, right = _actions_of(first, first_control), _actions_of(second, second_control)
    numbers = {left[ref.action].control_name: i for i, ref in enumerate(table_actions(mine))}
    names = [right[ref.action].control_name for ref in table_actions(theirs)]
    partner = _partners(names, numbers, called(said.actions, numbers, names))
    pairs = {i: numbers[partner[name]] for i, name in enumerate(names) if name in partner}
    lost = [name for name, i in numbers.items() if i not in pairs.values()]
    if lost:
        raise Unsupported(f"table {mine.control_name}: the second program has no action {lost[0]} in it", theirs.span)
    for i, other in pairs.items():
        x, y = table_actions(mine)[other], table_actions(theirs)[i]
        if (x.table_only, x.default_only) != (y.table_only, y.default_only) and theirs.keys:
            raise Unsupported(f"table {mine.control_name}: action {names[i]} may be used elsewhere", theirs.span)
    return pairs


def control_name_of(param: ir.Param) -> str:
    """What the control plane calls an action's parameter."""
    for annotation in param.annotations:
        if annotation.name == "name" and annotation.values:
            return str(annotation.values[0]).rsplit(".", 1)[-1]
    return param.name


def _pair_params(table: ir.Table, mine: ir.Action, theirs: ir.Action, across: bool) -> tuple[int, ...]:
    left, right = control_params(mine), control_params(theirs)
    names, others = [control_name_of(p) for p in left], [control_name_of(p) for p in right]
    order = list(range(len(others)))
    if sorted(names) == sorted(others) and len(set(names)) == len(names):
        order = [names.index(name) for name in others]
    pairs = [(left[k], right[i]) for i, k in enumerate(order) if k < len(left)]
    if len(left) != len(right) or any(
        _widths(x) != _widths(y) and not (across and _of_own_width(x, y)) for x, y in pairs
    ):
        text = f"table {table.control_name}: action {mine.control_name} has other parameters"
        raise Unsupported(text, theirs.span)
    return tuple(order)


def _leaf_positions(mine: ir.Action, order: Sequence[int]) -> tuple[int, ...]:
    """Positions of leaves, from those of the parameters that they belong to."""
    ends = list(accumulate((len(param_leaves(param)) for param in control_params(mine)), initial=0))
    return tuple(at for k in order for at in range(ends[k], ends[k + 1]))


def _widths(param: ir.Param) -> tuple[int, ...]:
    return tuple(width for _, width in param_leaves(param))


def _of_own_width(mine: ir.Param, theirs: ir.Param) -> bool:
    single = len(param_leaves(mine)) == len(param_leaves(theirs)) == 1
    return single and (has_own_width(mine.type) or has_own_width(theirs.type))


def _a_port(mine: ir.Key, theirs: ir.Key) -> bool:
    return is_port(mine.expr.type) or is_port(theirs.expr.type)


# --- in the first one's words ---------------------------------------------------------------------------------------


def _translation(pairing: Pairing, pair: TablePair) -> tuple[dict[str, Function], dict[Term, Term]]:
    """What the second's functions and variables of a table are, over the first's."""
    first, second = pair.first.control_name, pair.second.control_name
    widths = [key_bits(k.expr.type, k.span) for k in pair.second.keys]
    place, fits = _key_order(pair, widths), _key_fits(pair, widths)
    left = _actions_of(pairing.first, _control_of(pairing.first, pair.first))
    right = _actions_of(pairing.second, _control_of(pairing.second, pair.second))
    functions: dict[str, Function] = {
        f"table.{second}.hit": lambda *key: b.and_(fits(key), lookup.hit(first, place(key))),
        f"table.{second}.action": lambda *key: _number(pair, lookup.action(first, place(key))),
    }
    default = lookup.default_action(second)
    variables: dict[Term, Term] = {default: _number(pair, lookup.default_action(first))}
    functions[default.name] = lambda selector: _number(pair, lookup.default_action(first, selector))
    for number, other in pair.actions.items():
        mine = left[table_actions(pair.first)[other].action]
        theirs = right[table_actions(pair.second)[number].action]
        params = control_params(mine)
        leaves = [
            (*leaf, *ours)
            for param, position in zip(control_params(theirs), pair.params[number], strict=True)
            for leaf, ours in zip(param_leaves(param), param_leaves(params[position]), strict=True)
        ]
        for leaf, bits, ours, width in leaves:

            def argument(*key: Term, a: str = mine.name, p: str = ours, w: int = width, to: int = bits) -> Term:
                return b.resize(lookup.argument(first, a, p, w, place(key)), to)

            def default_argument(
                selector: Term | None, a: str = mine.name, p: str = ours, w: int = width, to: int = bits
            ) -> Term:
                return b.resize(lookup.default_argument(first, a, p, w, selector), to)

            functions[f"table.{second}.arg.{theirs.name}.{leaf}"] = argument
            there = lookup.default_argument(second, theirs.name, leaf, bits)
            variables[there] = default_argument(None)
            functions[there.name] = default_argument
    return functions, variables


def _control_of(program: ir.Program, table: ir.Table) -> ir.Control:
    return next(control for control, other in program.tables() if other is table)


def _key_parts(key: Term, widths: Sequence[int]) -> list[Term | None]:
    """A key taken apart; None for a part of width 0."""
    parts: list[Term | None] = []
    low = sum(widths)
    for width in widths:
        low -= width
        parts.append(b.extract(key, low + width - 1, low) if width else None)
    return parts


def _key_order(pair: TablePair, widths: Sequence[int]) -> Callable[[Sequence[Term]], Term | None]:
    ours = [key_bits(pair.first.keys[k].expr.type, pair.first.span) for k in pair.keys]

    def place(key: Sequence[Term]) -> Term | None:
        if not key or (pair.keys == tuple(range(len(pair.keys))) and ours == list(widths)):
            return key[0] if key else None
        found = zip(pair.keys, _key_parts(key[0], widths), ours, strict=True)
        parts = {position: b.resize(part, width) for position, part, width in found if part is not None}
        return b.concat(*(parts[k] for k in sorted(parts)))

    return place


def _key_fits(pair: TablePair, widths: Sequence[int]) -> Callable[[Sequence[Term]], Term]:
    """Whether a key of the second is one that the first's narrower entries can match."""
    ours = [key_bits(pair.first.keys[k].expr.type, pair.first.span) for k in pair.keys]

    def fits(key: Sequence[Term]) -> Term:
        if not key or all(x >= y for x, y in zip(ours, widths, strict=True)):
            return b.TRUE
        found = zip(_key_parts(key[0], widths), ours, strict=True)
        return b.and_(
            *(b.eq(b.resize(b.resize(part, width), part.width), part) for part, width in found if part is not None)
        )

    return fits


def _number(pair: TablePair, first: Term) -> Term:
    """The number of the second's action, given that of the first's."""
    if all(i == j for i, j in pair.actions.items()):
        return first
    result = b.bv(0xFFFF, lookup.ACTION_BITS)
    for second, mine in pair.actions.items():
        result = b.ite(b.eq(first, b.bv(mine, lookup.ACTION_BITS)), b.bv(second, lookup.ACTION_BITS), result)
    return result
