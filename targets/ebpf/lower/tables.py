"""Tables: the lookup, and the chosen action in line.

An entry's value (or the default action's, which lies in a map of its own) says which action and with which arguments;
every action of the table has one piece of code, which the lookup and compiled-in entries enter with the arguments in
place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Final

from ....semantics import ir
from ....semantics.rules.ruleset import Rule
from ....semantics.source import Span
from ...base import CannotOffload
from .. import timers
from ..artifact import Label, asm
from ..artifact.asm import R0, R1, R2, R7, R10
from ..attached import DIRECT_COUNTERS, DIRECT_METERS, attached
from ..cells import CellMap, direct_counters
from ..fillup import default_index
from ..layout import ACTION_BYTES, PREFIX_BYTES, ActionPart, ArgPart, KeyPart, TableLayout, calls_by_actions
from . import calls, match, operands, search, selectors, settling
from . import expr as ex
from .frame import Leaf, Ref, leaves
from .gen import Gen, LookedUp, Temp
from .hooks import MAP_LOOKUP

NUMBER_BITS: Final = 32
"""Of a rule's number."""
INDEX_BYTES: Final = NUMBER_BITS // 8


@dataclass
class _Apply:
    """One application of a table."""

    g: Gen
    layout: TableLayout
    outcome: Temp | None
    """1 for a hit, or the number of the action that ran; None if nobody asks."""
    wants_hit: bool
    args: dict[tuple[int, str], Ref]
    """Storage of the arguments, by action's place and parameter."""
    entries: list[Label]
    """Where the code of each action starts."""
    end: Label
    key: int | None = None
    """Where on the stack the key stays, if actions need it."""
    number: Ref | None = None
    """Where the number of the rule that was hit is noted, one higher, if actions need it."""

    @property
    def table(self) -> ir.Table:
        """The table."""
        return self.layout.table


def apply(g: Gen, expr: ir.TableApply) -> None:
    """Apply a table; r1 = what ``expr.result`` asks for: whether there was a hit (a miss), or the action's place."""
    table = g.tables.get(expr.table)
    if table is None:
        raise CannotOffload(f"table {expr.table} cannot be applied here", expr.span)
    for item in table.properties:
        if item.name in ("implementation", "action_profile") and isinstance(item.value, str):
            extern = g.program.instance(item.value).extern
            if extern not in ("hash_table", "array_table", "action_profile", "action_selector", "direct_counter"):
                raise CannotOffload(f"a table with an {extern}", item.span)
    if f"table {table.name}" in g.active:
        raise CannotOffload(f"table {table.name} is applied inside itself", expr.span)
    layout = g.layouts[table.control_name]
    direct_counters(g.program, layout)  # refuses those that cannot be kept
    g.active.append(f"table {table.name}")
    if expr.result:
        with g.temp() as outcome:
            _apply(g, layout, outcome, expr.result != "action_run")
            outcome.load()
        if expr.result == "miss":
            g.asm.emit(asm.alu("xor", R1, 1))
    else:
        _apply(g, layout, None, False)
    g.active.pop()


def _apply(g: Gen, layout: TableLayout, outcome: Temp | None, wants_hit: bool) -> None:
    if layout.profile_bits and layout.table.control_name in g.learning:
        raise CannotOffload("a table to which the program adds entries is applied at several places", layout.table.span)
    g.learning |= {layout.table.control_name} if layout.profile_bits else set()
    with ExitStack() as kept:
        kept.enter_context(g.scope())
        number = None
        if _notes_number(g, layout):
            number = g.declare("$entry", ir.bits(NUMBER_BITS))
            g.clear(number)
        key = kept.enter_context(g.buffer(layout.key_size, layout.table.span)) if _keeps_key(g, layout) else None
        labels = [g.asm.label() for _ in layout.actions]
        state = _Apply(g, layout, outcome, wants_hit, {}, labels, g.asm.label(), key, number)
        for part in layout.actions:
            for arg, param in _directionless(part):
                env = dict(g.env)
                state.args[part.index, arg.param] = g.declare(f"{part.action.name}.{arg.param}", param.type, param.span)
                g.env = env
        if layout.baked is not None:
            _compiled_in(state, layout.baked)
        elif layout.entries is not None:
            _lookup(state)
        _set_hit(state, False)
        _default(state)
        for part, label in zip(layout.actions, state.entries, strict=True):
            _action(state, part, label)
        g.asm.place(state.end)


