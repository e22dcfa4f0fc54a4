"""Programs with STF tests beside them, and how far each gets on the kernel."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from p4verify import targets
from p4verify.commands.stf import Real
from p4verify.running.ethernet import frame
from p4verify.running.rules import constants_of
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import Reference, Sent, run_stf
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle, Refused

from .taken import taken

TARGET: Final = targets.find("ebpf")
KERNEL_STAGES: Final = ("refused", "lowered", "loaded", "passed")


WAYS: Final = {
    "xdp60": {"hook": "xdp", "min_frame": "60", "port0": "1000"},
    "xdp": {"hook": "xdp"},
    "tc": {"hook": "tc"},
    "tc0": {"hook": "tc", "port0": "1000", "untagged": "1"},
}
"""How programs are lowered: at XDP for frames of at least 60 bytes, to which those of a test are padded, with
interfaces numbered from 1000 on; at XDP; at tc; at tc for frames without VLAN tags, interfaces from 1000 on."""


@dataclass(frozen=True)
class StfProgram:
    """A program, and its test."""

    path: Path
    program: ir.Program
    test: Path


@dataclass(frozen=True)
class Reached:
    """The stage that a program got to, and what stopped it ("" if nothing did)."""

    stage: str
    reason: str = ""


def programs(folders: Sequence[Path], only: str = "") -> Iterator[StfProgram]:
    """Those whose test passes on the reference (the program's meaning)."""
    for test in sorted(test for folder in folders for test in folder.glob("*.stf")):
        source = test.with_suffix(".p4")
        if not re.search(only, test.name) or not source.is_file():
            continue
        try:
            program = load_program(str(source))
            if run_stf(program, test.read_text(), test.name).passed:
                yield StfProgram(source, program, test)
        except (InputError, Unsupported):
            continue


def on_kernel(item: StfProgram, options: dict[str, str], oracle: KernelOracle) -> Reached:
    """How far the program gets when it is lowered with these options."""
    try:
        made = lower(item.program, None, options)
    except CannotOffload as refusal:
        return Reached("refused", refusal.reason)
    try:
        taken(made, options["hook"])
    except (Refused, OSError) as error:
        return Reached("lowered", str(error).strip().splitlines()[-1])
    machine = Real(item.program, TARGET, options, oracle)
    try:
        result = run_stf(item.program, item.test.read_text(), item.test.name, machine)
    except (CannotOffload, Unsupported) as problem:
        return Reached("loaded", problem.reason)
    except InputError as problem:
        return Reached("loaded", problem.diagnostics[0].message.strip().splitlines()[-1])
    if not result.passed:
        return Reached("loaded", f"the test fails: {result.mismatches[0]}")
    return Reached("passed")


def best(item: StfProgram, oracle: KernelOracle) -> Reached:
    """How far the program gets in the way in which it gets furthest."""
    found: list[Reached] = []
    for options in WAYS.values():
        found.append(on_kernel(item, options, oracle))
        if found[-1].stage == KERNEL_STAGES[-1]:
            break
    return max(found, key=lambda reached: KERNEL_STAGES.index(reached.stage))


@dataclass
class Played(Reference):
    """What a test installs and sends: its last rules, and every frame with its port."""

    rules: RuleSet = field(default_factory=lambda: RuleSet({}))
    frames: list[tuple[int, bytes]] = field(default_factory=list)

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See :class:`~p4verify.semantics.meaning.stf.Machine`."""
        self.rules = rules
        self.frames.append((port, packet))
        return super().send(packet, port, rules)


def played(item: StfProgram) -> Played:
    """The test, run on the program's meaning."""
    machine = Played(item.program)
    run_stf(item.program, item.test.read_text(), item.test.name, machine)
    return machine


class FramesNear:
    """Frames of a test, frames near them, and others, none of them shorter than ``shortest`` bytes."""

    def __init__(self, item: StfProgram, test: Played, shortest: int) -> None:
        self._test, self._shortest = test, shortest
        self._numbers = constants_of(item.program)

    def __call__(self, rng: random.Random, rules: RuleSet, count: int) -> list[tuple[int, bytes]]:
        """So many, those of the test first."""
        made = self._test.frames[:count]
        made = made + [self._one(rng) for _ in range(count - len(made))]
        return [(port, data.ljust(self._shortest, b"\0")) for port, data in made]

    def _one(self, rng: random.Random) -> tuple[int, bytes]:
        if not self._test.frames or rng.random() < 0.3:
            return rng.choice((2, 3, *(port for port, _ in self._test.frames))), frame(rng, self._numbers)
        port, data = rng.choice(self._test.frames)
        changed = bytearray(data + rng.randbytes(rng.choice((0, 0, 0, 1, 40))))
        for _ in range(rng.choice((0, 1, 1, 2, 4))):
            at = rng.randrange(len(changed) or 1)
            changed[at : at + 1] = bytes([rng.choice((rng.getrandbits(8), changed[at] ^ 1 << rng.randrange(8)))])
        return port, bytes(changed[: rng.choice((len(changed), len(changed), rng.randrange(len(changed) + 1)))])
