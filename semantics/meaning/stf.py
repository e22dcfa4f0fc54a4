"""STF tests: packets in, packets expected out, rules and state in between (p4c's ``tools/stf``).

The dialect: ``packet PORT HEX``; ``expect PORT [HEX]`` (``*`` is any digit; a ``$`` at the end asks for nothing
behind it, without it the packet may go on; without digits any packets may come out of the port); ``add``,
``setdefault``, ``remove all``, ``table_add`` and its kin; ``wait``, ``no_packet``; ``check_counter``,
``register_read`` and ``register_write``. ``#`` starts a comment. Packets of one port are compared in order; a port for
which nothing is expected must stay silent.

A test runs on a :class:`Machine`: the program's meaning (:class:`Reference`), or whatever else is to be judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .. import ir
from ..rules.bmv2_cli import cli_builder, command, words
from ..rules.numbers import number
from ..rules.ruleset import RuleSet
from ..rules.stf_rules import Line, install
from ..source import InputError, Span, Unsupported
from .program import run

Sent = tuple[str, int, bytes]
"""``(to, port, frame)``; what goes to the stack is expected at the port that it came in by."""

_IGNORED = ("wait", "mc_dump", "mirroring_get")
_CLI = ("table_add", "table_set_default", "table_reset_default", "table_clear", "pvs_add")
_LATER = (
    "mc_node_create", "mc_node_associate", "mc_mgrp_create", "mirroring_add", "mirroring_add_mc", "mirroring_delete",
)  # fmt: skip


class Machine(Protocol):
    """What a test is run on; it keeps its state from packet to packet."""

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """What comes out for a frame that comes in at a port, under the rules installed so far."""
        ...

    def cell(self, name: str, index: int) -> int | None:
        """What a cell of a counter or register holds now; None if the machine cannot tell."""
        ...


@dataclass
class Reference:
    """The program's meaning as a machine; choices are 0, state starts with 0."""

    program: ir.Program
    state: dict[str, dict[int, int]] = field(default_factory=dict)

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See :class:`Machine`."""
        result = run(self.program, rules, packet, port, cells={n: self._reader(c) for n, c in self.state.items()})
        for name, cells in result.state.items():
            self.state.setdefault(name, {}).update(cells)
        return result.outputs

    @staticmethod
    def _reader(cells: dict[int, int]) -> Callable[[int], int]:
        return lambda index: cells.get(index, 0)

    def cell(self, name: str, index: int) -> int | None:
        """See :class:`Machine`."""
        for known in (name, *(n for n in self.state if n.endswith("." + name))):
            if known in self.state:
                return self.state[known].get(index, 0)
        return 0


@dataclass(frozen=True)
class CallableMachine:
    """A function of packet and port as a machine, under whatever rules it holds."""

    function: Callable[[bytes, int], Sequence[Sent]]

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See :class:`Machine`."""
        return self.function(packet, port)

    def cell(self, name: str, index: int) -> int | None:
        """See :class:`Machine`."""
        return None


@dataclass(frozen=True)
class Mismatch:
    """Something that did not come out as the test says."""

    message: str
    span: Span

    def __str__(self) -> str:
        return f"{self.span}: {self.message}"


@dataclass(frozen=True)
class StfResult:
    """How a test ended."""

    mismatches: tuple[Mismatch, ...]
    packets: int
    """Packets sent."""
    expectations: int
    """Packets, counters and registers compared."""

    @property
    def passed(self) -> bool:
        """Whether all came out as the test says."""
        return not self.mismatches

    def __str__(self) -> str:
        return "\n".join(map(str, self.mismatches)) or f"passed: {self.packets} packets, {self.expectations} checks"


@dataclass(frozen=True, slots=True)
class _Expected:
    digits: str | None
    exact: bool
    span: Span


@dataclass
class _Test:
    """A test being run."""

    program: ir.Program
    machine: Machine
    expected: dict[int, list[_Expected]] = field(default_factory=dict)
    seen: dict[int, list[tuple[bytes, Span]]] = field(default_factory=dict)
    mismatches: list[Mismatch] = field(default_factory=list)
    packets: int = 0
    checks: int = 0
    rules: RuleSet | None = None

    def __post_init__(self) -> None:
        self.builder = cli_builder(self.program)


def run_stf(program: ir.Program, text: str, name: str, machine: Machine | None = None) -> StfResult:
    """Run an STF test.

    Args:
        program: what the rules of the test are for.
        text: the test; ``name`` is its file's name, for messages.
        name: as above.
        machine: what is tested; None for the program's meaning.

    Raises:
        InputError: the test is none, with file, line and column.
        Unsupported: it uses what is not modelled.
    """
    test = _Test(program, machine if machine is not None else Reference(program))
    for at, line in enumerate(text.splitlines(), 1):
        parts = words(line, name, at)
        if parts:
            _command(test, parts, Line(line.split("#", 1)[0].rstrip(), name, at))
    _compare(test)
    return StfResult(tuple(test.mismatches), test.packets, test.checks)


