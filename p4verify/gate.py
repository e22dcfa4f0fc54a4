"""The CI gate: a ``p4verify.toml`` names programs, targets, artifacts and rules; the gate checks all of them.

::

    [report]                      # optional
    junit = "build/p4verify.xml"
    sarif = "build/p4verify.sarif"

    [[check]]
    program = "acl.p4"            # paths are relative to the file
    targets = ["ebpf", "u32"]     # default: none if `against` is given, else every built-in target
    against = ["installed.tc"]    # artifacts made elsewhere, other P4 programs
    map = "names.toml"            # --map: of what is in `against`
    rules = "acl.rules"           # default: every rule set
    include = ["include"]         # -I
    define = ["NAME=1"]           # -D
    arch = "v1model"              # --arch
    assume = ["hdr.ip.ttl > 1"]   # --assume
    devices = ["eth0=1"]          # --device: which ports devices are that tc filters in `against` name
    timeout = 60                  # seconds for each comparison
    expect = "accept"             # accept (default) | reject | unsupported | undecided: what counts as passing,
                                  # or a table from target to verdict: { ebpf = "accept", u32 = "unsupported" }

A check whose verdict is the expected one passes whatever it is, so a known limit can be written down and is noticed
when it goes away.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any, Final

from .checks import Checker
from .inputs import (
    SourceOptions,
    all_targets,
    looks_like_p4,
    parse_devices,
    read_artifact,
    read_assumptions,
    read_bytes,
    read_carried,
    read_program,
    read_rules,
    with_mapping,
)
from .mapping import NOTHING_SAID, read_map
from .proofs.execution import Execution
from .proofs.verdict import Verdict
from .results import Result
from .semantics import ir
from .semantics.source import InputError, Span

CHECK_KEYS: Final = frozenset(
    {
        "program",
        "targets",
        "against",
        "map",
        "rules",
        "include",
        "define",
        "arch",
        "timeout",
        "expect",
        "assume",
        "devices",
    }
)
VERDICTS: Final = tuple(v.value for v in Verdict)


@dataclass(frozen=True)
class Check:
    """One ``[[check]]``, with paths resolved."""

    program: str
    targets: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    rules: str | None = None
    options: SourceOptions = SourceOptions()
    timeout: float | None = None
    map: str | None = None
    assume: tuple[str, ...] = ()
    devices: Mapping[str, int] = field(default_factory=dict)
    expect: Mapping[str, str] = field(default_factory=dict)
    """Result's target → expected verdict; "" is for all others."""

    def expected(self, result: Result) -> str:
        """The verdict that lets ``result`` pass."""
        return self.expect.get(result.target, self.expect.get("", Verdict.ACCEPT.value))


@dataclass(frozen=True)
class Config:
    """A whole ``p4verify.toml``."""

    checks: tuple[Check, ...]
    junit: str | None = None
    sarif: str | None = None


def read_config(path: str) -> Config:
    """Read and check a configuration. Raises InputError naming the file and the key."""
    try:
        data = tomllib.loads(read_bytes(path).decode())
    except UnicodeDecodeError as error:
        raise InputError.at(Span(path, 0, 0), f"is not UTF-8 text (byte {error.start})") from None
    except tomllib.TOMLDecodeError as error:
        raise InputError.at(Span(path, 0, 0), f"is not TOML: {error}") from None
    reader = _Reader(path)
    reader.only(data, frozenset({"check", "report"}), "the file")
    report = reader.table(data, "report", "the file")
    reader.only(report, frozenset({"junit", "sarif"}), "[report]")
    rows = data.get("check")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise reader.error("there is no [[check]]")
    checks = tuple(reader.check(row, f"[[check]] number {i + 1}") for i, row in enumerate(rows))
    return Config(checks, reader.path(report, "junit", "[report]"), reader.path(report, "sarif", "[report]"))


