"""Rules as ``add`` and ``setdefault`` lines of STF tests (p4c's ``backends/bmv2/bmv2stf.py`` and ``tools/stf``).

``add TABLE [PRIORITY] KEY:VALUE ... ACTION(PARAM:VALUE, ...)``. Digits left open with ``*`` make masks or prefixes; a
ternary value without them matches by the digits written. The *largest* priority wins: p4c's runner hands BMv2, where
the smallest wins, 10000 less it. For ``ebpf_model`` p4c's runner writes lpm values into the kernel's map as the host
does, lowest byte first, and missing arguments are 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .. import ir
from ..source import InputError, Span
from .bmv2_cli import cli_builder, words
from .build import Builder, check_match, key_bits, needs_priority
from .names import TableAction, check_value, find_action, find_key, find_table, param_name
from .numbers import number, signed_fit, wildcard
from .ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

BMV2_SCALE = 10_000
EBPF_ARCHITECTURES = ("ebpf_model", "ubpf_model", "xdp_model")
VERBS = ("add", "setdefault")


@dataclass(frozen=True)
class Line:
    """A line without its comment, and where it is."""

    text: str
    file: str
    number: int

    def span(self, start: int, end: int | None = None) -> Span:
        """The place of characters ``start`` (from 0) up to ``end``."""
        stop = start + 1 if end is None else end
        return Span(self.file, self.number, start + 1, self.number, stop + 1)


def read_stf_rules(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules of the ``add`` and ``setdefault`` lines; a test's other lines are left alone."""
    builder = cli_builder(program)
    for at, line in enumerate(text.splitlines(), 1):
        parts = words(line, name, at)
        if parts and parts[0][0].lower() in VERBS:
            install(builder, Line(line.split("#", 1)[0].rstrip(), name, at))
    return builder.finish()


_CALL = re.compile(r"(?P<name>[^\s():]+)\s*\((?P<args>[^()]*)\)\s*(=\s*\S+\s*)?$")


def install(builder: Builder, line: Line) -> None:
    """Carry out one ``add`` or ``setdefault`` line."""
    head = re.match(r"\s*(\S+)\s+(\S+)", line.text)
    if head is None:
        raise InputError.at(line.span(0), "a table is missing")
    table = find_table(builder.program, head.group(2), line.span(head.start(2), head.end(2)))
    as_default = head.group(1).lower() == "setdefault"
    action = _CALL.search(line.text, head.end())
    if action is None:
        raise InputError.at(line.span(head.end()), "an action with its arguments in parentheses is missing")
    place = line.span(action.start("name"), action.end("name"))
    found = find_action(builder.program, table, action.group("name"), place, as_default=as_default)
    call = _arguments(builder.program, found, line, action)
    if as_default:
        builder.set_default(table, call, line.span(head.start(1), head.end(1)))
    else:
        _add(builder, table, call, line, head.end(), action.start())


def _arguments(program: ir.Program, found: TableAction, line: Line, action: re.Match[str]) -> ActionCall:
    given: dict[str, int] = {}
    for part in re.finditer(r"[^,\s][^,]*", action.group("args")):
        start = action.start("args") + part.start()
        span = line.span(start, start + len(part.group()))
        name, _, text = (piece.strip() for piece in part.group().partition(":"))
        param = next((p for p in found.params if param_name(p) == name), None)
        if param is None:
            raise InputError.at(span, f"{found.action.control_name} has no parameter {name}")
        if name in given:
            raise InputError.at(span, f"parameter {name} is given twice")
        width = key_bits(param.type, param.span)
        given[name] = check_value(signed_fit(number(text, span, width), width), param, span)
    for param in found.params:
        if param_name(param) not in given:
            if program.arch not in EBPF_ARCHITECTURES:
                place = line.span(action.start("name"), action.end("name"))
                raise InputError.at(place, f"{found.action.control_name} lacks its parameter {param_name(param)}")
            given[param_name(param)] = 0
    return ActionCall(found.ref.action, tuple(given[param_name(p)] for p in found.params))


def _add(builder: Builder, table: ir.Table, call: ActionCall, line: Line, start: int, end: int) -> None:
    priority = None
    matches: dict[int, Match] = {}
    for word in re.finditer(r"\S+", line.text[start:end]):
        span = line.span(start + word.start(), start + word.end())
        name, colon, value = word.group().partition(":")
        if not colon:
            if priority is not None or matches:
                raise InputError.at(span, f"expected KEY:VALUE, found {name}")
            priority = number(name, span)
            continue
        position = find_key(table, name, span)
        key = table.keys[position]
        if position in matches:
            raise InputError.at(span, f"key {key.name} is given twice")
        matches[position] = check_match(table, key, _match(builder.program, value, key, span), span)
    place = line.span(len(line.text) - len(line.text.lstrip()))
    if needs_priority(table) and priority is None:
        raise InputError.at(place, f"an entry of table {table.control_name} needs a priority")
    ordered = tuple(
        matches[i] if i in matches else _missing(table, table.keys[i], place) for i in range(len(table.keys))
    )
    rank = (priority or 0) - BMV2_SCALE
    builder.add(table, Rule(table.control_name, ordered, call, priority, place), rank)


def _missing(table: ir.Table, key: ir.Key, span: Span) -> Match:
    match key.match_kind:
        case "ternary" | "optional":
            return Ternary(0, 0)
        case "lpm":
            return Lpm(0, 0)
        case "range":
            return Range(0, (1 << key_bits(key.expr.type, key.span)) - 1)
    raise InputError.at(span, f"key {key.name} of table {table.control_name} is missing")


def _match(program: ir.Program, text: str, key: ir.Key, span: Span) -> Match:
    width = key_bits(key.expr.type, key.span)
    match key.match_kind:
        case "ternary":
            return _ternary(text, width, span)
        case "lpm":
            return _lpm(program, text, width, span)
        case "range":
            low, arrow, high = text.partition("->")
            return Range(number(low, span, width), number(high if arrow else low, span, width))
    return Exact(signed_fit(number(text, span, width), width))


def _ternary(text: str, width: int, span: Span) -> Ternary:
    value, marks, mask = text.partition("&&&")
    if marks:
        return Ternary(number(value, span, width), number(mask, span, width))
    bits, open_mask, _ = wildcard(text, span)
    if open_mask == -1:
        open_mask = (1 << width) - 1
    if bits >> width:
        raise InputError.at(span, f"{text} does not fit {width} bits")
    return Ternary(bits, open_mask & ((1 << width) - 1))


def _lpm(program: ir.Program, text: str, width: int, span: Span) -> Lpm:
    value, slash, length = text.partition("/")
    if slash:
        if not length.isdecimal() or len(length) > 9:
            raise InputError.at(span, f"{length!r} is no prefix length")
        bits = number(value, span, width)
        if program.arch in EBPF_ARCHITECTURES and width % 8 == 0 and 0 <= bits < 1 << width:
            bits = int.from_bytes(bits.to_bytes(width // 8, "little"), "big")
        return Lpm(bits, int(length))
    bits, mask, digits = wildcard(text, span)
    if mask == -1 or mask == (1 << digits) - 1:
        return Lpm(bits, width)
    given = mask.bit_count()
    if digits != width or mask != ((1 << given) - 1) << (digits - given):
        raise InputError.at(span, f"{text} is no prefix of {width} bits")
    return Lpm(bits, given)
