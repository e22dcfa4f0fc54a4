"""STF tests: packets in, packets expected out, rules and state in between (p4c's ``tools/stf`` and ``bmv2stf.py``).

The dialect: ``packet PORT HEX``; ``expect PORT [HEX]`` (``*`` is any digit; a ``$`` at the end asks for nothing
behind it, without it the packet may go on; without digits one packet of any kind must come); ``no_packet`` (the
packet before it made none come out); ``wait``; ``check_counter NAME(INDEX) [packets|bytes] OPERATOR VALUE``, where the
index may be ``$ENTRY``, the name that ``add ... = ENTRY`` gave; ``register_read`` and ``register_write``; what
installs rules is in :mod:`p4verify.semantics.rules.stf_rules`. ``#`` starts a comment. Packets of one port are
compared in order; a port for which nothing is expected must stay silent. On BMv2's architectures the switch has only
the ports that a test names in ``packet`` and ``expect`` lines: what leaves by another one is counted, not compared.

A test runs on a :class:`Machine`: the program's meaning (:class:`Reference`), or whatever else is to be judged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from .. import ir
from ..rules.bmv2_cli import cli_builder
from ..rules.bmv2_session import Cli
from ..rules.cells import cell_names, find_cells, initial_values
from ..rules.entry_cells import renumbered
from ..rules.learned import learned, with_learned
from ..rules.numbers import number
from ..rules.ruleset import Rule, RuleSet
from ..rules.stf_rules import BMV2_ARCHITECTURES, Line, StfRules
from ..source import InputError, Span, Unsupported
from .program import Run, run

Sent = tuple[str, int, bytes]
"""``(to, port, frame)``; what goes to the stack is expected at the port that it came in by."""

Word = tuple[str, Span]


class Machine(Protocol):
    """What a test is run on; it keeps its state from packet to packet."""

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """What comes out for a frame that comes in at a port, under the rules installed so far."""
        ...

    def installed(self, rules: RuleSet) -> None:
        """These are the rules from now on."""
        ...

    def cell(self, name: str, index: int) -> int | None:
        """What a cell of a counter or register holds now; None if the machine cannot tell."""
        ...

    def write(self, name: str, index: int, value: int) -> None:
        """Cell ``index`` of the state ``name`` holds ``value`` from now on. Raises Unsupported."""
        ...

    def reset(self, name: str) -> None:
        """All cells of a state hold 0 from now on. Raises Unsupported."""
        ...


class Stopped(Exception):
    """The machine stops for good on a packet."""


@dataclass
class Reference:
    """The program's meaning as a machine; what is undefined is what was there last, or 0, as in the machines for which
    such tests are written; state starts with its initial value or 0."""

    program: ir.Program
    state: dict[str, dict[int, int]] = field(default_factory=dict)
    entries: list[Rule] = field(default_factory=list)
    """Entries that the program itself has made."""
    leftovers: bool = True
    """Whether what is undefined is what was there last; else it is 0."""
    initial: dict[str, int] = field(init=False)
    _known: RuleSet | None = None
    """The rules of which the entries number the cells of direct counters in ``state``."""

    def __post_init__(self) -> None:
        self.initial = initial_values(self.program)

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See :class:`Machine`. Raises Stopped."""
        result = self.receive(packet, port, rules)
        if result.failed is not None:
            where = result.failed.get("where", {})
            raise Stopped(f"{result.failed['extern']} at {where.get('file', '')}:{where.get('line', '')} is false")
        return result.outputs

    def receive(self, packet: bytes, port: int, rules: RuleSet) -> Run:
        """All that happens to a frame that comes in; state and entries that it leaves are met by the next."""
        known = self._follow(rules)
        cells = {name: self._reader(name) for name in self.state}
        result = run(self.program, known, packet, port, cells=cells, leftovers=self.leftovers)
        made = (learned(self.program, name, fields) for name, fields in result.events)
        self.entries += [rule for rule in made if rule is not None]
        for name, written in result.state.items():
            self.state.setdefault(name, {}).update(written)
        return result

    def installed(self, rules: RuleSet) -> None:
        """See :class:`Machine`."""
        self._follow(rules)

    def _follow(self, rules: RuleSet) -> RuleSet:
        """Rules with the entries that the program has made; cells of entries keep to them."""
        known = with_learned(rules, self.entries)
        if self._known is not None:
            self.state = renumbered(self.program, self.state, self._known, known)
        self._known = known
        return known

    def _reader(self, name: str) -> Callable[[int], int]:
        return lambda index: self.cell(name, index)

    def cell(self, name: str, index: int) -> int:
        """See :class:`Machine`."""
        return self.state.get(name, {}).get(index, self.initial.get(name, 0))

    def write(self, name: str, index: int, value: int) -> None:
        """See :class:`Machine`."""
        self.state.setdefault(name, {})[index] = value

    def reset(self, name: str) -> None:
        """See :class:`Machine`."""
        self.initial[name] = 0
        self.state[name] = {}