def _asks_for_rule(g: Gen, layout: TableLayout) -> bool:
    """Whether actions may count, or measure, for the rule that was hit."""
    return bool(attached(g.program, layout.table, ("DirectCounter", *DIRECT_METERS)))


def _notes_number(g: Gen, layout: TableLayout) -> bool:
    """Whether somebody may ask for the number of the rule that was hit."""
    if layout.slots is not None:
        return bool(attached(g.program, layout.table, (*DIRECT_COUNTERS, *DIRECT_METERS)))
    return layout.baked is not None and _asks_for_rule(g, layout)


def _keeps_key(g: Gen, layout: TableLayout) -> bool:
    """Whether actions may ask for the key that was looked up."""
    if layout.entries is None or layout.slots is not None:
        return False
    return bool(layout.profile_bits or _asks_for_rule(g, layout) or _speaks_of_age(g, layout))


def _speaks_of_age(g: Gen, layout: TableLayout) -> bool:
    """Whether actions may say something of the age of the entry."""
    name = layout.table.control_name
    return any(
        table.control_name == name and any(calls_by_actions(g.program, control, table, timers.CALLS))
        for control, table in g.program.tables()
    )


def _directionless(part: ActionPart) -> list[tuple[ArgPart, ir.Param]]:
    return list(zip(part.args, (p for p in part.action.params if not p.direction), strict=True))


def _set_hit(state: _Apply, hit: bool) -> None:
    if state.outcome is not None and state.wants_hit:
        state.g.constant(R1, int(hit))
        state.outcome.save()


# --- rules in a map -------------------------------------------------------------------------------------------------


def _lookup(state: _Apply) -> None:
    """Look the key up; on a hit go to the entry's action, else go on."""
    g, layout = state.g, state.layout
    entries = layout.entries
    assert entries is not None
    g.maps[entries.name] = entries
    miss = g.asm.label()
    with g.buffer(layout.key_size, layout.table.span) if state.key is None else nullcontext(state.key) as place:
        if layout.trie:
            g.asm.emit(asm.store(PREFIX_BYTES, R10, place, 8 * (entries.key_size - PREFIX_BYTES)))
        for part in layout.in_order():
            _store_key(g, layout.table.keys[part.index].expr, part, place)
        if layout.slots is not None:
            search.find(g, layout, layout.slots, place, miss, state.number)
        else:
            _find(g, entries.name, place)
            g.asm.jump("jeq", R0, 0, miss)
            g.asm.emit(asm.mov(R7, R0))
        for cells in direct_counters(g.program, layout):
            if cells.miss is None:
                _count_found(state, cells, place)
    _set_hit(state, True)
    _from_value(state)
    g.asm.place(miss)


def _count_found(state: _Apply, cells: CellMap, key: int) -> None:
    """Count the packet for the rule that was found: at its key on the stack, or at its number."""
    g = state.g
    if state.number is None:
        _count_hit(g, cells, key)
        return
    with g.buffer(INDEX_BYTES) as place:
        g.load_leaf(R1, state.number)
        g.asm.emit(asm.alu("sub", R1, 1), asm.store(INDEX_BYTES, R10, place, R1))
        _count_hit(g, cells, place)


def _count_hit(g: Gen, cells: CellMap, key: int) -> None:
    """Count the packet at the key on the stack."""
    g.maps[cells.map.name] = cells.map
    none = g.asm.label()
    _find(g, cells.map.name, key)
    g.asm.jump("jeq", R0, 0, none)
    for cell in cells.cells:
        if cell.state.endswith(".bytes") or (len(cells.cells) == 1 and cells.bytes_only):
            g.hook.length(g)
        else:
            g.constant(R1, 1)
        g.asm.emit(asm.atomic(cell.size, 0x00, R0, cell.offset, R1))
    g.asm.place(none)


