"""Programs with STF tests beside them, and how far each gets on the kernel."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from p4verify import targets
from p4verify.commands.stf import Real
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import run_stf
from p4verify.semantics.p4.frontend import load_program
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