class Opaque:
    """What a machine does whose state nobody can see or set."""

    def installed(self, rules: RuleSet) -> None:
        """See :class:`Machine`; it is told with each frame."""

    def cell(self, name: str, index: int) -> int | None:
        """See :class:`Machine`."""
        return None

    def write(self, name: str, index: int, value: int) -> None:
        """See :class:`Machine`."""
        raise Unsupported("writing state of a machine that does not let it")

    def reset(self, name: str) -> None:
        """See :class:`Machine`."""
        raise Unsupported("resetting state of a machine that does not let it")


@dataclass(frozen=True)
class CallableMachine(Opaque):
    """A function of packet and port as a machine, under whatever rules it holds."""

    function: Callable[[bytes, int], Sequence[Sent]]

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See :class:`Machine`."""
        return self.function(packet, port)


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
    unseen: int = 0
    """Packets that left by ports which the test does not name, so that its switch does not have them."""

    @property
    def passed(self) -> bool:
        """Whether all came out as the test says."""
        return not self.mismatches

    def __str__(self) -> str:
        if self.mismatches:
            return "\n".join(map(str, self.mismatches))
        passed = f"passed: {self.packets} packets, {self.expectations} checks"
        return passed + (f"; {self.unseen} packets left by ports that the test does not name" if self.unseen else "")


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
    ports: set[int] = field(default_factory=set)
    """Those that the test names."""
    packets: int = 0
    checks: int = 0
    rules: RuleSet | None = None
    last: tuple[Span, int] | None = None
    """The last packet that was sent, and how many came out for it."""

    def __post_init__(self) -> None:
        self.installed = StfRules(Cli(cli_builder(self.program), self.machine))

    def current(self) -> RuleSet:
        """The rules installed so far."""
        if self.rules is None:
            self.rules = self.installed.builder.finish()
            self.machine.installed(self.rules)
        return self.rules


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
    for at, content in enumerate(text.splitlines(), 1):
        line = Line(content.split("#", 1)[0].rstrip(), name, at)
        if line.text.strip():
            _command(test, line)
    unseen = _compare(test)
    return StfResult(tuple(test.mismatches), test.packets, test.checks, unseen)


def _command(test: _Test, line: Line) -> None:
    parts = line.words()
    verb, span = parts[0]
    match verb.lower():
        case "packet":
            _packet(test, parts, span)
        case "expect":
            _expect(test, parts, span)
        case "no_packet":
            _no_packet(test, span)
        case "wait":
            pass
        case "check_counter":
            _check_counter(test, parts, span)
        case "register_read" | "counter_read":
            _read(test, parts, span)
        case _:
            test.rules = None
            try:
                known = test.installed.line(line)
            except Unsupported as problem:
                raise problem if problem.span.file else Unsupported(problem.reason, span) from problem
            if not known:
                raise InputError.at(span, f"command {verb} is not understood here")


def _no_packet(test: _Test, span: Span) -> None:
    if test.last is None:
        raise InputError.at(span, "no packet was sent before")
    test.checks += 1
    if test.last[1]:
        test.mismatches.append(Mismatch(f"{test.last[1]} packets came for the one of line {test.last[0].line}", span))


def _port(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> int:
    if len(parts) < 2:
        raise InputError.at(span, "a port is missing")
    port = number(*parts[1])
    if not 0 <= port < 1 << 32:
        raise InputError.at(parts[1][1], f"{port} is no port")
    test.ports.add(port)
    return port


def _packet(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    port = _port(test, parts, span)
    digits = "".join(text for text, _ in parts[2:])
    if not re.fullmatch(r"([0-9a-fA-F]{2})*", digits):
        raise InputError.at(parts[2][1], "a packet is an even number of hexadecimal digits")
    test.packets += 1
    try:
        sent = test.machine.send(bytes.fromhex(digits), port, test.current())
    except Unsupported as problem:
        raise problem if problem.span.file else Unsupported(problem.reason, span) from problem
    except ValueError as problem:  # a port or a length that the machine has not
        raise InputError.at(span, str(problem)) from None
    except Stopped as why:
        sent = ()
        test.mismatches.append(Mismatch(f"the machine stops: {why}", span))
    test.last = span, len(sent)
    for to, out_port, frame in sent:
        test.seen.setdefault(port if to == "stack" else out_port, []).append((frame, span))


def _expect(test: _Test, parts: Sequence[tuple[str, Span]], span: Span) -> None:
    port = _port(test, parts, span)
    digits = "".join(text for text, _ in parts[2:]).lower()
    exact = digits.endswith("$")
    digits = digits.removesuffix("$")
    if not re.fullmatch(r"[0-9a-f*]*", digits):
        raise InputError.at(parts[2][1], "what is expected is hexadecimal digits, *, and $ at the end")
    given = digits if digits or exact else None
    test.expected.setdefault(port, []).append(_Expected(given, exact, span))


# --- comparing ------------------------------------------------------------------------------------------------------


def _compare(test: _Test) -> int:
    """Compare what came with what is expected; how many packets left by ports that the switch does not have."""
    unnamed = test.seen.keys() - test.ports if test.program.arch in BMV2_ARCHITECTURES else set()
    for port in sorted((test.expected.keys() | test.seen.keys()) - unnamed):
        wanted, seen = test.expected.get(port, []), test.seen.get(port, [])
        for item, (frame, sender) in zip(wanted, seen, strict=False):
            test.checks += 1
            problem = _difference(item, frame)
            if problem:
                test.mismatches.append(Mismatch(f"port {port}: {problem} (sent at line {sender.line})", item.span))
        for item in wanted[len(seen) :]:
            test.checks += 1
            expected = "one" if item.digits is None else item.digits
            test.mismatches.append(Mismatch(f"port {port}: no packet came, expected {expected}", item.span))
        for frame, sender in seen[len(wanted) :]:
            test.mismatches.append(Mismatch(f"port {port}: {frame.hex()} came, nothing expected", sender))
    return sum(len(test.seen[port]) for port in unnamed)


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


def _read(test: _Test, parts: Sequence[Word], span: Span) -> None:
    """``register_read NAME [INDEX]`` and ``counter_read NAME INDEX`` show a cell: that it is there is all they ask."""
    if len(parts) not in (2, 3):
        raise InputError.at(span, f"{parts[0][0]} NAME INDEX")
    found = find_cells(test.program, parts[0][0].lower().partition("_")[0], *parts[1])
    if len(parts) == 3:
        found.check_index(number(*parts[2]), parts[2][1])


_COUNTER = re.compile(
    r"check_counter\s+\"?(?P<name>[\w.$]+)\"?\s*\(\s*(?P<index>\$?\w+)\s*\)\s*(?P<rest>.*)", re.IGNORECASE
)


def _check_counter(test: _Test, parts: Sequence[Word], span: Span) -> None:
    """``check_counter NAME(INDEX) [[packets|bytes] OPERATOR VALUE]``."""
    usage = InputError.at(span, "check_counter NAME(INDEX) [packets|bytes] OPERATOR VALUE")
    found = _COUNTER.fullmatch(" ".join(text for text, _ in parts))
    if found is None:
        raise usage
    wanted = re.fullmatch(r"((packets|bytes)\s+)?(==|=|!=|<=|<|>=|>)\s*(\S+)|", found["rest"], re.IGNORECASE)
    if wanted is None:
        raise usage
    cells = find_cells(test.program, "counter", found["name"], parts[1][1])
    index = _cell_index(test, found["index"], cells.size, parts[1][1])
    names = {unit: name for name, unit in cell_names(cells).items()}
    unit = (wanted[2] or ("packets" if "packets" in names else next(iter(names)))).lower()
    if unit not in names:
        raise InputError.at(span, f"{cells.name} does not count {unit}")
    if wanted[3] is None:
        return
    value = test.machine.cell(names[unit], index)
    test.checks += 1
    if value is None:
        raise Unsupported("a counter of a machine that does not tell", span)
    if not _OPERATORS[wanted[3]](value, number(wanted[4], parts[-1][1])):
        asked = f"{wanted[3]} {wanted[4]}"
        test.mismatches.append(Mismatch(f"counter {names[unit]} holds {value} at {index}, expected {asked}", span))


def _cell_index(test: _Test, text: str, size: int | None, span: Span) -> int:
    """The cell's number; an entry's, in the order in which entries win, where the table counts its hits."""
    if not text.startswith("$"):
        index = number(text, span)
        if size is not None and not 0 <= index < size:
            raise InputError.at(span, f"the counter has {size} cells, so none has the number {index}")
        return index
    table, which = test.installed.named(text, span)
    entry = test.installed.builder.installed(table)[which].rule
    return next(i for i, rule in enumerate(test.current().of(table.control_name)) if rule.span == entry.span)