def _find(g: Gen, name: str, key: int) -> None:
    """r0 = the address of the value in map ``name`` at the key on the stack, or 0."""
    g.asm.emit(asm.load_map(R1, name), asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))


def _store_key(g: Gen, expr: ir.Expr, part: KeyPart, place: int) -> None:
    """One P4 key into the map key: network order, padded in front, or behind if it is the lpm key."""
    if part.width > 64 and operands.has_calls(expr):
        with g.scope():
            _store_key(g, settling.settled(g, expr), part, place)
        return
    pad = 8 * part.size - part.width if part.lpm else 0
    total, at = part.width + pad, place + part.offset
    if total <= 64:
        if part.width:
            ex.value(g, expr)
            if pad:
                g.asm.emit(asm.alu("lsh", R1, pad))
            g.store_bytes(R10, at, part.size)
        return
    for index in range(0, part.size, 8):
        size = min(8, part.size - index)
        low = 8 * (part.size - index - size) - pad  # of the key's value; below 0 lies the padding
        count = min(8 * size, part.width - max(low, 0), 8 * size + low)
        ex.window(g, expr, max(low, 0), count)
        if low < 0:
            g.asm.emit(asm.alu("lsh", R1, -low))
        g.store_bytes(R10, at + index, size)


def _from_value(state: _Apply) -> None:
    """Go to the action that the value at r7 names, with its arguments; go to the source's default if it names none."""
    g = state.g
    none = g.asm.label()
    if state.layout.selector is not None:
        selectors.member(g, state.layout, state.layout.selector)
    else:
        g.asm.emit(asm.load(ACTION_BYTES, R1, R7, 0))
    others = [g.asm.label() for _ in state.layout.actions]
    for part, other in zip(state.layout.actions, others, strict=True):
        g.asm.jump("jne", R1, part.number, other)
        _load_arguments(state, part)
        g.asm.goto(state.entries[part.index])
        g.asm.place(other)
    g.asm.goto(none)
    g.asm.place(none)
    _source_default(state)


