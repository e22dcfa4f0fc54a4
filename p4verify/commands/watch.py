"""``p4verify watch``: a pair whose rules and entries come and go, with a verdict after every change."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from io import BytesIO
from typing import Any, BinaryIO, Final

from ..checks import Checker
from ..inputs import read_artifact, read_bytes, read_program, read_rules
from ..proofs.engine import Engine
from ..proofs.execution import Execution
from ..proofs.verdict import Proof, Verdict
from ..results import Result, exit_code
from ..scale.watching import Answer, ArtifactSide, Asked, RulesSide, Watched
from ..semantics.rules.read import lowest_first
from ..semantics.source import InputError, Span
from .common import Progress, source_options
from .solving import execution

LONGEST: Final = 1 << 24
"""Bytes of one line of changes."""
ADD, REMOVE = "add", "remove"


def run(arguments: argparse.Namespace) -> int:
    """Check the pair, then read changes and answer each; the exit code is that of all answers together."""
    progress = Progress(arguments.quiet)
    worst: dict[Verdict, Result] = {}
    try:
        with execution(arguments) as where:
            from_stdin = arguments.changes == "-"
            lines = sys.stdin.buffer if from_stdin else BytesIO(read_bytes(arguments.changes))
            pair = _Pair(arguments, progress, where)
            for result, text in pair.answers(lines):
                progress.done()
                worst.setdefault(result.verdict, result)
                print(text, flush=True)
    finally:
        progress.done()
    return exit_code(list(worst.values()))


class _Pair:
    """What is watched, as the arguments say."""

    def __init__(self, arguments: argparse.Namespace, progress: Progress, where: Execution) -> None:
        self._arguments = arguments
        self._progress = progress
        self._where = where
        self._file = "stdin" if arguments.changes == "-" else arguments.changes
        self._first, self._second = self._sides()
        self._label = self._second.target.name
        if isinstance(self._first, ArtifactSide):
            self._label = f"{self._first.target.name} = {self._label}"
        names = ("rules", "artifact") if isinstance(self._first, RulesSide) else ("first", "second")
        self._names: dict[str, int] = {name: number for number, name in enumerate(names)}
        self._watched = Watched(
            (self._first, self._second), self._engine, self._otherwise,
            machines_confirm=not arguments.no_machines, open_from=arguments.open_from,
        )  # fmt: skip

    def answers(self, lines: BinaryIO) -> Iterator[tuple[Result, str]]:
        """The answer to the pair as it is, and then to each line of changes, with what is printed. Raises
        InputError."""
        yield self._told(self._watched.whole(), 0, None)
        number = 0
        while line := lines.readline(LONGEST + 1):
            number += 1
            place = Span(self._file, number, 1)
            if len(line) > LONGEST:
                raise InputError.at(place, f"is longer than {LONGEST >> 20} MiB")
            if line.strip():
                asked, name = self._asked(line, place)
                yield self._told(self._watched.change(asked, place), number, name)

    def _told(self, answer: Answer, line: int, name: Any) -> tuple[Result, str]:
        result = Result(self._label, self._second.path, answer.proof)
        said = {"version": 1, "line": line, "id": name, "checked": answer.how, **result.to_json()}
        return result, json.dumps(said)

    def _asked(self, line: bytes, place: Span) -> tuple[Mapping[int, Asked], Any]:
        """What a line asks for, by side, and its ``id``. Raises InputError."""
        try:
            given = json.loads(line)
        except (ValueError, RecursionError) as error:
            column = error.colno if isinstance(error, json.JSONDecodeError) else 1
            text = f"is no JSON: {error.msg if isinstance(error, json.JSONDecodeError) else error}"
            raise InputError.at(Span(place.file, place.line, column), text) from None
        sides = " and ".join(f"'{name}'" for name in self._names)
        if not isinstance(given, dict) or not given.keys() <= {"id", *self._names} or not given.keys() - {"id"}:
            raise InputError.at(place, f"is no object with {sides} (and 'id')")
        asked = {number: _texts(given[name], name, place) for name, number in self._names.items() if name in given}
        return asked, given.get("id")

    def _sides(self) -> tuple[RulesSide | ArtifactSide, ArtifactSide]:
        arguments, nowhere = self._arguments, Span("", 0, 0)
        wanted = 1 if arguments.program is not None else 2
        if len(arguments.against) != wanted or (arguments.program is None) != (arguments.rules is None):
            text = "give a PROGRAM with --rules and one --against, or two artifacts with --against"
            raise InputError.at(nowhere, text)
        *before, last = [read_artifact(spec) for spec in arguments.against]
        second = ArtifactSide(1, *last)
        if before:
            return ArtifactSide(0, *before[0]), second
        program = read_program(arguments.program, source_options(arguments))
        rules = read_rules(arguments.rules, program)
        lowest = lowest_first(read_bytes(arguments.rules).decode())
        return RulesSide(0, program, rules, lowest=lowest), second

    def _engine(self) -> Engine:
        return Engine.within(
            self._arguments.timeout, lambda line: self._progress(f"{self._label}: {line}"), self._where
        )

    def _otherwise(self) -> Proof:
        """The check with all entries in terms."""
        first, second, machines = self._first, self._second, not self._arguments.no_machines
        program, rules = (first.program, first.rules) if isinstance(first, RulesSide) else (None, None)
        checker = Checker(program, rules, self._arguments.timeout, self._progress, machines, self._where)
        here = second.target, second.artifact, second.path
        if isinstance(first, RulesSide):
            return checker.check_artifact(*here).proof
        return checker.check_two((first.target, first.artifact, first.path), here).proof


def _texts(given: Any, name: str, place: Span) -> Asked:
    if not isinstance(given, dict) or not given.keys() <= {ADD, REMOVE} or not all(map(_is_texts, given.values())):
        raise InputError.at(place, f"'{name}' is no object with lists of texts '{ADD}' and '{REMOVE}'")
    return Asked(given.get(ADD, ()), given.get(REMOVE, ()))


def _is_texts(given: Any) -> bool:
    return isinstance(given, list) and all(isinstance(text, str) for text in given)