def _command(test: _Test, parts: Sequence[tuple[str, Span]], line: Line) -> None:
    verb, span = parts[0]
    verb = verb.lower()
    match verb:
        case "packet":
            _packet(test, parts, span)
        case "expect":
            _expect(test, parts, span)
        case "no_packet":
            test.expected.clear()
        case "add" | "setdefault":
            install(test.builder, line)
            test.rules = None
        case "remove":
            _remove(test, parts, span)
        case "check_counter" | "register_read":
            _check_cell(test, parts, span)
        case _ if verb in _CLI:
            command(test.builder, parts)
            test.rules = None
        case _ if verb in _LATER:
            raise Unsupported(f"STF command {verb}", span)
        case _ if verb not in _IGNORED:
            raise InputError.at(span, f"command {verb} is not understood here")


def _remove(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    if len(parts) != 2 or parts[1][0].lower() != "all":
        raise Unsupported("STF command remove of single entries", span)
    for _, table in test.program.tables():
        if not table.const_entries and table.keys:
            test.builder.clear(table, span)
    test.rules = None


def _port(parts: Sequence[tuple[str, Span]], span: Span) -> int:
    if len(parts) < 2:
        raise InputError.at(span, "a port is missing")
    port = number(*parts[1])
    if not 0 <= port < 1 << 32:
        raise InputError.at(parts[1][1], f"{port} is no port")
    return port


def _packet(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    port = _port(parts, span)
    digits = "".join(text for text, _ in parts[2:])
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", digits):
        raise InputError.at(parts[2][1], "a packet is an even number of hexadecimal digits")
    if test.rules is None:
        test.rules = test.builder.finish()
    test.packets += 1
    try:
        sent = test.machine.send(bytes.fromhex(digits), port, test.rules)
    except Unsupported as problem:
        raise problem if problem.span.file else Unsupported(problem.reason, span) from problem
    for to, out_port, frame in sent:
        test.seen.setdefault(port if to == "stack" else out_port, []).append((frame, span))


def _expect(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    port = _port(parts, span)
    digits = "".join(text for text, _ in parts[2:]).lower()
    exact = digits.endswith("$")
    digits = digits.removesuffix("$")
    if not re.fullmatch(r"[0-9a-f*]*", digits):
        raise InputError.at(parts[2][1], "what is expected is hexadecimal digits, *, and $ at the end")
    given = digits if digits or exact else None
    test.expected.setdefault(port, []).append(_Expected(given, exact, span))


# --- comparing ------------------------------------------------------------------------------------------------------


def _compare(test: _Test) -> None:
    for port in sorted(test.expected.keys() | test.seen.keys()):
        wanted, seen = test.expected.get(port, []), test.seen.get(port, [])
        if any(item.digits is None for item in wanted):
            test.checks += len(wanted)
            continue
        for item, (frame, sender) in zip(wanted, seen, strict=False):
            test.checks += 1
            problem = _difference(item, frame)
            if problem:
                test.mismatches.append(Mismatch(f"port {port}: {problem} (sent at line {sender.line})", item.span))
        for item in wanted[len(seen) :]:
            test.checks += 1
            test.mismatches.append(Mismatch(f"port {port}: no packet came, expected {item.digits}", item.span))
        for frame, sender in seen[len(wanted) :]:
            test.mismatches.append(Mismatch(f"port {port}: {frame.hex()} came, nothing expected", sender))


def _difference(item: _Expected, frame: bytes) -> str:
    """What is wrong with a frame; "" if nothing is."""
    wanted, got = item.digits or "", frame.hex()
    if len(got) < len(wanted):
        return f"{len(got) // 2} bytes came, expected {len(wanted) // 2}: {got}"
    if item.exact and len(got) > len(wanted):
        return f"{len(got) // 2} bytes came, expected just {len(wanted) // 2}: {got}"
    for i, digit in enumerate(wanted):
        if digit not in ("*", got[i]):
            return f"byte {i // 2} differs: expected {wanted}, got {got}"
    return ""


_OPERATORS: dict[str, Callable[[int, int], bool]] = {
    "==": lambda x, y: x == y,
    "=": lambda x, y: x == y,
    "!=": lambda x, y: x != y,
    "<": lambda x, y: x < y,
    "<=": lambda x, y: x <= y,
    ">": lambda x, y: x > y,
    ">=": lambda x, y: x >= y,
}


def _check_cell(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    """``check_counter NAME(INDEX) [packets|bytes] OPERATOR VALUE``; ``register_read NAME INDEX`` only reads."""
    if parts[0][0].lower() == "register_read":
        if len(parts) != 3:
            raise InputError.at(span, "register_read NAME INDEX")
        return
    found = re.fullmatch(r"([\w.]+)\((\d+)\)", parts[1][0]) if len(parts) > 1 else None
    if found is None or len(parts) not in (4, 5) or parts[-2][0] not in _OPERATORS:
        raise InputError.at(span, "check_counter NAME(INDEX) [packets|bytes] OPERATOR VALUE")
    name = found.group(1)
    if len(parts) == 5 and test.machine.cell(f"{name}.{parts[2][0]}", 0) is not None:
        name = f"{name}.{parts[2][0]}" if test.machine.cell(f"{name}.{parts[2][0]}", int(found.group(2))) else name
    value = test.machine.cell(name, int(found.group(2)))
    wanted = number(*parts[-1])
    test.checks += 1
    if value is None:
        raise Unsupported("a counter of a machine that does not tell", span)
    if not _OPERATORS[parts[-2][0]](value, wanted):
        test.mismatches.append(Mismatch(f"counter {name} holds {value}, expected {parts[-2][0]} {wanted}", span))
