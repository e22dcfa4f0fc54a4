"""A program's meaning with its large tables left open (:mod:`.opened`), and their rules as rows of cubes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..classifier import Cube, Row
from ..rules.build import by_prefix, match_keys
from ..rules.ruleset import Answer, Exact, GroupRef, Lpm, Match, Range, Rule, RuleSet, Ternary
from . import lookup
from .action_data import action_leaves
from .opened import Answered, NotSuitable, Opened, OpenTable, Template
from .program import with_open_tables
from .tables import MATCH_KINDS, groups_in
from .values import scalar_width

PLAIN: Final = frozenset(
    ("array_table", "hash_table", "action_profile", "action_selector", "ActionProfile", "ActionSelector")
)
"""Externs that say how a table is stored (``ebpf_model.p4``), or whose members rules name: nothing is counted."""
PIECES: Final = 64
"""Cubes that one rule with ranges may be cut into."""


Numbers = dict[str | GroupRef, int]
"""Of the templates: actions by name, then the groups that rules lead to."""


def opened(program: ir.Program, rules: RuleSet, at_least: int, but: Collection[str] = ()) -> Opened:
    """The program with every table open that has ``at_least`` so many rules, ``but`` these.

    Raises:
        NotSuitable: none has, or one that has cannot be left open.
        Unsupported: the program uses what is not modelled.
    """
    large = {
        table.control_name: (control, table)
        for control, table in program.tables()
        if not table.const_entries and len(rules.of(table.control_name)) >= at_least and table.control_name not in but
    }
    if not large:
        raise NotSuitable(f"no table has {at_least} rules or more")
    tables = {name: _open(program, control, table, rules) for name, (control, table) in large.items()}
    behaviour, asked = with_open_tables(program, rules, frozenset(large))
    return Opened(behaviour, tables, asked)


def _open(program: ir.Program, control: ir.Control, table: ir.Table, rules: RuleSet) -> OpenTable:
    _check(program, table)
    name = table.control_name
    widths = [_key_width(key) for key in match_keys(table)]
    groups = groups_in(rules.of(name))
    actions = [_action(program, control, ref) for ref in table.actions]
    numbers: Numbers = {ref.action: i for i, ref in enumerate(table.actions)}
    numbers |= {ref: i for i, ref in enumerate(groups, len(actions))}
    leaves = [action_leaves(action) for action in actions]
    templates = [
        Template(ref.action, tuple(width for _, width in parts))
        for ref, parts in zip(table.actions, leaves, strict=True)
    ]
    templates += [Template(f"group {ref.group}") for ref in groups]
    miss = len(templates)

    def is_template(key: Term, number: int) -> Term:
        if number == miss:
            return b.not_(lookup.hit(name, key))
        which = b.eq(lookup.action(name, key), b.bv(number, lookup.ACTION_BITS))
        return b.and_(lookup.hit(name, key), which)

    def parameters(key: Term, number: int) -> tuple[Term, ...]:
        if number >= len(actions):
            return ()
        action = table.actions[number].action
        return tuple(lookup.argument(name, action, leaf, width, key) for leaf, width in leaves[number])

    def rows_of(rule: Rule) -> Iterator[tuple[Cube, Answered]]:
        if isinstance(rule.action, GroupRef) and rule.action not in numbers:
            raise NotSuitable(f"no rule of table {name} led to that group")
        answer = _answered(rule, numbers)
        return ((cube, answer) for cube in cubes(rule.matches, widths))

    rows = list(_rows(rules, table, widths, numbers))
    rows.append(Row(0, 0, (miss, ()), float("inf")))
    made = [*templates, Template("(miss)")]
    order = _prefix_order if by_prefix(table) else None
    return OpenTable(
        name, sum(widths), made, rows, is_template, parameters, rules.of(name), rows_of=rows_of, order=order
    )


def _prefix_order(rule: Rule) -> int:
    return -sum(match.prefix_len for match in rule.matches if isinstance(match, Lpm))


def only(rules: RuleSet, opened: Opened, kept: Mapping[str, Sequence[int]]) -> RuleSet:
    """The rules without those of open tables that are not kept (by :attr:`.Row.origin`)."""
    entries = {n: tuple(opened.tables[n].entries[i] for i in sorted(set(origins))) for n, origins in kept.items()}
    return replace(rules, entries={**rules.entries, **entries})


def _check(program: ir.Program, table: ir.Table) -> None:
    owned = [program.instance(item.value).extern for item in table.properties if isinstance(item.value, str)]
    if set(owned) - PLAIN:
        raise NotSuitable(f"table {table.control_name} has an extern of its own (a direct counter, a meter)")
    if any(key.match_kind not in MATCH_KINDS for key in table.keys):
        raise NotSuitable(f"table {table.control_name} has a key that is no plain match")


def _key_width(key: ir.Key) -> int:
    width = scalar_width(key.expr.type, key.span)
    if width is None:
        raise NotSuitable(f"key {key.name} is no bits")
    return max(1, width)


def _action(program: ir.Program, control: ir.Control, ref: ir.ActionRef) -> ir.Action:
    for action in (*control.actions, *program.actions):
        if action.name == ref.action:
            return action
    raise NotSuitable(f"no action {ref.action}")


def _rows(rules: RuleSet, table: ir.Table, widths: Sequence[int], numbers: Numbers) -> Iterator[Row]:
    kept: dict[Answer, Answered] = {}
    for index, rule in enumerate(rules.of(table.control_name)):
        answer = kept.get(rule.action)
        if answer is None:
            answer = kept[rule.action] = _answered(rule, numbers)
        for value, mask in cubes(rule.matches, widths):
            yield Row(value, mask, answer, index, index)


def _answered(rule: Rule, numbers: Numbers) -> Answered:
    if isinstance(rule.action, GroupRef):
        return numbers[rule.action], ()
    return numbers[rule.action.action], rule.action.args


def cubes(matches: Sequence[Match], widths: Sequence[int]) -> Iterable[Cube]:
    """The cubes of a rule over its keys side by side, the first key highest.

    Raises:
        NotSuitable: its ranges need too many.
    """
    value = mask = 0
    for match, width in zip(matches, widths, strict=True):
        if isinstance(match, Range):
            return _with_ranges(matches, widths)
        own = _cube(match, width)
        value = value << width | own[0]
        mask = mask << width | own[1]
    return ((value, mask),)


def _cube(match: Match, width: int) -> Cube:
    match match:
        case Exact(value):
            return value, (1 << width) - 1
        case Lpm(value, length):
            return value, (1 << width) - (1 << (width - length))
        case Ternary(value, mask):
            return value, mask
        case Range():
            raise ValueError("a range is several cubes")


def _with_ranges(matches: Sequence[Match], widths: Sequence[int]) -> list[Cube]:
    parts = [
        list(range_cubes(m.low, m.high, width)) if isinstance(m, Range) else [_cube(m, width)]
        for m, width in zip(matches, widths, strict=True)
    ]
    found: list[Cube] = []
    for combined in product(*parts):
        if len(found) >= PIECES:
            raise NotSuitable(f"the ranges of one rule need more than {PIECES} masks")
        value = mask = 0
        for (own_value, own_mask), width in zip(combined, widths, strict=True):
            value, mask = value << width | own_value, mask << width | own_mask
        found.append((value, mask))
    return found


def range_cubes(low: int, high: int, width: int) -> Iterator[Cube]:
    """``low <= key <= high`` as the least number of disjoint prefixes, lowest first."""
    full = (1 << width) - 1
    while low <= high:
        size = low & -low or 1 << width
        while low + size - 1 > high:
            size >>= 1
        yield low, full & ~(size - 1)
        low += size