def _load_arguments(state: _Apply, part: ActionPart) -> None:
    g = state.g
    for arg, param in _directionless(part):
        ref = state.args[part.index, arg.param]
        if ref.path not in g.slots:
            continue
        for limb in range((arg.width + 63) // 64):
            count = min(64, arg.width - 64 * limb)
            g.load_bits(R7, arg.offset, 8 * arg.size - 64 * limb - count, count)
            g.store_leaf(Ref(ref.path, param.type), R1, limb)


# --- default actions ------------------------------------------------------------------------------------------------


def _default(state: _Apply) -> None:
    g, item = state.g, state.layout.default
    if item is None:
        _source_default(state)
        return
    g.maps[item.name] = item
    missing = g.asm.label()
    with g.buffer(4) as place:
        g.asm.emit(asm.store(4, R10, place, 0))
        _find(g, item.name, place)
    g.asm.jump("jeq", R0, 0, missing)  # never: the map has this element
    g.asm.emit(asm.mov(R7, R0))
    _from_value(state)
    g.asm.place(missing)
    g.asm.goto(g.drop)


def _source_default(state: _Apply) -> None:
    """Go to the default action that the source names."""
    index = default_index(state.table)
    if index is None:
        _unlisted_default(state)
        return
    _with_constants(state, state.layout.actions[index], state.table.default)


def _unlisted_default(state: _Apply) -> None:
    """A default action that is not in the table's list has code of its own."""
    g, default = state.g, state.table.default
    action = g.actions.get(default.action)
    if action is None:
        raise CannotOffload(f"no action {default.action}", default.span)
    if state.outcome is not None and not state.wants_hit:
        g.constant(R1, len(state.layout.actions))
        state.outcome.save()
    with _looked_up(state):
        calls.invoke(g, action.name, action.params, default.args, action.body, None, default.span, keep_env=True)
    g.asm.goto(state.end)


@contextmanager
def _looked_up(state: _Apply) -> Iterator[None]:
    """Code inside is that of an action of the table."""
    before = state.g.looked_up
    state.g.looked_up = LookedUp(state.layout, state.key, state.number)
    yield
    state.g.looked_up = before


def _with_constants(state: _Apply, part: ActionPart, bound: ir.BoundAction) -> None:
    """Go to an action with the arguments given in the source."""
    numbers = []
    for given in bound.args:
        number = operands.constant_value(state.g, given)
        if number is None:
            raise CannotOffload("an argument that is not constant", given.span)
        numbers.append(number)
    _with_numbers(state, part, numbers)


def _with_numbers(state: _Apply, part: ActionPart, numbers: Sequence[int]) -> None:
    """Go to an action with these arguments."""
    for (arg, _), number in zip(_directionless(part), numbers, strict=True):
        state.g.store_constant(Leaf(state.args[part.index, arg.param].path, arg.width), number)
    state.g.asm.goto(state.entries[part.index])


# --- compiled-in entries --------------------------------------------------------------------------------------------


def _compiled_in(state: _Apply, rules: Sequence[Rule]) -> None:
    """Compare with each rule, first winner first; go on if none matches."""
    g = state.g
    with match.evaluated(g, [key.expr for key in state.table.keys]) as keys:
        for number, rule in enumerate(rules):
            other = g.asm.label()
            match.unless_rule(g, keys, rule, other)
            _set_hit(state, True)
            _hit_number(state, number)
            _with_numbers(state, _named(state, rule.call.action, rule.span), rule.call.args)
            g.asm.place(other)


def _hit_number(state: _Apply, number: int) -> None:
    """Rule ``number`` was hit: tables that count their hits themselves do so, others note it for their actions."""
    g = state.g
    if state.number is not None:
        g.store_constant(next(leaves(g.program, state.number)), number + 1)
    for cells in direct_counters(g.program, state.layout):
        if cells.miss is None:
            with g.buffer(INDEX_BYTES) as place:
                g.asm.emit(asm.store(INDEX_BYTES, R10, place, number))
                _count_hit(g, cells, place)


def _named(state: _Apply, name: str, span: Span) -> ActionPart:
    try:
        return state.layout.action_named(name)
    except KeyError:
        raise CannotOffload(f"{name} is not among the table's actions", span) from None


# --- actions --------------------------------------------------------------------------------------------------------


def _action(state: _Apply, part: ActionPart, label: Label) -> None:
    """The action's code; its arguments lie in place."""
    g = state.g
    g.asm.place(label)
    if state.outcome is not None and not state.wants_hit:
        g.constant(R1, part.index)
        state.outcome.save()
    given = iter(state.table.actions[part.index].args)
    with g.scope():
        env = dict(g.env)
        args: list[ir.Expr] = []
        for param in part.action.params:
            if param.direction:
                args.append(next(given))
            else:
                name = f"{part.action.name}.{param.name}"
                env[name] = state.args[part.index, param.name]
                args.append(ir.Var(name, param.type, param.span))
        g.env = env
        keep = not calls.closed(g, part.action)
        with _looked_up(state):
            calls.invoke(
                g, part.action.name, part.action.params, args, part.action.body, None, state.table.span, keep_env=keep
            )
    g.asm.goto(state.end)


def action_index(g: Gen, subject: ir.Expr, label: ir.Expr | str, span: Span) -> int:
    """What a switch's subject is compared with: an action's place in the table, or a constant."""
    if isinstance(subject, ir.TableApply):
        actions = g.tables[subject.table].actions
        for index, ref in enumerate(actions):
            if ref.action == label:
                return index
        return len(actions)  # the default action that is not listed
    number = operands.constant_value(g, label) if not isinstance(label, str) else None
    if number is None:
        raise CannotOffload("a switch label that is not constant", span)
    return number