@dataclass(frozen=True)
class _Reader:
    """Typed access to a parsed TOML file; every error names the file and the key."""

    file: str

    def error(self, message: str) -> InputError:
        return InputError.at(Span(self.file, 0, 0), message)

    def only(self, table: Mapping[str, Any], keys: frozenset[str], where: str) -> None:
        for key in table:
            if key not in keys:
                raise self.error(f"{where}: unknown key '{key}' (known: {', '.join(sorted(keys))})")

    def table(self, table: Mapping[str, Any], key: str, where: str) -> Mapping[str, Any]:
        value = table.get(key, {})
        if not isinstance(value, dict):
            raise self.error(f"{where}: '{key}' is not a table")
        return value

    def text(self, table: Mapping[str, Any], key: str, where: str) -> str | None:
        value = table.get(key)
        if value is not None and not isinstance(value, str):
            raise self.error(f"{where}: '{key}' is not a string")
        return value

    def path(self, table: Mapping[str, Any], key: str, where: str) -> str | None:
        value = self.text(table, key, where)
        return None if value is None else self.beside(value)

    def beside(self, name: str) -> str:
        """A path relative to the configuration's folder."""
        return str(Path(self.file).parent / name)

    def texts(self, table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
        value = table.get(key, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.error(f"{where}: '{key}' is not a list of strings")
        return tuple(value)

    def check(self, row: Mapping[str, Any], where: str) -> Check:
        self.only(row, CHECK_KEYS, where)
        program = self.path(row, "program", where)
        if program is None:
            raise self.error(f"{where}: 'program' is missing")
        includes = tuple(self.beside(name) for name in self.texts(row, "include", where))
        options = SourceOptions(includes, self.texts(row, "define", where), self.text(row, "arch", where))
        against = tuple(self._artifact(spec) for spec in self.texts(row, "against", where))
        return Check(program, self.texts(row, "targets", where), against, self.path(row, "rules", where), options,
                     self._timeout(row, where), self.path(row, "map", where), self.texts(row, "assume", where),
                     parse_devices(self.texts(row, "devices", where)), self._expect(row, where))  # fmt: skip

    def _artifact(self, spec: str) -> str:
        """``PATH`` or ``KIND:PATH``, the path beside the configuration."""
        from . import targets

        kind, colon, rest = spec.partition(":")
        return f"{kind}:{self.beside(rest)}" if colon and kind in targets.names() else self.beside(spec)

    def _timeout(self, row: Mapping[str, Any], where: str) -> float | None:
        value = row.get("timeout")
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < inf:
            raise self.error(f"{where}: 'timeout' is not a number of seconds above 0")
        return float(value)

    def _expect(self, row: Mapping[str, Any], where: str) -> dict[str, str]:
        value = row.get("expect", {})
        table = {"": value} if isinstance(value, str) else value
        if not isinstance(table, dict):
            raise self.error(f"{where}: 'expect' is neither a verdict nor a table")
        for name, verdict in table.items():
            if verdict not in VERDICTS:
                raise self.error(f"{where}: 'expect' {name}: '{verdict}' is none of {', '.join(VERDICTS)}")
        return dict(table)


@dataclass(frozen=True)
class Ran:
    """A check with its results."""

    check: Check
    results: tuple[Result, ...]

    def unexpected(self) -> list[Result]:
        """Results whose verdict is not the expected one."""
        return [r for r in self.results if r.verdict.value != self.check.expected(r)]

    def unused(self) -> list[str]:
        """Expectations that name a target of which there is no result: a typing mistake must not pass silently."""
        return [name for name in self.check.expect if name and name not in {r.target for r in self.results}]


def run_checks(config: Config, progress: Callable[[str], None], execution: Execution) -> list[Ran]:
    """Every check, in order. Raises InputError for the first input that cannot be used."""
    return [run_check(check, progress, execution) for check in config.checks]


def run_check(check: Check, progress: Callable[[str], None], execution: Execution) -> Ran:
    """One check. Raises InputError for an input that cannot be used."""
    carried = read_carried(check.program)
    program = carried.program if carried else read_program(check.program, check.options)
    rules = read_rules(check.rules, program) if check.rules else None
    assumed, restrictions = read_assumptions(check.program, program, check.options, check.assume)
    if rules is not None and restrictions is not None:
        restrictions.refuse(rules)

    def told(line: str) -> None:
        progress(f"{check.program}: {line}")

    checker = Checker(
        program, rules, check.timeout, told, execution=execution, assumed=assumed, restrictions=restrictions
    )
    results: list[Result] = checker.check_assertions()
    if carried:
        results.append(checker.check_artifact(carried.target, carried.artifact, carried.path))
    if check.targets or not (check.against or carried):
        results += [checker.check_lowered(t, options) for t, options in all_targets(check.targets)]
    results += _against(check, program, checker)
    return Ran(check, (*results, *checker.check_agreement()))


def _against(check: Check, program: ir.Program, checker: Checker) -> Iterator[Result]:
    """What was made elsewhere, each with the same ``map``: of another program, or of an artifact's maps."""
    if check.map is not None and not check.against:
        raise InputError.at(Span(check.map, 0, 0), "'map' needs something in 'against' that it relates to the program")
    for spec in check.against:
        if looks_like_p4(spec):
            said = NOTHING_SAID if check.map is None else read_map(read_bytes(check.map), check.map)
            yield checker.check_program(read_program(spec, check.options), spec, said=said)
            continue
        given = read_artifact(spec, check.devices)
        if check.map is not None:
            given = with_mapping(given, check.map, program)
        yield checker.check_artifact(*given)
