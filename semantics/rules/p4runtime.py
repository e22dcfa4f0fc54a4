"""Rules as a P4Runtime ``WriteRequest`` in text format (P4Runtime specification 1.4, "TableEntry").

Ids are resolved against the p4info that follows from the program (:mod:`.p4ids`); as an extension, names may stand
where ids stand. Keys that are left out match anything (ternary, lpm, range, optional). The highest priority wins, and
a priority must be given exactly where a key is ternary, range or optional.
"""

from __future__ import annotations

from typing import Final

from .. import ir
from ..source import InputError, Span, Unsupported
from .build import Builder, check_match, key_bits, needs_priority
from .names import TableAction, check_use, check_value, find_table, param_name, pick, table_actions
from .p4ids import Ids, ids_of, numbered
from .protobuf_text import Message, Scalar, parse
from .ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

_IGNORED: Final = frozenset({"device_id", "role_id", "role", "election_id", "atomicity"})
_ENTRY: Final = frozenset(
    {"table_id", "match", "action", "priority", "is_default_action", "is_const", "metadata", "controller_metadata"}
)
_MATCHES: Final = ("exact", "ternary", "lpm", "range", "optional")


def read_p4runtime(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules in a ``WriteRequest``. Raises InputError with file, line and column."""
    request = parse(text, name)
    request.only(frozenset({"updates"}) | _IGNORED)
    builder = Builder(program)
    ids = ids_of(program)
    for update in request.messages("updates"):
        update.only(frozenset({"type", "entity"}))
        _update(update, builder, ids)
    return builder.finish()


def _update(update: Message, builder: Builder, ids: Ids) -> None:
    kind = update.scalar("type")
    verb = kind.value if kind is not None else "INSERT"
    entity = update.message("entity")
    if entity is None:
        raise InputError.at(update.span, "an update without an entity")
    entity.only(frozenset({"table_entry"}))
    entry = entity.message("table_entry")
    if entry is None:
        raise InputError.at(entity.span, "an entity without a table_entry")
    entry.only(_ENTRY)
    table = _table(entry, builder.program, ids)
    default = entry.scalar("is_default_action")
    if default is not None and default.value == "true":
        if verb not in ("MODIFY", "INSERT"):
            raise InputError.at(update.span, f"a default action can be modified, not {verb!r}")
        builder.set_default(table, _action(entry, table, builder.program, ids, as_default=True), entry.span)
    elif verb in ("INSERT", 1):
        _insert(entry, table, builder, ids)
    else:
        raise InputError.at(update.span, f"updates of type {verb!r} are not understood: give the rules as INSERTs")


def _table(entry: Message, program: ir.Program, ids: Ids) -> ir.Table:
    wanted = entry.scalar("table_id")
    if wanted is None:
        raise InputError.at(entry.span, "a table_entry without a table_id")
    if isinstance(wanted.value, int):
        if wanted.value not in ids.tables:
            raise InputError.at(wanted.span, f"no table has the id {wanted.value}")
        return ids.tables[wanted.value]
    return find_table(program, _text(wanted), wanted.span)


def _text(scalar: Scalar) -> str:
    if isinstance(scalar.value, bytes):
        return scalar.value.decode(errors="replace")
    return str(scalar.value)


def _insert(entry: Message, table: ir.Table, builder: Builder, ids: Ids) -> None:
    matches = tuple(_matches(entry, table))
    call = _action(entry, table, builder.program, ids, as_default=False)
    given = entry.scalar("priority")
    priority = _int(given) if given is not None else 0
    span = given.span if given is not None else entry.span
    if needs_priority(table) and priority <= 0:
        raise InputError.at(span, f"an entry of table {table.control_name} needs a priority above 0")
    if not needs_priority(table) and priority:
        raise InputError.at(span, f"entries of table {table.control_name} have no priority")
    rule = Rule(table.control_name, matches, call, priority or None, entry.span)
    if builder.is_in_source(table, rule):
        return
    if not table.largest_priority_wins and table.entries:
        raise Unsupported("P4Runtime's priorities (largest wins) next to the source's (smallest wins)", span)
    builder.add(table, rule, priority)


def _int(scalar: Scalar) -> int:
    if not isinstance(scalar.value, int):
        raise InputError.at(scalar.span, f"expected a number, found {_text(scalar)}")
    return scalar.value


def _bytes(message: Message, name: str) -> tuple[int, Span]:
    """A byte string as a number."""
    scalar = message.scalar(name)
    if scalar is None:
        raise InputError.at(message.span, f"{name} is missing")
    if not isinstance(scalar.value, bytes):
        raise InputError.at(scalar.span, f"{name} must be a byte string")
    return int.from_bytes(scalar.value, "big"), scalar.span


def _matches(entry: Message, table: ir.Table) -> list[Match]:
    found: dict[int, Match] = {}
    positions = numbered(table.keys)
    for match in entry.messages("match"):
        match.only(frozenset({"field_id", "field_name"}) | frozenset(_MATCHES))
        position = _field(match, table, positions)
        if position in found:
            raise InputError.at(match.span, f"key {table.keys[position].name} is given twice")
        found[position] = _match(match, table, table.keys[position])
    result = []
    for position, key in enumerate(table.keys):
        if position not in found:
            found[position] = _anything(entry, table, key)
        result.append(found[position])
    return result


def _field(match: Message, table: ir.Table, positions: dict[int, int]) -> int:
    wanted = match.scalar("field_id") or match.scalar("field_name")
    if wanted is None:
        raise InputError.at(match.span, "a match without a field_id")
    if isinstance(wanted.value, int):
        if wanted.value not in positions:
            raise InputError.at(wanted.span, f"table {table.control_name} has no key with the id {wanted.value}")
        return positions[wanted.value]
    everything = list(range(len(table.keys)))
    return pick(everything, lambda i: table.keys[i].name, _text(wanted), "key", wanted.span)


def _match(match: Message, table: ir.Table, key: ir.Key) -> Match:
    kinds = [kind for kind in _MATCHES if match.message(kind) is not None]
    if len(kinds) != 1:
        raise InputError.at(match.span, f"a match needs one of {', '.join(_MATCHES)}")
    body = match.message(kinds[0])
    assert body is not None
    if kinds[0] == "range":
        (low, span), (high, _) = _bytes(body, "low"), _bytes(body, "high")
        return check_match(table, key, Range(low, high), span)
    value, span = _bytes(body, "value")
    match kinds[0]:
        case "exact":
            return check_match(table, key, Exact(value), span)
        case "ternary":
            return check_match(table, key, Ternary(value, _bytes(body, "mask")[0]), span)
        case "lpm":
            length = body.scalar("prefix_len")
            if length is None:
                raise InputError.at(body.span, "prefix_len is missing")
            return check_match(table, key, Lpm(value, _int(length)), span)
    if key.match_kind != "optional":
        raise InputError.at(span, f"key {key.name} of table {table.control_name} is {key.match_kind}, not optional")
    return check_match(table, key, Exact(value), span)


def _anything(entry: Message, table: ir.Table, key: ir.Key) -> Match:
    width = key_bits(key.expr.type, key.span)
    match key.match_kind:
        case "ternary" | "optional":
            return Ternary(0, 0)
        case "lpm":
            return Lpm(0, 0)
        case "range":
            return Range(0, (1 << width) - 1)
    raise InputError.at(entry.span, f"key {key.name} of table {table.control_name} is missing")


def _action(entry: Message, table: ir.Table, program: ir.Program, ids: Ids, *, as_default: bool) -> ActionCall:
    outer = entry.message("action")
    action = outer.message("action") if outer is not None else None
    if outer is None or action is None:
        raise InputError.at((outer or entry).span, "an entry without an action (action profiles are not understood)")
    action.only(frozenset({"action_id", "action_name", "params"}))
    found = _find_action(action, table, program, ids)
    check_use(table, found, action.span, as_default=as_default)
    positions = numbered(found.params)
    args: dict[int, int] = {}
    for param in action.messages("params"):
        position = _param(param, found, positions)
        if position in args:
            raise InputError.at(param.span, f"parameter {param_name(found.params[position])} is given twice")
        value, span = _bytes(param, "value")
        args[position] = check_value(value, found.params[position], span)
    for position, declared in enumerate(found.params):
        if position not in args:
            raise InputError.at(action.span, f"{found.action.control_name} lacks its parameter {param_name(declared)}")
    return ActionCall(found.ref.action, tuple(args[i] for i in range(len(found.params))))


def _find_action(action: Message, table: ir.Table, program: ir.Program, ids: Ids) -> TableAction:
    wanted = action.scalar("action_id") or action.scalar("action_name")
    if wanted is None:
        raise InputError.at(action.span, "an action without an action_id")
    name = _text(wanted)
    if isinstance(wanted.value, int):
        if wanted.value not in ids.actions:
            raise InputError.at(wanted.span, f"no action has the id {wanted.value}")
        name = ids.actions[wanted.value]
    listed = table_actions(program, table)
    what = f"action of table {table.control_name}"
    return pick(listed, lambda a: a.action.control_name, name, what, wanted.span)


def _param(param: Message, found: TableAction, positions: dict[int, int]) -> int:
    param.only(frozenset({"param_id", "param_name", "value"}))
    wanted = param.scalar("param_id") or param.scalar("param_name")
    if wanted is None:
        raise InputError.at(param.span, "a parameter without a param_id")
    if isinstance(wanted.value, int):
        if wanted.value not in positions:
            raise InputError.at(wanted.span, f"{found.action.control_name} has no parameter {wanted.value}")
        return positions[wanted.value]
    everything = list(range(len(found.params)))
    return pick(everything, lambda i: param_name(found.params[i]), _text(wanted), "parameter", wanted.span)
