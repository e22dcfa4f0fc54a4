"""``p4verify offload``."""

from __future__ import annotations

import argparse
import time
from typing import Any

from ..inputs import read_artifact
from ..offload import Division, check_division
from ..proofs.engine import Engine
from ..proofs.execution import Execution
from ..proofs.verdict import Proof, Verdict
from ..report import render
from ..results import Result, exit_code
from ..semantics.source import InputError, Span, Unsupported
from ..targets.base import Target
from ..targets.offload import DEFAULT_DEVICE, Offloads, held
from .common import Progress, emit
from .solving import execution


def run(arguments: argparse.Namespace) -> int:
    """Check, report, and give the exit code."""
    given = _given(arguments)
    progress = Progress(arguments.quiet)
    try:
        with execution(arguments) as where:
            results = [_checked(given, arguments, progress, where)]
    finally:
        progress.done()
    emit(render(arguments.format, None, results), arguments.output)
    return exit_code(results)


Given = tuple[Target, Any, frozenset[int], str]
"""A target, an artifact of it, its entries that are in hardware, and the file that it is in."""


def _given(arguments: argparse.Namespace) -> Given:
    """What is to be judged, and the file that it is in. Raises InputError."""
    target, artifact, path = read_artifact(arguments.artifact)
    if not isinstance(target, Offloads):
        text = f"is an artifact of {target.name}, which has no lists of which a device holds a part (flower, u32)"
        raise InputError.at(Span(path, 0, 0), text)
    entries = target.entries(artifact)
    inside = held(entries)
    if isinstance(inside, int):
        text = "nothing says whether this filter is in hardware (in_hw, not_in_hw, skip_sw, skip_hw)"
        raise InputError.at(entries[inside].span, text)
    return target, artifact, inside, path


def _checked(given: Given, arguments: argparse.Namespace, progress: Progress, where: Execution) -> Result:
    started = time.monotonic()
    target, artifact, inside, path = given
    label = f"{target.name} offload"
    engine = Engine.within(arguments.timeout, lambda line: progress(f"{label}: {line}"), where)
    division = Division(target, artifact, inside, DEFAULT_DEVICE, engine, not arguments.no_machines)
    try:
        proof = check_division(division, started)
    except Unsupported as error:
        proof = Proof(Verdict.UNSUPPORTED, error.reason, where=error.span, seconds=time.monotonic() - started)
    return Result(label, path, proof)
