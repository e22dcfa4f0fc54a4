"""A counterexample as an STF test: the first program passes it, the second one does not.

The test is run on both before it is given to anybody. What an STF test cannot say (values of undefined reads, times and
other inputs, what state holds afterwards save for counters) makes it fail there, and the reason is given instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from .proofs.counterexample import Input
from .proofs.verdict import Observed
from .realise import describe
from .semantics import ir
from .semantics.meaning.stf import Reference, Sent, run_stf
from .semantics.p4info.names import param_name
from .semantics.rules.build import match_keys, needs_priority
from .semantics.rules.cells import cell_names, find_cells_of
from .semantics.rules.profiles import implementation_name
from .semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, RuleSet, Ternary, one_action
from .semantics.source import InputError, Unsupported

NAME = "counterexample.stf"
LARGEST_DEFAULT = 64
"""Cells of a register that are written one by one where every cell but some holds a value."""


@dataclass(frozen=True)
class Test:
    """An STF test, or why there is none."""

    text: str = ""
    why_not: str = ""


def stf_test(
    first: ir.Program, second: ir.Program | None, rules: RuleSet, given: Input, expected: Observed, actual: Observed,
    theirs: RuleSet | None = None,
) -> Test:  # fmt: skip
    """A test that ``first`` passes and ``second`` does not (None: a machine, of which only ``first`` can be asked).

    Args:
        first: the program that says what is right.
        second: the other program.
        rules: what has to be installed, in the first one's names.
        given: packet, port, and what state holds before.
        expected: what the first does, and ...
        actual: ... the second.
        theirs: what has to be installed in the second one, where the same lines do not do.
    """
    why = ""
    for written in (_stf_rules, describe):
        test = _with_rules(written, first, second, rules, given, expected, actual, theirs)
        if test.text:
            return test
        why = why or test.why_not
    return Test(why_not=why)


Written = Callable[[RuleSet, ir.Program], Sequence[str]]
"""Rules as lines of a test."""


def _with_rules(
    written: Written, first: ir.Program, second: ir.Program | None, rules: RuleSet, given: Input, expected: Observed,
    actual: Observed, theirs: RuleSet | None,
) -> Test:  # fmt: skip
    try:
        packet = f"packet {given.port} {given.packet.hex()}".strip()
        rule_lines = written(rules, first)
        lines = [*rule_lines, *_registers(first, given), packet]
        answers, found = Reference(first), list[Sent]()
        run_stf(first, _text(lines), NAME, _Asked(answers, found))
        wanted = [f"expect {given.port if to == 'stack' else port} {frame.hex()}$" for to, port, frame in found]
        lines += [*(wanted or ["no_packet"]), *_counters(first, answers, expected, actual)]
        text = shown = _text(lines)
        if not run_stf(first, text, NAME).passed:
            return Test(why_not="the first program does not pass it")
        if second is not None and theirs is not None:  # the rest is the same
            shown = _text([*written(theirs, second), *lines[len(rule_lines) :]])
        if second is not None and run_stf(second, shown, NAME).passed:
            return Test(why_not="both programs pass it: the difference needs an undefined value, an input or a state "
                        "that a test cannot set or see")  # fmt: skip
    except InputError as problem:
        return Test(why_not=f"a line of it is not understood: {problem.diagnostics[0].message}")
    except (Unsupported, ValueError) as problem:
        return Test(why_not=str(problem))
    return Test(text)


# --- lines ----------------------------------------------------------------------------------------------------------


def _stf_rules(rules: RuleSet, program: ir.Program) -> list[str]:
    """The rules as ``add`` and ``setdefault`` lines; where there are action profiles, groups or sessions as
    BMv2's command line takes them."""
    tables = {table.control_name: (control, table) for control, table in program.tables()}
    profiles = {name for name, (_, table) in tables.items() if implementation_name(program, table) is not None}
    lines = list(describe(_only(rules, profiles), program))
    for name, answer in rules.defaults.items():
        if name not in profiles:
            lines.append(f"setdefault {_quoted(name)} {_action_text(tables[name][0], one_action(answer))}")
    for name, entries in rules.entries.items():
        if name in profiles:
            continue
        control, table = tables[name]
        source = {entry.span for entry in table.entries}
        for left, rule in zip(range(len(entries), 0, -1), entries, strict=True):
            if not (rule.span.file and rule.span in source):
                priority = f" {left}" if needs_priority(table) else ""
                keys = "".join(f" {_match_text(k, m)}" for k, m in zip(match_keys(table), rule.matches, strict=True))
                lines.append(f"add {_quoted(name)}{priority}{keys} {_action_text(control, rule.call)}")
    return lines


def _only(rules: RuleSet, tables: set[str]) -> RuleSet:
    entries = {name: e for name, e in rules.entries.items() if name in tables}
    return replace(rules, entries=entries, defaults={n: d for n, d in rules.defaults.items() if n in tables})


def _quoted(name: str) -> str:
    return name if re.fullmatch(r"[\w.]+", name) else f'"{name}"'


def _action_text(control: ir.Control, call: ActionCall) -> str:
    action = next(a for a in control.actions if a.name == call.action)
    names = [param_name(p) for p in action.params if not p.direction]
    given = ", ".join(f"{name}:{value:#x}" for name, value in zip(names, call.args, strict=True))
    return f"{_quoted(action.control_name)}({given})"


def _match_text(key: ir.Key, match: Match) -> str:
    name = _quoted(key.name)
    match match:
        case Exact(value):
            return f"{name}:{value:#x}"
        case Lpm(value, length):
            return f"{name}:{value:#x}/{length}"
        case Ternary(value, mask):
            return f"{name}:{value:#x}&&&{mask:#x}"
        case Range(low, high):
            return f"{name}:{low:#x}->{high:#x}"


def _text(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


class _Asked:
    """A machine that keeps what it sent."""

    def __init__(self, machine: Reference, sent: list[Sent]) -> None:
        self._machine, self._sent = machine, sent
        self.cell, self.write, self.reset = machine.cell, machine.write, machine.reset
        self.installed = machine.installed

    def send(self, packet: bytes, port: int, rules: RuleSet) -> list[Sent]:
        """See :class:`.semantics.meaning.stf.Machine`."""
        self._sent += self._machine.send(packet, port, rules)
        return self._sent


def _registers(program: ir.Program, given: Input) -> Iterator[str]:
    """What registers hold before the packet."""
    for cells in find_cells_of(program, "register"):
        table = given.model.functions.get(f"state.{cells.name}", {})
        known = {key[0]: value for key, value in table.items() if key is not None}
        rest = table.get(None, 0)
        if rest and cells.size is not None and cells.size <= LARGEST_DEFAULT:
            known = {i: known.get(i, rest) for i in range(cells.size)}
        for index, value in sorted(known.items()):
            if value and (cells.size is None or index < cells.size):
                yield f"register_write {cells.name} {index} {value:#x}"


def _counters(program: ir.Program, machine: Reference, expected: Observed, actual: Observed) -> Iterator[str]:
    """What differing counters hold afterwards (before, each holds 0)."""
    for cells in find_cells_of(program, "counter"):
        for name, unit in cell_names(cells).items():
            for index, value in expected.state.get(name, {}).items():
                if actual.state.get(name, {}).get(index, value) != value:
                    yield f"check_counter {cells.name}({index}) {unit} == {machine.cell(name, index)}"
