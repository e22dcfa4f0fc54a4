"""Rules as lines of STF tests: ``add``, ``setdefault``, ``remove``, and BMv2's CLI commands.

After p4c's ``backends/bmv2/bmv2stf.py``, ``backends/ebpf/targets/ebpfstf.py`` and ``tools/stf``:

* ``add TABLE [PRIORITY] KEY:VALUE ... ACTION(PARAM:VALUE, ...) [= NAME]``; ``setdefault TABLE ACTION(...)``;
  ``remove all``, ``remove NAME``, ``remove TABLE [PRIORITY] KEY:VALUE ...``.
* Names are as in :mod:`.names`, or the last letters of one; with any other letters in them they stand in quotes.
* Digits left open with ``*`` make masks or prefixes; a ternary or lpm value without them matches by the digits written
  (on BMv2 ``0x0a`` as a prefix is its eight bits). Keys that are left out match anything, exact ones 0.
* The *largest* priority wins: p4c's runner hands BMv2, where the smallest wins, 10000 less it.
* For eBPF p4c's runner writes lpm values into the kernel's map as the host does, lowest byte first, and missing
  arguments are 0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .. import ir
from ..source import InputError, Span
from .bmv2_cli import COMMANDS, INERT, NOT_MODELLED, cli_builder, run_command
from .bmv2_session import Cli, Word, words
from .build import SELECTOR, Builder, Identity, check_match, identity, match_keys, needs_priority
from .names import TableAction, check_value, find_action, find_key, find_table, param_name
from .numbers import number, signed_fit, wildcard
from .ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from .values import key_bits

BMV2_SCALE = 10_000
EBPF_ARCHITECTURES = ("ebpf_model", "ubpf_model", "xdp_model")
BMV2_ARCHITECTURES = ("v1model", "psa")
VERBS = ("add", "setdefault", "remove")
CHECKS = ("packet", "expect", "no_packet", "wait", "check_counter")
"""Lines that install nothing."""


@dataclass(frozen=True)
class Line:
    """A line without its comment, and where it is."""

    text: str
    file: str
    number: int

    def words(self) -> list[Word]:
        """The words, with their places."""
        return words(self.text, self.file, self.number)

    def start(self) -> Span:
        """The place of the first word."""
        return self.span(len(self.text) - len(self.text.lstrip()))

    def span(self, start: int, end: int | None = None) -> Span:
        """The place of characters ``start`` (from 0) up to ``end``."""
        stop = start + 1 if end is None else end
        return Span(self.file, self.number, start + 1, self.number, stop + 1)


@dataclass
class StfRules:
    """What the lines of a test install: through BMv2's CLI, with names for entries (``add ... = NAME``)."""

    cli: Cli
    _named: dict[str, tuple[ir.Table, Identity]] = field(default_factory=dict)

    @property
    def builder(self) -> Builder:
        """What is installed."""
        return self.cli.builder

    def line(self, line: Line) -> bool:
        """Carry out a line that installs or removes something; whether it is one."""
        verb = line.text.split(None, 1)[0].lower()
        if verb in ("add", "setdefault"):
            self._install(line)
        elif verb == "remove":
            self._remove(line)
        elif verb in COMMANDS or INERT.fullmatch(verb) or NOT_MODELLED.fullmatch(verb):
            run_command(self.cli, [(verb, line.words()[0][1]), *line.words()[1:]])
        else:
            return False
        return True

    def named(self, name: str, span: Span) -> tuple[ir.Table, Identity]:
        """The entry that ``add ... = NAME`` gave a name. Raises InputError."""
        if name.lstrip("$") not in self._named:
            raise InputError.at(span, f"no entry is called {name}")
        return self._named[name.lstrip("$")]

    def _install(self, line: Line) -> None:
        head = re.match(r"\s*(\S+)\s+(\"[^\"]*\"|\S+)", line.text)
        if head is None:
            raise InputError.at(line.span(0), "a table is missing")
        where = line.span(head.start(2), head.end(2))
        table = find_table(self.builder.program, _unquoted(head.group(2)), where, loose=True)
        as_default = head.group(1).lower() == "setdefault"
        action = _CALL.search(line.text, head.end())
        if action is None:
            raise InputError.at(line.span(head.end()), "an action with its arguments in parentheses is missing")
        place = line.span(action.start("name"), action.end("name"))
        name = _unquoted(action.group("name"))
        found = find_action(self.builder.program, table, name, place, as_default=as_default, loose=True)
        call = _arguments(self.builder.program, found, line, action)
        if as_default:
            self.builder.set_default(table, call, line.span(head.start(1), head.end(1)))
            return
        matches, priority = _entry(self.builder.program, table, line, head.end(), action.start())
        handles = self.cli.handles(table)
        rule = Rule(table.control_name, matches, call, priority, line.start())
        which = self.builder.add(table, rule, _rank(self.builder.program, priority))
        handles.take(which)
        if action.group("id"):
            self._named[action.group("id").lstrip("$")] = table, which

    def _remove(self, line: Line) -> None:
        """``remove all``, ``remove NAME`` of an entry, or ``remove TABLE [PRIORITY] KEY:VALUE ...``."""
        parts = line.words()
        if len(parts) < 2:
            raise InputError.at(line.start(), "remove all, an entry's name, or a table and an entry's keys")
        if len(parts) == 2 and parts[1][0].lower() == "all":
            for _, table in self.builder.program.tables():
                if not table.const_entries and match_keys(table):
                    self.cli.forget(table)
                    self.builder.clear(table, parts[0][1])
            return
        table, which = self._entry_of(line, parts)
        self.builder.remove(table, which, line.start())
        self.cli.handles(table).free(which)

    def _entry_of(self, line: Line, parts: list[Word]) -> tuple[ir.Table, Identity]:
        name, span = parts[1]
        if len(parts) == 2:
            return self.named(name, span)
        table = find_table(self.builder.program, _unquoted(name), span, loose=True)
        action = _CALL.search(line.text, span.end_column - 1)
        end = action.start() if action is not None else len(line.text)
        matches, priority = _entry(self.builder.program, table, line, span.end_column - 1, end)
        rule = Rule(table.control_name, matches, ActionCall(""), priority, line.start())
        return table, identity(table, rule, _rank(self.builder.program, priority))


