"""Objects that carry their p4ast, with either half changed: what ``check`` says of the file, and what is so.

Whether a mutant of the code differs is seen on the kernel (:mod:`.mutation`); whether one of the metadata does, by
running both programs on the same frames with the same rules.
"""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from p4verify import targets
from p4verify.checks import Checker
from p4verify.inputs import embedded, read_carried
from p4verify.results import Result
from p4verify.running.entries import random_rules
from p4verify.running.ethernet import frame, with_checksum
from p4verify.running.rules import constants_of
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.rules.build import default_call
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import Target
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.artifact.shortest import declared

from .mutation import PORTS, Packets, Subject
from .pair_mutation import Mutant, mutants

SHORTEST = 18
"""Bytes of the shortest frame that programs are run on: one of 14 with a tag, which tc may have put beside it."""


def check_file(target: Target, artifact: Any, program: ir.Program, timeout: float, *, machines: bool = False) -> Result:
    """What ``p4verify check FILE`` says, where the file is ``artifact`` with ``program`` in it.

    Raises:
        InputError: the file is not usable.
    """
    with tempfile.NamedTemporaryFile(suffix=".o") as file:
        Path(file.name).write_bytes(target.write(embedded(target, artifact, program)))
        carried = read_carried(file.name)
    assert carried is not None
    checker = Checker(carried.program, None, timeout=timeout, machines_confirm=machines)
    return checker.check_artifact(carried.target, carried.artifact, carried.path)


class FromFile(Checker):
    """A checker that takes the program out of the artifact's file, as ``check FILE`` does."""

    def check_artifact(self, target: Target, artifact: Any, path: str | None, label: str | None = None) -> Result:
        assert self.program is not None
        return check_file(target, artifact, self.program, self.timeout or 20, machines=True)


def from_file(made: Subject) -> Subject:
    """The subject, judged by its file alone."""
    return replace(made, checker=FromFile(made.program, None, timeout=made.checker.timeout))


@dataclass(frozen=True)
class Described:
    """One mutant of the metadata: the verdict on the file, and how the two programs were seen to differ."""

    mutant: Mutant
    verdict: str
    reason: str
    confirmed: tuple[str, ...]
    differs: str | None
    seconds: float

    @property
    def wrong(self) -> str | None:
        """What is wrong with the verdict, if anything."""
        if self.verdict == "accept" and self.differs:
            return "WRONG ACCEPT"
        if self.verdict not in ("reject", "invalid") and self.differs:
            return "missed"
        return None


def described(
    program: ir.Program,
    artifact: BpfObject,
    rng: random.Random,
    count: int,
    packets: int,
    timeout: float,
    skip: int = 0,
    known: Sequence[tuple[RuleSet, Packets]] = (),
) -> Iterator[Described]:
    """Up to ``count`` mutants of the metadata in ``artifact``, which was lowered from ``program``; not the first
    ``skip``. They are run on ``packets`` frames, and on those that are ``known`` under these rules."""
    target = targets.find("ebpf")
    for mutant in mutants(program, rng, skip + count)[skip:]:
        started = time.monotonic()
        differs = difference(program, mutant.program, rng, packets, declared(artifact) or SHORTEST, known)
        try:
            proof = check_file(target, artifact, mutant.program, timeout, machines=True).proof
        except InputError as error:
            yield Described(mutant, "invalid", str(error), (), differs, time.monotonic() - started)
            continue
        by = proof.counterexample.confirmed_by if proof.counterexample else ()
        seconds = time.monotonic() - started
        yield Described(mutant, proof.verdict.value, proof.reason, tuple(by), differs, seconds)


def difference(
    first: ir.Program,
    second: ir.Program,
    rng: random.Random,
    packets: int,
    shortest: int = SHORTEST,
    known: Sequence[tuple[RuleSet, Packets]] = (),
) -> str | None:
    """A frame that both take, and on which nothing undefined is read, with two answers under the same rules.

    The rules say what a table does by default wherever rules can: an object holds that in a map, which is filled with
    the default action of the program that describes it, whatever program that is.
    """
    numbers = constants_of(first)
    for rules, frames in known:
        found = _differing(first, second, rules, (one for one in frames if len(one[1]) >= shortest))
        if found is not None:
            return found
    for _ in range(4):
        rules = random_rules(first, rng.getrandbits(32), numbers)
        found = _differing(first, second, rules, _frames(rng, packets // 4, numbers, shortest))
        if found is not None:
            return found
    return None


def _frames(rng: random.Random, count: int, numbers: Sequence[int], shortest: int) -> Iterator[tuple[int, bytes]]:
    """So many, without those that a hook is not given."""
    for _ in range(count):
        data, port = frame(rng, numbers), rng.choice(PORTS)
        data = with_checksum(data) if rng.random() < 0.5 else data
        if len(data) >= shortest:
            yield port, data


def _differing(
    first: ir.Program, second: ir.Program, rules: RuleSet, packets: Iterable[tuple[int, bytes]]
) -> str | None:
    """The first packet with two answers; None also if one of the two cannot be run."""
    filled = _with_defaults(first, rules)
    for port, data in packets:
        try:
            left, right = (run(p, filled, data, port) for p in (first, second))
        except (Unsupported, InputError, ValueError):
            return None
        if not (left.undefined or right.undefined) and left.outputs != right.outputs:
            return f"port {port}, frame {data.hex()}: {left.outputs} {right.outputs}"
    return None


def _with_defaults(program: ir.Program, rules: RuleSet) -> RuleSet:
    """The rules with the program's own default actions said, of tables that list them and let rules change them; those
    that a table does not list cannot be told to another program."""
    tables = {table.control_name: table for _, table in program.tables()}
    said = {
        name: default_call(program, table)
        for name, table in tables.items()
        if not table.const_default and _lists(table, table.default.action)
    }
    kept = {name: call for name, call in rules.defaults.items() if _lists(tables[name], call.action)}
    return replace(rules, defaults={**said, **kept})


def _lists(table: ir.Table, action: str) -> bool:
    return any(ref.action == action for ref in table.actions)


def lowered(programs: Mapping[str, ir.Program], hooks: tuple[str, ...] = ("tc", "xdp")) -> Iterator[Any]:
    """``(label, program, object)`` for all that can be lowered."""
    target = targets.find("ebpf")
    for name, program in programs.items():
        for hook in hooks:
            yield f"{name} {hook}", program, target.lower(program, None, {"hook": hook})
