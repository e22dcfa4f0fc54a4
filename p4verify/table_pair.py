"""One table of each of two programs, paired: keys, actions and parameters by the control plane's names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from .mapping import ProgramMap, called
from .ports import has_own_width, is_port
from .semantics import ir
from .semantics.meaning.action_data import action_leaves, control_params, param_leaves
from .semantics.meaning.tables import table_actions
from .semantics.p4info.names import param_name
from .semantics.rules.ruleset import Exact, Rule
from .semantics.rules.values import key_bits
from .semantics.source import Unsupported


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

    @property
    def has_less_room(self) -> bool:
        """Whether rules of the first may be too many for the second."""
        return self.first.size is not None and self.second.size is not None and self.second.size < self.first.size

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


def partners(names: Sequence[str], known: Iterable[str], said: Mapping[str, str] | None = None) -> dict[str, str]:
    """Each name's partner among ``known``: what ``said`` says, the same, or the same where one of both is without its
    first part; no partner is taken twice."""
    found = dict(said or {})
    free = {name: None for name in known if name not in found.values()}
    for shorten in (0, 1, 2):
        for name in names:
            short = _shorter(name, shorten)
            if name not in found and short in free:
                found[name] = short
                del free[short]
    for shorten in (1, 2):
        left = {name for name in names if name not in found}
        for name in list(free):
            short = _shorter(name, shorten)
            if short in left:
                found[short] = name
                left.remove(short)
                del free[name]
    return found | _by_last_part([name for name in names if name not in found], free)


def _shorter(name: str, parts: int) -> str:
    """A name without some first parts; "" if it has no more."""
    return name.split(".", parts)[-1] if name.count(".") >= parts else ""


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


def pair_tables(
    first: ir.Program, first_control: ir.Control, mine: ir.Table,
    second: ir.Program, second_control: ir.Control, theirs: ir.Table, said: ProgramMap,
) -> TablePair:  # fmt: skip
    across = first.arch != second.arch
    keys = _pair_keys(mine, theirs, across)
    actions = _pair_actions(first, first_control, mine, second, second_control, theirs, said)
    left, right = actions_of(first, first_control), actions_of(second, second_control)
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
    if not across and _selector(first, mine) != _selector(second, theirs):
        raise Unsupported(
            f"table {mine.control_name}: the two programs give it selectors that pick otherwise", theirs.span
        )
    return TablePair(mine, theirs, keys, actions, params, leaves, widths if across else {})


def _selector(program: ir.Program, table: ir.Table) -> dict[str, str]:
    """How the table's action selector picks members: what it was made with, beside its size; {} if there is none."""
    found = [program.instance(p.value) for p in table.properties if isinstance(p.value, str)]
    selectors = [item for item in found if item.extern in ("action_selector", "ActionSelector")]
    return {n: ir.argument_text(program, v) for item in selectors for n, v in item.args if n != "size"}


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


def actions_of(program: ir.Program, control: ir.Control) -> dict[str, ir.Action]:
    """The actions that tables of a control may name, by their local names."""
    return {a.name: a for a in (*program.actions, *control.actions)}


def _pair_actions(
    first: ir.Program, first_control: ir.Control, mine: ir.Table,
    second: ir.Program, second_control: ir.Control, theirs: ir.Table, said: ProgramMap,
) -> dict[int, int]:  # fmt: skip
    left, right = actions_of(first, first_control), actions_of(second, second_control)
    numbers = {left[ref.action].control_name: i for i, ref in enumerate(table_actions(mine))}
    names = [right[ref.action].control_name for ref in table_actions(theirs)]
    partner = partners(names, numbers, called(said.actions, numbers, names))
    pairs = {i: numbers[partner[name]] for i, name in enumerate(names) if name in partner}
    lost = [name for name, i in numbers.items() if i not in pairs.values()]
    if lost:
        raise Unsupported(f"table {mine.control_name}: the second program has no action {lost[0]} in it", theirs.span)
    for i, other in pairs.items():
        x, y = table_actions(mine)[other], table_actions(theirs)[i]
        if (x.table_only, x.default_only) != (y.table_only, y.default_only) and theirs.keys:
            raise Unsupported(f"table {mine.control_name}: action {names[i]} may be used elsewhere", theirs.span)
    return pairs


def actions_of_table(program: ir.Program, table: ir.Table) -> dict[str, ir.Action]:
    """The actions that a table may name, by their local names."""
    return actions_of(program, next(control for control, other in program.tables() if other is table))


def control_name_of(param: ir.Param) -> str:
    """What the control plane calls an action's parameter."""
    for annotation in param.annotations:
        if annotation.name == "name" and annotation.values:
            return str(annotation.values[0]).rsplit(".", 1)[-1]
    return param_name(param)


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
