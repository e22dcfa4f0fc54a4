"""Rules as commands of BMv2's ``simple_switch_CLI`` (behavioral-model's ``docs/runtime_CLI.md``).

``table_add TABLE ACTION KEYS => ARGUMENTS [PRIORITY]``, ``table_set_default``, ``table_reset_default``,
``table_clear``, ``pvs_add``. Keys stand in the table's order: ``value/length`` (lpm), ``value&&&mask`` (ternary and
optional), ``low->high`` (range). The *smallest* priority wins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from .. import ir
from ..source import InputError, Span
from .build import Builder, check_match, key_bits, needs_priority, source_entries
from .names import TableAction, check_value, find_action, find_table, pick
from .numbers import number, signed_fit
from .ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

Word = tuple[str, Span]


def words(line: str, name: str, at: int) -> list[Word]:
    """The words of a line, with their places; ``#`` starts a comment."""
    code = line.split("#", 1)[0]
    return [(m.group(), Span(name, at, m.start() + 1, at, m.end() + 1)) for m in re.finditer(r"\S+", code)]


def read_cli(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules that the commands install. Raises InputError with file, line and column."""
    builder = cli_builder(program)
    for at, line in enumerate(text.splitlines(), 1):
        parts = words(line, name, at)
        if parts:
            command(builder, parts)
    return builder.finish()


def cli_builder(program: ir.Program) -> Builder:
    """A builder whose ranks are negated CLI priorities; source entries take 1, 2, ... in the order they win."""
    ranks = {}
    for _, table in program.tables():
        order = {rule.span: -(i + 1) for i, rule in enumerate(source_entries(program, table))}
        ranks[table.control_name] = [order.get(entry.span, 0) for entry in table.entries]
    return Builder(program, source_rank=ranks)


def command(builder: Builder, parts: Sequence[Word]) -> None:
    """Carry out one command."""
    (verb, span), rest = parts[0], iter(parts[1:])
    match verb:
        case "table_add":
            _table_add(builder, rest, span)
        case "table_set_default":
            table = find_table(builder.program, *_next(rest, "a table", span))
            found = _action(builder, table, rest, span, as_default=True)
            builder.set_default(table, _call(found, list(rest), span), span)
        case "table_reset_default":
            table = find_table(builder.program, *_next(rest, "a table", span))
            builder.defaults.pop(table.control_name, None)
        case "table_clear":
            builder.clear(find_table(builder.program, *_next(rest, "a table", span)), span)
        case "pvs_add":
            _pvs_add(builder, rest, span)
        case _:
            raise InputError.at(span, f"command {verb} is not understood here")


def _next(rest: Iterator[Word], what: str, span: Span) -> Word:
    word = next(rest, None)
    if word is None:
        raise InputError.at(span, f"{what} is missing")
    return word


def _action(builder: Builder, table: ir.Table, rest: Iterator[Word], span: Span, *, as_default: bool) -> TableAction:
    name, place = _next(rest, "an action", span)
    return find_action(builder.program, table, name, place, as_default=as_default)


def _table_add(builder: Builder, rest: Iterator[Word], span: Span) -> None:
    table = find_table(builder.program, *_next(rest, "a table", span))
    found = _action(builder, table, rest, span, as_default=False)
    matches = []
    for key in table.keys:
        text, place = _next(rest, f"key {key.name}", span)
        if text == "=>":
            raise InputError.at(place, f"key {key.name} is missing")
        matches.append(check_match(table, key, _match(text, key, place), place))
    arrow, place = _next(rest, "=>", span)
    if arrow != "=>":
        raise InputError.at(place, f"expected =>, found {arrow}: table {table.control_name} has {len(table.keys)} keys")
    remaining = list(rest)
    args = remaining[: len(found.params)]
    call = _call(found, args, span)
    priority = _priority(table, remaining[len(found.params) :], span)
    rule = Rule(table.control_name, tuple(matches), call, priority, span)
    builder.add(table, rule, -(priority or 0))


def _priority(table: ir.Table, left: Sequence[Word], span: Span) -> int | None:
    if len(left) > 1 or (left and not needs_priority(table)):
        text, place = left[-1]
        raise InputError.at(place, f"{text} is too much: entries of {table.control_name} take no priority")
    if not needs_priority(table):
        return None
    if not left:
        raise InputError.at(span, f"an entry of table {table.control_name} needs a priority")
    priority = number(*left[0])
    if priority < 0:
        raise InputError.at(left[0][1], "priorities are not negative")
    return priority


def _call(found: TableAction, words_: Sequence[Word], span: Span) -> ActionCall:
    if len(words_) != len(found.params):
        wanted = f"{found.action.control_name} takes {len(found.params)} arguments"
        raise InputError.at(words_[-1][1] if words_ else span, f"{wanted}, not {len(words_)}")
    args = []
    for (text, place), param in zip(words_, found.params, strict=True):
        width = key_bits(param.type, param.span)
        args.append(check_value(signed_fit(number(text, place, width), width), param, place))
    return ActionCall(found.ref.action, tuple(args))


def _match(text: str, key: ir.Key, span: Span) -> Match:
    width = key_bits(key.expr.type, key.span)

    def value(part: str) -> int:
        return number(part, span, width)

    if key.match_kind == "lpm":
        prefix, slash, length = text.rpartition("/")
        if not slash or not length.isdecimal() or len(length) > 9:
            raise InputError.at(span, f"key {key.name} is lpm: write value/length")
        return Lpm(value(prefix), int(length))
    if key.match_kind in ("ternary", "optional"):
        bits, marks, mask = text.partition("&&&")
        if not marks:
            raise InputError.at(span, f"key {key.name} is {key.match_kind}: write value&&&mask")
        return Ternary(value(bits), value(mask))
    if key.match_kind == "range":
        low, arrow, high = text.partition("->")
        if not arrow:
            raise InputError.at(span, f"key {key.name} is a range: write low->high")
        return Range(value(low), value(high))
    return Exact(value(text))


def _pvs_add(builder: Builder, rest: Iterator[Word], span: Span) -> None:
    """``pvs_add NAME VALUE``: one member, its fields side by side in one number."""
    sets = [s for parser in builder.program.parsers for s in parser.value_sets]
    name, place = _next(rest, "a value set", span)
    found = pick(sets, lambda s: s.control_name, name, "value set", place)
    widths = value_set_widths(found.type, place)
    text, place = _next(rest, "a value", span)
    value, total = number(text, place, sum(widths)), sum(widths)
    if not 0 <= value < 1 << total:
        raise InputError.at(place, f"{text} does not fit the {total} bits of value set {found.control_name}")
    member: list[Match] = []
    for width in widths:
        total -= width
        member.append(Exact(value >> total & ((1 << width) - 1)))
    builder.value_sets.setdefault(found.control_name, []).append(tuple(member))


def value_set_widths(type_: ir.Type, span: Span) -> list[int]:
    """Bits of each part of a value set's members."""
    bare = ir.bare(type_)
    if isinstance(bare, ir.StructType):
        return [width for part in bare.fields for width in value_set_widths(part.type, span)]
    if isinstance(bare, ir.TupleType):
        return [width for part in bare.elements for width in value_set_widths(part, span)]
    return [key_bits(bare, span)]