def read_stf_rules(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules that a test's lines install; packets and what is expected of them are left alone."""
    rules = StfRules(Cli(cli_builder(program)))
    for at, content in enumerate(text.splitlines(), 1):
        line = Line(content.split("#", 1)[0].rstrip(), name, at)
        if line.text.strip() and not rules.line(line):
            verb, span = line.words()[0]
            if verb.lower() not in CHECKS:
                raise InputError.at(span, f"command {verb} is not understood here")
    return rules.builder.finish()


_CALL = re.compile(r"(?P<name>\"[^\"]*\"|[^\s():]+)\s*\((?P<args>[^()]*)\)\s*(=\s*(?P<id>\S+)\s*)?$")


def _unquoted(name: str) -> str:
    return name[1:-1] if len(name) > 1 and name[0] == name[-1] == '"' else name


def _rank(program: ir.Program, priority: int | None) -> int:
    """p4c's runner hands BMv2 10000 less the priority."""
    return (priority or 0) - BMV2_SCALE


def _arguments(program: ir.Program, found: TableAction, line: Line, action: re.Match[str]) -> ActionCall:
    given: dict[str, int] = {}
    for part in re.finditer(r"[^,\s][^,]*", action.group("args")):
        start = action.start("args") + part.start()
        span = line.span(start, start + len(part.group()))
        name, _, text = (piece.strip() for piece in part.group().partition(":"))
        param = next((p for p in found.params if param_name(p) == name), None)
        if param is None and program.arch in EBPF_ARCHITECTURES and len(given) < len(found.params):
            param = found.params[len(given)]  # p4c's runner for eBPF only looks at the order
            name = param_name(param)
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


_PAIR = re.compile(
    r"""(?P<name>"[^"]*"|(?:[^\s:\["]|\[[^\]]*\])+)\s*:\s*(?P<value>[^\s/]+(?:\s*/\s*[^\s/]+)?)|\S+""", re.VERBOSE
)
"""A key with its value (the name may hold a slice: ``x[7:0]:5``), or a word alone."""


def _entry(
    program: ir.Program, table: ir.Table, line: Line, start: int, end: int
) -> tuple[tuple[Match, ...], int | None]:
    """The matches and the priority in a part of a line."""
    priority = None
    matches: dict[int, Match] = {}
    for word in _PAIR.finditer(line.text, start, end):
        span = line.span(word.start(), word.end())
        name, value = word["name"], word["value"]
        if name is None:
            if priority is not None or matches:
                raise InputError.at(span, f"expected KEY:VALUE, found {word.group()}")
            priority = number(word.group(), span)
            continue
        position = find_key(table, _unquoted(name), span)
        key = table.keys[position]
        if position in matches:
            raise InputError.at(span, f"key {key.name} is given twice")
        if key.match_kind == SELECTOR:
            raise InputError.at(span, f"key {key.name} only chooses among a group's members")
        matches[position] = check_match(table, key, _match(program, value, key, span), span)
    if needs_priority(table) and priority is None and program.arch in BMV2_ARCHITECTURES:
        raise InputError.at(line.start(), f"an entry of table {table.control_name} needs a priority")
    found = (matches.get(i, _missing(key)) for i, key in enumerate(table.keys) if key.match_kind != SELECTOR)
    return tuple(found), priority


def _missing(key: ir.Key) -> Match:
    """A key that is left out: anything, or 0 where it is exact; p4c's runners start their entries like that."""
    match key.match_kind:
        case "ternary" | "optional":
            return Ternary(0, 0)
        case "lpm":
            return Lpm(0, 0)
        case "range":
            return Range(0, (1 << key_bits(key.expr.type, key.span)) - 1)
    return Exact(0)


def _match(program: ir.Program, text: str, key: ir.Key, span: Span) -> Match:
    width = key_bits(key.expr.type, key.span)
    if text == "*" and key.match_kind != "exact":
        return _missing(key)
    match key.match_kind:
        case "ternary":
            return _ternary(text, width, span)
        case "optional":
            return _optional(text, width, span)
        case "lpm":
            return _lpm(program, text, width, span)
        case "range":
            low, arrow, high = text.partition("->") if "->" in text else text.partition("..")
            return Range(_value(low, width, span), _value(high if arrow else low, width, span))
    return Exact(_value(text, width, span))


def _value(text: str, width: int, span: Span) -> int:
    return signed_fit(number(text, span, width), width)


def _optional(text: str, width: int, span: Span) -> Match:
    value, marks, mask = text.partition("&&&")
    if marks:
        return Ternary(_value(value, width, span), _value(mask, width, span))
    return Exact(_value(text, width, span))


def _ternary(text: str, width: int, span: Span) -> Ternary:
    value, marks, mask = text.partition("&&&")
    if marks:
        return Ternary(_value(value, width, span), _value(mask, width, span))
    if "*" not in text and text[:2].lower() not in ("0x", "0b", "0o"):
        return Ternary(_value(text, width, span), (1 << width) - 1)
    bits, open_mask, _ = wildcard(text, span)
    if bits >> width:
        raise InputError.at(span, f"{text} does not fit {width} bits")
    return Ternary(bits, open_mask & ((1 << width) - 1))


def _lpm(program: ir.Program, text: str, width: int, span: Span) -> Lpm:
    value, slash, length = (part.strip() for part in text.partition("/"))
    if slash:
        if not length.isdecimal() or len(length) > 9:
            raise InputError.at(span, f"{length!r} is no prefix length")
        bits = _value(value, width, span)
        if program.arch in EBPF_ARCHITECTURES and width % 8 == 0 and 0 <= bits < 1 << width:
            bits = int.from_bytes(bits.to_bytes(width // 8, "little"), "big")
        return Lpm(bits, int(length))
    if text[:2].lower() not in ("0x", "0b", "0o"):
        return Lpm(_value(text, width, span), width)
    bits, mask, digits = wildcard(text, span)
    if mask == (1 << digits) - 1 and program.arch not in BMV2_ARCHITECTURES:
        return Lpm(bits, width)
    given = mask.bit_count()
    open_ = digits - given
    if mask != ((1 << given) - 1) << open_ or (open_ and digits != width):
        raise InputError.at(span, f"{text} is no prefix of {width} bits")
    return Lpm(bits, min(given, width))
